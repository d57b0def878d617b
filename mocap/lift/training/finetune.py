"""Fine-tune all layers on poses a network lacks: `python -m mocap.lift.training.finetune`.

It learns the truth of procedural pieces of the new kinds (`poses.RARER`), and on everything else a
mean of what it says already and of the truth: the truth where image points are nearly exact, its
own answers where only rendered people or a made-up detector tell. On close-ups, of which no
truth is known well, its answers stay. The result is a mean of the weights before and after
(Wortsman et al., Robust fine-tuning of zero-shot models, 2022).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from mocap.lift import network
from mocap.lift.training import pairs, poses, spoil
from mocap.lift.training.batches import FRAMES, Mix, Sources, batch
from mocap.lift.training.closeup import before_webcam, close_up
from mocap.lift.training.data import captured
from mocap.lift.training.distill import mixed
from mocap.lift.training.net import Network, placed
from mocap.lift.training.noise import Shown, without_depth
from mocap.lift.training.refit import REFITTED
from mocap.lift.training.stage import Library, staged
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

KNOWN = (
    (Mix(real=5, bare=0.4), 0.15),
    (Mix(spoilt=4, bare=0.4), 0.6),
    (Mix(sketched=3, bare=0.4), 0.4),
    (Mix(exact=4, guessed=0.5), 0.9),
)
"""Pieces of known kinds in a batch, and the share of the truth in what is learnt of them."""
NEW = Mix(spoilt=1, sketched=3, exact=2, guessed=0.5, bare=0.4, raised=0.08)
"""Pieces of new kinds. Of them only the limbs' truth is learnt, as in refit.py."""
CLOSE_UPS, WEBCAM = 3, 9
"""Close-ups, and those of people who face the camera, in a batch."""
STAGE = Stage("finetuned", 3_400, 5e-4, NEW, PROCEDURAL_SHARE)
SHARE = 0.3
"""Share of the trained weights in the result; the rest are the first ones."""
_RECOMBINED, _FEW = 0.15, 60  # new pieces with another's arms; procedural takes at desks


def finetune(data: Path, state: Path, seed: int, first: Path) -> tuple[Network, Shown]:
    """Train a network on new kinds of pose, and return it with the held-out pairs.

    Args:
        data: The MOCAP_DATA folder.
        state: The folder in which progress is saved.
        seed: Seed of the random numbers.
        first: The file of the weights with which it begins.
    """
    torch.set_num_threads(1)
    state.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rendered = pairs.load(LEARNT)
    pieces, held = shown(rng, rendered)
    spoiler = spoil.learn([p for p in rendered if not p.held_out], seed)
    takes = Library.of(captured(data))
    made = Library.of(poses.takes(seed + 5, PROCEDURAL))
    rarer = Library.of(poses.takes(seed + 6, PROCEDURAL, poses.RARER))
    near = [scene for scene in poses.RARER if {"desk", "carry"} & set(scene[1])]
    desk = Library.of(poses.takes(seed + 8, _FEW, near))
    known = Sources(((takes, 0.85), (made, 0.15)), spoiler, pieces)
    new = Sources(((rarer, 1.0),), spoiler, pieces, _RECOMBINED)
    webcam = ((desk, 0.5), (made, 0.2), (takes, 0.3))
    arrays = {key: value.astype(np.float32) for key, value in np.load(first).items()}
    before, student = Network.of(arrays).eval(), Network.of(arrays)
    student.drop.p = 0.0
    limbs = np.zeros(15)
    limbs[REFITTED] = 1.0

    def lesson(rng: np.random.Generator) -> Lesson:
        parts = [(*batch(rng, known, mix), np.full(15, share)) for mix, share in KNOWN]
        parts.append((*batch(rng, new, NEW), limbs))
        many = staged(rng, webcam, CLOSE_UPS, FRAMES, 0.3)
        for close in (close_up(rng, *many), before_webcam(rng, webcam, WEBCAM, FRAMES)):
            close = without_depth(rng, close, 0.4, 0.25)
            parts.append(
                (close.inputs.astype(np.float32), close.true.astype(np.float32), np.zeros(15))
            )
        inputs, true = (torch.from_numpy(np.concatenate([p[n] for p in parts])) for n in (0, 1))
        share = np.concatenate([np.tile(p[2], (len(p[0]), 1)) for p in parts])
        with torch.no_grad():
            answers = placed(inputs, before(inputs))[0]
        return (
            inputs,
            true,
            torch.lerp(answers, true, torch.from_numpy(share).float()[:, None, :, None]),
        )

    learn(student, STAGE, lesson, held, state / f"{STAGE.name}.pt", seed)
    return mixed(arrays, student.arrays(), SHARE), held


def main() -> None:
    """Fine-tune, calibrate and write the network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=Path, help="the file of weights")
    parser.add_argument("--data", type=Path, required=True, help="the MOCAP_DATA folder")
    parser.add_argument("--state", type=Path, default=Path("build/lift"))
    parser.add_argument("--out", type=Path, help="the weights' file; by default the package's own")
    parser.add_argument("--golden", type=Path, help="tests/data/lift_weights_golden.npz")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model, held = finetune(args.data, args.state, args.seed, args.first)
    calibrate(model, held)
    write(args.out or Path(network.__file__).with_name("weights.npz"), args.golden, model, held)


if __name__ == "__main__":
    main()
