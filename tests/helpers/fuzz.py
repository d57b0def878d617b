"""Damages files of every format that the page takes, and sends them through the studio's readers.

    python -m tests.helpers.fuzz [SECONDS [SEED]]

prints each input that ends in anything but a MocapError, or takes more than a second a megabyte,
and keeps it in tests/data/damaged/, where tests/studio/test_uploads.py reads it from then on.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mocap import formats
from mocap.errors import MocapError
from mocap.formats.gltf import glb
from mocap.retargeting import retarget
from mocap.rig.load import load_rig
from mocap.studio import view
from mocap.studio.characters import Characters, PublishedFiles
from tests.helpers.places import MANNEQUIN, TESTS
from tests.helpers.synthetic import keypoints_of, smooth_motion

KEPT = TESTS / "data" / "damaged"
"""Inputs that once ended in another error."""

SECONDS_PER_MEGABYTE, LEAST_SECONDS = 1.0, 2.0
_CHARACTERS = (".glb", ".vrm")
_WORDS: tuple[Any, ...] = (
    None, True, 0, -1, 1, 3, 2**31, 2**53, 2**80, 1e308, -1e-320, 0.5, "", "x", "é" * 300,
    [], {}, [[]], [0], [None], [1e308, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], {"node": 0},
)  # fmt: skip
_BYTES = (b"", b"\x00", b"\xff" * 4, b"\n", b"-1", b"1e999", b"nan", b"{", b"}", b"\xc3\x28", b"0")


@cache
def seeds() -> dict[str, bytes]:
    """A small good file of each format, by suffix."""
    motion = smooth_motion(np.random.default_rng(2), 0.2, 30.0)
    keypoints = keypoints_of(motion)
    rig = load_rig(MANNEQUIN)
    made = {".vrm": MANNEQUIN.read_bytes()}
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".bvh", ".fbx", ".glb", ".vrma", ".json", ".jsonl"):
            path = Path(folder) / f"it{suffix}"
            if suffix == ".glb":
                formats.save(path, retarget(motion, rig), rig)
            else:
                formats.save(path, keypoints if suffix.startswith(".json") else motion)
            made[suffix] = path.read_bytes()
    return made


def damaged(rng: np.random.Generator, suffix: str) -> bytes:
    """Return a good file of a format with one to four damages."""
    data = seeds()[suffix]
    for _ in range(rng.integers(1, 5)):
        if suffix in (".glb", ".vrm", ".vrma") and rng.random() < 0.7:
            data = _with_damaged_document(rng, data)
        elif suffix == ".json" and rng.random() < 0.7:
            data = _with_damaged_json(rng, data)
        else:
            data = _with_damaged_bytes(rng, data)
    return data


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


def problem(suffix: str, data: bytes) -> str | None:
    """Read a file as the page's studio and `mocap view` do.

    Returns:
        What went wrong, a traceback or the time it took; None if it was read, or refused by a
        MocapError of one short sentence.
    """
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", UserWarning)
        path = Path(folder) / f"it{suffix}"
        path.write_bytes(data)
        reads: list[Callable[[], object]] = [lambda: view.opened(path)]
        if suffix in _CHARACTERS:
            reads.append(lambda: Characters(PublishedFiles({})).add(data, f"it{suffix}"))
        for found in map(_failure, reads):
            if found is not None:
                return found
    took = time.process_time() - begun
    if took > max(LEAST_SECONDS, SECONDS_PER_MEGABYTE * len(data) / 1e6):
        return f"{took:.1f} s for {len(data)} bytes"
    return None


def _failure(read: Callable[[], object]) -> str | None:
    try:
        read()
    except MocapError as error:
        if len(str(error)) > 1000:
            return f"A sentence of {len(str(error))} characters: {str(error)[:200]}"
    except Exception:
        return traceback.format_exc(limit=-3)
    return None


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 2**32
    rng = np.random.default_rng(seed)
    suffixes = sorted(seeds())
    known: set[str] = set()
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        suffix = suffixes[count % len(suffixes)]
        data = damaged(rng, suffix)
        count += 1
        if (found := problem(suffix, data)) is None:
            continue
        where = found.strip().splitlines()[-1] + "".join(found.strip().splitlines()[-3:-1])
        if where not in known:
            known.add(where)
            KEPT.mkdir(exist_ok=True)
            path = KEPT / f"{hashlib.sha256(data).hexdigest()[:10]}{suffix}"
            path.write_bytes(data)
            print(f"\n{path.name}\n{found}", flush=True)
    print(f"{count} inputs (seed {seed}), {len(known)} different failures")


if __name__ == "__main__":
    main()
