"""Faces to weights: still faces are calm, each movement moves its own weight, head turns move none,
and portions make no difference.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import BLENDSHAPES, Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.skeleton import BONES, HUMANOID
from mocap.solve.face import (
    EXPRESSIONS,
    WEIGHTS,
    expressions,
    eye_turns,
    follow_face,
    solve_face,
    vrm_expressions,
)
from mocap.solve.hold import RELAXED
from mocap.solve.live import CausalSolver
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions
from tests.helpers.places import DATA

# A real neutral face's points, found by the detector: pixels, z in their scale.
FACE = np.array(json.loads((DATA / "face_neutral.json").read_text()))
BODY = landmarks_of(HUMANOID.rest_positions(), HUMANOID.rest_rotations)
UPPER_LIDS = {
    "Left": [466, 388, 387, 386, 385, 384, 398],
    "Right": [246, 161, 160, 159, 158, 157, 173],
}
LOWER_LIDS = {
    "Left": [249, 390, 373, 374, 380, 381, 382],
    "Right": [7, 163, 144, 145, 153, 154, 155],
}
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
    return Keypoints(
        np.arange(n) / fps,
        body,
        image,
        np.ones((n, 33)),
        Camera.assumed((800, 800)),
        face=faces,
        face_transform=transform,
    )


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
    noise = np.random.default_rng(0).normal(
        scale=0.25, size=(90, 478, 3)
    )  # pixels, of a face 157 wide
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
    up, down = (
        after_neutral(moved(both, np.array([0.0, -8.0, 0.0]))),
        after_neutral(moved(both, np.array([0.0, 8.0, 0.0]))),
    )
    assert min(up["browInnerUp"], up["browOuterUpLeft"], up["browOuterUpRight"]) > 0.4
    assert max(up["browDownLeft"], up["browDownRight"]) < 0.02
    assert min(down["browDownLeft"], down["browDownRight"], down["angry"]) > 0.4
    assert down["browInnerUp"] < 0.02


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_an_eye_opens_wide_alone_and_a_mouth_goes_to_its_side(side: str) -> None:
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


def test_corners_that_sink_frown() -> None:
    weights = after_neutral(moved(CORNERS["Left"] + CORNERS["Right"], np.array([0.0, 8.0, 0.0])))
    assert min(weights["mouthFrownLeft"], weights["mouthFrownRight"]) > 0.2
    assert max(weights["mouthSmileLeft"], weights["mouthSmileRight"]) < 0.02


def test_eyes_look_where_irises_go() -> None:
    """Left is the performer's, to the right in the image."""
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


def test_a_head_that_turns_moves_no_weight() -> None:
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
def test_a_face_too_small_to_be_read_expresses_nothing(live: bool) -> None:
    apart = np.linalg.norm(FACE[263] - FACE[33])
    for pixels, least, most in ((60.0, 0.9, 1.0), (12.0, 0.0, 0.0)):
        clip = keypoints(np.stack([FACE] * 45 + [blinking("Left", 0.9)] * 30) * (pixels / apart))
        solved = follow_face(clip, None)[0] if live else solve_face(clip)
        assert solved is not None
        assert least <= solved.weights[60:].max() <= most, pixels


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_the_half_that_is_turned_away_does_as_the_other(side: str) -> None:
    other = "Right" if side == "Left" else "Left"
    away = Rotation.from_euler("y", 60 if side == "Left" else -60, degrees=True).as_matrix()
    for blinks, expected in ((side, 0.0), (other, 1.0)):
        clip = keypoints(np.stack([FACE] * 45 + [blinking(blinks, 0.9)] * 30), turns=away)
        solved, _ = follow_face(clip, None)
        assert solved is not None
        weights = expressions(solved)
        assert weights[f"eyeBlink{side}"][-1] == pytest.approx(expected, abs=0.03)
        assert weights[f"eyeBlink{other}"][-1] == pytest.approx(expected, abs=0.03)


def test_live_the_neutral_face_follows_what_lasts_but_a_strong_expression_stays() -> None:
    brows = BROWS["Left"] + BROWS["Right"]
    for up, until, least, most in ((2.0, 45.0, 0.0, 0.3), (10.0, 10.0, 0.8, 1.0)):
        face = moved(brows, np.array([0.0, -up, 0.0]))
        soon, late = (after_neutral(face, seconds)["browInnerUp"] for seconds in (1.0, until))
        assert least <= late / soon <= most, up


def test_baked_a_lost_face_is_held_then_eased_and_eased_in_again_before_it_is_back() -> None:
    blink = np.tile(blinking("Left", 0.9), (20, 1, 1))
    faces = np.concatenate([np.tile(FACE, (40, 1, 1)), blink, np.full((90, 478, 3), np.nan), blink])
    solved = solve_face(keypoints(faces))
    assert solved is not None
    shut = solved.weights[:, WEIGHTS.index("eyeBlinkLeft")]
    assert shut[70] > 0.9, "held"
    assert shut[106:120].max() < 0.02, "eased"
    assert shut[150:].min() > 0.9, "back"
    assert np.abs(np.diff(shut[60:])).max() < 0.06, (
        "1 in a second is 0.033 a frame, 1.5 times at most"
    )


def test_frame_by_frame_is_the_same_as_at_once_and_a_lost_face_is_held_then_eased() -> None:
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


def test_baked_a_lost_face_is_held_then_eased_and_one_that_comes_back_is_eased_in_beforehand() -> (
    None
):
    lost = np.full((90, 478, 3), np.nan)
    shut = np.tile(blinking("Left", 0.9), (20, 1, 1))
    solved = solve_face(keypoints(np.concatenate([np.tile(FACE, (40, 1, 1)), shut, lost, shut])))
    assert solved is not None
    blink = solved.weights[:, WEIGHTS.index("eyeBlinkLeft")]
    assert blink[70] > 0.9, "held"
    assert blink[105:120].max() < 0.02, "eased"
    assert blink[149] > 0.9, "eased in"
    assert np.abs(np.diff(blink[60:])).max() < 0.15


def test_of_a_face_a_few_pixels_wide_nothing_is_told() -> None:
    faces = 0.1 * np.concatenate(
        [np.tile(FACE, (45, 1, 1)), np.tile(blinking("Left", 0.9), (30, 1, 1))]
    )
    for solved in (follow_face(keypoints(faces), None)[0], solve_face(keypoints(faces))):
        assert solved is not None
        assert np.abs(solved.weights).max() == 0.0
        assert np.abs(solved.gaze).max() == 0.0


@pytest.mark.parametrize(("degrees", "near"), [(60.0, "Right"), (-60.0, "Left")])
def test_the_half_of_a_face_that_is_turned_away_does_as_the_other(
    degrees: float, near: str
) -> None:
    """Turned to the performer's left, the left half is hidden."""
    turn = Rotation.from_euler("y", degrees, degrees=True).as_matrix()
    for side, expected in ((near, 0.97), ("Left" if near == "Right" else "Right", 0.0)):
        faces = np.concatenate(
            [np.tile(FACE, (45, 1, 1)), np.tile(blinking(side, 0.9), (30, 1, 1))]
        )
        solved, _ = follow_face(keypoints(faces, turns=turn), None)
        assert solved is not None
        for half in ("Left", "Right"):
            assert solved.weights[-1, WEIGHTS.index(f"eyeBlink{half}")] == pytest.approx(
                expected, abs=0.03
            )


def test_live_a_neutral_face_that_was_none_is_forgotten_slowly() -> None:
    raised = moved(BROWS["Left"] + BROWS["Right"], np.array([0.0, -8.0, 0.0]))
    faces = np.concatenate([np.tile(raised, (10, 1, 1)), np.tile(FACE, (500, 1, 1))])
    solved, _ = follow_face(keypoints(faces, fps=5.0), None)
    assert solved is not None
    down = solved.weights[:, WEIGHTS.index("browDownLeft")]
    assert down[20] > 0.4
    assert down[-1] < 0.1
    assert np.all(np.diff(down[20:]) < 1e-9)


@pytest.mark.parametrize("live", [True, False])
def test_the_head_is_turned_as_its_face_is_and_the_neck_half_way(live: bool) -> None:
    turns = Rotation.from_euler(
        "yx", np.stack([30 * np.sin(np.arange(60) / 15), np.full(60, 10.0)], axis=1), degrees=True
    ).as_matrix()
    clip = keypoints(np.tile(FACE, (60, 1, 1)), turns=turns)
    motion = (
        CausalSolver(options=SolveOptions(refine=False)).solve(clip)
        if live
        else solve_take(clip, SolveOptions(refine=False))
    )
    _, world = fk(motion.skeleton, motion.root_positions, motion.rotations)
    wanted = R.from_matrix(turns)
    assert np.degrees(R.distance(world[:, BONES.index("head")], wanted)).max() < 0.1
    neck = motion.rotations[:, BONES.index("neck")]
    head = motion.rotations[:, BONES.index("head")]
    assert np.degrees(np.abs(R.angle(neck) - R.angle(head))).max() < 0.5, "shared between them"


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


def test_filtered_heads_are_within_three_degrees_of_the_matrix_also_around_a_loss() -> None:
    turns = Rotation.from_euler(
        "yx", np.stack([30 * np.sin(np.arange(90) / 15), np.full(90, 10.0)], axis=1), degrees=True
    ).as_matrix()
    faces = np.tile(FACE, (90, 1, 1))
    faces[40:50] = np.nan
    clip = keypoints(faces, turns=turns)
    motion = CausalSolver(options=SolveOptions(upper_body=False)).solve(clip)
    one_by_one = CausalSolver(options=SolveOptions(upper_body=False))
    parts = [one_by_one.solve(clip.slice(n, n + 1)).rotations[0] for n in range(len(clip))]
    assert np.degrees(R.distance(np.array(parts), motion.rotations)).max() < 1e-5
    _, world = fk(motion.skeleton, motion.root_positions, motion.rotations)
    off = np.degrees(R.distance(world[:, BONES.index("head")], R.from_matrix(turns)))
    assert off[[*range(40), *range(60, 90)]].max() < 3.0
    assert (
        np.degrees(
            R.distance(world[1:, BONES.index("head")], world[:-1, BONES.index("head")])
        ).max()
        < 15.0
    ), "no jump"


@pytest.mark.parametrize("upper_body", [None, True])
def test_a_face_alone_turns_the_head_on_a_body_at_rest(upper_body: bool | None) -> None:
    """As close to the camera as that: the body's shoulders are guessed, and not believed."""
    angle = 25 * np.sin(np.arange(90) / 12)
    turns = Rotation.from_euler(
        "yx", np.stack([angle, 0.4 * angle], axis=1), degrees=True
    ).as_matrix()
    clip = keypoints(np.tile(FACE, (90, 1, 1)), turns=turns)
    confidence = clip.confidence.copy()
    confidence[:, 11:] = 0.1
    clip = replace(clip, confidence=confidence)
    live = CausalSolver(options=SolveOptions(upper_body=upper_body))
    parts = [live.solve(clip.slice(n, n + 1)).rotations[0] for n in range(len(clip))]
    for rotations in (
        np.array(parts),
        solve_take(clip, SolveOptions(upper_body=upper_body)).rotations,
    ):
        _, world = fk(HUMANOID, np.zeros((90, 3)), rotations)
        off = np.degrees(R.distance(world[:, BONES.index("head")], R.from_matrix(turns)))
        assert off[5:].max() < 3.0
        others = [
            i for i, name in enumerate(BONES) if name not in ("neck", "head", "leftEye", "rightEye")
        ]
        assert np.degrees(R.distance(rotations[:, others], RELAXED[others])).max() < 1e-3


def test_what_a_network_tells_of_a_face_stands_in_place_of_what_is_measured() -> None:
    faces = np.tile(FACE, (60, 1, 1))
    told = np.zeros((60, len(BLENDSHAPES)))
    told[35:, BLENDSHAPES.index("cheekPuff")] = 0.7
    told[35:, BLENDSHAPES.index("jawOpen")] = 0.4
    clip = replace(keypoints(faces), face_blendshapes=told)
    live, _ = follow_face(clip, None)
    for solved in (solve_face(clip), live):
        assert solved is not None
        shown = expressions(solved)
        assert shown["cheekPuff"][-1] == pytest.approx(0.7, abs=0.01), "which is not measured"
        assert shown["jawOpen"][-1] == pytest.approx(0.4, abs=0.01)
        assert shown["aa"][-1] == pytest.approx(0.4, abs=0.01), "and presets are made of it"
        assert set(shown) <= set(EXPRESSIONS)


def test_what_a_network_tells_of_the_neutral_face_is_no_expression() -> None:
    """Brows that always seem low, eyes that seem half shut; and a blink that the network calls 0.7
    is a blink.
    """
    told = np.zeros((150, len(BLENDSHAPES)))
    brow, blink = BLENDSHAPES.index("browDownLeft"), BLENDSHAPES.index("eyeBlinkLeft")
    told[:, brow], told[:, blink] = 0.3, 0.2
    told[60:80, brow] = 0.65
    told[[*range(10, 20), *range(100, 110)], blink] = 0.7
    clip = replace(keypoints(np.tile(FACE, (150, 1, 1))), face_blendshapes=told)
    for solved in (solve_face(clip), follow_face(clip, None)[0]):
        assert solved is not None
        weights = solved.weights
        assert weights[50, [brow, blink]] == pytest.approx(0.0, abs=0.02)
        assert weights[75, brow] == pytest.approx(0.5, abs=0.03), (
            "half of what there is above the neutral face"
        )
        assert weights[105, blink] > 0.9
        assert weights[140, [brow, blink]] == pytest.approx(0.0, abs=0.02)


def test_frames_of_which_nothing_is_told_are_frames_without_a_face() -> None:
    """A page's camera sends no face where it sees none; and one that only sends points is another
    performer.
    """
    told = np.full((1, len(BLENDSHAPES)), 0.0)
    told[:, BLENDSHAPES.index("jawOpen")] = 0.5
    state, shown = None, []
    for n in range(60):
        frame = keypoints(FACE[None] if n % 10 else np.full((1, 478, 3), np.nan))
        frame = replace(frame, times=np.array([n / 30]))
        if n % 10:
            frame = replace(frame, face_blendshapes=told if n > 35 else np.zeros_like(told))
        solved, state = follow_face(frame, state)
        assert solved is not None
        shown.append(solved.weights[0, BLENDSHAPES.index("jawOpen")] if n else 0.0)
    assert shown[35] == pytest.approx(0.0, abs=0.01)
    assert shown[-1] == pytest.approx(0.5, abs=0.05)
    solved, _ = follow_face(replace(keypoints(FACE[None]), times=np.array([2.1])), state)
    assert solved is not None
    assert solved.names == WEIGHTS


def test_a_face_that_is_lost_is_held_and_eased_whoever_tells_its_weights() -> None:
    told = np.full((130, len(BLENDSHAPES)), np.nan)
    told[:40], told[40:70] = 0.0, 0.5
    faces = np.concatenate([np.tile(FACE, (70, 1, 1)), np.full((60, 478, 3), np.nan)])
    live, _ = follow_face(replace(keypoints(faces), face_blendshapes=told), None)
    assert live is not None
    assert np.isfinite(live.weights).all()
    assert live.weights[80, 0] == pytest.approx(0.5, abs=0.02), "held"
    assert live.weights[-1].max() < 0.05, "eased"
