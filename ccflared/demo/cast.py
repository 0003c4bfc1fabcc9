"""The three accounts of ``ccflared demo``: one meets its limit, one is slow now and then, one is steady."""

from dataclasses import dataclass

from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, Behaviour, Cycle, Metered, Slow, Spending, Window

STREAMING = 0.02
"""Seconds between two events, so that a stream can be watched."""


@dataclass(frozen=True, slots=True)
class Role:
    """One account of the demo, as its configuration needs it."""

    name: str
    key: str
    """Its credential at the fake provider; made up, and worth nothing elsewhere."""
    priority: int
    about: str
    plan: bool = False
    """Whether its usage can be asked for, as that of a plan."""


def cast(
    *, allowance: int = 5, window: float = 20.0, slowness: float = 4.0
) -> tuple[FakeProvider, tuple[Role, ...]]:
    """Return a provider that knows the three accounts, and the accounts in the order of their priority.

    ``allowance``: requests that the first serves in each ``window`` of seconds before it answers 429, with
    the headers of a plan. ``slowness``: seconds by which every third answer of the second begins later.
    """
    roles = (
        Role(
            "small-plan",
            "demo-small-plan",
            0,
            f"limited after {allowance} requests in {window:.0f} s",
            plan=True,
        ),
        Role("moody", "demo-moody", 10, f"every third answer begins {slowness:.0f} s late"),
        Role("steady", "demo-steady", 20, "always answers; its usage is asked for", plan=True),
    )
    answers = [_answer(role) for role in roles]
    parts: list[Behaviour] = [
        Metered(allowance, window, answers[0]),
        Cycle((answers[1], answers[1], Slow(slowness, answers[1]))),
        answers[2],
    ]
    provider = FakeProvider(remember=16)
    for role, part in zip(roles, parts, strict=True):
        provider.play(role.key, then=part)
    steady = Spending(five_hour=Window(0.34, 2.5 * 3600), seven_day=Window(0.58, 3.2 * 86400))
    provider.play(roles[2].key, then=steady, on="usage")
    return provider, roles


def _answer(role: Role) -> Answer:
    text = f"This answer comes from the demo account {role.name}. No model was asked, no network was used."
    return Answer(text, tool="auto", delay_first=0.15, interval=STREAMING)
