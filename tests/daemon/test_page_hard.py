"""Log-ins and sessions where somebody, or the clock, means no good."""

from pathlib import Path

import pytest
import trio
from stage import staged

from ccflared.daemon.guesses import Guesses
from ccflared.daemon.page.sessions import Sessions

ADMIN = '[admin]\ntoken = "sesame-open"\n'


async def test_a_log_in_that_drips_in_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccflared.daemon.app._LOGIN_SECONDS", 0.3)
    monkeypatch.setattr("ccflared.daemon.app._LOGIN_BODY_LIMIT", 1 << 40)
    head = "POST /api/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"

    async def drip(stream: trio.SocketStream) -> None:
        while True:
            await stream.send_all(b"x")

    async with (
        staged(tmp_path, more=ADMIN) as stage,
        await trio.open_tcp_stream("127.0.0.1", stage.port) as stream,
    ):
        with trio.fail_after(20):
            await stream.send_all(f"{head}content-length: {1 << 39}\r\n\r\n".encode())
            async with trio.open_nursery() as nursery:
                nursery.start_soon(drip, stream)
                answer = await stream.receive_some()
                nursery.cancel_scope.cancel()
        assert answer.startswith(b"HTTP/1.1 408")


async def test_who_has_shown_nothing_may_not_send_much(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        long = await stage.client.post(stage.url + "/api/session", json={"token": "x" * 16_000})
        longer = await stage.client.post(stage.url + "/api/session", json={"token": "x" * 17_000})
        assert (long.status_code, longer.status_code) == (401, 413)


def test_a_session_does_not_outlast_a_clock_that_was_wrong() -> None:
    sessions = Sessions()
    token = sessions.begin(400 * 86400.0, b"admin")
    assert sessions.find(token, 400 * 86400.0 - 60, b"admin")  # set right by a little
    assert sessions.find(token, 9 * 86400.0, b"admin") is None


def test_guesses_from_all_over_one_network_are_those_of_one() -> None:
    guesses = Guesses()
    for number in range(5):
        guesses.wrong(f"2001:db8::{number + 1:x}", float(number))
    assert guesses.wait("2001:db8::ffff", 5.0) is not None
    assert guesses.wait("2001:db8:0:1::1", 5.0) is None
    for number in range(5):
        guesses.wrong(f"192.0.2.{number}", float(number))
    assert guesses.wait("192.0.2.9", 5.0) is None
    for number in range(4):
        guesses.wrong(f"::ffff:198.51.100.{number}", float(number))
    assert guesses.wait("::ffff:198.51.100.9", 5.0) is None
    guesses.wrong("unix", 5.0)
    assert guesses.wait("unix", 5.0) is None
