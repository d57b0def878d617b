"""Errors of damaged files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from mocap.errors import InputError


@contextmanager
def damage_named(kind: str, part: str) -> Iterator[None]:
    """Turn the exceptions of a damaged document (a missing value, a wrong type) into an InputError.

    Args:
        kind: The format, "GLB" or "FBX".
        part: The part that is read, "document" or "objects".

    Raises:
        InputError: The file is damaged.
    """
    try:
        yield
    except np.linalg.LinAlgError as error:
        raise InputError(
            f"The {kind} file cannot be used: a node above its joints is scaled to nothing along "
            "an axis, so there is no rotation that poses the joints."
        ) from error
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise InputError(
            f"The {kind} file is damaged: {type(error).__name__} {str(error)[:200]} while reading "
            f"its {part}."
        ) from error
