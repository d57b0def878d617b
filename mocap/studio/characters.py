"""Characters that pages have uploaded, and the files that the studio makes for pages."""

from __future__ import annotations

import hashlib
import tempfile
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mocap import formats, transfer
from mocap.errors import InputError
from mocap.formats.vrm import as_vrm
from mocap.rig.load import load_rig
from mocap.stream.content import Files

KEPT = 8
"""How many solved takes, exported files and characters are kept for the pages, of each kind."""

_SUFFIXES = (".glb", ".vrm")
_MOST_NODES = 2000


class PublishedFiles:
    """Files that were made for pages; the oldest of each kind leave the server's table.

    Args:
        table: The server's table of files.
    """

    def __init__(self, table: Files) -> None:
        self._table = table
        self._made: dict[str, list[str]] = {}

    def add(self, kind: str, made: Files) -> None:
        """Add files of a kind to the table."""
        self._table.update(made)
        kept = self._made.setdefault(kind, [])
        kept.extend(made)
        while len(kept) > 3 * KEPT:
            self._table.pop(kept.pop(0), None)


@dataclass(frozen=True, eq=False, slots=True)
class _Uploaded:
    character: transfer.Character
    data: bytes
    name: str


class Characters:
    """The characters that pages have uploaded, by the address of each as a VRM.

    Args:
        published: Where pages find them.
    """

    def __init__(self, published: PublishedFiles) -> None:
        self._published = published
        self._known: OrderedDict[str, _Uploaded] = OrderedDict()

    def get(self, address: str) -> transfer.Character:
        """Return the character at an address.

        Raises:
            InputError: There is none, or it was dropped in favour of newer ones.
        """
        return self._uploaded(address).character

    def add(self, data: bytes, name: str, bones: dict[str, str] | None = None) -> dict[str, Any]:
        """Take a character's file.

        Args:
            data: The file's bytes.
            name: The file's name.
            bones: Humanoid bone → node; by default recognised.

        Returns:
            The fields of the answer to `messages.Upload`.

        Raises:
            InputError: The file is not a character that can be read.
        """
        suffix = Path(name).suffix.lower()
        if suffix not in _SUFFIXES:
            raise InputError(
                f"{name!r} is not a character that the page can show: drop a .glb or a .vrm."
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
        self._known[address] = _Uploaded(character, data, name)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        self._published.add("rig", {f"/{address}": (vrm, "model/gltf-binary")})
        return {
            "rig": address,
            "said": transfer.report(character),
            "bones": dict(rig.bones),
            "nodes": list(tree.names)[:_MOST_NODES],
        }

    def remap(self, address: str, bones: dict[str, str]) -> dict[str, Any]:
        """Change bones of a character; an empty node name unmaps a bone. As `add`."""
        uploaded = self._uploaded(address)
        known = {**uploaded.character.rig.bones, **bones}
        mapped = {bone: node for bone, node in known.items() if node}
        return self.add(uploaded.data, uploaded.name, mapped)

    def _uploaded(self, address: str) -> _Uploaded:
        if address not in self._known:
            raise InputError("This character is no longer here: drop its file on the page again.")
        return self._known[address]
