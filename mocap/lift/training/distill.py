"""Teach one network what several agree on: `python -m mocap.lift.training.distill`.

Networks of other seeds or data err in other ways, and the mean of what they return is better than
each. One network learns that mean, at the cost of one (Hinton et al., Distilling the Knowledge in a
Neural Network, 2015). It begins as the first teacher, and the result is a mean of the weights of
both, which is possible because the student stays near where it began (Wortsman et al., Robust
fine-tuning of zero-shot models, 2022).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from mocap.lift import network
from mocap.lift.training import pairs, poses, spoil
from mocap.lift.training.batches import Mix, Sources, batch, real
from mocap.lift.training.data import captured
from mocap.lift.training.net import Network, placed
from mocap.lift.training.noise import Shown
from mocap.lift.training.stage import Library
from mocap.lift.training.train import (
    CHECKED,
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

MIX = Mix(real=9, spoilt=8, sketched=6, exact=9, guessed=0.5, bare=0.4)
STAGE = Stage("distilled", 2_500, 7e-4, MIX, PROCEDURAL_SHARE)
SHARE = 0.7
"""Share of the student in the result; the rest is the first teacher."""


def distill(data: Path, state: Path, seed: int, teachers: Sequence[Path]) -> tuple[Network, Shown]:
    """Train a network on what teachers return on average.

    Rendered dressed people, of which the teachers learnt nothing, are among the inputs: what is
    learnt of them is the teachers' answer, not the truth.

    Args:
        data: The MOCAP_DATA folder.
        state: The folder in which progress is saved.
        seed: Seed of the random numbers.
        teachers: Files of weights; the student begins as the first.

    Returns:
        The network, and the held-out pairs.
    """
    torch.set_num_threads(1)
    state.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rendered, people = pairs.load(LEARNT), pairs.load(CHECKED)
    takes = Library.of(captured(data))
    made = Library.of(poses.takes(seed + 5, PROCEDURAL))
    spoiler = spoil.learn([p for p in rendered if not p.held_out], seed)
    pieces, held = shown(rng, rendered)
    dressed = real(rng, [p for p in people if not p.held_out], 4, mirrored=True)
    pieces = Shown(
        np.concatenate([pieces.inputs, dressed.inputs]),
        np.concatenate([pieces.true, dressed.true]),
    )
    share = STAGE.procedural
    sources = Sources(((takes, 1.0 - share), (made, share)), spoiler, pieces)
    arrays = [dict(np.load(path)) for path in teachers]
    agreeing = [Network.of(a).eval() for a in arrays]
    student = Network.of(arrays[0])
    student.drop.p = 0.0

    def lesson(rng: np.random.Generator) -> Lesson:
        inputs, true = (torch.from_numpy(a) for a in batch(rng, sources, STAGE.mix))
        with torch.no_grad():
            answers = [placed(inputs, teacher(inputs))[0] for teacher in agreeing]
        return inputs, true, torch.stack(answers).mean(dim=0)

    learn(student, STAGE, lesson, held, state / f"{STAGE.name}.pt", seed)
    return mixed(arrays[0], student.arrays(), SHARE), held


def mixed(first: dict[str, np.ndarray], second: dict[str, np.ndarray], share: float) -> Network:
    """Return the network whose weights are a mean of two.

    Args:
        first: Weights, as of `Network.arrays`.
        second: Weights of a network that was trained from the first.
        share: The second's share.
    """
    return Network.of({k: (1.0 - share) * first[k] + share * second[k] for k in first})


def main() -> None:
    """Distill, calibrate and write the network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("teachers", type=Path, nargs="+", help="files of weights")
    parser.add_argument("--data", type=Path, required=True, help="the MOCAP_DATA folder")
    parser.add_argument("--state", type=Path, default=Path("build/lift"))
    parser.add_argument("--out", type=Path, help="the weights' file; by default the package's own")
    parser.add_argument("--golden", type=Path, help="tests/data/lift_weights_golden.npz")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model, held = distill(args.data, args.state, args.seed, args.teachers)
    calibrate(model, held)
    write(args.out or Path(network.__file__).with_name("weights.npz"), args.golden, model, held)


if __name__ == "__main__":
    main()
