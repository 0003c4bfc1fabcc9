"""The words of account set: what is no key, no value, or a secret, is told, and never ends in a traceback."""

from pathlib import Path

import pytest
from desk import FILE, Desk

SECRET = "sk-planted-123"
LISTS = 'models = { opus = ["a", "b"] }\npause_schedule = [{ from = "1:00", to = "2:00" }]\n'
MANY = 5000


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((f'oauth={{access_token="{SECRET}"}}',), "oauth.access_token: a secret on the command line"),
        ((f'oauth={{client_id="x", refresh_token="{SECRET}"}}',), "oauth.refresh_token: a secret on the"),
        (("api_key", SECRET), "api_key: a secret on the command line"),
        (("api_key", "hunter"), "word 2 behind the name: write KEY=VALUE"),
        ((f"{SECRET}==",), "word 1 behind the name: write KEY=VALUE"),
        ((f"oauth.access token={SECRET}",), "word 1 behind the name: write KEY=VALUE"),
    ],
    ids=["table", "second of a table", "behind its key", "short", "with equals signs", "no key"],
)
def test_a_secret_on_the_command_line_is_refused_wherever_it_stands_and_never_repeated(
    desk: Desk, words: tuple[str, ...], said: str
) -> None:
    code, out, err = desk.type_in("account", "set", "local", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert SECRET not in err
    assert "hunter" not in err
    assert desk.text == FILE


@pytest.mark.parametrize(
    ("word", "where"),
    [
        ("models.opus.x=1", "accounts.local.models.opus"),
        ("pause_schedule.0.from=13:00", "accounts.local.pause_schedule"),
    ],
)
def test_a_list_is_set_as_a_whole(desk: Desk, word: str, where: str) -> None:
    desk.write(FILE + LISTS)
    code, out, err = desk.type_in("account", "set", "local", word)
    assert (code, out) == (4, "")
    assert err == f"{where} in {desk.config} is a list, which is set as a whole. Nothing was written.\n"
    assert desk.text == FILE + LISTS


@pytest.mark.parametrize(
    "word",
    [
        "priority=" + "9" * MANY,
        "priority=0x" + "f" * MANY,
        "pause_schedule=" + "[" * MANY,
        "pause_schedule=" + "[" * 100 + "]" * 100,
    ],
    ids=["decimal", "hexadecimal", "open", "deep"],
)
def test_what_no_key_can_hold_is_refused_as_any_other_mistake(desk: Desk, word: str) -> None:
    code, out, err = desk.type_in("account", "set", "local", word)
    assert (code, out) == (4, "")
    assert err.endswith("That is not valid; nothing was written.\n")
    assert desk.text == FILE


def test_a_key_that_is_deeper_than_any_is_none(desk: Desk) -> None:
    code, _, err = desk.type_in("account", "set", "local", "a." * 3000 + "b=1")
    assert (code, err.partition(":")[2][:16]) == (2, " write KEY=VALUE")


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_numbers_that_count_nothing_are_refused(desk: Desk, number: str) -> None:
    code, out, err = desk.type_in("account", "set", "local", f"tier={number}")
    assert (code, out) == (4, "")
    assert f"expected a number above 0, found the number {number}" in err
    code, _, err = desk.type_in("account", "add", "new", "--mode", "ollama", f"--tier={number}")
    assert code == 2
    assert f"{number} is no number" in err
    assert desk.text == FILE


def test_a_key_to_take_out_must_be_one(desk: Desk) -> None:
    code, out, err = desk.type_in("account", "set", "local", "prioritty=", "budget.dayly=", "tier=")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        'prioritty: an account has no such key; did you mean "priority"?',
        'budget.dayly: an account has no such key; did you mean "daily"?',
    ]
    assert desk.type_in("account", "set", "local", "tier=", "models.opus=")[0] == 0


def test_a_mistaken_key_that_stands_in_the_file_can_be_taken_out(desk: Desk) -> None:
    desk.write(FILE + "prioritty = 3\n")
    assert desk.type_in("account", "set", "local", "prioritty=")[0] == 0
    assert desk.text == FILE


def test_the_quotes_that_a_name_needs_are_told(desk: Desk) -> None:
    code, _, err = desk.type_in("account", "set", "local", "models.claude-*=big")
    assert (code, err) == (2, "models.claude-*: the name needs quotes: 'models.\"claude-*\"=VALUE'\n")
    assert desk.type_in("account", "set", "local", 'models."claude-*"=big')[0] == 0
    assert desk.tables["accounts"]["local"]["models"] == {"claude-*": "big"}


@pytest.mark.parametrize("section", ["accounts", "clients", "providers"])
@pytest.mark.parametrize(
    "words",
    [
        ("account", "set", "w", "priority=3"),
        ("account", "remove", "w"),
        ("account", "rename", "w", "v"),
        ("client", "add", "w"),
        ("client", "rotate", "w"),
        ("client", "remove", "w"),
    ],
    ids=" ".join,
)
def test_a_section_that_is_no_table_is_a_mistake_that_was_there_before(
    desk: Desk, section: str, words: tuple[str, ...]
) -> None:
    text = f"{section} = 3\n" + FILE.replace("[accounts.local]", "[log]").replace("provider =", "#")
    desk.write(text)
    code, out, err = desk.type_in(*words)
    assert (code, out) == (4, "")
    assert f"{desk.config}:1:" in err
    assert err.endswith("The file already has errors; fix them first. Nothing was written.\n")
    assert desk.text == text
