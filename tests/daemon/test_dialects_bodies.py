"""Compressed requests, limits of clients and accounts, and where conversations stay, for every dialect."""

import gzip
import json
import zlib
from pathlib import Path
from time import time
from typing import Any

import httpx
import pytest
import trio
from dialects import MODEL, PATHS, QUESTIONS, Client, Upstream, ask, before, each_client, sent, told
from elapsed import elapse
from stage import Stage

from ccflared.demo.script import HELLO, Answer, Failing, Held

zstd = pytest.importorskip("backports.zstd")

PLACES: dict[str, str] = {
    **{str(client): path for client, path in PATHS.items()},
    "count": "/v1/messages/count_tokens",
}


def squeezed(data: bytes) -> dict[str, bytes]:
    return {"gzip": gzip.compress(data), "deflate": zlib.compress(data), "zstd": zstd.compress(data)}


async def post(stage: Stage, path: str, body: bytes, encoding: str, **headers: str) -> httpx.Response:
    fields = {"content-type": "application/json", "content-encoding": encoding} | headers
    return await stage.client.post(stage.url + path, content=body, headers=fields)


@pytest.mark.parametrize("place", [*PATHS, "count"])
async def test_a_compressed_request_is_read_whatever_it_is_compressed_with(
    tmp_path: Path, place: str
) -> None:
    for upstream in ("chat", "messages"):
        directory = tmp_path / upstream
        directory.mkdir()
        async with before(directory, upstream, server='max_body = "1MiB"\n') as stage:
            asked = QUESTIONS.get(place, QUESTIONS["messages"]) | {"stream": False}  # type: ignore[call-overload]
            asked.pop("stream_options", None)
            plain = json.dumps(asked).encode()
            for encoding, body in squeezed(plain).items():
                answer = await post(stage, PLACES[place], body, encoding)
                assert answer.status_code == 200, answer.text
                if stage.provider.seen:
                    assert stage.provider.seen[-1].get(b"content-encoding") is None
                    assert sent(stage.provider.seen[-1])["model"] == MODEL
                if place == upstream:
                    assert stage.provider.seen[-1].body == plain
            count = stage.provider.count
            for encoding, bomb in squeezed(b" " * 3_000_000).items():
                assert (await post(stage, PLACES[place], bomb, encoding)).status_code == 413, encoding
            for encoding, body in squeezed(plain).items():
                for damaged in (body[:-3], body[:10], b"x" + body):
                    answer = await post(stage, PLACES[place], damaged, encoding)
                    assert answer.status_code == 400, (encoding, answer.text)
            assert (await post(stage, PLACES[place], plain, "gzip")).status_code == 400
            for unknown in ("br", "compress", "gzip, sdch"):
                answer = await post(stage, PLACES[place], plain, unknown)
                assert answer.status_code == 415
                assert answer.json()["error"]["type"] == "invalid_request_error"
            assert stage.provider.count == count


async def test_a_compressed_conversation_is_the_same_one(tmp_path: Path) -> None:
    async with before(tmp_path, "chat") as stage:
        body = json.dumps(QUESTIONS["responses"]).encode()
        await post(stage, "/v1/responses", zstd.compress(body), "zstd")
        await post(stage, "/v1/responses", gzip.compress(body), "gzip")
        await ask(stage, "responses")
        rows = await stage.rows()
        assert len({row.conversation for row in rows}) == 1
        assert rows[0].conversation


# Limits


@each_client
async def test_a_translated_request_has_its_place_among_those_that_an_account_may_have(
    tmp_path: Path, client: Client
) -> None:
    release = trio.Event()
    own = {"first": "max_concurrency = 1"}
    async with before(tmp_path, "chat", own=own) as stage, trio.open_nursery() as nursery:
        stage.provider.play("sk-first", Held(release, after_events=5), on="chat")
        answers: list[httpx.Response] = []

        async def one() -> None:
            answers.append(await ask(stage, client, stream=True))

        nursery.start_soon(one)
        await stage.provider.received(1)
        refused = await ask(stage, client, headers={"session-id": "2"})
        assert refused.status_code == 503
        release.set()
        with trio.fail_after(5):
            while not answers:
                await trio.lowlevel.checkpoint()
        await stage.rows()
        assert (await ask(stage, client, headers={"session-id": "3"})).status_code == 200


@each_client
async def test_what_a_translated_request_costs_counts_against_its_accounts_budget(
    tmp_path: Path, client: Client
) -> None:
    prices = f'[pricing."{MODEL}"]\ninput = 1000.0\noutput = 2000.0\n'
    own = {"first": "budget = { daily = 1.5 }"}
    async with before(tmp_path, "chat", "messages", own=own, more=prices) as stage:
        stage.provider.play("sk-first", then=Answer(input_tokens=500, output_tokens=250), on="chat")
        served = []
        for number in range(3):
            answer = await ask(stage, client, stream=number == 0, headers={"session-id": f"{number}"})
            served.append(answer.headers["x-ccflared-account"])
            await stage.rows()
        assert served == ["first", "first", "second"]


@each_client
async def test_an_account_that_is_half_open_is_probed_by_one_request_of_any_dialect(
    tmp_path: Path, client: Client
) -> None:
    release = trio.Event()
    async with before(tmp_path, "chat", "messages") as stage, trio.open_nursery() as nursery:
        stage.provider.play("sk-first", Failing(401), Held(release), on="chat")
        await ask(stage, client)
        elapse(stage, "first", 300.0)
        assert (await stage.account("first"))["state"] == "half-open"
        answers: list[httpx.Response] = []

        async def one() -> None:
            answers.append(await ask(stage, client, headers={"session-id": "1"}))

        nursery.start_soon(one)
        await stage.provider.received(3)
        other = await ask(stage, client, headers={"session-id": "2"})
        assert other.headers["x-ccflared-account"] == "second"
        release.set()
        with trio.fail_after(5):
            while not answers:
                await trio.lowlevel.checkpoint()
        assert answers[0].headers["x-ccflared-account"] == "first"
        assert (await stage.account("first"))["state"] == "ready"


@each_client
async def test_a_client_may_have_the_models_that_it_may_have_in_every_dialect(
    tmp_path: Path, client: Client
) -> None:
    rights = '[clients.some]\nkey = "ck"\nmodels = ["*haiku*"]\naccounts = ["second"]\n'
    async with before(tmp_path, "messages", "chat", more=rights) as stage:
        stage.headers = {"x-api-key": "ck"}
        assert (await ask(stage, client)).status_code == 403
        answer = await ask(stage, client, model="claude-haiku-4-5")
        assert told(client, answer) == HELLO
        assert stage.provider.seen[-1].key == "sk-second"
        assert "x-ccflared-account" not in answer.headers


# Conversations


CONVERSATIONS: list[tuple[Client, dict[str, Any], dict[str, str]]] = [
    ("responses", {}, {"session-id": "codex-1"}),
    ("responses", {"prompt_cache_key": "key-1"}, {}),
    ("chat", {"messages": [{"role": "user", "content": "Hello to you"}]}, {}),
    ("messages", {"messages": [{"role": "user", "content": "Hello to all"}]}, {}),
]


@pytest.mark.parametrize("second", ["chat", "messages"])
async def test_a_conversation_stays_where_it_is_whatever_is_spoken_there(
    tmp_path: Path, second: Upstream
) -> None:
    async with before(tmp_path, "chat", second) as stage:
        stage.running.house.ledger.pause("first", time())
        for client, more, headers in CONVERSATIONS:
            answer = await ask(stage, client, headers=headers, **more)
            assert answer.headers["x-ccflared-account"] == "second"
        stage.running.house.ledger.resume("first", time())
        for client, more, headers in CONVERSATIONS:
            answer = await ask(stage, client, headers=headers, stream=True, **more)
            assert answer.headers["x-ccflared-account"] == "second"
            fresh = await ask(stage, client, headers={"session-id": f"fresh-{client}"})
            assert fresh.headers["x-ccflared-account"] == "first"


@pytest.mark.parametrize("how", ["field", "header"])
async def test_a_conversations_hint_for_the_prompt_cache_is_stable_and_tells_nothing(
    tmp_path: Path, how: str
) -> None:
    quirk = 'cache_field = "prompt_cache_key"' if how == "field" else 'cache_header = "X-Grok-Conv-Id"'
    more = f'[providers.hinted]\ndialect = "openai-chat"\nmodels = {{ "*" = "=" }}\nquirks = {{ {quirk} }}\n'
    async with before(tmp_path, "chat", own={"first": 'provider = "hinted"'}, more=more) as stage:
        stage.provider._allows = frozenset({"prompt_cache_key"})
        hints = []
        for client in ("messages", "responses", "messages", "chat"):
            for session in ("secretive-1", "secretive-1", "secretive-2"):
                fields = {"x-claude-code-session-id" if client == "messages" else "session-id": session}
                answer = await ask(stage, client, headers=fields)
                assert answer.status_code == 200, answer.text
                seen = stage.provider.seen[-1]
                hint = sent(seen).get("prompt_cache_key") if how == "field" else seen.get(b"x-grok-conv-id")
                hints.append(str(hint))
                if client != "chat":
                    assert b"secretive" not in seen.body + b"".join(value for _, value in seen.headers)
        per_client = [hints[at : at + 3] for at in range(0, 12, 3)]
        for one, same, other in per_client[:3]:
            assert one == same != other
            assert len(one) >= 16
        assert per_client[0] == per_client[2]
        # What is passed on has the header, and its body is the client's own.
        assert (per_client[3][0] == "None") == (how == "field")
