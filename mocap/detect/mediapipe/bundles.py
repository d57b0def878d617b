"""MediaPipe's weights as the task bundles that its Tasks API opens; in memory, no file is written.

A bundle is a stored zip of TensorFlow Lite models. The face's comes as one. The weights for pose
and hands come from npm and lack the metadata that Tasks requires (how pixel values are scaled),
which is added here.
"""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Literal, get_args

from mocap import assets
from mocap.detect.mediapipe.tflite import ALIGNMENT, with_metadata
from mocap.errors import InputError, ModelError

PoseSize = Literal["lite", "full", "heavy"]

# (mean, std) of the 0..255 picture, which Tasks subtracts and divides by: to -1..1 or 0..1, as each
# network was trained.
_SIGNED = (127.5, 127.5)
_UNIT = (0.0, 255.0)

# Bytes of a zip's local header before the entry's name.
_ZIP_HEADER = 30


def pose_bundle(size: str = "full") -> bytes:
    """Return the bundle for PoseLandmarker, about 6, 9 or 31 MB.

    Args:
        size: One of `PoseSize`.

    Raises:
        InputError: There is no such size.
        ModelError: The weights are missing or damaged.
    """
    if size not in get_args(PoseSize):
        raise InputError(
            f"There is no pose model {size!r}; there are {', '.join(get_args(PoseSize))}."
        )
    person, landmarks = _weights("pose_detection.tflite"), _weights(f"pose_landmark_{size}.tflite")
    return _bundle(
        {
            "pose_detector.tflite": with_metadata(person, *_SIGNED),
            "pose_landmarks_detector.tflite": with_metadata(landmarks, *_UNIT),
        }
    )


def hand_bundle() -> bytes:
    """Return the bundle for HandLandmarker, about 8 MB.

    Raises:
        ModelError: The weights are missing or damaged.
    """
    palm, landmarks = _weights("palm_detection_full.tflite"), _weights("hand_landmark_full.tflite")
    return _bundle(
        {
            "hand_detector.tflite": with_metadata(palm, *_UNIT),
            "hand_landmarks_detector.tflite": with_metadata(landmarks, *_UNIT),
        }
    )


def face_bundle(own: Path | None = None) -> bytes:
    """Return the bundle for FaceLandmarker with the blendshape network, 4 MB.

    Args:
        own: The user's file to read instead of the package's.

    Raises:
        ModelError: The file is missing or cannot be read.
    """
    if own is None:
        return assets.path("models/face_landmarker.task").read_bytes()
    try:
        return own.read_bytes()
    except OSError as error:
        raise ModelError(
            f"The face model {own} cannot be read: {error.strerror or error}."
        ) from None


def _bundle(parts: dict[str, bytes]) -> bytes:
    """Return a stored zip whose parts are aligned to 16 bytes, so that Tasks maps them in place."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as bundle:
        for name, content in parts.items():
            # A fixed date, so that the same weights give the same bytes.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            # Padding as an extra field, as Android's zipalign writes it: id 0xd935, length, zeros.
            gap = -(out.tell() + _ZIP_HEADER + len(name) + 4) % ALIGNMENT
            entry.extra = struct.pack("<HH", 0xD935, gap) + bytes(gap)
            bundle.writestr(entry, content)
    return out.getvalue()


def _weights(file: str) -> bytes:
    """Return the model assets/models/`file`."""
    raw = assets.path(f"models/{file}").read_bytes()
    if raw[4:8] != b"TFL3":
        raise ModelError(
            f"mocap's own file models/{file} is damaged: it is not a TensorFlow Lite model. "
            "Install the package again."
        )
    return raw
