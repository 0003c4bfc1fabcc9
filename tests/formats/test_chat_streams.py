"""Streams of Chat Completions, read: whatever servers send in whatever order comes out as blocks one after the other."""

import json
import tracemalloc
from typing import Any

import pytest
from chat_chunks import (
    DONE,
    ROLE,
    SEED,
    accumulated,
    broken,
    call,
    calls,
    chunk,
    counted,
    data,
    events_of,
    last,
    payloads,
    short,
    text,
    usage,
    written,
)

from ccflared.formats.chat.blocks import MOST_HELD
from ccflared.formats.chat.read_answer import Reader
from ccflared.formats.events import Began, BlockBegan, BlockEnded, Delta, Event, Failed, Finished, Usage
from ccflared.formats.json_text import sound
from ccflared.formats.sse import Cutter

STOP = chunk(finish="stop")
CALLS = chunk(finish="tool_calls")


def test_text_comes_out_piece_by_piece_as_it_comes_in() -> None:
    assert events_of(chunk(ROLE), text("Hel"), text("lo"), STOP, counted(usage(7, 2)), DONE) == [
        Began("chatcmpl-1", "m"),
        BlockBegan("text"),
        Delta("Hel"),
        Delta("lo"),
        BlockEnded(),
        Finished("end", usage=Usage(input=7, output=2)),
    ]


def test_a_delta_comes_out_at_once_and_not_only_at_the_end() -> None:
    reader = Reader(SEED)
    assert reader.event(text("a")) == [Began("chatcmpl-1", "m"), BlockBegan("text"), Delta("a")]
    assert reader.event(text("b")) == [Delta("b")]
    assert reader.event(calls(call(0, "c1", "f", '{"x'))) == [
        BlockEnded(),
        BlockBegan("call", "c1", "f"),
        Delta('{"x'),
    ]
    assert reader.event(calls(call(0, arguments='":1}'))) == [Delta('":1}')]


HALVES = [r'{"choices":[{"delta":{"content":"%s"}}]}', r'{"choices":[{"delta":{"reasoning_content":"%s"}}]}']
ARGUMENTS = (
    r'{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"%s"}}]}}]}'
)


@pytest.mark.parametrize("shape", HALVES)
@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        ((r"\ud83d", r"\ude00"), "😀"),
        ((r"a\ud83d", r"\ude00b"), "a😀b"),
        ((r"\ud83d\ude00\ud83d", r"\ude00"), "😀😀"),
        (("a", r"\ud83d", r"\ude00\ud83d", r"\ude00"), "a😀😀"),
        ((r"a\ud83d", "b"), "a\ufffdb"),
        ((r"a\ud83d", r"\ud83d", r"\ude00"), "a\ufffd😀"),
        ((r"a\ud83d",), "a\ufffd"),
        ((r"\ud83d",), "\ufffd"),
        ((r"\ude00",), "\ufffd"),
    ],
)
def test_a_character_cut_in_two_is_one_again(shape: str, pieces: tuple[str, ...], whole: str) -> None:
    events = events_of(*(f"data: {shape % piece}\n\n".encode() for piece in pieces), STOP, DONE)
    assert sound("".join(event.text for event in events if isinstance(event, Delta))) == whole


def test_a_character_of_a_tools_input_cut_in_two_is_one_again() -> None:
    pieces = (r"{\"x\":\"\ud83d", r"\ude00\"}")
    events = events_of(*(f"data: {ARGUMENTS % piece}\n\n".encode() for piece in pieces), CALLS, DONE)
    assert "".join(event.text for event in events if isinstance(event, Delta)) == '{"x":"😀"}'


ONE_BLOCK_AT_A_TIME: list[tuple[str, list[bytes], list[Any]]] = [
    (
        "text, then a call",
        [text("I look."), calls(call(0, "c1", "f", "{}")), CALLS],
        [("text", "I look."), ("c1", "f", "{}"), "tools"],
    ),
    (
        "text behind a call that is whole begins another block",
        [text("a"), calls(call(0, "c1", "f", '{"x":1}')), text("b"), CALLS],
        [("text", "a"), ("c1", "f", '{"x":1}'), ("text", "b"), "tools"],
    ),
    (
        "text within a call waits until that is whole",
        [calls(call(0, "c1", "f", '{"x":')), text("b"), calls(call(0, arguments="1}")), text("c"), CALLS],
        [("c1", "f", '{"x":1}'), ("text", "bc"), "tools"],
    ),
    (
        "text behind a call without arguments",
        [calls(call(0, "c1", "f", "")), text("b"), CALLS],
        [("c1", "f", ""), ("text", "b"), "tools"],
    ),
    (
        "thoughts and text take turns",
        [
            chunk({"reasoning_content": "hm"}),
            text("a"),
            chunk({"reasoning_content": "so"}),
            text("b"),
            STOP,
        ],
        [("thinking", "hm"), ("text", "a"), ("thinking", "so"), ("text", "b"), "end"],
    ),
    (
        "thoughts within a call wait, too, and keep their place before text",
        [
            calls(call(0, "c1", "f", "{")),
            chunk({"reasoning": "hm"}),
            text("a"),
            calls(call(0, arguments="}")),
            STOP,
        ],
        [("c1", "f", "{}"), ("thinking", "hm"), ("text", "a"), "tools"],
    ),
    (
        "thoughts and text of one chunk",
        [chunk({"reasoning": "hm", "content": "a"}), STOP],
        [("thinking", "hm"), ("text", "a"), "end"],
    ),
    (
        "a role with empty content opens nothing",
        [
            chunk(ROLE),
            chunk({"role": "assistant", "content": None}),
            calls(call(0, "c1", "f", "{}"), content=""),
            CALLS,
        ],
        [("c1", "f", "{}"), "tools"],
    ),
    (
        "blank text before and between calls is no block",
        [
            text("\n\n"),
            calls(call(0, "c1", "f", "{}")),
            text("\n"),
            calls(call(1, "c2", "g", "{}")),
            text(" "),
            CALLS,
        ],
        [("c1", "f", "{}"), ("c2", "g", "{}"), "tools"],
    ),
    (
        "blank text before text belongs to it",
        [text("\n"), text(" "), text("a"), STOP],
        [("text", "\n a"), "end"],
    ),
    ("blank text within text stays", [text("a"), text("\n\n"), text("b"), STOP], [("text", "a\n\nb"), "end"]),
    (
        "blank text between thoughts does not part them",
        [chunk({"reasoning": "a"}), text("\n"), chunk({"reasoning": "b"}), STOP],
        [("thinking", "ab"), "end"],
    ),
    ("blank thoughts are none", [chunk({"reasoning": "\n"}), text("a"), STOP], [("text", "a"), "end"]),
    (
        "a refusal is text",
        [chunk({"refusal": "I "}), chunk({"refusal": "won't"}), STOP],
        [("text", "I won't"), "end"],
    ),
    (
        "content as a list of parts (Mistral)",
        [
            chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
            chunk(
                {"content": [{"type": "text", "text": "a"}, {"type": "reference", "reference_ids": [1]}, "b"]}
            ),
            STOP,
        ],
        [("thinking", "hm"), ("text", "ab"), "end"],
    ),
    (
        "thoughts told in two fields alike are thought once",
        [chunk({"reasoning": "hm", "reasoning_content": "hm", "reasoning_details": [{"text": "hm"}]}), STOP],
        [("thinking", "hm"), "end"],
    ),
    (
        "details that follow the thoughts repeat them",
        [chunk({"reasoning": "hm"}), chunk({"reasoning": None, "reasoning_details": [{"text": "hm"}]}), STOP],
        [("thinking", "hm"), "end"],
    ),
    (
        "thoughts told in details alone",
        [chunk({"reasoning_details": [{"type": "reasoning.text", "text": "h"}, {"summary": "m"}]}), STOP],
        [("thinking", "hm"), "end"],
    ),
    (
        "a whole message in a chunk",
        [data({"choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}]})],
        [("text", "a"), "end"],
    ),
    (
        "a whole message behind its own deltas repeats them (MiniMax)",
        [text("a"), data({"choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}]})],
        [("text", "a"), "end"],
    ),
    (
        "of several choices the first",
        [
            data(
                {
                    "choices": [
                        {"index": 0, "delta": {"content": "a"}},
                        {"index": 1, "delta": {"content": "x"}},
                    ]
                }
            ),
            data({"choices": [{"index": 1, "delta": {"content": "y"}, "finish_reason": "length"}]}),
            data({"choices": [{"index": 0, "delta": {"content": "b"}, "finish_reason": "stop"}]}),
        ],
        [("text", "ab"), "end"],
    ),
]


@pytest.mark.parametrize(
    ("raws", "told"), [row[1:] for row in ONE_BLOCK_AT_A_TIME], ids=[row[0] for row in ONE_BLOCK_AT_A_TIME]
)
def test_one_block_is_open_at_a_time(raws: list[bytes], told: list[Any]) -> None:
    assert short(events_of(*raws, DONE)) == told


CALLS_TOLD_APART: list[tuple[str, list[bytes], list[Any]]] = [
    (
        "interleaved by index: the first flows, the others wait",
        [
            calls(call(0, "c1", "f", ""), call(1, "c2", "g", "")),
            calls(call(1, arguments='{"b"')),
            calls(call(0, arguments='{"a"')),
            calls(call(1, arguments=":2}"), call(0, arguments=":1}")),
        ],
        [("c1", "f", '{"a":1}'), ("c2", "g", '{"b":2}')],
    ),
    (
        "several whole calls in one chunk",
        [calls(call(0, "c1", "f", '{"a":1}'), call(1, "c2", "g", '{"b":2}'))],
        [("c1", "f", '{"a":1}'), ("c2", "g", '{"b":2}')],
    ),
    (
        "text and a call in one chunk",
        [calls(call(0, "c1", "f", "{}"), content="I look.")],
        [("text", "I look."), ("c1", "f", "{}")],
    ),
    (
        "another id at a known index is another call (Google)",
        [calls(call(0, "c1", "f", '{"a":1}')), calls(call(0, "c2", "f", '{"a":2}'))],
        [("c1", "f", '{"a":1}'), ("c2", "f", '{"a":2}')],
    ),
    (
        "an id that comes back at its index goes on with its call",
        [
            calls(call(0, "c1", "f", '{"a":')),
            calls(call(0, "c2", "g", '{"b":')),
            calls(call(0, "c1", None, "1}")),
            calls(call(0, "c2", None, "2}")),
        ],
        [("c1", "f", '{"a":1}'), ("c2", "g", '{"b":2}')],
    ),
    (
        "index 0 and no id: named anew behind whole arguments is another call",
        [calls(call(0, "", "f", '{"a":1}')), calls(call(0, "", "f", '{"a":2}'))],
        [("toolu_0123456789abcdef0123456700", "f", '{"a":1}'), ("toolu_0123456789abcdef0123456701", "f", '{"a":2}')],
    ),
    (
        "id and name on every fragment",
        [calls(call(0, "c1", "f", '{"a"')), calls(call(0, "c1", "f", ":1")), calls(call(0, "c1", "f", "}"))],
        [("c1", "f", '{"a":1}')],
    ),
    (
        "empty id and name do not overwrite",
        [calls(call(0, "c1", "f", '{"a"')), calls(call(0, "", "", ":1}"))],
        [("c1", "f", '{"a":1}')],
    ),
    (
        "null id and name do not overwrite",
        [
            calls(call(0, "c1", "f", '{"a"')),
            calls({"index": 0, "id": None, "function": {"name": None, "arguments": ":1}"}}),
        ],
        [("c1", "f", '{"a":1}')],
    ),
    (
        "a name that comes behind the id",
        [calls(call(0, "c1")), calls(call(0, None, "f")), calls(call(0, None, None, "{}"))],
        [("c1", "f", "{}")],
    ),
    (
        "an id that comes behind the name is too late where the block has begun",
        [calls(call(0, None, "f")), calls(call(0, "c1", None, "{}"))],
        [("toolu_0123456789abcdef0123456700", "f", "{}")],
    ),
    (
        "without index: whole calls one by one (Ollama)",
        [calls(call(None, "c1", "f", '{"a":1}')), calls(call(None, "c2", "f", '{"a":2}'))],
        [("c1", "f", '{"a":1}'), ("c2", "f", '{"a":2}')],
    ),
    (
        "without index and id: whole calls in one chunk",
        [calls(call(None, None, "f", '{"a":1}'), call(None, None, "f", '{"a":2}'), call(None, None, "g", ""))],
        [
            ("toolu_0123456789abcdef0123456700", "f", '{"a":1}'),
            ("toolu_0123456789abcdef0123456701", "f", '{"a":2}'),
            ("toolu_0123456789abcdef0123456702", "g", ""),
        ],
    ),
    (
        "without index: fragments go on with the last call",
        [calls(call(None, "c1", "f", '{"a"')), calls(call(None, None, None, ":1}"))],
        [("c1", "f", '{"a":1}')],
    ),
    (
        "the same id for two calls is given once",
        [calls(call(0, "c1", "f", "{}")), calls(call(1, "c1", "g", "{}"))],
        [("c1", "f", "{}"), ("toolu_0123456789abcdef0123456701", "g", "{}")],
    ),
    ("no arguments at all", [calls(call(0, "c1", "f"))], [("c1", "f", "")]),
    (
        "arguments cut within an escape",
        [calls(call(0, "c1", "f", '{"a":"\\u00')), calls(call(0, arguments="e9\\")), calls(call(0, arguments='"}"}'))],
        [("c1", "f", '{"a":"\\u00e9\\"}"}')],
    ),
    ("arguments as an object", [calls(call(0, "c1", "f", {"a": 2**70, "é": 1}))], [("c1", "f", f'{{"a":{2**70},"é":1}}')]),
    ("arguments that are null", [calls(call(0, "c1", "f", "null"))], [("c1", "f", "{}")]),
    ("arguments that are a text of an object", [calls(call(0, "c1", "f", '"{\\"a\\":1}"'))], [("c1", "f", '{"a":1}')]),
    ("something behind the arguments' end", [calls(call(0, "c1", "f", '{"a":1}}')), calls(call(0, arguments="\n"))], [("c1", "f", '{"a":1}')]),
    ("a bracket that is missing at the end", [calls(call(0, "c1", "f", '{"a":["b"'))], [("c1", "f", '{"a":["b"]}')]),
    ("entries that say nothing", [calls({}, {"index": 0}, {"function": None}, call(1, "c1", "f", "{}"))], [("c1", "f", "{}")]),
    (
        "the predecessor of tool calls",
        [chunk({"function_call": {"name": "f", "arguments": '{"a"'}}), chunk({"function_call": {"arguments": ":1}"}})],
        [("toolu_0123456789abcdef0123456700", "f", '{"a":1}')],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("raws", "told"), [row[1:] for row in CALLS_TOLD_APART], ids=[row[0] for row in CALLS_TOLD_APART]
)
def test_calls_are_told_apart(raws: list[bytes], told: list[Any]) -> None:
    events = events_of(chunk(ROLE), *raws, CALLS, DONE)
    assert short(events) == [*told, "tools"]
    message = accumulated(written(events))
    inputs = [block.input for block in message.content if block.type == "tool_use"]
    assert inputs == [json.loads(one[2] or "{}") for one in told if len(one) == 3]


def test_fragments_of_the_first_call_are_passed_on_as_they_are() -> None:
    pieces = ['{"a"', ': "\\u00', "e9\\u00", "", 'e8"', "}"]
    events = events_of(*(calls(call(0, "c1", "f", piece)) for piece in pieces), CALLS, DONE)
    assert [event.text for event in events if isinstance(event, Delta)] == [
        piece for piece in pieces if piece
    ]


REASONS: list[tuple[Any, bool, str]] = [
    ("stop", False, "end"),
    ("length", False, "length"),
    ("max_tokens", False, "length"),
    ("content_filter", False, "refusal"),
    ("tool_calls", True, "tools"),
    ("function_call", True, "tools"),
    ("stop", True, "tools"),
    ("content_filter", True, "tools"),
    ("length", True, "length"),
    ("tool_calls", False, "end"),
    ("eos", False, "end"),
    ("STOP", False, "end"),
    ("unheard of", True, "tools"),
]


@pytest.mark.parametrize(("reason", "called", "told"), REASONS)
def test_the_finish_reason_and_the_calls_tell_why_it_ended(reason: str, called: bool, told: str) -> None:
    said = calls(call(0, "c1", "f", "{}")) if called else text("a")
    assert last(events_of(said, chunk(finish=reason), DONE)).reason == told


USAGES: list[tuple[str, list[bytes], Usage]] = [
    ("behind the finish", [STOP, counted(usage(7, 2)), DONE], Usage(7, 2)),
    ("behind the finish, without [DONE]", [STOP, counted(usage(7, 2))], Usage(7, 2)),
    ("on the finish", [chunk(finish="stop", usage=usage(7, 2)), DONE], Usage(7, 2)),
    (
        "on every chunk: the last counts",
        [chunk({"content": "b"}, usage=usage(7, 1)), chunk(finish="stop", usage=usage(7, 2)), DONE],
        Usage(7, 2),
    ),
    (
        "on the finish and behind it",
        [chunk(finish="stop", usage=usage(7, 1)), counted(usage(7, 2)), DONE],
        Usage(7, 2),
    ),
    ("null says nothing", [chunk({"content": "b"}, usage=None), STOP, counted(None), DONE], Usage()),
    ("an empty object says nothing", [STOP, counted({}), DONE], Usage()),
    ("never", [STOP, DONE], Usage()),
    (
        "what came from the cache is no input",
        [STOP, counted(usage(10, 2, prompt_tokens_details={"cached_tokens": 6, "cache_write_tokens": 3}))],
        Usage(1, 2, 6, 3),
    ),
    ("DeepSeek's cache", [STOP, counted(usage(10, 2, prompt_cache_hit_tokens=6))], Usage(4, 2, 6)),
    (
        "more from the cache than there was",
        [STOP, counted(usage(5, 2, prompt_tokens_details={"cached_tokens": 6}))],
        Usage(0, 2, 6),
    ),
    (
        "thoughts are a part of the output",
        [STOP, counted(usage(5, 9, completion_tokens_details={"reasoning_tokens": 8}))],
        Usage(5, 9, reasoning=8),
    ),
    ("Groq's place", [chunk(finish="stop", x_groq={"usage": usage(5, 2)}), DONE], Usage(5, 2)),
    (
        "Moonshot's place",
        [
            data(
                {"choices": [{"delta": {}, "finish_reason": "stop", "usage": usage(5, 2, cached_tokens=1)}]}
            ),
            DONE,
        ],
        Usage(4, 2, 1),
    ),
    ("junk", [STOP, counted({"prompt_tokens": "7", "completion_tokens": [2]}), DONE], Usage()),
    ("half junk", [STOP, counted({"prompt_tokens": -1, "completion_tokens": 2.0}), DONE], Usage(None, 2)),
]


@pytest.mark.parametrize(("raws", "told"), [row[1:] for row in USAGES], ids=[row[0] for row in USAGES])
def test_usage_is_found_wherever_it_is_told(raws: list[bytes], told: Usage) -> None:
    assert last(events_of(text("a"), *raws)).usage == told


def test_the_end_waits_for_usage_and_no_longer() -> None:
    reader = Reader(SEED)
    reader.event(text("a"))
    assert reader.event(STOP) == []
    assert reader.event(counted(usage(7, 2))) == [BlockEnded(), Finished("end", usage=Usage(7, 2))]
    assert reader.event(DONE) == ()
    assert reader.end() == ()


def test_usage_before_the_finish_ends_nothing() -> None:
    assert short(events_of(text("a"), counted(usage(7, 1)), text("b"), STOP, DONE)) == [("text", "ab"), "end"]


def test_text_in_the_chunk_of_the_finish_counts() -> None:
    assert short(events_of(text("a"), chunk({"content": "b"}, "stop"), DONE)) == [("text", "ab"), "end"]


def test_chunks_without_choices_at_the_beginning_are_passed_over() -> None:
    azure = data({"choices": [], "id": "", "model": "", "prompt_filter_results": [{"prompt_index": 0}]})
    assert events_of(azure, text("a"), STOP, DONE)[0] == Began("chatcmpl-1", "m")


ENDS: list[tuple[str, list[bytes], bool]] = [
    ("finish and [DONE]", [text("a"), STOP, DONE], True),
    ("finish and the end of the body", [text("a"), STOP], True),
    ("[DONE] alone", [text("a"), DONE], True),
    ("nothing but [DONE]", [DONE], True),
    ("nothing but a role", [chunk(ROLE), STOP, DONE], True),
    ("neither", [text("a")], False),
    ("neither, in the middle of a call", [calls(call(0, "c1", "f", '{"a":1}'))], False),
    ("nothing at all", [], False),
    ("comments alone", [b": PROCESSING\n\n", b"\n"], False),
    ("an empty finish reason", [text("a"), chunk(finish="")], False),
]


@pytest.mark.parametrize(("raws", "whole"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS])
def test_an_answer_is_whole_where_the_upstream_said_so(raws: list[bytes], whole: bool) -> None:
    end = events_of(*raws)[-1]
    assert (
        isinstance(end, Finished)
        if whole
        else end == Failed("api_error", "The upstream's answer ended before it was whole.", 502)
    )


def test_an_empty_answer_is_a_whole_sequence() -> None:
    assert [payload["type"] for payload in payloads(written(events_of(DONE)))] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]


HALF_CALLS = [
    ("within a text", [call(0, "c1", "f", '{"command":"rm -rf /tm')]),
    ("within a number", [call(0, "c1", "f", '{"count":1')]),
    ("behind a colon", [call(0, "c1", "f", '{"command":')]),
    ("the second of two", [call(0, "c1", "f", "{}"), call(1, "c2", "f", '{"a":"')]),
    ("without a name", [call(0, "c1", None, '{"a":1}')]),
]


@pytest.mark.parametrize("entries", [row[1] for row in HALF_CALLS], ids=[row[0] for row in HALF_CALLS])
@pytest.mark.parametrize("finish", [[CALLS, DONE], [STOP], [DONE]], ids=["tool_calls", "stop", "DONE"])
def test_half_a_call_never_ends_as_a_whole_one(entries: list[dict[str, Any]], finish: list[bytes]) -> None:
    told = broken(events_of(calls(*entries), *finish))
    assert told == Failed("api_error", "The upstream ended its answer in the middle of a tool call.", 502)


@pytest.mark.parametrize(("finish", "reason"), [("length", "length"), ("content_filter", "refusal")])
def test_half_a_call_of_an_answer_that_was_cut_on_purpose_stays_half(finish: str, reason: str) -> None:
    events = events_of(calls(call(0, "c1", "f", '{"a":"b')), chunk(finish=finish), DONE)
    assert short(events) == [("c1", "f", '{"a":"b'), reason]


ERRORS: list[tuple[str, bytes, Failed]] = [
    (
        "an object",
        data({"error": {"message": "busy", "code": 503}}),
        Failed("overloaded_error", "busy", 503),
    ),
    (
        "beside choices",
        chunk({"content": "x"}, "error", error={"message": "gone", "code": 502}),
        Failed("api_error", "gone", 502),
    ),
    ("a text", data({"error": "gone"}), Failed("api_error", "gone", 502)),
    (
        "rate limit",
        data({"error": {"message": "slow", "type": "x", "code": "rate_limit_exceeded"}}),
        Failed("rate_limit_error", "slow", 429),
    ),
    (
        "context overflow",
        data({"error": {"message": "maximum context length is 8", "code": 400}}),
        Failed("invalid_request_error", "prompt is too long: maximum context length is 8", 400),
    ),
    ("an object that calls itself one", data({"object": "error", "message": "gone", "code": 500}), Failed("api_error", "gone", 500)),
    ("Anthropic's", data({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}), Failed("overloaded_error", "busy", 529)),
    ("an event of that name", b"event: error\ndata: gone\n\n", Failed("api_error", "gone", 502)),
    ("an event of that name with JSON", b'event: error\ndata: {"message":"gone"}\n\n', Failed("api_error", "gone", 502)),
    ("finish_reason error", chunk(finish="error"), Failed("api_error", "The upstream broke off its answer with an error.", 502)),
    (
        "an error in the choice",
        data({"choices": [{"delta": {}, "finish_reason": "error", "error": {"message": "gone", "code": 500}}]}),
        Failed("api_error", "gone", 500),
    ),
    (
        "DeepSeek's want of resources",
        chunk(finish="insufficient_system_resource"),
        Failed("overloaded_error", "The upstream broke off its answer: insufficient_system_resource.", 503),
    ),
    ("no choices but a message", data({"message": "gone"}), Failed("api_error", "gone", 502)),
    ("a document for a stream", b'{"error":{"message":"bad key","code":401}}', Failed("authentication_error", "bad key", 401)),
    ("a chunk that is cut", b'data: {"choices":[{"delta":{"content":"x\n\n', Failed("api_error", "The upstream answered with something that is no JSON.", 502)),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "told"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS])
@pytest.mark.parametrize(
    "before", [[], [text("a")], [calls(call(0, "c1", "f", "{"))]], ids=["first", "text", "call"]
)
def test_an_error_in_the_stream_ends_it_as_one(before: list[bytes], raw: bytes, told: Failed) -> None:
    events = events_of(*before, raw, STOP, DONE)
    assert broken(events) == told
    ends = payloads(written(events))
    assert ends[-1]["type"] == "error"
    assert not any(payload["type"] in ("message_delta", "message_stop") for payload in ends)


@pytest.mark.parametrize("nothing", [None, {}, [], "", False])
def test_an_error_that_is_nothing_is_none(nothing: Any) -> None:
    assert short(events_of(chunk({"content": "a"}, error=nothing), STOP, DONE)) == [("text", "a"), "end"]


@pytest.mark.parametrize(
    "raw",
    [
        *(b": OPENROUTER PROCESSING\n\n", b"\n\n", b"event: ping\n\n", b"data:\n\n", b"data: keepalive\n\n"),
        *(b"retry: 7\n\n", b"data: 7\n\n", b"data: []\n\n", b"data: null\n\n", b"data: {}\n\n"),
    ],
)
def test_what_says_nothing_is_passed_over(raw: bytes) -> None:
    assert short(events_of(raw, text("a"), raw, STOP, raw, DONE)) == [("text", "a"), "end"]


def test_bytes_that_are_no_utf8_become_marks_and_break_nothing() -> None:
    raw = text("a#b").replace(b"#", b"\xff")
    assert short(events_of(raw, STOP, DONE)) == [("text", "a\ufffdb"), "end"]


FORMS: list[tuple[str, bytes]] = [
    ("LF", b"data: %s\n\n"),
    ("CRLF", b"data: %s\r\n\r\n"),
    ("CR", b"data: %s\r\r"),
    ("no space", b"data:%s\n\n"),
    ("several fields", b"id: 4\nevent: message\nretry: 5\ndata: %s\n\n"),
    ("a comment before", b": hm\ndata: %s\n\n"),
]

MIXED = [
    chunk(ROLE),
    chunk({"reasoning_content": "hm … "}),
    text("Grüße 👋\u2028"),
    calls(call(0, "c1", "f", "")),
    calls(call(1, "c2", "g", '{"b"'), call(0, arguments='{"a":"é\\n')),
    calls(call(0, arguments='"}'), call(1, arguments=":2}")),
    chunk(finish="tool_calls"),
    counted(usage(10, 5)),
    DONE,
]


@pytest.mark.parametrize("form", [form for _, form in FORMS], ids=[name for name, _ in FORMS])
def test_a_stream_says_the_same_however_it_is_written_and_cut(form: bytes) -> None:
    documents = [raw.removeprefix(b"data: ").strip() for raw in MIXED]
    utf8 = [
        json.dumps(json.loads(one), ensure_ascii=False).encode() if one[:1] == b"{" else one
        for one in documents
    ]
    stream = b"".join(form % one for one in utf8)
    told = events_of(*MIXED)
    assert short(told) == [
        ("thinking", "hm … "),
        ("text", "Grüße 👋\u2028"),
        ("c1", "f", '{"a":"é\\n"}'),
        ("c2", "g", '{"b":2}'),
        "tools",
    ]
    for place in range(len(stream)):
        assert read_in_pieces(stream[:place], stream[place:]) == told
    assert read_in_pieces(*(stream[at : at + 1] for at in range(len(stream)))) == told


def read_in_pieces(*pieces: bytes) -> list[Event]:
    cutter, reader = Cutter(), Reader(SEED)
    events = [event for piece in pieces for raw in cutter.feed(piece) for event in reader.event(raw)]
    return [*events, *reader.event(cutter.rest), *reader.end()]


def test_lines_of_data_are_joined() -> None:
    raw = b'data: {"choices":\ndata: [{"delta":{"content":"a"},\ndata: "finish_reason":"stop"}]}\n\n'
    assert short(events_of(raw)) == [("text", "a"), "end"]


def test_a_call_that_waits_for_another_is_bounded() -> None:
    reader = Reader(SEED)
    reader.event(calls(call(0, "c1", "f", "{"), call(1, "c2", "g", '{"a":"')))
    piece = calls(call(1, arguments="x" * 65536))
    tracemalloc.start()
    events: list[Event] = []
    fed = 0
    while not events and fed < 4 * MOST_HELD:
        events += reader.event(piece)
        fed += 65536
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert broken(events).kind == "api_error"
    assert most < 1.2 * MOST_HELD


def test_small_pieces_that_wait_are_bounded_as_well() -> None:
    reader = Reader(SEED)
    reader.event(calls(call(0, "c1", "f", "{")))
    pieces = [chunk({"reasoning": "a"}), text("b")]
    tracemalloc.start()
    events: list[Event] = []
    fed = 0
    while not events and fed < MOST_HELD:
        events += reader.event(pieces[fed % 2])
        fed += 1
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert broken(events).kind == "api_error"
    assert most < 1.2 * MOST_HELD


def test_calls_are_bounded_in_number() -> None:
    reader = Reader(SEED)
    events: list[Event] = []
    count = 0
    while not any(isinstance(event, Failed) for event in events) and count < MOST_HELD:
        events = list(reader.event(calls(call(count, f"c{count}", "f", "{}"))))
        count += 1
    assert isinstance(events[-1], Failed)


def test_the_first_call_flows_without_bound() -> None:
    reader = Reader(SEED)
    reader.event(calls(call(0, "c1", "f", '{"a":"')))
    piece = calls(call(0, arguments="x" * 1_000_000))
    for _ in range(40):
        assert reader.event(piece) == [Delta("x" * 1_000_000)]
    assert reader.event(calls(call(0, arguments='"}'))) == [Delta('"}')]
