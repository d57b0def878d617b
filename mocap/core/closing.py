"""Base class of objects that hold a model, a device or a file open."""

from __future__ import annotations

from typing import TypeVar

_Own = TypeVar("_Own", bound="Closing")


class Closing:
    """Base class of context managers whose `close` runs at the end of a `with` block."""

    def close(self) -> None:
        """Release the resource. A second call does nothing."""
        raise NotImplementedError

    def __enter__(self: _Own) -> _Own:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
