"""Skeletons of modelling programs, of research, and of no convention."""

from __future__ import annotations

import numpy as np

from mocap.core.rig import Tree
from tests.helpers.rig_trees.maker import FINGERS, Maker, Truth, parts


def rigify(prefix: str = "DEF-") -> tuple[Tree, Truth]:
    """Return Rigify's deforming bones, limb halves in a chain; without prefix, the metarig."""
    m = Maker(("L", "R"), np.radians(35))
    n, whole = prefix, not prefix
    m.one("root", None, (0.0, 0.0, 0.0))
    spine = ("hips", "spine", "chest", "upperChest", "neck", None, "head")
    for i, bone in enumerate(spine):
        name = n + "spine" + (f".00{i}" if i else "")
        above = n + "spine" + (f".00{i - 1}" if i > 1 else "") if i else "root"
        m.one(name, above, bone or ("neck", "head", 0.5), bone)

    def limb(parent: str, links: tuple[tuple[str, str, str | None], ...]) -> None:
        for name, bone, to in links:
            m.both(f"{n}{name}.@", parent, bone, bone)
            parent = f"{n}{name}.@"
            if to and not whole:
                m.both(f"{n}{name}.@.001", parent, (bone, to, 0.5))
                parent = f"{n}{name}.@.001"

    chest = n + "spine.003"
    limb(
        chest,
        (
            ("shoulder", "Shoulder", None),
            ("upper_arm", "UpperArm", "LowerArm"),
            ("forearm", "LowerArm", "Hand"),
            ("hand", "Hand", None),
        ),
    )
    for i, f in enumerate(FINGERS):
        low = {"Thumb": "thumb", "Little": "f_pinky"}.get(f, f"f_{f.lower()}")
        before = n + "hand.@"
        if f != "Thumb":
            before = f"{n}palm.0{i}.@"
            m.both(before, n + "hand.@", ("Hand", parts(f)[0], 0.25))
        m.chain(before, *((f"{n}{low}.0{j}.@", part) for j, part in enumerate(parts(f), 1)))
    limb(
        n + "spine",
        (
            ("thigh", "UpperLeg", "LowerLeg"),
            ("shin", "LowerLeg", "Foot"),
            ("foot", "Foot", None),
            ("toe", "Toes", None),
        ),
    )
    m.both(n + "breast.@", chest, (0.09, 1.3, 0.12))
    m.both(n + "pelvis.@", n + "spine", (0.1, 1.0, 0.05))
    if whole:
        m.both("heel.02.@", "foot.@", (0.12, 0.0, -0.04))
    return m.tree(1.0, z_up=True)


def metarig() -> tuple[Tree, Truth]:
    """Return Blender's human metarig."""
    return rigify("")


def daz() -> tuple[Tree, Truth]:
    """Return Daz Genesis 8: bend and twist halves in each limb's chain, pelvis beside abdomen."""
    m = Maker(("l", "r"), np.radians(40))
    m.one("Genesis8Female", None, (0.0, 0.0, 0.0))
    m.one("hip", "Genesis8Female", "hips", "hips")
    m.one("pelvis", "hip", "hips")
    m.chain("pelvis", ("@ThighBend", "UpperLeg"))
    m.both("@ThighTwist", "@ThighBend", ("UpperLeg", "LowerLeg", 0.5))
    m.chain("@ThighTwist", ("@Shin", "LowerLeg"), ("@Foot", "Foot"))
    m.both("@Metatarsals", "@Foot", ("Foot", "Toes", 0.4))
    m.both("@Toe", "@Metatarsals", "Toes", "Toes")
    for toe in ("SmallToe1", "BigToe"):
        m.both(f"@{toe}", "@Toe", "ToesEnd")
    for name, above, bone, t in (
        ("abdomenLower", "hip", "spine", 0.0),
        ("abdomenUpper", "abdomenLower", None, 0.35),
        ("chestLower", "abdomenUpper", "chest", 0.7),
        ("chestUpper", "chestLower", "upperChest", 1.0),
    ):
        m.one(name, above, ("spine", "upperChest", t), bone)
    m.chain("chestUpper", ("@Collar", "Shoulder"), ("@ShldrBend", "UpperArm"))
    m.both("@ShldrTwist", "@ShldrBend", ("UpperArm", "LowerArm", 0.5))
    m.chain("@ShldrTwist", ("@ForearmBend", "LowerArm"))
    m.both("@ForearmTwist", "@ForearmBend", ("LowerArm", "Hand", 0.5))
    m.chain("@ForearmTwist", ("@Hand", "Hand"))
    called = dict(zip(FINGERS, ("Thumb", "Index", "Mid", "Ring", "Pinky"), strict=True))
    for i, f in enumerate(FINGERS):
        before = "@Hand"
        if i:
            before = f"@Carpal{i}"
            m.both(before, "@Hand", ("Hand", parts(f)[0], 0.3))
        m.chain(before, *((f"@{called[f]}{j}", part) for j, part in enumerate(parts(f), 1)))
    m.both("@Pectoral", "chestUpper", (0.08, 1.3, 0.12))
    m.one("neckLower", "chestUpper", "neck", "neck")
    m.one("neckUpper", "neckLower", ("neck", "head", 0.5))
    m.one("head", "neckUpper", "head", "head")
    m.chain("head", ("@Eye", "Eye"))
    m.one("lowerJaw", "head", "jaw", "jaw")
    m.one("tongue01", "lowerJaw", "jawEnd")
    m.both("@Ear", "head", (0.08, 1.63, 0.0))
    return m.tree(100.0)


def mmd() -> tuple[Tree, Truth]:
    """Return a MikuMikuDance model.

    It has Japanese names, leg IK, twist bones in the arms' chains, and deforming copies of the legs
    (D).
    """
    m = Maker(("左", "右"), np.radians(35))
    m.one("全ての親", None, (0.0, 0.0, 0.0))
    m.one("センター", "全ての親", (0.0, 0.6, 0.0))
    m.one("グルーブ", "センター", (0.0, 0.65, 0.0))
    m.one("腰", "グルーブ", "hips", "hips")
    m.one("上半身", "腰", "spine", "spine")
    m.one("上半身2", "上半身", "chest", "chest")
    m.one("首", "上半身2", "neck", "neck")
    m.one("頭", "首", "head", "head")
    m.one("両目", "頭", (0.0, 1.9, 0.0))
    m.chain("頭", ("@目", "Eye"))
    m.both("@肩P", "上半身2", "Shoulder")
    m.both("@肩", "@肩P", "Shoulder", "Shoulder")
    m.both("@肩C", "@肩", "UpperArm")
    m.both("@腕", "@肩C", "UpperArm", "UpperArm")
    m.both("@腕捩", "@腕", ("UpperArm", "LowerArm", 0.6))
    m.both("@ひじ", "@腕捩", "LowerArm", "LowerArm")
    m.both("@手捩", "@ひじ", ("LowerArm", "Hand", 0.6))
    m.both("@手首", "@手捩", "Hand", "Hand")
    for f, name in zip(FINGERS, ("親指", "人指", "中指", "薬指", "小指"), strict=True):
        digits = "０１２" if f == "Thumb" else "１２３"
        m.chain("@手首", *((f"@{name}{d}", part) for d, part in zip(digits, parts(f), strict=True)))
        m.both(f"@{name}先", f"@{name}{digits[-1]}", f"{f}DistalEnd")
    m.one("下半身", "腰", ("hips", "spine", 0.5))
    m.both("腰キャンセル@", "下半身", "UpperLeg")
    m.chain(
        "腰キャンセル@",
        ("@足", "UpperLeg"),
        ("@ひざ", "LowerLeg"),
        ("@足首", "Foot"),
        ("@つま先", "Toes"),
    )
    m.both("@足IK親", "全ての親", (0.092, 0.0, 0.0))
    m.both("@足ＩＫ", "@足IK親", "Foot")
    m.both("@つま先ＩＫ", "@足ＩＫ", "Toes")
    for i in range(3):
        m.both(f"@スカート{i}", "下半身", (0.1 + 0.02 * i, 0.7, 0.1 - 0.1 * i))
    return m.tree(12.5)


def biped() -> tuple[Tree, Truth]:
    """Return 3ds Max's Biped; Z up, inches.

    Clavicles are on the neck, thighs on the first spine bone; fingers are numbered; it has nubs and
    footsteps.
    """
    m = Maker(("L", "R"), np.radians(20))
    b = "Bip01"
    m.one(b, None, "hips")
    m.one(f"{b} Footsteps", b, (0.0, 0.0, 0.0))
    m.one(f"{b} Pelvis", b, "hips", "hips")
    m.one(f"{b} Spine", f"{b} Pelvis", "spine", "spine")
    m.one(f"{b} Spine1", f"{b} Spine", "chest", "chest")
    m.one(f"{b} Spine2", f"{b} Spine1", "upperChest", "upperChest")
    m.one(f"{b} Neck", f"{b} Spine2", "neck", "neck")
    m.one(f"{b} Head", f"{b} Neck", "head", "head")
    m.one(f"{b} HeadNub", f"{b} Head", "headEnd")
    arm = (
        ("Clavicle", "Shoulder"),
        ("UpperArm", "UpperArm"),
        ("Forearm", "LowerArm"),
        ("Hand", "Hand"),
    )
    m.chain(f"{b} Neck", *((f"{b} @ {name}", bone) for name, bone in arm))
    m.both(f"{b} @ ForeTwist", f"{b} @ Forearm", ("LowerArm", "Hand", 0.5))
    m.fingers(
        f"{b} @ Hand",
        lambda f, i: f"{b} @ Finger{FINGERS.index(f)}{'' if i == 1 else i - 1}",
        lambda f: f"{b} @ Finger{FINGERS.index(f)}Nub",
    )
    leg = (("Thigh", "UpperLeg"), ("Calf", "LowerLeg"), ("Foot", "Foot"), ("Toe0", "Toes"))
    m.chain(f"{b} Spine", *((f"{b} @ {name}", bone) for name, bone in leg))
    m.both(f"{b} @ Toe0Nub", f"{b} @ Toe0", "ToesEnd")
    return m.tree(39.37, z_up=True)


def smpl() -> tuple[Tree, Truth]:
    """Return SMPL's 24 joints."""
    m = Maker(("L", "R"))
    m.one("Pelvis", None, "hips", "hips")
    m.chain(
        "Pelvis",
        ("@_Hip", "UpperLeg"),
        ("@_Knee", "LowerLeg"),
        ("@_Ankle", "Foot"),
        ("@_Foot", "Toes"),
    )
    for name, above, bone in (
        ("Spine1", "Pelvis", "spine"), ("Spine2", "Spine1", "chest"),
        ("Spine3", "Spine2", "upperChest"),
        ("Neck", "Spine3", "neck"), ("Head", "Neck", "head"),
    ):  # fmt: skip
        m.one(name, above, bone, bone)
    m.chain(
        "Spine3",
        ("@_Collar", "Shoulder"),
        ("@_Shoulder", "UpperArm"),
        ("@_Elbow", "LowerArm"),
        ("@_Wrist", "Hand"),
    )
    m.both("@_Hand", "@_Wrist", ("Hand", "MiddleProximal", 0.9))
    return m.tree()


def german() -> tuple[Tree, Truth]:
    """Return a rig of no convention: German words, sides at the end, some bones missing."""
    m = Maker(("links", "rechts"), np.radians(60))
    m.one("Becken", None, "hips", "hips")
    m.one("Bauch", "Becken", "spine", "spine")
    m.one("Brust", "Bauch", "upperChest", "chest")
    m.one("Kopf", "Brust", "head", "head")
    m.chain("Brust", ("Oberarm_@", "UpperArm"), ("Unterarm_@", "LowerArm"), ("Hand_@", "Hand"))
    m.chain(
        "Becken", ("Oberschenkel_@", "UpperLeg"), ("Unterschenkel_@", "LowerLeg"), ("Fuß_@", "Foot")
    )
    return m.tree()


def misspelt() -> tuple[Tree, Truth]:
    """Return a rig of no convention: hand-written names with typing errors."""
    m = Maker(("L", "R"), np.radians(50))
    m.one("rig_Pelvs", None, "hips", "hips")
    m.one("rig_Spine", "rig_Pelvs", "spine", "spine")
    m.one("rig_Neck", "rig_Spine", "neck", "neck")
    m.one("rig_Head", "rig_Neck", "head", "head")
    m.chain(
        "rig_Spine",
        ("rig_Sholder_@", "Shoulder"),
        ("rig_UpperArm_@", "UpperArm"),
        ("rig_Forarm_@", "LowerArm"),
        ("rig_Hand_@", "Hand"),
    )
    m.chain(
        "rig_Pelvs",
        ("rig_Thigh_@", "UpperLeg"),
        ("rig_Clf_@", "LowerLeg"),
        ("rig_Foot_@", "Foot"),
        ("rig_Toe_@", "Toes"),
    )
    return m.tree()
