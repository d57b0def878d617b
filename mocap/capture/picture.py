"""Small JPEG previews of frames, shown beside the avatar."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from mocap.capture.opencv import cv2


def jpeg(image: UInt8[ndarray, "height width 3"], width: int, quality: int = 70) -> bytes:
    """Encode a picture as JPEG.

    Args:
        image: (H, W, 3) uint8, RGB.
        width: Largest width of the result, pixels.
        quality: JPEG quality, 1 to 100.

    Returns:
        The JPEG file's bytes.
    """
    height, across = image.shape[:2]
    if across > width:
        # Dropping whole pixels first: area averaging over more than a factor of two costs more
        # than it improves.
        step = across // width
        image = cv2.resize(
            image[::step, ::step],
            (width, round(height * width / across)),
            interpolation=cv2.INTER_AREA,
        )
    ok, data = cv2.imencode(
        ".jpg", np.ascontiguousarray(image[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    assert ok, "OpenCV could not encode a JPEG"
    return data.tobytes()
