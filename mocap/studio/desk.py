"""What the studio does for a page: takes, solving, export, and the user's character.

It knows no sockets and no threads: the server's studio calls it from its threads, and the page
that needs no install calls it in the browser.
"""

from __future__ import annotations

import hashlib
import secrets
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from mocap import assets, bake, formats, transfer
from mocap.core.keypoints import Keypoints, with_fov
from mocap.core.motion import Motion, concatenate
from mocap.core.skeleton import HUMANOID
from mocap.errors import InputError, OutputError
from mocap.formats.recording import Recording
from mocap.formats.vrm import as_vrm
from mocap.live.performer import LivePerformer
from mocap.retargeting import retarget
from mocap.rig.load import load_rig
from mocap.solve.take import solve_take
from mocap.stream.clip import clip_files
from mocap.stream.content import Files, content_type
from mocap.stream.protocol import DiskState
from mocap.studio import messages as studio
from mocap.studio.takes import TakesFolder

_KEPT = 8  # solved takes, exported files and characters that are kept for the pages, of each kind
_CHARACTERS = (".glb", ".vrm")

Progress = Callable[[float], None]
"""Called with the part that is done, 0 to 1; raises InputError to cancel the work."""


class Desk:
    """Does what a page asks of the studio.

    Args:
        folder: The takes.
        files: The table of files that the page can fetch; what is made is added to it.
        expressions: The expressions of the hello, in its order.
        fov: The camera's field of view, radians, or None.
    """

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
        """End the take that is being recorded."""
        if self._recording is not None:
            self._recording.close()
            self._recording = None

    def recording(self) -> tuple[str | None, float]:
        """Return the take that is being recorded, or None, and its length in seconds."""
        recording = self._recording
        if recording is None or recording.ended:
            return None, 0.0
        return recording.path.stem, self._recorded

    def disk(self) -> DiskState:
        """Return how much space the folder of takes has left; "ok" if that is unknown."""
        return self.takes.disk()

    def quick(self, ask: studio.Ask) -> dict[str, Any]:
        """Do what takes no time, and return the answer.

        Args:
            ask: Record, Takes, Rename or Delete.

        Raises:
            InputError: The page asks for what there is not.
            OutputError: The disk cannot be written.
        """
        match ask:
            case studio.Record(on=on):
                return self._record(on)
            case studio.Takes():
                recording = None if self._recording is None else self._recording.path.stem
                return {"takes": [asdict(t) for t in self.takes.takes()], "recording": recording}
            case studio.Rename(take=take, to=to):
                return {"take": self.takes.rename(take, to)}
            case studio.Delete(take=take):
                self.takes.delete(take)
                return {"take": take}
        raise AssertionError(ask)

    def work(self, ask: studio.Ask, data: bytes, progress: Progress) -> dict[str, Any]:
        """Do what takes long, and return the answer.

        Args:
            ask: Open, Export, Upload or Remap.
            data: The file of an upload.
            progress: Called now and then.

        Raises:
            InputError: The page asks for what there is not, or the file cannot be used.
            OutputError: The disk cannot be written.
        """
        match ask:
            case studio.Open(take=take, grade=grade):
                return self._open(take, grade, progress)
            case studio.Export():
                return self._export(ask, progress)
            case studio.Upload(name=name):
                return self._take_in(data, name)
            case studio.Remap(rig=rig, bones=bones):
                return self._remap(rig, bones)
        raise AssertionError(ask)

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
                    "Nothing came while the take was recorded, so there is none: see that "
                    "somebody is live."
                )
            if ended:
                raise OutputError(
                    f"The disk was full: the take {told['take']} ends after "
                    f"{told['frames']} frames."
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
                f"There is no frame between {ask.start:.2f} and {ask.end:.2f} s: "
                "move the marks apart."
            )
        first, last = int(inside[0]), int(inside[-1]) + 1
        name = f"{ask.take}.{ask.format}"
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / f"take.{ask.format}"
            if ask.format == "json":
                formats.save(target, keypoints.slice(first, last))
            else:
                theirs = None if ask.rig is None else self.character(ask.rig)
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

    def character(self, address: str) -> transfer.Character:
        """Return a character that the page uploaded. Raises InputError if it is not here."""
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
        character = self.character(address)
        _, data, name = self._characters[address]
        known = {**character.rig.bones, **bones}
        return self._take_in(data, name, {bone: node for bone, node in known.items() if node})

    def _publish(self, kind: str, made: Files) -> None:
        """Add files to the table; the oldest of their kind go."""
        self._files.update(made)
        kept = self._made.setdefault(kind, [])
        kept.extend(made)
        while len(kept) > 2 * _KEPT:
            self._files.pop(kept.pop(0), None)


def as_live(keypoints: Keypoints, progress: Progress) -> Motion:
    """Solve a take as the live grade does: frame by frame, without what comes later.

    Args:
        keypoints: The take.
        progress: Called with the part that is done, 0 to 1.
    """
    performer = LivePerformer(None)
    frames = []
    for i in range(len(keypoints)):
        frames.append(performer.follow(keypoints.slice(i, i + 1)))
        progress((i + 1) / len(keypoints))
    return concatenate(frames)
