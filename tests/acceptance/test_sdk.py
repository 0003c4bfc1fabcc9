"""The ``anthropic`` SDK, both generations, through the daemon: everything that goes well, and refusals."""

from pathlib import Path

import pytest
import trio

from acceptance.live import asked, kinds, live, traces
from acceptance.sdk import Sdk
from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, Failing, Held, Limited

pytestmark = pytest.mark.acceptance

HELLO = "Good day to you, whoever you are and wherever you sit."
AT_ONCE = 5.0
"""Seconds, on a busy machine; a retry-after is waited out for minutes. How often was asked stands in the rows."""


def saying_hello() -> FakeProvider:
    return FakeProvider(default=Answer(HELLO))


async def test_an_answer_and_both_kinds_of_stream_arrive_whole(sdk: Sdk, tmp_path: Path) -> None:
    async with live(tmp_path, provider=saying_hello()) as scene:
        plain = await sdk.call("create", scene.url)
        helped = await sdk.call("stream", scene.url)
        raw = await sdk.call("events", scene.url)
        assert (plain.raised, helped.raised, raw.raised) == (None, None, None)
        assert plain.text == helped.text == raw.text == HELLO
        assert plain.value["stop_reason"] == helped.value["stop_reason"] == "end_turn"
        assert helped.value["streamed"] == HELLO
        assert helped.value["parts"] > 3
        assert raw.value["types"][0] == "message_start"
        assert raw.value["types"][-1] == "message_stop"
        rows = await scene.rows()
        assert [(row.outcome, row.status, row.account, row.stream) for row in rows] == [
            ("complete", 200, "first", False),
            ("complete", 200, "first", True),
            ("complete", 200, "first", True),
        ]
        assert [row.tokens.output for row in rows[:2]] == [
            plain.value["output_tokens"],
            helped.value["output_tokens"],
        ]
        assert {row.model for row in rows} == {"claude-sonnet-5"}
        assert all(row.user_agent and sdk.version in row.user_agent for row in rows)


@pytest.mark.parametrize("streaming", [False, True], ids=["plain", "stream"])
async def test_a_tool_is_called_and_its_result_goes_back(sdk: Sdk, tmp_path: Path, streaming: bool) -> None:
    provider = FakeProvider(default=Answer(HELLO, tool="weather", tool_input={"city": "Paris"}))
    async with live(tmp_path, provider=provider) as scene:
        done = await sdk.call("tool", scene.url, streaming=streaming)
        assert done.raised is None, done.said
        assert (done.value["called"], done.value["input"]) == ("weather", {"city": "Paris"})
        assert (done.value["first_stop"], done.value["stop_reason"]) == ("tool_use", "end_turn")
        assert done.text == HELLO
        result = asked(provider.seen[1])["messages"][-1]["content"][0]
        assert (result["type"], result["content"]) == ("tool_result", "It rains.")
        rows = await scene.rows()
        assert [(row.outcome, row.stop_reason) for row in rows] == [
            ("complete", "tool_use"),
            ("complete", "end_turn"),
        ]


async def test_tokens_are_counted_and_models_listed(sdk: Sdk, tmp_path: Path) -> None:
    async with live(tmp_path) as scene:
        counted = await sdk.call("count", scene.url)
        assert counted.value["input_tokens"] > 0
        models = await sdk.call("models", scene.url, model="claude-haiku-4-5")
        assert models.raised is None, models.said
        assert "claude-haiku-4-5" in models.value["ids"]
        assert models.value["one"] == "claude-haiku-4-5"
        unknown = await sdk.call("models", scene.url, model="claude-of-nobody")
        assert unknown.raised == "NotFoundError"
        assert "model: claude-of-nobody" in unknown.said
        rows = await scene.rows()
        assert [(row.method, row.path, row.status, row.outcome) for row in rows] == [
            ("POST", "/v1/messages/count_tokens", 200, "complete"),
            ("GET", "/v1/models", 200, "complete"),
            ("GET", "/v1/models/claude-haiku-4-5", 200, "complete"),
            ("GET", "/v1/models", 200, "complete"),
            ("GET", "/v1/models/claude-of-nobody", 404, "complete"),
        ]


async def test_the_asynchronous_client_streams_several_answers_at_once(sdk: Sdk, tmp_path: Path) -> None:
    provider = FakeProvider(default=Answer(HELLO, interval=0.02))
    async with live(tmp_path, provider=provider) as scene:
        done = await sdk.call("many", scene.url, number=8)
        assert done.raised is None, done.said
        assert [answer["text"] for answer in done.value["answers"]] == [HELLO] * 8
        rows = await scene.rows()
        assert [row.outcome for row in rows] == ["complete"] * 8


async def test_the_request_goes_upstream_as_the_client_made_it_with_the_accounts_key_for_the_clients(
    sdk: Sdk, tmp_path: Path
) -> None:
    own = {"cookie": "session=of-the-client", "x-ccflared-project": "acceptance", "x-team": "red"}
    async with live(tmp_path) as scene:
        done = await sdk.call(
            "beta",
            scene.url,
            key="secret-of-the-client",
            betas=["one-2025-01-01", "two-2025-02-02"],
            extra_query={"trace": "a b"},
            default_headers=own,
        )
        assert done.raised is None, done.said
        (seen,) = scene.provider.seen
        assert seen.key == "sk-first"
        for secret in ("of-the-client", "x-ccflared", "cookie", "acceptance"):
            assert not traces(seen, secret), secret
        versions = {"0.x": b"2023-06-01", "2.x": b"2026-10-21"}
        assert seen.get(b"anthropic-version") == versions[sdk.generation]
        assert seen.get(b"anthropic-beta") == b"one-2025-01-01,two-2025-02-02"
        assert seen.get(b"x-team") == b"red"
        queries = {"0.x": "beta=true&trace=a+b", "2.x": "trace=a%20b"}
        assert seen.target == f"/v1/messages?{queries[sdk.generation]}"
        assert asked(seen)["messages"] == [{"role": "user", "content": "Say hello."}]
        (row,) = await scene.rows()
        assert row.project == "acceptance"


@pytest.mark.parametrize("as_token", [False, True], ids=["api_key", "auth_token"])
async def test_a_client_key_is_accepted_in_either_form_and_a_wrong_one_refused_at_once(
    sdk: Sdk, tmp_path: Path, as_token: bool
) -> None:
    more = '[clients.laptop]\nkey = "ck-right"\n[clients.phone]\nkey = ["ck-older", "ck-newer"]\n'
    async with live(tmp_path, more=more) as scene:
        for key in ("ck-right", "ck-newer"):
            right = await sdk.call("create", scene.url, key=key, as_token=as_token)
            assert right.raised is None, right.said
        for what in ("create", "stream", "count"):
            wrong = await sdk.call(what, scene.url, key="ck-wrong", as_token=as_token)
            assert (wrong.raised, wrong.status) == ("AuthenticationError", 401)
            assert wrong.value["body"]["error"]["type"] == "authentication_error"
            assert wrong.seconds < AT_ONCE
        assert scene.keys == ["sk-first", "sk-first"]
        assert not any(traces(seen, "ck-") for seen in scene.provider.seen)
        rows = await scene.rows()
        assert [row.client for row in rows] == ["laptop", "phone"]


async def test_the_daemon_may_be_mounted_below_a_path(sdk: Sdk, tmp_path: Path) -> None:
    more = '[clients.laptop]\nkey = "ck-right"\n'
    async with live(
        tmp_path, server='base_path = "/ccflared"\n', more=more, provider=saying_hello()
    ) as scene:
        for url in (f"{scene.url}/ccflared", f"{scene.url}/ccflared/"):
            done = await sdk.call("stream", url, key="ck-right")
            assert (done.raised, done.text) == (None, HELLO)
        outside = await sdk.call("create", scene.url, key="ck-right")
        assert (outside.raised, outside.status) == ("NotFoundError", 404)
        assert [seen.target for seen in scene.provider.seen] == ["/v1/messages"] * 2


async def test_the_upstreams_own_words_about_a_bad_request_reach_the_caller(sdk: Sdk, tmp_path: Path) -> None:
    words = "messages.0.content.1: image exceeds 5 MB maximum"
    async with live(tmp_path) as scene:
        scene.provider.play("sk-first", then=Failing(400, message=words))
        for what in ("create", "stream"):
            refused = await sdk.call(what, scene.url)
            assert (refused.raised, refused.status) == ("BadRequestError", 400)
            assert refused.value["body"]["error"] == {"type": "invalid_request_error", "message": words}
        assert scene.keys == ["sk-first"] * 2
        rows = await scene.rows()
        assert [(row.outcome, row.status, row.account) for row in rows] == [("complete", 400, "first")] * 2


async def test_what_ccflared_itself_refuses_has_the_class_the_api_would_give_it(
    sdk: Sdk, tmp_path: Path
) -> None:
    more = '[clients.laptop]\nkey = "ck"\nmodels = ["claude-*"]\n'
    async with live(tmp_path, server='max_body = "1MiB"\n', more=more) as scene:
        long = [{"role": "user", "content": "x" * 3_000_000}]
        large = await sdk.call("create", scene.url, key="ck", messages=long)
        # Each generation has another name for it.
        assert large.status == 413, large.said
        assert "APIStatusError" in large.kinds
        assert large.seconds < AT_ONCE
        other = await sdk.call("create", scene.url, key="ck", model="gpt-6")
        assert (other.raised, other.status) == ("PermissionDeniedError", 403)
        assert other.seconds < AT_ONCE
        batches = await sdk.call("batches", scene.url, key="ck")
        assert (batches.raised, batches.status) == ("NotFoundError", 404)
        assert scene.keys == []
        rows = await scene.rows()
        assert [(row.outcome, row.status) for row in rows] == [("refused", 413), ("refused", 403)]


async def test_when_all_accounts_are_limited_for_long_the_caller_hears_it_at_once(
    sdk: Sdk, tmp_path: Path
) -> None:
    async with live(tmp_path) as scene:
        scene.provider.play("sk-first", then=Limited(reset_in=600))
        scene.provider.play("sk-second", then=Limited(reset_in=300))
        for what in ("create", "stream"):
            limited = await sdk.call(what, scene.url)
            assert (limited.raised, limited.status) == ("RateLimitError", 429)
            assert limited.value["body"]["error"]["type"] == "rate_limit_error"
            assert "All 2 accounts have reached a limit" in limited.said
            assert limited.seconds < AT_ONCE
        rows = await scene.rows()
        assert [kinds(row) for row in rows] == [[("first", "limit"), ("second", "limit")], []]
        assert {(row.outcome, row.status) for row in rows} == {("refused", 429)}


async def test_when_all_accounts_are_limited_for_a_moment_the_sdk_waits_it_out(
    sdk: Sdk, tmp_path: Path
) -> None:
    provider = saying_hello()
    async with live(tmp_path, provider=provider) as scene:
        provider.play("sk-first", Limited(reset_in=2))
        provider.play("sk-second", Limited(reset_in=2))
        done = await sdk.call("create", scene.url)
        assert done.raised is None, done.said
        assert done.text == HELLO
        assert 1.5 < done.seconds < 6
        rows = await scene.rows()
        assert [(row.outcome, row.status) for row in rows] == [("refused", 429), ("complete", 200)]


async def test_when_all_accounts_fail_the_caller_gets_a_server_error(sdk: Sdk, tmp_path: Path) -> None:
    async with live(tmp_path) as scene:
        for key in ("sk-first", "sk-second"):
            scene.provider.play(key, then=Failing(500))
        failed = await sdk.call("create", scene.url, max_retries=0)
        assert "InternalServerError" in failed.kinds
        assert failed.status == 503
        assert failed.value["body"]["error"]["type"] == "overloaded_error"
        (row,) = await scene.rows()
        assert (row.outcome, row.status) == ("refused", 503)
        assert kinds(row) == [("first", "server error"), ("second", "server error")]


async def test_a_caller_that_leaves_a_stream_ends_the_upstreams_work(sdk: Sdk, tmp_path: Path) -> None:
    provider = FakeProvider(default=Held(trio.Event(), after_events=6))
    async with live(tmp_path, provider=provider) as scene:
        left = await sdk.call("leave", scene.url, after=4)
        assert left.raised is None, left.said
        with trio.fail_after(AT_ONCE):
            await provider.seen[0].left.wait()
        (row,) = await scene.rows()
        assert (row.outcome, row.account, kinds(row)) == ("client_gone", "first", [("first", "served")])


def _without_pings(types: list[str]) -> list[str]:
    return [kind for kind in types if kind != "ping"]


async def test_pings_that_fill_an_upstreams_silence_disturb_no_stream(sdk: Sdk, tmp_path: Path) -> None:
    provider = FakeProvider(default=Answer(HELLO, interval=0.15, events=3))
    async with live(tmp_path, provider=provider, more='[routing]\nping_after = "50ms"\n') as scene:
        raw = await sdk.call("events", scene.url)
        helped = await sdk.call("stream", scene.url)
        assert (raw.raised, helped.raised) == (None, None)
        assert raw.text == helped.text == HELLO
        kept = _without_pings(raw.value["types"])
        assert kept == [
            "message_start",
            "content_block_start",
            *["content_block_delta"] * 3,
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
        rows = await scene.rows()
        assert [row.outcome for row in rows] == ["complete"] * 2
