"""The text messages of `mocap.v1`, JSON objects; protocol.py has the overview."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import Meta

from mocap.core.skeleton import Skeleton
from mocap.errors import InputError, MocapError

SUBPROTOCOL = "mocap.v1"
VERSION: Literal[1] = 1

# Far above actual use (55 joints, 66 expressions), far below what could exhaust memory.
MAX_JOINTS = MAX_EXPRESSIONS = 1024
MAX_TEXT = 64 * 2**10

M = TypeVar("M")

_U16, _U32 = 2**16 - 1, 2**32 - 1


class ProtocolError(MocapError):
    """A message that violates `mocap.v1`."""


Level = Literal["info", "warning", "error"]
SourceKind = Literal["video", "camera", "motion", "browser"]
FeetMode = Literal["auto", "always", "off"]
SourceState = Literal["starting", "running", "waiting", "lost", "ended"]
BodyPart = Literal["person", "head", "hands", "feet", "face"]
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
    """A text message; its `type` is its class's name in lower case."""


class Bones(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A skeleton with identity rest rotations.

    Attributes:
        names: (J,) names of the joints.
        parents: (J,) indices, −1 for the root.
        offsets: (J, 3) metres.
    """

    names: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=MAX_JOINTS)]
    parents: tuple[int, ...]
    offsets: tuple[tuple[float, float, float], ...]


class SourceInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The active source: its kind, its name as shown, and its picture's size in pixels."""

    kind: SourceKind
    name: Annotated[str, Meta(max_length=1000)]
    width: Size
    height: Size


class Hello(_Message, frozen=True, omit_defaults=True):
    """Everything that stays the same from frame to frame.

    `rig` is a path on the page's own host. So is `clip`: the path, without suffix, of the two files
    of a whole motion that the page plays (clip.py).
    """

    version: Literal[1]
    skeleton: Bones
    expressions: Annotated[tuple[Name, ...], Meta(max_length=MAX_EXPRESSIONS)]
    rig: Name
    source: SourceInfo
    clip: Name | None = None

    def to_skeleton(self) -> Skeleton:
        """Return the skeleton as mocap's own type. Raises ProtocolError if it is invalid."""
        bones = self.skeleton
        if not len(bones.names) == len(bones.parents) == len(bones.offsets):
            counts = (
                f"{len(bones.names)} names, {len(bones.parents)} parents and "
                f"{len(bones.offsets)} offsets"
            )
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
            raise ProtocolError(f"The hello's skeleton is not valid: {error}") from error


class Status(_Message, frozen=True):
    """A sentence for the viewer."""

    level: Level
    text: Annotated[str, Meta(max_length=1000)]


class Pong(_Message, frozen=True):
    """The answer to a ping: its number, and the server's `time.monotonic()`."""

    client: float
    clock: float


class VmcOutput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A VMC receiver: HOST:PORT, and its names of expressions (VRM 1.0's or VRM 0's)."""

    address: Annotated[str, Meta(min_length=1, max_length=300)]
    names: ExpressionNames


class ServerState(_Message, frozen=True, omit_defaults=True, tag="state"):
    """What the server does now: sent to each client that connects, and to all when it changes.

    source: the active source's state; "waiting" for a page's camera, "lost" where a camera was
    disconnected and is tried again. recording: the name of the take that is being recorded, or
    None; recorded: its seconds so far. missing: what has not been in view for two seconds.
    disk: where takes are written. vmc: the VMC receiver, or None. pictures: whether the take keeps
    pictures, which pages with a camera then send.
    """

    source: SourceState
    recording: Name | None
    recorded: Annotated[float, Meta(ge=0.0)]
    missing: Annotated[tuple[BodyPart, ...], Meta(max_length=5)]
    disk: DiskState
    vmc: VmcOutput | None
    pictures: bool = False


class Ack(_Message, frozen=True):
    """Acknowledge frames: the client has drawn this frame and needs none before it."""

    frame: FrameNumber


class Calibrate(_Message, frozen=True):
    """Measure lengths, gravity and floor again, while the performer stands upright."""


class NextPerson(_Message, frozen=True, omit_defaults=True, tag="person"):
    """Follow another person in view.

    Attributes:
        at: (x, y) in units of the picture's width and height, y down: follow the person nearest to
            this point. None: follow the next person to the right; after the last one, the first.
    """

    at: tuple[Fraction, Fraction] | None = None


class Vmc(_Message, frozen=True):
    """Send poses over VMC to this receiver; None stops it. The server answers by its state."""

    output: VmcOutput | None


class Tune(_Message, frozen=True):
    """Change the live settings (solve.tuning.Tuning)."""

    smoothing: Annotated[float, Meta(ge=0.25, le=4.0)]
    feet: FeetMode
    hips: Literal["free", "locked"]


class Tuned(_Message, frozen=True):
    """The live settings in effect; `lag` is the delay of the smoothing, seconds."""

    smoothing: float
    feet: FeetMode
    hips: Literal["free", "locked"]
    lag: float


Who = Literal["server", "browser"]


class Lead(_Message, frozen=True):
    """Switch the active source: the server's own camera or video, or pages' cameras."""

    who: Who


class CameraMessage(_Message, frozen=True, tag="camera"):
    """Make the client's own camera the active source; keypoint messages follow.

    Attributes:
        name: The camera's name.
        width: Width of its picture, pixels.
        height: Height of its picture, pixels.
        page: A random text that identifies the page; a new connection with the same text replaces a
            lost one.
    """

    name: Annotated[str, Meta(max_length=200)]
    width: Size
    height: Size
    page: Annotated[str, Meta(max_length=64)] = ""


class Gone(_Message, frozen=True):
    """The performer's camera has left; remove the performer."""

    subject: Annotated[int, Meta(ge=0, le=_U16)]


class Ping(_Message, frozen=True):
    """Ask for the server's clock; `client` is returned unchanged."""

    client: float


ServerText = Hello | Status | ServerState | Pong | Gone | Tuned
_FROM_SERVER: msgspec.json.Decoder[ServerText] = msgspec.json.Decoder(ServerText)
Ask = Calibrate | NextPerson | Tune | Lead | Vmc
ClientText = Ack | Ask | CameraMessage | Ping
_FROM_CLIENT: msgspec.json.Decoder[ClientText] = msgspec.json.Decoder(ClientText)


def hello(
    skeleton: Skeleton,
    expressions: tuple[str, ...],
    rig: str,
    source: SourceInfo,
    clip: str | None = None,
) -> Hello:
    """Return the hello for a skeleton.

    Args:
        skeleton: The skeleton of the frames.
        expressions: Names of the frames' expressions.
        rig: The avatar's path, relative to the page.
        source: The source of the frames.
        clip: As in Hello.

    Raises:
        ProtocolError: The skeleton's rest rotations are not identities, which the stream cannot
            carry.
    """
    if not np.allclose(np.abs(skeleton.rest_rotations), [0.0, 0.0, 0.0, 1.0], atol=1e-9):
        raise ProtocolError(
            "Only a skeleton with identity rest rotations can be streamed; "
            "retarget the motion to one first."
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
    """Encode a text message as JSON, validated as the receiver will validate it."""
    text = msgspec.json.encode(message)
    (decode_server_text if isinstance(message, ServerText) else decode_client_text)(text)
    return text.decode()


def decode_server_text(text: str | bytes) -> ServerText:
    """Decode a message from the server. Raises ProtocolError if it is invalid."""
    message = _decode_text(_FROM_SERVER, text)
    if isinstance(message, Hello):
        message.to_skeleton()
        if len(set(message.expressions)) != len(message.expressions):
            raise ProtocolError("A hello's expression names must be unique.")
    return message


def decode_client_text(text: str | bytes) -> ClientText:
    """Decode a message from a client.

    Raises:
        ProtocolError: It is invalid or longer than MAX_TEXT.
    """
    if len(text) > MAX_TEXT:
        raise ProtocolError(
            f"A client's message may have {MAX_TEXT} characters, but this one has {len(text)}."
        )
    return _decode_text(_FROM_CLIENT, text)


def _decode_text(decoder: msgspec.json.Decoder[M], text: str | bytes) -> M:
    try:
        return decoder.decode(text)
    # Nesting beyond the parser's depth is a RecursionError; a lone surrogate in a str, a
    # UnicodeError.
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise ProtocolError(
            f"A text message of {SUBPROTOCOL} must be one of its JSON objects: {str(error)[:300]}."
        ) from error
