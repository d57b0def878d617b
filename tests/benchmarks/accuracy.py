"""Videos through the real detector: how far what the avatar shows is from the truth, live, baked, and without parts of the solver.

The demo clip (rigs/demo.mp4: the mannequin, rendered; rigs/demo_truth.npz has every rotation) and, where MOCAP_DATA names a folder with
paired/bodypose3d, a man who walks in, sits, stands and leaves, triangulated from two cameras (12 joints; one unit is about 0.1 m).

    raw          the detector's own 3D landmarks, no solver: the yardstick
    mocap live   frame by frame and causal, as `mocap live` does it, the body measured as it goes
    mocap bake   the whole take at once, as `mocap bake`
    − part       without a part of the solver, which is what that part is worth
    Kalidokit    the raw landmarks through it, under each of its readings (kalidokit.py)

Direction: degrees between true and shown bones, upper and lower arms and legs, both sides. Orientation: the angle of the whole rotation
of head, chest (`upperChest`) and feet. Path: millimetres of the hips from where they are, both paths centred: sideways, height, and depth
(along the camera's view). Floor: how far the lower foot is from its true height above the ground. Slide: the speed over the ground of
heels and toes that in truth stand. Acceleration: mean of elbows, wrists, knees and ankles against the hips' middle, in units of the true
one: more than 1 is trembling, less is stiffness.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

from mocap import rotation as R
from mocap.camera import Camera
from mocap.capture import Frame, open_source
from mocap.detect.mediapipe import PoseDetector, detect_source
from mocap.detect.models import PoseSize
from mocap.keypoints import LANDMARKS, Keypoints
from mocap.kinematics import fk, sole_points
from mocap.motion import Motion, concatenate
from mocap.pipeline import Arrived, LivePerformer
from mocap.retarget import retarget
from mocap.skeleton import BONES, HUMANOID
from mocap.solve import solver
from mocap.solve.measure import measure_body
from mocap.solve.twist import FULL_BEND

from . import kalidokit
from .solver import angle_between
from .table import Cell, Table

MODEL: PoseSize = "full"
RAW = f"raw landmarks, {MODEL}"
RIGS = Path(__file__).parents[2] / "rigs"

# Left and right of each, in the order of the two-camera reference.
_LANDMARKS = [LANDMARKS.index(f"{s}_{n}") for n in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for s in ("left", "right")]
_JOINTS = [BONES.index(s + n) for n in ("UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot") for s in ("left", "right")]
_FROM, _TO = [0, 1, 2, 3, 6, 7, 8, 9], [2, 3, 4, 5, 8, 9, 10, 11]
_HIPS, _MOVING = [6, 7], [2, 3, 4, 5, 8, 9, 10, 11]

# What can be left out of the solver: the name there of what does it in the bake, and what stands in for that. The last is the live grade's.
PARTS: dict[str, tuple[str, Any]] = {
    "unswap": ("unswap", lambda keypoints: keypoints),
    "lift": ("lift", lambda keypoints, camera: keypoints.positions),
    "onto_rays": ("onto_rays", lambda positions, image, translation, camera: (positions, translation)),
    "steady_heels": ("steady_heels", lambda positions: positions),
    "refine": ("refine_landmarks", lambda keypoints, prior, held, translation, camera: _Unrefined(held, translation)),
    "gravity": ("find_gravity", lambda *axes: R.IDENTITY),
    "steady hands": ("smooth_rotations", lambda times, rotations, cutoff: rotations),
    "doubt in bends": ("DOUBTFUL_BEND", FULL_BEND),
    "planted feet": ("plant", lambda motion, contacts: motion),
    "One Euro": ("one_euro", lambda times, values, *settings: (values, None)),
}
BAKED = tuple(part for part in PARTS if part != "One Euro")


class _Unrefined(NamedTuple):
    positions: np.ndarray
    translation: np.ndarray


@dataclass(frozen=True, eq=False)
class Shown:
    """What one of them makes of a take: 12 joints (F, 12, 3), metres, and the motion that they come from, if there is one."""

    joints: np.ndarray
    motion: Motion | None = None


@contextmanager
def without(*parts: str) -> Iterator[None]:
    """The solver with these of its parts left out."""
    with ExitStack() as stack:
        for part in parts:
            name, nothing = PARTS[part]
            stack.enter_context(patch.object(solver, name, nothing))
        yield


def joints_of(motion: Motion) -> np.ndarray:
    """The 12 joints (F, 12, 3) of a motion."""
    return fk(motion.skeleton, motion.root_positions, motion.rotations)[0][:, _JOINTS]


def live(keypoints: Keypoints) -> Motion:
    """The avatar's motion on HUMANOID as `mocap live` shows it."""

    class Replay:
        at = 0

        def detect(self, image: np.ndarray, time: float) -> Keypoints:
            self.at += 1
            return keypoints.slice(self.at - 1, self.at)

    performer = LivePerformer(Replay())  # type: ignore[arg-type]
    nothing = np.zeros((1, 1, 3), np.uint8)
    return concatenate([performer.perform(Arrived(Frame(t, nothing), t, t, False))[1] for t in keypoints.times.tolist()])


def bake(keypoints: Keypoints, camera: Camera | None = None) -> Motion:
    """The avatar's motion on HUMANOID as `mocap bake` writes it."""
    return retarget(solver.solve_take(keypoints, camera), HUMANOID)


def everyone(keypoints: Keypoints, camera: Camera | None = None) -> tuple[dict[str, Shown], str]:
    """What each makes of the same keypoints, in which somebody must be seen in every frame; and why Kalidokit is missing, if it is."""

    def of(motion: Motion) -> Shown:
        return Shown(joints_of(motion), motion)

    shown = {RAW: Shown(keypoints.positions[:, _LANDMARKS])}
    shown["mocap live"], shown["mocap bake"] = of(live(keypoints)), of(bake(keypoints))
    if camera is not None:
        shown["mocap bake, field of view known"] = of(bake(keypoints, camera))
    for part in BAKED:
        with without(part):
            shown[f"mocap bake − {part}"] = of(bake(keypoints))
    with without(*BAKED):
        shown["mocap bake − all of these"] = of(bake(keypoints))
    with without("One Euro"):
        shown["mocap live − One Euro"] = of(live(keypoints))
    try:
        turns, _ = kalidokit.rig(keypoints)
    except kalidokit.UnavailableError as reason:
        return shown, f"Kalidokit was not run: {reason}."
    return shown | {f"Kalidokit 1.1.5, {r}": of(kalidokit.shown(turns, keypoints.times, r)) for r in kalidokit.READINGS}, ""


# The demo clip --------------------------------------------------------------------------------------------------------------------


def demo_truth() -> tuple[Motion, Motion, Camera]:
    """The demo's true motion in its camera's axes; the same in the upright world that faces the camera; and the camera."""
    truth = np.load(RIGS / "demo_truth.npz")
    back = truth["camera_position"] - truth["camera_target"]
    camera = Camera.from_fov(tuple(truth["image_size"].tolist()), float(truth["camera_fov"]), "vertical")

    def facing(z: np.ndarray) -> Motion:
        z = R.normalize(z)
        right = R.normalize(np.cross([0.0, 1.0, 0.0], z))
        axes = np.stack([right, np.cross(z, right), z])
        rotations = truth["rotations"].copy()
        rotations[:, 0] = R.multiply(R.from_matrix(axes), rotations[:, 0])
        return Motion(HUMANOID, truth["times"], truth["root_positions"] @ axes.T, rotations, contacts=truth["contacts"])

    return facing(back), facing(back * [1.0, 0.0, 1.0]), camera


def demo(quick: bool = False) -> Table:
    """The demo clip end to end. The landmarks and Kalidokit, which know no up, are held against the truth in the camera's axes.

    Without gravity mocap is held against the upright world all the same, as that is what it would claim to show.
    """
    keypoints = detected(RIGS / "demo.mp4", quick)
    seen, upright, camera = demo_truth()
    shown, why = everyone(keypoints, camera)
    raw = float(_direction(shown[RAW].joints, joints_of(seen.at(keypoints.times))).mean())
    rows: list[tuple[Cell, ...]] = []
    for name, result in shown.items():
        true = (upright if name.startswith("mocap") else seen).at(keypoints.times)
        joints = joints_of(true)
        direction = _direction(result.joints, joints)
        turned: tuple[Cell, ...] = (None,) * 6
        if result.motion is not None:
            turned = _turned(result.motion, true, everything=name.startswith("mocap"))
        lively = _acceleration(result.joints, keypoints.times) / _acceleration(joints, keypoints.times)
        rows.append((name, (float(direction.mean()), float(np.percentile(direction, 95))), *turned, lively, float(direction.mean()) / raw))
    fps = (len(keypoints) - 1) / (keypoints.times[-1] - keypoints.times[0])
    columns = (
        "",
        "direction, °",
        "head, °",
        "chest, °",
        "feet, °",
        "path side / height / depth, mm",
        "floor, mm",
        "slide, mm/s",
        "acceleration",
        "direction ×",
    )
    note = f"{len(keypoints)} frames at {fps:.0f} a second, model {MODEL}; direction mean / p95, the rest means. {why}"
    return Table("The demo clip, detector included, against its exact truth", columns, tuple(rows), "the raw landmarks", note.strip())


def _turned(motion: Motion, true: Motion, everything: bool) -> tuple[Cell, ...]:
    """Degrees of head, chest and feet, and the path's error; without `everything` the chest alone, for Kalidokit tells no more."""
    errors = np.degrees(R.distance(*(fk(m.skeleton, m.root_positions, m.rotations)[1] for m in (true, motion))))
    head, chest = (float(errors[:, BONES.index(bone)].mean()) for bone in ("head", "upperChest"))
    if not everything:
        return None, chest, None, None, None, None
    feet = float(errors[:, [BONES.index("leftFoot"), BONES.index("rightFoot")]].mean())
    off = (motion.root_positions - motion.root_positions.mean(axis=0)) - (true.root_positions - true.root_positions.mean(axis=0))
    side, height, depth = (1000.0 * np.abs(off).mean(axis=0)).tolist()
    soles, true_soles = (sole_points(m.skeleton, m.root_positions, m.rotations) for m in (motion, true))
    floor = 1000.0 * float(np.abs(soles[..., 1].min(axis=1) - true_soles[..., 1].min(axis=1)).mean())
    assert true.contacts is not None
    planted = (true.contacts[1:] > 0.5) & (true.contacts[:-1] > 0.5)
    speed = np.linalg.norm(np.diff(soles[..., [0, 2]], axis=0), axis=-1) / np.diff(motion.times)[:, None]
    return head, chest, feet, (side, height, depth), floor, 1000.0 * float(speed[planted].mean())


# The two-camera reference ---------------------------------------------------------------------------------------------------------


def bodypose3d(folder: Path, quick: bool = False) -> Table:
    """A real man, scale-free: direction after one rotation for the whole take, joints after a similarity for each frame."""
    reference = np.loadtxt(folder / "kpts_3d_from_joint_angles_calculate.dat").reshape(-1, 12, 3)
    every = detected(folder / "cam0_test.mp4", quick, seen=False)
    keypoints = kalidokit.on_seen(every)
    joints = reference[np.searchsorted(every.times, keypoints.times)]
    shown, why = everyone(keypoints)
    body = measure_body(keypoints)
    rows: list[tuple[Cell, ...]] = []
    directions = {name: _direction(_turned_onto(result.joints, joints), joints) for name, result in shown.items()}
    raw = float(directions[RAW].mean())
    for name, result in shown.items():
        m = result.motion
        # Proportions are not what is compared: every motion is shown on the body that was measured over the take.
        points = result.joints if m is None else joints_of(Motion(body, m.times, m.root_positions, m.rotations))
        direction = directions[name]
        spread = (float(direction.mean()), float(np.percentile(direction, 95)))
        lively = _acceleration(points, keypoints.times) / (0.1 * _acceleration(joints, keypoints.times))
        rows.append((name, spread, 100.0 * float(_procrustes(points, joints)), lively, float(direction.mean()) / raw))
    fps = (len(every) - 1) / (every.times[-1] - every.times[0])
    columns = ("", "direction, °", "PA-MPJPE, mm", "acceleration", "direction ×")
    note = (
        f"bodypose3d: {len(keypoints)} of {len(every)} frames at {fps:.0f} a second, model {MODEL}; direction mean / p95. The reference's "
        f"unit is taken for 100 mm; its own thighs vary by 9 %, and its acceleration is as noisy as a triangulation is. {why}"
    )
    return Table("A real person against two cameras", columns, tuple(rows), "the raw landmarks", note.strip())


def _turned_onto(joints: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The joints turned by the one rotation that brings their bones best onto the reference's (Kabsch)."""
    a, b = (R.normalize(p[:, _TO] - p[:, _FROM]).reshape(-1, 3) for p in (joints, reference))
    u, _, vt = np.linalg.svd(b.T @ a)
    turn: np.ndarray = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    return joints @ turn.T


def _procrustes(joints: np.ndarray, reference: np.ndarray) -> float:
    """The mean distance of the joints after each frame's best similarity, in the reference's unit (PA-MPJPE)."""
    a, b = joints - joints.mean(axis=1, keepdims=True), reference - reference.mean(axis=1, keepdims=True)
    u, s, vt = np.linalg.svd(np.swapaxes(b, 1, 2) @ a)
    signs = np.ones_like(s)
    signs[:, 2] = np.linalg.det(u @ vt)
    turn = u @ (signs[:, :, None] * vt)
    scale = (s * signs).sum(axis=1) / np.square(a).sum(axis=(1, 2))
    return float(np.linalg.norm(scale[:, None, None] * (a @ np.swapaxes(turn, 1, 2)) - b, axis=-1).mean())


# Both -----------------------------------------------------------------------------------------------------------------------------


def detected(video: Path, quick: bool = False, seen: bool = True) -> Keypoints:
    """The detector's keypoints of a video (some seconds); without the frames where nobody was seen, unless `seen` is False."""
    with PoseDetector(MODEL) as detector, open_source(video) as source:
        frames = (frame for n, frame in enumerate(source) if not quick or n < 60)
        keypoints = detect_source(frames, detector)
    return kalidokit.on_seen(keypoints) if seen else keypoints


def _direction(joints: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Degrees (F, 8) between the limb bones of both."""
    a, b = (R.normalize(p[:, _TO] - p[:, _FROM]) for p in (joints, reference))
    return angle_between(a, b)


def _acceleration(joints: np.ndarray, times: np.ndarray) -> float:
    """The mean acceleration of elbows, wrists, knees and ankles against the hips' middle, per s², over steps without a gap."""
    p = joints[:, _MOVING] - joints[:, _HIPS].mean(axis=1, keepdims=True)
    step = np.diff(times)
    even = np.abs(np.diff(step)) < 0.2 * np.median(step)
    second = np.diff(p, n=2, axis=0) / np.square(0.5 * (step[1:] + step[:-1]))[:, None, None]
    return float(np.linalg.norm(second[even], axis=-1).mean())


def tables(quick: bool = False) -> list[Table]:
    """The demo's, and the two-camera reference's where it is present."""
    out = [demo(quick)]
    folder = Path(os.environ.get("MOCAP_DATA", "")) / "paired" / "bodypose3d"
    return [*out, bodypose3d(folder, quick)] if folder.is_dir() else out
