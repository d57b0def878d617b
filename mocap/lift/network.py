"""The lifter's network in NumPy: temporal convolutions over windows of one person's joints.

For each frame, the network takes 64 numbers (`features`) in axes along the ray through the hips.
For each of the 15 JOINTS it returns a correction of the image point, the depth, and the depth's
expected error. A joint is on its own viewing ray (`placed`), so an image point that is not
corrected reprojects exactly. Training: mocap.lift.training; model card: CARD.md.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.small import clip

RATE = 30.0
"""Frame rate of the network's inputs, Hz; keypoints of other rates are interpolated."""

JOINTS: tuple[str, ...] = (
    "head",
    *(
        f"{side}_{name}"
        for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "toe")
        for side in ("left", "right")
    ),
)
"""The network's joints: the middle of the ears, and the joints of the limbs."""

MIRRORED_JOINTS = np.array([0, *(i + (1 if i % 2 else -1) for i in range(1, 15))])
HIP_JOINTS = [JOINTS.index("left_hip"), JOINTS.index("right_hip")]
DILATIONS = (1, 3, 9)
REACH = sum(DILATIONS)
"""Number of frames before and after a frame that the network uses for it."""

INPUTS = 64
_DEPTHS, _DISTANCE, _KNOWN = slice(30, 45), 62, 63
# Smallest distance of a joint from the camera, as a share of the hips' distance.
_NEAREST = 0.1
TRUST = 0.75
"""Weight of the result with the detector's depth; the rest is the result without it.

With the depth, arms are better, and the knees of people who stand; without it, the thighs of a
person who sits. On the man in front of two cameras the mean is better than either (CARD.md)."""
_QUIETEST, _LOUDEST = -6.0, 1.0  # logarithms of the expected error, metres


def features(
    across: Float[ndarray, "*batch 15 2"],
    along: Float[ndarray, "*batch 15"],
    confidence: Float[ndarray, "*batch 15"],
    hips: Float[ndarray, "*batch 3"],
    known: Float[ndarray, "*batch"] | float = 1.0,
) -> Float[ndarray, "*batch 64"]:
    """Return the network's inputs.

    Args:
        across: As in `mocap.lift.model.RayView`.
        along: As in `RayView`.
        confidence: As in `RayView`.
        hips: As in `RayView`.
        known: 1 if the detector's depths are used, 0 if not (`along` is then ignored).
    """
    known = np.broadcast_to(np.asarray(known)[..., None], (*along.shape[:-1], 1))
    flat = across.reshape(*along.shape[:-1], 30)
    return np.concatenate([flat, along * known, confidence, hips, known], axis=-1)


MIRROR = np.concatenate(
    [
        np.stack([2 * MIRRORED_JOINTS, 2 * MIRRORED_JOINTS + 1], axis=1).ravel(),
        30 + MIRRORED_JOINTS,
        45 + MIRRORED_JOINTS,
        [60, 61, 62, 63],
    ]
)
MIRROR_SIGN = np.where(np.isin(np.arange(INPUTS), [*range(0, 30, 2), 60]), -1.0, 1.0)
"""The features of the mirrored performer are `features[..., MIRROR] * MIRROR_SIGN`."""


@lru_cache(maxsize=1)
def weights() -> dict[str, Float[ndarray, "..."]]:
    """Return the network's arrays, float32, from the package."""
    with np.load(Path(__file__).with_name("weights.npz")) as file:
        return {key: np.ascontiguousarray(file[key], dtype=np.float32) for key in file.files}


PRODUCTS: dict[str, Callable[[Float[ndarray, "rows n"]], Float[ndarray, "rows m"]]] = {}
"""Layer → the product of rows of inputs with the weights that the package has, where something is
faster than NumPy: the page's kernel (`mocap.page.product`)."""


def matrices(w: dict[str, ndarray]) -> dict[str, Float[ndarray, "n m"]]:
    """Return the layers' weights as matrices, for inputs of three frames side by side.

    Args:
        w: The weights, as of `weights`.
    """
    return {
        key.removesuffix(".weight"): value.reshape(-1, value.shape[-1])
        for key, value in w.items()
        if key.endswith(".weight")
    }


def run(
    w: dict[str, ndarray], inputs: Float[ndarray, "batch frames 64"]
) -> Float[ndarray, "batch frames 60"]:
    """Return the network's outputs at each frame.

    The first and the last frame are repeated before and after, as in training. The newest frame of
    a live stream, which has no later ones, can therefore be lifted by the same network.

    Returns:
        For each joint metres to be added to its image point (x, y) and its depth (z), 45 numbers;
        then the logarithms of the depths' expected errors (metres), 15 numbers.
    """
    return _layer(w, "out", hidden(w, inputs))


def hidden(
    w: dict[str, ndarray], inputs: Float[ndarray, "batch frames 64"]
) -> Float[ndarray, "batch frames n"]:
    """Return what the output layer of `run` is given."""
    x = ((inputs - w["mean"]) / w["scale"]).astype(np.float32)
    before, after = (np.repeat(x[:, [edge]], REACH, axis=1) for edge in (0, -1))
    x = np.concatenate([before, x, after], axis=1)
    x = np.maximum(_convolve(w, "in", x, DILATIONS[0]), 0.0)
    for n, dilation in enumerate(DILATIONS[1:]):
        y = _block(w, n, _convolve(w, f"{n}.wide", x, dilation))
        x = x[:, dilation : dilation + y.shape[1]] + y
    return x


def run_newest(
    w: dict[str, ndarray], inputs: Float[ndarray, "batch 14 64"]
) -> Float[ndarray, "batch 1 60"]:
    """As `run`, only the output at the newest of REACH + 1 frames.

    Dilations rise by threes, so each layer joins three neighbours and passes a third of the rows
    on. All rows go through one product: with a few rows, reading the weights is what takes time.
    The newest frame also stands for the later ones; of three equal frames the first layer's output
    is calculated once.
    """
    batch = len(inputs)
    x = ((inputs - w["mean"]) / w["scale"]).astype(np.float32)
    x = np.concatenate([x, np.repeat(x[:, -1:], _LATER, axis=1)], axis=1)
    x = np.maximum(_layer(w, "in", x.reshape(-1, 3 * INPUTS)), 0.0)
    x = x.reshape(batch, -1, x.shape[-1])[:, _SPREAD].reshape(-1, x.shape[-1])
    for n in range(len(DILATIONS) - 1):
        threes = x.reshape(-1, 3 * x.shape[1])
        x = x[1::3] + _block(w, n, _layer(w, f"{n}.wide", threes))
    return _layer(w, "out", x).reshape(batch, 1, -1)


# Copies of the newest frame that fill the three frames that it is in, and three more; and the first
# layer's outputs, of which the last one, of three copies, comes again.
_LATER = -(REACH + 1) % 3 + 3
_SPREAD = np.minimum(np.arange((2 * REACH + 1) // 3), (REACH + _LATER) // 3)


def placed(
    inputs: Float[ndarray, "*batch 64"], outputs: Float[ndarray, "*batch 60"]
) -> tuple[Float[ndarray, "*batch 15 3"], Float[ndarray, "*batch 15"]]:
    """Return joints along the hips' ray, from the hips' middle, and their depths' errors.

    A point seen `across` metres off at the hips' distance d, whose depth is z nearer, lies
    across · (1 − z/d) off.

    Args:
        inputs: As of `features`.
        outputs: As of `run`.

    Returns:
        Joints and errors, metres.
    """
    corrections = outputs[..., :45].reshape(*outputs.shape[:-1], 15, 3)
    across = inputs[..., :30].reshape(*inputs.shape[:-1], 15, 2)
    depth = corrections[..., 2]
    nearer = np.minimum(depth * inputs[..., _DISTANCE, None], 1.0 - _NEAREST)
    flat = (across + corrections[..., :2]) * (1.0 - nearer)[..., None]
    error = np.exp(clip(outputs[..., 45:], _QUIETEST, _LOUDEST))
    return np.concatenate([flat, depth[..., None]], axis=-1), error


def lifted(
    w: dict[str, ndarray],
    inputs: Float[ndarray, "frames 64"],
    network: Callable[..., ndarray] = run,
) -> tuple[Float[ndarray, "outputs 15 3"], Float[ndarray, "outputs 15"]]:
    """`placed`, as the mean over a take and its mirror image, with depth and without (TRUST).

    Args:
        w: The weights, as of `weights`.
        inputs: As of `features`.
        network: `run`, or `run_newest` for REACH + 1 frames and the newest one's output.
    """
    given = inputs[None]
    if inputs[:, _KNOWN].any():
        given = np.concatenate([given, without_depth(given)])
    both = np.concatenate([given, given[..., MIRROR] * MIRROR_SIGN])
    outputs = network(w, both).astype(np.float64)
    joints, error = placed(both[:, -outputs.shape[1] :], outputs)
    half = len(given)
    joints[half:] = joints[half:, :, MIRRORED_JOINTS] * [-1.0, 1.0, 1.0]
    error[half:] = error[half:, :, MIRRORED_JOINTS]
    joints, error = 0.5 * (joints[:half] + joints[half:]), 0.5 * (error[:half] + error[half:])
    if half == 1:
        return joints[0], error[0]
    return TRUST * joints[0] + (1.0 - TRUST) * joints[1], TRUST * error[0] + (1.0 - TRUST) * error[
        1
    ]


def without_depth(inputs: Float[ndarray, "*batch 64"]) -> Float[ndarray, "*batch 64"]:
    """The inputs as of a detector that gives no depth.

    Args:
        inputs: As of `features`.
    """
    out = inputs.copy()
    out[..., _DEPTHS] = out[..., _KNOWN] = 0.0
    return out


def _convolve(
    w: dict[str, ndarray], layer: str, x: Float[ndarray, "batch frames n"], dilation: int
) -> Float[ndarray, "batch fewer m"]:
    """Return a layer's outputs, which are fewer by twice the dilation."""
    frames = x.shape[1] - 2 * dilation
    parts = (x[:, :frames], x[:, dilation : dilation + frames], x[:, 2 * dilation :])
    if layer in PRODUCTS:
        return _layer(w, layer, np.concatenate(parts, axis=2))
    weight = w[f"{layer}.weight"]
    out = w[f"{layer}.bias"] + parts[0] @ weight[0]
    out += parts[1] @ weight[1]
    out += parts[2] @ weight[2]
    return out


def _layer(
    w: dict[str, ndarray], layer: str, x: Float[ndarray, "*batch n"]
) -> Float[ndarray, "*batch m"]:
    """Return a layer's outputs, before it cuts off what is negative."""
    weight, bias = w[f"{layer}.weight"], w[f"{layer}.bias"]
    if layer in PRODUCTS and w is weights():
        out = PRODUCTS[layer](x.reshape(-1, x.shape[-1]))
        return (out + bias).reshape(*x.shape[:-1], -1)
    return x @ weight.reshape(-1, weight.shape[-1]) + bias


def _block(w: dict[str, ndarray], n: int, wide: ndarray) -> ndarray:
    deep = _layer(w, f"{n}.deep", np.maximum(wide, 0.0))
    return np.maximum(deep, 0.0)
