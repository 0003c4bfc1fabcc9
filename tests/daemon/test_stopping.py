"""A stop waits for answers of /v1 and for nothing else; a restart behind a socket that is held refuses nobody."""

import os
import signal
import socket
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from manager import manager
from process import HAND_IN, Daemon, daemon, environment
from stage import QUESTION, events, toml

from ccflared.api.routes import make_api
from ccflared.daemon import herald
from ccflared.daemon.main import run
from ccflared.demo.script import Answer, Held
from ccflared.store import history
from ccflared.store.schema import open_history

STEPS = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 500000) SELECT sum(x) FROM n"
PING = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n"


OPEN: list[trio.SocketStream] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPEN:
        if (descriptor := OPEN.pop().socket.detach()) != -1:
            os.close(descriptor)


async def connected(running: Daemon) -> trio.SocketStream:
    stream = await trio.open_tcp_stream("127.0.0.1", running.port)
    OPEN.append(stream)
    return stream


async def _idle(running: Daemon, _nursery: trio.Nursery) -> None:
    for _ in range(20):
        stream = await connected(running)
        await stream.send_all(PING)
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")


async def _silent(running: Daemon, _: trio.Nursery) -> None:
    await connected(running)


async def _half(running: Daemon, _: trio.Nursery) -> None:
    stream = await connected(running)
    await stream.send_all(b"POST /v1/messages HTTP/1.1\r\nhost: loc")


async def _events(running: Daemon, _: trio.Nursery) -> None:
    stream = await connected(running)
    await stream.send_all(b"GET /api/requests/stream HTTP/1.1\r\nhost: localhost\r\n\r\n")
    assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")


async def _following(running: Daemon, nursery: trio.Nursery) -> None:
    words = [sys.executable, "-m", "ccflared", "requests", "-f", "--config", str(running.config)]
    home = running.config.parent

    async def follow() -> None:
        await trio.run_process(
            words, env=environment(home), check=False, capture_stdout=True, capture_stderr=True
        )

    nursery.start_soon(follow)
    with trio.fail_after(20):
        while not await trio.to_thread.run_sync(lambda: following(running)):
            await trio.sleep(0.05)


async def _control(running: Daemon, _: trio.Nursery) -> None:
    stream = await trio.open_unix_socket(running.state / "c.sock")
    OPEN.append(stream)
    await stream.send_all(PING)
    assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")


def following(running: Daemon) -> bool:
    """Whether a command has an open connection to the control socket beside the one that asks."""
    fds = Path(f"/proc/{running.process.pid}/fd")
    links = [str(fd.readlink()) for fd in fds.iterdir() if fd.is_symlink()]
    return sum(link.startswith("socket:") for link in links) > 3


@pytest.mark.parametrize("open_one", [_idle, _silent, _half, _events, _following, _control])
async def test_a_stop_without_running_answers_waits_for_nobody(
    tmp_path: Path, open_one: Callable[[Daemon, trio.Nursery], Awaitable[None]]
) -> None:
    async with daemon(tmp_path) as running, trio.open_nursery() as nursery:
        await open_one(running, nursery)
        running.process.terminate()
        with trio.fail_after(
            5
        ):  # a third of a second, but for a machine whose disk is busy; a drain is five minutes
            assert await running.process.wait() == 0
        nursery.cancel_scope.cancel()
    assert not any("Traceback" in line for line in running.lines)


async def test_an_event_stream_ends_at_once_though_an_answer_still_runs(tmp_path: Path) -> None:
    async with daemon(tmp_path) as running:
        running.provider.play("sk-first", then=Answer(events=30, interval=0.05))
        asking = await connected(running)
        await asking.send_all(question(stream=True))
        await asking.receive_some()
        stream = await connected(running)
        await stream.send_all(b"GET /api/requests/stream HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
        running.process.terminate()
        with trio.fail_after(1):
            while await stream.receive_some():
                pass
        whole = b"".join([data async for data in asking])
        assert events(whole)[-1]["type"] == "message_stop"
        with trio.fail_after(2):
            assert await running.process.wait() == 0


async def test_a_request_sent_in_the_moment_of_the_stop_is_answered_and_the_connection_closed(
    tmp_path: Path,
) -> None:
    async with daemon(tmp_path) as running:
        kept = await connected(running)
        await kept.send_all(PING)
        assert b"connection: close" not in await kept.receive_some()
        fresh = await connected(running)
        running.process.terminate()
        await running.said("stopping")
        for stream in (kept, fresh):
            await stream.send_all(question())
        for stream in (kept, fresh):
            answer = b"".join([data async for data in stream])
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"\r\nconnection: close\r\n" in answer.lower()
        with trio.fail_after(2):
            assert await running.process.wait() == 0


async def test_who_has_connected_and_was_not_accepted_yet_is_answered(tmp_path: Path) -> None:
    async with daemon(tmp_path) as running:
        running.process.send_signal(signal.SIGSTOP)
        streams = [await connected(running) for _ in range(50)]
        for stream in streams:
            await stream.send_all(PING)
        running.process.terminate()
        running.process.send_signal(signal.SIGCONT)
        for stream in streams:
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
        with trio.fail_after(2):
            assert await running.process.wait() == 0


async def test_a_drain_tells_how_many_answers_run_and_asks_for_time(tmp_path: Path) -> None:
    with manager(tmp_path) as told:
        async with daemon(tmp_path, server='drain = "90s"', environ=told.environ) as running:
            running.provider.play("sk-first", Held(trio.Event(), after_events=5))
            asking = await connected(running)
            await asking.send_all(question(stream=True))
            await asking.receive_some()
            running.process.terminate()
            message = await told.hears("STOPPING")
            assert message["STATUS"] == "Draining: 1 answer of /v1 still runs, for 1 min 30 s at most"
            message = await told.hears("EXTEND_TIMEOUT_USEC", more_than=1, within=8)
            assert message["EXTEND_TIMEOUT_USEC"] == "30000000"
            assert message["STATUS"].startswith("Draining: 1 answer of /v1 still runs, for 1 min 2")
            running.process.terminate()
            with trio.fail_after(3):
                assert await running.process.wait() == 0


def question(*, stream: bool = False) -> bytes:
    """Return a whole request for an answer."""
    import json  # noqa: PLC0415

    body = json.dumps(QUESTION | {"stream": stream}).encode()
    head = f"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def test_a_stop_during_a_start_that_takes_long_is_heard_and_the_start_asks_for_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def slowly(path: Path, **more: Any) -> sqlite3.Connection:
        connection = open_history(path, **more)
        begun.set()
        while True:
            connection.execute(STEPS).fetchone()

    monkeypatch.setattr(history, "open_history", slowly)
    monkeypatch.setattr(herald, "AGAIN", 0.2)
    config = tmp_path / "ccflare.toml"
    config.write_text(toml(tmp_path / "state", 9, ["first"]))
    config.chmod(0o600)
    send, receive = trio.open_memory_channel[int](10)
    with manager(tmp_path) as told:
        environ = {"HOME": str(tmp_path), **told.environ}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(run, config, environ, make_api, signals=receive))
            message = await told.hears("EXTEND_TIMEOUT_USEC", more_than=2)
            send.send_nowait(signal.SIGTERM)
            with trio.fail_after(3):
                while nursery.child_tasks:
                    await trio.sleep(0.01)
        # Not before the end of the start, which nothing but the signal ends.
        assert message["STATUS"].startswith("Starting: opening the history, for ")
        assert begun.is_set()
        assert not any("READY" in message for message in told.told)


async def test_a_restart_behind_a_held_socket_refuses_and_resets_nobody(tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as held:
        given = os.dup2(held.fileno(), 130)
        port = held.getsockname()[1]
        arguments = {
            "server": f'listen = "127.0.0.1:{port}"',
            "command": [sys.executable, "-c", HAND_IN, "130"],
            "environ": {"LISTEN_FDS": "1"},
            "pass_fds": [given],
        }

        async def hammer() -> None:
            while True:
                outcomes[await once(port)] += 1
                await trio.sleep(0.005)

        async def kept_alive() -> None:
            while True:
                outcomes[await several(port)] += 1

        try:
            async with trio.open_nursery() as nursery:
                for _ in range(4):
                    nursery.start_soon(hammer)
                nursery.start_soon(kept_alive)
                for _ in range(3):
                    async with daemon(tmp_path, **arguments) as running:  # type: ignore[arg-type]
                        await trio.sleep(0.7)
                        running.process.terminate()
                        with trio.fail_after(10):
                            assert await running.process.wait() == 0
                    assert not any("Traceback" in line for line in running.lines)
                nursery.cancel_scope.cancel()
        finally:
            os.close(given)
    assert outcomes.pop("answered") > 100
    assert not outcomes


async def once(port: int) -> str:
    """Ask on a new connection and return what came of it."""
    try:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(question())
            return "answered" if b"HTTP/1.1 200" in await stream.receive_some() else "no answer"
    except (OSError, trio.BrokenResourceError) as error:
        return f"{type(error).__name__}: {error.__cause__ or error}"


async def several(port: int) -> str:
    """Ask again and again on one connection until it is announced that it closes."""
    try:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            while True:
                await stream.send_all(question())
                answer = await stream.receive_some()
                if b"HTTP/1.1 200" not in answer:
                    return "no answer on a connection that was kept"
                if b"connection: close" in answer.lower():
                    return "answered"
                await trio.sleep(0.01)
    except (OSError, trio.BrokenResourceError) as error:
        return f"kept, {type(error).__name__}: {error.__cause__ or error}"
