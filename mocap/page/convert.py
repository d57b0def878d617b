"""`mocap retarget` for the page that needs no install: a motion's file onto a character."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from mocap import formats, transfer
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID
from mocap.errors import MocapError
from mocap.retargeting import load_motion, retarget
from mocap.solve.take import solve_take
from mocap.stream.clip import clip_files
from mocap.stream.content import Files, content_type
from mocap.studio.desk import Desk


class Converter:
    """Reads a motion of any format and writes it onto a character.

    Args:
        desk: The studio, with the characters that the page uploaded.
        files: The table to which finished files are added; each conversion replaces the last one's.
        expressions: The expressions of the hello, in its order.
    """

    def __init__(self, desk: Desk, files: Files, expressions: Sequence[str]) -> None:
        self._desk, self._files, self._expressions = desk, files, expressions
        self._made: list[str] = []
        self._own: transfer.Character | None = None

    def onto(self, name: str, data: bytes) -> str:
        """Read a character that later conversions move.

        Args:
            name: The file's name, whose suffix is its format.
            data: The file; empty to remove the character.

        Returns:
            JSON with `said`, sentences about what was recognised, or with `error`.
        """
        self._own = None
        try:
            return _json({"said": self._read_character(name, data) if data else []})
        except MocapError as error:
            return _json({"error": str(error)})
        except Exception as error:
            return _json({"error": f"This failed ({type(error).__name__}: {error})."[:300]})

    def _read_character(self, name: str, data: bytes) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / Path(name).name
            path.write_bytes(data)
            self._own = transfer.load_character(path)
        return transfer.report(self._own)

    def convert(self, name: str, data: bytes, suffix: str, rig: str | None) -> str:
        """Convert a motion, and make a clip of it that the page can play.

        Args:
            name: The file's name, whose suffix is its format.
            data: The file.
            suffix: The suffix of the file to write, such as ".bvh" or ".csv".
            rig: The address of an uploaded character, or None. The character of `onto` has
                precedence.

        Returns:
            JSON with file, name, bytes, frames and clip, as in the studio's answers, or with
            `error`.
        """
        try:
            answer = self._converted(name, data, suffix, rig)
        except MocapError as error:
            answer = {"error": str(error)}
        except Exception as error:
            answer = {"error": f"This failed ({type(error).__name__}: {error})."[:300]}
        return _json(answer)

    def _converted(self, name: str, data: bytes, suffix: str, rig: str | None) -> dict[str, object]:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / Path(name).name
            source.write_bytes(data)
            motion = read(source)
            character = self._own or self._desk.character(rig, suffix)
            if suffix in formats.PERFORMERS_SUFFIXES:
                character = None
            target = Path(folder) / f"{source.stem}_mocap{suffix}"
            transfer.save(transfer.target(target, character), motion)
            made = target.read_bytes()
        key = secrets.token_hex(6)
        shown = retarget(motion, HUMANOID)
        rest = np.zeros(len(shown))
        kept = {n: shown.expressions.get(n, rest) for n in self._expressions}
        clip = clip_files(replace(shown, expressions=kept))
        for address in self._made:
            self._files.pop(address, None)
        added: Files = {f"/exports/{key}{suffix}": (made, content_type(target.name))}
        added |= {f"/takes/{key}{address}": what for address, what in clip.items()}
        self._files.update(added)
        self._made = list(added)
        return {
            "file": f"exports/{key}{suffix}",
            "name": target.name,
            "bytes": len(made),
            "frames": len(motion),
            "clip": f"takes/{key}/clip",
        }


def _json(answer: dict[str, object]) -> str:
    return msgspec.json.encode(answer).decode()


def read(path: Path) -> Motion:
    """Read a motion, or bake a keypoints file.

    Raises:
        InputError: The file cannot be read, or has no motion of a humanoid.
    """
    if path.suffix.lower() in formats.KEYPOINTS_SUFFIXES:
        from mocap.detect.inputs import read_keypoints

        return solve_take(read_keypoints(path))
    return load_motion(path)
