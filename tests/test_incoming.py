"""Keypoints from a page's camera: newest wins, takes begin anew with another camera, and nothing that is not seen is made up."""

from __future__ import annotations

import asyncio
import json
import threading

import numpy as np
import pytest
from stream_clients import played
from stream_host import HELLO
from synthetic import keypoints_of, smooth_motion
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from mocap import pipeline
from mocap.errors import InputError
from mocap.formats import keypoints_json
from mocap.incoming import Incoming, as_keypoints, foreign_frame
from mocap.pipeline import LivePerformer
from mocap.retarget import retarget
from mocap.skeleton import HUMANOID
from mocap.stream import protocol
from mocap.stream.server import Server

SIZE = (1280, 720)


def message(keypoints, i: int, frame: int = 0) -> protocol.Points:
    stamp = protocol.Stamp(frame, float(keypoints.times[i]), 0.0)
    return protocol.Points(stamp, keypoints.image[i] / keypoints.image_size, keypoints.positions[i], keypoints.confidence[i])


@pytest.fixture(scope="module")
def keypoints():
    return keypoints_of(smooth_motion(np.random.default_rng(3), 0.5, 30.0), SIZE)


def test_the_newest_frame_wins_and_another_camera_is_another_take(keypoints) -> None:
    incoming, stop = Incoming(), threading.Event()
    incoming.begin(SIZE)
    for i in range(3):
        incoming.put(message(keypoints, i))
    frames = incoming.frames(stop)
    points, found, restarted = next(frames)
    assert points.stamp.time == keypoints.times[2]
    assert restarted
    assert found.image_size == SIZE
    incoming.put(message(keypoints, 1))  # an old one, passed over
    threading.Timer(0.1, lambda: incoming.put(message(keypoints, 4))).start()
    points, _, restarted = next(frames)
    assert points.stamp.time == keypoints.times[4]
    assert not restarted
    incoming.begin((640, 480))
    incoming.put(message(keypoints, 0))
    _, found, restarted = next(frames)
    assert restarted
    assert found.image_size == (640, 480)
    stop.set()
    assert next(frames, None) is None


def test_what_comes_over_the_wire_is_solved_as_what_a_detector_sees(keypoints) -> None:
    here, there = LivePerformer(None), LivePerformer(None)
    for i in range(len(keypoints)):
        points = protocol.decode_points(protocol.encode(message(keypoints, i)))
        sent = there.follow(as_keypoints(points, SIZE))
        kept = here.follow(keypoints.slice(i, i + 1))
        assert np.abs(sent.rotations - kept.rotations).max() < 1e-3
    assert retarget(kept, HUMANOID).skeleton.names == HUMANOID.names


def test_what_is_not_seen_has_no_confidence(keypoints) -> None:
    points = message(keypoints, 0)
    positions = points.positions.copy()
    positions[5] = np.nan
    found = as_keypoints(protocol.Points(points.stamp, points.image, positions, np.full(33, 2.0)), SIZE)
    assert found.confidence[0, 5] == 0.0
    assert found.confidence[0, 6] == 1.0
    assert np.isnan(found.image[0, 5]).all()


def test_other_numbers_of_landmarks_are_refused(keypoints) -> None:
    points = message(keypoints, 0)
    with pytest.raises(protocol.ProtocolError, match="33 landmarks, but 17 came"):
        Incoming().put(protocol.Points(points.stamp, points.image[:17], points.positions[:17], points.confidence[:17]))


def test_only_the_viewer_that_leads_is_listened_to(keypoints) -> None:
    async def scene() -> None:
        cameras, seen = [], []
        async with Server(HELLO, {}, port=0, on_camera=cameras.append, on_keypoints=seen.append) as server:
            address = f"ws://127.0.0.1:{server.port}/stream"
            async with (
                connect(address, subprotocols=[protocol.SUBPROTOCOL]) as first,
                connect(address, subprotocols=[protocol.SUBPROTOCOL]) as second,
            ):
                data = protocol.encode(message(keypoints, 0))
                await first.send(data)  # before it leads
                await first.send(protocol.encode_text(protocol.Camera("one", 640, 480)))
                await first.send(data)
                await _until(lambda: len(seen) == 1)
                await second.send(protocol.encode_text(protocol.Camera("two", 640, 480)))
                await second.send(data)
                await _until(lambda: len(seen) == 2)
                await first.send(data)
                await second.send(data)
                await _until(lambda: len(seen) == 3)
                assert [c.name for c in cameras] == ["one", "two"]
                await second.send(protocol.encode(protocol.Picture(protocol.Stamp(0, 0.0, 0.0), b"\xff\xd8\xff\xd9")))
                assert "kind 2" in await _last_words(second)
        async with (
            Server(HELLO, {}, port=0) as server,
            connect(f"ws://127.0.0.1:{server.port}/stream", subprotocols=[protocol.SUBPROTOCOL]) as viewer,
        ):
            await viewer.send(protocol.encode_text(protocol.Camera("one", 640, 480)))
            assert "--browser" in await _last_words(viewer)

    played(scene())


async def _last_words(connection) -> str:
    """Why the server closed it."""
    try:
        while True:
            await connection.recv()
    except ConnectionClosedError as error:
        return str(error.rcvd.reason)


async def _until(condition) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def test_a_frame_of_pose_detections_own_is_read_with_and_without_its_size(keypoints) -> None:
    take = json.loads(keypoints_json.dumps(keypoints.slice(0, 1)))
    poses = take["frames"][0]["poses"]
    found = foreign_frame(json.dumps({"width": SIZE[0], "height": SIZE[1], "poses": poses}), 5.0)
    assert found.image_size == SIZE
    assert found.times.tolist() == [5.0]
    np.testing.assert_allclose(found.positions, keypoints.positions[:1], atol=1e-5)
    np.testing.assert_allclose(foreign_frame(json.dumps(poses), 5.0).positions, keypoints.positions[:1], atol=1e-5)
    assert np.isnan(foreign_frame("[]", 5.0).positions).all(), "nobody"
    for wrong in ("nonsense", "3", '{"poses": [{"keypoints": 1}]}', "[[[1]]]"):
        with pytest.raises(InputError):
            foreign_frame(wrong, 0.0)


def test_a_page_of_another_server_on_this_machine_drives_the_avatar_and_one_of_the_internet_does_not(keypoints) -> None:
    take = json.loads(keypoints_json.dumps(keypoints))
    got: list[np.ndarray] = []

    async def scene() -> None:
        ready: asyncio.Future[Server] = asyncio.get_running_loop().create_future()
        live = asyncio.create_task(pipeline.live(None, "browser", "lite", port=0, ready=ready.set_result))
        server = await asyncio.wait_for(ready, 60)
        address = f"ws://127.0.0.1:{server.port}"
        with pytest.raises(InvalidStatus):
            await connect(f"{address}/ingest", origin="https://example.com")
        with pytest.raises(InvalidStatus):
            await connect(f"{address}/stream", subprotocols=[protocol.SUBPROTOCOL], origin="http://localhost:8000")
        async with (
            connect(f"{address}/stream", subprotocols=[protocol.SUBPROTOCOL]) as viewer,
            connect(f"{address}/ingest", origin="http://localhost:8000") as page,
        ):
            for frame in take["frames"]:
                await page.send(json.dumps({"width": SIZE[0], "height": SIZE[1], "poses": frame["poses"]}))
                while True:
                    message = await asyncio.wait_for(viewer.recv(), 10)
                    if isinstance(message, bytes) and protocol.decode_header(message)[0] == protocol.POSE:
                        break
                got.append(protocol.decode(message, 55, 0).rotations)
                await viewer.send(protocol.encode_text(protocol.Ack(protocol.decode_header(message)[1].frame)))
            await page.send("nonsense")
            assert "estimatePoses" in await _last_words(page)
        live.cancel()
        await asyncio.gather(live, return_exceptions=True)

    played(scene())
    assert len(got) == len(keypoints)
    assert np.abs(got[-1] - got[0]).max() > 1e-3, "it moves"


def test_who_stands_upright_is_measured_anew_when_a_viewer_asks(keypoints) -> None:
    asked: list[bool] = []

    async def scene() -> None:
        async with (
            Server(HELLO, {}, port=0, on_calibrate=lambda: asked.append(True)) as server,
            connect(f"ws://127.0.0.1:{server.port}/stream", subprotocols=[protocol.SUBPROTOCOL]) as viewer,
        ):
            await viewer.send(protocol.encode_text(protocol.Calibrate()))
            await _until(lambda: asked)

    played(scene())
    incoming, stop, anew = Incoming(), threading.Event(), threading.Event()
    performer, restarts = LivePerformer(None), []
    performer.restart = lambda camera=None: restarts.append(camera)  # type: ignore[method-assign]

    class Heard(Server):
        def publish_threadsafe(self, messages) -> None:
            stop.set()

    incoming.put(message(keypoints, 0))
    anew.set()
    pipeline._follow(incoming, performer, None, Heard(HELLO, {}), stop, anew, ())
    assert restarts == [None]
    assert not anew.is_set()
