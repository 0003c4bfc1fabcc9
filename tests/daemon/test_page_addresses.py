"""Where the dashboard is reached: the nearest listener first, and never one that a browser cannot come to."""

import pytest

from ccflared.daemon.access import Door, Reach
from ccflared.daemon.page.addresses import addresses_of

ALL = frozenset({"requests", "admin", "metrics"})


def door(reach: Reach, *, tls: bool = False, base: str = "", serve: frozenset[str] = ALL) -> Door:
    return Door("as written", reach, serve, base, tls)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("listener", "bound", "url", "here"),
    [
        (door("loopback"), "127.0.0.1:8080", "http://127.0.0.1:8080/", True),
        (door("loopback"), "[::1]:8080", "http://[::1]:8080/", True),
        (door("network"), "0.0.0.0:8080", "http://127.0.0.1:8080/", True),
        (door("network"), "[::]:8080", "http://[::1]:8080/", True),
        (door("network"), "192.0.2.1:8080", "http://192.0.2.1:8080/", False),
        (door("network", tls=True), "192.0.2.1:443", "https://192.0.2.1/", False),
        (door("network", tls=True), "192.0.2.1:80", "https://192.0.2.1:80/", False),
        (door("network"), "[2001:db8::1]:80", "http://[2001:db8::1]/", False),
        (door("loopback", base="/a/b"), "127.0.0.1:1", "http://127.0.0.1:1/a/b/", True),
    ],
)
def test_an_address_is_as_a_browser_takes_it(listener: Door, bound: str, url: str, here: bool) -> None:
    (found,) = addresses_of([(listener, bound)])
    assert (found.url, found.here) == (url, here)


def test_the_nearest_comes_first() -> None:
    found = addresses_of(
        [
            (door("network"), "192.0.2.1:1"),
            (door("network"), "0.0.0.0:2"),
            (door("unix"), "unix:/run/x.sock"),
            (door("loopback", serve=frozenset({"requests"})), "127.0.0.1:3"),
            (door("loopback"), "127.0.0.1:4"),
        ]
    )
    assert [address.port for address in found] == ["4", "2", "1"]
