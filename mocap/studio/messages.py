"""What the page asks of the studio, over a WebSocket of its own (`mocap.studio.v1`):

JSON in both directions, and files upwards in pieces.

    page → server   {"do": ASK, "id": n, …}       one of the messages below
                    binary                        the next piece of the file that an `upload`
                                                  announced
    server → page   {"id": n, "progress": part}   how much of it is done, 0 to 1, now and then
                    {"id": n, …}                  the answer, when it is done; {"id": n, "error":
                                                  sentence} where it cannot be

Answers name the addresses of finished files. This module is sans-I/O: texts in,
messages out.
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
Seconds = Annotated[float, Meta(ge=0)]


class _Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag=str.lower):
    """A message: its class's name in lower case is what it asks to `do`."""

    id: Id


class Record(_Ask, frozen=True):
    """Begins a take of what is live, or ends it. Answer: take (its name), frames, seconds; on."""

    on: bool


class Takes(_Ask, frozen=True):
    """Answer: takes, the newest first, each as takes.TakeInfo has it; recording, the name of the
    one that is being made.
    """


class Open(_Ask, frozen=True):
    """Solves a take by the bake or by the live grade.

    Answer: clip, where the motion lies as `view` has it.
    """

    take: Name
    grade: Literal["bake", "live"]


class Cancel(_Ask, frozen=True):
    """Ends what another message asked for, whose answer is an error then. Answer: nothing more."""

    ask: Id


class Rename(_Ask, frozen=True):
    """Answer: take, the new name."""

    take: Name
    to: Name


class Delete(_Ask, frozen=True):
    """Answer: take."""

    take: Name


class Export(_Ask, frozen=True):
    """A part of a take as a file. rig: the address of a character that was uploaded, or none.

    Answer: file, name, bytes.
    """

    take: Name
    grade: Literal["bake", "live"]
    format: Literal["bvh", "glb", "vrma", "json"]
    start: Seconds
    end: Seconds
    rig: Name | None = None


class Upload(_Ask, frozen=True):
    """Announces a character's file; so many bytes follow.

    Answer: rig (its address), said (what was recognised, in sentences), bones (bone → node), nodes
    (all that a bone could be).
    """

    name: Name
    size: Annotated[int, Meta(ge=1, le=MAX_UPLOAD)]


class Remap(_Ask, frozen=True):
    """Takes other nodes for bones of an uploaded character; an empty name is none.

    Answer: as of upload.
    """

    rig: Name
    bones: dict[Name, Annotated[str, Meta(max_length=400)]]


Ask = Record | Takes | Open | Cancel | Rename | Delete | Export | Upload | Remap
_DECODER: msgspec.json.Decoder[Ask] = msgspec.json.Decoder(Ask)


def parse(text: str) -> Ask:
    """What the page asks. Raises ProtocolError if it is no such message."""
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise ProtocolError(
            f"A message of {SUBPROTOCOL} must be one of its JSON objects: {error}."
        ) from error


def progress(of: Ask, part: float) -> str:
    """How much of it is done, 0 to 1."""
    return msgspec.json.encode({"id": of.id, "progress": round(part, 3)}).decode()


def answer(to: Ask, **what: Any) -> str:
    """The answer to a message."""
    return msgspec.json.encode({"id": to.id, **what}).decode()
