"""``ccflared complete``, which shells ask for names: quick, silent whatever is wrong, and nothing that a shell obeys."""

import json
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from canned import busy, canned_daemon
from hypothesis import given, settings
from hypothesis import strategies as st
from terminals import environment, run

from ccflared.cli.complete import complete

FILE = """
include = ["more.toml"]
[accounts.primary]
provider = "ollama"
[accounts."my plan"]
provider = "zai"
[clients.laptop]
key_sha256 = "%s"
""" % ("0" * 64)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "ccflare.toml"
    file.write_text(FILE)
    (tmp_path / "more.toml").write_text('[accounts.included]\nprovider = "openai"\n')
    return file


def names(*words: object, **more: str) -> list[str]:
    """Return what is offered, and see that there is nothing else."""
    got = run(*words, **more)
    assert (got.returncode, got.stderr) == (0, "")
    return [line.partition("\t")[0] for line in got.stdout.splitlines()]


def nowhere(tmp_path: Path) -> dict[str, str]:
    """Return an environment without a daemon."""
    return {"HOME": str(tmp_path), "CCFLARED_SOCKET": str(tmp_path / "none.sock")}


def test_names_come_from_the_daemon_with_a_hint_behind_each(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with canned_daemon(path, busy()) as daemon:
        daemon.answers["GET /api/models/offered?names=true"] = (
            200,
            {"offered": [{"id": "big-1", "display_name": "Big"}]},
        )
        row = {"id": "req_0123", "at": 0, "model": "big-1", "statusCode": 200, "accountUsed": None}
        daemon.answers["GET /api/requests?limit=20"] = 200, [row]
        told = {
            what: run("--socket", path, "complete", what).stdout
            for what in ("accounts", "models", "requests")
        }
        clients = names("--socket", path, "complete", "clients")
    accounts = [line.split("\t") for line in told["accounts"].splitlines()]
    assert accounts == [[each["name"], each["state"]] for each in busy()["accounts"]]
    assert clients == [each["name"] for each in busy()["clients"]]
    assert told["models"] == "big-1\tBig\n"
    assert told["requests"] == "req_0123\t00:00 big-1 200\n"


def test_where_no_daemon_runs_accounts_and_clients_come_from_the_file(config: Path, tmp_path: Path) -> None:
    none = nowhere(tmp_path)
    assert names("--config", config, "complete", "accounts", **none) == ["primary", "my plan", "included"]
    assert names(f"--config={config}", "complete", "clients", **none) == ["laptop"]
    assert names("complete", "accounts", CCFLARED_CONFIG=str(config), **none) == [
        "primary",
        "my plan",
        "included",
    ]
    assert names("--config", config, "complete", "models", **none) == []
    config.write_text("[accounts")
    assert names("--config", config, "complete", "accounts", **none) == []


def test_a_daemon_of_another_file_is_not_asked_for_the_names_of_this_one(
    config: Path, tmp_path: Path
) -> None:
    path = tmp_path / "s"
    with canned_daemon(path, busy()):
        asked = ("--socket", path, "--config", config, "complete", "accounts")
        assert names(*asked) == ["primary", "my plan", "included"]


def test_a_daemon_that_is_stuck_is_not_waited_for(config: Path, tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as stuck:
        stuck.bind(str(tmp_path / "s"))
        stuck.listen()
        began = time.monotonic()
        found = names("--socket", tmp_path / "s", "--config", config, "complete", "accounts")
        assert time.monotonic() - began < 5
    assert found == ["primary", "my plan", "included"]


def test_all_that_a_tab_asks_for_has_one_time_limit(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def once() -> float:
        began = time.monotonic()
        assert complete(["--socket", str(tmp_path / "s"), "complete", "models", "requests", "models"]) == 0
        return time.monotonic() - began

    with closing(socket.socket(socket.AF_UNIX)) as stuck:
        stuck.bind(str(tmp_path / "s"))
        stuck.listen()
        assert min(once() for _ in range(3)) < 0.6
    assert capfd.readouterr() == ("", "")


def test_several_kinds_of_names_come_one_after_the_other(tmp_path: Path) -> None:
    with canned_daemon(tmp_path / "s") as daemon:
        daemon.answers["GET /api/models/offered?names=true"] = 200, {"offered": [{"id": "big-1"}]}
        daemon.answers["GET /api/requests?limit=20"] = 200, [{"id": "req_0123"}]
        found = names("--socket", tmp_path / "s", "complete", "models", "requests")
    assert found == ["big-1", "req_0123"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense",
        b"HTTP/1.1 500 \r\n\r\n{}",
        b"HTTP/1.1 200 \r\n\r\n{",
        b"HTTP/1.1 200 \r\n\r\n" + b"[" * 100_000,
        b'HTTP/1.1 200 \r\n\r\n{"accounts": 1, "offered": {"id": 3}}',
        b'HTTP/1.1 200 \r\n\r\n[{"id": 1}, {"name": null}, 7, {"id": "x", "at": 1e300, "model": [2]}]',
        b'HTTP/1.1 200 \r\n\r\n{"accounts": [{"id": "x"}], "config": 1, "clients": [[]], "offered": [{"name": "y"}, {"id": "z", "display_name": 3}]}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("what", ["accounts", "clients", "models", "requests"])
def test_whatever_answers_there_is_no_complaint(tmp_path: Path, what: str, raw: bytes) -> None:
    with canned_daemon(tmp_path / "s") as daemon:
        daemon.raw = raw
        got = run("--socket", tmp_path / "s", "complete", what, HOME=str(tmp_path))
    assert (got.returncode, got.stderr) == (0, "")


@pytest.mark.parametrize(
    "words",
    [
        ("complete", "nothing"),
        ("--config", "~nobody-of-this-name/x", "complete", "accounts"),
        ("--config", "a\nb\x01c", "complete", "accounts"),
        ("--config", "", "complete", "clients"),
        ("--socket", "x" * 5000, "complete", "models"),
    ],
)
def test_words_that_mean_nothing_are_met_with_silence(tmp_path: Path, words: tuple[str, ...]) -> None:
    got = run(*words, HOME=str(tmp_path))
    assert (got.returncode, got.stdout, got.stderr) == (0, "", "")


def test_an_account_may_be_called_complete() -> None:
    assert complete(["login", "complete", "x"]) is None
    assert complete(["complete"]) is None
    assert complete(["account", "pause", "complete"]) is None


def test_nobody_hears_of_an_output_that_cannot_be_written(config: Path, tmp_path: Path) -> None:
    command = f"{sys.executable} -m ccflared --config {config} complete accounts"
    for redirected in (">/dev/full", ">&-", "| true"):
        got = subprocess.run(
            ["sh", "-c", f"{command} {redirected}"],
            env=environment(**nowhere(tmp_path)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (got.returncode, got.stdout, got.stderr) == (0, "", "")


def offered_of(directory: Path, given: list[Any]) -> str:
    path = directory / "s"
    with canned_daemon(path) as daemon:
        daemon.answers["GET /api/models/offered?names=true"] = (
            200,
            {"offered": [{"id": name} for name in given]},
        )
        got = subprocess.run(
            [sys.executable, "-m", "ccflared", "--socket", str(path), "complete", "models"],
            env=environment(),
            capture_output=True,
            check=True,
        )
    return got.stdout.decode()


def test_a_name_that_a_terminal_would_obey_is_left_out_and_not_made_another_one(tmp_path: Path) -> None:
    evil = [
        "\x1b[2Jx",
        "a\nb",
        "a\tb",
        "\x9b31m",
        "x\u202ey",
        "[bold]x",
        " x",
        "x\x00",
        "\ud800",
        "x" * 500,
        "",
        "--socket=/tmp/elsewhere",
    ]
    shown = offered_of(tmp_path, [*evil, "$(touch y)", "it's", "modèle", "modèle"])
    assert shown == "$(touch y)\t\nit's\t\nmodèle\t\n"


@settings(max_examples=12, deadline=None)
@given(st.lists(st.text(), max_size=8))
def test_each_line_is_one_of_the_names(given_names: list[str]) -> None:
    with TemporaryDirectory() as directory:
        shown = offered_of(Path(directory), given_names)
    for line in shown.splitlines():
        assert not line.startswith("-")
        assert line.partition("\t")[0] in given_names
        assert line.partition("\t")[0].isprintable()


def test_the_parser_and_what_else_takes_long_is_not_even_loaded(config: Path, tmp_path: Path) -> None:
    script = (
        "import sys; sys.argv[1:] = ['complete', 'accounts']; from ccflared.__main__ import main; main(); "
        "print([m for m in ('argparse', 'http.client', 'rich', 'trio', 'tomlkit') if m in sys.modules])"
    )
    got = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(**nowhere(tmp_path), CCFLARED_CONFIG=str(config)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert got.stdout.splitlines()[-1] == json.dumps([])
    assert "primary\tollama" in got.stdout


def test_nobody_waits_for_names_at_a_tab(config: Path, tmp_path: Path) -> None:
    def once() -> float:
        began = time.monotonic()
        names("--config", config, "complete", "accounts", **nowhere(tmp_path))
        return time.monotonic() - began

    assert min(once() for _ in range(5)) < 0.3
