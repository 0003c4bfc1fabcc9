"""What the daemon says of why, from the JSON of ``/api/explain``: for a model, and for a request of the past. Pure.

As in snapshot.py, what is missing is unknown, and named tuples are quicker to make than dataclasses.
"""

from typing import NamedTuple

from ccflared.cli.render.document import Json


class Candidate(NamedTuple):
    """An account that would be asked, and why it stands where it stands. ``model``: as it is called there."""

    account: str
    model: str | None
    why: str


class NotAsked(NamedTuple):
    """An account that is, or was, not asked."""

    account: str
    state: str
    reason: str | None
    until: float | None


class Refusal(NamedTuple):
    """What a client is told when nobody serves. ``retry_after`` is seconds."""

    status: int | None
    message: str
    retry_after: float | None


class Choice(NamedTuple):
    """Who would serve a model now, best first."""

    model: str
    client: str | None
    conversation: str | None
    strategy: str
    chain: str | None
    now: float
    candidates: tuple[Candidate, ...]
    passed: tuple[NotAsked, ...]
    refusal: Refusal | None


class Try(NamedTuple):
    """One try at one account. ``kind`` is ``served``, or what ended it."""

    account: str
    model: str | None
    why: str
    started_ms: int
    took_ms: int
    status: int | None
    kind: str
    reason: str


class Story(NamedTuple):
    """What became of one request, as the history has it."""

    request: str
    at: float | None
    origin: str
    client: str | None
    conversation: str | None
    model: str | None
    served_model: str | None
    chain: str | None
    status: int | None
    outcome: str
    error: str | None
    total_ms: int
    attempts: tuple[Try, ...]
    passed: tuple[NotAsked, ...]


def is_choice(value: object) -> bool:
    """Tell whether a JSON value looks like the answer for a model."""
    return isinstance(value, dict) and isinstance(value.get("candidates"), list)


def is_story(value: object) -> bool:
    """Tell whether a JSON value looks like the answer for a request."""
    return isinstance(value, dict) and isinstance(value.get("attempts"), list)


def read_choice(value: object) -> Choice:
    """Return what ``/api/explain?model=`` gave."""
    top = Json(value)
    refusal = top.part("refusal")
    return Choice(
        model=top.text("model"),
        client=top.maybe("client"),
        conversation=top.maybe("conversation"),
        strategy=top.text("strategy"),
        chain=top.maybe("chain"),
        now=top.number("now") or 0.0,
        candidates=tuple(
            Candidate(item.text("account"), item.maybe("model"), item.text("why"))
            for item in top.parts("candidates")
        ),
        passed=_passed(top),
        refusal=Refusal(refusal.whole("status"), refusal.text("message"), refusal.number("retry_after"))
        if isinstance(top.raw("refusal"), dict)
        else None,
    )


def read_story(value: object) -> Story:
    """Return what ``/api/explain?request=`` gave."""
    top = Json(value)
    return Story(
        request=top.text("request"),
        at=top.number("at"),
        origin=top.text("origin"),
        client=top.maybe("client"),
        conversation=top.maybe("conversation"),
        model=top.maybe("model"),
        served_model=top.maybe("served_model"),
        chain=top.maybe("chain"),
        status=top.whole("status"),
        outcome=top.text("outcome") or "unknown",
        error=top.maybe("error"),
        total_ms=top.count("total_ms"),
        attempts=tuple(_try(item) for item in top.parts("attempts")),
        passed=_passed(top),
    )


def _try(item: Json) -> Try:
    return Try(
        account=item.text("account"),
        model=item.maybe("model"),
        why=item.text("why"),
        started_ms=item.count("started_ms"),
        took_ms=item.count("took_ms"),
        status=item.whole("status"),
        kind=item.text("kind") or "unknown",
        reason=item.text("reason"),
    )


def _passed(top: Json) -> tuple[NotAsked, ...]:
    return tuple(
        NotAsked(
            item.text("account"), item.text("state") or "unknown", item.maybe("reason"), item.number("until")
        )
        for item in top.parts("passed")
    )
