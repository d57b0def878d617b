"""The batch pipeline: keypoints from a file, and their bake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mocap import formats
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints, is_somebody
from mocap.core.motion import Motion
from mocap.errors import NoPersonError
from mocap.solve.solver import Feet, solve_take

if TYPE_CHECKING:
    from mocap.detect.mediapipe.bundles import PoseSize

Progress = Callable[[int, int | None], None]
"""Called with the number of frames done and, where it is known, of all."""


def read_keypoints(
    path: Path,
    model: PoseSize = "full",
    source_fps: float | None = None,
    progress: Progress | None = None,
    hands: bool = True,
    face: bool = True,
    face_model: Path | None = None,
    person: int | None = None,
) -> Keypoints:
    """Keypoints from a video, an image, a folder of images (by the detector), or a keypoints file (as they stand).

    source_fps: the true capture rate where the file has none or a wrong one. hands, face: look for hands, for a face; without it, those of
    a file are left out. face_model: another face_landmarker.task than the package's. person: whom, counted from the left from 1, when so
    many are first seen; the most prominent if not told. Raises InputError or NoPersonError.
    """
    if path.suffix.lower() in formats.KEYPOINTS_SUFFIXES:
        keypoints = formats.load(path, source_fps)
        assert isinstance(keypoints, Keypoints)
        if not hands:
            keypoints = replace(keypoints, hands=None, hands_image=None, hands_confidence=None)
        if not face:
            keypoints = replace(keypoints, face=None, face_transform=None, face_blendshapes=None)
        if not is_somebody(keypoints):
            raise NoPersonError(
                f"There is no person in any of the {len(keypoints)} frames of {path}."
            )
        return keypoints
    # OpenCV and MediaPipe, which keypoint files do not need.
    from mocap.capture.open import open_source
    from mocap.detect.mediapipe.pose import detect_source
    from mocap.detect.performer import PerformerDetector

    with (
        open_source(path, source_fps) as source,
        PerformerDetector(model, source.count != 1, hands, face, face_model, person) as detector,
    ):
        report = None if progress is None else (lambda done: progress(done, source.count))
        try:
            return detect_source(source, detector, report)
        except NoPersonError as error:
            if person is None or person == 1:
                raise
            raise NoPersonError(
                f"There are never {person} people in {path}: leave --person out, or count from the left."
            ) from error


def solve(
    keypoints: Keypoints,
    fov: float | None = None,
    refine: bool = True,
    feet: Feet = "auto",
    upper_body: bool | None = None,
    height: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> Motion:
    """The bake of keypoints. fov: the camera's field of view along the image's longer side, radians. refine: False takes the keypoints
    as they are, without smoothing or filling (for keypoints that are good already). The others: as in solver.solve_take."""
    camera = None if fov is None else Camera.from_fov(keypoints.image_size, fov)
    return solve_take(keypoints, camera, refine, feet, upper_body, height, progress)
