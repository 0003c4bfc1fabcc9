"""Posts alerts to the webhook of the file, one after the other, and again where that fails.

What waits is bounded; beyond, the oldest is lost and counted. Whatever goes wrong is a value. The URL is a secret: it
is in no sentence and in no log line.
"""

import logging
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from time import time
from typing import Final
from urllib.parse import unquote, urlsplit

import trio

from ccflared import __version__
from ccflared.config.model import Webhook as Settings
from ccflared.daemon.about import about
from ccflared.daemon.alarms.alert import Alert
from ccflared.daemon.alarms.webhook_formats import signed, spelled
from ccflared.daemon.upstream import Upstream
from ccflared.daemon.world import World
from ccflared.errors import UpstreamError
from ccflared.providers.resets import retry_after
from ccflared.providers.target import bare_target
from ccflared.wire import Head, Headers, Outbound

log = logging.getLogger("ccflared.alerts")

WAITING: Final = 64
PAUSES: Final = (5.0, 30.0, 120.0, 600.0)
"""Seconds from each try to the next; with the first there are five."""
LONGEST_PAUSE: Final = 3600.0
"""Seconds that a receiver may ask for."""
WITHIN: Final = 15.0
"""Seconds that a try may take."""
_ANSWER_READ: Final = 4096


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of one try."""

    sent: bool
    status: int | None = None
    error: str | None = None
    """A sentence without its full stop, where it was not sent."""
    again: bool = False
    """Whether trying again may help."""
    pause: float | None = None
    """Seconds that the receiver wants to be left alone for."""


@dataclass(slots=True, eq=False)
class _Delivery:
    alert: Alert
    due: float
    tries: int = 0


class Webhook:
    """See the module. One task runs :meth:`run`; the rest may be called from any task of the loop."""

    def __init__(self, world: Callable[[], World], upstream: Upstream) -> None:
        self._world = world
        self._upstream = upstream
        self.done: Callable[[Alert, float], object] = lambda _alert, _now: None
        """Called with each alert that has not to be posted any more, and the wall-clock time."""
        self._waiting: list[_Delivery] = []
        self._offered = trio.Event()
        self.lost = 0
        """Alerts that were given up, because too many waited or no try has helped."""

    @property
    def waiting(self) -> int:
        """How many alerts wait to be posted."""
        return len(self._waiting)

    def offer(self, alert: Alert) -> None:
        """Have an alert posted, if there is a webhook. Never waits, never raises."""
        if self._world().config.alerts.webhook is None:
            return
        if len(self._waiting) >= WAITING:
            self._give_up(self._waiting[0], "too many wait")
        self._waiting.append(_Delivery(alert, trio.current_time()))
        self._offered.set()

    async def run(self) -> None:
        """Post what is offered, until cancelled."""
        while True:
            due = min(self._waiting, key=lambda each: each.due, default=None)
            if due is None or due.due > trio.current_time():
                self._offered = trio.Event()
                with trio.move_on_at(float("inf") if due is None else due.due):
                    await self._offered.wait()
                continue
            if self._world().config.alerts.webhook is None:
                self._waiting.clear()  # it was taken out of the file meanwhile
                continue
            posted = await self.post(due.alert)
            if due in self._waiting:
                self._settle(due, posted)

    async def post(self, alert: Alert) -> Posted:
        """Post an alert now, once."""
        world = self._world()
        settings = world.config.alerts.webhook
        if settings is None:
            return Posted(False, error="no webhook is configured: [alerts] webhook = { url = … }")
        url = world.secrets.get(settings.url)
        if url is None:
            return Posted(
                False, error=f"its URL cannot be read: {world.secrets.problem(settings.url)}", again=True
            )
        if settings.secret is not None and world.secrets.get(settings.secret) is None:
            # Unsigned it would be thrown away, or teach somebody to take what is unsigned.
            problem = world.secrets.problem(settings.secret)
            return Posted(False, error=f"its secret cannot be read: {problem}", again=True)
        hidden = _hiding(url.reveal())
        try:
            outbound = _outbound(alert, settings, url.reveal(), world)
            with trio.fail_after(WITHIN):
                answer = await self._upstream.send(
                    outbound,
                    bare_target(outbound.url),
                    connect_seconds=WITHIN,
                    silent_seconds=WITHIN,
                    once=True,
                )
                with answer:
                    await answer.read(_ANSWER_READ, 1.0)
        except ValueError:
            return Posted(False, error="its URL is none that can be asked")
        except UpstreamError as error:
            return Posted(False, error=hidden(str(error)), again=True)
        except trio.TooSlowError:
            return Posted(False, error=f"it did not answer within {WITHIN:g} s", again=True)
        return _judged(answer.head)

    def _settle(self, delivery: _Delivery, posted: Posted) -> None:
        delivery.tries += 1
        if posted.sent:
            self._waiting.remove(delivery)
            self.done(delivery.alert, time())
        elif not posted.again or delivery.tries > len(PAUSES):
            self._give_up(delivery, posted.error or "it failed")
        else:
            pause = max(PAUSES[delivery.tries - 1], min(posted.pause or 0.0, LONGEST_PAUSE))
            delivery.due = trio.current_time() + pause
            level = logging.WARNING if delivery.tries == 1 else logging.INFO
            log.log(
                level,
                "the webhook was not told of an alert: %s; again in %g s",
                posted.error,
                pause,
                extra=about("webhook"),
            )

    def _give_up(self, delivery: _Delivery, why: str) -> None:
        self._waiting.remove(delivery)
        self.lost += 1
        self.done(delivery.alert, time())
        log.error(
            "the webhook was not told of the alert %s: %s",
            delivery.alert.alarm.title,
            why,
            extra=about("webhook"),
        )


def _outbound(alert: Alert, settings: Settings, url: str, world: World) -> Outbound:
    """Return the request that tells of an alert. Raises ValueError where the URL is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no URL")
    more, body = spelled(alert, settings.format)
    headers: Headers = (
        (b"user-agent", f"ccflared/{__version__}".encode()),
        *more,
        *signed(alert, body, world.secrets.get(settings.secret), time()),
    )
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers += ((b"authorization", b"Basic " + b64encode(pair)),)
    return Outbound(
        "POST", parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl(), headers, body
    )


def _judged(head: Head) -> Posted:
    status = head.status
    if 200 <= status < 300:
        return Posted(True, status)
    if 300 <= status < 400:
        return Posted(False, status, f"it answered {status}, and redirects are not followed")
    again = status in (408, 429) or status >= 500
    until = retry_after(head, time()) if again else None
    return Posted(
        False,
        status,
        f"it answered {status}",
        again=again,
        pause=None if until is None else max(0.0, until - time()),
    )


def _hiding(url: str) -> Callable[[str], str]:
    """Return what takes the URL, and all of it that tells where it leads, out of a sentence."""
    parts = urlsplit(url)
    told = [url, parts.netloc, parts.hostname or "", parts.path if len(parts.path) > 1 else "", parts.query]
    pattern = re.compile(
        "|".join(re.escape(each) for each in sorted(filter(None, told), key=len, reverse=True))
    )
    return lambda text: pattern.sub("…", text)
