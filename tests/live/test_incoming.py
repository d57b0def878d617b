"""Keypoints from pages' cameras: the newest wins, each camera is a take of its own."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from mocap.core.keypoints import Keypoints
from mocap.core.skeleton import HUMANOID
from mocap.detect.options import DetectOptions
from mocap.errors import InputError
from mocap.formats import keypoints_json
from mocap.live.incoming import MOST, Incoming, as_keypoints
from mocap.live.ingest import foreign_frame
from mocap.live.options import LiveOptions, PageOptions
from mocap.live.performer import LivePerformer
from mocap.live.serve import live
from mocap.retargeting import retarget
from mocap.solve.face import EXPRESSIONS
from mocap.stream import protocol
from mocap.stream.server import Handlers, Server
from tests.helpers.stream_clients import camera_message, played
from tests.helpers.stream_host import HELLO
from tests.helpers.synthetic import keypoints_of, smooth_motion

SIZE = (1280, 720)


@pytest.fixture(scope="module")
def keypoints():
    return keypoints_of(smooth_motion(np.random.default_rng(3), 0.5, 30.0), SIZE)


def test_the_newest_frame_wins_and_each_camera_is_a_take(keypoints) -> None:
    incoming, stop = Incoming(), threading.Event()
    incoming.begin("page", SIZE)
    for i in range(3):
        incoming.put("page", camera_message(keypoints, i))
    frames = incoming.frames(stop)
    seen = next(frames)
    assert seen.points.stamp.time == keypoints.times[2]
    assert seen.restarted
    assert seen.keypoints.camera.size == SIZE
    incoming.put("page", camera_message(keypoints, 1))  # an old one, passed over
    threading.Timer(0.1, lambda: incoming.put("page", camera_message(keypoints, 4))).start()
    seen = next(frames)
    assert seen.points.stamp.time == keypoints.times[4]
    assert not seen.restarted
    incoming.begin("page", (640, 480))
    incoming.put("page", camera_message(keypoints, 0))
    seen = next(frames)
    assert seen.restarted
    assert seen.keypoints.camera.size == (640, 480)
    stop.set()
    assert next(frames, None) is None


def test_each_camera_has_its_own_performer_and_the_longest_waiting_is_next(
    keypoints,
) -> None:
    incoming, stop = Incoming(), threading.Event()
    assert [incoming.begin(key, SIZE) for key in "abc"] == [0, 1, 2]
    assert incoming.end("b") == 1
    assert incoming.end("b") is None
    assert incoming.begin("d", SIZE) == 1, "the lowest number that is free"
    assert incoming.begin("a", (640, 480)) == 0, "another picture of the same camera"
    for key in "dac":
        incoming.put(key, camera_message(keypoints, 0))
    frames = incoming.frames(stop)
    assert [next(frames).points.stamp.subject for _ in range(3)] == [1, 0, 2]
    with pytest.raises(protocol.ProtocolError, match="camera message"):
        incoming.put("b", camera_message(keypoints, 0))
    for n in range(MOST - 3):
        incoming.begin(n, SIZE)
    with pytest.raises(protocol.ProtocolError, match=f"{MOST} performers"):
        incoming.begin("one more", SIZE)


def test_a_reconnecting_page_keeps_its_performer(
    keypoints,
) -> None:
    incoming, stop = Incoming(), threading.Event()
    incoming.begin("lost", SIZE, "page")
    incoming.begin("other", SIZE, "another page")
    assert incoming.begin("again", SIZE, "page") == 0
    assert incoming.end("lost") is None, "no performer has left"
    incoming.put("again", camera_message(keypoints, 0))
    assert next(incoming.frames(stop)).points.stamp.subject == 0
    # Pages that do not identify themselves are different ones.
    assert [incoming.begin(key, SIZE) for key in "ab"] == [2, 3]


def with_hands(keypoints, rng) -> Keypoints:
    """Return the take with hands at its wrists, and a face."""
    frames = len(keypoints)
    hands = 0.05 * rng.normal(size=(frames, 2, 21, 3))
    hands -= hands[:, :, :1]
    pixels = keypoints.image[:, [15, 16], None] + 300.0 * hands[..., :2]
    transform = np.tile(np.eye(4), (frames, 1, 1))
    transform[:, :3, 3] = rng.normal(size=(frames, 3))
    face = rng.uniform(0, 400, (frames, 478, 3))
    told = rng.uniform(0, 1, (frames, 51))
    confidence = np.tile([0.9, 0.8], (frames, 1))
    return replace(
        keypoints,
        hands=hands,
        hands_image=pixels,
        hands_confidence=confidence,
        face=face,
        face_transform=transform,
        face_blendshapes=told,
    )


def test_hands_and_face_arrive_as_the_detector_gives_them(keypoints) -> None:
    whole = with_hands(keypoints, np.random.default_rng(5))
    stamp = protocol.FrameHeader(7, 0.0, 0.0)
    width, height = SIZE
    # Found about the other's wrist, as hands that cross are.
    found = [1, 0]
    left = [1.0 - whole.hands_confidence[0, 1], whole.hands_confidence[0, 0]]
    points = protocol.KeypointsMessage(
        stamp,
        np.concatenate([whole.image[0], *whole.hands_image[0, found]]) / SIZE,
        np.concatenate([whole.positions[0], *whole.hands[0, found]]),
        np.concatenate([whole.confidence[0], np.repeat(left, 21)]),
    )
    face = protocol.FaceMessage(
        stamp,
        whole.face_transform[0],
        whole.face[0] / [width, height, width],
        whole.face_blendshapes[0],
    )
    incoming = Incoming(hands=True, face=True)
    incoming.begin("page", SIZE)
    for message in (face, points):
        incoming.put("page", protocol.decode_seen(protocol.encode(message)))
    seen = next(incoming.frames(threading.Event())).keypoints
    for name in (
        "positions",
        "image",
        "confidence",
        "hands",
        "hands_image",
        "hands_confidence",
        "face",
        "face_transform",
        "face_blendshapes",
    ):
        np.testing.assert_allclose(
            getattr(seen, name), getattr(whole, name)[:1], rtol=1e-5, atol=1e-4, err_msg=name
        )
    # The next frame shows neither: there is room for them, and they are not seen.
    later = protocol.FrameHeader(8, 1.0, 0.0)
    incoming.put(
        "page",
        protocol.KeypointsMessage(
            later, points.image[:33], points.positions[:33], points.confidence[:33]
        ),
    )
    seen = next(incoming.frames(threading.Event())).keypoints
    assert np.isnan(seen.hands).all()
    assert np.isnan(seen.face).all()
    assert np.isnan(seen.face_transform).all()


def test_received_keypoints_are_solved_like_detected_ones(keypoints) -> None:
    here, there = LivePerformer(None), LivePerformer(None)
    for i in range(len(keypoints)):
        points = protocol.decode_seen(protocol.encode(camera_message(keypoints, i)))
        sent = there.follow(as_keypoints(points, SIZE))
        kept = here.follow(keypoints.slice(i, i + 1))
        assert np.abs(sent.rotations - kept.rotations).max() < 1e-3
    assert retarget(kept, HUMANOID).skeleton.names == HUMANOID.names


def test_unseen_landmarks_have_no_confidence(keypoints) -> None:
    points = camera_message(keypoints, 0)
    positions = points.positions.copy()
    positions[5] = np.nan
    found = as_keypoints(
        protocol.KeypointsMessage(points.stamp, points.image, positions, np.full(33, 2.0)), SIZE
    )
    assert found.confidence[0, 5] == 0.0
    assert found.confidence[0, 6] == 1.0
    assert np.isnan(found.image[0, 5]).all()


def test_other_numbers_of_landmarks_are_refused(keypoints) -> None:
    points = camera_message(keypoints, 0)
    incoming = Incoming()
    incoming.begin("page", SIZE)
    with pytest.raises(
        protocol.ProtocolError, match="33 landmarks, or 75 with both hands, but are 17"
    ):
        incoming.put(
            "page",
            protocol.KeypointsMessage(
                points.stamp, points.image[:17], points.positions[:17], points.confidence[:17]
            ),
        )


class Heard(list):
    """Collects what cameras report."""

    def begun(self, key, camera) -> None:
        self.append((key, camera.name))

    def seen(self, key, message) -> None:
        self.append((key, message.stamp.frame))

    def gone(self, key) -> None:
        self.append((key, "gone"))


def test_frames_come_with_the_id_of_their_viewer(keypoints) -> None:
    async def scene() -> None:
        heard = Heard()
        async with Server(HELLO, {}, port=0, handlers=Handlers(cameras=heard)) as server:
            address = f"ws://127.0.0.1:{server.port}/stream"
            async with (
                connect(address, subprotocols=[protocol.SUBPROTOCOL]) as first,
                connect(address, subprotocols=[protocol.SUBPROTOCOL]) as second,
            ):
                await first.send(protocol.encode_text(protocol.CameraMessage("one", 640, 480)))
                await first.send(protocol.encode(camera_message(keypoints, 0, 4)))
                await _until(lambda: len(heard) == 2)
                await second.send(protocol.encode_text(protocol.CameraMessage("two", 640, 480)))
                await second.send(protocol.encode(camera_message(keypoints, 0, 5)))
                await _until(lambda: len(heard) == 4)
                (one, _), _, (two, _), _ = heard
                assert heard == [(one, "one"), (one, 4), (two, "two"), (two, 5)]
                assert one != two
                header = protocol.HEADER.pack(protocol.POSE, 0, 0, 0.0, 0.0)
                await second.send(header + bytes(12))
                assert "kind 2" in await _last_words(second)
                await _until(lambda: len(heard) == 5)
                assert heard[-1] == (two, "gone")
        async with (
            Server(HELLO, {}, port=0) as server,
            connect(
                f"ws://127.0.0.1:{server.port}/stream", subprotocols=[protocol.SUBPROTOCOL]
            ) as viewer,
        ):
            await viewer.send(protocol.encode_text(protocol.CameraMessage("one", 640, 480)))
            assert "--browser" in await _last_words(viewer)

    played(scene())


async def _last_words(connection) -> str:
    """Return the reason for which the server closed the connection."""
    try:
        while True:
            await connection.recv()
    except ConnectionClosedError as error:
        return str(error.rcvd.reason)


async def _until(condition) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def test_frames_of_pose_detection_are_read_with_and_without_a_size(keypoints) -> None:
    take = json.loads(keypoints_json.dumps(keypoints.slice(0, 1)))
    poses = take["frames"][0]["poses"]
    found = foreign_frame(json.dumps({"width": SIZE[0], "height": SIZE[1], "poses": poses}), 5.0)
    assert found.camera.size == SIZE
    assert found.times.tolist() == [5.0]
    np.testing.assert_allclose(found.positions, keypoints.positions[:1], atol=1e-5)
    np.testing.assert_allclose(
        foreign_frame(json.dumps(poses), 5.0).positions, keypoints.positions[:1], atol=1e-5
    )
    assert np.isnan(foreign_frame("[]", 5.0).positions).all(), "no person"
    for wrong in ("nonsense", "3", '{"poses": [{"keypoints": 1}]}', "[[[1]]]"):
        with pytest.raises(InputError):
            foreign_frame(wrong, 0.0)


def test_only_pages_of_this_machine_drive_the_avatar(
    keypoints,
) -> None:
    take = json.loads(keypoints_json.dumps(keypoints))
    got: list[np.ndarray] = []

    async def scene() -> None:
        ready: asyncio.Future[Server] = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(
            live(
                options=LiveOptions(active="browser", detect=DetectOptions(model="lite")),
                page=PageOptions(port=0),
                ready=ready.set_result,
            )
        )
        server = await asyncio.wait_for(ready, 60)
        address = f"ws://127.0.0.1:{server.port}"
        with pytest.raises(InvalidStatus):
            await connect(f"{address}/ingest", origin="https://example.com")
        with pytest.raises(InvalidStatus):
            await connect(
                f"{address}/stream",
                subprotocols=[protocol.SUBPROTOCOL],
                origin="http://localhost:8000",
            )
        async with (
            connect(f"{address}/stream", subprotocols=[protocol.SUBPROTOCOL]) as viewer,
            connect(f"{address}/ingest", origin="http://localhost:8000") as page,
        ):
            for frame in take["frames"]:
                await page.send(
                    json.dumps({"width": SIZE[0], "height": SIZE[1], "poses": frame["poses"]})
                )
                while True:
                    message = await asyncio.wait_for(viewer.recv(), 60)
                    if (
                        isinstance(message, bytes)
                        and protocol.decode_header(message)[0] == protocol.POSE
                    ):
                        break
                got.append(protocol.decode(message, 55, len(EXPRESSIONS)).rotations)
                await viewer.send(
                    protocol.encode_text(protocol.Ack(protocol.decode_header(message)[1].frame))
                )
            await page.send("nonsense")
            assert "estimatePoses" in await _last_words(page)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    played(scene())
    assert len(got) == len(keypoints)
    assert np.abs(got[-1] - got[0]).max() > 1e-3, "it moves"


def test_a_viewer_can_have_the_performer_measured_again(keypoints) -> None:
    asked: list[protocol.Ask] = []

    async def scene() -> None:
        async with (
            Server(HELLO, {}, port=0, handlers=Handlers(on_ask=asked.append)) as server,
            connect(
                f"ws://127.0.0.1:{server.port}/stream", subprotocols=[protocol.SUBPROTOCOL]
            ) as viewer,
        ):
            await viewer.send(protocol.encode_text(protocol.Calibrate()))
            await _until(lambda: asked == [protocol.Calibrate()])

    played(scene())


def test_a_viewer_gets_the_newest_frame_of_every_performer(keypoints) -> None:
    pose = protocol.PoseMessage(
        protocol.FrameHeader(0, 0.0, 0.0),
        np.zeros(3),
        np.tile([0.0, 0.0, 0.0, 1.0], (len(HELLO.skeleton.names), 1)),
        np.zeros(0),
    )

    async def scene() -> None:
        async with (
            Server(replace_expressions(HELLO), {}, port=0) as server,
            connect(
                f"ws://127.0.0.1:{server.port}/stream", subprotocols=[protocol.SUBPROTOCOL]
            ) as viewer,
        ):
            await viewer.recv()  # the hello
            # One is published far more often than the other.
            for frame in range(12):
                stamp = protocol.FrameHeader(frame, frame / 30, 0.0, subject=int(frame % 4 == 3))
                server.publish([protocol.encode(replace(pose, stamp=stamp))])
            got: dict[int, int] = {}
            while got != {0: 10, 1: 11}:
                stamp = protocol.decode_header(await asyncio.wait_for(viewer.recv(), 60))[1]
                assert stamp.frame > got.get(stamp.subject, -1)
                got[stamp.subject] = stamp.frame
                await viewer.send(protocol.encode_text(protocol.Ack(max(got.values()))))
            server.gone(1)
            while isinstance(told := await asyncio.wait_for(viewer.recv(), 60), bytes):
                pass
            assert protocol.decode_server_text(told) == protocol.Gone(1)

    played(scene())


def replace_expressions(hello: protocol.Hello) -> protocol.Hello:
    return msgspec.structs.replace(hello, expressions=())
