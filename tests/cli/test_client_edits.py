"""client add, rotate and remove as they are typed, where no daemon runs."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from desk import FILE, Desk
from terminals import on_a_terminal

LAPTOP = ("client", "add", "laptop")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def digest(key: str) -> str:
    return sha256(key.strip().encode()).hexdigest()


def test_a_pipe_gets_the_key_alone_and_the_file_its_digest(desk: Desk) -> None:
    code, key, err = desk.type_in(*LAPTOP)
    assert code == 0
    assert key.startswith("ccf_")
    assert len(key.strip()) == 4 + 43, "256 bits"
    assert desk.text == FILE + f'\n[clients.laptop]\nkey_sha256 = "{digest(key)}"\n'
    assert err.splitlines() == [
        f"Added the client laptop to {desk.config}.",
        "The daemon is not running; it counts from its next start on.",
        "From now on every request needs a key of a client, also from this machine.",
    ]
    code, _, err = desk.type_in("client", "add", "phone")
    assert "From now on" not in err, "said with the first alone"


def test_a_person_is_shown_the_key_once(desk: Desk) -> None:
    with on_a_terminal(*LAPTOP, more=desk.environ) as screen:
        assert screen.ended() == 0
    text = screen.written.decode()
    assert "The key, which is shown this once:" in text
    (key,) = [word for word in text.split() if word.startswith("ccf_")]
    assert desk.tables["clients"]["laptop"]["key_sha256"] == digest(key)


def test_rights_limits_and_an_end_are_written(desk: Desk) -> None:
    words = ("--accounts", "local", "team-*", "--models", "haiku", "--pin", "--expires", "2027-01-01")
    more = ("--requests-per-hour", "600", "--budget-daily", "2", "--budget-monthly", "20.5", "--json")
    code, out, _ = desk.type_in(*LAPTOP, *words, *more)
    assert code == 0
    assert desk.tables["clients"]["laptop"] == {
        "key_sha256": digest(json.loads(out)["key"]),
        "accounts": ["local", "team-*"],
        "models": ["haiku"],
        "pin": True,
        "budget": {"daily": 2, "monthly": 20.5},
        "requests_per_hour": 600,
        "expires": "2027-01-01",
    }


def test_a_client_that_would_be_wrong_is_refused_and_no_key_shown(desk: Desk) -> None:
    code, out, err = desk.type_in(*LAPTOP, "--expires", "tomorrow", "--accounts", "nobody")
    assert (code, out) == (4, "")
    assert 'expected a date such as "2027-01-01"' in err
    assert desk.text == FILE


def test_a_new_key_takes_the_place_of_the_old_one(desk: Desk) -> None:
    old = desk.type_in(*LAPTOP)[1]
    code, new, _ = desk.type_in("client", "rotate", "laptop")
    assert code == 0
    assert new != old
    assert desk.tables["clients"]["laptop"] == {"key_sha256": digest(new)}


def test_both_keys_count_until_the_old_one_is_dropped(desk: Desk) -> None:
    keys = [desk.type_in(*LAPTOP)[1]]
    for number in (2, 3):
        code, key, err = desk.type_in("client", "rotate", "laptop", "--keep-old")
        assert code == 0
        assert "ccflared client rotate laptop --drop-old" in err
        keys.append(key)
        assert desk.tables["clients"]["laptop"]["key_sha256"] == [digest(each) for each in keys]
        assert len(keys) == number
    code, out, _ = desk.type_in("client", "rotate", "laptop", "--drop-old")
    assert (code, out.splitlines()[0]) == (0, "Only the newest key of the client laptop counts from now on.")
    assert desk.tables["clients"]["laptop"]["key_sha256"] == [digest(keys[-1])]
    code, _, err = desk.type_in("client", "rotate", "laptop", "--drop-old")
    assert code == 4
    assert "has one key only" in err


def test_a_key_in_a_file_of_its_own_gives_way_to_a_new_one(desk: Desk) -> None:
    desk.write(FILE + '[clients.laptop]\nkey = { file = "laptop.key" }   # mine\n')
    kept = desk.type_in("client", "rotate", "laptop", "--keep-old")[1]
    assert desk.tables["clients"]["laptop"] == {"key": {"file": "laptop.key"}, "key_sha256": digest(kept)}
    assert desk.type_in("client", "rotate", "laptop", "--drop-old")[0] == 0
    assert desk.tables["clients"]["laptop"] == {"key_sha256": digest(kept)}


def test_the_last_client_goes_only_when_it_is_meant(desk: Desk) -> None:
    assert desk.type_in(*LAPTOP)[0] == 0
    assert desk.type_in("client", "add", "phone")[0] == 0
    assert desk.type_in("client", "remove", "phone")[0] == 0
    code, _, err = desk.type_in("client", "remove", "laptop")
    assert code == 4
    assert err.startswith("All [clients] would be gone")
    assert desk.type_in("client", "remove", "laptop", "--allow-less")[0] == 0
    assert desk.text == FILE
    code, _, err = desk.type_in("client", "remove", "laptop")
    assert (code, err) == (4, 'There is no client "laptop". Nothing was written.\n')
