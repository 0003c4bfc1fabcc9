"""Outputs that are full or closed, letters that are none here, and a daemon that cannot start: each has its sentence."""

import os
import socket
import subprocess
from pathlib import Path

import pytest
from canned import busy, canned_daemon, choice
from terminals import COMMAND, environment, run

FULL = "The output cannot be written: No space left on device\n"
CLOSED = "The standard output is closed.\n"


def shell(
    words: tuple[str, ...], redirected: str, tmp_path: Path, **more: str
) -> subprocess.CompletedProcess[str]:
    """Have a shell run ccflared with its streams redirected."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirected}', "sh", *COMMAND, *words, "--socket", str(tmp_path / "s")],
        env=environment(HOME=str(tmp_path), **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


PRINTING: tuple[tuple[str, ...], ...] = (
    ("status",),
    ("status", "--line"),
    ("status", "--json"),
    ("account", "list"),
    ("requests", "--json"),
    ("logs",),
    ("logs", "--json"),
    ("logs", "-f"),
    ("requests", "-f"),
    ("explain", "claude-opus-4-5"),
    ("account", "test", "work"),
    ("schema",),
    ("--help",),
)


def everything() -> dict[str, tuple[int, object]]:
    line = {"id": "a-1", "ts": 1_795_372_500_000, "level": "INFO", "msg": "hello", "data": {}}
    return {
        "GET /api/logs/history": (200, [line]),
        "GET /api/requests?limit=20": (200, []),
        "GET /api/explain?model=claude-opus-4-5": (200, choice()),
        "POST /api/accounts/work/test": (200, {"success": False, "message": "it does not answer"}),
    }


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_a_full_disk_is_said_and_is_the_exit_code_whatever_the_answer_was(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers |= everything()
        done = shell(words, ">/dev/full", tmp_path)
    if words[-1] == "-f":
        assert done.returncode == 4  # whichever was the first that went wrong
        assert "Traceback" not in done.stderr
    else:
        assert (done.returncode, done.stderr) == (4, FULL)


@pytest.mark.parametrize("words", PRINTING[:-1], ids=" ".join)
def test_a_closed_output_is_said(tmp_path: Path, words: tuple[str, ...]) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers |= everything()
        done = shell(words, ">&-", tmp_path)
    assert (done.returncode, done.stderr) == (4, CLOSED)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("status",), 0),
        (("account", "test", "work"), 1),
        (("account", "pause", "nobody"), 4),
        (("nonsense",), 2),
        (("payloads", "purge"), 2),
        (("run", "--config", "/no/such/file"), 2),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
@pytest.mark.parametrize("redirected", ["2>&-", "2>/dev/full", "<&- 2>&-"])
def test_a_closed_or_full_stderr_changes_no_exit_code_and_leads_no_sentence_elsewhere(
    tmp_path: Path, words: tuple[str, ...], code: int, redirected: str
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers |= everything()
        done = shell(words, redirected, tmp_path) if words[0] != "run" else None
    if done is None:
        done = subprocess.run(
            ["sh", "-c", f'exec "$@" {redirected}', "sh", *COMMAND, *words],
            env=environment(HOME=str(tmp_path)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    assert (done.returncode, done.stderr) == (code, "")
    if code in (2, 4):
        assert done.stdout == ""


def test_with_every_stream_closed_the_exit_code_still_tells(tmp_path: Path) -> None:
    with canned_daemon(tmp_path / "s", busy()):
        assert shell(("status",), "<&- >&- 2>&-", tmp_path).returncode == 4
    assert shell(("nonsense",), "<&- >&- 2>&-", tmp_path).returncode == 2


@pytest.mark.parametrize(
    "words", [("explain", "größe"), ("account", "pause", "größe"), ("request", "größe")], ids=" ".join
)
def test_letters_that_are_none_in_the_locale_are_said_with_one_in_which_they_are(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    with canned_daemon(tmp_path / "s", busy()):
        done = run(
            *words, "--socket", tmp_path / "s", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("Where the terminal writes UTF-8: LC_ALL=C.UTF-8 ccflared ...\n")


# -- A daemon that cannot start

FILE = """\
[server]
listen = "{listen}"
[control]
socket = "{directory}/c.sock"
[storage]
directory = "{directory}/{state}"
"""


def start(directory: Path, *, listen: str = "127.0.0.1:0", state: str = "state") -> tuple[int, str, str]:
    path = directory / "ccflare.toml"
    path.write_text(FILE.format(listen=listen, directory=directory, state=state))
    path.chmod(0o600)
    done = run("run", "--config", path, HOME=str(directory))
    return done.returncode, done.stdout, done.stderr


def test_a_port_that_is_taken_is_said_with_how_to_find_who_has_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        got = start(tmp_path, listen=f"127.0.0.1:{port}")
    said = f"cannot listen on 127.0.0.1:{port}: Address already in use. "
    assert got == (4, "", f"{said}Another program has it: see `ss -ltnp 'sport = :{port}'`\n")


def test_a_control_socket_that_another_serves_is_said_with_how_to_ask_it(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "c.sock"))
        other.listen()
        code, _, err = start(tmp_path)
    assert (code, "`ccflared status --socket " in err) == (4, True)


def test_a_state_directory_that_cannot_be_is_said_with_the_key_that_names_another(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = f"the state directory {tmp_path}/file/state cannot be used: Not a directory. [storage] directory names another.\n"
    assert start(tmp_path, state="file/state") == (4, "", said)


def test_a_daemon_without_any_standard_stream_serves_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "ccflare.toml"
    path.write_text(FILE.format(listen="127.0.0.1:0", directory=tmp_path, state="state"))
    path.chmod(0o600)
    process = subprocess.Popen(
        ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *COMMAND, "run", "--config", str(path)],
        env=environment(HOME=str(tmp_path)),
    )
    try:
        while not (tmp_path / "c.sock").exists():
            assert process.poll() is None
            os.sched_yield()
        done = run("status", "--line", "--config", path)
        assert done.returncode == 0, done.stderr
        held = {Path(f"/proc/{process.pid}/fd/{number}").readlink() for number in range(3)}
        assert held == {Path(os.devnull)}
    finally:
        process.terminate()
        assert process.wait(20) == 0
