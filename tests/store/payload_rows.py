"""Payloads and rows for tests of what keeps and finds them."""

import random

from entries import plain

from ccflared.formats.redaction import Redaction
from ccflared.store.packing import Message, Packed, Payload, pack
from ccflared.wire import Attempt, Entry

NOW = 1_800_000_000.0
DAY = 86_400.0
WORD = "zanzibarquokka"


def payload(number: int, at: float = NOW, said: str = "hello", size: int = 0) -> Packed:
    noise = random.Random(number).randbytes(size).hex()
    body = f'{{"messages":[{{"role":"user","content":"{said} {WORD}{number}"}}],"noise":"{noise}"}}'.encode()
    answer = f'{{"content":[{{"type":"text","text":"answer {number}"}}]}}'.encode()
    return pack(
        Payload(
            id=f"req_{number}",
            at=at,
            request=Message(((b"content-type", b"application/json"),), (body,), len(body)),
            response=Message(((b"x-b", b"2"),), (answer,), len(answer), 200),
            whole=True,
        ),
        Redaction(()),
    )


def failed(number: int, error: str | None, *reasons: str) -> Entry:
    """Return a row of a request that had an error, and tries that failed for reasons."""
    return plain(
        id=f"req_{number}",
        at=NOW + number,
        account="work",
        provider="anthropic",
        status=500,
        outcome="error",
        error=error,
        attempts=tuple(
            Attempt("work", "anthropic", "first", 0, 1, 500, "broken", reason) for reason in reasons
        ),
    )
