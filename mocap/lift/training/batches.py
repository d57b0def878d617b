"""Batches for training: mixtures of real pairs, and of spoilt, sketched and exact pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.lift.network import features
from mocap.lift.training import pairs
from mocap.lift.training.noise import GUESS, Shown, exact, sketched, spoilt, without_depth
from mocap.lift.training.spoil import Spoiler
from mocap.lift.training.stage import Library, staged

FRAMES = 48
"""Frames of a piece."""


@dataclass(frozen=True, slots=True)
class Mix:
    """The numbers of pieces of each kind in a batch.

    Attributes:
        real: Pieces of real pairs.
        spoilt: Pieces with learnt errors (`noise.spoilt`).
        sketched: Pieces with errors of a made-up detector (`noise.sketched`).
        exact: Pieces that are nearly exact (`noise.exact`).
        guessed: Share of exact pieces whose field of view is guessed.
        raised: The made-up detector's error of raised arms (`noise.sketched`).
        bare: Share of the others without the detector's depth; a quarter of those also has no
            confidences.
    """

    real: int = 0
    spoilt: int = 0
    sketched: int = 0
    exact: int = 0
    guessed: float = 0.0
    bare: float = 0.35
    raised: float = 0.0


@dataclass(frozen=True, eq=False, slots=True)
class Sources:
    """The sources of batches.

    Attributes:
        libraries: Motion, with the share of each.
        spoiler: The detector's errors; None if no piece is spoilt.
        pieces: Real pairs, (N, 60, …).
        recombine: Share of the motion with another piece's arms.
    """

    libraries: Sequence[tuple[Library, float]]
    spoiler: Spoiler | None
    pieces: Shown
    recombine: float = 0.5


def real(
    rng: np.random.Generator, some: Sequence[pairs.Pair], guesses: int, mirrored: bool
) -> Shown:
    """Return real pairs as inputs of the network, without pairs in which the person is lost.

    Args:
        rng: Random numbers.
        some: The pairs.
        guesses: Number of guessed fields of view for each pair.
        mirrored: Add the mirror image of each pair.
    """
    inputs, truths = [], []
    for pair in some:
        for version in (pair, pair.mirror()) if mirrored else (pair,):
            for _ in range(guesses):
                guess = float(np.exp(rng.uniform(-GUESS, GUESS)))
                seen, true, _scale = pairs.as_seen(version, guess)
                given = features(seen.across, seen.along, seen.confidence, seen.hips)
                if np.isfinite(given).all() and np.isfinite(true).all():
                    inputs.append(given.astype(np.float32))
                    truths.append(true.astype(np.float32))
    return Shown(np.stack(inputs), np.stack(truths))


def batch(
    rng: np.random.Generator, sources: Sources, mix: Mix
) -> tuple[Float[ndarray, "batch frames 64"], Float[ndarray, "batch frames 15 3"]]:
    """Return a batch of training examples.

    Args:
        rng: Random numbers.
        sources: Motion, real pairs and the spoiler.
        mix: The numbers of pieces from each source.

    Returns:
        Inputs, and the true joints in metres, float32.
    """
    shown = []

    def scene(count: int) -> tuple[ndarray, ndarray]:
        return staged(rng, sources.libraries, count, FRAMES, sources.recombine)

    if mix.real:
        shown.append(_rolled(rng, _cut(rng, sources.pieces, mix.real)))
    if mix.spoilt and sources.spoiler is not None:
        shown.append(spoilt(rng, *scene(mix.spoilt), sources.spoiler))
    if mix.sketched:
        shown.append(sketched(rng, *scene(mix.sketched), mix.raised))
    shown = [without_depth(rng, s, mix.bare, 0.25) for s in shown]
    if mix.exact:
        shown.append(exact(rng, *scene(mix.exact), mix.guessed))
    return (
        np.concatenate([s.inputs for s in shown]).astype(np.float32),
        np.concatenate([s.true for s in shown]).astype(np.float32),
    )


def _cut(rng: np.random.Generator, pieces: Shown, count: int) -> Shown:
    """Return random pieces of FRAMES frames."""
    which = rng.integers(len(pieces.inputs), size=(count, 1))
    starts = rng.integers(0, pieces.inputs.shape[1] - FRAMES + 1, size=(count, 1))
    at = starts + np.arange(FRAMES)
    return Shown(pieces.inputs[which, at], pieces.true[which, at])


def _rolled(rng: np.random.Generator, shown: Shown) -> Shown:
    """Return pieces with a small random roll and size, since there are few real pieces."""
    count = len(shown.inputs)
    angle = np.radians(6.0) * rng.standard_normal(count)
    size = np.exp(0.05 * rng.standard_normal((count, 1, 1, 1)))
    roll = np.zeros((count, 1, 2, 2))
    roll[:, 0, 0, 0] = roll[:, 0, 1, 1] = np.cos(angle)
    roll[:, 0, 0, 1], roll[:, 0, 1, 0] = np.sin(angle), -np.sin(angle)
    across = shown.inputs[..., :30].reshape(*shown.inputs.shape[:2], 15, 2) @ roll * size
    true = np.concatenate([shown.true[..., :2] @ roll, shown.true[..., 2:]], axis=-1) * size
    along, confidence = shown.inputs[..., 30:45] * size[..., 0], shown.inputs[..., 45:60]
    slopes = shown.inputs[..., None, 60:62] @ roll
    hips = np.concatenate([slopes[..., 0, :], shown.inputs[..., 62:63] / size[..., 0]], axis=-1)
    return Shown(features(across, along, confidence, hips), true)
