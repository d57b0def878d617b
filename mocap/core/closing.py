"""A base for what holds a model, a device or a file open."""

from __future__ import annotations

from typing import TypeVar

_Own = TypeVar("_Own", bound="Closing")


class Closing:
    """Calls `close` at the end of a `with` block."""

    def close(self) -> None:
        """Free what is held. A second call does nothing."""
        raise NotImplementedError

    def __enter__(self: _Own) -> _Own:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
