"""The detector's errors on rendered people (detector_pairs.npz).

The figures are bias, the share of depth that is kept, correlation in time, and the dependence on
view, confidence and model.

python mocap/lift/training/check_pairs.py          the figures of mocap/lift/CARD.md
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy import ndarray

sys.path.insert(0, str(Path(__file__).parents[3]))

from mocap.core import rotation as R
from mocap.lift.landmarks import joints_of
from mocap.lift.network import RATE
from mocap.lift.training.pairs import Pair, as_seen, load

_LIMBS = {
    "upper arm": ([1, 2], [3, 4]),
    "forearm": ([3, 4], [5, 6]),
    "thigh": ([7, 8], [9, 10]),
    "shank": ([9, 10], [11, 12]),
}
# Lags, in frames, of the errors' autocorrelation.
_LAGS = [round(seconds * RATE) for seconds in (0.1, 0.27, 0.67)]
_FROM, _TO = ([joint for ends in _LIMBS.values() for joint in ends[n]] for n in (0, 1))


def main() -> None:
    """Print the figures."""
    every = load(Path(__file__).with_name("detector_pairs.npz"))
    both = {p.number for p in every if p.heavy}
    for name, some in (
        ("full", [p for p in every if not p.heavy]),
        ("heavy", [p for p in every if p.heavy]),
        ("full, on the same pieces", [p for p in every if not p.heavy and p.number in both]),
    ):
        print(
            f"{name}: {len(some)} pieces, no person seen in "
            f"{np.mean([_lost(p).mean() for p in some]):.1%} of the frames"
        )
        _directions(some)
        _depths(some)


def _lost(pair: Pair) -> ndarray:
    return np.isnan(pair.keypoints.image[:, 11, 0])


def _angles(pair: Pair) -> ndarray:
    raw = joints_of(pair.keypoints.positions)
    a, b = (R.normalize(p[:, _TO] - p[:, _FROM]) for p in (raw, pair.true))
    return np.degrees(np.arccos(np.clip(R.dot(a, b), -1.0, 1.0)))


def _directions(some: list[Pair]) -> None:
    angles = np.concatenate([_angles(p)[~_lost(p)] for p in some])
    limbs = angles.reshape(len(angles), 4, 2).mean(axis=2)
    print(
        f"  direction {angles.mean():.1f}°: "
        + ", ".join(f"{n} {v:.1f}°" for n, v in zip(_LIMBS, limbs.mean(axis=0), strict=True))
    )
    fronts = []
    for p in some:
        across, up = p.true[:, 1] - p.true[:, 2], p.true[:, [1, 2]].mean(axis=1)
        fronts.append(R.normalize(np.cross(across, up))[~_lost(p), 2])
    front = np.concatenate(fronts)
    views = (
        ("from the front", front > 0.5),
        ("from the side", np.abs(front) <= 0.5),
        ("from behind", front < -0.5),
    )
    print("  " + ", ".join(f"{n} {angles[m].mean():.1f}°" for n, m in views))
    doubt = np.concatenate(
        [joints_of(p.keypoints.confidence[..., None])[~_lost(p)][:, _TO, 0] for p in some]
    )
    bins = ((0.0, 0.3), (0.3, 0.6), (0.6, 0.9), (0.9, 1.1))
    print(
        "  by the end's confidence: "
        + ", ".join(
            f"{a} to {min(b, 1.0)} {angles[(doubt >= a) & (doubt < b)].mean():.1f}°"
            for a, b in bins
        )
    )


def _depths(some: list[Pair]) -> None:
    """Along the hips' ray, in the scale that the apparent distance implies."""
    found = [(p, *as_seen(p, 1.0)[:2]) for p in some]
    found = [
        (p, seen, true)
        for p, seen, true in found
        if np.isfinite(true).all() and np.isfinite(seen.along).all()
    ]
    true = np.stack([true for _, _, true in found])
    off = np.stack([seen.along for _, seen, _ in found]) - true[..., 2]
    across = np.stack([seen.across for _, seen, _ in found])
    lean = [
        np.degrees(np.arctan(np.polyfit(t[:, :13, 1].ravel(), o[:, :13].ravel(), 1)[0]))
        for o, t in zip(off, true, strict=True)
    ]
    down = [np.degrees(np.arcsin(p.up[2])) for p, _, _ in found]
    slope, level = np.polyfit(down, lean, 1)
    left = np.std(lean - np.polyval((slope, level), down))
    print(
        f"  lean towards the camera {level:.1f}° and {slope:.2f}° for each degree that it looks "
        f"down, ± {left:.1f}°"
    )
    for name, (a, b) in _LIMBS.items():
        z, e = true[..., b, 2] - true[..., a, 2], off[..., b] - off[..., a]
        kept = 1.0 + np.sum(z * e) / np.sum(z * z)
        rest = e - (kept - 1.0) * z
        rest = rest - rest.mean()
        later = ", ".join(
            f"{(rest[:, n:] * rest[:, :-n]).mean() / np.square(rest).mean():.2f}" for n in _LAGS
        )
        shake = np.diff(rest, n=2, axis=1).std() / np.sqrt(6.0)  # of white noise
        lengths = [
            np.linalg.norm(p[:, :, b] - p[:, :, a], axis=-1) for p in (across, true[..., :2])
        ]
        print(
            f"  {name}: depth kept {kept:.2f}, the rest {1000 * rest.std():.0f} mm, correlated "
            f"{later}, trembling {1000 * shake:.0f} mm, "
            f"in the image {np.median(lengths[0] / lengths[1]):.2f} of its length"
        )
    off = np.linalg.norm(across - true[..., :2], axis=-1)
    print(
        f"  image points: {1000 * np.median(off):.0f} mm off in the middle, "
        f"{1000 * off.mean():.0f} mm in the mean"
    )


if __name__ == "__main__":
    main()
