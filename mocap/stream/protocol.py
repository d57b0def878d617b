"""The bytes of `mocap.v1`, the WebSocket subprotocol between server and viewer. No socket in sight: messages in, bytes out, and back.

Text messages are JSON objects, told apart by `type`:

    server → client   hello    version, skeleton, expressions, rig, source       first, and again when one of them changes
                      status   level, text                                       a sentence to show
                      pong     client, clock                                     the answer to ping
    client → server   ack      frame                                             drew it: every frame up to it is acknowledged
                      control  paused                                            asks the source to pause or go on
                      calibrate                                                  the performer stands upright: measure anew
                      camera   name, width, height                               its own camera's keypoints follow; the last to say so leads
                      ping     client                                            any number of the client's own clock

Binary messages are little-endian, a header of 24 bytes and then the data, so that a browser takes a Float32Array view without a copy:

    u16 kind   u16 subject   u32 frame   f64 time   f64 clock
    kind 1, pose        f32 root[3]  f32 rotations[4 J]  f32 weights[E]
    kind 2, keypoints   f32 image[2 n]  f32 positions[3 n]  f32 confidence[n]
    kind 3, picture     the bytes of a JPEG

A viewer that leads with its own camera sends messages of kind 2 as well: the 33 landmarks of what it saw, `time` by its own clock, and
`clock` the server's as the viewer knows it. All other messages are from the server.

`time` is the source's, in seconds; `clock` is the server's `time.monotonic()` when the source's frame arrived, so that a viewer that
knows the clocks' difference (ping, pong) can tell how old what it shows is. The messages of one frame share its number, and are sent in
the order picture, keypoints, pose. The same golden files (tests/data/mocap_v1_*) hold this module and the viewer's to it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import msgspec
import numpy as np
from jaxtyping import Float
from msgspec import Meta
from numpy import ndarray

from mocap.errors import InputError, MocapError
from mocap.skeleton import Skeleton

SUBPROTOCOL = "mocap.v1"
VERSION: Literal[1] = 1
POSE, KEYPOINTS, PICTURE = 1, 2, 3

HEADER = struct.Struct("<HHIdd")

# Far above what is used (55 joints, 52 expressions, 553 points, pictures of 50 kB), far below what could hurt.
MAX_JOINTS = MAX_EXPRESSIONS = 1024
MAX_POINTS = 4096
MAX_PICTURE = 4 * 2**20
MAX_TEXT = 64 * 2**10
MAX_MESSAGE = HEADER.size + MAX_PICTURE

M = TypeVar("M")

_U16, _U32 = 2**16 - 1, 2**32 - 1
_KINDS = {POSE: "pose", KEYPOINTS: "keypoints", PICTURE: "picture"}


class ProtocolError(MocapError):
    """A message that does not keep to `mocap.v1`."""


# Text ------------------------------------------------------------------------------------------------------------------------------

Level = Literal["info", "warning", "error"]
SourceKind = Literal["video", "camera", "motion", "browser"]
FrameNumber = Annotated[int, Meta(ge=0, le=_U32)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Size = Annotated[int, Meta(ge=1, le=_U16)]


class _Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag=str.lower):
    """A text message: its class's name in lower case is its `type`."""


class Bones(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A skeleton whose rest rotations are identities: names (J), parents (J) with −1 for the root, offsets (J, 3) in metres."""

    names: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=MAX_JOINTS)]
    parents: tuple[int, ...]
    offsets: tuple[tuple[float, float, float], ...]


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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
    source: Source
    clip: Name | None = None

    def to_skeleton(self) -> Skeleton:
        """The skeleton as mocap's own type. Raises ProtocolError if it is none."""
        bones = self.skeleton
        if not len(bones.names) == len(bones.parents) == len(bones.offsets):
            counts = f"{len(bones.names)} names, {len(bones.parents)} parents and {len(bones.offsets)} offsets"
            raise ProtocolError(f"A hello's skeleton needs as many parents and offsets as names, but has {counts}.")
        rest = np.tile([0.0, 0.0, 0.0, 1.0], (len(bones.names), 1))
        try:
            return Skeleton(bones.names, np.array(bones.parents, dtype=np.int64), np.array(bones.offsets, dtype=np.float64), rest)
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


class Ack(_Message, frozen=True):
    """The client has drawn this frame, and wants none of those before it."""

    frame: FrameNumber


class Control(_Message, frozen=True):
    """The client asks for the source to be paused, or to go on."""

    paused: bool


class Calibrate(_Message, frozen=True):
    """The performer stands upright before the camera: lengths, gravity and floor are to be measured anew."""


class Camera(_Message, frozen=True):
    """The client's own camera leads from now on: its name, and its picture's size in pixels. Keypoints messages follow."""

    name: Annotated[str, Meta(max_length=200)]
    width: Size
    height: Size


class Ping(_Message, frozen=True):
    """The client asks for the server's clock; `client` comes back as it is."""

    client: float


_FROM_SERVER: msgspec.json.Decoder[Hello | Status | Pong] = msgspec.json.Decoder(Hello | Status | Pong)
ClientText = Ack | Control | Calibrate | Camera | Ping
_FROM_CLIENT: msgspec.json.Decoder[ClientText] = msgspec.json.Decoder(ClientText)


def hello(skeleton: Skeleton, expressions: tuple[str, ...], rig: str, source: Source, clip: str | None = None) -> Hello:
    """The hello for a skeleton. Raises ProtocolError if its rest rotations are not identities: the stream does not carry them."""
    if not np.allclose(np.abs(skeleton.rest_rotations), [0.0, 0.0, 0.0, 1.0], atol=1e-9):
        raise ProtocolError("Only a skeleton with identity rest rotations can be streamed; retarget the motion to such a one first.")
    offsets = tuple((float(x), float(y), float(z)) for x, y, z in skeleton.offsets)
    return Hello(VERSION, Bones(skeleton.names, tuple(skeleton.parents.tolist()), offsets), tuple(expressions), rig, source, clip)


def encode_text(message: Hello | Status | Pong | ClientText) -> str:
    """A text message as JSON, checked as the other side will check it."""
    text = msgspec.json.encode(message)
    (decode_server_text if isinstance(message, Hello | Status | Pong) else decode_client_text)(text)
    return text.decode()


def decode_server_text(text: str | bytes) -> Hello | Status | Pong:
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
        raise ProtocolError(f"A client's message may have {MAX_TEXT} characters, but this one has {len(text)}.")
    return _decode_text(_FROM_CLIENT, text)


def _decode_text(decoder: msgspec.json.Decoder[M], text: str | bytes) -> M:
    try:
        return decoder.decode(text)
    # Nesting beyond the parser's depth is a RecursionError; a lone surrogate in a str, a UnicodeError.
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise ProtocolError(f"A text message of {SUBPROTOCOL} must be one of its JSON objects: {error}.") from error


# Binary ----------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stamp:
    """What stands before every binary message. frame: increases from frame to frame. time: the source's, seconds. clock: the server's
    `time.monotonic()` when the frame arrived. subject: whose it is, where there are several people."""

    frame: int
    time: float
    clock: float
    subject: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class Pose:
    """kind 1. root: (3,) metres, the hips in the world. rotations: (J, 4) xyzw, q_parent_joint. weights: (E,), the expressions'."""

    stamp: Stamp
    root: Float[ndarray, "3"]
    rotations: Float[ndarray, "joints 4"]
    weights: Float[ndarray, "expressions"]


@dataclass(frozen=True, eq=False, slots=True)
class Points:
    """kind 2. image: (n, 2) in units of the picture's width and height, y down. positions: (n, 3) metres. NaN in either: not seen.
    confidence: (n,) in [0, 1]."""

    stamp: Stamp
    image: Float[ndarray, "points 2"]
    positions: Float[ndarray, "points 3"]
    confidence: Float[ndarray, "points"]


@dataclass(frozen=True, eq=False, slots=True)
class Picture:
    """kind 3: the source's picture as a JPEG."""

    stamp: Stamp
    jpeg: bytes


def encode(message: Pose | Points | Picture) -> bytes:
    """A binary message, float64 or float32 in, float32 out. A confidence of NaN goes as 0. Raises ProtocolError on what `decode` would."""
    match message:
        case Pose(stamp, root, rotations, weights):
            _shape("pose", root=(root, (3,)), rotations=(rotations, (len(rotations), 4)), weights=(weights, (len(weights),)))
            kind, data = POSE, _floats(root, rotations, weights)
            _check_pose(data, len(rotations), len(weights))
        case Points(stamp, image, positions, confidence):
            n = len(confidence)
            _shape("keypoints", image=(image, (n, 2)), positions=(positions, (n, 3)), confidence=(confidence, (n,)))
            kind, data = KEYPOINTS, _floats(image, positions, np.nan_to_num(confidence, nan=0.0, posinf=np.inf, neginf=-np.inf))
            _check_points(data)
        case Picture(stamp, jpeg):
            _check_picture(jpeg)
            return _header(PICTURE, stamp) + jpeg
    return _header(kind, stamp) + data.astype("<f4", copy=False).tobytes()


def decode(data: bytes, joints: int, expressions: int) -> Pose | Points | Picture:
    """A binary message, given the numbers of joints and of expressions from the hello. Arrays are float32, read-only views of `data`.

    Raises ProtocolError if the kind is unknown, the length is not the kind's, a number that must be finite is not, or it is too large.
    """
    kind, stamp = decode_header(data)
    if kind == PICTURE:
        _check_picture(data[HEADER.size :])
        return Picture(stamp, bytes(data[HEADER.size :]))
    if (len(data) - HEADER.size) % 4:
        raise ProtocolError(
            f"A {_KINDS[kind]} message must hold whole 32-bit floats, but has {len(data) - HEADER.size} bytes after its header."
        )
    floats = np.frombuffer(data, dtype="<f4", offset=HEADER.size)
    floats.flags.writeable = False  # that of a bytearray would be writable
    if kind == POSE:
        _check_pose(floats, joints, expressions)
        return Pose(stamp, floats[:3], floats[3 : 3 + 4 * joints].reshape(joints, 4), floats[3 + 4 * joints :])
    n = _check_points(floats)
    return Points(stamp, floats[: 2 * n].reshape(n, 2), floats[2 * n : 5 * n].reshape(n, 3), floats[5 * n :])


def decode_points(data: bytes) -> Points:
    """A keypoints message. Raises ProtocolError if it is another or none."""
    message = decode(data, 0, 0) if decode_header(data)[0] == KEYPOINTS else None
    if not isinstance(message, Points):
        raise ProtocolError("A viewer sends binary messages of kind 2 (keypoints) alone.")
    return message


def decode_header(data: bytes) -> tuple[int, Stamp]:
    """(kind, stamp) of a binary message. Raises ProtocolError if it is too short or too long, or the kind is unknown."""
    if not HEADER.size <= len(data) <= MAX_MESSAGE:
        raise ProtocolError(f"A binary message has {HEADER.size} to {MAX_MESSAGE} bytes, but this one has {len(data)}.")
    kind, subject, frame, time, clock = HEADER.unpack_from(data)
    if kind not in _KINDS:
        raise ProtocolError(f"A binary message's kind is 1 (pose), 2 (keypoints) or 3 (picture), but this one's is {kind}.")
    if not (np.isfinite(time) and np.isfinite(clock)):
        raise ProtocolError(f"A message's time and clock must be finite seconds, but are {time} and {clock}.")
    return kind, Stamp(frame, time, clock, subject)


def _header(kind: int, stamp: Stamp) -> bytes:
    if not (0 <= stamp.frame <= _U32 and 0 <= stamp.subject <= _U16):
        raise ProtocolError(
            f"A frame's number must lie in 0..{_U32} and its subject in 0..{_U16}, but are {stamp.frame} and {stamp.subject}."
        )
    if not (np.isfinite(stamp.time) and np.isfinite(stamp.clock)):
        raise ProtocolError(f"A message's time and clock must be finite seconds, but are {stamp.time} and {stamp.clock}.")
    return HEADER.pack(kind, stamp.subject, stamp.frame, stamp.time, stamp.clock)


def _shape(kind: str, **arrays: tuple[ndarray, tuple[int, ...]]) -> None:
    for name, (array, shape) in arrays.items():
        if np.shape(array) != shape:
            raise ProtocolError(f"A {kind} message's {name} must have shape {shape}, but has {np.shape(array)}.")


def _floats(*arrays: ndarray) -> ndarray:
    with np.errstate(over="ignore"):  # what a float32 cannot hold becomes infinite, and is refused as that
        return np.concatenate([np.asarray(a, dtype=np.float32).ravel() for a in arrays])


def _check_pose(floats: ndarray, joints: int, expressions: int) -> None:
    if joints > MAX_JOINTS or expressions > MAX_EXPRESSIONS:
        raise ProtocolError(
            f"A pose has at most {MAX_JOINTS} joints and {MAX_EXPRESSIONS} expressions, but this has {joints} and {expressions}."
        )
    wanted = 3 + 4 * joints + expressions
    if len(floats) != wanted:
        raise ProtocolError(f"A pose of {joints} joints and {expressions} expressions has {wanted} floats, but this one has {len(floats)}.")
    if not np.all(np.isfinite(floats)):
        raise ProtocolError("A pose's root, rotations and weights must be finite numbers; hold the last pose where nobody is seen.")


def _check_points(floats: ndarray) -> int:
    n, rest = divmod(len(floats), 6)
    if rest or n > MAX_POINTS:
        raise ProtocolError(
            f"A keypoints message has 6 floats a point and at most {MAX_POINTS} points, but this one has {len(floats)} floats."
        )
    if np.any(np.isinf(floats[: 5 * n])):
        raise ProtocolError("A keypoint's coordinates must be finite, or NaN where it is not seen, but one is infinite.")
    if not np.all((floats[5 * n :] >= 0.0) & (floats[5 * n :] <= 1.0)):
        raise ProtocolError("A keypoint's confidence must lie in 0..1.")
    return n


def _check_picture(jpeg: bytes) -> None:
    if len(jpeg) > MAX_PICTURE:
        raise ProtocolError(f"A picture may have {MAX_PICTURE} bytes, but this one has {len(jpeg)}; make it smaller or compress it more.")
    if jpeg[:3] != b"\xff\xd8\xff":
        raise ProtocolError("A picture must be a JPEG, but does not begin as one.")
