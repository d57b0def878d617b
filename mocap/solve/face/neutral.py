"""The neutral face of a take, which weights are relative to."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.keypoints import BLENDSHAPES
from mocap.solve.face.weights import BLINKS, LIDS, WEIGHTS, face_target

NEUTRAL = 1.0
"""Seconds at the beginning of a take that may show the neutral face."""
OPEN = 0.9
"""Quantile of the lids' opening that is the open eye.

Lids only ever fall from there; the median would be half-way."""
AT_REST = 0.2
"""Quantile of a network's blendshapes that is the rest level.

The median would clip half of the motion."""

_LOOKS = np.array([name.startswith("eyeLook") for name in BLENDSHAPES])


def neutral_face(
    times: Float[ndarray, "frames"], measures: Float[ndarray, "frames 2 24"]
) -> Float[ndarray, "2 24"]:
    """Return a take's neutral face: that of its first second, or that of the whole take.

    The one is chosen that expresses less when it is measured against the other. If a person smiles
    at the start, the first second has a smile in it; if a short take is one long smile, the whole
    take has.

    Args:
        times: Seconds.
        measures: Of the frames in which the face is seen, as `measure_face` gives them.

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
        blendshapes: Of the frames in which the face is seen, 0 to 1.

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
    """Return the rest level of each blendshape, (51,): AT_REST; for blinks, the open eye's."""
    return np.where(
        BLINKS,
        np.quantile(blendshapes, 1.0 - OPEN, axis=0),
        np.quantile(blendshapes, AT_REST, axis=0),
    )


def usual_measures(measures: Float[ndarray, "frames 2 24"]) -> Float[ndarray, "2 24"]:
    """Return the median of each measure, (2, 24); for lids, the OPEN quantile."""
    out = np.median(measures, axis=0)
    out[:, LIDS] = np.quantile(measures[..., LIDS], OPEN, axis=0)
    return np.asarray(out)


def _expressed(face: Float[ndarray, "2 24"], neutral: Float[ndarray, "2 24"]) -> float:
    """Return the sum of a face's weights without its looks."""
    weights = face_target(face, neutral, np.zeros(()))[: len(WEIGHTS)]
    return float(
        sum(w for name, w in zip(WEIGHTS, weights, strict=True) if not name.startswith("eyeLook"))
    )
