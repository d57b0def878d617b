"""Retargeting: motion from one body to another of any bone names, axes, rest pose and proportions.

retarget     a motion on humanoid bones, onto a body with the same bones (to_body.py) or onto a rig
             (to_rig.py)
normalized   the inverse: a motion on a rig's own skeleton, onto humanoid bones in T-pose
             (to_humanoid.py)
load_motion  the motion in any file, on humanoid bones (load.py)

The steps: links.py (which joint rotates with which bone), rotations.py (rotations of joints and
bones), pelvis.py (the pelvis' rotation from positions), body.py (a rig's proportions and soles),
feet.py (feet in contact), hips.py (displacement of the hips), hand_contacts.py (hands in contact).
clip.py edits a motion: trim, mirror, loop, turn.
"""

from __future__ import annotations

from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import Skeleton
from mocap.retargeting.load import load_motion
from mocap.retargeting.to_body import leg_length, onto_body
from mocap.retargeting.to_humanoid import normalized
from mocap.retargeting.to_rig import onto_rig


def retarget(
    motion: Motion, target: Skeleton | Rig, keep_touch: bool = False, plant_feet: bool = True
) -> Motion:
    """Retarget a motion on humanoid bones onto another body.

    On a rig, each mapped joint gets the world rotation of its bone, relative to the T-pose. The
    root path is scaled by the ratio of leg lengths. Feet keep their height above the floor, and
    feet in contact stay in place.

    Args:
        motion: A motion on humanoid bones.
        target: A skeleton with the same bones, or a rig.
        keep_touch: Keep contacts of the hands with each other and with the body (rigs only).
        plant_feet: Move legs and hips so that feet in contact stay in place (rigs only).

    Returns:
        The motion on the target's skeleton.

    Raises:
        InputError: The motion is not on humanoid bones or, for a skeleton, not on the same bones.
    """
    return (
        onto_rig(motion, target, keep_touch, plant_feet)
        if isinstance(target, Rig)
        else onto_body(motion, target)
    )


__all__ = ["leg_length", "load_motion", "normalized", "retarget"]
