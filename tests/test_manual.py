"""What the manual says of routing is drawn from the tables that the code obeys, and is well formed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_the_tables_of_the_manual_are_those_of_the_code() -> None:
    command = [sys.executable, str(ROOT / "contrib/dev/draw-routing"), "--check"]
    drawn = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (drawn.returncode, drawn.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
@pytest.mark.parametrize("page", sorted((ROOT / "man").glob("*.[1-8]")), ids=lambda page: page.name)
def test_a_manual_page_is_well_formed(page: Path) -> None:
    checked = subprocess.run(["mandoc", "-Tlint", str(page)], capture_output=True, text=True, check=False)
    # mandoc looks for other pages where the system's are; test_manual_commands.py does where ours are.
    complaints = (checked.stdout + checked.stderr).splitlines()
    elsewhere = ("referenced manual not found", "mandoc.db lacks")
    assert [line for line in complaints if not any(words in line for words in elsewhere)] == []
