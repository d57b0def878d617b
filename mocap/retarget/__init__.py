"""Motion from one body to another, whatever its bones are called, turned and proportioned.

retarget     a motion on humanoid bones, onto a body of the same bones (same.py) or onto a rig (onto_rig.py)
normalized   the way back: a motion on a rig's own skeleton, onto humanoid bones in T-pose (elsewhere.py)
load_motion  a file's motion, whoever made it, on humanoid bones

Between them stand turns.py (which joint is turned as which bone), body.py (a rig's proportions and soles), feet.py (feet that
stay where they stand), hips.py (which give way to them), touch.py (hands that touch).
"""

from __future__ import annotations

from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import Skeleton
from mocap.retarget.elsewhere import load_motion, normalized
from mocap.retarget.onto_rig import onto_rig
from mocap.retarget.same import leg_length, onto_body


def retarget(motion: Motion, target: Skeleton | Rig, keep_touch: bool = False) -> Motion:
    """The motion, on humanoid bones, on another body: a skeleton of the same bones, or any rig.

    On a rig each mapped joint is turned in the world as the source's bone is, from its T-pose; the path is scaled by the legs' length, feet
    stand on the floor as they did, and those in contact stay where they stand. keep_touch: hands meet each other and the body where the
    performer's did (rigs only). Raises InputError if the motion is not on humanoid bones, or, for a skeleton, not on the same.
    """
    return (
        onto_rig(motion, target, keep_touch)
        if isinstance(target, Rig)
        else onto_body(motion, target)
    )


__all__ = ["leg_length", "load_motion", "normalized", "retarget"]
