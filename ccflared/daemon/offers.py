"""What a person is told of the models that can be asked for: who would serve each now, in order, or why nobody would.

The names are those of ``/v1/models`` (listing.py), and beyond them what can be asked for although nobody lists it: what
only accounts have that cannot serve now, models that [pricing] names, and what a maker is known to have. Names that
the file speaks of by family or glob are told apart, and so is where any other name goes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal
from urllib.parse import urlsplit

from ccflared.config.model import Account, Client, Config, Fallback, Price
from ccflared.daemon.access import may_ask_for, may_use
from ccflared.daemon.choosing import Wanted
from ccflared.daemon.house import House
from ccflared.daemon.listing import offered_by
from ccflared.daemon.turns import others_turn
from ccflared.daemon.world import World
from ccflared.formats.model_list import Listed, merged
from ccflared.money.pricing import known_at, undated
from ccflared.pool.models import upstream_names
from ccflared.pool.names import alias_of, chained_names, is_exact
from ccflared.pool.slots import slots
from ccflared.providers.origin import origin
from ccflared.wire import Passed

MOST: Final = 1000
"""Models that are told of. Routers list hundreds; nobody reads more."""
_NOBODYS: Final = ("claude-of-no-family", "of-nobody-known")
"""A name of Claude's and another one, as a map sees them that names neither."""

Source = Literal["provider", "file", "prices"]


@dataclass(frozen=True, slots=True)
class Server:
    """An account that has a place for a model. ``model``: what it is called there. ``passed``: why not now."""

    account: str
    model: str
    price: Price
    listed: bool | None
    """Whether its provider lists that model; None: it has told no list."""
    until: float | None = None
    """When the doubt about it ends; None: there is none."""
    passed: Passed | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A model by its names. ``title`` is for people."""

    name: str
    alias: str | None
    title: str | None
    source: Source


@dataclass(frozen=True, slots=True)
class Offer:
    """One model. ``servers``: who would be asked now, the first before others; ``others``: who cannot."""

    model: Named
    chain: str | None
    price: Price
    servers: tuple[Server, ...]
    others: tuple[Server, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A family, glob or ``*`` that maps or a chain name. ``called``: what a name that it means is called, by account.

    "=" keeps the name. Where ``chained``, these are the steps of a chain, and they are asked before anybody else.
    """

    pattern: str
    chained: bool
    called: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Offers:
    """All that can be asked for. ``more``: how many models there is no room for."""

    offers: tuple[Offer, ...]
    more: int
    patterns: tuple[Pattern, ...]
    unchanged_claude: tuple[str, ...]
    """Accounts to which a name of Claude's that nothing here means goes as it is."""
    unchanged_other: tuple[str, ...]
    unlisted: tuple[str, ...]
    """Accounts whose provider has told no list so far."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wants to know, and when. ``client`` None: anybody who needs no key."""

    house: House
    world: World
    client: Client | None
    now: float
    listed: Mapping[str, tuple[Listed, ...]]
    """What providers list, by account."""

    @property
    def config(self) -> Config:
        """The configuration that is asked."""
        return self.world.config


async def offers(asker: Asker, *, names_only: bool = False) -> Offers:
    """Reckon what may be asked for. ``names_only``: who would serve it and for which price is left open."""
    config, listed = asker.config, asker.listed
    own = [account for account in config.accounts.values() if _is_open(asker, account)]
    names = await _names(asker, own)
    titles = {model.id: model.display_name for model in merged(m for each in listed.values() for m in each)}
    book = _Book({account: _ids(models) for account, models in listed.items() if models}, {})
    found: list[Offer] = []
    for name, source in list(names.items())[:MOST]:
        alias = alias_of(name)
        model = Named(name, None if alias in names else alias, titles.get(name), source)
        if names_only:
            found.append(Offer(model, None, Price(), (), ()))
            continue
        await others_turn()  # with many accounts one model takes a millisecond or two
        found.append(_offer(asker, book, model))
    claude, other = (tuple(a.name for a in own if _called(config, a, name) == (name,)) for name in _NOBODYS)
    return Offers(
        offers=tuple(found),
        more=max(0, len(names) - MOST),
        patterns=tuple(_patterns(asker, own)),
        unchanged_claude=claude,
        unchanged_other=other,
        unlisted=tuple(account.name for account in own if not listed.get(account.name)),
    )


@dataclass(frozen=True, slots=True)
class _Book:
    """What is looked up once for all models: the ids that providers list, by account, and prices by upstream's name."""

    ids: Mapping[str, frozenset[str]]
    prices: dict[str, Price]


def _is_open(asker: Asker, account: Account) -> bool:
    return account.pool and _may(asker, account)


def _may(asker: Asker, account: Account) -> bool:
    return may_use(asker.config, asker.client.name if asker.client is not None else None, account.name)


def _ids(models: Iterable[Listed]) -> frozenset[str]:
    """Return the ids of a list, and those with a date at the end without it: vendors take them so, too."""
    return frozenset(name for model in models for name in (model.id, undated(model.id)))


async def _names(asker: Asker, own: Sequence[Account]) -> dict[str, Source]:
    """Return the names that may be asked for, each with who knows it first; others get their turn meanwhile."""
    config, listed = asker.config, asker.listed
    found: dict[str, Source] = {}
    for account in own:
        await others_turn()
        told = listed.get(account.name, ())
        ids = {model.id for model in told}
        for name in offered_by(config, account.name, told):
            found.setdefault(name, "provider" if name in ids else "file")
    for name in chained_names(config.fallback):
        found.setdefault(name, "file")
    for account in own:
        if not listed.get(account.name):
            await others_turn()
            for name in _known(config, account):
                found.setdefault(name, "prices")
    for name in config.pricing:
        if is_exact(name) and any(name in _called(config, account, name) for account in own):
            found.setdefault(name, "prices")
    return {name: source for name, source in found.items() if may_ask_for(asker.client, name)}


def _known(config: Config, account: Account) -> Iterator[str]:
    """Yield the models that the maker at an account's address is known to have, as far as they go there unchanged."""
    there = origin(account, config.providers[account.provider])
    for name in known_at(urlsplit(there or "").hostname or ""):
        if _called(config, account, name) == (name,):
            yield name


def _called(config: Config, account: Account, name: str) -> tuple[str, ...]:
    return upstream_names(name, account.models, config.providers[account.provider].models) or ()


def _patterns(asker: Asker, own: Sequence[Account]) -> Iterator[Pattern]:
    """Yield what chains and maps name by pattern, and who may be asked for it; of a map's, the account's own first."""
    config = asker.config
    usable = [each for each in config.accounts.values() if _may(asker, each)]
    chained: set[str] = set()
    for chain in config.fallback:
        for pattern in chain.models:
            if not is_exact(pattern) and pattern not in chained:
                chained.add(pattern)
                yield Pattern(pattern, True, tuple(_steps(config, chain, pattern, usable)))
    maps = {each.name: {**config.providers[each.provider].models, **each.models} for each in own}
    for pattern in dict.fromkeys(name for each in maps.values() for name in each):
        if not is_exact(pattern) and pattern not in chained:
            called = ((name, each[pattern]) for name, each in maps.items() if pattern in each)
            yield Pattern(pattern, False, tuple(called))


def _steps(
    config: Config, chain: Fallback, pattern: str, usable: Sequence[Account]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for step in chain.steps:
        for account in usable:
            if account.name in step.accounts:
                called = (step.model,) if step.model is not None else _called(config, account, pattern)
                if called:
                    yield account.name, tuple("=" if name == pattern else name for name in called)


def _offer(asker: Asker, book: _Book, model: Named) -> Offer:
    """Reckon one model. Places that only an account has which cannot be addressed are the file's all the same."""
    house, world, client = asker.house, asker.world, asker.client
    name = model.name
    wanted = Wanted(name, client.name if client else None)
    plan = house.plan(world, wanted, asker.now, words=False)
    places = slots(world.config, world.config.accounts, name, client, None)
    passed = {each.account: each for each in (*plan.passed, *house.left_out(world, wanted))}

    def server(account: str, called: str | None) -> Server:
        upstream = called or name
        told = book.ids.get(account)
        listed = None if told is None else upstream in told
        if upstream not in book.prices:
            book.prices[upstream] = world.prices.of(upstream)
        return Server(account, upstream, book.prices[upstream], listed, passed=passed.get(account))

    servers = tuple(
        replace(server(choice.account, choice.model), until=choice.until, passed=None)
        for choice in plan.choices
    )
    serving = {each.account for each in servers}
    others = tuple(
        server(slot.account, slot.models[0]) for slot in places.slots if slot.account not in serving
    )
    price = next((each.price for each in (*servers, *others)), world.prices.of(name))
    return Offer(model, places.chain, price, servers, others)
