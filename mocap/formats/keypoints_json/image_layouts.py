"""Keypoints without depth, in the JSON layouts of OpenPose, COCO, AlphaPose and MMPose.

    OpenPose    {"people": [{"pose_keypoints_2d": [x, y, score, …]}]} for each frame; 25 or 18
                points, and 21 of each hand in hand_left_keypoints_2d and hand_right_keypoints_2d,
                https://github.com/CMU-Perceptual-Computing-Lab/openpose, "Output"
    COCO        [{"image_id", "keypoints": [x, y, score, …], "score"}, …], or {"images",
                "annotations"}; 17 points, https://cocodataset.org/#format-results; COCO-WholeBody
                has 133 in the same layout, https://github.com/jin-s13/COCO-WholeBody
    AlphaPose   COCO's results with Halpe's 26 or 136 points,
                https://github.com/Fang-Haoshu/Halpe-FullBody
    MMPose      {"instance_info": [{"frame_id", "instances": [{"keypoints": [[x, y], …],
                "keypoint_scores": […]}]}]}

Points that BlazePose has too become its landmarks; those of hands are kept, others are ignored.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.keypoints import HAND_LANDMARKS, LANDMARKS
from mocap.core.skeleton import BONES, HUMANOID
from mocap.errors import InputError

_T = TypeVar("_T")

_SIDES = ("left", "right")
COCO = (
    "nose",
    *(f"{s}_{n}" for n in ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
      for s in _SIDES),
)  # fmt: skip
"""The 17 points of COCO, MoveNet and PoseNet."""


def _knuckles(side: str, at: int) -> dict[int, str]:
    """Return the landmarks of BlazePose among the 21 points of a hand that begin at an index."""
    return {at + 3: f"{side}_thumb", at + 5: f"{side}_index", at + 17: f"{side}_pinky"}


_COCO_17 = dict(enumerate(COCO))
_COCO_133 = {
    **_COCO_17,
    17: "left_foot_index",
    19: "left_heel",
    20: "right_foot_index",
    22: "right_heel",
    # The corners of the mouth are 48 and 54 of the 68 points of the face, which begin at 23.
    71: "mouth_right",
    77: "mouth_left",
    **_knuckles("left", 91),
    **_knuckles("right", 112),
}
_HALPE_26 = {
    **_COCO_17,
    20: "left_foot_index",
    21: "right_foot_index",
    24: "left_heel",
    25: "right_heel",
}
_HALPE_136 = {
    **_HALPE_26,
    # The 68 points of the face begin at 26.
    74: "mouth_right",
    80: "mouth_left",
    **_knuckles("left", 94),
    **_knuckles("right", 115),
}
_HANDS = {133: (91, 112), 136: (94, 115)}
"""Number of points → where the 21 points of the left and of the right hand begin."""
_OPENPOSE = (
    "nose", "", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
    "left_wrist",
)  # fmt: skip
_BODY_25 = dict(
    enumerate((
        *_OPENPOSE, "", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee",
        "left_ankle", "right_eye", "left_eye", "right_ear", "left_ear", "left_foot_index", "",
        "left_heel", "right_foot_index", "", "right_heel",
    ))
)  # fmt: skip
_OPENPOSE_18 = dict(
    enumerate((
        *_OPENPOSE, "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee",
        "left_ankle", "right_eye", "left_eye", "right_ear", "left_ear",
    ))
)  # fmt: skip
_LAYOUTS = {
    17: _COCO_17, 133: _COCO_133, 26: _HALPE_26, 136: _HALPE_136, 25: _BODY_25, 18: _OPENPOSE_18,
}  # fmt: skip
"""Number of points → index → BlazePose's landmark, "" for a point that BlazePose does not have."""
_NAMES = {
    17: "COCO", 133: "COCO-WholeBody", 26: "Halpe", 136: "Halpe whole body",
    25: "OpenPose BODY_25", 18: "OpenPose",
}  # fmt: skip

# COCO's annotations mark points as 0 (not labelled), 1 (hidden) or 2 (visible).
_MARKS = {0.0: 0.0, 1.0: 0.5, 2.0: 1.0}
# Numbered pictures are frames of one video if their numbers span less than this many times their
# count; missing numbers are then frames without a person.
_SPARSE = 4
# Digits of a picture's number that count.
_DIGITS = 18

# Lines of the body whose lengths give the scale of a picture: two landmarks, and the two bones of
# HUMANOID at the same joints.
_LINES = (
    *(
        (f"{s}_{a}", f"{s}_{b}", s + x, s + y)
        for s in _SIDES
        for a, b, x, y in (
            ("hip", "knee", "UpperLeg", "LowerLeg"),
            ("knee", "ankle", "LowerLeg", "Foot"),
            ("shoulder", "elbow", "UpperArm", "LowerArm"),
            ("elbow", "wrist", "LowerArm", "Hand"),
            ("shoulder", "hip", "UpperArm", "UpperLeg"),
        )
    ),
    ("left_shoulder", "right_shoulder", "leftUpperArm", "rightUpperArm"),
)


class _Person(msgspec.Struct):
    """A person of OpenPose: x, y and score of each point, in a flat list."""

    pose_keypoints_2d: list[float] | None = None
    hand_left_keypoints_2d: list[float] | None = None
    hand_right_keypoints_2d: list[float] | None = None


class _People(msgspec.Struct):
    """A frame of OpenPose."""

    people: list[_Person | None]


class _Instance(msgspec.Struct):
    """A person of MMPose: points and scores."""

    keypoints: list[list[float]] = []
    keypoint_scores: list[float] | None = None


class _Instances(msgspec.Struct):
    """A frame of MMPose."""

    instances: list[_Instance] | None = None


class _Result(msgspec.Struct):
    """A person of COCO's results or annotations: x, y and score of each point, in a flat list."""

    image_id: int | float | str
    keypoints: list[float]
    score: Any = None


class _Image(msgspec.Struct):
    """A picture of COCO's annotations, with its size in pixels."""

    width: float | None = None
    height: float | None = None


def as_frames(raw: Any) -> Any:
    """Return a document in one of these layouts as {"frames": …} in the layout of TF.js.

    Args:
        raw: The decoded JSON.

    Returns:
        The frames, or the document unchanged if it is in none of these layouts.

    Raises:
        InputError: A value has another type than its layout says, or no layout has this number of
            points.
    """
    if isinstance(raw, dict) and isinstance(raw.get("frames"), list) and _has_people(raw["frames"]):
        return {**raw, "frames": _openpose(raw["frames"])}
    if isinstance(raw, dict) and isinstance(raw.get("people"), list):
        return {"frames": _openpose([raw])}
    if isinstance(raw, list) and _has_people(raw):
        return {"frames": _openpose(raw)}
    if isinstance(raw, dict) and isinstance(raw.get("instance_info"), list):
        return {"frames": _mmpose(raw["instance_info"])}
    if isinstance(raw, dict) and isinstance(raw.get("annotations"), list):
        images = _typed(raw.get("images") or [], _Image, "COCO's annotations")
        size = msgspec.to_builtins(images[0]) if images else {}
        frames = _by_image([r for r in raw["annotations"] if _is_result(r)], marked=True)
        return {**{k: v for k, v in size.items() if v is not None}, "frames": frames}
    if isinstance(raw, list) and raw and all(_is_result(r) for r in raw):
        return {"frames": _by_image(raw, marked=False)}
    return raw


def _typed(items: Any, kind: type[_T], name: str) -> list[_T]:
    """Return a decoded JSON list as objects of a layout."""
    try:
        return msgspec.convert(items, list[kind])  # type: ignore[valid-type]
    except msgspec.ValidationError as error:
        raise InputError(f"The JSON is not in the layout of {name}: {error}.") from None


def _has_people(frames: list[Any]) -> bool:
    return bool(frames) and all(isinstance(f, dict) and "people" in f for f in frames)


def _is_result(item: Any) -> bool:
    return isinstance(item, dict) and "image_id" in item and isinstance(item.get("keypoints"), list)


def _openpose(frames: list[Any]) -> list[dict[str, Any]]:
    out = []
    for frame in _typed(frames, _People, "OpenPose"):
        poses = []
        for person in frame.people:
            if person is None or not person.pose_keypoints_2d:
                continue
            pose = _pose(_triples(person.pose_keypoints_2d))
            hands = (person.hand_left_keypoints_2d, person.hand_right_keypoints_2d)
            for side, hand in zip(_SIDES, hands, strict=True):
                pose |= _hand(side, _triples(hand or []))
            poses.append(pose)
        out.append({"poses": poses})
    return out


def _mmpose(frames: list[Any]) -> list[dict[str, Any]]:
    out = []
    for frame in _typed([f or {} for f in frames], _Instances, "MMPose"):
        poses = []
        for one in frame.instances or ():
            scores = one.keypoint_scores or [1.0] * len(one.keypoints)
            if any(len(p) < 2 for p in one.keypoints) or len(scores) < len(one.keypoints):
                raise InputError(
                    "Each of MMPose's keypoints must be a list of x and y, with a score each."
                )
            poses.append(_pose([[*p[:2], s] for p, s in zip(one.keypoints, scores, strict=False)]))
        out.append({"poses": poses})
    return out


def _by_image(items: list[Any], marked: bool) -> list[dict[str, Any]]:
    """Return the frames of results that have an image_id, in the order of the images' numbers."""
    found: dict[int | str, list[Any]] = {}
    for item in _typed(items, _Result, "COCO"):
        points = _triples(item.keypoints)
        if marked:
            points = [[x, y, _MARKS.get(v, 0.0)] for x, y, v in points]
        pose = _pose(points)
        # Tools write other things than numbers too, such as text or a list; the points have scores.
        pose |= {"score": item.score} if isinstance(item.score, int | float) else {}
        found.setdefault(_number(item.image_id), []).append(pose)
    numbers = sorted(found, key=lambda n: (isinstance(n, str), n))
    whole = [n for n in numbers if isinstance(n, int)]
    if len(whole) == len(numbers) and whole and whole[-1] - whole[0] < _SPARSE * len(whole):
        numbers = list(range(whole[0], whole[-1] + 1))
    return [{"poses": found.get(n, [])} for n in numbers]


def _number(image: int | float | str) -> int | str:
    """Return a picture's number: the last digits in its name, or the name if it has none."""
    if isinstance(image, float) and image.is_integer():
        image = int(image)  # tables such as pandas' write 7 as 7.0
    digits = re.findall(r"\d+", str(image))
    return int(digits[-1][-_DIGITS:]) if digits else str(image)


def _triples(numbers: list[float]) -> list[list[float]]:
    if len(numbers) % 3:
        raise InputError(
            "Keypoints in the image must be a flat list of x, y and score of each point, but there "
            f"are {len(numbers)} numbers."
        )
    return [numbers[i : i + 3] for i in range(0, len(numbers), 3)]


def _pose(points: list[list[float]]) -> dict[str, Any]:
    """Return points in the order of a layout as a pose; a score of 0 means not found."""
    layout = _LAYOUTS.get(len(points))
    if layout is None:
        known = ", ".join(f"{n} ({_NAMES[n]})" for n in sorted(_LAYOUTS))
        raise InputError(f"There are {len(points)} keypoints; the known layouts have {known}.")
    pose: dict[str, Any] = {
        "keypoints": [
            {"x": x, "y": y, "score": min(float(score), 1.0), "name": layout[i]}
            for i, (x, y, score) in enumerate(points)
            if score > 0 and layout.get(i)
        ]
    }
    for side, at in zip(_SIDES, _HANDS.get(len(points), ()), strict=False):
        pose |= _hand(side, points[at : at + len(HAND_LANDMARKS)])
    return pose


def _hand(side: str, points: list[list[float]]) -> dict[str, Any]:
    """Return a hand for a pose; nothing if one of its points was not found."""
    if len(points) != len(HAND_LANDMARKS) or any(score <= 0 for _, _, score in points):
        return {}
    score = sum(min(float(score), 1.0) for _, _, score in points) / len(points)
    return {f"{side}Hand": {"score": score, "keypoints": [{"x": x, "y": y} for x, y, _ in points]}}


def flat_positions(image: Float[ndarray, "frames 33 2"]) -> Float[ndarray, "frames 33 3"]:
    """Return positions without depth for points in the image, as of a flat body.

    Foreshortening only shortens a line, so the lines that are longest relative to HUMANOID's give
    the scale. The lifter ignores the depth of a flat body.

    Args:
        image: Pixels; NaN where a point is not seen.

    Returns:
        Metres from the middle of the hips (of all seen points where the hips are not seen), x right
        in the image, y up, z = 0.
    """
    rest = HUMANOID.rest_positions()
    sizes = []
    for a, b, above, below in _LINES:
        line = image[:, LANDMARKS.index(a)] - image[:, LANDMARKS.index(b)]
        metres = np.linalg.norm(rest[BONES.index(above)] - rest[BONES.index(below)])
        sizes.append(np.linalg.norm(line, axis=1) / metres)
    # The second largest, so that one misplaced point does not decide.
    ranked = np.sort(np.nan_to_num(np.stack(sizes, axis=1)), axis=1)
    scale = np.where(ranked[:, -2] > 0, ranked[:, -2], np.nan)
    hips = image[:, [LANDMARKS.index("left_hip"), LANDMARKS.index("right_hip")]].mean(axis=1)
    seen = np.isfinite(image[..., 0])
    total = np.maximum(seen.sum(axis=1), 1)[:, None]
    middle = np.where(np.isnan(hips), np.nansum(image, axis=1) / total, hips)
    flat = (image - middle[:, None]) / scale[:, None, None] * [1.0, -1.0]
    return np.concatenate([flat, np.where(np.isnan(flat[..., :1]), np.nan, 0.0)], axis=-1)
