"""What `ocrgate bench` is made of: the order, the run, the summary."""
