"""Finding settings: pure proposals of what to try next, and the shell that tries it."""
