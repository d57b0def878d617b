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

from mocap.core.camera import Camera
from mocap.core.keypoints import LANDMARKS
from mocap.core.kinematics import fk
from mocap.errors import InputError
from mocap.formats import keypoints_json as kj
from mocap.formats.keypoints_json.axes import ConventionWarning
from tests.helpers import cost, synthetic
from tests.helpers.keypoints_files import document, random_keypoints, same, standing

seeds = st.integers(0, 2**32 - 1)


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
@pytest.mark.parametrize("source", ["told", "metadata", "assumed", "triangulated"])
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
        (
            lambda d: d["frames"][1].update(poses=7),
            r"not in the layout of keypoints: .*frames\[1\]",
        ),
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
            "contains NaN, which is not a JSON number",
        ),
        (
            '{"frames": [{"poses": [{"keypoints": [{"x": -Infinity, "y": 1}]}]}]}',
            "contains Infinity",
        ),
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


# --- cost -----------------------------------------------------------------------------------------


def test_a_thousand_frames_of_keypoints_are_written_and_read_quickly() -> None:
    motion = synthetic.smooth_motion(np.random.default_rng(0), 1000 / 30.0, 30.0)
    keypoints = synthetic.keypoints_of(motion)
    assert np.all(np.isfinite(fk(motion.skeleton, motion.root_positions, motion.rotations)[0]))
    text = kj.dumps(keypoints)
    assert cost.seconds(lambda: kj.dumps(keypoints), 1.0) < 1.0
    assert cost.seconds(lambda: kj.loads(text), 1.0) < 1.0
