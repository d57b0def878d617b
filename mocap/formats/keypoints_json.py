"""Keypoints as JSON, in the shape of TF.js pose-detection, and as JSON Lines, which a crash cannot
spoil.

    {"width": px, "height": px, "fps": n, "camera": CAMERA,
     "frames": [{"timestamp": seconds, "poses": [POSE, …]}, …]}

CAMERA is {"focal": px, "centre": [px, px], "source": "told", "metadata" or "assumed"}; a file
without it has the assumed camera. JSON Lines has everything but the frames in its first line.

POSE is what `estimatePoses` returns for BlazePose: `score`, `keypoints` in px, `keypoints3D` in
metres, each {x, y, z, score, name}
(https://github.com/tensorflow/tfjs-models/tree/master/pose-detection). Beside them, where known:
`leftHand` and `rightHand`, each what hand-pose-detection's `estimateHands` returns (`score`, 21
`keypoints` in px and `keypoints3D` in metres; ours are from the wrist), and `face` {keypoints: 478
points in px, transform: 4 × 4 numbers, row by row, blendshapes: weights by ARKit's names, where
known}. A point that was not seen is left out; so is a person in a frame without one, and the body
where only hands were seen. `estimateHands`' own results, told by their `handedness`, are read in
the place of poses too.

The file's axes are the detector's: x right, y down, z away from the camera. They become ours here,
and ours theirs.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from functools import lru_cache
from typing import Any, get_args

import msgspec
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.camera import Camera, CameraSource
from mocap.core.keypoints import BLENDSHAPES, HAND_LANDMARKS, LANDMARKS, Keypoints
from mocap.errors import InputError
from mocap.formats import tfjs as shape
from mocap.formats.conventions import AXES, ConventionWarning, flipped_axes

_TURN = np.array([1.0, -1.0, -1.0])  # the detector's axes to ours, and back
_INDEX = {name: i for i, name in enumerate(LANDMARKS)}
_HAND_INDEX = {name: i for i, name in enumerate(HAND_LANDMARKS)}
_COCO = frozenset(
    n for n in LANDMARKS if not re.search("mouth|inner|outer|pinky|index|thumb|heel", n)
)
# A median step beyond this many seconds is milliseconds.
_SLOWEST_STEP = 5.0
# The farthest that a person's keypoints can be from the hips, metres.
_FARTHEST = 10.0
_DEFAULT_FPS = 30.0


# --- writing --------------------------------------------------------------------------------------


def dumps(keypoints: Keypoints) -> str:
    """The keypoints as one JSON document. Metres are kept to 1e-6, pixels to 1e-3."""
    frames = [_frame(keypoints, i) for i in range(len(keypoints))]
    take = _header(keypoints.camera, _rate(keypoints))
    take.frames = frames
    return msgspec.json.encode(take).decode()


def dumps_lines(keypoints: Keypoints) -> str:
    """The keypoints as JSON Lines."""
    lines = [
        header_line(keypoints.camera, _rate(keypoints)),
        *(frame_line(keypoints, i) for i in range(len(keypoints))),
    ]
    return "".join(lines)


def header_line(camera: Camera, fps: float | None = None) -> str:
    """Return the first line of JSON Lines, with its newline."""
    return msgspec.json.encode(_header(camera, fps)).decode() + "\n"


def _header(camera: Camera, fps: float | None) -> shape.Take:
    own = shape.Camera(round(camera.focal, 3), camera.centre, camera.source)
    return shape.Take(*camera.size, fps, own)


def frame_line(keypoints: Keypoints, index: int) -> str:
    """One frame as a line of JSON Lines, with its newline: a recording writes each as it comes."""
    return msgspec.json.encode(_frame(keypoints, index)).decode() + "\n"


def _rate(keypoints: Keypoints) -> float | None:
    return (
        round(1.0 / float(np.median(np.diff(keypoints.times))), 3) if len(keypoints) > 1 else None
    )


def _frame(keypoints: Keypoints, i: int) -> shape.Frame:
    scores = np.round(keypoints.confidence[i], 6)
    image = _points(keypoints.image[i], 3, scores, LANDMARKS)
    world = _points(keypoints.positions[i] * _TURN, 6, scores, LANDMARKS)
    hands = [_hand(keypoints, i, side) for side in (0, 1)]
    if not image and not world and hands == [None, None]:
        return shape.Frame(timestamp=float(keypoints.times[i]), poses=[])
    seen = scores[np.isfinite(scores)]
    pose = shape.Pose(
        round(float(seen.mean()), 6) if len(seen) else None,
        image,
        world,
        hands[0],
        hands[1],
        _face(keypoints, i),
    )
    return shape.Frame(timestamp=float(keypoints.times[i]), poses=[pose])


def _points(
    values: Float[ndarray, "n d"],
    digits: int,
    scores: ndarray | None = None,
    names: tuple[str, ...] = (),
) -> list[shape.Point]:
    out = []
    for k, (row, seen) in enumerate(
        zip(
            (np.round(values, digits) + 0.0).tolist(),
            np.isfinite(values).all(axis=1).tolist(),
            strict=True,
        )
    ):
        if seen:
            score = None if scores is None or not np.isfinite(scores[k]) else float(scores[k])
            out.append(
                shape.Point(
                    row[0],
                    row[1],
                    row[2] if len(row) > 2 else None,
                    score,
                    names[k] if names else None,
                )
            )
    return out


def _hand(keypoints: Keypoints, i: int, side: int) -> shape.Hand | None:
    if keypoints.hands is None or not np.all(np.isfinite(hand := keypoints.hands[i, side])):
        return None
    image = (
        []
        if keypoints.hands_image is None
        else _points(keypoints.hands_image[i, side], 3, None, HAND_LANDMARKS)
    )
    score = (
        None
        if keypoints.hands_confidence is None
        else round(float(keypoints.hands_confidence[i, side]), 6)
    )
    return shape.Hand(score, image, _points(hand * _TURN, 6, None, HAND_LANDMARKS))


def _face(keypoints: Keypoints, i: int) -> shape.Face | None:
    points = (
        []
        if keypoints.face is None or not np.all(np.isfinite(keypoints.face[i]))
        else _points(keypoints.face[i], 3)
    )
    matrix = None if keypoints.face_transform is None else keypoints.face_transform[i]
    transform = (
        None if matrix is None or not np.all(np.isfinite(matrix)) else matrix.ravel().tolist()
    )
    weights = None if keypoints.face_blendshapes is None else keypoints.face_blendshapes[i]
    told = (
        None
        if weights is None or not np.all(np.isfinite(weights))
        else dict(zip(BLENDSHAPES, np.round(weights, 5).tolist(), strict=True))
    )
    return shape.Face(points, transform, told) if points or transform else None


# --- reading --------------------------------------------------------------------------------------


def loads(text: str | bytes, source_fps: float | None = None) -> Keypoints:
    """The keypoints in JSON or JSON Lines, of the person that is most surely and largely seen,
    followed from frame to frame.

    Besides the shape above, bare lists are read: of frames, of lists of poses (a frame each), of
    poses (one a frame), and of 33 [x, y, z] in metres. source_fps, if given, sets the times;
    otherwise the timestamps do, or else the file's fps, or else 30 with a warning. Points are
    matched by name, or by order where they have none. Axes that point the other way, and
    milliseconds, are converted with a ConventionWarning. Raises InputError for anything else:
    17-point models, keypoints without keypoints3D, NaN, other shapes.
    """
    take = shape.parsed(text.encode() if isinstance(text, str) else text)
    poses = _followed(take.frames)
    _check_landmarks(poses)
    count = len(poses)
    positions, image = np.full((count, 33, 3), np.nan), np.full((count, 33, 2), np.nan)
    confidence = np.zeros((count, 33))
    for i, pose in enumerate(poses):
        if pose is not None:
            # The image's scores are the ones that every version of the library gives, so they have
            # the last word.
            _fill(positions[i], confidence[i], pose.keypoints_3d, i)
            _fill(image[i], confidence[i], pose.keypoints, i)
    if np.any(np.isfinite(positions)) and np.nanmedian(np.abs(positions)) > _FARTHEST:
        raise InputError(
            f"keypoints3D must be in metres, but lie {np.nanmedian(np.abs(positions)):.0f} from "
            f"the hips; these look like pixels."
        )
    hands, hands_image, hands_score = _read_hands(poses)
    face = _stacked([_read_face(p) for p in poses], (478, 3))
    transform = _stacked(
        [None if p is None or p.face is None else p.face.transform for p in poses], (4, 4)
    )
    told = [
        None if p is None or p.face is None or p.face.blendshapes is None else p.face.blendshapes
        for p in poses
    ]
    blendshapes = _stacked(
        [None if t is None else [t.get(name, 0.0) for name in BLENDSHAPES] for t in told],
        (len(BLENDSHAPES),),
    )
    hands = None if hands is None else hands * _TURN
    times = _times(take, source_fps)
    keypoints = Keypoints(
        times, positions * _TURN, image, confidence, _camera(take, image, hands_image), hands, face,
        transform, hands_image,
        hands_score, blendshapes,
    )  # fmt: skip
    return _turned_round(keypoints)


def _followed(frames: list[shape.Frame]) -> list[shape.Pose | None]:
    """The person's pose in each frame, None where there is none: at first the most confident and
    largest one, then the one with the nearest hips.
    """
    out: list[shape.Pose | None] = []
    last: ndarray | None = None
    for frame in frames:
        poses = frame.poses
        if len(poses) < 2:
            best = poses[0] if poses else None
        elif last is None:
            best = max(poses, key=lambda p: _prominence(p))
        else:
            here = last
            best = min(
                poses,
                key=lambda p: float(np.nan_to_num(np.linalg.norm(_hips(p) - here), nan=np.inf)),
            )
        out.append(best)
        if best is not None and np.all(np.isfinite(hips := _hips(best))):
            last = hips
    return out


def _prominence(pose: shape.Pose) -> float:
    xy = np.array([(p.x, p.y) for p in pose.keypoints if p.x is not None and p.y is not None])
    scores = [p.score for p in pose.keypoints or pose.keypoints_3d if p.score is not None]
    score = pose.score if pose.score is not None else float(np.mean(scores)) if scores else 1.0
    return score * (float(np.prod(np.ptp(xy, axis=0))) if len(xy) else 1.0)


def _hips(pose: shape.Pose) -> Float[ndarray, " 2"]:
    """The middle of the hips in the image, or NaN."""
    image = np.full((33, 2), np.nan)
    if len(pose.keypoints) == 33 or any(p.name for p in pose.keypoints):
        _fill(image, np.zeros(33), pose.keypoints, 0)
    return np.asarray(image[[_INDEX["left_hip"], _INDEX["right_hip"]]].mean(axis=0))


def _check_landmarks(poses: list[shape.Pose | None]) -> None:
    seen = [p for p in poses if p is not None]
    names = {
        _plain(n)
        for n in {p.name for pose in seen for p in (*pose.keypoints, *pose.keypoints_3d)}
        if n
    }
    counts = {len(pose.keypoints_3d or pose.keypoints) for pose in seen}
    needed = (
        "mocap needs the 33 points of BlazePose with keypoints3D in metres: use the BlazePose "
        "model, or `mocap detect` on the video."
    )
    if seen and (names <= _COCO if names else counts == {17}):
        raise InputError(
            f"These keypoints are the 17 of MoveNet, PoseNet or COCO, which have no depth, hands "
            f"and feet; {needed}"
        )
    if any(pose.keypoints for pose in seen) and not any(pose.keypoints_3d for pose in seen):
        raise InputError(f"These keypoints have no keypoints3D, only points in the image; {needed}")


def _plain(name: str) -> str:
    """`left_foot_index` for `leftFootIndex` and `LEFT_FOOT_INDEX`, as other wrappers of the same
    model write.
    """
    return (
        name.lower()
        if "_" in name or name.isupper()
        else re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
    )


@lru_cache(maxsize=64)  # A take's frames mostly list the same names.
def _landmarks_named(names: tuple[str | None, ...]) -> list[int]:
    """The landmark of each name, of its place in the list where there is none, −1 for an unknown
    name.
    """
    return [i if name is None else _INDEX.get(_plain(name), -1) for i, name in enumerate(names)]


def _fill(
    out: Float[ndarray, "33 d"],
    confidence: Float[ndarray, " 33"],
    points: list[shape.Point],
    frame: int,
) -> None:
    """The points' coordinates and scores into their landmarks' rows."""
    if not points:
        return
    names = tuple(p.name for p in points)
    if not any(names) and len(points) != 33:
        raise InputError(
            f"Frame {frame} has {len(points)} keypoints without names; without names there must be "
            f"the 33 of BlazePose, in order."
        )
    index = np.array(_landmarks_named(names))
    if np.any((index < 0) | (index > 32)):
        unknown = names[int(np.argmax((index < 0) | (index > 32)))]
        raise InputError(
            f"Frame {frame} has a keypoint named {unknown!r}; the names are {', '.join(LANDMARKS)}."
        )
    values = np.array([(p.x, p.y, p.z) for p in points], dtype=np.float64)[
        :, : out.shape[1]
    ]  # None becomes NaN
    scores = np.array([1.0 if p.score is None else p.score for p in points])
    seen = np.isfinite(values).all(axis=1)
    out[index[seen]] = values[seen]
    confidence[index[seen]] = scores[seen]


def _read_hands(
    poses: list[shape.Pose | None],
) -> tuple[ndarray | None, ndarray | None, ndarray | None]:
    """Both hands of each frame: metres from their wrists (F, 2, 21, 3) in the file's axes, pixels
    (F, 2, 21, 2), and scores (F, 2).
    """
    count = len(poses)
    world, image, score = (
        np.full((count, 2, 21, 3), np.nan),
        np.full((count, 2, 21, 2), np.nan),
        np.zeros((count, 2)),
    )
    for i, pose in enumerate(poses):
        for side, hand in enumerate(() if pose is None else (pose.left_hand, pose.right_hand)):
            if hand is not None and (points := _hand_points(hand.keypoints_3d, i)) is not None:
                # The library's origin is about the hand's middle.
                world[i, side] = points - points[0]
                score[i, side] = 1.0 if hand.score is None else hand.score
                pixels = _hand_points(hand.keypoints, i)
                image[i, side] = np.nan if pixels is None else pixels[:, :2]
    if not np.isfinite(world).any():
        return None, None, None
    return world, image if np.isfinite(image).any() else None, score


def _hand_points(points: list[shape.Point], frame: int) -> Float[ndarray, "21 3"] | None:
    """The 21 points by name, or by order where they have none; None if one of them is not there."""
    if len(points) != len(HAND_LANDMARKS):
        return None
    names = [p.name for p in points]
    if unknown := [n for n in names if n is not None and n.lower() not in _HAND_INDEX]:
        raise InputError(
            f"Frame {frame} has a hand's keypoint named {unknown[0]!r}; the names are "
            f"{', '.join(HAND_LANDMARKS)}."
        )
    values = np.array([(p.x, p.y, p.z) for p in points], dtype=np.float64)  # None becomes NaN
    out = np.full(values.shape, np.nan)
    out[[i if n is None else _HAND_INDEX[n.lower()] for i, n in enumerate(names)]] = values
    return None if np.isnan(out[:, :2]).any() else out


def _read_face(pose: shape.Pose | None) -> Float[ndarray, "478 3"] | None:
    if pose is None or pose.face is None or len(pose.face.keypoints) != 478:
        return None
    return np.array([[p.x, p.y, p.z] for p in pose.face.keypoints], dtype=np.float64)


def _stacked(items: list[Any], shape: tuple[int, ...]) -> ndarray | None:
    """The frames' arrays as one, NaN where there is none; None if no frame has any."""
    if all(item is None for item in items):
        return None
    try:
        return np.stack(
            [
                np.full(shape, np.nan)
                if item is None
                else np.reshape(np.array(item, dtype=np.float64), shape)
                for item in items
            ]
        )
    except ValueError:
        raise InputError(
            f"A face transform in the JSON must have {int(np.prod(shape))} numbers."
        ) from None


def _times(take: shape.Take, source_fps: float | None) -> Float[ndarray, " frames"]:
    count = len(take.frames)
    if source_fps is not None and not (np.isfinite(source_fps) and source_fps > 0):
        raise InputError(
            f"The source's frame rate must be a positive number of frames a second, not "
            f"{source_fps}."
        )
    stamps = [f.timestamp for f in take.frames]
    if source_fps is None and count and None not in stamps:
        times = np.array(stamps, dtype=np.float64)
        if np.any(np.diff(times) <= 0):
            at = int(np.flatnonzero(np.diff(times) <= 0)[0])
            raise InputError(
                f"Timestamps must increase, but frame {at + 1} is at {times[at + 1]:g} s after "
                f"{times[at]:g} s; source_fps sets them."
            )
        if count > 1 and np.median(np.diff(times)) > _SLOWEST_STEP:
            warnings.warn(
                "The timestamps look like milliseconds, not seconds, and were read so.",
                ConventionWarning,
                stacklevel=3,
            )
            times = times / 1000.0
        return times
    fps = source_fps or take.fps
    if not fps or fps <= 0:
        if count > 1:
            warnings.warn(
                f"The frames have no timestamps and the file no fps; {_DEFAULT_FPS:g} frames a "
                f"second were taken.",
                stacklevel=3,
            )
        fps = _DEFAULT_FPS
    return np.arange(count) / fps


def _camera(take: shape.Take, *images: ndarray | None) -> Camera:
    size = _image_size(take, *images)
    own = take.camera
    if own is None:
        return Camera.assumed(size)
    source: CameraSource
    for source in get_args(CameraSource):
        if own.source == source:
            centre = own.centre or (0.5 * size[0], 0.5 * size[1])
            return Camera(own.focal, centre, size, source)
    known = ", ".join(get_args(CameraSource))
    raise InputError(f"A camera's source is one of {known}, not {own.source!r}.")


def _image_size(take: shape.Take, *images: ndarray | None) -> tuple[int, int]:
    if take.width and take.height and take.width > 0 and take.height > 0:
        return int(take.width), int(take.height)
    points = np.concatenate([i.reshape(-1, 2) for i in images if i is not None])
    if not np.any(np.isfinite(points)):
        return 1, 1  # Without image points nothing is measured in pixels.
    width, height = (max(int(np.ceil(v)), 1) for v in np.nanmax(points, axis=0))
    warnings.warn(
        f"The file does not give the image's width and height; {width} × {height} was taken, which "
        f"holds all points.",
        stacklevel=3,
    )
    return width, height


def _turned_round(keypoints: Keypoints) -> Keypoints:
    axes = flipped_axes(keypoints)
    if not axes:
        return keypoints
    ours = {"x": "to the left of the image", "y": "up", "z": "towards the camera"}
    say = " and ".join(f"{axis} pointing {ours[axis]}" for axis in axes)
    warnings.warn(
        f"keypoints3D have {say}, against TF.js's convention (x right, y down, z away); they were "
        f"corrected.",
        ConventionWarning,
        stacklevel=3,
    )
    signs = np.array([-1.0 if axis in axes else 1.0 for axis in AXES])
    hands = None if keypoints.hands is None else keypoints.hands * signs
    return replace(keypoints, positions=keypoints.positions * signs, hands=hands)
