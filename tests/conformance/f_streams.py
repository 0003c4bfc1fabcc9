"""F: streams of Chat Completions servers, as a Messages client gets them."""

import json
from collections.abc import Callable
from typing import Any

import laws_messages
from cases import (
    CLIENT_HEADERS,
    Case,
    Check,
    Outcome,
    client_never,
    either,
    encoded,
    every,
    hang_up,
    merged,
    must,
    same,
)
from exchange import Answer, Close, Linger, Reset, Step, Until, stream
from f_requests import BASE, PATH, TOOLS
from spoken import DONE, ROLE, call, calls, chat_stream, chunk, counted, event, part, said

_BODY = encoded(merged(BASE, {**TOOLS, "stream": True}))
Look = Callable[[dict[str, Any]], None]


def flows(name: str, given: Answer, *looks: Look, checks: tuple[Check, ...] = ()) -> Case:
    """A legal stream that is ended; ``looks`` are at the message that it amounts to."""

    def check(outcome: Outcome) -> None:
        made = laws_messages.whole(outcome)
        for look in looks:
            look(made)

    return Case(name, (check, *checks), PATH, _BODY, (given,), CLIENT_HEADERS)


def breaks(name: str, given: Answer, *checks: Check) -> Case:
    """A stream that began and then failed: an error event ends it."""
    return Case(name, (laws_messages.is_failed_stream, *checks), PATH, _BODY, (given,), CLIENT_HEADERS)


def fails(name: str, given: Answer, *checks: Check) -> Case:
    """Failed before anything was said: an HTTP error, or an error event where the stream had begun."""
    told = every(laws_messages.is_error, *checks)
    return Case(name, (either(told, laws_messages.is_failed_stream),), PATH, _BODY, (given,), CLIENT_HEADERS)


def holds(*wanted: Any) -> Look:
    """The content is this: texts as they are, thoughts behind ``~``, calls as (name, input) or (id, name, input)."""

    def look(made: dict[str, Any]) -> None:
        got: list[Any] = []
        for place, block in enumerate(made["content"]):
            match block["type"]:
                case "text":
                    got.append(block["text"])
                case "thinking":
                    got.append("~" + block["thinking"])
                case _:
                    long = (
                        place < len(wanted) and isinstance(wanted[place], tuple) and len(wanted[place]) == 3
                    )
                    got.append([*([block["id"]] if long else []), block["name"], block["input"]])
        same(got, [list(each) if isinstance(each, tuple) else each for each in wanted], "content")

    return look


def stops(wanted: str) -> Look:
    return lambda made: same(made["stop_reason"], wanted, "stop_reason")


def counts(**wanted: int) -> Look:
    def look(made: dict[str, Any]) -> None:
        for key, value in wanted.items():
            same(made["usage"].get(key) or 0, value, f"usage.{key}")

    return look


def distinct(made: dict[str, Any]) -> None:
    ids = [block["id"] for block in made["content"] if block["type"] == "tool_use"]
    must(len(ids) == len(set(ids)), f"ids {ids}")


def several_deltas(outcome: Outcome) -> None:
    events, _ = laws_messages.read_stream(outcome)
    must(sum(each["type"] == "content_block_delta" for each in events) > 1, "the text came in one piece")


def _untouched(outcome: Outcome) -> None:
    """Fragments are not held back to see whether they will be JSON; the API itself streams the like."""
    data = "".join(json.loads(data).get("delta", {}).get("partial_json", "") for _, data in outcome.events)
    same(data, '{"at": oops}', "the fragments")
    same(outcome.events[-1][0], "message_stop", "the last event")


X, Y = '{"at": "x"}', '{"at": "y"}'
CALL_X, CALL_Y = ("look", {"at": "x"}), ("look", {"at": "y"})
END = (chunk(finish="tool_calls"), counted(), DONE)
_USAGE_CACHED = {
    "prompt_tokens": 100,
    "completion_tokens": 7,
    "total_tokens": 107,
    "prompt_tokens_details": {"cached_tokens": 80},
}


def tools(*steps: str | Step, cut: int = 0) -> Answer:
    return stream(ROLE, *steps, *END, cut=cut)


def one(index: int | None, identity: str = "call_1", arguments: str | None = "") -> str:
    return calls(part(index, arguments, id=identity, type="function", name="look"))


def more(index: int | None, arguments: str, **rest: Any) -> str:
    return calls(part(index, arguments, **rest))


_INTERLEAVED = [
    one(0, "a"),
    one(1, "b"),
    more(0, '{"at"'),
    more(1, '{"at"'),
    more(0, ': "x"}'),
    more(1, ': "y"}'),
]
_EMOJI = "naïve 👩‍👩‍👧‍👦 汉字 🏳️‍🌈 é"
_LONG_TEXT = [f"word{place} " for place in range(200)]
_BIG = json.dumps({"at": "z" * 2_000_000})
_PIECES = [more(0, _BIG[start : start + 10_000]) for start in range(0, len(_BIG), 10_000)]
_MANY = [calls(call("look", json.dumps({"at": str(place)}), f"call_{place}", place)) for place in range(300)]
_WOVEN = [one(place, f"call_{place}") for place in range(300)] + [
    more(place, piece) for piece in ('{"at"', ': "x"}') for place in range(300)
]


def _lines(ending: str) -> Answer:
    whole = "".join([ROLE, *said("Hel", "lo"), chunk(finish="stop"), counted(), DONE])
    return stream(whole.replace("\n", ending))


def _every_cut(size: int) -> Case:
    steps = [chunk(reasoning_content="Hm."), *said(_EMOJI), *_INTERLEAVED]
    return flows(
        f"{size} bytes a packet",
        tools(*steps, cut=size),
        holds("~Hm.", _EMOJI, CALL_X, CALL_Y),
        stops("tool_use"),
    )


CASES = [
    flows(
        "a text in pieces",
        chat_stream(*said("Hel", "lo")),
        holds("Hello"),
        stops("end_turn"),
        counts(input_tokens=10, output_tokens=5),
        checks=(several_deltas,),
    ),
    flows(
        "text comes when it is said",
        chat_stream(*said("alpha"), Until(b"alpha"), *said("beta"), Until(b"beta"), *said("gamma")),
        holds("alphabetagamma"),
    ),
    flows(
        "thoughts come when they are thought",
        chat_stream(chunk(reasoning_content="alpha"), Until(b"alpha"), *said("beta"), Until(b"beta")),
        holds("~alpha", "beta"),
    ),
    flows(
        "the name of a call comes before its arguments are whole",
        tools(one(0), more(0, '{"at":'), Until(b'"look"'), more(0, ' "x"}')),
        holds(CALL_X),
    ),
    flows("200 pieces", chat_stream(*said(*_LONG_TEXT)), holds("".join(_LONG_TEXT))),
    flows(
        "empty and null content open nothing",
        tools(chunk(content=""), chunk(content=None), one(0), more(0, X)),
        holds(CALL_X),
    ),
    flows(
        "empty content between fragments closes nothing",
        tools(one(0), chunk(content=""), more(0, X)),
        holds(CALL_X),
    ),
    flows(
        "a call in fragments",
        tools(one(0), *(more(0, letter) for letter in X)),
        holds(("call_1", "look", {"at": "x"})),
        stops("tool_use"),
    ),
    flows("a whole call in one chunk", tools(calls(call("look", X, index=0))), holds(CALL_X)),
    flows(
        "two whole calls in one chunk",
        tools(calls(call("look", X, "a", 0), call("look", Y, "b", 1))),
        holds(("a", *CALL_X), ("b", *CALL_Y)),
    ),
    flows(
        "text and a call in one chunk",
        tools(chunk(content="So.", tool_calls=[call("look", X, index=0)])),
        holds("So.", CALL_X),
    ),
    flows("text, then a call", tools(*said("So."), one(0), more(0, X)), holds("So.", CALL_X)),
    flows(
        "text behind a call is a block of its own",
        tools(one(0), more(0, X), *said("Done.")),
        holds(CALL_X, "Done."),
    ),
    flows(
        "calls one after the other",
        tools(one(0, "a"), more(0, X), one(1, "b"), more(1, Y)),
        holds(("a", *CALL_X), ("b", *CALL_Y)),
    ),
    flows("calls that are interleaved", tools(*_INTERLEAVED), holds(("a", *CALL_X), ("b", *CALL_Y))),
    flows(
        "text between interleaved calls",
        tools(*_INTERLEAVED[:4], *said("hm"), *_INTERLEAVED[4:]),
        lambda made: same(
            sorted(json.dumps(b.get("input", b.get("text"))) for b in made["content"]),
            sorted(['{"at": "x"}', '{"at": "y"}', '"hm"']),
            "content",
        ),
    ),
    flows(
        "all calls at index 0 with ids of their own",
        tools(calls(call("look", X, "a", 0)), calls(call("look", Y, "b", 0))),
        holds(("a", *CALL_X), ("b", *CALL_Y)),
        distinct,
    ),
    flows(
        "all calls at index 0 in one chunk",
        tools(calls(call("look", X, "a", 0), call("look", Y, "b", 0))),
        holds(CALL_X, CALL_Y),
        distinct,
    ),
    flows("a call without an index", tools(one(None), more(None, X)), holds(CALL_X)),
    flows(
        "calls without an index",
        tools(calls(call("look", X, "a")), calls(call("look", Y, "b"))),
        holds(CALL_X, CALL_Y),
    ),
    flows(
        "an id that is told again and again",
        tools(one(0, arguments='{"at"'), more(0, ": ", id="call_1"), more(0, '"x"}', id="call_1")),
        holds(("call_1", *CALL_X)),
    ),
    flows(
        "a name that is told again and again",
        tools(
            one(0, arguments='{"at"'), more(0, ": ", name="look", id="call_1"), more(0, '"x"}', name="look")
        ),
        holds(CALL_X),
    ),
    flows(
        "empty id and name overwrite nothing",
        tools(one(0), more(0, X, id="", name="")),
        holds(("call_1", *CALL_X)),
    ),
    flows(
        "null id and name overwrite nothing",
        tools(one(0), more(0, X, id=None, name=None)),
        holds(("call_1", *CALL_X)),
    ),
    flows(
        "calls without ids get some",
        tools(calls(call("look", X, None, 0)), calls(call("look", Y, None, 1))),
        holds(CALL_X, CALL_Y),
        distinct,
    ),
    flows(
        "a call without arguments",
        tools(calls({"index": 0, "id": "call_1", "type": "function", "function": {"name": "look"}})),
        holds(("look", {})),
    ),
    flows("a call with empty arguments", tools(one(0)), holds(("look", {}))),
    flows("indexes that begin at 1", tools(one(1), more(1, X)), holds(CALL_X)),
    flows(
        "indexes with gaps", tools(one(3, "a"), more(3, X), one(7, "b"), more(7, Y)), holds(CALL_X, CALL_Y)
    ),
    flows(
        "fragments cut inside an escape",
        tools(one(0), more(0, '{"at": "\\u00'), more(0, "e9\\ud83d"), more(0, '\\ude00"}')),
        holds(("look", {"at": "é😀"})),
    ),
    flows(
        "big integers in fragments",
        tools(one(0), more(0, '{"id": 12345678901'), more(0, "23456789}")),
        holds(("look", {"id": 1234567890123456789})),
    ),
    flows(
        "calls that finish with stop",
        stream(ROLE, one(0), more(0, X), chunk(finish="stop"), counted(), DONE),
        holds(CALL_X),
        stops("tool_use"),
    ),
    flows(
        "the old function_call",
        stream(
            chunk(role="assistant", function_call={"name": "look", "arguments": ""}),
            chunk(function_call={"arguments": X}),
            chunk(finish="function_call"),
            DONE,
        ),
        holds(CALL_X),
        stops("tool_use"),
    ),
    flows(
        "reasoning_content is thought",
        chat_stream(chunk(reasoning_content="H"), chunk(reasoning_content="m."), *said("A")),
        holds("~Hm.", "A"),
    ),
    flows("reasoning is thought", chat_stream(chunk(reasoning="Hm."), *said("A")), holds("~Hm.", "A")),
    flows(
        "both names of one thought are one",
        chat_stream(chunk(reasoning="Hm.", reasoning_content="Hm."), *said("A")),
        holds("~Hm.", "A"),
    ),
    flows(
        "thought and text in one chunk",
        chat_stream(chunk(reasoning_content="Hm.", content="A")),
        holds("~Hm.", "A"),
    ),
    flows(
        "thought and text by turns",
        chat_stream(chunk(reasoning_content="1"), *said("A"), chunk(reasoning_content="2"), *said("B")),
        holds("~1", "A", "~2", "B"),
    ),
    flows(
        "empty thoughts open nothing",
        chat_stream(chunk(reasoning_content=""), chunk(reasoning_content=None, content="A")),
        holds("A"),
    ),
    flows(
        "thought, then a call",
        tools(chunk(reasoning_content="Hm."), one(0), more(0, X)),
        holds("~Hm.", CALL_X),
    ),
    flows(
        "a refusal is text",
        chat_stream(chunk(refusal="I will "), chunk(refusal="not.")),
        holds("I will not."),
    ),
    flows(
        "usage behind the finish",
        stream(ROLE, *said("A"), chunk(finish="stop"), counted(_USAGE_CACHED), DONE),
        counts(input_tokens=20, cache_read_input_tokens=80, output_tokens=7),
    ),
    flows(
        "usage on the finish",
        stream(ROLE, *said("A"), chunk(finish="stop", usage=_USAGE_CACHED), DONE),
        counts(input_tokens=20, cache_read_input_tokens=80, output_tokens=7),
    ),
    flows(
        "usage on every chunk: the last counts",
        stream(
            chunk(content="A", usage={"prompt_tokens": 9, "completion_tokens": 1}),
            chunk(content="B", usage={"prompt_tokens": 10, "completion_tokens": 2}),
            chunk(finish="stop", usage={"prompt_tokens": 10, "completion_tokens": 3}),
            DONE,
        ),
        counts(input_tokens=10, output_tokens=3),
    ),
    flows(
        "usage of null means nothing",
        stream(
            chunk(content="A", usage=None),
            chunk(finish="stop", usage=None),
            counted(),
            chunk(usage=None),
            DONE,
        ),
        counts(input_tokens=10, output_tokens=5),
    ),
    flows("no usage at all", stream(ROLE, *said("A"), chunk(finish="stop"), DONE), holds("A")),
    flows("length is max_tokens", chat_stream(*said("A"), finish="length"), stops("max_tokens")),
    flows(
        "calls cut by length are max_tokens",
        stream(ROLE, one(0), more(0, X), chunk(finish="length"), DONE),
        stops("max_tokens"),
    ),
    flows(
        "content_filter is a refusal",
        chat_stream(*said("A"), finish="content_filter"),
        lambda made: must(made["stop_reason"] in {"refusal", "end_turn"}, "stop_reason"),
    ),
    flows("an unknown finish is end_turn", chat_stream(*said("A"), finish="eos_token"), stops("end_turn")),
    flows(
        "the end of the body is an end behind a finish",
        stream(ROLE, *said("A"), chunk(finish="stop")),
        holds("A"),
        stops("end_turn"),
    ),
    flows(
        "usage and the end of the body are an end",
        stream(ROLE, *said("A"), chunk(finish="stop"), counted()),
        counts(input_tokens=10, output_tokens=5),
    ),
    flows(
        "text on the finish counts",
        stream(ROLE, *said("Hel"), chunk(finish="stop", content="lo"), DONE),
        holds("Hello"),
    ),
    flows(
        "a call on the finish counts",
        stream(ROLE, chunk(finish="tool_calls", tool_calls=[call("look", X, index=0)]), DONE),
        holds(CALL_X),
    ),
    flows("[DONE] without a finish is an end", stream(ROLE, *said("A"), DONE), holds("A"), stops("end_turn")),
    flows(
        "the finish twice is one end",
        stream(ROLE, *said("A"), chunk(finish="stop"), chunk(finish="stop"), counted(), DONE),
        holds("A"),
    ),
    flows(
        "leading chunks without choices",
        stream(
            event(
                {
                    "id": "",
                    "object": "",
                    "created": 0,
                    "model": "",
                    "choices": [],
                    "prompt_filter_results": [],
                }
            ),
            ROLE,
            *said("A"),
            chunk(finish="stop"),
            DONE,
        ),
        holds("A"),
    ),
    flows("a completely empty answer", stream(ROLE, chunk(finish="stop"), DONE), holds()),
    flows("an answer of [DONE] alone", stream(DONE), holds()),
    flows(
        "comments",
        stream(
            ": OPENROUTER PROCESSING\n\n",
            ROLE,
            ": x\n",
            *said("A"),
            ": OPENROUTER PROCESSING\n\n",
            chunk(finish="stop"),
            DONE,
        ),
        holds("A"),
    ),
    flows("lines that end in CR LF", _lines("\r\n"), holds("Hello")),
    flows("lines that end in CR", _lines("\r"), holds("Hello")),
    flows(
        "a CR LF that is cut",
        stream(
            *"".join([ROLE, *said("Hello"), chunk(finish="stop"), DONE])
            .replace("\n", "\r\n")
            .replace("\r\n", "\r|\n")
            .split("|")
        ),
        holds("Hello"),
    ),
    flows(
        "data without a space",
        stream("".join([ROLE, *said("Hello"), chunk(finish="stop"), DONE]).replace("data: ", "data:")),
        holds("Hello"),
    ),
    flows(
        "event, id and retry",
        stream(
            *(
                "event: chunk\nid: 7\nretry: 10\n" + each
                for each in [ROLE, *said("Hello"), chunk(finish="stop"), DONE]
            )
        ),
        holds("Hello"),
    ),
    flows(
        "data over several lines",
        stream(
            ROLE,
            chunk(content="Hello").replace('", "', '",\ndata: "').replace("}], ", "}],\ndata: "),
            chunk(finish="stop"),
            DONE,
        ),
        holds("Hello"),
    ),
    flows(
        "blank events",
        stream("\n\n\n", ROLE, "\n\ndata:\n\n", "event: x\n\n", *said("Hello"), chunk(finish="stop"), DONE),
        holds("Hello"),
    ),
    flows(
        "a byte order mark",
        stream("\ufeff", ROLE, *said("Hello"), chunk(finish="stop"), DONE),
        holds("Hello"),
    ),
    flows(
        "no blank line at the end",
        stream(ROLE, *said("Hello"), chunk(finish="stop"), DONE.rstrip("\n")),
        holds("Hello"),
    ),
    flows(
        "everything in one packet",
        stream("".join([ROLE, *said("Hel", "lo"), chunk(finish="stop"), counted(), DONE])),
        holds("Hello"),
    ),
    *(_every_cut(size) for size in (1, 2, 3, 5, 7, 64)),
    flows(
        "several choices: the first is told",
        stream(
            event(
                {
                    "id": "x",
                    "object": "chat.completion.chunk",
                    "created": 1,
                    "model": "m",
                    "choices": [
                        {"index": 0, "delta": {"content": "A"}, "finish_reason": None},
                        {"index": 1, "delta": {"content": "B"}, "finish_reason": None},
                    ],
                }
            ),
            chunk(finish="stop"),
            DONE,
        ),
        holds("A"),
    ),
    flows(
        "fields of a wrong type are no fault",
        stream(
            ROLE,
            event({"choices": [{"delta": {"content": 5, "tool_calls": "x", "reasoning_content": []}}]}),
            event({"choices": "x"}),
            event([]),
            event(7),
            *said("A"),
            chunk(finish="stop"),
            DONE,
        ),
        lambda made: must("A" in str(made["content"]), "the text is lost"),
    ),
    flows(
        "2 MB of arguments",
        tools(one(0), *_PIECES),
        lambda made: same(len(made["content"][0]["input"]["at"]), 2_000_000, "length"),
    ),
    flows(
        "300 calls",
        tools(*_MANY),
        lambda made: same(
            [b["input"]["at"] for b in made["content"]], [str(n) for n in range(300)], "inputs"
        ),
    ),
    flows(
        "300 interleaved calls",
        tools(*_WOVEN),
        lambda made: same([b["input"] for b in made["content"]], [{"at": "x"}] * 300, "inputs"),
    ),
    flows(
        "ids of 10,000 characters", tools(one(0, "c" * 10_000), more(0, X)), holds(("c" * 10_000, *CALL_X))
    ),
    flows(
        "a lone surrogate",
        stream(ROLE, chunk(content="aXz").replace("X", "\\ud83d"), chunk(finish="stop"), DONE),
        lambda made: must(
            made["content"][0]["text"].startswith("a") and made["content"][0]["text"].endswith("z"), "text"
        ),
    ),
    flows(
        "a surrogate pair over two chunks",
        stream(
            ROLE,
            chunk(content="X").replace("X", "\\ud83d"),
            chunk(content="X").replace("X", "\\ude00"),
            chunk(finish="stop"),
            DONE,
        ),
        holds("😀"),
    ),
    Case(
        "arguments that are a list are no legal input",
        (either(laws_messages.is_stream, laws_messages.is_failed_stream),),
        PATH,
        _BODY,
        (tools(one(0), more(0, "[1]")),),
        CLIENT_HEADERS,
    ),
    Case(
        "arguments that are no JSON arrive as they are",
        (_untouched,),
        PATH,
        _BODY,
        (tools(one(0), more(0, '{"at": oops}')),),
        CLIENT_HEADERS,
    ),
    fails("an error before anything else", stream(event({"error": {"message": "Boom", "code": 500}}))),
    fails(
        "an error behind comments",
        stream(": OPENROUTER PROCESSING\n\n", event({"error": {"message": "Boom", "code": 502}})),
    ),
    breaks(
        "an error in the middle",
        stream(
            ROLE,
            *said("A"),
            Until(b'"A"'),
            event({"error": {"message": "Boom", "code": 500}}),
            chunk(finish="stop"),
            DONE,
        ),
    ),
    breaks(
        "an error beside choices",
        stream(
            ROLE,
            *said("A"),
            Until(b'"A"'),
            event(
                {
                    "id": "x",
                    "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
                    "error": {"code": 502, "message": "Provider went away"},
                }
            ),
            DONE,
        ),
    ),
    breaks(
        "an error that is a text", stream(ROLE, *said("A"), Until(b'"A"'), event({"error": "Boom"}), DONE)
    ),
    breaks("a finish of error", stream(ROLE, *said("A"), Until(b'"A"'), chunk(finish="error"), DONE)),
    breaks(
        "an error in half of a call",
        stream(ROLE, one(0), more(0, '{"at"'), Until(b'"look"'), event({"error": {"message": "Boom"}})),
    ),
    breaks("a connection that is reset", stream(ROLE, *said("A"), Until(b'"A"'), Reset(), end=False)),
    breaks(
        "a connection that is closed against its framing",
        stream(ROLE, *said("A"), Until(b'"A"'), Close(), end=False),
    ),
    breaks("an end without a finish", stream(ROLE, *said("A"), Until(b'"A"'))),
    breaks("an end in half of a call", stream(ROLE, one(0), more(0, '{"at"'), Until(b'"look"'))),
    breaks(
        "an end in half of an event",
        stream(ROLE, *said("A"), Until(b'"A"'), 'data: {"choices":[{"delta":{"cont'),
    ),
    fails("a body without an event", stream()),
    fails("a body of comments alone", stream(": x\n\n")),
    Case(
        "a client that goes away ends the upstream request",
        (),
        PATH,
        _BODY,
        (stream(ROLE, *said("alpha"), Linger(), end=False),),
        CLIENT_HEADERS,
        hang_up(b"alpha"),
    ),
]


def _told(kind: str, code: Any, wanted: str) -> Case:
    def check(outcome: Outcome) -> None:
        events = laws_messages.failed_stream(outcome)
        same(events[-1]["error"]["type"], wanted, "type of the error event")

    given = stream(
        ROLE, *said("A"), Until(b'"A"'), event({"error": {"message": "Slow.", "type": kind, "code": code}})
    )
    return Case(
        f"an error event of {kind or code} is {wanted}",
        (check, client_never("sk-upstream")),
        PATH,
        _BODY,
        (given,),
        CLIENT_HEADERS,
    )


CASES += [
    _told("server_error", None, "api_error"),
    _told("", 429, "rate_limit_error"),
    _told("overloaded_error", None, "overloaded_error"),
    _told("", 503, "overloaded_error"),
]
