"""What ``ocrgate doctor`` looks at."""
