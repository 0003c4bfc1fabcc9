"""The dashboard's sources: a compiler believes their types, and they are laid out as one program lays them out."""

import re
import subprocess
from pathlib import Path

import pytest

from acceptance import clients
from acceptance.clients import Unavailable

pytestmark = pytest.mark.acceptance

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "ccflared" / "dashboard"
SETTINGS = ROOT / "contrib" / "dev"


def said(*command: object) -> tuple[int, str]:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, cwd=ROOT
    )
    return done.returncode, done.stdout + done.stderr


def test_the_types_that_are_said_hold() -> None:
    try:
        tsc = clients.tsc()
    except Unavailable as reason:
        pytest.skip(f"TypeScript cannot be had here: {reason}")
    code, words = said(tsc.program, "--project", SETTINGS / "jsconfig.json")
    assert code == 0, words


def test_every_script_asks_to_be_checked() -> None:
    for path in PAGE.rglob("*.js"):
        first, second, *_ = path.read_text().split("\n")
        assert first == "// @ts-check", path
        assert second.startswith(("// ", "/**")), f"{path}: the second line says what it is about"


def test_everything_is_laid_out_alike() -> None:
    try:
        prettier = clients.prettier()
    except Unavailable as reason:
        pytest.skip(f"prettier cannot be had here: {reason}")
    code, words = said(prettier.program, "--config", SETTINGS / "prettier.json", "--check", PAGE)
    assert code == 0, words


def test_no_file_outgrows_its_reader() -> None:
    for path in PAGE.rglob("*.js"):
        assert len(path.read_text().splitlines()) <= 400, path


LAYERS = ("core", "parts", "charts", "shell", "pages")


def test_imports_go_down_only() -> None:
    for path in PAGE.rglob("*.js"):
        here = path.relative_to(PAGE).parts[0]
        for name in re.findall(r'(?:from|import) "(\.[^"]+)"', path.read_text()):
            there = (path.parent / name).resolve().relative_to(PAGE).parts[0]
            if here in LAYERS and there in LAYERS:
                assert LAYERS.index(there) <= LAYERS.index(here), f"{path.relative_to(PAGE)} imports {name}"
