"""A document's objects and connections: the tree of models, their properties, axes and unit.

Objects have a 64-bit identity. A connection attaches an object, the child, to another object ("OO")
or to one of its properties ("OP"). A property that an object does not list has the value of its
type's template in Definitions.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mocap.errors import InputError
from mocap.formats.fbx import binary, text
from mocap.formats.fbx.binary import Document
from mocap.formats.fbx.nodes import Node, Value, damage_named
from mocap.formats.trees import unique_names

Properties = dict[str, tuple[Value, ...]]
"""name → its values."""

# Ticks per second: FBX's original unit, and that of files with a new time code definition.
_TICKS, _NEW_TICKS, _OLD_DEFINITION = 46_186_158_000, 141_120_000, 127
# TimeMode → frames per second (FbxTime::EMode); for 14, the rate is in CustomFrameRate.
_RATES = {
    1: 120.0, 2: 100.0, 3: 60.0, 4: 50.0, 5: 48.0, 6: 30.0, 7: 30.0, 8: 30000.0 / 1001.0,
    9: 30000.0 / 1001.0, 10: 25.0, 11: 24.0, 12: 1000.0, 13: 24000.0 / 1001.0, 15: 96.0, 16: 72.0,
    17: 60000.0 / 1001.0, 18: 120000.0 / 1001.0,
}  # fmt: skip


class Link(NamedTuple):
    """One end of a connection: the other object, and the parent's property ("" for none)."""

    other: int
    into: str


@dataclass(frozen=True, eq=False)
class FbxScene:
    """The objects of an FBX file and their connections.

    Attributes:
        document: The file's nodes.
        objects: Identity to node, in the document's order.
        below: Identity to the objects that hang from it, in the order of the connections.
        above: Identity to the objects from which it hangs, in the order of the connections.
        templates: Default properties by type, from Definitions.
        models: (N,) identities of the models, parents before children, depth first.
        parents: Index of the model above each; −1 for roots.
        names: (N,) unique names.
    """

    document: Document
    objects: dict[int, Node]
    below: dict[int, list[Link]]
    above: dict[int, list[Link]]
    templates: dict[str, Properties]
    models: tuple[int, ...]
    parents: Int[ndarray, "models"]
    names: tuple[str, ...]

    def properties(self, identity: int) -> Properties:
        """Return an object's properties, with the defaults of its type's template."""
        node = self.objects[identity]
        return {**self.templates.get(node.name, {}), **listed(node)}

    def hanging(self, identity: int, kind: str, into: str | None = None) -> Iterator[int]:
        """Yield the identities of the objects of a kind that hang from an object.

        Args:
            identity: The object from which they hang.
            kind: Type of the objects, such as "Model".
            into: Only those connected to this property.
        """
        for link in self.below.get(identity, ()):
            if self.objects[link.other].name == kind and into in (None, link.into):
                yield link.other

    @cached_property
    def settings(self) -> Properties:
        """GlobalSettings' properties."""
        return listed(self.document.node("GlobalSettings"))

    @cached_property
    def to_world(self) -> Float[ndarray, "3 3"]:
        """The matrix from the file's axes and unit to metres, +Y up (`axes`, `unit`)."""
        return unit(self.settings) * axes(self.settings)

    @cached_property
    def ticks(self) -> int:
        """Units of time per second."""
        flags = self.document.node("FBXHeaderExtension").child("OtherFlags")
        definition = None if flags is None else flags.child("TCDefinition")
        if definition is not None and len(definition.values):
            return _TICKS if definition.values[0] == _OLD_DEFINITION else _NEW_TICKS
        return _TICKS

    @cached_property
    def fps(self) -> float:
        """The file's frame rate; 30 if it has none."""
        custom = number(self.settings, "CustomFrameRate", -1.0)
        mode = int(number(self.settings, "TimeMode", 0.0))
        if mode == 14 and 0.0 < custom <= 1000.0:
            return custom
        return _RATES.get(mode, 30.0)


@lru_cache(maxsize=1)
def loads(data: bytes) -> FbxScene:
    """Return the scene in an FBX file, binary or ASCII.

    Raises:
        InputError: The file cannot be read.
    """
    collecting = gc.isenabled()
    # Garbage collection triples the time: hundreds of thousands of nodes are made, all in use.
    gc.disable()
    try:
        with damage_named():
            return scene(
                binary.loads(data) if data.startswith(binary.MAGIC[:18]) else text.loads(data)
            )
    finally:
        if collecting:
            gc.enable()


def is_fbx(data: bytes) -> bool:
    """Return whether a file begins as an FBX file does."""
    start = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    return data.startswith(binary.MAGIC[:18]) or (
        b"FBXHeaderExtension" in start or start.startswith(b"; FBX")
    )


def scene(document: Document) -> FbxScene:
    """Return the objects of a document.

    Raises:
        InputError: The models are not trees.
    """
    objects = {}
    for node in document.node("Objects").children:
        if len(node.values) and isinstance(node.values[0], int | np.integer):
            objects[int(node.values[0])] = node
    below: dict[int, list[Link]] = {}
    above: dict[int, list[Link]] = {}
    for node in document.node("Connections").children:
        kind, child, parent, *into = (*node.values, None, None, None)[:4]
        if kind not in ("OO", "OP") or not isinstance(child, int) or not isinstance(parent, int):
            continue
        name = into[0] if kind == "OP" and isinstance(into[0], str) else ""
        if child in objects and (parent in objects or parent == 0):
            below.setdefault(parent, []).append(Link(child, name))
            above.setdefault(child, []).append(Link(parent, name))
    templates = {}
    for entry in document.node("Definitions").children:
        template = entry.child("PropertyTemplate")
        if entry.name == "ObjectType" and template is not None and len(entry.values):
            templates[str(entry.values[0])] = listed(template)
    models, parents = _tree(objects, below, above)
    names = unique_names([split_name(objects[m])[0] for m in models])
    return FbxScene(document, objects, below, above, templates, models, parents, names)


def _tree(
    objects: dict[int, Node], below: dict[int, list[Link]], above: dict[int, list[Link]]
) -> tuple[tuple[int, ...], Int[ndarray, "models"]]:
    """Return the models' identities, depth first, and the index of each one's parent."""
    is_model = {i for i, node in objects.items() if node.name == "Model"}
    parent_of = {}
    for model in is_model:
        over = [link.other for link in above.get(model, ()) if link.into == ""]
        parent_of[model] = next((o for o in over if o in is_model), 0)
    place: dict[int, int] = {}
    parents: list[int] = []
    listed_roots = [link.other for link in below.get(0, ())]
    roots = [*listed_roots, *(i for i in objects if i in is_model)]
    for root in roots:
        stack = [root] if root in is_model and parent_of[root] == 0 and root not in place else []
        while stack:
            model = stack.pop()
            if model in place:
                continue
            parents.append(place.get(parent_of[model], -1))
            place[model] = len(place)
            children = [link.other for link in below.get(model, ()) if link.into == ""]
            stack += [c for c in reversed(children) if parent_of.get(c) == model]
    if lost := [i for i in is_model if i not in place]:
        name = split_name(objects[lost[0]])[0]
        raise InputError(f"The FBX file is damaged: its model {name!r} is its own ancestor.")
    return tuple(place), np.array(parents, dtype=np.int64)


def split_name(node: Node) -> tuple[str, str]:
    """Return an object's name and class, such as "Hips" and "Model", of binary and ASCII files."""
    value = node.values[1] if len(node.values) > 1 else ""
    if not isinstance(value, str):
        return "", ""
    if "\0\1" in value:
        name, _, kind = value.partition("\0\1")
        return name, kind
    kind, separator, name = value.partition("::")
    return (name, kind) if separator else (value, "")


def subclass(node: Node) -> str:
    """Return the third value of an object, such as "LimbNode" or "Cluster"."""
    value = node.values[2] if len(node.values) > 2 else ""
    return value if isinstance(value, str) else ""


def listed(node: Node) -> Properties:
    """Return the properties that an object lists, without its template's."""
    table = node.child("Properties70")
    if table is None:
        return {}
    rows = (row.values for row in table.children if row.name == "P" and len(row.values) >= 4)
    return {str(row[0]): tuple(row[4:]) for row in rows}


def vector(
    properties: Properties, name: str, default: tuple[float, float, float]
) -> Float[ndarray, "3"]:
    """Return a property of three numbers.

    Args:
        properties: An object's properties.
        name: The property's name.
        default: Its value if the object has none.

    Raises:
        InputError: A value is no number, or not finite.
    """
    values = properties.get(name, default)[:3]
    if len(values) < 3:
        return np.array(default)
    try:
        found = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        found = np.full(3, np.nan)
    if not np.all(np.abs(found) < 1e12):
        raise InputError(f"The FBX file is damaged: a model's {name} is {values!r:.80}.")
    return found


def number(properties: Properties, name: str, default: float) -> float:
    """Return a property of one number.

    Args:
        properties: An object's properties.
        name: The property's name.
        default: Its value if the object has none, or it is no finite number.
    """
    value = properties.get(name, ())
    if len(value) and isinstance(value[0], int | float | np.number) and np.isfinite(value[0]):
        return float(value[0])
    return default


def axes(settings: Properties) -> Float[ndarray, "3 3"]:
    """Return the matrix from the file's axes to +X right, +Y up, +Z to the viewer.

    It is a reflection in some files.
    """
    rows = np.zeros((3, 3))
    for row, (name, usual) in enumerate((("CoordAxis", 0.0), ("UpAxis", 1.0), ("FrontAxis", 2.0))):
        axis = int(number(settings, name, usual))
        if not 0 <= axis <= 2:
            return np.eye(3)
        rows[row, axis] = -1.0 if number(settings, f"{name}Sign", 1.0) < 0 else 1.0
    return rows if abs(np.linalg.det(rows)) == 1.0 else np.eye(3)


def unit(settings: Properties) -> float:
    """Return the number of metres in one unit of the file."""
    factor = number(settings, "UnitScaleFactor", 1.0)
    return 0.01 * factor if 1e-6 < factor < 1e9 else 0.01
