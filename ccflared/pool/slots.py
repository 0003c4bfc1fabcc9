"""Which accounts the file lets serve a request, in which step, and what they call the model. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from ccflared.config.model import Client, Config
from ccflared.pool.models import chain_for, upstream_names
from ccflared.wire import Passed

_ANY: Final = ("*",)


@dataclass(frozen=True, slots=True)
class Slot:
    """One account's place for a requested model. ``models``: the upstream's names, in the order to be tried."""

    account: str
    models: tuple[str | None, ...]
    step: int = 0
    chained: bool = False
    """Whether it is a step of a chain."""


@dataclass(frozen=True, slots=True)
class Slots:
    """The places for one requested model. ``chain``: the ``models`` of the chain they begin with, for people."""

    slots: tuple[Slot, ...]
    chain: str | None = None


def slots(
    config: Config, accounts: Iterable[str], model: str | None, client: Client | None, pin: str | None
) -> Slots:
    """Return the places for a request. ``accounts`` are those that can be addressed, in the order of the file.

    First the client's rights; then a pin, which is that account or nobody; then the chain that is for the model;
    then the pool, without the accounts that the chain has named already.
    """
    patterns = client.accounts if client is not None else _ANY
    able = [name for name in accounts if patterns == _ANY or any(fnmatchcase(name, p) for p in patterns)]
    if pin is not None:
        return Slots(_pool(config, [pin] if pin in able else [], model, 0))
    chain = chain_for(model, config.fallback) if model is not None else None
    if chain is None:
        return Slots(_pool(config, [name for name in able if config.accounts[name].pool], model, 0))
    placed: list[Slot] = []
    for number, step in enumerate(chain.steps):
        for name in step.accounts:
            if name not in able:
                continue
            names = (step.model,) if step.model is not None else _names(config, name, model)
            if names:
                placed.append(Slot(name, names, number, chained=True))
    if chain.then == "pool":
        named = {name for step in chain.steps for name in step.accounts}
        rest = [name for name in able if name not in named and config.accounts[name].pool]
        placed += _pool(config, rest, model, len(chain.steps))
    return Slots(tuple(placed), ", ".join(chain.models))


@dataclass(frozen=True, slots=True)
class Asking:
    """What of a request the rules of the file look at."""

    model: str | None
    client: Client | None
    pin: str | None


def left_out(config: Config, accounts: Iterable[str], found: Slots, asking: Asking) -> tuple[Passed, ...]:
    """Return those of ``accounts`` that have no place for a request, each with the rule that says so."""
    placed = {slot.account for slot in found.slots}
    return tuple(
        Passed(name, "not asked", _rule(config, name, found, asking))
        for name in accounts
        if name not in placed
    )


def _rule(config: Config, name: str, found: Slots, asking: Asking) -> str:
    """Name the first rule of the file that keeps a request from an account which can be addressed."""
    account, client = config.accounts[name], asking.client
    if asking.pin is not None and name != asking.pin:
        return f"the request is pinned to {asking.pin}"
    if client is not None and not any(fnmatchcase(name, pattern) for pattern in client.accounts):
        return f"the client {client.name} may not use it"
    if asking.pin is None and not account.pool:
        chained = "pool = false, and the chain does not name it"
        return chained if found.chain is not None else "pool = false: only for chains and pins"
    if _names(config, name, asking.model):
        return 'the chain ends before it (then = "fail")'
    return f"its models map other names of Claude's, but not {asking.model}"


def _pool(config: Config, names: Iterable[str], model: str | None, step: int) -> tuple[Slot, ...]:
    return tuple(Slot(name, called, step) for name in names if (called := _names(config, name, model)))


def _names(config: Config, account: str, model: str | None) -> tuple[str | None, ...]:
    """Return what an account calls the model; nothing where it is not asked for it."""
    if model is None:
        return (None,)
    settings = config.accounts[account]
    return upstream_names(model, settings.models, config.providers[settings.provider].models) or ()
