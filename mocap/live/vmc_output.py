"""Live poses over VMC, to a receiver that can be changed while the session runs."""

from __future__ import annotations

import threading

from mocap.core.closing import Closing
from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.stream import vmc
from mocap.stream.protocol import VmcOutput
from mocap.stream.text import ExpressionNames


class VmcListener(Closing):
    """A listener that sends each pose to the current receiver, if there is one.

    Args:
        output: The receiver at the start, or None.

    Raises:
        InputError: The address is not HOST:PORT.
        DeviceError: The host has no address.
    """

    def __init__(self, output: VmcOutput | None = None) -> None:
        self._sender: vmc.Sender | None = None
        self._names: ExpressionNames = "vrm1"
        self._lock = threading.Lock()
        self.switch(output)

    def switch(self, output: VmcOutput | None) -> None:
        """Send to another receiver, or to none; may wait for a name server.

        Raises:
            InputError: The address is not HOST:PORT.
            DeviceError: The host has no address.
        """
        sender = None if output is None else vmc.Sender(*vmc.address(output.address))
        with self._lock:
            before, self._sender = self._sender, sender
            self._names = "vrm1" if output is None else output.names
        if before is not None:
            before.close()

    def __call__(self, keypoints: Keypoints, motion: Motion) -> None:
        """Send the pose of a frame."""
        with self._lock:
            if self._sender is not None:
                seen = bool(keypoints.confidence.max() > 0)
                self._sender.send(vmc.bundle(motion, seen=seen, names=self._names))

    def close(self) -> None:
        """Stop sending."""
        self.switch(None)
