"""Pages' cameras solved without a server: calibration, start, failure and leaving."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core.keypoints import Keypoints
from mocap.live.broadcast import Broadcast
from mocap.live.cameras import BrowserCameras
from mocap.live.options import LiveOptions
from mocap.live.orders import Orders
from mocap.live.performer import LivePerformer
from mocap.stream import protocol
from tests.helpers.stream_clients import camera_message
from tests.helpers.synthetic import keypoints_of, smooth_motion

SIZE = (1280, 720)


@pytest.fixture(scope="module")
def keypoints() -> Keypoints:
    return keypoints_of(smooth_motion(np.random.default_rng(3), 0.5, 30.0), SIZE)


class Stage:
    """Solves what cameras see without a server, and calls a function after each pose."""

    def __init__(self, expressions=("jawOpen",)) -> None:
        self.cameras = BrowserCameras(LiveOptions(active="browser"))
        self.cameras.attach(self, self.gone)
        self.orders = Orders("browser")
        self.output = Broadcast(self.publish, expressions, ())
        self.subjects: list[int] = []
        self.events: list[object] = []
        self.after = lambda count: None

    def run(self) -> None:
        self.cameras.follow(self.orders, self.output, self)

    def publish(self, messages) -> None:
        self.subjects.append(protocol.decode_header(messages[-1])[1].subject)
        self.after(len(self.subjects))

    def gone(self, subject) -> None:
        self.events.append(("gone", subject))

    def camera_began(self, shown) -> None:
        self.events.append(("began", shown.name))

    def cameras_left(self) -> None:
        self.events.append("left")

    def watch(self, keypoints) -> None:
        self.events.append("watched")

    def failed(self, sentence) -> None:
        self.events.append(("failed", sentence))

    def notice(self, sentence) -> None:
        self.events.append(("notice", sentence))


def test_a_request_to_calibrate_measures_every_performer_again(keypoints, monkeypatch) -> None:
    made = []
    monkeypatch.setattr(
        "mocap.live.cameras.LivePerformer",
        lambda *a, **k: made.append(LivePerformer(*a, **k)) or made[-1],
    )
    stage = Stage()
    for key in ("one", "two"):
        stage.cameras.begun(key, protocol.CameraMessage(key, *SIZE))

    def act(count: int) -> None:
        """Actions by the number of poses after which they run."""
        if count == 5:
            stage.orders.end()
            return
        if count == 3:
            stage.orders.calibrate()
        stage.cameras.seen("two" if count % 2 else "one", camera_message(keypoints, count, count))

    stage.after = act
    act(0)
    stage.run()
    assert stage.subjects == [0, 1, 0, 1, 0]
    assert len(made) == 4, "both are measured again after the third"
    stage.cameras.gone("one")
    assert stage.events[-1] == ("gone", 0)
    stage.cameras.gone("two")
    assert stage.events[-2:] == [("gone", 1), "left"]


def test_a_page_that_changes_its_camera_begins_a_new_take(keypoints) -> None:
    """A phone's front and rear cameras have the same clock and may have the same size."""
    stage, marks = Stage(), []
    stage.output = Broadcast(stage.publish, (), [lambda heard, motion: marks.append(heard)])
    stage.cameras.begun("page", protocol.CameraMessage("front", *SIZE))

    def act(count: int) -> None:
        if count == 4:
            stage.orders.end()
            return
        if count == 2:
            stage.cameras.begun("page", protocol.CameraMessage("rear", *SIZE))
        stage.cameras.seen("page", camera_message(keypoints, count, count))

    stage.after = act
    act(0)
    stage.run()
    assert [heard.new_take is not None for heard in marks] == [False, False, True, False]


def test_a_camera_becomes_active_with_its_first_frame(keypoints) -> None:
    stage = Stage()
    stage.cameras.begun("one", protocol.CameraMessage("a phone", *SIZE))
    assert stage.events == []
    stage.cameras.seen("one", camera_message(keypoints, 0, 0))
    stage.cameras.seen("one", camera_message(keypoints, 1, 1))
    assert stage.events == [("began", "a phone")]


def test_a_camera_that_leaves_while_its_frame_is_solved_leaves_no_pose(
    keypoints, monkeypatch
) -> None:
    follow, stage = LivePerformer.follow, Stage()

    def leaves(self, frame):
        stage.cameras.gone("one")
        stage.orders.end()
        return follow(self, frame)

    monkeypatch.setattr(LivePerformer, "follow", leaves)
    stage.cameras.begun("one", protocol.CameraMessage("one", *SIZE))
    stage.cameras.seen("one", camera_message(keypoints, 0))
    stage.run()
    assert stage.subjects == []
    assert stage.events[1:] == [("gone", 0), "left"], "and the source is not running again"


def test_an_error_of_one_performer_is_reported_and_stops_no_other(
    keypoints, monkeypatch, caplog
) -> None:
    follow = LivePerformer.follow

    def fails(self, frame):
        if frame.times[0] == keypoints.times[1]:
            raise ZeroDivisionError("a planted fault")
        return follow(self, frame)

    monkeypatch.setattr(LivePerformer, "follow", fails)
    stage = Stage()
    for key in ("one", "two"):
        stage.cameras.begun(key, protocol.CameraMessage(key, *SIZE))

    def act(count: int) -> None:
        if count == 4:
            stage.orders.end()
        elif count == 1:
            stage.cameras.seen("one", camera_message(keypoints, 1, 1))  # fails
            stage.cameras.seen("two", camera_message(keypoints, 0, 0))
        else:
            stage.cameras.seen("one", camera_message(keypoints, count, count))

    stage.after = act
    stage.cameras.seen("one", camera_message(keypoints, 0, 0))
    stage.run()
    assert stage.subjects == [0, 1, 0, 0]
    failed = [e[1] for e in stage.events if e[0] == "failed"]
    assert len(failed) == 1
    assert "a planted fault" in failed[0]
    assert sum("ZeroDivisionError" in r.getMessage() for r in caplog.records) <= 1
