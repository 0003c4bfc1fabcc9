"""Which addresses an upstream may have, judged on the address connected to, whatever name led there."""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from ccflared.config.reach import reach


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Why an address is not connected to, and whether it is one that ``link_local = true`` allows."""

    sentence: str
    link_local: bool


def why_forbidden(address: str, *, plain: bool) -> Forbidden | None:
    """Judge an IP address; ``plain`` where http without TLS would be spoken to it. None: nothing against it."""
    ip = parsed(address)
    away = reach(str(ip))
    if away == "link-local":
        return Forbidden(
            f"{ip} is a link-local or metadata address; set link_local = true on the account to allow it",
            link_local=True,
        )
    if plain and away == "public":
        return Forbidden(
            f"{ip} is public and would be sent the key without TLS; use https, or set insecure = true",
            link_local=False,
        )
    return None


@lru_cache(maxsize=256)
def parsed(address: str) -> IPv4Address | IPv6Address:
    """Read an address as sockets give it: without zone, an IPv4-mapped one as the IPv4 address it is."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    return ip
