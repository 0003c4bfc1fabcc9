import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import trio

from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import (
    Answer,
    Behaviour,
    Cut,
    Cycle,
    Dropped,
    ErrorEvent,
    Failing,
    Held,
    Limited,
    Metered,
    Raw,
    Reset,
    Silent,
    Slow,
    Spending,
    Window,
)

ASK: dict[str, Any] = {
    "model": "claude-sonnet-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hi"}],
}
WEATHER = {
    "name": "weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
    },
}


class Client:
    """An HTTP client of one fake provider, with a key."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def ask(self, key: str = "k", **body: Any) -> httpx.Response:
        return await self.http.post("/v1/messages", json=ASK | body, headers={"x-api-key": key})

    async def events(self, key: str = "k", **body: Any) -> list[dict[str, Any]]:
        return events((await self.ask(key, stream=True, **body)).text)


@asynccontextmanager
async def serving(provider: FakeProvider) -> AsyncIterator[Client]:
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers={"anthropic-version": "2023-06-01"}
        ) as http:
            yield Client(http)
        nursery.cancel_scope.cancel()


def events(text: str) -> list[dict[str, Any]]:
    found = []
    for block in text.split("\n\n")[:-1]:
        name, data = block.split("\n")
        parsed = json.loads(data.removeprefix("data: "))
        assert name == f"event: {parsed['type']}"
        found.append(parsed)
    return found


def kinds(found: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in found]


async def test_a_stream_has_the_events_of_the_real_api_in_their_order() -> None:
    async with serving(FakeProvider(default=Answer(text="one two three", thinking=True))) as client:
        answer = await client.ask(stream=True)
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["request-id"].startswith("req_01")
        assert answer.headers["anthropic-organization-id"]
        found = events(answer.text)
    assert kinds(found)[:3] == ["message_start", "ping", "content_block_start"]
    assert kinds(found)[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    deltas = [event["delta"]["type"] for event in found if event["type"] == "content_block_delta"]
    assert deltas[-3:] == ["signature_delta", "text_delta", "text_delta"]
    assert [event["index"] for event in found if event["type"] == "content_block_start"] == [0, 1]
    text = "".join(
        event["delta"].get("text", "") for event in found if event["type"] == "content_block_delta"
    )
    assert text == "one two three"
    assert found[0]["message"]["usage"]["output_tokens"] == 1
    assert found[-2]["usage"]["output_tokens"] > 1


async def test_the_json_answer_says_the_same_as_the_stream() -> None:
    async with serving(FakeProvider(default=Answer(text="one two three", thinking=True))) as client:
        whole = (await client.ask()).json()
        final = (await client.events())[-2]
    assert [block["type"] for block in whole["content"]] == ["thinking", "text"]
    assert whole["content"][1]["text"] == "one two three"
    assert whole["usage"]["output_tokens"] == final["usage"]["output_tokens"]
    assert whole["stop_reason"] == final["delta"]["stop_reason"] == "end_turn"


async def test_a_tool_is_called_with_input_its_schema_accepts_and_its_result_is_answered_with_text() -> None:
    async with serving(FakeProvider(default=Answer(tool="auto"))) as client:
        found = await client.events(tools=[WEATHER])
        call = next(
            event["content_block"]
            for event in found
            if event["type"] == "content_block_start" and event["index"]
        )
        sent = "".join(
            event["delta"].get("partial_json", "")
            for event in found
            if event["type"] == "content_block_delta"
        )
        assert (call["type"], call["name"]) == ("tool_use", "weather")
        assert json.loads(sent) == {"city": "Paris", "days": 1}
        assert found[-2]["delta"]["stop_reason"] == "tool_use"
        result = {"type": "tool_result", "tool_use_id": call["id"], "content": "sunny"}
        turns = [
            *ASK["messages"],
            {"role": "assistant", "content": [call | {"input": json.loads(sent)}]},
            {"role": "user", "content": [result]},
        ]
        whole = (await client.ask(tools=[WEATHER], messages=turns)).json()
    assert [block["type"] for block in whole["content"]] == ["text"]
    assert whole["stop_reason"] == "end_turn"


async def test_a_tool_choice_of_none_is_obeyed() -> None:
    async with serving(FakeProvider(default=Answer(tool="auto"))) as client:
        whole = (await client.ask(tools=[WEATHER], tool_choice={"type": "none"})).json()
    assert whole["stop_reason"] == "end_turn"


async def test_each_credential_has_its_own_script_played_in_order_and_then_for_ever() -> None:
    provider = FakeProvider()
    provider.play("a", Failing(529), Failing(500), then=Answer(text="steady"))
    async with serving(provider) as client:
        assert [(await client.ask("a")).status_code for _ in range(4)] == [529, 500, 200, 200]
        assert (await client.ask("b")).status_code == 200
        bearer = await client.http.post("/v1/messages", json=ASK, headers={"authorization": "Bearer a"})
        assert bearer.json()["content"][0]["text"] == "steady"
    assert [seen.key for seen in provider.seen] == ["a"] * 4 + ["b", "a"]


async def test_the_same_seed_gives_the_same_bytes() -> None:
    texts = []
    for seed in (7, 7, 8):
        async with serving(FakeProvider(seed=seed)) as client:
            texts.append((await client.ask(stream=True)).text)
    assert texts[0] == texts[1] != texts[2]


async def test_a_limited_plan_answers_429_with_the_unified_headers() -> None:
    provider = FakeProvider(default=Limited(reset_in=3600, claim="seven_day"), clock=lambda: 1_800_000_000.0)
    async with serving(provider) as client:
        answer = await client.ask()
    assert answer.status_code == 429
    assert answer.json()["error"]["type"] == "rate_limit_error"
    prefix = "anthropic-ratelimit-unified-"
    assert answer.headers[f"{prefix}status"] == "rejected"
    assert answer.headers[f"{prefix}7d-status"] == "rejected"
    assert answer.headers[f"{prefix}5h-status"] == "allowed"
    assert answer.headers[f"{prefix}representative-claim"] == "seven_day"
    assert answer.headers[f"{prefix}reset"] == "1800003600"
    assert answer.headers["retry-after"] == "3600"


@pytest.mark.parametrize(
    ("limited", "present", "absent"),
    [
        (Limited(reset_in=None), "content-type", "retry-after"),
        (Limited(retry_after=None), "anthropic-ratelimit-unified-reset", "retry-after"),
        (Limited(retry_after="soon"), "retry-after", "nothing"),
        (Limited(unified=False), "anthropic-ratelimit-requests-reset", "anthropic-ratelimit-unified-reset"),
    ],
)
async def test_a_429_can_leave_out_what_names_its_reset(limited: Limited, present: str, absent: str) -> None:
    async with serving(FakeProvider(default=limited)) as client:
        answer = await client.ask()
    assert present in answer.headers
    assert absent not in answer.headers


async def test_a_metered_plan_says_how_much_is_used_and_refuses_until_its_window_resets() -> None:
    now = [1_800_000_000.0]
    provider = FakeProvider(clock=lambda: now[0])
    provider.play("plan", then=Metered(allowance=2, window=20.0))
    async with serving(provider) as client:
        answers = [await client.ask("plan") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[0].headers["anthropic-ratelimit-unified-5h-utilization"] == "0.50"
        assert answers[1].headers["anthropic-ratelimit-unified-status"] == "allowed_warning"
        assert answers[2].headers["retry-after"] == "20"
        now[0] += 20
        assert (await client.ask("plan")).status_code == 200


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (500, "api_error"),
        (529, "overloaded_error"),
    ],
)
async def test_a_failure_has_the_official_type_of_its_status(status: int, kind: str) -> None:
    async with serving(FakeProvider(default=Failing(status))) as client:
        answer = await client.ask()
    assert (answer.status_code, answer.json()["type"], answer.json()["error"]["type"]) == (
        status,
        "error",
        kind,
    )


async def test_a_failure_can_be_html() -> None:
    page = Failing(502, body=b"<html>bad gateway</html>", content_type="text/html")
    async with serving(FakeProvider(default=page)) as client:
        answer = await client.ask()
    assert (answer.status_code, answer.text) == (502, "<html>bad gateway</html>")


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (ErrorEvent(), ["message_start", "error"]),
        (ErrorEvent(also_start=False), ["error"]),
        (
            ErrorEvent(after_events=4),
            ["message_start", "ping", "content_block_start", "content_block_delta", "error"],
        ),
        (Cut(after_events=3), ["message_start", "ping", "content_block_start"]),
        (Cut(after_events=0), []),
    ],
)
async def test_a_stream_that_ends_badly_but_cleanly_framed(behaviour: Behaviour, expected: list[str]) -> None:
    async with serving(FakeProvider(default=behaviour)) as client:
        assert kinds(await client.events()) == expected


class Line:
    """A bare TCP connection with one streaming request sent."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.got = b""

    async def read(self, events: int | None = None) -> type[BaseException] | None:
        """Read until so many events came, else until the end; return how it broke, None if with FIN."""
        try:
            while events is None or self.got.count(b"event: ") < events:
                more = await self.stream.receive_some()
                if not more:
                    return None
                self.got += more
        except trio.BrokenResourceError as error:
            return type(error.__cause__ or error)
        return None


@asynccontextmanager
async def calling(provider: FakeProvider) -> AsyncIterator[Line]:
    body = json.dumps(ASK | {"stream": True}).encode()
    head = (
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nx-api-key: k\r\nanthropic-version: 2023-06-01\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(head + body)
            with trio.fail_after(5):
                yield Line(stream)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("behaviour", "size", "events", "broken"),
    [
        (Reset(), 0, 0, ConnectionResetError),
        (Reset(after_bytes=40), 40, 0, ConnectionResetError),
        (Reset(after_events=3), None, 3, ConnectionResetError),
        (Dropped(after_events=None), 0, 0, None),
        (Dropped(after_events=3), None, 3, None),
        (Raw(b"what is this"), 12, 0, None),
    ],
)
async def test_a_connection_breaks_where_it_is_told_to(
    behaviour: Behaviour, size: int | None, events: int, broken: type[BaseException] | None
) -> None:
    async with calling(FakeProvider(default=behaviour)) as line:
        assert await line.read() is broken
    assert size is None or len(line.got) == size
    assert line.got.count(b"event: ") == events
    assert b"message_stop" not in line.got
    assert not line.got.endswith(b"\r\n0\r\n\r\n")


async def test_a_dropped_stream_ends_inside_a_chunk() -> None:
    async with calling(FakeProvider(default=Dropped(after_events=3))) as line:
        await line.read()
    before, _, begun = line.got.rpartition(b"\r\n")
    promised = int(before.rpartition(b"\r\n")[2], 16)
    assert 0 < len(begun) < promised


@pytest.mark.parametrize("behaviour", [Silent(after_events=2), Held(trio.Event(), after_events=2)])
async def test_a_peer_that_leaves_in_the_middle_is_noticed_at_once(behaviour: Behaviour) -> None:
    provider = FakeProvider(default=behaviour)
    async with calling(provider) as line:
        assert await line.read(events=2) is None
        seen = await provider.received(1)
        assert not seen.left.is_set()
        before = trio.current_time()
        await line.stream.aclose()
        await seen.left.wait()
    assert seen.left_at is not None
    assert seen.left_at - before < 0.1


async def test_a_peer_that_leaves_a_flowing_stream_is_noticed_too() -> None:
    provider = FakeProvider(default=Answer(events=1_000_000))
    async with calling(provider) as line:
        await line.read(events=100)
        await line.stream.aclose()
        await (await provider.received(1)).left.wait()


async def test_silence_from_the_beginning_gives_not_even_headers() -> None:
    provider = FakeProvider(default=Silent())
    async with calling(provider) as line:
        seen = await provider.received(1)
        with trio.move_on_after(0.05) as waited:
            await line.read()
        assert waited.cancelled_caught
        assert line.got == b""
        await line.stream.aclose()
        await seen.left.wait()


async def test_a_peer_that_has_its_whole_answer_has_not_left() -> None:
    provider = FakeProvider()
    async with serving(provider) as client:
        await client.ask(stream=True)
        await client.ask()
        for seen in provider.seen:
            await seen.ended.wait()
    assert [seen.left.is_set() for seen in provider.seen] == [False, False]


@pytest.mark.parametrize("after_events", [None, 0, 3])
async def test_a_held_answer_goes_on_when_it_is_released(after_events: int | None) -> None:
    release = trio.Event()
    provider = FakeProvider(default=Held(release, after_events))
    async with serving(provider) as client, trio.open_nursery() as nursery:
        got: list[str] = []

        async def ask() -> None:
            got.extend(kinds(await client.events()))

        nursery.start_soon(ask)
        seen = await provider.received(1)
        assert not seen.ended.is_set()
        release.set()
    assert got[-1] == "message_stop"


async def test_a_cycle_takes_turns_and_slowness_wraps_anything() -> None:
    provider = FakeProvider(default=Cycle((Answer(), Slow(0.01, Failing(529)))))
    async with serving(provider) as client:
        assert [(await client.ask()).status_code for _ in range(4)] == [200, 529, 200, 529]


async def test_marked_prompts_are_written_to_the_cache_once_and_read_afterwards() -> None:
    marked = [{"type": "text", "text": "long " * 100, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    async with serving(FakeProvider()) as client:
        first, second = [(await client.ask(system=marked)).json()["usage"] for _ in range(2)]
        other = (await client.ask("other", system=marked)).json()["usage"]
    assert first["cache_creation"]["ephemeral_1h_input_tokens"] == first["cache_creation_input_tokens"] > 0
    assert second["cache_read_input_tokens"] == first["cache_creation_input_tokens"]
    assert other["cache_read_input_tokens"] == 0


async def test_given_token_counts_and_windows_are_sent_as_given() -> None:
    answer = Answer(
        input_tokens=1,
        output_tokens=2,
        cache_read=3,
        cache_write_5m=4,
        cache_write_1h=5,
        five_hour=Window(0.8, 60, "allowed_warning"),
    )
    async with serving(FakeProvider(default=answer)) as client:
        got = await client.ask()
    assert got.headers["anthropic-ratelimit-unified-status"] == "allowed_warning"
    usage = got.json()["usage"]
    assert [usage["input_tokens"], usage["output_tokens"], usage["cache_read_input_tokens"]] == [1, 2, 3]
    assert usage["cache_creation"] == {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 5}


@pytest.mark.parametrize("count", [1, 7, 500])
async def test_a_stream_has_as_many_deltas_as_it_is_told(count: int) -> None:
    async with serving(FakeProvider(default=Answer(text="a few words only", events=count))) as client:
        assert kinds(await client.events()).count("content_block_delta") == count


async def test_compressed_answers_are_decodable_event_by_event() -> None:
    async with serving(FakeProvider(default=Answer(gzip=True))) as client:
        answer = await client.ask(stream=True)
    assert answer.headers["content-encoding"] == "gzip"
    assert kinds(events(answer.text))[-1] == "message_stop"


async def test_tokens_are_counted_and_models_listed() -> None:
    async with serving(FakeProvider()) as client:
        key = {"x-api-key": "k"}
        body = {name: value for name, value in ASK.items() if name != "max_tokens"}
        counted = await client.http.post("/v1/messages/count_tokens", json=body, headers=key)
        listed = (await client.http.get("/v1/models?limit=1000", headers=key)).json()
        one = (await client.http.get(f"/v1/models/{listed['first_id']}", headers=key)).json()
        missing = await client.http.get("/v1/models/nothing", headers=key)
        unknown = await client.http.get("/v1/files", headers=key)
    assert counted.json()["input_tokens"] > 0
    assert one == listed["data"][0]
    assert [(answer.status_code, answer.json()["error"]["type"]) for answer in (missing, unknown)] == [
        (404, "not_found_error")
    ] * 2


async def test_a_head_request_gets_no_body_and_the_connection_is_kept() -> None:
    provider = FakeProvider()
    async with serving(provider) as client:
        assert (await client.http.head("/")).status_code == 404
        assert (await client.http.head("/v1/models", headers={"x-api-key": "k"})).content == b""
        assert (await client.ask()).status_code == 200


async def test_a_script_of_messages_leaves_token_counting_alone_unless_it_is_meant() -> None:
    provider = FakeProvider()
    provider.play("k", then=Failing(529))
    async with serving(provider) as client:
        headers = {"x-api-key": "k"}
        assert (
            await client.http.post("/v1/messages/count_tokens", json=ASK, headers=headers)
        ).status_code == 200
        provider.play("k", then=Limited(), on="count_tokens")
        assert (
            await client.http.post("/v1/messages/count_tokens", json=ASK, headers=headers)
        ).status_code == 429
        assert (await client.ask()).status_code == 529


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda ask: ask.pop("model"), "model: Field required"),
        (lambda ask: ask.pop("max_tokens"), "max_tokens: Field required"),
        (lambda ask: ask.update(messages=[]), "messages: at least one message is required"),
    ],
)
async def test_an_incomplete_request_is_told_what_it_lacks(
    change: Callable[[dict[str, Any]], Any], said: str
) -> None:
    body = dict(ASK)
    change(body)
    async with serving(FakeProvider()) as client:
        answer = await client.http.post("/v1/messages", json=body, headers={"x-api-key": "k"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, said)


async def test_without_a_credential_or_version_it_answers_as_the_api_does() -> None:
    provider = FakeProvider()
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            nobody = await http.post("/v1/messages", json=ASK, headers={"anthropic-version": "2023-06-01"})
            timeless = await http.post("/v1/messages", json=ASK, headers={"x-api-key": "k"})
        nursery.cancel_scope.cancel()
    assert (nobody.status_code, nobody.json()["error"]["type"]) == (401, "authentication_error")
    assert (timeless.status_code, timeless.json()["error"]["message"]) == (
        400,
        "anthropic-version: header is required",
    )


async def test_a_large_body_arrives_whole_and_one_too_large_is_413() -> None:
    provider = FakeProvider(max_body=8 * 1024 * 1024)
    async with serving(provider) as client:
        fits = await client.ask(system="x" * (7 * 1024 * 1024))
        assert fits.status_code == 200
        assert len(provider.seen[-1].body) > 7 * 1024 * 1024
        large = await client.ask(system="x" * (9 * 1024 * 1024))
    assert (large.status_code, large.json()["error"]["type"]) == (413, "request_too_large")


async def test_a_client_that_waits_for_100_continue_gets_it_and_the_connection_is_kept() -> None:
    provider = FakeProvider()
    body = json.dumps(ASK).encode()
    head = (
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nx-api-key: k\r\nanthropic-version: 2023-06-01\r\n"
        b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            for _ in range(2):
                await stream.send_all(head)
                assert await stream.receive_some() == b"HTTP/1.1 100 Continue\r\n\r\n"
                await stream.send_all(body)
                got = b""
                while b'"service_tier": "standard"}}' not in got:
                    got += await stream.receive_some()
                assert got.startswith(b"HTTP/1.1 200 ")
        nursery.cancel_scope.cancel()


async def test_what_was_seen_shows_no_credential() -> None:
    provider = FakeProvider()
    async with serving(provider) as client:
        await client.ask("sk-ant-planted")
    assert "planted" not in repr(provider.seen)
    assert provider.seen[0].get(b"x-api-key") == b"sk-ant-planted"


async def test_only_the_latest_requests_are_remembered_and_all_are_counted() -> None:
    provider = FakeProvider(remember=2)
    async with serving(provider) as client:
        for _ in range(3):
            await client.ask()
    assert (len(provider.seen), provider.count) == (2, 3)


async def test_a_tool_is_called_with_the_input_of_the_script() -> None:
    provider = FakeProvider(default=Answer(tool="weather", tool_input={"city": "Oslo", "days": 3}))
    async with serving(provider) as client:
        answer = (await client.ask(tools=[WEATHER])).json()
        assert answer["content"][-1]["input"] == {"city": "Oslo", "days": 3}


FORMS = {
    "/api/oauth/usage": ("five_hour", "utilization"),
    "/api/monitor/usage/quota/limit": ("data", "limits", 1, "percentage"),
    "/v1/token_plan/remains": ("model_remains", 1, "current_interval_remaining_percent"),
    "/api/subscription/v1/usage": ("daily", "percentUsed"),
    "/api/user": ("microdollars_used",),
}


@pytest.mark.parametrize(("path", "place"), FORMS.items())
async def test_usage_is_told_in_the_form_of_each_provider(path: str, place: tuple[Any, ...]) -> None:
    provider = FakeProvider()
    provider.play("k", Spending(five_hour=Window(0.25, 60.0)), then=Failing(429), on="usage")
    async with serving(provider) as client:
        value = (await client.http.get(path, headers={"authorization": "k"})).json()
        for step in place:
            value = value[step]
        assert value == {"model_remains": 75, "daily": 0.25, "microdollars_used": 2_500_000}.get(place[0], 25)
        assert (await client.http.get(path, headers={"x-api-key": "k"})).status_code == 429
        assert (await client.http.get(path)).status_code == 401


async def test_a_metered_plan_tells_of_its_own_usage() -> None:
    provider = FakeProvider()
    provider.play("k", then=Metered(allowance=4, window=60.0))
    async with serving(provider) as client:
        await client.ask()
        told = await client.http.get("/api/oauth/usage", headers={"authorization": "Bearer k"})
        assert told.json()["five_hour"]["utilization"] == 25.0
