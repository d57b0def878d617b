"""Train the lifter: `python -m mocap.lift.training.train --data $MOCAP_DATA`.

It needs PyTorch (`pip install anymocap[train]`). The first stage trains on nearly exact image
points without depth, the later ones on a detector's errors (batches.py). Progress is saved in
`--state`, so that an interrupted run continues.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mocap.lift import network
from mocap.lift.training import pairs, poses, spoil
from mocap.lift.training.batches import Mix, Sources, batch, real
from mocap.lift.training.data import captured
from mocap.lift.training.net import BONES_FROM, BONES_TO, Network, loss_of, placed
from mocap.lift.training.noise import Shown
from mocap.lift.training.stage import Library

LEARNT, CHECKED = (
    Path(__file__).with_name(name) for name in ("detector_pairs.npz", "people_pairs.npz")
)
"""Files of rendered pairs: of a mannequin, to learn from; of dressed people, to check only.

The detector errs more on the dressed characters than on people: a network that learns from them
trusts the lengths of limbs in the picture less, and arms of real people become worse (CARD.md)."""
WIDTH = 384
_WARM_UP, _SAVE_EVERY = 150, 500  # steps
_AVERAGE = 0.998  # of the weights' exponential moving average, a step
# Procedural takes of 10 s (poses.py), and their share of the pieces once they come in.
PROCEDURAL, PROCEDURAL_SHARE = 240, 0.2
Lesson = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""A batch: inputs, the true joints, and the joints to learn (true, or a teacher's)."""

_WITHIN = 0.68  # share of the depths that lie within one expected error


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the training.

    AdamW at `rate`, which rises over the first steps and falls along a cosine.
    """

    name: str
    steps: int
    rate: float
    mix: Mix
    procedural: float


EXACT = Mix(exact=32)
ERRING = Mix(real=7, spoilt=8, sketched=6, exact=11, guessed=0.5, bare=0.4)
STAGES = (
    Stage("exact", 10_000, 2e-3, EXACT, PROCEDURAL_SHARE),
    Stage("erring", 1_800, 1e-3, ERRING, PROCEDURAL_SHARE),
)


def train(data: Path, state: Path, seed: int) -> tuple[Network, Shown]:
    """Train the STAGES, each from where the one before ended.

    Args:
        data: The MOCAP_DATA folder.
        state: The folder in which progress is saved.
        seed: Seed of the random numbers.

    Returns:
        The averaged network, and the held-out real pairs.
    """
    # One thread: with more, threads wait for each other at every layer while other programs run.
    torch.set_num_threads(1)
    state.mkdir(parents=True, exist_ok=True)
    rendered = pairs.load(LEARNT)
    rng = np.random.default_rng(seed)
    takes = Library.of(captured(data))
    print(f"{len(takes.points) / 1800:.0f} minutes of motion", flush=True)
    made = Library.of(poses.takes(seed + 5, PROCEDURAL))
    spoiler = spoil.learn([p for p in rendered if not p.held_out], seed)
    pieces, held = shown(rng, rendered)
    model, before = Network(WIDTH), None
    for stage in STAGES:
        share = stage.procedural
        sources = Sources(((takes, 1.0 - share), (made, share)), spoiler, pieces)

        def lesson(
            rng: np.random.Generator, sources: Sources = sources, mix: Mix = stage.mix
        ) -> Lesson:
            inputs, true = (torch.from_numpy(a) for a in batch(rng, sources, mix))
            return inputs, true, true

        path = state / f"{stage.name}.pt"
        if before is None:
            first = np.random.default_rng(seed)
            some = [lesson(first)[0].reshape(-1, network.INPUTS).numpy() for _ in range(8)]
            model.normalise(np.concatenate(some))
        else:
            model.load_state_dict(torch.load(before, weights_only=False)["average"])
            model.forget_detector()
        learn(model, stage, lesson, held, path, seed)
        before = path
    return model, held


def shown(rng: np.random.Generator, rendered: Sequence[pairs.Pair]) -> tuple[Shown, Shown]:
    """Return pairs for training, and held-out pairs, as inputs of the network.

    Args:
        rng: Random numbers.
        rendered: The pairs of LEARNT.
    """
    held = [p for p in [*rendered, *pairs.load(CHECKED)] if p.held_out]
    pieces = real(rng, [p for p in rendered if not p.held_out], 1, mirrored=True)
    return pieces, real(rng, held, 1, mirrored=False)


def learn(
    model: Network,
    stage: Stage,
    lesson: Callable[[np.random.Generator], Lesson],
    held: Shown,
    path: Path,
    seed: int,
) -> None:
    """Train the model by one stage; afterwards it has the averaged weights.

    Args:
        model: The network with its first weights.
        stage: The stage.
        lesson: Returns a batch: inputs, the true joints, and the joints to learn.
        held: Held-out pieces, for the figures that are printed.
        path: The file in which progress is saved, and from which an interrupted stage continues.
        seed: Seed of the random numbers.
    """
    rng = np.random.default_rng(seed + sum(stage.name.encode()))
    torch.manual_seed(seed)
    decay = torch.optim.swa_utils.get_ema_multi_avg_fn(_AVERAGE)
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=decay)
    optimiser = torch.optim.AdamW(model.parameters(), lr=stage.rate, weight_decay=1e-2)
    first = 0
    if path.exists():
        kept = torch.load(path, weights_only=False)
        model.load_state_dict(kept["model"])
        average.module.load_state_dict(kept["average"])
        average.n_averaged.fill_(kept["step"] + 1)
        optimiser.load_state_dict(kept["optimiser"])
        rng.bit_generator.state = kept["rng"]
        first = kept["step"] + 1
    began, total = time.monotonic(), 0.0
    for step in range(first, stage.steps):
        for group in optimiser.param_groups:
            group["lr"] = _rate(stage, step)
        inputs, true, taught = lesson(rng)
        loss = loss_of(inputs, model(inputs), true, taught)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        average.update_parameters(model)
        total += loss.item()
        if (step + 1) % _SAVE_EVERY == 0 or step == stage.steps - 1:
            _save(path, step, model, average.module, optimiser, rng)
            seconds = time.monotonic() - began
            say = f"{stage.name} {seconds:5.0f} s  step {step + 1}  loss {total / _SAVE_EVERY:.4f}"
            print(f"{say}  {_checked(average.module, held)}", flush=True)
            total = 0.0
    model.load_state_dict(average.module.state_dict())


def _rate(stage: Stage, step: int) -> float:
    rise = min(1.0, step / _WARM_UP)
    fall = 0.005 + 0.995 * 0.5 * (1.0 + np.cos(np.pi * step / stage.steps))
    return float(stage.rate * rise * fall)


def _save(
    path: Path, step: int, model: Network, average: Any, optimiser: Any, rng: np.random.Generator
) -> None:
    kept = {
        "step": step,
        "model": model.state_dict(),
        "average": average.state_dict(),
        "optimiser": optimiser.state_dict(),
        "rng": rng.bit_generator.state,
    }
    beside = path.with_suffix(".tmp")
    torch.save(kept, beside)
    beside.replace(path)


def _answers(model: Network, inputs: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    model.eval()
    given = torch.from_numpy(inputs)
    with torch.no_grad():
        out = placed(given, model(given))
    model.train()
    return out


def _checked(model: Network, held: Shown) -> str:
    """Return the errors of directions and positions on held-out pairs, with and without depth."""
    true, out = torch.from_numpy(held.true), []
    bare = network.without_depth(held.inputs)
    for name, inputs in (("with depth", held.inputs), ("without", bare)):
        joints = _answers(model, inputs)[0]
        a, b = (
            torch.nn.functional.normalize(
                q[..., BONES_TO[:8], :] - q[..., BONES_FROM[:8], :], dim=-1
            )
            for q in (joints, true)
        )
        degrees = torch.rad2deg(torch.acos((a * b).sum(-1).clamp(-1.0, 1.0))).mean()
        distance = 1000.0 * (joints - true).norm(dim=-1).mean()
        out.append(f"{name} {degrees:.1f}° {distance:.0f} mm")
    return ", ".join(out)


def calibrate(model: Network, held: Shown) -> None:
    """Scale each joint's expected error so that _WITHIN of the depths lie within it.

    The depths are those of held-out rendered pairs, averaged as in `network.lifted`; left and right
    joints get equal scales.
    """
    answers = [_answers(model, i) for i in (held.inputs, network.without_depth(held.inputs))]
    trust = network.TRUST
    depth = trust * answers[0][0][..., 2] + (1.0 - trust) * answers[1][0][..., 2]
    spread = (trust * answers[0][1].exp() + (1.0 - trust) * answers[1][1].exp()).log()
    off = (depth - torch.from_numpy(held.true)[..., 2]).abs().log() - spread
    off = off.reshape(-1, 15).numpy()
    both = np.concatenate([off, off[:, network.MIRRORED_JOINTS]])
    shift = np.quantile(both, _WITHIN, axis=0)
    with torch.no_grad():
        model.leave.bias[45:] += torch.from_numpy(shift).float()


def write(out: Path, golden: Path | None, model: Network, held: Shown) -> None:
    """Write the weights (float16) and a golden file.

    Args:
        out: The file of weights.
        golden: Where inputs and their outputs go; None for no file.
        model: The network.
        held: The pieces whose inputs are written.
    """
    arrays = {
        k: v.astype(np.float16 if v.ndim > 1 else np.float32) for k, v in model.arrays().items()
    }
    np.savez(out, **arrays)  # type: ignore[arg-type]
    if golden is None:
        return
    rounded = {k: v.astype(np.float32) for k, v in arrays.items()}
    model.eval()
    with torch.no_grad():
        for name, layer in model._layers().items():
            weight = rounded[f"{name}.weight"]
            layer.weight.copy_(torch.from_numpy(weight.reshape(-1, weight.shape[-1]).T.copy()))
        given = torch.from_numpy(held.inputs[:2])
        np.savez_compressed(golden, inputs=given.numpy(), outputs=model(given).numpy())


def main() -> None:
    """Train, calibrate and write the network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the MOCAP_DATA folder")
    parser.add_argument(
        "--state", type=Path, default=Path("build/lift"), help="progress is kept here"
    )
    parser.add_argument("--out", type=Path, help="the weights' file; by default the package's own")
    parser.add_argument("--golden", type=Path, help="tests/data/lift_weights_golden.npz")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model, held = train(args.data, args.state, args.seed)
    calibrate(model, held)
    write(args.out or Path(network.__file__).with_name("weights.npz"), args.golden, model, held)


if __name__ == "__main__":
    main()
