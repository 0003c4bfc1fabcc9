"""What depends on the model: the words that tell it how much to reason, its limit on output, how it may be sampled.

Data, as of November 2026. The first row whose glob is like the last part of a model's name counts.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, Final, get_args

from ccflared.config.quirks import Quirks
from ccflared.formats.request import Effort, Request

_LADDER: Final[tuple[Effort, ...]] = get_args(Effort)

# Sources: OpenAI's reasoning guide and model pages, docs.x.ai on grok-3-mini.
_TAKES: Final[tuple[tuple[str, tuple[Effort, ...]], ...]] = (
    ("gpt-5.1-codex-max*", ("none", "low", "medium", "high", "xhigh")),
    ("gpt-5.1*", ("none", "low", "medium", "high")),
    ("gpt-5.[2-9]*", ("none", "low", "medium", "high", "xhigh")),
    ("gpt-[6-9]*", ("none", "low", "medium", "high", "xhigh")),
    ("gpt-5*", ("minimal", "low", "medium", "high")),
    ("grok-3-mini*", ("low", "high")),
    ("*", ("low", "medium", "high")),
)
_ROUTER_TAKES: Final[tuple[Effort, ...]] = ("none", "minimal", "low", "medium", "high", "xhigh")
"""OpenRouter fits these to each model itself."""

_REASONING: Final = ("o[1-9]*", "gpt-[5-9]*")
"""OpenAI's models that reason. They refuse the old name max_tokens, and to be sampled in any way but the usual one."""

# Tokens that a model puts out at most, where clients are known to ask for more: Claude Code does for up to 128,000.
# As the pages of the models at developers.openai.com had it in 2025; where it is wrong, and for others' models, the
# refusal tells it (amend.py).
_MOST: Final = (
    ("gpt-4.1*", 32_768),
    ("gpt-4o-2024-05-13", 4096),
    ("gpt-4o*", 16_384),
    ("chatgpt-4o*", 16_384),
    ("gpt-4.5*", 16_384),
    ("gpt-4-turbo*", 4096),
    ("gpt-4-*-preview", 4096),
    ("gpt-3.5-turbo*", 4096),
    ("o1-preview*", 32_768),
    ("o1-mini*", 65_536),
    ("o[1-9]*", 100_000),
    ("gpt-5*-chat*", 16_384),
    ("gpt-5-pro*", 272_000),
    ("gpt-5*", 128_000),
)


def effort_fields(request: Request, model: str, quirks: Quirks) -> dict[str, Any]:
    """Return the field that tells a model its effort, if it is one that takes it and there is something to tell."""
    asked = "none" if must_not_reason(request, model, quirks) else asked_effort(request)
    if asked is None or quirks.effort == "none" or not is_one_of(model, quirks.reasons):
        return {}
    takes = _ROUTER_TAKES if quirks.effort == "reasoning" else _words(model)
    if asked == "none" and takes[0] not in ("none", "minimal"):
        return {}  # it always reasons, and "low" is not what was asked for
    rung = _LADDER.index(asked)
    word = min(takes, key=lambda word: abs(_LADDER.index(word) - rung))
    return {"reasoning": {"effort": word}} if quirks.effort == "reasoning" else {"reasoning_effort": word}


def must_not_reason(request: Request, model: str, quirks: Quirks) -> bool:
    """Say whether a model refuses to reason, because there are tools. Some do so by default: they have to be told."""
    return bool(request.tools) and is_one_of(model, quirks.effortless_tools)


def asked_effort(request: Request) -> Effort | None:
    """Return the effort that is asked for, in whatever way."""
    if request.thinks is False:
        return "none"
    if request.effort is not None or request.budget is None:
        return request.effort
    return "low" if request.budget <= 2048 else "medium" if request.budget <= 16_384 else "high"


def limit_fields(request: Request, model: str, quirks: Quirks) -> dict[str, Any]:
    """Return the limit on output under the name it has for a model, and no higher than the model can go."""
    if request.max_tokens is None:
        return {}
    name = quirks.max_tokens or ("max_completion_tokens" if is_one_of(model, _REASONING) else "max_tokens")
    # Anthropic fills a prompt cache, and answers nothing, when asked for no token; here that takes one.
    limit = max(1, request.max_tokens)
    most = next((most for glob, most in _MOST if is_one_of(model, (glob,))), limit)
    return {name: min(limit, most)}


def sampling_fields(request: Request, model: str, dropped: list[str]) -> dict[str, Any]:
    """Return temperature and top_p, if the model lets itself be told. What it does not take goes into ``dropped``."""
    asked = {
        "temperature": None if request.temperature is None else min(max(request.temperature, 0), 2),
        "top_p": None if request.top_p is None else min(max(request.top_p, 0), 1),
    }
    if not is_one_of(model, _REASONING):
        return {name: value for name, value in asked.items() if value is not None}
    # What they refuse to be told is not missed where it is what they do.
    dropped += [name for name, value in asked.items() if value not in (None, 1)]
    return {}


def is_one_of(model: str, globs: Iterable[str]) -> bool:
    """Say whether the last part of a model's name matches one of the globs, whatever its case."""
    last = model.rsplit("/", 1)[-1].lower()
    return any(fnmatchcase(last, glob.lower()) for glob in globs)


def _words(model: str) -> tuple[Effort, ...]:
    return next(words for glob, words in _TAKES if is_one_of(model, (glob,)))
