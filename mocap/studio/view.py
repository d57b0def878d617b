"""`mocap view`: a take, keypoints, a motion or a character at rest in the page, with a timeline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap import bake, formats
from mocap.core.keypoints import with_fov
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import HUMANOID
from mocap.formats.gltf.read import animations
from mocap.live.avatar import files_of, load_avatar
from mocap.retargeting import load_motion, retarget
from mocap.solve.take import solve_take
from mocap.stream import DEFAULT_PORT, protocol
from mocap.stream.clip import clip_files
from mocap.stream.server import Server

_CHARACTERS = (".glb", ".gltf", ".vrm")


def opened(
    path: Path, fov: float | None = None
) -> tuple[Motion, Float[ndarray, " frames"] | None, Rig | None]:
    """Read a file for the page; keypoints and takes are baked.

    Args:
        path: The file.
        fov: The field of view of the keypoints' camera, radians; None: the file's own.

    Returns:
        The motion on humanoid bones (one frame in T-pose for a character without an animation);
        the keypoints' confidence (F,), or None for other files; the character, or None.

    Raises:
        InputError: The file cannot be read, or holds no humanoid.
    """
    if path.suffix.lower() in formats.KEYPOINTS_SUFFIXES:
        keypoints = with_fov(bake.read_keypoints(path), fov)
        return solve_take(keypoints), np.nan_to_num(keypoints.confidence).mean(axis=1), None
    if path.suffix.lower() not in _CHARACTERS:
        return load_motion(path), None, None
    rig = load_avatar(path)
    if animations(rig.source):
        return load_motion(path), None, rig
    return (
        Motion(HUMANOID, np.zeros(1), HUMANOID.offsets[:1], HUMANOID.rest_rotations[None]),
        None,
        rig,
    )


async def show(
    motion: Motion,
    name: str,
    confidence: Float[ndarray, " frames"] | None = None,
    rig: Rig | None = None,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    ready: Callable[[Server], None] | None = None,
) -> None:
    """Serve a page that plays a motion until cancelled.

    Args:
        motion: The motion, on humanoid bones.
        name: What the page calls it.
        confidence: (F,) of the keypoints it was solved from, or None.
        rig: The avatar in place of the mannequin.
        host: Address to listen on.
        port: Port; if it is taken, one of the next; 0 for any.
        ready: Called when the page can be opened.
    """
    shown = retarget(motion, HUMANOID)
    files, avatar = files_of(rig)
    hello = protocol.hello(
        HUMANOID,
        tuple(shown.expressions),
        avatar,
        protocol.SourceInfo("motion", name, 16, 9),
        "clip",
    )
    async with Server(hello, files | clip_files(shown, confidence), host, port) as server:
        if ready is not None:
            ready(server)
        await asyncio.Event().wait()
