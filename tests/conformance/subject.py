"""The proxy under judgement: ccflared as a process of its own, or any other that has been configured by hand."""

import contextlib
import os
import queue
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from cases import UPSTREAM_KEY, Stage
from exchange import Upstream, Watch

_COMMON = """
[server]
listen = "127.0.0.1:0"
[control]
socket = "{directory}/c.sock"
[storage]
directory = "{directory}/state"
[routing]
overload_retry = {{ attempts = 0, delay = "10ms" }}
"""
_ACCOUNTS = {
    "chat": """
[providers.strict]
dialect = "openai-chat"
auth = "bearer"
[accounts.only]
provider = "strict"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "{key}"
models = {{ opus = "big-1", sonnet = "mid-1", haiku = "small-1" }}
""",
    "messages": """
[accounts.only]
provider = "anthropic-compatible"
base_url = "http://127.0.0.1:{port}"
api_key = "{key}"
models = {{ "gpt-*" = "claude-sonnet-4-5" }}
""",
}


@contextlib.contextmanager
def ccflared(directory: Path, dialect: str) -> Iterator[Stage]:
    """Run ``ccflared run`` over one account of this dialect until the context ends."""
    with _upstream(0) as (upstream, watch):
        config = directory / "ccflare.toml"
        text = (_COMMON + _ACCOUNTS[dialect]).format(
            directory=directory, port=upstream.port, key=UPSTREAM_KEY
        )
        config.write_text(text)
        config.chmod(0o600)
        process = subprocess.Popen(
            [sys.executable, "-m", "ccflared", "run", "--config", str(config)],
            env={"HOME": str(directory), "PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        log = directory / "log"
        try:
            port = _port(process, log)
            socket_path = directory / "c.sock"
            yield Stage("127.0.0.1", port, upstream, watch, lambda: _reset(socket_path))
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        told = log.read_text()
        assert "Traceback" not in told, told


@contextlib.contextmanager
def elsewhere(url: str, upstream_port: int, credential: str | None, reset: str | None) -> Iterator[Stage]:
    """Judge a proxy that runs already; it must have been told that its upstream is on this port."""
    parts = urlsplit(url)
    with _upstream(upstream_port) as (upstream, watch):
        words = shlex.split(reset or "")

        def reset_all() -> None:
            if words:
                subprocess.run(words, check=True, capture_output=True)

        yield Stage(
            parts.hostname or "127.0.0.1",
            parts.port or 80,
            upstream,
            watch,
            reset_all,
            parts.path.rstrip("/"),
            credential,
        )


@contextlib.contextmanager
def _upstream(port: int) -> Iterator[tuple[Upstream, Watch]]:
    watch = Watch()
    upstream = Upstream(watch)
    upstream.open(port)
    try:
        yield upstream, watch
    finally:
        upstream.close()


def _port(process: "subprocess.Popen[str]", log: Path) -> int:
    """Return the port that the daemon says it listens on; what it says is kept in ``log``."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        assert process.stderr is not None
        with process.stderr, log.open("w") as kept:
            for line in process.stderr:
                lines.put(line)
                kept.write(line)
                kept.flush()

    threading.Thread(target=read, daemon=True).start()
    port = 0
    while "ready:" not in (line := lines.get(timeout=20)):
        if "listening on 127.0.0.1:" in line:
            port = int(line.rpartition(":")[2])
    return port


def _reset(path: Path) -> None:
    """Have the daemon forget what it has learnt about its account: each case meets a fresh one."""
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(10)
        control.connect(str(path))
        control.sendall(
            b"POST /api/accounts/only/force-reset-rate-limit HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        head = control.recv(65536)
        assert b" 200 " in head.partition(b"\r\n")[0], head
        while control.recv(65536):
            pass
