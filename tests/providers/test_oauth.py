"""What is asked of login pages and token endpoints, and what their answers mean; nothing that is answered ever raises."""

import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.config.model import Account, OAuth, Provider
from ccflared.providers.oauth import (
    REVOKED,
    Grant,
    Pasted,
    Seed,
    TokenFailure,
    TokenPair,
    authorize_url,
    challenge_of,
    exchange_request,
    in_force,
    oauth_of,
    pasted,
    read_answer,
    refresh_request,
    seed_of,
)
from ccflared.secret import Secret
from ccflared.wire import Head

NOW = 1_800_000_000.0
JSON = ((b"content-type", b"application/json"),)
OAUTH = OAuth(
    authorize_url="https://login.example/authorize",
    token_url="https://login.example/token",
    client_id="mine",
    redirect_uri="https://login.example/callback/",
    scopes=("a", "b"),
)


def answer(status: int, body: Any, *more: tuple[bytes, bytes]) -> TokenPair | TokenFailure:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(Head(status, (*JSON, *more)), raw, NOW, spent=Secret("spent"))


def test_the_challenge_is_that_of_rfc_7636() -> None:
    assert (
        challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


def test_an_address_keeps_its_own_query_and_asks_for_the_redirect_exactly() -> None:
    url = authorize_url(
        OAuth(authorize_url="https://x/a?code=true", client_id="c d", redirect_uri="https://x/b/"), "ch", "st"
    )
    asked = parse_qs(urlsplit(url).query)
    assert asked["code"] == ["true"]
    assert asked["client_id"] == ["c d"]
    assert asked["redirect_uri"] == ["https://x/b/"]
    assert "scope" not in asked


@pytest.mark.parametrize(
    ("text", "code", "state"),
    [
        ("abc#xyz", "abc", "xyz"),
        ("  abc#xyz\n", "abc", "xyz"),
        ("ab\r\nc#x yz", "abc", "xyz"),
        ("https://host/callback?code=abc&state=xyz", "abc", "xyz"),
        ("http://localhost:1/?state=x%2Fz&code=a%2Bc", "a+c", "x/z"),
    ],
)
def test_a_code_is_read_however_it_was_copied(text: str, code: str, state: str) -> None:
    assert pasted(text) == Pasted(Secret(code), state)


@given(st.text(max_size=300))
def test_whatever_is_pasted_is_a_code_with_a_state_or_a_sentence(text: str) -> None:
    found = pasted(text)
    assert isinstance(found, str) or (found.code.reveal() and found.state)


@pytest.mark.parametrize("encoding", ["form", "json"])
def test_a_refresh_sends_the_client_id_only_where_there_is_one(encoding: Any) -> None:
    for client_id in ("mine", None):
        oauth = OAuth(token_url="https://x/token", client_id=client_id, encoding=encoding)
        outbound = refresh_request(oauth, Secret("rt+/="))
        sent = json.loads(outbound.body) if encoding == "json" else dict(parse_qsl(outbound.body.decode()))
        assert sent["refresh_token"] == "rt+/="
        assert sent["grant_type"] == "refresh_token"
        assert sent.get("client_id") == client_id
        assert (outbound.method, outbound.url) == ("POST", "https://x/token")
        assert "rt+" not in repr(outbound)
        assert dict(outbound.headers)[b"user-agent"].startswith(b"ccflared/")


def test_an_exchange_brings_the_verifier_and_the_redirect_uri() -> None:
    sent = dict(parse_qsl(exchange_request(OAUTH, Pasted(Secret("c"), "s"), "v").body.decode()))
    assert sent == {
        "grant_type": "authorization_code",
        "code": "c",
        "redirect_uri": "https://login.example/callback/",
        "client_id": "mine",
        "code_verifier": "v",
    }


def test_a_pair_is_read_and_an_answer_without_a_refresh_token_keeps_the_one_there_is() -> None:
    assert answer(200, {"access_token": "at", "refresh_token": "rt", "expires_in": 60}) == TokenPair(
        Secret("at"), Secret("rt"), NOW + 60, NOW
    )
    found = answer(200, {"access_token": "at"})
    assert found == TokenPair(Secret("at"), Secret("spent"), None, NOW)


@pytest.mark.parametrize("lasts", [None, 0, -1, True, float("nan"), "soon", [], {}, float("inf")])
def test_an_end_that_makes_no_sense_is_not_known(lasts: Any) -> None:
    raw = json.dumps({"access_token": "at", "expires_in": lasts}).encode()
    found = answer(200, raw)
    assert isinstance(found, TokenPair)
    assert found.expires_at is None


@pytest.mark.parametrize("code", sorted(REVOKED))
@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_only_the_code_itself_says_that_a_token_is_dead(code: str, status: int) -> None:
    for body in (
        {"error": code},
        {"type": "error", "error": {"type": code}},
        {"error": {"code": code, "type": "x"}},
    ):
        found = answer(status, body)
        assert isinstance(found, TokenFailure)
        assert found.kind == "revoked"
    for body in (
        {"error": "x", "error_description": code},
        {"message": code},
        {"error": f"{code} of plan {code}"},
    ):
        found = answer(status, body)
        assert isinstance(found, TokenFailure)
        assert found.kind in ("temporary", "endpoint")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b"", "endpoint"),
        (410, b"<html>", "endpoint"),
        (301, b"", "endpoint"),
        (307, b"", "endpoint"),
        (200, b"<html>", "endpoint"),
        (200, b"[]", "endpoint"),
        (200, b'{"access_token": "a b"}', "endpoint"),
        (200, b'{"access_token": "a\\nb"}', "endpoint"),
        (200, b'{"access_token": 7}', "endpoint"),
        (401, b'{"error":"invalid_client"}', "client"),
        (400, b'{"error":"unauthorized_client"}', "client"),
        (400, b'{"error":"invalid_request"}', "temporary"),
        (429, b"", "temporary"),
        (500, b"", "temporary"),
        (503, b"<html>", "temporary"),
        (401, b"", "temporary"),
        (403, b"<html>blocked</html>", "temporary"),
    ],
)
def test_anything_else_leaves_the_login_as_it_is(status: int, body: bytes, kind: str) -> None:
    found = answer(status, body)
    assert isinstance(found, TokenFailure)
    assert found.kind == kind
    assert found.reason


def test_a_wait_that_the_issuer_asks_for_is_taken_over() -> None:
    found = answer(429, b"{}", (b"retry-after", b"90"))
    assert isinstance(found, TokenFailure)
    assert found.until == NOW + 90


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.integers(200, 599),
    st.binary(max_size=60)
    | st.dictionaries(
        st.sampled_from(["access_token", "refresh_token", "expires_in", "error", "error_description"]),
        _VALUES,
    ).map(lambda value: json.dumps(value).encode()),
)
def test_no_answer_raises_or_repeats_the_token(status: int, body: bytes) -> None:
    found = read_answer(Head(status, JSON), body, NOW, spent=Secret("a-secret-token"))
    assert "a-secret-token" not in repr(found)


def test_an_accounts_keys_stand_over_those_of_its_provider() -> None:
    provider = Provider(oauth=OAUTH)
    own = Account("a", "p", oauth=OAuth(client_id="other", encoding="json"))
    found = oauth_of(own, provider)
    assert found is not None
    assert (found.client_id, found.encoding, found.token_url) == ("other", "json", OAUTH.token_url)
    assert oauth_of(Account("a", "p"), provider) == OAUTH
    assert oauth_of(Account("a", "p"), Provider()) is None


def test_a_grant_counts_as_long_as_the_file_gives_nothing_else() -> None:
    first, second = seed_of(Secret("a"), Secret("r"), None), seed_of(Secret("a2"), Secret("r2"), None)
    kept = Grant("x", "p", "id", first.digest, TokenPair(Secret("rotated"), Secret("r3")))
    assert in_force("x", "p", kept, first) is kept
    # The access token beside it is not what is spent.
    assert in_force("x", "p", kept, seed_of(None, Secret("r"), None)) is kept
    replaced = in_force("x", "p", kept, second)
    assert replaced is not None
    assert replaced.pair == second.pair
    # A seed that has left the file has done its work; one that cannot be read has not changed, as far as is known.
    assert in_force("x", "p", kept, Seed()) is kept
    assert in_force("x", "p", kept, Seed(problem="the file cannot be read")) is kept
    # Another provider is never sent them.
    assert in_force("x", "q", kept, Seed()) is None
    moved = in_force("x", "q", kept, first)
    assert moved is not None
    assert moved.pair == first.pair
    login = Grant("x", "p", "id", "", TokenPair(Secret("l"), None))
    assert in_force("x", "p", login, Seed()) is login
    assert in_force("x", "p", None, Seed()) is None
    assert not login.from_seed
    assert replaced.from_seed


@pytest.mark.parametrize("lasts", ["1" * 401, "\u00b2", "1e999", 10**400])
def test_an_end_of_monstrous_size_is_not_known(lasts: Any) -> None:
    found = answer(200, {"access_token": "at", "expires_in": lasts})
    assert isinstance(found, TokenPair)
    assert found.expires_at is None


def test_a_secret_is_hidden_in_every_spelling_in_which_an_issuer_may_repeat_it() -> None:
    secret = Secret('rt/with+odd"letters')
    for spelling in ('rt/with+odd"letters', "rt%2Fwith%2Bodd%22letters", 'rt/with+odd\\"letters'):
        body = json.dumps({"error": "invalid_request", "error_description": f"sent {spelling}"}).encode()
        found = read_answer(Head(400, JSON), body, NOW, sent=(secret,))
        assert isinstance(found, TokenFailure)
        assert "[secret]" in found.reason
        assert "odd" not in found.reason
