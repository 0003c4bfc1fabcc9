"""The providers of a simulated week: three plans with usage windows, an API key, prompt caches, and overloads.

An answer's head is what the real ones send, so that the daemon's own code reads it. Time is Trio's, which the
simulation runs on a virtual clock.
"""

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal

import trio
from week_load import DAY, HOUR, START, Ask, Load, Overload

from ccflared.demo.limits import WEEK, unified
from ccflared.demo.script import Window
from ccflared.money.pricing import Prices, priced
from ccflared.wire import Head, Headers, Tokens

MODEL: Final = "claude-opus-4-5"
PLANS: Final = {"max20": (20.0, 2.4), "max5": (5.0, 4.6), "max5b": (5.0, 6.1)}
"""Tier, and the days to the end of its week, by account."""
CACHE_LIVES: Final = 300.0
"""Seconds from one use of a prompt cache to the next for which it is kept."""
REFUSED_AFTER: Final = 0.3
"""Seconds after which a 429 or 529 is there."""
LINGERS: Final = 15.0
"""Seconds after an overload for which somebody may still keep away because of it."""
OVERLOAD: Final = "overload"

_FIVE_HOURS: Final = 5 * HOUR
_PER_TIER_5H: Final = 6_000_000
_PER_TIER_7D: Final = 65_000_000
"""What a plan of tier 1 gives in a window, in millionths of a USD at list price. Chosen so that the plans together
are just not enough: windows of both kinds are spent on most days, and the API key is needed."""
_JSON: Final = (b"content-type", b"application/json")


@dataclass(slots=True)
class Meter:
    """One plan's usage: a 5-hour window that begins with a request, and a fixed week. In millionths of a USD."""

    gives_5h: float
    gives_7d: float
    week_resets: float
    """Virtual time; the window repeats."""
    used_5h: int = 0
    resets_5h: float = 0.0
    used_7d: int = 0
    total: int = 0
    given: float = 0.0
    """What all its weekly windows had to give, together."""

    def turn(self, now: float) -> None:
        """Begin new windows where the old ones have ended; a reset is on a whole second, as the header fields are."""
        if now >= self.resets_5h:
            self.used_5h, self.resets_5h = 0, float(int(now)) + _FIVE_HOURS
        while now >= self.week_resets:
            self.used_7d, self.week_resets = 0, self.week_resets + WEEK
            self.given += self.gives_7d

    def spent(self, now: float) -> str | None:
        """Return which window is spent, by name and reset; None: there is room."""
        if now < self.week_resets and self.used_7d >= self.gives_7d:
            return f"7d to {self.week_resets:.0f}"
        if now < self.resets_5h and self.used_5h >= self.gives_5h:
            return f"5h to {self.resets_5h:.0f}"
        return None

    def charge(self, value: int) -> None:
        """Take in what was used, at list price."""
        self.used_5h += value
        self.used_7d += value
        self.total += value

    def fields(self, now: float, *, refused: bool = False) -> Headers:
        """Return what the head of an answer tells of the windows. Only a refusal says that one is spent."""
        spent = self.spent(now) if refused else None
        five = _window(self.used_5h / self.gives_5h, self.resets_5h - now, spent, "5h")
        seven = _window(self.used_7d / self.gives_7d, self.week_resets - now, spent, "7d")
        return unified(START + now, five, seven)


@dataclass(frozen=True, slots=True)
class Sent:
    """A try that was answered: its head, and when it was sent."""

    account: str
    at: float
    held: Mapping[str, int]
    """By account, the tokens of the prompt that were in its prompt cache then."""
    head: Head
    body: bytes = b""

    @property
    def served(self) -> bool:
        """Whether a good answer has begun."""
        return self.head.status == 200


@dataclass(slots=True)
class Providers:
    """All accounts as their providers know them, and what is counted there."""

    load: Load
    prices: Prices
    plans: Mapping[str, Meter]
    keys: Sequence[str] = ("key",)
    """Accounts that have no limits and cost money."""
    tries: int = 0
    refused: dict[tuple[str, str], int] = field(default_factory=dict)
    """429 answers by account and the window that was spent."""
    money: int = 0
    """Billed to the keys, in millionths of a USD."""
    cache_lost: int = 0
    """Tokens that were warm in some account's prompt cache, but not with the account that was asked."""
    _caches: dict[str, dict[str, tuple[int, float, float]]] = field(default_factory=dict)
    """By prefix and account: tokens, from when on they can be read, and when they were used last."""

    @property
    def accounts(self) -> list[str]:
        """The names, in the order of the file."""
        return [*self.plans, *self.keys]

    def against(self) -> dict[str, str]:
        """Return what keeps accounts from serving now: the window that is spent, or an overload."""
        now = trio.current_time()
        overload = self._overload(now) or self._overload(now - LINGERS)
        found = {}
        for name, meter in self.plans.items():
            if spent := meter.spent(now):
                found[name] = f"{name} {spent}"
            elif overload is not None:
                found[name] = f"{OVERLOAD} of {overload.begins:.0f}"
        return found

    def used(self) -> float:
        """Return which share was used of what the plans had to give."""
        meters = self.plans.values()
        return sum(meter.total for meter in meters) / sum(meter.given for meter in meters)

    async def send(self, account: str, ask: Ask) -> Sent:
        """Send a request to an account and return what its provider answers, once the head is there."""
        at = trio.current_time()
        self.tries += 1
        held = self._held(ask, at)
        meter = self.plans.get(account)
        if meter is not None:
            overload = self._overload(at)
            # By request and moment, so that no policy's dice depend on what it asked before.
            if (
                overload
                and Random(f"{self.load.seed} {ask.prefix} {ask.number} {at}").random() < overload.probability
            ):
                await trio.sleep(REFUSED_AFTER)
                return Sent(account, at, held, *_error(529, "overloaded_error", "Overloaded"))
            meter.turn(at)
            if spent := meter.spent(at):
                self.refused[account, spent] = self.refused.get((account, spent), 0) + 1
                await trio.sleep(REFUSED_AFTER)
                return Sent(account, at, held, *_limited(meter, trio.current_time()))
        self._charge(account, self._tokens(account, ask, at, held))
        await trio.sleep(ask.first)
        told = meter.fields(trio.current_time()) if meter is not None else ()
        return Sent(account, at, held, Head(200, ((b"content-type", b"text/event-stream"), *told)))

    async def stream(self, sent: Sent, ask: Ask) -> None:
        """Wait for the end of an answer that has begun; what it writes is used up by then."""
        await trio.sleep(ask.stream)
        self._charge(sent.account, Tokens(output=ask.output))

    def _held(self, ask: Ask, at: float) -> dict[str, int]:
        """Return how many tokens of a prompt are in the accounts' prompt caches, where any are."""
        known = self._caches.get(ask.prefix, {})
        return {
            name: min(ask.prompt, tokens)
            for name, (tokens, since, used) in known.items()
            # An entry is there once the answer that made it has begun (Anthropic's documentation of prompt caching).
            if since <= at and at - used < CACHE_LIVES
        }

    def _tokens(self, account: str, ask: Ask, at: float, held: Mapping[str, int]) -> Tokens:
        """Return what the prompt costs in kinds of tokens, and keep it in the account's prompt cache."""
        read = held.get(account, 0)
        self.cache_lost += max(held.values(), default=0) - read
        self._caches.setdefault(ask.prefix, {})[account] = (ask.prompt, at + (0 if read else ask.first), at)
        return Tokens(cache_read=read, cache_write_5m=ask.prompt - read)

    def _charge(self, account: str, tokens: Tokens) -> None:
        value = priced(MODEL, tokens, self.prices) or 0
        if account in self.plans:
            self.plans[account].charge(value)
        else:
            self.money += value

    def _overload(self, now: float) -> Overload | None:
        """Return the overload of the plans' provider that there is, if there is one."""
        last = bisect_right(self.load.overloads, now, key=lambda each: each.begins)
        return next((each for each in self.load.overloads[:last] if now < each.ends), None)


def plans(share: float = 1.0) -> dict[str, Meter]:
    """Return the three plans at the beginning, each within its own week. ``share``: of what such plans give."""
    found = {}
    for name, (tier, days) in PLANS.items():
        week = share * tier * _PER_TIER_7D
        used = int(week * (7 - days) / 7 * 0.85)
        found[name] = Meter(
            share * tier * _PER_TIER_5H, week, round(days * DAY), used_7d=used, given=week - used
        )
    return found


def file_of(strategy: str, *, key: bool) -> str:
    """Return the TOML file of the pool. ``key``: with the API key that is asked when no plan can serve."""
    accounts = [
        f'[accounts.{name}]\nprovider = "anthropic"\napi_key = "sk-{name}"\nbilling = "plan"\ntier = {tier:g}\n'
        for name, (tier, _) in PLANS.items()
    ]
    if key:
        accounts.append('[accounts.key]\nprovider = "anthropic"\napi_key = "sk-key"\npriority = 10\n')
    return f'[routing]\nstrategy = "{strategy}"\n\n' + "\n".join(accounts)


def _limited(meter: Meter, now: float) -> tuple[Head, bytes]:
    head, body = _error(429, "rate_limit_error", "This request would exceed your account's rate limit.")
    return Head(429, (*head.headers, *meter.fields(now, refused=True))), body


def _window(share: float, left: float, spent: str | None, name: str) -> Window:
    status: Literal["allowed", "allowed_warning", "rejected"] = (
        "allowed_warning" if share >= 0.75 else "allowed"
    )
    if spent is not None and spent.startswith(name):
        status = "rejected"
    # A hair less, so that rounding up to a whole second does not find the next one.
    return Window(share, left - 1e-3, status)


def _error(status: int, kind: str, message: str) -> tuple[Head, bytes]:
    body = json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()
    return Head(status, (_JSON,)), body
