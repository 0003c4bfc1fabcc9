"""Writes answers for clients that speak OpenAI Chat Completions, streams and documents.

Shapes: the public API reference of POST /v1/chat/completions (the objects ``chat.completion`` and
``chat.completion.chunk``); ``reasoning_content`` is DeepSeek's field, which many clients read.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ccflared.formats import json_text
from ccflared.formats.errors import of_failed, openai_body
from ccflared.formats.events import (
    Began,
    BlockBegan,
    BlockEnded,
    Delta,
    Event,
    Failed,
    Finished,
    Kind,
    OutOfOrder,
    State,
    StopReason,
    Usage,
    after,
)
from ccflared.formats.free_text import FreeText, free_text
from ccflared.formats.request import Request
from ccflared.formats.usage import later, prompt_tokens

_REASONS: Final[Mapping[StopReason, str]] = {
    "end": "stop",
    "stop sequence": "stop",
    "pause": "stop",
    "length": "length",
    "tools": "tool_calls",
    "refusal": "content_filter",
}
_FIELDS: Final[Mapping[Kind, str]] = {"text": "content", "thinking": "reasoning_content"}


class Writer:
    """Writes one answer. ``answer_id`` is the daemon's id of the request, ``at`` when it came, in seconds."""

    __slots__ = (
        "_after",
        "_bare",
        "_before",
        "_began",
        "_calls",
        "_closing",
        "_custom",
        "_frame",
        "_free",
        "_opening",
        "_root",
        "_state",
        "_tail",
        "_usage_wanted",
    )

    def __init__(self, request: Request, answer_id: str, at: float) -> None:
        self._root = answer_id.removeprefix("req_")
        self._frame = {
            "id": f"chatcmpl-{self._root}",
            "object": "chat.completion.chunk",
            "created": int(at),
            "model": request.model,
        }
        self._usage_wanted = request.usage_wanted
        self._custom = {tool.name for tool in request.tools if tool.custom}
        self._state: State = "nothing"
        self._began = Began()
        self._calls = 0
        # A chunk is its opening, a delta and its closing, all of them JSON; the same for the text of a delta, with
        # what the open block puts around it. ``usage`` is null in chunks where the last one tells it.
        self._opening = self._before = ""
        self._tail = ',"usage":null}\n\n' if request.usage_wanted else "}\n\n"
        self._closing = self._after = f',"logprobs":null,"finish_reason":null}}]{self._tail}'
        self._bare = False  # whether the open block is a call whose arguments have not come yet
        self._free: FreeText | None = None

    @property
    def ping(self) -> bytes:
        """A comment: the dialect has no event that says nothing."""
        return b": ping\n\n"

    def stream(self, events: Iterable[Event]) -> bytes:
        """Write the next events of a stream."""
        return "".join(map(self._spelled, events)).encode()

    def document(self, events: Iterable[Event]) -> bytes:
        """Write all events of an answer as one ``chat.completion``; of one that failed, its error alone."""
        texts: list[str] = []
        thoughts: list[str] = []
        calls: list[tuple[BlockBegan, list[str]]] = []
        into: dict[State, list[str]] = {"text": texts, "thinking": thoughts}
        for event in events:
            self._state = after(self._state, event)
            match event:
                case Delta():
                    into[self._state].append(event.text)
                case BlockBegan(kind="call"):
                    into["call"] = []
                    calls.append((event, into["call"]))
                case Began():
                    self._begin(event)
                case Finished():
                    whole = [self._call(began, "".join(pieces)) for began, pieces in calls]
                    return self._completion("".join(texts), "".join(thoughts), whole, event)
                case Failed():
                    return _error(event)
                case _:
                    pass
        raise OutOfOrder("the answer has no end")

    def _spelled(self, event: Event) -> str:
        self._state = after(self._state, event)
        match event:
            case Delta():
                return self._more(event.text)
            case BlockBegan():
                return self._block(event)
            case BlockEnded():
                return self._ended()
            case Began():
                self._begin(event)
                return f'{self._opening}{{"role":"assistant","content":""}}{self._closing}'
            case Finished():
                return self._finish(event)
            case Failed():
                return f"data: {_error(event).decode()}\n\n"
            case _:
                return ""

    def _begin(self, began: Began) -> None:
        self._began = began
        self._frame["model"] = began.model or self._frame["model"]
        self._opening = f'{self._framed()},"choices":[{{"index":0,"delta":'

    def _framed(self) -> str:
        return f"data: {json_text.text_of(self._frame)[:-1]}"

    def _block(self, began: BlockBegan) -> str:
        self._bare, self._free = False, None
        if began.kind in _FIELDS:
            self._before = f'{self._opening}{{"{_FIELDS[began.kind]}":'
            self._after = f"}}{self._closing}"
        if began.kind != "call":
            return ""
        index = self._calls
        call = self._call(began)
        kind, key = ("custom", "input") if began.name in self._custom else ("function", "arguments")
        self._free = FreeText() if kind == "custom" else None
        self._bare = kind == "function"
        self._before = f'{self._opening}{{"tool_calls":[{{"index":{index},"{kind}":{{"{key}":'
        self._after = f"}}}}]}}{self._closing}"
        return f"{self._opening}{json_text.text_of({'tool_calls': [{'index': index} | call]})}{self._closing}"

    def _more(self, text: str) -> str:
        if self._free is not None:
            text = self._free.feed(text)
        if not text:
            return ""
        self._bare = False
        return f"{self._before}{json_text.text_of(text)}{self._after}"

    def _ended(self) -> str:
        if self._free is not None:
            rest, self._free = self._free.end(), None
            return self._more(rest)
        # A call without arguments has an empty object of them.
        return self._more("{}") if self._bare else ""

    def _call(self, began: BlockBegan, arguments: str | None = None) -> dict[str, Any]:
        """Return a call as it begins, or with all of its arguments."""
        call_id = began.id or f"call_{self._root}_{self._calls}"
        self._calls += 1
        if began.name in self._custom:
            told = "" if arguments is None else free_text(arguments)
            return {"id": call_id, "type": "custom", "custom": {"name": began.name, "input": told}}
        told = "" if arguments is None else arguments or "{}"
        return {"id": call_id, "type": "function", "function": {"name": began.name, "arguments": told}}

    def _finish(self, finished: Finished) -> str:
        reason = f'{{}},"logprobs":null,"finish_reason":"{_REASONS[finished.reason]}"}}]'
        chunk = f"{self._opening}{reason}{self._tail}"
        if self._usage_wanted:
            usage = json_text.text_of(_usage(later(self._began.usage, finished.usage)))
            chunk += f'{self._framed()},"choices":[],"usage":{usage}}}\n\n'
        return f"{chunk}data: [DONE]\n\n"

    def _completion(
        self, text: str, thoughts: str, calls: Sequence[dict[str, Any]], finished: Finished
    ) -> bytes:
        message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
        if thoughts:
            message["reasoning_content"] = thoughts
        if calls:
            message["tool_calls"] = calls
        reason = _REASONS[finished.reason]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        usage = _usage(later(self._began.usage, finished.usage))
        members = {"object": "chat.completion", "choices": [choice], "usage": usage}
        return json_text.dumps(self._frame | members)


def _error(failed: Failed) -> bytes:
    told = of_failed(failed)
    return openai_body(told.kind, told.message, told.code)


def _usage(usage: Usage) -> dict[str, Any]:
    prompt, completion = prompt_tokens(usage), usage.output or 0
    told: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read or 0},
    }
    if usage.cache_write is not None:
        told["prompt_tokens_details"]["cache_write_tokens"] = usage.cache_write
    if usage.reasoning is not None:
        told["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return told
