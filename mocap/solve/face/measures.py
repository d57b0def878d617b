"""Measures of a face: 24 lengths in each half, in a frame that moves and scales with the head.

Vertices are those of MediaPipe's face mesh and irises
(mediapipe/modules/face_geometry/data/canonical_face_model_uv_visualization.png). "Left" is the
performer's left.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

# Feature: vertices in the left half of the face, and the same vertices in the right half.
_HALVES = {
    "eye corners": ((263, 362), (33, 133)),
    "upper lid": ((387, 386, 385), (160, 159, 158)),
    "lower lid": ((373, 374, 380), (144, 145, 153)),
    "brow's inner end": ((336, 285), (107, 55)),
    "brow's middle": ((334, 282), (105, 52)),
    "brow's outer end": ((300, 276), (70, 46)),
    "mouth's corner": ((291, 308), (61, 78)),
    "upper lip's side": ((270, 269), (40, 39)),
    "lower lip's side": ((321, 405), (91, 181)),
    "cheek": ((425, 280), (205, 50)),
    "nose's wing": ((358, 327), (129, 98)),
    "iris": ((473, 474, 475, 476, 477), (468, 469, 470, 471, 472)),
}
_UPPER_LIP, _LOWER_LIP, _LIPS_TOP, _LIPS_BOTTOM, _CHIN, _ROOT, _NOSE_BASE = (
    13,
    14,
    0,
    17,
    152,
    168,
    2,
)
# Vertices that facial muscles hardly move: on both sides of the head; and at the forehead and the
# nose's root (above), and the nose's base (below).
_ACROSS = ((263, 362, 356, 454), (33, 133, 127, 234))
_ABOVE, _BELOW = (10, 151, 9, 168), (2, 94)
# Factors from image axes to mocap's.
_AXES = np.array([1.0, -1.0, -1.0])

MEASURES: tuple[str, ...] = (
    "lids", "iris out", "iris up", "lower lid up", "brow in up", "brow mid up", "brow out up",
    "brow inward",
    "corner out", "corner up", "corner front", "upper side up", "lower side down", "cheek up",
    "wing up",
    "chin down", "lips apart", "mouth high", "width", "lips front", "upper up", "lower down",
    "sideways", "chin sideways",
)  # fmt: skip
"""The names of the measures, in the order of `measure_face`.

Lengths are in units of the distance between the eyes' outer corners; those of lids and iris, in
widths of their eye. "Sideways" is towards the side of the half."""
OUTER_CORNERS = (263, 33)
"""Vertices at the eyes' outer corners, left and right."""


def in_head(points: Float[ndarray, "*frames 478 3"]) -> Float[ndarray, "*frames 478 3"]:
    """Transform a face's points to the head's frame.

    The frame's origin is the nose's root; x points to the performer's left, y up, z to the front.
    The distance between the eyes' outer corners is 1.

    Args:
        points: A face's points, pixels, image axes (`Keypoints.face`).

    Returns:
        The points in the head's frame.
    """
    p = points * _AXES
    left, right = (p[..., list(side), :].mean(axis=-2) for side in _ACROSS)
    x = _unit(left - right)
    up = p[..., list(_ABOVE), :].mean(axis=-2) - p[..., list(_BELOW), :].mean(axis=-2)
    z = _unit(np.cross(x, up))
    axes = np.stack([x, np.cross(z, x), z], axis=-1)
    size = np.linalg.norm(p[..., _ACROSS[0][0], :] - p[..., _ACROSS[1][0], :], axis=-1)[
        ..., None, None
    ]
    return np.asarray((p - p[..., _ROOT, None, :]) @ axes / size)


def _unit(v: ndarray) -> ndarray:
    return np.asarray(v / np.linalg.norm(v, axis=-1, keepdims=True))


def measure_face(points: Float[ndarray, "*frames 478 3"]) -> Float[ndarray, "*frames 2 24"]:
    """Return the MEASURES of both halves of faces, left and right.

    Args:
        points: The faces' points, pixels, image axes (`Keypoints.face`).
    """
    h = in_head(points)
    return np.stack([_half(h, side) for side in (0, 1)], axis=-2)


def _half(h: ndarray, side: int) -> ndarray:
    out = -1.0 if side else 1.0  # x towards this half's side

    def at(name: str) -> ndarray:
        return np.asarray(h[..., list(_HALVES[name][side]), :].mean(axis=-2))

    corners = h[..., list(_HALVES["eye corners"][side]), :]
    outer, inner = corners[..., 0, :], corners[..., 1, :]
    width = np.linalg.norm((outer - inner)[..., :2], axis=-1)
    middle = 0.5 * (outer + inner)
    upper, lower, iris = at("upper lid"), at("lower lid"), at("iris")
    mouth = 0.5 * (h[..., 61, :] + h[..., 291, :])
    corner = at("mouth's corner")
    brows = [at(f"brow's {part}") for part in ("inner end", "middle", "outer end")]
    values = [
        np.linalg.norm((upper - lower)[..., :2], axis=-1) / width,
        out * (iris - middle)[..., 0] / width,
        (iris - middle)[..., 1] / width,
        (lower - middle)[..., 1],
        *((b - middle)[..., 1] for b in brows),
        -out * (brows[0] - inner)[..., 0],
        out * corner[..., 0],
        corner[..., 1],
        corner[..., 2],
        at("upper lip's side")[..., 1],
        -at("lower lip's side")[..., 1],
        at("cheek")[..., 1],
        at("nose's wing")[..., 1],
        -h[..., _CHIN, 1],
        (h[..., _UPPER_LIP, :] - h[..., _LOWER_LIP, :])[..., 1],
        (h[..., _LIPS_TOP, :] - h[..., _LIPS_BOTTOM, :])[..., 1],
        (h[..., 291, :] - h[..., 61, :])[..., 0],
        0.5 * (h[..., _LIPS_TOP, :] + h[..., _LIPS_BOTTOM, :])[..., 2],
        h[..., _LIPS_TOP, 1],
        -h[..., _LIPS_BOTTOM, 1],
        out * (mouth - h[..., _NOSE_BASE, :])[..., 0],
        out * (h[..., _CHIN, :] - h[..., _NOSE_BASE, :])[..., 0],
    ]
    return np.stack(values, axis=-1)
