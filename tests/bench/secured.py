"""What a request and its events cost the daemon over TLS: HTTP/1.1 against HTTP/2, alternately, in one run.

The load client is h2load of nghttp2, which speaks both; the fake upstream is that of speed.py. Over HTTP/2 the same
number of requests runs at once over one connection as over HTTP/1.1 over that many.

    python tests/bench/secured.py                 three rounds, about two minutes
    python tests/bench/secured.py --rounds 5 --only streams-paced
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import trustme
from bench_daemon import Daemon, daemon, pinned
from bodies import body
from speed import CASES, Case, build, describe, tell, upstream

WAYS: Final = {
    "h1": ("--h1", "-c{at_once}", "-m1"),
    "h2": ("-c1", "-m{at_once}"),
    "h2, one each": ("-c{at_once}", "-m1"),
}


def main() -> int:
    """Measure; returns 1 when an answer was bad."""
    parser = argparse.ArgumentParser(description="HTTP/1.1 against HTTP/2, both over TLS.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=[case.name for case in CASES])
    parser.add_argument("--source", type=Path, help="a directory that holds the package ccflared")
    options = parser.parse_args()
    compiler = shutil.which("cc")
    if compiler is None or shutil.which("h2load") is None:
        print("skipped: this needs cc and h2load (nghttp2)")
        return 0
    describe(options.rounds)
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="ccflared-secured-") as directory:
        place = Path(directory)
        tools = build(compiler, place)
        issued = trustme.CA().issue_cert("localhost", "127.0.0.1")
        issued.private_key_pem.write_to_path(str(place / "key.pem"))
        issued.cert_chain_pems[0].write_to_path(str(place / "cert.pem"))
        (place / "key.pem").chmod(0o600)
        tls = f'tls = {{ cert = "{place}/cert.pem", key = "{place}/key.pem" }}'
        with (
            upstream(tools / "fakeup", 1) as port,
            daemon(place, port, ["first", "second"], server=tls, core=0, source=options.source) as running,
        ):
            for _ in range(options.rounds):
                for case in CASES:
                    if not options.only or case.name in options.only:
                        for way in WAYS:
                            sample = measure(case, way, running, port, place)
                            found.setdefault((case.name, way), []).append(sample)
                            print(
                                f"{case.name:17} {way:13} {sample[0]:8.0f}/s {sample[1]:8.3f} ms", flush=True
                            )
    print("\nmedians: requests a second; processor time of the daemon a request, of streams 1000 events, ms")
    for (case_name, way), samples in found.items():
        rate, cpu = (statistics.median(values) for values in zip(*samples, strict=True))
        print(f"{case_name:17} {way:13} {rate:8.0f} {cpu:8.3f}")
    return 0


def measure(case: Case, way: str, running: Daemon, port: int, place: Path) -> tuple[float, float]:
    """Return requests a second, and milliseconds of the processor a request, of streams a thousand events."""
    request = place / f"{case.size}-{case.deltas}.json"
    request.write_bytes(body(case.size, stream=case.deltas > 0))
    tell(port, f"/__set?n={case.deltas}&i={case.interval_us}&b={case.batch}&p=24&d=0")
    flags = [flag.format(at_once=case.connections) for flag in WAYS[way]]
    command = [*pinned(1), "h2load", *flags, f"-n{case.total}", "-H", "content-type: application/json"]
    before = running.cpu_seconds()
    url = f"https://127.0.0.1:{running.port}/v1/messages"
    done = subprocess.run([*command, "-d", str(request), url], capture_output=True, text=True, check=True)
    time.sleep(1.5)  # the rows that are written a moment later belong to the cost
    cpu = running.cpu_seconds() - before
    rate = re.search(r"([\d.]+) req/s", done.stdout)
    # Of HTTP/1.1, h2load 1.52 does not know whether it succeeded.
    counted = f"{case.total} done" if way == "h1" else f"{case.total} succeeded"
    if rate is None or counted not in done.stdout:
        raise SystemExit(f"bad answers: {done.stdout}")
    return float(rate[1]), cpu * 1000 / (case.total * (case.deltas / 1000 if case.deltas else 1))


if __name__ == "__main__":
    sys.exit(main())
