"""What is charged to a budget where not everything about a price is known, and paid usage that goes on. Over sockets."""

import json
from pathlib import Path
from time import time

import pytest
import trio
from stage import staged

from ccflared.demo.script import Answer, Failing
from ccflared.wire import Headers

NAMED = "x-ccflared-account"
PRICE = '[pricing."vendor/mid"]\ninput = 1000.0\noutput = 2000.0\n'
"""USD per million tokens: an answer of 500 and 250 costs a dollar."""
OWN = {"first": "budget = { daily = 1.00 }\nmodels = { sonnet = 'vendor/mid' }"}


def message(model: str) -> bytes:
    """Return the document of an answer that costs a dollar, from a model of this name."""
    return json.dumps(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": "Hello."}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 500, "output_tokens": 250},
        }
    ).encode()


async def test_a_served_model_that_has_no_price_is_charged_as_the_one_that_was_asked_for(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, own=OWN, more=PRICE) as stage:
        stage.provider.play("sk-first", then=Failing(200, body=message("mid-2026-preview")))
        served = [(await stage.fresh()).headers[NAMED] for _ in range(3)]
        assert served == ["first", "second", "second"]
        (row, *_) = await stage.rows()
        assert (row.served_model, row.cost, row.cost_source) == ("mid-2026-preview", 1_000_000, "computed")
        assert stage.running.house.purse.spent("first").day == 1_000_000


async def test_a_served_model_that_has_a_price_is_charged_by_it(tmp_path: Path) -> None:
    more = PRICE + '[pricing."mid-2026"]\ninput = 500.0\noutput = 1000.0\n'
    async with staged(tmp_path, own=OWN, more=more) as stage:
        stage.provider.play("sk-first", then=Failing(200, body=message("mid-2026")))
        served = [(await stage.fresh()).headers[NAMED] for _ in range(3)]
        assert served == ["first", "first", "second"]
        assert [row.cost for row in await stage.rows()][:2] == [500_000] * 2


CACHES = [
    Answer(input_tokens=500, output_tokens=250, cache_read=10),
    Answer(input_tokens=500, output_tokens=250, cache_write_5m=10),
    Answer(input_tokens=500, output_tokens=250, cache_write_1h=10),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("answer", CACHES, ids=["read", "write of 5 minutes", "write of an hour"])
async def test_cached_tokens_of_unknown_price_are_charged_as_input_and_the_row_claims_no_cost(
    tmp_path: Path, answer: Answer, stream: bool
) -> None:
    async with staged(tmp_path, own=OWN, more=PRICE) as stage:
        stage.provider.play("sk-first", then=answer)
        served = [(await stage.fresh(stream=stream)).headers[NAMED] for _ in range(2)]
        assert served == ["first", "second"]
        (row, _) = await stage.rows()
        assert (row.account, row.cost, row.cost_source) == ("first", None, None)
        assert stage.running.house.purse.spent("first").day == 1_010_000


async def test_cached_tokens_whose_price_is_known_cost_that(tmp_path: Path) -> None:
    async with staged(tmp_path, own=OWN, more=f"{PRICE}cache_read = 100.0\n") as stage:
        stage.provider.play("sk-first", then=CACHES[0])
        assert (await stage.fresh()).headers[NAMED] == "first"
        (row,) = await stage.rows()
        assert (row.cost, stage.running.house.purse.spent("first").day) == (1_001_000, 1_001_000)


def unified(**fields: object) -> Headers:
    """Return the header fields of a plan that end in these names."""
    return tuple(
        (f"anthropic-ratelimit-unified-{name}".replace("_", "-").encode(), str(value).encode())
        for name, value in fields.items()
    )


def paid(reset_in: float = 3600.0) -> Answer:
    """Return an answer that was paid for beyond a plan, whose window resets in so many seconds."""
    window = {"5h-status": "rejected", "5h-utilization": "1.02", "5h-reset": int(time() + reset_in)}
    overage = {"overage-status": "allowed", "overage-in-use": "true"}
    return Answer(headers=unified(status="allowed", **window, **overage))


BARE = Answer(headers=unified(status="allowed"))
"""It tells nothing of windows, and nothing of who pays."""
OVERAGES = [("allow", ["first", "first"]), ("last-resort", ["second", "second"])]


@pytest.mark.parametrize(("overage", "served"), OVERAGES)
async def test_paid_usage_stays_known_when_a_later_answer_tells_nothing_of_it(
    tmp_path: Path, overage: str, served: list[str]
) -> None:
    async with staged(tmp_path, own={"first": f'overage = "{overage}"'}) as stage:
        stage.provider.play("sk-first", paid(), then=BARE)
        for _ in range(2):
            stage.headers = {NAMED: "first"}
            assert (await stage.fresh()).status_code == 200
            stage.headers = {}
            assert (await stage.account("first"))["state"] == "ready"
        assert [(await stage.fresh()).headers[NAMED] for _ in range(2)] == served


async def test_paid_usage_is_over_when_its_window_has_been_reset(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"first": 'overage = "last-resort"'}) as stage:
        stage.headers = {NAMED: "first"}
        stage.provider.play("sk-first", paid(1.0), then=BARE)
        await stage.fresh()
        stage.headers = {}
        with trio.fail_after(5):
            while (await stage.fresh()).headers[NAMED] != "first":
                await trio.sleep(0.01)


async def test_what_a_budget_was_charged_at_least_is_remembered_over_a_restart(tmp_path: Path) -> None:
    own = {"first": "budget = { daily = 2.00 }"}
    prices = '[pricing."claude-sonnet-4-5"]\ninput = 1000.0\noutput = 2000.0\n'
    # a model that nobody ships a price of, so that the cache rate is unknown
    prices = prices.replace("claude-sonnet-4-5", "mystery-1")
    async with staged(tmp_path, own=own, more=prices) as stage:
        stage.provider.play("sk-first", Answer(input_tokens=500, output_tokens=0, cache_read=500))
        await stage.ask(model="mystery-1")
        (row,) = await stage.rows()
        assert (row.cost, row.charged) == (None, 1_000_000)
        house = stage.running.house
        spent = await house.archive.spent(0.0)
        assert spent == {"first": 1_000_000} == {"first": house.purse.spent("first").day}
