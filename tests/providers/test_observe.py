"""What each kind of answer, error and silence says about whom, and until when; test_rows.py has the table's own tests."""

import datetime as dt
import json
import os
import time
from collections.abc import Iterator
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.errors import ConnectFailed, UpstreamBroken, UpstreamError, UpstreamTimeout
from ccflared.formats.sse import encode
from ccflared.providers.observe import is_stream, observe, observe_event, observe_failure
from ccflared.wire import Head, Observation, Scope

NOW = 1_790_000_000.0
MESSAGES, COUNT = "/v1/messages", "/v1/messages/count_tokens"


def head(status: int, **fields: str) -> Head:
    return Head(status, tuple((k.replace("_", "-").encode(), v.encode("latin-1")) for k, v in fields.items()))


def error(kind: str, message: str) -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()


JSON = {"content_type": "application/json"}
HTML = {"content_type": "text/html; charset=utf-8"}

# path, head, body, kind (None: the client's), scope, what the reason tells
ANSWERS: list[tuple[str, Head, bytes, tuple[str, str, str] | None]] = [
    (MESSAGES, head(200, **JSON), b"", None),
    (MESSAGES, head(200, content_type="application/json; charset=utf-8"), b"", None),
    (MESSAGES, head(200, content_type="text/event-stream; charset=utf-8"), b"", None),
    (MESSAGES, head(200, content_type=" Text/Event-Stream"), b"", None),
    (MESSAGES, head(200, **HTML), b"", ("account", "not the API", "answered 200 with text/html")),
    (MESSAGES, head(200), b"", ("account", "not the API", "answered 200 with nothing")),
    (MESSAGES, head(204), b"", ("account", "not the API", "answered 204")),
    ("/v1/models", head(200, **HTML), b"", None),
    (COUNT, head(200, **JSON), b"", None),
    # faults of the request itself
    (MESSAGES, head(400), error("invalid_request_error", "max_tokens"), None),
    (MESSAGES, head(404), error("not_found_error", "no such route"), None),
    (
        MESSAGES,
        head(404),
        error("not_found_error", "model: m"),
        ("model", "no such model", "such model: model: m"),
    ),
    (MESSAGES, head(409), b"", None),
    (MESSAGES, head(413), b"", None),
    (MESSAGES, head(422), b"", None),
    (MESSAGES, head(499), b"", None),
    # limits
    (MESSAGES, head(429, retry_after="30"), b"", ("account", "limit", "limit reached")),
    (MESSAGES, head(429), error("rate_limit_error", "slow down"), ("account", "limit", "reached: slow down")),
    (COUNT, head(429, retry_after="30"), b"", ("request", "limit", "counting tokens is limited")),
    (
        MESSAGES,
        head(429, x_should_retry="true"),
        b"",
        ("request", "windowless limit", "without any limit named"),
    ),
    (MESSAGES, head(429, x_should_retry="True"), b"", ("request", "windowless limit", "429")),
    (MESSAGES, head(429, x_should_retry="false"), b"", ("account", "limit", "limit reached")),
    (MESSAGES, head(429, x_should_retry="true", retry_after="5"), b"", ("account", "limit", "limit reached")),
    (
        MESSAGES,
        head(429, x_should_retry="true", anthropic_ratelimit_unified_status="rejected"),
        b"",
        ("account", "limit", "limit reached"),
    ),
    (
        MESSAGES,
        head(429, x_should_retry="true", x_ratelimit_remaining="0"),
        b"",
        ("account", "limit", "limit reached"),
    ),
    # trouble of the account or its provider
    (MESSAGES, head(529), error("overloaded_error", "busy"), ("account", "overloaded", "overloaded: busy")),
    (MESSAGES, head(401), error("authentication_error", "no"), ("account", "credential", "not accepted: no")),
    (MESSAGES, head(402), b"", ("account", "payment", "wants to be paid")),
    (MESSAGES, head(403), b"", ("account", "forbidden", "may not do this")),
    (MESSAGES, head(408), b"", ("account", "time-out", "gave up waiting")),
    (MESSAGES, head(500), b"", ("account", "server error", "status 500")),
    (MESSAGES, head(502, **HTML), b"<html>bad gateway</html>", ("account", "server error", "status 502")),
    (MESSAGES, head(503), b"{", ("account", "server error", "status 503")),
    (MESSAGES, head(504), error("timeout_error", "slow"), ("account", "server error", "status 504: slow")),
    (MESSAGES, head(599), b"", ("account", "server error", "status 599")),
    (MESSAGES, head(999), b"", ("account", "server error", "status 999")),
    (
        MESSAGES,
        head(301, location="https://login"),
        b"",
        ("account", "redirect", "(301), which is never followed"),
    ),
    (MESSAGES, head(304), b"", ("account", "redirect", "(304)")),
]


@pytest.mark.parametrize(
    ("path", "answer", "body", "seen"),
    ANSWERS,
    ids=[f"{a.status}-{i}" for i, (_, a, *_) in enumerate(ANSWERS)],
)
def test_an_answer_says_something_of_the_account_or_is_the_clients(
    path: str, answer: Head, body: bytes, seen: tuple[str, str, str] | None
) -> None:
    found = observe(path, answer, body, NOW)
    if seen is None:
        assert found is None
        return
    assert found is not None
    assert (found.scope, found.kind) == seen[:2]
    assert seen[2] in found.reason


SENTENCES = [
    "You have reached your specified API usage limits. You will regain access on 2026-10-02 at 00:00 UTC.",
    "Your credit balance is too low to access the Anthropic API.",
    "This organization has been disabled.",
]
"""By each of them a 400 speaks of the whole account."""


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_fault_of_the_request_that_repeats_words_of_the_client_touches_no_account(sentence: str) -> None:
    def seen(message: str, model: str) -> Observation | None:
        return observe(MESSAGES, head(400, **JSON), error("invalid_request_error", message), NOW, model=model)

    told = seen(sentence, "claude-opus-4-5")
    assert told is not None
    assert told.scope == "account"
    repeated = seen(f"Unexpected value(s) `{sentence}` for the `anthropic-beta` header.", "claude-opus-4-5")
    assert repeated is None
    called = seen(f"{sentence} is not a valid model ID", sentence)
    assert called is not None
    assert called.scope == "model"
    assert seen(f"{sentence}… is no good", f"{sentence} And so on.") is None


def date(seconds: float) -> str:
    return format_datetime(dt.datetime.fromtimestamp(seconds, dt.UTC), usegmt=True)


RESETS: list[tuple[dict[str, str], float | None]] = [
    ({}, None),
    ({"retry_after": "30"}, NOW + 30),
    ({"retry_after": " 30 "}, NOW + 30),
    ({"retry_after": "0"}, NOW),
    ({"retry_after": "0.5"}, NOW + 0.5),
    ({"retry_after": "18000"}, NOW + 18000),
    ({"retry_after": date(NOW + 90)}, NOW + 90),
    ({"retry_after": date(NOW + 90).replace("GMT", "+0000")}, NOW + 90),
    ({"retry_after": date(NOW + 90).replace(" GMT", "")}, NOW + 90),
    ({"retry_after": date(NOW + 90).replace("GMT", "-0000")}, NOW + 90),
    ({"retry_after": date(NOW - 90)}, NOW - 90),
    ({"anthropic_ratelimit_unified_reset": str(int(NOW + 600))}, NOW + 600),
    ({"anthropic_ratelimit_unified_reset": str(int(NOW + 600)), "retry_after": "5"}, NOW + 600),
    ({"anthropic_ratelimit_unified_reset": "soon", "retry_after": "5"}, NOW + 5),
    (
        {
            "anthropic_ratelimit_unified_5h_status": "rejected",
            "anthropic_ratelimit_unified_5h_reset": str(int(NOW + 900)),
            "anthropic_ratelimit_unified_7d_status": "allowed",
            "anthropic_ratelimit_unified_7d_reset": str(int(NOW + 90000)),
        },
        NOW + 900,
    ),
    ({"anthropic_ratelimit_unified_reset": "", "retry_after": "5"}, NOW + 5),
    ({"anthropic_ratelimit_unified_reset": "1e9", "retry_after": "5"}, NOW + 5),
    # garbage
    ({"retry_after": "-5"}, None),
    ({"retry_after": "+5"}, None),
    ({"retry_after": "5s"}, None),
    ({"retry_after": "inf"}, None),
    ({"retry_after": "nan"}, None),
    ({"retry_after": "1e3"}, None),
    ({"retry_after": "0x10"}, None),
    ({"retry_after": "1_000"}, None),
    ({"retry_after": "\xb2"}, None),
    ({"retry_after": "9" * 400}, None),
    ({"retry_after": "1790000000000"}, None),
    ({"retry_after": "2027-01-01T00:00:00Z"}, None),
    ({"retry_after": "Fri, 31 Feb 2027 25:61:00 GMT"}, None),
    ({"retry_after": "Fri, 01 Jan 2027 00:00:00 +99999999999999"}, None),
    ({"retry_after": "9999999999 Jan 00:00:00 2027 Jan"}, None),
    ({"retry_after": "Mon, 01 Jan 99999 00:00:00 GMT"}, None),
    ({"retry_after": "in a while"}, None),
    ({"retry_after": ","}, None),
]


@pytest.fixture
def far_from_greenwich() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "America/New_York"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.usefixtures("far_from_greenwich")
@pytest.mark.parametrize(("fields", "until"), RESETS, ids=lambda value: str(value)[:60])
def test_when_a_limit_ends_is_read_where_it_is_told_and_nowhere_else(
    fields: dict[str, str], until: float | None
) -> None:
    seen = observe(MESSAGES, head(429, **fields), b"", NOW)
    assert seen is not None
    assert (seen.kind, seen.until) == ("limit", until)


WORDS = st.sampled_from(
    ["Mon", ",", " ", "01", "Jan", "2027", "00:00:00", "GMT", "+0000", "-0000", ":", "9" * 10, "(", ")", "0"]
)
GARBAGE = st.one_of(st.binary(max_size=30), st.lists(WORDS, max_size=8).map(lambda w: "".join(w).encode()))


@given(GARBAGE, GARBAGE)
def test_no_header_field_can_break_the_reading_of_another(reset: bytes, after: bytes) -> None:
    answer = Head(429, ((b"anthropic-ratelimit-unified-reset", reset), (b"retry-after", after)))
    seen = observe(MESSAGES, answer, b"", NOW)
    assert seen is not None
    assert seen.kind == "limit"
    assert seen.until is None or abs(seen.until) < 1e12


@given(
    st.integers(100, 999),
    st.binary(max_size=60),
    st.lists(
        st.tuples(
            st.sampled_from([b"content-type", b"retry-after", b"x-should-retry"]), st.binary(max_size=20)
        )
    ),
    st.sampled_from([MESSAGES, COUNT, "/v1/models"]),
)
def test_every_answer_can_be_observed(
    status: int, body: bytes, fields: list[tuple[bytes, bytes]], path: str
) -> None:
    seen = observe(path, Head(status, tuple(fields)), body, NOW)
    if seen is not None:
        assert seen.reason.isprintable()
        assert len(seen.reason) < 260


EVENTS: list[tuple[bytes, str, str, str]] = [
    (error("overloaded_error", "busy"), "account", "overloaded", "inside the stream: busy"),
    (error("rate_limit_error", ""), "account", "limit", "limit reached, told inside the stream"),
    (
        error("authentication_error", "no"),
        "account",
        "credential",
        "not accepted, told inside the stream: no",
    ),
    (error("billing_error", "no"), "account", "payment", "told inside the stream: no"),
    (error("permission_error", "no"), "account", "forbidden", "told inside the stream: no"),
    (error("invalid_request_error", "bad"), "request", "invalid request", "invalid_request_error"),
    (error("not_found_error", "bad"), "request", "invalid request", "not_found_error"),
    (error("not_found_error", "model: m"), "model", "no such model", "told inside the stream: model: m"),
    (error("request_too_large", "bad"), "request", "too long", "too large, told inside the stream: bad"),
    (error("api_error", "oops"), "account", "server error", "api_error, told inside the stream: oops"),
    (error("timeout_error", ""), "account", "server error", "timeout_error, told inside the stream"),
    (error("made\x1b[31m up\nname", ""), "account", "server error", "made up name, told inside"),
    (b"nonsense", "account", "server error", "api_error, told inside the stream"),
]


@pytest.mark.parametrize(("data", "scope", "kind", "told"), EVENTS)
def test_an_error_inside_a_stream_says_what_the_same_error_outside_says(
    data: bytes, scope: str, kind: str, told: str
) -> None:
    seen = observe_event(encode("error", data))
    assert (seen.scope, seen.kind, seen.until) == (scope, kind, None)
    assert told in seen.reason


HOSTILE = [
    ("\x1b[31mred\x1b[0m and \x9b1mloud", "red and loud"),
    ("two\r\nlines\tand a tab", "two lines and a tab"),
    ("right\u202eleft\u2066", "right left"),
    ("zero\u200bwidth", "zero width"),
    ("half \ud800 pair", "half pair"),
    ("nul\x00", "nul"),
    ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ("x" * 500, "x" * 159 + "…"),
    ("😀" * 500, "😀" * 159 + "…"),
]


@pytest.mark.parametrize(("message", "quoted"), HOSTILE, ids=lambda value: ascii(value)[:30])
def test_text_from_upstream_is_quoted_on_one_short_printable_line(message: str, quoted: str) -> None:
    answer = observe(MESSAGES, head(500), error("api_error", message), NOW)
    event = observe_event(encode("error", error("overloaded_error", message)))
    assert answer == Observation("account", "server error", f"status 500: {quoted}")
    assert event.reason == f"overloaded, told inside the stream: {quoted}"


def test_a_content_type_is_quoted_like_any_text_from_outside() -> None:
    seen = observe(MESSAGES, head(200, content_type="te\x1bxt\u00ad/" + "h" * 500), b"", NOW)
    assert seen is not None
    assert seen.reason.isprintable()
    assert len(seen.reason) < 260


FAILURES: list[tuple[UpstreamError, Scope, str]] = [
    (ConnectFailed("refused"), "provider", "connect"),
    (UpstreamTimeout("silent"), "account", "time-out"),
    (UpstreamBroken("broke"), "account", "broken"),
    (UpstreamError("other"), "account", "broken"),
]


@pytest.mark.parametrize(("failure", "scope", "kind"), FAILURES)
def test_an_answer_that_never_came_says_how_it_failed(
    failure: UpstreamError, scope: Scope, kind: str
) -> None:
    assert observe_failure(failure) == Observation(scope, kind, str(failure))


@pytest.mark.parametrize(
    ("kind", "stream"),
    [
        ("text/event-stream", True),
        ("text/event-stream;charset=utf-8", True),
        (" TEXT/EVENT-STREAM", True),
        ("application/json", False),
        ("x-text/event-stream", False),
        ("", False),
    ],
)
def test_a_stream_is_what_says_so(kind: str, stream: bool) -> None:
    assert is_stream(head(200, content_type=kind)) is stream
    assert not is_stream(head(200))
