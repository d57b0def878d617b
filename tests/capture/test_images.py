"""Images, folders of images and animated images: pixels, order and times."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from mocap.capture.files import natural_key
from mocap.capture.images import ImageFolder, Still, numbering
from mocap.capture.open import open_source
from mocap.errors import InputError
from tests.helpers.pictures import red_corner
from tests.helpers.videos import HEIGHT, WIDTH, picture


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
def test_other_pixel_formats_become_8_bit_rgb(tmp_path, image):
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
def test_a_rotated_photograph_is_upright(tmp_path, orientation, corner):
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


def test_a_folder_is_read_in_natural_order_without_other_files(tmp_path):
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
def test_numbers_in_names_count_as_frames_only_if_plausible(names, expected):
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


def test_names_sort_in_natural_order():
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
