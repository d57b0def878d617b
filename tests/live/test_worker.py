"""The solver's thread: sources that fail and return, errors that stop no other performer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from mocap.capture.source import Frame, Source
from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.detect.options import DetectOptions
from mocap.errors import DeviceError
from mocap.live import worker as worker_module
from mocap.live.broadcast import Broadcast
from mocap.live.cameras import BrowserCameras
from mocap.live.options import LiveOptions, ServerSource
from mocap.live.orders import Orders
from mocap.live.state import LiveState
from mocap.live.worker import Worker
from mocap.stream import protocol
from mocap.stream.logs import INTERVAL, RateLimitedLog
from tests.helpers.pictures import far_away

OPTIONS = LiveOptions(detect=DetectOptions(hands=False, face=False))
IMAGE = np.zeros((48, 64, 3), np.uint8)


class FakeCamera(Source):
    """A camera that gives some frames and then fails."""

    def __init__(self, frames: int, error: Exception | None) -> None:
        super().__init__("camera 0", (64, 48), 30.0, None)
        self._frames, self._error = frames, error
        self.closed = False

    def __iter__(self) -> Iterator[Frame]:
        for i in range(self._frames):
            yield Frame(float(i), IMAGE)
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self.closed = True


class FakeDetector:
    """A detector that sees no person and calls `fault` with the number of each frame."""

    def __init__(self, fault: Callable[[int], None] = lambda frame: None) -> None:
        self._fault = fault
        self.made = self.seen = 0
        self.asked_for: list[tuple[float, float] | None] = []

    def __call__(self, *options) -> FakeDetector:
        self.made += 1
        return self

    def detect(self, image: np.ndarray, time: float) -> Keypoints:
        self.seen += 1
        self._fault(self.seen)
        nothing = np.full((1, 33, 3), np.nan)
        return Keypoints(
            np.array([time]), nothing, nothing[..., :2], np.zeros((1, 33)), Camera.assumed((64, 48))
        )

    def next_person(self, at: tuple[float, float] | None = None) -> None:
        self.asked_for.append(at)

    def close(self) -> None: ...


class Scene:
    """A worker over fakes, which ends after some published frames."""

    options = OPTIONS

    def __init__(self, cameras: list[FakeCamera | Exception], until: int, monkeypatch) -> None:
        monkeypatch.setattr(worker_module, "RETRY", 0.01)
        monkeypatch.setattr(worker_module, "_RESTART", 0.01)
        self.cameras, self._until = cameras, until
        self.orders = Orders("server")
        self.states = [LiveState("server", protocol.SourceInfo("camera", "camera 0", 64, 48))]
        self.refused: list[str] = []
        self.heard = 0
        self.frames: list[int] = []

    def run(self, listeners=(), first: FakeCamera | None = None) -> None:
        output = Broadcast(self.publish, (), listeners)
        source = ServerSource("camera", self._open)
        work = Worker(source, self.options, self.orders, output, self.report, self.refuse)
        work.run(first or self._open(), BrowserCameras(self.options))

    def _open(self) -> FakeCamera:
        if not self.cameras:
            self.orders.end()
            raise DeviceError("No camera is left in this test.")
        camera = self.cameras.pop(0)
        if isinstance(camera, Exception):
            raise camera
        return camera

    def publish(self, messages) -> None:
        self.frames.append(protocol.decode_header(messages[-1])[1].frame)
        if len(self.frames) >= self._until:
            self.orders.end()

    def report(self, transition: Callable[[LiveState], LiveState]) -> None:
        self.states.append(transition(self.states[-1]))

    def refuse(self, sentence: str) -> None:
        self.refused.append(sentence)
        self.orders.end()

    @property
    def sources(self) -> list[str]:
        """Return the successive states of the source."""
        found = [state.source for state in self.states]
        return [s for i, s in enumerate(found) if i == 0 or s != found[i - 1]]


def test_an_unplugged_camera_is_reopened_when_it_returns(monkeypatch) -> None:
    monkeypatch.setattr(worker_module, "PerformerDetector", FakeDetector())
    unplugged = FakeCamera(2, DeviceError("Camera 0 has stopped sending pictures."))
    gone = DeviceError("There is no camera 0.")
    scene = Scene([unplugged, gone, gone, FakeCamera(3, None)], 5, monkeypatch)
    scene.run()
    assert scene.sources == ["starting", "running", "lost", "running"]
    assert scene.frames == [0, 1, 2, 3, 4]
    assert unplugged.closed
    problems = [state.problem for state in scene.states]
    assert "Camera 0 has stopped sending pictures." in problems
    assert problems[-1] == ""
    assert scene.refused == []


@pytest.mark.parametrize("error", [None, OSError("a driver's own error")])
def test_any_end_of_a_camera_counts_as_lost(monkeypatch, error) -> None:
    monkeypatch.setattr(worker_module, "PerformerDetector", FakeDetector())
    scene = Scene([FakeCamera(1, error), FakeCamera(1, None)], 2, monkeypatch)
    scene.run()
    assert scene.sources == ["starting", "running", "lost", "running"]


def test_a_missing_camera_chosen_on_a_page_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(worker_module, "PerformerDetector", FakeDetector())
    scene = Scene([DeviceError("There is no camera 0.")], 1, monkeypatch)
    output = Broadcast(scene.publish, (), ())
    source = ServerSource("camera", scene._open)
    Worker(source, OPTIONS, scene.orders, output, scene.report, scene.refuse).run(
        None, BrowserCameras(OPTIONS)
    )
    assert scene.refused == ["There is no camera 0."]
    assert scene.sources == ["starting"]


def test_a_detector_error_is_logged_shown_and_restarts_the_performer(monkeypatch, caplog) -> None:
    def fault(frame: int) -> None:
        if frame in {2, 4}:
            raise ZeroDivisionError("a planted fault")

    detector = FakeDetector(fault)
    monkeypatch.setattr(worker_module, "PerformerDetector", detector)
    monkeypatch.setattr("mocap.live.broadcast.log", RateLimitedLog(logging.getLogger("mocap.live")))
    recorded: list[float] = []
    scene = Scene([FakeCamera(6, None)], 4, monkeypatch)
    with caplog.at_level(logging.ERROR):
        scene.run([lambda keypoints, motion: recorded.append(keypoints.times[0])])
    assert len(scene.frames) == len(recorded) == 4, "viewers and the recording go on"
    assert detector.made == 3
    assert "lost" not in scene.sources
    assert any("a planted fault" in state.problem for state in scene.states)
    assert len([r for r in caplog.records if r.exc_info]) == 1, "logged once"


def test_a_listeners_error_stops_nothing_else(monkeypatch) -> None:
    monkeypatch.setattr(worker_module, "PerformerDetector", FakeDetector())
    heard: list[float] = []

    def fails(keypoints, motion) -> None:
        raise RuntimeError("a planted fault")

    scene = Scene([FakeCamera(3, None)], 3, monkeypatch)
    scene.run([fails, lambda keypoints, motion: heard.append(keypoints.times[0])])
    assert len(heard) == 3
    assert any("a planted fault" in state.problem for state in scene.states)


def test_a_repeated_log_line_appears_once_a_minute_with_a_count(caplog) -> None:
    now = [0.0]
    log = RateLimitedLog(logging.getLogger("mocap.live"), lambda: now[0])
    for second in range(0, 130, 10):
        now[0] = float(second)
        log.error("x", "It failed.")
    assert [r.getMessage() for r in caplog.records] == [
        "It failed.",
        "It failed. (5 more since the last record)",
        "It failed. (5 more since the last record)",
    ]
    assert INTERVAL == 60.0


@pytest.mark.parametrize(("at", "pixels"), [((0.25, 0.5), (16.0, 24.0)), (None, None)])
def test_a_request_for_a_person_at_a_point_is_in_pixels(monkeypatch, at, pixels) -> None:
    detector = FakeDetector()
    monkeypatch.setattr(worker_module, "PerformerDetector", detector)
    scene = Scene([FakeCamera(2, None)], 2, monkeypatch)
    scene.orders.person(protocol.NextPerson(at))
    scene.run()
    assert detector.asked_for == [pixels]


def test_a_person_of_15_percent_of_the_height_moves_the_avatar_live(monkeypatch) -> None:
    """With the real detector, on the server's camera: the tiles are searched frame by frame."""
    pictures = far_away(20)

    class Filming(FakeCamera):
        def __iter__(self) -> Iterator[Frame]:
            for image in pictures:
                yield Frame(time.perf_counter(), image)

    found: list[tuple[Keypoints, Motion]] = []
    camera = Filming(0, None)
    camera.size = (1280, 720)
    scene = Scene([], len(pictures), monkeypatch)
    scene.options = replace(OPTIONS, detect=replace(OPTIONS.detect, model="lite"))
    scene.run([lambda keypoints, motion: found.append((keypoints, motion))], camera)
    assert len(found) == len(scene.frames) == len(pictures)
    seen = [bool(np.isfinite(keypoints.image).all()) for keypoints, _ in found]
    assert all(seen[-10:]), "searched in tiles, then followed"
    points = np.concatenate([keypoints.image for keypoints, _ in found[-10:]])
    assert (points > [820, 330]).all()
    assert (points < [820 + 155 * 16 / 9, 330 + 155]).all()
    moved = R.distance(found[-1][1].rotations, found[0][1].rotations)
    assert np.degrees(moved).max() > 10.0, "the avatar left its rest pose"
