"""The field of view from a file's metadata: found in all places, never invented, safe."""

from __future__ import annotations

import math
import os
import struct
import tracemalloc
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocap.capture.metadata import _BUDGET, field_of_view, focal_length_35mm, fov_of_focal_length
from tests.helpers import cost

KEY = "com.apple.quicktime.camera.focal_length.35mm_equivalent"


def box(kind: bytes, content: bytes, wide: bool = False) -> bytes:
    """Return a box of ISO/IEC 14496-12, 4.2; `wide` gives its size 64 bits."""
    return (
        struct.pack(">I4sQ", 1, kind, 16 + len(content)) + content
        if wide
        else struct.pack(">I4s", 8 + len(content), kind) + content
    )


def meta(
    value: bytes,
    kind: int,
    iso: bool = False,
    keys: tuple[str, ...] = ("com.apple.quicktime.make", KEY),
) -> bytes:
    """Return the metadata of a movie or a track; only the last key is the focal length."""
    others = [box(b"data", struct.pack(">II", 1, 0) + b"99")] * (len(keys) - 1)
    values = [*others, box(b"data", struct.pack(">II", kind, 0) + value)]
    hdlr = box(b"hdlr", bytes(8) + b"mdta" + bytes(13))
    table = box(
        b"keys",
        struct.pack(">II", 0, len(keys)) + b"".join(box(b"mdta", key.encode()) for key in keys),
    )
    items = b"".join(box(struct.pack(">I", n), value) for n, value in enumerate(values, 1))
    return box(b"meta", (bytes(4) if iso else b"") + hdlr + table + box(b"ilst", items))


def movie(moov: bytes, first: bool = False) -> bytes:
    """Return a movie without pictures, its index before or after them."""
    index, media = box(b"moov", moov), box(b"mdat", bytes(1000))
    return box(b"ftyp", b"qt  " + bytes(8)) + (index + media if first else media + index)


def exif(length: int, order: str = "<", kind: int = 3) -> bytes:
    """Return an APP1 segment with the focal length on 35 mm film among other EXIF entries.

    TIFF 6.0, Exif 2.32.
    """
    number = struct.pack(
        f"{order}HH" if kind == 3 else f"{order}I", *((length, 0) if kind == 3 else (length,))
    )
    first = (
        struct.pack(f"{order}H", 2)
        + struct.pack(f"{order}HHIHH", 0x0112, 3, 1, 1, 0)
        + struct.pack(f"{order}HHII", 0x8769, 4, 1, 38)
    )
    own = (
        struct.pack(f"{order}H", 2)
        + struct.pack(f"{order}HHI4s", 0x9000, 7, 4, b"0232")
        + struct.pack(f"{order}HHI", 0xA405, kind, 1)
    )
    tiff = (
        (b"II" if order == "<" else b"MM")
        + struct.pack(f"{order}HI", 42, 8)
        + first
        + bytes(4)
        + own
        + number
        + bytes(4)
    )
    segment = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", 2 + len(segment)) + segment


def photograph(segments: bytes = b"") -> bytes:
    """Return a JPEG by OpenCV with segments inserted after its JFIF header."""
    data = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
    end = 4 + int.from_bytes(data[4:6], "big")
    return data[:end] + segments + data[end:]


def written(folder: Path, data: bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@given(st.floats(8, 1000))
def test_the_field_of_view_is_that_of_36_millimetres_at_the_focal_length(length):
    assert math.tan(fov_of_focal_length(length) / 2) * length == pytest.approx(18)


def test_a_phones_26_millimetres_are_69_degrees():
    assert math.degrees(fov_of_focal_length(26.0)) == pytest.approx(69.39, abs=0.01)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [3, 4])
@pytest.mark.parametrize(
    "before",
    [b"", b"\xff\xff\xff", b"\xff\xe1\0\x20http://ns.adobe.com/xap/1.0/\0x"],
    ids=["none", "filling", "XMP"],
)
def test_exif_is_read_in_both_byte_orders_after_other_segments(tmp_path, order, kind, before):
    path = written(tmp_path, photograph(before + exif(28, order, kind)))
    assert focal_length_35mm(path) == 28
    assert field_of_view(path) == fov_of_focal_length(28.0)
    assert cv2.imread(str(path)) is not None, "OpenCV takes the file for a picture too"


def test_exif_agrees_with_pillow(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for order in "<>":
        path = written(tmp_path, photograph(exif(35, order)))
        with image.open(path) as opened:
            assert opened.getexif().get_ifd(0x8769)[0xA405] == 35


@pytest.mark.parametrize("suffix", ["mov", "mp4"])
def test_the_metadata_key_of_ffmpeg_is_read(tmp_path, suffix):
    path = tmp_path / f"clip.{suffix}"
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update({"com.apple.quicktime.make": "Somebody", KEY: "26"})
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux(
            stream.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), "rgb24"))
        )
        container.mux(stream.encode())
    assert focal_length_35mm(path) == 26
    assert field_of_view(path) == fov_of_focal_length(26.0)


VALUES = {
    "text": (b"26", 1),
    "text with a unit": (b"26.00mm", 1),
    "int16": (b"\0\x1a", 66),
    "signed": (b"\0\0\0\x1a", 21),
    "unsigned": (b"\x1a", 22),
    "int64": (bytes(7) + b"\x1a", 74),
    "float": (struct.pack(">f", 26), 23),
    "double": (struct.pack(">d", 26), 24),
}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("where", ["movie", "user data", "track", "track's user data"])
@pytest.mark.parametrize("iso", [False, True], ids=["QuickTime", "ISO"])
@pytest.mark.parametrize("first", [False, True], ids=["index behind", "index before"])
def test_the_metadata_key_is_found_in_every_place(tmp_path, value, where, iso, first):
    content = meta(*VALUES[value], iso)
    content = box(b"udta", content + bytes(4)) if "user" in where else content
    content = box(b"trak", box(b"tkhd", bytes(84)) + content) if "track" in where else content
    mute = meta(b"26", 1, keys=("com.apple.quicktime.software",))
    assert (
        focal_length_35mm(
            written(tmp_path, movie(box(b"mvhd", bytes(100)) + mute + content, first))
        )
        == 26
    )


def test_boxes_with_64_bit_sizes_or_up_to_the_end_are_read(tmp_path):
    moov = box(b"moov", meta(b"26", 1))
    assert (
        focal_length_35mm(
            written(tmp_path, box(b"wide", b"") + box(b"mdat", bytes(50), wide=True) + moov)
        )
        == 26
    )
    assert (
        focal_length_35mm(written(tmp_path, box(b"ftyp", b"qt  " + bytes(4)) + bytes(4) + moov[4:]))
        == 26
    )


@pytest.mark.parametrize(
    "value", [b"0", b"-26", b"nan", b"26 inches", b"", b"2", b"100000", b"\xff\xfe"]
)
def test_impossible_focal_lengths_are_ignored(tmp_path, value):
    assert focal_length_35mm(written(tmp_path, movie(meta(value, 1)))) is None
    assert (
        focal_length_35mm(written(tmp_path, movie(meta(struct.pack(">f", math.nan), 23)))) is None
    )


def test_files_without_metadata_have_no_field_of_view(tmp_path):
    assert focal_length_35mm(written(tmp_path, photograph())) is None
    assert focal_length_35mm(written(tmp_path, photograph(exif(0)))) is None
    assert focal_length_35mm(written(tmp_path, movie(meta(b"26", 1, keys=(KEY + "x",))))) is None
    assert focal_length_35mm(written(tmp_path, movie(b""))) is None
    assert focal_length_35mm(written(tmp_path, b"")) is None
    assert focal_length_35mm(written(tmp_path, b"\x89PNG\r\n\x1a\n" + bytes(100))) is None
    assert field_of_view(tmp_path / "nowhere") is None


def test_a_folder_uses_its_first_image_with_metadata(tmp_path):
    assert field_of_view(tmp_path) is None
    for name, data in {
        "1.jpg": photograph(),
        "2.png": b"",
        "9.jpg": photograph(exif(24)),
        "10.jpg": photograph(exif(50)),
    }.items():
        written(tmp_path, data, name)
    assert field_of_view(tmp_path) == fov_of_focal_length(24.0)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are made otherwise here")
def test_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert field_of_view(tmp_path / "pipe") is None


WHOLE = {
    "photograph": photograph(exif(28)),
    "movie": movie(box(b"trak", meta(b"28", 1)), first=True),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
@given(
    st.sampled_from(sorted(WHOLE)),
    st.lists(st.tuples(st.integers(0, 500), st.binary(min_size=1, max_size=8))),
    st.integers(0, 2000),
)
def test_damaged_metadata_gives_a_plausible_value_or_none(tmp_path, whole, damage, end):
    data = bytearray(WHOLE[whole])
    for place, replacement in damage:
        data[place : place + len(replacement)] = replacement
    length = focal_length_35mm(written(tmp_path, bytes(data[:end])))
    assert length is None or 8 <= length <= 1000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(WHOLE)), st.integers(0, 2000))
def test_a_truncated_file_gives_the_true_value_or_none(tmp_path, whole, end):
    assert focal_length_35mm(written(tmp_path, WHOLE[whole][:end])) in (28, None)


HOSTILE = {
    "boxes without content": lambda: box(b"ftyp", b"") + box(b"free", b"") * 2_000_000,
    "tracks in tracks": lambda: (
        box(b"ftyp", b"") + box(b"moov", box(b"trak", box(b"trak", b"") * 100_000) * 20)
    ),
    "keys without end": lambda: movie(
        box(
            b"meta",
            box(b"keys", bytes(8) + box(b"mdta", KEY[:-1].encode() + b"x") * 200_000)
            + box(b"ilst", b""),
        )
    ),
    "a value of megabytes": lambda: movie(meta(b"2" * 16_000_000, 1)),
    "segments without content": lambda: b"\xff\xd8" + b"\xff\xe2\0\2" * 4_000_000,
    "filling": lambda: b"\xff\xd8" + b"\xff" * 16_000_000,
    "EXIF again and again": lambda: (
        b"\xff\xd8" + (b"\xff\xe1\xff\xff" + b"Exif\1\0" + bytes(65527)) * 250
    ),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_file_costs_little_time_and_memory(tmp_path, hostile):
    path = written(tmp_path, HOSTILE[hostile]())
    assert cost.seconds(lambda: focal_length_35mm(path), 2.0) < 2.0
    tracemalloc.start()
    try:
        assert focal_length_35mm(path) is None
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 8 * _BUDGET


def test_data_between_boxes_is_not_read(tmp_path):
    path = tmp_path / "long.mov"
    with path.open("wb") as file:  # 8 GB that are not there
        file.write(box(b"ftyp", b"qt  " + bytes(4)) + struct.pack(">I4sQ", 1, b"mdat", 8 << 30))
        file.seek((8 << 30) - 16, os.SEEK_CUR)
        file.write(box(b"moov", box(b"trak", box(b"mdia", bytes(2 << 20)) + meta(b"13", 1))))
    assert focal_length_35mm(path) == 13
