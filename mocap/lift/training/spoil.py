"""The detector's errors, learnt from rendered pairs.

A small network estimates, from a frame and some frames around it, the detector's mean error for
a pose and view, and the mean absolute deviation from it. The residuals, divided by that deviation,
are kept for each piece and added to other motion, so that errors are correlated over joints and
frames as the detector's are. The residuals of a piece come from a network not trained on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.lift.network import JOINTS
from mocap.lift.training.pairs import Pair, as_seen

AROUND = (-8, -4, -2, 0, 2, 4, 8)
"""Offsets of the frames that the network sees together with a frame."""

_WIDTH, _STEPS, _BATCH, _FOLDS = 128, 600, 256, 3
_ERRORS = 4 * len(JOINTS)


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """F frames of a piece for the spoiling network.

    Attributes:
        given: Its inputs.
        error: (F, 60) the detector's image points across the hips' ray (30) and depths (15),
            metres, against the truth, and confidences (15).
        scale: (F,) of the apparent size against the true.
    """

    given: Float[ndarray, "frames n"]
    error: Float[ndarray, "frames 60"]
    scale: Float[ndarray, "frames"]


@dataclass(frozen=True, eq=False, slots=True)
class Spoiler:
    """The trained spoiling network and its residuals.

    Attributes:
        layers: Weights and biases.
        mean: Means of the inputs.
        scale: Scales of the inputs.
        rests: (P, F, 60) residuals divided by their deviation.
        sizes: (P, F) ratios of apparent to true size, each piece from one pair.
    """

    layers: tuple[tuple[ndarray, ndarray], ...]
    mean: ndarray
    scale: ndarray
    rests: Float[ndarray, "pieces frames 60"]
    sizes: Float[ndarray, "pieces frames"]

    def usual(
        self, given: Float[ndarray, "*batch n"]
    ) -> tuple[Float[ndarray, "*batch 60"], Float[ndarray, "*batch 60"]]:
        """Return the mean error, and the mean absolute deviation from it."""
        return _answer(self.layers, (given - self.mean) / self.scale)


def perspective(
    true: Float[ndarray, "*batch 15 3"], distance: Float[ndarray, "*batch"]
) -> Float[ndarray, "*batch 15 2"]:
    """Return image points, metres at the hips' distance, of joints along the hips' ray (metres)."""
    away = distance[..., None]
    return true[..., :2] * (away / np.maximum(away - true[..., 2], 0.3))[..., None]


def told(
    true: Float[ndarray, "*batch frames 15 3"], hips: Float[ndarray, "*batch frames 3"]
) -> Float[ndarray, "*batch frames n"]:
    """Return the inputs of the spoiling network.

    They are the joints' image points and depths around each frame, and the ray to the hips.

    Args:
        true: Joints from the hips' middle, camera axes, metres.
        hips: The hips' middle, camera axes, metres.
    """
    frames = true.shape[-3]
    flat = np.concatenate([perspective(true, 1.0 / hips[..., 2]), true[..., 2:]], axis=-1).reshape(
        *true.shape[:-2], -1
    )
    around = [np.clip(np.arange(frames) + n, 0, frames - 1) for n in AROUND]
    return np.concatenate([*(flat[..., at, :] for at in around), hips], axis=-1).astype(np.float32)


def taught_by(pair: Pair) -> Seen | None:
    """Return a piece for training the network; None if the person is lost in it."""
    seen, true, scale = as_seen(pair, 1.0)
    if not (
        np.isfinite(true).all() and np.isfinite(seen.across).all() and np.isfinite(seen.along).all()
    ):
        return None
    image = seen.across - perspective(true, 1.0 / seen.hips[:, 2])
    error = np.concatenate(
        [image.reshape(len(true), -1), seen.along - true[..., 2], seen.confidence], axis=-1
    )
    return Seen(told(true, seen.hips), error.astype(np.float32), scale)


def _answer(layers: tuple[tuple[ndarray, ndarray], ...], x: ndarray) -> tuple[ndarray, ndarray]:
    for weight, bias in layers[:-1]:
        x = np.maximum(x @ weight + bias, 0.0)
    weight, bias = layers[-1]
    out = x @ weight + bias
    return out[..., :_ERRORS], np.exp(np.clip(out[..., _ERRORS:], -6.0, 0.0))


def learn(pairs: Iterable[Pair], seed: int = 0) -> Spoiler:
    """Train a spoiler by pairs; needs PyTorch."""
    numbers, pieces = [], []
    for pair in pairs:
        for version in (pair, pair.mirror()):
            if (seen := taught_by(version)) is not None:
                numbers.append(pair.number)
                pieces.append(seen)
    fold = np.array(numbers) % _FOLDS
    given = np.concatenate([p.given for p in pieces])
    mean, scale = given.mean(axis=0), given.std(axis=0) + 1e-3
    rests = [np.zeros(0)] * len(pieces)
    for n in range(_FOLDS):
        layers = _fit([p for p, f in zip(pieces, fold, strict=True) if f != n], mean, scale, seed)
        for at in np.flatnonzero(fold == n):
            usual, stray = _answer(layers, (pieces[at].given - mean) / scale)
            rests[at] = ((pieces[at].error - usual) / stray).astype(np.float32)
    layers = _fit(pieces, mean, scale, seed)
    return Spoiler(
        layers, mean, scale, np.stack(rests), np.stack([p.scale for p in pieces]).astype(np.float32)
    )


def _fit(
    pieces: list[Seen], mean: ndarray, scale: ndarray, seed: int
) -> tuple[tuple[ndarray, ndarray], ...]:
    import torch
    from torch import nn

    torch.manual_seed(seed)
    given = torch.from_numpy((np.concatenate([p.given for p in pieces]) - mean) / scale).float()
    error = torch.from_numpy(np.concatenate([p.error for p in pieces])).float()
    network = nn.Sequential(
        nn.Dropout(0.05), nn.Linear(given.shape[1], _WIDTH), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(_WIDTH, _WIDTH), nn.ReLU(),
        nn.Dropout(0.2), nn.Linear(_WIDTH, 2 * _ERRORS),
    )  # fmt: skip
    with torch.no_grad():
        network[-1].weight.mul_(0.1)
        network[-1].bias[_ERRORS:] = -3.0
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.05)
    draw = np.random.default_rng(seed)
    for step in range(_STEPS):
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * 0.5 * (1.0 + np.cos(np.pi * step / _STEPS))
        at = torch.from_numpy(draw.integers(0, len(given), _BATCH))
        out = network(given[at])
        off = (error[at] - out[:, :_ERRORS]).abs()
        spread = out[:, _ERRORS:].clamp(-6.0, 0.0)
        # The usual error by its distance, the straying beside it and not at its cost (Laplace's
        # likelihood).
        loss = 20.0 * off.mean() + (off.detach() * torch.exp(-spread) + spread).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    return tuple(
        (layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy())
        for layer in linear
    )
