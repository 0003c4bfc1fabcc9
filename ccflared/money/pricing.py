"""What tokens cost, in whole millionths of a USD: as the upstream reported it, or by list price.

A model or a rate that is not known makes the cost unknown: a zero would look as if it were free.
"""

import json
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import ROUND_HALF_UP, Decimal
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

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
_DATE = re.compile(r"[-@]20[0-9]{2}(-?)[01][0-9]\1[0-3][0-9]\Z")
_GLOB = re.compile(r"[*?\[]")
_SET = re.compile(r"\[([^]]*)\]")


@dataclass(frozen=True, slots=True)
class Long:
    """What a model costs where the prompt has more tokens than ``above``: all of the request."""

    above: int
    price: Price


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices of one origin, by model name or glob."""

    source: str
    """As rows name it: ``file``, ``list DATE`` or ``shipped DATE``."""
    prices: Mapping[str, Price]
    long: Mapping[str, Long] = field(default_factory=dict)
    _globs: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Long globs first. A list has thousands of names and hardly any: trying each as a pattern would block the loop.
        globs = sorted((name for name in self.prices if _GLOB.search(name)), key=len, reverse=True)
        object.__setattr__(self, "_globs", tuple(globs))

    def of(self, model: str) -> Price:
        """Return the entry for a model: its name, else its name without the date, else the longest glob for either."""
        found = _entry(model, self.prices, self._globs)
        return self.prices[found] if found is not None else Price()

    def long_of(self, model: str) -> Long | None:
        """Return what the model costs with a long prompt, where that is something else."""
        found = _entry(model, self.long, tuple(name for name in self.long if _GLOB.search(name)))
        return self.long[found] if found is not None else None


def undated(model: str) -> str:
    """Return the id of a model without the date at its end, if it has one."""
    return _DATE.sub("", model)


def _entry(model: str, names: Collection[str], globs: Sequence[str]) -> str | None:
    candidates = (model, undated(model))
    for name in candidates:
        if name in names:
            return name
    return next((glob for glob in globs if any(fnmatchcase(name, glob) for name in candidates)), None)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of one model: rates for reckoning, whose they are, and those of long prompts."""

    rates: Rates
    source: str
    above: int = _MOST
    long: Rates = _NONE_REPORTED


@dataclass(frozen=True, slots=True)
class Prices:
    """Tables of prices, the one that counts first before the others: each rate is that of the first that has it."""

    tables: tuple[PriceTable, ...]
    _known: dict[str, _Known | None] = field(default_factory=dict, repr=False, compare=False)
    """What was looked up already; few models are asked for, again and again."""

    def rates(self, model: str, prompt: int = 0) -> Rates | None:
        """Return the rates of a model for reckoning, of a prompt of so many tokens in all.

        None where nothing at all is known of its price.
        """
        known = self._look_up(model)
        if known is None:
            return None
        return known.rates if prompt <= known.above else known.long

    def source(self, model: str | None) -> str | None:
        """Return whose price of a model counts: the first table's that says anything of it."""
        known = self._look_up(model) if model is not None else None
        return None if known is None else known.source

    def of(self, model: str) -> Price:
        """Return what is known of a model's price: each rate from the first table that has one."""
        return _merged([table.of(model) for table in self.tables])

    def _look_up(self, model: str) -> _Known | None:
        if model not in self._known:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[model] = self._find(model)
        return self._known[model]

    def _find(self, model: str) -> _Known | None:
        told = [table.of(model) for table in self.tables]
        price = _merged(told)
        if price == Price():
            return None
        source = next(table.source for table, said in zip(self.tables, told, strict=True) if said != Price())
        for table, said in zip(self.tables, told, strict=True):
            long = table.long_of(model)
            if long is not None and (said.input, said.output) == (price.input, price.output):
                return _Known(_rates(price), source, long.above, _rates(long.price))
        return _Known(_rates(price), source)


def _merged(told: Sequence[Price]) -> Price:
    rates = ([getattr(said, rate) for said in told] for rate in _RATES)
    return Price(*(next((usd for usd in each if usd is not None), None) for each in rates))


def prices_of(pricing: Mapping[str, Price], listed: PriceTable | None = None) -> Prices:
    """Return the prices that count where this is [pricing] of the file, and ``listed`` the price list, if one is."""
    own = PriceTable("file", MappingProxyType(dict(pricing)))
    return Prices((own, shipped()) if listed is None else (own, listed, shipped()))


@cache
def shipped() -> PriceTable:
    """Return the prices of prices.toml. Read once; a broken file is a bug, and raises."""
    tables = _document()
    long = {
        name: Long(told["above"], Price(**{rate: usd for rate, usd in told.items() if rate != "above"}))
        for name, told in tables["long"].items()
    }
    prices = {name: Price(**rates) for name, rates in tables["pricing"].items()}
    return PriceTable(f"shipped {tables['date']}", MappingProxyType(prices), MappingProxyType(long))


def makers() -> tuple[str, ...]:
    """Return the sections of a price list that belong to those who make the models, the first to count first."""
    return tuple(_document()["makers"])


@cache
def known_at(host: str) -> tuple[str, ...]:
    """Return the models of prices.toml that the API at a host takes by these names; () where it is no maker's own.

    A name with one set of letters in brackets stands for a name with each of them; other globs name no models.
    """
    tables = _document()
    patterns = tables["hosts"].get(host, ())
    names = (name for glob in tables["pricing"] for name in _each(glob))
    return tuple(name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns))


def _each(glob: str) -> tuple[str, ...]:
    if not _GLOB.search(glob):
        return (glob,)
    sets = _SET.findall(glob)
    if len(sets) != 1 or _GLOB.search(_SET.sub("", glob)):
        return ()
    first, _, last = sets[0].partition("-")
    letters = map(chr, range(ord(first), ord(last) + 1)) if last else sets[0]
    return tuple(_SET.sub(letter, glob) for letter in letters)


def _document() -> Mapping[str, Any]:
    return tomllib.loads(files("ccflared.money").joinpath("prices.toml").read_text(encoding="utf-8"))


def is_priced(model: str, prices: Prices) -> bool:
    """Say whether both input and output of a model have a price. Cache rates may still be unknown."""
    rates = prices.rates(model)
    return rates is not None and rates[0] is not None and rates[1] is not None


def priced(model: str | None, tokens: Tokens, prices: Prices) -> int | None:
    """Return what the tokens cost by list price, in millionths of a USD; a half is rounded up.

    None where that is unknown: no model, no tokens reported at all, or no rate for a kind of which there were some.
    A kind that was not reported beside others counts as none of it.
    """
    rates = prices.rates(model, _prompt(tokens)) if model is not None else None
    return None if rates is None else _sum(rates, tokens)


def _prompt(tokens: Tokens) -> int:
    counts = (tokens.input, tokens.cache_read, tokens.cache_write_5m, tokens.cache_write_1h)
    return sum(count or 0 for count in counts)


def _counts(tokens: Tokens) -> tuple[int | None, ...]:
    return (tokens.input, tokens.output, tokens.cache_read, tokens.cache_write_5m, tokens.cache_write_1h)


def _sum(rates: Rates, tokens: Tokens) -> int | None:
    counts = _counts(tokens)
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


def by_kind(model: str | None, tokens: Tokens, prices: Prices) -> tuple[float, ...] | None:
    """Return what each kind of tokens costs, in USD, in the order of Price; together what ``priced`` says.

    None where that is unknown.
    """
    rates = prices.rates(model, _prompt(tokens)) if model is not None else None
    if rates is None or _sum(rates, tokens) is None:
        return None
    costs = ((rate or 0) * (count or 0) for rate, count in zip(rates, _counts(tokens), strict=True))
    return tuple(cost / _SCALE / 1_000_000 for cost in costs)


def at_least(model: str | None, tokens: Tokens, prices: Prices) -> int | None:
    """Return what a budget is charged where the exact cost is unknown: a cache rate that is missing counts as input's.

    None where not even the rates of input and output are known.
    """
    rates = prices.rates(model, _prompt(tokens)) if model is not None else None
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
    Where that has asked with a key of the account's own (``is_byok``), its cost is the fee alone, and what the model's
    provider bills is told beside it.
    """
    for name, value in headers:
        if name == b"anthropic-billing-cost" and (cost := _usd(_read(value))) is not None:
            return cost
    members = _read(usage.encode(errors="replace")) if usage and '"cost"' in usage else None
    if not isinstance(members, dict):
        return None
    cost, details = members.get("cost"), members.get("cost_details")
    if members.get("is_byok") is not True:
        return _usd(cost)
    fee, beside = (
        _usd(cost),
        _usd(details.get("upstream_inference_cost") if isinstance(details, dict) else None),
    )
    # What is not told is not nothing.
    return None if fee is None or beside is None else fee + beside


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
