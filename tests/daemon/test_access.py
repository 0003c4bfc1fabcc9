"""The trust rules as pure functions: who is at the other end, which host is meant, whose page asks, what a path means."""

import datetime as dt
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.config.model import Admin, Client, Config, Listen, Server
from ccflared.daemon import cors, paths
from ccflared.daemon.access import (
    Denied,
    Door,
    Peer,
    Rights,
    administers,
    admit_admin,
    admit_request,
    check_expiry,
    check_host,
    credentials,
    digest,
    fields_of,
    networks,
    on_loopback,
    open_administration,
    peer_of,
    pinned,
)
from ccflared.daemon.paths import Place, below, place_of, well_formed

RIGHTS = Rights(
    clients={digest("ck-laptop"): "laptop"},
    admin=digest("admin-token"),
    admin_configured=True,
    open_admin=False,
    unauthenticated=False,
)
OPEN = replace(RIGHTS, clients=None, admin=None, admin_configured=False, open_admin=True)
PLANES = frozenset({"requests", "admin", "metrics"})
DOOR = Door("127.0.0.1:8080", "loopback", PLANES)  # type: ignore[arg-type]
NETWORK = replace(DOOR, reach="network")
HERE = Peer("127.0.0.1", forwarded=False)
THERE = Peer("192.0.2.7", forwarded=False)


def fields(**given: str) -> dict[bytes, bytes]:
    return {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in given.items()}


# -- who is at the other end

PROXIED = replace(RIGHTS, proxies=networks(("10.0.0.0/8", "fd00::/8", "127.0.0.1", "unix")), unix_proxy=True)

# rights, address, X-Forwarded-For, who is named in logs
CHAINS: list[tuple[Rights, str | None, str, str]] = [
    (PROXIED, "10.0.0.1", "203.0.113.9", "203.0.113.9"),
    (PROXIED, "10.0.0.1", " 203.0.113.9 ", "203.0.113.9"),
    (PROXIED, "10.0.0.1", "1.2.3.4, 203.0.113.9", "203.0.113.9"),
    (PROXIED, "10.0.0.1", "1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
    (PROXIED, "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
    (PROXIED, "10.0.0.1", "2001:db8::1", "2001:db8::1"),
    (PROXIED, "10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
    (PROXIED, "10.0.0.1", "2001:DB8:0:0::1", "2001:db8::1"),
    (PROXIED, "10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
    (PROXIED, "10.0.0.1", "fe80::1%eth0", "fe80::1"),
    (PROXIED, "::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
    (PROXIED, "fd00::5%eth0", "203.0.113.9", "203.0.113.9"),
    (PROXIED, None, "203.0.113.9", "203.0.113.9"),
    # what is no address is not believed, nor anything before it
    (PROXIED, "10.0.0.1", "", "10.0.0.1"),
    (PROXIED, "10.0.0.1", "unknown", "10.0.0.1"),
    (PROXIED, "10.0.0.1", "203.0.113.9:4711", "10.0.0.1"),
    (PROXIED, "10.0.0.1", "[2001:db8::1]:4711", "10.0.0.1"),
    (PROXIED, "10.0.0.1", "1.2.3.4, unknown, 10.0.0.2", "10.0.0.2"),
    (PROXIED, "10.0.0.1", "\xff\x00,", "10.0.0.1"),
    # who is not trusted speaks for nobody else
    (PROXIED, "192.0.2.7", "203.0.113.9", "192.0.2.7"),
    (RIGHTS, "10.0.0.1", "203.0.113.9", "10.0.0.1"),
    (PROXIED, "no address", "203.0.113.9", "no address"),
    (RIGHTS, None, "203.0.113.9", "unix"),
    (replace(PROXIED, unix_proxy=False), None, "203.0.113.9", "unix"),
]


@pytest.mark.parametrize(("rights", "address", "chain", "named"), CHAINS)
def test_a_chain_of_proxies_is_believed_as_far_as_each_is_trusted(
    rights: Rights, address: str | None, chain: str, named: str
) -> None:
    assert peer_of(rights, address, fields(x_forwarded_for=chain)) == (Peer(address, forwarded=True), named)


@pytest.mark.parametrize("name", ["forwarded", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-anything"])
def test_any_word_of_forwarding_means_that_somebody_else_may_be_behind(name: str) -> None:
    peer, named = peer_of(RIGHTS, "127.0.0.1", {name.encode(): b""})
    assert (peer.forwarded, named) == (True, "127.0.0.1")
    assert not on_loopback(DOOR, peer)


def test_without_such_a_word_the_peer_is_who_it_is() -> None:
    assert peer_of(PROXIED, "127.0.0.1", fields(host="x", x_forwardedfor="1.2.3.4")) == (HERE, "127.0.0.1")
    assert peer_of(RIGHTS, None, {}) == (Peer(None, forwarded=False), "unix")


def test_a_proxy_that_adds_a_line_of_its_own_is_heard_above_the_clients() -> None:
    brought = [
        (b"x-forwarded-for", b"10.9.9.9, 1.2.3.4"),
        (b"host", b"a"),
        (b"x-forwarded-for", b"203.0.113.9"),
    ]
    joined = fields_of([*brought, (b"host", b"b")])
    assert joined == {b"x-forwarded-for": b"10.9.9.9, 1.2.3.4, 203.0.113.9", b"host": b"a"}
    assert peer_of(PROXIED, "10.0.0.1", joined)[1] == "203.0.113.9"


def test_networks_are_read_with_and_without_a_prefix_and_unix_is_none() -> None:
    assert networks(("10.0.0.1", "unix", "fd00::/8", "192.168.1.9/24")) == (
        ip_network("10.0.0.1/32"),
        ip_network("fd00::/8"),
        ip_network("192.168.1.0/24"),
    )


LOOPBACK = [
    (DOOR, "127.0.0.1", True),
    (DOOR, "127.4.5.6", True),
    (DOOR, "::1", True),
    (DOOR, "::ffff:127.0.0.1", True),
    (DOOR, "192.0.2.7", False),
    (DOOR, "::ffff:192.0.2.7", False),
    (DOOR, "fe80::1%lo", False),
    (DOOR, None, False),
    (NETWORK, "127.0.0.1", False),
    (replace(DOOR, reach="unix"), "127.0.0.1", False),
    (replace(DOOR, reach="control"), "127.0.0.1", False),
]


@pytest.mark.parametrize(("door", "address", "loopback"), LOOPBACK)
def test_loopback_is_listener_and_peer(door: Door, address: str | None, loopback: bool) -> None:
    assert on_loopback(door, Peer(address, forwarded=False)) is loopback
    assert not on_loopback(door, Peer(address, forwarded=True))


# -- which host is meant

NAMED = replace(RIGHTS, hosts=("ccflare.example", "*.home.example"))

HOSTS = [
    ("localhost", True),
    ("LocalHost:8080", True),
    ("localhost.", True),
    ("localhost:", True),
    ("127.0.0.1", True),
    ("127.0.0.1:8080", True),
    ("8.8.8.8", True),
    ("[::1]", True),
    ("[::1]:8080", True),
    ("[fe80::1%25eth0]:1", True),
    ("[::ffff:127.0.0.1]", True),
    ("ccflare.example", True),
    ("CCFLARE.example.:443", True),
    ("a.home.example", True),
    ("a.b.home.example:1", True),
    ("", False),
    (":8080", False),
    ("home.example", False),
    ("xhome.example", False),
    ("evil.example", False),
    ("ccflare.example.evil.example", False),
    ("localhost.evil.example", False),
    ("127.0.0.1.nip.example", False),
    ("sub.localhost", False),
    ("127.1", False),
    ("0x7f000001", False),
    ("2130706433", False),
    ("::1", False),
    ("[", False),
    ("[]", False),
    ("[::1", False),
    ("[::1]evil.example", False),
    ("[::1].evil.example", False),
    ("[localhost]", False),
    ("127.0.0.1]", False),
    ("[127.0.0.1", False),
    ("localhost:80@evil.example", False),
    ("user@localhost", False),
    ("localhost:evil", False),
    ("localhost:80:80", False),
    ("localhost/x", False),
    ("localhost#x", False),
    ("localhost?x", False),
    ("local host", False),
    ("localhost, evil.example", False),
    ("127.0.0.1\\evil.example", False),
    ("\xe9.example", False),
    ("\x00", False),
]


@pytest.mark.parametrize(("host", "known"), HOSTS)
def test_a_host_is_a_literal_localhost_or_named_in_the_file(host: str, known: bool) -> None:
    if known:
        assert check_host(NAMED, DOOR, HERE, fields(host=host)) == host.lower()
    else:
        with pytest.raises(Denied) as caught:
            check_host(NAMED, DOOR, HERE, fields(host=host))
        assert caught.value.status == 421
    assert check_host(NAMED, replace(DOOR, reach="control"), HERE, fields(host=host)) == host.lower()


@given(st.text(st.characters(max_codepoint=255), max_size=30))
def test_no_host_is_too_strange_to_be_judged(host: str) -> None:
    denied = None
    try:
        check_host(NAMED, DOOR, HERE, fields(host=host))
    except Denied as error:
        denied = error
    assert denied is None or str(denied).isprintable()


def test_a_request_without_a_host_is_not_answered() -> None:
    with pytest.raises(Denied):
        check_host(NAMED, DOOR, HERE, {})


def test_an_unknown_host_is_told_which_line_would_make_it_known_unless_it_is_garbage() -> None:
    with pytest.raises(Denied, match=r'add allowed_hosts = \["evil\.example"\] to'):
        check_host(NAMED, DOOR, HERE, fields(host="EVIL.example:443"))
    with pytest.raises(Denied, match="add allowed_hosts to"):
        check_host(NAMED, DOOR, HERE, fields(host="[::1]evil"))


def test_only_a_trusted_proxy_names_the_host_in_another_field() -> None:
    asked = fields(host="127.0.0.1", x_forwarded_host=" CCFLARE.example ")
    rights = replace(NAMED, proxies=networks(("10.0.0.1",)))
    assert check_host(rights, DOOR, Peer("10.0.0.1", forwarded=True), asked) == "ccflare.example"
    assert check_host(rights, DOOR, Peer("10.0.0.2", forwarded=True), asked) == "127.0.0.1"
    assert check_host(rights, DOOR, Peer("10.0.0.1", forwarded=True), fields(host="localhost")) == "localhost"
    for two in ("evil.example", "ccflare.example, evil.example"):
        with pytest.raises(Denied):
            check_host(rights, DOOR, Peer("10.0.0.1", forwarded=True), asked | fields(x_forwarded_host=two))


# -- whose page asks

# host, origin, foreign
ORIGINS = [
    ("127.0.0.1:8080", "http://127.0.0.1:8080", False),
    ("127.0.0.1:8080", "HTTP://127.0.0.1:8080", False),
    ("localhost", "http://localhost", False),
    ("localhost", "http://LOCALHOST", False),
    ("localhost", "http://localhost:80", False),
    ("localhost:80", "http://localhost", False),
    ("localhost:443", "https://localhost", False),
    ("[::1]:8080", "http://[::1]:8080", False),
    ("[::1]", "http://[::1]:80", False),
    ("127.0.0.1:8080", "null", True),
    ("127.0.0.1:8080", "", True),
    ("127.0.0.1:8080", "http://localhost:8080", True),
    ("127.0.0.1:8080", "http://127.0.0.1", True),
    ("127.0.0.1:8080", "http://127.0.0.1:8081", True),
    ("127.0.0.1", "https://127.0.0.1:80", True),
    ("localhost", "http://localhost.evil.example", True),
    ("localhost", "http://user@localhost", True),
    ("localhost", "http://localhost@evil.example", True),
    ("localhost", "http://localhost:80@evil.example", True),
    ("localhost", "http://localhost:080", True),
    ("localhost", "http://localhost http://evil.example", True),
    ("localhost", "http://localhost, http://evil.example", True),
    ("localhost", "http://[::1", True),
    ("localhost", "http://", True),
    ("localhost", "localhost", True),
    ("localhost", "file://localhost", True),
    ("localhost", "chrome-extension://localhost", True),
    ("localhost", "//localhost", True),
    ("localhost", "http:localhost", True),
]


@pytest.mark.parametrize(("host", "origin", "foreign"), ORIGINS)
def test_only_a_page_of_this_very_host_and_port_is_no_foreign_one(
    host: str, origin: str, foreign: bool
) -> None:
    asked = fields(origin=origin)
    assert administers(OPEN, DOOR, HERE, host, asked) is not foreign
    if foreign:
        with pytest.raises(Denied) as caught:
            admit_request(OPEN, DOOR, HERE, host, asked)
        assert caught.value.status == 403
    else:
        assert admit_request(OPEN, DOOR, HERE, host, asked) is None


def test_a_page_of_the_same_name_without_tls_is_foreign_to_a_listener_with_it() -> None:
    door = replace(DOOR, tls=True)
    assert not administers(OPEN, door, HERE, "localhost", fields(origin="http://localhost"))
    assert administers(OPEN, door, HERE, "localhost", fields(origin="https://localhost"))
    behind = replace(RIGHTS, proxies=networks(("10.0.0.1",)))
    token = fields(origin="http://localhost", x_api_key="admin-token")
    assert administers(behind, door, Peer("10.0.0.1", forwarded=True), "localhost", token)


@pytest.mark.parametrize("origin", ["https://chat.example", "HTTPS://Chat.Example"])
def test_a_named_page_may_call_with_a_key_only(origin: str) -> None:
    rights = replace(RIGHTS, origins=frozenset({"https://chat.example"}))
    asked = fields(origin=origin)
    with pytest.raises(Denied) as caught:
        admit_request(rights, DOOR, HERE, "localhost", asked)
    assert caught.value.status == 401
    asked |= fields(x_api_key="ck-laptop")
    assert admit_request(rights, DOOR, HERE, "localhost", asked) == "laptop"
    assert cors.answer_fields(rights, asked)[0] == (b"access-control-allow-origin", origin.encode())
    with pytest.raises(Denied):
        admit_request(rights, DOOR, HERE, "localhost", asked | fields(origin=origin + ":8443"))
    # without clients there are no keys, so no page of another origin has one
    with pytest.raises(Denied):
        admit_request(replace(rights, clients=None), DOOR, HERE, "localhost", asked)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site"])
def test_what_the_browser_itself_calls_foreign_never_administers(site: str) -> None:
    asked = fields(sec_fetch_site=site, x_api_key="admin-token")
    assert not administers(RIGHTS, DOOR, HERE, "localhost", asked)
    assert administers(RIGHTS, DOOR, HERE, "localhost", asked | fields(sec_fetch_site="none"))


PREFLIGHTS: list[tuple[dict[str, str], bool]] = [
    ({"origin": "https://chat.example", "access_control_request_method": "POST"}, True),
    ({"origin": "https://chat.example"}, False),
    ({"access_control_request_method": "POST"}, False),
    ({"origin": "https://evil.example", "access_control_request_method": "POST"}, False),
    ({"origin": "null", "access_control_request_method": "POST"}, False),
    ({"origin": "", "access_control_request_method": "POST"}, False),
]


@pytest.mark.parametrize(("asked", "answered"), PREFLIGHTS)
def test_a_preflight_is_answered_for_named_pages_only(asked: dict[str, str], answered: bool) -> None:
    rights = replace(RIGHTS, origins=frozenset({"https://chat.example"}))
    lines = dict(cors.preflight_fields(rights, fields(**asked)))
    assert (lines != {}) is answered
    if answered:
        assert lines[b"access-control-allow-origin"] == b"https://chat.example"
        assert b"access-control-allow-credentials" not in lines
        assert lines[b"vary"] == b"origin"
        allowed = lines[b"access-control-allow-headers"].split(b", ")
        for name in (
            b"x-api-key",
            b"authorization",
            b"anthropic-version",
            b"anthropic-beta",
            b"content-type",
        ):
            assert name in allowed
    assert cors.preflight_fields(RIGHTS, fields(**asked)) == []


# -- keys

CREDENTIALS: list[tuple[dict[str, str], list[str]]] = [
    ({}, []),
    ({"x_api_key": "k"}, ["k"]),
    ({"x_api_key": ""}, []),
    ({"authorization": "Bearer k"}, ["k"]),
    ({"authorization": "bEaReR   k  "}, ["k"]),
    ({"authorization": "Bearer"}, []),
    ({"authorization": "Bearer "}, []),
    ({"authorization": "Basic azo="}, []),
    ({"authorization": "k"}, []),
    ({"authorization": "BearerX k"}, []),
    ({"x_api_key": "a", "authorization": "Bearer b"}, ["a", "b"]),
]


@pytest.mark.parametrize(("brought", "keys"), CREDENTIALS)
def test_a_key_is_taken_in_both_forms_that_clients_use(brought: dict[str, str], keys: list[str]) -> None:
    assert credentials(fields(**brought)) == keys


def refusal(function: Any, *args: Any) -> Denied:
    with pytest.raises(Denied) as caught:
        function(*args)
    return caught.value


def test_a_client_key_never_administers_and_the_admin_token_is_no_client_key() -> None:
    assert refusal(admit_admin, RIGHTS, DOOR, HERE, "localhost", fields(x_api_key="ck-laptop")).status == 401
    assert (
        refusal(admit_request, RIGHTS, DOOR, HERE, "localhost", fields(x_api_key="admin-token")).status == 401
    )


def test_a_wrong_credential_is_a_guess_and_none_at_all_is_not() -> None:
    assert refusal(admit_admin, RIGHTS, DOOR, HERE, "localhost", fields(x_api_key="guess")).guess
    assert not refusal(admit_admin, RIGHTS, DOOR, HERE, "localhost", {}).guess
    foreign = fields(x_api_key="guess", origin="null")
    assert refusal(admit_admin, RIGHTS, DOOR, HERE, "localhost", foreign).status == 403


def test_an_admin_token_that_cannot_be_read_closes_administration_over_tcp_and_not_the_control_socket() -> (
    None
):
    closed = replace(RIGHTS, admin=None)
    for key in ("", "None", "admin-token"):
        assert refusal(admit_admin, closed, DOOR, HERE, "localhost", fields(x_api_key=key)).status == 401
    admit_admin(closed, replace(DOOR, reach="control"), Peer(None, forwarded=False), "", {})


def test_without_keys_only_this_machine_sends_and_administers() -> None:
    for door, peer in ((DOOR, THERE), (NETWORK, HERE), (DOOR, replace(HERE, forwarded=True))):
        assert refusal(admit_request, OPEN, door, peer, "localhost", {}).status == 403
        assert refusal(admit_admin, OPEN, door, peer, "localhost", {}).status == 403
    assert admit_request(OPEN, DOOR, HERE, "localhost", {}) is None
    admit_admin(OPEN, DOOR, HERE, "localhost", {})


def test_allow_unauthenticated_opens_requests_and_never_administration() -> None:
    rights = replace(OPEN, unauthenticated=True)
    assert admit_request(rights, NETWORK, THERE, "localhost", {}) is None
    assert refusal(admit_admin, rights, NETWORK, THERE, "localhost", {}).status == 403
    # but no page of another origin
    assert refusal(admit_request, rights, NETWORK, THERE, "localhost", fields(origin="null")).status == 403


def test_a_listener_that_does_not_serve_a_plane_says_that_there_is_nothing() -> None:
    nothing = replace(DOOR, serve=frozenset())
    everything = fields(x_api_key="admin-token", authorization="Bearer ck-laptop")
    assert refusal(admit_request, RIGHTS, nothing, HERE, "localhost", everything).status == 404
    assert refusal(admit_admin, RIGHTS, nothing, HERE, "localhost", everything).status == 404


CONFIGS: list[tuple[Config, bool]] = [
    (Config(), True),
    (Config(admin=Admin()), False),
    (Config(clients={"a": Client("a")}), False),
    (Config(server=Server(base_path="/x")), False),
    (Config(server=Server(allowed_hosts=("h.example",))), False),
    (Config(server=Server(trusted_proxies=("10.0.0.1",))), False),
    (Config(server=Server(listen=(Listen("127.0.0.1:1", base_path="/x"),))), False),
    (Config(server=Server(listen=(Listen("127.0.0.1:1"),))), True),
]


@pytest.mark.parametrize(("config", "opened"), CONFIGS)
def test_administration_without_a_token_ends_with_the_first_sign_of_others(
    config: Config, opened: bool
) -> None:
    assert open_administration(config) is opened


def test_a_pin_is_for_those_who_may() -> None:
    asked = fields(x_ccflared_account="work")
    rights = replace(RIGHTS, pins=frozenset({"laptop"}))
    assert pinned(rights, "laptop", administers=False, fields=asked) == "work"
    assert pinned(rights, None, administers=True, fields=asked) == "work"
    assert pinned(rights, "other", administers=False, fields={}) is None
    for client in ("other", None):
        with pytest.raises(Denied):
            pinned(rights, client, administers=False, fields=asked)


def test_a_key_ends_with_the_first_moment_of_its_day_where_the_file_says() -> None:
    client = Client("laptop", expires=dt.date(2027, 1, 1))
    config = Config(timezone="Asia/Tokyo", clients={"laptop": client, "other": Client("other")})
    midnight = dt.datetime(2026, 12, 31, 15, tzinfo=dt.UTC).timestamp()
    check_expiry(config, "laptop", midnight - 1)
    for name in ("other", "gone", None):
        check_expiry(config, name, midnight)
    with pytest.raises(Denied, match="expired"):
        check_expiry(config, "laptop", midnight)
    local = dt.datetime(2027, 1, 1).astimezone().timestamp()  # in the system's zone
    with pytest.raises(Denied):
        check_expiry(Config(clients={"laptop": client}), "laptop", local)


# -- paths

TARGETS = [
    (b"/", True),
    (b"/v1/messages", True),
    (b"/v1/models/claude-opus-4", True),
    (b"/v1/models/vendor:big", True),
    (b"/v1/models/a%20b", True),
    (b"/v1/models/a%C3%A9", True),
    (b"/v1/models/a..b", True),
    (b"/v1/models/...", True),
    (b"/v1/.well-known", True),
    (b"/v1/models/a;b", True),
    (b"/v1//messages", True),
    (b"", False),
    (b"*", False),
    (b"v1/messages", False),
    (b"//v1/messages", False),
    (b"http://127.0.0.1/v1/messages", False),
    (b"/.", False),
    (b"/..", False),
    (b"/v1/.", False),
    (b"/v1/./x", False),
    (b"/v1/../x", False),
    (b"/v1/..", False),
    (b"/v1/..;/x", False),
    (b"/v1/.;a=b/x", False),
    (b"/v1/%2e%2e/x", False),
    (b"/v1/%2E/x", False),
    (b"/v1/a%2fb", False),
    (b"/v1/a%2Fb", False),
    (b"/v1/models/a%2Fb", True),  # names of models have slashes
    (b"/v1/models/a%2F..%2Fb", False),
    (b"/v1/models/a%2Fb%2F", False),
    (b"/v1/a%5cb", False),
    (b"/v1/a\\b", False),
    (b"/v1/a%00", False),
    (b"/v1/a%0d%0a", False),
    (b"/v1/a%1F", False),
    (b"/v1/a%7f", False),
    (b"/v1/a b", False),
    (b"/v1/a\tb", False),
    (b"/v1/a\x7f", False),
    (b"/v1/\xc3\xa9", False),
    (b"/v1/models#x", False),
]


@pytest.mark.parametrize(("target", "plain"), TARGETS)
def test_a_target_means_one_thing_or_is_refused(target: bytes, plain: bool) -> None:
    assert well_formed(target) is plain


BELOW = [
    ("", "/v1/messages", "/v1/messages"),
    ("/x", "/x/v1/messages", "/v1/messages"),
    ("/x", "/x", "/"),
    ("/x", "/x/", "/"),
    ("/x/y", "/x/y/api", "/api"),
    ("/x", "/xy/api", None),
    ("/x", "/api", None),
    ("/x", "/X/api", None),
    ("/x", "", None),
]


@pytest.mark.parametrize(("base", "path", "rest"), BELOW)
def test_what_lies_below_a_base_path_is_told_apart_from_what_begins_like_it(
    base: str, path: str, rest: str | None
) -> None:
    assert below(base, path) == rest


PLACES: list[tuple[str, str, Place]] = [
    ("POST", "/v1/messages", "pooled"),
    ("POST", "/v1/messages/count_tokens", "pooled"),
    ("GET", "/v1/models", "pooled"),
    ("GET", "/v1/models/claude-opus-4", "pooled"),
    ("GET", "/v1/messages", "other v1"),
    ("POST", "/v1/models", "other v1"),
    ("POST", "/v1/messages/", "other v1"),
    ("POST", "/v1/messages/batches", "other v1"),
    ("POST", "/v1//messages", "other v1"),
    ("GET", "/v1/models/", "other v1"),
    ("GET", "/v1/models/a//b", "other v1"),
    ("GET", "/v1/models/a/b", "pooled"),
    ("GET", "/v1", "other v1"),
    ("OPTIONS", "/v1/messages", "other v1"),
    ("POST", "/v1x/messages", "unknown"),
    ("GET", "/livez", "open"),
    ("HEAD", "/readyz", "open"),
    ("POST", "/livez", "unknown"),
    ("HEAD", "/", "open"),
    ("HEAD", "/api/hello", "open"),
    ("GET", "/api/hello", "api"),
    ("POST", "/api/event_logging/batch", "open"),
    ("GET", "/api/event_logging/batch", "api"),
    ("GET", "/api/status", "api"),
    ("GET", "/api", "api"),
    ("GET", "/api//status", "api"),
    ("GET", "/API/status", "unknown"),
    ("GET", "/apix", "unknown"),
    ("GET", "/health", "health"),
    ("GET", "/health/", "unknown"),
    ("GET", "/", "dashboard"),
    ("GET", "/dashboard", "dashboard"),
    ("GET", "/metrics", "metrics"),
    ("GET", "/favicon.ico", "unknown"),
]


@pytest.mark.parametrize(("method", "path", "place"), PLACES)
def test_every_path_belongs_to_one_plane(method: str, path: str, place: Place) -> None:
    assert place_of(method, path) == place


def test_a_pooled_path_says_with_which_methods() -> None:
    assert paths.methods_of("/v1/messages") == ["POST"]
    assert paths.methods_of("/v1/models") == ["GET"]
    assert paths.methods_of("/v1/files") == []
