"""Trains the lifter's network: `python -m mocap.lift.train --data $MOCAP_DATA`. Needs PyTorch (`pip install anymocap[train]`).

Once for the bake and once with `--causal` for the live grade (`make train`); CARD.md tells what comes out.

Positions and the directions of bones in 3D, both as distances (L1-like). A part of every batch is what the real detector made of rendered
people (pairs.py), the rest captured motion spoilt anew as those show the detector to spoil it (noise.py, spoil.py).
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import time
from collections import deque
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mocap.lift.model import DILATIONS, REACH, features
from mocap.lift.training import pairs, spoil
from mocap.lift.training.data import takes, training_files
from mocap.lift.training.noise import GUESS, sample, sample_sketched

FRAMES = 48
PAIRS = Path(__file__).with_name("detector_pairs.npz")
BONES_FROM, BONES_TO = [1, 2, 3, 4, 7, 8, 9, 10, 11, 12], [3, 4, 5, 6, 9, 10, 11, 12, 13, 14]
# What counts beside the joints' distance, metres: the depth's error, and the bones' directions a unit.
_DEVIATION, _DIRECTION = 0.01, 0.4
# Of a batch, what is real; and by how many assumed fields of view each real piece is seen.
_REAL, _GUESSES = 0.2, 3
# Spoilt batches come so often each, out of so many that are kept.
_OFTEN, _KEPT = 4, 60

Piece = tuple[np.ndarray, np.ndarray, np.ndarray]
"""What the network is given (…, F, 63), where it starts from and where the joints are (…, F, 15, 3), metres along the hips' ray."""


class Network(nn.Module):
    """What `mocap.lift.model.run` computes, for training. Inputs (B, F, 63) normalised, outputs (B, F, 60)."""

    def __init__(self, width: int, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        # Convolutions as one product over three frames side by side: on a processor twice as fast as Conv1d.
        self.enter = nn.Linear(3 * 63, width)
        self.wide = nn.ModuleList(nn.Linear(3 * width, width) for _ in DILATIONS[1:])
        self.deep = nn.ModuleList(nn.Linear(width, width) for _ in DILATIONS[1:])
        self.leave = nn.Linear(width, 60)
        self.drop = nn.Dropout(0.1)
        nn.init.zeros_(self.leave.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ahead = 0 if self.causal else REACH
        x = torch.cat(
            [x[:, :1].expand(-1, 2 * REACH - ahead, -1), x, x[:, -1:].expand(-1, ahead, -1)], dim=1
        )
        x = torch.relu(self.enter(_three(x, DILATIONS[0])))
        for wide, deep, dilation in zip(self.wide, self.deep, DILATIONS[1:], strict=True):
            y = torch.relu(deep(self.drop(torch.relu(wide(_three(x, dilation))))))
            now = dilation * (1 + self.causal)
            x = x[:, now : now + y.shape[1]] + y
        return self.leave(x)

    def arrays(self) -> dict[str, np.ndarray]:
        """The weights as model.run wants them: (3, C, D) for three frames and (C, D) for one."""
        out: dict[str, np.ndarray] = {}
        for name, layer in self._layers().items():
            weight = layer.weight.detach().numpy().T
            three = name == "in" or name.endswith("wide")
            out[f"{name}.weight"] = weight.reshape(3, -1, weight.shape[-1]) if three else weight
            out[f"{name}.bias"] = layer.bias.detach().numpy()
        return out

    def _layers(self) -> dict[str, Any]:
        layers: dict[str, Any] = {"in": self.enter, "out": self.leave}
        for n, (wide, deep) in enumerate(zip(self.wide, self.deep, strict=True)):
            layers |= {f"{n}.wide": wide, f"{n}.deep": deep}
        return layers

    def adopt(self, arrays: dict[str, np.ndarray]) -> None:
        """Takes over weights as `arrays` gives them."""
        with torch.no_grad():
            for name, layer in self._layers().items():
                weight = arrays[f"{name}.weight"].astype(np.float32)
                layer.weight.copy_(torch.from_numpy(weight.reshape(-1, weight.shape[-1]).T.copy()))
                layer.bias.copy_(torch.from_numpy(arrays[f"{name}.bias"].astype(np.float32)))


def _three(x: torch.Tensor, dilation: int) -> torch.Tensor:
    frames = x.shape[1] - 2 * dilation
    return torch.cat(
        [x[:, :frames], x[:, dilation : dilation + frames], x[:, 2 * dilation :]], dim=-1
    )


def loss_of(out: torch.Tensor, base: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    moved = out[..., :45].reshape(base.shape)
    off = base + moved - true
    position = torch.sqrt((off * off).sum(-1) + 1e-4).mean()
    p = base + moved
    bones = [
        nn.functional.normalize(q[..., BONES_TO, :] - q[..., BONES_FROM, :], dim=-1, eps=1e-3)
        for q in (p, true)
    ]
    direction = torch.sqrt(((bones[0] - bones[1]) ** 2).sum(-1) + 1e-3).mean()
    # Laplace's deviation of the depth, learnt beside the depth and not at its cost.
    spread = out[..., 45:].clamp(-6.0, 1.0)
    deviation = (off[..., 2].detach().abs() * torch.exp(-spread) + spread).mean()
    return position + _DIRECTION * direction + _DEVIATION * deviation


def real(
    rng: np.random.Generator, some: list[pairs.Pair], guesses: int, mirrored: bool
) -> list[Piece]:
    """What the network is given for these pieces, and what it should answer; those in which the person is lost are left out."""
    out = []
    for pair in some:
        for version in (pair, pair.mirror()) if mirrored else (pair,):
            for _ in range(guesses):
                seen, true, _scale = pairs.as_seen(
                    version, float(np.exp(rng.uniform(-GUESS, GUESS)))
                )
                base = np.concatenate([seen.across, seen.along[..., None]], axis=-1)
                if np.isfinite(base).all() and np.isfinite(true).all():
                    given = features(seen.across, seen.along, seen.confidence, seen.hips)
                    out.append(tuple(a.astype(np.float32) for a in (given, base, true)))
    return out  # type: ignore[return-value]


_learnt_from: list[Any] = []


def _remember(*sources: Any) -> None:
    _learnt_from.extend(sources)


def _spoilt(seed: int, batch: int) -> list[np.ndarray]:
    motions, spoiler = _learnt_from
    rng = np.random.default_rng(seed)
    both = (
        sample(rng, motions, spoiler, batch // 2, FRAMES),
        sample_sketched(rng, motions, batch - batch // 2, FRAMES),
    )
    return [np.concatenate(a).astype(np.float32) for a in zip(*both, strict=True)]


def batches(
    motions: list[np.ndarray], spoiler: spoil.Spoiler, pieces: list[Piece], batch: int, seed: int
) -> Generator[list[torch.Tensor], None, None]:
    """Batches without end: real pieces, and motion that another process spoils while the network learns."""
    rng = np.random.default_rng(seed)
    count = round(_REAL * batch)
    kept: deque[list[np.ndarray]] = deque(maxlen=_KEPT)
    with ProcessPoolExecutor(
        1, multiprocessing.get_context("spawn"), _remember, (motions, spoiler)
    ) as pool:
        ahead = deque(pool.submit(_spoilt, seed * 1_000_003 + n, batch - count) for n in range(3))
        for n in itertools.count():
            # What takes longer to make than to learn from comes several times, beside other real pieces.
            if n % _OFTEN == 0 or len(kept) < 2:
                kept.append(ahead.popleft().result())
                ahead.append(pool.submit(_spoilt, seed * 1_000_003 + n + 3, batch - count))
            made = kept[int(rng.integers(len(kept)))] if n % _OFTEN else kept[-1]
            chosen = [pieces[m] for m in rng.integers(len(pieces), size=count)]
            starts = [int(rng.integers(0, len(piece[0]) - FRAMES + 1)) for piece in chosen]
            real_ones = [
                np.stack([p[part][at : at + FRAMES] for p, at in zip(chosen, starts, strict=True)])
                for part in range(3)
            ]
            yield [
                torch.from_numpy(np.concatenate(both))
                for both in zip(made, _rolled(rng, *real_ones), strict=True)
            ]


def _rolled(
    rng: np.random.Generator, given: np.ndarray, base: np.ndarray, true: np.ndarray
) -> list[np.ndarray]:
    """Real pieces by a camera that is rolled a little otherwise, and of another size: there are few, and the network would know each."""
    angle, size = (
        np.radians(6.0) * rng.normal(size=len(given)),
        np.exp(0.05 * rng.normal(size=(len(given), 1, 1, 1))),
    )
    turn = np.zeros((len(given), 1, 3, 3))
    turn[:, 0, 0, 0] = turn[:, 0, 1, 1] = np.cos(angle)
    turn[:, 0, 0, 1], turn[:, 0, 1, 0], turn[:, 0, 2, 2] = np.sin(angle), -np.sin(angle), 1.0
    base, true = base @ turn * size, true @ turn * size
    hips = np.concatenate(
        [given[..., 60:62] @ turn[:, 0, :2, :2], given[..., 62:] / size[..., 0]], axis=-1
    )
    return [
        a.astype(np.float32)
        for a in (features(base[..., :2], base[..., 2], given[..., 45:60], hips), base, true)
    ]


def train(
    data: Path,
    bank: Path,
    out: Path,
    golden: Path | None,
    causal: bool,
    steps: int,
    width: int,
    batch: int,
    rate: float,
    seed: int,
) -> None:
    """Learns for some steps and writes the weights, and to `golden` what the network answers to some inputs, for model.run's test.

    causal: of a model that looks at frames before alone. rate: AdamW's learning rate at its highest; it rises over 100 steps and falls
    along a cosine.
    """
    # One thread: on a machine that does other things too, two that wait for each other at every layer are six times slower.
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    motions, rendered = list(takes(training_files(data))), pairs.load(bank)
    learnt = [p for p in rendered if not p.held_out]
    spoiler = spoil.learn([p for p in learnt if not p.heavy], seed)
    pieces = real(rng, learnt, _GUESSES, mirrored=True)
    held = [
        torch.from_numpy(np.stack(a))
        for a in zip(
            *real(rng, [p for p in rendered if p.held_out], 1, mirrored=False), strict=True
        )
    ]
    print(
        f"{sum(map(len, motions)) / 1800:.0f} minutes of motion and {len(pieces)} real pieces to learn from, {len(held[0])} to check by",
        flush=True,
    )
    probe = np.concatenate(
        [
            sample(rng, motions, spoiler, 128, FRAMES)[0].reshape(-1, 63),
            *(p[0] for p in pieces[::3]),
        ]
    )
    mean, scale = probe.mean(axis=0), probe.std(axis=0) + 1e-2
    network = Network(width, causal)
    print(f"{sum(p.numel() for p in network.parameters()):,} parameters", flush=True)
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995)
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=2e-2)
    norm = [torch.tensor(a, dtype=torch.float32) for a in (mean, scale)]
    source = batches(motions, spoiler, pieces, batch, seed)
    began, said = time.monotonic(), 0.0
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = (
                rate
                * min(1.0, step / 100.0)
                * (0.01 + 0.99 * 0.5 * (1.0 + np.cos(np.pi * step / steps)))
            )
        given, base, true = next(source)
        loss = loss_of(network((given - norm[0]) / norm[1]), base, true)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        average.update_parameters(network)
        if time.monotonic() - said > 60.0 or step == steps - 1:
            said = time.monotonic()
            print(
                f"{said - began:5.0f} s  step {step}  loss {loss.item():.4f}  {_held_out(average, held, norm)}",
                flush=True,
            )
            _write(out, average.module, norm, causal)
    source.close()
    arrays = _write(out, average.module, norm, causal)
    if golden:
        network.adopt(arrays)
        network.eval()
        given = held[0][:2]
        with torch.no_grad():
            answers = network((given - norm[0]) / norm[1])
        np.savez_compressed(golden, inputs=given.numpy(), outputs=answers.numpy())


def _write(
    out: Path, network: Any, norm: list[torch.Tensor], causal: bool
) -> dict[str, np.ndarray]:
    arrays = network.arrays() | {
        "mean": norm[0].numpy(),
        "scale": norm[1].numpy(),
        "causal": np.array(causal),
    }
    arrays = {k: v.astype(np.float16 if v.ndim > 1 else np.float32) for k, v in arrays.items()}
    np.savez(out, **arrays)
    return arrays


def _held_out(network: nn.Module, held: list[torch.Tensor], norm: list[torch.Tensor]) -> str:
    network.eval()
    given, base, true = held
    with torch.no_grad():
        p = base + network((given - norm[0]) / norm[1])[..., :45].reshape(base.shape)
    network.train()
    out = []
    for name, of in (("detector", base), ("lifted", p)):
        a, b = (
            nn.functional.normalize(q[..., BONES_TO[:8], :] - q[..., BONES_FROM[:8], :], dim=-1)
            for q in (of, true)
        )
        degrees = torch.rad2deg(torch.acos((a * b).sum(-1).clamp(-1.0, 1.0))).mean()
        out.append(f"{name} {degrees:.1f}° {1000 * (of - true).norm(dim=-1).mean():.0f} mm")
    return ", ".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder that holds mocap/cmu_training"
    )
    parser.add_argument(
        "--pairs",
        type=Path,
        dest="bank",
        default=PAIRS,
        help="what mocap/lift/training/performers.py wrote",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="the weights' file; by default the package's own, of the model that is trained",
    )
    parser.add_argument(
        "--golden",
        type=Path,
        help="where to write what the tests compare with, tests/data/lift_weights_golden.npz",
    )
    parser.add_argument(
        "--causal", action="store_true", help="the live model, which looks at frames before alone"
    )
    parser.add_argument("--steps", type=int, default=2600)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out = args.out or Path(__file__).parents[1] / (
        "weights_live.npz" if args.causal else "weights.npz"
    )
    train(**vars(args))


if __name__ == "__main__":
    main()
