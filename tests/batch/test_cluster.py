"""A batch on a Dask cluster; `make bench BENCH=cluster` kills its workers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from distributed import Client

from mocap import formats
from mocap.bake import BakeOptions
from mocap.batch.cluster import ClusterRunner, cluster
from mocap.batch.jobs import Job
from mocap.batch.run import run
from mocap.errors import InputError
from mocap.solve.tuning import SolveOptions
from tests.helpers.synthetic import keypoints_of, smooth_motion

FAST = BakeOptions(solve=SolveOptions(refine=False))


@pytest.mark.filterwarnings("ignore")  # Dask's own, of ports and of loops that are closed
def test_clips_are_baked_on_a_cluster(tmp_path: Path) -> None:
    take = tmp_path / "take.json"
    formats.save(take, keypoints_of(smooth_motion(np.random.default_rng(0), 0.5, 30.0)))
    (tmp_path / "bad.json").write_text("no JSON")
    jobs = [
        Job(tmp_path / f"{name}.json", (tmp_path / f"{name}.bvh",), FAST)
        for name in ("take", "bad", "missing")
    ]
    with Client(processes=False, n_workers=1, dashboard_address=None) as client:
        outcomes = {o.job.path.stem: o for o in run(jobs, ClusterRunner(client))}
    assert {name: o.status for name, o in outcomes.items()} == {
        "take": "done", "bad": "failed", "missing": "failed",
    }  # fmt: skip
    assert outcomes["take"].written[0][1].frames == 15
    assert "No such file" in outcomes["missing"].error
    assert (tmp_path / "take.bvh").is_file()


def test_a_missing_scheduler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocap.batch.cluster._PATIENCE", 0.2)
    with (
        pytest.raises(InputError, match=r"No Dask scheduler answers at 'tcp://127\.0\.0\.1:9'"),
        cluster("tcp://127.0.0.1:9"),
    ):
        pass
