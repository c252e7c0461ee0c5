"""From the bytes of a request to a document and what is asked of it."""
