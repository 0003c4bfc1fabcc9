"""Errors in the client's dialect, whoever makes them, and what is tried again in other words."""

import json
import math
from pathlib import Path
from time import time
from typing import Any

import httpx
import pytest
import trio
from dialects import (
    MODEL,
    PATHS,
    QUESTIONS,
    ROLE,
    STARTED,
    Client,
    Upstream,
    answered,
    ask,
    before,
    each_client,
    each_crossing,
    sent,
    streamed,
    told,
)
from stage import Stage

from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import HELLO, Answer, Behaviour, Failing, Held, Limited

OTHER: dict[Upstream, Upstream] = {"chat": "messages", "messages": "chat"}
QUICK = '[routing]\noverload_retry = { attempts = 1, delay = "10ms" }\n'


def error_of(client: Client, answer: httpx.Response) -> tuple[str, str | None, str]:
    """Return type, code and message of an error that is in the client's dialect in every way."""
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert answer.headers["x-ccflared-request-id"].startswith("req_")
    ours = answer.headers["request-id" if client == "messages" else "x-request-id"]
    assert ours.startswith("req_")
    error = document["error"]
    if client == "messages":
        assert document.keys() == {"type", "error", "request_id"}
        assert document["type"] == "error"
        assert document["request_id"] == answer.headers["x-ccflared-request-id"]
        assert error.keys() == {"type", "message"}
        return error["type"], None, error["message"]
    assert document.keys() == {"error"}
    assert error.keys() == {"message", "type", "param", "code"}
    return error["type"], error["code"], error["message"]


# An upstream's status, and what clients of both families are told when nobody else can serve: status, type, code.
CONVERTED: list[tuple[Behaviour, tuple[int, str], tuple[int, str]]] = [
    (Failing(400, message="odd: no"), (400, "invalid_request_error"), (400, "invalid_request_error")),
    (Failing(422, message="odd: no"), (400, "invalid_request_error"), (400, "invalid_request_error")),
    (Failing(409, message="odd: no"), (400, "invalid_request_error"), (400, "invalid_request_error")),
    (Failing(413, message="odd: no"), (413, "request_too_large"), (413, "invalid_request_error")),
    (Failing(402, message="odd: no"), (402, "billing_error"), (402, "insufficient_quota")),
    (Failing(403, message="odd: no"), (403, "permission_error"), (403, "invalid_request_error")),
    (
        Failing(404, kind="not_found_error", message="odd: no"),
        (404, "not_found_error"),
        (404, "invalid_request_error"),
    ),
    (
        Failing(400, message="This model's maximum context length is 9 tokens. odd: no"),
        (400, "invalid_request_error"),
        (400, "invalid_request_error"),
    ),
]


@each_crossing
async def test_an_upstreams_refusal_is_told_in_the_clients_dialect(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    async with before(tmp_path, upstream, more=QUICK) as stage:
        for behaviour, anthropic, openai in CONVERTED:
            stage.running.house.ledger._standings.clear()
            stage.provider.play("sk-first", behaviour, on=upstream)
            answer = await ask(stage, client, stream=True)
            status, kind = anthropic if client == "messages" else openai
            given, code, message = error_of(client, answer)
            assert (answer.status_code, given) == (status, kind), behaviour
            assert "odd: no" in message
            if "context" in message:
                assert "prompt is too long" in message
                assert code in {None, "context_length_exceeded"}
            assert answer.headers["x-ccflared-attempts"] == "1"
            assert "openai-version" not in answer.headers
            row = (await stage.rows())[-1]
            assert (row.outcome, row.status) == ("complete", status)


UNSERVED: list[tuple[Behaviour, int, str]] = [
    (Limited(30.0, unified=False), 429, "rate_limit_error"),
    (Limited(None, retry_after=17.0), 429, "rate_limit_error"),
    (Failing(401), 503, "overloaded_error"),
    (Failing(500), 503, "overloaded_error"),
    (Failing(502, body=b"<html>sk-first", content_type="text/html"), 503, "overloaded_error"),
    (Failing(503, headers=((b"retry-after", b"9"),)), 503, "overloaded_error"),
    (Failing(504), 503, "overloaded_error"),
    (Failing(529), 503, "overloaded_error"),
]


@each_crossing
async def test_a_fault_of_the_account_is_told_in_the_daemons_words(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    async with before(tmp_path, upstream, more=QUICK) as stage:
        for behaviour, status, kind in UNSERVED:
            stage.running.house.ledger._standings.clear()
            stage.provider.play("sk-first", then=behaviour, on=upstream)
            answer = await ask(stage, client)
            given, _, message = error_of(client, answer)
            assert answer.status_code == status, behaviour
            wanted = {"overloaded_error": "server_error"}.get(kind, kind) if client != "messages" else kind
            assert given == wanted
            assert "retry-after" in answer.headers
            if isinstance(behaviour, Limited):
                assert int(answer.headers["retry-after"]) in (
                    range(28, 32) if behaviour.reset_in else (16, 17)
                )
            assert "<html" not in message
            assert (await stage.rows())[-1].outcome == "refused"


@each_crossing
@pytest.mark.parametrize(
    ("field", "told_after"),
    [
        ((b"retry-after", b"12"), range(12, 13)),
        ((b"retry-after-ms", b"12000"), range(11, 13)),
    ],
    ids=["seconds", "milliseconds"],
)
async def test_a_refusal_that_is_passed_on_keeps_its_wait(
    tmp_path: Path, client: Client, upstream: Upstream, field: tuple[bytes, bytes], told_after: range
) -> None:
    async with before(tmp_path, upstream) as stage:
        refusal = Failing(402, message="Pay", headers=(field,))
        stage.provider.play("sk-first", refusal, on=upstream)
        answer = await ask(stage, client)
        assert answer.status_code == 402
        waits = {name: value for name, value in answer.headers.items() if name.startswith("retry-after")}
        assert waits, answer.headers
        assert all(int(v) in told_after or math.ceil(int(v) / 1000) in told_after for v in waits.values())


@each_crossing
async def test_an_accounts_key_that_its_upstream_repeats_is_masked(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    own = {"first": 'api_key = "sk-long-enough-to-be-a-key"'}
    words = "You sent sk-long-enough-to-be-a-key here"
    late = json.dumps({"type": "error", "error": {"type": "api_error", "message": words}}).encode()
    async with before(tmp_path, upstream, own=own, more=QUICK) as stage:
        begun = ROLE if upstream == "chat" else STARTED
        for behaviour in (
            Failing(400, message=words),
            Failing(400, body=words.encode(), content_type="text/plain"),
            Failing(402, message=words, headers=((b"x-echo", b"sk-long-enough-to-be-a-key"),)),
            streamed(begun + b"event: error\ndata: " + late + b"\n\n"),
        ):
            stage.running.house.ledger._standings.clear()
            stage.provider.play("sk-long-enough-to-be-a-key", behaviour, on=upstream)
            answer = await ask(stage, client, stream=True)
            assert answer.status_code >= 400
            assert "sk-long" not in answer.text
            assert "sk-long" not in str(answer.headers)
            assert "sk-long" not in str((await stage.rows())[-1])


# What is no answer


NONSENSE: list[tuple[str, Any]] = [
    ("page", answered(b"<html><body>Log in", b"text/html")),
    ("empty", answered(b"")),
    ("null", answered(b"null")),
    ("list", answered(b"[1]")),
    ("nothing", answered(b"{}")),
    ("half", answered(b'{"id":"x","type":"message","choices":[{"mess')),
    ("text", answered(b"all is well", b"text/plain")),
    ("overloaded", answered(b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}')),
    ("kindless", answered(b'{"error":"no"}')),
    ("no choices", answered(b'{"choices":[],"content":7,"type":"message"}')),
    ("packed", answered(b"\x1f\x8b\x08", more=b"content-encoding: gzip\r\n")),
    ("empty stream", streamed(b"")),
    ("page as stream", streamed(b"<html>\n\n")),
    ("json as stream", streamed(b"null\n\n")),
    ("json of null", streamed(b"data: null\n\n")),
    ("stream as json", answered(b"data: {}\n\n")),
]


@each_crossing
async def test_what_is_no_answer_is_asked_of_the_next_account(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    async with before(tmp_path, upstream, OTHER[upstream], more=QUICK) as stage:
        for number, (name, nonsense) in enumerate(NONSENSE):
            for stream in (True, False):
                stage.running.house.ledger._standings.clear()
                stage.provider.play("sk-first", then=nonsense, on=upstream)
                answer = await ask(stage, client, stream=stream, headers={"session-id": f"{number}{stream}"})
                assert (answer.status_code, answer.headers["x-ccflared-account"]) == (200, "second"), name
                assert told(client, answer) == HELLO


@each_crossing
async def test_what_is_no_answer_is_an_error_in_the_clients_dialect_where_nobody_else_can_serve(
    tmp_path: Path, client: Client, upstream: Upstream
) -> None:
    async with before(tmp_path, upstream, more=QUICK) as stage:
        for name, nonsense in NONSENSE:
            for stream in (True, False):
                stage.running.house.ledger._standings.clear()
                stage.provider.play("sk-first", then=nonsense, on=upstream)
                answer = await ask(stage, client, stream=stream)
                assert answer.status_code >= 500, (name, answer.text)
                error_of(client, answer)


# The daemon's own errors


SERVER = 'base_path = "/below"\nmax_body = "100KiB"\nbody_timeout = "200ms"\n'
LAPTOP = '[clients.laptop]\nkey = "ck-laptop"\nmodels = ["*sonnet*"]\n'


@each_client
async def test_the_daemons_own_errors_are_in_the_dialect_of_the_path(tmp_path: Path, client: Client) -> None:
    async with before(tmp_path, "chat", server=SERVER, more=LAPTOP) as stage:
        url = f"{stage.url}/below{PATHS[client]}"
        key = {"authorization": "Bearer ck-laptop"}

        async def at(url: str, method: str = "POST", status: int = 400, **more: Any) -> str:
            more["headers"] = key | more.get("headers", {})
            answer = await stage.client.request(method, url, **more)
            assert answer.status_code == status, answer.text
            kind, _, message = error_of(client, answer)
            assert kind
            return message

        asked = QUESTIONS[client]
        assert "JSON" in await at(url, content=b"{")
        assert "JSON" in await at(url, content=b"")
        assert "object" in await at(url, content=b"[]")
        assert "model" in await at(url, json={})
        assert "model" in await at(url, json=asked | {"model": 7})
        if client != "chat":  # what is passed on is the upstream's to judge
            what = "input" if client == "responses" else "messages"
            assert what in await at(url, json=asked | {what: 7})
        await at(url, content=b'{"model":"claude-sonnet-4-5","messages":' + b"[" * 90_000)
        await at(url, status=413, content=b" " * 200_000)
        await at(url, method="GET", status=405)
        await at(url, method="PUT", status=405, json=asked)
        await at(url + "/elsewhere", status=404, json=asked)
        await at(f"{stage.url}{PATHS[client]}", status=404, json=asked)
        await at(url, status=426, method="GET", headers={"upgrade": "websocket", "connection": "upgrade"})
        await at(url, status=401, json=asked, headers={"authorization": "Bearer ck-wrong"})
        await at(url, status=403, json=asked | {"model": "claude-opus-4-5"})
        await at(url, status=403, json=asked, headers={"x-ccflared-account": "first"})
        stage.running.house.ledger.pause("first", time())
        await at(url, status=503, json=asked)
        assert stage.provider.count == (
            client == "chat"
        )  # what is nested deeply is no fault of a model's name


async def test_a_body_that_does_not_come_is_a_408_in_the_dialect_of_the_path(tmp_path: Path) -> None:
    async def one(stage: Stage, client: Client) -> None:
        stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
        async with stream:
            head = f"POST {PATHS[client]} HTTP/1.1\r\nhost: [::1]\r\ncontent-length: 99\r\n\r\n{{"
            await stream.send_all(head.encode())
            data = b""
            with trio.fail_after(5):
                async for piece in stream:
                    data += piece
        head_of, _, body = data.partition(b"\r\n\r\n")
        assert head_of.startswith(b"HTTP/1.1 408")
        assert (b'"type":"error"' in body.replace(b" ", b"")) == (client == "messages")
        assert json.loads(body)["error"]["message"]

    async with (
        before(tmp_path, "chat", server='body_timeout = "100ms"\n') as stage,
        trio.open_nursery() as nursery,
    ):
        for client in PATHS:
            nursery.start_soon(one, stage, client)


@each_client
async def test_a_client_without_a_budget_left_is_told_in_its_dialect(tmp_path: Path, client: Client) -> None:
    limited = '[clients.laptop]\nkey = "ck"\nbudget = { daily = 1.0 }\n[clients.hourly]\nkey = "hk"\n'
    limited += "requests_per_hour = 2\n"
    prices = f'[pricing."{MODEL}"]\ninput = 1000.0\noutput = 2000.0\n'
    async with before(tmp_path, "chat", "messages", more=limited + prices) as stage:
        for upstream in ("chat", "messages"):
            stage.provider.play("sk-first", then=Answer(input_tokens=500, output_tokens=250), on=upstream)
        for key, served in (("ck", 1), ("hk", 2)):
            headers = {"x-api-key": key}
            for _ in range(served):
                assert (await ask(stage, client, headers=headers)).status_code == 200
            answer = await ask(stage, client, headers=headers)
            assert answer.status_code == 429
            assert error_of(client, answer)[0] == "rate_limit_error"
            assert "retry-after" in answer.headers
        assert stage.provider.count == 3


async def test_what_the_daemon_answers_itself_counts_among_a_clients_requests(tmp_path: Path) -> None:
    hourly = '[clients.hourly]\nkey = "hk"\nrequests_per_hour = 3\n'
    async with before(tmp_path, "chat", more=hourly) as stage:
        stage.headers = {"x-api-key": "hk"}
        url = stage.url + "/v1/messages/count_tokens"
        for status in (200, 200, 400, 200, 429):
            body = b"{" if status == 400 else json.dumps(QUESTIONS["messages"]).encode()
            assert (await stage.client.post(url, content=body, headers=stage.headers)).status_code == status
        assert (await stage.client.get(stage.url + "/v1/models", headers=stage.headers)).status_code == 429


# In other words


async def refusing_once(stage: Stage, client: Client, words: str, **more: Any) -> tuple[httpx.Response, Any]:
    stage.provider.play("sk-first", Failing(400, message=words), on="chat")
    answer = await ask(stage, client, **more)
    return answer, (await stage.rows())[-1]


@pytest.mark.parametrize("client", ["messages", "responses"])
async def test_a_refused_field_is_left_out_once_and_the_row_says_so(tmp_path: Path, client: Client) -> None:
    words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    async with before(tmp_path, "chat") as stage:
        answer, row = await refusing_once(stage, client, words)
        assert answer.status_code == 200
        assert answer.headers["x-ccflared-changed"] == "with max_completion_tokens"
        assert answer.headers["x-ccflared-attempts"] == "2"
        first, second = (sent(seen) for seen in stage.provider.seen)
        assert (first["max_tokens"], second["max_completion_tokens"]) == (100, 100)
        assert "max_tokens" not in second
        assert [(each.kind, each.status) for each in row.attempts] == [
            ("put otherwise", 400),
            ("served", 200),
        ]
        assert "with max_completion_tokens" in row.attempts[1].why
        assert (await stage.account("first"))["state"] == "ready"


async def test_a_second_refusal_is_passed_on_and_nothing_is_tried_a_third_time(tmp_path: Path) -> None:
    refusal = Failing(400, message="Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.")
    other = Failing(400, message="Unsupported parameter: 'temperature'.")
    async with before(tmp_path, "chat", "messages") as stage:
        stage.provider.play("sk-first", refusal, other, on="chat")
        answer = await ask(stage, "messages", temperature=0.5)
        assert answer.status_code == 400
        assert "temperature" in answer.json()["error"]["message"]
        assert stage.provider.count == 2
        assert (await stage.account("first"))["state"] == "ready"


async def test_nothing_is_put_otherwise_where_no_try_is_left_or_the_client_wrote_it(tmp_path: Path) -> None:
    refusal = Failing(400, message="Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.")
    one = "[routing]\nattempts = 1\n"
    async with before(tmp_path, "chat", more=one) as stage:
        stage.provider.play("sk-first", then=refusal, on="chat")
        for client in ("messages", "chat"):
            assert (await ask(stage, client)).status_code == 400
        assert stage.provider.count == 2


async def test_each_account_is_asked_in_the_words_that_are_its_own(tmp_path: Path) -> None:
    refusal = Failing(400, message="Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.")
    async with before(tmp_path, "chat", "chat") as stage:
        stage.provider.play("sk-first", refusal, Failing(500), on="chat")
        answer = await ask(stage, "messages")
        assert answer.status_code == 200
        bodies = [sent(seen) for seen in stage.provider.seen]
        assert [("max_tokens" in body) for body in bodies] == [True, False, True]
        assert "x-ccflared-changed" not in answer.headers


SIGNATURE = "c2lnbmVk" * 8
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": SIGNATURE}


def conversation(*blocks: dict[str, Any], **more: Any) -> bytes:
    turns = [
        {"role": "user", "content": "Say hello."},
        {"role": "assistant", "content": [*blocks, {"type": "text", "text": "Hello."}]},
        {"role": "user", "content": "Again."},
    ]
    return json.dumps({"model": MODEL, "max_tokens": 2000, "messages": turns} | more, indent=1).encode()


async def post(stage: Stage, body: bytes, path: str = "/v1/messages", **headers: str) -> httpx.Response:
    return await stage.client.post(
        stage.url + path, content=body, headers={"content-type": "application/json"} | headers
    )


async def test_a_refused_signature_is_left_out_once(tmp_path: Path) -> None:
    refusal = Failing(400, message="messages.1.content.0: Invalid `signature` in `thinking` block")
    body = conversation(THOUGHT)
    async with before(tmp_path, "messages", provider=FakeProvider()) as stage:
        stage.provider.play("sk-first", refusal, Answer(), refusal, refusal)
        answer = await post(stage, body)
        assert answer.status_code == 200
        assert answer.headers["x-ccflared-changed"] == "without thinking of another provider"
        first, second = stage.provider.seen
        assert first.body == body
        assert b"signature" not in second.body
        (row,) = await stage.rows()
        assert [each.kind for each in row.attempts] == ["put otherwise", "served"]
        assert "without thinking" in row.attempts[1].why
        assert (await post(stage, body)).status_code == 400
        assert stage.provider.count == 4
        assert (await stage.account("first"))["state"] == "ready"


async def test_thinking_of_another_provider_is_left_out_where_it_is_known_to_be_foreign(
    tmp_path: Path,
) -> None:
    own = {"second": 'base_url = "http://localhost:PORT"'}
    provider = FakeProvider()
    async with before(tmp_path, "messages", "messages", provider=provider, own=own) as stage:
        provider.play("sk-first", Answer(thinking=True))
        told_ = (
            await ask(stage, "messages", thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=2000)
        ).json()
        block = next(block for block in told_["content"] if block["type"] == "thinking")
        body = conversation(block)
        await post(stage, body)
        assert provider.seen[-1].body == body  # its own
        await post(stage, body, **{"x-ccflared-account": "second"})
        assert provider.seen[-1].key == "sk-second"
        assert b"signature" not in provider.seen[-1].body
        row = (await stage.rows())[-1]
        assert "without thinking of another provider" in row.attempts[0].why
        unknown = conversation(THOUGHT)
        await post(stage, unknown, **{"x-ccflared-account": "second"})
        assert provider.seen[-1].body == unknown


BILLING = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.0; cch=abc;"}


@pytest.mark.parametrize("kept", [False, True])
async def test_the_billing_block_goes_to_those_alone_who_want_it(tmp_path: Path, kept: bool) -> None:
    system = [BILLING, {"type": "text", "text": "Be kind."}]
    body = conversation(system=system)
    more = '[providers.wants]\ndialect = "anthropic"\nquirks = { attribution = true }\n'
    own = {"first": 'provider = "wants"'} if kept else {}
    async with before(tmp_path, "messages", own=own, more=more, provider=FakeProvider()) as stage:
        answer = await post(stage, body)
        assert answer.status_code == 200
        assert (stage.provider.seen[-1].body == body) == kept
        assert (b"billing" in stage.provider.seen[-1].body) == kept
        await post(stage, body, "/v1/messages/count_tokens")
        assert (b"billing" in stage.provider.seen[-1].body) == kept


# What an account cannot be told

STOPS: dict[str, Any] = {"stop_sequences": ["a", "b", "c", "d", "e"]}


async def test_what_an_account_cannot_be_told_is_asked_of_one_that_can(tmp_path: Path) -> None:
    one = "[routing]\nattempts = 1\n"
    async with before(tmp_path, "chat", "chat", "messages", more=one) as stage:
        answer = await ask(stage, "messages", **STOPS)
        assert answer.status_code == 200
        (row,) = await stage.rows()
        assert [(each.account, each.kind, each.status) for each in row.attempts] == [
            ("first", "cannot be told", None),
            ("second", "cannot be told", None),
            ("third", "served", 200),
        ]
        assert "stop_sequences" in row.attempts[0].reason
        assert stage.provider.count == 1
        for name in ("first", "second"):
            assert (await stage.account(name))["state"] == "ready"
        # Nor is anything learnt of the account.
        assert (await ask(stage, "messages", headers={"session-id": "2"})).headers[
            "x-ccflared-account"
        ] == "first"


async def test_one_request_that_an_account_has_no_words_for_leads_a_conversation_nowhere_else(
    tmp_path: Path,
) -> None:
    here = {"session-id": "1"}
    async with before(tmp_path, "chat", "messages") as stage:
        answers = [await ask(stage, "messages", headers=here, **more) for more in ({}, STOPS, {})]
        assert [answer.headers["x-ccflared-account"] for answer in answers] == ["first", "second", "first"]


async def test_what_an_upstream_is_not_told_is_named_in_header_and_row(tmp_path: Path) -> None:
    async with before(tmp_path, "chat") as stage:
        answer = await ask(stage, "messages", top_k=5)
        assert answer.headers["x-ccflared-changed"] == "without top_k"
        (row,) = await stage.rows()
        assert row.attempts[0].why.endswith("; without top_k")


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/chat/completions", "A base URL that ends in /v1 may be what is wanted."),
        ("/responses", "A base URL that ends in /v1 may be what is wanted."),
        ("/v1/v1/messages", "The base URL may have a /v1 too many."),
    ],
)
async def test_a_base_url_with_a_version_too_few_or_too_many_is_told(
    tmp_path: Path, path: str, hint: str
) -> None:
    async with before(tmp_path, "chat") as stage:
        answer = await stage.client.post(stage.url + path, json={})
        assert answer.status_code == 404
        assert answer.json()["error"]["message"].endswith(hint)
        assert ("code" in answer.json()["error"]) == (path != "/v1/v1/messages")


async def test_openais_clients_are_told_which_field_is_wrong(tmp_path: Path) -> None:
    async with before(tmp_path, "messages") as stage:
        answer = await ask(stage, "chat", n=2)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "n")


async def test_what_no_account_can_be_told_is_a_400_that_names_the_field(tmp_path: Path) -> None:
    async with before(tmp_path, "chat", "chat") as stage:
        answer = await ask(stage, "messages", **STOPS)
        assert answer.status_code == 400
        assert "stop_sequences" in error_of("messages", answer)[2]
        (row,) = await stage.rows()
        assert (row.outcome, row.status) == ("refused", 400)
        assert stage.provider.count == 0
        # One that could be told is only resting.
        stage.running.house.ledger.pause("second", time())
        assert (await ask(stage, "messages", **STOPS)).status_code in {400, 503}


async def test_where_the_one_that_can_be_told_rests_the_client_is_told_to_wait(tmp_path: Path) -> None:
    async with before(tmp_path, "chat", "messages") as stage:
        stage.provider.play("sk-second", Limited(600.0))
        assert (await ask(stage, "messages", **STOPS)).status_code == 429
        answer = await ask(stage, "messages", **STOPS)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 500


async def test_an_account_that_could_not_be_told_does_not_hide_what_another_has_answered(
    tmp_path: Path,
) -> None:
    async with before(tmp_path, "messages", "chat") as stage:
        stage.provider.play("sk-first", Failing(402, message="Pay first"))
        answer = await ask(stage, "messages", **STOPS)
        assert (answer.status_code, answer.json()["error"]["message"]) == (402, "Pay first")


async def test_a_drain_is_told_in_the_clients_dialect_or_not_at_all(tmp_path: Path) -> None:
    release = trio.Event()
    async with before(tmp_path, "chat") as stage, trio.open_nursery() as nursery:
        stage.provider.play("sk-first", Held(release), on="chat")
        answers: list[httpx.Response] = []

        async def one() -> None:
            answers.append(await ask(stage, "messages"))

        nursery.start_soon(one)
        await stage.provider.received(1)
        stage.signals.send_nowait(15)
        while not stage.running.house.draining:
            await trio.lowlevel.checkpoint()
        for client in PATHS:
            try:
                answer = await ask(stage, client)
            except httpx.TransportError:
                continue
            assert answer.status_code == 503
            error_of(client, answer)
        release.set()
        with trio.fail_after(5):
            while not answers:
                await trio.lowlevel.checkpoint()
        assert told("messages", answers[0]) == HELLO
        nursery.cancel_scope.cancel()


async def test_the_query_of_a_client_is_not_passed_on_to_another_dialect(tmp_path: Path) -> None:
    async with before(tmp_path, "chat") as stage:
        answer = await stage.client.post(stage.url + "/v1/messages?beta=true", json=QUESTIONS["messages"])
        assert answer.status_code == 200
        assert stage.provider.seen[0].target == PATHS["chat"]


async def test_thinking_that_nobody_signed_is_not_shown_to_who_wants_it_signed(tmp_path: Path) -> None:
    more = '[providers.signing]\ndialect = "anthropic"\nquirks = { signed_thinking = true }\n'
    own = {"second": 'provider = "signing"'}
    async with before(tmp_path, "chat", "messages", more=more, own=own) as stage:
        stage.provider.play("sk-first", Answer(thinking=True), then=Failing(500), on="chat")
        thinking = {"type": "enabled", "budget_tokens": 1024}
        asked: dict[str, Any] = {"thinking": thinking, "max_tokens": 2000}
        first = (await ask(stage, "messages", **asked)).json()
        assert first["content"][0]["type"] == "thinking"
        turns = [
            *QUESTIONS["messages"]["messages"],
            {"role": "assistant", "content": first["content"]},
            {"role": "user", "content": "Again."},
        ]
        answer = await ask(stage, "messages", messages=turns, **asked)
        assert (answer.status_code, answer.headers["x-ccflared-account"]) == (200, "second"), answer.text
        assert answer.headers["x-ccflared-changed"] == "without thinking of another provider"
        assert b"signature" not in stage.provider.seen[-1].body


@pytest.mark.parametrize(("client", "upstream"), [("messages", "messages"), ("chat", "chat")])
@pytest.mark.parametrize(
    "error", [{"message": "the key sk-first may not", "type": "invalid_request_error"}, "no, sk-first"]
)
async def test_a_refusal_told_inside_a_success_that_is_passed_on_shows_no_key(
    tmp_path: Path, client: Client, upstream: Upstream, error: Any
) -> None:
    async with before(tmp_path, upstream) as stage:
        refusal = json.dumps({"type": "error", "error": error}).encode()
        stage.provider.play("sk-first", answered(refusal), on=upstream)
        answer = await ask(stage, client)
        assert "sk-first" not in answer.text
        row = (await stage.rows())[-1]
        assert "sk-first" not in repr(row)
        if isinstance(error, dict):
            assert answer.content == refusal.replace(b"sk-first", b"********")
            assert "may not" in row.attempts[0].reason
        else:
            assert (answer.status_code, row.attempts[0].kind) == (503, "broken")


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"error": "the backend is gone"}, 200),
        ({"detail": "no worker"}, 200),
        ({"error": {"code": 400, "message": "messages: wrong"}}, 400),
    ],
    ids=["text", "detail", "the request's own"],
)
async def test_an_error_in_place_of_an_answer_is_one_whatever_its_status_says(
    tmp_path: Path, said: dict[str, Any], status: int
) -> None:
    async with before(tmp_path, "chat", "chat") as stage:
        body = json.dumps(said).encode()
        stage.provider.play("sk-first", Failing(200, body=body), on="chat")
        answer = await ask(stage, "chat")
        served = "first" if status == 400 else "second"
        assert (answer.status_code, answer.headers["x-ccflared-account"]) == (status, served)
        assert (await stage.account("first"))["state"] == ("ready" if status == 400 else "doubtful")


@pytest.mark.parametrize(
    "more",
    [
        {"models": [MODEL, "vendor/big"]},
        {"fallbacks": [{"model": "vendor/big"}]},
        {"mod\u0065ls": ["vendor/big"]},
    ],
    ids=["models", "fallbacks", "escaped"],
)
async def test_a_client_may_not_name_models_to_go_on_with_that_it_may_not_ask_for(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    clients = f'[clients.some]\nkey = "ck"\nmodels = ["{MODEL}"]\n'
    async with before(tmp_path, "chat", more=clients) as stage:
        headers = {"authorization": "Bearer ck", "content-type": "application/json"}
        body = json.dumps(QUESTIONS["chat"] | more).replace("\\\\u", "\\u")
        url = stage.url + PATHS["chat"]
        answer = await stage.client.post(url, content=body, headers=headers)
        assert (answer.status_code, "vendor/big" in answer.text) == (403, True)
        assert stage.provider.count == 0
