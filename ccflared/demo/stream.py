"""The fake provider's answers as the Messages API spells them: events, documents, errors, header fields. Pure."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, assert_never

from ccflared.demo import limits
from ccflared.demo.said import Called, Said, Text
from ccflared.demo.script import Limited, Window
from ccflared.wire import Headers

KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
MESSAGES = {
    "authentication_error": "invalid x-api-key",
    "permission_error": "Your API key does not have permission to use the specified resource.",
    "rate_limit_error": "This request would exceed your account's rate limit. Please try again later.",
    "api_error": "Internal server error",
    "overloaded_error": "Overloaded",
}


def signature(signer: str, thought: str) -> str:
    """Return what a provider signs a thought with; it alone knows it again."""
    return hashlib.sha256(f"{signer}\0{thought}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Block:
    """One content block: how it opens, the deltas that fill it, and how it stands when complete."""

    opening: dict[str, object]
    deltas: tuple[dict[str, object], ...]
    whole: dict[str, object]


@dataclass(frozen=True, slots=True)
class InMessages:
    """The Messages API's spelling. ``signer``: whose signatures its thoughts carry."""

    signer: str = ""

    def events(self, said: Said) -> Iterator[bytes]:
        """Yield the message's server-sent events, each complete with its blank line."""
        usage = _usage(said)
        start = self._message(said) | {
            "content": [],
            "stop_reason": None,
            "usage": usage | {"output_tokens": 1},
        }
        yield event("message_start", message=start)
        yield event("ping")
        for index, block in enumerate(self._blocks(said)):
            yield event("content_block_start", index=index, content_block=block.opening)
            for delta in block.deltas:
                yield event("content_block_delta", index=index, delta=delta)
            yield event("content_block_stop", index=index)
        counts = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
        yield event(
            "message_delta",
            delta={"stop_reason": said.stop_reason, "stop_sequence": None},
            usage={key: usage[key] for key in counts},
        )
        yield event("message_stop")

    def document(self, said: Said) -> bytes:
        """Return the message as the JSON of an answer without streaming."""
        content = [block.whole for block in self._blocks(said)]
        return json.dumps(self._message(said) | {"content": content, "usage": _usage(said)}).encode()

    def error(
        self,
        request_id: str,
        status: int,
        kind: str | None = None,
        message: str | None = None,
        *,
        param: str | None = None,  # noqa: ARG002 - this API tells neither
        code: str | None = None,  # noqa: ARG002
    ) -> bytes:
        """Return the body of an error answer; what is None is the official one of the status."""
        kind = kind or KINDS.get(status, "api_error")
        said = {
            "type": kind,
            "message": message or MESSAGES.get(kind, f"The request failed ({status})"),
        }
        return json.dumps({"type": "error", "error": said, "request_id": request_id}).encode()

    def broken(self, request_id: str, kind: str, message: str) -> bytes:
        """Return the event that says that a stream has failed."""
        return event("error", error={"type": kind, "message": message}, request_id=request_id)

    def common(self, request_id: str, organization: str) -> Headers:
        """Return the header fields that every answer has."""
        return (
            (b"request-id", request_id.encode()),
            (b"anthropic-organization-id", organization.encode()),
            (b"server", b"ccflared-demo"),
        )

    def windows(self, now: float, five_hour: Window, seven_day: Window) -> Headers:
        """Return the header fields that tell of a plan's windows."""
        return limits.unified(now, five_hour, seven_day)

    def refusal(self, now: float, limited: Limited) -> Headers:
        """Return the header fields of a 429 besides those that every answer has."""
        return limits.refusal(now, limited)

    def _message(self, said: Said) -> dict[str, Any]:
        return {
            "id": f"msg_01{said.mark}",
            "type": "message",
            "role": "assistant",
            "model": said.model,
            "content": [],
            "stop_reason": said.stop_reason,
            "stop_sequence": None,
            "usage": {},
        }

    def _blocks(self, said: Said) -> Iterator[Block]:
        for part in said.parts:
            match part:
                case Text(kind="text"):
                    yield _text(part)
                case Text():
                    yield _thinking(part, signature(self.signer, part.whole))
                case Called():
                    yield _tool_use(part)
                case _:
                    assert_never(part)


def event(kind: str, **fields: object) -> bytes:
    """Return one server-sent event of this kind."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | fields)}\n\n".encode()


def _text(text: Text) -> Block:
    return Block(
        {"type": "text", "text": ""},
        tuple({"type": "text_delta", "text": piece} for piece in text.pieces),
        {"type": "text", "text": text.whole},
    )


def _thinking(thought: Text, signed: str) -> Block:
    deltas: list[dict[str, object]] = [
        {"type": "thinking_delta", "thinking": piece} for piece in thought.pieces
    ]
    deltas.append({"type": "signature_delta", "signature": signed})
    return Block(
        {"type": "thinking", "thinking": "", "signature": ""},
        tuple(deltas),
        {"type": "thinking", "thinking": thought.whole, "signature": signed},
    )


def _tool_use(call: Called) -> Block:
    label = f"toolu_01{call.mark}"
    return Block(
        {"type": "tool_use", "id": label, "name": call.name, "input": {}},
        tuple({"type": "input_json_delta", "partial_json": piece} for piece in call.fragments),
        {"type": "tool_use", "id": label, "name": call.name, "input": call.input},
    )


def _usage(said: Said) -> dict[str, object]:
    used = said.used
    return {
        "input_tokens": used.plain,
        "cache_creation_input_tokens": used.five + used.hour,
        "cache_read_input_tokens": used.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": used.five,
            "ephemeral_1h_input_tokens": used.hour,
        },
        "output_tokens": used.output,
        "service_tier": "standard",
    }
