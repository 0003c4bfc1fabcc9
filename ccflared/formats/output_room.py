"""How much output may be asked for, by an upstream that refused a request because it asked for more.

The words were gathered from public issues of clients, gateways and servers; tests have them. They are looked for in
what :func:`ccflared.formats.refusal.plain` makes of an error.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Room:
    """How many tokens may be asked for. None: that is not said, and best left to the server."""

    most: int | None


_N: Final = r"(\d{1,9})"
_LIMIT: Final = r"\bmax_(?:completion_|new_)?tokens\b"

# What the prompt holds is known as well, so that the rest can be told. Groups: the whole context, the prompt.
_SHARED: Final = tuple(
    re.compile(words)
    for words in (
        # SGLang and newer vLLM: Requested token count exceeds the model's maximum context length of 131072 tokens. You
        # requested a total of 140000 tokens: 12000 tokens from the input messages and 128000 tokens for the completion.
        rf"context length of {_N} tokens\. you requested a total of [\d.]{{1,12}} tokens: {_N} tokens from the input",
        # vLLM: 'max_tokens' or 'max_completion_tokens' is too large: 64000. This model's maximum context length is
        # 64001 tokens and your request has 24235 input tokens (64000 > 64001 - 24235).
        rf"context length is {_N} tokens and your request has {_N} input tokens",
        # … However, you requested 4096 output tokens and your prompt contains 91905 input tokens, for a total of …
        rf"context length is {_N} tokens\. however, you requested \d+ output tokens and your prompt contains {_N} in",
        # Together, Hugging Face: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 1000 `inputs` tokens and …
        rf"inputs tokens \+ max_new_tokens must be <= {_N}\. given: {_N} inputs",
    )
)
# Anthropic: input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease …
_EXCEEDED: Final = re.compile(rf"exceed context limit: {_N} \+ \d{{1,9}} > {_N}")
# OpenAI, OpenRouter: This model's maximum context length is 8192 tokens. However, you requested 8256 tokens (64 in the
# messages, 8192 in the completion). · … (7884 of text input, 6000 of tool input, 131072 in the output)
_PARTS: Final = re.compile(
    rf"context length is {_N} tokens[.,] however,? you requested (?:about )?\d{{1,9}} tokens \(([^()]{{1,300}})\)"
)
_PART: Final = re.compile(rf"{_N} (?:in|of|for) (?:the |your )?(\w+)")
_OUTPUT: Final = frozenset({"completion", "output"})

# vLLM, which counts no further than it must to know that there is no room: This model's maximum context length is
# 131072 tokens. However, you requested 128000 output tokens and your prompt contains at least 3073 input tokens, …
_COUNTED_IN_PART: Final = re.compile(
    rf"requested {_N} output tokens and your prompt contains (?:at least \d{{1,9}} input tokens|\d{{1,9}} characters)"
)
# vLLM: max_tokens=128000 cannot be greater than max_model_len=max_total_tokens=8192. Please request fewer output …
_NO_MATTER_WHAT: Final = re.compile(_LIMIT + r"=\d+ cannot be greater than max_(?:model_len|total_tokens)")

_MOST: Final = tuple(
    re.compile(words)
    for words in (
        # max_tokens is too large: 32000. This model supports at most 16384 completion tokens, …
        rf"supports? at most {_N} (?:completion|output)",
        # Invalid max_tokens value, the valid range of max_tokens is [1, 8192] · Range of max_tokens should be [1, 8192]
        rf"range of max_(?:completion_)?tokens (?:is|should be) \[\d+, ?{_N}\]",
        # Anthropic: max_tokens: 128000 > 64000, which is the maximum allowed number of output tokens for claude-…
        rf"{_LIMIT}: \d{{1,9}} > {_N}, which is the maximum",
        # `max_tokens` must be less than or equal to `8192` · …: integer above maximum value, expected a value <= 12288
        # · Input validation error: `max_new_tokens` must be <= 4096
        rf"{_LIMIT}.{{0,120}}?(?:less than or equal to|at most|<=) ?{_N}",
    )
)
# Gemini: … a maxOutputTokens value of 128000 but the supported range is from 1 (inclusive) to 65537 (exclusive).
_BELOW: Final = re.compile(rf"maxoutputtokens .{{0,80}}range is from \d+ \(inclusive\) to {_N} \(exclusive\)")

_FULL: Final = 2048
"""Tokens. Where no more is left, it is the prompt that is too long: an answer cut short would hide it."""
_SPARE: Final = 64
"""Tokens that are not asked for where the prompt's are counted: servers count a few of their own afterwards."""


def room_in(said: str) -> Room | None:
    """Return how much output may be asked for; None: that is not what was complained of, or there is none."""
    for whole, prompt in _contexts(said):
        left = whole - prompt - _SPARE
        return Room(left) if left > _FULL else None
    if counted := _COUNTED_IN_PART.search(said):
        return Room(None) if int(counted[1]) > _FULL else None
    if _NO_MATTER_WHAT.search(said):
        return Room(None)
    if below := _BELOW.search(said):
        return Room(int(below[1]) - 1)
    found = next((found for words in _MOST if (found := words.search(said))), None)
    return Room(int(found[1])) if found is not None else None


def _contexts(said: str) -> Iterator[tuple[int, int]]:
    """Yield how many tokens a context has, and how many of them the prompt takes."""
    for words in _SHARED:
        if found := words.search(said):
            yield int(found[1]), int(found[2])
    if found := _EXCEEDED.search(said):
        yield int(found[2]), int(found[1])
    if found := _PARTS.search(said):
        parts = _PART.findall(found[2])
        yield int(found[1]), sum(int(count) for count, of_what in parts if of_what not in _OUTPUT)
