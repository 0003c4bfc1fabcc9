"""The certificates of our own listeners: what each shows to new connections, and when it is renewed.

A pair of certificate and key is read whenever the configuration is, which is whenever one of the files changes. What
cannot be used, such as a pair of which one half is written, never replaces what is in force: it is told, and taken
as soon as it fits. Connections keep the context that they began with.
"""

import datetime as dt
import logging
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ccflared.config.load.certificates import Read, read_pair, use_pair
from ccflared.config.model import Tls
from ccflared.daemon.about import about
from ccflared.errors import Refused

log = logging.getLogger("ccflared.certificates")

ALPN: Final = ("h2", "http/1.1")
SOON: Final = 14
"""Days before its end from which a certificate is worth a warning: one that renews itself was renewed long before."""
_DAY: Final = 86400.0


@dataclass(eq=False, slots=True)
class Certificate:
    """One pair of files, and what of it is shown. Shared by the listeners that name these files."""

    tls: Tls
    read: Read
    context: ssl.SSLContext
    places: tuple[str, ...] = ()
    """The addresses that show it."""
    problem: str | None = None
    """Why what lies in the files now is not shown."""

    @property
    def whose(self) -> str:
        """Which one it is, for people."""
        return f"certificate of {', '.join(self.places)}"

    def days_left(self, now: float) -> int:
        """Return the whole days until its end; negative once it has ended."""
        return int((self.read.ends - now) // _DAY)

    def document(self, now: float) -> dict[str, Any]:
        """Return it as the API gives it."""
        return {
            "file": str(self.tls.cert),
            "expires_at": self.read.ends,
            "days_left": self.days_left(now),
            "problem": self.problem,
        }

    def warning(self, now: float) -> str | None:
        """Return what a person should know of it; None: nothing is wrong."""
        until = f"{self.tls.cert} {_until(self.read.ends, now)}"
        if self.problem:
            before = f"The one before is shown, which {_until(self.read.ends, now)}"
            return f"{self.whose}: {self.problem}. {before}. The new one is taken as soon as it can be used"
        if self.days_left(now) >= SOON and self.read.begins <= now:
            return None
        if self.read.begins > now:
            until = f"{self.tls.cert} is valid only from {_day(self.read.begins)} on; is the clock right?"
        return f"{self.whose}: {until}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """Certificates as they are to be: read already, not yet in force."""

    all: Mapping[Tls, Certificate]
    fresh: Mapping[Tls, tuple[Read, ssl.SSLContext]]
    """Renewals of those that are in force."""
    problems: Mapping[Tls, str]


class Certificates:
    """See the module. Called from Trio's thread."""

    def __init__(self) -> None:
        self._in_force: dict[Tls, Certificate] = {}
        self._told: tuple[str, ...] = ()

    def prepare(self, named: Iterable[Tls], now: float) -> Prepared:
        """Read the pairs. Raises Refused where one that is not in force cannot be used; has then changed nothing."""
        every: dict[Tls, Certificate] = {}
        fresh: dict[Tls, tuple[Read, ssl.SSLContext]] = {}
        problems: dict[Tls, str] = {}
        for tls in dict.fromkeys(named):
            known = self._in_force.get(tls)
            if known is None:
                every[tls] = Certificate(tls, *_made(tls))
                continue
            every[tls] = known
            try:
                # The same again would only make clients do whole handshakes where a ticket is enough.
                if read_pair(tls).digest != known.read.digest:
                    read, context = _made(tls)
                    if read.ends <= now < known.read.ends:
                        problems[tls] = f"what lies there now, {tls.cert}, {_until(read.ends, now)}"
                    else:
                        fresh[tls] = read, context
            except Refused as error:
                problems[tls] = str(error)
        return Prepared(every, fresh, problems)

    def apply(self, prepared: Prepared, places: Iterable[tuple[Tls, str]]) -> list[str]:
        """Put prepared ones in force, for the addresses that show each; return what was renewed, in words."""
        shown: dict[Tls, list[str]] = {}
        for tls, address in places:
            shown.setdefault(tls, []).append(address)
        self._in_force = dict(prepared.all)
        for tls, certificate in self._in_force.items():
            certificate.places = tuple(dict.fromkeys(shown.get(tls, ())))
            certificate.problem = prepared.problems.get(tls)
            if tls in prepared.fresh:
                certificate.read, certificate.context = prepared.fresh[tls]
        renewed = [self._in_force[tls] for tls in prepared.fresh]
        return [f"{each.whose}: renewed, valid until {_day(each.read.ends)}" for each in renewed]

    def __iter__(self) -> Iterator[Certificate]:
        """Yield those in force."""
        yield from self._in_force.values()

    def warnings(self, now: float) -> tuple[str, ...]:
        """Return what a person should know of them."""
        return tuple(said for each in self if (said := each.warning(now)))

    def tell(self, now: float) -> None:
        """Log what a person should know of them and was not told: of an end that comes near, once a day."""
        told = self.warnings(now)
        for said in told:
            if said not in self._told:
                log.warning("%s", said, extra=about("certificate"))
        self._told = told

    def mended(self, now: float) -> list[Tls]:
        """Return those whose files could not be used and can be now, though they look as before: the clock was put."""
        doubted = [each.tls for each in self if each.problem]
        return [tls for tls in doubted if tls not in self.prepare([tls], now).problems]


def _made(tls: Tls) -> tuple[Read, ssl.SSLContext]:
    """Read a pair, and make a context that shows it. Raises Refused."""
    read = read_pair(tls)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(list(ALPN))
    use_pair(context, tls)
    if read_pair(tls).digest != read.digest:
        raise Refused(f"{tls.cert} or {tls.key} is just being written")
    return read, context


def _until(ends: float, now: float) -> str:
    if ends <= now:
        return f"has expired on {_day(ends)}; clients refuse it: renew it"
    days = int((ends - now) // _DAY)
    left = "in less than a day" if days == 0 else "in 1 day" if days == 1 else f"in {days} days"
    return f"expires {left}, on {_day(ends)}"


def _day(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
