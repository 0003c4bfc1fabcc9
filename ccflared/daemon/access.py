"""Who may do what, over which listener: the trust rules, as pure functions of facts.

Three planes that do not mix. Requests: client keys. Administration: the admin token. The control socket: whoever
can open it. Nothing here decides on a Host header what it should decide on a credential.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from hashlib import sha256
from hmac import compare_digest
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal, NoReturn
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from ccflared.config.model import Client, Config, Plane
from ccflared.daemon.addresses import parsed
from ccflared.errors import ClientError

Reach = Literal["loopback", "network", "unix", "control"]

Fields = Mapping[bytes, bytes]
"""Header fields of a request by lower-case name; of a repeated one, the first (see fields_of)."""

FORWARDING = (b"forwarded", b"via", b"x-real-ip")
_FORWARDING_PREFIX = b"x-forwarded-"
_HOST = re.compile(r"(\[[^\[\]]*\]|[^\[\]:@/?#\\\s]*)(?::[0-9]*)?")


class Denied(ClientError):  # noqa: N818 - reads as the fact it states
    """A request that may not be. ``extra``: fields of the answer; ``guess``: a wrong credential was given."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        extra: tuple[tuple[bytes, bytes], ...] = (),
        *,
        guess: bool = False,
    ) -> None:
        super().__init__(status, kind, message)
        self.extra = extra
        self.guess = guess


@dataclass(frozen=True, slots=True)
class Door:
    """What trust depends on of a listener, with the settings in force."""

    address: str
    reach: Reach
    serve: frozenset[Plane]
    base_path: str = ""
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of the connection, and whether a proxy says it speaks for somebody else."""

    address: str | None
    """IP address; None over a unix socket."""
    forwarded: bool


@dataclass(frozen=True, slots=True)
class Rights:
    """The configured rights, made ready for look-up. Keys are held as SHA-256 digests only."""

    clients: Mapping[bytes, str] | None
    """Digest of a key -> client's name; None without [clients]."""
    admin: bytes | None
    """Digest of the admin token; None where there is none or it cannot be read."""
    admin_configured: bool
    open_admin: bool
    """Whether loopback may administer without a token."""
    unauthenticated: bool
    hosts: tuple[str, ...] = ()
    origins: frozenset[str] = frozenset()
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    unix_proxy: bool = False
    pins: frozenset[str] = field(default_factory=frozenset)
    """Names of clients that may choose an account."""
    metrics: bytes | None = None
    """Digest of the token that reads /metrics alone; None where there is none or it cannot be read."""
    metrics_token: bool = False
    metrics_public: bool = False
    reachable: frozenset[str] = field(default_factory=frozenset)
    """Names of clients of which at least one key can be read."""


def fields_of(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the header fields by name. X-Forwarded-For is joined: some proxies add their line to a client's own."""
    fields: dict[bytes, bytes] = {}
    for name, value in headers:
        if name == b"x-forwarded-for" and name in fields:
            fields[name] += b", " + value
        else:
            fields.setdefault(name, value)
    return fields


def digest(key: str) -> bytes:
    """Return the SHA-256 of a key. Keys are random and long, so a plain hash hides them; a look-up takes no time."""
    return sha256(key.encode()).digest()


def open_administration(config: Config) -> bool:
    """Whether loopback administers without a token: only while nothing suggests a proxy or other people."""
    server = config.server
    mounted = server.base_path or any(listen.base_path for listen in server.listen)
    return config.admin is None and not (
        mounted or server.allowed_hosts or server.trusted_proxies or config.clients
    )


def networks(entries: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    """Read [server] trusted_proxies without its word "unix"."""
    return tuple(ip_network(entry, strict=False) for entry in entries if entry != "unix")


def peer_of(rights: Rights, address: str | None, fields: Fields) -> tuple[Peer, str]:
    """Return the peer, and the address to name in logs: behind a trusted proxy the one it forwards for."""
    forwarded = any(name in fields for name in FORWARDING) or any(
        name.startswith(_FORWARDING_PREFIX) for name in fields
    )
    named = address or "unix"
    if forwarded and trusted(rights, address):
        for hop in reversed((fields.get(b"x-forwarded-for") or b"").decode("latin-1").split(",")):
            try:
                named = str(parsed(hop.strip().strip("[]")))
            except ValueError:
                break
            if not trusted(rights, named):
                break
    return Peer(address, forwarded), named


def on_loopback(door: Door, peer: Peer) -> bool:
    """Whether listener, peer and header fields all say that the request began on this machine."""
    if door.reach != "loopback" or peer.address is None or peer.forwarded:
        return False
    return parsed(peer.address).is_loopback


def check_host(rights: Rights, door: Door, peer: Peer, fields: Fields) -> str:
    """Return the host the client meant, or raise Denied (421). Keeps DNS rebinding out.

    The control socket is exempt: no browser reaches it.
    """
    host = (fields.get(b"host") or b"").decode("latin-1").lower()
    if peer.forwarded and trusted(rights, peer.address):
        host = (fields.get(b"x-forwarded-host") or host.encode("latin-1")).decode("latin-1").lower().strip()
    name = _without_port(host)
    if door.reach == "control" or _host_allowed(rights, name):
        return host
    line = f'allowed_hosts = ["{name}"]' if name and name.isprintable() else "allowed_hosts"
    raise Denied(
        421,
        "invalid_request_error",
        f"Unknown host name. If this daemon is meant, add {line} to [server].",
    )


def admit_request(rights: Rights, door: Door, peer: Peer, host: str, fields: Fields) -> str | None:
    """Return the client's name (None where no clients are configured), or raise Denied."""
    if "requests" not in door.serve:
        not_here()
    foreign = _foreign_origin(door, peer, host, fields)
    if rights.clients is not None:
        name = _client(rights.clients, fields)
        if name is None:
            # Not to be named here: x-api-key. Claude Code shows "Not logged in" in place of a 401 that does.
            given = bool(credentials(fields))
            said = "does not know this client key" if given else "asks for a client key"
            retry = ((b"x-should-retry", b"false"),)
            raise Denied(401, "authentication_error", f"This ccflared {said}.", retry, guess=given)
        if foreign and fields.get(b"origin", b"").decode("latin-1").lower() not in rights.origins:
            raise Denied(403, "permission_error", "Web pages of other origins may not call this ccflared.")
        return name
    if foreign:
        raise Denied(403, "permission_error", "Web pages of other origins may not call this ccflared.")
    if on_loopback(door, peer) or rights.unauthenticated:
        return None
    raise Denied(
        403,
        "permission_error",
        "Without [clients] only this machine may send requests, and not through a proxy.",
        ((b"x-should-retry", b"false"),),
    )


def admit_page(door: Door, peer: Peer, host: str, fields: Fields) -> None:
    """Return if administration may be asked for here, and by whoever's web page this is; or raise Denied."""
    if "admin" not in door.serve:
        not_here()
    if door.reach != "control":
        refuse_other_pages(door, peer, host, fields)


def admit_admin(rights: Rights, door: Door, peer: Peer, host: str, fields: Fields) -> None:
    """Return if the peer may administer by what its request itself brings, or raise Denied."""
    admit_page(door, peer, host, fields)
    if door.reach != "control":
        check_admin(rights, door, peer, fields)


def refuse_other_pages(door: Door, peer: Peer, host: str, fields: Fields) -> None:
    """Raise Denied for a web page of another origin."""
    site = fields.get(b"sec-fetch-site", b"").lower()
    if _foreign_origin(door, peer, host, fields) or site in (b"cross-site", b"same-site"):
        raise Denied(403, "permission_error", "Administration is closed to other web pages.")


def check_admin(rights: Rights, door: Door, peer: Peer, fields: Fields) -> None:
    """Raise Denied unless the peer brings the admin token, or may administer without one."""
    if rights.admin_configured:
        given = credentials(fields)
        # With a token that cannot be read nobody matches: administration over TCP is closed.
        if rights.admin is not None and any(compare_digest(digest(key), rights.admin) for key in given):
            return
        raise Denied(
            401,
            "authentication_error",
            "Administration asks for the admin token: Authorization: Bearer or x-api-key.",
            ((b"www-authenticate", b"Bearer"),),
            guess=bool(given),
        )
    if rights.open_admin and on_loopback(door, peer):
        return
    raise Denied(
        403,
        "permission_error",
        "Administration over this listener needs [admin] token in ccflare.toml. "
        "On the machine itself `ccflared status` and the control socket need none.",
    )


def may_ask_for(client: Client | None, model: str) -> bool:
    """Whether the file lets a client ask for a model by this name."""
    return client is None or any(fnmatchcase(model, pattern) for pattern in client.models)


def check_expiry(config: Config, client: str | None, now: float) -> None:
    """Raise Denied (401) for a client whose day has come."""
    settings = config.clients.get(client) if client is not None else None
    if settings is not None and has_expired(config, settings, now):
        raise Denied(
            401,
            "authentication_error",
            "This client key has expired.",
            ((b"x-should-retry", b"false"),),
        )


def has_expired(config: Config, client: Client, now: float) -> bool:
    """Whether the day of a client has come: ``expires`` is the first day without access."""
    if client.expires is None:
        return False
    zone = ZoneInfo(config.timezone) if config.timezone else None
    return datetime.fromtimestamp(now, zone).date() >= client.expires


def may_use(config: Config, client: str | None, account: str) -> bool:
    """Whether the file lets a client use an account."""
    settings = config.clients.get(client) if client is not None else None
    return settings is None or any(fnmatchcase(account, pattern) for pattern in settings.accounts)


def check_passing(client: Client | None, method: str) -> None:
    """Raise Denied (403) for a request outside the pool that could get a client more than the file allows it.

    Nothing there is understood: neither which model it asks for nor what it will cost.
    """
    if client is None or method in ("GET", "HEAD", "DELETE"):
        return
    limited = [
        word for word, given in (("models", "*" not in client.models), ("a budget", client.budget)) if given
    ]
    if limited:
        said = f"This client has {' and '.join(limited)}, which nobody can see to on a path that is passed through."
        raise Denied(403, "permission_error", said, ((b"x-should-retry", b"false"),))


def pinned(rights: Rights, client: str | None, *, administers: bool, fields: Fields) -> str | None:
    """Return the account that the request asks for, None if it asks for none. Raises Denied if it may not ask."""
    pin = fields.get(b"x-ccflared-account")
    if pin is None:
        return None
    if not administers and client not in rights.pins:
        raise Denied(403, "permission_error", "This client may not choose an account (pin = true allows it).")
    return pin.decode("latin-1")


def administers(rights: Rights, door: Door, peer: Peer, host: str, fields: Fields) -> bool:
    """Whether this peer could administer, so may be told account names."""
    try:
        admit_admin(rights, door, peer, host, fields)
    except Denied:
        return False
    return True


def credentials(fields: Fields) -> list[str]:
    """Return the keys a request brings, in both forms that clients use."""
    keys = []
    if key := fields.get(b"x-api-key"):
        keys.append(key.decode("latin-1"))
    scheme, _, token = fields.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"bearer" and token.strip():
        keys.append(token.strip().decode("latin-1"))
    return keys


def knows_client(rights: Rights, fields: Fields) -> bool:
    """Whether the request brings the key of a client."""
    return rights.clients is not None and _client(rights.clients, fields) is not None


def _client(clients: Mapping[bytes, str], fields: Fields) -> str | None:
    """Return whose key it is: one look-up, however many clients there are.

    Its time tells nothing that helps to guess one. What is compared are digests, and only those whose hash, seeded
    anew at each start, is the same.
    """
    for key in credentials(fields):
        name = clients.get(digest(key))
        if name is not None:
            return name
    return None


def _foreign_origin(door: Door, peer: Peer, host: str, fields: Fields) -> bool:
    """Whether a web page of another origin asks. ``null`` is foreign; no Origin is no web page of another origin."""
    origin = fields.get(b"origin")
    if origin is None:
        return False
    try:
        parts = urlsplit(origin.decode("latin-1").lower())
    except ValueError:
        return True
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return True
    if parts.scheme == "http" and door.tls and not peer.forwarded:
        return True  # the same name without TLS: whoever sits on the way can write that page
    default = ":443" if parts.scheme == "https" else ":80"
    return parts.netloc.removesuffix(default) != host.removesuffix(default)


def _host_allowed(rights: Rights, name: str) -> bool:
    if name in ("localhost", "localhost."):
        return True
    try:
        ip_address(name.strip("[]").partition("%")[0])
    except ValueError:
        name = name.removesuffix(".")
        return any(
            name.endswith(allowed[1:]) and name != allowed[2:]
            if allowed.startswith("*.")
            else name == allowed
            for allowed in rights.hosts
        )
    return True


def _without_port(host: str) -> str:
    """Return the name or bracketed address of a Host field; "" where it is not of that form."""
    match = _HOST.fullmatch(host)
    return match[1] if match else ""


def trusted(rights: Rights, address: str | None) -> bool:
    """Whether it is a proxy's address, whose word on who asks, and how, is believed."""
    if address is None:
        return rights.unix_proxy
    try:
        ip = parsed(address)
    except ValueError:
        return False
    return any(ip.version == network.version and ip in network for network in rights.proxies)


def not_here() -> NoReturn:
    """Raise Denied (404) for what this listener does not serve."""
    raise Denied(404, "not_found_error", "This listener does not serve that.")
