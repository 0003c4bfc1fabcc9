"""Gives the row of a request that has ended to all who keep, count or show it. Never waits, never fails."""

from ccflared.daemon.exchange import Exchange
from ccflared.daemon.house import House
from ccflared.wire import Entry, Inbound


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
    house.live.ended(entry, has_payload=kept and capture is not None and not capture.lost)
    house.noticed.ended(entry)
    house.metrics.count(entry)
