"""What ``ocrgate read`` is made of: inputs, outputs, progress, and the reading itself."""
