"""What tokens cost, in whole millionths of a USD: as the upstream reported it, or by list price.

A model or a rate that is not known makes the cost unknown: a zero would look as if it were free.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import ROUND_HALF_UP, Decimal
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from ccflared.config.model import Price
from ccflared.wire import Headers, Tokens

_MOST = 2**53
"""Millionths of a USD. More is nonsense, and not every reader of JSON could take it."""
_RATES = tuple(rate.name for rate in fields(Price))
_NONE_REPORTED = (None,) * len(_RATES)
Rates = tuple[int | None, ...]
"""Of each kind of tokens, in the order of Price: parts of a millionth of a USD for one; None: unknown."""
_KNOWN = 512
_SCALE = 10**18
"""Parts of a millionth of a USD that rates are reckoned in: all the digits that a file can have."""
_DATE = re.compile(r"[-@]20[0-9]{6}\Z")


@dataclass(frozen=True, slots=True)
class Prices:
    """Two tables of prices by model name or glob: the user's own, and the shipped one below it."""

    own: Mapping[str, Price]
    shipped: Mapping[str, Price]
    _known: dict[str, Rates | None] = field(default_factory=dict, repr=False, compare=False)
    """What was looked up already; few models are asked for, again and again."""

    def rates(self, model: str) -> Rates | None:
        """Return the rates of a model for reckoning; None where nothing at all is known of its price."""
        if model not in self._known:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            price = self.of(model)
            self._known[model] = None if price == Price() else _rates(price)
        return self._known[model]

    def of(self, model: str) -> Price:
        """Return what is known of a model's price: each rate from the user's entry for it, else from the shipped."""
        own, shipped = _entry(model, self.own), _entry(model, self.shipped)
        rates = ((getattr(own, rate), getattr(shipped, rate)) for rate in _RATES)
        return Price(*(theirs if mine is None else mine for mine, theirs in rates))


def _entry(model: str, table: Mapping[str, Price]) -> Price:
    """Return the entry for a model: its name, else its name without the date, else the longest glob for either."""
    names = (model, _DATE.sub("", model))
    for name in names:
        if name in table:
            return table[name]
    globs = [glob for glob in table if any(fnmatchcase(name, glob) for name in names)]
    return table[max(globs, key=len)] if globs else Price()


def prices_of(pricing: Mapping[str, Price]) -> Prices:
    """Return the prices that count where this is [pricing] of the file."""
    return Prices(MappingProxyType(dict(pricing)), shipped())


@cache
def shipped() -> Mapping[str, Price]:
    """Return the prices of prices.toml by name or glob. Read once; a broken file is a bug, and raises."""
    tables = tomllib.loads(files("ccflared.money").joinpath("prices.toml").read_text(encoding="utf-8"))
    return MappingProxyType({name: Price(**rates) for name, rates in tables["pricing"].items()})


def is_priced(model: str, prices: Prices) -> bool:
    """Say whether both input and output of a model have a price. Cache rates may still be unknown."""
    rates = prices.rates(model)
    return rates is not None and rates[0] is not None and rates[1] is not None


def priced(model: str | None, tokens: Tokens, prices: Prices) -> int | None:
    """Return what the tokens cost by list price, in millionths of a USD; a half is rounded up.

    None where that is unknown: no model, no tokens reported at all, or no rate for a kind of which there were some.
    A kind that was not reported beside others counts as none of it.
    """
    rates = prices.rates(model) if model is not None else None
    return None if rates is None else _sum(rates, tokens)


def _sum(rates: Rates, tokens: Tokens) -> int | None:
    counts = (tokens.input, tokens.output, tokens.cache_read, tokens.cache_write_5m, tokens.cache_write_1h)
    if counts == _NONE_REPORTED:
        return None
    total = 0
    for rate, count in zip(rates, counts, strict=True):
        if not count:
            continue
        if rate is None:
            return None
        total += count * rate
    whole = (total + _SCALE // 2) // _SCALE
    return whole if whole < _MOST else None


def at_least(model: str | None, tokens: Tokens, prices: Prices) -> int | None:
    """Return what a budget is charged where the exact cost is unknown: a cache rate that is missing counts as input's.

    None where not even the rates of input and output are known.
    """
    rates = prices.rates(model) if model is not None else None
    if rates is None:
        return None
    named = zip(_RATES, rates, strict=True)
    full = tuple(rates[0] if rate is None and name.startswith("cache_") else rate for name, rate in named)
    return _sum(full, tokens)


def _rates(price: Price) -> Rates:
    # USD per million tokens are millionths of a USD per token. repr gives the digits that stand in the file.
    told = (getattr(price, rate) for rate in _RATES)
    return tuple(None if usd is None else int(Decimal(repr(usd)).scaleb(18)) for usd in told)


def reported_cost(usage: str | None, headers: Headers) -> int | None:
    """Return the cost that the upstream itself reported, in millionths of a USD; None if it did not, or nonsense.

    The header ``anthropic-billing-cost``, or ``cost`` in the usage object (JSON), as OpenRouter has it; both in USD.
    """
    for name, value in headers:
        if name == b"anthropic-billing-cost" and (cost := _usd(_read(value))) is not None:
            return cost
    members = _read(usage.encode(errors="replace")) if usage and '"cost"' in usage else None
    return _usd(members.get("cost")) if isinstance(members, dict) else None


def _read(raw: bytes) -> object:
    """Return a JSON value with its numbers as decimals; None for anything else."""
    try:
        return json.loads(raw, parse_float=Decimal, parse_int=Decimal, parse_constant=lambda _: None)
    except (ValueError, ArithmeticError, RecursionError):
        return None


def _usd(value: object) -> int | None:
    # The first bound keeps powers of ten of any length from being written out.
    return _whole(value * 1_000_000) if isinstance(value, Decimal) and 0 <= value < _MOST else None


def _whole(millionths: Decimal) -> int | None:
    whole = int(millionths.to_integral_value(ROUND_HALF_UP))
    return whole if whole < _MOST else None
