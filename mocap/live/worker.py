"""The solver's thread of a live session, which turns frames of the active source into poses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from mocap.capture.source import Source
from mocap.core.camera import CameraSource
from mocap.core.keypoints import Keypoints
from mocap.detect.performer import PerformerDetector
from mocap.detect.take import OnePersonDetector
from mocap.errors import DeviceError
from mocap.live.broadcast import Broadcast, sentence_of
from mocap.live.cameras import BrowserCameras
from mocap.live.clock import Arrived, in_real_time
from mocap.live.in_view import InView
from mocap.live.messages import encode_frame
from mocap.live.options import LiveOptions, ServerSource
from mocap.live.orders import Orders
from mocap.live.performer import LivePerformer
from mocap.live.several import LivePeople, OnePerformer, Performers
from mocap.live.state import LiveState
from mocap.stream import protocol
from mocap.stream.protocol import BodyPart

Report = Callable[[Callable[[LiveState], LiveState]], None]
"""Applies a transition to the state of the session; callable from any thread."""

RETRY = 1.0
"""Seconds between two attempts to open a source that was lost."""

_RESTART = 0.5  # seconds before a performer starts again after an unexpected error
_RECOVERED = 10.0  # seconds without an error after which the page stops showing the last one


class Worker:
    """Runs the active source until the session ends.

    A source that fails is reported and opened again every second. An unexpected error of the
    detector or the solver is logged and reported, and the performer starts again; it does not
    affect the server, the listeners and the other performers.

    Args:
        source: The server's own source.
        options: What to detect.
        orders: The requests of the event loop.
        output: Receives the solved frames.
        report: Applies a transition to the session's state.
        refuse: Called with a sentence when the server's source cannot be opened after a page chose
            it; the session returns to pages' cameras.
    """

    def __init__(
        self,
        source: ServerSource,
        options: LiveOptions,
        orders: Orders,
        output: Broadcast,
        report: Report,
        refuse: Callable[[str], None],
    ) -> None:
        self._source, self._options, self._orders = source, options, orders
        self._output, self._report, self._refuse = output, report, refuse
        parts: tuple[BodyPart, ...] = (
            "head",
            *(("hands",) if options.detect.hands else ()),
            *(() if options.upper_body else ("feet",)),
            *(("face",) if options.detect.face else ()),
        )
        self._in_view = InView(parts)
        self._reported: tuple[BodyPart, ...] | None = None
        self._failed_at: float | None = None

    def run(self, first: Source | None, cameras: BrowserCameras) -> None:
        """Run until the session ends.

        Args:
            first: The server's source, if it is open.
            cameras: The pages' cameras.
        """
        self._first = first
        self._known = first is not None
        self._cameras = cameras
        try:
            self._orders.turns({"server": self._server, "browser": self._browser})
        finally:
            if self._first is not None:
                self._first.close()

    def _server(self) -> None:
        """Run the server's source until another is chosen or it fails."""
        self._reported = None
        try:
            opened, self._first = self._first or self._source.open(), None
            self._known = True
            with opened:
                self._follow(opened)
        except Exception as error:
            sentence = sentence_of("The source", error)
            if self._known:
                self._report(lambda state: state.lost(sentence))
                self._orders.leave.wait(RETRY)
            else:
                self._refuse(sentence)
                self._orders.leave.wait()
        if self._orders.leave.is_set():
            self._known = False

    def _follow(self, source: Source) -> None:
        kind = self._source.kind if self._source.kind != "browser" else "camera"
        shown = protocol.SourceInfo(kind, source.name, *source.size)
        self._report(lambda state: state.opened(shown))
        frames = in_real_time(source, self._orders.leave)
        while not self._orders.leave.is_set():
            with self._performers(source) as performers:
                if self._perform_all(performers, frames):
                    break
            self._orders.leave.wait(_RESTART)
        if not self._orders.leave.is_set():
            raise DeviceError(f"{source.name.capitalize()} has ended.")

    def _perform_all(self, performers: Performers, frames: Iterator[Arrived]) -> bool:
        """Process the frames; return False after an unexpected error, True after the last frame."""
        for arrived in frames:
            try:
                self._perform(performers, arrived)
            except Exception as error:  # noqa: PERF203 - each frame may fail
                self.failed(sentence_of("The performer", error))
                return False
        return True

    def _perform(self, performers: Performers, arrived: Arrived) -> None:
        requests = self._orders.take()
        if arrived.restarted or requests.calibrate:
            performers.restart()
        if requests.person is not None:
            performers.next_person(_pixels(requests.person.at, arrived))
        for subject, keypoints, motion in performers.perform(arrived):
            number = self._output.number()
            messages = encode_frame(
                number, arrived, keypoints, motion, self._output.expressions, subject
            )
            self._output.publish(messages)
            if subject == 0:
                picture = (float(keypoints.times[0]), messages[0][protocol.HEADER.size :])
                for sentence in self._output.tell(keypoints, motion, [picture]):
                    self.failed(sentence)
                self.watch(keypoints)

    def _browser(self) -> None:
        """Solve the keypoints of pages' cameras until another source is chosen."""
        self._reported = None
        try:
            self._cameras.follow(self._orders, self._output, self)
        except Exception as error:
            self.failed(sentence_of("The performer", error))
            self._orders.leave.wait(_RESTART)

    def watch(self, keypoints: Keypoints) -> None:
        """Report the parts missing from a frame of the first performer, if they have changed."""
        missing = self._in_view.missing(keypoints)
        if missing != self._reported:
            self._reported = missing
            self._report(lambda state: state.seen(missing))
        if self._failed_at is not None and time.monotonic() - self._failed_at > _RECOVERED:
            self._failed_at = None
            self._report(lambda state: state.failed(""))

    def failed(self, sentence: str) -> None:
        """Report an error after which the session continues."""
        self._failed_at = time.monotonic()
        self._report(lambda state: state.failed(sentence))

    def notice(self, sentence: str) -> None:
        """Show a sentence to the performer."""
        self._report(lambda state: state.noticed(sentence))

    def _performers(self, source: Source) -> Performers:
        """Return the performers for a source."""
        detect, fov = self._options.detect, self._options.fov
        view: tuple[float | None, CameraSource] = (fov, "told")
        if fov is None:
            view = (source.fov, "metadata")

        def make(detector: OnePersonDetector | None = None) -> LivePerformer:
            return LivePerformer(
                detector, fov=view, upper_body=self._options.upper_body,
                tuning=lambda: self._orders.tuning,
            )  # fmt: skip

        if detect.people > 1:
            return LivePeople(detect, view, make)
        return OnePerformer(PerformerDetector(detect), make)


def _pixels(at: tuple[float, float] | None, arrived: Arrived) -> tuple[float, float] | None:
    """Convert a point in units of the picture's width and height to pixels."""
    if at is None:
        return None
    height, width = arrived.frame.image.shape[:2]
    return at[0] * width, at[1] * height
