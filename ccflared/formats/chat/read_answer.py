"""Reads answers of Chat Completions: streams of chunks, and whole ones.

Servers that speak this dialect differ more than their number. Whatever comes, what is returned keeps the order of
events.py and ends once: with Finished where the upstream said, or showed, that its answer is whole; else with Failed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ccflared.errors import UpstreamBroken
from ccflared.formats import sse
from ccflared.formats.arguments import object_text
from ccflared.formats.chat.blocks import Blocks
from ccflared.formats.chat.counts import usage_in
from ccflared.formats.chat.reasons import BREAKS, REASONS
from ccflared.formats.errors import Told, error_inside
from ccflared.formats.events import Began, Event, Failed, Finished, Usage
from ccflared.formats.json_text import loads, sound

DONE: Final = b"[DONE]"

_CUT_SHORT: Final = Told("api_error", "The upstream's answer ended before it was whole.")
_NO_JSON: Final = Told("api_error", "The upstream answered with something that is no JSON.")
_NO_CHOICES: Final = Told("api_error", "The upstream answered without a message.")
_TOO_MUCH: Final = Told("api_error", "The upstream mixed more tool calls and text than can be put in order.")

_FUNCTION_CALL: Final = -1
"""The index of what the predecessor of tool calls tells, which has none."""
_HIGHEST_INDEX: Final = 2**31


class Reader:
    """Reads one answer. ``seed`` is what ids are made of where the upstream gives none."""

    __slots__ = ("_began", "_blocks", "_choice", "_over", "_reason", "_thought", "_usage")

    def __init__(self, seed: str) -> None:
        self._blocks = Blocks(seed)
        self._began: Began | None = None
        self._choice: int | None = None
        self._reason: str | None = None
        self._usage = Usage()
        self._thought = False
        """Thoughts were told in a field of their own, so that reasoning_details only repeat them."""
        self._over = False

    def event(self, raw: bytes) -> Sequence[Event]:
        """Take one raw event of a stream and return what it says."""
        if self._over:
            return ()
        named_error, data = _data_of(raw)
        if not data:
            return ()
        if data == DONE:
            return self._finish()
        if named_error:
            return self._fail(_error_event(data))
        try:
            chunk = loads(data.decode("utf-8", "replace"))
        except ValueError:
            # A broken chunk may be the middle of a command. Other words are some server's way to keep awake.
            return self._fail(_NO_JSON) if data.startswith(b"{") else ()
        return self._chunk(chunk) if isinstance(chunk, dict) else ()

    def end(self) -> Sequence[Event]:
        """Take the clean end of the stream's body: the end of the answer if that was told to be finished."""
        if self._over:
            return ()
        return self._fail(_CUT_SHORT) if self._reason is None else self._finish()

    def document(self, body: bytes) -> Sequence[Event]:
        """Return all that a whole answer says, from Began to Finished; or Failed alone."""
        text = body.decode("utf-8", "replace").removeprefix("\ufeff").lstrip()
        if text.startswith(("data:", "event:", ":")):
            return self._stream_for_document(body)
        try:
            answer = loads(text)
        except ValueError:
            return self._fail(_NO_JSON)
        if not isinstance(answer, dict):
            return self._fail(_NO_JSON)
        if (told := error_inside(answer)) is not None:
            return self._fail(told)
        self._count(answer)
        choice = self._choice_of(answer)
        message = choice.get("message") if choice is not None else None
        if choice is None or not isinstance(message, dict):
            return self._fail(_NO_CHOICES)
        if (told := self._conclude(choice)) is not None:
            return self._fail(told)
        began = self._begin(answer)
        self._say(message, whole=True)
        events = self._finish()
        failed = [event for event in events if isinstance(event, Failed)]
        return failed or [began, *events]

    def _chunk(self, chunk: dict[str, Any]) -> Sequence[Event]:
        told = error_inside(chunk)
        if told is not None:
            return self._fail(told)
        counted = self._count(chunk)
        choice = self._choice_of(chunk)
        if choice is None:
            # Usage behind the finish is the last thing that is told. Before it, Azure sends chunks without choices.
            return self._finish() if counted and self._reason is not None else ()
        events: list[Event] = []
        if self._began is None:
            events.append(self._begin(chunk))
        blocks = self._blocks
        delta = choice.get("delta")
        if isinstance(delta, dict):
            self._say(delta)
        elif not blocks.any and isinstance(message := choice.get("message"), dict):
            self._say(message, whole=True)
        events += blocks.take()
        told = _TOO_MUCH if blocks.overfull else self._conclude(choice)
        return events if told is None else [*events, *self._fail(told)]

    def _begin(self, answer: Mapping[str, Any]) -> Began:
        self._began = Began(sound(_text(answer.get("id"))), sound(_text(answer.get("model"))), self._usage)
        return self._began

    def _count(self, answer: Mapping[str, Any]) -> bool:
        """Remember the usage that a chunk tells, the last one counts; whether it tells any."""
        usage = usage_in(answer)
        if usage is None:
            return False
        self._usage = usage
        return True

    def _choice_of(self, answer: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what an answer says of the first choice: more were not asked for, and cannot be told apart later."""
        choices = answer.get("choices")
        if not isinstance(choices, list):
            return None
        for choice in choices:
            if isinstance(choice, dict):
                index = _index(choice.get("index")) or 0
                if self._choice is None:
                    self._choice = index
                if index == self._choice:
                    return choice
        return None

    def _say(self, message: Mapping[str, Any], *, whole: bool = False) -> None:
        """Add what a message, or a delta of one, says; ``whole``: its calls are, so their arguments can be mended."""
        blocks = self._blocks
        for thought in self._thoughts(message):
            blocks.say("thinking", thought)
        content = message.get("content")
        if isinstance(content, str):
            blocks.say("text", content)
        elif isinstance(content, list):
            for thinking, text in _parts(content):
                blocks.say("thinking" if thinking else "text", text)
        if refusal := message.get("refusal"):
            blocks.say("text", _text(refusal))
        calls = message.get("tool_calls")
        if isinstance(calls, list):
            for place, call in enumerate(calls):
                if isinstance(call, dict):
                    index = place if whole else _index(call.get("index"))
                    self._call(index, call, call.get("function"), whole)
        if function := message.get("function_call"):
            self._call(_FUNCTION_CALL, {}, function, whole)

    def _call(self, index: int | None, call: Mapping[str, Any], function: Any, whole: bool) -> None:
        if not isinstance(function, dict):
            function = {}
        name = sound(_text(function.get("name")))
        arguments = function.get("arguments")
        if isinstance(arguments, dict) or (whole and name):
            arguments = object_text(arguments)
        self._blocks.call(index, sound(_text(call.get("id"))), name, _text(arguments))

    def _thoughts(self, message: Mapping[str, Any]) -> Iterator[str]:
        """Yield the thoughts in a message: of one field, for servers that fill several fill them alike."""
        for field in ("reasoning_content", "reasoning"):
            if text := _text(message.get(field)):
                self._thought = True
                yield text
                return
        details = message.get("reasoning_details")
        if isinstance(details, list) and not self._thought:
            for detail in details:
                if isinstance(detail, dict):
                    yield _text(detail.get("text")) or _text(detail.get("summary"))

    def _conclude(self, choice: Mapping[str, Any]) -> Told | None:
        """Remember the finish that a choice tells: usage may still follow. Returns the error if it tells of one."""
        if choice.get("error"):  # OpenRouter
            return error_inside(choice)
        if reason := _text(choice.get("finish_reason")):
            self._reason = reason
        return BREAKS.get(reason)

    def _finish(self) -> list[Event]:
        began = [] if self._began is not None else [self._begin({})]
        blocks = self._blocks
        reason = REASONS.get((self._reason or "").lower(), "end")
        half = reason == "refusal" and blocks.half
        problem = blocks.close(cut=reason in ("length", "refusal"))
        events = [*began, *blocks.take()]
        if problem:
            return events + self._fail(Told("api_error", problem))
        if blocks.calls and reason != "length" and not half:
            reason = "tools"
        self._over = True
        events.append(Finished(reason, usage=self._usage))
        return events

    def _fail(self, told: Told) -> list[Event]:
        self._over = True
        self._blocks = Blocks("")
        return [told.failed]

    def _stream_for_document(self, body: bytes) -> Sequence[Event]:
        """Read a stream that came where a document was asked for."""
        cutter = sse.Cutter()
        try:
            raws = [*cutter.feed(body), cutter.rest]
        except UpstreamBroken:
            return self._fail(_NO_JSON)
        events = [event for raw in raws for event in self.event(raw)]
        events += self.end()
        return [event for event in events if isinstance(event, Failed)] or events


def _data_of(raw: bytes) -> tuple[bool, bytes]:
    """Return whether a raw event is called an error, and its data."""
    line = raw.strip()
    if line.startswith(b"data:") and b"\n" not in line and b"\r" not in line:
        return False, line[5:].strip()
    if line.startswith(b"{"):
        return False, line  # a document where a stream should be
    event = sse.parse(raw)
    return event.name == b"error", event.data.strip()


def _error_event(data: bytes) -> Told:
    """Read the data of an event that is called an error, be it JSON or not."""
    text = data.decode("utf-8", "replace")
    try:
        value = loads(text)
    except ValueError:
        value = text
    members = value if isinstance(value, dict) and value.get("error") else {"error": value or True}
    return error_inside(members) or BREAKS["error"]


def _parts(content: list[Any]) -> Iterator[tuple[bool, str]]:
    """Yield the texts of content that is a list of parts, and whether each is a thought (Mistral)."""
    for part in content:
        if isinstance(part, str):
            yield False, part
        elif isinstance(part, dict):
            thinking = part.get("thinking")
            if isinstance(thinking, list):
                for _, text in _parts([inner for inner in thinking if not _nested(inner)]):
                    yield True, text
            elif isinstance(thinking, str):
                yield True, thinking
            else:
                yield False, _text(part.get("text")) or _text(part.get("refusal"))


def _nested(part: Any) -> bool:
    return isinstance(part, dict) and "thinking" in part


def _index(value: object) -> int | None:
    return value if isinstance(value, int) and 0 <= value < _HIGHEST_INDEX else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
