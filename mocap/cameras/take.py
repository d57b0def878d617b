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
from mocap.cameras.virtual import VirtualCamera
from mocap.cameras.world import find_unit, find_up
from mocap.core.camera import fit_translation
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.core.motion import Motion
from mocap.errors import InputError
from mocap.solve.evidence import DOUBTED, SEEN, weigh
from mocap.solve.refine.sight import Measured
from mocap.solve.swaps import unswap
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions

_HIPS = [LANDMARKS.index("left_hip"), LANDMARKS.index("right_hip")]
# A landmark that only one view sees: factor on its confidence, and its expected error, metres.
_ALONE, _ALONE_ERROR = 0.5, 0.12
# Smallest standard deviation of image points, as a share of the body's size in the picture. The
# median error of BlazePose heavy on forty rendered clips is about 0.01.
_DETECTOR_NOISE = 0.008
_FEW_SEEN = 15  # number of landmarks that a frame must have to measure the body's size


@dataclass(frozen=True, eq=False, slots=True)
class Fused:
    """Several views as one take.

    Attributes:
        keypoints: Keypoints of the virtual camera.
        measured: Each camera's image points, in the axes of the virtual camera.
        triangulated: The triangulated points, in the world's axes, metres.
        cameras: The cameras in mocap's world.
        virtual: The virtual camera.
    """

    keypoints: Keypoints
    measured: Measured
    triangulated: Triangulated
    cameras: CameraSet
    virtual: VirtualCamera


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
    virtual = VirtualCamera.before(views, world.views, points)
    keypoints = virtual.keypoints(views, world.views, points, confidence)
    sights = tuple(virtual.sight(v, c) for v, c in zip(views, world.views, strict=True))
    return Fused(keypoints, Measured(sights, guessed), found, world, virtual)


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
    """Add the points that only one view sees; see `with_guesses`."""
    hips = found.points[:, _HIPS].mean(axis=1)
    known = np.isfinite(hips).all(axis=1)
    frames = np.arange(len(hips))
    guesses = []
    for view, camera in zip(views, cameras, strict=True):
        own = body_in_camera(view)
        middle = own[:, _HIPS].mean(axis=1)
        true = camera.in_camera(hips)
        both = known & np.isfinite(middle).all(axis=1)
        if not both.any():
            continue
        # The detector's size and position have a constant factor and a slowly changing error.
        factor = float(np.median(true[both, 2] / middle[both, 2]))
        off = true - factor * middle
        off = np.stack([np.interp(frames, frames[both], off[both, i]) for i in range(3)], axis=-1)
        guesses.append(on_rays(view, camera, factor * own + off[:, None]))
    return with_guesses(found, guesses)


def body_in_camera(view: Keypoints) -> Float[ndarray, "frames 33 3"]:
    """Return the detector's landmarks where the image shows them, in OpenCV's camera axes.

    Args:
        view: The keypoints of a view.

    Returns:
        Positions, in the detector's metres; NaN in frames without a person.
    """
    place = fit_translation(view.positions, view.image, view.confidence, view.camera)
    return to_mocap(view.positions + place[:, None])


def on_rays(
    view: Keypoints, camera: View, body: Float[ndarray, "frames 33 3"]
) -> tuple[Float[ndarray, "frames 33 3"], Float[ndarray, "frames 33"]]:
    """Return a view's landmarks on their rays, at the depths of a body.

    Args:
        view: The keypoints of the view.
        camera: Its camera.
        body: The landmarks in the camera's axes, metres.

    Returns:
        Points of the world, metres, and their confidences; 0 where the view does not see them.
    """
    depth = body[..., 2:]
    slopes = camera.normalized(view.image)
    ahead = np.concatenate([slopes * depth, depth], axis=-1)
    points = (ahead - camera.translation) @ camera.rotation
    trust = np.nan_to_num(view.confidence)
    seen = (trust >= SEEN) & np.isfinite(points).all(axis=-1)
    with np.errstate(invalid="ignore"):
        seen &= depth[..., 0] > 0.0
    return points, np.where(seen, np.maximum(_ALONE * trust, SEEN), 0.0)


def with_guesses(
    found: Triangulated, guesses: Sequence[tuple[ndarray, ndarray]]
) -> tuple[ndarray, ndarray, ndarray]:
    """Return triangulated points, completed by points that only one view sees.

    Args:
        found: The triangulated points.
        guesses: Points and confidences of each view, as of `on_rays`.

    Returns:
        The points; their confidences; and the expected errors of the added points, metres, NaN for
        the triangulated ones.
    """
    points, guessed = found.points, np.full(found.points.shape[:2], np.nan)
    missing = np.isnan(points).any(axis=-1)
    # A point on which two views agree is seen, even if both have a low confidence.
    confidence = np.where(missing, 0.0, np.maximum(found.confidence, DOUBTED))
    best = np.zeros(missing.shape)
    for guess, weight in guesses:
        better = missing & (weight > best)
        points = np.where(better[..., None], guess, points)
        best = np.where(better, weight, best)
    added = best > 0.0
    return points, np.where(added, best, confidence), np.where(added, _ALONE_ERROR, guessed)
