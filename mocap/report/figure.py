"""Curves and stick figures as SVG."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES

_WIDTH, _HEIGHT = 460, 130
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 6, 6, 20
RIGHT, LEFT, MIDDLE = "#c2410c", "#1d4ed8", "#444"
"""Colours of the right side, the left side and the middle."""
# Most points of a curve: two a pixel.
_POINTS = 920
_FINGERS = ("Thumb", "Index", "Middle", "Ring", "Little")
_FACE = ("Eye", "jaw")


def curves(
    times: Float[ndarray, " frames"],
    lines: dict[str, Float[ndarray, " frames"]],
    marks: tuple[float, ...] = (),
) -> str:
    """Return curves over time as SVG.

    Args:
        times: Seconds.
        lines: Colour → degrees.
        marks: Times of vertical lines.
    """
    values = np.concatenate(list(lines.values()))
    low, high = float(np.floor(values.min() / 10) * 10), float(np.ceil(values.max() / 10) * 10)
    high = max(high, low + 10.0)
    start, end = float(times[0]), max(float(times[-1]), float(times[0]) + 1e-3)

    def x(t: ndarray | float) -> ndarray:
        share = (np.asarray(t) - start) / (end - start)
        return np.asarray(_LEFT + share * (_WIDTH - _LEFT - _RIGHT))

    def y(v: ndarray | float) -> ndarray:
        share = (np.asarray(v) - low) / (high - low)
        return np.asarray(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM))

    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" class="curve">']
    for value in np.unique([low, 0.0 if low < 0 < high else low, high]):
        at = float(y(value))
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}" class="grid"/>'
            f'<text x="{_LEFT - 4}" y="{at + 3:.1f}" text-anchor="end">{round(value)}°</text>'
        )
    for mark in marks:
        at = float(x(mark))
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" class="mark"/>'
        )
    step = max(1, len(times) // _POINTS)
    for colour, line in lines.items():
        points = " ".join(
            f"{a:.1f},{b:.1f}" for a, b in zip(x(times[::step]), y(line[::step]), strict=True)
        )
        parts.append(f'<polyline points="{points}" stroke="{colour}"/>')
    for time, anchor in ((start, "start"), (end, "end")):
        parts.append(
            f'<text x="{float(x(time)):.1f}" y="{_HEIGHT - 6}" text-anchor="{anchor}">'
            f"{time:.1f} s</text>"
        )
    return "".join(parts) + "</svg>"


def stick_figure(motion: Motion, frame: int) -> str:
    """Return a frame as two stick figures, from the front and from the right, as SVG."""
    at, world = fk(
        motion.skeleton,
        motion.root_positions[frame : frame + 1],
        motion.rotations[frame : frame + 1],
    )
    # Views relative to the heading of the hips.
    ahead = _heading(world[0, 0])
    across = np.array([-ahead[2], 0.0, ahead[0]])
    places = at[0] - at[0, 0] * [1.0, 0.0, 1.0]
    size = 1.1 * max(float(np.abs(places).max()), 0.5)
    views = [
        _sticks(motion, np.stack([places @ side, places[:, 1]], axis=1), shift * size)
        for side, shift in ((across, 0.6), (ahead, 1.8))
    ]
    top = size * 1.05
    return (
        f'<svg viewBox="0 {-top:.3f} {2.4 * size:.3f} {top + 0.1 * size:.3f}" class="figure">'
        f'<line x1="0" x2="{2.4 * size:.3f}" y1="0" y2="0" class="grid"/>{"".join(views)}</svg>'
    )


def _heading(hips: Float[ndarray, "4"]) -> Float[ndarray, "3"]:
    ahead = R.apply(hips, np.array([0.0, 0.0, 1.0])) * [1.0, 0.0, 1.0]
    length = float(np.linalg.norm(ahead))
    return ahead / length if length > 1e-6 else np.array([0.0, 0.0, 1.0])


def _sticks(motion: Motion, places: Float[ndarray, "55 2"], shift: float) -> str:
    lines = []
    for joint, parent in enumerate(motion.skeleton.parents):
        bone = BONES[joint]
        if parent < 0 or any(part in bone for part in (*_FINGERS, *_FACE)):
            continue
        colour = RIGHT if bone.startswith("right") else LEFT if bone.startswith("left") else MIDDLE
        (a, b), (c, d) = places[parent], places[joint]
        lines.append(
            f'<line x1="{shift + a:.3f}" y1="{-b:.3f}" x2="{shift + c:.3f}" y2="{-d:.3f}" '
            f'stroke="{colour}"/>'
        )
    head = places[BONES.index("head")]
    lines.append(f'<circle cx="{shift + head[0]:.3f}" cy="{-head[1] - 0.08:.3f}" r="0.09"/>')
    return "".join(lines)
