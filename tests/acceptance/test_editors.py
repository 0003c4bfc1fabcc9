"""What editors ask about TOML, taplo, finds the schema by the first line of a file and holds the file against it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from acceptance import clients
from acceptance.clients import Installed, Unavailable
from ccflared.config.starter import STARTER

pytestmark = pytest.mark.acceptance

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
DIRECTIVE = "#:schema ./ccflare.schema.json\n"


@pytest.fixture(scope="module")
def taplo() -> Installed:
    try:
        return clients.taplo()
    except Unavailable as reason:
        pytest.skip(f"taplo cannot be had here: {reason}")


def lint(taplo: Installed, *files: Path) -> tuple[int, str]:
    """Hold files against their schema: the exit code, and what is said."""
    command = [str(taplo.program), "lint", *map(str, files)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=files[0].parent,
        env=os.environ | {"NO_COLOR": "1"},
    )
    return done.returncode, done.stdout + done.stderr


def beside_its_schema(directory: Path, text: str) -> Path:
    """Write a file as the starter file says it is done: the printed schema beside it, and the line that names it."""
    command = [sys.executable, "-m", "ccflared", "schema"]
    printed = subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout
    (directory / "ccflare.schema.json").write_bytes(printed)
    path = directory / "ccflare.toml"
    path.write_text(DIRECTIVE + text)
    return path


def test_every_example_passes(taplo: Installed) -> None:
    code, said = lint(taplo, *EXAMPLES)
    assert (code, "error" in said) == (0, False), said
    assert f"total={len(EXAMPLES)}" in said


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_a_wrong_key_in_an_example_is_found_by_the_schema_that_it_names(
    taplo: Installed, tmp_path: Path, path: Path
) -> None:
    """In a copy that lies as the example does, so that its own first line leads to the schema."""
    for directory in ("examples", "contrib/editor"):
        shutil.copytree(ROOT / directory, tmp_path / directory)
    copy = tmp_path / "examples" / path.name
    copy.write_text(path.read_text() + "\n[nonsense]\nx = 1\n")
    code, said = lint(taplo, copy)
    assert code != 0
    assert "'nonsense' was unexpected" in said


def test_the_starter_file_passes_and_names_what_makes_it_checked(taplo: Installed, tmp_path: Path) -> None:
    path = beside_its_schema(tmp_path, STARTER)
    code, said = lint(taplo, path)
    assert (code, "error" in said) == (0, False), said
    assert f"#   {DIRECTIVE}" in STARTER
    assert "`ccflared schema > ccflare.schema.json`" in STARTER


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[server]\nlistn = "127.0.0.1:1"', "'listn' was unexpected"),
        ('[accounts.a]\nprovider = "x"\npriorty = 1', "'priorty' was unexpected"),
        ("[accounts.a]\npriority = 1", '"provider" is a required property'),
        ('[routing]\nstrategy = "random"', '"random" is not one of'),
        ('[storage]\nkeep_requests = "90 days"', "is not valid"),
    ],
)
def test_a_mistake_is_found_where_it_is(taplo: Installed, tmp_path: Path, text: str, complaint: str) -> None:
    path = beside_its_schema(tmp_path, text)
    code, said = lint(taplo, path)
    assert code != 0
    assert complaint in said
    assert f"{path.name}:2:1" in said or f"{path.name}:3:1" in said or f"{path.name}:4:1" in said
