"""What /api/status tells of chains and of the day, asked of a real daemon."""

import datetime as dt
import sqlite3
from contextlib import closing
from pathlib import Path
from time import time
from typing import Any
from zoneinfo import ZoneInfo

from rest import call
from stage import Stage, staged

from ccflared.demo.script import Failing, Limited
from ccflared.store.today import today

CHAINS = """
[[fallback]]
models = ["opus"]
try = [["first", "second"], { account = "third", model = "vendor/big" }]

[[fallback]]
models = ["glm-*", "kimi"]
try = ["third"]
then = "fail"

[[fallback]]
models = ["claude-opus-4-5"]
try = ["second"]
"""
THREE = ("first", "second", "third")


async def status(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = (await call(stage, "GET", "/api/status")).json()
    return found


async def test_chains_stand_in_the_status_with_their_steps_and_who_would_be_asked(tmp_path: Path) -> None:
    async with staged(tmp_path, THREE, more=CHAINS) as stage:
        opus, others, hidden = (await status(stage))["chains"]
        assert opus == {
            "models": ["opus"],
            "steps": [
                {"accounts": ["first", "second"], "model": None},
                {"accounts": ["third"], "model": "vendor/big"},
            ],
            "then": "pool",
            "next": {"for": "opus", "account": "first", "model": "opus", "step": 1},
        }
        assert (others["then"], others["next"]) == (
            "fail",
            {"for": "kimi", "account": "third", "model": "kimi", "step": 1},
        )
        # The first that fits counts, so that nothing ever goes by it.
        assert hidden["next"] is None


async def test_who_would_be_asked_by_a_chain_follows_what_was_learnt(tmp_path: Path) -> None:
    async with staged(tmp_path, THREE, more=CHAINS) as stage:
        for name in ("first", "second"):
            stage.provider.play(f"sk-{name}", then=Limited(600))
        await stage.ask(model="claude-opus-4-1")
        (opus, _, _) = (await status(stage))["chains"]
        assert opus["next"] == {"for": "opus", "account": "third", "model": "vendor/big", "step": 2}
        stage.provider.play("sk-third", then=Limited(600))
        await stage.ask(model="kimi")
        (opus, others, _) = (await status(stage))["chains"]
        assert opus["next"]["account"] is None
        assert others["next"] == {"for": "kimi", "account": None, "model": None, "step": None}


async def test_whoever_stands_in_for_a_chain_is_told_as_one_of_the_pool(tmp_path: Path) -> None:
    more = '[[fallback]]\nmodels = "opus"\ntry = ["second"]\n'
    async with staged(tmp_path, more=more) as stage:
        stage.provider.play("sk-second", then=Limited(600))
        await stage.ask(model="claude-opus-4-1")
        (chain,) = (await status(stage))["chains"]
        assert (chain["next"]["account"], chain["next"]["step"]) == ("first", None)


async def test_a_daemon_without_chains_says_so(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        assert (await status(stage))["chains"] == []


async def test_the_day_tells_limits_that_were_hidden_from_faults(tmp_path: Path) -> None:
    async with staged(tmp_path, THREE) as stage:
        stage.provider.play("sk-first", Limited(600))
        stage.provider.play("sk-second", Failing(500))
        await stage.ask()  # meets both
        stage.provider.play("sk-third", Failing(500), Failing(500))
        await stage.fresh()
        await stage.rows()
        document = await status(stage)
        for part in (document["today"], document["traffic"]):
            assert (part["requests"], part["complete"]) == (2, 2)
            assert (part["failovers"], part["failovers_limit"]) == (2, 1)


async def test_value_and_money_of_the_day_are_told_apart(tmp_path: Path) -> None:
    own = {"first": 'billing = "plan"', "second": 'billing = "api"'}
    async with staged(tmp_path, own=own) as stage:
        await stage.ask()
        stage.provider.play("sk-first", Limited(600))
        await stage.fresh()
        await stage.fresh(model="a-model-of-unknown-price")
        rows = await stage.rows()
        told = (await status(stage))["today"]
        assert told["known"]
        assert round(told["plan_usd"] * 1e6) == rows[0].cost
        assert round(told["money_usd"] * 1e6) == rows[1].cost
        assert (told["unpriced"], told["unpriced_money"]) == (1, 1)
        assert told["tokens"]["input"] == sum(row.tokens.input or 0 for row in rows)
        assert told["tokens"]["output"] == sum(row.tokens.output or 0 for row in rows)


async def test_where_no_price_is_known_there_is_no_cost_and_not_a_cost_of_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"first": 'billing = "api"'}) as stage:
        await stage.ask(model="a-model-of-unknown-price")
        await stage.rows()
        told = (await status(stage))["today"]
        assert (told["money_usd"], told["plan_usd"], told["unpriced"]) == (None, 0.0, 1)


async def test_the_day_is_that_of_the_zone_that_the_file_names(tmp_path: Path) -> None:
    zone = ZoneInfo("Pacific/Kiritimati")
    async with staged(tmp_path, more='include = []\ntimezone = "Pacific/Kiritimati"\n') as stage:
        told = (await status(stage))["today"]
        begun = dt.datetime.fromtimestamp(told["since"], zone)
        assert (begun.hour, begun.minute, begun.date()) == (0, 0, dt.datetime.now(zone).date())
        assert told["timezone"] == "Pacific/Kiritimati"


async def test_a_day_that_cannot_be_read_is_unknown_and_has_no_cost(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        (stage.state / "ccflared.db").rename(stage.state / "elsewhere.db")
        (stage.state / "ccflared.db").mkdir()  # or it would be made anew
        told = (await status(stage))["today"]
        assert (told["known"], told["requests"], told["plan_usd"]) == (False, 0, None)


async def test_rows_that_are_in_no_total_yet_count_for_the_day_and_those_of_yesterday_do_not(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        await stage.ask()
        await stage.rows()
        with closing(sqlite3.connect(stage.state / "ccflared.db", isolation_level=None)) as connection:
            columns = [name for (_, name, *_) in connection.execute("PRAGMA table_info(requests)")]
            same = ", ".join(name for name in columns if name not in ("id", "at", "series"))
            for number, at in (("now", time()), ("before", time() - 2 * 86_400)):
                connection.execute(
                    f"INSERT INTO requests (id, at, series, {same}) SELECT ?, ?, NULL, {same} FROM requests LIMIT 1",  # noqa: S608 - names of columns
                    (number, at),
                )
            assert today(connection, now=time(), zone=None).sums["requests"] == 2


async def test_the_day_is_read_from_its_totals_by_an_index_whatever_the_history_holds(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.ask()
        await stage.rows()
        asked: list[str] = []
        with closing(sqlite3.connect(stage.state / "ccflared.db", isolation_level=None)) as connection:
            connection.set_trace_callback(asked.append)
            today(connection, now=time(), zone=None)
            connection.set_trace_callback(None)
            plans = [
                step
                for query in asked
                if "SELECT" in query
                for (*_, step) in connection.execute(f"EXPLAIN QUERY PLAN {query}")
            ]
        assert len(plans) >= 3
        read = [step for step in plans if "roll_days" in step or "requests" in step]
        assert all(("SEARCH" in step and "INDEX" in step) or "PRIMARY KEY" in step for step in read), plans
