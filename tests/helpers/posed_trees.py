"""Trees of bodies in known poses, with random bone axes, units and frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.core import rotation as R
from mocap.core.kinematics import fk, global_rotations
from mocap.core.rig import Found, Kind, Rig, Tree, TreePose
from mocap.core.skeleton import BONES, HUMANOID
from mocap.rig.load import make_rig
from tests.helpers import synthetic

X, Y, Z = np.eye(3)


SIDES = (("left", 1.0), ("right", -1.0))


# Limb bones and the bones that they point to.
LIMBS = [
    (s + a, s + b)
    for s, _ in SIDES
    for a, b in (
        ("UpperArm", "LowerArm"),
        ("LowerArm", "Hand"),
        ("UpperLeg", "LowerLeg"),
        ("LowerLeg", "Foot"),
        ("Foot", "Toes"),
    )
]


def turned(world: np.ndarray) -> np.ndarray:
    """Return local rotations (55, 4) of HUMANOID's bones from world rotations."""
    out = world.copy()
    out[1:] = R.multiply(R.conjugate(world[HUMANOID.parents[1:]]), world[1:])
    return out


def relaxed(rng: np.random.Generator) -> np.ndarray:
    """Return local rotations (55, 4): arms between T and the sides, legs a little apart."""
    local = np.tile(R.IDENTITY, (len(BONES), 1))
    for side, sign in SIDES:
        down, ahead = np.radians(rng.uniform(0, 85)), np.radians(rng.uniform(-15, 15))
        arm = np.array([sign * np.cos(down), -np.sin(down), np.sin(ahead)])
        local[BONES.index(f"{side}UpperArm")] = R.between(sign * X, R.normalize(arm))
        leg = np.array(
            [
                sign * np.sin(np.radians(rng.uniform(-2, 20))),
                -1.0,
                np.sin(np.radians(rng.uniform(-8, 8))),
            ]
        )
        thigh, splay = (
            R.between(-Y, R.normalize(leg)),
            R.from_axis_angle(Y, sign * np.radians(rng.uniform(0, 30))),
        )
        local[BONES.index(f"{side}UpperLeg")] = thigh
        local[BONES.index(f"{side}Foot")] = R.multiply(R.conjugate(thigh), splay)
    return local


class Made:
    """A tree of a body in a pose, with bone axes and a frame and unit, and its true T-pose."""

    def __init__(
        self,
        rng: np.random.Generator,
        local: np.ndarray,
        kind: Kind = "glb",
        turn: np.ndarray = R.IDENTITY,
        unit: float = 1.0,
    ) -> None:
        self.body = synthetic.random_body(rng)
        self.axes = synthetic.random_rotation(rng, len(BONES))
        self.turn, self.unit, self.kind = turn, unit, kind
        self.rest = self.pose("rest", local)
        every = np.ones(len(BONES), dtype=bool)
        self.tree = Tree(
            kind,
            BONES,
            np.arange(55),
            self.body.parents,
            self.rest.positions,
            self.rest.rotations,
            every,
        )
        self.found = {bone: Found(i, "map", 1.0) for i, bone in enumerate(BONES)}

    def pose(self, name: str, local: np.ndarray) -> TreePose:
        positions, world = fk(self.body, self.body.offsets[0], local)
        back = R.conjugate(self.turn)
        return TreePose(
            name,
            R.apply(back, positions) / self.unit,
            R.multiply(back, R.multiply(world, self.axes)),
        )

    def rig(self, without: tuple[str, ...] = (), poses: tuple[TreePose, ...] = ()) -> Rig:
        found = {b: f for b, f in self.found.items() if b not in without}
        return make_rig(replace(self.tree, poses=poses), found, "made", b"")

    def off(self, rig: Rig) -> dict[str, float]:
        """Return joint → angle between its rotation in T-pose and the known one, degrees.

        The last phalanges are left out: only axes show their direction, and these may agree by
        chance.
        """
        world = global_rotations(rig.skeleton, rig.t_pose)
        known = {name: i for i, name in enumerate(BONES)}
        return {
            n: float(np.degrees(R.distance(world[j], self.axes[known[n]])))
            for j, n in enumerate(rig.skeleton.names)
            if n in known and not n.endswith("Distal")
        }


def directions(rig: Rig, local: np.ndarray) -> dict[str, np.ndarray]:
    """Return limb bone → unit direction."""
    at, _ = fk(rig.skeleton, rig.skeleton.offsets[0], local)
    return {
        a: R.normalize(at[rig.index(b)] - at[rig.index(a)])
        for a, b in LIMBS
        if a in rig.bones and b in rig.bones
    }


def worst_limb(rig: Rig, feet: bool = False) -> float:
    """Return the largest angle of a limb in T-pose from HUMANOID's, degrees; feet: heading."""
    at = dict(zip(BONES, HUMANOID.rest_positions(), strict=True))
    off = []
    for bone, v in directions(rig, rig.t_pose).items():
        expected = R.normalize(at[dict(LIMBS)[bone]] - at[bone])
        if bone.endswith("Foot"):
            off += [np.degrees(abs(np.arctan2(v[0], v[2])))] if feet else []
        else:
            off.append(float(np.degrees(np.arccos(np.clip(v @ expected, -1, 1)))))
    return max(off)
