"""The quadlet as it stands, in a booted Debian 13 with podman 5: started, asked, reloaded, stopped by systemd."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from acceptance.engine import IMAGE, ROOT, Engine

BOOT = ROOT / "contrib/dev/boot-systemd"
CACHE = Path(os.environ.get("CB_CACHE", "/var/cache/ccflared-container"), "quadlet")
BASE = CACHE / "base-trixie"
ENVIRON = os.environ | {"SYSD_CACHE": str(CACHE)}
PACKAGES = "podman crun netavark aardvark-dns iptables nftables curl"
INSTALL = f"""\
set -e
mount -t proc proc {BASE}/proc
mount --rbind /dev {BASE}/dev
touch {BASE}/etc/resolv.conf
mount --bind /etc/resolv.conf {BASE}/etc/resolv.conf
chroot {BASE} apt-get -qq update
DEBIAN_FRONTEND=noninteractive chroot {BASE} apt-get -qq install --no-install-recommends {PACKAGES}
"""
STORAGE = """\
[storage]
driver = "vfs"
graphroot = "/var/lib/containers/storage"
runroot = "/run/containers/storage"
"""
CONTAINERS = """\
[containers]
pids_limit = 0
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
"""
"""What a machine within a machine has not: a file system that layers on one that does, the controller of processes."""

EXPECTED = {
    "verify": "",
    "start": "0",
    "ready": "200",
    "type": "notify",
    "status": "Serving 1 account; listening on 0.0.0.0:8080",
    "wrong": "401",
    "right": "400",
    "command": "0",
    "health": "0",
    "reload": "0",
    "accounts": '"name":"other"',
    "bad": "1",
    "serves": "400",
    "restart": "0",
    "warnings": "0",
    "stop": "0",
    "result": "success 0",
}
"""What quadlet.sh has seen."""

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.machine,
    pytest.mark.skipif(
        not BOOT.exists() or not all(map(shutil.which, ("systemd-nspawn", "mmdebstrap"))),
        reason="no systemd can be booted here",
    ),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What lies over the booted system: the configuration as the quadlet's first lines say, and podman's settings."""
    given = tmp_path / "root"
    for name in ("etc/containers/systemd", "etc/ccflared"):
        (given / name).mkdir(parents=True)
    config = given / "etc/ccflared/ccflare.toml"
    shutil.copy(ROOT / "contrib/container/ccflare.toml", config)
    config.chmod(0o640)
    for path in (config, config.parent):
        os.chown(path, 0, 10001)
    config.parent.chmod(0o750)
    (given / "etc/containers/storage.conf").write_text(STORAGE)
    (given / "etc/containers/containers.conf").write_text(CONTAINERS)
    return given


def booted(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BOOT, "--suite", "trixie", "--no-app", *words],
        env=ENVIRON,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture(scope="module")
def debian() -> None:
    """A root file system of Debian 13 with podman, made once."""
    made = booted("--prepare-only")
    if made.returncode != 0:
        pytest.skip(f"no Debian can be had here: {made.stderr[-300:]}")
    if not (BASE / "usr/libexec/podman/quadlet").exists():
        got = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", INSTALL],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if got.returncode != 0:
            pytest.skip(f"podman 5 cannot be had here: {got.stderr[-300:]}")


@pytest.mark.usefixtures("debian")
def test_systemd_runs_the_quadlet(podman: Engine, root: Path, tmp_path: Path) -> None:
    podman.podman("save", "--quiet", "--format", "docker-archive", "--output", tmp_path / "image.tar", IMAGE)
    (tmp_path / "containers").mkdir()
    done = booted(
        *("--root", root, "--check", Path(__file__).with_name("quadlet.sh")),
        *("--bind", f"{tmp_path}/image.tar:/image.tar"),
        *("--bind", f"{ROOT}/contrib/container/quadlet:/quadlet"),
        *("--nspawn-arg", f"--bind={tmp_path}/containers:/var/lib/containers"),
        *("--nspawn-arg", "--capability=all", "--nspawn-arg", "--system-call-filter=@keyring bpf"),
    )
    if "booted" not in done.stderr:
        pytest.skip(f"no systemd can be booted here: {done.stderr[-300:]}")
    facts = dict(re.findall(r"^(\w+)=(.*)$", done.stdout, re.MULTILINE))
    seconds = int(facts.pop("seconds"))
    kept = facts.pop("state").split()
    assert facts == EXPECTED, done.stderr[-2000:]
    assert seconds < 20  # most of it podman's, which removes a copy of all layers
    assert "ccflared.db" in kept
