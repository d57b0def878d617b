"""The mannequin's left hand: palm and five fingers, one smooth skin over sixteen bones."""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mocap.core.skeleton import TIPS
from rigs.pieces import REST, Piece, banded, smooth
from rigs.shapes import cone, ellipsoid, join, length

_FINGERS = {
    "Thumb": ("Metacarpal", "Proximal", "Distal"),
    **dict.fromkeys(("Index", "Middle", "Ring", "Little"), ("Proximal", "Intermediate", "Distal")),
}
_RADII = {
    "Thumb": (0.0125, 0.0112, 0.0100, 0.0078), "Index": (0.0105, 0.0092, 0.0082, 0.0066),
    "Middle": (0.0106, 0.0095, 0.0084, 0.0067),
    "Ring": (0.0102, 0.0090, 0.0080, 0.0064), "Little": (0.0092, 0.0080, 0.0071, 0.0057),
}  # fmt: skip


def _finger_points(finger: str) -> list[ndarray]:
    bones = [f"left{finger}{part}" for part in _FINGERS[finger]]
    return [REST[b] for b in bones] + [
        REST[bones[-1]] + TIPS[bones[-1]] * (1.0 - _RADII[finger][3] / length(TIPS[bones[-1]]))
    ]


def hand() -> Piece:
    w = REST["leftHand"]
    fingers = []
    for finger, radii in _RADII.items():
        points = _finger_points(finger)
        fingers.append(
            join(0.004, *(cone(points[i], points[i + 1], radii[i], radii[i + 1]) for i in range(3)))
        )
    wrist = cone(w + (0.006, 0.0, 0.0), w + (0.035, 0.0, 0.0), 0.0225, 0.019)
    palm = [wrist] + [
        cone(w + (0.022, 0.001, z), REST[f"left{f}Proximal"] - (0.004, 0.002, 0.0), 0.0165, 0.0115)
        for f, z in (("Index", 0.010), ("Middle", 0.003), ("Ring", -0.006), ("Little", -0.012))
    ]
    thenar = ellipsoid((0.768, 1.415, 0.024), (0.026, 0.0135, 0.018))
    heel = ellipsoid((0.772, 1.413, -0.020), (0.028, 0.012, 0.018))
    thumb, *others = fingers
    # Sharp creases between the fingers, soft ones at the palm.
    shape = join(0.010, join(0.016, join(0.018, *palm), thenar, heel), join(0.0025, *others))
    shape = join(0.012, shape, thumb)
    return Piece(
        "hand",
        shape,
        (0.70, 1.375, -0.07),
        (0.945, 1.46, 0.1),
        0.0062,
        _hand_weights,
        (),
        banded("skin"),
    )


def _hand_weights(p: ndarray) -> dict[str, ndarray]:
    """Return the weights of vertices: fingers by distance, and the bones of a finger by the
    position along it.
    """
    out = {"leftHand": np.zeros(len(p))}
    near, chains = [], []
    for finger, parts in _FINGERS.items():
        points = _finger_points(finger)
        distance = np.min([cone(points[i], points[i + 1], 0.0, 0.0)(p) for i in range(3)], axis=0)
        squared = np.maximum(distance * distance, 1e-6)
        near.append(1.0 / (squared * squared * (squared * squared)))
        names = ["leftHand"] + [f"left{finger}{part}" for part in parts]
        weights, left = {}, np.ones(len(p))
        for i in range(3):
            before = points[i] - (points[i - 1] if i else REST["leftHand"])
            way = before / length(before) + (points[i + 1] - points[i]) / length(
                points[i + 1] - points[i]
            )
            way /= length(way)
            q = p - points[i]
            share = left * smooth(
                0.5
                + (q[:, 0] * way[0] + q[:, 1] * way[1] + q[:, 2] * way[2])
                / (2.0 * _RADII[finger][i])
            )
            weights[names[i]], left = left - share, share
        weights[names[3]] = left
        chains.append(weights)
    total = near[0] + near[1] + near[2] + near[3] + near[4]
    for share, weights in zip(near, chains, strict=True):
        for name, w in weights.items():
            out[name] = out.get(name, 0.0) + share / total * w
    return out
