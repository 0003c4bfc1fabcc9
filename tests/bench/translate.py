"""What translating an event of a stream costs: reading it from an upstream's dialect and writing it in the client's.

No sockets: raw events, as sse.Cutter gives them, in; bytes for the client out. Each kind of event is one that comes
again and again within an answer, so that the cost of an answer is this times its events.

    python tests/bench/translate.py                        every pair, five rounds of 20 000 events
    python tests/bench/translate.py --only chat-messages --rounds 9
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ccflared.formats.anthropic import mark as messages_mark
from ccflared.formats.chat.marks import mark as chat_mark
from ccflared.formats.chat.read_answer import Reader as ChatReader
from ccflared.formats.chat.write_answer import Writer as ChatWriter
from ccflared.formats.messages.read_answer import Reader as MessagesReader
from ccflared.formats.messages.write_answer import Writer as MessagesWriter
from ccflared.formats.request import Request
from ccflared.formats.responses.write_answer import Writer as ResponsesWriter
from ccflared.formats.spelling import AnswerReader, AnswerWriter

SEED: Final = "req_0123456789abcdef01234567"


def _chat(delta: dict[str, Any]) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
    chunk = {
        "id": "chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012",
        "object": "chat.completion.chunk",
        "created": 1_764_000_000,
        "model": "gpt-5-mini-2026-01-15",
        "service_tier": "default",
        "system_fingerprint": "fp_44709d6fcb",
        "choices": [choice],
    }
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def _arguments(fragment: str, **first: Any) -> bytes:
    function = {"arguments": fragment, **({"name": "read_file"} if first else {})}
    return _chat({"tool_calls": [{"index": 0, **first, "function": function}]})


@dataclass(frozen=True)
class Dialect:
    """How an upstream of a dialect streams: what comes first in a block, and what then comes again and again."""

    reader: Callable[[str], AnswerReader]
    kinds: dict[str, tuple[list[bytes], bytes]]


def _messages(**event: Any) -> bytes:
    name: bytes = event["type"].encode()
    return b"event: " + name + b"\ndata: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


def _begun(block: dict[str, Any]) -> list[bytes]:
    usage = {"input_tokens": 10, "output_tokens": 1}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "usage": usage,
    }
    return [
        _messages(type="message_start", message=message),
        _messages(type="content_block_start", index=0, content_block=block),
    ]


def _delta(**delta: str) -> bytes:
    return _messages(type="content_block_delta", index=0, delta=delta)


UPSTREAMS: Final = {
    "chat": Dialect(
        ChatReader,
        {
            "text": ([_chat({"role": "assistant", "content": "I"})], _chat({"content": " translate"})),
            "thoughts": ([_chat({"reasoning_content": "So"})], _chat({"reasoning_content": " then"})),
            "arguments": (
                [_arguments('{"path":"', id="call_1", type="function")],
                _arguments("src/main"),
            ),
        },
    ),
    "messages": Dialect(
        MessagesReader,
        {
            "text": (_begun({"type": "text", "text": ""}), _delta(type="text_delta", text=" translate")),
            "thoughts": (
                _begun({"type": "thinking", "thinking": "", "signature": ""}),
                _delta(type="thinking_delta", thinking=" then"),
            ),
            "arguments": (
                [
                    *_begun({"type": "tool_use", "id": "toolu_1", "name": "read_file", "input": {}}),
                    _delta(type="input_json_delta", partial_json='{"path":"'),
                ],
                _delta(type="input_json_delta", partial_json="src/main"),
            ),
        },
    ),
}

WRITERS: Final[dict[str, Callable[[Request, str, float], AnswerWriter]]] = {
    "messages": MessagesWriter,
    "chat": ChatWriter,
    "responses": ResponsesWriter,
}

PAIRS: Final = [(upstream, client) for upstream in UPSTREAMS for client in WRITERS if upstream != client]

# Passing on untouched looks at events, too.
MARKED: Final = {
    "chat": (chat_mark, _chat({"content": " translate"})),
    "messages": (
        messages_mark,
        (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
            b'"delta":{"type":"text_delta","text":" translate"}}\n\n'
        ),
    ),
}


def microseconds(once: Callable[[], object], count: int, rounds: int) -> float:
    """Return the median over rounds of what one call takes of the processor."""
    taken = []
    for _ in range(rounds):
        begin = time.process_time()
        for _ in range(count):
            once()
        taken.append((time.process_time() - begin) / count * 1e6)
    return statistics.median(taken)


def translating(upstream: str, client: str, kind: str) -> tuple[Callable[[], object], int]:
    """Return what translates one event of a kind, in the middle of an answer, and how long the event is."""
    dialect = UPSTREAMS[upstream]
    before, again = dialect.kinds[kind]
    reader = dialect.reader(SEED)
    writer = WRITERS[client](Request("m", ()), SEED, 0.0)
    for raw in before:
        writer.stream(reader.event(raw))
    return lambda: writer.stream(reader.event(again)), len(again)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help="one pair, such as chat-messages")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=20_000)
    arguments = parser.parse_args()
    print("| upstream → client | event | bytes | µs |")
    print("|---|---|---:|---:|")
    for upstream, client in PAIRS:
        if arguments.only in (None, f"{upstream}-{client}"):
            for kind in UPSTREAMS[upstream].kinds:
                once, length = translating(upstream, client, kind)
                cost = microseconds(once, arguments.count, arguments.rounds)
                print(f"| {upstream} → {client} | {kind} | {length} | {cost:.1f} |")
    if arguments.only is None:
        for dialect, (mark, raw) in MARKED.items():
            cost = microseconds(lambda: mark(raw), arguments.count, arguments.rounds)  # noqa: B023 - called at once
            print(f"| {dialect}, untouched | text, marked | {len(raw)} | {cost:.1f} |")
        chunk = MARKED["chat"][1][6:]
        cost = microseconds(lambda: json.loads(chunk), arguments.count, arguments.rounds)
        print(f"| for comparison | json.loads of a text chunk | {len(chunk)} | {cost:.1f} |")


if __name__ == "__main__":
    main()
