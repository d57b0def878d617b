"""BVH against pybvh, bvhio and three.js, and round trips."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import rotation as R
from mocap.core.kinematics import fk, scaled
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.errors import InputError
from mocap.formats import bvh, euler
from mocap.formats.bvh import text as bvh_text
from tests import judges
from tests.helpers import cost, synthetic

seeds = st.integers(0, 2**32 - 1)
CENTI = 0.01
HALF_A_MILLIMETRE = 0.0005
TENTH_OF_A_MILLIMETRE = 0.0001


def wild_motion(seed: int, frames: int = 12) -> Motion:
    """Return a random body with every joint turned at random on every frame.

    Some turns are by 90° about x, which is gimbal lock.
    """
    rng = np.random.default_rng(seed)
    rotations = synthetic.random_rotation(rng, frames, len(BONES))
    rotations[3:6] = euler.from_axes(
        "ZXY",
        np.stack(
            [
                rng.uniform(-3, 3, (3, 55)),
                rng.choice([-1, 1], (3, 55)) * np.pi / 2,
                np.zeros((3, 55)),
            ],
            -1,
        ),
    )
    return Motion(
        synthetic.random_body(rng),
        np.arange(frames) / 30.0,
        rng.normal(size=(frames, 3)),
        rotations,
    )


def places(motion: Motion) -> dict[str, np.ndarray]:
    """Return joint → world positions (F, 3), metres."""
    positions = fk(motion.skeleton, motion.root_positions, motion.rotations)[0]
    return {name: positions[:, j] for j, name in enumerate(motion.skeleton.names)}


def worst(
    names: list[str], found: np.ndarray, expected: dict[str, np.ndarray], every: int = 1
) -> float:
    return max(
        float(np.abs(found[:, i] - expected[name][::every]).max()) for i, name in enumerate(names)
    )


# --- round trip -----------------------------------------------------------------------------------


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_written_files_are_read_back_unchanged(seed: int) -> None:
    motion = wild_motion(seed)
    back = bvh.loads(bvh.dumps(motion, "vrm"))
    order = [motion.skeleton.index(n) for n in back.skeleton.names]
    assert set(order) == set(range(55)), "eyes and jaw turn here, so they are written, too"
    assert np.degrees(R.distance(back.rotations, motion.rotations[:, order]).max()) < 0.01
    assert np.abs(back.root_positions - motion.root_positions).max() < TENTH_OF_A_MILLIMETRE
    assert np.abs(back.skeleton.offsets[1:] - motion.skeleton.offsets[order][1:]).max() < 1e-6
    assert np.abs(back.times - motion.times).max() < 1e-9


@given(seeds, st.sampled_from([1.0, 1e-7, 1e-9]))
@settings(max_examples=25, deadline=None)
def test_euler_angles_round_trip_even_in_gimbal_lock(seed: int, away: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.choice([-1, 1], 200) * (np.pi / 2 - away * rng.uniform(-1, 1, 200))
    q = euler.from_axes(
        "ZXY", np.stack([rng.uniform(-3, 3, 200), x, rng.uniform(-3, 3, 200)], axis=-1)
    )[:, None]
    assert R.distance(euler.from_axes("ZXY", euler.to_zxy(q)), q).max() < 2e-6


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_euler_angles_pass_straight_up_without_a_jump(seed: int) -> None:
    """Angles that run smoothly through x = 90° are kept; another triple would be usual."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0.0, 1.0, 200)[:, None]
    start, end = rng.uniform(-0.5, 0.5, (2, 3))
    end[1] = rng.choice([-1.0, 1.0]) * rng.uniform(2.0, 2.8)
    angles = start + t * (end - start)
    found = euler.to_zxy(euler.from_axes("ZXY", angles)[:, None])[:, 0]
    assert np.abs(found - angles).max() < 1e-6


def test_euler_angles_count_whole_turns() -> None:
    angles = np.zeros((100, 3))
    angles[:, 2] = np.linspace(0, 6 * np.pi, 100)
    assert np.abs(euler.to_zxy(euler.from_axes("ZXY", angles)[:, None])[:, 0] - angles).max() < 1e-9


# --- what is written ------------------------------------------------------------------------------


def test_joint_names_are_recognised_by_other_tools() -> None:
    motion = synthetic.smooth_motion(np.random.default_rng(0), 0.5, 30.0)
    names = bvh.loads(bvh.dumps(motion)).skeleton.names
    assert names[:7] == ("Hips", "Spine", "Spine1", "Spine2", "Neck", "Head", "LeftShoulder")
    wanted = {
        "LeftArm",
        "LeftForeArm",
        "LeftHand",
        "LeftHandThumb1",
        "RightHandPinky3",
        "LeftUpLeg",
        "LeftLeg",
        "LeftFoot",
        "LeftToeBase",
    }
    assert wanted <= set(names)
    assert not {"LeftEye", "RightEye", "Jaw"} & set(names), "nothing moved them"


def test_zero_angles_are_the_t_pose_and_the_root_offset_is_zero() -> None:
    still = Motion(HUMANOID, np.array([0.0]), HUMANOID.offsets[:1], HUMANOID.rest_rotations[None])
    lines = bvh.dumps(still).splitlines()
    assert lines[3].split() == ["OFFSET", "0", "0", "0"]
    assert lines[-1].split() == ["0", "95.5", "0"] + ["0"] * 52 * 3


def test_end_sites_reach_finger_tips_toes_and_crown() -> None:
    motion = synthetic.smooth_motion(np.random.default_rng(0), 0.2, 30.0)
    motion = Motion(
        scaled(HUMANOID, {"leftToes": 2.0}), motion.times, motion.root_positions, motion.rotations
    )
    lines = [line.split() for line in bvh.dumps(motion, "vrm").splitlines()]
    ends = [
        [float(v) for v in lines[i + 2][1:]]
        for i, words in enumerate(lines)
        if words[:1] == ["End"]
    ]
    assert len(ends) == 13, "ten fingers, two feet, one head"
    assert [0.0, 19.5, 0.0] in ends
    assert [0.0, 0.0, 14.0] in ends, "a foot twice as long has toes twice as long"
    assert [2.4, 0.0, 0.0] in ends


def test_rotated_rest_poses_are_written_as_t_poses() -> None:
    rng = np.random.default_rng(3)
    straight = synthetic.smooth_motion(rng, 0.5, 30.0)
    # The same body with every joint's axes turned at random at rest: world = straight world ·
    # twist.
    twist = synthetic.random_rotation(rng, 55)
    parents = HUMANOID.parents
    above = np.concatenate([R.IDENTITY[None], twist[parents[1:]]])
    offsets = R.apply(R.conjugate(above), straight.skeleton.offsets)
    rest = R.multiply(R.conjugate(above), twist)
    turned = Motion(
        Skeleton(HUMANOID.names, parents, offsets, rest), straight.times, straight.root_positions,
        R.multiply(R.multiply(R.conjugate(above), straight.rotations), twist),
    )  # fmt: skip
    assert (
        max(
            np.abs(a - b).max()
            for a, b in zip(places(straight).values(), places(turned).values(), strict=True)
        )
        < 1e-9
    )
    assert (
        np.abs(
            np.array(_table(bvh.dumps(turned, "vrm")))
            - np.array(_table(bvh.dumps(straight, "vrm")))
        ).max()
        < 2e-4
    )


def _table(text: str) -> list[list[float]]:
    lines = text.splitlines()
    return [[float(v) for v in line.split()] for line in lines[lines.index("MOTION") + 3 :]]


def test_frames_are_written_at_uniform_times() -> None:
    motion = synthetic.smooth_motion(np.random.default_rng(1), 2.0, 50.0)
    kept = np.delete(np.arange(100), [20, 21, 60])
    gappy = Motion(
        motion.skeleton, motion.times[kept], motion.root_positions[kept], motion.rotations[kept]
    )
    back = bvh.loads(bvh.dumps(gappy, "vrm"))
    assert len(back) == 100
    assert np.abs(back.times - motion.times).max() < 1e-9
    assert (
        worst(list(back.skeleton.names), np.stack(list(places(back).values()), 1), places(motion))
        < 0.02
    ), "the gap is filled in between"
    # Times rounded to milliseconds, as containers do, are uniform: no frame is made up.
    rounded = Motion(
        motion.skeleton, np.round(motion.times * 0.6667, 3), motion.root_positions, motion.rotations
    )
    assert (
        np.abs(bvh.loads(bvh.dumps(rounded, "vrm")).root_positions - motion.root_positions).max()
        < 1e-6
    )
    assert len(bvh.loads(bvh.dumps(motion, fps=25.0))) == 50


def test_angles_of_a_turning_body_do_not_jump() -> None:
    motion = synthetic.smooth_motion(np.random.default_rng(5), 8.0, 60.0)
    table = np.array(_table(bvh.dumps(motion)))
    assert np.abs(np.diff(table[:, 5])).max() < 90.0
    assert np.abs(np.diff(table[:, 6:], axis=0)).max() < 90.0


# --- judges ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip() -> Motion:
    return synthetic.smooth_motion(np.random.default_rng(8), 2.0, 30.0)


def test_pybvh_bvhio_and_three_agree_with_our_reader(
    clip: Motion, tmp_path: Path, node: Path
) -> None:
    path = tmp_path / "clip.bvh"
    path.write_text(bvh.dumps(clip, "vrm"))
    expected = places(clip)
    names, found = judges.pybvh(path)
    assert len(names) == 52
    assert worst(names, CENTI * found, expected) < HALF_A_MILLIMETRE
    names, found = judges.bvhio(path, list(range(0, 60, 6)))
    assert worst(names, CENTI * found, expected, every=6) < HALF_A_MILLIMETRE
    names, found = judges.three(node, path, clip.times)
    assert len(names) == 52
    assert worst(names, CENTI * found, expected) < HALF_A_MILLIMETRE


def wild_files(data: Path) -> list[Path]:
    """Return recordings from many tools; of the 112 of one maker, every fifteenth."""
    return (
        sorted((data / "mocap").glob("bvh_*/*.bvh"))
        + sorted((data / "mocap" / "cmu_training").glob("*.bvh"))[::15]
    )


def loaded(path: Path) -> Motion:
    """Read one of `wild_files`; one file holds a frame more than it declares and warns."""
    if path.name != "assimp_Boxing_Toes.bvh":
        return bvh.loads(path.read_text())
    with pytest.warns(UserWarning, match="line 3199: the text after the 3069 declared frames"):
        return bvh.loads(path.read_text())


def test_real_files_are_read_as_pybvh_and_bvhio_read_them(data: Path, tmp_path: Path) -> None:
    judged = 0
    for path in wild_files(data):
        text = path.read_text()
        motion = loaded(path)
        expected = places(motion)
        assert np.all(np.isfinite(np.stack(list(expected.values()))))
        joints_move = text.count("position") > 3
        if not joints_move:
            short = tmp_path / path.name  # bvhio reads some 500 frames a second
            count = cut(text, short, 40)
            names, found = judges.bvhio(short, list(range(count)))
            assert tuple(names) == motion.skeleton.names
            assert (
                worst(names, CENTI * found, {n: p[:count] for n, p in expected.items()}) < 1e-4
            ), path.name
            judged += 1
        # pybvh refuses position channels below the root, and a frame more than announced.
        if not joints_move and "Boxing" not in path.name:
            names, found = judges.pybvh(path)
            assert worst(names, CENTI * found, expected) < 1e-9, path.name
            judged += 1
    assert judged > 30


def cut(text: str, path: Path, most: int) -> int:
    """Write the file with at most so many frames, and return their number."""
    head, time, rest = re.split(r"(Frame Time.*\n)", text)
    lines = [line for line in rest.splitlines() if line.strip()][:most]
    path.write_text(
        re.sub(r"Frames:\s*\d+", f"Frames: {len(lines)}", head) + time + "\n".join(lines) + "\n"
    )
    return len(lines)


def test_position_channels_on_every_joint_are_read_as_in_three(data: Path, node: Path) -> None:
    """MakeHuman writes them to be added to the OFFSET: as three.js reads them below the root."""
    for name in ("benchmark", "tpose"):
        path = data / "mocap" / "bvh_makehuman_cc0" / f"{name}.bvh"
        motion = bvh.loads(path.read_text(), scale=1.0)
        names, found = judges.three(node, path, motion.times)
        expected = places(motion)
        hips = expected[motion.skeleton.names[0]]
        # three.js takes the dots out of the names, but keeps the order.
        for i, joint in enumerate(motion.skeleton.names):
            assert np.abs((found[:, i] - found[:, 0]) - (expected[joint] - hips)).max() < 1e-4, (
                joint
            )
        assert len(names) == len(motion.skeleton.names)


def test_rewritten_real_files_move_the_same(data: Path) -> None:
    for path in wild_files(data):
        motion = loaded(path)
        back = bvh.loads(bvh.dumps(motion, "vrm"))
        expected = places(motion)
        assert (
            worst(list(back.skeleton.names), np.stack(list(places(back).values()), 1), expected)
            < TENTH_OF_A_MILLIMETRE
        ), path.name


# --- reading what others write --------------------------------------------------------------------

PLAIN = """HIERARCHY
ROOT hip
{
  OFFSET 1 2 3
  CHANNELS 6 Xposition Yposition Zposition Yrotation Xrotation Zrotation
  JOINT knee
  {
    OFFSET 0 -40 0
    CHANNELS 1 Xrotation
    End Site
    {
      OFFSET 0 -40 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.0333333
10 90 0 90 0 0 0
20 90 0 90 0 0 90
"""


def test_a_hand_made_file_has_the_expected_motion() -> None:
    motion = bvh.loads(PLAIN)
    assert motion.skeleton.names == ("hip", "knee")
    assert motion.times.tolist() == [0.0, 1 / 30]
    assert np.allclose(motion.skeleton.offsets, [[0.01, 0.02, 0.03], [0, -0.4, 0]])
    assert np.allclose(motion.root_positions, [[0.1, 0.9, 0], [0.2, 0.9, 0]])
    assert (
        R.distance(
            motion.rotations[:, 0], R.from_rotation_vector(np.array([[0, np.pi / 2, 0]] * 2))
        ).max()
        < 1e-9
    )
    assert (
        R.distance(
            motion.rotations[1:, 1], R.from_rotation_vector(np.array([[np.pi / 2, 0, 0]]))
        ).max()
        < 1e-9
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace("\n", "\r\n"),
        lambda t: t.replace("  ", "\t"),
        lambda t: "\ufeff" + t + "\n  \n\n",
        lambda t: t.replace("Frames: 2\n", ""),
        lambda t: t.replace("Frames: 2", "Frames:"),
        lambda t: t.replace("\n{", " {").replace("\n  {", " {"),
        lambda t: t.replace("Xposition", "XPosition").replace("Frame Time:", "Frame Time :"),
        lambda t: t.replace("10 90 0 90", "10\t90  0 90"),
        lambda t: t.replace("20 90", "2e1 9.0E+1"),
        lambda t: t.rstrip("\n"),
        lambda t: t.lower(),
        lambda t: "# made by a tool\n" + t.replace("MOTION", "// the motion\nMOTION // here"),
        lambda t: t.replace("Frame Time", "# a comment\n\nFrame Time"),
        lambda t: t.replace("HIERARCHY", "\n\nHierarchy").replace("Frames:", "FRAMES:\t"),
    ],
)
def test_other_writers_variants_give_the_same_motion(change: object) -> None:
    motion, plain = bvh.loads(change(PLAIN)), bvh.loads(PLAIN)  # type: ignore[operator]
    assert motion.skeleton.names == plain.skeleton.names
    for field in ("times", "root_positions", "rotations"):
        assert np.array_equal(getattr(motion, field), getattr(plain, field))


def test_repeated_names_get_distinct_suffixes() -> None:
    assert bvh.loads(PLAIN.replace("knee", "hip")).skeleton.names == ("hip", "hip.2")


def test_a_wrong_frame_count_is_reported() -> None:
    with pytest.warns(UserWarning, match="declares 7 frames but has 2"):
        assert len(bvh.loads(PLAIN.replace("Frames: 2", "Frames: 7"))) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "This is not a BVH file"),
        ("solid stl", "This is not a BVH file"),
        (PLAIN.replace("MOTION", ""), "a line MOTION"),
        (
            PLAIN.replace("OFFSET 0 -40 0", "OFFSET 0 -40", 1),
            "line 8: OFFSET needs three numbers, but has '0 -40'",
        ),
        (PLAIN.replace("CHANNELS 1", "CHANNELS 2"), "line 9: CHANNELS needs a count"),
        (PLAIN.replace("1 Xrotation", "1 Wrotation"), "line 9: .*'1 Wrotation'"),
        (PLAIN.replace("  JOINT knee", "  JOIN knee"), "line 6: 'JOIN' is not expected here"),
        (PLAIN.replace("}\nMOTION", "MOTION"), "a closing brace is missing"),
        (PLAIN.replace("JOINT knee", "ROOT knee"), "line 6: a ROOT must be at the top"),
        (
            PLAIN.replace("Frame Time: 0.0333333\n", ""),
            "line 18: a line 'Frame Time: seconds' is missing",
        ),
        (
            PLAIN.replace("0.0333333", "-1"),
            "line 18: Frame Time must be seconds, 0 or more, but is '-1'",
        ),
        (PLAIN.replace("20 90 0", "20 ninety 0"), "line 20: 'ninety' is not a finite number"),
        (PLAIN.replace("20 90 0", "20 nan 0"), "line 20: 'nan' is not a finite number"),
        (
            PLAIN.replace("10 90 0", "10 90"),
            "line 19: a frame needs 7 numbers, one for each channel, but has 6",
        ),
        (PLAIN.replace("20 90 0", "20,5 90 0"), "line 20: '20,5' has a decimal comma"),
        (PLAIN.replace("0.0333333", "0,0333333"), "line 18: '0,0333333' has a decimal comma"),
        (PLAIN.replace("OFFSET 0 -40 0", "OFFSET 0,0 -40,0 0,0", 1), "line 8: '0,0' has a decimal"),
        (PLAIN.replace("20 90 0", "-nan(ind) 90 0"), r"line 20: '-nan\(ind\)' is not a finite"),
    ],
)
def test_errors_name_the_line(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        bvh.loads(text)


def same(a: Motion, b: Motion) -> bool:
    return all(
        np.array_equal(getattr(a, field), getattr(b, field))
        for field in ("times", "root_positions", "rotations")
    )


def test_the_declared_frames_decide_where_the_data_ends() -> None:
    for tail in ("10 1 2\n8 2\n", "3 keyframes\n", "1 2 3 4 5 6 7\n"):
        with pytest.warns(UserWarning, match="line 21: the text after the 2 declared frames"):
            assert same(bvh.loads(PLAIN.rstrip() + "\n" + tail), bvh.loads(PLAIN))


def test_a_truncated_last_line_is_dropped() -> None:
    with (
        pytest.warns(UserWarning, match="line 20: the last frame is cut off after 4 of 7"),
        pytest.warns(UserWarning, match="declares 2 frames but has 1"),
    ):
        cut = bvh.loads(PLAIN.rstrip().rsplit(" ", 3)[0])
    assert same(cut, bvh.loads(PLAIN).slice(0, 1))


def test_a_minus_sign_begins_a_new_number_without_a_space() -> None:
    spaced = PLAIN.replace("20 90 0", "20 90 -7.5")
    assert same(bvh.loads(spaced.replace("90 -7.5", "90-7.5")), bvh.loads(spaced))


def test_scale_channels_are_ignored() -> None:
    scaled = PLAIN.replace("CHANNELS 1 Xrotation", "CHANNELS 4 Xrotation Xscale Yscale Zscale")
    lines = scaled.rstrip().splitlines()
    lines[-2:] = [f"{line} 1 1 1" for line in lines[-2:]]
    assert same(bvh.loads("\n".join(lines)), bvh.loads(PLAIN))


def test_a_zero_frame_time_becomes_30_fps_with_a_note() -> None:
    still = PLAIN.replace("0.0333333", "0.0")
    with pytest.warns(bvh_text.FrameTimeWarning, match="Frame Time is 0; 30 frames per second"):
        assert same(bvh.loads(still), bvh.loads(PLAIN))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_text_of_other_encodings_is_read(encoding: str) -> None:
    data = PLAIN.encode(encoding)
    assert bvh_text.is_bvh(data)
    assert same(bvh.loads(bvh_text.decoded(data)), bvh.loads(PLAIN))


def test_the_first_of_several_roots_is_read() -> None:
    head, body = PLAIN.split("MOTION")
    other = head.replace("HIERARCHY\n", "").replace("ROOT ", "ROOT other_").replace("-40", "-50")
    header, frames = body.split("0.0333333\n")
    both = [f"{line} {line.replace('90', '91')}" for line in frames.strip().splitlines()]
    text = head + other + "MOTION" + header + "0.0333333\n" + "\n".join(both)
    first, second = bvh_text.root_names(text)
    assert same(bvh.loads(text), bvh.loads(PLAIN))
    assert same(bvh.loads(text, root=first), bvh.loads(PLAIN))
    assert bvh.loads(text, root=second).skeleton.offsets[1:] == pytest.approx(
        1.25 * bvh.loads(PLAIN).skeleton.offsets[1:]
    )
    assert bvh.loads(text, root=second).root_positions[0, 1] == pytest.approx(0.91)
    with pytest.raises(InputError, match=f"no ROOT 'third' .* it has {first}, {second}"):
        bvh.loads(text, root="third")


WILD = (
    "9" * 5000,
    "²",
    "1e-310",
    "1e999",
    "nan",
    "",
    "{",
    "}",
    "x" * 5000,
    "JOINT",
    "CHANNELS",
    "End Site",
    "{ " * 2000,
    "\0",
    "-1",
)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(WILD), st.booleans())
def test_random_words_are_read_or_refused_in_a_short_sentence(
    where: int, word: str, beside: bool
) -> None:
    words = re.split(r"(\s+)", PLAIN)
    at = where % len(words)
    words[at] = words[at] + " " + word if beside else word
    said = ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            bvh.loads("".join(words))
        except InputError as error:
            said = str(error)
    assert len(said) < 400
    assert "\n" not in said


def test_a_motion_without_frames_is_refused() -> None:
    with pytest.raises(InputError, match="without frames"):
        bvh.dumps(bvh.loads(PLAIN).slice(0, 0))


# --- cost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("apart", ["\n", " "])
def test_ten_thousand_joints_are_read_within_seconds(apart: str) -> None:
    joint = apart.join(
        ("JOINT j", "{", "OFFSET 0 1 0", "CHANNELS 3 Zrotation Xrotation Yrotation", "")
    )
    head = "HIERARCHY ROOT a { OFFSET 0 0 0 CHANNELS 3 Zrotation Xrotation Yrotation" + apart
    text = (
        head
        + joint * 9_999
        + "}" * 10_000
        + "\nMOTION\nFrames: 1\nFrame Time: 0.1\n"
        + "0 " * 30_000
    )
    assert cost.seconds(lambda: bvh.loads(text), 3.0) < 3.0
    assert len(bvh.loads(text).skeleton.names) == 10_000


def test_long_bvh_files_are_written_and_read_quickly() -> None:
    motion = synthetic.smooth_motion(np.random.default_rng(0), 1000 / 30.0, 30.0)
    assert cost.seconds(lambda: bvh.dumps(motion), 0.5) < 0.5
    text = bvh.dumps(motion)
    head, _, body = text.partition("Frame Time")
    line, _, frames = body.partition("\n")
    long = head.replace("Frames: 1000", "Frames: 10000") + "Frame Time" + line + "\n" + 10 * frames
    assert cost.seconds(lambda: bvh.loads(long), 2.0) < 2.0
    assert len(bvh.loads(long)) == 10_000
