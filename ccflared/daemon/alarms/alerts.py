"""The alerts there are: their owner. Of what holds, each thing is told once, then not again before a while.

An alert is remembered, so that a restart neither tells it anew nor forgets it. One that has ended and whose cause comes
back within QUIET seconds goes on: what flickers is no news each time. Called from Trio's thread.
"""

import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from ccflared.daemon.about import about
from ccflared.daemon.alarms.alert import REPEATED, SEVERITIES, Alarm, Alert, alert_of, alert_text
from ccflared.store.memories import Memory

log = logging.getLogger("ccflared.alerts")

KIND: Final = "alert"
KEPT: Final = 500
QUIET: Final = 600.0


class Alerts:
    """See the module. Times are of the wall clock, and an argument."""

    def __init__(
        self,
        remember: Callable[[Memory], None],
        shown: Callable[[Alert], object],
        told: Callable[[Alert], object],
    ) -> None:
        """``shown``: called with each alert that is new or has changed; ``told``: with each that is new."""
        self._remember = remember
        self._shown = shown
        self._told = told
        self._alerts: dict[str, Alert] = {}
        """By id, in the order in which they began."""
        self._latest: dict[tuple[str, str], str] = {}
        """By type and subject, the id of the latest one."""

    def recall(self, memories: Iterable[Memory], now: float) -> None:
        """Take in the alerts of before this start."""
        before = [
            found
            for memory in memories
            if memory.kind == KIND and memory.value is not None
            if memory.key not in self._alerts and (found := alert_of(memory.key, memory.value)) is not None
        ]
        since = list(self._alerts.values())
        self._alerts = {alert.id: alert for alert in sorted((*before, *since), key=lambda alert: alert.at)}
        for alert in before:
            if alert.open and alert.alarm.key in self._latest:
                # Its cause was told of since the start already, while nobody knew of this one.
                self._change(replace(alert, resolved_at=now), now)
        self._latest = {alert.alarm.key: alert.id for alert in self._alerts.values()}
        self._tidy(now)
        for alert in self.open:
            if alert in before and not alert.posted and not alert.acknowledged:
                self._told(alert)  # the stop came before the webhook could be told

    def posted(self, alert: Alert, now: float) -> None:
        """Take in that nobody has to post an alert any more."""
        known = self._alerts.get(alert.id)
        if known is not None:
            self._keep(replace(known, posted=True), now)

    def hold(self, alarms: Iterable[Alarm], now: float, again: float) -> None:
        """Take in all that holds now: what is new is told, what has ended is resolved.

        ``again``: seconds after which what still lasts is told again, unless somebody has acknowledged it.
        """
        standing = {alarm.key: alarm for alarm in alarms}
        for alert in self.open:
            if alert.alarm.key not in standing:
                self._resolve(alert, now)
        for key, alarm in standing.items():
            known = self._alerts.get(self._latest.get(key, ""))
            if known is None:
                self._begin(alarm, now)
            elif known.open:
                lasts = not 0.0 <= now - known.at < again
                if lasts and alarm.type in REPEATED and not known.acknowledged:
                    self._change(replace(known, resolved_at=now), now)
                    self._begin(alarm, now)
            elif alarm.type not in REPEATED or 0.0 <= now - (known.resolved_at or 0.0) < QUIET:
                self._change(replace(known, resolved_at=None), now)
            else:
                self._begin(alarm, now)

    def test(self, now: float) -> Alert:
        """Make an alert that says it is a test; it has ended already, and is not told by itself."""
        alarm = Alarm(
            "test", secrets.token_hex(4), "Test of ccflared's alerts", "This is a test: alerts arrive here."
        )
        alert = Alert(_new_id(), now, alarm, resolved_at=now, posted=True)
        self._take(alert, now)
        return alert

    @property
    def open(self) -> list[Alert]:
        """The alerts whose cause still holds, the newest first."""
        return [alert for alert in reversed(self._alerts.values()) if alert.open]

    def newest(self, most: int) -> list[Alert]:
        """Return the latest alerts, the newest first."""
        return list(reversed(self._alerts.values()))[:most]

    def acknowledge(self, id_: str, now: float) -> Alert | None:
        """Take in that a person knows of an alert; None where there is none of that id."""
        alert = self._alerts.get(id_)
        if alert is not None and not alert.acknowledged:
            alert = replace(alert, acknowledged=True)
            self._change(alert, now)
        return alert

    def acknowledge_all(self, now: float) -> int:
        """Take in that a person knows of all alerts; returns of how many he did not know before."""
        new = [alert.id for alert in self._alerts.values() if not alert.acknowledged]
        for id_ in new:
            self.acknowledge(id_, now)
        return len(new)

    def _begin(self, alarm: Alarm, now: float) -> None:
        alert = Alert(_new_id(), now, alarm)
        level = logging.INFO if SEVERITIES[alarm.type] == "info" else logging.WARNING
        log.log(
            level,
            "alert: %s: %s",
            alarm.title,
            alarm.message,
            extra=about("alert", account=alarm.account, client=alarm.client),
        )
        self._take(alert, now)
        self._told(alert)

    def _resolve(self, alert: Alert, now: float) -> None:
        log.info(
            "alert is over: %s",
            alert.alarm.title,
            extra=about("alert", account=alert.alarm.account, client=alert.alarm.client),
        )
        self._change(replace(alert, resolved_at=now), now)

    def _take(self, alert: Alert, now: float) -> None:
        self._latest[alert.alarm.key] = alert.id
        self._change(alert, now)
        self._tidy(now)

    def _change(self, alert: Alert, now: float) -> None:
        self._keep(alert, now)
        self._shown(alert)

    def _keep(self, alert: Alert, now: float) -> None:
        self._alerts[alert.id] = alert
        self._remember(Memory(KIND, alert.id, alert_text(alert), now))

    def _tidy(self, now: float) -> None:
        """Forget the oldest beyond the bound, those that still hold last."""
        while len(self._alerts) > KEPT:
            alert = next((each for each in self._alerts.values() if not each.open), None)
            alert = alert or next(iter(self._alerts.values()))
            del self._alerts[alert.id]
            if self._latest.get(alert.alarm.key) == alert.id:
                del self._latest[alert.alarm.key]
            self._remember(Memory(KIND, alert.id, None, now))


def _new_id() -> str:
    return "alert_" + secrets.token_hex(8)
