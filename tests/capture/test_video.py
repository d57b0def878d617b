"""Videos: frames come upright, in order, at the times of the container."""

from __future__ import annotations

import os
import re
import struct
import threading
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocap.capture.open import open_source
from mocap.capture.video import Video
from mocap.capture.video_times import Clock
from mocap.errors import InputError
from tests.helpers.pictures import red_corner
from tests.helpers.videos import HEIGHT, WIDTH, picture, uneven_times, write_video


def turn(path: Path, a: int, b: int, c: int, d: int) -> Path:
    """Set the display matrix of an MP4's first track, as a phone does that was held sideways.

    ISO/IEC 14496-12, tkhd.
    """
    data = bytearray(path.read_bytes())
    box = data.index(b"tkhd") + 4
    matrix = box + 4 + (32 if data[box] else 20) + 16
    assert struct.unpack(">9i", data[matrix : matrix + 36]) == (
        65536,
        0,
        0,
        0,
        65536,
        0,
        0,
        0,
        1 << 30,
    )
    data[matrix : matrix + 36] = struct.pack(
        ">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30
    )
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("x.mp4", "libx264"),
        ("x.mov", "mpeg4"),
        ("x.mkv", "libx264"),
        ("x.webm", "libvpx-vp9"),
        ("x.ts", "libx264"),
        ("x.avi", "mpeg4"),
    ],
)
def test_frame_times_are_the_containers(tmp_path, name, codec):
    # AVI knows no times, only a rate.
    times = np.arange(40) * 100 if name.endswith("avi") else uneven_times()
    if name.endswith("avi"):
        path = tmp_path / name
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (WIDTH, HEIGHT))
        for i in range(40):
            writer.write(picture(40 + 4 * i)[..., ::-1])
        writer.release()
    else:
        path = write_video(tmp_path / name, times, codec)
    frames = list(open_source(path))
    np.testing.assert_allclose([f.time for f in frames], times / 1000.0, atol=1e-6)
    shades = [f.image[-8:, -8:].mean() for f in frames]
    assert np.all(np.diff(shades) > 0), "the frames come in the order in which they are shown"


def test_a_video_that_starts_late_starts_at_its_first_frame(tmp_path):
    frames = list(Video(write_video(tmp_path / "x.mp4", uneven_times() + 5000)))
    np.testing.assert_allclose([f.time for f in frames], uneven_times() / 1000.0, atol=1e-6)


def test_the_given_rate_overrides_the_files(tmp_path):
    source = open_source(write_video(tmp_path / "x.mp4", uneven_times()), source_fps=240.0)
    assert source.fps == 240
    np.testing.assert_allclose([f.time for f in source], np.arange(40) / 240.0)


def test_a_recording_without_a_length_is_read_whole(tmp_path):
    # As browsers' MediaRecorder writes WebM: without a duration and without an index. `live` leaves
    # them out.
    path = write_video(tmp_path / "x.webm", uneven_times(), "libvpx", options={"live": "1"})
    source = Video(path)
    assert source.count is None
    np.testing.assert_allclose([f.time for f in source], uneven_times() / 1000.0, atol=1e-6)


def test_an_implausible_frame_rate_is_measured_instead(tmp_path):
    path = write_video(tmp_path / "x.ts", uneven_times(60))
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS) > 999  # or this test tests nothing
    source = Video(path)
    assert 1000.0 / 90 < source.fps < 1000.0 / 9
    assert source.count == pytest.approx(60, rel=0.4)


@given(
    st.lists(
        st.one_of(st.floats(-10, 1e4), st.just(0.0), st.just(float("nan")), st.just(float("inf"))),
        min_size=1,
        max_size=50,
    )
)
def test_times_increase_for_any_time_stamps(stamps):
    clock = Clock(1 / 30)
    times = [clock.time(s) for s in stamps]
    assert np.all(np.isfinite(times))
    assert np.all(np.diff(times) > 0)


def test_missing_time_stamps_and_clock_jumps_are_repaired():
    missing = Clock(0.1)
    np.testing.assert_allclose([missing.time(0.0) for _ in range(4)], [0.0, 0.1, 0.2, 0.3])
    back = Clock(0.1)
    np.testing.assert_allclose(
        [back.time(t) for t in (5.0, 5.2, 0.0, 0.3, 0.35)], [5.0, 5.2, 5.3, 5.6, 5.65]
    )


@pytest.mark.parametrize(
    ("matrix", "size", "corner"),
    [
        ((1, 0, 0, 1), (WIDTH, HEIGHT), "upper left"),
        ((0, 1, -1, 0), (HEIGHT, WIDTH), "upper right"),
        ((-1, 0, 0, -1), (WIDTH, HEIGHT), "lower right"),
        ((0, -1, 1, 0), (HEIGHT, WIDTH), "lower left"),
    ],
)
def test_a_rotated_phone_video_is_upright(tmp_path, matrix, size, corner):
    source = Video(turn(write_video(tmp_path / "x.mp4", range(0, 400, 40)), *matrix))
    frame = next(iter(source))
    assert source.size == size == (frame.image.shape[1], frame.image.shape[0])
    assert red_corner(frame.image) == corner


@pytest.mark.parametrize(
    ("aspect", "matrix", "size"),
    [
        (Fraction(4, 3), None, (128, 64)),
        (Fraction(1, 2), None, (96, 128)),
        (Fraction(4, 3), (0, 1, -1, 0), (64, 128)),
    ],
)
def test_non_square_pixels_are_stretched(tmp_path, aspect, matrix, size):
    path = write_video(tmp_path / "x.mp4", range(0, 400, 40), aspect=aspect)
    source = Video(turn(path, *matrix) if matrix else path)
    assert source.size == size
    assert next(iter(source)).image.shape == (size[1], size[0], 3)


def test_colours_are_in_rgb_order(tmp_path):
    frame = next(iter(Video(write_video(tmp_path / "x.mp4", range(0, 400, 40)))))
    assert np.abs(frame.image[16, 24].astype(int) - (230, 30, 30)).max() < 25


def test_each_iteration_starts_at_the_beginning(tmp_path):
    source = Video(write_video(tmp_path / "x.mp4", uneven_times()))
    first = next(iter(source))
    again = list(source)
    assert len(again) == 40 == source.count
    assert first.time == again[0].time == 0.0
    assert np.array_equal(first.image, again[0].image)


def test_leaving_early_ends_the_thread(tmp_path):
    before = threading.active_count()
    with open_source(write_video(tmp_path / "x.mp4", uneven_times())) as source:
        frames = iter(source)
        next(frames)
        assert threading.active_count() == before + 1
        frames.close()
    assert threading.active_count() == before


def test_file_names_in_any_script_and_with_colons_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("踊り é 1.mp4", *([] if os.name == "nt" else ["take: 2.mp4"]), "100%d.mp4"):
        write_video(tmp_path / "plain.mp4", range(0, 200, 40)).rename(name)
        assert len(list(open_source(name))) == 5


@pytest.mark.parametrize("fps", [0.0, -30.0, float("nan"), float("inf")])
def test_an_impossible_rate_is_refused(tmp_path, fps):
    with pytest.raises(InputError, match="frame rate must be a positive number"):
        Video(write_video(tmp_path / "x.mp4", range(0, 200, 40)), fps)


@pytest.mark.parametrize("address", ["https://example.org/a/dance.mp4", "file:///a/dance.mp4"])
@pytest.mark.parametrize("kind", [str, Path])
def test_an_address_keeps_its_slashes(address, kind):
    with pytest.raises(InputError, match=f"^{re.escape(address)} is an address, not a file"):
        open_source(kind(address))


def test_real_videos_are_read_whole_and_without_a_warning(data):
    squats = open_source(data / "videos/tfjs_pose_squats.mp4")
    np.testing.assert_allclose([f.time for f in squats], np.arange(65) * 0.2, atol=1e-6)
    assert (squats.size, squats.fps, squats.count) == ((720, 1280), 5.0, 65)
