"""A small ONNX model, written by hand: it returns the same values for every picture."""

from __future__ import annotations

import numpy as np

_FLOAT = 1


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _field(number: int, value: int | bytes | str) -> bytes:
    """Return one field of a protobuf message (https://protobuf.dev/programming-guides/encoding)."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_field(1, _field(1, n)) for n in shape)
    tensor = _field(1, _FLOAT) + _field(2, dims)
    return _field(1, name) + _field(2, _field(1, tensor))


def constant_model(size: int, output: np.ndarray) -> bytes:
    """Return a model that takes (1, size, size, 3) floats and returns `output`.

    The numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
    """
    values = output.astype("<f4")
    tensor = b"".join(_field(1, n) for n in values.shape)
    tensor += _field(2, _FLOAT) + _field(9, values.tobytes())
    attribute = _field(1, "value") + _field(5, tensor) + _field(20, 4)
    node = _field(2, "points") + _field(4, "Constant") + _field(5, attribute)
    graph = _field(1, node) + _field(2, "constant")
    graph += _field(11, _value("picture", (1, size, size, 3)))
    graph += _field(12, _value("points", values.shape))
    return _field(1, 8) + _field(7, graph) + _field(8, _field(2, 13))
