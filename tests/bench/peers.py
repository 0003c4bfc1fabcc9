"""ccflared beside other proxies, under the same load, alternately in one run.

The peers are installed from npm and PyPI into a directory of their own, run with that as their home, over the same fake
upstream, with one account each and otherwise as they come. Each has one core, upstream and load client share the other.

    python tests/bench/peers.py --place /tmp/peers                  everything, three rounds: some ten minutes
    python tests/bench/peers.py --place /tmp/peers --peer litellm --only json-c16
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.request import Request, urlopen

from bench_daemon import PAGE as PAGE_BYTES
from bench_daemon import TICKS, daemon, free_port, pinned, until_open
from bodies import body
from speed import CASES, Case, Sample, Through, build, describe, run, upstream

VERSIONS: Final = {"better-ccflare": "3.5.4", "claude-code-router": "2.0.0", "litellm": "1.108.7"}
START: Final = 120.0
"""Seconds that a peer may take to open its port; litellm takes twenty on a busy machine."""


@dataclass(frozen=True)
class Peer:
    """A proxy that runs, with all the processes it has begun."""

    pid: int
    port: int
    start_seconds: float

    def cpu_seconds(self) -> float:
        """Processor time of all its processes so far, those that have ended included."""
        return sum(_ticks(pid) for pid in _family(self.pid)) / TICKS

    def rss(self) -> int:
        """Resident memory of all its processes, in bytes."""
        return sum(_resident(pid) for pid in _family(self.pid))


def main() -> int:
    """Measure; print a table. Returns the exit code: 1 when an answer was bad."""
    options = _options()
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    cores = sorted(os.sched_getaffinity(0))
    if compiler is None or sys.platform != "linux" or len(cores) < 2 or shutil.which("taskset") is None:
        print("skipped: needs Linux, two cores, taskset and a C compiler")
        return 0
    describe(options.rounds)
    chosen = [case for case in CASES if not options.only or case.name in options.only]
    with tempfile.TemporaryDirectory(prefix="ccflared-peers-") as directory, ExitStack() as stack:
        place = Path(directory)
        tools = build(compiler, place)
        port = stack.enter_context(upstream(tools / "fakeup", cores[1]))
        running: dict[str, Peer] = {}
        own = stack.enter_context(daemon(place, port, ["first"], core=cores[0]))
        running["ccflared"] = Peer(own.pid, own.port, own.start_seconds)
        for name in options.peer or PEERS:
            command = PEERS[name](options.place, port)
            running[name] = stack.enter_context(_peer(name, command, place, port, cores[0]))
        idle = {name: peer.rss() for name, peer in running.items()}
        samples = _measure(chosen, running, tools, port, rounds=options.rounds, core=cores[1])
        _print_table(chosen, running, samples)
        for name, peer in running.items():
            after = peer.rss() / 2**20
            print(
                f"{name:20} {peer.start_seconds:6.2f} s to an open port   "
                f"{idle[name] / 2**20:6.0f} MiB at rest, {after:.0f} after all this"
            )
    return 0


Samples = dict[tuple[str, str], list[Sample]]


def _measure(
    cases: list[Case], running: Mapping[str, Peer], tools: Path, port: int, *, rounds: int, core: int
) -> Samples:
    samples: Samples = {}
    for number in range(rounds):
        for case in cases:
            names: list[str | None] = [None, *running]
            for name in names if number % 2 == 0 else reversed(names):
                through: Through | None = running[name] if name else None
                sample = run(case, through, tools, port, core)
                samples.setdefault((case.name, name or "direct"), []).append(sample)
                found = " ".join(f"{key} {value:.3g}" for key, value in sample.figures(case).items())
                bad = f"  {sample.bad} bad answers" if sample.bad else ""
                print(f"round {number + 1} {case.name:17} {name or 'direct':20} {found}{bad}", flush=True)
    return samples


def _print_table(cases: list[Case], running: Mapping[str, Peer], samples: Samples) -> None:
    print(f"\n{'':17} {'':20} {'rate/s':>8} {'added p50 ms':>13} {'cpu ms':>8}  lag p50 / p99 ms")
    for case in cases:
        direct = _middle(samples[case.name, "direct"], case, "p50")
        for name in running:
            runs = samples[case.name, name]
            row = f"{case.name if name == 'ccflared' else '':17} {name:20} {_middle(runs, case, 'rate'):8.0f}"
            row += f" {_middle(runs, case, 'p50') - direct:13.2f} {_middle(runs, case, 'cpu'):8.2f}"
            if case.deltas:
                row += f"  {_middle(runs, case, 'lag p50'):.3g} / {_middle(runs, case, 'lag p99'):.3g}"
            print(row)
    print(
        "\nMedians of the rounds. rate: requests, of streams events; cpu: a request, of streams 1000 events."
    )


def _middle(runs: list[Sample], case: Case, key: str) -> float:
    return statistics.median(sample.figures(case)[key] for sample in runs)


@dataclass(frozen=True)
class Command:
    """How a peer is run, and what it is told once its port is open."""

    words: tuple[str, ...]
    port: int
    environ: Mapping[str, str]
    then: Callable[[], None] = lambda: None


@contextmanager
def _peer(name: str, command: Command, place: Path, upstream_port: int, core: int) -> Iterator[Peer]:
    """Run a peer until the context ends; it has answered one request before it counts as there."""
    began = time.monotonic()
    with (place / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [*pinned(core), *command.words],
            env={"PATH": os.environ["PATH"], **command.environ},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        until_open(process, command.port, START)
        seconds = time.monotonic() - began
        command.then()
        request = Request(
            f"http://127.0.0.1:{command.port}/v1/messages",
            body(2000, stream=False),
            {"content-type": "application/json", "x-api-key": "any", "anthropic-version": "2023-06-01"},
        )
        with urlopen(request, timeout=60) as answer:  # noqa: S310 - to a port of our own
            if json.load(answer).get("type") != "message":
                raise SystemExit(f"{name} does not pass the upstream at {upstream_port} on")
        yield Peer(process.pid, command.port, seconds)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _better_ccflare(place: Path, upstream_port: int) -> Command:
    program = _from_npm(place, "better-ccflare", "better-ccflare")
    port, home = free_port(), place / "home-better-ccflare"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()

    def add() -> None:
        account = {
            "name": "first",
            "apiKey": "sk-first",
            "customEndpoint": f"http://127.0.0.1:{upstream_port}",
        }
        where = f"http://127.0.0.1:{port}/api/accounts/anthropic-compatible"
        urlopen(Request(where, json.dumps(account).encode(), {"content-type": "application/json"})).close()

    return Command((str(program), "--serve", "--port", str(port)), port, {"HOME": str(home)}, add)


def _router(place: Path, upstream_port: int) -> Command:
    program = _from_npm(place, "@musistudio/claude-code-router", "ccr")
    port, home = free_port(), place / "home-router"
    (home / ".claude-code-router").mkdir(parents=True, exist_ok=True)
    model = "claude-sonnet-4-5-20250929"
    provider = {
        "name": "first",
        "api_base_url": f"http://127.0.0.1:{upstream_port}/v1/messages",
        "api_key": "sk-first",
        "models": [model],
        "transformer": {"use": ["Anthropic"]},
    }
    settings = {"PORT": port, "HOST": "127.0.0.1", "LOG": False, "Providers": [provider]}
    settings["Router"] = {"default": f"first,{model}"}
    (home / ".claude-code-router" / "config.json").write_text(json.dumps(settings))
    return Command((str(program), "start"), port, {"HOME": str(home)})


def _litellm(place: Path, upstream_port: int) -> Command:
    venv, port, home = place / "litellm", free_port(), place / "home-litellm"
    home.mkdir(exist_ok=True)
    if not (venv / "bin" / "litellm").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        wanted = f"litellm[proxy]=={VERSIONS['litellm']}"
        subprocess.run([str(venv / "bin" / "pip"), "install", "--quiet", wanted], check=True)
    settings = home / "config.yaml"
    settings.write_text(
        'model_list:\n  - model_name: "*"\n    litellm_params:\n      model: "anthropic/*"\n'
        f"      api_base: http://127.0.0.1:{upstream_port}\n      api_key: sk-first\n"
        "litellm_settings:\n  telemetry: false\n"
    )
    words = (
        str(venv / "bin" / "litellm"),
        "--config",
        str(settings),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    )
    environ = {
        "HOME": str(home),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    return Command((*words, "--num_workers", "1"), port, environ)


PEERS: Final[Mapping[str, Callable[[Path, int], Command]]] = {
    "better-ccflare": _better_ccflare,
    "claude-code-router": _router,
    "litellm": _litellm,
}


def _from_npm(place: Path, package: str, program: str) -> Path:
    """Return a program of a package, which is installed below ``place`` where it is not there yet."""
    found = place / "node_modules" / ".bin" / program
    if not found.exists():
        wanted = f"{package}@{VERSIONS[package.rpartition('/')[2]]}"
        subprocess.run(["npm", "install", "--silent", "--prefix", str(place), wanted], check=True)
    return found


def _family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [pid]
    for each in found:
        for thread in Path(f"/proc/{each}/task").glob("*/children"):
            found += [int(child) for child in thread.read_text().split()]
    return found


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15])


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="ccflared beside other proxies, alternately.")
    parser.add_argument("--place", type=Path, required=True, help="where the peers are installed")
    parser.add_argument("--rounds", type=int, default=3, help="how often each case is run (default 3)")
    parser.add_argument(
        "--peer", action="append", choices=list(PEERS), help="a peer; may be repeated (default: all)"
    )
    parser.add_argument(
        "--only", action="append", choices=[case.name for case in CASES], help="a case; may be repeated"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
