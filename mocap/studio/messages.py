"""The page's requests to the studio, over a WebSocket (`mocap.studio.v1`).

Messages are JSON in both directions; files are uploaded in pieces.

    page → server   {"do": ASK, "id": n, …}       one of the messages below
                    binary                        the next piece of the file that an `upload`
                                                  announced
    server → page   {"id": n, "progress": part}   the part that is done, 0 to 1, now and then
                    {"id": n, …}                  the answer, or {"id": n, "error": sentence}

Answers contain the addresses of finished files. This module does no I/O.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from mocap.stream.protocol import ProtocolError

SUBPROTOCOL = "mocap.studio.v1"
STUDIO_PATH = "/studio"
MAX_UPLOAD = 128 * 2**20

Id = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Name = Annotated[str, Meta(min_length=1, max_length=120)]
Grade = Literal["bake", "live"]
Seconds = Annotated[float, Meta(ge=0)]


class _Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag=str.lower):
    """A request; `do` is the name of its class in lower case."""

    id: Id


class Record(_Ask, frozen=True):
    """Begin a take of the live session, or end it; `pictures` also keeps the source's pictures.

    Answer: on, take (its name), frames and pictures (their numbers).
    """

    on: bool
    pictures: bool = False


class Takes(_Ask, frozen=True):
    """List the takes.

    Answer: takes (the newest first, as takes.TakeInfo), recording (the name of the take that is
    being recorded).
    """


class Open(_Ask, frozen=True):
    """Solve a take by the bake or by the live grade.

    Answer: clip (the address of the motion, as `stream.clip` has it, without suffix), frames,
    seconds, pictures (whether the source's pictures play with it).
    """

    take: Name
    grade: Grade


class Cancel(_Ask, frozen=True):
    """Cancel another request, whose answer then is an error. Answer: no fields."""

    ask: Id


class Rename(_Ask, frozen=True):
    """Rename a take. Answer: take (the new name)."""

    take: Name
    to: Name


class Delete(_Ask, frozen=True):
    """Delete a take. Answer: take."""

    take: Name


class Export(_Ask, frozen=True):
    """Write a part of a take as a file; `rig` is the address of an uploaded character, or None.

    .bvh, .glb and .fbx contain the character if its file can be written in that format; .vrma,
    .csv, .mot and .trc contain the performer's own motion, and .json the keypoints.

    Answer: file (its address), name, bytes, frames.
    """

    take: Name
    grade: Grade
    format: Literal["bvh", "glb", "vrma", "fbx", "csv", "mot", "trc", "json"]
    start: Seconds
    end: Seconds
    rig: Name | None = None


class Upload(_Ask, frozen=True):
    """Announce a character's file; `size` bytes follow.

    The last `body` bytes of them are a GLB that shows the character, if pages cannot draw the file
    itself (FBX).

    Answer: rig (its address), said (sentences about what was recognised), bones (bone → node),
    nodes (the names of all nodes).
    """

    name: Name
    size: Annotated[int, Meta(ge=1, le=MAX_UPLOAD)]
    body: Annotated[int, Meta(ge=0, le=MAX_UPLOAD)] = 0


class Remap(_Ask, frozen=True):
    """Change the nodes of an uploaded character's bones; an empty name unmaps a bone.

    Answer: as that of Upload.
    """

    rig: Name
    bones: dict[Name, Annotated[str, Meta(max_length=400)]]


Ask = Record | Takes | Open | Cancel | Rename | Delete | Export | Upload | Remap
_DECODER: msgspec.json.Decoder[Ask] = msgspec.json.Decoder(Ask)


def parse(text: str) -> Ask:
    """Decode a request.

    Raises:
        ProtocolError: The text is not a request of this protocol.
    """
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise ProtocolError(
            f"A message of {SUBPROTOCOL} must be one of its JSON objects: {str(error)[:300]}."
        ) from error


def progress(of: Ask, part: float) -> str:
    """Encode the part of a request that is done, 0 to 1."""
    return msgspec.json.encode({"id": of.id, "progress": round(part, 3)}).decode()


def answer(to: Ask, **what: Any) -> str:
    """Encode the answer to a request."""
    return msgspec.json.encode({"id": to.id, **what}).decode()
