"""VMC over OSC: a pose as one bundle for VSeeFace, Warudo, VNyan, EVMC4U, Blender and others.

Specification: https://protocol.vmc.info/english

    /VMC/Ext/OK          1, 3 (calibrated), 0 (normal mode), 1 if a person is seen, else 0
    /VMC/Ext/T           seconds of the take
    /VMC/Ext/Root/Pos    "root", position 0, identity rotation: the hips carry the path
    /VMC/Ext/Bone/Pos    bone (Unity's HumanBodyBones), local position and rotation; for each bone
    /VMC/Ext/Blend/Val   expression, weight; for each expression
    /VMC/Ext/Blend/Apply

The frame is Unity's: left-handed, +Y up, the avatar faces +Z and its left is −X. The x axis is
therefore flipped: positions (−x, y, z), rotations (x, −y, −z, w). Bones are the normalized
humanoid's, whose rest is a T-pose with identity rotations, as in UniVRM.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import numpy as np

from mocap.core.closing import Closing
from mocap.core.motion import Motion
from mocap.core.optional_packages import need
from mocap.core.skeleton import BONES
from mocap.errors import DeviceError, InputError
from mocap.stream.text import ExpressionNames

if TYPE_CHECKING:
    from pythonosc.osc_bundle_builder import OscBundleBuilder

DEFAULT_PORT = 39539
"""The default port of a motion receiver (a "Marionette") in the specification."""

_POSITION = np.array([-1.0, 1.0, 1.0])
_ROTATION = np.array([1.0, -1.0, -1.0, 1.0])


def _unity(bone: str) -> str:
    """Return Unity's name of a VRM 1.0 bone.

    Unity's thumb begins with Proximal, VRM 1.0's with Metacarpal.
    """
    for ours, theirs in (
        ("ThumbProximal", "ThumbIntermediate"),
        ("ThumbMetacarpal", "ThumbProximal"),
    ):
        if bone.endswith(ours):
            bone = bone.removesuffix(ours) + theirs
            break
    return bone[0].upper() + bone[1:]


UNITY: dict[str, str] = {bone: _unity(bone) for bone in BONES}
"""bone → UnityEngine.HumanBodyBones."""


VRM0: dict[str, str] = {
    "aa": "A", "ih": "I", "ou": "U", "ee": "E", "oh": "O",
    "blink": "Blink", "blinkLeft": "Blink_L", "blinkRight": "Blink_R",
    "happy": "Joy", "angry": "Angry", "sad": "Sorrow", "relaxed": "Fun", "surprised": "Surprised",
    "neutral": "Neutral",
}  # fmt: skip
"""VRM 1.0 expression → VRM 0 blend shape clip, as UniVRM names its presets.

VSeeFace, EVMC4U and other receivers of VRM 0 avatars know these names. VRM 0 has no preset for
"surprised"; most avatars have a custom clip of that name."""


def bundle(
    motion: Motion, index: int = 0, seen: bool = True, names: ExpressionNames = "vrm1"
) -> bytes:
    """Make the OSC bundle of one frame of a motion on the humanoid bones.

    Args:
        motion: The motion, on joints named like humanoid bones.
        index: The frame.
        seen: Whether a person is in view.
        names: The convention of the expressions' names; ARKit's blend shapes are equal in both.

    Raises:
        InputError: The skeleton has joints that are not humanoid bones.
    """
    skeleton = motion.skeleton
    strange = [name for name in skeleton.names if name not in UNITY]
    if strange:
        raise InputError(
            "VMC can only send humanoid bones, but this motion has the joints "
            f"{', '.join(strange[:5])}; retarget it first."
        )
    positions = skeleton.offsets.copy()
    positions[0] = motion.root_positions[index]
    positions, rotations = (
        (positions * _POSITION).tolist(),
        (motion.rotations[index] * _ROTATION).tolist(),
    )
    from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder

    out = OscBundleBuilder(IMMEDIATELY)
    _add(out, "OK", 1, 3, 0, int(seen))
    _add(out, "T", float(motion.times[index]))
    _add(out, "Root/Pos", "root", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    for name, position, rotation in zip(skeleton.names, positions, rotations, strict=True):
        _add(out, "Bone/Pos", UNITY[name], *position, *rotation)
    for name, weights in motion.expressions.items():
        named = VRM0.get(name, name) if names == "vrm0" else name
        _add(out, "Blend/Val", named, float(weights[index]))
    _add(out, "Blend/Apply")
    return out.build().dgram


def _add(to: OscBundleBuilder, address: str, *values: str | int | float) -> None:
    from pythonosc.osc_message_builder import OscMessageBuilder

    message = OscMessageBuilder(f"/VMC/Ext/{address}")
    for value in values:
        # Types are given explicitly: by itself the library inspects each of a frame's four hundred
        # values.
        message.add_arg(
            value, "s" if isinstance(value, str) else "i" if isinstance(value, int) else "f"
        )
    to.add_content(message.build())


def address(text: str) -> tuple[str, int]:
    """Parse HOST:PORT, HOST or :PORT; missing parts are 127.0.0.1 and 39539. Raises InputError."""
    host, _, port = text.rpartition(":") if ":" in text else (text, "", "")
    if port and not (port.isdigit() and 0 < int(port) < 65536):
        raise InputError(
            f"{text!r} is not an address for VMC: the port must be a number from 1 to 65535, "
            f"as in 127.0.0.1:{DEFAULT_PORT}."
        )
    return host.strip("[]") or "127.0.0.1", int(port) if port else DEFAULT_PORT


class Sender(Closing):
    """A UDP socket to one receiver.

    UDP has no connection, so it is unknown whether the receiver listens.
    """

    def __init__(self, host: str, port: int) -> None:
        """Resolve the host.

        Raises:
            DeviceError: It has no address, or python-osc is not installed.
        """
        need("Sending VMC", "vmc", "pythonosc")
        try:
            family, *_, to = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        except OSError as error:
            raise DeviceError(
                f"VMC cannot be sent to {host}: {error.strerror or error}. "
                "Give a host that can be reached."
            ) from None
        self._to = to
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def send(self, data: bytes) -> None:
        """Send a bundle; if the network is down or full, it is lost."""
        try:
            self._socket.sendto(data, self._to)
        except OSError:
            return

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
