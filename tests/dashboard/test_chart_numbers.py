"""What charts are made of: scales, units, marks of time, points and judgements on every odd input."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from browser import ready
from modules import asked
from scene import Daemon

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.acceptance

Ask = Callable[..., Any]
HOUR = 3_600_000


@pytest.fixture(scope="module")
def ask(chromium: "Browser", busy: Daemon) -> Iterator[Ask]:
    """Ask a module of the dashboard: ``ask("charts/scale.js", "return m.axis(0, 1)", zone="Asia/Kolkata")``."""
    pages: dict[str, Page] = {}

    def ask(module: str, body: str, given: object = None, *, zone: str = "Europe/Berlin") -> Any:
        if zone not in pages:
            pages[zone] = chromium.new_context(timezone_id=zone, locale="en-GB").new_page()
            pages[zone].goto(busy.url + "#/logs")
            ready(pages[zone])
        return asked(pages[zone], module, body, given)

    yield ask
    for page in pages.values():
        page.context.close()


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 0), (0, 1), (0, 0.0000012), (0, 9e15), (3, 3), (0, 1 / 3), (-5, 12), (7, 2)],
)
def test_an_axis_ends_on_round_numbers_around_all_values(ask: Ask, low: float, high: float) -> None:
    axis = ask("charts/scale.js", "return m.axis(given[0], given[1])", [low, high])
    assert axis["low"] <= min(low, high)
    assert axis["high"] >= max(low, high)
    assert axis["high"] > axis["low"]
    assert 2 <= len(axis["ticks"]) <= 8
    assert axis["ticks"] == sorted(set(axis["ticks"]))


def test_an_axis_of_no_number_is_one_all_the_same(ask: Ask) -> None:
    assert ask("charts/scale.js", "return m.axis(NaN, Infinity).ticks.length") >= 2
    assert ask("charts/scale.js", "return m.extent([NaN, null, undefined, Infinity, '3'])") is None
    assert ask("charts/scale.js", "return m.extent([NaN, 4, null, -1])") == [-1, 4]
    assert ask("charts/scale.js", "return m.linear([2, 2], [10, 90])(7)") == 10


def test_counts_have_whole_marks_and_shares_end_at_a_hundred(ask: Ask) -> None:
    assert ask("charts/scale.js", "return m.axis(0, 2, {whole: true}).ticks") == [0, 1, 2]
    assert ask("charts/scale.js", "return m.axis(0, 99.6, {cap: 100}).high") == 100
    assert ask("charts/scale.js", "return m.axis(0, 100, {cap: 100}).ticks.at(-1)") == 100


@pytest.mark.parametrize(
    ("unit", "value", "axis", "full"),
    [
        ("count", 1500, "1.5k", "1,500"),
        ("percent", 99.5, "99.5 %", "99.5 %"),
        ("money", 0.05, "$0.05", "$0.05"),
        ("ms", 1500, "1.5 s", "1.5 s"),
        ("ms", 90_000, "1.5 min", "1 min 30 s"),
        ("speed", 45.26, "45.3", "45.3 tok/s"),
    ],
)
def test_units_read_as_people_write_them(ask: Ask, unit: str, value: float, axis: str, full: str) -> None:
    short, long = ask(
        "charts/units.js",
        "const u = m.unit(given[0]); return [u.axis(given[1]), u.full(given[1])]",
        [unit, value],
    )
    assert short.lower() == axis
    assert long.replace("US$", "$") == full


def test_an_unknown_cost_is_unknown_and_not_nothing(ask: Ask) -> None:
    assert ask("charts/units.js", "return m.unit('money').full(null)") == "unknown"


TICKS = "return m.timeTicks(+new Date(given[0]), +new Date(given[1]), given[2], given[3])"


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]
)
@pytest.mark.parametrize("hours", [1, 6, 24, 7 * 24, 30 * 24, 90 * 24, 365 * 24])
def test_marks_of_time_are_in_order_and_few_in_every_zone(ask: Ask, zone: str, hours: int) -> None:
    since = 1_795_000_000_000
    body = "return m.timeTicks(given[0], given[1], 7).map(({t}) => t)"
    marks = ask("charts/scale.js", body, [since, since + hours * HOUR], zone=zone)
    assert 1 <= len(marks) <= 9
    assert marks == sorted(set(marks))
    assert since <= marks[0]
    assert marks[-1] <= since + hours * HOUR


def test_the_hour_that_comes_twice_has_two_marks(ask: Ask) -> None:
    ticks = ask("charts/scale.js", TICKS, ["2026-10-25T00:00", "2026-10-25T06:00", 8])
    assert [tick["label"] for tick in ticks] == [
        "25 Oct",
        "01:00",
        "02:00",
        "02:00",
        "03:00",
        "04:00",
        "05:00",
        "06:00",
    ]


def test_the_hour_that_is_left_out_has_no_mark(ask: Ask) -> None:
    ticks = ask("charts/scale.js", TICKS, ["2026-03-29T00:00", "2026-03-29T06:00", 8])
    assert [tick["label"] for tick in ticks] == ["29 Mar", "01:00", "03:00", "04:00", "05:00", "06:00"]


@pytest.mark.parametrize("day", ["2026-03-27", "2026-10-23"])
def test_marks_of_days_are_midnights_also_when_the_clock_changes(ask: Ask, day: str) -> None:
    body = "const t = +new Date(given + 'T00:00'); return m.timeTicks(t, t + 5 * 864e5, 6).map(({t}) => new Date(t).getHours())"
    assert set(ask("charts/scale.js", body, day)) == {0}


def test_days_are_not_divided_into_hours_and_years_stand_out(ask: Ask) -> None:
    days = ask("charts/scale.js", TICKS, ["2026-11-20", "2026-11-24", 20, 24 * HOUR])
    assert all(" Nov" in tick["label"] for tick in days)
    year = ask("charts/scale.js", TICKS, ["2026-06-10", "2027-05-10", 12])
    assert [tick["label"] for tick in year if tick["strong"]] == ["2027"]


def test_no_time_has_no_marks(ask: Ask) -> None:
    assert ask("charts/scale.js", "return m.timeTicks(5, 5)") == []
    assert ask("charts/scale.js", "return m.timeTicks(NaN, 5)") == []


ALIGN = (
    "const {times, rows} = m.align(given.series, given.span); return [times, rows.map((row) => row.values)]"
)


def test_buckets_that_are_absent_are_nothing_or_unknown_as_their_series_says(ask: Ask) -> None:
    series = [
        {"id": "a", "name": "a", "missing": "zero", "points": [[10, 1], [40, 4]]},
        {"id": "b", "name": "b", "points": [[10, None], [20, 2]]},
    ]
    span = {"since": 0, "until": 55, "step": 10}
    times, values = ask("charts/points.js", ALIGN, {"series": series, "span": span})
    assert times == [0, 10, 20, 30, 40, 50]
    assert values == [[0, 1, 0, 0, 4, 0], [None, None, 2, None, None, None]]


def test_a_day_of_25_hours_is_one_bucket(ask: Ask) -> None:
    days = [0, 24 * HOUR, 49 * HOUR, 73 * HOUR]
    series = [{"id": "a", "name": "a", "points": [[t, 1] for t in days]}]
    span = {"since": 0, "until": 97 * HOUR, "step": 24 * HOUR}
    times, _ = ask("charts/points.js", ALIGN, {"series": series, "span": span})
    assert times == days


def test_nothing_and_nonsense_are_aligned_too(ask: Ask) -> None:
    assert ask("charts/points.js", "return m.align([], {step: 5, since: 0, until: 50}).times") == []
    body = "return m.align([{id: 'a', name: 'a', points: [[1, NaN], [NaN, 3], [2, Infinity]]}], {}).rows[0].values"
    assert ask("charts/points.js", body) == [None, None]


def test_a_line_breaks_where_nothing_is_known_and_not_where_there_was_no_sample(ask: Ask) -> None:
    assert ask("charts/points.js", "return m.runs([1, null, 2, undefined, 3], [0, 1, 2, 3, 4])") == [
        [0],
        [2, 4],
    ]
    assert ask("charts/points.js", "return m.runs([1, 2, 3], [0, 1, 50], 10)") == [[0, 1], [2]]


def test_what_is_not_known_adds_nothing_to_a_stack(ask: Ask) -> None:
    body = "return m.stack([{values: [1, null, 3]}, {values: [2, 5, undefined]}])"
    assert ask("charts/points.js", body) == [[[0, 1], None, [0, 3]], [[1, 3], [0, 5], None]]


def test_thousands_of_samples_keep_their_peaks(ask: Ask) -> None:
    body = """const all = Array.from({length: 20000}, (_, i) => i);
      const kept = m.thin(all, (i) => i / 100, (i) => (i === 12345 ? 99 : 0));
      return [kept.length, kept.includes(12345), kept[0], kept.at(-1)]"""
    many, peak, first, last = ask("charts/points.js", body)
    assert many < 1000
    assert (peak, first, last) == (True, 0, 19_999)


@pytest.mark.parametrize(
    ("window", "state", "pace"),
    [
        ({}, "fine", "16 points below pace"),
        ({"utilization": 0.52}, "fine", "on pace"),
        ({"utilization": 0.95}, "high", "45 points above pace"),
        ({"utilization": 1.02, "spent": True}, "spent", ""),
        ({"utilization": None}, "unknown", ""),
        ({"utilization": None, "spent": True}, "spent", ""),
        ({"resets_at": 9_000.0}, "anew", ""),
        ({"resets_at": None}, "fine", ""),
        ({"name": "credits"}, "fine", ""),
        ({"name": "7d opus", "resets_at": 10_000.0 + 3.5 * 86_400}, "fine", "16 points below pace"),
    ],
)
def test_a_usage_window_is_judged(ask: Ask, window: dict[str, Any], state: str, pace: str) -> None:
    usual = {
        "name": "5h",
        "family": None,
        "utilization": 0.34,
        "resets_at": 19_000.0,
        "spent": False,
        "age": 3,
    }
    told = ask("parts/usage.js", "return m.judge(given, 10000)", {**usual, **window})
    assert (told["state"], told["pace"]) == (state, pace)
