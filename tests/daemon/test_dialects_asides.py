"""What clients ask beside answers, of accounts of either dialect: how many tokens, and which models there are."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from dialects import MODEL, PATHS, QUESTIONS, Client, answered, ask, before, each_client, sent, told
from rest import call
from stage import Stage
from upstreams import Link, far

from ccflared.daemon import catalog
from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import HELLO, Answer, Failing, Held, Limited

COUNT, MODELS = "/v1/messages/count_tokens", "/v1/models"
LONG: dict[str, Any] = {
    "messages": [{"role": "user", "content": "A word that is known, and then another one. " * 60}]
}
ADMIN = '[admin]\ntoken = "the-admin-token"\n'


async def count(stage: Stage, **more: Any) -> int:
    answer = await stage.client.post(
        stage.url + COUNT, json=QUESTIONS["messages"] | more, headers=stage.headers
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers.get("x-ccflared-estimate") == "true"
    assert answer.json().keys() == {"input_tokens"}
    return int(answer.json()["input_tokens"])


async def test_tokens_are_estimated_for_an_account_that_cannot_count_them(tmp_path: Path) -> None:
    async with before(tmp_path, "chat") as stage:
        few, many = await count(stage), await count(stage, **LONG)
        assert 0 < few < 30 < many
        picture = {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "A" * 400_000},
        }
        with_picture = await count(stage, messages=[{"role": "user", "content": [picture]}])
        assert few < with_picture < 20_000
        assert stage.provider.count == 0
        rows = await stage.rows()
        assert [(row.outcome, row.status, row.path) for row in rows] == [("complete", 200, COUNT)] * 3
        assert [each.kind for each in rows[0].attempts] == ["estimated"]
        assert (rows[0].account, rows[0].cost, rows[0].tokens.input) == ("first", None, None)
        assert (await stage.account("first"))["state"] == "ready"


async def test_tokens_are_counted_by_an_account_that_can(tmp_path: Path) -> None:
    async with before(tmp_path, "messages", "chat") as stage:
        stage.provider.play("sk-first", Answer(input_tokens=77), on="count_tokens")
        answer = await stage.client.post(stage.url + COUNT, json=QUESTIONS["messages"])
        assert answer.json() == {"input_tokens": 77}
        assert "x-ccflared-estimate" not in answer.headers


async def test_estimates_become_better_by_what_was_served_and_keep_that_under_another_name(
    tmp_path: Path,
) -> None:
    async with before(tmp_path, "chat", more=ADMIN) as stage:
        stage.provider.play("sk-first", then=Answer(input_tokens=1500), on="chat")
        first = await count(stage, **LONG)
        other = await count(stage, **LONG, model="claude-opus-4-5")
        assert first < 1300
        for stream in (True, False, True):
            assert (await ask(stage, "messages", stream=stream, **LONG)).status_code == 200
        await stage.rows()
        second = await count(stage, **LONG)
        assert first < second <= 1500
        assert second > 1200
        assert await count(stage, **LONG, model="claude-opus-4-5") == other
        stage.headers = {"authorization": "Bearer the-admin-token"}
        renamed = await call(stage, "POST", "/api/accounts/first/rename", {"name": "third"})
        assert renamed.status_code == 200, renamed.text
        assert (await stage.account("third"))["state"] == "ready"
        assert await count(stage, **LONG) == second


async def test_a_burst_of_counts_is_answered_though_the_account_rests(tmp_path: Path) -> None:
    async with before(tmp_path, "chat", own={"first": "max_concurrency = 1"}) as stage:
        stage.provider.play("sk-first", Limited(600.0), on="chat")
        await ask(stage, "messages")
        counts: list[int] = []

        async def one() -> None:
            counts.append(await count(stage, **LONG))

        async with trio.open_nursery() as nursery:
            for _ in range(26):
                nursery.start_soon(one)
        assert len(counts) == 26
        assert len(set(counts)) == 1
        assert stage.provider.count == 1


async def test_what_cannot_be_counted_is_a_400(tmp_path: Path) -> None:
    async with before(tmp_path, "chat") as stage:
        for body in (
            b"",
            b"{",
            b"[]",
            b"null",
            b'{"model":"m"}',
            b'{"model":"m","messages":7}',
            b'{"messages":[]}',
        ):
            answer = await stage.client.post(stage.url + COUNT, content=body)
            assert answer.status_code == 400, body
            assert answer.json()["error"]["type"] == "invalid_request_error"
        deep = b'{"model":"m","messages":' + b"[" * 100_000
        assert (await stage.client.post(stage.url + COUNT, content=deep)).status_code == 400


# Which models there are


async def listed(stage: Stage, query: str = "", **headers: str) -> list[str]:
    answer = await stage.client.get(stage.url + MODELS + query, headers=stage.headers | headers)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    ids = [each["id"] for each in document["data"]]
    assert document["object"] == "list"
    assert (document["first_id"], document["last_id"]) == ((ids[0], ids[-1]) if ids else (None, None))
    assert all(each["object"] == each["type"] == "model" or True for each in document["data"])
    return ids


async def test_all_models_of_all_accounts_are_listed_with_their_aliases(tmp_path: Path) -> None:
    async with before(tmp_path, "messages", "chat") as stage:
        ids = await listed(stage)
        assert {
            "claude-sonnet-5",
            "gpt-4.1",
            "claude-gpt-4.1",
            "moonshot/kimi-k3",
            "claude-moonshot/kimi-k3",
        } <= {*ids}
        assert len(ids) == len({*ids})
        assert stage.provider.count == 2
        assert {*await listed(stage, x="1")} == {*ids}
        assert stage.provider.count == 2  # it is remembered
        for seen in stage.provider.seen:
            assert seen.key in {"sk-first", "sk-second"}
        walked: list[str] = []
        while len(walked) < len(ids):
            walked += await listed(stage, f"?limit=3{f'&after_id={walked[-1]}' if walked else ''}")
        assert walked == ids
        assert (await stage.client.get(stage.url + MODELS + "?limit=0")).status_code == 400
        for name in ("gpt-4.1", "claude-gpt-4.1", "moonshot%2Fkimi-k3", "claude-moonshot/kimi-k3"):
            one = await stage.client.get(f"{stage.url}{MODELS}/{name}")
            assert one.json()["id"] == name.replace("%2F", "/")
        for name in ("..%2Fmessages", "%2e%2e%2Fx", "a%2F..%2Fx", "a%2F%2Fx", "a/../x", "%2F"):
            raw = f"GET {MODELS}/{name} HTTP/1.1\r\nhost: [::1]\r\nconnection: close\r\n\r\n"
            stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
            async with stream:
                await stream.send_all(raw.encode())
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 400"), name
        missing = await stage.client.get(f"{stage.url}{MODELS}/gpt-17")
        assert missing.status_code == 404
        assert missing.json()["error"]["message"]


@each_client
async def test_an_alias_asks_for_what_it_stands_for(tmp_path: Path, client: Client) -> None:
    rights = '[clients.some]\nkey = "ck"\nmodels = ["gpt-4*"]\n' + ADMIN
    async with before(tmp_path, "chat", more=rights) as stage:
        stage.headers = {"authorization": "Bearer ck"}
        assert {*await listed(stage)} == {"gpt-4.1", "claude-gpt-4.1"}
        for stream in (False, True):
            answer = await ask(stage, client, stream=stream, model="claude-gpt-4.1")
            assert told(client, answer) == HELLO
            assert sent(stage.provider.seen[-1])["model"] == "gpt-4.1"
        row = next(row for row in await stage.rows() if row.path == PATHS[client])
        assert (row.model, row.attempts[0].model, row.served_model) == (
            "claude-gpt-4.1",
            "gpt-4.1",
            "gpt-4.1",
        )
        for model in ("claude-gpt-5.5", "gpt-5.5", MODEL):
            assert (await ask(stage, client, model=model)).status_code == 403
        assert (await count(stage, model="claude-gpt-4.1")) > 0
        explained = await stage.client.get(
            stage.url + "/api/explain?model=claude-gpt-4.1&client=some",
            headers={"authorization": "Bearer the-admin-token"},
        )
        assert explained.json()["model"] == "gpt-4.1"
        assert [each["account"] for each in explained.json()["candidates"]] == ["first"]


async def test_a_pin_lists_the_models_of_its_account_alone(tmp_path: Path) -> None:
    async with before(tmp_path, "messages", "chat") as stage:
        ids = await listed(stage, **{"x-ccflared-account": "first"})
        assert "claude-sonnet-5" in ids
        assert not any("gpt" in name for name in ids)


async def test_a_model_that_nobody_has_is_not_found_in_words_that_every_sdk_reads(tmp_path: Path) -> None:
    async with before(tmp_path, "chat") as stage:
        answer = await stage.client.get(stage.url + "/v1/models/gpt-of-nobody")
        assert answer.status_code == 404
        error = answer.json()["error"]
        assert (answer.json()["type"], error["type"]) == ("error", "not_found_error")
        assert "gpt-of-nobody" in error["message"]


async def test_a_name_that_two_maps_know_is_listed_once_and_served_by_the_first(tmp_path: Path) -> None:
    own = {
        "first": 'models = { "big" = "gpt-4.1" }',
        "second": 'models = { "big" = "claude-sonnet-4-5" }',
    }
    async with before(tmp_path, "chat", "messages", own=own) as stage:
        ids = await listed(stage)
        assert (ids.count("big"), ids.count("claude-big")) == (1, 1)
        for name, account, called in (("big", "first", "gpt-4.1"), ("claude-big", "first", "gpt-4.1")):
            answer = await ask(stage, "messages", model=name)
            assert answer.headers["x-ccflared-account"] == account
            assert sent(stage.provider.seen[-1])["model"] == called
        stage.provider.play("sk-first", then=Failing(500), on="chat")
        answer = await ask(stage, "messages", model="claude-big", headers={"session-id": "1"})
        assert answer.headers["x-ccflared-account"] == "second"
        assert sent(stage.provider.seen[-1])["model"] == "claude-sonnet-4-5"


async def test_a_provider_that_does_not_tell_is_left_out_and_no_account_suffers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "_WITHIN", 0.2)
    asked = 0

    async def mute(link: Link) -> None:
        nonlocal asked
        await link.request()
        asked += 1
        await link.closed()

    async with far(mute) as place:
        own = {"first": f'base_url = "http://127.0.0.1:{place.port}"'}
        async with before(tmp_path, "messages", "chat", "messages", own=own) as stage:
            stage.provider.play("sk-third", Failing(500), on="models")
            several: list[list[str]] = []

            async def one() -> None:
                several.append(await listed(stage))

            began = trio.current_time()
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(one)
            assert trio.current_time() - began < 2.0
            assert all({"gpt-4.1", "claude-gpt-4.1"} <= {*ids} for ids in several)
            assert (asked, stage.provider.count) == (1, 2)
            for name in ("first", "second", "third"):
                assert (await stage.account(name))["state"] == "ready"


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'{"data":7}', b'{"data":[7,{"id":8},{"id":""}]}', b"\xff", b"[" * 99_999]
)
async def test_a_list_that_is_none_hurts_nobody(tmp_path: Path, body: bytes) -> None:
    async with before(tmp_path, "chat", "messages") as stage:
        stage.provider.play("sk-first", answered(body), on="models")
        assert "claude-sonnet-5" in await listed(stage)


async def test_a_list_outlives_a_new_name_and_is_asked_for_anew_after_a_restart(tmp_path: Path) -> None:
    async with before(tmp_path, "chat", more=ADMIN) as stage:
        stage.headers = {"authorization": "Bearer the-admin-token"}
        ids = await listed(stage)
        assert stage.provider.count == 1
        assert (await call(stage, "POST", "/api/accounts/first/rename", {"name": "other"})).status_code == 200
        assert await listed(stage) == ids
        assert (await ask(stage, "messages", model="claude-gpt-4.1")).status_code == 200
        text = stage.config.read_text()
        stage.edit(text.replace("sk-first", "sk-fresh"))
        assert (await stage.running.reloads.reload("command")).applied
        assert await listed(stage) == ids
        assert stage.provider.seen[-1].key == "sk-fresh"


# The daemon's own requests


@pytest.mark.parametrize(
    ("models", "called"),
    [
        ('models = { haiku = "gpt-4.1" }', "gpt-4.1"),
        ('models = { "gpt-5*" = "=", "*" = "moonshot/kimi-k3" }', "moonshot/kimi-k3"),
        ('models = { "big" = "moonshot/kimi-k3" }', "moonshot/kimi-k3"),
    ],
)
async def test_an_account_of_any_dialect_can_be_tested(tmp_path: Path, models: str, called: str) -> None:
    async with before(tmp_path, "chat", own={"first": models}, more=ADMIN) as stage:
        stage.headers = {"authorization": "Bearer the-admin-token"}
        refusal = Failing(400, message="Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.")
        stage.provider.play("sk-first", Answer(), refusal, on="chat")
        for _ in range(2):
            answer = await call(stage, "POST", "/api/accounts/first/test")
            assert answer.json()["success"], answer.text
        assert [seen.target for seen in stage.provider.seen] == [PATHS["chat"]] * 3
        assert sent(stage.provider.seen[0])["model"] == called
        rows = await stage.rows()
        assert [(row.origin, row.outcome) for row in rows] == [("test", "complete")] * 2
        assert rows[0].tokens.output


async def test_who_waits_for_a_list_asks_for_it_where_the_one_who_did_has_left(tmp_path: Path) -> None:
    async with before(tmp_path, "chat") as stage:
        stage.provider.play("sk-first", Held(trio.Event()), on="models")
        with trio.move_on_after(5):
            async with trio.open_nursery() as nursery:
                leaving = trio.CancelScope()

                async def first() -> None:
                    with leaving:
                        async with httpx.AsyncClient() as client:
                            await client.get(stage.url + MODELS)

                async def second() -> None:
                    assert "gpt-5.5" in await listed(stage)
                    nursery.cancel_scope.cancel()

                nursery.start_soon(first)
                await stage.provider.received(1)
                nursery.start_soon(second)
                await trio.sleep(0.2)
                leaving.cancel()
            return
        raise AssertionError("nobody was told")


BUDGETED = """
[clients.c]
key = "ck-cccccccccccccccc"
budget = { daily = 0.05, counts = "value" }
[pricing."gpt-4.1"]
input = 5.0
output = 25.0
"""


@pytest.mark.parametrize("more", [{}, {"n": 2}, {"leaves": True}])
async def test_a_budget_counts_prompts_of_streams_that_tell_no_usage(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    async with before(tmp_path, "chat", more=BUDGETED, provider=FakeProvider()) as stage:
        stage.headers = {"authorization": "Bearer ck-cccccccccccccccc"}
        leaves = "leaves" in more
        body = {
            "model": "gpt-4.1",
            "stream": True,
            "messages": [{"role": "user", "content": "A word. " * 20_000}],
            **({} if leaves else more),
        }
        if leaves:
            stage.provider.play("sk-first", Held(trio.Event(), after_events=3), on="chat")
            # As a socket, since a client of httpx that leaves in the middle is told off for it.
            content = json.dumps(body).encode()
            head = f"POST {PATHS['chat']} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(content)}\r\n"
            key = f"authorization: {stage.headers['authorization']}\r\n\r\n"
            async with await trio.open_tcp_stream(
                "127.0.0.1", int(stage.url.rpartition(":")[2])
            ) as connection:
                await connection.send_all(head.encode() + key.encode() + content)
                assert b" 200 " in await connection.receive_some()
        else:
            answer = await stage.client.post(stage.url + PATHS["chat"], json=body, headers=stage.headers)
            assert answer.status_code == 200
        row = (await stage.rows())[-1]
        assert (row.tokens.input, row.cost) == (None, None)
        again = await stage.client.post(stage.url + PATHS["chat"], json=body, headers=stage.headers)
        assert again.status_code == 429, again.text
        assert "daily budget" in again.json()["error"]["message"]
