"""The text of a BVH file: its joints, channels and table of numbers.

The format has no specification, so the reader is lenient. It accepts keywords in any case, tabs,
comments (`#`, `//`), several ROOTs, scale channels, a minus that follows a digit without a space, a
last line that is cut off, UTF-16, and text after the declared frames. Decimal commas, NaN and words
among the numbers are errors, which name the line.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from typing import NamedTuple, NoReturn

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.errors import InputError
from mocap.formats.bvh.encoding import decoded, with_newlines
from mocap.formats.trees import LONGEST_NAME

# Frames per second that are assumed where the frame time is 0, as in files of one pose.
_DEFAULT_FPS = 30.0
# A longer frame time is probably in milliseconds; seconds.
_LONGEST_STEP = 2.0
# A rate within this relative distance of a whole number is that number, rounded by the writer.
_WHOLE_RATE = 1e-4
_COMMENT = re.compile(r"(?:^|(?<=\s))(?:#|//).*")
_MOTION = re.compile(r"^[ \t]*MOTION\b", re.MULTILINE | re.IGNORECASE)
_CHANNEL = re.compile(r"([XYZ])(position|rotation|scale)", re.IGNORECASE)
_RUN_TOGETHER = re.compile(r"(?<=[0-9.])(?=-)")


class FrameTimeWarning(UserWarning):
    """A file has no frame time, and a rate was assumed."""


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
        if words := _COMMENT.sub("", line).split():
            return words[0].upper() == "HIERARCHY"
    return False


def root_names(text: str) -> list[str]:
    """Return the names of a file's ROOTs; repeated names are numbered."""
    text = with_newlines(text)
    match = _MOTION.search(text)
    hierarchy = _read_hierarchy(text[: match.start()] if match else text)
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
    names, parents, offsets, channels = _read_hierarchy(head)
    step, declared, start = _read_timing(text, match.end())
    table = _read_table(text, start, declared, sum(len(c) for c in channels))
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


class _Hierarchy(NamedTuple):
    """The joints of the HIERARCHY section, in its order."""

    names: list[str]
    parents: list[int]
    offsets: list[list[float]]
    channels: list[list[str]]


def _read_hierarchy(head: str) -> _Hierarchy:
    """Return the joints without End Sites, which a Skeleton does not have."""
    found = _Hierarchy([], [], [], [])
    open_joints: list[int] = []  # −1 is an End Site
    announced: int | None = None
    for number, line in enumerate(head.splitlines(), 1):
        words = _COMMENT.sub("", line).replace("{", " { ").replace("}", " } ").split()
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
                        f"inside one, but this is {_quoted(line)}."
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
                count = _count(words[at]) if at < len(words) else None
                end = len(words) if count is None else at + 1 + count
                found.channels[open_joints[-1]] = _channel_names(words[at:end], number)
                at = end
            else:
                raise InputError(
                    f"BVH line {number}: {_quoted(word)} is not expected here, in {_quoted(line)}."
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
    if any(_is_comma_decimal(w) for w in words):
        _refuse_commas(words[0], number)
    raise InputError(
        f"BVH line {number}: OFFSET needs three numbers, but has {_quoted(' '.join(words))}."
    )


def _channel_names(words: list[str], number: int) -> list[str]:
    matches = [_CHANNEL.fullmatch(w) for w in words[1:]]
    found = [m[1].upper() + m[2][0].lower() for m in matches if m]
    count = len(words) - 1
    if not words or _count(words[0]) != count or len(set(found)) != count:
        raise InputError(
            f"BVH line {number}: CHANNELS needs a count and as many different names, Xposition to "
            f"Zrotation, but has {_quoted(' '.join(words))}."
        )
    return found


def _count(word: str) -> int | None:
    """Return a whole number of at most nine digits; None for other words."""
    return int(word) if re.fullmatch("[0-9]{1,9}", word) else None


def _read_timing(text: str, at: int) -> tuple[float, int | None, int]:
    """Return seconds per frame, the declared number of frames, and the position of the numbers."""
    declared: int | None = None
    step: float | None = None
    number = _line(text, at)
    # The rest of the line MOTION, then lines until the first that is neither header nor blank.
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        line = _COMMENT.sub("", text[at:end]).strip()
        if found := re.fullmatch(r"frames\s*:?\s*(.*)", line, re.IGNORECASE):
            declared = _frame_count(found[1], number)
        elif found := re.fullmatch(r"frame\s*time\s*:?\s*(.*)", line, re.IGNORECASE):
            step = _frame_time(found[1], number)
        elif line:
            break
        at, number = end + 1, number + 1
    at = min(at, len(text))
    if step is None:
        raise InputError(
            f"BVH line {_line(text, at)}: a line 'Frame Time: seconds' is missing before the "
            "frames."
        )
    if step == 0.0:
        if declared != 1:
            warnings.warn(
                f"The BVH file's Frame Time is 0; {_DEFAULT_FPS:g} frames per second are assumed "
                "(--source-fps sets the rate).",
                FrameTimeWarning,
                stacklevel=4,
            )
        step = 1.0 / _DEFAULT_FPS
    if step > _LONGEST_STEP:
        warnings.warn(
            f"The BVH file's Frame Time is {step:g} seconds; if it is in milliseconds, give "
            f"--source-fps {1000.0 / step:.4g}.",
            FrameTimeWarning,
            stacklevel=4,
        )
    # 0.033333 means 1/30: tools write different numbers of digits.
    rate = round(1.0 / max(step, 1e-9))
    whole = rate and abs(rate * step - 1.0) < _WHOLE_RATE
    return (1.0 / rate if whole else step), declared, at


def _frame_count(words: str, number: int) -> int | None:
    """Return the declared number of frames; None if the line has no number."""
    if found := re.fullmatch(r"(\d{0,9})(?:\.0*)?", words):
        return _count(found[1])
    raise InputError(
        f"BVH line {number}: Frames must be a whole number, 0 or more, but is {_quoted(words)}."
    )


def _frame_time(words: str, number: int) -> float:
    # Without \s* before the unit, which would search long runs of spaces from each of them.
    word = re.sub(r"s(ec(onds?)?)?$", "", words, flags=re.IGNORECASE).rstrip()
    with contextlib.suppress(ValueError):
        if np.isfinite(step := float(word)) and step >= 0:
            return step
    if _is_comma_decimal(word):
        _refuse_commas(word, number)
    raise InputError(
        f"BVH line {number}: Frame Time must be seconds, 0 or more, but is {_quoted(words)}."
    )


def _read_table(
    text: str, at: int, declared: int | None, columns: int
) -> Float[ndarray, "frames channels"]:
    """Return the numbers of the frames; of at most `declared` frames, if it is more than 0."""
    if columns == 0:
        raise InputError("The BVH file's joints have no channels, so there is no motion in it.")
    values = _all_numbers(text[at:])
    if values is None or len(values) % columns or (declared and len(values) > declared * columns):
        values = _line_by_line(text, at, declared, columns)
    table = values.reshape(-1, columns)
    if declared is not None and declared != len(table):
        warnings.warn(
            f"The BVH file declares {declared} frames but has {len(table)}, which were read.",
            stacklevel=4,
        )
    return table


def _all_numbers(text: str) -> Float[ndarray, " n"] | None:
    """Return the numbers of a text of numbers alone; None for other texts.

    The space before a minus may be missing.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            values = np.fromstring(text, dtype=np.float64, sep=" ")
        except (ValueError, DeprecationWarning):
            return None
    return values if len(values) and np.all(np.isfinite(values)) else None


def _line_by_line(text: str, at: int, declared: int | None, columns: int) -> Float[ndarray, " n"]:
    """Read frames up to the declared number; errors name the line."""
    rows: list[list[float]] = []
    lines = text[at:].split("\n")
    filled = [i for i, line in enumerate(lines) if _COMMENT.sub("", line).strip()]
    first = _line(text, at)
    for i in filled:
        if declared and len(rows) == declared:
            frames = len(_numbers(lines[i])) == columns
            warnings.warn(
                f"BVH line {first + i}: the text after the {declared} declared frames is ignored"
                + ("; if its lines are frames, correct 'Frames:'." if frames else "."),
                stacklevel=5,
            )
            break
        words = _numbers(lines[i])
        if len(words) < columns and i == filled[-1] and rows:
            warnings.warn(
                f"BVH line {first + i}: the last frame is cut off after {len(words)} of "
                f"{columns} numbers and is left out.",
                stacklevel=5,
            )
            break
        row = [_number(word, first + i) for word in words]
        if len(row) != columns:
            raise InputError(
                f"BVH line {first + i}: a frame needs {columns} numbers, one for each channel, "
                f"but has {len(row)}."
            )
        rows.append(row)
    return np.array(rows, dtype=np.float64).ravel()


def _numbers(line: str) -> list[str]:
    """Return the words of a line of numbers, without comments."""
    return _RUN_TOGETHER.sub(" ", _COMMENT.sub("", line)).split()


def _number(word: str, number: int) -> float:
    with contextlib.suppress(ValueError):
        # Python's own underscores between digits are no part of a number here.
        if np.isfinite(value := float(word)) and "_" not in word:
            return value
    if _is_comma_decimal(word):
        _refuse_commas(word, number)
    raise InputError(
        f"BVH line {number}: {_quoted(word)} is not a finite number; export the file again, or "
        "delete the frame and lower the count of frames."
    )


def _is_comma_decimal(word: str) -> bool:
    return bool(re.fullmatch(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?", word))


def _refuse_commas(word: str, number: int) -> NoReturn:
    raise InputError(
        f"BVH line {number}: {_quoted(word)} has a decimal comma instead of a point; replace the "
        "commas between digits by points, or export with English number formats."
    )


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _quoted(text: str) -> str:
    """Return a text in quotes, shortened to 80 characters."""
    text = text.strip()
    return repr(text if len(text) <= 80 else text[:79] + "…")


def _unique(names: list[str]) -> tuple[str, ...]:
    """Return the names; repeated ones get a number: "arm", "arm.2"."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return tuple(out)
