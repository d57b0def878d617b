"""Which node is which bone: what the file declares, what names say, what the shape says, in one answer with how surely."""

from __future__ import annotations

from mocap.errors import InputError
from mocap.rig.by_name import by_name
from mocap.rig.types import Found, Tree
from mocap.skeleton import BONES

REQUIRED = (
    "hips", "spine", "head", "leftUpperLeg", "leftLowerLeg", "leftFoot", "rightUpperLeg", "rightLowerLeg", "rightFoot",
    "leftUpperArm", "leftLowerArm", "leftHand", "rightUpperArm", "rightLowerArm", "rightHand",
)  # fmt: skip
"""The fifteen bones that VRM 1.0 requires of a humanoid."""

# Without these there is nobody to move.
_CORE = ("hips", *(s + b for s in ("left", "right") for b in ("UpperLeg", "LowerLeg", "UpperArm", "LowerArm")))


def map_bones(tree: Tree) -> dict[str, Found]:
    """bone → node, how and how surely, in the order of BONES. Raises InputError, with what is missing, for what is no humanoid."""
    found = by_name(tree)
    found |= {bone: Found(node, "vrm", 1.0) for bone, node in tree.declared.items()}
    missing = [bone for bone in _CORE if bone not in found]
    if missing:
        raise InputError(
            f"This is no humanoid that could be recognised: among its {len(tree.names)} nodes no {', '.join(missing)} was found."
        )
    return {bone: found[bone] for bone in BONES if bone in found}
