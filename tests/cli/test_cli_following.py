"""``requests -f`` and ``logs -f``: over real sockets, over a restart of the daemon, and to their end."""

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from canned import Canned, Feed, busy, canned_daemon
from figures import line, lines, row, rows
from terminals import COMMAND, environment, on_a_terminal

from ccflared.cli.stream import BACK, GONE, read_event

REQUESTS, LOGS = "/api/requests/stream", "/api/logs/stream"


class Followed:
    """A command that follows, into pipes."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.out = self.err = ""

    def until(self, seen: Callable[["Followed"], bool]) -> None:
        """Read until what was written satisfies ``seen``."""
        deadline = time.monotonic() + 20
        while not seen(self):
            assert time.monotonic() < deadline, (self.out, self.err)
            self._read(0.05)

    def interrupt(self, number: int = signal.SIGINT) -> int:
        """Send a signal, read to the end, and return the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(10)
        self._read(0)
        return code

    def _read(self, seconds: float) -> None:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        for pipe in select.select([self.process.stdout, self.process.stderr], [], [], seconds)[0]:
            text = os.read(pipe.fileno(), 1 << 16).decode()
            if pipe is self.process.stdout:
                self.out += text
            else:
                self.err += text


@contextmanager
def followed(*words: object, socket: Path, stdout: int | IO[bytes] = subprocess.PIPE) -> Iterator[Followed]:
    process = subprocess.Popen(
        [*COMMAND, *map(str, words), "--socket", str(socket)],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    try:
        yield Followed(process)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


@contextmanager
def daemon(socket: Path, feed: Feed, known: list[dict[str, Any]] | None = None) -> Iterator[Canned]:
    socket.unlink(missing_ok=True)
    with canned_daemon(socket, busy()) as canned:
        canned.feeds = {REQUESTS: feed, LOGS: feed}
        canned.answers["GET /api/requests?limit=1000"] = 200, rows() if known is None else known
        canned.answers["GET /api/logs/history"] = 200, lines()
        yield canned


def ids(text: str) -> list[str]:
    return [word for word in text.split() if word.startswith("req_")]


def ended(*numbers: int) -> list[dict[str, Any]]:
    return [{"type": "summary", "payload": row(number)} for number in numbers]


def test_the_last_requests_come_first_and_then_each_that_ends(tmp_path: Path) -> None:
    feed = Feed()
    with daemon(tmp_path / "s", feed), followed("requests", "-f", "-n", "2", socket=tmp_path / "s") as seen:
        seen.until(lambda at: len(ids(at.out)) == 2)
        assert ids(seen.out) == [row(8)["id"], row(9)["id"]]
        feed.tell({}, name="connected")
        feed.tell({"type": "start", "id": row(20)["id"], "at": 1.0}, 1)
        feed.tell(ended(9)[0], 2)  # the history has told of it
        feed.tell(ended(20)[0], 3)
        seen.until(lambda at: len(ids(at.out)) == 3)
        assert ids(seen.out)[-1] == row(20)["id"]
        assert "\x1b" not in seen.out
        assert seen.interrupt() == 0
        assert seen.err == ""


def test_only_what_was_asked_for_is_shown_of_what_ends(tmp_path: Path) -> None:
    feed = Feed()
    words = ("requests", "-f", "-n", "0", "--account", "work", "--status", "error")
    what = "GET /api/requests?limit=1000&account=work&status=error"
    work = {"accountUsed": "work"}
    # Who has left has seen enough: the history counts that as no error, either.
    kinds: list[dict[str, Any]] = [{}, work, work | {"outcome": "client_gone"}, work | {"statusCode": 500}]
    with daemon(tmp_path / "s", feed) as canned:
        canned.answers[what] = 200, []
        with followed(*words, socket=tmp_path / "s") as seen:
            for number, facts in enumerate(kinds):
                feed.tell({"type": "summary", "payload": row(number, **facts)}, number)
            seen.until(lambda at: bool(ids(at.out)))
            assert ids(seen.out) == [row(3)["id"]]
        assert (what, None) in canned.asked


def test_each_request_is_a_line_of_json_where_that_is_asked_for(tmp_path: Path) -> None:
    feed = Feed()
    words = ("requests", "-f", "--json", "-n", "1")
    with daemon(tmp_path / "s", feed), followed(*words, socket=tmp_path / "s") as seen:
        feed.tell(ended(20)[0], 1)
        seen.until(lambda at: at.out.count("\n") == 2)
    assert [json.loads(text) for text in seen.out.splitlines()] == [rows()[0], row(20)]


def test_a_restart_of_the_daemon_is_said_once_and_nothing_is_lost_or_told_twice(tmp_path: Path) -> None:
    first, second = Feed(), Feed()
    with followed("requests", "-f", "-n", "1", socket=tmp_path / "s") as too_early:
        assert too_early.process.wait(10) == 3
    with daemon(tmp_path / "s", first):
        start = followed("requests", "-f", "-n", "1", socket=tmp_path / "s")
        seen = start.__enter__()
        try:
            first.tell(ended(20)[0], 7)
            seen.until(lambda at: len(ids(at.out)) == 2)
        except BaseException:
            start.__exit__(None, None, None)
            raise
    try:
        seen.until(lambda at: GONE in at.err)
        # One ended while nobody listened: the history of the new daemon knows it.
        with daemon(tmp_path / "s", second, [row(21), row(20), *rows()]):
            seen.until(lambda at: len(ids(at.out)) == 3)
            second.tell(ended(22)[0], 1)
            seen.until(lambda at: len(ids(at.out)) == 4)
            assert seen.interrupt() == 0
        assert ids(seen.out) == [row(9)["id"], row(20)["id"], row(21)["id"], row(22)["id"]]
        assert seen.err == f"{GONE}\n{BACK}\n"
        assert second.heads[0]["last-event-id"] == "7"
        assert "last-event-id" not in first.heads[0]
    finally:
        start.__exit__(None, None, None)


def test_what_was_missed_is_looked_for_in_the_history(tmp_path: Path) -> None:
    feed = Feed()
    with (
        daemon(tmp_path / "s", feed) as canned,
        followed("requests", "-f", "-n", "1", socket=tmp_path / "s") as seen,
    ):
        seen.until(lambda at: len(ids(at.out)) == 1)
        canned.answers["GET /api/requests?limit=1000"] = 200, [row(30), *rows()]
        feed.tell({"missed": None}, name="missed")
        seen.until(lambda at: len(ids(at.out)) == 2)
        assert ids(seen.out)[-1] == row(30)["id"]


@pytest.mark.parametrize("words", [("requests", "-f"), ("logs", "-f")])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_following_ends_quietly_on_ctrl_c_and_sigterm(
    tmp_path: Path, words: tuple[str, ...], number: int
) -> None:
    feed = Feed()
    with daemon(tmp_path / "s", feed), followed(*words, socket=tmp_path / "s") as seen:
        seen.until(lambda at: bool(at.out))
        assert seen.interrupt(number) == 0
        assert seen.err == ""


@pytest.mark.parametrize("words", [("requests", "-f"), ("logs", "-f")])
def test_a_reader_that_has_seen_enough_ends_it_without_a_word(tmp_path: Path, words: tuple[str, ...]) -> None:
    feed = Feed()
    reading, writing = os.pipe()
    with (
        daemon(tmp_path / "s", feed),
        os.fdopen(writing, "wb") as out,
        followed(*words, socket=tmp_path / "s", stdout=out) as seen,
    ):
        out.close()
        assert os.read(reading, 10)
        os.close(reading)
        feed.tell(ended(40)[0], 1)
        feed.tell(line(40, "INFO", "more"), 2)
        assert seen.process.wait(10) == 0
        assert seen.process.stderr is not None
        assert seen.process.stderr.read() == b""


def test_lines_of_the_log_follow_each_once(tmp_path: Path) -> None:
    feed = Feed()
    words = ("logs", "-f", "--level", "warning")
    with daemon(tmp_path / "s", feed), followed(*words, socket=tmp_path / "s") as seen:
        feed.tell({"connected": True})
        without = {name: value for name, value in lines()[3].items() if name != "id"}
        for number, value in ((4, without), (5, line(5, "INFO", "calm")), (6, line(6, "WARN", "a\x1b[31mb"))):
            feed.told.put(f"id: 0123abcd-{number}\ndata: {json.dumps(value)}\n\n".encode())
        seen.until(lambda at: at.out.count("\n") == 3)
    said = [text.split(": ", 1)[1] for text in seen.out.splitlines()]
    assert said[1:] == ["history is off: the disk is full", "ab"]
    assert said[0].startswith("primary rests")


def test_a_terminal_sees_what_runs_in_a_line_that_goes(tmp_path: Path) -> None:
    feed = Feed()
    with (
        daemon(tmp_path / "s", feed),
        on_a_terminal("requests", "-f", "-n", "1", "--socket", tmp_path / "s") as screen,
    ):
        screen.until(lambda text: "nothing runs" in text)
        feed.tell({"type": "start", "id": row(20)["id"], "at": time.time() - 61}, 1)
        screen.until(lambda text: "1 request running · the longest for 1 min" in text)
        feed.tell(ended(20)[0], 2)
        screen.until(lambda text: "00000014" in text and text.rindex("nothing runs") > text.index("00000014"))
        os.kill(screen.process.pid, signal.SIGINT)
        assert screen.ended() == 0
    text = screen.written.decode()
    assert text.endswith("\r\x1b[K")
    assert "Sunday 22 November 2026" in text
    assert "time" in text.splitlines()[0]


def test_a_dumb_terminal_gets_rows_and_nothing_that_moves(tmp_path: Path) -> None:
    feed = Feed()
    with (
        daemon(tmp_path / "s", feed),
        on_a_terminal("requests", "-f", "--socket", tmp_path / "s", more={"TERM": "dumb"}) as screen,
    ):
        feed.tell(ended(20)[0], 2)
        screen.until(lambda text: "00000014" in text)
    assert "\x1b" not in screen.written.decode()
    assert "runs" not in screen.written.decode()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"nonsense\r\n\r\n", "but it is not ccflared"),
        (b"", "did not answer"),
        (
            b"HTTP/1.1 503 no\r\n\r\n" + b'{"error": {"message": "16 streams are open"}}',
            "16 streams are open",
        ),
        (b"x" * 100_000, "but it is not ccflared"),
    ],
)
def test_what_is_no_stream_is_said(tmp_path: Path, answer: bytes, said: str) -> None:
    with canned_daemon(tmp_path / "s") as canned:
        canned.raw = answer
        with followed("logs", "-f", socket=tmp_path / "s") as seen:
            seen.until(lambda at: said in at.err)
            assert seen.process.wait(10) == 4


def test_an_event_without_end_is_not_kept_for_ever(tmp_path: Path) -> None:
    feed = Feed()
    with daemon(tmp_path / "s", feed), followed("logs", "-f", socket=tmp_path / "s") as seen:
        feed.told.put(b"data: " + b"x" * 5_000_000)
        seen.until(lambda at: "is no stream of events" in at.err)
        assert seen.process.wait(10) == 4


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"id: 3\nevent: x\ndata: {\ndata: }\n\n", ("3", "x", {})),
        (b"data:1\r\n\r\n", ("", "message", 1)),
        (b'data: "a\xe2\x80\xa8b"\n\n', ("", "message", "a\u2028b")),
        (b"data: nonsense\n\n", ("", "message", None)),
        (b": a comment\n\n", None),
        (b"id: 3\n\n", None),
    ],
)
def test_an_event_is_read_as_its_standard_says(raw: bytes, value: tuple[str, str, object] | None) -> None:
    assert read_event(raw) == value


def test_a_daemon_that_stops_for_long_is_said_to_be_gone_once(tmp_path: Path) -> None:
    """While it drains it takes connections, and ends each at once."""
    feed = Feed()
    with daemon(tmp_path / "s", feed), followed("logs", "-f", socket=tmp_path / "s") as seen:
        seen.until(lambda at: bool(at.out))
        for _ in range(5):
            feed.tell({"connected": True})
            feed.end()
        seen.until(lambda _: len(feed.heads) == 6)
        assert seen.err == f"{GONE}\n"
        feed.tell(line(9, "INFO", "here"), 9)
        seen.until(lambda at: BACK in at.err)
        assert seen.err == f"{GONE}\n{BACK}\n"
