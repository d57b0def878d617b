"""A solver for the normal equations of a whole take.

Each frame has a block of unknowns that is coupled to those of the next three frames. The matrix is
banded, so time and memory grow linearly with the number of frames.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

REACH = 3
"""Number of frames after a frame to which a third difference couples it."""


Kernel = Callable[[Float[ndarray, "frames rows n"], int], int]
"""Solves a system in place.

It gets the panels of all frames, each with the (REACH + 1)·n rows of `solve_banded`'s columns and
below them the right-hand sides as rows, and the number of these rows, which is even. It leaves the
solutions in the latter rows and returns -1, or the first frame at which the matrix is not positive
definite."""
KERNELS: list[Kernel] = []
"""One kernel, where something is faster than NumPy and LAPACK: the page's (`mocap.page.refine`)."""
KERNEL_STEP = 4
"""The kernel solves systems whose n is a multiple of this."""


def third_differences(times: Float[ndarray, "frames"]) -> Float[ndarray, "spans 4"]:
    """Return the weights with which four neighbouring frames give the third derivative.

    They are six times the divided difference at the true times. Fewer than four frames have none.

    Args:
        times: Seconds.

    Returns:
        Weights of each span of four frames, s⁻³.
    """
    spans = max(len(times) - REACH, 0)
    t = np.stack([times[k : k + spans] for k in range(REACH + 1)], axis=1)
    gaps = t[:, :, None] - t[:, None, :] + np.eye(REACH + 1)
    return np.asarray(6.0 / gaps.prod(axis=2))


def solve_banded(
    columns: Float[ndarray, "frames rows n"], right: Float[ndarray, "frames n columns"]
) -> Float[ndarray, "frames n columns"]:
    """Solve A·x = right for a symmetric, positive definite, banded A.

    Block Cholesky factorisation (Golub and Van Loan, Matrix Computations, 4th ed., ch. 4.3).
    LAPACK's banded solver is not used: it distributes these small blocks over all processors, which
    takes twenty times as long on a busy machine.

    Args:
        columns: (F, (REACH + 1)·n, n), for each frame t the blocks A[t, t] to A[t + REACH, t], one
            below the other; blocks beyond the last frame are 0.
        right: (F, n, k) k right-hand sides.

    Returns:
        (F, n, k) the solutions x.

    Raises:
        numpy.linalg.LinAlgError: A is not positive definite.
    """
    if KERNELS and columns.shape[2] % KERNEL_STEP == 0:
        return _solved_by(KERNELS[0], columns, right)
    from scipy.linalg.lapack import dpotrf, dtrtri

    frames, rows, n = columns.shape
    left = np.concatenate([columns, np.zeros((REACH, rows, n))])
    x = np.concatenate([right, np.zeros((REACH, *right.shape[1:]))])
    flat = x.reshape(-1, right.shape[2])
    inverses = np.empty((frames, n, n))
    below = np.empty((frames, rows - n, n))
    for t in range(frames):
        lower, wrong = dpotrf(left[t, :n], lower=1)
        if wrong:
            raise _indefinite(t)
        inverses[t] = dtrtri(lower, lower=1)[0]
        w = np.matmul(left[t, n:], inverses[t].T, out=below[t])
        for k in range(REACH):
            left[t + 1 + k, : (REACH - k) * n] -= w[k * n :] @ w[k * n : (k + 1) * n].T
        x[t] = inverses[t] @ x[t]
        flat[(t + 1) * n : (t + 1) * n + rows - n] -= w @ x[t]
    for t in range(frames - 1, -1, -1):
        x[t] = inverses[t].T @ (x[t] - below[t].T @ flat[(t + 1) * n : (t + 1) * n + rows - n])
    return x[:frames]


def _solved_by(
    kernel: Kernel,
    columns: Float[ndarray, "frames rows n"],
    right: Float[ndarray, "frames n columns"],
) -> Float[ndarray, "frames n columns"]:
    """Return the solutions of `solve_banded` by a kernel."""
    frames, rows, n = columns.shape
    sides = right.shape[2] + right.shape[2] % 2
    panels = np.zeros((frames, rows + sides, n))
    panels[:, :rows] = columns
    solutions = panels[:, rows : rows + right.shape[2]].swapaxes(1, 2)
    solutions[:] = right
    wrong = kernel(panels, sides)
    if wrong >= 0:
        raise _indefinite(wrong)
    return np.ascontiguousarray(solutions)


def _indefinite(frame: int) -> np.linalg.LinAlgError:
    return np.linalg.LinAlgError(
        f"The normal equations are not positive definite at frame {frame}."
    )
