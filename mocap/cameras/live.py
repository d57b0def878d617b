"""Several calibrated cameras live: one frame of keypoints from the newest frames of each.

A frame is made for a time that all cameras have reached, so it is as late as the slowest camera. A
camera that has been silent for SILENT seconds is not waited for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mocap.cameras.guesses import body_in_camera, on_rays, with_guesses
from mocap.cameras.image_sizes import in_calibrated_pixels
from mocap.cameras.resampling import sampled
from mocap.cameras.take import at_common_times, fuse, least_noise, triangulated
from mocap.cameras.views import CameraSet, View
from mocap.cameras.virtual import hand_views
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints, concatenate, pair
from mocap.solve.evidence import EvidenceState, weigh

SILENT = 0.25
"""Seconds after which a camera without a new frame is not waited for."""

_HIPS = pair("hip")
_SHORTEST = 0.02  # shortest time between two frames, seconds
_KEPT = 0.6  # seconds of each camera's frames that are kept
# Factor on the take's noise. Some frames are noisier than the take, and where two views disagree,
# their compromise is nearer to the truth than one of them (47 → 45 mm on rendered clips).
_LOOSE = 2.5
_SLOW = 0.05  # share by which `factor` follows each frame


@dataclass
class _ViewState:
    """One camera: its newest frames, and what is known of its detector's body.

    Attributes:
        frames: Frames of the last _KEPT seconds, whose confidence is trust.
        evidence: State of the trust.
        factor: The true size of the body by the detector's; NaN if unknown.
        off: The true hips from the detector's times `factor`, in the camera's axes, metres; NaN if
            unknown.
    """

    frames: deque[Keypoints] = field(default_factory=deque)
    evidence: EvidenceState | None = None
    factor: float = np.nan
    off: Float[ndarray, "3"] = field(default_factory=lambda: np.full(3, np.nan))

    @classmethod
    def of(cls, take: Keypoints, camera: View, hips: Float[ndarray, "frames 3"]) -> _ViewState:
        """Return the state of a camera before its first frame.

        Args:
            take: What it saw before.
            camera: The camera.
            hips: Triangulated middle of the hips in these frames, metres; NaN if unknown.
        """
        middle, true = body_in_camera(take)[:, _HIPS].mean(axis=1), camera.in_camera(hips)
        known = np.isfinite(middle).all(axis=1) & np.isfinite(true).all(axis=1)
        if not known.any():
            return cls()
        factor = float(np.median(true[known, 2] / middle[known, 2]))
        return cls(factor=factor, off=np.median((true - factor * middle)[known], axis=0))

    def add(self, keypoints: Keypoints) -> None:
        """Add the next frame."""
        trusted, _, self.evidence = weigh(keypoints, self.evidence)
        self.frames.append(trusted)
        while keypoints.times[0] - self.frames[0].times[0] > _KEPT:
            self.frames.popleft()

    def at(self, time: float, like: Keypoints, camera: View) -> Keypoints:
        """Return one frame at a time on the camera's clock; NaN where it saw nothing.

        Args:
            time: Seconds.
            like: Keypoints of another camera, for the arrays' shapes before the first frame.
            camera: The camera.
        """
        if self.frames:
            return sampled(concatenate(list(self.frames)), np.array([time]))
        unseen = sampled(like, np.array([like.times[-1] + 1.0]))
        size = camera.size if camera.size[0] else like.camera.size
        return replace(unseen, camera=Camera.assumed(size))

    def body(
        self, view: Keypoints, camera: View, hips: Float[ndarray, "3"]
    ) -> Float[ndarray, "1 33 3"]:
        """Return the detector's body at the true size and place, in the camera's axes.

        Args:
            view: One frame.
            camera: The camera.
            hips: Triangulated middle of the hips, metres; NaN if unknown.
        """
        own = body_in_camera(view)
        middle, true = own[0, _HIPS].mean(axis=0), camera.in_camera(hips)
        if np.isfinite(middle).all() and np.isfinite(true).all():
            factor = float(true[2] / middle[2])
            known = np.isfinite(self.factor)
            self.factor += _SLOW * (factor - self.factor) if known else 0.0
            self.factor = self.factor if known else factor
            self.off = true - self.factor * middle
        return self.factor * own + self.off


class LiveFusion:
    """Fuse one performer's keypoints of several cameras, frame by frame.

    Args:
        takes: Some seconds of the keypoints of each camera, in the order of the calibration. The
            virtual camera and the sizes of the views' errors come from them.
        cameras: The calibration, with clock offsets.

    Raises:
        InputError: The views do not agree; see `fuse`.
    """

    def __init__(self, takes: Sequence[Keypoints], cameras: CameraSet) -> None:
        fused = fuse(takes, cameras)
        _, views, self._offsets = at_common_times(takes, cameras)
        self._least = least_noise(views)
        self._noise = _LOOSE * fused.triangulated.noise / float(self._least.mean())
        self._cameras, self._virtual = fused.cameras, fused.virtual
        hips = fused.triangulated.points[:, _HIPS].mean(axis=1)
        self._views = [
            _ViewState.of(view, camera, hips)
            for view, camera in zip(views, self._cameras.views, strict=True)
        ]
        self._begun = np.inf  # time of the first frame of all
        self._hands: Int[ndarray, "2"] | None = None
        self._due = -np.inf  # the earliest time of the next frame

    def add(self, camera: int, keypoints: Keypoints) -> Keypoints | None:
        """Add a camera's next frame.

        Args:
            camera: The camera's index in the calibration.
            keypoints: One frame, on the camera's own clock.

        Returns:
            The performer's next frame on the common clock, as keypoints of the virtual camera; None
            if another camera has to begin, or to reach that time, first.
        """
        at = float(keypoints.times[0] + self._offsets[camera])
        view = self._views[camera]
        if not view.frames:  # before its first frame, a camera has seen nothing
            self._due = max(self._due, at)
            self._begun = min(self._begun, at)
        view.add(keypoints)
        newest = np.array([v.frames[-1].times[0] if v.frames else -np.inf for v in self._views])
        newest = newest + self._offsets
        if not np.isfinite(newest).all() and at < self._begun + SILENT:
            return None
        time = float(newest[newest > newest.max() - SILENT].min())
        if time < self._due:
            return None
        self._due = time + _SHORTEST
        return self._at(time)

    def _at(self, time: float) -> Keypoints:
        """Return the frame at a time on the common clock."""
        some = next(v.frames[-1] for v in self._views if v.frames)
        views = [
            replace(own.at(time - offset, some, camera), times=np.array([time]))
            for own, offset, camera in zip(
                self._views, self._offsets, self._cameras.views, strict=True
            )
        ]
        views = in_calibrated_pixels(views, self._cameras)
        cameras = self._cameras.views
        views, found = triangulated(views, cameras, self._least, self._noise)
        hips = found.points[0, _HIPS].mean(axis=0)
        guesses = [
            on_rays(view, camera, own.body(view, camera, hips))
            for own, view, camera in zip(self._views, views, cameras, strict=True)
        ]
        points, confidence, _ = with_guesses(found, guesses)
        hands = hand_views(views, self._hands)
        self._hands = hands[-1]
        return self._virtual.keypoints(views, cameras, points, confidence, hands)
