"""The bake's optimiser: over the whole take, the motion of one body that best explains its image
points.

Unknown are, for each frame, where the hips are and where the bones point, and for the take the
bones' lengths, left and right alike. What counts: image points, robustly; the prior's depth, of
which less is believed; third derivatives, so that nothing trembles and kicks stay kicks; joints
that do not bend backwards; proportions of people; and, once it is found, the floor that feet stand
on. Rotations follow from the bones' directions by the same closed form as everywhere
(mocap.solve.body), so the result is a skeleton by construction, and keypoints without noise stay
where they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count, pairwise

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.camera import Camera
from mocap.core.filter import smooth
from mocap.core.keypoints import LANDMARKS, Keypoints
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
from mocap.solve.refine.costs import DEPTH_SIGMA, Evidence, spans
from mocap.solve.refine.fit import Take, at_length, step
from mocap.solve.refine.ground import Ground
from mocap.solve.refine.limits import find_limits
from mocap.solve.refine.smoothness import Smoothness

_I = {name: i for i, name in enumerate(LANDMARKS)}
_SHOULDERS, _WRISTS = ([_I[f"{s}_{n}"] for s in ("left", "right")] for n in ("shoulder", "wrist"))
_HANDS = [[_I[f"{s}_{n}"] for n in ("pinky", "index", "thumb")] for s in ("left", "right")]
_HEAD = list(range(11))
# From these the body's size is taken, which the image cannot tell from its distance.
_SIZED = ("upper arm", "forearm", "thigh", "shank", "trunk")
_ROUNDS = 4
_WINDOW, _OVERLAP = 1500, 60  # frames
_CUTOFF, _DEPTH_CUTOFF = 6.0, 2.0  # Hz, of the smoothing where the search begins
# How much less or more an expected error may make the prior's depth count.
_KNOWN_ERROR = (0.25, 6.0)
# Landmarks that a sum of bones ends in (15, 16).
_IN_DEPTH = np.abs(DEPTHS @ TO_BONES) > 1e-9


@dataclass(frozen=True, eq=False, slots=True)
class Refined:
    """Landmarks (F, 33, 3), metres from the hips' middle, camera axes, of one body; where that
    middle is (F, 3), camera axes; how large the body is, in HUMANOID's; and the search's own
    unknowns.
    """

    positions: Float[ndarray, "frames 33 3"]
    translation: Float[ndarray, "frames 3"]
    size: float
    take: Take


def refine_landmarks(
    keypoints: Keypoints,
    prior: Float[ndarray, "frames 33 3"],
    closed: Float[ndarray, "frames 33 3"],
    translation: Float[ndarray, "frames 3"],
    camera: Camera,
    before: Refined | None = None,
    ground: Ground | None = None,
    rounds: int = _ROUNDS,
    progress: Callable[[float], None] | None = None,
    error: Float[ndarray, "frames 33"] | None = None,
) -> Refined:
    """The landmarks of one body that best explain the take. closed: landmarks that stand in where
    the prior is NaN, camera axes.

    error: the expected error of the prior's depth, metres; NaN, or None for all, where it is
    unknown.

    before: what was found without the ground, to go on from. ground: the floor, and the feet that
    stand still on it. progress: told after each step how much is done, 0 to 1; what it raises ends
    the search.
    """
    times = keypoints.times
    known = np.isfinite(translation).all(axis=1)
    seen = _evidence(keypoints, prior, closed, camera, error)
    start = smooth(times, np.where(np.isfinite(prior), prior, closed), _CUTOFF)
    place = np.stack(
        [np.interp(times, times[known], translation[known, i]) for i in range(3)], axis=1
    )
    first = bones_of(start + smooth(times, place, _DEPTH_CUTOFF)[:, None])
    lengths = lengths_of(first)
    size = float(np.median([lengths[n] / PROPORTIONS[n] for n in _SIZED]))
    expected = size * np.array([PROPORTIONS[n] for n in LENGTHS])
    # What is hardly seen may seem any length.
    begin = expected * np.clip(np.array([lengths[n] for n in LENGTHS]) / expected, 0.8, 1.25)
    take = Take(at_length(first, begin), begin) if before is None else before.take
    take = _search(
        times, first, seen, expected, take, ground, rounds, progress or (lambda done: None)
    )
    return Refined(_together(start, take.v), take.v[:, 0], size, take)


def _search(
    times: ndarray,
    first: ndarray,
    seen: Evidence,
    expected: ndarray,
    begin: Take,
    ground: Ground | None,
    rounds: int,
    progress: Callable[[float], None],
) -> Take:
    """The take that costs least, searched for from one, window by window."""
    windows = _windows(len(times))
    v, lengths = begin.v, begin.lengths
    steps, done = rounds * len(windows) * (1 if len(windows) == 1 else 2), count(1)

    def optimised(window: slice, held: bool) -> Take:
        take, kernel = Take(at_length(v[window], lengths), lengths), Smoothness.of(times[window])
        here = None if ground is None else ground.slice(window)
        for _ in range(rounds):
            take = step(
                take,
                first[window],
                seen.slice(window),
                expected,
                find_limits(take.v),
                kernel,
                held,
                here,
            )
            progress(next(done) / steps)
        return take

    if len(windows) == 1:
        return optimised(windows[0], False)
    # The windows' lengths make those of one body, with which all are solved again.
    lengths = np.asarray(np.median([optimised(w, False).lengths for w in windows], axis=0))
    total, weight = np.zeros_like(v), np.zeros((len(times), 1, 1))
    for window in windows:
        share = _share(window, len(times))[:, None, None]
        total[window] += share * optimised(window, True).v
        weight[window] += share
    return Take(at_length(total / weight, lengths), lengths)


def _windows(frames: int) -> list[slice]:
    """The take in parts of at most _WINDOW frames that overlap by _OVERLAP, since each frame takes
    0.25 MB while it is solved.
    """
    if frames <= _WINDOW:
        return [slice(0, frames)]
    windows = -(-(frames - _OVERLAP) // (_WINDOW - _OVERLAP))
    edges = np.linspace(0, frames - _OVERLAP, windows + 1).astype(int)
    return [slice(int(a), int(b) + _OVERLAP) for a, b in pairwise(edges)]


def _share(window: slice, frames: int) -> ndarray:
    """How much each frame of a window counts where two overlap: one fades out as the other fades
    in, away from their very ends.
    """
    n = window.stop - window.start
    fade = np.clip((np.arange(n) - _OVERLAP / 4) / (_OVERLAP / 2), 1e-6, 1.0)
    rise = fade if window.start else np.ones(n)
    return np.asarray(rise * (fade[::-1] if window.stop < frames else 1.0))


def _evidence(
    keypoints: Keypoints, prior: ndarray, closed: ndarray, camera: Camera, error: ndarray | None
) -> Evidence:
    image_seen = np.isfinite(keypoints.image).all(axis=-1)
    prior_seen = np.isfinite(prior).all(axis=-1)
    trust = np.square(np.nan_to_num(keypoints.confidence))
    slopes = np.where(image_seen[..., None], camera.rays(keypoints.image)[..., :2], 0.0)[:, POINTS]
    depth = _of_ends(trust * prior_seen)
    if error is not None:
        depth = depth * _known_error(error)
    without_image = _of_ends(image_seen * 1.0) == 0.0
    bones = bones_of(np.where(prior_seen[..., None], prior, closed))
    return Evidence(
        slopes,
        bones,
        (trust * image_seen)[:, POINTS],
        depth,
        depth * without_image,
        spans(keypoints.times),
    )


def _known_error(error: ndarray) -> ndarray:
    """By how much the prior's depth counts more or less than DEPTH_SIGMA says, (F, 15).

    error: (F, 33) expected errors of the landmarks' depths, metres; where it is NaN the factor is
    1. The largest error at the ends of a sum of bones counts.
    """
    largest = np.where(_IN_DEPTH, error[:, None, POINTS], -np.inf).max(axis=2)
    factor = np.square(DEPTH_SIGMA / largest)
    return np.where(np.isfinite(factor), np.clip(factor, *_KNOWN_ERROR), 1.0)


def _of_ends(weight: ndarray) -> ndarray:
    """The least weight of the landmarks at the ends of each sum of bones, (F, 15), from the
    landmarks' (F, 33).
    """
    return np.asarray(np.where(_IN_DEPTH, weight[:, None, POINTS], np.inf).min(axis=2))


def _together(start: ndarray, v: ndarray) -> ndarray:
    """All landmarks (F, 33, 3) with the body's on its bones; hands go with their wrists, the head
    with the shoulders.
    """
    out: ndarray = start.copy()
    out[:, POINTS] = np.einsum("nb,fbi->fni", TREE[:, 1:], v[:, 1:])
    for wrist, hand in zip(_WRISTS, _HANDS, strict=True):
        out[:, hand] += (out[:, wrist] - start[:, wrist])[:, None]
    out[:, _HEAD] += (out[:, _SHOULDERS] - start[:, _SHOULDERS]).mean(axis=1)[:, None]
    return out
