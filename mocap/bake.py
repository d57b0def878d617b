"""The batch pipeline: keypoints from a file, and their bake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mocap import formats
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints, is_somebody
from mocap.core.motion import Motion
from mocap.detect.options import DetectOptions
from mocap.errors import NoPersonError
from mocap.solve.solver import Feet, solve_take

Progress = Callable[[int, int | None], None]
"""Called with the number of frames done and, where it is known, of all."""


def read_keypoints(
    path: Path, options: DetectOptions | None = None, progress: Progress | None = None
) -> Keypoints:
    """Read keypoints from a video, an image, a folder of images, or a keypoints file.

    Args:
        path: The file or folder. Keypoints files are read as they are, but without the hands or
            the face that the options exclude.
        options: What to detect.
        progress: Called with the number of frames done.

    Raises:
        InputError: The file is missing or cannot be read.
        NoPersonError: No person was found.
    """
    options = options or DetectOptions()
    if path.suffix.lower() in formats.KEYPOINTS_SUFFIXES:
        return _from_file(path, options)
    # OpenCV, which keypoint files do not need.
    from mocap.capture.open import open_source
    from mocap.detect.performer import PerformerDetector
    from mocap.detect.take import detect_source

    with (
        open_source(path, options.source_fps) as source,
        PerformerDetector(options, source.count != 1) as detector,
    ):
        report = None if progress is None else (lambda done: progress(done, source.count))
        try:
            return detect_source(source, detector, report)
        except NoPersonError as error:
            if options.person is None or options.person == 1:
                raise
            raise NoPersonError(
                f"There are never {options.person} people in {path}: leave --person out, "
                "or count from the left."
            ) from error


def _from_file(path: Path, options: DetectOptions) -> Keypoints:
    keypoints = formats.load(path, options.source_fps)
    assert isinstance(keypoints, Keypoints)
    if not options.hands:
        keypoints = replace(keypoints, hands=None, hands_image=None, hands_confidence=None)
    if not options.face:
        keypoints = replace(keypoints, face=None, face_transform=None, face_blendshapes=None)
    if not is_somebody(keypoints):
        raise NoPersonError(f"There is no person in any of the {len(keypoints)} frames of {path}.")
    return keypoints


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
