"""Which listeners can be reached by more than this machine, and whether anything asks for a key there.

The law (trust, contract section 4): what more than loopback can reach needs [clients], unless the file says
``allow_unauthenticated``. Decoding applies it to the file; the daemon again to the sockets it inherits.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from ccflared.config.kinds import KeyPath
from ccflared.config.model import Config
from ccflared.config.net_kinds import split_address
from ccflared.config.settings import Listen

PROTECTION_KEYS = ("listen", "base_path", "allowed_hosts", "trusted_proxies", "allow_unauthenticated")
"""The keys of [server] by which the rule judges."""

REMEDY = (
    'add who may send requests ([clients.NAME] with key = { file = "PATH" }), or, to open it to everyone on '
    "purpose, allow_unauthenticated = true in [server]"
)


_CLIENT = """\
[clients.laptop]
key = { file = "laptop.key" }
"""
_ADMIN = """\
[admin]
token = { file = "admin.token" }
"""


def lines_for(config: Config) -> str:
    """Return the TOML that a file needs before others may reach its listeners: a client, and who may administer."""
    return _CLIENT if config.admin is not None else f"{_CLIENT}\n{_ADMIN}"


@dataclass(frozen=True, slots=True)
class Exposure:
    """Why requests would be accepted from elsewhere without a key, and the key of the file that does it."""

    path: KeyPath
    why: str

    def __str__(self) -> str:
        return f"{self.why}, and nothing asks for a key: {REMEDY}"


def only_loopback(address: str) -> bool:
    """Whether an address of ``listen`` is reachable from this machine alone.

    Wildcards, unix, "systemd" are not.
    """
    parts = split_address(address)
    if parts is None:
        return False
    if parts[0] == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts[0]).is_loopback
    except ValueError:
        return False


def exposures(config: Config, listeners: Sequence[Listen] | None = None) -> tuple[Exposure, ...]:
    """Return what the protection rule objects to; empty where [clients] or allow_unauthenticated answer it.

    ``listeners`` are those really bound, where they are not the file's.
    """
    if config.clients or config.server.allow_unauthenticated:
        return ()
    bound = config.server.listen if listeners is None else tuple(listeners)
    asked = [(index, listen) for index, listen in enumerate(bound) if "requests" in listen.serve]
    found = [
        Exposure(
            ("server", "listen", index),
            f"{listen.address} can be reached by more than loopback",
        )
        for index, listen in asked
        if not only_loopback(listen.address)
    ]
    found += [
        Exposure(
            ("server", "listen", index, "base_path"), "base_path says that a reverse proxy stands in front"
        )
        for index, listen in asked
        if listen.base_path
    ]
    if asked:
        server = config.server
        behind = "says that requests come from elsewhere"
        for name, given in (
            ("base_path", server.base_path),
            ("allowed_hosts", server.allowed_hosts),
            ("trusted_proxies", server.trusted_proxies),
        ):
            if given:
                found.append(Exposure(("server", name), f"{name} {behind}"))
    return tuple(found)


def unprotected(config: Config) -> frozenset[str]:
    """Return the addresses on which anybody from elsewhere may send requests, as the file allows."""
    if config.clients or not config.server.allow_unauthenticated:
        return frozenset()
    listeners = config.server.listen
    return frozenset(x.address for x in listeners if "requests" in x.serve and not only_loopback(x.address))
