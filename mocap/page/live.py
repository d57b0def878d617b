"""A live session for one page's camera, without sockets and threads."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.live.in_view import InView
from mocap.live.incoming import as_keypoints
from mocap.live.messages import body_of, weights_of
from mocap.live.performer import LivePerformer
from mocap.live.state import LiveState, announcements
from mocap.stream import protocol

Listener = Callable[[Keypoints, Motion], None]
PictureListener = Callable[[float, bytes], None]

NAME = "your camera"
"""The name of the source until the camera begins."""


class PageSession:
    """Solves the keypoints of the page's own camera; it gets messages and sends messages.

    Args:
        hello: The hello of the page; the camera replaces its source.
        send: Called with each message for the page.
        listener: Called with each frame: keypoints and pose.
        see: Called with each picture: its time (s) and the JPEG.
    """

    def __init__(
        self,
        hello: protocol.Hello,
        send: Callable[[str | bytes], None],
        listener: Listener = lambda keypoints, motion: None,
        see: PictureListener = lambda time, jpeg: None,
    ) -> None:
        self._hello, self._send, self._listener, self._see = hello, send, listener, see
        self._state = LiveState("browser", hello.source, "waiting")
        self._numbers = itertools.count()
        self._size = (640, 480)
        self._face: protocol.FaceMessage | None = None
        self._last: float | None = None
        self._performer = self._begun()
        for message in announcements(None, self._state):
            send(protocol.encode_text(message))

    def text(self, message: str) -> None:
        """Process a text message of the page.

        Raises:
            ProtocolError: It is not a message of `mocap.v1`.
        """
        ask = protocol.decode_client_text(message)
        match ask:
            case protocol.CameraMessage():
                self._size = (ask.width, ask.height)
                self._performer = self._begun()
                shown = protocol.SourceInfo("browser", ask.name or NAME, *self._size)
                if shown != self._state.shown:
                    self._hello = msgspec.structs.replace(self._hello, source=shown, clip=None)
                    self._send(protocol.encode_text(self._hello))
                self.apply(lambda state: state.opened(shown))
            case protocol.Calibrate():
                self._performer = self._begun()
            case protocol.Tune():
                self.apply(lambda state: state.tuned(ask))

    def binary(self, data: bytes) -> None:
        """Take a face, a body or a picture; a body is answered by its pose.

        Raises:
            ProtocolError: It is not such a message.
        """
        message = protocol.decode_seen(data)
        if isinstance(message, protocol.FaceMessage):
            self._face = message
            return
        if isinstance(message, protocol.PictureMessage):
            self._see(message.stamp.time, message.jpeg)
            return
        if self._last is not None and message.stamp.time <= self._last:
            return
        self._last = message.stamp.time
        face = self._face
        if face is not None and face.stamp.frame != message.stamp.frame:
            face = None
        self._solve(message, face)

    def apply(self, transition: Callable[[LiveState], LiveState]) -> None:
        """Change the state, and send the change to the page."""
        before, self._state = self._state, transition(self._state)
        if self._state != before:
            for message in announcements(before, self._state):
                self._send(protocol.encode_text(message))

    def _begun(self) -> LivePerformer:
        self._last, self._in_view = None, InView(("head", "hands", "feet"))
        return LivePerformer(None, tuning=lambda: self._state.tuning)

    def _solve(self, points: protocol.KeypointsMessage, face: protocol.FaceMessage | None) -> None:
        hands = len(points.confidence) > len(body_of(points).confidence)
        keypoints = as_keypoints(points, self._size, face, hands, face is not None)
        motion = self._performer.follow(keypoints)
        stamp = replace(points.stamp, frame=next(self._numbers))
        weights = weights_of(motion, self.expressions)
        pose = protocol.PoseMessage(stamp, motion.root_positions[0], motion.rotations[0], weights)
        self._send(protocol.encode(pose))
        self._listener(keypoints, motion)
        missing = self._in_view.missing(keypoints)
        self.apply(lambda state: state.seen(missing))

    @property
    def expressions(self) -> Sequence[str]:
        """The expressions of the hello, in its order."""
        return self._hello.expressions
