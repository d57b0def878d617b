"""A picture of a character's rest pose with bone names: front view, left view and both hands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from mocap.capture.opencv import cv2
from mocap.core.rig import Found, Tree
from mocap.core.skeleton import BONES
from mocap.rig import names as N
from mocap.rig import tree as T
from mocap.rig.report import UNSURE

_INK, _PALE = (40, 40, 40), (205, 205, 205)
_COLOURS = {"left": (200, 90, 0), "right": (0, 90, 220), "": (60, 140, 30)}  # BGR
_FONT, _SCALE, _LINE = cv2.FONT_HERSHEY_SIMPLEX, 0.42, 17
_COLUMN = 300  # pixels across, for labels
_FINGERS = tuple(
    f + p for f in N.FINGERS for p in ("Metacarpal", "Proximal", "Intermediate", "Distal")
)
# Nodes beyond this number are not drawn.
_NODES = 2000


class _View(NamedTuple):
    """One view of the picture: bones, axes, and the bones labelled on the left and right."""

    title: str
    size: tuple[int, int]
    axes: tuple[Float[ndarray, "3"], Float[ndarray, "3"]]
    seen: list[int]
    left: list[str]
    right: list[str]


def draw(tree: Tree, found: dict[str, Found]) -> UInt8[ndarray, "height width 3"]:
    """Draw the rest pose. Both thighs and both upper arms must be among the bones.

    Args:
        tree: The document's nodes.
        found: Bone → recognised node.

    Returns:
        The picture, BGR.
    """
    left, up, ahead = _frame(tree, found)
    mapped = {f.node for f in found.values()}
    shown = {n for node in mapped for n in T.path(tree.parents, node)} | set(
        np.flatnonzero(tree.joints).tolist()
    )
    seen = [n for n in sorted(shown)[:_NODES] if np.all(np.isfinite(tree.positions[n]))]
    # In the front view, the character's left side is on the right.
    body = [b for b in BONES if b in found and not b.endswith(_FINGERS)]
    middle = [b for b in body if not b.startswith(("left", "right"))]
    aside = [b for b in body if b not in middle]
    sides = [[b for b in aside if b.startswith(s)] for s in ("right", "left")]
    front = _View("front", (560, 620), (left, up), seen, *sides)
    side = _View("from its left", (420, 620), (-ahead, up), seen, [], middle)
    rows = [[front, side]]
    hands = [_hand(tree, found, s, up, ahead) for s in ("right", "left")]
    if any(hands):
        rows.append([h for h in hands if h])
    drawn = [np.hstack([_draw_view(tree, found, view) for view in row]) for row in rows]
    width = max(d.shape[1] for d in drawn)
    return np.vstack(
        [np.pad(d, ((0, 0), (0, width - d.shape[1]), (0, 0)), constant_values=255) for d in drawn]
    )


def png(image: UInt8[ndarray, "height width 3"]) -> bytes:
    """Encode the picture as PNG."""
    ok, data = cv2.imencode(".png", image)
    assert ok, "OpenCV could not encode a PNG"
    return data.tobytes()


def _frame(
    tree: Tree, found: dict[str, Found]
) -> tuple[Float[ndarray, "3"], Float[ndarray, "3"], Float[ndarray, "3"]]:
    """Return the body's left, up and forward in the file's world, snapped to close axes."""
    p = {bone: tree.positions[f.node] for bone, f in found.items()}
    thighs, shoulders = (
        np.array([p[s + b] for s in ("left", "right")]) for b in ("UpperLeg", "UpperArm")
    )
    up = _snapped(shoulders.mean(axis=0) - thighs.mean(axis=0))
    left = (shoulders[0] - shoulders[1]) + (thighs[0] - thighs[1])
    left = _snapped(left - (left @ up) * up)
    left = _snapped(left - (left @ up) * up)
    return left, up, np.cross(left, up)


def _snapped(v: Float[ndarray, "3"]) -> Float[ndarray, "3"]:
    length = float(np.linalg.norm(v))
    v = v / length if length > 0 else np.eye(3)[1]
    axis = np.zeros(3)
    axis[np.argmax(np.abs(v))] = np.sign(v[np.argmax(np.abs(v))])
    return axis if v @ axis > 0.85 else v


def _hand(
    tree: Tree,
    found: dict[str, Found],
    side: str,
    up: Float[ndarray, "3"],
    ahead: Float[ndarray, "3"],
) -> _View | None:
    """Return the view in which a hand's fingers spread most; None if it has no fingers."""
    bones = [b for b in BONES if b in found and b.startswith(side) and b.endswith(_FINGERS)]
    if not bones or f"{side}Hand" not in found:
        return None
    hand = found[f"{side}Hand"].node
    arm = found.get(f"{side}LowerArm")
    seen = [
        n
        for n in T.below(tree.parents, arm.node if arm else hand)[1:]
        if np.all(np.isfinite(tree.positions[n]))
    ][:200]
    points = tree.positions[[found[b].node for b in bones]] - tree.positions[hand]
    along = points.mean(axis=0)
    along = along / max(float(np.linalg.norm(along)), 1e-12)
    spread = np.linalg.svd(points - np.outer(points @ along, along))[2][0]
    spread = spread * (-1.0 if spread @ (ahead + up) < 0 else 1.0)
    half = (len(bones) + 1) // 2
    order = sorted(
        bones, key=lambda b: -float((tree.positions[found[b].node] - tree.positions[hand]) @ spread)
    )
    return _View(
        f"{side} hand",
        (330, 360),
        (along * (1.0 if side == "left" else -1.0), spread),
        seen,
        order[half:],
        order[:half],
    )


def _draw_view(
    tree: Tree, found: dict[str, Found], view: _View
) -> UInt8[ndarray, "height width 3"]:
    across, tall = view.size
    columns = [_COLUMN if side else 0 for side in (view.left, view.right)]
    image = np.full((tall, across + sum(columns), 3), 255, dtype=np.uint8)
    flat = np.stack([tree.positions @ a for a in view.axes], axis=1)
    low, high = flat[view.seen].min(axis=0), flat[view.seen].max(axis=0)
    scale = 0.86 * min(across / max(high[0] - low[0], 1e-9), tall / max(high[1] - low[1], 1e-9))
    at = (flat - 0.5 * (low + high)) * scale * np.array([1.0, -1.0]) + np.array(
        [columns[0] + across / 2, tall / 2 + 8]
    )
    places = np.round(at).astype(int)
    bone_of = {f.node: bone for bone, f in found.items()}
    inside = set(view.seen)
    # Draw from far to near.
    toward = tree.positions @ np.cross(*view.axes)
    seen = sorted(view.seen, key=lambda n: float(toward[n]))
    for node in seen:
        parent = int(tree.parents[node])
        if parent in inside:
            mapped = node in bone_of and parent in bone_of
            cv2.line(
                image,
                places[parent].tolist(),
                places[node].tolist(),
                _INK if mapped else _PALE,
                1 + mapped,
                cv2.LINE_AA,
            )
    for node in seen:
        if node in bone_of:
            bone = bone_of[node]
            filled = found[bone].sure >= UNSURE
            cv2.circle(
                image, places[node].tolist(), 4, _colour(bone), -1 if filled else 1, cv2.LINE_AA
            )
    for bones, x, anchor in (
        (view.left, 6, columns[0] - 6),
        (view.right, columns[0] + across + 6, columns[0] + across),
    ):
        # Among joints at one height the nearest gets the topmost label, so that the lines from
        # labels to joints do not cross.
        row = [
            round(float(at[found[b].node][1]) / 8.0) * 8.0
            + 1e-3 * abs(float(at[found[b].node][0]) - anchor)
            for b in bones
        ]
        heights = _apart(row, 26.0, tall - 8.0)
        for bone, y in zip(bones, heights, strict=True):
            place = places[found[bone].node]
            cv2.line(image, (anchor, round(y) - 4), place.tolist(), _PALE, 1, cv2.LINE_AA)
            _text(
                image,
                _label(tree, bone, found[bone].node),
                x,
                round(y),
                _colour(bone),
                anchor - 8 if x == 6 else None,
            )
    # Draw the joints again, on top of the lines.
    for bone in view.left + view.right:
        cv2.circle(
            image,
            places[found[bone].node].tolist(),
            3,
            _colour(bone),
            -1 if found[bone].sure >= UNSURE else 1,
            cv2.LINE_AA,
        )
    cv2.putText(image, view.title, (columns[0] + 8, 18), _FONT, 0.5, _INK, 1, cv2.LINE_AA)
    return image


def _label(tree: Tree, bone: str, node: int) -> str:
    """Return the bone and its node's name, or its number if OpenCV's font lacks letters."""
    name = tree.names[node]
    name = name if name.isascii() else f"node {int(tree.nodes[node])}"
    label = f"{bone}: {name}"
    return label if len(label) <= 40 else label[:37] + "..."


def _text(
    image: UInt8[ndarray, "height width 3"],
    text: str,
    x: int,
    y: int,
    colour: tuple[int, int, int],
    end: int | None,
) -> None:
    if end is not None:
        x = max(x, end - cv2.getTextSize(text, _FONT, _SCALE, 1)[0][0])
    cv2.putText(image, text, (x, y), _FONT, _SCALE, colour, 1, cv2.LINE_AA)


def _colour(bone: str) -> tuple[int, int, int]:
    return _COLOURS[next((s for s in ("left", "right") if bone.startswith(s)), "")]


def _apart(wanted: Sequence[float], low: float, high: float) -> list[float]:
    """Return heights close to the wanted ones: in the same order, a line apart, in [low, high]."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    line = min(float(_LINE), (high - low) / max(len(wanted) - 1, 1))
    out = [0.0] * len(wanted)
    before = low - line
    for i in order:
        before = out[i] = max(wanted[i], before + line)
    after = high + line
    for i in reversed(order):
        after = out[i] = min(out[i], after - line)
    return out
