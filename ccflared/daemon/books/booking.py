"""Gives the row of a request that has ended to all who keep, count or show it. Never waits, never fails."""

import logging

from ccflared.daemon.about import about
from ccflared.daemon.exchange import Exchange
from ccflared.daemon.house import House
from ccflared.daemon.in_words import request_words
from ccflared.wire import Entry, Inbound

log = logging.getLogger("ccflared.request")


def book(house: House, inbound: Inbound, exchange: Exchange, entry: Entry) -> None:
    """Give the row to all who keep or count it, the history first."""
    refused = entry.outcome == "refused"
    kept = bool(entry.attempts) or house.clients.unserved(inbound.client, inbound.at, refused=refused)
    capture = exchange.capture
    if kept:
        house.recorder.offer(entry)
        house.payloads.offer(capture, inbound, whole=exchange.ended)
    else:
        house.payloads.forget(capture)
    if log.isEnabledFor(logging.DEBUG):
        log.debug("%s", request_words(entry), extra=about("request", account=entry.account))
    house.live.ended(entry, has_payload=kept and capture is not None and not capture.lost)
    house.noticed.ended(entry)
    house.metrics.count(entry)
