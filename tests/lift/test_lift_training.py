"""The lifter's training data: motion files, held-out subjects, pairs, staging and noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints
from mocap.lift import landmarks, network
from mocap.lift.training import (
    asf,
    closeup,
    controls,
    noise,
    pairs,
    poses,
    refit,
    spoil,
    stage,
    straight,
)
from mocap.lift.training import data as lift_data
from mocap.lift.training.rarer_poses import RarerMaker
from tests.helpers.synthetic import keypoints_of, smooth_motion

CAMERA = Camera(1100.0, (640.0, 360.0), (1280, 720))


def moving(seed: int = 0, seconds: float = 3.0, fps: float = 30.0, speed: float = 1.0) -> Keypoints:
    return keypoints_of(smooth_motion(np.random.default_rng(seed), seconds, fps, speed))


ASF = """:version 1.10
:root
   order TX TY TZ RX RY RZ
:bonedata
  begin
     id 1
     name upper
     direction 1 0 0
     length 2
     axis 0 0 90 XYZ
     dof rx ry rz
  end
  begin
     id 2
     name lower
     direction 1 0 0
     length 3
     axis 0 0 0 XYZ
     dof rz
  end
:hierarchy
  begin
    root upper
    upper lower
  end
"""


def test_asf_bones_turn_about_their_own_axes() -> None:
    bones = asf.read_asf(ASF)
    # The upper bone's axes are turned by 90° about z: its own x is the world's y. The root turns
    # last, about the world's z.
    ends = asf.read_amc(
        ":DEGREES\n1\nroot 1 2 3 0 0 0\nupper 90 0 0\nlower 90\n2\nroot 0 0 0 0 0 90\nupper 0 0 "
        "0\nlower 0\n",
        bones,
    )
    np.testing.assert_allclose(ends["upper"], [[1, 2, 1], [0, 2, 0]], atol=1e-9)
    np.testing.assert_allclose(ends["lower"], [[1, 5, 1], [0, 5, 0]], atol=1e-9)


def test_asf_and_bvh_of_one_take_give_the_same_motion(data: Path) -> None:
    amc = lift_data.read_take(data / "mocap" / "asfamc_cmu" / "01_01.amc")
    bvh = lift_data.read_take(data / "mocap" / "bvh_cmu" / "cmu_01_01_hops_turn.bvh")
    frames = min(len(amc), len(bvh)) - 10
    knees, ankles = [9, 10], [11, 12]
    # The BVH begins with some frames of its own.
    shanks = [R.normalize(p[:, ankles] - p[:, knees]) for p in (amc, bvh)]
    length = frames - 10
    cosines = [
        R.dot(shanks[0][5 : 5 + length], shanks[1][start : start + length]) for start in range(10)
    ]
    assert min(np.degrees(np.arccos(np.clip(c, -1.0, 1.0))).mean() for c in cosines) < 6.0


def test_held_out_takes_are_not_trained_on(data: Path) -> None:
    learnt, held = lift_data.training_files(data), lift_data.validation_files(data)
    assert len(learnt) > 80
    assert len(held) > 20
    assert not {f.name for f in learnt} & {f.name for f in held}
    assert not [f for f in learnt if f.parent.name in ("bvh_fair", "bvh_misc", "deepmimic_json")]


def test_pairs_round_trip_through_their_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    true, hips, positions = (
        rng.normal(size=(2, 8, 15, 3)),
        rng.normal(size=(2, 8, 3)) - [0, 0, 4],
        rng.normal(size=(2, 8, 15, 3)),
    )
    image, confidence = rng.uniform(0, 640, (2, 8, 15, 2)), rng.uniform(size=(2, 8, 15))
    image[1, 3:5], positions[1, 3:5], confidence[1, 3:5] = np.nan, np.nan, 0.0
    rest = {
        "focal": np.array([500.0, 600.0]), "size": np.array([[640, 480], [480, 640]]),
        "number": np.arange(2),
        "up": np.tile([0.0, 1.0, 0.0], (2, 1)), "held_out": np.array([False, True]),
        "heavy": np.array([True, False]),
    }  # fmt: skip
    arrays = {
        "true": true,
        "hips": hips,
        "positions": positions,
        "image": image,
        "confidence": confidence,
    }
    pairs.save(tmp_path / "pairs.npz", arrays | rest)
    for n, pair in enumerate(pairs.load(tmp_path / "pairs.npz")):
        np.testing.assert_allclose(pair.true, true[n], atol=6e-4)
        np.testing.assert_allclose(pair.hips, hips[n], atol=6e-4)
        np.testing.assert_allclose(
            landmarks.joints_of(pair.keypoints.positions), positions[n], atol=6e-4
        )
        np.testing.assert_allclose(landmarks.joints_of(pair.keypoints.image), image[n], atol=0.07)
        np.testing.assert_allclose(
            landmarks.joints_of(pair.keypoints.confidence[..., None])[..., 0],
            confidence[n],
            atol=3e-3,
        )
        assert (pair.held_out, pair.heavy, pair.camera.size) == (
            bool(n),
            not n,
            tuple(rest["size"][n]),
        )


def perfect_pair() -> pairs.Pair:
    keypoints = moving(speed=0.5)
    true = landmarks.joints_of(keypoints.positions)
    hips = smooth_motion(np.random.default_rng(0), 3.0, 30.0, 0.5).root_positions
    hips = hips + (
        CAMERA.rays(landmarks.joints_of(keypoints.image))[:, [7, 8]].mean(axis=1) * -hips[:, 2:]
        - hips
    ) * [1.0, 1.0, 0.0]
    return pairs.Pair(keypoints, CAMERA, true, hips, np.array([0.0, 1.0, 0.0]), 0, False, False)


def test_an_exact_detector_sees_the_joints() -> None:
    pair = perfect_pair()
    seen, true, scale = pairs.as_seen(pair, 1.0)
    np.testing.assert_allclose(scale, 1.0, atol=0.03)
    np.testing.assert_allclose(
        seen.across, spoil.perspective(true, 1.0 / seen.hips[:, 2]), atol=0.02
    )


def test_a_mirrored_piece_gives_mirrored_keypoints() -> None:
    pair = perfect_pair()
    (seen, true, scale), (other, other_true, other_scale) = (
        pairs.as_seen(p, 1.2) for p in (pair, pair.mirror())
    )
    m = network.MIRRORED_JOINTS
    np.testing.assert_allclose(other.across[:, m] * [-1.0, 1.0], seen.across, atol=1e-9)
    np.testing.assert_allclose(other.along[:, m], seen.along, atol=1e-9)
    np.testing.assert_allclose(other_true[:, m] * [-1.0, 1.0, 1.0], true, atol=1e-9)
    np.testing.assert_allclose(other_scale, scale, atol=1e-9)


def spoilt_by(rest: np.ndarray) -> noise.Shown:
    """Call `noise.spoilt` with no usual error, one metre of drift and one rest (60,)."""
    count = len(spoil.AROUND) * 45 + 3
    nothing = ((np.zeros((count, 120)), np.zeros(120)),)
    rests, sizes = np.tile(rest, (3, 60, 1)), np.ones((3, 60))
    spoiler = spoil.Spoiler(nothing, np.zeros(count), np.ones(count), rests, sizes)
    return noise.spoilt(np.random.default_rng(1), *scene(), spoiler)


def scene() -> tuple[np.ndarray, np.ndarray]:
    motion = smooth_motion(np.random.default_rng(0), 4.0, 30.0, 0.5)
    library = stage.Library.of([landmarks.joints_of(keypoints_of(motion).positions)])
    return stage.staged(np.random.default_rng(2), ((library, 1.0),), 8, 48)


def test_given_errors_are_applied() -> None:
    """Errors of a wrist in image, depth and confidence, of strength 0.4 to 1.3; no others."""
    wrist = network.JOINTS.index("left_wrist")
    rest = np.zeros(60)
    rest[2 * wrist], rest[30 + wrist], rest[45 + wrist] = 0.1, -0.2, 0.5
    off = spoilt_by(rest).inputs - spoilt_by(np.zeros(60)).inputs
    strength = off[..., 30 + wrist] / -0.2
    assert 0.4 <= strength.min() < strength.max() <= 1.3
    np.testing.assert_allclose(off[..., 45 + wrist], 0.5 * strength, atol=1e-6)
    across = np.linalg.norm(off[..., 2 * wrist : 2 * wrist + 2], axis=-1) / 0.1
    np.testing.assert_allclose(across, strength, rtol=0.15)
    others = np.delete(off, [2 * wrist, 2 * wrist + 1, 30 + wrist, 45 + wrist], axis=-1)
    np.testing.assert_allclose(others, 0.0, atol=1e-6)


def test_motion_without_errors_is_unchanged() -> None:
    """A spoiler without errors gives the true image points and depths."""
    shown = spoilt_by(np.zeros(60))
    np.testing.assert_allclose(shown.inputs[..., 30:45], shown.true[..., 2], atol=1e-6)
    # A wrong field of view turns the ray a little; what lies off it moves by that.
    straight = spoil.perspective(shown.true, 1.0 / shown.inputs[..., 62])
    across = shown.inputs[..., :30].reshape(straight.shape)
    assert np.median(np.linalg.norm(across - straight, axis=-1)) < 0.05


@pytest.mark.parametrize("guessed", [0.0, 1.0])
def test_exact_pieces_have_the_true_joints_on_their_rays(guessed: float) -> None:
    shown = noise.exact(np.random.default_rng(1), *scene(), guessed)
    outputs = np.zeros((*shown.inputs.shape[:2], 60))
    outputs[..., 2:45:3] = shown.true[..., 2]
    joints, _ = network.placed(shown.inputs, outputs)
    off = np.linalg.norm(joints - shown.true, axis=-1)
    assert np.median(off) < (0.05 if guessed else 0.02)


def test_pieces_without_depth_have_none() -> None:
    shown = noise.sketched(np.random.default_rng(1), *scene())
    bare = noise.without_depth(np.random.default_rng(1), shown, 0.5, 0.5).inputs
    dropped = bare[:, 0, 63] == 0.0
    assert dropped.any()
    assert not dropped.all()
    assert not bare[dropped, :, 30:45].any()
    np.testing.assert_array_equal(bare[~dropped], shown.inputs[~dropped])


def test_recombined_bodies_keep_their_bones() -> None:
    """Arms and trunks of other people are attached correctly: all bones keep their lengths."""
    rng = np.random.default_rng(3)
    motion = [
        landmarks.joints_of(
            keypoints_of(smooth_motion(np.random.default_rng(n), 3.0, 30.0, 0.5)).positions
        )
        for n in range(3)
    ]
    pieces = stage.windows(rng, stage.Library.of(motion), 8, 48)
    pieces = pieces - pieces[:, :, [7, 8]].mean(axis=2, keepdims=True)
    moved = stage.other_moves(rng, pieces, 1.0)
    child = np.flatnonzero(stage.PARENTS >= 0)
    before, after = (
        np.linalg.norm(p[:, :, child] - p[:, :, stage.PARENTS[child]], axis=-1).mean(axis=(0, 1))
        for p in (pieces, moved)
    )
    np.testing.assert_allclose(after, before, rtol=0.02)
    assert np.abs(moved - pieces)[:, :, 3:7].max() > 0.1


@pytest.mark.parametrize("scenes", [poses.SCENES, poses.RARER])
def test_procedural_people_have_bones_and_move_at_human_speed(scenes: poses.Scenes) -> None:
    for take in poses.takes(0, 12, scenes):
        child = np.flatnonzero(stage.PARENTS >= 0)
        lengths = np.linalg.norm(take[:, child] - take[:, stage.PARENTS[child]], axis=-1)
        np.testing.assert_allclose(lengths, np.broadcast_to(lengths[0], lengths.shape), rtol=1e-6)
        speed = np.linalg.norm(np.diff(take, axis=0), axis=-1) * network.RATE
        assert np.quantile(speed, 0.995) < 5.0


def drawn(kind: str, count: int = 40) -> np.ndarray:
    """Joints (count, 15, 3) of key poses of a kind."""
    maker = RarerMaker(np.random.default_rng(0))
    keys = [controls.flat(getattr(maker, kind)()) for _ in range(count)]
    return controls.joints(controls.unflat(np.array(keys)))


def test_rarer_poses_are_what_their_names_say() -> None:
    head, wrists, hips, ankles = 0, [5, 6], [7, 8], [11, 12]
    heights = {k: drawn(k)[..., 1] for k in ("overhead", "hang", "handstand", "side_lie", "desk")}
    up = heights["overhead"]
    assert (up[:, wrists].max(axis=1) > up[:, head]).mean() > 0.8
    assert np.ptp(heights["hang"][:, wrists]) < 0.1
    assert (heights["hang"][:, ankles] > 0.0).all()
    upside = heights["handstand"]
    assert (upside[:, head] < upside[:, hips].min(axis=1)).all()
    assert upside[:, wrists].max() < 0.15
    assert heights["side_lie"][:, hips].max() < 0.3
    desk = heights["desk"]
    assert (desk[:, wrists].max(axis=1) > desk[:, hips].mean(axis=1)).mean() > 0.9


def test_loads_are_held_overhead_on_straight_legs() -> None:
    joints = drawn("overhead", 60)
    knees = np.degrees([straight.bend(joints, straight.LIMBS[n][0]) for n in (0, 2)])
    assert np.quantile(knees.min(axis=0), 0.8) < 15.0


def test_raised_arms_of_a_made_up_detector_come_forward() -> None:
    """Arms that point up are shifted to the front, those that hang are not."""
    true = np.zeros((4, 48, 15, 3))
    true[..., [1, 3, 5, 7], 0], true[..., [2, 4, 6, 8], 0] = 0.15, -0.15  # faces the camera
    true[..., [1, 2], 1] = 0.5
    true[..., [3, 5], 1], true[..., [4, 6], 1] = [0.8, 1.1], [0.2, -0.1]  # left up, right down
    hidden = np.zeros((4, 48, 15))
    usual, shifted = (
        noise._sketched_depth(np.random.default_rng(0), true, hidden, raised)[..., [5, 6]]
        for raised in (1e-9, 0.1)
    )
    ahead = (shifted - usual).mean(axis=(0, 1))
    assert 0.03 < ahead[0] < 0.2
    assert abs(ahead[1]) < 1e-6


def test_close_ups_are_near_and_do_not_show_the_legs() -> None:
    inputs = closeup.close_up(np.random.default_rng(0), *scene()).inputs
    assert (1.0 / inputs[..., 62]).mean() < 2.5
    assert (inputs[..., 61] < -0.2).mean() > 0.9  # the hips are below the picture's middle
    assert inputs[..., 45 + 7 : 60].max() < 0.1
    assert inputs[..., 45:48].min() > 0.3
    assert np.isfinite(inputs).all()


def test_a_refitted_layer_learns_new_pieces_and_keeps_known_answers() -> None:
    """A wrong bias of the wrists' depths is unlearnt on new pieces; shoulders stay as they are."""
    true = dict(network.weights())
    wrist, shoulder = 3 * network.JOINTS.index("left_wrist") + 2, 3 + 2
    wrong = true | {"out.bias": true["out.bias"].copy()}
    wrong["out.bias"][[wrist, shoulder]] += 0.2
    rng = np.random.default_rng(0)

    def answered() -> noise.Shown:
        inputs = noise.exact(rng, *scene()).inputs.astype(np.float32)
        return noise.Shown(inputs, network.placed(inputs, network.run(true, inputs))[0])

    nothing = [np.zeros((0, 48, 64), np.float32)] * 2
    mended = refit.refitted(wrong, lambda: nothing, answered, 2)
    inputs = answered().inputs
    off = network.run(mended, inputs) - network.run(true, inputs)
    assert np.abs(off[..., wrist]).mean() < 0.02
    np.testing.assert_allclose(off[..., shoulder], 0.2, atol=1e-5)
    kept = [inputs, inputs]
    strict = refit.refitted(wrong, lambda: kept, answered, 2)
    moved = np.abs(network.run(strict, inputs) - network.run(wrong, inputs))[..., wrist].mean()
    assert moved < 0.15


@pytest.mark.parametrize("degrees", [8.0, 15.0])
def test_knees_bent_by_a_skeleton_are_found_and_straightened(degrees: float) -> None:
    """A person stretches the legs now and then, on a skeleton that adds a constant bend."""
    motion = np.concatenate(poses.takes(1, 12))
    skewed = straight.straightened(motion, np.full(4, -np.radians(degrees)))
    found = straight.excess([skewed])
    mended = straight.straightened(skewed, found)
    for n in (0, 2):
        limb = straight.LIMBS[n][0]
        assert abs(np.degrees(found[n]) - degrees) < 2.0
        off = np.degrees(straight.bend(mended, limb) - straight.bend(motion, limb))
        assert np.abs(off).mean() < 2.0
        assert np.degrees(np.quantile(straight.bend(mended, limb), 0.1)) < 6.0


def test_straightened_limbs_keep_their_bones() -> None:
    motion = np.concatenate(poses.takes(2, 6))
    straighter = straight.straightened(motion, np.radians([20.0, 10.0, 5.0, 20.0]))
    child = np.flatnonzero(stage.PARENTS >= 0)
    before, after = (
        np.linalg.norm(p[:, child] - p[:, stage.PARENTS[child]], axis=-1)
        for p in (motion, straighter)
    )
    np.testing.assert_allclose(after, before, atol=1e-9)
    for limb, _ in straight.LIMBS:
        assert (straight.bend(straighter, limb) <= straight.bend(motion, limb) + 1e-6).all()
