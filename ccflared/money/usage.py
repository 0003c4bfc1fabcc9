"""Reads token usage off an answer that passes by, without touching or delaying it.

Anthropic's streams report usage in ``message_start`` and again, cumulatively, in ``message_delta``: a later figure
replaces an earlier one. Some upstreams report input only at the end; some repeat it. Those of Chat Completions tell it
on any chunk, the last one counts, and their prompt tokens include what was cached. A kind never named stays unknown.
Of an answer that ends before its usage was told, only its length tells what it was at least.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite

from ccflared.formats import sse
from ccflared.formats.chat.counts import count_of, usage_object, usage_of
from ccflared.formats.chat.reasons import REASONS
from ccflared.formats.events import Usage
from ccflared.wire import Tokens

LONGEST_DOCUMENT = 4 * 1024 * 1024
"""Bytes of a JSON answer that are kept to read usage from; of a longer one usage stays unknown."""
LONGEST_USAGE = 16 * 1024
"""Characters of a usage object that are kept; those seen have a few hundred."""
_LONGEST_WORD = 256
_TELLS = (b'"usage"', b"message_start", b"message_delta", b"finish_reason")
"""One of these stands in each event that is worth parsing; most have none."""
_WORDS = {"end": "end_turn", "length": "max_tokens", "refusal": "refusal"}
_REASONS = {reason: _WORDS[meaning] for reason, meaning in REASONS.items() if meaning in _WORDS} | {
    "tool_calls": "tool_use",
    "function_call": "tool_use",
}
"""Of Chat Completions: one answer has one word in the history, whoever gave it."""
_BYTES_OF_A_TOKEN = 4
"""Few texts have more, many fewer: so many bytes are a token at least, by and large."""


class Meter:
    """Collects what one answer says of itself: tokens, model, stop reason, and the usage object as reported."""

    __slots__ = (
        "_document",
        "_length",
        "_usage",
        "asked",
        "first_token",
        "last_token",
        "model",
        "shown",
        "speaks",
        "stop_reason",
    )

    def __init__(self) -> None:
        self.shown = 0
        """Bytes of content that have gone by since output tokens were last told. Who passes events on counts them."""
        self.asked: int | None = None
        """Tokens of the prompt, about, where the answer does not tell them. Who knows the request says so."""
        self.speaks = False
        """Content has gone by since ``note``. Who passes events on says so: a text, a thought, a call's arguments."""
        self.first_token: float | None = None
        """When the first content of a stream came, by the clock of whoever notes it. A document has no such time."""
        self.last_token: float | None = None
        self.model: str | None = None
        self.stop_reason: str | None = None
        self._usage: dict[str, object] = {}
        self._document: list[bytes] = []
        self._length = 0

    def event(self, raw: bytes) -> None:
        """Look at one raw event of a stream."""
        # Most events are deltas of text: two searches in a short string cost less than parsing it.
        if not any(sign in raw for sign in _TELLS) or (
            b'"usage":null' in raw and b'"finish_reason":null' in raw
        ):
            return
        event = sse.parse(raw)
        document = _object(event.data)
        match document.get("type", event.name.decode("ascii", "replace")):
            case "message_start":
                self._message(_mapping(document.get("message")))
            case "message_delta":
                self._merge(_mapping(document.get("usage")))
                self._stop(_mapping(document.get("delta")).get("stop_reason"))
            case _ if "choices" in document or ("usage" in document and "type" not in document):
                self._message(document)  # some leave out choices where there are none
            case _:
                pass

    def note(self, at: float) -> None:
        """Take in when the piece came whose events were looked at. Once for a piece: a clock costs more than a flag."""
        if self.speaks:
            self.speaks = False
            self.last_token = at
            if self.first_token is None:
                self.first_token = at

    def piece(self, data: bytes) -> None:
        """Take the next piece of a JSON answer."""
        self._length += len(data)
        if self._length <= LONGEST_DOCUMENT:
            self._document.append(data)
        else:
            self._document.clear()
        self.shown = self._length

    def end(self) -> None:
        """Read the JSON answer whose pieces were taken."""
        if self._document:
            self._message(_object(b"".join(self._document)))
            self._document.clear()
            self.shown = 0

    @property
    def usage(self) -> str | None:
        """The usage object as reported, merged over the stream, as JSON; None if there was none fit to keep."""
        try:
            text = json.dumps(self._usage, ensure_ascii=False) if self._usage else ""
        except RecursionError:
            return None
        return text if 0 < len(text) <= LONGEST_USAGE else None

    @property
    def tells_cost(self) -> bool:
        """Whether the usage object itself says what it cost."""
        return "cost" in self._usage

    @property
    def tokens(self) -> Tokens:
        """Tokens in five kinds. Cache writes without a split by lifetime are five-minute ones, the API's default."""
        usage = self._usage
        if "prompt_tokens" in usage or "completion_tokens" in usage:
            return _as_openai_counts(usage_of(usage) or Usage())
        written = _count(usage.get("cache_creation_input_tokens"))
        split = _mapping(usage.get("cache_creation"))
        short, long = (_count(split.get(f"ephemeral_{life}_input_tokens")) for life in ("5m", "1h"))
        if written is not None and (short or 0) + (long or 0) != written:
            short = max(0, written - (long or 0))
        return Tokens(
            input=_with(usage, "input_tokens"),
            output=_with(usage, "output_tokens"),
            cache_read=_with(usage, "cache_read_input_tokens"),
            cache_write_5m=short,
            cache_write_1h=long,
        )

    @property
    def tokens_at_least(self) -> Tokens:
        """The tokens, with those of the content that has gone by after the last that were told, and of the prompt."""
        tokens = self.tokens
        if tokens.input is None and self.asked is not None:
            tokens = replace(tokens, input=self.asked)
        unseen = self.shown // _BYTES_OF_A_TOKEN
        return replace(tokens, output=(tokens.output or 0) + unseen) if unseen else tokens

    def _message(self, message: Mapping[str, object]) -> None:
        model = message.get("model")
        if isinstance(model, str):
            self.model = model[:_LONGEST_WORD]
        self._merge(usage_object(message) or {})
        self._stop(message.get("stop_reason"))
        choices = message.get("choices")
        if isinstance(choices, list) and choices:
            reason = _mapping(choices[0]).get("finish_reason")
            self._stop(_REASONS.get(reason.lower(), reason) if isinstance(reason, str) else None)

    def _merge(self, usage: Mapping[str, object]) -> None:
        # Some repeat at the end a figure of the beginning as 0: what was told once is not taken back.
        _take_in(self._usage, usage)
        if any(count_of(usage.get(name)) is not None for name in ("output_tokens", "completion_tokens")):
            self.shown = 0

    def _stop(self, reason: object) -> None:
        if isinstance(reason, str):
            self.stop_reason = reason[:_LONGEST_WORD]


def tokens_per_second(output: int | None, first_ms: int | None, last_ms: int | None) -> float | None:
    """Return how fast an answer was written: its output tokens by the time from the first content to the last.

    None where that is not known: of a document, of an answer in one piece, and where no output was told.
    """
    if not output or first_ms is None or last_ms is None or last_ms <= first_ms:
        return None
    return output * 1000 / (last_ms - first_ms)


def _take_in(known: dict[str, object], told: Mapping[str, object]) -> None:
    """Let later figures replace earlier ones, also in objects within: a part that is not told again stays."""
    for key, value in told.items():
        before = known.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            # A copy: what was told is not this meter's to change.
            known[key] = inner = dict(before)
            inner.update((name, part) for name, part in value.items() if part or not inner.get(name))
        elif value or (value == 0 and not before):
            known[key] = value


def _with(usage: Mapping[str, object], kind: str) -> int | None:
    """Return a count, with that of summaries that the provider wrote on the way: it bills them, and tells them apart.

    They stand in ``iterations`` alone, which tells the rest of the answer again.
    """
    told, steps = _count(usage.get(kind)), usage.get("iterations")
    if not isinstance(steps, list):
        return told
    summaries = [step for step in map(_mapping, steps) if step.get("type") == "compaction"]
    more = sum(_count(step.get(kind)) or 0 for step in summaries)
    return told + more if told is not None else more or None


def _as_openai_counts(usage: Usage) -> Tokens:
    """Return the tokens of a Chat Completions usage; lifetimes of what was written to a cache are not told."""
    return Tokens(
        input=usage.input,
        output=usage.output,
        cache_read=usage.cache_read,
        cache_write_5m=usage.cache_write,
    )


def _object(data: bytes) -> Mapping[str, object]:
    try:
        return _mapping(json.loads(data, parse_float=_finite, parse_constant=lambda _: None))
    except (ValueError, RecursionError):
        return {}


def _finite(text: str) -> float | None:
    """Return the number; NaN and infinities would make the row's JSON unreadable to others."""
    return number if isfinite(number := float(text)) else None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int | None:
    """Return a number of tokens of Messages; unlike those of Chat Completions nobody writes them as 12.0."""
    return count_of(value) if isinstance(value, int) else None
