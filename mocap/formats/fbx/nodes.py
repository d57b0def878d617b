"""The tree of named nodes of an FBX file, binary or ASCII, and the types of its values.

The properties of a binary file are unpacked when they are first read. Meshes and textures are never
unpacked, and are written with their original bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, overload

import numpy as np
from numpy import ndarray

from mocap.errors import InputError
from mocap.formats import damage

Value = Any
"""bool (C), np.int16 (Y), np.int32 (I), int (L), np.float32 (F), float (D), str (S), bytes (R), or
an array of float32 (f), float64 (d), int32 (i), int64 (l) or uint8 (b): the type letters of the
binary form."""

_SCALARS = {b"Y": "<h", b"I": "<i", b"L": "<q", b"F": "<f", b"D": "<d", b"C": "<B", b"B": "<B"}
_ARRAYS = {b"f": "<f4", b"d": "<f8", b"l": "<i8", b"i": "<i4", b"b": "u1", b"c": "u1"}
_LETTERS = {"f4": b"f", "f8": b"d", "i8": b"l", "i4": b"i", "u1": b"b", "b1": b"b"}
# Bytes: arrays that mocap reads (bone matrices, curves' keys) are far shorter.
_LONGEST_ARRAY = 1 << 24
# Bytes: arrays of at least this size are compressed.
_SMALL = 128


damage_named = partial(damage.damage_named, "FBX", "objects")
"""Turns the exceptions of a damaged file into an InputError."""


class Node(NamedTuple):
    """A node of a file.

    Attributes:
        name: The node's name.
        values: The values of its properties, packed or not.
        children: The nodes below it.
        closed: Whether a binary file ends the node with an empty record, although it has no
            children.
        brace: Position of the closing brace in the text of an ASCII file; −1 if it has none.
    """

    name: str
    values: Sequence[Value] = ()
    children: tuple[Node, ...] = ()
    closed: bool = False
    brace: int = -1

    def child(self, name: str) -> Node | None:
        """Return the first child of a name; None if there is none."""
        return next((c for c in self.children if c.name == name), None)

    def array(self, name: str) -> ndarray | None:
        """Return the array in the child of a name; None if there is no such child.

        Raises:
            InputError: The child does not contain an array.
        """
        found = self.child(name)
        if found is None:
            return None
        value = found.values[0] if len(found.values) else None
        if isinstance(value, ndarray) and value.ndim == 1:
            return value
        if all(isinstance(v, int | float | np.number) for v in found.values):
            return np.array(found.values)
        raise InputError(f"The FBX file is damaged: {self.name}'s {name} is not an array.")


class Packed(Sequence[Value]):
    """The properties of a binary file's node as bytes; they are unpacked when they are read."""

    __slots__ = ("_values", "number", "raw")

    def __init__(self, raw: bytes, count: int) -> None:
        self.raw, self.number = raw, count
        self._values: tuple[Value, ...] | None = None

    def unpacked(self) -> tuple[Value, ...]:
        """Return the values.

        Raises:
            InputError: The bytes are damaged.
        """
        if self._values is None:
            try:
                self._values = _unpacked(self.raw, self.number)
            except (struct.error, IndexError, zlib.error, KeyError, ValueError):
                raise InputError(
                    "The FBX file is damaged: a node's properties cannot be unpacked."
                ) from None
        return self._values

    def __len__(self) -> int:
        return self.number

    def __iter__(self) -> Iterator[Value]:
        return iter(self.unpacked())

    @overload
    def __getitem__(self, index: int) -> Value: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Value, ...]: ...
    def __getitem__(self, index: int | slice) -> Value:
        return self.unpacked()[index]


def _unpacked(raw: bytes, count: int) -> tuple[Value, ...]:
    if count > len(raw):
        raise ValueError
    values: list[Value] = []
    at = 0
    for _ in range(count):
        letter = raw[at : at + 1]
        at += 1
        if letter in b"SR":
            (size,) = struct.unpack_from("<I", raw, at)
            content = raw[at + 4 : at + 4 + size]
            if len(content) != size:
                raise ValueError
            values.append(content.decode("utf-8", "surrogateescape") if letter == b"S" else content)
            at += 4 + size
        elif form := _SCALARS.get(letter):
            (value,) = struct.unpack_from(form, raw, at)
            at += struct.calcsize(form)
            values.append(bool(value) if form == "<B" else value)
        else:
            length, encoding, size = struct.unpack_from("<III", raw, at)
            dtype = np.dtype(_ARRAYS[letter])
            expected = length * dtype.itemsize
            if encoding == 0:
                size = expected
            content = raw[at + 12 : at + 12 + size]
            if len(content) != size:
                raise ValueError
            values.append(np.frombuffer(_inflated(content, encoding, expected), dtype))
            at += 12 + size
    return tuple(values)


def _inflated(content: bytes, encoding: int, expected: int) -> bytes:
    """Return an array's bytes.

    Args:
        content: The bytes in the file.
        encoding: 0 for plain, 1 for zlib.
        expected: Size of the array, bytes; no more are decompressed.
    """
    if expected > _LONGEST_ARRAY:
        raise InputError(
            f"The FBX file is damaged: an array of a bone or curve has {expected} bytes; mocap "
            f"reads at most {_LONGEST_ARRAY}."
        )
    if encoding == 0:
        return content
    if encoding != 1:
        raise ValueError
    out = zlib.decompressobj().decompress(content, expected + 1)
    if len(out) != expected:
        raise ValueError
    return out


def packed(values: Sequence[Value]) -> bytes:
    """Return values as bytes of a binary file; longer arrays are compressed."""
    if isinstance(values, Packed):
        return values.raw
    return b"".join(_packed_one(value) for value in values)


def _packed_one(value: Value) -> bytes:
    if isinstance(value, bool | np.bool_):
        return b"C" + struct.pack("<B", bool(value))
    if isinstance(value, str):
        content = value.encode("utf-8", "surrogateescape")
        return b"S" + struct.pack("<I", len(content)) + content
    if isinstance(value, bytes):
        return b"R" + struct.pack("<I", len(value)) + value
    if isinstance(value, ndarray):
        letter = _LETTERS[value.dtype.str[1:]]
        content = value.astype(_ARRAYS[letter]).tobytes()
        encoding = int(len(content) >= _SMALL)
        if encoding:
            content = zlib.compress(content, 1)
        return letter + struct.pack("<III", value.size, encoding, len(content)) + content
    if isinstance(value, np.int16):
        return b"Y" + struct.pack("<h", value)
    if isinstance(value, np.int32):
        return b"I" + struct.pack("<i", value)
    if isinstance(value, np.float32):
        return b"F" + struct.pack("<f", value)
    if isinstance(value, int | np.integer):
        return b"L" + struct.pack("<q", int(value))
    return b"D" + struct.pack("<d", value)
