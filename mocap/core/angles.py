"""Joint angles of a humanoid motion, degrees, as the ISB recommends.

The ISB is the International Society of Biomechanics.

Each angle is 0 in the anatomical position: standing, arms at the sides, palms forward. Signs are
the same for both sides: flexion, adduction, internal rotation, pronation, inversion, dorsiflexion
and ulnar deviation are positive. Bending is positive to the right, rotation of pelvis, trunk and
neck to the left, the pelvis' tilt forward.

    joint      from, to               sequence      source
    hip        pelvis, thigh          Z X′ Y″       Wu et al. 2002 (after Grood & Suntay 1983)
    knee       thigh, shank           Z X′ Y″       Grood & Suntay 1983
    ankle      shank, foot            Z X′ Y″       Wu et al. 2002
    shoulder   thorax, upper arm      Z X′ Y″, and plane and elevation of Y X′ Y″ (Wu et al. 2005)
    elbow      upper arm, forearm     Z X′ Y″       Wu et al. 2005
    wrist      forearm, hand          Z X′ Y″       Wu et al. 2005
    trunk      pelvis, thorax         Z X′ Y″       Wu et al. 2002
    neck       thorax, head           Z X′ Y″       Wu et al. 2002
    pelvis     world, pelvis          Y X′ Z″       Baker 2001

The ISB's axes are X forward, Y up, Z to the right; a motion's are X left, Y up, Z forward. The
angles of the left side are computed as those of the right side of the mirrored motion.

Wu et al. 2002, J. Biomech. 35:543; 2005, J. Biomech. 38:981. Grood & Suntay 1983, J. Biomech. Eng.
105:136. Baker 2001, Human Movement Science 20:787.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.kinematics import global_rotations
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES
from mocap.errors import InputError

Angles = dict[str, Float[ndarray, " frames"]]
"""Name → degrees for each frame."""

# The ISB's axes Z (right), X (forward) and Y (up), as rows, in a motion's axes.
_ZXY = np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
# The wrist's axes, as rows, for a hanging arm with the thumb forward: flexion is about the forward
# axis.
_WRIST = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
# Rotation of the right arm from the T-pose to hanging at the side.
_HANGING = R.from_axis_angle(np.array([0.0, 0.0, 1.0]), 0.5 * np.pi)
# Pronation of a forearm whose palm faces the body, from the anatomical position, degrees.
_PALM_IN = 90.0


def joint_angles(motion: Motion) -> Angles:
    """Return the angles of pelvis, trunk, neck, hips, knees, ankles, shoulders, elbows and wrists.

    Args:
        motion: A motion on humanoid bones that rest in T-pose with identity rotations.

    Returns:
        Degrees by name: `pelvis_*`, `trunk_*`, `neck_*`, and `{joint}_{angle}_{r, l}`.

    Raises:
        InputError: If the motion is on other joints.
    """
    if motion.skeleton.names != BONES:
        raise InputError(
            f"Joint angles are measured on the {len(BONES)} humanoid bones, but the motion has "
            f"{len(motion.skeleton.names)} joints ({motion.skeleton.names[0]}, …)."
        )
    world = global_rotations(motion.skeleton, motion.rotations)
    out = _middle(world)
    mirrored = motion.mirror()
    right = _right(world)
    left = _right(global_rotations(mirrored.skeleton, mirrored.rotations))
    for name in right:
        out[f"{name}_r"] = right[name]
        out[f"{name}_l"] = left[name]
    return out


def pelvis_in_ground(motion: Motion) -> Float[ndarray, "frames 3"]:
    """Return the pelvis' tilt, list and rotation in OpenSim's order Z X′ Y″, degrees.

    OpenSim's ground frame is X forward, Y up, Z to the right. Positive angles tilt the pelvis
    backward, list it to the right and turn it to the left.

    Args:
        motion: A motion on humanoid bones.

    Returns:
        (F, 3) degrees: tilt, list, rotation.
    """
    return np.stack(_cardan(motion.rotations[:, 0], _ZXY), axis=1)


def _middle(world: Float[ndarray, "frames 55 4"]) -> Angles:
    hips, chest, head = (world[:, BONES.index(b)] for b in ("hips", "upperChest", "head"))
    # The pelvis' sequence is Y, X, Z: heading first.
    turn, side, tilt = _cardan(hips, _ZXY[[2, 1, 0]])
    out = {"pelvis_tilt": -tilt, "pelvis_list": side, "pelvis_rotation": turn}
    for name, above, below in (("trunk", hips, chest), ("neck", chest, head)):
        extension, bending, rotation = _cardan(_between(above, below), _ZXY)
        out |= {
            f"{name}_flexion": -extension,
            f"{name}_bending": bending,
            f"{name}_rotation": rotation,
        }
    return out


def _right(world: Float[ndarray, "frames 55 4"]) -> Angles:
    """Return the angles of the right side's joints."""

    def of(bone: str) -> Float[ndarray, "frames 4"]:
        return np.asarray(world[:, BONES.index("right" + bone)])

    hips, chest = (world[:, BONES.index(b)] for b in ("hips", "upperChest"))
    out = _named("hip", _cardan(_between(hips, of("UpperLeg")), _ZXY))
    knee = _cardan(_between(of("UpperLeg"), of("LowerLeg")), _ZXY)
    out |= _named("knee", (-knee[0], knee[1], knee[2]))
    dorsiflexion, inversion, rotation = _cardan(_between(of("LowerLeg"), of("Foot")), _ZXY)
    out |= {
        "ankle_dorsiflexion": dorsiflexion,
        "ankle_inversion": inversion,
        "ankle_rotation": rotation,
    }
    arm = R.multiply(_between(chest, of("UpperArm")), R.conjugate(_HANGING))
    out |= _named("shoulder", _cardan(arm, _ZXY))
    out |= _elevation(arm)
    elbow = _cardan(_hung(_between(of("UpperArm"), of("LowerArm"))), _ZXY)
    wrist = _cardan(_hung(_between(of("LowerArm"), of("Hand"))), _WRIST)
    out |= {
        "elbow_flexion": elbow[0],
        "elbow_pronation": _wrapped(_PALM_IN + elbow[2] + wrist[2]),
        "wrist_flexion": wrist[0],
        "wrist_deviation": wrist[1],
    }
    return out


def _named(joint: str, angles: tuple[ndarray, ndarray, ndarray]) -> Angles:
    ways = ("flexion", "adduction", "rotation")
    return {f"{joint}_{way}": a for way, a in zip(ways, angles, strict=True)}


def _elevation(arm: Float[ndarray, "frames 4"]) -> Angles:
    """Return the plane of the arm's elevation (0: to the side, 90: forward) and the elevation."""
    along = R.apply(arm, np.array([0.0, -1.0, 0.0]))
    elevation = np.degrees(np.arctan2(np.hypot(along[:, 0], along[:, 2]), -along[:, 1]))
    plane = np.degrees(np.arctan2(along[:, 2], -along[:, 0]))
    return {"shoulder_plane": plane, "shoulder_elevation": elevation}


def _hung(q: Float[ndarray, "frames 4"]) -> Float[ndarray, "frames 4"]:
    """Return a rotation within the right arm, expressed in the axes of the hanging arm."""
    return R.multiply(R.multiply(_HANGING, q), R.conjugate(_HANGING))


def _between(
    above: Float[ndarray, "frames 4"], below: Float[ndarray, "frames 4"]
) -> Float[ndarray, "frames 4"]:
    return R.multiply(R.conjugate(above), below)


def _cardan(
    q: Float[ndarray, "frames 4"], axes: Float[ndarray, "3 3"]
) -> tuple[ndarray, ndarray, ndarray]:
    """Return the angles about three orthogonal axes, each in the frame turned by those before.

    Args:
        q: Rotations.
        axes: The axes as rows, right- or left-handed.

    Returns:
        Degrees; continuous in time where an angle passes half a turn.
    """
    hand = float(np.sign(np.linalg.det(axes)))
    m = np.stack([[R.apply(q, b) @ a for b in axes] for a in axes]).transpose(2, 0, 1)
    first = np.arctan2(-m[:, 1, 2], m[:, 2, 2])
    second = np.arcsin(np.clip(m[:, 0, 2], -1.0, 1.0))
    third = np.arctan2(-m[:, 0, 1], m[:, 0, 0])
    return tuple(hand * np.degrees(np.unwrap(a)) for a in (first, second, third))


def _wrapped(degrees: Float[ndarray, " frames"]) -> Float[ndarray, " frames"]:
    """Return the angles shifted by whole turns so that their median is within half a turn."""
    return (
        degrees - 360.0 * np.round(float(np.median(degrees)) / 360.0) if len(degrees) else degrees
    )
