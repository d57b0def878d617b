"""The contenders on a take, all on the same keypoints.

raw          the detector's own 3D landmarks without a solver: the yardstick
mocap live   frame by frame and causal, as `mocap live`, the body measured meanwhile
mocap bake   the whole take at once, as `mocap bake`
− part       without one part of the solver: what that part is worth
Kalidokit    under the reading (kalidokit.py) that gives the smallest error on this take
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

from mocap.capture.source import Frame
from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion, concatenate
from mocap.core.skeleton import HUMANOID, Skeleton
from mocap.live.clock import Arrived
from mocap.live.performer import LivePerformer
from mocap.retargeting import retarget
from mocap.solve import live as causal
from mocap.solve import pose_take, take
from mocap.solve.measure import measure_body
from mocap.solve.twist import FULL_BEND

from . import kalidokit
from .measures import Shown, direction


class _Unrefined(NamedTuple):
    positions: np.ndarray
    translation: np.ndarray
    size: float = 1.0


# What can be left out of the solver: the name of what does it, in one of the _BAKE modules, and its
# substitute. The last is the live grade's.
PARTS: dict[str, tuple[str, Any]] = {
    "unswap": ("unswap", lambda keypoints: keypoints),
    "lift": ("lift_with_error", lambda keypoints, camera: (keypoints.positions, None)),
    "onto_rays": (
        "onto_rays",
        lambda positions, image, translation, camera: (positions, translation),
    ),
    "steady_heels": ("steady_heels", lambda positions: positions),
    "shaped_heels": ("shaped_heels", lambda positions, translation: positions),
    "unflip": ("unflip", lambda times, positions, translation: positions),
    "refine": (
        "refine_landmarks",
        lambda keypoints, prior, *rest, **more: _Unrefined(prior.closed, prior.translation),
    ),
    "gravity": ("find_gravity", lambda *axes: R.IDENTITY),
    "steady hands": ("robust_rotations", lambda times, rotations, *settings: rotations),
    "steady wrists": ("smooth_rotations", lambda times, rotations, cutoff: rotations),
    "doubt in bends": ("DOUBTFUL_BEND", FULL_BEND),
    "floor and contacts": ("find_support", lambda *found: None),
    "the detector's size set right": ("at_height", lambda motion, height: motion),
    "shoulders": ("reach_shoulders", lambda body, rotations, *_: rotations),
    "planted feet": ("plant", lambda motion, contacts, still, far: motion),
    "palms on the floor": ("rest_palms", lambda motion, contacts: motion),
    "hard cuts": ("find_cuts", lambda keypoints: []),
    "One Euro": ("one_euro", lambda times, values, *settings: (values, None)),
}
_BAKE = (pose_take, take)
BAKED = tuple(part for part in PARTS if part != "One Euro")


@contextmanager
def without(*parts: str) -> Iterator[None]:
    """The solver with these of its parts left out."""
    with ExitStack() as stack:
        for part in parts:
            name, nothing = PARTS[part]
            modules = (causal,) if part == "One Euro" else _BAKE
            module = next(m for m in modules if hasattr(m, name))
            stack.enter_context(patch.object(module, name, nothing))
        yield


def live(keypoints: Keypoints, camera: Camera | None = None, body: Skeleton = HUMANOID) -> Motion:
    """The motion as `mocap live` shows it on an avatar of these proportions."""

    seen = keypoints if camera is None else replace(keypoints, camera=camera)

    class Replay:
        at = 0

        def detect(self, image: np.ndarray, time: float) -> Keypoints:
            self.at += 1
            return seen.slice(self.at - 1, self.at)

    performer = LivePerformer(Replay(), body)  # type: ignore[arg-type]
    nothing = np.zeros((1, 1, 3), np.uint8)
    return concatenate(
        [
            performer.perform(Arrived(Frame(t, nothing), t, t, False))[1]
            for t in keypoints.times.tolist()
        ]
    )


def bake(keypoints: Keypoints, camera: Camera | None = None) -> Motion:
    """The performer's motion on the performer's own body, as `mocap bake` writes it."""
    seen = keypoints if camera is None else replace(keypoints, camera=camera)
    return take.solve_take(seen)


def on_humanoid(motion: Motion) -> Motion:
    """The motion on HUMANOID."""
    return retarget(motion, HUMANOID)


def best_kalidokit(keypoints: Keypoints, truth: np.ndarray) -> Motion:
    """Kalidokit's motion under the reading that is best for it against the true joints (F, 12, 3).

    Raises kalidokit.UnavailableError.
    """
    turns, _ = kalidokit.rig(keypoints)
    readings = [kalidokit.shown(turns, keypoints.times, reading) for reading in kalidokit.READINGS]
    return min(readings, key=lambda motion: float(direction(Shown.of(motion).joints, truth).mean()))


def contenders(
    keypoints: Keypoints,
    camera: Camera | None = None,
    grades: tuple[str, ...] = ("raw", "live", "bake"),
) -> dict[str, Shown]:
    """What each of the grades makes of the take, in which somebody must be seen in every frame.

    Live stands on the body that the raw landmarks measure over the take, as an avatar of the
    performer's own size would.
    """
    makers = {
        "raw": lambda: Shown.of_landmarks(keypoints),
        "live": lambda: Shown.of(live(keypoints, camera, measure_body(keypoints))),
        "bake": lambda: Shown.of(bake(keypoints, camera)),
    }
    return {grade: makers[grade]() for grade in grades}


def ablation(keypoints: Keypoints, camera: Camera | None = None) -> dict[str, Shown]:
    """The bake without each of its parts in turn, and without all."""
    out = {}
    for part in BAKED:
        with without(part):
            out[f"− {part}"] = Shown.of(bake(keypoints, camera))
    with without(*BAKED):
        out["− all of these"] = Shown.of(bake(keypoints, camera))
    return out
