"""What the models of Anthropic's API take and refuse, as data. A new model is a row, an unknown one is taken for new.

Sources: platform.claude.com, pages on thinking, effort, structured outputs and migration to 4.6, 4.7, 5 and 5.5, as of
October 2026; and what api.anthropic.com answered to people who tried.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from ccflared.formats.families import family_of


@dataclass(frozen=True, slots=True)
class Traits:
    """What one model takes. The defaults are those of somebody else's model behind Anthropic's API."""

    thinking: Literal["adaptive", "budget", "none"] = "budget"
    """How it is told to think: ``adaptive`` with an effort, by a number of tokens, or not at all."""
    off: Literal["omitted", "disabled", "between_tools", "never"] = "omitted"
    """What switches its thinking off: nothing said of it, that word as the type, or nothing."""
    displays: bool = False
    """Whether it must be asked to show what it thinks."""
    xhigh: bool = False
    """Whether it knows the effort between high and max."""
    forced: bool = True
    """Whether it can be made to call a tool."""
    sampling: Literal["any", "one", "none"] = "any"
    """Whether it takes temperature and top_p, one of both, or none."""
    structured: bool = False
    """Whether it can be held to a JSON Schema."""
    most: int | None = None
    """The most tokens it gives, where that is less than what is usually asked for."""

    @property
    def prefill(self) -> bool:
        """Whether the last turn may be the assistant's, to be gone on with. It ended with adaptive thinking."""
        return self.thinking != "adaptive"


_OTHER: Final = Traits()
_CLAUDE_3: Final = Traits(thinking="none", most=4096)
_CLAUDE_3_5: Final = Traits(thinking="none", most=8192)
_CLAUDE_4: Final = Traits()
_CLAUDE_4_1: Final = Traits(sampling="one")
_CLAUDE_4_5: Final = Traits(sampling="one", structured=True)
_CLAUDE_4_6: Final = Traits("adaptive", sampling="one", structured=True)
_CLAUDE_4_7: Final = Traits("adaptive", displays=True, xhigh=True, sampling="none", structured=True)
_CLAUDE_5: Final = replace(_CLAUDE_4_7, off="disabled")
_ALWAYS_THINKS: Final = replace(_CLAUDE_4_7, off="never")

_Version = tuple[int, int]
_NEWEST: Final[_Version] = (1 << 30, 0)

# From the newest to the oldest: the first row whose version is not above the model's counts.
_ROWS: Final[dict[str, tuple[tuple[_Version, Traits], ...]]] = {
    "fable": (((5, 1), replace(_ALWAYS_THINKS, forced=False)), ((0, 0), _ALWAYS_THINKS)),
    "opus": (
        ((5, 5), replace(_ALWAYS_THINKS, forced=False)),
        ((5, 0), _CLAUDE_5),
        ((4, 7), _CLAUDE_4_7),
        ((4, 6), _CLAUDE_4_6),
        ((4, 5), _CLAUDE_4_5),
        ((4, 1), _CLAUDE_4_1),
        ((4, 0), _CLAUDE_4),
        ((0, 0), _CLAUDE_3),
    ),
    "sonnet": (
        ((5, 5), replace(_CLAUDE_5, off="between_tools", forced=False)),
        ((5, 0), _CLAUDE_5),
        ((4, 6), _CLAUDE_4_6),
        ((4, 5), _CLAUDE_4_5),
        ((3, 7), _CLAUDE_4),
        ((3, 5), _CLAUDE_3_5),
        ((0, 0), _CLAUDE_3),
    ),
    "haiku": (
        ((5, 0), _CLAUDE_5),
        ((4, 5), _CLAUDE_4_5),
        ((3, 5), _CLAUDE_3_5),
        ((0, 0), _CLAUDE_3),
    ),
}

# claude-opus-4-8, claude-3-7-sonnet-20250219, anthropic.claude-sonnet-4-20250514-v1:0: a date is no version.
_VERSION: Final = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?:[.-](\d{1,2}))?(?!\d)")


@lru_cache(maxsize=1024)
def traits_of(model: str) -> Traits:
    """Return what a model takes, by its id on whatever platform."""
    name = model.lower()
    # Mythos is Fable for those who were asked in.
    family = "fable" if "mythos" in name else family_of(name)
    if "claude" not in name or family is None:
        return _OTHER
    match = _VERSION.search(name)
    version = (int(match[1]), int(match[2] or 0)) if match else _NEWEST
    return next(traits for least, traits in _ROWS[family] if least <= version)
