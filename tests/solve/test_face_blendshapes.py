"""Weights from a network's blendshapes, relative to those of the neutral face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.core.keypoints import BLENDSHAPES
from mocap.solve.face import EXPRESSIONS, WEIGHTS, expressions, follow_face, solve_face
from tests.helpers.faces import FACE, keypoints


def test_blendshapes_replace_the_measured_weights() -> None:
    faces = np.tile(FACE, (60, 1, 1))
    given = np.zeros((60, len(BLENDSHAPES)))
    given[35:, BLENDSHAPES.index("cheekPuff")] = 0.7
    given[35:, BLENDSHAPES.index("jawOpen")] = 0.4
    clip = replace(keypoints(faces), face_blendshapes=given)
    live, _ = follow_face(clip, None)
    for solved in (solve_face(clip), live):
        assert solved is not None
        shown = expressions(solved)
        assert shown["cheekPuff"][-1] == pytest.approx(0.7, abs=0.01), "which is not measured"
        assert shown["jawOpen"][-1] == pytest.approx(0.4, abs=0.01)
        assert shown["aa"][-1] == pytest.approx(0.4, abs=0.01), "and presets are made of it"
        assert set(shown) <= set(EXPRESSIONS)


def test_blendshapes_of_the_neutral_face_give_no_expression() -> None:
    """Brows that always seem low, half-shut eyes, and a full blink at a blendshape of 0.7."""
    given = np.zeros((150, len(BLENDSHAPES)))
    brow, blink = BLENDSHAPES.index("browDownLeft"), BLENDSHAPES.index("eyeBlinkLeft")
    given[:, brow], given[:, blink] = 0.3, 0.2
    given[60:80, brow] = 0.65
    given[[*range(10, 20), *range(100, 110)], blink] = 0.7
    clip = replace(keypoints(np.tile(FACE, (150, 1, 1))), face_blendshapes=given)
    for solved in (solve_face(clip), follow_face(clip, None)[0]):
        assert solved is not None
        weights = solved.weights
        assert weights[50, [brow, blink]] == pytest.approx(0.0, abs=0.02)
        assert weights[75, brow] == pytest.approx(0.5, abs=0.03), (
            "half of what there is above the neutral face"
        )
        assert weights[105, blink] > 0.9
        assert weights[140, [brow, blink]] == pytest.approx(0.0, abs=0.02)


def test_frames_without_blendshapes_have_no_face() -> None:
    """A page's camera sends no face if it sees none; a face of points alone is another source."""
    given = np.full((1, len(BLENDSHAPES)), 0.0)
    given[:, BLENDSHAPES.index("jawOpen")] = 0.5
    state, shown = None, []
    for n in range(60):
        frame = keypoints(FACE[None] if n % 10 else np.full((1, 478, 3), np.nan))
        frame = replace(frame, times=np.array([n / 30]))
        if n % 10:
            frame = replace(frame, face_blendshapes=given if n > 35 else np.zeros_like(given))
        solved, state = follow_face(frame, state)
        assert solved is not None
        shown.append(solved.weights[0, BLENDSHAPES.index("jawOpen")] if n else 0.0)
    assert shown[35] == pytest.approx(0.0, abs=0.01)
    assert shown[-1] == pytest.approx(0.5, abs=0.05)
    solved, _ = follow_face(replace(keypoints(FACE[None]), times=np.array([2.1])), state)
    assert solved is not None
    assert solved.names == WEIGHTS


def test_blendshapes_of_a_lost_face_are_held_then_eased() -> None:
    given = np.full((130, len(BLENDSHAPES)), np.nan)
    given[:40], given[40:70] = 0.0, 0.5
    faces = np.concatenate([np.tile(FACE, (70, 1, 1)), np.full((60, 478, 3), np.nan)])
    live, _ = follow_face(replace(keypoints(faces), face_blendshapes=given), None)
    assert live is not None
    assert np.isfinite(live.weights).all()
    assert live.weights[80, 0] == pytest.approx(0.5, abs=0.02), "held"
    assert live.weights[-1].max() < 0.05, "eased"
