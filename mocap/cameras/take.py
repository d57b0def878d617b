"""Fuse the keypoints of several cameras into one take, and solve it.

The result is `Keypoints` of one virtual camera that is level and sees everything. Their positions
are triangulated instead of guessed by a detector, so the same solver makes the motion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.cameras.image_sizes import in_calibrated_pixels
from mocap.cameras.resampling import common_times, sampled
from mocap.cameras.triangulate import LEAST_NOISE, Triangulated, triangulate
from mocap.cameras.views import CameraSet, View, to_mocap, upright
from mocap.cameras.world import find_unit, find_up
from mocap.core.camera import Camera, fit_translation
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.core.motion import Motion
from mocap.errors import InputError
from mocap.solve.evidence import DOUBTED, SEEN, weigh
from mocap.solve.refine.sight import Measured, Sight
from mocap.solve.swaps import unswap
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions

_HIPS = [LANDMARKS.index("left_hip"), LANDMARKS.index("right_hip")]
_AWAY = 6.0  # distance of the virtual camera from the nearest landmark, metres
_FOCAL = 1000.0  # focal length of the virtual camera, pixels
# A landmark that only one view sees: factor on its confidence, and its expected error, metres.
_ALONE, _ALONE_ERROR = 0.5, 0.12
# Smallest standard deviation of image points, as a share of the body's size in the picture. The
# median error of BlazePose heavy on forty rendered clips is about 0.01.
_DETECTOR_NOISE = 0.008
_FEW_SEEN = 15  # number of landmarks that a frame must have to measure the body's size
_SWITCH = 0.25  # by how much more confident another view must be of a hand to replace this one


@dataclass(frozen=True, eq=False, slots=True)
class Fused:
    """Several views as one take.

    Attributes:
        keypoints: Keypoints of the virtual camera.
        measured: Each camera's image points, in the axes of the virtual camera.
        triangulated: The triangulated points, in the world's axes, metres.
        cameras: The cameras in mocap's world.
    """

    keypoints: Keypoints
    measured: Measured
    triangulated: Triangulated
    cameras: CameraSet


def solve_views(
    takes: Sequence[Keypoints],
    cameras: CameraSet,
    options: SolveOptions | None = None,
    progress: Callable[[float], None] | None = None,
) -> Motion:
    """Solve one performance that several cameras filmed.

    Args:
        takes: The keypoints of each camera, in the order of the calibration.
        cameras: A calibration (`load_cameras`, `calibrate`).
        options: As for `solve_take`.
        progress: As for `solve_take`.

    Returns:
        The motion on the performer's own skeleton.

    Raises:
        InputError: The views never see the performer together, or contradict the calibration.
    """
    fused = fuse(takes, cameras)
    return solve_take(fused.keypoints, options or SolveOptions(), progress, fused.measured)


def at_common_times(
    takes: Sequence[Keypoints], cameras: CameraSet
) -> tuple[list[Keypoints], list[Keypoints], Float[ndarray, "cameras"]]:
    """Return the views resampled to common times, in pixels of the calibration's images.

    Args:
        takes: The keypoints of each camera, in the order of the calibration.
        cameras: The calibration.

    Returns:
        The views in the calibration's pixels; the same at common times; and the clock offsets.

    Raises:
        InputError: The number or sizes of the views do not fit the calibration, or the views share
            no time.
    """
    if len(takes) != len(cameras.views):
        raise InputError(
            f"There are {len(takes)} views for a calibration of {len(cameras.views)} cameras: "
            "give one video for each camera, in the order of the calibration."
        )
    offsets = np.zeros(len(takes)) if cameras.offsets is None else np.asarray(cameras.offsets)
    if offsets.shape != (len(takes),):
        raise InputError(
            f"A calibration of {len(takes)} cameras needs {len(takes)} offsets, not {offsets.size}."
        )
    # As for one camera: exchanged limbs are corrected, and confidence becomes trust.
    scaled = [weigh(unswap(t))[0] for t in in_calibrated_pixels(takes, cameras)]
    times = common_times(scaled, offsets)
    if not len(times):
        raise InputError(
            "The videos have no time in common: check that they show the same performance and, if "
            "the calibration has `offsets`, that these are right."
        )
    return scaled, [sampled(t, times - o) for t, o in zip(scaled, offsets, strict=True)], offsets


def fuse(takes: Sequence[Keypoints], cameras: CameraSet) -> Fused:
    """Triangulate several views of one performer, and return them as one take.

    Args:
        takes: The keypoints of each camera, in the order of the calibration.
        cameras: A calibration. A missing up direction or unit is found from the body: a person who
            stands or walks is upright, and 1.0 to 2.3 m tall.

    Raises:
        InputError: The views never see the performer together, or contradict the calibration.
    """
    _, views, _ = at_common_times(takes, cameras)
    pixels = np.stack([v.image for v in views])
    weights = np.stack([v.confidence for v in views])
    found = triangulate(cameras.views, pixels, weights, least_noise(views))
    if np.isfinite(found.points[:, _HIPS]).all(axis=(1, 2)).sum() < 2:
        raise InputError(
            "The views never agree on a performer: check that the videos show the same "
            "performance, in the order of the calibration."
        )
    metres = cameras.metres if cameras.metres is not None else find_unit(found.points)
    up = cameras.up if cameras.up is not None else find_up(found, cameras)
    world = upright(cameras, up, metres)
    # The same points in the world's new axes.
    turn = world.views[0].rotation.T @ cameras.views[0].rotation
    found = replace(
        found, points=metres * found.points @ turn.T, deviation=metres * found.deviation
    )
    points, confidence, guessed = _with_single_views(views, world.views, found)
    return Fused(*_as_one(views, world.views, points, confidence, guessed), found, world)


def least_noise(views: Sequence[Keypoints]) -> Float[ndarray, "cameras"]:
    """Return the smallest standard deviation assumed for each view's image points, pixels.

    It is a share of the body's size in the picture, because a detector's errors are of that size
    and hardly change for seconds.

    Args:
        views: The keypoints of each view.
    """
    out = []
    for view in views:
        image = np.where((view.confidence >= SEEN)[..., None], view.image, np.nan)
        seen = np.isfinite(image[..., 0]).sum(axis=1) > _FEW_SEEN
        if not seen.any():
            out.append(LEAST_NOISE)
            continue
        extent = np.nanmax(image[seen], axis=1) - np.nanmin(image[seen], axis=1)
        size = float(np.median(np.linalg.norm(extent, axis=-1)))
        out.append(max(LEAST_NOISE, _DETECTOR_NOISE * size))
    return np.array(out)


def _with_single_views(
    views: Sequence[Keypoints], cameras: Sequence[View], found: Triangulated
) -> tuple[ndarray, ndarray, ndarray]:
    """Add the points that only one view sees.

    Such a point is on its viewing ray, at the detector's depth relative to the triangulated hips.

    Returns:
        The points; their confidences; and the expected errors of the added points, metres, NaN for
        the triangulated ones.
    """
    points, guessed = found.points.copy(), np.full(found.points.shape[:2], np.nan)
    missing = np.isnan(points).any(axis=-1)
    # A point on which two views agree is seen, even if both have a low confidence.
    confidence = np.where(missing, 0.0, np.maximum(found.confidence, DOUBTED))
    if not missing.any():
        return points, confidence, guessed
    hips = found.points[:, _HIPS].mean(axis=1)
    known = np.isfinite(hips).all(axis=1)
    best = np.zeros(missing.shape)
    frames = np.arange(len(points))
    for view, camera in zip(views, cameras, strict=True):
        place = fit_translation(view.positions, view.image, view.confidence, view.camera)
        own = to_mocap(view.positions + place[:, None])
        true = camera.in_camera(hips)
        both = known & np.isfinite(place).all(axis=1)
        if not both.any():
            continue
        middle = own[:, _HIPS].mean(axis=1)
        # The detector's size and position have a constant factor and a slowly changing error.
        own = own * float(np.median(true[both, 2] / middle[both, 2]))
        off = true - own[:, _HIPS].mean(axis=1)
        both &= np.isfinite(off).all(axis=1)
        own = (
            own
            + np.stack([np.interp(frames, frames[both], off[both, i]) for i in range(3)], -1)[
                :, None
            ]
        )
        depth = own[..., 2:]
        slopes = camera.normalized(view.image)
        on_ray = np.concatenate([slopes * depth, depth], axis=-1)
        guess = (on_ray - camera.translation) @ camera.rotation
        trust = np.nan_to_num(view.confidence)
        weight = np.where(trust >= SEEN, np.maximum(_ALONE * trust, SEEN), 0.0)
        better = missing & np.isfinite(guess).all(axis=-1) & (depth[..., 0] > 0.0) & (weight > best)
        points = np.where(better[..., None], guess, points)
        confidence = np.where(better, weight, confidence)
        guessed = np.where(better, _ALONE_ERROR, guessed)
        best = np.where(better, weight, best)
    return points, confidence, guessed


def _as_one(
    views: Sequence[Keypoints],
    cameras: Sequence[View],
    points: ndarray,
    confidence: ndarray,
    guessed: ndarray,
) -> tuple[Keypoints, Measured]:
    """Return the points as keypoints of a virtual camera, level and far enough away to see all.

    Returns:
        The keypoints, and each camera's image points in the axes of the virtual camera.
    """
    seen = np.array([(v.confidence > SEEN).sum() for v in views])
    ahead = cameras[int(np.argmax(seen))].rotation[2] * [1.0, 0.0, 1.0]
    if np.linalg.norm(ahead) < 0.1:  # it looks straight down
        ahead = np.array([0.0, 0.0, -1.0])
    back = -ahead / np.linalg.norm(ahead)
    axes = np.stack([np.cross([0.0, 1.0, 0.0], back), [0.0, 1.0, 0.0], back])
    placed = points @ axes.T
    middle = np.nanmedian(placed.reshape(-1, 3), axis=0)
    near = float(np.nanmax(placed[..., 2]))
    origin = np.array([middle[0], middle[1], near + _AWAY])
    placed = placed - origin
    camera = Camera(_FOCAL, (0.0, 0.0), (1, 1))
    image = camera.project(placed)
    half = int(np.ceil(1.2 * np.nanmax(np.abs(image)))) + 1
    camera = Camera(_FOCAL, (float(half), float(half)), (2 * half, 2 * half))
    hips = placed[:, _HIPS].mean(axis=1, keepdims=True)
    # Rotations from each view's camera to the virtual one, both in mocap's camera axes.
    turns = [axes @ (np.diag([1.0, -1.0, -1.0]) @ v.rotation).T for v in cameras]
    merged = Keypoints(
        views[0].times, placed - hips, image + half, np.nan_to_num(confidence), camera
    )
    merged = _with_hands(merged, views, turns)
    sights = tuple(_sight(v, c, axes, origin) for v, c in zip(views, cameras, strict=True))
    return _with_face(merged, views, turns), Measured(sights, guessed)


def _sight(view: Keypoints, camera: View, axes: ndarray, origin: ndarray) -> Sight:
    """Return a camera's image points as rays.

    Args:
        view: The camera's keypoints.
        camera: The camera.
        axes: The axes of the virtual camera in the world, as rows.
        origin: Position of the virtual camera along `axes`, metres.
    """
    slopes = camera.normalized(view.image) * [1.0, -1.0]
    seen = np.isfinite(slopes).all(axis=-1)
    turn = camera.rotation @ axes.T
    return Sight(
        np.where(seen[..., None], slopes, 0.0),
        np.square(np.nan_to_num(view.confidence)) * seen,
        np.diag([1.0, -1.0, -1.0]) @ turn,
        to_mocap(turn @ origin + camera.translation),
    )


def _with_hands(
    merged: Keypoints, views: Sequence[Keypoints], turns: Sequence[ndarray]
) -> Keypoints:
    """Add each hand from the view with the highest confidence, with hysteresis between views."""
    seen = [(v, turn) for v, turn in zip(views, turns, strict=True) if v.hands is not None]
    if not seen:
        return merged
    frames = len(merged)
    sure = np.stack([_hand_confidence(v) for v, _ in seen])
    hands = np.stack([(np.asarray(v.hands) @ turn.T) for v, turn in seen])
    chosen = np.zeros((frames, 2), dtype=int)
    for side in (0, 1):
        now = int(np.argmax(sure[:, :, side].sum(axis=1)))
        for f in range(frames):
            best = int(np.argmax(sure[:, f, side]))
            if sure[best, f, side] > sure[now, f, side] + _SWITCH:
                now = best
            chosen[f, side] = now
    rows, sides = np.arange(frames)[:, None], np.arange(2)[None]
    return replace(
        merged,
        hands=hands[chosen, rows, sides],
        hands_confidence=sure[chosen, rows, sides],
        hands_image=None,
    )


def _hand_confidence(view: Keypoints) -> ndarray:
    found = np.isfinite(np.asarray(view.hands)).all(axis=(2, 3)) * 1.0
    return found if view.hands_confidence is None else found * np.nan_to_num(view.hands_confidence)


def _with_face(
    merged: Keypoints, views: Sequence[Keypoints], turns: Sequence[ndarray]
) -> Keypoints:
    """Add the face from the view that sees it in most frames, rotated to the common axes."""
    counts = [
        0 if v.face is None else int(np.isfinite(v.face).all(axis=(1, 2)).sum()) for v in views
    ]
    best = int(np.argmax(counts))
    if not counts[best]:
        return merged
    view, turn = views[best], np.eye(4)
    turn[:3, :3] = turns[best]
    transform = view.face_transform
    return replace(
        merged,
        face=view.face,
        face_transform=None if transform is None else turn @ transform,
        face_blendshapes=view.face_blendshapes,
    )
