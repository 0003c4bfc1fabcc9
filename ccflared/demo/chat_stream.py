"""The fake provider's answers as OpenAI's Chat Completions API spells them: chunks, documents, errors, fields. Pure."""

import json
import math
from collections.abc import Iterable, Iterator
from itertools import chain, zip_longest
from typing import Any

from ccflared.demo.limits import retry_after
from ccflared.demo.said import Called, Said, Text
from ccflared.demo.script import Limited, Window
from ccflared.wire import Headers

FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "refusal": "content_filter",
}

# Status -> type, code and words of the real API.
PROBLEMS: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "The request is not valid."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    402: ("insufficient_quota", "insufficient_quota", "You have insufficient credits."),
    403: ("invalid_request_error", "unsupported_country_region_territory", "You may not use this resource."),
    404: (
        "invalid_request_error",
        "model_not_found",
        "The model does not exist or you have no access to it.",
    ),
    413: ("invalid_request_error", None, "Maximum content size limit exceeded."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached. Please try again later."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    503: ("server_error", None, "The engine is currently overloaded, please try again later"),
}

# What a script calls a failure, by the Messages API's name -> type and code here.
TYPES: dict[str, tuple[str, str | None]] = {
    "overloaded_error": ("server_error", None),
    "api_error": ("server_error", None),
    "timeout_error": ("server_error", None),
    "rate_limit_error": ("requests", "rate_limit_exceeded"),
    "authentication_error": ("invalid_request_error", "invalid_api_key"),
    "billing_error": ("insufficient_quota", "insufficient_quota"),
    "not_found_error": ("invalid_request_error", "model_not_found"),
}


class InChat:
    """The Chat Completions API's spelling."""

    def events(self, said: Said) -> Iterator[bytes]:
        """Yield the message's chunks, each complete with its blank line, and ``[DONE]``."""
        base = _base(said, "chat.completion.chunk")
        more: dict[str, object] = {"usage": None} if said.tells_usage else {}
        for delta in chain([{"role": "assistant", "content": "", "refusal": None}], _deltas(said)):
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
            yield _event(base | {"choices": [choice]} | more)
        end = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": _finish(said)}
        yield _event(base | {"choices": [end]} | more)
        if said.tells_usage:
            yield _event(base | {"choices": [], "usage": _usage(said)})
        yield b"data: [DONE]\n\n"

    def document(self, said: Said) -> bytes:
        """Return the message as the JSON of an answer without streaming."""
        message: dict[str, object] = {
            "role": "assistant",
            "content": said.text("text") or (None if said.calls else ""),
            "refusal": None,
            "annotations": [],
        }
        if thought := said.text("thought"):
            message["reasoning_content"] = thought
        if said.calls:
            message["tool_calls"] = [_call(call, call.arguments) for call in said.calls]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(said)}
        whole = _base(said, "chat.completion") | {"choices": [choice], "usage": _usage(said)}
        return json.dumps(whole).encode()

    def error(
        self,
        request_id: str,  # noqa: ARG002 - a header field tells it
        status: int,
        kind: str | None = None,
        message: str | None = None,
        *,
        param: str | None = None,
        code: str | None = None,
    ) -> bytes:
        """Return the body of an error answer; what is None is the official one of the status."""
        official, official_code, words = PROBLEMS.get(status, PROBLEMS[503 if status == 529 else 500])
        given, given_code = TYPES.get(kind, (kind, None)) if kind else (official, official_code)
        return _error(message or words, given, param, code or given_code)

    def broken(self, request_id: str, kind: str, message: str) -> bytes:  # noqa: ARG002 - chunks tell no request
        """Return the chunk that says that a stream has failed."""
        given, code = TYPES.get(kind, (kind, None))
        return b"data: " + _error(message, given, None, code) + b"\n\n"

    def common(self, request_id: str, organization: str) -> Headers:
        """Return the header fields that every answer has."""
        return (
            (b"x-request-id", request_id.encode()),
            (b"openai-organization", f"org-{organization[:8]}".encode()),
            (b"openai-version", b"2020-10-01"),
            (b"openai-processing-ms", b"12"),
            (b"server", b"ccflared-demo"),
        )

    def windows(self, now: float, five_hour: Window, seven_day: Window) -> Headers:  # noqa: ARG002 - no weeks here
        """Return the header fields that tell how many requests are left."""
        return _left(max(0, round(100 * (1 - five_hour.utilization))), five_hour.reset_in)

    def refusal(self, now: float, limited: Limited) -> Headers:  # noqa: ARG002 - resets are durations here
        """Return the header fields of a 429 besides those that every answer has."""
        left: Headers = () if limited.reset_in is None else _left(0, limited.reset_in)
        return left + retry_after(limited) + limited.headers


def _event(data: dict[str, object]) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


def _base(said: Said, kind: str) -> dict[str, object]:
    return {
        "id": f"chatcmpl-{said.mark}",
        "object": kind,
        "created": said.at,
        "model": said.model,
        "service_tier": "default",
        "system_fingerprint": "fp_ccflared_demo",
    }


def _deltas(said: Said) -> Iterator[dict[str, object]]:
    for part in said.parts:
        if isinstance(part, Text):
            key = "content" if part.kind == "text" else "reasoning_content"
            for piece in part.pieces:
                yield {key: piece}
    fragments = [_fragments(index, call) for index, call in enumerate(said.calls)]
    for one in _by_turns(fragments) if said.interleaved else chain.from_iterable(fragments):
        yield {"tool_calls": [one]}


def _fragments(index: int, call: Called) -> Iterator[dict[str, object]]:
    first, *rest = call.fragments
    yield {"index": index} | _call(call, first)
    for fragment in rest:
        yield {"index": index, "function": {"arguments": fragment}}


def _by_turns(each: list[Iterator[dict[str, object]]]) -> Iterable[dict[str, object]]:
    return (one for turn in zip_longest(*each) for one in turn if one is not None)


def _call(call: Called, arguments: str) -> dict[str, object]:
    function = {"name": call.name, "arguments": arguments}
    return {"id": f"call_{call.mark}", "type": "function", "function": function}


def _finish(said: Said) -> str:
    return FINISHES.get(said.stop_reason, said.stop_reason)


def _usage(said: Said) -> dict[str, Any]:
    used = said.used
    prompt = used.plain + used.five + used.hour + used.read
    return {
        "prompt_tokens": prompt,
        "completion_tokens": used.output,
        "total_tokens": prompt + used.output,
        "prompt_tokens_details": {"cached_tokens": used.read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": used.thought,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _error(message: str, kind: str | None, param: str | None, code: str | None) -> bytes:
    return json.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}}).encode()


def _left(count: int, reset_in: float) -> Headers:
    """Return what a minute's limit on requests and tokens has left, resets as durations such as ``6m0s``."""
    minutes, seconds = divmod(math.ceil(reset_in), 60)
    reset = f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
    return tuple(
        (f"x-ratelimit-{name}-{kind}".encode(), text.encode())
        for kind, scale in (("requests", 1), ("tokens", 1_000))
        for name, text in (("limit", str(100 * scale)), ("remaining", str(count * scale)), ("reset", reset))
    )
