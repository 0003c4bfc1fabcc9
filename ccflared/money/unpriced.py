"""Models that the file means to be asked for, and that a budget cannot count: nobody knows their price."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from ccflared.config.model import Client, Config
from ccflared.config.words import quoted
from ccflared.money.pricing import PriceTable, is_priced, prices_of


def unpriced(config: Config, listed: PriceTable | None = None) -> list[str]:
    """Return a sentence for each budget and each model that is mapped or chained without a price and concerns it.

    Of an account: it is not asked for such a model. A plan costs nothing but extra usage, so its models need no
    price. Of a client: no account is asked for it in its name; where value is counted, no plan either. The same holds
    for the budget of all. ``listed``: the price list that counts. Who does not know it cannot tell what it has: then a
    file that names one has all prices for all he knows.
    """
    if listed is None and config.price_list.url is not None:
        return []
    prices = prices_of(config.pricing, listed)
    missing = {
        name: [model for model in dict.fromkeys(_models(config, name)) if not is_priced(model, prices)]
        for name in config.accounts
    }
    told = [
        f"accounts.{name} has a budget, and nobody knows what {model} costs: it is not asked for it "
        f"{_until(model)}"
        for name in config.accounts
        if _keeps_money(config, name)
        for model in missing[name]
    ]
    whole = config.budget
    if whole is not None:
        counted = [
            name for name in config.accounts if whole.counts == "value" or _billing(config, name) != "plan"
        ]
        told += [
            f"there is a [budget], and nobody knows what {model} costs: nobody whose answers count for it is asked "
            f"{_until(model)}"
            for model in dict.fromkeys(model for name in counted for model in missing[name])
        ]
    for client in config.clients.values():
        if client.budget is not None:
            served = dict.fromkeys(model for name in _counted(config, client) for model in missing[name])
            told += [
                f"clients.{client.name} has a budget, and nobody knows what {model} costs: nobody is asked for it "
                f"{_until(model)}"
                for model in served
            ]
    return told


def _until(model: str) -> str:
    return f"until there is a [pricing.{quoted(model, 200)}] with input and output"


def _billing(config: Config, name: str) -> str:
    account = config.accounts[name]
    return account.billing or config.providers[account.provider].billing


def _keeps_money(config: Config, name: str) -> bool:
    """Whether an account has a budget of its own, and so is asked for nothing of unknown price."""
    return config.accounts[name].budget is not None and _billing(config, name) != "plan"


def _counted(config: Config, client: Client) -> Iterator[str]:
    """Return the accounts whose answers count for a client's budget, whatever their price."""
    budget = client.budget
    for name in config.accounts:
        mine = any(fnmatchcase(name, pattern) for pattern in client.accounts)
        money = budget is not None and budget.counts == "money"
        if mine and not _keeps_money(config, name) and not (money and _billing(config, name) == "plan"):
            yield name


def _models(config: Config, name: str) -> Iterator[str]:
    account = config.accounts[name]
    for names in (account.models or config.providers[account.provider].models).values():
        yield from (model for model in names if model != "=")
    for chain in config.fallback:
        for step in chain.steps:
            if name in step.accounts and step.model is not None:
                yield step.model
