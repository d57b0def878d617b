"""Cameras without a calibration: time offset and relative pose from the performer's own joints.

Two cameras on tripods see one performer. Their clocks are matched by the joints' vertical
velocities, which look alike from all sides. The relative pose is that of the essential matrix of
all joints over the take, refined by bundle adjustment over pose, focal lengths, time offset and
body: the image points must agree, and bones must keep their lengths, left and right alike. The
scale is that of a body of the given height.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.errors import InputError
from mocap.views.camera import FROM_OPENCV, PosedCamera
from mocap.views.fuse import at_times
from mocap.views.triangulate import triangulate

HEIGHT = 1.72
"""Metres: the performer's height where none is given."""

JOINTS = [
    LANDMARKS.index(f"{s}_{n}")
    for n in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for s in ("left", "right")
]
"""Landmarks that are joints: they are where the body bends from all sides."""
# Bones between JOINTS, left and right of each: upper arm, forearm, thigh, shank, and the trunk's
# side.
_BONES = np.array(
    [[0, 2], [1, 3], [2, 4], [3, 5], [6, 8], [7, 9], [8, 10], [9, 11], [0, 6], [1, 7]]
)
# Samples a second of the match of clocks, and the largest offset that is looked for, seconds.
_RATE, _LARGEST = 120.0, 10.0
# Seconds that both must see together.
_LEAST = 1.5
# Joint positions used for the pose, at most.
_POINTS = 1000
# Share of the focal length: RANSAC's threshold, and the residual of one image point.
_INLIER, _SIGMA = 0.008, 0.005
# Logarithms: how far a focal length may be off an assumed value, off a given
# one, and a bone's length off its mean.
_FOCAL, _KNOWN, _LENGTH = 0.1, 0.02, 0.03
# Units of the unknowns: pose, focal lengths, offset.
_UNITS = [0.1] * 6 + [0.1] * 2 + [0.02]
# A second solution must cost so much more than the best.
_CLEAR = 1.05
# Doubts: share of inliers, angle between the cameras' rays (radians), variation of bones' lengths.
_FEW, _NARROW, _ELASTIC = 0.5, np.radians(8.0), 0.12


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """Cameras found from a performer's motion.

    Attributes:
        cameras: Two cameras; the first is the world.
        offset: Seconds by which the second clock is ahead of the first.
        residual: Median reprojection error, pixels.
        angle: Median angle between the two cameras' rays, radians.
        lengths: Median variation of bones' lengths, as a share.
    """

    cameras: tuple[PosedCamera, PosedCamera]
    offset: float
    residual: float
    angle: float
    lengths: float


def clock_offset(a: Keypoints, b: Keypoints) -> float:
    """Return by how many seconds b's clock is ahead of a's, from the joints' vertical velocities.

    Raises:
        InputError: The two never see the performer together, or nothing moves.
    """
    step = 1.0 / _RATE
    signals = []
    for k in (a, b):
        times = np.arange(k.times[0], k.times[-1], step)
        image = at_times(k, times).image[:, JOINTS]
        size = np.nanmedian(np.ptp(image[..., 1], axis=1))
        speed = np.gradient(image[..., 1], step, axis=0) / max(size, 1e-9)
        signals.append((times[0], np.nan_to_num(_smoothed(speed))))
    (start_a, one), (start_b, two) = signals
    best, offset = -np.inf, 0.0
    least = int(min(_LEAST * _RATE, 0.6 * min(len(one), len(two))))
    reach = int(_LARGEST * _RATE)
    for shift in range(-reach, reach + 1):
        # Sample i of one beside sample i + shift of two.
        low, high = max(0, -shift), min(len(one), len(two) - shift)
        if high - low < least:
            continue
        x, y = one[low:high], two[low + shift : high + shift]
        norm = np.sqrt(np.square(x).sum() * np.square(y).sum())
        score = float((x * y).sum() / norm) if norm > 0.0 else 0.0
        if score > best:
            best, offset = score, (start_b + shift * step) - start_a
    if not np.isfinite(best) or best < 0.3:
        raise InputError(
            "The clocks of the two cameras cannot be matched: the performer must be seen by both "
            f"for {_LEAST:g} s or more, and move (agreement {max(best, 0.0):.2f}, of 1)."
        )
    return offset


def _smoothed(values: ndarray) -> ndarray:
    window = np.hanning(15)
    window /= window.sum()
    flat = np.nan_to_num(values).reshape(len(values), -1)
    out = np.stack([np.convolve(column, window, "same") for column in flat.T], axis=1)
    return out.reshape(values.shape)


def find_cameras(a: Keypoints, b: Keypoints, height: float | None = None) -> Found:
    """Return two cameras' places and clocks from what they see of one performer.

    Args:
        a: The performer before the first camera, with its focal length or a guess at it.
        b: The same before the second camera.
        height: The performer's height, metres.

    Raises:
        InputError: The take cannot tell: too little motion, too small an angle, or two performers.
    """
    import cv2
    from scipy.optimize import least_squares

    offset = clock_offset(a, b)
    times = _shared_times(a, b, offset)
    one, two, trust = _together(a, b, times, offset)
    rays = [_plane(k.camera, p) for k, p in ((a, one), (b, two))]
    flat = [r.reshape(-1, 2) for r in rays]
    known = trust.ravel() > 0.25
    if known.sum() < 50:
        raise InputError("The two cameras see too little of the performer at the same time.")
    cv2.setRNGSeed(0)
    essential, inliers = cv2.findEssentialMat(
        flat[0][known], flat[1][known], np.eye(3), cv2.USAC_MAGSAC, 0.999, _INLIER
    )
    if essential is None or essential.shape != (3, 3) or inliers.mean() < _FEW:
        share = 0.0 if inliers is None else float(inliers.mean())
        raise InputError(
            "The cameras' places cannot be found: only "
            f"{100 * share:.0f} % of the joints agree on one. Both clips must show the same "
            "performer at the same time, and neither camera may move."
        )
    _, turn, shift, _ = cv2.recoverPose(
        essential, flat[0][known], flat[1][known], np.eye(3), mask=inliers.copy()
    )
    certain = np.array([_FOCAL if k.camera.source == "assumed" else _KNOWN for k in (a, b)])
    start = np.concatenate(
        [R.to_rotation_vector(R.from_matrix(turn)), shift.ravel(), [0.0, 0.0, 0.0]]
    )

    def residuals(x: ndarray) -> ndarray:
        moved = _together(a, b, times, offset + x[8])
        pair = _pair(a.camera, b.camera, x)
        found = triangulate(pair, np.stack(moved[:2]), np.stack([moved[2]] * 2), 3)
        focals = np.array([c.camera.focal for c in pair])[:, None, None]
        off = np.nan_to_num(found.residuals / focals / _SIGMA, nan=3.0)
        # Cauchy's loss, as a residual: one wrong joint must not turn a camera.
        image = np.sqrt(np.log1p(np.square(off))) * np.sqrt(moved[2])
        lengths = _lengths(found.points)
        means = np.nanmean(lengths.reshape(len(lengths), -1, 2), axis=(0, 2))
        spread = np.log(lengths / np.repeat(means, 2)) / _LENGTH
        body = np.sqrt(np.log1p(np.square(np.nan_to_num(spread))))
        return np.concatenate(
            [image.ravel(), body.ravel(), x[6:8] / certain * np.sqrt(0.2 * image.size / 24)]
        )

    def search(begin: ndarray) -> Any:
        return least_squares(residuals, begin, x_scale=_UNITS, diff_step=1e-4, max_nfev=20)

    # A body that moves little in depth looks nearly the same with its depth reversed.
    best = search(start)
    other = search(_reversed(best.x, one, two, (a.camera, b.camera)))
    if other.cost < best.cost:
        best, other = other, best
    apart = R.distance(*(R.from_rotation_vector(r.x[:3]) for r in (best, other)))
    if apart > _NARROW and other.cost < _CLEAR * best.cost:
        raise InputError(
            "The cameras' places are not certain: two places fit the take as well. The performer "
            "should turn, or walk towards the cameras; or give a calibration (--cameras)."
        )
    pair = _pair(a.camera, b.camera, best.x)
    offset += float(best.x[8])
    one, two, trust = _together(a, b, times, offset)
    found = triangulate(pair, np.stack([one, two]), np.stack([trust, trust]))
    return _judged(pair, offset, found.points, found.residuals, height)


def _shared_times(a: Keypoints, b: Keypoints, offset: float) -> ndarray:
    """Return some of a's times at which b sees the performer too."""
    times = a.times[(a.times + offset >= b.times[0]) & (a.times + offset <= b.times[-1])]
    return np.asarray(times[:: max(1, len(times) * len(JOINTS) // _POINTS)])


def _together(
    a: Keypoints, b: Keypoints, times: ndarray, offset: float
) -> tuple[ndarray, ndarray, ndarray]:
    """Return the joints' pixels before both cameras at the same times, and how sure they are."""
    one, two = at_times(a, times), at_times(b, times + offset)
    trust = np.minimum(one.confidence, two.confidence)[:, JOINTS]
    pixels = one.image[:, JOINTS], two.image[:, JOINTS]
    seen = np.isfinite(pixels[0]).all(axis=-1) & np.isfinite(pixels[1]).all(axis=-1)
    return (
        np.where(seen[..., None], pixels[0], np.nan),
        np.where(seen[..., None], pixels[1], np.nan),
        np.where(seen, trust, 0.0),
    )


def _plane(camera: Camera, pixels: ndarray) -> ndarray:
    """Return OpenCV's normalised image points (x right, y down)."""
    return np.nan_to_num((pixels - np.asarray(camera.centre)) / camera.focal)


def _pair(a: Camera, b: Camera, x: ndarray) -> tuple[PosedCamera, PosedCamera]:
    """Return the cameras of the unknowns: rotation vector and translation (OpenCV's axes; its
    length is 1), and logarithms of the focal lengths.
    """
    turn = R.to_matrix(R.from_rotation_vector(x[:3]))
    rotation = R.from_matrix(FROM_OPENCV[:, None] * turn * FROM_OPENCV)
    shift = FROM_OPENCV * x[3:6] / np.linalg.norm(x[3:6])
    first = replace(a, focal=a.focal * float(np.exp(x[6])))
    second = replace(b, focal=b.focal * float(np.exp(x[7])))
    none = np.zeros(5)
    return (
        PosedCamera("first", first, R.IDENTITY, np.zeros(3), none),
        PosedCamera("second", second, rotation, shift, none),
    )


def _reversed(x: ndarray, one: ndarray, two: ndarray, lenses: tuple[Camera, Camera]) -> ndarray:
    """Return the unknowns for a body whose depth is reversed about its middle."""
    pair = _pair(*lenses, x)
    sure = np.where(np.isfinite(one[..., 0]), 1.0, 0.0)
    middle = np.nanmean(triangulate(pair, np.stack([one, two]), np.stack([sure] * 2)).points,
                        axis=(0, 1))  # fmt: skip
    flip = np.array([1.0, 1.0, -1.0])
    turn = flip[:, None] * R.to_matrix(pair[1].rotation) * flip
    shift = pair[1].to_camera(middle) - turn @ middle
    opencv = FROM_OPENCV[:, None] * turn * FROM_OPENCV
    out = x.copy()
    out[:3] = R.to_rotation_vector(R.from_matrix(opencv))
    out[3:6] = FROM_OPENCV * shift
    return out


def _lengths(points: Float[ndarray, "frames joints 3"]) -> Float[ndarray, "frames bones"]:
    ends = points[:, _BONES]
    return np.maximum(np.linalg.norm(ends[:, :, 0] - ends[:, :, 1], axis=-1), 1e-6)


def _judged(
    pair: tuple[PosedCamera, PosedCamera],
    offset: float,
    points: ndarray,
    residuals: ndarray,
    height: float | None,
) -> Found:
    """Scale the world to the performer, and refuse what the take cannot tell."""
    lengths = _lengths(points)
    middle = np.nanmedian(lengths, axis=0)
    variation = float(np.nanmedian(np.abs(np.log(lengths / middle)))) * 1.48
    to = [points - c.centre for c in pair]
    cosine = R.dot(R.normalize(to[0]), R.normalize(to[1]))
    angle = float(np.nanmedian(np.arccos(np.clip(cosine, -1.0, 1.0))))
    if angle < _NARROW or angle > np.pi - _NARROW:
        raise InputError(
            f"The cameras see the performer from nearly the same line ({np.degrees(angle):.0f}°): "
            "put them 60° to 90° apart."
        )
    if variation > _ELASTIC:
        raise InputError(
            f"The cameras' places are not certain: bones vary by {100 * variation:.0f} % in "
            "length. A longer take with more motion, or a calibration (--cameras), is needed."
        )
    from mocap.core.skeleton import HUMANOID

    rest = HUMANOID.rest_positions()
    at = [
        HUMANOID.index(f"{s}{n}")
        for n in ("UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot")
        for s in ("left", "right")
    ]
    usual = _lengths(rest[at][None])[0]
    scale = (height or HEIGHT) / 1.75 / float(np.median(middle / usual))
    cameras = tuple(replace(c, translation=c.translation * scale) for c in pair)
    return Found((cameras[0], cameras[1]), offset, float(np.nanmedian(residuals)), angle, variation)
