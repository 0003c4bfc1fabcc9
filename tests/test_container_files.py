"""What stands in contrib/container agrees with itself and with the daemon: users, ports, paths, times, and both examples."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ccflared import __version__
from ccflared.config.load import Loaded, load
from ccflared.config.model import Config
from ccflared.config.report import render_all
from ccflared.providers.presets import builtin

yaml: Any = pytest.importorskip("yaml")

ROOT = Path(__file__).parent.parent
DIRECTORY = ROOT / "contrib/container"
CONTAINERFILE = (DIRECTORY / "Containerfile").read_text()
QUADLET = (DIRECTORY / "quadlet/ccflared.container").read_text()
COMPOSE = yaml.safe_load((DIRECTORY / "compose.yaml").read_text())["services"]["ccflared"]
MANIFESTS = {
    each["kind"]: each for each in yaml.safe_load_all((DIRECTORY / "kubernetes.yaml").read_text()) if each
}
POD = MANIFESTS["Deployment"]["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]
MOUNTED = {"/etc/ccflared", "/run/secrets/ccflared", "/var/lib/ccflared", "/tmp"}  # noqa: S108 - the container's
EXAMPLE = (DIRECTORY / "ccflare.toml").read_text()


def config(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "ccflare.toml"
    path.write_text(text)
    path.chmod(0o600)
    loaded = load(path, environ={"HOME": "/"}, builtin=builtin())
    assert isinstance(loaded, Loaded), render_all(loaded.mistakes)
    assert loaded.warnings == ()
    return loaded.config


def test_the_file_of_the_config_map_is_the_example(tmp_path: Path) -> None:
    mapped = MANIFESTS["ConfigMap"]["data"]["ccflare.toml"]
    assert config(tmp_path, mapped) == config(tmp_path, EXAMPLE)


def test_the_example_asks_for_a_key_and_a_token_from_files_that_are_mounted(tmp_path: Path) -> None:
    read = config(tmp_path, EXAMPLE)
    assert [listen.address for listen in read.server.listen] == ["0.0.0.0:8080"]
    assert read.admin is not None
    assert set(read.clients) == {"laptop"}
    named = set(re.findall(r'file = "/run/secrets/ccflared/(\w+)"', EXAMPLE))
    assert named == set(re.findall(r"^Secret=.*target=ccflared/(\w+)", QUADLET, re.MULTILINE))
    shape = re.search(
        r"^# stringData:\n((?:#   .*\n)+)", (DIRECTORY / "kubernetes.yaml").read_text(), re.MULTILINE
    )
    assert shape is not None
    assert named == set(re.findall(r"(\w+):", shape[1]))


def test_the_name_of_the_service_is_an_allowed_host(tmp_path: Path) -> None:
    names = {MANIFESTS["Service"]["metadata"][key] for key in ("name", "namespace")}
    assert names == {"ccflared"}
    hosts = config(tmp_path, EXAMPLE).server.allowed_hosts
    assert {"ccflared", "ccflared.ccflared.svc.cluster.local"} <= set(hosts)


def test_all_run_as_the_user_of_the_image() -> None:
    assert re.search(r"^USER 10001:10001$", CONTAINERFILE, re.MULTILINE)
    given = POD["securityContext"]
    assert {given[key] for key in ("runAsUser", "runAsGroup", "fsGroup")} == {10001}
    assert set(re.findall(r"[ug]id=(\d+)", QUADLET)) == {"10001"}
    assert "10001" in (DIRECTORY / "compose.yaml").read_text()


def test_all_mount_the_same_directories_and_no_file_by_itself() -> None:
    composed = {each.split(":")[1] for each in COMPOSE["volumes"]}
    assert composed | {each.split(":")[0] for each in COMPOSE["tmpfs"]} == MOUNTED
    assert {each["mountPath"] for each in CONTAINER["volumeMounts"]} == MOUNTED
    assert not any("subPath" in each for each in CONTAINER["volumeMounts"])
    named = set(re.findall(r"^(?:Volume=[^:]+:|Tmpfs=)([^:\n]+)", QUADLET, re.MULTILINE))
    assert named | {"/run/secrets/ccflared"} == MOUNTED
    assert {"CCFLARED_CONFIG=/etc/ccflared/ccflare.toml", "STATE_DIRECTORY=/var/lib/ccflared"} <= set(
        CONTAINERFILE.split()
    )


def test_all_publish_the_port_of_the_example() -> None:
    assert "EXPOSE 8080\n" in CONTAINERFILE
    assert COMPOSE["ports"] == ["127.0.0.1:8080:8080"]
    assert "PublishPort=127.0.0.1:8080:8080\n" in QUADLET
    assert CONTAINER["ports"] == [{"name": "http", "containerPort": 8080}]
    (rule,) = MANIFESTS["NetworkPolicy"]["spec"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 8080}]


def test_all_stop_later_than_running_answers_may_end() -> None:
    drain = Config().server.drain
    assert float(COMPOSE["stop_grace_period"].removesuffix("s")) > drain
    assert POD["terminationGracePeriodSeconds"] > drain
    given = {key: int(value) for key, value in re.findall(r"^(\w+)=(\d+)$", QUADLET, re.MULTILINE)}
    assert drain < given["StopTimeout"] < given["TimeoutStopSec"]


def test_probes_ask_what_is_meant_for_them() -> None:
    asked = {
        name: CONTAINER[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")
    }
    assert asked == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}


def test_all_take_every_right_away() -> None:
    assert COMPOSE["read_only"] is True
    assert COMPOSE["cap_drop"] == ["ALL"]
    assert {"ReadOnly=true", "DropCapability=all", "NoNewPrivileges=true"} <= set(QUADLET.splitlines())
    given = CONTAINER["securityContext"]
    assert (given["readOnlyRootFilesystem"], given["allowPrivilegeEscalation"]) == (True, False)
    assert given["capabilities"] == {"drop": ["ALL"]}
    assert POD["securityContext"]["runAsNonRoot"] is True


def test_one_pod_at_a_time_owns_the_state() -> None:
    spec = MANIFESTS["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    wanted = [each.get("persistentVolumeClaim", {}).get("claimName") for each in POD["volumes"]]
    assert MANIFESTS["PersistentVolumeClaim"]["metadata"]["name"] in wanted


def test_the_image_has_the_version_of_the_program() -> None:
    assert f"\nARG VERSION={__version__}\n" in CONTAINERFILE


def test_all_that_is_copied_into_the_image_is_let_through() -> None:
    let = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert let == {"LICENSE", "README.md", "ccflared", "contrib", "man", "pyproject.toml"}
    assert all((ROOT / name).exists() for name in let)


def test_the_secrets_that_compose_mounts_get_into_no_image_wheel_or_commit() -> None:
    beside = {each.split(":")[0] for each in COMPOSE["volumes"] if each.startswith("./")}
    assert beside == {"./config", "./secrets"}
    for made in (f"contrib/container/{each[2:]}" for each in beside):
        assert made in (ROOT / ".dockerignore").read_text().splitlines()
        assert f"/{made}/" in (ROOT / ".gitignore").read_text().splitlines()
        assert f'"{made}"' in (ROOT / "contrib/dev/shared_data.py").read_text()


@pytest.mark.skipif(
    not shutil.which("hadolint", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin"),
    reason="hadolint is not installed",
)
def test_hadolint_is_silent() -> None:
    program = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin")
    assert program is not None
    got = subprocess.run([program, DIRECTORY / "Containerfile"], capture_output=True, text=True, check=False)
    assert (got.returncode, got.stdout) == (0, "")
