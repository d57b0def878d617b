"""Recording of the live session as a take: keypoints and, if wanted, pictures."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.errors import InputError, OutputError
from mocap.formats.keypoints_json.recording import Recording
from mocap.live.state import RecordingState
from mocap.studio.pictures import PictureRecording
from mocap.studio.takes import TakesFolder


@dataclass(slots=True)
class _Running:
    """The take that is being recorded: its files, its first frame's time, its length (seconds)."""

    keypoints: Recording
    pictures: PictureRecording | None
    first: float | None = None
    seconds: float = 0.0


class TakeRecorder:
    """Records one take at a time; frames arrive in the solver's thread, requests in others.

    Args:
        takes: The folder of takes.
    """

    def __init__(self, takes: TakesFolder) -> None:
        self._takes = takes
        self._running: _Running | None = None
        self._lock = threading.Lock()

    def hear(self, keypoints: Keypoints, motion: Motion) -> None:
        """Record a live frame, if a take is being recorded.

        Raises:
            OutputError: The disk is full; the take ends with the frame before.
        """
        with self._lock:
            running = self._running
            if running is None or running.keypoints.ended:
                return
            running.keypoints.append(keypoints)
            time = float(keypoints.times[0])
            running.first = time if running.first is None else running.first
            running.seconds = time - running.first

    def see(self, time: float, jpeg: bytes) -> None:
        """Record the picture of a live frame, if the take keeps its pictures.

        Raises:
            OutputError: The disk is full; the pictures end here.
        """
        with self._lock:
            running = self._running
            if running is None or running.pictures is None or running.keypoints.ended:
                return
            if running.first is not None and time >= running.first:
                running.pictures.append(time, jpeg)

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
                    self._running = _Running(Recording(path), seen)
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
