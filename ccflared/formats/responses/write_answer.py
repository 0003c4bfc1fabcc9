"""Writes answers for clients that speak OpenAI Responses, Codex first of all: streams and documents.

Shapes: the public API reference of POST /v1/responses and its streaming events; which of them Codex reads, and what it
does about errors: openai/codex, codex-api/src/sse/responses.rs.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ccflared.formats import json_text
from ccflared.formats.errors import OVERFLOW, of_failed, openai_body
from ccflared.formats.events import (
    Began,
    BlockBegan,
    BlockEnded,
    Delta,
    Event,
    Failed,
    Finished,
    OutOfOrder,
    Signed,
    State,
    StopReason,
    Usage,
    after,
)
from ccflared.formats.request import Request, Thinking
from ccflared.formats.responses.items import Item, Message, Reasoning, SilentReasoning, Status, call_item
from ccflared.formats.responses.sealed import seal
from ccflared.formats.usage import later, prompt_tokens

_REPEATED: Final[Mapping[str, Any]] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": None,
    "store": False,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": None,
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
"""What a response repeats of its request, and what it has where the request said nothing."""

_INCOMPLETE: Final[Mapping[StopReason, str]] = {"length": "max_output_tokens", "refusal": "content_filter"}

_CODES: Final = {
    "rate_limit_error": "rate_limit_exceeded",
    "billing_error": "insufficient_quota",
    "invalid_request_error": "invalid_prompt",
    "request_too_large": "invalid_prompt",
}
"""Codex gives up at the lower three and tries again at all others. So overloaded upstreams have no code of their own:
it would give up at ``server_is_overloaded``, too."""

_SEALED: Final = "reasoning.encrypted_content"


class Writer:
    """Writes one answer. ``answer_id`` is the daemon's id of the request, ``at`` when it came, in seconds.

    ``request.echo`` holds what the response repeats, and ``include``, which it does not repeat.
    """

    __slots__ = (
        "_before",
        "_began",
        "_done",
        "_ending",
        "_frame",
        "_item",
        "_number",
        "_repeated",
        "_response",
        "_root",
        "_seals",
        "_signature",
        "_state",
        "_tools",
    )

    def __init__(self, request: Request, answer_id: str, at: float) -> None:
        self._root = answer_id.removeprefix("req_")
        self._tools = {tool.name: tool for tool in request.tools}
        included = request.echo.get("include")
        self._seals = isinstance(included, list | tuple) and _SEALED in included
        self._frame = {
            "id": f"resp_{self._root}",
            "object": "response",
            "created_at": int(at),
            "model": request.model,
        }
        # Written once: Codex's instructions and tools are long, and are repeated three times.
        self._repeated = _repeated(request.echo)
        self._state: State = "nothing"
        self._began = Began()
        self._number = 0
        self._done: list[dict[str, Any]] = []
        self._item: Item | None = None  # of the open block; None as long as there is nothing to tell of it
        self._ending: Item | None = (
            None  # of the block before, which is done once it is known how the answer goes on
        )
        self._before = ""  # what an event with more text of the open item has before its sequence number
        self._signature = ""
        self._response = ""  # the response as it was told last

    @property
    def ping(self) -> bytes:
        """A comment: the dialect has no event that says nothing."""
        return b": ping\n\n"

    def stream(self, events: Iterable[Event]) -> bytes:
        """Write the next events of a stream."""
        return "".join([text for event in events for text in self._spelled(event)]).encode()

    def document(self, events: Iterable[Event]) -> bytes:
        """Write all events of an answer as one ``response``; of one that failed, its error alone."""
        for event in events:
            # The response is what its stream would have ended with, so that both say the same.
            for _ in self._spelled(event):
                pass
            if isinstance(event, Failed):
                told = of_failed(event)
                return openai_body(told.kind, told.message, told.code)
        if self._state != "over":
            raise OutOfOrder("the answer has no end")
        return self._response.encode()

    def _spelled(self, event: Event) -> Iterable[str]:
        state, self._state = self._state, after(self._state, event)
        match event:
            case Delta():
                return (self._more(event.text),)
            case BlockBegan():
                return self._block(event)
            case BlockEnded():
                return self._ended(state)
            case Signed():
                self._signature += event.signature
                return ()
            case Began():
                return self._begin(event)
            case Finished():
                return self._finish(event)
            case Failed():
                return self._fail(event, state)

    def _begin(self, began: Began) -> Iterator[str]:
        self._began = began
        self._frame["model"] = began.model or self._frame["model"]
        yield self._told("response.created", "in_progress")
        yield self._told("response.in_progress", "in_progress")

    def _block(self, began: BlockBegan) -> Iterator[str]:
        yield from self._end("completed")
        self._item = None
        self._signature = ""
        if began.kind == "call":
            tool = self._tools.get(began.name)
            yield from self._add(call_item(self._root, len(self._done), began.id, began.name, tool))
        elif began.kind == "redacted" and self._seals and began.data:
            yield from self._add(self._silent(Thinking(redacted=began.data)))

    def _more(self, text: str) -> str:
        if self._item is not None:
            return self._delta(self._item.more(text))
        if not text:
            return ""
        item = (Message if self._state == "text" else Reasoning)(self._root, len(self._done))
        return "".join(self._add(item)) + self._delta(item.more(text))

    def _delta(self, text: str) -> str:
        if not text:
            return ""
        number, self._number = self._number, self._number + 1
        return f'{self._before}{number},"delta":{json_text.text_of(text)}}}\n\n'

    def _ended(self, state: State) -> Iterator[str]:
        if self._item is not None:
            yield self._delta(self._item.end())
        if state == "thinking" and self._seals:
            if isinstance(self._item, Reasoning):
                self._item.sealed = seal(Thinking(self._item.text, self._signature))
            elif self._signature:
                yield from self._add(self._silent(Thinking(signature=self._signature)))
        self._ending, self._item = self._item, None

    def _silent(self, thinking: Thinking) -> Item:
        item = SilentReasoning(self._root, len(self._done))
        item.sealed = seal(thinking)
        return item

    def _add(self, item: Item) -> Iterator[str]:
        self._item = item
        kind = item.DELTA
        place = json_text.text_of(
            {"type": kind, "item_id": item.id, "output_index": item.index, **item.PLACE}
        )
        self._before = f'event: {kind}\ndata: {place[:-1]},"sequence_number":'
        yield self._say(
            "response.output_item.added", {"output_index": item.index, "item": item.whole("in_progress")}
        )
        for kind, members in item.opening():
            yield self._say(kind, self._placed(item, members))

    def _end(self, status: Status) -> Iterator[str]:
        """Tell that the last item is done."""
        item, self._ending = self._ending, None
        if item is not None:
            for kind, members in item.closing():
                yield self._say(kind, self._placed(item, members))
            whole = item.whole(status)
            self._done.append(whole)
            yield self._say("response.output_item.done", {"output_index": item.index, "item": whole})

    def _placed(self, item: Item, members: dict[str, Any]) -> dict[str, Any]:
        return {"item_id": item.id, "output_index": item.index, **members}

    def _finish(self, finished: Finished) -> Iterator[str]:
        usage = _usage(later(self._began.usage, finished.usage))
        reason = _INCOMPLETE.get(finished.reason)
        status: Status = "completed" if reason is None else "incomplete"
        yield from self._end(status)
        details = None if reason is None else {"reason": reason}
        yield self._told(f"response.{status}", status, incomplete_details=details, usage=usage)

    def _fail(self, failed: Failed, state: State) -> Iterator[str]:
        if state == "nothing":
            yield from self._begin(Began())
        # What is not done by now never is: half a call must not be carried out.
        code = OVERFLOW if of_failed(failed).code == OVERFLOW else _CODES.get(failed.kind, "server_error")
        yield self._told("response.failed", "failed", error={"code": code, "message": failed.message})

    def _told(self, kind: str, status: str, **known: object) -> str:
        """Return an event that tells of the response as a whole."""
        state = {"status": status, "error": None, "incomplete_details": None, "usage": None, **known}
        told = json_text.text_of(self._frame | state | {"output": self._done})
        self._response = f"{told[:-1]},{self._repeated[1:]}"
        number, self._number = self._number, self._number + 1
        head = f'event: {kind}\ndata: {{"type":"{kind}","sequence_number":{number},"response":'
        return f"{head}{self._response}}}\n\n"

    def _say(self, kind: str, members: dict[str, Any]) -> str:
        number, self._number = self._number, self._number + 1
        text = json_text.text_of({"type": kind, "sequence_number": number, **members})
        return f"event: {kind}\ndata: {text}\n\n"


def _repeated(echo: Mapping[str, Any]) -> str:
    """Write what the response repeats; as if the request had said nothing, if that cannot be written."""
    told = {key: value for key in _REPEATED if (value := echo.get(key)) is not None}
    try:
        return json_text.text_of({**_REPEATED, **told})
    except ValueError:
        return json_text.text_of(_REPEATED)


def _usage(usage: Usage) -> dict[str, Any]:
    prompt, output = prompt_tokens(usage), usage.output or 0
    return {
        "input_tokens": prompt,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read or 0,
            "cache_write_tokens": usage.cache_write or 0,
        },
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": prompt + output,
    }
