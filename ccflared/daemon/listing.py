"""Which models a client may ask for: those of all accounts that it may use, from the file and from their providers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import time

from ccflared.config.model import Client, Config
from ccflared.daemon.access import may_ask_for
from ccflared.daemon.catalog import Catalog
from ccflared.daemon.choosing import Wanted
from ccflared.daemon.house import House
from ccflared.daemon.world import World
from ccflared.formats.model_list import Listed, shown
from ccflared.pool.names import aliased, chained_names, offered, with_aliases


@dataclass(frozen=True, slots=True)
class _Known:
    """All names of models that are known: those of the file, and those that providers have listed."""

    world: World
    catalog: Catalog

    def __contains__(self, name: object) -> bool:
        return name in self.world.names or name in self.catalog


def meant(house: House, world: World, requested: str) -> str:
    """Return the model that a client means by a name, which may be an alias."""
    return aliased(requested, _Known(world, house.catalog))


async def models_for(
    house: House, world: World, client: Client | None, pin: str | None
) -> tuple[Listed, ...] | None:
    """Return the models that a client may ask for, and their aliases; None where nobody knows of any.

    Providers of accounts that cannot serve now are not asked; what they told before counts.
    """
    wanted = Wanted(None, client.name if client else None, pin, uses=False)
    listed = await ask_providers(house, world, wanted)
    names: list[str] = []
    for slot in house.slots(world, wanted):
        names += offered_by(world.config, slot.account, listed.get(slot.account, ()))
    if not names:
        return None
    names += chained_names(world.config.fallback)
    pairs = [pair for pair in with_aliases(names) if may_ask_for(client, pair[1])]
    return shown(pairs, (model for models in listed.values() for model in models))


async def ask_providers(house: House, world: World, wanted: Wanted) -> Mapping[str, tuple[Listed, ...]]:
    """Return what providers list, by account: those that can serve now are asked, each once an hour at most.

    It takes two seconds at most; of whoever is slower, or cannot serve now, what was told before counts.
    """
    now = time()
    plan = house.plan(world, wanted, now, words=False)
    able = [house.target(world, choice.account) for choice in plan.choices]
    listed = await house.catalog.listed(able, world.config.accounts, world.config.routing)
    for target in able:
        if house.catalog.told_since(target, now):
            house.succeeded(target, now, time(), uses=False)
    return listed


def is_mapped(house: House, world: World, client: Client | None, pin: str | None, name: str) -> bool:
    """Whether the file maps a name for an account that a client may use, so that it can be asked for."""
    wanted = Wanted(name, client.name if client else None, pin, uses=False)
    return any(slot.models != (name,) for slot in house.slots(world, wanted))


def offered_by(config: Config, account: str, listed: Iterable[Listed]) -> tuple[str, ...]:
    """Return the models that an account can be asked for: those of the file, and of ``listed`` what it serves."""
    settings = config.accounts[account]
    provider = config.providers[settings.provider]
    return offered(settings.models, provider.models, [model.id for model in listed])
