"""Whether several views belong together: their clocks, their order, and cameras that moved."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy import ndarray

from mocap.core.keypoints import Keypoints
from mocap.errors import InputError
from mocap.views.camera import PosedCamera
from mocap.views.fuse import at_times
from mocap.views.relative import JOINTS, clock_offset
from mocap.views.triangulate import triangulate

# The error of views is the 75th percentile of reprojection errors, as part of the focal length.
# With a detector's points, cameras that agree reach 0.001 to 0.003 (24 pairs of rendered views).
# From _DOUBT on other orders of the cameras are tried; from _WRONG on they disagree.
_PERCENTILE = 75
_DOUBT, _WRONG = 0.004, 0.006
# By how much another order of the cameras must be better to be named.
_BETTER = 0.4
# A camera that moved: its error grows by this factor from its best to its worst fifth of the take.
_MOVED, _PARTS = 2.5, 5
# Frames of a take that are looked at, at most.
_FRAMES = 150
# Seconds around an offset in which the best one is searched for.
_AROUND = 0.06


def align(views: Sequence[Keypoints], cameras: Sequence[PosedCamera]) -> list[float]:
    """Return by how many seconds each view's clock is ahead of the first one's.

    The clocks may be right as they are, or differ: the motion tells by how much, and the cameras
    to a fraction of a frame.

    Args:
        views: One performer before each camera.
        cameras: The calibrated cameras, in the same order.
    """
    from scipy.optimize import minimize_scalar

    offsets = [0.0]
    for view, camera in zip(views[1:], cameras[1:], strict=True):
        pair, lenses = (views[0], view), (cameras[0], camera)

        def error(offset: float, pair: tuple = pair, lenses: tuple = lenses) -> float:
            return float(np.nanmedian(_errors(pair, lenses, [0.0, offset])))

        candidates = [0.0]
        # With too little motion to tell, the clocks are taken as they are.
        with contextlib.suppress(InputError):
            candidates.append(clock_offset(views[0], view))
        start = min(candidates, key=error)
        found = minimize_scalar(
            error, bounds=(start - _AROUND, start + _AROUND), method="bounded",
            options={"maxiter": 12},
        )  # fmt: skip
        offsets.append(float(found.x) if found.fun < 0.95 * error(start) else start)
    return offsets


def check(
    views: Sequence[Keypoints], cameras: Sequence[PosedCamera], offsets: Sequence[float]
) -> float:
    """Return the views' error, as part of the focal length.

    Warns of a camera that was moved during the take.

    Raises:
        InputError: The cameras do not agree; the message names a better order if there is one.
    """
    errors = _errors(views, cameras, offsets)
    whole = _error(errors)
    if not np.isfinite(whole):
        raise InputError("The cameras never see the performer at the same time.")
    if whole > _DOUBT:
        _name_order(views, cameras, offsets, whole)
    for camera, own in zip(cameras, errors, strict=True):
        fifths = np.array_split(own, _PARTS)
        parts = [_error(p) for p in fifths if np.isfinite(p).any()]
        if parts and max(parts) > _WRONG and max(parts) > _MOVED * min(parts):
            warnings.warn(
                f"Camera {camera.name} seems to have moved during the take: its error grows from "
                f"{100 * min(parts):.1f} to {100 * max(parts):.1f} % of the focal length.",
                stacklevel=2,
            )
            return whole
    if whole > _WRONG:
        raise InputError(
            f"The cameras disagree by {100 * whole:.1f} % of their focal length about where the "
            "performer is: the calibration is of another set-up, a camera was moved, or the clips "
            "show different performances."
        )
    return whole


def _error(errors: ndarray) -> float:
    known = errors[np.isfinite(errors)]
    return float(np.percentile(known, _PERCENTILE)) if len(known) else float("nan")


def _errors(
    views: Sequence[Keypoints], cameras: Sequence[PosedCamera], offsets: Sequence[float]
) -> ndarray:
    """Return reprojection errors (V, F, 12) as parts of the focal length."""
    times = views[0].times
    times = times[:: max(1, len(times) // _FRAMES)]
    same = [at_times(k, times + o) for k, o in zip(views, offsets, strict=True)]
    found = triangulate(
        cameras,
        np.array([k.image[:, JOINTS] for k in same]),
        np.array([k.confidence[:, JOINTS] for k in same]),
    )
    focals = np.array([c.camera.focal for c in cameras])
    return np.asarray(found.residuals / focals[:, None, None])


def _name_order(
    views: Sequence[Keypoints],
    cameras: Sequence[PosedCamera],
    offsets: Sequence[float],
    whole: float,
) -> None:
    """Raise InputError if another order of the cameras agrees much better."""
    if len(cameras) > 4:
        return
    orders = list(permutations(range(len(cameras))))[1:]
    errors = [_error(_errors(views, [cameras[i] for i in order], offsets)) for order in orders]
    best = int(np.argmin(errors))
    if errors[best] < min(_DOUBT, _BETTER * whole):
        names = ", ".join(cameras[i].name for i in orders[best])
        raise InputError(
            "The clips are in another order than the cameras of the calibration: they agree if "
            f"the clips are those of {names}, in this order."
        )
