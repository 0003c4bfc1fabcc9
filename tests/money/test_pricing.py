"""Prices: exact to a millionth of a USD where all is known, and unknown where anything is missing; never a zero instead."""

import datetime as dt
import math
import tomllib
from fractions import Fraction
from importlib.resources import files
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.config.model import Price
from ccflared.money.pricing import (
    Prices,
    PriceTable,
    by_kind,
    is_priced,
    known_at,
    priced,
    prices_of,
    reported_cost,
    shipped,
)
from ccflared.providers.presets import builtin
from ccflared.wire import Headers, Tokens

LISTED = prices_of({})
MILLION = 1_000_000
EACH = Tokens(10_000, 10_000, 10_000, 10_000, 10_000)
"""Few enough for a short prompt everywhere."""

# USD per million: input, output, read, five minutes, an hour
MODELS: list[tuple[str, tuple[float, ...]]] = [
    ("claude-haiku-4-5", (1, 5, 0.1, 1.25, 2)),
    ("claude-haiku-4-5-20251001", (1, 5, 0.1, 1.25, 2)),
    ("claude-haiku-4-5@20251001", (1, 5, 0.1, 1.25, 2)),
    ("claude-sonnet-4", (3, 15, 0.3, 3.75, 6)),
    ("claude-sonnet-4-20250514", (3, 15, 0.3, 3.75, 6)),
    ("claude-sonnet-4-6", (3, 15, 0.3, 3.75, 6)),
    ("claude-sonnet-5", (2, 10, 0.2, 2.5, 4)),
    ("claude-sonnet-5-5", (2, 10, 0.1, 2.5, 4)),
    ("claude-haiku-5-5", (0.1, 0.5, 0.01, 0.125, 0.2)),
    ("claude-3-haiku-20240307", (0.25, 1.25, 0.03, 0.3, 0.5)),
    ("claude-3-5-haiku-20241022", (0.8, 4, 0.08, 1, 1.6)),
    ("claude-3-7-sonnet-20250219", (3, 15, 0.3, 3.75, 6)),
    ("claude-3-opus-20240229", (15, 75, 1.5, 18.75, 30)),
    ("claude-opus-4", (15, 75, 1.5, 18.75, 30)),
    ("claude-opus-4-20250514", (15, 75, 1.5, 18.75, 30)),
    ("claude-opus-4-0", (15, 75, 1.5, 18.75, 30)),
    ("claude-opus-4-1", (15, 75, 1.5, 18.75, 30)),
    ("claude-opus-4-1-20250805", (15, 75, 1.5, 18.75, 30)),
    ("claude-opus-4-5-20251101", (5, 25, 0.5, 6.25, 10)),
    ("claude-opus-4-8", (5, 25, 0.5, 6.25, 10)),
    ("claude-opus-5-5", (4, 20, 0.2, 5, 8)),
    ("claude-fable-5", (10, 50, 1, 12.5, 20)),
]


@pytest.mark.parametrize(("model", "rates"), MODELS)
def test_a_model_of_claude_costs_what_the_list_says(model: str, rates: tuple[float, ...]) -> None:
    assert priced(model, EACH, LISTED) == round(sum(rates) * 10_000)
    for place, rate in enumerate(rates):
        counts = [0] * 5
        counts[place] = 10_000
        assert priced(model, Tokens(*counts), LISTED) == round(rate * 10_000)
    assert is_priced(model, LISTED)


def test_others_cost_what_the_list_says_as_far_as_it_says_it() -> None:
    assert priced("glm-4.6", Tokens(MILLION, MILLION, MILLION, MILLION), LISTED) == 2_910_000
    assert priced("glm-4.5-air", Tokens(MILLION, MILLION, MILLION, MILLION), LISTED) == 1_330_000
    assert priced("MiniMax-M2", Tokens(MILLION, MILLION), LISTED) == 1_500_000


UNKNOWN: list[tuple[str | None, Tokens]] = [
    (None, Tokens(1, 1)),
    ("", Tokens(1, 1)),
    ("gpt-9", Tokens(1, 1)),
    ("gpt-9", Tokens(0, 0)),
    ("claude-opus-4-10", Tokens(1, 1)),
    ("claude-opus-4-9", Tokens(1, 1)),
    ("claude-sonnet-6", Tokens(1, 1)),
    ("glm-4.5-flash", Tokens(1, 1)),
    ("minimax-m2.7", Tokens(1, 1)),
    # one rate is missing, and needed
    ("glm-4.6", Tokens(1, 1, 0, 0, 1)),
    ("MiniMax-M2", Tokens(1, 1, 1)),
    # nothing was reported
    ("claude-opus-5", Tokens()),
]


@pytest.mark.parametrize(("model", "tokens"), UNKNOWN)
def test_what_is_not_known_makes_the_cost_unknown(model: str | None, tokens: Tokens) -> None:
    assert priced(model, tokens, LISTED) is None


def test_a_rate_that_is_missing_and_not_needed_is_not_missed() -> None:
    assert priced("MiniMax-M2", Tokens(10, 10, 0, None, 0), LISTED) == 15
    assert priced("claude-opus-5", Tokens(0, 0), LISTED) == 0
    assert priced("claude-opus-5", Tokens(output=1), LISTED) == 25


def test_a_half_is_rounded_up_once_at_the_end() -> None:
    own = prices_of({"m": Price(input=0.25, output=0.125)})
    assert [priced("m", Tokens(count), own) for count in range(6)] == [0, 0, 1, 1, 1, 1]
    # each alone would be rounded down, together they are one half
    assert priced("m", Tokens(1, 2), own) == 1
    assert priced("m", Tokens(1, 1), own) == 0
    # the binary fraction nearest to 0.3 is a little less
    own = prices_of({"m": Price(input=0.3)})
    assert priced("m", Tokens(5), own) == 2


RATE = st.integers(0, 10**8).map(lambda millionths: millionths / MILLION)
COUNT = st.one_of(st.none(), st.integers(0, 10**9))


@given(st.tuples(RATE, RATE, RATE, RATE, RATE), st.tuples(COUNT, COUNT, COUNT, COUNT, COUNT))
def test_the_sum_is_exact(rates: tuple[float, ...], counts: tuple[int | None, ...]) -> None:
    exact = sum(
        (Fraction(round(r * MILLION), MILLION) * (c or 0) for r, c in zip(rates, counts, strict=True)),
        Fraction(),
    )
    expected = math.floor(exact + Fraction(1, 2)) if any(count is not None for count in counts) else None
    assert priced("m", Tokens(*counts), prices_of({"m": Price(*rates)})) == expected


def test_absurd_costs_are_unknown() -> None:
    assert priced("m", Tokens(2**53 - 1), prices_of({"m": Price(input=1e15)})) is None


OWN: list[tuple[dict[str, Price], str, Price]] = [
    # rate by rate over the shipped one
    ({"claude-opus-5": Price(input=4.0)}, "claude-opus-5", Price(4.0, 25, 0.5, 6.25, 10)),
    ({"claude-opus-5": Price(input=0.0)}, "claude-opus-5", Price(0.0, 25, 0.5, 6.25, 10)),
    ({"claude-opus-5": Price(input=4.0)}, "claude-opus-5-20270101", Price(4.0, 25, 0.5, 6.25, 10)),
    ({"claude-opus-5": Price(input=3.0)}, "claude-opus-5-5", Price(4, 20, 0.2, 5, 8)),
    # a glob of one's own goes before the shipped names
    ({"claude-*": Price(input=4.0)}, "claude-opus-4-1", Price(4.0, 75, 1.5, 18.75, 30)),
    # a name before a glob, a name with its date before one without, a long glob before a short one
    (
        {"claude-opus-5": Price(input=4.0), "*": Price(input=3.0)},
        "claude-opus-5",
        Price(4.0, 25, 0.5, 6.25, 10),
    ),
    ({"x-20260101": Price(1.0), "x": Price(2.0)}, "x-20260101", Price(1.0)),
    ({"x-20260101": Price(1.0), "x": Price(2.0)}, "x-20260102", Price(2.0)),
    ({"*": Price(1.0), "vendor/*": Price(2.0), "v*": Price(3.0)}, "vendor/big", Price(2.0)),
    ({"vendor/big": Price(1.0, 2.0)}, "vendor/big", Price(1.0, 2.0)),
    ({"opus[1m]": Price(1.0)}, "opus[1m]", Price(1.0)),
    ({"VENDOR/*": Price(1.0)}, "vendor/big", Price()),
    ({}, "vendor/big", Price()),
]


@pytest.mark.parametrize(("own", "model", "price"), OWN)
def test_prices_of_the_file_go_before_the_shipped_ones(
    own: dict[str, Price], model: str, price: Price
) -> None:
    assert prices_of(own).of(model) == price


def test_a_model_is_priced_when_its_input_and_output_are() -> None:
    own = prices_of({"in": Price(input=1.0), "both": Price(1.0, 0.0)})
    assert [is_priced(model, own) for model in ("in", "both", "none")] == [False, True, False]


def test_a_table_of_the_file_that_changes_later_changes_nothing() -> None:
    own = {"x": Price(1.0, 1.0)}
    prices = prices_of(own)
    own.clear()
    assert is_priced("x", prices)


CHEAPER_TO_READ = {"claude-opus-5-5": 0.05, "claude-sonnet-5-5": 0.05, "claude-fable-5-1": 0.025}
"""What a read costs, as a share of the input price, where that is not a tenth."""


def test_the_shipped_table_is_dated_and_has_rates_alone() -> None:
    tables = tomllib.loads(files("ccflared.money").joinpath("prices.toml").read_text(encoding="utf-8"))
    assert dt.date.fromisoformat(tables["date"]) > dt.date(2026, 1, 1)
    assert set(tables) == {"date", "makers", "hosts", "pricing", "long"}
    for name, rates in tables["pricing"].items():
        assert {"input", "output"} <= rates.keys(), name
        assert all(type(rate) in (int, float) and 0 <= rate < 1000 for rate in rates.values()), name
        assert rates["input"] <= rates["output"], name
        assert rates.get("cache_read", 0) <= rates["input"] <= rates.get("cache_write_1h", 1000), name
        if name.startswith("claude-") and "cache_read" in rates and name != "claude-3-haiku":
            assert rates["cache_write_1h"] == 2 * rates["input"], name
            assert rates["cache_write_5m"] == 1.25 * rates["input"], name
            share = CHEAPER_TO_READ.get(name, 0.1)
            assert rates["cache_read"] == pytest.approx(share * rates["input"]), name
    for name, rates in tables["long"].items():
        base = tables["pricing"][name if name in tables["pricing"] else "claude-sonnet-4-[056]"]
        assert rates["above"] >= 100_000, name
        assert all(rates[rate] > base[rate] for rate in rates.keys() - {"above"}), name
    assert prices_of({}) == Prices((PriceTable("file", {}), shipped()))


def test_the_names_that_a_maker_takes_are_known_by_the_host_of_its_api() -> None:
    own = known_at("api.anthropic.com")
    assert {
        "claude-opus-5-5",
        "claude-sonnet-4-0",
        "claude-sonnet-4-6",
        "claude-opus-4-5",
        "claude-opus-4-8",
    } <= {*own}
    assert all(name.startswith("claude-") and "[" not in name for name in own)
    assert "o3" in known_at("api.openai.com")
    assert "openai/gpt-5" not in known_at("api.openai.com")
    # four places of letters would make names that never were
    assert not any("preview" in name for name in known_at("api.moonshot.ai"))
    assert known_at("gateway.example.com") == ()
    tables = tomllib.loads(files("ccflared.money").joinpath("prices.toml").read_text(encoding="utf-8"))
    assert all(
        known_at(host) and all(is_priced(n, prices_of({})) for n in known_at(host))
        for host in tables["hosts"]
    )
    hosts = {urlsplit(provider.base_url or "").hostname for provider in builtin().values()}
    assert set(tables["hosts"]) <= hosts, "a host that no built-in provider has any more"


def test_a_long_prompt_has_prices_of_its_own_for_all_of_the_request() -> None:
    model = "claude-sonnet-4-5-20250929"
    assert priced(model, Tokens(200_000, 1000), LISTED) == 200_000 * 3 + 1000 * 15
    assert priced(model, Tokens(200_001, 1000), LISTED) == 200_001 * 6 + 22_500
    # what was read from a cache, and written to one, is part of the prompt
    assert priced(model, Tokens(1, 0, 100_000, 50_000, 50_000), LISTED) == 6 + 60_000 + 375_000 + 600_000
    # a rate that is not known for long prompts is not that of short ones
    assert priced("grok-4", Tokens(100_000, 1, 50_000), LISTED) is None
    assert priced("grok-4", Tokens(100_000, 1, 20_000), LISTED) == 300_000 + 15 + 15_000


def test_prices_of_ones_own_are_those_of_long_prompts_too() -> None:
    own = prices_of({"claude-sonnet-4-5": Price(input=2.0)})
    assert priced("claude-sonnet-4-5", Tokens(300_000, 1000), own) == 300_000 * 2 + 15_000


@pytest.mark.parametrize(
    ("model", "source"),
    [
        ("mine", "file"),
        ("claude-opus-5", "file"),
        ("claude-opus-4-5", "list 2026-11-01"),
        ("listed", "list 2026-11-01"),
        ("claude-haiku-4-5-20251001", shipped().source),
        ("nobody", None),
        (None, None),
    ],
)
def test_the_source_of_a_price_is_the_first_that_says_anything_of_it(
    model: str | None, source: str | None
) -> None:
    listed = PriceTable("list 2026-11-01", {"listed": Price(1, 2), "claude-opus-4-5": Price(4, 20)})
    prices = prices_of({"mine": Price(1, 2), "claude-opus-5": Price(cache_read=1)}, listed)
    assert prices.source(model) == source


def test_a_price_list_stands_between_the_file_and_the_shipped_table() -> None:
    listed = PriceTable("list 2026-11-01", {"claude-opus-4-5": Price(4, 20)})
    prices = prices_of({"claude-opus-4-5": Price(output=19)}, listed)
    assert prices.of("claude-opus-4-5-20251101") == Price(4, 19, 0.5, 6.25, 10)


def billed(value: bytes) -> Headers:
    return ((b"content-type", b"x"), (b"anthropic-billing-cost", value))


REPORTED: list[tuple[str | None, Headers, int | None]] = [
    (None, (), None),
    (None, billed(b"0.0123"), 12_300),
    (None, billed(b" 1 "), MILLION),
    (None, billed(b"0"), 0),
    (None, billed(b"1.5e-3"), 1500),
    (None, billed(b"0.0000005"), 1),
    (None, billed(b"0.00000049"), 0),
    (None, billed(b"0.1"), 100_000),
    ('{"cost":0.1}', (), 100_000),
    ('{"cost":2,"output_tokens":7}', (), 2 * MILLION),
    ('{"cost":0.2}', billed(b"0.1"), 100_000),
    # nonsense
    ('{"cost":0.2}', billed(b"much"), 200_000),
    (None, billed(b""), None),
    (None, billed(b"-0.1"), None),
    (None, billed(b"NaN"), None),
    (None, billed(b"Infinity"), None),
    (None, billed(b"1_000"), None),
    (None, billed(b'"0.1"'), None),
    (None, billed(b"true"), None),
    (None, billed(b"1e300"), None),
    (None, billed(b"1e99999999999999999999"), None),
    (None, billed(b"1e999999999"), None),
    (None, billed(b"9" * 5000), None),
    (None, billed(b"[" * 100_000), None),
    (None, billed(b"\xff"), None),
    ("", (), None),
    ("{}", (), None),
    ("[]", (), None),
    ("7", (), None),
    ("{", (), None),
    ('{"cost":null}', (), None),
    ('{"cost":"0.1"}', (), None),
    ('{"cost":true}', (), None),
    ('{"cost":{"total":1}}', (), None),
    ('{"cost":-1}', (), None),
    ('{"cost":NaN}', (), None),
    ('{"x":"\ud800","cost":1}', (), MILLION),
]


@pytest.mark.parametrize(("usage", "headers", "cost"), REPORTED, ids=lambda value: str(value)[:50])
def test_a_reported_cost_is_read_and_nonsense_is_not(
    usage: str | None, headers: Headers, cost: int | None
) -> None:
    assert reported_cost(usage, headers) == cost


@given(
    st.binary(max_size=20),
    st.one_of(st.none(), st.text(max_size=20), st.floats().map(lambda x: f'{{"cost":{x}}}')),
)
def test_whatever_is_reported_the_cost_is_a_bounded_amount_or_unknown(
    value: bytes, usage: str | None
) -> None:
    cost = reported_cost(usage, billed(value))
    assert cost is None or 0 <= cost < 2**53


@given(st.integers(0, 2**53 - 1))
def test_a_cost_written_in_usd_is_read_to_the_millionth(millionths: int) -> None:
    text = f"{millionths // MILLION}.{millionths % MILLION:06}"
    assert reported_cost(None, billed(text.encode())) == millionths
    assert reported_cost(f'{{"cost":{text}}}', ()) == millionths


COUNTS = st.none() | st.integers(0, 2_000_000)


@given(st.sampled_from([name for name, _ in MODELS]), st.builds(Tokens, *[COUNTS] * 5))
def test_the_costs_of_all_kinds_are_together_what_the_request_cost(model: str, tokens: Tokens) -> None:
    costs, cost = by_kind(model, tokens, LISTED), priced(model, tokens, LISTED)
    assert (costs is None) == (cost is None)
    if costs is not None and cost is not None:
        assert sum(costs) * MILLION == pytest.approx(cost, abs=0.6)


def test_what_a_kind_costs_is_unknown_where_the_whole_is() -> None:
    assert by_kind("nobody-knows", EACH, LISTED) is None
    assert by_kind(None, EACH, LISTED) is None
    assert by_kind("claude-haiku-4-5", EACH, LISTED) == pytest.approx((0.01, 0.05, 0.001, 0.0125, 0.02))
