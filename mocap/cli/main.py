"""The command line: one thin function a subcommand. A wrong argument, file or camera ends in one sentence and exit status 2."""

from __future__ import annotations

import asyncio
import math
import sys
import warnings
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import typer

from mocap import formats
from mocap.cli import console
from mocap.cli import lan as cli_lan
from mocap.cli.rigs import MapFile, rigs
from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.errors import MocapError, OutputError

if TYPE_CHECKING:
    from mocap import transfer
    from mocap.capture.source import Source
    from mocap.live.performer import Listener
    from mocap.stream.lan import Lan
    from mocap.stream.protocol import SourceKind
    from mocap.stream.server import Server

app = typer.Typer(
    help="A person in a video or before a camera becomes an avatar that moves: live in the browser, or baked to BVH and GLB.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(rigs, name="rigs")

Model = Annotated[
    Literal["lite", "full", "heavy"],
    typer.Option(help="The detector's size: lite is fastest, heavy the most careful."),
]
Fov = Annotated[
    float | None,
    typer.Option(
        min=1.0,
        max=170.0,
        help="The camera's field of view along the longer side, degrees; by default by the file's metadata, or 55.",
    ),
]
Height = Annotated[
    float | None,
    typer.Option(
        min=0.4,
        max=2.6,
        metavar="METRES",
        help="How tall the performer is, which one camera cannot tell; by default by the keypoints.",
    ),
]
SourceFps = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        help="The true capture rate, where the file's is wrong or missing (slow motion, images).",
    ),
]
Hands = Annotated[
    bool, typer.Option("--hands/--no-hands", help="Look for both hands and move the fingers.")
]
Face = Annotated[
    bool,
    typer.Option(
        "--face/--no-face", help="Look for the face: where it points, and what it expresses."
    ),
]
FaceModel = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Another face_landmarker.task, for MediaPipe, than the package's own."
    ),
]
UpperBody = Annotated[
    bool | None,
    typer.Option(
        "--upper-body/--whole-body",
        help="Legs at rest and hips steady, as at a desk; by default if no legs are seen.",
    ),
]
Person = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="NUMBER",
        help="Whom of several people, from the left when so many are seen; else the most prominent.",
    ),
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The page's port; 0 takes any free one.")]
Rig = Annotated[
    Path | None,
    typer.Option(
        "--rig", metavar="FILE", help="Your character (.glb, .gltf, .vrm) in the mannequin's place."
    ),
]
Character = Annotated[
    Path | None,
    typer.Option(
        "--rig", metavar="FILE", help="Your character: .glb, .gltf, .vrm, .bvh, .fbx (by Blender)."
    ),
]
Outputs = Annotated[
    list[Path],
    typer.Option(
        "--output",
        "-o",
        help="Where to write: .bvh, .vrma, .glb, .gltf, .vrm, .fbx (by Blender); may be given several times.",
    ),
]
Fps = Annotated[
    float | None,
    typer.Option(min=0.1, help="Frames a second of what is written; by default as captured."),
]
KeepTouch = Annotated[
    bool,
    typer.Option(
        "--keep-touch", help="Hands meet each other and the body where the performer's did."
    ),
]
AllKeys = Annotated[
    bool,
    typer.Option(
        "--all-keys",
        help="A key for every frame, also where the others give it back within 0.1° and 1 mm.",
    ),
]
Open = Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")]


@app.command()
def bake(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...",
            help="Videos, images, folders of images, or keypoints (.json, .jsonl).",
        ),
    ],
    output: Outputs,
    character: Character = None,
    map_file: MapFile = None,
    model: Model = "heavy",
    fps: Fps = None,
    source_fps: SourceFps = None,
    fov: Fov = None,
    height: Height = None,
    feet: Annotated[
        Literal["off", "auto", "always"],
        typer.Option(
            help="Plant feet that stand; always: they never leave the ground; off: leave them."
        ),
    ] = "auto",
    hands: Hands = True,
    face: Face = True,
    face_model: FaceModel = None,
    person: Person = None,
    upper_body: UpperBody = None,
    no_refine: Annotated[
        bool,
        typer.Option(
            "--no-refine", help="Take keypoints as they are, for those that are good already."
        ),
    ] = False,
    keep_touch: KeepTouch = False,
    all_keys: AllKeys = False,
) -> None:
    """Turn a person's motion into files: BVH for any animation program, VRMA for any VRM, GLB with the mannequin or your character moving.

    With several inputs, write {name} in the output: mocap bake *.mp4 -o clips/{name}.bvh
    """
    from mocap import assets, transfer
    from mocap import bake as batch

    outputs = {path: [Path(str(o).replace("{name}", path.stem)) for o in output] for path in inputs}
    if len(inputs) > 1 and any("{name}" not in str(o) for o in output):
        raise OutputError(
            f"{len(inputs)} inputs cannot all be written to {output[0]}; put {{name}} into it, as in clips/{{name}}.bvh."
        )
    theirs = _character(character, map_file)
    ours = transfer.load_character(assets.path("rigs/mannequin.vrm"))

    def on(target: Path) -> transfer.Character | None:
        # Without a character of the user's, a BVH is the performer's own skeleton.
        return theirs if theirs or target.suffix.lower() == ".bvh" else ours

    for target in (t for targets in outputs.values() for t in targets):
        transfer.check(target, on(target), None)
    for path, targets in outputs.items():
        with console.progress(f"Detecting {path.name}") as progress:
            keypoints = batch.read_keypoints(
                path, model, source_fps, progress, hands, face, face_model, person
            )
        view, view_said = _field_of_view(fov, path)
        motion = batch.solve(
            keypoints, view, refine=not no_refine, feet=feet, upper_body=upper_body, height=height
        )
        _say_measures(motion, view_said, height)
        for target in targets:
            saved = transfer.save(
                target, motion, on(target), fps, None, keep_touch and theirs is not None, all_keys
            )
            _say_written(target, motion, saved)
    _say_mapped(theirs)


@app.command("retarget")
def retarget_(
    motion: Annotated[
        Path,
        typer.Argument(
            metavar="MOTION",
            help="Motion from anywhere: .bvh, .glb, .gltf, .vrm, .vrma, .fbx (by Blender), or keypoints (.json, .jsonl).",
        ),
    ],
    output: Outputs,
    character: Character = None,
    map_file: MapFile = None,
    animation: Annotated[
        str | None, typer.Option(help="Which of the animations in MOTION; the first, if not given.")
    ] = None,
    fps: Fps = None,
    names: Annotated[
        str | None,
        typer.Option(
            help="What a .bvh without --rig calls its joints: mixamo (if not given) or another of `mocap rigs list`."
        ),
    ] = None,
    keep_touch: KeepTouch = False,
    all_keys: AllKeys = False,
) -> None:
    """Put motion from anywhere onto your character, into a copy of its own file; or, without --rig, make a BVH or a VRMA of it."""
    from mocap import transfer

    theirs = _character(character, map_file)
    for target in output:
        transfer.check(target, theirs, names)
    source = transfer.load_motion(motion, animation)
    for target in output:
        _say_written(
            target, source, transfer.save(target, source, theirs, fps, names, keep_touch, all_keys)
        )
    _say_mapped(theirs)


def _character(path: Path | None, map_file: Path | None) -> transfer.Character | None:
    from mocap import transfer

    if path is None and map_file is not None:
        raise MocapError(
            f"--map {map_file} needs the character that it is for: give it with --rig."
        )
    return None if path is None else transfer.load_character(path, map_file)


def _say_written(target: Path, motion: Motion, saved: int) -> None:
    less = (
        f"; {console.in_bytes(saved)} less by leaving out keys (--all-keys keeps them)"
        if saved > 0
        else ""
    )
    console.out.print(
        f"{target}: {len(motion)} frames, {motion.duration:.2f} s, {console.size(target)}{less}"
    )


def _say_mapped(character: transfer.Character | None) -> None:
    from mocap import transfer

    if character is not None:
        console.out.print(f"{character.path}: {' '.join(transfer.report(character))}")


@app.command()
def detect(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="A video, an image, or a folder of images.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Where to write: .json (TF.js pose-detection's shape) or .jsonl."
        ),
    ],
    model: Model = "full",
    source_fps: SourceFps = None,
    hands: Hands = True,
    face: Face = True,
    face_model: FaceModel = None,
    person: Person = None,
) -> None:
    """Write the detector's keypoints, in the shape of TF.js pose-detection, to be solved later or elsewhere."""
    from mocap import bake as batch

    formats.check_writable(output, Keypoints)
    with console.progress(f"Detecting {source.name}") as progress:
        keypoints = batch.read_keypoints(
            source, model, source_fps, progress, hands, face, face_model, person
        )
    formats.save(output, keypoints)
    seen = int((keypoints.confidence.max(axis=1) > 0).sum())
    fingers = (
        0
        if keypoints.hands_confidence is None
        else int((keypoints.hands_confidence.max(axis=1) > 0).sum())
    )
    faces = 0 if keypoints.face is None else int(np.isfinite(keypoints.face).all(axis=(1, 2)).sum())
    found = f"{f', hands in {fingers}' if hands else ''}{f', a face in {faces}' if face else ''}"
    console.out.print(
        f"{output}: a person in {seen} of {len(keypoints)} frames{found}, {console.size(output)}"
    )


@app.command()
def live(
    camera: Annotated[
        int | None, typer.Option(help="The camera's number, 0 for the first.")
    ] = None,
    video: Annotated[
        Path | None, typer.Option(help="A video instead of a camera; it plays again and again.")
    ] = None,
    browser: Annotated[
        bool,
        typer.Option(
            "--browser", help="The camera of the browser that opens the page; it detects there."
        ),
    ] = False,
    lan: Annotated[
        bool,
        typer.Option(
            "--lan",
            help="Phones on this network may open the page too, by a QR code; without a source, their cameras are it.",
        ),
    ] = False,
    model: Model = "full",
    rig: Rig = None,
    hands: Hands = True,
    face: Face = True,
    face_model: FaceModel = None,
    person: Person = None,
    upper_body: UpperBody = None,
    fov: Fov = None,
    port: Port = 8765,
    open_page: Open = True,
    takes: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the page keeps the takes that it records.")
    ] = Path("takes"),
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="TAKE", help="Keep the keypoints in a new .jsonl file, to bake later."
        ),
    ] = None,
    vmc: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Also send the pose by VMC (OSC); receivers use port 39539."
        ),
    ] = None,
) -> None:
    """Drive the avatar in the browser from a camera or a video, live."""
    from mocap.capture.video import Video
    from mocap.capture.webcam import Webcam

    if (camera is not None) + (video is not None) + browser > 1:
        raise MocapError("Give one of --camera, --video and --browser, not several.")
    with ExitStack() as stack:
        listeners = [*_vmc(vmc, stack), *_recording(record, stack)]
        again: Callable[[], Source] = (
            partial(Webcam, camera or 0) if video is None else partial(Video, video)
        )
        theirs = browser or (lan and camera is None and video is None)
        source = None if theirs else again()
        kind: SourceKind = "browser" if theirs else "camera" if video is None else "video"
        view = _radians(fov)
        if video is not None:
            view, view_said = _field_of_view(fov, video)
            console.err.print(f"Field of view {view_said}.")
        studio = _studio(takes, fov, stack)
        phones = cli_lan.phones() if lan else None
        _stream(
            source,
            kind,
            model,
            view,
            port,
            open_page,
            listeners,
            rig,
            hands,
            upper_body,
            face,
            face_model,
            studio,
            again,
            phones,
            person,
        )


def _vmc(to: str | None, stack: ExitStack) -> list[Listener]:
    if to is None:
        return []
    from mocap.stream import vmc

    sender = stack.enter_context(vmc.Sender(*vmc.address(to)))
    return [
        lambda keypoints, motion: sender.send(
            vmc.bundle(motion, seen=bool(keypoints.confidence.max() > 0))
        )
    ]


def _studio(folder: Path, fov: float | None, stack: ExitStack) -> Callable[..., Any]:
    """What `session.live` makes the studio by, whose take in progress is ended with the stack."""

    def made(files: Any, expressions: Sequence[str]) -> Any:
        from mocap.studio.messages import STUDIO_PATH, SUBPROTOCOL
        from mocap.studio.studio import Studio

        studio = Studio(folder, files, expressions, _radians(fov))
        stack.callback(studio.close)
        return studio.hear, {STUDIO_PATH: (SUBPROTOCOL, studio.serve)}

    return made


def _recording(path: Path | None, stack: ExitStack) -> list[Listener]:
    if path is None:
        return []
    from mocap.formats.recording import Recording

    recording = stack.enter_context(Recording(path))
    stack.callback(
        lambda: console.out.print(
            f"{path}: {recording.frames} frames. Bake it:  mocap bake {path} -o {path.stem}.bvh"
        )
    )

    def append(keypoints: Keypoints, motion: Motion) -> None:
        if recording.ended:
            return
        try:
            recording.append(keypoints)
        except OutputError as error:  # the disk is full; who is live goes on
            console.err.print(f"Note: {error}")

    return [append]


@app.command()
def demo(port: Port = 8765, open_page: Open = True) -> None:
    """Watch the bundled clip go through the whole pipeline, onto the avatar in the browser."""
    from mocap import assets
    from mocap.capture.video import Video

    clip = assets.path("demo/demo.mp4")
    console.out.print(
        "This is a rendered clip of the mannequin itself: what you see is detected in its pictures, not known beforehand."
    )
    console.out.print(
        "Next, with a video of your own:  mocap bake dance.mp4 -o dance.bvh -o dance.glb     or live:  mocap live"
    )
    with ExitStack() as stack:
        again = partial(Video, clip)
        _stream(
            again(),
            "video",
            "full",
            None,
            port,
            open_page,
            studio=_studio(Path("takes"), None, stack),
            again=again,
        )


@app.command()
def view(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A take or keypoints, a motion (.bvh, .glb, .vrma), or a character.",
        ),
    ],
    rig: Rig = None,
    fov: Fov = None,
    port: Port = 8765,
    open_page: Open = True,
) -> None:
    """Look through a take, a motion or a character in the page, with a timeline."""
    from mocap.live.avatar import load_avatar
    from mocap.studio import view

    motion, confidence, own = view.opened(file, _radians(fov))
    avatar = own if rig is None else load_avatar(rig)
    asyncio.run(
        view.show(motion, file.name, confidence, avatar, port=port, ready=_ready(open_page))
    )


@app.command()
def doctor() -> None:
    """Say what works on this machine, and what to do about what does not."""
    from mocap.cli.doctor import examine

    findings = examine()
    for finding in findings:
        console.out.print(finding.line())
    if any(not f.ok and f.needed for f in findings):
        raise typer.Exit(1)


def _stream(
    source: Source | None,
    kind: SourceKind,
    model: Any,
    fov: float | None,
    port: int,
    open_page: bool,
    listeners: Sequence[Listener] = (),
    rig: Path | None = None,
    hands: bool = True,
    upper_body: bool | None = None,
    face: bool = True,
    face_model: Path | None = None,
    studio: Any = None,
    again: Callable[[], Source] | None = None,
    lan: Lan | None = None,
    person: int | None = None,
) -> None:
    from mocap.capture.webcam import Webcam
    from mocap.live import session
    from mocap.live.avatar import load_avatar

    avatar = None if rig is None else load_avatar(rig)
    with source or nullcontext():
        ready = _ready(open_page)
        running = session.live(
            source,
            kind,
            model,
            fov,
            port=port,
            ready=ready,
            listeners=listeners,
            rig=avatar,
            hands=hands,
            upper_body=upper_body,
            face=face,
            face_model=face_model,
            studio=studio,
            again=again or Webcam,
            lan=lan,
            person=person,
        )
        asyncio.run(running)


def _ready(open_page: bool) -> Callable[[Server], None]:
    """What is done when the page can be opened: its address is printed, and the browser opened."""

    def ready(server: Server) -> None:
        if server.notice:
            console.out.print(server.notice)
        console.out.print(server.url)
        if server.invitations:
            cli_lan.invite(server.invitations)
        console.out.print("Ctrl-C ends it.")
        sys.stdout.flush()
        if open_page:
            webbrowser.open(server.url)

    return ready


def _field_of_view(fov: float | None, path: Path) -> tuple[float | None, str]:
    """(the camera's field of view, radians, or None; how it is known, in words): by --fov, else by the file's metadata."""
    from mocap.capture.metadata import field_of_view
    from mocap.core.camera import DEFAULT_FOV

    if fov is not None:
        return math.radians(fov), f"{fov:g}° as told"
    if (told := field_of_view(path)) is not None:
        return told, f"{math.degrees(told):.0f}° by the file's metadata (--fov overrules it)"
    return None, f"{math.degrees(DEFAULT_FOV):.0f}° assumed (--fov tells it)"


def _say_measures(motion: Motion, view: str, height: float | None) -> None:
    """What the scale of a bake rests on: one camera tells neither its own field of view nor how tall somebody is."""
    from mocap.solve.size import stature

    told = "as told" if height is not None else "by its keypoints (--height tells it)"
    console.err.print(
        f"Field of view {view}; performer {stature(motion.skeleton):.2f} m tall {told}."
    )


def _radians(fov: float | None) -> float | None:
    return None if fov is None else math.radians(fov)


def main() -> None:
    """The entry point of the `mocap` command."""
    warnings.showwarning = console.show_warning
    try:
        app()
    except MocapError as error:
        console.err.print(f"mocap: {error}")
        sys.exit(2)
