"""How far away an IP address is: what may be asked without TLS, and what must not be asked at all."""

import ipaddress
from typing import Literal

Reach = Literal["loopback", "private", "link-local", "public"]

_SHARED = ipaddress.ip_network("100.64.0.0/10")
"""RFC 6598: carriers, and overlay networks such as tailnets. Private enough for http."""
_METADATA = frozenset(
    ipaddress.ip_address(address)
    for address in ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd20:ce::254")
)
"""Metadata services of clouds that are not on link-local addresses."""


def reach(address: str) -> Reach:
    """Return the class of an IP literal; metadata services count as link-local.

    Raises ValueError if it is none.
    """
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_loopback or ip.is_unspecified:
        return "loopback"
    if ip.is_link_local or ip in _METADATA:
        return "link-local"
    if ip.is_private or ip in _SHARED:
        return "private"
    return "public"


def reach_of_host(host: str) -> Reach | None:
    """Return the class of an IP literal or localhost; None for names, which are judged on connecting."""
    if host == "localhost" or host.endswith(".localhost"):
        return "loopback"
    try:
        return reach(host)
    except ValueError:
        return None
