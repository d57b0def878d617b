"""A hand's 21 points to rotations of the palm and the fifteen finger bones, in closed form.

    palm       from the wrist to the four knuckles, and across from index to little finger
    knuckle    flexion about the palm's axis, then splay; twist, as far as the bend of the next
               joints shows it
    others     hinges: deviations from the hinge's plane are noise
    thumb      the same about its own axes; its root is a saddle joint, and its knuckle also moves
               a little sideways

Only directions are used, so the result does not depend on the performer's proportions. Every angle
is limited softly to human ranges (Norkin and White, Measurement of Joint Motion, 5th ed., app. B,
widened by the detector's noise). The right hand is solved as the mirror image of a left one, so the
two are exactly symmetric.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS, Keypoints, landmarks_of
from mocap.core.skeleton import BONES, HUMANOID, TIPS

BELIEVED = 0.9
"""Smallest confidence of a hand that is used.

If the network confuses the side of a hand, it mirrors its depth. On the demo clip the median error
of the palm is 165° below a confidence of 0.2, 126° from there to 0.5, 64° to 0.8, 36° to 0.95, and
21° above."""

_DIGITS = {
    "Thumb": ("Metacarpal", "Proximal", "Distal"),
    **dict.fromkeys(("Index", "Middle", "Ring", "Little"), ("Proximal", "Intermediate", "Distal")),
}
_NAMES = [f"{digit}{part}" for digit, parts in _DIGITS.items() for part in parts]

FINGER_BONES = np.array(
    [[BONES.index(side + name) for name in _NAMES] for side in ("left", "right")]
)
"""(2, 15) the finger bones' indices in HUMANOID, left and right: thumb, index, middle, ring,
little, each from its root."""

_HAND_BONES = np.array([BONES.index("leftHand"), BONES.index("rightHand")])
# Index of the point at which each of the fifteen bones starts; it ends at the next point.
_START = np.array([4 * digit + part + 1 for digit in range(5) for part in range(3)])
_KNUCKLES = [5, 9, 13, 17]
_MIRROR = np.array([1.0, -1.0, -1.0, 1.0])  # of a quaternion, in the plane x = 0
_FLIP = np.array([-1.0, 1.0, 1.0])


def hand_points(
    positions: Float[ndarray, "*frames 55 3"], rotations: Float[ndarray, "*frames 55 4"]
) -> Float[ndarray, "*frames 2 21 3"]:
    """Return the 21 points of both hands of a humanoid posed by `kinematics.fk`.

    Args:
        positions: World positions of the joints, metres.
        rotations: World rotations of the joints.

    Returns:
        Metres from the wrists, left and right.
    """
    out = np.empty((*positions.shape[:-2], 2, 21, 3))
    for side, name in enumerate(("left", "right")):
        wrist = positions[..., _HAND_BONES[side], :]
        out[..., side, 0, :] = 0.0
        out[..., side, _START, :] = positions[..., FINGER_BONES[side], :] - wrist[..., None, :]
        for digit in range(5):
            last = FINGER_BONES[side, 3 * digit + 2]
            # Tips are scaled with the length of the performer's finger.
            size = np.linalg.norm(HUMANOID.offsets[last])
            bone = np.linalg.norm(
                positions[..., last, :] - positions[..., FINGER_BONES[side, 3 * digit + 1], :],
                axis=-1,
                keepdims=True,
            )
            tip = R.apply(rotations[..., last, :], TIPS[name + _NAMES[3 * digit + 2]])
            out[..., side, 4 * digit + 4, :] = out[..., side, 4 * digit + 3, :] + tip * bone / size
    return out


_REST = hand_points(HUMANOID.rest_positions(), np.tile(R.IDENTITY, (len(BONES), 1)))[0]
_REST_DIRECTION = R.normalize(_REST[_START + 1] - _REST[_START])


def _palm(points: Float[ndarray, "*frames 21 3"]) -> Float[ndarray, "*frames 4"]:
    """Return the frame of a palm: x from the wrist to the knuckles, y towards the index finger."""
    index, middle, ring, little = (points[..., k, :] for k in _KNUCKLES)
    # Across: the slope of a straight line through the four knuckles.
    return R.from_frame(
        0.25 * (index + middle + ring + little) - points[..., 0, :],
        3.0 * (index - little) + (middle - ring),
    )


_REST_PALM = R.conjugate(_palm(_REST))


def _bone_frames() -> Float[ndarray, "15 4"]:
    """Return the frames of a left hand's bones at rest.

    x is along the bone, y where flexion takes it, z the axis of flexion.
    """
    palmar = np.array([0.0, -1.0, 0.0])
    bend = np.tile(palmar, (15, 1))
    bend[:3] = _THUMB_BENDS
    return np.asarray(R.from_frame(_REST_DIRECTION, bend))


# Direction in which a thumb at rest bends: across the palm. It is the median over a recording of
# finger spelling (325 frames, MediaPipe); half of the bends of its two joints are within 5° and
# 10°.
_THUMB_BENDS = np.array([0.62, -0.06, -0.76])
_FRAME = _bone_frames()
_FROM_FRAME = R.conjugate(_FRAME)

# The bones of each digit from its root; rotations from the hand's axes to the root bone's, from the
# root bone's axes to the middle and end bones', and from the middle bone's axes to the end bone's.
_CHAIN = np.arange(15).reshape(5, 3)
_FROM_ROOT = _FROM_FRAME[_CHAIN[:, :1]]
_PASSED = R.multiply(_FROM_FRAME[_CHAIN[:, 1:]], _FRAME[_CHAIN[:, :1]])
_TO_END = R.multiply(_FROM_FRAME[_CHAIN[:, 2]], _FRAME[_CHAIN[:, 1]])


def _range(fingers: tuple[float, float], thumb: tuple[float, float]) -> tuple[ndarray, ndarray]:
    """Return the limits (low, high) of a joint of thumb and fingers, (5,) radians, from degrees."""
    low, high = np.radians(np.array([thumb, *[fingers] * 4], dtype=np.float64)).T
    return low, high


# Human ranges. Angles within them are not changed; others are limited softly, to at most 10° more.
_FLEXION = _range((-35.0, 100.0), (-40.0, 50.0))
_SPLAY = _range((-30.0, 30.0), (-45.0, 45.0))
_TURN = _range((-15.0, 15.0), (-40.0, 40.0))
_MIDDLE = _range((-10.0, 120.0), (-20.0, 75.0))
_END = _range((-20.0, 95.0), (-30.0, 95.0))
_SIDE = _range((-15.0, 15.0), (-15.0, 15.0))
# Only the thumb's middle joint moves sideways; those of the fingers are hinges.
_HAS_SIDE = np.array([1.0, 0.0, 0.0, 0.0, 0.0])
_WRIST = np.radians([40.0, 85.0])  # limits of the wrist: sideways, and up or down
_SOFT = np.radians(10.0)
# Sine of a bend below which its plane is mostly noise.
_SMALL_BEND = np.sin(np.radians(10.0))
# Weights of the bends of middle and end joint as evidence of the root's twist. The end of a finger
# is seen worst, but a thumb bends most there.
_TWIST_WEIGHTS = np.array([[1.0, 0.3], *[[1.0, 0.0]] * 4])


def _soft(angle: ndarray, low: float | ndarray, high: float | ndarray) -> ndarray:
    inside = np.minimum(np.maximum(angle, low), high)
    return inside + _SOFT * np.tanh((angle - inside) / _SOFT)


def _flexion(direction: ndarray) -> ndarray:
    """Return the flexion of a direction in a bone's frame, radians.

    A direction that bends backwards by more than a right angle counts as bent forwards.
    """
    angle = np.arctan2(direction[..., 1], direction[..., 0])
    return np.where(angle < -0.5 * np.pi, angle + 2.0 * np.pi, angle)


def _sideways(direction: ndarray) -> ndarray:
    return np.arcsin(np.minimum(np.maximum(direction[..., 2], -1.0), 1.0))


def _bent(flexion: ndarray, aside: ndarray) -> ndarray:
    """Return the rotation in a bone's frame: sideways about −y, then flexion about z."""
    a, b = 0.5 * flexion, -0.5 * aside
    sin_a, cos_a, sin_b, cos_b = np.sin(a), np.cos(a), np.sin(b), np.cos(b)
    return np.stack([-sin_a * sin_b, cos_a * sin_b, sin_a * cos_b, cos_a * cos_b], axis=-1)


_X, _Z = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])


def solve_hands(
    points: Float[ndarray, "frames 2 21 3"],
) -> tuple[Float[ndarray, "frames 2 4"], Float[ndarray, "frames 2 15 4"]]:
    """Return world rotations of both hands and local rotations of their finger bones.

    Args:
        points: Points of the left and right hand in any unit, from any origin; NaN where a hand
            is not seen.

    Returns:
        The hands' rotations, and the finger bones' in the order of FINGER_BONES; NaN where not
        seen.
    """
    mirrored = points.copy()
    mirrored[:, 1] *= _FLIP
    palms = R.multiply(_palm(mirrored), _REST_PALM)
    d = R.apply(
        R.conjugate(palms)[:, :, None],
        R.normalize(mirrored[:, :, _START + 1] - mirrored[:, :, _START]),
    )
    fingers = _digits(d.reshape(len(points), 2, 5, 3, 3)).reshape(len(points), 2, 15, 4)
    palms[:, 1] *= _MIRROR
    fingers[:, 1] *= _MIRROR
    return palms, fingers


def _digits(d: Float[ndarray, "frames 2 5 3 3"]) -> Float[ndarray, "frames 2 5 3 4"]:
    """Return the rotations of all digits' bones from their directions in a left hand's axes."""
    d = R.apply(_FROM_ROOT, d)
    first = d[..., 0, :]
    root = _bent(_soft(_flexion(first), *_FLEXION), _soft(_sideways(first), *_SPLAY))
    beyond = R.apply(R.conjugate(root)[..., None, :], d[..., 1:, :])
    bends = R.apply(_PASSED, beyond)
    # The root's twist is visible in the plane in which the next joints bend, if they are bent.
    height = _TWIST_WEIGHTS * bends[..., 1]
    across, along = R.dot(height, bends[..., 2]), R.dot(height, bends[..., 1])
    turn = R.from_axis_angle(
        _X, _soft(np.arctan(across / (along + _SMALL_BEND * _SMALL_BEND)), *_TURN)
    )
    bends = R.apply(_PASSED, R.apply(R.conjugate(turn)[..., None, :], beyond))
    second = bends[..., 0, :]
    middle = _bent(_soft(_flexion(second), *_MIDDLE), _HAS_SIDE * _soft(_sideways(second), *_SIDE))
    # Remove the middle joint's rotation, in the middle bone's frame, from the end bone's direction.
    third = R.apply(
        _TO_END, R.apply(R.conjugate(middle), R.apply(R.conjugate(_TO_END), bends[..., 1, :]))
    )
    end = R.from_axis_angle(_Z, _soft(_flexion(third), *_END))
    local = np.stack([R.multiply(root, turn), middle, end], axis=-2)
    return R.multiply(R.multiply(_FRAME[_CHAIN], local), _FROM_FRAME[_CHAIN])


def within_wrist(relative: Float[ndarray, "frames 2 4"]) -> Float[ndarray, "frames 2 4"]:
    """Limit rotations of hands relative to their forearms, softly, to the range of a wrist.

    The roll about the forearm is not limited, because the forearm takes it (`wrists.pronated`).

    Args:
        relative: Rotations of the hands relative to their forearms.
    """
    _, roll = R.swing_twist(relative, _X)
    v = R.to_rotation_vector(R.multiply(R.conjugate(roll), relative))
    v[..., 1:] = _soft(v[..., 1:], -_WRIST, _WRIST)
    return R.multiply(roll, R.from_rotation_vector(v))


@dataclass(frozen=True, eq=False, slots=True)
class SolvedHands:
    """The rotations of hands that `solve_body` needs.

    Attributes:
        palms: (F, 2, 4) world rotations of the palms.
        fingers: (F, 2, 15, 4) local rotations of the finger bones.
        seen: (F, 2) whether a hand is seen; the rotations of other hands are arbitrary but finite.
        steady: A filter for the rotations (F, 2, 4) of the palms relative to their forearms, which
            are NaN where a hand is not seen; None leaves them.
    """

    palms: Float[ndarray, "frames 2 4"]
    fingers: Float[ndarray, "frames 2 15 4"]
    seen: Bool[ndarray, "frames 2"]
    steady: Callable[[ndarray], ndarray] | None = None


def believed(keypoints: Keypoints) -> Float[ndarray, "frames 2 21 3"] | None:
    """Return the keypoints' hands, NaN below the confidence BELIEVED; None if not detected."""
    if keypoints.hands is None or keypoints.hands_confidence is None:
        return keypoints.hands
    return np.where(
        (keypoints.hands_confidence >= BELIEVED)[..., None, None], keypoints.hands, np.nan
    )


def solved_hands(
    points: Float[ndarray, "frames 2 21 3"],
    steady_fingers: Callable[[ndarray], ndarray] | None = None,
    steady_palms: Callable[[ndarray], ndarray] | None = None,
) -> SolvedHands:
    """Solve hands (`solve_hands`) with filters.

    Args:
        points: As for `solve_hands`.
        steady_fingers: A filter for the rotations (F, 2, 15, 4) of the finger bones.
        steady_palms: A filter for the rotations (F, 2, 4) of the palms relative to their forearms.
    """
    palms, fingers = solve_hands(points)
    if steady_fingers is not None:
        fingers = steady_fingers(fingers)
    seen = np.isfinite(points).all(axis=(2, 3))
    palms = np.where(seen[..., None], palms, R.IDENTITY)
    return SolvedHands(
        palms, np.where(seen[..., None, None], fingers, R.IDENTITY), seen, steady_palms
    )


_REST_LANDMARKS = landmarks_of(HUMANOID.rest_positions(), np.tile(R.IDENTITY, (len(BONES), 1)))
_TORSO = [LANDMARKS.index(f"{s}_{n}") for n in ("shoulder", "hip") for s in ("left", "right")]
_ARM = np.array(
    [
        [LANDMARKS.index(f"{s}_{n}") for n in ("shoulder", "elbow", "wrist", "index", "pinky")]
        for s in ("left", "right")
    ]
)
# Direction of the left upper arm of a body that is added to a hand. It points down and forwards, so
# that a raised hand is in front of the shoulder.
_HANGS = R.normalize(np.array([0.25, -0.70, 0.65]))
_UPPER_ARM, _FOREARM = (
    float(np.linalg.norm(_REST_LANDMARKS[_ARM[0, n + 1]] - _REST_LANDMARKS[_ARM[0, n]]))
    for n in (0, 1)
)


def with_arms(keypoints: Keypoints) -> Keypoints:
    """Add a body to hands that are seen without one.

    The body stands facing the camera, with its upper arms down and forwards, and each forearm in
    the direction of its hand. Frames with a body, and frames without hands, are not changed.

    Args:
        keypoints: Keypoints of one person.
    """
    hands = believed(keypoints)
    if hands is None:
        return keypoints
    alone = np.isnan(keypoints.positions).all(axis=(1, 2))[:, None] & np.isfinite(hands).all(
        axis=(2, 3)
    )
    if not alone.any():
        return keypoints
    positions, confidence = keypoints.positions.copy(), keypoints.confidence.copy()
    somebody = alone.any(axis=1)
    positions[somebody] = _REST_LANDMARKS - _REST_LANDMARKS[_TORSO[2:]].mean(axis=0)
    confidence[somebody] = 0.0
    confidence[np.ix_(somebody, _TORSO)] = 1.0
    for side in (0, 1):
        frames = alone[:, side]
        shoulder, elbow, wrist, index, little = _ARM[side]
        hand = hands[frames, side] - hands[frames, side, :1]
        along = R.normalize(hand[:, _KNUCKLES].mean(axis=1))
        positions[frames, elbow] = positions[frames, shoulder] + _UPPER_ARM * _HANGS * [
            1.0 - 2.0 * side,
            1.0,
            1.0,
        ]
        positions[frames, wrist] = positions[frames, elbow] + _FOREARM * along
        positions[frames, index] = positions[frames, wrist] + hand[:, _KNUCKLES[0]]
        positions[frames, little] = positions[frames, wrist] + hand[:, _KNUCKLES[-1]]
        confidence[np.ix_(frames, [elbow, wrist, index, little])] = 1.0
    return replace(keypoints, positions=positions, confidence=confidence)
