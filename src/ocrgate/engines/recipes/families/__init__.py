"""One module per model family: data first."""
