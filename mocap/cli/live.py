"""`mocap live` and `mocap demo`: a camera, a video or pages' cameras to the avatar in the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mocap.cli import console, page, reports
from mocap.cli import options as opt
from mocap.errors import MocapError, OutputError

if TYPE_CHECKING:
    from mocap.capture.source import Source
    from mocap.core.keypoints import Keypoints
    from mocap.core.motion import Motion
    from mocap.live.performer import Listener
    from mocap.stream.lan import Lan
    from mocap.stream.protocol import SourceKind


def live(
    camera: Annotated[
        int | None, typer.Option(help="Number of the camera, 0 for the first.")
    ] = None,
    video: Annotated[
        Path | None, typer.Option(help="A video in place of a camera; it is repeated.")
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
            help="Let phones on this network open the page by a QR code; without --camera and "
            "--video, their cameras are the source.",
        ),
    ] = False,
    model: opt.Model = "full",
    rig: opt.Avatar = None,
    hands: opt.Hands = True,
    face: opt.Face = True,
    face_model: opt.FaceModel = None,
    person: opt.Person = None,
    upper_body: opt.UpperBody = None,
    fov: opt.Fov = None,
    port: opt.Port = opt.DEFAULT_PORT,
    open_page: opt.Open = True,
    takes: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder for the takes that the page records.")
    ] = Path("takes"),
    record: Annotated[
        Path | None,
        typer.Option(metavar="TAKE", help="Record the keypoints to a new .jsonl file."),
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
        if video is not None and source is not None:
            seen_by = source.camera(opt.radians(fov))
            console.err.print(f"Field of view {reports.field_of_view(seen_by)}.")
        studio = _studio(takes, fov, stack)
        phones = page.phones() if lan else None
        _stream(
            source,
            kind,
            model,
            opt.radians(fov),
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

        studio = Studio(folder, files, expressions, opt.radians(fov))
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


def demo(port: opt.Port = opt.DEFAULT_PORT, open_page: opt.Open = True) -> None:
    """Run the whole pipeline on the bundled clip, onto the avatar in the browser."""
    from mocap import assets
    from mocap.capture.video import Video

    clip = assets.path("demo/demo.mp4")
    console.out.print(
        "This clip is a rendering of the mannequin; its motion is detected from the pictures alone."
    )
    console.out.print(
        "Next, with your own video:  mocap bake dance.mp4 -o dance.bvh -o dance.glb"
        "     or live:  mocap live"
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
    import asyncio

    from mocap.capture.webcam import Webcam
    from mocap.live import session
    from mocap.live.avatar import load_avatar

    avatar = None if rig is None else load_avatar(rig)
    with source or nullcontext():
        ready = page.announce(open_page)
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
