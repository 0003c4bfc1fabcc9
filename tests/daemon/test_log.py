"""Where lines go and how they look: the journal's socket, its priorities on stderr, JSON, text; and what they say."""

import json
import logging
import os
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from journals import journal

from ccflared.config.model import Log
from ccflared.daemon import logs
from ccflared.daemon.about import about, caused_by

log = logging.getLogger("ccflared.test")


@pytest.fixture(autouse=True)
def left_as_it_was() -> Iterator[None]:
    root = logging.getLogger("ccflared")
    before = root.handlers[:], root.propagate, root.level
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:], root.propagate = before[0], before[1]
    root.setLevel(before[2])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where a journal may listen; nobody does yet."""
    return tmp_path / "j"


def to(form: str, path: Path, level: str = "info") -> None:
    """Direct the log; the journal is at ``path``."""
    logs.set_up(Log(level, form), {"TERM": "xterm"}, path)  # type: ignore[arg-type]


def a_fault() -> None:
    """Log a fault of two lines and more."""
    try:
        dict[str, str]()["lost\nand found"]
    except KeyError:
        log.exception("it failed", extra=about("fault", request="req_1"))


def test_the_journal_gets_an_entry_of_fields_for_each_line(place: Path) -> None:
    with journal(place) as receiver:
        to("journald", place)
        log.warning("%s is resting", "work", extra=about("account-state", account="work", client="laptop"))
        log.info("ready")
        log.debug("too much")
        assert receiver.entries() == [
            {
                "MESSAGE": "work is resting",
                "PRIORITY": "4",
                "SYSLOG_IDENTIFIER": "ccflared",
                "CCFLARED_LOGGER": "ccflared.test",
                "CCFLARED_EVENT": "account-state",
                "CCFLARED_ACCOUNT": "work",
                "CCFLARED_CLIENT": "laptop",
            },
            {
                "MESSAGE": "ready",
                "PRIORITY": "6",
                "SYSLOG_IDENTIFIER": "ccflared",
                "CCFLARED_LOGGER": "ccflared.test",
            },
        ]


@pytest.mark.parametrize(
    ("level", "priority"), [("debug", "7"), ("info", "6"), ("warning", "4"), ("error", "3")]
)
def test_a_level_is_a_priority_of_the_journal(place: Path, level: str, priority: str) -> None:
    with journal(place) as receiver:
        to("journald", place, "debug")
        log.log(getattr(logging, level.upper()), "said")
        assert [entry["PRIORITY"] for entry in receiver.entries()] == [priority]


def test_a_traceback_is_one_entry_of_many_lines(place: Path) -> None:
    with journal(place) as receiver:
        to("journald", place)
        a_fault()
        (entry,) = receiver.entries()
    first, *others = entry["MESSAGE"].split("\n")
    assert first == "it failed [req_1]"
    assert others[0] == "Traceback (most recent call last):"
    assert others[-1] == r"KeyError: 'lost\nand found'"
    assert entry["CCFLARED_REQUEST"] == "req_1"


def test_what_came_from_outside_begins_no_field_of_its_own(place: Path) -> None:
    with journal(place) as receiver:
        to("journald", place)
        log.info("a\nPRIORITY=0\n", extra=about("client", client="b\nPRIORITY=1\nX"))
        (entry,) = receiver.entries()
    assert (entry["MESSAGE"], entry["PRIORITY"]) == ("a PRIORITY=0 ", "6")
    assert entry["CCFLARED_CLIENT"] == "b\nPRIORITY=1\nX"


def test_a_long_message_is_cut_to_what_a_datagram_holds(place: Path) -> None:
    with journal(place) as receiver:
        to("journald", place)
        log.info("ä" * 1_000_000)
        (entry,) = receiver.entries()
    assert re.fullmatch("ä{24000,} \\.\\.\\. \\(19\\d+ bytes more\\)", entry["MESSAGE"])


def test_a_journal_that_takes_no_more_keeps_nobody_waiting_and_is_told_what_is_missing(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with journal(place) as receiver:
        to("journald", place)
        for number in range(3000):
            log.info("line %d", number)
        taken = receiver.entries()
        assert 0 < len(taken) < 3000
        log.info("once more")
        lost, last = receiver.entries()
    assert (
        lost["MESSAGE"]
        == f"{3000 - len(taken)} lines of the log are missing before this: the journal took no more"
    )
    assert (lost["PRIORITY"], lost["CCFLARED_EVENT"], last["MESSAGE"]) == ("4", "log", "once more")
    assert capsys.readouterr().err == ""


def test_without_a_journal_each_line_has_its_priority_in_front_and_the_journal_is_used_when_it_comes(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to("journald", place)
    log.error("before", extra=about("history"))
    a_fault()
    with journal(place) as receiver:
        log.info("meanwhile")
        assert [entry["MESSAGE"] for entry in receiver.entries()] == ["meanwhile"]
    log.info("after")
    first, failed, *traceback, last = capsys.readouterr().err.splitlines()
    assert (first, failed, last) == ("<3>before", "<3>it failed [req_1]", "<6>after")
    assert traceback[0] == "<3>Traceback (most recent call last):"
    assert all(line.startswith("<3>") for line in traceback)


def test_auto_writes_to_the_journal_where_stderr_is_its_stream(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = socket.socketpair()
    with journal(place) as receiver, ours, theirs, os.fdopen(os.dup(ours.fileno()), "w") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        facts = os.fstat(stream.fileno())
        logs.set_up(Log(), {"JOURNAL_STREAM": f"{facts.st_dev}:{facts.st_ino}"}, place)
        log.info("under systemd")
        logs.set_up(Log(), {"JOURNAL_STREAM": f"{facts.st_dev}:{facts.st_ino + 1}"}, place)
        log.info("redirected")
        assert [entry["MESSAGE"] for entry in receiver.entries()] == ["under systemd"]
        assert theirs.recv(1000).decode().endswith(" redirected\n")


def test_json_has_the_same_fields_and_a_traceback_in_the_same_line(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to("json", place)
    log.warning("work is\nresting", extra=about("account-state", account="work", request="req_9"))
    log.info("ready")
    a_fault()
    resting, ready, failed = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    ts = resting.pop("ts")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", ts)
    assert resting == {
        "level": "WARNING",
        "logger": "ccflared.test",
        "msg": "work is\nresting",
        "event": "account-state",
        "account": "work",
        "request": "req_9",
    }
    assert set(ready) == {"ts", "level", "logger", "msg"}
    assert failed["traceback"].startswith("Traceback (most recent call last):\n")


def test_text_in_a_pipe_has_the_date_and_no_colour(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to("text", place, "debug")
    log.info("ready")
    log.warning("work is resting", extra=about("account-state", account="work", request="req_9"))
    ready, resting = capsys.readouterr().err.splitlines()
    at = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d{4}"
    assert re.fullmatch(f"{at} ready", ready)
    assert re.fullmatch(f"{at} warning: work is resting \\[req_9\\]", resting)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"TERM": "xterm"}, "\x1b[31merror:\x1b[0m "),
        ({"TERM": "xterm", "NO_COLOR": "1"}, "error: "),
        ({"TERM": "dumb"}, "error: "),
        ({}, "error: "),
    ],
    ids=["colour", "NO_COLOR", "dumb", "no TERM"],
)
def test_text_on_a_terminal_has_the_time_and_a_coloured_level_where_that_is_shown(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], said: str
) -> None:
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb", 0) as screen, os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        logs.set_up(Log(), environ)
        log.error("broken")
        log.info("mended")
        terminal.flush()
        written = b""
        while written.count(b"\n") < 2:
            written += screen.read(1000)
    broken, mended = written.decode().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d " + re.escape(said) + "broken", broken)
    assert re.fullmatch(r"\d\d:\d\d:\d\d mended", mended)


def test_a_closed_stderr_is_no_fault(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    for form in ("auto", "text", "json", "journald"):
        to(form, place)
        log.error("nobody hears this")


def test_a_reload_leaves_no_socket_behind(place: Path) -> None:
    def sockets() -> int:
        found = 0
        for descriptor in Path("/proc/self/fd").iterdir():
            with suppress(FileNotFoundError):  # the one that reads the directory
                found += str(descriptor.readlink()).startswith("socket:")
        return found

    to("journald", place)
    before = sockets()
    for _ in range(5):
        to("journald", place)
    assert sockets() == before


def test_what_is_logged_deep_in_a_request_names_it_and_its_client(place: Path) -> None:
    def deep(**more: Any) -> None:
        log.info("found", extra=about("account-state", account="work", **more))

    with journal(place) as receiver:
        to("journald", place)
        with caused_by("req_1", "laptop"):
            deep()
            deep(request="req_2", client="ci")
        deep()
        named = [
            (entry.get("CCFLARED_REQUEST"), entry.get("CCFLARED_CLIENT")) for entry in receiver.entries()
        ]
    assert named == [("req_1", "laptop"), ("req_2", "ci"), (None, None)]
