"""The pelvis' rotation from joint positions, for files in which the hips' rotation is arbitrary.

Some exporters give the hips an arbitrary rotation that the joints below undo. The pelvis' rotation
then follows only from the positions of thighs and spine.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.rig import Rig

# The hips' rotation is the pelvis' rotation if it maps the pelvis' lines at rest to within this
# angle (radians) of their directions, in this percentage of the frames.
_CARRIED = np.radians(10.0)
_OFTEN = 90.0
# Joints closer to the hips than this share of the distance between the thighs give no direction.
_NEAR = 0.1


def pelvis_turns(
    rig: Rig,
    positions: Float[ndarray, "frames joints 3"],
    turns: Float[ndarray, "frames 4"],
) -> Float[ndarray, "frames 4"]:
    """Return the pelvis' world rotations relative to the T-pose.

    Args:
        rig: The rig.
        positions: World positions of its joints, metres.
        turns: World rotations of the hips relative to the T-pose.

    Returns:
        `turns` if they agree with the line between the thighs and the line to a spine whose parent
        is the hips; otherwise the rotations of the frame of thighs and spine.
    """
    if not {"leftUpperLeg", "rightUpperLeg"} <= rig.bones.keys():
        return turns
    rest, _ = fk(rig.skeleton, np.zeros(3), rig.t_pose)
    left, right = rig.index("leftUpperLeg"), rig.index("rightUpperLeg")
    width = float(np.linalg.norm(rest[left] - rest[right]))
    trunk = [rig.index(b) for b in ("spine", "chest", "upperChest", "neck") if b in rig.bones]
    middle = 0.5 * (rest[left] + rest[right])
    far = [j for j in trunk if np.linalg.norm(rest[j] - middle) > _NEAR * width]
    if width == 0.0 or not far:
        return turns
    spine = far[0]
    across = R.normalize(positions[:, left] - positions[:, right])
    up = R.normalize(positions[:, spine] - 0.5 * (positions[:, left] + positions[:, right]))
    across_at_rest = R.normalize(rest[left] - rest[right])
    up_at_rest = R.normalize(rest[spine] - middle)
    lines = [(across_at_rest, across)]
    if int(rig.skeleton.parents[spine]) == rig.index("hips"):
        # Joints between the hips and this one would bend the line.
        lines.append((up_at_rest, up))
    astray = [R.dot(R.apply(turns, at_rest), now) for at_rest, now in lines]
    if all(np.percentile(a, 100.0 - _OFTEN) > np.cos(_CARRIED) for a in astray):
        return turns
    return R.multiply(
        R.from_frame(across, up), R.conjugate(R.from_frame(across_at_rest, up_at_rest))
    )
