"""The detector's keypoints of rendered people, with the true joints.

mocap/lift/training/performers.py makes mocap/lift/training/detector_pairs.npz. The lifter learns
from these pairs, and from motion with the errors that they show (spoil.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.lift.model import RayView, see
from mocap.lift.network import JOINTS, MIRRORED_JOINTS, RATE

_MILLIMETRE, _PART_OF_PIXEL = 1000.0, 8.0
_LANDMARKS_OF = [[LANDMARKS.index("left_ear"), LANDMARKS.index("right_ear")]]
_LANDMARKS_OF += [[LANDMARKS.index(name.replace("toe", "foot_index"))] for name in JOINTS[1:]]


@dataclass(frozen=True, eq=False, slots=True)
class Pair:
    """A piece of F frames at RATE.

    Attributes:
        keypoints: The detector's keypoints of the 15 joints (the ears' middle twice, others NaN).
        camera: The true camera.
        true: (F, 15, 3) joints from the hips' middle, camera axes, metres.
        hips: (F, 3) the hips' middle, camera axes, metres.
        up: (3,) direction against gravity, camera axes.
        held_out: Whether its subject is held out of training.
        heavy: Whether the detector used its heavy model, otherwise the full one.
    """

    keypoints: Keypoints
    camera: Camera
    true: Float[ndarray, "frames 15 3"]
    hips: Float[ndarray, "frames 3"]
    up: Float[ndarray, "3"]
    number: int
    held_out: bool
    heavy: bool

    def mirror(self) -> Pair:
        """Return the mirror image of the piece."""
        flip = np.array([-1.0, 1.0, 1.0])
        return Pair(
            self.keypoints.mirror(), self.camera, self.true[:, MIRRORED_JOINTS] * flip,
            self.hips * flip, self.up * flip,
            self.number, self.held_out, self.heavy,
        )  # fmt: skip


def save(path: Path, pieces: dict[str, ndarray]) -> None:
    """Write pieces to an .npz file.

    Values are rounded to millimetres, eighths of a pixel and 255ths of confidence, and stored as
    differences from frame to frame, which compress to a third.

    Args:
        path: The file.
        pieces: N pieces: true, hips, positions (metres), image (pixels), confidence (N, F, …);
            focal, size, up, number, held_out, heavy.
    """
    out: dict[str, Any] = dict(pieces)
    out["unseen"] = np.isnan(pieces["image"][..., 0, 0])
    for name, unit in _UNITS.items():
        steps = np.round(np.nan_to_num(pieces[name]) * unit).astype(np.int16)
        out[name] = np.diff(steps, axis=1, prepend=np.zeros_like(steps[:, :1]))
    np.savez_compressed(path, **out)


_UNITS = {
    "true": _MILLIMETRE,
    "hips": _MILLIMETRE,
    "positions": _MILLIMETRE,
    "image": _PART_OF_PIXEL,
    "confidence": 255.0,
}


def load(path: Path) -> list[Pair]:
    """Return the pieces of a file that `save` wrote."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    for name, unit in _UNITS.items():
        arrays[name] = np.cumsum(arrays[name].astype(np.int64), axis=1) / unit
    for name in ("positions", "image"):
        arrays[name][arrays["unseen"]] = np.nan
    return [_pair({name: a[n] for name, a in arrays.items()}) for n in range(len(arrays["number"]))]


def _pair(a: dict[str, ndarray]) -> Pair:
    frames = len(a["true"])
    spread = [
        (landmark, joint) for joint, landmarks in enumerate(_LANDMARKS_OF) for landmark in landmarks
    ]
    to, start = (list(column) for column in zip(*spread, strict=True))
    full = {
        name: np.full((frames, 33, width), np.nan)
        for name, width in (("positions", 3), ("image", 2), ("confidence", 1))
    }
    for name, out in full.items():
        out[:, to] = a[name].reshape(frames, 15, -1)[:, start]
    size = (int(a["size"][0]), int(a["size"][1]))
    confidence = np.nan_to_num(full["confidence"][..., 0])
    assumed = Camera.assumed(size)
    keypoints = Keypoints(
        np.arange(frames) / RATE, full["positions"], full["image"], confidence, assumed
    )
    camera = Camera(float(a["focal"]), (0.5 * size[0], 0.5 * size[1]), size)
    return Pair(
        keypoints,
        camera,
        a["true"],
        a["hips"],
        a["up"].astype(np.float64),
        int(a["number"]),
        bool(a["held_out"]),
        bool(a["heavy"]),
    )


def as_seen(
    pair: Pair, guess: float
) -> tuple[RayView, Float[ndarray, "frames 15 3"], Float[ndarray, "frames"]]:
    """Return a piece as the network sees it, for a camera of a wrong field of view.

    Args:
        pair: The piece.
        guess: The true focal length over the assumed one.

    Returns:
        The view; the true joints along the hips' ray, metres, in the scale that their apparent
        distance implies; and that scale. NaN where no person is seen.
    """
    seen = see(
        pair.keypoints, Camera(pair.camera.focal / guess, pair.camera.centre, pair.camera.size)
    )
    depth = 1.0 / (seen.hips[:, 2] * np.sqrt(1.0 + np.square(seen.hips[:, :2]).sum(axis=1)))
    scale = guess * depth / -pair.hips[:, 2]
    turn = R.between(R.normalize(pair.hips), np.array([0.0, 0.0, -1.0]))
    return seen, R.apply(turn[:, None], pair.true) * scale[:, None, None], scale
