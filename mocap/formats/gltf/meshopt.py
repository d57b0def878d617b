"""Decoding of buffer views that are compressed by EXT_ or KHR_meshopt_compression.

Format: https://github.com/KhronosGroup/glTF, extensions/2.0/Khronos/KHR_meshopt_compression,
appendices A and B. Attributes of both versions are decoded, with the filters that animations and
bind matrices use. Indices and colours are not decoded, because mocap does not read them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from mocap.errors import InputError

EXTENSIONS = ("EXT_meshopt_compression", "KHR_meshopt_compression")

_GROUP = 16  # elements whose deltas are packed together
# Bits per delta, by a group's two header bits: in version 0, and by control mode in version 1.
_BITS_0 = (0, 2, 4, 8)
_BITS_1 = ((0, 1, 2, 4), (1, 2, 4, 8))
_ALL_ZERO, _LITERAL = 2, 3  # the other control modes
_HEADERS = {0xA0: 0, 0xA1: 1}
# Least size of the tail, bytes, by version.
_TAIL = (32, 24)


@lru_cache(maxsize=32)
def decode(data: bytes, count: int, stride: int, mode: str, kind: str) -> bytes:
    """Return the bytes of a compressed buffer view.

    Args:
        data: The compressed bytes.
        count: Number of elements.
        stride: Bytes per element.
        mode: The extension's `mode`; only "ATTRIBUTES" is decoded.
        kind: The extension's `filter`: "NONE", "QUATERNION", "EXPONENTIAL" or "OCTAHEDRAL".

    Raises:
        InputError: The data is damaged, or has another mode or filter.
    """
    if mode != "ATTRIBUTES" or kind not in ("NONE", *_FILTERS):
        raise InputError(
            f"mocap does not decode meshopt data of mode {mode!r} with filter {kind!r}."
        )
    if count < 0 or stride < 4 or stride > 256 or stride % 4 or len(data) < 1 + _TAIL[1]:
        raise InputError(
            f"The meshopt data is damaged: {count} elements of {stride} bytes in {len(data)} bytes."
        )
    try:
        values = _attributes(np.frombuffer(data, dtype=np.uint8), count, stride)
    except (IndexError, ValueError):
        raise InputError("The meshopt data is damaged: it ends before its last element.") from None
    return values.tobytes() if kind == "NONE" else _FILTERS[kind](values).tobytes()


def _attributes(data: UInt8[ndarray, " n"], count: int, stride: int) -> UInt8[ndarray, "count s"]:
    if int(data[0]) not in _HEADERS:
        raise InputError(
            f"The meshopt data is damaged: it begins with {int(data[0]):#x}, not 0xa0 or 0xa1."
        )
    version = _HEADERS[int(data[0])]
    tail = stride + (stride // 4 if version else 0)
    end = len(data) - max(tail, _TAIL[version])
    baseline = data[len(data) - tail :][:stride]
    modes = data[len(data) - stride // 4 :] if version else np.zeros(stride // 4, dtype=np.uint8)
    deltas = np.zeros((count, stride), dtype=np.uint8)
    most = min((8192 // stride) & ~15, 256)
    at = 1
    for first in range(0, count, most):
        block = min(most, count - first)
        groups = -(-block // _GROUP)
        control = np.full(stride, -1)
        if version:
            packed = data[at : at + stride // 4]
            control = ((packed[:, None] >> np.array([0, 2, 4, 6])) & 3).ravel().astype(int)
            at += stride // 4
        for byte, form in enumerate(control.tolist()):
            if form == _ALL_ZERO:
                continue
            if form == _LITERAL:
                column, at = data[at : at + block], at + block
            else:
                bits = _BITS_0 if form < 0 else _BITS_1[form]
                column, at = _column(data, at, groups, bits)
            deltas[first : first + block, byte] = column[:block]
        if at > end:
            raise IndexError
    return _summed(deltas, baseline, modes)


def _column(
    data: UInt8[ndarray, " n"], at: int, groups: int, bits: tuple[int, ...]
) -> tuple[UInt8[ndarray, " m"], int]:
    """Return the deltas of one byte of a block's elements, and the offset of the next data."""
    size = -(-groups // 4)
    header = ((data[at : at + size, None] >> np.array([0, 2, 4, 6])) & 3).ravel()
    at += size
    out = np.zeros(groups * _GROUP, dtype=np.uint8)
    for group, form in enumerate(header[:groups].tolist()):
        width = bits[form]
        if width == 0:
            continue
        packed = data[at : at + 2 * width]
        at += 2 * width
        if width == 8:
            values = packed
        else:
            shifts = np.arange(0, 8, width) if width == 1 else np.arange(8 - width, -1, -width)
            values = ((packed[:, None] >> shifts) & (2**width - 1)).ravel().astype(np.uint8)
            explicit = np.flatnonzero(values == 2**width - 1)
            values[explicit] = data[at : at + len(explicit)]
            at += len(explicit)
        out[group * _GROUP : (group + 1) * _GROUP] = values
    return out, at


def _summed(
    deltas: UInt8[ndarray, "count s"], baseline: UInt8[ndarray, " s"], modes: UInt8[ndarray, " c"]
) -> UInt8[ndarray, "count s"]:
    """Return the values from their differences, by the mode of each channel of four bytes."""
    out = np.empty_like(deltas)
    for channel, mode in enumerate(modes.tolist()):
        part = slice(4 * channel, 4 * channel + 4)
        own, first = np.ascontiguousarray(deltas[:, part]), baseline[part].copy()
        if mode in (0, 1):
            kind = np.dtype(np.uint8 if mode == 0 else "<u2")
            coded = own.view(kind)
            steps = np.where(coded & 1, ~(coded >> 1), coded >> 1).astype(kind)
            values = np.cumsum(steps, axis=0, dtype=kind) + first.view(kind)
            out[:, part] = np.ascontiguousarray(values.astype(kind)).view(np.uint8)
        elif mode & 15 == 2:
            coded, turn = own.view("<u4"), mode >> 4
            steps = (coded << turn) | (coded >> ((32 - turn) & 31)) if turn else coded
            values = np.bitwise_xor.accumulate(steps, axis=0) ^ first.view("<u4")
            out[:, part] = np.ascontiguousarray(values.astype("<u4")).view(np.uint8)
        else:
            raise InputError(f"The meshopt data is damaged: there is no channel mode {mode}.")
    return out


def _rounded(values: ndarray) -> ndarray:
    """Return the nearest integers, halves away from zero."""
    return np.asarray(np.copysign(np.floor(np.abs(values) + 0.5), values))


def _quaternion(values: UInt8[ndarray, "count s"]) -> ndarray:
    """Undo the filter that leaves out the largest component of each quaternion."""
    coded = np.ascontiguousarray(values).view("<i2").reshape(len(values), values.shape[1] // 8, 4)
    one = (coded[..., 3] | 3).astype(np.float32)
    rest = coded[..., :3] / one[..., None] * np.float32(np.sqrt(0.5))
    largest = np.sqrt(np.maximum(0.0, 1.0 - np.sum(rest * rest, axis=-1)))
    out = np.empty(coded.shape, dtype="<i2")
    at = (coded[..., 3, None] & 3).astype(np.int64)
    for i, component in enumerate((rest[..., 0], rest[..., 1], rest[..., 2], largest)):
        place = (at + (i + 1) % 4) % 4
        np.put_along_axis(out, place, _rounded(component * 32767.0)[..., None].astype("<i2"), -1)
    return out


def _exponential(values: UInt8[ndarray, "count s"]) -> ndarray:
    coded = np.ascontiguousarray(values).view("<i4")
    return np.ldexp(((coded << 8) >> 8).astype(np.float64), coded >> 24).astype("<f4")


def _octahedral(values: UInt8[ndarray, "count s"]) -> ndarray:
    kind = np.dtype("<i2" if values.shape[1] == 8 else "i1")
    coded = np.ascontiguousarray(values).view(kind)
    x, y = (coded[:, i] / np.maximum(coded[:, 2], 1).astype(np.float32) for i in (0, 1))
    z = 1.0 - np.abs(x) - np.abs(y)
    fold = np.minimum(z, 0.0)
    v = np.stack([x - np.copysign(fold, x), y - np.copysign(fold, y), z], axis=1)
    v /= np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-30)
    out = coded.copy()
    out[:, :3] = _rounded(v * np.iinfo(kind).max).astype(kind)
    return out


_FILTERS = {
    "QUATERNION": _quaternion,
    "EXPONENTIAL": _exponential,
    "OCTAHEDRAL": _octahedral,
}
