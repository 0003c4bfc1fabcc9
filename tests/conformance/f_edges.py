"""F: what people and programs send that nobody wrote into a specification."""

import json
from collections.abc import Callable
from typing import Any

import laws_chat
import laws_messages
from cases import (
    CLIENT_HEADERS,
    Case,
    Check,
    Outcome,
    Stage,
    absent,
    at,
    either,
    encoded,
    every,
    merged,
    same,
    sent_that,
    status,
    texts,
)
from f_requests import (
    BASE,
    PATH,
    TOOL,
    TOOLS,
    anywhere,
    mapped,
    result,
    roles,
    text,
    turned_away,
    turns,
    use,
)
from spoken import completed

_DEEP = 10_000


def survives(name: str, body: bytes, *checks: Check) -> Case:
    """Taken, or refused as the client's mistake; never a fault, never illegal upstream."""
    taken = every(laws_chat.is_request, laws_messages.is_message, *checks)
    refused = every(status(400), laws_messages.is_error)
    return Case(name, (either(taken, refused),), PATH, body, (completed(),), CLIENT_HEADERS)


def not_json(name: str, body: bytes) -> Case:
    return turned_away(name, body)


def raw(content: str, more: str = "") -> bytes:
    start = f'{{"model":"claude-sonnet-4-5","max_tokens":10{more},"messages":[{{"role":"user","content":'
    return (start + content + "}]}").encode()


_HUGE = "x" * 3_000_000
_MANY = [use(f"toolu_{place}") for place in range(300)]
_RESULTS = [result(f"toolu_{place}", content=str(place)) for place in range(300)]
_LONG_IDS = ["call-" + "i" * 4000 + letter for letter in "ab"]

CASES = [
    not_json("no JSON is the client's mistake", b"{not json"),
    not_json("an empty body is the client's mistake", b""),
    not_json("a list is the client's mistake", b"[]"),
    not_json("a text is the client's mistake", b'"hello"'),
    not_json("bytes that are no UTF-8 are the client's mistake", b'{"model":"\xff\xfe","messages":[]}'),
    turned_away("no messages are the client's mistake", b'{"model":"claude-sonnet-4-5","max_tokens":10}'),
    turned_away("messages that are a text are the client's mistake", {"messages": "Hi"}),
    turned_away("a message without role is the client's mistake", {"messages": [{"content": "Hi"}]}),
    turned_away(
        "an unknown role is the client's mistake", {"messages": [{"role": "wizard", "content": "Hi"}]}
    ),
    turned_away("content that is a number is the client's mistake", turns(5)),
    turned_away("a block that is no object is the client's mistake", turns([1])),
    turned_away("a model that is no text is the client's mistake", {"model": 5}),
    turned_away("tools that are no list are the client's mistake", {"tools": "look"}),
    survives("a lone surrogate in a text", raw('"a\\ud83dz"')),
    survives("a lone surrogate in a key", raw('"Hi"', ',"metadata":{"\\udc00":1}')),
    survives(
        "a lone surrogate in a tool input",
        encoded(merged(BASE, {**TOOLS, **turns("Hi", [use(given={"at": "\ud800"})], [result(content="R")])})),
    ),
    survives("a stream that is null", encoded(merged(BASE, {"stream": None})), absent("stream_options")),
    survives(
        "settings that are null",
        encoded(
            merged(
                BASE,
                {
                    "system": None,
                    "tools": None,
                    "temperature": None,
                    "metadata": None,
                    "thinking": None,
                    "stop_sequences": None,
                    "tool_choice": None,
                },
            )
        ),
    ),
    survives(
        "duplicate keys",
        b'{"model":"x","model":"claude-sonnet-4-5","max_tokens":10,"max_tokens":11,"messages":[{"role":"user","content":"Hi"}]}',
        at("max_tokens", 11),
    ),
    survives(
        "NaN",
        raw('"Hi"', ',"temperature":NaN'),
        sent_that(lambda body: "temperature" not in body, "NaN was sent"),
    ),
    survives(
        "a number of 1e400",
        raw('"Hi"', ',"temperature":1e400'),
        sent_that(lambda body: "temperature" not in body, "infinity was sent"),
    ),
    survives(
        "1e400 in a tool input",
        encoded(merged(BASE, {**TOOLS, **turns("Hi", [use()], [result(content="R")])})).replace(
            b'"x"', b"1e400"
        ),
        sent_that(lambda body: "Infinity" not in json.dumps(body), "infinity was sent"),
    ),
    survives("an integer of 5,000 digits", raw('"Hi"', f',"max_tokens":{"9" * 5000}')),
    survives("a list 10,000 deep", raw("[" * _DEEP + "]" * _DEEP)),
    survives(
        "an object 10,000 deep in a tool input",
        encoded(merged(BASE, {**TOOLS, **turns("Hi", [use()], [result(content="R")])})).replace(
            b'"x"', b'{"a":' * _DEEP + b"1" + b"}" * _DEEP
        ),
    ),
    survives(
        "a schema 10,000 deep",
        encoded(merged(BASE, {"tools": [{**TOOL, "input_schema": {"type": "object", "x": "DEEP"}}]})).replace(
            b'"DEEP"', b"[" * _DEEP + b"]" * _DEEP
        ),
    ),
    survives("a byte order mark", b"\xef\xbb\xbf" + encoded(BASE), at("messages.0.content", "Hi")),
    survives("a NUL in a text", raw('"a\\u0000b"')),
    mapped(
        "three million characters",
        turns(_HUGE),
        sent_that(lambda body: body["messages"][0]["content"] == _HUGE, "the text changed"),
    ),
    mapped(
        "300 calls and their results",
        {**TOOLS, **turns("Hi", _MANY, _RESULTS)},
        roles("user", "assistant", *["tool"] * 300),
    ),
    mapped(
        "call ids of 4,000 characters",
        {
            **TOOLS,
            **turns(
                "Hi", [use(each) for each in _LONG_IDS], [result(each, content="R") for each in _LONG_IDS]
            ),
        },
    ),
    mapped(
        "emoji, right-to-left text and combining marks",
        turns("👩‍👩‍👧 שלום e\u0301 \u202e"),
        at("messages.0.content", "👩‍👩‍👧 שלום e\u0301 \u202e"),
    ),
    mapped(
        "a history of 500 turns",
        turns(*(f"turn {place}" for place in range(501))),
        sent_that(lambda body: len(body["messages"]) == 501, "turns are missing"),
    ),
    mapped(
        "messages of one role in a row",
        {"messages": [{"role": "user", "content": "A"}, {"role": "user", "content": "B"}]},
        anywhere("A", "B"),
    ),
    survives(
        "an input that is no object",
        encoded(merged(BASE, {**TOOLS, **turns("Hi", [use(given=[1])], [result(content="R")])})),
    ),
    survives(
        "a call without its result",
        encoded(merged(BASE, {**TOOLS, **turns("Hi", [use()], "Never mind.")})),
        anywhere("Never mind."),
    ),
    survives(
        "a result without its call",
        encoded(merged(BASE, turns([result("toolu_gone", content="R"), text("B")]))),
        anywhere("B"),
    ),
    survives(
        "two calls of one id",
        encoded(merged(BASE, {**TOOLS, **turns("Hi", [use(), use()], [result(content="R")])})),
    ),
    survives(
        "two results of one call",
        encoded(
            merged(BASE, {**TOOLS, **turns("Hi", [use()], [result(content="R1"), result(content="R2")])})
        ),
    ),
    survives(
        "a conversation that an assistant begins",
        encoded(
            merged(
                BASE,
                {"messages": [{"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Hi"}]},
            )
        ),
        anywhere("Hello"),
    ),
    survives("two tools of one name", encoded(merged(BASE, {"tools": [TOOL, TOOL]}))),
    survives(
        "a tool_choice of a tool that is not there",
        encoded(merged(BASE, {**TOOLS, "tool_choice": {"type": "tool", "name": "gone"}})),
    ),
    survives(
        "a tool name with dots and spaces", encoded(merged(BASE, {"tools": [{**TOOL, "name": "my tool.v1"}]}))
    ),
    survives(
        "a tool without a schema's type",
        encoded(merged(BASE, {"tools": [{"name": "look", "input_schema": {}}]})),
    ),
    survives(
        "unknown blocks",
        encoded(merged(BASE, turns([{"type": "hologram", "beam": "b"}, text("Hi")]))),
        sent_that(lambda body: any("Hi" in t for t in texts(body)), "lost"),
    ),
    survives("max_tokens that is no whole number", encoded(merged(BASE, {"max_tokens": "many"}))),
    survives("max_tokens below 1", encoded(merged(BASE, {"max_tokens": -5}))),
]


def _every_faulty_body(name: str, value: object) -> list[Case]:
    """Put something of a wrong type to each key in turn."""
    keys = (
        "system",
        "tools",
        "tool_choice",
        "stop_sequences",
        "metadata",
        "thinking",
        "stream",
        "temperature",
        "output_config",
    )
    return [survives(f"{key} that is {name}", encoded(merged(BASE, {**TOOLS, key: value}))) for key in keys]


CASES += (
    _every_faulty_body("a number", 7)
    + _every_faulty_body("an odd list", [[], {}, None])
    + _every_faulty_body("an odd object", {"type": {}})
)


def _acted(
    name: str,
    act: Callable[[Stage, Case], Outcome],
    *,
    body: Any = BASE,
    laws: tuple[Check, ...] = (laws_chat.is_request, laws_messages.is_message),
) -> Case:
    """A plain request that is brought in an odd way."""
    return Case(name, laws, PATH, encoded(body), (completed(),), CLIENT_HEADERS, act)


def _mistake_before() -> Case:
    """Two exchanges on one connection, the first of which fails."""

    def act(stage: Stage, case: Case) -> Outcome:
        with stage.client() as client:
            broken = Case("", (), PATH, b"{", headers=CLIENT_HEADERS)
            client.send(stage.request(broken))
            same(client.receive().status, 400, "status of the first")
            client.send(stage.request(case))
            return stage.outcome(client.receive())

    return _acted("a connection lives on after a mistake", act)


def _expecting() -> Case:
    def act(stage: Stage, case: Case) -> Outcome:
        request = stage.request(case, more=["Expect: 100-continue"])
        head, mark, body = request.partition(b"\r\n\r\n")
        with stage.client() as client:
            client.send(head + mark)
            client.until(b"100")
            client.send(body)
            return stage.outcome(client.receive())

    return _acted("Expect: 100-continue is answered before the body", act)


def _split_body() -> Case:
    def act(stage: Stage, case: Case) -> Outcome:
        with stage.client() as client:
            for byte in stage.request(case):
                client.send(bytes([byte]))
            return stage.outcome(client.receive())

    return _acted("a request of one byte a packet", act, body=merged(BASE, turns("👩‍👩‍👧")))


def _head() -> Case:
    def act(stage: Stage, case: Case) -> Outcome:
        with stage.client() as client:
            client.send(stage.request(Case("", (), "/"), method="HEAD"))
            same(client.receive(bodiless=True).status, 200, "HEAD /")
            client.send(stage.request(case))
            return stage.outcome(client.receive())

    return _acted("HEAD / before a request on the same connection", act, laws=(laws_messages.is_message,))


def _form() -> Case:
    """curl -d says that it sends a form."""

    def act(stage: Stage, case: Case) -> Outcome:
        request = stage.request(case).replace(b"application/json", b"application/x-www-form-urlencoded")
        with stage.client() as client:
            client.send(request)
            return stage.outcome(client.receive())

    return _acted("a body that is called a form", act)


CASES += [_mistake_before(), _expecting(), _split_body(), _head(), _form()]
