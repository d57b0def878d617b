"""Skeletons as common tools write them, with the true bones.

Names, hierarchy, twist, IK and end bones follow the published conventions; they test the mapper on
files that it was not made with. Positions are HUMANOID's, in A-pose or T-pose with slightly bent
knees and elbows, in the tool's own frame and unit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mocap.core import rotation as R
from mocap.core.rig import Tree
from mocap.core.skeleton import HUMANOID, TIPS

FINGERS = ("Thumb", "Index", "Middle", "Ring", "Little")
Truth = dict[str, str]
Rows = list[tuple[str, str | None, np.ndarray]]


def parts(finger: str) -> tuple[str, str, str]:
    """Return the bones of a finger."""
    return tuple(
        finger + p
        for p in (
            ("Metacarpal", "Proximal", "Distal")
            if finger == "Thumb"
            else ("Proximal", "Intermediate", "Distal")
        )
    )  # type: ignore[return-value]


def places(arms_down: float = 0.0, bend: float = 0.03) -> dict[str, np.ndarray]:
    """Return bone → position in metres.

    Args:
        arms_down: Radians below the T-pose.
        bend: How far knees stand forwards and elbows back, metres.
    """
    at = dict(zip(HUMANOID.names, HUMANOID.rest_positions(), strict=True))
    at |= {bone + "End": at[bone] + tip for bone, tip in TIPS.items()}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        turn = R.from_rotation_vector(np.array([0.0, 0.0, -sign * arms_down]))
        pivot = at[f"{side}UpperArm"]
        for bone in at:
            if bone.startswith(side) and any(
                bone.startswith(side + part) for part in ("LowerArm", "Hand", *FINGERS)
            ):
                at[bone] = pivot + R.apply(turn, at[bone] - pivot)
        at[f"{side}LowerLeg"] = at[f"{side}LowerLeg"] + [0.0, 0.0, bend]
        at[f"{side}LowerArm"] = at[f"{side}LowerArm"] - [0.0, 0.0, bend]
    return at


class Maker:
    """A tree under construction; "@" in a name stands for the side."""

    def __init__(self, sides: tuple[str, str], arms_down: float = 0.0, bend: float = 0.03) -> None:
        self.sides = dict(zip(("left", "right"), sides, strict=True))
        self.at = places(arms_down, bend)
        self.rows: Rows = []
        self.truth: Truth = {}

    def place(
        self, where: str | tuple[str, str, float] | tuple[float, float, float], side: str = "left"
    ) -> np.ndarray:
        """Return the position of a bone, between two bones, or of given coordinates of the left
        side.
        """
        if isinstance(where, str):
            return self.at[where] if where in self.at else self.at[side + where]
        if isinstance(where[0], str):
            a, b, t = where
            return (1.0 - float(t)) * self.place(str(a), side) + float(t) * self.place(str(b), side)
        return np.array(where, dtype=float) * (
            [1.0, 1.0, 1.0] if side == "left" else [-1.0, 1.0, 1.0]
        )

    def one(self, name: str, parent: str | None, where, bone: str | None = None) -> None:  # type: ignore[no-untyped-def]
        """Add a node of the middle."""
        self.rows.append((name, parent, self.place(where)))
        if bone:
            self.truth[bone] = name

    def both(self, name: str, parent: str, where, bone: str | None = None) -> None:  # type: ignore[no-untyped-def]
        """Add a node on either side."""
        for side, letter in self.sides.items():
            self.rows.append(
                (name.replace("@", letter), parent.replace("@", letter), self.place(where, side))
            )
            if bone:
                self.truth[side + bone] = name.replace("@", letter)

    def chain(self, parent: str, *links: tuple[str, str]) -> None:
        """Add nodes on either side, each a child of the one before.

        Each is (name, bone), the bone being its position and its truth.
        """
        for name, bone in links:
            self.both(name, parent, bone, bone)
            parent = name

    def fingers(
        self, hand: str, name: Callable[[str, int], str], end: Callable[[str], str] | None = None
    ) -> None:
        """Add five fingers of three bones; `end` names their end nodes, if any."""
        for finger in FINGERS:
            self.chain(hand, *((name(finger, i), part) for i, part in enumerate(parts(finger), 1)))
            if end:
                self.both(end(finger), name(finger, 3), f"{finger}DistalEnd")

    def tree(
        self, unit: float = 1.0, z_up: bool = False, joints: bool = True
    ) -> tuple[Tree, Truth]:
        """Return the Tree, parents before children; z_up: facing −Y, as in Blender and Unreal."""
        names = [r[0] for r in self.rows]
        assert len(set(names)) == len(names), sorted(n for n in names if names.count(n) > 1)
        parents = [-1 if p is None else names.index(p) for _, p, _ in self.rows]
        assert all(p < i for i, p in enumerate(parents))
        positions = unit * np.array([r[2] for r in self.rows])
        if z_up:
            positions = np.stack([positions[:, 0], -positions[:, 2], positions[:, 1]], axis=1)
        count = len(names)
        rotations = np.tile(R.IDENTITY, (count, 1))
        flags = np.full(count, joints)
        return Tree(
            "glb", tuple(names), np.arange(count), np.array(parents), positions, rotations, flags
        ), self.truth


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


ALL: tuple[Callable[[], tuple[Tree, Truth]], ...] = (
    mixamo, ready_player_me, unreal, unreal5, rigify, metarig, daz, mmd,
    unity, biped, makehuman_game, vroid, smpl, character1, german, misspelt,
)  # fmt: skip
