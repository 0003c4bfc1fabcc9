"""Writes a request for Anthropic's Messages API: what that API defines, and only combinations that it takes.

Source: POST /v1/messages of Anthropic's API reference. What it refuses besides is said where it is heeded.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ccflared.config.quirks import Quirks
from ccflared.formats import json_text
from ccflared.formats.messages.answer_schema import fitted, in_words
from ccflared.formats.messages.cache_marks import set_marks
from ccflared.formats.messages.models import Traits, traits_of
from ccflared.formats.messages.write_blocks import text_block
from ccflared.formats.messages.write_thinking import asks_to_think, thinking_of
from ccflared.formats.messages.write_tools import Tools
from ccflared.formats.messages.write_turns import messages_of, system_and_turns, unsigned_loop
from ccflared.formats.request import Format, Request, Written

_NEEDED: Final = ("model", "max_tokens", "messages")


def write(request: Request, model: str, quirks: Quirks) -> Written:
    """Write a request to ``model``. Raises ClientError (400) for what cannot be said to it."""
    traits = traits_of(model)
    dropped = list(request.left_out)
    tools = Tools(request)
    tool_choice, demand = tools.choice(traits)
    form, wish = _form(request.format, traits, quirks)
    system, turns = system_and_turns(request)
    messages = messages_of(turns, tools, prefill=traits.prefill and not form and not asks_to_think(request))
    max_tokens = request.max_tokens or min(
        quirks.default_max_tokens, traits.most or quirks.default_max_tokens
    )
    thinking, effort = thinking_of(
        request,
        replace(traits, thinking="none") if quirks.effort == "none" else traits,
        max_tokens,
        forced=tool_choice is not None and tool_choice["type"] in ("any", "tool"),
        loop=unsigned_loop(messages),
    )
    if asks_to_think(request) and not thinking and not effort:
        dropped.append("effort")
    body = {
        "model": model,
        "max_tokens": max_tokens,
        "stream": request.stream or None,
        "system": [
            *map(text_block, system),
            *({"type": "text", "text": said} for said in (demand, wish) if said),
        ],
        "messages": messages,
        "tools": tools.listed,
        "tool_choice": tool_choice,
        **_sampling(request, traits, thinking, dropped),
        "stop_sequences": [stop for stop in request.stop if stop.strip()],
        "thinking": thinking,
        "output_config": {name: value for name, value in (("effort", effort), ("format", form)) if value},
        "metadata": {"user_id": _opaque(request.user)} if request.user else None,
    }
    taken = _taken(
        {name: value for name, value in body.items() if value not in (None, [], {})}, quirks, dropped
    )
    set_marks(taken, understood="cache_control" not in quirks.refuses)
    return Written(json_text.body_of(taken), tools.renamed, tuple(dropped))


def _form(form: Format | None, traits: Traits, quirks: Quirks) -> tuple[dict[str, Any] | None, str | None]:
    """Return the form that the answer is held to, or, where that cannot be, words that ask for it."""
    if form is None:
        return None, None
    if form.schema is None:
        return None, in_words(None)
    if traits.structured and quirks.structured and (schema := fitted(form.schema)) is not None:
        return {"type": "json_schema", "schema": schema}, None
    return None, in_words(json_text.body_of(form.schema).decode())


def _sampling(
    request: Request, traits: Traits, thinking: Mapping[str, Any] | None, dropped: list[str]
) -> dict[str, Any]:
    """Return temperature, top_p and top_k, as far as they may stand beside each other and beside thinking."""
    asked = {
        # OpenAI's temperatures go up to 2.
        "temperature": None if request.temperature is None else min(max(request.temperature, 0), 1),
        "top_p": None if request.top_p is None else min(max(request.top_p, 0), 1),
        "top_k": request.top_k,
    }
    asked = {name: value for name, value in asked.items() if value is not None}
    thinks = thinking is not None and thinking["type"] in ("adaptive", "enabled")
    if thinks or traits.sampling == "none":
        refused = set(asked)
    else:
        refused = {"top_p"} & set(asked) if traits.sampling == "one" and "temperature" in asked else set()
    dropped += sorted(refused)
    return {name: value for name, value in asked.items() if name not in refused}


def _opaque(user: str) -> str:
    """Return who it is for, unrecognisable: addresses and telephone numbers are refused as a user_id."""
    return "user_" + hashlib.sha256(json_text.sound(user).encode()).hexdigest()[:32]


def _taken(body: dict[str, Any], quirks: Quirks, dropped: list[str]) -> dict[str, Any]:
    """Return a request without what the provider refuses: fields, or members of them (``output_config.effort``)."""
    for field in quirks.refuses:
        name, _, member = field.partition(".")
        if name in _NEEDED or name not in body:
            continue
        if member:
            inner = body[name]
            if not isinstance(inner, dict) or member not in inner:
                continue
            body[name] = {key: value for key, value in inner.items() if key != member}
        if not member or not body[name]:
            del body[name]
        dropped.append(field)
    return body
