"""The batch pipeline: keypoints from a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mocap import formats
from mocap.core.keypoints import Keypoints, is_somebody, with_fov
from mocap.detect.options import DetectOptions
from mocap.errors import NoPersonError

Progress = Callable[[int, int | None], None]
"""Called with the number of frames done and, where it is known, of all."""


def read_keypoints(
    path: Path,
    options: DetectOptions | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Keypoints:
    """Read keypoints from a video, an image, a folder of images, or a keypoints file.

    Args:
        path: The file or folder. Keypoints files are read as they are, but without the hands or
            the face that the options exclude.
        options: What to detect.
        progress: Called with the number of frames done.
        workers: Cut long videos into chunks and detect them in this number of processes. The
            result is the same for any number, and differs a little from that of one pass (None).
            A script that uses more than one needs `if __name__ == "__main__":`.

    Raises:
        InputError: The file is missing or cannot be read.
        NoPersonError: No person was found.
    """
    options = options or DetectOptions()
    if path.suffix.lower() in formats.KEYPOINTS_SUFFIXES:
        return _from_file(path, options)
    # OpenCV, which keypoint files do not need.
    from mocap.capture.open import open_source
    from mocap.capture.video import Video
    from mocap.detect.parallel import detect_video
    from mocap.detect.performer import PerformerDetector
    from mocap.detect.take import detect_source

    with open_source(path, options.source_fps) as source:
        report = None if progress is None else (lambda done: progress(done, source.count))
        try:
            keypoints = None
            if workers is not None and isinstance(source, Video):
                keypoints = detect_video(source, options, workers, report)
            if keypoints is None:
                with PerformerDetector(options, source.count != 1) as detector:
                    keypoints = detect_source(source, detector, report)
            return with_fov(keypoints, source.fov, "metadata")
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
