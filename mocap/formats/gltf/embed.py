"""A glTF of several files as one GLB that contains its buffers and images.

A document refers to other files by URI. Only relative paths within the document's own folder are
read; absolute paths, URIs with a scheme (http:, file:), and paths that leave the folder by `..` or
by a link are errors.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from urllib.parse import unquote

from mocap.errors import InputError
from mocap.formats.gltf import glb
from mocap.formats.gltf.meshopt import EXTENSIONS

_IMAGE_TYPES = (
    (0, b"\x89PNG", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (8, b"WEBP", "image/webp"),
    (1, b"KTX 20", "image/ktx2"),
    (4, b"ftypavif", "image/avif"),
    (0, b"GIF8", "image/gif"),
    (0, b"DDS ", "image/vnd-ms.dds"),
)
"""(offset of the signature, the signature, the media type)."""


def embedded(data: bytes, folder: Path) -> bytes:
    """Return a GLB that contains the files beside a glTF document.

    Args:
        data: The bytes of a .gltf or .glb.
        folder: The folder of its other files.

    Returns:
        The GLB; a GLB that contains everything is returned unchanged.

    Raises:
        InputError: The bytes are no glTF, or one of its files is missing, outside the folder, or
            shorter than the document says.
    """
    if data[:4] == b"glTF":
        document, binary = glb.split(data)
    else:
        document, binary = _json_document(data), b""
    with glb.damage_named():
        entries = [*document.get("buffers", []), *document.get("images", [])]
        if data[:4] == b"glTF" and not any("uri" in entry for entry in entries):
            return data
        return glb.join(*_inside(document, binary, folder))


def _json_document(data: bytes) -> glb.Document:
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("asset"), dict):
        raise InputError(
            "This is not a character's file: it is neither GLB, VRM, glTF nor BVH (it begins with "
            f"{data[:12]!r})."
        )
    if str(document["asset"].get("version", "")).partition(".")[0] != "2":
        raise InputError(
            f"The glTF cannot be read: its version is {document['asset'].get('version')!r}, not "
            "2.0."
        )
    return document


def _inside(document: glb.Document, binary: bytes, folder: Path) -> tuple[glb.Document, bytes]:
    """Return the document and a binary chunk that contains the files it refers to.

    The chunk contains all buffers, each at a multiple of 4 bytes, and the images that were files.
    Buffers without content, which stand for compressed data in another buffer, are kept.
    """
    document = dict(document)
    pieces: list[bytes] = []
    size = 0
    holders: list[glb.Document] = []
    places: list[tuple[int, int]] = []  # a buffer's new number, and its offset in it

    def add(piece: bytes) -> int:
        nonlocal size
        start = size
        pieces.append(piece + b"\0" * (-len(piece) % 4))
        size += len(pieces[-1])
        return start

    for number, buffer in enumerate(document.get("buffers", [])):
        if "uri" not in buffer and (number > 0 or not binary):
            holders.append(buffer)
            places.append((len(holders), 0))
            continue
        content = read_uri(buffer["uri"], folder) if "uri" in buffer else binary
        length = buffer["byteLength"]
        if not isinstance(length, int) or not 0 <= length <= len(content):
            raise InputError(
                f"glTF buffer {number} should hold {length} bytes, but has {len(content)}: the "
                "file is damaged or cut off."
            )
        places.append((0, add(content[:length])))
    views = [_moved(view, places) for view in document.get("bufferViews", [])]
    images = []
    for image in document.get("images", []):
        if "uri" in image:
            content = read_uri(image["uri"], folder)
            kept = {k: v for k, v in image.items() if k != "uri"}
            image = kept | {"bufferView": len(views), "mimeType": _image_type(image, content)}
            views.append({"buffer": 0, "byteOffset": add(content), "byteLength": len(content)})
        images.append(image)
    binary = b"".join(pieces)
    buffers = [{"byteLength": len(binary)}, *holders] if binary or holders else []
    for key, value in (("buffers", buffers), ("bufferViews", views), ("images", images)):
        document.pop(key, None)
        if value:
            document[key] = value
    return document, binary


def _moved(view: glb.Document, places: list[tuple[int, int]]) -> glb.Document:
    """Return a buffer view, and its compression extensions, with the buffers' new offsets."""

    def at(entry: glb.Document) -> glb.Document:
        number, start = places[entry["buffer"]]
        return {**entry, "buffer": number, "byteOffset": start + entry.get("byteOffset", 0)}

    view = at(view)
    if extensions := view.get("extensions"):
        packed = {name: at(extensions[name]) for name in EXTENSIONS if name in extensions}
        view["extensions"] = {**extensions, **packed}
    return view


def _image_type(image: glb.Document, content: bytes) -> str:
    """Return an image's media type from its content, else from the document, else its name."""
    for start, magic, kind in _IMAGE_TYPES:
        if content[start : start + len(magic)] == magic:
            return kind
    if isinstance(declared := image.get("mimeType"), str):
        return declared
    suffix = str(image["uri"]).partition(";")[0].rpartition(".")[2].lower()
    return f"image/{suffix}" if suffix.isalnum() and len(suffix) < 8 else "image/unknown"


def read_uri(uri: object, folder: Path) -> bytes:
    """Return the content of a URI in a document.

    Args:
        uri: A data URI, or a path relative to the folder.
        folder: The document's folder.

    Raises:
        InputError: The file is missing, or not in the folder.
    """
    if not isinstance(uri, str):
        raise InputError(f"The glTF is damaged: {uri!r} is not a file name.")
    if uri.startswith("data:"):
        return base64.b64decode(uri.partition(",")[2])
    relative = unquote(uri)
    inside = not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|[/\\]", relative) and "\0" not in relative
    if inside:
        inside = (folder / relative).resolve().is_relative_to(folder.resolve())
    if not inside:
        raise InputError(
            f"The glTF refers to {uri[:80]!r}, which is not in its own folder; mocap reads no "
            "files from elsewhere. Put the file beside the glTF, or export a .glb."
        )
    try:
        return (folder / relative).read_bytes()
    except OSError as error:
        raise InputError(
            f"The glTF's file {uri[:80]!r} cannot be read: {error.strerror or error}."
        ) from None
