"""Which node is which bone: declarations, names and shape combined, with a confidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.core.rig import Found, Tree
from mocap.core.skeleton import BONE_PARENTS, BONES, bone_before, mirrored_name
from mocap.errors import InputError
from mocap.rig import tree as T
from mocap.rig.by_name import by_name
from mocap.rig.doubts import SHAPE, against_shape, less_sure, proportions
from mocap.rig.names import ARM, FINGERS, LEG, read
from mocap.rig.shape import NoBody, by_shape

# Without these bones nothing can be moved.
_CORE = (
    "hips",
    *(s + b for s in ("left", "right") for b in ("UpperLeg", "LowerLeg", "UpperArm", "LowerArm")),
)
# Names surer than this are not overruled by a shape that contradicts most of them.
_SURE = 0.7
# Bones by name that are less sure have a vague name: one that may also mean another bone.
_VAGUE = 0.8
# So many joints, or as many as there are bones, may stand beside the bones of a part of a body.
_STRAYS = 6
# Factors for a bone's confidence if names and shape disagree about its node, and about its side.
_DISAGREE, _OTHER_SIDE = 0.85, 0.7


def map_bones(tree: Tree) -> dict[str, Found]:
    """Recognises the bones among a document's nodes.

    What the file itself declares (VRM) stands. Where names tell hips, arms and legs, they lead,
    and the shape fills what they leave out; where they do not, the shape leads, and names that fit
    into it are added. Both agreeing makes a bone surer, disagreeing less sure. A part of a body
    (without legs or arms, hands alone, a head alone) is recognised by names.

    Returns:
        Bone to node, how and how surely, in the order of BONES.

    Raises:
        InputError: With the reason, for what is no humanoid or part of one.
    """
    named = by_name(tree)
    try:
        shaped, reason = shape(tree), ""
    except NoBody as no:
        shaped, reason = {}, str(no)
    if tree.mirrored:
        # In a mirror image, left and right are where the shape says, whatever they are called.
        named = _sided(named, shaped)
    declared = {bone: Found(node, "vrm", 1.0) for bone, node in tree.declared.items()}
    if declared:
        found = declared
    elif set(_CORE) <= named.keys():
        other = _sided(shaped, named)
        found = _filled(tree, _weighed(_corrected(named, other), shaped), other)
    elif shaped and not _contradicted(named, shaped):
        found = _filled(tree, _weighed(shaped, named), named)
    else:
        found = named
    missing = [bone for bone in _CORE if bone not in found]
    if missing and not declared and not _is_part(tree, found):
        reason = reason or f"no node of it was found to be {', '.join(missing)}"
        raise InputError(
            f"This is no humanoid that could be recognised: {reason}. A map file made by hand may "
            "say what is what (--map)."
        )
    found = {bone: found[bone] for bone in BONES if bone in found}
    return found if declared else less_sure(tree, found)


def remarks(tree: Tree, found: dict[str, Found]) -> list[str]:
    """Return sentences on where a bone map disagrees with proportions or shape of the skeleton."""
    try:
        shaped = shape(tree)
    except NoBody:
        shaped = {}
    return [*proportions(tree, found), *against_shape(tree, found, shaped)]


def _contradicted(named: dict[str, Found], shaped: dict[str, Found]) -> bool:
    """Whether most bones that names tell surely are others by the shape, sides apart.

    Five fingers are a head, two arms and two legs to the shape alone.
    """
    bone_of = {f.node: bone for bone, f in shaped.items()}
    sure = {b: f.node for b, f in named.items() if f.sure > _SURE}
    agreed = [b for b, node in sure.items() if bone_of.get(node) in (b, mirrored_name(b))]
    return len(sure) >= 2 and len(agreed) < 0.5 * len(sure)


def _corrected(named: dict[str, Found], shaped: dict[str, Found]) -> dict[str, Found]:
    """Return the bones by name, with the limbs by shape that vague names place elsewhere.

    A limb is that of the shape if each of its bones that the shape places at another node has a
    vague name ("leg" for a shank), and the others are the same nodes. Words that are not known then
    do not shift a limb by one joint.
    """
    out = dict(named)
    for chain in (ARM, LEG):
        for side in ("left", "right"):
            limb = [side + bone for bone in chain]
            theirs = {b: shaped[b] for b in limb if b in shaped}
            moved = [b for b in limb if b in named and b in theirs and
                     named[b].node != theirs[b].node]  # fmt: skip
            whole = all(b in theirs and theirs[b].sure > SHAPE for b in limb if b in named)
            if moved and whole and all(named[b].sure < _VAGUE for b in moved):
                out = {b: f for b, f in out.items() if b not in limb} | theirs
    return out


def _is_part(tree: Tree, found: dict[str, Found]) -> bool:
    """Whether these bones are a part of a body, and most of what there is to the tree.

    A part is a pair of arms or of legs, a hand with three fingers, or a head with a neck, eyes or
    a jaw. Joints that are no bones, and not below the end of a limb, must not be most: an animal
    has a head as well.
    """

    def has(*bones: str) -> bool:
        return set(bones) <= found.keys()

    arms, legs = (
        all(has(f"{s}Upper{limb}", f"{s}Lower{limb}") for s in ("left", "right"))
        for limb in ("Arm", "Leg")
    )
    hands = any(
        has(f"{s}Hand") and sum(f"{s}{f}Proximal" in found for f in FINGERS) >= 3
        for s in ("left", "right")
    )
    head = has("head") and (has("neck") or has("leftEye", "rightEye") or has("jaw"))
    if not (arms or legs or hands or head):
        return False
    nodes = {f.node for f in found.values()}
    inside = np.zeros(len(tree.names), dtype=bool)
    for bone, f in found.items():
        inside[T.path(tree.parents, f.node)] = True
        if bone not in ("hips", "spine", "chest", "upperChest"):
            inside[T.below(tree.parents, f.node)] = True
    joints = tree.joints if tree.joints.any() else np.ones(len(tree.names), dtype=bool)
    return int((joints & ~inside).sum()) <= max(_STRAYS, len(nodes))


def shape(tree: Tree) -> dict[str, Found]:
    """Return the bones by shape, without nodes named wings, weapons, tails or handles.

    Such nodes may be longer than limbs.

    Raises:
        NoBody: There is no body.
    """
    readings = read(tree.names)
    joints = tree.joints if tree.joints.any() else np.ones(len(tree.names), dtype=bool)
    helpers, ends = (
        joints & np.array(marks)
        for marks in zip(*((r.helper, r.end) for r in readings), strict=True)
    )
    if not helpers.any() or helpers[joints].all():
        return by_shape(tree)
    try:
        found = by_shape(replace(tree, joints=joints & ~helpers))
        # The ends of the feet tell which way they point, and so which side is left.
        seen = by_shape(replace(tree, joints=joints & (ends | ~helpers))) if ends.any() else found
    except NoBody:
        return by_shape(tree)
    found = _sided(found, seen)
    return {
        bone: replace(f, sure=min(f.sure, seen[bone].sure)) if bone in seen else f
        for bone, f in found.items()
    }


def _weighed(found: dict[str, Found], other: dict[str, Found]) -> dict[str, Found]:
    """Return the same bones, with more confidence where the other agrees, and less elsewhere."""
    elsewhere = {f.node: bone for bone, f in other.items()}
    out = {}
    for bone, (node, how, sure) in ((b, (f.node, f.how, f.sure)) for b, f in found.items()):
        if bone in other and other[bone].node == node:
            sure = 1.0 - (1.0 - sure) * (1.0 - 0.5 * other[bone].sure)
        elif mirrored_name(bone) != bone and elsewhere.get(node) == mirrored_name(bone):
            sure *= _OTHER_SIDE
        elif bone in other:
            sure *= _DISAGREE
        out[bone] = Found(node, how, round(sure, 3))
    return out


def _sided(found: dict[str, Found], other: dict[str, Found]) -> dict[str, Found]:
    """Return the same bones, left and right exchanged if the other has most of them exchanged."""
    bone_of = {f.node: bone for bone, f in other.items()}
    sides = [
        bone_of[f.node] == bone
        for bone, f in found.items()
        if mirrored_name(bone) != bone and bone_of.get(f.node) in (bone, mirrored_name(bone))
    ]
    return (
        {mirrored_name(bone): f for bone, f in found.items()}
        if sum(sides) < 0.5 * len(sides)
        else found
    )


def _filled(tree: Tree, found: dict[str, Found], other: dict[str, Found]) -> dict[str, Found]:
    """Add bones of the other that are missing and fit.

    A bone fits if its node is free and below the node of the bone above it.
    """
    whole = dict(found)
    taken = {f.node for f in found.values()}
    for bone in BONES:
        if bone in whole or bone not in other or other[bone].node in taken:
            continue
        node = other[bone].node
        above = bone_before(bone, whole)
        # Only where both agree on the node that they hang from.
        agreed = above is not None and above in other and other[above].node == whole[above].node
        within = above is not None and whole[above].node in T.path(tree.parents, node)
        beneath = any(
            node in T.path(tree.parents, f.node) for b, f in whole.items() if _above(bone, b)
        )
        if within and (agreed or beneath):
            whole[bone] = Found(node, other[bone].how, round(0.9 * other[bone].sure, 3))
            taken.add(node)
    return whole


def _above(bone: str, other: str) -> bool:
    """Return whether `bone` is an ancestor of `other` in the bone hierarchy."""
    parent = BONE_PARENTS[other]
    while parent is not None and parent != bone:
        parent = BONE_PARENTS[parent]
    return parent == bone
