"""The performer's body: one set of bone lengths for a take, from medians."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.keypoints import LANDMARKS, Keypoints, landmarks_of
from mocap.core.kinematics import scaled
from mocap.core.rotation import IDENTITY
from mocap.core.skeleton import BONES, HUMANOID, Skeleton

MEASURED = 0.6
"""Smallest confidence of landmarks between which lengths are measured. Below it, the detector
returns the proportions of its own average body."""

# Smallest number of frames for a length, and of lengths for the body's overall scale.
_FEWEST = 3
_FEWEST_LENGTHS = 3
# Plausible sizes of a person relative to HUMANOID (a small child, a very tall adult).
_RANGE = (0.5, 1.35)

_I = {name: i for i, name in enumerate(LANDMARKS)}


def _pairs(a: str, b: str) -> list[tuple[int, int]]:
    return [(_I[f"{side}_{a}"], _I[f"{side}_{b}"]) for side in ("left", "right")]


# Segment: the pairs of landmarks between which it is measured, and the joints whose offsets it
# scales.
_SEGMENTS: dict[str, tuple[list[tuple[int, int]], tuple[str, ...]]] = {
    "upper arm": (_pairs("shoulder", "elbow"), ("LowerArm",)),
    "forearm": (_pairs("elbow", "wrist"), ("Hand",)),
    "thigh": (_pairs("hip", "knee"), ("LowerLeg",)),
    "shank": (_pairs("knee", "ankle"), ("Foot",)),
    "foot": (_pairs("heel", "foot_index"), ("Toes",)),
    "hips": ([(_I["left_hip"], _I["right_hip"])], ("UpperLeg",)),
    "shoulders": ([(_I["left_shoulder"], _I["right_shoulder"])], ("Shoulder", "UpperArm")),
}
_TRUNK = ("spine", "chest", "upperChest", "neck")
# Height of the shoulders above the hips' joint on HUMANOID, and depth of the thighs' joints below
# it, metres. The latter scales with the width of the hips.
_CLAVICLES = [BONES.index("leftShoulder"), BONES.index("rightShoulder")]
_RISE = float(
    sum(
        HUMANOID.offsets[BONES.index(b), 1]
        for b in ("spine", "chest", "upperChest", "leftShoulder")
    )
)
_DROP = float(-HUMANOID.offsets[BONES.index("leftUpperLeg"), 1])


def _distances(points: ndarray, confidence: ndarray, pairs: list[tuple[int, int]]) -> ndarray:
    """Return the distances (n,) of all pairs in the frames where both ends are seen well.

    The pairs are those of both sides, because the body is symmetric.
    """
    found = []
    for a, b in pairs:
        length = np.linalg.norm(points[:, a] - points[:, b], axis=-1)
        good = (np.minimum(confidence[:, a], confidence[:, b]) >= MEASURED) & np.isfinite(length)
        found.append(length[good])
    return np.concatenate(found)


def measure_body(keypoints: Keypoints) -> Skeleton:
    """Return HUMANOID with the performer's proportions, the same on both sides.

    Each segment gets the median of its lengths in the frames where its ends are seen well. A
    segment that is never seen well gets the body's overall scale.

    Args:
        keypoints: Keypoints of one person.

    Returns:
        A skeleton whose rest pose stands on y = 0, metres.
    """
    rest = landmarks_of(HUMANOID.rest_positions(), np.tile(IDENTITY, (len(BONES), 1)))[None]
    full = np.ones((1, len(LANDMARKS)))
    ratios: dict[str, float] = {}
    for name, (pairs, _) in _SEGMENTS.items():
        seen = _distances(keypoints.positions, np.nan_to_num(keypoints.confidence), pairs)
        if len(seen) >= min(_FEWEST, len(keypoints)) and len(seen):
            ratios[name] = float(
                np.clip(np.median(seen) / np.median(_distances(rest, full, pairs)), *_RANGE)
            )
    trunk = _trunk_ratio(keypoints, rest[0])
    known = [*ratios.values(), *([trunk] if trunk else [])]
    # With one or two lengths (as of a person at a desk), the overall scale stays close to 1.
    overall = float(np.median([*known, *[1.0] * (_FEWEST_LENGTHS - len(known))]))
    factors = dict.fromkeys(BONES, overall)
    for name, (_, joints) in _SEGMENTS.items():
        for joint in joints:
            factors |= {side + joint: ratios.get(name, overall) for side in ("left", "right")}
    spine = (
        (trunk * (_RISE + _DROP) - _DROP * ratios.get("hips", overall)) / _RISE
        if trunk
        else overall
    )
    factors |= dict.fromkeys(_TRUNK, spine)
    body = scaled(HUMANOID, factors)
    offsets = body.offsets.copy()
    # The roots of the clavicles scale with the trunk in height, with the shoulders in width.
    offsets[_CLAVICLES, 1] = HUMANOID.offsets[_CLAVICLES, 1] * spine
    # The hips are as high as the leg is long, plus the ankle's height, which scales with the foot.
    leg = sum(float(-offsets[BONES.index(f"left{b}"), 1]) for b in ("UpperLeg", "LowerLeg", "Foot"))
    ankle = float(HUMANOID.rest_positions()[BONES.index("leftFoot"), 1])
    offsets[0] = [0.0, leg + ankle * factors["leftToes"], 0.0]
    return Skeleton(body.names, body.parents, offsets, body.rest_rotations)


def _trunk_ratio(keypoints: Keypoints, rest: Float[ndarray, "33 3"]) -> float | None:
    ends = [_I[n] for n in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")]
    good = (np.nan_to_num(keypoints.confidence[:, ends]).min(axis=1) >= MEASURED) & np.isfinite(
        keypoints.positions[:, ends]
    ).all(axis=(1, 2))
    if good.sum() < min(_FEWEST, len(keypoints)) or not good.any():
        return None
    p = keypoints.positions[good][:, ends]
    length = np.linalg.norm(p[:, :2].mean(axis=1) - p[:, 2:].mean(axis=1), axis=-1)
    at_rest = np.linalg.norm(rest[ends[:2]].mean(axis=0) - rest[ends[2:]].mean(axis=0))
    return float(np.clip(np.median(length) / at_rest, *_RANGE))
