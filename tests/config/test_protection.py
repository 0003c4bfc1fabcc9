"""What more than this machine can reach needs [clients]: which listeners those are, and what the mistake says."""

from pathlib import Path

import pytest
from filebook import config, mistakes

from ccflared.config.load import Rejected, load
from ccflared.config.model import Listen
from ccflared.config.protection import exposures, lines_for, only_loopback
from ccflared.providers.presets import builtin

CLIENTS = '\n[clients.c]\nkey = "k"\n'
REMEDY = (
    'and nothing asks for a key: add who may send requests ([clients.NAME] with key = { file = "PATH" }), or, to '
    "open it to everyone on purpose, allow_unauthenticated = true in [server]"
)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:8080", "127.8.9.10:1", "[::1]:8080", "localhost:8080", "LOCALHOST:1".lower()]
)
def test_loopback_addresses_need_no_clients(tmp_path: Path, address: str) -> None:
    assert only_loopback(address)
    assert exposures(config(tmp_path, f'[server]\nlisten = "{address}"\n')) == ()


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0:8080", "[::]:8080", "192.168.1.1:8080", "unix:/run/x.sock", "systemd", "host.example:80", "[fe80::1%eth0]:80"],
)  # fmt: skip
def test_everything_else_needs_them(tmp_path: Path, address: str) -> None:
    assert not only_loopback(address)
    text = f'[server]\nlisten = ["127.0.0.1:1", "{address}"]\n'
    assert mistakes(tmp_path, text) == [f"2:26: {address} can be reached by more than loopback, {REMEDY}"]
    assert exposures(config(tmp_path, text + CLIENTS)) == ()
    assert exposures(config(tmp_path, text + "allow_unauthenticated = true\n")) == ()


def test_a_listener_that_serves_no_requests_needs_no_clients(tmp_path: Path) -> None:
    text = '[server]\nlisten = [{ address = "0.0.0.0:8080", serve = ["admin", "metrics"] }]\nallowed_hosts = ["a"]\n'
    assert exposures(config(tmp_path, text)) == ()


@pytest.mark.parametrize(
    "line", ['base_path = "/ccflared"', 'allowed_hosts = ["a.example"]', 'trusted_proxies = ["127.0.0.1"]']
)
def test_a_sign_of_a_reverse_proxy_needs_clients_even_on_loopback(tmp_path: Path, line: str) -> None:
    (found,) = mistakes(tmp_path, f"[server]\n{line}\n")
    assert found.startswith("2:")
    assert found.endswith(
        f"{line.split(' ', maxsplit=1)[0]} says that requests come from elsewhere, {REMEDY}"
    )
    assert exposures(config(tmp_path, f"[server]\n{line}\n{CLIENTS}")) == ()


def test_a_base_path_of_one_listener_counts_too(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, '[server]\nlisten = { address = "127.0.0.1:1", base_path = "/x" }\n')
    assert found.startswith("2:")
    assert "base_path says that a reverse proxy stands in front" in found


def test_the_sockets_really_bound_are_judged_by_the_same_rule(tmp_path: Path) -> None:
    found = exposures(config(tmp_path, ""), [Listen("0.0.0.0:8080")])
    assert [item.why for item in found] == ["0.0.0.0:8080 can be reached by more than loopback"]


def test_nothing_is_said_about_protection_while_clients_or_server_are_broken(tmp_path: Path) -> None:
    text = '[server]\nlisten = "0.0.0.0:8080"\n[clients.c]\nkee = "k"\nkey = "k"\n'
    assert mistakes(tmp_path, text) == ['4:1: unknown key "kee" in [clients.c]; did you mean "key"?']


def test_the_lines_that_a_file_lacks_are_told_with_the_mistake_and_are_what_it_lacks(tmp_path: Path) -> None:
    path, text = tmp_path / "ccflare.toml", '[server]\nlisten = "0.0.0.0:1"\n'
    path.write_text(text)
    path.chmod(0o600)
    loaded = load(path, environ={"HOME": "/"}, builtin=builtin())
    assert isinstance(loaded, Rejected)
    (mistake,) = loaded.mistakes
    read = config(tmp_path, text + mistake.add)
    assert set(read.clients) == {"laptop"}
    assert read.admin is not None
    assert "[admin]" not in lines_for(read)
