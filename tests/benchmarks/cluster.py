"""A batch on a cluster of processes in which a worker is killed and a clip kills its own workers.

Counts how often each clip was begun and what became of it: no clip is lost, none is baked twice
once it was done, and the poisoned clip fails alone.
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from distributed import WorkerPlugin

from mocap import formats
from mocap.bake import BakeOptions
from mocap.batch.cluster import cluster
from mocap.batch.jobs import Job
from mocap.batch.run import run
from mocap.solve.tuning import SolveOptions
from tests.helpers.synthetic import keypoints_of, smooth_motion

from .table import Table

CLIPS = ("first", "slow", "poison", "last")
_OPTIONS = BakeOptions(solve=SolveOptions(refine=False))


class Planted(WorkerPlugin):
    """Logs each clip that a worker begins, ends the process at `poison`, and holds up `slow`."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def setup(self, worker: Any) -> None:
        from mocap.batch import run

        bake = run.bake

        def watched(path: Path, *arguments: Any) -> Any:
            with self.log.open("a") as file:
                file.write(f"{path.stem} {os.getpid()}\n")
            if path.stem == "poison":
                os._exit(3)
            if path.stem == "slow":
                time.sleep(1.0)
            return bake(path, *arguments)

        run.bake = watched


def _kill(log: Path, clip: str) -> None:
    """Kill the worker process that bakes a clip first."""
    while True:
        for line in log.read_text().splitlines():
            name, process = line.split()
            if name == clip:
                os.kill(int(process), signal.SIGKILL)
                return
        time.sleep(0.02)


def tables(quick: bool) -> list[Table]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        jobs = []
        for n, name in enumerate(CLIPS):
            motion = smooth_motion(np.random.default_rng(n), 0.5, 30.0)
            formats.save(folder / f"{name}.json", keypoints_of(motion))
            jobs.append(Job(folder / f"{name}.json", (folder / f"{name}.bvh",), _OPTIONS))
        log = folder / "log"
        log.touch()
        with cluster("local", 2) as runner:
            runner.client.register_plugin(Planted(log))
            threading.Thread(target=_kill, args=(log, "slow"), daemon=True).start()
            outcomes = {o.job.path.stem: o for o in run(jobs, runner)}
        begun = [line.split()[0] for line in log.read_text().splitlines()]
        rows = tuple(
            (name, outcomes[name].status, begun.count(name), str((folder / f"{name}.bvh").exists()))
            for name in CLIPS
        )
    return [Table("Clips on two workers, one killed", ("clip", "status", "begun", "file"), rows, "",
        "The worker of slow is killed once; poison ends its worker each time.")]  # fmt: skip
