"""`kill -9` at any moment of recording, baking and exporting: what is left is whole.

A recording is what `mocap live` writes while a page's camera sends 30 frames a second; the take
must be readable with every frame that had been appended. A bake and an export write over an older
file, which must then be the older one or the new one, byte for byte.

There are 12 kills, or KILLS:

    KILLS=100 make bench BENCH=kills
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap import formats
from mocap.detect.inputs import read_keypoints
from tests.helpers.command import MOCAP
from tests.helpers.places import MANNEQUIN
from tests.helpers.stream_clients import ack, next_frame, viewer
from tests.helpers.synthetic import keypoints_of, smooth_motion

from .soak import camera, record, session
from .table import Table

_OLD = b"the older file"


@dataclass
class _Left:
    """What kills left behind.

    Attributes:
        kills: How many processes were killed.
        damaged: How many files were neither the older nor the new one.
        finished: How many files were the new one.
        lost: The most frames that a viewer had seen and the take lacked.
        litter: Temporary files that were left.
    """

    kills: int = 0
    damaged: int = 0
    finished: int = 0
    lost: int = 0
    litter: int = 0


async def _recording(count: int, chance: random.Random) -> _Left:
    """Kill the server while it records."""
    left = _Left()
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(count):
            async with contextlib.AsyncExitStack() as stack:
                # The session notices that its process has ended.
                stack.push(lambda kind, *_: kind is RuntimeError)
                port, pid = await stack.enter_async_context(session(Path(folder)))
                sending = asyncio.create_task(camera(port, [0]))
                try:
                    seen = await _killed_while_recording(port, pid, chance)
                finally:
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)
            left.kills += 1
            newest = max(Path(folder).glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
            try:
                left.lost = max(left.lost, seen - len(read_keypoints(newest)))
            except Exception:
                left.damaged += 1
            else:
                left.finished += 1
        takes = len(list(Path(folder).glob("*.jsonl")))
        left.litter = len(list(Path(folder).iterdir())) - takes
    return left


async def _killed_while_recording(port: int, pid: int, chance: random.Random) -> int:
    """Record for a moment and kill; return how many recorded frames a viewer saw before it."""
    async with viewer(port) as connection:
        await next_frame(connection, 60.0)
        await record(port, True)
        end, seen = time.monotonic() + chance.uniform(0.1, 1.5), 0
        while time.monotonic() < end:
            stamp = await next_frame(connection, 60.0)
            await connection.send(ack(stamp.frame))
            seen += 1
        os.kill(pid, signal.SIGKILL)
        # The frame under way when the recording began may have come before it.
        return seen - 1


def _writing(
    arguments: Callable[[Path], list[str]], output: str, count: int, chance: random.Random
) -> _Left:
    """Kill a command that writes a file over an older one.

    Args:
        arguments: The command's arguments, by its folder.
        output: The name of the file that it writes.
        count: How many times.
        chance: Chooses the moments.
    """
    left = _Left()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command, path = [*MOCAP, *arguments(folder)], folder / output
        inputs = len(list(folder.iterdir()))
        begun = time.monotonic()
        subprocess.run(command, check=True, capture_output=True)
        took, new = time.monotonic() - begun, path.read_bytes()
        for _ in range(count):
            path.write_bytes(_OLD)
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            # Most kills come near the end, where the file is written.
            time.sleep(took * chance.uniform(0.6, 1.05))
            process.kill()
            process.wait()
            left.kills += 1
            found = path.read_bytes()
            left.finished += found == new
            left.damaged += found not in (_OLD, new)
        left.litter = len(list(folder.iterdir())) - inputs - 1
        subprocess.run(command, check=True, capture_output=True)
        left.damaged += path.read_bytes() != new
    return left


def _bake(folder: Path) -> list[str]:
    motion = smooth_motion(np.random.default_rng(1), 2.0, 30.0)
    formats.save(folder / "take.jsonl", keypoints_of(motion, (1280, 720)))
    return ["bake", str(folder / "take.jsonl"), "-o", str(folder / "take.bvh")]


def _export(folder: Path) -> list[str]:
    formats.save(folder / "walk.bvh", smooth_motion(np.random.default_rng(1), 4.0, 30.0))
    return [
        "retarget",
        str(folder / "walk.bvh"),
        "--rig",
        str(MANNEQUIN),
        "-o",
        str(folder / "walk.glb"),
    ]


def tables(quick: bool = False) -> list[Table]:
    """Kill, and count what is left."""
    count = 3 if quick else int(os.environ.get("KILLS", "12"))
    each, chance = [count // 3 + (i < count % 3) for i in range(3)], random.Random(count)
    found = {
        "recording (mocap live)": asyncio.run(_recording(each[0], chance)),
        "bake": _writing(_bake, "take.bvh", each[1], chance),
        "export (mocap retarget)": _writing(_export, "walk.glb", each[2], chance),
    }
    rows = tuple(
        (name, left.kills, left.damaged, left.finished, left.lost, left.litter)
        for name, left in found.items()
    )
    columns = ("killed", "kills", "damaged", "complete", "frames lost", "temporary files left")
    note = (
        "Complete: the take was readable, or the new file was written before the kill; otherwise "
        "the older file was left as it was. Frames lost: the most that a viewer had seen and the "
        "take lacked."
    )
    return [Table(f"kill -9, {count} times", columns, rows, "", note)]
