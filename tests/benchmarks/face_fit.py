"""Fit the gains of mocap.solve.face.weights to known expressions by random search.

    MOCAP_DATA=… python -m tests.benchmarks.face_fit

The targets are the network's answers for one man before a webcam and the truth of the mannequin;
face.py tests on other people. The printed gains are rounded and copied to mocap/solve/face.py by
hand: a still jaw must not pucker, and a raised brow must show.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy import ndarray

from mocap.core.filter import smooth
from mocap.solve.face import BAKE_FACE, neutral_face
from mocap.solve.face.measures import MEASURES, measure_face

from .faces import FITTED, SeenFace, real_faces, rendered_face

# Of a weight: its measures, and between which signs each gain lies.
_SOUGHT: dict[str, dict[str, tuple[int, int]]] = {
    "browDown": {"brow in up": (-1, 0), "brow mid up": (-1, 0), "brow out up": (-1, 0),
                 "brow inward": (0, 1), "lower lid up": (0, 1),
                 "wing up": (-1, 1)},
    "browInnerUp": {"brow in up": (0, 1), "brow mid up": (-1, 1), "brow out up": (-1, 1)},
    "mouthPucker": {"width": (-1, 0), "lips front": (0, 1), "mouth high": (-1, 1),
                    "corner out": (-1, 0), "lips apart": (-1, 1)},
}  # fmt: skip
_SIZE = 7.0
"""Euclidean norm of a weight's gains: what a correlation says nothing of, near what they were."""
_TRIES, _WIDE_TRIES, _STEP = 300, 150, 0.15
# The worst face counts so much more than the others, and a gain costs so much, that those of no use
# are left small.
_WORST, _COST = 0.5, 0.02


def _changes(face: SeenFace, names: list[str]) -> ndarray:
    """(2, F, m) of both halves."""
    assert face.keypoints.face is not None
    measures = measure_face(face.keypoints.face)
    change = measures - neutral_face(face.keypoints.times, measures)
    return np.asarray(np.moveaxis(change[..., [MEASURES.index(n) for n in names]], 1, 0))


def fit(weight: str, faces: list[SeenFace], seed: int = 0) -> tuple[dict[str, float], list[float]]:
    """Gains by measure, and the correlations they give, a face and half."""
    bounds = _SOUGHT[weight]
    low, high = np.array(list(bounds.values()), dtype=float).T
    known = []
    for face in faces:
        change = _changes(face, list(bounds))
        sided = {
            f"{weight}{side}": half for side, half in zip(("Left", "Right"), change, strict=True)
        }
        for name, given in (
            sided if f"{weight}Left" in face.told else {weight: change.mean(axis=0)}
        ).items():
            known.append(
                (
                    face.keypoints.times,
                    given,
                    smooth(face.keypoints.times, face.told[name][:, None], BAKE_FACE)[:, 0],
                )
            )

    def agreement(gains: ndarray) -> list[float]:
        weights = [
            smooth(t, np.clip(given @ gains, 0.0, 1.0)[:, None], BAKE_FACE)[:, 0]
            for t, given, _ in known
        ]
        return [
            float(np.corrcoef(w, told)[0, 1]) if w.std() > 0.0 else 0.0
            for w, (_, _, told) in zip(weights, known, strict=True)
        ]

    rng = np.random.default_rng(seed)
    best, best_score = np.zeros(len(bounds)), -np.inf
    for i in range(_TRIES):
        tried = (
            rng.uniform(low, high)
            if i < _WIDE_TRIES
            else np.clip(best / _SIZE + rng.normal(scale=_STEP, size=len(bounds)), low, high)
        )
        tried *= _SIZE / np.linalg.norm(tried)
        found = agreement(tried)
        score = float(np.mean(found) + _WORST * np.min(found) - _COST * np.abs(tried / _SIZE).sum())
        if score > best_score:
            best, best_score = tried, score
    return dict(zip(bounds, best.tolist(), strict=True)), agreement(best)


def main() -> None:
    data = Path(os.environ["MOCAP_DATA"])
    faces = [face for face in real_faces(data, 1400) if face.clip in FITTED]
    faces.append(rendered_face())
    for weight in _SOUGHT:
        gains, alike = fit(weight, faces)
        print(
            weight,
            {name: round(gain, 1) for name, gain in gains.items()},
            "correlations",
            [round(r, 2) for r in alike],
        )


if __name__ == "__main__":
    main()
