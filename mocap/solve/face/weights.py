"""ARKit's weights and the gaze of single faces, relative to the performer's neutral face.

With a network's blendshapes, a weight is the blendshape minus that of the neutral face. From the
478 points alone, a weight is a weighted sum of the differences between the measures (measures.py)
and those of the neutral face, clipped to [0, 1]. The names are ARKit's, and left is the performer's
left: https://developer.apple.com/documentation/arkit/arfaceanchor/blendshapelocation. The points of
one camera do not show cheekPuff, jawForward, jawLeft, jawRight, tongueOut, noseSneer, mouthDimple,
mouthPress, mouthClose and mouthShrug; these need a network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.easing import smoothstep
from mocap.core.keypoints import BLENDSHAPES
from mocap.solve.face.measures import MEASURES

_SIDES = ("Left", "Right")

# Weight: measure → gain. The gains are a least-squares fit to the output of MediaPipe's network for
# 2,500 expressions applied to the points of three people's faces. Their signs follow anatomy, and
# noisier measures have smaller gains. mouthFrown, mouthLowerDown, mouthFunnel and eyeLookUp are set
# by hand, because these data hardly determine them. browDown, browInnerUp and mouthPucker are the
# gains that agree best with the network on a man in front of a webcam and with the truth on the
# mannequin (tests/benchmarks/face_fit.py).
_SIDED: dict[str, dict[str, float]] = {
    "eyeSquint": {"lower lid up": 9.45, "cheek up": 0.85},
    "eyeLookOut": {"iris out": 3.6},
    "eyeLookIn": {"iris out": -3.6},
    "eyeLookUp": {"iris up": 4.7},
    "eyeLookDown": {"iris up": -4.7},
    "mouthSmile": {"corner out": 1.07, "corner up": 1.48, "cheek up": 0.2, "width": 2.56},
    "mouthFrown": {"corner up": -4.0, "upper side up": 2.0},
    # Errors of the head's frame in pitch move brows, lids and nose alike, so lids and nose count
    # against the brows.
    "browDown": {"brow in up": -2.7, "brow out up": -5.0, "lower lid up": 3.8, "wing up": -1.5},
    "browOuterUp": {"brow in up": -0.54, "brow mid up": 2.63, "brow out up": 6.15},
    "mouthStretch": {"corner out": 1.32, "lips apart": -0.49},
    "mouthUpperUp": {"upper side up": 2.34, "lips apart": 2.38},
    "mouthLowerDown": {"lower side down": 1.5, "chin down": -1.0},
    "mouth": {"sideways": 2.93, "chin sideways": -4.03},
}
_WHOLE: dict[str, dict[str, float]] = {
    "jawOpen": {"chin down": 0.05, "lips apart": 3.17, "lower down": 0.63, "mouth high": -1.34},
    "browInnerUp": {"brow in up": 8.6, "brow mid up": -2.6},
    "mouthPucker": {
        "width": -3.7,
        "lips front": 2.6,
        "mouth high": 4.0,
        "corner out": -1.3,
        "lips apart": -3.7,
    },
    "mouthFunnel": {"width": -0.5, "lips front": 2.0},
    "mouthRollLower": {"mouth high": -1.52, "lips apart": 3.42},
    "mouthRollUpper": {"mouth high": -1.63, "lips apart": 3.29},
}

WEIGHTS: tuple[str, ...] = (
    *(f"{name}{side}" for name in ("eyeBlink", "eyeWide", *_SIDED) for side in _SIDES),
    *_WHOLE,
)
"""The ARKit weights that points alone give, in the order of `SolvedFace.weights`."""

# Closure of the lids (1 − opening / opening of the open eye) at which a blink begins and at which
# it is complete; the lids of the mesh never close completely.
_BLINK = (0.0, 0.75)
# The same for wide eyes: opening relative to the open eye's, minus 1.
_WIDE = (0.1, 0.45)
# The network's blendshape for closed lids, beyond the open eye's: 0.6 to 0.8 for three recorded
# men.
_BLINK_BLENDSHAPE = 0.6
# Width of an eye (30 mm) over the radius of the eyeball (12 mm), because the iris moves by this
# radius times the sine of the gaze; and the largest gaze, radians.
_EYE_WIDTH, _LOOK = 30.0 / 12.0, np.radians(35.0)
# Sines of the head's rotation at which the far half of the face begins to count less, and at which
# it no longer counts.
_ASIDE = (0.45, 0.7)


def _matrix(table: Mapping[str, Mapping[str, float]]) -> ndarray:
    out = np.zeros((len(MEASURES), len(table)))
    for column, gains in enumerate(table.values()):
        for name, gain in gains.items():
            out[MEASURES.index(name), column] = gain
    return out


_SIDED_GAINS, _WHOLE_GAINS = _matrix(_SIDED), _matrix(_WHOLE)
LIDS, _OUT, _UP = (MEASURES.index(n) for n in ("lids", "iris out", "iris up"))
BLINKS = np.array([name.startswith("eyeBlink") for name in BLENDSHAPES])
"""(51,) which of a network's blendshapes are blinks."""
# Signs of the measures for the other half of the face.
_SIGN = np.array(
    [-1.0 if n in ("iris out", "sideways", "chin sideways") else 1.0 for n in MEASURES]
)


@dataclass(frozen=True, eq=False, slots=True)
class SolvedFace:
    """Weights and gaze of the frames of a take.

    Attributes:
        weights: Weights in [0, 1], columns as in `names`.
        gaze: Angles to the performer's left and up relative to the neutral face's gaze, radians.
        names: ARKit's names: WEIGHTS, or BLENDSHAPES if a network gives them.
    """

    weights: Float[ndarray, "frames w"]
    gaze: Float[ndarray, "frames 2"]
    names: tuple[str, ...] = WEIGHTS


def face_target(
    measures: Float[ndarray, "*frames 2 24"],
    neutral: Float[ndarray, "*neutral 2 24"],
    sideways: Float[ndarray, "*frames"],
) -> Float[ndarray, "*frames n"]:
    """Return weights and gaze of single frames, without a filter.

    If the head is turned away, the far half of the face takes the values of the near half.

    Args:
        measures: Measures of the face (`measure_face`).
        neutral: Measures of the neutral face.
        sideways: Sine of the head's rotation to the performer's left.

    Returns:
        Weights in the order of WEIGHTS, in [0, 1]; then the gaze to the left and up, radians.
    """
    change = measures - neutral
    change[..., LIDS] = 1.0 - measures[..., LIDS] / np.maximum(neutral[..., LIDS], 1e-6)
    hidden = np.stack([smoothstep(side * sideways, *_ASIDE) for side in (1.0, -1.0)], axis=-1)
    hidden = hidden[..., None]
    change = (1.0 - hidden) * change + hidden * change[..., ::-1, :] * _SIGN
    closed = change[..., LIDS]
    sided = [
        smoothstep(closed, *_BLINK)[..., None],
        smoothstep(-closed, *_WIDE)[..., None],
        np.clip(change @ _SIDED_GAINS, 0.0, 1.0),
    ]
    whole = np.clip(change.mean(axis=-2) @ _WHOLE_GAINS, 0.0, 1.0)
    left = 0.5 * (change[..., 0, _OUT] - change[..., 1, _OUT])
    gaze = np.arcsin(
        np.clip(
            _EYE_WIDTH * np.stack([left, change[..., _UP].mean(axis=-1)], axis=-1),
            -np.sin(_LOOK),
            np.sin(_LOOK),
        )
    )
    by_name = np.swapaxes(np.concatenate(sided, axis=-1), -1, -2)  # (…, names, sides)
    return np.concatenate([by_name.reshape(*by_name.shape[:-2], -1), whole, gaze], axis=-1)


def with_blendshapes(
    target: Float[ndarray, "*frames n"],
    blendshapes: Float[ndarray, "*frames 51"],
    neutral: Float[ndarray, "51"],
) -> Float[ndarray, "*frames m"]:
    """Return the target with a network's blendshapes in place of the weights; the gaze stays.

    Args:
        target: Weights and gaze (`face_target`).
        blendshapes: The network's blendshapes, 0 to 1.
        neutral: The network's blendshapes of the neutral face.
    """
    weights = (blendshapes - neutral) / np.maximum(1.0 - neutral, 1e-6)
    weights = np.clip(np.where(BLINKS, weights / _BLINK_BLENDSHAPE, weights), 0.0, 1.0)
    return np.concatenate([weights, target[..., -2:]], axis=-1)
