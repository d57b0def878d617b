"""Faces to weights: calm at rest, each movement on its own weight, independent of chunks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap.core import rotation as R
from mocap.solve.face import (
    WEIGHTS,
    expressions,
    eye_turns,
    follow_face,
    solve_face,
    vrm_expressions,
)
from mocap.solve.live import CausalSolver
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions
from tests.helpers.faces import (
    BROWS,
    CORNERS,
    FACE,
    LOWER_LIP,
    after_neutral,
    blinking,
    keypoints,
    moved,
)


def test_a_still_face_has_no_expression_and_little_jitter() -> None:
    noise = np.random.default_rng(0).normal(
        scale=0.25, size=(90, 478, 3)
    )  # pixels, of a face 157 wide
    solved, _ = follow_face(keypoints(FACE + noise), None)
    assert solved is not None
    assert solved.weights[30:].std(axis=0).max() <= 0.03
    assert solved.weights[30:].mean() < 0.03


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_a_blink_closes_the_eye_fully_and_alone(side: str) -> None:
    other = "Right" if side == "Left" else "Left"
    weights = after_neutral(blinking(side, 0.9))
    assert weights[f"eyeBlink{side}"] > 0.97
    assert weights[f"eyeBlink{other}"] < 0.02
    assert weights[f"blink{side}"] > 0.95
    assert weights["blink"] < 0.05


def test_blink_weights_grow_as_lids_close() -> None:
    steps = [after_neutral(blinking("Left", c))["eyeBlinkLeft"] for c in np.linspace(0.0, 0.9, 7)]
    assert np.all(np.diff(steps) >= -1e-6)
    assert steps[0] < 0.01
    assert steps[-1] > 0.97


def test_a_dropped_jaw_opens_the_mouth() -> None:
    face = moved([*LOWER_LIP, 152, 148, 377], np.array([0.0, 30.0, 0.0]))
    weights = after_neutral(face)
    assert weights["jawOpen"] > 0.5
    assert weights["aa"] + weights["oh"] + weights["ee"] > 0.4
    assert weights["mouthPucker"] < 0.1


def test_mouth_corners_give_smile_and_pucker() -> None:
    face = FACE.copy()
    face[CORNERS["Left"]] += [9.0, -8.0, 0.0]
    face[CORNERS["Right"]] += [-9.0, -8.0, 0.0]
    weights = after_neutral(face)
    assert min(weights["mouthSmileLeft"], weights["mouthSmileRight"], weights["happy"]) > 0.4
    assert weights["mouthPucker"] < 0.02
    face = FACE.copy()
    face[CORNERS["Left"]] -= [10.0, 0.0, 0.0]
    face[CORNERS["Right"]] += [10.0, 0.0, 0.0]
    weights = after_neutral(face)
    assert weights["mouthPucker"] > 0.4
    assert weights["mouthSmileLeft"] < 0.02


def test_brows_are_raised_and_lowered() -> None:
    both = BROWS["Left"] + BROWS["Right"]
    up, down = (
        after_neutral(moved(both, np.array([0.0, -8.0, 0.0]))),
        after_neutral(moved(both, np.array([0.0, 8.0, 0.0]))),
    )
    assert min(up["browInnerUp"], up["browOuterUpLeft"], up["browOuterUpRight"]) > 0.4
    assert max(up["browDownLeft"], up["browDownRight"]) < 0.02
    assert min(down["browDownLeft"], down["browDownRight"], down["angry"]) > 0.4
    assert down["browInnerUp"] < 0.02


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_one_eye_widens_alone_and_the_mouth_moves_sideways(side: str) -> None:
    other = "Right" if side == "Left" else "Left"
    wide = after_neutral(blinking(side, -0.6))
    assert wide[f"eyeWide{side}"] > 0.9
    assert max(wide[f"eyeWide{other}"], wide[f"eyeBlink{side}"]) < 0.02
    aside = after_neutral(
        moved(
            CORNERS["Left"] + CORNERS["Right"],
            np.array([12.0 if side == "Left" else -12.0, 0.0, 0.0]),
        )
    )
    assert aside[f"mouth{side}"] > 0.2
    assert aside[f"mouth{other}"] < 0.02


def test_lowered_mouth_corners_give_a_frown() -> None:
    weights = after_neutral(moved(CORNERS["Left"] + CORNERS["Right"], np.array([0.0, 8.0, 0.0])))
    assert min(weights["mouthFrownLeft"], weights["mouthFrownRight"]) > 0.2
    assert max(weights["mouthSmileLeft"], weights["mouthSmileRight"]) < 0.02


def test_the_gaze_follows_the_irises() -> None:
    """Left is the performer's, on the right of the image."""
    irises = list(range(468, 478))
    weights = after_neutral(moved(irises, np.array([5.0, 0.0, 0.0])))
    assert weights["eyeLookOutLeft"] > 0.3
    assert weights["eyeLookInRight"] > 0.3
    assert weights["lookLeft"] > 0.3
    assert weights["lookRight"] == 0.0
    solved = solve_face(
        keypoints(np.stack([FACE] * 40 + [moved(irises, np.array([5.0, -4.0, 0.0]))] * 40))
    )
    assert solved is not None
    ahead = R.apply(eye_turns(solved.gaze[-1]), np.array([0.0, 0.0, 1.0]))
    assert ahead[0] > 0.1
    assert ahead[1] > 0.1


def test_turning_the_head_changes_no_weight() -> None:
    """The same face, turned in space and farther away."""
    centre = FACE.mean(axis=0)
    for euler in ([25, 0, 0], [0, 25, 0], [0, 0, 40], [-20, -20, 30]):
        turned = (
            (FACE - centre) @ Rotation.from_euler("xyz", euler, degrees=True).as_matrix().T * 0.8
            + centre
            + [50.0, -30.0, 9.0]
        )
        weights = after_neutral(turned)
        assert max(weights.values()) < 0.02, euler


@pytest.mark.parametrize("live", [True, False])
def test_a_face_too_small_to_read_has_no_expression(live: bool) -> None:
    apart = np.linalg.norm(FACE[263] - FACE[33])
    for pixels, least, most in ((60.0, 0.9, 1.0), (12.0, 0.0, 0.0)):
        clip = keypoints(np.stack([FACE] * 45 + [blinking("Left", 0.9)] * 30) * (pixels / apart))
        solved = follow_face(clip, None)[0] if live else solve_face(clip)
        assert solved is not None
        assert least <= solved.weights[60:].max() <= most, pixels
        assert most > 0.0 or np.abs(solved.gaze).max() == 0.0


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_the_hidden_half_of_a_face_mirrors_the_visible_one(side: str) -> None:
    other = "Right" if side == "Left" else "Left"
    away = Rotation.from_euler("y", 60 if side == "Left" else -60, degrees=True).as_matrix()
    for blinks, expected in ((side, 0.0), (other, 1.0)):
        clip = keypoints(np.stack([FACE] * 45 + [blinking(blinks, 0.9)] * 30), turns=away)
        solved, _ = follow_face(clip, None)
        assert solved is not None
        weights = expressions(solved)
        assert weights[f"eyeBlink{side}"][-1] == pytest.approx(expected, abs=0.03)
        assert weights[f"eyeBlink{other}"][-1] == pytest.approx(expected, abs=0.03)


def test_the_live_neutral_face_adapts_but_keeps_strong_expressions() -> None:
    brows = BROWS["Left"] + BROWS["Right"]
    for up, until, least, most in ((2.0, 45.0, 0.0, 0.3), (10.0, 10.0, 0.8, 1.0)):
        face = moved(brows, np.array([0.0, -up, 0.0]))
        soon, late = (after_neutral(face, seconds)["browInnerUp"] for seconds in (1.0, until))
        assert least <= late / soon <= most, up


def test_a_lost_face_is_held_and_eased_in_the_bake() -> None:
    blink = np.tile(blinking("Left", 0.9), (20, 1, 1))
    faces = np.concatenate([np.tile(FACE, (40, 1, 1)), blink, np.full((90, 478, 3), np.nan), blink])
    solved = solve_face(keypoints(faces))
    assert solved is not None
    shut = solved.weights[:, WEIGHTS.index("eyeBlinkLeft")]
    assert shut[70] > 0.9, "held"
    assert shut[106:120].max() < 0.02, "eased"
    assert shut[149:].min() > 0.9, "back, and eased in before"
    assert np.abs(np.diff(shut[60:])).max() < 0.06, (
        "1 in a second is 0.033 a frame, 1.5 times at most"
    )


def test_frame_by_frame_faces_equal_the_whole_clip_and_ease_when_lost() -> None:
    faces = np.concatenate(
        [
            np.tile(FACE, (40, 1, 1)),
            np.tile(blinking("Left", 0.9), (20, 1, 1)),
            np.full((90, 478, 3), np.nan),
        ]
    )
    clip = keypoints(faces)
    whole, _ = follow_face(clip, None)
    assert whole is not None
    state, parts = None, []
    for n in range(len(clip)):
        part, state = follow_face(clip.slice(n, n + 1), state)
        assert part is not None
        parts.append(part.weights[0])
    assert np.allclose(parts, whole.weights, atol=1e-12)
    blink = whole.weights[:, WEIGHTS.index("eyeBlinkLeft")]
    assert blink[70] > 0.9, "held"
    assert blink[-1] < 0.05, "eased"
    assert np.abs(np.diff(blink[60:])).max() < 0.15


def test_a_wrong_live_neutral_face_is_forgotten_slowly() -> None:
    raised = moved(BROWS["Left"] + BROWS["Right"], np.array([0.0, -8.0, 0.0]))
    faces = np.concatenate([np.tile(raised, (10, 1, 1)), np.tile(FACE, (500, 1, 1))])
    solved, _ = follow_face(keypoints(faces, fps=5.0), None)
    assert solved is not None
    down = solved.weights[:, WEIGHTS.index("browDownLeft")]
    assert down[20] > 0.4
    assert down[-1] < 0.1
    assert np.all(np.diff(down[20:]) < 1e-9)


def test_motions_carry_arkit_names_and_vrm_presets() -> None:
    clip = keypoints(np.tile(FACE, (4, 1, 1)))
    for motion in (CausalSolver().solve(clip), solve_take(clip, SolveOptions(refine=False))):
        assert {*WEIGHTS, "aa", "blink", "happy", "lookLeft"} <= set(motion.expressions)
    assert CausalSolver().solve(replace(clip, face=None, face_transform=None)).expressions == {}


def test_vrm_presets_stay_within_one() -> None:
    rng = np.random.default_rng(0)
    made = vrm_expressions({name: rng.uniform(size=500) for name in WEIGHTS})
    assert all(np.all((w >= 0.0) & (w <= 1.0)) for w in made.values())
    assert np.all(sum(made[v] for v in ("aa", "ih", "ou", "ee", "oh")) <= 1.0 + 1e-12)
