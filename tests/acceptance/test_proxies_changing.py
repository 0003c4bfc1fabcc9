"""Streams behind a reverse proxy outlive what happens around them: reloads, restarts, silence, a plain nginx."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from stage import QUESTION, free_port

from acceptance.fronts import (
    FILES,
    KEY,
    KINDS,
    LEAVES,
    Client,
    Kind,
    Way,
    asking,
    fronted,
    nginx,
    reading,
    serving,
)
from acceptance.live import Live, live, started
from ccflared.config.model import Config
from ccflared.daemon.connection import KEEP_ALIVE
from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Held

pytestmark = [pytest.mark.acceptance, LEAVES]

kinds = pytest.mark.parametrize("kind", KINDS)
HAND_IN = (
    "import os, sys, runpy\n"
    "os.dup2(int(sys.argv.pop(1)), 3)\n"
    "os.environ['LISTEN_PID'] = str(os.getpid())\n"
    "runpy.run_module('ccflared', run_name='__main__', alter_sys=True)\n"
)
"""Starts the daemon as a service manager does that holds its socket."""


@pytest.mark.parametrize(
    ("kind", "http2"),
    # Of Caddy not over HTTP/2: it says that the connection will end, for which httpx gives its stream up at once.
    [("nginx", False), ("nginx", True), ("caddy", False), ("traefik", False), ("traefik", True)],
)
async def test_a_reload_of_the_proxy_cuts_no_stream(tmp_path: Path, kind: Kind, http2: bool) -> None:
    release = trio.Event()
    provider = FakeProvider(default=Held(release, after_events=5))
    async with (
        fronted(tmp_path, kind, provider=provider) as front,
        front.client(http2=http2) as client,
        asking(client) as events,
    ):
        await events.until("content_block_delta")
        await front.reload()
        async with front.client() as other, asking(other) as later:
            await later.until("content_block_delta")
            release.set()
            assert (await events.rest())[-1] == "message_stop"
            assert (await later.rest())[-1] == "message_stop"


@kinds
async def test_a_reload_of_the_daemon_cuts_no_stream(tmp_path: Path, kind: Kind) -> None:
    release = trio.Event()
    provider = FakeProvider(default=Held(release, after_events=5))
    async with (
        fronted(tmp_path, kind, provider=provider) as front,
        front.client() as client,
        asking(client) as events,
    ):
        await events.until("content_block_delta")
        with front.live.config.open("a") as file:
            file.write("[routing]\nattempts = 3\n")
        await front.live.command("reload")
        release.set()
        assert (await events.rest())[-1] == "message_stop"


@kinds
async def test_a_restart_of_the_daemon_cuts_no_stream_and_refuses_nobody(tmp_path: Path, kind: Kind) -> None:
    release = trio.Event()
    provider = FakeProvider(default=Held(release, after_events=5))
    with socket.create_server(("127.0.0.1", 0)) as held:
        handed = os.dup(held.fileno())
        options: dict[str, Any] = {
            "command": (sys.executable, "-c", HAND_IN, str(handed)),
            "environ": {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "requests"},
            "pass_fds": (handed,),
            "daemon_port": held.getsockname()[1],
        }
        async with (
            fronted(tmp_path, kind, provider=provider, **options) as front,
            trio.open_nursery() as nursery,
        ):
            async with front.client() as client, asking(client) as events:
                await events.until("content_block_delta")
                front.live.process.send_signal(signal.SIGTERM)
                await _said(front.live, "stop")
                # Nobody accepts now; the socket is there.
                answers = [trio.Event() for _ in range(5)]
                for answered in answers:
                    nursery.start_soon(_answered, front.client, answered)
                release.set()
                assert (await events.rest())[-1] == "message_stop"
            with trio.fail_after(20):
                assert await front.live.process.wait() == 0
            assert not any(answered.is_set() for answered in answers)
            async with _again(tmp_path, options):
                with trio.fail_after(20):
                    for answered in answers:
                        await answered.wait()
        os.close(handed)


async def test_traefik_waits_for_a_daemon_that_starts_anew_also_where_nobody_holds_its_socket(
    tmp_path: Path,
) -> None:
    async with fronted(tmp_path, "traefik") as front, trio.open_nursery() as nursery:
        async with front.client() as client:
            assert (await client.ask()).status_code == 200
        front.live.process.send_signal(signal.SIGTERM)
        assert await front.live.process.wait() == 0
        answered = trio.Event()
        nursery.start_soon(_answered, front.client, answered)
        async with _again(tmp_path, {}):
            with trio.fail_after(20):
                await answered.wait()


async def _answered(make: Callable[[], Client], answered: trio.Event) -> None:
    async with make() as client:
        answer = await client.ask()
        assert answer.status_code == 200, answer.text
    answered.set()


async def _said(live: Live, word: str) -> None:
    with trio.fail_after(10):
        while not any(word in line for line in live.log):
            await trio.sleep(0.01)


def _again(directory: Path, options: Mapping[str, Any]) -> AbstractAsyncContextManager[Live]:
    """Start the daemon once more, with the file that is there: its accounts are at the provider of before."""
    text = (directory / "ccflare.toml").read_text()
    more = {name: value for name, value in options.items() if name != "daemon_port"}
    return started(directory, lambda _: text, **more)


@kinds
async def test_what_has_reached_the_daemon_is_not_asked_a_second_time(tmp_path: Path, kind: Kind) -> None:
    asked: list[bytes] = []

    async def daemon(stream: trio.SocketStream) -> None:
        async with stream:
            head = await stream.receive_some()
            if head.startswith(b"POST"):
                asked.append(head)
                return  # as one that dies
            await stream.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, daemon, [listener])
        upstream = f"127.0.0.1:{listener.socket.getsockname()[1]}"
        async with serving(tmp_path / kind, kind, Way(), upstream) as front, front.client() as client:
            assert (await client.ask()).status_code == 502
        assert len(asked) == 1
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(("ping_after", "whole"), [("300ms", True), ("30s", False)])
async def test_pings_keep_a_silent_stream_alive_in_a_proxy_that_gives_up_sooner(
    tmp_path: Path, ping_after: str, whole: bool
) -> None:
    # A minute's proxy_read_timeout, nginx's default, is to the usual 12s what these two are to each other.
    release = trio.Event()
    provider = FakeProvider(default=Held(release, after_events=5))
    short = {"proxy_read_timeout 10m": "proxy_read_timeout 2s"}
    more = f'[routing]\nping_after = "{ping_after}"\n'
    async with (
        fronted(tmp_path, "nginx", provider=provider, more=more, change=short) as front,
        front.client() as client,
        asking(client) as events,
    ):
        await events.until("content_block_delta")
        if whole:
            await events.until("ping", 12)
            release.set()
            assert (await events.rest())[-1] == "message_stop"
        else:
            with pytest.raises(httpx.RemoteProtocolError):
                await events.rest()


def test_the_times_of_the_shipped_files_are_above_those_of_the_daemon() -> None:
    shipped = (FILES / "nginx" / "ccflared-proxy.conf").read_text()
    routing = Config().routing
    assert "proxy_read_timeout 10m;" in shipped
    assert routing.attempts_within + routing.idle_timeout < 600
    assert routing.ping_after < 60
    assert KEEP_ALIVE > 60
    assert Config().server.max_body == 64 * 1024 * 1024


PLAIN = """\
server {
    listen 127.0.0.1:PORT;
    location / {
        proxy_pass http://127.0.0.1:DAEMON;
        proxy_set_header X-Forwarded-For $remote_addr;
    }
}
"""


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
async def test_a_plain_nginx_passes_events_on_as_they_come(tmp_path: Path, gzip: bool) -> None:
    # HTTP/1.0 to the daemon and buffers, as in many a guide: X-Accel-Buffering is what helps there.
    release = trio.Event()
    provider = FakeProvider(default=Held(release, after_events=5))
    async with live(tmp_path, provider=provider, more=f'[clients.a]\nkey = "{KEY}"\n') as scene:
        port = free_port()
        directory = tmp_path / "nginx"
        (directory / "conf.d").mkdir(parents=True)
        text = PLAIN.replace("PORT", str(port)).replace("DAEMON", str(scene.port))
        (directory / "conf.d" / "plain.conf").write_text(text)
        headers = {"x-api-key": KEY} | (
            {"accept-encoding": "gzip"} if gzip else {"accept-encoding": "identity"}
        )
        async with nginx(directory), httpx.AsyncClient(headers=headers, trust_env=False) as client:
            url = f"http://127.0.0.1:{port}/v1/messages"
            while True:
                with suppress(httpx.ConnectError):
                    await client.head(f"http://127.0.0.1:{port}/")
                    break
            async with reading(client, "POST", url, json=QUESTION | {"stream": True}) as events:
                await events.until("content_block_delta")
                release.set()
                assert (await events.rest())[-1] == "message_stop"
                assert "x-accel-buffering" not in events.answer.headers
