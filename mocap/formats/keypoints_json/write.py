"""Writing of keypoints as JSON and JSON Lines; `read` describes the layout."""

from __future__ import annotations

import msgspec
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.camera import Camera
from mocap.core.keypoints import (
    BLENDSHAPES,
    DETECTOR_AXES,
    HAND_LANDMARKS,
    LANDMARKS,
    Keypoints,
)
from mocap.formats.keypoints_json import schema as shape


def dumps(keypoints: Keypoints) -> str:
    """Return the keypoints as one JSON document, with metres to 1e-6 and pixels to 1e-3."""
    frames = [_frame(keypoints, i) for i in range(len(keypoints))]
    take = _header(keypoints.camera, _rate(keypoints))
    take.frames = frames
    return msgspec.json.encode(take).decode()


def dumps_lines(keypoints: Keypoints) -> str:
    """Return the keypoints as JSON Lines."""
    lines = [
        header_line(keypoints.camera, _rate(keypoints)),
        *(frame_line(keypoints, i) for i in range(len(keypoints))),
    ]
    return "".join(lines)


def header_line(camera: Camera, fps: float | None = None) -> str:
    """Return the first line of JSON Lines, with its newline."""
    return msgspec.json.encode(_header(camera, fps)).decode() + "\n"


def _header(camera: Camera, fps: float | None) -> shape.TakeJson:
    own = shape.CameraJson(round(camera.focal, 3), camera.centre, camera.source)
    return shape.TakeJson(*camera.size, fps, own)


def frame_line(keypoints: Keypoints, index: int) -> str:
    """Return one frame as a line of JSON Lines, with its newline."""
    return msgspec.json.encode(_frame(keypoints, index)).decode() + "\n"


def _rate(keypoints: Keypoints) -> float | None:
    return (
        round(1.0 / float(np.median(np.diff(keypoints.times))), 3) if len(keypoints) > 1 else None
    )


def _frame(keypoints: Keypoints, i: int) -> shape.FrameJson:
    scores = np.round(keypoints.confidence[i], 6)
    time, cuts = float(keypoints.times[i]), keypoints.new_take
    begins = msgspec.UNSET if cuts is None else bool(cuts[i] > 0.5)
    image = _points(keypoints.image[i], 3, scores, LANDMARKS)
    world = _points(keypoints.positions[i] * DETECTOR_AXES, 6, scores, LANDMARKS)
    hands = [_hand(keypoints, i, side) for side in (0, 1)]
    if not image and not world and hands == [None, None]:
        return shape.FrameJson(timestamp=time, poses=[], new_take=begins)
    seen = scores[np.isfinite(scores)]
    pose = shape.PoseJson(
        round(float(seen.mean()), 6) if len(seen) else None,
        image,
        world,
        hands[0],
        hands[1],
        _face(keypoints, i),
    )
    return shape.FrameJson(timestamp=time, poses=[pose], new_take=begins)


def _points(
    values: Float[ndarray, "n d"],
    digits: int,
    scores: ndarray | None = None,
    names: tuple[str, ...] = (),
) -> list[shape.PointJson]:
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
                shape.PointJson(
                    row[0],
                    row[1],
                    row[2] if len(row) > 2 else None,
                    score,
                    names[k] if names else None,
                )
            )
    return out


def _hand(keypoints: Keypoints, i: int, side: int) -> shape.HandJson | None:
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
    return shape.HandJson(score, image, _points(hand * DETECTOR_AXES, 6, None, HAND_LANDMARKS))


def _face(keypoints: Keypoints, i: int) -> shape.FaceJson | None:
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
    return shape.FaceJson(points, transform, told) if points or transform else None
