"""The keypoints of several cameras as those of one: measured in depth, in one camera's axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.errors import InputError
from mocap.views.camera import PosedCamera
from mocap.views.triangulate import Triangulated, triangulate

_HIPS = [LANDMARKS.index(f"{s}_hip") for s in ("left", "right")]
_WRISTS = [LANDMARKS.index(f"{s}_wrist") for s in ("left", "right")]
# Image points are interpolated over gaps no longer than this, seconds.
_LONGEST_GAP = 0.1


def at_times(keypoints: Keypoints, times: Float[ndarray, "frames"]) -> Keypoints:
    """Return the image points and confidences at other times, linear between frames.

    Hands and face are those of the nearest frame.

    Args:
        keypoints: Of one camera.
        times: Seconds of the keypoints' clock.
    """
    own = keypoints.times
    if len(own) == len(times) and np.allclose(own, times, atol=1e-6):
        return keypoints
    after = np.clip(np.searchsorted(own, times), 1, max(1, len(own) - 1))
    before = after - 1 if len(own) > 1 else after * 0
    after = np.minimum(after, len(own) - 1)
    step = np.maximum(own[after] - own[before], 1e-9)
    share = (times - own[before]) / step
    inside = (share >= -1e-6) & (share <= 1.0 + 1e-6) & (step <= _LONGEST_GAP)
    share = np.clip(share, 0.0, 1.0)
    nearest = np.where(share < 0.5, before, after)

    def mixed(values: ndarray) -> ndarray:
        s = share.reshape(-1, *[1] * (values.ndim - 1))
        found = (1.0 - s) * values[before] + s * values[after]
        return np.where(inside.reshape(s.shape), found, np.nan)

    def taken(values: ndarray | None) -> ndarray | None:
        if values is None:
            return None
        keep = inside.reshape(-1, *[1] * (values.ndim - 1))
        return np.where(keep, values[nearest], np.nan)

    return Keypoints(
        times,
        mixed(keypoints.positions),
        mixed(keypoints.image),
        np.nan_to_num(mixed(keypoints.confidence)),
        keypoints.camera,
        taken(keypoints.hands),
        taken(keypoints.face),
        taken(keypoints.face_transform),
        taken(keypoints.hands_image),
        None
        if keypoints.hands_confidence is None
        else np.nan_to_num(taken(keypoints.hands_confidence)),  # type: ignore[arg-type]
        taken(keypoints.face_blendshapes),
    )


def fuse(
    views: Sequence[Keypoints],
    cameras: Sequence[PosedCamera],
    offsets: Sequence[float] | None = None,
) -> tuple[Keypoints, Triangulated]:
    """Return one performer's keypoints from several cameras, in the axes of the surest camera.

    `positions` are triangulated; `image` is their projection into that camera. Hands and face are
    those of the camera that sees them best.

    Args:
        views: One performer's keypoints before each camera.
        cameras: The cameras, in the same order.
        offsets: Seconds by which each view's clock is ahead of the first one's.

    Raises:
        InputError: Fewer than two views, or no point is seen by two cameras.
    """
    if len(views) < 2 or len(views) != len(cameras):
        raise InputError(
            f"There must be a camera for each of several views, but there are {len(views)} views "
            f"and {len(cameras)} cameras."
        )
    offsets = [0.0] * len(views) if offsets is None else offsets
    first = max(range(len(views)), key=lambda v: float(views[v].confidence.mean()))
    times = views[first].times
    same = [
        at_times(k, times - offsets[first] + offset)
        for k, offset in zip(views, offsets, strict=True)
    ]
    found = triangulate(
        cameras, np.array([k.image for k in same]), np.array([k.confidence for k in same])
    )
    if not np.isfinite(found.points).any():
        raise InputError("No point of the body is seen by two cameras at the same time.")
    own = cameras[first]
    local = own.to_camera(found.points)
    hips = local[:, _HIPS].mean(axis=1, keepdims=True)
    out = Keypoints(times, local - hips, own.camera.project(local), found.confidence, own.camera)
    return _with_parts(out, same, cameras, own, local), found


def _with_parts(
    out: Keypoints,
    views: Sequence[Keypoints],
    cameras: Sequence[PosedCamera],
    own: PosedCamera,
    local: ndarray,
) -> Keypoints:
    """Add hands and face of the views that see them best, turned into the axes of `own`."""
    turns = [R.multiply(own.rotation, R.conjugate(c.rotation)) for c in cameras]
    if any(k.hands is not None for k in views):
        hands = np.full((len(out), 2, 21, 3), np.nan)
        sure = np.zeros((len(out), 2))
        for side in range(2):
            for k, turn in sorted(
                zip(views, turns, strict=True), key=lambda pair: _seen_hand(pair[0], side)
            ):
                if k.hands is None or k.hands_confidence is None:
                    continue
                seen = np.isfinite(k.hands[:, side]).all(axis=(1, 2))
                hands[seen, side] = R.apply(turn, k.hands[seen, side])
                sure[seen, side] = k.hands_confidence[seen, side]
        pixels = own.camera.project(hands + local[:, _WRISTS][:, :, None])
        out = replace(out, hands=hands, hands_image=pixels, hands_confidence=sure)
    faces = [v for v, k in enumerate(views) if k.face is not None]
    if faces:
        best = max(faces, key=lambda v: float(np.isfinite(views[v].face[:, 0, 0]).sum()))  # type: ignore[index]
        k = views[best]
        transform = k.face_transform
        if transform is not None:
            transform = transform.copy()
            transform[:, :3, :3] = R.to_matrix(turns[best]) @ transform[:, :3, :3]
        out = replace(
            out, face=k.face, face_transform=transform, face_blendshapes=k.face_blendshapes
        )
    return out


def _seen_hand(keypoints: Keypoints, side: int) -> float:
    known = keypoints.hands_confidence
    return 0.0 if known is None else float(known[:, side].sum())
