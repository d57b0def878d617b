"""Hands of hand-pose-detection in keypoints JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mocap.core.keypoints import HAND_LANDMARKS
from mocap.errors import InputError
from mocap.formats import keypoints_json as kj
from tests.helpers.keypoints_files import same, standing


def estimated_hand(side: str, seed: int = 0) -> dict[str, object]:
    """Return the output of estimateHands: origin somewhere in the hand, names on every point."""
    rng = np.random.default_rng(seed)
    metres, pixels = rng.normal(size=(21, 3)) * 0.05, rng.uniform(0, 400, (21, 2))
    return {
        "handedness": side, "score": 0.9,
        "keypoints": [{"x": x, "y": y, "name": n} for (x, y),
                      n in zip(pixels.tolist(), HAND_LANDMARKS, strict=True)],
        "keypoints3D": [{"x": x, "y": y, "z": z, "name": n} for (x, y, z),
                        n in zip(metres.tolist(), HAND_LANDMARKS, strict=True)],
    }  # fmt: skip


def points_of(hand: dict[str, object], field: str, axes: str) -> np.ndarray:
    return np.array([[p[a] for a in axes] for p in hand[field]])  # type: ignore[attr-defined]


def test_hands_of_hand_pose_detection_are_read_without_a_body() -> None:
    left, right = estimated_hand("Left", 1), estimated_hand("Right", 2)
    found = kj.loads(
        json.dumps(
            {
                "width": 640,
                "height": 480,
                "fps": 25,
                "frames": [{"poses": [right, left]}, {"poses": []}],
            }
        )
    )
    assert np.isnan(found.positions).all()
    assert found.hands is not None
    assert found.hands_image is not None
    assert found.hands_confidence is not None
    for side, hand in enumerate((left, right)):
        metres = points_of(hand, "keypoints3D", "xyz") * [1.0, -1.0, -1.0]
        assert np.allclose(found.hands[0, side], metres - metres[0])
        assert np.allclose(found.hands_image[0, side], points_of(hand, "keypoints", "xy"))
    assert found.hands_confidence.tolist() == [[0.9, 0.9], [0.0, 0.0]]
    assert np.isnan(found.hands[1]).all()
    same(found, kj.loads(kj.dumps(found)))
    same(found, kj.loads(kj.dumps_lines(found)))


@pytest.mark.filterwarnings("ignore:The f")
def test_hands_are_read_in_every_document_shape_and_point_order() -> None:
    hand = estimated_hand("Left", 3)
    shuffled = {**hand, "keypoints3D": hand["keypoints3D"][::-1]}  # type: ignore[index]
    found = [
        kj.loads(json.dumps(items))
        for items in ([hand], [[hand]], hand, {"poses": [hand]}, [{"poses": [hand]}], [shuffled])
    ]
    for keypoints in found:
        assert keypoints.hands is not None
        assert np.array_equal(keypoints.hands, found[0].hands, equal_nan=True)
        assert np.isnan(keypoints.hands[0, 1]).all()


def test_hands_beside_a_body_become_its_hands() -> None:
    document = json.loads(kj.dumps(standing(2)))
    document["frames"][1]["poses"].append(estimated_hand("Right"))
    found = kj.loads(json.dumps(document))
    assert np.isfinite(found.positions).all()
    assert found.hands is not None
    assert np.isfinite(found.hands).all((2, 3)).tolist() == [[False, False], [False, True]]


def test_an_unknown_hand_point_is_named() -> None:
    hand = estimated_hand("Left")
    hand["keypoints3D"][5]["name"] = "index_base"  # type: ignore[index]
    with pytest.raises(
        InputError,
        match=(
            r"Frame 0 has a hand's keypoint named 'index_base'; the names are wrist, "
            r"thumb_cmc.*\."
        ),
    ):
        kj.loads(
            json.dumps({"fps": 25, "width": 640, "height": 480, "frames": [{"poses": [hand]}]})
        )
