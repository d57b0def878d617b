"""Bone maps as JSON files: written by mocap, corrected by hand, read back."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

from mocap.core.rig import Found, Tree
from mocap.core.skeleton import BONES
from mocap.errors import InputError


def dumps(tree: Tree, found: dict[str, Found]) -> str:
    """Write the map: each bone of the vocabulary with its node's name, or null."""
    rows = (f"  {json.dumps(bone)}: {_named(tree, found.get(bone))}" for bone in BONES)
    return "{\n" + ",\n".join(rows) + "\n}\n"


def read(path: Path) -> dict[str, str]:
    """Read a map file (`loads`).

    Raises:
        InputError: The file cannot be read or holds no map; the message names the file.
    """
    try:
        return loads(path.read_text("utf-8-sig"))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}."
        ) from None


def _named(tree: Tree, found: Found | None) -> str:
    return "null" if found is None else json.dumps(tree.names[found.node], ensure_ascii=False)


def loads(text: str) -> dict[str, str]:
    """Parse a map.

    Returns:
        Bone → node name, for `load_rig`. Bones that are null or missing have no node and stay
        still.

    Raises:
        InputError: The text is no map, or names unknown bones.
    """
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The map is no JSON: {str(error)[:200]}.") from None
    if not isinstance(read, dict):
        raise InputError(
            f'The map must be one JSON object of bones and node names, as {{"hips": "Hips"}}, but '
            f"is a {type(read).__name__}."
        )
    _check_bones(list(read))
    wrong = [f"{bone}: {node!r}" for bone, node in read.items() if not isinstance(node, str | None)]
    if wrong:
        raise InputError(
            f"In the map each bone has a node's name or null, but {_some(wrong)} is neither."
        )
    return {bone: node for bone, node in read.items() if node is not None}


def apply(tree: Tree, bone_map: dict[str, str]) -> dict[str, Found]:
    """Resolve a map in this document.

    Returns:
        Bone → node.

    Raises:
        InputError: The map names unknown bones or nodes, or one node twice.
    """
    _check_bones(list(bone_map))
    index = {name: i for i, name in enumerate(tree.names)}
    missing = {bone: node for bone, node in bone_map.items() if node not in index}
    if missing:
        bone, node = next(iter(missing.items()))
        near = difflib.get_close_matches(node, tree.names[:2000], 1, 0.5)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        others = (
            f" (nor {_some([repr(n) for n in list(missing.values())[1:]])})"
            if len(missing) > 1
            else ""
        )
        raise InputError(
            f"The map puts {bone} on {node!r}, but the file has no such node{others}{hint}"
        )
    bones: dict[str, str] = {}
    for bone, node in bone_map.items():
        if node in bones:
            raise InputError(
                f"The map puts both {bones[node]} and {bone} on {node!r}; a node can be one bone "
                f"only."
            )
        bones[node] = bone
    return {bone: Found(index[bone_map[bone]], "map", 1.0) for bone in BONES if bone in bone_map}


def _check_bones(named: list[str]) -> None:
    unknown = [bone for bone in named if bone not in BONES]
    if unknown:
        near = difflib.get_close_matches(unknown[0], BONES, 1, 0.5)
        hint = (
            f"did you mean {near[0]!r}?"
            if near
            else (
                f"bones are called {', '.join(BONES[:4])} and so on, as `mocap rigs map` writes "
                f"them."
            )
        )
        raise InputError(
            f"The map has {_some(unknown)}, which "
            f"{'is no bone' if len(unknown) == 1 else 'are no bones'}; {hint}"
        )


def _some(words: list[str]) -> str:
    return ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")
