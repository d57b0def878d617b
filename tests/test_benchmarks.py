"""The benchmarks run, and their claims on the solver hold, on few samples."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mocap.core import rotation as R
from mocap.core.keypoints import concatenate
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions
from tests.benchmarks import (
    accuracy,
    captured,
    contenders,
    kalidokit,
    lag,
    measures,
    rendered,
    solver,
)
from tests.benchmarks.table import Table, from_json
from tests.helpers.places import ROOT
from tests.helpers.synthetic import keypoints_of


@pytest.fixture(scope="module", params=solver.SETS)
def sample(request):
    """Return true motions, their keypoints, and mocap's result of one of the sets."""
    true = solver.poses(request.param, 100)
    seen = [keypoints_of(m) for m in true]
    return true, seen, solver.by_mocap(true, seen)


def test_limbs_point_along_their_keypoints(sample):
    true, _, shown = sample
    assert max(errors.max() for errors in solver.direction_errors(true, shown).values()) <= 0.1


def test_bent_limbs_twist_as_their_hinges_show(sample):
    true, _, shown = sample
    assert solver.twist_errors(true, shown).max() <= 1.0


def test_mocap_beats_kalidokit_under_any_reading_of_its_output(sample, node):
    true, seen, shown = sample
    try:
        readings = solver.by_kalidokit(true, seen)
    except kalidokit.UnavailableError as reason:
        pytest.skip(str(reason))
    ours = solver.direction_errors(true, shown)
    for theirs in readings.values():
        for limb, errors in solver.direction_errors(true, theirs).items():
            assert ours[limb].max() < 0.1 * errors.mean(), limb


def test_kalidokit_is_read_by_its_own_constants(node):
    """In T-pose it is off by its own constants: 28.6° (0.5 rad) in arms, 5.7° in legs."""
    rest = Motion(
        HUMANOID, np.zeros(1), np.array([[0.0, 0.0, -4.0]]), np.tile(R.IDENTITY, (1, len(BONES), 1))
    )
    try:
        turns, costs = kalidokit.rig(keypoints_of(rest))
    except kalidokit.UnavailableError as reason:
        pytest.skip(str(reason))
    errors = solver.direction_errors([rest], [kalidokit.shown(turns, rest.times, "demo")])
    np.testing.assert_allclose(errors["upper arm"], np.degrees(0.5), atol=0.1)
    np.testing.assert_allclose(errors["thigh"], np.degrees(0.1), atol=0.1)
    assert costs.min() > 0.0


def test_errors_are_measured():
    """A turn of 10° about a bone's axis counts as twist, and across it as direction."""
    true = solver.poses("facing", 10)
    upper = BONES.index("leftUpperLeg")
    for axis, expected_direction, expected_twist in (
        ([0.0, 1.0, 0.0], 0.0, 10.0),
        ([1.0, 0.0, 0.0], 10.0, 0.0),
    ):
        shown = []
        for m in true:
            rotations = m.rotations.copy()
            rotations[:, upper] = R.multiply(
                rotations[:, upper], R.from_axis_angle(np.array(axis), np.radians(10.0))
            )
            shown.append(Motion(m.skeleton, m.times, m.root_positions, rotations))
        assert solver.direction_errors(true, shown)["thigh"].max() == pytest.approx(
            expected_direction, abs=1e-6
        )
        assert solver.twist_errors(true, shown).max() == pytest.approx(expected_twist, abs=1e-6)


def test_solver_parts_can_be_left_out():
    """Keypoints that contradict their image are changed by projection and smoothing only."""
    seen = concatenate([keypoints_of(m) for m in solver.poses("facing", 50)])
    plain = solve_take(seen, SolveOptions(refine=False))
    with contenders.without(*contenders.BAKED):
        bare = contenders.bake(seen)
    assert np.degrees(R.distance(bare.rotations, plain.rotations)).max() < 1e-6
    assert np.degrees(R.distance(contenders.bake(seen).rotations, plain.rotations)).max() > 10.0


def test_every_bake_part_can_be_left_out():
    """Each substitute has the signature of its part; the take has standing feet."""
    code = """
import numpy as np
from tests.benchmarks import contenders, rendered
clip = next(rendered.clips(("squats",), ("front",)))
shown = contenders.ablation(clip.keypoints["full"].slice(0, 30))
assert len(shown) == len(contenders.BAKED) + 1
assert all(np.isfinite(s.joints).all() for s in shown.values())
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_scale_free_measures_ignore_scale():
    """A turned, scaled and moved copy of the joints is equal; a mirrored one is not."""
    joints = measures.Shown.of(solver.poses("any", 100)[0]).joints
    turn = solver.random_rotation(np.random.default_rng(1))
    moved = 0.1 * R.apply(turn, joints) + [1.0, 2.0, 3.0]
    assert measures.pa_mpjpe(moved, joints) < 1e-9
    assert measures.direction(measures.turned_onto(moved, joints), joints).max() < 1e-4
    mirrored = moved * [-1.0, 1.0, 1.0]
    assert measures.pa_mpjpe(mirrored, joints) > 0.01
    assert measures.direction(measures.turned_onto(mirrored, joints), joints).max() > 10.0


@pytest.fixture(scope="module")
def clip():
    """Return a rendered clip of a walk."""
    return next(iter(rendered.clips(only=("walk",), views=("across",))))


def test_the_truth_has_zero_error(clip):
    true = clip.upright
    found = measures.measures(measures.Shown.of(true), true)
    assert found.pop("acceleration") == pytest.approx(1.0)
    assert (
        found.pop("slide") < 3.0
    )  # captured feet, planted: what is left of their own sliding, in mm
    assert found.pop("float") < 5.0
    assert found.pop("sink") < 0.1  # rounding
    assert found.pop("contacts found") == 100.0
    assert found.pop("slide of found") < 3.0
    assert np.isnan(found.pop("slide of others"))
    assert all(value == pytest.approx(0.0, abs=1e-3) for value in found.values()), found
    assert all(max(pair) < 1e-4 for pair in measures.rotation_errors(true, true).values())


def test_errors_of_a_known_size_are_measured(clip):
    """10 % of the way too far, 20 mm in the floor, a lean of 5°, forearms twisted by 10°."""
    true = clip.upright
    root = true.root_positions * [1.1, 1.0, 1.0] - [0.0, 0.02, 0.0]
    sunk = measures.measures(
        measures.Shown.of(Motion(true.skeleton, true.times, root, true.rotations)), true
    )
    assert sunk["path across"] == pytest.approx(10.0, abs=0.2)
    assert sunk["sink"] == pytest.approx(20.0, abs=3.0)
    assert sunk["slide"] > 5.0
    assert sunk["MPJPE"] == pytest.approx(0.0, abs=1e-6)
    leaning = true.rotations.copy()
    leaning[:, 0] = R.multiply(
        R.from_axis_angle(np.array([0.0, 0.0, 1.0]), np.radians(5.0)), leaning[:, 0]
    )
    forearm = BONES.index("leftLowerArm")
    leaning[:, forearm] = R.multiply(
        leaning[:, forearm], R.from_axis_angle(np.array([1.0, 0.0, 0.0]), np.radians(10.0))
    )
    turned = Motion(true.skeleton, true.times, true.root_positions, leaning)
    assert measures.measures(measures.Shown.of(turned), true)["lean"] == pytest.approx(5.0, abs=0.1)
    swing, twist = measures.rotation_errors(turned, true)["forearm"]
    assert (swing, twist) == (
        pytest.approx(0.0, abs=1e-4),
        pytest.approx(5.0, abs=1e-4),
    )  # one of two


@pytest.mark.parametrize("delay", [0.0, 0.013, 0.07])
def test_a_delay_is_measured(clip, delay):
    """The true motion is shown late, and turned, which is no delay."""
    true = measures.Shown.of(clip.upright)
    times = clip.upright.times[3:]
    late = measures.Shown(times, measures.Shown.of(clip.upright.at(times - delay)).joints)
    assert lag.lag(late, true) == pytest.approx(delay, abs=0.002)
    turn = R.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.radians(10.0))
    turned = measures.Shown(times, R.apply(turn, late.joints))
    assert lag.lag(turned, true) == pytest.approx(delay, abs=0.002)


def test_rendered_clips_match_their_cameras(clip):
    """The detector's points lie on the true ones within a few percent of the body's height."""
    seen = clip.keypoints["full"]
    off = np.linalg.norm(seen.image - clip.camera.project(clip.points), axis=-1)
    height = clip.camera.focal * 1.75 / -clip.points[..., 2].mean()
    assert np.nanmean(off) < 0.04 * height
    centred = clip.points - clip.points[:, [23, 24]].mean(axis=1, keepdims=True)
    assert np.nanmean(np.linalg.norm(seen.positions - centred, axis=-1)) < 0.2


def test_image_and_depth_errors_are_measured_separately(clip):
    """Keypoints are true except for their depth, or except for their image points."""
    true = clip.points - clip.points[:, [23, 24]].mean(axis=1, keepdims=True)
    image = clip.camera.project(clip.points)
    moved = np.random.default_rng(0).normal(size=(len(true), 33, 3)) * 0.1
    moved[:, [23, 24]] = 0.0
    truth = measures.Shown.of(clip.seen).joints

    def off(positions, image):
        keypoints = replace(clip.keypoints["full"], positions=positions, image=image)
        return [
            measures.direction(joints, truth).mean()
            for joints in accuracy.by_halves(clip, keypoints).values()
        ]

    assert off(true, image) == pytest.approx([0.0, 0.0, 0.0], abs=0.01)
    raw, of_image, of_depth = off(true + moved * [0.0, 0.0, 1.0], image)
    assert of_image == pytest.approx(0.0, abs=0.01)
    assert min(raw, of_depth) > 5.0
    raw, of_image, of_depth = off(true, image + 20.0 * moved[..., :2] / 0.1)
    assert max(raw, of_depth) == pytest.approx(0.0, abs=0.01)
    assert of_image > 5.0


def test_simulated_errors_are_as_large_as_the_detectors():
    """Within a factor of two of the detector's, and equal in each run."""
    clips = list(captured.clips())
    assert len(clips) == len(captured.motions()) * len(captured.VIEWS)

    def error(clip):
        truth = measures.Shown.of(clip.seen.at(clip.keypoints["full"].times)).joints
        return np.nanmean(
            measures.direction(clip.keypoints["full"].positions[:, measures.LANDMARK_JOINTS], truth)
        )

    borrowed = np.mean([error(c) for c in clips])
    detected = np.mean([error(c) for c in rendered.clips()])
    assert 0.5 < borrowed / detected < 2.0
    np.testing.assert_array_equal(
        clips[3].keypoints["full"].image, list(captured.clips())[3].keypoints["full"].image
    )


def test_tables_are_markdown_and_survive_json():
    table = Table(
        "t",
        ("what", "a", "b", "×"),
        (
            ("one", 1234.5, (0.12345, 0.0001), 0.5),
            ("two", 60, 12.34, 1.0),
            ("three", None, 0.0, 1.0),
        ),
        "two",
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
    """Run `python -m tests.benchmarks`, as `make bench` does."""
    command = [sys.executable, "-m", "tests.benchmarks", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_a_saved_run_is_compared_with_the_next(tmp_path):
    saved = tmp_path / "before.json"
    first = bench("structure", "--save", saved)
    assert first.returncode == 0, first.stderr
    kept = json.loads(saved.read_text())
    assert [from_json(t).markdown() in first.stdout for t in kept["tables"]] == [True, True]
    for table in kept["tables"]:
        table["rows"][0][2] = 99.5
    saved.write_text(json.dumps(kept))
    second = bench("structure", "--compare", saved)
    assert second.returncode == 0, second.stderr
    assert second.stdout.count("(was 99.5)") == 2


def test_an_unknown_benchmark_is_named():
    run = bench("sped")
    assert run.returncode == 2
    message = " ".join(run.stderr.split())
    assert "no benchmark is named sped; there are " in message
    names = message.partition("there are ")[2].split(", ")
    assert {"solver", "accuracy", "footage", "weight"} <= set(names)


def test_a_row_without_its_cells_is_no_table():
    with pytest.raises(ValueError, match="must have 3 cells"):
        Table("t", ("what", "a", "b"), (("one", 1.0),), "two")
