"""Error of the detector on the demo clip: landmarks against their true image points.

python rigs/check_demo.py [lite|full|heavy]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy import ndarray

sys.path.insert(0, str(Path(__file__).parent.parent))

import cv2

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS, Keypoints, concatenate, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.detect.mediapipe.pose import PoseDetector
from rigs.choreography import motion
from rigs.demo import HERE, VIEW
from rigs.render import View

# The limbs whose directions are compared: (from, to), landmark names without their side.
_LIMBS = {
    "upper arm": ("shoulder", "elbow"),
    "forearm": ("elbow", "wrist"),
    "thigh": ("hip", "knee"),
    "shank": ("knee", "ankle"),
}


def detect(clip: Path, times: ndarray, model: str = "full") -> Keypoints:
    """Return the detector's keypoints of the clip's frames, at the times (F,)."""
    video = cv2.VideoCapture(str(clip))
    found = []
    with PoseDetector(model) as detector:  # type: ignore[arg-type]
        for time in times:
            ok, image = video.read()
            assert ok, "the clip has fewer frames than the motion"
            found.append(detector.detect(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), float(time)))
    return concatenate(found)


def image_errors(seen: Keypoints, true: Motion, view: View) -> ndarray:
    """Return the distances (F, 33) of the landmarks from their true positions in the image, as
    fractions of the body's height at its depth.
    """
    places = view.project(landmarks_of(*fk(true.skeleton, true.root_positions, true.rotations)))
    depth = -view.to_camera(true.root_positions)[:, 2]
    height = 1.75 * 0.5 * view.size[1] / np.tan(0.5 * view.fov) / depth
    return np.linalg.norm(seen.image - places, axis=-1) / height[:, None]


def direction_errors(seen: Keypoints, true: Motion, view: View) -> dict[str, ndarray]:
    """Return limb → (F, 2) angles, degrees, between the detector's and the true direction in the
    camera's axes, left and right.
    """
    places = view.to_camera(landmarks_of(*fk(true.skeleton, true.root_positions, true.rotations)))
    out = {}
    for limb, (a, b) in _LIMBS.items():
        ends = [
            (LANDMARKS.index(f"{side}_{a}"), LANDMARKS.index(f"{side}_{b}"))
            for side in ("left", "right")
        ]
        way = [[R.normalize(p[:, j] - p[:, i]) for i, j in ends] for p in (seen.positions, places)]
        out[limb] = np.degrees(
            np.arccos(np.clip(R.dot(np.stack(way[0], 1), np.stack(way[1], 1)), -1.0, 1.0))
        )
    return out


def main() -> None:
    true = motion()
    seen = detect(HERE / "demo.mp4", true.times, *sys.argv[1:2])
    persons = np.isfinite(seen.image).all(axis=(1, 2))
    error = 100.0 * image_errors(seen, true, VIEW)
    print(f"a person in {persons.mean():.1%} of {len(persons)} frames")
    print(
        f"image error in % of the body's height: mean {np.nanmean(error):.2f}, median "
        f"{np.nanmedian(error):.2f}, "
        f"p95 {np.nanpercentile(error, 95):.2f}"
    )
    for name, mean in zip(LANDMARKS, np.nanmean(error, axis=0), strict=True):
        print(f"  {name:17s} {mean:5.2f}")
    worst = np.argsort(-np.nanmean(error, axis=1))[:8]
    print("worst frames: " + ", ".join(f"{f} ({np.nanmean(error[f]):.1f})" for f in worst))
    for limb, angles in direction_errors(seen, true, VIEW).items():
        print(
            f"raw 3D direction error, {limb:9s} mean {np.nanmean(angles):5.1f}°, p95 "
            f"{np.nanpercentile(angles, 95):5.1f}°"
        )


if __name__ == "__main__":
    main()
