"""Fit the motion of one body to the image points of a take.

The unknowns are the position of the hips and the directions of the bones in each frame, and the
lengths of the bones over the take, the same left and right. The costs are:

    image        distances from the image points, robust
    depth        differences from the prior's depths, with a lower weight
    smoothness   third derivatives, which removes jitter but keeps fast movements
    limits       joints that bend backwards
    proportions  differences from average proportions
    floor        once it is found, distances of contacts from it

The closed form of mocap.solve.body turns the directions of the bones into rotations. The result is
therefore always a skeleton, and keypoints without noise are not changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count, pairwise

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.filter import smooth
from mocap.core.keypoints import LANDMARKS, Keypoints, pair
from mocap.solve.refine.body import (
    DEPTHS,
    LENGTHS,
    POINTS,
    PROPORTIONS,
    TO_BONES,
    TREE,
    bones_of,
    lengths_of,
)
from mocap.solve.refine.costs import DEPTH_SIGMA, SIDE_SIGMA, Evidence, spans
from mocap.solve.refine.fit import Anchor, Unknowns, at_length, step
from mocap.solve.refine.ground import Ground
from mocap.solve.refine.limits import find_limits
from mocap.solve.refine.sight import Sight, sight_of
from mocap.solve.refine.smoothness import Smoothness

_I = {name: i for i, name in enumerate(LANDMARKS)}
_SHOULDERS, _WRISTS = pair("shoulder"), pair("wrist")
_HANDS = [[_I[f"{s}_{n}"] for n in ("pinky", "index", "thumb")] for s in ("left", "right")]
_HEAD = list(range(11))
# The bones from whose prior lengths the body's size follows; image points do not determine the
# size.
_SIZED = ("upper arm", "forearm", "thigh", "shank", "trunk")
_ROUNDS = 4  # Gauss-Newton steps
# Factors on the scale of the robust loss on several cameras' image points in the first steps. Where
# two cameras contradict each other, the bones' lengths then choose between them before the loss
# drops one (graduated non-convexity: Blake and Zisserman, Visual Reconstruction, 1987).
_LOOSE = (4.0, 2.0)
_WINDOW, _OVERLAP = 1500, 60  # frames
_CUTOFF, _DEPTH_CUTOFF = 6.0, 2.0  # cutoffs of the smoothing of the start, Hz
# Share of the expected errors that is believed. They are calibrated on rendered pairs, where 68 %
# of the depths lie within one; of the benchmark's clips, which are easier, 78 % to 80 % do.
_BELIEVED = 0.7
# Bounds of the factor on the weight of the prior's depth that follows from its expected error.
_KNOWN_ERROR = (0.25, 6.0)
# (15, 16) whether a landmark is an end of a sum of bones.
_IN_DEPTH = np.abs(DEPTHS @ TO_BONES) > 1e-9


@dataclass(frozen=True, eq=False, slots=True)
class Refined:
    """The landmarks of one body.

    Attributes:
        positions: Landmarks from the middle of the hips, metres, camera axes.
        translation: Position of the middle of the hips, metres, camera axes.
        size: Size of the body relative to HUMANOID.
        take: The unknowns at the end of the search.
    """

    positions: Float[ndarray, "frames 33 3"]
    translation: Float[ndarray, "frames 3"]
    size: float
    take: Unknowns


@dataclass(frozen=True, eq=False, slots=True)
class Prior:
    """The landmarks before the search, in camera axes, metres.

    Attributes:
        positions: Landmarks from the middle of the hips; NaN where unknown.
        closed: Landmarks that replace those that are NaN.
        translation: Position of the middle of the hips; NaN where unknown.
        error: Expected error of each depth; NaN where unknown, or None for all.
        sights: Image points of several cameras; empty for the keypoints' camera alone. With several
            cameras, `error` is that of positions that fewer than two cameras show, and NaN for all
            others.
    """

    positions: Float[ndarray, "frames 33 3"]
    closed: Float[ndarray, "frames 33 3"]
    translation: Float[ndarray, "frames 3"]
    error: Float[ndarray, "frames 33"] | None = None
    sights: tuple[Sight, ...] = ()


def refine_landmarks(
    keypoints: Keypoints,
    prior: Prior,
    before: Refined | None = None,
    ground: Ground | None = None,
    rounds: int = _ROUNDS,
    progress: Callable[[float], None] | None = None,
) -> Refined:
    """Find the landmarks of one body that fit a take best.

    Args:
        keypoints: The keypoints, with their camera.
        prior: The landmarks before the search.
        before: A result of a search without the floor, from which to continue.
        ground: The floor and the contacts with it.
        rounds: Number of Gauss–Newton steps.
        progress: Called after each step with the share done, 0 to 1. An exception that it raises
            ends the search.
    """
    times = keypoints.times
    known = np.isfinite(prior.translation).all(axis=1)
    seen = _evidence(keypoints, prior)
    start = np.where(np.isfinite(prior.positions), prior.positions, prior.closed)
    start = smooth(times, start, _CUTOFF)
    place = np.stack(
        [np.interp(times, times[known], prior.translation[known, i]) for i in range(3)], axis=1
    )
    cutoff = _CUTOFF if prior.sights else _DEPTH_CUTOFF
    first = bones_of(start + smooth(times, place, cutoff)[:, None])
    lengths = lengths_of(first)
    size = float(np.median([lengths[n] / PROPORTIONS[n] for n in _SIZED]))
    expected = size * np.array([PROPORTIONS[n] for n in LENGTHS])
    # The apparent length of a bone that is hardly seen is arbitrary, so lengths are limited.
    begin = expected * np.clip(np.array([lengths[n] for n in LENGTHS]) / expected, 0.8, 1.25)
    take = Unknowns(at_length(first, begin), begin) if before is None else before.take
    anchor = Anchor(first, expected)
    take = _search(times, anchor, seen, take, ground, rounds, progress or (lambda done: None))
    return Refined(_all_landmarks(start, take.v), take.v[:, 0], size, take)


def _search(
    times: ndarray,
    anchor: Anchor,
    seen: Evidence,
    begin: Unknowns,
    ground: Ground | None,
    rounds: int,
    progress: Callable[[float], None],
) -> Unknowns:
    """Return the unknowns of lowest cost near a start, optimised window by window."""
    windows = _windows(len(times), len(seen.sights))
    v, lengths = begin.v, begin.lengths
    steps, done = rounds * len(windows) * (1 if len(windows) == 1 else 2), count(1)

    def optimised(window: slice, held: bool) -> Unknowns:
        take, kernel = (
            Unknowns(at_length(v[window], lengths), lengths),
            Smoothness.of(times[window]),
        )
        here = None if ground is None else ground.slice(window)
        for n in range(rounds):
            part = Anchor(anchor.bones[window], anchor.lengths, anchor.root_sigma)
            limits = find_limits(take.v)
            evidence = seen.slice(window)
            if here is None and len(seen.sights) > 1:
                evidence = replace(evidence, loose=_LOOSE[n] if n < len(_LOOSE) else 1.0)
            take = step(take, part, evidence, limits, kernel, held, here)
            progress(next(done) / steps)
        return take

    if len(windows) == 1:
        return optimised(windows[0], False)
    # The body's lengths are the medians over windows; all windows are then solved with these.
    lengths = np.asarray(np.median([optimised(w, False).lengths for w in windows], axis=0))
    total, weight = np.zeros_like(v), np.zeros((len(times), 1, 1))
    for window in windows:
        share = _window_weight(window, len(times))[:, None, None]
        total[window] += share * optimised(window, True).v
        weight[window] += share
    return Unknowns(at_length(total / weight, lengths), lengths)


def _windows(frames: int, cameras: int = 1) -> list[slice]:
    """Return the windows of a take, which overlap by _OVERLAP frames.

    Windows limit the memory: a frame needs 0.25 MB, and a third more for each further camera.
    """
    most = 3 * _WINDOW // (2 + cameras)
    if frames <= most:
        return [slice(0, frames)]
    windows = -(-(frames - _OVERLAP) // (most - _OVERLAP))
    edges = np.linspace(0, frames - _OVERLAP, windows + 1).astype(int)
    return [slice(int(a), int(b) + _OVERLAP) for a, b in pairwise(edges)]


def _window_weight(window: slice, frames: int) -> ndarray:
    """Return the weight of each frame of a window.

    Where two windows overlap, one fades out while the other fades in; their outermost frames get
    almost no weight.
    """
    n = window.stop - window.start
    fade = np.clip((np.arange(n) - _OVERLAP / 4) / (_OVERLAP / 2), 1e-6, 1.0)
    rise = fade if window.start else np.ones(n)
    return np.asarray(rise * (fade[::-1] if window.stop < frames else 1.0))


def _evidence(keypoints: Keypoints, prior: Prior) -> Evidence:
    """Return the observations of a take with their weights."""
    prior_seen = np.isfinite(prior.positions).all(axis=-1)
    bones = bones_of(np.where(prior_seen[..., None], prior.positions, prior.closed))
    weight = _smallest_at_ends(np.square(np.nan_to_num(keypoints.confidence)) * prior_seen)
    span = spans(keypoints.times)
    if prior.sights:
        guessed = np.zeros(prior_seen.shape) if prior.error is None else prior.error
        error = _largest_at_ends(np.nan_to_num(guessed))
        # A guess has the same error along all axes.
        depth, side = (
            weight * np.square(np.where(error > 0.0, sigma / np.maximum(error, sigma), 0.0))
            for sigma in (DEPTH_SIGMA, SIDE_SIGMA)
        )
        return Evidence(tuple(s.of(POINTS) for s in prior.sights), bones, depth, side, span)
    if prior.error is not None:
        weight = weight * _known_error(prior.error)
    without_image = _smallest_at_ends(np.isfinite(keypoints.image).all(axis=-1) * 1.0) == 0.0
    sight = sight_of(keypoints).of(POINTS)
    return Evidence((sight,), bones, weight, weight * without_image, span)


def _known_error(error: ndarray) -> ndarray:
    """Return factors (F, 15) on the weights of the prior's depths, which assume DEPTH_SIGMA.

    The largest error at the ends of a sum of bones counts.

    Args:
        error: (F, 33) expected errors of the landmarks' depths, metres; NaN gives the factor 1.
    """
    factor = np.square(DEPTH_SIGMA / (_BELIEVED * _largest_at_ends(error)))
    return np.where(np.isfinite(factor), np.clip(factor, *_KNOWN_ERROR), 1.0)


def _largest_at_ends(error: ndarray) -> ndarray:
    """Return the largest error (F, 15) at the ends of each sum of bones."""
    return np.asarray(np.where(_IN_DEPTH, error[:, None, POINTS], -np.inf).max(axis=2))


def _smallest_at_ends(weight: ndarray) -> ndarray:
    """Return the smallest weight (F, 15) at the ends of each sum of bones."""
    return np.asarray(np.where(_IN_DEPTH, weight[:, None, POINTS], np.inf).min(axis=2))


def _all_landmarks(start: ndarray, v: ndarray) -> ndarray:
    """Return all landmarks (F, 33, 3), with those of the body moved to its bones.

    Hands move with their wrists, the head with the shoulders.
    """
    out: ndarray = start.copy()
    out[:, POINTS] = np.einsum("nb,fbi->fni", TREE[:, 1:], v[:, 1:])
    for wrist, hand in zip(_WRISTS, _HANDS, strict=True):
        out[:, hand] += (out[:, wrist] - start[:, wrist])[:, None]
    out[:, _HEAD] += (out[:, _SHOULDERS] - start[:, _SHOULDERS]).mean(axis=1)[:, None]
    return out
