"""The mannequin's head: face, ears, hair, and eyes that rotate behind their lids."""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from rigs.face import EYE, EYE_RADIUS, almond, head_moves, lid_moves, lip_line
from rigs.pieces import Piece, banded, rigid
from rigs.shapes import Shape, both_sides, carve, cone, ellipsoid, join, plane, sphere


def _head() -> Piece:
    skull = join(
        0.035,
        ellipsoid((0.0, 1.660, -0.008), (0.0745, 0.088, 0.096)),
        ellipsoid((0.0, 1.618, 0.024), (0.062, 0.088, 0.064)),
        ellipsoid((0.0, 1.553, 0.050), (0.036, 0.030, 0.040)),
        ellipsoid((0.034, 1.602, 0.053), (0.029, 0.032, 0.030)),
        ellipsoid((0.047, 1.640, 0.066), (0.016, 0.022, 0.014)),
        cone((0.044, 1.582, 0.008), (0.017, 1.549, 0.060), 0.019, 0.017),
    )
    skull = carve(0.020, skull, ellipsoid((0.031, 1.641, 0.105), (0.016, 0.010, 0.013)))
    nose = join(
        0.012,
        cone((0.0, 1.642, 0.086), (0.0, 1.607, 0.1035), 0.006, 0.0085),
        ellipsoid((0.009, 1.602, 0.094), (0.007, 0.006, 0.009)),
    )
    brow = cone((0.016, 1.6605, 0.085), (0.046, 1.6605, 0.071), 0.006, 0.005)
    mouth = join(
        0.006,
        cone((0.0, 1.5705, 0.0855), (0.016, 1.5715, 0.079), 0.0045, 0.003),
        cone((0.0, 1.5635, 0.0855), (0.012, 1.5655, 0.080), 0.0050, 0.003),
    )
    ear = carve(
        0.006,
        ellipsoid((0.076, 1.625, 0.000), (0.009, 0.031, 0.019)),
        ellipsoid((0.086, 1.628, 0.004), (0.006, 0.020, 0.010)),
    )
    face = join(0.014, skull, nose)
    face = join(0.010, face, brow, mouth)
    face = join(0.013, face, ear)

    def lips(p: ndarray) -> ndarray:
        x = np.abs(p[:, 0])
        y = p[:, 1] - 1.5665 - 7.0 * x * x  # the corners turn up
        return np.where(
            p[:, 2] > 0.06, 0.0068 * (1.0 - (x / 0.0225) * (x / 0.0225)) - np.abs(y), -0.008
        )

    def brows(p: ndarray) -> ndarray:
        x = np.abs(p[:, 0]) - 0.033
        y = p[:, 1] - 1.6625 + 6.0 * x * x - 0.04 * x
        return (
            np.where(
                p[:, 2] > 0.04,
                1.0 - (x / 0.0185) * (x / 0.0185) - (y / 0.0038) * (y / 0.0038),
                -1.0,
            )
            * 0.004
        )

    def paint(sides: ndarray) -> ndarray:
        return np.where(sides[:, 0], "lips", np.where(sides[:, 1], "hair", "skin"))

    fine = (
        both_sides(ellipsoid((0.034, 1.662, 0.078), (0.029, 0.011, 0.03))),
        ellipsoid((0.0, 1.5675, 0.08), (0.034, 0.017, 0.03)),
    )
    low, high = (-0.1, 1.5, -0.12), (0.1, 1.77, 0.13)
    return Piece(
        "head", both_sides(face), low, high, 0.0074, rigid("head"), (lips, brows, lip_line), paint,
        fine,
        symmetric=True, moves=head_moves, mouth=True,
    )  # fmt: skip


def _teeth() -> Piece:
    row = join(
        0.002,
        cone((0.0, 1.5670, 0.0770), (0.008, 1.5670, 0.0745), 0.0042, 0.0040),
        cone((0.008, 1.5670, 0.0745), (0.016, 1.5680, 0.0660), 0.0040, 0.0034),
    )
    low, high = (-0.024, 1.560, 0.060), (0.024, 1.576, 0.085)
    return Piece(
        "teeth",
        both_sides(row),
        low,
        high,
        0.0030,
        rigid("head"),
        (),
        banded("white"),
        symmetric=True,
    )


def _hair() -> Piece:
    cap = join(
        0.03,
        ellipsoid((0.0, 1.668, -0.012), (0.0795, 0.0815, 0.1005)),
        ellipsoid((0.0, 1.612, -0.050), (0.060, 0.058, 0.048)),
    )
    # Locks swept up and back from the forehead.
    locks = [
        cone((0.0, 1.706, 0.074), (0.0, 1.727, 0.004), 0.022, 0.023),
        cone((0.034, 1.700, 0.064), (0.036, 1.719, -0.004), 0.020, 0.022),
        cone((0.062, 1.676, 0.042), (0.061, 1.696, -0.020), 0.013, 0.017),
    ]
    shape = carve(
        0.010,
        cap,
        ellipsoid((0.0, 1.600, 0.085), (0.080, 0.086, 0.078)),
        ellipsoid((0.085, 1.606, 0.012), (0.030, 0.042, 0.036)),
    )
    shape = join(0.012, shape, *locks)
    return Piece(
        "hair",
        both_sides(shape),
        (-0.11, 1.5, -0.14),
        (0.11, 1.78, 0.12),
        0.0105,
        rigid("head"),
        (),
        banded("hair"),
        symmetric=True,
    )


def _lids() -> Piece:
    """Return the lids: a cap over the eyeball, open in front."""
    opening: Shape = lambda p: np.maximum(almond(p), EYE[2] + 0.001 - p[:, 2])  # noqa: E731
    shape = carve(0.0030, sphere(EYE, EYE_RADIUS + 0.0014), opening, plane(2, EYE[2] - 0.005))

    def lash(p: ndarray) -> ndarray:
        return np.where((p[:, 1] > EYE[1]) & (p[:, 2] > EYE[2] + 0.004), 0.0021 - almond(p), -0.002)

    low, high = EYE - 0.02, EYE + 0.02
    return Piece(
        "lids",
        shape,
        tuple(low),
        tuple(high),
        0.0026,
        rigid("head"),
        (lash,),
        banded("skin", "hair"),
        moves=lid_moves,
    )


def _eye() -> Piece:
    def ring(radius: float) -> Shape:
        def line(p: ndarray) -> ndarray:
            x, y = p[:, 0] - EYE[0], p[:, 1] - EYE[1]
            return np.where(p[:, 2] > EYE[2], radius - np.sqrt(x * x + y * y), -0.01)

        return line

    low, high = EYE - 0.02, EYE + 0.02
    shape = sphere(EYE, EYE_RADIUS)
    return Piece(
        "eye",
        shape,
        tuple(low),
        tuple(high),
        0.0036,
        rigid("leftEye"),
        (ring(0.0068), ring(0.0033)),
        banded("white", "iris", "pupil"),
    )


def head_pieces() -> list[Piece]:
    """Return head, teeth, hair, lids and eyes; of lids and eyes only the left ones."""
    return [_head(), _teeth(), _hair(), _lids(), _eye()]
