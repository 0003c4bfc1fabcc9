"""What a client is told of how long to wait, from whatever field an upstream told it in."""

import pytest

from ccflared.providers.resets import wait_fields
from ccflared.wire import Head, Headers

NOW = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC

WAITS: list[tuple[str, int, Headers, Headers]] = [
    ("seconds", 429, ((b"retry-after", b"20"),), ((b"retry-after", b"20"),)),
    ("part of a second", 429, ((b"retry-after", b"0.3"),), ((b"retry-after", b"1"),)),
    ("none", 429, ((b"retry-after", b"0"),), ((b"retry-after", b"0"),)),
    ("a date", 503, ((b"retry-after", b"Fri, 15 Jan 2027 08:01:00 GMT"),), ((b"retry-after", b"60"),)),
    ("a date that has passed", 503, ((b"retry-after", b"Fri, 15 Jan 2027 07:00:00 GMT"),), ((b"retry-after", b"0"),)),
    ("a moment", 429, ((b"retry-after", b"1800000030"),), ((b"retry-after", b"30"),)),
    ("milliseconds", 429, ((b"retry-after-ms", b"1500"),), ((b"retry-after", b"2"), (b"retry-after-ms", b"1500"))),
    ("a duration of OpenAI", 429, ((b"x-ratelimit-reset-requests", b"1m30s"),), ((b"retry-after", b"90"),)),
    (
        "the limit that is used up",
        429,
        (
            (b"x-ratelimit-remaining-requests", b"7"),
            (b"x-ratelimit-reset-requests", b"1h"),
            (b"x-ratelimit-remaining-tokens", b"0"),
            (b"x-ratelimit-reset-tokens", b"6.5s"),
        ),
        ((b"retry-after", b"7"),),
    ),
    (
        "Anthropic's limits of an API key",
        429,
        (
            (b"anthropic-ratelimit-tokens-remaining", b"0"),
            (b"anthropic-ratelimit-tokens-reset", b"2027-01-15T08:00:10Z"),
        ),
        ((b"retry-after", b"10"),),
    ),
    ("limits that are no matter of a 500", 500, ((b"x-ratelimit-reset-requests", b"1m"),), ()),
    ("retry-after counts first", 429, ((b"retry-after", b"5"), (b"x-ratelimit-reset-requests", b"1m")), ((b"retry-after", b"5"),)),
    ("junk", 429, ((b"retry-after", b"soon"), (b"retry-after-ms", b"x")), ()),
    ("junk beside a limit", 429, ((b"retry-after", b"soon"), (b"x-ratelimit-reset", b"9")), ((b"retry-after", b"9"),)),
    ("nothing", 429, (), ()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "told", "fields"), [row[1:] for row in WAITS], ids=[row[0] for row in WAITS]
)
def test_a_wait_is_told_in_seconds(status: int, told: Headers, fields: Headers) -> None:
    assert wait_fields(Head(status, told), NOW) == fields
