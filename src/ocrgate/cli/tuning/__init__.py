"""The parts of ``ocrgate tune``."""
