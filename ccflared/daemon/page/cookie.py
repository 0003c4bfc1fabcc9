"""The cookie of a session: its name, where it is read from, and how it is set and taken back."""

import platform
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final

from ccflared.daemon.access import Rights, trusted
from ccflared.daemon.asked import Asked

_MOST: Final = 8
"""Cookies of the name that are looked at; a browser may have one for each of some paths."""


def cookie_name(state_directory: Path) -> str:
    """Return the name of a daemon's cookie: browsers tell hosts apart, not ports, and two daemons may share one."""
    place = f"{platform.node()}\0{state_directory.absolute()}"
    return "ccflared_" + sha256(place.encode(errors="surrogateescape")).hexdigest()[:8]


def given_in(headers: Iterable[tuple[bytes, bytes]], name: str) -> Iterator[str]:
    """Return the values that a request brings for a cookie, a few at most."""
    pairs = (
        pair.strip().decode("latin-1").partition("=")
        for field, value in headers
        if field == b"cookie"
        for pair in value.split(b";")
    )
    return islice((value.strip('"') for given, _, value in pairs if given == name), _MOST)


def set_cookie(rights: Rights, asked: Asked, name: str, token: str) -> tuple[bytes, bytes]:
    """Return the field that sets the cookie. It ends with the browser; the daemon says when before that."""
    return _field(rights, asked, f"{name}={token}")


def take_back(rights: Rights, asked: Asked, name: str) -> tuple[bytes, bytes]:
    """Return the field that has the cookie forgotten."""
    return _field(rights, asked, f"{name}=; Max-Age=0")


def _field(rights: Rights, asked: Asked, pair: str) -> tuple[bytes, bytes]:
    secure = "; Secure" if _over_tls(rights, asked) else ""
    path = asked.door.base_path or "/"
    return b"set-cookie", f"{pair}; Path={path}; HttpOnly; SameSite=Strict{secure}".encode("latin-1")


def _over_tls(rights: Rights, asked: Asked) -> bool:
    """Whether the browser speaks TLS: with us, with a proxy that is believed, or by its own word on its page."""
    proxied = asked.peer.forwarded and trusted(rights, asked.peer.address)
    # The first is the browser's; proxies in a row add theirs.
    scheme = (
        asked.fields.get(b"x-forwarded-proto", b"").partition(b",")[0].strip().lower() if proxied else b""
    )
    page = asked.fields.get(b"origin", b"").lower()
    return asked.door.tls or scheme == b"https" or page.startswith(b"https://")
