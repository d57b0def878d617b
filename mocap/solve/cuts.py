"""Hard cuts, at which a new take begins.

At a cut the whole body jumps to another position or size in the picture, faster than a body moves.
Smoothing or interpolating across it would create a motion that did not happen.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.keypoints import Keypoints
from mocap.core.kinematics import bone_lengths
from mocap.core.motion import Motion, concatenate
from mocap.core.skeleton import Skeleton
from mocap.core.surface import lowest_skin

# Smallest confidence of a landmark, and smallest number of landmarks of a body, to count.
_SEEN, _FEWEST = 0.5, 8
# Longest gap without a person across which a cut is looked for, seconds.
_LONGEST_GAP = 0.5
# Smallest median displacement of the landmarks at a cut, in body sizes, and the largest possible
# displacement per second without one. A runner moves three body heights per second, and more close
# to the camera.
_JUMP, _FASTEST = 0.25, 6.0
# The same for the logarithm of the body's size in the picture.
_GROWTH, _FASTEST_GROWTH = 0.8, 4.0
# Seconds without any frame after which a new take begins: the source was away.
_AWAY = 10.0
# A jump that lasts no longer than this number of frames is an error of the detector, not a cut.
_SLIP = 3


def find_cuts(keypoints: Keypoints) -> list[int]:
    """Return the first frame of each take but the first: where the clip cuts to another picture.

    Args:
        keypoints: One person's, as detected. Where the pictures were compared (`new_take`) they
            tell; elsewhere a jump of the whole body does. A gap between frames does too.
    """
    away = np.flatnonzero(np.diff(keypoints.times) > _AWAY) + 1
    if keypoints.new_take is not None:
        told = np.flatnonzero(keypoints.new_take[1:] > 0.5) + 1
        return [int(n) for n in np.union1d(away, told)]
    sure = (np.nan_to_num(keypoints.confidence) >= _SEEN) & np.isfinite(keypoints.image).all(-1)
    seen = np.flatnonzero(sure.sum(axis=1) >= _FEWEST)
    image = np.where(sure[..., None], keypoints.image, np.nan)[seen]
    times, out = keypoints.times[seen], [int(n) for n in away]
    for n in range(1, len(seen)):
        gap = float(times[n] - times[n - 1])
        if gap > _LONGEST_GAP or _apart(image[n - 1], image[n], gap) < 1.0:
            continue
        before, after = image[max(n - _SLIP, 0) : n], image[n : n + _SLIP]
        if min(_apart(a, b, gap) for a in before for b in after) >= 1.0:
            out.append(int(seen[n]))
    return sorted(set(out))


def _apart(a: Float[ndarray, "33 2"], b: Float[ndarray, "33 2"], gap: float) -> float:
    """Return the change between two frames relative to the largest possible without a cut."""
    both = np.isfinite(a).all(axis=-1) & np.isfinite(b).all(axis=-1)
    if both.sum() < _FEWEST:
        return 0.0
    a, b = a[both], b[both]
    sizes = [float(np.linalg.norm(np.ptp(p, axis=0))) + 1e-9 for p in (a, b)]
    jump = float(np.median(np.linalg.norm(b - a, axis=-1))) / max(sizes)
    growth = abs(float(np.log(sizes[1] / sizes[0])))
    return max(jump / max(_JUMP, _FASTEST * gap), growth / max(_GROWTH, _FASTEST_GROWTH * gap))


def in_takes(keypoints: Keypoints, cuts: Sequence[int]) -> list[Keypoints]:
    """Return the keypoints between cuts."""
    edges = [0, *cuts, len(keypoints)]
    return [keypoints.slice(a, b) for a, b in pairwise(edges)]


def join_takes(motions: Sequence[Motion]) -> Motion:
    """Join takes of one person into one motion, on the body of the longest."""
    body = max(motions, key=len).skeleton
    return concatenate([_on_body(motion, body) for motion in motions])


def _on_body(motion: Motion, body: Skeleton) -> Motion:
    """Return the motion on a body of other lengths.

    Its path grows with the legs, and the lowest part is as high above the floor in their scale.
    """
    legs = [
        sum(bone_lengths(s)[s.index(f"left{bone}")] for bone in ("LowerLeg", "Foot"))
        for s in (motion.skeleton, body)
    ]
    scale = float(legs[1] / legs[0])
    root = motion.root_positions * scale
    above = motion.root_positions[:, 1] + lowest_skin(motion.skeleton, motion.rotations)
    root[:, 1] = scale * above - lowest_skin(body, motion.rotations)
    return Motion(body, motion.times, root, motion.rotations, motion.expressions, motion.contacts)
