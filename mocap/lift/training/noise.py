"""What the network is trained on: captured motion on random bodies before random cameras, spoilt as the detector spoils it (spoil.py)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.lift.model import MIRRORED_JOINTS, PARENTS, RATE, features, view_along
from mocap.lift.training.spoil import Spoiler, perspective, told

GUESS = 0.45
"""The logarithm of the focal length over the one that is assumed, at the most: × 0.64 to 1.57."""

# A detector as one would sketch it (`sample_sketched`).
# By joint, of the bone that ends there: how much of the bone's true depth the detector keeps, mean; metres that it is drawn to the
# performer's front instead; metres of depth that come and go, standard deviation.
_KEPT = np.array(
    [0.75, 0.75, 0.75, 0.65, 0.65, 0.55, 0.55, 0.8, 0.8, 0.75, 0.75, 0.75, 0.75, 0.3, 0.3]
)
_FRONT = np.array([0.0, 0.0, 0.0, 0.02, 0.02, 0.04, 0.04, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.09, 0.09])
_STRAYS = np.array(
    [0.03, 0.03, 0.03, 0.04, 0.04, 0.045, 0.045, 0.008, 0.008, 0.03, 0.03, 0.025, 0.025, 0.02, 0.02]
)
_KEPT_SPREAD, _FRONT_SPREAD, _TRUNK_STRAYS = 0.15, 0.03, 0.05
_LEAN, _LEAN_SPREAD = 0.14, 0.07  # metres of depth a metre of height: forward by 8° ± 4°
# Image points, metres at the body: a place that a take keeps, and what wanders.
_STAYS, _WANDERS = 0.02, 0.01
_TREMBLES = 0.008  # metres of depth, from frame to frame

# The share of pieces that borrow their arms; joint: what hangs on it and by how many degrees it is turned about it, standard deviation.
_BORROWED = 0.3
_HELD_OTHERWISE = (
    (1, [3, 5], 10.0), (2, [4, 6], 10.0), (3, [5], 10.0), (4, [6], 10.0),
    (7, [9, 11, 13], 4.0), (8, [10, 12, 14], 4.0), (9, [11, 13], 4.0), (10, [12, 14], 4.0),
)  # fmt: skip
_WAVES = 8
# The detector strays by so many times what it does on the mannequin: most pictures of real people are easier.
_STRENGTH = (0.4, 1.3)
_WORST = 10.0  # of what is left of an error, in mean deviations


def wandering(
    rng: np.random.Generator, shape: tuple[int, ...], seconds: float
) -> Float[ndarray, "..."]:
    """Unit variance along axis 1, correlated over about `seconds`: a Gaussian process made of a few smooth waves."""
    batch, frames = shape[:2]
    frequency = rng.standard_normal((_WAVES, batch, 1, *shape[2:]), np.float32) / np.float32(
        seconds
    )
    phase = np.float32(2.0 * np.pi) * rng.random(frequency.shape, np.float32)
    times = (np.arange(frames, dtype=np.float32) / np.float32(RATE)).reshape(
        1, 1, frames, *([1] * (len(shape) - 2))
    )
    return np.sqrt(2.0 / _WAVES) * np.cos(frequency * times + phase).sum(axis=0)


def sample(
    rng: np.random.Generator,
    takes: list[Float[ndarray, "_ 15 3"]],
    spoiler: Spoiler,
    batch: int,
    frames: int,
) -> tuple[
    Float[ndarray, "batch frames 63"],
    Float[ndarray, "batch frames 15 3"],
    Float[ndarray, "batch frames 15 3"],
]:
    """(what the network is given, where it starts from, where the joints are), the last two along the hips' ray, metres."""
    body, hips = _staged(rng, takes, batch, frames)
    donor = rng.integers(len(spoiler.rests), size=(batch, 1))
    at = rng.integers(0, spoiler.rests.shape[1] - frames + 1, size=(batch, 1)) + np.arange(frames)
    rest, size = np.clip(spoiler.rests[donor, at], -_WORST, _WORST), spoiler.sizes[donor, at]

    turn = R.between(R.normalize(hips), np.array([0.0, 0.0, -1.0]))
    true = R.apply(turn[:, :, None], body) * size[..., None, None]
    distance = np.linalg.norm(hips, axis=-1) * size
    of_hips = np.concatenate([hips[..., :2] / -hips[..., 2:], 1.0 / distance[..., None]], axis=-1)
    usual, stray = spoiler.usual(told(true, of_hips))
    error = usual + rng.uniform(*_STRENGTH, (batch, 1, 1)) * rest * stray
    across = perspective(true, distance) + error[..., :30].reshape(batch, frames, 15, 2)
    along = true[..., 2] + error[..., 30:45]
    along = along - along[..., [7, 8]].mean(axis=-1, keepdims=True)

    # The same through a camera whose field of view is only guessed.
    guess = np.exp(rng.uniform(-GUESS, GUESS, (batch, 1)))
    seen = np.concatenate(
        [across, np.broadcast_to(-distance[..., None, None], along[..., None].shape)], axis=-1
    )
    rays = R.apply(R.conjugate(turn)[:, :, None], seen)
    rays = rays / np.maximum(-rays[..., 2:], 0.3)
    rays[..., :2] *= guess[..., None, None]
    across, of_hips, _ = view_along(
        rays, rays[:, :, [7, 8]].mean(axis=2), -hips[..., 2] * size / guess
    )
    base = np.concatenate([across, along[..., None]], axis=-1)
    return features(across, along, np.clip(error[..., 45:], 0.0, 1.0), of_hips), base, true


def sample_sketched(
    rng: np.random.Generator, takes: list[Float[ndarray, "_ 15 3"]], batch: int, frames: int
) -> tuple[
    Float[ndarray, "batch frames 63"],
    Float[ndarray, "batch frames 15 3"],
    Float[ndarray, "batch frames 15 3"],
]:
    """As `sample`, by a detector that is sketched with a few random figures instead of learnt: more varied than rendered people are, which
    keeps the network from knowing those by heart."""
    body, hips = _staged(rng, takes, batch, frames)
    depth = -hips[..., 2]
    # The image, with its mistakes, through a camera whose field of view is only guessed.
    guess = np.exp(rng.uniform(-GUESS, GUESS, (batch, 1)))
    astray = _STAYS * rng.normal(size=(batch, 1, 15, 2)) * rng.uniform(0.3, 1.3, (batch, 1, 1, 1))
    astray[:, :, 13:] *= 1.8
    astray = (
        astray
        + _WANDERS * wandering(rng, (batch, frames, 15, 2), 0.3)
        + 0.002 * rng.normal(size=(batch, frames, 15, 2))
    )
    hidden = _hidden(rng, batch, frames)
    astray = astray + (0.07 * hidden)[..., None] * wandering(rng, (batch, frames, 15, 2), 0.4)
    placed = hips[:, :, None] + body
    rays = placed / np.maximum(-placed[..., 2:], 0.3)
    rays[..., :2] += astray / depth[..., None, None]
    rays[..., :2] *= guess[..., None, None]
    scale = np.exp(0.07 * rng.normal(size=(batch, 1)) + 0.03 * wandering(rng, (batch, frames), 1.0))
    hip_ray = rays[:, :, [7, 8]].mean(axis=2)
    across, of_hips, _ = view_along(rays, hip_ray, depth / guess * scale)

    turn = R.between(R.normalize(hips), np.array([0.0, 0.0, -1.0]))
    true = R.apply(turn[:, :, None], body) * scale[..., None, None]
    along = _sketched_depth(rng, true, hidden)
    along = along - along[..., [7, 8]].mean(axis=-1, keepdims=True)
    confidence = np.clip(
        1.0
        - hidden * rng.uniform(0.2, 0.8, (batch, 1, 15))
        - 0.02 * np.abs(rng.normal(size=hidden.shape)),
        0.0,
        1.0,
    )
    base = np.concatenate([across, along[..., None]], axis=-1)
    return features(across, along, confidence, of_hips), base, true


def _staged(
    rng: np.random.Generator, takes: list[ndarray], batch: int, frames: int
) -> tuple[ndarray, ndarray]:
    """Bodies (B, F, 15, 3) from their hips' middle, and those (B, F, 3), in the axes of cameras, metres."""
    motion = windows(rng, takes, batch, frames)
    body = _other_bodies(
        rng, other_moves(rng, motion - motion[:, :, [7, 8]].mean(axis=2, keepdims=True))
    )
    camera, hips = _cameras(rng, motion[:, :, [7, 8]].mean(axis=2))
    return R.apply(camera[:, None, None], body), hips


def windows(rng: np.random.Generator, takes: list[ndarray], batch: int, frames: int) -> ndarray:
    """Pieces of takes, faster or slower, some mirrored. Longer takes come up more often, the longest not by as much as they are longer."""
    share = np.sqrt([len(t) for t in takes])
    out = np.empty((batch, frames, 15, 3))
    for n, which in enumerate(rng.choice(len(takes), size=batch, p=share / share.sum())):
        take = takes[which]
        speed = np.exp(rng.uniform(-0.4, 0.3))
        start = rng.uniform(0.0, max(len(take) - 1 - speed * (frames - 1), 0.0))
        at = np.clip(start + speed * np.arange(frames), 0.0, len(take) - 1.000001)
        low = at.astype(int)
        part = (at - low)[:, None, None]
        piece = take[low] * (1.0 - part) + take[low + 1] * part
        out[n] = piece[:, MIRRORED_JOINTS] * [-1.0, 1.0, 1.0] if rng.uniform() < 0.5 else piece
    return out


def other_moves(rng: np.random.Generator, p: ndarray) -> ndarray:
    """Moves that nobody captured: in some pieces the arms of another, in all of them limbs that are held a little differently.

    Half an hour of motion is soon known by heart; without this the network errs by half as much again on people whom it has not seen.
    """
    out = p.copy()
    batch, frames = p.shape[:2]
    chest = p[:, :, [1, 2]].mean(axis=2)
    frame = R.from_frame(
        R.normalize(p[:, :, 1] - p[:, :, 2]), R.normalize(chest - p[:, :, [7, 8]].mean(axis=2))
    )
    other = rng.permutation(batch)
    turn = R.multiply(frame, R.conjugate(frame[other]))
    swapped = np.flatnonzero(rng.uniform(size=batch) < _BORROWED)
    for shoulder, arm in ((1, [3, 5]), (2, [4, 6])):
        borrowed = R.apply(
            turn[:, :, None], p[other][:, :, arm] - p[other][:, :, shoulder : shoulder + 1]
        )
        borrowed = p[:, :, shoulder : shoulder + 1] + borrowed
        for at, joint in enumerate(arm):
            out[swapped, :, joint] = borrowed[swapped, :, at]
    for root, moved, degrees in _HELD_OTHERWISE:
        strength = np.radians(degrees) * rng.uniform(0.0, 1.5, (batch, 1, 1))
        vector = strength * (
            rng.normal(size=(batch, 1, 3)) + 0.5 * wandering(rng, (batch, frames, 3), 0.5)
        )
        origin = out[:, :, root : root + 1]
        out[:, :, moved] = origin + R.apply(
            R.from_rotation_vector(vector)[:, :, None], out[:, :, moved] - origin
        )
    return out


def _other_bodies(rng: np.random.Generator, p: ndarray) -> ndarray:
    """Other proportions, left and right alike, and another size."""
    batch = len(p)
    factor = np.exp(0.11 * rng.normal(size=(8, batch, 1, 1)))
    chest = p[:, :, [1, 2]].mean(axis=2, keepdims=True)
    out = np.empty_like(p)
    out[:, :, [7, 8]] = p[:, :, [7, 8]] * factor[0, ..., None] * 1.05
    new_chest = chest * factor[1, ..., None]
    out[:, :, [1, 2]] = new_chest + (p[:, :, [1, 2]] - chest) * factor[2, ..., None]
    out[:, :, :1] = new_chest + (p[:, :, :1] - chest) * factor[3, ..., None]
    for child, which in ((3, 4), (5, 5), (9, 6), (11, 7), (13, 3)):
        joints, parents = [child, child + 1], PARENTS[[child, child + 1]]
        out[:, :, joints] = (
            out[:, :, parents] + (p[:, :, joints] - p[:, :, parents]) * factor[which, ..., None]
        )
    return out * np.exp(0.05 * rng.normal(size=(batch, 1, 1, 1)))


def _cameras(rng: np.random.Generator, root: ndarray) -> tuple[ndarray, ndarray]:
    """The turns (B, 4) from the world into cameras' axes, and where the hips are before the camera (B, F, 3), metres."""
    batch = len(root)
    x, y, z = np.eye(3)
    yaw = R.from_axis_angle(y, rng.uniform(-np.pi, np.pi, batch))
    pitch = R.from_axis_angle(
        x, np.radians(rng.uniform(-15.0, 35.0, batch) * (rng.uniform(size=batch) < 0.8))
    )
    roll = R.from_axis_angle(z, np.radians(5.0) * rng.normal(size=batch))
    turn = R.multiply(roll, R.multiply(pitch, yaw))
    path = R.apply(turn[:, None], root - root[:, :1])
    distance = rng.uniform(2.0, 6.0, batch)[:, None]
    place = np.stack(
        [
            *(rng.normal(size=(2, batch, 1)) * np.array([0.2, 0.1])[:, None, None] * distance),
            -distance,
        ],
        axis=-1,
    )
    hips = place + path
    hips[..., 2] = -np.maximum(-hips[..., 2], 1.3)
    return turn, hips


def _hidden(rng: np.random.Generator, batch: int, frames: int) -> ndarray:
    """(B, F, 15) 1 while a joint is out of sight: limbs' ends, for a while, in some sequences."""
    chance = (
        np.array([0.2, 0.6, 0.6, 1.5, 1.5, 2.0, 2.0, 0.3, 0.3, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]) * 0.06
    )
    present = rng.uniform(size=(batch, 1, 15)) < chance
    start = rng.uniform(-0.3, 1.0, (batch, 1, 15)) * frames
    length = rng.uniform(0.1, 1.0, (batch, 1, 15)) * frames
    at = np.arange(frames)[:, None]
    return (present & (at >= start) & (at < start + length)).astype(float)


def _sketched_depth(rng: np.random.Generator, true: ndarray, hidden: ndarray) -> ndarray:
    """The depth (B, F, 15) that the detector would give: squashed, leaning, each bone astray on its own, trembling."""
    batch, frames = true.shape[:2]
    z = true[..., 2]
    bone = z - np.where(PARENTS >= 0, z[..., PARENTS], 0.0)
    kept = np.clip(
        _KEPT + _KEPT_SPREAD * rng.normal(size=(2, batch, 1, 15)).sum(axis=0) * np.sqrt(0.5),
        0.0,
        1.1,
    )
    kept = kept + 0.12 * wandering(rng, (batch, frames, 15), 0.5)
    across = R.normalize(true[:, :, 7] - true[:, :, 8])
    # How far the performer's front faces the camera, 1 to −1; for some detections the camera itself is the front.
    facing = np.where(rng.uniform(size=(batch, 1)) < 0.2, 1.0, across[..., 0])
    front = (_FRONT + (_FRONT > 0.0) * _FRONT_SPREAD * rng.normal(size=(batch, 1, 15))) * facing[
        ..., None
    ]
    strength = rng.uniform(0.5, 1.4, (batch, 1, 1))
    fast, slow, stays = (
        wandering(rng, (batch, frames, 15), 0.15),
        wandering(rng, (batch, frames, 15), 0.6),
        rng.normal(size=(batch, 1, 15)),
    )
    stray = _STRAYS * strength * (0.7 * fast + 0.5 * slow + 0.5 * stays) * (1.0 + hidden)
    bone = bone * kept + front + stray
    bone[..., :3] += _TRUNK_STRAYS * strength * wandering(rng, (batch, frames, 1), 0.3)
    # Both hips share their error with opposite signs: their middle is the origin.
    bone[..., 7] = 0.5 * (bone[..., 7] - bone[..., 8])
    bone[..., 8] = -bone[..., 7]
    out = np.empty_like(bone)
    for joint, parent in enumerate(PARENTS):
        out[..., joint] = bone[..., joint] + (out[..., parent] if parent >= 0 else 0.0)
    lean = (
        _LEAN
        + _LEAN_SPREAD * rng.normal(size=(batch, 1, 1))
        + 0.05 * wandering(rng, (batch, frames, 1), 0.5)
    )
    aside = 0.03 * rng.normal(size=(batch, 1, 1))
    out = out + lean * true[..., 1] + aside * true[..., 0]
    return out + _TREMBLES * rng.normal(size=out.shape)
