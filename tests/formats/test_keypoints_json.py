"""Keypoints JSON: round trips, other shapes and axes, and sentences for errors."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import HAND_LANDMARKS, LANDMARKS, Keypoints
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID
from mocap.errors import InputError
from mocap.formats import keypoints_json as kj
from mocap.formats.keypoints_json.axes import ConventionWarning, flipped_axes
from tests.helpers import cost, synthetic

seeds = st.integers(0, 2**32 - 1)


def random_keypoints(seed: int, frames: int = 6) -> Keypoints:
    """Return a body in random poses with missing points, frames, hands and faces, uneven times."""
    rng = np.random.default_rng(seed)
    seen = synthetic.keypoints_of(synthetic.random_poses(rng, frames))
    positions, image = seen.positions.copy(), seen.image.copy()
    gone = rng.random((frames, 33)) < 0.15
    gone[1] = True
    positions[gone] = image[gone] = np.nan
    confidence = np.where(gone, 0.0, rng.random((frames, 33)))
    hands = rng.normal(size=(frames, 2, 21, 3)) * 0.1
    hands[..., 0, :] = 0.0
    hands[0, 1] = hands[1] = np.nan
    unseen = np.isnan(hands[..., 0, 0])
    hands_image = np.where(unseen[..., None, None], np.nan, rng.uniform(0, 700, (frames, 2, 21, 2)))
    hands_confidence = np.where(unseen, 0.0, rng.random((frames, 2)))
    face = rng.uniform(0, 700, (frames, 478, 3))
    face[1:3] = np.nan
    transform = rng.normal(size=(frames, 4, 4))
    transform[1] = np.nan
    times = np.cumsum(rng.uniform(0.01, 0.1, frames))
    return Keypoints(
        times, positions, image, confidence, Camera.assumed((1280, 720)), hands, face, transform,
        hands_image, hands_confidence
    )  # fmt: skip


def standing(frames: int = 5) -> Keypoints:
    """Return an upright body that faces the camera and moves a little."""
    rng = np.random.default_rng(0)
    rotations = synthetic.rotations_of(
        synthetic.pose_parameters(rng, frames), np.tile(R.IDENTITY, (frames, 1))
    )
    return synthetic.keypoints_of(
        Motion(
            HUMANOID, np.arange(frames) / 30.0, np.tile([0.0, 0.0, -4.0], (frames, 1)), rotations
        )
    )


def same(a: Keypoints, b: Keypoints) -> None:
    assert np.abs(a.times - b.times).max() < 1e-9
    assert a.camera.size == b.camera.size
    assert a.camera.focal == pytest.approx(b.camera.focal, abs=1e-3)
    assert (a.camera.centre, a.camera.source) == (b.camera.centre, b.camera.source)
    for field, tolerance in (
        ("positions", 1e-6),
        ("image", 1e-3),
        ("confidence", 1e-6),
        ("hands", 2e-6),
        ("hands_image", 1e-3),
        ("hands_confidence", 1e-6),
        ("face", 1e-3),
        ("face_transform", 1e-9),
    ):
        x, y = getattr(a, field), getattr(b, field)
        assert (x is None) == (y is None), field
        if x is not None:
            assert np.array_equal(np.isnan(x), np.isnan(y)), field
            assert np.max(np.nan_to_num(np.abs(x - y))) <= tolerance, field


# --- round trip -----------------------------------------------------------------------------------


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_written_files_are_read_back_unchanged(seed: int) -> None:
    keypoints = random_keypoints(seed)
    same(kj.loads(kj.dumps(keypoints)), keypoints)
    same(kj.loads(kj.dumps_lines(keypoints)), keypoints)
    same(kj.loads(kj.dumps_lines(keypoints).encode()), keypoints)


@pytest.mark.parametrize("write", [kj.dumps, kj.dumps_lines])
def test_hard_cuts_are_in_the_file(write: Any) -> None:
    """Where pictures were compared and show none, readers look for none either."""
    for cuts in ([0.0, 0.0, 1.0, 0.0, 0.0], [0.0] * 5):
        read = kj.loads(write(replace(standing(), new_take=np.array(cuts))))
        assert read.new_take is not None
        assert read.new_take.tolist() == cuts
    assert kj.loads(write(standing())).new_take is None


def test_the_document_has_the_shape_of_tfjs_pose_detection() -> None:
    keypoints = standing()
    document = json.loads(kj.dumps(keypoints))
    assert (document["width"], document["height"], document["fps"]) == (1280, 720, 30.0)
    frame = document["frames"][2]
    assert frame["timestamp"] == pytest.approx(2 / 30)
    (pose,) = frame["poses"]
    assert set(pose) == {"score", "keypoints", "keypoints3D"}
    assert [p["name"] for p in pose["keypoints3D"]] == list(LANDMARKS)
    assert set(pose["keypoints3D"][0]) == {"x", "y", "z", "score", "name"}
    nose = dict(zip(LANDMARKS, pose["keypoints3D"], strict=True))["nose"]
    assert nose["y"] < -0.3, "y is down"
    assert nose["z"] < 0, "z is away from the camera, which the nose is nearer to than the hips"
    assert nose["x"] == pytest.approx(keypoints.positions[2, 0, 0], abs=1e-6), "x is right"


def test_json_lines_are_a_header_then_one_frame_a_line() -> None:
    keypoints = standing()
    lines = kj.dumps_lines(keypoints).splitlines(keepends=True)
    assert lines[0] == kj.header_line(keypoints.camera, 30.0)
    assert lines[1:] == [kj.frame_line(keypoints, i) for i in range(5)]


@pytest.mark.parametrize("write", [kj.dumps, kj.dumps_lines])
@pytest.mark.parametrize("source", ["told", "metadata", "assumed"])
def test_the_camera_is_saved_in_the_file(write: Any, source: Any) -> None:
    camera = Camera(1234.5, (600.0, 350.0), (1280, 720), source)
    keypoints = replace(standing(), camera=camera)
    assert kj.loads(write(keypoints)).camera == camera


def test_a_file_without_a_camera_gets_the_default_camera() -> None:
    whole = json.loads(kj.dumps(standing()))
    del whole["camera"]
    assert kj.loads(json.dumps(whole)).camera == Camera.assumed((1280, 720))


@pytest.mark.parametrize("wrong", [{"focal": -1.0}, {"focal": 900.0, "source": "guessed"}])
def test_an_impossible_camera_is_refused(wrong: dict[str, Any]) -> None:
    whole = json.loads(kj.dumps(standing())) | {"camera": wrong}
    with pytest.raises(InputError, match="camera's"):
        kj.loads(json.dumps(whole))


def test_a_truncated_recording_loses_only_its_last_line() -> None:
    keypoints = standing()
    with pytest.warns(UserWarning, match="last line of the JSON Lines is cut off"):
        back = kj.loads(kj.dumps_lines(keypoints)[:-40])
    same(back, keypoints.slice(0, 4))
    text = kj.dumps_lines(keypoints)
    with pytest.warns(UserWarning, match="last line"):
        same(
            kj.loads(text[: text.rindex("}, {" if "}, {" in text else "},{") + 1]),
            keypoints.slice(0, 4),
        )


# --- shapes that others write ---------------------------------------------------------------------


def document(keypoints: Keypoints | None = None) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(kj.dumps(keypoints or standing()))
    return read


def test_bare_lists_of_frames_poses_and_numbers_are_read() -> None:
    keypoints, whole = standing(), document()
    frames = whole["frames"]
    numbers = [[[p["x"], p["y"], p["z"]] for p in f["poses"][0]["keypoints3D"]] for f in frames]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # neither the image's size nor times are in them
        for shape in (
            frames,
            [f["poses"] for f in frames],
            [f["poses"][0] for f in frames],
            numbers,
        ):
            back = kj.loads(json.dumps(shape))
            assert np.abs(back.positions - keypoints.positions).max() <= 1e-6
            assert np.allclose(back.times, np.arange(5) / 30)
        assert np.abs(kj.loads(json.dumps(frames)).image - keypoints.image).max() <= 1e-3
        # A list of one frame's poses, and a single frame or pose by itself.
        for shape in (frames[3], frames[3]["poses"][0], [frames[3]["poses"][0]]):
            assert (
                np.abs(kj.loads(json.dumps(shape)).positions - keypoints.positions[3:4]).max()
                <= 1e-6
            )


def test_the_reference_output_of_tfjs_is_read(data: Path) -> None:
    with pytest.warns(
        UserWarning, match="no timestamps and the file no fps; 30 frames a second are assumed"
    ):
        keypoints = kj.loads((data / "landmarks" / "tfjs_pose_squats_3d.full.json").read_bytes())
    assert len(keypoints) == 65
    at = {n: keypoints.positions[:, i] for i, n in enumerate(LANDMARKS)}
    assert np.all(at["nose"][:, 1] > at["left_ankle"][:, 1]), "up is up"
    assert np.all(at["nose"][:, 2] > at["left_ear"][:, 2]), "she faces the camera"
    assert np.all(at["left_hip"][:, 0] > at["right_hip"][:, 0]), "her left is at the image's right"
    with pytest.raises(InputError, match="must be in metres"):
        kj.loads((data / "landmarks" / "tfjs_pose_squats.full.json").read_bytes())
    with pytest.raises(InputError, match=r"missing required field `poses` - at `\$.frames\[0\]`"):
        kj.loads((data / "landmarks" / "tfjs_pose_1.json").read_bytes())


def test_points_are_matched_by_name_in_any_order() -> None:
    whole = document()
    for frame in whole["frames"]:
        for key in ("keypoints", "keypoints3D"):
            frame["poses"][0][key].reverse()
    same(kj.loads(json.dumps(whole)), standing())
    camel = json.dumps(whole)
    for name in LANDMARKS:
        first, *rest = name.split("_")
        camel = camel.replace(f'"{name}"', f'"{first + "".join(w.title() for w in rest)}"')
    same(kj.loads(camel), standing())
    same(kj.loads(json.dumps(whole).replace('"left_foot_index"', '"LEFT_FOOT_INDEX"')), standing())


def test_points_without_names_are_taken_in_order() -> None:
    whole = document()
    for frame in whole["frames"]:
        for point in frame["poses"][0]["keypoints"] + frame["poses"][0]["keypoints3D"]:
            del point["name"]
    same(kj.loads(json.dumps(whole)), standing())


def test_null_points_are_unseen_and_missing_scores_mean_certain() -> None:
    whole = document()
    pose = whole["frames"][0]["poses"][0]
    pose["keypoints3D"][5].update(x=None, y=None, z=None)
    for point in pose["keypoints"] + pose["keypoints3D"]:
        del point["score"]
    keypoints = kj.loads(json.dumps(whole))
    assert np.all(np.isnan(keypoints.positions[0, 5]))
    assert np.all(keypoints.confidence[0] == 1.0)


def test_the_same_person_is_followed_among_several() -> None:
    whole = document()
    for i, frame in enumerate(whole["frames"]):
        (pose,) = frame["poses"]
        other = json.loads(json.dumps(pose))
        for point in other["keypoints"]:
            # Smaller at first, then larger and surer, and elsewhere in the picture.
            point["x"] = 100 + (point["x"] - 640) * (0.3 if i == 0 else 3)
            point["y"] = 300 + (point["y"] - 360) * (0.3 if i == 0 else 3)
        for point in other["keypoints3D"]:
            point["x"] *= 2
        frame["poses"] = [other, pose] if i % 2 else [pose, other]
        frame["poses"][0]["score"] = 0.99
    whole["frames"].insert(2, {"timestamp": 0.04, "poses": []})
    keypoints = kj.loads(json.dumps(whole))
    assert np.all(np.isnan(keypoints.positions[2]))
    assert np.all(keypoints.confidence[2] == 0)
    assert np.abs(keypoints.positions[[0, 1, 3, 4, 5]] - standing().positions).max() <= 1e-6


def test_times_come_from_the_rate_argument_or_the_timestamps() -> None:
    whole = document()
    assert np.allclose(kj.loads(json.dumps(whole), source_fps=120.0).times, np.arange(5) / 120)
    for frame in whole["frames"]:
        frame["timestamp"] *= 1000
    long = json.loads(json.dumps(whole))
    with pytest.warns(ConventionWarning, match="look like milliseconds"):
        assert np.allclose(kj.loads(json.dumps(whole)).times, np.arange(5) / 30)
    for frame in long["frames"]:
        del frame["timestamp"]
    long["fps"] = 50
    assert np.allclose(kj.loads(json.dumps(long)).times, np.arange(5) / 50)


def test_a_missing_image_size_is_taken_from_the_points_with_a_warning() -> None:
    whole = document()
    del whole["width"]
    with pytest.warns(UserWarning, match="does not give the image's width and height"):
        size = kj.loads(json.dumps(whole)).camera.size
    assert np.all(np.array(size) >= standing().image.max(axis=(0, 1)))


# --- what cannot be used --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda d: d["frames"][2]["poses"][0]["keypoints3D"].__setitem__(
                4, {"x": 1, "y": 2, "z": 3, "name": "tail"}
            ),
            "Frame 2 .*named 'tail'",
        ),
        (
            lambda d: d["frames"][1]["poses"][0].update(
                keypoints3D=[{"x": 0, "y": 0, "z": 0}] * 21
            ),
            "Frame 1 has 21 keypoints without names",
        ),
        (
            lambda d: d["frames"][1]["poses"][0]["keypoints3D"][3].update(x="left"),
            r"Expected .float.*keypoints3D\[3\]",
        ),
        (lambda d: d["frames"][1].update(poses=7), r"not of the keypoints' shape: .*frames\[1\]"),
        (
            lambda d: d["frames"][1].update(timestamp=5.0),
            "Timestamps must increase, but frame 2 is at",
        ),
        (
            lambda d: d["frames"][4].update(poses=[{"landmarks": []}]),
            "Frame 4 has a pose with neither keypoints nor keypoints3D",
        ),
        (lambda d: d["frames"].clear(), "that is not empty"),
        (lambda d: d.pop("frames"), "an object with the fields width, height, fps"),
        (
            lambda d: d["frames"][0]["poses"][0].update(face={"transform": [1, 2]}),
            "must have 16 numbers",
        ),
    ],
)
def test_documents_of_other_shapes_are_refused_with_a_sentence(
    change: Callable[[dict[str, Any]], object], says: str
) -> None:
    whole = document()
    change(whole)
    with pytest.raises(InputError, match=says):
        kj.loads(json.dumps(whole))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "This is not JSON"),
        ("hello", "This is not JSON"),
        ("[]", "not empty, but this is an empty list"),
        ("3", "but this is int"),
        ('{"a": 1}', "an object with the fields a"),
        ('{"width": 1}\n{"poses": [}\n{"poses": []}\n', "not JSON in line 2"),
        (
            '{"frames": [{"poses": [{"keypoints": [{"x": NaN, "y": 1}]}]}]}',
            "holds NaN, which is no JSON number",
        ),
        ('{"frames": [{"poses": [{"keypoints": [{"x": -Infinity, "y": 1}]}]}]}', "holds Infinity"),
        ('{"frames": [{"poses": [{"keypoints": [{"x": 1e999, "y": 1}]}]}]}', "not JSON"),
        (b"\xff\xfe\x00", "This is not JSON"),
    ],
)
def test_files_without_keypoints_json_are_refused_with_a_sentence(
    text: str | bytes, says: str
) -> None:
    with pytest.raises(InputError, match=says):
        kj.loads(text)


def test_an_invalid_rate_is_refused() -> None:
    with pytest.raises(InputError, match="positive number of frames a second, not 0"):
        kj.loads(kj.dumps(standing()), source_fps=0.0)


def test_frames_without_a_person_are_unseen_not_wrong() -> None:
    for text in ("[[], [], []]", "[null, null, null]"):
        with pytest.warns(UserWarning, match="30 frames a second"):
            assert np.all(np.isnan(kj.loads(text).positions))
    keypoints = kj.loads(
        '{"width": 10, "height": 10, "fps": 5, "frames": [{"poses": []}, {"poses": []}]}'
    )
    assert np.all(np.isnan(keypoints.positions))
    assert np.all(keypoints.confidence == 0)


# --- axes that point the other way ----------------------------------------------------------------


def turned(
    keypoints: Keypoints, axes: str, noise: float = 0.0, image: bool = True, seed: int = 0
) -> Keypoints:
    signs = np.array([-1.0 if a in axes else 1.0 for a in "xyz"])
    positions = (
        keypoints.positions
        + np.random.default_rng(seed).normal(size=keypoints.positions.shape) * noise
    ) * signs
    points = keypoints.image if image else np.full_like(keypoints.image, np.nan)
    return Keypoints(keypoints.times, positions, points, keypoints.confidence, keypoints.camera)


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_correct_axes_are_never_taken_for_flipped(seed: int) -> None:
    """Any orientation, even for a whole take, with and without image points, with noise."""
    rng = np.random.default_rng(seed)
    motion = synthetic.random_poses(rng, 20)
    one_way = synthetic.rotations_of(
        synthetic.pose_parameters(rng, 20), np.tile(synthetic.random_rotation(rng), (20, 1))
    )
    for rotations in (motion.rotations, one_way):
        keypoints = synthetic.keypoints_of(
            Motion(motion.skeleton, motion.times, motion.root_positions, rotations)
        )
        assert flipped_axes(turned(keypoints, "", 0.02)) == ()
        blind = turned(keypoints, "", 0.02, image=False)
        heights = np.stack(
            [blind.positions[:, [i, i + 1], 1].mean(axis=1) for i in (11, 23, 27)], axis=1
        )
        if not np.all(np.diff(heights, axis=1) > 0):  # nothing but a handstand from first to last
            assert flipped_axes(blind) == ()


@given(seeds, st.sampled_from(["x", "y", "z", "xy", "xz", "yz", "xyz"]))
@settings(max_examples=60, deadline=None)
def test_every_axis_flip_is_named_in_any_orientation(seed: int, axes: str) -> None:
    keypoints = synthetic.keypoints_of(synthetic.random_poses(np.random.default_rng(seed), 20))
    assert "".join(flipped_axes(turned(keypoints, axes, 0.02, seed=seed))) == axes


def test_flips_of_an_upright_take_are_found_without_image_points() -> None:
    keypoints = standing(20)
    for axes in ("", "y", "z", "yz"):
        assert "".join(flipped_axes(turned(keypoints, axes, image=False))) == axes


@given(seeds, st.floats(-3.0, 3.0))
@settings(max_examples=20, deadline=None)
def test_flips_are_found_with_a_third_of_the_frames_random(seed: int, angle: float) -> None:
    rng = np.random.default_rng(seed)
    keypoints = synthetic.keypoints_of(synthetic.random_poses(rng, 30))
    positions = turned(keypoints, "z").positions.copy()
    wrong = rng.choice(30, 5, replace=False)
    positions[wrong] *= [1.0, 1.0, -1.0]
    mixed = Keypoints(
        keypoints.times, positions, keypoints.image, keypoints.confidence, keypoints.camera
    )
    assert flipped_axes(mixed) == ("z",)


def test_a_mirrored_picture_is_not_corrected() -> None:
    """The detector of a mirrored webcam sees a person whose left is the picture's."""
    assert flipped_axes(standing(10).mirror()) == ()


def test_unseen_points_are_ignored_when_axes_are_checked() -> None:
    keypoints = standing()
    nothing = np.full_like(keypoints.positions, np.nan)
    assert (
        flipped_axes(
            Keypoints(
                keypoints.times,
                nothing,
                keypoints.image,
                keypoints.confidence,
                keypoints.camera,
            )
        )
        == ()
    )


@pytest.mark.parametrize("axes", ["z", "y", "yz", "x"])
def test_flipped_axes_are_corrected_and_named(axes: str) -> None:
    keypoints = standing()
    with pytest.warns(
        ConventionWarning,
        match=" and ".join(f"{a} pointing" for a in axes).replace(" and ", " .* and "),
    ):
        back = kj.loads(kj.dumps(turned(keypoints, axes)))
    assert np.abs(back.positions - keypoints.positions).max() <= 1e-6


def test_flips_of_real_recordings_are_found_without_false_alarms(data: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        squats = kj.loads((data / "landmarks" / "tfjs_pose_squats_3d.full.json").read_bytes())
    image = np.array(json.loads((data / "landmarks" / "tfjs_pose_squats.full.json").read_text()))[
        ..., :2
    ]
    whole = Keypoints(
        squats.times, squats.positions, image, squats.confidence, Camera.assumed((720, 1280))
    )
    for axes in ("", "x", "y", "z", "yz", "xz"):
        assert "".join(flipped_axes(turned(whole, axes))) == axes
        if "x" not in axes:
            assert "".join(flipped_axes(turned(whole, axes, image=False))) == axes


# --- cost -----------------------------------------------------------------------------------------


def test_a_thousand_frames_of_keypoints_are_written_and_read_quickly() -> None:
    motion = synthetic.smooth_motion(np.random.default_rng(0), 1000 / 30.0, 30.0)
    keypoints = synthetic.keypoints_of(motion)
    assert np.all(np.isfinite(fk(motion.skeleton, motion.root_positions, motion.rotations)[0]))
    text = kj.dumps(keypoints)
    assert cost.seconds(lambda: kj.dumps(keypoints), 1.0) < 1.0
    assert cost.seconds(lambda: kj.loads(text), 1.0) < 1.0


# --- hands ----------------------------------------------------------------------------------------


def estimated_hand(side: str, seed: int = 0) -> dict[str, object]:
    """Return the output of estimateHands: origin somewhere in the hand, names on every point."""
    rng = np.random.default_rng(seed)
    metres, pixels = rng.normal(size=(21, 3)) * 0.05, rng.uniform(0, 400, (21, 2))
    return {
        "handedness": side, "score": 0.9,
        "keypoints": [{"x": x, "y": y, "name": n} for (x, y),
                      n in zip(pixels.tolist(), HAND_LANDMARKS, strict=True)],
        "keypoints3D": [{"x": x, "y": y, "z": z, "name": n} for (x, y, z),
                        n in zip(metres.tolist(), HAND_LANDMARKS, strict=True)],
    }  # fmt: skip


def points_of(hand: dict[str, object], field: str, axes: str) -> np.ndarray:
    return np.array([[p[a] for a in axes] for p in hand[field]])  # type: ignore[attr-defined]


def test_hands_of_hand_pose_detection_are_read_without_a_body() -> None:
    left, right = estimated_hand("Left", 1), estimated_hand("Right", 2)
    found = kj.loads(
        json.dumps(
            {
                "width": 640,
                "height": 480,
                "fps": 25,
                "frames": [{"poses": [right, left]}, {"poses": []}],
            }
        )
    )
    assert np.isnan(found.positions).all()
    assert found.hands is not None
    assert found.hands_image is not None
    assert found.hands_confidence is not None
    for side, hand in enumerate((left, right)):
        metres = points_of(hand, "keypoints3D", "xyz") * [1.0, -1.0, -1.0]
        assert np.allclose(found.hands[0, side], metres - metres[0])
        assert np.allclose(found.hands_image[0, side], points_of(hand, "keypoints", "xy"))
    assert found.hands_confidence.tolist() == [[0.9, 0.9], [0.0, 0.0]]
    assert np.isnan(found.hands[1]).all()
    same(found, kj.loads(kj.dumps(found)))
    same(found, kj.loads(kj.dumps_lines(found)))


@pytest.mark.filterwarnings("ignore:The f")
def test_hands_are_read_in_every_document_shape_and_point_order() -> None:
    hand = estimated_hand("Left", 3)
    shuffled = {**hand, "keypoints3D": hand["keypoints3D"][::-1]}  # type: ignore[index]
    found = [
        kj.loads(json.dumps(items))
        for items in ([hand], [[hand]], hand, {"poses": [hand]}, [{"poses": [hand]}], [shuffled])
    ]
    for keypoints in found:
        assert keypoints.hands is not None
        assert np.array_equal(keypoints.hands, found[0].hands, equal_nan=True)
        assert np.isnan(keypoints.hands[0, 1]).all()


def test_hands_beside_a_body_become_its_hands() -> None:
    document = json.loads(kj.dumps(standing(2)))
    document["frames"][1]["poses"].append(estimated_hand("Right"))
    found = kj.loads(json.dumps(document))
    assert np.isfinite(found.positions).all()
    assert found.hands is not None
    assert np.isfinite(found.hands).all((2, 3)).tolist() == [[False, False], [False, True]]


def test_an_unknown_hand_point_is_named() -> None:
    hand = estimated_hand("Left")
    hand["keypoints3D"][5]["name"] = "index_base"  # type: ignore[index]
    with pytest.raises(
        InputError,
        match=(
            r"Frame 0 has a hand's keypoint named 'index_base'; the names are wrist, "
            r"thumb_cmc.*\."
        ),
    ):
        kj.loads(
            json.dumps({"fps": 25, "width": 640, "height": 480, "frames": [{"poses": [hand]}]})
        )
