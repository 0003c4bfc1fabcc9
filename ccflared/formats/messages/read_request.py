"""Reads an Anthropic Messages request, whatever a real client may send, into a neutral one.

Source: the params of the official Python SDK (``anthropic.types.MessageCreateParams`` and its ``beta`` form, which
Claude Code sends). Only what cannot be meant is refused; fields nobody else has are passed over.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, get_args

from ccflared.formats.fields import Fields
from ccflared.formats.json_text import body_members, sound
from ccflared.formats.messages.read_blocks import cache_of, parts_of, texts_of
from ccflared.formats.messages.read_tools import choice_of, toolbox_of
from ccflared.formats.request import Effort, Format, Lifetime, Request, Role, Thinking, Turn

# What changes the answer and cannot be had elsewhere; all other unknown fields are not worth a word.
_MISSED: Final = ("mcp_servers", "container")

_ROLES: Final[dict[str, Role]] = {"user": "user", "assistant": "assistant", "system": "system"}
_EFFORTS: Final[dict[str, Effort]] = {effort: effort for effort in get_args(Effort)}


def read(body: bytes) -> Request:
    """Return what a client asks for by POST /v1/messages or /v1/messages/count_tokens.

    Raises ClientError (400) for what is no JSON object, and for fields whose value has no meaning.
    """
    request = Fields(body_members(body))
    messages = list(request.each("messages"))
    turns = _turns(request, messages)
    if caching := cache_of(request):
        turns = _cached(turns, caching)
    box = toolbox_of(request, messages)
    choice, parallel = choice_of(request, box)
    thinks, budget = _thinking(request)
    effort, unknown = _effort(request, messages)
    metadata = request.within("metadata")
    return Request(
        model=sound(request.needed("model")),
        turns=turns,
        system=texts_of(request, "system") if request.has("system") else (),
        tools=tuple(box.tools.values()),
        choice=choice,
        parallel=parallel,
        max_tokens=request.whole("max_tokens"),
        temperature=request.number("temperature"),
        top_p=request.number("top_p"),
        top_k=request.whole("top_k"),
        stop=tuple(_stops(request)),
        stream=bool(request.flag("stream")),
        thinks=thinks,
        budget=budget,
        effort=effort,
        format=_format(request),
        user=metadata.text("user_id") if metadata else None,
        left_out=(*box.left_out, *(field for field in _MISSED if request.members.get(field)), *unknown),
    )


def _turns(request: Fields, messages: Sequence[Fields]) -> tuple[Turn, ...]:
    if not messages:
        raise request.wrong("messages", "must be an array with at least one message")
    roles = [message.members.get("role") for message in messages]
    last_of_user = max((index for index, role in enumerate(roles) if role == "user"), default=0)
    turns = []
    for index, message in enumerate(messages):
        if (role := _ROLES.get(message.needed("role"))) is None:
            raise message.wrong("role", "must be user, assistant or system")
        if role == "system":
            # Its content may be left out, where it does but set an effort; and it may end at the next turn.
            if not message.has("content"):
                continue
            if message.members.get("clear_at") == "next_user_message" and index < last_of_user:
                continue
        if parts := parts_of(message, role):
            turns.append(Turn(role, parts))
    return tuple(turns)


def _cached(turns: tuple[Turn, ...], lifetime: Lifetime) -> tuple[Turn, ...]:
    """Return the turns with the last part marked, as ``cache_control`` of the whole request says it."""
    if not turns or isinstance(last := turns[-1].parts[-1], Thinking):
        return turns
    marked = replace(last, cache=last.cache or lifetime)
    return (*turns[:-1], replace(turns[-1], parts=(*turns[-1].parts[:-1], marked)))


def _stops(request: Fields) -> Iterable[str]:
    for index, stop in enumerate(request.items("stop_sequences")):
        if not isinstance(stop, str):
            raise request.wrong(f"stop_sequences.{index}", "must be a string")
        if stop:
            yield stop


def _thinking(request: Fields) -> tuple[bool | None, int | None]:
    """Return whether thinking is switched on or off, and the tokens it may take."""
    if (thinking := request.within("thinking")) is None:
        return None, None
    match thinking.text("type"):
        case "enabled":
            return True, thinking.whole("budget_tokens")
        case "adaptive" | "between_tools":
            return True, None
        case "disabled":
            return False, None
        case _:
            return None, None


def _effort(request: Fields, messages: Iterable[Fields]) -> tuple[Effort | None, tuple[str, ...]]:
    """Return the effort, or words for one that is not known.

    A message of the role system may set one for the turn it stands in (the beta per-turn-control).
    """
    asked = None
    for owner in (request, *_since_the_last_answer(messages)):
        if (config := owner.within("output_config")) is not None:
            asked = config.text("effort") or asked
    if asked is None or asked in _EFFORTS:
        return _EFFORTS.get(asked or ""), ()
    return None, (f"output_config.effort {asked}",)


def _since_the_last_answer(messages: Iterable[Fields]) -> list[Fields]:
    """Return the messages of the system that no message of the assistant follows."""
    found: list[Fields] = []
    for message in messages:
        match message.members.get("role"):
            case "assistant":
                found.clear()
            case "system":
                found.append(message)
            case _:
                pass
    return found


def _format(request: Fields) -> Format | None:
    """Return the form of the answer: ``output_config.format``, or ``output_format`` as the beta had it."""
    config = request.within("output_config")
    form = config.within("format") if config else None
    form = form or request.within("output_format")
    if form is None or (kind := form.text("type")) in (None, "text"):
        return None
    if kind != "json_schema":
        raise form.wrong("type", "must be json_schema")
    if (schema := form.members_of("schema")) is None:
        raise form.wrong("schema", "must be an object")
    return Format(schema)
