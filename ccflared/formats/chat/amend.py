"""What is tried once more where an OpenAI-like API refused a request that was translated.

Its fields are our choice there, so that one that an API does not know can be left out. Only fields that change how an
answer is made go, none that changes what is asked for: response_format, stop, tools and tool_choice are not among them.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from ccflared.formats.output_room import Room, room_in
from ccflared.formats.refusal import Amended, inner, plain, strings
from ccflared.formats.spans import Edit, Element, edited, outermost, text_of, without

_LEFT_OUT: Final = frozenset(
    {
        *(
            "stream_options",
            "parallel_tool_calls",
            "reasoning_effort",
            "reasoning",
            "temperature",
            "top_p",
            "top_k",
        ),
        *("prompt_cache_key", "user", "safety_identifier", "verbosity"),
    }
)
_LIMITS: Final = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
_ALIASES: Final = {"reasoningEffort": "reasoning_effort", "include_usage": "stream_options"}
"""What an error calls a field whose name is another: xAI, and some that know the field and not what is in it."""

_COMPLAINT: Final = re.compile(
    r"unsupported|not support|unrecognized|unknown|unexpected|not permitted|not allowed|forbidden|deprecated"
    r"|must be one of|not one of|is invalid|not valid|invalid value|not available|incompatible|no such"
    r"|cannot be (?:set|used)|wrong_api_format|extra_forbidden",
    re.IGNORECASE,
)
_NAME: Final = r"[\"'`]?(?:body\.|\$\.)?([A-Za-z_]\w*)"
_NAMED: Final = (
    # Unsupported parameter: 'max_tokens' … · Unsupported value: 'temperature' … · Unknown parameter: 'store'.
    # property 'reasoning_effort' is unsupported · unknown field "user" · … does not support parameter reasoningEffort.
    re.compile(
        r"(?:parameters?|value|propert(?:y|ies)|fields?|keys?|arguments?|inputs?|attributes?|options?)"
        r"(?: name| supplied| provided)?\s*+:?\s*+\(?\[?" + _NAME,
        re.IGNORECASE,
    ),
    # `reasoning_effort` must be one of … · 'temperature' does not support 0.2 · 'top_p' : value is not one of …
    # ('user' was unexpected)
    re.compile(
        r"[\"'`](?:body\.|\$\.)?([A-Za-z_]\w*+)[\"'`]\s*+:?\s*+(?:is|was|are|does|do|must|value|cannot|property|not)\b"
    ),
    # user: Extra inputs are not permitted, and pydantic's own form of it in two lines
    re.compile(r"\b([A-Za-z_]\w*+)\s*+:?\s*+Extra inputs are not permitted"),
)
# Unrecognized request arguments supplied: parallel_tool_calls, user
_LISTED: Final = re.compile(r"arguments supplied:\s*([\w, ]+)", re.IGNORECASE)

# Fireworks: Requests with max_tokens > 4096 must have stream=true
_STREAM: Final = re.compile(r"\bmust have stream=true\b")


def amended(error: Any, body: bytes) -> Amended | None:
    """Return what to try in place of a body that was refused with an error, as refusal.read has it; None: nothing."""
    try:
        text = text_of(body)
        whole = outermost(text)
    except ValueError:
        return None
    found = {member.key: member for member in whole}
    if len(found) < len(whole):
        return None  # a key twice is none of ours
    said = plain(error)
    if room := room_in(said):
        return _within(room, text, whole)
    if _STREAM.search(said) and whole and "stream" not in found:
        # Whoever wants a document gets one of all that was streamed.
        return Amended("as a stream", edited(text, [Edit(whole[0].start, whole[0].start, '"stream":true,')]))
    texts = list(strings(error))
    if not _COMPLAINT.search("\n".join(texts)):
        return None
    named = {_ALIASES.get(name, name) for name in (*_pointed(error), *_written(texts))}
    edits: list[Edit] = []
    reasons: list[str] = []
    for name, other in _LIMITS.items():
        if name in named and name in found and other not in found:
            edits.append(Edit(found[name].start, found[name].at, f'"{other}":'))
            reasons.append(f"with {other}")
    if gone := [member for member in whole if member.key in named and member.key in _LEFT_OUT]:
        edits += without(whole, gone)
        reasons.append("without " + ", ".join(member.key for member in gone))
    return Amended(" and ".join(reasons), edited(text, edits)) if edits else None


def _within(room: Room, text: str, whole: list[Element]) -> Amended | None:
    """Return the body with no higher limit on output than there is room for, if it asks for more."""
    member = next((member for member in whole if member.key in _LIMITS), None)
    if member is None or not isinstance(member.value, float):
        return None
    if room.most is None:
        return Amended(f"without {member.key}", edited(text, without(whole, [member])))
    if not 0 < room.most < member.value:
        return None
    body = edited(text, [Edit(member.at, member.end, str(room.most))])
    return Amended(f"with {member.key} of {room.most}", body)


def _pointed(error: Any) -> Iterator[str]:
    """Yield fields that are named in a place made for it: OpenAI's ``param``, the ``loc`` of pydantic's errors."""
    match error:
        case {"loc": ["body", str(name)]} | {"param": str(name)}:
            yield name.removeprefix("body.").partition(".")[0]
        case _:
            pass
    for value in inner(error):
        yield from _pointed(value)


def _written(texts: list[str]) -> Iterator[str]:
    """Yield fields that are named in a sentence."""
    for text in texts:
        for pattern in _NAMED:
            yield from pattern.findall(text)
        for names in _LISTED.findall(text):
            yield from (name.strip() for name in names.split(","))
