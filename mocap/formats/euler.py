"""Euler angles of BVH and FBX files, in any order of axes and without jumps in time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R

# Gimbal lock: with cos x below this, the axes of z and y coincide to within rounding, and only the
# sum or difference of the angles is known.
_GIMBAL = 1e-6


def from_axes(
    axes: Sequence[str], angles: Float[ndarray, "*batch axes"]
) -> Float[ndarray, "*batch 4"]:
    """Return the intrinsic rotation about several axes, one after another: q = q1·q2·….

    Args:
        axes: Any number of "X", "Y" and "Z".
        angles: Radians, in the order of the axes.
    """
    q = np.broadcast_to(R.IDENTITY, (*angles.shape[:-1], 4))
    for i, axis in enumerate(axes):
        turn = np.zeros(q.shape)
        turn[..., "XYZ".index(axis)] = np.sin(0.5 * angles[..., i])
        turn[..., 3] = np.cos(0.5 * angles[..., i])
        q = R.multiply(q, turn)
    return q


def to_axes(
    axes: Sequence[str], q: Float[ndarray, "frames joints 4"]
) -> Float[ndarray, "frames joints 3"]:
    """Return the angles of intrinsic rotations, q = q1·q2·q3, continuous in time.

    Renaming the axes to Z, X and Y reduces any order to `to_zxy`; a renaming that mirrors changes
    the angles' signs.

    Args:
        axes: "X", "Y" and "Z" in the order of the rotations.
        q: Unit quaternions, xyzw.

    Returns:
        Radians, in the order of the axes.
    """
    last, first, middle = ("XYZ".index(a) for a in axes)
    renamed = q[..., [first, middle, last, 3]]
    if (first, middle, last) in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        return to_zxy(renamed)
    return -to_zxy(renamed * np.array([-1.0, -1.0, -1.0, 1.0]))


def to_zxy(q: Float[ndarray, "frames joints 4"]) -> Float[ndarray, "frames joints 3"]:
    """Return the angles (z, x, y), radians, of q = qz·qx·qy, continuous in time.

    A rotation has two triples, (z, x, y) and (z + π, π − x, y + π), plus any full turns. Of these,
    each frame gets the triple nearest to that of the frame before. Where x is ±90° (gimbal lock)
    only z ± y is known, and its change is shared equally by z and y.

    Args:
        q: Unit quaternions, xyzw.
    """
    m = R.to_matrix(q)
    cosine = np.hypot(m[..., 0, 1], m[..., 1, 1])
    x = np.arctan2(m[..., 2, 1], cosine)
    z = np.arctan2(-m[..., 0, 1], m[..., 1, 1])
    y = np.arctan2(-m[..., 2, 0], m[..., 2, 2])
    first = np.stack([z, x, y], axis=-1)
    second = np.stack([z + np.pi, np.pi - x, y + np.pi], axis=-1)
    locked = cosine < _GIMBAL
    # In gimbal lock, m is a rotation about one axis by z + y (x = 90°) or z − y (x = −90°). The
    # upper left block gives its angle.
    sign = np.where(x > 0, 1.0, -1.0)
    together = np.arctan2(m[..., 1, 0], m[..., 0, 0])

    out = np.empty_like(first)
    previous = np.zeros(first.shape[1:])
    for frame in range(len(q)):
        a, b = (previous + _wrapped(c[frame] - previous) for c in (first, second))
        nearer = np.sum((b - previous) ** 2, axis=-1) < np.sum((a - previous) ** 2, axis=-1)
        # The first frame has none before it; it gets |x| ≤ 90°, as other tools write it.
        best = np.where(nearer[:, None], b, a) if frame else a
        if np.any(stuck := locked[frame]):
            s = sign[frame]
            change = 0.5 * _wrapped(together[frame] - (previous[:, 0] + s * previous[:, 2]))
            held = np.stack(
                [
                    previous[:, 0] + change,
                    previous[:, 1] + _wrapped(x[frame] - previous[:, 1]),
                    previous[:, 2] + s * change,
                ],
                -1,
            )
            best = np.where(stuck[:, None], held, best)
        out[frame] = previous = best
    return out


def _wrapped(angle: ndarray) -> ndarray:
    """Return the angle in [−π, π)."""
    return (angle + np.pi) % (2.0 * np.pi) - np.pi
