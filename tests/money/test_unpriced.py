"""What a budget will not allow, or cannot count, is told when the file is read: of accounts, and of clients."""

from dataclasses import replace
from typing import Any

import pytest

from ccflared.config.chain_kinds import Step
from ccflared.config.model import (
    Account,
    Budget,
    Client,
    Config,
    Fallback,
    Price,
    PriceList,
    Provider,
    WholeBudget,
)
from ccflared.money.pricing import PriceTable
from ccflared.money.unpriced import unpriced

BUDGET = Budget(daily=5.0)
PROVIDERS = {"api": Provider(models={"haiku": ("tiny",)}), "plan": Provider(billing="plan")}
MAPPED = {"opus": ("big", "claude-opus-4-5"), "sonnet": ("=",)}


def config(account: Account, **more: object) -> Config:
    return Config(providers=PROVIDERS, accounts={"a": account}, **more)  # type: ignore[arg-type]


def test_a_mapped_model_without_a_price_is_told_with_what_to_add() -> None:
    (said,) = unpriced(config(Account("a", "api", budget=BUDGET, models=MAPPED)))
    assert said.startswith("accounts.a has a budget, and nobody knows what big costs")
    assert said.endswith('until there is a [pricing."big"] with input and output')


def test_the_providers_map_counts_where_the_account_has_none_and_so_does_a_chain() -> None:
    chain = Fallback(models=("opus",), steps=(Step(("a",), "chained"), Step(("b",), "elsewhere")))
    told = unpriced(config(Account("a", "api", budget=BUDGET), fallback=(chain,)))
    assert ["tiny" in told[0], "chained" in told[1], len(told)] == [True, True, 2]


@pytest.mark.parametrize(
    "given",
    [
        config(Account("a", "api", models=MAPPED)),
        config(Account("a", "plan", budget=BUDGET, models=MAPPED)),
        config(Account("a", "api", budget=BUDGET, billing="plan", models=MAPPED)),
        config(Account("a", "api", budget=BUDGET, models=MAPPED), pricing={"big": Price(1.0, 2.0)}),
    ],
    ids=["no budget", "a plan's provider", "a plan", "a price"],
)
def test_nothing_is_said_where_nothing_is_missing(given: Config) -> None:
    assert unpriced(given) == []


def of_a_client(account: Account, budget: Budget = BUDGET, **more: Any) -> list[str]:
    client = Client("c", key_sha256=("00",), budget=budget, **more)
    return unpriced(replace(config(account), clients={"c": client}))


def test_in_the_name_of_a_client_with_a_budget_nobody_is_asked_for_such_a_model_whoever_pays() -> None:
    for billing in ("api", "plan"):
        (said,) = of_a_client(Account("a", "api", models=MAPPED, billing=billing))
        assert said.startswith("clients.c has a budget, and nobody knows what ")
        assert "nobody is asked for it until" in said


def test_what_a_clients_budget_never_counts_needs_no_price() -> None:
    plan = Account("a", "api", models=MAPPED, billing="plan")
    assert of_a_client(plan, Budget(daily=1.0, counts="money")) == []
    assert of_a_client(plan, accounts=("b-*",)) == []
    # An account with a budget of its own is not asked for it.
    (said,) = of_a_client(Account("a", "api", models=MAPPED, budget=BUDGET))
    assert said.startswith("accounts.a ")


def test_the_budget_of_all_names_the_models_of_whoever_counts_for_it() -> None:
    whole = WholeBudget(daily=5.0)
    (said,) = unpriced(config(Account("a", "api", models=MAPPED), budget=whole))
    assert said.startswith("there is a [budget], and nobody knows what big costs")
    assert said.endswith('until there is a [pricing."big"] with input and output')
    plan = Account("a", "plan", models=MAPPED)
    assert unpriced(config(plan, budget=whole)) == []
    assert len(unpriced(config(plan, budget=replace(whole, counts="value")))) == 1


def test_a_price_list_has_prices_and_who_does_not_know_it_says_nothing() -> None:
    given = config(
        Account("a", "api", budget=BUDGET, models={"opus": ("big", "huge")}),
        price_list=PriceList("https://example.com/prices.json"),
    )
    assert unpriced(given) == []
    (said,) = unpriced(given, PriceTable("list 2026-11-26", {"big": Price(1, 2)}))
    assert "huge" in said
