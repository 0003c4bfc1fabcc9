"""The meter: whatever way an answer comes in pieces, and whatever stands in it, usage is what the provider said last."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.formats.chat.counts import usage_in
from ccflared.formats.sse import Cutter, encode
from ccflared.money.usage import LONGEST_DOCUMENT, LONGEST_USAGE, Meter
from ccflared.wire import Tokens


def event(kind: str, **members: Any) -> bytes:
    return encode(kind, json.dumps({"type": kind, **members}, ensure_ascii=False).encode())


START = event(
    "message_start",
    message={
        "id": "msg_1",
        "model": "claude-opus-4",
        "content": [],
        "stop_reason": None,
        "usage": {
            "input_tokens": 25,
            "output_tokens": 1,
            "cache_read_input_tokens": 7,
            "cache_creation_input_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
            "service_tier": "standard",
        },
    },
)
TEXT = event("content_block_delta", index=0, delta={"type": "text_delta", "text": 'Größe 😀 "usage": {}'})
STREAM = b"".join(
    [
        START,
        event("ping"),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        TEXT,
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": None}, usage={"output_tokens": 9}),
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 15}),
        event("message_stop"),
    ]
)


def metered(pieces: list[bytes]) -> Meter:
    meter, cutter = Meter(), Cutter()
    for piece in pieces:
        for raw in cutter.feed(piece):
            meter.event(raw)
    return meter


def facts(meter: Meter) -> tuple[object, ...]:
    return meter.tokens, meter.model, meter.stop_reason, meter.usage


def test_a_stream_tells_its_tokens_model_and_end() -> None:
    meter = metered([STREAM])
    assert meter.tokens == Tokens(input=25, output=15, cache_read=7, cache_write_5m=10, cache_write_1h=20)
    assert (meter.model, meter.stop_reason) == ("claude-opus-4", "end_turn")
    assert json.loads(meter.usage or "")["service_tier"] == "standard"
    assert json.loads(meter.usage or "")["output_tokens"] == 15


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_a_stream_cut_at_any_place_tells_the_same(line_end: bytes) -> None:
    stream = STREAM.replace(b"\n", line_end)
    whole = facts(metered([stream]))
    for place in range(len(stream)):
        assert facts(metered([stream[:place], stream[place:]])) == whole


@given(st.lists(st.integers(0, len(STREAM)), max_size=8).map(sorted))
def test_a_document_in_any_pieces_tells_the_same(places: list[int]) -> None:
    document = json.dumps(
        {
            "type": "message",
            "model": "Größe",
            "stop_reason": "max_tokens",
            "usage": {"input_tokens": 3, "output_tokens": 4},
        },
        ensure_ascii=False,
    ).encode()
    meter = Meter()
    for begin, end in zip([0, *places], [*places, len(document)], strict=True):
        meter.piece(document[begin:end])
    meter.end()
    assert facts(meter) == (Tokens(input=3, output=4), "Größe", "max_tokens", meter.usage)
    assert json.loads(meter.usage or "") == {"input_tokens": 3, "output_tokens": 4}


def usage(*reported: dict[str, Any]) -> Tokens:
    meter = Meter()
    for one in reported:
        meter.event(event("message_delta", delta={}, usage=one))
    return meter.tokens


SPLITS: list[tuple[list[dict[str, Any]], Tokens]] = [
    ([], Tokens()),
    ([{}], Tokens()),
    ([{"output_tokens": 0}], Tokens(output=0)),
    # cumulative: the later figure counts, and what is not named again stays
    ([{"output_tokens": 3}, {"output_tokens": 8}], Tokens(output=8)),
    ([{"input_tokens": 5}, {"output_tokens": 8}], Tokens(input=5, output=8)),
    ([{"input_tokens": 0}, {"input_tokens": 40, "output_tokens": 8}], Tokens(input=40, output=8)),
    ([{"input_tokens": 5}, {"input_tokens": None}], Tokens(input=5)),
    # cache writes by lifetime
    ([{"cache_creation_input_tokens": 9}], Tokens(cache_write_5m=9)),
    (
        [{"cache_creation_input_tokens": 9, "cache_creation": {"ephemeral_1h_input_tokens": 9}}],
        Tokens(cache_write_1h=9),
    ),
    (
        [{"cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2}}],
        Tokens(cache_write_5m=1, cache_write_1h=2),
    ),
    (
        [{"cache_creation_input_tokens": 9, "cache_creation": {"ephemeral_1h_input_tokens": 4}}],
        Tokens(cache_write_5m=5, cache_write_1h=4),
    ),
    (
        [
            {"cache_creation_input_tokens": 4, "cache_creation": {"ephemeral_1h_input_tokens": 4}},
            {"cache_creation_input_tokens": 6},
        ],
        Tokens(cache_write_5m=2, cache_write_1h=4),
    ),
    (
        [{"cache_creation_input_tokens": 3, "cache_creation": {"ephemeral_1h_input_tokens": 4}}],
        Tokens(cache_write_5m=0, cache_write_1h=4),
    ),
    ([{"cache_creation_input_tokens": 9, "cache_creation": "odd"}], Tokens(cache_write_5m=9)),
    # a figure that was told is not taken back by a 0
    ([{"input_tokens": 500}, {"input_tokens": 0, "output_tokens": 0}], Tokens(input=500, output=0)),
    # no numbers of tokens
    ([{"input_tokens": -1, "output_tokens": True}], Tokens()),
    ([{"input_tokens": "7", "output_tokens": 7.0}], Tokens()),
    ([{"input_tokens": 2**53, "output_tokens": 2**53 - 1}], Tokens(output=2**53 - 1)),
]


@pytest.mark.parametrize(("reported", "tokens"), SPLITS)
def test_usage_is_what_was_said_last_in_five_kinds(reported: list[dict[str, Any]], tokens: Tokens) -> None:
    assert usage(*reported) == tokens


def test_a_name_alone_says_what_an_event_is() -> None:
    meter = Meter()
    meter.event(b'event: message_delta\ndata: {"usage":{"output_tokens":3},"delta":{"stop_reason":"x"}}\n\n')
    assert (meter.tokens, meter.stop_reason) == (Tokens(output=3), "x")


def test_usage_in_other_events_and_in_text_is_nobodys() -> None:
    meter = Meter()
    meter.event(event("content_block_delta", usage={"output_tokens": 9}))
    meter.event(event("ping", usage={"output_tokens": 9}))
    meter.event(TEXT)
    assert facts(meter) == (Tokens(), None, None, None)


JUNK = [
    b"",
    b"data: message_start\n\n",
    b'data: {"type":"message_start"}\n\n',
    b'data: {"type":"message_start","message":7}\n\n',
    b'data: {"type":"message_start","message":{"model":7,"usage":[],"stop_reason":{}}}\n\n',
    b'data: {"type":"message_delta","usage":"x","delta":null}\n\n',
    b'data: {"type":{"usage":1}}\n\n',
    b'data: ["usage"]\n\n',
    b'data: {"usage"\n\n',
    b'data: {"type":"message_delta","usage":' + b"[" * 100_000 + b"\n\n",
    b'data: {"type":"message_delta","usage":{"input_tokens":' + b"9" * 5000 + b"}}\n\n",
    b'event: message_delta\ndata: "usage" \xff\xfe\n\n',
]


@pytest.mark.parametrize("raw", JUNK, ids=lambda raw: str(raw)[:60])
def test_junk_tells_nothing_and_takes_nothing_back(raw: bytes) -> None:
    meter = metered([STREAM])
    before = facts(meter)
    meter.event(raw)
    assert facts(meter) == before


JSONS: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["usage", "message", "delta", "cache_creation", "input_tokens", "model", "stop_reason"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=6,
)


@given(st.sampled_from(["message_start", "message_delta", "ping"]), JSONS, JSONS, st.binary(max_size=20))
def test_nothing_an_upstream_can_write_raises(kind: str, one: Any, other: Any, noise: bytes) -> None:
    meter = Meter()
    meter.event(event(kind, message=one, usage=other, delta=one))
    meter.event(b"data: " + noise + b'"usage"\n\n')
    meter.piece(json.dumps({"usage": one, "model": other}).encode() + noise[:1])
    meter.end()
    assert isinstance(meter.tokens, Tokens)
    if meter.usage is not None:
        json.dumps(json.loads(meter.usage), allow_nan=False)


def test_numbers_that_are_none_make_no_unreadable_row() -> None:
    meter = Meter()
    meter.event(
        b'data: {"type":"message_delta","usage":{"input_tokens":NaN,"x":-Infinity,"y":1e999,"z":0.5}}\n\n'
    )
    assert json.loads(meter.usage or "") == {"z": 0.5}


def test_absurdly_large_reports_are_not_kept() -> None:
    meter = Meter()
    meter.event(event("message_delta", usage={"output_tokens": 3, "x": "y" * LONGEST_USAGE}))
    assert (meter.usage, meter.tokens.output) == (None, 3)
    meter.event(event("message_start", message={"model": "m" * 10_000, "stop_reason": "s" * 10_000}))
    assert len(meter.model or "") == len(meter.stop_reason or "") == 256


def nested(depth: int) -> bytes:
    return b'data: {"type":"message_delta","usage":{"a":' + b"[" * depth + b"]" * depth + b"}}\n\n"


def test_a_report_nested_as_deep_as_can_be_read_is_written_or_left_out_wherever_it_is_asked_for() -> None:
    def deeper(meter: Meter, frames: int) -> str | None:
        return deeper(meter, frames - 1) if frames else meter.usage

    for depth in range(700, 1000, 20):
        meter = Meter()
        meter.event(nested(depth))
        assert deeper(meter, 100) is None or json.loads(meter.usage or "")


def test_of_a_document_longer_than_is_kept_usage_stays_unknown() -> None:
    meter = Meter()
    meter.piece(b'{"usage":{"output_tokens":3},"x":"')
    for _ in range(5):
        meter.piece(b" " * (LONGEST_DOCUMENT // 4))
    meter.piece(b'"}')
    meter.end()
    assert facts(meter) == (Tokens(), None, None, None)


def test_an_answer_without_a_body_tells_nothing() -> None:
    meter = Meter()
    meter.end()
    assert facts(meter) == (Tokens(), None, None, None)


MOONSHOT = {"prompt_tokens": 10, "completion_tokens": 4, "cached_tokens": 7}
WRITTEN = {"prompt_tokens": 10, "completion_tokens": 4, "prompt_tokens_details": {"cache_creation_tokens": 7}}


@pytest.mark.parametrize(
    ("told", "tokens"),
    [
        ({"usage": MOONSHOT}, Tokens(input=3, output=4, cache_read=7)),
        ({"choices": [{"index": 0, "usage": MOONSHOT}]}, Tokens(input=3, output=4, cache_read=7)),
        ({"x_groq": {"usage": MOONSHOT}}, Tokens(input=3, output=4, cache_read=7)),
        ({"usage": WRITTEN}, Tokens(input=3, output=4, cache_write_5m=7)),
        ({"usage": {"prompt_tokens": 10.0, "completion_tokens": 4.0}}, Tokens(input=10, output=4)),
    ],
    ids=["Moonshot", "Moonshot's streams", "Groq's streams", "written to the cache", "numbers of JavaScript"],
)
def test_of_chat_completions_the_row_has_the_tokens_that_the_client_is_told(
    told: dict[str, Any], tokens: Tokens
) -> None:
    meter = Meter()
    chunk = {"id": "c", "choices": []} | told
    meter.event(b"data: " + json.dumps(chunk).encode() + b"\n\n")
    assert meter.tokens == tokens
    usage = usage_in(chunk)
    assert usage is not None
    assert (usage.input, usage.output, usage.cache_read, usage.cache_write) == (
        *(tokens.input, tokens.output, tokens.cache_read, tokens.cache_write_5m),
    )


@pytest.mark.parametrize(
    ("told", "word"), [("model_length", "max_tokens"), ("sensitive", "refusal"), ("STOP", "end_turn")]
)
def test_a_finish_that_one_server_alone_has_is_told_in_the_usual_word(told: str, word: str) -> None:
    meter = Meter()
    meter.event(b"data: " + json.dumps({"choices": [{"index": 0, "finish_reason": told}]}).encode() + b"\n\n")
    assert meter.stop_reason == word
