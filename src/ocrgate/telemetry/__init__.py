"""What the server says about itself: metrics, logs, traces."""
