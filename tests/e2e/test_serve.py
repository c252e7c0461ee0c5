"""What a stranger meets: the real server with the embedded engine."""

import base64
import contextlib
import fcntl
import io
import os
import signal
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

import httpx
import psutil
import pytest
from PIL import Image, ImageDraw, ImageFont

from .conftest import Server, free_port, serve, wait_ready

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def page(text: str, size: tuple[int, int] = (640, 200)) -> bytes:
    """A picture of one large line of text, as PNG."""
    image = Image.new("L", size, 255)
    ImageDraw.Draw(image).text((30, 60), text, fill=0, font=ImageFont.load_default(size=48))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_reads_a_picture_sent_in_each_of_the_three_forms(server: Server) -> None:
    """JSON, form and raw bytes give the same correct text."""
    picture = page("Hello ocrgate 42")
    as_json = httpx.post(
        f"{server.url}/ocr", json={"image": base64.b64encode(picture).decode()}, timeout=60
    )
    as_form = httpx.post(f"{server.url}/ocr", files={"file": ("a.png", picture)}, timeout=60)
    as_raw = httpx.post(
        f"{server.url}/ocr", content=picture, headers={"Content-Type": "image/png"}, timeout=60
    )
    texts = [r.raise_for_status().json()["text"] for r in (as_json, as_form, as_raw)]
    assert texts == ["Hello ocrgate 42"] * 3


def test_every_hostile_file_gets_a_typed_answer_and_the_server_stays_ready(
    server: Server, corpus: Path
) -> None:
    """A damaged or monstrous file is an error with a name or a right result, never a 5xx."""
    answers = {
        path.name: server.post_file(path, pages="1") for path in (corpus / "hostile").iterdir()
    }
    codes = {name: (r.status_code, r.json().get("code")) for name, r in answers.items()}
    assert {n: c for n, c in codes.items() if c[0] >= 500} == {}
    assert all(status == 200 or code for status, code in codes.values())
    assert server.get("/readyz").is_success


def test_event_loop_answers_while_pages_are_read(server: Server) -> None:
    """Health checks take milliseconds although every core reads."""
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            httpx.post(f"{server.url}/ocr", files={"file": ("a.png", page("Busy 123"))}, timeout=60)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    with httpx.Client(base_url=server.url) as client:
        client.get("/livez")
        times = []
        for _ in range(40):
            start = time.perf_counter()
            client.get("/livez").raise_for_status()
            times.append(time.perf_counter() - start)
    done.set()
    for reader in readers:
        reader.join()
    assert sorted(times)[20] < 0.05


def test_sigterm_finishes_what_runs_and_leaves_no_process(tmp_path: Path) -> None:
    """A page that is being read when SIGTERM comes is answered; then everything is gone."""
    with serve(tmp_path) as server:
        family = server.family()
        answer: list[httpx.Response] = []
        started = threading.Event()

        def read() -> None:
            started.set()
            answer.append(
                httpx.post(f"{server.url}/ocr", files={"file": ("a.png", page("Last"))}, timeout=60)
            )

        reader = threading.Thread(target=read)
        reader.start()
        started.wait()
        time.sleep(0.15)  # let the request reach the server: its arrival has no event of ours
        server.process.send_signal(signal.SIGTERM)
        reader.join()
        server.process.wait(20)
        assert answer[0].json()["text"] == "Last"
        assert [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []


def test_a_log_that_nobody_reads_stops_nothing(tmp_path: Path) -> None:
    """A stalled log driver or pager fills the pipe: the server answers, and ends when told to."""
    port = free_port()
    command = [sys.executable, "-m", "ocrgate", "serve", "--port", str(port)]
    env = os.environ | {"XDG_STATE_HOME": str(tmp_path)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=env, cwd=tmp_path)
    assert process.stderr is not None
    with process, process.stderr as log:
        fcntl.fcntl(log.fileno(), fcntl.F_SETPIPE_SZ, 4096)
        wait_ready(Server(f"http://127.0.0.1:{port}", process, tmp_path / "nothing"))
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
                answers = [client.get("/livez").status_code for _ in range(100)]
            process.terminate()
            assert (answers, process.wait(20)) == ([200] * 100, 0)
        finally:
            process.kill()


def test_a_crowd_of_idle_connections_does_not_use_up_the_files(tmp_path: Path) -> None:
    """With 64 file descriptors and 100 clients that keep their connection, pages are read."""
    port = free_port()
    command = f"ulimit -n 64; exec {sys.executable} -m ocrgate serve --port {port}"
    env = os.environ | {"XDG_STATE_HOME": str(tmp_path)}
    url, log = f"http://127.0.0.1:{port}", tmp_path / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(["sh", "-c", command], stderr=stream, env=env, cwd=tmp_path)
    with process, contextlib.ExitStack() as held:
        try:
            wait_ready(Server(url, process, log))
            for _ in range(100):
                client = held.enter_context(contextlib.closing(HTTPConnection("127.0.0.1", port)))
                client.request("GET", "/livez")
                assert client.getresponse().read()
            time.sleep(1.1)  # they are idle now
            picture = {"file": ("a.png", page("Still here"))}
            answers = [httpx.post(f"{url}/ocr", files=picture, timeout=60) for _ in range(3)]
            assert [a.json()["text"] for a in answers] == ["Still here"] * 3
            assert process.poll() is None
        finally:
            process.terminate()


def test_works_without_any_network(tmp_path: Path) -> None:
    """Nothing is downloaded: a page is read inside a namespace that has no network at all."""
    picture = tmp_path / "a.png"
    picture.write_bytes(page("Offline 7"))
    probe = subprocess.run(["unshare", "-rn", "true"], check=False, capture_output=True)
    if probe.returncode != 0:
        pytest.skip("this machine does not allow a network namespace")
    read = subprocess.run(
        ["unshare", "-rn", sys.executable, "-m", "ocrgate", "read", str(picture)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (read.returncode, read.stdout.strip()) == (0, "Offline 7"), read.stderr


def test_the_command_that_a_server_shows_works_there(tmp_path: Path) -> None:
    """With a key where one is asked for; somebody who copies it gets no 401 to think about."""
    with serve(tmp_path) as running:
        pass
    assert f"  curl -F file=@page.png {running.url}/ocr" in running.log.read_text()
    with serve(tmp_path, OCRGATE_AUTH__REQUIRED="true") as running:
        pass
    shown = f"  curl -H 'Authorization: Bearer KEY' -F file=@page.png {running.url}/ocr"
    assert shown in running.log.read_text()


def test_public_bind_without_keys_is_refused(tmp_path: Path) -> None:
    """A server that anybody could use does not start by accident."""
    run = subprocess.run(
        [sys.executable, "-m", "ocrgate", "serve", "--host", "0.0.0.0"],
        capture_output=True,
        text=True,
        check=False,
        env={"XDG_STATE_HOME": str(tmp_path), "PATH": ""},
        cwd=tmp_path,
        timeout=60,
    )
    assert run.returncode != 0
    assert "--insecure" in run.stderr
