"""What goes from a request whose conversation crosses providers; everything else stays byte for byte."""

import json
import time
from typing import Any

import pytest
from anthropic.types import Message
from hypothesis import given
from hypothesis import strategies as st

from ccflared.formats import sse
from ccflared.formats.crossing import signature_in, signatures, without_billing_block, without_thinking
from ccflared.formats.signers import Signatures

OURS, THEIRS = "ours==", "theirs=="


def foreign(signature: str) -> bool:
    return signature != OURS


def thought(signature: str | None = THEIRS) -> dict[str, Any]:
    return {"type": "thinking", "thinking": "hm", **({} if signature is None else {"signature": signature})}


SEALED = {"type": "redacted_thinking", "data": THEIRS}
TEXT = {"type": "text", "text": "so"}
CALL = {"type": "tool_use", "id": "t1", "name": "read", "input": {"path": "/"}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "ok"}]}
REMINDED = {"role": "user", "content": [*RESULT["content"], {"type": "text", "text": "mind the time"}]}
ASK = {"role": "user", "content": "go on"}
ENABLED = {"type": "enabled", "budget_tokens": 2048}
NOTHING = {"type": "text", "text": "(no content)"}


def said(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def body_of(*messages: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"model": "m", "messages": messages, **more}).encode()


def left(body: bytes | None) -> dict[str, Any]:
    assert body is not None
    value = json.loads(body)
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ([thought(), TEXT], [TEXT]),
        ([thought(), SEALED, TEXT, CALL], [TEXT, CALL]),
        ([TEXT, thought(), CALL], [TEXT, CALL]),
        ([TEXT, CALL, thought()], [TEXT, CALL]),
        ([thought(), TEXT, thought(), CALL, SEALED, SEALED], [TEXT, CALL]),
    ],
)
def test_thinking_goes_wherever_it_stands(content: list[dict[str, Any]], kept: list[dict[str, Any]]) -> None:
    body = without_thinking(body_of(ASK, said(*content), RESULT))
    assert left(body)["messages"] == [ASK, said(*kept), RESULT]


@pytest.mark.parametrize(
    ("block", "goes"),
    [
        (thought(THEIRS), True),
        (thought(OURS), False),
        (thought(""), True),
        (thought(None), True),
        (thought() | {"signature": 5}, True),
        (SEALED, True),
        (SEALED | {"data": OURS}, False),
        ({"type": "redacted_thinking"}, True),
    ],
)
def test_only_what_is_foreign_or_unsigned_goes_where_somebody_can_tell(
    block: dict[str, Any], goes: bool
) -> None:
    mine = thought(OURS)
    body = body_of(ASK, said(mine, TEXT), ASK, said(block, TEXT), ASK)
    amended = without_thinking(body, foreign)
    assert amended is None if not goes else left(amended)["messages"][3] == said(TEXT)
    assert amended is None or left(amended)["messages"][1] == said(mine, TEXT)


@pytest.mark.parametrize(
    "body",
    [
        body_of(ASK, said(TEXT), ASK, thinking=ENABLED),
        body_of({"role": "assistant", "content": "thinking"}, ASK),
        body_of({"role": "user", "content": [thought()]}),
        body_of({"role": "assistant", "content": [{"type": "tool_use", "input": {"type": "thinking"}}]}),
        body_of(ASK, system=[thought()]),
        body_of({"role": "assistant", "content": [{"type": {"type": "thinking"}}, {"type": ["thinking"]}]}),
        b"",
        b"thinking",
        b'["thinking"]',
        b'{"messages":"thinking"}',
        b'{"messages":[{"role":"assistant","content":[{"type":"thinking"}]}',
        b'{"messages":[{"role":"assistant","content":[{"type":"thinking"}]}]}, {}',
        b'{"messages":[],"messages":[{"role":"assistant","content":[{"type":"thinking"}]}]}',
        b'{"messages":[{"role":"assistant","content":[],"content":[{"type":"thinking"}]}]}',
        b'{1:2,"messages":[{"role":"assistant","content":[{"type":"thinking"}]}]}',
        b'\xff{"thinking"',
        b'{"thinking":' + b"[" * 100_000,
    ],
)
def test_there_is_nothing_to_take_out_of_what_has_none_or_is_no_request(body: bytes) -> None:
    assert without_thinking(body) is None


def test_a_turn_of_thoughts_alone_is_filled_so_that_turns_alternate() -> None:
    body = without_thinking(body_of(ASK, said(thought(), SEALED), ASK))
    assert left(body)["messages"] == [ASK, said(NOTHING), ASK]


def test_a_last_turn_of_thoughts_alone_goes_as_it_would_begin_the_answer() -> None:
    assert left(without_thinking(body_of(ASK, said(thought()))))["messages"] == [ASK]


def test_an_only_turn_of_thoughts_alone_is_filled_as_there_must_be_one() -> None:
    assert left(without_thinking(body_of(said(thought()))))["messages"] == [said(NOTHING)]


@pytest.mark.parametrize(
    "later",
    [
        [RESULT],
        [REMINDED],
        [RESULT, {"role": "system", "content": "mind the time"}],
        [RESULT, said(CALL), RESULT],
        [RESULT, said(thought(OURS), CALL), REMINDED, said(TEXT, CALL), RESULT],
    ],
    ids=["result", "result and words", "system", "second call", "thoughts of its own since"],
)
def test_while_tools_are_used_thinking_that_must_come_first_is_switched_off(
    later: list[dict[str, Any]],
) -> None:
    edits = [{"type": "clear_thinking_20251015", "keep": "all"}, {"type": "clear_tool_uses_20250919"}]
    body = body_of(
        ASK, said(thought(), TEXT, CALL), *later, thinking=ENABLED, context_management={"edits": edits}
    )
    amended = left(without_thinking(body, foreign))
    assert amended["thinking"] == {"type": "disabled"}
    assert amended["context_management"] == {"edits": edits[1:]}


def test_with_thinking_switched_off_no_thoughts_of_the_providers_own_stay() -> None:
    body = body_of(ASK, said(thought(OURS), TEXT), ASK, said(thought(), CALL), RESULT, thinking=ENABLED)
    assert OURS.encode() not in (without_thinking(body, foreign) or b"")


def test_a_list_of_edits_that_is_empty_then_goes_altogether() -> None:
    management = {"edits": [{"type": "clear_thinking_20251015"}]}
    for more in (
        {"context_management": management, "thinking": ENABLED},
        {"thinking": ENABLED, "context_management": management},
    ):
        body = without_thinking(body_of(ASK, said(thought(), CALL), RESULT, **more))
        assert "context_management" not in left(body)


@pytest.mark.parametrize(
    ("messages", "thinking"),
    [
        ([ASK, said(thought(), CALL), RESULT], {"type": "adaptive"}),
        ([ASK, said(thought(), CALL), RESULT], {"type": "disabled"}),
        ([ASK, said(thought(), CALL), RESULT, said(thought(), TEXT), ASK], ENABLED),
        ([ASK, said(thought(), TEXT), ASK], ENABLED),
        ([ASK, said(thought(), thought(OURS), CALL), RESULT], ENABLED),
        ([ASK, said(thought(OURS), CALL), RESULT, said(thought(), CALL), RESULT], ENABLED),
        ([ASK, said(CALL), RESULT, said(thought(), CALL), RESULT], ENABLED),
    ],
    ids=["adaptive", "off already", "the tools were used before", "no tools", "some of its own left", "its own first", "none first"],
)  # fmt: skip
def test_otherwise_thinking_stays_as_it_was_asked_for(
    messages: list[dict[str, Any]], thinking: dict[str, Any]
) -> None:
    management = {"edits": [{"type": "clear_thinking_20251015"}]}
    body = without_thinking(body_of(*messages, thinking=thinking, context_management=management), foreign)
    assert left(body)["thinking"] == thinking
    assert left(body)["context_management"] == management


@pytest.mark.parametrize("asked", [{"thinking": ENABLED}, {"thinking": {"type": "adaptive"}}, {}])
def test_thinking_can_be_switched_off_whatever_was_asked_for(asked: dict[str, Any]) -> None:
    off = {"thinking": {"type": "disabled"}}
    for block in (CALL, thought()):
        amended = without_thinking(body_of(ASK, said(block, CALL), RESULT, **asked), off=True)
        assert left(amended) == {
            "model": "m",
            "messages": [
                ASK,
                said(*[block for block in (block, CALL) if block["type"] == "tool_use"]),
                RESULT,
            ],
            **off,
        }
    assert without_thinking(body_of(ASK, said(CALL), RESULT, **off), off=True) is None


def test_a_body_in_which_thinking_counts_twice_is_left_alone() -> None:
    body = b'{"thinking":{"type":"enabled"},"thinking":1,"messages":[]}'
    assert without_thinking(body, off=True) is None


ODD = (
    b'\xef\xbb\xbf { "a" : 1.50e+2 , "n":123456789012345678901234567890123, "x":1e999,"model":"m\\u0065\\/\xf0\x9f\x98\x80",\r\n'
    b'"messages" : [ {"role":"user","content":"\xed\xa0\x80 \\ud800"} , {"content":[%s],"role":"assistant","z":[]} ],"d":'
    + b"9" * 5000
    + b',"d":{}} \n'
)
FIRST = b' { "type" : "text","text":"\\n" } '
THOUGHT = b'{"signature":"s\\u003d","type":"thinking","thinking":"\\"},{"}'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (THOUGHT + b" ,\n" + FIRST, FIRST[1:]),
        (FIRST + b"," + THOUGHT, FIRST[:-1]),
        (FIRST + b"," + THOUGHT + b", " + FIRST, FIRST + b"," + FIRST[1:]),
        (b" " + THOUGHT + b" , " + THOUGHT + b"\t", None),
    ],
)
def test_what_is_left_stays_as_it_was_written(before: bytes, after: bytes | None) -> None:
    amended = without_thinking(ODD.replace(b"%s", before))
    if after is not None:
        assert amended == ODD.replace(b"%s", after)
    else:
        # The last turn: it goes with the comma before it.
        start, end = ODD.index(b' , {"content"'), ODD.index(b' ],"d"')
        assert amended == ODD[:start] + ODD[end:]


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
BLOCKS = st.sampled_from([thought(), thought(OURS), thought(""), SEALED, TEXT, CALL]) | st.fixed_dictionaries(
    {"type": st.sampled_from(["thinking", "redacted_thinking", "text", "tool_use", "tool_result"]) | JSON},
    optional={"signature": JSON, "data": JSON, "text": st.text(), "input": JSON},
)
MESSAGES = st.fixed_dictionaries(
    {}, optional={"role": st.sampled_from(["user", "assistant", "system"]) | JSON, "content": st.lists(BLOCKS, max_size=4) | JSON}
)  # fmt: skip
BODIES = st.fixed_dictionaries(
    {"messages": st.lists(MESSAGES | JSON, max_size=5) | JSON},
    optional={
        "thinking": st.sampled_from([ENABLED, {"type": "adaptive"}]) | JSON,
        "context_management": st.fixed_dictionaries({"edits": st.lists(BLOCKS, max_size=3) | JSON}) | JSON,
        "system": st.lists(BLOCKS, max_size=3) | JSON,
        "more": JSON,
    },
)


def expected(body: dict[str, Any], judge: bool) -> list[Any]:
    """The messages as they are to be, where thinking is not switched off."""

    def goes(block: Any) -> bool:
        if not isinstance(block, dict) or block.get("type") not in ("thinking", "redacted_thinking"):
            return False
        signature = block.get("signature" if block["type"] == "thinking" else "data")
        return not (judge and signature == OURS)

    messages: list[Any] = []
    for place, message in enumerate(body["messages"]):
        content = (
            message.get("content")
            if isinstance(message, dict) and message.get("role") == "assistant"
            else None
        )
        if not isinstance(content, list) or not any(map(goes, content)):
            messages.append(message)
        elif kept := [block for block in content if not goes(block)]:
            messages.append({**message, "content": kept})
        elif place == 0 or place < len(body["messages"]) - 1:
            messages.append({**message, "content": [NOTHING]})
    return messages


@given(BODIES, st.booleans(), st.sampled_from([None, 1]))
def test_whatever_the_request_the_thoughts_alone_go(
    body: dict[str, Any], judge: bool, indent: int | None
) -> None:
    raw = json.dumps(body, indent=indent).encode()
    amended = without_thinking(raw, foreign if judge else None)
    if amended is None:
        if isinstance(body["messages"], list):
            assert expected(body, judge) == body["messages"]
        return
    after = left(amended)
    switched = after.get("thinking") == {"type": "disabled"}
    assert after["messages"] == expected(body, judge and not switched)
    concerned = {"messages", *(("thinking", "context_management") if switched else ())}
    assert [(k, v) for k, v in after.items() if k not in concerned] == [
        (k, v) for k, v in body.items() if k not in concerned
    ]
    assert without_thinking(amended, foreign if judge else None) is None


@given(st.binary(max_size=60), st.booleans())
def test_no_bytes_are_too_strange_for_taking_out(raw: bytes, off: bool) -> None:
    without_thinking(raw, off=off)
    without_thinking(b'{"messages":[{"role":"assistant","content":[{"type":"thinking"}' + raw, off=off)
    without_billing_block(b'{"system":[{"text":"x-anthropic-billing-header"' + raw)
    list(signatures(raw + b'"redacted_thinking"' + raw))
    list(signatures(b'"signature":"\\' + raw))


BILLING = b'{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.330.e1f; cc_entrypoint=cli;"}'
YOU = b'{"type":"text","text":"You are Claude Code","cache_control":{"type":"ephemeral"}}'


@pytest.mark.parametrize(
    ("system", "after"),
    [
        (b"[" + BILLING + b"," + YOU + b"]", b"[" + YOU + b"]"),
        (b"[ " + BILLING + b" ,\n  " + YOU + b" ]", b"[ " + YOU + b" ]"),
        (b"[" + BILLING + b"]", b"[]"),
        (b"[" + BILLING + b"," + BILLING + b"]", b"[" + BILLING + b"]"),
    ],
)
@pytest.mark.parametrize(
    "around",
    [
        b'{"model":"m","messages":[],"system":%s,"n":1.50e+2}',
        b' {"system" : %s , "tools":[{"system":[' + BILLING + b"]}]}",
        b'{"messages":[{"content":"\\"system\\":[\xed\xa0\x80"}],"s\\u0079stem":%s}',
    ],
)
def test_words_to_the_billing_are_cut_out_and_nothing_else(
    around: bytes, system: bytes, after: bytes
) -> None:
    assert without_billing_block(around.replace(b"%s", system)) == around.replace(b"%s", after)


@pytest.mark.parametrize(
    "body",
    [
        b'{"system":[' + YOU + b"," + BILLING + b"]}",
        b'{"system":' + BILLING + b"}",
        b'{"system":"x-anthropic-billing-header: a"}',
        b'{"messages":[{"system":[' + BILLING + b"]}]}",
        b'{"messages":[{"role":"user","content":[' + BILLING + b"]}]}",
        b'{"system":[{"type":"image","text":"x-anthropic-billing-header"}]}',
        b'{"system":[{"type":"text","text":" x-anthropic-billing-header"}]}',
        b'{"system":[' + BILLING + b'],"system":[]}',
        b'{"system":[' + BILLING + b"]",
        b'{"system":[' + BILLING + b"]}}",
        b'["x-anthropic-billing-header"]',
        b"x-anthropic-billing-header",
        b"\xff x-anthropic-billing-header",
        b'{"system":[]}',
        b"",
    ],
)
def test_a_body_whose_system_does_not_begin_so_stays(body: bytes) -> None:
    assert without_billing_block(body) is body


def test_a_body_without_those_words_is_not_even_parsed() -> None:
    body = b'{"system":[' + b"[" * 30_000_000
    began = time.process_time()
    assert without_billing_block(body) is body
    assert time.process_time() - began < 0.5


def test_the_signatures_of_a_request_are_found_without_parsing_it() -> None:
    body = body_of(ASK, said(thought("a\u00e9+/="), SEALED | {"data": "b=="}, CALL), ASK, said(thought("")))
    assert list(signatures(body)) == ["a\u00e9+/=", "b=="]
    assert list(signatures(body.replace(b"b==", b"b\\u003d\\u003d"))) == ["a\u00e9+/=", "b=="]
    assert list(signatures(b'{"type":"redacted_thinking"')) == []


def test_the_signatures_of_an_answer_are_found_as_well() -> None:
    answer = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "stop_sequence": None,
        "content": [thought("s1"), {"type": "redacted_thinking", "data": "s2"}, TEXT],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    Message.model_validate(answer)
    assert list(signatures(json.dumps(answer).encode())) == ["s1", "s2"]


def event(data: dict[str, Any]) -> bytes:
    return sse.encode(str(data["type"]), json.dumps(data).encode())


@pytest.mark.parametrize(
    ("data", "signature"),
    [
        ({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "Eq=="}}, "Eq=="),
        ({"type": "content_block_start", "index": 0, "content_block": {"type": "redacted_thinking", "data": "Er"}}, "Er"),
        ({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}, None),
        ({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": '"signature":"no"'}}, None),
        ({"type": "ping"}, None),
    ],
)  # fmt: skip
def test_the_signature_in_an_event_that_passes_by(data: dict[str, Any], signature: str | None) -> None:
    assert signature_in(event(data)) == signature
    assert signature_in(event(data).replace(b"\n", b"\r\n")) == signature


def test_it_is_remembered_who_made_a_signature() -> None:
    memory = Signatures()
    memory.made("s", "anthropic")
    memory.made("t", "zai")
    memory.made("s", "bedrock")
    memory.made("\ud800", "zai")
    memory.made("", "anthropic")
    assert [memory.maker(text) for text in ("s", "t", "\ud800", "", "u")] == [
        "bedrock",
        "zai",
        "zai",
        None,
        None,
    ]
    assert len(memory) == 3


def test_signatures_not_asked_for_the_longest_are_forgotten_first() -> None:
    memory = Signatures(2)
    memory.made("a", "x")
    memory.made("b", "x")
    assert memory.maker("a") == "x"
    memory.made("c", "x")
    assert [memory.maker(text) for text in "abc"] == ["x", None, "x"]
    assert len(memory) == 2


def test_words_of_sealed_thinking_that_are_none_are_passed_over() -> None:
    sealed = b'{"type":"redacted_thinking","data":"abc"}'
    body = b'{"data":"x","said":["redacted_thinking",' + sealed + b',"redacted_thinking"],"data":"y"}'
    assert list(signatures(body)) == ["abc"]


@pytest.mark.parametrize("around", [b"[%s1]", b'{"a":[%s1]}', b'{"a":[%s{}]}', b'{"a":[%s'])
def test_looking_for_signatures_takes_no_longer_for_a_body_full_of_the_word(around: bytes) -> None:
    body = around % (b'"redacted_thinking",' * 50_000)
    began = time.perf_counter()
    assert not list(signatures(body))
    assert time.perf_counter() - began < 1
