"""Writes the turns of a conversation as Anthropic's messages, and tells the system prompt from them."""

from collections.abc import Sequence
from typing import Any, Final

from ccflared.formats.distinct import Distinct
from ccflared.formats.fields import Fields
from ccflared.formats.messages.write_blocks import Block, assistant_block, note, user_block
from ccflared.formats.messages.write_tools import Tools
from ccflared.formats.request import Part, Request, Text, Turn
from ccflared.formats.turns import blank, tidied

Message = dict[str, Any]

_THOUGHTS: Final = ("thinking", "redacted_thinking")
_BEGINNING: Final = note("The conversation begins with the assistant.")
_GO_ON: Final = {"type": "text", "text": "Go on."}


def system_and_turns(request: Request) -> tuple[list[Text], tuple[Turn, ...]]:
    """Return the system prompt, and the turns of user and assistant in order.

    What the system says before anybody else is the system prompt. What it says later stays where it is, marked, in a
    user turn: at that place it is meant, and a system prompt that changes in the middle of a conversation would void
    the prompt cache of all that was said. Where nobody else speaks it is the user's turn, as one there must be.
    """
    turns = [turn for turn in request.turns if not all(map(blank, turn.parts))]
    first = next((index for index, turn in enumerate(turns) if not _of_system(turn)), None)
    # A request that nobody but the system speaks in.
    alone = first is None
    said = () if alone else (part for turn in turns[:first] for part in turn.parts)
    system = [part for part in (*request.system, *said) if isinstance(part, Text) and not blank(part)]
    if alone:
        return system, tidied(Turn("user", turn.parts) for turn in turns)
    return system, tidied(_marked(turn) if turn.role == "system" else turn for turn in turns[first:])


def _of_system(turn: Turn) -> bool:
    """Return whether a turn can be part of the system prompt, which holds no pictures."""
    return turn.role == "system" and all(isinstance(part, Text) for part in turn.parts)


def _marked(turn: Turn) -> Turn:
    return Turn("user", tuple(map(_marked_part, turn.parts)))


def _marked_part(part: Part) -> Part:
    if not isinstance(part, Text) or blank(part):
        return part
    return Text(f"<system>\n{part.text}\n</system>", cache=part.cache)


def messages_of(turns: Sequence[Turn], tools: Tools, *, prefill: bool) -> list[Message]:
    """Write the turns, which are in order. Raises ClientError if there are none.

    ``prefill``: the last one may be the assistant's, for the model to go on with.
    """
    ids: dict[str, str] = {}
    distinct = Distinct()

    def id_of(call_id: str) -> str:
        if call_id not in ids:
            ids[call_id] = distinct.like(call_id)
        return ids[call_id]

    messages: list[Message] = []
    for turn in turns:
        if turn.role == "assistant":
            written = [assistant_block(part, id_of, tools.called) for part in turn.parts]
            blocks = _calls_last(_without_last_thoughts([block for block in written if block is not None]))
        else:
            blocks = [user_block(part, id_of) for part in turn.parts]
        if messages and messages[-1]["role"] == turn.role:
            messages[-1]["content"] += blocks
        elif blocks:
            messages.append({"role": turn.role, "content": blocks})
    if not messages:
        raise Fields({}).wrong("messages", "somebody must have said something")
    if messages[0]["role"] == "assistant":
        messages.insert(0, {"role": "user", "content": [dict(_BEGINNING)]})
    if messages[-1]["role"] == "assistant":
        _end(messages, prefill=prefill)
    return messages


def _calls_last(blocks: list[Block]) -> list[Block]:
    """Put texts that stand behind calls before them: results follow calls at once."""
    called = [block["type"] == "tool_use" for block in blocks]
    first = called.index(True) if True in called else len(blocks)
    if not any(block["type"] == "text" for block in blocks[first:]):
        return blocks
    behind = blocks[first:]
    texts = [block for block in behind if block["type"] == "text"]
    return [*blocks[:first], *texts, *(block for block in behind if block["type"] != "text")]


def _without_last_thoughts(blocks: list[Block]) -> list[Block]:
    """Cut off thoughts that nothing follows, with which a message may not end."""
    while blocks and blocks[-1]["type"] in _THOUGHTS:
        blocks.pop()
    return blocks


def _end(messages: list[Message], *, prefill: bool) -> None:
    """Make a conversation that ends with the assistant one that can be answered."""
    last = messages[-1]["content"][-1]
    if prefill and last["type"] == "text":
        # White space at its end is refused.
        last["text"] = last["text"].rstrip()
    else:
        messages.append({"role": "user", "content": [dict(_GO_ON)]})


def unsigned_loop(messages: Sequence[Message]) -> bool:
    """Return whether results are answered of calls that come without the thoughts that led to them."""
    if len(messages) < 2 or messages[-1]["content"][0]["type"] != "tool_result":
        return False
    return messages[-2]["content"][0]["type"] not in _THOUGHTS
