"""Make the demo clip and its truth: the mannequin in choreography.py's motion, by a known camera.

    python rigs/demo.py          writes demo_truth.npz and demo.mp4 beside this file

The truth has times (F,), root_positions (F, 3), rotations (F, 55, 4) xyzw on
mocap.core.skeleton.HUMANOID, contacts (F, 4), and the camera: camera_position and camera_target
(3,), metres, camera_fov (vertical, radians), image_size (width, height).
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from rigs.choreography import motion
from rigs.render import View, render

HERE = Path(__file__).parent
VIEW = View((0.45, 1.30, 3.9), (0.07, 1.10, 0.0), math.radians(37.5), (640, 720))


def truth() -> dict[str, np.ndarray]:
    """Return the arrays of demo_truth.npz."""
    clip = motion()
    assert clip.contacts is not None
    return {
        "times": clip.times, "root_positions": clip.root_positions, "rotations": clip.rotations,
        "contacts": clip.contacts.astype(np.uint8),
        "camera_position": np.array(VIEW.position), "camera_target": np.array(VIEW.target),
        "camera_fov": np.array(VIEW.fov), "image_size": np.array(VIEW.size),
    }  # fmt: skip


def main() -> None:
    np.savez_compressed(HERE / "demo_truth.npz", **truth())
    count = render(motion(), VIEW, HERE / "demo.mp4")
    sizes = ", ".join(
        f"{name} {(HERE / name).stat().st_size / 1e3:.0f} kB"
        for name in ("demo.mp4", "demo_truth.npz")
    )
    print(f"{count} frames, {sizes}")


if __name__ == "__main__":
    main()
