"""Who is who: the people of all frames of a take, joined to one track a person.

A detector yields the people of each frame in any order. First, sightings that follow each other
without doubt are joined to tracklets: a tracklet ends where its person is not seen, or where
another person could be meant. Then tracklets are linked over the whole take, all at once, by the
assignment of least cost over position, motion, size, pose and look. Hysteresis comes from that
order: near a crossing no decision is taken from single frames, only from what is known of the
tracklets before and after it.

Distances are in sizes of the person (the larger side of their landmarks' bounding box), so that
people near and far are treated alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from mocap.detect.people import extent, middle

# Seconds without a sighting after which a tracklet ends.
_UNSEEN = 0.25
# Deviations of one sighting from the last one: middle (sizes, and sizes a second unseen), pose
# (sizes), size (logarithm), look (Hellinger distance; 0.1 between two pictures of one person, 0.3
# and more between people who are dressed differently).
_PLACE, _SPEED, _POSE, _SIZE, _LOOK = 0.1, 0.8, 0.1, 0.12, 0.15
# Largest cost (sum of squared deviations) of a step, and by how much the second best must be worse:
# else the tracklets end there.
_STEP, _MARGIN = 6.0, 6.0
# Largest cost of a link, the cost of each second of its gap, and the longest gap, seconds.
_LINK, _GAP, _LONGEST = 16.0, 0.5, 12.0
_NEVER = 1e6
# Deviations saturate: one wrong measure must not exclude a link.
_MOST = 3.0
# Seconds over which speed and pose are taken at the end of a tracklet, and how long speed lasts.
_END, _GLIDE = 0.3, 1.0
# Sightings that speed is taken from, at least.
_LEAST = 4
# People are seen without a break for at least this long, seconds; the rest are errors.
_BRIEF = 0.3
# Two sightings of one frame closer than this, in sizes, are one person.
_TWICE = 0.08
# Bins of a look's colours, each of red, green and blue.
_BINS = 4


@dataclass(frozen=True, eq=False, slots=True)
class Sighting:
    """One person in one frame.

    Attributes:
        points: (33, 2) landmarks, pixels.
        confidence: Mean confidence of the landmarks, in [0, 1].
        look: (B,) histogram of the trunk's colours, with sum 1; None if unknown.
    """

    points: Float[ndarray, "33 2"]
    confidence: float = 1.0
    look: Float[ndarray, "bins"] | None = None


def look_of(
    image: UInt8[ndarray, "height width 3"], points: Float[ndarray, "33 2"]
) -> Float[ndarray, "bins"] | None:
    """Return the colours of a person's trunk and thighs; None if they are outside the picture.

    Args:
        image: (H, W, 3) uint8, RGB.
        points: (33, 2) landmarks, pixels.
    """
    left_shoulder, right_shoulder, left_hip, right_hip, left_knee, right_knee = points[
        [11, 12, 23, 24, 25, 26]
    ]
    share = np.linspace(0.15, 0.85, 8)[:, None, None]
    across = np.linspace(0.2, 0.8, 6)[None, :, None]
    tops = left_shoulder * (1 - across) + right_shoulder * across
    bottoms = left_hip * (1 - across) + right_hip * across
    trunk = tops * (1 - share) + bottoms * share
    thighs = np.concatenate(
        [hip * (1 - share) + knee * share for hip, knee in ((left_hip, left_knee),
                                                            (right_hip, right_knee))]
    )  # fmt: skip
    at = np.concatenate([trunk.reshape(-1, 2), thighs.reshape(-1, 2)])
    height, width = image.shape[:2]
    inside = (np.isfinite(at).all(axis=1) & (at >= 0).all(axis=1)) & (at < (width, height)).all(
        axis=1
    )
    if inside.mean() < 0.3:
        return None
    x, y = at[inside].astype(int).T
    # Each colour counts for the eight bins around it, so that a change of light changes little.
    at = image[y, x] * ((_BINS - 1) / 255.0)
    low = np.minimum(at.astype(int), _BINS - 2)
    share = at - low
    histogram = np.zeros((_BINS, _BINS, _BINS))
    for corner in np.ndindex(2, 2, 2):
        weight = np.where(corner, share, 1.0 - share).prod(axis=1)
        np.add.at(histogram, tuple((low + corner).T), weight)
    return np.asarray(histogram.ravel() / histogram.sum())


@dataclass(eq=False, slots=True)
class _Tracklet:
    """Sightings of one person in successive frames; `indices` are theirs in each frame."""

    times: list[float] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)

    def add(self, time: float, frame: int, index: int, sighting: Sighting) -> None:
        self.times.append(time)
        self.frames.append(frame)
        self.indices.append(index)
        self.sightings.append(sighting)

    def end(self, last: bool, whole: bool = True) -> _End:
        """Return what is known at the last or first sightings.

        Args:
            last: The last sightings, or the first.
            whole: Take the look of the whole tracklet, or of this end.
        """
        order = slice(None, None, -1) if last else slice(None)
        times = np.array(self.times[order])
        count = max(1, int((np.abs(times - times[0]) <= _END).sum()))
        points = np.array([s.points for s in self.sightings[order][:count]])
        middles = middle(points)
        velocity = None
        if count >= _LEAST:
            span = times[:count] - times[:count].mean()
            weight = max(float((span * span).sum()), 1e-9)
            velocity = (span[:, None] * (middles - middles.mean(axis=0))).sum(axis=0) / weight
        sizes = [extent(p) for p in points]
        seen = self.sightings if whole else self.sightings[order][:count]
        looks = [s.look for s in seen if s.look is not None]
        look = np.mean(looks, axis=0) if looks else None
        size = float(np.median(sizes))
        return _End(float(times[0]), middles[0], velocity, size, points[0], look)


@dataclass(frozen=True, eq=False, slots=True)
class _End:
    """One end of a tracklet.

    time: seconds. middle: pixels. velocity: pixels a second; None after too few sightings. size:
    pixels. points: (33, 2) pixels. look: of the whole tracklet.
    """

    time: float
    middle: ndarray
    velocity: ndarray | None
    size: float
    points: ndarray
    look: ndarray | None


def _cost(before: _End, after: _End) -> float:
    """Return the squared deviations between the end of a tracklet and the start of another."""
    gap = after.time - before.time
    size = min(before.size, after.size)
    # Where only one of the velocities is known it stands for both.
    known = [v for v in (before.velocity, after.velocity) if v is not None] or [np.zeros(2)]
    glide = min(gap, _GLIDE) * 0.5 * (known[0] + known[-1])
    off = before.middle + glide - after.middle
    place = float(np.linalg.norm(off)) / size / (_PLACE + _SPEED * min(gap, 1.5))
    change = (before.points - before.middle) - (after.points - after.middle)
    pose = float(np.linalg.norm(change, axis=1).mean())
    pose = pose / size / (_POSE + gap)
    scale = abs(np.log(after.size / before.size)) / (_SIZE + 0.15 * gap)
    deviations = [place, min(pose, _MOST), min(scale, _MOST)]
    if before.look is not None and after.look is not None:
        distance = np.linalg.norm(np.sqrt(before.look) - np.sqrt(after.look)) / np.sqrt(2.0)
        deviations.append(min(float(distance) / _LOOK, _MOST))
    return float(np.square(deviations).sum())


def identify(
    times: Sequence[float], frames: Sequence[Sequence[Sighting]], most: int | None = None
) -> list[dict[int, int]]:
    """Return the people of a take.

    Args:
        times: (F,) seconds, increasing.
        frames: The sightings of each frame, in any order.
        most: The largest number of people; those seen longest are kept. None for all.

    Returns:
        For each person the index of their sighting in each frame that shows them. People are
        ordered by the second in which they are first seen, and from left to right.
    """
    tracklets = _tracklets(times, [_once(sightings) for sightings in frames])
    chains = _chains(tracklets)
    # A person is seen for a while without a break; chains of single sightings are errors.
    longest = max((len(t.frames) for t in tracklets), default=0)
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    least = min(_BRIEF / step, longest)
    chains = [c for c in chains if max(len(t.frames) for t in c) >= least]
    people = [{f: i for t in c for f, i in zip(t.frames, t.indices, strict=True)} for c in chains]
    people = sorted(people, key=len, reverse=True)[:most]

    def first_seen(person: dict[int, int]) -> tuple[int, float]:
        frame = min(person)
        left = float(middle(frames[frame][person[frame]].points)[0])
        return int(times[frame] - times[0]), left

    return sorted(people, key=first_seen)


def _once(sightings: Sequence[Sighting]) -> list[tuple[int, Sighting]]:
    """Return the sightings with their indices, of two of the same person the more certain one."""
    kept: list[tuple[int, Sighting]] = []
    for index in np.argsort([-s.confidence for s in sightings], kind="stable").tolist():
        points = sightings[index].points
        if not np.isfinite(points).all():
            continue
        limit = _TWICE * extent(points)
        if all(np.linalg.norm(points - o.points, axis=1).mean() > limit for _, o in kept):
            kept.append((index, sightings[index]))
    return kept


def _tracklets(
    times: Sequence[float], frames: Sequence[list[tuple[int, Sighting]]]
) -> list[_Tracklet]:
    """Return the tracklets: steps from frame to frame that are beyond doubt."""
    done: list[_Tracklet] = []
    going: list[_Tracklet] = []
    for frame, (time, sightings) in enumerate(zip(times, frames, strict=True)):
        done += [t for t in going if time - t.times[-1] > _UNSEEN]
        going = [t for t in going if time - t.times[-1] <= _UNSEEN]
        new = []
        for index, sighting in sightings:
            started = _Tracklet()
            started.add(time, frame, index, sighting)
            new.append(started)
        ends = [t.end(last=True, whole=False) for t in going]
        starts = [t.end(last=False) for t in new]
        costs = np.array([[_cost(a, b) for b in starts] for a in ends]).reshape(
            len(going), len(new)
        )
        for row, column in _certain(costs):
            going[row].add(time, frame, *sightings[column])
            new[column] = going[row]
        # A tracklet whose next step is in doubt ends here, and another one begins.
        continued = {id(t) for t in new}
        doubtful = [
            t
            for row, t in enumerate(going)
            if id(t) not in continued and len(new) and costs[row].min() < _STEP
        ]
        done += doubtful
        ended = {id(t) for t in doubtful}
        going = [t for t in going if id(t) not in continued and id(t) not in ended] + new
    return done + going


def _certain(costs: Float[ndarray, "before after"]) -> list[tuple[int, int]]:
    """Return the pairs of least cost that have no rival: no other costs nearly as little."""
    pairs = []
    for row in range(costs.shape[0]):
        column = int(costs[row].argmin()) if costs.shape[1] else -1
        if column < 0 or costs[row, column] > _STEP:
            continue
        rivals = np.concatenate([np.delete(costs[row], column), np.delete(costs[:, column], row)])
        if rivals.min(initial=np.inf) >= costs[row, column] + _MARGIN:
            pairs.append((row, column))
    return pairs


def _chains(tracklets: list[_Tracklet]) -> list[list[_Tracklet]]:
    """Link the tracklets of each person, by the assignment of least cost over the whole take."""
    from scipy.optimize import linear_sum_assignment

    tracklets = sorted(tracklets, key=lambda t: t.times[0])
    ends = [t.end(last=True) for t in tracklets]
    starts = [t.end(last=False) for t in tracklets]
    n = len(tracklets)
    # The right half: a tracklet that no other follows.
    costs = np.full((n, 2 * n), _LINK)
    costs[:, :n] = _NEVER
    for a, end in enumerate(ends):
        for b, start in enumerate(starts):
            gap = start.time - end.time
            if 0.0 < gap <= _LONGEST:
                costs[a, b] = min(_cost(end, start) + _GAP * gap, _NEVER)
    rows, columns = linear_sum_assignment(costs)
    follower = {int(a): int(b) for a, b in zip(rows, columns, strict=True) if b < n}
    follower = {a: b for a, b in follower.items() if costs[a, b] < _NEVER}
    followed = set(follower.values())
    chains = []
    for first in range(n):
        if first in followed:
            continue
        chain, at = [tracklets[first]], first
        while at in follower:
            at = follower[at]
            chain.append(tracklets[at])
        chains.append(chain)
    return chains
