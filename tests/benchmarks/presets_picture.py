"""Draws web/presets.png: each engine preset's skeleton, as read back from a BVH file of it.

python -m tests.benchmarks.presets_picture
"""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.naming import conventions
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.formats import bvh
from tests.helpers.engine_trees import ENGINES
from tests.helpers.places import WEB

PICTURE = WEB / "presets.png"
# Bones within this distance of the wrist, along x, are a hand's. Metres.
_HAND = 0.01
_GREY, _INK = "#9aa4b2", "#1f2937"


def rest_pose() -> Motion:
    """Return one frame at rest, but for eyes and jaw, so that these are written."""
    rotations = np.tile(R.IDENTITY, (1, len(BONES), 1))
    for bone in ("leftEye", "rightEye", "jaw"):
        rotations[0, BONES.index(bone)] = R.from_rotation_vector(np.array([0.01, 0.0, 0.0]))
    return Motion(HUMANOID, np.zeros(1), HUMANOID.offsets[:1], rotations)


def spread(at: list[float], gap: float) -> list[float]:
    """Return places in the same order, moved so that neighbours are at least a gap apart."""
    order = np.argsort(at)
    out = np.array(at)[order]
    for _ in range(200):
        lack = np.maximum(gap - np.diff(out), 0.0)
        out[1:] += 0.25 * lack
        out[:-1] -= 0.25 * lack
    back = np.empty_like(out)
    back[order] = out
    return back.tolist()


def draw_body(axes: Axes, body: Skeleton, places: np.ndarray, engine: str) -> None:
    """Draw the skeleton from the front, with the names of the middle and of its left side."""
    hand = places[body.names.index(conventions()[engine].bones["leftHand"][0])]
    draw_bones(axes, body, places, 1)
    middle = [j for j in range(len(places)) if abs(places[j, 0]) < _HAND]
    for joint, y in zip(middle, spread([places[j, 1] for j in middle], 0.062), strict=True):
        note(axes, body.names[joint], places[joint, :2], (-0.13, y), ha="right", va="center")
    for joint in np.flatnonzero((places[:, 0] >= _HAND) & (places[:, 0] <= hand[0] + _HAND)):
        x, y = places[joint, :2]
        if y < hand[1] - 0.1:
            note(axes, body.names[joint], (x, y), (x + 0.06, y), va="center")
        elif y < hand[1] + 0.1:
            anchor = {"rotation": 50, "rotation_mode": "anchor"}
            note(axes, body.names[joint], (x, y), (x + 0.02, y + 0.04), **anchor)
        elif x > 0:
            note(axes, body.names[joint], (x, y), (x + 0.04, y + 0.12), va="bottom")
    axes.set(xlim=(-0.5, 1.02), ylim=(-0.12, 1.95), aspect="equal")
    axes.set_title(f"--names {engine}", fontsize=12, color=_INK)
    axes.axis("off")


def draw_hand(axes: Axes, body: Skeleton, places: np.ndarray, engine: str) -> None:
    """Draw the left hand from above, with the names of its bones, a finger's beside its tip."""
    hand = places[body.names.index(conventions()[engine].bones["leftHand"][0])]
    draw_bones(axes, body, places, 2)
    tips = [j for j in range(len(places)) if not body.children(j) and places[j, 0] > hand[0] + 0.02]
    for tip, z in zip(tips, spread([places[j, 2] for j in tips], 0.054), strict=True):
        chain, joint = [], tip
        while places[joint, 0] > hand[0] + _HAND:
            chain.append(body.names[joint])
            joint = int(body.parents[joint])
        where = (hand[0] + 0.2, z)
        note(axes, "\n".join(reversed(chain)), places[tip, [0, 2]], where, va="center")
    axes.set(xlim=(hand[0] - 0.03, hand[0] + 0.34), ylim=(hand[2] - 0.14, hand[2] + 0.15))
    axes.set_aspect("equal")
    axes.axis("off")


def note(axes: Axes, text: str, point: object, place: object, **options: object) -> None:
    """Write a text at a place, with a thin line to a point."""
    line = {"arrowstyle": "-", "color": "#d1d5db", "lw": 0.6, "shrinkA": 1, "shrinkB": 2}
    axes.annotate(text, point, place, fontsize=8, color=_INK, arrowprops=line, **options)  # type: ignore[arg-type]


def draw_bones(axes: Axes, body: Skeleton, places: np.ndarray, up: int) -> None:
    """Draw a line for each bone, x to the right and another axis up, and a dot for each joint."""
    for joint, parent in enumerate(body.parents):
        if parent >= 0:
            axes.plot(*places[[parent, joint]][:, [0, up]].T, color=_GREY, lw=1.6, zorder=1)
    axes.scatter(places[:, 0], places[:, up], s=9, color="#2563eb", zorder=2)


def main() -> None:
    """Write the picture."""
    figure, axes = plt.subplots(
        2, len(ENGINES), figsize=(18, 9.2), dpi=90, height_ratios=(2.2, 1.3)
    )
    for column, engine in enumerate(ENGINES):
        found = bvh.loads(bvh.dumps(rest_pose(), engine))
        body = found.skeleton
        places = body.rest_positions() + found.root_positions[0] - body.offsets[0]
        first = body.names.index(conventions()[engine].bones["hips"][0])
        places[first:] += HUMANOID.offsets[0] - places[first]
        draw_body(axes[0, column], body, places, engine)
        if "leftIndexProximal" in conventions()[engine].bones:
            draw_hand(axes[1, column], body, places, engine)
        else:
            axes[1, column].axis("off")
    figure.subplots_adjust(left=0.0, right=1.0, top=0.95, bottom=0.0, wspace=0.0, hspace=0.0)
    figure.savefig(PICTURE)
    print(f"{PICTURE.name}: {PICTURE.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
