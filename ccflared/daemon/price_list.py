"""Keeps a list of prices from elsewhere, where the file names one: fetched, examined, and kept on the disk.

The owner of what was accepted last, and of ``price_list.json`` in the state directory. A list that cannot be had or
believed changes nothing but what status tells of it.
"""

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import inf
from pathlib import Path
from time import time
from typing import Final

import trio

from ccflared import __version__
from ccflared.config.load.reading import read_regular
from ccflared.config.model import PriceList
from ccflared.config.save import replace_file
from ccflared.daemon.about import about
from ccflared.daemon.upstream import Answer, Upstream
from ccflared.errors import UpstreamBroken, UpstreamError, UpstreamTimeout
from ccflared.money.price_list import LONGEST, Listed, Rejected, as_text, examined, from_document
from ccflared.money.pricing import PriceTable, shipped
from ccflared.providers.target import bare_target
from ccflared.wire import Outbound

log = logging.getLogger("ccflared.prices")

KEPT: Final = "price_list.json"
"""Its file in the state directory."""
USED: Final = 30 * 86400.0
"""Seconds for which a list is reckoned by that could not be had again."""
_AGAIN: Final = 600.0
"""Seconds after which a list is asked for again that was not to be had, or not to be believed."""
_CONNECT: Final = 10.0
_WITHIN: Final = 60.0
_LOGGED: Final = 5
"""Models named in the log whose prices have jumped."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A list that counts, where it is from, and when it was accepted: a wall-clock time."""

    url: str
    at: float
    listed: Listed
    table: PriceTable


class PriceLists:
    """What is known of price lists. Called from Trio's thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.accepted: Accepted | None = None
        self.looked_at: float | None = None
        """When a list was last asked for, or accepted by an earlier run: a wall-clock time."""
        self.error: str | None = None
        """Why the last look has brought nothing, as a clause."""
        self._asked: str | None = None
        """Where that was."""

    def read(self) -> None:
        """Take in what was accepted before this start. A file that is damaged is as good as none."""
        try:
            content, _ = read_regular(self._file, LONGEST)
            document = json.loads(content)
            listed = from_document(document)
            at, url = document["at"], document["url"]
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            log.warning(
                "%s cannot be read, so the list is asked for anew: %s",
                self._file,
                error,
                extra=about("prices"),
            )
            return
        if (
            listed is None
            or not isinstance(url, str)
            or isinstance(at, bool)
            or not isinstance(at, int | float)
        ):
            log.warning("%s is damaged, so the list is asked for anew", self._file, extra=about("prices"))
            return
        self.accepted = _accepted(url, min(float(at), time()), listed)
        self._asked, self.looked_at = url, self.accepted.at

    def table(self, given: PriceList, now: float) -> PriceTable | None:
        """Return the list that counts where the file says this; None: the shipped prices are the newest there are."""
        known = self.accepted
        if known is None or known.url != given.url or now - known.at > USED:
            return None
        return known.table

    def due(self, given: PriceList, now: float) -> float:
        """Return in how many seconds the list is to be asked for; infinite where the file names none."""
        if given.url is None:
            return inf
        if self._asked != given.url or self.looked_at is None or self.looked_at > now:
            return 0.0
        wait = given.refresh if self.error is None else min(given.refresh, _AGAIN)
        return max(0.0, self.looked_at + wait - now)

    async def look(self, given: PriceList, upstream: Upstream) -> None:
        """Ask for the list, and accept it or say why not."""
        if given.url is None:
            return
        self._asked = given.url
        before = self.accepted.listed if self.accepted and self.accepted.url == given.url else None
        try:
            document = await fetched(given.url, upstream)
        except UpstreamError as error:
            found: Listed | Rejected = Rejected(str(error))
        else:
            # The reading holds other threads up for a tenth of a second or so, once a day.
            found = await trio.to_thread.run_sync(partial(examined, document, shipped(), before))
        self.looked_at = time()
        if isinstance(found, Rejected):
            if found.reason != self.error:
                log.warning("the price list is not used: %s", found.reason, extra=about("prices"))
            self.error = found.reason
            return
        self.error = None
        self.accepted = _accepted(given.url, self.looked_at, found)
        log.info("the price list is in force: prices of %d models", len(found.prices), extra=about("prices"))
        if found.kept:
            named = ", ".join(found.kept[:_LOGGED])
            log.warning(
                "prices that have jumped are kept as they were, of %d models: %s",
                len(found.kept),
                named,
                extra=about("prices"),
            )
        await self._keep(self.accepted)

    async def _keep(self, accepted: Accepted) -> None:
        text = f'{{"url": {json.dumps(accepted.url)}, "at": {accepted.at}, {as_text(accepted.listed)[1:]}'
        try:
            await trio.to_thread.run_sync(partial(replace_file, self._file, text.encode(), mode=0o600))
        except OSError as error:
            # It counts all the same; the next start has to ask again.
            log.warning("%s cannot be written: %s", self._file, error.strerror, extra=about("prices"))


async def fetched(url: str, upstream: Upstream) -> bytes:
    """Return a document that anybody may read. No credential goes with it, and no redirect is followed.

    Raises UpstreamError.
    """
    agent = (b"user-agent", f"ccflared/{__version__}".encode())
    fields = (agent, (b"accept", b"application/json"), (b"accept-encoding", b"identity"))
    with trio.move_on_after(_WITHIN):
        answer = await upstream.send(
            Outbound("GET", url, fields, b""),
            bare_target(url),
            connect_seconds=_CONNECT,
            silent_seconds=_WITHIN,
            once=True,
        )
        with answer:
            status = answer.head.status
            if status != 200:
                hint = ": redirects are not followed" if 300 <= status < 400 else ""
                raise UpstreamBroken(f"it was answered {status}{hint}")
            return await _whole(answer)
    raise UpstreamTimeout(f"it was not there after {_WITHIN:g} s")


async def _whole(answer: Answer) -> bytes:
    pieces: list[bytes] = []
    length = 0
    while data := await answer.receive():
        length += len(data)
        if length > LONGEST:
            raise UpstreamBroken(f"it has more than {LONGEST} bytes")
        pieces.append(data)
    return b"".join(pieces)


def _accepted(url: str, at: float, listed: Listed) -> Accepted:
    date = datetime.fromtimestamp(at, UTC).date().isoformat()
    return Accepted(url, at, listed, listed.table(date))
