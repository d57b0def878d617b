"""The keys of a glTF animation: tracks of nodes, their common times, and values between keys."""

from __future__ import annotations

import re
import warnings

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.motion import MOST_FRAMES
from mocap.errors import InputError
from mocap.formats.gltf import glb
from mocap.formats.trees import FAR

# Frames per second that fill long gaps between keys.
_FILLED = 30.0
# Seconds: no animation is longer; keys that span more have wrong times.
_LONGEST = 24 * 3600.0
# Gaps between keys that differ by less than this share are even.
_EVEN = 0.05

Track = tuple[ndarray, ndarray, str]
Tracks = dict[tuple[int, str], Track]
"""(node, "rotation" or "translation") → (times, values, interpolation)."""


def tracks_of(document: glb.Document, binary: bytes, animation: glb.Document) -> Tracks:
    """Return an animation's tracks of rotations and translations of nodes.

    Channels of KHR_animation_pointer are read if they move a node; a warning names the others.

    Args:
        document: The document.
        binary: Its binary chunk.
        animation: One of its animations.

    Raises:
        InputError: A track's times or values cannot be read.
    """
    tracks = {}
    elsewhere = []
    for channel in animation["channels"]:
        node, path = _target(channel["target"])
        if node is None:
            elsewhere.append(path)
        elif path in ("rotation", "translation"):
            sampler = animation["samplers"][channel["sampler"]]
            times, values = (
                glb.accessor(document, binary, sampler[k]) for k in ("input", "output")
            )
            kind = sampler.get("interpolation", "LINEAR")
            if wrong := _fault(times, values, kind):
                raise InputError(
                    f"The animation {animation.get('name', '')!r} cannot be read: the {path} of "
                    f"the node {glb.node_names(document)[node]!r} {wrong}."
                )
            tracks[node, path] = times, values, kind
    if elsewhere:
        more = f" and {len(elsewhere) - 6} more" if len(elsewhere) > 6 else ""
        warnings.warn(
            f"Animated, but no part of a motion: {', '.join(elsewhere[:6])}{more}.", stacklevel=3
        )
    return tracks


def _fault(times: ndarray, values: ndarray, kind: str) -> str | None:
    """Return what is wrong with a track, as the end of a sentence; None for a valid track."""
    needed = len(times) * (3 if kind == "CUBICSPLINE" else 1)
    if len(values) != needed:
        return f"has {len(times)} keys but {len(values)} values instead of {needed}"
    if not len(times):
        return "has no keys"
    if not (np.all(np.isfinite(times)) and np.all(np.isfinite(values))):
        return "has NaN or infinity in its keys"
    if np.any(np.abs(values) > FAR):
        return f"has keys beyond {FAR:g}, so the file is damaged"
    if np.any(np.diff(times) < 0.0):
        return "has keys whose times are not in order"
    return None


def _target(target: glb.Document) -> tuple[int | None, str]:
    """Returns the node and the property that a channel moves; for other things, None and a name."""
    if target["path"] != "pointer":
        node = target.get("node")
        return node, str(target["path"]) if node is not None else "a channel without a node"
    pointer = str(target.get("extensions", {}).get("KHR_animation_pointer", {}).get("pointer"))
    found = re.fullmatch(r"/nodes/(\d{1,9})/(rotation|translation|scale|weights)", pointer)
    return (int(found[1]), found[2]) if found else (None, pointer[:80])


def times_of(tracks: Tracks) -> Float[ndarray, "frames"]:
    """Return the times at which tracks are read, seconds; without tracks one frame at 0.

    They are the times of all keys. Long gaps are filled with frames, so that edits and contacts do
    not depend on where a file has keys. Keys of straight tracks stay as they are where they are
    evenly spaced or the same in all tracks, because they are frames then.

    Args:
        tracks: The animation's tracks.

    Raises:
        InputError: The keys span more than a day, or there are too many frames between them.
    """
    if not tracks:
        return np.zeros(1)
    keys = np.unique(np.concatenate([t for t, _, _ in tracks.values()]))
    gaps = np.diff(keys)
    if gaps.sum() > _LONGEST:
        raise InputError(
            f"The animation's keys span {gaps.sum():.3g} s, but an animation has at most a day: "
            "the times of its keys are wrong."
        )
    straight = all(kind == "LINEAR" for _, _, kind in tracks.values())
    framed = all(len(t) == len(keys) for t, _, _ in tracks.values())
    if not len(gaps) or (straight and (framed or np.ptp(gaps) <= _EVEN * gaps.max())):
        return keys
    parts = np.where(gaps * _FILLED > 1.5, np.ceil(gaps * _FILLED - 0.01), 1.0).astype(np.intp)
    if parts.sum() >= MOST_FRAMES:
        raise InputError(
            f"The animation has {parts.sum() + 1} frames, from {keys[0]:.6g} s to "
            f"{keys[-1]:.6g} s, and mocap reads at most {MOST_FRAMES}; export a shorter part of it."
        )
    begin = np.repeat(np.arange(len(gaps)), parts)
    within = np.arange(len(begin)) - np.repeat(np.cumsum(parts) - parts, parts)
    filled = keys[begin] + gaps[begin] * within / parts[begin]
    return np.append(filled, keys[-1])


def sampled(
    times: Float[ndarray, " frames"],
    keys: ndarray,
    values: ndarray,
    interpolation: str,
    turning: bool,
) -> Float[ndarray, "frames n"]:
    """Return interpolated values (glTF 2.0, appendix C), constant beyond the first and last key.

    Args:
        times: Seconds at which the values are computed.
        keys: (K,) seconds of the keys.
        values: (K, n) the keys' values; with CUBICSPLINE (3 K, n): in-tangent, value, out-tangent.
        interpolation: "LINEAR", "STEP" or "CUBICSPLINE".
        turning: Whether the values are quaternions.
    """
    lower, upper, t = _between(times, keys)
    if interpolation == "CUBICSPLINE":
        into, value, out = values.reshape(len(keys), 3, -1).transpose(1, 0, 2)
        t, d = t[:, None], (keys[upper] - keys[lower])[:, None]
        at = (2 * t**3 - 3 * t**2 + 1) * value[lower] + d * (t**3 - 2 * t**2 + t) * out[lower]
        at += (-2 * t**3 + 3 * t**2) * value[upper] + d * (t**3 - t**2) * into[upper]
        return R.normalize(at) if turning else at
    if interpolation == "STEP":
        return np.asarray(values[np.where(t < 1.0, lower, upper)])
    if turning:
        values = R.normalize(values)
        return R.slerp(values[lower], values[upper], t)
    return np.asarray(values[lower] + t[:, None] * (values[upper] - values[lower]))


def turned_together(
    tracks: Tracks, times: Float[ndarray, " frames"], most: int
) -> dict[int, Float[ndarray, "frames 3 3"]]:
    """Return the rotations, as matrices, of nodes that turn linearly between the same keys.

    It saves time where thousands of nodes have few frames.

    Args:
        tracks: The animation's tracks.
        times: Seconds at which the rotations are computed.
        most: The largest number of rotations to compute at once; for clips longer than half of it
            the result is empty.
    """
    together: dict[bytes, list[int]] = {}
    size = most // len(times)
    if size < 2:
        return {}
    for (node, path), (keys, _, kind) in tracks.items():
        if path == "rotation" and kind == "LINEAR":
            together.setdefault(keys.tobytes(), []).append(node)
    out: dict[int, ndarray] = {}
    for nodes in together.values():
        lower, upper, t = _between(times, tracks[nodes[0], "rotation"][0])
        for start in range(0, len(nodes), size):
            some = nodes[start : start + size]
            values = R.normalize(np.array([tracks[node, "rotation"][1] for node in some]))
            matrices = R.to_matrix(R.slerp(values[:, lower], values[:, upper], t))
            out |= zip(some, matrices, strict=True)
    return out


def _between(
    times: Float[ndarray, " frames"], keys: ndarray
) -> tuple[ndarray, ndarray, Float[ndarray, " frames"]]:
    """Return the keys before and after each time, and the share of the way between them."""
    upper = np.clip(np.searchsorted(keys, times, side="right"), 1, max(len(keys) - 1, 1))
    lower = upper - 1
    upper = np.minimum(upper, len(keys) - 1)
    span = keys[upper] - keys[lower]
    return lower, upper, np.clip((times - keys[lower]) / np.where(span > 0, span, 1.0), 0.0, 1.0)
