"""The routes about the history's files: what they take, retention, integrity, totals against rows, backups."""

import re
import sqlite3
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any, Final

from ccflared.api.calls import Call, reply
from ccflared.api.legacy_usage import iso
from ccflared.api.route import Route, Schema
from ccflared.daemon.answers import Reply
from ccflared.daemon.books.upkeep import AlreadyRunning, Checked
from ccflared.errors import ClientError, Refused
from ccflared.store import integrity
from ccflared.store.retention import Files
from ccflared.store.storage import Facts, facts, row_counts
from ccflared.store.trouble import sentence

_COUNTING: Final = 30.0
"""Seconds that the rows of every table may take to be counted."""


async def storage(call: Call) -> Reply:
    """Answer what the files take and hold. What is known of the database is null where it cannot be read."""
    upkeep, house = call.running.upkeep, call.running.house
    known: Facts | None = None
    error = house.recorder.state.error
    found = Files()
    try:
        found = await upkeep.sweeper.files()
        known = await house.archive.ask(facts, same="storage")
    except (sqlite3.Error, OSError) as trouble:
        error = error or house.archive.words(trouble)
    kept = house.world.config.storage
    swept, checked = upkeep.sweeper.last, upkeep.checked
    return reply(
        200,
        {
            "directory": str(upkeep.database.parent),
            "error": error,
            "bytes": found.total,
            "db_bytes": found.database,
            "wal_bytes": found.wal,
            "payloads_bytes": found.payloads + found.payloads_wal,
            "copies_bytes": found.copies,
            "payload_count": await upkeep.payload_count(),
            "max_size": kept.max_size,
            "keep_requests": kept.keep_requests,
            "keep_payloads": kept.keep_payloads,
            "retention_error": upkeep.sweeper.error,
            "last_sweep": None if swept is None else asdict(swept),
            "integrity": _integrity(upkeep.checking, checked),
            **_known(known),
        },
    )


def _known(found: Facts | None) -> dict[str, Any]:
    names = ("rows", "oldest_row", "newest_row", "deleted_before", "totals_since", "uncounted")
    told: dict[str, Any] = {name: getattr(found, name) if found else None for name in names}
    told |= {f"{name}_at": iso(told[name]) for name in ("oldest_row", "newest_row")}
    pages = found.pages if found else None
    return told | {
        "page_size": pages.size if pages else None,
        "pages": pages.count if pages else None,
        "free_pages": pages.free if pages else None,
    }


def _integrity(running: bool, checked: Checked | None) -> dict[str, Any]:
    """Return how the last integrity check came out."""
    status = "unchecked"
    if running:
        status = "running"
    elif checked is not None:
        status = "unknown" if checked.error else "corrupt" if checked.faults else "ok"
    return {
        "status": status,
        "kind": checked.kind if checked else None,
        "at": checked.at if checked else None,
        "seconds": round(checked.seconds, 3) if checked else None,
        "faults": list(checked.faults) if checked else [],
        "error": checked.error if checked else None,
    }


async def _check(call: Call) -> Reply:
    kind = call.body.get("kind", "quick")
    if kind not in ("quick", "full"):
        raise ClientError(400, "invalid_request_error", 'kind: "quick" or "full" is expected.')
    upkeep = call.running.upkeep
    try:
        checked = await upkeep.check(full=kind == "full")
    except AlreadyRunning as error:
        raise _conflict(error) from error
    told = _integrity(upkeep.checking, checked or upkeep.checked)
    if checked is not None and checked.faults:
        told["advice"] = integrity.advice(upkeep.database)
    return reply(202 if checked is None else 200, told)


async def _cleanup(call: Call) -> Reply:
    upkeep, house = call.running.upkeep, call.running.house
    keep = house.world.config.storage.keep_payloads
    try:
        payloads = await house.payloads.drop_old()
        swept = await upkeep.sweeper.sweep()
        counts = await house.archive.ask(row_counts, seconds=_COUNTING)
        size = (await upkeep.sweeper.files()).database
    except (sqlite3.Error, OSError, Refused) as error:
        raise _failed(call, error) from error
    return reply(
        200,
        {
            "removedRequests": swept.rows,
            "removedPayloads": payloads,
            "requestCutoffIso": iso(swept.cutoff),
            "payloadCutoffIso": iso(swept.at - keep),
            "dbSizeBytes": size,
            "tableRowCounts": [{"name": name, "rowCount": rows} for name, rows in counts.items()],
        },
    )


async def _check_totals(call: Call) -> Reply:
    try:
        found = await call.running.upkeep.check_totals()
    except AlreadyRunning as error:
        raise _conflict(error) from error
    except (sqlite3.Error, OSError) as error:
        raise _failed(call, error) from error
    return reply(200, asdict(found))


async def _rebuild_totals(call: Call) -> Reply:
    begun = monotonic()
    try:
        days, rows = await call.running.upkeep.rebuild_totals()
    except AlreadyRunning as error:
        raise _conflict(error) from error
    except (sqlite3.Error, OSError, Refused) as error:
        raise _failed(call, error) from error
    return reply(200, {"days": days, "rows": rows, "seconds": round(monotonic() - begun, 3)})


async def _back_up(call: Call) -> Reply:
    target = call.body.get("path")
    # Half of a surrogate pair, which JSON can say, stands in no path.
    if not isinstance(target, str) or not target.startswith("/") or re.search("[\0\ud800-\udfff]", target):
        raise ClientError(400, "invalid_request_error", "path: an absolute path to a file is expected.")
    flags = {name: call.body.get(name, False) for name in ("force", "payloads")}
    if any(not isinstance(value, bool) for value in flags.values()):
        raise ClientError(400, "invalid_request_error", "force, payloads: true or false is expected.")
    begun = monotonic()
    try:
        made = await call.running.upkeep.back_up(Path(target), **flags)
    except AlreadyRunning as error:
        raise _conflict(error) from error
    except Refused as error:
        raise ClientError(409, "invalid_request_error", f"{error}.") from error
    except (sqlite3.Error, OSError) as error:
        raise _failed(call, error, Path(target)) from error
    told = {"path": target, "bytes": sum(made.values()), "seconds": round(monotonic() - begun, 3)}
    return reply(200, told | {"files": [{"path": str(path), "bytes": size} for path, size in made.items()]})


def _conflict(error: AlreadyRunning) -> ClientError:
    return ClientError(409, "invalid_request_error", str(error))


def _failed(call: Call, error: sqlite3.Error | OSError | Refused, path: Path | None = None) -> ClientError:
    said = sentence(error, path or call.running.upkeep.database)
    return ClientError(503, "api_error", f"{said[:1].upper()}{said[1:]}.")


_NUMBER: Final[Schema] = {"type": ["number", "null"]}
_WHOLE: Final[Schema] = {"type": "integer"}
_TEXT: Final[Schema] = {"type": ["string", "null"]}


def _object(**fields: Schema) -> Schema:
    return {"type": "object", "properties": fields, "required": list(fields)}


_INTEGRITY: Final[Schema] = _object(
    status={"enum": ["unchecked", "running", "ok", "corrupt", "unknown"]},
    kind={"enum": ["quick", "full", None]},
    at=_NUMBER,
    seconds=_NUMBER,
    faults={"type": "array", "items": {"type": "string"}},
    error=_TEXT,
)
_STORAGE: Final[Schema] = _object(
    directory={"type": "string"},
    error=_TEXT,
    bytes=_WHOLE,
    db_bytes=_WHOLE,
    wal_bytes=_WHOLE,
    payloads_bytes=_WHOLE,
    copies_bytes=_WHOLE,
    payload_count={"type": ["integer", "null"]},
    max_size=_WHOLE,
    keep_requests={"type": "number"},
    keep_payloads={"type": "number"},
    retention_error=_TEXT,
    last_sweep={"type": ["object", "null"]},
    integrity=_INTEGRITY,
    rows={"type": ["integer", "null"]},
    oldest_row=_NUMBER,
    newest_row=_NUMBER,
    deleted_before=_NUMBER,
    totals_since=_NUMBER,
    uncounted={"type": ["boolean", "null"]},
    oldest_row_at=_TEXT,
    newest_row_at=_TEXT,
    page_size={"type": ["integer", "null"]},
    pages={"type": ["integer", "null"]},
    free_pages={"type": ["integer", "null"]},
)
_CLEANED: Final[Schema] = _object(
    removedRequests=_WHOLE,
    removedPayloads=_WHOLE,
    requestCutoffIso=_TEXT,
    payloadCutoffIso=_TEXT,
    dbSizeBytes=_WHOLE,
    tableRowCounts={"type": "array", "items": _object(name={"type": "string"}, rowCount=_WHOLE)},
)
_TOTALS: Final[Schema] = _object(
    hours=_WHOLE,
    days=_WHOLE,
    differences={"type": "array", "maxItems": 20, "items": {"type": "object"}},
    more=_WHOLE,
    since=_NUMBER,
)
_REBUILT: Final[Schema] = _object(days=_WHOLE, rows=_WHOLE, seconds={"type": "number"})
_COPIED: Final[Schema] = _object(
    path={"type": "string"},
    bytes=_WHOLE,
    seconds={"type": "number"},
    files={"type": "array", "items": _object(path={"type": "string"}, bytes=_WHOLE)},
)

ROUTES: Final = (
    Route(
        "GET",
        "/api/storage",
        storage,
        "What the history's files take, and since when there are rows and totals.",
        gives={200: _STORAGE},
    ),
    Route(
        "POST",
        "/api/storage/integrity/check",
        _check,
        "Check the history's file: quickly, with the result as the answer (200), or in full, begun with this (202).",
        "state",
        body={"type": "object", "properties": {"kind": {"enum": ["quick", "full"], "default": "quick"}}},
        gives={200: _INTEGRITY, 202: _INTEGRITY},
    ),
    Route(
        "POST",
        "/api/maintenance/cleanup",
        _cleanup,
        "Delete now what [storage] says is too old or too much.",
        "state",
        gives={200: _CLEANED},
    ),
    Route(
        "POST",
        "/api/storage/totals/check",
        _check_totals,
        "Hold the totals against the rows, of the hours and days that all rows are still there of.",
        "state",
        gives={200: _TOTALS},
    ),
    Route(
        "POST",
        "/api/storage/totals/rebuild",
        _rebuild_totals,
        "Make the totals of these hours and days anew from the rows; older ones stay as they are.",
        "state",
        gives={200: _REBUILT},
    ),
    Route(
        "POST",
        "/api/storage/backup",
        _back_up,
        "Copy the history, and with payloads these, to new files on the daemon's machine.",
        "control",
        body={
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "force": {"type": "boolean", "default": False},
                "payloads": {"type": "boolean", "default": False},
            },
            "required": ["path"],
        },
        gives={200: _COPIED},
    ),
)
