"""Rotations of the humanoid from keypoints, in closed form: limbs follow the keypoints exactly.

    pelvis             hip line; up axis along the trunk, less the spine's part (mocap.solve.trunk)
    chest              shoulder line; up axis along the trunk, and the spine's part
    spine              a third each of the rotation from pelvis to chest
    clavicles          raised with the arm (see `_clavicles`)
    head               across ears and eyes, forward along the face; the neck half-way to it
    upper arm, thigh   direction, and twist from the hinge of elbow or knee (mocap.solve.twist)
    forearm            the elbow's hinge, and the roll of the hand (pronation)
    hand               wrist to knuckles, index to little finger
    foot               ankle to toe, heel below

Rest frames come from HUMANOID's own landmarks through the same functions, so that the rest pose
gives identity rotations. Only directions are used: the result does not depend on proportions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.keypoints import LANDMARKS, landmarks_of, pair
from mocap.core.skeleton import BONES, HUMANOID, humanoid_index
from mocap.core.small import clip, middle, without_nan
from mocap.solve.evidence import SEEN
from mocap.solve.face import SolvedHead
from mocap.solve.groups import (
    BONE_GROUP,
    FOOT_GROUPS,
    HAND_GROUPS,
    HEAD_GROUP,
    LIMB_GROUPS,
    TRUNK_GROUP,
    seen_groups,
)
from mocap.solve.hands import FINGER_BONES, SolvedHands
from mocap.solve.hold import RELAXED, HoldState, hold_unseen
from mocap.solve.trunk import curve, spine_flexion
from mocap.solve.twist import FULL_BEND, Hinges, HingeState, follow_hinge
from mocap.solve.wrists import pronated, relative_hands

_I = {name: i for i, name in enumerate(LANDMARKS)}
_FACE_LEFT = [_I[n] for n in ("left_ear", "left_eye_outer", "mouth_left")]
_FACE_RIGHT = [_I[n] for n in ("right_ear", "right_eye_outer", "mouth_right")]
_FACE_FRONT = [_I[n] for n in ("nose", "left_eye", "right_eye", "mouth_left", "mouth_right")]
_EARS = pair("ear")
_HIPS = pair("hip")
_SHOULDERS = pair("shoulder")
# Root, hinge and end of the four limbs.
_LIMB_ROOT = [_I[n] for n in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")]
_LIMB_HINGE = [_I[n] for n in ("left_elbow", "right_elbow", "left_knee", "right_knee")]
_LIMB_END = [_I[n] for n in ("left_wrist", "right_wrist", "left_ankle", "right_ankle")]
_INDEX, _LITTLE = pair("index"), pair("pinky")
_HEEL, _TOE = pair("heel"), pair("foot_index")
_WRIST, _ANKLE = _LIMB_END[:2], _LIMB_END[2:]

_UPPER = humanoid_index("leftUpperArm", "rightUpperArm", "leftUpperLeg", "rightUpperLeg")
_LOWER = humanoid_index("leftLowerArm", "rightLowerArm", "leftLowerLeg", "rightLowerLeg")
_HAND, _FOOT = humanoid_index("leftHand", "rightHand"), humanoid_index("leftFoot", "rightFoot")
_CLAVICLE = humanoid_index("leftShoulder", "rightShoulder")
_SPINE = humanoid_index("spine", "chest", "upperChest")
_EYES = humanoid_index("leftEye", "rightEye")
_NECK, _HEAD = BONES.index("neck"), BONES.index("head")
_SOLVED = np.concatenate([_SPINE, [_NECK, _HEAD], _CLAVICLE, _UPPER, _LOWER, _HAND, _FOOT])
_SOLVED_PARENTS = HUMANOID.parents[_SOLVED]

# Rest pose: directions of the limbs, and axes about which their hinges bend (right-handed, upper
# bone × lower bone).
_REST_DIRECTION = np.array([[1.0, 0, 0], [-1.0, 0, 0], [0, -1.0, 0], [0, -1.0, 0]])
_REST_AXIS = np.array([[0, -1.0, 0], [0, 1.0, 0], [1.0, 0, 0], [1.0, 0, 0]])
_REST_LIMB = np.tile(R.conjugate(R.from_frame(_REST_DIRECTION, _REST_AXIS)), (2, 1))
# Parents of the four limbs among the oriented parts: pelvis (0) and chest (1); twice, for upper and
# lower bones.
_LIMB_PARENTS = [1, 1, 0, 0, 1, 1, 0, 0]

# Rate at which the twist of a straight limb approaches its hint, 1/s: for legs the heading of the
# foot, for arms the twist of the rest pose. The latter keeps the twist of circling straight arms
# from growing (parallel transport around a cone turns by the solid angle of the cone).
_HINT_RATE = np.array([1.0, 1.0, 4.0, 4.0])
# A knee whose axis is further than this from the one that the foot suggests is bent backwards by
# noise: its axis is reversed. Noise bends no knee by more than the second angle (radians): there
# the foot is wrong, and reversing would turn the leg by half a turn.
_BACKWARDS, _BACKWARDS_BEND = np.cos(np.radians(110.0)), np.radians(45.0)
_ONE = np.zeros(1, dtype=np.int64)

# Rise of the clavicle under an arm that points straight up, its length, and the distance of its
# root from the middle.
_CLAVICLE_LIFT = np.radians(15.0)
_CLAVICLE_LENGTH = float(HUMANOID.offsets[BONES.index("leftUpperArm"), 0])
_CLAVICLE_ROOT = float(HUMANOID.offsets[BONES.index("leftShoulder"), 0])


@dataclass(frozen=True, eq=False, slots=True)
class BodyState:
    """The state for the next frames: hinges, held bones, and corrections by hands and face."""

    hinge: HingeState
    hold: HoldState
    palms: HoldState | None = None
    face: HoldState | None = None
    chest: HoldState | None = None


def _directions() -> ndarray:
    """Return the matrix (22, 33) from landmarks to the direction vectors of the solver.

    Rows: primary and secondary vectors of pelvis, chest, head, hands and feet (7 + 7), then the
    upper and lower bones of the four limbs (4 + 4). One product, because the cost of a live frame
    is the number of array operations.
    """
    out = np.zeros((22, len(LANDMARKS)))

    def row(index: int, to: list[int], start: list[int]) -> None:
        out[index, to] += 1.0 / len(to)
        out[index, start] -= 1.0 / len(start)

    row(0, _HIPS[:1], _HIPS[1:])
    row(1, _SHOULDERS[:1], _SHOULDERS[1:])
    row(2, _FACE_LEFT, _FACE_RIGHT)
    row(7, _SHOULDERS, _HIPS)
    row(8, _SHOULDERS, _HIPS)
    row(9, _FACE_FRONT, _EARS)
    for side in (0, 1):
        row(3 + side, [_INDEX[side], _LITTLE[side]], [_WRIST[side]])
        row(10 + side, [_INDEX[side]], [_LITTLE[side]])
        row(5 + side, [_TOE[side]], [_ANKLE[side]])
        row(12 + side, [_HEEL[side]], [_ANKLE[side]])
    for limb in range(4):
        row(14 + limb, [_LIMB_HINGE[limb]], [_LIMB_ROOT[limb]])
        row(18 + limb, [_LIMB_END[limb]], [_LIMB_HINGE[limb]])
    return out


_DIRECTIONS = _directions()
_REST_LANDMARKS = landmarks_of(HUMANOID.rest_positions(), np.tile(R.IDENTITY, (len(BONES), 1)))
_REST_DIRECTIONS = _DIRECTIONS @ _REST_LANDMARKS
_REST_FRAMES = R.conjugate(R.from_frame(_REST_DIRECTIONS[:7], _REST_DIRECTIONS[7:14]))
# Heading of the foot at rest, in the ankle's frame.
_FORWARD = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, eq=False, slots=True)
class BodyDetails:
    """Further inputs of `solve_body`, besides landmarks.

    Attributes:
        steady_hands: A filter for the hands' rotations (F, 2, 4) relative to their forearms.
        full_bend: Radians of bend from which on elbows and knees fully determine the twist of
            upper arms and thighs.
        hands: Palms and fingers from the hands' own points. Where they are not seen, the body's
            landmarks give the palm, after the same holding and easing.
        face: Head and eyes from the face, in the same way.
        whole: (F,) how far the whole body is seen, 0 (pelvis upright) to 1; None is 1.
        settle_hands: A last filter for the hands' rotations (F, 2, 4) relative to their
            forearms: palms that are lost and found again would jump.
        steady_rolls: A zero-phase filter for the rolls (F, 2, 4) of the forearms, which change up
            to twice as fast as those of the hands.
    """

    steady_hands: Callable[[ndarray], ndarray] | None = None
    full_bend: float = FULL_BEND
    hands: SolvedHands | None = None
    face: SolvedHead | None = None
    whole: Float[ndarray, "frames"] | None = None
    settle_hands: Callable[[ndarray], ndarray] | None = None
    steady_rolls: Callable[[ndarray], ndarray] | None = None


_NO_DETAILS = BodyDetails()


def solve_body(
    times: Float[ndarray, "frames"],
    positions: Float[ndarray, "frames 33 3"],
    confidence: Float[ndarray, "frames 33"],
    state: BodyState | None = None,
    details: BodyDetails = _NO_DETAILS,
) -> tuple[Float[ndarray, "frames 55 4"], BodyState]:
    """Solve rotations from landmarks, in closed form.

    A clip solved at once and frame by frame, handing on the state, gives the same rotations.
    Landmarks that are NaN or of less confidence than SEEN move nothing: their bones are held, then
    eased to RELAXED.

    Args:
        times: Seconds.
        positions: Landmarks, metres, mocap's axes.
        confidence: Confidence of the landmarks, 0 to 1.
        state: The state after the previous frames; None at the start of a take.
        details: Further inputs.

    Returns:
        Local rotations of HUMANOID's bones, and the state after the last frame.
    """
    hands, face, whole = details.hands, details.face, details.whole
    missing = np.isnan(positions).any(axis=-1)
    if missing.any():
        positions = np.where(
            missing[..., None], _REST_LANDMARKS - _REST_LANDMARKS[_HIPS].mean(axis=0), positions
        )
        confidence = np.where(missing, 0.0, confidence)
    # Fingers that are not detected at all are at rest, not lost.
    fingers_seen = np.ones((len(positions), 2), dtype=bool) if hands is None else hands.seen
    seen = np.concatenate([seen_groups(without_nan(confidence)), fingers_seen], axis=1)
    if hands is not None:
        seen[:, HAND_GROUPS] |= seen[:, LIMB_GROUPS[:2]] & hands.seen
    if face is not None:
        seen[:, HEAD_GROUP] |= face.seen
    p = _hips_from_shoulders(positions, confidence)

    world = np.empty((len(p), len(BONES), 4))
    world[:] = R.IDENTITY
    directions = _DIRECTIONS @ p
    if whole is not None:
        # Resting legs hang on the pelvis, so a lean of the upper body alone belongs to the spine.
        share = whole[:, None]
        trunk = R.normalize(directions[:, 7])
        directions[:, 7] = share * trunk + (1.0 - share) * [0.0, 1.0, 0.0]
    oriented = R.multiply(R.from_frame(directions[:, :7], directions[:, 7:14]), _REST_FRAMES)
    pelvis, chest = oriented[:, 0], oriented[:, 1]
    head, faces = _own_head(times, oriented[:, 2], face, None if state is None else state.face)
    hand, foot = oriented[:, 3:5], oriented[:, 5:7]

    # Parents of arms and legs: chest and pelvis. The clavicles would add the noise of the arms.
    parent = oriented[:, _LIMB_PARENTS]
    bones = R.normalize(directions[:, 14:])
    axes, hinge = _hinge_axes(
        times, bones, parent, foot, seen, None if state is None else state.hinge, details.full_bend
    )
    limbs = R.multiply(R.from_frame(bones, axes), _REST_LIMB)

    pelvis, chest = curve(pelvis, chest, _bend_of_spine(pelvis, bones[:, 2:4], confidence, whole))
    clavicles, tilt = _clavicles(bones[:, :2], chest)
    chest = R.multiply(chest, tilt)
    third = R.from_rotation_vector(
        R.to_rotation_vector(R.multiply(R.conjugate(pelvis), chest)) / 3.0
    )
    world[:, 0] = pelvis
    world[:, _SPINE[0]] = R.multiply(pelvis, third)
    world[:, _SPINE[1]] = R.multiply(world[:, _SPINE[0]], third)
    world[:, _SPINE[2]] = chest
    # A face without a body turns the head on a chest that is held or at rest.
    under, chests = hold_unseen(
        times,
        chest[:, None],
        seen[:, TRUNK_GROUP, None],
        _ONE,
        R.IDENTITY[None],
        None if state is None else state.chest,
    )
    under = under[:, 0]
    world[:, _NECK], world[:, _HEAD] = R.slerp(under, head, 0.5), head
    world[:, _CLAVICLE] = R.multiply(chest[:, None], clavicles)
    world[:, _UPPER] = limbs[:, :4]
    world[:, _LOWER] = limbs[:, 4:]
    relative, palms = relative_hands(
        times,
        limbs[:, 4:6],
        hand,
        details.steady_hands,
        hands,
        None if state is None else state.palms,
    )
    if details.settle_hands is not None:
        relative = details.settle_hands(relative)
    forearms, world[:, _HAND] = pronated(limbs[:, 4:6], relative, details.steady_rolls)
    world[:, _LOWER[:2]] = forearms
    world[:, _FOOT] = foot

    local = np.empty((len(p), len(BONES), 4))
    local[:] = RELAXED
    local[:, 0] = pelvis
    local[:, _SOLVED] = R.multiply(R.conjugate(world[:, _SOLVED_PARENTS]), world[:, _SOLVED])
    local[:, _NECK] = R.multiply(R.conjugate(under), world[:, _NECK])
    if hands is not None:
        local[:, FINGER_BONES] = hands.fingers
    if face is not None:
        local[:, _EYES] = face.eyes[:, None]
    out, hold = hold_unseen(
        times, local, seen, BONE_GROUP, RELAXED, None if state is None else state.hold
    )
    return out, BodyState(hinge, hold, palms, faces, chests)


def _bend_of_spine(
    pelvis: ndarray, thighs: ndarray, confidence: ndarray, whole: ndarray | None
) -> ndarray:
    """Return the flexion of the spine (F,), radians; 0 where no thigh is seen."""
    sure = np.minimum(confidence[:, _HIPS], confidence[:, _LIMB_HINGE[2:]])
    trust = clip((sure - SEEN / 3) / (SEEN - SEEN / 3), 0.0, 1.0)
    flexion = spine_flexion(pelvis, thighs, trust)
    return flexion if whole is None else whole * flexion


def _hips_from_shoulders(p: ndarray, confidence: ndarray) -> ndarray:
    """Place unseen hips (a person at a desk) upright below the shoulders, facing as they do."""
    trust = clip((confidence[:, _HIPS].min(axis=1) - SEEN / 3) / (SEEN - SEEN / 3), 0.0, 1.0)[
        :, None, None
    ]
    if trust.min() >= 1.0:
        return p
    across = p[:, _SHOULDERS[0]] - p[:, _SHOULDERS[1]]
    across = 0.5 * across * [1.0, 0.0, 1.0]
    below = middle(p, _SHOULDERS) - [0.0, 0.5, 0.0]
    out = p.copy()
    out[:, _HIPS] = trust * p[:, _HIPS] + (1.0 - trust) * np.stack(
        [below + across, below - across], axis=1
    )
    return out


def _hinge_axes(
    times: ndarray,
    bones: ndarray,
    parent: ndarray,
    foot: ndarray,
    seen: ndarray,
    state: HingeState | None,
    full_bend: float,
) -> tuple[ndarray, HingeState]:
    """Return the world hinge axes of elbows and knees, (F, 8, 3): for upper, then lower bones."""
    to_parent = R.conjugate(parent)
    local = R.apply(to_parent, bones)
    a, b = local[:, :4], local[:, 4:]
    normal = R.cross(a, b)
    sine = np.sqrt(R.dot(normal, normal))
    bend = np.arctan2(sine, R.dot(a, b))
    # Hint of a limb: the axis of the rest pose, swung with the bone. For a leg with a foot in view:
    # the axis that bends the knee towards the foot's heading, weighted by how far the foot points
    # away from the leg.
    hint = R.apply(R.between(_REST_DIRECTION, a), _REST_AXIS)
    foot_seen = seen[:, FOOT_GROUPS, None]
    by_foot = R.cross(R.apply(R.multiply(to_parent[:, 2:4], foot), _FORWARD), b[:, 2:])
    by_foot = by_foot - R.dot(by_foot, a[:, 2:])[..., None] * a[:, 2:]
    hint[:, 2:] = R.normalize(0.1 * hint[:, 2:] + np.where(foot_seen, by_foot, 0.0))
    axis = normal / np.where(sine > 1e-9, sine, 1.0)[..., None]
    backwards = (R.dot(axis[:, 2:], hint[:, 2:]) < _BACKWARDS) & foot_seen[..., 0]
    backwards &= bend[:, 2:] < _BACKWARDS_BEND
    axis[:, 2:] = np.where(backwards[..., None], -axis[:, 2:], axis[:, 2:])
    bend = np.where(seen[:, LIMB_GROUPS], bend, 0.0)
    hinges = Hinges(a, axis, bend, hint, _HINT_RATE[None])
    solved, state = follow_hinge(times, hinges, state, full_bend)
    return R.apply(parent, np.concatenate([solved, solved], axis=1)), state


def _clavicles(upper_arm: ndarray, chest: ndarray) -> tuple[ndarray, ndarray]:
    """Return the rotations of the clavicles and the counter-rotation of the chest.

    Keypoints cannot distinguish a raised shoulder from a bent spine. Anatomy can: the clavicle
    rises with an arm lifted above the horizontal, by about 15° overhead (Ludewig et al., J. Bone
    Joint Surg. Am. 91, 2009). That part of the shoulder line's tilt is taken from the spine.

    Returns:
        (F, 2, 4) local rotations of the clavicles, and (F, 4) the rotation of the chest that keeps
        the shoulder line where it was seen.
    """
    lift = R.dot(upper_arm, R.apply(chest, np.array([0.0, 1.0, 0.0]))[:, None])
    angle = _CLAVICLE_LIFT * smoothstep(lift)
    signed = angle * [1.0, -1.0]
    reach = _CLAVICLE_LENGTH * np.cos(angle)
    rise = _CLAVICLE_LENGTH * np.sin(angle)
    tilt = np.arctan2(rise[:, 0] - rise[:, 1], 2.0 * _CLAVICLE_ROOT + reach.sum(axis=1))
    z = np.array([0.0, 0.0, 1.0])
    return R.from_axis_angle(z, signed), R.from_axis_angle(z, -tilt)


def _own_head(
    times: ndarray, head: ndarray, face: SolvedHead | None, state: HoldState | None
) -> tuple[ndarray, HoldState | None]:
    """Return the world rotations of the head, (F, 4), and the state.

    The body's landmarks give the rotation; a face that is seen corrects it. The correction is held
    and eased, so that a face that is lost or returns does not jump.
    """
    if face is None:
        return head, state
    correction = R.multiply(R.conjugate(head), face.turns)[:, None]
    held, state = hold_unseen(times, correction, face.seen[:, None], _ONE, R.IDENTITY[None], state)
    return R.multiply(head, held[:, 0]), state
