"""Takes jaxtyping's place in the page, where annotations are not read.

The package itself imports much of the standard library, which takes a sixth of the page's start.
"""


class _Array:
    """An array's type; its shape is for readers and tests."""

    def __class_getitem__(cls, shape: object) -> type:
        return cls


Bool = Float = Int = UInt8 = _Array
