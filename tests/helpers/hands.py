"""Random reachable hands of all proportions, for tests and benchmarks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID, TIPS, Skeleton
from mocap.solve.hands import FINGER_BONES, hand_points
from tests.helpers.synthetic import keypoints_of, smooth_motion

# Degrees, within the ranges of Norkin and White, Measurement of Joint Motion, 5th ed.
_RANGES = {
    "knuckle": (-20, 90), "splay": (-20, 20), "middle joint": (0, 110), "end joint": (-5, 80),
    "thumb's knuckle": (0, 55),
    "thumb's end": (-10, 80), "thumb's saddle": (-25, 25),
}  # fmt: skip
_X, _Y, _Z = np.eye(3)
# Where a left thumb at rest bends to, as anatomy has it: across the palm.
_THUMB_BENDS = np.array([0.62, -0.06, -0.76])


def _frames(bend: np.ndarray, bones: list[str]) -> np.ndarray:
    tips = [HUMANOID.offsets[BONES.index(f"left{b}")] for b in bones]
    return R.from_frame(R.normalize(np.array(tips)), bend)


def random_hands(rng: np.random.Generator, frames: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the rest pose with both hands in random reachable poses, and their angles.

    Returns:
        Local rotations (F, 55, 4), and angles (F, 2, …), radians.
    """
    return hands_posed(_parameters(rng, frames))


def _parameters(rng: np.random.Generator, frames: int) -> dict[str, np.ndarray]:
    return {
        "knuckle": rng.uniform(size=(frames, 2, 4)), "splay": rng.uniform(size=(frames, 2, 4)),
        "middle joint": rng.uniform(size=(frames, 2, 4)),
        "end joint": rng.uniform(size=(frames, 2, 4)),
        "thumb's knuckle": rng.uniform(size=(frames, 2)),
        "thumb's end": rng.uniform(size=(frames, 2)),
        "thumb's saddle": rng.uniform(size=(frames, 2, 2)),
    }  # fmt: skip


def hands_posed(u: dict[str, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Like `random_hands`, from parameters in [0, 1]."""
    angles = {
        k: np.radians(_RANGES[k][0] + (_RANGES[k][1] - _RANGES[k][0]) * v) for k, v in u.items()
    }
    frames = len(u["knuckle"])
    local = np.tile(R.IDENTITY, (frames, 2, 15, 1))
    for n, finger in enumerate(("Index", "Middle", "Ring", "Little")):
        # The bone that a joint's offset is along is the one before it, so each frame is that of the
        # next joint's offset.
        bones = [f"{finger}Intermediate", f"{finger}Distal"]
        f1, f2 = _frames(np.array([0.0, -1.0, 0.0]), bones)
        f3 = R.from_frame(np.array([1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0]))
        knuckle = R.multiply(
            R.from_axis_angle(_Z, angles["knuckle"][..., n]),
            R.from_axis_angle(_Y, -angles["splay"][..., n]),
        )
        turns = (
            knuckle,
            R.from_axis_angle(_Z, angles["middle joint"][..., n]),
            R.from_axis_angle(_Z, angles["end joint"][..., n]),
        )
        for part, (frame, q) in enumerate(zip((f1, f2, f3), turns, strict=True)):
            local[:, :, 3 + 3 * n + part] = R.multiply(R.multiply(frame, q), R.conjugate(frame))
    thumb = _thumb_frames()
    flexed, aside = angles["thumb's saddle"][..., 0], angles["thumb's saddle"][..., 1]
    saddle = R.multiply(R.from_axis_angle(_Z, flexed), R.from_axis_angle(_Y, aside))
    turns = (
        saddle,
        R.from_axis_angle(_Z, angles["thumb's knuckle"]),
        R.from_axis_angle(_Z, angles["thumb's end"]),
    )
    for part, q in enumerate(turns):
        local[:, :, part] = R.multiply(R.multiply(thumb[part], q), R.conjugate(thumb[part]))
    local[:, 1] *= [1.0, -1.0, -1.0, 1.0]
    out = np.tile(R.IDENTITY, (frames, len(BONES), 1))
    for side in (0, 1):
        out[:, FINGER_BONES[side]] = local[:, side]
    return out, angles


def _thumb_frames() -> np.ndarray:
    along = [HUMANOID.offsets[BONES.index(f"leftThumb{b}")] for b in ("Proximal", "Distal")] + [
        TIPS["leftThumbDistal"]
    ]
    return R.from_frame(R.normalize(np.array(along)), _THUMB_BENDS)


def random_body_with_hands(rng: np.random.Generator) -> Skeleton:
    """Return HUMANOID with each finger bone longer or shorter by up to 20 %, palms unchanged."""
    factors = {}
    for bone in FINGER_BONES[0]:
        name = BONES[bone].removeprefix("left")
        if name.endswith(("Intermediate", "Distal")) or name == "ThumbProximal":
            factors |= dict.fromkeys((f"left{name}", f"right{name}"), rng.uniform(0.8, 1.2))
    return kinematics.scaled(HUMANOID, factors)


def with_hands(motion: Motion, seen: np.ndarray | None = None) -> Keypoints:
    """Return a perfect detector's keypoints of body and hands; seen: (F, 2) the visible hands."""
    points = hand_points(*kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations))
    seen = np.ones(points.shape[:2], dtype=bool) if seen is None else seen
    hands = np.where(seen[..., None, None], points, np.nan)
    return replace(keypoints_of(motion), hands=hands, hands_confidence=np.where(seen, 1.0, 0.0))


def gesturing(rng: np.random.Generator, seconds: float, fps: float, speed: float = 1.0) -> Motion:
    """Return `smooth_motion` with each finger on its own slow sine."""
    motion = smooth_motion(rng, seconds, fps, speed)
    u = {name: value[0] for name, value in _parameters(rng, 1).items()}
    phase = speed * motion.times
    moving = {}
    for name, start in u.items():
        frequency = rng.uniform(0.05, 0.2, start.shape)
        moving[name] = 0.5 + 0.5 * np.sin(2 * np.pi * (np.multiply.outer(phase, frequency) + start))
    rotations = motion.rotations.copy()
    rotations[:, FINGER_BONES] = hands_posed(moving)[0][:, FINGER_BONES]
    return replace(motion, rotations=rotations)
