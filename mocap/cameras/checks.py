"""Whether videos go with a calibration: their clocks, their order, and cameras that moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, permutations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.cameras.offsets import JOINTS, candidates
from mocap.cameras.relative import BODY_SIGMA, JointRays, Relation, bounded, fitted, sampson, shared
from mocap.cameras.sizes import in_sizes
from mocap.cameras.views import CameraSet, View
from mocap.core.keypoints import Keypoints
from mocap.errors import InputError

USUAL_DEPTH = 4.0
"""Metres to the performer, where a fit needs an idea of it."""
FITS, WRONG = 0.15, 0.35
"""Bounded costs of epipolar fits: below the first views agree as detectors do (0.03 to 0.08 on
rendered clips), above the second they do not show the same (0.35 and more at a wrong offset)."""
_BETTER = 0.6  # of the cost: another explanation is clearly better
_TOGETHER = 1.2  # times the least cost: clocks that agree already are left alone
_MOVED = 0.7  # of the cost: two places explain the take, one does not
_FINEST = 0.0005  # seconds
_MOST_ORDERS = 5  # cameras whose orders are all tried
_SPLITS = 7
_SHORTEST = 1.0  # seconds of each part of a take in which a camera stood still


def track_in(view: View, keypoints: Keypoints) -> JointRays:
    """Return the joints of a view by its calibrated lens."""
    slopes = view.normalized(keypoints.image[:, JOINTS])
    seen = np.isfinite(slopes).all(axis=-1)
    weights = np.where(seen, np.nan_to_num(keypoints.confidence[:, JOINTS]), 0.0)
    return JointRays(keypoints.times, slopes, weights)


def _relation(a: View, b: View, offset: float = 0.0) -> Relation:
    turn = b.rotation @ a.rotation.T
    return Relation(turn, b.translation - turn @ a.translation, offset, 1.0)


def agreement(
    a: JointRays, b: JointRays, relation: Relation
) -> tuple[Float[ndarray, "n"], ndarray]:
    """Return the bounded cost (n,) of the epipolar constraint at the shared times, and these times.

    Args:
        a: Joints of the first view.
        b: Joints of the second view.
        relation: The second camera against the first.
    """
    times = shared(a, b, relation.offset)
    if not len(times):
        return np.zeros(0), times
    x, wx = a.at(times)
    y, wy = b.at(times - relation.offset)
    off = sampson(relation.rotation, relation.translation, x, y) * USUAL_DEPTH / BODY_SIGMA
    weight = wx * wy
    total = weight.sum(axis=1)
    seen = total > 0.0
    return (weight * bounded(off)).sum(axis=1)[seen] / total[seen], times[seen]


def _cost(a: JointRays, b: JointRays, relation: Relation) -> float:
    cost, times = agreement(a, b, relation)
    enough = len(times) > 0 and times[-1] - times[0] >= _SHORTEST
    return float(cost.mean()) if enough else 1.0


def checked(takes: Sequence[Keypoints], cameras: CameraSet, names: Sequence[str]) -> CameraSet:
    """Return the calibration with the clocks' offsets, after checking that the videos go with it.

    Offsets that the calibration has are used where they fit; those of another take are found
    from the motion.

    Args:
        takes: One view's keypoints a camera.
        cameras: The calibration.
        names: What to call the videos.

    Raises:
        InputError: Another order, another performance, or a camera that moves.
    """
    takes = in_sizes(takes, cameras)
    cameras = synchronised(takes, cameras)
    check_order(takes, cameras, names)
    check_still(takes, cameras, names)
    return cameras


def synchronised(takes: Sequence[Keypoints], cameras: CameraSet) -> CameraSet:
    """Return the calibration with the offsets of the videos' clocks, found from the motion.

    Args:
        takes: One view's keypoints a camera.
        cameras: A calibration. Its own offsets, or none, are kept where they fit as well.

    Raises:
        InputError: The motion does not tell the offset of a video.
    """
    known = np.zeros(len(takes)) if cameras.offsets is None else cameras.offsets
    tracks = [track_in(v, t) for v, t in zip(cameras.views, takes, strict=True)]
    found = [0.0]
    for k in range(1, len(takes)):
        starts, _ = candidates(takes[0], takes[k])
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
    """The relation with the offset of the least cost near its own: a shrinking search."""
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
    """Check that the videos go with the cameras in this order.

    Args:
        takes: One view's keypoints a camera.
        cameras: The calibration, with the clocks' offsets.
        names: What to call the videos.

    Raises:
        InputError: They go with the cameras in another order, or not at all.
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
                f"The videos go with the calibration in another order: {', '.join(right)} for the "
                f"cameras {', '.join(v.name for v in cameras.views)}. Give them in that order."
            )
    if given > WRONG:
        raise InputError(
            "The videos do not agree by this calibration: check that they show the same "
            "performance, in the order of its cameras "
            f"({', '.join(v.name for v in cameras.views)}), and that no camera was moved since."
        )


def check_still(takes: Sequence[Keypoints], cameras: CameraSet, names: Sequence[str]) -> None:
    """Check that no camera moves during the take.

    A camera that is nudged disagrees with all others from then on, or until then.

    Args:
        takes: The views' keypoints.
        cameras: Their calibration.
        names: Names of the cameras, for the error.

    Raises:
        InputError: A camera moves; the message says which and when, as far as the views tell.
    """
    offsets = np.zeros(len(takes)) if cameras.offsets is None else cameras.offsets
    tracks = [track_in(v, t) for v, t in zip(cameras.views, takes, strict=True)]
    jumps: list[tuple[float, float, tuple[int, int]]] = []
    for m, n in combinations(range(len(takes)), 2):
        pose = _relation(cameras.views[m], cameras.views[n], offsets[n] - offsets[m])
        cost, times = agreement(tracks[m], tracks[n], pose)
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
        f"The camera of {which} moves at about {when:.1f} s: its view no longer agrees with the "
        "others by the calibration. Keep the cameras still, or cut the take there."
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


def moves_at(a: JointRays, b: JointRays, whole: Relation, depth: float) -> float | None:
    """Return when one of two uncalibrated cameras moves; None if neither does.

    A camera moves where two poses explain the take much better than one.

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
        parts = [fitted(_between(a, *s), b, whole, depth, False)
                 for s in ((begin, at), (at, end))]  # fmt: skip
        share = (at - begin) / (end - begin)
        cost = share * parts[0].cost + (1.0 - share) * parts[1].cost
        if cost < best:
            best, found = cost, float(at)
    return found


def _between(track: JointRays, begin: float, end: float) -> JointRays:
    which = (track.times >= begin) & (track.times <= end)
    return JointRays(track.times[which], track.slopes[which], track.weights[which])
