"""Frames come upright, in order, at the times the container gives; what cannot be read is refused
in a sentence.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocap.capture.files import natural_key
from mocap.capture.images import ImageFolder, Still, numbering
from mocap.capture.open import open_source
from mocap.capture.source import Frame
from mocap.capture.video import Clock, Video, without_late
from mocap.capture.webcam import Webcam, list_cameras
from mocap.errors import DeviceError, InputError
from tests.helpers.places import ROOT
from tests.helpers.videos import HEIGHT, WIDTH, picture, uneven_times, write_video


def red_corner(image: np.ndarray) -> str:
    height, width = image.shape[:2]
    red = image[..., 0].astype(int) - image[..., 2] > 100
    found = [
        f"{vertical} {horizontal}"
        for vertical, rows in (
            ("upper", slice(0, height // 2)),
            ("lower", slice(height // 2, height)),
        )
        for horizontal, columns in (
            ("left", slice(0, width // 2)),
            ("right", slice(width // 2, width)),
        )
        if red[rows, columns].mean() > 0.9
    ]
    assert len(found) == 1, "exactly one quarter of the picture is red"
    return found[0]


def turn(path: Path, a: int, b: int, c: int, d: int) -> Path:
    """Sets the display matrix of an MP4's first track, as a phone that was held sideways does
    (ISO/IEC 14496-12, tkhd).
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


# --- Video: times


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
def test_every_frame_has_the_time_that_the_container_gives(tmp_path, name, codec):
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


def test_a_recording_whose_header_knows_no_length_is_read_whole(tmp_path):
    # As browsers' MediaRecorder writes WebM: without a duration and without an index. `live` leaves
    # them out.
    path = write_video(tmp_path / "x.webm", uneven_times(), "libvpx", options={"live": "1"})
    source = Video(path)
    assert source.count is None
    np.testing.assert_allclose([f.time for f in source], uneven_times() / 1000.0, atol=1e-6)


def test_a_frame_rate_that_is_the_containers_clock_is_measured_instead(tmp_path):
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
def test_times_rise_whatever_the_stamps_are(stamps):
    clock = Clock(1 / 30)
    times = [clock.time(s) for s in stamps]
    assert np.all(np.isfinite(times))
    assert np.all(np.diff(times) > 0)


def test_missing_stamps_are_counted_and_a_clock_set_back_goes_on_with_its_own_steps():
    missing = Clock(0.1)
    np.testing.assert_allclose([missing.time(0.0) for _ in range(4)], [0.0, 0.1, 0.2, 0.3])
    back = Clock(0.1)
    np.testing.assert_allclose(
        [back.time(t) for t in (5.0, 5.2, 0.0, 0.3, 0.35)], [5.0, 5.2, 5.3, 5.6, 5.65]
    )


# --- Video: the right way up


@pytest.mark.parametrize(
    ("matrix", "size", "corner"),
    [
        ((1, 0, 0, 1), (WIDTH, HEIGHT), "upper left"),
        ((0, 1, -1, 0), (HEIGHT, WIDTH), "upper right"),
        ((-1, 0, 0, -1), (WIDTH, HEIGHT), "lower right"),
        ((0, -1, 1, 0), (HEIGHT, WIDTH), "lower left"),
    ],
)
def test_a_phones_turned_clip_stands_upright(tmp_path, matrix, size, corner):
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
def test_pixels_that_are_not_square_are_stretched(tmp_path, aspect, matrix, size):
    path = write_video(tmp_path / "x.mp4", range(0, 400, 40), aspect=aspect)
    source = Video(turn(path, *matrix) if matrix else path)
    assert source.size == size
    assert next(iter(source)).image.shape == (size[1], size[0], 3)


def test_colours_are_red_green_blue(tmp_path):
    frame = next(iter(Video(write_video(tmp_path / "x.mp4", range(0, 400, 40)))))
    assert np.abs(frame.image[16, 24].astype(int) - (230, 30, 30)).max() < 25


# --- Video: iterating


def test_each_iteration_starts_at_the_beginning(tmp_path):
    source = Video(write_video(tmp_path / "x.mp4", uneven_times()))
    first = next(iter(source))
    again = list(source)
    assert len(again) == 40 == source.count
    assert first.time == again[0].time == 0.0
    assert np.array_equal(first.image, again[0].image)


def test_leaving_early_leaves_no_thread_behind(tmp_path):
    before = threading.active_count()
    with open_source(write_video(tmp_path / "x.mp4", uneven_times())) as source:
        frames = iter(source)
        next(frames)
        assert threading.active_count() == before + 1
        frames.close()
    assert threading.active_count() == before


def test_names_in_any_script_and_with_colons_and_percents_are_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("踊り é 1.mp4", *([] if os.name == "nt" else ["take: 2.mp4"]), "100%d.mp4"):
        write_video(tmp_path / "plain.mp4", range(0, 200, 40)).rename(name)
        assert len(list(open_source(name))) == 5


# --- Video: damage


def noise_video(path: Path, count=60, options=None) -> Path:
    images = np.random.default_rng(0).integers(0, 255, (count, HEIGHT, WIDTH, 3), dtype=np.uint8)
    return write_video(path, np.arange(count) * 33, images=images, options=options)


@pytest.mark.parametrize(
    ("name", "options"), [("x.mp4", {"movflags": "faststart"}), ("x.mkv", None)]
)
def test_of_a_cut_off_video_the_readable_part_comes_with_a_warning(tmp_path, name, options):
    path = noise_video(tmp_path / name, options=options)
    whole = [f.time for f in Video(path)]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.warns(
        UserWarning, match=r"cut off or damaged: only its first [01]\.\d s of 2\.0 s"
    ):
        part = [f.time for f in Video(path)]
    assert 20 <= len(part) <= 40
    np.testing.assert_allclose(part, whole[: len(part)])


def test_a_cut_off_video_without_its_index_is_refused(tmp_path):
    path = noise_video(tmp_path / "x.mp4")  # the index comes last
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 9 // 10])
    with pytest.raises(
        InputError, match=r"x\.mp4' is an MP4 or MOV file without its index: it was cut off"
    ):
        open_source(path)


def test_a_video_whose_codec_is_unknown_says_what_to_do(tmp_path):
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
def test_what_is_no_picture_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_source(tmp_path / name)


@pytest.mark.parametrize("name", ["gone.mp4", "gone.png", "gone"])
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(InputError, match=f"There is no file '.*{name}'"):
        open_source(tmp_path / name)


@pytest.mark.parametrize("fps", [0.0, -30.0, float("nan"), float("inf")])
def test_an_impossible_rate_is_refused(tmp_path, fps):
    with pytest.raises(InputError, match="frame rate must be a positive number"):
        Video(write_video(tmp_path / "x.mp4", range(0, 200, 40)), fps)


def test_damaged_files_put_nothing_on_standard_error(tmp_path):
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
    """Noise, so that every frame takes bytes, whose mean rises with the frame's number."""
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


def test_a_late_picture_is_dropped_and_a_clock_set_back_is_not():
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
    ],
)
def test_pictures_that_show_nothing_are_reported(tmp_path, images, verdict):
    path = write_video(tmp_path / "x.mp4", np.arange(12) * 40, images=images)
    video = Video(path)
    assert len(list(video)) == 12
    assert video.verdict == verdict


@pytest.mark.parametrize("codec", ["libmp3lame", "flac", "pcm_s16le", "libopus", "aac"])
def test_an_audio_file_is_called_one(tmp_path, codec):
    suffix = {
        "libmp3lame": "mp3", "flac": "flac", "pcm_s16le": "wav", "libopus": "ogg", "aac": "m4a"
    }[codec]  # fmt: skip
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


@pytest.mark.parametrize(
    "path", ["https://example.org/a/dance.mp4", Path("https://example.org/a/dance.mp4")]
)
def test_an_address_keeps_its_slashes(path):
    with pytest.raises(
        InputError, match=r"^https://example\.org/a/dance\.mp4 is an address, not a file"
    ):
        open_source(path)


# --- Images


def write_image(path: Path, image: np.ndarray) -> Path:
    ok, data = cv2.imencode(path.suffix, image[..., ::-1])
    assert ok
    path.write_bytes(data.tobytes())
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".PNG"])
def test_an_image_is_one_frame_at_time_0(tmp_path, suffix):
    source = open_source(write_image(tmp_path / f"bild é 踊{suffix}", picture()))
    (frame,) = source
    assert isinstance(source, Still)
    assert (source.count, source.size, frame.time) == (1, (WIDTH, HEIGHT), 0.0)
    assert frame.image.dtype == np.uint8
    assert red_corner(frame.image) == "upper left"


@pytest.mark.parametrize(
    "image",
    [
        np.full((HEIGHT, WIDTH), 90, np.uint8),
        np.full((HEIGHT, WIDTH, 4), 90, np.uint8),
        np.full((HEIGHT, WIDTH), 90 * 257, np.uint16),
    ],
    ids=["grey", "with alpha", "16 bits"],
)
def test_other_kinds_of_pixels_become_three_bytes(tmp_path, image):
    ok, data = cv2.imencode(".png", image)
    assert ok
    (tmp_path / "x.png").write_bytes(data.tobytes())
    (frame,) = Still(tmp_path / "x.png")
    assert frame.image.shape == (HEIGHT, WIDTH, 3)
    assert np.unique(frame.image).tolist() == [90]


@pytest.mark.parametrize(
    ("orientation", "corner"),
    [(1, "upper left"), (3, "lower right"), (6, "upper right"), (8, "lower left")],
)
def test_a_turned_photograph_stands_upright(tmp_path, orientation, corner):
    data = write_image(tmp_path / "x.jpg", picture()).read_bytes()
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    (tmp_path / "x.jpg").write_bytes(
        data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    )
    source = Still(tmp_path / "x.jpg")
    (frame,) = source
    assert red_corner(frame.image) == corner
    assert source.size == ((WIDTH, HEIGHT) if orientation in (1, 3) else (HEIGHT, WIDTH))


def test_a_folder_is_read_in_natural_order_and_other_files_are_passed_over(tmp_path):
    for number in (10, 9, 1, 100):
        write_image(tmp_path / f"frame_{number}.png", picture(number + 40))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "._frame_1.png").write_bytes(b"what macOS leaves behind")
    (tmp_path / "folder.png").mkdir()
    source = open_source(tmp_path)
    with pytest.warns(UserWarning, match="30 images a second are assumed"):
        frames = list(source)
    assert [f.image[-1, -1, 0] - 40 for f in frames] == [1, 9, 10, 100]
    assert [f.time for f in frames] == [0, 1 / 30, 2 / 30, 3 / 30]
    assert (source.count, source.size, source.fps) == (4, (WIDTH, HEIGHT), 30)
    assert [f.time for f in open_source(tmp_path, 4.0)] == [0, 0.25, 0.5, 0.75]


def test_gaps_in_the_numbering_are_gaps_in_time(tmp_path):
    for number in (3, 4, 5, 8, 9):
        write_image(tmp_path / f"take2_{number:04}.png", picture())
    with pytest.warns(
        UserWarning,
        match=r"30 images a second are assumed \(--source-fps.*\); 2 of the numbers are missing",
    ):
        frames = list(open_source(tmp_path))
    np.testing.assert_allclose([f.time for f in frames], np.array([0, 1, 2, 5, 6]) / 30)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a10", "a20", "a40"], [0, 1, 3]),
        (["a", "b", "c"], [0, 1, 2]),
        (["20261128_181500", "20261128_193000", "20261128_200000"], [0, 1, 2]),
        (["left_1", "left_2", "right_1"], [0, 1, 2]),
        (["take1_1", "take1_2", "take2_5"], [0, 1, 2]),
        (["one"], [0]),
    ],
)
def test_numbers_are_frame_numbers_only_if_they_count_frames(names, expected):
    assert numbering([Path(f"{name}.png") for name in names]) == expected


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".apng"])
def test_an_animated_image_gives_all_its_frames(tmp_path, suffix):
    animation = cv2.Animation()
    animation.frames = [picture(40 + 20 * i)[..., ::-1].copy() for i in range(6)]
    animation.durations = [100, 100, 50, 200, 100, 100]
    made = tmp_path / ("x.png" if suffix == ".apng" else f"x{suffix}")
    assert cv2.imwriteanimation(str(made), animation)
    source = open_source(made.rename(tmp_path / f"y{suffix}"))
    frames = list(source)
    assert (source.count, source.size) == (6, (WIDTH, HEIGHT))
    np.testing.assert_allclose([f.time for f in frames], [0, 0.1, 0.2, 0.25, 0.45, 0.55])
    assert [red_corner(f.image) for f in frames] == ["upper left"] * 6
    assert np.all(np.diff([f.image[-8:, -8:].mean() for f in frames]) > 10)
    slow = open_source(tmp_path / f"y{suffix}", 10.0)
    np.testing.assert_allclose([f.time for f in slow], np.arange(6) / 10)


def test_names_sort_as_people_sort_them():
    names = ["a", "B2", "b10", "2", "10", "b", "01.5", "²"]
    assert sorted(names, key=natural_key) == ["01.5", "2", "10", "a", "b", "B2", "b10", "²"]


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(
        InputError, match=r"There is no image in the folder '.*'; images end in \.jpg"
    ):
        open_source(tmp_path)
    with pytest.raises(InputError, match="There is no folder"):
        ImageFolder(tmp_path / "gone")


def test_a_folder_with_a_bad_image_or_another_size_names_it(tmp_path):
    write_image(tmp_path / "1.png", picture())
    write_image(tmp_path / "2.png", picture(width=32, height=16))
    with pytest.raises(InputError, match=r"2\.png is 32 × 16 pixels and 1\.png 96 × 64"):
        list(open_source(tmp_path, 30.0))
    (tmp_path / "2.png").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"2\.png' is not an image"):
        list(open_source(tmp_path, 30.0))


# --- Cameras: what a camera does is tried on OpenCV's reader of a file, which gives pictures as
# fast as they are taken from it


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


def test_a_camera_that_stops_says_so(tmp_path):
    path = write_video(tmp_path / "x.mp4", range(0, 200, 40))
    camera = Webcam(7, capture=cv2.VideoCapture(str(path)))
    with pytest.raises(DeviceError, match="Camera 7 has stopped sending"):
        list(camera)
    camera.close()


@pytest.mark.flaky(reruns=2)  # wall clock
def test_closing_a_camera_ends_an_iteration_that_waits_for_it(tmp_path):
    camera = Webcam(
        7, capture=cv2.VideoCapture(str(write_video(tmp_path / "x.mp4", range(0, 200, 40))))
    )
    threading.Timer(0.3, camera.close).start()
    begun = time.perf_counter()
    assert len(list(camera)) <= 5
    assert time.perf_counter() - begun < 0.9


@pytest.mark.parametrize("number", [97, -1])
def test_a_camera_that_is_not_there_is_refused_and_those_that_are_named(number):
    cameras = list_cameras()
    with pytest.raises(DeviceError, match=f"There is no camera {number}") as error:
        Webcam(number)
    assert all(str(n) in str(error.value) for n in cameras)
    assert cameras or "nor any other" in str(error.value)


# --- What there is


def test_real_videos_are_read_whole_and_without_a_warning(data):
    squats = open_source(data / "videos/tfjs_pose_squats.mp4")
    np.testing.assert_allclose([f.time for f in squats], np.arange(65) * 0.2, atol=1e-6)
    assert (squats.size, squats.fps, squats.count) == ((720, 1280), 5.0, 65)
