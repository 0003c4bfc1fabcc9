"""The names of better-ccflare's modes: commands and REST take them, the file has one name for each thing."""

from collections.abc import Iterable

PROVIDER_MEANT = {
    "max": "claude-oauth",
    "claude": "claude-oauth",
    "pro": "claude-oauth",
    "console": "anthropic",
    "claude-console-api": "anthropic",
    "claude-api": "anthropic",
    "vertex-ai": "vertex",
    "nano-gpt": "nanogpt",
}


def provider_of(mode: str, known: Iterable[str]) -> str | None:
    """Return the provider that a mode stands for; None if there is none of that name among the ``known``."""
    names = {name.casefold(): name for name in known}
    meant = PROVIDER_MEANT.get(mode.casefold(), mode)
    return names.get(meant.casefold())
