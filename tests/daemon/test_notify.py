"""What the service manager is told: ready, reloads, and how things stand, in one line without secrets."""

import datetime as dt
import signal
import time
from pathlib import Path
from typing import NamedTuple

import pytest
import trio
from manager import manager
from process import daemon, start

from ccflared.daemon.herald import starting
from ccflared.daemon.notify import Notifier
from ccflared.daemon.standing import accounts_words, seconds_words

NOON = dt.datetime(2026, 3, 4, 12, tzinfo=dt.UTC).timestamp()


class Seen(NamedTuple):
    state: str
    until: float | None = None


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([], "Serving, but there is no account yet: `ccflared account add` adds one"),
        ([Seen("ready")], "Serving 1 account"),
        ([Seen("ready"), Seen("doubtful"), Seen("half-open"), Seen("busy")], "Serving 4 accounts"),
        (
            [Seen("ready"), Seen("resting", NOON + 7500)],
            "Serving 1 of 2 accounts: 1 rests until 14:05",
        ),
        (
            [Seen("resting", NOON + 7500), Seen("resting", NOON + 300), Seen("resting")],
            "No account can serve: 3 rest, the first until 12:05",
        ),
        (
            [Seen("ready"), Seen("paused"), Seen("off"), Seen("needs login"), Seen("rejected")],
            "Serving 1 of 5 accounts: 1 off, 1 paused, 2 need a person, see `ccflared status`",
        ),
        ([Seen("resting", NOON + 90_000)], "No account can serve: 1 rests until 2026-03-05 13:00"),
    ],
)
def test_the_accounts_are_counted_and_said_what_they_wait_for(states: list[Seen], words: str) -> None:
    assert accounts_words({str(n): seen for n, seen in enumerate(states)}, NOON, dt.UTC) == words


def test_times_are_said_as_people_do() -> None:
    assert [seconds_words(s) for s in (-1, 0, 59.6, 60, 270)] == [
        "0 s",
        "0 s",
        "1 min",
        "1 min",
        "4 min 30 s",
    ]


def test_a_status_is_one_line_and_bounded_and_the_same_is_said_once(tmp_path: Path) -> None:
    with manager(tmp_path) as told:
        notifier = Notifier(told.environ)
        notifier.status("a\nREADY=1\n b")
        notifier.status("a READY=1 b")
        notifier.status("x" * 10_000)
        assert [list(message) for message in told.told] == [["STATUS"], ["STATUS"]]
        assert told.statuses[0] == "a READY=1 b"
        assert len(told.statuses[1]) == 480


def test_ready_waits_for_a_manager_whose_queue_is_full_and_the_sign_of_life_does_not(tmp_path: Path) -> None:
    with manager(tmp_path) as told:
        notifier = Notifier(told.environ)
        for _ in range(1000):
            notifier.alive()
        assert 0 < told.signs < 1000
        notifier.ready("well")
        assert told.told[-1] == {"READY": "1", "STATUS": "well"}


async def test_ready_comes_once_everything_is_bound_and_says_where_it_listens(tmp_path: Path) -> None:
    with manager(tmp_path) as told:
        async with daemon(tmp_path, environ=told.environ) as running:
            ready = await told.hears("READY")
            assert ready["STATUS"] == f"Serving 2 accounts; listening on 127.0.0.1:{running.port}"
            assert told.told[0] == ready
            running.process.terminate()
            await told.hears("STOPPING")
            assert await running.process.wait() == 0
            assert told.statuses[-1] == "Stopping: writing the rest of the history"


async def test_a_signal_is_answered_by_reloading_and_ready_whatever_the_verdict(tmp_path: Path) -> None:
    with manager(tmp_path) as told:
        async with daemon(tmp_path, environ=told.environ) as running:
            await told.hears("READY")
            for count, text in enumerate([running.config.read_text(), "nonsense\n"], start=1):
                running.config.write_text(text)
                sent = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
                running.process.send_signal(signal.SIGHUP)
                reloading = await told.hears("RELOADING", more_than=count - 1)
                assert reloading["RELOADING"] == "1"
                assert int(reloading["MONOTONIC_USEC"]) > sent
                ready = await told.hears("READY", more_than=count)
                order = [key for message in told.told for key in message if key in ("READY", "RELOADING")]
                assert order == ["READY", *["RELOADING", "READY"] * count]
            assert "refused" in ready["STATUS"]
            assert f"{running.config}:1:" in ready["STATUS"]
            assert "listening on" in ready["STATUS"]


async def test_every_edit_of_the_file_is_told_without_a_reload_being_announced(tmp_path: Path) -> None:
    with manager(tmp_path) as told:
        async with daemon(tmp_path, environ=told.environ) as running:
            await told.hears("READY")
            good = running.config.read_text()
            running.config.write_text(good + "[accounts.third]\nprovider = 3\n")
            await told.hears("STATUS", "refused")
            running.config.write_text(good.replace("[accounts.second]", '[accounts.second]\npaused = "x"'))
            await told.hears("STATUS", "refused", more_than=1)
            running.config.write_text(good.replace("[accounts.second]", "[accounts.second]\nenabled = false"))
            await told.hears("STATUS", "Serving 1 of 2 accounts: 1 off; listening on")
            assert not any("RELOADING" in message for message in told.told)
            assert len([message for message in told.told if "READY" in message]) == 1
            assert "sk-" not in "".join(told.statuses)


async def test_a_history_that_is_off_is_told_and_that_it_is_well_again(tmp_path: Path) -> None:
    with manager(tmp_path) as told:
        async with daemon(tmp_path, environ=told.environ) as running:
            await told.hears("READY")
            (running.state / "ccflared.db").unlink()
            (running.state / "ccflared.db").mkdir()
            async with await trio.open_tcp_stream("127.0.0.1", running.port) as stream:
                await stream.send_all(
                    b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}"
                )
                await stream.receive_some()
            await told.hears("STATUS", "the history is off: ", within=20)


@pytest.mark.usefixtures("autojump_clock")
async def test_a_start_that_takes_long_asks_for_time_and_says_what_is_waited_for(tmp_path: Path) -> None:
    with manager(tmp_path) as told:
        async with trio.open_nursery() as nursery:
            with starting(Notifier(told.environ), nursery, lambda: "bringing h.db up to date"):
                await trio.sleep(61)
        messages = told.told
    assert len(messages) in (11, 12)
    assert messages[-1]["EXTEND_TIMEOUT_USEC"] == "30000000"
    assert messages[-1]["STATUS"].startswith("Starting: bringing h.db up to date, for ")


def test_a_start_that_fails_leaves_the_reason_in_the_status(tmp_path: Path) -> None:
    config = tmp_path / "ccflare.toml"
    config.write_text('[accounts.a]\nprovider = "antropic"\n')
    with manager(tmp_path) as told:
        ended = start(config, tmp_path, told.environ)
        assert ended.returncode == 1
        assert told.statuses[-1].startswith(f"Not started: {config}:2: ")
        config.write_text(
            f'[server]\nlisten = "192.0.2.1:1"\nallow_unauthenticated = true\n[storage]\ndirectory = "{tmp_path}/s"\n'
        )
        assert start(config, tmp_path, told.environ).returncode == 4
        assert told.statuses[-1].startswith("Not started: cannot listen on 192.0.2.1:1: ")
