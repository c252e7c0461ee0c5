"""Load on a server: how it is offered, what came of it, what that means."""
