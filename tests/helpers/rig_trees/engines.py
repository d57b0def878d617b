"""Skeletons of engines, of services for them, and of motion capture."""

from __future__ import annotations

import numpy as np

from mocap.core.rig import Tree
from tests.helpers.rig_trees.maker import FINGERS, Maker, Truth, parts


def mixamo(prefix: str = "mixamorig:", ends: bool = True) -> tuple[Tree, Truth]:
    """Return Mixamo's skeleton of 65 joints, T-pose, centimetres.

    Without a prefix and with eyes it is Ready Player Me's.
    """
    m = Maker(("Left", "Right"))
    n = prefix
    m.one("Armature", None, (0.0, 0.0, 0.0))
    m.one(n + "Hips", "Armature", "hips", "hips")
    m.one(n + "Spine", n + "Hips", "spine", "spine")
    m.one(n + "Spine1", n + "Spine", "chest", "chest")
    m.one(n + "Spine2", n + "Spine1", "upperChest", "upperChest")
    m.one(n + "Neck", n + "Spine2", "neck", "neck")
    m.one(n + "Head", n + "Neck", "head", "head")
    m.one(n + "HeadTop_End", n + "Head", "headEnd")
    if not prefix:
        m.chain("Head", ("@Eye", "Eye"))
    arm = (
        (n + "@Shoulder", "Shoulder"),
        (n + "@Arm", "UpperArm"),
        (n + "@ForeArm", "LowerArm"),
        (n + "@Hand", "Hand"),
    )
    m.chain(n + "Spine2", *arm)
    called = dict(zip(FINGERS, ("Thumb", "Index", "Middle", "Ring", "Pinky"), strict=True))
    m.fingers(
        n + "@Hand",
        lambda f, i: f"{n}@Hand{called[f]}{i}",
        (lambda f: f"{n}@Hand{called[f]}4") if ends else None,
    )
    m.chain(
        n + "Hips",
        (n + "@UpLeg", "UpperLeg"),
        (n + "@Leg", "LowerLeg"),
        (n + "@Foot", "Foot"),
        (n + "@ToeBase", "Toes"),
    )
    if ends:
        m.both(n + "@Toe_End", n + "@ToeBase", "ToesEnd")
    return m.tree(100.0)


def ready_player_me() -> tuple[Tree, Truth]:
    """Return Ready Player Me's body: Mixamo's names without a prefix, eyes, ends; metres."""
    return mixamo("")


def unreal(five: bool = False) -> tuple[Tree, Truth]:
    """Return the Unreal mannequin: A-pose, Z up, centimetres, twist and IK bones.

    Version 5 has five spine bones, two of the neck, and metacarpals.
    """
    m = Maker(("l", "r"), np.radians(48))
    m.one("root", None, (0.0, 0.0, 0.0))
    m.one("pelvis", "root", "hips", "hips")
    if five:
        for i, t in enumerate((0.0, 0.25, 0.5, 0.75, 1.0), 1):
            bone = {1: "spine", 3: "chest", 5: "upperChest"}.get(i)
            m.one(
                f"spine_0{i}",
                f"spine_0{i - 1}" if i > 1 else "pelvis",
                ("spine", "upperChest", t),
                bone,
            )
        m.one("neck_01", "spine_05", "neck", "neck")
        m.one("neck_02", "neck_01", ("neck", "head", 0.5))
        m.one("head", "neck_02", "head", "head")
    else:
        for i, bone in enumerate(("spine", "chest", "upperChest"), 1):
            m.one(f"spine_0{i}", f"spine_0{i - 1}" if i > 1 else "pelvis", bone, bone)
        m.one("neck_01", "spine_03", "neck", "neck")
        m.one("head", "neck_01", "head", "head")
    top = "spine_05" if five else "spine_03"
    m.chain(
        top,
        ("clavicle_@", "Shoulder"),
        ("upperarm_@", "UpperArm"),
        ("lowerarm_@", "LowerArm"),
        ("hand_@", "Hand"),
    )
    for f in FINGERS:
        low = {"Little": "pinky"}.get(f, f.lower())
        before = "hand_@"
        if five and f != "Thumb":
            before = f"{low}_metacarpal_@"
            m.both(before, "hand_@", ("Hand", parts(f)[0], 0.3))
        m.chain(before, *((f"{low}_0{i}_@", part) for i, part in enumerate(parts(f), 1)))
    m.both("upperarm_twist_01_@", "upperarm_@", ("UpperArm", "LowerArm", 0.4))
    m.both("lowerarm_twist_01_@", "lowerarm_@", ("LowerArm", "Hand", 0.6))
    m.chain(
        "pelvis",
        ("thigh_@", "UpperLeg"),
        ("calf_@", "LowerLeg"),
        ("foot_@", "Foot"),
        ("ball_@", "Toes"),
    )
    m.both("thigh_twist_01_@", "thigh_@", ("UpperLeg", "LowerLeg", 0.4))
    m.both("calf_twist_01_@", "calf_@", ("LowerLeg", "Foot", 0.4))
    m.one("ik_foot_root", "root", (0.0, 0.0, 0.0))
    m.both("ik_foot_@", "ik_foot_root", "Foot")
    m.one("ik_hand_root", "root", (0.0, 0.0, 0.0))
    m.one("ik_hand_gun", "ik_hand_root", "rightHand")
    m.both("ik_hand_@", "ik_hand_gun", "Hand")
    return m.tree(100.0, z_up=True)


def unreal5() -> tuple[Tree, Truth]:
    """Return version 5 of the Unreal mannequin."""
    return unreal(five=True)


def unity() -> tuple[Tree, Truth]:
    """Return a skeleton with Unity's own names."""
    m = Maker(("Left", "Right"))
    for name, above, bone in (
        ("Hips", None, "hips"), ("Spine", "Hips", "spine"), ("Chest", "Spine", "chest"),
        ("UpperChest", "Chest", "upperChest"),
        ("Neck", "UpperChest", "neck"), ("Head", "Neck", "head"), ("Jaw", "Head", "jaw"),
    ):  # fmt: skip
        m.one(name, above, bone, bone)
    m.chain("Head", ("@Eye", "Eye"))
    m.chain(
        "UpperChest",
        ("@Shoulder", "Shoulder"),
        ("@UpperArm", "UpperArm"),
        ("@LowerArm", "LowerArm"),
        ("@Hand", "Hand"),
    )
    m.fingers("@Hand", lambda f, i: f"@{f}{('Proximal', 'Intermediate', 'Distal')[i - 1]}")
    m.chain(
        "Hips",
        ("@UpperLeg", "UpperLeg"),
        ("@LowerLeg", "LowerLeg"),
        ("@Foot", "Foot"),
        ("@Toes", "Toes"),
    )
    return m.tree()


def makehuman_game() -> tuple[Tree, Truth]:
    """Return MakeHuman's game engine skeleton: Unreal's names with a root, decimetres."""
    m = Maker(("l", "r"), np.radians(42))
    m.one("Root", None, (0.0, 0.0, 0.0))
    m.one("pelvis", "Root", "hips", "hips")
    for name, above, bone in (
        ("spine_01", "pelvis", "spine"),
        ("spine_02", "spine_01", "chest"),
        ("spine_03", "spine_02", "upperChest"),
    ):
        m.one(name, above, bone, bone)
    m.one("neck_01", "spine_03", "neck", "neck")
    m.one("head", "neck_01", "head", "head")
    m.chain(
        "spine_03",
        ("clavicle_@", "Shoulder"),
        ("upperarm_@", "UpperArm"),
        ("lowerarm_@", "LowerArm"),
        ("hand_@", "Hand"),
    )
    m.fingers("hand_@", lambda f, i: f"{'pinky' if f == 'Little' else f.lower()}_0{i}_@")
    m.chain(
        "pelvis",
        ("thigh_@", "UpperLeg"),
        ("calf_@", "LowerLeg"),
        ("foot_@", "Foot"),
        ("ball_@", "Toes"),
    )
    return m.tree(10.0)


def vroid() -> tuple[Tree, Truth]:
    """Return VRoid Studio's skeleton: hair, skirt and bust among the joints."""
    m = Maker(("L", "R"))
    n = "J_Bip_C_"
    m.one("Root", None, (0.0, 0.0, 0.0))
    for name, above, bone in (
        ("Hips", "Root", "hips"), ("Spine", "Hips", "spine"), ("Chest", "Spine", "chest"),
        ("UpperChest", "Chest", "upperChest"),
        ("Neck", "UpperChest", "neck"), ("Head", "Neck", "head"),
    ):  # fmt: skip
        m.one(n + name, above if above == "Root" else n + above, bone, bone)
    m.both("J_Adj_@_FaceEye", n + "Head", "Eye", "Eye")
    arm = ((f"J_Bip_@_{b}", b) for b in ("Shoulder", "UpperArm", "LowerArm", "Hand"))
    m.chain(n + "UpperChest", *arm)
    m.fingers("J_Bip_@_Hand", lambda f, i: f"J_Bip_@_{f}{i}", lambda f: f"J_Bip_@_{f}3_end")
    leg = (
        ("UpperLeg", "UpperLeg"),
        ("LowerLeg", "LowerLeg"),
        ("Foot", "Foot"),
        ("ToeBase", "Toes"),
    )
    m.chain(n + "Hips", *((f"J_Bip_@_{name}", bone) for name, bone in leg))
    m.both("J_Sec_@_Bust1", n + "UpperChest", (0.08, 1.3, 0.08))
    m.both("J_Sec_@_Bust2", "J_Sec_@_Bust1", (0.09, 1.3, 0.14))
    for i in range(6):
        angle = i * np.pi / 3
        x, z = 0.1 * np.cos(angle), 0.1 * np.sin(angle)
        m.one(f"J_Sec_Hair1_{i:02d}", n + "Head", (x, 1.75, z))
        m.one(f"J_Sec_Hair2_{i:02d}", f"J_Sec_Hair1_{i:02d}", (1.3 * x, 1.5, 1.3 * z))
        m.one(f"J_Sec_Hair3_{i:02d}", f"J_Sec_Hair2_{i:02d}", (1.4 * x, 1.2, 1.4 * z))
    for i in range(3):
        m.both(f"J_Sec_@_Skirt{i}_01", n + "Hips", (0.1, 0.9, 0.1 - 0.1 * i))
        m.both(f"J_Sec_@_Skirt{i}_02", f"J_Sec_@_Skirt{i}_01", (0.16, 0.7, 0.16 - 0.16 * i))
        m.both(f"J_Sec_@_Skirt{i}_03", f"J_Sec_@_Skirt{i}_02", (0.2, 0.55, 0.2 - 0.2 * i))
    return m.tree()


def character1() -> tuple[Tree, Truth]:
    """Return MotionBuilder's and HumanIK's names behind a prefix, with rolls and in-hand bones."""
    m = Maker(("Left", "Right"))
    n = "Character1_"
    m.one(n + "Reference", None, (0.0, 0.0, 0.0))
    m.one(n + "Hips", n + "Reference", "hips", "hips")
    for name, above, bone in (
        ("Spine", "Hips", "spine"),
        ("Spine1", "Spine", "chest"),
        ("Spine2", "Spine1", "upperChest"),
    ):
        m.one(n + name, n + above, bone, bone)
    m.one(n + "Neck", n + "Spine2", "neck", "neck")
    m.one(n + "Head", n + "Neck", "head", "head")
    arm = (("Shoulder", "Shoulder"), ("Arm", "UpperArm"), ("ForeArm", "LowerArm"), ("Hand", "Hand"))
    m.chain(n + "Spine2", *((f"{n}@{name}", bone) for name, bone in arm))
    m.both(n + "@ArmRoll", n + "@Arm", ("UpperArm", "LowerArm", 0.5))
    m.both(n + "@ForeArmRoll", n + "@ForeArm", ("LowerArm", "Hand", 0.5))
    m.fingers(n + "@Hand", lambda f, i: f"{n}@Hand{'Pinky' if f == 'Little' else f}{i}")
    leg = (("UpLeg", "UpperLeg"), ("Leg", "LowerLeg"), ("Foot", "Foot"), ("ToeBase", "Toes"))
    m.chain(n + "Hips", *((f"{n}@{name}", bone) for name, bone in leg))
    m.both(n + "@UpLegRoll", n + "@UpLeg", ("UpperLeg", "LowerLeg", 0.5))
    return m.tree(100.0)
