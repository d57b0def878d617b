"""Captured motion as keypoints without pictures, with the detector's measured errors.

Each clip borrows its errors from a rendered clip of *another* performance in the same view
(data/rendered). A landmark keeps a share of its true depth, regressed over all rendered clips. The
residuals in depth, position and confidence are added frame by frame; a shorter donor is read
forwards and backwards in turn. The errors thus have their true size, duration and dependence on the
view, but less dependence on the pose. Seeded: each run gives the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from mocap.core.camera import Camera
from mocap.core.keypoints import LANDMARKS, Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from tests.helpers.places import TESTS

from . import rendered
from .measures import Shown
from .rendered import Clip, turned

MOTIONS = TESTS / "benchmarks" / "data" / "captured.npz"
# view: degrees of yaw and of looking down, metres to the middle of the path, vertical field of view
# in degrees.
VIEWS = {
    "front": (0.0, 3.0, 3.5, 52.0),
    "60°": (60.0, 2.0, 4.2, 45.0),
    "180°": (180.0, 4.0, 3.8, 60.0),
    "20° down": (25.0, 20.0, 4.8, 50.0),
}
_SIZE = (720, 960)
_HIPS = [LANDMARKS.index("left_hip"), LANDMARKS.index("right_hip")]


def motions() -> dict[str, Motion]:
    """The captured motions by name: those of data/captured.npz, which were never rendered."""
    with np.load(MOTIONS) as kept:
        arrays = dict(kept)
    return {
        name: rendered.motion_in(arrays, name)
        for name in dict.fromkeys(key.split("/")[0] for key in arrays)
    }


def _donors(model: str) -> dict[str, list[Clip]]:
    """Rendered clips by view; the walk's views, which are its own, go with the nearest."""
    out: dict[str, list[Clip]] = {view: [] for view in VIEWS}
    for clip in rendered.clips():
        view = {"towards": "front", "across": "60°"}.get(clip.view, clip.view)
        if view in out and np.isfinite(clip.keypoints[model].positions).all():
            out[view].append(clip)
    return out


def _there_and_back(values: np.ndarray, frames: int, start: int) -> np.ndarray:
    """Frames of a sequence, read forwards and backwards in turn from a frame on."""
    at = np.abs(
        (np.arange(frames) + start + len(values) - 1) % (2 * len(values) - 2) - (len(values) - 1)
    )
    return values[at]


def _centred(points: np.ndarray) -> np.ndarray:
    return points - points[:, _HIPS].mean(axis=1, keepdims=True)


def kept_depth(donors: list[Clip], model: str) -> np.ndarray:
    """The share (33,) of each landmark's depth, from the hips, that the detector keeps; 1 for the
    hips themselves.
    """
    true = np.concatenate([_centred(d.points)[..., 2] for d in donors])
    found = np.concatenate([d.keypoints[model].positions[..., 2] for d in donors])
    return np.asarray(np.clip((true * found).mean(axis=0) / np.square(true).mean(axis=0), 0.0, 1.1))


def spoilt(
    points: np.ndarray,
    times: np.ndarray,
    camera: Camera,
    donor: Clip,
    model: str,
    start: int,
    share: np.ndarray,
) -> Keypoints:
    """The landmarks (F, 33, 3), in a camera's axes, as keypoints with a donor's errors.

    start: the donor's frame that the first one gets. share: see kept_depth.
    """
    seen, frames = donor.keypoints[model], len(points)
    keeps = np.stack([np.ones(33), np.ones(33), share], axis=-1)
    left = seen.positions - _centred(donor.points) * keeps
    positions = _centred(points) * keeps + _there_and_back(left, frames, start)
    # In the picture: metres at the body's distance.
    astray = (
        (seen.image - donor.camera.project(donor.points))
        * _distance(donor.points)
        / donor.camera.focal
    )
    image = camera.project(points) + _there_and_back(
        astray, frames, start
    ) * camera.focal / _distance(points)
    return Keypoints(
        times,
        _centred(positions),
        image,
        _there_and_back(seen.confidence, frames, start),
        Camera.assumed(camera.size),
    )


def _distance(points: np.ndarray) -> np.ndarray:
    return -points[:, _HIPS, 2].mean(axis=1)[:, None, None]


def clips(model: str = "full") -> Iterator[Clip]:
    """All motions before all cameras."""
    donors = _donors(model)
    share = kept_depth([donor for those in donors.values() for donor in those], model)
    for n, (name, motion) in enumerate(motions().items()):
        joints = Shown.of(motion).joints
        middle = 0.5 * (joints.min(axis=(0, 1)) + joints.max(axis=(0, 1)))
        for k, (view, (yaw, down, distance, fov)) in enumerate(VIEWS.items()):
            if not donors[view]:
                continue
            rng = np.random.default_rng([n, k])
            donor = donors[view][rng.integers(len(donors[view]))]
            yaw, down = math.radians(yaw), math.radians(down)
            back = np.array(
                [math.sin(yaw) * math.cos(down), math.sin(down), math.cos(yaw) * math.cos(down)]
            )
            camera = Camera.from_fov(_SIZE, math.radians(fov), "vertical")
            seen = turned(motion, back)
            points = landmarks_of(*fk(seen.skeleton, seen.root_positions, seen.rotations))
            axes_middle = turned(
                Motion(motion.skeleton, motion.times[:1], middle[None], motion.rotations[:1]), back
            ).root_positions[0]
            place = points - axes_middle - [0.0, 0.0, distance]
            start = int(rng.integers(len(donor.upright)))
            keypoints = spoilt(place, motion.times, camera, donor, model, start, share)
            yield Clip(
                name,
                view,
                turned(motion, back * [1.0, 0.0, 1.0]),
                seen,
                camera,
                {model: keypoints},
                place,
                motion,
            )
