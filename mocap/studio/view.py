"""`mocap view`: shows a take, keypoints, a motion or a character in the page, with a timeline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap import formats
from mocap.core.keypoints import Keypoints, with_fov
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import HUMANOID
from mocap.detect.inputs import read_keypoints
from mocap.formats.gltf.read import animations
from mocap.live.avatar import files_of, load_avatar
from mocap.retargeting import load_motion, retarget
from mocap.solve.take import solve_take
from mocap.stream import DEFAULT_PORT, protocol
from mocap.stream.clip import clip_files, trust_in
from mocap.stream.content import Files
from mocap.stream.server import Server
from mocap.studio import pictures
from mocap.studio.source_view import clip_source

_CHARACTERS = (".glb", ".gltf", ".vrm")


@dataclass(frozen=True, eq=False, slots=True)
class Opened:
    """What the page plays.

    Attributes:
        path: The file.
        motion: On humanoid bones.
        rig: The character; None for the mannequin.
        keypoints: What the motion was solved from; None for other files.
    """

    path: Path
    motion: Motion
    rig: Rig | None = None
    keypoints: Keypoints | None = None


def opened(path: Path, fov: float | None = None) -> Opened:
    """Read a file for the page; keypoints and takes are baked.

    Args:
        path: The file.
        fov: The field of view of the keypoints' camera, radians; None: the file's own.

    Returns:
        What it holds; a character without an animation is one frame in T-pose.

    Raises:
        InputError: The file cannot be read, or holds no humanoid.
    """
    if path.suffix.lower() in formats.KEYPOINTS_SUFFIXES:
        keypoints = with_fov(read_keypoints(path), fov)
        return Opened(path, solve_take(keypoints), None, keypoints)
    if path.suffix.lower() not in _CHARACTERS:
        return Opened(path, load_motion(path))
    rig = load_avatar(path)
    if animations(rig.source):
        return Opened(path, load_motion(path), rig)
    rest = Motion(HUMANOID, np.zeros(1), HUMANOID.offsets[:1], HUMANOID.rest_rotations[None])
    return Opened(path, rest, rig)


async def show(
    what: Opened,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    ready: Callable[[Server], None] | None = None,
) -> None:
    """Serve a page that plays a motion until cancelled.

    Args:
        what: The motion and its avatar. The pictures of a take, in a `.mjpg` file beside it, play
            with it.
        host: Address to listen on.
        port: Port; if it is taken, one of the next; 0 for any.
        ready: Called when the page can be opened.
    """
    shown = retarget(what.motion, HUMANOID)
    files, avatar = files_of(what.rig)
    hello = protocol.hello(
        HUMANOID,
        tuple(shown.expressions),
        avatar,
        protocol.SourceInfo("motion", what.path.name, 16, 9),
        "clip",
    )
    async with Server(hello, files | clip_of(what, shown), host, port) as server:
        if ready is not None:
            ready(server)
        await asyncio.Event().wait()


def clip_of(what: Opened, shown: Motion) -> Files:
    """Return the clip of a motion, with its source's pictures if there are some."""
    if what.keypoints is None:
        return clip_files(shown)
    beside = what.path.with_suffix(pictures.SUFFIX)
    source = clip_source(beside, what.keypoints, shown)
    seen = None if source is None else (beside, source)
    return clip_files(shown, trust_in(what.keypoints), seen)
