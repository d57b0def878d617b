"""Teach a network poses that it lacks: `python -m mocap.lift.training.readout`.

The output layer is refitted (refit.py) in two minutes: on procedural pieces of the new kinds
(`poses.RARER`) it learns the truth; on captured, rendered and procedural pieces as in the training,
and on close-ups, it keeps what the network says already.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy import ndarray

from mocap.lift import network
from mocap.lift.training import pairs, poses, spoil
from mocap.lift.training.batches import FRAMES, Mix, Sources, batch
from mocap.lift.training.closeup import close_up
from mocap.lift.training.data import captured
from mocap.lift.training.net import Network
from mocap.lift.training.noise import Shown, without_depth
from mocap.lift.training.refit import refitted
from mocap.lift.training.stage import Library, staged
from mocap.lift.training.train import LEARNT, shown, write

KNOWN = Mix(real=5, spoilt=6, sketched=4, exact=5, guessed=0.5, bare=0.4)
NEW = Mix(spoilt=4, sketched=6, exact=4, guessed=0.5, bare=0.3, raised=0.08)
BATCHES, CLOSE_UPS = 120, 8
"""Batches of known and of new pieces, and close-ups in each."""
RECOMBINED = 0.15
"""Share of the new pieces with another new piece's arms."""
_TAKES, _FEW = 160, 60  # procedural takes of 10 s: of the new kinds, and of others


def readout(data: Path, seed: int, first: Path) -> tuple[Network, Shown]:
    """Return the network with a refitted output layer, and the held-out pairs.

    Args:
        data: The MOCAP_DATA folder.
        seed: Seed of the random numbers.
        first: The file of the weights.
    """
    rng = np.random.default_rng(seed)
    rendered = pairs.load(LEARNT)
    pieces, held = shown(rng, rendered)
    spoiler = spoil.learn([p for p in rendered if not p.held_out], seed)
    takes = Library.of(captured(data))
    made = Library.of(poses.takes(seed + 5, _FEW))
    rarer = Library.of(poses.takes(seed + 6, _TAKES, poses.RARER))
    near = [scene for scene in poses.RARER if {"desk", "carry"} & set(scene[1])]
    desk = Library.of(poses.takes(seed + 8, _FEW, near))
    known = Sources(((takes, 0.8), (made, 0.2)), spoiler, pieces)
    new = Sources(((rarer, 1.0),), spoiler, pieces, RECOMBINED)

    def kept() -> list[ndarray]:
        inputs = batch(rng, known, KNOWN)[0]
        scene = staged(rng, ((desk, 0.5), (made, 0.2), (takes, 0.3)), CLOSE_UPS, FRAMES, 0.3)
        near = without_depth(rng, close_up(rng, *scene), KNOWN.bare, 0.25)
        return [inputs, near.inputs.astype(np.float32)]

    def learnt() -> Shown:
        return Shown(*batch(rng, new, NEW))

    with np.load(first) as file:
        arrays = {key: file[key].astype(np.float32) for key in file.files}
    return Network.of(refitted(arrays, kept, learnt, BATCHES)), held


def main() -> None:
    """Refit and write the network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=Path, help="the file of weights")
    parser.add_argument("--data", type=Path, required=True, help="the MOCAP_DATA folder")
    parser.add_argument("--out", type=Path, help="the weights' file; by default the package's own")
    parser.add_argument("--golden", type=Path, help="tests/data/lift_weights_golden.npz")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model, held = readout(args.data, args.seed, args.first)
    write(args.out or Path(network.__file__).with_name("weights.npz"), args.golden, model, held)


if __name__ == "__main__":
    main()
