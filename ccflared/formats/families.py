"""The families of Claude's models, by which maps, chains and limits speak of them. Pure."""

import re
from functools import lru_cache
from typing import Final

FAMILIES: Final = ("fable", "opus", "sonnet", "haiku")


@lru_cache(maxsize=1024)
def family_of(model: str) -> str | None:
    """Return the family of which a word of the id speaks, whatever its case; None where none does."""
    words = re.split(r"[^a-z]+", model.lower())
    return next((family for family in FAMILIES if family in words), None)
