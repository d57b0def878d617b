"""The mannequin's face: a mouth that opens, and ARKit's expressions as morph targets, metres.

The names are ARKit's
(https://developer.apple.com/documentation/arkit/arfaceanchor/blendshapelocation); left is the
mannequin's left (+x). Displacements are smooth bumps around points of the face. As in shapes.py,
only operations that every machine rounds alike are used.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy import ndarray

from rigs.pieces import REST, smooth

Moves = dict[str, ndarray]
"""Expression → displacement of each vertex (V, 3), metres."""

EYE, EYE_RADIUS = REST["leftEye"], 0.0135
# Height at which the lips meet in the middle, and the rise of the line between them to the corners.
_LIP, _BOW = 1.5666, 7.0
_WIDE = 0.0205  # half width of the mouth
_ROUNDED = 0.0014
_CORNER = (0.021, 1.570, 0.078)
_JAW = (1.605, 0.008)  # y, z of the jaw's axis of rotation
_JAW_SINE, _JAW_COSINE = 0.325, 0.9457  # 19°
_POCKET = (
    (0.007, 0.011, 0.0),
    (0.0, 0.032, 0.5),
    (-0.006, 0.011, 1.0),
)  # the pocket behind the lips: up, back, and the jaw's share


def lip_line(p: ndarray) -> ndarray:
    """Return a function that is zero between the lips and positive above."""
    return p[:, 1] - _LIP - _BOW * p[:, 0] * p[:, 0]


def almond(p: ndarray) -> ndarray:
    """Return the signed distance from the edge of the left lids' opening, metres, negative
    inside."""
    upper, lower = _lid_edges(p[:, 0] - EYE[0])
    y = p[:, 1] - EYE[1]
    # The corners are rounded to what the mesh can hold.
    return np.maximum(np.maximum(y - upper, lower - y), np.abs(p[:, 0] - EYE[0]) - 0.0108)


def _lid_edges(x: ndarray) -> tuple[ndarray, ndarray]:
    bow = 1.0 - (x / 0.0128) * (x / 0.0128)
    return 0.0052 * bow, -0.0047 * bow


def open_mouth(
    vertices: ndarray, triangles: ndarray, above: ndarray
) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    """Slit the left half of the head along the lip line, and add a closed pocket behind the lips.

    The pocket cannot be seen at rest.

    Args:
        vertices: (V, 3) of the head, cut along the lip line.
        triangles: (T, 3) indices.
        above: (T,) whether a triangle is above the line.

    Returns:
        Vertices and triangles with the pocket's at the end; (V,) how much each vertex moves with
        the lower lip; and the original vertex at the position of each new lip vertex.
    """
    path, upwards = _slit(vertices, triangles, above)
    lips = len(path) - 1  # the last one is the corner, which both lips share
    count = len(vertices)
    lower_lip = count + np.arange(lips)
    number = np.arange(count)
    number[path[:lips]] = lower_lip
    triangles = np.where(above[:, None], triangles, number[triangles])
    rows = [path[:lips]]
    places = [vertices, vertices[path[:lips]]]
    shares = [np.where(lip_line(vertices) < 0.0, 1.0, 0.0), np.ones(lips)]
    shares[0][path[lips]] = 0.5
    taper = np.maximum(
        1.0 - (vertices[path[:lips], 0] / _WIDE) * (vertices[path[:lips], 0] / _WIDE), 0.25
    )
    start = count + lips
    for up, back, share in _POCKET:
        inner = vertices[path[:lips]] * np.array([0.92, 1.0, 1.0])
        inner[:, 1] += up * taper
        inner[:, 2] -= back * taper
        places.append(inner)
        shares.append(np.full(lips, share))
        rows.append(start + np.arange(lips))
        start += lips
    rows.append(lower_lip)
    pocket = []
    for a, b in itertools.pairwise(rows):
        for i in range(lips - 1):
            pocket += [[a[i + 1], a[i], b[i]], [a[i + 1], b[i], b[i + 1]]]
        pocket.append([path[lips], a[lips - 1], b[lips - 1]])
    inside = np.array(pocket)
    if not upwards:
        inside = inside[:, ::-1]
    return (
        np.round(np.concatenate(places), 5) + 0.0,
        np.concatenate([triangles, inside]),
        np.concatenate(shares),
        path[:lips],
    )


def _slit(vertices: ndarray, triangles: ndarray, above: ndarray) -> tuple[ndarray, bool]:
    """Return the vertices between the lips from the middle to the corner, and whether triangles
    above have their edges in that direction.
    """
    of_upper = {(int(t[i]), int(t[(i + 1) % 3])) for t in triangles[above] for i in range(3)}
    of_lower = {(int(t[i]), int(t[(i + 1) % 3])) for t in triangles[~above] for i in range(3)}
    ahead: dict[int, int] = {}
    upwards = False
    for a, b in of_upper:
        if (b, a) in of_lower and min(vertices[a, 2], vertices[b, 2]) > 0.06:
            near, far = (a, b) if vertices[a, 0] < vertices[b, 0] else (b, a)
            ahead[near] = far
            upwards = near == a
    path = [next(v for v in ahead if vertices[v, 0] == 0.0)]
    while vertices[path[-1], 0] < _WIDE - 0.002 and path[-1] in ahead:
        path.append(ahead[path[-1]])
    return np.array(path), upwards


def head_moves(p: ndarray, below: ndarray) -> Moves:
    """Return the head's expressions.

    Args:
        p: (V, 3) vertices.
        below: (V,) 1 for vertices below the line between the lips, 0 above.
    """
    one = np.ones(len(p))
    mouth = _bump(p, (0.0, 1.567, 0.085), (0.046, 0.034, 0.050))
    lips = _bump(p, (0.0, 1.567, 0.088), (0.028, 0.022, 0.034))
    apart = _near_middle(p)
    out = {
        "jawOpen": _jaw(p, below),
        "mouthPucker": _vectors(-0.42 * p[:, 0] * mouth, 0.0 * one, 0.008 * lips),
        "mouthFunnel": _vectors(
            -0.25 * p[:, 0] * mouth,
            apart * lips * (0.005 * (1.0 - below) - 0.007 * below),
            0.007 * lips,
        ),
        "mouthRollLower": below[:, None]
        * _bump(p, (0.0, 1.5630, 0.088), (0.028, 0.010, 0.03))[:, None]
        * [0.0, 0.0022, -0.0050],
        "mouthRollUpper": (1.0 - below)[:, None]
        * _bump(p, (0.0, 1.5705, 0.088), (0.028, 0.010, 0.03))[:, None]
        * [0.0, -0.0022, -0.0050],
        "browInnerUp": _both(p, (0.017, 1.664, 0.085), (0.024, 0.022, 0.03), (0.0, 0.0075, 0.001)),
        "cheekPuff": _both(p, (0.042, 1.578, 0.060), (0.030, 0.032, 0.036), (0.0085, 0.0, 0.0045)),
    }
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        q = p * np.array([sign, 1.0, 1.0])

        def move(
            place: Sequence[float],
            size: Sequence[float],
            way: Sequence[float],
            q: ndarray = q,
            sign: float = sign,
        ) -> ndarray:
            return _bump(q, place, size)[:, None] * np.array([sign * way[0], way[1], way[2]])

        cheek = move((0.038, 1.603, 0.064), (0.026, 0.024, 0.032), (0.002, 0.0045, 0.0025))
        upper = (
            move((0.011, 1.5715, 0.086), (0.022, 0.016, 0.03), (0.0, 0.0065, 0.001))
            * (1.0 - below)[:, None]
        )
        lower = (
            move((0.011, 1.5630, 0.086), (0.022, 0.016, 0.03), (0.0, -0.0065, 0.0)) * below[:, None]
        )
        out |= {
            f"mouthSmile{side}": move(_CORNER, (0.032, 0.026, 0.040), (0.0065, 0.0095, -0.0050))
            + cheek,
            f"mouthFrown{side}": move(_CORNER, (0.028, 0.026, 0.040), (0.0010, -0.0095, -0.0010)),
            f"mouthStretch{side}": move(_CORNER, (0.032, 0.024, 0.040), (0.0085, -0.0035, -0.0050)),
            f"mouth{side}": mouth[:, None] * [0.010 * sign, 0.0, 0.0],
            f"mouthUpperUp{side}": apart[:, None] * upper,
            f"mouthLowerDown{side}": apart[:, None] * lower,
            f"browDown{side}": move(
                (0.028, 1.662, 0.080), (0.032, 0.018, 0.03), (-0.0025, -0.0065, 0.0015)
            ),
            f"browOuterUp{side}": move(
                (0.043, 1.664, 0.072), (0.022, 0.022, 0.03), (0.0, 0.0075, 0.0)
            ),
            f"eyeSquint{side}": move(
                (0.034, 1.616, 0.070), (0.024, 0.020, 0.032), (0.0, 0.0040, 0.0015)
            ),
        }
    return out


def lid_moves(p: ndarray, _: ndarray) -> Moves:
    """Return the expressions of the left lids: closed, wide, narrowed.

    Vertices keep their distance from the eye's middle, so that lids slide over the eyeball.
    """
    x = p[:, 0] - EYE[0]
    # The mesh rounds the lids' edges, which are this far outside the opening.
    upper, lower = (
        np.where(np.abs(x) < 0.0128, e, 0.0) + s * _ROUNDED
        for e, s in zip(_lid_edges(x), (1.0, -1.0), strict=True)
    )
    high = upper - lower - 2.0 * _ROUNDED
    meet = lower + _ROUNDED + 0.18 * high
    return {
        # The upper lid closes onto the lower one.
        "eyeBlinkLeft": _lids(p, upper, lower, meet - 0.0016, meet + 0.0010, 0.0004),
        "eyeWideLeft": _lids(p, upper, lower, upper + 0.30 * high, lower - 0.06 * high),
        "eyeSquintLeft": _lids(p, upper, lower, upper - 0.18 * high, lower + 0.30 * high),
    }


def _lids(
    p: ndarray,
    upper: ndarray,
    lower: ndarray,
    to_upper: ndarray,
    to_lower: ndarray,
    lift: float = 0.0,
) -> ndarray:
    """Return the displacements that move the lids' edges, with the skin between them stretched;
    `lift` moves the upper lid off the eyeball.
    """
    q = p - EYE
    y, top = q[:, 1], EYE_RADIUS + 0.0014
    above = to_upper + (y - upper) * (top - to_upper) / (top - upper)
    below = to_lower + (y - lower) * (top + to_lower) / (top + lower)
    between = to_lower + (y - lower) * (to_upper - to_lower) / np.maximum(upper - lower, 1e-6)
    moved = np.where(y >= upper, above, np.where(y <= lower, below, between))
    front = smooth((q[:, 2] + 0.001) / 0.004)
    dy = front * (moved - y)
    squared = np.maximum(q[:, 2] * q[:, 2] + y * y - (y + dy) * (y + dy), 0.0)
    dz = np.where(q[:, 2] > 0.0, np.sqrt(squared) - q[:, 2], 0.0)
    return _vectors(
        np.zeros(len(p)),
        dy,
        front * (dz + lift * smooth((y - lower) / np.maximum(upper - lower, 1e-6))),
    )


def _jaw(p: ndarray, below: ndarray) -> ndarray:
    y, z = p[:, 1] - _JAW[0], p[:, 2] - _JAW[1]
    near = _near_middle(p)
    elsewhere = smooth(0.5 - lip_line(p) / 0.040)
    share = (near * below + (1.0 - near) * elsewhere) * smooth((p[:, 2] + 0.012) / 0.075)
    return _vectors(
        np.zeros(len(p)),
        share * ((_JAW_COSINE - 1.0) * y - _JAW_SINE * z),
        share * (_JAW_SINE * y + (_JAW_COSINE - 1.0) * z),
    )


def _near_middle(p: ndarray) -> ndarray:
    """Return 1 in the middle of the mouth, falling to 0 at its corners."""
    return smooth(1.12 - np.abs(p[:, 0]) / _WIDE)


def _bump(p: ndarray, place: Sequence[float], size: Sequence[float]) -> ndarray:
    """Return 1 at a point, falling to 0 at an ellipsoid around it."""
    x, y, z = ((p[:, i] - place[i]) / size[i] for i in range(3))
    return smooth(1.0 - (x * x + y * y + z * z))


def _both(
    p: ndarray, place: Sequence[float], size: Sequence[float], way: Sequence[float]
) -> ndarray:
    q = np.stack([np.abs(p[:, 0]), p[:, 1], p[:, 2]], axis=-1)
    side = np.where(p[:, 0] < 0.0, -1.0, np.where(p[:, 0] > 0.0, 1.0, 0.0))
    share = _bump(q, place, size)
    return _vectors(share * way[0] * side, share * way[1], share * way[2])


def _vectors(x: ndarray, y: ndarray, z: ndarray) -> ndarray:
    return np.stack([x, y, z], axis=-1)
