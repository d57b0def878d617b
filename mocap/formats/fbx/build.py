"""The nodes of a new take: stack, layer, curve nodes, curves, and their connections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.errors import InputError
from mocap.formats.fbx.curves import LINEAR
from mocap.formats.fbx.nodes import Node, Packed, Value, packed

# As Blender and the SDK write linear keys: automatic tangents, time independent and clamped
# progressively (FbxAnimCurveDef), and default weights as the bits of a float.
_KEY_FLAGS = LINEAR | 0x100 | 0x2000 | 0x4000
_KEY_DATA = np.array([0, 0, 0x0D050D05, 0], dtype="<u4").view("<f4")
_KEY_VERSION = 4008


class Channel(NamedTuple):
    """An animated property.

    Attributes:
        target: The object's identity.
        property: The property's name.
        short: The curve node's name.
        components: Component ("X", "Y", "Z", or the property's own name) → values (F,).
    """

    target: int
    property: str
    short: str
    components: Mapping[str, Float[ndarray, "frames"]]


@dataclass(eq=False, slots=True)
class Identities:
    """New identities, which no object of a document has."""

    taken: Iterable[int] = ()
    _used: set[int] = field(default_factory=set)
    _next: int = 0

    def __post_init__(self) -> None:
        self._used = {int(t) for t in self.taken}
        highest = max(self._used, default=0)
        self._next = highest if 1_000_000 < highest < 1 << 62 else 1_000_000

    def new(self) -> int:
        """Return a new identity."""
        self._next += 1
        while self._next in self._used:
            self._next += 1
        return self._next


def named(name: str, kind: str) -> str:
    """Return an object's name and class as binary files store them."""
    return f"{name}\0\1{kind}"


def properties(*rows: tuple[Value, ...]) -> Node:
    """Return a Properties70 node of rows (name, type, label, flags, values …)."""
    return Node("Properties70", (), tuple(Node("P", row) for row in rows))


def time(name: str, ticks: int) -> tuple[Value, ...]:
    """Return the row of a property that is a time."""
    return (name, "KTime", "Time", "", ticks)


def connected(child: int, parent: int, into: str | None = None) -> Node:
    """Return a connection of two objects, or of an object and a property.

    Args:
        child: Identity of the object that is connected.
        parent: Identity of the object to which it belongs.
        into: The parent's property; None for the object itself.
    """
    return Node("C", ("OO", child, parent) if into is None else ("OP", child, parent, into))


def ticks_of(times: Float[ndarray, "frames"], ticks: int) -> ndarray:
    """Return times from the first frame in a file's ticks, int64.

    Args:
        times: Seconds.
        ticks: Ticks per second.

    Raises:
        InputError: Two frames have the same tick.
    """
    keys = np.round((times - times[0]) * ticks).astype("<i8")
    if np.any(np.diff(keys) <= 0):
        raise InputError("The motion's frames are too close in time for an FBX file.")
    return keys


def take(
    name: str, keys: ndarray, channels: list[Channel], identities: Identities
) -> tuple[list[Node], list[Node]]:
    """Return the objects and connections of an animation stack.

    Args:
        name: The stack's name.
        keys: Times of the frames, as `ticks_of` gives them.
        channels: The animated properties.
        identities: The source of new identities.
    """
    stack, layer = identities.new(), identities.new()
    last = int(keys[-1])
    spans = [time(f"{k}{end}", t) for k in ("Local", "Reference")
             for end, t in (("Start", 0), ("Stop", last))]  # fmt: skip
    objects = [
        Node("AnimationStack", (stack, named(name, "AnimStack"), ""), (properties(*spans),)),
        Node("AnimationLayer", (layer, named("BaseLayer", "AnimLayer"), ""), closed=True),
    ]
    connections = [connected(layer, stack)]
    # All curves have the same keys, packed once.
    times = Node("KeyTime", Packed(packed((keys,)), 1))
    for channel in channels:
        node = identities.new()
        rows = [(f"d|{c}", "Number", "", "A", float(v[0])) for c, v in channel.components.items()]
        called = named(channel.short, "AnimCurveNode")
        objects.append(Node("AnimationCurveNode", (node, called, ""), (properties(*rows),)))
        connections += [connected(node, layer), connected(node, channel.target, channel.property)]
        for component, values in channel.components.items():
            curve = identities.new()
            objects.append(_curve(curve, times, values))
            connections.append(connected(curve, node, f"d|{component}"))
    return objects, connections


def _curve(identity: int, times: Node, values: Float[ndarray, "frames"]) -> Node:
    levels = values.astype("<f4")
    if not np.all(np.isfinite(levels)):
        raise InputError("The motion's path is too long for an FBX file, which has 32-bit numbers.")
    children = (
        Node("Default", (float(values[0]),)),
        Node("KeyVer", (np.int32(_KEY_VERSION),)),
        times,
        Node("KeyValueFloat", (levels,)),
        Node("KeyAttrFlags", (np.array([_KEY_FLAGS], dtype="<i4"),)),
        Node("KeyAttrDataFloat", (_KEY_DATA,)),
        Node("KeyAttrRefCount", (np.array([len(levels)], dtype="<i4"),)),
    )
    return Node("AnimationCurve", (identity, named("", "AnimCurve"), ""), children)


def take_entry(name: str, keys: ndarray) -> Node:
    """Return the entry of a stack in the section Takes.

    Args:
        name: The stack's name.
        keys: Ticks of the frames.
    """
    span = (0, int(keys[-1]))
    return Node(
        "Take", (name,),
        (Node("FileName", (f"{name}.tak",)), Node("LocalTime", span), Node("ReferenceTime", span)),
    )  # fmt: skip


def object_types(objects: Iterable[Node]) -> Iterator[Node]:
    """Yield an entry of Definitions for each type of object, with the number of objects."""
    counts: dict[str, int] = {}
    for node in objects:
        counts[node.name] = counts.get(node.name, 0) + 1
    for name, count in counts.items():
        yield Node("ObjectType", (name,), (Node("Count", (np.int32(count),)),))
