"""The HIERARCHY section of a BVH file: joints, offsets and channels."""

from __future__ import annotations

import contextlib
import re
from typing import NamedTuple

import numpy as np

from mocap.errors import InputError
from mocap.formats.bvh.words import COMMENT, count_of, is_comma_decimal, quoted, refuse_commas
from mocap.formats.trees import LONGEST_NAME

_CHANNEL = re.compile(r"([XYZ])(position|rotation|scale)", re.IGNORECASE)


class Hierarchy(NamedTuple):
    """The joints of the HIERARCHY section, in its order."""

    names: list[str]
    parents: list[int]
    offsets: list[list[float]]
    channels: list[list[str]]


def read_hierarchy(head: str) -> Hierarchy:
    """Return the joints without End Sites, which a Skeleton does not have.

    Args:
        head: The text before the line MOTION.

    Raises:
        InputError: A word is out of place, or a brace is missing; the message names the line.
    """
    found = Hierarchy([], [], [], [])
    open_joints: list[int] = []  # −1 is an End Site
    announced: int | None = None
    for number, line in enumerate(head.splitlines(), 1):
        words = COMMENT.sub("", line).replace("{", " { ").replace("}", " } ").split()
        at = 0
        while at < len(words):
            word, key = words[at], words[at].upper().lstrip("\ufeff")
            at += 1
            if key == "HIERARCHY":
                continue
            if key in ("ROOT", "JOINT"):
                if (key == "ROOT") == bool(open_joints):
                    raise InputError(
                        f"BVH line {number}: a ROOT must be at the top level and every JOINT "
                        f"inside one, but this is {quoted(line)}."
                    )
                begin = at
                while at < len(words) and words[at] != "{":
                    at += 1
                name = " ".join(words[begin:at])[:LONGEST_NAME]
                found.names.append(name or f"joint{len(found.names)}")
                found.parents.append(open_joints[-1] if open_joints else -1)
                found.offsets.append([0.0, 0.0, 0.0])
                found.channels.append([])
                announced = len(found.names) - 1
            elif key in ("END", "ENDSITE"):
                # The rest of the line up to the brace is "Site" and a name.
                while at < len(words) and words[at] != "{":
                    at += 1
                announced = -1
            elif word == "{" and announced is not None:
                open_joints.append(announced)
                announced = None
            elif word == "}" and open_joints:
                open_joints.pop()
            elif key == "OFFSET" and open_joints:
                if open_joints[-1] >= 0:
                    found.offsets[open_joints[-1]] = _three_numbers(words[at : at + 3], number)
                at += 3
            elif key == "CHANNELS" and open_joints and open_joints[-1] >= 0:
                # Other keywords may follow on the same line.
                count = count_of(words[at]) if at < len(words) else None
                end = len(words) if count is None else at + 1 + count
                found.channels[open_joints[-1]] = _channel_names(words[at:end], number)
                at = end
            else:
                raise InputError(
                    f"BVH line {number}: {quoted(word)} is not expected here, in {quoted(line)}."
                )
    if open_joints or not found.names:
        missing = "a closing brace is missing" if found.names else "there is no ROOT"
        raise InputError(f"The joints of the BVH file are incomplete: {missing}.")
    return found


def _three_numbers(words: list[str], number: int) -> list[float]:
    with contextlib.suppress(ValueError):
        values = [float(w) for w in words]
        if len(values) == 3 and np.all(np.isfinite(values)):
            return values
    if any(is_comma_decimal(w) for w in words):
        refuse_commas(words[0], number)
    raise InputError(
        f"BVH line {number}: OFFSET needs three numbers, but has {quoted(' '.join(words))}."
    )


def _channel_names(words: list[str], number: int) -> list[str]:
    matches = [_CHANNEL.fullmatch(w) for w in words[1:]]
    found = [m[1].upper() + m[2][0].lower() for m in matches if m]
    count = len(words) - 1
    if not words or count_of(words[0]) != count or len(set(found)) != count:
        raise InputError(
            f"BVH line {number}: CHANNELS needs a count and as many different names, Xposition to "
            f"Zrotation, but has {quoted(' '.join(words))}."
        )
    return found
