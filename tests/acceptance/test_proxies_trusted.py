"""Who asks through a reverse proxy: keys, host names, addresses, and what clients say of themselves."""

from pathlib import Path

import httpx
import pytest

from acceptance.fronts import KEY, KINDS, TOKEN, Kind, Way, fronted
from acceptance.live import live

pytestmark = pytest.mark.acceptance

kinds = pytest.mark.parametrize("kind", KINDS)
SPOOFED = {
    "x-forwarded-for": "203.0.113.9",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "http",
    "x-real-ip": "203.0.113.9",
    "forwarded": "for=203.0.113.9;host=evil.example",
}
MACHINE = "127.0.0.2"
"""Another address than the proxy's: the whole of 127.0.0.0/8 is here."""


@kinds
async def test_behind_a_proxy_nobody_is_on_this_machine(tmp_path: Path, kind: Kind) -> None:
    async with fronted(tmp_path, kind) as front, front.client(key=None) as client:
        assert (await client.ask()).status_code == 401
        assert (await client.get("/api/status")).status_code == 401
        assert (await client.get("/metrics")).status_code == 401
        assert "first" not in (await client.get("/health")).text
        # A client's key is no admin token, and the other way round.
        assert (await client.admin("/api/status", KEY)).status_code == 401
        assert (await client.ask(headers={"x-api-key": TOKEN})).status_code == 401
        assert (await client.admin("/api/status")).status_code == 200
        assert (await client.ask(headers={"x-api-key": KEY})).status_code == 200


@kinds
async def test_the_log_names_the_client_and_not_whom_the_client_names(tmp_path: Path, kind: Kind) -> None:
    async with fronted(tmp_path, kind) as front:
        async with front.client(source=MACHINE, key="wrong") as client:
            assert (await client.ask(headers=SPOOFED)).status_code == 401
        async with front.client(source=MACHINE) as client:
            # The host that a client makes up in another field is not the one that counts.
            assert (await client.ask(headers=SPOOFED)).status_code == 200
        failures = [line for line in front.live.log if "authentication failure" in line]
        assert [MACHINE in line for line in failures] == [True]
        assert not any("203.0.113" in line for line in front.live.log)


@kinds
@pytest.mark.parametrize("believed", [True, False], ids=["believed", "not believed"])
async def test_wrong_tokens_block_the_address_that_they_come_from(
    tmp_path: Path, kind: Kind, believed: bool
) -> None:
    lines = {} if believed else {"trusted_proxies": "# trusted_proxies"}
    async with fronted(tmp_path, kind, change_toml=lines) as front:
        async with front.client(source=MACHINE) as client:
            for number in range(5):
                spoofed = SPOOFED | {"x-forwarded-for": f"198.51.100.{number}"}
                assert (await client.admin("/api/status", "wrong", **spoofed)).status_code == 401
            blocked = await client.admin("/api/status")
            assert blocked.status_code == 429
            assert int(blocked.headers["retry-after"]) > 0
        async with front.client(source="127.0.0.3") as other:
            # Without the line everybody has the proxy's address.
            assert (await other.admin("/api/status")).status_code == (200 if believed else 429)


async def test_over_a_unix_socket_the_client_is_named_as_well(tmp_path: Path) -> None:
    async with fronted(tmp_path, "nginx", Way(unix=True)) as front:
        async with front.client(source=MACHINE, key="wrong") as client:
            assert (await client.ask(headers=SPOOFED)).status_code == 401
        assert any(f"requests from {MACHINE}" in line for line in front.live.log)


@kinds
async def test_a_host_that_is_not_allowed_is_told_the_line_to_add(tmp_path: Path, kind: Kind) -> None:
    other = {'allowed_hosts = ["claude.example.com"]': 'allowed_hosts = ["elsewhere.example"]'}
    async with fronted(tmp_path, kind, change_toml=other) as front, front.client() as client:
        answer = await client.ask()
        assert answer.status_code == 421
        said = answer.json()["error"]["message"]
        assert 'add allowed_hosts = ["claude.example.com"] to [server]' in said
        assert (await client.get("/livez")).status_code == 200


@kinds
async def test_a_page_of_the_proxys_origin_may_ask_and_one_of_another_may_not(
    tmp_path: Path, kind: Kind
) -> None:
    async with fronted(tmp_path, kind) as front, front.client(key=None) as client:
        own = f"https://{front.way.name}:{front.port}"
        assert (await client.admin("/api/status", origin=own)).status_code == 200
        for foreign in ("https://evil.example", f"https://{front.way.name}", "null"):
            assert (await client.admin("/api/status", origin=foreign)).status_code == 403


async def test_a_daemon_open_to_its_machine_is_not_opened_by_the_shipped_proxy(tmp_path: Path) -> None:
    # Nothing in the daemon's file says that there is a proxy; what nginx says of whom it speaks for is enough.
    lines = {
        "[clients.laptop]": "",
        'key = { file = "laptop.key" }': "",
        "[admin]": "",
        'token = { file = "admin.token" }': "",
        "trusted_proxies": "# trusted_proxies",
        "allowed_hosts": "# allowed_hosts",
    }
    async with fronted(tmp_path, "nginx", change_toml=lines) as front:
        async with httpx.AsyncClient(trust_env=False) as direct:
            local = f"http://127.0.0.1:{front.daemon_port}/api/status"
            assert (await direct.get(local)).status_code == 200
        async with front.client(key=None) as client:
            named = {"host": "localhost"}
            assert (await client.ask(headers=named)).status_code == 403
            assert (await client.get("/api/status", headers=named)).status_code == 403


async def test_who_names_a_proxy_without_clients_is_told_which_lines_are_missing(tmp_path: Path) -> None:
    with pytest.raises(BaseException) as failed:
        async with live(tmp_path, server='trusted_proxies = ["127.0.0.1"]\n'):
            raise AssertionError("it started")
    assert failed.group_contains(
        AssertionError, match=r"trusted_proxies says that requests come from elsewhere"
    )
