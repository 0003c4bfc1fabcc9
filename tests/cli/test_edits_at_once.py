"""Edits that meet: several at once, and one that is killed on its way."""

import json
import signal
import sys
import tomllib
from pathlib import Path

import pytest
from desk import FILE, Desk

MANY = 8

KILLED = """
import os, signal, sys

steps = int(sys.argv.pop(1))
writing = os.O_WRONLY | os.O_RDWR

def count(event, arguments):
    global steps
    if event in ("os.rename", "os.link", "os.remove", "os.mkdir", "os.chmod") or (
        event == "open" and isinstance(arguments[2], int) and arguments[2] & writing and "pyc" not in str(arguments[0])
    ):
        steps -= 1
        if steps < 0:
            os.kill(os.getpid(), signal.SIGKILL)

from ccflared.__main__ import main
import ccflared.cli.account_edits
sys.addaudithook(count)
sys.exit(main())
"""
"""ccflared, killed before the so-manieth thing that it does to the disk."""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_of_many_edits_at_once_each_is_there_or_says_why_not(desk: Desk) -> None:
    names = [f"a{number}" for number in range(MANY)]
    running = [desk.start("account", "add", name, "--mode", "ollama", "--json") for name in names]
    ended = {
        name: (*each.communicate(timeout=60), each.returncode)
        for name, each in zip(names, running, strict=True)
    }
    there = {name for name, (_, _, code) in ended.items() if code == 0}
    assert there, "one of them was the first"
    for out, err, code in ended.values():
        assert (err, code in (0, 4)) == ("", True)
        assert code == 0 or json.loads(out)["kind"] == "conflict"
    assert set(desk.tables["accounts"]) == {"local", *there}
    assert desk.text.startswith(FILE)
    assert desk.leftovers() == set()


def test_killed_at_any_step_the_file_is_the_old_one_or_the_new_one_and_never_names_a_key_that_is_not_there(
    tmp_path: Path,
) -> None:
    words = ("account", "add", "coder", "--mode", "zai", "--api-key-stdin")
    seen: list[bool] = []
    for step in range(100):
        (tmp_path / str(step)).mkdir()
        desk = Desk(tmp_path / str(step))
        before = (sys.executable, "-c", KILLED, str(step))
        code, _, err = desk.type_in(*words, stdin="sk-planted", before=before)
        accounts = tomllib.loads(desk.text)["accounts"]
        seen.append("coder" in accounts)
        if "coder" in accounts:
            stored = desk.state / "secrets" / accounts["coder"]["api_key"]["stored"]
            assert stored.read_text() == "sk-planted"
        else:
            assert desk.text == FILE
        assert desk.type_in("check")[0] == 0
        again = desk.type_in(*words, stdin="sk-other")
        assert again[0] == (4 if "coder" in accounts else 0), "a rest of the first does not stand in the way"
        if code == 0:
            break
        assert code == -signal.SIGKILL, err
    assert seen == sorted(seen)
    assert seen.count(False) > 5, "it was killed on the way"
    assert True in seen[:-1], "and also when all was written"


def test_three_that_set_keys_at_once_all_succeed(desk: Desk) -> None:
    words = ("priority=3", "tier=5", "max_concurrency=7")
    running = [desk.start("account", "set", "local", word) for word in words]
    assert [(each.communicate(timeout=60)[1], each.returncode) for each in running] == [("", 0)] * 3
    assert desk.tables["accounts"]["local"] == {
        "provider": "ollama",
        "priority": 3,
        "tier": 5,
        "max_concurrency": 7,
    }
