"""A week of a pool in virtual time: who sees limits, who loses prompt caches, and what it costs, policy by policy.

Three plans with 5-hour and weekly windows and an API key, 2 000 conversations, overloads. The daemon's own code
decides, from header fields as providers send them; the providers and the clients are simulated. The exit code is 1 if
under `session` or `affinity` a client saw a limit while some account had room, or a conversation left a warm prompt
cache twice for one limit, or without a reason.

    python tests/bench/week.py                          all policies, with the API key and without
    python tests/bench/week.py --only session --seed 7 --json
    python tests/bench/week.py --only affinity --offences
"""

import argparse
import json
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import trio
import trio.testing
from week_load import Conversation, Load, Turn, draw
from week_policies import Fixed, Policy, Routed
from week_tally import Figures, Tally, figures, offences
from week_world import Providers, file_of, plans

from ccflared.config.load import Loaded, load, read_secrets
from ccflared.daemon.books.archive import Archive
from ccflared.daemon.books.payloads import Payloads
from ccflared.daemon.books.recorder import Recorder
from ccflared.daemon.custody import Custody
from ccflared.daemon.house import House
from ccflared.daemon.price_list import PriceLists
from ccflared.daemon.trust import Trust
from ccflared.daemon.upstream import Upstream
from ccflared.daemon.world import World, build
from ccflared.money.pricing import prices_of
from ccflared.providers.oauth import in_force
from ccflared.providers.presets import builtin
from ccflared.store.vault import Vault

STRATEGIES: Final = ("session", "affinity", "drain-soonest", "least-used")
OTHERS: Final = ("first account", "round robin", "round robin, failover")
JUDGED: Final = frozenset({"session", "affinity"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one policy."""

    figures: Figures
    tally: Tally
    seconds: float
    """Of the processor."""


def simulate(policy: str, asked: Load, *, key: bool = True, share: float = 1.0) -> Outcome:
    """Let one policy serve a load.

    ``key``: the pool has the API key besides the plans. ``share``: how much of what such plans give they do give.
    """
    began = time.process_time()
    providers = Providers(asked, prices_of({}), plans(share), ("key",) if key else ())
    tally = Tally()
    trio.run(_run, policy, asked, providers, tally, clock=trio.testing.MockClock(autojump_threshold=0))
    return Outcome(figures(policy, tally, providers), tally, time.process_time() - began)


async def _run(policy: str, asked: Load, providers: Providers, tally: Tally) -> None:
    served: Policy
    if policy in STRATEGIES:
        world = _world(file_of(policy, key=bool(providers.keys)))
        # The recorder is never run: what is remembered waits in memory.
        house = House(
            world,
            Recorder(Path("never-opened.db")),
            Archive(Path("never-opened.db")),
            Upstream(),
            Custody(Vault(Path("never-opened-either.db"))),
            payloads=Payloads(Path("never-opened.db")),
            trust=Trust(Path("never-read.json")),
            price_lists=PriceLists(Path("never-read-either.json")),
            started_at=0.0,
        )
        served = Routed(house, providers, tally)
    else:
        served = Fixed(
            providers, tally, in_turn=policy.startswith("round robin"), failover="failover" in policy
        )
    async with trio.open_nursery() as nursery:
        for conversation in asked.conversations:
            nursery.start_soon(_converse, served, conversation)


async def _converse(policy: Policy, conversation: Conversation) -> None:
    """Ask one turn after the other. Who is refused goes on with the next turn: so each policy is asked the same."""
    await trio.sleep_until(conversation.begins)
    for turn in conversation.turns:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(policy.serve, turn.ask)
            if turn.beside is not None:
                nursery.start_soon(_beside, policy, turn)
        await trio.sleep(turn.think)


async def _beside(policy: Policy, turn: Turn) -> None:
    assert turn.beside is not None
    await trio.sleep(turn.ask.first * 0.7)
    await policy.serve(turn.beside)


def _world(text: str) -> World:
    with tempfile.TemporaryDirectory(prefix="ccflared-week-") as name:
        file = Path(name) / "ccflare.toml"
        file.write_text(text)
        file.chmod(0o600)
        loaded = load(file, environ={}, builtin=builtin())
    assert isinstance(loaded, Loaded), loaded
    secrets = read_secrets(loaded.config, environ={}, state_directory=Path(name))
    return build(
        loaded,
        secrets,
        lambda account, provider, seed, _: in_force(account, provider, None, seed),
        lambda _account, _origin: False,
    )


def main() -> int:
    """Simulate, print the table; return the exit code."""
    options = _options()
    # The daemon tells of each limit, thousands of them.
    logging.disable(logging.CRITICAL)
    asked = draw(options.seed, options.days, options.conversations)
    told: list[dict[str, object]] = []
    lawful = True
    for key in (True, False):
        found: list[Outcome] = []
        for policy in options.only or (*STRATEGIES, *OTHERS):
            found.append(outcome := simulate(policy, asked, key=key))
            lawful = lawful and (policy not in JUDGED or outcome.figures.lawful)
            told.append(asdict(outcome.figures) | {"key": key, "seconds": round(outcome.seconds, 1)})
            if options.offences and policy in STRATEGIES:
                print("\n".join(offences(outcome.tally)))
        if not options.json:
            print("\nThree plans and an API key" if key else "\nThe three plans alone")
            print(table([each.figures for each in found]))
            print(f"{sum(each.seconds for each in found):.0f} s of the processor")
    if options.json:
        print(json.dumps(told, indent=2))
    else:
        print("verdict:", "as it should be" if lawful else "NOT AS IT SHOULD BE: see --offences")
    return 0 if lawful else 1


def table(rows: Sequence[Figures]) -> str:
    """Return the figures as a table of Markdown: a column for each policy."""
    lines: list[tuple[str, ...]] = [("", *(row.policy for row in rows)), ("---",) * (len(rows) + 1)]
    for name, text in _LINES:
        lines.append((name, *(text.format(row) for row in rows)))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_LINES: Final = (
    ("requests", "{0.requests}"),
    ("limits shown to clients", "{0.limits}"),
    ("… while some account had room", "{0.limits_with_room}"),
    ("overloads shown to clients", "{0.overloads}"),
    ("… while some account had room", "{0.overloads_with_room}"),
    ("upstream tries a request", "{0.tries:.3f}"),
    ("switches of running conversations", "{0.switches}"),
    ("… from a warm prompt cache", "{0.warm}"),
    ("…… for a limit · an overload · nothing", "{0.for_limits} · {0.for_overloads} · {0.unprompted}"),
    ("…… of one conversation for one limit, at most", "{0.most}"),
    ("…… of one conversation for one overload, at most", "{0.most_overload}"),
    ("prompt cache lost, million tokens", "{0.cache_lost_millions:.1f}"),
    ("spent with the API key, USD", "{0.usd:.0f}"),
    ("limits run into · 429 answers for each", "{0.episodes} · {0.refused:.1f}"),
    ("of what the plans give, used", "{0.used:.0%}"),
)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Simulate a week of a pool and judge who was served how.")
    parser.add_argument("--days", type=float, default=7.0, help="how long (default 7)")
    parser.add_argument("--conversations", type=int, default=2000, help="how many (default 2000)")
    parser.add_argument("--seed", type=int, default=1, help="of the dice (default 1)")
    parser.add_argument(
        "--only", action="append", choices=(*STRATEGIES, *OTHERS), help="this policy; may be repeated"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--offences", action="store_true", help="tell each breach of the laws")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
