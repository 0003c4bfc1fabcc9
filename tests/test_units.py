"""The units of contrib/systemd beside each other, as far as that can be told without a systemd that runs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
UNITS = ROOT / "contrib/systemd"
MANUAL = (ROOT / "man/ccflared-systemd.7").read_text()
EXAMPLES = sorted(UNITS.glob("examples/*/*.conf"))
OWN = re.compile(
    r"(Exec|Environment=|ConfigurationDirectory=|StateDirectory=|RuntimeDirectory=|LoadCredential=)"
)


def lines(unit: Path) -> list[str]:
    return [line for line in unit.read_text().splitlines() if line and not line.startswith("#")]


def service_lines(name: str) -> list[str]:
    found = lines(UNITS / name)
    return [
        line for line in found[found.index("[Service]") : found.index("[Install]")] if not OWN.match(line)
    ]


def test_an_instance_is_confined_as_the_one_service_is() -> None:
    assert service_lines("ccflared@.service") == service_lines("ccflared.service")


def test_a_unit_asks_for_a_setting_once_but_for_lists() -> None:
    lists = {"Documentation", "LoadCredential", "SystemCallFilter", "IPAddressAllow", "ListenStream"}
    for unit in [*UNITS.glob("*.service"), *UNITS.glob("*.socket"), *UNITS.glob("user/*")]:
        keys = [line.split("=")[0] for line in lines(unit) if "=" in line]
        assert [key for key in keys if keys.count(key) > 1 and key not in lists] == [], unit


def test_every_drop_in_stands_in_the_manual() -> None:
    assert EXAMPLES
    for example in EXAMPLES:
        assert f"{example.parent.name}/{example.name}" in MANUAL


def test_the_socket_of_a_proxy_is_the_one_in_the_manual() -> None:
    example = UNITS / "examples/ccflared-proxy.socket"
    assert f"examples/{example.name}" in MANUAL
    shown = MANUAL[MANUAL.index("ListenStream=/run/ccflared/requests.sock") :].partition("\n.Ed")[0]
    assert set(shown.split()) <= set(example.read_text().split())


def test_a_list_of_the_unit_is_emptied_before_a_drop_in_has_its_own() -> None:
    for name, key in {
        "ccflared.service.d/addresses.conf": "IPAddressAllow=",
        "ccflared.service.d/reload.conf": "ExecReload=",
        "ccflared.socket.d/address.conf": "ListenStream=",
    }.items():
        found = [line for line in lines(UNITS / "examples" / name) if line.startswith(key)]
        assert found[0] == key


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize(
    ("unit", "drop_in", "figure"),
    [
        ("ccflared.service", None, "1.0"),
        ("ccflared@.service", None, "1.0"),
        ("ccflared.service", "ccflared.service.d/root.conf", "0.9"),
    ],
)
def test_the_exposure_is_what_the_manual_says(
    unit: str, drop_in: str | None, figure: str, tmp_path: Path
) -> None:
    text = (UNITS / unit).read_text()
    if drop_in is not None:
        text += (UNITS / "examples" / drop_in).read_text()
    (tmp_path / unit).write_text(text)
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(tmp_path / unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "exposure level" not in done.stdout:
        pytest.skip(f"this systemd cannot tell: {done.stderr}")
    said = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert said is not None
    assert said[1] == figure
    assert "an exposure of 1.0, and 0.9 with a root directory" in MANUAL
