"""What charts, usage and overview say is what the rows say, whatever span and filter; times are near."""

import datetime as dt
import json
import random
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ccflared.store.analytics import RANGES, Asked, analytics
from ccflared.store.caching import caching
from ccflared.store.listing import ROW, Wanted, detail, listed
from ccflared.store.measures import BOUNDS
from ccflared.store.overview import overview
from ccflared.store.percentile import percentile
from ccflared.store.requests import insert
from ccflared.store.schema import open_history, open_reader
from ccflared.store.spans import Picked, span
from ccflared.store.totals import count
from ccflared.store.usage import usage
from ccflared.wire import Attempt, Entry, Outcome, Tokens

NOW = dt.datetime(2026, 11, 26, 15, 20, 7, tzinfo=dt.UTC).timestamp()
ZONE = dt.timezone(dt.timedelta(hours=2))
NOWHERE = Path("/nowhere")
DAY = 86_400
OTHERWISE = {"refused": "error", "client_gone": "client_cancelled"}


def entry(number: int, dice: random.Random) -> Entry:
    account, model = dice.choice([("a", "m-1"), ("a", "m-2"), ("b", "m-1"), (None, None)])
    outcome: Outcome = dice.choice(
        ["complete", "complete", "complete", "error", "truncated", "refused", "client_gone"]
    )
    known = model != "m-2"
    total = dice.randint(5, 90_000)
    cost = dice.randint(1, 90_000) if known and account else None
    tokens = (dice.randint(0, 900), dice.randint(1, 500), dice.randint(0, 9000), dice.randint(0, 70), 3)
    return Entry(
        id=f"req_{number:05}",
        at=NOW - dice.choice([1, 3, 20, 200, 20 * 24, 80 * 24]) * 3600 * dice.random(),
        method="POST",
        path="/v1/messages",
        client=dice.choice(["c", "d", None]),
        project=dice.choice(["p", None]),
        conversation=f"conversation-{number % 50}",
        user_agent="an agent/1",
        model="m-asked",
        served_model=model,
        account=account,
        provider="anthropic" if account else None,
        status={"complete": 200, "error": 529, "truncated": 200, "refused": 429}.get(outcome),
        outcome=outcome,
        error=None if outcome == "complete" else "it did not end well",
        stream=dice.random() < 0.5,
        stop_reason="end_turn",
        first_byte_ms=dice.randint(1, total),
        total_ms=total,
        tokens=Tokens(*tokens) if account else Tokens(),
        usage=json.dumps({"output_tokens": tokens[1]}) if account else None,
        attempts=(Attempt(account, "anthropic", "first", 0, total, 200, "served", "ok", model),)
        if account
        else (),
        origin=dice.choice(["client"] * 9 + ["test"]),  # type: ignore[arg-type]
        cost=cost,
        cost_source="computed" if cost else None,
        charged=cost,
        billing=dice.choice(["plan", "api", "overage"]) if account else None,
        first_token_ms=10,
        last_token_ms=10 + dice.randint(0, 5000),
    )


ENTRIES = [entry(number, random.Random(number)) for number in range(1500)]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("numbers") / "ccflared.db"
    connection = open_history(path)
    connection.execute("BEGIN")
    insert(connection, ENTRIES)
    while count(connection, ZONE, 400):
        pass
    connection.execute("COMMIT")
    connection.close()
    reading = open_reader(path, seconds=60)
    yield reading
    reading.close()


@pytest.fixture(autouse=True)
def tidy(reader: sqlite3.Connection) -> Iterator[None]:
    yield
    reader.execute("DROP TABLE IF EXISTS temp.part")


def succeeded(each: Entry) -> bool:
    whole = each.outcome == "complete" and each.status is not None and each.status < 400
    return whole or each.outcome == "client_gone"


def within(picked: Picked, since: float) -> list[Entry]:
    wanted = {"all": (True, False), "success": (True,), "error": (False,)}[picked.status]
    return [
        each
        for each in ENTRIES
        if each.at >= since
        and each.origin == "client"
        and (not picked.accounts or (each.account or "") in picked.accounts)
        and (not picked.models or (each.served_model or "") in picked.models)
        and (not picked.clients or (each.client or "") in picked.clients)
        and (not picked.projects or (each.project or "") in picked.projects)
        and succeeded(each) in wanted
    ]


def usd(many: list[Entry], *billing: str) -> float:
    return sum(each.cost or 0 for each in many if each.billing in billing) / 1e6


def tokens(each: Entry) -> int:
    told = each.tokens
    kinds = (told.input, told.output, told.cache_read, told.cache_write_5m, told.cache_write_1h)
    return sum(kind or 0 for kind in kinds)


PICKS = [
    Picked(),
    Picked(accounts=("a",)),
    Picked(models=("m-1",), clients=("c", "")),
    Picked(status="success"),
    Picked(accounts=("",), status="error"),
]


@pytest.mark.parametrize("picked", PICKS, ids=str)
@pytest.mark.parametrize("range_", RANGES)
def test_charts_say_what_the_rows_say(reader: sqlite3.Connection, range_: str, picked: Picked) -> None:
    told = analytics(reader, Asked(range_, NOW, ZONE, picked))
    expected = within(picked, told["meta"]["since"])
    totals, points = told["totals"], told["timeSeries"]
    assert totals["requests"] == len(expected) == sum(point["requests"] for point in points)
    assert sum(each["count"] for each in told["modelDistribution"]) == len(expected)
    assert sum(each["requests"] for each in told["accountPerformance"]) == len(expected)
    assert sum(each["count"] for each in told["accountModelUsage"]) == len(expected)
    if told["meta"]["countsOnly"]:
        assert totals["totalTokens"] is None
        assert all(point["costUsd"] is None for point in points)
        return
    assert totals["totalTokens"] == sum(map(tokens, expected))
    unpriced = [each for each in expected if each.cost is None and each.account]
    assert totals["unpricedRequests"] == len(unpriced)
    if any(each.cost for each in expected):
        assert totals["planCostUsd"] == pytest.approx(usd(expected, "plan"))
        assert totals["apiCostUsd"] == pytest.approx(usd(expected, "api", "overage"))
        assert sum(point["costUsd"] or 0 for point in points) == pytest.approx(totals["totalCostUsd"])
    elif unpriced:
        assert totals["totalCostUsd"] is None


@pytest.mark.parametrize("range_", RANGES)
def test_a_chart_by_model_adds_up_to_the_whole(reader: sqlite3.Connection, range_: str) -> None:
    told = analytics(reader, Asked(range_, NOW, ZONE, by_model=True))
    counts: dict[str | None, int] = defaultdict(int)
    for point in told["timeSeries"]:
        counts[point["model"]] += point["requests"]
    assert dict(counts) == {each["model"]: each["count"] for each in told["modelDistribution"]}


def test_a_cumulative_chart_ends_with_the_total(reader: sqlite3.Connection) -> None:
    told = analytics(reader, Asked("30d", NOW, ZONE, cumulative=True))
    points = told["timeSeries"]
    assert points[-1]["requests"] == told["totals"]["requests"]
    assert [point["tokens"] for point in points] == sorted(point["tokens"] for point in points)


def test_days_begin_at_midnight_of_the_zone(reader: sqlite3.Connection) -> None:
    for point in analytics(reader, Asked("30d", NOW, ZONE))["timeSeries"]:
        began = dt.datetime.fromtimestamp(point["ts"] / 1000, ZONE)
        assert (began.hour, began.minute) == (0, 0)


def test_burn_rates_are_divided_by_the_age_of_the_data(tmp_path: Path) -> None:
    path = tmp_path / "ccflared.db"
    connection = open_history(path)
    one = replace(ENTRIES[0], origin="client")
    older = replace(one, id="x", at=NOW - 2 * DAY, cost=4_000_000, billing="api")
    insert(connection, [older, replace(one, id="y", at=NOW, cost=2_000_000, billing="plan")])
    count(connection, ZONE, 10)
    connection.close()
    reading = open_reader(path, seconds=60)
    told = analytics(reading, Asked("24h", NOW, ZONE))["totals"]
    reading.close()
    days = (NOW - (NOW - 2 * DAY) // 3600 * 3600) / DAY
    assert told["avgDailyApiCostUsd"] == pytest.approx(4 / days)
    assert told["avgDailyPlanCostUsd"] == pytest.approx(2 / days)
    assert told["avgWeeklyApiCostUsd"] == pytest.approx(4 / days * 7)


@pytest.mark.parametrize(("age", "known"), [(0.0, False), (0.9 * DAY, False), (DAY + 3600, True)])
def test_what_a_day_costs_is_not_known_before_one_has_passed(tmp_path: Path, age: float, known: bool) -> None:
    connection = open_history(tmp_path / "ccflared.db")
    insert(connection, [replace(ENTRIES[0], at=NOW - age, origin="client", cost=4_000_000, billing="api")])
    count(connection, ZONE, 10)
    connection.close()
    reading = open_reader(tmp_path / "ccflared.db", seconds=60)
    told = analytics(reading, Asked("7d", NOW, ZONE))["totals"]
    reading.close()
    rates = [value for key, value in told.items() if key.startswith(("avgDaily", "avgWeekly"))]
    assert len(rates) == 4
    assert [value is not None for value in rates] == [known] * 4
    assert told["apiCostUsd"] == 4


@pytest.mark.parametrize("seconds", [6 * 3600, 30 * 3600, 9 * DAY, 90 * DAY])
@pytest.mark.parametrize("by", ["account", "model", "client", "project", "day", "hour"])
def test_usage_by_anything_adds_up_to_the_rows(reader: sqlite3.Connection, by: Any, seconds: float) -> None:
    told = usage(reader, by=by, since=NOW - seconds, until=NOW + 1, zone=ZONE)
    expected = within(Picked(), told["since"])
    total, rows = told["total"], told["rows"]
    assert total["requests"] == len(expected) == sum(row["requests"] for row in rows)
    assert total["succeeded"] == sum(map(succeeded, expected))
    assert total["tokens"]["cache_read"] == sum(each.tokens.cache_read or 0 for each in expected)
    assert total["plan_usd"] == pytest.approx(usd(expected, "plan"))
    assert total["money_usd"] == pytest.approx(usd(expected, "api", "overage"))
    if by in ("account", "client", "project"):
        keys = {getattr(each, by) for each in expected}
        assert {row["key"] for row in rows} == keys


def test_an_end_leaves_out_what_came_later(reader: sqlite3.Connection) -> None:
    until = NOW // 3600 * 3600 - 2 * 3600
    told = usage(reader, by="hour", since=NOW - DAY, until=until, zone=ZONE)
    expected = [each for each in within(Picked(), told["since"]) if each.at < until]
    assert told["total"]["requests"] == len(expected)


def test_the_overview_counts_rows_and_groups_errors(reader: sqlite3.Connection) -> None:
    told = overview(reader, days=30, errors_since=NOW - DAY, now=NOW, zone=ZONE)
    expected = within(Picked(), told["since"])
    assert told["totalRequests"] == len(expected)
    assert told["successRate"] == round(100 * sum(map(succeeded, expected)) / len(expected))
    bad = [each for each in within(Picked(status="error"), NOW - DAY) if each.outcome != "client_gone"]
    assert sum(each["occurrenceCount"] for each in told["recentErrors"]) == len(bad)
    latest = max(bad, key=lambda each: each.at)
    assert told["recentErrors"][0]["id"] == latest.id
    assert told["recentErrors"][0]["errorMessage"] == latest.error


def test_what_a_cache_saves_is_told_for_each_and_low_shares_are_flagged(reader: sqlite3.Connection) -> None:
    over = span(30 * DAY, DAY, NOW, ZONE)
    told = caching(reader, over, lambda model, _: 0.5 if model == "m-1" else None)
    expected = [each for each in within(Picked(), over.since) if each.account]
    assert told["totals"]["requests"] == len(expected)
    read = sum(each.tokens.cache_read or 0 for each in expected)
    assert told["totals"]["cacheReadInputTokens"] == read
    by_model = {row["key"]: row for row in told["byModel"]}
    assert by_model["m-2"]["savingsUsd"] is None
    assert by_model["m-2"]["unpricedRequests"] == by_model["m-2"]["requests"]
    assert by_model["m-1"]["savingsUsd"] > 0


def test_a_percentile_lies_within_its_bucket_and_beyond_all_bounds_at_the_last() -> None:
    width = len(BOUNDS) + 1
    assert percentile([0] * width, 0.5) is None
    for share in (0.5, 0.95):
        for times in ([30] * 40, [1, 30, 30, 700], list(range(1, 4000, 3))):
            counts = [0] * width
            for each in times:
                counts[next((n for n, bound in enumerate(BOUNDS) if each <= bound), width - 1)] += 1
            true = sorted(times)[max(0, -(-int(share * len(times) * 100) // 100) - 1)]
            above = next(bound for bound in BOUNDS if true <= bound)
            below = max((bound for bound in (0, *BOUNDS) if bound < true), default=0)
            assert below <= (percentile(counts, share) or 0) <= above
    assert percentile([0] * (width - 1) + [5], 0.5) == BOUNDS[-1]


def rows(reader: sqlite3.Connection, **wanted: Any) -> list[dict[str, Any]]:
    return list(json.loads(listed(reader, Wanted(**wanted), NOWHERE, NOW)))


def test_a_listed_row_says_what_the_entry_says(reader: sqlite3.Connection) -> None:
    entries = {each.id: each for each in ENTRIES}
    for row in rows(reader, limit=1000):
        each = entries[row["id"]]
        assert row.keys() == ROW.keys()
        assert row["at"] == each.at
        assert row["success"] is succeeded(each)
        assert row["costUsd"] == (None if each.cost is None else each.cost / 1e6)
        assert row["totalTokens"] == (tokens(each) if each.account else None)
        assert row["model"] == (each.served_model or "m-asked")
        assert row["failoverAttempts"] == 0
        assert row["rateLimited"] is (each.status == 429)
        assert row["streamTerminalState"] == (
            None if not each.stream else OTHERWISE.get(each.outcome, each.outcome)
        )


@pytest.mark.parametrize("status", ["all", "error"])
def test_pages_follow_each_other_without_a_gap(reader: sqlite3.Connection, status: str) -> None:
    seen: list[str] = []
    page = rows(reader, limit=70, status=status)
    while page:
        seen += [row["id"] for row in page]
        page = rows(reader, limit=70, status=status, before=page[-1]["at"], before_id=page[-1]["id"])
    expected = [each for each in ENTRIES if status == "all" or not succeeded(each)]
    assert seen == [each.id for each in sorted(expected, key=lambda each: (each.at, each.id), reverse=True)]


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ({"account": "a"}, lambda each: each.account == "a"),
        ({"client": "c", "status": "error"}, lambda each: each.client == "c" and not succeeded(each)),
        ({"status": "error"}, lambda each: not succeeded(each)),
        (
            {"status": "error", "before": NOW - 3600, "origin": "client"},
            lambda each: not succeeded(each) and each.at < NOW - 3600 and each.origin == "client",
        ),
        ({"status": "529"}, lambda each: each.status == 529),
        ({"status": "success", "project": "p"}, lambda each: succeeded(each) and each.project == "p"),
        ({"outcome": "truncated"}, lambda each: each.outcome == "truncated"),
        ({"origin": "test"}, lambda each: each.origin == "test"),
        ({"origin": "client", "model": "m-asked"}, lambda each: each.origin == "client"),
        ({"conversation": "conversation-7"}, lambda each: each.conversation == "conversation-7"),
        ({"since": NOW - 3600, "before": NOW - 600}, lambda each: NOW - 3600 <= each.at < NOW - 600),
    ],
)
def test_filters_find_what_fits(reader: sqlite3.Connection, wanted: dict[str, Any], fits: Any) -> None:
    expected = sorted((each for each in ENTRIES if fits(each)), key=lambda each: (each.at, each.id))
    assert expected
    found = rows(reader, limit=1000, **wanted)
    assert [row["id"] for row in found] == [each.id for each in reversed(expected)][:1000]


def test_a_request_is_told_with_its_tries_and_its_conversation(reader: sqlite3.Connection) -> None:
    each = next(each for each in ENTRIES if each.account and each.at > NOW - 3600)
    told = json.loads(detail(reader, each.id, NOWHERE, NOW) or "")
    assert told["usage"] == {"output_tokens": each.tokens.output}
    assert [a["account"] for a in told["attempts"]] == [each.account]
    near = [
        other.id
        for other in sorted(ENTRIES, key=lambda other: other.at)
        if other.conversation == each.conversation and other.id != each.id and abs(other.at - each.at) <= DAY
    ]
    assert [other["id"] for other in told["conversation_requests"]] == near
    assert detail(reader, "nobody", NOWHERE, NOW) is None
