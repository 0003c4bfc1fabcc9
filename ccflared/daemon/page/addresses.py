"""Where the dashboard is reached: the addresses of listeners that serve administration, the nearest first. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from ccflared.daemon.access import Door, Reach

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}


@dataclass(frozen=True, slots=True)
class Address:
    """One address, as a browser takes it. ``here``: it leads there on the machine itself alone."""

    url: str
    host: str
    port: str
    here: bool
    reach: Reach


def addresses_of(bound: Iterable[tuple[Door, str]]) -> list[Address]:
    """Return the dashboard's addresses, given listeners with the addresses that they are really bound to."""
    found = [
        _address(door, host_and_port)
        for door, host_and_port in bound
        if "admin" in door.serve and door.reach not in ("unix", "control")
    ]
    return sorted(found, key=lambda address: (address.reach != "loopback", not address.here))


def _address(door: Door, host_and_port: str) -> Address:
    host, _, port = host_and_port.rpartition(":")
    everywhere = _WILDCARDS.get(host)
    scheme, usual = ("https", "443") if door.tls else ("http", "80")
    host = everywhere or host
    place = host if port == usual else f"{host}:{port}"
    here = everywhere is not None or door.reach == "loopback"
    return Address(f"{scheme}://{place}{door.base_path}/", host, port, here, door.reach)
