"""ocrgate: a self-hosted OCR service that stays up when too many people use it at once."""

__version__ = "0.1.0"
