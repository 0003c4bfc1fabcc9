"""Which addresses are spoken to: judged on the address itself, however it is spelled and whatever leads there."""

import pytest

from ccflared.daemon.addresses import parsed, why_forbidden
from ccflared.daemon.transport import Origin, _refuse_forbidden, _refuse_forbidden_behind_proxy
from ccflared.errors import ConnectFailed

# address, refused whatever is spoken, refused without TLS
ADDRESSES = [
    ("127.0.0.1", False, False),
    ("127.8.8.8", False, False),
    ("::1", False, False),
    ("::ffff:127.0.0.1", False, False),
    ("10.0.0.1", False, False),
    ("172.31.255.255", False, False),
    ("192.168.0.1", False, False),
    ("100.64.0.1", False, False),
    ("fd00::1", False, False),
    ("8.8.8.8", False, True),
    ("172.32.0.1", False, True),
    ("::ffff:8.8.8.8", False, True),
    ("2606:4700::1111", False, True),
    ("169.254.169.254", True, True),
    ("169.254.0.1", True, True),
    ("::ffff:169.254.169.254", True, True),
    ("::ffff:a9fe:a9fe", True, True),
    ("fe80::1", True, True),
    ("fe80::1%eth0", True, True),
    ("fd00:ec2::254", True, True),
    ("fd20:ce::254", True, True),
    ("100.100.100.200", True, True),
    ("192.0.0.192", True, True),
    ("168.63.129.16", True, True),
]


@pytest.mark.parametrize(("address", "always", "plain"), ADDRESSES)
def test_an_address_is_judged_as_what_it_is(address: str, always: bool, plain: bool) -> None:
    tls, http = why_forbidden(address, plain=False), why_forbidden(address, plain=True)
    assert (tls is not None, http is not None) == (always, plain)
    if tls is not None:
        assert tls.link_local
        assert "link_local = true" in tls.sentence
    elif http is not None:
        assert not http.link_local
        assert "insecure = true" in http.sentence


def origin(host: str, *, scheme: str = "https", insecure: bool = False, link_local: bool = False) -> Origin:
    return Origin(scheme, host, 443, None, insecure, link_local)


# scheme, insecure, link_local, address, refused
RULES = [
    ("https", False, False, "8.8.8.8", False),
    ("http", False, False, "8.8.8.8", True),
    ("http", True, False, "8.8.8.8", False),
    ("http", False, True, "8.8.8.8", True),
    ("http", False, False, "10.0.0.1", False),
    ("https", False, False, "169.254.169.254", True),
    ("https", True, False, "169.254.169.254", True),
    ("https", False, True, "169.254.169.254", False),
    ("http", False, True, "169.254.169.254", False),
]


@pytest.mark.parametrize(("scheme", "insecure", "link_local", "address", "refused"), RULES)
def test_only_the_files_own_words_open_what_is_closed(
    scheme: str, insecure: bool, link_local: bool, address: str, refused: bool
) -> None:
    place = origin(address, scheme=scheme, insecure=insecure, link_local=link_local)
    if not refused:
        _refuse_forbidden(place, address)
        _refuse_forbidden_behind_proxy(place)
        return
    with pytest.raises(ConnectFailed, match=f"^no connection: {address} is"):
        _refuse_forbidden(place, address)
    with pytest.raises(ConnectFailed, match=f"^no connection: {address} is"):
        _refuse_forbidden_behind_proxy(place)


def test_a_name_behind_a_proxy_cannot_be_judged_so_it_is_asked_over_tls_only() -> None:
    _refuse_forbidden_behind_proxy(origin("api.example"))
    _refuse_forbidden_behind_proxy(origin("api.example", scheme="http", insecure=True))
    with pytest.raises(ConnectFailed, match="http through a proxy"):
        _refuse_forbidden_behind_proxy(origin("api.example", scheme="http"))


@pytest.mark.parametrize("address", ["", "localhost", "1.2.3", "1.2.3.4:5", "[::1]", "::1::", "0x7f.1"])
def test_what_is_no_address_is_never_taken_for_one(address: str) -> None:
    with pytest.raises(ValueError):
        parsed(address)
