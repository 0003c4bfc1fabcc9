"""The budget of all accounts, and what status tells of budgets, over real sockets."""

from pathlib import Path
from time import time
from typing import Any

import pytest
import trio
from stage import Stage, restaged, staged, toml

from ccflared.api.budgets import budgets
from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer

NAMED = "x-ccflared-account"
PRICE = '[pricing."claude-sonnet-4-5"]\ninput = 1000.0\noutput = 2000.0\n'
"""USD per million tokens: an answer of 500 and 250 costs a dollar."""
DOLLAR = Answer(input_tokens=500, output_tokens=250)
MONEY = PRICE + "[budget]\ndaily = 2.00\n"
VALUE = MONEY + 'counts = "value"\n'
LAST_A_PLAN = {"third": "billing = 'plan'"}
SPENT = "the daily budget of 2.00 USD for all accounts is spent"


async def told(stage: Stage) -> list[dict[str, Any]]:
    answer = await stage.client.get(stage.url + "/api/status")
    return [dict(row) for row in answer.json()["budgets"]]


async def test_once_it_is_spent_what_costs_money_is_skipped_and_plans_serve(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first", "second", "third"], own=LAST_A_PLAN, more=MONEY) as stage:
        for key in ("sk-first", "sk-second", "sk-third"):
            stage.provider.play(key, then=DOLLAR)
        served = [(await stage.fresh()).headers[NAMED] for _ in range(4)]
        assert served == ["first", "first", "third", "third"]
        for name in ("first", "second"):
            seen = await stage.account(name)
            assert (seen["state"], seen["reason"], seen["by"]) == ("paused", SPENT, "budget")
            assert 0 < seen["until"] - time() <= 25 * 3600
        (row,) = await told(stage)
        assert (row["of"], row["name"], row["period"], row["counts"]) == ("all", None, "day", "money")
        assert (row["limit_usd"], row["spent_usd"], row["share"]) == (2.0, 2.0, 1.0)
        assert row["blocked_until"] == row["resets_at"] > time()
        assert [passed.reason for passed in (await stage.rows())[2].passed] == [SPENT] * 2


async def test_where_it_counts_value_plans_are_counted_and_nobody_serves(tmp_path: Path) -> None:
    own = {"only": "billing = 'plan'"}
    async with staged(tmp_path, ["only"], own=own, more=VALUE) as stage:
        stage.provider.play("sk-only", then=DOLLAR)
        assert [(await stage.fresh()).status_code for _ in range(3)] == [200, 200, 429]
        refused = await stage.fresh()
        assert SPENT in refused.json()["error"]["message"]
        assert int(refused.headers["retry-after"]) <= 25 * 3600
        # what costs nothing is still answered
        assert (await stage.ask(path="/v1/messages/count_tokens")).status_code == 200
        assert (await told(stage))[0]["counts"] == "value"


async def test_extra_usage_of_a_plan_is_counted_and_kept_off(tmp_path: Path) -> None:
    own = {"first": "billing = 'plan'\noverage = 'allow'", "second": "billing = 'plan'"}
    in_use = (b"anthropic-ratelimit-unified-overage-in-use", b"true")
    paid = Answer(input_tokens=500, output_tokens=250, headers=(in_use,))
    async with staged(tmp_path, own=own, more=MONEY) as stage:
        stage.provider.play("sk-first", then=paid)
        served = [(await stage.fresh()).headers[NAMED] for _ in range(4)]
        assert served == ["first", "first", "second", "second"]


@pytest.mark.parametrize("counts", ["money", "value"])
async def test_a_model_of_unknown_price_is_not_asked_for_where_it_would_count(
    tmp_path: Path, counts: str
) -> None:
    more = PRICE + f'[budget]\nmonthly = 9.00\ncounts = "{counts}"\n'
    async with staged(tmp_path, own={"second": "billing = 'plan'"}, more=more) as stage:
        answer = await stage.fresh(model="vendor/unheard-of")
        lines = '[pricing."vendor/unheard-of"] with input = … and output = …'
        if counts == "money":
            assert answer.headers[NAMED] == "second"
            (row,) = await stage.rows()
            assert lines in (row.passed[0].reason or "")
        else:
            assert answer.status_code == 503
            assert lines in answer.json()["error"]["message"]
        explained = await stage.client.get(stage.url + "/api/explain?model=vendor/unheard-of")
        assert lines in explained.json()["passed"][0]["reason"]


async def test_a_restart_and_a_renamed_account_keep_what_was_spent(tmp_path: Path) -> None:
    provider = FakeProvider()
    provider.play("sk-first", then=DOLLAR)
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        config = tmp_path / "ccflare.toml"
        config.write_text(toml(tmp_path / "state", port, ["first", "second"], more=MONEY))
        config.chmod(0o600)
        async with restaged(tmp_path, provider, port) as stage:
            assert [(await stage.fresh()).headers[NAMED] for _ in range(2)] == ["first"] * 2
            await stage.rows()
        config.write_text(toml(tmp_path / "state", port, ["second"], more=MONEY))
        async with restaged(tmp_path, provider, port) as again:
            refused = await again.fresh()
            assert refused.status_code == 429
            assert SPENT in refused.json()["error"]["message"]
            assert (await told(again))[0]["spent_usd"] == 2.0
        nursery.cancel_scope.cancel()


async def test_rest_sets_it_and_takes_it_out_and_what_was_spent_before_counts(tmp_path: Path) -> None:
    async with staged(tmp_path, ["only"], more=PRICE) as stage:
        stage.provider.play("sk-only", then=DOLLAR)
        for _ in range(2):
            assert (await stage.fresh()).status_code == 200
        patch = stage.url + "/api/config"
        put = await stage.client.patch(patch, json={"budget": {"daily": 2, "counts": "money"}})
        assert put.status_code == 200, put.text
        assert (await stage.fresh()).status_code == 429
        assert (await stage.client.patch(patch, json={"budget": {"daily": None}})).status_code == 400
        assert (await stage.client.patch(patch, json={"budget": {"dayly": 2}})).status_code == 400
        assert (await stage.client.patch(patch, json={"budget": None})).status_code == 200
        assert (await stage.fresh()).status_code == 200
        assert await told(stage) == []


async def test_status_tells_of_the_budgets_of_accounts_and_clients_too(tmp_path: Path) -> None:
    own = {"first": "budget = { daily = 2.00, monthly = 8.00 }"}
    more = PRICE + '[clients.laptop]\nkey = "k" \nbudget = { monthly = 10.00 }\n'
    async with staged(tmp_path, own=own, more=more) as stage:
        stage.provider.play("sk-first", then=DOLLAR)
        stage.headers["x-api-key"] = "k"
        for _ in range(2):
            assert (await stage.fresh()).headers["x-ccflared-request-id"]
        rows = {(row["of"], row["name"], row["period"]): row for row in budgets(stage.running.house, time())}
        assert list(rows) == [
            ("account", "first", "day"),
            ("account", "first", "month"),
            ("client", "laptop", "month"),
        ]
        assert rows["account", "first", "day"]["blocked_until"] is not None
        assert rows["account", "first", "month"]["blocked_until"] is None
        assert rows["account", "first", "month"]["share"] == 0.25
        assert (
            rows["client", "laptop", "month"]["spent_usd"],
            rows["client", "laptop", "month"]["counts"],
        ) == (
            2.0,
            "value",
        )
