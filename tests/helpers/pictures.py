"""Pictures with a red corner, which show their orientation."""

from __future__ import annotations

import numpy as np


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
