"""A Motion as the text of a BVH file (Biovision hierarchy), and back.

The files are in degrees and centimetres. The format has no specification, and its readers differ in
two points. The files that mocap writes mean the same to all of them:

- **Root.** Blender, bvhio and pybvh take the root's position channels as its position; three.js and
  others add them to its OFFSET. mocap writes OFFSET 0 0 0 and the world position in the channels,
  and reads the channels as the position.
- **Rest pose.** All angles are zero in the pose of the OFFSETs. mocap writes the T-pose there, with
  every joint's axes along the world's.

Channels are intrinsic rotations in the order in which they are listed: `Zrotation Xrotation
Yrotation` is R = Rz·Rx·Ry. To import in Blender: scale 0.01, forward −Z, up Y (its defaults but for
the scale).
"""

from __future__ import annotations

import itertools

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.heading import ground_path, relative_to_path
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID, TIPS, Skeleton
from mocap.errors import InputError
from mocap.formats import euler
from mocap.formats.bvh import text as bvh_text
from mocap.formats.presets import depth_first, preset

_PLACE, _TURN = "Xposition Yposition Zposition ", "Zrotation Xrotation Yrotation"

# Times that differ from a uniform grid by less than this fraction of a frame are that grid, rounded
# (to milliseconds, by a container).
_STRAY = 0.05
# A joint below the root that moves by more than this fraction of the longest offset carries the
# body; smaller movements are those of a bone that stretches.
_STRETCH = 0.02


def dumps(
    motion: Motion, names: str | None = "mixamo", fps: float | None = None, ground: bool = False
) -> str:
    """Return the motion as the text of a BVH file.

    Eyes and jaw are left out if they never turn.

    Args:
        motion: On any skeleton.
        names: The naming convention for the bones, one of those in rigs/: "mixamo", which most
            tools recognise, or "vrm" for mocap's own bone names. Other joints keep their names;
            with None, all do. The convention of an engine leaves out the bones that the engine
            lacks, and adds those that it has between mocap's bones and above the hips.
        fps: Frames per second. None: the rate of the motion's median step, to which it is resampled
            if it is not uniform.
        ground: A root joint on the floor, above the others, carries path and heading.

    Raises:
        InputError: If the motion has no frames, or the convention is unknown.
    """
    motion, called, roots, without = preset(uniform(motion, fps), names, ground)
    skeleton = motion.skeleton
    order = depth_first(skeleton, without)
    lines = ["HIERARCHY"]
    rotations, places = motion.rotations[:, order], motion.root_positions
    columns = []
    for depth, root in enumerate(roots):
        tab = "\t" * depth
        lines += [f"{tab}{'JOINT' if depth else 'ROOT'} {root}", f"{tab}{{"]
        lines += [f"{tab}\tOFFSET 0 0 0", f"{tab}\tCHANNELS 6 {_PLACE}{_TURN}"]
        columns.append(np.zeros((len(motion), 6)))
    if ground:
        path, heading = ground_path(motion.times, places, rotations[:, 0])
        rotations = rotations.copy()
        places, rotations[:, 0] = relative_to_path(path, heading, places, rotations[:, 0])
        turned = np.degrees(euler.to_zxy(heading[:, None]))[:, 0]
        columns[0] = np.concatenate([100.0 * path, turned], axis=1)
    _write_joint(lines, skeleton, order, 0, len(roots), called)
    lines += ["\t" * depth + "}" for depth in reversed(range(len(roots)))]
    angles = np.degrees(euler.to_zxy(rotations))
    columns += [100.0 * places, angles.reshape(len(motion), -1)]
    return "\n".join([*lines, frames(motion, np.concatenate(columns, axis=1), fps)])


def frames(motion: Motion, table: Float[ndarray, "frames channels"], fps: float | None) -> str:
    """Return the part of a file that begins with MOTION.

    Args:
        motion: Whose times are written.
        table: Channel values, centimetres and degrees, in the order of the file's channels.
        fps: The frame rate of a motion of one frame; None is 30.
    """
    step = (motion.duration / (len(motion) - 1)) if len(motion) > 1 else 1.0 / (fps or 30.0)
    # A ten-thousandth of a degree at each of ten joints moves a fingertip by less than 0.03 mm.
    # Adding 0 turns −0 into 0.
    table = np.round(table, 4) + 0.0
    form = " ".join(["%.9g"] * table.shape[1])
    lines = [
        "MOTION",
        f"Frames: {len(motion)}",
        f"Frame Time: {step:.10g}",
        *(form % tuple(row) for row in table.tolist()),
    ]
    return "\n".join(lines) + "\n"


def uniform(motion: Motion, fps: float | None) -> Motion:
    """Return the motion at a uniform frame rate, as BVH requires.

    Args:
        motion: On any skeleton.
        fps: Frames per second; None: the rate of the median step.

    Raises:
        InputError: The motion has no frames.
    """
    if len(motion) == 0:
        raise InputError("A motion without frames cannot be written as BVH.")
    if fps is not None:
        return motion.resample(fps)
    grid = np.linspace(motion.times[0], motion.times[-1], len(motion))
    step = float(np.median(np.diff(motion.times))) if len(motion) > 1 else 1.0
    return (
        motion
        if np.all(np.abs(motion.times - grid) <= _STRAY * step)
        else motion.resample(1.0 / step)
    )


def _write_joint(
    lines: list[str],
    skeleton: Skeleton,
    order: list[int],
    joint: int,
    depth: int,
    called: dict[str, str],
) -> None:
    tab, name = "\t" * depth, skeleton.names[joint]
    first = joint == order[0]
    offset = np.zeros(3) if first else skeleton.offsets[joint]
    lines += [
        f"{tab}{'JOINT' if depth else 'ROOT'} {called.get(name, name)}",
        f"{tab}{{",
        f"{tab}\tOFFSET {_centimetres(offset)}",
    ]
    lines.append(f"{tab}\tCHANNELS {f'6 {_PLACE}' if first else '3 '}{_TURN}")
    children = [c for c in skeleton.children(joint) if c in order]
    for child in children:
        _write_joint(lines, skeleton, order, child, depth + 1, called)
    if not children:
        lines += [
            f"{tab}\tEnd Site",
            f"{tab}\t{{",
            f"{tab}\t\tOFFSET {_centimetres(_tip(skeleton, joint))}",
            f"{tab}\t}}",
        ]
    lines.append(f"{tab}}}")


def _tip(skeleton: Skeleton, joint: int) -> Float[ndarray, " 3"]:
    """Return the end of a leaf bone in the bone's frame, metres.

    For a bone of HUMANOID it is HUMANOID's tip, scaled by the ratio of the lengths of the bone
    before it; for other joints, half of the bone before it.
    """
    name = skeleton.names[joint]
    if name not in TIPS:
        return 0.5 * skeleton.offsets[joint]
    length = np.linalg.norm(HUMANOID.offsets[HUMANOID.index(name)])
    return np.asarray(
        TIPS[name] * (np.linalg.norm(skeleton.offsets[joint]) / length if joint else 1.0)
    )


def _centimetres(offset: Float[ndarray, " 3"]) -> str:
    return " ".join(f"{v:.9g}" for v in np.round(100.0 * offset, 5) + 0.0)


def loads(text: str, scale: float = 0.01, root: str | None = None) -> Motion:
    """Return the motion in the text of a BVH file, on the file's own skeleton.

    The skeleton has the file's names and offsets and identity rest rotations. Channels may be
    missing or in any order, with any Euler order, and every joint may have position channels. The
    bones of a Motion do not stretch, so a joint below the root stays at the median of its position
    channels; where the body moves relative to a root that carries the path, the motion's root
    follows the body. Scale channels are ignored.

    Args:
        text: The file's text.
        scale: Metres in one unit of the file; 0.01 for centimetres. Axes are not converted: a file
            with Z up stays so.
        root: The ROOT whose joints are read, in a file of several; None for the first.

    Raises:
        InputError: The text is no BVH; the message names the line.
    """
    return motion_of(bvh_text.of_root(bvh_text.parsed(text), root)[0], scale)


def motion_of(file: bvh_text.Parsed, scale: float) -> Motion:
    """Return the motion of a parsed file of one ROOT; the arguments are those of `loads`."""
    _, names, parents, offsets, channels, table, step = file
    start = [0, *itertools.accumulate(len(c) for c in channels)]
    at = [{axis: start[j] + i for i, axis in enumerate(c)} for j, c in enumerate(channels)]
    orders = [tuple(c[0] for c in joint if c[1] == "r") for joint in channels]
    rotations = np.empty((len(table), len(names), 4))
    for order in set(orders):
        joints = [j for j, own in enumerate(orders) if own == order]
        columns = np.array([[at[j][f"{axis}r"] for axis in order] for j in joints], dtype=int)
        rotations[:, joints] = euler.from_axes(order, np.radians(table[:, columns]))
    offset = np.array(offsets)
    moved = {}  # joint → how far it is from its constant place, in its parent's frame
    for j in range(1, len(names)):
        if any(c[1] == "p" for c in channels[j]):
            places = _positions(table, at[j], offset[j])
            offset[j], moved[j] = _constant_place(offset[j], places)
    root = _positions(table, at[0], offset[0])
    identity = np.tile(R.IDENTITY, (len(names), 1))
    skeleton = Skeleton(names, np.array(parents), scale * offset, identity)
    longest = np.linalg.norm(offset[1:], axis=1).max(initial=0.0)
    carried = _carried(skeleton, rotations, moved, _STRETCH * longest)
    root = root if carried is None else root + carried
    return Motion(skeleton, np.arange(len(table)) * step, scale * root, R.unroll(rotations))


def _carried(
    skeleton: Skeleton,
    rotations: Float[ndarray, "frames joints 4"],
    moved: dict[int, Float[ndarray, "frames 3"]],
    least: float,
) -> Float[ndarray, "frames 3"] | None:
    """Return the body's displacement from the root that carries its path, in the world.

    Args:
        skeleton: The file's joints.
        rotations: Rotations relative to the parents.
        moved: Joint to its displacement from its constant position, in its parent's frame, in the
            file's unit.
        least: Smaller movements are those of stretching bones; in the file's unit.

    Returns:
        Displacements in the file's unit; None if the body does not move relative to the root.
    """
    below = np.ones(len(skeleton.names), dtype=int)  # joints at and below each one
    for j in range(len(below) - 1, 0, -1):
        below[skeleton.parents[j]] += below[j]
    # The body is at or below the joints that have most of the others below them.
    spread = {
        j: float(np.ptp(away, axis=0).max())
        for j, away in moved.items()
        if len(away) and 2 * below[j] > below[0]
    }
    body = max(spread, key=lambda j: spread[j], default=0)
    if not body or spread[body] < least:
        return None
    turn, joint = np.tile(R.IDENTITY, (len(rotations), 1)), int(skeleton.parents[body])
    while joint >= 0:
        turn, joint = R.multiply(rotations[:, joint], turn), int(skeleton.parents[joint])
    return R.apply(turn, moved[body])


def _positions(table: ndarray, at: dict[str, int], offset: ndarray) -> Float[ndarray, "frames 3"]:
    """Return a joint's position in its parent's frame, in the file's unit.

    The values are those of the position channels, and of OFFSET where a channel is missing.
    """
    return np.stack(
        [
            table[:, at[a]] if (a := f"{axis}p") in at else np.full(len(table), offset[i])
            for i, axis in enumerate("XYZ")
        ],
        axis=-1,
    )


def _constant_place(
    offset: Float[ndarray, " 3"], places: Float[ndarray, "frames 3"]
) -> tuple[Float[ndarray, " 3"], Float[ndarray, "frames 3"]]:
    """Return the constant position of a joint below the root, and its displacements from it.

    Some tools write a joint's position into its channels, others a displacement to be added to
    OFFSET. Bones keep their length, so the channels' median is near OFFSET in the first case, and
    near zero in the second.
    """
    if len(places) == 0:
        return offset, places
    median = np.asarray(np.median(places, axis=0))
    absolute = np.linalg.norm(median - offset) <= np.linalg.norm(median)
    return median if absolute else offset + median, places - median
