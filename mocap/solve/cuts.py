"""Hard cuts: where a clip goes on with another picture, a new take begins.

At a cut the whole body jumps to another place or size at once, faster than a body moves. Smoothing
or bridging across it would invent a motion.
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

# Landmarks of at least this confidence count, and a body needs as many of them.
_SEEN, _FEWEST = 0.5, 8
# Seconds without a person that are bridged, and so may hide a cut.
_LONGEST_GAP = 0.5
# How far landmarks move at a cut, in body sizes, in the median, at least; and how far they may in
# a second. A runner passes three times the own height in a second, close before a camera more.
_JUMP, _FASTEST = 0.25, 6.0
# The logarithm of the body's size in the picture changes at least so much, and may in a second.
_GROWTH, _FASTEST_GROWTH = 0.8, 4.0
# What lasts no longer than this many frames is the detector's slip, not a cut.
_SLIP = 3


def find_cuts(keypoints: Keypoints) -> list[int]:
    """Return the first frame of each take but the first: where the clip cuts to another picture.

    Args:
        keypoints: One person's, as detected. Where the pictures were compared (`new_take`) they
            tell; elsewhere a jump of the whole body does.
    """
    if keypoints.new_take is not None:
        return [int(n) for n in np.flatnonzero(keypoints.new_take[1:] > 0.5) + 1]
    sure = (np.nan_to_num(keypoints.confidence) >= _SEEN) & np.isfinite(keypoints.image).all(-1)
    seen = np.flatnonzero(sure.sum(axis=1) >= _FEWEST)
    image = np.where(sure[..., None], keypoints.image, np.nan)[seen]
    times, out = keypoints.times[seen], []
    for n in range(1, len(seen)):
        gap = float(times[n] - times[n - 1])
        if gap > _LONGEST_GAP or _apart(image[n - 1], image[n], gap) < 1.0:
            continue
        before, after = image[max(n - _SLIP, 0) : n], image[n : n + _SLIP]
        if min(_apart(a, b, gap) for a in before for b in after) >= 1.0:
            out.append(int(seen[n]))
    return out


def _apart(a: Float[ndarray, "33 2"], b: Float[ndarray, "33 2"], gap: float) -> float:
    """Return how far two pictures of a body are apart, in what a body does in the time at most."""
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
