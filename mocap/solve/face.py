"""A face to ARKit's weights by name, to where the eyes look, and to VRM's expressions, against the
performer's neutral face.

Where the detector's network gives blendshapes, a weight is its answer minus that for the neutral
face. Where there are only the 478 points, a weight is a sum of measures
(mocap.solve.face_measures) less those of the neutral face, times gains, within [0, 1]. Names:
https://developer.apple.com/documentation/arkit/arfaceanchor/blendshapelocation; left is the
performer's. Not measured, and so not given from points alone: what one camera shows too little of
(cheekPuff, jawForward, jawLeft, jawRight, tongueOut, noseSneer, mouthDimple, mouthPress,
mouthClose, mouthShrug).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.filter import OneEuroState, one_euro, smooth
from mocap.core.keypoints import BLENDSHAPES, Keypoints
from mocap.solve.face_measures import MEASURES, measure_face
from mocap.solve.hold import HOLD, RELAX

_SIDES = ("Left", "Right")

# Gains by measure. Fitted by least squares, of the sign that anatomy gives them and the smaller the
# noisier a measure is, to what MediaPipe's own network answers to 2,500 expressions put on the
# points of three people's faces; those of frown, mouthLowerDown, funnel and looks up, of which that
# tells little, are set by hand. Those of browDown, browInnerUp and mouthPucker are what agrees best
# with the network on a man before a webcam and with the truth on the mannequin
# (tests/benchmarks/face_fit.py).
_SIDED: dict[str, dict[str, float]] = {
    "eyeSquint": {"lower lid up": 9.45, "cheek up": 0.85},
    "eyeLookOut": {"iris out": 3.6},
    "eyeLookIn": {"iris out": -3.6},
    "eyeLookUp": {"iris up": 4.7},
    "eyeLookDown": {"iris up": -4.7},
    "mouthSmile": {"corner out": 1.07, "corner up": 1.48, "cheek up": 0.2, "width": 2.56},
    "mouthFrown": {"corner up": -4.0, "upper side up": 2.0},
    # A tilt that the frame has missed moves brows, lids and nose alike.
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
"""The names of ARKit's weights that are measured, in the order of `SolvedFace.weights`."""

# How far lids are closed (1 − opening / the open eye's) where a blink begins and where it is whole:
# the mesh's lids never quite meet. Half of what lids do is smaller than a fifth: they follow the
# look, and sink as brows and cheeks press on them.
_BLINK = (0.0, 0.75)
# How much farther than the open eye an eye opens where it begins to be wide, and where it is.
_WIDE = (0.1, 0.45)
# An eye is open as it is in a tenth of the neutral face's time: its lids only ever fall from there,
# the median is half-way.
_OPEN = 0.9
# The network's answer for shut lids, beyond the open eye: 0.6 to 0.8 for three men on camera.
_TOLD_BLINK = 0.6
# Rest level: the 20th percentile of the neutral face's weights; the median would clip half of the
# motion.
_AT_REST = 0.2
# A look is an eye's turn; an iris moves by the eyeball's radius times its sine: 12 mm, in eyes 30
# mm wide.
_EYE_WIDTH, _LOOK = 30.0 / 12.0, np.radians(35.0)

_NEUTRAL = 1.0
"""Seconds at a take's beginning that may show the neutral face."""
# Live, it then follows what is seen, by this part of the difference a second and no more than as if
# that were this.
_DRIFT, _FAR = 0.05, 0.02
LIVE_FACE, BAKE_FACE = (1.0, 2.0), 5.0
"""Of weights: live Hz at rest and Hz per weight a second, and the bake's Hz.

A blink takes 0.1 to 0.4 s."""
# Between the eyes' outer corners, pixels: faces below the first give no weights, faces above
# the second full ones. The points of the eyes of a face 50 pixels wide jitter by half an eye's
# opening.
_SMALL = (20.0, 50.0)
# Where a head is seen so far from the side, sine of the turn, the far half of the face counts less,
# and not at all.
_ASIDE = (0.45, 0.7)


@dataclass(frozen=True, eq=False, slots=True)
class FaceState:
    """What the frames after these need to know: when a face was first and last seen, s; the first
    second's measures and answers; the neutral face, measured and answered; the target last seen,
    weights and gaze; the filter.
    """

    first: float
    last: float
    begun: tuple[tuple[ndarray, ndarray], ...]
    neutral: Float[ndarray, "2 24"]
    told: Float[ndarray, "51"]
    target: Float[ndarray, "n"]
    filter: OneEuroState | None


@dataclass(frozen=True, eq=False, slots=True)
class SolvedFace:
    """weights:

    (F, W) in [0, 1], columns as in names. gaze: (F, 2) radians, to the performer's left and up,
    from the neutral face's. names: ARKit's, those measured here, or all of a network's where one
    has told them.
    """

    weights: Float[ndarray, "frames w"]
    gaze: Float[ndarray, "frames 2"]
    names: tuple[str, ...] = WEIGHTS


def _matrix(table: Mapping[str, Mapping[str, float]]) -> ndarray:
    out = np.zeros((len(MEASURES), len(table)))
    for column, gains in enumerate(table.values()):
        for name, gain in gains.items():
            out[MEASURES.index(name), column] = gain
    return out


_SIDED_GAINS, _WHOLE_GAINS = _matrix(_SIDED), _matrix(_WHOLE)
_LIDS, _OUT, _UP = (MEASURES.index(n) for n in ("lids", "iris out", "iris up"))
_OUTER = (263, 33)  # the eyes' outer corners
_BLINKS = np.array([name.startswith("eyeBlink") for name in BLENDSHAPES])
_LOOKS = np.array([name.startswith("eyeLook") for name in BLENDSHAPES])
_SIGN = np.array(
    [-1.0 if n in ("iris out", "sideways", "chin sideways") else 1.0 for n in MEASURES]
)


def face_target(
    measures: Float[ndarray, "*frames 2 24"],
    neutral: Float[ndarray, "*neutral 2 24"],
    turned: Float[ndarray, "*frames"],
) -> Float[ndarray, "*frames n"]:
    """Weights and gaze (its last two) of single frames, unfiltered. turned: sine of the head's turn
    to the performer's left, by which the half of the face that is turned away is taken to be as the
    other.
    """
    change = measures - neutral
    change[..., _LIDS] = 1.0 - measures[..., _LIDS] / np.maximum(neutral[..., _LIDS], 1e-6)
    hidden = np.stack([smoothstep(side * turned, *_ASIDE) for side in (1.0, -1.0)], axis=-1)
    hidden = hidden[..., None]
    change = (1.0 - hidden) * change + hidden * change[..., ::-1, :] * _SIGN
    closed = change[..., _LIDS]
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


def head_turns(keypoints: Keypoints) -> Float[ndarray, "frames 4"]:
    """The head's rotation in camera axes, (F, 4); NaN where no face was seen."""
    out = np.full((len(keypoints), 4), np.nan)
    if keypoints.face_transform is not None:
        seen = np.isfinite(keypoints.face_transform).all(axis=(1, 2))
        out[seen] = R.from_matrix(keypoints.face_transform[seen, :3, :3])
    return out


def _turned(keypoints: Keypoints) -> ndarray:
    return np.asarray(
        np.nan_to_num(R.apply(head_turns(keypoints), np.array([0.0, 0.0, 1.0]))[:, 0])
    )


def _legible(points: ndarray) -> ndarray:
    width = np.linalg.norm(points[:, _OUTER[0]] - points[:, _OUTER[1]], axis=-1)
    return smoothstep(width, *_SMALL)


def solve_face(keypoints: Keypoints) -> SolvedFace | None:
    """The bake: the neutral face is that of the first second or of the whole take (`neutral_face`),
    and nothing is delayed. None without any face.
    """
    if keypoints.face is None:
        return None
    seen = np.isfinite(keypoints.face).all(axis=(1, 2))
    if not seen.any():
        return None
    measures = measure_face(keypoints.face[seen])
    times = keypoints.times[seen]
    target = face_target(measures, neutral_face(times, measures), _turned(keypoints)[seen])
    if keypoints.face_blendshapes is not None:
        told = np.nan_to_num(keypoints.face_blendshapes[seen])
        target = _as_told(target, told, _neutral_told(times, told))
    target = smooth(times, target * _legible(keypoints.face[seen])[:, None], BAKE_FACE)
    return _split(_held(keypoints.times, seen, target))


def neutral_face(
    times: Float[ndarray, "frames"], measures: Float[ndarray, "frames 2 24"]
) -> Float[ndarray, "2 24"]:
    """A take's neutral face: its first second's or that of all of it, whichever expresses less seen
    from the other. Who smiles at the camera to begin with has a first second that smiles; of a
    short take that smiles throughout, the whole does.
    """
    first, whole = _usual(measures[times <= times[0] + _NEUTRAL]), _usual(measures)
    out = first if _expressed(first, whole) <= _expressed(whole, first) else whole
    out[:, _LIDS] = whole[:, _LIDS]
    return out


def _neutral_told(
    times: Float[ndarray, "frames"], told: Float[ndarray, "frames 51"]
) -> Float[ndarray, "51"]:
    """The network's answer for the neutral face, chosen as in `neutral_face`."""
    first, whole = _usually_told(told[times <= times[0] + _NEUTRAL]), _usually_told(told)
    out = np.where(
        _LOOKS | _BLINKS, whole, first if first[~_LOOKS].sum() <= whole[~_LOOKS].sum() else whole
    )
    return np.asarray(out)


def _usually_told(told: Float[ndarray, "frames 51"]) -> Float[ndarray, "51"]:
    return np.where(
        _BLINKS, np.quantile(told, 1.0 - _OPEN, axis=0), np.quantile(told, _AT_REST, axis=0)
    )


def _usual(measures: Float[ndarray, "frames 2 24"]) -> Float[ndarray, "2 24"]:
    out = np.median(measures, axis=0)
    out[:, _LIDS] = np.quantile(measures[..., _LIDS], _OPEN, axis=0)
    return np.asarray(out)


def _expressed(face: Float[ndarray, "2 24"], neutral: Float[ndarray, "2 24"]) -> float:
    weights = face_target(face, neutral, np.zeros(()))[: len(WEIGHTS)]
    return float(
        sum(w for name, w in zip(WEIGHTS, weights, strict=True) if not name.startswith("eyeLook"))
    )


def _held(times: ndarray, seen: ndarray, target: ndarray) -> ndarray:
    """Between faces seen the last is held, then eased to the neutral one, and what returns is eased
    in as long before as it is seen.
    """
    at = np.cumsum(seen) - 1
    before = (
        target[np.maximum(at, 0)]
        * (1.0 - smoothstep(times - times[seen][np.maximum(at, 0)], HOLD, HOLD + RELAX))[:, None]
    )
    after = np.minimum(at + 1, len(target) - 1)
    ahead = times[seen][after] - times
    coming = np.where((at < 0) | (ahead <= 0.0), 0.0, 1.0 - smoothstep(ahead, 0.0, RELAX))[:, None]
    out = before * (at >= 0)[:, None]
    out = out + coming * (target[after] - out)
    out[seen] = target
    return np.asarray(out)


def follow_face(
    keypoints: Keypoints, state: FaceState | None
) -> tuple[SolvedFace | None, FaceState | None]:
    """Live: frames after those of the state, and the state after them; in whatever portions.

    None where faces are not looked for.
    """
    if keypoints.face is None:
        return None, state
    seen = np.isfinite(keypoints.face).all(axis=(1, 2))
    told = keypoints.face_blendshapes
    if (
        told is None
        and not seen.any()
        and state is not None
        and len(state.target) == len(BLENDSHAPES) + 2
    ):
        told = np.full((len(keypoints), len(BLENDSHAPES)), np.nan)
    rest = np.zeros((len(WEIGHTS) if told is None else len(BLENDSHAPES)) + 2)
    if state is not None and len(state.target) != len(rest):
        state = None  # who tells has changed: another take
    if state is None and not seen.any():
        return _split(np.tile(rest, (len(keypoints), 1))), None
    measures = np.full((len(keypoints), 2, len(MEASURES)), np.nan)
    legible = np.zeros(len(keypoints))
    measures[seen], legible[seen] = (
        measure_face(keypoints.face[seen]),
        _legible(keypoints.face[seen]),
    )
    turned = _turned(keypoints)
    targets = []
    for i, (t, m, is_seen, aside, sure) in enumerate(
        zip(keypoints.times.tolist(), measures, seen, turned, legible, strict=True)
    ):
        if is_seen:
            of_it = np.zeros(len(BLENDSHAPES)) if told is None else np.nan_to_num(told[i])
            state = _calibrated(t, m, of_it, state)
            target = face_target(m, state.neutral, np.asarray(aside))
            target = sure * (target if told is None else _as_told(target, of_it, state.told))
            state = replace(state, last=t, target=target)
            targets.append(target)
        elif state is not None:
            targets.append(
                state.target * (1.0 - smoothstep(np.asarray(t - state.last), HOLD, HOLD + RELAX))
            )
        else:
            targets.append(rest)
    assert state is not None
    values, filtered = one_euro(
        keypoints.times, np.array(targets)[..., None], *LIVE_FACE, state.filter
    )
    return _split(values[..., 0]), replace(state, filter=filtered)


def _calibrated(t: float, measures: ndarray, told: ndarray, state: FaceState | None) -> FaceState:
    """The state with the neutral face of what was seen up to t: in the first second the usual one,
    later drawn to what is seen, slowly.
    """
    if state is None:
        return FaceState(t, t, ((measures, told),), measures, told, np.zeros(0), None)
    if t <= state.first + _NEUTRAL:
        begun = (*state.begun, (measures, told))
        seen, heard = (np.stack(column) for column in zip(*begun, strict=True))
        return replace(state, last=t, begun=begun, neutral=_usual(seen), told=_usually_told(heard))
    # Up and down by as much as leaves a quantile where it is.
    step = _DRIFT * min(t - state.last, 1.0)
    drift, told_drift = (
        np.clip(now - usual, -_FAR, _FAR) * step
        for now, usual in ((measures, state.neutral), (told, state.told))
    )
    drift[:, _LIDS] *= 2.0 * np.where(drift[:, _LIDS] > 0.0, _OPEN, 1.0 - _OPEN)
    least = np.where(_BLINKS, 1.0 - _OPEN, _AT_REST)
    told_drift *= 2.0 * np.where(told_drift > 0.0, least, 1.0 - least)
    return replace(
        state, last=t, begun=(), neutral=state.neutral + drift, told=state.told + told_drift
    )


def _as_told(
    target: Float[ndarray, "*frames n"],
    told: Float[ndarray, "*frames 51"],
    neutral: Float[ndarray, "51"],
) -> Float[ndarray, "*frames m"]:
    """The target with a network's weights, beyond those of the neutral face, in place of the
    measured ones; the gaze stays.
    """
    weights = (told - neutral) / np.maximum(1.0 - neutral, 1e-6)
    weights = np.clip(np.where(_BLINKS, weights / _TOLD_BLINK, weights), 0.0, 1.0)
    return np.concatenate([weights, target[..., -2:]], axis=-1)


def _split(values: ndarray) -> SolvedFace:
    names = WEIGHTS if values.shape[1] == len(WEIGHTS) + 2 else BLENDSHAPES
    return SolvedFace(np.clip(values[:, :-2], 0.0, 1.0), values[:, -2:], names)


@dataclass(frozen=True, eq=False, slots=True)
class SolvedHead:
    """The skeleton's rotations that the face determines.

    turns: (F, 4) the head, world, where seen (F,). eyes: (F, 4) the eyes, relative to the head.
    """

    turns: Float[ndarray, "frames 4"]
    seen: Bool[ndarray, "frames"]
    eyes: Float[ndarray, "frames 4"]


def solved_head(
    turns: Float[ndarray, "frames 4"], upright: Float[ndarray, "*frames 4"], face: SolvedFace | None
) -> SolvedHead | None:
    """The head turned as before the camera (`head_turns`), in the upright world; None where no face
    has been looked for.
    """
    if face is None:
        return None
    seen = np.isfinite(turns).all(axis=-1)
    return SolvedHead(
        R.multiply(upright, np.where(seen[:, None], turns, R.IDENTITY)), seen, eye_turns(face.gaze)
    )


def eye_turns(gaze: Float[ndarray, "*frames 2"]) -> Float[ndarray, "*frames 4"]:
    """An eye bone's rotation relative to the head."""
    up = R.from_axis_angle(np.array([1.0, 0.0, 0.0]), -gaze[..., 1])
    return R.multiply(R.from_axis_angle(np.array([0.0, 1.0, 0.0]), gaze[..., 0]), up)


def expressions(face: SolvedFace) -> dict[str, Float[ndarray, "frames"]]:
    """ARKit's weights by name, and the presets of VRM 1.0 that they make."""
    arkit = {name: face.weights[:, i] for i, name in enumerate(face.names)}
    return {**arkit, **vrm_expressions(arkit)}


def vrm_expressions(arkit: Mapping[str, ndarray]) -> dict[str, ndarray]:
    """VRM 1.0's presets (VRMC_vrm-1.0/expressions.md) from ARKit's weights, frames or single
    numbers; what is missing counts as 0.

    Vowels share what the mouth does: open and round is oh, narrow and round ou, wide ih, open and
    wide ee, otherwise open aa; their sum is at most 1. Feelings are what the faces of FACS'
    prototypes (Ekman and Friesen, 1978) share, the least of their parts.
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
"""The names of all expressions that a solved face may have:

ARKit's, and VRM's that are made of them."""
