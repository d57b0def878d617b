"""Pictures: with a red corner, which shows their orientation; of a person far away."""

from __future__ import annotations

import cv2
import numpy as np

from tests.helpers.places import DEMO


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


def far_away(
    count: int, height: int = 155, corner: tuple[int, int] = (820, 330)
) -> list[np.ndarray]:
    """Return pictures of the demo, RGB, 1280 × 720, shrunk as from far away.

    Args:
        count: Number of pictures.
        height: Height of the demo's picture in them, pixels. The mannequin's is about 0.7 of it, by
            default 15 % of the picture's.
        corner: The demo's upper left corner, pixels.
    """
    reader, out = cv2.VideoCapture(str(DEMO)), []
    for _ in range(count):
        picture = cv2.cvtColor(reader.read()[1], cv2.COLOR_BGR2RGB)
        scale = height / picture.shape[0]
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        whole = np.full((720, 1280, 3), small[0, 0], dtype=np.uint8)
        x, y = corner
        whole[y : y + small.shape[0], x : x + small.shape[1]] = small
        out.append(whole)
    return out
