"""The work of the studio: takes, solving, export, and the user's character.

It has no sockets and no threads: the server's studio calls it from its threads, and the page that
needs no install calls it in the browser.
"""

from __future__ import annotations

import secrets
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from mocap import assets, formats, transfer
from mocap.core.keypoints import Keypoints, with_fov
from mocap.core.motion import Motion, concatenate
from mocap.core.skeleton import HUMANOID
from mocap.detect.inputs import read_keypoints
from mocap.errors import InputError
from mocap.live.performer import LivePerformer
from mocap.retargeting import retarget
from mocap.solve.take import solve_take
from mocap.stream.clip import clip_files, trust_in
from mocap.stream.content import Files, content_type
from mocap.stream.protocol import DiskState
from mocap.studio import messages
from mocap.studio.characters import KEPT, Characters, PublishedFiles
from mocap.studio.recorder import TakeRecorder
from mocap.studio.source_view import clip_source
from mocap.studio.takes import TakesFolder

Progress = Callable[[float], None]
"""Called with the part that is done, 0 to 1; raises InputError to cancel the work."""


class Desk:
    """Carries out the requests of a page to the studio.

    Args:
        folder: The folder of takes.
        files: The table of files that the page can fetch; finished files are added to it.
        expressions: The expressions of the hello, in its order.
        fov: The camera's field of view, radians, or None.
    """

    def __init__(
        self, folder: Path, files: Files, expressions: Sequence[str] = (), fov: float | None = None
    ) -> None:
        self.takes = TakesFolder(folder)
        self._recorder = TakeRecorder(self.takes)
        self._expressions, self._fov = expressions, fov
        self._solved: OrderedDict[tuple[str, int, str], tuple[Keypoints, Motion]] = OrderedDict()
        self._published = PublishedFiles(files)
        self._characters = Characters(self._published)
        self.hear, self.see = self._recorder.hear, self._recorder.see
        self.recording, self.close = self._recorder.state, self._recorder.close

    def disk(self) -> DiskState:
        """Return how much space the folder of takes has left; "ok" if that is unknown."""
        return self.takes.disk()

    def quick(self, ask: messages.Ask) -> dict[str, Any]:
        """Carry out a short request, and return the answer.

        Args:
            ask: Record, Takes, Rename or Delete.

        Raises:
            InputError: The page asks for what there is not.
            OutputError: The disk cannot be written.
        """
        match ask:
            case messages.Record():
                return self._record(ask)
            case messages.Takes():
                listed = [asdict(take) for take in self.takes.takes()]
                return {"takes": listed, "recording": self.recording()[0]}
            case messages.Rename(take=take, to=to):
                return {"take": self.takes.rename(take, to)}
            case messages.Delete(take=take):
                self.takes.delete(take)
                return {"take": take}
        raise AssertionError(ask)

    def work(self, ask: messages.Ask, data: bytes, progress: Progress) -> dict[str, Any]:
        """Carry out a long request, and return the answer.

        Args:
            ask: Open, Export, Upload or Remap.
            data: The file of an upload.
            progress: Called now and then.

        Raises:
            InputError: The page asks for what there is not, or the file cannot be used.
            OutputError: The disk cannot be written.
        """
        match ask:
            case messages.Open(take=take, grade=grade):
                return self._open(take, grade, progress)
            case messages.Export():
                return self._export(ask, progress)
            case messages.Upload(name=name, body=body):
                split = len(data) - body
                return self._characters.add(data[:split], name, data[split:])
            case messages.Remap(rig=rig, bones=bones):
                return self._characters.remap(rig, bones)
        raise AssertionError(ask)

    def character(self, address: str | None, suffix: str) -> transfer.Character | None:
        """Return the character for a file of a suffix.

        Args:
            address: The address of an uploaded character, or None.
            suffix: The suffix of the file to write, such as ".glb".

        Returns:
            The uploaded character if the format can contain it; the mannequin for a .glb without
            one; otherwise None.

        Raises:
            InputError: The character is no longer kept.
        """
        if suffix in formats.PERFORMERS_SUFFIXES:
            return None
        if address is not None:
            return self._characters.get(address, suffix)
        if suffix == ".glb":
            return transfer.load_character(assets.path("rigs/mannequin.vrm"))
        return None

    def _record(self, ask: messages.Record) -> dict[str, Any]:
        if ask.on:
            take, frames, pictures = self._recorder.start(ask.pictures), 0, 0
        else:
            take, frames, pictures = self._recorder.stop()
        return {"on": ask.on, "take": take, "frames": frames, "pictures": pictures}

    def _solve(
        self, take: str, grade: messages.Grade, progress: Progress
    ) -> tuple[Keypoints, Motion]:
        path = self.takes.path(take)
        key = (take, path.stat().st_mtime_ns, grade)
        if key not in self._solved:
            keypoints = with_fov(read_keypoints(path), self._fov)
            progress(0.0)  # it may have been cancelled while it waited
            motion = (
                solve_take(keypoints, progress=progress)
                if grade == "bake"
                else as_live(keypoints, progress)
            )
            self._solved[key] = keypoints, motion
            while len(self._solved) > KEPT:
                self._solved.popitem(last=False)
        return self._solved[key]

    def _open(self, take: str, grade: messages.Grade, progress: Progress) -> dict[str, Any]:
        keypoints, motion = self._solve(take, grade, progress)
        shown = retarget(motion, HUMANOID)
        rest = np.zeros(len(shown))
        shown = replace(
            shown,
            expressions={name: shown.expressions.get(name, rest) for name in self._expressions},
        )
        pictures = self.takes.pictures(take)
        source = clip_source(pictures, keypoints, shown)
        made = clip_files(
            shown,
            trust_in(keypoints, grade),
            None if source is None else (pictures, source),
        )
        folder = f"/takes/{secrets.token_hex(6)}"
        self._published.add("clip", {folder + name: what for name, what in made.items()})
        return {
            "clip": f"{folder}/clip".lstrip("/"),
            "pictures": source is not None,
            "frames": len(shown),
            "seconds": shown.duration,
        }

    def _export(self, ask: messages.Export, progress: Progress) -> dict[str, Any]:
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
                character = self.character(ask.rig, target.suffix)
                transfer.save(transfer.target(target, character), motion.slice(first, last))
            data = target.read_bytes()
        address = f"/exports/{secrets.token_hex(6)}.{ask.format}"
        self._published.add("export", {address: (data, content_type(name))})
        return {
            "file": address.lstrip("/"),
            "name": name,
            "bytes": len(data),
            "frames": last - first,
        }


def as_live(keypoints: Keypoints, progress: Progress) -> Motion:
    """Solve a take by the live solver: frame by frame, without later frames.

    Args:
        keypoints: The take.
        progress: Called with the part that is done, 0 to 1.

    Returns:
        The motion on the avatar's skeleton.
    """
    performer = LivePerformer(None)
    frames = []
    for i in range(len(keypoints)):
        frames.append(performer.follow(keypoints.slice(i, i + 1)))
        progress((i + 1) / len(keypoints))
    return concatenate(frames)
