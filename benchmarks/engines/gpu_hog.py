"""A neighbour that takes all of a GPU's memory that is free, when it is told to.

It says ``ready`` once it has a context, takes all at the first line of its standard input, says
how many MiB it got, and gives everything back at its end. Plain allocations, so that nothing but
an allocation fails in the others.
"""

import sys

import torch

MIB = 2**20


def taken() -> list[torch.Tensor]:
    """As much as there is, in ever smaller pieces."""
    held: list[torch.Tensor] = []
    for size in (1024, 128, 16, 2):
        try:
            while True:
                held.append(torch.empty(size * MIB, dtype=torch.uint8, device="cuda"))
        except torch.OutOfMemoryError:
            continue
    return held


def main() -> None:
    torch.zeros(1, device="cuda")
    print("ready", flush=True)
    sys.stdin.readline()
    held = taken()
    print(sum(one.numel() for one in held) // MIB, flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
