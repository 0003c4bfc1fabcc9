"""Edits of a file that somebody has written by hand over the years: exactly the lines change that should.

``golden/workshop.toml`` and ``team.toml``, which it includes, hold everything that makes edits go wrong. Beside
them stands for each edit the difference that it makes.
"""

from collections.abc import Mapping, Sequence
from difflib import unified_diff
from pathlib import Path

import pytest

from ccflared.config.edit import Add, AddChain, Edit, Put, Remove, Rename, Unfit, Unset, apply
from ccflared.config.load import Loaded, load
from ccflared.config.report import render_all
from ccflared.providers.presets import builtin

GOLDEN = Path(__file__).parent / "golden"
MAIN, TEAM = Path("/etc/ccflared/workshop.toml"), Path("/etc/ccflared/team.toml")
ENVIRON = {"HOME": "/home/ada"}
KEY = {"env": "NEW_KEY"}

EDITS: Mapping[str, Sequence[Edit]] = {
    "add-account": [Add("accounts", "new", {"provider": "zai", "api_key": KEY, "priority": 3})],
    "add-account-with-models": [
        Add("accounts", "my new one", {"provider": "zai", "api_key": KEY, "models": {"opus": ["a", "b"]}})
    ],
    "add-account-to-the-team": [Add("accounts", "team-c", {"provider": "ollama"}, TEAM)],
    "add-client": [Add("clients", "phone", {"key_sha256": "d" * 64, "pin": True})],
    "add-price": [Add("pricing", "vendor/big", {"input": 5.0, "output": 25.0})],
    "add-chain": [AddChain({"models": ["sonnet"], "try": ["dot", ["work", "lit"]]})],
    "set-a-number": [Put(("accounts", "work", "priority"), 11)],
    "set-a-longer-number": [Put(("accounts", "work", "priority"), 1000)],
    "set-what-is-so-already": [Put(("accounts", "work", "priority"), 10)],
    "set-a-new-key": [Put(("accounts", "work", "tier"), 5)],
    "set-within-an-inline-table": [Put(("accounts", "work", "budget", "monthly"), 90.5)],
    "set-a-new-key-of-an-inline-table": [Put(("accounts", "work", "models", "haiku"), "small-1")],
    "set-a-new-table": [Put(("accounts", "my acc", "budget", "daily"), 2)],
    "set-in-a-table-of-its-own": [Put(("accounts", "sub", "models", "haiku"), "vendor/tiny")],
    "set-a-whole-table": [Put(("accounts", "sub", "models"), {"opus": "one"})],
    "set-a-quoted-key": [Put(("accounts", "sub", "models", "claude-3-5-*"), "vendor/other")],
    "set-a-dotted-account": [Put(("accounts", "dot", "priority"), 7)],
    "set-below-a-dotted-key": [Put(("accounts", "lit", "api_key", "file"), "other.key")],
    "set-in-one-line": [Put(("accounts", "inl", "priority"), 31), Put(("accounts", "inl", "pool"), False)],
    "set-in-the-included-file": [Put(("accounts", "team b", "priority"), 4)],
    "set-routing": [Put(("routing", "strategy"), "least-used"), Put(("routing", "attempts"), 5)],
    "set-in-an-indented-section": [Put(("server", "drain"), "1m"), Put(("server", "max_body"), "1MiB")],
    "set-in-an-empty-section": [Put(("log", "level"), "debug")],
    "set-in-a-new-section": [Put(("storage", "keep_requests"), "30d")],
    "set-at-the-top": [Put(("timezone",), "Europe/Berlin")],
    "set-of-a-built-in-provider": [Put(("providers", "zai", "models", "opus"), "glm")],
    "set-in-a-chain": [Put(("fallback", 1, "then"), "pool")],
    "set-in-a-chain-of-the-included-file": [Put(("fallback", 2, "then"), "fail")],
    "append-a-key": [Put(("clients", "ci", "key_sha256", 1), "e" * 64)],
    "unset-a-key": [Unset(("accounts", "work", "priority"))],
    "unset-within-an-inline-table": [Unset(("accounts", "work", "budget", "daily"))],
    "unset-the-whole-inline-table": [
        Unset(("accounts", "work", "budget", "daily")),
        Unset(("accounts", "work", "budget", "monthly")),
    ],
    "unset-a-table-of-its-own": [Unset(("accounts", "sub", "models"))],
    "unset-over-several-lines": [Unset(("accounts", "my acc", "pause_schedule"))],
    "unset-what-is-not-set": [Unset(("accounts", "work", "proxy"))],
    "unset-a-chain": [Unset(("fallback", 0))],
    "unset-the-last-section": [Unset(("log",))],
    "rename-account": [Rename("accounts", "work", "office")],
    "rename-account-to-a-name-with-a-space": [Rename("accounts", "work", "my office")],
    "rename-a-quoted-account": [Rename("accounts", "my acc", "mine")],
    "rename-a-dotted-account": [Rename("accounts", "dot", "dash")],
    "rename-an-account-with-tables": [Rename("accounts", "sub", "s-2")],
    "rename-in-the-included-file": [Rename("accounts", "team b", "team-b")],
    "rename-client": [Rename("clients", "laptop", "desk")],
    "remove-account": [Remove("accounts", "work", forced=True)],
    "remove-a-quoted-account": [Remove("accounts", "my acc", forced=True)],
    "remove-a-dotted-account": [Remove("accounts", "dot", forced=True)],
    "remove-an-account-with-tables": [Remove("accounts", "sub", forced=True)],
    "remove-an-account-of-one-line": [Remove("accounts", "inl", forced=True)],
    "remove-an-account-nobody-names": [Remove("accounts", "lit")],
    "remove-from-the-included-file": [Remove("accounts", "team b", forced=True)],
    "remove-client": [Remove("clients", "laptop")],
    "remove-client-of-the-included-file": [Remove("clients", "team")],
}


def texts(newline: str = "\n") -> dict[Path, str]:
    return {
        path: (GOLDEN / path.name).read_text(encoding="utf-8").replace("\n", newline) for path in (MAIN, TEAM)
    }


def applied(edits: Sequence[Edit], newline: str = "\n") -> Mapping[Path, str]:
    done = apply(texts(newline), edits)
    assert not isinstance(done, Unfit), done
    return done


def difference(changed: Mapping[Path, str]) -> str:
    """The lines that differ, with one line around them; file by file."""
    before = texts()
    return "".join(
        line if line.endswith("\n") else f"{line}\n"
        for path, text in changed.items()
        for line in unified_diff(
            before[path].splitlines(keepends=True), text.splitlines(keepends=True), path.name, path.name, n=1
        )
    )


@pytest.mark.parametrize("name", EDITS)
def test_exactly_the_lines_change_that_should(name: str) -> None:
    assert difference(applied(EDITS[name])) == (GOLDEN / f"{name}.diff").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", EDITS)
def test_line_endings_stay_what_they_are(name: str) -> None:
    unix = {path: text.replace("\n", "\r\n") for path, text in applied(EDITS[name]).items()}
    assert applied(EDITS[name], "\r\n") == unix


@pytest.mark.parametrize("name", EDITS)
def test_what_comes_out_is_a_good_configuration(name: str, tmp_path: Path) -> None:
    written = {tmp_path / path.name: text for path, text in {**texts(), **applied(EDITS[name])}.items()}
    loaded = load(tmp_path / MAIN.name, environ=ENVIRON, builtin=builtin(), texts=written)
    assert isinstance(loaded, Loaded), render_all(loaded.mistakes)


def test_each_difference_belongs_to_an_edit() -> None:
    assert {path.stem for path in GOLDEN.glob("*.diff")} == set(EDITS)
