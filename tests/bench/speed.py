"""What the daemon adds to a request, in time and processor time: direct against proxied, alternately, in one run.

The daemon has one core, the fake upstream and the load client (both C: load/) share the other. A single figure is
good to a third on a busy machine; ratios of figures from the same run, and medians over several rounds, are better.

    python tests/bench/speed.py                                  everything, three rounds
    python tests/bench/speed.py --only json-c16 --rounds 5
    python tests/bench/speed.py --payloads --only json-200k-c4     what keeping payloads costs
    python tests/bench/speed.py --version old=/tmp/old --version new=.     two versions of the package, alternately
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.request import urlopen

from bench_daemon import Daemon, daemon, free_port, pinned, until_open
from bodies import body

LOAD: Final = Path(__file__).parent / "load"


@dataclass(frozen=True)
class Case:
    """One kind of load. ``deltas`` 0: plain answers; else streams of so many, ``interval_us`` apart (0: at once)."""

    name: str
    size: int
    connections: int
    total: int
    warm: int
    deltas: int = 0
    interval_us: int = 0
    batch: int = 1


CASES: Final = (
    Case("json-c1", 2_000, 1, 800, 100),
    Case("json-c16", 2_000, 16, 3000, 200),
    Case("json-c64", 2_000, 64, 3000, 300),
    Case("json-200k-c4", 204_800, 4, 800, 50),
    Case("streams-paced", 2_000, 32, 160, 32, deltas=200, interval_us=5000),
    Case("streams-flat-out", 2_000, 32, 160, 32, deltas=1000, batch=10),
)


@dataclass(frozen=True)
class Sample:
    """One run of one case: what the load client saw, and the processor seconds that the daemon used."""

    seen: dict[str, Any]
    cpu: float | None

    @property
    def bad(self) -> int:
        return int(self.seen["bad"])

    def figures(self, case: Case) -> dict[str, float]:
        """Return the figures of the table; times in milliseconds."""
        seen = self.seen
        found = {"p50": seen["total_us"]["p50"] / 1000, "p99": seen["total_us"]["p99"] / 1000}
        if case.deltas:
            found |= {
                "first": seen["ttfe_us"]["p50"] / 1000,
                "rate": seen["events_s"],
                "lag p50": seen["lag_us"]["p50"] / 1000,
                "lag p99": seen["lag_us"]["p99"] / 1000,
            }
        else:
            found["rate"] = seen["rps"]
        if self.cpu is not None:
            # Warm-up requests were served, too.
            served = (case.total + case.warm) * (case.deltas / 1000 if case.deltas else 1)
            found["cpu"] = self.cpu * 1000 / served
        return found


def main() -> int:
    """Measure what the arguments ask for; print a table. Returns the exit code: 1 when an answer was bad."""
    options = _options()
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or sys.platform != "linux":
        print("skipped: the load tools need Linux and a C compiler (cc)")
        return 0
    cores = sorted(os.sched_getaffinity(0))
    split = len(cores) > 1 and shutil.which("taskset") is not None
    if not split:
        print("note: one core or no taskset: daemon, upstream and load share what there is")
    describe(options.rounds)
    chosen = [case for case in CASES if not options.only or case.name in options.only]
    with tempfile.TemporaryDirectory(prefix="ccflared-speed-") as directory, ExitStack() as stack:
        place = Path(directory)
        tools = build(compiler, place)
        port = stack.enter_context(upstream(tools / "fakeup", cores[1] if split else None))
        daemons: dict[str, Daemon | None] = {"direct": None}
        for name, source in options.version or [("proxied", None)]:
            (place / name).mkdir()
            core = cores[0] if split else None
            daemons[name] = stack.enter_context(
                daemon(place / name, port, ["first", "second"], core=core, source=source)
            )
        if options.payloads:
            (place / "payloads").mkdir()
            daemons["payloads"] = stack.enter_context(
                daemon(
                    place / "payloads",
                    port,
                    ["first", "second"],
                    storage='keep_payloads = "1d"',
                    core=cores[0] if split else None,
                    source=options.version[-1][1] if options.version else None,
                )
            )
        core = cores[1] if split else None
        samples = _measure(chosen, daemons, tools, port, rounds=options.rounds, core=core)
        for name, running in daemons.items():
            if running is not None:
                size = f"{running.rss() / 2**20:.1f} MiB after all this"
                print(f"{name}: port open {running.start_seconds:.2f} s after its start; {size}")
    _print_table(chosen, list(daemons), samples)
    return 1 if any(sample.bad for runs in samples.values() for sample in runs) else 0


Samples = dict[tuple[str, str], list[Sample]]


def _measure(
    cases: list[Case],
    daemons: dict[str, Daemon | None],
    tools: Path,
    upstream: int,
    *,
    rounds: int,
    core: int | None,
) -> Samples:
    samples: Samples = {}
    for number in range(rounds):
        for case in cases:
            names = list(daemons) if number % 2 == 0 else list(reversed(daemons))
            for name in names:
                sample = run(case, daemons[name], tools, upstream, core)
                samples.setdefault((case.name, name), []).append(sample)
                found = " ".join(f"{key} {value:.3g}" for key, value in sample.figures(case).items())
                bad = f"  {sample.bad} BAD ANSWERS" if sample.bad else ""
                print(f"round {number + 1} {case.name:17} {name:10} {found}{bad}", flush=True)
    return samples


class Through(Protocol):
    """A proxy that runs: its port, and the processor seconds that it has used so far."""

    @property
    def port(self) -> int: ...

    def cpu_seconds(self) -> float: ...


def run(case: Case, through: Through | None, tools: Path, upstream: int, core: int | None) -> Sample:
    """Put one case to a proxy, or to the upstream itself, and return what was seen. ``tools``: see ``build``."""
    request = tools / f"{case.size}-{case.deltas > 0}.json"
    if not request.exists():
        request.write_bytes(body(case.size, stream=case.deltas > 0))
    tell(upstream, f"/__set?n={case.deltas}&i={case.interval_us}&b={case.batch}&p=24&d=0")
    port = upstream if through is None else through.port
    command = [*pinned(core), str(tools / "llmload"), "-p", str(port), "-f", str(request)]
    command += [
        "-c",
        str(case.connections),
        "-n",
        str(case.total),
        "-w",
        str(case.warm),
        "-e",
        str(case.deltas),
    ]
    before = through.cpu_seconds() if through else 0.0
    done = subprocess.run([*command, "-t", "120", "-v"], capture_output=True, text=True, check=False)
    if not done.stdout:
        raise SystemExit(f"the load client failed: {done.stderr}")
    if done.stderr:
        print(done.stderr.rstrip(), file=sys.stderr)
    if through is None:
        return Sample(json.loads(done.stdout), None)
    time.sleep(1.5)  # the rows and payloads that are written a moment later belong to the cost
    return Sample(json.loads(done.stdout), through.cpu_seconds() - before)


def _print_table(cases: list[Case], names: list[str], samples: Samples) -> None:
    print(
        f"\n{'':17} {'':10} {'rate/s':>15} {'p50 ms':>15} {'added':>7} {'p99 ms':>15} {'cpu ms':>15}  lag p50 / p99 ms"
    )
    for case in cases:
        direct = statistics.median(sample.figures(case)["p50"] for sample in samples[case.name, "direct"])
        for name in names:
            runs = [sample.figures(case) for sample in samples[case.name, name]]
            added = (
                "" if name == "direct" else f"{statistics.median(run['p50'] for run in runs) - direct:.2f}"
            )
            row = [f"{case.name if name == 'direct' else '':17} {name:10}", f"{_span(runs, 'rate'):>15}"]
            row += [f"{_span(runs, 'p50'):>15}", f"{added:>7}", f"{_span(runs, 'p99'):>15}"]
            row.append(f"{_span(runs, 'cpu') if name != 'direct' else '':>15}")
            if case.deltas:
                row.append(f" {_span(runs, 'lag p50')} / {_span(runs, 'lag p99')}")
            print(" ".join(row))
    print(
        "\nrate: requests, of streams events, a second. cpu: of the daemon, all threads, a request; of streams 1000"
        "\nevents. Each: median (least-greatest) of the rounds."
    )


def _span(runs: list[dict[str, float]], key: str) -> str:
    values = sorted(run[key] for run in runs)
    middle, least, greatest = (_short(value) for value in (statistics.median(values), values[0], values[-1]))
    return middle if len(values) == 1 else f"{middle} ({least}-{greatest})"


def _short(value: float) -> str:
    if value >= 10_000:
        return f"{value / 1000:.0f}k"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


@contextmanager
def upstream(program: Path, core: int | None) -> Iterator[int]:
    """Run the fake upstream until the context ends; yields its port."""
    port = free_port()
    process = subprocess.Popen([*pinned(core), str(program), "-p", str(port)])
    try:
        until_open(process, port)
        if b"bytes_in" not in tell(port, "/__stats"):
            raise SystemExit("somebody else answers on the upstream's port")
        yield port
    finally:
        process.kill()
        process.wait()


def tell(port: int, path: str) -> bytes:
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        told: bytes = answer.read()
    return told


def build(compiler: str, place: Path) -> Path:
    """Compile the fake upstream and the load client; returns the directory they are in."""
    tools = place / "tools"
    tools.mkdir()
    for name in ("fakeup", "llmload"):
        subprocess.run([compiler, "-O2", "-o", str(tools / name), str(LOAD / f"{name}.c")], check=True)
    return tools


def describe(rounds: int) -> None:
    """Print the machine, the libraries and how busy it is."""
    model = next(
        (line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ""
    )
    libraries = ", ".join(f"{name} {version(name)}" for name in ("trio", "hypercorn", "h11", "httpx"))
    print(f"{model.partition(':')[2].strip()}, {os.cpu_count()} cores, Linux {platform.release()}")
    print(f"Python {platform.python_version()}, {libraries}; {rounds} rounds; load {os.getloadavg()[0]:.1f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Direct against proxied, alternately, in one run.")
    parser.add_argument("--rounds", type=int, default=3, help="how often each case is run (default 3)")
    names = [case.name for case in CASES]
    parser.add_argument(
        "--only", action="append", choices=names, help="a case; may be repeated (default: all)"
    )
    parser.add_argument(
        "--version",
        action="append",
        type=_version,
        metavar="NAME=DIRECTORY",
        help="a version to measure: a directory that holds the package ccflared; may be repeated",
    )
    parser.add_argument(
        "--payloads", action="store_true", help="measure a daemon that keeps payloads, too, as 'payloads'"
    )
    return parser.parse_args()


def _version(text: str) -> tuple[str, Path]:
    name, _, directory = text.partition("=")
    if not name.isidentifier() or not (Path(directory) / "ccflared").is_dir():
        raise argparse.ArgumentTypeError("NAME=DIRECTORY, the directory holding the package ccflared")
    return name, Path(directory)


if __name__ == "__main__":
    sys.exit(main())
