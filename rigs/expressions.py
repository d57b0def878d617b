"""VRM 1.0's expressions of the mannequin (VRMC_vrm-1.0, expressions.md).

The presets are mixtures of its morph targets: the inverse of the sums in
mocap.solve.face.expressions.vrm_expressions. Each morph target is also an expression with its ARKit
name.
"""

from __future__ import annotations

from collections.abc import Sequence


def _both(name: str, weight: float) -> dict[str, float]:
    return {f"{name}Left": weight, f"{name}Right": weight}


PRESETS: dict[str, dict[str, float]] = {
    "aa": {"jawOpen": 0.75},
    "ih": {"jawOpen": 0.15, **_both("mouthStretch", 0.6)},
    "ou": {"mouthPucker": 0.9, "jawOpen": 0.12},
    "ee": {"jawOpen": 0.25, **_both("mouthStretch", 0.4), **_both("mouthSmile", 0.3)},
    "oh": {"jawOpen": 0.5, "mouthFunnel": 0.7},
    "blink": _both("eyeBlink", 1.0),
    "blinkLeft": {"eyeBlinkLeft": 1.0},
    "blinkRight": {"eyeBlinkRight": 1.0},
    "happy": {**_both("mouthSmile", 0.9), **_both("eyeSquint", 0.5)},
    "angry": {**_both("browDown", 1.0), **_both("mouthFrown", 0.4), **_both("eyeSquint", 0.3)},
    "sad": {"browInnerUp": 0.9, **_both("mouthFrown", 0.8), **_both("eyeBlink", 0.15)},
    "relaxed": {**_both("mouthSmile", 0.4), **_both("eyeBlink", 0.3)},
    "surprised": {
        "browInnerUp": 0.8,
        **_both("browOuterUp", 0.9),
        **_both("eyeWide", 0.8),
        "jawOpen": 0.45,
    },
}


def vrm_expressions(node: int, morphs: Sequence[str]) -> dict[str, object]:
    """Return the extension's `expressions` for the morph targets of the mesh at a node."""

    def expression(mixture: dict[str, float]) -> dict[str, object]:
        return {
            "morphTargetBinds": [
                {"node": node, "index": morphs.index(name), "weight": weight}
                for name, weight in mixture.items()
            ]
        }

    return {
        "preset": {name: expression(mixture) for name, mixture in PRESETS.items()},
        "custom": {name: expression({name: 1.0}) for name in morphs},
    }
