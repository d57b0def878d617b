"""Hands of 21 points in the picture to three dimensions, by the lengths of their bones.

palm      The wrist and the four knuckles are rigid. The affine map that takes them from a hand of
          HUMANOID's shape to the picture gives the scale and the palm's slope under weak
          perspective; it leaves two slopes, which are mirror images in depth.
fingers   A segment that looks shorter than it is leans towards the camera or away from it. The lean
          that bends the joint as joints bend is taken (Norkin and White, Measurement of Joint
          Motion, 5th ed., app. B), and the palm's slope whose fingers bend best.

On a hand that spells (325 frames, right hand) the joints are 24° from those of MediaPipe's own
depth, and 38° for a relaxed hand; a finger's curl over time correlates by 0.86 to 0.93.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.skeleton import BONES, HUMANOID, TIPS

_DIGITS = {
    "Thumb": ("Metacarpal", "Proximal", "Distal"),
    **dict.fromkeys(("Index", "Middle", "Ring", "Little"), ("Proximal", "Intermediate", "Distal")),
}


def _template() -> Float[ndarray, "21 3"]:
    """Return HUMANOID's left hand in T-pose, metres from the wrist: fingers +X, palm down."""
    rest = HUMANOID.rest_positions()
    points = [rest[BONES.index("leftHand")]]
    for digit, parts in _DIGITS.items():
        bones = [f"left{digit}{part}" for part in parts]
        points += [rest[BONES.index(bone)] for bone in bones]
        points.append(points[-1] + TIPS[bones[-1]])
    return np.array(points) - points[0]


_REST = _template()
_PALM = [0, 5, 9, 13, 17]
# The points of each digit outwards from the palm; the thumb's first hangs from the wrist.
_CHAINS = ((0, 1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
# Ranges of a bend towards the palm, radians: knuckles, joints beyond, the thumb's.
_KNUCKLE, _HINGE, _THUMB = (-0.3, 1.6), (-0.1, 1.9), (-0.8, 1.2)
# A bend within its range costs this much of its square, so that the straighter one is taken of two.
_STRAIGHT = 0.02
# A finger's segment beyond this share of its length aside from the palm's plane of bending costs
# twice its square.
_ASIDE, _ASIDE_COST = 0.35, 2.0
# A palm that misses its knuckles by this share of its size is none, as are hands smaller than this,
# pixels from the wrist to the knuckles.
_MISFIT, _SMALLEST = 0.15, 12.0
# Bends that cost more are not a hand's; those of a hand that spells cost at most 1.5.
_IMPOSSIBLE = 2.0
# A mean score from which the points are right: MMPose draws points above 0.3.
_GOOD_SCORE = 0.5


def lifted_hands(
    image: Float[ndarray, "frames 2 21 2"], scores: Float[ndarray, "frames 2"]
) -> tuple[Float[ndarray, "frames 2 21 3"], Float[ndarray, "frames 2"]]:
    """Return both hands in three dimensions, and how far to believe them.

    Args:
        image: Left and right hand, pixels, x right and y down; NaN where not seen.
        scores: The mean score of each hand's points.

    Returns:
        Metres from the wrists in the axes of Keypoints (x right, y up, z towards the camera), for
        hands of HUMANOID's size; and confidences in [0, 1], 0 where the points are not a hand's.
    """
    out = np.full((*image.shape[:3], 3), np.nan)
    confidence = np.zeros(scores.shape)
    # A right hand is the mirror image of a left one.
    for side, mirror in enumerate((1.0, -1.0)):
        seen = np.isfinite(image[:, side]).all(axis=(1, 2))
        points = image[seen, side] * [mirror, -1.0]
        points = points - points[:, :1]
        if len(points) == 0:
            continue
        lifted, good = _lift_left(points)
        out[seen, side] = lifted * [mirror, 1.0, 1.0]
        confidence[seen, side] = np.where(good, np.minimum(scores[seen, side] / _GOOD_SCORE, 1), 0)
    return out, confidence


def _lift_left(
    image: Float[ndarray, "frames 21 2"],
) -> tuple[Float[ndarray, "frames 21 3"], ndarray]:
    """Return left hands, metres from the wrist, and which of them fit a palm.

    Args:
        image: From the wrist, x right and y up, in any unit near pixels.
    """
    flat = _REST[_PALM][:, [0, 2]]
    flat = flat - flat.mean(axis=0)
    seen = image[:, _PALM] - image[:, _PALM].mean(axis=1, keepdims=True)
    affine = np.einsum("fni,nj->fij", seen, flat) @ np.linalg.inv(flat.T @ flat)
    misfit = np.linalg.norm(seen - np.einsum("fij,nj->fni", affine, flat), axis=-1).mean(axis=1)
    scale = np.maximum(np.linalg.norm(affine, ord=2, axis=(1, 2)), 1e-9)  # pixels per metre
    size = scale * float(np.linalg.norm(_REST[[5, 9, 13, 17]], axis=1).mean())
    good = (misfit < _MISFIT * size) & (size > _SMALLEST)
    # The palm's axes are orthogonal and of one length: z zᵀ = s² 1 − AᵀA.
    depth = scale[:, None, None] ** 2 * np.eye(2) - np.einsum("fki,fkj->fij", affine, affine)
    rise = np.sqrt(np.maximum(np.stack([depth[:, 0, 0], depth[:, 1, 1]], axis=1), 0.0))
    rise[:, 1] *= np.where(depth[:, 0, 1] < 0, -1.0, 1.0)
    pair = []
    for sign in (1.0, -1.0):
        columns = np.concatenate([affine, sign * rise[:, None]], axis=1) / scale[:, None, None]
        pair.append(_with_fingers(image / scale[:, None, None], columns[..., 0], columns[..., 1]))
    (first, cost), (second, other) = pair
    good &= np.minimum(cost, other) < _IMPOSSIBLE
    return np.where((cost <= other)[:, None, None], first, second), good


def _with_fingers(
    image: Float[ndarray, "frames 21 2"],
    along: Float[ndarray, "frames 3"],
    across: Float[ndarray, "frames 3"],
) -> tuple[Float[ndarray, "frames 21 3"], Float[ndarray, " frames"]]:
    """Return hands on a palm, and what their bends cost.

    Args:
        image: Metres at the palm's scale.
        along: Unit, where straight fingers point.
        across: Unit, from the little finger towards the thumb.
    """
    back = np.cross(across, along)
    axes = np.stack([along, back, across], axis=-1)
    points = np.einsum("fij,nj->fni", axes, _REST)
    # A bend about this axis closes the hand.
    hinge = np.cross(back, along)
    total = np.zeros(len(points))
    for digit, chain in enumerate(_CHAINS):
        before = along
        for joint, (start, end) in enumerate(pairwise(chain)):
            length = float(np.linalg.norm(_REST[end] - _REST[start]))
            way = image[:, end] - image[:, start]
            short = np.linalg.norm(way, axis=1) / length
            lean = length * np.sqrt(np.maximum(1.0 - short * short, 0.0))
            low, high = _THUMB if digit == 0 else _KNUCKLE if joint == 0 else _HINGE
            options, costs = [], []
            for sign in (1.0, -1.0):
                segment = R.normalize(np.concatenate([way, sign * lean[:, None]], axis=1))
                bend = np.arctan2(R.dot(np.cross(before, segment), hinge), R.dot(before, segment))
                # Beyond a fist, and not far backwards.
                bend = np.where(bend < -2.2, bend + 2.0 * np.pi, bend)
                outside = np.maximum(low - bend, 0.0) + np.maximum(bend - high, 0.0)
                cost = np.square(outside) + _STRAIGHT * np.square(bend)
                if digit:
                    aside = np.maximum(np.abs(R.dot(segment, hinge)) - _ASIDE, 0.0)
                    cost = cost + _ASIDE_COST * np.square(aside)
                options.append(segment)
                costs.append(cost)
            before = np.where((costs[0] <= costs[1])[:, None], options[0], options[1])
            points[:, end] = points[:, start] + length * before
            total += np.minimum(costs[0], costs[1]) + np.square(np.maximum(short - 1.0, 0.0))
    return points, total
