"""Where prompt caches end. Anthropic caches only what is marked, and OpenAI's clients never mark anything."""

from collections.abc import Iterator
from typing import Any, Final

MOST_MARKS: Final = 4

Block = dict[str, Any]


def set_marks(body: dict[str, Any], *, understood: bool) -> None:
    """Set the marks of a request that is written but for them, or correct those that the client has set.

    A client that sets none gets two: behind the system prompt (or the tools, where there is none), which is the same
    for all conversations, and at the end, from where the next turn of this one goes on.
    """
    marked = [block for block in _blocks(body) if "cache_control" in block]
    if not understood:
        _clear(marked)
    elif marked:
        # Of too many the last ones count: they hold what the first ones hold, and more.
        _clear(marked[:-MOST_MARKS])
        _shorten(marked[-MOST_MARKS:])
    else:
        for blocks in (body.get("system") or body.get("tools"), body["messages"][-1]["content"]):
            if blocks:
                blocks[-1]["cache_control"] = {"type": "ephemeral"}


def _blocks(body: dict[str, Any]) -> Iterator[Block]:
    """Yield what may have a mark, in the order in which it makes up the prompt."""
    yield from body.get("tools", ())
    yield from body.get("system", ())
    for message in body["messages"]:
        yield from message["content"]


def _clear(blocks: list[Block]) -> None:
    for block in blocks:
        del block["cache_control"]


def _shorten(blocks: list[Block]) -> None:
    """Let no cache outlive one that begins within it: a mark of an hour may not stand behind one of five minutes."""
    short = False
    for block in blocks:
        short = short or block["cache_control"].get("ttl") != "1h"
        if short:
            block["cache_control"] = {"type": "ephemeral"}
