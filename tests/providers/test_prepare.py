"""What goes to an upstream, and what of its answer goes to the client: addresses, header fields, the body untouched."""

from collections.abc import Sequence
from dataclasses import replace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from targets import target

from ccflared.config.model import Auth, Dialect
from ccflared.config.quirks import Quirks
from ccflared.providers.prepare import connection_fields, endpoint, prepare, returned
from ccflared.secret import Secret
from ccflared.wire import Headers, Inbound


def inbound(
    headers: Sequence[tuple[bytes, bytes]] = (),
    *,
    path: str = "/v1/messages",
    query: bytes = b"",
    body: bytes = b"{}",
    method: str = "POST",
) -> Inbound:
    return Inbound("req_1", 1e9, method, path, query, tuple(headers), body, None, administers=False)


ENDPOINTS: list[tuple[Dialect, str, str, str]] = [
    ("anthropic", "https://api.anthropic.com", "/v1/messages", "https://api.anthropic.com/v1/messages"),
    ("anthropic", "https://api.anthropic.com/", "/v1/messages", "https://api.anthropic.com/v1/messages"),
    ("anthropic", "https://h/v1", "/v1/messages", "https://h/v1/messages"),
    ("anthropic", "https://h/v1/", "/v1/messages", "https://h/v1/messages"),
    ("anthropic", "https://h/v1//", "/v1/messages", "https://h/v1/messages"),
    ("anthropic", "https://h/api/anthropic", "/v1/messages", "https://h/api/anthropic/v1/messages"),
    ("anthropic", "https://h/api/v1", "/v1/models/x", "https://h/api/v1/models/x"),
    ("anthropic", "https://h/v10", "/v1/messages", "https://h/v10/v1/messages"),
    ("anthropic", "https://h/apiv1", "/v1/messages", "https://h/apiv1/v1/messages"),
    ("anthropic", "https://h:8443", "/v1/models", "https://h:8443/v1/models"),
    ("anthropic", "http://[::1]:11434", "/v1/messages", "http://[::1]:11434/v1/messages"),
    ("openai-chat", "https://h", "/v1/chat/completions", "https://h/v1/chat/completions"),
    ("openai-chat", "https://h/", "/v1/chat/completions", "https://h/v1/chat/completions"),
    ("openai-chat", "https://h:1", "/v1/chat/completions", "https://h:1/v1/chat/completions"),
    ("openai-chat", "https://h/v1", "/v1/chat/completions", "https://h/v1/chat/completions"),
    ("openai-chat", "https://h/openai/v1/", "/v1/chat/completions", "https://h/openai/v1/chat/completions"),
    (
        "openai-chat",
        "https://h/api/gateway",
        "/v1/chat/completions",
        "https://h/api/gateway/chat/completions",
    ),
    ("openai-chat", "https://h/v4", "/v1/chat/completions", "https://h/v4/chat/completions"),
    ("openai-chat", "https://h", "/v1/models", "https://h/v1/models"),
    ("openai-chat", "https://h/openai/v1", "/v1/models", "https://h/openai/v1/models"),
    ("openai-chat", "https://h/api/gateway/", "/v1/models", "https://h/api/gateway/models"),
    ("openai-chat", "http://localhost:11434/v1", "/v1/models/x", "http://localhost:11434/v1/models/x"),
]


@pytest.mark.parametrize(("dialect", "base", "path", "url"), ENDPOINTS)
def test_a_base_url_and_a_path_meet_without_doubling_or_losing_the_version(
    dialect: Dialect, base: str, path: str, url: str
) -> None:
    assert endpoint(base, dialect, path) == url


GOES_THROUGH: list[tuple[bytes, bytes]] = [
    (b"content-type", b"application/json"),
    (b"content-encoding", b"zstd"),
    (b"anthropic-version", b"2026-10-21"),
    (b"anthropic-beta", b"a-1,b-2"),
    (b"anthropic-dangerous-direct-browser-access", b"true"),
    (b"user-agent", b"claude-cli/2.1.330"),
    (b"x-app", b"cli"),
    (b"x-stainless-timeout", b"NOT_GIVEN"),
    (b"x-claude-code-session-id", b"5e0"),
    (b"session-id", b"5e0"),
    (b"accept", b"text/event-stream"),
    (b"idempotency-key", b"k"),
    (b"x-own", b"\xe4"),
]


@pytest.mark.parametrize("field", GOES_THROUGH, ids=lambda field: field[0].decode())
def test_what_the_client_says_to_the_api_goes_through_as_it_came(field: tuple[bytes, bytes]) -> None:
    assert prepare(inbound([field]), target()).headers.count(field) == 1


STAYS_HERE = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "host",
    "content-length",
    "expect",
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-auth-token",
    "proxy-authorization",
    "proxy-authenticate",
    "cookie",
    "cookie2",
    "x-csrf-token",
    "x-amz-security-token",
    "openai-organization",
    "openai-project",
    "chatgpt-account-id",
    "forwarded",
    "via",
    "x-real-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-client-ip",
    "origin",
    "referer",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-client-cert",
    "x-ccflared-account",
    "x-ccflared-project",
    "x-ccflared-anything",
    "x-better-ccflare-project",
    "sec-fetch-site",
    "sec-websocket-key",
    "cf-access-jwt-assertion",
    "cf-access-client-secret",
    "tailscale-user-login",
    "remote-user",
    "remote-email",
]


@pytest.mark.parametrize("name", STAYS_HERE)
def test_what_concerns_the_way_here_or_the_rights_here_stays_here(name: str) -> None:
    headers = prepare(inbound([(name.encode(), b"from-the-client")]), target()).headers
    assert not any(b"from-the-client" in value for _, value in headers)


def test_fields_that_connection_names_stay_here() -> None:
    given_ = [
        (b"connection", b"close, X-One"),
        (b"connection", b" x-two ,,"),
        (b"x-one", b"1"),
        (b"x-two", b"2"),
        (b"x-three", b"3"),
    ]
    headers = prepare(inbound(given_), target()).headers
    assert [name for name, _ in headers if name.startswith(b"x-")] == [b"x-three", b"x-api-key"]
    assert connection_fields(tuple(given_)) == {b"close", b"x-one", b"x-two", b""}
    assert connection_fields(()) == frozenset()


def test_an_unencoded_answer_is_asked_for_whatever_the_client_takes() -> None:
    headers = prepare(inbound([(b"accept-encoding", b"gzip, br, zstd")]), target()).headers
    assert [value for name, value in headers if name == b"accept-encoding"] == [b"identity"]


def test_a_missing_version_is_the_first_one_and_a_given_one_is_never_changed() -> None:
    def versions(headers: Headers) -> list[bytes]:
        return [value for name, value in headers if name == b"anthropic-version"]

    assert versions(prepare(inbound(), target()).headers) == [b"2023-06-01"]
    given_ = inbound([(b"anthropic-version", b"2026-10-21")])
    assert versions(prepare(given_, target()).headers) == [b"2026-10-21"]
    own = target(headers=((b"anthropic-version", Secret("2024-01-01")),))
    assert (
        versions(prepare(given_, own).headers) == versions(prepare(inbound(), own).headers) == [b"2024-01-01"]
    )


def fields(headers: Headers, prefix: bytes) -> list[tuple[bytes, bytes]]:
    return [field for field in headers if field[0].startswith(prefix)]


def test_a_provider_that_knows_an_old_version_alone_is_asked_in_that_one() -> None:
    old = target(quirks=Quirks(anthropic_version="2023-06-01"))
    newer = [(b"anthropic-version", b"2026-10-21"), (b"anthropic-beta", b"a-1"), (b"anthropic-version", b"x")]
    for headers in ([], newer[:1], newer):
        sent = prepare(inbound(headers), old).headers
        assert fields(sent, b"anthropic-version") == [(b"anthropic-version", b"2023-06-01")]
    assert fields(sent, b"anthropic-beta") == [(b"anthropic-beta", b"a-1")]


def test_the_providers_own_headers_go_before_its_quirks() -> None:
    own = target(
        quirks=Quirks(anthropic_version="2023-06-01"), headers=((b"anthropic-version", Secret("2024-01-01")),)
    )
    sent = prepare(inbound([(b"anthropic-version", b"2026-10-21")]), own).headers
    assert fields(sent, b"anthropic-") == [(b"anthropic-version", b"2024-01-01")]


def test_chat_completions_are_passed_on_without_what_only_anthropics_api_understands() -> None:
    chat = target(dialect="openai-chat", auth="bearer", betas=(b"oauth-2025-04-20",))
    asked = inbound(
        [
            (b"anthropic-version", b"2026-10-21"),
            (b"anthropic-beta", b"a-1"),
            (b"anthropic-dangerous-direct-browser-access", b"true"),
            (b"user-agent", b"OpenAI/Python 3.54.0"),
            (b"authorization", b"Bearer client-key"),
            (b"openai-organization", b"org-1"),
        ],
        path="/v1/chat/completions",
    )
    assert prepare(asked, chat).headers == (
        (b"user-agent", b"OpenAI/Python 3.54.0"),
        (b"accept-encoding", b"identity"),
        (b"authorization", b"Bearer sk-own"),
    )
    assert fields(prepare(inbound(), replace(chat, betas=())).headers, b"anthropic-") == []


CREDENTIALS: list[tuple[Auth, str | None, list[tuple[bytes, bytes]]]] = [
    ("x-api-key", "sk-own", [(b"x-api-key", b"sk-own")]),
    ("bearer", "sk-own", [(b"authorization", b"Bearer sk-own")]),
    ("none", "sk-own", []),
    ("none", None, []),
    ("bearer", None, []),
]


@pytest.mark.parametrize(("auth", "credential", "fields"), CREDENTIALS)
@pytest.mark.parametrize("brought", [b"x-api-key", b"authorization"])
def test_the_accounts_credential_takes_the_place_of_the_clients(
    auth: Auth, credential: str | None, fields: list[tuple[bytes, bytes]], brought: bytes
) -> None:
    account = target(auth=auth, credential=Secret(credential) if credential else None)
    headers = prepare(inbound([(brought, b"Bearer client-key")]), account).headers
    assert [field for field in headers if field[0] in (b"x-api-key", b"authorization")] == fields


def test_a_providers_own_fields_take_the_place_of_the_clients() -> None:
    own = target(headers=((b"x-team", Secret("red")), (b"user-agent", Secret("gateway"))))
    client = [(b"x-team", b"blue"), (b"x-team", b"green"), (b"user-agent", b"me"), (b"x-other", b"1")]
    headers = prepare(inbound(client), own).headers
    assert [value for name, value in headers if name == b"x-team"] == [b"red"]
    assert [value for name, value in headers if name == b"user-agent"] == [b"gateway"]
    assert (b"x-other", b"1") in headers


@given(st.binary(max_size=60), st.sampled_from(["POST", "GET"]))
def test_body_and_method_go_as_they_came(body: bytes, method: str) -> None:
    sent = prepare(inbound(body=body, method=method), target())
    assert (sent.method, sent.body, sent.url) == (method, body, "https://api.anthropic.com/v1/messages")


# What h11 lets through of a query, without the characters that RFC 3986 does not have in one.
QUERIES = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"<>#`{}|\\^'), max_size=20
)


@given(QUERIES)
def test_a_query_arrives_as_it_came(query: str) -> None:
    sent = prepare(inbound(query=query.encode()), target())
    expected = b"/v1/messages" + (b"?" + query.encode() if query else b"")
    assert httpx.Request(sent.method, sent.url).url.raw_path == expected


NAMES = st.one_of(
    st.sampled_from([name.encode() for name in STAYS_HERE] + [name for name, _ in GOES_THROUGH]),
    st.from_regex(r"[a-z][a-z-]{0,11}", fullmatch=True).map(str.encode),
)


@given(
    st.lists(st.tuples(NAMES, st.just(b"client-secret")), max_size=12),
    st.sampled_from(["x-api-key", "bearer"]),
)
def test_exactly_one_credential_goes_and_never_the_clients(
    headers: list[tuple[bytes, bytes]], auth: Auth
) -> None:
    sent = prepare(inbound(headers), target(auth=auth)).headers
    keys = [(name, value) for name, value in sent if name in (b"authorization", b"x-api-key", b"cookie")]
    assert len(keys) == 1
    assert b"sk-own" in keys[0][1]
    assert [field for field in sent if field[1] == b"client-secret"] == [
        field
        for field in headers
        if field[0].decode() not in STAYS_HERE
        and field[0] != b"accept-encoding"
        and not field[0].startswith((b"sec-", b"remote-", b"x-forwarded-", b"cf-access-", b"tailscale-"))
    ]


def test_nothing_of_a_prepared_request_shows_the_credential() -> None:
    sent = prepare(
        inbound(query=b"beta=true"), target(base_url="https://h/v1", headers=((b"x-k", Secret("shh")),))
    )
    assert repr(sent) == "Outbound(POST https://h/v1/messages?beta=true, 2 bytes)"


RETURNED: list[tuple[bytes, bool]] = [
    (b"content-type", True),
    (b"content-length", True),
    (b"content-encoding", True),
    (b"request-id", True),
    (b"retry-after", True),
    (b"anthropic-ratelimit-unified-status", True),
    (b"x-should-retry", True),
    (b"cf-ray", True),
    (b"anthropic-organization-id", False),
    (b"set-cookie", False),
    (b"set-cookie2", False),
    (b"connection", False),
    (b"transfer-encoding", False),
    (b"trailer", False),
    (b"upgrade", False),
    (b"server", False),
    (b"date", False),
    (b"via", False),
    (b"alt-svc", False),
    (b"strict-transport-security", False),
    (b"content-security-policy", False),
    (b"clear-site-data", False),
    (b"refresh", False),
    (b"access-control-allow-origin", False),
    (b"access-control-expose-headers", False),
    (b"x-accel-redirect", False),
    (b"x-sendfile", False),
    (b"x-ccflared-account", False),
    (b"x-ccflared-request-id", False),
]


@pytest.mark.parametrize(("name", "kept"), RETURNED)
def test_of_an_answer_comes_back_what_is_the_clients(name: bytes, kept: bool) -> None:
    assert (name, b"v") in returned(((name, b"v"), (b"x-other", b"1"))) or not kept
    assert ((name, b"v") in returned(((name, b"v"),))) is kept


def test_of_an_answer_the_fields_of_the_connection_stay_away() -> None:
    headers = ((b"connection", b"x-hop"), (b"x-hop", b"1"), (b"x-end", b"2"), (b"x-end", b"3"))
    assert returned(headers) == [(b"x-end", b"2"), (b"x-end", b"3")]
