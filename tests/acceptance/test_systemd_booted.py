"""The units in a booted systemd, of Debian 12 and of Debian 13: tests/acceptance/systemd/check.sh says what is asked."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PROGRAMS = ("systemd-nspawn", "nsenter", "unshare", "ip", "mmdebstrap")
MISSING = [program for program in PROGRAMS if shutil.which(program) is None]

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.machine,
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces and mounts take root"),
    pytest.mark.skipif(bool(MISSING), reason=f"there is no {', '.join(MISSING)}"),
]


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_the_units_do_what_they_promise_in_a_booted_systemd(suite: str) -> None:
    binds = {
        "tests/acceptance/systemd": "/check/systemd",
        "tests/issuer.py": "/check/lib/issuer.py",
        "contrib/systemd": "/check/units",
    }
    command = [str(ROOT / "contrib/dev/boot-systemd"), "--suite", suite, "--bpf"]
    for source, place in binds.items():
        command += ["--bind", f"{ROOT / source}:{place}"]
    command += ["--", "bash", "/check/systemd/check.sh"]
    environ = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False, env=environ)
    said = done.stdout.splitlines()
    print(done.stdout, done.stderr)
    if "booted: " not in done.stderr:
        pytest.skip(f"systemd cannot be booted here: {done.stderr[-600:]}")
    assert [line for line in said if line.startswith("not ok")] == []
    plan = [line for line in said if line.startswith("1..")]
    assert plan == [f"1..{sum(line.startswith('ok ') for line in said)}"]
    assert done.returncode == 0
