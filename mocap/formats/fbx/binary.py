"""Reading and writing of binary FBX 7.1 to 7.7.

Autodesk publishes no specification; the layout is as Blender's developers describe it ("FBX binary
file format specification", code.blender.org, 2013): a header of 27 bytes, records with absolute
end offsets (32 bits before version 7500, then 64 bits), an empty record, and a footer.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mocap.errors import InputError
from mocap.formats.fbx.nodes import Node, Packed, packed

MAGIC = b"Kaydara FBX Binary  \x00\x1a\x00"
# The footer's first 16 bytes depend on the time of creation; these are valid in any file.
FOOTER = bytes.fromhex("fabcab09d0c8d466b176fb831cf7267e")
_END = bytes.fromhex("f85a8c6adef5d97eece90ce3758f290b")
# Most levels of nested nodes; real files have about ten.
DEEPEST = 64


@dataclass(frozen=True, eq=False, slots=True)
class Document:
    """A whole file.

    Attributes:
        version: 7400 for 7.4.
        nodes: The top nodes.
        footer: The first 16 bytes of the file's footer.
        text: The text of an ASCII file; empty for a binary file.
    """

    version: int
    nodes: tuple[Node, ...]
    footer: bytes = FOOTER
    text: bytes = b""

    def node(self, name: str) -> Node:
        """Return the top node of a name; an empty node if there is none."""
        return next((n for n in self.nodes if n.name == name), Node(name))


def check_version(version: int) -> None:
    """Raise InputError for versions with another structure of documents."""
    if not 7000 <= version < 8000:
        raise InputError(
            f"The FBX file is of version {version / 1000:.1f}, and mocap reads 7.1 to 7.7: save it "
            "as FBX 2013 or later in the program that made it."
        )


def loads(data: bytes) -> Document:
    """Return the nodes of a binary FBX.

    Raises:
        InputError: The file is not a binary FBX, or damaged, or cut off.
    """
    if not data.startswith(MAGIC[:20]) or len(data) < 27:
        raise InputError(
            f"This is not a binary FBX file, or it is cut off: it begins with {data[:20]!r}."
        )
    if data[22:23] == b"\x01":
        raise InputError("The FBX file is big-endian, which mocap does not read; export it again.")
    (version,) = struct.unpack_from("<I", data, 23)
    check_version(version)
    record = _record(version)
    top: list[Node] = []
    # (name, packed properties, end offset, children) of the nodes that are open
    stack: list[tuple[str, Packed, int, list[Node]]] = [("", Packed(b"", 0), len(data), top)]
    at = 27
    while True:
        name, values, end, children = stack[-1]
        closed = False
        if at + record.size <= end:
            node_end, count, size, letters = record.unpack_from(data, at)
            closed = node_end == 0
        if at == end or closed:
            stack.pop()
            if not stack and not closed:
                raise _cut_off(data, at + record.size)
            if not stack:
                footer = data[at + record.size : at + record.size + 16]
                return Document(version, tuple(top), footer.ljust(16, b"\0") if footer else FOOTER)
            stack[-1][3].append(Node(name, values, tuple(children), closed and not children))
            at = end
            continue
        if at + record.size > end:
            raise _cut_off(data, at)
        start = at + record.size + letters
        if not start + size <= node_end <= end:
            raise _cut_off(data, node_end)
        if len(stack) > DEEPEST:
            raise InputError(f"The FBX file is damaged: its nodes are nested over {DEEPEST} deep.")
        called = data[start - letters : start].decode("utf-8", "surrogateescape")
        stack.append((called, Packed(data[start : start + size], count), node_end, []))
        at = start + size


def _cut_off(data: bytes, wanted: int) -> InputError:
    return InputError(
        f"The FBX file is damaged or cut off: it has {len(data)} bytes, but a node in it ends at "
        f"byte {wanted}."
    )


def _record(version: int) -> struct.Struct:
    return struct.Struct("<QQQB" if version >= 7500 else "<IIIB")


def dumps(document: Document) -> bytes:
    """Return the document as a binary FBX of its version.

    Properties that were read from a binary file and not changed keep their bytes.

    Raises:
        InputError: The document is too large for its version.
    """
    record = _record(document.version)
    out = bytearray(MAGIC + struct.pack("<I", document.version))
    for node in document.nodes:
        _write(out, node, record)
    out += bytes(record.size) + document.footer
    out += bytes(16 - len(out) % 16) + bytes(4) + struct.pack("<I", document.version)
    out += bytes(120) + _END
    if len(out) >= 1 << 32 and document.version < 7500:
        raise InputError("FBX before version 7.5 holds 4 GB, and this file would be larger.")
    return bytes(out)


def _write(out: bytearray, node: Node, record: struct.Struct) -> None:
    start = len(out)
    name = node.name.encode("utf-8", "surrogateescape")
    content = packed(node.values)
    out += bytes(record.size) + name + content
    for child in node.children:
        _write(out, child, record)
    if node.children or node.closed:
        out += bytes(record.size)
    end = len(out) if len(out) < 1 << 32 or record.size > 13 else 0
    record.pack_into(out, start, end, len(node.values), len(content), len(name))
