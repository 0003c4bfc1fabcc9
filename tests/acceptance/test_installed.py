"""What a wheel brings besides the program: installed into an environment of its own, man finds every page."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.acceptance

ROOT = Path(__file__).parent.parent.parent
COMPLETIONS = sorted(ROOT.joinpath("contrib/completions").glob("*ccflared*"))
PAGES = sorted(ROOT.joinpath("man").glob("*.[1-8]"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, install it alone, and return the environment that it is in."""
    directory = tmp_path_factory.mktemp("installed")
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(directory), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "hatchling" in built.stderr and built.returncode:
        pytest.skip(f"hatchling, which builds the wheel, cannot be had: {built.stderr.strip()[-200:]}")
    assert built.returncode == 0, built.stderr
    (wheel,) = directory.glob("*.whl")
    venv.create(directory / "venv", with_pip=False)
    subprocess.run(
        [sys.executable, "-m", "pip", "-q", "--python", directory / "venv", "install", "--no-deps", wheel],
        check=True,
    )
    return directory / "venv"


def test_completions_are_where_the_shells_look(installed: Path) -> None:
    places = {
        "ccflared.bash": "bash-completion/completions/ccflared",
        "_ccflared": "zsh/site-functions/_ccflared",
        "ccflared.fish": "fish/vendor_completions.d/ccflared.fish",
    }
    assert [file.name for file in COMPLETIONS] == sorted(places)
    for file in COMPLETIONS:
        assert (installed / "share" / places[file.name]).read_bytes() == file.read_bytes()


def test_the_schema_for_editors_is_where_the_manual_says(installed: Path) -> None:
    place = "share/ccflared/ccflare.schema.json"
    assert (installed / place).read_bytes() == ROOT.joinpath(
        "contrib/editor/ccflare.schema.json"
    ).read_bytes()
    assert place in ROOT.joinpath("man/ccflare.toml.5").read_text()


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_man_shows_a_page_of_the_installed_wheel(installed: Path, page: Path) -> None:
    name, _, number = page.name.rpartition(".")
    shown = subprocess.run(
        ["man", "-M", installed / "share/man", "-P", "cat", number, name],
        env={**os.environ, "MANWIDTH": "78", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "SEE ALSO" in shown.stdout
    assert [line for line in shown.stdout.splitlines() if len(line) > 80] == []
