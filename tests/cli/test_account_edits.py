"""account add, set, rename and remove as they are typed, where no daemon runs."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from desk import FILE, Desk
from terminals import on_a_terminal

from ccflared.cli.main import FORMER


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_an_account_is_added_and_the_rest_stays_as_it_is(desk: Desk) -> None:
    words = ("work", "--provider", "anthropic", "--api-key-env", "PATH", "--priority", "10", "--tier", "5")
    code, out, err = desk.type_in("account", "add", *words, "--model", "opus=big", "--model", "opus=mid")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"Added the account work (anthropic) to {desk.config}.",
        "The daemon is not running; it counts from its next start on.",
    ]
    assert desk.text == FILE + (
        '\n[accounts.work]\nprovider = "anthropic"\napi_key = { env = "PATH" }\npriority = 10\ntier = 5\n'
        'models = { opus = ["big", "mid"] }\n'
    )
    assert stat.S_IMODE(desk.config.stat().st_mode) == 0o600
    assert desk.leftovers() == set()


@pytest.mark.parametrize(
    ("mode", "provider"),
    [("console", "anthropic"), ("zai", "zai"), ("Vertex-AI", "vertex"), ("openai-compatible",) * 2],
)
def test_the_modes_of_better_ccflare_are_understood(desk: Desk, mode: str, provider: str) -> None:
    where = ("--api-key-env", "PATH", "--base-url", "https://llm.example.com")
    assert desk.type_in("account", "add", "new", "--mode", mode, *where)[0] == 0
    assert desk.tables["accounts"]["new"]["provider"] == provider


def test_a_mode_that_is_mistyped_is_told_with_the_one_that_is_meant(desk: Desk) -> None:
    code, out, err = desk.type_in("account", "add", "new", "--mode", "vertx-ai", "--api-key-env", "K")
    assert (code, out) == (2, "")
    assert err == '--mode: there is no provider "vertx-ai"; did you mean "vertex-ai"?\n'
    assert desk.text == FILE


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        ((), ["--provider P (or --mode M)"]),
        (("--mode", "zai"), ["--api-key-env V, --api-key-file F or --api-key-stdin"]),
        (("--mode", "openai-compatible"), ["--base-url U", "--api-key-env V, --api-key-file F"]),
    ],
    ids=["provider", "key", "address and key"],
)
def test_without_a_terminal_nothing_prompts_and_what_is_missing_is_named(
    desk: Desk, words: tuple[str, ...], missing: list[str]
) -> None:
    process = desk.start("account", "add", "new", *words)
    # The input stays open: who waits for it would wait for ever.
    assert process.wait(30) == 2
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read() == ""
    said = process.stderr.read()
    assert said.startswith("What is missing: ")
    assert all(each in said for each in missing)
    process.communicate()
    assert desk.text == FILE


def test_a_key_from_standard_input_is_stored_and_stands_nowhere_else(desk: Desk) -> None:
    code, out, err = desk.type_in(
        "account", "add", "coder", "--mode", "zai", "--api-key-stdin", stdin="sk-planted\n"
    )
    stored = desk.state / "secrets" / "coder"
    assert (code, err) == (0, "")
    assert f"The key is stored as {stored}." in " ".join(out.split())
    assert "sk-planted" not in out + desk.text
    assert desk.tables["accounts"]["coder"]["api_key"] == {"stored": "coder"}
    assert stored.read_text() == "sk-planted"
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert stat.S_IMODE(stored.parent.stat().st_mode) == 0o700
    assert list(stored.parent.iterdir()) == [stored]
    assert desk.type_in("check", "--secrets")[0] == 0


def test_a_stored_key_is_never_overwritten_by_that_of_another_account(desk: Desk) -> None:
    add = ("account", "add", "coder", "--mode", "zai", "--api-key-stdin")
    assert desk.type_in(*add, stdin="sk-one")[0] == 0
    assert desk.type_in("account", "rename", "coder", "old")[0] == 0
    assert desk.type_in(*add, stdin="sk-two")[0] == 0
    accounts = desk.tables["accounts"]
    kept = {
        name: (desk.state / "secrets" / accounts[name]["api_key"]["stored"]).read_text()
        for name in ("old", "coder")
    }
    assert kept == {"old": "sk-one", "coder": "sk-two"}


@pytest.mark.parametrize("stdin", ["", "\n", "two\nlines\n", " sk-blank"])
def test_what_is_no_key_is_not_stored(desk: Desk, stdin: str) -> None:
    code, _, err = desk.type_in("account", "add", "c", "--mode", "zai", "--api-key-stdin", stdin=stdin)
    assert code == 2
    assert err.startswith("There is no key: standard input ")
    assert desk.text == FILE
    assert not desk.state.exists()


def test_an_edit_that_is_refused_stores_no_key(desk: Desk) -> None:
    words = ("account", "add", "c", "--mode", "zai", "--base-url", "ftp://x", "--api-key-stdin")
    code, _, err = desk.type_in(*words, stdin="sk-planted")
    assert code == 4
    assert "That is not valid; nothing was written." in err
    assert "sk-planted" not in err
    assert not (desk.state / "secrets").exists() or not list((desk.state / "secrets").iterdir())


def test_an_account_that_logs_in_needs_no_key_and_the_next_command_is_told(desk: Desk) -> None:
    code, out, err = desk.type_in(
        "account", "add", "primary", "--mode", "max", "--tier", "20", "--priority", "0"
    )
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == (
        "Next: ccflared account set primary oauth.client_id=ID (the client id that was issued to you), "
        "then ccflared login primary"
    )
    assert desk.type_in("account", "set", "primary", "oauth.client_id=mine")[0] == 0
    code, _, err = desk.type_in("account", "add", "other", "--mode", "max", "--api-key-env", "K")
    assert (code, err.split(":")[0]) == (2, "claude-oauth logs in by OAuth, it takes no API key")


def test_a_relative_key_file_is_the_one_that_was_meant_where_it_was_typed(desk: Desk) -> None:
    (desk.directory / "zai.key").write_text("sk-x")
    assert desk.type_in("account", "add", "c", "--mode", "zai", "--api-key-file", "zai.key")[0] == 0
    assert desk.tables["accounts"]["c"]["api_key"] == {"file": str(desk.directory / "zai.key")}


def test_without_a_configuration_the_command_that_writes_one_is_named(tmp_path: Path) -> None:
    desk = Desk(tmp_path, text=None)
    code, _, err = desk.type_in("account", "add", "a", "--mode", "zai", "--api-key-env", "K")
    assert code == 2
    assert "There is no file" in err
    assert f"ccflared init --config {desk.config}" in err


def test_keys_are_set_and_taken_out(desk: Desk) -> None:
    words = (
        "priority=7",
        "models.opus=big",
        "budget.daily=2.5",
        'pause_schedule=[{ from = "1:00", to = "2:00" }]',
    )
    assert desk.type_in("account", "set", "local", *words)[0] == 0
    assert desk.tables["accounts"]["local"] == {
        "provider": "ollama",
        "priority": 7,
        "models": {"opus": "big"},
        "budget": {"daily": 2.5},
        "pause_schedule": [{"from": "1:00", "to": "2:00"}],
    }
    assert (
        desk.type_in(
            "account", "set", "local", "models.opus=", "budget.daily=", "priority=", "pause_schedule="
        )[0]
        == 0
    )
    assert desk.text == FILE
    code, out, _ = desk.type_in("account", "set", "local", "provider=ollama")
    assert (code, out) == (0, "It is so already; nothing was written.\n")


def test_all_that_is_wrong_is_told_at_once(desk: Desk) -> None:
    code, _, err = desk.type_in(
        "account", "set", "local", "priorty=3", "tier=0", "nonsense", "api_key=sk-planted"
    )
    assert code == 2
    assert [line.split(":")[0] for line in err.splitlines()] == ["nonsense", "api_key"]
    assert "sk-planted" not in err
    code, _, err = desk.type_in("account", "set", "local", "priorty=3", "tier=0")
    assert code == 4
    assert 'unknown key "priorty" in [accounts.local]; did you mean "priority"?' in err
    assert "expected a number above 0, found the integer 0" in err
    assert err.splitlines()[-1] == "That is not valid; nothing was written."
    assert desk.text == FILE


def test_a_new_key_of_an_account_comes_by_standard_input(desk: Desk) -> None:
    assert desk.type_in("account", "add", "c", "--mode", "zai", "--api-key-env", "K")[0] == 0
    assert desk.type_in("account", "set", "c", "--api-key-stdin", "tier=2", stdin="sk-new")[0] == 0
    assert desk.tables["accounts"]["c"] == {"provider": "zai", "api_key": {"stored": "c"}, "tier": 2}
    assert (desk.state / "secrets" / "c").read_text() == "sk-new"


def test_an_account_is_renamed_wherever_it_is_named(desk: Desk) -> None:
    desk.write(FILE + '[[fallback]]\nmodels = ["opus"]\ntry = ["local", "l*"]\n')
    code, out, _ = desk.type_in("account", "rename", "local", "lab")
    assert code == 0
    assert out.splitlines()[0] == (
        f"The account local is called lab now, in {desk.config}, and where chains and clients name it."
    )
    assert desk.tables["fallback"][0]["try"] == ["lab", "l*"]
    code, _, err = desk.type_in("account", "rename", "lba", "x")
    assert (code, err) == (4, 'There is no account "lba"; did you mean "lab"? Nothing was written.\n')
    assert desk.type_in("account", "rename", "lab", "a/b")[0] == 2


def test_an_account_is_removed_with_what_names_it_only_if_forced(desk: Desk) -> None:
    more = '[accounts.other]\nprovider = "ollama"\n[[fallback]]\nmodels = ["opus"]\ntry = ["local"]\n'
    desk.write(FILE + more)
    code, _, err = desk.type_in("account", "remove", "local")
    assert (code, err) == (
        4,
        'The account "local" is named by the chain for opus. Nothing was written. --force takes it out there, too.\n',
    )
    assert desk.type_in("account", "remove", "local", "--force")[0] == 0
    assert desk.tables.keys() == {"server", "storage", "accounts"}
    code, _, err = desk.type_in("account", "remove", "other")
    assert (code, err) == (
        4,
        "The last account would be gone. Nothing was written. If that is meant: --allow-less.\n",
    )
    assert desk.type_in("account", "remove", "other", "--allow-less")[0] == 0


def test_what_was_done_and_what_was_refused_can_be_had_as_json(desk: Desk) -> None:
    code, out, _ = desk.type_in("account", "set", "local", "priority=3", "--json")
    assert (code, json.loads(out)) == (
        0,
        {
            "ok": True,
            "files": [str(desk.config)],
            "changes": ["accounts.local.priority: 0 -> 3"],
            "warnings": [],
            "daemon": "not running",
            "verdict": None,
        },
    )
    code, out, err = desk.type_in("account", "set", "local", "tier=0", "--json")
    refused = json.loads(out)
    assert (code, err, refused["ok"], refused["kind"]) == (4, "", False, "mistakes")
    assert len(refused["mistakes"]) == 1


def test_the_list_is_of_the_file_where_no_daemon_runs(desk: Desk) -> None:
    assert (
        desk.type_in("account", "add", "first", "--mode", "zai", "--api-key-env", "K", "--priority", "-1")[0]
        == 0
    )
    code, out, err = desk.type_in("account", "list")
    assert (code, err) == (0, "")
    assert [line.split() for line in out.splitlines()[:3]] == [
        ["name", "provider", "priority", "tier"],
        ["first", "zai", "-1", "1"],
        ["local", "ollama", "0", "1"],
    ]
    assert out.splitlines()[-1] == f"The daemon is not running; this is what {desk.config} says."
    assert [each["name"] for each in json.loads(desk.type_in("account", "list", "--json")[1])] == [
        "first",
        "local",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")
def test_where_the_file_cannot_be_written_the_toml_to_paste_is_all_that_is_printed(desk: Desk) -> None:
    command = (
        'mount --bind "$PWD" "$PWD" && mount -o remount,bind,ro "$PWD" && cd "$PWD" && exec '
        f'{sys.executable} -m ccflared "$@"'
    )
    before = ("unshare", "--mount", "sh", "-c", command, "sh")
    if subprocess.run([*before[:4], "mount --bind / /mnt"], check=False, capture_output=True).returncode:
        pytest.skip("no mounts here")
    code, out, err = desk.type_in(
        "account", "add", "w", "--mode", "console", "--api-key-env", "K", before=before
    )
    assert (code, out) == (4, '[accounts.w]\nprovider = "anthropic"\napi_key = { env = "K" }\n')
    assert err.splitlines() == [
        f"{desk.config} is on a read-only file system.",
        f"By hand, in {desk.config}:",
    ]
    assert desk.text == FILE


def test_at_a_terminal_what_is_missing_is_asked_for_and_the_key_is_not_shown(desk: Desk) -> None:
    with on_a_terminal("account", "add", "asked", more=desk.environ) as screen:
        screen.until(lambda text: "Provider" in text)
        screen.type_in("openai-compatible\n")
        screen.until(lambda text: "Base URL" in text)
        screen.type_in("https://llm.example.com/v1\n")
        screen.until(lambda text: "API key" in text)
        screen.type_in("sk-planted\n")
        assert screen.ended() == 0
    assert "sk-planted" not in screen.written.decode()
    assert desk.tables["accounts"]["asked"]["base_url"] == "https://llm.example.com/v1"
    assert (desk.state / "secrets" / "asked").read_text() == "sk-planted"


def test_at_a_terminal_ctrl_c_changes_nothing(desk: Desk) -> None:
    with on_a_terminal("account", "add", "asked", "--mode", "zai", more=desk.environ) as screen:
        screen.until(lambda text: "API key" in text)
        screen.process.send_signal(2)
        assert screen.ended() == 4
    assert "Nothing was changed." in screen.written.decode()
    assert desk.text == FILE


@pytest.mark.parametrize("option", ["--add-account", "--remove", "--set-priority", "--generate-api-key"])
def test_who_types_as_for_better_ccflare_is_told_the_command(desk: Desk, option: str) -> None:
    code, _, err = desk.type_in(option, "work")
    assert code == 2
    assert f"here it is: {FORMER[option]}" in err
    words = FORMER[option].split()[1:3]
    assert desk.type_in(*words, "--help")[0] == 0
