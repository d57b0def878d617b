"""Good inputs with damages."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from mocap.errors import MocapError
from mocap.formats.gltf import glb
from tests.helpers.fuzzing.seeds import seeds

_GLB = (".glb", ".vrm", ".vrma")
_JSON = (".json", ".gltf", ".landmarks", ".map", ".viewer", ".ingest", ".studio", ".server")
_WORDS: tuple[Any, ...] = (
    None, True, 0, -1, 1, 3, 2**31, 2**53, 2**80, 1e308, -1e-320, 0.5, "", "x", "é" * 300,
    [], {}, [[]], [0], [None], [1e308, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], {"node": 0},
)  # fmt: skip
_FLOATS = (0.0, -0.0, 1e-40, 0.5, 1.0, -1.0, 99.0, 1e6, -1e15, 3.4e38, np.inf, -np.inf, np.nan)
_BYTES = (b"", b"\x00", b"\xff" * 4, b"\n", b"-1", b"1e999", b"nan", b"{", b"}", b"\xc3\x28", b"0")


def damaged(rng: np.random.Generator, kind: str) -> bytes:
    """Return a good input of a kind with one to four damages."""
    good = seeds()[kind]
    data = good[int(rng.integers(len(good)))]
    for _ in range(rng.integers(1, 5)):
        data = damaged_once(rng, kind, data)
    return data


def damaged_once(rng: np.random.Generator, kind: str, data: bytes) -> bytes:
    """Return an input with one more damage: of a value of its document, or of its bytes."""
    if rng.random() < 0.3:
        return _with_damaged_bytes(rng, data)
    if kind in _GLB:
        return _with_damaged_document(rng, data)
    if kind in _JSON and data[:1] in b"{[":
        return _with_damaged_json(rng, data)
    if kind == ".viewer":
        return _with_damaged_floats(rng, data)
    return _with_damaged_bytes(rng, data)


def _with_damaged_floats(rng: np.random.Generator, data: bytes) -> bytes:
    """Change one of the 32-bit floats of a binary message."""
    if len(data) < 8:
        return data
    at = 4 * int(rng.integers(len(data) // 4))
    value = np.float32(_FLOATS[int(rng.integers(len(_FLOATS)))]).tobytes()
    return data[:at] + value + data[at + 4 :]


def _with_damaged_bytes(rng: np.random.Generator, data: bytes) -> bytes:
    at, end = np.sort(rng.integers(0, len(data) + 1, 2))
    kind = rng.integers(0, 5)
    if kind == 0:  # cut off
        return data[:at]
    if kind == 1:  # a piece is missing
        return data[:at] + data[min(at + int(rng.integers(1, 64)), len(data)) :]
    if kind == 2:  # a piece stands twice
        return data[:end] + data[max(at, end - 2000) :]
    junk = rng.bytes(rng.integers(1, 9)) if kind == 3 else _BYTES[rng.integers(len(_BYTES))]
    return data[:at] + junk + data[at + len(junk) :]


def _with_damaged_document(rng: np.random.Generator, data: bytes) -> bytes:
    """Change a value of a GLB's JSON, if it still has one."""
    try:
        document, binary = glb.split(data)
    except (MocapError, ValueError):
        return _with_damaged_bytes(rng, data)
    _damage_value(rng, document)
    return glb.join(document, binary)


def _with_damaged_json(rng: np.random.Generator, data: bytes) -> bytes:
    try:
        document = json.loads(data)
    except ValueError:
        return _with_damaged_bytes(rng, data)
    if isinstance(document, dict | list):
        _damage_value(rng, document)
    return json.dumps(document).encode()


def _damage_value(rng: np.random.Generator, document: dict[str, Any] | list[Any]) -> None:
    entry: Any = document
    while entry:
        keys = list(entry) if isinstance(entry, dict) else range(len(entry))
        key = keys[int(rng.integers(len(keys)))]
        if isinstance(entry[key], dict | list) and entry[key] and rng.random() < 0.8:
            entry = entry[key]
        elif rng.random() < 0.3:
            del entry[key]
            return
        else:
            entry[key] = _WORDS[int(rng.integers(len(_WORDS)))]
            return
