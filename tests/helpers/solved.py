"""The solver's thread of `mocap live` for pages' cameras, run a frame at a time."""

from __future__ import annotations

from mocap.live.broadcast import Broadcast
from mocap.live.cameras import BrowserCameras
from mocap.live.options import LiveOptions
from mocap.live.orders import Orders
from mocap.solve.face import EXPRESSIONS
from mocap.stream import protocol

SIZE = (1280, 720)


class StrictWatcher:
    """Watches pages' cameras; an unexpected error fails the test."""

    def watch(self, keypoints) -> None:
        pass

    def notice(self, sentence) -> None:
        pass

    def failed(self, sentence) -> None:
        raise AssertionError(sentence)


class Solved(StrictWatcher):
    """Solves messages as `mocap live` does; an unexpected error fails the test."""

    def __init__(self, size: tuple[int, int] = SIZE) -> None:
        self.cameras = BrowserCameras(LiveOptions(active="browser"))
        self.orders = Orders("browser")
        self.poses = 0
        self.cameras.begun("page", protocol.CameraMessage("page", *size))

    def send(self, *messages: bytes) -> None:
        for message in messages:
            self.cameras.seen("page", protocol.decode_seen(message))

    def run(self) -> None:
        self.orders.leave.clear()
        self.cameras.follow(self.orders, Broadcast(self._publish, EXPRESSIONS, ()), self)

    def _publish(self, messages) -> None:
        for message in messages:
            protocol.decode(message, 55, len(EXPRESSIONS))
        self.poses += 1
        self.orders.leave.set()

    def failed(self, sentence) -> None:
        self.orders.leave.set()
        super().failed(sentence)
