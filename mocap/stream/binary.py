"""The binary messages of `mocap.v1`: poses, keypoints, faces and pictures (see protocol.py)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.keypoints import BLENDSHAPES
from mocap.stream.text import MAX_EXPRESSIONS, MAX_JOINTS, ProtocolError

POSE, KEYPOINTS, PICTURE, FACE = 1, 2, 3, 4
FACE_POINTS = 478

HEADER = struct.Struct("<HHIdd")

# Far above actual use (75 points, pictures of 50 kB), far below what could exhaust memory.
MAX_POINTS = 4096
MAX_PICTURE = 4 * 2**20
MAX_MESSAGE = HEADER.size + MAX_PICTURE

_U16, _U32 = 2**16 - 1, 2**32 - 1
_KINDS = {POSE: "pose", KEYPOINTS: "keypoints", PICTURE: "picture", FACE: "face"}
_FACE_FLOATS = 16 + 3 * FACE_POINTS


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """The frame header of a binary message.

    Attributes:
        frame: Number that increases from frame to frame.
        time: The source's time, seconds.
        clock: The server's `time.monotonic()` when the frame arrived.
        subject: The performer's number.
    """

    frame: int
    time: float
    clock: float
    subject: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class PoseMessage:
    """Kind 1, a pose.

    Attributes:
        stamp: The frame header.
        root: (3,) position of the hips in the world, metres.
        rotations: (J, 4) xyzw, q_parent_joint.
        weights: (E,) of the expressions.
    """

    stamp: FrameHeader
    root: Float[ndarray, "3"]
    rotations: Float[ndarray, "joints 4"]
    weights: Float[ndarray, "expressions"]


@dataclass(frozen=True, eq=False, slots=True)
class KeypointsMessage:
    """Kind 2, keypoints: 33 body landmarks, from a viewer's camera optionally with both hands.

    Attributes:
        stamp: The frame header.
        image: (n, 2) in units of the picture's width and height, y down; NaN: not seen.
        positions: (n, 3) metres; NaN: not seen. Hand points are relative to the hand's wrist.
        confidence: (n,) in [0, 1]. For hand points: the confidence that it is a left hand.
    """

    stamp: FrameHeader
    image: Float[ndarray, "points 2"]
    positions: Float[ndarray, "points 3"]
    confidence: Float[ndarray, "points"]


@dataclass(frozen=True, eq=False, slots=True)
class FaceMessage:
    """Kind 4, a face.

    Attributes:
        stamp: The frame header.
        transform: (4, 4) as Keypoints' face_transform.
        points: (478, 3) x and y in units of the picture's width and height, y down; z in units of
            its width, away from the camera.
        blendshapes: (51,) as keypoints.BLENDSHAPES, or (0,) without a blendshape network.
    """

    stamp: FrameHeader
    transform: Float[ndarray, "4 4"]
    points: Float[ndarray, "478 3"]
    blendshapes: Float[ndarray, "told"]


@dataclass(frozen=True, eq=False, slots=True)
class PictureMessage:
    """Kind 3: the source's picture as a JPEG."""

    stamp: FrameHeader
    jpeg: bytes


def encode(message: PoseMessage | KeypointsMessage | PictureMessage | FaceMessage) -> bytes:
    """Encode a binary message as float32; a NaN confidence becomes 0.

    Raises:
        ProtocolError: `decode` would refuse the message.
    """
    match message:
        case PoseMessage(stamp, root, rotations, weights):
            _shape(
                "pose",
                root=(root, (3,)),
                rotations=(rotations, (len(rotations), 4)),
                weights=(weights, (len(weights),)),
            )
            kind, data = POSE, _floats(root, rotations, weights)
            _check_pose(data, len(rotations), len(weights))
        case KeypointsMessage(stamp, image, positions, confidence):
            n = len(confidence)
            _shape(
                "keypoints",
                image=(image, (n, 2)),
                positions=(positions, (n, 3)),
                confidence=(confidence, (n,)),
            )
            kind, data = (
                KEYPOINTS,
                _floats(
                    image,
                    positions,
                    np.nan_to_num(confidence, nan=0.0, posinf=np.inf, neginf=-np.inf),
                ),
            )
            _check_points(data)
        case FaceMessage(stamp, transform, points, blendshapes):
            _shape(
                "face",
                transform=(transform, (4, 4)),
                points=(points, (FACE_POINTS, 3)),
                blendshapes=(blendshapes, (len(blendshapes),)),
            )
            kind, data = FACE, _floats(transform, points, blendshapes)
            _check_face(data)
        case PictureMessage(stamp, jpeg):
            _check_picture(jpeg)
            return _header(PICTURE, stamp) + jpeg
    return _header(kind, stamp) + data.astype("<f4", copy=False).tobytes()


def decode(
    data: bytes, joints: int, expressions: int
) -> PoseMessage | KeypointsMessage | PictureMessage | FaceMessage:
    """Decode a binary message.

    Args:
        data: The bytes.
        joints: The number of joints in the hello.
        expressions: The number of expressions in the hello.

    Returns:
        The message; arrays are read-only float32 views of `data`.

    Raises:
        ProtocolError: Unknown kind, wrong length, or a number that is not finite or too large.
    """
    kind, stamp = decode_header(data)
    if kind == PICTURE:
        _check_picture(data[HEADER.size :])
        return PictureMessage(stamp, bytes(data[HEADER.size :]))
    if (len(data) - HEADER.size) % 4:
        raise ProtocolError(
            f"A {_KINDS[kind]} message must consist of 32-bit floats, "
            f"but has {len(data) - HEADER.size} bytes after its header."
        )
    floats = np.frombuffer(data, dtype="<f4", offset=HEADER.size)
    floats.flags.writeable = False  # a view of a bytearray would be writable
    if kind == POSE:
        _check_pose(floats, joints, expressions)
        return PoseMessage(
            stamp,
            floats[:3],
            floats[3 : 3 + 4 * joints].reshape(joints, 4),
            floats[3 + 4 * joints :],
        )
    if kind == FACE:
        _check_face(floats)
        return FaceMessage(
            stamp,
            floats[:16].reshape(4, 4),
            floats[16:_FACE_FLOATS].reshape(FACE_POINTS, 3),
            floats[_FACE_FLOATS:],
        )
    n = _check_points(floats)
    return KeypointsMessage(
        stamp, floats[: 2 * n].reshape(n, 2), floats[2 * n : 5 * n].reshape(n, 3), floats[5 * n :]
    )


def decode_header(data: bytes) -> tuple[int, FrameHeader]:
    """Return the kind and frame header of a binary message.

    Raises:
        ProtocolError: The message is too short or too long, or its kind is unknown.
    """
    if not HEADER.size <= len(data) <= MAX_MESSAGE:
        raise ProtocolError(
            f"A binary message has {HEADER.size} to {MAX_MESSAGE} bytes, "
            f"but this one has {len(data)}."
        )
    kind, subject, frame, time, clock = HEADER.unpack_from(data)
    if kind not in _KINDS:
        raise ProtocolError(
            "A binary message's kind is 1 (pose), 2 (keypoints), 3 (picture) or 4 (face), "
            f"but this one's is {kind}."
        )
    if not (np.isfinite(time) and np.isfinite(clock)):
        raise ProtocolError(
            f"A message's time and clock must be finite seconds, but are {time} and {clock}."
        )
    return kind, FrameHeader(frame, time, clock, subject)


def _header(kind: int, stamp: FrameHeader) -> bytes:
    if not (0 <= stamp.frame <= _U32 and 0 <= stamp.subject <= _U16):
        raise ProtocolError(
            f"A frame's number must lie in 0..{_U32} and its subject in 0..{_U16}, "
            f"but are {stamp.frame} and {stamp.subject}."
        )
    if not (np.isfinite(stamp.time) and np.isfinite(stamp.clock)):
        raise ProtocolError(
            "A message's time and clock must be finite seconds, "
            f"but are {stamp.time} and {stamp.clock}."
        )
    return HEADER.pack(kind, stamp.subject, stamp.frame, stamp.time, stamp.clock)


def _shape(kind: str, **arrays: tuple[ndarray, tuple[int, ...]]) -> None:
    for name, (array, shape) in arrays.items():
        if np.shape(array) != shape:
            raise ProtocolError(
                f"A {kind} message's {name} must have shape {shape}, but has {np.shape(array)}."
            )


def _floats(*arrays: ndarray) -> ndarray:
    with np.errstate(
        over="ignore"
    ):  # numbers beyond float32 become infinite and are refused as such
        return np.concatenate([np.asarray(a, dtype=np.float32).ravel() for a in arrays])


def _check_pose(floats: ndarray, joints: int, expressions: int) -> None:
    if joints > MAX_JOINTS or expressions > MAX_EXPRESSIONS:
        raise ProtocolError(
            f"A pose has at most {MAX_JOINTS} joints and {MAX_EXPRESSIONS} expressions, "
            f"but this has {joints} and {expressions}."
        )
    wanted = 3 + 4 * joints + expressions
    if len(floats) != wanted:
        raise ProtocolError(
            f"A pose of {joints} joints and {expressions} expressions has {wanted} floats, "
            f"but this one has {len(floats)}."
        )
    if not np.isfinite(floats).all():
        raise ProtocolError(
            "A pose's root, rotations and weights must be finite numbers; "
            "hold the last pose while no person is seen."
        )


def _check_points(floats: ndarray) -> int:
    n, rest = divmod(len(floats), 6)
    if rest or n > MAX_POINTS:
        raise ProtocolError(
            f"A keypoints message has 6 floats a point and at most {MAX_POINTS} points, "
            f"but this one has {len(floats)} floats."
        )
    if np.any(np.isinf(floats[: 5 * n])):
        raise ProtocolError(
            "A keypoint's coordinates must be finite, or NaN where it is not seen, "
            "but one is infinite."
        )
    if not np.all((floats[5 * n :] >= 0.0) & (floats[5 * n :] <= 1.0)):
        raise ProtocolError("A keypoint's confidence must lie in 0..1.")
    return n


def _check_face(floats: ndarray) -> None:
    blendshapes = len(floats) - _FACE_FLOATS
    if blendshapes not in (0, len(BLENDSHAPES)):
        raise ProtocolError(
            f"A face has {_FACE_FLOATS} floats, or {len(BLENDSHAPES)} more, "
            f"but this one has {len(floats)}."
        )
    if not np.all(np.isfinite(floats)):
        raise ProtocolError(
            "A face's transform, points and blendshapes must be finite numbers; "
            "send no message while no face is seen."
        )
    if np.any((floats[_FACE_FLOATS:] < 0.0) | (floats[_FACE_FLOATS:] > 1.0)):
        raise ProtocolError("A face's blendshapes must lie in 0..1.")


def _check_picture(jpeg: bytes) -> None:
    if len(jpeg) > MAX_PICTURE:
        raise ProtocolError(
            f"A picture may have {MAX_PICTURE} bytes, but this one has {len(jpeg)}; "
            "make it smaller or compress it more."
        )
    if jpeg[:3] != b"\xff\xd8\xff":
        raise ProtocolError("A picture must be a JPEG, but does not begin as one.")
