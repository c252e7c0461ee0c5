"""How many pages a replica is given at the same time: the limit, and the laws that move it."""
