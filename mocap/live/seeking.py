"""Finding the places of pages' cameras, in another process so that the avatar stays smooth."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import Connection

from mocap.cameras.auto import calibrate
from mocap.cameras.checks import in_best_order
from mocap.cameras.live import LiveFusion
from mocap.cameras.views import CameraSet
from mocap.core.keypoints import Keypoints
from mocap.errors import InputError, MocapError

Found = tuple[list[int], LiveFusion]
"""The cameras' subjects in the order of the calibration, and their fusion."""

_NICE = 5  # of the process, beside the live one


class Seeking:
    """One attempt to find the cameras' places from the performer's motion.

    Args:
        subjects: The cameras' numbers in the stream.
        takes: What each of them saw, on the server's clock.
        cameras: Their calibration; the cameras may be in another order. None finds it.
    """

    def __init__(
        self, subjects: list[int], takes: list[Keypoints], cameras: CameraSet | None
    ) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._answer, self._end = self._context.Pipe(duplex=False)
        self._process = self._context.Process(
            target=_seek, args=(self._end, subjects, takes, cameras), daemon=True
        )
        # The start waits until the process has read the takes, which is seconds on a busy machine.
        self._starting = threading.Thread(target=self._start, daemon=True)
        self._starting.start()

    def _start(self) -> None:
        self._process.start()
        self._end.close()

    def found(self) -> Found | None:
        """Return what was found; None while the process works.

        Raises:
            InputError: The motion so far does not determine the places; the message says why.
        """
        if not self._answer.poll():
            return None
        try:
            found: Found | MocapError = self._answer.recv()
        except EOFError:
            found = InputError("The search for them was ended by the system.")
        self.stop()
        if isinstance(found, MocapError):
            raise found
        return found

    def stop(self) -> None:
        """End the process."""
        threading.Thread(target=self._stop, daemon=True).start()

    def _stop(self) -> None:
        self._starting.join()
        self._process.terminate()
        self._answer.close()


def _seek(
    answer: Connection, subjects: list[int], takes: list[Keypoints], cameras: CameraSet | None
) -> None:
    """Find the places and send them, or the error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the session, which ends this
    if hasattr(os, "nice"):
        os.nice(_NICE)
    found: Found | MocapError
    try:
        found = _places(subjects, takes, cameras)
    except MocapError as error:
        found = error
    with contextlib.suppress(OSError):  # the session has ended
        answer.send(found)


def _places(subjects: list[int], takes: list[Keypoints], cameras: CameraSet | None) -> Found:
    names = [f"camera {n + 1}" for n in range(len(takes))]
    if cameras is None:
        return subjects, LiveFusion(takes, calibrate(takes, names=names).cameras)
    order, timed = in_best_order(takes, cameras, names)
    return [subjects[k] for k in order], LiveFusion([takes[k] for k in order], timed)
