"""The MOTION section of a BVH file: the frame time and the table of numbers."""

from __future__ import annotations

import contextlib
import re
import warnings

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.errors import InputError
from mocap.formats.bvh.words import COMMENT, count_of, is_comma_decimal, quoted, refuse_commas

# Frames per second that are assumed where the frame time is 0, as in files of one pose.
_DEFAULT_FPS = 30.0
# A longer frame time is probably in milliseconds; seconds.
_LONGEST_STEP = 2.0
# A rate within this relative distance of a whole number is that number, rounded by the writer.
_WHOLE_RATE = 1e-4
_RUN_TOGETHER = re.compile(r"(?<=[0-9.])(?=-)")


class FrameTimeWarning(UserWarning):
    """A file has no frame time, and a rate was assumed."""


def read_timing(text: str, at: int) -> tuple[float, int | None, int]:
    """Return seconds per frame, the declared number of frames, and the position of the numbers.

    Args:
        text: The whole text.
        at: The position after the word MOTION.

    Raises:
        InputError: The frame time is missing, or a value cannot be read.
    """
    declared: int | None = None
    step: float | None = None
    number = _line(text, at)
    # The rest of the line MOTION, then lines until the first that is neither header nor blank.
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        line = COMMENT.sub("", text[at:end]).strip()
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
        return count_of(found[1])
    raise InputError(
        f"BVH line {number}: Frames must be a whole number, 0 or more, but is {quoted(words)}."
    )


def _frame_time(words: str, number: int) -> float:
    # Without \s* before the unit, which would search long runs of spaces from each of them.
    word = re.sub(r"s(ec(onds?)?)?$", "", words, flags=re.IGNORECASE).rstrip()
    with contextlib.suppress(ValueError):
        if np.isfinite(step := float(word)) and step >= 0:
            return step
    if is_comma_decimal(word):
        refuse_commas(word, number)
    raise InputError(
        f"BVH line {number}: Frame Time must be seconds, 0 or more, but is {quoted(words)}."
    )


def read_table(
    text: str, at: int, declared: int | None, columns: int
) -> Float[ndarray, "frames channels"]:
    """Return the numbers of the frames.

    Args:
        text: The whole text.
        at: The position of the first number.
        declared: The largest number of frames to read; 0 or None for all.
        columns: The number of channels.

    Raises:
        InputError: A word is no finite number, or a frame has another count of numbers.
    """
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
    filled = [i for i, line in enumerate(lines) if COMMENT.sub("", line).strip()]
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
    return _RUN_TOGETHER.sub(" ", COMMENT.sub("", line)).split()


def _number(word: str, number: int) -> float:
    with contextlib.suppress(ValueError):
        # Python's own underscores between digits are no part of a number here.
        if np.isfinite(value := float(word)) and "_" not in word:
            return value
    if is_comma_decimal(word):
        refuse_commas(word, number)
    raise InputError(
        f"BVH line {number}: {quoted(word)} is not a finite number; export the file again, or "
        "delete the frame and lower the count of frames."
    )


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
