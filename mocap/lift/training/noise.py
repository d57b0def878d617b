"""Inputs of the network from staged motion, nearly exact or with a detector's errors.

`exact` has almost no errors; `spoilt` has errors learnt from rendered pairs (spoil.py); `sketched`
has those of a made-up detector of a few random figures, which vary more than rendered people do.
Each takes bodies (B, F, 15, 3) from the hips' middle and those hips (B, F, 3), metres, in camera
axes (stage.py), and returns a `Shown`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.lift import network
from mocap.lift.model import view_along
from mocap.lift.network import HIP_JOINTS, features
from mocap.lift.training.spoil import Spoiler, perspective, told
from mocap.lift.training.stage import PARENTS, applied, onto_view, unit, wandering

GUESS = 0.45
"""Largest logarithm of the true focal length over the assumed one: × 0.64 to 1.57."""

# A detector as one would sketch it (`sketched`).
# For the bone that ends at each joint: the fraction of its true depth that is kept; its shift to
# the performer's front, metres; and the standard deviation of a slow error of depth, metres.
_KEPT = np.array(
    [0.75, 0.75, 0.75, 0.65, 0.65, 0.55, 0.55, 0.8, 0.8, 0.75, 0.75, 0.75, 0.75, 0.3, 0.3]
)
_FRONT = np.array([0.0, 0.0, 0.0, 0.02, 0.02, 0.04, 0.04, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.09, 0.09])
_STRAYS = np.array(
    [0.03, 0.03, 0.03, 0.04, 0.04, 0.045, 0.045, 0.008, 0.008, 0.03, 0.03, 0.025, 0.025, 0.02, 0.02]
)
_KEPT_SPREAD, _FRONT_SPREAD, _TRUNK_STRAYS = 0.15, 0.03, 0.05
_LEAN, _LEAN_SPREAD = 0.14, 0.07  # metres of depth a metre of height: forward by 8° ± 4°
_ARM_ENDS = (3, 4, 5, 6)  # elbows and wrists
# Errors of image points, metres at the body: constant over a take, and slowly varying.
_STAYS, _WANDERS = 0.02, 0.01
_TREMBLES = 0.008  # metres of depth, from frame to frame
# Probabilities that joints are hidden for a while: head, then shoulders, elbows and so on.
_HIDDEN = 0.06 * np.array(
    [0.2, 0.6, 0.6, 1.5, 1.5, 2.0, 2.0, 0.3, 0.3, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
)
# Factor of the learnt errors: most pictures of real people are easier than the mannequin's.
_STRENGTH = (0.4, 1.3)
_WORST = 10.0  # of what is left of an error, in mean deviations
# `exact`: metres at the body that each frame's image point is off, that it stays off, that it
# wanders; and the logarithm of the apparent size.
_TREMOR, _EXACT_STAYS, _EXACT_WANDERS, _SCALE = 0.004, 0.006, 0.003, 0.06


@dataclass(frozen=True, eq=False, slots=True)
class Shown:
    """Pieces as inputs of the network, with their truth.

    Attributes:
        inputs: (B, F, 64), `features`.
        true: (B, F, 15, 3) joints along the hips' ray, metres, from the hips' middle, of the size
            that the hips' distance in the inputs implies.
    """

    inputs: Float[ndarray, "batch frames 64"]
    true: Float[ndarray, "batch frames 15 3"]


def exact(rng: np.random.Generator, bodies: ndarray, hips: ndarray, guessed: float = 0.0) -> Shown:
    """Return pieces with nearly exact image points and no depth.

    Args:
        rng: Random numbers.
        bodies: (B, F, 15, 3) joints from the hips' middle, camera axes, metres.
        hips: (B, F, 3) the hips' middle, camera axes, metres.
        guessed: Share of pieces whose camera's field of view is only guessed.
    """
    batch, frames = bodies.shape[:2]
    guess = np.where(rng.uniform(size=(batch, 1)) < guessed, _guesses(rng, batch), 1.0)
    astray = _TREMOR * rng.standard_normal((batch, frames, 15, 2))
    astray += _EXACT_STAYS * rng.standard_normal((batch, 1, 15, 2))
    astray += _EXACT_WANDERS * wandering(rng, (batch, frames, 15, 2), 0.3)
    scale = np.exp(
        _SCALE * rng.standard_normal((batch, 1)) + 0.02 * wandering(rng, (batch, frames), 1.0)
    )
    across, of_hips = _imaged(bodies, hips, astray, guess, scale)
    shape = across.shape[:3]
    inputs = features(across, np.zeros(shape), np.ones(shape), of_hips, 0.0)
    return Shown(inputs, _along_ray(bodies, hips) * scale[..., None, None])


def spoilt(rng: np.random.Generator, bodies: ndarray, hips: ndarray, spoiler: Spoiler) -> Shown:
    """Return pieces with learnt errors, seen by a camera of guessed field of view.

    Args:
        rng: Random numbers.
        bodies: (B, F, 15, 3) joints from the hips' middle, camera axes, metres.
        hips: (B, F, 3) the hips' middle, camera axes, metres.
        spoiler: The detector's errors.
    """
    batch, frames = bodies.shape[:2]
    donor = rng.integers(len(spoiler.rests), size=(batch, 1))
    last = spoiler.rests.shape[1] - frames + 1
    at = rng.integers(0, last, size=(batch, 1)) + np.arange(frames)
    rest, size = np.clip(spoiler.rests[donor, at], -_WORST, _WORST), spoiler.sizes[donor, at]

    true = _along_ray(bodies, hips) * size[..., None, None]
    distance = np.linalg.norm(hips, axis=-1) * size
    of_hips = np.concatenate([hips[..., :2] / -hips[..., 2:], 1.0 / distance[..., None]], axis=-1)
    usual, stray = spoiler.usual(told(true, of_hips))
    error = usual + rng.uniform(*_STRENGTH, (batch, 1, 1)) * rest * stray
    across = perspective(true, distance) + error[..., :30].reshape(batch, frames, 15, 2)
    along = _from_hips(true[..., 2] + error[..., 30:45])

    # The same for a camera whose field of view is guessed.
    guess = _guesses(rng, batch)
    depth = np.broadcast_to(-distance[..., None, None], along[..., None].shape)
    seen = np.concatenate([across, depth], axis=-1)
    rays = applied(np.swapaxes(onto_view(unit(hips)), -1, -2), seen)
    rays = rays / np.maximum(-rays[..., 2:], 0.3)
    rays[..., :2] *= guess[..., None, None]
    hip_ray = rays[:, :, HIP_JOINTS].mean(axis=2)
    across, of_hips, _ = view_along(rays, hip_ray, -hips[..., 2] * size / guess)
    confidence = np.clip(error[..., 45:], 0.0, 1.0)
    return Shown(features(across, along, confidence, of_hips), true)


def sketched(
    rng: np.random.Generator, bodies: ndarray, hips: ndarray, raised: float = 0.0
) -> Shown:
    """Return pieces with errors of a made-up detector, against overfitting to rendered people.

    Args:
        rng: Random numbers.
        bodies: (B, F, 15, 3) joints from the hips' middle, camera axes, metres.
        hips: (B, F, 3) the hips' middle, camera axes, metres.
        raised: How far a bone of a raised arm is shifted to the performer's front at the most, in
            addition, metres.
    """
    batch, frames = bodies.shape[:2]
    guess = _guesses(rng, batch)
    astray = (
        _STAYS * rng.standard_normal((batch, 1, 15, 2)) * rng.uniform(0.3, 1.3, (batch, 1, 1, 1))
    )
    astray[:, :, 13:] *= 1.8
    astray = astray + _WANDERS * wandering(rng, (batch, frames, 15, 2), 0.3)
    astray += 0.002 * rng.standard_normal((batch, frames, 15, 2))
    hidden = _hidden(rng, batch, frames)
    astray += (0.07 * hidden)[..., None] * wandering(rng, (batch, frames, 15, 2), 0.4)
    scale = np.exp(
        0.07 * rng.standard_normal((batch, 1)) + 0.03 * wandering(rng, (batch, frames), 1.0)
    )
    across, of_hips = _imaged(bodies, hips, astray, guess, scale)
    true = _along_ray(bodies, hips) * scale[..., None, None]
    along = _from_hips(_sketched_depth(rng, true, hidden, raised))
    doubt = hidden * rng.uniform(0.2, 0.8, (batch, 1, 15))
    confidence = 1.0 - doubt - 0.02 * np.abs(rng.standard_normal(hidden.shape))
    return Shown(features(across, along, np.clip(confidence, 0.0, 1.0), of_hips), true)


def without_depth(rng: np.random.Generator, shown: Shown, share: float, sure: float) -> Shown:
    """Remove the detector's depths from a share of the pieces.

    Args:
        rng: Random numbers.
        shown: The pieces.
        share: The share of pieces without depths, 0 to 1.
        sure: The share of those whose confidences are removed too (set to 1).
    """
    inputs = shown.inputs.copy()
    dropped = rng.uniform(size=len(inputs)) < share
    inputs[dropped] = network.without_depth(inputs[dropped])
    bare = dropped & (rng.uniform(size=len(inputs)) < sure)
    inputs[bare, :, 45:60] = 1.0
    return Shown(inputs, shown.true)


def _guesses(rng: np.random.Generator, batch: int) -> ndarray:
    """Return random ratios (B, 1) of the true focal length to the assumed one."""
    return np.exp(rng.uniform(-GUESS, GUESS, (batch, 1)))


def _along_ray(bodies: ndarray, hips: ndarray) -> ndarray:
    return applied(onto_view(unit(hips)), bodies)


def _from_hips(along: ndarray) -> ndarray:
    return np.asarray(along - along[..., HIP_JOINTS].mean(axis=-1, keepdims=True))


def _imaged(
    bodies: ndarray, hips: ndarray, astray: ndarray, guess: ndarray, scale: ndarray
) -> tuple[ndarray, ndarray]:
    """Return image points for a guessed camera and a distance with a wrong scale.

    Returns:
        across (B, F, 15, 2) and hips (B, F, 3) as in `RayView`; the points are off by `astray`,
        metres at the body.
    """
    depth = -hips[..., 2]
    points = hips[:, :, None] + bodies
    rays = points / np.maximum(-points[..., 2:], 0.3)
    rays[..., :2] += astray / depth[..., None, None]
    rays[..., :2] *= guess[..., None, None]
    hip_ray = rays[:, :, HIP_JOINTS].mean(axis=2)
    distance = depth / guess * scale * np.linalg.norm(hip_ray, axis=-1)
    seen = applied(onto_view(unit(hip_ray)), rays)
    across = seen[..., :2] / np.maximum(-seen[..., 2:], 0.05) * distance[..., None, None]
    return across, np.concatenate([hip_ray[..., :2], 1.0 / distance[..., None]], axis=-1)


def _hidden(rng: np.random.Generator, batch: int, frames: int) -> ndarray:
    """Return (B, F, 15) 1 while a joint is hidden: ends of limbs, for a while, in some pieces."""
    present = rng.uniform(size=(batch, 1, 15)) < _HIDDEN
    start = rng.uniform(-0.3, 1.0, (batch, 1, 15)) * frames
    length = rng.uniform(0.1, 1.0, (batch, 1, 15)) * frames
    at = np.arange(frames)[:, None]
    return (present & (at >= start) & (at < start + length)).astype(float)


def _sketched_depth(
    rng: np.random.Generator, true: ndarray, hidden: ndarray, raised: float = 0.0
) -> ndarray:
    """Return the made-up detector's depths (B, F, 15): scaled, leaning, with bias and noise."""
    batch, frames = true.shape[:2]
    z = true[..., 2]
    bone = z - np.where(PARENTS >= 0, z[..., PARENTS], 0.0)
    spread = rng.standard_normal((2, batch, 1, 15)).sum(axis=0) * np.sqrt(0.5)
    kept = np.clip(_KEPT + _KEPT_SPREAD * spread, 0.0, 1.1)
    kept = kept + 0.12 * wandering(rng, (batch, frames, 15), 0.5)
    across = R.normalize(true[:, :, 7] - true[:, :, 8])
    # Cosine between the performer's front and the camera; in some pieces the camera's direction
    # counts as the front.
    facing = np.where(rng.uniform(size=(batch, 1)) < 0.2, 1.0, across[..., 0])
    front = _FRONT + (_FRONT > 0.0) * _FRONT_SPREAD * rng.standard_normal((batch, 1, 15))
    if raised:
        front = front + raised * rng.uniform(0.0, 1.0, (batch, 1, 1)) * _uprightness(true)
    strength = rng.uniform(0.5, 1.4, (batch, 1, 1))
    fast, slow = (wandering(rng, (batch, frames, 15), seconds) for seconds in (0.15, 0.6))
    stays = rng.standard_normal((batch, 1, 15))
    stray = _STRAYS * strength * (0.7 * fast + 0.5 * slow + 0.5 * stays) * (1.0 + hidden)
    bone = bone * kept + front * facing[..., None] + stray
    bone[..., :3] += _TRUNK_STRAYS * strength * wandering(rng, (batch, frames, 1), 0.3)
    # Both hips share their error with opposite signs: their middle is the origin.
    bone[..., 7] = 0.5 * (bone[..., 7] - bone[..., 8])
    bone[..., 8] = -bone[..., 7]
    out = np.empty_like(bone)
    for joint, parent in enumerate(PARENTS):
        out[..., joint] = bone[..., joint] + (out[..., parent] if parent >= 0 else 0.0)
    lean = _LEAN + _LEAN_SPREAD * rng.standard_normal((batch, 1, 1))
    lean = lean + 0.05 * wandering(rng, (batch, frames, 1), 0.5)
    aside = 0.03 * rng.standard_normal((batch, 1, 1))
    out = out + lean * true[..., 1] + aside * true[..., 0]
    return np.asarray(out + _TREMBLES * rng.standard_normal(out.shape))


def _uprightness(true: ndarray) -> ndarray:
    """Return (B, F, 15) how far the bones of the arms point along the trunk's axis, 0 to 1."""
    trunk = R.normalize(true[:, :, [1, 2]].mean(axis=2) - true[:, :, HIP_JOINTS].mean(axis=2))
    out = np.zeros(true.shape[:3])
    for joint in _ARM_ENDS:
        bone = R.normalize(true[:, :, joint] - true[:, :, PARENTS[joint]])
        out[..., joint] = np.maximum((bone * trunk).sum(axis=-1), 0.0)
    return out
