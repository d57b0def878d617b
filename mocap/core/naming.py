"""The tables of bone names in use, read from the JSON files of `rigs/`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from mocap import assets


class Between(NamedTuple):
    """A bone that a convention's files have between two of ours.

    Attributes:
        name: Its name in the convention.
        above: The bone that it hangs from.
        below: The bones that hang from it.
        at: Its place, as a share of the way from `above` to the first of `below`.
    """

    name: str
    above: str
    below: tuple[str, ...]
    at: float


class Convention(NamedTuple):
    """One table of rigs/.

    Attributes:
        name: The file's name without suffix.
        title: Its name for people.
        bones: Bone → node names, the preferred one first.
        prefixes: Patterns of prefixes to strip from node names.
        complete: Whether a file in this convention has these bones and no others.
        between: The bones that its files have between ours.
        roots: The names of the bones above the hips, outermost first.
        turned_as: Bone → the bone whose turn it has, where one bone stands for several.
        placed_as: Bone → the bone in whose place it is.
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
    """The bones between ours; "{side}" in a name stands for the left and the right one."""
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
