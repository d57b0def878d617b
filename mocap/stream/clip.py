"""A whole motion for the page to play, as two files.

/clip.bin    the pose messages of `mocap.v1`, one after another, all of the same length
/clip.json   the timeline: {"times": [s], "contacts": [0 to 15, one bit for each column of
             CONTACTS], "confidence": [0 to 1] or null, "doubts": [{"kind": "unseen", "held",
             "rest" or "cut", "start": s, "stop": s, "words": sentence}], "source": ClipSource or
             null}
/clip.mjpg   the source's pictures, if there is a source
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.errors import InputError
from mocap.solve.assessment import assess
from mocap.solve.doubts import Doubt, doubts
from mocap.solve.tuning import SolveOptions
from mocap.stream import protocol
from mocap.stream.content import Files, content_type

POSES, TIMELINE, PICTURES = "/clip.bin", "/clip.json", "/clip.mjpg"


class ClipSource(msgspec.Struct, frozen=True):
    """The source's pictures that play with a clip, JPEGs one after another in a file.

    Attributes:
        times: Time of each picture, seconds of the clip, increasing.
        offsets: First byte of each picture, and the end of the last.
        aspect: Width of a picture divided by its height.
        fov: The camera's vertical field of view, radians.
        views: The camera's pose at each frame of the motion: position (metres) and rotation (xyzw)
            from its axes (x right, +Y up, −Z into the picture) to the world's; None if unknown.
    """

    times: Sequence[float]
    offsets: Sequence[int]
    aspect: float
    fov: float
    views: Sequence[Sequence[float]] | None


@dataclass(frozen=True, eq=False, slots=True)
class Trust:
    """How far the keypoints of a motion can be trusted.

    Attributes:
        confidence: The mean over the landmarks, 0 to 1.
        doubts: Spans that do not rest on what the picture shows.
    """

    confidence: Float[ndarray, "frames"]
    doubts: tuple[Doubt, ...] = ()


def trust_in(keypoints: Keypoints, grade: Literal["bake", "live"] = "bake") -> Trust:
    """Return how far a motion that was solved from keypoints can be trusted.

    Args:
        keypoints: One person's.
        grade: How they were solved. Live, neither cuts nor an upper body are decided by what comes
            later, so only frames without a person are named.
    """
    found = doubts(assess(keypoints, SolveOptions()))
    kept = tuple(d for d in found if grade == "bake" or d.kind == "unseen")
    return Trust(np.nan_to_num(keypoints.confidence).mean(axis=1), kept)


def clip_files(
    motion: Motion,
    trust: Trust | None = None,
    seen: tuple[Path, ClipSource] | None = None,
) -> Files:
    """Return the files of a motion, with times from 0.

    Args:
        motion: On the skeleton of the hello.
        trust: In the keypoints that it was solved from; None without keypoints.
        seen: The file of the source's pictures, and their index; None without pictures.

    Raises:
        InputError: The motion has no frames.
    """
    if len(motion) == 0:
        raise InputError("The motion has no frames, so it cannot be shown.")
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
        "confidence": None if trust is None else np.round(trust.confidence, 3).tolist(),
        "doubts": () if trust is None else trust.doubts,
        "source": None if seen is None else seen[1],
    }
    files: Files = {
        POSES: (poses, content_type(POSES)),
        TIMELINE: (msgspec.json.encode(timeline), content_type(TIMELINE)),
    }
    if seen is not None:
        files[PICTURES] = (seen[0], content_type(PICTURES))
    return files
