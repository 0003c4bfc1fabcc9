"""Shell scripts and units, as shellcheck and systemd-analyze see them: neither has anything to say."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
SHELLCHECK: Final = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
ANALYZE: Final = shutil.which("systemd-analyze")
SHELL: Final = re.compile(rb"#! ?/(?:usr/)?bin/(?:env )?(?:ba|da)?sh\b")
UNITS: Final = ROOT / "contrib/systemd"
PREFIXES: Final = re.compile(r"(?<=[=+!:@-])(?:/opt/ccflared|%h/\.local/share/ccflared)/bin/ccflared")


def scripts() -> list[Path]:
    """Return what begins as a shell script, in the tree as git would have it."""
    below = [ROOT / ".ci", ROOT / "contrib", ROOT / "tests"]
    files = (path for place in below for path in place.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path for path in files if "__pycache__" not in path.parts and begins_so(path))


def begins_so(path: Path) -> bool:
    with path.open("rb") as file:
        return SHELL.match(file.read(64)) is not None


def test_the_scripts_are_found() -> None:
    found = {str(path.relative_to(ROOT)) for path in scripts()}
    assert found >= {
        ".ci/run",
        "contrib/dev/test",
        "contrib/debian/build",
        "contrib/debian/ccflared.postinst",
    }


@pytest.mark.skipif(SHELLCHECK is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("script", scripts(), ids=lambda path: str(path.relative_to(ROOT)))
def test_shellcheck_has_nothing_to_say_about_a_script(script: Path) -> None:
    done = subprocess.run(
        [SHELLCHECK or "", "-x", "-P", "SCRIPTDIR", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return the units as they would be where the program is the one that runs the tests, instances and all."""
    program = Path(sys.prefix, "bin/ccflared")
    if not program.exists():
        program = Path("/bin/true")
    for path in (path for path in UNITS.rglob("*") if path.is_file()):
        relative = path.relative_to(UNITS)
        copy = tmp_path / (relative.relative_to("examples") if relative.parts[0] == "examples" else relative)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(PREFIXES.sub(str(program), path.read_text()))
        if "@" in copy.name:
            shutil.copy(copy, copy.with_name(copy.name.replace("@", "@work")))
    return tmp_path


def complaints(*words: str | Path, **environ: str) -> list[str]:
    done = subprocess.run(
        [ANALYZE or "", "verify", "--man=no", *words],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    told = (done.stdout + done.stderr).splitlines()
    if done.returncode:
        told.append(f"exit code {done.returncode}")
    # systemd before 253 does not know it, as the drop-in says.
    return [
        line for line in told if not line.endswith("Failed to parse service type, ignoring: notify-reload")
    ]


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
def test_systemd_has_nothing_to_say_about_the_units_of_a_machine(installed: Path) -> None:
    for units in ("ccflared.*", "ccflared@work.*", "ccflared-proxy.*"):
        assert (
            complaints(*(path for path in installed.glob(units) if path.suffix in (".service", ".socket")))
            == []
        )


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
def test_systemd_has_nothing_to_say_about_the_units_of_a_person(installed: Path) -> None:
    assert complaints("--user", *installed.glob("user/ccflared.*"), XDG_RUNTIME_DIR=str(installed)) == []


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
def test_systemd_would_have_something_to_say_about_a_key_that_it_does_not_know(installed: Path) -> None:
    unit = installed / "ccflared.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchdogSecs="))
    assert [line for line in complaints(unit) if "WatchdogSecs" in line]
