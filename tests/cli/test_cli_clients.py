"""The screens of ``client list`` and the clients in ``status``, letter by letter, and the command without a daemon."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from canned import NOW, busy, canned_daemon, client, clients
from test_cli_render import same_as_golden, screen, sheet, text

from ccflared.cli.render.clients import MOST, brief_lines, listed_lines, read_clients
from ccflared.cli.render.document import Json
from ccflared.cli.render.layout import ASCII, line_cells
from ccflared.cli.render.members import read_client

COMMAND = (sys.executable, "-m", "ccflared")
FILE = """
timezone = "UTC"
[storage]
directory = "state"
[clients.laptop]
key = ["one", "two"]
budget = { daily = 10.0, monthly = 100.0 }
requests_per_hour = 600
pin = true
[clients.guest]
key = { file = "missing.key" }
accounts = ["*-plan"]
expires = 2020-01-01
"""


@pytest.mark.parametrize("width", [40, 80, 160])
def test_a_client_list_looks_as_it_was_agreed(width: int) -> None:
    same_as_golden(f"clients-{width}", text(listed_lines(read_clients(clients()), NOW, sheet(width))))


def test_a_client_list_can_be_ascii() -> None:
    shown = text(listed_lines(read_clients(clients()), NOW, sheet(80, ASCII)))
    assert shown.isascii()
    same_as_golden("clients-ascii", shown)


def test_no_client_list_is_wider_than_the_terminal() -> None:
    for width in range(20, 180, 3):
        lines = listed_lines(read_clients(clients()), NOW, sheet(width))
        assert max(line_cells(line) for line in lines) <= width


def test_status_shows_of_many_clients_those_that_are_refused_and_those_that_ask_most() -> None:
    given = [client(f"c{number}", asked=number) for number in range(5000)]
    given[7] |= {"state": "expired", "expires": "2026-01-01"}
    shown = text(brief_lines([read_client(Json(each)) for each in given], NOW, sheet()))
    assert shown.splitlines()[0].split()[0] == "c7"
    assert "c4999" in shown
    assert len(shown.splitlines()) == MOST + 1
    assert "and 4,992 more: ccflared client list" in shown


def test_status_without_clients_has_no_section_for_them_and_names_alone_are_no_clients() -> None:
    for given in ([], ["laptop"]):
        assert "\nClients" not in text(screen(busy() | {"clients": given}, sheet()))


def run(directory: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    usual = {"PATH": os.environ["PATH"], "HOME": str(directory), "LANG": "C.UTF-8", "COLUMNS": "100"}
    return subprocess.run(
        [*COMMAND, "client", "list", *words],
        env=usual | environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ccflare.toml"
    path.write_text(FILE)
    path.chmod(0o600)
    return path


def test_without_a_daemon_the_file_tells_what_each_may(tmp_path: Path, file: Path) -> None:
    done = run(tmp_path, "--config", str(file))
    assert done.returncode == 0, done.stderr
    assert "laptop  ○ allowed  at most 600 requests an hour" in done.stdout
    assert "today       at most 10.00 USD" in done.stdout
    assert "2 keys · may choose an account" in done.stdout
    assert "guest   ✗ expired  since 2020-01-01" in done.stdout
    assert f"what was used only a daemon knows: ccflared run --config {file}" in " ".join(done.stdout.split())
    assert "one" not in done.stdout.split()


def test_without_a_daemon_the_json_has_the_same_shape_with_nothing_known(tmp_path: Path, file: Path) -> None:
    done = run(tmp_path, "--config", str(file), "--json")
    laptop, guest = json.loads(done.stdout)
    assert set(laptop) == set(clients()[0])
    assert (laptop["id"], laptop["keys"], laptop["today"], laptop["requests_last_hour"]) == (
        "laptop",
        2,
        None,
        None,
    )
    assert (guest["state"], guest["expired"]) == ("expired", True)
    assert "only a daemon knows" in done.stderr


def test_without_a_daemon_and_a_file_the_command_says_so(tmp_path: Path) -> None:
    assert run(tmp_path, "--config", str(tmp_path / "none.toml")).returncode == 2


def test_a_daemon_that_was_named_and_does_not_run_is_not_replaced_by_the_file(
    tmp_path: Path, file: Path
) -> None:
    done = run(tmp_path, "--config", str(file), "--socket", str(tmp_path / "c.sock"))
    assert done.returncode == 3


def test_a_file_with_mistakes_is_not_listed(tmp_path: Path, file: Path) -> None:
    file.write_text(FILE + "nonsense = 1\n")
    done = run(tmp_path, "--config", str(file))
    assert done.returncode == 4
    assert "ccflared check" in done.stderr


def test_what_a_daemon_says_of_names_is_made_fit_for_the_terminal() -> None:
    given: list[dict[str, Any]] = [clients()[0] | {"name": "\x1b]0;owned\x07x", "models": ["\x1b[31m"]}]
    shown = text(listed_lines(read_clients(given), NOW, sheet()))
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_an_older_daemon_that_knows_no_clients_is_told_of(tmp_path: Path) -> None:
    socket = tmp_path / "c.sock"
    with canned_daemon(socket, busy()):
        done = run(tmp_path, "--socket", str(socket))
    assert done.returncode == 4
