"""``ccflared top`` as a person has it: the real program in a terminal of tmux, before a demo with traffic."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]

ROOT = Path(__file__).parent.parent.parent
PROGRAM = f"{sys.executable} -m ccflared"
PATIENCE = 30.0
PAGES = ("Accounts", "Requests", "Conversations", "Costs", "Logs", "Charts")


class Terminal:
    """A terminal of tmux with ``top`` in it."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def tmux(self, *words: str) -> str:
        ended = subprocess.run(
            ["tmux", "-S", str(self._socket), "-f", "/dev/null", *words],
            check=True,
            capture_output=True,
            text=True,
        )
        return ended.stdout

    def keys(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def shown(self) -> str:
        return self.tmux("capture-pane", "-p")

    def process(self) -> int:
        """Return the id of the program's process."""
        shell = self.tmux("list-panes", "-F", "#{pane_pid}").strip()
        return int(Path(f"/proc/{shell}/task/{shell}/children").read_text().split()[0])

    def until(self, so: Callable[[str], object], what: str) -> str:
        deadline = time.monotonic() + PATIENCE
        while not so(shown := self.shown()):
            assert time.monotonic() < deadline, f"never came: {what}\n{shown}"
        return shown

    def sees(self, *words: str) -> str:
        return self.until(lambda shown: all(word in shown for word in words), " / ".join(words))


@pytest.fixture(scope="module")
def demo() -> Iterator[str]:
    """A demo with traffic; gives the line that makes commands mean it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ccflared", "demo", "--traffic", "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(r"export (CCFLARED_CONFIG=\S+)", line):
                yield found[1]
                break
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


@contextmanager
def top(
    directory: Path, demo: str, columns: int, lines: int, *, before: str = "", **environ: str
) -> Iterator[Terminal]:
    terminal = Terminal(directory / "tmux")
    # A shell may export how wide it was once: what counts is the terminal.
    usual = {"LANG": "C.UTF-8", "COLUMNS": "80", "LINES": "24"}
    given = " ".join(f"{name}={value}" for name, value in (usual | environ).items())
    command = f"{before}env {given} {demo} PYTHONPATH={ROOT} {PROGRAM} top; echo ended with $?; read -r _"
    terminal.tmux("new-session", "-d", "-x", str(columns), "-y", str(lines), command)
    try:
        yield terminal
    finally:
        terminal.tmux("kill-server")


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (160, 50)])
def test_every_page_comes_alive_at_every_size(tmp_path: Path, demo: str, size: tuple[int, int]) -> None:
    alive = {
        "Accounts": "small-plan",
        "Requests": "● 200",
        "Conversations": "held by",
        "Costs": "total",
        "Logs": "small-plan is resting",
        "Charts": "First byte, median",
    }
    with top(tmp_path, demo, *size) as terminal:
        for number, page in enumerate(PAGES, 1):
            terminal.sees("ccflared")
            terminal.keys(str(number))
            shown = terminal.sees(f"{number} {page}", alive[page], "q quit")
            assert len(shown.rstrip("\n").split("\n")) == size[1]
            assert not re.search(r"Traceback|Error", shown)


@pytest.mark.parametrize(
    "environ", [{"TERM": "xterm"}, {"TERM": "screen"}, {"TERM": "linux"}, {"TERM": "xterm", "NO_COLOR": "1"}]
)
def test_it_is_drawn_and_left_in_order_on_every_kind_of_terminal(
    tmp_path: Path, demo: str, environ: dict[str, str]
) -> None:
    with top(tmp_path, demo, 80, 24, **environ) as terminal:
        terminal.sees("1 Accounts", "small-plan", "● ready")
        if "NO_COLOR" in environ:
            codes = set(re.findall(r"\x1b\[([0-9;]*)m", terminal.tmux("capture-pane", "-pe")))
            numbers = {int(number) for code in codes for number in code.split(";") if number}
            assert not {number for number in numbers if 30 <= number <= 37 or number in (38, 48)}
        terminal.keys("q")
        shown = terminal.sees("ended with 0")
        assert "Accounts" not in shown


def test_an_account_is_paused_and_resumed_and_a_request_looked_into(tmp_path: Path, demo: str) -> None:
    with top(tmp_path, demo, 100, 40) as terminal:
        terminal.sees("steady")
        terminal.keys("p")
        terminal.sees("is paused")
        terminal.keys("r")
        terminal.sees("is resumed")
        terminal.keys("2")
        terminal.sees("● 200")
        terminal.keys("Down", "Down", "Enter")
        terminal.sees("Tries", "served")
        terminal.keys("Escape")
        terminal.sees("/ filter")


@pytest.mark.parametrize("signal", ["TERM", "HUP", "INT"])
def test_a_signal_ends_it_and_leaves_the_terminal_as_it_was(tmp_path: Path, demo: str, signal: str) -> None:
    with top(tmp_path, demo, 80, 24) as terminal:
        terminal.sees("1 Accounts", "small-plan")
        subprocess.run(["kill", f"-{signal}", str(terminal.process())], check=True)
        shown = terminal.sees("ended with 0")
        assert "Accounts" not in shown


def test_it_ends_with_its_terminal_even_where_the_signal_of_that_is_ignored(
    tmp_path: Path, demo: str
) -> None:
    with top(tmp_path, demo, 80, 24, before="trap '' HUP; ") as terminal:
        terminal.sees("1 Accounts", "small-plan")
        process = terminal.process()
        assert alive(process)
    deadline = time.monotonic() + PATIENCE
    while alive(process):
        assert time.monotonic() < deadline, "it goes on without a terminal"


def alive(process: int) -> bool:
    try:
        return b"ccflared" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False
