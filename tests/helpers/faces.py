"""Faces for the tests of the face solver: a real neutral face, and changes of it."""

from __future__ import annotations

import json

import numpy as np

from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints, landmarks_of
from mocap.core.skeleton import HUMANOID
from mocap.solve.face import expressions, follow_face
from tests.helpers.places import DATA

FACE = np.array(json.loads((DATA / "face_neutral.json").read_text()))
"""(478, 3) a real neutral face, found by the detector: pixels, z in their scale."""
BODY = landmarks_of(HUMANOID.rest_positions(), HUMANOID.rest_rotations)
UPPER_LIDS = {
    "Left": [466, 388, 387, 386, 385, 384, 398],
    "Right": [246, 161, 160, 159, 158, 157, 173],
}
LOWER_LIDS = {
    "Left": [249, 390, 373, 374, 380, 381, 382],
    "Right": [7, 163, 144, 145, 153, 154, 155],
}
LOWER_LIP = [146, 91, 181, 84, 17, 314, 405, 321, 375, 95, 88, 178, 87, 14, 317, 402, 318, 324]
CORNERS = {"Left": [291, 308], "Right": [61, 78]}
BROWS = {"Left": [336, 285, 334, 282, 300, 276], "Right": [107, 55, 105, 52, 70, 46]}


def keypoints(faces: np.ndarray, fps: float = 30.0, turns: np.ndarray | None = None) -> Keypoints:
    """Return a body at rest with these faces (F, 478, 3), heads turned by (F, 3, 3)."""
    n = len(faces)
    transform = np.tile(np.eye(4), (n, 1, 1))
    if turns is not None:
        transform[:, :3, :3] = turns
    transform[np.isnan(faces).any(axis=(1, 2))] = np.nan
    body = np.tile(BODY - BODY[[23, 24]].mean(axis=0), (n, 1, 1))
    image = np.tile([400.0, 500.0] + 200.0 * BODY[:, :2] * [1.0, -1.0], (n, 1, 1))
    return Keypoints(
        np.arange(n) / fps,
        body,
        image,
        np.ones((n, 33)),
        Camera.assumed((800, 800)),
        face=faces,
        face_transform=transform,
    )


def moved(vertices: list[int], by: np.ndarray) -> np.ndarray:
    """Return the face with some vertices moved, pixels."""
    out = FACE.copy()
    out[vertices] += by
    return out


def blinking(side: str, closed: float) -> np.ndarray:
    """Return the face with the lids of a side closed by a share of their opening."""
    gap = FACE[LOWER_LIDS[side]] - FACE[UPPER_LIDS[side]]
    return moved(UPPER_LIDS[side], closed * gap)


def after_neutral(face: np.ndarray, seconds: float = 1.0) -> dict[str, np.ndarray]:
    """Return the weights of a face that follows a second and a half of the neutral one."""
    faces = np.concatenate([np.tile(FACE, (45, 1, 1)), np.tile(face, (int(30 * seconds), 1, 1))])
    solved, _ = follow_face(keypoints(faces), None)
    assert solved is not None
    return {name: value[-1] for name, value in expressions(solved).items()}
