"""Recording of the live session as a take: keypoints and, if wanted, pictures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.errors import InputError, OutputError
from mocap.formats.keypoints_json.recording import Recording
from mocap.live.state import RecordingState
from mocap.studio.continuity import ContinuousClock, seen_by
from mocap.studio.pictures import PictureRecording
from mocap.studio.takes import TakesFolder


@dataclass(slots=True)
class _Running:
    """The take that is being recorded.

    Attributes:
        keypoints: The file of the keypoints.
        pictures: The file of the pictures, if the take keeps them.
        clock: Maps the sources' times to the take's.
        camera: The camera of the first frame, and of the take.
        size: Picture size of the last frame, pixels.
        first: Time of the first frame, seconds.
        seconds: Length so far.
    """

    keypoints: Recording
    pictures: PictureRecording | None
    clock: ContinuousClock
    camera: Camera | None = None
    size: tuple[int, int] | None = None
    first: float | None = None
    seconds: float = 0.0

    def cameras(self, keypoints: Keypoints) -> list[Camera]:
        """Return the frame's camera, and the take's if it has begun."""
        return [keypoints.camera, *([] if self.camera is None else [self.camera])]

    def continued(self, keypoints: Keypoints) -> Keypoints:
        """Return a frame by the take's clock and as the take's camera sees it."""
        seconds, jumped = self.clock.frame(float(keypoints.times[0]))
        turned = self.size not in (None, keypoints.camera.size)
        self.size = keypoints.camera.size
        self.camera = self.camera or keypoints.camera
        return replace(
            seen_by(self.camera, keypoints),
            times=np.array([seconds]),
            new_take=np.ones(1) if jumped or turned else keypoints.new_take,
        )


class TakeRecorder:
    """Records one take at a time; frames arrive in the solver's thread, requests in others.

    Args:
        takes: The folder of takes.
        now: Returns the time of arrival of a frame, seconds.
    """

    def __init__(self, takes: TakesFolder, now: Callable[[], float] = time.monotonic) -> None:
        self._takes, self._now = takes, now
        self._running: _Running | None = None
        self._lock = threading.Lock()

    def hear(self, keypoints: Keypoints, motion: Motion) -> None:
        """Record a live frame, if a take is being recorded.

        Where the source or its clock changes, the take's time goes on and a new take is marked
        (`Keypoints.new_take`), as at a hard cut. A take that several cameras measured holds no
        frames of one camera, whose depths are guessed, and the other way round.

        Raises:
            OutputError: The disk is full; the take ends with the frame before.
        """
        with self._lock:
            running = self._running
            if running is None or running.keypoints.ended:
                return
            kinds = {camera.source == "triangulated" for camera in running.cameras(keypoints)}
            if len(kinds) > 1:
                return
            keypoints = running.continued(keypoints)
            running.keypoints.append(keypoints)
            seconds = float(keypoints.times[0])
            running.first = seconds if running.first is None else running.first
            running.seconds = seconds - running.first

    def see(self, seconds: float, jpeg: bytes) -> None:
        """Record the picture of a live frame, if the take keeps its pictures.

        Raises:
            OutputError: The disk is full; the pictures end here.
        """
        with self._lock:
            running = self._running
            if running is None or running.pictures is None or running.keypoints.ended:
                return
            mapped = running.clock.picture(seconds)
            if running.first is not None and mapped is not None and mapped >= running.first:
                running.pictures.append(mapped, jpeg)

    def state(self) -> RecordingState:
        """Return what is being recorded."""
        running = self._running
        if running is None or running.keypoints.ended:
            return RecordingState()
        kept = running.pictures is not None
        return RecordingState(running.keypoints.path.stem, running.seconds, kept)

    def start(self, pictures: bool) -> str:
        """Begin a take and return its name; no-op if one is being recorded.

        Args:
            pictures: Whether the take keeps the source's pictures.

        Raises:
            OutputError: The take cannot be written.
        """
        with self._lock:
            if self._running is None:
                path = self._takes.new()
                seen = PictureRecording(self._takes.pictures(path.stem)) if pictures else None
                try:
                    self._running = _Running(Recording(path), seen, ContinuousClock(self._now))
                except OutputError:
                    if seen is not None:
                        seen.close()
                    raise
            return self._running.keypoints.path.stem

    def stop(self) -> tuple[str, int, int]:
        """End the take; return its name, its number of frames and its number of pictures.

        Raises:
            InputError: No take is being recorded, or no frame arrived.
            OutputError: The disk was full.
        """
        with self._lock:
            running = self._running
            if running is None:
                raise InputError("No take is being recorded.")
            full = running.keypoints.ended
            self._close()
        name, frames = running.keypoints.path.stem, running.keypoints.frames
        if not frames:
            raise InputError(
                "No frame arrived while the take was recorded, so there is no take: check that the "
                "source is live."
            )
        if full:
            raise OutputError(f"The disk was full: the take {name} ends after {frames} frames.")
        return name, frames, running.pictures.pictures if running.pictures else 0

    def close(self) -> None:
        """End the take that is being recorded, if there is one."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        running, self._running = self._running, None
        if running is None:
            return
        running.keypoints.close()
        if running.pictures is not None:
            running.pictures.close()
            if not running.keypoints.frames:
                running.pictures.path.unlink(missing_ok=True)
