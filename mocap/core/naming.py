"""The tables of bone names in use, read from the JSON files of `rigs/`."""

from __future__ import annotations

import json
from functools import cache
from typing import NamedTuple

from mocap import assets


class Convention(NamedTuple):
    """One table of rigs/.

    Attributes:
        name: The file's name without suffix.
        title: Its name for people.
        bones: Bone → node names, the preferred one first.
        prefixes: Patterns of prefixes to strip from node names.
        complete: Whether a file in this convention has these bones and no others.
    """

    name: str
    title: str
    bones: dict[str, tuple[str, ...]]
    prefixes: tuple[str, ...]
    complete: bool = False
    """Whether a file in this convention has these bones and no others."""


@cache
def conventions() -> dict[str, Convention]:
    """Return the known conventions by name.

    Raises:
        ModelError: The package's files are missing.
    """
    found = {}
    for path in sorted(assets.path("rigs").glob("*.json")):
        if path.stem == "words":
            continue
        table = json.loads(path.read_text("utf-8"))
        bones = {bone: _several(names) for bone, names in table["middle"].items()}
        for side in ("left", "right"):
            for bone, names in table["sided"].items():
                bones[side + bone] = tuple(
                    n.replace("{side}", table[side]) for n in _several(names)
                )
        found[path.stem] = Convention(
            path.stem,
            table["title"],
            bones,
            tuple(table.get("prefixes", ())),
            bool(table.get("complete", False)),
        )
    return found


def _several(names: str | list[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
