"""One performer before the cameras of several pages.

The first camera drives the avatar alone while the others' places are found from the performer's
motion. From then on the cameras are fused frame by frame (`mocap.cameras.live`).
"""

from __future__ import annotations

from collections.abc import Callable

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
        self._seen: dict[int, list[Keypoints]] = {}
        self._next = -np.inf  # time of the next attempt
        self._order: list[int] = []
        self._fusion: LiveFusion | None = None
        self._noticed = ""

    @property
    def together(self) -> bool:
        """Whether the cameras' places are known, so that frames are fused."""
        return self._fusion is not None

    def recover(self) -> None:
        """Begin another take after an error; the cameras' places are kept."""
        self._performer = self._make()

    def keep(self, subjects: set[int]) -> None:
        """Forget what cameras other than `subjects` saw; a fusion goes on without them."""
        for subject in set(self._seen) - subjects:
            del self._seen[subject]

    def follow(self, subject: int, keypoints: Keypoints) -> tuple[Keypoints, Motion] | None:
        """Add a camera's next frame.

        Args:
            subject: The camera's number in the stream.
            keypoints: One frame; its time is on the server's clock.

        Returns:
            The performer's next frame and the avatar's pose; None if this frame gives none.
        """
        self._take_found()
        if self._fusion is None or subject not in self._order:
            self._learn(subject, keypoints)
        if self._fusion is not None:
            if subject not in self._order:
                return None
            fused = self._fusion.add(self._order.index(subject), keypoints)
            return None if fused is None else (fused, self._performer.follow(fused))
        if subject != min(self._seen):
            return None
        return keypoints, self._performer.follow(keypoints)

    def _learn(self, subject: int, keypoints: Keypoints) -> None:
        """Keep a frame for finding the cameras' places, and begin to find them."""
        frames = self._seen.setdefault(subject, [])
        now = float(keypoints.times[0])
        frames.append(keypoints)
        while now - frames[0].times[0] > _MOST:
            frames.pop(0)
        together = {k: f for k, f in self._seen.items() if now - f[-1].times[0] < _TOGETHER}
        if len(together) < self._wanted:
            if self._fusion is None:
                self._say(_waiting(len(together), self._wanted))
            return
        begun = max(f[0].times[0] for f in together.values())
        if now - begun < _LEAST:
            if self._fusion is None:
                self._say(
                    f"{len(together)} cameras see you. Walk around, turn, and move arms and legs "
                    "for some seconds, so that their places are found."
                )
            return
        if self._seeking is None and now >= self._next:
            self._next = now + _AGAIN
            subjects = sorted(together)[: None if self._cameras is None else self._wanted]
            takes = [concatenate(together[k]) for k in subjects]
            self._seeking = Seeking(subjects, takes, self._cameras)

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
        order, fusion = found
        self._order, self._fusion = order, fusion
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
