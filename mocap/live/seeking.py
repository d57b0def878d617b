"""Finding the places of pages' cameras, in another process so that the avatar stays smooth."""

from __future__ import annotations

import contextlib
import logging
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
"""The index of the take of each camera of the calibration, and the cameras' fusion."""

_NICE = 5  # of the process, beside the live one


class Seeking:
    """One attempt to find the cameras' places from the performer's motion.

    Args:
        takes: What each camera saw, on the server's clock.
        cameras: Their calibration; the cameras may be in another order. None finds it.
    """

    def __init__(self, takes: list[Keypoints], cameras: CameraSet | None) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._answer, self._end = self._context.Pipe(duplex=False)
        self._process = self._context.Process(
            target=_seek, args=(self._end, takes, cameras), daemon=True
        )
        # The start waits until the process has read the takes, which is seconds on a busy machine.
        self._starting = threading.Thread(target=self._start, daemon=True)
        self._starting.start()

    def _start(self) -> None:
        try:
            self._process.start()
        except OSError:  # the system starts no more processes, or has ended this one
            logging.getLogger("mocap.live").warning("The search for the cameras did not start.")
        finally:
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
            found = InputError("The search for them did not come to its end.")
        self.stop()
        if isinstance(found, MocapError):
            raise found
        return found

    def stop(self) -> None:
        """End the process."""
        threading.Thread(target=self._stop, daemon=True).start()

    def _stop(self) -> None:
        self._starting.join()
        if self._process.pid is not None:
            self._process.terminate()
            self._process.join()
        self._answer.close()


def _seek(answer: Connection, takes: list[Keypoints], cameras: CameraSet | None) -> None:
    """Find the places and send them, or the error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the session, which ends this
    if hasattr(os, "nice"):
        os.nice(_NICE)
    found: Found | MocapError
    try:
        found = _places(takes, cameras)
    except MocapError as error:
        found = error
    except Exception as error:  # it is shown on the page instead of in the terminal
        found = InputError(f"The search for them failed ({type(error).__name__}: {error}).")
    with contextlib.suppress(OSError):  # the session has ended
        answer.send(found)


def _places(takes: list[Keypoints], cameras: CameraSet | None) -> Found:
    names = [f"camera {n + 1}" for n in range(len(takes))]
    if cameras is None:
        own = list(range(len(takes)))
        return own, LiveFusion(takes, calibrate(takes, names=names).cameras)
    try:
        order, timed = in_best_order(takes, cameras, names)
    except InputError as error:
        raise InputError(
            "The cameras do not agree with the calibration: check that none was moved since, and "
            "that all of them see one performer, who moves."
        ) from error
    return order, LiveFusion([takes[k] for k in order], timed)
