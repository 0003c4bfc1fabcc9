"""Lists of models: read as Anthropic, OpenAI and others write them, and written so that both SDK families read them.

Shapes: ``GET /v1/models`` in the public references of both APIs. An entry has the fields of both: ``type`` and
``object``, ``created_at`` and ``created``. Paging is Anthropic's; OpenAI's clients know none and get everything.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal
from urllib.parse import parse_qs

from ccflared.errors import ClientError
from ccflared.formats import json_text

_MOST: Final = 1000
"""Entries of a page, as Anthropic has it. Its default of 20 would hide models from all clients that do not page."""
_MOST_READ: Final = 5000
"""Entries that are read of one list. The longest are those of routers: some hundreds."""
_LONGEST: Final = 256
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LATEST: Final = 253402300799
"""The last second of the year 9999, after which RFC 3339 has no dates."""
_DEEPEST: Final = 8
_OWNER: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Listed:
    """One model of a list. None: not told."""

    id: str
    display_name: str | None = None
    created: int | None = None
    """Seconds since 1970; never 0 or less, which APIs write where they do not know."""
    owned_by: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further fields that are passed on: context windows, capabilities, the end of its life."""


def read_list(body: bytes) -> tuple[Listed, ...]:
    """Read a list of models of either dialect: an object with ``data``, or the bare list that some write.

    What is no list has no models, and entries that are none are passed over.
    """
    try:
        value = json_text.loads(body)
    except ValueError:
        return ()
    entries = value.get("data") if isinstance(value, dict) else value
    if not isinstance(entries, list):
        return ()
    read = (_read(entry) for entry in entries[:_MOST_READ])
    return merged(model for model in read if model is not None)


def merged(models: Iterable[Listed]) -> tuple[Listed, ...]:
    """Return each model once, in order. Of several that tell of it, the first to tell a thing counts."""
    found: dict[str, Listed] = {}
    for model in models:
        known = found.get(model.id)
        found[model.id] = model if known is None else _over(known, model)
    return tuple(found.values())


def shown(names: Iterable[tuple[str, str]], told: Iterable[Listed]) -> tuple[Listed, ...]:
    """Return the entries for names, each given with the name of the model that it stands for.

    ``told`` is what is known of models; of those that are not in it the name is.
    """
    known = {model.id: model for model in merged(told)}
    return tuple(replace(known.get(meant, Listed(meant)), id=name, display_name=_title(known.get(meant), meant))
                 for name, meant in names)  # fmt: skip


def page(models: Sequence[Listed], query: bytes) -> bytes:
    """Write the page of a list that a query (``limit``, ``after_id``, ``before_id``) asks for.

    Without ``limit`` it has up to 1000 models. Raises ClientError (400).
    """
    asked = parse_qs(query.decode("ascii", "replace"), keep_blank_values=True)
    limit = _limit(asked)
    after, before = (_place(models, asked, name) for name in ("after_id", "before_id"))
    if after is not None and before is not None:
        raise _wrong("before_id", "give after_id or before_id, not both")
    if before is not None:
        start = max(0, before - limit)
        chosen, more = models[start:before], start > 0
    else:
        start = 0 if after is None else after + 1
        chosen, more = models[start : start + limit], start + limit < len(models)
    document = {
        "object": "list",
        "data": [_entry(model) for model in chosen],
        "has_more": more,
        "first_id": chosen[0].id if chosen else None,
        "last_id": chosen[-1].id if chosen else None,
    }
    return json_text.dumps(document)


def one(models: Iterable[Listed], name: str) -> bytes | None:
    """Write the entry of one model, as ``GET /v1/models/{id}`` gives it; None where there is none of the name."""
    return next((json_text.dumps(_entry(model)) for model in models if model.id == name), None)


def _read(entry: object) -> Listed | None:
    if not isinstance(entry, dict):
        return None
    name = _text(entry.get("id"))
    if name is None:
        return None
    more = {key: entry[key] for key, is_one in _KEPT.items() if key in entry and is_one(entry[key])}
    return Listed(
        name,
        # ``name`` is what routers write.
        display_name=_text(entry.get("display_name")) or _text(entry.get("name")),
        created=_seconds(entry.get("created_at")) or _seconds(entry.get("created")),
        owned_by=_text(entry.get("owned_by")),
        more=more,
    )


def _over(known: Listed, other: Listed) -> Listed:
    return Listed(
        known.id,
        known.display_name or other.display_name,
        known.created or other.created,
        known.owned_by or other.owned_by,
        {**other.more, **known.more},
    )


def _title(model: Listed | None, name: str) -> str:
    return model.display_name if model is not None and model.display_name is not None else name


def _entry(model: Listed) -> dict[str, Any]:
    created = model.created or 0
    return {
        "id": model.id,
        "type": "model",
        "object": "model",
        "display_name": model.display_name or model.id,
        # Anthropic documents the epoch for a date that is not known.
        "created_at": (_EPOCH + dt.timedelta(seconds=created)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "created": created,
        "owned_by": model.owned_by or _OWNER,
        "lifecycle": "active",
        **model.more,
    }


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_date(value: object) -> bool:
    return isinstance(value, str) and _seconds(value) is not None


def _is_stage(value: object) -> bool:
    return value in ("active", "deprecated", "retired")


def _is_object(value: object) -> bool:
    """Whether a value is an object that is not nested so deeply that it could not be written again."""
    return isinstance(value, dict) and _is_shallow(value, _DEEPEST)


def _is_shallow(value: object, depth: int) -> bool:
    match value:
        case dict():
            return depth > 0 and all(_is_shallow(inner, depth - 1) for inner in value.values())
        case list():
            return depth > 0 and all(_is_shallow(inner, depth - 1) for inner in value)
        case _:
            return True


_KEPT: Final[Mapping[str, Callable[[object], bool]]] = {
    # Anthropic's
    "max_input_tokens": _is_size,
    "max_tokens": _is_size,
    "capabilities": _is_object,
    "line": lambda value: _text(value) is not None,
    "lifecycle": _is_stage,
    "deprecated_at": _is_date,
    "retires_at": _is_date,
    # how others tell of the context window
    "context_length": _is_size,
    "context_window": _is_size,
    "max_model_len": _is_size,
    "max_completion_tokens": _is_size,
}
"""Fields that are passed on as they came, each if it is what its readers take it for."""


def _text(value: object) -> str | None:
    """Return a name fit to be shown; None for anything else."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        return None
    return value if value.isprintable() else None


def _seconds(value: object) -> int | None:
    """Return the seconds of a date in either form; None where none is told."""
    if isinstance(value, str):
        try:
            date = dt.datetime.fromisoformat(value)
        except ValueError:
            return None
        seconds = (
            (date if date.tzinfo is not None else date.replace(tzinfo=dt.UTC)) - _EPOCH
        ) // dt.timedelta(seconds=1)
    elif isinstance(value, int) and not isinstance(value, bool):
        seconds = value
    else:
        return None
    return seconds if 0 < seconds <= _LATEST else None


def _limit(asked: Mapping[str, list[str]]) -> int:
    given = asked.get("limit")
    if given is None:
        return _MOST
    text = given[-1]
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= _MOST):
        raise _wrong("limit", f"must be a number from 1 to {_MOST}")
    return int(text)


def _place(
    models: Sequence[Listed], asked: Mapping[str, list[str]], name: Literal["after_id", "before_id"]
) -> int | None:
    """Return where the model stands that a page is to begin behind or to end before; None: nothing is said of it."""
    given = asked.get(name)
    if given is None:
        return None
    place = next((at for at, model in enumerate(models) if model.id == given[-1]), None)
    if place is None:
        raise _wrong(name, "there is no such model")
    return place


def _wrong(name: str, what: str) -> ClientError:
    return ClientError(400, "invalid_request_error", f"{name}: {what}")
