"""The parts of the analytics say what the rows say, by brute force; what is left out is named."""

import datetime as dt
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from test_numbers import ENTRIES, NOW, succeeded, tokens, within

from ccflared.store import analytics as charts
from ccflared.store import failures as failing
from ccflared.store import shares
from ccflared.store.analytics import PARTS, RANGES, Asked, analytics
from ccflared.store.failures import failures
from ccflared.store.heatmap import offsets
from ccflared.store.latency import FEW, PERCENTILES
from ccflared.store.measures import BOUNDS
from ccflared.store.percentile import percentile
from ccflared.store.requests import insert
from ccflared.store.schema import open_history, open_reader
from ccflared.store.spans import Picked, Span, span
from ccflared.store.totals import count
from ccflared.wire import Entry

ZONE = ZoneInfo("Europe/Berlin")
DAY = 86_400
LAST = dt.datetime(2026, 10, 25, tzinfo=ZONE).timestamp()
"""The day on which clocks are set back."""
PICKS = [
    Picked(),
    Picked(projects=("p",)),
    Picked(models=("m-1",)),
    Picked(accounts=("a",), projects=("",)),
    Picked(clients=("c",), projects=("p", "")),
    Picked(projects=("p",), status="error"),
]
Doc = dict[str, Any]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("analytics") / "ccflared.db"
    connection = open_history(path)
    connection.execute("BEGIN")
    insert(connection, ENTRIES)
    while count(connection, ZONE, 400):
        pass
    connection.execute("COMMIT")
    connection.close()
    return path


@pytest.fixture
def reader(history: Path) -> Iterator[sqlite3.Connection]:
    reading = open_reader(history, seconds=60)
    yield reading
    reading.close()


def counts(times: list[int | None]) -> list[int]:
    found = [0] * (len(BOUNDS) + 1)
    for each in times:
        if each is not None:
            found[next((n for n, bound in enumerate(BOUNDS) if each <= bound), len(BOUNDS))] += 1
    return found


def times(many: list[Entry]) -> Doc:
    """Return the percentiles that a histogram of these requests tells."""
    sides = {
        "ResponseTime": counts([each.total_ms for each in many]),
        "FirstByte": counts([each.first_byte_ms for each in many]),
    }
    return {name: percentile(sides[name[3:]], int(name[1:3]) / 100) for name in PERCENTILES}


def usd(many: list[Entry]) -> float | None:
    known = [each.cost for each in many if each.cost is not None]
    return sum(known) / 1e6 if known or not any(each.account for each in many) else None


def whole(range_: str) -> Span:
    seconds, step, _ = RANGES[range_]
    return span(seconds, step, NOW, ZONE)


@pytest.mark.parametrize("picked", PICKS, ids=str)
@pytest.mark.parametrize("range_", RANGES)
def test_projects_accounts_and_models_are_told_with_their_times(
    reader: sqlite3.Connection, range_: str, picked: Picked
) -> None:
    told = analytics(reader, Asked(range_, NOW, ZONE, picked))
    expected = within(picked, told["meta"]["since"])
    assert told["meta"]["omitted"] == []
    by_project = {each["name"]: each["requests"] for each in told["projectPerformance"]}
    assert by_project == Counter(each.project for each in expected)
    if told["meta"]["countsOnly"]:
        assert {told["totals"][name] for name in PERCENTILES} == {None}
        return
    assert {name: told["totals"][name] for name in PERCENTILES} == times(expected)
    for row in told["projectPerformance"]:
        assert row["costUsd"] == pytest.approx(usd([e for e in expected if e.project == row["name"]]))
    for part, key, of in (
        ("accountPerformance", "name", "account"),
        ("modelPerformance", "model", "served_model"),
    ):
        for row in told[part]:
            those = [each for each in expected if getattr(each, of) == row[key]]
            assert row["requests"] == len(those)
            assert {name: row[name] for name in PERCENTILES} == times(those)


@pytest.mark.parametrize("picked", PICKS, ids=str)
@pytest.mark.parametrize("range_", RANGES)
def test_the_span_before_is_as_long_and_told_alike(
    reader: sqlite3.Connection, range_: str, picked: Picked
) -> None:
    told = analytics(reader, Asked(range_, NOW, ZONE, picked))
    meta, before = told["meta"], told["previous"]
    length, since = NOW - meta["since"], meta["previousSince"]
    assert length - 3600 < meta["since"] - since <= length
    if min(each.at for each in ENTRIES) // 3600 * 3600 > since:
        assert before is None
        return
    expected = [each for each in within(picked, since) if each.at < meta["since"]]
    assert before["requests"] == len(expected)
    if meta["countsOnly"]:
        assert before["totalTokens"] is None
        return
    assert before["totalTokens"] == sum(map(tokens, expected))
    assert before["totalCostUsd"] == pytest.approx(usd(expected))
    assert {name: before[name] for name in PERCENTILES} == times(expected)
    if expected:
        assert before["successRate"] == round(100 * sum(map(succeeded, expected)) / len(expected), 2)


def test_the_spans_before_are_told_where_there_is_any(reader: sqlite3.Connection) -> None:
    known = {range_: analytics(reader, Asked(range_, NOW, ZONE))["previous"] is not None for range_ in RANGES}
    assert known == {range_: range_ not in ("90d", "1y") for range_ in RANGES}


def test_rows_that_retention_has_deleted_leave_no_half_a_span_before(tmp_path: Path) -> None:
    path = tmp_path / "ccflared.db"
    connection = open_history(path)
    one = replace(ENTRIES[0], origin="client")
    insert(connection, [replace(one, id="x", at=NOW - 3 * DAY), replace(one, id="y", at=NOW - 30 * 3600)])
    count(connection, ZONE, 10)
    connection.execute("INSERT INTO marks VALUES ('rows_since', ?)", (NOW - 40 * 3600,))
    connection.close()
    reading = open_reader(path, seconds=60)
    assert analytics(reading, Asked("24h", NOW, ZONE))["previous"] is None
    reading.close()


@pytest.mark.parametrize("range_", ["1h", "6h", "24h", "30d"])
def test_a_point_of_a_chart_tells_its_times(reader: sqlite3.Connection, range_: str) -> None:
    told = analytics(reader, Asked(range_, NOW, ZONE))
    _, step, _ = RANGES[range_]
    expected = within(Picked(), told["meta"]["since"])
    for point in told["timeSeries"]:
        at = point["ts"] / 1000
        end = (dt.datetime.fromtimestamp(at, ZONE) + dt.timedelta(days=1)).timestamp()
        until = end if step == DAY else at + step
        those = times([each for each in expected if at <= each.at < until])
        assert {name: point[name] for name in FEW} == {name: those[name] for name in FEW}


@pytest.mark.parametrize("more", [{"cumulative": True}, {"by_model": True}])
def test_a_chart_of_sums_or_of_models_tells_no_times(reader: sqlite3.Connection, more: Any) -> None:
    points = analytics(reader, Asked("30d", NOW, ZONE, **more))["timeSeries"]
    assert points
    assert all(point[name] is None for point in points for name in FEW)


@pytest.mark.parametrize("picked", PICKS[:5], ids=str)
@pytest.mark.parametrize("range_", RANGES)
def test_each_day_tells_what_it_has_cost(reader: sqlite3.Connection, range_: str, picked: Picked) -> None:
    told = analytics(reader, Asked(range_, NOW, ZONE, picked))
    if RANGES[range_][0] <= DAY:
        assert told["costByDay"] == []
        return
    expected: dict[str, list[Entry]] = {}
    for each in within(picked, told["meta"]["since"]):
        expected.setdefault(str(dt.datetime.fromtimestamp(each.at, ZONE).date()), []).append(each)
    assert [row["day"] for row in told["costByDay"]] == sorted(expected)
    for row in told["costByDay"]:
        those = expected[row["day"]]
        assert (row["requests"], row["tokens"]) == (len(those), sum(map(tokens, those)))
        assert row["costUsd"] == pytest.approx(usd(those))


@pytest.mark.parametrize("picked", PICKS, ids=str)
@pytest.mark.parametrize("range_", RANGES)
def test_hours_of_the_week_are_those_of_the_clock(
    reader: sqlite3.Connection, range_: str, picked: Picked
) -> None:
    told = analytics(reader, Asked(range_, NOW, ZONE, picked))
    if told["meta"]["bucket"] in ("1m", "5m"):
        assert told["heatmap"] == []
        return
    expected: dict[tuple[int, int], list[Entry]] = {}
    for each in within(picked, told["meta"]["since"]):
        local = dt.datetime.fromtimestamp(each.at, ZONE)
        expected.setdefault((local.weekday(), local.hour), []).append(each)
    found = {(cell["weekday"], cell["hour"]): cell for cell in told["heatmap"]}
    assert {place: cell["requests"] for place, cell in found.items()} == {
        place: len(those) for place, those in expected.items()
    }
    for place, cell in found.items():
        if not told["meta"]["countsOnly"]:
            assert cell["tokens"] == sum(map(tokens, expected[place]))
            assert cell["costUsd"] == pytest.approx(usd(expected[place]))


def test_the_parts_between_which_clocks_are_set_follow_each_other() -> None:
    set_back = int(dt.datetime(2026, 10, 25, 1, tzinfo=dt.UTC).timestamp())
    since, until = set_back - 40 * 3600, set_back + 55 * 3600
    assert list(offsets(since, until, ZONE)) == [(since, set_back, 7200), (set_back, until, 3600)]
    assert list(offsets(set_back, until, ZONE)) == [(set_back, until, 3600)]
    assert list(offsets(since, set_back, ZONE)) == [(since, set_back, 7200)]
    india = ZoneInfo("Asia/Kolkata")
    assert list(offsets(since, until, india)) == [(since, until, 19_800)]


def test_the_same_hour_of_two_offsets_is_one_hour_of_the_week(tmp_path: Path) -> None:
    path = tmp_path / "ccflared.db"
    connection = open_history(path)
    one = replace(ENTRIES[0], origin="client")
    moments = [LAST - 7 * DAY + 2.5 * 3600, LAST + 2.5 * 3600, LAST + 3.5 * 3600, LAST + 3.999 * 3600]
    insert(connection, [replace(one, id=f"r{at}", at=at) for at in moments])
    count(connection, ZONE, 10)
    connection.close()
    reading = open_reader(path, seconds=60)
    told = analytics(reading, Asked("30d", LAST + DAY, ZONE))["heatmap"]
    reading.close()
    assert [(each["weekday"], each["hour"], each["requests"]) for each in told] == [(6, 2, 4)]


def test_half_an_hour_s_zone_misses_no_hour_of_the_week(tmp_path: Path) -> None:
    path = tmp_path / "ccflared.db"
    connection = open_history(path)
    india = ZoneInfo("Asia/Kolkata")
    one = replace(ENTRIES[0], origin="client")
    insert(connection, [replace(one, id=f"r{hour}", at=NOW - hour * 3600) for hour in range(240)])
    count(connection, india, 1000)
    connection.close()
    reading = open_reader(path, seconds=60)
    told = analytics(reading, Asked("7d", NOW, india))
    reading.close()
    assert len(told["heatmap"]) == 168
    assert sum(each["requests"] for each in told["costByDay"]) == told["totals"]["requests"]


def test_what_would_take_too_many_series_is_left_out_by_name(
    reader: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "MOST", 0)
    monkeypatch.setattr(shares, "MOST_TIMES", 0)
    monkeypatch.setattr(charts, "MOST_TIMES", 0)
    picked = Picked(clients=("c",), projects=("p",))
    told = analytics(reader, Asked("7d", NOW, ZONE, picked))
    expected = within(picked, told["meta"]["since"])
    assert told["totals"]["requests"] == len(expected)
    assert told["totals"]["totalTokens"] == sum(map(tokens, expected))
    assert told["totals"]["activeAccounts"] is None
    assert {"apiKeyPerformance", "latency", "heatmap", "timeSeries.percentiles"} <= {*told["meta"]["omitted"]}
    assert told["apiKeyPerformance"] == told["projectPerformance"] == told["heatmap"] == []
    assert set(told["tokenBreakdown"].values()) == {None}
    whole_project = analytics(reader, Asked("7d", NOW, ZONE, Picked(projects=("p",))))
    assert "projectPerformance" not in whole_project["meta"]["omitted"]
    assert [row["name"] for row in whole_project["projectPerformance"]] == ["p"]
    assert analytics(reader, Asked("7d", NOW, ZONE))["meta"]["omitted"] == []


def test_times_of_minutes_are_left_out_where_there_are_too_many_rows(
    reader: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charts, "_ROWS", 1)
    told = analytics(reader, Asked("6h", NOW, ZONE))
    assert told["meta"]["omitted"] == ["timeSeries.percentiles"]
    assert all(point["p95FirstByte"] is None for point in told["timeSeries"])
    assert told["totals"]["p95FirstByte"] is not None


def test_only_what_is_asked_for_is_told(reader: sqlite3.Connection) -> None:
    everything = analytics(reader, Asked("30d", NOW, ZONE))
    for part in PARTS:
        told = analytics(reader, Asked("30d", NOW, ZONE, parts=frozenset({part})))
        for name in told.keys() - {"meta", "totals"}:
            if part != "shares" or not name.endswith("Performance"):
                assert told[name] == everything[name]
        assert (part in told) == (part not in ("shares", "latency"))
        rest = {"activeAccounts": everything["totals"]["activeAccounts"]}
        assert told["totals"] | rest == everything["totals"]


@pytest.mark.parametrize(
    "picked", [Picked(), Picked(accounts=("a",)), Picked(models=("m-2",), projects=("p",))], ids=str
)
@pytest.mark.parametrize("range_", ["1h", "24h", "90d"])
def test_failures_are_grouped_with_their_latest(
    reader: sqlite3.Connection, range_: str, picked: Picked
) -> None:
    over = whole(range_)
    groups: dict[tuple[Any, ...], list[Entry]] = {}
    for each in within(replace(picked, status="error"), over.since):
        if each.outcome != "client_gone":
            key = (each.status, each.outcome, each.account, each.served_model or "m-asked")
            groups.setdefault(key, []).append(each)
    told = failures(reader, over, picked)
    assert len(told) == len(groups)
    assert [row["last"] for row in told] == sorted((row["last"] for row in told), reverse=True)
    for row in told:
        those = groups[row["statusCode"], row["outcome"], row["account"], row["model"]]
        latest = max(those, key=lambda each: each.at)
        assert (row["count"], row["atLeast"]) == (len(those), False)
        assert (row["first"], row["last"]) == (min(each.at for each in those), latest.at)
        assert (row["requestId"], row["errorMessage"]) == (latest.id, latest.error)
        code = str(row["statusCode"]) if row["statusCode"] >= 400 else row["outcome"]
        assert row["errorCode"] == code


def test_of_very_many_failures_it_is_said_that_there_are_more(tmp_path: Path) -> None:
    path = tmp_path / "ccflared.db"
    connection = open_history(path)
    one = replace(ENTRIES[0], origin="client", outcome="error", status=529, account="a")
    most = failing.LOOKED_AT
    insert(connection, [replace(one, id=f"r{number}", at=NOW - number) for number in range(most + 5)])
    insert(connection, [replace(one, id=f"s{number}", at=NOW - number, status=500) for number in range(3)])
    insert(
        connection, [replace(one, id=f"t{n}", at=NOW - n, outcome="truncated", status=200) for n in (1, 2)]
    )
    count(connection, ZONE, 10_000)
    connection.close()
    reading = open_reader(path, seconds=60)
    told = {
        row["errorCode"]: (row["count"], row["atLeast"]) for row in failures(reading, whole("24h"), Picked())
    }
    reading.close()
    assert told == {"529": (most, True), "500": (3, False), "truncated": (2, False)}
