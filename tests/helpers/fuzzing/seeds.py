"""Small good inputs of each kind."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from mocap import formats
from mocap.core.keypoints import Keypoints
from mocap.core.skeleton import BONES, HUMANOID
from mocap.formats.gltf import glb
from mocap.formats.gltf.vrm import as_vrm
from mocap.retargeting import retarget
from mocap.rig.load import load_rig
from mocap.stream import protocol
from mocap.studio import messages as studio
from tests.helpers import fbx_scenes
from tests.helpers.gltf_documents import tiny_rig
from tests.helpers.places import MANNEQUIN, TESTS
from tests.helpers.synthetic import keypoints_of, smooth_motion

FILES = (".bvh", ".fbx", ".glb", ".gltf", ".vrm", ".vrma", ".json", ".jsonl", ".landmarks", ".map")
"""Files: `.landmarks` is JSON of other tools, `.map` is a bone map."""
MESSAGES = (".viewer", ".ingest", ".studio", ".server")
"""Messages to /stream, /ingest and /studio, and those of the server."""
KINDS = FILES + MESSAGES

SIZE = (1280, 720)
TAKE = "it"
"""The name of the one take that requests to the studio can name."""


@cache
def keypoints() -> Keypoints:
    """Return 0.2 s of a moving person, with hands at no place."""
    return keypoints_of(smooth_motion(np.random.default_rng(2), 0.2, 30.0), SIZE)


@cache
def seeds() -> dict[str, tuple[bytes, ...]]:
    """Return good inputs of each kind, the usual one first."""
    return _files() | {
        ".landmarks": tuple(json.dumps(document).encode() for document in _landmarks()),
        ".map": (json.dumps(dict.fromkeys(BONES, "Hips")).encode(), b'{"hips": "hips"}'),
        ".viewer": _viewer(),
        ".ingest": tuple(json.dumps(message).encode() for message in _ingest()),
        ".studio": _studio(),
        ".server": _server(),
    }


def _files() -> dict[str, tuple[bytes, ...]]:
    motion = smooth_motion(np.random.default_rng(2), 0.2, 30.0)
    made: dict[str, tuple[bytes, ...]] = {}
    with tempfile.TemporaryDirectory() as folder:
        tiny = Path(folder) / "tiny.glb"
        tiny.write_bytes(tiny_rig())
        rig = load_rig(tiny)
        for suffix in (".bvh", ".fbx", ".glb", ".vrma", ".json", ".jsonl"):
            path = Path(folder) / f"it{suffix}"
            if suffix == ".glb":
                formats.save(path, retarget(motion, rig), rig)
            else:
                formats.save(path, keypoints() if suffix.startswith(".json") else motion)
            made[suffix] = (path.read_bytes(),)
        vrm = as_vrm(rig)
    document, binary = glb.split(made[".glb"][0])
    document["buffers"][0]["uri"] = "data:application/octet-stream;base64," + _base64(binary)
    rng = np.random.default_rng(0)
    character = fbx_scenes.character(rng)
    return made | {
        ".glb": (*made[".glb"], tiny_rig()),
        ".gltf": (json.dumps(document).encode(),),
        ".vrm": (vrm, MANNEQUIN.read_bytes()),
        ".fbx": (*made[".fbx"], _fbx(character), fbx_scenes.ascii_of(character)),
    }


def _base64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()


def _fbx(document: Any) -> bytes:
    from mocap.formats.fbx import binary

    return binary.dumps(document)


def _landmarks() -> list[Any]:
    """Return takes as other tools write them, of 6 frames."""
    body = keypoints()
    count = range(len(body))
    rows = [np.column_stack([body.image[f], np.full(33, 0.9)]).round(1) for f in count]
    coco = [row[:17].tolist() for row in rows]
    flat = [[float(n) for point in row for n in point] for row in coco]
    whole = json.loads(formats.table.KEYPOINT_WRITERS[".json"](body))
    poses = [frame["poses"] for frame in whole["frames"]]
    hand = [{"x": 1.0 * i, "y": 2.0 * i, "name": "wrist"} for i in range(21)]
    return [
        whole["frames"],
        poses,
        [pose[0] for pose in poses],
        body.positions.round(3).tolist()[0],
        [[{"handedness": "Left", "score": 0.9, "keypoints": hand, "keypoints3D": hand}]] * 6,
        [{"image_id": f"{f}.jpg", "category_id": 1, "keypoints": flat[f]} for f in count],
        [{"version": 1.3, "people": [{"pose_keypoints_2d": [*flat[f], *flat[f][:24]]}]}
         for f in count],
        {"images": [{"id": f, "width": 1280, "height": 720} for f in count],
         "annotations": [{"image_id": f, "keypoints": flat[f]} for f in count]},
        {"instance_info": [
            {"frame_id": f + 1, "instances": [
                {"keypoints": [p[:2] for p in coco[f]], "keypoint_scores": [0.9] * 17}]}
            for f in count]},
    ]  # fmt: skip


def _viewer() -> tuple[bytes, ...]:
    texts: tuple[protocol.ClientText, ...] = (
        protocol.CameraMessage("webcam", *SIZE, "page"),
        protocol.Ack(3),
        protocol.Calibrate(),
        protocol.NextPerson((0.5, 0.25)),
        protocol.Tune(1.0, "auto", "free"),
        protocol.Lead("browser"),
        protocol.Vmc(protocol.VmcOutput("127.0.0.1:39539", "vrm1")),
        protocol.Ping(1.5),
    )
    stamp = protocol.FrameHeader(3, 0.1, 5.0)
    body = keypoints()
    points = body.image[0] / SIZE, body.positions[0], body.confidence[0]
    hands = np.full((42, 2), 0.2), np.full((42, 3), 0.1), np.full(42, 0.9)
    rng = np.random.default_rng(0)
    face = np.eye(4), rng.uniform(0, 1, (478, 3)), rng.uniform(0, 1, 51)
    binary: tuple[protocol.Seen, ...] = (
        protocol.KeypointsMessage(stamp, *points),
        protocol.KeypointsMessage(
            stamp, *(np.concatenate(both) for both in zip(points, hands, strict=True))
        ),
        protocol.FaceMessage(stamp, *face),
        protocol.PictureMessage(stamp, _jpeg()),
    )
    return (
        *(protocol.encode(message) for message in binary),
        *(protocol.encode_text(message).encode() for message in texts),
    )


def _jpeg() -> bytes:
    from mocap.capture.picture import jpeg

    return jpeg(np.zeros((24, 32, 3), np.uint8), 32)


def _ingest() -> list[Any]:
    whole = json.loads(formats.table.KEYPOINT_WRITERS[".json"](keypoints()))
    poses = whole["frames"][0]["poses"]
    return [poses, {"width": 640, "height": 480, "poses": poses}]


def _studio() -> tuple[bytes, ...]:
    asks: tuple[studio.Ask, ...] = (
        studio.Open(1, TAKE, "live"),
        studio.Open(2, TAKE, "bake"),
        studio.Export(3, TAKE, "live", "bvh", 0.0, 0.1),
        studio.Export(4, TAKE, "live", "trc", 0.0, 9.0),
        studio.Export(5, TAKE, "live", "json", 0.05, 0.1),
        studio.Rename(6, TAKE, "that"),
        studio.Delete(7, "that"),
        studio.Takes(8),
        studio.Record(9, True, True),
        studio.Cancel(10, 9),
        studio.Remap(11, "rigs/x.vrm", {"hips": "Hips"}),
        studio.Upload(12, "x.glb", 100, 0),
    )
    return tuple(msgspec.json.encode(ask) for ask in asks)


def _server() -> tuple[bytes, ...]:
    golden = sorted((TESTS / "data").glob("mocap_v1_*"))
    states: tuple[protocol.ServerText, ...] = (
        protocol.Status("info", "A sentence."),
        protocol.Pong(1.0, 2.0),
        protocol.Gone(1),
        protocol.Tuned(1.0, "auto", "free", 0.1),
        protocol.ServerState("running", "take", 1.0, ("feet",), "ok", None),
        protocol.hello(HUMANOID, (), "rigs/x.vrm", protocol.SourceInfo("camera", "x", *SIZE)),
    )
    return (
        *(path.read_bytes() for path in golden),
        *(protocol.encode_text(message).encode() for message in states),
    )
