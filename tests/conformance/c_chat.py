"""C: Chat Completions clients before an account that speaks Messages."""

import json
from collections.abc import Callable
from typing import Any

import laws_chat
import laws_messages
from cases import (
    OPENAI_HEADERS,
    Case,
    Check,
    Outcome,
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
    mentions,
    merged,
    must,
    same,
    sent_that,
    texts,
    upstream_never,
)
from exchange import Answer, Close, Linger, Reset, Until, answer, document, gzipped, stream
from f_requests import PIXEL
from spoken import (
    PING,
    answered,
    block,
    made,
    message_stream,
    named,
    refused,
    start,
    stopped,
    text,
    thinking,
    use,
)

PATH = "/v1/chat/completions"
BASE: dict[str, Any] = {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "Hi"}]}
SCHEMA = {"type": "object", "properties": {"at": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA}}
TOOLS = {"tools": [TOOL]}
USER = {"role": "user", "content": "Hi"}


def mapped(name: str, changes: dict[str, Any], *checks: Check, given: Answer | None = None) -> Case:
    body = encoded(merged(BASE, changes))
    laws = (laws_messages.is_request, laws_chat.is_completion, asked(1))
    return Case(name, (*laws, *checks), PATH, body, (given or answered(),), OPENAI_HEADERS)


def read(name: str, given: Answer, *checks: Check) -> Case:
    return mapped(name, TOOLS, *checks, given=given)


def survives(name: str, body: bytes, *checks: Check) -> Case:
    taken = every(laws_messages.is_request, laws_chat.is_completion, *checks)
    return Case(name, (either(taken, laws_chat.error_of(400)),), PATH, body, (answered(),), OPENAI_HEADERS)


def turned_away(name: str, body: bytes) -> Case:
    return Case(name, (laws_chat.error_of(400), asked(0)), PATH, body, (answered(),), OPENAI_HEADERS)


def call(identity: str = "call_1", arguments: str = '{"at": "x"}', name: str = "look") -> dict[str, Any]:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def asks(*calls: dict[str, Any], content: Any = None) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def tells(identity: str = "call_1", content: Any = "R") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": identity, "content": content}


def talk(*messages: dict[str, Any]) -> dict[str, Any]:
    return {**TOOLS, "messages": list(messages)}


def anywhere(*wanted: str) -> Check:
    return sent_that(lambda body: all(any(w in t for t in texts(body)) for w in wanted), f"{wanted} is lost")


def system_says(*wanted: str) -> Check:
    def check(outcome: Outcome) -> None:
        whole = "\n".join(texts(outcome.sent.get("system")))
        spots = [whole.find(each) for each in wanted]
        must(-1 not in spots and spots == sorted(spots), f"{wanted} are not in order in {whole!r}")

    return check


def blocks_of(place: int) -> Callable[[Any], list[dict[str, Any]]]:
    return lambda body: [block for block in body["messages"][place]["content"] if isinstance(block, dict)]


def kinds(place: int, *wanted: str) -> Check:
    return lambda outcome: same(
        [block["type"] for block in blocks_of(place)(outcome.sent)], list(wanted), f"blocks of {place}"
    )


def effort(name: str, value: str, **more: Any) -> Case:
    """Thinking or none: what the law of requests forbids is the point."""
    return mapped(name, {"reasoning_effort": value, **more}, absent("reasoning_effort"))


_IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
_WEB_IMAGE = {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "high"}}
_BLOCK = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
_FORMAT = {
    "type": "json_schema",
    "json_schema": {
        "name": "n",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"answer": {"type": "string"}},
            "required": ["answer"],
            "additionalProperties": False,
        },
    },
}
_REST = {
    "n": 1,
    "seed": 7,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "logit_bias": {},
    "logprobs": False,
    "store": False,
    "user": "u-1",
    "service_tier": "auto",
    "metadata": {"a": "b"},
    "modalities": ["text"],
    "prompt_cache_key": "k",
    "verbosity": "low",
}
_KEYS = (
    "tools",
    "tool_choice",
    "stop",
    "response_format",
    "reasoning_effort",
    "user",
    "stream_options",
    "functions",
    "function_call",
    "temperature",
    "max_tokens",
)
_ODD: tuple[tuple[str, Any], ...] = (
    ("a number", 7),
    ("a text", "odd"),
    ("a list of objects", [{"type": 7}]),
    ("an odd object", {"type": {}, "include_usage": 1}),
    ("null", None),
)

REQUESTS = [
    mapped("a text", {}, anywhere("Hi")),
    mapped(
        "a model outside is mapped as the account says", {"model": "gpt-4o"}, at("model", "claude-sonnet-4-5")
    ),
    mapped(
        "system and developer messages are the system, in order",
        {
            "messages": [
                {"role": "system", "content": "one"},
                {"role": "developer", "content": [{"type": "text", "text": "two"}]},
                USER,
            ]
        },
        system_says("one", "two"),
    ),
    mapped(
        "a system message further down is not lost",
        {"messages": [USER, {"role": "system", "content": "late"}, {"role": "user", "content": "B"}]},
        anywhere("late", "B"),
    ),
    mapped(
        "an empty system message is left out",
        {"messages": [{"role": "system", "content": ""}, USER]},
        absent("system"),
    ),
    mapped("max_completion_tokens is max_tokens", {"max_completion_tokens": 777}, at("max_tokens", 777)),
    mapped("max_tokens is max_tokens", {"max_tokens": 778}, at("max_tokens", 778)),
    mapped(
        "no limit is a large one", {}, sent_that(lambda body: body["max_tokens"] >= 4096, "a small limit")
    ),
    mapped(
        "a conversation that an assistant begins",
        {"messages": [{"role": "assistant", "content": "Hello."}, USER]},
        anywhere("Hello."),
    ),
    mapped(
        "a conversation of a system message alone",
        {"messages": [{"role": "system", "content": "Say something."}]},
        anywhere("Say something."),
    ),
    mapped(
        "empty content beside calls is dropped",
        talk(USER, asks(call(), content=""), tells()),
        kinds(1, "tool_use"),
    ),
    mapped(
        "a call is a tool_use",
        talk(USER, asks(call(), content="So."), tells()),
        kinds(1, "text", "tool_use"),
        at("messages.1.content.1.input", {"at": "x"}),
    ),
    mapped(
        "empty arguments are {}",
        talk(USER, asks(call(arguments="")), tells()),
        at("messages.1.content.0.input", {}),
    ),
    mapped(
        "arguments that are no JSON are an object still", talk(USER, asks(call(arguments="{oops")), tells())
    ),
    mapped(
        "results of parallel calls are one message",
        talk(USER, asks(call("a"), call("b")), tells("a", "R1"), tells("b", "R2")),
        kinds(2, "tool_result", "tool_result"),
    ),
    mapped(
        "text behind results stands behind them in one message",
        talk(USER, asks(call("a"), call("b")), tells("a"), tells("b"), {"role": "user", "content": "And?"}),
        kinds(2, "tool_result", "tool_result", "text"),
    ),
    mapped(
        "a call without a result gets one",
        talk(USER, asks(call("a"), call("b")), tells("a"), {"role": "user", "content": "And?"}),
        anywhere("And?"),
    ),
    mapped(
        "a call without any result gets one",
        talk(USER, asks(call("a")), {"role": "user", "content": "Never mind."}),
        anywhere("Never mind."),
    ),
    mapped("a call at the end gets a result", talk(USER, asks(call("a")))),
    mapped(
        "a result without a call is dropped",
        talk(USER, tells("gone"), {"role": "user", "content": "B"}),
        anywhere("B"),
    ),
    mapped(
        "a result that comes too late",
        talk(USER, asks(call("a")), {"role": "user", "content": "Wait."}, tells("a", "late result")),
        anywhere("Wait."),
    ),
    mapped(
        "foreign ids are made fit on both sides",
        talk(
            USER,
            asks(call("functions.look:0"), call("functions.look:1")),
            tells("functions.look:1", "R1"),
            tells("functions.look:0", "R0"),
        ),
    ),
    mapped(
        "ids that would fall together stay apart",
        talk(
            USER,
            asks(call("a.b"), call("a:b"), call("a_b")),
            tells("a.b", "1"),
            tells("a:b", "2"),
            tells("a_b", "3"),
        ),
        sent_that(lambda body: len({block["id"] for block in blocks_of(1)(body)}) == 3, "ids fell together"),
    ),
    mapped(
        "one id in two turns",
        talk(USER, asks(call("call_0")), tells("call_0", "R0"), asks(call("call_0")), tells("call_0", "R1")),
        anywhere("R0", "R1"),
    ),
    mapped(
        "a result of parts",
        talk(USER, asks(call()), tells(content=[{"type": "text", "text": "part one"}])),
        anywhere("part one"),
    ),
    mapped(
        "a tool without parameters has an empty schema",
        {"tools": [{"type": "function", "function": {"name": "look"}}]},
        at("tools.0.input_schema", {"type": "object", "properties": {}}),
    ),
    mapped(
        "a tool with a schema of no type",
        {"tools": [{"type": "function", "function": {"name": "look", "parameters": {"properties": {}}}}]},
        at("tools.0.input_schema.type", "object"),
    ),
    mapped(
        "strict null is not sent",
        {"tools": [{"type": "function", "function": {"name": "look", "parameters": SCHEMA, "strict": None}}]},
        sent_that(
            lambda body: "strict" not in body["tools"][0] or body["tools"][0]["strict"] is not None,
            "strict is null",
        ),
    ),
    mapped("two tools of one name", {"tools": [TOOL, TOOL]}),
    mapped("no tools", {"tools": [], "tool_choice": "auto"}, absent("tools", "tool_choice")),
    mapped(
        "tool_choice required is any", {**TOOLS, "tool_choice": "required"}, at("tool_choice.type", "any")
    ),
    mapped(
        "tool_choice function is tool",
        {**TOOLS, "tool_choice": {"type": "function", "function": {"name": "look"}}},
        at("tool_choice.type", "tool"),
        at("tool_choice.name", "look"),
    ),
    mapped(
        "tool_choice none",
        {**TOOLS, "tool_choice": "none"},
        either(at("tool_choice.type", "none"), absent("tools")),
    ),
    mapped(
        "one call at a time",
        {**TOOLS, "parallel_tool_calls": False},
        at("tool_choice", {"type": "auto", "disable_parallel_tool_use": True}),
    ),
    mapped(
        "one call at a time, and one there must be",
        {**TOOLS, "tool_choice": "required", "parallel_tool_calls": False},
        at("tool_choice", {"type": "any", "disable_parallel_tool_use": True}),
    ),
    mapped("one call at a time without tools", {"parallel_tool_calls": False}, absent("tool_choice")),
    mapped(
        "the old functions are tools",
        {"functions": [TOOL["function"]], "function_call": "auto"},
        at("tools.0.name", "look"),
    ),
    mapped(
        "an image by data",
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "See"}, _IMAGE]}]},
        at("messages.0.content.1.source", _BLOCK["source"]),
    ),
    mapped(
        "an image by URL",
        {"messages": [{"role": "user", "content": [_WEB_IMAGE]}]},
        at("messages.0.content.0.source", {"type": "url", "url": "https://x.example/a.png"}),
    ),
    mapped("stop as a text", {"stop": "END"}, at("stop_sequences", ["END"])),
    mapped(
        "stop as a list, without the blank ones", {"stop": ["END", "", "\n"]}, at("stop_sequences", ["END"])
    ),
    mapped("stop of null", {"stop": None}, absent("stop_sequences")),
    mapped(
        "a temperature of 1.7 is clamped",
        {"temperature": 1.7},
        sent_that(lambda body: body["temperature"] == 1, "not clamped"),
    ),
    mapped(
        "a temperature of 0 is kept",
        {"temperature": 0},
        sent_that(lambda body: body["temperature"] == 0, "lost"),
    ),
    *(
        effort(f"the effort {value}", value)
        for value in ("none", "minimal", "low", "medium", "high", "xhigh")
    ),
    effort("an effort beside a small limit", "high", max_tokens=500),
    effort("an effort beside a temperature", "medium", temperature=0.2, top_p=0.5),
    effort("an effort beside a forced tool", "medium", **TOOLS, tool_choice="required"),
    effort("an effort of a model that budgets", "medium", model="claude-opus-4-1-20250805", max_tokens=2000),
    effort("an effort of a model that cannot think", "medium", model="claude-3-5-haiku-20241022"),
    effort("an effort behind calls that were not thought of", "high", **talk(USER, asks(call()), tells())),
    mapped(
        "a JSON Schema is asked for",
        {"response_format": _FORMAT},
        absent("response_format"),
        sent_that(lambda body: "answer" in json.dumps(body), "the schema is lost"),
    ),
    mapped(
        "JSON is asked for",
        {"response_format": {"type": "json_object"}},
        absent("response_format"),
        sent_that(lambda body: "json" in json.dumps(body).lower(), "the wish is lost"),
    ),
    mapped(
        "what Messages has not is not sent",
        _REST,
        sent_that(lambda body: not set(body) & (set(_REST) - {"metadata", "service_tier"}), "sent"),
    ),
    mapped(
        "big integers stay exact",
        talk(USER, asks(call(arguments='{"id": 1234567890123456789}')), tells()),
        at("messages.1.content.0.input", {"id": 1234567890123456789}),
    ),
    mapped(
        "reasoning in the history is no text",
        {
            "messages": [
                USER,
                {"role": "assistant", "content": "A", "reasoning_content": "deep thought"},
                {"role": "user", "content": "B"},
            ]
        },
        upstream_never("deep thought"),
    ),
    mapped("names of people are no fault", {"messages": [{**USER, "name": "alice"}]}),
    mapped("emoji", {"messages": [{"role": "user", "content": "👩‍👩‍👧"}]}, anywhere("👩‍👩‍👧")),
    mapped(
        "a refusal in the history",
        {
            "messages": [
                USER,
                {"role": "assistant", "content": None, "refusal": "I will not."},
                {"role": "user", "content": "B"},
            ]
        },
        anywhere("I will not.", "B"),
    ),
    mapped(
        "an assistant message of nothing",
        {"messages": [USER, {"role": "assistant", "content": ""}, {"role": "user", "content": "B"}]},
        anywhere("B"),
    ),
    mapped(
        "a prefill that ends in white space",
        {"messages": [USER, {"role": "assistant", "content": "The answer is "}]},
    ),
    mapped(
        "300 calls",
        talk(USER, asks(*(call(f"c{n}") for n in range(300))), *(tells(f"c{n}") for n in range(300))),
    ),
    mapped(
        "a file",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "file",
                            "file": {
                                "filename": "a.pdf",
                                "file_data": "data:application/pdf;base64,JVBERi0=",
                            },
                        }
                    ],
                }
            ]
        },
        at("messages.0.content.0.type", "document"),
    ),
    turned_away("no JSON", b"{"),
    turned_away("no messages", b'{"model":"claude-sonnet-4-5"}'),
    turned_away("messages that are a text", b'{"model":"claude-sonnet-4-5","messages":"Hi"}'),
    turned_away(
        "an unknown role", encoded(merged(BASE, {"messages": [{"role": "wizard", "content": "Hi"}]}))
    ),
    survives("several answers at once", encoded(merged(BASE, {"n": 3}))),
    survives(
        "a lone surrogate",
        b'{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"a\\ud83dz"}]}',
    ),
    survives(
        "arguments 10,000 deep",
        encoded(
            merged(BASE, talk(USER, asks(call(arguments='{"a":' * 10_000 + "1" + "}" * 10_000)), tells()))
        ),
    ),
    survives(
        "content 10,000 deep",
        b'{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":'
        + b"[" * 10_000
        + b"]" * 10_000
        + b"}]}",
    ),
    survives(
        "arguments of 1e400",
        encoded(merged(BASE, talk(USER, asks(call(arguments='{"a": 1e400}')), tells()))),
        sent_that(lambda body: "Infinity" not in json.dumps(body), "infinity"),
    ),
    survives(
        "arguments of NaN", encoded(merged(BASE, talk(USER, asks(call(arguments='{"a": NaN}')), tells())))
    ),
    survives(
        "stream null, and options for it", encoded(merged(BASE, {"stream": None, "stream_options": None}))
    ),
    *(
        survives(f"{key} that is {name}", encoded(merged(BASE, {**TOOLS, key: value})))
        for key in _KEYS
        for name, value in _ODD
    ),
]


# --- answers ----------------------------------------------------------------------------------------------------------


def message_is(**wanted: Any) -> Check:
    return every(*(gives(f"choices.0.message.{key}", value) for key, value in wanted.items()))


def finish(wanted: str) -> Check:
    return gives("choices.0.finish_reason", wanted)


def fails(name: str, given: Answer, *statuses: int, checks: tuple[Check, ...] = ()) -> Case:
    return Case(
        name,
        (laws_chat.error_of(*statuses), client_never("sk-upstream", "<html"), *checks),
        PATH,
        encoded(BASE),
        (given,),
        OPENAI_HEADERS,
    )


def retry_after(outcome: Outcome) -> None:
    must(
        outcome.reply.header("retry-after") in {"16", "17"},
        f"retry-after {outcome.reply.header('retry-after')!r}",
    )


_LOOKS = use("look", {"at": "é汉"})

ANSWERS = [
    read(
        "an answer of text",
        answered(text("Hello")),
        message_is(content="Hello", role="assistant"),
        finish("stop"),
    ),
    read("texts are joined", answered(text("Hel"), text("lo")), message_is(content="Hello")),
    read(
        "calls alone have content null",
        answered(use("look", {"at": "x"}), stop="tool_use"),
        message_is(content=None),
        finish("tool_calls"),
    ),
    read(
        "arguments are a text that keeps its characters",
        answered(_LOOKS, stop="tool_use"),
        got_that(
            lambda got: "汉" in got["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"],
            "escaped",
        ),
    ),
    read("thoughts are no content", answered(thinking("Hm."), text("A")), message_is(content="A")),
    *(
        read(f"{stop} is {wanted}", answered(text("A"), stop=stop), finish(wanted))
        for stop, wanted in (
            ("end_turn", "stop"),
            ("stop_sequence", "stop"),
            ("pause_turn", "stop"),
            ("max_tokens", "length"),
            ("model_context_window_exceeded", "length"),
            ("refusal", "content_filter"),
        )
    ),
    read(
        "usage counts the cache",
        answered(),
        gives("usage.prompt_tokens", 130),
        gives("usage.completion_tokens", 5),
        gives("usage.total_tokens", 135),
        gives("usage.prompt_tokens_details.cached_tokens", 100),
    ),
    read(
        "big integers stay exact on the way back",
        answered(use("look", {"id": 1234567890123456789}), stop="tool_use"),
        got_that(
            lambda got: (
                "1234567890123456789"
                in got["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
            ),
            "rounded",
        ),
    ),
    read("an answer without content", document(made())),
    read("an answer in gzip", gzipped(made(text("Hello"))), message_is(content="Hello")),
    read(
        "a stream for one who wanted none",
        message_stream(text("Hello"), use("look", {"at": "x"}), stop="tool_use"),
        message_is(content="Hello"),
        finish("tool_calls"),
    ),
    read(
        "blocks of servers are no fault",
        answered(
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}, text("A")
        ),
        message_is(content="A"),
    ),
    fails("400", refused("invalid_request_error", "messages: oops", 400), 400, checks=(mentions("oops"),)),
    fails("401", refused("authentication_error", "bad key", 401), 401, 502, 503),
    fails("404", refused("not_found_error", "model: x", 404), 404),
    fails("413", refused("request_too_large", "too large", 413), 413),
    fails(
        "429 keeps its time",
        refused("rate_limit_error", "slow", 429, "Retry-After: 17"),
        429,
        checks=(retry_after,),
    ),
    fails("500", refused("api_error", "boom", 500), 500, 503),
    fails("529", refused("overloaded_error", "busy", 529), 503, 529),
    fails("HTML", answer(200, b"<html>", kind="text/html"), 502, 503),
    fails("an error at 200", refused("api_error", "boom", 200), 500, 502, 503),
    Case(
        "a path that is not there",
        (laws_chat.error_of(404),),
        "/v1/chat/nothing",
        encoded(BASE),
        (answered(),),
        OPENAI_HEADERS,
    ),
]


# --- streams ----------------------------------------------------------------------------------------------------------

_STREAM = encoded(merged(BASE, {**TOOLS, "stream": True}))
_WITH_USAGE = encoded(merged(BASE, {**TOOLS, "stream": True, "stream_options": {"include_usage": True}}))
Look = Callable[[dict[str, Any]], None]


def flows(
    name: str, given: Answer, *looks: Look, checks: tuple[Check, ...] = (), body: bytes = _STREAM
) -> Case:
    def check(outcome: Outcome) -> None:
        whole = laws_chat.whole(outcome)
        for look in looks:
            look(whole)

    return Case(
        name,
        (laws_messages.is_request, check, at("stream", True), absent("stream_options"), *checks),
        PATH,
        body,
        (given,),
        OPENAI_HEADERS,
    )


def breaks(name: str, given: Answer) -> Case:
    return Case(name, (laws_chat.is_failed_stream,), PATH, _STREAM, (given,), OPENAI_HEADERS)


def content(wanted: str | None) -> Look:
    return lambda whole: same(whole["choices"][0]["message"].get("content"), wanted, "content")


def calls(*wanted: tuple[str, Any]) -> Look:
    def look(whole: dict[str, Any]) -> None:
        got = [
            (each["id"], json.loads(each["function"]["arguments"]))
            for each in whole["choices"][0]["message"]["tool_calls"]
        ]
        same([list(each) for each in got], [list(each) for each in wanted], "calls")

    return look


def ends(wanted: str) -> Look:
    return lambda whole: same(whole["choices"][0]["finish_reason"], wanted, "finish_reason")


def usage_told(outcome: Outcome) -> None:
    chunks, _ = laws_chat.chunks(outcome)
    same(chunks[-1]["choices"], [], "choices of the usage chunk")
    laws_chat.usage(chunks[-1]["usage"])
    same(chunks[-1]["usage"]["prompt_tokens"], 130, "prompt_tokens")
    same(chunks[-1]["usage"]["prompt_tokens_details"]["cached_tokens"], 100, "cached_tokens")
    must(all(each.get("usage") is None for each in chunks[:-1]), "usage is told twice")


def usage_untold(outcome: Outcome) -> None:
    chunks, _ = laws_chat.chunks(outcome)
    must(all(each["choices"] and each.get("usage") is None for each in chunks), "usage though nobody asked")


def no_thought(outcome: Outcome) -> None:
    chunks, _ = laws_chat.chunks(outcome)
    must(
        all(
            "Hm." not in (each["choices"][0]["delta"].get("content") or "")
            for each in chunks
            if each["choices"]
        ),
        "thoughts in content",
    )


_FULL = [
    thinking("Hm."),
    text("naïve 👩‍👩‍👧 汉"),
    use("look", {"at": "é"}, "toolu_1"),
    use("look", {"at": "y"}, "toolu_2"),
]
_ERROR = named({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


def _begun(*more: Any, end: bool = True) -> Answer:
    return stream(start(), *block(0, text("alpha"), 1)[:2], Until(b"alpha"), *more, end=end)


STREAMS = [
    flows(
        "a stream of text",
        message_stream(text("Hello")),
        content("Hello"),
        ends("stop"),
        checks=(usage_untold,),
    ),
    flows(
        "usage where it is asked for",
        message_stream(text("Hello")),
        content("Hello"),
        checks=(usage_told,),
        body=_WITH_USAGE,
    ),
    flows(
        "text comes when it is said", _begun(*block(0, text("beta"), 1)[1:], *stopped()), content("alphabeta")
    ),
    flows(
        "calls are counted by themselves",
        message_stream(*_FULL, stop="tool_use"),
        content("naïve 👩‍👩‍👧 汉"),
        calls(("toolu_1", {"at": "é"}), ("toolu_2", {"at": "y"})),
        ends("tool_calls"),
        checks=(no_thought,),
    ),
    flows(
        "a call without input is {}", message_stream(use("look", {}), stop="tool_use"), calls(("toolu_1", {}))
    ),
    flows(
        "calls alone",
        message_stream(use("look", {"at": "x"}), stop="tool_use"),
        calls(("toolu_1", {"at": "x"})),
    ),
    flows("max_tokens is length, in a stream", message_stream(text("A"), stop="max_tokens"), ends("length")),
    flows(
        "refusal is content_filter, in a stream",
        message_stream(text("A"), stop="refusal"),
        ends("content_filter"),
    ),
    flows(
        "pings say nothing",
        stream(
            start(), PING, *block(0, text("A"))[:1], PING, *block(0, text("A"))[1:], PING, *stopped(), PING
        ),
        content("A"),
    ),
    flows("nothing at all", message_stream(), ends("stop")),
    flows("JSON for one who wanted a stream", answered(text("Hello")), content("Hello")),
    flows(
        "300 calls in a stream",
        message_stream(*(use("look", {"at": str(n)}, f"toolu_{n}") for n in range(300)), stop="tool_use"),
        calls(*((f"toolu_{n}", {"at": str(n)}) for n in range(300))),
    ),
    flows(
        "2 MB of input",
        message_stream(use("look", {"at": "z" * 2_000_000}), stop="tool_use"),
        calls(("toolu_1", {"at": "z" * 2_000_000})),
    ),
    *(
        flows(
            f"{size} bytes a packet",
            message_stream(*_FULL, stop="tool_use", cut=size),
            content("naïve 👩‍👩‍👧 汉"),
            ends("tool_calls"),
        )
        for size in (1, 3, 7, 64)
    ),
    flows(
        "CR LF",
        stream("".join([start(), *block(0, text("Hello")), *stopped()]).replace("\n", "\r\n")),
        content("Hello"),
    ),
    breaks("an error event", _begun(_ERROR)),
    breaks("a connection that is reset", _begun(Reset(), end=False)),
    breaks("a connection that is closed", _begun(Close(), end=False)),
    breaks("an end without message_stop", _begun()),
    Case(
        "an error event before anything else",
        (laws_chat.error_of(500, 502, 503, 529),),
        PATH,
        _STREAM,
        (stream(_ERROR),),
        OPENAI_HEADERS,
    ),
    Case(
        "a client that goes away",
        (),
        PATH,
        _STREAM,
        (stream(start(), *block(0, text("alpha"), 1)[:2], Linger(), end=False),),
        OPENAI_HEADERS,
        hang_up(b"alpha"),
    ),
]

CASES = REQUESTS + ANSWERS + STREAMS
