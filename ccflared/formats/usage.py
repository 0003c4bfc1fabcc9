"""Adds up what an answer tells of its tokens at several places: at its beginning, at its end, or again and again."""

from ccflared.formats.events import Usage


def later(earlier: Usage, told: Usage) -> Usage:
    """Return what is known when ``told`` comes after ``earlier``.

    Figures are cumulative, so the later one counts; a later 0 takes nothing back, as upstreams that know a figure at
    one place alone write 0 at the other.
    """
    if earlier == Usage():
        return told
    return Usage(
        input=told.input or _known(earlier.input, told.input),
        output=told.output or _known(earlier.output, told.output),
        cache_read=told.cache_read or _known(earlier.cache_read, told.cache_read),
        cache_write=told.cache_write or _known(earlier.cache_write, told.cache_write),
        reasoning=told.reasoning or _known(earlier.reasoning, told.reasoning),
    )


def prompt_tokens(usage: Usage) -> int:
    """Return the tokens of the whole prompt, cached or not, as OpenAI counts them."""
    return (usage.input or 0) + (usage.cache_read or 0) + (usage.cache_write or 0)


def _known(earlier: int | None, told: int | None) -> int | None:
    return told if earlier is None else earlier
