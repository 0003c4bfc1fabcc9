"""client add, rotate and remove as they are typed, where no daemon runs."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from desk import FILE, Desk
from terminals import COMMAND, on_a_terminal

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
        (
            "Administration over TCP is closed from now on: it asks for the token of [admin], and there is none yet. "
            "The commands go on by the control socket."
        ),
    ]
    code, _, err = desk.type_in("client", "add", "phone")
    assert "from now on" not in err.casefold(), "said with the first alone"


def test_where_administration_has_a_token_nothing_is_said_of_it(desk: Desk) -> None:
    desk.write(FILE + '[admin]\ntoken = { env = "PATH" }\n')
    assert "Administration" not in desk.type_in(*LAPTOP)[2]


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
    assert (code, err) == (4, 'There is no client "laptop"; there is none at all. Nothing was written.\n')


def test_a_client_that_has_expired_already_is_told_so(desk: Desk) -> None:
    code, _, err = desk.type_in(*LAPTOP, "--expires", "2020-01-01")
    assert (code, err.splitlines()[-1]) == (
        0,
        "Its key counts no more already: it expires on 2020-01-01.",
    )
    assert "counts no more" not in desk.type_in("client", "add", "phone", "--expires", "2999-01-01")[2]


def test_of_several_keys_in_files_none_is_known_to_be_the_newest(desk: Desk) -> None:
    text = FILE + '[clients.laptop]\nkey = [{ env = "A" }, { env = "B" }]\n'
    desk.write(text)
    code, _, err = desk.type_in("client", "rotate", "laptop", "--drop-old")
    assert code == 4
    assert "has several keys in key = [...], and nothing tells which of them is the newest" in err
    assert desk.text == text
    desk.write(text.replace(', { env = "B" }', ""))
    assert "has one key only" in desk.type_in("client", "rotate", "laptop", "--drop-old")[2]


@pytest.mark.parametrize("words", [("add", "phone"), ("rotate", "laptop"), ("add", "phone", "--json")])
@pytest.mark.parametrize(
    ("output", "said"),
    [
        (">&-", "The standard output is closed."),
        (">/dev/full", "The output cannot be written: No space left on device."),
    ],
    ids=["closed", "full"],
)
def test_where_the_key_cannot_be_printed_there_is_no_new_one(
    desk: Desk, words: tuple[str, ...], output: str, said: str
) -> None:
    desk.type_in(*LAPTOP)
    before = desk.text
    shell = ("sh", "-c", f'exec {sys.executable} -m ccflared "$@" {output}', "sh")
    assert desk.type_in("client", *words, before=shell) == (4, "", f"{said} Nothing was changed.\n")
    assert desk.text == before


def test_where_nobody_reads_there_is_no_new_key(desk: Desk) -> None:
    desk.type_in(*LAPTOP)
    before = desk.text
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [*COMMAND, "client", "rotate", "laptop"],
        env=desk.environ,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (4, "Nobody reads the output. Nothing was changed.\n")
    assert desk.text == before


def test_a_key_that_was_lost_on_its_way_is_told_with_the_command_for_another(desk: Desk) -> None:
    desk.type_in(*LAPTOP)
    limited = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from ccflared.cli import client_edits\n"
        "from ccflared.cli.main import run_command\n"
        "made = client_edits.made\n"
        "def full(*words, **more):\n"
        "    done = made(*words, **more)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "    return done\n"
        "client_edits.made = full\n"
        "sys.exit(run_command(sys.argv[1:]))\n"
    )
    shell = ("sh", "-c", f"exec {sys.executable} -c '{limited}' \"$@\" >out", "sh")
    code, _, err = desk.type_in("client", "rotate", "laptop", before=shell)
    assert (code, err) == (
        4,
        (
            "The new key of the client laptop is in the file, but could not be printed and is lost; "
            "ccflared client rotate laptop makes another one.\n"
        ),
    )
