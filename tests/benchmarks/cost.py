"""Time and memory of the bake beyond the detector, by the length of the take.

Both must grow no faster than the take. Takes are the keypoints of rendered clips in a row, which is
a hard case: the performer jumps from motion to motion.
"""

from __future__ import annotations

import time
import tracemalloc

import numpy as np

from mocap.core.keypoints import Keypoints

from . import contenders, kalidokit, rendered
from .table import Cell, Table


def take(frames: int, model: str = "full") -> Keypoints:
    """A take of so many frames at 30 a second, of the clips seen from the front, over and over."""
    parts = [
        kalidokit.on_seen(clip.keypoints[model])
        for clip in rendered.clips(views=("front", "towards"))
    ]
    rounds = 1 + frames // sum(len(p) for p in parts)
    positions, image, confidence = (
        np.concatenate([getattr(p, what) for p in parts] * rounds)[:frames]
        for what in ("positions", "image", "confidence")
    )
    return Keypoints(np.arange(frames) / 30.0, positions, image, confidence, parts[0].camera)


def table(quick: bool = False) -> Table:
    """Seconds of this thread's time on the processor and the largest memory that was in use at
    once, above what the take itself takes.
    """
    contenders.bake(take(60))
    rows: list[tuple[Cell, ...]] = []
    yardstick = 0.0
    for frames in (60, 120) if quick else (500, 1000, 2000, 4000):
        keypoints = take(frames)
        begun = time.thread_time()
        contenders.bake(keypoints)
        taken = time.thread_time() - begun
        peak = _memory(keypoints) if frames in (60, 1000, 4000) else None
        yardstick = yardstick or taken / frames
        memory: tuple[Cell, ...] = (
            (None, None) if peak is None else (peak / 1e6, peak / 1e3 / frames)
        )
        rows.append((frames, taken, 1000.0 * taken / frames, *memory, taken / frames / yardstick))
    columns = ("frames", "bake, s", "ms a frame", "memory, MB", "kB a frame", "ms a frame ×")
    return Table(
        "What the bake costs beyond the detector",
        columns,
        tuple(rows),
        "the shortest take",
        "One thread.",
    )


def _memory(keypoints: Keypoints) -> int:
    """Peak memory of a bake in bytes, above what was in use before."""
    tracemalloc.start()
    contenders.bake(keypoints)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
