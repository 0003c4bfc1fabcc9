"""The status page as people see it: in a real terminal, at every width, on its status line, watched and resized."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from canned import busy, canned_daemon, logins, pooled, troubled
from terminals import environment

from ccflared import __version__
from ccflared.cli.render.layout import UNICODE, text_of
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.snapshot import read_status
from ccflared.cli.render.status import status_lines

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
COMMAND = f"{sys.executable} -m ccflared"
ROOT = Path(__file__).parents[2]


@dataclass
class Tmux:
    """A tmux server of its own."""

    socket: Path

    def __call__(self, *words: object) -> str:
        env = environment(PYTHONPATH=str(ROOT), SHELL="/bin/sh", TERM="xterm-256color")
        done = subprocess.run(
            ["tmux", "-S", str(self.socket), "-f", "/dev/null", *map(str, words)],
            env=env,
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
        return done.stdout

    def run(self, command: str, columns: int = 80, lines: int = 60) -> None:
        self("new-session", "-d", "-x", columns, "-y", lines, command)
        self("set", "-g", "status", "off")
        self("resize-window", "-x", columns, "-y", lines)

    def shown(self, enough: Callable[[str], bool], *more: str) -> str:
        """Return what the window shows, once that is enough."""
        deadline = time.monotonic() + 20
        while not enough(text := self("capture-pane", "-p", *more)):
            assert time.monotonic() < deadline, text
        return text


@contextmanager
def tmux(directory: Path) -> Iterator[Tmux]:
    server = Tmux(directory / "t")
    try:
        yield server
    finally:
        subprocess.run(["tmux", "-S", str(server.socket), "kill-server"], check=False, capture_output=True)


def drawn(document: dict[str, Any], socket: Path, columns: int) -> list[str]:
    """Return the page as it is meant to be."""
    sheet = Sheet(columns, UNICODE, rules=True, zone=UTC)
    lines = status_lines(
        read_status(document | {"version": __version__}), sheet, own_version=__version__, socket=str(socket)
    )
    return [text_of(line) for line in lines]


def begins_with(wanted: list[str], shown: str) -> bool:
    return shown.splitlines()[: len(wanted)] == wanted


@pytest.mark.parametrize("columns", [40, 60, 80, 160])
@pytest.mark.parametrize("document", [busy, pooled, logins, troubled])
def test_a_terminal_shows_the_page_line_by_line_as_it_was_drawn(
    tmp_path: Path, document: Callable[[], dict[str, Any]], columns: int
) -> None:
    wanted = drawn(document(), tmp_path / "s", columns)
    with (
        canned_daemon(tmp_path / "s", document() | {"version": __version__}),
        tmux(tmp_path) as terminal,
    ):
        go = tmp_path / "go"
        # The size is set before anything is written.
        command = f"until [ -e {go} ]; do :; done; {COMMAND} status --socket {tmp_path / 's'}; echo =; cat"
        terminal.run(command, columns, len(wanted) + 5)
        go.touch()
        shown = terminal.shown(lambda text: "\n=\n" in text)
    assert shown.partition("\n=\n")[0].splitlines() == [line.rstrip() for line in wanted]


def test_a_page_that_is_watched_follows_the_window(tmp_path: Path) -> None:
    document = busy() | {"version": __version__}
    with canned_daemon(tmp_path / "s", document) as canned, tmux(tmp_path) as terminal:
        terminal.run(f"{COMMAND} status --watch 0.2 --socket {tmp_path / 's'}; echo ended; cat", 80, 60)
        for columns in (80, 160, 60, 80):
            terminal("resize-window", "-x", columns, "-y", 75)
            wanted = [line.rstrip() for line in drawn(document, tmp_path / "s", columns)]
            shown = terminal.shown(partial(begins_with, wanted))
            assert shown.rstrip().splitlines()[len(wanted) + 1 :] == ["every 0.2 s · q ends"]
        fewer = document | {"clients": [], "running": 5}
        canned.answers["GET /api/status"] = 200, fewer
        wanted = [line.rstrip() for line in drawn(fewer, tmp_path / "s", 80)]
        shown = terminal.shown(partial(begins_with, wanted))
        assert shown.rstrip().splitlines()[len(wanted) + 1 :] == ["every 0.2 s · q ends"]
        terminal("send-keys", "q")
        assert terminal.shown(lambda text: "ended" in text).strip() == "ended"


def test_who_stops_the_watching_gets_the_shell_and_the_page_again_when_it_goes_on(tmp_path: Path) -> None:
    with (
        canned_daemon(tmp_path / "s", busy()),
        tmux(tmp_path) as terminal,
    ):
        terminal.run("bash --norc --noprofile -i", 80, 70)
        terminal("send-keys", f"PS1='$ '; {COMMAND} status --watch 0.2 --socket {tmp_path / 's'}", "Enter")
        terminal.shown(lambda text: "q ends" in text)
        terminal("send-keys", "C-z")
        shell = terminal.shown(lambda text: "Stopped" in text)
        assert "q ends" not in shell
        terminal("send-keys", "echo here", "Enter")
        terminal.shown(lambda text: "\nhere\n" in text)
        terminal("send-keys", "fg", "Enter")
        terminal.shown(lambda text: "q ends" in text and "Stopped" not in text)
        terminal("send-keys", "q")
        assert "Stopped" in terminal.shown(lambda text: "q ends" not in text)


def test_the_line_stands_in_the_status_line_of_tmux_as_the_manual_has_it(tmp_path: Path) -> None:
    page = (ROOT / "man" / "ccflared-status.1").read_text().replace("\\-", "-")
    (length,) = [line for line in page.splitlines() if line.startswith("set -g status-right-length ")]
    (setting,) = [line for line in page.splitlines() if line.startswith("set -g status-right ")]
    called = f"{COMMAND} status --line --socket {tmp_path / 's'}"
    conf = tmp_path / "tmux.conf"
    conf.write_text(
        f"set -g status-interval 1\n{length}\n{setting.replace('ccflared status --line', called)}\n"
    )
    with canned_daemon(tmp_path / "s", troubled()), tmux(tmp_path) as outer:
        inner = tmp_path / "i"
        outer.run(f"tmux -u -S {inner} -f {conf} new-session cat", 90, 10)
        try:
            said = "ccflared ◐ 1/5 ready · work · 2 running · 482/h · 5 to do"
            assert outer.shown(lambda text: said in text)
        finally:
            subprocess.run(["tmux", "-S", inner, "kill-server"], check=False, capture_output=True)


def test_no_program_that_takes_the_line_from_a_pipe_gets_an_escape(tmp_path: Path) -> None:
    with canned_daemon(tmp_path / "s", troubled()):
        env = environment(PYTHONPATH=str(ROOT), FORCE_COLOR="1", CLICOLOR_FORCE="1")
        done = subprocess.run(
            ["sh", "-c", f"{COMMAND} status --line --socket {tmp_path / 's'} | cat"],
            env=env,
            capture_output=True,
            check=True,
        )
    assert b"\x1b" not in done.stdout
    assert done.stdout.count(b"\n") == 1
    assert os.linesep == "\n"
