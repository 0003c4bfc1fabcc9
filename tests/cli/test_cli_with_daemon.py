"""The commands against the real daemon, as two people would use them: one edits, one looks."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from canned import busy

COMMAND = (sys.executable, "-m", "ccflared")
FILE = """
[server]
listen = "127.0.0.1:0"
[storage]
directory = "state"
[accounts.primary]
provider = "anthropic"
api_key = "sk-planted-one"
[accounts.second]
provider = "anthropic"
api_key = "sk-planted-two"
priority = 5
"""


class House:
    """A daemon of its own directory, and the commands typed beside it."""

    def __init__(self, directory: Path) -> None:
        self.config = directory / "ccflare.toml"
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "COLUMNS": "100",
        }
        self.write(FILE)
        self.daemon = subprocess.Popen(
            [*COMMAND, "run", "--config", str(self.config)],
            env=self.environ,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.daemon.stderr is not None
        lines = iter(self.daemon.stderr.readline, "")
        assert any("ready" in line for line in lines), "the daemon did not start"

    def write(self, text: str) -> None:
        new = self.config.with_suffix(".new")
        new.write_text(text)
        new.chmod(0o600)
        new.replace(self.config)

    def type_in(self, *words: str) -> tuple[int, str, str]:
        got = subprocess.run(
            [*COMMAND, *words, "--config", str(self.config)],
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return got.returncode, got.stdout, got.stderr

    def end(self) -> int:
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.communicate(timeout=20)
        return self.daemon.returncode


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    try:
        yield made
    finally:
        made.daemon.kill()
        made.daemon.communicate()


def shape(value: Any) -> Any:
    """The keys of a document, without the values."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return None


def test_the_daemon_says_what_the_canned_documents_say(house: House) -> None:
    code, out, _ = house.type_in("status", "--json")
    assert code == 0
    said, canned = json.loads(out), busy()
    for key in canned:
        assert (
            shape(canned[key]).items() <= shape(said[key]).items()
            if isinstance(canned[key], dict)
            else key in said
        )
    for key in ("accounts", "listeners"):
        assert set(canned[key][0]) <= set(said[key][0])


def test_reload_tells_of_an_edit_that_was_taken_over_before(house: House) -> None:
    assert house.daemon.stderr is not None
    house.write(FILE + "[routing]\nattempts = 5\n")
    assert any("applied (file)" in line for line in iter(house.daemon.stderr.readline, ""))
    code, out, _ = house.type_in("reload")
    assert code == 0
    assert out.startswith("In force already: taken over by itself ")
    assert "routing.attempts: 8 -> 5" in out


def test_an_edit_is_judged_shown_and_mended(house: House) -> None:
    assert house.type_in("reload")[:2] == (
        0,
        "Nothing has changed; the configuration in force stays as it is.\n",
    )
    house.write(FILE + "[routing]\nattempts = 4\n")
    code, out, _ = house.type_in("reload")
    assert code == 0
    assert "routing.attempts: 8 -> 4" in out
    house.write(FILE + "[routing]\natempts = 4\n")
    code, out, _ = house.type_in("reload")
    assert code == 1
    assert "ccflare.toml:14:1: " in out
    assert 'did you mean "attempts"?' in " ".join(out.split())
    code, out, _ = house.type_in("status")
    assert code == 1
    assert "A newer version of the file was refused" in out
    assert "      ^^^^^^^\n" in out
    house.write(FILE)
    assert house.type_in("reload")[0] == 0
    assert house.type_in("status")[0] == 0
    code, out, _ = house.type_in("reload", "--log")
    assert code == 0
    assert out.count("refused") >= 1
    assert "the start" in out


def test_a_chain_of_the_file_is_a_sentence_on_the_page(house: House) -> None:
    assert "Chains" not in house.type_in("status")[1]
    house.write(
        FILE + '[[fallback]]\nmodels = "opus"\ntry = [{ account = "second", model = "vendor/big" }]\n'
    )
    assert house.type_in("reload")[0] == 0
    page = " ".join(house.type_in("status")[1].split())
    assert "Chains opus: second as vendor/big, then the pool · now second" in page
    told = json.loads(house.type_in("status", "--json")[1])
    assert told["chains"][0]["next"] == {"for": "opus", "account": "second", "model": "vendor/big", "step": 1}
    assert told["today"]["known"]


def test_the_last_account_goes_only_when_it_is_meant(house: House) -> None:
    house.write('[server]\nlisten = "127.0.0.1:0"\n[storage]\ndirectory = "state"\n')
    code, out, _ = house.type_in("reload")
    assert code == 4
    assert "ccflared reload --allow-less" in out
    assert house.type_in("account", "list")[1].count("anthropic") == 2
    assert house.type_in("reload", "--allow-less")[0] == 0
    assert "has no accounts" in house.type_in("account", "list")[1].replace("\n", " ")


def test_check_tells_what_the_running_daemon_refuses(house: House) -> None:
    house.write(FILE + '[admin]\ntoken = "sesame-open"\n')
    assert house.type_in("reload")[0] == 0
    house.write(FILE)
    assert house.type_in("reload")[0] == 4
    code, out, _ = house.type_in("check")
    said = " ".join(out.split())
    assert code == 0
    assert "The running daemon refuses it: The token of [admin] would be gone." in said
    assert "If that is meant: ccflared reload --allow-less" in said
    assert "is fine" not in said
    assert json.loads(house.type_in("check", "--json")[1])["refused"] == [
        "The token of [admin] would be gone."
    ]
    _, out, _ = house.type_in("status")
    assert out.count("ccflared reload --allow-less") == 2
    house.write(FILE + '[admin]\ntoken = "another-one"\n')
    assert house.type_in("reload")[0] == 0
    assert "is fine" in house.type_in("check")[1]


def test_accounts_are_listed_and_reset(house: House) -> None:
    code, out, _ = house.type_in("account", "list")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [["1>", "primary"], ["2", "second"]]
    assert [each["name"] for each in json.loads(house.type_in("account", "list", "--json")[1])] == [
        "primary",
        "second",
    ]
    assert house.type_in("account", "reset", "primary")[0] == 0
    code, _, err = house.type_in("account", "reset", "secnd")
    assert (code, err) == (4, "There is no account named secnd; did you mean second?\n")


def test_a_pause_by_hand_is_shown_explained_and_ended(house: House) -> None:
    code, out, _ = house.type_in("account", "pause", "primary")
    assert (code, out.split(";")[0]) == (0, "primary is paused")
    code, out, _ = house.type_in("status")
    assert code == 0, "a pause by hand needs no person"
    (row,) = [line for line in out.splitlines() if " primary " in line]
    assert "○ paused" in row
    assert "paused by hand · since " in row
    code, out, _ = house.type_in("explain", "claude-opus-4-5")
    assert code == 0
    assert "→  1  second" in out
    assert "primary  ○ paused  paused by hand" in out
    assert house.type_in("account", "pause", "second")[0] == 0
    code, out, _ = house.type_in("explain", "claude-opus-4-5")
    assert code == 1
    assert "Nobody would serve it" in out
    assert house.type_in("account", "resume", "primary")[:2] == (0, "primary is resumed.\n")
    assert house.type_in("explain", "claude-opus-4-5")[0] == 0


def test_an_account_that_does_not_answer_fails_its_test_and_the_request_is_explained(house: House) -> None:
    with socket.socket() as closed:  # bound and not listening: nobody else gets the port, and nobody answers
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        house.write(
            f'{FILE}[accounts.deaf]\nprovider = "anthropic-compatible"\nbase_url = "{url}"\napi_key = "sk-x"\n'
        )
        assert house.type_in("reload")[0] == 0
        code, out, _ = house.type_in("account", "test", "deaf", "--json")
    tested = json.loads(out)
    assert (code, tested["success"]) == (1, False)
    code, out, _ = house.type_in("explain", tested["request"])
    assert code == 0
    assert "sent by ccflared account test" in out
    assert f"1  deaf  ✗ {tested['kind']}" in out
    code, _, err = house.type_in("explain", "req_nobody")
    assert (code, err) == (4, "There is no request req_nobody; `ccflared requests` lists the latest.\n")


def test_the_daemon_is_found_although_its_file_is_broken_or_gone(house: House) -> None:
    house.write(FILE + "this is = = no TOML\n")
    assert house.type_in("status", "--line")[0] in (0, 1)  # whether the watch has seen the edit already
    assert house.type_in("reload")[0] == 1
    house.config.unlink()
    # Nothing names the state directory any more; the usual one is where its note would be.
    usual = Path(house.environ["HOME"]) / ".local" / "state"
    usual.mkdir(parents=True)
    (usual / "ccflared").symlink_to(house.config.parent / "state")
    assert house.type_in("status", "--line")[0] in (0, 1)


def test_after_its_end_it_is_not_running(house: House) -> None:
    assert house.end() == 0
    code, _, err = house.type_in("status")
    assert code == 3
    assert f"Start it: ccflared run --config {house.config}" in err
