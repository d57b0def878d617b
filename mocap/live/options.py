"""Options of a live session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from mocap.cameras.views import CameraSet
from mocap.capture.source import Source
from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.detect.options import DetectOptions
from mocap.live.server_cameras import ServerCameras
from mocap.live.state import RecordingState
from mocap.stream import DEFAULT_PORT
from mocap.stream.content import Files
from mocap.stream.lan import Lan
from mocap.stream.protocol import DiskState, SourceKind, VmcOutput, Who
from mocap.stream.server import Endpoint

Listener = Callable[[Keypoints, Motion], None]
"""Called in the solver's thread with each frame of the first performer: keypoints and pose."""


PictureListener = Callable[[float, bytes], None]
"""Called in the solver's thread with each picture of the source: time (s) and JPEG."""


@dataclass(frozen=True, slots=True)
class ServerSource:
    """The server's own source: a camera or a video.

    Attributes:
        kind: Its kind, as the page shows it.
        open: Opens it; called again after it was lost, or when it becomes active again.
        cameras: Lets pages choose among the server's cameras, or None.
    """

    kind: SourceKind
    open: Callable[[], Source]
    cameras: ServerCameras | None = None


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """Options of detection and solving in a live session.

    Attributes:
        active: The source that is active at the start.
        detect: What to detect, and by which detector.
        fov: The cameras' field of view along the longer side, radians; None: by metadata, or the
            default.
        upper_body: Keep legs at rest and hips steady; None: chosen by whether legs are seen.
        vmc: The VMC receiver at the start.
        shared: Whether the cameras of all pages see one performer, instead of one each.
        cameras: Their calibration; None finds it from the performer's motion.
    """

    active: Who = "server"
    detect: DetectOptions = field(default_factory=DetectOptions)
    fov: float | None = None
    upper_body: bool | None = None
    vmc: VmcOutput | None = None
    shared: bool = False
    cameras: CameraSet | None = None


@dataclass(frozen=True, slots=True)
class PageOptions:
    """Options of the page and its server.

    Attributes:
        host: Address to listen on.
        port: Port; if it is taken, one of the next; 0 for any.
        lan: The access for phones (`stream.lan.open_lan`), or None.
        rig: The avatar in place of the mannequin.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    lan: Lan | None = None
    rig: Rig | None = None


@runtime_checkable
class Recorder(Protocol):
    """The studio, as a live session uses it."""

    def hear(self, keypoints: Keypoints, motion: Motion) -> None:
        """Process a live frame; called in the solver's thread."""

    def see(self, time: float, jpeg: bytes) -> None:
        """Process the picture of the last live frame; called in the solver's thread."""

    def recording(self) -> RecordingState:
        """Return what is being recorded."""

    def disk(self) -> DiskState:
        """Return the state of the disk that takes are written to."""

    def endpoints(self) -> Mapping[str, Endpoint]:
        """Return the WebSocket endpoints that the page uses."""


StudioMaker = Callable[[Files, Sequence[str]], Recorder]
"""Makes the studio from the server's table of files and the expressions of the hello."""
