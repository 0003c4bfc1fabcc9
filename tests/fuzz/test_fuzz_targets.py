"""The targets of fuzzing hold for their seeds, and for some inputs that are nearly right; fuzz.py goes on from there."""

import sys
from pathlib import Path
from random import Random

import pytest

sys.path.append(str(Path(__file__).parent))

from fuzz_mutation import mutated
from fuzz_seeds import SEEDS
from fuzz_targets import Named, targets


@pytest.mark.parametrize("target", targets(), ids=lambda target: target.name)
def test_every_target_holds_for_its_seeds(target: Named) -> None:
    for seed in SEEDS[target.kind, target.dialect]:
        target.run(seed)


@pytest.mark.parametrize("target", targets(), ids=lambda target: target.name)
def test_every_target_holds_for_what_is_nearly_right(target: Named) -> None:
    dice = Random(5)
    for seed in SEEDS[target.kind, target.dialect]:
        data = seed
        for _ in range(60):
            data = mutated(data if dice.random() < 0.8 else seed, dice) or seed
            target.run(data)


@pytest.mark.parametrize("target", targets(), ids=lambda target: target.name)
def test_every_target_holds_for_a_seed_that_is_cut_anywhere(target: Named) -> None:
    for seed in SEEDS[target.kind, target.dialect]:
        for end in range(0, len(seed), max(1, len(seed) // 60)):
            target.run(seed[:end])
