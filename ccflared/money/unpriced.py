"""Models that the file means to be asked for, and that a budget keeps from being asked: nobody knows their price."""

from collections.abc import Iterator

from ccflared.config.model import Config
from ccflared.money.pricing import is_priced, prices_of


def unpriced(config: Config) -> list[str]:
    """Return a sentence for each account with a budget and each model that is mapped or chained there without a price.

    A plan costs nothing but extra usage, so its models need no price.
    """
    prices = prices_of(config.pricing)
    told = []
    for name, account in config.accounts.items():
        billing = account.billing or config.providers[account.provider].billing
        if account.budget is None or billing == "plan":
            continue
        told += [
            f"accounts.{name} has a budget, and nobody knows what {model} costs: it is not asked for it "
            f'until there is a [pricing."{model}"] with input and output'
            for model in dict.fromkeys(_models(config, name))
            if not is_priced(model, prices)
        ]
    return told


def _models(config: Config, name: str) -> Iterator[str]:
    account = config.accounts[name]
    for names in (account.models or config.providers[account.provider].models).values():
        yield from (model for model in names if model != "=")
    for chain in config.fallback:
        for step in chain.steps:
            if name in step.accounts and step.model is not None:
                yield step.model
