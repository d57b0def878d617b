"""Calibration of several cameras from one performer's motion, without a calibration file.

Clock offsets come from the vertical speeds of the joints, the poses from the epipolar constraint
and a bundle adjustment, the scale from the performer's height, and the up direction from upright
standing. If a take does not determine one of these, the error says which and what to film instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.cameras.bundle import Bundle, adjust_bundle
from mocap.cameras.checks import FITS, USUAL_DEPTH, WRONG, movement_time
from mocap.cameras.offsets import JOINTS, SHORTEST_OVERLAP, likely_offsets, motion_speed
from mocap.cameras.relative import (
    JointRays,
    Relation,
    fit_epipolar,
    pose_from_bodies,
    with_sides_exchanged,
)
from mocap.cameras.take import at_common_times, least_noise
from mocap.cameras.triangulate import Triangulated, triangulate
from mocap.cameras.views import CameraSet, View, upright
from mocap.cameras.world import body_scale, find_up
from mocap.core.camera import Camera, fit_translation
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.errors import InputError
from mocap.solve.evidence import weigh
from mocap.solve.size import DETECTOR_SMALL, HUMANOID_HEIGHT
from mocap.solve.swaps import unswap

_HIPS = [LANDMARKS.index("left_hip"), LANDMARKS.index("right_hip")]
_FEET = [LANDMARKS.index(f"{s}_{n}") for s in ("left", "right") for n in ("heel", "foot_index")]
_STILL = 0.02  # smallest speed of the joints, body sizes per second
_TRIED = 3  # largest number of offsets that are compared by bundle adjustment
# Factors on the lowest epipolar cost up to which an offset is compared, and on the lowest bundle
# cost up to which it explains the take as well.
_NEAR, _AMBIGUOUS = 2.5, 1.08
_SAME = 0.1  # seconds by which two offsets must differ to count as different
# Factor on the cost below which exchanged sides, or a mirrored picture, explain the take better.
_OTHER = 0.6
# Largest accepted standard deviations of rotation and direction (radians) and offset (s); largest
# accepted errors of joints and bone lengths (m); and the sine of the smallest accepted angle
# between two cameras' views.
_ROTATION, _DIRECTION, _OFFSET = np.radians(5.0), np.radians(9.0), 0.02
_ERROR, _BONES = 0.03, 0.04
_PARALLEL = np.sin(np.radians(12.0))


@dataclass(frozen=True, eq=False, slots=True)
class Calibrated:
    """Cameras found from the motion, and their accuracy.

    Attributes:
        cameras: Cameras in mocap's world (+Y up, metres, the floor at y = 0), with clock offsets.
        rotation: Standard deviation of a camera's rotation, radians.
        direction: Standard deviation of the direction from one camera to another, radians.
        offset: Standard deviation of the clock offsets, seconds.
        error: Median distance between image points and reprojections, pixels.
        angles: (C, C) angles between the cameras' directions to the performer, radians.
    """

    cameras: CameraSet
    rotation: float
    direction: float
    offset: float
    error: float
    angles: Float[ndarray, "cameras cameras"]


def calibrate(
    takes: Sequence[Keypoints], height: float | None = None, names: Sequence[str] | None = None
) -> Calibrated:
    """Find the poses and clock offsets of the cameras that filmed one performance.

    Args:
        takes: The keypoints of each camera, with the camera's focal length as far as known.
        height: The performer's height, metres; None uses the detector's metric landmarks.
        names: Names of the views for errors; by default "camera 1" and so on.

    Returns:
        The cameras, on the clock of the first one, and their accuracy.

    Raises:
        InputError: The take does not determine the cameras: the views share too little time, the
            performer moves too little, several offsets fit, the views contradict each other, or a
            camera moves. The message says which.
    """
    names = list(names) if names is not None else [f"camera {n + 1}" for n in range(len(takes))]
    if len(takes) < 2:
        raise InputError(
            f"Cameras are found from at least two views of one performance, not from {len(takes)}."
        )
    views = [weigh(unswap(t))[0] for t in takes]
    tracks = [JointRays.of(v) for v in views]
    depth = float(np.median([_distance(v) for v in views]))
    first = Relation(np.eye(3), np.zeros(3), 0.0, 0.0)
    others = [_related(views, tracks, k, depth, names) for k in range(1, len(views))]
    relations = [first, *others]
    bundle = adjust_bundle(tracks, relations, depth, [v.camera.source for v in views])
    _refuse(bundle)
    cameras = _as_cameras(views, bundle, names)
    found = _triangulated(views, cameras)
    angles = _angles(cameras.views, found.points)
    if np.sin(angles[np.triu_indices(len(views), 1)]).max() < _PARALLEL:
        raise InputError(
            "The cameras look in the same direction (or straight at each other) within "
            f"{np.degrees(np.arcsin(_PARALLEL)):.0f}°, which shows no depth: put them 60° to 90° "
            "apart around the performer."
        )
    scale = _scale(views, found, height)
    world = upright(cameras, find_up(found, cameras), scale)
    world = _on_floor(world, _triangulated(views, world))
    error = float(np.nanmedian(found.error[:, JOINTS]))
    return Calibrated(
        replace(world, error=error), bundle.rotation, bundle.direction, bundle.offset, error,
        angles,
    )  # fmt: skip


def _distance(view: Keypoints) -> float:
    place = fit_translation(view.positions, view.image, view.confidence, view.camera)
    depth = -place[np.isfinite(place[:, 2]), 2]
    return float(np.median(depth)) if len(depth) else USUAL_DEPTH


def _related(
    views: Sequence[Keypoints],
    tracks: Sequence[JointRays],
    k: int,
    depth: float,
    names: Sequence[str],
) -> Relation:
    """Return the relation of view k to the first, with the best of the likely offsets."""
    pair = f"{names[0]} and {names[k]}"
    if min(motion_speed(views[0]), motion_speed(views[k])) < _STILL:
        raise InputError(
            f"The performer hardly moves in {pair}: walk around, turn, and move arms and legs for "
            "some seconds."
        )
    starts, _ = likely_offsets(views[0], views[k])
    if not len(starts):
        raise InputError(
            f"{pair} share too little time: they need {SHORTEST_OVERLAP} s in which both see the "
            "performer."
        )
    found = _distinct(_fits(views[0], views[k], starts, depth))
    if not found:
        raise InputError(f"{pair} never see the performer at the same time.")
    best = found[0]
    _refuse_exchanged(views[0], views[k], best, depth, names[k])
    at = movement_time(tracks[0], tracks[k], best, depth)
    if at is not None:
        raise InputError(
            f"The camera of {names[0]} or of {names[k]} moves at about {at:.1f} s. Keep the "
            "cameras still, or cut the take there."
        )
    if best.cost > WRONG:
        raise InputError(
            f"{pair} contradict each other: check that they show the same performance at the same "
            "time."
        )
    rivals = [r for r in found[:_TRIED] if r.cost < max(_NEAR * best.cost, 0.5 * FITS)]
    if len(rivals) == 1:
        return best
    sources = [views[0].camera.source, views[k].camera.source]
    first = Relation(np.eye(3), np.zeros(3), 0.0, 0.0)
    bundles = [adjust_bundle([tracks[0], tracks[k]], [first, r], depth, sources) for r in rivals]
    order = np.argsort([b.cost for b in bundles])
    best_bundle, second = bundles[order[0]], bundles[order[1]]
    chosen, other = best_bundle.relations[1], second.relations[1]
    apart = abs(chosen.offset - other.offset)
    if apart > _SAME and second.cost < _AMBIGUOUS * best_bundle.cost:
        raise InputError(
            f"The motion repeats itself: {names[k]} may begin {chosen.offset:.2f} s or "
            f"{other.offset:.2f} s after {names[0]}. Clap or jump once, so that the clocks can be "
            "aligned."
        )
    return chosen


def _fits(a: Keypoints, b: Keypoints, offsets: ndarray, depth: float) -> list[Relation]:
    starts = [pose_from_bodies(a, b, float(o)) for o in offsets]
    tracks = JointRays.of(a), JointRays.of(b)
    return [fit_epipolar(*tracks, s, depth) for s in starts if s is not None]


def _distinct(found: Sequence[Relation]) -> list[Relation]:
    """Return the relations in order of cost, and of each offset only the best one."""
    out: list[Relation] = []
    for relation in sorted(found, key=lambda r: r.cost):
        if all(abs(relation.offset - r.offset) > _SAME for r in out):
            out.append(relation)
    return out


def _refuse_exchanged(a: Keypoints, b: Keypoints, best: Relation, depth: float, name: str) -> None:
    """Raise InputError if view b fits better mirrored, or with left and right exchanged."""
    tried = []
    for other, what in (
        (b.mirror(), "is mirrored, as selfie videos are: mirror it back"),
        (with_sides_exchanged(b), "has left and right exchanged: the detector took front for back"),
    ):
        offsets, _ = likely_offsets(a, other)
        found = _fits(a, other, np.append(offsets[:1], best.offset), depth)
        tried += [(r.cost, what) for r in found]
    cost, what = min(tried, default=(1.0, ""))
    if cost < _OTHER * best.cost:
        raise InputError(f"{name} {what}.")


def _refuse(bundle: Bundle) -> None:
    if bundle.error > _ERROR or bundle.bones > _BONES:
        raise InputError(
            "The views contradict each other: the performer's joints differ by "
            f"{100 * bundle.error:.0f} cm and the bones' lengths vary by {100 * bundle.bones:.0f} "
            "cm. Check that the views show the same person, and that no camera moves."
        )
    unsure = [
        text
        for value, most, text in (
            (bundle.rotation, _ROTATION, f"the rotation to {np.degrees(bundle.rotation):.0f}°"),
            (bundle.direction, _DIRECTION, f"the position to {np.degrees(bundle.direction):.0f}°"),
            (bundle.offset, _OFFSET, f"the clocks to {1000 * bundle.offset:.0f} ms"),
        )
        if not value <= most
    ]
    if unsure:
        raise InputError(
            f"This take determines {' and '.join(unsure)} only: walk around, turn, and move arms "
            "and legs for some seconds, with all cameras seeing the whole body."
        )


def _as_cameras(views: Sequence[Keypoints], bundle: Bundle, names: Sequence[str]) -> CameraSet:
    """Return the cameras in the axes of the first one."""
    out = []
    for view, relation, factor, name in zip(
        views, bundle.relations, bundle.focal, names, strict=True
    ):
        camera: Camera = view.camera
        matrix = np.diag([camera.focal * factor, camera.focal * factor, 1.0])
        matrix[:2, 2] = camera.centre
        out.append(
            View(name, camera.size, matrix, np.zeros(0), relation.rotation, relation.translation)
        )
    return CameraSet(tuple(out), offsets=np.array([r.offset for r in bundle.relations]))


def _triangulated(views: Sequence[Keypoints], cameras: CameraSet) -> Triangulated:
    _, same, _ = at_common_times(views, cameras)
    return triangulate(
        cameras.views,
        np.stack([v.image for v in same]),
        np.stack([v.confidence for v in same]),
        least_noise(same),
    )


def _angles(views: Sequence[View], points: ndarray) -> ndarray:
    hips = points[:, _HIPS].mean(axis=1)
    middle = np.nanmedian(hips, axis=0)
    to = np.stack([middle - v.centre for v in views])
    to = to / np.linalg.norm(to, axis=1, keepdims=True)
    return np.asarray(np.arccos(np.clip(to @ to.T, -1.0, 1.0)))


def _scale(views: Sequence[Keypoints], found: Triangulated, height: float | None) -> float:
    """Return the metres per unit, from the height or from the detector's metric landmarks."""
    size = body_scale(found.points[:, JOINTS])
    if height is not None:
        return height / (HUMANOID_HEIGHT * size)
    own = [body_scale(v.positions[:, JOINTS]) for v in views]
    return DETECTOR_SMALL * float(np.nanmedian(own)) / size


def _on_floor(cameras: CameraSet, found: Triangulated) -> CameraSet:
    """Return the cameras in a world whose origin is on the floor below the performer's start."""
    feet = np.nanquantile(found.points[:, _FEET, 1], 0.1) if np.isfinite(
        found.points[:, _FEET, 1]
    ).any() else 0.0  # fmt: skip
    hips = found.points[:, _HIPS].mean(axis=1)
    start = hips[np.isfinite(hips).all(axis=1)][0]
    origin = np.array([start[0], feet, start[2]])
    views = tuple(
        replace(v, translation=v.translation + v.rotation @ origin) for v in cameras.views
    )
    return replace(cameras, views=views)
