"""The provider of the soak, a process of its own: three credentials, two of which fail in every way now and then.

Prints its port, serves until its standard input ends, then prints as JSON the User-Agent of every request it saw.
"""

import json
import sys

import trio

from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import (
    Answer,
    Behaviour,
    Cut,
    Cycle,
    Dropped,
    ErrorEvent,
    Failing,
    Limited,
    Reset,
    Silent,
)

WELL = Answer(events=20, interval=0.004)
LONG = Answer(events=60, interval=0.01, text="Words that fill an event or two. " * 40)
TROUBLES: tuple[Behaviour, ...] = (
    Failing(529),
    Cut(after_events=6, answer=WELL),
    Failing(500),
    Reset(),
    ErrorEvent(),
    Limited(reset_in=2.0),
    Dropped(after_events=8, answer=WELL),
    ErrorEvent(after_events=6, answer=WELL),
    Reset(after_events=9, answer=WELL),
    Silent(after_events=5, answer=WELL),
    Silent(),
)
"""What an account can suffer from; before the first content and after it."""


def mostly_well(every: int) -> Cycle:
    """Return healthy answers with one trouble after another in between, one in ``every``."""
    turns: list[Behaviour] = []
    for trouble in TROUBLES:
        turns += [LONG if turn % 7 == 0 else WELL for turn in range(every - 1)]
        turns.append(trouble)
    return Cycle(tuple(turns))


async def main() -> None:
    """Serve until standard input ends."""
    provider = FakeProvider(remember=100_000, default=WELL)
    provider.play("sk-first", then=mostly_well(40))
    provider.play("sk-second", then=mostly_well(60))
    agents: set[str] = set()
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        print(port, flush=True)
        nursery.start_soon(_forget_bodies, provider, agents)
        await trio.to_thread.run_sync(sys.stdin.read)
        _note(provider, agents)
        nursery.cancel_scope.cancel()
    print(json.dumps({"requests": provider.count, "agents": sorted(agents)}))


async def _forget_bodies(provider: FakeProvider, agents: set[str]) -> None:
    while True:
        await trio.sleep(0.5)
        _note(provider, agents)


def _note(provider: FakeProvider, agents: set[str]) -> None:
    while provider.seen:
        agents.add((provider.seen.popleft().get(b"user-agent") or b"").decode())


if __name__ == "__main__":
    trio.run(main)
