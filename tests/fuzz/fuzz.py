"""Fuzzes the dialects with atheris. See README.md beside this file.

Each target runs in a process of its own, as libFuzzer ends the one that it runs in. It goes on after a failure: the
input is kept, once for each place where something fails.
"""

import argparse
import importlib
import subprocess
import sys
import traceback
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path
from random import Random
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(ROOT)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "targets", nargs="*", help="names of targets, or beginnings of them; all if none is given"
    )
    parser.add_argument("--seconds", type=int, default=60, help="how long each target runs (%(default)s)")
    parser.add_argument("--runs", type=int, default=-1, help="how many inputs each target gets at most")
    parser.add_argument("--memory", type=int, default=1024, help="MiB that a target may take (%(default)s)")
    parser.add_argument(
        "--folder", type=Path, default=Path("fuzzing"), help="corpora and failing inputs (%(default)s)"
    )
    parser.add_argument("--list", action="store_true", help="name the targets, and do nothing")
    parser.add_argument("--again", type=Path, help="run the targets on this one input instead")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        return _fuzz(given)
    from fuzz_targets import targets  # noqa: PLC0415 - the process that fuzzes must instrument it first

    names = [t.name for t in targets() if not given.targets or t.name.startswith(tuple(given.targets))]
    if given.list:
        print("\n".join(names))
        return 0
    if given.again:
        for target in targets():
            if target.name in names:
                target.run(given.again.read_bytes())
        return 0
    failed = []
    for name in names:
        print(f"== {name}", flush=True)
        ended = subprocess.run([sys.executable, __file__, "--here", *_same(given), name], check=False)
        if ended.returncode or any((given.folder / "failing" / name).iterdir()):
            failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else f"{len(names)} targets, none failed")
    return bool(failed)


def _same(given: argparse.Namespace) -> list[str]:
    return [f"--{name}={getattr(given, name)}" for name in ("seconds", "runs", "memory", "folder")]


def _fuzz(given: argparse.Namespace) -> int:
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["ccflared.formats"]):
        from fuzz_mutation import mutated  # noqa: PLC0415 - under instrumentation
        from fuzz_seeds import SEEDS  # noqa: PLC0415
        from fuzz_targets import targets  # noqa: PLC0415

        target = next(target for target in targets() if target.name == given.targets[0])
    corpus, failing = given.folder / target.name, given.folder / "failing" / target.name
    for folder in (corpus, failing):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in SEEDS[target.kind, target.dialect]:
        (corpus / sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)

    def mutator(data: bytes, most: int, seed: int) -> bytes:
        dice = Random(seed)
        other = mutated(data, dice) if dice.random() < 0.7 else None
        return bytes(atheris.Mutate(data, most)) if other is None else other[:most]

    limits = [f"-max_total_time={given.seconds}", f"-runs={given.runs}", f"-rss_limit_mb={given.memory}"]
    options = [
        *limits,
        "-max_len=16384",
        "-timeout=10",
        "-print_final_stats=1",
        f"-artifact_prefix={failing}/",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], _noting(target.run, failing), custom_mutator=mutator)
    atheris.Fuzz()
    return 0


def _noting(run: Callable[[bytes], None], folder: Path) -> Callable[[bytes], None]:
    """Return the target as one that does not fail, but keeps the first input of each place that does."""
    known = {path.name for path in folder.iterdir()}

    def noted(data: bytes) -> None:
        try:
            run(data)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            frames = traceback.extract_tb(error.__traceback__)
            frame = [frame for frame in frames if str(ROOT) in frame.filename][-1]
            name = f"{type(error).__name__}-{Path(frame.filename).stem}-{frame.lineno}"
            if name in known:
                return
            known.add(name)
            (folder / name).write_bytes(data)
            print(f"FAILED {folder / name}\n{''.join(traceback.format_exception(error)[-6:])}", flush=True)

    return noted


if __name__ == "__main__":
    sys.exit(main())
