"""`ccflared demo` as people start it: what it prints works, and it leaves nothing behind."""

import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio
from process import environment
from stage import QUESTION, events


@asynccontextmanager
async def demo(tmp_path: Path, *words: str) -> AsyncIterator[tuple[trio.Process, str]]:
    """Run the demo; gives the process and what it printed up to the end of its greeting."""
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "ccflared", "demo", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(tmp_path) | {"TMPDIR": str(tmp_path), "LC_ALL": "C.UTF-8"},
    )
    assert process.stdout is not None
    printed = ""
    try:
        with trio.fail_after(20):
            while "Ctrl-C ends it." not in printed:
                printed += (await process.stdout.receive_some()).decode()
        yield process, printed
    finally:
        if process.returncode is None:
            process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


def url_in(printed: str) -> str:
    match = re.search(r"ANTHROPIC_BASE_URL=(\S+)", printed)
    assert match
    return match[1]


async def test_the_demo_answers_hides_the_limit_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with (
        demo(tmp_path, "--listen", "127.0.0.1:0") as (process, printed),
        httpx.AsyncClient(trust_env=False, timeout=30) as client,
    ):
        url = url_in(printed) + "/v1/messages"
        served = set()
        for _ in range(7):
            answer = await client.post(url, json=QUESTION | {"stream": True})
            assert events(answer.content)[-1]["type"] == "message_stop"
            served.add(answer.headers["x-ccflared-account"])
        assert served == {"small-plan", "moody"}
        (directory,) = tmp_path.glob("ccflared-demo-*")
        config = directory / "ccflare.toml"
        assert f"    export CCFLARED_CONFIG={config}\n" in printed
        for command, said in (("status", "small-plan"), ("requests", "req_"), ("usage", "moody")):
            assert re.search(rf"^    \S.* {command}( -f| --watch)?$", printed, re.MULTILINE), command
            done = await trio.run_process(
                [sys.executable, "-m", "ccflared", command],
                env=environment(tmp_path) | {"CCFLARED_CONFIG": str(config)},
                capture_stdout=True,
                check=False,
            )
            assert said in done.stdout.decode(), command
        process.send_signal(signal.SIGINT)
        with trio.fail_after(5):
            assert await process.wait() == 0
    assert not list(tmp_path.glob("ccflared-demo-*"))


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
async def test_a_closed_terminal_ends_the_demo(tmp_path: Path, number: signal.Signals) -> None:
    async with demo(tmp_path, "--listen", "127.0.0.1:0", "--traffic") as (process, _):
        process.send_signal(number)
        with trio.fail_after(5):
            assert await process.wait() == 0


async def test_a_demo_that_can_be_reached_from_elsewhere_has_keys(tmp_path: Path) -> None:
    async with (
        demo(tmp_path, "--listen", "0.0.0.0:0") as (_, printed),
        httpx.AsyncClient(trust_env=False, timeout=30) as client,
    ):
        url = url_in(printed)
        assert (await client.post(url + "/v1/messages", json=QUESTION)).status_code == 401
        match = re.search(r"client key\s+(\S+)", printed)
        assert match
        headers = {"authorization": f"Bearer {match[1]}"}
        assert (await client.post(url + "/v1/messages", json=QUESTION, headers=headers)).status_code == 200
        assert (await client.get(url + "/api/status", headers=headers)).status_code == 401
