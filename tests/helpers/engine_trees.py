"""Bones of the engines' skeletons and their parents, as published by their makers.

A line is a chain: each bone is a child of the one before it. "@" stands for either side.
"""

from __future__ import annotations

# docs.godotengine.org, class SkeletonProfileHumanoid ("contains 56 bones"): all of them.
GODOT = """
Root Hips Spine Chest UpperChest Neck Head Jaw
Head @Eye
UpperChest @Shoulder @UpperArm @LowerArm @Hand @ThumbMetacarpal @ThumbProximal @ThumbDistal
@Hand @IndexProximal @IndexIntermediate @IndexDistal
@Hand @MiddleProximal @MiddleIntermediate @MiddleDistal
@Hand @RingProximal @RingIntermediate @RingDistal
@Hand @LittleProximal @LittleIntermediate @LittleDistal
Hips @UpperLeg @LowerLeg @Foot @Toes
"""
# docs.unity3d.com, HumanBodyBones: all of them; the avatar's definition fixes their order.
UNITY = (
    GODOT.replace("Root ", "")
    .replace("ThumbProximal", "ThumbIntermediate")
    .replace("ThumbMetacarpal", "ThumbProximal")
)
# create.roblox.com, "Export avatar animations from Maya": all of them. What hangs from what is in
# the R15 rig's Motor6D joints.
ROBLOX = """
Root HumanoidRootPart LowerTorso UpperTorso Head
UpperTorso @UpperArm @LowerArm @Hand
LowerTorso @UpperLeg @LowerLeg @Foot
"""
# MetaHuman's body and SKM_Manny: the bones that animation drives. Twist, corrective, IK and
# attachment bones hang beside them.
MANNY = """
root pelvis spine_01 spine_02 spine_03 spine_04 spine_05 neck_01 neck_02 head
spine_05 clavicle_@ upperarm_@ lowerarm_@ hand_@ thumb_01_@ thumb_02_@ thumb_03_@
hand_@ index_metacarpal_@ index_01_@ index_02_@ index_03_@
hand_@ middle_metacarpal_@ middle_01_@ middle_02_@ middle_03_@
hand_@ ring_metacarpal_@ ring_01_@ ring_02_@ ring_03_@
hand_@ pinky_metacarpal_@ pinky_01_@ pinky_02_@ pinky_03_@
pelvis thigh_@ calf_@ foot_@ ball_@
"""
# Blender's metarig "human" (Rigify): the bones of body and hands, and of the face those that turn.
RIGIFY = """
spine spine.001 spine.002 spine.003 spine.004 spine.005 spine.006 face jaw
face eye.@
spine.003 shoulder.@ upper_arm.@ forearm.@ hand.@ palm.01.@ thumb.01.@ thumb.02.@ thumb.03.@
palm.01.@ f_index.01.@ f_index.02.@ f_index.03.@
hand.@ palm.02.@ f_middle.01.@ f_middle.02.@ f_middle.03.@
hand.@ palm.03.@ f_ring.01.@ f_ring.02.@ f_ring.03.@
hand.@ palm.04.@ f_pinky.01.@ f_pinky.02.@ f_pinky.03.@
spine thigh.@ shin.@ foot.@ toe.@
"""
_SIDES = {"manny": ("l", "r"), "rigify": ("L", "R")}
_TREES = {"godot": GODOT, "manny": MANNY, "rigify": RIGIFY, "roblox": ROBLOX, "unity": UNITY}
ENGINES = tuple(_TREES)


def published(engine: str) -> dict[str, str | None]:
    """Return bone → its parent; None for the root."""
    above: dict[str, str | None] = {}
    for line in _TREES[engine].split("\n"):
        for side in _SIDES.get(engine, ("Left", "Right")):
            chain = [name.replace("@", side) for name in line.split()]
            for parent, name in zip([None, *chain], chain, strict=False):
                if parent is not None or name not in above:
                    above.setdefault(name, parent)
    return above
