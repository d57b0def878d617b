"""The distribution of solved frames to viewers and listeners."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Sequence
from functools import partial

from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.errors import MocapError
from mocap.live.options import Listener, PictureListener
from mocap.stream.logs import RateLimitedLog

log = RateLimitedLog(logging.getLogger("mocap.live"))


class Broadcast:
    """The outputs of the solver's thread. The frames of all sources are numbered together.

    Args:
        publish: Sends a frame's messages to the viewers; callable from any thread.
        expressions: The expressions of the hello, in its order.
        listeners: Called with each frame of the first performer.
        pictures: Called with each picture of the first performer's source, after the listeners.
        outputs: Called with each frame of the first performer, also with those that no take keeps.
    """

    def __init__(
        self,
        publish: Callable[[Sequence[bytes]], None],
        expressions: Sequence[str],
        listeners: Sequence[Listener],
        pictures: Sequence[PictureListener] = (),
        outputs: Sequence[Listener] = (),
    ) -> None:
        self.publish, self.expressions = publish, expressions
        self._listeners, self._pictures, self._outputs = listeners, pictures, outputs
        self._numbers = itertools.count()

    def number(self) -> int:
        """Return the number of the next frame."""
        return next(self._numbers)

    def tell(
        self,
        keypoints: Keypoints,
        motion: Motion,
        pictures: Sequence[tuple[float, bytes]] = (),
        kept: bool = True,
    ) -> list[str]:
        """Call the listeners with a frame.

        Args:
            keypoints: One frame.
            motion: Its pose.
            pictures: JPEGs of this frame or of frames before it, with their times, seconds.
            kept: Whether takes keep the frame; False calls the outputs alone.

        Returns:
            A sentence for each listener that failed; a failure does not affect the others.
        """
        called = [*self._outputs, *(self._listeners if kept else ())]
        calls = [partial(listener, keypoints, motion) for listener in called]
        calls += [partial(see, *picture) for picture in pictures for see in self._pictures]
        failed = []
        for call in calls:
            try:
                call()
            except Exception as error:  # noqa: PERF203 - one must not stop the others
                failed.append(sentence_of("A recording or an output", error))
        return failed


def sentence_of(what: str, error: Exception) -> str:
    """Log an error of the live session, at most once a minute, and describe it for the page.

    Args:
        what: What failed: the subject of the sentence.
        error: The exception. mocap's own errors are sentences, and are not logged.

    Returns:
        A sentence.
    """
    if isinstance(error, MocapError):
        return str(error)
    named = f"{type(error).__name__}: {error}"
    log.error(f"{what} {type(error).__name__}", f"{what} failed ({named}).", error)
    return f"{what} failed and was started again ({named[:300]}). The terminal shows the details."
