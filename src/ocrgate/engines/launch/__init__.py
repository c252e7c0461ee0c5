"""Start `vllm serve`, watch over it, and start it anew when it dies."""
