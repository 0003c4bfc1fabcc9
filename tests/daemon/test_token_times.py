"""When the first and the last content of an answer came: of streams passed on and translated, and of documents."""

from pathlib import Path
from typing import Any

import pytest
from stage import staged

from ccflared.daemon.ear import PassedOn
from ccflared.formats.sse import encode
from ccflared.formats.voices import ANTHROPIC, CHAT
from ccflared.money.usage import Meter
from ccflared.wire import Observation


def event(kind: str, rest: str) -> bytes:
    return encode(kind, f'{{"type":"{kind}",{rest}}}'.encode())


START = event("message_start", '"message":{"model":"m","usage":{"input_tokens":1,"output_tokens":1}}')
PING = event("ping", '"x":1')
BEGIN = event("content_block_start", '"index":0,"content_block":{"type":"text","text":""}')
THOUGHT = event("content_block_delta", '"index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}')
TEXT = event("content_block_delta", '"index":0,"delta":{"type":"text_delta","text":"Hello"}')
CALL = event("content_block_delta", '"index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}')
STOP = event("content_block_stop", '"index":0')
DELTA = event("message_delta", '"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}')
END = event("message_stop", '"x":1')


def classify(raw: bytes) -> Observation:
    raise AssertionError(raw)


def times(voice: Any, pieces: list[bytes]) -> tuple[float | None, float | None]:
    """Return the times noted where each piece comes at the second of its number."""
    meter = Meter()
    ear = PassedOn(voice, meter, classify)
    for second, piece in enumerate(pieces):
        assert ear.hear(piece, float(second)) == piece
    return meter.first_token, meter.last_token


@pytest.mark.parametrize("content", [THOUGHT, TEXT, CALL])
def test_content_is_a_text_a_thought_or_the_arguments_of_a_call(content: bytes) -> None:
    pieces = [START, PING, BEGIN, content, PING, content, STOP, DELTA, END]
    assert times(ANTHROPIC, pieces) == (3.0, 5.0)
    # in one piece, and one of which an event's end comes later
    assert times(ANTHROPIC, [b"".join(pieces)]) == (0.0, 0.0)
    assert times(ANTHROPIC, [START + BEGIN + content[:-1], content[-1:], STOP + DELTA + END]) == (1.0, 1.0)


def test_a_stream_without_content_has_no_such_time() -> None:
    assert times(ANTHROPIC, [START, PING, DELTA, END]) == (None, None)


def test_chunks_of_chat_that_name_a_role_an_end_or_the_usage_are_no_content() -> None:
    pieces = [
        b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"reasoning_content":"Hm"},"finish_reason":null}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0}]},"finish_reason":null}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}\n\n',
        b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n',
        b"data: [DONE]\n\n",
    ]
    assert times(CHAT, pieces) == (1.0, 2.0)


CHAT_ACCOUNT = {"first": 'provider = "openai-compatible"\nbase_url = "http://127.0.0.1:PORT/v1"'}


@pytest.mark.parametrize("own", [None, CHAT_ACCOUNT], ids=["passed on", "translated"])
async def test_a_row_tells_when_the_first_and_the_last_content_of_a_stream_came(
    tmp_path: Path, own: dict[str, str] | None
) -> None:
    async with staged(tmp_path, ["first"], own=own) as stage:
        assert (await stage.fresh(stream=True)).status_code == 200
        assert (await stage.fresh()).status_code == 200
        streamed, whole = await stage.rows()
        assert streamed.first_token_ms is not None
        assert streamed.last_token_ms is not None
        assert 0 <= streamed.first_token_ms <= streamed.last_token_ms <= streamed.total_ms
        # Of an answer that comes whole nobody can say when its first word was written.
        assert (whole.first_token_ms, whole.last_token_ms) == (None, None)
