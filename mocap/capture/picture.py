"""Pictures made small, to be shown beside the avatar."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray


def jpeg(image: UInt8[ndarray, "height width 3"], width: int, quality: int = 70) -> bytes:
    """An RGB picture as JPEG, at most `width` pixels across; quality 1 to 100."""
    height, across = image.shape[:2]
    if across > width:
        # Area averaging costs more than it gains above a factor of two, where every second pixel is left out first.
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
