"""Where a motion stands before the camera that filmed it, and what is measured there.

A motion's world is upright; the camera may be tilted, and the solver does not say by how much. The
camera's rotation is therefore fitted: one rotation for a span of frames and one translation a frame
put the motion onto its keypoints' image points. That needs nothing from inside the solver, so any
motion can be judged, and live and baked motions are judged alike.

    limbs      the eight of measures.FROM and measures.TO: upper and lower arms and legs
    inside     a limb whose far end lies inside the picture
    doubted    a limb with an end whose confidence is below DOUBT
    surface    joints and the body's thickness around them, see SURFACE
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core import rotation as R
from mocap.core.camera import Camera, fit_translation
from mocap.core.keypoints import Keypoints, landmarks_of
from mocap.core.kinematics import fk, sole_points
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID

from .measures import FROM, LANDMARK_JOINTS, TO

DOUBT = 0.3
"""Below this confidence a landmark is doubted: the detector's own threshold for "visible"."""
LIMBS = tuple(
    f"{side} {bone}"
    for bone in ("upper arm", "forearm", "thigh", "shank")
    for side in ("left", "right")
)
"""Names of the limbs in the order of measures.FROM."""
_FORESHORTENED = 0.2
"""A limb shorter in the picture than this share of its 90th percentile has no direction there."""
_STARTS = np.radians([0.0, 30.0, -30.0, 75.0, -75.0])
"""Pitches from which the camera's rotation is searched, radians."""

SURFACE: dict[str, float] = {
    "hips": 0.10, "upperChest": 0.11, "neck": 0.05, "head": 0.09,
    "UpperArm": 0.05, "LowerArm": 0.035, "Hand": 0.025, "MiddleProximal": 0.015,
    "UpperLeg": 0.09, "LowerLeg": 0.05, "Foot": 0.035,
}  # fmt: skip
"""Metres from a joint of HUMANOID to the skin: half of the breadths and depths of ANSUR II
(Gordon et al., 2014; medians of both sexes: chest depth 0.24, knee breadth 0.10, elbow breadth
0.07, wrist breadth 0.06, hand thickness 0.03). UpperLeg: from the hip joint down to the seat."""


def camera_of(keypoints: Keypoints) -> Camera:
    """The camera that the solver assumes when no field of view is given."""
    return keypoints.camera


@dataclass(frozen=True, eq=False)
class View:
    """A motion before its camera.

    points: (F, 33, 3) landmarks in camera axes, metres. image: (F, 33, 2) the same in pixels.
    rotations: (F, 4) world to camera axes.
    """

    points: np.ndarray
    image: np.ndarray
    rotations: np.ndarray


def view(motion: Motion, keypoints: Keypoints, span: float = np.inf) -> View:
    """The motion put onto the keypoints' image points.

    Args:
        motion: the result, with the keypoints' times.
        keypoints: what was seen.
        span: seconds that share one rotation of the camera; infinite for one that stands still.
    """
    camera = camera_of(keypoints)
    points = landmarks_of(*fk(motion.skeleton, motion.root_positions, motion.rotations))
    points = points - points[:, [23, 24]].mean(axis=1, keepdims=True)
    frames = len(points)
    rotations = np.empty((frames, 4))
    of_span = np.floor((motion.times - motion.times[0]) / span).astype(int)
    for n in np.unique(of_span):
        which = np.flatnonzero(of_span == n)
        rotations[which] = _camera_rotation(
            points[which], keypoints.image[which], keypoints.confidence[which], camera
        )
    placed = R.apply(rotations[:, None], points)
    translation = fit_translation(placed, keypoints.image, keypoints.confidence, camera)
    placed = placed + translation[:, None]
    return View(placed, camera.project(placed), rotations)


def _camera_rotation(
    points: np.ndarray, image: np.ndarray, confidence: np.ndarray, camera: Camera
) -> np.ndarray:
    """The rotation (4,) under which points (F, 33, 3) project best onto image points (F, 33, 2)."""
    from scipy.optimize import least_squares

    known = np.isfinite(image).all(axis=(1, 2))
    if not known.any():
        return R.IDENTITY
    step = max(1, int(known.sum()) // 60)  # sixty frames determine three numbers well enough
    points, image, confidence = (
        points[known][::step],
        image[known][::step],
        confidence[known][::step],
    )
    joints = [*LANDMARK_JOINTS]
    scale = np.nanmax(np.ptp(image[:, joints], axis=1), axis=1)[:, None, None]
    weight = np.sqrt(np.maximum(confidence[:, joints], 0.02))[..., None]

    def residuals(vector: np.ndarray) -> np.ndarray:
        turned = R.apply(R.from_rotation_vector(vector), points)
        translation = fit_translation(turned, image, confidence, camera)
        shown = camera.project(turned + translation[:, None])[:, joints]
        off = weight * (shown - image[:, joints]) / scale
        return np.nan_to_num(off, nan=1.0).ravel()

    found = [
        least_squares(residuals, [pitch, 0.0, 0.0], loss="soft_l1", f_scale=0.05, max_nfev=30)
        for pitch in _STARTS
    ]
    return R.from_rotation_vector(min(found, key=lambda f: f.cost).x)


def inside(keypoints: Keypoints) -> np.ndarray:
    """Whether each limb's far end lies inside the picture: (F, 8)."""
    ends = keypoints.image[:, LANDMARK_JOINTS][:, TO]
    return ((ends >= 0.0) & (ends < np.asarray(keypoints.camera.size))).all(axis=-1)


def doubted(keypoints: Keypoints) -> np.ndarray:
    """Whether an end of each limb has a confidence below DOUBT: (F, 8)."""
    confidence = keypoints.confidence[:, LANDMARK_JOINTS]
    return np.minimum(confidence[:, FROM], confidence[:, TO]) < DOUBT


def picture_direction(shown: np.ndarray, keypoints: Keypoints) -> np.ndarray:
    """Degrees (F, 8) in the picture between shown and detected limbs; NaN where there is none.

    Args:
        shown: (F, 33, 2) pixels.
        keypoints: what was seen. Limbs outside the picture and those that point at the camera, and
            so have no direction, are NaN.
    """
    a, b = (p[:, LANDMARK_JOINTS][:, TO] - p[:, LANDMARK_JOINTS][:, FROM]
            for p in (shown, keypoints.image))  # fmt: skip
    length = np.linalg.norm(b, axis=-1)
    directed = inside(keypoints) & (length > _FORESHORTENED * np.nanpercentile(length, 90, axis=0))
    cross, along = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0], (a * b).sum(axis=-1)
    return np.where(directed, np.degrees(np.abs(np.arctan2(cross, along))), np.nan)


def surface_heights(motion: Motion) -> dict[str, np.ndarray]:
    """By part of the body, the height (F,) of its lowest skin, metres above the ground.

    Parts: those of SURFACE, with their side, and "leftHeel", "leftTips", "rightHeel", "rightTips".
    """
    skeleton = motion.skeleton
    positions = fk(skeleton, motion.root_positions, motion.rotations)[0]
    size = np.linalg.norm(skeleton.offsets[1:], axis=-1).sum()
    size /= np.linalg.norm(HUMANOID.offsets[1:], axis=-1).sum()
    out = {}
    for bone, thickness in SURFACE.items():
        for name in (bone,) if bone[0].islower() else ("left" + bone, "right" + bone):
            out[name] = positions[:, BONES.index(name), 1] - size * thickness
    soles = sole_points(skeleton, motion.root_positions, motion.rotations)[..., 1]
    names = ("leftHeel", "leftTips", "rightHeel", "rightTips")
    return out | {name: soles[:, n] for n, name in enumerate(names)}


def bone_steps(bones: np.ndarray) -> np.ndarray:
    """Degrees (F - 1, B) by which bones (F, B, 2 or 3) turn from frame to frame."""
    bones = bones / np.maximum(np.linalg.norm(bones, axis=-1, keepdims=True), 1e-9)
    return np.degrees(np.arccos(np.clip((bones[1:] * bones[:-1]).sum(axis=-1), -1.0, 1.0)))


def flexion(joints: np.ndarray) -> np.ndarray:
    """Degrees (F, 4) by which elbows and knees are bent, 0 when straight: left, right elbow, knees.

    joints: (F, 12, 3).
    """
    bones = joints[:, TO] - joints[:, FROM]
    bones = bones / np.maximum(np.linalg.norm(bones, axis=-1, keepdims=True), 1e-9)
    cosine = (bones[:, [0, 1, 4, 5]] * bones[:, [2, 3, 6, 7]]).sum(axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
