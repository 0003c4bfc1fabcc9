"""How far away an address is: what may be asked without TLS, and what must not be asked at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.config.reach import Reach, reach, reach_of_host


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.0.1", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("0.0.0.0", "loopback"),
        ("10.1.2.3", "private"),
        ("172.16.0.1", "private"),
        ("192.168.1.1", "private"),
        ("100.64.1.2", "private"),
        ("fd12::1", "private"),
        ("169.254.169.254", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fd00:ec2::254", "link-local"),
        ("100.100.100.200", "link-local"),
        ("168.63.129.16", "link-local"),
        ("8.8.8.8", "public"),
        ("172.32.0.1", "public"),
        ("100.128.0.1", "public"),
        ("2606:4700::1", "public"),
    ],
)
def test_each_address_has_its_class(address: str, expected: Reach) -> None:
    assert reach(address) == expected
    assert reach_of_host(address) == expected


@pytest.mark.parametrize("host", ["localhost", "api.localhost"])
def test_localhost_is_loopback(host: str) -> None:
    assert reach_of_host(host) == "loopback"


@pytest.mark.parametrize("host", ["ollama", "localhost.example", "127.1", "0x7f.1", ""])
def test_names_are_judged_only_on_connecting(host: str) -> None:
    assert reach_of_host(host) is None


@given(st.ip_addresses())
def test_every_address_has_a_class(address: object) -> None:
    assert reach(str(address)) in {"loopback", "private", "link-local", "public"}
