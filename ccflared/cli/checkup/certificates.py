"""The certificates of our own listeners: whether they can be used, and how long they are valid."""

import datetime as dt
from collections.abc import Iterator

from ccflared.cli.client import Answer
from ccflared.cli.render.checks import Check
from ccflared.cli.render.document import Json
from ccflared.cli.render.words import many
from ccflared.config.load import Loaded
from ccflared.config.load.certificates import read_pair, tls_of
from ccflared.errors import Refused

SOON = 14
"""Days before its end from which a certificate is worth a warning."""


def told_certificates(answer: Answer) -> Iterator[Check]:
    """Yield what the daemon tells of those it shows; of each file once."""
    listeners = Json(answer.value).parts("listeners")
    shown = {each.part("certificate").text("file"): each.part("certificate") for each in listeners}
    for file, certificate in shown.items():
        if not file:
            continue
        if problem := certificate.maybe("problem"):
            said = f"{problem}; the one before is shown, and the new one as soon as it can be used"
            yield Check("certificate", "fail", said)
        ends = certificate.number("expires_at")
        if ends is not None:
            yield _valid(file, ends, certificate.whole("days_left") or 0)


def file_certificates(loaded: Loaded, now: float) -> Iterator[Check]:
    """Yield what is to be said of those that the file names, as they are read from here."""
    seen = set()
    for _, tls in tls_of(loaded.config):
        if tls in seen or tls in loaded.unusable:
            continue
        seen.add(tls)
        try:
            ends = read_pair(tls).ends
        except Refused:  # it has changed since it was loaded
            continue
        yield _valid(str(tls.cert), ends, int((ends - now) // 86400))


def _valid(file: str, ends: float, days: int) -> Check:
    day = dt.datetime.fromtimestamp(ends, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    if days < 0:
        return Check("certificate", "fail", f"{file} has expired on {day}; clients refuse it", "renew it")
    said = f"{file} is valid for {many(days, 'day')} more, until {day}"
    if days < SOON:
        return Check("certificate", "warn", said, "renew it; the files are watched, no restart is needed")
    return Check("certificate", "ok", said)
