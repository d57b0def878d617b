"""A whole motion for the page to play, in two files that are fetched at once.

/clip.bin    the pose messages of `mocap.v1`, one after another, all of one length
/clip.json   what the timeline shows: {"times": [s], "contacts": [0 to 15, a bit a column of
             CONTACTS], "confidence": [0 to 1] or null}
"""

from __future__ import annotations

import msgspec
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.motion import Motion
from mocap.errors import InputError
from mocap.stream import protocol
from mocap.stream.content import Files, content_type

POSES, TIMELINE = "/clip.bin", "/clip.json"


def clip_files(motion: Motion, confidence: Float[ndarray, "frames"] | None = None) -> Files:
    """Return the two files of a motion, with times from 0.

    Args:
        motion: Its skeleton must be the one of the hello.
        confidence: (F,) of the keypoints that it was solved from.

    Raises:
        InputError: There is no frame.
    """
    if len(motion) == 0:
        raise InputError("There is no frame in this motion, so there is nothing to show.")
    assert motion.contacts is not None
    times = motion.times - motion.times[0]
    weights = (
        np.stack([motion.expressions[n] for n in motion.expressions], axis=1)
        if motion.expressions
        else np.zeros((len(motion), 0))
    )
    poses = b"".join(
        protocol.encode(
            protocol.PoseMessage(
                protocol.FrameHeader(i, float(times[i]), 0.0),
                motion.root_positions[i],
                motion.rotations[i],
                weights[i],
            )
        )
        for i in range(len(motion))
    )
    timeline = {
        "times": np.round(times, 4).tolist(),
        "contacts": ((motion.contacts > 0.5) @ (1 << np.arange(4))).tolist(),
        "confidence": None
        if confidence is None
        else np.round(np.nan_to_num(confidence), 3).tolist(),
    }
    return {
        POSES: (poses, content_type(POSES)),
        TIMELINE: (msgspec.json.encode(timeline), content_type(TIMELINE)),
    }
