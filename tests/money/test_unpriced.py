"""What an account with a budget will not be asked for is told when the file is read."""

import pytest

from ccflared.config.chain_kinds import Step
from ccflared.config.model import Account, Budget, Config, Fallback, Price, Provider
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
