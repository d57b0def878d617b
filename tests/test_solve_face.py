"""Faces to weights: still faces are calm, each movement moves its own weight, head turns move none, and portions make no difference."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap import rotation as R
from mocap.keypoints import Keypoints, landmarks_of
from mocap.kinematics import fk
from mocap.skeleton import BONES, HUMANOID
from mocap.solve.face import WEIGHTS, expressions, eye_turns, follow_face, solve_face, vrm_expressions
from mocap.solve.solver import Solver, solve_take

# A real neutral face's points, found by the detector: pixels, z in their scale.
FACE = np.array(json.loads((Path(__file__).parent / "data" / "face_neutral.json").read_text()))
BODY = landmarks_of(HUMANOID.rest_positions(), HUMANOID.rest_rotations)
UPPER_LIDS = {"Left": [466, 388, 387, 386, 385, 384, 398], "Right": [246, 161, 160, 159, 158, 157, 173]}
LOWER_LIDS = {"Left": [249, 390, 373, 374, 380, 381, 382], "Right": [7, 163, 144, 145, 153, 154, 155]}
LOWER_LIP = [146, 91, 181, 84, 17, 314, 405, 321, 375, 95, 88, 178, 87, 14, 317, 402, 318, 324]
CORNERS = {"Left": [291, 308], "Right": [61, 78]}
BROWS = {"Left": [336, 285, 334, 282, 300, 276], "Right": [107, 55, 105, 52, 70, 46]}


def keypoints(faces: np.ndarray, fps: float = 30.0, turns: np.ndarray | None = None) -> Keypoints:
    n = len(faces)
    transform = np.tile(np.eye(4), (n, 1, 1))
    if turns is not None:
        transform[:, :3, :3] = turns
    transform[np.isnan(faces).any(axis=(1, 2))] = np.nan
    body = np.tile(BODY - BODY[[23, 24]].mean(axis=0), (n, 1, 1))
    image = np.tile([400.0, 500.0] + 200.0 * BODY[:, :2] * [1.0, -1.0], (n, 1, 1))
    return Keypoints(np.arange(n) / fps, body, image, np.ones((n, 33)), (800, 800), face=faces, face_transform=transform)


def moved(vertices: list[int], by: np.ndarray) -> np.ndarray:
    out = FACE.copy()
    out[vertices] += by
    return out


def blinking(side: str, closed: float) -> np.ndarray:
    gap = FACE[LOWER_LIDS[side]] - FACE[UPPER_LIDS[side]]
    return moved(UPPER_LIDS[side], closed * gap)


def after_neutral(face: np.ndarray, seconds: float = 1.0) -> dict[str, np.ndarray]:
    """Weights after a second and a half of the neutral face and then this one."""
    faces = np.concatenate([np.tile(FACE, (45, 1, 1)), np.tile(face, (int(30 * seconds), 1, 1))])
    solved, _ = follow_face(keypoints(faces), None)
    assert solved is not None
    return {name: value[-1] for name, value in expressions(solved).items()}


def test_a_still_face_expresses_nothing_and_hardly_jitters() -> None:
    noise = np.random.default_rng(0).normal(scale=0.25, size=(90, 478, 3))  # pixels, of a face 157 wide
    solved, _ = follow_face(keypoints(FACE + noise), None)
    assert solved is not None
    assert solved.weights[30:].std(axis=0).max() <= 0.03
    assert solved.weights[30:].mean() < 0.03


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_a_blink_closes_whole_and_alone(side: str) -> None:
    other = "Right" if side == "Left" else "Left"
    weights = after_neutral(blinking(side, 0.9))
    assert weights[f"eyeBlink{side}"] > 0.97
    assert weights[f"eyeBlink{other}"] < 0.02
    assert weights[f"blink{side}"] > 0.95
    assert weights["blink"] < 0.05


def test_the_more_lids_close_the_more_is_blinked() -> None:
    steps = [after_neutral(blinking("Left", c))["eyeBlinkLeft"] for c in np.linspace(0.0, 0.9, 7)]
    assert np.all(np.diff(steps) >= -1e-6)
    assert steps[0] < 0.01
    assert steps[-1] > 0.97


def test_a_jaw_that_drops_opens() -> None:
    face = moved([*LOWER_LIP, 152, 148, 377], np.array([0.0, 30.0, 0.0]))
    weights = after_neutral(face)
    assert weights["jawOpen"] > 0.5
    assert weights["aa"] + weights["oh"] + weights["ee"] > 0.4
    assert weights["mouthPucker"] < 0.1


def test_corners_that_rise_and_widen_smile_and_those_that_come_together_pucker() -> None:
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


def test_brows_go_up_and_down() -> None:
    both = BROWS["Left"] + BROWS["Right"]
    up, down = after_neutral(moved(both, np.array([0.0, -8.0, 0.0]))), after_neutral(moved(both, np.array([0.0, 8.0, 0.0])))
    assert min(up["browInnerUp"], up["browOuterUpLeft"], up["browOuterUpRight"]) > 0.4
    assert max(up["browDownLeft"], up["browDownRight"]) < 0.02
    assert min(down["browDownLeft"], down["browDownRight"], down["angry"]) > 0.4
    assert down["browInnerUp"] < 0.02


def test_eyes_look_where_irises_go() -> None:
    """Left is the performer's, to the right in the image."""
    irises = list(range(468, 478))
    weights = after_neutral(moved(irises, np.array([5.0, 0.0, 0.0])))
    assert weights["eyeLookOutLeft"] > 0.3
    assert weights["eyeLookInRight"] > 0.3
    assert weights["lookLeft"] > 0.3
    assert weights["lookRight"] == 0.0
    solved = solve_face(keypoints(np.stack([FACE] * 40 + [moved(irises, np.array([5.0, -4.0, 0.0]))] * 40)))
    assert solved is not None
    ahead = R.apply(eye_turns(solved.gaze[-1]), np.array([0.0, 0.0, 1.0]))
    assert ahead[0] > 0.1
    assert ahead[1] > 0.1


def test_a_head_that_turns_moves_no_weight() -> None:
    """The same face, turned in space and farther away."""
    centre = FACE.mean(axis=0)
    for euler in ([25, 0, 0], [0, 25, 0], [0, 0, 40], [-20, -20, 30]):
        turned = (FACE - centre) @ Rotation.from_euler("xyz", euler, degrees=True).as_matrix().T * 0.8 + centre + [50.0, -30.0, 9.0]
        weights = after_neutral(turned)
        assert max(weights.values()) < 0.02, euler


def test_frame_by_frame_is_the_same_as_at_once_and_a_lost_face_is_held_then_eased() -> None:
    faces = np.concatenate([np.tile(FACE, (40, 1, 1)), np.tile(blinking("Left", 0.9), (20, 1, 1)), np.full((60, 478, 3), np.nan)])
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


@pytest.mark.parametrize("live", [True, False])
def test_the_head_is_turned_as_its_face_is_and_the_neck_half_way(live: bool) -> None:
    turns = Rotation.from_euler("yx", np.stack([30 * np.sin(np.arange(60) / 15), np.full(60, 10.0)], axis=1), degrees=True).as_matrix()
    clip = keypoints(np.tile(FACE, (60, 1, 1)), turns=turns)
    motion = Solver(filtered=False).solve(clip) if live else solve_take(clip, filtered=False)
    _, world = fk(motion.skeleton, motion.root_positions, motion.rotations)
    wanted = R.from_matrix(turns)
    assert np.degrees(R.distance(world[:, BONES.index("head")], wanted)).max() < 0.1
    neck = motion.rotations[:, BONES.index("neck")]
    head = motion.rotations[:, BONES.index("head")]
    assert np.degrees(np.abs(R.angle(neck) - R.angle(head))).max() < 0.5, "shared between them"


def test_motions_carry_arkit_names_and_vrm_presets() -> None:
    clip = keypoints(np.tile(FACE, (4, 1, 1)))
    for motion in (Solver().solve(clip), solve_take(clip, filtered=False)):
        assert {*WEIGHTS, "aa", "blink", "happy", "lookLeft"} <= set(motion.expressions)
    assert Solver().solve(replace(clip, face=None, face_transform=None)).expressions == {}


def test_vrm_presets_stay_within_one() -> None:
    rng = np.random.default_rng(0)
    made = vrm_expressions({name: rng.uniform(size=500) for name in WEIGHTS})
    assert all(np.all((w >= 0.0) & (w <= 1.0)) for w in made.values())
    assert np.all(sum(made[v] for v in ("aa", "ih", "ou", "ee", "oh")) <= 1.0 + 1e-12)


def test_filtered_heads_are_within_three_degrees_of_the_matrix_also_where_the_face_is_lost_for_a_while() -> None:
    turns = Rotation.from_euler("yx", np.stack([30 * np.sin(np.arange(90) / 15), np.full(90, 10.0)], axis=1), degrees=True).as_matrix()
    faces = np.tile(FACE, (90, 1, 1))
    faces[40:50] = np.nan
    clip = keypoints(faces, turns=turns)
    motion = Solver(upper_body=False).solve(clip)
    one_by_one = Solver(upper_body=False)
    parts = [one_by_one.solve(clip.slice(n, n + 1)).rotations[0] for n in range(len(clip))]
    assert np.degrees(R.distance(np.array(parts), motion.rotations)).max() < 1e-5
    _, world = fk(motion.skeleton, motion.root_positions, motion.rotations)
    off = np.degrees(R.distance(world[:, BONES.index("head")], R.from_matrix(turns)))
    assert off[[*range(40), *range(60, 90)]].max() < 3.0
    assert np.degrees(R.distance(world[1:, BONES.index("head")], world[:-1, BONES.index("head")])).max() < 15.0, "no jump"
