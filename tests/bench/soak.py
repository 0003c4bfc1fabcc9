"""Whether memory and descriptors stay flat under many requests of which a share is left by its client.

Runs the real daemon over a provider that fails now and then (soak_upstream.py), lets clients loose on it
(soak_clients.py), and looks at the process from outside every few hundred requests. At the end: a table, and a
verdict, which is also the exit code (1: something is not as it should be).

    python tests/bench/soak.py                          20 000 requests, 48 at a time, 30 % leave
    python tests/bench/soak.py --count 2000
"""

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import trio
from bench_daemon import Daemon, daemon
from soak_clients import Clients

ROUTING: Final = """
[routing]
idle_timeout = "3s"
ping_after = "1s"
overload_retry = { attempts = 2, delay = "50ms" }
cooldown = { first = "1s", factor = 1.5, longest = "5s" }
"""
"""Short times, so that silence and limits come and go within the soak."""
SETTLED_WITHIN: Final = 15.0
IDLE_FOR: Final = 2.0


@dataclass(frozen=True)
class Sample:
    """The daemon at one moment."""

    requests: int
    seconds: float
    rss: int
    descriptors: int
    threads: int
    running: int
    queued: int


@dataclass
class Watch:
    """Looks at the daemon now and then."""

    daemon: Daemon
    began: float = field(default_factory=time.monotonic)
    samples: list[Sample] = field(default_factory=list)

    async def look(self, requests: int) -> Sample:
        """Take a sample, print and keep it."""
        # From outside first: the question itself takes a descriptor.
        rss, descriptors, threads = self.daemon.rss(), self.daemon.descriptors(), self.daemon.threads()
        status = await trio.to_thread.run_sync(self.daemon.ask)
        sample = Sample(
            requests=requests,
            seconds=time.monotonic() - self.began,
            rss=rss,
            descriptors=descriptors,
            threads=threads,
            running=status["running"],
            queued=status["history"]["queued"],
        )
        self.samples.append(sample)
        print(
            f"{sample.requests:>8} {sample.seconds:>7.1f} s {sample.rss / 2**20:>8.2f} MiB "
            f"{sample.descriptors:>5} {sample.threads:>4} {sample.running:>5} {sample.queued:>6}",
            flush=True,
        )
        return sample


def main() -> int:
    """Soak the daemon; return the exit code."""
    options = _options()
    with (
        tempfile.TemporaryDirectory(prefix="ccflared-soak-") as name,
        _upstream() as upstream,
        daemon(Path(name), upstream.port, ["first", "second", "third"], more=ROUTING) as running,
    ):
        clients = Clients(running.port, options.count, options.concurrency, options.aborts, options.seed)
        watch = Watch(running)
        print("requests    time       memory   fds thrd  running queued")
        in_time = trio.run(_soak, clients, watch, options)
        told = running.ask()["history"]
        problems = [] if in_time else [f"not done within {options.seconds:g} s"]
        problems += _books(running.database, clients, upstream.finish(), told)
        log = running.log()
    problems += [f"the log holds a traceback:\n{log[-2000:]}"] if "Traceback" in log else []
    for words, number in clients.seen.most_common():
        print(f"{number:>8}  {words}")
    problems += [
        f"{words}: {number}" for words, number in clients.seen.items() if words.upper()[:3] == words[:3]
    ]
    problems += _flat(watch.samples, options.allowed)
    for problem in problems:
        print("NOT AS IT SHOULD BE:", problem)
    print("verdict:", "not as it should be" if problems else "flat, and nothing is missing")
    return 1 if problems else 0


async def _soak(clients: Clients, watch: Watch, options: argparse.Namespace) -> bool:
    """Let the clients loose until they are done or time is up; then wait for rest. False: time was up."""
    await trio.to_thread.run_sync(watch.daemon.ask)
    await trio.sleep(IDLE_FOR)
    await watch.look(0)
    with trio.move_on_after(options.seconds) as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_sample, clients, watch, options.every, nursery.cancel_scope)
            await clients.run()
            nursery.cancel_scope.cancel()
    with trio.move_on_after(SETTLED_WITHIN):
        while (status := await trio.to_thread.run_sync(watch.daemon.ask))["running"] or status["history"][
            "queued"
        ]:
            await trio.sleep(0.1)
    await watch.look(clients.done)
    # A reload lets go of the idle connections to upstreams, which are kept on purpose; threads of Trio's end
    # by themselves when nobody has needed them for ten seconds.
    await trio.to_thread.run_sync(watch.daemon.ask, "POST /api/reload")
    with trio.move_on_after(SETTLED_WITHIN):
        while watch.daemon.descriptors() > watch.samples[0].descriptors:
            await trio.sleep(0.1)
    await trio.sleep(IDLE_FOR)
    await watch.look(clients.done)
    return not scope.cancelled_caught


async def _sample(clients: Clients, watch: Watch, every: int, _scope: trio.CancelScope) -> None:
    due = every
    while True:
        if clients.done >= due:
            await watch.look(clients.done)
            due = (clients.done // every + 1) * every
        await trio.sleep(0.05)


def _books(database: Path, clients: Clients, upstream: dict[str, Any], told: dict[str, Any]) -> list[str]:
    """Hold the history against what clients and upstream saw. Returns what is wrong with it."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT user_agent, outcome, attempts FROM requests").fetchall()
    agents = {agent for agent, *_ in rows}
    outcomes: dict[str, int] = {}
    for _, outcome, _ in rows:
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    tries = sum(len(json.loads(attempts)) for *_, attempts in rows)
    print(f"{len(rows)} rows: {', '.join(f'{number} {word}' for word, number in sorted(outcomes.items()))}")
    print(f"{tries} attempts in the rows, {upstream['requests']} requests at the upstream; history {told}")
    problems = []
    if lost := (clients.answered | set(upstream["agents"])) - agents:
        problems.append(f"{len(lost)} requests were accepted and have no row: {sorted(lost)[:5]}")
    if len(agents) != len(rows):
        problems.append(f"{len(rows) - len(agents)} requests have more than one row")
    if told["dropped"] or told["queued"] or told["error"]:
        problems.append(f"the history is behind: {told}")
    return problems


def _flat(samples: list[Sample], allowed: float) -> list[str]:
    """Judge memory and descriptors; print the reckoning."""
    first, *under_load, loaded, rested = samples
    steady = under_load[len(under_load) // 4 :]
    slope = _slope([(sample.requests, sample.rss) for sample in steady]) if len(steady) > 2 else 0.0
    print(
        f"memory: {first.rss / 2**20:.1f} MiB at first, {loaded.rss / 2**20:.1f} under load at the end, at most "
        f"{max(sample.rss for sample in samples) / 2**20:.1f}; in the last three quarters {slope:+.0f} bytes a request"
    )
    print(
        f"descriptors: {first.descriptors} at first, at most {max(sample.descriptors for sample in samples)}, "
        f"{rested.descriptors} at rest; threads: at most {max(sample.threads for sample in samples)}, "
        f"{rested.threads} at rest; queue: at most {max(sample.queued for sample in samples)}"
    )
    problems = []
    # What an allocator does with 48 connections of changing sizes is worth some MiB to and fro; one forgotten row,
    # header list or exchange a request would be a kilobyte and more.
    if slope > allowed:
        problems.append(f"memory grows by {slope:.0f} bytes a request; {allowed:g} are allowed")
    if len(steady) <= 2:
        problems.append("too few samples to judge memory by")
    if rested.descriptors > first.descriptors:
        problems.append(f"{rested.descriptors - first.descriptors} descriptors were not given back")
    return problems


def _slope(points: list[tuple[int, int]]) -> float:
    """Return the slope of the line of least squares."""
    middle = sum(x for x, _ in points) / len(points)
    return sum((x - middle) * y for x, y in points) / sum((x - middle) ** 2 for x, _ in points)


@dataclass(frozen=True)
class _Upstream:
    port: int
    process: subprocess.Popen[str]

    def finish(self) -> dict[str, Any]:
        """End it, and return what it saw."""
        seen: dict[str, Any] = json.loads(self.process.communicate(timeout=30)[0])
        return seen


@contextmanager
def _upstream() -> Iterator[_Upstream]:
    program = Path(__file__).with_name("soak_upstream.py")
    process = subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield _Upstream(int(process.stdout.readline()), process)
    finally:
        process.kill()
        process.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Soak the daemon and judge whether it stays as it was.")
    parser.add_argument("--count", type=int, default=20_000, help="requests (default 20000)")
    parser.add_argument("--concurrency", type=int, default=48, help="clients at a time (default 48)")
    parser.add_argument("--aborts", type=float, default=0.3, help="share of clients that leave (default 0.3)")
    parser.add_argument("--every", type=int, default=500, help="requests between two samples (default 500)")
    parser.add_argument("--seconds", type=float, default=1200, help="at most so long (default 1200)")
    parser.add_argument("--seed", type=int, default=0, help="of the dice")
    parser.add_argument(
        "--allowed",
        type=float,
        default=256.0,  # a worker thread that joins in late brings an arena of some megabytes: no leak, but a step
        help="growth in bytes a request that counts as flat (default 256)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
