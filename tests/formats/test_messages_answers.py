"""Answers of upstreams that speak Anthropic Messages: what they mean, and that nothing they say is illegal for us."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transcripts import STOP, VALUES, begun, ended, more, said, started, stopped

from ccflared.formats.events import (
    Began,
    BlockBegan,
    BlockEnded,
    Delta,
    Event,
    Failed,
    Finished,
    Signed,
    Usage,
    state_after,
)
from ccflared.formats.messages import blocks
from ccflared.formats.messages.read_answer import Reader
from ccflared.formats.sse import Cutter

SEED = "req_0123456789abcdef01234567"
TEXT = [BlockBegan("text"), Delta("Hi"), BlockEnded()]


def read(*raws: bytes) -> list[Event]:
    reader = Reader(SEED)
    events = [event for raw in raws for event in reader.event(raw)]
    return [*events, *reader.end()]


def between(*raws: bytes) -> list[Event]:
    """What is told between a message's start and its end."""
    events = read(started(), *raws, stopped(), STOP)
    assert state_after(events) == "over"
    assert isinstance(events[0], Began)
    assert isinstance(events[-1], Finished)
    return events[1:-1]


def document(members: Any) -> Sequence[Event]:
    return Reader(SEED).document(json.dumps(members).encode())


def message(*content: Any, **members: Any) -> dict[str, Any]:
    base = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": list(content),
    }
    return base | {"stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 4}} | members


WHOLE = (
    started(input_tokens=9, output_tokens=1),
    said("ping"),
    begun(0, "thinking", thinking="", signature=""),
    more(0, "thinking_delta", thinking="Hm. "),
    more(0, "thinking_delta", thinking="Grün."),
    more(0, "signature_delta", signature="c2ln"),
    ended(0),
    begun(1, "text", text=""),
    more(1, "text_delta", text="Let me "),
    said("ping"),
    more(1, "text_delta", text="see 🙂"),
    ended(1),
    begun(2, "tool_use", id="toolu_1", name="Read", input={}),
    more(2, "input_json_delta", partial_json=""),
    more(2, "input_json_delta", partial_json='{"path": "\\u00'),
    more(2, "input_json_delta", partial_json='fc"}'),
    ended(2),
    stopped("tool_use", output_tokens=40),
    STOP,
)
WHOLE_EVENTS = [
    Began("msg_1", "claude-x", Usage(input=9, output=1)),
    BlockBegan("thinking"),
    Delta("Hm. "),
    Delta("Grün."),
    Signed("c2ln"),
    BlockEnded(),
    BlockBegan("text"),
    Delta("Let me "),
    Delta("see 🙂"),
    BlockEnded(),
    BlockBegan("call", "toolu_1", "Read"),
    Delta('{"path": "\\u00'),
    Delta('fc"}'),
    BlockEnded(),
    Finished("tools", None, Usage(input=9, output=40)),
]


def test_a_stream_as_anthropic_writes_it_is_read_as_it_stands() -> None:
    assert read(*WHOLE) == WHOLE_EVENTS


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_wherever_the_bytes_are_cut_the_events_are_the_same(line_end: bytes) -> None:
    stream = b"".join(WHOLE).replace(b"\n", line_end)
    for place in range(len(stream) + 1):
        cutter, reader = Cutter(), Reader(SEED)
        raws = [*cutter.feed(stream[:place]), *cutter.feed(stream[place:])]
        assert [event for raw in raws for event in reader.event(raw)] == WHOLE_EVENTS


def test_events_without_a_name_are_known_by_their_type_and_the_other_way_round() -> None:
    nameless = [raw[raw.index(b"\n") + 1 :] for raw in WHOLE]
    assert read(*nameless) == WHOLE_EVENTS
    assert read(*(raw.replace(b'"type": "message_stop"', b'"x": 1') for raw in WHOLE)) == WHOLE_EVENTS


def test_pings_comments_unknown_events_and_the_end_of_other_dialects_say_nothing() -> None:
    odd = (
        said("ping"),
        b": hello\n\n",
        b"\n\n",
        said("news", text="x"),
        b"data: [DONE]\n\n",
        b"event: a\n\n",
    )
    reader = Reader(SEED)
    assert [event for raw in odd for event in reader.event(raw)] == []
    assert read(*(piece for raw in WHOLE for piece in (raw, *odd))) == WHOLE_EVENTS


def test_redacted_thinking_keeps_its_data() -> None:
    assert between(begun(0, "redacted_thinking", data="c2VhbGVk"), ended(0)) == [
        BlockBegan("redacted", data="c2VhbGVk"),
        BlockEnded(),
    ]


def test_thinking_that_is_signed_without_a_word_is_kept() -> None:
    raws = (
        begun(0, "thinking", thinking="", signature=""),
        more(0, "signature_delta", signature="s"),
        ended(0),
    )
    assert between(*raws) == [BlockBegan("thinking"), Signed("s"), BlockEnded()]


def test_empty_text_blocks_are_none() -> None:
    assert between(begun(0, "text", text=""), more(0, "text_delta", text=""), ended(0)) == []


def test_text_in_the_beginning_of_a_block_counts() -> None:
    assert between(begun(0, "text", text="H"), more(0, "text_delta", text="i"), ended(0)) == [
        BlockBegan("text"),
        Delta("H"),
        Delta("i"),
        BlockEnded(),
    ]


def test_arguments_that_come_whole_in_the_beginning_of_a_call_count() -> None:
    call = begun(0, "tool_use", id="toolu_1", name="Read", input={"n": 2**70, "ü": "ü"})
    assert between(call, ended(0)) == [
        BlockBegan("call", "toolu_1", "Read"),
        Delta('{"n":1180591620717411303424,"ü":"ü"}'),
        BlockEnded(),
    ]
    text = begun(0, "tool_use", id="toolu_1", name="Read", input='{"n": 1}')
    assert between(text, ended(0))[1] == Delta('{"n":1}')


def test_arguments_in_deltas_count_before_those_in_the_beginning() -> None:
    call = begun(0, "tool_use", id="toolu_1", name="Read", input={"n": 1})
    raws = (call, more(0, "input_json_delta", partial_json='{"n":1}'), ended(0))
    assert between(*raws) == [BlockBegan("call", "toolu_1", "Read"), Delta('{"n":1}'), BlockEnded()]


def test_a_call_without_arguments_has_none() -> None:
    call = begun(0, "tool_use", id="toolu_1", name="Read", input={})
    assert between(call, ended(0)) == [BlockBegan("call", "toolu_1", "Read"), BlockEnded()]


def test_a_missing_or_repeated_id_of_a_call_is_made_from_the_seed() -> None:
    calls = [begun(n, "tool_use", name="Read", **({"id": "a"} if n != 1 else {})) for n in range(3)]
    ids = [event.id for event in between(*calls) if isinstance(event, BlockBegan)]
    assert ids == ["a", "toolu_0123456789abcdef01234567_1", "toolu_0123456789abcdef01234567_2"]
    assert ids == [event.id for event in between(*calls) if isinstance(event, BlockBegan)]


def test_a_call_without_a_name_fails_the_answer() -> None:
    events = read(started(), begun(0, "tool_use", id="a", name=""))
    assert isinstance(events[-1], Failed)
    assert state_after(events) == "over"


@pytest.mark.parametrize(
    "kind", ["server_tool_use", "web_search_tool_result", "mcp_tool_use", "container_upload", "news", None, 5]
)
def test_blocks_that_only_anthropic_has_are_passed_over_with_all_their_deltas(kind: Any) -> None:
    raws = (
        said("content_block_start", index=0, content_block={"type": kind, "id": "srvtoolu_1", "name": "web"}),
        more(0, "input_json_delta", partial_json='{"query": "x"}'),
        more(0, "text_delta", text="x"),
        ended(0),
        begun(1, "text", text=""),
        more(1, "citations_delta", citation={"type": "x", "cited_text": "y"}),
        more(1, "text_delta", text="Hi"),
        ended(1),
    )
    assert between(*raws) == TEXT


def test_text_of_a_block_that_never_began_begins_one() -> None:
    assert between(more(0, "text_delta", text="Hi"), ended(0)) == TEXT
    assert between(more(0, "thinking_delta", thinking="Hm"), more(1, "text_delta", text="Hi")) == [
        BlockBegan("thinking"),
        Delta("Hm"),
        BlockEnded(),
        *TEXT,
    ]


def test_arguments_of_a_call_that_never_began_are_nobodys() -> None:
    assert (
        between(more(0, "input_json_delta", partial_json="{}"), begun(1, "text", text="Hi"), ended(1)) == TEXT
    )


def test_a_delta_of_another_kind_than_its_block_begins_a_block_of_its_own() -> None:
    raws = (begun(0, "thinking", thinking="Hm"), more(0, "text_delta", text="Hi"), ended(0))
    assert between(*raws) == [BlockBegan("thinking"), Delta("Hm"), BlockEnded(), *TEXT]


def test_missing_ends_of_blocks_are_supplied() -> None:
    raws = (
        begun(0, "text", text="Hi"),
        begun(1, "tool_use", id="a", name="A", input={}),
        more(1, "input_json_delta", partial_json="{}"),
        begun(2, "tool_use", id="b", name="B", input={"x": 1}),
    )
    assert between(*raws) == [
        *TEXT,
        *(BlockBegan("call", "a", "A"), Delta("{}"), BlockEnded()),
        *(BlockBegan("call", "b", "B"), Delta('{"x":1}'), BlockEnded()),
    ]


def test_ends_of_blocks_that_are_not_open_say_nothing() -> None:
    assert between(ended(5), begun(0, "text", text="Hi"), ended(0), ended(0), ended(1)) == TEXT


def test_one_index_for_all_blocks_is_borne() -> None:
    raws = (begun(0, "text", text="Hi"), begun(0, "tool_use", id="a", name="A", input={}), ended(0))
    assert between(*raws) == [*TEXT, BlockBegan("call", "a", "A"), BlockEnded()]


def test_without_an_index_a_delta_belongs_to_the_block_that_began_last() -> None:
    bare = [raw.replace(b'"index": 0, ', b"").replace(b'"index": 1, ', b"") for raw in WHOLE]
    bare = [
        raw.replace(b'"index": 2, ', b"").replace(b', "index": 0', b"").replace(b', "index": 1', b"")
        for raw in bare
    ]
    assert read(*(raw.replace(b', "index": 2', b"") for raw in bare)) == WHOLE_EVENTS


def test_calls_that_overlap_follow_one_another_and_lose_nothing() -> None:
    raws = (
        begun(0, "tool_use", id="a", name="A", input={}),
        begun(1, "tool_use", id="b", name="B", input={}),
        more(1, "input_json_delta", partial_json='{"b"'),
        more(0, "input_json_delta", partial_json='{"a"'),
        begun(2, "text", text="Hi"),
        more(1, "input_json_delta", partial_json=":2}"),
        more(0, "input_json_delta", partial_json=":1}"),
        ended(1),
        ended(0),
        ended(2),
    )
    assert between(*raws) == [
        *(BlockBegan("call", "a", "A"), Delta('{"a"'), Delta(":1}"), BlockEnded()),
        *(BlockBegan("call", "b", "B"), Delta('{"b"'), Delta(":2}"), BlockEnded()),
        *TEXT,
    ]


def test_the_first_of_overlapping_calls_is_told_as_it_comes() -> None:
    reader = Reader(SEED)
    for raw in (started(), begun(0, "tool_use", id="a", name="A"), begun(1, "tool_use", id="b", name="B")):
        reader.event(raw)
    assert reader.event(more(1, "input_json_delta", partial_json="{}")) == []
    assert reader.event(more(0, "input_json_delta", partial_json="{}")) == [Delta("{}")]
    assert reader.event(ended(0)) == [BlockEnded(), BlockBegan("call", "b", "B"), Delta("{}")]


def test_texts_that_overlap_lose_nothing() -> None:
    raws = (
        begun(0, "text", text="a"),
        begun(1, "text", text="b"),
        more(0, "text_delta", text="c"),
        more(1, "text_delta", text="d"),
    )
    assert "".join(event.text for event in between(*raws) if isinstance(event, Delta)) == "abcd"


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "LONGEST_HELD", 10_000)
    reader = Reader(SEED)
    events = [*reader.event(started()), *reader.event(begun(0, "tool_use", id="a", name="A"))]
    for number in range(1000):
        events += reader.event(begun(1, "text", text="x" * number))
    assert isinstance(events[-1], Failed)
    assert state_after(events) == "over"


def test_blocks_that_are_open_at_once_are_bounded() -> None:
    reader = Reader(SEED)
    events = [event for n in range(5000) for event in reader.event(begun(n, "news"))]
    assert isinstance(events[-1], Failed)
    assert state_after(events) == "over"


def test_usage_is_cumulative_and_told_at_the_end_as_far_as_it_is_known() -> None:
    start = started(
        input_tokens=10, cache_read_input_tokens=20, cache_creation_input_tokens=30, output_tokens=1
    )
    events = read(start, stopped("end_turn", output_tokens=7), STOP)
    assert events[0] == Began("msg_1", "claude-x", Usage(10, 1, 20, 30))
    assert events[-1] == Finished("end", None, Usage(10, 7, 20, 30))


def test_input_that_is_told_at_the_end_alone_counts() -> None:
    events = read(
        started(input_tokens=0, output_tokens=0), stopped("end_turn", input_tokens=12, output_tokens=7), STOP
    )
    assert events[-1] == Finished("end", None, Usage(input=12, output=7))


def test_a_later_nought_takes_no_tokens_back() -> None:
    events = read(started(input_tokens=12), stopped("end_turn", input_tokens=0, output_tokens=7), STOP)
    assert events[-1] == Finished("end", None, Usage(input=12, output=7))


def test_thought_tokens_are_known_where_they_are_told() -> None:
    raw = said(
        "message_delta", delta={}, usage={"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 5}}
    )
    assert read(started(), raw, STOP)[-1] == Finished("end", None, Usage(output=9, reasoning=5))


def test_usage_that_is_no_count_stays_unknown() -> None:
    odd: Any = {"input_tokens": True, "output_tokens": 1.5, "cache_read_input_tokens": -1}
    assert read(started(**odd), stopped("end_turn"), STOP)[-1] == Finished()
    assert read(said("message_start", message={"usage": 5}), STOP)[-1] == Finished()


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("end_turn", "end"),
        ("stop_sequence", "stop sequence"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "refusal"),
        ("pause_turn", "pause"),
        ("tool_use", "end"),  # of an answer without a call
        ("compaction", "end"),
        (None, "end"),
        (5, "end"),
    ],
)
def test_stop_reasons(told: Any, meant: str) -> None:
    last = read(started(), stopped(told), STOP)[-1]
    assert isinstance(last, Finished)
    assert last.reason == meant


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("tool_use", "tools"),
        ("end_turn", "tools"),
        (None, "tools"),
        ("max_tokens", "length"),
        ("refusal", "refusal"),
    ],
)
def test_an_answer_with_calls_ended_for_them_unless_it_was_cut_off(told: Any, meant: str) -> None:
    last = read(started(), begun(0, "tool_use", id="a", name="A"), stopped(told), STOP)[-1]
    assert isinstance(last, Finished)
    assert last.reason == meant


def test_the_stop_sequence_is_told() -> None:
    assert read(started(), stopped("stop_sequence", "###"), STOP)[-1] == Finished("stop sequence", "###")


def test_nothing_follows_the_end() -> None:
    assert read(*WHOLE, *WHOLE, said("error", error={"type": "api_error", "message": "x"})) == WHOLE_EVENTS


def test_an_error_event_fails_the_answer_with_its_kind_and_message() -> None:
    error = said("error", error={"type": "overloaded_error", "message": "Overloaded"})
    assert read(*WHOLE[:9], error, *WHOLE[9:]) == [
        *WHOLE_EVENTS[:8],
        Failed("overloaded_error", "Overloaded", 529),
    ]
    assert read(error) == [Failed("overloaded_error", "Overloaded", 529)]


@pytest.mark.parametrize(
    ("raw", "failed"),
    [
        (
            said("error", error={"type": "rate_limit_error", "message": "slow"}),
            ("rate_limit_error", "slow", 429),
        ),
        (said("error", error={"type": "1302", "message": "busy"}), ("api_error", "busy", 502)),
        (said("error", error="bad"), ("api_error", "bad", 502)),
        (said("error", message="bad"), ("api_error", "bad", 502)),
        (b'data: {"error": {"message": "bad"}}\n\n', ("api_error", "bad", 502)),
        (
            b'event: error\ndata: {"type": "overloaded_error", "message": "b"}\n\n',
            ("overloaded_error", "b", 529),
        ),
        (b"event: error\ndata: {}\n\n", ("api_error", "The upstream's answer failed.", 502)),
        (said("error"), ("api_error", "The upstream answered with 502 Bad Gateway.", 502)),
    ],
)
def test_errors_of_other_shapes_are_errors(raw: bytes, failed: tuple[str, str, int]) -> None:
    assert read(started(), raw)[1:] == [Failed(*failed)]


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_a_stream_that_ends_without_message_stop_has_failed(length: int) -> None:
    events = read(*WHOLE[:length])
    assert isinstance(events[-1], Failed)
    assert events[-1].status == 502
    assert state_after(events) == "over"


@pytest.mark.parametrize(
    "garbage", [b"data: <html>\n\n", b"data: {\n\n", b"data: [1]\n\n", b'data: {"a": NaN}\n\n']
)
def test_garbage_fails_the_answer(garbage: bytes) -> None:
    assert read(garbage) == [Failed("api_error", "What the upstream sent is no event of a message.", 502)]
    assert isinstance(read(*WHOLE[:9], garbage, *WHOLE[9:])[8], Failed)


def test_a_page_in_place_of_a_stream_has_failed() -> None:
    assert isinstance(read(b"<html><body>502 Bad Gateway</body></html>\n\n")[-1], Failed)


def test_a_block_before_the_message_began_begins_it() -> None:
    assert read(*WHOLE[2:9], *WHOLE[10:])[0] == Began()
    assert read(stopped("end_turn"), STOP) == [Began(), Finished()]


def test_a_second_beginning_says_nothing() -> None:
    assert read(*(WHOLE[0], WHOLE[0], *WHOLE[1:])) == WHOLE_EVENTS


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    raw = (
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\\ud83d!"}}\n\n'
    )
    assert between(raw)[1] == Delta("\ufffd!")


def test_a_document_tells_what_its_stream_would_have_told() -> None:
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "redacted_thinking", "data": "r"},
        {"type": "server_tool_use", "id": "x", "name": "web_search", "input": {"q": 1}},
        {"type": "text", "text": ""},
        {"type": "text", "text": "Hi", "citations": None},
        {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"n": 2**63}},
        {"type": "tool_use", "id": "toolu_2", "name": "List", "input": {}},
        "odd",
        None,
    ]
    assert document(message(*content, stop_reason="tool_use")) == [
        Began("msg_1", "claude-x", Usage(3, 4)),
        *(BlockBegan("thinking"), Delta("Hm."), Signed("s"), BlockEnded()),
        *(BlockBegan("redacted", data="r"), BlockEnded()),
        *TEXT,
        *(BlockBegan("call", "toolu_1", "Read"), Delta('{"n":9223372036854775808}'), BlockEnded()),
        *(BlockBegan("call", "toolu_2", "List"), BlockEnded()),
        Finished("tools", None, Usage(3, 4)),
    ]


@pytest.mark.parametrize("content", [[], None], ids=["empty", "null"])
def test_a_document_without_content_is_an_empty_answer(content: Any) -> None:
    assert document(message() | {"content": content}) == [
        Began("msg_1", "claude-x", Usage(3, 4)),
        Finished("end", None, Usage(3, 4)),
    ]


def test_a_documents_content_may_be_a_text() -> None:
    assert list(document(message() | {"content": "Hi"}))[1:-1] == TEXT


def test_an_error_in_place_of_a_document_is_one() -> None:
    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}
    assert document(error) == [Failed("rate_limit_error", "slow", 429)]
    assert document({"error": {"message": "bad"}}) == [Failed("api_error", "bad", 502)]


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b"null", b'{"choices": []}', b'{"content": 5}']
)
def test_what_is_no_message_has_failed(body: bytes) -> None:
    assert Reader(SEED).document(body) == [
        Failed("api_error", "What the upstream answered is no message.", 502)
    ]


@pytest.mark.parametrize(
    "members",
    [
        {"detail": "bad"},
        {"base_resp": {"status_code": 1, "status_msg": "bad"}},
        {"error": "bad", "content": []},
    ],
)
def test_errors_of_other_shapes_in_place_of_a_document_are_errors(members: Any) -> None:
    assert document(members) == [Failed("api_error", "bad", 502)]


def test_a_prompt_that_is_too_long_is_told_in_the_words_that_clients_know() -> None:
    error = said(
        "error", error={"type": "invalid_request_error", "message": "input is too long for the model"}
    )
    failed = Failed("invalid_request_error", "prompt is too long: input is too long for the model", 400)
    assert read(error) == [failed]


def test_a_document_that_cannot_be_told_has_failed_as_a_whole() -> None:
    (only,) = document(message({"type": "text", "text": "Hi"}, {"type": "tool_use", "name": ""}))
    assert isinstance(only, Failed)


@pytest.mark.parametrize("depth", range(850, 1010, 10))
def test_arguments_nested_however_deeply_raise_nothing(depth: int) -> None:
    body = message({"type": "tool_use", "id": "a", "name": "A", "input": {"x": "DEEP"}})
    text = json.dumps(body).replace('"DEEP"', "[" * depth + "]" * depth)
    assert state_after(Reader(SEED).document(text.encode())) == "over"


KEYS = st.sampled_from(
    ["type", "index", "content_block", "delta", "usage", "error", "message", "stop_reason", "text"]
)
ODD = st.dictionaries(KEYS, VALUES, max_size=5)
INDEXES = st.sampled_from([0, 1, 2])
PARTS = st.sampled_from(WHOLE) | st.one_of(
    st.builds(begun, INDEXES, st.sampled_from(["text", "thinking", "redacted_thinking", "tool_use", "news"]), name=st.just("A"), data=st.text(max_size=2), text=st.text(max_size=2)),
    st.builds(more, INDEXES, st.just("text_delta"), text=st.text(max_size=3)),
    st.builds(more, INDEXES, st.just("thinking_delta"), thinking=st.text(max_size=3)),
    st.builds(more, INDEXES, st.just("signature_delta"), signature=st.text(max_size=3)),
    st.builds(more, INDEXES, st.just("input_json_delta"), partial_json=st.text(max_size=3)),
    st.builds(ended, INDEXES),
)  # fmt: skip
KINDS = st.sampled_from(["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "x"])  # fmt: skip
RAWS = st.one_of(
    PARTS,
    st.builds(lambda kind, odd: said(kind, **{k: v for k, v in odd.items() if k != "type"}), KINDS, ODD),
    ODD.map(lambda odd: b"data: " + json.dumps(odd).encode() + b"\n\n"),
    st.binary(max_size=20),
)


def assert_legal(events: Sequence[Event]) -> None:
    assert state_after(events) == "over"
    assert sum(isinstance(event, Finished | Failed) for event in events) == 1


@given(st.lists(RAWS, max_size=30))
def test_whatever_comes_the_events_are_legal_and_end_once(raws: list[bytes]) -> None:
    assert_legal(read(*raws))


@given(st.lists(PARTS, max_size=30))
def test_however_blocks_overlap_no_text_is_lost(raws: list[bytes]) -> None:
    raws = [raw for raw in raws if raw not in (STOP, WHOLE[0])]
    events = read(started(), *raws, STOP)
    assert_legal(events)
    blocks = [json.loads(raw.partition(b"data: ")[2]).get("content_block", {}) for raw in raws]
    # Sealed thinking with nothing in it is as good as a block of a kind that is not known.
    passed_over = any(
        block.get("type") == "news" or (block.get("type") == "redacted_thinking" and not block.get("data"))
        for block in blocks
    )
    if not passed_over:
        sent = [json.loads(raw.partition(b"data: ")[2]) for raw in raws]
        told = {"text": "", "thinking": ""}
        kind = ""
        for event in events:
            if isinstance(event, BlockBegan):
                kind = event.kind
            if isinstance(event, Delta) and kind in told:
                told[kind] += event.text
        for kind, text in told.items():
            pieces = [part.get("delta", {}).get(kind, "") for part in sent if part.get("delta", {}).get("type") == f"{kind}_delta"]  # fmt: skip
            pieces += [part["content_block"].get(kind, "") for part in sent if part.get("content_block", {}).get("type") == kind]  # fmt: skip
            assert sorted(text) == sorted("".join(pieces))


@given(VALUES)
def test_whatever_document_comes_the_events_are_legal(value: Any) -> None:
    assert_legal(document(value))


@given(st.lists(ODD | VALUES, max_size=4), ODD)
def test_whatever_content_comes_the_events_are_legal(content: list[Any], odd: dict[str, Any]) -> None:
    events = document(odd | {"type": "message", "content": content, "error": None})
    assert_legal(events)
    assert len(events) == 1 or not isinstance(events[-1], Failed)


@given(st.binary(max_size=60))
def test_whatever_bytes_come_in_place_of_a_document_the_answer_has_failed(body: bytes) -> None:
    assert_legal(Reader(SEED).document(body))
