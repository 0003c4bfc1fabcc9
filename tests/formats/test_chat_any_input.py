"""Nothing that an upstream sends makes an unlawful sequence, an exception, or an answer without one end."""

import json
from typing import Any

import pytest
from chat_chunks import SEED, accumulated, payloads, short, written
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jiter import from_json

from ccflared.formats.chat.read_answer import Reader
from ccflared.formats.events import Event, Failed, Finished, state_after
from ccflared.formats.messages.write_answer import Writer
from ccflared.formats.request import Request
from ccflared.formats.sse import Cutter

SCALARS = st.one_of(
    *(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    *(st.text(max_size=4), st.sampled_from(["\ud800", "", " ", "stop", "length", "error"])),
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["text", "type", "thinking", "function", "name", "id", "index"]), inner, max_size=3),
    ),
    max_leaves=5,
)  # fmt: skip


def or_junk(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(strategy, strategy, strategy, strategy, JUNK)


def members(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: or_junk(field) for name, field in fields.items()})


FRAGMENTS = st.sampled_from(
    ["", "{", "}", '"', '{"a":', "1}", "{}", '"\\', " ", "null", '{"a":"b"}', "[", "]", "x"]
)
FUNCTIONS = members(name=st.sampled_from(["f", "g", ""]), arguments=FRAGMENTS)
CALLS = members(index=st.integers(0, 2), id=st.sampled_from(["c1", "c2", ""]), function=FUNCTIONS)
TEXTS = st.sampled_from(["", " ", "\n", "a", "é", "\ud83d"])
DELTAS = members(
    role=st.just("assistant"),
    content=TEXTS,
    reasoning=TEXTS,
    reasoning_content=TEXTS,
    reasoning_details=st.lists(members(text=TEXTS, summary=TEXTS), max_size=2),
    refusal=TEXTS,
    tool_calls=st.lists(or_junk(CALLS), max_size=3),
    function_call=FUNCTIONS,
)
FINISHES = st.sampled_from([None, None, None, "stop", "length", "tool_calls", "content_filter", "error", "x"])
USAGES = members(
    prompt_tokens=st.integers(0, 9), completion_tokens=st.integers(0, 9), prompt_tokens_details=JUNK
)
CHOICES = members(index=st.integers(0, 1), delta=DELTAS, message=DELTAS, finish_reason=FINISHES, usage=USAGES)
CHUNKS = members(
    choices=st.lists(or_junk(CHOICES), max_size=2), usage=USAGES, id=TEXTS, model=TEXTS, x_groq=JUNK
)
ERRORS = members(error=JUNK, choices=st.lists(CHOICES, max_size=1), message=TEXTS, object=st.just("error"))

RAW = st.one_of(
    or_junk(CHUNKS).map(lambda value: b"data: " + json.dumps(value).encode() + b"\n\n"),
    or_junk(CHUNKS).map(lambda value: b"data: " + json.dumps(value).encode() + b"\n\n"),
    or_junk(CHUNKS).map(lambda value: b"data: " + json.dumps(value).encode() + b"\n\n"),
    ERRORS.map(lambda value: b"data: " + json.dumps(value).encode() + b"\n\n"),
    st.sampled_from([b"data: [DONE]\n\n", b": hm\n\n", b"event: error\ndata: x\n\n", b"\n", b"data: {\n\n"]),
    st.binary(max_size=20),
)


def check(events: list[Event]) -> None:
    assert state_after(events) == "over"
    assert sum(isinstance(event, Finished | Failed) for event in events) == 1
    stream = written(events)
    if isinstance(events[-1], Failed):
        assert payloads(stream)[-1]["type"] == "error"
        return
    if not all(readable(told[2]) for told in short(events)[:-1] if len(told) == 3):
        with pytest.raises(ValueError, match="Unable to parse tool parameter JSON"):
            accumulated(stream)
        return
    message = accumulated(stream)
    document = json.loads(Writer(Request("m", ()), SEED, 0.0).document(events))
    assert [block.type for block in message.content] == [block["type"] for block in document["content"]]
    ids = [block["id"] for block in document["content"] if block["type"] == "tool_use"]
    assert len(set(ids)) == len(ids)
    assert all(block["name"] for block in document["content"] if block["type"] == "tool_use")
    assert (document["stop_reason"] == "tool_use") <= bool(ids)


def readable(arguments: str) -> bool:
    """Whether the SDK can read a call's arguments. What the upstream's model wrote is passed on, be it JSON or not."""
    try:
        from_json(arguments.encode(), partial_mode=True)
    except ValueError:
        return not arguments
    return True


@given(st.lists(RAW, max_size=10))
@settings(max_examples=600)
@example(
    [b'data: {"choices":[{"delta":{"tool_calls":[{"function":{"name":"f"}}]}}]}\n\n', b"data: [DONE]\n\n"]
)
def test_any_chunks_make_one_lawful_answer(raws: list[bytes]) -> None:
    reader = Reader(SEED)
    events: list[Event] = []
    for raw in raws:
        events += reader.event(raw)
        state_after(events)
    events += reader.end()
    check(events)
    assert not reader.event(b"data: [DONE]\n\n")
    assert not reader.end()


@given(st.lists(RAW, max_size=6), st.lists(st.integers(0, 2000), max_size=6))
def test_it_is_the_same_answer_wherever_the_bytes_are_cut(raws: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(raws)
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    pieces = [stream[begin:end] for begin, end in zip(places, places[1:] or places, strict=False)]
    assert said_by(pieces) == said_by([stream])


def said_by(pieces: list[bytes]) -> list[Event]:
    cutter, reader = Cutter(), Reader(SEED)
    events = [event for piece in pieces for raw in cutter.feed(piece) for event in reader.event(raw)]
    return [*events, *reader.event(cutter.rest), *reader.end()]


@given(st.binary(max_size=200))
def test_any_bytes_make_one_lawful_answer(stream: bytes) -> None:
    check(said_by([stream]))


@given(
    st.one_of(or_junk(CHUNKS), ERRORS).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40)
)
@settings(max_examples=400)
def test_any_document_makes_one_lawful_answer(body: bytes) -> None:
    events = list(Reader(SEED).document(body))
    check(events)
    assert isinstance(events[-1], Finished) or len(events) == 1


@pytest.mark.parametrize("depth", [100, 900, 990, 5_000, 100_000])
def test_depth_breaks_nothing(depth: int) -> None:
    for inner in (b'{"arguments":%s}', b'{"name":"f","arguments":%s}'):
        deep = b"[" * depth + b"]" * depth
        for function in (inner % (b'{"a":' + deep + b"}"), inner % deep):
            chunk = (
                b'{"choices":[{"delta":{"tool_calls":[{"function":'
                + function
                + b'}]},"finish_reason":"stop"}]}'
            )
            check(said_by([b"data: " + chunk + b"\n\n"]))
            check(list(Reader(SEED).document(chunk.replace(b'"delta"', b'"message"'))))
