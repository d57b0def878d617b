"""Draw a contact sheet of hands: moments of a video, each beside the mannequin's hand.

    python rigs/hand_sheet.py VIDEO OUT.png [MOMENTS]

It shows whether each finger follows the performer's. The moments are different hand shapes in which
the hand is still. The mannequin is seen from the camera's direction.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray

sys.path.insert(0, str(Path(__file__).parent.parent))

from mocap.capture.open import open_source
from mocap.core.keypoints import Keypoints
from mocap.core.kinematics import fk
from mocap.core.motion import concatenate
from mocap.core.skeleton import HUMANOID
from mocap.detect.options import DetectOptions
from mocap.detect.performer import PerformerDetector
from mocap.detect.take import detect_source
from mocap.retargeting import retarget
from mocap.solve.hands import hand_points
from mocap.solve.take import solve_take
from rigs.render import View, frames

_TILE = 300  # pixels
_AWAY = 0.62  # metres from the camera to the hand


def still_moments(hand: ndarray, count: int) -> ndarray:
    """Return frames, in order, in which a hand (F, 21, 3) moves slowly, with shapes that differ as
    much as possible.
    """
    hand = np.nan_to_num(hand, nan=1e3)
    speed = np.linalg.norm(np.gradient(hand, axis=0), axis=-1).mean(axis=1)
    speed = np.convolve(speed, np.ones(5) / 5.0, mode="same")
    still = np.flatnonzero((speed <= np.median(speed)) & (np.abs(hand) < 1.0).all(axis=(1, 2)))
    chosen = [int(still[np.argmin(speed[still])])]
    while len(chosen) < count:
        unlike = np.min(
            [np.linalg.norm(hand[still] - hand[c], axis=-1).mean(axis=1) for c in chosen], axis=0
        )
        chosen.append(int(still[np.argmax(unlike)]))
    return np.array(sorted(chosen))


def pictures(video: Path, keypoints: Keypoints, side: int, moments: ndarray) -> list[ndarray]:
    """Return the video's pictures of these frames, cropped around the hand."""
    assert keypoints.hands_image is not None
    wanted = {int(m) for m in moments}
    out = []
    with open_source(video) as source:
        for n, frame in enumerate(source):
            if n in wanted:
                points = keypoints.hands_image[n, side]
                middle = 0.5 * (points.min(axis=0) + points.max(axis=0))
                half = 0.75 * float(np.ptp(points, axis=0).max())
                x, y = np.round(middle - half).astype(int)
                size = round(2 * half)
                padded = cv2.copyMakeBorder(
                    frame.image, size, size, size, size, cv2.BORDER_REPLICATE
                )
                out.append(
                    cv2.resize(
                        padded[y + size : y + 2 * size, x + size : x + 2 * size], (_TILE, _TILE)
                    )
                )
    return out


def main() -> None:
    video, out = Path(sys.argv[1]), Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 12
    with (
        open_source(video) as source,
        PerformerDetector(DetectOptions(model="full", face=False)) as detector,
    ):
        keypoints = detect_source(source, detector)
    assert keypoints.hands is not None
    side = int(np.argmax(np.isfinite(keypoints.hands[..., 0, 0]).sum(axis=0)))
    moments = still_moments(keypoints.hands[:, side], count)
    motion = retarget(solve_take(keypoints), HUMANOID)
    positions, world = fk(motion.skeleton, motion.root_positions, motion.rotations)
    wrist = positions[:, HUMANOID.index(("left", "right")[side] + "Hand")]
    middle = wrist + hand_points(positions, world)[:, side].mean(axis=1)
    views = [
        View(
            tuple(middle[n] + [0.0, 0.0, _AWAY]), tuple(middle[n]), np.radians(24.0), (_TILE, _TILE)
        )
        for n in moments
    ]
    shown = frames(concatenate([motion.slice(int(n), int(n) + 1) for n in moments]), views)
    tiles = [
        np.hstack(pair)
        for pair in zip(pictures(video, keypoints, side, moments), shown, strict=True)
    ]
    rows = [np.hstack(tiles[n : n + 3]) for n in range(0, len(tiles), 3)]
    cv2.imwrite(str(out), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
    print(f"{out}: frames {', '.join(map(str, moments))}")


if __name__ == "__main__":
    main()
