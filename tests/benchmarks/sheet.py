"""A picture of a take: what the camera saw and what was made of it, and the same from 90°.

    python -m tests.benchmarks.sheet dance.mp4 -o dance.png
    python -m tests.benchmarks.sheet take.json --video take.mp4 --times 1.2,3.5 --live

Each moment has two panels. Left: the picture (or a blank one for keypoints without a video) with
the detector's points as dots, hollow where they are doubted, and the result's bones as lines.
Right: the result from 90° (the camera is on the left), on the floor's line, with the height of the
body's lowest skin. The performer's left is blue, the right is red.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

import mocap
from mocap import formats
from mocap.capture.open import open_source
from mocap.core.keypoints import LANDMARKS, Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.detect.mediapipe.bundles import PoseSize

from .footage import LIVE_SPAN, solved
from .views import DOUBT, surface_heights, view

PANEL = 420
"""Pixels of a panel's height; it is as wide as the picture's shape asks, at most twice as wide."""
_INK, _PALE = (40, 40, 40), (245, 245, 245)
_COLOURS = {"left": (210, 110, 0), "right": (30, 30, 220), "": (60, 150, 40)}  # BGR
_BONES = tuple(
    (LANDMARKS.index(a), LANDMARKS.index(b), side)
    for side in ("left", "right")
    for a, b in (
        (f"{side}_shoulder", f"{side}_elbow"), (f"{side}_elbow", f"{side}_wrist"),
        (f"{side}_wrist", f"{side}_index"), (f"{side}_hip", f"{side}_knee"),
        (f"{side}_knee", f"{side}_ankle"), (f"{side}_ankle", f"{side}_heel"),
        (f"{side}_heel", f"{side}_foot_index"), (f"{side}_ankle", f"{side}_foot_index"),
        (f"{side}_shoulder", f"{side}_hip"), (f"{side}_ear", "nose"),
    )
) + tuple(
    (LANDMARKS.index(f"left_{n}"), LANDMARKS.index(f"right_{n}"), "") for n in ("shoulder", "hip")
)  # fmt: skip


def sheet(
    keypoints: Keypoints,
    motion: Motion,
    frames: list[int],
    pictures: dict[int, np.ndarray],
    span: float = np.inf,
) -> np.ndarray:
    """The sheet, (H, W, 3) BGR.

    Args:
        keypoints: what was seen.
        motion: the result, at the same times.
        frames: the moments to draw.
        pictures: BGR pictures by frame, for the moments that have one.
        span: seconds that share one rotation of the camera, see views.view.
    """
    shown = view(motion, keypoints, span).image
    points = landmarks_of(*fk(motion.skeleton, motion.root_positions, motion.rotations))
    lowest = np.min(list(surface_heights(motion).values()), axis=0)
    cells = []
    for n in frames:
        left = _picture_panel(keypoints, n, shown[n], pictures.get(n))
        right = _side_panel(points[n])
        _label(left, f"{keypoints.times[n]:.2f} s, frame {n}")
        _label(right, f"from 90 degrees; lowest {100.0 * lowest[n]:+.1f} cm")
        cells.append(np.hstack([left, right]))
    across = max(1, min(len(cells), 2400 // cells[0].shape[1]))
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % across)
    return np.vstack([np.hstack(cells[i : i + across]) for i in range(0, len(cells), across)])


def _picture_panel(
    keypoints: Keypoints, frame: int, shown: np.ndarray, picture: np.ndarray | None
) -> np.ndarray:
    """What the camera saw, the detector's dots and the result's lines."""
    width, height = keypoints.camera.size
    scale = min(PANEL / height, 2.0 * PANEL / width)
    size = (round(width * scale), round(height * scale))
    panel = (
        np.full((size[1], size[0], 3), _PALE, np.uint8)
        if picture is None
        else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    )
    panel = np.ascontiguousarray(panel)
    _draw_bones(panel, shown * scale)
    for n, (place, sure) in enumerate(
        zip(keypoints.image[frame] * scale, keypoints.confidence[frame], strict=True)
    ):
        if np.isfinite(place).all():
            _dot(panel, place, LANDMARKS[n], doubted=sure < DOUBT)
    return _padded(panel)


def _side_panel(points: np.ndarray) -> np.ndarray:
    """The result (33, 3) seen along −X, so that the camera is on the left, with the line y = 0."""
    panel = np.full((PANEL, PANEL, 3), _PALE, np.uint8)
    flat = np.stack([-points[:, 2], -points[:, 1]], axis=-1)
    middle = 0.5 * (flat[:, 0].min() + flat[:, 0].max())
    top, bottom = flat[:, 1].min(), max(0.0, flat[:, 1].max())
    scale = 0.85 * PANEL / max(bottom - top, np.ptp(flat[:, 0]), 1.2)
    origin = np.array([0.5 * PANEL - middle * scale, 0.93 * PANEL - bottom * scale])
    floor = round(origin[1])
    cv2.line(panel, (0, floor), (PANEL, floor), _INK, 1, cv2.LINE_AA)
    _draw_bones(panel, flat * scale + origin)
    return panel


def _draw_bones(panel: np.ndarray, places: np.ndarray) -> None:
    for a, b, side in _BONES:
        if np.isfinite(places[[a, b]]).all():
            ends = (_whole(places[a]), _whole(places[b]))
            cv2.line(panel, *ends, (255, 255, 255), 5, cv2.LINE_AA)
            cv2.line(panel, *ends, _COLOURS[side], 2, cv2.LINE_AA)


def _dot(panel: np.ndarray, place: np.ndarray, name: str, doubted: bool) -> None:
    colour = _COLOURS[name.split("_")[0] if name.startswith(("left", "right")) else ""]
    cv2.circle(panel, _whole(place), 4, colour, 1 if doubted else -1, cv2.LINE_AA)


def _whole(place: np.ndarray) -> tuple[int, int]:
    x, y = np.clip(np.round(place), -9999, 9999).astype(int).tolist()
    return x, y


def _padded(panel: np.ndarray) -> np.ndarray:
    below = PANEL - panel.shape[0]
    return cv2.copyMakeBorder(panel, 0, below, 0, 0, cv2.BORDER_CONSTANT, value=_PALE)


def _label(panel: np.ndarray, text: str) -> None:
    for colour, thickness in (((255, 255, 255), 3), (_INK, 1)):
        cv2.putText(
            panel, text, (8, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, thickness, cv2.LINE_AA
        )


def moments(times: np.ndarray, wanted: str, count: int) -> list[int]:
    """Frames nearest to the seconds in `wanted` ("1.2,3"), or `count` spread over the take."""
    if not wanted:
        return np.unique(np.linspace(0, len(times) - 1, count + 2)[1:-1].astype(int)).tolist()
    return [int(np.abs(times - float(second)).argmin()) for second in wanted.split(",")]


def pictures_of(video: Path, times: np.ndarray, frames: list[int]) -> dict[int, np.ndarray]:
    """The video's pictures nearest to the times of these frames, BGR."""
    found: dict[int, np.ndarray] = {}
    waiting = sorted(frames)
    with open_source(video) as source:
        for frame in source:
            while waiting and frame.time >= times[waiting[0]] - 1e-3:
                found[waiting.pop(0)] = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
            if not waiting:
                break
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("input", type=Path, help="a video, or a keypoints file")
    parser.add_argument("-o", "--output", type=Path, help="default: INPUT's name with .png")
    parser.add_argument("--video", type=Path, help="the pictures of a keypoints file")
    parser.add_argument("--times", default="", metavar="S,…", help="moments, seconds")
    parser.add_argument("--count", type=int, default=6, help="moments spread over the take")
    parser.add_argument("--live", action="store_true", help="the live grade in place of the bake")
    parser.add_argument("--model", default="heavy", help="the detector's size, for a video")
    options = parser.parse_args()
    is_keypoints = options.input.suffix.lower() in formats.KEYPOINTS_SUFFIXES
    model: PoseSize = options.model
    keypoints = mocap.read_keypoints(options.input, model=model)
    motion = solved(keypoints, "live" if options.live else "bake")
    frames = moments(keypoints.times, options.times, options.count)
    video = options.video if is_keypoints else options.input
    pictures = {} if video is None else pictures_of(video, keypoints.times, frames)
    drawn = sheet(keypoints, motion, frames, pictures, LIVE_SPAN if options.live else np.inf)
    output = options.output or Path(f"{options.input.stem}.png")
    output.write_bytes(cv2.imencode(".png", drawn)[1].tobytes())
    print(f"Wrote {output}.")


if __name__ == "__main__":
    main()
