"""account rename, remove and trust, with the daemon running and without; and the examples that people bring along."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ccflared.providers.oauth import Grant, TokenPair
from ccflared.secret import Secret
from ccflared.store.memories import recall
from ccflared.store.schema import open_reader
from ccflared.store.vault import Vault

COMMAND = (sys.executable, "-m", "ccflared")


class Place:
    """A directory with a file, where commands are typed and a daemon may run."""

    def __init__(self, directory: Path, accounts: str) -> None:
        self.directory = directory
        self.config = directory / "ccflare.toml"
        self.state = directory / "state"
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "COLUMNS": "100",
        }
        head = f'[server]\nlisten = "127.0.0.1:{self.port}"\n[storage]\ndirectory = "state"\n'
        self.config.write_text(head + accounts)
        self.config.chmod(0o600)

    def type_in(self, *words: str, given: str | None = None) -> tuple[int, str]:
        done = subprocess.run(
            [*COMMAND, *words, "--config", str(self.config)],
            env=self.environ,
            input=given,
            stdin=None if given is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def curl(self, line: str) -> str:
        """Run a line of a shell, verbatim but for the port."""
        done = subprocess.run(
            ["bash", "-c", line.replace(":8080", f":{self.port}")],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout

    @contextmanager
    def running(self) -> Iterator[None]:
        with subprocess.Popen(
            [*COMMAND, "run", "--config", str(self.config)],
            env=self.environ,
            stderr=subprocess.PIPE,
            text=True,
        ) as daemon:
            assert daemon.stderr is not None
            assert any("ready" in line for line in iter(daemon.stderr.readline, "")), "it did not start"
            try:
                yield
            finally:
                daemon.terminate()
                daemon.communicate(timeout=30)

    def account(self, name: str) -> dict[str, Any]:
        _, said = self.type_in("status", "--json")
        return next(dict(each) for each in json.loads(said)["accounts"] if each["name"] == name)

    def kept(self, name: str) -> Grant | None:
        return Vault(self.state / "tokens.db").find(name)

    def remembered(self, kind: str) -> list[str]:
        with closing(open_reader(self.state / "ccflared.db")) as reader:
            return [memory.key for memory in recall(reader) if memory.kind == kind]


ACCOUNTS = """
# the plan
[accounts.plan]
provider = "claude-oauth"
[accounts.work]
provider = "anthropic"
api_key = "sk-planted"
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, ACCOUNTS)


def log_in(place: Place, name: str) -> Grant:
    """Keep a long-lived token of an account, as a login does."""
    grant = Grant(name, "claude-oauth", "0123456789ab", "", TokenPair(Secret("at-planted")))
    place.state.mkdir(exist_ok=True, mode=0o700)
    Vault(place.state / "tokens.db").save(grant, 1.0)
    return grant


def test_renamed_without_a_daemon_the_next_start_lets_everything_follow(place: Place) -> None:
    log_in(place, "plan")
    with place.running():
        assert place.type_in("account", "pause", "plan")[0] == 0
    code, said = place.type_in("account", "rename", "plan", "the plan")
    assert code == 0, said
    assert place.remembered("rename")
    with place.running():
        assert place.account("the plan")["state"] == "paused"
        assert place.account("the plan")["token"]["kind"] == "login"
    assert place.kept("plan") is None
    assert place.kept("the plan") is not None
    assert (place.remembered("pause"), place.remembered("rename")) == (["the plan"], [])


def test_renamed_twice_without_a_daemon_it_is_the_last_name_that_counts(place: Place) -> None:
    log_in(place, "plan")
    for old, new in (("plan", "x"), ("x", "y"), ("work", "plan")):
        assert place.type_in("account", "rename", old, new)[0] == 0
    with place.running():
        assert place.account("y")["token"]["kind"] == "login"
        assert place.account("plan")["provider"] == "anthropic"


def test_renamed_with_a_daemon_it_is_in_force_when_the_command_returns(place: Place) -> None:
    log_in(place, "plan")
    with place.running():
        assert place.type_in("account", "pause", "plan")[0] == 0
        code, said = place.type_in("account", "rename", "plan", "max")
        assert (code, "In force" in said) == (0, True), said
        assert place.account("max")["state"] == "paused"
        assert place.account("max")["token"]["kind"] == "login"


@pytest.mark.parametrize("runs", [True, False])
def test_removed_its_tokens_and_stored_keys_are_erased(place: Place, runs: bool) -> None:
    log_in(place, "plan")
    code, said = place.type_in(
        "account", "add", "coder", "--mode", "zai", "--api-key-stdin", given="sk-coder"
    )
    assert code == 0, said
    assert [path.name for path in (place.state / "secrets").iterdir()] == ["coder"]
    with place.running() if runs else closing(socket.socket()):
        for name in ("plan", "coder"):
            code, said = place.type_in("account", "remove", name)
            assert code == 0, said
    assert place.kept("plan") is None
    assert not list((place.state / "secrets").iterdir())


def test_trust_confirms_an_endpoint_and_needs_the_daemon(place: Place) -> None:
    assert place.type_in("account", "trust", "work")[0] == 3
    with place.running():
        place.curl(
            "curl -s -X POST http://localhost:8080/api/accounts/work/custom-endpoint "
            """-H "Content-Type: application/json" -d '{"customEndpoint": "https://gate.example.com"}'"""
        )
        code, said = place.type_in("status")
        assert code == 1
        assert "endpoint not trusted" in said
        assert "ccflared account trust work" in " ".join(said.split())
        code, said = place.type_in("account", "trust", "work")
        assert (code, said) == (0, "work may send its credential to https://gate.example.com:443.\n")
        assert place.account("work")["state"] == "ready"
        assert place.type_in("account", "trust", "nobody")[0] == 4


# The examples of better-ccflare's README, "Configure Claude SDK", word by word.
AUTO_FALLBACK = r"""
curl -X POST http://localhost:8080/api/accounts/$(curl -s http://localhost:8080/api/accounts | jq -r '.[0].id')/auto-fallback \
  -H "Content-Type: application/json" \
  -d '{"enabled": 1}'
"""
CUSTOM_ENDPOINT = r"""
curl -X POST http://localhost:8080/api/accounts/$(curl -s http://localhost:8080/api/accounts | jq -r '.[0].id')/custom-endpoint \
  -H "Content-Type: application/json" \
  -d '{"customEndpoint": "https://your-custom-api.anthropic.com"}'
"""
WITHOUT_JQ = "python3 -c 'import json,sys; print(json.load(sys.stdin)[0][\"id\"])'"


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="the lines are for a shell")
def test_the_examples_of_better_ccflares_readme_work(tmp_path: Path) -> None:
    place = Place(tmp_path, "")
    with place.running():
        code, said = place.type_in(
            "account", "add", "primary", "--mode", "max", "--tier", "20", "--priority", "0"
        )
        assert code == 0, said
        assert "ccflared login primary" in said
        words = ("account", "add", "secondary", "--mode", "max", "--tier", "20", "--priority", "10")
        assert place.type_in(*words)[0] == 0
        router = ("account", "add", "openrouter", "--mode", "openrouter", "--priority", "5")
        assert place.type_in(*router)[0] == 2  # without a terminal nothing is asked for
        assert place.type_in(*router, "--api-key-stdin", given="sk-or")[0] == 0
        assert [place.account(name)["state"] for name in ("primary", "secondary", "openrouter")] == [
            "needs login",
            "needs login",
            "ready",
        ]
        first = json.loads(place.curl("curl -s http://localhost:8080/api/accounts"))[0]["id"]
        for line in (AUTO_FALLBACK, CUSTOM_ENDPOINT):
            typed = line if shutil.which("jq") else line.replace("jq -r '.[0].id'", WITHOUT_JQ)
            assert json.loads(place.curl(typed))["success"] is True
        listed = json.loads(place.curl("curl -s http://localhost:8080/api/accounts"))
        changed = next(item for item in listed if item["id"] == first)
        assert changed["autoFallbackEnabled"] is True
        assert changed["customEndpoint"] == "https://your-custom-api.anthropic.com"
