"""Hands: error of solved fingers under noise, hands found in pictures, and cost.

Solving: random reachable hands of random proportions in random orientations, with Gaussian noise on
every point; the angle between true and shown finger segments, and the errors of flexion and splay
at the knuckles. Finding: the demo clip, and, where MOCAP_DATA is set, a clapping, a squatting, a
jumping and a webcam clip. Cost: body and hands beside the body alone, taking turns frame by frame.
"""

from __future__ import annotations

import os
import statistics
import time
from itertools import islice
from pathlib import Path

import numpy as np

from mocap.capture.open import open_source
from mocap.capture.source import Frame
from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.skeleton import BONES
from mocap.detect.mediapipe.hands import HandTracker
from mocap.detect.mediapipe.pose import PoseDetector
from mocap.detect.options import DetectOptions
from mocap.detect.performer import PerformerDetector
from mocap.solve.hands import FINGER_BONES, hand_points, solve_hands
from mocap.solve.live import CausalSolver
from tests.helpers.hands import gesturing, random_body_with_hands, random_hands, with_hands
from tests.helpers.places import DEMO
from tests.helpers.synthetic import random_rotation

from .solver import angle_between, measured
from .table import Cell, Table

CLIPS = (
    "tfjs_pose_1.mp4",
    "tfjs_pose_squats.mp4",
    "sports2d_demo.mp4",
    "poseformat_test_video.mp4",
)
_NOISE = (0.0, 1.0, 2.0, 4.0)  # mm
_WARM_UP = 5
_START = np.array([4 * digit + part + 1 for digit in range(5) for part in range(3)])
_HANDS = [BONES.index("leftHand"), BONES.index("rightHand")]


def _directions(points: np.ndarray) -> np.ndarray:
    return R.normalize(points[:, :, _START + 1] - points[:, :, _START])


def _flexion_and_splay(knuckles: np.ndarray) -> np.ndarray:
    """(…, 2) degrees, of local rotations of left or right finger roots: how far a straight finger
    goes up and down, and sideways.
    """
    ahead = R.apply(knuckles, np.array([1.0, 0.0, 0.0]))
    return np.degrees(
        np.stack(
            [
                np.arctan2(ahead[..., 1], ahead[..., 0]),
                np.arcsin(np.clip(ahead[..., 2], -1.0, 1.0)),
            ],
            axis=-1,
        )
    )


def accuracy(poses: int) -> Table:
    """Errors of the closed form under noise."""
    rows: list[tuple[Cell, ...]] = []
    for millimetres in _NOISE:
        rng = np.random.default_rng(5)
        rotations, _ = random_hands(rng, poses)
        rotations[:, 0] = random_rotation(rng, poses)
        body = random_body_with_hands(rng)
        root = np.zeros((poses, 3))
        points = hand_points(*fk(body, root, rotations))
        palms, fingers = solve_hands(points + rng.normal(size=points.shape) * millimetres * 1e-3)
        shown = rotations.copy()
        shown[:, FINGER_BONES] = fingers
        world = fk(body, root, rotations)[1][:, _HANDS]
        # Each hand as it was solved, not on the true palm: the palm's own error counts.
        relative = R.multiply(palms, R.conjugate(world))
        seen = R.apply(relative[:, :, None], _directions(hand_points(*fk(body, root, shown))))
        off = angle_between(seen, _directions(points))
        roots = FINGER_BONES[:, 3::3]
        joints = np.abs(
            _flexion_and_splay(shown[:, roots]) - _flexion_and_splay(rotations[:, roots])
        )
        palm = np.degrees(R.distance(palms, world))
        rows.append(
            (
                f"{millimetres:g} mm",
                *(
                    (float(e.mean()), float(np.percentile(e, 95)))
                    for e in (palm, off, *np.moveaxis(joints, -1, 0))
                ),
            )
        )
    return Table(
        "Hands from noisy points: how far they are from the truth",
        ("noise", "palm, °", "segment's direction, °", "flexion, °", "splay, °"),
        tuple(rows),
        "the same hands without noise",
        f"Mean / 95th percentile of {poses} poses of both hands.",
    )


def found(clips: list[Path], frames: int) -> Table:
    """How many hands are found, in the whole picture and around the wrists, and what it costs."""
    rows: list[tuple[Cell, ...]] = []
    for clip in clips:
        with open_source(clip) as source:
            pictures = list(islice(source, frames))
        anywhere, near, alone, both = _passes(pictures)
        ratio = both / alone
        rows.append((clip.stem, len(pictures), anywhere, near, 1e3 * alone, 1e3 * both, ratio))
    columns = (
        "clip",
        "frames",
        "hands found in whole pictures",
        "around the wrists",
        "body alone, ms",
        "body and hands, ms",
        "ratio",
    )
    return Table("Hands in pictures, model full", columns, tuple(rows), "the body alone")


def _passes(pictures: list[Frame]) -> tuple[int, int, float, float]:
    anywhere = near = 0
    alone, both = [], []
    with (
        HandTracker(2) as whole,
        PoseDetector("full") as body,
        PerformerDetector(DetectOptions(model="full", face=False)) as performer,
    ):
        for n, frame in enumerate(pictures):
            anywhere += len(whole.find(frame.image))
            for first in (n % 2, 1 - n % 2):
                begun = time.perf_counter()
                if first:
                    body.detect(frame.image, frame.time)
                    alone.append(time.perf_counter() - begun)
                else:
                    keypoints = performer.detect(frame.image, frame.time)
                    both.append(time.perf_counter() - begun)
                    assert keypoints.hands is not None
                    near += int(np.isfinite(keypoints.hands[0, :, 0, 0]).sum())
    return anywhere, near, statistics.median(alone[_WARM_UP:]), statistics.median(both[_WARM_UP:])


def cost(calls: int) -> Table:
    """What hands add to solving, live and in a clip."""
    keypoints = with_hands(gesturing(np.random.default_rng(0), 10.0, 30.0))
    assert keypoints.hands is not None
    hands = keypoints.hands
    count = len(keypoints)
    rows: list[tuple[Cell, ...]] = []
    for name, given in (
        (
            "body",
            with_hands(
                gesturing(np.random.default_rng(0), 10.0, 30.0), np.zeros((count, 2), dtype=bool)
            ),
        ),
        ("both", keypoints),
    ):
        solver = CausalSolver()
        solved = measured(
            lambda n, s=solver, k=given: s.solve(k.slice(n % count, n % count + 1)),
            min(calls, count - 20),
            10,
        )
        rows.append(
            (
                f"a live frame, {'body and hands' if name == 'both' else 'body alone, hands lost'}",
                float(np.median(solved)) / 1e3,
            )
        )
    rows.append(
        (
            "the closed form of both hands, one frame",
            float(np.median(measured(lambda n: solve_hands(hands[n % count][None]), calls, 10)))
            / 1e3,
        )
    )
    rows.append(
        (
            f"the same, of {count} at once, a frame",
            float(np.median(measured(lambda _: solve_hands(hands), 9, 2))) / count / 1e3,
        )
    )
    return Table("Solving hands", ("what", "ms"), tuple(rows), "the body alone")


def tables(quick: bool) -> list[Table]:
    data = os.environ.get("MOCAP_DATA")
    clips = [DEMO, *(Path(data) / "videos" / clip for clip in CLIPS if data and not quick)]
    return [
        accuracy(50 if quick else 1000),
        found(clips, 20 if quick else 150),
        cost(30 if quick else 250),
    ]
