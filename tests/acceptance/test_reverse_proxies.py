"""nginx, Caddy and Traefik with the files of contrib/proxy: streams, bodies, errors and hang-ups go through them."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
import trio
from stage import QUESTION

from acceptance.fronts import KINDS, LEAVES, TOKEN, Front, Kind, Way, asking, fronted, reading
from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, Failing, Held, Limited

pytestmark = [pytest.mark.acceptance, LEAVES]

HELLO = "Good day to you, whoever you are and wherever you sit."
NAMED, PATH, UNIX = Way(), Way(path=True), Way(unix=True)
WAYS = [
    *((kind, NAMED) for kind in KINDS),
    *((kind, PATH) for kind in KINDS),
    ("nginx", UNIX),
    ("caddy", UNIX),
]
ways = pytest.mark.parametrize(
    ("kind", "way"),
    WAYS,
    ids=lambda it: it if isinstance(it, str) else "path" if it.path else "unix" if it.unix else "name",
)
kinds = pytest.mark.parametrize("kind", KINDS)


@ways
@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
async def test_a_stream_arrives_event_by_event(tmp_path: Path, kind: Kind, way: Way, http2: bool) -> None:
    release = trio.Event()
    provider = FakeProvider(default=Held(release, after_events=5, answer=Answer(HELLO)))
    async with (
        fronted(tmp_path, kind, way, provider=provider) as front,
        front.client(http2=http2) as client,
        asking(client) as events,
    ):
        assert events.answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
        # The provider says no more until this has arrived.
        await events.until("content_block_delta")
        release.set()
        assert (await events.rest())[-1] == "message_stop"
        assert "content-encoding" not in events.answer.headers


@ways
async def test_a_dashboards_stream_of_events_is_not_held_back(tmp_path: Path, kind: Kind, way: Way) -> None:
    given = {"x-api-key": TOKEN}
    async with (
        fronted(tmp_path, kind, way) as front,
        front.client() as client,
        reading(client, "GET", "/api/requests/stream", headers=given) as events,
    ):
        await events.say(b"connected")
        assert (await client.ask()).status_code == 200
        await events.say(b"/v1/messages")


@ways
async def test_bodies_go_through_up_to_max_body_and_no_further(tmp_path: Path, kind: Kind, way: Way) -> None:
    largest = 3 * 1024 * 1024
    more = '[server]\nmax_body = "3MiB"\n'
    async with fronted(tmp_path, kind, way, more=more) as front:
        for size in (largest, largest + 1, 3 * largest):
            for content in (_of_size(size), _in_pieces(_of_size(size))):
                answer = await _posted(front, content)
                if size == largest:
                    assert answer is not None
                    assert answer.status_code == 200, answer.text
                elif kind == "nginx" or answer is not None:
                    assert answer is not None
                    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "request_too_large")
        assert [len(seen.body) for seen in front.live.provider.seen] == [largest] * 2


async def _posted(front: Front, content: bytes | AsyncIterator[bytes]) -> httpx.Response | None:
    """Return what comes of a body; None where the proxy closed the connection while it was sent.

    What Go is made of may do that: Caddy and Traefik close behind an answer that came before the body had ended, and
    whoever still sends then may lose it.
    """
    async with front.client() as client:
        try:
            return await client.post(
                "/v1/messages", content=content, headers={"content-type": "application/json"}
            )
        except httpx.NetworkError:
            return None


def _of_size(size: int) -> bytes:
    empty = json.dumps(QUESTION | {"system": ""}).encode()
    body = json.dumps(QUESTION | {"system": "x" * (size - len(empty))}).encode()
    assert len(body) == size
    return body


async def _in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 65536):
        yield body[start : start + 65536]


@kinds
async def test_as_much_as_the_default_allows_goes_through(tmp_path: Path, kind: Kind) -> None:
    async with fronted(tmp_path, kind) as front, front.client() as client:
        answer = await client.ask(system="x" * 63 * 1024 * 1024)
        assert answer.status_code == 200, answer.text


@ways
async def test_errors_are_passed_on_as_the_daemon_made_them(tmp_path: Path, kind: Kind, way: Way) -> None:
    async with fronted(tmp_path, kind, way, more="[routing]\noverload_retry = { attempts = 0 }\n") as front:
        play = front.live.provider.play
        async with front.client(key=None) as nobody:
            refused = await nobody.ask()
        assert (refused.status_code, refused.headers["x-should-retry"]) == (401, "false")
        assert refused.json()["error"]["type"] == "authentication_error"
        async with front.client() as client:
            play("sk-first", Failing(400, message="messages.0: image exceeds 5 MB maximum"))
            wrong = await client.ask(stream=True)
            assert (wrong.status_code, wrong.json()["error"]["message"]) == (
                400,
                "messages.0: image exceeds 5 MB maximum",
            )
            play("sk-first", Limited(3600))
            limited = await client.ask(stream=True)
            assert (limited.status_code, limited.json()["error"]["type"]) == (429, "rate_limit_error")
            assert int(limited.headers["retry-after"]) > 3000
            assert limited.headers["x-should-retry"] == "false"
            nothing = await client.get("/v1/nothing")
            assert (nothing.status_code, nothing.json()["error"]["type"]) == (404, "not_found_error")


@ways
@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
async def test_a_clients_hang_up_reaches_the_provider(
    tmp_path: Path, kind: Kind, way: Way, http2: bool
) -> None:
    provider = FakeProvider(default=Held(trio.Event(), after_events=5))
    async with fronted(tmp_path, kind, way, provider=provider) as front:
        async with front.client(http2=http2) as client, asking(client) as events:
            await events.until("content_block_delta")
        with trio.fail_after(10):
            await provider.seen[0].left.wait()
        # And where the answer is awaited in one piece, of which nothing has come yet.
        async with front.client(http2=http2) as client:
            with trio.move_on_after(30):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(client.ask)
                    while len(provider.seen) < 2:
                        await trio.sleep(0.01)
                    nursery.cancel_scope.cancel()
        with trio.fail_after(10):
            await provider.seen[1].left.wait()


@kinds
async def test_a_websocket_is_refused_with_the_answer_that_sends_codex_to_http(
    tmp_path: Path, kind: Kind
) -> None:
    upgrade = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    async with fronted(tmp_path, kind) as front, front.client() as client:
        answer = await client.get("/v1/responses", headers=upgrade)
        assert (answer.status_code, answer.json()["error"]["message"]) == (
            426,
            "WebSocket is not offered; use HTTP.",
        )


@kinds
async def test_slashes_in_the_names_of_models_stay_escaped(tmp_path: Path, kind: Kind) -> None:
    own = 'models = { "vendor/big" = "=", "*" = "=" }'
    async with fronted(tmp_path, kind, PATH, own=own) as front, front.client() as client:
        answer = await client.get("/v1/models/vendor%2Fbig")
        assert answer.status_code in (200, 404)
        assert "vendor/big" in answer.text


@kinds
async def test_outside_the_base_path_there_is_nothing(tmp_path: Path, kind: Kind) -> None:
    async with fronted(tmp_path, kind, PATH) as front, front.client() as client:
        outside = str(client.base_url).removesuffix("/").removesuffix("/ccflared")
        for path in ("/v1/messages", "/ccflaredx/v1/messages", "/api/status"):
            # What the site itself has there: nothing here. Caddy answers so with an empty page.
            answer = await client.post(outside + path, json=QUESTION)
            assert answer.status_code == 404 or not answer.content
        async with httpx.AsyncClient(trust_env=False) as direct:
            answer = await direct.post(f"http://127.0.0.1:{front.daemon_port}/v1/messages", json=QUESTION)
            assert answer.status_code == 404
            assert "There is nothing outside /ccflared." in answer.text
        assert len(front.live.provider.seen) == 0


@ways
async def test_the_dashboard_and_all_that_it_loads_is_found(tmp_path: Path, kind: Kind, way: Way) -> None:
    async with fronted(tmp_path, kind, way) as front, front.client(key=None) as client:
        page = await client.get("/dashboard", follow_redirects=True)
        assert page.status_code == 200
        assert page.url.path == f"{way.base}/"
        if way.path:
            # nginx leads there itself; of Caddy and Traefik the daemon does.
            bare = await client.get(str(client.base_url).rstrip("/"))
            assert bare.status_code in (301, 307)
            assert urlsplit(urljoin(f"{front.url}", bare.headers["location"])).path == "/ccflared/"
        files = re.findall(r'(?:href|src)="\.?/?(dashboard/[^"]+)"', page.text)
        assert len(files) > 2
        for file in files:
            assert (await client.get("/" + file)).status_code == 200, file
        logged_in = await client.post(
            "/api/session", json={"token": TOKEN}, headers={"origin": f"https://{way.name}:{front.port}"}
        )
        assert logged_in.status_code == 200, logged_in.text
        cookie = logged_in.headers["set-cookie"]
        assert f"Path={way.base or '/'};" in cookie
        assert cookie.endswith("; Secure")
