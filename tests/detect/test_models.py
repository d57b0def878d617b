"""The task bundles open in MediaPipe, detect, and hold the weights unchanged."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mediapipe import Image, ImageFormat
from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata_schema
from mediapipe.tasks.metadata import schema_py_generated as schema
from mediapipe.tasks.python import BaseOptions, vision

from mocap import assets
from mocap.detect.mediapipe import bundles as models
from mocap.errors import InputError, ModelError
from tests.helpers import cost

SIZES = ("lite", "full", "heavy")
BUNDLES: dict[str, Callable[[], bytes]] = {
    size: lambda size=size: models.pose_bundle(size) for size in SIZES
}  # type: ignore[misc]
BUNDLES |= {"hand": models.hand_bundle}


def frame(video: Path, index: int) -> Image:
    """Return one frame of a video as MediaPipe's picture."""
    capture = cv2.VideoCapture(str(video))
    for _ in range(index + 1):
        read, picture = capture.read()
        assert read
    capture.release()
    return Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(picture[..., ::-1]))


def poses(size: Any, picture: Image) -> Any:
    options = vision.PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_buffer=models.pose_bundle(size))
    )
    with vision.PoseLandmarker.create_from_options(options) as landmarker:
        return landmarker.detect(picture)


def parts(bundle: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(bundle)) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist()}


@pytest.mark.parametrize("size", SIZES)
def test_the_pose_models_find_the_mannequin_of_the_demo(size: str) -> None:
    picture = frame(assets.path("demo/demo.mp4"), 10)
    result = poses(size, picture)
    assert len(result.pose_landmarks) == 1
    nose, ankle = result.pose_landmarks[0][0], result.pose_landmarks[0][27]
    assert nose.y + 0.3 < ankle.y


@pytest.mark.parametrize("size", SIZES)
def test_the_pose_models_find_the_man_in_the_picture(size: str, data: Path) -> None:
    """Within 15 pixels, TF.js's own tolerance, of the full model's reference on this picture."""
    picture = Image.create_from_file(str(data / "images" / "tfjs_pose.jpg"))
    expected = np.array(
        json.loads((data / "landmarks" / "tfjs_pose_jpg_expected.json").read_text())[
            "EXPECTED_LANDMARKS"
        ]
    )
    found = np.array(
        [
            [p.x * picture.width, p.y * picture.height]
            for p in poses(size, picture).pose_landmarks[0]
        ]
    )
    assert np.abs(found - expected).max() < 15


def test_the_hand_model_finds_the_spelling_hand(data: Path) -> None:
    video = data / "videos" / "tfjs_asl_hand.25fps.mp4"
    expected = json.loads((data / "landmarks" / "tfjs_asl_hand.full.json").read_text())
    options = vision.HandLandmarkerOptions(
        base_options=BaseOptions(model_asset_buffer=models.hand_bundle()), num_hands=1
    )
    with vision.HandLandmarker.create_from_options(options) as landmarker:
        picture = frame(video, 50)
        found = landmarker.detect(picture).hand_landmarks[0]
    pixels = np.array([[p.x * picture.width, p.y * picture.height] for p in found])
    assert np.abs(pixels - np.array(expected[50])[:, :2]).max() < 20


def test_the_face_model_is_mediapipes_file(data: Path) -> None:
    assert models.face_bundle() == (data / "models" / "face_landmarker.task").read_bytes()


@pytest.mark.parametrize("bundle", BUNDLES)
def test_every_model_declares_its_input_normalisation(bundle: str) -> None:
    """Body and face detectors were trained on -1..1, the palm's and all landmark models on 0..1."""
    for name, content in parts(BUNDLES[bundle]()).items():
        if not name.endswith(".tflite"):
            continue
        assert schema.Model.ModelBufferHasIdentifier(content, 0)
        model = schema.Model.GetRootAs(content)
        entry = {
            model.Metadata(i).Name(): model.Metadata(i).Buffer()
            for i in range(model.MetadataLength())
        }
        described = model.Buffers(entry[b"TFLITE_METADATA"]).DataAsNumpy().tobytes()
        assert metadata_schema.ModelMetadata.ModelMetadataBufferHasIdentifier(described, 0)
        graph = metadata_schema.ModelMetadataT.InitFromObj(
            metadata_schema.ModelMetadata.GetRootAs(described)
        ).subgraphMetadata[0]
        assert len(graph.outputTensorMetadata) == model.Subgraphs(0).OutputsLength()
        options = graph.inputTensorMetadata[0].processUnits[0].options
        signed = name in ("pose_detector.tflite", "face_detector.tflite")
        assert (float(options.mean[0]), float(options.std[0])) == (
            (127.5, 127.5) if signed else (0.0, 255.0)
        )


@pytest.mark.parametrize("bundle", BUNDLES)
def test_weights_are_aligned_for_reading_in_place(bundle: str) -> None:
    content = BUNDLES[bundle]()
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        for entry in opened.infolist():
            start = content.index(opened.read(entry))
            assert start % 16 == 0
            assert entry.compress_type == zipfile.ZIP_STORED
            if not entry.filename.endswith(".tflite"):
                continue
            model = schema.Model.GetRootAs(content, start)
            for weights in map(model.Buffers, range(model.BuffersLength())):
                if weights.DataLength():
                    # TensorFlow Lite copies what is not aligned to 4; the oldest of these models
                    # came with no more than that.
                    assert weights._tab.Vector(weights._tab.Offset(4)) % 4 == 0


def test_weights_are_unchanged() -> None:
    """Metadata is added around the model without changing a byte of it."""
    raw = assets.path("models/pose_landmark_full.tflite").read_bytes()
    assert raw in parts(models.pose_bundle("full"))["pose_landmarks_detector.tflite"]


@pytest.mark.parametrize("bundle", BUNDLES)
def test_bundles_are_reproducible_and_made_quickly(bundle: str) -> None:
    assert len({BUNDLES[bundle]() for _ in range(2)}) == 1
    assert cost.seconds(BUNDLES[bundle], 0.3) < 0.3


def test_an_unknown_model_size_error_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'huge'.*lite, full, heavy"):
        models.pose_bundle("huge")


def test_missing_and_damaged_weights_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    with pytest.raises(ModelError, match=r"models/palm_detection_full\.tflite.*missing"):
        models.hand_bundle()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "palm_detection_full.tflite").write_bytes(b"<!doctype html>")
    with pytest.raises(ModelError, match=r"models/palm_detection_full\.tflite is damaged"):
        models.hand_bundle()


def test_importing_the_module_loads_no_mediapipe_and_making_a_bundle_prints_nothing() -> None:
    code = (
        "import sys; from mocap.detect.mediapipe import bundles as models; assert 'mediapipe' "
        "not in sys.modules; models.pose_bundle('lite')"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
