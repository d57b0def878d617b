"""The batch pipeline: keypoints from a file, and a file baked with options that can be pickled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from mocap import assets, formats
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints, with_fov
from mocap.core.motion import Motion
from mocap.core.skeleton import Skeleton
from mocap.detect.options import DetectOptions
from mocap.errors import NoPersonError
from mocap.formats import ExportOptions
from mocap.retargeting.clip import ClipOptions, Seam, edited
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions
from mocap.transfer import Character, Saved, Target, load_character, save, target

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
    keypoints = formats.load_keypoints(path, options.source_fps)
    if not options.hands:
        keypoints = replace(keypoints, hands=None, hands_image=None, hands_confidence=None)
    if not options.face:
        keypoints = replace(keypoints, face=None, face_transform=None, face_blendshapes=None)
    return keypoints


@dataclass(frozen=True, slots=True)
class BakeOptions:
    """How one input becomes files; picklable.

    Attributes:
        detect: What is detected.
        solve: How keypoints are solved.
        clip: How the motion is edited.
        export: What the files are like.
        fov: The camera's field of view along the longer side, radians; None: by the file's
            metadata, or 55 degrees.
        rig: The character's file; None: the mannequin, or in a BVH, FBX or VRMA the performer.
        map_file: Bones and nodes of the rig, as `mocap rigs map` writes them.
        workers: As for `read_keypoints`.
    """

    detect: DetectOptions = field(default_factory=lambda: DetectOptions(model="heavy"))
    solve: SolveOptions = field(default_factory=SolveOptions)
    clip: ClipOptions = field(default_factory=ClipOptions)
    export: ExportOptions = field(default_factory=ExportOptions)
    fov: float | None = None
    rig: Path | None = None
    map_file: Path | None = None
    workers: int | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Baked:
    """The result of a bake.

    Attributes:
        motion: As it was written, on the performer's own skeleton.
        performer: The performer's skeleton before the motion was edited.
        camera: The camera that the keypoints were solved with.
        seam: How well a loop closes; None without one.
        saved: What was written, in the order of the outputs.
    """

    motion: Motion
    performer: Skeleton
    camera: Camera
    seam: Seam | None
    saved: tuple[Saved, ...]


def bake(
    path: Path,
    outputs: Sequence[Path],
    options: BakeOptions = BakeOptions(),
    progress: Progress | None = None,
) -> Baked:
    """Bake one input to files.

    Args:
        path: A video, an image, a folder of images, or a keypoints file.
        outputs: Where to write; the suffixes name the formats.
        options: How.
        progress: Called with the number of frames detected.

    Raises:
        InputError: The input or the rig cannot be read.
        NoPersonError: No person was found.
        OutputError: An output cannot be written; checked before any work is done.
    """
    return bake_onto(path, targets(outputs, options, load_rig(options)), options, progress)


def load_rig(options: BakeOptions) -> Character | None:
    """Load the character of the options, if they name one. Raises InputError."""
    return None if options.rig is None else load_character(options.rig, options.map_file)


def targets(
    outputs: Sequence[Path], options: BakeOptions, rig: Character | None, names: str | None = None
) -> list[Target]:
    """Check the outputs of a bake, before any work is done.

    Args:
        outputs: Where to write.
        options: The bake's.
        rig: The character of the options (`load_rig`).
        names: The convention of bone names that was asked for, if any.

    Raises:
        OutputError: An output cannot be written.
    """
    mannequin = _mannequin()

    def on(to: Path) -> Character | None:
        # Without a character, a BVH or FBX has the performer's own skeleton.
        return rig if rig or to.suffix.lower() in (".bvh", ".fbx") else mannequin

    return [target(to, on(to), names) for to in outputs]


@cache
def _mannequin() -> Character:
    return load_character(assets.path("rigs/mannequin.vrm"))


def bake_onto(
    path: Path, targets: Sequence[Target], options: BakeOptions, progress: Progress | None = None
) -> Baked:
    """Bake one input to targets that have been checked (`targets`); see `bake`."""
    keypoints = read_keypoints(path, options.detect, progress, options.workers)
    keypoints = with_fov(keypoints, options.fov)
    motion = solve_take(keypoints, options.solve)
    performer = motion.skeleton
    motion, seam = edited(motion, options.clip)
    # Only a character of the user's has hands whose touches are worth keeping.
    export = options.export if options.rig else replace(options.export, keep_touch=False)
    saved = tuple(save(to, motion, export) for to in targets)
    return Baked(motion, performer, keypoints.camera, seam, saved)
