"""The virtual camera of several views: level, and far enough away to see the whole take.

Triangulated points become `Keypoints` of this camera, so the same solver serves one camera and
several.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mocap.cameras.views import View, to_mocap
from mocap.core.camera import Camera
from mocap.core.keypoints import HAND_LANDMARKS, Keypoints, pair
from mocap.solve.evidence import SEEN
from mocap.solve.refine.sight import Sight

_HIPS = pair("hip")
_AWAY = 6.0  # distance of the virtual camera from the nearest landmark, metres
_FOCAL = 1000.0  # focal length of the virtual camera, pixels
_SWITCH = 0.25  # by how much more confident another view must be of a hand to replace this one


@dataclass(frozen=True, eq=False, slots=True)
class VirtualCamera:
    """A level camera in mocap's world.

    Attributes:
        axes: (3, 3) its axes in the world, as rows: x right, +Y up, +Z towards the camera.
        origin: (3,) its position along `axes`, metres.
        camera: Its lens.
    """

    axes: Float[ndarray, "3 3"]
    origin: Float[ndarray, "3"]
    camera: Camera

    @classmethod
    def before(
        cls,
        views: Sequence[Keypoints],
        cameras: Sequence[View],
        points: Float[ndarray, "frames 33 3"],
    ) -> VirtualCamera:
        """Return the camera that looks like the view that sees most, from further away.

        Args:
            views: The keypoints of each view.
            cameras: Their cameras.
            points: The performer's landmarks in the world, metres; all will be in the picture.
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
        image = Camera(_FOCAL, (0.0, 0.0), (1, 1)).project(placed - origin)
        half = int(np.ceil(1.2 * np.nanmax(np.abs(image)))) + 1
        size = (2 * half, 2 * half)
        return cls(axes, origin, Camera(_FOCAL, (float(half), float(half)), size, "triangulated"))

    def keypoints(
        self,
        views: Sequence[Keypoints],
        cameras: Sequence[View],
        points: Float[ndarray, "frames 33 3"],
        confidence: Float[ndarray, "frames 33"],
        hands: Int[ndarray, "frames 2"] | None = None,
    ) -> Keypoints:
        """Return points of the world as this camera's keypoints, with the views' hands and face.

        Args:
            views: The keypoints of each view, at the times of the points.
            cameras: Their cameras.
            points: The landmarks, metres.
            confidence: Their confidences.
            hands: The views of the hands (`hand_views`); None chooses them.
        """
        placed = points @ self.axes.T - self.origin
        hips = placed[:, _HIPS].mean(axis=1, keepdims=True)
        image = self.camera.project(placed)
        known = np.nan_to_num(confidence)
        merged = Keypoints(views[0].times, placed - hips, image, known, self.camera)
        # Rotations from each view's camera to this one, both in mocap's camera axes.
        turns = [self.axes @ (np.diag([1.0, -1.0, -1.0]) @ v.rotation).T for v in cameras]
        chosen = hand_views(views) if hands is None else hands
        return _with_face(_with_hands(merged, views, turns, chosen), views, turns)

    def sight(self, view: Keypoints, camera: View) -> Sight:
        """Return a view's image points as rays in this camera's axes.

        Args:
            view: The view's keypoints.
            camera: Its camera.
        """
        slopes = camera.normalized(view.image) * [1.0, -1.0]
        seen = np.isfinite(slopes).all(axis=-1)
        turn = camera.rotation @ self.axes.T
        return Sight(
            np.where(seen[..., None], slopes, 0.0),
            np.square(np.nan_to_num(view.confidence)) * seen,
            np.diag([1.0, -1.0, -1.0]) @ turn,
            to_mocap(turn @ self.origin + camera.translation),
        )


def hand_views(
    views: Sequence[Keypoints], before: Int[ndarray, "2"] | None = None
) -> Int[ndarray, "frames 2"]:
    """Return which view shows each hand: the one that is surest of it, with hysteresis.

    Args:
        views: The keypoints of each view.
        before: The views of the frame before; None: those that are surest over all frames.

    Returns:
        Indices of views, of the left and the right hand.
    """
    sure = np.stack([_hand_confidence(v) for v in views])
    chosen = np.zeros(sure.shape[1:], dtype=int)
    for side in (0, 1):
        now = int(np.argmax(sure[:, :, side].sum(axis=1)) if before is None else before[side])
        for f in range(len(chosen)):
            best = int(np.argmax(sure[:, f, side]))
            if sure[best, f, side] > sure[now, f, side] + _SWITCH:
                now = best
            chosen[f, side] = now
    return chosen


def _with_hands(
    merged: Keypoints,
    views: Sequence[Keypoints],
    turns: Sequence[ndarray],
    chosen: Int[ndarray, "frames 2"],
) -> Keypoints:
    """Add each hand from its view, rotated to the common axes."""
    if all(v.hands is None for v in views):
        return merged
    unseen = np.full((len(merged), 2, len(HAND_LANDMARKS), 3), np.nan)
    pairs = zip(views, turns, strict=True)
    hands = np.stack([unseen if v.hands is None else v.hands @ turn.T for v, turn in pairs])
    sure = np.stack([_hand_confidence(v) for v in views])
    rows, sides = np.arange(len(merged))[:, None], np.arange(2)[None]
    return replace(
        merged,
        hands=hands[chosen, rows, sides],
        hands_confidence=sure[chosen, rows, sides],
        hands_image=None,
    )


def _hand_confidence(view: Keypoints) -> ndarray:
    if view.hands is None:
        return np.zeros((len(view), 2))
    found = np.isfinite(view.hands).all(axis=(2, 3)) * 1.0
    return found if view.hands_confidence is None else found * np.nan_to_num(view.hands_confidence)


def _with_face(
    merged: Keypoints, views: Sequence[Keypoints], turns: Sequence[ndarray]
) -> Keypoints:
    """Add the face from the view that sees it in most frames, rotated to the common axes."""
    counts = [
        -1 if v.face is None else int(np.isfinite(v.face).all(axis=(1, 2)).sum()) for v in views
    ]
    best = int(np.argmax(counts))
    if counts[best] < 0:
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
