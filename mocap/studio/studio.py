"""The studio behind the page: records what is live, solves takes anew, exports parts of them, and takes in the user's character."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import secrets
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from mocap import assets, bake, formats, transfer
from mocap.core.keypoints import Keypoints, with_fov
from mocap.core.motion import Motion, concatenate
from mocap.core.skeleton import HUMANOID
from mocap.errors import InputError, MocapError, OutputError
from mocap.formats.recording import Recording
from mocap.formats.vrm import as_vrm
from mocap.live.performer import LivePerformer
from mocap.retargeting import retarget
from mocap.rig.load import load_rig
from mocap.solve.take import solve_take
from mocap.stream.clip import clip_files
from mocap.stream.files import Files, content_type
from mocap.stream.logs import RateLimitedLog
from mocap.stream.protocol import DiskState
from mocap.stream.server import Endpoint
from mocap.studio import messages as studio
from mocap.studio.takes import TakesFolder

_KEPT = 8  # solved takes, exported files and characters that are kept for the pages, of each kind
_CHARACTERS = (".glb", ".vrm")
_TELL_EVERY = 0.1  # seconds

_PATIENCE = 4.0  # seconds that the disk has to answer

T = TypeVar("T")
log = RateLimitedLog(logging.getLogger("mocap.live"))

Progress = Callable[[float], None]


@dataclass
class _Work:
    """What a page asked for, while it is being done: by another thread, which tells of its progress and may be told to end."""

    ask: studio.Ask
    connection: ServerConnection
    loop: asyncio.AbstractEventLoop
    cancelled: threading.Event = field(default_factory=threading.Event)
    done: bool = False
    told: float = -np.inf

    def progress(self, part: float) -> None:
        """Raises InputError if the page does not want it any more."""
        if self.cancelled.is_set():
            raise InputError("It was cancelled.")
        now = time.monotonic()
        if now - self.told >= _TELL_EVERY:
            self.told = now
            asyncio.run_coroutine_threadsafe(self._tell(part), self.loop)

    async def wait_turn(self) -> None:
        """Answer at once that the work is in hand; it may wait for another one."""
        await self._tell(0.0)

    async def _tell(self, part: float) -> None:
        with contextlib.suppress(ConnectionClosed):
            if not self.done:
                await self.connection.send(studio.progress(self.ask, part))


class Studio:
    """One for a server. files: the server's table, to which what is made is added. expressions: of the hello, in its order. fov: the
    camera's, radians, or None. `hear` is the listener of the live frames; `serve` a page's connection."""

    def __init__(
        self, folder: Path, files: Files, expressions: Sequence[str] = (), fov: float | None = None
    ) -> None:
        self.takes = TakesFolder(folder)
        self._files, self._expressions, self._fov = files, expressions, fov
        self._recording: Recording | None = None
        self._began: float | None = None  # the time of its first frame
        self._recorded = 0.0  # seconds
        self._solved: OrderedDict[tuple[str, int, str], tuple[Keypoints, Motion]] = OrderedDict()
        self._characters: OrderedDict[str, tuple[transfer.Character, bytes, str]] = OrderedDict()
        self._made: OrderedDict[str, list[str]] = OrderedDict()
        self._busy = asyncio.Lock()

    def hear(self, keypoints: Keypoints, motion: Motion) -> None:
        """Record a live frame, if a take is being recorded; called in the solver's thread.

        Raises:
            OutputError: The disk is full; the take ends with the frame before.
        """
        recording = self._recording
        if recording is not None and not recording.ended:
            recording.append(keypoints)
            time = float(keypoints.times[0])
            self._began = time if self._began is None else self._began
            self._recorded = time - self._began

    def close(self) -> None:
        """Ends the take that is being recorded."""
        if self._recording is not None:
            self._recording.close()
            self._recording = None

    def recording(self) -> tuple[str | None, float]:
        """Return the name of the take that is being recorded, or None, and its length in seconds."""
        recording = self._recording
        if recording is None or recording.ended:
            return None, 0.0
        return recording.path.stem, self._recorded

    def disk(self) -> DiskState:
        """Return how much space the folder of takes has left; "ok" if that is unknown."""
        return self.takes.disk()

    def endpoints(self) -> dict[str, Endpoint]:
        """Return the studio's WebSocket endpoint."""
        return {studio.STUDIO_PATH: (studio.SUBPROTOCOL, self.serve)}

    # A page's connection

    async def serve(self, connection: ServerConnection) -> None:
        """Answers a page until it goes. Each question is a task of its own: a bake holds up no list of takes."""
        tasks: set[asyncio.Task[None]] = set()
        works: dict[int, _Work] = {}
        upload: tuple[studio.Upload, bytearray] | None = None
        try:
            async for message in connection:
                if isinstance(message, str):
                    ask = studio.parse(message)
                    if isinstance(ask, studio.Upload):
                        upload = ask, bytearray()
                        continue
                    if isinstance(ask, studio.Cancel):
                        if ask.ask in works:
                            works[ask.ask].cancelled.set()
                        await connection.send(studio.answer(ask))
                        continue
                    works = {id_: work for id_, work in works.items() if not work.done}
                    works[ask.id] = work = _Work(ask, connection, asyncio.get_running_loop())
                    tasks.add(asyncio.create_task(self._answer(work)))
                elif upload is not None:
                    announced, data = upload
                    data += message
                    if len(data) < announced.size:
                        continue
                    work = _Work(announced, connection, asyncio.get_running_loop())
                    tasks.add(
                        asyncio.create_task(self._answer(work, bytes(data[: announced.size])))
                    )
                    upload = None
                tasks = {t for t in tasks if not t.done()}
        except ConnectionClosed:
            pass
        except MocapError as error:
            await connection.close(1008, str(error).encode()[:120].decode(errors="ignore"))
        finally:
            for work in works.values():
                work.cancelled.set()
            for task in tasks:
                task.cancel()

    async def _answer(self, work: _Work, data: bytes = b"") -> None:
        try:
            text = studio.answer(work.ask, **await self._done(work, data))
        except MocapError as error:
            text = studio.answer(work.ask, error=str(error))
        except OSError as error:
            said = f"A file cannot be read or written: {error.strerror or error}."
            text = studio.answer(work.ask, error=said)
        except Exception as error:
            what = type(work.ask).__name__.lower()
            log.error(f"studio {what}", f"The studio's answer to {what} failed.", error)
            said = f"This failed ({type(error).__name__}: {error})."[:300]
            text = studio.answer(work.ask, error=f"{said} The terminal shows the details.")
        work.done = True
        with contextlib.suppress(ConnectionClosed):
            await work.connection.send(text)

    async def _done(self, work: _Work, data: bytes) -> dict[str, Any]:
        ask = work.ask
        match ask:
            case studio.Record(on=on):
                return await _soon(self._record, on)
            case studio.Takes():
                recording = None if self._recording is None else self._recording.path.stem
                return {
                    "takes": [asdict(t) for t in await _soon(self.takes.takes)],
                    "recording": recording,
                }
            case studio.Rename(take=take, to=to):
                return {"take": await _soon(self.takes.rename, take, to)}
            case studio.Delete(take=take):
                await _soon(self.takes.delete, take)
                return {"take": take}
        await work.wait_turn()
        async with self._busy:  # one at a time, so that what is live goes on
            match ask:
                case studio.Open(take=take, grade=grade):
                    return await asyncio.to_thread(self._open, take, grade, work.progress)
                case studio.Export():
                    return await asyncio.to_thread(self._export, ask, work.progress)
                case studio.Upload(name=name):
                    return await asyncio.to_thread(self._take_in, data, name)
                case studio.Remap(rig=rig, bones=bones):
                    return await asyncio.to_thread(self._remap, rig, bones)
        raise AssertionError(ask)

    # Takes

    def _record(self, on: bool) -> dict[str, Any]:
        if on and self._recording is None:
            self._began, self._recorded = None, 0.0
            self._recording = Recording(self.takes.new())
        recording = self._recording
        if recording is None:
            raise InputError("Nothing is being recorded.")
        told = {"on": on, "take": recording.path.stem, "frames": recording.frames}
        if not on:
            ended = recording.ended
            self.close()
            if not told["frames"]:
                raise InputError(
                    "Nothing came while the take was recorded, so there is none: see that somebody is live."
                )
            if ended:
                raise OutputError(
                    f"The disk was full: the take {told['take']} ends after {told['frames']} frames."
                )
        return told

    def _solve(self, take: str, grade: str, progress: Progress) -> tuple[Keypoints, Motion]:
        path = self.takes.path(take)
        key = (take, path.stat().st_mtime_ns, grade)
        if key not in self._solved:
            keypoints = with_fov(bake.read_keypoints(path), self._fov)
            progress(0.0)  # it may have been cancelled while it waited
            motion = (
                solve_take(keypoints, progress=progress)
                if grade == "bake"
                else as_live(keypoints, progress)
            )
            self._solved[key] = keypoints, motion
            while len(self._solved) > _KEPT:
                self._solved.popitem(last=False)
        return self._solved[key]

    def _open(self, take: str, grade: str, progress: Progress) -> dict[str, Any]:
        keypoints, motion = self._solve(take, grade, progress)
        shown = retarget(motion, HUMANOID)
        rest = np.zeros(len(shown))
        shown = replace(
            shown,
            expressions={name: shown.expressions.get(name, rest) for name in self._expressions},
        )
        made = clip_files(shown, np.nan_to_num(keypoints.confidence).mean(axis=1))
        folder = f"/takes/{secrets.token_hex(6)}"
        self._publish("clip", {folder + name: what for name, what in made.items()})
        return {
            "clip": f"{folder}/clip".lstrip("/"),
            "frames": len(shown),
            "seconds": shown.duration,
        }

    def _export(self, ask: studio.Export, progress: Progress) -> dict[str, Any]:
        keypoints, motion = self._solve(ask.take, ask.grade, progress)
        times = motion.times - motion.times[0]
        inside = np.flatnonzero((times >= ask.start - 1e-6) & (times <= ask.end + 1e-6))
        if len(inside) == 0:
            raise InputError(
                f"There is no frame between {ask.start:.2f} and {ask.end:.2f} s: move the marks apart."
            )
        first, last = int(inside[0]), int(inside[-1]) + 1
        name = f"{ask.take}.{ask.format}"
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / f"take.{ask.format}"
            if ask.format == "json":
                formats.save(target, keypoints.slice(first, last))
            else:
                theirs = None if ask.rig is None else self._character(ask.rig)
                ours = transfer.load_character(assets.path("rigs/mannequin.vrm"))
                character = theirs or (None if ask.format == "bvh" else ours)
                transfer.save(transfer.target(target, character), motion.slice(first, last))
            data = target.read_bytes()
        address = f"/exports/{secrets.token_hex(6)}.{ask.format}"
        self._publish("export", {address: (data, content_type(name))})
        return {
            "file": address.lstrip("/"),
            "name": name,
            "bytes": len(data),
            "frames": last - first,
        }

    # The user's character

    def _character(self, address: str) -> transfer.Character:
        if address not in self._characters:
            raise InputError("This character is no longer here: drop its file on the page again.")
        return self._characters[address][0]

    def _take_in(
        self, data: bytes, name: str, bones: dict[str, str] | None = None
    ) -> dict[str, Any]:
        suffix = Path(name).suffix.lower()
        if suffix not in _CHARACTERS:
            raise InputError(
                f"{name!r} is no character that the page can show: drop a .glb or a .vrm."
            )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"character{suffix}"
            path.write_bytes(data)
            try:
                tree = formats.read_tree(path)
                rig = load_rig(path, bones)
            except InputError as error:
                raise InputError(str(error).replace(str(path), name)) from None
        character = transfer.Character(replace(rig, name=Path(name).stem), Path(name))
        vrm = as_vrm(rig)
        address = f"rigs/{hashlib.sha256(vrm).hexdigest()[:16]}.vrm"
        self._characters[address] = character, data, name
        while len(self._characters) > _KEPT:
            self._characters.popitem(last=False)
        self._publish("rig", {f"/{address}": (vrm, "model/gltf-binary")})
        return {
            "rig": address,
            "said": transfer.report(character),
            "bones": dict(rig.bones),
            "nodes": list(tree.names)[:2000],
        }

    def _remap(self, address: str, bones: dict[str, str]) -> dict[str, Any]:
        character = self._character(address)
        _, data, name = self._characters[address]
        known = {**character.rig.bones, **bones}
        return self._take_in(data, name, {bone: node for bone, node in known.items() if node})

    def _publish(self, kind: str, made: Files) -> None:
        """Adds files to the server's table; the oldest of their kind go."""
        self._files.update(made)
        kept = self._made.setdefault(kind, [])
        kept.extend(made)
        while len(kept) > 2 * _KEPT:
            self._files.pop(kept.pop(0), None)


async def _soon(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function of the disk in a thread.

    Raises:
        OutputError: It has not returned after `_PATIENCE` seconds.
    """
    call = asyncio.to_thread(function, *arguments)
    try:
        return await asyncio.wait_for(call, _PATIENCE)
    except asyncio.TimeoutError:
        raise OutputError(
            f"The disk has not answered for {_PATIENCE:.0f} s: check the folder of takes."
        ) from None


def as_live(keypoints: Keypoints, progress: Progress) -> Motion:
    """A take as the live grade shows it: frame by frame, knowing nothing of what comes. progress: told how much is done, 0 to 1."""
    performer = LivePerformer(None)
    frames = []
    for i in range(len(keypoints)):
        frames.append(performer.follow(keypoints.slice(i, i + 1)))
        progress((i + 1) / len(keypoints))
    return concatenate(frames)
