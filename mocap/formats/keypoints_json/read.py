"""Reading of keypoints in the JSON of TF.js pose-detection.

    {"width": px, "height": px, "fps": n, "camera": CAMERA,
     "frames": [{"timestamp": seconds, "poses": [POSE, …], "newTake": bool}, …]}

newTake says whether the picture does not continue the one before (a hard cut); it is left out where
pictures were not compared.

CAMERA is {"focal": px, "centre": [px, px], "source": "told", "metadata" or "assumed"}; a file
without it has the assumed camera. JSON Lines, which a crash does not damage, has everything but the
frames in its first line, and then a frame a line.

POSE is what `estimatePoses` returns for BlazePose: `score`, `keypoints` in px, `keypoints3D` in
metres, each {x, y, z, score, name}
(https://github.com/tensorflow/tfjs-models/tree/master/pose-detection). Beside them, where known:
`leftHand` and `rightHand`, each what hand-pose-detection's `estimateHands` returns (`score`, 21
`keypoints` in px and `keypoints3D` in metres; ours are from the wrist), and `face` {keypoints: 478
points in px, transform: 4 × 4 numbers, row by row, blendshapes: weights by ARKit's names, where
known}. Points that were not seen are left out. A frame without a person has no poses, and a pose of
only hands has no body. The results of `estimateHands`, which have a `handedness`, are read in place
of poses too.

The axes in the file are the detector's: x right, y down, z away from the camera. They are converted
to mocap's axes here.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from functools import lru_cache
from typing import get_args

import msgspec
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.camera import Camera, CameraSource
from mocap.core.keypoints import BLENDSHAPES, DETECTOR_AXES, LANDMARKS, Keypoints
from mocap.errors import InputError
from mocap.formats.keypoints_json import schema as shape
from mocap.formats.keypoints_json.axes import AXES, ConventionWarning, flipped_axes
from mocap.formats.keypoints_json.image_layouts import COCO, flat_positions
from mocap.formats.keypoints_json.parts import face_transforms, read_face, read_hands, stacked

_INDEX = {name: i for i, name in enumerate(LANDMARKS)}
# Seconds: if the median step is longer, the timestamps are in milliseconds.
_SLOWEST_STEP = 5.0
# Metres: largest median coordinate of keypoints relative to the hips.
_FARTHEST = 10.0
_DEFAULT_FPS = 30.0
# Seconds: no take is longer; timestamps that span more are wrong.
_LONGEST = 24 * 3600.0
# Pixels: the smallest focal length, far below any camera's.
_SHORTEST = 1e-3


def loads(text: str | bytes, source_fps: float | None = None, image_only: bool = True) -> Keypoints:
    """Read the keypoints of one person in JSON or JSON Lines.

    Of several people, the one who is most confident and largest at first is followed from frame to
    frame. Besides the layout above, bare lists are read: of frames, of lists of poses (one for each
    frame), of poses (one for each frame), of 33 [x, y, z] in metres, and of faces as
    `estimateFaces` returns them; and the layouts of `image_layouts`. Points are matched by name, or
    by order if they have no names. Flipped axes, and timestamps in milliseconds, are converted with
    a ConventionWarning.

    Args:
        text: The document.
        source_fps: Frames per second. None: use the timestamps, else the file's fps, else 30 with a
            warning.
        image_only: Also read keypoints that are only points in the image, with a warning: the body
            is flat, and the lifter alone adds depth.

    Raises:
        InputError: The document has another layout, or NaN, or no keypoints3D if not `image_only`.
    """
    take = shape.parsed(text.encode() if isinstance(text, str) else text)
    poses = _followed(take.frames)
    flat = _is_flat(poses)
    if flat and not image_only:
        raise InputError(
            "These keypoints have no keypoints3D, only points in the image; live, mocap needs the "
            "33 points of BlazePose with keypoints3D in metres."
        )
    count = len(poses)
    positions, image = np.full((count, 33, 3), np.nan), np.full((count, 33, 2), np.nan)
    confidence = np.zeros((count, 33))
    for i, pose in enumerate(poses):
        if pose is not None:
            # The image's scores have precedence: all versions of TF.js give them.
            _fill(positions[i], confidence[i], pose.keypoints_3d, i)
            _fill(image[i], confidence[i], pose.keypoints, i)
    if flat:
        positions = flat_positions(image) * DETECTOR_AXES
        warnings.warn(
            "These keypoints have no depth, only points in the image. mocap's lifter estimates the "
            "depth; palms and feet follow arms and legs where their points are missing.",
            stacklevel=2,
        )
    elif np.any(np.isfinite(positions)) and np.nanmedian(np.abs(positions)) > _FARTHEST:
        raise InputError(
            f"keypoints3D must be in metres, but lie {np.nanmedian(np.abs(positions)):.0f} from "
            f"the hips; these look like pixels."
        )
    hands, hands_image, hands_score = read_hands(poses)
    face = stacked([read_face(p) for p in poses], (478, 3))
    transform = stacked(
        [None if p is None or p.face is None else p.face.transform for p in poses], (4, 4)
    )
    told = [
        None if p is None or p.face is None or p.face.blendshapes is None else p.face.blendshapes
        for p in poses
    ]
    blendshapes = stacked(
        [None if t is None else [t.get(name, 0.0) for name in BLENDSHAPES] for t in told],
        (len(BLENDSHAPES),),
    )
    hands = None if hands is None else hands * DETECTOR_AXES
    camera = _camera(take, image, hands_image, None if face is None else face[..., :2])
    if face is not None and transform is None:
        transform = face_transforms(face, camera.focal)
    times = _times(take, source_fps)
    keypoints = Keypoints(
        times, positions * DETECTOR_AXES, image, confidence, camera,
        hands, face, transform, hands_image, hands_score, blendshapes, _new_take(take.frames),
    )  # fmt: skip
    return keypoints if flat else _corrected_axes(keypoints)


def _followed(frames: list[shape.FrameJson]) -> list[shape.PoseJson | None]:
    """Return the pose of one person in each frame; None where there is none.

    It begins with the most confident and largest pose, and continues with the nearest hips.
    """
    out: list[shape.PoseJson | None] = []
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


def _prominence(pose: shape.PoseJson) -> float:
    xy = np.array([(p.x, p.y) for p in pose.keypoints if p.x is not None and p.y is not None])
    scores = [p.score for p in pose.keypoints or pose.keypoints_3d if p.score is not None]
    score = pose.score if pose.score is not None else float(np.mean(scores)) if scores else 1.0
    return score * (float(np.prod(np.ptp(xy, axis=0))) if len(xy) else 1.0)


def _hips(pose: shape.PoseJson) -> Float[ndarray, " 2"]:
    """Return the middle of the hips in the image, pixels; NaN if they are not seen."""
    image = np.full((33, 2), np.nan)
    if len(pose.keypoints) == 33 or any(p.name for p in pose.keypoints):
        _fill(image, np.zeros(33), pose.keypoints, 0)
    return np.asarray(image[[_INDEX["left_hip"], _INDEX["right_hip"]]].mean(axis=0))


def _is_flat(poses: list[shape.PoseJson | None]) -> bool:
    """Return whether the poses have points in the image, and none in metres in any frame."""
    seen = [p for p in poses if p is not None]
    return any(p.keypoints for p in seen) and not any(p.keypoints_3d for p in seen)


def _plain(name: str) -> str:
    """Return a landmark's name in snake case.

    Other wrappers of the same model write `leftFootIndex` or `LEFT_FOOT_INDEX` for
    `left_foot_index`.
    """
    return (
        name.lower()
        if "_" in name or name.isupper()
        else re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
    )


@lru_cache(maxsize=64)  # A take's frames mostly list the same names.
def _landmarks_named(names: tuple[str | None, ...]) -> list[int]:
    """Return the landmark of each name; −1 for an unknown name.

    An item without a name is the landmark of its place in the list.
    """
    return [i if name is None else _INDEX.get(_plain(name), -1) for i, name in enumerate(names)]


def _fill(
    out: Float[ndarray, "33 d"],
    confidence: Float[ndarray, " 33"],
    points: list[shape.PointJson],
    frame: int,
) -> None:
    """Write the points' coordinates and scores into the rows of their landmarks."""
    if not points:
        return
    names = tuple(p.name for p in points)
    if not any(names) and len(points) == 17:
        names = COCO  # MoveNet and PoseNet
    elif not any(names) and len(points) != 33:
        raise InputError(
            f"Frame {frame} has {len(points)} keypoints without names; without names there must be "
            "the 33 of BlazePose or the 17 of COCO, in order."
        )
    index = np.array(_landmarks_named(names))
    if np.any((index < 0) | (index > 32)):
        unknown = names[int(np.argmax((index < 0) | (index > 32)))]
        raise InputError(
            f"Frame {frame} has a keypoint named {str(unknown)[:60]!r}; the names are "
            f"{', '.join(LANDMARKS)}."
        )
    values = np.array([(p.x, p.y, p.z) for p in points], dtype=np.float64)[
        :, : out.shape[1]
    ]  # None becomes NaN
    scores = np.clip([1.0 if p.score is None else p.score for p in points], 0.0, 1.0)
    seen = np.isfinite(values).all(axis=1)
    out[index[seen]] = values[seen]
    confidence[index[seen]] = scores[seen]


def _new_take(frames: list[shape.FrameJson]) -> Float[ndarray, " frames"] | None:
    """Return 1 where a take begins after a hard cut, else 0; None if no frame says it."""
    begins = [frame.new_take for frame in frames]
    if all(b is msgspec.UNSET for b in begins):
        return None
    return np.array([float(b is True) for b in begins])


def _times(take: shape.TakeJson, source_fps: float | None) -> Float[ndarray, " frames"]:
    times = _told_times(take, source_fps)
    if len(times) and times[-1] - times[0] > _LONGEST:
        raise InputError(
            f"The frames span {times[-1] - times[0]:.3g} s, but a take has at most a day: the "
            "timestamps or the fps are wrong; source_fps sets them."
        )
    return times


def _told_times(take: shape.TakeJson, source_fps: float | None) -> Float[ndarray, " frames"]:
    """Return the frames' times as the file tells them, or by `source_fps`."""
    count = len(take.frames)
    if source_fps is not None and not (np.isfinite(source_fps) and source_fps > 0):
        raise InputError(
            "The source's frame rate must be a positive number of frames a second, not "
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
                "second are assumed.",
                stacklevel=3,
            )
        fps = _DEFAULT_FPS
    return np.arange(count) / fps


def _camera(take: shape.TakeJson, *images: ndarray | None) -> Camera:
    size = _image_size(take, *images)
    own = take.camera
    if own is None:
        return Camera.assumed(size)
    if own.focal < _SHORTEST:
        raise InputError(
            f"A camera's focal length must be at least {_SHORTEST:g} pixels, not {own.focal:g}."
        )
    source: CameraSource
    for source in get_args(CameraSource):
        if own.source == source:
            centre = own.centre or (0.5 * size[0], 0.5 * size[1])
            return Camera(own.focal, centre, size, source)
    known = ", ".join(get_args(CameraSource))
    raise InputError(f"A camera's source is one of {known}, not {own.source[:60]!r}.")


def _image_size(take: shape.TakeJson, *images: ndarray | None) -> tuple[int, int]:
    if take.width and take.height and take.width > 0 and take.height > 0:
        return int(take.width), int(take.height)
    points = np.concatenate([i.reshape(-1, 2) for i in images if i is not None])
    if not np.any(np.isfinite(points)):
        return 1, 1  # without points in the image, the size is not used
    width, height = (max(int(np.ceil(v)), 1) for v in np.nanmax(points, axis=0))
    warnings.warn(
        f"The file does not give the image's width and height; {width} × {height} is assumed, "
        "which contains all points.",
        stacklevel=3,
    )
    return width, height


def _corrected_axes(keypoints: Keypoints) -> Keypoints:
    """Return the keypoints with flipped axes corrected, with a warning."""
    axes = flipped_axes(keypoints)
    if not axes:
        return keypoints
    ours = {"x": "to the left of the image", "y": "up", "z": "towards the camera"}
    say = " and ".join(f"{axis} pointing {ours[axis]}" for axis in axes)
    warnings.warn(
        f"keypoints3D have {say}, against TF.js's convention (x right, y down, z away); they were "
        "corrected.",
        ConventionWarning,
        stacklevel=3,
    )
    signs = np.array([-1.0 if axis in axes else 1.0 for axis in AXES])
    hands = None if keypoints.hands is None else keypoints.hands * signs
    return replace(keypoints, positions=keypoints.positions * signs, hands=hands)
