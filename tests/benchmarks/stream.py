"""Age of a frame at the viewer, and the cost of viewers for the server.

One process publishes 60 frames a second (a JPEG of 10 kB, keypoints, a pose), another holds the
viewers, all on this machine. `websockets.broadcast`, the library's own way to send to many, runs
beside our server with the same frames. Ages run from the frame's stamp, just before it is encoded,
to its last byte at the viewer; for the slow ones to the moment of drawing.

    alone          a viewer that draws at once
    beside 50      the same beside 50 that never read, five of which acknowledge anyway
    draws 5/s      takes every frame, and draws the newest five times a second
    reads 5/s      reads a frame, draws for 200 ms, reads the next: a viewer that does not skip, or
                   a slow line
    memory         the server's growth over the time beside the 50
"""

from __future__ import annotations

import asyncio
import time

import numpy as np

from tests.helpers.stream_clients import Host, dead_clients, fast, greedy, in_order, slow

from .table import Cell, Table

_WAYS = {"server": "mocap", "broadcast": "websockets.broadcast"}


def ages(way: str, seconds: float) -> tuple[dict[str, list[float]], float]:
    """The ages of the frames that each viewer had, seconds; and the server's growth beside the 50,
    MB.
    """
    with Host(way, picture_bytes=10_000) as host:
        found = {
            "alone": asyncio.run(fast(host.port, seconds)),
            "draws 5/s": asyncio.run(slow(host.port, seconds, 5)),
            "reads 5/s": asyncio.run(in_order(host.port, seconds, 5)),
        }
        with dead_clients(host.port, 50) as dead, greedy(dead[:5]):
            time.sleep(0.5)
            before = host.memory()[0]
            found["beside 50"] = asyncio.run(fast(host.port, seconds))
            growth = (host.memory()[0] - before) / 1000
    return found, growth


def tables(quick: bool = False) -> list[Table]:
    """Both ways to send, side by side."""
    seconds = 1.0 if quick else 5.0
    results = {way: ages(way, seconds) for way in _WAYS}
    rows: list[tuple[Cell, ...]] = []
    for viewer in results["server"][0]:
        yardstick = float(np.median(results["broadcast"][0][viewer]))
        for way, name in _WAYS.items():
            found, growth = results[way]
            median, late, worst = (float(np.percentile(found[viewer], p)) for p in (50, 95, 100))
            memory = growth if viewer == "beside 50" else None
            rows.append(
                (
                    viewer,
                    name,
                    len(found[viewer]),
                    median * 1e3,
                    late * 1e3,
                    worst * 1e3,
                    memory,
                    median / yardstick,
                )
            )
    columns = (
        "viewer",
        "server",
        "frames",
        "median, ms",
        "p95, ms",
        "worst, ms",
        "memory, MB",
        "median ×",
    )
    note = (
        f"60 frames a second for {seconds:g} s, all on this machine; a viewer that is slow is "
        f"paced, so it has fewer frames."
    )
    return [
        Table(
            "How old a frame is when a viewer has it",
            columns,
            tuple(rows),
            "websockets.broadcast",
            note,
        )
    ]
