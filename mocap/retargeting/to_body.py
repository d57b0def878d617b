"""Retargeting between bodies with the same bones: the root path is scaled with the legs."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from mocap.core.kinematics import bone_lengths
from mocap.core.motion import Motion
from mocap.core.skeleton import Skeleton
from mocap.core.surface import lowest_skins
from mocap.errors import InputError
from mocap.solve.plant import plant


@lru_cache(maxsize=32)
def leg_length(skeleton: Skeleton) -> float:
    """Return the length of thigh plus shank, the mean of both legs, metres."""
    lengths = bone_lengths(skeleton)
    return 0.5 * float(
        sum(
            lengths[skeleton.index(side + bone)]
            for side in ("left", "right")
            for bone in ("LowerLeg", "Foot")
        )
    )


@lru_cache(maxsize=32)
def _rest_alike(a: Skeleton, b: Skeleton) -> bool:
    return np.allclose(a.rest_rotations, b.rest_rotations, atol=1e-6)


def onto_body(motion: Motion, target: Skeleton) -> Motion:
    """Put a motion on a skeleton with the same joints and rest rotations but other proportions.

    The root path is scaled by the ratio of leg lengths. The height of the body's lowest part above
    the floor is scaled by the same ratio. Contacts stay in place.

    Args:
        motion: The motion.
        target: The skeleton to put it on.

    Raises:
        InputError: The joints or rest rotations differ.
    """
    source = motion.skeleton
    if source.names != target.names:
        raise InputError(
            f"A motion on {len(source.names)} joints ({source.names[0]}, …) cannot be put on a "
            f"skeleton with {len(target.names)} other joints ({target.names[0]}, …): use a Rig."
        )
    if not _rest_alike(source, target):
        raise InputError(
            "The two skeletons have different rest rotations, so they cannot share a motion's "
            "rotations: use a Rig."
        )
    ratio = leg_length(target) / leg_length(source)
    root = motion.root_positions * ratio
    here, there = lowest_skins([source, target], motion.rotations)
    root[:, 1] = (motion.root_positions[:, 1] + here) * ratio - there
    moved = Motion(
        target, motion.times, root, motion.rotations, motion.expressions, motion.contacts
    )
    assert motion.contacts is not None
    return plant(moved, motion.contacts > 0.5) if motion.contacts.any() else moved
