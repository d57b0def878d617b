"""Check videos against a calibration: their clocks, their order, and cameras that moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, permutations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.cameras.image_sizes import in_calibrated_pixels
from mocap.cameras.offsets import JOINTS, likely_offsets
from mocap.cameras.relative import (
    BODY_SIGMA,
    JointRays,
    Relation,
    fit_epipolar,
    geman_mcclure,
    sampson,
    shared_times,
)
from mocap.cameras.views import CameraSet, View
from mocap.core.keypoints import Keypoints
from mocap.errors import InputError

USUAL_DEPTH = 4.0
"""Assumed distance of the performer, metres, where a fit only needs its order of magnitude."""
FITS, WRONG = 0.15, 0.35
"""Costs of epipolar fits (`geman_mcclure`). Below the first, views agree within the detector's
errors (0.03 to 0.08 on rendered clips). Above the second, they do not show the same performance
(0.35 and more at a wrong offset)."""
# Factors on the cost: another order is accepted below the first; a camera has moved if two poses
# reach a cost below the second.
_BETTER, _MOVED = 0.6, 0.7
# Factor on the lowest cost up to which the calibration's own offset is kept.
_TOGETHER = 1.2
_FINEST = 0.0005  # resolution of offsets, seconds
_MOST_ORDERS = 5  # largest number of cameras of which all orders are tried
_SPLITS = 7  # number of times at which a take is split to find a camera that moved
_SHORTEST = 1.0  # shortest part of a take that is judged, seconds


def track_in(view: View, keypoints: Keypoints) -> JointRays:
    """Return the viewing rays of a view's joints, with the calibrated lens."""
    slopes = view.normalized(keypoints.image[:, JOINTS])
    seen = np.isfinite(slopes).all(axis=-1)
    weights = np.where(seen, np.nan_to_num(keypoints.confidence[:, JOINTS]), 0.0)
    return JointRays(keypoints.times, slopes, weights)


def _relation(a: View, b: View, offset: float = 0.0) -> Relation:
    turn = b.rotation @ a.rotation.T
    return Relation(turn, b.translation - turn @ a.translation, offset, 1.0)


def epipolar_costs(
    a: JointRays, b: JointRays, relation: Relation
) -> tuple[Float[ndarray, "n"], ndarray]:
    """Return the cost of the epipolar constraint at each shared time.

    Args:
        a: Joints of the first view.
        b: Joints of the second view.
        relation: The second camera's relation to the first one.

    Returns:
        Costs in [0, 1] (`geman_mcclure`), and the times, seconds.
    """
    times = shared_times(a, b, relation.offset)
    if not len(times):
        return np.zeros(0), times
    x, wx = a.at(times)
    y, wy = b.at(times - relation.offset)
    off = sampson(relation.rotation, relation.translation, x, y) * USUAL_DEPTH / BODY_SIGMA
    weight = wx * wy
    total = weight.sum(axis=1)
    seen = total > 0.0
    return (weight * geman_mcclure(off)).sum(axis=1)[seen] / total[seen], times[seen]


def _cost(a: JointRays, b: JointRays, relation: Relation) -> float:
    cost, times = epipolar_costs(a, b, relation)
    enough = len(times) > 0 and times[-1] - times[0] >= _SHORTEST
    return float(cost.mean()) if enough else 1.0


def check_videos(takes: Sequence[Keypoints], cameras: CameraSet, names: Sequence[str]) -> CameraSet:
    """Check that videos agree with a calibration, and find the offsets of their clocks.

    The calibration's offsets are kept where they fit; others are found from the motion.

    Args:
        takes: The keypoints of each camera.
        cameras: The calibration.
        names: Names of the videos for errors.

    Returns:
        The calibration with clock offsets.

    Raises:
        InputError: The videos are in another order or show another performance, or a camera moves.
    """
    takes = in_calibrated_pixels(takes, cameras)
    cameras = synchronised(takes, cameras)
    check_order(takes, cameras, names)
    check_still(takes, cameras, names)
    return cameras


def in_best_order(
    takes: Sequence[Keypoints], cameras: CameraSet, names: Sequence[str]
) -> tuple[list[int], CameraSet]:
    """Find which take each camera of a calibration made, and the offsets of their clocks.

    Args:
        takes: One take for each camera, in any order.
        cameras: The calibration.
        names: Names of the takes for errors.

    Returns:
        The index of each camera's take, and the calibration with clock offsets.

    Raises:
        InputError: The takes fit the calibration in no order, or a camera moves.
    """
    if len(takes) > _MOST_ORDERS:
        return list(range(len(takes))), check_videos(takes, cameras, names)
    tried = []
    problem: InputError | None = None
    for order in permutations(range(len(takes))):
        try:
            own = in_calibrated_pixels([takes[k] for k in order], cameras)
        except InputError as error:  # this order gives a camera a picture of another shape
            problem = error
            continue
        timed = synchronised(own, cameras)
        tracks = [track_in(v, t) for v, t in zip(cameras.views, own, strict=True)]
        tried.append((_disagreement(tracks, timed), order, timed))
    if not tried:
        assert problem is not None
        raise problem
    _, order, timed = min(tried, key=lambda one: one[0])
    own = in_calibrated_pixels([takes[k] for k in order], cameras)
    check_order(own, timed, [names[k] for k in order])
    check_still(own, timed, [names[k] for k in order])
    return list(order), timed


def _disagreement(tracks: Sequence[JointRays], cameras: CameraSet) -> float:
    """Return the mean epipolar cost over all pairs of views."""
    offsets = np.asarray(cameras.offsets)
    return float(np.mean([
        _cost(
            tracks[m],
            tracks[n],
            _relation(cameras.views[m], cameras.views[n], offsets[n] - offsets[m]),
        )
        for m, n in combinations(range(len(tracks)), 2)
    ]))  # fmt: skip


def synchronised(takes: Sequence[Keypoints], cameras: CameraSet) -> CameraSet:
    """Return the calibration with clock offsets found from the motion.

    Args:
        takes: The keypoints of each camera.
        cameras: A calibration. Its own offsets (0 without any) are kept where they fit as well.
    """
    known = np.zeros(len(takes)) if cameras.offsets is None else cameras.offsets
    tracks = [track_in(v, t) for v, t in zip(cameras.views, takes, strict=True)]
    found = [0.0]
    for k in range(1, len(takes)):
        starts, _ = likely_offsets(takes[0], takes[k])
        own = float(known[k] - known[0])
        tried = [own, *starts.tolist()]
        pose = _relation(cameras.views[0], cameras.views[k])
        best = min(
            (_finest(tracks[0], tracks[k], replace(pose, offset=o)) for o in tried),
            key=lambda r: r.cost,
        )
        together = _cost(tracks[0], tracks[k], replace(pose, offset=own))
        found.append(own if together <= _TOGETHER * best.cost else best.offset)
    return replace(cameras, offsets=np.array(found))


def _finest(a: JointRays, b: JointRays, start: Relation) -> Relation:
    """Return the relation with the offset of lowest cost near its own (step-halving search)."""
    step, best = 0.04, replace(start, cost=_cost(a, b, start))
    while step > _FINEST:
        near = [replace(best, offset=best.offset + s) for s in (-step, step)]
        better = min((replace(r, cost=_cost(a, b, r)) for r in near), key=lambda r: r.cost)
        if better.cost < best.cost:
            best = better
        else:
            step *= 0.5
    return best


def check_order(takes: Sequence[Keypoints], cameras: CameraSet, names: Sequence[str]) -> None:
    """Check that the videos are in the order of the calibration's cameras.

    Args:
        takes: The keypoints of each camera.
        cameras: The calibration, with clock offsets.
        names: Names of the videos for errors.

    Raises:
        InputError: The videos fit the cameras in another order, or not at all.
    """
    count = len(takes)
    offsets = np.zeros(count) if cameras.offsets is None else cameras.offsets
    costs = np.zeros((count, count, count, count))  # video, its camera, other video, its camera
    tracks = [[track_in(v, t) for v in cameras.views] for t in takes]
    for m, n in combinations(range(count), 2):
        for i, j in permutations(range(count), 2):
            pose = _relation(cameras.views[i], cameras.views[j], offsets[n] - offsets[m])
            costs[m, i, n, j] = costs[n, j, m, i] = _cost(tracks[m][i], tracks[n][j], pose)

    def of(order: Sequence[int]) -> float:
        pairs = combinations(range(count), 2)
        return float(np.mean([costs[m, order[m], n, order[n]] for m, n in pairs]))

    given = of(range(count))
    if given < FITS:
        return
    if count <= _MOST_ORDERS:
        best = min(permutations(range(count)), key=of)
        if of(best) < _BETTER * given:
            right = [names[best.index(c)] for c in range(count)]
            raise InputError(
                f"The videos fit the calibration in another order: {', '.join(right)} for the "
                f"cameras {', '.join(v.name for v in cameras.views)}. Give them in that order."
            )
    if given > WRONG:
        raise InputError(
            "The videos do not agree with this calibration: check that they show the same "
            "performance, in the order of its cameras "
            f"({', '.join(v.name for v in cameras.views)}), and that no camera was moved since."
        )


def check_still(takes: Sequence[Keypoints], cameras: CameraSet, names: Sequence[str]) -> None:
    """Check that no camera moves during the take.

    A camera that moved disagrees with all others before or after that time.

    Args:
        takes: The keypoints of each camera.
        cameras: The calibration, with clock offsets.
        names: Names of the cameras for errors.

    Raises:
        InputError: A camera moves; the message says when and, if the views show it, which.
    """
    offsets = np.zeros(len(takes)) if cameras.offsets is None else cameras.offsets
    tracks = [track_in(v, t) for v, t in zip(cameras.views, takes, strict=True)]
    jumps: list[tuple[float, float, tuple[int, int]]] = []
    for m, n in combinations(range(len(takes)), 2):
        pose = _relation(cameras.views[m], cameras.views[n], offsets[n] - offsets[m])
        cost, times = epipolar_costs(tracks[m], tracks[n], pose)
        at = _step(cost, times)
        jumps.append((0.0 if at is None else 1.0, 0.0 if at is None else at, (m, n)))
    broken = [pair for jump, _, pair in jumps if jump]
    if not broken:
        return
    when = float(np.median([at for jump, at, _ in jumps if jump]))
    counts = [sum(k in pair for pair in broken) for k in range(len(takes))]
    worst = [k for k in range(len(takes)) if counts[k] == max(counts)]
    which = names[worst[0]] if len(worst) == 1 else " or ".join(names[k] for k in worst)
    raise InputError(
        f"The camera of {which} moves at about {when:.1f} s: with this calibration its view "
        "agrees with the others only before or after. Keep the cameras still, or cut there."
    )


def _step(cost: ndarray, times: ndarray) -> float | None:
    """Return the time at which views begin to disagree, or to agree; None if they never do."""
    if len(times) < 4:
        return None
    best, found = 0.0, None
    for at in np.linspace(times[0], times[-1], 4 * _SPLITS)[1:-1]:
        before, after = cost[times < at], cost[times >= at]
        if min(at - times[0], times[-1] - at) < 0.5 * _SHORTEST or not len(before) * len(after):
            continue
        low, high = sorted((float(np.median(before)), float(np.median(after))))
        contrast = high - low
        if low < FITS and high > max(2.0 * FITS, 2.5 * low) and contrast > best:
            best, found = contrast, float(at)
    return found


def movement_time(a: JointRays, b: JointRays, whole: Relation, depth: float) -> float | None:
    """Return the time at which one of two uncalibrated cameras moves; None if neither does.

    A camera has moved if two poses, one before and one after a time, fit much better than one.

    Args:
        a: Joints of the first view.
        b: Joints of the second view.
        whole: The relation that fits the whole take.
        depth: Distance of the performer, in the detector's metres.
    """
    begin = max(a.times[0], b.times[0] + whole.offset)
    end = min(a.times[-1], b.times[-1] + whole.offset)
    best, found = _MOVED * whole.cost, None
    for at in np.linspace(begin, end, _SPLITS + 2)[1:-1]:
        if min(at - begin, end - at) < _SHORTEST:
            continue
        parts = [fit_epipolar(_between(a, *s), b, whole, depth, False)
                 for s in ((begin, at), (at, end))]  # fmt: skip
        share = (at - begin) / (end - begin)
        cost = share * parts[0].cost + (1.0 - share) * parts[1].cost
        if cost < best:
            best, found = cost, float(at)
    return found


def _between(track: JointRays, begin: float, end: float) -> JointRays:
    which = (track.times >= begin) & (track.times <= end)
    return JointRays(track.times[which], track.slopes[which], track.weights[which])
