"""Image points in the layouts of other tools, and faces of `estimateFaces`."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.core.motion import Motion
from mocap.detect.inputs import read_keypoints
from mocap.detect.options import DetectOptions
from mocap.errors import InputError
from mocap.formats import keypoints_json as kj
from mocap.formats.keypoints_json.flat_hands import lifted_hands
from mocap.solve.hands import FINGER_BONES
from mocap.solve.hold import RELAXED
from mocap.solve.take import solve_take
from tests.helpers import synthetic
from tests.helpers.hands import gesturing, with_hands
from tests.helpers.measures import degrees_between, directions

FLAT = "no depth, only points in the image"
# Written down from the tools' documentation, apart from the tables in the package.
COCO = [
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee",
    "right_knee", "left_ankle", "right_ankle",
]  # fmt: skip
HALPE = [*COCO, "head", "neck", "hip", "left_foot_index", "right_foot_index", "", ""]
HALPE += ["left_heel", "right_heel"]
BODY_25 = [
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
    "left_wrist", "hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee",
    "left_ankle", "right_eye", "left_eye", "right_ear", "left_ear", "left_foot_index", "small",
    "left_heel", "right_foot_index", "small", "right_heel",
]  # fmt: skip
WHOLE = [*COCO, "left_foot_index", "", "left_heel", "right_foot_index", "", "right_heel"]
WHOLE += [""] * 68
for side in ("left", "right"):
    hand = [""] * 21
    hand[3], hand[5], hand[17] = f"{side}_thumb", f"{side}_index", f"{side}_pinky"
    WHOLE += hand


@pytest.fixture(scope="module")
def motion() -> Motion:
    """Return five seconds of a body that stands and turns its limbs."""
    made = synthetic.smooth_motion(np.random.default_rng(5), 4.0, 30.0)
    rotations = made.rotations.copy()
    rotations[:, 0] = R.from_rotation_vector(
        np.linspace(-0.6, 0.6, len(made))[:, None] * [0.0, 1.0, 0.0]
    )
    return replace(made, rotations=rotations)


def triples(keypoints: Keypoints, frame: int, names: list[str]) -> list[float]:
    out: list[float] = []
    for name in names:
        known = name in LANDMARKS
        xy = keypoints.image[frame, LANDMARKS.index(name)] if known else np.zeros(2)
        out += [*map(float, xy), 0.9 if known else 0.0]
    return out


def results(keypoints: Keypoints, names: list[str]) -> Any:
    return [
        {"image_id": f"{f}.jpg", "category_id": 1, "keypoints": triples(keypoints, f, names)}
        for f in range(len(keypoints))
    ]


def openpose(keypoints: Keypoints, names: list[str]) -> Any:
    return [
        {"version": 1.3, "people": [{"pose_keypoints_2d": triples(keypoints, f, names)}]}
        for f in range(len(keypoints))
    ]


def annotations(keypoints: Keypoints, names: list[str]) -> Any:
    count = range(len(keypoints))
    rows = [np.reshape(triples(keypoints, f, names), (-1, 3)) for f in count]
    marked = [np.where(r[:, 2:] > 0, r * [1, 1, 0] + [0, 0, 2], 0.0).ravel().tolist() for r in rows]
    return {
        "images": [{"id": 7 + f, "width": 1280, "height": 720} for f in count],
        "annotations": [{"image_id": 7 + f, "keypoints": marked[f]} for f in count],
    }


def mmpose(keypoints: Keypoints, names: list[str]) -> Any:
    info = []
    for f in range(len(keypoints)):
        rows = np.reshape(triples(keypoints, f, names), (-1, 3))
        one = {"keypoints": rows[:, :2].tolist(), "keypoint_scores": rows[:, 2].tolist()}
        info.append({"frame_id": f + 1, "instances": [one]})
    return {"instance_info": info}


def movenet(keypoints: Keypoints, names: list[str]) -> Any:
    poses = []
    for f in range(len(keypoints)):
        rows = np.reshape(triples(keypoints, f, names), (-1, 3)).tolist()
        points = [
            {"x": x, "y": y, "score": score, "name": name}
            for (x, y, score), name in zip(rows, names, strict=True)
        ]
        poses.append([{"keypoints": points}])
    return poses


def read(document: Any) -> Keypoints:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*does not give the image's width")
        with pytest.warns(UserWarning, match=FLAT):
            return kj.loads(json.dumps(document), 30.0)


@pytest.mark.parametrize(
    ("write", "names"),
    [
        (results, COCO), (results, HALPE), (results, WHOLE), (openpose, BODY_25),
        (annotations, COCO), (mmpose, COCO), (movenet, COCO),
    ],
)  # fmt: skip
def test_points_become_the_landmarks_of_their_names(
    motion: Motion, write: Callable[[Keypoints, list[str]], Any], names: list[str]
) -> None:
    true = synthetic.keypoints_of(motion).slice(0, 4)
    found = read(write(true, names))
    known = [LANDMARKS.index(n) for n in names if n in LANDMARKS]
    others = [i for i in range(33) if i not in known]
    assert np.allclose(found.image[:, known], true.image[:, known])
    assert np.isnan(found.image[:, others]).all()
    assert not found.confidence[:, others].any()
    assert not np.nan_to_num(found.positions[..., 2]).any()


@pytest.mark.parametrize("names", [BODY_25, COCO])
def test_the_lifter_finds_depth_for_points_in_the_image(motion: Motion, names: list[str]) -> None:
    """Mean error of swinging limbs: 17°; 12° with known depth, 31° for a flat body."""
    true = synthetic.keypoints_of(motion)
    write = results if names is COCO else openpose
    keypoints = replace(read(write(true, names)), camera=true.camera)
    found = solve_take(keypoints)
    ours, theirs = (
        directions(kinematics.fk(m.skeleton, m.root_positions, m.rotations)[0])
        for m in (found, motion)
    )
    assert degrees_between(ours, theirs).mean() < 20.0


@pytest.mark.parametrize(("points", "left", "right"), [(133, 91, 112), (136, 94, 115)])
def test_hands_without_depth_move_the_fingers(points: int, left: int, right: int) -> None:
    """Finger joints are 14° from the truth where those of relaxed hands are 32° from it."""
    motion = gesturing(np.random.default_rng(3), 4.0, 15.0)
    true = with_hands(motion)
    assert true.hands is not None
    wrists = true.image[:, [LANDMARKS.index("left_wrist"), LANDMARKS.index("right_wrist")]]
    hands = wrists[:, :, None] + true.hands[..., :2] * [300.0, -300.0]
    names = (WHOLE if points == 133 else HALPE)[:26] + [""] * points
    document = results(true, names[:points])
    for frame, one in enumerate(document):
        for side, at in enumerate((left, right)):
            rows = np.concatenate([hands[frame, side], np.full((21, 1), 0.8)], axis=1)
            one["keypoints"][3 * at : 3 * at + 63] = rows.ravel().tolist()
    found = replace(read(document), camera=true.camera)
    assert found.hands_confidence is not None
    assert found.hands_confidence.mean() > 0.9
    fingers = solve_take(found).rotations[:, FINGER_BONES.ravel()]
    truth = motion.rotations[:, FINGER_BONES.ravel()]
    ours = np.degrees(R.distance(fingers, truth)).mean()
    relaxed = np.degrees(R.distance(RELAXED[FINGER_BONES.ravel()], truth)).mean()
    assert ours < 0.6 * relaxed, (ours, relaxed)


def test_scattered_points_are_no_hands() -> None:
    rng = np.random.default_rng(1)
    image = rng.uniform(0.0, 60.0, (40, 2, 21, 2))
    image[0, 0, 3] = np.nan
    hands, confidence = lifted_hands(image, np.ones((40, 2)))
    assert np.isnan(hands[0, 0]).all()
    assert (confidence == 0.0).mean() > 0.9
    assert lifted_hands(image, np.full((40, 2), 0.1))[1].max() <= 0.2


def test_images_without_a_person_become_empty_frames(motion: Motion) -> None:
    rows = results(synthetic.keypoints_of(motion).slice(0, 6), COCO)
    found = read([*rows[:2], *rows[3:]])
    assert len(found) == 6
    assert np.isnan(found.image[2]).all()


def test_a_folder_of_openpose_files_is_read_as_a_take(motion: Motion, tmp_path: Path) -> None:
    true = synthetic.keypoints_of(motion).slice(0, 3)
    for f, frame in enumerate(openpose(true, BODY_25)):
        (tmp_path / f"clip_{f:012d}_keypoints.json").write_text(json.dumps(frame))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*does not give the image's width")
        with pytest.warns(UserWarning, match=FLAT):
            found = read_keypoints(tmp_path, DetectOptions(source_fps=30.0))
    assert np.allclose(found.image[:, 11:17], true.image[:, 11:17])


def test_numbers_of_pictures_and_scores_of_other_types_are_read(motion: Motion) -> None:
    true = synthetic.keypoints_of(motion)
    rows = results(true, COCO)
    for number, row in enumerate(rows):
        row |= {"image_id": float(len(rows) - number), "score": "0.9"}
    found = read(rows)
    # Numbers of tables are fractions (10.0), and order the pictures: here the last is first.
    assert np.allclose(found.image[:, 11:17], true.image[::-1, 11:17])


def test_other_numbers_of_points_are_refused() -> None:
    rows = [{"image_id": 1, "keypoints": [1.0, 2.0, 0.5] * 14}]
    with pytest.raises(InputError, match="There are 14 keypoints; the known layouts have 17"):
        kj.loads(json.dumps(rows))


def test_image_only_points_are_refused_live(motion: Motion) -> None:
    rows = movenet(synthetic.keypoints_of(motion).slice(0, 1), COCO)
    with pytest.raises(InputError, match="live, mocap needs the 33 points"):
        kj.loads(json.dumps(rows), image_only=False)


@pytest.mark.parametrize("count", [468, 478])
@pytest.mark.parametrize("turn", [(0.0, 0.5, 0.0), (0.3, -0.4, 0.2)])
def test_estimate_faces_output_turns_the_head(count: int, turn: tuple[float, float, float]) -> None:
    """A level face, rotated and projected as the library gives it."""
    rng = np.random.default_rng(0)
    face = rng.normal(size=(count, 3)) * 40.0
    face[[33, 263, 10, 152]] = [[-45, 27, 30], [45, 27, 30], [0, 83, 45], [0, -94, 45]]
    q = R.from_rotation_vector(np.array(turn))
    pixels = R.apply(q, face) * [1.0, -1.0, -1.0] + [320.0, 240.0, 0.0]
    points = [dict(zip("xyz", row, strict=True)) for row in pixels.tolist()]
    box = {"xMin": 200, "yMin": 100, "width": 240, "height": 300}
    document = {
        "width": 640,
        "height": 480,
        "frames": [{"timestamp": 0.1 * i, "poses": [{"keypoints": points, "box": box}]}
                   for i in range(3)],
    }  # fmt: skip
    found = kj.loads(json.dumps(document))
    assert found.face is not None
    assert np.isfinite(found.face).all()
    assert found.face_transform is not None
    turned = R.from_matrix(found.face_transform[:, :3, :3])
    assert np.degrees(R.distance(turned, q).max()) < 2.0
    assert np.isnan(found.positions).all()
    solved = solve_take(found)
    assert np.isfinite(solved.rotations).all()
