"""Teach a network kinds of pose that it does not know: `python -m mocap.lift.training.widen`.

It learns the truth of procedural pieces of those kinds (`poses.RARER`), and on everything else what
it says already, or half of that and half of the truth: so real people and captured motion stay as
they are. The result is a mean of the weights before and after (`distill.mixed`).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mocap.lift import network
from mocap.lift.training import pairs, poses, spoil
from mocap.lift.training.batches import Mix, Sources, batch
from mocap.lift.training.data import captured
from mocap.lift.training.distill import mixed
from mocap.lift.training.net import Network, placed
from mocap.lift.training.noise import Shown
from mocap.lift.training.stage import Library
from mocap.lift.training.train import (
    LEARNT,
    PROCEDURAL,
    PROCEDURAL_SHARE,
    Lesson,
    Stage,
    calibrate,
    learn,
    shown,
    write,
)

KNOWN = Mix(real=6, spoilt=6, sketched=4, exact=6, guessed=0.5, bare=0.4)
NEW = Mix(spoilt=3, sketched=4, exact=3, guessed=0.5, bare=0.3)
RECOMBINED = 0.15
"""Share of the new pieces with another new piece's arms."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What differs between trials.

    Attributes:
        steps: Number of steps.
        rate: Largest learning rate.
        truth: Share of the truth in what is learnt of known pieces.
        known: Numbers of known pieces in a batch.
        new: Numbers of new pieces in a batch.
    """

    steps: int = 2_000
    rate: float = 5e-4
    truth: float = 0.0
    known: Mix = KNOWN
    new: Mix = NEW


RECIPE = Recipe()
SHARE = 1.0
"""Share of the trained weights in the result; the rest are the first ones."""


def widen(
    data: Path, state: Path, seed: int, first: Path, recipe: Recipe = RECIPE
) -> tuple[Network, Shown]:
    """Train a network on new kinds of pose.

    Args:
        data: The MOCAP_DATA folder.
        state: The folder in which progress is saved.
        seed: Seed of the random numbers.
        first: The file of the weights with which it begins.
        recipe: Numbers of steps and pieces.

    Returns:
        The network, and the held-out pairs.
    """
    torch.set_num_threads(1)
    state.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rendered = pairs.load(LEARNT)
    spoiler = spoil.learn([p for p in rendered if not p.held_out], seed)
    pieces, held = shown(rng, rendered)
    takes = Library.of(captured(data))
    made = Library.of(poses.takes(seed + 5, PROCEDURAL))
    rarer = Library.of(poses.takes(seed + 6, PROCEDURAL, poses.RARER))
    share = PROCEDURAL_SHARE
    known = Sources(((takes, 1.0 - share), (made, share)), spoiler, pieces)
    new = Sources(((rarer, 1.0),), spoiler, pieces, RECOMBINED)
    arrays = dict(np.load(first))
    teacher, student = Network.of(arrays).eval(), Network.of(arrays)
    student.drop.p = 0.0

    def lesson(rng: np.random.Generator) -> Lesson:
        inputs, true = (torch.from_numpy(a) for a in batch(rng, known, recipe.known))
        with torch.no_grad():
            answer = placed(inputs, teacher(inputs))[0]
        taught = torch.lerp(answer, true, recipe.truth)
        new_inputs, new_true = (torch.from_numpy(a) for a in batch(rng, new, recipe.new))
        return (
            torch.cat([inputs, new_inputs]),
            torch.cat([true, new_true]),
            torch.cat([taught, new_true]),
        )

    stage = Stage("widened", recipe.steps, recipe.rate, recipe.known, share)
    learn(student, stage, lesson, held, state / f"{stage.name}.pt", seed)
    return mixed(arrays, student.arrays(), SHARE), held


def main() -> None:
    """Train, calibrate and write the network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=Path, help="the file of weights with which it begins")
    parser.add_argument("--data", type=Path, required=True, help="the MOCAP_DATA folder")
    parser.add_argument("--state", type=Path, default=Path("build/lift"))
    parser.add_argument("--out", type=Path, help="the weights' file; by default the package's own")
    parser.add_argument("--golden", type=Path, help="tests/data/lift_weights_golden.npz")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model, held = widen(args.data, args.state, args.seed, args.first)
    calibrate(model, held)
    write(args.out or Path(network.__file__).with_name("weights.npz"), args.golden, model, held)


if __name__ == "__main__":
    main()
