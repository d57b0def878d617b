"""Cameras: the newest picture, and sentences for cameras that stop or are missing."""

from __future__ import annotations

import threading
import time

import cv2
import numpy as np
import pytest

from mocap.capture.source import Frame
from mocap.capture.webcam import Webcam, list_cameras
from mocap.errors import DeviceError
from tests.helpers.videos import HEIGHT, WIDTH, write_video


@pytest.mark.flaky(reruns=2)  # wall clock
def test_a_slow_reader_of_a_camera_gets_the_newest_picture(tmp_path):
    images = [np.full((HEIGHT, WIDTH, 3), 20 + i // 10, np.uint8) for i in range(2000)]
    path = write_video(tmp_path / "x.mp4", np.arange(2000) * 33, "mpeg4", images)
    with Webcam(7, capture=cv2.VideoCapture(str(path))) as camera:
        assert camera.size == (WIDTH, HEIGHT)
        frames = iter(camera)
        first = next(frames)
        time.sleep(0.05)
        before = time.perf_counter()
        second = next(frames)
        assert isinstance(first, Frame)
        assert second.image.mean() > first.image.mean() + 2
        assert second.time > first.time
        assert abs(second.time - before) < 0.2
    assert not any(t.name == "camera 7" for t in threading.enumerate())


def test_a_camera_that_stops_raises(tmp_path):
    path = write_video(tmp_path / "x.mp4", range(0, 200, 40))
    camera = Webcam(7, capture=cv2.VideoCapture(str(path)))
    with pytest.raises(DeviceError, match="Camera 7 has stopped sending"):
        list(camera)
    camera.close()


@pytest.mark.flaky(reruns=2)  # wall clock
def test_closing_a_camera_ends_a_waiting_iteration(tmp_path):
    camera = Webcam(
        7, capture=cv2.VideoCapture(str(write_video(tmp_path / "x.mp4", range(0, 200, 40))))
    )
    threading.Timer(0.3, camera.close).start()
    begun = time.perf_counter()
    assert len(list(camera)) <= 5
    assert time.perf_counter() - begun < 0.9


@pytest.mark.parametrize("number", [97, -1])
def test_a_missing_camera_error_lists_the_cameras(number):
    cameras = list_cameras()
    with pytest.raises(DeviceError, match=f"There is no camera {number}") as error:
        Webcam(number)
    assert all(str(n) in str(error.value) for n in cameras)
    assert cameras or "nor any other" in str(error.value)
