"""Materials and pieces of the mannequin, and the weights by which bones move them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from mocap.core.skeleton import BONES, HUMANOID
from rigs.shapes import Shape

REST = dict(zip(BONES, HUMANOID.rest_positions(), strict=True))


class Material(NamedTuple):
    """A material in glTF's metallic-roughness model: linear base colour, metalness,
    roughness, linear emitted colour.
    """

    colour: tuple[float, float, float]
    metallic: float
    roughness: float
    emission: tuple[float, float, float] = (0.0, 0.0, 0.0)


MATERIALS = {
    "shell": Material((0.80, 0.78, 0.74), 0.0, 0.38),
    "suit": Material((0.022, 0.034, 0.055), 0.15, 0.5),
    "joint": Material((0.035, 0.04, 0.05), 0.35, 0.35),
    # Accents are coral on the left side and teal on the right, to distinguish the sides.
    "accent": Material((0.95, 0.16, 0.05), 0.0, 0.35, (0.10, 0.012, 0.003)),
    "accentRight": Material((0.01, 0.42, 0.42), 0.0, 0.35, (0.001, 0.035, 0.035)),
    "skin": Material((0.62, 0.33, 0.20), 0.0, 0.5),
    "lips": Material((0.40, 0.15, 0.10), 0.0, 0.4),
    "mouth": Material((0.075, 0.014, 0.014), 0.0, 0.95),
    "hair": Material((0.03, 0.017, 0.011), 0.1, 0.6),
    "white": Material((0.88, 0.88, 0.86), 0.0, 0.2),
    "iris": Material((0.05, 0.14, 0.16), 0.0, 0.15),
    "pupil": Material((0.004, 0.004, 0.005), 0.0, 0.1),
}

Weights = Callable[[ndarray], dict[str, ndarray]]


@dataclass(frozen=True)
class Piece:
    """A closed surface: its shape within a box, meshed by cells of that size; `lines` cut it,
    `paint` names the material by the sides.
    """

    name: str
    shape: Shape
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    cell: float
    weights: Weights
    lines: tuple[Shape, ...] = ()
    paint: Callable[[ndarray], ndarray] = lambda sides: np.full(len(sides), "shell")
    fine: tuple[Shape, ...] = ()  # regions (negative inside) where edges are halved
    symmetric: bool = (
        False  # lies across x = 0; otherwise it is on the left, and its mirror image is added
    )
    moves: Callable[[ndarray, ndarray], dict[str, ndarray]] | None = (
        None  # of a piece with expressions: face.py
    )
    mouth: bool = False  # its last line lies between the lips, and is slit


def smooth(t: ndarray) -> ndarray:
    """Return 0 at t ≤ 0 to 1 at t ≥ 1, with zero slope at both ends."""
    t = np.clip(t, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def rigid(bone: str) -> Weights:
    """Return weights of one bone only."""
    return lambda p: {bone: np.ones(len(p))}


def along(
    bones: tuple[str, ...], widths: tuple[float, ...], axis: tuple[float, float, float]
) -> Weights:
    """Return weights along a chain of bones; the weight of each bone after the first grows across
    its joint along the axis, within a width.
    """

    def weights(p: ndarray) -> dict[str, ndarray]:
        out, left = {}, np.ones(len(p))
        for bone, following, width in zip(bones[:-1], bones[1:], widths, strict=True):
            q = p - REST[following]
            share = left * smooth(
                0.5 + (q[:, 0] * axis[0] + q[:, 1] * axis[1] + q[:, 2] * axis[2]) / width
            )
            out[bone], left = left - share, share
        out[bones[-1]] = left
        return out

    return weights


def banded(*names: str) -> Callable[[ndarray], ndarray]:
    """Return the material by the number of lines before a triangle: names[0] before the first."""
    return lambda sides: np.array(names)[sides.astype(int).sum(axis=1)]
