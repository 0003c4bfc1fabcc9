"""Clients of every dialect before accounts of both, for tests of what is translated on the way."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal

import httpx
import pytest
import trio
from stage import QUESTION, Stage, staged
from upstreams import Far, Link, far

from ccflared.demo.provider import FakeProvider, Seen
from ccflared.demo.script import Raw

Client = Literal["messages", "chat", "responses"]
Upstream = Literal["messages", "chat"]

PATHS: Final[Mapping[Client, str]] = {
    "messages": "/v1/messages",
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
}
MODEL: Final = "claude-sonnet-4-5"
QUESTIONS: Final[Mapping[Client, dict[str, Any]]] = {
    "messages": QUESTION,
    "chat": {
        "model": MODEL,
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Say hello."}],
        "stream_options": {"include_usage": True},
    },
    "responses": {"model": MODEL, "max_output_tokens": 100, "input": "Say hello."},
}
TOOLS: Final[Mapping[Client, dict[str, Any]]] = {
    "messages": {"tools": [{"name": "look", "input_schema": {"type": "object"}}]},
    "chat": {"tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]},
    "responses": {"tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}}]},
}
TERMINALS: Final[Mapping[Client, frozenset[str]]] = {
    "messages": frozenset({"message_stop", "error"}),
    "chat": frozenset({"[DONE]", "error"}),
    "responses": frozenset({"response.completed", "response.incomplete", "response.failed", "error"}),
}

PROVIDERS: Final = """
[providers.fakechat]
dialect = "openai-chat"
models = { "*" = "=" }
"""
PLACES: Final[Mapping[Upstream, Sequence[str]]] = {
    "messages": ('base_url = "http://127.0.0.1:PORT"',),
    "chat": ('provider = "fakechat"', 'base_url = "http://127.0.0.1:PORT/v1"'),
}

each_client = pytest.mark.parametrize("client", ["messages", "chat", "responses"])
each_upstream = pytest.mark.parametrize("upstream", ["messages", "chat"])
streaming_or_not = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
CROSSINGS: Final[Sequence[tuple[Client, Upstream]]] = (
    ("messages", "chat"),
    ("chat", "messages"),
    ("responses", "messages"),
    ("responses", "chat"),
)
each_crossing = pytest.mark.parametrize(
    ("client", "upstream"), CROSSINGS, ids=[f"{client} by {upstream}" for client, upstream in CROSSINGS]
)


@asynccontextmanager
async def before(
    directory: Path,
    *upstreams: Upstream,
    provider: FakeProvider | None = None,
    more: str = "",
    own: Mapping[str, str] | None = None,
    server: str = "",
    storage: str = "",
    port: int | str = "PORT",
) -> AsyncIterator[Stage]:
    """Run a daemon before accounts of these dialects: first, second, third in descending priority.

    ``own``: further lines of single accounts. ``port``: where all of them are; the fake provider's, if nothing else.
    """
    names = ("first", "second", "third")[: len(upstreams)]
    lines = {
        name: _lines(upstream, (own or {}).get(name, "")).replace("PORT", str(port))
        for name, upstream in zip(names, upstreams, strict=True)
    }
    provider = provider or FakeProvider(strict=True)
    async with staged(
        directory, names, server=server, storage=storage, more=PROVIDERS + more, own=lines, provider=provider
    ) as stage:
        yield stage


def _lines(upstream: Upstream, own: str) -> str:
    given = {line.partition("=")[0].strip() for line in own.splitlines()}
    usual = [line for line in PLACES[upstream] if line.partition("=")[0].strip() not in given]
    return "\n".join([*usual, own])


async def ask(
    stage: Stage,
    client: Client,
    *,
    stream: bool = False,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> httpx.Response:
    """Ask as a client of a dialect does, and return the whole answer."""
    body = QUESTIONS[client] | {"stream": stream} | more
    if client == "chat" and not stream:
        body.pop("stream_options")
    return await stage.client.post(
        stage.url + PATHS[client], json=body, headers=stage.headers | dict(headers or {})
    )


def told(client: Client, answer: httpx.Response | bytes) -> str:
    """Return the text of an answer of either kind; of a broken one what came of it."""
    if isinstance(answer, bytes):
        return "".join(_texts(client, events_of(answer)))
    if answer.headers["content-type"].startswith("text/event-stream"):
        return told(client, answer.content)
    document = answer.json()
    match client:
        case "messages":
            return "".join(block.get("text", "") for block in document["content"])
        case "chat":
            return str(document["choices"][0]["message"]["content"])
        case "responses":
            items = [item for item in document["output"] if item["type"] == "message"]
            return "".join(part["text"] for item in items for part in item["content"])


def events_of(body: bytes) -> list[dict[str, Any]]:
    """Return the data of a stream's events; what is no JSON, as [DONE] is none, as its type."""
    lines = [line[6:] for line in body.decode().split("\n") if line.startswith("data: ")]
    return [json.loads(line) if line.startswith("{") else {"type": line} for line in lines]


def _texts(client: Client, told: list[dict[str, Any]]) -> Iterator[str]:
    for event in told:
        match client:
            case "messages":
                yield event.get("delta", {}).get("text", "")
            case "chat":
                yield from (choice["delta"].get("content") or "" for choice in event.get("choices", ()))
            case "responses":
                yield event["delta"] if event["type"] == "response.output_text.delta" else ""


def last_of(client: Client, body: bytes) -> str:
    """Return how a stream ended: the type of its last event, which is the only one of its kind.

    ``error`` for whatever tells of one. "" for a stream that just stops.
    """
    kinds = ["error" if event.get("error") else str(event.get("type", "")) for event in events_of(body)]
    ends = [kind for kind in kinds if kind in TERMINALS[client]]
    assert len(ends) <= 1, kinds
    assert not ends or kinds[-1] == ends[0], kinds
    assert body.endswith((b"\n\n", b"\r\n\r\n")), body[-80:]
    return "error" if ends == ["response.failed"] else "".join(ends)


ENDS: Final[Mapping[Client, str]] = {
    "messages": "message_stop",
    "chat": "[DONE]",
    "responses": "response.completed",
}
"""How a whole stream ends."""


def answered(
    body: bytes, kind: bytes = b"application/json", *, status: bytes = b"200 OK", more: bytes = b""
) -> Raw:
    """Return a whole answer with this body, as it is."""
    head = b"HTTP/1.1 %s\r\ncontent-type: %s\r\ncontent-length: %d\r\n%s\r\n" % (
        status,
        kind,
        len(body),
        more,
    )
    return Raw(head + body)


def streamed(*parts: bytes) -> Raw:
    """Return a stream with these bytes that is complete when the connection ends."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    return Raw(head + b"".join(parts))


def chunk(delta: Mapping[str, Any] | None = None, finish: str | None = None, **more: Any) -> bytes:
    """Return a chunk of Chat Completions."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    base = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": choices,
    }
    return b"data: " + json.dumps(base | more).encode() + b"\n\n"


def event(kind: str, **more: Any) -> bytes:
    """Return an event of Messages."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()


HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
ROLE: Final = chunk({"role": "assistant", "content": ""})
DONE: Final = b"data: [DONE]\n\n"
STARTED: Final = event(
    "message_start",
    message={
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 7, "output_tokens": 1},
    },
)  # fmt: skip
OPENED: Final = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
CLOSED: Final = event("content_block_stop", index=0)
STOPPED: Final = (
    event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 5})
    + event("message_stop")
)  # fmt: skip


def said(upstream: Upstream, *words: str) -> bytes:
    """Return the beginning of a stream, with these words."""
    if upstream == "chat":
        return ROLE + b"".join(chunk({"content": word}) for word in words)
    deltas = (event("content_block_delta", index=0, delta={"type": "text_delta", "text": w}) for w in words)
    return STARTED + OPENED + b"".join(deltas)


def ended(upstream: Upstream) -> bytes:
    """Return the end of such a stream."""
    return chunk({}, "stop") + DONE if upstream == "chat" else CLOSED + STOPPED


def failing(upstream: Upstream, kind: str = "overloaded_error", message: str = "Out of luck") -> bytes:
    """Return what says inside a stream that it has failed."""
    error = {"type": kind, "message": message}
    if upstream == "chat":
        return b"data: " + json.dumps({"error": error | {"code": None}}).encode() + b"\n\n"
    return event("error", error=error)


@asynccontextmanager
async def paced(
    *parts: bytes, rst: bool = False, whole: bool = True
) -> AsyncIterator[tuple[Far, trio.Event]]:
    """Serve a stream in two parts, the second once the event is set, and close.

    ``whole``: the transfer has its end; else it breaks off, with ``rst`` by a reset.
    """
    going_on = trio.Event()

    async def script(link: Link) -> None:
        await link.request()
        await link.answer(HEAD + framed(parts[0]))
        await going_on.wait()
        for part in parts[1:]:
            await link.answer(framed(part))
        if whole:
            await link.answer(b"0\r\n\r\n")
        if rst:
            await link.reset()

    async with far(script) as place:
        yield place, going_on


async def read_on(stage: Stage, client: Client, going_on: trio.Event, **more: Any) -> bytes:
    """Ask for a stream, let the upstream go on once its first part is here, and return all that came."""
    body = b""
    asked = QUESTIONS[client] | {"stream": True} | more
    with trio.fail_after(10):
        async with stage.client.stream("POST", stage.url + PATHS[client], json=asked) as answer:
            assert answer.status_code == 200
            async for data in answer.aiter_raw():
                body += data
                going_on.set()
    return body


def framed(data: bytes) -> bytes:
    """Return a chunk of the chunked transfer coding; nothing for nothing, as that would be the end."""
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""


def sent(seen: Seen) -> dict[str, Any]:
    """Return the body that an upstream got."""
    return dict(json.loads(seen.body))
