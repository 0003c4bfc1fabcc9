"""What events mean in a stream of Chat Completions that is passed on untouched; told without parsing, and rightly."""

import json
from typing import Any

import pytest
from chat_chunks import DONE, ROLE, call, calls, chunk, counted, data, text, usage
from hypothesis import given, settings
from hypothesis import strategies as st

from ccflared.formats import sse
from ccflared.formats.anthropic import Mark
from ccflared.formats.chat import marks
from ccflared.formats.chat.marks import finishes, mark
from ccflared.formats.chat.reasons import BREAKS

MARKS: list[tuple[bytes, Mark]] = [
    (chunk(ROLE), Mark.OPENING),
    (chunk({"role": "assistant", "content": None, "tool_calls": [], "refusal": None}), Mark.OPENING),
    (chunk(), Mark.OPENING),
    (data({"choices": [], "prompt_filter_results": [{"content_filter_results": {"hate": {"filtered": False}}}]}), Mark.OPENING),
    (data({"choices": []}), Mark.OPENING),
    (data({}), Mark.OPENING),
    (chunk(ROLE, error=None), Mark.OPENING),
    (chunk(ROLE, usage=usage(1, 0)), Mark.OPENING),
    (text("a"), Mark.CONTENT),
    (text(" "), Mark.CONTENT),
    (text('"error"'), Mark.CONTENT),
    (text('say "error'), Mark.CONTENT),
    (text('{"error":{"message":"x"}}'), Mark.CONTENT),
    (chunk({"content": "a"}, error=None), Mark.CONTENT),
    (chunk({"content": "a", "refusal": None, "role": "assistant"}), Mark.CONTENT),
    (chunk({"content": [{"type": "text", "text": "a"}]}), Mark.CONTENT),
    (chunk({"content": "", "reasoning_content": "hm"}), Mark.CONTENT),
    (chunk({"reasoning": "hm"}), Mark.CONTENT),
    (chunk({"reasoning_details": [{"data": "x"}]}), Mark.CONTENT),
    (chunk({"refusal": "no"}), Mark.CONTENT),
    (calls(call(0, "c1", "f", "")), Mark.CONTENT),
    (chunk({"function_call": {"name": "f"}}), Mark.CONTENT),
    (chunk(finish="stop"), Mark.CONTENT),
    (data({"choices": [{"message": {"content": "a"}}]}), Mark.CONTENT),
    (data({"choices": [{"delta": ROLE}, {"delta": {"content": "a"}}]}), Mark.CONTENT),
    (b"data: keepalive\n\n", Mark.CONTENT),
    (b"data: {\n\n", Mark.CONTENT),
    (b"data: 7\n\n", Mark.CONTENT),
    (DONE, Mark.END),
    (b"data:[DONE]\n\n", Mark.END),
    (b"data: [DONE]\r\n\r\n", Mark.END),
    (data({"error": {"message": "x"}}), Mark.ERROR),
    (data({"error": "x"}), Mark.ERROR),
    (chunk({"content": "a"}, error={"message": "x"}), Mark.ERROR),
    (chunk({"content": "a"}, "error"), Mark.ERROR),
    (chunk({"content": "a"}, "network_error"), Mark.ERROR),
    (data({"choices": [{"delta": {"content": "a"}, "error": {"message": "x"}}]}), Mark.ERROR),
    (data({"object": "error", "message": "x"}), Mark.ERROR),
    (b"event: error\ndata: x\n\n", Mark.ERROR),
    (b'data: {"choices":[{"delta":{"content":"a"}}]}\nevent: error\n\n', Mark.ERROR),
    (b": OPENROUTER PROCESSING\n\n", Mark.EMPTY),
    (b"\n\n", Mark.EMPTY),
    (b"", Mark.EMPTY),
    (b"id: 4\n\n", Mark.EMPTY),
    (b"data:\n\n", Mark.EMPTY),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "meaning"), MARKS, ids=lambda value: str(value)[:70])
def test_an_event_means_what_is_in_it(raw: bytes, meaning: Mark) -> None:
    assert mark(raw) is meaning
    assert mark(raw.replace(b"\n", b"\r\n")) is meaning
    assert mark(b": hm\n" + raw) is meaning


FINISHES: list[tuple[bytes, bool]] = [
    (chunk(finish="stop"), True),
    (chunk({"content": "a"}, "length"), True),
    (b'data: {"choices":[{"finish_reason" :\t"tool_calls"}]}\n\n', True),
    (text("a"), False),
    (chunk(finish=""), False),
    (chunk(finish="error"), False),
    (chunk(finish="error_free"), True),
    (chunk(finish="network_error"), False),
    (text('"finish_reason":"stop"'), False),
    (text('"finish_reason": "stop'), False),
    (text('finish_reason":"stop"'), False),
    (counted(usage(1, 1)), False),
    (data({"native_finish_reason": "stop"}), False),
    (data({"choices": [{"finish_reason": None}, {"finish_reason": "stop"}]}), True),
    (DONE, False),
    (b"", False),
]


@pytest.mark.parametrize(("raw", "told"), FINISHES, ids=lambda value: str(value)[:70])
def test_an_event_tells_whether_the_answer_has_ended(raw: bytes, told: bool) -> None:
    assert finishes(raw) is told


TEXTS = st.one_of(
    st.text(max_size=12),
    st.lists(st.sampled_from(['"', "\\", "error", "content", ":", "finish_reason", "tool_calls", "[{", "stop", " "]), max_size=9).map("".join),
)  # fmt: skip
DELTAS = st.dictionaries(
    st.sampled_from(["role", "content", "reasoning", "reasoning_content", "refusal", "x", "tool_calls"]),
    st.one_of(st.none(), TEXTS, st.just([]), st.just([{"index": 0}])),
    max_size=4,
)
CHOICES = st.builds(
    lambda delta, finish, index: {"index": index, "delta": delta, "finish_reason": finish},
    DELTAS,
    st.one_of(st.none(), st.sampled_from(["stop", "", "length", *BREAKS])),
    st.integers(0, 1),
)
CHUNKS = st.builds(
    lambda choices, extra: {"id": "x", "choices": choices, **extra},
    st.lists(CHOICES, max_size=2),
    st.dictionaries(st.sampled_from(["error", "model", "usage", "x"]), st.one_of(st.none(), TEXTS, st.just({"message": "x"})), max_size=2),
)  # fmt: skip


@given(CHUNKS, st.booleans(), st.booleans())
@settings(max_examples=400)
def test_the_short_way_tells_the_same_as_the_long_one(chunk: Any, ascii_only: bool, compact: bool) -> None:
    separators = (",", ":") if compact else None
    document = json.dumps(chunk, ensure_ascii=ascii_only, separators=separators)
    raw = b"data: " + document.encode(errors="replace") + b"\n\n"
    assert mark(raw) is marks._mark(raw)
    reasons = [choice["finish_reason"] for choice in chunk["choices"]]
    assert finishes(raw) is any(reason not in (None, "", *BREAKS) for reason in reasons)


@given(st.sampled_from(["data: ", "data: {", "event: ", "", "\n"]), st.binary(max_size=40))
def test_any_bytes_have_a_meaning(begin: str, raw: bytes) -> None:
    assert mark(begin.encode() + raw) in Mark
    assert finishes(begin.encode() + raw) in (True, False)


def test_only_unusual_events_are_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def parsed(raw: bytes) -> sse.Event:
        raise AssertionError(raw)

    monkeypatch.setattr(sse, "parse", parsed)
    for raw in (
        text("Hello"),
        chunk({"reasoning_content": "hm"}),
        calls(call(0, None, None, "{")),
        chunk({"content": "", "reasoning": "hm"}),
    ):
        assert mark(raw.replace(b'": ', b'":').replace(b", ", b",")) is Mark.CONTENT
