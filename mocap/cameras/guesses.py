"""Landmarks that only one of several views sees: on its ray, at the depth of the body there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.cameras.triangulate import Triangulated
from mocap.cameras.views import View, to_mocap
from mocap.core.camera import Camera, fit_translation
from mocap.core.keypoints import Keypoints, pair
from mocap.lift.model import lift_with_error
from mocap.solve.evidence import DOUBTED, SEEN

_HIPS = pair("hip")
# A landmark that only one view sees: factor on its confidence, and its expected error, metres.
_ALONE, _ALONE_ERROR = 0.5, 0.12


def with_single_views(
    views: Sequence[Keypoints], cameras: Sequence[View], found: Triangulated
) -> tuple[ndarray, ndarray, ndarray]:
    """Return triangulated points, completed by points that only one view sees.

    Args:
        views: The keypoints of each view, at common times.
        cameras: Their cameras.
        found: The triangulated points.

    Returns:
        As of `with_guesses`.
    """
    hips = found.points[:, _HIPS].mean(axis=1)
    known = np.isfinite(hips).all(axis=1)
    frames = np.arange(len(hips))
    guesses = []
    for view, camera in zip(views, cameras, strict=True):
        own = body_in_camera(lifted(view, camera))
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


def lifted(view: Keypoints, camera: View) -> Keypoints:
    """Return a view with the depths of the lifter, as for a take of this camera alone.

    Args:
        view: The keypoints of the view.
        camera: Its camera.
    """
    focal = 0.5 * (camera.matrix[0, 0] + camera.matrix[1, 1])
    centre = (float(camera.matrix[0, 2]), float(camera.matrix[1, 2]))
    lens = Camera(float(focal), centre, view.camera.size)
    return replace(view, positions=lift_with_error(view, lens)[0], camera=lens)


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
