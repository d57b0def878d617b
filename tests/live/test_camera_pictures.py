"""Pictures of a page's own camera in a take: small whole JPEGs alone, few, and after the poses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mocap.capture.picture import jpeg
from mocap.live.broadcast import Broadcast
from mocap.live.cameras import BrowserCameras
from mocap.live.options import LiveOptions
from mocap.live.orders import Orders
from mocap.stream import protocol
from mocap.stream.seen import MAX_SEEN_BYTES
from mocap.studio.pictures import PictureRecording, read_index
from mocap.studio.recorder import TakeRecorder
from mocap.studio.takes import TakesFolder
from tests.helpers.solved import StrictWatcher
from tests.helpers.stream_clients import camera_message
from tests.helpers.synthetic import keypoints_of, smooth_motion

SIZE = (64, 48)
PICTURE = jpeg(np.random.default_rng(0).integers(0, 255, (*SIZE[::-1], 3), np.uint8), SIZE[0])


class Recorded(StrictWatcher):
    """A page's camera whose frames are recorded with their pictures."""

    def __init__(self, folder: Path) -> None:
        self.recorder = TakeRecorder(TakesFolder(folder))
        self.cameras = BrowserCameras(LiveOptions(active="browser"))
        self.orders = Orders("browser")
        self.published: list[int] = []
        self.cameras.begun("page", protocol.CameraMessage("page", *SIZE))
        self.recorder.start(pictures=True)
        self.keypoints = keypoints_of(smooth_motion(np.random.default_rng(3), 1.0, 30.0), SIZE)

    def send(self, message: protocol.Seen) -> None:
        self.cameras.seen("page", protocol.decode_seen(protocol.encode(message)))

    def picture(self, frame: int) -> protocol.PictureMessage:
        time = float(self.keypoints.times[frame])
        return protocol.PictureMessage(protocol.FrameHeader(frame, time, 0.0), PICTURE)

    def solve(self, frame: int) -> None:
        self.send(camera_message(self.keypoints, frame, frame))
        self.orders.leave.clear()
        output = Broadcast(self._publish, (), [self.recorder.hear], [self.recorder.see])
        self.cameras.follow(self.orders, output, self)

    def _publish(self, messages) -> None:
        self.published.append(len(messages))
        self.orders.leave.set()


def test_pictures_of_a_page_camera_are_kept_beside_its_keypoints(tmp_path: Path) -> None:
    camera = Recorded(tmp_path)
    assert camera.recorder.state().pictures
    for frame in range(4):
        camera.solve(frame)
        camera.send(camera.picture(frame))
    camera.solve(4)
    assert camera.published == [2] * 5  # poses come as before, without pictures
    name, frames, pictures = camera.recorder.stop()
    assert (frames, pictures) == (5, 4)
    [file] = tmp_path.glob("*.mjpg")
    assert file.stem == name
    np.testing.assert_allclose(read_index(file).times, camera.keypoints.times[:4], atol=1e-6)


def test_a_flood_of_pictures_is_thinned_and_old_ones_are_left_out(tmp_path: Path) -> None:
    camera = Recorded(tmp_path)
    camera.solve(5)
    for frame in (3, *range(6, 30), 28):
        camera.send(camera_message(camera.keypoints, frame, frame))
        for _ in range(20):
            camera.send(camera.picture(frame))
    camera.solve(29)
    _, _, pictures = camera.recorder.stop()
    assert 1 <= pictures <= 4


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (jpeg(np.zeros((800, 900, 3), np.uint8), 900), "900 × 800"),
        (PICTURE[:-2] + bytes(2**18) + b"\xff\xd9", "61440 bytes"),
        (PICTURE[: len(PICTURE) // 2], "whole JPEG"),
        (b"\xff\xd8\xff\xd9", "whole JPEG"),
        (b"GIF89a", "must be a JPEG"),
    ],
    ids=["large", "heavy", "cut off", "empty", "another format"],
)
def test_a_camera_sends_small_whole_jpegs_alone(data: bytes, said: str) -> None:
    header = protocol.HEADER.pack(protocol.PICTURE, 0, 1, 0.0, 0.0)
    with pytest.raises(protocol.ProtocolError, match=said):
        protocol.decode_seen(header + data)


MARK = b"\xff\xd8\xff\xfe\x00\x1cmocap t=" + b"9" * 18


@given(at=st.integers(2, len(PICTURE) - 2), put=st.binary(max_size=40))
@example(at=len(PICTURE) // 2, put=MARK)
def test_no_picture_that_is_accepted_hides_the_next(
    tmp_path_factory: pytest.TempPathFactory, at: int, put: bytes
) -> None:
    changed = PICTURE[:at] + put + PICTURE[at:]
    header = protocol.HEADER.pack(protocol.PICTURE, 0, 1, 1.0, 0.0)
    try:
        message = protocol.decode_seen(header + changed)
    except protocol.ProtocolError:
        return
    assert isinstance(message, protocol.PictureMessage)
    path = tmp_path_factory.mktemp("take") / "take.mjpg"
    with PictureRecording(path) as recording:
        for time, data in enumerate((PICTURE, message.jpeg, PICTURE)):
            recording.append(float(time), data)
    assert read_index(path).times[-1] == 2.0


def test_the_largest_picture_fits_a_message_that_the_server_accepts() -> None:
    assert protocol.HEADER.size + MAX_SEEN_BYTES <= protocol.MAX_TEXT


def test_a_picture_without_keypoints_does_not_hide_later_ones(tmp_path: Path) -> None:
    camera = Recorded(tmp_path)
    camera.solve(0)
    for time in (99.0, 1e10):
        camera.send(protocol.PictureMessage(protocol.FrameHeader(9, time, 0.0), PICTURE))
    for frame in range(1, 4):
        camera.solve(frame)
        camera.send(camera.picture(frame))
    camera.solve(4)
    camera.recorder.stop()
    [file] = tmp_path.glob("*.mjpg")
    np.testing.assert_allclose(read_index(file).times, camera.keypoints.times[1:4], atol=1e-6)
