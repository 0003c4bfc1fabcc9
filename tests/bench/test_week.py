"""The simulated week, cut short: a day and a half, 150 conversations, plans that give as much less."""

from dataclasses import replace

import pytest
from week import JUDGED, simulate
from week_load import draw
from week_tally import Ended, Figures, Tally, figures, offences
from week_world import PLANS, Providers, plans

from ccflared.money.pricing import prices_of

SHARE = 0.28
LIMIT = "max20 5h to 18000"
OTHER = "max5 5h to 19000"
BUSY = "overload of 60"


@pytest.mark.parametrize(
    ("strategy", "key", "seed"),
    [("session", True, 10), ("session", False, 1), ("affinity", True, 1), ("affinity", False, 10)],
)
def test_nobody_sees_a_limit_while_there_is_room_or_moves_twice_for_one(
    strategy: str, key: bool, seed: int
) -> None:
    assert strategy in JUDGED
    found = simulate(strategy, draw(seed, 1.5, 150), key=key, share=SHARE)
    told = found.figures
    assert told.lawful, offences(found.tally)
    # Else nothing was tested.
    assert told.episodes >= 4
    assert told.for_limits >= 3
    assert told.refused < 2
    if key:
        assert told.limits == told.overloads == 0
        assert told.usd > 0
    else:
        assert told.limits > 0


@pytest.mark.parametrize("policy", ["first account", "round robin"])
def test_a_pool_without_memory_breaks_the_laws(policy: str) -> None:
    told = simulate(policy, draw(1, 0.7, 70), share=SHARE).figures
    assert told.limits_with_room > 50
    assert not told.lawful


def test_the_same_seed_gives_the_same_week() -> None:
    once, again = (simulate("session", draw(3, 0.5, 40), share=SHARE).figures for _ in range(2))
    assert once == again
    assert once != simulate("session", draw(4, 0.5, 40), share=SHARE).figures


def reckoned(*ended: Ended) -> Figures:
    """Return the figures of a conversation that went so."""
    return figures("by hand", Tally(list(ended)), Providers(draw(1, 1, 1), prices_of({}), plans()))


def asked(
    sent: float, account: str | None, against: str | None = None, *, warm: bool = True, room: bool = True
) -> Ended:
    """Return one request of a conversation. ``against``: what keeps the account that it names from serving."""
    why = {} if against is None else dict.fromkeys([against.partition(" ")[0]], against)
    if against == BUSY:
        why = dict.fromkeys(PLANS, BUSY)
    held = frozenset(PLANS) if warm else frozenset[str]()
    return Ended("c", sent, account, 200 if account else 429, why, held, room)


@pytest.mark.parametrize(
    ("ended", "for_limits", "for_overloads", "unprompted", "most"),
    [
        pytest.param([asked(0, "max20"), asked(9, "max20")], 0, 0, 0, 0, id="it stays"),
        pytest.param([asked(0, "max20"), asked(9, "max5")], 0, 0, 1, 0, id="it goes for nothing"),
        pytest.param(
            [asked(0, "max20"), asked(9, "max5", LIMIT), asked(20, "max5", LIMIT)], 1, 0, 0, 1,
            id="it goes for a limit",
        ),
        pytest.param(
            [asked(0, "max20"), asked(9, "max5", LIMIT), asked(20, "max20")], 2, 0, 0, 2,
            id="it comes back from a limit",
        ),
        pytest.param(
            [asked(0, "max20"), asked(9, "max5", LIMIT), asked(20, "max20", warm=False)], 1, 0, 0, 1,
            id="it comes back from a limit when its cache is cold",
        ),
        pytest.param(
            [asked(0, "max20"), asked(9, "max5", LIMIT), asked(20, "max5b", OTHER)], 2, 0, 0, 1,
            id="two limits",
        ),
        pytest.param(
            [asked(0, "max20"), asked(9, "max5", BUSY), asked(90, "max20")], 0, 2, 0, 0,
            id="there and back for an overload",
        ),
        pytest.param(
            [asked(0, "max5", BUSY), asked(90, "max20")], 0, 1, 0, 0,
            id="back from an overload that met its first request",
        ),
        pytest.param(
            [asked(0, "max20"), asked(9, "max5", BUSY), asked(90, "max20"), asked(99, "max5")], 0, 2, 1, 0,
            id="back from an overload, and on for nothing",
        ),
        pytest.param(
            [asked(9, "max20", LIMIT), asked(0, "max20")], 0, 0, 0, 0, id="requests count as they were sent",
        ),
    ],
)  # fmt: skip
def test_a_switch_is_laid_to_what_caused_it(
    ended: list[Ended], for_limits: int, for_overloads: int, unprompted: int, most: int
) -> None:
    told = reckoned(*ended)
    assert (told.for_limits, told.for_overloads, told.unprompted, told.most) == (
        for_limits, for_overloads, unprompted, most,
    )  # fmt: skip
    assert told.lawful is (unprompted == 0 and most <= 1)
    assert bool(offences(Tally(ended))) is not told.lawful


def test_a_limit_counts_against_the_router_only_while_there_was_room() -> None:
    shown = asked(0, None)
    assert not reckoned(shown).lawful
    full = replace(shown, room=False)
    assert reckoned(full).lawful
    assert reckoned(full).limits == 1
