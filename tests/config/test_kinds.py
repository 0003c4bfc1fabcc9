"""Single values: what each kind takes, and that what it writes it reads back."""

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any

import pytest
from filebook import config
from hypothesis import given
from hypothesis import strategies as st

from ccflared.config.kinds import Kind, Mode, Number, Reading, Size
from ccflared.config.net_kinds import BasePath, TrustedPeer, Url, WebOrigin
from ccflared.config.time_kinds import Day, Duration, Instant, TimeOfDay, Weekdays, Zone
from ccflared.config.toml_text import toml_value
from ccflared.config.words import did_you_mean, dotted, found, found_type, quoted, toml_string


def read(kind: Kind[Any], value: object) -> tuple[Any, list[str]]:
    """What a kind makes of a value, and what it says."""
    reading = Reading(
        lambda _: Path("/etc"), Path("/home/ada"), lambda name: name in {"UTC", "Europe/Berlin"}
    )
    made = kind.read(value, ("x",), reading)
    return made, [problem.message for problem in reading.problems]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Duration(), "90s", 90.0),
        (Duration(), "1h30m", 5400.0),
        (Duration(), "750ms", 0.75),
        (Duration(), " 2w ", 1209600.0),
        (Duration(), 1.5, 1.5),
        (Duration(zero="off"), "off", 0.0),
        (Duration(zero="off"), 0, 0.0),
        (Size(), "64MiB", 64 * 1024 * 1024),
        (Size(), "1.5 kB", 1500),
        (Size(), 4096, 4096),
        (Mode(), "0600", 0o600),
        (Mode(), "660", 0o660),
        (Number("n"), 3, 3.0),
        (Day(), dt.date(2027, 1, 1), dt.date(2027, 1, 1)),
        (Day(), "2027-01-01", dt.date(2027, 1, 1)),
        (TimeOfDay(), "7:05", 425),
        (TimeOfDay(), "24:00", 0),
        (TimeOfDay(), dt.time(23, 59), 1439),
        (Weekdays(), ["mon", "Sunday"], frozenset({0, 6})),
        (Instant(), dt.datetime(2027, 1, 1, tzinfo=dt.UTC), 1798761600.0),
        (Instant(), 1798761600, 1798761600.0),
        (Instant(), 1798761600000, 1798761600.0),
        (Zone(), "Europe/Berlin", "Europe/Berlin"),
        (BasePath(), "/ccflared/", "/ccflared"),
        (BasePath(), "/", ""),
        (WebOrigin(), "https://App.example:8443/", "https://app.example:8443"),
        (TrustedPeer(), "10.0.0.0/8", "10.0.0.0/8"),
        (TrustedPeer(), "::1", "::1"),
        (TrustedPeer(), "unix", "unix"),
        (Url(), "https://llm.example.com/v1/", "https://llm.example.com/v1"),
    ],
)
def test_a_kind_takes_every_spelling(kind: Kind[Any], value: object, expected: object) -> None:
    assert read(kind, value) == (expected, [])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Duration(), "90"),
        (Duration(), "s"),
        (Duration(), True),
        (Duration(), 1e12),
        (Size(), "64 MB B"),
        (Size(), 0),
        (Size(), -1),
        (Size(), 2**61),
        (Number("n"), float("nan")),
        (Number("n"), float("inf")),
        (Number("n"), False),
        (Day(), "01.01.2027"),
        (TimeOfDay(), "24:01"),
        (TimeOfDay(), 14),
        (Weekdays(), []),
        (Weekdays(), "mon"),
        (Instant(), -1),
        (Instant(), "tomorrow"),
        (Zone(), "../etc/passwd"),
        (Mode(), 600),
        (Url(), "https://a.example:99999"),
        (Url(), "https://a.example/\u00e4"),
        (Url(), "https:///nohost"),
        (TrustedPeer(), 3),
        (WebOrigin(), "app.example"),
    ],
)
def test_a_kind_refuses_the_rest_with_one_sentence(kind: Kind[Any], value: object) -> None:
    _, problems = read(kind, value)
    assert len(problems) == 1


def test_a_system_without_time_zones_is_named() -> None:
    reading = Reading(lambda _: Path("/etc"), None, lambda _: False)
    assert Zone().read("Europe/Berlin", ("x",), reading) is None
    assert "no time zone database" in reading.problems[0].message


@given(st.integers(1, 10**12))
def test_a_duration_reads_back_as_it_was_written(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    again, problems = read(Duration(), Duration().write(seconds))
    assert problems == []
    assert again == pytest.approx(seconds, abs=0.0006)


@given(st.integers(1, 2**60))
def test_a_size_reads_back_as_it_was_written(size: int) -> None:
    assert read(Size(), Size().write(size)) == (size, [])


@given(st.integers(0, 1439))
def test_a_time_of_day_reads_back_as_it_was_written(minutes: int) -> None:
    assert read(TimeOfDay(), TimeOfDay().write(minutes)) == (minutes, [])


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]))
values = st.recursive(
    st.one_of(
        texts, st.booleans(), st.integers(-(2**62), 2**62), st.floats(allow_nan=False, allow_infinity=False)
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_what_is_written_as_toml_is_read_by_tomllib_as_the_same(value: object) -> None:
    assert tomllib.loads(f"x = {toml_value(value)}") == {"x": value}


@given(texts)
def test_a_text_written_as_toml_stays_on_its_line_and_is_printable(text: str) -> None:
    assert toml_string(text).isprintable()
    assert quoted(text).isprintable()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "an empty list"),
        ([1, 2], "a list of integers"),
        (["a", 1], "a list"),
        ([{}], "a list of tables"),
        ({}, "a table"),
        (1.5, "the number 1.5"),
        (10**30, "a huge integer"),
        (dt.datetime(2027, 1, 1, tzinfo=dt.UTC), "a date with time"),
        (dt.date(2027, 1, 1), "a date"),
        (dt.time(1, 2), "a time of day"),
        ("a\x1b[31m" + "b" * 100, 'the text "a\\u001B[31m' + "b" * 53 + '…"'),
    ],
)
def test_what_was_found_is_told_in_words(value: object, words: str) -> None:
    assert found(value) == words


def test_the_type_of_a_secret_is_told_without_it() -> None:
    assert found_type("sk-ant") == "a text"
    assert (found_type(5), found_type(1.5), found_type(True)) == ("an integer", "a number", "true or false")


def test_key_paths_are_spelled_as_toml_does() -> None:
    assert dotted(("accounts", "my work", "try", 0)) == 'accounts."my work".try[0]'


def test_only_a_close_name_is_suggested() -> None:
    assert did_you_mean("API_KEY", ["api_key", "provider"]) == '; did you mean "api_key"?'
    assert did_you_mean("zzz", ["api_key"]) == ""


def test_families_in_a_model_map_have_one_spelling(tmp_path: Path) -> None:
    text = '[accounts.a]\nprovider = "ollama"\nmodels = { Opus = "a", "claude-3-5-*" = ["b", "="] }\n'
    assert config(tmp_path, text).accounts["a"].models == {"opus": ("a",), "claude-3-5-*": ("b", "=")}


def test_names_of_strategies_of_better_ccflare_are_accepted(tmp_path: Path) -> None:
    for given_name, ours in (("session-affinity", "affinity"), ("session-drain-soonest", "drain-soonest"), ("least-used", "least-used")):  # fmt: skip
        assert config(tmp_path, f'[routing]\nstrategy = "{given_name}"\n').routing.strategy == ours
