"""Naming conventions: the bone names of other tools, read from the JSON files of `rigs/`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from mocap import assets


class Between(NamedTuple):
    """A bone of a convention that lies between two humanoid bones.

    Attributes:
        name: Its name in the convention.
        above: Its parent, a humanoid bone.
        below: Its children, humanoid bones.
        at: Its position, as a share of the distance from `above` to the first of `below`.
    """

    name: str
    above: str
    below: tuple[str, ...]
    at: float


class Convention(NamedTuple):
    """A naming convention: the bone names of one tool or engine.

    Attributes:
        name: Name of its file in rigs/, without suffix.
        title: Name shown to the user.
        bones: Humanoid bone → node names, the preferred one first.
        prefixes: Regular expressions of prefixes to strip from node names.
        complete: Whether a file in this convention has these bones and no others.
        between: Further bones between humanoid bones.
        roots: Names of the bones above the hips, outermost first.
        turned_as: Bone → the bone whose rotation it takes, where one bone replaces several.
        placed_as: Bone → the bone whose position it takes.
    """

    name: str
    title: str
    bones: dict[str, tuple[str, ...]]
    prefixes: tuple[str, ...]
    complete: bool = False
    between: tuple[Between, ...] = ()
    roots: tuple[str, ...] = ()
    turned_as: dict[str, str] = {}  # noqa: RUF012 (a NamedTuple's default, never changed)
    placed_as: dict[str, str] = {}  # noqa: RUF012


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
            tuple(_between(table)),
            _several(table.get("roots", [])),
            dict(table.get("turned_as", {})),
            dict(table.get("placed_as", {})),
        )
    return found


def _between(table: dict[str, Any]) -> Iterator[Between]:
    """Yield the bones between humanoid bones; "{side}" in a name gives a left and a right one."""
    for name, row in table.get("between", {}).items():
        for side in ("left", "right") if "{side}" in name else ("",):
            yield Between(
                name.replace("{side}", table.get(side, "")),
                side + row["above"],
                tuple(side + bone for bone in row["below"]),
                float(row["at"]),
            )


def _several(names: str | list[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
