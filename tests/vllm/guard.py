"""Runs a command so that nothing of it outlives whoever asked.

``python guard.py COMMAND…`` starts the command in a session of its own (a Ctrl-C at the terminal
does not reach it), writes its process id as the first line of standard output and ends with its
exit status. When standard input ends, because the parent closed it or died in any way, the whole
process group is killed; so it is when the command ends and leaves children behind.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading


def _kill_when_input_ends(group: int) -> None:
    while os.read(0, 4096):
        pass
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def main() -> int:
    """Run the command of the arguments; return its exit status (negative: the signal)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    command = subprocess.Popen(
        sys.argv[1:], stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True
    )
    sys.stdout.write(f"{command.pid}\n")
    sys.stdout.flush()
    threading.Thread(target=_kill_when_input_ends, args=(command.pid,), daemon=True).start()
    status = command.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(command.pid, signal.SIGKILL)
    return status


if __name__ == "__main__":
    sys.exit(main() & 0xFF)
