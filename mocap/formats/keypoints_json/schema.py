"""The schema of keypoints JSON, frames of poses as TF.js pose-detection returns them.

Documents in other common layouts are converted to it.
"""

from __future__ import annotations

import re
import warnings
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mocap.errors import InputError
from mocap.formats.keypoints_json.image_layouts import as_frames

_HEADER = ("width", "height", "fps", "camera")
_NAMES = {"keypoints_3d": "keypoints3D", "left_hand": "leftHand", "right_hand": "rightHand",
          "new_take": "newTake"}  # fmt: skip

# Far above what cameras and detectors give, and small enough for sums of squares.
_MOST = 1e6
Number = Annotated[float, Meta(ge=-_MOST, le=_MOST)]
Stamp = Annotated[float, Meta(ge=-1e14, le=1e14)]
"""Seconds, or milliseconds, which since 1970 are 1.8e12."""


class PointJson(msgspec.Struct, omit_defaults=True):
    """A point; null, as JavaScript writes NaN, means not seen."""

    x: Number | None
    y: Number | None
    z: Number | None = None
    score: Number | None = None
    name: str | None = None


class HandJson(msgspec.Struct, omit_defaults=True, rename=_NAMES):
    """A hand: 21 points."""

    score: Number | None = None
    keypoints: list[PointJson] = []
    keypoints_3d: list[PointJson] = []


class FaceJson(msgspec.Struct, omit_defaults=True):
    """A face: 478 points, the head's transform (4 × 4, row by row), and ARKit's weights."""

    keypoints: list[PointJson] = []
    transform: list[Number] | None = None
    blendshapes: dict[str, Number] | None = None


class PoseJson(msgspec.Struct, omit_defaults=True, rename=_NAMES):
    """A person, as TensorFlow.js' pose-detection returns it, with hands and face."""

    score: Number | None = None
    keypoints: list[PointJson] = []
    keypoints_3d: list[PointJson] = []
    left_hand: HandJson | None = None
    right_hand: HandJson | None = None
    face: FaceJson | None = None


class FrameJson(msgspec.Struct, kw_only=True, rename=_NAMES):
    """The people of one picture.

    Attributes:
        timestamp: Seconds.
        poses: The people.
        new_take: Whether a hard cut separates the picture from the one before; UNSET if the
            pictures were not compared.
    """

    timestamp: Stamp | None = None
    poses: list[PoseJson]
    new_take: bool | msgspec.UnsetType = msgspec.UNSET


class CameraJson(msgspec.Struct, omit_defaults=True):
    """A camera: focal length and centre in pixels, and where the focal length comes from."""

    focal: Number
    centre: tuple[Number, Number] | None = None
    source: str = "told"


class TakeJson(msgspec.Struct, omit_defaults=True):
    """A file: the picture's size in pixels, the camera and the frames."""

    width: Number | None = None
    height: Number | None = None
    fps: Number | None = None
    camera: CameraJson | None = None
    frames: list[FrameJson] = []


# Exceptions of msgspec for text that is not JSON, not UTF-8, or nested too deeply.
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def parsed(data: bytes) -> TakeJson:
    """Parse a document in JSON or JSON Lines, in any layout that `keypoints_json.loads` lists.

    Raises:
        InputError: The document has another layout.
    """
    return _validated(as_frames(_decoded_file(data)))


def _decoded_file(data: bytes) -> Any:
    data = data.removeprefix(b"\xef\xbb\xbf")
    lines = [(n, line) for n, line in enumerate(data.split(b"\n"), 1) if line.strip()]
    try:
        if len(lines) > 1 and isinstance(header := msgspec.json.decode(lines[0][1]), dict):
            return _parsed_lines(header, lines)
    except _NOT_JSON:
        pass  # the first line is no complete object, so the file is one document over many lines
    return _decoded(data, "")


def _parsed_lines(header: dict[str, Any], lines: list[tuple[int, bytes]]) -> Any:
    # JSON Lines may also be frames without a header line.
    frames = [header] if {"poses", "people"} & header.keys() else []
    frames += [_decoded(line, f" in line {number}") for number, line in lines[1:-1]]
    try:
        frames.append(_decoded(lines[-1][1], f" in line {lines[-1][0]}"))
    except InputError:
        warnings.warn(
            "The last line of the JSON Lines is cut off and was left out; the recording was "
            "interrupted.",
            stacklevel=5,
        )
    return {**{k: header[k] for k in _HEADER if k in header}, "frames": frames}


def _decoded(data: bytes, where: str) -> Any:
    try:
        return msgspec.json.decode(data)
    except _NOT_JSON as error:
        if found := re.search(rb"[\s:\[,]-?(NaN|Infinity)\b", data):
            raise InputError(
                f"The JSON{where} contains {found[1].decode()}, which is not a JSON number; leave "
                "out points that were not seen, or write null."
            ) from None
        raise InputError(f"This is not JSON{where}: {error}.") from None


def _validated(raw: Any) -> TakeJson:
    """Convert a document of any layout; null and empty lists are frames without a person."""
    if isinstance(raw, list):
        raw = {"frames": _frames(raw)}
    elif isinstance(raw, dict) and not isinstance(raw.get("frames"), list):
        if "poses" in raw:
            raw = {"frames": [raw]}
        elif _is_pose(raw):
            raw = {"frames": [{"poses": [raw]}]}
    if isinstance(raw, dict) and isinstance(raw.get("frames"), list):
        # Messages of a page carry the picture's size in each frame.
        first = next((f for f in raw["frames"] if isinstance(f, dict)), {})
        raw = {
            **{k: first[k] for k in ("width", "height") if k in first},
            **raw,
            "frames": [_with_parts(f) if isinstance(f, dict) else f for f in raw["frames"]],
        }
    if not isinstance(raw, dict) or not raw.get("frames"):
        found = type(raw).__name__
        if isinstance(raw, dict):
            found = (
                "an empty list"
                if "frames" in raw
                else f"an object with the fields {', '.join(list(raw)[:8])[:200] or '(none)'}"
            )
        raise InputError(
            f'Keypoints JSON needs "frames", a list of {{"timestamp", "poses"}} that is not empty, '
            f"but this is {found}."
        )
    try:
        take = msgspec.convert(raw, TakeJson)
    except msgspec.ValidationError as error:
        raise InputError(f"The JSON is not in the layout of keypoints: {error}.") from None
    for i, frame in enumerate(take.frames):
        if not all(
            p.keypoints or p.keypoints_3d or p.left_hand or p.right_hand or p.face
            for p in frame.poses
        ):
            raise InputError(
                f"Frame {i} has a pose with neither keypoints nor keypoints3D; leave out the pose "
                "in a frame without a person."
            )
    return take


def _is_pose(item: Any) -> bool:
    return isinstance(item, dict) and ("keypoints" in item or "keypoints3D" in item)


def _frames(items: list[Any]) -> list[Any]:
    """Return the items of a bare list as frames.

    The items may be poses, lists of poses, or lists of [x, y, z]; others are returned unchanged.
    """
    first = next((item for item in items if item), None)
    if first is None or _is_pose(first):
        return [{"poses": [item] if item else []} for item in items]
    if isinstance(first, list) and isinstance(first[0], dict):
        return [{"poses": item or []} for item in items]
    if isinstance(first, list):
        return [
            {"poses": [{"keypoints3D": [_bare_point(p) for p in item]}] if item else []}
            if isinstance(item, list | None)
            else item
            for item in items
        ]
    return items


def _with_parts(frame: dict[str, Any]) -> dict[str, Any]:
    """Return the frame with hands and faces that are listed as poses moved into the first body.

    hand-pose-detection's `estimateHands` and face-landmarks-detection's `estimateFaces` return
    such poses, without saying to which person they belong.
    """
    poses = frame.get("poses")
    if not isinstance(poses, list):
        return frame
    parts = {_part(p): p for p in poses if isinstance(p, dict) and _part(p)}
    if not parts:
        return frame
    bodies = [p for p in poses if not (isinstance(p, dict) and _part(p))]
    beside = {
        part: {k: v for k, v in p.items() if k not in ("handedness", "box")}
        for part, p in parts.items()
    }
    if "face" in beside:
        beside["face"] = {"keypoints": beside["face"]["keypoints"]}
    return {**frame, "poses": [{**(bodies[0] if bodies else {}), **beside}, *bodies[1:]]}


def _part(pose: dict[str, Any]) -> str:
    """Return "leftHand", "rightHand" or "face" for a pose that is one; "" for a body."""
    if isinstance(pose.get("keypoints"), list) and len(pose["keypoints"]) in (468, 478):
        return "face"
    return _side(pose)


def _side(pose: dict[str, Any]) -> str:
    """Return "leftHand" or "rightHand" for a pose of hand-pose-detection; "" for others."""
    return {"left": "leftHand", "right": "rightHand"}.get(
        str(pose.get("handedness", "")).lower(), ""
    )


def _bare_point(point: Any) -> Any:
    return dict(zip("xyz", point, strict=False)) if isinstance(point, list) else point
