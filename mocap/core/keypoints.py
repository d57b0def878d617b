"""Keypoints: a detector's output in mocap's axes, and the names of the body and hand landmarks.

Landmark names and order: BlazePose GHUM, as in TF.js pose-detection
(https://github.com/tensorflow/tfjs-models/tree/master/pose-detection, "BlazePose Keypoints"), and
MediaPipe Hands, as in TF.js hand-pose-detection (…/hand-pose-detection, "MediaPipe Hands
Keypoints").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import Camera, CameraSource
from mocap.core.skeleton import HUMANOID
from mocap.errors import InputError

DETECTOR_AXES = np.array([1.0, -1.0, -1.0])
"""Factors between the detector's axes (x right, y down, z away from the camera) and mocap's."""

LANDMARKS: tuple[str, ...] = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye",
    "right_eye_outer",
    "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow",
    "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index",
    "left_thumb", "right_thumb",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "left_heel",
    "right_heel",
    "left_foot_index", "right_foot_index",
)  # fmt: skip
"""The names of the 33 landmarks, in BlazePose's order."""


def pair(name: str) -> list[int]:
    """Return the indices of a landmark, left and right, from its name without a side."""
    return [LANDMARKS.index(f"{side}_{name}") for side in ("left", "right")]


HAND_LANDMARKS: tuple[str, ...] = (
    "wrist", "thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip",
    *(f"{finger}_finger_{part}" for finger in ("index", "middle", "ring",
        "pinky") for part in ("mcp", "pip", "dip", "tip")),
)  # fmt: skip
"""The names of a hand's 21 landmarks, in MediaPipe's order: the wrist, then each finger from its
root to its tip."""

# Index of the same landmark on the other side; the nose maps to itself.
MIRRORED = np.array(
    [0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9, *(i + (1 if i % 2 else -1) for i in range(11, 33))]
)

_FACE = {
    "nose": (0.0, 1.600, 0.115),
    "left_eye_inner": (0.017, 1.638, 0.085),
    "left_eye": (0.032, 1.640, 0.087),
    "left_eye_outer": (0.047, 1.638, 0.078),
    "left_ear": (0.076, 1.620, 0.005),
    "mouth_left": (0.025, 1.563, 0.092),
}
_JOINTS = {
    "shoulder": "UpperArm", "elbow": "LowerArm", "wrist": "Hand", "pinky": "LittleProximal",
    "index": "IndexProximal",
    "thumb": "ThumbDistal", "hip": "UpperLeg", "knee": "LowerLeg", "ankle": "Foot",
}  # fmt: skip
_FOOT = {"heel": ("Foot", (0.0, -0.065, -0.058)), "foot_index": ("Toes", (0.0, 0.0, 0.060))}


def _sites() -> tuple[np.ndarray, np.ndarray]:
    rest = HUMANOID.rest_positions()
    joints, offsets = [], []
    for name in LANDMARKS:
        side = "right" if "right" in name else "left"
        sign = np.array([-1.0 if side == "right" else 1.0, 1.0, 1.0])
        plain = name.replace("right", "left")
        part = plain.removeprefix("left_")
        if plain in _FACE:
            joint = HUMANOID.index("head")
            offset = np.array(_FACE[plain]) * sign - rest[joint]
        elif part in _FOOT:
            bone, at = _FOOT[part]
            joint, offset = HUMANOID.index(side + bone), np.array(at) * sign
        else:
            joint, offset = HUMANOID.index(side + _JOINTS[part]), np.zeros(3)
        joints.append(joint)
        offsets.append(offset)
    return np.array(joints), np.array(offsets)


SITE_JOINTS, SITE_OFFSETS = _sites()
"""Positions of the landmarks on HUMANOID: index of a joint, (33,), and the position in that joint's
frame, (33, 3) metres."""


BLENDSHAPES: tuple[str, ...] = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft",
    "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft",
    "eyeSquintRight", "eyeWideLeft",
    "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthFrownLeft", "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft",
    "mouthLowerDownRight", "mouthPressLeft",
    "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper",
    "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)  # fmt: skip
"""ARKit's blendshapes in the order of MediaPipe's network, which gives all but tongueOut."""

# The fields of Keypoints with one row per frame.
_ARRAYS = (
    "times", "positions", "image", "confidence", "hands", "face", "face_transform", "hands_image",
    "hands_confidence", "face_blendshapes", "new_take", "track",
)  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class Keypoints:
    """A detector's keypoints of one person over time. NaN means "not seen".

    Arrays are copied and set read-only.

    Attributes:
        times: (F,) seconds, strictly increasing.
        positions: (F, 33, 3) metres from the middle of the hips, in camera axes (x right in the
            image, +Y up, +Z towards the camera).
        image: (F, 33, 2) pixels, x right and y down.
        confidence: (F, 33) in [0, 1].
        camera: The camera that made the image.
        hands: (F, 2, 21, 3) metres from the hand's own wrist (which is 0), left and right, in the
            axes of `positions`.
        face: (F, 478, 3) pixels, x right, y down, z away from the camera relative to the middle of
            the head, in the scale of x; MediaPipe's face mesh with ten iris points.
        face_transform: (F, 4, 4) transform from MediaPipe's canonical face to the camera, metres,
            in the axes of `positions`.
        hands_image: (F, 2, 21, 2) pixels.
        hands_confidence: (F, 2) in [0, 1].
        face_blendshapes: (F, 51) in [0, 1], columns as in BLENDSHAPES; None if no network gave
            them.
        new_take: (F,) 1 in the first frame after a hard cut, else 0; None if the pictures were not
            compared.
        track: (F,) the number of the track that a detector of several people gave the person in
            each picture; None if it does not track. A number is a hint at who is who.

    Raises:
        InputError: If shapes disagree or times do not increase.
    """

    times: Float[ndarray, "frames"]
    positions: Float[ndarray, "frames 33 3"]
    image: Float[ndarray, "frames 33 2"]
    confidence: Float[ndarray, "frames 33"]
    camera: Camera
    hands: Float[ndarray, "frames 2 21 3"] | None = None
    face: Float[ndarray, "frames 478 3"] | None = None
    face_transform: Float[ndarray, "frames 4 4"] | None = None
    hands_image: Float[ndarray, "frames 2 21 2"] | None = None
    hands_confidence: Float[ndarray, "frames 2"] | None = None
    face_blendshapes: Float[ndarray, "frames 51"] | None = None
    new_take: Float[ndarray, "frames"] | None = None
    track: Float[ndarray, "frames"] | None = None

    def __post_init__(self) -> None:
        frames = int(np.size(self.times))
        shapes = {
            "times": (frames,), "positions": (frames, 33, 3), "image": (frames, 33, 2),
            "confidence": (frames, 33),
            "hands": (frames, 2, 21, 3), "face": (frames, 478, 3), "face_transform": (frames, 4, 4),
            "hands_image": (frames, 2, 21, 2), "hands_confidence": (frames, 2),
            "face_blendshapes": (frames, len(BLENDSHAPES)), "new_take": (frames,),
            "track": (frames,),
        }  # fmt: skip
        for name, shape in shapes.items():
            value = getattr(self, name)
            if value is None:
                continue
            array = np.array(value, dtype=np.float64)
            if array.shape != shape:
                raise InputError(
                    f"Keypoints' {name} must have shape {shape}, but has {array.shape}."
                )
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        times = self.times
        if not (np.isfinite(times).all() and (times[1:] > times[:-1]).all()):
            raise InputError("Keypoints' times must be finite and increase from frame to frame.")

    def __len__(self) -> int:
        return len(self.times)

    def slice(self, start: int | None, stop: int | None = None) -> Keypoints:
        """Return the frames from start (inclusive) to stop (exclusive)."""
        which = slice(start, stop)
        kept: dict[str, Any] = {
            name: None if (a := getattr(self, name)) is None else a[which] for name in _ARRAYS
        }
        return Keypoints(camera=self.camera, **kept)

    def mirror(self) -> Keypoints:
        """Return the keypoints of the mirrored picture: left and right exchanged, x reflected."""
        width = self.camera.size[0]
        flip = np.array([-1.0, 1.0, 1.0])
        transform = np.diag([-1.0, 1.0, 1.0, 1.0])
        return Keypoints(
            self.times, self.positions[:, MIRRORED] * flip,
            np.array([width, 0.0]) + self.image[:, MIRRORED] * [-1.0, 1.0],
            self.confidence[:, MIRRORED], self.camera.mirrored(),
            None if self.hands is None else self.hands[:, ::-1] * flip,
            # The left-right pairs of the 478 face points are not stored, so the face is dropped.
            None,
            None if self.face_transform is None else transform @ self.face_transform @ transform,
            None if self.hands_image is None else np.array([width, 0.0]) + self.hands_image[:,
                ::-1] * [-1.0, 1.0],
            None if self.hands_confidence is None else self.hands_confidence[:, ::-1],
            None if self.face_blendshapes is None else self.face_blendshapes[:,
                _MIRRORED_BLENDSHAPES],
            self.new_take,
            self.track,
        )  # fmt: skip


_MIRRORED_BLENDSHAPES = [
    BLENDSHAPES.index(n.replace("Left", "\0").replace("Right", "Left").replace("\0", "Right"))
    for n in BLENDSHAPES
]


def concatenate(parts: Sequence[Keypoints]) -> Keypoints:
    """Join keypoints of one camera; hands and face are kept if every part has them.

    Raises:
        InputError: `parts` is empty.
    """
    if not parts:
        raise InputError("There must be at least one frame of keypoints.")
    joined = {
        name: None
        if any(getattr(p, name) is None for p in parts)
        else np.concatenate([getattr(p, name) for p in parts])
        for name in _ARRAYS
    }
    return Keypoints(camera=parts[0].camera, **joined)  # type: ignore[arg-type]


def changed(keypoints: Keypoints, **arrays: ndarray) -> Keypoints:
    """`dataclasses.replace` without its checks and copies, for arrays of live frames.

    Args:
        keypoints: The keypoints.
        arrays: Fields, of the right shapes and float64; they must not be changed afterwards.
    """
    out = object.__new__(Keypoints)
    for name in ("camera", *_ARRAYS):
        object.__setattr__(out, name, arrays.get(name, getattr(keypoints, name)))
    return out


def with_fov(keypoints: Keypoints, fov: float | None, source: CameraSource = "told") -> Keypoints:
    """Return the keypoints with a camera of the given field of view.

    Args:
        keypoints: The keypoints.
        fov: Field of view along the image's longer side, radians; None keeps the camera. A virtual
            camera ("triangulated") is kept as well.
        source: Where the field of view comes from.
    """
    if fov is None or keypoints.camera.source == "triangulated":
        return keypoints
    return replace(keypoints, camera=Camera.from_fov(keypoints.camera.size, fov, source=source))


def has_person(keypoints: Keypoints) -> bool:
    """Return whether a body, a hand or a face is seen in any frame."""
    return bool(
        np.isfinite(keypoints.positions).any()
        or (keypoints.hands is not None and np.isfinite(keypoints.hands).any())
        or (keypoints.face is not None and np.isfinite(keypoints.face).any())
    )


def landmarks_of(
    positions: Float[ndarray, "*frames 55 3"], rotations: Float[ndarray, "*frames 55 4"]
) -> Float[ndarray, "*frames 33 3"]:
    """Return the world positions of the landmarks on a posed humanoid.

    Args:
        positions: World positions of the joints, metres (`kinematics.fk`).
        rotations: World rotations of the joints.

    Returns:
        World positions of the 33 landmarks, metres.
    """
    return positions[..., SITE_JOINTS, :] + R.apply(rotations[..., SITE_JOINTS, :], SITE_OFFSETS)
