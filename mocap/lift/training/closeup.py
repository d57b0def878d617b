"""Close-ups: people before a webcam, whose legs and often elbows lie outside the picture.

The detector guesses what it does not see: legs are drawn short and wander, with a confidence near
0. Neither captured nor rendered pieces show it.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.lift.network import HIP_JOINTS, features
from mocap.lift.training.noise import Shown, sketched
from mocap.lift.training.stage import wandering

_ELBOWS, _WRISTS, _LEGS = [3, 4], [5, 6], list(range(9, 15))
_DISTANCE, _BELOW = (0.7, 1.5), (0.4, 1.1)  # metres to the hips; slope of the ray to them, downward
_NEAREST = 0.6  # metres
_SHORT, _STRAYS = (0.2, 1.0), 0.08  # factor of the legs in the picture; their strays, metres
_GUESSED, _DOUBTED = (0.0, 0.08), (0.0, 0.9)  # confidences of legs and hips, and of arms


def close_up(
    rng: np.random.Generator, bodies: ndarray, hips: Float[ndarray, "batch frames 3"]
) -> Shown:
    """Return pieces before a near camera, with errors of a made-up detector.

    Args:
        rng: Random numbers.
        bodies: (B, F, 15, 3) joints from the hips' middle, camera axes, metres.
        hips: The hips' middle, camera axes, metres; only its motion is used.
    """
    batch, frames = bodies.shape[:2]
    far = rng.uniform(*_DISTANCE, batch)
    start = np.stack([rng.uniform(-0.2, 0.2, batch), -rng.uniform(*_BELOW, batch), -np.ones(batch)])
    near = hips - hips[:, :1] + (far * start).T[:, None]
    near[..., 2] = np.minimum(near[..., 2], -_NEAREST)
    shown = sketched(rng, bodies, near)
    across = shown.inputs[..., :30].reshape(batch, frames, 15, 2).copy()
    confidence = shown.inputs[..., 45:60].copy()
    middle = across[:, :, HIP_JOINTS].mean(axis=2, keepdims=True)
    short = rng.uniform(*_SHORT, (batch, 1, 1, 1))
    across[:, :, _LEGS] = middle + short * (across[:, :, _LEGS] - middle)
    across[:, :, _LEGS] += _STRAYS * wandering(rng, (batch, frames, len(_LEGS), 2), 0.5)
    guessed = rng.uniform(*_GUESSED, (batch, 1, 8))
    confidence[..., HIP_JOINTS + _LEGS] = guessed
    for joints in (_ELBOWS, _WRISTS):
        doubted = rng.uniform(size=(batch, 1, 2)) < 0.6
        doubt = rng.uniform(*_DOUBTED, (batch, 1, 2))
        confidence[..., joints] = np.where(doubted, doubt, confidence[..., joints])
        across[:, :, joints] += (
            0.1 * doubted[..., None] * wandering(rng, (batch, frames, 2, 2), 0.4)
        )
    given = features(across, shown.inputs[..., 30:45], confidence, shown.inputs[..., 60:63])
    return Shown(given, shown.true)
