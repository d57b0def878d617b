"""Pictures of the mannequin in a motion, by three.js in headless Chromium.

They are for the demo clip, the turntable and the benchmarks. It needs what rigs/page.py needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import ndarray
from playwright.sync_api import sync_playwright

from mocap.core.camera import Camera
from mocap.core.motion import Motion
from rigs.page import FLAGS, HERE, chromium, decoded, open_page


@dataclass(frozen=True)
class View:
    """A camera in the world: position and the point it looks at, metres; vertical field of view,
    radians; image (width, height), pixels.
    """

    position: tuple[float, float, float]
    target: tuple[float, float, float]
    fov: float
    size: tuple[int, int]

    def axes(self) -> ndarray:
        """Return (3, 3): rows are the camera's x (right), y (up) and z (backwards) in the world."""
        back = np.array(self.position) - np.array(self.target)
        back = back / np.linalg.norm(back)
        right = np.cross([0.0, 1.0, 0.0], back)
        right = right / np.linalg.norm(right)
        return np.stack([right, np.cross(back, right), back])

    def to_camera(self, points: ndarray) -> ndarray:
        """Return world points (..., 3) in the camera's axes."""
        return (points - np.array(self.position)) @ self.axes().T

    def project(self, points: ndarray) -> ndarray:
        """Return the pixels (..., 2), y down, of world points (..., 3)."""
        return Camera.from_fov(self.size, self.fov, "vertical").project(self.to_camera(points))


def frames(
    motion: Motion,
    views: View | list[View],
    rig: Path = HERE / "mannequin.vrm",
    scales: dict[str, float] | None = None,
    draft: bool = False,
) -> Iterator[ndarray]:
    """Return RGB images (height, width, 3) of the rig in each of the motion's poses and
    expressions.

    There is one view for all frames, or one for each. `scales` are factors of bones and everything
    below them, relative to the rig. `draft` leaves out shadows and smooth edges, for speed.
    """
    each = views if isinstance(views, list) else [views] * len(motion)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            page = open_page(
                browser, HERE / "render.js", {"rig.glb": rig}, "?draft" if draft else ""
            )
            for frame, view in enumerate(each):
                pose = {
                    "root": motion.root_positions[frame].tolist(),
                    "rotations": dict(zip(motion.skeleton.names, motion.rotations[frame].tolist(),
                        strict=True)),
                    "scales": scales or {},
                    "expressions": {name: float(weights[frame]) for name,
                                    weights in motion.expressions.items()},
                    "position": view.position, "target": view.target, "fov": math.degrees(view.fov),
                    "size": view.size,
                }  # fmt: skip
                yield decoded(page.evaluate("pose => window.draw(pose)", pose))
        finally:
            browser.close()


def render(motion: Motion, view: View, out: Path, quality: int = 24) -> int:
    """Write the motion as an H.264 mp4 of constant frame rate (from the motion's first two times);
    return the number of frames.

    `quality` is x264's constant rate factor; smaller values give better and larger files.
    """
    import imageio_ffmpeg

    rate = 1.0 / float(motion.times[1] - motion.times[0])
    writer = imageio_ffmpeg.write_frames(
        str(out), view.size, fps=round(rate, 6), codec="libx264", pix_fmt_out="yuv420p",
        macro_block_size=2, quality=None,
        output_params=["-crf", str(quality), "-preset", "veryslow", "-movflags", "+faststart",
                       "-color_range", "tv"],
    )  # fmt: skip
    writer.send(None)
    count = 0
    for image in frames(motion, view):
        writer.send(np.ascontiguousarray(image))
        count += 1
    writer.close()
    return count
