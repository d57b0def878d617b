"""The command line: one thin function a subcommand. A wrong argument, file or camera ends in one sentence and exit status 2."""

from __future__ import annotations

import asyncio
import math
import sys
import warnings
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mocap import formats
from mocap.errors import MocapError, OutputError
from mocap.keypoints import Keypoints
from mocap.motion import Motion

if TYPE_CHECKING:
    from mocap.capture import Source
    from mocap.pipeline import Listener
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
_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)

Model = Annotated[Literal["lite", "full", "heavy"], typer.Option(help="The detector's size: lite is fastest, heavy the most careful.")]
Fov = Annotated[
    float | None, typer.Option(min=1.0, max=170.0, help="The camera's field of view along the longer side, degrees; 60 if not given.")
]
SourceFps = Annotated[
    float | None, typer.Option(min=0.001, help="The true capture rate, where the file's is wrong or missing (slow motion, images).")
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The page's port; 0 takes any free one.")]
RigFile = Annotated[Path, typer.Argument(metavar="FILE", help="A character: .glb, .gltf, .vrm or .bvh.")]
MapFile = Annotated[Path | None, typer.Option("--map", help="Bones and nodes as `mocap rigs map` wrote them and you corrected them.")]
Open = Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")]


@app.command()
def bake(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT...", help="Videos, images, folders of images, or keypoints (.json, .jsonl).")
    ],
    output: Annotated[list[Path], typer.Option("--output", "-o", help="Where to write: .bvh, .glb or .vrm; may be given several times.")],
    model: Model = "full",
    fps: Annotated[float | None, typer.Option(min=0.1, help="Frames a second of what is written; by default as captured.")] = None,
    source_fps: SourceFps = None,
    fov: Fov = None,
    feet: Annotated[
        Literal["off", "auto", "always"], typer.Option(help="Plant feet that stand; always: they never leave the ground; off: leave them.")
    ] = "auto",
    no_refine: Annotated[bool, typer.Option("--no-refine", help="Take keypoints as they are, for those that are good already.")] = False,
) -> None:
    """Turn a person's motion into files: BVH for any animation program, GLB with the mannequin moving.

    With several inputs, write {name} in the output: mocap bake *.mp4 -o clips/{name}.bvh
    """
    from mocap import assets, pipeline
    from mocap.retarget import retarget
    from mocap.skeleton import HUMANOID

    outputs = {path: [Path(str(o).replace("{name}", path.stem)) for o in output] for path in inputs}
    if len(inputs) > 1 and any("{name}" not in str(o) for o in output):
        raise OutputError(f"{len(inputs)} inputs cannot all be written to {output[0]}; put {{name}} into it, as in clips/{{name}}.bvh.")
    for path in (p for paths in outputs.values() for p in paths):
        formats.check_writable(path, Motion)
    for path, targets in outputs.items():
        with _progress(f"Detecting {path.name}") as progress:
            keypoints = pipeline.read_keypoints(path, model, source_fps, progress)
        motion = pipeline.solve(keypoints, _radians(fov), refine=not no_refine, feet=feet)
        on_mannequin = retarget(motion, HUMANOID)
        for target in targets:
            if target.suffix.lower() == ".bvh":
                formats.save(target, motion, fps=fps)
            else:
                formats.save(target, on_mannequin, assets.path("rigs/mannequin.vrm").read_bytes(), fps)
            _out.print(f"{target}: {len(motion)} frames, {motion.duration:.2f} s, {_size(target)}")


@app.command()
def detect(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A video, an image, or a folder of images.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write: .json (TF.js pose-detection's shape) or .jsonl.")],
    model: Model = "full",
    source_fps: SourceFps = None,
) -> None:
    """Write the detector's keypoints, in the shape of TF.js pose-detection, to be solved later or elsewhere."""
    from mocap import pipeline

    formats.check_writable(output, Keypoints)
    with _progress(f"Detecting {source.name}") as progress:
        keypoints = pipeline.read_keypoints(source, model, source_fps, progress)
    formats.save(output, keypoints)
    seen = int((keypoints.confidence.max(axis=1) > 0).sum())
    _out.print(f"{output}: a person in {seen} of {len(keypoints)} frames, {_size(output)}")


@app.command()
def live(
    camera: Annotated[int | None, typer.Option(help="The camera's number, 0 for the first.")] = None,
    video: Annotated[Path | None, typer.Option(help="A video instead of a camera; it plays again and again.")] = None,
    model: Model = "full",
    fov: Fov = None,
    port: Port = 8765,
    open_page: Open = True,
    record: Annotated[Path | None, typer.Option(metavar="TAKE", help="Keep the keypoints in a new .jsonl file, to bake later.")] = None,
    vmc: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Also send the pose by VMC (OSC); receivers use port 39539.")] = None,
) -> None:
    """Drive the avatar in the browser from a camera or a video, live."""
    from mocap.capture import Video
    from mocap.webcam import Webcam

    if camera is not None and video is not None:
        raise MocapError("Give either --camera or --video, not both.")
    with ExitStack() as stack:
        listeners = [*_vmc(vmc, stack), *_recording(record, stack)]
        if video is not None:
            _stream(Video(video), "video", model, fov, port, open_page, listeners)
        else:
            _stream(Webcam(camera or 0), "camera", model, fov, port, open_page, listeners)


def _vmc(to: str | None, stack: ExitStack) -> list[Listener]:
    if to is None:
        return []
    from mocap.stream import vmc

    sender = stack.enter_context(vmc.Sender(*vmc.address(to)))
    return [lambda keypoints, motion: sender.send(vmc.bundle(motion, seen=bool(keypoints.confidence.max() > 0)))]


def _recording(path: Path | None, stack: ExitStack) -> list[Listener]:
    if path is None:
        return []
    from mocap.formats.recording import Recording

    recording = stack.enter_context(Recording(path))
    stack.callback(lambda: _out.print(f"{path}: {recording.frames} frames. Bake it:  mocap bake {path} -o {path.stem}.bvh"))

    def append(keypoints: Keypoints, motion: Motion) -> None:
        if recording.ended:
            return
        try:
            recording.append(keypoints)
        except OutputError as error:  # the disk is full; who is live goes on
            _err.print(f"Note: {error}", markup=False)

    return [append]


@app.command()
def demo(port: Port = 8765, open_page: Open = True) -> None:
    """Watch the bundled clip go through the whole pipeline, onto the avatar in the browser."""
    from mocap import assets
    from mocap.capture import Video

    clip = assets.path("demo/demo.mp4")
    _out.print("This is a rendered clip of the mannequin itself: what you see is detected in its pictures, not known beforehand.")
    _out.print("Next, with a video of your own:  mocap bake dance.mp4 -o dance.bvh -o dance.glb     or live:  mocap live")
    _stream(Video(clip), "video", "full", None, port, open_page)


rigs = typer.Typer(help="What a character's bones are recognised as, and how to correct it.", no_args_is_help=True)
app.add_typer(rigs, name="rigs")


@rigs.command("list")
def rigs_list() -> None:
    """List the conventions whose bone names are known. Characters of none are recognised by words and by shape."""
    from mocap.rig import report

    _out.print(report.known(), markup=False)


@rigs.command("inspect")
def rigs_inspect(
    file: RigFile,
    picture: Annotated[Path | None, typer.Option(help="Also write a picture of the rest pose with the bones' names, .png.")] = None,
    map_file: MapFile = None,
) -> None:
    """Show which node is which bone, how it was found and how surely, what is missing, and how the character rests."""
    from mocap.rig import mapfile, report
    from mocap.rig.load import load_rig
    from mocap.rig.mapping import map_bones
    from mocap.rig.read import read_tree

    if picture is not None and picture.suffix.lower() != ".png":
        raise OutputError(f"The picture is written as .png, so {picture.name!r} must end in that.")
    tree = read_tree(file)
    given = None if map_file is None else mapfile.read(map_file)
    found = map_bones(tree) if given is None else mapfile.apply(tree, given)
    _out.print(report.table(tree, found), markup=False)
    if picture is not None:
        from mocap.rig import drawing

        formats.write(picture, drawing.png(drawing.draw(tree, found)))
        _out.print(f"{picture}: {_size(picture)}")
    _out.print(report.rest(load_rig(file, given)), markup=False)


@rigs.command("map")
def rigs_map(file: RigFile, output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the map, .json.")]) -> None:
    """Write what was recognised as a JSON file, to be corrected by hand and given back with --map."""
    from mocap.rig import mapfile
    from mocap.rig.mapping import map_bones
    from mocap.rig.read import read_tree

    tree = read_tree(file)
    found = map_bones(tree)
    formats.write(output, mapfile.dumps(tree, found).encode())
    _out.print(f"{output}: {len(found)} bones. Correct it by hand and give it back with --map {output}")


@app.command()
def doctor() -> None:
    """Say what works on this machine, and what to do about what does not."""
    from mocap.doctor import examine

    findings = examine()
    for finding in findings:
        _out.print(finding.line())
    if any(not f.ok and f.needed for f in findings):
        raise typer.Exit(1)


def _stream(
    source: Source, kind: SourceKind, model: Any, fov: float | None, port: int, open_page: bool, listeners: Sequence[Listener] = ()
) -> None:
    from mocap import pipeline

    def ready(server: Server) -> None:
        if server.notice:
            _out.print(server.notice)
        _out.print(server.url)
        _out.print("Ctrl-C ends it.")
        sys.stdout.flush()
        if open_page:
            webbrowser.open(server.url)

    with source:
        asyncio.run(pipeline.live(source, kind, model, _radians(fov), port=port, ready=ready, listeners=listeners))


@contextmanager
def _progress(what: str) -> Iterator[Any]:
    """Gives a function of (frames done, frames in all) that shows progress and what is left, where a terminal shows it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_err, transient=True, disable=not _err.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=max(total, done) if total else None)


def _radians(fov: float | None) -> float | None:
    return None if fov is None else math.radians(fov)


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _show_warning(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
    # Ours are sentences for the user; those of libraries are for their developers.
    if category.__module__.startswith("mocap") or category is UserWarning:
        _err.print(f"Note: {message}", markup=False)


def main() -> None:
    """The entry point of the `mocap` command."""
    warnings.showwarning = _show_warning
    try:
        app()
    except MocapError as error:
        _err.print(f"mocap: {error}", markup=False)
        sys.exit(2)
