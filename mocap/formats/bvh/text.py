"""The text of a BVH file: its joints, channels and table of numbers.

The format has no specification, so the reader is lenient. It accepts keywords in any case, tabs,
comments (`#`, `//`), several ROOTs, scale channels, a minus that follows a digit without a space, a
last line that is cut off, UTF-16, and text after the declared frames. Decimal commas, NaN and words
among the numbers are errors, which name the line.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from jaxtyping import Float
from numpy import ndarray

from mocap.errors import InputError
from mocap.formats.bvh.encoding import decoded, with_newlines
from mocap.formats.bvh.hierarchy import read_hierarchy
from mocap.formats.bvh.table import read_table, read_timing
from mocap.formats.bvh.words import COMMENT

_MOTION = re.compile(r"^[ \t]*MOTION\b", re.MULTILINE | re.IGNORECASE)


class Parsed(NamedTuple):
    """The parsed text of a BVH file.

    Attributes:
        head: The text before the line MOTION.
        names: The joints' names, made unique.
        parents: The parent of each joint; −1 for a ROOT.
        offsets: OFFSETs, in the file's unit.
        channels: The channels of each joint: axis and kind, "Xp" (position), "Zr" (rotation) or
            "Ys" (scale).
        table: (frames, channels) numbers, in the file's unit and in degrees.
        step: Seconds per frame.
    """

    head: str
    names: tuple[str, ...]
    parents: list[int]
    offsets: list[list[float]]
    channels: list[list[str]]
    table: Float[ndarray, "frames channels"]
    step: float


def is_bvh(data: bytes) -> bool:
    """Return whether the first word of a file is HIERARCHY, after comments."""
    for line in decoded(data[:4000]).splitlines():
        if words := COMMENT.sub("", line).split():
            return words[0].upper() == "HIERARCHY"
    return False


def root_names(text: str) -> list[str]:
    """Return the names of a file's ROOTs; repeated names are numbered."""
    text = with_newlines(text)
    match = _MOTION.search(text)
    hierarchy = read_hierarchy(text[: match.start()] if match else text)
    names = _unique(hierarchy.names)
    return [name for name, parent in zip(names, hierarchy.parents, strict=True) if parent < 0]


def parsed(text: str) -> Parsed:
    """Parse the text of a BVH file.

    Raises:
        InputError: The text is no BVH; the message names the line.
    """
    text = with_newlines(text)
    match = _MOTION.search(text)
    if match is None or not is_bvh(text[:4000].encode()):
        raise InputError(
            "This is not a BVH file: it must begin with HIERARCHY and have a line MOTION after "
            "the joints."
        )
    head = text[: match.start()]
    names, parents, offsets, channels = read_hierarchy(head)
    step, declared, start = read_timing(text, match.end())
    table = read_table(text, start, declared, sum(len(c) for c in channels))
    return Parsed(head, _unique(names), parents, offsets, channels, table, step)


def of_root(file: Parsed, root: str | None) -> tuple[Parsed, slice]:
    """Return the part of a file below one ROOT.

    Args:
        file: The whole file.
        root: The ROOT's name; None for the first.

    Returns:
        The part, and its columns in the whole file's table.

    Raises:
        InputError: There is no such ROOT.
    """
    roots = [j for j, parent in enumerate(file.parents) if parent < 0]
    named = [j for j in roots if root in (None, file.names[j])]
    if not named:
        raise InputError(
            f"There is no ROOT {root!r} in the file; it has "
            f"{', '.join(file.names[j] for j in roots)}."
        )
    first = named[0]
    last = next((j for j in roots if j > first), len(file.names))
    joints = slice(first, last)
    start = sum(len(c) for c in file.channels[:first])
    columns = slice(start, start + sum(len(c) for c in file.channels[joints]))
    part = file._replace(
        names=file.names[joints],
        parents=[max(p - first, -1) for p in file.parents[joints]],
        offsets=file.offsets[joints],
        channels=file.channels[joints],
        table=file.table[:, columns],
    )
    return part, columns


def _unique(names: list[str]) -> tuple[str, ...]:
    """Return the names; repeated ones get a number: "arm", "arm.2"."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return tuple(out)
