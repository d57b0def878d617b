"""The batch pipeline: `bake` a file, or the files of several cameras, to animation files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from mocap import assets
from mocap.core.camera import Camera
from mocap.core.keypoints import with_fov
from mocap.core.motion import Motion
from mocap.core.skeleton import Skeleton
from mocap.detect.inputs import Progress, read_keypoints, read_people, read_views
from mocap.detect.options import DetectOptions
from mocap.detect.person import Person
from mocap.errors import InputError, OutputError
from mocap.formats import ExportOptions
from mocap.retargeting.clip import ClipOptions, Seam, edited
from mocap.solve.assessment import Assessment, assess
from mocap.solve.scene import in_one_world
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions
from mocap.transfer import (
    Character,
    Saved,
    Target,
    holds_people,
    load_character,
    save,
    save_together,
    target,
)

PERSON = "{person}"
"""The placeholder for a person's number in the name of an output."""


@dataclass(frozen=True, slots=True)
class BakeOptions:
    """All options of a bake; picklable.

    Attributes:
        detect: What to detect.
        solve: How to solve keypoints.
        clip: How to edit the motion.
        export: How to write files.
        fov: The camera's field of view along the image's longer side, radians; None takes it from
            the file's metadata, or assumes 55°.
        rig: The character's file; None uses the mannequin, or in a BVH, FBX or VRMA the performer's
            own skeleton.
        map_file: Bone map of the rig, written by `mocap rigs map`.
        workers: As for `read_keypoints`.

    Raises:
        InputError: A height or workers are given for several people.
    """

    detect: DetectOptions = field(default_factory=lambda: DetectOptions(model="heavy"))
    solve: SolveOptions = field(default_factory=SolveOptions)
    clip: ClipOptions = field(default_factory=ClipOptions)
    export: ExportOptions = field(default_factory=ExportOptions)
    fov: float | None = None
    rig: Path | None = None
    map_file: Path | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.detect.people == 1:
            return
        if self.solve.height is not None:
            raise InputError(
                f"The height {self.solve.height} m can belong to one performer only: leave it out "
                "for several people."
            )
        if self.workers is not None:
            raise InputError("Several people are detected in one pass: leave workers out.")


@dataclass(frozen=True, eq=False, slots=True)
class Baked:
    """The result of a bake for one person.

    Attributes:
        motion: The edited motion, on the performer's own skeleton.
        performer: The performer's skeleton before the motion was edited.
        camera: The camera with which the keypoints were solved.
        seam: How far apart the ends of a loop were; None without a loop.
        saved: What was written to each path. A file with all people is listed for the first person.
        paths: The files written, in the order of `saved`.
        number: The person's number, from 1.
        seen: (start, end) seconds of the spans in which the person is seen; empty if only one
            person was detected.
        assessment: How far the motion can be trusted.
    """

    motion: Motion
    performer: Skeleton
    camera: Camera
    seam: Seam | None
    saved: tuple[Saved, ...]
    paths: tuple[Path, ...] = ()
    number: int = 1
    seen: tuple[tuple[float, float], ...] = ()
    assessment: Assessment | None = None


def bake(
    path: Path,
    outputs: Sequence[Path],
    options: BakeOptions = BakeOptions(),
    progress: Progress | None = None,
) -> list[Baked]:
    """Bake one input to files.

    Args:
        path: A video, an image, a folder of images, or a keypoints file.
        outputs: Files to write; the suffixes determine the formats. With several people, {person}
            in a name is replaced by the person's number; a .glb or .gltf without it holds all.
        options: All options.
        progress: Called after each detected frame.

    Returns:
        One result for each person; exactly one unless `options.detect.people` is larger.

    Raises:
        InputError: The input or the rig cannot be read.
        NoPersonError: No person was found.
        OutputError: An output cannot be written. This is checked before the work starts.
    """
    return bake_onto(path, targets(outputs, options, load_rig(options)), options, progress)


def load_rig(options: BakeOptions) -> Character | None:
    """Load the character of the options; None if they name none.

    Args:
        options: The bake's options.

    Raises:
        InputError: The character or its bone map cannot be read.
    """
    return None if options.rig is None else load_character(options.rig, options.map_file)


def targets(
    outputs: Sequence[Path], options: BakeOptions, rig: Character | None, names: str | None = None
) -> list[Target]:
    """Check the outputs of a bake, before the work starts.

    Args:
        outputs: Files to write.
        options: The bake's options.
        rig: The character of the options (`load_rig`).
        names: Naming convention that the user asked for, or None.

    Returns:
        The checked targets.

    Raises:
        OutputError: An output cannot be written.
    """
    mannequin = _mannequin()

    def on(to: Path) -> Character | None:
        # Without a character, a BVH or FBX has the performer's own skeleton.
        return rig if rig or to.suffix.lower() in (".bvh", ".fbx") else mannequin

    found = [target(to, on(to), names) for to in outputs]
    together = [to for to in found if options.detect.people > 1 and PERSON not in to.path.name]
    for at in together:
        if not holds_people(at):
            raise OutputError(
                f"Up to {options.detect.people} people cannot all be written to {at.path}: put "
                f"{PERSON} into its name, as in dance_{PERSON}{at.path.suffix}, or write a .glb, "
                "which can hold several people."
            )
        if options.export.root == "in-place":
            raise OutputError(
                f"With --root in-place, {at.path} would have all people on one spot: leave --root "
                f"in-place out, or put {PERSON} into the file's name."
            )
    return found


@cache
def _mannequin() -> Character:
    return load_character(assets.path("rigs/mannequin.vrm"))


def bake_onto(
    path: Path, targets: Sequence[Target], options: BakeOptions, progress: Progress | None = None
) -> list[Baked]:
    """Bake one input to checked targets; see `bake`.

    Args:
        path: The input.
        targets: The files to write, from `targets`.
        options: As in `bake`.
        progress: As in `bake`.
    """
    if options.detect.people == 1:
        keypoints = read_keypoints(path, options.detect, progress, options.workers)
        people = [Person(1, keypoints, ())]
    else:
        people = read_people(path, options.detect, progress)
    takes = [with_fov(p.keypoints, options.fov) for p in people]
    motions = [solve_take(keypoints, options.solve) for keypoints in takes]
    if len(people) > 1:
        motions = in_one_world(motions, takes)
    # Contacts of the hands are kept on the user's character only.
    export = options.export if options.rig else replace(options.export, keep_touch=False)
    edits = [edited(motion, options.clip) for motion in motions]
    together = [to for to in targets if options.detect.people > 1 and PERSON not in to.path.name]
    named = {f"person {p.number}": edit for p, (edit, _) in zip(people, edits, strict=True)}
    shared = {to.path: save_together(to, named, export) for to in together}
    out = []
    for n, (person, (edit, seam)) in enumerate(zip(people, edits, strict=True)):
        saved = {to.path: shared[to.path] for to in together if n == 0}
        for to in targets:
            if to not in together:
                own = for_person(to, person.number)
                saved[own.path] = save(own, edit, export)
        # The performer's skeleton is as solved, before the motion is edited.
        out.append(
            Baked(
                edit, motions[n].skeleton, takes[n].camera, seam, tuple(saved.values()),
                tuple(saved), person.number, person.seen, assess(takes[n], options.solve),
            )
        )  # fmt: skip
    return out


def bake_views(
    paths: Sequence[Path],
    targets: Sequence[Target],
    options: BakeOptions,
    calibration: Path | None = None,
    progress: Progress | None = None,
) -> Baked:
    """Bake one performance filmed by several cameras.

    Args:
        paths: The clips, in the order of the calibration's cameras.
        targets: The files to write, from `targets`.
        options: All options.
        calibration: A calibration file; None finds the cameras from the performer's motion.
        progress: Called after each detected frame of each clip.

    Raises:
        InputError: A file cannot be read, or the clips do not fit the calibration.
    """
    from mocap.cameras.auto import calibrate
    from mocap.cameras.calibration import load_cameras
    from mocap.cameras.checks import check_videos
    from mocap.cameras.take import fuse

    cameras = None if calibration is None else load_cameras(calibration)
    if cameras is not None and len(cameras.views) != len(paths):
        raise InputError(
            f"{calibration} has {len(cameras.views)} cameras, but there are {len(paths)} clips: "
            "give one clip for each camera, in the file's order."
        )
    views = [
        with_fov(keypoints, options.fov)
        for keypoints in read_views(paths, options.detect, progress, options.workers)
    ]
    names = [path.name for path in paths]
    if cameras is None:
        cameras = calibrate(views, options.solve.height, names).cameras
    else:
        cameras = check_videos(views, cameras, names)
    fused = fuse(views, cameras)
    motion = solve_take(fused.keypoints, options.solve, measured=fused.measured)
    edit, seam = edited(motion, options.clip)
    export = options.export if options.rig else replace(options.export, keep_touch=False)
    saved = tuple(save(to, edit, export) for to in targets)
    paths_of = tuple(to.path for to in targets)
    trust = assess(fused.keypoints, options.solve, measured=True)
    return Baked(edit, motion.skeleton, views[0].camera, seam, saved, paths_of, assessment=trust)


def for_person(to: Target, number: int) -> Target:
    """Return the target with {person} in its path replaced by a person's number."""
    return replace(to, path=to.path.with_name(to.path.name.replace(PERSON, str(number))))
