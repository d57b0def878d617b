"""Who is who: the people of all frames of a take, joined to one track a person.

A detector yields the people of each frame in any order. First, sightings that follow each other
without doubt are joined to tracklets: a tracklet ends where its person is not seen, or where
another person could be meant. Then tracklets are linked over the whole take, all at once, by the
assignment of least cost over position, motion, size, pose, look and the detector's own tracks.
Hysteresis comes from that order: near a crossing no decision is taken from single frames, only from
what is known of the tracklets before and after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.detect.people import extent, is_double, middle
from mocap.detect.sightings import (
    OTHER_TRACK,
    Sighting,
    TrackEnd,
    deviation,
    look_distance,
    mean_look,
)

# Seconds without a sighting after which a tracklet ends.
_UNSEEN = 0.25
# Largest cost (sum of squared deviations) of a step, and by how much the second best must be worse:
# else the tracklets end there. People who are alone, as they rise fast, may deviate as in a link.
_STEP, _MARGIN = 6.0, 6.0
# Largest cost of a link, the cost of each second of its gap, and the longest gap, seconds.
_LINK, _GAP, _LONGEST = 16.0, 0.5, 12.0
_NEVER = 1e6
# Seconds over which speed and pose are taken at the end of a tracklet.
_END = 0.3
# Sightings that speed is taken from, at least.
_LEAST = 4
# Tracklets of at least this length, seconds, are linked first.
_CORE = 0.25
# Largest cost at which a sighting within a gap is a person's, and for how long beyond the first and
# the last tracklet, seconds.
_FILL, _BEYOND = 10.0, 0.5
# A place between two tracklets is known better than one beyond them, by this factor of time.
_BETWEEN = 0.4
# Two people are close if the middles of their trunks are within this part of their size, and are
# dressed differently if their looks differ by more.
_CLOSE, _TELLING = 0.45, 0.3
# People are seen without a break for at least this long, seconds; the rest are errors.
_BRIEF = 0.3


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

    def end(self, last: bool, whole: bool = True) -> TrackEnd:
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
        sizes = [extent(p) for p in points[:_LEAST]]
        seen = self.sightings if whole else self.sightings[order][:count]
        look = mean_look([s.look for s in seen if s.look is not None])
        size = float(np.median(sizes))
        track = self.sightings[order][0].track
        return TrackEnd(float(times[0]), middles[0], velocity, size, points[0], look, track)


class _Tracks:
    """When the detector's tracks begin and end, seconds."""

    def __init__(
        self, times: Sequence[float], frames: Sequence[Sequence[tuple[int, Sighting]]]
    ) -> None:
        self._first: dict[int, float] = {}
        self._last: dict[int, float] = {}
        for time, sightings in zip(times, frames, strict=True):
            for _, sighting in sightings:
                if sighting.track is not None:
                    self._first.setdefault(sighting.track, time)
                    self._last[sighting.track] = time

    def cost(self, before: TrackEnd, after: TrackEnd) -> float:
        """Return the cost of a step to another track than that of the person.

        A step to a track that begins later, from one that has ended, costs nothing.
        """
        if before.track is None or after.track is None or before.track == after.track:
            return 0.0
        begun = self._first[after.track] <= before.time
        goes_on = self._last[before.track] >= after.time
        return OTHER_TRACK if begun or goes_on else 0.0


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
    kept = [_once(sightings) for sightings in frames]
    tracklets = _tracklets(times, kept)
    # Short tracklets lie within crossings, where looks and motions mislead: people are linked by
    # the others alone.
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    longest = max((len(t.frames) for t in tracklets), default=0)
    cores = [t for t in tracklets if len(t.frames) >= min(_CORE / step, longest)]
    tracks = _Tracks(times, kept)
    chains = _chains(cores, tracks)
    # A person is seen for a while without a break; chains of single sightings are errors.
    least = min(_BRIEF / step, longest)
    chains = [c for c in chains if max(len(t.frames) for t in c) >= least]
    chains = sorted(chains, key=lambda c: -sum(len(t.frames) for t in c))[:most]
    people = _filled(times, kept, chains, tracks)

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
        sure = sightings[index].confidence
        if not any(is_double(points, sure, o.points, o.confidence) for _, o in kept):
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
        costs = np.array([[deviation(a, b) for b in starts] for a in ends]).reshape(
            len(going), len(new)
        )
        limits = [_LINK if _is_lone(s, sightings) else _STEP for _, s in sightings]
        for row, column in _certain(costs, np.array(limits)):
            going[row].add(time, frame, *sightings[column])
            new[column] = going[row]
        _cut(time, frame, going, new, dict(sightings))
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


def _cut(
    time: float, frame: int, going: list[_Tracklet], new: list[_Tracklet],
    sightings: dict[int, Sighting],
) -> None:  # fmt: skip
    """Cut the tracklets beside which another one ends or begins, in place in `new`.

    Of two close people one of whom is not seen, the other's tracklet may be either's; only clothes
    tell at once.
    """
    before = {id(t): t for t in going}
    now = {id(t) for t in new}
    ended = [t for t in going if id(t) not in now and time - t.times[-1] <= 1.5 * _gap(t, time)]
    begun = [t for t in new if id(t) not in before]
    for n, tracklet in enumerate(new):
        if id(tracklet) not in before or len(tracklet.frames) < 2:
            continue
        own = sightings[tracklet.indices[-1]]
        last = tracklet.sightings[-2]
        others = [t.sightings[-1] for t in ended] + [t.sightings[0] for t in begun]
        if any(_close(own, other) and not _told(last, own, other) for other in others):
            index = tracklet.indices.pop()
            tracklet.times.pop(), tracklet.frames.pop(), tracklet.sightings.pop()
            new[n] = _Tracklet()
            new[n].add(time, frame, index, own)


def _gap(tracklet: _Tracklet, time: float) -> float:
    """Return the seconds between a tracklet's last two sightings, or since its only one."""
    times = tracklet.times
    return times[-1] - times[-2] if len(times) > 1 else time - times[-1]


def _close(a: Sighting, b: Sighting) -> bool:
    apart = float(np.linalg.norm(middle(a.points) - middle(b.points)))
    return apart < _CLOSE * min(extent(a.points), extent(b.points))


def _told(before: Sighting, now: Sighting, other: Sighting) -> bool:
    """Return whether clothes tell that a person is the one before and not the other."""
    same, differs = look_distance(before.look, now.look), look_distance(other.look, now.look)
    return same is not None and differs is not None and differs > max(_TELLING, 2.0 * same)


def _is_lone(sighting: Sighting, sightings: Sequence[tuple[int, Sighting]]) -> bool:
    """Return whether the boxes of all others of a frame are apart from a person's."""
    low, high = sighting.points.min(axis=0), sighting.points.max(axis=0)
    others = [s.points for _, s in sightings if s is not sighting]
    return all(bool(((p.max(axis=0) < low) | (p.min(axis=0) > high)).any()) for p in others)


def _certain(
    costs: Float[ndarray, "before after"], limits: Float[ndarray, "after"]
) -> list[tuple[int, int]]:
    """Return the pairs of least cost that have no rival: no other costs nearly as little."""
    pairs = []
    for row in range(costs.shape[0]):
        column = int(costs[row].argmin()) if costs.shape[1] else -1
        if column < 0 or costs[row, column] > limits[column]:
            continue
        rivals = np.concatenate([np.delete(costs[row], column), np.delete(costs[:, column], row)])
        if rivals.min(initial=np.inf) >= costs[row, column] + _MARGIN:
            pairs.append((row, column))
    return pairs


def _chains(tracklets: list[_Tracklet], tracks: _Tracks) -> list[list[_Tracklet]]:
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
                cost = deviation(end, start) + _GAP * gap + tracks.cost(end, start)
                costs[a, b] = min(cost, _NEVER)
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


def _filled(
    times: Sequence[float],
    frames: Sequence[list[tuple[int, Sighting]]],
    chains: list[list[_Tracklet]],
    tracks: _Tracks,
) -> list[dict[int, int]]:
    """Return the people of chains, with the sightings that fit into their gaps."""
    from scipy.optimize import linear_sum_assignment

    people = [{f: i for t in c for f, i in zip(t.frames, t.indices, strict=True)} for c in chains]
    ends = [[(t.end(last=False), t.end(last=True)) for t in c] for c in chains]
    for frame, (time, sightings) in enumerate(zip(times, frames, strict=True)):
        taken = {person[frame] for person in people if frame in person}
        free = [(i, s) for i, s in sightings if i not in taken]
        expected = [
            (n, e)
            for n, person in enumerate(people)
            if frame not in person and (e := _expected(ends[n], time)) is not None
        ]
        if not free or not expected:
            continue
        costs = np.array([[_misfit(e, s, time, tracks) for _, s in free] for _, e in expected])
        for row, column in zip(*linear_sum_assignment(np.minimum(costs, _FILL)), strict=True):
            if costs[row, column] < _FILL:
                people[expected[row][0]][frame] = free[column][0]
    return people


@dataclass(frozen=True, eq=False, slots=True)
class _Expected:
    """Where a person is expected, the seconds to when they are next known, and what is known."""

    end: TrackEnd
    tolerance: float
    before: TrackEnd | None
    after: TrackEnd | None


def _misfit(expected: _Expected, sighting: Sighting, time: float, tracks: _Tracks) -> float:
    points, track = sighting.points, sighting.track
    seen = TrackEnd(time, middle(points), None, extent(points), points, sighting.look, track)
    known = replace(expected.end, time=time - expected.tolerance, velocity=None)
    steps = [tracks.cost(e, seen) for e in (expected.before,) if e is not None]
    steps += [tracks.cost(seen, e) for e in (expected.after,) if e is not None]
    return deviation(known, seen) + min(steps)


def _expected(ends: list[tuple[TrackEnd, TrackEnd]], time: float) -> _Expected | None:
    """Return where a person is expected.

    Between two tracklets of a person, by a cubic through both ends; before the first and after the
    last one for a moment, at constant speed.
    """
    if any(start.time < time < end.time for start, end in ends):
        return None  # a sighting within a tracklet would have been taken
    before = max((e for _, e in ends if e.time < time), key=lambda e: e.time, default=None)
    after = min((s for s, _ in ends if s.time > time), key=lambda s: s.time, default=None)
    known = before or after
    assert known is not None
    if before is None or after is None:
        away = time - known.time
        if abs(away) > _BEYOND:
            return None
        step = away * (np.zeros(2) if known.velocity is None else known.velocity)
        moved = replace(known, middle=known.middle + step, points=known.points + step)
        return _Expected(moved, abs(away), before, after)
    gap = after.time - before.time
    share = (time - before.time) / gap
    tolerance = _BETWEEN * min(time - before.time, after.time - time)
    straight = (after.middle - before.middle) / gap
    speeds = [straight if e.velocity is None else e.velocity for e in (before, after)]
    a, b = (gap * (v - straight) for v in speeds)
    bend = share * (1.0 - share) * ((1.0 - share) * a - share * b)
    at = before.middle + share * (after.middle - before.middle) + bend
    nearer = before if share < 0.5 else after
    shape = (1.0 - share) * (before.points - before.middle) + share * (after.points - after.middle)
    size = before.size + share * (after.size - before.size)
    looks = [e.look for e in (before, after) if e.look is not None]
    end = TrackEnd(nearer.time, at, None, size, at + shape, mean_look(looks))
    return _Expected(end, tolerance, before, after)
