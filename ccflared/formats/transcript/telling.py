"""A request and its answer as a conversation that people read. Nothing in it is refused, and nothing is endless."""

from dataclasses import dataclass
from typing import Any

from ccflared.formats.errors import ClientDialect
from ccflared.formats.json_prefix import value_of
from ccflared.formats.transcript.answered import Answer, answer_of
from ccflared.formats.transcript.asked import messages_of, system_of, tools_of
from ccflared.formats.transcript.room import Room


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it is kept."""

    body: bytes
    truncated: bool
    """Not all of it is kept."""


def conversation(dialect: ClientDialect, asked: Asked, answered: Answer) -> dict[str, Any]:
    """Return the conversation as REST shows it.

    Long texts are cut and say by how much; of what is too much, the answer and the latest messages come first.
    """
    room = Room()
    answer = answer_of(dialect, answered, room)
    request = _request(asked, room)
    messages = messages_of(request, room)
    system, tools = system_of(request, room), tools_of(request, room)
    if room.untold:
        room.note(f"{room.untold} more parts are not shown.")
    if answered.truncated:
        room.note("Not all of the answer is kept.")
    return {
        "dialect": dialect,
        "model": room.line(request.get("model")),
        "system": system,
        "tools": tools,
        "messages": messages,
        "answer": answer,
        "truncated": asked.truncated or answered.truncated,
        "notes": list(room.notes),
    }


def _request(asked: Asked, room: Room) -> dict[str, Any]:
    """Return the members of a request, as far as they can be read."""
    if asked.truncated:
        room.note("Not all of the request is kept: what stood at its end is missing.")
    if not asked.body.strip():
        return {}
    value, wrong = value_of(asked.body.decode("utf-8", "replace").removeprefix("\ufeff"))
    if wrong is not None and not asked.truncated:
        room.note(f"The request is read as far as it goes: {wrong}.")
    if isinstance(value, dict):
        return value
    room.note("The request is no JSON object.")
    return {"input": value if isinstance(value, list) else asked.body.decode("utf-8", "replace")}
