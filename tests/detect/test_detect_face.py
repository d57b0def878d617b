"""Faces in pictures: on the body's head, distant ones too, in the picture's pixels."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap import assets
from mocap.capture.open import open_source
from mocap.core.keypoints import BLENDSHAPES, LANDMARKS
from mocap.detect.mediapipe.face import FaceLandmarks, FaceTracker, in_whole_picture
from mocap.detect.options import DetectOptions
from mocap.detect.performer import PerformerDetector
from mocap.detect.take import detect_source
from mocap.errors import ModelError
from mocap.formats import keypoints_json
from tests.helpers.places import DEMO

# The face mesh's tip of the nose, its outer corners of the eyes (the performer's left first), and
# its chin.
NOSE, LEFT_EYE, RIGHT_EYE, CHIN = 1, 263, 33, 152


def seen_at(translation: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return where MediaPipe's assumed camera, 63° high, sees a place, and a metre's size there.

    Both in pixels.
    """
    focal = 0.5 * size[1] / np.tan(np.radians(31.5))
    x, y, z = translation
    return np.array([0.5 * size[0] - focal * x / z, 0.5 * size[1] + focal * y / z, -focal / z])


@pytest.mark.parametrize(
    ("side", "corner"), [(200, (100, 50)), (90, (900, 20)), (700, (-40, -60)), (300, (0, 680))]
)
def test_a_face_in_a_crop_appears_at_the_same_place_and_size_in_the_whole_picture(
    side: int, corner: tuple[int, int]
) -> None:
    size = (1280, 720)
    transform = np.eye(4)
    transform[:3, :3] = Rotation.from_euler("xyz", [10, 30, -5], degrees=True).as_matrix()
    transform[:3, 3] = 0.04, -0.02, -0.5
    points = np.random.default_rng(0).uniform(0, side, (478, 3))
    whole = in_whole_picture(FaceLandmarks(points, transform, np.zeros(51)), side, corner, size)
    in_crop = seen_at(transform[:3, 3], np.array([side, side])) + [*corner, 0.0]
    assert seen_at(whole.transform[:3, 3], np.array(size)) == pytest.approx(in_crop)
    assert np.array_equal(whole.transform[:3, :3], transform[:3, :3])
    assert np.array_equal(whole.points[:, 2], points[:, 2])
    assert np.allclose(whole.points[:, :2] - points[:, :2], corner)


def test_the_face_in_the_demo_is_found_on_the_head() -> None:
    """The face is rendered, about 40 pixels wide."""
    with (
        open_source(DEMO) as source,
        PerformerDetector(DetectOptions(model="lite", hands=False)) as detector,
    ):
        for frame, _ in zip(source, range(10), strict=False):
            found = detector.detect(frame.image, frame.time)
            assert found.face is not None
            assert found.face_transform is not None
            nose = found.image[0, LANDMARKS.index("nose")]
            assert np.linalg.norm(found.face[0, NOSE, :2] - nose) < 15.0
    left, right, chin, tip = (found.face[0, i] for i in (LEFT_EYE, RIGHT_EYE, CHIN, NOSE))
    assert left[0] > right[0], "the performer faces the camera"
    assert chin[1] > tip[1] > left[1]
    assert tip[2] < min(left[2], right[2]), "z grows away from the camera"
    assert np.linalg.det(found.face_transform[0, :3, :3]) == pytest.approx(1.0, abs=1e-3)
    assert found.face_transform[0, 1, 1] > 0.7
    assert found.face_transform[0, 2, 2] > 0.7, (
        "y up and z to the camera, as the canonical face has them"
    )


def test_faces_are_not_searched_for_unless_asked() -> None:
    with (
        open_source(DEMO) as source,
        PerformerDetector(DetectOptions(model="lite", hands=False, face=False)) as detector,
    ):
        frame = next(iter(source))
        assert detector.detect(frame.image, frame.time).face is None


def test_empty_frames_have_no_face() -> None:
    with PerformerDetector(DetectOptions(model="lite")) as detector:
        found = detector.detect(np.zeros((240, 320, 3), np.uint8), 0.0)
    assert found.face is not None
    assert found.face_transform is not None
    assert np.isnan(found.face).all()
    assert np.isnan(found.face_transform).all()


def test_a_closed_detector_raises() -> None:
    tracker = FaceTracker()
    tracker.close()
    tracker.close()
    with pytest.raises(ValueError, match="closed"):
        tracker.find(np.zeros((64, 64, 3), np.uint8))


# --- On real pictures


@pytest.mark.parametrize(
    ("clip", "least"),
    [("poseformat_test_video", 1.0), ("tfjs_pose_squats", 1.0), ("tfjs_pose_1", 0.95)],
)
def test_faces_are_found_at_a_desk_and_far_away(data: Path, clip: str, least: float) -> None:
    """Face widths are 157, 66 and 23 pixels."""
    with (
        open_source(data / f"videos/{clip}.mp4") as source,
        PerformerDetector(DetectOptions(model="lite", hands=False)) as detector,
    ):
        found = detect_source(source, detector)
    assert found.face is not None
    seen = np.isfinite(found.face).all(axis=(1, 2))
    assert seen.mean() >= least
    # The body's eyes and the face's are the same eyes.
    eyes = [LANDMARKS.index("left_eye_outer"), LANDMARKS.index("right_eye_outer")]
    width = np.linalg.norm(found.face[:, LEFT_EYE] - found.face[:, RIGHT_EYE], axis=-1)
    off = np.linalg.norm(
        found.face[:, [LEFT_EYE, RIGHT_EYE], :2] - found.image[:, eyes], axis=-1
    ).max(axis=1)
    assert np.nanmedian(off / width) < 0.25


def test_expressions_of_the_network_are_kept(data: Path) -> None:
    with (
        open_source(data / "videos" / "tfjs_pose_squats.mp4") as source,
        PerformerDetector(DetectOptions(model="lite", hands=False)) as detector,
    ):
        found = detect_source(islice(source, 3), detector)
    assert found.face_blendshapes is not None
    told = found.face_blendshapes[-1]
    assert np.isfinite(told).all()
    assert 0.0 <= told.min() <= told.max() <= 1.0
    again = keypoints_json.loads(keypoints_json.dumps(found))
    np.testing.assert_allclose(again.face_blendshapes, found.face_blendshapes, atol=1e-5)
    mirrored = found.mirror().face_blendshapes
    assert mirrored is not None
    assert (
        mirrored[-1, BLENDSHAPES.index("eyeBlinkLeft")] == told[BLENDSHAPES.index("eyeBlinkRight")]
    )


def test_a_custom_face_model_is_used_and_other_files_are_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.task"
    own.write_bytes(assets.path("models/face_landmarker.task").read_bytes())
    with (
        PerformerDetector(DetectOptions(model="lite", hands=False, face_model=own)) as detector,
        open_source(DEMO) as source,
    ):
        frame = next(iter(source))
        assert np.isfinite(detector.detect(frame.image, frame.time).face).all()
    other = tmp_path / "other.task"
    other.write_bytes(b"no bundle")
    with pytest.raises(ModelError, match=r"other\.task is not a face model"):
        PerformerDetector(DetectOptions(model="lite", face_model=other))
    with pytest.raises(ModelError, match=r"none\.task cannot be read"):
        PerformerDetector(DetectOptions(model="lite", face_model=tmp_path / "none.task"))


def test_a_face_is_found_again_after_the_head_jumps() -> None:
    """The crop follows the head of the last frame; the performer jumps after a cut."""
    with (
        open_source(DEMO) as source,
        PerformerDetector(DetectOptions(model="lite", hands=False)) as detector,
    ):
        image = next(iter(source)).image
        wide = np.zeros((image.shape[0], image.shape[1] * 2, 3), np.uint8)
        for n, left in enumerate((0, 0, 0, image.shape[1], image.shape[1], image.shape[1])):
            picture = wide.copy()
            picture[:, left : left + image.shape[1]] = image
            found = detector.detect(picture, n / 30)
            if np.isfinite(found.image).all():
                assert found.face is not None
                nose = found.image[0, LANDMARKS.index("nose")]
                assert np.linalg.norm(found.face[0, NOSE, :2] - nose) < 15.0
    assert found.image[0, 0, 0] > image.shape[1], "the body is followed"
    assert np.isfinite(found.face).all()
