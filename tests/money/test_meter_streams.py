"""Whole streams and documents through the meter: cut at every place, broken after every event, it tells the same."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from ccflared.formats.sse import Cutter, encode
from ccflared.money.usage import Meter, tokens_per_second
from ccflared.wire import Tokens


def event(kind: str, **members: Any) -> bytes:
    return encode(kind, json.dumps({"type": kind, **members}, ensure_ascii=False).encode())


def chunk(delta: dict[str, Any] | None, reason: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": reason}]
    body = {"id": "c", "object": "chat.completion.chunk", "model": "gpt-5-mini", "choices": choices, **more}
    return b"data: " + json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode() + b"\n\n"


STARTED = {
    "input_tokens": 12,
    "cache_creation_input_tokens": 900,
    "cache_read_input_tokens": 4000,
    "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 700},
    "output_tokens": 3,
    "service_tier": "standard",
}
SEARCHED = {
    # all of it again, cumulatively; the split of what was written is told another time only as nothing
    "input_tokens": 500,
    "cache_creation_input_tokens": 1000,
    "cache_read_input_tokens": 6000,
    "cache_creation": {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 700},
    "output_tokens": 80,
    "server_tool_use": {"web_search_requests": 1},
}
FINISHED = {
    "output_tokens": 240,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
    "server_tool_use": {"web_search_requests": 2},
}
ANTHROPIC = [
    b": a comment before everything\n\n",
    event("message_start", message={"id": "m", "model": "claude-opus-5", "content": [], "usage": STARTED}),
    event("ping"),
    event(
        "content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""}
    ),
    event(
        "content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": 'Größe "usage":{} 😀'}
    ),
    event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "c2ln"}),
    event("content_block_stop", index=0),
    b": keep-alive\n\n",
    event(
        "content_block_start",
        index=1,
        content_block={"type": "tool_use", "id": "t", "name": "f", "input": {}},
    ),
    event("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": '{"usage": 1}'}),
    event("content_block_stop", index=1),
    event("message_delta", delta={"stop_reason": None}, usage=SEARCHED),
    event("ping"),
    event("content_block_start", index=2, content_block={"type": "text", "text": ""}),
    event(
        "content_block_delta",
        index=2,
        delta={"type": "text_delta", "text": "message_delta, or \\u0022usage\\u0022"},
    ),
    event("content_block_stop", index=2),
    event("message_delta", delta={"stop_reason": "tool_use"}, usage=FINISHED),
    event("message_stop"),
]
OF_CHAT = {
    "prompt_tokens": 1000,
    "completion_tokens": 50,
    "total_tokens": 1050,
    "prompt_tokens_details": {"cached_tokens": 800},
    "completion_tokens_details": {"reasoning_tokens": 20},
}
SAID: list[bytes] = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"reasoning_content": 'a thought of "usage":null'}),
    b": OPENROUTER PROCESSING\n\n",
    chunk({"content": "Größe 😀"}),
]
DONE = b"data: [DONE]\n\n"
AT_THE_END = [*SAID, chunk({}, "stop"), chunk(None, usage=OF_CHAT), DONE]
ON_EACH = [
    chunk({"content": "Wo"}, usage=OF_CHAT | {"completion_tokens": 1, "total_tokens": 1001}),
    chunk({"content": "rd"}, usage=OF_CHAT | {"completion_tokens": 2, "total_tokens": 1002}),
    chunk({}, "stop", usage=OF_CHAT),
    DONE,
]
WITH_NULL = [
    chunk({"role": "assistant", "content": ""}, usage=None),
    chunk({"content": "x"}, usage=None),
    chunk({}, "stop", usage=None),
    chunk(None, usage=OF_CHAT),
    DONE,
]
OF_GROQ = [*SAID, chunk({}, "stop", x_groq={"id": "r", "usage": OF_CHAT}), DONE]
OF_MOONSHOT = [
    chunk({"content": "x"}),
    b'data: {"model":"gpt-5-mini","choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":'
    + json.dumps(OF_CHAT).encode()
    + b"}]}\n\n",
    DONE,
]

CHAT_TOKENS = Tokens(input=200, output=50, cache_read=800)
"""The prompt has the cached ones in it, the output the thoughts: neither is counted twice."""
FACTS = {
    "anthropic": (ANTHROPIC, Tokens(500, 240, 6000, 300, 700), "claude-opus-5", "tool_use"),
    "chat, usage at the end": (AT_THE_END, CHAT_TOKENS, "gpt-5-mini", "end_turn"),
    "chat, usage on each chunk": (ON_EACH, CHAT_TOKENS, "gpt-5-mini", "end_turn"),
    "chat, null before the end": (WITH_NULL, CHAT_TOKENS, "gpt-5-mini", "end_turn"),
    "chat, groq": (OF_GROQ, CHAT_TOKENS, "gpt-5-mini", "end_turn"),
    "chat, moonshot": (OF_MOONSHOT, CHAT_TOKENS, "gpt-5-mini", "end_turn"),
}


def metered(pieces: Sequence[bytes]) -> Meter:
    meter, cutter = Meter(), Cutter()
    for piece in pieces:
        for raw in cutter.feed(piece):
            meter.event(raw)
    return meter


def facts(meter: Meter) -> tuple[object, ...]:
    return meter.tokens, meter.model, meter.stop_reason, meter.usage


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("name", FACTS)
def test_a_stream_cut_at_every_place_tells_the_same(name: str, line_end: bytes) -> None:
    events, tokens, model, stop = FACTS[name]
    stream = b"".join(events).replace(b"\n", line_end)
    whole = metered([stream])
    assert facts(whole)[:3] == (tokens, model, stop)
    for place in range(len(stream) + 1):
        assert facts(metered([stream[:place], stream[place:]])) == facts(whole)
    assert facts(metered([stream[at : at + 1] for at in range(len(stream))])) == facts(whole)


PARTS = [  # of the Anthropic stream: how many events have come, and what was told by then
    (0, Tokens()),
    (1, Tokens()),
    (2, Tokens(12, 3, 4000, 200, 700)),
    (12, Tokens(500, 80, 6000, 300, 700)),
    (17, Tokens(500, 240, 6000, 300, 700)),
    (18, Tokens(500, 240, 6000, 300, 700)),
]


def test_a_stream_broken_after_any_event_keeps_what_was_told_by_then() -> None:
    for count in range(len(ANTHROPIC) + 1):
        expected = [tokens for come, tokens in PARTS if come <= count][-1]
        broken = metered(ANTHROPIC[:count])
        assert broken.tokens == expected, count
        assert broken.stop_reason == ("tool_use" if count >= 17 else None)
        assert broken.model == ("claude-opus-5" if count >= 2 else None)
        if count < len(ANTHROPIC):
            # and a break within the next event tells no more
            half = ANTHROPIC[count][: len(ANTHROPIC[count]) // 2]
            assert facts(metered([*ANTHROPIC[:count], half])) == facts(broken)


def test_a_chat_stream_broken_before_its_usage_has_told_none() -> None:
    for count in range(len(AT_THE_END) + 1):
        told = CHAT_TOKENS if count >= 6 else Tokens()
        assert metered(AT_THE_END[:count]).tokens == told, count
    for count, output in ((1, 1), (2, 2), (3, 50)):
        assert metered(ON_EACH[:count]).tokens == Tokens(200, output, 800)


def test_the_usage_is_kept_as_it_was_reported_with_what_nothing_is_made_of() -> None:
    kept = json.loads(metered(ANTHROPIC).usage or "")
    assert kept["server_tool_use"] == {"web_search_requests": 2}
    assert kept["service_tier"] == "standard"
    assert json.loads(metered(AT_THE_END).usage or "") == OF_CHAT


DOCUMENTS: dict[str, tuple[dict[str, Any], Tokens, str]] = {
    "anthropic": (
        {"type": "message", "model": "m", "stop_reason": "max_tokens", "content": [], "usage": SEARCHED},
        Tokens(500, 80, 6000, 300, 700),
        "max_tokens",
    ),
    "chat": (
        {"model": "m", "choices": [{"message": {}, "finish_reason": "length"}], "usage": OF_CHAT},
        CHAT_TOKENS,
        "max_tokens",
    ),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_cut_at_every_place_tells_the_same_and_a_broken_one_nothing(name: str) -> None:
    told, tokens, stop = DOCUMENTS[name]
    document = json.dumps(told).encode()
    for place in range(len(document) + 1):
        meter = Meter()
        meter.piece(document[:place])
        meter.piece(document[place:])
        meter.end()
        assert facts(meter)[:3] == (tokens, "m", stop)
    for place in range(len(document)):
        meter = Meter()
        meter.piece(document[:place])
        meter.end()
        assert facts(meter) == (Tokens(), None, None, None)


def test_what_was_told_in_parts_is_not_changed_by_a_later_meter() -> None:
    told = {"server_tool_use": {"web_search_requests": 1}}
    for _ in range(2):
        meter = Meter()
        meter.event(event("message_delta", delta={}, usage=told))
        meter.event(event("message_delta", delta={}, usage={"server_tool_use": {"web_search_requests": 5}}))
        assert json.loads(meter.usage or "") == {"server_tool_use": {"web_search_requests": 5}}
    assert told == {"server_tool_use": {"web_search_requests": 1}}


def test_a_summary_that_the_provider_wrote_on_the_way_is_billed_with_the_rest() -> None:
    # The documentation of compaction: the figures at the top leave it out, and it is billed.
    steps = [
        {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3500},
        {"type": "message", "input_tokens": 23_000, "output_tokens": 1000},
    ]
    reported = {"input_tokens": 23_000, "output_tokens": 1000, "iterations": steps}
    meter = metered([event("message_delta", delta={}, usage=reported)])
    assert meter.tokens == Tokens(input=203_000, output=4500)
    meter = metered([event("message_delta", delta={}, usage=reported | {"iterations": "odd"})])
    assert meter.tokens == Tokens(input=23_000, output=1000)


@pytest.mark.parametrize(
    ("usage", "output"),
    [
        # xAI, as its answers have it: 703 + 4 + 250
        ({"prompt_tokens": 703, "completion_tokens": 4, "total_tokens": 957}, 254),
        # OpenAI and most others: the thoughts are part of the output
        ({"prompt_tokens": 703, "completion_tokens": 254, "total_tokens": 957}, 254),
        # nobody says, so nothing is added
        ({"prompt_tokens": 703, "completion_tokens": 4}, 4),
    ],
)
def test_thoughts_are_counted_once_whoever_counts_them_apart(usage: dict[str, Any], output: int) -> None:
    told = usage | {"completion_tokens_details": {"reasoning_tokens": 250}}
    assert metered([chunk(None, usage=told)]).tokens == Tokens(input=703, output=output)


def test_the_first_and_the_last_content_are_noted_once_for_each_piece() -> None:
    meter = Meter()
    meter.note(1.0)
    assert (meter.first_token, meter.last_token) == (None, None)
    meter.speaks = True
    meter.note(2.0)
    meter.note(3.0)
    assert (meter.first_token, meter.last_token) == (2.0, 2.0)
    meter.speaks = True
    meter.note(4.0)
    assert (meter.first_token, meter.last_token) == (2.0, 4.0)


@pytest.mark.parametrize(
    ("output", "first", "last", "speed"),
    [
        (100, 500, 2500, 50.0),
        (100, 500, 500, None),
        (100, None, None, None),
        (0, 500, 2500, None),
        (None, 500, 2500, None),
    ],
)
def test_the_speed_is_that_of_the_writing(
    output: int | None, first: int | None, last: int | None, speed: float | None
) -> None:
    assert tokens_per_second(output, first, last) == speed


def test_usage_that_comes_in_a_chunk_without_choices_is_told() -> None:
    told = {"object": "chat.completion.chunk", "usage": {"prompt_tokens": 7, "completion_tokens": 2}}
    last = b"data: " + json.dumps(told).encode() + b"\n\n"
    assert metered([chunk({"content": "Hi."}, "stop"), last]).tokens == Tokens(7, 2)
