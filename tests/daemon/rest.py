"""What the tests of edits by REST share."""

import os
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from stage import Stage


async def call(stage: Stage, method: str, path: str, body: object = None) -> httpx.Response:
    """Ask over TCP."""
    return await stage.client.request(method, stage.url + path, json=body, headers=stage.headers)


async def at_home(stage: Stage, method: str, path: str, body: object = None) -> httpx.Response:
    """Ask over the control socket."""
    transport = httpx.AsyncHTTPTransport(uds=str(stage.running.control.path))
    async with httpx.AsyncClient(transport=transport, timeout=20) as client:
        return await client.request(method, "http://localhost" + path, json=body)


def told(answer: httpx.Response) -> str:
    """Return the sentence of an answer, of whatever shape."""
    body = answer.json()
    said = body.get("message") or body["error"]
    return str(said["message"] if isinstance(said, dict) else said)


def file_of(stage: Stage) -> dict[str, Any]:
    """Return what the file says."""
    return tomllib.loads(stage.config.read_text())


def stored(stage: Stage) -> dict[str, str]:
    """Return the stored secrets."""
    directory: Path = stage.state / "secrets"
    return {path.name: path.read_text() for path in directory.iterdir()} if directory.is_dir() else {}


async def history_has(stage: Stage, account: str, rows: int) -> None:
    """Wait until the history has that many rows of an account."""
    with trio.fail_after(20):
        while len([row for row in await stage.rows() if row.account == account]) != rows:
            await trio.lowlevel.checkpoint()


@contextmanager
def read_only(directory: Path, file: Path) -> Iterator[None]:
    """Let a file be one that even root may not replace."""
    if os.geteuid() != 0:
        directory.chmod(0o500)
        yield
        directory.chmod(0o700)
        return
    if subprocess.run(["chattr", "+i", file], capture_output=True, check=False).returncode:
        pytest.skip("root may write everywhere here")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", file], check=True)
