"""Measures of a result against the truth, both in one frame: +Y up, +Z to the camera, metres.

Twelve joints, left and right of each: shoulders, elbows, wrists, hips, knees, ankles; eight bones:
upper and lower arms and legs.

    direction        degrees between true and shown bones
    MPJPE            mean distance of the joints, mm, relative to the middle of the hips
    PA-MPJPE         the same after each frame's best similarity: the pose's shape alone
    acceleration     mean of elbows, wrists, knees, ankles relative to the hips, in units of the
                     true one: more is trembling, less is stiffness
    slide            the largest distance in mm that a heel or toe tip moves over the floor during a
                     true contact, without the contact's first and last 0.1 s, when a foot may still
                     be landing
    contacts found   percent of the true contacts that the motion marks from end to end; slide in
                     those, and in the others
    sink, float      mm of heels and toe tips below the floor, the worst; above it during true
                     contacts, the mean
    path             distance of the path's end from the truth, percent of the way travelled
    lean             degrees between the mean directions of the true and the shown trunk; and of the
                     body, ankles to shoulders
    bone lengths     their variation, percent
    swing, twist     degrees between true and shown joints across and about the bone, see ROTATIONS
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.core.kinematics import fk, sole_points
from mocap.core.motion import Motion
from mocap.core.runs import runs
from mocap.core.skeleton import BONES

LANDMARK_JOINTS = [
    LANDMARKS.index(f"{s}_{n}")
    for n in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for s in ("left", "right")
]
JOINTS = [
    BONES.index(s + n)
    for n in ("UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot")
    for s in ("left", "right")
]
FROM, TO = [0, 1, 2, 3, 6, 7, 8, 9], [2, 3, 4, 5, 8, 9, 10, 11]
_SHOULDERS, _HIPS, _ANKLES, _MOVING = [0, 1], [6, 7], [10, 11], [2, 3, 4, 5, 8, 9, 10, 11]
_SOLES = [
    LANDMARKS.index(n) for n in ("left_heel", "left_foot_index", "right_heel", "right_foot_index")
]
_LANDING = 0.1  # seconds

Measures = dict[str, float]
"""By name; NaN where there is nothing to measure."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What somebody makes of a take: 12 joints (F, 12, 3), metres; the soles' points (F, 4, 3) in
    the order of motion.CONTACTS, if it has a floor; and the motion that they come from, if there is
    one.
    """

    times: np.ndarray
    joints: np.ndarray
    soles: np.ndarray | None = None
    motion: Motion | None = None

    @classmethod
    def of(cls, motion: Motion) -> Shown:
        """A motion's."""
        joints = fk(motion.skeleton, motion.root_positions, motion.rotations)[0][:, JOINTS]
        return cls(
            motion.times,
            joints,
            sole_points(motion.skeleton, motion.root_positions, motion.rotations),
            motion,
        )

    @classmethod
    def of_landmarks(cls, keypoints: Keypoints) -> Shown:
        """The detector's own landmarks, which stay where the hips are."""
        return cls(
            keypoints.times, keypoints.positions[:, LANDMARK_JOINTS], keypoints.positions[:, _SOLES]
        )


def direction(joints: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Degrees (F, 8) between the limb bones of both."""
    a, b = (R.normalize(p[:, TO] - p[:, FROM]) for p in (joints, reference))
    return np.degrees(
        2.0 * np.arctan2(np.linalg.norm(a - b, axis=-1), np.linalg.norm(a + b, axis=-1))
    )


def centred(joints: np.ndarray) -> np.ndarray:
    """The joints from the middle of the hips."""
    return joints - joints[:, _HIPS].mean(axis=1, keepdims=True)


def mpjpe(joints: np.ndarray, reference: np.ndarray) -> float:
    """The mean distance of the joints, root-relative, in their unit."""
    return float(np.linalg.norm(centred(joints) - centred(reference), axis=-1).mean())


def pa_mpjpe(joints: np.ndarray, reference: np.ndarray) -> float:
    """Mean distance of the joints after the best similarity of each frame, reference's unit."""
    a, b = (
        joints - joints.mean(axis=1, keepdims=True),
        reference - reference.mean(axis=1, keepdims=True),
    )
    u, s, vt = np.linalg.svd(np.swapaxes(b, 1, 2) @ a)
    signs = np.ones_like(s)
    signs[:, 2] = np.linalg.det(u @ vt)
    turn = u @ (signs[:, :, None] * vt)
    scale = (s * signs).sum(axis=1) / np.square(a).sum(axis=(1, 2))
    return float(
        np.linalg.norm(scale[:, None, None] * (a @ np.swapaxes(turn, 1, 2)) - b, axis=-1).mean()
    )


def turned_onto(joints: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The joints turned by the one rotation that brings their bones best onto the reference's
    (Kabsch).
    """
    a, b = (R.normalize(p[:, TO] - p[:, FROM]).reshape(-1, 3) for p in (joints, reference))
    u, _, vt = np.linalg.svd(b.T @ a)
    turn: np.ndarray = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    return joints @ turn.T


def acceleration(joints: np.ndarray, times: np.ndarray) -> float:
    """The mean acceleration of elbows, wrists, knees and ankles against the hips' middle, per s²,
    over steps without a gap.
    """
    p = centred(joints)[:, _MOVING]
    step = np.diff(times)
    even = np.abs(np.diff(step)) < 0.2 * np.median(step)
    second = np.diff(p, n=2, axis=0) / np.square(0.5 * (step[1:] + step[:-1]))[:, None, None]
    return float(np.linalg.norm(second[even], axis=-1).mean())


def length_variation(joints: np.ndarray) -> float:
    """Standard deviation of a limb bone's length over time, as a share of it; mean of eight."""
    lengths = np.linalg.norm(joints[:, TO] - joints[:, FROM], axis=-1)
    return float((lengths.std(axis=0) / lengths.mean(axis=0)).mean())


def contact_runs(times: np.ndarray, contacts: np.ndarray) -> list[tuple[int, int, int]]:
    """(point, first, end) of the contacts, without the time in which a foot may still be landing or
    leaving; none shorter than that.
    """
    out = []
    for point, flags in enumerate(contacts.T > 0.5):
        for first, end in runs(flags):
            inside = np.flatnonzero(
                (times[first:end] - times[first] >= _LANDING)
                & (times[end - 1] - times[first:end] >= _LANDING)
            )
            if len(inside) > 2:
                out.append((point, first + int(inside[0]), first + int(inside[-1]) + 1))
    return out


def slides(soles: np.ndarray, runs: list[tuple[int, int, int]]) -> np.ndarray:
    """Of each contact the largest distance over the floor between two of its frames, metres."""
    out = []
    for point, first, end in runs:
        places = soles[first:end, point][:, [0, 2]]
        out.append(np.linalg.norm(places[:, None] - places, axis=-1).max())
    return np.array(out)


def path_error(root: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """How far the end is from where it should be seen from the start, as shares of the way from the
    true start to the true end: across the picture, and in depth. NaN for who hardly moves.
    """

    def way(path: np.ndarray) -> np.ndarray:
        return path[-5:].mean(axis=0) - path[:5].mean(axis=0)

    travelled = float(np.linalg.norm(way(true)[[0, 2]]))
    if travelled < 1.0:
        return np.nan, np.nan
    off = np.abs(way(root) - way(true)) / travelled
    return float(off[0]), float(off[2])


def lean(joints: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """Degrees between the mean directions of both trunks, hips to shoulders, and of both bodies,
    ankles to shoulders.
    """

    def up(p: np.ndarray, below: list[int]) -> np.ndarray:
        return R.normalize((p[:, _SHOULDERS].mean(axis=1) - p[:, below].mean(axis=1)).mean(axis=0))

    pairs = [(up(joints, below), up(reference, below)) for below in (_HIPS, _ANKLES)]
    trunk, body = (float(np.degrees(np.arccos(np.clip(a @ b, -1.0, 1.0)))) for a, b in pairs)
    return trunk, body


def measures(result: Shown, true: Motion) -> Measures:
    """All of them, in the words and units of the module's head."""
    truth = Shown.of(true)
    assert truth.soles is not None
    assert true.contacts is not None
    angles = direction(result.joints, truth.joints)
    out = {
        "direction": float(angles.mean()),
        "direction p95": float(np.percentile(angles, 95)),
        "MPJPE": 1000.0 * mpjpe(result.joints, truth.joints),
        "PA-MPJPE": 1000.0 * pa_mpjpe(result.joints, truth.joints),
        "acceleration": acceleration(result.joints, result.times)
        / acceleration(truth.joints, true.times),
        "bone lengths": 100.0 * length_variation(result.joints),
    }
    out["lean of trunk"], out["lean"] = lean(result.joints, truth.joints)
    runs = contact_runs(true.times, true.contacts)
    if result.soles is not None:
        slid = slides(result.soles, runs)
        out["slide"] = 1000.0 * float(slid.mean()) if len(slid) else np.nan
        if result.motion is not None and result.motion.contacts is not None and len(runs):
            found = np.array(
                [result.motion.contacts[first:end, point].min() > 0.5 for point, first, end in runs]
            )
            out["contacts found"] = 100.0 * float(found.mean())
            for which, name in ((found, "slide of found"), (~found, "slide of others")):
                out[name] = 1000.0 * float(slid[which].mean()) if which.any() else np.nan
    if result.motion is not None and result.soles is not None:
        height = result.soles[..., 1]
        out["sink"] = 1000.0 * float(max(0.0, -height.min()))
        standing = (
            np.concatenate([height[first:end, point] for point, first, end in runs])
            if runs
            else np.zeros(0)
        )
        out["float"] = 1000.0 * float(np.maximum(standing, 0.0).mean()) if len(standing) else np.nan
        across, depth = path_error(result.motion.root_positions, true.root_positions)
        out["path across"], out["path in depth"] = 100.0 * across, 100.0 * depth
        for joint, (swing, twist) in rotation_errors(result.motion, true).items():
            out[f"swing of {joint}"], out[f"twist of {joint}"] = swing, twist
    return out


# Rotations ----------------------------------------------------------------------------------------

# What is compared: a bone, relative to which other. Collarbones are left out: what they and the
# upper arms share, no picture tells.
ROTATIONS: dict[str, tuple[str, str]] = {
    "hips": ("hips", ""), "chest": ("upperChest", "hips"), "head": ("head", "upperChest"),
    "upper arm": ("UpperArm", "upperChest"), "forearm": ("LowerArm", "UpperArm"),
    "hand": ("Hand", "LowerArm"),
    "thigh": ("UpperLeg", "hips"), "shank": ("LowerLeg", "UpperLeg"), "foot": ("Foot", "LowerLeg"),
}  # fmt: skip
_ALONG = {"hips": [0, 1, 0], "chest": [0, 1, 0], "head": [0, 1, 0], "foot": [0, 0, 1]}


def rotation_errors(motion: Motion, true: Motion) -> dict[str, tuple[float, float]]:
    """By joint: mean degrees of swing (where the bone points) and of twist (how it is turned about
    itself), left and right together.
    """
    worlds = [fk(m.skeleton, m.root_positions, m.rotations)[1] for m in (true, motion)]
    out = {}
    for name, (bone, base) in ROTATIONS.items():
        errors = []
        for side in ("",) if bone[0].islower() else ("left", "right"):
            joint = BONES.index(side + bone)
            parent = None if not base else BONES.index(base if base[0].islower() else side + base)
            a, b = (
                w[:, joint]
                if parent is None
                else R.multiply(R.conjugate(w[:, parent]), w[:, joint])
                for w in worlds
            )
            axis = np.array(
                _ALONG.get(name, [1, 0, 0] if "rm" in name or name == "hand" else [0, -1, 0]), float
            )
            # b = a · swing · twist: the twist about the bone itself, in its own frame.
            swing, twist = R.swing_twist(R.multiply(R.conjugate(a), b), axis)
            errors.append((np.degrees(R.angle(swing)).mean(), np.degrees(R.angle(twist)).mean()))
        out[name] = (float(np.mean([e[0] for e in errors])), float(np.mean([e[1] for e in errors])))
    return out
