"""Made motions of people who press, cheer, carry, sit at a desk and lean: held out of the training.

Their key poses are others than those of `mocap.lift.training.load_poses`.
"""

from __future__ import annotations

import numpy as np

from mocap.core.motion import Motion

from .made_motions import _STAND, _blend, _key, posed

_UPRIGHT = {"hips": (0, 0.92, 0), "pelvis": (0, 0, 0), "feet": (0.12, 0.085, 0)}
_OVERHEAD = _key(**_UPRIGHT, hands=(0.45, 1.95, 0), elbows=(1, 0, 0.2))
_RACK = _key(**_UPRIGHT, hands=(0.22, 1.48, 0.13), elbows=(0.3, -0.6, 1))
_SPLIT = _key(
    hips=(0, 0.86, 0), pelvis=(0, 0, 0), feet=[[0.12, 0.085, 0.3], [-0.12, 0.12, -0.35]],
    hands=(0.45, 1.9, 0), elbows=(1, 0, 0.2),
)  # fmt: skip
_LOW = _key(
    hips=(0, 0.6, -0.25), pelvis=(55, 0, 0), feet=(0.12, 0.085, 0), knees=(0.2, 0.2, 1),
    hands=(0.3, 0.35, 0.15), elbows=(1, -0.3, -0.6),
)  # fmt: skip
_CHEER = _key(**_UPRIGHT, hands=(0.45, 1.85, 0.1), elbows=(1, 0.2, 0.3))
_CLAP = _key(**_UPRIGHT, hands=(0.04, 1.98, 0.05), elbows=(1, 0.2, 0.3))
_ONE_UP = _key(**_UPRIGHT, hands=[[0.25, 1.95, -0.05], [-0.2, 0.95, 0.1]])
_BOX = _key(**_UPRIGHT, hands=(0.18, 1.12, 0.38), elbows=(0.6, -0.7, -0.6))
_STEP = _key(
    hips=(0, 0.91, 0), pelvis=(-8, 0, 0), feet=[[0.1, 0.085, 0.2], [-0.1, 0.1, -0.2]],
    hands=(0.17, 1.2, 0.32), elbows=(0.7, -0.7, -0.5),
)  # fmt: skip
_HUG = _key(**_UPRIGHT, hands=(0.05, 1.25, 0.25), elbows=(0.7, -0.6, -0.4))
_SHOULDER = _key(
    **_UPRIGHT, hands=[[0.2, 1.6, 0.05], [-0.25, 0.9, 0.05]],
    elbows=[[0.7, 0, 0.7], [-0.5, -0.5, -0.8]],
)  # fmt: skip
_SEATED = {
    "hips": (0, 0.5, 0), "pelvis": (-5, 0, 0), "chest": (10, 0, 0), "feet": (0.12, 0.085, 0.25),
    "knees": (0.1, 0.4, 1),
}  # fmt: skip
_TYPE = _key(**_SEATED, hands=(0.12, 0.72, 0.38), elbows=(0.6, -0.7, -0.5))
_SHOW = _key(**_SEATED, hands=[[0.12, 0.9, 0.3], [-0.12, 0.72, 0.38]], elbows=(0.7, -0.8, -0.2))
_BOTH = _key(**_SEATED, hands=(0.1, 0.98, 0.3), elbows=(0.8, -0.7, 0))
_CHIN = _key(**_SEATED, hands=[[0.05, 1.15, 0.22], [-0.15, 0.7, 0.35]], elbows=(0.5, -1, 0.2))
_WALL = _key(
    hips=(0, 0.88, 0.25), pelvis=(17, 0, 0), feet=(0.12, 0.085, 0), hands=(0.25, 1.45, 0.85),
    elbows=(0.7, -0.7, -0.2),
)  # fmt: skip
_TABLE = _key(
    hips=(0, 0.9, -0.12), pelvis=(35, 0, 0), chest=(10, 0, 0), feet=(0.12, 0.085, 0),
    hands=(0.25, 0.85, 0.42), elbows=(0.8, -0.3, -0.6),
)  # fmt: skip
_BACK = _key(
    hips=(0, 0.88, -0.22), pelvis=(-10, 0, 0), feet=(0.1, 0.085, 0), hands=(0.06, 1.18, 0.02),
    elbows=(0.9, -0.5, 0.2),
)  # fmt: skip


def motions(seed: int = 7) -> dict[str, Motion]:
    """Return the motions by name, as `made_motions.motions`."""
    rng = np.random.default_rng(seed)
    takes = {
        "press": ([_STAND, _LOW, _RACK, _OVERHEAD, _RACK, _SPLIT, _OVERHEAD], 0.5, 0.6),
        "bar lifted": ([_RACK, _LOW, _RACK], 0.6, 0.8),
        "cheering": ([_STAND, _CHEER, _CLAP, _CHEER, _ONE_UP], 0.5, 0.5),
        "carrying": ([_STAND, _BOX, _STEP, _HUG, _SHOULDER], 0.5, 0.8),
        "at a desk": ([_TYPE, _SHOW, _BOTH, _CHIN, _TYPE], 0.6, 0.7),
        "leaning": ([_STAND, _WALL, _TABLE, _BACK], 0.7, 1.0),
    }
    return {name: posed(_blend(keys, rng, *pace)) for name, (keys, *pace) in takes.items()}
