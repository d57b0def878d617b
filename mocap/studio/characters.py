"""Characters that pages have uploaded, and the files that the studio makes for pages."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mocap import formats, transfer
from mocap.errors import InputError
from mocap.formats.gltf import tree as gltf_tree
from mocap.formats.gltf.vrm import as_vrm
from mocap.formats.table import suffixes_for
from mocap.rig.load import load_rig
from mocap.stream.content import Files

KEPT = 8
"""Most solved takes, and most characters, that are kept for the pages."""

_SUFFIXES = (".glb", ".vrm", ".fbx")
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
    """A character, the GLB that shows it (itself, unless it is an FBX), and the uploaded bytes."""

    character: transfer.Character
    shown: transfer.Character
    data: bytes
    body: bytes


class Characters:
    """The characters that pages have uploaded, by the address of each as a VRM.

    Args:
        published: Where pages find them.
    """

    def __init__(self, published: PublishedFiles) -> None:
        self._published = published
        self._known: OrderedDict[str, _Uploaded] = OrderedDict()

    def get(self, address: str, suffix: str) -> transfer.Character | None:
        """Return the character at an address, in the form for a file of a suffix.

        Args:
            address: The character's address.
            suffix: The suffix of the file to write, such as ".glb".

        Returns:
            The character; its GLB for a .glb or .vrm; None if such a file cannot contain it.

        Raises:
            InputError: There is none, or it was dropped in favour of newer ones.
        """
        uploaded = self._uploaded(address)
        for character in (uploaded.character, uploaded.shown):
            if suffix in suffixes_for(character.rig):
                return character
        return None

    def add(
        self, data: bytes, name: str, body: bytes = b"", bones: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Add a character.

        Args:
            data: The file's bytes.
            name: The file's name.
            body: For an FBX, the GLB that shows the character, with nodes of the same names.
            bones: Humanoid bone → node; None to recognise them.

        Returns:
            The fields of the answer to `messages.Upload`.

        Raises:
            InputError: The file is not a character that can be read.
        """
        suffix = Path(name).suffix.lower()
        if suffix not in _SUFFIXES:
            raise InputError(
                f"{name!r} is not a character that the page can show: drop a .glb, a .vrm or an "
                ".fbx."
            )
        if suffix == ".fbx" and not body:
            raise InputError(f"{name} came without the GLB that shows it: reload the page.")
        character, nodes = _read(data, name, suffix, bones)
        shown = character
        if suffix == ".fbx":
            shown, _ = _read(body, name, ".glb", _names_in(body, character.rig.bones))
        vrm = as_vrm(shown.rig)
        address = f"rigs/{hashlib.sha256(data + vrm).hexdigest()[:16]}.vrm"
        self._known[address] = _Uploaded(character, shown, data, body)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        self._published.add("rig", {f"/{address}": (vrm, "model/gltf-binary")})
        return {
            "rig": address,
            "said": transfer.report(character),
            "bones": dict(character.rig.bones),
            "nodes": nodes[:_MOST_NODES],
        }

    def remap(self, address: str, bones: dict[str, str]) -> dict[str, Any]:
        """Change bones of a character.

        Args:
            address: The character's address.
            bones: Bone → node; an empty name unmaps a bone.

        Returns:
            As `add`.
        """
        uploaded = self._uploaded(address)
        known = {**uploaded.character.rig.bones, **bones}
        mapped = {bone: node for bone, node in known.items() if node}
        name = uploaded.character.path.name
        return self.add(uploaded.data, name, uploaded.body, mapped)

    def _uploaded(self, address: str) -> _Uploaded:
        if address not in self._known:
            raise InputError("This character is no longer kept: drop its file on the page again.")
        return self._known[address]


def _names_in(body: bytes, bones: Mapping[str, str]) -> dict[str, str]:
    """Map bones to the nodes of the GLB, without the numbers that make an FBX's names unique."""
    names = gltf_tree.tree_of(body, Path(), None).names
    return {b: n if n in names else re.sub(r"\.\d+$", "", n) for b, n in bones.items()}


def _read(
    data: bytes, name: str, suffix: str, bones: dict[str, str] | None
) -> tuple[transfer.Character, list[str]]:
    """Return the character in a file, and the names of all its nodes.

    Raises:
        InputError: The file cannot be read or has no humanoid; the message has its name.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"character{suffix}"
        path.write_bytes(data)
        try:
            tree = formats.read_tree(path)
            rig = load_rig(path, bones)
        except InputError as error:
            raise InputError(str(error).replace(str(path), name)) from None
    return transfer.Character(replace(rig, name=Path(name).stem), Path(name)), list(tree.names)
