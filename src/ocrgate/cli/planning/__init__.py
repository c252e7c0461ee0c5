"""The parts of ``ocrgate plan``."""
