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

from mocap.cameras.guesses import with_single_views
from mocap.cameras.image_sizes import in_calibrated_pixels
from mocap.cameras.lost import find_lost, without_lost
from mocap.cameras.resampling import common_times, sampled
from mocap.cameras.triangulate import LEAST_NOISE, Triangulated, triangulate
from mocap.cameras.views import CameraSet, View, upright
from mocap.cameras.virtual import VirtualCamera
from mocap.cameras.world import find_unit, find_up
from mocap.core.keypoints import Keypoints, pair
from mocap.core.motion import Motion
from mocap.errors import InputError
from mocap.solve.evidence import SEEN, weigh
from mocap.solve.refine.sight import Measured
from mocap.solve.swaps import unswap
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions

_HIPS = pair("hip")
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
    views, found = triangulated(views, cameras.views, least_noise(views))
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
    points, confidence, guessed = with_single_views(views, world.views, found)
    virtual = VirtualCamera.before(views, world.views, points)
    keypoints = virtual.keypoints(views, world.views, points, confidence)
    sights = tuple(virtual.sight(v, c) for v, c in zip(views, world.views, strict=True))
    return Fused(keypoints, Measured(sights, guessed), found, world, virtual)


def triangulated(
    views: Sequence[Keypoints],
    cameras: Sequence[View],
    least: Float[ndarray, "cameras"],
    noise: float | None = None,
) -> tuple[list[Keypoints], Triangulated]:
    """Triangulate the landmarks, and drop frames in which a view has lost the performer.

    Args:
        views: The keypoints of each view, at common times, confidence as trust.
        cameras: Their cameras.
        least: As for `triangulate`.
        noise: As for `triangulate`.

    Returns:
        The views without these frames, and the points.
    """

    def of(seen: Sequence[Keypoints]) -> Triangulated:
        pixels, weights = (np.stack([getattr(v, n) for v in seen]) for n in ("image", "confidence"))
        return triangulate(cameras, pixels, weights, least, noise)

    found = of(views)
    lost = find_lost(views, found.used)
    if not lost.any():
        return list(views), found
    kept = without_lost(views, lost)
    return kept, of(kept)


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
