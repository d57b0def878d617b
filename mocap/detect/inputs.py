"""Keypoints of an input, whatever it is: a video, an image, a folder of images, or keypoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from mocap import formats
from mocap.core.keypoints import Keypoints, with_fov
from mocap.detect.options import DetectOptions
from mocap.detect.person import Person
from mocap.errors import NoPersonError

Progress = Callable[[int, int | None], None]
"""Function of the number of frames done and the number of all frames (None if unknown)."""


def read_keypoints(
    path: Path,
    options: DetectOptions | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Keypoints:
    """Read keypoints from a video, an image, a folder of images, or a keypoints file.

    Args:
        path: The file or folder. A keypoints file is read without detection; hands or face that
            the options exclude are dropped.
        options: What to detect.
        progress: Called after each frame.
        workers: Number of processes that detect chunks of a long video. The result is the same for
            any number, and slightly different from that of one pass (None). A script that uses
            more than one process needs `if __name__ == "__main__":`.

    Returns:
        One person's keypoints.

    Raises:
        InputError: The file is missing or cannot be read.
        NoPersonError: No person was found.
    """
    options = options or DetectOptions()
    if _has_keypoints(path):
        return _from_file(path, options)
    # Imported here because they import OpenCV, which keypoint files do not need.
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
                f"{path} never shows {options.person} people: leave --person out, or give a "
                "smaller number (people are counted from the left)."
            ) from error


def read_people(
    path: Path, options: DetectOptions, progress: Progress | None = None
) -> list[Person]:
    """Read the keypoints of several people, up to `options.people`, in one pass.

    Args:
        path: As for `read_keypoints`; a keypoints file has one person.
        options: What to detect.
        progress: Called after each frame.

    Returns:
        One `Person` each, with the spans of time in which it is seen.

    Raises:
        InputError: The file is missing or cannot be read.
        NoPersonError: No person was found.
    """
    if path.suffix.lower() in formats.KEYPOINTS_SUFFIXES:
        keypoints = _from_file(path, options)
        return [Person(1, keypoints, ((float(keypoints.times[0]), float(keypoints.times[-1])),))]
    from mocap.capture.open import open_source
    from mocap.detect.everyone import detect_everyone
    from mocap.detect.table import open_detector

    with open_source(path, options.source_fps) as source:
        report = None if progress is None else (lambda done: progress(done, source.count))
        detector = open_detector(options, source.count != 1)
        try:
            people = detect_everyone(source, detector, options, report)
        finally:
            detector.close()
        return [replace(p, keypoints=with_fov(p.keypoints, source.fov, "metadata")) for p in people]


def read_views(
    paths: Sequence[Path],
    options: DetectOptions | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
) -> list[Keypoints]:
    """Read one performer's keypoints from the clips of several cameras.

    Args:
        paths: The clips.
        options: What to detect.
        progress: Called after each frame of each clip.
        workers: As for `read_keypoints`.

    Raises:
        InputError: A file is missing or cannot be read. All are opened before any is detected.
        NoPersonError: No person was found.
    """
    options = options or DetectOptions()
    for path in paths:
        _check_readable(path, options)
    return [read_keypoints(path, options, progress, workers) for path in paths]


def _has_keypoints(path: Path) -> bool:
    """Return whether an input has keypoints already, so that nothing is to be detected."""
    return path.suffix.lower() in formats.KEYPOINTS_SUFFIXES or bool(formats.openpose_files(path))


def _check_readable(path: Path, options: DetectOptions) -> None:
    """Raise InputError if `read_keypoints` could not read an input; nothing is detected."""
    if _has_keypoints(path):
        _from_file(path, options)
        return
    from mocap.capture.open import open_source

    with open_source(path, options.source_fps):
        pass


def _from_file(path: Path, options: DetectOptions) -> Keypoints:
    keypoints = formats.load_keypoints(path, options.source_fps)
    if not options.hands:
        keypoints = replace(keypoints, hands=None, hands_image=None, hands_confidence=None)
    if not options.face:
        keypoints = replace(keypoints, face=None, face_transform=None, face_blendshapes=None)
    return keypoints
