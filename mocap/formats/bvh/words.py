"""Words of a BVH file's text, and how errors name them."""

from __future__ import annotations

import re
from typing import NoReturn

from mocap.errors import InputError

COMMENT = re.compile(r"(?:^|(?<=\s))(?:#|//).*")
"""A comment: from the mark to the end of the line."""


def count_of(word: str) -> int | None:
    """Return a whole number of at most nine digits; None for other words."""
    return int(word) if re.fullmatch("[0-9]{1,9}", word) else None


def is_comma_decimal(word: str) -> bool:
    """Return whether a word is a number with a decimal comma."""
    return bool(re.fullmatch(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?", word))


def refuse_commas(word: str, number: int) -> NoReturn:
    """Raise the InputError for a decimal comma.

    Args:
        word: The number.
        number: Its line in the file, from 1.
    """
    raise InputError(
        f"BVH line {number}: {quoted(word)} has a decimal comma instead of a point; replace the "
        "commas between digits by points, or export with English number formats."
    )


def quoted(text: str) -> str:
    """Return a text in quotes, shortened to 80 characters."""
    text = text.strip()
    return repr(text if len(text) <= 80 else text[:79] + "…")
