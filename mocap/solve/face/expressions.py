"""Expressions of a solved face: ARKit's weights by name, and VRM 1.0's presets made of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.keypoints import BLENDSHAPES
from mocap.solve.face.weights import WEIGHTS, SolvedFace


def expressions(face: SolvedFace) -> dict[str, Float[ndarray, "frames"]]:
    """Return ARKit's weights by name, and the presets of VRM 1.0 that are made of them."""
    arkit = {name: face.weights[:, i] for i, name in enumerate(face.names)}
    return {**arkit, **vrm_expressions(arkit)}


def vrm_expressions(arkit: Mapping[str, ndarray]) -> dict[str, ndarray]:
    """Return VRM 1.0's presets (VRMC_vrm-1.0/expressions.md) from ARKit's weights.

    The vowels divide the mouth's movement: open and round is oh, narrow and round is ou, wide is
    ih, open and wide is ee, any other open mouth is aa. Their sum is at most 1. The emotions follow
    the prototypes of FACS (Ekman and Friesen, 1978).

    Args:
        arkit: ARKit's name → weights of frames, or a single weight; missing ones count as 0.

    Returns:
        Weights in [0, 1] by VRM's names.
    """

    def w(name: str) -> ndarray:
        return np.asarray(arkit.get(name, 0.0), dtype=np.float64)

    def both(name: str) -> ndarray:
        return np.asarray(0.5 * (w(f"{name}Left") + w(f"{name}Right")))

    jaw, smile = w("jawOpen"), both("mouthSmile")
    rounded = np.maximum(w("mouthPucker"), w("mouthFunnel"))
    wide = np.maximum(smile, both("mouthStretch"))
    mouth = {
        "aa": jaw * (1.0 - rounded) * (1.0 - wide),
        "oh": jaw * rounded,
        "ou": (1.0 - jaw) * rounded,
        "ee": jaw * wide * (1.0 - rounded),
        "ih": 0.5 * (1.0 - jaw) * both("mouthStretch") * (1.0 - rounded),
    }
    total = np.maximum(sum(mouth.values()), 1.0)
    brow_down, brow_in = both("browDown"), w("browInnerUp")
    frown = both("mouthFrown")
    return {
        **{name: value / total for name, value in mouth.items()},
        "blink": np.minimum(w("eyeBlinkLeft"), w("eyeBlinkRight")),
        "blinkLeft": np.maximum(w("eyeBlinkLeft") - w("eyeBlinkRight"), 0.0),
        "blinkRight": np.maximum(w("eyeBlinkRight") - w("eyeBlinkLeft"), 0.0),
        "happy": smile * (1.0 - brow_down),
        "angry": brow_down * (1.0 - smile) * (1.0 - brow_in),
        "sad": np.minimum(np.maximum(brow_in, brow_down), 1.0) * frown,
        "surprised": np.minimum(
            np.maximum(brow_in, both("browOuterUp")), np.maximum(both("eyeWide"), jaw)
        )
        * (1.0 - smile),
        "relaxed": 0.5 * smile * both("eyeSquint"),
        "lookUp": both("eyeLookUp"),
        "lookDown": both("eyeLookDown"),
        "lookLeft": 0.5 * (w("eyeLookOutLeft") + w("eyeLookInRight")),
        "lookRight": 0.5 * (w("eyeLookInLeft") + w("eyeLookOutRight")),
    }


EXPRESSIONS: tuple[str, ...] = (*BLENDSHAPES, *vrm_expressions(dict.fromkeys(WEIGHTS, np.zeros(1))))
"""The names of all expressions of a solved face: ARKit's, and VRM's presets."""
