"""A stand-in for ``vllm``: a script that serves, and dies, as it is told.

It is copied to a folder and run there; ``plan.json`` beside it says what each start does. All that
it is given goes to ``starts.jsonl``, all that happens to ``story``.
"""

import contextlib
import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any, ClassVar

HERE = pathlib.Path(__file__).resolve().parent
OOM = "(EngineCore pid=7) ERROR torch.OutOfMemoryError: CUDA out of memory. Tried 2.00 GiB"


def tell(word: str) -> None:
    with (HERE / "story").open("a") as file:
        file.write(f"{word} {os.getpid()}\n")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def flag(name: str, default: str = "") -> str:
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


def die(plan: dict[str, Any]) -> None:
    for line in plan.get("words", []):
        say(line)
    os._exit(plan.get("code", 1))


def this_life() -> dict[str, Any]:
    with (HERE / "starts.jsonl").open("a") as file:
        seen = {"argv": sys.argv[1:], "gpus": os.environ.get("CUDA_VISIBLE_DEVICES")}
        file.write(json.dumps(seen) + "\n")
    number = len((HERE / "starts.jsonl").read_text().splitlines())
    plans = json.loads((HERE / "plan.json").read_text())
    life: dict[str, Any] = plans[min(number, len(plans)) - 1]
    return life


class Handler(http.server.BaseHTTPRequestHandler):
    plan: ClassVar[dict[str, Any]] = {}
    asked = 0

    def do_GET(self) -> None:
        Handler.asked += 1
        if Handler.asked > self.plan.get("answers", 10**9):
            time.sleep(60)
        status = self.plan.get("health", 200) if self.path == "/health" else 200
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_args: object) -> None:
        say(f'(APIServer pid=1) INFO:     127.0.0.1:1 - "GET {self.path} HTTP/1.1" 200 OK')


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)  # without asking for a name, which may take long
        self.server_name, self.server_port = "here", self.server_address[1]


def terminated(_number: int, _frame: object) -> None:
    tell("term")
    if not Handler.plan.get("stubborn"):
        os._exit(0)


def main() -> None:
    if "--version" in sys.argv:
        say("0.33.0")
        return
    plan = Handler.plan = this_life()
    signal.signal(signal.SIGTERM, terminated)
    tell("begin")
    if plan.get("child"):
        code = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1); time.sleep(60)"
        child = subprocess.Popen(
            [sys.executable, "-IS", "-uc", code], start_new_session=True, stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        child.stdout.readline()
        with (HERE / "children").open("a") as file:
            file.write(f"{child.pid}\n")
    if plan.get("flood"):
        sys.stdout.write(
            "INFO 11-26 10:44:46 [core.py:1] steps and steps and steps\n" * plan["flood"]
        )
        sys.stdout.write("x" * 1_000_000 + "\n")
    say("(Worker pid=9) INFO [gpu_worker.py:760] Available KV cache memory: 12.5 GiB")
    say(
        "(EngineCore pid=7) INFO GPU KV cache size: 21,760 tokens, Maximum concurrency for 8,192"
        " tokens per request: 2.66x",
    )
    for word in plan.get("refuses", []):
        if word in sys.argv:
            say(f"vllm: error: unrecognized arguments: {word} 9")
            os._exit(2)
    if int(flag("--max-model-len", "0")) > plan.get("context", 10**9):
        say(
            f"ValueError: To serve at least one request with the model's max seq len (40960), the"
            f" estimated maximum model length is {plan['context']}. Try",
        )
        os._exit(1)
    too_much = int(flag("--max-num-seqs", "0")) > plan.get("bears", 10**9)
    if too_much and plan.get("early"):
        die({"words": [OOM]})
    time.sleep(plan.get("loads", 0))
    if plan.get("fails"):
        die(plan)
    server = Server(("127.0.0.1", int(flag("--port"))), Handler)
    if "lives" in plan or too_much:
        fate = {"words": [OOM]} if too_much else plan
        threading.Timer(plan.get("lives", 0.2), die, [fate]).start()
    tell("listen")
    server.serve_forever()


with contextlib.suppress(KeyboardInterrupt):
    main()
