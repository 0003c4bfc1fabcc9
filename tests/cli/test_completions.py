"""The completions are of the commands as they are, both ways, and do what they shall in the shells themselves."""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from shells import COMPLETIONS, PROMPT, ROOT, Shell, typing_into
from test_cli_with_daemon import House

from ccflared.cli.arguments import parser

SHELLCHECK = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
SHELLS = ("bash", "zsh", "fish")
ODD = ("vendor/big:free", "modèle [1m]", 'it\'s "$(touch pwned)" `id` \\n !x')
FILE = f"""
[accounts.primary]
provider = "anthropic-compatible"
base_url = "http://127.0.0.1:1"
api_key = "sk-x"
models = {{ "big-1" = {json.dumps(ODD, ensure_ascii=False)} }}
[accounts."my plan"]
provider = "anthropic-compatible"
base_url = "http://127.0.0.1:1"
api_key = "sk-y"
[accounts."my phone.2"]
provider = "ollama"
[clients."the laptop"]
key_sha256 = "{"0" * 64}"
"""


def walk(at: argparse.ArgumentParser, path: str = "") -> Iterator[tuple[str, set[str], set[str]]]:
    """Yield each command that --help lists: its words, its options and the words that may follow."""
    options = {name for action in at._actions for name in action.option_strings}
    nested = [action for action in at._actions if isinstance(action, argparse._SubParsersAction)]
    below = {each.dest: nested[0].choices[each.dest] for action in nested for each in action._choices_actions}
    yield path, options, set(below)
    for word, made in below.items():
        yield from walk(made, f"{path} {word}".strip())


COMMANDS = list(walk(parser()))


def test_the_completions_are_as_they_are_drawn() -> None:
    command = [sys.executable, str(ROOT / "contrib/dev/draw-completions"), "--check"]
    drawn = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (drawn.returncode, drawn.stderr) == (0, "")


def test_what_is_hidden_is_not_completed() -> None:
    assert all("complete" not in below for _, _, below in COMMANDS)
    assert all(
        " complete " not in line or "command ccflared" in line or line.startswith(("complete ", "#"))
        for file in COMPLETIONS.iterdir()
        for line in file.read_text().splitlines()
    )


def in_bash(line: str) -> set[str]:
    """Return what bash offers for a line."""
    script = 'compopt() { :; }; source "$1"; COMP_LINE=$2 COMP_POINT=${#2}; _ccflared; printf "%s\\n" "${COMPREPLY[@]}"'
    command = ["bash", "--norc", "-c", script, "-", str(COMPLETIONS / "ccflared.bash"), line]
    got = subprocess.run(command, capture_output=True, text=True, check=True)
    assert got.stderr == ""
    return {*got.stdout.split()}


def in_fish(line: str) -> dict[str, str]:
    """Return what fish offers for a line, with the descriptions."""
    script = "source $argv[1]; complete -C $argv[2]"
    command = ["fish", "--no-config", "-c", script, "--", str(COMPLETIONS / "ccflared.fish"), line]
    got = subprocess.run(command, capture_output=True, text=True, check=True)
    assert got.stderr == ""
    rows = (line.partition("\t") for line in got.stdout.splitlines())
    return {name.removesuffix("="): says for name, _, says in rows}


@pytest.mark.parametrize(
    ("path", "options", "below"), COMMANDS, ids=[path or "alone" for path, _, _ in COMMANDS]
)
def test_bash_knows_each_option_and_word_and_no_other(path: str, options: set[str], below: set[str]) -> None:
    assert in_bash(f"ccflared {path} -".replace("  ", " ")) == options
    if below:
        assert in_bash(f"ccflared {path} ".replace("  ", " ")) == below


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(
    ("path", "options", "below"), COMMANDS, ids=[path or "alone" for path, _, _ in COMMANDS]
)
def test_fish_knows_each_option_and_word_and_what_it_does(
    path: str, options: set[str], below: set[str]
) -> None:
    offered = in_fish(f"ccflared {path} -".replace("  ", " "))
    assert {*offered} == options
    if below:
        offered |= (words := in_fish(f"ccflared {path} ".replace("  ", " ")))
        assert {*words} == below
    assert all(offered.values())


def in_zsh() -> dict[str, tuple[set[str], set[str]]]:
    """Return the options and words of each command in the file of zsh, those with a description."""
    lines = (COMPLETIONS / "_ccflared").read_text().splitlines()
    found: dict[str, tuple[set[str], set[str]]] = {}
    at: tuple[set[str], set[str]] = (set(), set())
    for line in lines:
        text = line.strip()
        if line.startswith("    ('") and line.endswith(")"):
            at = found[text[2:-2]] = ({"-h", "--help", "--config", "--socket"}, set())
        elif text.startswith("'") and line.startswith("        '") and found:
            if "[" in text.partition("]")[0] and "-" in text.partition("[")[0]:
                at[0].update(names_of(text))
            elif text.partition(":")[0][1:].isalpha() and text.partition(":")[2]:
                at[1].add(text.partition(":")[0][1:])
    return found


def names_of(spec: str) -> set[str]:
    """Return the names of an option as _arguments takes it: '(others)'{-f,--follow}'[…' or '*--by=[…'."""
    head = spec.partition("[")[0]
    if "{" in head:
        return {name.rstrip("=+") for name in head.partition("{")[2].partition("}")[0].split(",")}
    return {head.rpartition(")")[2].strip("'*").rstrip("=+")}


def test_zsh_has_each_option_and_word_and_no_other() -> None:
    assert in_zsh() == {path: (options, below) for path, options, below in COMMANDS}
    common = (COMPLETIONS / "_ccflared").read_text().partition("common=(")[2].partition("\n  )")[0]
    assert {name for line in common.strip().splitlines() for name in names_of(line.strip())} == {
        *("-h", "--help", "--config", "--socket")
    }


@pytest.mark.skipif(SHELLCHECK is None, reason="shellcheck is not installed")
def test_shellcheck_has_nothing_to_say_about_the_completion_of_bash() -> None:
    command = [str(SHELLCHECK), str(COMPLETIONS / "ccflared.bash")]
    got = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (got.returncode, got.stdout) == (0, "")


@pytest.mark.parametrize("name", SHELLS)
def test_where_ccflared_is_not_found_there_are_no_names_and_no_complaint(name: str, tmp_path: Path) -> None:
    with typing_into(name, tmp_path, CCFLARED_SOCKET=str(tmp_path / "none")) as shell:
        (tmp_path / "bin" / "ccflared").unlink()
        shell.type_in("PATH=/nowhere\n" if name != "fish" else "set PATH /nowhere\n")
        shell.until(lambda text: PROMPT in text.partition("nowhere")[2])
        shell.type_in('ccflared account pause x\t\t y\x15echo all" is well"\n')
        shown = shell.until(lambda text: "all is well" in text.replace('all" is', ""))
    assert "not found" not in shown
    assert "nknown command" not in shown


# In the shells themselves, beside a real daemon.


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    try:
        made.write(made.config.read_text().partition("[accounts")[0] + FILE)
        code, out, err = made.type_in("reload", "--allow-less")
        assert code == 0, out + err
        yield made
    finally:
        made.daemon.kill()
        made.daemon.communicate(timeout=20)


@pytest.fixture(scope="module", params=SHELLS)
def shell(
    request: pytest.FixtureRequest, house: House, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    home = tmp_path_factory.mktemp("home")
    (home / "my file.toml").touch()
    with typing_into(request.param, home, CCFLARED_CONFIG=str(house.config)) as typed:
        yield typed


@pytest.mark.parametrize(
    ("line", "words"),
    [
        # words and options
        ("acc\tpau\tprim\t", ["account", "pause", "primary"]),
        ("stat\t--li\t", ["status", "--line"]),
        ("--socket x login prim\t", ["--socket", "x", "login", "primary"]),
        ("account remove prim\t--allow\t", ["account", "remove", "primary", "--allow-less"]),
        ("alert ack\tal\t", ["alert", "acknowledge", "all"]),
        # words of options, behind them and with = between
        ("logs --level warn\t", ["logs", "--level", "warning"]),
        ("usage --by=mod\t", ["usage", "--by=model"]),
        ("account add x --provider deeps\t", ["account", "add", "x", "--provider", "deepseek"]),
        ("account add x --mode vert\t", ["account", "add", "x", "--mode", "vertex-ai"]),
        ("requests --status suc\t", ["requests", "--status", "success"]),
        # words that go on
        ("account set primary prio\t3", ["account", "set", "primary", "priority=3"]),
        ("account set primary tier=1 prio\t3", ["account", "set", "primary", "tier=1", "priority=3"]),
        # files, whose names the shell quotes
        ("--config my\tstatus", ["--config", "my file.toml", "status"]),
        ("status --config my\t", ["status", "--config", "my file.toml"]),
        ("check my\t", ["check", "my file.toml"]),
        # names with spaces, quoted by the shell, by somebody, and half of it by somebody
        ("account pause my\tl\t", ["account", "pause", "my plan"]),
        ('account pause "my pl\t', ["account", "pause", "my plan"]),
        ("account pause 'my ph\t", ["account", "pause", "my phone.2"]),
        ("account pause my\\ pl\t", ["account", "pause", "my plan"]),
        ("client rotate the\t--keep\t", ["client", "rotate", "the laptop", "--keep-old"]),
        ("models --client the\t", ["models", "--client", "the laptop"]),
        ("requests --account my\\ ph\t--json", ["requests", "--account", "my phone.2", "--json"]),
        # names of models: with letters at which readline would break, beyond ASCII, and such as a shell would obey
        ("explain vend\t", ["explain", "vendor/big:free"]),
        ("explain vendor/big:f\t", ["explain", "vendor/big:free"]),
        ("explain mod\t", ["explain", "modèle [1m]"]),
        ("explain it\t", ["explain", ODD[2]]),
        # several values behind one option
        ("client add x --accounts primary my\\ pl\t--pin", ["client", "add", "x", "--accounts", "primary", "my plan", "--pin"]),
    ],
)  # fmt: skip
def test_a_line_with_tabs_means_what_it_shall(shell: Shell, line: str, words: list[str]) -> None:
    assert shell.words(f"ccflared {line}") == words
    assert not list(Path.home().glob("pwned"))


def test_two_tabs_offer_the_names_there_are(shell: Shell) -> None:
    shell.offered("ccflared account pause ", "primary", "plan", "phone.2")
    shown = shell.offered("ccflared explain ", "big-1", "vendor/big:free", "modèle", "1m")
    assert "sk-x" not in shown


def test_a_new_name_is_nobodys_and_nothing_is_offered(shell: Shell) -> None:
    assert shell.words("ccflared account add pri\t") == ["account", "add", "pri"]


def test_the_names_are_those_of_the_daemon_that_the_line_means(
    shell: Shell, house: House, tmp_path: Path
) -> None:
    other = tmp_path / "other file.toml"
    other.write_text('[accounts.elsewhere]\nprovider = "ollama"\n')
    line = f"ccflared --config '{other}' account pause else\t"
    assert shell.words(line) == ["--config", str(other), "account", "pause", "elsewhere"]
    socket = house.config.parent / "state" / "ccflared.sock"
    line = f"ccflared account pause --socket={socket} prim\t"
    assert shell.words(line) == ["account", "pause", f"--socket={socket}", "primary"]
