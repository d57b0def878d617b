"""Small videos and pictures made for tests."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from tests.helpers.places import DEMO

WIDTH, HEIGHT = 96, 64


def picture(shade: int = 40, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Return a grey picture with a red upper left quarter: each rotation of it differs."""
    image = np.full((height, width, 3), shade, np.uint8)
    image[: height // 2, : width // 2] = (230, 30, 30)
    return image


def write_video(
    path: Path,
    milliseconds: Iterable[float],
    codec: str = "libx264",
    images: np.ndarray | None = None,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a video whose frames are shown at these times.

    H.264 has B-frames, so that they are stored in another order.

    Args:
        path: The file.
        milliseconds: The frames' times.
        codec: FFmpeg's name of the codec.
        images: (F, 64, 96, 3) uint8 RGB; by default pictures of rising brightness.
        aspect: Width of a pixel by its height.
        options: Options of the container.
    """
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.bit_rate = 8_000_000  # enough to tell shades apart
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for i, t in enumerate(milliseconds):
            frame = av.VideoFrame.from_ndarray(
                picture(40 + 4 * (i % 50)) if images is None else images[i], "rgb24"
            )
            frame.pts, frame.time_base = int(t), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def uneven_times(count: int = 40, seed: int = 1) -> np.ndarray:
    """Return milliseconds from 0 with steps of 9 to 90."""
    return np.cumsum([0, *np.random.default_rng(seed).integers(9, 90, count - 1)])


def still_video(path: Path, frames: int = 20) -> Path:
    """Write a video of grey pictures, 320 × 240, at 30 frames a second."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30, (320, 240))
    for _ in range(frames):
        writer.write(np.full((240, 320, 3), 120, np.uint8))
    writer.release()
    return path


def begin_of_demo(path: Path, frames: int) -> Path:
    """Write the first frames of the demo clip as a video of 30 frames a second."""
    source = cv2.VideoCapture(str(DEMO))
    size = (int(source.get(cv2.CAP_PROP_FRAME_WIDTH)), int(source.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30, size)
    for _ in range(frames):
        writer.write(source.read()[1])
    writer.release()
    return path
