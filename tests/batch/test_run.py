"""Batches as a user runs them: a failed clip stops no other, and a batch can be resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mocap import formats
from mocap.bake import BakeOptions
from mocap.batch.jobs import Job
from mocap.batch.run import attempt, run
from mocap.solve.tuning import SolveOptions
from tests.helpers.synthetic import keypoints_of, smooth_motion

Run = Callable[..., tuple[int, str, str]]
FAST = BakeOptions(solve=SolveOptions(refine=False))


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Return a folder with two takes and, between them, an invalid file."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for n, name in enumerate(("a", "c")):
        motion = smooth_motion(np.random.default_rng(n), 0.5, 30.0)
        formats.save(folder / f"{name}.json", keypoints_of(motion))
    (folder / "b.json").write_text("no JSON")
    return folder


def test_a_failed_clip_does_not_stop_a_batch_and_resume_continues_it(
    run: Run, clips: Path, tmp_path: Path
) -> None:
    command = ("bake", clips, "-o", "out/{name}.bvh", "--no-refine")
    (tmp_path / "out").mkdir()
    status, out, err = run(*command)
    assert status == 1
    assert [line.split()[1] for line in out.splitlines()[:3]] == ["done", "FAILED", "done"]
    assert "b.json: " in err
    assert "This is not JSON" in err
    assert "3 clips: 2 done, 1 failed" in out
    written = {name: (tmp_path / "out" / f"{name}.bvh").stat().st_mtime_ns for name in "ac"}

    motion = smooth_motion(np.random.default_rng(7), 0.5, 30.0)
    formats.save(clips / "b.json", keypoints_of(motion))
    status, out, _ = run(*command, "--resume")
    assert status == 0
    assert "3 clips: 1 done, 2 up to date" in out
    assert written == {n: (tmp_path / "out" / f"{n}.bvh").stat().st_mtime_ns for n in "ac"}
    assert "3 clips: 3 done" in run(*command, "--resume", "--fps", 20)[1]


def test_outputs_are_refused_before_any_clip_is_baked(run: Run, clips: Path) -> None:
    status, _, err = run("bake", clips, "-o", "nowhere/{name}.bvh")
    assert (status, "no folder nowhere" in err) == (2, True)


def test_an_internal_error_is_an_outcome(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("mocap.batch.run.bake", broken)
    job = Job(clips / "a.json", (clips / "a.bvh",), FAST)
    (outcome,) = run([job], lambda jobs, batch: iter([attempt(j, batch) for j in jobs]))
    assert outcome.status == "failed"
    assert "ZeroDivisionError: division by zero (a fault in mocap" in outcome.error
