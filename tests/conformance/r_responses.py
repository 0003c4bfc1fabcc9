"""R: Responses clients, such as Codex, before accounts that speak Messages, and before those that speak Chat Completions."""

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import laws_chat
import laws_messages
import laws_responses
import spoken
from backports import zstd
from cases import (
    OPENAI_HEADERS,
    Case,
    Check,
    Outcome,
    Stage,
    absent,
    asked,
    at,
    client_never,
    either,
    encoded,
    every,
    gives,
    got_that,
    hang_up,
    header,
    mentions,
    merged,
    must,
    same,
    sent_that,
    status,
    texts,
    upstream_never,
)
from exchange import Answer, Close, Linger, Reset, Until, answer, stream
from f_requests import PIXEL
from spoken import PING, answered, block, message_stream, named, refused, start, stopped, text, thinking, use

PATH = "/v1/responses"
BASE: dict[str, Any] = {"model": "claude-sonnet-4-5", "input": "Hi"}
SCHEMA = {"type": "object", "properties": {"at": {"type": "string"}}}
TOOL = {"type": "function", "name": "look", "description": "Looks.", "parameters": SCHEMA, "strict": False}
GRAMMAR = 'start: "*** Begin Patch"'
PATCH_TOOL = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Patches.",
    "format": {"type": "grammar", "syntax": "lark", "definition": GRAMMAR},
}
SPACE = {
    "type": "namespace",
    "name": "mcp__files",
    "description": "Files.",
    "tools": [
        {"type": "function", "name": "read", "description": "Reads.", "parameters": SCHEMA, "strict": False}
    ],
}
TOOLS = {"tools": [TOOL, PATCH_TOOL]}
CODEX_HEADERS = (
    *OPENAI_HEADERS,
    "session-id: 0198c0de-0000-7000-8000-000000000000",
    "originator: codex_exec",
    "chatgpt-account-id: sk-client-secret",
)


def mapped(name: str, changes: dict[str, Any], *checks: Check, given: Answer | None = None) -> Case:
    laws = (laws_messages.is_request, laws_responses.is_response, asked(1))
    return Case(
        name, (*laws, *checks), PATH, encoded(merged(BASE, changes)), (given or answered(),), CODEX_HEADERS
    )


def read(name: str, given: Answer, *checks: Check) -> Case:
    return mapped(name, TOOLS, *checks, given=given)


def survives(name: str, body: bytes, *checks: Check) -> Case:
    taken = every(laws_messages.is_request, laws_responses.is_response, *checks)
    return Case(name, (either(taken, laws_chat.error_of(400)),), PATH, body, (answered(),), CODEX_HEADERS)


def turned_away(name: str, body: bytes, headers: tuple[str, ...] = ()) -> Case:
    return Case(
        name, (laws_chat.error_of(400), asked(0)), PATH, body, (answered(),), (*CODEX_HEADERS, *headers)
    )


def items(*given: Any) -> dict[str, Any]:
    return {**TOOLS, "input": list(given)}


def says(role: str, words: str, kind: str = "input_text", **more: Any) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": [{"type": kind, "text": words}], **more}


def call(identity: str = "call_1", arguments: str = '{"at": "x"}', **more: Any) -> dict[str, Any]:
    return {
        "type": "function_call",
        "call_id": identity,
        "name": "look",
        "arguments": arguments,
        "id": f"fc_{identity}",
        **more,
    }


def output(identity: str = "call_1", told: Any = "R") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": identity, "output": told}


def anywhere(*wanted: str) -> Check:
    return sent_that(lambda body: all(any(w in t for t in texts(body)) for w in wanted), f"{wanted} is lost")


def kinds(place: int, *wanted: str) -> Check:
    return lambda outcome: same(
        [each["type"] for each in outcome.sent["messages"][place]["content"]],
        list(wanted),
        f"blocks of {place}",
    )


HI = says("user", "Hi")
_PATCH = '*** Begin Patch\n*** Add File: a.txt\n+"héllo" \\n\n*** End Patch'
_IMAGE = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}
_REST = {
    "store": False,
    "include": ["reasoning.encrypted_content"],
    "text": {"verbosity": "low"},
    "truncation": "auto",
    "prompt_cache_key": "key-1",
    "service_tier": "auto",
    "metadata": {"a": "b"},
    "client_metadata": {"x": "y"},
    "background": False,
    "safety_identifier": "s",
}
_ECHOED = (
    *(
        "tools",
        "tool_choice",
        "instructions",
        "reasoning",
        "text",
        "metadata",
        "include",
        "temperature",
        "top_p",
        "truncation",
    ),
    *(
        "max_output_tokens",
        "parallel_tool_calls",
        "previous_response_id",
        "store",
        "user",
        "service_tier",
        "prompt_cache_key",
        "safety_identifier",
    ),
)
"""What a response tells back: it must be legal there, whatever was sent."""
_ODD: tuple[tuple[str, Any], ...] = (
    ("a number", 7),
    ("a text", "odd"),
    ("a list of objects", [{"type": 7}]),
    ("an odd object", {"type": {}, "effort": [], "format": 1}),
    ("null", None),
)

REQUESTS = [
    mapped("an input of text", {}, anywhere("Hi")),
    mapped(
        "items without a type are messages",
        {
            "input": [
                {"role": "user", "content": "plain"},
                {"role": "assistant", "content": "A"},
                {"role": "user", "content": [{"type": "input_text", "text": "parts"}]},
            ]
        },
        anywhere("plain", "A", "parts"),
    ),
    mapped(
        "instructions, system and developer items are the system",
        {"instructions": "one", "input": [says("developer", "two"), says("system", "three"), HI]},
        sent_that(
            lambda body: all(any(w in t for t in texts(body["system"])) for w in ("one", "two", "three")),
            "lost",
        ),
    ),
    mapped(
        "texts of the assistant",
        {
            "input": [
                HI,
                says("assistant", "A", "output_text", id="msg_1", status="completed"),
                says("user", "B"),
            ]
        },
        anywhere("A", "B"),
    ),
    mapped(
        "a refusal of the assistant",
        {
            "input": [
                HI,
                {
                    "type": "message",
                    "role": "assistant",
                    "content": [{"type": "refusal", "refusal": "I will not."}],
                },
                says("user", "B"),
            ]
        },
        anywhere("I will not."),
    ),
    mapped(
        "an image by data",
        {"input": [{"role": "user", "content": [_IMAGE]}]},
        at("messages.0.content.0.source", {"type": "base64", "media_type": "image/png", "data": PIXEL}),
    ),
    mapped(
        "an image by URL",
        {
            "input": [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_image", "image_url": "https://x.example/a.png", "detail": "auto"}
                    ],
                }
            ]
        },
        at("messages.0.content.0.source", {"type": "url", "url": "https://x.example/a.png"}),
    ),
    mapped(
        "a file is a document",
        {
            "input": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "input_file",
                            "filename": "a.pdf",
                            "file_data": "data:application/pdf;base64,JVBERi0=",
                        }
                    ],
                }
            ]
        },
        at("messages.0.content.0.type", "document"),
        at("messages.0.content.0.source.media_type", "application/pdf"),
    ),
    mapped(
        "a call and its output",
        items(HI, call(), output()),
        kinds(1, "tool_use"),
        kinds(2, "tool_result"),
        at("messages.1.content.0.input", {"at": "x"}),
        at("messages.1.content.0.id", "call_1"),
    ),
    mapped(
        "an output of parts with an image",
        items(HI, call(), output(told=[{"type": "input_text", "text": "shot"}, _IMAGE])),
        sent_that(
            lambda body: (
                [each["type"] for each in body["messages"][2]["content"][0]["content"]] == ["text", "image"]
            ),
            "parts",
        ),
    ),
    mapped(
        "parallel calls are one message",
        items(HI, call("a"), call("b"), output("a"), output("b")),
        kinds(1, "tool_use", "tool_use"),
        kinds(2, "tool_result", "tool_result"),
    ),
    mapped(
        "calls and outputs by turns", items(HI, call("a"), output("a"), call("b"), output("b")), anywhere("R")
    ),
    mapped(
        "text between a call and its output stands before the call",
        items(HI, call(), says("assistant", "Looking.", "output_text"), output()),
        kinds(1, "text", "tool_use"),
        kinds(2, "tool_result"),
    ),
    mapped(
        "a call without an output", items(HI, call(), says("user", "Never mind.")), anywhere("Never mind.")
    ),
    mapped("an output without a call", items(HI, output("gone"), says("user", "B")), anywhere("B")),
    mapped("foreign call ids", items(HI, call("functions.look:0"), output("functions.look:0"))),
    mapped(
        "a custom call is free text",
        items(
            HI,
            {"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": _PATCH},
            {"type": "custom_tool_call_output", "call_id": "c1", "output": "Done"},
        ),
        at("messages.1.content.0.input", {"input": _PATCH}),
        kinds(2, "tool_result"),
        anywhere("Done"),
    ),
    mapped(
        "reasoning of elsewhere is dropped",
        items(
            HI,
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "enc-foreign"},
            call(),
            output(),
        ),
        upstream_never("enc-foreign"),
    ),
    mapped(
        "calls of a local shell keep together",
        items(
            HI,
            {
                "type": "local_shell_call",
                "call_id": "s1",
                "status": "completed",
                "action": {"type": "exec", "command": ["ls"], "env": {}},
            },
            {"type": "local_shell_call_output", "call_id": "s1", "output": "a.txt"},
            says("user", "B"),
        ),
        anywhere("B"),
    ),
    mapped(
        "calls of web search are no fault",
        items(
            HI,
            {
                "type": "web_search_call",
                "id": "ws_1",
                "status": "completed",
                "action": {"type": "search", "query": "q"},
            },
            says("assistant", "Found.", "output_text"),
            says("user", "B"),
        ),
        anywhere("Found.", "B"),
    ),
    mapped(
        "unknown items are no fault",
        items(HI, {"type": "hologram", "beam": 1}, says("user", "B")),
        anywhere("B"),
    ),
    mapped(
        "tools in an item are no fault",
        items({"type": "additional_tools", "role": "developer", "tools": [SPACE]}, HI),
        anywhere("Hi"),
    ),
    mapped(
        "a function is a tool",
        {"tools": [TOOL]},
        at("tools.0.name", "look"),
        at("tools.0.description", "Looks."),
        at("tools.0.input_schema", SCHEMA),
    ),
    mapped(
        "a function without parameters",
        {"tools": [{"type": "function", "name": "look", "parameters": None, "strict": None}]},
        at("tools.0.input_schema", {"type": "object", "properties": {}}),
    ),
    mapped(
        "a custom tool has one text, and its grammar is told",
        {"tools": [PATCH_TOOL]},
        at("tools.0.name", "apply_patch"),
        at("tools.0.input_schema.properties.input.type", "string"),
        sent_that(lambda body: GRAMMAR in body["tools"][0]["description"], "the grammar is lost"),
    ),
    mapped(
        "a namespace is flattened",
        {"tools": [SPACE]},
        sent_that(
            lambda body: len(body["tools"]) == 1 and "read" in body["tools"][0]["name"], "not flattened"
        ),
    ),
    mapped(
        "built-in tools are dropped",
        {"tools": [TOOL, {"type": "web_search"}, {"type": "local_shell"}, {"type": "image_generation"}]},
        sent_that(lambda body: [tool["name"] for tool in body["tools"]] == ["look"], "other tools"),
    ),
    mapped(
        "built-in tools alone leave none",
        {"tools": [{"type": "web_search"}], "tool_choice": "auto", "parallel_tool_calls": True},
        absent("tools", "tool_choice"),
    ),
    mapped("tool_choice required", {**TOOLS, "tool_choice": "required"}, at("tool_choice.type", "any")),
    mapped(
        "tool_choice function",
        {**TOOLS, "tool_choice": {"type": "function", "name": "look"}},
        at("tool_choice.type", "tool"),
    ),
    mapped(
        "one call at a time",
        {**TOOLS, "parallel_tool_calls": False},
        at("tool_choice.disable_parallel_tool_use", True),
    ),
    mapped("max_output_tokens is max_tokens", {"max_output_tokens": 777}, at("max_tokens", 777)),
    mapped(
        "no limit is a large one", {}, sent_that(lambda body: body["max_tokens"] >= 4096, "a small limit")
    ),
    *(
        mapped(
            f"an effort of {value}", {"reasoning": {"effort": value, "summary": "auto"}}, absent("reasoning")
        )
        for value in ("none", "low", "medium", "high", "xhigh")
    ),
    mapped(
        "what Messages has not is not sent",
        _REST,
        absent(
            "store",
            "include",
            "text",
            "truncation",
            "prompt_cache_key",
            "client_metadata",
            "background",
            "safety_identifier",
        ),
    ),
    mapped(
        "a format of the text is asked for",
        {
            "text": {
                "format": {
                    "type": "json_schema",
                    "name": "n",
                    "schema": {
                        "type": "object",
                        "properties": {"answer_key": {"type": "string"}},
                        "required": ["answer_key"],
                        "additionalProperties": False,
                    },
                    "strict": True,
                }
            }
        },
        sent_that(lambda body: "answer_key" in json.dumps(body), "lost"),
    ),
    survives(
        "a previous response is not known here", encoded(merged(BASE, {"previous_response_id": "resp_gone"}))
    ),
    mapped(
        "300 calls", items(HI, *(call(f"c{n}") for n in range(300)), *(output(f"c{n}") for n in range(300)))
    ),
    turned_away("no JSON", b"{"),
    turned_away("an input that is a number", encoded(merged(BASE, {"input": 7}))),
    turned_away("no input", b'{"model":"claude-sonnet-4-5"}'),
    survives("items that are no objects", encoded(merged(BASE, {"input": [1, None, "x"]}))),
    survives("an input of no items", encoded(merged(BASE, {"input": []}))),
    survives("a lone surrogate", b'{"model":"claude-sonnet-4-5","input":"a\\ud83dz"}'),
    survives(
        "an input 10,000 deep",
        b'{"model":"claude-sonnet-4-5","input":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    ),
    survives(
        "arguments 10,000 deep",
        encoded(merged(BASE, items(HI, call(arguments='{"a":' * 10_000 + "1" + "}" * 10_000), output()))),
    ),
    *(
        survives(f"{key} that is {name}", encoded(merged(BASE, {**TOOLS, key: value})))
        for key in _ECHOED
        for name, value in _ODD
    ),
]


def _compressed(name: str, squeeze: Callable[[bytes], bytes]) -> Case:
    body = squeeze(encoded(merged(BASE, {"input": "squeezed " * 50})))
    laws = (laws_messages.is_request, laws_responses.is_response, anywhere("squeezed"))
    return Case(
        f"a body in {name}", laws, PATH, body, (answered(),), (*CODEX_HEADERS, f"Content-Encoding: {name}")
    )


def _websocket() -> Case:
    def act(stage: Stage, case: Case) -> Outcome:
        more = [
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
        with stage.client() as client:
            client.send(stage.request(case, method="GET", more=more))
            return stage.outcome(client.receive())

    return Case("a WebSocket is refused at once", (status(426), asked(0)), PATH, b"", (), CODEX_HEADERS, act)


CARRIED = [
    _compressed("gzip", gzip.compress),
    _compressed("deflate", zlib.compress),
    _compressed("zstd", zstd.compress),
    turned_away("a body that is no zstd", b"nonsense", ("Content-Encoding: zstd",)),
    turned_away(
        "a body that is half of a gzip", gzip.compress(encoded(BASE))[:-12], ("Content-Encoding: gzip",)
    ),
    _websocket(),
]

# --- answers ----------------------------------------------------------------------------------------------------------


def outputs(*wanted: str) -> Check:
    return lambda outcome: same([item["type"] for item in outcome.got["output"]], list(wanted), "output")


def fails(name: str, given: Answer, *statuses: int, checks: tuple[Check, ...] = ()) -> Case:
    return Case(
        name,
        (laws_chat.error_of(*statuses), client_never("sk-upstream", "<html"), *checks),
        PATH,
        encoded(BASE),
        (given,),
        CODEX_HEADERS,
    )


ANSWERS = [
    read(
        "an answer of text",
        answered(text("Hello")),
        outputs("message"),
        gives("output.0.content.0.text", "Hello"),
        gives("status", "completed"),
    ),
    read(
        "text and calls",
        answered(text("A"), use("look", {"at": "x"}, "toolu_1"), stop="tool_use"),
        outputs("message", "function_call"),
        gives("output.1.call_id", "toolu_1"),
        gives("status", "completed"),
    ),
    read(
        "a custom tool's call returns as one",
        answered(use("apply_patch", {"input": _PATCH}), stop="tool_use"),
        outputs("custom_tool_call"),
        gives("output.0.input", _PATCH),
        gives("output.0.name", "apply_patch"),
    ),
    read(
        "thoughts do not become text",
        answered(thinking("Hm."), text("A")),
        got_that(
            lambda got: (
                [item["type"] for item in got["output"] if item["type"] != "reasoning"] == ["message"]
            ),
            "items",
        ),
    ),
    read(
        "max_tokens is incomplete",
        answered(text("A"), stop="max_tokens"),
        gives("status", "incomplete"),
        gives("incomplete_details.reason", "max_output_tokens"),
    ),
    read(
        "a refusal is incomplete",
        answered(text("A"), stop="refusal"),
        gives("status", "incomplete"),
        gives("incomplete_details.reason", "content_filter"),
    ),
    read(
        "usage counts the cache",
        answered(),
        gives("usage.input_tokens", 130),
        gives("usage.input_tokens_details.cached_tokens", 100),
        gives("usage.output_tokens", 5),
        gives("usage.total_tokens", 135),
    ),
    read(
        "tools are told back",
        answered(),
        gives("tools.0.name", "look"),
        gives("tools.1.type", "custom"),
        gives("parallel_tool_calls", True),
    ),
    read("an answer without content", answered(stop="end_turn")),
    read(
        "big integers",
        answered(use("look", {"id": 1234567890123456789}), stop="tool_use"),
        got_that(lambda got: "1234567890123456789" in got["output"][0]["arguments"], "rounded"),
    ),
    fails("400", refused("invalid_request_error", "messages: oops", 400), 400, checks=(mentions("oops"),)),
    fails("401", refused("authentication_error", "bad key", 401), 401, 502, 503),
    fails(
        "429 keeps its time",
        refused("rate_limit_error", "slow", 429, "Retry-After: 17"),
        429,
        checks=(header("retry-after", "16", "17"),),
    ),
    fails("529", refused("overloaded_error", "busy", 529), 503, 529),
    fails("HTML", answer(200, b"<html>", kind="text/html"), 502, 503),
]

# --- streams ----------------------------------------------------------------------------------------------------------

_STREAM = encoded(merged(BASE, {**TOOLS, "stream": True, "store": False}))
Look = Callable[[dict[str, Any]], None]


def flows(
    name: str, given: Answer, *looks: Look, checks: tuple[Check, ...] = (), body: bytes = _STREAM
) -> Case:
    def check(outcome: Outcome) -> None:
        whole = laws_responses.whole(outcome)
        for look in looks:
            look(whole)

    return Case(name, (laws_messages.is_request, check, *checks), PATH, body, (given,), CODEX_HEADERS)


def breaks(name: str, given: Answer) -> Case:
    return Case(name, (laws_responses.is_failed_stream,), PATH, _STREAM, (given,), CODEX_HEADERS)


def holds(*wanted: str) -> Look:
    """The output but for its reasoning: texts, arguments, or free input."""

    def look(whole: dict[str, Any]) -> None:
        got = []
        for item in whole["output"]:
            match item["type"]:
                case "message":
                    got.append("".join(part["text"] for part in item["content"]))
                case "function_call":
                    got.append(json.dumps(json.loads(item["arguments"]), ensure_ascii=False))
                case "custom_tool_call":
                    got.append(item["input"])
                case _:
                    pass
        same(got, list(wanted), "output")

    return look


def ends(wanted: str) -> Look:
    return lambda whole: same(whole["status"], wanted, "status")


def counts(whole: dict[str, Any]) -> None:
    same(
        [whole["usage"][key] for key in ("input_tokens", "output_tokens", "total_tokens")],
        [130, 5, 135],
        "usage",
    )


def order(*wanted: str) -> Check:
    def check(outcome: Outcome) -> None:
        got = list(dict.fromkeys(laws_responses.kinds(outcome)))
        same([kind.removeprefix("response.") for kind in got], list(wanted), "events")

    return check


_MESSAGE = (
    "output_item.added",
    "content_part.added",
    "output_text.delta",
    "output_text.done",
    "content_part.done",
    "output_item.done",
)
_FUNCTION = (
    "output_item.added",
    "function_call_arguments.delta",
    "function_call_arguments.done",
    "output_item.done",
)
_CUSTOM = (
    "output_item.added",
    "custom_tool_call_input.delta",
    "custom_tool_call_input.done",
    "output_item.done",
)
_FULL = [
    thinking("Hm."),
    text("naïve 👩‍👩‍👧 汉"),
    use("look", {"at": "é"}, "toolu_1"),
    use("apply_patch", {"input": _PATCH}, "toolu_2"),
]
_HELD = ("naïve 👩‍👩‍👧 汉", '{"at": "é"}', _PATCH)
_ERROR = named({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


def _begun(*more: Any, end: bool = True) -> Answer:
    return stream(start(), *block(0, text("alpha"), 1)[:2], Until(b"alpha"), *more, end=end)


STREAMS = [
    flows(
        "a stream of text",
        message_stream(text("Hello")),
        holds("Hello"),
        ends("completed"),
        counts,
        checks=(order("created", "in_progress", *_MESSAGE, "completed"),),
    ),
    flows(
        "text comes when it is said", _begun(*block(0, text("beta"), 1)[1:], *stopped()), holds("alphabeta")
    ),
    flows(
        "a stream of a call",
        message_stream(use("look", {"at": "x"}), stop="tool_use"),
        holds('{"at": "x"}'),
        checks=(order("created", "in_progress", *_FUNCTION, "completed"),),
    ),
    flows("a call without input", message_stream(use("look", {}), stop="tool_use"), holds("{}")),
    flows(
        "a stream of a custom call",
        message_stream(use("apply_patch", {"input": _PATCH}), stop="tool_use"),
        holds(_PATCH),
        checks=(order("created", "in_progress", *_CUSTOM, "completed"),),
    ),
    flows("everything", message_stream(*_FULL, stop="tool_use"), holds(*_HELD), ends("completed")),
    *(
        flows(f"{size} bytes a packet", message_stream(*_FULL, stop="tool_use", cut=size), holds(*_HELD))
        for size in (1, 3, 7, 64)
    ),
    flows(
        "max_tokens is incomplete, in a stream",
        message_stream(text("A"), stop="max_tokens"),
        ends("incomplete"),
    ),
    flows(
        "a refusal is incomplete, in a stream", message_stream(text("A"), stop="refusal"), ends("incomplete")
    ),
    flows("pings say nothing", stream(start(), PING, *block(0, text("A")), PING, *stopped()), holds("A")),
    flows("nothing at all", message_stream(), ends("completed")),
    flows("JSON for one who wanted a stream", answered(text("Hello")), holds("Hello")),
    flows(
        "300 calls in a stream",
        message_stream(*(use("look", {"at": str(n)}, f"toolu_{n}") for n in range(300)), stop="tool_use"),
        holds(*(f'{{"at": "{n}"}}' for n in range(300))),
    ),
    flows(
        "2 MB of free input",
        message_stream(use("apply_patch", {"input": "z" * 2_000_000}), stop="tool_use"),
        holds("z" * 2_000_000),
    ),
    breaks("an error event", _begun(_ERROR)),
    breaks("a connection that is reset", _begun(Reset(), end=False)),
    breaks("a connection that is closed", _begun(Close(), end=False)),
    breaks("an end without message_stop", _begun()),
    Case(
        "an error event before anything else",
        (either(laws_chat.error_of(500, 502, 503, 529), laws_responses.is_failed_stream),),
        PATH,
        _STREAM,
        (stream(_ERROR),),
        CODEX_HEADERS,
    ),
    Case(
        "a client that goes away",
        (),
        PATH,
        _STREAM,
        (stream(start(), *block(0, text("alpha"), 1)[:2], Linger(), end=False),),
        CODEX_HEADERS,
        hang_up(b"alpha"),
    ),
]


def _named_back() -> Case:
    """A call of a namespace's tool comes back under the name that Codex knows; the upstream calls what it was offered."""

    def act(stage: Stage, case: Case) -> Outcome:
        with stage.client() as client:
            client.send(stage.request(case))
            first = client.receive()
            name = stage.upstream.calls[-1].json["tools"][0]["name"]
            stage.upstream.expect([message_stream(use(name, {"at": "x"}), stop="tool_use")])
            must(first.status == 200, f"status {first.status}")
            client.send(stage.request(case))
            return stage.outcome(client.receive())

    def check(outcome: Outcome) -> None:
        item = laws_responses.whole(outcome)["output"][0]
        same((item["name"], item.get("namespace")), ("read", "mcp__files"), "name and namespace")

    body = encoded(merged(BASE, {"tools": [SPACE], "stream": True}))
    return Case(
        "a namespace's tool is called by its own name",
        (laws_messages.is_request, check),
        PATH,
        body,
        (message_stream(text("A")),),
        CODEX_HEADERS,
        act,
    )


STREAMS.append(_named_back())

# --- by way of Chat Completions ---------------------------------------------------------------------------------------


def by_chat(name: str, changes: dict[str, Any], given: Answer, *checks: Check) -> Case:
    return Case(
        f"{name}, by way of chat",
        (laws_chat.is_request, *checks),
        PATH,
        encoded(merged(BASE, {**TOOLS, **changes})),
        (given,),
        CODEX_HEADERS,
        upstream="chat",
    )


def amounts(*looks: Look) -> Check:
    def check(outcome: Outcome) -> None:
        whole = laws_responses.whole(outcome)
        for look in looks:
            look(whole)

    return check


def _part(name: str, arguments: str, identity: str, index: int) -> str:
    return spoken.calls(spoken.call(name, arguments, identity, index))


_FREE = json.dumps({"input": _PATCH})
_CHAT = [
    *(
        spoken.ROLE,
        spoken.chunk(reasoning_content="Hm."),
        *spoken.said(_HELD[0]),
        _part("look", _HELD[1], "a", 0),
        _part("apply_patch", _FREE, "b", 1),
    ),
    *(spoken.chunk(finish="tool_calls"), spoken.counted(), spoken.DONE),
]
_ROLES = ("user", "assistant", "tool", "tool", "user")


BY_CHAT = [
    by_chat(
        "an answer of text",
        {},
        spoken.completed("Hello"),
        laws_responses.is_response,
        outputs("message"),
        gives("usage.input_tokens", 10),
    ),
    by_chat(
        "an answer with calls",
        {},
        spoken.completed(
            None,
            "tool_calls",
            tool_calls=[spoken.call("look", "{}"), spoken.call("apply_patch", _FREE, "call_2")],
        ),
        laws_responses.is_response,
        outputs("function_call", "custom_tool_call"),
        gives("output.1.input", _PATCH),
    ),
    by_chat(
        "length is incomplete",
        {},
        spoken.completed("A", "length"),
        laws_responses.is_response,
        gives("status", "incomplete"),
    ),
    by_chat(
        "cached tokens are counted once",
        {},
        spoken.completed(
            usage={
                "prompt_tokens": 100,
                "completion_tokens": 5,
                "total_tokens": 105,
                "prompt_tokens_details": {"cached_tokens": 80},
            }
        ),
        gives("usage.input_tokens", 100),
        gives("usage.input_tokens_details.cached_tokens", 80),
    ),
    by_chat(
        "a history of calls",
        items(
            HI,
            call("a"),
            call("b"),
            says("assistant", "Looking.", "output_text"),
            output("a"),
            output("b"),
            says("user", "B"),
        ),
        spoken.completed(),
        laws_responses.is_response,
        lambda outcome: same([each["role"] for each in outcome.sent["messages"]], list(_ROLES), "roles"),
    ),
    by_chat(
        "a history of free text",
        items(
            HI,
            {"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": _PATCH},
            {"type": "custom_tool_call_output", "call_id": "c1", "output": "Done"},
        ),
        spoken.completed(),
        laws_responses.is_response,
        sent_that(
            lambda body: (
                json.loads(body["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"input": _PATCH}
            ),
            "arguments",
        ),
    ),
    by_chat(
        "an image in an output",
        items(HI, call(), output(told=[{"type": "input_text", "text": "shot"}, _IMAGE])),
        spoken.completed(),
        laws_responses.is_response,
        sent_that(lambda body: PIXEL in json.dumps(body["messages"][-1]), "the image is lost"),
    ),
    by_chat(
        "instructions are the system",
        {"instructions": "Be good."},
        spoken.completed(),
        at("messages.0", {"role": "system", "content": "Be good."}),
    ),
    by_chat("what chat has not is not sent", _REST, spoken.completed(), laws_responses.is_response),
    by_chat(
        "an effort goes to those who reason",
        {"model": "gpt-5", "reasoning": {"effort": "high"}},
        spoken.completed(),
        at("reasoning_effort", "high"),
    ),
    by_chat("a stream", {"stream": True}, stream(*_CHAT), amounts(holds(*_HELD), ends("completed"))),
    *(
        by_chat(f"{size} bytes a packet", {"stream": True}, stream(*_CHAT, cut=size), amounts(holds(*_HELD)))
        for size in (1, 7)
    ),
    by_chat(
        "text comes when it is said",
        {"stream": True},
        spoken.chat_stream(*spoken.said("alpha"), Until(b"alpha"), *spoken.said("beta")),
        amounts(holds("alphabeta")),
    ),
    by_chat(
        "an end without a finish",
        {"stream": True},
        stream(spoken.ROLE, *spoken.said("A"), Until(b'"A"')),
        laws_responses.is_failed_stream,
    ),
    by_chat(
        "an error in the middle",
        {"stream": True},
        stream(
            spoken.ROLE,
            *spoken.said("A"),
            Until(b'"A"'),
            spoken.event({"error": {"message": "Boom", "code": 500}}),
        ),
        laws_responses.is_failed_stream,
    ),
    by_chat(
        "a reset",
        {"stream": True},
        stream(spoken.ROLE, *spoken.said("A"), Until(b'"A"'), Reset(), end=False),
        laws_responses.is_failed_stream,
    ),
]

CASES = REQUESTS + CARRIED + ANSWERS + STREAMS + BY_CHAT
