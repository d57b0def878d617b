"""The T-pose of a rig: how each bone turns from one of its poses onto HUMANOID's direction.

Each bone inherits its parent's turn and then swings the shortest way. From arms at the sides, an
A-pose or anything between, this turns an arm about the forward axis, so that what faced the thigh
faces down. The twist that the shortest way leaves open is read from the body where it shows: for
upper arm and thigh from elbow or knee, if bent at rest; for the palm from the row of knuckles, half
of it in the forearm. The trunk keeps its modelled curve, clavicles their slope, feet their pitch,
so that soles stay flat; if the pose is a frame of a motion, soles are level as in the moments when
they stand. Nodes that are no bones move with their parents.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.rig import Aligned, TreePose
from mocap.core.skeleton import BONES, HUMANOID, TIPS, Skeleton
from mocap.rig.names import ARM, FINGERS, LEG, THUMB
from mocap.rig.stance import angle_between, body_ahead, body_up

_X, _Y, _Z = np.eye(3)
_H = dict(zip(BONES, HUMANOID.rest_positions(), strict=True))
# A limb's bones in order; each points to the next one that the rig has.
_CHAINS = (
    ARM[1:],
    LEG,
    THUMB,
    *((f"{f}Proximal", f"{f}Intermediate", f"{f}Distal") for f in FINGERS[1:]),
)
_AFTER = {
    side + bone: tuple(side + b for b in chain[i + 1 :])
    for side in ("left", "right")
    for chain in _CHAINS
    for i, bone in enumerate(chain)
}

# A trunk that leans, or a clavicle that slopes, by less than this was modelled so; more is a pose.
# Radians.
_LEAN, _SLOPE = np.radians(25.0), np.radians(40.0)
# Bend of elbow and knee at which it determines the limb's twist: not at all below the first, fully
# above the second. Radians.
_BENT = np.radians(8.0), np.radians(20.0)
# Deviation from the expected bending direction: believed up to the first, ignored above the second
# (a forearm hanging down from a T-pose says nothing about the elbow's hinge). Radians.
_ASTRAY = np.radians(45.0), np.radians(75.0)
# Two bones whose own-frame directions differ by at most this share an axis convention. Radians.
_ALIKE = np.radians(1.0)
# Left and right are apart if their distance exceeds this share of the body's size.
_APART = 0.005
# A foot closer to vertical than this (sine) has no heading.
_LEVEL = 0.2
# If the feet differ in pitch by more than this, only the lower one stands. Radians.
_UNLIKE = np.radians(5.0)


def t_pose(
    skeleton: Skeleton,
    bones: dict[str, int],
    pose: TreePose,
    normals: Mapping[str, Float[ndarray, " 3"]] = MappingProxyType({}),
) -> tuple[Float[ndarray, "joints 4"], dict[str, Aligned]]:
    """Compute the T-pose of a skeleton.

    Args:
        skeleton: The rig's joints.
        bones: Bone → joint.
        pose: A pose of the joints in mocap's world, in any unit.
        normals: Foot or toes → the upward direction in its joint's frame where the foot stands, if
            known (`soles.standing_normals`).

    Returns:
        Local rotations (J, 4) in T-pose, and bone → how far it was turned.
    """
    body = _PosedBody(skeleton, bones, pose, normals)
    bone_of = {joint: bone for bone, joint in bones.items()}
    for joint, parent in enumerate(skeleton.parents):
        body.turns[joint] = body.turns[parent] if parent >= 0 else body.whole
        if joint in bone_of:
            body.turns[joint] = body.turned(bone_of[joint])
    world = R.multiply(body.turns, pose.rotations)
    local = world.copy()
    local[1:] = R.multiply(R.conjugate(world[skeleton.parents[1:]]), world[1:])
    return R.normalize(local), {bone: body.aligned(bone) for bone in bones}


class _PosedBody:
    """A pose and its joints' world turns (J, 4) into T-pose, filled parents first."""

    def __init__(
        self,
        skeleton: Skeleton,
        bones: dict[str, int],
        pose: TreePose,
        normals: Mapping[str, Float[ndarray, " 3"]],
    ) -> None:
        self.skeleton, self.bones, self.at, self.normals = skeleton, bones, pose.positions, normals
        self.rotations = pose.rotations
        self.turns = np.tile(R.IDENTITY, (len(skeleton.names), 1))
        up = body_up(pose, bones)
        # A pose in another frame than the file's world is put upright by its axes first.
        axis = np.eye(3)[np.argmax(np.abs(up))] * np.sign(up[np.argmax(np.abs(up))])
        upright = R.between(axis, _Y)
        self.stands = angle_between(up, axis) < _LEAN
        hips = self._across("UpperLeg")
        hips = (
            R.normalize(np.cross(up, body_ahead(pose, bones)))
            if hips is None
            else R.apply(upright, hips)
        )
        yaw = R.from_axis_angle(_Y, np.arctan2(hips[2], hips[0]))
        level = R.multiply(R.between(R.apply(yaw, hips), _X), R.multiply(yaw, upright))
        # A standing body is turned to face forward with level hips and keeps its lean; a lying one
        # is set on its feet.
        self.upright = R.multiply(yaw, upright)
        self.whole = (
            level
            if self.stands
            else R.conjugate(R.from_frame(R.apply(R.conjugate(upright), hips), up))
        )
        self.trunk = tuple(b for b in ("spine", "chest", "upperChest") if b in bones)
        self.top = self._top()

    def _between(self, a: str, b: str) -> Float[ndarray, " 3"]:
        return np.asarray(self.at[self.bones[b]] - self.at[self.bones[a]])

    def _across(self, pair: str) -> Float[ndarray, " 3"] | None:
        """Return the unit vector from the right to the left bone of a pair.

        None if one is missing, or if they are not apart.
        """
        if not {f"left{pair}", f"right{pair}"} <= self.bones.keys():
            return None
        v = self._between(f"right{pair}", f"left{pair}")
        return (
            R.normalize(v) if np.linalg.norm(v) > _APART * np.ptp(self.at, axis=0).max() else None
        )

    def _top(self) -> Float[ndarray, " 4"]:
        """Return the turn of the trunk's upper end: shoulders level and straight above the hips."""
        across = next(
            (v for pair in ("Shoulder", "UpperArm") if (v := self._across(pair)) is not None), None
        )
        return (
            self.whole
            if across is None
            else R.multiply(R.between(R.apply(self.whole, across), _X), self.whole)
        )

    def turned(self, bone: str) -> Float[ndarray, " 4"]:
        """Return the bone's turn, from its parent's, which it inherits."""
        turn = self.turns[self.bones[bone]]
        if bone == "hips":
            return self.whole
        if bone in self.trunk:
            return R.slerp(self.whole, self.top, (self.trunk.index(bone) + 1) / len(self.trunk))
        if bone == "head" and (eyes := self._across("Eye")) is not None:
            across = R.apply(turn, eyes)
            return (
                R.multiply(R.between(across, _X), turn)
                if angle_between(across, _X) < 0.5 * np.pi
                else turn
            )
        side = "left" if bone.startswith("left") else "right"
        part = bone.removeprefix(side)
        if part == "Foot":
            return self._foot(side, turn)
        if part == "Toes" and bone in self.normals:
            return self._level(bone, turn)
        ahead = (
            self.direction(bone)
            if (bone in _AFTER or part == "Shoulder") and part != "Toes"
            else None
        )
        if ahead is None:
            return turn
        now, target = R.apply(turn, ahead), self.target(bone)
        if part == "Shoulder" and angle_between(now, target) < _SLOPE:
            return turn
        turn = R.multiply(R.between(now, target), turn)
        if part in ("UpperArm", "UpperLeg"):
            return R.multiply(
                R.from_axis_angle(target, self._hinge(side, part, turn, target)), turn
            )
        if part == "LowerArm":
            return R.multiply(R.from_axis_angle(_X, 0.5 * self._palm(side, turn)), turn)
        if part == "Hand":
            return R.multiply(R.from_axis_angle(self._along(side), self._roll(side, turn)), turn)
        return turn

    def direction(self, bone: str) -> Float[ndarray, " 3"] | None:
        """Return the bone's direction in the pose, unit; None if it cannot be determined."""
        known = self._own_axis(bone)
        if known is not None:
            return R.apply(self.rotations[self.bones[bone]], known)
        # The last bone of a chain points along the same own axis as the bones before it, if they
        # agree.
        if bone.endswith("Toes") or bone not in _AFTER:
            return None
        before = [b for b, after in _AFTER.items() if bone in after and b in self.bones]
        own = [self._own_axis(b) for b in before]
        if (
            len(own) < 2
            or own[-1] is None
            or own[-2] is None
            or angle_between(own[-1], own[-2]) > _ALIKE
        ):
            return None
        return R.apply(self.rotations[self.bones[bone]], own[-1])

    def _own_axis(self, bone: str) -> Float[ndarray, " 3"] | None:
        """Return the bone's direction in its joint's own frame."""
        ends = self._ends(bone)
        v = self.at[ends].mean(axis=0) - self.at[self.bones[bone]] if ends else np.zeros(3)
        return (
            R.apply(R.conjugate(self.rotations[self.bones[bone]]), R.normalize(v))
            if np.linalg.norm(v) > 1e-9
            else None
        )

    def _ends(self, bone: str) -> list[int]:
        """Return the joints at a bone's end.

        They are the next bone, the knuckles, or the joint below a last bone.
        """
        arm = bone.replace("Shoulder", "UpperArm")
        if bone.endswith("Shoulder") and arm in self.bones:
            return [self.bones[arm]]
        if bone.endswith("Hand") and (knuckles := self._knuckles(bone.removesuffix("Hand"))):
            return [self.bones[b] for b in knuckles]
        after = [self.bones[b] for b in _AFTER.get(bone, ()) if b in self.bones]
        if after:
            return after[:1]
        below = self.skeleton.children(self.bones[bone])
        return below if len(below) == 1 else []

    def _knuckles(self, side: str) -> list[str]:
        return [b for f in FINGERS[1:] if (b := f"{side}{f}Proximal") in self.bones]

    def target(self, bone: str) -> Float[ndarray, " 3"]:
        """Return the bone's T-pose direction, unit: HUMANOID's, between the same bones."""
        if bone.endswith("Shoulder"):
            return R.normalize(_H[bone.replace("Shoulder", "UpperArm")] - _H[bone])
        if bone.endswith("Hand"):
            knuckles = self._knuckles(bone.removesuffix("Hand"))
            ends = [_H[b] for b in knuckles or [bone.removesuffix("Hand") + "MiddleProximal"]]
            return R.normalize(np.mean(ends, axis=0) - _H[bone])
        after = [b for b in _AFTER[bone] if b in self.bones] or list(_AFTER[bone][:1])
        return R.normalize(_H[after[0]] - _H[bone] if after else TIPS[bone])

    def _hinge(
        self, side: str, part: str, turn: Float[ndarray, " 4"], target: Float[ndarray, " 3"]
    ) -> float:
        """Return the twist of an upper bone after which the limb bends as HUMANOID's; radians."""
        low = side + part.replace("Upper", "Lower")
        if low not in self.bones or (beyond := self.direction(low)) is None:
            return 0.0
        beyond = R.apply(turn, beyond)
        # Elbows bend forward, knees backward.
        bends = _Z if part == "UpperArm" else -_Z
        angle = _signed(beyond, bends, target)
        bent = smoothstep(angle_between(beyond, target), *_BENT)
        return float(angle * bent * (1.0 - smoothstep(abs(angle), *_ASTRAY)))

    def _palm(self, side: str, turn: Float[ndarray, " 4"]) -> float:
        """Return the twist of the forearm after which the palm faces down; radians."""
        hand = f"{side}Hand"
        if hand not in self.bones or (ahead := self.direction(hand)) is None:
            return 0.0
        return self._roll(
            side, R.multiply(R.between(R.apply(turn, ahead), self.target(hand)), turn)
        )

    def _roll(self, side: str, turn: Float[ndarray, " 4"]) -> float:
        """Return the rotation about the hand that aligns its knuckles with HUMANOID's; radians.

        The axis points from right to left. The rotation goes through "thumb side up": from palm up,
        the hand turns over as a forearm can.
        """
        knuckles = self._knuckles(side)
        if len(knuckles) < 2:
            return 0.0
        first, last = knuckles[0], knuckles[-1]
        angle = _signed(
            R.apply(turn, self._between(last, first)), _H[first] - _H[last], self._along(side)
        )
        return float((angle + 2.0 * np.pi / 3.0) % (2.0 * np.pi) - 2.0 * np.pi / 3.0)

    def _along(self, side: str) -> Float[ndarray, " 3"]:
        """Return the direction along a hand in T-pose, towards the left."""
        return self.target(f"{side}Hand") * (1.0 if side == "left" else -1.0)

    def _foot(self, side: str, turn: Float[ndarray, " 4"]) -> Float[ndarray, " 4"]:
        """Return a foot's turn: forward, with the pitch that it had."""
        ahead = self.direction(f"{side}Foot")
        if f"{side}Foot" in self.normals:
            turn = self._level(f"{side}Foot", self.upright if self.stands else turn)
            now = R.apply(turn, ahead) if ahead is not None else _Z
            return R.multiply(R.from_axis_angle(_Y, -np.arctan2(now[0], now[2])), turn)
        if ahead is None:
            return self.upright if self.stands else turn
        if not self.stands:
            return R.multiply(R.between(R.apply(turn, ahead), self.target(f"{side}Foot")), turn)
        ahead = R.apply(self.upright, ahead)
        other = "right" if side == "left" else "left"
        beside = self.direction(f"{other}Foot") if f"{other}Foot" in self.bones else None
        if beside is not None:
            beside = R.apply(self.upright, beside)
            height = R.apply(self.upright, self._between(f"{other}Foot", f"{side}Foot"))[1]
            if (
                height > 0.0
                and abs(_pitch(beside) - _pitch(ahead)) > _UNLIKE
                and np.hypot(beside[0], beside[2]) >= _LEVEL
            ):
                # In the air, a foot below a straight leg keeps its angle to the shank, apart from
                # the other's pitch.
                now = R.apply(turn, R.apply(R.conjugate(self.upright), ahead))
                turn = R.multiply(R.from_axis_angle(_Y, -np.arctan2(now[0], now[2])), turn)
                return R.multiply(R.from_axis_angle(_X, _pitch(now) - _pitch(beside)), turn)
        yaw = -np.arctan2(ahead[0], ahead[2]) if np.hypot(ahead[0], ahead[2]) >= _LEVEL else 0.0
        return R.multiply(R.from_axis_angle(_Y, yaw), self.upright)

    def _level(self, bone: str, turn: Float[ndarray, " 4"]) -> Float[ndarray, " 4"]:
        """Return the turn, continued the shortest way until the sole is level."""
        normal = R.apply(R.multiply(turn, self.rotations[self.bones[bone]]), self.normals[bone])
        return R.multiply(R.between(normal, _Y), turn)

    def aligned(self, bone: str) -> Aligned:
        """Return how far the bone turned, relative to the whole body's turn."""
        turn = R.multiply(self.turns[self.bones[bone]], R.conjugate(self.whole))
        ahead = (
            None
            if bone in ("hips", "neck", "head", "jaw", *self.trunk) or bone.endswith("Eye")
            else self.direction(bone)
        )
        if ahead is None:
            return Aligned(float(R.angle(turn)), 0.0)
        ahead = R.apply(self.whole, ahead)
        swung = R.apply(turn, ahead)
        return Aligned(
            angle_between(ahead, swung),
            float(R.angle(R.multiply(R.conjugate(R.between(ahead, swung)), turn))),
        )


def _signed(a: Float[ndarray, " 3"], b: Float[ndarray, " 3"], axis: Float[ndarray, " 3"]) -> float:
    """Return the angle about a unit axis from a to b, both projected along it; radians."""
    return float(np.arctan2(np.cross(a, b) @ axis, a @ b - (a @ axis) * (b @ axis)))


def _pitch(ahead: Float[ndarray, " 3"]) -> float:
    """Return a direction's angle above horizontal, radians."""
    return float(np.arcsin(np.clip(ahead[1], -1.0, 1.0)))
