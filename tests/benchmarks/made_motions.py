"""Motions of people on the floor, on their hands, at a bar, on chairs: made from key poses.

Each is a motion of HUMANOID whose lowest skin is on y = 0 in every frame, except at the bar. Poses
are those of the lifter's training (`mocap.lift.training.poses`), and others that it does not know.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mocap.core import rotation as R
from mocap.core.kinematics import bone_lengths, fk, local_rotations, two_bone_ik
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from mocap.core.surface import lowest_skin
from mocap.lift.training.controls import SHAPES, Pose, flat, unflat
from mocap.lift.training.poses import sway
from mocap.lift.training.rarer_poses import RarerMaker

FPS = 30.0
_X, _UP, _AHEAD = np.eye(3)
_LENGTHS = bone_lengths(HUMANOID)
# Heights of a wrist, metres, between which its hand turns from the forearm's direction to the
# floor.
_FLAT = (0.10, 0.14)


def _turn(before: np.ndarray, pole: np.ndarray, after: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """Return rotations (F, 4) that take a direction and a pole to (F, 3) others."""
    return R.multiply(R.from_frame(after, bend), R.conjugate(R.from_frame(before, pole)))


def posed(pose: Pose, on_floor: bool = True) -> Motion:
    """Return the motion of controls with a leading axis of frames.

    Args:
        pose: The controls; a wrist near the floor has its palm flat on it.
        on_floor: Whether each frame is moved so that its lowest skin is on y = 0.
    """
    frames = len(pose.hips)
    local = np.tile(R.IDENTITY, (frames, len(BONES), 1))
    local[:, 0] = R.from_rotation_vector(pose.pelvis)
    for bone in ("spine", "chest", "upperChest"):
        local[:, BONES.index(bone)] = R.from_rotation_vector(pose.chest / 3.0)
    for bone in ("neck", "head"):
        local[:, BONES.index(bone)] = R.from_rotation_vector(pose.head / 2.0)
    hips = HUMANOID.offsets[[BONES.index(f"{s}UpperLeg") for s in ("left", "right")]].mean(axis=0)
    root = pose.hips - R.apply(local[:, 0], hips)
    positions, world = fk(HUMANOID, root, local)
    for side in (0, 1):
        _arm(pose, positions, world, side)
        _leg(pose, positions, world, side)
    local = local_rotations(HUMANOID, world)
    if on_floor:
        root = root * [1.0, 0.0, 1.0] - lowest_skin(HUMANOID, local)[:, None] * _UP
    return Motion(HUMANOID, np.arange(frames) / FPS, root, local)


def _limb(
    positions: np.ndarray, goal: np.ndarray, pole: np.ndarray, bones: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the directions (F, 3) of a limb's two bones, and that in which it bends."""
    lengths = (float(_LENGTHS[BONES.index(bone)]) for bone in bones[1:])
    root = positions[:, BONES.index(bones[0])]
    middle, end = two_bone_ik(root, goal, pole, *lengths)
    way = R.normalize(end - root)
    return middle - root, end - middle, pole - (pole * way).sum(axis=-1, keepdims=True) * way


def _arm(pose: Pose, positions: np.ndarray, world: np.ndarray, side: int) -> None:
    name, out = ("left", "right")[side], (_X, -_X)[side]
    bones = [f"{name}{bone}" for bone in ("UpperArm", "LowerArm", "Hand")]
    wrists = pose.hands[:, side]
    upper, lower, bend = _limb(positions, wrists, pose.elbows[:, side], bones)
    world[:, BONES.index(bones[0])] = _turn(out, -_AHEAD, upper, bend)
    forearm = world[:, BONES.index(bones[1])] = _turn(out, -_AHEAD, lower, bend)
    chest = world[:, BONES.index("upperChest")]
    heading = (2.0 * lower + 0.3 * R.apply(chest, _UP) + 0.1 * R.apply(chest, _AHEAD)) * [1, 0, 1]
    flat = _turn(out, _UP, heading + 1e-3, np.broadcast_to(_UP, heading.shape))
    share = np.clip((_FLAT[1] - wrists[:, 1]) / (_FLAT[1] - _FLAT[0]), 0.0, 1.0)
    hand = BONES.index(bones[2])
    fingers = [n for n, p in enumerate(HUMANOID.parents) if _below(n, hand)]
    world[:, fingers] = R.slerp(forearm, flat, share)[:, None]


def _below(joint: int, above: int) -> bool:
    while joint > above:
        joint = int(HUMANOID.parents[joint])
    return joint == above


def _leg(pose: Pose, positions: np.ndarray, world: np.ndarray, side: int) -> None:
    name = ("left", "right")[side]
    bones = [f"{name}{bone}" for bone in ("UpperLeg", "LowerLeg", "Foot", "Toes")]
    upper, lower, bend = _limb(positions, pose.feet[:, side], pose.knees[:, side], bones[:3])
    world[:, BONES.index(bones[0])] = _turn(-_UP, _AHEAD, upper, bend)
    world[:, BONES.index(bones[1])] = _turn(-_UP, _AHEAD, lower, bend)
    toes = HUMANOID.offsets[BONES.index(bones[3])]
    foot = _turn(toes, _UP, pose.toes[:, side], -lower)
    for bone in bones[2:]:
        world[:, BONES.index(bone)] = foot


def _blend(keys: Sequence[Pose], rng: np.random.Generator, hold: float, move: float) -> Pose:
    """Return controls that hold each key pose (seconds) and move to the next in `move` or more."""
    last = flat(keys[0])
    values = [np.tile(last, (round(FPS * hold), 1))]
    for key in keys[1:]:
        following = flat(key)
        count = round(FPS * max(move, 0.6 * float(np.abs(following - last).max())))
        s = (np.arange(count) + 1.0)[:, None] / (count + 1.0)
        values.append(last + s**3 * (10.0 - 15.0 * s + 6.0 * s * s) * (following - last))
        values.append(np.tile(following, (round(FPS * hold), 1)))
        last = following
    controls = np.concatenate(values)
    return unflat(controls + sway(rng, *controls.shape))


def _key(**controls: object) -> Pose:
    """Return a key pose: a triple for both sides is mirrored; rotations are in degrees."""
    usual = {
        "chest": (0, 0, 0), "head": (0, 0, 0), "elbows": (0.5, -0.5, -0.8), "knees": (0.1, 0, 1),
        "toes": (0.1, -0.45, 0.9),
    }  # fmt: skip
    out = {}
    for name, shape in SHAPES.items():
        value = np.array((usual | controls)[name], dtype=float)
        if name in ("pelvis", "chest", "head"):
            value = np.radians(value)
        if shape == (2, 3) and value.shape == (3,):
            value = np.array([value, value * [-1.0, 1.0, 1.0]])
        out[name] = value
    return Pose(**out)


_DOWN = {"knees": (0.05, -1, 0.2), "toes": (0, -0.9, 0.3)}  # of people who face the floor
_STAND = _key(hips=(0, 0.92, 0), pelvis=(0, 0, 0), feet=(0.1, 0.085, 0), hands=(0.25, 0.88, 0.05))
_CROUCH = _key(
    hips=(0, 0.45, -0.15), pelvis=(45, 0, 0), chest=(10, 0, 0), feet=(0.12, 0.085, 0.05),
    knees=(0.2, 0.2, 1), hands=(0.2, 0.05, 0.42), elbows=(0.6, 0, -0.7),
)  # fmt: skip
_FOREARMS = _key(
    hips=(0, 0.27, 0), pelvis=(82, 0, 0), feet=(0.1, 0.13, -0.83), hands=(0.12, 0.05, 0.68),
    elbows=(0.1, -1, -0.2), head=(-10, 0, 0), **_DOWN,
)  # fmt: skip
_SIDE_PLANK = _key(
    hips=(0, 0.45, 0), pelvis=(0, 0, 68), feet=[[0.82, 0.1, 0.05], [0.82, 0.22, 0]],
    knees=[[-0.3, 0, 1], [-0.3, 0, 1]], toes=[[0.1, 0, 1], [0.1, 0, 1]],
    hands=[[-0.58, 0.05, 0.05], [-0.45, 1.35, 0]], elbows=[[0, 0, -1], [0, 0, -1]],
)  # fmt: skip
_KICK_UP = _key(
    hips=(0, 0.85, -0.3), pelvis=(125, 0, 0), chest=(10, 0, 0), head=(-20, 0, 0),
    feet=[[0.1, 0.1, -0.55], [-0.1, 1.1, -0.95]], knees=(0.1, 0.1, 1),
    toes=[[0, -0.5, 0.8], [0, 0.2, -1]], hands=(0.2, 0.05, 0.1), elbows=(0.6, 0.2, 0.7),
)  # fmt: skip
_WHEEL = _key(
    hips=(0, 0.72, 0), pelvis=(-105, 0, 0), chest=(-55, 0, 0), head=(-30, 0, 0),
    feet=(0.15, 0.085, 0.45), knees=(0.1, 1, 0.4), hands=(0.22, 0.05, -0.62),
    elbows=(0.5, 0.5, -0.8),
)  # fmt: skip
_SUPINE = _key(
    hips=(0, 0.11, 0), pelvis=(-90, 0, 0), feet=(0.12, 0.07, 0.83), knees=(0.05, 1, 0.1),
    toes=(0.2, 1, 0.3), hands=(0.35, 0.06, 0), elbows=(0.5, -0.3, 0.1),
)  # fmt: skip
_LEGS_OUT = _key(
    hips=(0, 0.1, 0), pelvis=(-8, 0, 0), chest=(5, 0, 0), feet=(0.15, 0.06, 0.8), knees=(0, 1, 0.1),
    toes=(0.2, 1, 0.2), hands=(0.3, 0.06, -0.25), elbows=(0.5, 0.3, -0.8),
)  # fmt: skip
_WALL = _key(
    hips=(0, 0.1, 0), pelvis=(-5, 0, 0), feet=(0.12, 0.085, 0.48), knees=(0.1, 1, 0.3),
    hands=(0.2, 0.42, 0.4), elbows=(0.7, 0, -0.7),
)  # fmt: skip
_CHAIR = _key(
    hips=(0, 0.5, 0), pelvis=(-5, 0, 0), chest=(10, 0, 0), feet=(0.1, 0.085, 0.4),
    knees=(0.1, 1, 0.8), hands=(0.15, 0.65, 0.35), elbows=(0.6, -0.2, -0.7),
)  # fmt: skip


def _pushup(low: float) -> Pose:
    return _key(
        hips=(0, 0.38 - 0.25 * low, 0), pelvis=(68 + 18 * low, 0, 0), feet=(0.1, 0.13, -0.83),
        hands=(0.25, 0.05, 0.45), elbows=(0.8, 0.4, -0.6), head=(-15, 0, 0), **_DOWN,
    )  # fmt: skip


def _side_lie(bent: float) -> Pose:
    return _key(
        hips=(0, 0.15, 0), pelvis=(0, 0, 88), chest=(0, 0, 5), head=(0, 0, -10),
        feet=[[0.75 - 0.5 * bent, 0.07, 0.1 + bent], [0.75 - 0.4 * bent, 0.14, 0.05 + bent]],
        knees=[[-0.2, 0, 1], [-0.2, 0.1, 1]], toes=[[0.6, 0, 0.8], [0.6, 0, 0.8]],
        hands=[[-0.35, 0.06, 0.45], [-0.2, 0.12, 0.35]], elbows=[[0, -0.3, 1], [0, 0.3, 1]],
    )  # fmt: skip


def _handstand(split: float) -> Pose:
    high, apart = 2.15 - 0.3 * split, 0.5 * split
    return _key(
        hips=(0, 1.38, 0), pelvis=(178, 0, 0), feet=[[0.1, high, apart], [-0.1, high, -apart]],
        knees=(0.1, 0.2, -1), toes=(0, 1, -0.1), hands=(0.2, 0.05, -0.03), elbows=(0.6, 0.2, 0.7),
        head=(-30, 0, 0),
    )  # fmt: skip


def _hang(up: float) -> Pose:
    return _key(
        hips=(0, 1.6 + 0.45 * up, -0.05), pelvis=(0, 0, 0), hands=(0.28, 2.62, 0),
        feet=(0.08, 0.8 + 0.57 * up, -0.1 - 0.2 * up), toes=(0, -0.9, 0.4), elbows=(1, -0.3, 0.1),
        head=(-10, 0, 0),
    )  # fmt: skip


def _twist(way: float) -> Pose:
    low = 0.25 - 0.12 * abs(way)
    return _key(
        hips=(0, 0.12, 0), pelvis=(-35, 0, 0), chest=(15, 45 * way, 0), feet=(0.07, 0.22, 0.6),
        knees=(0.1, 1, 0.3), toes=(0, -0.2, 1), elbows=(0.7, -0.3, -0.5),
        hands=[[0.05 + 0.25 * way, 0.32, low], [-0.05 + 0.25 * way, 0.32, low]],
    )  # fmt: skip


def _situp(up: float) -> Pose:
    return _key(
        hips=(0, 0.11, 0), pelvis=(-88 + 60 * up, 0, 0), chest=(35 * up, 0, 0),
        head=(20 * up, 0, 0), feet=(0.12, 0.085, 0.42), knees=(0.1, 1, 0.3),
        hands=(0.12, 0.3 + 0.35 * up, -0.55 + 0.5 * up), elbows=(1, 0.2, 0.2),
    )  # fmt: skip


def _superman(up: float) -> Pose:
    return _key(
        hips=(0, 0.11, 0), pelvis=(90, 0, 0), chest=(-25 * up, 0, 0), head=(-15, 0, 0),
        feet=(0.12, 0.07 + 0.25 * up, -0.8), knees=(0.05, -1, 0.1), toes=(0.1, -0.3, -1),
        hands=(0.2, 0.05 + 0.3 * up, 0.95), elbows=(0.8, 0.3, 0.3),
    )  # fmt: skip


def _rolled(rng: np.random.Generator) -> Motion:
    """Return a person who rolls from the back onto the belly."""
    still = posed(_blend([_SUPINE], rng, 3.0, 1.0), on_floor=False)
    s = np.clip((np.arange(len(still)) - 20) / 50.0, 0.0, 1.0)
    s = s * s * (3.0 - 2.0 * s)
    rotations = still.rotations.copy()
    rotations[:, 0] = R.multiply(R.from_axis_angle(_AHEAD, np.pi * s), rotations[:, 0])
    root = -0.5 * s[:, None] * _X - lowest_skin(HUMANOID, rotations)[:, None] * _UP
    return Motion(HUMANOID, still.times, root, rotations)


def motions(seed: int = 0) -> dict[str, Motion]:
    """Return the motions by name; people sway differently with each seed."""
    rng = np.random.default_rng(seed)
    maker = RarerMaker(rng)
    takes: dict[str, tuple[list[Pose], float, float]] = {
        "push-ups": ([_pushup(n % 2) for n in range(5)], 0.3, 0.8),
        "burpee": ([_STAND, _CROUCH, _pushup(0), _CROUCH, _STAND], 0.3, 0.6),
        "forearm plank": ([_FOREARMS], 3.0, 1.0),
        "side plank": ([_SIDE_PLANK], 3.0, 1.0),
        "handstand": (
            [_STAND, _KICK_UP, _handstand(0), _handstand(1), _handstand(0), _KICK_UP, _STAND],
            0.4, 1.2,
        ),
        "pull-ups": ([_hang(n % 2) for n in range(5)], 0.3, 1.2),
        "jump to a bar": ([_STAND, _hang(0), _hang(1), _hang(0)], 0.5, 0.5),
        "bridge": ([_SUPINE, _WHEEL, _WHEEL, _SUPINE], 0.7, 1.2),
        "hips lifted": ([_situp(0), maker.bridge(), _situp(0), maker.bridge()], 0.4, 1.2),
        "on the side": ([_side_lie(bent) for bent in (0.3, 0.5, 0.1)], 0.7, 1.2),
        "against a wall": ([_WALL, _LEGS_OUT], 0.7, 1.2),
        "seated twists": ([_twist(way) for way in (0, 1, -1, 1, -1)], 0.1, 0.5),
        "sit-ups": ([_situp(n % 2) for n in range(4)], 0.2, 0.9),
        "arms and legs lifted": ([_superman(n % 2) for n in range(3)], 0.6, 1.2),
        "sitting down": ([_STAND, _CHAIR, _STAND], 0.8, 1.0),
        "lying down": (
            [_STAND, maker.kneel(), maker.all_fours(), _superman(0)], 0.4, 1.2,
        ),
        "lying back": ([_LEGS_OUT, _situp(0.4), _SUPINE], 0.6, 1.2),
        "yoga": (
            [maker.down_dog(), _pushup(0), maker.cobra(), maker.down_dog(), maker.childs_pose()],
            0.4, 1.2,
        ),
    }  # fmt: skip
    floor = {name: "bar" not in name and name != "pull-ups" for name in takes}
    out = {name: posed(_blend(keys, rng, *pace), floor[name])
           for name, (keys, *pace) in takes.items()}  # fmt: skip
    return out | {"rolling over": _rolled(rng)}
