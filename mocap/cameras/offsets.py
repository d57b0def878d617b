"""Offsets between the clocks of several cameras, from the performer's motion.

A joint that rises does so in every camera's picture, wherever the camera stands. The vertical
speeds of the joints, in body heights per second, are therefore cross-correlated over all offsets
of two clocks.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.keypoints import LANDMARKS, Keypoints, pair

JOINTS = [
    LANDMARKS.index(f"{side}_{n}")
    for n in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
]
"""The twelve landmarks at joints, which are the same points of the body from all sides."""
_HIPS = pair("hip")
_SHOULDERS = pair("shoulder")
_RATE = 60.0  # sampling rate of the signals, Hz
_SMOOTH = 0.1  # half width of the differentiation kernel, seconds
_LONGEST_GAP = 0.25  # longest gap that is interpolated, seconds
SHORTEST_OVERLAP = 1.5
"""Shortest time that two views must share, seconds."""
_APART = 0.2  # smallest difference of two returned offsets, seconds
_SEEN = 0.3  # confidence above which a landmark counts


def likely_offsets(
    a: Keypoints, b: Keypoints, most: int = 6
) -> tuple[Float[ndarray, "n"], Float[ndarray, "n"]]:
    """Return the most likely offsets of b's clock, best first, and their correlations.

    Args:
        a: The view with the reference clock.
        b: The other view.
        most: Largest number of offsets to return.

    Returns:
        Seconds to add to b's times, and correlations in [-1, 1]; empty if no offset gives the
        views SHORTEST_OVERLAP in common.
    """
    first, second = _speeds(a), _speeds(b)
    n = 1 << int(np.ceil(np.log2(len(first) + len(second))))

    def correlated(x: ndarray, y: ndarray) -> ndarray:
        product = np.conj(np.fft.rfft(x, n, axis=0)) * np.fft.rfft(y, n, axis=0)
        return np.asarray(np.fft.irfft(product.sum(axis=1), n))

    known, other = (np.isfinite(s) * 1.0 for s in (first, second))
    x, y = np.nan_to_num(first), np.nan_to_num(second)
    together = correlated(x, y)
    energy = correlated(x * x, other) * correlated(known, y * y)
    frames = correlated(
        (known.max(axis=1) > 0)[:, None] * 1.0, (other.max(axis=1) > 0)[:, None] * 1.0
    )
    value = together / np.sqrt(np.maximum(energy, 1e-12))
    value[frames < SHORTEST_OVERLAP * _RATE] = -np.inf
    # y(i + lag) corresponds to x(i), so the lag is subtracted from b's times.
    lags = np.arange(n)
    lags = np.where(lags > n // 2, lags - n, lags)
    offsets = (a.times[0] - b.times[0]) - lags / _RATE
    found: list[tuple[float, float]] = []
    for at in np.argsort(-value):
        if not np.isfinite(value[at]) or len(found) >= most:
            break
        if all(abs(offsets[at] - o) > _APART for o, _ in found):
            found.append((float(offsets[at]), float(value[at])))
    if not found:
        return np.zeros(0), np.zeros(0)
    return np.array([o for o, _ in found]), np.array([v for _, v in found])


def motion_speed(keypoints: Keypoints) -> float:
    """Return the root mean square of the joints' vertical speeds, body heights per second."""
    speeds = _speeds(keypoints)
    known = np.isfinite(speeds)
    return float(np.sqrt(np.square(speeds[known]).mean())) if known.any() else 0.0


def _speeds(keypoints: Keypoints) -> ndarray:
    """Return the vertical speeds of the joints relative to the hips, and those of the hips.

    Returns:
        (F, 13) body heights per second, at _RATE from the first time on; NaN where not seen.
    """
    image = np.where((keypoints.confidence > _SEEN)[..., None], keypoints.image, np.nan)
    hips, shoulders = (image[:, which].mean(axis=1) for which in (_HIPS, _SHOULDERS))
    trunk = np.linalg.norm(hips - shoulders, axis=-1)
    known = np.isfinite(trunk)
    if known.sum() < 2:
        return np.full((1, len(JOINTS) + 1), np.nan)
    times = keypoints.times
    # The trunk looks shorter when it leans, so a high quantile gives its true length. The body is
    # 2.5 times as tall.
    size = float(np.nanquantile(trunk, 0.8)) * 2.5
    heights = np.concatenate([image[:, JOINTS, 1] - hips[:, None, 1], hips[:, 1:]], axis=1) / -size
    grid = np.arange(times[0], times[-1], 1.0 / _RATE)
    half = max(int(_SMOOTH * _RATE), 2)
    ramp = -np.arange(-half, half + 1) / float((np.arange(-half, half + 1) ** 2).sum()) * _RATE
    out = np.full((len(grid), heights.shape[1]), np.nan)
    for j, series in enumerate(heights.T):
        ok = np.isfinite(series)
        if ok.sum() < 2 or len(grid) <= 2 * half:
            continue
        level = np.interp(grid, times[ok], series[ok])
        after = np.clip(np.searchsorted(times[ok], grid), 1, ok.sum() - 1)
        bridged = times[ok][after] - times[ok][after - 1] < _LONGEST_GAP
        speed = np.convolve(level, ramp, mode="same")
        speed[:half] = speed[-half:] = np.nan
        out[:, j] = np.where(bridged, speed, np.nan)
    return out
