"""Motion: validation, resampling against SciPy's Slerp, mirroring and concatenation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.motion import CONTACTS, Motion, concatenate
from mocap.core.skeleton import BONES, HUMANOID, Skeleton, mirrored_name
from mocap.errors import InputError
from tests.helpers import synthetic

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=20, deadline=None)


def some(seed: int, frames: int = 6) -> Motion:
    """Return a motion at uneven times with every field filled."""
    rng = np.random.default_rng(seed)
    return Motion(
        HUMANOID, np.cumsum(rng.uniform(0.01, 0.2, frames)), rng.normal(size=(frames, 3)),
        synthetic.random_rotation(rng, frames, 55),
        {"blinkLeft": rng.uniform(size=frames), "aa": rng.uniform(size=frames)},
        rng.uniform(size=(frames, 4)),
    )  # fmt: skip


def changed(**changes: object) -> Motion:
    still = {
        "skeleton": HUMANOID, "times": np.arange(3.0), "root_positions": np.zeros((3, 3)),
        "rotations": np.tile(R.IDENTITY, (3, 55, 1)),
    }  # fmt: skip
    return Motion(**(still | changes))  # type: ignore[arg-type]


def with_(array: np.ndarray, at: tuple[int, ...], value: float) -> np.ndarray:
    out = array.copy()
    out[at] = value
    return out


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"times": np.zeros((3, 1))}, r"times.*\(F,\).*\(3, 1\)"),
        ({"root_positions": np.zeros((2, 3))}, r"root_positions.*\(3, 3\).*\(2, 3\)"),
        ({"rotations": np.zeros((3, 54, 4))}, r"rotations.*\(3, 55, 4\).*\(3, 54, 4\)"),
        ({"contacts": np.zeros((3, 2))}, r"contacts.*\(3, 4\).*\(3, 2\)"),
        ({"expressions": {"aa": np.zeros(2)}}, r"'aa'.*\(3,\).*\(2,\)"),
        ({"root_positions": with_(np.zeros((3, 3)), (1, 1), np.nan)}, "root_positions.*finite"),
        (
            {"rotations": with_(np.tile(R.IDENTITY, (3, 55, 1)), (0, 7, 2), np.inf)},
            "rotations.*finite",
        ),
        ({"expressions": {"aa": np.array([0.0, np.nan, 0.0])}}, "'aa'.*finite"),
        ({"times": np.array([0.0, 2.5, 2.25])}, r"frame 2 \(2\.25 s\) follows 2\.5 s"),
        ({"times": np.array([1.0, 1.0, 2.0])}, r"frame 1 \(1 s\) follows 1 s"),
    ],
)
def test_invalid_motions_are_refused_and_the_value_is_named(
    changes: dict[str, object], named: str
) -> None:
    with pytest.raises(InputError, match=named) as caught:
        changed(**changes)
    assert str(caught.value).endswith(".")


def test_a_motion_holds_read_only_copies() -> None:
    times, weights = np.arange(3.0), np.zeros(3)
    motion = changed(times=times, expressions={"aa": weights})
    times[0], weights[:] = -1.0, 1.0
    assert motion.times[0] == 0.0
    assert not motion.expressions["aa"].any()
    assert motion.contacts is not None
    for array in (
        motion.times,
        motion.root_positions,
        motion.rotations,
        motion.contacts,
        motion.expressions["aa"],
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0


def test_contacts_default_to_not_touching() -> None:
    assert np.array_equal(changed().contacts, np.zeros((3, len(CONTACTS))))  # type: ignore[arg-type]


@few
@given(seeds)
def test_rotations_are_interpolated_as_scipys_slerp_and_the_rest_linearly(seed: int) -> None:
    motion = some(seed)
    times = np.sort(np.random.default_rng(seed + 1).uniform(motion.times[0], motion.times[-1], 9))
    there = motion.at(times)
    assert np.array_equal(there.times, times)
    for joint in (0, 7, 54):
        expected = Slerp(motion.times, Rotation.from_quat(motion.rotations[:, joint]))(
            times
        ).as_quat()
        assert R.distance(there.rotations[:, joint], expected).max() < 1e-7
    for axis in range(3):
        assert (
            np.abs(
                there.root_positions[:, axis]
                - np.interp(times, motion.times, motion.root_positions[:, axis])
            ).max()
            < 1e-12
        )
    for name, weights in motion.expressions.items():
        assert (
            np.abs(there.expressions[name] - np.interp(times, motion.times, weights)).max() < 1e-12
        )
    nearest = np.abs(times[:, None] - motion.times).argmin(axis=1)
    assert motion.contacts is not None
    assert np.array_equal(there.contacts, motion.contacts[nearest])  # type: ignore[arg-type]


@few
@given(seeds)
def test_sampling_returns_the_frames_and_holds_the_ends(seed: int) -> None:
    motion = some(seed)
    same = motion.at(motion.times)
    assert R.distance(same.rotations, motion.rotations).max() < 1e-7
    assert np.abs(same.root_positions - motion.root_positions).max() < 1e-12
    beyond = motion.at(np.array([motion.times[0] - 5.0, motion.times[-1] + 5.0]))
    assert np.abs(beyond.root_positions - motion.root_positions[[0, -1]]).max() < 1e-12
    assert R.distance(beyond.rotations, motion.rotations[[0, -1]]).max() < 1e-7


@few
@given(seeds, st.floats(1.0, 240.0))
def test_resampled_times_are_uniform_and_cover_the_motion(seed: int, fps: float) -> None:
    motion = some(seed)
    out = motion.resample(fps)
    assert out.times[0] == motion.times[0]
    assert np.abs(np.diff(out.times) * fps - 1.0).max(initial=0.0) < 1e-6
    assert -0.011 / fps < motion.times[-1] - out.times[-1] < 1.0 / fps


def test_resampling_at_the_same_rate_keeps_every_frame() -> None:
    times = np.round(np.arange(101) / 30.0, 4)
    motion = changed(
        times=times, root_positions=np.zeros((101, 3)), rotations=np.tile(R.IDENTITY, (101, 55, 1))
    )
    assert len(motion.resample(30.0)) == 101


@pytest.mark.parametrize("fps", [0.0, -30.0, np.nan, np.inf])
def test_an_invalid_frame_rate_is_named(fps: float) -> None:
    with pytest.raises(InputError, match=f"positive.*{fps}"):
        changed().resample(fps)


def test_a_motion_of_few_frames_is_not_resampled_to_millions() -> None:
    two = some(1).slice(0, 2)
    ages = replace(two, times=np.array([0.0, 1e9]))
    with pytest.raises(InputError, match=r"spans 1e\+09 s, which are 3e\+10 frames at 30 a second"):
        ages.resample(30.0)
    with pytest.raises(InputError, match="the frame rate are wrong"):
        two.resample(1e308)


def test_a_single_frame_is_held_and_an_empty_motion_stays_empty() -> None:
    one = some(1).slice(2, 3)
    held = one.at(np.array([0.0, 1.0, 2.0]))
    assert np.array_equal(held.root_positions, np.repeat(one.root_positions, 3, axis=0))
    assert R.distance(held.rotations, one.rotations).max() < 1e-7
    assert len(one.resample(30.0)) == 1
    assert one.duration == 0.0
    none = some(1).slice(0, 0)
    assert len(none.resample(30.0)) == 0
    assert none.duration == 0.0


@few
@given(seeds)
def test_mirroring_reflects_the_motion_and_undoes_itself(
    seed: int,
) -> None:
    motion = some(seed)
    mirrored = motion.mirror()
    positions, _ = kinematics.fk(HUMANOID, motion.root_positions, motion.rotations)
    seen, _ = kinematics.fk(HUMANOID, mirrored.root_positions, mirrored.rotations)
    other = [BONES.index(mirrored_name(b)) for b in BONES]
    assert np.abs(seen - positions[:, other] * [-1.0, 1.0, 1.0]).max() < 1e-12
    twice = mirrored.mirror()
    assert motion.contacts is not None
    assert np.array_equal(twice.rotations, motion.rotations)
    assert np.array_equal(twice.root_positions, motion.root_positions)
    assert np.array_equal(twice.contacts, motion.contacts)  # type: ignore[arg-type]
    assert {n: w.tolist() for n, w in twice.expressions.items()} == {
        n: w.tolist() for n, w in motion.expressions.items()
    }


def test_mirroring_swaps_expressions_and_contacts() -> None:
    motion = some(3)
    mirrored = motion.mirror()
    assert np.array_equal(mirrored.expressions["blinkRight"], motion.expressions["blinkLeft"])
    assert np.array_equal(mirrored.expressions["aa"], motion.expressions["aa"])
    assert motion.contacts is not None
    assert mirrored.contacts is not None
    for column, name in enumerate(CONTACTS):
        assert np.array_equal(
            mirrored.contacts[:, CONTACTS.index(mirrored_name(name))], motion.contacts[:, column]
        )


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_concatenated_slices_equal_the_whole(cut: int) -> None:
    whole = some(5)
    again = concatenate([whole.slice(0, cut), whole.slice(cut)])
    for name in ("times", "root_positions", "rotations", "contacts"):
        assert np.array_equal(getattr(again, name), getattr(whole, name)), name
    assert {n: w.tolist() for n, w in again.expressions.items()} == {
        n: w.tolist() for n, w in whole.expressions.items()
    }


def test_clips_that_overlap_in_time_are_not_concatenated() -> None:
    a = some(7)
    with pytest.raises(InputError, match="times must increase"):
        concatenate([a, a])
    point = Skeleton(("hips",), np.array([-1]), np.zeros((1, 3)), np.tile(R.IDENTITY, (1, 1)))
    other = Motion(point, a.times + 9.0, a.root_positions, a.rotations[:, :1])
    with pytest.raises(InputError, match="same joints"):
        concatenate([a, other])
    with pytest.raises(InputError, match="at least one motion"):
        concatenate([])


def test_concatenation_keeps_the_expressions_common_to_all_clips() -> None:
    a = some(8)
    b = changed(
        times=a.times[-1] + np.arange(1.0, 4.0), expressions={"aa": np.ones(3), "oh": np.ones(3)}
    )
    joined = concatenate([a, b])
    assert set(joined.expressions) == {"aa"}
    assert len(joined.expressions["aa"]) == len(a) + 3
