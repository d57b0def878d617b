"""Motion before random cameras: recombined pieces of takes, on bodies of other proportions.

A network would overfit to less than an hour of motion, so most pieces are new combinations: the
trunk of one take on the legs of another, with the arms of a third, and small random rotations of
all limbs. Arrays are float32 and rotations are matrices, which makes batches fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mocap.lift.network import MIRRORED_JOINTS, RATE

PARENTS = np.array([-1, -1, -1, 1, 2, 3, 4, -1, -1, 7, 8, 9, 10, 11, 12])
"""The joint that each joint is attached to; −1 is the hips' middle."""

_HIPS, _SHOULDERS, _ARMS = [7, 8], [1, 2], [3, 4, 5, 6]
_ARM_ROOTS = [1, 2, 1, 2]
_MIRROR = np.array([-1.0, 1.0, 1.0], np.float32)
_SLOWEST, _FASTEST = -0.4, 0.3  # logarithms of the speed
_TRUNKS = 0.6  # share of recombined pieces whose trunk comes from another piece
# Joint → the joints that rotate about it, and the standard deviation, degrees.
_HELD_OTHERWISE = (
    (1, [3, 5], 9.0), (2, [4, 6], 9.0), (3, [5], 9.0), (4, [6], 9.0),
    (7, [9, 11, 13], 3.5), (8, [10, 12, 14], 3.5), (9, [11, 13], 3.5), (10, [12, 14], 3.5),
)  # fmt: skip
_LENGTH_SPREAD, _SIZE_SPREAD = 0.09, 0.04  # logarithms, of limbs and of the whole body
_WIDER_HIPS = 1.05  # the detector's hips are wider than the skeleton's
_WAVES = 6
# Cameras: pitch (degrees, looking down is more), metres away; and the share that is tilted wildly.
_PITCH, _DISTANCE, _LEVEL, _WILD = (-15.0, 35.0), (2.0, 6.0), 0.15, 0.08
_CLOSEST = 1.3  # metres


@dataclass(frozen=True, eq=False, slots=True)
class Library:
    """Takes, one after another, from which pieces are drawn.

    Attributes:
        points: (N, 15, 3) joints, metres, +Y up, at RATE.
        starts: First frame of each take.
        lengths: Number of frames of each take.
        share: Probability of each take; it grows more slowly than the take's length.
    """

    points: Float[ndarray, "n 15 3"]
    starts: Int[ndarray, "takes"]
    lengths: Int[ndarray, "takes"]
    share: Float[ndarray, "takes"]

    @staticmethod
    def of(takes: Sequence[Float[ndarray, "_ 15 3"]]) -> Library:
        """Return the library of takes."""
        lengths = np.array([len(t) for t in takes])
        share = lengths**0.75
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        points = np.concatenate(takes).astype(np.float32)
        return Library(points, starts, lengths, share / share.sum())


def staged(
    rng: np.random.Generator,
    libraries: Sequence[tuple[Library, float]],
    batch: int,
    frames: int,
    recombine: float = 0.5,
) -> tuple[Float[ndarray, "batch frames 15 3"], Float[ndarray, "batch frames 3"]]:
    """Return bodies in motion before cameras.

    Args:
        rng: Random numbers.
        libraries: Each with its share of the batch.
        batch: Number of pieces.
        frames: Of each piece.
        recombine: The share of pieces with another's arms; trunks are exchanged less often.

    Returns:
        Joints from the hips' middle, and that middle, metres, in the cameras' axes.
    """
    counts = rng.multinomial(batch, [share for _, share in libraries])
    pieces = [
        windows(rng, library, int(count), frames)
        for (library, _), count in zip(libraries, counts, strict=True)
        if count
    ]
    motion = np.concatenate(pieces)
    root = motion[:, :, _HIPS].mean(axis=2)
    bodies = other_bodies(rng, other_moves(rng, motion - root[:, :, None], recombine))
    turn, hips = cameras(rng, root)
    return applied(turn[:, None], bodies), hips


def windows(
    rng: np.random.Generator, library: Library, batch: int, frames: int
) -> Float[ndarray, "batch frames 15 3"]:
    """Return pieces of takes at random speeds, half of them mirrored.

    Args:
        rng: Random numbers.
        library: The takes.
        batch: Number of pieces.
        frames: Of each piece.

    Returns:
        Joints in the library's axes, metres.
    """
    which = rng.choice(len(library.lengths), size=batch, p=library.share)
    length = library.lengths[which]
    speed = np.exp(rng.uniform(_SLOWEST, _FASTEST, batch))
    start = rng.uniform(size=batch) * np.maximum(length - 1 - speed * (frames - 1), 0.0)
    at = np.clip(start[:, None] + speed[:, None] * np.arange(frames), 0.0, length[:, None] - 1.001)
    low = at.astype(int)
    part = (at - low)[..., None, None].astype(np.float32)
    index = library.starts[which][:, None] + low
    out = library.points[index] * (1.0 - part) + library.points[index + 1] * part
    mirrored = rng.uniform(size=batch) < 0.5
    out[mirrored] = out[mirrored][:, :, MIRRORED_JOINTS] * _MIRROR
    return out


def other_moves(
    rng: np.random.Generator, p: Float[ndarray, "batch frames 15 3"], recombine: float = 0.5
) -> Float[ndarray, "batch frames 15 3"]:
    """Return recombined pieces, from the hips' middle.

    A trunk is transferred in the pelvis' axes, and arms in the chest's. The axes are given by the
    line of the hips or shoulders, and by the trunk.

    Args:
        rng: Random numbers.
        p: Joints from the hips' middle, metres.
        recombine: The share of pieces with another's arms, 0 to 1.
    """
    batch, frames = p.shape[:2]
    trunk = p[:, :, _SHOULDERS].mean(axis=2)
    pelvis = _frame(p[:, :, 7] - p[:, :, 8], trunk)
    chest = _frame(p[:, :, 1] - p[:, :, 2], trunk)
    out = p.copy()
    other, third = rng.permutation(batch), rng.permutation(batch)
    exchanged = _some(rng, batch, _TRUNKS * recombine)
    turn = np.swapaxes(pelvis, -1, -2) @ pelvis[other]
    out[:, :, :3] = np.where(exchanged, applied(turn, p[other][:, :, :3]), p[:, :, :3])
    new_chest = np.where(exchanged, applied(turn, chest[other]), chest)
    arms = p[:, :, _ARMS] - p[:, :, _ARM_ROOTS]
    exchanged = _some(rng, batch, recombine)
    donor = np.where(exchanged, chest[third], chest)
    turn = np.swapaxes(new_chest, -1, -2) @ donor
    arms = applied(turn, np.where(exchanged, arms[third], arms))
    out[:, :, _ARMS] = out[:, :, _ARM_ROOTS] + arms
    for root, moved, degrees in _HELD_OTHERWISE:
        strength = np.radians(degrees) * rng.uniform(0.0, 1.5, (batch, 1, 1))
        stays = rng.standard_normal((batch, 1, 3))
        vector = strength * (stays + 0.5 * wandering(rng, (batch, frames, 3), 0.5))
        origin = out[:, :, root : root + 1]
        rotation = _rotation(vector.astype(np.float32))
        out[:, :, moved] = origin + applied(rotation, out[:, :, moved] - origin)
    return out


def other_bodies(
    rng: np.random.Generator, p: Float[ndarray, "batch frames 15 3"]
) -> Float[ndarray, "batch frames 15 3"]:
    """Return bodies of other proportions, equal left and right, and of another size."""
    batch = len(p)
    factor = np.exp(_LENGTH_SPREAD * rng.standard_normal((8, batch, 1, 1, 1))).astype(np.float32)
    chest = p[:, :, _SHOULDERS].mean(axis=2, keepdims=True)
    out = np.empty_like(p)
    out[:, :, _HIPS] = p[:, :, _HIPS] * factor[0] * np.float32(_WIDER_HIPS)
    new_chest = chest * factor[1]
    out[:, :, _SHOULDERS] = new_chest + (p[:, :, _SHOULDERS] - chest) * factor[2]
    out[:, :, :1] = new_chest + (p[:, :, :1] - chest) * factor[3]
    for child, which in ((3, 4), (5, 5), (9, 6), (11, 7), (13, 3)):
        joints = [child, child + 1]
        parents = PARENTS[joints]
        bones = p[:, :, joints] - p[:, :, parents]
        out[:, :, joints] = out[:, :, parents] + bones * factor[which]
    size = np.exp(_SIZE_SPREAD * rng.standard_normal((batch, 1, 1, 1)))
    return out * size.astype(np.float32)


def cameras(
    rng: np.random.Generator, root: Float[ndarray, "batch frames 3"]
) -> tuple[Float[ndarray, "batch 3 3"], Float[ndarray, "batch frames 3"]]:
    """Return rotations from the world to cameras' axes, and hips in these axes, metres."""
    batch = len(root)
    level = rng.uniform(size=batch) < _LEVEL
    pitch = np.where(level, 0.0, rng.uniform(*_PITCH, batch))
    roll = 5.0 * rng.standard_normal(batch)
    wild = rng.uniform(size=batch) < _WILD
    pitch = np.radians(np.where(wild, rng.uniform(-60.0, 80.0, batch), pitch))
    roll = np.radians(np.where(wild, rng.uniform(-180.0, 180.0, batch), roll))
    yaw = rng.uniform(-np.pi, np.pi, batch)
    turns = [
        _rotation((angle[:, None] * np.eye(3)[axis]).astype(np.float32))
        for angle, axis in ((roll, 2), (pitch, 0), (yaw, 1))
    ]
    turn = turns[0] @ turns[1] @ turns[2]
    path = applied(turn, root - root[:, :1])
    distance = rng.uniform(*_DISTANCE, batch)[:, None]
    aside = rng.standard_normal((2, batch, 1)) * np.array([0.2, 0.1])[:, None, None] * distance
    hips = np.stack([*aside, -distance], axis=-1).astype(np.float32) + path
    hips[..., 2] = -np.maximum(-hips[..., 2], _CLOSEST)
    return turn, hips


def wandering(
    rng: np.random.Generator, shape: tuple[int, ...], seconds: float
) -> Float[ndarray, "..."]:
    """Return noise of unit variance, smooth along axis 1: the sum of a few waves.

    Args:
        rng: Random numbers.
        shape: (B, F, …).
        seconds: About how long values stay correlated.
    """
    batch, frames = shape[:2]
    frequency = rng.standard_normal((_WAVES, batch, 1, *shape[2:]), np.float32)
    frequency /= np.float32(seconds)
    phase = np.float32(2.0 * np.pi) * rng.random(frequency.shape, np.float32)
    times = np.arange(frames, dtype=np.float32) / np.float32(RATE)
    times = times.reshape(1, 1, frames, *([1] * (len(shape) - 2)))
    return np.sqrt(2.0 / _WAVES) * np.cos(frequency * times + phase).sum(axis=0)


def applied(
    turn: Float[ndarray, "*#batch 3 3"], p: Float[ndarray, "*#batch n 3"]
) -> Float[ndarray, "*#batch n 3"]:
    """Return points rotated by matrices."""
    return np.asarray(p @ np.swapaxes(turn, -1, -2))


def onto_view(direction: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3 3"]:
    """Return the shortest rotations from unit directions to −z, as matrices (see `R.between`)."""
    x, y, cosine = direction[..., 0], direction[..., 1], -direction[..., 2]
    cross = _cross_matrix(np.stack([-y, x, np.zeros_like(x)], axis=-1))
    return np.asarray(
        np.eye(3, dtype=direction.dtype) + cross + (cross @ cross) / (1.0 + cosine)[..., None, None]
    )


def unit(v: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3"]:
    """Return the vectors at length 1."""
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9))


def _some(rng: np.random.Generator, batch: int, share: float) -> ndarray:
    """Return a random mask (B, 1, 1, 1) of a share of the pieces."""
    return np.asarray(rng.uniform(size=(batch, 1, 1, 1)) < share)


def _frame(x: ndarray, y: ndarray) -> ndarray:
    """Return axes as the rows of (…, 3, 3): along x, and along the part of y orthogonal to it."""
    x = unit(x)
    y = unit(y - (x * y).sum(axis=-1, keepdims=True) * x)
    return np.stack([x, y, np.cross(x, y)], axis=-2)


def _rotation(vector: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3 3"]:
    """Return the matrices of rotation vectors (Rodrigues' formula)."""
    angle = np.linalg.norm(vector, axis=-1)[..., None, None]
    cross = _cross_matrix(vector / np.maximum(angle[..., 0], 1e-9))
    identity = np.eye(3, dtype=vector.dtype)
    return np.asarray(identity + np.sin(angle) * cross + (1.0 - np.cos(angle)) * (cross @ cross))


def _cross_matrix(v: ndarray) -> ndarray:
    zero = np.zeros_like(v[..., 0])
    rows = [zero, -v[..., 2], v[..., 1], v[..., 2], zero, -v[..., 0], -v[..., 1], v[..., 0], zero]
    return np.stack(rows, axis=-1).reshape(*v.shape, 3)
