"""A live frame as the messages of `mocap.v1`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.stream import protocol

if TYPE_CHECKING:  # it needs OpenCV, which keypoints do not
    from mocap.live.clock import Arrived

_PICTURE_WIDTH = 360  # pixels: the picture is shown small, beside the avatar


def encode_frame(
    number: int,
    arrived: Arrived,
    keypoints: Keypoints,
    motion: Motion,
    expressions: Sequence[str] = (),
    subject: int = 0,
) -> list[bytes]:
    """Encode a frame's messages in the order of `mocap.v1`: picture, keypoints, pose.

    Only the first subject's messages include the picture.

    Args:
        number: The frame's number.
        arrived: The frame's picture and times.
        keypoints: Its keypoints, one frame.
        motion: Its pose, one frame.
        expressions: The expressions of the hello, in its order.
        subject: The performer's number.
    """
    from mocap.capture.picture import jpeg

    stamp = protocol.FrameHeader(number, arrived.time, arrived.clock, subject)
    points = points_of(keypoints, stamp)
    pose = protocol.PoseMessage(
        stamp, motion.root_positions[0], motion.rotations[0], weights_of(motion, expressions)
    )
    solved = [protocol.encode(points), protocol.encode(pose)]
    if subject != 0:
        return solved
    shown = jpeg(arrived.frame.image, _PICTURE_WIDTH)
    return [protocol.encode(protocol.PictureMessage(stamp, shown)), *solved]


def points_of(keypoints: Keypoints, stamp: protocol.FrameHeader) -> protocol.KeypointsMessage:
    """Return one frame of keypoints as a message.

    Args:
        keypoints: The frame.
        stamp: The message's header.
    """
    return protocol.KeypointsMessage(
        stamp,
        keypoints.image[0] / keypoints.camera.size,
        keypoints.positions[0],
        keypoints.confidence[0],
    )


def body_of(points: protocol.KeypointsMessage) -> protocol.KeypointsMessage:
    """Return the message with only the body's landmarks."""
    return protocol.KeypointsMessage(
        points.stamp, points.image[:33], points.positions[:33], points.confidence[:33]
    )


def weights_of(motion: Motion, expressions: Sequence[str]) -> np.ndarray:
    """Return the weights (E,) of a frame in the order of a hello's expressions.

    An expression that the motion lacks, as before a face is seen, is 0.
    """
    return np.array(
        [motion.expressions[name][0] if name in motion.expressions else 0.0 for name in expressions]
    )
