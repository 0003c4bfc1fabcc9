"""The lines of ccflare.toml in contrib/proxy are right, and go with the files of the proxies beside them."""

import re
import tomllib
from pathlib import Path

import pytest

from ccflared.config.load import Loaded, load
from ccflared.daemon.access import open_administration
from ccflared.providers.presets import builtin

PROXY = Path(__file__).parents[2] / "contrib" / "proxy"
FILES = sorted(PROXY.glob("*.toml"))
OTHERS = sorted(path for path in PROXY.rglob("*") if path.is_file() and path.suffix != ".toml")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_for_a_proxy_is_accepted_and_closes_what_is_open_on_this_machine(
    path: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "ccflare.toml"
    copy.write_text(path.read_text())
    copy.chmod(0o600)
    loaded = load(copy, environ={"HOME": str(tmp_path)}, builtin=builtin())
    assert isinstance(loaded, Loaded), loaded
    server = loaded.config.server
    assert server.trusted_proxies
    assert server.allowed_hosts
    assert loaded.config.clients
    assert not open_administration(loaded.config)


def test_both_sides_name_the_same_places() -> None:
    servers = {path.stem: tomllib.loads(path.read_text())["server"] for path in FILES}
    named = {server["listen"] for server in servers.values()}
    assert named == {"127.0.0.1:8080", "unix:/run/ccflared/requests.sock"}
    for path in OTHERS:
        text = path.read_text()
        below = "path" in path.name
        if path.name in ("ccflared-proxy.conf", "traefik.yaml"):
            continue  # these are for both
        (host,) = servers["ccflare-path" if below else "ccflare"]["allowed_hosts"]
        assert host in text, path
        assert not below or servers["ccflare-path"]["base_path"] + "/" in text, path
        assert "127.0.0.1:8080" in text, path
        sockets = set(re.findall(r"unix[:/]+(run/[\w./-]+)", text))
        assert sockets <= {"run/ccflared/requests.sock"}, path
