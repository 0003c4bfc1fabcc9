"""The command as a process: signals, terminals, pipes, and what it loads before it answers."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from canned import busy, canned_daemon, troubled
from terminals import COMMAND, NOTHING, environment, on_a_terminal, run

HEAVY = ("trio", "httpx", "hypercorn", "tomlkit", "watchfiles", "rich", "sqlite3", "ccflared.config.decode")


def test_a_terminal_gets_colour_and_rules(tmp_path: Path) -> None:
    with canned_daemon(tmp_path / "s", busy()), on_a_terminal("status", "--socket", tmp_path / "s") as screen:
        assert screen.ended() == 0
    text = screen.written.decode()
    assert "\x1b[32m●" in text
    assert "───" in text


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_none_gets_no_colour(tmp_path: Path, more: dict[str, str]) -> None:
    with (
        canned_daemon(tmp_path / "s", troubled()),
        on_a_terminal("status", "--socket", tmp_path / "s", columns=60, more=more) as screen,
    ):
        assert screen.ended() == 1
    text = screen.written.decode()
    assert "\x1b" not in text
    assert "─" not in text
    assert max(len(line) for line in text.splitlines()) <= 60


def test_a_terminal_without_unicode_gets_ascii(tmp_path: Path) -> None:
    document = busy()
    document["accounts"][0]["reason"] = "größer, 漢字"
    with canned_daemon(tmp_path / "s", document):
        got = run("status", "--socket", tmp_path / "s", PYTHONIOENCODING="latin-1", COLUMNS="120")
    assert got.returncode == 0
    assert got.stdout.isascii()
    assert "gr??er, ??" in got.stdout


def test_the_c_locale_by_name_gets_ascii(tmp_path: Path) -> None:
    with canned_daemon(tmp_path / "s", busy()):
        assert run("status", "--line", "--socket", tmp_path / "s", LC_ALL="C").stdout.isascii()
        assert run("status", "--line", "--socket", tmp_path / "s", LANG="POSIX").stdout.isascii()
        assert not run("status", "--line", "--socket", tmp_path / "s", LANG="de_DE.UTF-8").stdout.isascii()


TEST = "POST /api/accounts/work/test"
SERVED = 200, {"success": True, "message": "work answered in 152 ms."}


@pytest.mark.parametrize(
    "more", [NOTHING, {"LC_ALL": "C"}, {"NO_COLOR": "1"}], ids=["colour", "ascii", "without colour"]
)
def test_who_waits_is_told_for_what_and_for_how_long_until_it_is_there(
    tmp_path: Path, more: dict[str, str]
) -> None:
    with (
        canned_daemon(tmp_path / "s", busy()) as canned,
        on_a_terminal("account", "test", "work", "--socket", tmp_path / "s", more=more) as screen,
    ):
        canned.answers[TEST] = SERVED
        canned.held[TEST] = threading.Event()
        dots = "..." if more.get("LC_ALL") else "…"
        screen.until(lambda text: f"asking work{dots} 2 s" in text)
        canned.held[TEST].set()
        assert screen.ended() == 0
    waited, answer = screen.written.decode().split("\r\x1b[K")
    assert waited.startswith(f"asking work{dots}")
    assert "\n" not in waited
    assert "work answered in 152 ms." in answer


def test_who_waits_at_a_dumb_terminal_is_told_once(tmp_path: Path) -> None:
    with (
        canned_daemon(tmp_path / "s", busy()) as canned,
        on_a_terminal("account", "test", "work", "--socket", tmp_path / "s", more={"TERM": "dumb"}) as screen,
    ):
        canned.answers[TEST] = SERVED
        canned.held[TEST] = threading.Event()
        screen.until(lambda text: "asking work…\r\n" in text)
        canned.held[TEST].set()
        assert screen.ended() == 0
    text = screen.written.decode()
    assert text.count("asking work") == 1
    assert "\x1b" not in text


def test_what_is_there_at_once_is_not_waited_for(tmp_path: Path) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers[TEST] = SERVED
        with on_a_terminal("account", "test", "work", "--socket", tmp_path / "s") as screen:
            assert screen.ended() == 0
    assert "asking" not in screen.written.decode()


def test_watching_redraws_in_place_and_ctrl_c_leaves_the_terminal_in_order(tmp_path: Path) -> None:
    document = busy()
    with (
        canned_daemon(tmp_path / "s", document) as canned,
        on_a_terminal("status", "--watch", "0.1", "--socket", tmp_path / "s") as screen,
    ):
        screen.until(lambda text: "running well" in text)
        canned.answers["GET /api/status"] = 200, document | {"state": "draining"}
        screen.until(lambda text: "is stopping" in text)
        os.kill(screen.process.pid, signal.SIGINT)
        assert screen.ended() == 0
    text = screen.written.decode()
    assert text.index("\x1b[?1049h") < text.index("running well")
    assert text.rindex("\x1b[?1049l") > text.rindex("is stopping")
    assert "Traceback" not in text


def test_watching_ends_as_cleanly_on_sigterm_and_goes_on_while_the_daemon_is_away(tmp_path: Path) -> None:
    with on_a_terminal("status", "--watch", "0.1", "--socket", tmp_path / "s") as screen:
        screen.until(lambda text: "is not running" in text)
        with canned_daemon(tmp_path / "s", busy()):
            screen.until(lambda text: "running well" in text)
        screen.process.terminate()
        assert screen.ended() == 0
    assert screen.written.decode().endswith("\x1b[?25h\x1b[?1049l")


def test_watching_in_a_low_window_shows_what_needs_a_person_first(tmp_path: Path) -> None:
    with (
        canned_daemon(tmp_path / "s", troubled()),
        on_a_terminal("status", "--watch", "--socket", tmp_path / "s", lines=24) as screen,
    ):
        text = screen.until(lambda text: "more lines" in text)
    assert text.index("What needs you") < text.index("Accounts")


def test_watching_into_a_pipe_prints_a_status_each_time(tmp_path: Path) -> None:
    with canned_daemon(tmp_path / "s", busy()):
        process = subprocess.Popen(
            [*COMMAND, "status", "--watch", "0.1", "--line", "--socket", str(tmp_path / "s")],
            env=environment(),
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        first, second = process.stdout.readline(), process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    assert first == second == "ccflared ● 2/4 ready · primary · 2 running · 482/h\n".encode()
    assert process.returncode == 0


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with canned_daemon(tmp_path / "s", busy()):
        got = subprocess.run(
            [*COMMAND, "status", "--json", "--socket", str(tmp_path / "s")],
            env=environment(),
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
    os.close(writing)
    assert (got.returncode, got.stderr) == (0, b"")


@pytest.mark.parametrize("words", [("schema",), ("--help",), ("status", "--json")], ids=" ".join)
def test_a_long_output_that_cannot_be_written_is_said_as_well(tmp_path: Path, words: tuple[str, ...]) -> None:
    long = busy()
    long["accounts"] *= 200
    with canned_daemon(tmp_path / "s", long), Path("/dev/full").open("w") as full:
        got = subprocess.run(
            [*COMMAND, *words, "--socket", str(tmp_path / "s")],
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (got.returncode, got.stderr) == (4, "The output cannot be written: No space left on device\n")


def test_an_output_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with canned_daemon(tmp_path / "s", busy()), Path("/dev/full").open("w") as full:
        got = subprocess.run(
            [*COMMAND, "status", "--socket", str(tmp_path / "s")],
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (got.returncode, got.stderr) == (4, "The output cannot be written: No space left on device\n")


@pytest.mark.parametrize(
    "words", [("--version",), ("--help",), ("status",), ("account", "list"), ("reload",)], ids=" ".join
)
def test_a_light_command_loads_nothing_heavy(tmp_path: Path, words: tuple[str, ...]) -> None:
    program = (
        "import sys; from ccflared.__main__ import main; sys.argv[1:] = sys.argv[1:]; main();"
        f"print(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    with canned_daemon(tmp_path / "s", busy()):
        where = () if words[0].startswith("-") else ("--socket", str(tmp_path / "s"))
        got = subprocess.run(
            [sys.executable, "-c", program, *words, *where],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    assert got.stderr.splitlines()[-1] == ""


def interrupted(number: signal.Signals, tmp_path: Path, *, first: bool) -> subprocess.CompletedProcess[bytes]:
    """Run ``ccflared demo`` with something in the way of its imports that sends it ``number``."""
    (tmp_path / "ccflared_stop.py").write_text(
        "import os, signal, sys\n"
        "class Stop:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'trio':\n"
        f"            os.kill(os.getpid(), {int(number)})\n"
        "sys.meta_path.insert(0, Stop())\n"
    )
    body = "import ccflared_stop; from ccflared.__main__ import main; raise SystemExit(main())"
    command = [sys.executable, "-c", body, "demo"]
    if first:
        command = ["unshare", "--pid", "--fork", "--kill-child", *command]
    return subprocess.run(
        command, env=environment(PYTHONPATH=str(tmp_path)), capture_output=True, check=False, timeout=30
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_start_ends_the_process_at_once_and_quietly(
    tmp_path: Path, number: signal.Signals
) -> None:
    got = interrupted(number, tmp_path, first=False)
    assert (got.returncode, got.stdout, got.stderr) == (-number, b"", b"")


@pytest.mark.skipif(os.geteuid() != 0, reason="a namespace of processes takes root")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_during_the_start_ends_pid_1_as_well(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    if subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no namespaces here")
    got = interrupted(number, tmp_path, first=True)
    assert (got.returncode, got.stdout, got.stderr) == (code, b"", b"")
