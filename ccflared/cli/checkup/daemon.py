"""The running daemon: its version, its listeners, its accounts, its history, as it tells and as seen from here."""

import errno
import http.client
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ccflared import __version__
from ccflared.cli.checkup.certificates import told_certificates
from ccflared.cli.client import Answer, Daemon
from ccflared.cli.render.checks import Check
from ccflared.cli.render.document import Json
from ccflared.cli.render.health import PERSON, SERVING, health
from ccflared.cli.render.snapshot import Listener, Snapshot
from ccflared.cli.render.words import count, duration, many
from ccflared.errors import CcflaredError
from ccflared.store.integrity import advice

_CONNECT: Final = 3.0
_LOOKING: Final = 600.0
"""Seconds that the daemon may take to look through its databases."""
_AHEAD: Final = 300.0
"""Seconds by which a row may be ahead of the clock."""
_MOST: Final = 12
_SURE: Final = ("ready", "half-open")
"""States in which an account serves, as far as anybody knows."""
_BELOW: Final = "what is said below of the database and the disk may be why"
QUICK: Final = " (--full also holds its indexes against its tables)"
_EARLIEST: Final = 1_735_689_600.0
"""The first of January 2025: no clock that is right shows an earlier time."""


def daemon_checks(answer: Answer, snapshot: Snapshot, now: float) -> Iterator[Check]:
    """Yield what is to be said of the daemon that gave this status."""
    where = f"it answers at {answer.place.path} ({answer.place.why})"
    if snapshot.version != __version__:
        said = f"{where}; it is version {snapshot.version}, this command {__version__}"
        yield Check("daemon", "warn", said, "restart the daemon")
    else:
        yield Check("daemon", "ok", f"{where}, version {snapshot.version}")
    if snapshot.source.pending_restart:
        yield Check("restart", "warn", f"{', '.join(snapshot.source.pending_restart)} waits for a restart")
    if snapshot.source.refused is not None:
        yield Check(
            "reload",
            "fail",
            "the newest edit of the configuration was refused",
            "ccflared reload --log says why",
        )
    for listener in snapshot.listeners:
        yield listener_check(listener)
    yield from told_certificates(answer)
    yield from _accounts(snapshot)
    yield from _history(snapshot)
    yield from _clock(snapshot, now)


def listener_check(listener: Listener) -> Check:
    """Connect to a listener, and ask it whether it lives."""
    if listener.error:
        return Check(
            "listener",
            "fail",
            f"{listener.address} is not open: {listener.error}",
            "free the address, or name another",
        )
    try:
        status = _asked(listener)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if getattr(error, "errno", None) == errno.EADDRNOTAVAIL:
            # Bound to all addresses of a kind of which there is none, [::] where IPv6 is turned off: no fault.
            return Check("listener", "skip", f"{listener.address} waits; there is no such address here yet")
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        todo = "a firewall on this machine may be in the way"
        return Check("listener", "fail", f"{listener.address} does not answer: {why}", todo)
    if status != 200:
        return Check(
            "listener",
            "warn",
            f"{listener.address} answers /livez with status {status}: is it another program?",
        )
    reach = {"loopback": ", for this machine", "network": ", for the network"}.get(listener.reach, "")
    return Check("listener", "ok", f"{listener.address} answers{reach}{', by TLS' if listener.tls else ''}")


def _asked(listener: Listener) -> int:
    """Return the status of /livez. Raises OSError, HTTPException, ValueError."""
    if listener.address.startswith("unix:"):
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as plain:
            plain.settimeout(_CONNECT)
            plain.connect(listener.address.removeprefix("unix:"))
            if listener.tls:
                return 200
            connection = http.client.HTTPConnection("localhost", timeout=_CONNECT)
            connection.sock = plain
            return _status(connection, "/livez")
    parts = urlsplit(listener.url or f"//{listener.address}")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(parts.hostname or "", parts.hostname or "")
    path = f"{parts.path.rstrip('/')}/livez"
    if not listener.tls:
        return _status(http.client.HTTPConnection(host, parts.port, timeout=_CONNECT), path)
    # Whether the certificate is one that clients believe is not what is asked here; the name is another one anyway.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _status(http.client.HTTPSConnection(host, parts.port, timeout=_CONNECT, context=context), path)


def _status(connection: http.client.HTTPConnection, path: str) -> int:
    with closing(connection):
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status


def _accounts(snapshot: Snapshot) -> Iterator[Check]:
    """Yield each account that needs a person."""
    alone = snapshot._replace(
        listeners=(), history_ok=True, source=snapshot.source._replace(refused=None, warnings=())
    )
    needs = health(alone, __version__).needs
    for need in needs[:_MOST]:
        said, _, todo = need.partition(". Next: ")
        yield Check("accounts", "fail", said.rstrip("."), todo)
    if len(needs) > _MOST:
        yield Check("accounts", "fail", f"and {len(needs) - _MOST} more", "ccflared status")
    if not snapshot.accounts:
        yield no_account()
    elif not any(account.state in _SURE for account in snapshot.accounts):
        yield _nobody(snapshot, wrong=bool(needs))
    elif not needs:
        yield Check("accounts", "ok", f"none of {many(len(snapshot.accounts), 'account')} needs a person")


def no_account() -> Check:
    """Return what is said where there is no account."""
    todo = "ccflared account add NAME --mode MODE"
    return Check("accounts", "warn", "there is none, so nothing can be served", todo)


def _nobody(snapshot: Snapshot, *, wrong: bool) -> Check:
    """Return what is said where every account rests, is in doubt, or needs a person."""
    states = Counter(account.state for account in snapshot.accounts)
    told = ", ".join(f"{number} {state}" for state, number in states.most_common())
    todo = "ccflared account list says why, and until when"
    if any(account.state in SERVING for account in snapshot.accounts):
        return Check("accounts", "warn", f"none is ready, so the next requests may fail: {told}", todo)
    never = all(account.state in PERSON for account in snapshot.accounts)
    return Check("accounts", "fail" if wrong and never else "warn", f"none can serve now: {told}", todo)


def _history(snapshot: Snapshot) -> Iterator[Check]:
    if not snapshot.history_ok:
        why = f": {snapshot.history_error}" if snapshot.history_error else ""
        yield Check(
            "history",
            "fail",
            f"off{why}. Requests are served, but nothing is recorded",
            _BELOW,
        )
    elif snapshot.history_dropped:
        said = f"{many(snapshot.history_dropped, 'request')} could not be recorded since the start"
        yield Check("history", "warn", said, "ccflared logs --level warning may say why")
    elif snapshot.history_queued > 1000:
        yield Check(
            "history", "warn", f"{count(snapshot.history_queued)} rows wait to be written: the disk is slow"
        )
    else:
        yield Check("history", "ok", "on")


def _clock(snapshot: Snapshot, now: float) -> Iterator[Check]:
    if now < _EARLIEST:
        yield Check("clock", "fail", "the clock shows a time before this program was made", "set the clock")
    elif abs(snapshot.now - now) > 60:
        apart = duration(abs(snapshot.now - now))
        yield Check("clock", "warn", f"the daemon's clock and this one are {apart} apart")
    else:
        yield Check("clock", "ok", "the daemon's clock and this one agree")


def price_checks(answer: Answer) -> Iterator[Check]:
    """Yield whether the price list of the file, if it has one, counts."""
    prices = Json(answer.value).part("prices")
    if prices.maybe("source") is None:
        return
    what = f"costs are reckoned by the prices {prices.text('source')} of {prices.text('date')}"
    if (error := prices.maybe("error")) is not None:
        yield Check(
            "price list",
            "warn",
            f"the price list does not count: {error}; {what}",
            "see that the url of [price_list] can be reached from here; it is asked again by itself",
        )
    elif prices.text("source") != "shipped":
        yield Check("price list", "ok", what)


def latest_checks(daemon: Daemon, now: float) -> Iterator[Check]:
    """Yield whether the latest row is from a future: then the clock went back, and rows of then are out of order."""
    try:
        answer = daemon.get("/api/requests?limit=1")
    except CcflaredError:
        return
    if answer.status == 200 and isinstance(answer.value, list) and answer.value:
        at = Json(answer.value[0]).number("at")
        if at is not None and at > now + _AHEAD:
            said = f"the latest request in the history is {duration(at - now)} ahead of the clock"
            yield Check(
                "newest row",
                "warn",
                said,
                "see that the clock is right; what is ahead sorts itself out with time",
            )


def integrity_checks(daemon: Daemon, *, full: bool) -> list[Check] | None:
    """Have the daemon check its history; None where it cannot: then it is to be done from here."""
    try:
        answer = daemon.post(
            "/api/storage/integrity/check", {"kind": "full" if full else "quick"}, timeout=_LOOKING
        )
        told = Json(answer.value)
        if answer.status == 202:
            told = _outcome(daemon)
        elif answer.status == 409:
            return [Check("database", "skip", answer.complaint())]
        elif answer.status != 200 or not isinstance(answer.value, dict):
            return None
    except CcflaredError as error:
        return [Check("database", "warn", f"the daemon was not able to look: {error}")]
    match told.text("status"):
        case "ok":
            return [Check("database", "ok", f"the database is sound{QUICK if not full else ''}")]
        case "corrupt":
            todo = told.text("advice") or advice(Path("ccflared.db"))
            faults = told.texts("faults")[:_MOST] or ("the database is damaged",)
            return [Check("database", "fail", fault, todo if fault is faults[0] else "") for fault in faults]
        case status:
            return [
                Check(
                    "database",
                    "warn",
                    f"nobody knows whether the database is sound: {told.text('error') or status}",
                )
            ]


def _outcome(daemon: Daemon) -> Json:
    """Wait until the check that has been begun is done, and return how it came out. Raises CcflaredError."""
    deadline = time.monotonic() + _LOOKING
    while True:
        told = Json(daemon.get("/api/storage").value).part("integrity")
        if told.text("status") != "running" or time.monotonic() > deadline:
            return told
        time.sleep(0.3)


def storage_checks(daemon: Daemon) -> Iterator[Check]:
    """Yield what the daemon tells of retention, and whether its totals are what the rows add up to."""
    try:
        kept = daemon.get("/api/storage")
        if kept.status == 200 and (trouble := Json(kept.value).maybe("retention_error")):
            yield Check(
                "retention", "warn", f"what is too old cannot be erased: {trouble}", "ccflared logs says more"
            )
        answer = daemon.post("/api/storage/totals/check", timeout=_LOOKING)
    except CcflaredError as error:
        yield Check("totals", "warn", f"the daemon was not able to compare: {error}")
        return
    if answer.status in (404, 405):
        yield Check("totals", "skip", "this daemon does not compare them")
    elif answer.status != 200 or not isinstance(answer.value, dict):
        yield Check("totals", "warn", f"they were not compared: {answer.complaint()}")
    elif wrong := len((told := Json(answer.value)).items("differences")) + told.count("more"):
        said = f"{many(wrong, 'total is', 'totals are')} not what the rows add up to"
        yield Check("totals", "fail", said, "ccflared doctor --rebuild-totals")
    else:
        since = told.number("since")
        span = (
            ""
            if since is None
            else f", of {many(told.count('hours'), 'hour')} and {many(told.count('days'), 'day')}"
        )
        yield Check("totals", "ok", f"what the rows add up to{span}")
