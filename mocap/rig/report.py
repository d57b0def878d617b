"""What was recognised in a character, as text for a terminal of 80 columns."""

from __future__ import annotations

import numpy as np

from mocap.core.naming import conventions
from mocap.core.rig import Aligned, Found, Rig, Tree
from mocap.core.skeleton import BONES, REQUIRED
from mocap.rig.mapping import remarks
from mocap.rig.names import FINGERS

_WIDTH = 80
_COLUMNS = (23, 31, 17, 4)
UNSURE = 0.6
"""Bones with a lower confidence are listed for review."""
STOOD = np.radians(1.0)
"""A limb turned by less than this counts as in T-pose already, radians."""


def table(tree: Tree, found: dict[str, Found]) -> str:
    """Return a table of a rig's bones as text.

    A line for each bone found (bone, node, found by, confidence), then the missing bones, what to
    review, and which nodes stay still.
    """
    lines = [_row("bone", "node", "found by", "sure")]
    for bone in BONES:
        if bone in found:
            f = found[bone]
            lines.append(_row(bone, tree.names[f.node], f.how, f"{100 * f.sure:.0f}%"))
    required = [bone for bone in REQUIRED if bone not in found]
    lines.append("")
    lines += _wrapped(
        f"{len(found)} of {len(BONES)} bones, {len(REQUIRED) - len(required)} of the "
        f"{len(REQUIRED)} that VRM requires."
    )
    if required:
        lines += _wrapped(f"Missing, and required by VRM: {', '.join(required)}.")
    missing = [bone for bone in BONES if bone not in found and bone not in REQUIRED]
    if missing:
        lines += _wrapped(f"Missing, and no harm: {', '.join(_grouped(missing))}.")
    unsure = [bone for bone in BONES if bone in found and found[bone].sure < UNSURE]
    if unsure:
        lines += _wrapped(f"Unsure, look at the picture (--picture): {', '.join(unsure)}.")
    for remark in remarks(tree, found):
        lines += _wrapped(remark)
    mapped = {f.node for f in found.values()}
    still = [
        name
        for i, name in enumerate(tree.names)
        if i not in mapped and (tree.joints[i] or not np.any(tree.joints))
    ]
    if still:
        more = f" and {len(still) - 12} more" if len(still) > 12 else ""
        lines += _wrapped(f"Joints that stay as they rest: {', '.join(still[:12])}{more}.")
    return "\n".join(lines)


def _grouped(bones: list[str]) -> list[str]:
    """Return the bones, with all fingers of a hand without any as one word."""
    for side in ("left", "right"):
        fingers = [b for b in BONES if b.startswith(tuple(side + f for f in FINGERS))]
        if set(fingers) <= set(bones):
            at = bones.index(fingers[0])
            bones = (
                [b for b in bones[:at] if b not in fingers]
                + [f"{side} fingers"]
                + [b for b in bones[at:] if b not in fingers]
            )
    return bones


def rest(rig: Rig) -> str:
    """Describe the rest pose: size, the pose the T-pose was made from, each limb's correction."""
    lines = _wrapped(
        f"The T-pose is made from its {rig.neutral} pose; one unit of the file is {rig.unit:.4g} m."
    )
    turned = {bone: a for bone, a in rig.aligned.items() if max(a.swing, a.twist) > STOOD}
    fingers = [
        turned.pop(bone).swing for bone in list(turned) if any(finger in bone for finger in FINGERS)
    ]
    if turned:
        lines += _wrapped(
            f"Turned to stand in T-pose: "
            f"{', '.join(f'{bone} {_turn(a)}' for bone, a in turned.items())}."
        )
    else:
        lines += ["It rests in T-pose."]
    if fingers:
        lines += [f"Fingers turned for it: up to {np.degrees(max(fingers)):.0f}°."]
    return "\n".join(lines)


def _turn(aligned: Aligned) -> str:
    twist = f" (twist {np.degrees(aligned.twist):.0f}°)" if aligned.twist > STOOD else ""
    return f"{np.degrees(aligned.swing):.0f}°{twist}"


def known() -> str:
    """List the known conventions, each with its name for the left upper arm."""
    head = _fit("convention", 18) + " " + _fit("of", 37) + " its left upper arm"
    tables = conventions().values()
    return "\n".join(
        [
            head,
            *(
                f"{_fit(t.name, 18)} {_fit(t.title, 37)} {t.bones['leftUpperArm'][0]}"
                for t in tables
            ),
        ]
    )


def _row(bone: str, node: str, how: str, sure: str) -> str:
    a, b, c, d = _COLUMNS
    return f"{_fit(bone, a)} {_fit(node, b)} {_fit(how, c)} {sure:>{d}}"


def _fit(text: str, width: int) -> str:
    """Fit a text into a number of columns: padded, or shortened in the middle."""
    from rich.cells import cell_len, set_cell_size  # lazily: a browser has no rich

    if cell_len(text) > width:
        half = (width - 1) // 2
        start, end = text, text
        while cell_len(start) > width - 1 - half:
            start = start[:-1]
        while cell_len(end) > half:
            end = end[1:]
        text = f"{start}…{end}"
    return set_cell_size(text, width)


def _wrapped(text: str) -> list[str]:
    """Wrap a sentence into lines; continuation lines are indented by two spaces."""
    from rich.cells import cell_len

    lines, line = [], ""
    for word in text.split():
        if line and cell_len(line) + 1 + cell_len(word) > _WIDTH:
            lines.append(line)
            line = "  " + word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]
