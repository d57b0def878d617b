"""The text messages of `mocap.v1` (protocol.py says what they are for): JSON objects in and out."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import Meta

from mocap.core.skeleton import Skeleton
from mocap.errors import InputError, MocapError

SUBPROTOCOL = "mocap.v1"
VERSION: Literal[1] = 1

# Far above what is used (55 joints, 66 expressions), far below what could hurt.
MAX_JOINTS = MAX_EXPRESSIONS = 1024
MAX_TEXT = 64 * 2**10

M = TypeVar("M")

_U16, _U32 = 2**16 - 1, 2**32 - 1


class ProtocolError(MocapError):
    """A message that does not keep to `mocap.v1`."""


Level = Literal["info", "warning", "error"]
SourceKind = Literal["video", "camera", "motion", "browser"]
FeetMode = Literal["auto", "always", "off"]
SourceState = Literal["starting", "running", "waiting", "lost", "ended"]
Part = Literal["person", "head", "hands", "feet", "face"]
DiskState = Literal["ok", "low", "full"]
ExpressionNames = Literal["vrm1", "vrm0"]
FrameNumber = Annotated[int, Meta(ge=0, le=_U32)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
MAX_SIZE = _U16
"""The largest width and height of a picture, pixels."""

Size = Annotated[int, Meta(ge=1, le=MAX_SIZE)]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]


class _Message(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag=str.lower
):
    """A text message: its class's name in lower case is its `type`."""


class Bones(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A skeleton whose rest rotations are identities: names (J), parents (J) with −1 for the root, offsets (J, 3) in metres."""

    names: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=MAX_JOINTS)]
    parents: tuple[int, ...]
    offsets: tuple[tuple[float, float, float], ...]


class SourceInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is being shown: its kind, its name to print, and its picture's size in pixels."""

    kind: SourceKind
    name: Annotated[str, Meta(max_length=1000)]
    width: Size
    height: Size


class Hello(_Message, frozen=True, omit_defaults=True):
    """Everything that does not change from frame to frame. `rig` is a path on the page's own host; so is `clip`, where a whole motion
    lies there for the page to play by itself (clip.py), without the suffix of its two files."""

    version: Literal[1]
    skeleton: Bones
    expressions: Annotated[tuple[Name, ...], Meta(max_length=MAX_EXPRESSIONS)]
    rig: Name
    source: SourceInfo
    clip: Name | None = None

    def to_skeleton(self) -> Skeleton:
        """The skeleton as mocap's own type. Raises ProtocolError if it is none."""
        bones = self.skeleton
        if not len(bones.names) == len(bones.parents) == len(bones.offsets):
            counts = f"{len(bones.names)} names, {len(bones.parents)} parents and {len(bones.offsets)} offsets"
            raise ProtocolError(
                f"A hello's skeleton needs as many parents and offsets as names, but has {counts}."
            )
        rest = np.tile([0.0, 0.0, 0.0, 1.0], (len(bones.names), 1))
        try:
            return Skeleton(
                bones.names,
                np.array(bones.parents, dtype=np.int64),
                np.array(bones.offsets, dtype=np.float64),
                rest,
            )
        except (InputError, OverflowError) as error:
            raise ProtocolError(f"The hello's skeleton is none: {error}") from error


class Status(_Message, frozen=True):
    """A sentence for the person who watches."""

    level: Level
    text: Annotated[str, Meta(max_length=1000)]


class Pong(_Message, frozen=True):
    """The answer to a ping: its number, and the server's `time.monotonic()`."""

    client: float
    clock: float


class VmcOutput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where poses go over VMC: HOST:PORT, and which expression names are sent (VRM 1.0's or 0's)."""

    address: Annotated[str, Meta(min_length=1, max_length=300)]
    names: ExpressionNames


class State(_Message, frozen=True):
    """What the server does now: sent to each client that connects, and to all when it changes.

    source: the active source's state; "waiting" for a page's camera, "lost" where a camera was
    disconnected and is tried again. recording: the name of the take that is being recorded, or
    None; recorded: its seconds so far. missing: what has not been in view for two seconds.
    disk: where takes are written. vmc: the VMC receiver, or None.
    """

    source: SourceState
    recording: Name | None
    recorded: Annotated[float, Meta(ge=0.0)]
    missing: Annotated[tuple[Part, ...], Meta(max_length=5)]
    disk: DiskState
    vmc: VmcOutput | None


class Ack(_Message, frozen=True):
    """The client has drawn this frame, and wants none of those before it."""

    frame: FrameNumber


class Calibrate(_Message, frozen=True):
    """The performer stands upright before the camera: lengths, gravity and floor are to be measured anew."""


class Person(_Message, frozen=True, omit_defaults=True):
    """Follow another person in view: the one nearest to a point, or without a point the next to the right.

    at: (x, y) in units of the picture's width and height, y down. After the last person comes the first.
    """

    at: tuple[Fraction, Fraction] | None = None


class Vmc(_Message, frozen=True):
    """Send poses over VMC to this receiver from now on; None stops it. The new state is the answer."""

    output: VmcOutput | None


class Tune(_Message, frozen=True):
    """How live poses are to be made from now on, as solve.tuning.Tuning."""

    smoothing: Annotated[float, Meta(ge=0.25, le=4.0)]
    feet: FeetMode
    hips: Literal["free", "locked"]


class Tuned(_Message, frozen=True):
    """How they are made, whoever chose it. lag: seconds by which the smoothing shows a movement late."""

    smoothing: float
    feet: FeetMode
    hips: Literal["free", "locked"]
    lag: float


Who = Literal["server", "browser"]


class Lead(_Message, frozen=True):
    """Who is to lead from now on: the server's own camera or video, or what pages' cameras see."""

    who: Who


class CameraMessage(_Message, frozen=True, tag="camera"):
    """The client's own camera leads from now on: its name, and its picture's size in pixels. Keypoints messages follow."""

    name: Annotated[str, Meta(max_length=200)]
    width: Size
    height: Size


class Gone(_Message, frozen=True):
    """This performer is seen no more, for the camera that saw them has left."""

    subject: Annotated[int, Meta(ge=0, le=_U16)]


class Ping(_Message, frozen=True):
    """The client asks for the server's clock; `client` comes back as it is."""

    client: float


ServerText = Hello | Status | State | Pong | Gone | Tuned
_FROM_SERVER: msgspec.json.Decoder[ServerText] = msgspec.json.Decoder(ServerText)
Ask = Calibrate | Person | Tune | Lead | Vmc
ClientText = Ack | Ask | CameraMessage | Ping
_FROM_CLIENT: msgspec.json.Decoder[ClientText] = msgspec.json.Decoder(ClientText)


def hello(
    skeleton: Skeleton,
    expressions: tuple[str, ...],
    rig: str,
    source: SourceInfo,
    clip: str | None = None,
) -> Hello:
    """The hello for a skeleton. Raises ProtocolError if its rest rotations are not identities: the stream does not carry them."""
    if not np.allclose(np.abs(skeleton.rest_rotations), [0.0, 0.0, 0.0, 1.0], atol=1e-9):
        raise ProtocolError(
            "Only a skeleton with identity rest rotations can be streamed; retarget the motion to such a one first."
        )
    offsets = tuple((float(x), float(y), float(z)) for x, y, z in skeleton.offsets)
    return Hello(
        VERSION,
        Bones(skeleton.names, tuple(skeleton.parents.tolist()), offsets),
        tuple(expressions),
        rig,
        source,
        clip,
    )


def encode_text(message: ServerText | ClientText) -> str:
    """A text message as JSON, checked as the other side will check it."""
    text = msgspec.json.encode(message)
    (decode_server_text if isinstance(message, ServerText) else decode_client_text)(text)
    return text.decode()


def decode_server_text(text: str | bytes) -> ServerText:
    """What a viewer is told. Raises ProtocolError if it is no such message."""
    message = _decode_text(_FROM_SERVER, text)
    if isinstance(message, Hello):
        message.to_skeleton()
        if len(set(message.expressions)) != len(message.expressions):
            raise ProtocolError("A hello's expression names must be unique.")
    return message


def decode_client_text(text: str | bytes) -> ClientText:
    """What a viewer says. Raises ProtocolError if it is no such message, or longer than MAX_TEXT."""
    if len(text) > MAX_TEXT:
        raise ProtocolError(
            f"A client's message may have {MAX_TEXT} characters, but this one has {len(text)}."
        )
    return _decode_text(_FROM_CLIENT, text)


def _decode_text(decoder: msgspec.json.Decoder[M], text: str | bytes) -> M:
    try:
        return decoder.decode(text)
    # Nesting beyond the parser's depth is a RecursionError; a lone surrogate in a str, a UnicodeError.
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise ProtocolError(
            f"A text message of {SUBPROTOCOL} must be one of its JSON objects: {error}."
        ) from error
