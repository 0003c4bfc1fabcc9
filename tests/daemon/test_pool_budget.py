"""Budgets of accounts, and what the rows tell of costs, over real sockets."""

from pathlib import Path
from time import time

import pytest
import trio
from stage import restaged, staged, toml

from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, Failing, Limited

NAMED = "x-ccflared-account"
PRICE = '[pricing."claude-sonnet-4-5"]\ninput = 1000.0\noutput = 2000.0\n'
"""USD per million tokens: an answer of 500 and 250 costs a dollar."""
DOLLAR = Answer(input_tokens=500, output_tokens=250)
BUDGET = {"first": "budget = { daily = 2.00 }"}


@pytest.mark.parametrize("stream", [False, True])
async def test_a_budget_that_is_spent_takes_the_account_out_and_says_until_when(
    tmp_path: Path, stream: bool
) -> None:
    async with staged(tmp_path, own=BUDGET, more=PRICE) as stage:
        stage.provider.play("sk-first", then=DOLLAR)
        served = [(await stage.fresh(stream=stream)).headers[NAMED] for _ in range(4)]
        assert served == ["first", "first", "second", "second"]
        seen = await stage.account("first")
        assert (seen["state"], seen["reason"]) == ("paused", "the daily budget of 2.00 USD is spent")
        assert 0 < seen["until"] - time() <= 25 * 3600
        rows = await stage.rows()
        assert [row.cost for row in rows[:2]] == [1_000_000] * 2
        assert {(row.cost_source, row.billing) for row in rows} == {("computed", "api")}
        assert rows[2].passed[0].reason == "the daily budget of 2.00 USD is spent"


async def test_when_every_budget_is_spent_the_client_hears_a_limit_and_nobody_is_asked(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, ["only"], own={"only": "budget = { monthly = 1.00 }"}, more=PRICE) as stage:
        stage.provider.play("sk-only", then=DOLLAR)
        assert (await stage.fresh()).status_code == 200
        refused = await stage.fresh()
        assert (refused.status_code, refused.headers["x-should-retry"]) == (429, "false")
        assert int(refused.headers["retry-after"]) <= 31 * 86400 + 3600
        assert stage.provider.count == 1


async def test_a_model_of_unknown_price_is_not_asked_of_an_account_with_a_budget(tmp_path: Path) -> None:
    async with staged(tmp_path, own=BUDGET, more=PRICE) as stage:
        assert (await stage.fresh(model="vendor/unheard-of")).headers[NAMED] == "second"
        assert (await stage.fresh()).headers[NAMED] == "first"
        (row, _) = await stage.rows()
        (passed,) = row.passed
        assert passed.account == "first"
        assert '[pricing."vendor/unheard-of"]' in (passed.reason or "")
        assert (row.cost, row.cost_source) == (None, None)


async def test_the_price_that_counts_is_that_of_the_upstreams_model(tmp_path: Path) -> None:
    own = {"first": "budget = { daily = 2.00 }\nmodels = { opus = 'vendor/big', sonnet = '=' }"}
    async with staged(tmp_path, own=own, more=PRICE) as stage:
        assert (await stage.fresh(model="claude-opus-4-1")).headers[NAMED] == "second"
        stage.provider.play("sk-first", then=DOLLAR)
        assert (await stage.fresh()).headers[NAMED] == "first"
        assert (await stage.rows())[-1].cost == 1_000_000


async def test_a_plan_costs_no_money_and_its_rows_say_so(tmp_path: Path) -> None:
    own = {"first": "budget = { daily = 2.00 }\nbilling = 'plan'"}
    async with staged(tmp_path, own=own, more=PRICE) as stage:
        stage.provider.play("sk-first", then=DOLLAR)
        served = [(await stage.fresh()).headers[NAMED] for _ in range(4)]
        assert served == ["first"] * 4
        assert (await stage.fresh(model="vendor/unheard-of")).headers[NAMED] == "first"
        rows = await stage.rows()
        assert {row.billing for row in rows} == {"plan"}
        assert [row.cost for row in rows[:4]] == [1_000_000] * 4


async def test_extra_usage_of_a_plan_is_money(tmp_path: Path) -> None:
    own = {"first": "budget = { daily = 2.00 }\nbilling = 'plan'\noverage = 'allow'"}
    in_use = (b"anthropic-ratelimit-unified-overage-in-use", b"true")
    paid = Answer(input_tokens=500, output_tokens=250, headers=(in_use,))
    async with staged(tmp_path, own=own, more=PRICE) as stage:
        stage.provider.play("sk-first", DOLLAR, then=paid)
        served = [(await stage.fresh()).headers[NAMED] for _ in range(5)]
        assert served == ["first", "first", "first", "second", "second"]
        assert [row.billing for row in await stage.rows()][:3] == ["plan", "overage", "overage"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_cost_that_the_upstream_reports_wins_over_the_price_list(
    tmp_path: Path, stream: bool
) -> None:
    reported = Answer(
        input_tokens=500, output_tokens=250, headers=((b"anthropic-billing-cost", b"1.999999"),)
    )
    async with staged(tmp_path, own=BUDGET, more=PRICE) as stage:
        stage.provider.play("sk-first", reported, reported)
        served = [(await stage.fresh(stream=stream)).headers[NAMED] for _ in range(3)]
        assert served == ["first", "first", "second"]
        (row, *_) = await stage.rows()
        assert (row.cost, row.cost_source) == (1_999_999, "reported")


async def test_a_refusal_and_counting_tokens_cost_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path, own=BUDGET, more=PRICE) as stage:
        stage.provider.play("sk-first", Failing(400), Failing(500), then=DOLLAR)
        assert (await stage.fresh()).status_code == 400
        for _ in range(3):
            assert (await stage.ask(path="/v1/messages/count_tokens")).status_code == 200
        assert (await stage.fresh()).headers[NAMED] == "second"
        rows = await stage.rows()
        assert [(row.account, row.cost) for row in rows[:4]] == [("first", None)] * 4
        assert stage.running.house.purse.spent("first").day == 0
        await stage.client.post(stage.url + "/api/accounts/first/force-reset-rate-limit")
        assert [(await stage.fresh()).headers[NAMED] for _ in range(3)] == ["first", "first", "second"]


async def test_what_failed_before_is_not_billed_to_the_account_that_failed(tmp_path: Path) -> None:
    async with staged(
        tmp_path, own=dict.fromkeys(("first", "second"), "budget = { daily = 2.00 }"), more=PRICE
    ) as stage:
        stage.provider.play("sk-first", Limited(reset_in=1, claim="seven_day"))
        stage.provider.play("sk-second", then=DOLLAR)
        for _ in range(2):
            assert (await stage.fresh()).headers[NAMED] == "second"
        purse = stage.running.house.purse
        assert (purse.spent("first").day, purse.spent("second").day) == (0, 2_000_000)


@pytest.mark.parametrize("later", [False, True], ids=["there from the start", "set after the restart"])
async def test_a_restart_keeps_what_was_spent_for_a_budget(tmp_path: Path, later: bool) -> None:
    provider = FakeProvider()
    provider.play("sk-first", then=DOLLAR)
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        with_budget = toml(tmp_path / "state", port, ["first", "second"], own=BUDGET, more=PRICE)
        without = toml(tmp_path / "state", port, ["first", "second"], more=PRICE)
        config = tmp_path / "ccflare.toml"
        config.write_text(without if later else with_budget)
        config.chmod(0o600)
        async with restaged(tmp_path, provider, port) as stage:
            assert (await stage.fresh()).headers[NAMED] == "first"
            await stage.rows()
        async with restaged(tmp_path, provider, port) as again:
            again.edit(with_budget)
            assert (await again.running.reloads.reload("command")).applied
            assert [(await again.fresh()).headers[NAMED] for _ in range(2)] == ["first", "second"]
            await again.rows()
        async with restaged(tmp_path, provider, port) as third:
            assert (await third.account("first"))["state"] == "paused"
            assert (await third.fresh()).headers[NAMED] == "second"
        nursery.cancel_scope.cancel()


async def test_a_budget_that_a_reload_sets_or_raises_counts_from_then_on_with_what_was_spent(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, more=PRICE) as stage:
        stage.provider.play("sk-first", then=DOLLAR)
        for _ in range(2):
            assert (await stage.fresh()).headers[NAMED] == "first"
        plain = stage.config.read_text()
        for limit, served in (("2.00", "second"), ("2.50", "first")):
            budget = f"priority = 0\nbudget = {{ daily = {limit} }}"
            stage.edit(plain.replace("priority = 0", budget))
            assert (await stage.running.reloads.reload("command")).applied
            assert (await stage.fresh()).headers[NAMED] == served
