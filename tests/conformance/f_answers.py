"""F: the JSON answers of Chat Completions servers, as a Messages client gets them."""

from typing import Any

import laws_messages
from cases import (
    CLIENT_HEADERS,
    Case,
    Check,
    Outcome,
    client_never,
    encoded,
    gives,
    got_that,
    merged,
    must,
    same,
)
from exchange import Answer, answer, document, gzipped, stream
from f_requests import BASE, LONG, PATH, TOOL, TOOLS
from spoken import DONE, ROLE, call, calls, chat_stream, chunk, completed, completion, counted, said

_BODY = encoded(merged(BASE, TOOLS))
_STREAM = encoded(merged(BASE, {**TOOLS, "stream": True}))


def read(name: str, given: Answer, *checks: Check, body: bytes = _BODY) -> Case:
    return Case(name, (laws_messages.is_message, *checks), PATH, body, (given,), CLIENT_HEADERS)


def fails(
    name: str, given: Answer, *statuses: int, kinds: tuple[str, ...] = ("api_error", "overloaded_error")
) -> Case:
    """Told as what it is, or, with no account left, as 503."""
    return Case(
        name, (laws_messages.error_of((*statuses, 503), *kinds),), PATH, _BODY, (given,), CLIENT_HEADERS
    )


def stop(wanted: str) -> Check:
    return gives("stop_reason", wanted)


def blocks(*wanted: str) -> Check:
    return lambda outcome: same([block["type"] for block in outcome.got["content"]], list(wanted), "blocks")


def usage(**wanted: int) -> Check:
    def check(outcome: Outcome) -> None:
        for key, value in wanted.items():
            same(outcome.got["usage"].get(key) or 0, value, f"usage.{key}")

    return check


def called(finish: Any, *given: dict[str, Any], content: Any = None, **more: Any) -> Answer:
    return completed(content, finish, tool_calls=list(given), **more)


def whole_stream(*checks: Any) -> Check:
    """The client got a stream; the checks are of the message that it amounts to."""

    def check(outcome: Outcome) -> None:
        made = laws_messages.whole(outcome)
        for each in checks:
            each(made)

    return check


_ARGUMENTS = '{"at": "x"}'
_DETAILS = {
    "prompt_tokens": 100,
    "completion_tokens": 5,
    "total_tokens": 105,
    "prompt_tokens_details": {"cached_tokens": 80},
}
_WRITES = {**_DETAILS, "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30}}
_REASONED = {
    "prompt_tokens": 10,
    "completion_tokens": 50,
    "total_tokens": 60,
    "completion_tokens_details": {"reasoning_tokens": 40},
}


def _two_ids(outcome: Outcome) -> None:
    ids = [block["id"] for block in outcome.got["content"]]
    must(len(set(ids)) == 2 and all(ids), f"ids {ids}")


def _renamed() -> Case:
    """The upstream calls the tool by the name it was given, which is shorter than the client's."""
    short = LONG[:20]

    def check(outcome: Outcome) -> None:
        must(outcome.sent["tools"][0]["function"]["name"] != short, "the case is void")
        same(outcome.got["content"][0]["name"], short, "a name that nobody knows is kept")

    body = encoded(merged(BASE, {"tools": [{**TOOL, "name": LONG}]}))
    return read(
        "a name that was never given is passed on", called("tool_calls", call(short, "{}")), check, body=body
    )


CASES = [
    read(
        "a text",
        completed("Hello"),
        gives("content.0.text", "Hello"),
        blocks("text"),
        stop("end_turn"),
        gives("stop_sequence", None),
    ),
    read(
        "content null with calls",
        called("tool_calls", call("look", _ARGUMENTS)),
        blocks("tool_use"),
        stop("tool_use"),
        gives("content.0.input", {"at": "x"}),
        gives("content.0.id", "call_1"),
    ),
    read(
        "empty content makes no block",
        called("tool_calls", call("look", "{}"), content=""),
        blocks("tool_use"),
    ),
    read(
        "content of parts is joined",
        completed([{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]),
        gives("content.0.text", "Hello"),
        blocks("text"),
    ),
    read(
        "parts that hold thoughts are thoughts",
        completed(
            [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                {"type": "text", "text": "Hello"},
            ]
        ),
        got_that(
            lambda got: got["content"][-1] == {**got["content"][-1], "type": "text", "text": "Hello"},
            "the text",
        ),
    ),
    read(
        "a refusal is a text", completed(None, refusal="I will not."), gives("content.0.text", "I will not.")
    ),
    read(
        "reasoning_content is thought first",
        completed("A", reasoning_content="Hm."),
        blocks("thinking", "text"),
        gives("content.0.thinking", "Hm."),
        gives("content.0.signature", ""),
    ),
    read(
        "reasoning is thought first",
        completed("A", reasoning="Hm."),
        blocks("thinking", "text"),
        gives("content.0.thinking", "Hm."),
    ),
    read(
        "thought, text and calls keep that order",
        called(
            "tool_calls",
            call("look", _ARGUMENTS, "call_1"),
            call("look", _ARGUMENTS, "call_2"),
            content="A",
            reasoning_content="Hm.",
        ),
        blocks("thinking", "text", "tool_use", "tool_use"),
    ),
    read("empty arguments are {}", called("tool_calls", call("look", "")), gives("content.0.input", {})),
    read(
        "arguments that are no JSON are an object still",
        called("tool_calls", call("look", '{"at": "x"')),
        got_that(lambda got: isinstance(got["content"][0]["input"], dict), "no object"),
    ),
    read(
        "arguments that are a list are an object still",
        called("tool_calls", call("look", "[1]")),
        got_that(lambda got: isinstance(got["content"][0]["input"], dict), "no object"),
    ),
    read(
        "arguments that are an object already",
        called(
            "tool_calls",
            {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": {"at": "x"}}},
        ),
        gives("content.0.input", {"at": "x"}),
    ),
    read(
        "big integers in arguments stay exact",
        called("tool_calls", call("look", '{"id": 1234567890123456789}')),
        gives("content.0.input", {"id": 1234567890123456789}),
    ),
    read(
        "missing ids are made",
        called("tool_calls", call("look", "{}", None), call("look", "{}", None)),
        _two_ids,
    ),
    read(
        "empty ids are made", called("tool_calls", call("look", "{}", ""), call("look", "{}", "")), _two_ids
    ),
    read("null ids are made", called("tool_calls", {**call("look", "{}"), "id": None}), blocks("tool_use")),
    read("calls that finish with stop are tool_use", called("stop", call("look", "{}")), stop("tool_use")),
    read("calls that finish with null are tool_use", called(None, call("look", "{}")), stop("tool_use")),
    read(
        "calls that are cut by length stay max_tokens",
        called("length", call("look", '{"at": "x')),
        stop("max_tokens"),
    ),
    read("length is max_tokens", completed("A", "length"), stop("max_tokens")),
    read(
        "content_filter is a refusal",
        completed("A", "content_filter"),
        got_that(lambda got: got["stop_reason"] in {"refusal", "end_turn"}, "neither refusal nor end_turn"),
    ),
    read("an unknown finish is end_turn", completed("A", "eos"), stop("end_turn")),
    read("a finish of null is end_turn", completed("A", None), stop("end_turn")),
    read(
        "tool_calls without a call is end_turn", completed("A", "tool_calls", tool_calls=[]), stop("end_turn")
    ),
    read(
        "the old function_call is a call",
        completed(None, "function_call", function_call={"name": "look", "arguments": _ARGUMENTS}),
        blocks("tool_use"),
        stop("tool_use"),
    ),
    read(
        "cached tokens are no input",
        completed(usage=_DETAILS),
        usage(input_tokens=20, cache_read_input_tokens=80, output_tokens=5),
    ),
    read(
        "written tokens are no input",
        completed(usage=_WRITES),
        got_that(
            lambda got: (
                got["usage"]["input_tokens"] in {10, 40} and got["usage"]["cache_read_input_tokens"] == 60
            ),
            "counted twice",
        ),
    ),
    read(
        "more cached tokens than tokens are not below 0",
        completed(usage={**_DETAILS, "prompt_tokens": 50}),
        got_that(lambda got: got["usage"]["input_tokens"] >= 0, "below 0"),
    ),
    read("reasoning tokens are output already", completed(usage=_REASONED), usage(output_tokens=50)),
    read("no usage is numbers", completed(usage=None)),
    read("usage of null is numbers", document({**completion(), "usage": None})),
    read(
        "usage with nulls inside is numbers",
        completed(
            usage={
                "prompt_tokens": None,
                "completion_tokens": None,
                "total_tokens": None,
                "prompt_tokens_details": None,
                "completion_tokens_details": None,
            }
        ),
    ),
    read(
        "no id is made up for", document({key: value for key, value in completion().items() if key != "id"})
    ),
    read("an answer of nothing at all", completed(None)),
    read("an answer in gzip", gzipped(completion("Hello")), gives("content.0.text", "Hello")),
    read(
        "an answer behind a byte order mark",
        answer(200, b"\xef\xbb\xbf" + encoded(completion("Hello"))),
        gives("content.0.text", "Hello"),
    ),
    read(
        "emoji in escapes and as they are",
        answer(200, encoded(completion("👩‍👩‍👧"))),
        gives("content.0.text", "👩‍👩‍👧"),
    ),
    read("a lone surrogate in an answer", answer(200, encoded(completion("aXz")).replace(b"X", b"\\ud83d"))),
    read(
        "a stream for one who wanted none",
        chat_stream(*said("Hel", "lo")),
        gives("content.0.text", "Hello"),
        usage(input_tokens=10, output_tokens=5),
    ),
    read(
        "a stream with calls for one who wanted none",
        stream(ROLE, calls(call("look", _ARGUMENTS, index=0)), chunk(finish="tool_calls"), counted(), DONE),
        blocks("tool_use"),
        stop("tool_use"),
    ),
    read(
        "2 MB of arguments",
        called("tool_calls", call("look", encoded({"at": "y" * 2_000_000}).decode())),
        got_that(lambda got: len(got["content"][0]["input"]["at"]) == 2_000_000, "cut"),
    ),
    read(
        "300 calls",
        called("tool_calls", *(call("look", "{}", f"call_{place}") for place in range(300))),
        blocks(*["tool_use"] * 300),
    ),
    read("very large ids", called("tool_calls", call("look", "{}", "c" * 10_000)), blocks("tool_use")),
    _renamed(),
    fails("200 with an error object", document({"error": {"message": "Boom", "code": 500}}), 500, 502),
    fails(
        "200 with an error that has a code",
        document({"error": {"message": "Slow down", "code": 429}}),
        429,
        502,
        kinds=("rate_limit_error", "api_error", "overloaded_error"),
    ),
    fails("200 with HTML", answer(200, b"<html><body>Welcome to nginx</body></html>", kind="text/html"), 502),
    fails("200 without choices", document({"id": "x", "object": "chat.completion"}), 502),
    fails("200 with empty choices", document({"id": "x", "object": "chat.completion", "choices": []}), 502),
    fails("200 with nothing", answer(200, b""), 502),
    fails("200 with half of an answer", answer(200, b'{"choices":[{"message":{"content":"He'), 502),
    fails("200 with a list 10,000 deep", answer(200, b"[" * 10_000 + b"]" * 10_000), 502),
    Case(
        "no page is pasted into an error",
        (laws_messages.is_error, client_never("<html>", "nginx")),
        PATH,
        _BODY,
        (answer(200, b"<html><body>Welcome to nginx</body></html>", kind="text/html"),),
        CLIENT_HEADERS,
    ),
    Case(
        "JSON for one who wanted a stream",
        (whole_stream(lambda made: same(made["content"][0]["text"], "Hello", "text")),),
        PATH,
        _STREAM,
        (completed("Hello"),),
        CLIENT_HEADERS,
    ),
    Case(
        "JSON with calls for one who wanted a stream",
        (
            whole_stream(
                lambda made: same(
                    [(b["type"], b.get("input")) for b in made["content"]],
                    [("text", None), ("tool_use", {"at": "x"})],
                    "blocks",
                )
            ),
        ),
        PATH,
        _STREAM,
        (called("stop", call("look", _ARGUMENTS), content="A"),),
        CLIENT_HEADERS,
    ),
    Case(
        "an error object for one who wanted a stream",
        (laws_messages.error_of((500, 502, 503), "api_error", "overloaded_error"),),
        PATH,
        _STREAM,
        (document({"error": {"message": "Boom", "code": 500}}),),
        CLIENT_HEADERS,
    ),
    Case(
        "HTML for one who wanted a stream",
        (laws_messages.error_of((502, 503), "api_error", "overloaded_error"),),
        PATH,
        _STREAM,
        (answer(200, b"<html>", kind="text/html"),),
        CLIENT_HEADERS,
    ),
]
