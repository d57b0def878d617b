"""Writes the golden files of `mocap.v1`, which both languages are tested against.

    python -m tests.data.make_protocol_golden

It imports nothing of mocap and packs every number by itself, so that an error in
mocap/stream/protocol.py cannot agree with itself. The values are multiples of 1/64 or the like,
which 32-bit floats hold exactly, and are compared for equality.

    mocap_v1_hello.json      the hello, as it goes over the wire
    mocap_v1_pose.bin        3 joints, 2 expressions
    mocap_v1_keypoints.bin   4 points, of which the third is not seen
    mocap_v1_face.bin        478 points on a grid, 51 blendshapes
    mocap_v1_picture.bin     a JPEG of 8 × 6 pixels, left half orange (about 220, 80, 40), right
                             half green (about 40, 160, 60)
    protocol_golden.json     what is in them (null for NaN), and texts that must be accepted or
                             refused
"""

import base64
import json
import math
import struct

from tests.helpers.places import DATA

HELLO = {
    "type": "hello",
    "version": 1,
    "skeleton": {
        "names": ["hips", "spine", "leftUpperLeg"],
        "parents": [-1, 0, 0],
        "offsets": [[0.0, 0.9375, 0.0], [0.0, 0.09375, 0.0], [0.0625, -0.03125, 0.0]],
    },
    "expressions": ["happy", "blink"],
    "rig": "rigs/mannequin.vrm",
    "source": {"kind": "video", "name": "tanz über größe.mp4", "width": 1280, "height": 720},
}
POSE = {
    "kind": 1, "subject": 0, "frame": 4294967294, "time": 1.25, "clock": 1234.0625,
    "root": [0.125, 0.953125, -2.5],
    "rotations": [[0.0, 0.0, 0.0, 1.0], [0.5, -0.5, 0.5, 0.5], [0.0, 1.0, 0.0, 0.0]],
    "weights": [0.25, 1.0],
}  # fmt: skip
KEYPOINTS = {
    "kind": 2, "subject": 1, "frame": 258, "time": 0.0, "clock": 99999.5,
    "image": [[0.5, 0.25], [1.0, 0.0], [None, None], [-0.125, 1.5]],
    "positions": [[0.0, 0.5, 0.25], [-0.25, 0.125, -1.0], [None, None, None],
                  [2.0, -2.0, 0.015625]],
    "confidence": [1.0, 0.5, 0.0, 0.875],
}  # fmt: skip
FACE = {
    "kind": 4,
    "subject": 0,
    "frame": 258,
    "time": 0.0,
    "clock": 99999.5,
    "transform": [
        [1.0, 0.0, 0.0, 0.125],
        [0.0, 0.5, -0.5, 0.0625],
        [0.0, 0.5, 0.5, -0.75],
        [0.0, 0.0, 0.0, 1.0],
    ],
    "points": [[n / 512, 1 - n / 512, n / 1024 - 0.25] for n in range(478)],
    "blendshapes": [n / 64 for n in range(51)],
}
PICTURE = {
    "kind": 3, "subject": 0, "frame": 258, "time": 0.0, "clock": 99999.5, "width": 8, "height": 6,
    "jpeg_base64":
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//"
    "2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//wAARCAAGAAgDASIAAhEBAxEB/8QA"
    "FQABAQAAAAAAAAAAAAAAAAAAAAT/xAAVEAEBAAAAAAAAAAAAAAAAAAAAAv/EABUBAQEAAAAAAAAAAAAAAAAAAAQF/8QAGxEAAgEFAAAAAAAAAAAAAAAAAAIB"
    "BTE0gbH/2gAMAwEAAhEDEQA/AJ6ATEsDq+Y+uQf/2Q==",
}  # fmt: skip

SERVER_TEXTS = [
    {"type": "status", "level": "warning", "text": "Nobody is seen."},
    {"type": "pong", "client": 17.5, "clock": 1234.0625},
    {"type": "gone", "subject": 1},
    {"type": "tuned", "smoothing": 2.0, "feet": "auto", "hips": "locked", "lag": 0.03125},
    {
        "type": "state",
        "source": "running",
        "recording": "dance 2",
        "recorded": 12.5,
        "missing": ["hands", "feet"],
        "disk": "low",
        "vmc": {"address": "127.0.0.1:39539", "names": "vrm0"},
    },
    {
        "type": "state",
        "source": "lost",
        "recording": None,
        "recorded": 0.0,
        "missing": ["person"],
        "disk": "ok",
        "vmc": None,
    },
]
CLIENT_TEXTS = [
    {"type": "ack", "frame": 0},
    {"type": "ack", "frame": 4294967295},
    {"type": "ping", "client": 17.5},
    {"type": "calibrate"},
    {"type": "person"},
    {"type": "person", "at": [0.25, 1.0]},
    {"type": "tune", "smoothing": 1.0, "feet": "always", "hips": "free"},
    {"type": "vmc", "output": {"address": "127.0.0.1:39540", "names": "vrm1"}},
    {"type": "vmc", "output": None},
    {"type": "tune", "smoothing": 0.5, "feet": "off", "hips": "free"},
    {"type": "lead", "who": "server"},
    {"type": "camera", "name": "über", "width": 1280, "height": 720, "page": "1a-2b"},
]
REFUSED_CLIENT_TEXTS = [
    "", "null", "[]", "{}", "ack", '{"type":"ack"}', '{"type":"ack","frame":-1}',
    '{"type":"ack","frame":4294967296}',
    '{"type":"ack","frame":1.5}', '{"type":"ack","frame":"1"}', '{"type":"ack","frame":1,"more":1}',
    '{"type":"control","paused":true}',
    '{"type":"ping","client":null}', '{"type":"ping","client":NaN}', '{"type":"hello"}',
    '{"type":"unknown"}',
    '{"type":"tune","smoothing":0,"feet":"auto","hips":"free"}',
    '{"type":"tune","smoothing":1,"feet":"on","hips":"free"}',
    '{"type":"person","at":[0.5]}', '{"type":"person","at":[0.5,1.5]}', '{"type":"vmc"}',
    '{"type":"vmc","output":{"address":""}}',
    '{"type":"lead","who":"nobody"}', '{"type":"ack","frame":1}}',
]  # fmt: skip


def flat(values: list) -> list[float]:
    """The numbers of nested lists, in order, None as NaN."""
    return [
        number
        for v in values
        for number in (flat(v) if isinstance(v, list) else [math.nan if v is None else v])
    ]


def binary(message: dict, data: bytes) -> bytes:
    return (
        struct.pack("<HHIdd", *(message[k] for k in ("kind", "subject", "frame", "time", "clock")))
        + data
    )


def floats(message: dict, *keys: str) -> bytes:
    numbers = flat([message[k] for k in keys])
    return struct.pack(f"<{len(numbers)}f", *numbers)


def main() -> None:
    files = {
        "mocap_v1_hello.json": json.dumps(
            HELLO, ensure_ascii=False, separators=(",", ":")
        ).encode(),
        "mocap_v1_pose.bin": binary(POSE, floats(POSE, "root", "rotations", "weights")),
        "mocap_v1_keypoints.bin": binary(
            KEYPOINTS, floats(KEYPOINTS, "image", "positions", "confidence")
        ),
        "mocap_v1_face.bin": binary(FACE, floats(FACE, "transform", "points", "blendshapes")),
        "mocap_v1_picture.bin": binary(PICTURE, base64.b64decode(PICTURE["jpeg_base64"])),
    }
    golden = {
        "pose": POSE, "keypoints": KEYPOINTS, "picture": PICTURE, "face": FACE,
        "server_texts": SERVER_TEXTS, "client_texts": CLIENT_TEXTS,
        "refused_client_texts": REFUSED_CLIENT_TEXTS,
    }  # fmt: skip
    files["protocol_golden.json"] = (json.dumps(golden, indent=1) + "\n").encode()
    for name, data in files.items():
        (DATA / name).write_bytes(data)
        print(f"{name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
