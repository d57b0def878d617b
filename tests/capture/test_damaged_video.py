"""Damaged, blank and foreign video files: the readable part is read, errors are sentences."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import av
import numpy as np
import pytest

from mocap import assets
from mocap.capture.open import open_source
from mocap.capture.source import Frame
from mocap.capture.video import Video
from mocap.capture.video_check import Picture, VideoCheck
from mocap.capture.video_times import without_late
from mocap.errors import InputError
from tests.helpers.pictures import red_corner
from tests.helpers.places import ROOT
from tests.helpers.videos import HEIGHT, WIDTH, picture, write_video


def noise_video(path: Path, count=60, options=None) -> Path:
    images = np.random.default_rng(0).integers(0, 255, (count, HEIGHT, WIDTH, 3), dtype=np.uint8)
    return write_video(path, np.arange(count) * 33, images=images, options=options)


@pytest.mark.parametrize(
    ("name", "options"), [("x.mp4", {"movflags": "faststart"}), ("x.mkv", None)]
)
def test_the_readable_part_of_a_truncated_video_comes_with_a_warning(tmp_path, name, options):
    path = noise_video(tmp_path / name, options=options)
    whole = [f.time for f in Video(path)]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.warns(
        UserWarning, match=r"cut off or damaged: only its first [01]\.\d s of 2\.0 s"
    ):
        part = [f.time for f in Video(path)]
    assert 20 <= len(part) <= 40
    np.testing.assert_allclose(part, whole[: len(part)])


def test_a_truncated_video_without_an_index_is_refused(tmp_path):
    path = noise_video(tmp_path / "x.mp4")  # the index comes last
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 9 // 10])
    with pytest.raises(
        InputError, match=r"x\.mp4' is an MP4 or MOV file without its index: it was cut off"
    ):
        open_source(path)


def test_an_unknown_codec_error_says_what_to_do(tmp_path):
    path = write_video(tmp_path / "x.mp4", range(0, 400, 40))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"what"))
    with pytest.raises(
        InputError,
        match=r"none of its frames can be decoded: OpenCV lacks its codec .*Convert it to H\.264",
    ):
        open_source(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "notes.mp4",
            b"These are no pictures. " * 100,
            "notes.mp4' is not a video that can be read",
        ),
        ("notes", b"These are no pictures. " * 100, "notes' is not a video that can be read"),
        (
            "notes.png",
            b"These are no pictures. " * 100,
            "notes.png' is not an image that can be read",
        ),
        ("nothing.mp4", b"", r"nothing.mp4' is empty \(0 bytes\)"),
        ("nothing.jpg", b"", r"nothing.jpg' is empty \(0 bytes\)"),
    ],
)
def test_arrays_that_are_not_pictures_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_source(tmp_path / name)


@pytest.mark.parametrize("name", ["gone.mp4", "gone.png", "gone"])
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(InputError, match=f"There is no file '.*{name}'"):
        open_source(tmp_path / name)


def test_damaged_files_print_nothing_on_standard_error(tmp_path):
    noise_video(tmp_path / "x.mp4", options={"movflags": "faststart"})
    data = bytearray((tmp_path / "x.mp4").read_bytes())
    data[len(data) // 3 :: 50] = bytes(len(data[len(data) // 3 :: 50]))
    (tmp_path / "x.mp4").write_bytes(data)
    (tmp_path / "y.mp4").write_bytes(b"These are no pictures. " * 100)
    program = (
        "from mocap.capture.open import open_source\nlist(open_source('x.mp4'))\n"
        "from mocap.capture.webcam import Webcam\n"
        "from mocap.errors import MocapError\n"
        "for make in (lambda: open_source('y.mp4'), lambda: Webcam(97)):\n"
        "    try: make()\n"
        "    except MocapError as error: print(error)\n"
    )
    root = str(ROOT)
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert "There is no camera 97" in run.stdout


def pictures_of_rising_brightness(count: int) -> np.ndarray:
    """Return noise, so that every frame takes bytes, whose mean rises with the frame number."""
    noise = np.random.default_rng(0).integers(0, 60, (count, HEIGHT, WIDTH, 1), dtype=np.uint8)
    return (
        np.repeat(noise, 3, axis=3) + (np.arange(count) // 2).astype(np.uint8)[:, None, None, None]
    )


def test_frames_after_a_damaged_middle_are_read_and_the_gap_is_reported(tmp_path):
    times = np.arange(240) * 33
    images = pictures_of_rising_brightness(240)
    path = write_video(
        tmp_path / "x.mp4", times, "mpeg4", images, options={"movflags": "faststart"}
    )
    data = bytearray(path.read_bytes())
    a, b = len(data) * 2 // 5, len(data) * 3 // 5
    data[a:b] = bytes(b - a)
    path.write_bytes(data)
    with pytest.warns(UserWarning, match=r"is damaged: its pictures are missing from \d\.\d to \d"):
        frames = list(Video(path))
    found = np.array([f.time for f in frames])
    assert np.all(np.diff(found) > 0)
    assert found[0] == 0.0
    assert found[-1] == pytest.approx(times[-1] / 1000.0, abs=0.04)
    assert 100 < len(frames) < 230
    # The frames after the gap keep their own times: their pictures are those of these times.
    late = [f for f in frames if f.time > 6.0]
    shown = [2.0 * (f.image.mean() - images[0].mean()) for f in late]
    np.testing.assert_allclose(shown, [f.time / 0.033 for f in late], atol=12)


def test_gaps_after_the_first_failure_are_reported():
    """Decoders return old pictures after damage, and the gap comes later, without a failure."""
    image = np.zeros((16, 16, 3), np.uint8)
    check = VideoCheck()
    for seconds, failed in ((0.0, False), (1.0, False), (1.2, True), (4.0, False), (4.1, False)):
        check.see(Picture(seconds, Frame(seconds, image), failed, False), 10.0)
    assert check.gaps == [(1.2, 4.0)]


def test_pictures_that_a_damaged_file_lacks_without_a_failure_are_reported(tmp_path):
    """H.264 with damaged packets: the decoder leaves out pictures and goes on."""
    path = tmp_path / "x.mp4"
    data = bytearray(assets.path("demo/demo.mp4").read_bytes())
    whole = Video(assets.path("demo/demo.mp4"))
    count, fps = whole.count, whole.file_fps
    assert count is not None
    rng = np.random.default_rng(3)
    while True:
        damaged = bytearray(data)
        at = int(rng.uniform(0.1, 0.9) * len(data))
        damaged[at : at + 400] = rng.integers(0, 256, 400, dtype=np.uint8).tobytes()
        path.write_bytes(damaged)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            times = [frame.time for frame in Video(path)]
        if len(times) < count:
            break
    assert len(said) == 1
    after = times[int(np.argmax(np.diff(times)))]
    assert f"{count} pictures by its index, {len(times)} can be read" in str(said[0].message)
    assert f"missing after {after:.1f} s" in str(said[0].message)
    assert np.diff(times).max() > 1.5 / fps


def test_skipped_pictures_are_counted_across_chunks():
    image = np.zeros((16, 16, 3), np.uint8)
    parts = []
    for stamps in ((0.0, 0.1, 0.3), (0.6, 0.7)):
        check = VideoCheck()
        for seconds in stamps:
            check.see(Picture(seconds, Frame(seconds, image), False, False), 10.0)
        parts.append(check)
    parts[1].follow(parts[0])
    assert parts[1].skips == [(0.1, 1), (0.3, 2)]
    assert parts[1].count == 5
    assert parts[1].gaps == []


def test_late_pictures_are_dropped_and_clock_jumps_are_kept():
    def after(*stamps):
        image = np.zeros((1, 1, 3), np.uint8)
        return [stamp for stamp, _, _ in without_late((s, image, False) for s in stamps)]

    assert after(0.0, 0.1, 1.0, 0.2, 1.1, 0.3, 1.2) == [0.0, 0.1, 1.0, 1.1, 1.2]
    assert after(0.0, 5.0, 0.0, 0.1, 0.2) == [0.0, 5.0, 0.0, 0.1, 0.2]
    assert after(0.0, 0.0, 0.0) == [0.0, 0.0, 0.0]
    assert after(0.0, 1.0, 0.5) == [0.0, 1.0, 0.5]


def test_interlaced_video_is_not_black(tmp_path):
    path = tmp_path / "x.mpg"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"flags": "+ilme+ildct"}
        for _ in range(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(), "rgb24")))
        container.mux(stream.encode())
    frames = list(Video(path))
    assert len(frames) == 20
    assert red_corner(frames[10].image) == "upper left"


@pytest.mark.parametrize(
    ("images", "verdict"),
    [
        (np.zeros((12, HEIGHT, WIDTH, 3), np.uint8), "all its pictures are black"),
        (np.full((12, HEIGHT, WIDTH, 3), 90, np.uint8), "all its pictures are the same"),
        (np.tile(np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8),
                 (12, 1, 1, 1)), "all its pictures are the same"),
        (np.arange(60, 84, 2, np.uint8)[:, None, None, None]
         * np.ones((1, HEIGHT, WIDTH, 3), np.uint8), ""),
    ],
)  # fmt: skip
def test_blank_pictures_are_reported(tmp_path, images, verdict):
    path = write_video(tmp_path / "x.mp4", np.arange(12) * 40, images=images)
    video = Video(path)
    assert len(list(video)) == 12
    assert video.verdict == verdict


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("libmp3lame", "mp3"), ("flac", "flac"), ("pcm_s16le", "wav"), ("libopus", "ogg"),
     ("aac", "m4a"), ("aac", "mp4"), ("aac", "mkv"), ("libopus", "webm")],
)  # fmt: skip
def test_an_audio_file_is_named_as_such(tmp_path, codec, suffix):
    path = tmp_path / f"x.{suffix}"
    with av.open(str(path), "w", format="ipod" if suffix == "m4a" else None) as container:
        stream = container.add_stream(codec, rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 88200), np.int16), "s16", "stereo")
        frame.sample_rate = 48000
        resampled = av.AudioResampler(
            stream.format, stream.layout, 48000, stream.frame_size or None
        )
        for part in (*resampled.resample(frame), *resampled.resample(None)):
            container.mux(stream.encode(part))
        container.mux(stream.encode())
    with pytest.raises(InputError, match=r"is an audio file; a video"):
        open_source(path)
