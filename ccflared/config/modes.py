"""The names of better-ccflare's modes and providers, and what they are here.

Commands take them; the file has one name for each thing, and tells whoever writes another one.
"""

from collections.abc import Iterable
from typing import Final

from ccflared.config.words import quoted

MODES: Final = {
    "max": "claude-oauth",
    "claude-oauth": "claude-oauth",
    "console": "anthropic",
    "zai": "zai",
    "minimax": "minimax",
    "nanogpt": "nanogpt",
    "anthropic-compatible": "anthropic-compatible",
    "openai-compatible": "openai-compatible",
    "bedrock": "bedrock",
    "kilo": "kilo",
    "alibaba-coding-plan": "alibaba-coding-plan",
    "ollama": "ollama",
    "vertex-ai": "vertex",
    "openrouter": "openrouter",
}
"""The provider here for each mode that its command line or its web page knows."""

_ALSO: Final = {
    "claude": "claude-oauth",
    "pro": "claude-oauth",
    "claude-console-api": "anthropic",
    "claude-api": "anthropic",
    "nano-gpt": "nanogpt",
}
"""Names of its database and of earlier versions, and what people write."""

_BORROWED: Final = "it is left out, as it would log in under the client id of another program"
LEFT_OUT: Final = {
    "codex": _BORROWED,
    "qwen": _BORROWED,
    "xai": f"{_BORROWED}; the provider xai here is the API by key",
    "ollama-cloud": 'write one with base_url = "https://ollama.com" and auth = "bearer"',
    "muse-spark": "write one with the base_url and dialect of its API",
}
"""Modes that have no provider here, and why or what does instead."""


def provider_of_mode(name: str) -> str | None:
    """Return the provider that a mode is here; None where there is none of that name, or none on purpose."""
    folded = name.casefold()
    return MODES.get(folded) or _ALSO.get(folded)


def mode_hint(name: str) -> str:
    """Return what follows "there is no provider NAME" where the name is known from better-ccflare; else ""."""
    if meant := provider_of_mode(name):
        return f"; did you mean {quoted(meant)}?"
    if why := LEFT_OUT.get(name.casefold()):
        return f"; {why}"
    return ""


def provider_of(name: str, known: Iterable[str]) -> str | None:
    """Return the one of the ``known`` providers that a name of a provider or of a mode stands for; None: none."""
    names = {each.casefold(): each for each in known}
    return names.get(name.casefold()) or names.get((provider_of_mode(name) or "").casefold())
