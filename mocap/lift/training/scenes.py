"""Scenes to render: a body of random proportions in captured motion, camera, colours, light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS, landmarks_of
from mocap.core.kinematics import fk, scaled, sole_points
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.lift.landmarks import joints_of
from mocap.lift.network import RATE
from mocap.lift.training.stage import Library, other_moves, wandering, windows
from mocap.solve.body import solve_body

FRAMES = 60
"""Frames of a piece at RATE."""
SIZES = ((480, 640), (640, 480), (640, 360))
"""A tall, a wide and a very wide image, (width, height) pixels."""

_HUMANOID_REST = landmarks_of(*fk(HUMANOID, HUMANOID.offsets[0], HUMANOID.rest_rotations))
_EARS = _HUMANOID_REST[[LANDMARKS.index("left_ear"), LANDMARKS.index("right_ear")]].mean(axis=0)
_SIDES = ("left", "right")
_LIMB_JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot_index")


@dataclass(frozen=True)
class Viewpoint:
    """A camera.

    Attributes:
        position: (3,) metres.
        turn: (4,) rotation from its axes to the world's, xyzw.
        focal: Focal length, pixels.
        size: (width, height) of the image, pixels.
    """

    position: ndarray
    turn: ndarray
    focal: float
    size: tuple[int, int]

    def to_camera(self, points: ndarray) -> ndarray:
        """Return world points (F, N, 3) in the camera's axes, metres."""
        return R.apply(R.conjugate(self.turn), points - self.position)

    def for_page(self) -> dict[str, Any]:
        """Return the camera for the pages."""
        fov = float(np.degrees(2.0 * np.arctan(0.5 * self.size[1] / self.focal)))
        place = {"position": self.position.tolist(), "turn": self.turn.tolist()}
        return place | {"size": self.size, "fov": fov}


@dataclass(frozen=True)
class Scene:
    """A piece before it is rendered.

    It has the body, the stretch of its parts {bone: (x, y, z)}, rotations (F, 55, 4) and root
    positions (F, 3) in the world, the camera, and colours and light for the page.
    """

    body: Skeleton
    stretch: dict[str, list[float]]
    rotations: ndarray
    roots: ndarray
    view: Viewpoint
    look: dict[str, Any]

    def joints(self) -> ndarray:
        """Return the lifter's 15 joints (F, 15, 3) in camera axes, metres."""
        points = joints_of(landmarks_of(*fk(self.body, self.roots, self.rotations)))
        return self.view.to_camera(points)


def performed(rng: np.random.Generator, joints: ndarray) -> ndarray:
    """Return rotations (F, 55, 4) of HUMANOID for 15 joints; head, hands and heels are made up."""
    frames = len(joints)
    across, middle = joints[:, 1] - joints[:, 2], joints[:, [7, 8]].mean(axis=1)
    chest = R.from_frame(R.normalize(across), R.normalize(joints[:, [1, 2]].mean(axis=1) - middle))
    pelvis = R.from_frame(
        R.normalize(joints[:, 7] - joints[:, 8]),
        R.normalize(joints[:, [1, 2]].mean(axis=1) - middle),
    )

    def astray(degrees: tuple[float, float, float], seconds: float) -> ndarray:
        vector = np.radians(degrees) * (
            0.7 * wandering(rng, (1, frames, 3), seconds)[0] + 0.7 * rng.normal(size=3)
        )
        return R.from_rotation_vector(vector)

    points = np.full((frames, 33, 3), np.nan)
    points[:, [LANDMARKS.index(f"{s}_{n}") for n in _LIMB_JOINTS for s in _SIDES]] = joints[:, 1:]
    head = R.multiply(chest, astray((12.0, 25.0, 8.0), 0.8))
    points[:, :11] = joints[:, :1] + R.apply(head[:, None], _HUMANOID_REST[:11] - _EARS)
    for side, name in enumerate(_SIDES):
        wrist, elbow, toe, ankle = (joints[:, i + side] for i in (5, 3, 13, 11))
        at = LANDMARKS.index(f"{name}_wrist")
        rest = np.array([1.0 - 2.0 * side, 0.0, 0.0])
        swing = R.multiply(R.between(R.apply(chest, rest), R.normalize(wrist - elbow)), chest)
        hand = R.multiply(
            swing, R.multiply(astray((55.0, 0.0, 0.0), 0.6), astray((0.0, 12.0, 25.0), 0.5))
        )
        for finger in ("pinky", "index", "thumb"):
            tip = LANDMARKS.index(f"{name}_{finger}")
            points[:, tip] = wrist + R.apply(hand, _HUMANOID_REST[tip] - _HUMANOID_REST[at])
        heel, foot, tip = (LANDMARKS.index(f"{name}_{n}") for n in ("heel", "ankle", "foot_index"))
        sole = R.apply(pelvis, _HUMANOID_REST[tip] - _HUMANOID_REST[foot])
        turn = R.multiply(R.between(R.normalize(sole), R.normalize(toe - ankle)), pelvis)
        points[:, heel] = ankle + R.apply(turn, _HUMANOID_REST[heel] - _HUMANOID_REST[foot])
    rotations, _ = solve_body(
        np.arange(frames) / RATE, points - middle[:, None], np.ones((frames, 33))
    )
    return rotations


def other_body(rng: np.random.Generator) -> tuple[Skeleton, dict[str, list[float]]]:
    """Return HUMANOID in other proportions, and the scale of each bone's mesh."""
    names = (
        "UpperArm",
        "LowerArm",
        "Hand",
        "UpperLeg",
        "LowerLeg",
        "Foot",
        "Toes",
        "trunk",
        "head",
    )
    factor = dict(
        zip(
            names,
            np.exp(np.clip(0.09 * rng.normal(size=len(names)), -0.18, 0.18)).tolist(),
            strict=True,
        )
    )
    thick, limb = np.exp(np.clip(0.12 * rng.normal(size=2), -0.2, 0.25)).tolist()
    lengths = {s + n: f for n, f in factor.items() for s in _SIDES if n not in ("trunk", "head")}
    lengths |= dict.fromkeys(
        ("spine", "chest", "upperChest", "neck", "leftShoulder", "rightShoulder"), factor["trunk"]
    )
    body = scaled(HUMANOID, lengths)
    stretch = {name: [1.0, 1.0, 1.0] for name in BONES}
    for name, wide in (
        ("hips", "UpperLeg"),
        ("spine", "UpperLeg"),
        ("chest", "UpperArm"),
        ("upperChest", "UpperArm"),
    ):
        stretch[name] = [factor[wide], factor["trunk"], thick]
    for side in _SIDES:
        stretch[f"{side}Shoulder"] = [factor["UpperArm"], factor["trunk"], thick]
        for bone, child in (("UpperArm", "LowerArm"), ("LowerArm", "Hand")):
            stretch[side + bone] = [factor[child], limb, limb]
        for bone, child in (("UpperLeg", "LowerLeg"), ("LowerLeg", "Foot")):
            stretch[side + bone] = [limb * thick, factor[child], limb * thick]
        stretch[f"{side}Foot"] = stretch[f"{side}Toes"] = [1.0, factor["Toes"], factor["Toes"]]
    return body, stretch


def piece_of(rng: np.random.Generator, library: Library) -> ndarray:
    """Return the joints (FRAMES, 15, 3) of one recombined piece of motion, metres, +Y up."""
    piece = windows(rng, library, 4, FRAMES)
    middle = piece[:, :, [7, 8]].mean(axis=2, keepdims=True)
    return np.asarray((other_moves(rng, piece - middle) + middle)[0])


def view_of(
    rng: np.random.Generator, places: ndarray, target: ndarray, sizes: tuple[tuple[int, int], ...]
) -> Viewpoint:
    """Return a random camera around a body.

    Args:
        rng: Random numbers.
        places: (F, N, 3) positions of the body's joints, metres.
        target: (3,) the point near which the camera looks, metres.
        sizes: A tall, a wide and a very wide image, (width, height) pixels.
    """
    x, y, z = np.eye(3)
    pitch = np.radians(rng.uniform(-15.0, 35.0) * (rng.uniform() < 0.8))
    turn = R.multiply(
        R.from_axis_angle(y, rng.uniform(-np.pi, np.pi)), R.from_axis_angle(x, -pitch)
    )
    turn = R.multiply(turn, R.from_axis_angle(z, np.radians(5.0) * rng.normal()))
    distance = rng.uniform(2.0, 6.0)
    position = target + distance * R.apply(turn, z)
    position[1] = max(position[1], 0.08)
    # The field of view: the body stays in the image wherever it goes, or nearly, unless it goes so
    # far that it would be small.
    seen = R.apply(R.conjugate(turn), places - position)
    size = sizes[0] if rng.uniform() < 0.5 else sizes[1] if rng.uniform() < 0.5 else sizes[2]
    slopes = np.abs(seen[..., :2] / np.maximum(-seen[..., 2:], 0.5))
    reach = np.percentile(slopes, 97.0, axis=(0, 1))
    focal = rng.uniform(0.6, 1.05) * min(0.5 * size[0] / reach[0], 0.5 * size[1] / reach[1])
    focal = max(focal, rng.uniform(0.35, 0.55) * min(size) * distance / 1.7)
    focal = float(np.clip(focal, 0.6 * max(size), 2.5 * max(size)))
    offset = np.append(rng.normal(size=2) * 0.06 * size[0] / focal * distance, 0.0)
    return Viewpoint(position + R.apply(turn, offset), turn, focal, size)


def scene(rng: np.random.Generator, library: Library) -> Scene:
    """Return one piece of motion, on a random body, before a random camera."""
    joints = piece_of(rng, library)
    rotations = performed(rng, joints)
    body, stretch = other_body(rng)
    legs = (
        np.linalg.norm(
            body.offsets[[BONES.index("leftLowerLeg"), BONES.index("leftFoot")]], axis=-1
        ).sum()
        / 0.835
    )
    roots = joints[:, [7, 8]].mean(axis=1) * legs
    roots[:, 1] -= np.percentile(sole_points(body, roots, rotations)[..., 1].min(axis=1), 5.0)
    places = fk(body, roots, rotations)[0]
    target = places[:, [0, BONES.index("upperChest")]].mean(axis=(0, 1))
    view = view_of(rng, places, target, SIZES)
    return Scene(body, stretch, rotations, roots, view, look_of(rng, view.position, target))


def look_of(rng: np.random.Generator, position: ndarray, target: ndarray) -> dict[str, Any]:
    """Return colours, light, objects around, and in one piece of six an object in the way.

    Args:
        rng: Random numbers.
        position: (3,) position of the camera, metres.
        target: (3,) the point at which it looks, metres.
    """

    def colour(low: float = 0.0, high: float = 1.0) -> list[float]:
        return np.clip(rng.uniform(low, high) + rng.normal(scale=0.12, size=3), 0.0, 1.0).tolist()

    def box(place: ndarray, measure: ndarray) -> dict[str, Any]:
        position = [place[0], 0.5 * measure[1], place[1]]
        return {
            "position": position,
            "size": measure.tolist(),
            "colour": colour(),
            "turn": rng.uniform(0.0, 3.0),
        }

    skin = (
        np.array([0.8, 0.5, 0.36])
        * rng.uniform(0.15, 1.1)
        * [1.0, rng.uniform(0.85, 1.1), rng.uniform(0.8, 1.1)]
    )
    shirt, trousers = colour(), colour()
    colours = {
        "shell": shirt,
        "accent": shirt,
        "accentRight": shirt,
        "suit": trousers,
        "joint": trousers,
        "hair": colour(0.0, 0.5),
    }
    if rng.uniform() < 0.4:  # bare arms
        colours["joint"] = skin.tolist()
    boxes = []
    for _ in range(int(rng.integers(0, 8))):
        away = rng.normal(size=2)
        place = target[[0, 2]] + away / np.linalg.norm(away) * rng.uniform(1.3, 4.0)
        toward = (position - target)[[0, 2]]
        if np.dot(place - target[[0, 2]], toward) > 0.3 * np.linalg.norm(toward):
            continue
        boxes.append(box(place, rng.uniform(0.2, 1.5, 3)))
    if rng.uniform() < 1.0 / 6.0:
        place = target + rng.uniform(0.2, 0.4) * (position - target)
        boxes.append(
            box(place[[0, 2]], np.array([rng.uniform(0.15, 1.2), rng.uniform(0.4, 1.0), 0.1]))
        )
    angle, height = rng.uniform(-np.pi, np.pi), rng.uniform(1.5, 5.0)
    return {
        "colours": colours | {"skin": np.clip(skin, 0.0, 1.0).tolist()},
        "boxes": boxes,
        "look": {
            "background": colour(), "floor": colour(), "floorSeen": bool(rng.uniform() < 0.9),
            "sky": colour(0.6, 1.0),
            "ground": colour(0.1, 0.6), "shadow": bool(rng.uniform() < 0.3),
            "skyStrength": rng.uniform(0.8, 2.5),
            "keyStrength": rng.uniform(0.3, 3.0),
            "key": [3.0 * np.sin(angle), height, 3.0 * np.cos(angle)],
        },
    }  # fmt: skip
