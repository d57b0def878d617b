"""The names of expressions, and of the morph targets (blend shapes) that they move."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import numpy as np
from jaxtyping import Float
from numpy import ndarray

PRESETS = (
    "happy", "angry", "sad", "relaxed", "surprised", "neutral", "aa", "ih", "ou", "ee", "oh",
    "blink", "blinkLeft", "blinkRight",
)  # fmt: skip
"""VRM 1.0's preset expressions but those of the gaze, which is a rotation here. All others are
custom expressions."""

_SYNONYMS = {
    "aa": ("viseme_aa", "vrc.v_aa", "Fcl_MTH_A", "あ"),
    "ih": ("viseme_I", "vrc.v_ih", "Fcl_MTH_I", "い"),
    "ou": ("viseme_U", "vrc.v_ou", "Fcl_MTH_U", "う"),
    "ee": ("viseme_E", "vrc.v_e", "Fcl_MTH_E", "え"),
    "oh": ("viseme_O", "vrc.v_oh", "Fcl_MTH_O", "お"),
    "blink": ("Fcl_EYE_Close", "vrc.blink", "eyesClosed", "まばたき"),
    "blinkLeft": ("Fcl_EYE_Close_L", "ウィンク"),
    "blinkRight": ("Fcl_EYE_Close_R", "ウィンク右"),
}
"""VRM's vowels and blinks → their names in other conventions: Oculus' visemes, which Ready Player
Me uses too (Meta, "Viseme Reference"), VRChat, VRoid and MMD. The visemes of consonants stay at
rest, because they cannot be seen in a face."""

_ARKIT = ("jawOpen", "eyeBlinkLeft")
"""A face that has these targets has ARKit's."""


def by_target(
    expressions: Mapping[str, Float[ndarray, "frames"]], targets: Collection[str]
) -> dict[str, Float[ndarray, "frames"]]:
    """Return the weights of the morph targets that the expressions move.

    An expression moves targets of its name or of a synonym. Names match by `plain_name`.

    Args:
        expressions: Expression to its weights.
        targets: Names of the face's morph targets.

    Returns:
        Target to its weights, in [0, 1]; targets that no expression moves are left out.
    """
    by_name = by_plain_name(without_presets(expressions, {plain_name(t) for t in targets}))
    found = {t: by_name.get(plain_name(t)) for t in targets}
    return {t: np.clip(w, 0.0, 1.0) for t, w in found.items() if w is not None}


def without_presets(expressions: Mapping[str, ndarray], targets: set[str]) -> Mapping[str, ndarray]:
    """Return the expressions, without VRM's presets if the face has ARKit's targets.

    The presets are computed from ARKit's weights, so both together would move a face twice.

    Args:
        expressions: Expression to its weights.
        targets: Plain names of the face's morph targets.
    """
    if all(name in expressions and plain_name(name) in targets for name in _ARKIT):
        return {name: w for name, w in expressions.items() if name not in PRESETS}
    return expressions


def by_plain_name(expressions: Mapping[str, ndarray]) -> dict[str, ndarray]:
    """Return the weights by the plain names of the expressions and of their synonyms."""
    synonyms = {
        plain_name(o): w for name, w in expressions.items() for o in _SYNONYMS.get(name, ())
    }
    return synonyms | {plain_name(name): w for name, w in expressions.items()}


def plain_name(name: str) -> str:
    """Return a name in lower case without separators: "eyeBlink_L" becomes "eyeblinkleft"."""
    sided = re.sub(r"[_.\- ]([LlRr])$", lambda m: "Left" if m[1] in "Ll" else "Right", str(name))
    return re.sub(r"[\W_]+", "", sided).lower()
