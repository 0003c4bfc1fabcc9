"""What a stream of each dialect looks like from outside, for streams that are passed on byte by byte. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ccflared.formats import anthropic
from ccflared.formats.anthropic import Mark
from ccflared.formats.chat import marks
from ccflared.formats.dialect import ClientDialect
from ccflared.formats.errors import openai_body


@dataclass(frozen=True, slots=True)
class Voice:
    """One dialect's streams."""

    mark: Callable[[bytes], Mark]
    """Says what a raw event means."""
    finishes: Callable[[bytes], bool]
    """Whether a raw event says that nothing but the end is to come, so that a clean end of the body is one."""
    ping: bytes
    """What may be slipped in between two events."""
    error_event: Callable[[str, str], bytes]
    """Writes an error, given its type by Anthropic's name and a message, as the last that is sent."""
    unended: str
    """Said of a stream that ends before its end."""
    content: bytes
    """What events with content begin with, where that alone tells them from all others."""
    says: Callable[[bytes], bool]
    """Whether something was said with a raw event of a sound stream: a text, a thought, a call's arguments."""
    framing: int
    """Bytes of an event around the text in it: no other event with content has fewer."""


ANTHROPIC: Final = Voice(
    mark=anthropic.mark,
    finishes=lambda _: False,
    ping=anthropic.PING,
    error_event=anthropic.error_event,
    unended="the stream ended without message_stop",
    content=b"event: content_block_",
    says=lambda raw: b"content_block_delta" in raw,
    framing=anthropic.FRAMING,
)
CHAT: Final = Voice(
    mark=marks.mark,
    finishes=marks.finishes,
    ping=b": ping\n\n",
    error_event=lambda kind, message: b"data: " + openai_body(kind, message) + b"\n\n",
    unended="the stream ended without finish_reason and [DONE]",
    content=b"",
    says=marks.says,
    framing=len(
        b'data: {"id":"","object":"chat.completion.chunk","created":0,"model":"",'
        b'"choices":[{"index":0,"delta":{"content":""}}]}\n\n'
    ),
)
VOICES: Final[Mapping[ClientDialect, Voice]] = {"anthropic": ANTHROPIC, "chat": CHAT}
"""By the dialect of what can be passed on. Responses are never: no upstream is asked in them."""
UPSTREAMS: Final[Mapping[str, Voice]] = {"anthropic": ANTHROPIC, "openai-chat": CHAT}
"""The same by the dialect of accounts."""
