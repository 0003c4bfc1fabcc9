"""Lets time pass for what was learnt of an account, so that no test waits for the end of a long rest."""

from dataclasses import replace

from stage import Stage

from ccflared.pool.states import NO_MARK, Learnt, Mark
from ccflared.wire import Quota


def elapse(stage: Stage, name: str, seconds: float) -> None:
    """Make what was learnt of an account, its models and all places so much older; younger, where negative."""
    ledger = stage.running.house.ledger
    known = ledger._standings[name]
    ledger._standings[name] = replace(
        known,
        account=_learnt(known.account, seconds),
        models={model: _learnt(learnt, seconds) for model, learnt in known.models.items()},
        quota=None if known.quota is None else _quota(known.quota, seconds),
    )
    for place, learnt in ledger._places.items():
        ledger._places[place] = _learnt(learnt, seconds)


def _learnt(known: Learnt, seconds: float) -> Learnt:
    return replace(
        known,
        rest=_mark(known.rest, seconds),
        reject=_mark(known.reject, seconds),
        doubt=_mark(known.doubt, seconds),
    )


def _mark(mark: Mark, seconds: float) -> Mark:
    if mark == NO_MARK:
        return mark
    return replace(mark, since=mark.since - seconds, until=mark.until - seconds)


def _quota(quota: Quota, seconds: float) -> Quota:
    windows = tuple(
        window if window.resets_at is None else replace(window, resets_at=window.resets_at - seconds)
        for window in quota.windows
    )
    return replace(quota, at=quota.at - seconds, windows=windows)
