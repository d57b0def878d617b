"""The benchmarks run, and what they claim of the solver holds, on few samples."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks import accuracy, kalidokit, solver
from benchmarks.table import Table, from_json
from synthetic import keypoints_of

from mocap import rotation as R
from mocap.keypoints import concatenate
from mocap.motion import Motion
from mocap.skeleton import BONES, HUMANOID


@pytest.fixture(scope="module", params=solver.SETS)
def sample(request):
    """(true motions, their keypoints, what mocap shows) of one of the sets."""
    true = solver.poses(request.param, 100)
    seen = [keypoints_of(m) for m in true]
    return true, seen, solver.by_mocap(true, seen)


def test_limbs_point_where_their_keypoints_say(sample):
    true, _, shown = sample
    assert max(errors.max() for errors in solver.direction_errors(true, shown).values()) <= 0.1


def test_bent_limbs_are_turned_as_their_hinges_say(sample):
    true, _, shown = sample
    assert solver.twist_errors(true, shown).max() <= 1.0


def test_better_than_kalidokit_however_that_is_read(sample, node):
    true, seen, shown = sample
    try:
        readings = solver.by_kalidokit(true, seen)
    except kalidokit.UnavailableError as reason:
        pytest.skip(str(reason))
    ours = solver.direction_errors(true, shown)
    for theirs in readings.values():
        for limb, errors in solver.direction_errors(true, theirs).items():
            assert ours[limb].max() < 0.1 * errors.mean(), limb


def test_kalidokit_is_read_as_its_own_constants_say(node):
    """In T-pose it is off by its own constants, 28.6° (half a radian) in the arms and 5.7° (a tenth) in the legs, and by no more."""
    rest = Motion(HUMANOID, np.zeros(1), np.array([[0.0, 0.0, -4.0]]), np.tile(R.IDENTITY, (1, len(BONES), 1)))
    try:
        turns, costs = kalidokit.rig(keypoints_of(rest))
    except kalidokit.UnavailableError as reason:
        pytest.skip(str(reason))
    errors = solver.direction_errors([rest], [kalidokit.shown(turns, rest.times, "demo")])
    np.testing.assert_allclose(errors["upper arm"], np.degrees(0.5), atol=0.1)
    np.testing.assert_allclose(errors["thigh"], np.degrees(0.1), atol=0.1)
    assert costs.min() > 0.0


def test_errors_are_seen():
    """A bone turned by 10° about its own axis is a twist and no direction; turned across, it is a direction."""
    true = solver.poses("facing", 10)
    upper = BONES.index("leftUpperLeg")
    for axis, expected_direction, expected_twist in (([0.0, 1.0, 0.0], 0.0, 10.0), ([1.0, 0.0, 0.0], 10.0, 0.0)):
        shown = []
        for m in true:
            rotations = m.rotations.copy()
            rotations[:, upper] = R.multiply(rotations[:, upper], R.from_axis_angle(np.array(axis), np.radians(10.0)))
            shown.append(Motion(m.skeleton, m.times, m.root_positions, rotations))
        assert solver.direction_errors(true, shown)["thigh"].max() == pytest.approx(expected_direction, abs=1e-6)
        assert solver.twist_errors(true, shown).max() == pytest.approx(expected_twist, abs=1e-6)


def test_parts_left_out_of_the_solver_are_left_out():
    """Noise-free keypoints that do not agree with their image: putting them onto it, and smoothing, change them; without, nothing does."""
    seen = concatenate([keypoints_of(m) for m in solver.poses("facing", 50)])
    plain = accuracy.solver.solve_take(seen, filtered=False)
    with accuracy.without(*accuracy.BAKED):
        bare = accuracy.solver.solve_take(seen)
    assert np.degrees(R.distance(bare.rotations, plain.rotations)).max() < 1e-6
    assert np.degrees(R.distance(accuracy.solver.solve_take(seen).rotations, plain.rotations)).max() > 10.0


def test_scale_free_measures_ignore_what_they_should():
    """A turned, scaled and moved copy of the joints is the same; a mirrored one is not."""
    joints = accuracy.joints_of(solver.poses("any", 100)[0])
    turn = solver.random_rotation(np.random.default_rng(1))
    moved = 0.1 * R.apply(turn, joints) + [1.0, 2.0, 3.0]
    assert accuracy._procrustes(moved, joints) < 1e-9
    assert accuracy._direction(accuracy._turned_onto(moved, joints), joints).max() < 1e-4
    mirrored = moved * [-1.0, 1.0, 1.0]
    assert accuracy._procrustes(mirrored, joints) > 0.01
    assert accuracy._direction(accuracy._turned_onto(mirrored, joints), joints).max() > 10.0


def test_tables_are_markdown_and_survive_json():
    table = Table(
        "t", ("what", "a", "b", "×"), (("one", 1234.5, (0.12345, 0.0001), 0.5), ("two", 60, 12.34, 1.0), ("three", None, 0.0, 1.0)), "two"
    )
    assert table.markdown().splitlines()[2:7] == [
        "| what  | a    | b               | ×     |",
        "| ----- | ---- | --------------- | ----- |",
        "| one   | 1234 | 0.123 / < 0.001 | 0.500 |",
        "| two   | 60   | 12.3            | 1.00  |",
        "| three | –    | 0               | 1.00  |",
    ]
    again = from_json(json.loads(json.dumps(table.json())))
    assert again == table
    assert "| one   | 1234 (was 1234) |" in table.markdown(again)


def bench(*arguments):
    """`python -m tests.benchmarks`, as `make bench` runs it."""
    command = [sys.executable, "-m", "tests.benchmarks", *map(str, arguments)]
    return subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, text=True, timeout=300)


def test_a_run_is_saved_and_compared_with(tmp_path):
    saved = tmp_path / "before.json"
    first = bench("solver", "--quick", "--save", saved)
    assert first.returncode == 0, first.stderr
    kept = json.loads(saved.read_text())
    assert [from_json(t).markdown() in first.stdout for t in kept["tables"]] == [True, True]
    for table in kept["tables"]:
        table["rows"][0][2] = 99.5
    saved.write_text(json.dumps(kept))
    second = bench("solver", "--quick", "--compare", saved)
    assert second.returncode == 0, second.stderr
    assert second.stdout.count("(was 99.5)") == 2


def test_an_unknown_benchmark_is_named():
    run = bench("speed")
    assert run.returncode == 2
    assert "no benchmark is named speed; there are solver, accuracy, latency, stream, detect" in run.stderr


def test_a_row_without_its_cells_is_no_table():
    with pytest.raises(ValueError, match="must have 3 cells"):
        Table("t", ("what", "a", "b"), (("one", 1.0),), "two")
