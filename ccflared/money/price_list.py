"""Lists of prices that others keep: read, and examined before anything is reckoned by them. Pure.

Two shapes are known: that of models.dev (providers, their models, ``cost`` in USD per million tokens) and that of
LiteLLM (models, costs per token). A list is somebody else's word: it counts only as far as it fits what is known.

* A price of nothing at all is none: some lists write zeros where they do not know.
* A model that several hosts sell at different prices has none, unless its maker is among them.
* A model with more than two steps of prices has none.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from ccflared.config.model import Price
from ccflared.money.pricing import Long, PriceTable, makers

LONGEST: Final = 16 * 1024 * 1024
"""Bytes of a list; those of today have some three million."""
LEAST_MODELS: Final = 100
"""A list with fewer has been cut, or is another document."""
LEAST_KNOWN: Final = 3
"""So many of Claude's models that the shipped table knows have to be in a list."""
FACTOR: Final = 3.0
"""By how much a list's price of one of those may differ from the shipped one."""
JUMP: Final = 10.0
"""By how much a price may change from one list to the next."""
_HIGHEST: Final = 2000.0
"""USD per million tokens; the dearest model there was cost 600."""
_MOST_MODELS: Final = 20_000
_LONGEST_NAME: Final = 200
_NONSENSE: Final = 0.01
"""The share of a list's models whose prices may be nonsense; they are left out."""
_NO_PRICES: Final = re.compile(r"(?:coding-plan|special|demo|free|trial)$")
"""Sections that sell no tokens: their zeros say that a plan pays, or that it is a present."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list says: prices by model, and those of long prompts."""

    prices: Mapping[str, Price]
    long: Mapping[str, Long] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    """Models whose price has jumped, and that keep the one of before."""

    def table(self, date: str) -> PriceTable:
        """Return it as a table of prices; ``date``: the day on which it was accepted."""
        return PriceTable(
            f"list {date}", MappingProxyType(dict(self.prices)), MappingProxyType(dict(self.long))
        )


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why nothing is reckoned by a list, as a clause."""

    reason: str


def examined(document: bytes, shipped: PriceTable, before: Listed | None) -> Listed | Rejected:
    """Read a list and see whether it can be believed. ``before``: the last one that was."""
    read = _read(document)
    if isinstance(read, Rejected):
        return read
    if len(read.prices) < LEAST_MODELS:
        return Rejected(f"it has prices of {len(read.prices)} models, fewer than {LEAST_MODELS}")
    known = [name for name in read.prices if name.startswith("claude-") and shipped.of(name) != Price()]
    if len(known) < LEAST_KNOWN:
        return Rejected(f"it knows {len(known)} of Claude's models, fewer than {LEAST_KNOWN}")
    for name in known:
        mine, theirs = shipped.of(name), read.prices[name]
        for rate in ("input", "output"):
            if _times(getattr(mine, rate), getattr(theirs, rate)) > FACTOR:
                said = f"{getattr(theirs, rate):g} USD for {rate} of {name}, which is {getattr(mine, rate):g} here"
                return Rejected(f"it says {said}: more than {FACTOR:g} times apart")
    return read if before is None else _without_jumps(read, before)


def _without_jumps(read: Listed, before: Listed) -> Listed:
    jumped = [
        name
        for name, price in read.prices.items()
        if (known := before.prices.get(name)) is not None
        and max(_times(known.input, price.input), _times(known.output, price.output)) > JUMP
    ]
    kept_long = {name: before.long[name] for name in jumped if name in before.long}
    return replace(
        read,
        prices={**read.prices, **{name: before.prices[name] for name in jumped}},
        long={name: long for name, long in read.long.items() if name not in jumped} | kept_long,
        kept=tuple(jumped),
    )


def _times(one: float | None, other: float | None) -> float:
    """Return how many times the larger of two rates is the smaller one."""
    low, high = sorted((one or 0.0, other or 0.0))
    return 1.0 if high == 0 else float("inf") if low == 0 else high / low


def _read(document: bytes) -> Listed | Rejected:
    try:
        top = json.loads(document, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        return Rejected("it is no JSON")
    if isinstance(top, dict) and isinstance(top.get("providers"), dict):
        top = top["providers"]
    if not isinstance(top, dict):
        return Rejected("it is no list of prices that is known here")
    sections = {name: each for name, each in top.items() if _models_of(each)}
    told = list(_of_sections(sections)) if sections else list(_of_tokens(top))
    told = told[: _MOST_MODELS + 1]
    if len(told) > _MOST_MODELS:
        return Rejected(f"it has more than {_MOST_MODELS} models")
    sound = [(name, price, long) for name, price, long in told if _is_sound(price)]
    if len(told) - len(sound) > _NONSENSE * len(told):
        return Rejected(f"{len(told) - len(sound)} of its {len(told)} models have negative or absurd prices")
    return Listed(
        {name: price for name, price, _ in sound},
        {name: long for name, _, long in sound if long is not None and _is_sound(long.price)},
    )


Told = tuple[str, Price, Long | None]


def _models_of(section: object) -> Mapping[str, Any]:
    models = section.get("models") if isinstance(section, dict) else None
    return models if isinstance(models, dict) else {}


def _of_sections(sections: Mapping[str, Any]) -> Iterator[Told]:
    """Return the models of models.dev's sections: of makers first, then what hosts agree on."""
    seen: set[str] = set()
    first_of_all = makers()
    for section in first_of_all:
        for told in _section(sections.get(section)):
            if told[0] not in seen:
                seen.add(told[0])
                yield told
    hosts: dict[str, list[Told]] = {}
    for name, section in sections.items():
        if name not in first_of_all and not _NO_PRICES.search(name):
            for told in _section(section):
                hosts.setdefault(told[0], []).append(told)
    for model, offers in hosts.items():
        first = offers[0]
        if model not in seen and all(offer[1:] == first[1:] for offer in offers):
            yield first


def _section(section: object) -> Iterator[Told]:
    for name, model in _models_of(section).items():
        cost = model.get("cost") if isinstance(model, dict) else None
        if not isinstance(cost, dict) or not _is_name(name):
            continue
        price, steps = _price(name, cost), list(_steps(cost))
        if price is None or len(steps) > 1:
            continue
        long = None
        if steps:
            above, dearer = steps[0]
            rates = _price(name, dearer)
            long = None if rates is None else Long(above, rates)
        yield name, price, long


def _steps(cost: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Return from how many tokens of prompt on other prices count, and which."""
    tiers = cost.get("tiers")
    for tier in tiers if isinstance(tiers, list) else []:
        size = tier.get("tier", {}) if isinstance(tier, dict) else {}
        above = _number(size.get("size")) if isinstance(size, dict) else None
        if above:
            yield int(above), tier
    over = cost.get("context_over_200k")
    if isinstance(over, dict) and not tiers:
        yield 200_000, over


def _price(name: str, cost: Mapping[str, Any]) -> Price | None:
    """Return the rates of one model in models.dev's way; None where it does not tell what tokens cost."""
    return _known(
        name,
        _number(cost.get("input")),
        _number(cost.get("output")),
        _number(cost.get("cache_read")),
        (_number(cost.get("cache_write")), None),
    )


def _of_tokens(models: Mapping[str, Any]) -> Iterator[Told]:
    """Return the models of LiteLLM's list; its costs of one token become those of a million."""
    for name, told in models.items():
        if not isinstance(told, dict) or not _is_name(name) or name == "sample_spec":
            continue
        if any("_above_" in key and key.endswith("_tokens") for key in told):
            continue  # steps of prices, each in its own spelling
        rates = [_number(told.get(key)) for key in _OF_LITELLM]
        read_in, output, read, short, long = (None if rate is None else rate * 1_000_000 for rate in rates)
        price = _known(name, read_in, output, read, (short, long))
        if price is not None:
            yield name, price, None


_OF_LITELLM: Final = (
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
    "cache_creation_input_token_cost_above_1hr",
)


def _known(
    name: str,
    given: Decimal | None,
    output: Decimal | None,
    read: Decimal | None,
    written: tuple[Decimal | None, Decimal | None],
) -> Price | None:
    if given is None or output is None or not (given or output):
        return None
    short, long = written
    if long is None and short and name.startswith("claude-"):
        long = 2 * given  # Anthropic's rule; the lists of models.dev have one kind of writes alone
    # A read that costs nothing is rather one that nobody has looked up.
    rates: Iterable[Decimal | None] = (given, output, read or None, short, long)
    return Price(*(None if rate is None else float(rate) for rate in rates))


def _number(value: object) -> Decimal | None:
    return value if isinstance(value, Decimal) and value.is_finite() and abs(value) < 10**9 else None


def _is_name(name: str) -> bool:
    """Whether it is the name of a model, rather than a pattern that would stand for others."""
    return 0 < len(name) <= _LONGEST_NAME and name.isprintable() and not set("*?[") & set(name)


def _is_sound(price: Price) -> bool:
    rates = (price.input, price.output, price.cache_read, price.cache_write_5m, price.cache_write_1h)
    return all(rate is None or 0 <= rate <= _HIGHEST for rate in rates)


def as_text(listed: Listed) -> str:
    """Return an accepted list as it is kept."""
    rows = {name: _rates(price) for name, price in listed.prices.items()}
    long = {name: [each.above, *_rates(each.price)] for name, each in listed.long.items()}
    return json.dumps({"prices": rows, "long": long})


def from_document(document: Mapping[str, Any]) -> Listed | None:
    """Read what :func:`as_text` has written; None where it is something else."""
    try:
        prices = {str(name): Price(*map(_rate, rates)) for name, rates in document["prices"].items()}
        long = {
            str(name): Long(int(above), Price(*map(_rate, rates)))
            for name, (above, *rates) in document["long"].items()
        }
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        return None
    every = (*prices.values(), *(each.price for each in long.values()))
    return Listed(prices, long) if all(map(_is_sound, every)) else None


def _rates(price: Price) -> list[float | None]:
    return [price.input, price.output, price.cache_read, price.cache_write_5m, price.cache_write_1h]


def _rate(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a rate is a number")
    return float(value)
