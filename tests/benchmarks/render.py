"""Make data/rendered/: the mannequin in captured motions, seen by the real detector.

    make bench-render
    MOCAP_DATA=… python -m tests.benchmarks.render [PERFORMANCE …] [captured]

`captured` makes data/captured.npz, the motions of captured.py, which are not rendered. Each
performance is a NumPy file of whole numbers: `truth/…` is the motion and its body, `VIEW/camera`
the camera, and `VIEW/MODEL/…` the detector's landmarks; rendered.py reads them. A picture takes
0.2 s of one core: rendering in software, and detecting with two models.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap.core.keypoints import Keypoints, concatenate, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.detect.mediapipe.bundles import PoseSize
from mocap.detect.mediapipe.pose import PoseDetector
from rigs.render import View, frames

from . import captured
from .performances import FPS, MORE, PERFORMANCES, perform
from .rendered import METRES, PARTS, PIXELS, SEEN, TURNS, UNSEEN

SIZES: tuple[PoseSize, ...] = ("full", "heavy")


@dataclass(frozen=True)
class Angle:
    """yaw: degrees from where the performer faces on the average, 90 on their left. down: degrees
    by which the camera looks down. distance: metres to the middle of the path, more if they would
    leave the picture. fov: vertical, degrees. size: pixels.
    """

    yaw: float
    down: float
    distance: float
    fov: float
    size: tuple[int, int] = (480, 640)


FRONT, ASIDE, BEHIND = (
    Angle(0.0, 4.0, 3.4, 50.0),
    Angle(60.0, 2.0, 4.0, 42.0),
    Angle(180.0, 3.0, 3.0, 64.0),
)
DOWN, UP = Angle(25.0, 20.0, 3.6, 55.0), Angle(-15.0, -20.0, 3.6, 62.0)
_WIDE = (640, 480)
VIEWS: dict[str, dict[str, Angle]] = {
    name: {"front": FRONT, "60°": ASIDE, "180°": BEHIND, "20° down": DOWN} for name in PERFORMANCES
} | {
    "walk": {
        "towards": Angle(0.0, 4.0, 4.6, 46.0), "across": Angle(90.0, 3.0, 4.2, 50.0, _WIDE),
        "180°": Angle(180.0, 3.0, 5.0, 50.0),
        "20° down": Angle(50.0, 20.0, 4.6, 50.0, _WIDE),
    },
    "squats": {"front": FRONT, "60°": ASIDE, "20° down": DOWN, "20° up": UP},
    "wave": {"front": FRONT, "60°": ASIDE, "20° down": DOWN, "20° up": UP},
}  # fmt: skip
_MARGIN = 0.03


def view_of(angle: Angle, motion: Motion) -> View:
    """The camera, far enough away that the performer stays in the picture."""
    points = landmarks_of(*fk(motion.skeleton, motion.root_positions, motion.rotations))
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    target = 0.5 * (low + high)
    yaw, down = math.radians(angle.yaw), math.radians(angle.down)
    back = np.array(
        [math.sin(yaw) * math.cos(down), math.sin(down), math.cos(yaw) * math.cos(down)]
    )
    distance, fov = angle.distance, math.radians(angle.fov)
    while True:
        place = target + distance * back
        raise_by = np.array([0.0, max(0.0, 0.15 - place[1]), 0.0])
        view = View(
            tuple((place + raise_by).tolist()), tuple((target + raise_by).tolist()), fov, angle.size
        )
        share = view.project(points) / angle.size
        if (np.isfinite(share) & (share > _MARGIN) & (share < 1.0 - _MARGIN)).all():
            return view
        if distance < 1.4 * angle.distance:
            distance *= 1.04
        else:
            fov *= 1.04


def seen(
    motion: Motion, views: list[View], scales: dict[str, float]
) -> Iterator[dict[str, Keypoints]]:
    """View by view, what each size of the detector makes of the pictures, each with a tracker of
    its own.
    """
    count = len(motion)
    several = Motion(
        motion.skeleton, np.arange(count * len(views)) / FPS,
        np.tile(motion.root_positions, (len(views), 1)),
        np.tile(motion.rotations, (len(views), 1, 1)),
    )  # fmt: skip
    pictures = frames(
        several, [view for view in views for _ in range(count)], scales=scales, draft=True
    )
    for _ in views:
        detectors = {size: PoseDetector(size) for size in SIZES}
        found: dict[str, list[Keypoints]] = {size: [] for size in detectors}
        for time in motion.times.tolist():
            picture = next(pictures)
            for size, detector in detectors.items():
                found[size].append(detector.detect(picture, time))
        for detector in detectors.values():
            detector.close()
        yield {size: concatenate(parts) for size, parts in found.items()}
    next(pictures, None)  # closes the browser


def whole(values: np.ndarray, step: float, kind: type = np.int16) -> np.ndarray:
    """Values as whole numbers of steps; NaN is UNSEEN."""
    limits = np.iinfo(kind)
    return np.where(
        np.isfinite(values),
        np.clip(np.round(np.nan_to_num(values) / step), limits.min + 1, limits.max),
        UNSEEN,
    ).astype(kind)


def kept(motion: Motion, name: str) -> dict[str, np.ndarray]:
    """A motion and its body as arrays under a name."""
    assert motion.contacts is not None
    return {
        f"{name}/times": motion.times,
        f"{name}/root_positions": motion.root_positions.astype(np.float32),
        f"{name}/rotations": whole(motion.rotations, TURNS),
        f"{name}/contacts": motion.contacts.astype(np.uint8),
        f"{name}/offsets": motion.skeleton.offsets.astype(np.float32),
    }  # fmt: skip


def record(name: str, data: Path) -> None:
    """Renders a performance, looks at it, and writes its file."""
    what = PERFORMANCES[name]
    motion = perform(what, data)
    out = kept(motion, "truth")
    views = {label: view_of(angle, motion) for label, angle in VIEWS[name].items()}
    for (label, view), found in zip(
        views.items(), seen(motion, list(views.values()), what.body), strict=True
    ):
        out[f"{label}/camera"] = np.array([*view.position, *view.target, view.fov, *view.size])
        for size, keypoints in found.items():
            out |= {
                f"{label}/{size}/positions": whole(keypoints.positions, METRES),
                f"{label}/{size}/image": whole(keypoints.image, PIXELS),
                f"{label}/{size}/confidence": whole(keypoints.confidence, PARTS, np.uint8),
            }  # fmt: skip
        print(f"{name}, {label}: {len(motion)} frames", flush=True)
    SEEN.mkdir(parents=True, exist_ok=True)
    file = SEEN / f"{name.replace(' ', '_')}.npz"
    np.savez_compressed(file, **out)
    print(f"{file.name}: {file.stat().st_size / 1e3:.0f} kB", flush=True)


def main() -> None:
    if not os.environ.get("MOCAP_DATA"):
        sys.exit(
            "The performances are captured motion: set MOCAP_DATA to the folder that holds "
            "mocap/bvh_fair and the rest."
        )
    data = Path(os.environ["MOCAP_DATA"])
    for name in sys.argv[1:] or [*PERFORMANCES, "captured"]:
        if name == "captured":
            motions = {more: perform(what, data) for more, what in MORE.items()}
            np.savez_compressed(
                captured.MOTIONS,
                **{k: a for more, m in motions.items() for k, a in kept(m, more).items()},
            )
        elif name in PERFORMANCES:
            record(name, data)
        else:
            sys.exit(
                f"There is no performance {name!r}; there are {', '.join(PERFORMANCES)}, and "
                f"captured."
            )


if __name__ == "__main__":
    main()
