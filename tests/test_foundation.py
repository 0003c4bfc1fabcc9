"""What every room builds on: secrets that do not tell themselves, errors that say whose fault, what crosses borders."""

import copy
import json
import logging
import pickle
import traceback
from dataclasses import FrozenInstanceError, asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared import errors
from ccflared.secret import Secret
from ccflared.wire import Attempt, Head, Observation, Outbound

TEXT = "sk-ant-very-secret"


def test_a_secret_is_told_by_reveal_and_by_nothing_else() -> None:
    secret = Secret(TEXT)
    assert secret.reveal() == TEXT
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!s:>40}".strip(), "%s" % secret, repr([secret])]  # noqa: UP031
    assert not any(TEXT in text for text in shown)


def test_a_secret_stays_hidden_in_logs_tracebacks_and_json() -> None:
    secret = Secret(TEXT)
    record = logging.LogRecord("x", logging.INFO, "f", 1, "key %s of %r", (secret, secret), None)
    assert record.getMessage() == "key [secret] of [secret]"
    with pytest.raises(ValueError) as caught:
        raise ValueError(secret)
    assert TEXT not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(TypeError) as refused:
        json.dumps({"key": secret})
    assert TEXT not in str(refused.value)


def test_a_secret_is_neither_pickled_nor_copied_about() -> None:
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            way(Secret(TEXT))


def test_a_secret_takes_no_further_attributes_that_could_tell_it() -> None:
    with pytest.raises(AttributeError):
        Secret(TEXT).text = TEXT  # type: ignore[attr-defined]


@given(st.text(), st.text())
def test_secrets_are_equal_as_their_texts_are(one: str, other: str) -> None:
    encodable = one.encode(errors="ignore").decode(), other.encode(errors="ignore").decode()
    a, b = map(Secret, encodable)
    assert (a == b) is (encodable[0] == encodable[1])
    assert (a.fingerprint() == b.fingerprint()) is (a == b)
    if a == b:
        assert hash(a) == hash(b)


def test_a_secret_is_no_text() -> None:
    assert Secret(TEXT) != TEXT
    assert Secret(TEXT) != [TEXT]
    assert len({Secret(TEXT), Secret(TEXT)}) == 1


def test_a_fingerprint_tells_secrets_apart_without_telling_them() -> None:
    assert Secret("a").fingerprint() == "ca978112ca1b"
    assert Secret("a").fingerprint() != Secret("b").fingerprint()


def test_whose_fault_an_error_is_stands_in_its_type() -> None:
    fault = errors.ClientError(413, "request_too_large", "The body is too large.")
    assert (fault.status, fault.kind, str(fault)) == (413, "request_too_large", "The body is too large.")
    for kind in (errors.ConnectFailed, errors.UpstreamTimeout, errors.UpstreamBroken):
        assert issubclass(kind, errors.UpstreamError)
        assert not issubclass(kind, errors.ClientError)
    named = [value for value in vars(errors).values() if isinstance(value, type)]
    assert all(issubclass(kind, errors.CcflaredError) for kind in named)


def test_the_first_of_a_repeated_field_counts() -> None:
    head = Head(200, ((b"a", b"1"), (b"b", b"2"), (b"a", b"3")))
    assert (head.get(b"a"), head.get(b"b"), head.get(b"c")) == (b"1", b"2", None)


def test_a_request_to_an_upstream_shows_no_header_and_no_body() -> None:
    request = Outbound("POST", "https://h/v1/messages", ((b"x-api-key", TEXT.encode()),), b"private words")
    assert repr(request) == "Outbound(POST https://h/v1/messages, 13 bytes)"
    assert TEXT not in f"{request} {[request]}"


def test_what_crosses_a_border_is_not_changed_behind_it() -> None:
    seen = Observation("account", "limit", "why")
    with pytest.raises(FrozenInstanceError):
        seen.kind = "other"  # type: ignore[misc]
    attempt = Attempt("a", "p", "why", 0, 1, None, "served", "")
    assert Attempt(**asdict(attempt)) == attempt
