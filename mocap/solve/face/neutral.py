"""The neutral face of a take, to which weights are relative."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.keypoints import BLENDSHAPES
from mocap.solve.face.weights import BLINKS, LIDS, WEIGHTS, face_target

NEUTRAL = 1.0
"""Duration of the beginning of a take that may show the neutral face, seconds."""
OPEN = 0.9
"""Quantile of the lids' opening that counts as the open eye.

The median would be too low, because lids close from the open eye, but hardly open further."""
AT_REST = 0.2
"""Quantile of a network's blendshapes that counts as the rest level.

The median would clip half of the motion."""

_LOOKS = np.array([name.startswith("eyeLook") for name in BLENDSHAPES])


def neutral_face(
    times: Float[ndarray, "frames"], measures: Float[ndarray, "frames 2 24"]
) -> Float[ndarray, "2 24"]:
    """Return a take's neutral face: the usual face of its first second, or of the whole take.

    Of the two, the one with the weaker expression relative to the other is chosen. The first second
    is not neutral if the person smiles at the start, and the whole take is not if it is short and
    the person smiles all the time.

    Args:
        times: Seconds.
        measures: Measures (`measure_face`) of the frames in which the face is seen.

    Returns:
        The measures of the neutral face.
    """
    first, whole = usual_measures(measures[times <= times[0] + NEUTRAL]), usual_measures(measures)
    out = first if _expressed(first, whole) <= _expressed(whole, first) else whole
    out[:, LIDS] = whole[:, LIDS]
    return out


def neutral_blendshapes(
    times: Float[ndarray, "frames"], blendshapes: Float[ndarray, "frames 51"]
) -> Float[ndarray, "51"]:
    """Return a network's blendshapes for the neutral face, chosen as in `neutral_face`.

    Args:
        times: Seconds.
        blendshapes: Blendshapes of the frames in which the face is seen, 0 to 1.

    Returns:
        The blendshapes of the neutral face.
    """
    first = usual_blendshapes(blendshapes[times <= times[0] + NEUTRAL])
    whole = usual_blendshapes(blendshapes)
    out = np.where(
        _LOOKS | BLINKS, whole, first if first[~_LOOKS].sum() <= whole[~_LOOKS].sum() else whole
    )
    return np.asarray(out)


def usual_blendshapes(blendshapes: Float[ndarray, "frames 51"]) -> Float[ndarray, "51"]:
    """Return the rest level of each blendshape: AT_REST quantiles; for blinks, the open eye."""
    return np.where(
        BLINKS,
        np.quantile(blendshapes, 1.0 - OPEN, axis=0),
        np.quantile(blendshapes, AT_REST, axis=0),
    )


def usual_measures(measures: Float[ndarray, "frames 2 24"]) -> Float[ndarray, "2 24"]:
    """Return the median of each measure; for lids, the OPEN quantile."""
    out = np.median(measures, axis=0)
    out[:, LIDS] = np.quantile(measures[..., LIDS], OPEN, axis=0)
    return np.asarray(out)


def _expressed(face: Float[ndarray, "2 24"], neutral: Float[ndarray, "2 24"]) -> float:
    """Return the sum of a face's weights, without those of the gaze."""
    weights = face_target(face, neutral, np.zeros(()))[: len(WEIGHTS)]
    return float(
        sum(w for name, w in zip(WEIGHTS, weights, strict=True) if not name.startswith("eyeLook"))
    )
