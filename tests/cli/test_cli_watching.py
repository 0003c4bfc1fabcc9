"""``status --watch``: what it writes to a terminal, byte by byte, and what is seen there in the end."""

import copy
import os
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from canned import busy, canned_daemon, pooled, troubled
from terminals import Screen, environment, on_a_terminal

MOVE = re.compile(r"\x1b\[(\d+);1H")
STYLE = re.compile(r"\x1b\[[0-9;]*m")
MODES = re.compile(r"\x1b\[\?[0-9]+[hl]")
FRAME = "\x1b[?2026h"


def seen(written: str, columns: int, lines: int) -> list[str]:
    """Return what a window shows that was sent this: whole lines at the beginning of rows, and what erases."""
    rows = [""] * lines
    _, *pieces = MOVE.split(MODES.sub("", STYLE.sub("", written)))
    for row, text in zip(pieces[::2], pieces[1::2], strict=True):
        if text == "\x1b[J":
            rows[int(row) - 1 :] = [""] * (lines - int(row) + 1)
            continue
        shown = text.removesuffix("\x1b[K")
        assert "\x1b" not in shown
        assert len(shown) <= columns
        # Whoever does not erase the rest of the line has filled it.
        assert text.endswith("\x1b[K") or len(shown) == columns
        rows[int(row) - 1] = shown
    return [row.rstrip() for row in rows]


def frames(screen: Screen) -> list[str]:
    return screen.written.decode().split(FRAME)[1:]


def drawn(number: int, written: str) -> bool:
    """Whether so many frames were written to their end."""
    return written.count(FRAME) == number and written.endswith("\x1b[?2026l")


def watched(socket: Path, *words: str) -> tuple[str, ...]:
    return ("status", "--watch", "0.1", "--socket", str(socket), *words)


def test_between_two_frames_nothing_is_cleared_and_only_what_changed_is_written(tmp_path: Path) -> None:
    document = busy()
    with (
        canned_daemon(tmp_path / "s", document) as canned,
        on_a_terminal(*watched(tmp_path / "s"), lines=70) as screen,
    ):
        screen.until(lambda text: "q ends" in text)
        asked = len(canned.asked)
        screen.until(lambda _: len(canned.asked) > asked + 3)
        assert len(frames(screen)) == 1, "the same again is not written again"
        canned.answers["GET /api/status"] = 200, document | {"running": 7}
        screen.until(lambda text: "7 running" in text)
        screen.type_in("q")
        assert screen.ended() == 0
    first, second, *more = frames(screen)
    assert more == []
    assert len(second.partition("\x1b[?2026l")[0]) < 200
    assert "\x1b[J" not in second
    written = screen.written.decode()
    assert "\x1b[2J" not in written
    assert "\x1b[3J" not in written
    assert "\n" not in first + second.partition("\x1b[?2026l")[0]


def test_a_page_that_became_shorter_leaves_nothing_behind(tmp_path: Path) -> None:
    document = busy()
    few = copy.deepcopy(document)
    few["accounts"], few["clients"] = few["accounts"][:1], []
    with (
        canned_daemon(tmp_path / "s", document) as canned,
        on_a_terminal(*watched(tmp_path / "s"), lines=70) as screen,
    ):
        screen.until(lambda text: "q ends" in text)
        canned.answers["GET /api/status"] = 200, few
        shown = screen.until(lambda text: text.count(FRAME) == 2 and text.endswith("\x1b[?2026l"))
    rows = seen(shown, 80, 70)
    assert "coder-plan" not in "".join(rows)
    assert "Clients" not in rows
    assert rows[len("".join(f"{row}\n" for row in rows).rstrip().splitlines()) :] == [""] * rows[::-1].index(
        next(row for row in rows[::-1] if row)
    )


@pytest.mark.parametrize("document", [busy, pooled, troubled])
def test_another_size_of_the_window_is_another_page_at_once(
    tmp_path: Path, document: Callable[[], dict[str, Any]]
) -> None:
    with (
        canned_daemon(tmp_path / "s", document()),
        on_a_terminal("status", "--watch", "60", "--socket", tmp_path / "s", columns=100, lines=90) as screen,
    ):
        screen.until(lambda text: "ends" in text)
        for number, (columns, lines) in enumerate([(40, 90), (160, 50), (60, 12), (80, 24)], 2):
            screen.resize(columns, lines)
            shown = screen.until(partial(drawn, number))
            rows = seen(FRAME + shown.split(FRAME)[-1], columns, lines)
            assert rows[0].startswith(("● ccflared is running", "◐ ccflared is running"))
            assert max(map(len, rows)) <= columns


def test_a_low_window_is_filled_to_its_last_line_and_says_what_it_does_not_show(tmp_path: Path) -> None:
    with (
        canned_daemon(tmp_path / "s", troubled()),
        on_a_terminal(*watched(tmp_path / "s"), lines=20) as screen,
    ):
        shown = screen.until(lambda text: "more lines" in text and text.endswith("\x1b[?2026l"))
    rows = seen(shown, 80, 20)
    assert re.fullmatch(r"… \d+ more lines", rows[-1])
    assert rows.index("What needs you " + "─" * 65) < next(
        at for at, row in enumerate(rows) if row.startswith("  ✗ primary")
    )


def test_who_wants_no_colour_gets_none_and_still_no_flicker(tmp_path: Path) -> None:
    document = busy()
    with (
        canned_daemon(tmp_path / "s", document) as canned,
        on_a_terminal(*watched(tmp_path / "s"), lines=70, more={"NO_COLOR": "1"}) as screen,
    ):
        screen.until(lambda text: "q ends" in text)
        canned.answers["GET /api/status"] = 200, document | {"running": 7}
        screen.until(lambda text: "7 running" in text)
    assert not STYLE.search(screen.written.decode())
    assert len(frames(screen)) == 2


def test_a_dumb_terminal_gets_one_page_after_the_other_and_no_escape(tmp_path: Path) -> None:
    with (
        canned_daemon(tmp_path / "s", busy()),
        on_a_terminal(*watched(tmp_path / "s"), more={"TERM": "dumb"}) as screen,
    ):
        text = screen.until(lambda text: text.count("running well") == 3)
    assert "\x1b" not in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_what_is_typed_is_not_echoed_and_the_terminal_is_as_it_was(tmp_path: Path) -> None:
    with (
        canned_daemon(tmp_path / "s", busy()),
        on_a_terminal(*watched(tmp_path / "s")) as screen,
    ):
        screen.until(lambda text: "running well" in text)
        assert not termios.tcgetattr(screen.terminal)[3] & termios.ECHO
        screen.type_in("zzz")
        screen.type_in("q")
        assert screen.ended() == 0
        assert "zzz" not in screen.written.decode()
        assert termios.tcgetattr(screen.terminal)[3] & termios.ECHO
    assert screen.written.decode().endswith("\x1b[?7h\x1b[?25h\x1b[?1049l")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_ends_it_gets_the_terminal_back(tmp_path: Path, ending: signal.Signals) -> None:
    with (
        canned_daemon(tmp_path / "s", busy()),
        on_a_terminal(*watched(tmp_path / "s")) as screen,
    ):
        screen.until(lambda text: "running well" in text)
        os.kill(screen.process.pid, ending)
        assert screen.ended() == 0
        assert termios.tcgetattr(screen.terminal)[3] & termios.ECHO
    assert screen.written.decode().endswith("\x1b[?7h\x1b[?25h\x1b[?1049l")


def test_a_terminal_that_goes_away_is_no_bug(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    with canned_daemon(tmp_path / "s", busy()):
        process = subprocess.Popen(
            ["setsid", "--ctty", sys.executable, "-m", "ccflared", *watched(tmp_path / "s")],
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.PIPE,
            env=environment(TERM="xterm"),
        )
        os.close(theirs)
        with process:
            shown = b""
            while b"\x1b[?2026l" not in shown:
                shown += os.read(ours, 65536)
            os.close(ours)
            _, complaint = process.communicate(timeout=20)
    assert b"Traceback" not in complaint


def test_a_daemon_that_goes_away_and_comes_back_is_seen_to_do_so(tmp_path: Path) -> None:
    with on_a_terminal(*watched(tmp_path / "s")) as screen:
        screen.until(lambda text: "is not running" in text)
        with canned_daemon(tmp_path / "s", busy()):
            screen.until(lambda text: "running well" in text)
        shown = screen.until(
            lambda text: (
                text.rindex("is not running") > text.rindex("running well") and text.endswith("2026l")
            )
        )
        assert "Accounts" not in "\n".join(seen(shown, 80, 60))
        os.kill(screen.process.pid, signal.SIGTERM)
        assert screen.ended() == 0
