"""The report of a take: one self-contained HTML page."""

from __future__ import annotations

from html import escape

import numpy as np

from mocap.core.angles import Angles, joint_angles
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.core.motion import Motion
from mocap.report.figure import LEFT, MIDDLE, RIGHT, curves, stick_figure
from mocap.report.repetitions import Movement, main_movement

# Degrees: larger differences of left and right ranges are marked. Twice the error of an angle from
# one camera.
_DIFFERENT = 15.0
# Confidence from which a landmark counts as seen, and the fraction of frames in which it must be
# seen not to be listed.
_SEEN, _OFTEN = 0.5, 0.8
_ENDS = (2.0, 98.0)
# Angles that depend on the twist of a limb, which one camera hardly shows.
_TWISTS = ("rotation", "pronation", "inversion", "deviation")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 960px; margin: 2em auto; padding: 0 1em;
       color: #222; background: #fff; }
table { border-collapse: collapse; } td, th { padding: 2px 10px; text-align: right; }
td:first-child, th:first-child { text-align: left; } tr:nth-child(even) { background: #f4f4f5; }
.marked { font-weight: 600; } .right { color: #c2410c; } .left { color: #1d4ed8; }
.grid2 { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 8px; }
svg { width: 100%; } .curve polyline { fill: none; stroke-width: 1.3; }
svg .grid { stroke: #ddd; stroke-width: 1; vector-effect: non-scaling-stroke; }
svg .mark { stroke: #999; stroke-dasharray: 3 3; } svg text { font-size: 10px; fill: #666; }
.figure { max-width: 300px; } .figure line { stroke-width: 2.5; stroke-linecap: round;
       vector-effect: non-scaling-stroke; }
.figure circle { fill: none; stroke: #444; stroke-width: 2.5; vector-effect: non-scaling-stroke; }
figure { margin: 0; } figcaption, h3 { font-size: 14px; margin: 4px 0; }
"""


def report(motion: Motion, name: str, keypoints: Keypoints | None = None) -> str:
    """Return the HTML report of a take.

    Args:
        motion: The solved motion, on humanoid bones.
        name: The take's name.
        keypoints: The keypoints of the take, to list landmarks that were rarely seen.

    Raises:
        InputError: The motion is not on humanoid bones.
    """
    angles = joint_angles(motion)
    movement = main_movement(motion.times, angles)
    title = escape(name)
    rate = 1.0 / float(np.median(np.diff(motion.times))) if len(motion) > 1 else 0.0
    parts = [
        f"<p>{len(motion)} frames, {motion.duration:.1f} s at {rate:.4g} frames a second. "
        "Joint angles after the ISB's recommendations, 0 in the anatomical position; "
        '<span class="right">right</span>, <span class="left">left</span>.</p>',
        _repetitions(movement),
        _extremes(motion, angles, movement),
        "<h2>Range of motion</h2>",
        _ranges(angles),
        "<h2>What cannot be trusted</h2>",
        _doubts(keypoints),
        "<h2>Angles over time</h2>",
        _over_time(motion, angles, movement),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}: joint angles</title><style>{_STYLE}</style></head>"
        f"<body><h1>{title}</h1>{''.join(parts)}</body></html>\n"
    )


def _title(name: str) -> str:
    side = {"_r": "right ", "_l": "left "}.get(name[-2:], "")
    plain = name.removesuffix("_r").removesuffix("_l").replace("_", " ")
    return side + plain


def _repetitions(movement: Movement | None) -> str:
    if movement is None:
        return "<h2>Repetitions</h2><p>No angle swings up and down by more than 20°.</p>"
    rows = "".join(
        f"<tr><td>{i}</td><td>{r.start:.2f} s</td><td>{r.end - r.start:.2f} s</td>"
        f"<td>{r.range:.0f}°</td></tr>"
        for i, r in enumerate(movement.repetitions, 1)
    )
    return (
        f"<h2>{len(movement.repetitions)} repetitions</h2><p>Counted in "
        f"{_title(movement.angle)}, the angle with the largest range that repeats.</p>"
        f"<table><tr><th>no.</th><th>start</th><th>duration</th><th>range</th></tr>{rows}</table>"
    )


def _extremes(motion: Motion, angles: Angles, movement: Movement | None) -> str:
    name = movement.angle if movement else max(angles, key=lambda n: float(np.ptp(angles[n])))
    values = angles[name]
    figures = "".join(
        f"<figure>{stick_figure(motion, frame)}<figcaption>{_title(name)} "
        f"{round(float(values[frame]))}° at "
        f"{motion.times[frame]:.2f} s; from the front, and from the side</figcaption></figure>"
        for frame in (int(np.argmin(values)), int(np.argmax(values)))
    )
    return f'<div class="grid2">{figures}</div>'


def _ranges(angles: Angles) -> str:
    rows = []
    for name in angles:
        if name.endswith("_l"):
            continue
        sides = [name] if not name.endswith("_r") else [name, name[:-1] + "l"]
        ends = [np.percentile(angles[s], _ENDS) for s in sides]
        cells = "".join(
            f"<td>{round(low)}°</td><td>{round(high)}°</td><td>{round(high - low)}°</td>"
            for low, high in ends
        )
        cells += "<td></td>" * (6 - 3 * len(ends))
        apart = abs(float(np.ptp(ends[0]) - np.ptp(ends[-1])))
        # The plane of elevation of a hanging arm is undefined.
        compared = len(ends) > 1 and "plane" not in name
        marked = ' class="marked"' if compared and apart > _DIFFERENT else ""
        difference = f"{round(apart)}°" if compared else ""
        rows.append(
            f"<tr><td>{_title(name).removeprefix('right ')}</td>{cells}"
            f"<td{marked}>{difference}</td></tr>"
        )
    return (
        '<table><tr><th></th><th colspan="3">right, or middle</th><th colspan="3">left</th>'
        "<th>difference</th></tr><tr><th></th>"
        + "<th>least</th><th>most</th><th>range</th>"
        * 2
        + f"<th></th></tr>{''.join(rows)}</table><p>Between the 2nd and 98th percentile. Ranges of "
        f"left and right that differ by more than {_DIFFERENT:.0f}° are bold.</p>"
    )


def _doubts(keypoints: Keypoints | None) -> str:
    said = [
        f"Angles about a limb's own axis ({', '.join(_TWISTS)}): one camera barely shows them.",
        "Movement towards the camera and away from it is less exact than movement across the "
        "picture.",
        "This is no medical device; differences of less than 15° may be errors of measurement.",
    ]
    if keypoints is not None and len(keypoints):
        seen = (keypoints.confidence >= _SEEN).mean(axis=0)
        rare = [
            f"{name.replace('_', ' ')} ({100 * share:.0f} %)"
            for name, share in zip(LANDMARKS, seen, strict=True)
            if share < _OFTEN
        ]
        said.append(
            f"Seen in few frames: {', '.join(rare)}."
            if rare
            else "Every landmark is seen in most frames."
        )
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in said)}</ul>"


def _over_time(motion: Motion, angles: Angles, movement: Movement | None) -> str:
    marks = tuple(r.start for r in movement.repetitions) if movement else ()
    figures = []
    for name in angles:
        if name.endswith("_l"):
            continue
        lines = {MIDDLE: angles[name]}
        if name.endswith("_r"):
            lines = {RIGHT: angles[name], LEFT: angles[name[:-1] + "l"]}
        title = _title(name).removeprefix("right ")
        figures.append(
            f"<figure><figcaption>{title}</figcaption>{curves(motion.times, lines, marks)}</figure>"
        )
    return f'<div class="grid2">{"".join(figures)}</div>'
