"""Hard cuts in a video, by the pictures alone: cheap enough to look at every frame."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

# Pixels of the thumbnail, and bins of each channel's histogram.
_WIDTH, _HEIGHT, _BINS = 32, 24, 16
# At a cut the thumbnails differ by more than this, of the full range, in the mean; so do the
# histograms, of their area; and the pictures change by more than this many times what they did
# before (a person who walks through the whole picture changes it over many frames).
_THUMBNAIL, _HISTOGRAM, _SUDDEN = 0.10, 0.25, 4.0
_REMEMBERED = 0.7  # the share of the usual change that stays from frame to frame


class CutFinder:
    """Finds the pictures with which a new take begins, one after another."""

    def __init__(self) -> None:
        self._before: tuple[ndarray, ndarray] | None = None
        self._usual = 0.0

    def begins(self, image: UInt8[ndarray, "height width 3"]) -> bool:
        """Return whether this picture does not continue the one before."""
        rows = np.linspace(0, image.shape[0] - 1, _HEIGHT).astype(int)
        columns = np.linspace(0, image.shape[1] - 1, _WIDTH).astype(int)
        # Every eighth pixel tells the histogram as well as all of them.
        thumbnail = image[np.ix_(rows, columns)].astype(np.float32) / 255.0
        some = image[::8, ::8].reshape(-1, 3) // (256 // _BINS)
        counts = [np.bincount(channel, minlength=_BINS) for channel in some.T]
        histogram = np.concatenate(counts) / (3.0 * len(some))
        before, self._before = self._before, (thumbnail, histogram)
        if before is None or before[0].shape != thumbnail.shape:
            return False
        change = float(np.abs(thumbnail - before[0]).mean())
        apart = 0.5 * float(np.abs(histogram - before[1]).sum())
        usual = self._usual
        self._usual = _REMEMBERED * usual + (1.0 - _REMEMBERED) * change
        if change > _THUMBNAIL and apart > _HISTOGRAM and change > _SUDDEN * usual:
            self._usual = 0.0
            return True
        return False
