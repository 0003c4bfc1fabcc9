"""What rows say that converted requests cost: the arithmetic is beside each, in millionths of a USD."""

from pathlib import Path
from typing import Any

import pytest
from dialects import CROSSINGS, Client, Upstream, ask, before
from stage import staged

from ccflared.demo.script import Answer, Failing, Limited
from ccflared.money.pricing import shipped

# sonnet 4.5: 3 for input, 15 for output, 0.3 for what is read from a cache, 3.75 and 6 for what is written to one
ANSWER = Answer(input_tokens=1000, output_tokens=200, cache_read=4000, cache_write_5m=0, cache_write_1h=0)
COST = 1000 * 3 + 200 * 15 + 1200
"""4000 x 0.3 = 1200; 7200 in all, whichever dialect tells of it."""


@pytest.mark.parametrize(("client", "upstream"), [*CROSSINGS, ("messages", "messages"), ("chat", "chat")])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_request_costs_the_same_in_every_dialect_and_cached_tokens_count_once(
    tmp_path: Path, client: Client, upstream: Upstream, stream: bool
) -> None:
    async with before(tmp_path, upstream) as stage:
        stage.provider.play("sk-first", then=ANSWER, on=upstream)
        answer = await ask(stage, client, stream=stream)
        assert answer.status_code == 200, answer.text
        (row,) = await stage.rows()
        tokens = row.tokens
        assert (tokens.input, tokens.output, tokens.cache_read) == (1000, 200, 4000)
        assert (row.cost, row.cost_source, row.price_source) == (COST, "computed", shipped().source)
        assert row.charged == COST
        if not stream:
            told = answer.json()["usage"]
            prompt = told["input_tokens"] if client != "chat" else told["prompt_tokens"]
            assert prompt == (1000 if client == "messages" else 5000)


async def test_both_kinds_of_caches_are_billed_at_their_rates(tmp_path: Path) -> None:
    written = Answer(input_tokens=10, output_tokens=1, cache_read=0, cache_write_5m=100, cache_write_1h=1000)
    async with staged(tmp_path, ["only"]) as stage:
        stage.provider.play("sk-only", then=written)
        for stream in (False, True):
            assert (await stage.fresh(stream=stream)).status_code == 200
        # 10 x 3 = 30; 15; 100 x 3.75 = 375; 1000 x 6 = 6000
        assert [row.cost for row in await stage.rows()] == [6420, 6420]


async def test_only_the_try_that_answered_is_billed_and_what_costs_nothing_has_no_cost(
    tmp_path: Path,
) -> None:
    billed = ((b"anthropic-billing-cost", b"9.99"),)
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Limited(headers=billed), then=ANSWER)
        stage.provider.play("sk-second", ANSWER, Failing(400), then=ANSWER)
        assert (await stage.fresh()).headers["x-ccflared-account"] == "second"
        assert (await stage.fresh()).status_code == 400
        assert (await stage.ask(path="/v1/messages/count_tokens")).status_code == 200
        served, refused, counted = await stage.rows()
        assert (served.cost, served.cost_source, served.billing) == (COST, "computed", "api")
        for row in (refused, counted):
            assert (row.cost, row.cost_source, row.price_source, row.charged) == (None, None, None, None)


PRICE = '[pricing."claude-sonnet-4-5"]\ninput = 4.0\n'


@pytest.mark.parametrize(
    ("more", "headers", "cost", "says"),
    [
        # 1000 x 4 instead of 3, the rest as it is listed
        (PRICE, (), COST + 1000, ("computed", "file")),
        (PRICE, ((b"anthropic-billing-cost", b"0.5"),), 500_000, ("reported", None)),
    ],
)
async def test_a_row_names_who_says_what_it_cost(
    tmp_path: Path, more: str, headers: Any, cost: int, says: tuple[str, str | None]
) -> None:
    answer = Answer(
        input_tokens=1000,
        output_tokens=200,
        cache_read=4000,
        cache_write_5m=0,
        cache_write_1h=0,
        headers=headers,
    )
    async with staged(tmp_path, ["only"], more=more) as stage:
        stage.provider.play("sk-only", then=answer)
        await stage.fresh()
        (row,) = await stage.rows()
        assert (row.cost, (row.cost_source, row.price_source)) == (cost, says)


@pytest.mark.parametrize("in_use", [False, True])
async def test_a_test_by_hand_costs_what_it_costs_and_extra_usage_is_money(
    tmp_path: Path, in_use: bool
) -> None:
    told = ((b"anthropic-ratelimit-unified-overage-in-use", str(in_use).lower().encode()),)
    answer = Answer(input_tokens=10, output_tokens=2, cache_read=0, headers=told)
    own = {"only": "billing = 'plan'\noverage = 'allow'\nmodels = { haiku = 'claude-haiku-4-5' }"}
    async with staged(tmp_path, ["only"], own=own) as stage:
        stage.provider.play("sk-only", then=answer)
        assert (await stage.client.post(stage.url + "/api/accounts/only/test")).status_code == 200
        (row,) = await stage.rows()
        # 10 x 1; 2 x 5
        assert (row.origin, row.cost, row.charged) == ("test", 20, 20)
        assert row.billing == ("overage" if in_use else "plan")
        assert stage.running.house.purse.spent("only").day == (20 if in_use else 0)
