"""Draw web/readme_accuracy.png: moments in the video, as landmarks and as bake; and the feet.

    python -m tests.benchmarks.picture [OUT.png]

The data are data/rendered; only the video's frames are rendered again (rigs/render.py, which needs
Chromium).
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from mocap.core.keypoints import LANDMARKS, landmarks_of
from mocap.core.kinematics import fk, sole_points
from mocap.core.motion import Motion
from rigs.render import View, frames
from tests.helpers.places import WEB

from . import contenders, rendered
from .measures import Shown, direction
from .performances import PERFORMANCES

OUT = WEB / "readme_accuracy.png"
PERFORMANCE, SIDE, MODEL = "jump", "20° down", "full"
MOMENTS = (0.02, 0.2, 0.285, 0.36, 0.48)  # shares of the clip

# Everything is drawn twice as large and scaled down, which evens out what OpenCV's own smoothing
# leaves.
_FINE = 2
_WIDTH, _MARGIN, _GAP, _LEFT = 1480, 28, 14, 132
_PAPER, _INK, _FAINT, _LINE = (255, 255, 255), (38, 32, 28), (140, 132, 126), (226, 222, 218)  # BGR
_TRUTH, _RAW, _OURS = (214, 208, 203), (64, 92, 224), (140, 130, 18)
_FONT = cv2.FontFace("sans")

_I = {name: n for n, name in enumerate(LANDMARKS)}
_LIMBS = [
    (_I[f"{side}_{a}"], _I[f"{side}_{b}"])
    for side in ("left", "right")
    for a, b in (
        ("shoulder", "elbow"),
        ("elbow", "wrist"),
        ("hip", "knee"),
        ("knee", "ankle"),
        ("heel", "foot_index"),
        ("ankle", "heel"),
    )
]
_ACROSS = [(_I[f"left_{n}"], _I[f"right_{n}"]) for n in ("shoulder", "hip")]
_HIPS, _SHOULDERS = ([_I[f"left_{n}"], _I[f"right_{n}"]] for n in ("hip", "shoulder"))
_EARS = [_I["left_ear"], _I["right_ear"]]
_FEET = [_I[f"{side}_{n}"] for side in ("left", "right") for n in ("heel", "foot_index")]


class Sheet:
    """A picture to draw on, in points of the finished one."""

    def __init__(self, width: int, height: int) -> None:
        self.pixels = np.full((height * _FINE, width * _FINE, 3), _PAPER, np.uint8)

    def line(
        self, a: np.ndarray, b: np.ndarray, colour: tuple[int, int, int], width: float
    ) -> None:
        self.path(np.array([a, b]), colour, width)

    def path(self, points: np.ndarray, colour: tuple[int, int, int], width: float) -> None:
        fixed = np.round(np.asarray(points, float) * _FINE * 16).astype(np.int32)
        cv2.polylines(
            self.pixels, [fixed], False, colour, max(1, round(width * _FINE)), cv2.LINE_AA, 4
        )

    def area(self, points: np.ndarray, colour: tuple[int, int, int]) -> None:
        cv2.fillPoly(
            self.pixels,
            [np.round(np.asarray(points, float) * _FINE * 16).astype(np.int32)],
            colour,
            cv2.LINE_AA,
            4,
        )

    def disc(self, centre: np.ndarray, radius: float, colour: tuple[int, int, int]) -> None:
        fixed = np.round(np.asarray(centre, float) * _FINE * 16).astype(int).tolist()
        cv2.circle(self.pixels, fixed, round(radius * _FINE * 16), colour, -1, cv2.LINE_AA, 4)

    def text(
        self,
        words: str,
        x: float,
        y: float,
        size: float,
        colour: tuple[int, int, int] = _INK,
        weight: int = 400,
        align: str = "left",
    ) -> float:
        """x, y: the baseline's beginning, middle or end. Returns the width."""
        high, wide = self.pixels.shape[:2]
        box = cv2.getTextSize((wide, high), words, (0, 0), _FONT, round(size * _FINE), weight)
        x -= {"left": 0.0, "middle": 0.5, "right": 1.0}[align] * box[2] / _FINE
        cv2.putText(
            self.pixels,
            words,
            (round(x * _FINE), round(y * _FINE)),
            colour,
            _FONT,
            round(size * _FINE),
            weight,
        )
        return float(box[2]) / _FINE

    def image(self, picture: np.ndarray, x: int, y: int, width: int, height: int) -> None:
        scaled = cv2.resize(picture, (width * _FINE, height * _FINE), interpolation=cv2.INTER_AREA)
        self.pixels[y * _FINE : (y + height) * _FINE, x * _FINE : (x + width) * _FINE] = scaled

    def finished(self) -> np.ndarray:
        high, wide = self.pixels.shape[:2]
        return cv2.resize(self.pixels, (wide // _FINE, high // _FINE), interpolation=cv2.INTER_AREA)


def _shade(colour: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    """Towards the paper by a share."""
    return tuple(round(c + (p - c) * share) for c, p in zip(colour, _PAPER, strict=True))  # type: ignore[return-value]


def body(
    sheet: Sheet,
    points: np.ndarray,
    place: np.ndarray,
    scale: float,
    view: str,
    colour: tuple[int, int, int],
    width: float,
) -> None:
    """Landmarks (33, 3) from the hips, +Z towards the camera, drawn from the front or from the
    performer's side of the picture.

    place: of the hips. scale: points a metre. What is farther away is paler.
    """
    flat = points[:, [0, 1]] if view == "front" else points[:, [2, 1]] * [-1.0, 1.0]
    depth = points[:, 2] if view == "front" else points[:, 0]
    at = place + flat * [scale, -scale]
    trunk = at[[*_SHOULDERS, *_HIPS[::-1]]]
    parts = [(depth[[a, b]].mean(), "limb", (a, b)) for a, b in _LIMBS]
    parts.append((float(depth[[*_SHOULDERS, *_HIPS]].mean()), "trunk", (0, 0)))
    parts.append((float(depth[_EARS].mean()), "head", (0, 0)))
    for far, kind, (a, b) in sorted(parts):
        shaded = _shade(
            colour, float(np.clip(0.18 - 0.9 * far, 0.0, 0.5)) if colour != _TRUTH else 0.0
        )
        if kind == "limb":
            foot = LANDMARKS[b] in (
                "left_heel",
                "right_heel",
                "left_foot_index",
                "right_foot_index",
            )
            sheet.line(at[a], at[b], shaded, width * (0.7 if foot else 1.0))
        elif kind == "trunk":
            sheet.area(trunk, _shade(shaded, 0.55) if colour != _TRUTH else shaded)
            for a, b in (*_ACROSS, (_SHOULDERS[0], _HIPS[0]), (_SHOULDERS[1], _HIPS[1])):
                sheet.line(at[a], at[b], shaded, width * 0.8)
        else:
            head = at[_EARS].mean(axis=0)
            sheet.line(at[_SHOULDERS].mean(axis=0), head, shaded, width * 0.8)
            sheet.disc(head, 0.095 * scale, shaded)


def points_of(motion: Motion) -> np.ndarray:
    """The landmarks (F, 33, 3) of a motion, metres in the world."""
    return landmarks_of(*fk(motion.skeleton, motion.root_positions, motion.rotations))


def centred(points: np.ndarray) -> np.ndarray:
    return points - points[:, _HIPS].mean(axis=1, keepdims=True)


def chart(
    sheet: Sheet,
    box: tuple[int, int, int, int],
    times: np.ndarray,
    feet: dict[str, np.ndarray],
    moments: np.ndarray,
) -> None:
    """The lower foot's height over time in a box (x, y, width, height): truth as a broad band, the
    others as lines.
    """
    x, y, width, height = box
    top = 0.1 * np.ceil(10.0 * max(h.max() for h in feet.values()) + 0.3)
    bottom = 0.1 * np.floor(10.0 * min(h.min() for h in feet.values()) - 0.1)

    def at(t: np.ndarray, h: np.ndarray) -> np.ndarray:
        across = x + width * (t - times[0]) / (times[-1] - times[0])
        return np.stack([across, y + height * (top - h) / (top - bottom)], axis=-1)

    for level in np.arange(bottom, top + 1e-6, 0.1):
        a, b = at(times[[0, -1]], np.array([level, level]))
        floor = abs(level) < 1e-6
        sheet.line(a, b, _FAINT if floor else _LINE, 1.0)
        sheet.text(
            "floor" if floor else f"{100 * level:+.0f} cm",
            x - 10,
            a[1] + 4,
            12,
            _INK if floor else _FAINT,
            align="right",
        )
    for n, t in enumerate(times[moments]):
        a = at(np.array([t]), np.array([top]))[0]
        sheet.line(a, a + [0.0, height], _LINE, 1.0)
        sheet.text(f"{n + 1}", a[0], a[1] - 6, 12, _FAINT, 600, "middle")
    for second in range(int(times[-1]) + 1):
        a = at(np.array([float(second)]), np.array([bottom]))[0]
        sheet.text(f"{second} s", a[0], a[1] + 18, 12, _FAINT, align="middle")
    for name, colour, wide in (("truth", _TRUTH, 7.0), ("raw", _RAW, 2.0), ("bake", _OURS, 2.4)):
        sheet.path(at(times, feet[name]), colour, wide)


def main() -> None:
    clip = next(iter(rendered.clips(only=(PERFORMANCE,), views=(SIDE,))))
    keypoints = clip.keypoints[MODEL]
    baked = contenders.bake(keypoints)
    points = {
        "truth": centred(points_of(clip.upright)),
        "bake": centred(points_of(baked)),
        "raw": keypoints.positions,
    }
    at = np.round(np.array(MOMENTS) * (len(keypoints) - 1)).astype(int)
    truth, seen = Shown.of(clip.upright).joints, Shown.of(clip.seen).joints
    errors = {
        "raw": direction(Shown.of_landmarks(keypoints).joints, seen),
        "bake": direction(Shown.of(baked).joints, truth),
    }

    columns = len(at)
    column = (_WIDTH - _LEFT - _MARGIN - _GAP * (columns - 1)) // columns
    photo, row, chart_height = round(column * 0.92), 228, 190
    tops = [92, 92 + photo + 36, 92 + photo + 24 + row]
    sheet = Sheet(_WIDTH, tops[2] + row + chart_height + 112)
    sheet.text("What the detector gives, and what mocap makes of it", _MARGIN, 40, 25, weight=700)
    told = (
        f"One camera that looks {SIDE}, and a motion that no training saw. Landmarks "
        f"know neither up nor floor. In grey: the truth."
    )
    sheet.text(told, _MARGIN, 66, 15, _FAINT)
    for n, (frame, picture) in enumerate(zip(at, _pictures(clip, at), strict=True)):
        x = _LEFT + n * (column + _GAP)
        sheet.image(_around(picture, clip, frame, column / photo), x, tops[0], column, photo)
        sheet.text(f"{n + 1}", x + 10, tops[0] + 24, 16, _PAPER, 700)
        for name, colour, top in (("raw", _RAW, tops[1]), ("bake", _OURS, tops[2])):
            for half, view in enumerate(("front", "side")):
                place = np.array([x + column * (0.29 + 0.47 * half), top + 108.0])
                for which, tint, wide in (("truth", _TRUTH, 9.0), (name, colour, 3.6)):
                    body(sheet, points[which][frame], place, 104.0, view, tint, wide)
                if n == 0:
                    label = "camera's view" if view == "front" else "from the side"
                    sheet.text(label, place[0], tops[1] - 8, 12, _FAINT, align="middle")
    for name, label, colour, top in (
        ("raw", "landmarks", _RAW, tops[1]),
        ("bake", "mocap", _OURS, tops[2]),
    ):
        sheet.text(label, _MARGIN, top + 84, 16, colour, 700)
        sheet.text(f"limbs {errors[name].mean():.1f}° off", _MARGIN, top + 106, 13, colour)
    sheet.text("video", _MARGIN, tops[0] + 24, 16, weight=700)
    y = tops[2] + row + 44
    sheet.text("feet", _MARGIN, y - 32, 16, weight=700)
    sheet.text("Height of the lower foot over the floor", _LEFT, y - 32, 16, weight=700)
    x = float(_WIDTH - _MARGIN)
    for label, colour, wide in (
        ("mocap", _OURS, 2.6),
        ("landmarks", _RAW, 2.2),
        ("truth", _TRUTH, 7.0),
    ):
        x -= sheet.text(label, x, y - 32, 14, _INK, align="right") + 34
        sheet.line(np.array([x, y - 37]), np.array([x + 24, y - 37]), colour, wide)
        x -= 22
    feet = {
        name: sole_points(m.skeleton, m.root_positions, m.rotations)[..., 1].min(axis=1)
        for name, m in (("truth", clip.upright), ("bake", baked))
    }
    # Landmarks hang from the hips; their floor is where their feet are most of the time.
    lower = keypoints.positions[:, _FEET, 1].min(axis=1)
    feet["raw"] = lower - np.median(lower)
    chart(sheet, (_LEFT, y, _WIDTH - _LEFT - _MARGIN, chart_height), keypoints.times, feet, at)
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    cv2.imwrite(str(out), sheet.finished(), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"{out.name}: {out.stat().st_size / 1e3:.0f} kB")


def _pictures(clip: rendered.Clip, at: np.ndarray) -> list[np.ndarray]:
    """The video's frames, BGR, in the camera's own size."""
    view = View(
        clip.position,
        clip.target,
        2.0 * float(np.arctan(0.5 * clip.camera.size[1] / clip.camera.focal)),
        clip.camera.size,
    )
    picked = Motion(
        clip.world.skeleton,
        clip.world.times[at],
        clip.world.root_positions[at],
        clip.world.rotations[at],
    )
    return [
        cv2.cvtColor(p, cv2.COLOR_RGB2BGR)
        for p in frames(picked, view, scales=PERFORMANCES[clip.performance].body)
    ]


def _around(picture: np.ndarray, clip: rendered.Clip, frame: int, aspect: float) -> np.ndarray:
    """The part of a picture around the performer."""
    points = clip.camera.project(clip.points)
    tallest = np.ptp(points[..., 1], axis=1).max()
    height = min(1.25 * tallest, picture.shape[1] / aspect, picture.shape[0])
    middle = 0.5 * (points[frame].min(axis=0) + points[frame].max(axis=0))
    x = np.clip(middle[0] - 0.5 * height * aspect, 0, picture.shape[1] - height * aspect)
    y = np.clip(middle[1] - 0.52 * height, 0, picture.shape[0] - height)
    return picture[round(y) : round(y + height), round(x) : round(x + height * aspect)]


if __name__ == "__main__":
    main()
