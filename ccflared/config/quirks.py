"""How a provider's API differs from the one that its dialect names: [providers.NAME.quirks].

Data, so that a new upstream needs no code.
"""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from ccflared.config.kinds import Choice, Flag, KeyPath, Reading, Text, Whole
from ccflared.config.net_kinds import HeaderName
from ccflared.config.shapes import Many, takes
from ccflared.config.words import listed, quoted

FIELDS = Many(Text("a field", r"[A-Za-z_][A-Za-z0-9_.]{0,63}"), "a list of fields")
GLOBS = Many(Text("a name or a glob"), "a list of names and globs")


@dataclass(frozen=True, slots=True)
class Quirks:
    """``quirks = { … }`` of a provider: what its API does otherwise. Translated requests are written by them.

    Requests that are passed on heed ``anthropic_version``, ``attribution``, ``signed_thinking`` and ``cache_header``.
    """

    anthropic_version: Annotated[
        str | None,
        takes(
            Text("a version", r"[0-9A-Za-z.-]{1,40}"),
            "Sent as anthropic-version in place of the client's, for providers that know an old one alone.",
        ),
    ] = None
    attribution: Annotated[
        bool,
        takes(
            Flag(),
            "true: Claude Code's first system block is passed on; false: it is left out, because it differs from "
            "request to request and would defeat every prompt cache.",
        ),
    ] = False
    signed_thinking: Annotated[
        bool, takes(Flag(), "true: thoughts that nobody has signed are refused, so they are left out.")
    ] = False
    max_tokens: Annotated[
        Literal["max_tokens", "max_completion_tokens"] | None,
        takes(
            Choice("max_tokens", "max_completion_tokens"),
            "What the limit on output is called.",
            absent="max_completion_tokens for OpenAI's reasoning models, max_tokens for all others; where that is "
            "refused, the other one",
        ),
    ] = None
    default_max_tokens: Annotated[
        int, takes(Whole(1), "The limit where the client names none and the API wants one.")
    ] = 32_000
    effort: Annotated[
        Literal["reasoning_effort", "reasoning", "none"],
        takes(
            Choice("reasoning_effort", "reasoning", "none"),
            "How models that reason are told how much: that field, OpenRouter's reasoning = { effort }, or not.",
        ),
    ] = "reasoning_effort"
    reasons: Annotated[
        tuple[str, ...],
        takes(GLOBS, "Models that take an effort, by the last part of their name; others are told nothing."),
    ] = ("o[1-9]*", "gpt-[5-9]*", "gpt-oss*", "grok-3-mini*", "grok-4.[3-9]*")
    effortless_tools: Annotated[
        tuple[str, ...],
        takes(
            GLOBS,
            "Models, by the last part of their name, that are told the effort none where there are tools, because "
            "both together are refused.",
        ),
    ] = ()
    reasoning_content: Annotated[
        bool,
        takes(Flag(), "true: earlier thoughts are sent back as reasoning_content, which some APIs ask for."),
    ] = False
    developer_role: Annotated[bool, takes(Flag(), "true: the system prompt has the role developer.")] = False
    files: Annotated[bool, takes(Flag(), "true: PDFs are understood as file parts.")] = False
    cache_control: Annotated[
        bool, takes(Flag(), "true: marks for the prompt cache are understood, as Anthropic writes them.")
    ] = False
    cache_field: Annotated[
        str | None,
        takes(
            Text("a field", r"[a-z_]{1,40}"),
            "Field of the request that keeps a conversation at one prompt cache, such as prompt_cache_key.",
        ),
    ] = None
    cache_header: Annotated[
        str | None, takes(HeaderName(), "Header that does the same, such as x-grok-conv-id.")
    ] = None
    stream_usage: Annotated[
        bool, takes(Flag(), "true: stream_options is understood, so that streams tell their usage.")
    ] = True
    structured: Annotated[
        bool,
        takes(Flag(), "true: a JSON Schema for the answer is understood; false: it is asked for in words."),
    ] = True
    plain_schemas: Annotated[
        bool,
        takes(
            Flag(),
            "true: unions at the top of a tool's schema are refused, so their properties are merged, and the "
            "whole schema is quoted in the description.",
        ),
    ] = False
    refuses: Annotated[
        tuple[str, ...], takes(FIELDS, "Fields of the request that are left out because they are refused.")
    ] = ()
    allows: Annotated[
        tuple[str, ...],
        takes(FIELDS, "Fields that are sent although OpenAI's API has none: top_k."),
    ] = ()


_NEEDED: Final = frozenset({"model", "messages"})


def check_quirks(quirks: Quirks, path: KeyPath, reading: Reading) -> None:
    """See that no two of them contradict each other. They may come from two tables: all are said of the whole."""
    if quirks.cache_field is not None and quirks.cache_header is not None:
        ways = f"cache_field = {quoted(quirks.cache_field)} and cache_header = {quoted(quirks.cache_header)}"
        reading.wrong(path, f"{ways} are two ways to say the same; a provider has one of them", "key")
    if both := sorted({*quirks.refuses} & {*quirks.allows}):
        reading.wrong(path, f"{listed(both, 'and')} cannot be in both refuses and allows", "key")
    if needed := sorted({*quirks.refuses} & _NEEDED):
        reading.wrong(path, f"{listed(needed, 'and')} cannot be left out: no request is one without", "key")
