"""The mannequin's body: its shapes, their colours, and the bones that move them.

It is built like a jointed figure: torso, neck, head and hands are smooth skins over several bones;
each long limb segment is a closed shell that one bone moves, and shoulder, elbow, wrist, hip, knee
and ankle are balls about the joint's centre. Linear blend skinning shrinks a ring whose weights are
shared half and half by cos(θ/2) under a twist θ: half of its area at 90°, however wide the blend. A
motion's whole forearm twist is in `lowerArm`, the shoulder's in `upperArm`, so a skin over those
joints could not keep its shape; concentric balls keep it exactly, at any angle.

Shapes of the left side are mirrored to the right. Positions come from mocap.core.skeleton.HUMANOID.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from rigs.hand import hand
from rigs.head import head_pieces
from rigs.pieces import REST, Piece, along, banded, rigid, smooth
from rigs.shapes import both_sides, carve, cone, ellipsoid, join, plane, sphere

# --- torso ----------------------------------------------------------------------------------------


def _torso() -> Piece:
    side = join(
        0.05,
        ellipsoid((0.0, 0.980, -0.002), (0.152, 0.086, 0.096)),
        ellipsoid((0.0, 1.10, 0.004), (0.124, 0.13, 0.088)),
        ellipsoid((0.0, 1.285, -0.008), (0.148, 0.165, 0.104), 0.08),
        ellipsoid((0.072, 1.335, 0.050), (0.085, 0.062, 0.046)),
        ellipsoid((0.075, 1.36, -0.062), (0.078, 0.085, 0.040)),
        cone((0.05, 1.415, -0.008), (0.158, 1.428, -0.002), 0.062, 0.050),
        cone((0.02, 1.470, -0.016), (0.125, 1.446, -0.006), 0.046, 0.034),
        ellipsoid((0.068, 0.930, -0.052), (0.078, 0.072, 0.060)),
        cone((0.0, 0.905, -0.005), (0.0, 0.935, 0.0), 0.050, 0.07),
        cone((0.088, 0.94, 0.0), (0.095, 0.965, 0.0), 0.070, 0.066),
    )

    def weights(p: ndarray) -> dict[str, ndarray]:
        out = along(
            ("hips", "spine", "chest", "upperChest", "neck"),
            (0.10, 0.11, 0.11, 0.05),
            (0.0, 1.0, 0.0),
        )(p)
        share = smooth((np.abs(p[:, 0]) - 0.03) / 0.12) * smooth((p[:, 1] - 1.30) / 0.11)
        for name, on in (("leftShoulder", p[:, 0] > 0), ("rightShoulder", p[:, 0] < 0)):
            out[name] = np.where(on, share * out["upperChest"], 0.0)
        out["upperChest"] = out["upperChest"] * (1.0 - share)
        return out

    def flank(p: ndarray) -> ndarray:
        """Return the region of the dark side: wide at the waist, narrow at the armpit."""
        above, below = np.maximum(p[:, 1] - 1.14, 0.0), np.maximum(1.14 - p[:, 1], 0.0)
        return np.abs(p[:, 0]) - (0.086 + 2.0 * above * above + 0.25 * below)

    def yoke(p: ndarray) -> ndarray:
        """Return the region of the dark shoulders, pointed at breastbone and spine."""
        return p[:, 1] - (1.412 + 0.25 * np.abs(p[:, 0]) - 0.12 * p[:, 2])

    def belt(p: ndarray) -> ndarray:
        return p[:, 1] - (1.005 + 0.25 * np.abs(p[:, 0]))

    def paint(sides: ndarray) -> ndarray:
        dark, shoulder, edge, low, high = sides.T
        out = np.where(dark, "suit", "shell")
        out = np.where(shoulder, np.where(edge, "suit", "accent"), out)
        out = np.where(~high, "accent", out)
        return np.where(~low, "suit", out)

    lines = (flank, yoke, lambda p: yoke(p) - 0.008, belt, lambda p: belt(p) - 0.014)
    return Piece(
        "torso",
        both_sides(side),
        (-0.2, 0.8, -0.16),
        (0.2, 1.56, 0.16),
        0.0225,
        weights,
        lines,
        paint,
        symmetric=True,
    )


def _neck() -> Piece:
    shape = join(
        0.02,
        cone((0.0, 1.43, -0.016), (0.0, 1.60, 0.004), 0.056, 0.051),
        ellipsoid((0.0, 1.492, -0.012), (0.062, 0.024, 0.060), -0.15),
    )
    weights = along(("upperChest", "neck", "head"), (0.07, 0.07), (0.0, 1.0, 0.0))

    def collar(p: ndarray) -> ndarray:
        return p[:, 1] - (1.512 - 0.15 * p[:, 2])

    return Piece(
        "neck",
        both_sides(shape),
        (-0.1, 1.3, -0.12),
        (0.1, 1.68, 0.1),
        0.0185,
        weights,
        (collar,),
        banded("suit", "skin"),
        symmetric=True,
    )


# --- limbs ----------------------------------------------------------------------------------------


def _ball(name: str, bone: str, radius: float, material: str = "joint") -> Piece:
    at = REST[bone]
    low, high = at - radius - 0.02, at + radius + 0.02
    return Piece(
        name,
        sphere(at, radius),
        tuple(low),
        tuple(high),
        radius / 3,
        rigid(bone),
        (),
        banded(material),
    )


def _arm() -> list[Piece]:
    s, e, w = REST["leftUpperArm"], REST["leftLowerArm"], REST["leftHand"]
    y = s[1]
    upper = join(
        0.03,
        cone(s, (0.30, y, 0.0), 0.0560, 0.0435),
        cone((0.30, y, 0.0), e, 0.0435, 0.0395),
        ellipsoid((0.215, y + 0.002, 0.0), (0.055, 0.0505, 0.0515)),
        ellipsoid((0.325, y, 0.010), (0.080, 0.040, 0.040)),
        ellipsoid((0.300, y, -0.012), (0.090, 0.040, 0.038)),
    )
    upper = carve(0.012, upper, plane(0, e[0] - 0.026, -1.0))
    lower = join(
        0.03, cone(e, w, 0.0395, 0.026), ellipsoid((0.548, y, 0.0), (0.090, 0.042, 0.0425))
    )
    lower = carve(0.010, lower, plane(0, e[0] + 0.026), plane(0, w[0] - 0.016, -1.0))
    return [
        Piece(
            "upperArm",
            upper,
            (0.09, 1.32, -0.1),
            (0.5, 1.53, 0.1),
            0.0175,
            rigid("leftUpperArm"),
            (plane(0, 0.262), plane(0, 0.276)),
            banded("suit", "accent", "shell"),
        ),
        _ball("elbow", "leftLowerArm", 0.0390),
        Piece(
            "lowerArm",
            lower,
            (0.47, 1.35, -0.07),
            (0.75, 1.5, 0.07),
            0.016,
            rigid("leftLowerArm"),
            (plane(0, 0.660), plane(0, 0.672)),
            banded("shell", "accent", "suit"),
        ),
        _ball("wrist", "leftHand", 0.0258),
    ]


def _leg() -> list[Piece]:
    h, k, a = REST["leftUpperLeg"], REST["leftLowerLeg"], REST["leftFoot"]
    upper = join(
        0.04,
        cone(h, (0.094, 0.72, 0.0), 0.0855, 0.070),
        cone((0.094, 0.72, 0.0), k + (0.0, 0.0, 0.002), 0.070, 0.053),
        ellipsoid((0.097, 0.735, 0.018), (0.064, 0.15, 0.063)),
        ellipsoid((0.092, 0.72, -0.018), (0.062, 0.15, 0.060)),
    )
    upper = carve(0.014, upper, plane(1, k[1] + 0.032))
    lower = join(
        0.035,
        cone(k, a, 0.052, 0.035),
        ellipsoid((0.095, 0.375, -0.018), (0.053, 0.115, 0.052), 0.06),
        ellipsoid((0.092, 0.36, 0.006), (0.042, 0.14, 0.040)),
    )
    lower = carve(0.012, lower, plane(1, k[1] - 0.032, -1.0), plane(1, a[1] + 0.026))

    def stripe(p: ndarray) -> ndarray:
        """Return the region of the dark stripe down the outer side of the thigh."""
        return np.where(p[:, 0] > h[0] + 0.02, 0.011 - np.abs(p[:, 2] + 0.004), -0.05)

    def paint(sides: ndarray) -> ndarray:
        above_low, above_high, striped = sides.T
        return np.where(
            above_high, "suit", np.where(above_low, "accent", np.where(striped, "suit", "shell"))
        )

    return [
        Piece(
            "upperLeg",
            upper,
            (-0.02, 0.45, -0.13),
            (0.21, 1.03, 0.13),
            0.022,
            rigid("leftUpperLeg"),
            (plane(1, 0.785), plane(1, 0.799), stripe),
            paint,
        ),
        _ball("knee", "leftLowerLeg", 0.0515),
        Piece(
            "lowerLeg",
            lower,
            (0.01, 0.08, -0.1),
            (0.18, 0.53, 0.1),
            0.019,
            rigid("leftLowerLeg"),
            (plane(1, 0.195), plane(1, 0.208)),
            banded("suit", "accent", "shell"),
        ),
        _ball("ankle", "leftFoot", 0.0385, "suit"),
        _foot(),
    ]


def _foot() -> Piece:
    a = REST["leftFoot"]
    shape = join(
        0.03,
        cone(a + (0.0, -0.006, -0.002), a + (0.0, -0.045, -0.012), 0.0365, 0.037),
        ellipsoid((0.092, 0.036, -0.028), (0.036, 0.045, 0.036)),
        cone((0.092, 0.048, 0.0), (0.096, 0.030, 0.115), 0.040, 0.034),
        ellipsoid((0.098, 0.024, 0.128), (0.048, 0.030, 0.062)),
        ellipsoid((0.094, 0.022, 0.165), (0.038, 0.024, 0.044)),
    )
    shape = carve(0.008, shape, plane(1, 0.0))
    weights = along(("leftFoot", "leftToes"), (0.05,), (0.0, 0.0, 1.0))

    def toe_cap(p: ndarray) -> ndarray:
        return p[:, 2] - (0.130 + 4.0 * (p[:, 0] - 0.098) * (p[:, 0] - 0.098))

    def paint(sides: ndarray) -> ndarray:
        above_low, above_high, front = sides.T
        return np.where(
            above_high, np.where(front, "shell", "suit"), np.where(above_low, "accent", "shell")
        )

    return Piece(
        "foot",
        shape,
        (0.02, -0.02, -0.09),
        (0.17, 0.16, 0.23),
        0.012,
        weights,
        (plane(1, 0.013), plane(1, 0.019), toe_cap),
        paint,
    )


# --- all ------------------------------------------------------------------------------------------


def pieces() -> list[Piece]:
    """Return all pieces; of those that are not symmetric, the left one."""
    return [_torso(), _neck(), *head_pieces(), *_arm(), hand(), *_leg()]
