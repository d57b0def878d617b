"""Trust in landmarks, from the detector's confidence and the landmark's position in the picture.

A low confidence means "probably hidden", not "probably wrong". On forty rendered clips (BlazePose
heavy), limbs inside the picture with a confidence below 0.1 have errors of 7° to 10° in the picture
(mean) and 20° to 31° in space (median); those above 0.8 have 4° and 15°. A landmark inside the
picture therefore has a minimum trust as long as it moves as a body can. A landmark outside the
picture is an extrapolation of the detector and keeps its confidence.

An elbow outside the picture follows from a shoulder and a wrist inside it by two-bone inverse
kinematics with a natural bend.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core.keypoints import LANDMARKS, Keypoints, changed, landmarks_of, pair
from mocap.core.kinematics import two_bone_ik
from mocap.core.rotation import IDENTITY
from mocap.core.skeleton import BONES, HUMANOID
from mocap.core.small import clip, norm, steps, without_nan

SEEN = 0.3
"""Smallest trust of a landmark that is seen. Bones of other landmarks are held, then eased to
rest."""
DOUBTED = 0.35
"""Minimum trust of a landmark inside the picture, even if the detector takes it for hidden."""

# Width of the margin at the picture's edge over which the minimum trust fades out, as a share of
# the picture's longer side.
_MARGIN = 0.01
# Speed relative to its parent landmark above which a landmark of low confidence is wrong, body
# sizes per second. A sprinter's ankle passes its knee at 6.
_FASTEST = 8.0
_LONGEST_STEP = 0.25  # longest step between frames for which a speed is computed, seconds
_I = {name: i for i, name in enumerate(LANDMARKS)}
_SIDES = ("left", "right")
_SHOULDERS, _ELBOWS, _WRISTS, _HIPS = pair("shoulder"), pair("elbow"), pair("wrist"), pair("hip")
_HAND_POINTS = [[_I[f"{s}_{n}"] for n in ("wrist", "index", "pinky", "thumb")] for s in _SIDES]


def _parents() -> ndarray:
    """Return the landmark that each one hangs on; those of trunk and head hang on themselves."""
    out = np.arange(len(LANDMARKS))
    for side in _SIDES:
        for chain in (
            ("shoulder", "elbow", "wrist", "index"),
            ("hip", "knee", "ankle", "foot_index"),
        ):
            for near, far in pairwise(chain):
                out[_I[f"{side}_{far}"]] = _I[f"{side}_{near}"]
        for far in ("pinky", "thumb"):
            out[_I[f"{side}_{far}"]] = _I[f"{side}_wrist"]
        out[_I[f"{side}_heel"]] = _I[f"{side}_ankle"]
    return out


_PARENTS = _parents()
_REST = landmarks_of(HUMANOID.rest_positions(), np.tile(IDENTITY, (len(BONES), 1)))
_UPPER_ARM, _FOREARM = (
    float(np.linalg.norm(_REST[b[0]] - _REST[a[0]]))
    for a, b in ((_SHOULDERS, _ELBOWS), (_ELBOWS, _WRISTS))
)
# Direction from the middle of shoulder and wrist to a relaxed elbow: outwards, down, backwards.
_BEND = np.array([[0.5, -1.0, -0.3], [-0.5, -1.0, -0.3]])


@dataclass(frozen=True, eq=False, slots=True)
class EvidenceState:
    """The last frame's time (s) and image points (33, 2), pixels."""

    time: float
    image: Float[ndarray, "33 2"]


def inside(keypoints: Keypoints) -> Float[ndarray, "frames 33"]:
    """Return how far each landmark lies inside the picture: 1 inside, 0 at its edge and beyond.

    A virtual camera ("triangulated") has no edge: other cameras see what lies outside its picture.
    """
    if keypoints.camera.source == "triangulated":
        return np.isfinite(keypoints.image).all(axis=-1) * 1.0
    size = np.asarray(keypoints.camera.size, dtype=np.float64)
    edge = np.minimum(keypoints.image, size - keypoints.image).min(axis=-1)
    return clip(without_nan(edge, -1.0) / (_MARGIN * size.max()), 0.0, 1.0)


def confidence_inside(keypoints: Keypoints) -> Float[ndarray, "frames 33"]:
    """Return the confidence, 0 for landmarks whose image point lies outside the picture."""
    outside = np.isfinite(keypoints.image).all(axis=-1) & (inside(keypoints) <= 0.0)
    return np.where(outside, 0.0, without_nan(keypoints.confidence))


def weigh(
    keypoints: Keypoints, state: EvidenceState | None = None
) -> tuple[Keypoints, Bool[ndarray, "frames 2"], EvidenceState | None]:
    """Replace the confidence by the trust in each landmark, live (causal).

    Args:
        keypoints: Keypoints of the detector.
        state: The state after the previous frames; None at the start of a take.

    Returns:
        The keypoints with their trust as confidence; which elbows (left, right) follow from
        shoulder and wrist (see `bend_elbows`) and have lost their image point; and the state after
        the last frame.
    """
    if not len(keypoints):
        return keypoints, np.zeros((0, 2), dtype=bool), state
    confidence = without_nan(keypoints.confidence)
    lies = inside(keypoints)
    finite = np.isfinite(keypoints.positions).all(axis=-1)
    calm = _calm(keypoints, state)
    # Without a trunk there is no body to which a doubted limb could belong.
    trunk = confidence[:, _SHOULDERS + _HIPS].max(axis=1, keepdims=True) >= SEEN
    floor = DOUBTED * lies * finite * trunk
    trust = np.where(calm | (confidence >= SEEN), np.maximum(confidence, floor), 0.0)
    if keypoints.hands_confidence is not None and keypoints.hands is not None:
        found = np.isfinite(keypoints.hands).all(axis=(2, 3)) * keypoints.hands_confidence
        for side, points in enumerate(_HAND_POINTS):
            sure = np.where(lies[:, points[0]] > 0.0, found[:, side], 0.0)
            trust[:, points] = np.maximum(trust[:, points], (sure[:, None] * finite[:, points]))
    ends = np.minimum(trust[:, _SHOULDERS], trust[:, _WRISTS])
    implied = (lies[:, _ELBOWS] < 1.0) & (trust[:, _ELBOWS] < SEEN) & (ends >= SEEN)
    implied &= lies[:, _WRISTS] > 0.0
    trust[:, _ELBOWS] = np.where(implied, np.minimum(ends, DOUBTED), trust[:, _ELBOWS])
    image = keypoints.image.copy()
    image[:, _ELBOWS] = np.where(implied[..., None], np.nan, image[:, _ELBOWS])
    after = EvidenceState(float(keypoints.times[-1]), keypoints.image[-1])
    return changed(keypoints, confidence=trust, image=image), implied, after


def _calm(keypoints: Keypoints, state: EvidenceState | None) -> Bool[ndarray, "frames 33"]:
    """Return whether each landmark moves, relative to its parent landmark, as a body can."""
    image, times = keypoints.image, keypoints.times
    first = image[:1] if state is None else state.image[None]
    start = times[0] if state is None else state.time
    step = steps(times, start)
    relative = image - image[:, _PARENTS]
    before = np.concatenate([first - first[:, _PARENTS], relative[:-1]])
    seen = np.where((keypoints.confidence > 0.5)[..., None], image, np.nan)
    low = np.where(np.isnan(seen), np.inf, seen).min(axis=1)
    high = np.where(np.isnan(seen), -np.inf, seen).max(axis=1)
    size = norm(np.where(high > low, high - low, 0.0))
    moved = norm(relative - before)
    allowed = _FASTEST * size * np.minimum(np.maximum(step, 1e-3), _LONGEST_STEP)
    told = np.isfinite(moved) & (size > 0.0)[:, None] & (step < _LONGEST_STEP)[:, None]
    return ~(told & (moved > allowed[:, None]))


def bend_elbows(
    positions: Float[ndarray, "frames 33 3"], implied: Bool[ndarray, "frames 2"]
) -> Float[ndarray, "frames 33 3"]:
    """Place elbows by two-bone inverse kinematics, with the bend of a relaxed arm.

    Args:
        positions: Landmarks, metres; upright or in the camera's axes, which a camera on a desk
            shares to a few degrees.
        implied: Which elbows to place, left and right.
    """
    if not implied.any():
        return positions
    out = positions.copy()
    across = positions[:, _SHOULDERS[0]] - positions[:, _SHOULDERS[1]]
    width = np.linalg.norm(across, axis=-1, keepdims=True)
    left = across / np.maximum(width, 1e-6)
    up = np.array([0.0, 1.0, 0.0])
    ahead = np.cross(left, up)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=-1, keepdims=True), 1e-6)
    for side in (0, 1):
        at = implied[:, side] & np.isfinite(positions[:, [_SHOULDERS[side], _WRISTS[side]]]).all(
            axis=(1, 2)
        )
        if not at.any():
            continue
        bend = _BEND[side]
        pole = bend[0] * left[at] + bend[1] * up + bend[2] * ahead[at]
        elbow, _ = two_bone_ik(
            positions[at, _SHOULDERS[side]],
            positions[at, _WRISTS[side]],
            pole,
            _UPPER_ARM,
            _FOREARM,
        )
        out[at, _ELBOWS[side]] = elbow
    return out
