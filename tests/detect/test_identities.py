"""People keep their identities through crossings and occlusion, on takes with known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.core.camera import Camera
from mocap.core.keypoints import landmarks_of
from mocap.core.kinematics import fk
from mocap.detect.identities import identify
from mocap.detect.sightings import Sighting, look_distance, look_of
from tests.helpers.synthetic import smooth_motion, standing

CAMERA = Camera.from_fov((1280, 720), 1.0)
FPS = 30.0


def walker(seed: int, path: np.ndarray) -> np.ndarray:
    """Return image points (F, 33, 2) of a moving body on a path (F, 3), metres in camera axes."""
    motion = standing(smooth_motion(np.random.default_rng(seed), len(path) / FPS + 1.0, FPS))
    points = landmarks_of(*fk(motion.skeleton, motion.root_positions * 0.0, motion.rotations))
    return CAMERA.project(points[: len(path)] + path[:, None])


def line(frames: int, start: tuple[float, ...], stop: tuple[float, ...]) -> np.ndarray:
    return np.linspace(start, stop, frames)


def crossing(seed: int, dressed_alike: bool, people: int) -> tuple[list, list, np.ndarray]:
    """Return sightings of people who walk to and fro and pass behind each other.

    They are in random order; a person behind another is not sighted.

    Returns:
        The times, the sightings, and the person of each.
    """
    rng = np.random.default_rng(seed)
    frames = 150
    paths = [
        np.concatenate([
            line(frames // 2, (sign * 1.6, 0.0, -4.0 - k), (-sign * 1.6, 0.0, -4.2 - k)),
            line(frames // 2, (-sign * 1.6, 0.0, -4.2 - k), (sign * 1.6, 0.0, -4.0 - k)),
        ])
        for k, sign in zip(range(people), (1.0, -1.0, 0.7), strict=False)
    ]  # fmt: skip
    points = [walker(seed + k, path) for k, path in enumerate(paths)]
    looks = rng.dirichlet(np.full(64, 0.1), people)
    if dressed_alike:
        looks[:] = looks[0]
    times, sightings, truth = [], [], []
    for f in range(frames):
        seen = []
        for k in range(people):
            size = np.ptp(points[k][f], axis=0).max()
            hidden = any(
                abs(points[k][f, :, 0].mean() - points[j][f, :, 0].mean()) < 0.15 * size
                for j in range(k)
            )
            if not hidden and rng.random() > 0.05:
                noise = rng.normal(0.0, 0.01 * size, (33, 2))
                look = rng.dirichlet(looks[k] * 60.0 + 1e-3)[None]
                seen.append((k, Sighting(points[k][f] + noise, 0.9, look)))
        if rng.random() < 0.1:  # a detector's error
            shape = 0.3 * points[0][int(rng.integers(frames))]
            seen.append((-1, Sighting(shape + rng.uniform((0, 0), (900, 500)), 0.3)))
        order = rng.permutation(len(seen))
        times.append(f / FPS)
        truth.append([seen[i][0] for i in order])
        sightings.append([seen[i][1] for i in order])
    return times, sightings, truth


def owners(people: list[dict[int, int]], truth: list[list[int]]) -> list[set[int]]:
    return [{truth[f][i] for f, i in person.items()} for person in people]


@pytest.mark.parametrize("people", [2, 3])
@pytest.mark.parametrize("dressed_alike", [False, True])
def test_identities_are_kept_through_crossings(people: int, dressed_alike: bool) -> None:
    for seed in range(2):
        times, sightings, truth = crossing(seed, dressed_alike, people)
        found = identify(times, sightings)
        assert sorted(map(sorted, owners(found, truth))) == [[k] for k in range(people)], seed
        seen = sum(k >= 0 for frame in truth for k in frame)
        assert sum(map(len, found)) > 0.97 * seen


def test_a_person_who_returns_keeps_the_number() -> None:
    rng = np.random.default_rng(3)
    looks = rng.dirichlet(np.full(64, 0.1), 2)
    here = walker(1, line(240, (-1.0, 0.0, -4.0), (-1.0, 0.0, -4.0)))
    away = walker(2, line(240, (1.0, 0.0, -4.0), (1.2, 0.0, -4.0)))
    frames = [
        [Sighting(here[f], look=looks[:1])]
        + ([] if 80 < f < 200 else [Sighting(away[f], look=looks[1:])])
        for f in range(240)
    ]
    people = identify([f / FPS for f in range(240)], frames)
    assert [len(p) for p in people] == [240, 240 - 119]
    assert identify([f / FPS for f in range(240)], frames, most=1) == people[:1]


def test_the_same_person_found_twice_counts_once() -> None:
    points = walker(0, line(30, (0.0, 0.0, -3.0), (0.5, 0.0, -3.0)))
    frames = [[Sighting(p + 1.0, 0.5), Sighting(p, 0.9)] for p in points]
    (person,) = identify([f / FPS for f in range(30)], frames)
    assert set(person.values()) == {1}


def test_appearance_distinguishes_clothes_and_ends_at_the_picture() -> None:
    points = walker(0, line(1, (0.0, 0.0, -3.0), (0.0, 0.0, -3.0)))[0]
    red, blue = (np.full((720, 1280, 3), c, np.uint8) for c in ((200, 20, 20), (20, 20, 200)))
    a, b = look_of(red, points), look_of(blue, points)
    assert a is not None
    assert a.sum(axis=1) == pytest.approx(1.0)
    assert look_distance(a, b) == pytest.approx(1.0, abs=0.2)
    darker = look_distance(a, look_of((red * 0.9).astype(np.uint8), points))
    assert darker is not None
    assert darker < 0.212
    assert look_of(red, points + 5000.0) is None
    assert look_of(red, points, points[None]) is None, "all of it may be the other person's"


def test_a_person_alone_who_rises_fast_keeps_the_number() -> None:
    """A squat's rise doubles a person's size within a quarter of a second."""
    frames = 40
    person = walker(1, line(frames, (0.0, 0.0, -6.0), (0.0, 0.0, -6.0)))
    passer = walker(2, line(frames, (-2.4, 0.0, -4.0), (-1.6, 0.0, -4.0)))
    floor = person[:, :, 1].max(axis=1)[:, None]
    high = np.interp(np.arange(frames), [18.0, 22.0], [0.5, 1.0])[:, None]
    person[:, :, 1] = floor - high * (floor - person[:, :, 1])
    sightings = [[Sighting(p), Sighting(q)] for p, q in zip(person, passer, strict=True)]
    people = identify([f / 15.0 for f in range(frames)], sightings)
    assert sorted(sorted(set(p.values())) for p in people) == [[0], [1]]


def met(seconds: float, tracks: tuple[int, int]) -> list[list[Sighting]]:
    """Return sightings of two people alike, side by side, and after a gap one above the other.

    Nothing but the detector's tracks tells who is who then; the first of `tracks` is the upper
    person's. Before, the left person's is 0 and the right person's 1.
    """
    shape = walker(0, line(1, (0.0, 0.0, -4.0), (0.0, 0.0, -4.0)))[0]
    away, seen = np.ptp(shape, axis=0).max(), round(0.5 * FPS)
    sides = [[Sighting(shape + (sign * away, 0.0), track=t) for t, sign in enumerate((-0.3, 0.3))]]
    heights = [
        [
            Sighting(shape + (0.0, s * away), track=t)
            for t, s in zip(tracks, (-0.3, 0.3), strict=True)
        ]
    ]
    return sides * seen + [[]] * round(seconds * FPS) + heights * seen


@pytest.mark.parametrize("tracks", [(0, 1), (1, 0), (0, 7), (7, 0), (1, 7)])
def test_the_detectors_tracks_tell_who_is_who_where_nothing_else_does(
    tracks: tuple[int, int],
) -> None:
    frames = met(0.4, tracks)
    people = identify([f / FPS for f in range(len(frames))], frames)
    told = [{frames[f][i].track for f, i in person.items()} for person in people]
    before = {0, 1} - set(tracks)
    expected = [{0}, {1}] if not before else [{t} | ({7} if t in before else set()) for t in (0, 1)]
    assert told == expected


@pytest.mark.parametrize("dressed_alike", [False, True])
def test_clothes_and_places_outweigh_tracks(dressed_alike: bool) -> None:
    """Trackers exchange people who are dressed differently as they cross; others, while apart."""
    for seed in range(2):
        times, sightings, truth = crossing(seed, dressed_alike, 2)
        swap = len(times) // 2 if dressed_alike else len(times) // 4
        tracked = [
            [
                replace(s, track=None if k < 0 else k if f < swap else 1 - k)
                for s, k in zip(seen, who, strict=True)
            ]
            for f, (seen, who) in enumerate(zip(sightings, truth, strict=True))
        ]
        found = identify(times, tracked)
        assert sorted(map(sorted, owners(found, truth))) == [[0], [1]], seed
