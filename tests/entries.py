"""A row of the history as tests need it: plain, but for what a test says of it."""

from dataclasses import replace
from typing import Any

from ccflared.wire import Entry, Tokens

PLAIN = Entry(
    id="r",
    at=1_800_000_000.0,
    method="POST",
    path="/v1/messages",
    client=None,
    project=None,
    conversation=None,
    user_agent=None,
    model=None,
    served_model=None,
    account="a",
    provider="p",
    status=200,
    outcome="complete",
    error=None,
    stream=False,
    stop_reason=None,
    first_byte_ms=None,
    total_ms=1,
    tokens=Tokens(),
    usage=None,
    attempts=(),
)


def plain(**more: Any) -> Entry:
    """Return a row that says nothing but what is given."""
    return replace(PLAIN, **more)
