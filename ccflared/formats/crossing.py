"""What is taken out of a Messages request when its conversation comes from another provider. Bytes in, bytes out.

Thinking is signed by who thought it, and nobody else accepts the signature; the same goes for what Claude Code tells
Anthropic's billing. Both are cut out of the body; everything else stays as it was written, byte for byte.

Sources: Anthropic's guides to extended thinking and to context editing, and the texts of its errors (see amend.py).
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from ccflared.formats import sse
from ccflared.formats.spans import Edit, Element, edited, elements, members, only, outermost, text_of, without

_BILLING: Final = "x-anthropic-billing-header"
_OFF: Final = '{"type":"disabled"}'
_NOTHING: Final = '[{"type":"text","text":"(no content)"}]'
"""Stands in for an assistant turn that held thoughts alone: without it two user turns would stand side by side,
which some providers refuse. The words are those of Claude Code for the same case."""
_THOUGHTS: Final = frozenset({"thinking", "redacted_thinking"})
_STRING: Final = rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
_SIGNATURE: Final = re.compile(rb'"signature"\s*+:\s*+' + _STRING)
_DATA: Final = re.compile(rb'"data"\s*+:\s*+' + _STRING)
_REDACTED: Final = b'"redacted_thinking"'


def without_thinking(
    body: bytes, foreign: Callable[[str], bool] | None = None, *, off: bool = False
) -> bytes | None:
    """Take thinking out of the assistant's turns. None: there is nothing to take out, or it is no request.

    ``foreign`` says of a signature (of sealed thinking: of its data) whether it is another provider's; only thinking
    of such goes then, and that without a signature. Without ``foreign`` all of it goes.

    While tools are being used, all that the assistant has said since the user's own words counts as one turn, and
    Anthropic wants it to begin with thoughts if the request says ``thinking.type = "enabled"``. Where those go,
    thinking is switched off for this one request, and with it the edits of ``context_management`` that need it.
    ``adaptive`` thinking asks for nothing and stays. With ``off`` thinking of any type is switched off, for providers
    that want more than Anthropic does, or whose models think unless they are told not to.
    """
    if not off and b"thinking" not in body:
        return None
    try:
        text = text_of(body)
        outer = outermost(text)
        messages = only(outer, "messages")
        if messages is None or not isinstance(messages.value, list) or _twice(outer, "thinking"):
            return None
        turns = elements(text, messages.at)
        edits = _edits(text, turns, foreign)
        thinking = _kind(only(outer, "thinking"))
        if (
            thinking != "disabled"
            if off
            else thinking == "enabled" and _loop_lost_its_thoughts(turns, foreign)
        ):
            # Without thinking no thoughts may stand in the last turn at all, so the provider's own go as well.
            edits = _edits(text, turns, None) + _switched_off(text, outer)
    except ValueError:
        return None
    return edited(text, edits) if edits else None


def may_have_billing_block(body: bytes) -> bool:
    """Whether it is worth looking for the block that without_billing_block takes out: a search, and no more."""
    return _BILLING.encode() in body


def without_billing_block(body: bytes) -> bytes:
    """Take Claude Code's words to Anthropic's billing out: the first block of ``system``, if it is that.

    They change from request to request, and with them the beginning by which a provider finds its prompt cache.
    """
    if not may_have_billing_block(body):
        return body
    try:
        text = text_of(body)
        system = only(outermost(text), "system")
        blocks = elements(text, system.at) if system is not None else []
    except ValueError:
        return body
    if not blocks or not _is_billing(blocks[0].value):
        return body
    return edited(text, without(blocks, blocks[:1]))


def signatures(body: bytes) -> Iterator[str]:
    """Yield the signatures in a request or an answer, and the data of sealed thinking, without parsing it.

    A cheap look, not a judgement: what a tool calls a signature is among them.
    """
    for match in _SIGNATURE.finditer(body):
        yield from _said(match[1])
    place = judged = 0
    while (place := body.find(_REDACTED, place)) >= 0:
        # Nothing in such a block holds a brace: it is its type, and base64. Each byte is looked at a bounded number of
        # times, however often the words stand there: what was judged is never come back to.
        end = body.find(b"}", place)
        if end < 0:
            return
        begin = body.rfind(b"{", place, end)
        if begin > place:
            place = begin  # it was a word in front of a block
            continue
        begin = body.rfind(b"{", judged, place)
        if begin >= 0 and (data := _DATA.search(body, begin, end)):
            yield from _said(data[1])
        place = judged = end


def signature_in(raw: bytes) -> str | None:
    """Return the signature in a raw event of a stream, or the data of sealed thinking; None for most events."""
    if b"signature" not in raw and _REDACTED not in raw:
        return None
    return next(signatures(sse.parse(raw).data), None)


def _said(raw: bytes) -> Iterator[str]:
    try:
        text = json.loads(b'"' + raw + b'"') if b"\\" in raw else raw.decode()
    except ValueError:
        return
    if text:
        yield text


def _is_billing(block: Any) -> bool:
    if not isinstance(block, dict) or block.get("type") != "text":
        return False
    text = block.get("text")
    return isinstance(text, str) and text.startswith(_BILLING)


def _edits(text: str, turns: Sequence[Element], foreign: Callable[[str], bool] | None) -> list[Edit]:
    """Return the edits that take the thoughts out of all turns."""
    edits: list[Edit] = []
    for turn in turns:
        if not any(_goes(block, foreign) for block in _blocks(turn, "assistant")):
            continue
        content = only(members(text, turn.at), "content")
        if content is None:
            continue
        blocks = elements(text, content.at)
        gone = [block for block in blocks if _goes(block.value, foreign)]
        if len(gone) < len(blocks):
            edits += without(blocks, gone)
        elif turn is turns[-1] and len(turns) > 1:
            edits += without(turns, [turn])
        else:
            edits.append(Edit(content.at, content.end, _NOTHING))
    return edits


def _goes(block: Any, foreign: Callable[[str], bool] | None) -> bool:
    kind = _type(block)
    if kind not in _THOUGHTS:
        return False
    if foreign is None:
        return True
    signature = block.get("signature" if kind == "thinking" else "data")
    return not isinstance(signature, str) or not signature or foreign(signature)


def _loop_lost_its_thoughts(turns: Sequence[Element], foreign: Callable[[str], bool] | None) -> bool:
    """Whether tools are being used, and what the assistant has said since the user's words began with what goes."""
    first: list[Any] = []
    for turn in reversed(turns):
        # A turn with results of tools goes on with what came before, whatever else stands in it.
        if _role(turn) == "user" and not any(
            _type(block) == "tool_result" for block in _blocks(turn, "user")
        ):
            break
        first = _blocks(turn, "assistant") or first
    left = [block for block in first if not _goes(block, foreign)]
    used = any(_type(block) == "tool_use" for block in left)
    return used and len(left) < len(first) and _type(left[0]) not in _THOUGHTS


def _switched_off(text: str, outer: Sequence[Element]) -> list[Edit]:
    """Return the edits that switch thinking off, and leave out what needs it."""
    thinking = only(outer, "thinking")
    # Said, not left out: to some providers that means that they may think.
    if thinking is not None:
        edits = [Edit(thinking.at, thinking.end, _OFF)]
    else:
        edits = [Edit(outer[0].start, outer[0].start, f'"thinking":{_OFF},')]
    management = only(outer, "context_management")
    if management is None:
        return edits
    inner = members(text, management.at)
    listed = only(inner, "edits")
    found = elements(text, listed.at) if listed is not None else []
    clearing = [edit for edit in found if _type(edit.value).startswith("clear_thinking")]
    if clearing and len(clearing) == len(found) and len(inner) == 1:
        return edits + without(outer, [management])
    return edits + without(found, clearing)


def _twice(found: Sequence[Element], key: str) -> bool:
    return sum(member.key == key for member in found) > 1


def _role(turn: Element) -> object:
    return turn.value.get("role") if isinstance(turn.value, dict) else None


def _blocks(turn: Element, role: str) -> list[Any]:
    """Return the blocks of a turn of this role; none where it is another's, or its content a text."""
    content = turn.value.get("content") if _role(turn) == role else None
    return content if isinstance(content, list) else []


def _kind(member: Element | None) -> str:
    return _type(member.value) if member is not None else ""


def _type(value: Any) -> str:
    """Return the type that an object says it is; "" for what says nothing."""
    kind = value.get("type") if isinstance(value, dict) else ""
    return kind if isinstance(kind, str) else ""
