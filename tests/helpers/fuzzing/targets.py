"""Reads an input as the program does, and says what is wrong with the result."""

from __future__ import annotations

import os
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from mocap.core.rig import Tree
from mocap.errors import MocapError
from mocap.formats import keypoints_json
from mocap.formats.table import by_content
from mocap.live.ingest import foreign_frame
from mocap.live.orders import Orders
from mocap.live.session import LiveSession
from mocap.live.state import LiveState
from mocap.retargeting import load_motion
from mocap.rig import mapfile
from mocap.rig.load import load_rig
from mocap.solve.face import EXPRESSIONS
from mocap.stream import protocol
from mocap.studio import messages as studio
from mocap.studio import view
from mocap.studio.characters import Characters, PublishedFiles
from mocap.studio.desk import Desk
from tests.helpers.fuzzing.seeds import SIZE, TAKE, keypoints, seeds
from tests.helpers.places import MANNEQUIN, TESTS
from tests.helpers.solved import Solved

KEPT = TESTS / "data" / "damaged"
"""Inputs that once ended in another error, each named by its hash and its kind."""

SECONDS_PER_MEGABYTE, LEAST_SECONDS = 1.0, 2.0

Read = Callable[[bytes], object]


def problem(kind: str, data: bytes, deep: bool = True) -> str | None:
    """Read an input as the page's studio, `mocap view` or the server does.

    Args:
        kind: One of seeds.KINDS.
        data: The input.
        deep: Also solve and retarget what was read.

    Returns:
        What went wrong, a traceback or the time it took; None if it was read, or refused by a
        MocapError of one short sentence.
    """
    begun = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", UserWarning)
        for read in _deep(kind) if deep else (_light(kind),):
            if (found := _failure(partial(read, data))) is not None:
                return found
    took = time.process_time() - begun
    if took > max(LEAST_SECONDS, SECONDS_PER_MEGABYTE * len(data) / 1e6):
        return f"{took:.1f} s for {len(data)} bytes"
    return None


def _failure(read: Callable[[], object]) -> str | None:
    try:
        read()
    except MocapError as error:
        if len(str(error)) > 1000:
            return f"A sentence of {len(str(error))} characters: {str(error)[:200]}"
    except Exception:
        return traceback.format_exc(limit=-3)
    return None


def _light(kind: str) -> Read:
    """Return the reader alone."""
    if kind in (".json", ".jsonl", ".landmarks"):
        return keypoints_json.loads
    if kind in (".glb", ".gltf", ".vrm"):
        return partial(_in_file, load_rig, kind)
    if kind in (".bvh", ".fbx", ".vrma"):
        return partial(_in_file, load_motion, kind)
    return _MESSAGES[kind]


def _deep(kind: str) -> tuple[Read, ...]:
    """Return what the page does with an input of a kind."""
    if kind in _MESSAGES:
        return (_MESSAGES[kind],)
    whole: Read = partial(_in_file, view.opened, ".json" if kind == ".landmarks" else kind)
    if kind in (".glb", ".vrm"):
        return whole, lambda data: Characters(PublishedFiles({})).add(data, f"it{kind}")
    if kind == ".fbx":
        body = seeds()[".vrm"][0]
        return whole, lambda data: Characters(PublishedFiles({})).add(data, "it.fbx", body)
    return (whole,)


def _in_file(read: Callable[[Path], object], suffix: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        path = Path(folder) / f"it{suffix}"
        path.write_bytes(data)
        read(path)


@cache
def _memory() -> str | None:
    """Return a folder in memory, where there is one: thousands of small files are written."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _bone_map(data: bytes) -> None:
    mapfile.apply(_mannequin(), mapfile.loads(data.decode("utf-8", "replace")))


@cache
def _mannequin() -> Tree:
    data = MANNEQUIN.read_bytes()
    return by_content(data).tree(data, MANNEQUIN.parent, None)


def _viewer(data: bytes) -> None:
    """Receive a message as the server does, and solve what it holds."""
    solved = Solved(SIZE)
    if not data.startswith(b"{"):
        message = protocol.decode_seen(data)
        solved.cameras.seen("page", message)
        if isinstance(message, protocol.KeypointsMessage):
            solved.run()
        return
    asked = protocol.decode_client_text(data)
    if isinstance(asked, protocol.CameraMessage):
        solved.cameras.begun("page", asked)
    elif isinstance(asked, protocol.Ask):
        orders = Orders("browser")
        state = LiveState("browser", solved.cameras.shown)
        LiveSession(
            state, orders, lambda: solved.cameras.shown, lambda *_: None, lambda *_: None
        ).ask(asked)


def _ingest(data: bytes) -> None:
    found = foreign_frame(data, 1.0)
    points = protocol.KeypointsMessage(
        protocol.FrameHeader(0, 1.0, 0.0),
        found.image[0] / found.camera.size,
        found.positions[0],
        found.confidence[0],
    )
    protocol.check_seen(points)
    solved = Solved(found.camera.size)
    solved.cameras.seen("page", points)
    solved.run()


def _studio(data: bytes) -> None:
    """Answer a request to the studio beside one take of 6 frames."""
    ask = studio.parse(data.decode("utf-8", "replace"))
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        (Path(folder) / f"{TAKE}.jsonl").write_text(keypoints_json.dumps_lines(keypoints()))
        desk = Desk(Path(folder), {}, EXPRESSIONS)
        try:
            if isinstance(ask, studio.Record | studio.Takes | studio.Rename | studio.Delete):
                studio.answer(ask, **desk.quick(ask))
            elif not isinstance(ask, studio.Cancel):
                studio.answer(ask, **desk.work(ask, b"", lambda part: None))
        except OSError:
            pass  # the answer is what the system says
        finally:
            desk.close()


def _server(data: bytes) -> None:
    if data.startswith(b"{"):
        protocol.decode_server_text(data)
    else:
        protocol.decode(data, 55, len(EXPRESSIONS))


_MESSAGES: dict[str, Read] = {
    ".map": _bone_map,
    ".viewer": _viewer,
    ".ingest": _ingest,
    ".studio": _studio,
    ".server": _server,
}
