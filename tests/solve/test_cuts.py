"""Hard cuts begin new takes, and parts that cannot be trusted are reported."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from mocap.core.keypoints import LANDMARKS, Keypoints, concatenate
from mocap.solve.assessment import Assessment, assess
from mocap.solve.cuts import find_cuts
from mocap.solve.doubts import Doubt, doubts
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions
from mocap.solve.upper_body import upper_spans
from tests.helpers.synthetic import keypoints_of, moving, smooth_motion, standing

LEGS = [
    LANDMARKS.index(f"{s}_{n}")
    for s in ("left", "right")
    for n in ("knee", "ankle", "heel", "foot_index")
]


def shot(seed: int, start: float, aside: float = 0.0, frames: int = 24) -> Keypoints:
    """Return some frames of a moving person, `aside` pixels to the right."""
    motion = smooth_motion(np.random.default_rng(seed), frames / 30.0, 30.0)
    seen = keypoints_of(motion)
    return replace(seen, times=seen.times + start, image=seen.image + [aside, 0.0])


def test_a_jump_of_the_whole_body_is_a_cut_and_fast_motion_is_not() -> None:
    cut = concatenate([shot(1, 0.0), shot(2, 0.8, 400.0)])
    assert find_cuts(cut) == [24]
    assert find_cuts(shot(1, 0.0, frames=60)) == []
    assert find_cuts(moving(seed=3, speed=3.0)) == []
    slip = shot(1, 0.0, frames=60)
    image = slip.image.copy()
    image[30:32] += [400.0, 0.0]
    assert find_cuts(replace(slip, image=image)) == [], "two frames are the detector's slip"
    told = replace(cut, new_take=(np.arange(48) == 30).astype(float))
    assert find_cuts(told) == [30], "pictures know better"


def test_nothing_is_smoothed_across_a_cut() -> None:
    """Each take is solved as if alone, except that its body is that of the longest."""
    first, second = shot(1, 0.0, frames=12), shot(2, 0.4, 400.0, frames=9)
    found = solve_take(concatenate([first, second]))
    assert len(found) == 21
    bodies = []
    for take, frames in ((first, slice(0, 12)), (second, slice(12, 21))):
        alone = solve_take(take)
        bodies.append(alone.skeleton)
        np.testing.assert_allclose(found.rotations[frames], alone.rotations, atol=1e-9)
    np.testing.assert_allclose(found.skeleton.offsets, bodies[0].offsets)


def test_legs_rest_when_out_of_view_for_long_but_not_when_flickering() -> None:
    # In the middle of the picture and upright: the trunk of a person who lies shows the legs, too.
    motion = standing(smooth_motion(np.random.default_rng(0), 10.0, 30.0))
    root = np.tile([0.0, 0.0, -6.0], (len(motion), 1))
    inside = keypoints_of(replace(motion, root_positions=root))
    confidence = np.ones((300, 33))
    confidence[100:250, LEGS] = 0.0
    whole = upper_spans(replace(inside, confidence=confidence))
    assert (whole[:50] == 1.0).all()
    assert (whole[150:200] == 0.0).all()
    flicker = np.ones((300, 33))
    flicker[np.arange(300) % 3 > 0] = np.where(np.isin(np.arange(33), LEGS), 0.0, 1.0)
    assert (upper_spans(replace(inside, confidence=flicker)) == 1.0).all()


@pytest.fixture
def hidden() -> Assessment:
    """Return a take with an arm hidden for a second, and ten frames without a person."""
    seen = moving(seconds=4.0)
    confidence, image = seen.confidence.copy(), seen.image.copy()
    positions = seen.positions.copy()
    wrist = [LANDMARKS.index(n) for n in ("left_elbow", "left_wrist")]
    confidence[30:60, wrist], image[30:60, wrist] = 0.01, -50.0
    confidence[80:90], positions[80:90], image[80:90] = 0.0, np.nan, np.nan
    return assess(
        replace(seen, confidence=confidence, image=image, positions=positions), SolveOptions()
    )


def test_held_and_missing_parts_are_reported_in_at_most_three_lines(hidden: Assessment) -> None:
    lines = hidden.lines()
    assert len(lines) <= 3
    assert any("10 of 120 frames show no person" in line for line in lines)
    assert any("left arm 1.0 s (longest from 1.0 s)" in line for line in lines)
    assert assess(moving(), SolveOptions()).lines() == []
    desk = assess(moving(), SolveOptions(upper_body=True))
    assert desk.upper.all()
    assert desk.lines()[0].startswith("Upper body")


def test_doubts_are_the_reports_spans_in_words(hidden: Assessment) -> None:
    found = {d.words: (d.kind, round(30 * d.start), round(30 * d.stop)) for d in doubts(hidden)}
    assert found["No person is seen."] == ("unseen", 80, 90)
    assert found["The left arm is held, because it is hidden."] == ("held", 30, 60)
    late = replace(hidden, times=hidden.times + 5.0, cuts=(7.0,))
    assert Doubt("cut", 2.0, 2.0, "A hard cut: a new take begins.") in doubts(late)
    assert [d.start for d in doubts(late)] == sorted(d.start for d in doubts(late))
    assert doubts(assess(moving(), SolveOptions())) == ()


def test_the_report_holds_confidence_by_frame_and_bone(hidden: Assessment) -> None:
    kept = json.loads(json.dumps(hidden.as_json()))
    assert len(kept["times"]) == 120
    assert kept["person"].count(False) == 10
    arm = np.array(kept["confidence"]["leftLowerArm"])
    assert arm[30:60].max() < 0.1 < 0.9 < arm[:30].min()
    assert kept["held"]["leftArm"] == [[1.0, round(59 / 30, 4)]]
