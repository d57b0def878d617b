"""The messages of `mocap.v1`, the WebSocket subprotocol of server and viewer (sans-I/O).

Text messages (text.py) are JSON objects, distinguished by `type`:

    server → client
        hello      version, skeleton, expressions, rig, source      first, and after each change
        status     level, text                                      a sentence to show
        state      source, recording, recorded, missing, disk, vmc, pictures
                                                                    what the server does
        gone       subject                                          remove this performer
        tuned      smoothing, feet, hips, lag                       live settings in effect
        pong       client, clock                                    the answer to ping
    client → server
        ack        frame                      acknowledge all frames up to this one
        calibrate                             measure the upright performer again
        person     at (optional)              follow the next person, or the one at a point
        vmc        output                     send poses over VMC to this receiver, or stop
        tune       smoothing, feet, hips      change the live settings
        lead       who                        activate the server's source or pages' cameras
        camera     name, width, height        keypoints of the client's own camera follow
        ping       client                     any number of the client's own clock

Binary messages are little-endian: a frame header of 24 bytes, then the data, so that a browser can
take a Float32Array view without a copy.

    u16 kind   u16 subject   u32 frame   f64 time   f64 clock
    kind 1, pose        f32 root[3]  f32 rotations[4 J]  f32 weights[E]
    kind 2, keypoints   f32 image[2 n]  f32 positions[3 n]  f32 confidence[n]
    kind 3, picture     the bytes of a JPEG
    kind 4, face        f32 transform[16]  f32 points[3 · 478]  f32 blendshapes[0 or 51]

A viewer whose own camera sees a performer also sends kind 2, with `time` by its own clock and
`clock` by its estimate of the server's: the 33 landmarks, or 75 with both hands of 21 points each
(units: Points), preceded by kind 4 with the same frame number if a face is seen. While the state
has `pictures`, it sends small pictures of these frames too (kind 3, after their keypoints). All
other messages come from the server, which assigns each camera's performer a subject number.

`time` is the source's, in seconds; `clock` is the server's `time.monotonic()` when the source's
frame arrived, so that a viewer that knows the clock offset (ping, pong) can compute the latency.
The messages of one frame share its number and are sent in the order picture, keypoints, pose. The
golden files tests/data/mocap_v1_* fix this module and the viewer's to the same bytes.
"""

from __future__ import annotations

from mocap.stream.binary import (
    FACE,
    FACE_POINTS,
    HEADER,
    KEYPOINTS,
    MAX_MESSAGE,
    MAX_PICTURE,
    PICTURE,
    POSE,
    FaceMessage,
    FrameHeader,
    KeypointsMessage,
    PictureMessage,
    PoseMessage,
    decode,
    decode_header,
    encode,
)
from mocap.stream.seen import Seen, check_seen, decode_seen
from mocap.stream.text import (
    MAX_EXPRESSIONS,
    MAX_JOINTS,
    MAX_TEXT,
    SUBPROTOCOL,
    VERSION,
    Ack,
    Ask,
    BodyPart,
    Bones,
    Calibrate,
    CameraMessage,
    ClientText,
    DiskState,
    ExpressionNames,
    Gone,
    Hello,
    Lead,
    Level,
    NextPerson,
    Ping,
    Pong,
    ProtocolError,
    ServerState,
    ServerText,
    SourceInfo,
    SourceKind,
    SourceState,
    Status,
    Tune,
    Tuned,
    Vmc,
    VmcOutput,
    Who,
    decode_client_text,
    decode_server_text,
    encode_text,
    hello,
)

__all__ = [
    "FACE",
    "FACE_POINTS",
    "HEADER",
    "KEYPOINTS",
    "MAX_EXPRESSIONS",
    "MAX_JOINTS",
    "MAX_MESSAGE",
    "MAX_PICTURE",
    "MAX_TEXT",
    "PICTURE",
    "POSE",
    "SUBPROTOCOL",
    "VERSION",
    "Ack",
    "Ask",
    "BodyPart",
    "Bones",
    "Calibrate",
    "CameraMessage",
    "ClientText",
    "DiskState",
    "ExpressionNames",
    "FaceMessage",
    "FrameHeader",
    "Gone",
    "Hello",
    "KeypointsMessage",
    "Lead",
    "Level",
    "NextPerson",
    "PictureMessage",
    "Ping",
    "Pong",
    "PoseMessage",
    "ProtocolError",
    "Seen",
    "ServerState",
    "ServerText",
    "SourceInfo",
    "SourceKind",
    "SourceState",
    "Status",
    "Tune",
    "Tuned",
    "Vmc",
    "VmcOutput",
    "Who",
    "check_seen",
    "decode",
    "decode_client_text",
    "decode_header",
    "decode_seen",
    "decode_server_text",
    "encode",
    "encode_text",
    "hello",
]  # fmt: skip
