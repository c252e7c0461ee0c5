"""A simulated vLLM behind HTTP: its routes, its error bodies, its metrics, in real time."""
