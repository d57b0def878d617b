"""Takes: animation stacks, their layers, and the values of animated properties over time.

A stack has layers; a layer has curve nodes (such as "Lcl Rotation" of a model); a curve node has a
curve for each component. The first layer replaces a property's own value; each further one is added
to the layers below it, or replaces them, by its BlendMode and Weight (FbxAnimLayer).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.motion import MOST_FRAMES
from mocap.errors import InputError
from mocap.formats import euler
from mocap.formats.fbx.curves import Curve, curve
from mocap.formats.fbx.scene import FbxScene, number, split_name, vector
from mocap.formats.fbx.transform import Local, quaternion

TRANSLATION, ROTATION, SCALING = "Lcl Translation", "Lcl Rotation", "Lcl Scaling"
_CHANNELS = (TRANSLATION, ROTATION, SCALING)
_ADDITIVE, _OVERRIDE = 0, 1
# Gaps between keys longer than this many frames of the file are filled with frames.
_GAP = 1.5


@dataclass(frozen=True, eq=False, slots=True)
class LayerCurves:
    """A property's animation in one layer.

    Attributes:
        curves: The curves of the three components; None for a component without one.
        still: Values of the components without a curve.
        layer: The layer.
    """

    curves: tuple[Curve | None, Curve | None, Curve | None]
    still: Float[ndarray, "3"]
    layer: Layer


@dataclass(frozen=True, eq=False, slots=True)
class Layer:
    """A layer of an animation stack.

    Attributes:
        identity: The layer's identity.
        blend: 0 additive, 1 override, 2 override with passthrough.
        weight: 0 to 1.
        weights: The weight's curve, if it is animated.
        by_rotation: Rotations are composed, instead of added as angles.
        by_factor: Scales are multiplied, instead of added.
    """

    identity: int
    blend: int
    weight: float
    weights: Curve | None
    by_rotation: bool
    by_factor: bool


@dataclass(frozen=True, eq=False, slots=True)
class FbxTake:
    """An animation stack.

    Attributes:
        name: The stack's name.
        span: Start and stop in the file, seconds; None if it has none.
        parts: (model's identity, property) to its curves, the lowest layer first.
    """

    name: str
    span: tuple[float, float] | None
    parts: dict[tuple[int, str], list[LayerCurves]]


def names(scene: FbxScene) -> list[str]:
    """Return the takes' names in the document's order; one without a name is "take 3"."""
    stacks = _stacks(scene)
    return [split_name(scene.objects[s])[0] or f"take {i}" for i, s in enumerate(stacks)]


def _stacks(scene: FbxScene) -> list[int]:
    return [i for i, node in scene.objects.items() if node.name == "AnimationStack"]


def chosen(scene: FbxScene, name: str | None) -> FbxTake:
    """Return a take.

    Args:
        scene: The scene.
        name: The take's name; None for the first take that moves a model.

    Raises:
        InputError: There is no such take; the message lists those there are.
    """
    known = names(scene)
    if not known:
        raise InputError("There is no animation in the file, only a character at rest.")
    if name is not None and name not in known:
        raise InputError(f"There is no animation {name!r} in the file; it has {', '.join(known)}.")
    takes = ((n, s) for n, s in zip(known, _stacks(scene), strict=True) if name in (None, n))
    first = None
    for called, stack in takes:
        take = _take(scene, called, stack)
        first = first or take
        if take.parts:
            return take
    assert first is not None
    return first


def _take(scene: FbxScene, name: str, stack: int) -> FbxTake:
    properties = scene.properties(stack)
    start, stop = (number(properties, f"Local{k}", 0.0) / scene.ticks for k in ("Start", "Stop"))
    parts: dict[tuple[int, str], list[LayerCurves]] = {}
    for layer in _layers(scene, stack):
        for node in scene.hanging(layer.identity, "AnimationCurveNode"):
            for link in scene.above[node]:
                if link.into in _CHANNELS and scene.objects[link.other].name == "Model":
                    part = _part(scene, node, layer, link.other, link.into)
                    if any(c is not None for c in part.curves):
                        parts.setdefault((link.other, link.into), []).append(part)
    return FbxTake(name, (start, stop) if stop > start else None, parts)


def _layers(scene: FbxScene, stack: int) -> list[Layer]:
    found, alone = [], []
    for identity in scene.hanging(stack, "AnimationLayer"):
        p = scene.properties(identity)
        curves = [
            c for n in scene.hanging(identity, "AnimationCurveNode", "Weight")
            for i in scene.hanging(n,
                                   "AnimationCurve") if (c := curve(scene.objects[i], scene.ticks))
        ]  # fmt: skip
        weight = np.clip(0.01 * number(p, "Weight", 100.0), 0.0, 1.0)
        layer = Layer(
            identity, int(number(p, "BlendMode", 0.0)), float(weight),
            curves[0] if curves else None,
            not number(p, "RotationAccumulationMode", 0.0),
            not number(p, "ScaleAccumulationMode", 0.0),
        )  # fmt: skip
        if not number(p, "Mute", 0.0):
            found.append(layer)
            alone += [layer] if number(p, "Solo", 0.0) else []
    return alone or found


def _part(scene: FbxScene, node: int, layer: Layer, model: int, into: str) -> LayerCurves:
    own = scene.properties(node)
    rest = vector(scene.properties(model), into, (1.0,) * 3 if into == SCALING else (0.0,) * 3)
    still = np.array([number(own, f"d|{a}", r) for a, r in zip("XYZ", rest, strict=True)])
    curves: list[Curve | None] = [None, None, None]
    for link in scene.below.get(node, ()):
        child = scene.objects[link.other]
        if child.name == "AnimationCurve" and link.into in ("d|X", "d|Y", "d|Z"):
            curves["XYZ".index(link.into[-1])] = curve(child, scene.ticks)
    return LayerCurves((curves[0], curves[1], curves[2]), still, layer)


def frame_times(scene: FbxScene, take: FbxTake) -> Float[ndarray, "frames"]:
    """Return the times of a take's keys within its span, seconds.

    Long gaps between keys are filled with frames at the file's frame rate.

    Args:
        scene: The scene.
        take: The take.

    Raises:
        InputError: There are too many frames.
    """
    curves = [c for parts in take.parts.values() for p in parts for c in p.curves if c is not None]
    if not curves:
        return np.zeros(1)
    # Keys closer than a ten-thousandth of a second are one key with rounded times.
    times = np.unique(np.concatenate([np.round(c.times, 4) for c in curves]))
    exact = np.sort(np.concatenate([c.times for c in curves]))
    times = exact[np.minimum(np.searchsorted(exact, times - 5.1e-5), len(exact) - 1)]
    if take.span is not None:
        start, stop = take.span
        inside = times[(times > start + 1e-4) & (times < stop - 1e-4)]
        ends = np.clip([start, stop], times[0], times[-1])
        if ends[1] > ends[0]:
            times = np.concatenate([ends[:1], inside, ends[1:]])
    gaps = np.diff(times)
    parts = np.where(gaps * scene.fps > _GAP, np.ceil(gaps * scene.fps - 0.01), 1.0)
    if len(times) + parts.sum() > MOST_FRAMES:
        raise InputError(
            f"The animation {take.name!r} has {len(times) + parts.sum():.0f} frames, from "
            f"{times[0]:.6g} s to {times[-1]:.6g} s, and mocap reads at most {MOST_FRAMES}; "
            "export a shorter part of it."
        )
    counts = parts.astype(np.intp)
    begin = np.repeat(np.arange(len(gaps)), counts)
    within = np.arange(len(begin)) - np.repeat(np.cumsum(counts) - counts, counts)
    filled = times[begin] + gaps[begin] * within / parts[begin]
    return np.unique(np.append(filled, times[-1]))


def moving(
    model: Local, identity: int, take: FbxTake | None, times: Float[ndarray, "frames"]
) -> tuple[ndarray, ndarray, ndarray]:
    """Return a model's translation, rotation in its parent (quaternions) and scaling.

    Args:
        model: Its transform at rest.
        identity: The model's identity.
        take: The animation; None for the rest.
        times: Seconds.

    Returns:
        Arrays (F, n), or (1, n) where nothing moves.
    """
    parts = {} if take is None else take.parts
    place, degrees, scale = (
        _property(parts.get((identity, name), []), rest[None], times, name, model.order)
        for name, rest in zip(
            _CHANNELS, (model.translation, model.rotation, model.scaling), strict=True
        )
    )
    return place, model.turn(degrees), scale


def _property(
    parts: list[LayerCurves], rest: ndarray, times: Float[ndarray, "frames"], name: str, order: str
) -> ndarray:
    value = rest
    for number_, part in enumerate(parts):
        columns = [
            np.full(len(times), still) if c is None else c.sampled(times)
            for c, still in zip(part.curves, part.still, strict=True)
        ]
        own = np.stack(columns, axis=-1)
        if number_ == 0 and part.layer.weights is None and part.layer.weight == 1.0:
            value = own
        else:
            value = _blended(np.broadcast_to(value, own.shape), own, part.layer, times, name, order)
    return value


def _blended(
    below: ndarray, own: ndarray, layer: Layer, times: ndarray, name: str, order: str
) -> ndarray:
    """Return the values of a layer blended with those of the layers below it."""
    if layer.blend == _OVERRIDE:
        return own
    added = layer.blend == _ADDITIVE
    weight = np.full(len(times), layer.weight)
    if layer.weights is not None:
        weight = np.clip(0.01 * layer.weights.sampled(times), 0.0, 1.0)
    if name == ROTATION and layer.by_rotation:
        under, over = quaternion(order, below), quaternion(order, own)
        if added:
            turn = R.multiply(under, R.slerp(np.broadcast_to(R.IDENTITY, over.shape), over, weight))
        else:
            turn = R.slerp(under, over, weight)
        angles = np.degrees(euler.to_axes(order, turn[:, None])[:, 0])
        return angles[:, [order.index(axis) for axis in "XYZ"]]
    weight = weight[:, None]
    if name == SCALING and layer.by_factor:
        over = np.sign(own) * np.abs(own) ** weight
        return below * over if added else np.abs(below) ** (1.0 - weight) * over
    return below + weight * own if added else below + weight * (own - below)
