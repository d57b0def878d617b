"""BVH, Biovision's hierarchy and motion: the oldest of the formats, which everything reads.

Degrees and centimetres exist here and in fbx/ alone.

The format has no specification, only habits, and its readers differ in two of them. What we write
means the same to all:

- **Root.** To Blender, bvhio and pybvh the root's position channels are its place; to three.js and
  others they are added to its OFFSET.
  We write OFFSET 0 0 0 and the world position in the channels. Reading, the channels are the place.
- **Rest pose.** The pose of all zero angles is the OFFSETs' pose. We write the T-pose there, with
  every joint's axes along the world's.

Channels are intrinsic rotations in the order they are listed: `Zrotation Xrotation Yrotation` is R
= Rz·Rx·Ry. To import in Blender: scale 0.01, forward −Z, up Y (its defaults but for the scale).
"""

from __future__ import annotations

import itertools

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.heading import above_ground, ground_path
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID, TIPS, Skeleton
from mocap.errors import InputError
from mocap.formats import euler
from mocap.formats.bvh import text as bvh_text
from mocap.formats.presets import depth_first, preset

_PLACE, _TURN = "Xposition Yposition Zposition ", "Zrotation Xrotation Yrotation"

# Times that stray from a uniform grid by less than this part of a frame are the grid, rounded (to
# milliseconds, by a container).
_STRAY = 0.05
# A joint below the root that moves by more than this part of the longest offset carries the body;
# less is a bone that stretches.
_STRETCH = 0.02


def dumps(
    motion: Motion, names: str | None = "mixamo", fps: float | None = None, ground: bool = False
) -> str:
    """Returns the motion as the text of a BVH file.

    Args:
        motion: On any skeleton.
        names: The convention whose names the bones get, of those in rigs/: "mixamo" for what most
            tools map by themselves, "vrm" for the bone vocabulary itself. Other joints keep their
            names; with None, all do. A convention of an engine leaves out the bones that the
            engine has not, and adds those that it has between ours and above the hips.
        fps: Frames per second; by default the motion's own rate, that of its median step, to which
            it is resampled if it is not uniform.
        ground: A root joint on the floor, above the others, carries path and heading.

    Eyes and jaw are left out if they never turn.

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
        places, rotations[:, 0] = above_ground(path, heading, places, rotations[:, 0])
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
    # Adding 0 makes −0 plain.
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
    """The motion at one rate, as BVH needs it: the given one, or its own.

    Raises InputError if it has no frames.
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
    """Return where a leaf bone ends.

    It is HUMANOID's tip, scaled as the bone before it; for other joints, half of that bone again.
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
    """Returns the motion in the text of a BVH file, on the file's own skeleton.

    The skeleton has the file's names and offsets and identity rest rotations. Any Euler order,
    channels that are missing or in any order, and position channels on every joint are read. A
    joint below the root stays at the channels' median, as a Motion's bones do not stretch; where
    the body moves above a root that carries the path, the root goes with the body instead.
    Scale channels are ignored.

    Args:
        text: The file's text.
        scale: Metres in one unit of the file; 0.01 for centimetres. No axes are turned: a file
            whose up is Z stays so.
        root: Which ROOT's joints to read, in a file of several; the first by default.

    Raises:
        InputError: If the text is no BVH, naming the line.
    """
    return motion_of(bvh_text.of_root(bvh_text.parsed(text), root)[0], scale)


def motion_of(file: bvh_text.Parsed, scale: float) -> Motion:
    """Returns the motion of a parsed file of one ROOT; arguments as `loads`."""
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
    """Returns how far the body moves away from the root that carries its path, in the world.

    Args:
        skeleton: The file's joints.
        rotations: In their parents.
        moved: Joint to how far it is from its constant place, in its parent's frame.
        least: Movements below it are those of stretching bones.

    Returns:
        The file's units; None if the body does not move so.
    """
    below = np.ones(len(skeleton.names), dtype=int)  # joints at and below each one
    for j in range(len(below) - 1, 0, -1):
        below[skeleton.parents[j]] += below[j]
    # The body is on the path of joints that have most of the others below them.
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
    """Return a joint's position in its parent's frame.

    Position channels give it, and the joint's OFFSET where a channel is missing.
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
    """Returns the constant place of a joint below the root, and how far it is from it.

    Some tools write its place into the channels, others what is to be added to OFFSET: bones keep
    their length, so whichever lies nearer, the OFFSET or zero, says which.
    """
    if len(places) == 0:
        return offset, places
    median = np.asarray(np.median(places, axis=0))
    absolute = np.linalg.norm(median - offset) <= np.linalg.norm(median)
    return median if absolute else offset + median, places - median
