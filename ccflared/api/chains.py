"""The chains of models, [[fallback]], as status shows them: their steps, and who would be asked now."""

from collections.abc import Iterator
from typing import Any, Final

from ccflared.config.model import Fallback
from ccflared.daemon.choosing import Wanted
from ccflared.daemon.house import House
from ccflared.daemon.listing import meant
from ccflared.daemon.turns import others_turn
from ccflared.daemon.world import World
from ccflared.pool.models import chain_for, matches

_GLOB: Final = frozenset("*?[")


async def chains(house: House, now: float) -> list[dict[str, Any]]:
    """Return the chains in the order of the file, each with whom a new conversation would be sent to first.

    Others get their turn between two chains: with many accounts a plan takes a millisecond or two.
    """
    world = house.world
    told: list[dict[str, Any]] = []
    for chain in world.config.fallback:
        await others_turn()
        told.append(
            {
                "models": list(chain.models),
                "steps": [{"accounts": list(step.accounts), "model": step.model} for step in chain.steps],
                "then": chain.then,
                "next": _next(house, world, chain, now),
            }
        )
    return told


def _next(house: House, world: World, chain: Fallback, now: float) -> dict[str, Any] | None:
    """Return who would be asked, for which model; None where no name is known that the chain is for.

    ``account`` None: nobody. ``step`` counts from 1; None: it comes from the pool.
    """
    model = _example(house, world, chain)
    if model is None:
        return None
    wanted = Wanted(model)
    first = next(iter(house.plan(world, wanted, now, words=False).choices), None)
    if first is None:
        return {"for": model, "account": None, "model": None, "step": None}
    slots = house.slots(world, wanted)
    slot = next(each for each in slots if each.account == first.account and first.model in each.models)
    return {
        "for": model,
        "account": first.account,
        "model": first.model,
        "step": slot.step + 1 if slot.chained else None,
    }


def _example(house: House, world: World, chain: Fallback) -> str | None:
    """Return a model that would go by this chain: one that the file names, else one that looks as it says."""
    for name in _names(world, chain):
        model = meant(house, world, name)
        if not _GLOB & set(model) and chain_for(model, world.config.fallback) is chain:
            return model
    return None


def _names(world: World, chain: Fallback) -> Iterator[str]:
    """Yield names that may be for a chain; nearly always the first is."""
    yield from (name for name in chain.models if not _GLOB & set(name))
    yield from (name for name in sorted(world.names) if any(matches(name, each) for each in chain.models))
    yield from (name.replace("*", "") for name in chain.models)
