"""`mocap live` and `mocap demo`: drive the avatar in the page from a camera or a video."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mocap.cli import console, page_address, summaries
from mocap.cli import options as opt
from mocap.errors import MocapError, OutputError
from mocap.stream import DEFAULT_PORT

if TYPE_CHECKING:
    from mocap.cameras.views import CameraSet
    from mocap.core.keypoints import Keypoints
    from mocap.core.motion import Motion
    from mocap.live.options import (
        Listener,
        LiveOptions,
        PageOptions,
        Recorder,
        ServerSource,
        StudioMaker,
    )
    from mocap.live.serve import LiveOutputs
    from mocap.stream.content import Files


def live(
    camera: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="Number of the camera, 0 for the first one."),
    ] = None,
    video: Annotated[
        Path | None,
        typer.Option(
            parser=opt.input_file,
            metavar="FILE",
            help="Use a video instead of a camera; it is repeated.",
        ),
    ] = None,
    browser: Annotated[
        bool,
        typer.Option(
            "--browser",
            help="Use the camera of the browser that opens the page; it also detects there.",
        ),
    ] = False,
    lan: Annotated[
        bool,
        typer.Option(
            "--lan",
            help="Let phones in this network open the page with a QR code. Without --camera and "
            "--video, the phones' cameras are used.",
        ),
    ] = False,
    model: opt.Model = "full",
    rig: opt.Avatar = None,
    hands: opt.Hands = True,
    face: opt.Face = True,
    face_model: opt.FaceModel = None,
    person: opt.Person = None,
    people: opt.LivePeople = "1",
    cameras: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|auto",
            help="Let the cameras of all pages see one performer (with --browser or --lan). FILE "
            "is their calibration; auto finds their places from the performer's motion.",
        ),
    ] = None,
    upper_body: opt.UpperBody = None,
    fov: opt.Fov = None,
    port: opt.Port = DEFAULT_PORT,
    open_page: opt.Open = True,
    takes: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder for the takes recorded in the page.")
    ] = Path("takes"),
    record: Annotated[
        Path | None,
        typer.Option(metavar="TAKE", help="Record the keypoints to a new .jsonl file."),
    ] = None,
    vmc: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Also send the pose with the VMC protocol (OSC); receivers use port 39539.",
        ),
    ] = None,
    vmc_names: Annotated[
        Literal["vrm0", "vrm1"],
        typer.Option(
            help="Expression names that --vmc sends: vrm0 (Joy, A) for VSeeFace, Warudo, VNyan and "
            "Unity; vrm1 (happy, aa) for Blender."
        ),
    ] = "vrm1",
) -> None:
    """Drive the avatar in the browser live, from a camera or a video."""
    from mocap.capture.video import Video
    from mocap.live.options import LiveOptions, PageOptions, ServerSource
    from mocap.live.serve import LiveOutputs, server_camera
    from mocap.stream.protocol import VmcOutput

    if (camera is not None) + (video is not None) + browser > 1:
        raise MocapError("Give only one of --camera, --video and --browser.")
    detect = opt.detection(locals())
    in_browser = browser or (lan and camera is None and video is None)
    if in_browser and detect.people > 1:
        raise MocapError(
            "--people works with a camera of this computer or a video. In a browser one person is "
            "detected per camera: leave --people out, and open the page once for each person."
        )
    if cameras is not None and not in_browser:
        raise MocapError(
            f"--cameras {cameras} needs the cameras of pages: add --browser or --lan, and leave "
            "--camera and --video out."
        )
    options = LiveOptions(
        active="browser" if in_browser else "server",
        detect=detect,
        fov=opt.radians(fov),
        upper_body=upper_body,
        vmc=None if vmc is None else VmcOutput(vmc, vmc_names),
        shared=cameras is not None,
        cameras=_calibration(cameras),
    )
    if video is None:
        source = server_camera(camera or 0)
    else:
        source = ServerSource("video", partial(Video, video))
        with source.open() as opened:
            field_of_view = summaries.field_of_view(opened.camera(opt.radians(fov)))
        console.err.print(f"Field of view {field_of_view}.")
    with ExitStack() as stack:
        outputs = LiveOutputs(_recording(record, stack), _studio(takes, fov, stack))
        phones = page_address.phones() if lan else None
        _serve(source, options, PageOptions(port=port, lan=phones), outputs, rig, open_page)


def demo(port: opt.Port = DEFAULT_PORT, open_page: opt.Open = True) -> None:
    """Run the whole pipeline on the bundled clip and show the avatar in the browser."""
    from mocap import assets
    from mocap.capture.video import Video
    from mocap.live.options import LiveOptions, PageOptions, ServerSource
    from mocap.live.serve import LiveOutputs

    console.out.print(
        "This clip shows the mannequin, rendered; its motion is detected from the pictures only."
    )
    console.out.print(
        "Next, with your own video:  mocap bake dance.mp4 -o dance.bvh -o dance.glb"
        "     or live:  mocap live"
    )
    source = ServerSource("video", partial(Video, assets.path("demo/demo.mp4")))
    with ExitStack() as stack:
        outputs = LiveOutputs(studio=_studio(Path("takes"), None, stack))
        _serve(source, LiveOptions(), PageOptions(port=port), outputs, None, open_page)


def _serve(
    source: ServerSource,
    options: LiveOptions,
    served: PageOptions,
    outputs: LiveOutputs,
    rig: Path | None,
    open_page: bool,
) -> None:
    from dataclasses import replace

    from mocap.cli import interrupts
    from mocap.live import serve
    from mocap.live.avatar import load_avatar

    if rig is not None:
        served = replace(served, rig=load_avatar(rig))
    interrupts.run(serve.live(source, options, served, outputs, page_address.announce(open_page)))


def _calibration(cameras: str | None) -> CameraSet | None:
    """Return the calibration of a file; None for None and "auto"."""
    if cameras is None or cameras == "auto":
        return None
    from mocap.cameras.calibration import load_cameras

    return load_cameras(Path(cameras))


def _studio(folder: Path, fov: float | None, stack: ExitStack) -> StudioMaker:
    """Return the function that makes the studio; `stack` closes it, and a recording with it."""

    def make(files: Files, expressions: Sequence[str]) -> Recorder:
        from mocap.studio.studio import Studio

        studio = Studio(folder, files, expressions, opt.radians(fov))
        stack.callback(studio.close)
        return studio

    return make


def _recording(path: Path | None, stack: ExitStack) -> list[Listener]:
    """Return the listener that records for --record; `stack` closes it and prints its length."""
    if path is None:
        return []
    from mocap.formats.keypoints_json.recording import Recording

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
        except OutputError as error:  # the disk is full; the session goes on
            console.err.print(f"Note: {error}")
            raise

    return [append]
