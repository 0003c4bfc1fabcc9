"""The README keeps what it says: its files load, its commands parse, its links and headings are there."""

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from ccflared.cli.arguments import parser
from ccflared.config.load import Loaded, load
from ccflared.config.report import render_all
from ccflared.providers.presets import builtin

ROOT: Final = Path(__file__).parent.parent
README: Final = (ROOT / "README.md").read_text()
BLOCKS: Final = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
FILES: Final = [text for kind, text in BLOCKS if kind == "toml" and "[model_providers." not in text]
SECRETS: Final = re.compile(r'\{ file = "([^"]+)" \}')


def commands() -> list[str]:
    """Return each command line of ccflared in the README's shell blocks and its table."""
    shown = [text.replace("\\\n", " ") for kind, text in BLOCKS if kind in ("sh", "console")]
    lines = [line.removeprefix("$ ").strip() for text in shown for line in text.splitlines()]
    return [line for line in lines if line.startswith("ccflared ")]


@pytest.mark.parametrize("text", FILES, ids=lambda text: text.splitlines()[0])
def test_each_file_that_is_shown_is_one(tmp_path: Path, text: str) -> None:
    account = '\n[accounts.coder-one]\nprovider = "ollama"\n'
    for name in SECRETS.findall(text):
        if not name.startswith("/"):
            (tmp_path / name).write_text("a-secret")
    path = tmp_path / "ccflare.toml"
    path.write_text(text + account)
    path.chmod(0o600)
    loaded = load(path, environ={"HOME": str(tmp_path)}, builtin=builtin())
    assert isinstance(loaded, Loaded), render_all(loaded.mistakes)
    assert loaded.warnings == ()


@pytest.mark.parametrize("line", commands())
def test_each_command_that_is_shown_is_understood(line: str) -> None:
    words = shlex.split(re.sub(r"[&|>].*", "", line), comments=True)[1:]
    assert parser().parse_args(words).command == words[0]


def test_what_is_linked_is_there() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert [
        each
        for each in links
        if "://" not in each and not each.startswith("#") and not (ROOT / each).exists()
    ] == []


def test_what_is_linked_within_is_a_heading() -> None:
    headings = {
        re.sub(r"[^\w -]", "", line.lower()).strip().replace(" ", "-")
        for line in re.findall(r"^## (.*)$", README, re.MULTILINE)
    }
    assert [each for each in re.findall(r"\]\(#([^)]+)\)", README) if each not in headings] == []
