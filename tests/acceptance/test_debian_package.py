"""The package for Debian, of this machine's release: built, looked through by lintian, and used in a booted one.

contrib/debian/check says what is asked there: installation, first start, upgrade, removal, purge.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent.parent
PROGRAMS: Final = (
    "dpkg-buildpackage",
    "dpkg-checkbuilddeps",
    "dh",
    "systemd-nspawn",
    "unshare",
    "mmdebstrap",
)
MISSING: Final = [program for program in PROGRAMS if shutil.which(program) is None]
BUILD_SECONDS: Final = 600
BOOT_SECONDS: Final = 900

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.machine,
    pytest.mark.skipif(os.geteuid() != 0, reason="packages and namespaces take root"),
    pytest.mark.skipif(bool(MISSING), reason=f"there is no {', '.join(MISSING)}"),
]


def release() -> str:
    """Return the name of this machine's release; it has to be one that can be booted."""
    try:
        facts = platform.freedesktop_os_release()
    except OSError:
        facts = {}
    name = facts.get("VERSION_CODENAME", "")
    if facts.get("ID") != "debian" or name not in ("bookworm", "trixie"):
        pytest.skip("this machine is neither Debian 12 nor 13")
    return name


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    release()
    directory = tmp_path_factory.mktemp("package")
    done = subprocess.run(
        [ROOT / "contrib/debian/build", directory],
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if "Unmet build dependencies" in done.stderr:
        pytest.skip(done.stderr.strip()[-300:])
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    (built,) = directory.glob("*.deb")
    return built


def newer(package: Path, directory: Path) -> Path:
    """Return the same package with a higher version."""
    subprocess.run(["dpkg-deb", "-R", package, directory / "tree"], check=True)
    control = directory / "tree/DEBIAN/control"
    control.write_text(control.read_text().replace("-1~", "-2~"))
    made = directory / package.name.replace("-1~", "-2~")
    words: list[str | Path] = ["dpkg-deb", "--root-owner-group", "-Znone", "-b", directory / "tree", made]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return made


@pytest.mark.skipif(shutil.which("lintian") is None, reason="lintian is not installed")
def test_lintian_has_nothing_to_say_that_is_not_answered(package: Path) -> None:
    done = subprocess.run(["lintian", package], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_in_the_package(package: Path) -> None:
    listed = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, check=True).stdout
    names = {
        line.split()[5].removeprefix("./").replace("usr/lib/systemd", "lib/systemd")
        for line in listed.splitlines()
    }
    assert names >= {
        *("lib/systemd/system/ccflared.service", "lib/systemd/system/ccflared.socket"),
        *("lib/systemd/system/ccflared@.service", "lib/systemd/user/ccflared.service"),
        *("usr/lib/sysusers.d/ccflared.conf", "usr/bin/ccflared", "usr/lib/ccflared/bin/ccflared"),
        *("usr/share/man/man8/ccflared.8.gz", "usr/share/man/man7/ccflared-systemd.7.gz"),
        *("usr/share/bash-completion/completions/ccflared", "usr/share/zsh/vendor-completions/_ccflared"),
        *("usr/share/ccflared/ccflare.schema.json", "usr/share/doc/ccflared/examples/everything.toml"),
        "usr/share/doc/ccflared/README.Debian",
    }
    assert [name for name in names if name.startswith("etc") or name.endswith(".pyc")] == []


def test_no_path_of_the_build_or_of_another_prefix_is_left(package: Path, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "-x", package, tmp_path], check=True)
    place = tmp_path / "usr/lib/ccflared"
    written = [place / "pyvenv.cfg", place / "bin/ccflared", *tmp_path.rglob("lib/systemd/**/ccflared*")]
    for path in (path for path in written if path.is_file()):
        text = path.read_text()
        assert tempfile.gettempdir() not in text, path
        assert "/opt/" not in text, path
        assert ".local/share/ccflared/bin" not in text, path


def test_a_booted_debian_installs_starts_upgrades_removes_and_purges_it(
    package: Path, tmp_path: Path
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    shutil.copy(package, packages)
    (tmp_path / "empty").mkdir()
    second = newer(package, tmp_path)
    shutil.move(second, packages)
    boot: list[str | Path] = [
        ROOT / "contrib/dev/boot-systemd",
        "--suite",
        release(),
        "--no-app",
        "--units",
        tmp_path / "empty",
    ]
    boot += ["--bind", f"{packages}:/check/packages", "--bind", f"{ROOT}/contrib/debian/check:/check/debian"]
    inside = ["bash", "/check/debian", f"/check/packages/{package.name}", f"/check/packages/{second.name}"]
    done = subprocess.run(
        [*boot, "--", *inside],
        capture_output=True,
        text=True,
        timeout=BOOT_SECONDS,
        check=False,
        env={**os.environ, "PYTHON": sys.executable},
    )
    print(done.stdout, done.stderr)
    if "booted: " not in done.stderr:
        pytest.skip(f"systemd cannot be booted here: {done.stderr[-600:]}")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "ok: purged"
