"""ASCII files of FBX 7: read as nodes; written by inserting new nodes into the user's own text.

A line is `Name: value, value {` with the node's children up to `}`; `;` begins a comment. Long
arrays are written `*12 {` `a: 1,2,…` `}`, and are parsed when they are first read.
"""

from __future__ import annotations

import base64
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy import ndarray

from mocap.errors import InputError
from mocap.formats.fbx.binary import DEEPEST, Document, check_version
from mocap.formats.fbx.nodes import Node, Value

_TOKEN = re.compile(
    r'(?:[\s,]|;[^\n]*(?:\n|$))*(?:"([^"]*)"|([^\s,{}":;*]+):|\*(\d+)\s*\{|([{}])|([^\s,{}":;]+)|$)'
)
_ARRAY = re.compile(r"\s*a:([^{}:\"]*)\}")
# Words that are Boolean values.
_TRUE, _FALSE = {"Y", "T"}, {"N", "F"}
# Most numbers of an array, as in a binary file (of 8-byte numbers).
_MOST = 1 << 21


class TextArray(Sequence[Value]):
    """The only value of an array node; its text is parsed when it is first read."""

    __slots__ = ("_value", "number", "text")

    def __init__(self, text: str, count: int) -> None:
        self.text, self.number = text, count
        self._value: ndarray | None = None

    def array(self) -> ndarray:
        """Return the numbers: int64 if all are whole, otherwise float64.

        Raises:
            InputError: There are more or fewer numbers than declared, or other words.
        """
        if self._value is None:
            whole = not re.search("[.eEnN]", self.text)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                try:
                    kind = np.int64 if whole else np.float64
                    self._value = np.fromstring(self.text, dtype=kind, sep=",")
                except (ValueError, DeprecationWarning, OverflowError):
                    self._value = np.zeros(0)
            if len(self._value) != self.number:
                raise InputError(
                    f"The FBX file is damaged: an array of {self.number} numbers is expected, but "
                    f"there is {self.text[:40].strip()!r}…"
                )
        return self._value

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Value]:
        return iter((self.array(),))

    @overload
    def __getitem__(self, index: int) -> Value: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Value, ...]: ...
    def __getitem__(self, index: int | slice) -> Value:
        return (self.array(),)[index]


def loads(data: bytes) -> Document:
    """Return the nodes of an ASCII FBX.

    Raises:
        InputError: The file is not an FBX, or damaged, or cut off.
    """
    text = data.decode("latin-1")  # keeps every byte; strings are decoded as UTF-8 later
    nodes = _parsed(text)
    header = next((n for n in nodes if n.name == "FBXHeaderExtension"), Node(""))
    version = header.child("FBXVersion")
    if version is None or not len(version.values) or not isinstance(version.values[0], int):
        raise InputError("This is not an FBX file: it is not binary and has no FBXVersion.")
    check_version(version.values[0])
    return Document(version.values[0], nodes, text=data)


def _parsed(text: str) -> tuple[Node, ...]:
    top: list[Node] = []
    # (name, values, children) of the nodes that are open, the file itself first
    stack: list[tuple[str, list[Value], list[Node]]] = [("", [], top)]
    name: str | None = None  # the node whose values are being read
    values: list[Value] = []
    at = 0
    while match := _TOKEN.match(text, at):
        at = match.end()
        kind = match.lastindex
        if kind == 2 or kind is None or match[4] == "}":
            if name is not None:
                stack[-1][2].append(Node(name, tuple(values)))
            name, values = (match[2], []) if kind == 2 else (None, [])
            if kind is None:
                break
            if kind == 4:
                if len(stack) == 1:
                    raise _damaged(text, at)
                called, kept, children = stack.pop()
                node = Node(called, tuple(kept), tuple(children), brace=at - 1)
                stack[-1][2].append(node)
        elif name is None:
            raise _damaged(text, at)
        elif kind == 1:
            values.append(_string(match[1]))
        elif kind == 3:
            array = _ARRAY.match(text, at)
            count = int(match[3][:12])
            if array is None or (count > _MOST and len(array[1]) < count):
                raise _damaged(text, at)
            stack[-1][2].append(Node(name, TextArray(array[1].lstrip(), count)))
            name, values, at = None, [], array.end()
        elif kind == 4:
            if len(stack) > DEEPEST:
                raise InputError(f"The FBX file is damaged: its nodes nest over {DEEPEST} deep.")
            stack.append((name, values, []))
            name, values = None, []
        else:
            values.append(_word(match[5], text, at))
    if len(stack) > 1 or at < len(text):
        raise _damaged(text, at)
    return tuple(top)


def _string(text: str) -> str:
    return text.encode("latin-1").decode("utf-8", "surrogateescape").replace("&quot;", '"')


def _word(word: str, text: str, at: int) -> Value:
    try:
        return int(word)
    except ValueError:
        pass
    try:
        return float(word)
    except ValueError:
        pass
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    if len(word) > 1 and not word.isalpha():
        raise _damaged(text, at)
    return word


def _damaged(text: str, at: int) -> InputError:
    line = text.count("\n", 0, at) + 1
    return InputError(
        f"The FBX file (ASCII) is damaged or cut off: line {line} cannot be read, near "
        f"{text[max(at - 20, 0) : at + 20]!r}."
    )


def dumps(nodes: Sequence[Node], depth: int = 0) -> str:
    """Return nodes as ASCII text, indented by `depth` tabs."""
    tab = "\t" * depth
    lines = []
    for node in nodes:
        if len(node.values) == 1 and isinstance(node.values[0], ndarray):
            value = node.values[0]
            if node.name == "KeyAttrDataFloat":
                value = value.astype("<f4").view("<i4")  # as all ASCII files do
            numbers = ",".join(_said(v) for v in value.tolist())
            lines.append(f"{tab}{node.name}: *{len(value)} {{\n{tab}\ta: {numbers}\n{tab}}}\n")
            continue
        said = ", ".join(_said(v) for v in node.values)
        lines.append(f"{tab}{node.name}: {said}")
        if node.children or node.closed:
            lines.append(f" {{\n{dumps(node.children, depth + 1)}{tab}}}")
        lines.append("\n")
    return "".join(lines)


def _said(value: Value) -> str:
    if isinstance(value, str):
        name, separator, kind = value.partition("\0\1")
        whole = f"{kind}::{name}" if separator else value
        return '"' + whole.replace('"', "&quot;") + '"'
    if isinstance(value, bool | np.bool_):
        return "Y" if value else "N"
    if isinstance(value, bytes):
        return f'"{base64.b64encode(value).decode()}"'
    return repr(int(value)) if isinstance(value, int | np.integer) else repr(float(value))


def spliced(document: Document, added: dict[str, Sequence[Node]]) -> bytes:
    """Return an ASCII file with nodes inserted; all other bytes are unchanged.

    Args:
        document: The file.
        added: Name of a top node → nodes for its end. Missing top nodes are added.
    """
    text = document.text.decode("latin-1")
    places = [(document.node(name).brace, name) for name in added]
    for brace, name in sorted(places, reverse=True):
        new = dumps(added[name], 1).encode("utf-8", "surrogateescape").decode("latin-1")
        if brace < 0:
            text += f"\n{name}:  {{\n{new}}}\n"
            continue
        start = text.rfind("\n", 0, brace) + 1
        if text[start:brace].strip():
            start, new = brace, "\n" + new
        text = text[:start] + new + text[start:]
    return text.encode("latin-1")
