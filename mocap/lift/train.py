"""Trains the lifter's network: `python -m mocap.lift.train --data $MOCAP_DATA`. Needs PyTorch (`pip install anymocap[train]`).

Once for the bake and once with `--causal` for the live grade (`make train`); CARD.md tells what comes out.

Positions and the directions of bones in 3D, both as distances (L1-like), on captured motion spoilt anew for every batch (noise.py).
"""

from __future__ import annotations

import argparse
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

from mocap.lift.data import takes, training_files, validation_files
from mocap.lift.model import DILATIONS, REACH
from mocap.lift.noise import sample

FRAMES = 48
BONES_FROM, BONES_TO = [1, 2, 3, 4, 7, 8, 9, 10, 11, 12], [3, 4, 5, 6, 9, 10, 11, 12, 13, 14]
# What counts beside the joints' distance, metres: the depth's deviation, and the bones' directions a unit.
_DEVIATION, _DIRECTION = 0.01, 0.4


class Network(nn.Module):
    """What `mocap.lift.model.run` computes, for training. Inputs (B, F, 64) normalised, outputs (B, F, 60)."""

    def __init__(self, width: int, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        # Convolutions as one product over three frames side by side: on a processor twice as fast as Conv1d.
        self.enter = nn.Linear(3 * 64, width)
        self.wide = nn.ModuleList(nn.Linear(3 * width, width) for _ in DILATIONS[1:])
        self.deep = nn.ModuleList(nn.Linear(width, width) for _ in DILATIONS[1:])
        self.leave = nn.Linear(width, 60)
        nn.init.zeros_(self.leave.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ahead = 0 if self.causal else REACH
        x = torch.cat([x[:, :1].expand(-1, 2 * REACH - ahead, -1), x, x[:, -1:].expand(-1, ahead, -1)], dim=1)
        x = torch.relu(self.enter(_three(x, DILATIONS[0])))
        for wide, deep, dilation in zip(self.wide, self.deep, DILATIONS[1:], strict=True):
            y = torch.relu(deep(torch.relu(wide(_three(x, dilation)))))
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
    return torch.cat([x[:, :frames], x[:, dilation : dilation + frames], x[:, 2 * dilation :]], dim=-1)


def loss_of(out: torch.Tensor, base: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    moved = out[..., :45].reshape(base.shape)
    off = base + moved - true
    position = torch.sqrt((off * off).sum(-1) + 1e-4).mean()
    p = base + moved
    bones = [nn.functional.normalize(q[..., BONES_TO, :] - q[..., BONES_FROM, :], dim=-1, eps=1e-3) for q in (p, true)]
    direction = torch.sqrt(((bones[0] - bones[1]) ** 2).sum(-1) + 1e-3).mean()
    # Laplace's deviation of the depth, learnt beside the depth and not at its cost.
    spread = out[..., 45:].clamp(-6.0, 1.0)
    deviation = (off[..., 2].detach().abs() * torch.exp(-spread) + spread).mean()
    return position + _DIRECTION * direction + _DEVIATION * deviation


_learnt_from: list[np.ndarray] = []


def _remember(motions: list[np.ndarray]) -> None:
    _learnt_from.extend(motions)


def _batch(seed: int, batch: int) -> tuple[np.ndarray, ...]:
    return tuple(a.astype(np.float32) for a in sample(np.random.default_rng(seed), _learnt_from, batch, FRAMES))


def batches(motions: list[np.ndarray], batch: int, seed: int) -> Generator[tuple[torch.Tensor, ...], None, None]:
    """Batches without end, made by another process while the network learns."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _remember, (motions,)) as pool:
        ahead = deque(pool.submit(_batch, seed * 1_000_003 + n, batch) for n in range(4))
        n = len(ahead)
        while True:
            done = ahead.popleft().result()
            ahead.append(pool.submit(_batch, seed * 1_000_003 + n, batch))
            n += 1
            yield tuple(map(torch.from_numpy, done))


def train(
    data: Path,
    out: Path,
    golden: Path | None,
    start: Path | None,
    causal: bool,
    minutes: float,
    width: int,
    batch: int,
    rate: float,
    seed: int,
) -> None:
    """Learns for some minutes and writes the weights, and to `golden` what the network answers to some inputs, for model.run's test.

    start: weights to go on from. causal: of a model that looks at frames before alone. rate: AdamW's learning rate at its highest; it
    rises over 100 steps and falls along a cosine.
    """
    # One thread: on a machine that does other things too, two that wait for each other at every layer are six times slower.
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    learn, check = list(takes(training_files(data))), list(takes(validation_files(data)))
    print(f"{sum(map(len, learn)) / 1800:.0f} minutes to learn from, {sum(map(len, check)) / 1800:.0f} to check by", flush=True)
    probe = sample(rng, learn, 256, FRAMES)[0].reshape(-1, 64)
    mean, scale = probe.mean(axis=0), probe.std(axis=0) + 1e-3
    mean[-1], scale[-1] = 0.0, 1.0
    held = [torch.tensor(a, dtype=torch.float32) for a in sample(np.random.default_rng(1), check, 96, FRAMES)]
    before = dict(np.load(start)) if start else None
    if before:
        mean, scale, width = before["mean"], before["scale"], before["in.bias"].size
    network = Network(width, causal)
    if before:
        network.adopt(before)
    print(f"{sum(p.numel() for p in network.parameters()):,} parameters", flush=True)
    average = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995))
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-2)
    norm = [torch.tensor(a, dtype=torch.float32) for a in (mean, scale)]
    source = batches(learn, batch, seed)
    began, step, said = time.monotonic(), 0, 0.0
    while (gone := (time.monotonic() - began) / (60.0 * minutes)) < 1.0:
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, step / 100.0) * (0.02 + 0.98 * 0.5 * (1.0 + np.cos(np.pi * gone)))
        given, base, true = next(source)
        loss = loss_of(network((given - norm[0]) / norm[1]), base, true)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        average.update_parameters(network)
        step += 1
        if time.monotonic() - said > 30.0:
            said = time.monotonic()
            print(f"{said - began:5.0f} s  step {step}  loss {loss.item():.4f}  {_held_out(average, held, norm)}", flush=True)
    print(f"step {step}  {_held_out(average, held, norm)}")
    source.close()
    arrays = average.module.arrays() | {"mean": mean, "scale": scale, "causal": np.array(causal)}
    arrays = {k: v.astype(np.float16 if v.ndim > 1 else np.float32) for k, v in arrays.items()}
    np.savez(out, **arrays)
    if golden:
        network.adopt(arrays)
        given = held[0][:2]
        with torch.no_grad():
            answers = network((given - norm[0]) / norm[1])
        np.savez_compressed(golden, inputs=given.numpy(), outputs=answers.numpy())


def _held_out(network: nn.Module, held: list[torch.Tensor], norm: list[torch.Tensor]) -> str:
    network.eval()
    given, base, true = held
    with torch.no_grad():
        p = base + network((given - norm[0]) / norm[1])[..., :45].reshape(base.shape)
    network.train()
    out = []
    sighted = given[:, 0, 63] > 0.5
    for name, of, which in (("detector", base, sighted), ("fused", p, sighted), ("alone", p, ~sighted)):
        a, b = (nn.functional.normalize(q[which][..., BONES_TO[:8], :] - q[which][..., BONES_FROM[:8], :], dim=-1) for q in (of, true))
        degrees = torch.rad2deg(torch.acos((a * b).sum(-1).clamp(-1.0, 1.0))).mean()
        off = (of[which] - true[which]).norm(dim=-1).mean()
        out.append(f"{name} {degrees:.1f}° {1000 * off:.0f} mm")
    return ", ".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds mocap/cmu_training")
    parser.add_argument("--out", type=Path, help="the weights' file; by default the package's own, of the model that is trained")
    parser.add_argument("--golden", type=Path, help="where to write what the tests compare with, tests/data/lift_golden.npz")
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--causal", action="store_true", help="the live model, which looks at frames before alone")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out = args.out or Path(__file__).with_name("weights_live.npz" if args.causal else "weights.npz")
    train(**vars(args))


if __name__ == "__main__":
    main()
