"""What a simulated week came to: every request as it ended, and the figures and laws that follow from them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from week_world import OVERLOAD, Providers

UNPROMPTED: Final = "nothing"
"""Cause of a switch from an account that nothing had happened to."""


@dataclass(frozen=True, slots=True)
class Ended:
    """One request: who served it (None: nobody), and what its client saw."""

    conversation: str
    sent: float
    """When the try was sent that served it, or the last one that did not; virtual time."""
    account: str | None
    status: int
    against: Mapping[str, str]
    """What kept accounts from serving at that moment, as the providers know it."""
    held: frozenset[str] = frozenset()
    """Accounts that held this prompt in a warm cache at that moment."""
    room: bool = True
    """For a failure: whether some account would have served when the client was told."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Switch:
    """A conversation goes on with another account than it was on."""

    conversation: str
    sent: float
    old: str
    new: str
    warm: bool
    """Whether the old account held the prompt of this request in its cache."""
    cause: str
    """The account and its spent window; or the overload, for there and back; or UNPROMPTED."""
    why: str


@dataclass(slots=True)
class Tally:
    """Gathers how requests end."""

    ended: list[Ended] = field(default_factory=list)

    def switches(self) -> list[Switch]:
        """Return all switches, conversation by conversation, in the order in which requests were sent."""
        by_name: dict[str, list[Ended]] = defaultdict(list)
        for each in self.ended:
            if each.account is not None:
                by_name[each.conversation].append(each)
        return [switch for known in by_name.values() for switch in _switches(known)]


def _switches(served: Iterable[Ended]) -> Iterable[Switch]:
    last: Ended | None = None
    limit: str | None = None
    away: str | None = None
    for each in sorted(served, key=lambda one: one.sent):
        if last is not None and last.account is not None and each.account not in (None, last.account):
            found = each.against.get(last.account)
            if found is None:
                # Nothing keeps it from where it was: it comes back from an overload, which may have met its very
                # first request, or goes a second time because of a limit that it has moved for before.
                met = (why for why in last.against.values() if why.startswith(OVERLOAD))
                found, away = away or next(met, None) or limit or UNPROMPTED, None
            elif found.startswith(OVERLOAD):
                away = found
            else:
                limit = found
            warm = last.account in each.held
            yield Switch(each.conversation, each.sent, last.account, str(each.account), warm, found, each.why)
        last = each


@dataclass(frozen=True, slots=True)
class Figures:
    """One row of the table."""

    policy: str
    requests: int
    limits: int
    """Shown to clients."""
    limits_with_room: int
    """Of these, while some account would have served."""
    overloads: int
    """529 and 503, shown to clients."""
    overloads_with_room: int
    tries: float
    """Upstream, for each request."""
    switches: int
    warm: int
    """Switches that left a warm prompt cache."""
    for_limits: int
    """Of these, because of a limit."""
    for_overloads: int
    """Of these, because of an overload, there and back."""
    unprompted: int
    """Of these, because of nothing."""
    most: int
    """Warm switches of one conversation for one limit, at most."""
    most_overload: int
    """For one overload."""
    cache_lost: int
    """Tokens that some account held warm, and another was asked."""
    usd: float
    """Billed to the API key."""
    episodes: int
    """Limits that somebody ran into."""
    refused: float
    """429 answers for each of them."""
    used: float
    """Share of what the plans would have given in this time."""

    @property
    def cache_lost_millions(self) -> float:
        """The same in millions."""
        return self.cache_lost / 1e6

    @property
    def lawful(self) -> bool:
        """Whether no limit was shown while an account had room, and nobody moved twice for a limit, or for nothing."""
        return not self.limits_with_room and not self.unprompted and self.most <= 1


def figures(policy: str, tally: Tally, providers: Providers) -> Figures:
    """Reckon what came of a simulation."""
    switches = tally.switches()
    warm = [switch for switch in switches if switch.warm]
    limits = [each for each in tally.ended if each.status == 429]
    overloads = [each for each in tally.ended if each.account is None and each.status != 429]
    moved = Counter(switch.cause for switch in warm)
    by_overload = sum(number for cause, number in moved.items() if cause.startswith(OVERLOAD))
    return Figures(
        policy=policy,
        requests=len(tally.ended),
        limits=len(limits),
        limits_with_room=sum(each.room for each in limits),
        overloads=len(overloads),
        overloads_with_room=sum(each.room for each in overloads),
        tries=providers.tries / max(1, len(tally.ended)),
        switches=len(switches),
        warm=len(warm),
        for_limits=len(warm) - by_overload - moved[UNPROMPTED],
        for_overloads=by_overload,
        unprompted=moved[UNPROMPTED],
        most=_most(warm, overloads=False),
        most_overload=_most(warm, overloads=True),
        cache_lost=providers.cache_lost,
        usd=providers.money / 1e6,
        episodes=len(providers.refused),
        refused=sum(providers.refused.values()) / max(1, len(providers.refused)),
        used=providers.used(),
    )


def offences(tally: Tally) -> list[str]:
    """Tell each breach of the laws in a line, for whoever looks for its reason."""
    warm = [switch for switch in tally.switches() if switch.warm]
    often = {key for key, number in _by_cause(warm).items() if number > 1 and not key[1].startswith(OVERLOAD)}
    told = [
        f"{each.sent:.1f} {each.conversation} was shown {each.status} although an account had room: {each.why}"
        for each in tally.ended
        if each.status == 429 and each.room
    ]
    told += [
        f"{each.sent:.1f} {each.conversation} went from {each.old} to {each.new} for {each.cause}: {each.why}"
        for each in warm
        if each.cause == UNPROMPTED or (each.conversation, each.cause) in often
    ]
    return told


def _most(warm: Iterable[Switch], *, overloads: bool) -> int:
    """Return how often one conversation switched for one overload, or for one limit, at most."""
    counted = _by_cause(warm)
    return max(
        (
            number
            for (_, cause), number in counted.items()
            if cause != UNPROMPTED and cause.startswith(OVERLOAD) is overloads
        ),
        default=0,
    )


def _by_cause(warm: Iterable[Switch]) -> Counter[tuple[str, str]]:
    return Counter((each.conversation, each.cause) for each in warm)
