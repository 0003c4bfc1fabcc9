"""What is left out of a translated request when an API of Anthropic's kind refuses a field, or what it says.

Nothing goes that changes what is asked for: the form of an answer is asked for in words where it cannot be demanded.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ccflared.formats import json_text
from ccflared.formats.messages.answer_schema import in_words
from ccflared.formats.messages.write_thinking import LEAST_BUDGET
from ccflared.formats.output_room import Room, room_in
from ccflared.formats.refusal import Amended
from ccflared.formats.spans import Edit, Element, edited, elements, members, only, outermost, text_of, without

_ADAPTIVE: Final = '{"type":"adaptive"}'
_MARK: Final = "cache_control"
_FORM: Final = "output_config.format"

_BEFORE: Final = r"(?:not support|unsupported|unknown|unrecognized|unexpected)\b[^.:;]{0,40}?:? "
_AFTER: Final = (
    r"\b:?[^.:;]{0,60}?:? ?(?:extra inputs are not permitted|input should be|input tag|deprecated|unsupported|unknown"
    r"|not (?:yet )?(?:supported|permitted|allowed|available)|may only be|may not be|cannot be (?:set|used)"
    r"|must be (?:unset|set|greater|less))"
)


def _refused(name: str) -> re.Pattern[str]:
    """Return what finds a field named as one that is refused. What stands within another (a.temperature) is not it."""
    return re.compile(rf"(?<![\w.])(?:{name}){_AFTER}|{_BEFORE}(?:{name})\b(?!\.)")


# What is complained of, and the members that go then. Of rows for one field the first counts.
_COMPLAINTS: Final = (
    # `temperature` and `top_p` cannot both be specified for this model. Please use only one.
    (re.compile(r"temperature and top_p cannot both"), ("top_p",)),
    # `temperature` is deprecated for this model. · `temperature` may only be set to 1 when thinking is enabled …
    (_refused("temperature"), ("temperature",)),
    # `top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.
    (_refused("top_p"), ("top_p",)),
    # `top_k` must be unset when thinking is enabled.
    (_refused("top_k"), ("top_k",)),
    # thinking.adaptive.display: Extra inputs are not permitted
    (_refused(r"thinking\.(?:\w+\.)?display"), ("thinking.display",)),
    # adaptive thinking is not supported on this model · thinking: Input tag 'adaptive' found using 'type' does not …
    (
        re.compile(
            r"adaptive thinking is not|thinking\S* input tag adaptive|thinking\.type\.adaptive is not"
        ),
        ("thinking", "output_config.effort"),
    ),
    # Thinking may not be enabled when tool_choice forces tool use. · "thinking.type.disabled" is not supported for …
    (_refused(r"(?:extended )?thinking(?:\.\w+)*"), ("thinking",)),
    # This model does not support the effort parameter. · output_config.effort: Input should be 'low', 'medium' or …
    (_refused(r"(?:output_config\.|the )?effort(?: (?:parameter|level))?"), ("output_config.effort",)),
    # output_config.format: Extra inputs are not permitted · structured outputs are not supported …
    (_refused(r"output_config\.format(?:\.\w+)*|structured outputs?"), (_FORM,)),
    # output_config: Extra inputs are not permitted
    (_refused(r"output_config(?!\.)"), ("output_config",)),
    (_refused(r"metadata(?:\.user_id)?"), ("metadata",)),
    # tool_choice.auto.disable_parallel_tool_use: Extra inputs are not permitted
    (
        _refused(r"(?:tool_choice\.(?:\w+\.)?)?disable_parallel_tool_use"),
        ("tool_choice.disable_parallel_tool_use",),
    ),
    # messages.0.content.0.text.cache_control: Extra inputs are not permitted · … .cache_control.ephemeral.ttl: …
    (_refused(r"(?:(?:system|tools|messages)(?!\S*schema)(?:\.\w+)*\.)?cache_control(?:\.\w+)*"), (_MARK,)),
    # A maximum of 4 blocks with cache_control may be provided. Found 5.
    (re.compile(r"blocks with cache_control may be provided"), (_MARK,)),
)
# "thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" …
_NO_BUDGETS: Final = re.compile(r"thinking\.type\.enabled is not supported")


def with_other_fields(said: str, body: bytes) -> Amended | None:
    """Return a request without what is complained of in ``said``, as refusal.plain has it; None: nothing is.

    The body is one that this daemon wrote: no key is in it twice.
    """
    try:
        text = text_of(body)
        whole = outermost(text)
    except ValueError:
        return None
    if room := room_in(said):
        return _within(room, text, whole)
    thinking = only(whole, "thinking")
    if thinking is not None and _NO_BUDGETS.search(said):
        edit = Edit(thinking.at, thinking.end, _ADAPTIVE)
        return Amended("with adaptive thinking", edited(text, [edit]))
    names: dict[str, Sequence[str]] = {}
    for words, paths in _COMPLAINTS:
        if words.search(said):
            names.setdefault(paths[0].partition(".")[0], paths)
    return _left_out({path for paths in names.values() for path in paths}, text, whole)


def _left_out(paths: set[str], text: str, whole: Sequence[Element]) -> Amended | None:
    """Return a body without the members at these paths; None where there are none of them."""
    gone: list[Element] = []
    edits: list[Edit] = []
    reasons: list[str] = []
    for member in whole:
        inside = members(text, member.at)
        parts = [part for part in inside if f"{member.key}.{part.key}" in paths]
        if member.key in paths or (parts and len(parts) == len(inside)):
            gone.append(member)
        else:
            edits += without(inside, parts)
        reasons += [member.key] if member.key in paths else [f"{member.key}.{part.key}" for part in parts]
        for part in inside:
            if member.key == "output_config" and part.key == "format" and (member in gone or part in parts):
                edits.append(_asked_in_words(part, text, whole))
    if _MARK in paths and (marks := [*_marks(text, whole)]):
        edits += marks
        reasons.append(_MARK)
    if not reasons:
        return None
    return Amended("without " + ", ".join(reasons), edited(text, [*edits, *without(whole, gone)]))


def _asked_in_words(form: Element, text: str, whole: Sequence[Element]) -> Edit:
    """Return the edit that asks for a form of the answer at the end of the system prompt."""
    schema = only(members(text, form.at), "schema")
    words = in_words(text[schema.at : schema.end] if schema is not None else None)
    block = json_text.text_of({"type": "text", "text": words})
    system = only(whole, "system")
    blocks = elements(text, system.at) if system is not None else []
    if blocks:
        return Edit(blocks[-1].end, blocks[-1].end, f",{block}")
    return Edit(whole[0].start, whole[0].start, f'"system":[{block}],')


def _marks(text: str, whole: Sequence[Element]) -> Iterator[Edit]:
    """Yield the edits that take the marks for the prompt cache out, at the places where they may stand."""
    for member in whole:
        if member.key not in ("system", "tools", "messages"):
            continue
        for element in elements(text, member.at):
            inside = members(text, element.at)
            content = only(inside, "content") if member.key == "messages" else None
            for block in elements(text, content.at) if content is not None else ():
                parts = members(text, block.at)
                yield from without(parts, [part for part in parts if part.key == _MARK])
            yield from without(inside, [part for part in inside if part.key == _MARK])


def _within(room: Room, text: str, whole: Sequence[Element]) -> Amended | None:
    """Return a body with no higher limit on output than there is room for, and a budget below it."""
    limit = only(whole, "max_tokens")
    if (
        room.most is None
        or limit is None
        or not isinstance(limit.value, float)
        or not 0 < room.most < limit.value
    ):
        return None
    edits = [Edit(limit.at, limit.end, str(room.most))]
    thinking = only(whole, "thinking")
    budget = only(members(text, thinking.at), "budget_tokens") if thinking is not None else None
    if budget is not None and isinstance(budget.value, float) and budget.value >= room.most:
        less = room.most * 3 // 4
        if less < LEAST_BUDGET:
            return None
        edits.append(Edit(budget.at, budget.end, str(less)))
    return Amended(f"with max_tokens of {room.most}", edited(text, edits))
