"""What an answer tells of a plan's usage windows, and that nonsense tells nothing."""

import math

import pytest
from answers import fixtures, unified
from hypothesis import given
from hypothesis import strategies as st

from ccflared.providers.quota import read_quota, read_unified
from ccflared.providers.resets import (
    duration,
    moment,
    number,
    per_minute_reset,
    rate_limit_reset,
    retry_after,
)
from ccflared.wire import Head, Quota, Window

NOW = 1_790_000_000.0


def head(fields: dict[str, str]) -> Head:
    return Head(200, tuple((name.encode(), value.encode("latin-1")) for name, value in fields.items()))


def quota(**fields: object) -> Quota:
    read = read_quota(head(unified(**fields)), NOW)
    assert read is not None
    assert read.at == NOW
    return read


def test_both_windows_of_a_plan_are_read() -> None:
    read = quota(
        status="allowed", five_h_utilization="0.42", five_h_reset=int(NOW + 60), five_h_status="allowed",
        seven_d_utilization="1.01", seven_d_reset=int(NOW + 600), seven_d_status="rejected",
        representative_claim="five_hour", fallback_percentage="0.5", reset=int(NOW + 60),
    )  # fmt: skip
    assert read.windows == (
        Window("5h", 0.42, NOW + 60),
        Window("7d", 1.01, NOW + 600, spent=True),
    )
    assert read.overage is None


def test_an_answer_without_unified_fields_tells_nothing() -> None:
    assert read_quota(head({"anthropic-ratelimit-requests-remaining": "0"}), NOW) is None
    assert read_quota(Head(200, ()), NOW) is None


@pytest.mark.parametrize(
    ("abbreviation", "name", "family"),
    [
        ("5h", "5h", None),
        ("7d", "7d", None),
        ("30d", "30d", None),
        ("7d_opus", "7d opus", "opus"),
        ("7d-opus", "7d opus", "opus"),
        ("7d_sonnet", "7d sonnet", "sonnet"),
        ("7d_haiku", "7d haiku", "haiku"),
        ("7d_fable", "7d fable", "fable"),
        ("7d_oi", "7d fable", "fable"),
        ("7d_opus_4", "7d opus", "opus"),
        ("7d_oauth_apps", "7d oauth_apps", None),
        ("7d-oauth-apps", "7d oauth_apps", None),
        ("7d_magnum_opuses", "7d magnum_opuses", None),
    ],
)
def test_a_window_for_a_family_says_so(abbreviation: str, name: str, family: str | None) -> None:
    read = read_quota(head({f"anthropic-ratelimit-unified-{abbreviation}-utilization": "0.5"}), NOW)
    assert read == Quota(NOW, (Window(name, 0.5, family=family),))


@pytest.mark.parametrize(
    ("claim", "name", "family"),
    [
        ("five_hour", "5h", None),
        ("seven_day", "7d", None),
        ("seven_day_opus", "7d opus", "opus"),
        ("seven_day_sonnet", "7d sonnet", "sonnet"),
        ("seven_day_overage_included", "7d fable", "fable"),
    ],
)
def test_a_claim_names_a_window(claim: str, name: str, family: str | None) -> None:
    read = read_unified(head(unified(representative_claim=claim)))
    assert read is not None
    assert read.claim == Window(name, family=family)


@pytest.mark.parametrize("claim", ["overage", "", "five_hours", "ten_hour", "\xff"])
def test_a_claim_that_is_no_window_names_none(claim: str) -> None:
    read = read_unified(head(unified(representative_claim=claim)))
    assert read is not None
    assert read.claim is None


@pytest.mark.parametrize("status", ["rejected", "Rejected", "rate_limited", "blocked", "queueing_hard"])
def test_a_hard_status_means_spent(status: str) -> None:
    assert quota(five_h_status=status).windows == (Window("5h", spent=True),)


@pytest.mark.parametrize("status", ["allowed", "allowed_warning", "queueing_soft", "", "a_new_word"])
def test_any_other_status_does_not(status: str) -> None:
    assert quota(five_h_status=status).windows == (Window("5h"),)


@pytest.mark.parametrize(
    ("fields", "overage"),
    [
        ({"overage_in_use": "true", "overage_status": "allowed"}, "in use"),
        ({"overage_in_use": "True", "overage_status": "rejected"}, "in use"),
        ({"overage_in_use": "false", "overage_status": "allowed"}, "available"),
        ({"overage_status": "allowed_warning"}, "available"),
        ({"overage_status": "rejected", "overage_disabled_reason": "out_of_credits"}, "unavailable"),
        ({"overage_status": "org_level_disabled"}, "unavailable"),
        ({"overage_disabled_reason": "out_of_credits"}, "unavailable"),
        ({"overage_status": "a_new_word"}, None),
        ({"overage_in_use": "false"}, None),
        ({"status": "allowed"}, None),
    ],
)
def test_paid_extra_usage_is_told_apart(fields: dict[str, str], overage: str | None) -> None:
    assert quota(**fields).overage == overage


def test_a_surpassed_threshold_stands_for_a_share_that_is_not_told() -> None:
    assert quota(five_h_surpassed_threshold="0.75").windows == (Window("5h", 0.75),)
    assert quota(five_h_surpassed_threshold="0.75", five_h_utilization="0.8").windows == (Window("5h", 0.8),)


@pytest.mark.parametrize(
    "share", ["-0.1", "nan", "inf", "1e3", "87.5", "50%", "", "0.5.5", "\xb2", "9" * 400]
)
def test_a_share_that_is_none_is_passed_over(share: str) -> None:
    assert quota(five_h_utilization=share).windows == (Window("5h"),)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1790000600", NOW + 600),
        ("1790000600.5", NOW + 600.5),
        ("2026-09-21T13:53:20Z", 1_789_998_800.0),
        ("2026-09-21T13:53:20.5+02:00", 1_789_991_600.5),
        ("1700000000", 1_700_000_000.0),
        ("600", None),
        ("1790000600000", None),
        ("2026-09-21T13:53:20", None),
        ("2026-09-21", None),
        ("2026-13-21T13:53:20Z", None),
        ("0001-01-01T00:00:00+23:59", -62_135_683_140.0),
        ("soon", None),
        ("", None),
    ],
)
def test_a_reset_is_unix_seconds_or_a_date_with_its_zone(text: str, at: float | None) -> None:
    assert moment(text) == at
    assert quota(five_h_reset=text).windows == (Window("5h", None, at),)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0), ("6m0s", 360.0), ("20ms", 0.02), ("2m59.56s", 179.56), ("1h2m3s", 3723.0), ("1h", 3600.0),
        ("7.66s", 7.66), ("2d1h", 176_400.0), ("1m", 60.0), ("1m20ms", 60.02), ("0s", 0.0),
        ("", None), ("s", None), ("5", None), ("-1s", None), ("1s1m", None), ("1 s", None), ("1e3s", None),
        ("\u0661s", None),
    ],
)  # fmt: skip
def test_a_duration_is_read_as_go_prints_it(text: str, seconds: float | None) -> None:
    assert duration(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("text", ["0", "7", "0.5", "1790000000", "1.01"])
def test_a_number_is_plain_decimal(text: str) -> None:
    assert number(text) == float(text)


@pytest.mark.parametrize("text", ["", "-1", "+1", "1e3", ".5", "5.", "0x1", "1_0", "nan", " 1", "\u0661"])
def test_nothing_else_is_a_number(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize(
    ("fields", "until"),
    [
        ({"retry-after-ms": "1250"}, 1.25),
        ({"retry-after-ms": "1250", "retry-after": "2"}, 1.25),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after-ms": "1790000000000", "retry-after": "2"}, 2.0),
    ],
)
def test_retry_after_in_milliseconds_is_the_more_exact(fields: dict[str, str], until: float) -> None:
    assert retry_after(head(fields), NOW) == NOW + until


@pytest.mark.parametrize(
    ("fields", "until"),
    [
        ({"reset-requests": "1s", "remaining-requests": "0", "reset-tokens": "9s", "remaining-tokens": "4"}, 1.0),
        ({"reset-requests": "1s", "remaining-requests": "3", "reset-tokens": "9s", "remaining-tokens": "4"}, None),
        ({"reset-requests": "1s", "reset-tokens": "9s"}, 9.0),
        ({"reset-requests-day": "33011.382867097855", "remaining-requests-day": "0"}, 33011.382867),
        ({"reset-requests": "never", "reset": "15"}, 15.0),
        ({"reset": "15", "remaining": "0"}, 15.0),
        ({"reset": "15", "remaining": "7"}, None),
        ({"reset": str(int(NOW + 5))}, 5.0),
        ({"reset": str(int(NOW + 5) * 1000)}, 5.0),
        ({"reset": "2026-09-21T14:13:25Z"}, 5.0),
        ({"reset": "999999999999999"}, None),
        ({"reset": "soon"}, None),
        ({"reset": ""}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_of_several_resets_the_latest_of_what_is_used_up_counts(
    fields: dict[str, str], until: float | None
) -> None:
    answer = head({f"x-ratelimit-{name}": value for name, value in fields.items()})
    assert rate_limit_reset(answer, NOW) == (None if until is None else pytest.approx(NOW + until))


def test_a_unified_field_is_no_limit_a_minute() -> None:
    fields = {"anthropic-ratelimit-unified-remaining": "0", "anthropic-ratelimit-unified-reset": "1790000600"}
    assert per_minute_reset(head(fields)) is None


NAMES = st.one_of(
    st.sampled_from(
        sorted(
            {n for f in fixtures(NOW) for n, _ in f.headers if n.startswith(b"anthropic-ratelimit-unified-")}
        )
    ),
    st.binary(max_size=12).map(lambda tail: b"anthropic-ratelimit-unified-" + tail),
    st.from_regex(
        rb"anthropic-ratelimit-unified-[0-9]{1,3}[hd][_a-z]{0,9}-(reset|status|utilization)", fullmatch=True
    ),
)
VALUES = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        [b"allowed", b"rejected", b"1790000600", b"0.5", b"nan", b"9" * 500, b"0001-01-01T00:00:00Z"]
    ),
)


@given(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=40))
def test_no_field_is_too_strange(fields: list[tuple[bytes, bytes]]) -> None:
    read = read_quota(Head(200, tuple(fields)), NOW)
    assert read is not None
    assert len(read.windows) <= 16
    assert len({window.name for window in read.windows}) == len(read.windows)
    for window in read.windows:
        assert window.name.isprintable()
        assert window.utilization is None or 0 <= window.utilization <= 10
        assert window.resets_at is None or math.isfinite(window.resets_at)
        assert window.family is None or window.family in window.name
