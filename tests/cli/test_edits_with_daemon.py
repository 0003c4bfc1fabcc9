"""The commands that edit the file beside the daemon that runs from it."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from desk import FILE, Desk
from terminals import COMMAND


class Office(Desk):
    """A desk, and the daemon that runs from its file."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.daemon = subprocess.Popen(
            [*COMMAND, "run"], env=self.environ, cwd=directory, stderr=subprocess.PIPE, text=True
        )
        assert self.daemon.stderr is not None
        lines = iter(self.daemon.stderr.readline, "")
        assert any("ready" in line for line in lines), "the daemon did not start"

    def url(self) -> str:
        return str(json.loads(self.type_in("status", "--json")[1])["listeners"][0]["url"])

    def stop(self) -> None:
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.communicate(timeout=20)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    try:
        yield made
    finally:
        made.daemon.kill()
        made.daemon.communicate()


def names(office: Office) -> list[str]:
    return [each["name"] for each in json.loads(office.type_in("account", "list", "--json")[1])]


def test_an_edit_is_in_force_when_the_command_returns(office: Office) -> None:
    code, out, err = office.type_in("account", "add", "work", "--mode", "ollama", "--priority", "-1")
    assert (code, err) == (0, "")
    assert out == f"Added the account work (ollama) to {office.config}.\nIn force in the running daemon.\n"
    assert names(office) == ["work", "local"]
    assert office.type_in("account", "set", "work", "priority=5")[0] == 0
    assert names(office) == ["local", "work"]
    assert office.type_in("account", "rename", "work", "office")[0] == 0
    assert names(office) == ["local", "office"]
    assert office.type_in("account", "remove", "office")[0] == 0
    assert names(office) == ["local"]
    assert office.text == FILE


def test_the_verdict_is_part_of_the_json(office: Office) -> None:
    said = json.loads(office.type_in("account", "set", "local", "priority=5", "--json")[1])
    assert (said["daemon"], said["verdict"]["applied"]) == ("applied", True)


def test_the_key_is_stored_where_the_running_daemon_reads_it(office: Office) -> None:
    # The file says nothing of it any more; the daemon goes on with what it began with.
    office.write(FILE.replace('[storage]\ndirectory = "state"\n', ""))
    words = ("account", "add", "coder", "--mode", "zai", "--api-key-stdin")
    code, out, _ = office.type_in(*words, "--socket", office.state / "ccflared.sock", stdin="sk-planted")
    assert code == 0
    assert (office.state / "secrets" / "coder").read_text() == "sk-planted"
    assert "Note" not in out, "the daemon finds it"


def test_what_the_daemon_misses_of_the_new_account_is_told(office: Office) -> None:
    code, out, _ = office.type_in("account", "add", "work", "--mode", "console", "--api-key-env", "NOT_THERE")
    assert code == 0
    assert "Note: accounts.work.api_key: the environment variable NOT_THERE is not set" in out


def test_a_client_added_is_a_client_let_in(office: Office) -> None:
    url = office.url() + "/v1/models"

    def let_in(key: str | None) -> bool:
        headers = {} if key is None else {"x-api-key": key}
        return httpx.get(url, headers=headers, trust_env=False).status_code != 401

    key = office.type_in("client", "add", "laptop")[1].strip()
    assert (let_in(None), let_in(key)) == (False, True)
    new = office.type_in("client", "rotate", "laptop", "--keep-old")[1].strip()
    assert (let_in(key), let_in(new)) == (True, True)
    assert office.type_in("client", "rotate", "laptop", "--drop-old")[0] == 0
    assert (let_in(key), let_in(new)) == (False, True)
    code, out, _ = office.type_in("client", "remove", "laptop", "--allow-less")
    assert (code, out.splitlines()[-1]) == (0, "In force in the running daemon.")
    assert let_in(None)


def test_what_the_daemon_does_not_take_is_told_with_its_reason(office: Office) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        office.write(FILE.replace("127.0.0.1:0", f"127.0.0.1:{taken.getsockname()[1]}"))
        code, out, _ = office.type_in("account", "set", "local", "priority=5")
    assert code == 4
    assert "was refused for 1 mistake; the one before stays in force." in " ".join(out.split())
    assert "Address already in use" in out
    assert "priority = 5" in office.text, "the file is good and written; it is the daemon that cannot use it"


def test_a_daemon_of_another_file_is_not_asked(office: Office, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Desk(tmp_path / "other")
    place = office.state / "ccflared.sock"
    code, out, _ = other.type_in("account", "set", "local", "priority=5", "--socket", place)
    assert code == 0
    assert f"No daemon runs from {other.config}; it counts from its next start on." in out
    assert office.text == FILE


def test_without_the_daemon_the_edit_counts_at_the_next_start(office: Office) -> None:
    office.stop()
    code, out, _ = office.type_in("account", "set", "local", "priority=5")
    assert (code, out.splitlines()[-1]) == (0, "The daemon is not running; it counts from its next start on.")
    assert os.access(office.config, os.R_OK)


def test_a_key_that_was_replaced_is_erased_once_the_new_one_is_in_force(office: Office) -> None:
    assert office.type_in("account", "add", "w", "--mode", "zai", "--api-key-stdin", stdin="sk-1")[0] == 0
    assert office.type_in("account", "set", "w", "--api-key-stdin", stdin="sk-2")[0] == 0
    assert [path.read_text() for path in (office.state / "secrets").iterdir()] == ["sk-2"]
    assert office.type_in("check", "--secrets")[0] == 0
