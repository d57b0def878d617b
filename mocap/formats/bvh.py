"""BVH: Biovision's hierarchy and motion, the oldest of the formats, read by everything. Degrees and centimetres live here and nowhere else.

The format has no specification, only habits, and its readers differ in two of them. What we write means the same to all:

- **Root.** To Blender, bvhio and pybvh the root's position channels are its place; to three.js and others they are added to its OFFSET.
  We write OFFSET 0 0 0 and the world position in the channels. Reading, the channels are the place.
- **Rest pose.** The pose of all zero angles is the OFFSETs' pose. We write the T-pose there, with every joint's axes along the world's.

Channels are intrinsic rotations in the order they are listed: `Zrotation Xrotation Yrotation` is R = Rz·Rx·Ry. To import in Blender:
scale 0.01, forward −Z, up Y (its defaults but for the scale).
"""

from __future__ import annotations

import contextlib
import itertools
import re
import warnings
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.naming import conventions
from mocap.core.skeleton import HUMANOID, TIPS, Skeleton
from mocap.errors import InputError
from mocap.formats import euler
from mocap.formats.glb import LONGEST_NAME

# Bones of the face that skeletons of the body do without; they are written only where something moves them.
_FACE = ("leftEye", "rightEye", "jaw")

# Times that stray from a uniform grid by less than this part of a frame are the grid, rounded (to milliseconds, by a container).
_STRAY = 0.05


def dumps(motion: Motion, names: str | None = "mixamo", fps: float | None = None) -> str:
    """The motion as the text of a BVH file.

    names: the convention whose names the bones get, of those in rigs/: "mixamo" for what most tools map by themselves, "vrm" for the bone
    vocabulary itself. Other joints keep their names; with None, all do. fps: frames a second; by default the motion's own rate (that of
    its median step, to which it is resampled if it is not uniform). Eyes and jaw are left out if they never turn.
    Raises InputError if the motion has no frames, or the convention is unknown.
    """
    called = {} if names is None else bone_names(names, motion.skeleton.names)
    motion = t_posed(uniform(motion, fps))
    skeleton = motion.skeleton
    order = depth_first(skeleton, set() if names is None else still_face(motion))
    lines = ["HIERARCHY"]
    _write_joint(lines, skeleton, order, 0, 0, called)
    angles = np.degrees(euler.to_zxy(motion.rotations[:, order]))
    table = np.concatenate([100.0 * motion.root_positions, angles.reshape(len(motion), -1)], axis=1)
    return "\n".join([*lines, frames(motion, table, fps)])


def frames(motion: Motion, table: Float[ndarray, "frames channels"], fps: float | None) -> str:
    """The part of a file that begins with MOTION."""
    step = (motion.duration / (len(motion) - 1)) if len(motion) > 1 else 1.0 / (fps or 30.0)
    # A ten-thousandth of a degree at each of ten joints moves a fingertip by less than 0.03 mm. Adding 0 makes −0 plain.
    table = np.round(table, 4) + 0.0
    form = " ".join(["%.9g"] * table.shape[1])
    lines = [
        "MOTION",
        f"Frames: {len(motion)}",
        f"Frame Time: {step:.10g}",
        *(form % tuple(row) for row in table.tolist()),
    ]
    return "\n".join(lines) + "\n"


def bone_names(convention: str, bones: tuple[str, ...]) -> dict[str, str]:
    """bone → what the convention calls it."""
    known = conventions()
    if convention not in known:
        raise InputError(f"There are no names called {convention!r}; there are {', '.join(known)}.")
    called = {
        bone: known[convention].bones[bone][0] for bone in bones if bone in known[convention].bones
    }
    # Where a convention has fewer bones than we (one chest for two), the lower one has the name, and the other keeps ours.
    first: dict[str, str] = {}
    return {bone: name for bone, name in called.items() if first.setdefault(name, bone) == bone}


def uniform(motion: Motion, fps: float | None) -> Motion:
    """The motion at one rate, as BVH needs it: the given one, or its own. Raises InputError if it has no frames."""
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


def t_posed(motion: Motion) -> Motion:
    """The same movement on a skeleton whose joints have identity rest rotations, so that zero angles are the rest pose."""
    skeleton = motion.skeleton
    if np.array_equal(
        np.abs(skeleton.rest_rotations), np.tile(R.IDENTITY, (len(skeleton.names), 1))
    ):
        return motion
    rest = kinematics.global_rotations(skeleton, skeleton.rest_rotations)
    offsets = skeleton.offsets.copy()
    offsets[1:] = R.apply(rest[skeleton.parents[1:]], offsets[1:])
    straight = Skeleton(
        skeleton.names, skeleton.parents, offsets, np.tile(R.IDENTITY, (len(rest), 1))
    )
    world = R.multiply(kinematics.global_rotations(skeleton, motion.rotations), R.conjugate(rest))
    return Motion(
        straight, motion.times, motion.root_positions, kinematics.local_rotations(straight, world)
    )


def still_face(motion: Motion) -> set[int]:
    indices = [
        i
        for i, n in enumerate(motion.skeleton.names)
        if n in _FACE and not motion.skeleton.children(i)
    ]
    return {i for i in indices if np.all(R.angle(motion.rotations[:, i]) < 1e-6)}


def depth_first(skeleton: Skeleton, without: set[int]) -> list[int]:
    order, stack = [], [0]
    while stack:
        joint = stack.pop()
        order.append(joint)
        stack += [c for c in reversed(skeleton.children(joint)) if c not in without]
    return order


def _write_joint(
    lines: list[str],
    skeleton: Skeleton,
    order: list[int],
    joint: int,
    depth: int,
    called: dict[str, str],
) -> None:
    tab, name = "\t" * depth, skeleton.names[joint]
    offset = np.zeros(3) if depth == 0 else skeleton.offsets[joint]
    lines += [
        f"{tab}{'JOINT' if depth else 'ROOT'} {called.get(name, name)}",
        f"{tab}{{",
        f"{tab}\tOFFSET {_centimetres(offset)}",
    ]
    position = "" if depth else "Xposition Yposition Zposition "
    lines.append(f"{tab}\tCHANNELS {3 if depth else 6} {position}Zrotation Xrotation Yrotation")
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
    """Where a leaf bone ends: HUMANOID's tip, longer or shorter as the bone before it is; for other joints, half of that bone again."""
    name = skeleton.names[joint]
    if name not in TIPS:
        return 0.5 * skeleton.offsets[joint]
    length = np.linalg.norm(HUMANOID.offsets[HUMANOID.index(name)])
    return np.asarray(
        TIPS[name] * (np.linalg.norm(skeleton.offsets[joint]) / length if joint else 1.0)
    )


def _centimetres(offset: Float[ndarray, " 3"]) -> str:
    return " ".join(f"{v:.9g}" for v in np.round(100.0 * offset, 5) + 0.0)


def decoded(data: bytes) -> str:
    """Returns a BVH file's bytes as text; bytes that are no UTF-8 are replaced."""
    return data.decode("utf-8", errors="replace")


def loads(text: str, scale: float = 0.01) -> Motion:
    """The motion in the text of a BVH file, on the file's own skeleton: its names, its offsets, identity rest rotations.

    scale: metres in one unit of the file; 0.01 for centimetres. No axes are turned: a file whose up is Z stays so. Any Euler order,
    channels missing or in any order, and position channels on every joint are read (a joint's place is then constant, the channels'
    median: a Motion's bones do not stretch). Frames are counted by their lines. Raises InputError, naming the line, if it is not BVH.
    """
    _, names, parents, offsets, channels, table, step = parsed(text)
    start = [0, *itertools.accumulate(len(c) for c in channels)]
    at = [{axis: start[j] + i for i, axis in enumerate(c)} for j, c in enumerate(channels)]
    rotations = np.empty((len(table), len(names), 4))
    for order in {(tuple(c[0] for c in joint if c[1] == "r")) for joint in channels}:
        joints = [
            j
            for j, joint in enumerate(channels)
            if tuple(c[0] for c in joint if c[1] == "r") == order
        ]
        columns_of = [[at[j][f"{axis}r"] for axis in order] for j in joints]
        rotations[:, joints] = euler.from_axes(
            order, np.radians(table[:, np.array(columns_of, dtype=int)])
        )
    offset = np.array(offsets)
    for j in range(1, len(names)):
        offset[j] = _constant_place(offset[j], _positions(table, at[j], offset[j]))
    root = _positions(table, at[0], offset[0])
    identity = np.tile(R.IDENTITY, (len(names), 1))
    skeleton = Skeleton(names, np.array(parents), scale * offset, identity)
    return Motion(skeleton, np.arange(len(table)) * step, scale * root, R.unroll(rotations))


class Parsed(NamedTuple):
    """A BVH file's text as it stands. head: what is before the line MOTION; names made unique; channels such as "Xp" and "Zr" by joint;
    table: a row a frame, in the file's unit and degrees; step: seconds a frame."""

    head: str
    names: tuple[str, ...]
    parents: list[int]
    offsets: list[list[float]]
    channels: list[list[str]]
    table: Float[ndarray, "frames channels"]
    step: float


def parsed(text: str) -> Parsed:
    """The parts of a BVH file. Raises InputError, naming the line, if it is none."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    match = re.search(r"^[ \t]*MOTION\b", text, re.MULTILINE)
    if match is None or not re.match(r"\s*\ufeff?\s*HIERARCHY", text):
        raise InputError(
            "This is not a BVH file: it must begin with HIERARCHY and have a line MOTION after the joints."
        )
    head, body_at = text[: match.start()], match.end()
    names, parents, offsets, channels = _read_hierarchy(head)
    step, declared, data_at = _read_timing(text, body_at)
    columns = sum(len(c) for c in channels)
    table = _read_table(text, data_at, columns)
    if declared is not None and declared != len(table):
        warnings.warn(
            f"The BVH file announces {declared} frames but holds {len(table)}, which were read.",
            stacklevel=3,
        )
    return Parsed(head, _unique(names), parents, offsets, channels, table, step)


def _read_hierarchy(head: str) -> tuple[list[str], list[int], list[list[float]], list[list[str]]]:
    """(names, parents, offsets, channels such as "Xp" and "Zr") of the joints; End Sites are left out, a Skeleton has no place for them."""
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    channels: list[list[str]] = []
    open_joints: list[int] = []  # −1 is an End Site
    announced: int | None = None
    for number, line in enumerate(head.splitlines(), 1):
        words = line.replace("{", " { ").replace("}", " } ").split()
        at = 0
        while at < len(words):
            word = words[at]
            at += 1
            if word in ("HIERARCHY", "\ufeffHIERARCHY"):
                continue
            if word in ("ROOT", "JOINT"):
                if (word == "ROOT") != (not names) or (names and not open_joints):
                    raise InputError(
                        f"BVH line {number}: there must be one ROOT, and every JOINT inside it, but this is {_quoted(line)}."
                    )
                begin = at
                while at < len(words) and words[at] != "{":
                    at += 1
                names.append(" ".join(words[begin:at])[:LONGEST_NAME] or f"joint{len(names)}")
                parents.append(open_joints[-1] if open_joints else -1)
                offsets.append([0.0, 0.0, 0.0])
                channels.append([])
                announced = len(names) - 1
            elif word.lower() == "end":
                at += 1
                announced = -1
            elif word == "{" and announced is not None:
                open_joints.append(announced)
                announced = None
            elif word == "}" and open_joints:
                open_joints.pop()
            elif word == "OFFSET" and open_joints:
                if open_joints[-1] >= 0:
                    offsets[open_joints[-1]] = _three_numbers(words[at : at + 3], number)
                at += 3
            elif word == "CHANNELS" and open_joints and open_joints[-1] >= 0:
                # On a line of its own, or in one with what follows.
                count = _count(words[at]) if at < len(words) else None
                end = len(words) if count is None else at + 1 + count
                channels[open_joints[-1]] = _channel_names(words[at:end], number)
                at = end
            else:
                raise InputError(
                    f"BVH line {number}: {_quoted(word)} has no meaning here, in {_quoted(line)}."
                )
    if open_joints or not names:
        raise InputError(
            "The BVH file's joints are not complete: "
            + ("a closing brace is missing." if names else "there is no ROOT.")
        )
    return names, parents, offsets, channels


def _three_numbers(words: list[str], number: int) -> list[float]:
    with contextlib.suppress(ValueError):
        values = [float(w) for w in words]
        if len(values) == 3 and np.all(np.isfinite(values)):
            return values
    raise InputError(
        f"BVH line {number}: OFFSET needs three numbers, but has {_quoted(' '.join(words))}."
    )


def _channel_names(words: list[str], number: int) -> list[str]:
    found = [
        w[0].upper() + w[1].lower()
        for w in words[1:]
        if re.fullmatch(r"[XYZ](position|rotation)", w, re.IGNORECASE)
    ]
    if not words or _count(words[0]) != len(words) - 1 or len(set(found)) != len(words) - 1:
        said = _quoted(" ".join(words))
        raise InputError(
            f"BVH line {number}: CHANNELS needs a count and as many of Xposition … Zrotation, each once, but has {said}."
        )
    return found


def _count(word: str) -> int | None:
    """A whole number of a few digits, or None."""
    return int(word) if re.fullmatch("[0-9]{1,9}", word) else None


def _quoted(text: str) -> str:
    """For a message: at most so much of a line as fits into one."""
    text = text.strip()
    return repr(text if len(text) <= 80 else text[:79] + "…")


def _read_timing(text: str, at: int) -> tuple[float, int | None, int]:
    """(seconds a frame, frames announced, where the numbers start)."""
    header = re.compile(
        r"\s*(?:Frames\s*:?[ \t]*(?P<frames>\d*)|Frame\s+Time\s*:?[ \t]*(?P<time>\S*))[ \t]*(?=[\r\n]|\Z)",
        re.IGNORECASE,
    )
    declared: int | None = None
    step = 0.0
    while found := header.match(text, at):
        at = found.end()
        if found["frames"]:
            declared = _count(found["frames"])
        if found["time"]:
            with contextlib.suppress(ValueError):
                step = float(found["time"])
            if not (np.isfinite(step) and step > 0):
                raise InputError(
                    f"BVH line {_line(text, at)}: Frame Time must be seconds, more than 0, but is {_quoted(found['time'])}."
                )
    if step == 0.0:
        raise InputError(
            f"BVH line {_line(text, at) + 1}: a line 'Frame Time: seconds' is missing before the frames."
        )
    # 0.033333 means 1/30: whole rates are written with as many digits as the tool liked.
    rate = round(1.0 / max(step, 1e-9))
    return (1.0 / rate if rate and abs(rate * step - 1.0) < 1e-4 else step), declared, at


def _read_table(text: str, at: int, columns: int) -> Float[ndarray, "frames channels"]:
    words = text[at:].split()
    try:
        table = np.array(words, dtype=np.float64)
        if columns and len(table) % columns == 0 and np.all(np.isfinite(table)):
            return table.reshape(-1, columns)
    except ValueError:
        pass
    # Something is wrong: say where.
    for number, line in enumerate(text[at:].split("\n"), _line(text, at)):
        row = line.split()
        for word in row:
            try:
                fine = np.isfinite(float(word))
            except ValueError:
                fine = False
            if not fine:
                raise InputError(f"BVH line {number}: {_quoted(word)} is not a finite number.")
        if row and len(row) != columns:
            raise InputError(
                f"BVH line {number}: a frame needs {columns} numbers, one for each channel, but has {len(row)}."
            )
    raise InputError("The BVH file's joints have no channels, so there is no motion in it.")


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _positions(table: ndarray, at: dict[str, int], offset: ndarray) -> Float[ndarray, "frames 3"]:
    """A joint's place in its parent's frame: its position channels, and its OFFSET for those it lacks."""
    return np.stack(
        [
            table[:, at[a]] if (a := f"{axis}p") in at else np.full(len(table), offset[i])
            for i, axis in enumerate("XYZ")
        ],
        axis=-1,
    )


def _constant_place(
    offset: Float[ndarray, " 3"], places: Float[ndarray, "frames 3"]
) -> Float[ndarray, " 3"]:
    """A joint's place below the root. Some tools write its place into the channels, others what is to be added to OFFSET: bones keep
    their length, so whichever lies nearer, the OFFSET or zero, says which."""
    if len(places) == 0:
        return offset
    median = np.asarray(np.median(places, axis=0))
    return median if np.linalg.norm(median - offset) <= np.linalg.norm(median) else offset + median


def _unique(names: list[str]) -> tuple[str, ...]:
    """The names, with a number after those that stand a second time."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return tuple(out)
