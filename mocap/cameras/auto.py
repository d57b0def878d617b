"""Cameras without a calibration: from one performer's own motion.

The clocks come from how joints rise and fall, the poses from the epipolar constraint and a bundle
adjustment, the scale from the performer's height, gravity from upright standing. What the take
cannot tell is refused in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.cameras.bundle import Bundle, adjusted
from mocap.cameras.checks import FITS, USUAL_DEPTH, WRONG, moves_at
from mocap.cameras.offsets import JOINTS, SHORTEST_OVERLAP, candidates, liveliness
from mocap.cameras.relative import JointRays, Relation, exchanged, fitted, guess
from mocap.cameras.take import least_noise, matched
from mocap.cameras.triangulate import Triangulated, triangulate
from mocap.cameras.views import CameraSet, View, upright
from mocap.cameras.world import find_up, size_of
from mocap.core.camera import Camera, fit_translation
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.errors import InputError
from mocap.solve.evidence import weigh
from mocap.solve.size import DETECTOR_SMALL, HUMANOID_HEIGHT
from mocap.solve.swaps import unswap

_HIPS = [LANDMARKS.index("left_hip"), LANDMARKS.index("right_hip")]
_FEET = [LANDMARKS.index(f"{s}_{n}") for s in ("left", "right") for n in ("heel", "foot_index")]
_STILL = 0.02  # body sizes a second: joints that move less tell nothing
_TRIED = 3  # offsets whose bundles are compared
_NEAR = 2.5  # times the least cost: offsets up to there are compared by their bundles
_SAME = 0.1  # seconds between offsets that are one
_AMBIGUOUS = 1.08  # times the least cost: another offset explains the take as well
_OTHER = 0.6  # of the cost: exchanged sides explain the take clearly better
# What is refused: one deviation of rotation and direction (radians) and offset (s); errors in the
# picture and of bones (m); and the sine of the least angle between two cameras' views.
_ROTATION, _DIRECTION, _OFFSET = np.radians(5.0), np.radians(9.0), 0.02
_ERROR, _BONES = 0.03, 0.04
_PARALLEL = np.sin(np.radians(12.0))


@dataclass(frozen=True, eq=False, slots=True)
class Calibrated:
    """Cameras that were found from the motion, and how sure they are.

    Attributes:
        cameras: In mocap's world (+Y up, metres, the floor at y = 0), with the clocks' offsets.
        rotation: One deviation of a camera's rotation, radians.
        direction: One deviation of the direction from one camera to another, radians.
        offset: One deviation of the clocks' offsets, seconds.
        error: Median distance between image points and reprojections, pixels.
        angles: (C, C) between the cameras' directions to the performer, radians.
        told_height: Whether the scale comes from a height that was given.
    """

    cameras: CameraSet
    rotation: float
    direction: float
    offset: float
    error: float
    angles: Float[ndarray, "cameras cameras"]
    told_height: bool


def calibrate(
    takes: Sequence[Keypoints], height: float | None = None, names: Sequence[str] | None = None
) -> Calibrated:
    """Find where the cameras of one performance stood, and how their clocks differ.

    Args:
        takes: One view's keypoints a camera, with what is known of its focal length.
        height: The performer's height, metres; None for what the detector thinks.
        names: What to call the views; by default by number.

    Returns:
        The cameras, the first one's clock being everyone's, and how sure they are.

    Raises:
        InputError: The take cannot tell: too little is shared, too little moves, several offsets
            explain it, the views contradict each other, or a camera moves. Says which.
    """
    names = list(names) if names is not None else [f"camera {n + 1}" for n in range(len(takes))]
    if len(takes) < 2:
        raise InputError("Cameras are found from at least two views of one performance.")
    views = [weigh(unswap(t))[0] for t in takes]
    tracks = [JointRays.of(v) for v in views]
    depth = float(np.median([_distance(v) for v in views]))
    first = Relation(np.eye(3), np.zeros(3), 0.0, 0.0)
    others = [_related(views, tracks, k, depth, names) for k in range(1, len(views))]
    relations = [first, *others]
    bundle = adjusted(tracks, relations, depth, [v.camera.source for v in views])
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
        angles, height is not None,
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
    """View k against the first: the best of the likeliest offsets."""
    pair = f"{names[0]} and {names[k]}"
    if min(liveliness(views[0]), liveliness(views[k])) < _STILL:
        raise InputError(
            f"The performer hardly moves in {pair}: walk about, turn, and move arms and legs for "
            "some seconds."
        )
    starts, _ = candidates(views[0], views[k])
    if not len(starts):
        raise InputError(
            f"{pair} hardly share anything: they need {SHORTEST_OVERLAP} s in which both see the "
            "performer."
        )
    found = _distinct(_fits(views[0], views[k], starts, depth))
    if not found:
        raise InputError(f"{pair} never see the performer at the same time.")
    best = found[0]
    _refuse_exchanged(views[0], views[k], best, depth, names[k])
    at = moves_at(tracks[0], tracks[k], best, depth)
    if at is not None:
        raise InputError(
            f"The camera of {names[0]} or of {names[k]} moves at about {at:.1f} s: two places "
            "explain the take, one does not. Keep the cameras still, or cut the take there."
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
    bundles = [adjusted([tracks[0], tracks[k]], [first, r], depth, sources) for r in rivals]
    order = np.argsort([b.cost for b in bundles])
    best_bundle, second = bundles[order[0]], bundles[order[1]]
    chosen, other = best_bundle.relations[1], second.relations[1]
    apart = abs(chosen.offset - other.offset)
    if apart > _SAME and second.cost < _AMBIGUOUS * best_bundle.cost:
        raise InputError(
            f"The motion repeats itself: {names[k]} may begin {chosen.offset:.2f} s or "
            f"{other.offset:.2f} s after {names[0]}. Clap or jump once, so that the clocks can be "
            "told."
        )
    return chosen


def _fits(a: Keypoints, b: Keypoints, offsets: ndarray, depth: float) -> list[Relation]:
    starts = [guess(a, b, float(o)) for o in offsets]
    tracks = JointRays.of(a), JointRays.of(b)
    return [fitted(*tracks, s, depth) for s in starts if s is not None]


def _distinct(found: Sequence[Relation]) -> list[Relation]:
    """By cost, without those whose offset a better one has."""
    out: list[Relation] = []
    for relation in sorted(found, key=lambda r: r.cost):
        if all(abs(relation.offset - r.offset) > _SAME for r in out):
            out.append(relation)
    return out


def _refuse_exchanged(a: Keypoints, b: Keypoints, best: Relation, depth: float, name: str) -> None:
    """Raise if view b makes more sense mirrored, or with left and right exchanged."""
    tried = []
    for other, what in (
        (b.mirror(), "is mirrored, as selfie videos are: mirror it back"),
        (exchanged(b), "has left and right exchanged: the detector took front for back"),
    ):
        offsets, _ = candidates(a, other)
        found = _fits(a, other, np.append(offsets[:1], best.offset), depth)
        tried += [(r.cost, what) for r in found]
    cost, what = min(tried, default=(1.0, ""))
    if cost < _OTHER * best.cost:
        raise InputError(f"{name} {what}.")


def _refuse(bundle: Bundle) -> None:
    if bundle.error > _ERROR or bundle.bones > _BONES:
        raise InputError(
            "The views contradict each other: the performer's joints are off by "
            f"{100 * bundle.error:.0f} cm and the bones' lengths vary by {100 * bundle.bones:.0f} "
            "cm. Check that they show the same person, and that no camera moves."
        )
    unsure = [
        text
        for value, most, text in (
            (bundle.rotation, _ROTATION, f"the rotation to {np.degrees(bundle.rotation):.0f}°"),
            (bundle.direction, _DIRECTION, f"the place to {np.degrees(bundle.direction):.0f}°"),
            (bundle.offset, _OFFSET, f"the clocks to {1000 * bundle.offset:.0f} ms"),
        )
        if not value <= most
    ]
    if unsure:
        raise InputError(
            f"This take tells {' and '.join(unsure)} only: walk about, turn, and move arms and "
            "legs for some seconds, seen by all cameras from head to feet."
        )


def _as_cameras(views: Sequence[Keypoints], bundle: Bundle, names: Sequence[str]) -> CameraSet:
    """The cameras in the axes of the first."""
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
    _, same, _ = matched(views, cameras)
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
    """Metres of one unit: by the height, or by the detectors' metric bodies."""
    size = size_of(found.points[:, JOINTS])
    if height is not None:
        return height / (HUMANOID_HEIGHT * size)
    own = [size_of(v.positions[:, JOINTS]) for v in views]
    return DETECTOR_SMALL * float(np.nanmedian(own)) / size


def _on_floor(cameras: CameraSet, found: Triangulated) -> CameraSet:
    """The cameras in a world whose origin is below the performer's first place, on the floor."""
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
