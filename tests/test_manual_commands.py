"""The pages of the daemon and its commands name what there is: options, variables, exit codes, pages, examples."""

import argparse
import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from ccflared.cli.arguments import parser
from ccflared.cli.help import HELP, TOP_END

ROOT: Final = Path(__file__).parent.parent
MAN: Final = ROOT / "man"
PAGES: Final = {page.name: page.read_text() for page in sorted(MAN.glob("*.[1-8]"))}
COMMANDS: Final = sorted(words for words in HELP if " " not in words)
FOREIGN: Final = {
    *("podman-run 1", "podman-systemd.unit 5"),
    *("cron 8", "curl 1", "grep 1", "journalctl 1", "jq 1", "sort 1", "ssh 1", "tmux 1", "visudo 8"),
    *(
        "systemd 1",
        "systemd-creds 1",
        "systemctl 1",
        "systemd.exec 5",
        "systemd.service 5",
        "systemd.socket 5",
        "systemd.unit 5",
    ),
}
"""Pages of others."""
OF_OTHERS: Final = {"TMPDIR", "HTTPS_PROXY"}
"""Variables that are told of: one is read by Python, the other by nobody."""


def page_of(command: str) -> str:
    """Return the page that ``man ccflared-COMMAND`` shows."""
    (found,) = (text for name, text in PAGES.items() if re.fullmatch(rf"ccflared-{command}\.[18]", name))
    return found


def words_of(at: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of the words that a command takes."""
    found = [each for each in at._actions if isinstance(each, argparse._SubParsersAction)]
    return dict(found[0].choices) if found else {}


def parsers(command: str) -> Iterator[argparse.ArgumentParser]:
    """Yield the parser of a command and those of its words."""
    at = words_of(parser())[command]
    yield at
    yield from words_of(at).values()


@cache
def helped(command: str) -> set[str]:
    """Return the options that ``--help`` of a command, and of its words, shows."""
    shown = "\n".join(each.format_help() for each in parsers(command))
    lines = re.findall(r"^  (-.*?)(?:  |$)", shown, re.MULTILINE)
    return {name for line in lines for name in re.findall(r"(?:^|, )(--?[a-z][a-z-]*)", line)}


def flags(text: str) -> set[str]:
    """Return the options that a page marks up."""
    return {f"-{name}" for name in re.findall(r"\bFl (-?[A-Za-z][a-z-]*)", text)}


def section(text: str, title: str) -> str:
    """Return the part of a page below a heading, empty where there is none."""
    return re.split(r"^\.Sh ", text.partition(f".Sh {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def displays(text: str) -> Iterator[str]:
    """Yield what stands in literal displays, as the reader sees it."""
    for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", text, flags=re.MULTILINE | re.DOTALL):
        yield block.replace("\\e", "\\").replace("\\&", "").replace("\\-", "-")


def examples(text: str) -> Iterator[list[str]]:
    """Yield the words of each call of ccflared in the displays of a page."""
    for block in displays(text):
        # A line that is set back goes on with what the one before began.
        for line in re.sub(r"\\?\n +", " ", block).splitlines():
            if not re.search(r"\bccflared [a-z-]", line) or "=/" in line:
                continue
            words: list[str] = []
            lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            for word in [*lexer, ";"]:
                if word.strip("|<>&;()"):
                    words.append(word)
                    continue
                if "ccflared" in words:
                    yield words[len(words) - words[::-1].index("ccflared") :]
                words = []


def mentioned(text: str) -> Iterator[list[str]]:
    """Yield the words of each command that stands in a sentence."""
    for line in re.findall(r"^\.(?:Ic|Cm) ccflared (.*)$", text, re.MULTILINE):
        words = re.sub(r"\bFl -?", "-", line).split()
        yield [word for word in words if word not in ("Ar", "Cm", "Ic", ".", ",", ";", ":", ")")]


def test_what_is_drawn_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "contrib/dev/draw-manual"), "--check"]
    drawn = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (drawn.returncode, drawn.stderr) == (0, "")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_page_under_its_own_name(command: str) -> None:
    assert command in section(page_of(command), "SYNOPSIS").split()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_help_is_in_the_page(command: str) -> None:
    assert helped(command) - flags(page_of(command)) == set()


@pytest.mark.parametrize("name", [name for name in PAGES if name.endswith((".1", ".8"))])
def test_a_page_names_no_option_that_its_commands_do_not_have(name: str) -> None:
    text = PAGES[name]
    own = {command for command in COMMANDS if page_of(command) == text}
    assert own
    known = {option for command in own for option in helped(command)} | {"-h", "--help"}
    known |= {"-V", "--version"} if name.startswith("ccflared.") or "run" in own else set()
    assert flags(text) - known == set()


@pytest.mark.parametrize("name", [name for name in PAGES if name.endswith((".5", ".7"))])
def test_other_pages_name_only_options_that_some_command_has(name: str) -> None:
    assert flags(PAGES[name]) <= {option for command in COMMANDS for option in helped(command)}


@pytest.mark.parametrize("name", PAGES)
def test_a_command_that_a_sentence_names_is_one(name: str) -> None:
    for words in mentioned(PAGES[name]):
        if words[:1] in ([], ["help"], ["COMMAND"]):
            continue
        assert words[0] in COMMANDS, words
        assert {word for word in words if word.startswith("-")} <= helped(words[0]) | {"--help"}, words


@pytest.mark.parametrize("name", PAGES)
def test_the_examples_of_a_page_are_understood(name: str) -> None:
    for words in examples(PAGES[name]):
        assert parser().parse_args(words).command in COMMANDS, words


def test_each_page_of_a_command_has_an_example() -> None:
    without = {command for command in COMMANDS if not list(examples(section(page_of(command), "EXAMPLES")))}
    assert without == set()


@pytest.mark.parametrize("name", PAGES)
def test_cross_references_lead_to_pages_that_exist(name: str) -> None:
    named = set(re.findall(r"\bXr ([A-Za-z0-9._-]+ [1-8])\b", PAGES[name]))
    assert named - {page.rpartition(".")[0] + " " + page[-1] for page in PAGES} - FOREIGN == set()
    assert (
        re.findall(r"\bccflared?[a-z.-]*\([1-8]\)", re.sub(r"^\.Bl .*", "", PAGES[name], flags=re.MULTILINE))
        == []
    )


def test_the_page_of_the_daemon_leads_to_every_other() -> None:
    named = set(re.findall(r"\bXr ([A-Za-z0-9._-]+) ([1-8])\b", PAGES["ccflared.8"]))
    assert {f"{name}.{number}" for name, number in named} >= PAGES.keys() - {"ccflared.8"}


def test_every_page_leads_back_to_that_of_the_daemon() -> None:
    assert [name for name, text in PAGES.items() if ".Xr ccflared 8" not in text] == [
        name for name in PAGES if PAGES[name] == PAGES["ccflared.8"]
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_exit_codes_are_those_of_help(command: str) -> None:
    text = page_of(command)
    sharing = [each for each in COMMANDS if page_of(each) == text]
    words = [each for each in HELP if each.split()[0] in sharing]
    below = [each for each in words if not any(other.startswith(f"{each} ") for other in words)]
    codes = {code for each in below for code, _ in HELP[each].exits}
    if command == "run":
        codes |= {int(code) for code in re.findall(r"^  (\d)  ", TOP_END, re.MULTILINE)}
    assert {
        int(code) for code in re.findall(r"^\.It (\d)$", section(text, "EXIT STATUS"), re.MULTILINE)
    } == codes


def test_the_general_exit_codes_are_all_there_are() -> None:
    codes = {int(code) for code in re.findall(r"^  (\d)  ", TOP_END, re.MULTILINE)}
    assert {code for said in HELP.values() for code, _ in said.exits} <= codes


def read_variables() -> set[str]:
    """Return the environment variables that the code asks for by name: what stands beside an ``environ``."""
    found: set[str] = set()
    for path in sorted((ROOT / "ccflared").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call | ast.Subscript) and _of_environ(node):
                texts = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
                found |= {
                    text for text in texts if isinstance(text, str) and re.fullmatch("[A-Z][A-Z_]+", text)
                }
    return found


def _of_environ(node: ast.Call | ast.Subscript) -> bool:
    inside = [node.value] if isinstance(node, ast.Subscript) else [node.func, *node.args]
    names = [each.value if isinstance(each, ast.Attribute) else each for each in inside]
    return any(
        (isinstance(each, ast.Name) and each.id == "environ")
        or (isinstance(each, ast.Attribute) and each.attr == "environ")
        for each in [*inside, *names]
    )


def test_the_environment_variables_of_the_page_are_those_that_the_code_reads() -> None:
    read = read_variables()
    assert {"CCFLARED_CONFIG", "NO_COLOR", "XDG_STATE_HOME", "LISTEN_FDS"} <= read
    listed = re.findall(r"^\.It Ev (.*)$", section(PAGES["ccflared.8"], "ENVIRONMENT"), re.MULTILINE)
    assert {name for line in listed for name in line.split(" , ")} == read
    ours = [text for name, text in PAGES.items() if name.endswith((".1", ".8"))]
    everywhere = {name for text in ours for name in re.findall(r"\bEv ([A-Z_]+)", text)}
    assert everywhere <= read | OF_OTHERS


def test_the_page_of_doctor_names_everything_that_is_looked_at() -> None:
    made = [ast.parse(path.read_text()) for path in (ROOT / "ccflared/cli/checkup").glob("*.py")]
    calls = [node for tree in made for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Name)
        and call.func.id == "Check"
        and isinstance(call.args[0], ast.Constant)
    }
    looked = section(PAGES["ccflared-doctor.1"], "DESCRIPTION").partition(".Ss What is looked at")[2]
    lines = re.findall(r"^\.Sy (.*)$", looked.partition(".Ss JSON")[0], re.MULTILINE)
    marked = {name for line in lines for name in re.split(r"\s*[,.]\s*", line.replace("\\-", "-")) if name}
    assert marked == names | {"database", "payloads", "tokens"}
    assert "listener" in marked


def test_keys_of_json_that_a_page_names_are_words_of_the_code() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "ccflared").rglob("*.py"))
    known = set(re.findall(r"\b[A-Za-z_][A-Za-z0-9_]*\b", sources))
    for name, text in PAGES.items():
        parts = re.split(r"^\.S[hs] ", text, flags=re.MULTILINE)
        for part in parts:
            if name.endswith(".1") and part.partition("\n")[0] in ("JSON", "CSV and JSON"):
                marked = " ".join(re.findall(r"\bSy (.*)", part)).replace(" No and Sy ", " ")
                words = [word for word in re.split(r"[ ,.;]+", marked) if re.fullmatch(r"\w+", word)]
                assert words, name
                assert [word for word in words if word not in known] == [], name
