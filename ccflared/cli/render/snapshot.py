"""What the daemon says about itself, from the JSON of ``/api/status`` and ``/api/reload``. Pure.

An older or newer daemon may say less or more: what is missing is unknown (None, empty, 0), what is new is
left out. Every text is made fit for a terminal here, so nobody after this has to think of it.

Named tuples instead of dataclasses: ten dataclasses would take as long to make as all the rest of the
command, and a prompt may ask every second.
"""

import math
from collections.abc import Mapping
from textwrap import dedent
from typing import NamedTuple

from ccflared.cli.render.foreign import bare, bare_lines


class Mistake(NamedTuple):
    """A mistake of the file: where it is, what it is, and the line with its caret."""

    place: str
    message: str
    excerpt: tuple[str, ...]


class Verdict(NamedTuple):
    """What became of one version of the configuration."""

    number: int | None
    at: float | None
    cause: str
    applied: bool
    changes: tuple[str, ...]
    needs_restart: tuple[str, ...]
    mistakes: tuple[Mistake, ...]
    losses: tuple[str, ...]
    warnings: tuple[str, ...]


class Source(NamedTuple):
    """The configuration in force, and the newer one that was refused, if there is one."""

    file: str
    files: tuple[str, ...]
    serial: int | None
    applied_at: float | None
    cause: str
    pending_restart: tuple[str, ...]
    warnings: tuple[str, ...]
    refused: Verdict | None


class Listener(NamedTuple):
    """One address the daemon listens on, or would."""

    address: str
    url: str
    serve: tuple[str, ...]
    tls: bool
    reach: str
    error: str | None


class Account(NamedTuple):
    """One account as the router sees it; ``order`` None: not a candidate."""

    name: str
    provider: str
    priority: int | None
    tier: float | None
    order: int | None
    state: str
    reason: str | None
    until: float | None
    running: int
    last_used: float | None


class Share(NamedTuple):
    """What one account did in the last hour."""

    name: str
    requests: int
    failed_attempts: int
    output_tokens: int


class Traffic(NamedTuple):
    """The last hour. ``known`` false: the daemon cannot say."""

    known: bool
    since: float | None
    requests: int
    complete: int
    truncated: int
    error: int
    client_gone: int
    refused: int
    failovers: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    p50: float | None
    p95: float | None
    minutes: tuple[int, ...]
    """Requests a minute, the oldest first."""
    troubled: tuple[int, ...]
    """Those of them that did not end well, or needed another account."""
    accounts: tuple[Share, ...]


class Snapshot(NamedTuple):
    """The whole of ``/api/status``."""

    version: str
    pid: int | None
    started_at: float | None
    now: float
    state: str
    memory: int | None
    source: Source
    listeners: tuple[Listener, ...]
    socket: str
    accounts: tuple[Account, ...]
    clients: tuple[str, ...]
    running: int
    traffic: Traffic
    history_ok: bool
    history_error: str | None
    history_queued: int
    history_dropped: int


class _Json:
    """One JSON object, asked by key: always answers with the type asked for."""

    def __init__(self, value: object) -> None:
        self._values: Mapping[str, object] = value if isinstance(value, dict) else {}

    def text(self, key: str) -> str:
        value = self._values.get(key)
        return bare(value) if isinstance(value, str) else ""

    def maybe(self, key: str) -> str | None:
        return self.text(key) or None

    def number(self, key: str) -> float | None:
        value = self._values.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None

    def whole(self, key: str) -> int | None:
        number = self.number(key)
        return None if number is None else int(number)

    def count(self, key: str) -> int:
        return max(0, self.whole(key) or 0)

    def counts(self, key: str) -> tuple[int, ...]:
        given = self.items(key)[-60:]
        return tuple(max(0, value) if isinstance(value, int) else 0 for value in given)

    def flag(self, key: str, default: bool) -> bool:
        value = self._values.get(key)
        return value if isinstance(value, bool) else default

    def items(self, key: str) -> list[object]:
        value = self._values.get(key)
        return value if isinstance(value, list) else []

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(bare(item) for item in self.items(key) if isinstance(item, str))

    def part(self, key: str) -> "_Json":
        return _Json(self._values.get(key))

    def parts(self, key: str) -> list["_Json"]:
        return [_Json(item) for item in self.items(key) if isinstance(item, dict)]

    def raw(self, key: str) -> object:
        return self._values.get(key)


def is_status(value: object) -> bool:
    """Tell whether a JSON value looks like the status of a ccflared of any version."""
    return isinstance(value, dict) and isinstance(value.get("version"), str) and "accounts" in value


def is_verdict(value: object) -> bool:
    """Tell whether a JSON value looks like the verdict on a reload."""
    return isinstance(value, dict) and isinstance(value.get("applied"), bool)


def read_status(value: object) -> Snapshot:
    """Return the snapshot that ``/api/status`` gave."""
    top = _Json(value)
    history = top.part("history")
    return Snapshot(
        version=top.text("version"),
        pid=top.whole("pid"),
        started_at=top.number("started_at"),
        now=top.number("now") or 0.0,
        state=top.text("state"),
        memory=top.whole("memory_bytes"),
        source=_source(top.part("config")),
        listeners=tuple(_listener(item) for item in top.parts("listeners")),
        socket=top.part("control").text("socket"),
        accounts=tuple(_account(item) for item in top.parts("accounts")),
        clients=top.texts("clients"),
        running=top.count("running"),
        traffic=_traffic(top.part("traffic")),
        history_ok=history.flag("ok", default=True),
        history_error=history.maybe("error"),
        history_queued=history.count("queued"),
        history_dropped=history.count("dropped"),
    )


def read_verdict(value: object) -> Verdict:
    """Return one verdict of ``/api/reload``."""
    item = _Json(value)
    return Verdict(
        number=item.whole("number"),
        at=item.number("at"),
        cause=item.text("cause"),
        applied=item.flag("applied", default=False),
        changes=item.texts("changes"),
        needs_restart=item.texts("needs_restart"),
        mistakes=tuple(_mistake(mistake) for mistake in item.parts("mistakes")),
        losses=item.texts("losses"),
        warnings=item.texts("warnings"),
    )


def _mistake(item: _Json) -> Mistake:
    excerpt = item.raw("excerpt")
    lines = bare_lines(dedent(excerpt)) if isinstance(excerpt, str) else ()
    return Mistake(item.text("place"), item.text("message"), lines if any(lines) else ())


def _source(item: _Json) -> Source:
    refused = item.raw("refused")
    return Source(
        file=item.text("file"),
        files=item.texts("files"),
        serial=item.whole("serial"),
        applied_at=item.number("applied_at"),
        cause=item.text("cause"),
        pending_restart=item.texts("pending_restart"),
        warnings=item.texts("warnings"),
        refused=read_verdict(refused) if isinstance(refused, dict) else None,
    )


def _listener(item: _Json) -> Listener:
    return Listener(
        address=item.text("address"),
        url=item.text("url"),
        serve=item.texts("serve"),
        tls=item.flag("tls", default=False),
        reach=item.text("reach"),
        error=item.maybe("error"),
    )


def _account(item: _Json) -> Account:
    return Account(
        name=item.text("name"),
        provider=item.text("provider"),
        priority=item.whole("priority"),
        tier=item.number("tier"),
        order=item.whole("order"),
        state=item.text("state") or "unknown",
        reason=item.maybe("reason"),
        until=item.number("until"),
        running=item.count("running"),
        last_used=item.number("last_used"),
    )


def _traffic(item: _Json) -> Traffic:
    tokens, first = item.part("tokens"), item.part("first_byte_ms")
    return Traffic(
        known=item.flag("known", default=False),
        since=item.number("since"),
        requests=item.count("requests"),
        complete=item.count("complete"),
        truncated=item.count("truncated"),
        error=item.count("error"),
        client_gone=item.count("client_gone"),
        refused=item.count("refused"),
        failovers=item.count("failovers"),
        input=tokens.count("input"),
        output=tokens.count("output"),
        cache_read=tokens.count("cache_read"),
        cache_write=tokens.count("cache_write_5m") + tokens.count("cache_write_1h"),
        p50=first.number("p50"),
        p95=first.number("p95"),
        minutes=item.counts("minutes"),
        troubled=item.counts("troubled"),
        accounts=tuple(
            Share(
                share.text("name"),
                share.count("requests"),
                share.count("failed_attempts"),
                share.count("output_tokens"),
            )
            for share in item.parts("accounts")
        ),
    )
