"""The trust rules, as tables, over real sockets: who may do what, by listener, Host, Origin, forwarding, credential."""

import hashlib
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio
from stage import QUESTION, Stage, staged

from ccflared.demo.script import Failing

CLIENT, ADMIN = "client-key-0123456789", "admin-token-0123456789"
CLIENTS = f'[clients.laptop]\nkey_sha256 = "{hashlib.sha256(CLIENT.encode()).hexdigest()}"\n'
TOKEN = f'[admin]\ntoken_sha256 = "{hashlib.sha256(ADMIN.encode()).hexdigest()}"\n'
BODY = json.dumps(QUESTION)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str


async def raw(
    stage: Stage, target: str, *fields: str, method: str = "", body: str = "", port: int = 0
) -> Answer:
    """Send a request exactly as written; without a Host among the fields, with the right one."""
    method = method or ("POST" if body else "GET")
    lines = [f"{method} {target} HTTP/1.1", *fields]
    if not any(field.lower().startswith("host:") for field in fields):
        lines.append(f"Host: 127.0.0.1:{stage.port}")
    if body:
        lines.append(f"Content-Length: {len(body)}")
    stream = await trio.open_tcp_stream("127.0.0.1", port or stage.port)
    return await converse(stream, "\r\n".join([*lines, "", body]))


async def converse(stream: trio.abc.Stream, request: str) -> Answer:
    async with stream:
        await stream.send_all(request.encode())
        data = b""
        with trio.fail_after(5):
            while b"\r\n\r\n" not in data:
                data += await stream.receive_some() or pytest.fail("closed")
            head, _, rest = data.partition(b"\r\n\r\n")
            status, *lines = head.decode().split("\r\n")
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
            while not request.startswith("HEAD ") and len(rest) < int(headers.get("content-length", 0)):
                rest += await stream.receive_some()
    return Answer(int(status.split()[1]), headers, rest.decode())


@asynccontextmanager
async def opened(
    tmp_path: Path, *, clients: bool = False, admin: bool = False, server: str = ""
) -> AsyncIterator[Stage]:
    more = (CLIENTS if clients else "") + (TOKEN if admin else "")
    async with staged(tmp_path, ["only"], server=server, more=more) as stage:
        yield stage


KEY = f"x-api-key: {CLIENT}"
BEARER = f"Authorization: Bearer {CLIENT}"
ADMIN_KEY = f"Authorization: Bearer {ADMIN}"

REQUESTS = [
    # clients, fields, status
    (False, [], 200),
    (False, ["x-api-key: anything"], 200),
    (False, ["X-Forwarded-For: 10.0.0.1"], 403),
    (False, ["Forwarded: for=10.0.0.1"], 403),
    (False, ["X-Real-IP: 127.0.0.1"], 403),
    (False, ["Via: 1.1 proxy"], 403),
    (False, ["X-Forwarded-Proto: https"], 403),
    (True, [], 401),
    (True, [KEY], 200),
    (True, [BEARER], 200),
    (True, [f"Authorization: bearer {CLIENT}"], 200),
    (True, ["x-api-key: wrong", BEARER], 200),
    (True, ["x-api-key: wrong"], 401),
    (True, [f"x-api-key: {ADMIN}"], 401),
    (True, [KEY, "X-Forwarded-For: 10.0.0.1"], 200),
]


@pytest.mark.parametrize(("clients", "fields", "status"), REQUESTS)
async def test_who_may_send_requests(tmp_path: Path, clients: bool, fields: list[str], status: int) -> None:
    async with opened(tmp_path, clients=clients, admin=clients) as stage:
        answer = await raw(stage, "/v1/messages", *fields, body=BODY)
        assert answer.status == status, answer.body
        if status == 401:
            assert answer.headers["x-should-retry"] == "false"
            assert json.loads(answer.body)["error"]["type"] == "authentication_error"
        for seen in stage.provider.seen:
            assert seen.key == "sk-only"
            assert not any(CLIENT.encode() in value for _, value in seen.headers)


ADMINISTRATION = [
    # clients, admin, fields, status
    (False, False, [], 200),
    (False, False, ["X-Forwarded-For: 127.0.0.1"], 403),
    (False, False, ["Via: 1.1 proxy"], 403),
    (True, False, [], 403),
    (True, False, [KEY], 403),
    (False, True, [], 401),
    (False, True, [ADMIN_KEY], 200),
    (False, True, [f"x-api-key: {ADMIN}"], 200),
    (True, True, [KEY], 401),
    (True, True, [ADMIN_KEY], 200),
    (True, True, [ADMIN_KEY, "X-Forwarded-For: 10.0.0.1"], 200),
    (False, True, [ADMIN_KEY, "Origin: http://evil.example"], 403),
    (False, True, [ADMIN_KEY, "Origin: null"], 403),
    (False, True, [ADMIN_KEY, "Sec-Fetch-Site: cross-site"], 403),
    (False, True, [ADMIN_KEY, "Sec-Fetch-Site: same-site"], 403),
    (False, True, [ADMIN_KEY, "Sec-Fetch-Site: same-origin"], 200),
    (False, False, ["Origin: http://evil.example"], 403),
    (False, False, ["Origin: null"], 403),
]


@pytest.mark.parametrize(("clients", "admin", "fields", "status"), ADMINISTRATION)
async def test_who_may_administer(
    tmp_path: Path, clients: bool, admin: bool, fields: list[str], status: int
) -> None:
    async with opened(tmp_path, clients=clients, admin=admin) as stage:
        assert (await raw(stage, "/api/status", *fields)).status == status


async def test_the_own_page_may_administer(tmp_path: Path) -> None:
    async with opened(tmp_path) as stage:
        own = f"Origin: http://127.0.0.1:{stage.port}"
        assert (await raw(stage, "/api/status", own)).status == 200
        assert (await raw(stage, "/api/reload", own, method="POST")).status == 200


HOSTS = [
    ("127.0.0.1", 200),
    ("127.0.0.1:9", 200),
    ("[::1]:8080", 200),
    ("localhost", 200),
    ("LOCALHOST:1", 200),
    ("10.1.2.3", 200),
    ("evil.example", 421),
    ("localhost.evil.example", 421),
    ("127.0.0.1.evil.example", 421),
    ("", 421),
]


@pytest.mark.parametrize(("host", "status"), HOSTS)
async def test_only_known_hosts_are_answered(tmp_path: Path, host: str, status: int) -> None:
    async with opened(tmp_path) as stage:
        for target in ("/v1/models", "/api/status", "/health"):
            answer = await raw(stage, target, f"Host: {host}")
            assert answer.status == status
            if host == "evil.example":
                assert 'allowed_hosts = ["evil.example"]' in json.loads(answer.body)["error"]["message"]
        assert (await raw(stage, "/livez", f"Host: {host}")).status == 200
        assert (await raw(stage, "/readyz", f"Host: {host}")).status == 200


async def test_allowed_hosts_are_answered_and_close_administration_without_a_token(tmp_path: Path) -> None:
    server = 'allowed_hosts = ["ccflare.example", "*.home.example"]'
    async with opened(tmp_path, clients=True, server=server) as stage:
        for host, status in [("ccflare.example", 200), ("a.home.example:443", 200), ("home.example", 421)]:
            assert (await raw(stage, "/v1/models", f"Host: {host}", KEY)).status == status
        assert (await raw(stage, "/api/status")).status == 403


TARGETS = [
    "/v1/../api/status",
    "/v1/./messages",
    "/v1/%2e%2e/api/status",
    "/v1%2fmessages",
    "/v1%5cmessages",
    "/v1\\messages",
    "/v1/models/%00",
    "//api/status",
    "http://127.0.0.1/v1/messages",
]


@pytest.mark.parametrize("target", TARGETS)
async def test_a_target_that_could_mean_two_things_is_refused(tmp_path: Path, target: str) -> None:
    async with opened(tmp_path) as stage:
        assert (await raw(stage, target)).status == 400
        assert not stage.provider.seen


ORIGINS = [
    # origin, key, status
    ("http://127.0.0.1:{port}", True, 200),
    ("https://chat.example", True, 200),
    ("https://chat.example", False, 401),
    ("https://evil.example", True, 403),
    ("null", True, 403),
]


@pytest.mark.parametrize(("origin", "key", "status"), ORIGINS)
async def test_web_pages_may_call_only_when_named_and_with_a_key(
    tmp_path: Path, origin: str, key: bool, status: int
) -> None:
    async with opened(tmp_path, clients=True, server='allowed_origins = ["https://chat.example"]') as stage:
        given = origin.format(port=stage.port)
        answer = await raw(stage, "/v1/messages", f"Origin: {given}", *([KEY] if key else []), body=BODY)
        assert answer.status == status
        if origin == "https://chat.example" and key:
            assert answer.headers["access-control-allow-origin"] == origin
            fields = ["Origin: https://chat.example", "Access-Control-Request-Method: POST"]
            assert (await raw(stage, "/v1/messages", *fields, method="OPTIONS")).status == 204


async def test_without_clients_no_foreign_page_may_call(tmp_path: Path) -> None:
    async with opened(tmp_path) as stage:
        assert (await raw(stage, "/v1/messages", "Origin: https://chat.example", body=BODY)).status == 403


async def test_administration_takes_json_only(tmp_path: Path) -> None:
    async with opened(tmp_path) as stage:
        assert (await raw(stage, "/api/reload", "Content-Type: text/plain", body="{}")).status == 415
        assert (await raw(stage, "/api/reload", body="{}")).status == 415
        assert (await raw(stage, "/api/reload", "Content-Type: application/json", body="{}")).status == 200
        assert (await raw(stage, "/api/reload", method="POST")).status == 200


async def test_the_control_socket_cannot_be_locked_out_by_guesses_elsewhere(tmp_path: Path) -> None:
    server = f'listen = ["127.0.0.1:0", "unix:{tmp_path}/open.sock"]\n'
    async with opened(tmp_path, clients=True, admin=True, server=server) as stage:

        async def over(path: Path) -> int:
            request = "GET /api/status HTTP/1.1\r\nHost: localhost\r\nx-api-key: guess\r\n\r\n"
            return (await converse(await trio.open_unix_socket(str(path)), request)).status

        assert [await over(tmp_path / "open.sock") for _ in range(6)] == [401] * 5 + [429]
        assert await over(stage.state / "c.sock") == 200


async def test_health_is_no_place_to_guess_the_admin_token_at(tmp_path: Path) -> None:
    async with opened(tmp_path, clients=True, admin=True) as stage:
        for _ in range(6):
            # A client may look as often as it likes; its key is no guess.
            assert "accounts_detail" not in (await raw(stage, "/health", KEY)).body
        assert "accounts_detail" in (await raw(stage, "/health", ADMIN_KEY)).body
        for _ in range(5):
            await raw(stage, "/health", "x-api-key: guess")
        assert "accounts_detail" not in (await raw(stage, "/health", ADMIN_KEY)).body
        assert (await raw(stage, "/api/status", ADMIN_KEY)).status == 429


async def test_a_request_with_two_lengths_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as stage:
        answer = await raw(stage, "/v1/messages", "Transfer-Encoding: chunked", body=BODY)
        assert answer.status == 400
        assert not stage.provider.seen


async def test_a_target_without_end_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as stage:
        assert (await raw(stage, "/v1/models?" + "a" * 20_000)).status == 414
        assert (await raw(stage, "/v1/models?limit=1000")).status == 200


async def test_what_stands_behind_the_last_request_is_no_fault_of_the_daemon(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("ccflared.request").addHandler(caplog.handler)
    try:
        async with opened(tmp_path) as stage:
            head = f"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(BODY)}\r\n"
            for _ in range(30):
                async with await trio.open_tcp_stream("127.0.0.1", stage.port) as stream:
                    await stream.send_all((head + "Connection: close\r\n\r\n" + BODY).encode())
                    await stream.send_all(b"\r\n")
                    with suppress(trio.BrokenResourceError):
                        while await stream.receive_some():
                            pass
            assert (await raw(stage, "/livez")).status == 200
    finally:
        logging.getLogger("ccflared.request").removeHandler(caplog.handler)
    assert not caplog.records


async def test_guessing_the_admin_token_is_stopped_after_five_tries(tmp_path: Path) -> None:
    async with opened(tmp_path, admin=True) as stage:
        for _ in range(5):
            assert (await raw(stage, "/api/status", "x-api-key: guess")).status == 401
        assert (await raw(stage, "/api/status", "x-api-key: guess")).status == 429
        assert (await raw(stage, "/v1/models")).status == 200


async def test_a_listener_serves_only_its_planes(tmp_path: Path) -> None:
    server = (
        'listen = [{ address = "127.0.0.1:0", serve = ["requests"] }, '
        '{ address = "[::1]:0", serve = ["admin"] }]'
    )
    async with opened(tmp_path, server=server) as stage:
        assert (await raw(stage, "/v1/models")).status == 200
        assert (await raw(stage, "/api/status")).status == 404
        port = int(stage.running.listeners.bound[1].addresses[0].rpartition(":")[2])
        stream = await trio.open_tcp_stream("::1", port)
        answer = await converse(stream, f"GET /v1/models HTTP/1.1\r\nHost: [::1]:{port}\r\n\r\n")
        assert answer.status == 404
        stream = await trio.open_tcp_stream("::1", port)
        answer = await converse(stream, f"GET /api/status HTTP/1.1\r\nHost: [::1]:{port}\r\n\r\n")
        assert answer.status == 200


async def test_a_unix_listener_is_never_loopback_and_the_control_socket_asks_nothing(tmp_path: Path) -> None:
    server = f'listen = ["127.0.0.1:0", "unix:{tmp_path}/requests.sock"]'
    async with opened(tmp_path, clients=True, server=server) as stage:
        requests = await trio.open_unix_socket(tmp_path / "requests.sock")
        assert (await converse(requests, "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")).status == 401
        requests = await trio.open_unix_socket(tmp_path / "requests.sock")
        answer = await converse(requests, f"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n{KEY}\r\n\r\n")
        assert answer.status == 200
        requests = await trio.open_unix_socket(tmp_path / "requests.sock")
        assert (await converse(requests, "GET /api/status HTTP/1.1\r\nHost: localhost\r\n\r\n")).status == 403
        control = await trio.open_unix_socket(str(stage.running.control.path))
        assert (await converse(control, "GET /api/status HTTP/1.1\r\nHost: anything\r\n\r\n")).status == 200
        control = await trio.open_unix_socket(str(stage.running.control.path))
        assert (await converse(control, "GET /v1/models HTTP/1.1\r\nHost: anything\r\n\r\n")).status == 404


async def test_a_base_path_belongs_to_every_path_and_closes_open_administration(tmp_path: Path) -> None:
    async with opened(tmp_path, clients=True, admin=True, server='base_path = "/ccflared"') as stage:
        assert (await raw(stage, "/ccflared/v1/models", KEY)).status == 200
        assert stage.provider.seen[-1].target == "/v1/models?limit=1000"
        assert (await raw(stage, "/v1/models", KEY)).status == 404
        assert (await raw(stage, "/ccflaredx/v1/models", KEY)).status == 404
        assert (await raw(stage, "/ccflared/api/status", ADMIN_KEY)).status == 200


async def test_a_trusted_proxy_may_name_the_host(tmp_path: Path) -> None:
    server = 'allowed_hosts = ["ccflare.example"]\ntrusted_proxies = ["127.0.0.0/8"]'
    async with opened(tmp_path, clients=True, admin=True, server=server) as stage:
        known = ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Host: ccflare.example"]
        page = [*known, "Origin: https://ccflare.example", ADMIN_KEY]
        assert (await raw(stage, "/api/status", *page)).status == 200
        foreign = ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Host: evil.example"]
        assert (await raw(stage, "/api/status", *foreign, ADMIN_KEY)).status == 421


async def test_what_everybody_may_ask(tmp_path: Path) -> None:
    async with opened(tmp_path, clients=True, admin=True) as stage:
        assert (await raw(stage, "/", method="HEAD")).status == 200
        assert (await raw(stage, "/api/hello", method="HEAD")).status == 200
        assert (await raw(stage, "/api/event_logging/batch", body="{}")).status == 200
        health = await raw(stage, "/health")
        assert (health.status, json.loads(health.body)["status"]) == (200, "ok")
        assert "accounts_detail" not in health.body
        assert "accounts_detail" in (await raw(stage, "/health", ADMIN_KEY)).body


async def test_a_websocket_upgrade_is_answered_426(tmp_path: Path) -> None:
    async with opened(tmp_path) as stage:
        upgrade = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        answer = await raw(stage, "/v1/responses", *upgrade, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        assert answer.status == 426


@pytest.mark.parametrize(
    ("fields", "behind"),
    [
        (["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="], "\x81\x05hello" * 5),
        (["Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: \u00e9\u00ff"], ""),
        ([], "anything"),
    ],
    ids=["frames before the answer", "a protocol that is no ASCII", "no key"],
)
async def test_no_websocket_handshake_can_end_the_daemon(
    tmp_path: Path, fields: list[str], behind: str
) -> None:
    async with opened(tmp_path) as stage:
        lines = [
            "GET / HTTP/1.1",
            f"Host: 127.0.0.1:{stage.port}",
            "Connection: upgrade",
            "Upgrade: websocket",
        ]
        asked = "\r\n".join([*lines, *fields, "", behind])
        for _ in range(20):
            async with await trio.open_tcp_stream("127.0.0.1", stage.port) as stream:
                await stream.send_all(asked.encode("latin-1"))
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 426 ")
        assert (await raw(stage, "/livez")).status == 200


async def test_other_paths_have_an_error_in_the_clients_dialect(tmp_path: Path) -> None:
    async with opened(tmp_path) as stage:
        anthropic = await raw(stage, "/v1/files")
        assert (anthropic.status, json.loads(anthropic.body)["error"]["type"]) == (404, "not_found_error")
        assert anthropic.headers["request-id"] == anthropic.headers["x-ccflared-request-id"]
        wrong = await raw(stage, "/v1/messages", method="PUT")
        assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
        openai = await raw(stage, "/v1/completions", body=BODY)
        assert (openai.status, json.loads(openai.body)["error"]["param"]) == (404, None)


async def test_a_client_may_use_only_its_accounts_and_models(tmp_path: Path) -> None:
    more = CLIENTS + 'accounts = ["sec*"]\nmodels = ["claude-sonnet-*"]\n'
    async with staged(tmp_path, more=more) as stage:
        assert (await raw(stage, "/v1/messages", KEY, body=BODY)).status == 200
        assert stage.provider.seen[-1].key == "sk-second"
        body = json.dumps(QUESTION | {"model": "claude-opus-4"})
        assert (await raw(stage, "/v1/messages", KEY, body=body)).status == 403
        smuggled = '{"model":"claude-sonnet-4","max_tokens":1,"messages":[],"model":"claude-opus-4"}'
        assert (await raw(stage, "/v1/messages", KEY, body=smuggled)).status == 400


async def test_a_pin_is_that_account_or_an_error_and_only_for_who_may(tmp_path: Path) -> None:
    async with staged(tmp_path, more=CLIENTS + "pin = true\n") as stage:
        answer = await raw(stage, "/v1/messages", KEY, "x-ccflared-account: second", body=BODY)
        assert answer.headers["x-ccflared-account"] == "second"
        assert stage.provider.seen[-1].key == "sk-second"
        stage.provider.play("sk-second", Failing(500))
        assert (await raw(stage, "/v1/messages", KEY, "x-ccflared-account: second", body=BODY)).status == 503
        assert (await raw(stage, "/v1/messages", KEY, "x-ccflared-account: third", body=BODY)).status == 400
    (tmp_path / "2").mkdir()
    async with staged(tmp_path / "2", more=CLIENTS) as stage:
        assert (await raw(stage, "/v1/messages", KEY, "x-ccflared-account: second", body=BODY)).status == 403


@pytest.mark.parametrize(("day", "status"), [("2001-01-01", 401), ("2999-01-01", 200)])
async def test_a_client_key_ends_on_its_day(tmp_path: Path, day: str, status: int) -> None:
    async with staged(tmp_path, more=CLIENTS + f'expires = "{day}"\n') as stage:
        assert (await raw(stage, "/v1/messages", KEY, body=BODY)).status == status


async def test_the_file_can_forbid_changes_over_tcp_but_not_over_the_control_socket(tmp_path: Path) -> None:
    async with staged(tmp_path, more=TOKEN + 'edit = "none"\n') as stage:
        target = "/api/accounts/first/force-reset-rate-limit"
        assert (await raw(stage, target, ADMIN_KEY, method="POST")).status == 403
        control = await trio.open_unix_socket(str(stage.running.control.path))
        assert (await converse(control, f"POST {target} HTTP/1.1\r\nHost: x\r\n\r\n")).status == 200
