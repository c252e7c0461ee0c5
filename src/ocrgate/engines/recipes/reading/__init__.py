"""What models write, read: pure functions from an answer to blocks, each linear in its length."""
