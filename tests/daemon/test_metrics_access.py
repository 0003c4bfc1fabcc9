"""Who may read /metrics: the rule as a pure function, and over real listeners."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from scrapes import scraped
from stage import Stage, staged

from ccflared.daemon.access import Denied, Door, Peer, Rights, admit_admin, admit_request, digest
from ccflared.daemon.metrics.access import admit_metrics

ADMIN = Rights(
    clients={digest("client-key"): "laptop"},
    admin=digest("admin-token"),
    admin_configured=True,
    open_admin=False,
    unauthenticated=False,
)
TOKEN = replace(ADMIN, metrics=digest("metrics-token"), metrics_token=True)
UNREADABLE = replace(ADMIN, metrics_token=True)
PUBLIC = replace(ADMIN, metrics_public=True)
OPEN = replace(ADMIN, clients=None, admin=None, admin_configured=False, open_admin=True)
OPEN_WITH_TOKEN = replace(OPEN, metrics=digest("metrics-token"), metrics_token=True)
CLOSED = replace(OPEN, open_admin=False)

LOOPBACK = Door("127.0.0.1:8080", "loopback", frozenset({"requests", "admin", "metrics"}))
NETWORK = replace(LOOPBACK, reach="network")
FOR_METRICS = replace(NETWORK, serve=frozenset({"metrics"}))
WITHOUT = replace(NETWORK, serve=frozenset({"requests", "admin"}))
CONTROL = Door("control", "control", frozenset({"admin"}))
HERE, THERE, NOBODY = Peer("127.0.0.1", False), Peer("192.0.2.7", False), Peer(None, False)

# rights, door, peer, fields, status of the refusal (None: admitted), whether it counts as a guess
RULES: list[tuple[Rights, Door, Peer, dict[bytes, bytes], int | None, bool]] = [
    (ADMIN, NETWORK, THERE, {b"authorization": b"Bearer admin-token"}, None, False),
    (ADMIN, NETWORK, THERE, {b"x-api-key": b"admin-token"}, None, False),
    (ADMIN, FOR_METRICS, THERE, {b"x-api-key": b"admin-token"}, None, False),
    (ADMIN, NETWORK, THERE, {}, 401, False),
    (ADMIN, NETWORK, THERE, {b"x-api-key": b"client-key"}, 401, True),
    (ADMIN, LOOPBACK, HERE, {}, 401, False),
    (ADMIN, WITHOUT, THERE, {b"x-api-key": b"admin-token"}, 404, False),
    (ADMIN, CONTROL, NOBODY, {}, None, False),
    (TOKEN, NETWORK, THERE, {b"authorization": b"Bearer metrics-token"}, None, False),
    (TOKEN, NETWORK, THERE, {b"authorization": b"bearer metrics-token"}, None, False),
    (TOKEN, NETWORK, THERE, {b"x-api-key": b"metrics-token"}, None, False),
    (TOKEN, NETWORK, THERE, {b"x-api-key": b"admin-token"}, None, False),
    (TOKEN, FOR_METRICS, THERE, {b"x-api-key": b"metrics-token"}, None, False),
    (TOKEN, NETWORK, THERE, {b"x-api-key": b"another"}, 401, True),
    (TOKEN, NETWORK, THERE, {b"x-api-key": b""}, 401, False),
    (TOKEN, NETWORK, THERE, {}, 401, False),
    (TOKEN, WITHOUT, THERE, {b"x-api-key": b"metrics-token"}, 404, False),
    (TOKEN, NETWORK, THERE, {b"x-api-key": b"metrics-token", b"origin": b"https://evil.example"}, 403, False),
    (UNREADABLE, NETWORK, THERE, {b"x-api-key": b"metrics-token"}, 401, True),
    (UNREADABLE, NETWORK, THERE, {b"x-api-key": b""}, 401, False),
    (PUBLIC, NETWORK, THERE, {}, None, False),
    (PUBLIC, NETWORK, THERE, {b"x-api-key": b"whatever"}, None, False),
    (PUBLIC, FOR_METRICS, NOBODY, {}, None, False),
    (PUBLIC, WITHOUT, THERE, {}, 404, False),
    (PUBLIC, NETWORK, THERE, {b"origin": b"https://evil.example"}, 403, False),
    (PUBLIC, NETWORK, THERE, {b"sec-fetch-site": b"cross-site"}, 403, False),
    (PUBLIC, NETWORK, THERE, {b"origin": b"null"}, 403, False),
    (PUBLIC, NETWORK, THERE, {b"origin": b"http://localhost:8080"}, None, False),
    (OPEN, LOOPBACK, HERE, {}, None, False),
    (OPEN, LOOPBACK, Peer("127.0.0.1", True), {}, 403, False),
    (OPEN, NETWORK, HERE, {}, 403, False),
    (OPEN, NETWORK, THERE, {}, 403, False),
    (OPEN_WITH_TOKEN, LOOPBACK, HERE, {}, None, False),
    (OPEN_WITH_TOKEN, NETWORK, THERE, {}, 401, False),
    (OPEN_WITH_TOKEN, NETWORK, THERE, {b"x-api-key": b"metrics-token"}, None, False),
    (CLOSED, LOOPBACK, HERE, {}, 403, False),
]


@pytest.mark.parametrize("rule", RULES)
def test_who_may_read_it(
    rule: tuple[Rights, Door, Peer, dict[bytes, bytes], int | None, bool],
) -> None:
    rights, door, peer, fields, status, guess = rule
    if status is None:
        admit_metrics(rights, door, peer, "localhost:8080", fields)
        return
    with pytest.raises(Denied) as denied:
        admit_metrics(rights, door, peer, "localhost:8080", fields)
    assert (denied.value.status, denied.value.guess) == (status, guess)
    if status == 401:
        assert (b"www-authenticate", b"Bearer") in denied.value.extra


def test_the_token_of_metrics_opens_nothing_else() -> None:
    for admit in (admit_admin, admit_request):
        with pytest.raises(Denied) as denied:
            admit(TOKEN, NETWORK, THERE, "localhost:8080", {b"x-api-key": b"metrics-token"})
        assert denied.value.status == 401


async def read(stage: Stage, path: str = "/metrics", method: str = "GET", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await stage.client.request(method, stage.url + path, headers=named)


async def test_it_is_read_over_a_listener_and_over_the_control_socket(tmp_path: Path) -> None:
    more = '[admin]\ntoken = "admin-token"\n[metrics]\ntoken = "metrics-token"\n'
    async with staged(tmp_path, more=more) as stage:
        assert (await read(stage)).status_code == 401
        assert (await read(stage, x_api_key="metrics-token")).status_code == 200
        assert (await read(stage, authorization="Bearer admin-token")).status_code == 200
        assert (await read(stage, "/api/status", x_api_key="metrics-token")).status_code == 401
        assert (await read(stage, x_api_key="metrics-token", host="evil.example")).status_code == 421
        assert (await read(stage, method="POST", x_api_key="metrics-token")).status_code == 405
        head = await read(stage, method="HEAD", x_api_key="metrics-token")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 1000
        over = httpx.AsyncHTTPTransport(uds=str(stage.running.control.path))
        async with httpx.AsyncClient(transport=over) as control:
            answer = await control.get("http://localhost/metrics")
            assert answer.status_code == 200
            assert "ccflared_build_info" in answer.text


async def test_below_a_base_path_it_is_below_that(tmp_path: Path) -> None:
    more = "[metrics]\npublic = true\n"
    async with staged(
        tmp_path, server='base_path = "/ccf"\nallow_unauthenticated = true', more=more
    ) as stage:
        assert (await read(stage, "/ccf/metrics")).status_code == 200
        assert (await read(stage, "/metrics")).status_code == 404


async def test_a_listener_that_is_for_metrics_alone_serves_nothing_else(tmp_path: Path) -> None:
    server = 'listen = [{ address = "127.0.0.1:0", serve = ["metrics"] }]'
    async with staged(tmp_path, server=server) as stage:
        assert (await scraped(stage)).value("ccflared_requests_running") == 0
        assert (await stage.ask()).status_code == 404
        assert (await read(stage, "/api/status")).status_code == 404


async def test_wrong_tokens_are_counted_as_those_of_administration_are(tmp_path: Path) -> None:
    async with staged(tmp_path, more='[admin]\ntoken = "admin-token"\n') as stage:
        for _ in range(5):
            assert (await read(stage, x_api_key="a-guess")).status_code == 401
        assert (await read(stage, x_api_key="admin-token")).status_code == 429


async def test_who_may_read_it_changes_with_a_reload(tmp_path: Path) -> None:
    async with staged(tmp_path, more='[metrics]\ntoken = "one"\n[admin]\ntoken = "admin-token"\n') as stage:
        assert (await read(stage, x_api_key="one")).status_code == 200
        stage.edit(stage.config.read_text().replace('token = "one"', 'token = "two"'))
        assert (await stage.running.reloads.reload("command")).applied
        assert (await read(stage, x_api_key="one")).status_code == 401
        assert (await read(stage, x_api_key="two")).status_code == 200


async def test_a_client_whose_key_reads_metrics_too_is_named(tmp_path: Path) -> None:
    more = '[metrics]\ntoken = "the-same"\n[clients.laptop]\nkey = "the-same"\n'
    async with staged(tmp_path, more=more) as stage:
        (warning,) = [w for w in stage.running.reloads.applied.warnings if "clients.laptop" in w]
        assert "the same key as [metrics]" in warning
