"""compose.yaml as it stands, by podman-compose: on a network of its own, with a published port and a named volume."""

import os
import shutil
import subprocess
from pathlib import Path
from secrets import token_hex

import httpx
import pytest
import trio
from stage import free_port

from acceptance.engine import ROOT, UID, Container, Engine

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.machine,
    pytest.mark.skipif(shutil.which("podman-compose") is None, reason="there is no podman-compose"),
]
SECRETS = {"admin": "a-token", "laptop": "a-client-key", "anthropic": "a-provider-key"}


@pytest.fixture
def project(tmp_path: Path) -> tuple[Path, int]:
    """The directory that compose.yaml is in, made ready as its first lines say, and the port that it publishes."""
    directory, port = tmp_path / f"ccflared{token_hex(4)}", free_port()
    (directory / "config").mkdir(parents=True)
    (directory / "secrets").mkdir()
    given = (ROOT / "contrib/container/compose.yaml").read_text()
    assert given.count("127.0.0.1:8080:8080") == 1
    (directory / "compose.yaml").write_text(given.replace("127.0.0.1:8080:8080", f"127.0.0.1:{port}:8080"))
    shutil.copy(ROOT / "contrib/container/ccflare.toml", directory / "config")
    for name, value in SECRETS.items():
        (directory / "secrets" / name).write_text(value + "\n")
    for path in (directory / "config", directory / "secrets", *directory.glob("*/*")):
        os.chown(path, UID, UID)
        path.chmod(0o700 if path.is_dir() else 0o600)
    return directory, port


def compose(podman: Engine, directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [word.replace("--wd=/", f"--wd={directory}") for word in podman.words("podman-compose", *words)]
    return subprocess.run(
        command, env=podman.environ, capture_output=True, text=True, timeout=120, check=False
    )


async def test_compose_brings_it_up_and_down(podman: Engine, project: tuple[Path, int]) -> None:
    directory, port = project
    try:
        up = compose(podman, directory, "up", "-d", "--no-build")
        name = f"{directory.name}_ccflared_1"
        if podman.podman("inspect", name, check=False).returncode != 0 or "netavark" in up.stderr:
            pytest.skip(f"no network of its own can be had here: {up.stderr[-300:]}")
        container = Container(podman, name)
        log = await container.said("ready:")
        assert "warning" not in log
        async with httpx.AsyncClient(trust_env=False) as client:
            # Who comes from outside comes by an address of the bridge, which is not loopback.
            # What is no JSON goes to no provider: it is refused after the key was looked at.
            for key, status in (("wrong", 401), (SECRETS["laptop"], 400)):
                got = await client.post(
                    f"http://127.0.0.1:{port}/v1/messages", content=b"{", headers={"x-api-key": key}
                )
                assert got.status_code == status, got.text
            got = await client.get(
                f"http://127.0.0.1:{port}/api/status", headers={"x-api-key": SECRETS["admin"]}
            )
            assert [each["state"] for each in got.json()["accounts"]] == ["ready"]
        assert podman.podman("healthcheck", "run", name).returncode == 0
        assert container.command("ccflared", "status").returncode == 0
        began = trio.current_time()
        down = compose(podman, directory, "down")
        assert down.returncode == 0, down.stderr
        assert trio.current_time() - began < 15
        assert podman.podman("volume", "exists", f"{directory.name}_state").returncode == 0
    finally:
        compose(podman, directory, "down")
        podman.podman("volume", "rm", "--force", f"{directory.name}_state", check=False)
        podman.podman("network", "rm", "--force", f"{directory.name}_default", check=False)
