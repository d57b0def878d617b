"""The network of `mocap.lift.network.run` in PyTorch, for training, and the loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from mocap.lift.network import DILATIONS, INPUTS, REACH

BONES_FROM, BONES_TO = [1, 2, 3, 4, 7, 8, 9, 10, 11, 12], [3, 4, 5, 6, 9, 10, 11, 12, 13, 14]
# Weights beside the joints' distance in metres: the depths' expected errors, and the directions of
# bones as unit vectors.
_DEVIATION, _DIRECTION = 0.01, 0.4
_DROPOUT = 0.05
_NEWEST = 8.0


class Network(nn.Module):
    """The network: inputs (B, F, 64) as of `features`, outputs (B, F, 60) as of `network.run`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        # A convolution is one product over three frames side by side, twice as fast as Conv1d here.
        self.enter = nn.Linear(3 * INPUTS, width)
        self.wide = nn.ModuleList(nn.Linear(3 * width, width) for _ in DILATIONS[1:])
        self.deep = nn.ModuleList(nn.Linear(width, width) for _ in DILATIONS[1:])
        self.leave = nn.Linear(width, 60)
        self.drop = nn.Dropout(_DROPOUT)
        self.register_buffer("mean", torch.zeros(INPUTS))
        self.register_buffer("scale", torch.ones(INPUTS))
        nn.init.zeros_(self.leave.weight)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs for inputs of `mocap.lift.network.features`."""
        x = (inputs - self.mean) / self.scale
        x = torch.cat([x[:, :1].expand(-1, REACH, -1), x, x[:, -1:].expand(-1, REACH, -1)], dim=1)
        x = torch.relu(self.enter(_three(x, DILATIONS[0])))
        for wide, deep, dilation in zip(self.wide, self.deep, DILATIONS[1:], strict=True):
            y = torch.relu(deep(self.drop(torch.relu(wide(_three(x, dilation))))))
            x = x[:, dilation : dilation + y.shape[1]] + y
        return self.leave(x)

    def normalise(self, inputs: np.ndarray) -> None:
        """Set means and scales from inputs (N, 64).

        Depth, confidence and the flag have fixed ones, since the first stage has no depths.
        """
        mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-2
        mean[30:45], scale[30:45] = 0.0, 0.25
        mean[45:60], scale[45:60] = 0.85, 0.3
        mean[63], scale[63] = 0.5, 0.5
        self.mean.copy_(torch.from_numpy(mean))
        self.scale.copy_(torch.from_numpy(scale))

    def forget_detector(self) -> None:
        """Zero the weights of the detector's depths, confidences and flag.

        Their contribution in the first stage, which has no depth and full confidence, is added to
        the bias.
        """
        constant = torch.zeros(INPUTS)
        constant[45:60] = 1.0
        constant = (constant - self.mean) / self.scale
        constant[:30] = constant[60:63] = 0.0
        with torch.no_grad():
            weight = self.enter.weight.view(-1, 3, INPUTS)
            self.enter.bias += (weight * constant).sum(dim=(1, 2))
            weight[:, :, 30:60] = 0.0
            weight[:, :, 63] = 0.0

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray]) -> Network:
        """Return the network with weights of a file.

        Args:
            arrays: The weights, as of `arrays`.
        """
        model = cls(arrays["in.bias"].shape[0])
        with torch.no_grad():
            for name in ("mean", "scale"):
                getattr(model, name).copy_(torch.from_numpy(arrays[name].astype(np.float32)))
            for name, layer in model._layers().items():
                for part in ("weight", "bias"):
                    value = arrays[f"{name}.{part}"].astype(np.float32)
                    flat = value.reshape(-1, value.shape[-1]).T if part == "weight" else value
                    getattr(layer, part).copy_(torch.from_numpy(flat.copy()))
        return model

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights for `mocap.lift.network.run`: (3, C, D) over three frames."""
        out: dict[str, np.ndarray] = {}
        for name, layer in self._layers().items():
            weight = layer.weight.detach().numpy().T
            three = name == "in" or name.endswith("wide")
            out[f"{name}.weight"] = weight.reshape(3, -1, weight.shape[-1]) if three else weight
            out[f"{name}.bias"] = layer.bias.detach().numpy()
        return out | {"mean": self.mean.numpy(), "scale": self.scale.numpy()}

    def _layers(self) -> dict[str, Any]:
        layers: dict[str, Any] = {"in": self.enter, "out": self.leave}
        for n, (wide, deep) in enumerate(zip(self.wide, self.deep, strict=True)):
            layers |= {f"{n}.wide": wide, f"{n}.deep": deep}
        return layers


def _three(x: torch.Tensor, dilation: int) -> torch.Tensor:
    frames = x.shape[1] - 2 * dilation
    return torch.cat(
        [x[:, :frames], x[:, dilation : dilation + frames], x[:, 2 * dilation :]], dim=-1
    )


def placed(inputs: torch.Tensor, outputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return joints and the errors of their depths, as `mocap.lift.network.placed` does.

    Args:
        inputs: The network's inputs.
        outputs: Its outputs for them.

    Returns:
        Joints (…, 15, 3), metres, and the logarithms of their depths' errors (…, 15).
    """
    corrections = outputs[..., :45].reshape(*outputs.shape[:-1], 15, 3)
    across = inputs[..., :30].reshape(*outputs.shape[:-1], 15, 2)
    depth = corrections[..., 2]
    nearer = (depth * inputs[..., 62:63]).clamp(max=0.9)
    flat = (across + corrections[..., :2]) * (1.0 - nearer).unsqueeze(-1)
    joints = torch.cat([flat, depth.unsqueeze(-1)], dim=-1)
    return joints, outputs[..., 45:].clamp(-6.0, 1.0)


def loss_of(
    inputs: torch.Tensor, outputs: torch.Tensor, true: torch.Tensor, taught: torch.Tensor
) -> torch.Tensor:
    """Return the mean loss of joints' distances, bones' directions and depths (Laplace).

    The last frame, the only one that the live lifter uses, counts _NEWEST times.

    Args:
        inputs: The network's inputs.
        outputs: Its outputs for them.
        true: The true joints (…, 15, 3), metres; the expected errors are trained on them.
        taught: The joints that the network learns; the true ones, or a teacher's.
    """
    joints, spread = placed(inputs, outputs)
    off = joints - taught
    position = torch.sqrt((off * off).sum(-1) + 1e-4).mean(-1)
    bones = [
        nn.functional.normalize(q[..., BONES_TO, :] - q[..., BONES_FROM, :], dim=-1, eps=1e-3)
        for q in (joints, taught)
    ]
    direction = torch.sqrt(((bones[0] - bones[1]) ** 2).sum(-1) + 1e-3).mean(-1)
    # The expected error is trained without an effect on the depth.
    missed = (joints - true)[..., 2].detach().abs()
    deviation = (missed * torch.exp(-spread) + spread).mean(-1)
    loss = position + _DIRECTION * direction + _DEVIATION * deviation  # (B, F)
    weight = torch.ones(loss.shape[1])
    weight[-1] = _NEWEST
    return (loss * weight).mean() / weight.mean()
