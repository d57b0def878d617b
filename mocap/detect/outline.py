"""The outline of a person in a picture: a detector's segmentation, and capsules around limbs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from mocap.core.keypoints import LANDMARKS
from mocap.detect.people import extent

_I = {name: i for i, name in enumerate(LANDMARKS)}
_TRUNK = [_I[n] for n in ("left_shoulder", "right_shoulder", "right_hip", "left_hip")]
# Limbs as capsules: their ends, and their radius as a share of the trunk's length (0.5 m of a
# person of 1.75 m): half of the breadths of ANSUR II (Gordon et al., 2014), and clothes.
_LIMBS = (
    ("shoulder", "elbow", 0.11), ("elbow", "wrist", 0.09), ("wrist", "index", 0.1),
    ("hip", "knee", 0.17), ("knee", "ankle", 0.12), ("heel", "foot_index", 0.1),
    ("shoulder", "hip", 0.15), ("ear", "shoulder", 0.12),
)  # fmt: skip
_ACROSS = (("ear", 0.22), ("shoulder", 0.12), ("hip", 0.15))
_CAPSULES: list[tuple[str, str, float]] = [
    *((f"{s}_{a}", f"{s}_{b}", radius) for a, b, radius in _LIMBS for s in ("left", "right")),
    *((f"left_{part}", f"right_{part}", radius) for part, radius in _ACROSS),
]
_STARTS = [_I[start] for start, _, _ in _CAPSULES]
_ENDS = [_I[end] for _, end, _ in _CAPSULES]
_RADII = np.array([radius for _, _, radius in _CAPSULES])
# A segmentation counts within this factor of the limbs' breadth, on a grid of cells this many to a
# person's size: what is farther from the limbs is another person's.
_NEAR, _CELLS = 1.6, 40
# Of a picture's columns, one of this many tells the colours around a person.
_COLUMNS = 4


@dataclass(frozen=True, eq=False, slots=True)
class Outline:
    """The pixels that show a person.

    Attributes:
        inside: (H, W) of a part of the picture.
        corner: The part's upper left corner (x, y), pixels.
    """

    inside: Bool[ndarray, "height width"]
    corner: tuple[int, int]

    def holds(self, points: Float[ndarray, "n 2"]) -> Bool[ndarray, "n"]:
        """Return which points, pixels of the picture, lie within the outline."""
        height, width = self.inside.shape
        x, y = np.floor(points - self.corner).astype(int).T
        held = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        held[held] = self.inside[y[held], x[held]]
        return np.asarray(held)

    def moved(self, step: Float[ndarray, "2"]) -> Outline:
        """Return the outline moved by (x, y) pixels."""
        x, y = np.rint(step).astype(int).tolist()
        return Outline(self.inside, (self.corner[0] + x, self.corner[1] + y))


def part_within(outlines: Sequence[Outline], points: Float[ndarray, "n 2"]) -> float:
    """Return the part of points, pixels, that lies within any of the outlines."""
    held = np.zeros(len(points), dtype=bool)
    for outline in outlines:
        held |= outline.holds(points)
    return float(held.mean())


def covered(
    outlines: Sequence[Outline], corner: tuple[int, int], shape: tuple[int, int], by: int = 0
) -> Bool[ndarray, "height width"]:
    """Return what outlines cover of a part of the picture.

    Args:
        outlines: Of people.
        corner: The part's upper left corner (x, y), pixels.
        shape: The part's height and width, pixels.
        by: Pixels by which outlines are widened.
    """
    whole = np.zeros(shape, dtype=bool)
    for outline in outlines:
        height, width = outline.inside.shape
        x, y = outline.corner[0] - corner[0], outline.corner[1] - corner[1]
        part = whole[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)]
        part |= outline.inside[max(-y, 0) :, max(-x, 0) :][: part.shape[0], : part.shape[1]]
    return _widened(whole, by)


def erase(
    picture: UInt8[ndarray, "height width 3"],
    hidden: Bool[ndarray, "height width"],
    around: Bool[ndarray, "height width"],
) -> None:
    """Fill a part of a picture with the mean colour around it, row by row, in place.

    A black figure would be found as a person.

    Args:
        picture: RGB.
        hidden: What is filled.
        around: What tells the colours: no person. A row without any takes those of its neighbours.
    """
    sampled = around[:, ::_COLUMNS].astype(np.float32)
    total = np.einsum("yx,yxc->yc", sampled, picture[:, ::_COLUMNS].astype(np.float32))
    count = sampled.sum(axis=1)
    rows, known = np.arange(len(picture)), np.flatnonzero(count)
    colours = np.zeros((len(picture), 3), dtype=np.uint8)
    if len(known):
        for c in range(3):
            colours[:, c] = np.interp(rows, known, total[known, c] / count[known])
    y, x = np.nonzero(hidden)
    picture[y, x] = colours[y]


def erase_people(
    picture: UInt8[ndarray, "height width 3"], outlines: Sequence[Outline], wider: float
) -> None:
    """Fill people in a picture with the colours around each, in place.

    Args:
        picture: RGB.
        outlines: Of the people.
        wider: By how much outlines are widened, as a part of the size of the part that they are in.
    """
    people = covered(outlines, (0, 0), picture.shape[:2])
    for outline in outlines:
        x, y = outline.corner
        height, width = outline.inside.shape
        rows, columns = slice(max(y, 0), max(y + height, 0)), slice(max(x, 0), max(x + width, 0))
        part = picture[rows, columns]
        corner, shape = (max(x, 0), max(y, 0)), part.shape[:2]
        hidden = covered((outline,), corner, shape, round(wider * height))
        erase(part, hidden, ~(people[rows, columns] | hidden))


def near_limbs(
    inside: Bool[ndarray, "height width"], person: Float[ndarray, "33 2"]
) -> Bool[ndarray, "height width"]:
    """Return the part of a segmentation that is near a person's limbs.

    Segmentations reach over to other people who touch the person.

    Args:
        inside: The segmentation.
        person: The person's landmarks, pixels of the segmentation.
    """
    cell = max(1, round(extent(person) / _CELLS))
    cells = inside[cell // 2 :: cell, cell // 2 :: cell]
    y, x = np.nonzero(_widened(cells, 1))
    near = _within_limbs((np.stack([x, y], axis=1) + 0.5) * cell, person, _NEAR)
    kept = np.zeros_like(cells)
    kept[y[near], x[near]] = True
    part = kept.repeat(cell, axis=0).repeat(cell, axis=1)[: inside.shape[0], : inside.shape[1]]
    whole = np.zeros_like(inside)
    whole[: part.shape[0], : part.shape[1]] = part
    return whole & inside


def _within_limbs(
    points: Float[ndarray, "n 2"], person: Float[ndarray, "33 2"], wider: float
) -> Bool[ndarray, "n"]:
    """Return whether points lie within capsules around a person's limbs, or the trunk.

    Args:
        points: Pixels.
        person: The person's landmarks, pixels.
        wider: Factor on the limbs' breadth.
    """
    trunk = person[_TRUNK]
    long = float(np.linalg.norm(trunk[:2].mean(axis=0) - trunk[2:].mean(axis=0)))
    size = max(long, float(np.linalg.norm(trunk[0] - trunk[1])))
    start, along = person[_STARTS], person[_ENDS] - person[_STARTS]
    away = points[:, None] - start
    share = (away * along).sum(axis=-1) / np.maximum(np.square(along).sum(axis=-1), 1e-9)
    off = away - np.clip(share, 0.0, 1.0)[..., None] * along
    inside = (np.square(off).sum(axis=-1) < np.square(wider * size * _RADII)).any(axis=1)
    return np.asarray(inside | _within(points, trunk))


def _within(points: ndarray, corners: ndarray) -> ndarray:
    """Return whether points lie in a polygon (n, 2), by the parity of the edges to their right."""
    odd = np.zeros(len(points), dtype=bool)
    x, y = points.T
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, 1, axis=0), strict=True):
        crosses = (ay > y) != (by > y)
        slope = (bx - ax) / (by - ay) if by != ay else 0.0
        odd ^= crosses & (x < ax + (y - ay) * slope)
    return odd


def _widened(inside: Bool[ndarray, "height width"], by: int) -> Bool[ndarray, "height width"]:
    for axis in (0, 1):
        wide = np.moveaxis(inside.copy(), axis, 0)
        narrow = np.moveaxis(inside, axis, 0)
        for k in range(1, by + 1):
            wide[k:] |= narrow[:-k]
            wide[:-k] |= narrow[k:]
        inside = np.moveaxis(wide, 0, axis)
    return inside
