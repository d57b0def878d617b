"""A hand's 21 points to rotations of the palm and the fifteen finger bones, in closed form.

    palm       wrist to the four knuckles, index to little finger across
    knuckle    flexion about the palm's axis, then splay; twist as far as the bend of the next joint
               shows it
    beyond     hinges: deviations from the hinge's plane are noise
    thumb      the same, about its own axes: its saddle joint is the root, and its knuckle moves a
               little sideways

Only directions count, so the performer's proportions make no difference. Every angle is limited
softly to human ranges (Norkin and White, Measurement of Joint Motion, 5th ed., app. B, widened by
the detector's noise). The right hand is solved as the mirror image of a left one, so that the two
are symmetric to the last bit.
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
"""A hand of less confidence than this is not seen.

A network that is not sure which side a hand is of mirrors its depth: on the demo clip the palm is
165° off below a confidence of 0.2, 126° to 0.5, 64° to 0.8, 36° to 0.95 and 21° above (medians)."""

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
# The points that each of the fifteen bones runs between.
_START = np.array([4 * digit + part + 1 for digit in range(5) for part in range(3)])
_KNUCKLES = [5, 9, 13, 17]
_MIRROR = np.array([1.0, -1.0, -1.0, 1.0])  # of a quaternion, in the plane x = 0
_FLIP = np.array([-1.0, 1.0, 1.0])


def hand_points(
    positions: Float[ndarray, "*frames 55 3"], rotations: Float[ndarray, "*frames 55 4"]
) -> Float[ndarray, "*frames 2 21 3"]:
    """Return both hands' 21 points of a humanoid posed by `kinematics.fk`.

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
            # A tip is as far along as the performer's finger is long.
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
    """The frame of a palm: x from the wrist to the knuckles' middle, y towards the index finger."""
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


# Where a thumb at rest bends to: across the palm. Median over a hand that spells (325 frames,
# MediaPipe), of both its joints; half of all bends are within 5 and 10° of it.
_THUMB_BENDS = np.array([0.62, -0.06, -0.76])
_FRAME = _bone_frames()
_FROM_FRAME = R.conjugate(_FRAME)

# The bones of each digit from its root, and how one's axes look in the next one's, for the middle
# and the end bone from the root, and from the middle bone to the end one.
_CHAIN = np.arange(15).reshape(5, 3)
_FROM_ROOT = _FROM_FRAME[_CHAIN[:, :1]]
_PASSED = R.multiply(_FROM_FRAME[_CHAIN[:, 1:]], _FRAME[_CHAIN[:, :1]])
_TO_END = R.multiply(_FROM_FRAME[_CHAIN[:, 2]], _FRAME[_CHAIN[:, 1]])


def _range(fingers: tuple[float, float], thumb: tuple[float, float]) -> tuple[ndarray, ndarray]:
    """Return the limits (low, high), (5,) radians, of the thumb's joint and the four fingers'.

    The arguments are degrees.
    """
    low, high = np.radians(np.array([thumb, *[fingers] * 4], dtype=np.float64)).T
    return low, high


# Human ranges, which are kept as they are; beyond, an angle is drawn in softly, by 10° more at
# most.
_FLEXION = _range((-35.0, 100.0), (-40.0, 50.0))
_SPLAY = _range((-30.0, 30.0), (-45.0, 45.0))
_TURN = _range((-15.0, 15.0), (-40.0, 40.0))
_MIDDLE = _range((-10.0, 120.0), (-20.0, 75.0))
_END = _range((-20.0, 95.0), (-30.0, 95.0))
_SIDE = _range((-15.0, 15.0), (-15.0, 15.0))
_HAS_SIDE = np.array([1.0, 0.0, 0.0, 0.0, 0.0])  # a finger's middle joint is a hinge
_WRIST = np.radians([40.0, 85.0])  # of the hand at the wrist, sideways and up or down
_SOFT = np.radians(10.0)
# A bend whose sine is smaller than this tells little of the plane that it is in.
_TELLING = np.sin(np.radians(10.0))
# Weights of the bends at middle and end joint as evidence of the turn: the end of a finger is seen
# least, and a thumb bends there most.
_TELLS = np.array([[1.0, 0.3], *[[1.0, 0.0]] * 4])


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
    """The rotation in a bone's frame that takes it aside, then flexes it: about z, of −y."""
    a, b = 0.5 * flexion, -0.5 * aside
    sin_a, cos_a, sin_b, cos_b = np.sin(a), np.cos(a), np.sin(b), np.cos(b)
    return np.stack([-sin_a * sin_b, cos_a * sin_b, sin_a * cos_b, cos_a * cos_b], axis=-1)


_X, _Z = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])


def solve_hands(
    points: Float[ndarray, "frames 2 21 3"],
) -> tuple[Float[ndarray, "frames 2 4"], Float[ndarray, "frames 2 15 4"]]:
    """Return world rotations of both hands and local rotations of their finger bones.

    Args:
        points: Left and right, in any unit and from any origin; NaN where a hand is not seen.

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
    """Rotations of all digits' bones, from their directions in a left hand's axes."""
    d = R.apply(_FROM_ROOT, d)
    first = d[..., 0, :]
    root = _bent(_soft(_flexion(first), *_FLEXION), _soft(_sideways(first), *_SPLAY))
    beyond = R.apply(R.conjugate(root)[..., None, :], d[..., 1:, :])
    bends = R.apply(_PASSED, beyond)
    # How far the root is turned about itself shows in the planes in which the joints beyond it
    # bend, as far as they are bent.
    height = _TELLS * bends[..., 1]
    across, along = R.dot(height, bends[..., 2]), R.dot(height, bends[..., 1])
    turn = R.from_axis_angle(_X, _soft(np.arctan(across / (along + _TELLING * _TELLING)), *_TURN))
    bends = R.apply(_PASSED, R.apply(R.conjugate(turn)[..., None, :], beyond))
    second = bends[..., 0, :]
    middle = _bent(_soft(_flexion(second), *_MIDDLE), _HAS_SIDE * _soft(_sideways(second), *_SIDE))
    # The end bone's direction is known in its own frame as the root has it; the middle joint's bend
    # is taken off in the middle one's.
    third = R.apply(
        _TO_END, R.apply(R.conjugate(middle), R.apply(R.conjugate(_TO_END), bends[..., 1, :]))
    )
    end = R.from_axis_angle(_Z, _soft(_flexion(third), *_END))
    local = np.stack([R.multiply(root, turn), middle, end], axis=-2)
    return R.multiply(R.multiply(_FRAME[_CHAIN], local), _FROM_FRAME[_CHAIN])


def within_wrist(relative: Float[ndarray, "frames 2 4"]) -> Float[ndarray, "frames 2 4"]:
    """Limit hands relative to their forearms, softly, to the range of a wrist.

    Their roll stays: the forearm takes it.
    """
    _, roll = R.swing_twist(relative, _X)
    v = R.to_rotation_vector(R.multiply(R.conjugate(roll), relative))
    v[..., 1:] = _soft(v[..., 1:], -_WRIST, _WRIST)
    return R.multiply(roll, R.from_rotation_vector(v))


@dataclass(frozen=True, eq=False, slots=True)
class SolvedHands:
    """The rotations of hands that `solve_body` needs.

    Attributes:
        palms: World rotations (F, 2, 4).
        fingers: Local rotations (F, 2, 15, 4).
        seen: (F, 2); rotations of unseen hands may be anything finite.
        steady: A filter for the palms relative to their forearms (F, 2, 4), NaN where not seen.
    """

    palms: Float[ndarray, "frames 2 4"]
    fingers: Float[ndarray, "frames 2 15 4"]
    seen: Bool[ndarray, "frames 2"]
    steady: Callable[[ndarray], ndarray] | None = None


def believed(keypoints: Keypoints) -> Float[ndarray, "frames 2 21 3"] | None:
    """The keypoints' hands, NaN where they are doubtful; None if hands were not detected."""
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
        points: As in `solve_hands`.
        steady_fingers: A filter for the finger bones' rotations (F, 2, 15, 4).
        steady_palms: A filter for the palms' rotations relative to their forearms.
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
# Of a body made up for a hand: its left upper arm hangs forwards, so that a raised hand is before
# the shoulder, not in it.
_HANGS = R.normalize(np.array([0.25, -0.70, 0.65]))
_UPPER_ARM, _FOREARM = (
    float(np.linalg.norm(_REST_LANDMARKS[_ARM[0, n + 1]] - _REST_LANDMARKS[_ARM[0, n]]))
    for n in (0, 1)
)


def with_arms(keypoints: Keypoints) -> Keypoints:
    """Give hands that are seen without a body a body.

    It stands facing the camera, upper arms down and forwards, and each forearm continues the
    direction of its hand. Frames with a body, and frames without hands, stay as they are.
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
