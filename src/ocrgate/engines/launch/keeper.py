"""Runs one server so that nothing of it outlives us. A script: stdlib only, no import of ocrgate.

vLLM is several processes, and they hold the GPU. This small one stands between us and them:

* its standard input is a pipe from us. When that closes, because we end or are killed, so does
  everything below. ``T`` in the pipe sends SIGTERM to the server's first process only;
* it adopts whatever the server leaves behind (a Linux "child subreaper") and ends that too, so a
  restart never finds the last engine's memory still taken;
* it then ends the way the server did: with its exit code, or by its signal.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

if sys.platform != "win32":  # where no vLLM runs, but this is imported
    import resource

GRACE = 2.0  # seconds for what is left behind to end by itself after SIGTERM
LATEST = 10.0  # seconds after which even what survives SIGKILL (a driver call) is left alone

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main(words: list[str]) -> int:
    """Run ``words`` until they end or standard input does; the exit code is theirs."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _ignore)  # not SIG_IGN, which the server would inherit
    bell, ring = os.pipe()
    os.set_blocking(ring, False)
    signal.signal(signal.SIGCHLD, _ignore)
    signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        server = _start(words)
    except OSError as error:
        sys.stderr.write(f"{words[0]}: {error.strerror}\n")
        return 127
    code = _watch(server, bell)
    _sweep(server)
    return _end_like(code)


def _ignore(_number: int, _frame: object) -> None:
    """Signals of a terminal or a service manager are for whoever started us."""


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _start(words: list[str]) -> int:
    return subprocess.Popen(  # noqa: S603 - what the user named
        words,
        stdin=subprocess.DEVNULL,
        process_group=0,
        # Should even this process be killed. It has one thread, so running Python here is safe.
        preexec_fn=lambda: _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509
    ).pid


def _watch(server: int, bell: int) -> int:
    """Pass on commands until the server has ended; its wait status."""
    while (status := _reap(server)) is None:
        ready, _, _ = select.select([0, bell], [], [])
        if bell in ready:
            os.read(bell, 4096)
        if 0 in ready:
            said = os.read(0, 1)
            with contextlib.suppress(ProcessLookupError):
                os.kill(server, signal.SIGTERM if said == b"T" else signal.SIGKILL)
            if said != b"T":
                return _last_status(server)
    return status


def _reap(server: int) -> int | None:
    """Collect whatever has ended; the server's wait status if it was among them."""
    found = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == server:
                found = status
    return found


def _last_status(server: int) -> int:
    end = time.monotonic() + LATEST
    while time.monotonic() < end:
        if (status := _reap(server)) is not None:
            return status
        time.sleep(0.01)
    return int(signal.SIGKILL)


def _sweep(server: int) -> None:
    """End what the server left behind: its process group, and all that was handed to us."""
    _signal_all(server, signal.SIGTERM)
    begun = time.monotonic()
    while _anything_left(server) and time.monotonic() < begun + LATEST:
        if time.monotonic() > begun + GRACE:
            _signal_all(server, signal.SIGKILL)
        time.sleep(0.02)


def _anything_left(server: int) -> bool:
    _reap(server)
    if _children():
        return True
    try:
        os.killpg(server, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _signal_all(server: int, number: int) -> None:
    for pid in _children():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(server, number)


def _children() -> list[int]:
    """Processes directly below this one. Their own children come up when they end."""
    me = os.getpid()
    return [pid for pid in _pids() if _parent(pid) == me]


def _pids() -> list[int]:
    try:
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    except OSError:
        return []  # not Linux: the process group must do


def _parent(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1])  # the name before may hold anything


def _end_like(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return code
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with contextlib.suppress(OSError, ValueError):  # SIGKILL has no handler to reset
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
    return 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
