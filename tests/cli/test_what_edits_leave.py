"""What the commands that edit the file leave behind, take along and tell of it, where no daemon runs."""

from pathlib import Path

import pytest
from desk import FILE, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.environ["COLUMNS"] = "400"
    return made


def stored(desk: Desk) -> dict[str, str]:
    return {path.name: path.read_text() for path in (desk.state / "secrets").iterdir()}


def test_a_stored_key_goes_when_nothing_names_it_any_more(desk: Desk) -> None:
    assert desk.type_in("account", "add", "w", "--mode", "zai", "--api-key-stdin", stdin="sk-one")[0] == 0
    assert desk.type_in("account", "set", "w", "--api-key-stdin", stdin="sk-two")[0] == 0
    assert stored(desk) == {"w-2": "sk-two"}
    assert desk.type_in("account", "set", "w", "--api-key-stdin", stdin="sk-three")[0] == 0
    assert stored(desk) == {"w": "sk-three"}
    assert desk.type_in("account", "add", "v", "--mode", "zai", "--api-key-env", "K")[0] == 0
    assert desk.type_in("account", "set", "v", 'api_key={ stored = "w" }')[0] == 0
    assert desk.type_in("account", "set", "w", 'api_key={ env = "K" }')[0] == 0
    assert stored(desk) == {"w": "sk-three"}, "another account needs it still"
    assert desk.type_in("account", "remove", "v")[0] == 0
    assert stored(desk) == {}


def test_a_stored_key_stays_when_the_edit_is_refused(desk: Desk) -> None:
    words = ("account", "add", "w", "--mode", "zai", "--api-key-stdin")
    assert desk.type_in(*words, stdin="sk-one")[0] == 0
    assert desk.type_in("account", "set", "w", "--api-key-stdin", "tier=0", stdin="sk-two")[0] == 4
    assert desk.type_in("account", "set", "w", "api_key=", "tier=0")[0] == 4
    assert stored(desk) == {"w": "sk-one"}


def test_what_goes_with_an_account_is_named_and_a_refusal_goes_only_if_meant(desk: Desk) -> None:
    chains = (
        '[[fallback]]\nmodels = ["opus"]\ntry = ["local"]\nthen = "fail"\n'
        '[[fallback]]\nmodels = ["haiku"]\ntry = ["local"]\n'
        '[[fallback]]\nmodels = ["sonnet"]\ntry = ["local", "other"]\nthen = "fail"\n'
    )
    desk.write(FILE + '[accounts.other]\nprovider = "ollama"\n' + chains)
    before = desk.text
    code, _, err = desk.type_in("account", "remove", "local", "--force")
    assert (code, err) == (
        4,
        (
            'The chain for opus would be gone, and with it its then = "fail": every account could be asked for that. '
            "Nothing was written. If that is meant: --allow-less.\n"
        ),
    )
    assert desk.text == before
    code, out, _ = desk.type_in("account", "remove", "local", "--force", "--allow-less")
    assert (code, out.splitlines()[0]) == (
        0,
        (
            f"Removed the account local from {desk.config}. With it went the chain for opus and the chain for haiku. "
            "It is not named any more by the chain for sonnet."
        ),
    )


def test_the_file_that_is_named_is_the_one_that_was_written(desk: Desk) -> None:
    desk.write('include = "team.toml"\n' + FILE)
    team = desk.directory / "team.toml"
    team.write_text('[accounts.team]\nprovider = "ollama"\n[clients.bob]\nkey = { env = "K" }\n')
    for words, said in {
        ("account", "set", "team", "tier=2"): f"Changed the account team in {team}.",
        ("account", "rename", "team", "crew"): f"The account team is called crew now, in {team}.",
        ("account", "remove", "crew"): f"Removed the account crew from {team}.",
        (
            "client",
            "remove",
            "bob",
            "--allow-less",
        ): f"Removed the client bob from {team}; its key counts no more.",
    }.items():
        assert desk.type_in(*words)[1].splitlines()[0] == said


@pytest.mark.parametrize("there", [True, False])
def test_an_included_file_may_be_named_by_any_way_that_leads_to_it(desk: Desk, there: bool) -> None:
    desk.write('include = "conf.d/*.toml"\n' + FILE)
    place = desk.directory / "conf.d"
    place.mkdir()
    team = place / "team.toml"
    if there:
        team.write_text("")
    words = ("account", "add", "team", "--mode", "ollama", "--file", "conf.d/../conf.d/team.toml")
    code, out, err = desk.type_in(*words)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"Added the account team (ollama) to {team}."
    assert team.read_text() == '[accounts.team]\nprovider = "ollama"\n'


def test_a_name_does_not_end_in_a_space(desk: Desk) -> None:
    code, _, err = desk.type_in("account", "add", "w ", "--mode", "ollama")
    assert (code, err.partition(":")[0]) == (2, '"w " cannot be a name')
    assert desk.type_in("account", "rename", "local", "my lab ")[0] == 2
    assert desk.type_in("account", "rename", "local", "my lab")[0] == 0
