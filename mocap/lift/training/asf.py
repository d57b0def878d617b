"""Acclaim ASF/AMC, the format of CMU's motion capture library.

Skeleton and motion are read as positions of the bones' ends.

Format: "Acclaim ASF/AMC" by Jeff Lander, *Working with Motion Capture File Formats*, Game
Developer, January 1998. Each bone has a direction, a length and the axes C of its angles, all in
the world's frame at rest; a pose turns it by its parent's rotation times C·M·C⁻¹.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.errors import InputError


@dataclass(frozen=True, eq=False, slots=True)
class AsfSkeleton:
    """The skeleton of an ASF file, the root first.

    Attributes:
        names: Names of the bones.
        parents: Bone → its parent.
        vectors: Bone → direction × length, in the file's unit.
        axes: Bone → axes of its angles, a unit quaternion (xyzw).
        angles: Bone → names of its angles.
    """

    names: tuple[str, ...]
    parents: dict[str, str]
    vectors: dict[str, Float[ndarray, "3"]]
    axes: dict[str, Float[ndarray, "4"]]
    angles: dict[str, tuple[str, ...]]


def _turn(degrees: Float[ndarray, "*frames 3"]) -> Float[ndarray, "*frames 4"]:
    """Return the rotation about x, then y, then z of fixed axes."""
    x, y, z = (
        R.from_rotation_vector(np.radians(degrees[..., i : i + 1]) * np.eye(3)[i]) for i in range(3)
    )
    return R.multiply(z, R.multiply(y, x))


def read_asf(text: str) -> AsfSkeleton:
    """Return the skeleton in the text of an ASF file.

    Raises:
        InputError: The text has no bones or no hierarchy.
    """
    sections = {s.split(None, 1)[0]: s for s in text.split("\n:")[1:] if s.strip()}
    if "bonedata" not in sections or "hierarchy" not in sections:
        raise InputError(
            "This is not an ASF file: it must have the sections :bonedata and :hierarchy."
        )
    names, vectors, axes = ["root"], {"root": np.zeros(3)}, {"root": R.IDENTITY}
    angles: dict[str, tuple[str, ...]] = {"root": ("tx", "ty", "tz", "rx", "ry", "rz")}
    for block in sections["bonedata"].split("begin")[1:]:
        words = {w[0]: w[1:] for line in block.splitlines() if (w := line.split())}
        name = words["name"][0]
        names.append(name)
        vectors[name] = np.array(words["direction"][:3], dtype=float) * float(words["length"][0])
        axes[name] = _turn(np.array(words["axis"][:3], dtype=float))
        angles[name] = tuple(words.get("dof", ()))
    parents: dict[str, str] = {}
    for line in sections["hierarchy"].splitlines():
        first, *children = line.split() or [""]
        if first in names:
            parents |= dict.fromkeys(children, first)
    return AsfSkeleton(tuple(names), parents, vectors, axes, angles)


def read_amc(text: str, skeleton: AsfSkeleton) -> dict[str, Float[ndarray, "frames 3"]]:
    """Return the positions of bones' ends in an AMC file.

    Args:
        text: The AMC file.
        skeleton: The skeleton of its ASF file.

    Returns:
        (F, 3) by bone, in the file's unit, +Y up; "root" is the root itself.

    Raises:
        InputError: The frames differ in their bones.
    """
    frames: list[dict[str, list[float]]] = []
    for line in text.splitlines():
        words = line.split()
        if words and words[0].isdigit():
            frames.append({})
        elif frames and words:
            frames[-1][words[0]] = [float(w) for w in words[1:]]
    if not frames or any(f.keys() != frames[0].keys() for f in frames):
        raise InputError("An AMC file needs frames, all of them with the same bones.")
    values = {name: np.array([f[name] for f in frames]) for name in frames[0]}
    ends = {"root": values["root"][:, :3]}
    world: dict[str, ndarray] = {}
    for name in _parents_first(skeleton):
        given = values.get(name, np.zeros((len(frames), 0)))
        turns = np.zeros((len(frames), 3))
        for i, angle in enumerate(skeleton.angles[name][: given.shape[1]]):
            if angle[0] == "r":
                turns[:, "xyz".index(angle[1])] = given[:, i]
        local = R.multiply(
            R.multiply(skeleton.axes[name], _turn(turns)), R.conjugate(skeleton.axes[name])
        )
        parent = skeleton.parents.get(name)
        world[name] = local if parent is None else R.multiply(world[parent], local)
        if parent is not None:
            ends[name] = ends[parent] + R.apply(world[name], skeleton.vectors[name])
    return ends


def _parents_first(skeleton: AsfSkeleton) -> list[str]:
    order = ["root"]
    for name in order:
        order += [n for n in skeleton.names if skeleton.parents.get(n) == name]
    return order
