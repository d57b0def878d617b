"""One performer before the cameras of several pages.

The first camera drives the avatar alone while the others' places are found from the performer's
motion. From then on the cameras are fused frame by frame (`mocap.cameras.live`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mocap.cameras.live import LiveFusion
from mocap.cameras.views import CameraSet
from mocap.core.closing import Closing
from mocap.core.keypoints import Keypoints, concatenate
from mocap.core.motion import Motion
from mocap.errors import MocapError
from mocap.live.performer import LivePerformer
from mocap.live.seeking import Seeking

_LEAST = 8.0  # seconds of motion that all cameras must have seen before their places are sought
_MOST = 30.0  # seconds of motion that are kept for it
_AGAIN = 5.0  # seconds between two attempts
_TOGETHER = 2.0  # seconds since a camera's last frame after which its place is not sought


class CameraKey(NamedTuple):
    """A camera: the name of its page, kept when the page is loaded again; its size in pixels."""

    page: str
    size: tuple[int, int]


class SharedPerformer(Closing):
    """Solves one performer from the keypoints of several cameras, on a common clock.

    Args:
        cameras: A calibration, whose cameras may come in any order; None finds the cameras from the
            performer's motion.
        make: Returns a new performer that solves keypoints.
        notice: Called with a sentence for the performer when there is something to do or to know.
    """

    def __init__(
        self,
        cameras: CameraSet | None,
        make: Callable[[], LivePerformer],
        notice: Callable[[str], None],
    ) -> None:
        self._cameras, self._make, self._notice = cameras, make, notice
        self._wanted = 2 if cameras is None else len(cameras.views)
        self._seeking: Seeking | None = None
        self.restart()

    def close(self) -> None:
        """End the search for the cameras' places. A second call does nothing."""
        if self._seeking is not None:
            self._seeking.stop()
            self._seeking = None

    def restart(self) -> None:
        """Begin again: another take, and the cameras' places are sought again."""
        self.close()
        self._performer = self._make()
        self._seen: dict[CameraKey, list[Keypoints]] = {}
        self._next = -np.inf  # time of the next attempt
        self._sought: list[CameraKey] = []
        self._order: list[CameraKey] = []
        self._newest: dict[CameraKey, float] = {}
        self._fusion: LiveFusion | None = None
        self._noticed = ""

    @property
    def together(self) -> bool:
        """Whether the cameras' places are known, so that frames are fused."""
        return self._fusion is not None

    def recover(self) -> None:
        """Begin another take after an error; the cameras' places are kept."""
        self._performer = self._make()

    def follow(self, camera: CameraKey, keypoints: Keypoints) -> tuple[Keypoints, Motion] | None:
        """Add a camera's next frame.

        Args:
            camera: The camera.
            keypoints: One frame; its time is on the server's clock.

        Returns:
            The performer's next frame and the avatar's pose; None if this frame gives none.
        """
        self._take_found()
        if keypoints.times[0] <= self._newest.get(camera, -np.inf):
            return None  # the clock stands still: an old frame
        self._newest[camera] = float(keypoints.times[0])
        if self._fusion is None:
            return self._alone(camera, keypoints)
        if camera not in self._order:
            self._say(
                "A camera has joined or has been turned. Calibrate finds the places of all cameras."
            )
            return None
        fused = self._fusion.add(self._order.index(camera), keypoints)
        return None if fused is None else (fused, self._performer.follow(fused))

    def _alone(self, camera: CameraKey, keypoints: Keypoints) -> tuple[Keypoints, Motion] | None:
        """As `follow`, while the places are sought: the first camera drives the avatar."""
        now = float(keypoints.times[0])
        frames = self._seen.setdefault(camera, [])
        frames.append(keypoints)
        while now - frames[0].times[0] > _MOST:
            frames.pop(0)
        heard = {k: f for k, f in self._seen.items() if now - f[-1].times[0] < _TOGETHER}
        self._seen = {k: f for k, f in self._seen.items() if now - f[-1].times[0] < _MOST}
        self._seek(now, heard)
        if camera != next(iter(heard)):
            return None
        return keypoints, self._performer.follow(keypoints)

    def _seek(self, now: float, heard: dict[CameraKey, list[Keypoints]]) -> None:
        """Begin to find the cameras' places, once enough cameras have seen enough."""
        count = len(heard)
        if count < self._wanted:
            return self._say(_waiting(count, self._wanted))
        if self._cameras is not None and count > self._wanted:
            return self._say(
                f"{count} cameras see you, but the calibration has {self._wanted}. Stop Camera on "
                "the others."
            )
        if now - max(float(f[0].times[0]) for f in heard.values()) < _LEAST:
            return self._say(
                f"{count} cameras see you. Walk around, turn, and move arms and legs for some "
                "seconds, so that their places are found."
            )
        if self._seeking is None and now >= self._next:
            self._next = now + _AGAIN
            self._sought = list(heard)
            takes = [concatenate(heard[k]) for k in self._sought]
            self._seeking = Seeking(takes, self._cameras)
        return None

    def _take_found(self) -> None:
        """Use the cameras' places once they are found."""
        if self._seeking is None:
            return
        try:
            found = self._seeking.found()
        except MocapError as error:
            self._seeking = None
            self._say(f"The cameras' places are not found yet. {error}")
            return
        if found is None:
            return
        self._seeking = None
        order, self._fusion = found
        self._order = [self._sought[k] for k in order]
        self._performer = self._make()
        self._seen.clear()
        self._say(f"{len(order)} cameras now follow you together.")

    def _say(self, sentence: str) -> None:
        if sentence != self._noticed:
            self._noticed = sentence
            self._notice(sentence)


def _waiting(count: int, wanted: int) -> str:
    seen = "One camera sees you" if count == 1 else f"{count} cameras see you"
    more = wanted - count
    missing = "one more" if more == 1 else f"{more} more"
    return f"{seen}. Open this page on {missing} device{'s' if more > 1 else ''} and start Camera."
