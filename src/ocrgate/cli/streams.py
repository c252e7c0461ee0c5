"""Standard input and output as a command finds them: closed, of an odd encoding, or cut off."""

import io
import os
import sys

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def hold_streams() -> None:
    r"""See to it that all three streams are there and that any text can be written.

    What goes into a file or a pipe is UTF-8 whatever the locale; a terminal is written to as it
    understands. Characters that cannot be written, such as those of a file name that is no text,
    appear as ``\udcff``.
    """
    for number, (name, mode) in enumerate(_STREAMS):
        if getattr(sys, name) is None:  # closed by whoever started us: nobody reads or writes it
            _put_nothing(number)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
    if isinstance(sys.stdout, io.TextIOWrapper):
        encoding = None if sys.stdout.isatty() else "utf-8"
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")


def _put_nothing(number: int) -> None:
    # Else the next file that is opened would take this number, and be written to as output.
    nothing = os.open(os.devnull, os.O_RDWR)
    if nothing != number:
        os.dup2(nothing, number)
        os.close(nothing)


def let_go_of_output() -> None:
    """Write nothing more: the reader is gone, and the interpreter would complain at its end."""
    _put_nothing(1)
