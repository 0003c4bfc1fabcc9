"""Looks at what has changed of accounts, and at what holds that somebody wants to be told.

A state changes by an answer, by a person, by the file, and by time alone; so it looks soon after each of the first
three, and now and then.
"""

from collections.abc import Mapping
from time import time
from typing import Final, NamedTuple

import trio

from ccflared.daemon.alarms import alert_rules
from ccflared.daemon.alarms.alert import Alarm
from ccflared.daemon.alarms.noticed import SETTLED
from ccflared.daemon.feeds.live import AccountChange
from ccflared.daemon.house import House
from ccflared.money.budgets import added, exhausted, period_start
from ccflared.pool.candidates import view
from ccflared.pool.states import NO_MARK
from ccflared.providers.target import Target, Unfit

OFTEN: Final = 1.0
SELDOM: Final = 5.0
"""Seconds from one look to the next, while somebody listens and else, where nothing has happened."""
APART: Final = 0.1
"""Seconds between two looks at the accounts at least, whatever happens; nobody listens: ALARMS_APART."""
ALARMS_APART: Final = 0.5
"""Seconds between two looks at what is worth an alert."""


class Seen(NamedTuple):
    """An account's state as status shows it."""

    state: str
    reason: str | None
    until: float | None


async def watch(house: House) -> None:
    """Look, until cancelled."""
    seen = states(house, time())
    due = trio.current_time()
    while True:
        house.noticed.stirred = trio.Event()
        now = time()
        before, seen = seen, states(house, now)
        for change in _changes(before, seen, now):
            house.live.accounts.add(change)
        if trio.current_time() >= due:
            due = trio.current_time() + ALARMS_APART
            house.noticed.limit = house.world.config.alerts.runaway
            house.alerts.hold(_alarms(house, seen, now), now, house.world.config.alerts.again)
            next_look = OFTEN if house.live.listeners else SELDOM
        else:
            next_look = due - trio.current_time()
        await trio.sleep(APART if house.live.listeners else ALARMS_APART)
        with trio.move_on_after(next_look):
            await house.noticed.stirred.wait()


def _alarms(house: House, states: Mapping[str, Seen], now: float) -> list[Alarm]:
    """Return all that holds now and that somebody wants to be told."""
    settings = house.world.config.alerts
    found = [
        _spend(house, settings.daily_spend, now),
        _history(house, now),
        _nobody(house, now),
        *_persons(house, states),
        *_budgets(house, now),
        *(alert_rules.runaway(pace, settings.runaway) for pace in house.noticed.fast(now)),
    ]
    return [alarm for alarm in found if alarm is not None]


def states(house: House, now: float) -> Mapping[str, Seen]:
    """Return the state of each account, by name."""
    return {name: _state(house, name, now) for name in house.world.config.accounts}


def _state(house: House, name: str, now: float) -> Seen:
    """Return an account's state as status shows it."""
    target = house.world.targets[name]
    if isinstance(target, Unfit):
        return Seen(target.state, target.reason, None)
    seen = view(house.candidate(name, now), now)
    return Seen(seen.state, seen.reason, seen.until)


def _changes(before: Mapping[str, Seen], seen: Mapping[str, Seen], now: float) -> list[AccountChange]:
    changed = [AccountChange(name, *state, now) for name, state in seen.items() if before.get(name) != state]
    return changed + [AccountChange(name, "removed", None, None, now) for name in before.keys() - seen.keys()]


def _spend(house: House, limit: float | None, now: float) -> Alarm | None:
    if limit is None:
        return None
    zone = house.world.zone
    spent = house.purse.today(now, zone)
    return alert_rules.daily_spend(limit, spent, f"{period_start(now, zone, 'day'):.0f}")


def _history(house: House, now: float) -> Alarm | None:
    state = house.recorder.state
    return alert_rules.history_off(state.error, abs(now - (state.since or now)))


def _persons(house: House, states: Mapping[str, Seen]) -> list[Alarm | None]:
    found = []
    for name, target in house.world.targets.items():
        rejected = NO_MARK
        if isinstance(target, Target):
            rejected = house.ledger.standing(target).account.reject
        found.append(alert_rules.needs_person(name, states[name].state, states[name].reason, rejected))
    return found


def _budgets(house: House, now: float) -> list[Alarm]:
    config, zone = house.world.config, house.world.zone
    budgets = [
        *(
            ("account", each.name, each.budget, house.purse.spent(each.name))
            for each in config.accounts.values()
        ),
        *(("client", each.name, each.budget, house.clients.spent(each)) for each in config.clients.values()),
    ]
    found = []
    whole = config.budget
    if whole is not None and (over := house.whole.exhausted(whole, now, zone)) is not None:
        by_value = whole.counts == "value"
        found.append(alert_rules.budget_spent("whole", "", *over, by_value=by_value))
    for whose, name, budget, spent in budgets:
        if (
            budget is not None
            and (over := exhausted(budget, added(spent, 0, now, zone), now, zone)) is not None
        ):
            found.append(alert_rules.budget_spent(whose, name, *over))
    return found


def _nobody(house: House, now: float) -> Alarm | None:
    """Say whether requests find no account: until one was served, or the router has somebody and none asks any more."""
    known = house.noticed.shortage
    still = [alert.alarm for alert in house.alerts.open if alert.alarm.type == "pool_exhausted"]
    if known is None and not still:
        return None
    serves = bool(house.preview(now).choices)
    if known is None:
        # Told before this start, or a request was served since: over when somebody can serve.
        return None if serves else still[0]
    if serves and not 0.0 <= now - known.last < SETTLED:
        house.noticed.shortage = None
        return None
    return alert_rules.pool_exhausted(known)
