"""Displacement and rotation of the hips that minimise the rotation of legs with feet in contact.

When a wide pelvis rotates, the roots of the legs move far. If the legs are short, a small rotation
of the pelvis then saves a large rotation of the legs. On a body of human proportions the pelvis
hardly rotates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core import rotation as R

if TYPE_CHECKING:
    from scipy import sparse

# Weights of the hips' distance from the source's path, rad² per m², and of the acceleration of this
# displacement, rad² per (m/s²)². Chosen on seven motions and two rigs: with a tenth of the first,
# legs rotate 1 % less; with a tenth of the second, the hips jerk.
_LEAVE, _ACCELERATE = 0.02, 1e-5
# The same for the pelvis' rotation, rad² per rad² and per (rad/s²)². A rotation of the pelvis costs
# as much as one of a thigh. With 0.4 instead, the legs rotate 5 to 40 % less, but a pelvis of human
# width rotates twice as much.
_TURN, _TURN_ACCELERATE = 1.0, 5e-4
# Gauss-Newton steps; a third one changes each leg by less than 0.1°.
_STEPS = 2
# A straight leg is infinitely stiff along its length, because its length does not change with the
# knee's angle to first order. The stiffness is therefore taken over a shortening of this length,
# metres.
_FIRST = 0.01
# Lowest stiffness of a leg, rad² per m²; a leg of human length has at least 2.
_LEAST = 1e-3


def stiffness(
    hip: Float[ndarray, "*n 3"], knee: Float[ndarray, "*n 3"], ankle: Float[ndarray, "*n 3"]
) -> Float[ndarray, "*n 3 3"]:
    """Return the stiffness of each leg: squared rotation per squared displacement of the ankle.

    The rotation is that of the directions of thigh and shank, to first order, if the knee stays in
    its plane. Let α and β be their angles to the line from hip to ankle, u and l their lengths, L
    the length of that line, a its direction, t the direction across it in the leg's plane, on the
    knee's side, and n the plane's normal. By L = u cos α + l cos β and u sin α = l sin β, an
    ankle that is displaced by d rotates the bones

        in the plane      thigh (t/L − a cos β / (u sin(α + β))) · d,
                          shank (t/L + a cos α / (l sin(α + β))) · d;
        out of the plane  thigh cos α (n · d) / L, shank cos β (n · d) / L.

    Near a singularity (a straight leg, an ankle at the hip, a bone without length) the stiffness is
    that over a displacement of `_FIRST`, so it is finite and never zero.

    Args:
        hip: Positions of the hips, metres.
        knee: Positions of the knees, metres.
        ankle: Positions of the ankles, metres.

    Returns:
        Quadratic forms, rad² per m², positive definite.
    """
    upper, lower, length = (
        np.maximum(np.linalg.norm(d, axis=-1, keepdims=True), 1e-6)
        for d in (knee - hip, ankle - knee, ankle - hip)
    )
    thigh, shank, along = (knee - hip) / upper, (ankle - knee) / lower, (ankle - hip) / length
    normal = np.cross(thigh, shank)
    sine = np.linalg.norm(normal, axis=-1, keepdims=True)
    # Any plane through the line is that of a straight leg.
    aside = np.where(np.abs(along[..., :1]) < 0.8, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    normal = R.normalize(np.where(sine > 1e-9, normal, np.cross(along, aside)))
    across = np.cross(along, normal)
    bent = np.maximum(sine, np.sqrt(0.5 * _FIRST * (upper + lower) / (upper * lower)))
    cosines = [(d * along).sum(axis=-1, keepdims=True) for d in (thigh, shank)]
    length = np.maximum(length, _FIRST)
    turns = [
        across / length - along * cosines[1] / (upper * bent),
        across / length + along * cosines[0] / (lower * bent),
        normal * cosines[0] / length,
        normal * cosines[1] / length,
    ]
    slopes = np.stack(turns, axis=-2)  # (*n, 4, 3)
    return np.asarray(np.swapaxes(slopes, -1, -2) @ slopes + _LEAST * np.eye(3))


def displace_hips(
    times: Float[ndarray, " frames"],
    needed: Float[ndarray, "frames 2 3"],
    touching: Bool[ndarray, "frames 2"],
    stiff: Float[ndarray, "frames 2 3 3"],
    thighs: Float[ndarray, "frames 2 3"],
) -> tuple[Float[ndarray, "frames 3"], Float[ndarray, "frames 4"], Float[ndarray, "frames 2 2"]]:
    """Find displacements and rotations of the hips with which the legs rotate least.

    The unknowns are the hips' displacement and the pelvis' rotation in each frame, and one
    horizontal offset per contact. The costs are the legs' displacements, weighted by their
    stiffness, and the hips' own movements and accelerations, weighted by the constants above. A
    frame is coupled only to its neighbours and its contacts, so the least-squares system is sparse.
    Gauss-Newton steps solve for the rotations.

    Args:
        times: Seconds.
        needed: Displacement of each foot that brings it to the source's foot, metres.
        touching: Whether each foot is in contact.
        stiff: The legs' stiffness (`stiffness`), rad² per m².
        thighs: Vectors from the hips to the roots of the thighs, metres.

    Returns:
        The hips' displacements, metres; the pelvis' world rotations relative to the source's; and
        the horizontal offsets (x, z) of the feet in contact, metres (0 outside contacts).
    """
    from scipy import sparse
    from scipy.sparse.linalg import splu

    frames = len(times)
    begins = touching & ~np.concatenate([np.zeros((1, 2), dtype=bool), touching[:-1]])
    frame, foot = np.nonzero(touching)
    touch = (np.cumsum(begins.T.ravel()) - 1).reshape(2, frames)[foot, frame]
    hips, places = 6 * frames, 2 * int(begins.sum())
    width = hips + places
    # K = L Lᵀ: |Lᵀ (needed + place − hips)|² is the leg's cost.
    roots = np.linalg.cholesky(stiff[frame, foot]).transpose(0, 2, 1)
    rows = 3 * np.arange(len(frame))[:, None, None] + np.arange(3)[:, None]
    shifts = 6 * frame[:, None, None] + np.arange(3)
    fixed = _sparse(rows, shifts, roots, width) - _sparse(
        rows, hips + 2 * touch[:, None, None] + np.arange(2), roots[:, :, [0, 2]], width
    )
    stay = np.concatenate([np.tile(np.repeat([_LEAVE, _TURN], 3), frames), np.full(places, 1e-9)])
    own = sparse.diags(stay)
    if frames > 2:
        step = np.diff(times)
        before, after = (2.0 / (s * (step[1:] + step[:-1])) for s in (step[:-1], step[1:]))
        bows = sparse.diags([before, -before - after, after], [0, 1, 2], shape=(frames - 2, frames))
        each = sparse.diags(np.repeat([_ACCELERATE, _TURN_ACCELERATE], 3))
        own = own + sparse.block_diag(
            [sparse.kron(bows.T @ bows, each), sparse.csr_matrix((places, places))]
        )
    turn = np.zeros((frames, 3))
    for _ in range(_STEPS):
        # d(ω × arm) = −arm × dω
        arms = R.apply(R.from_rotation_vector(turn)[:, None], thighs)
        lever = -np.cross(arms[..., None, :], np.eye(3)).swapaxes(-1, -2)[frame, foot]
        legs = fixed + _sparse(rows, shifts + 3, roots @ lever, width)
        goal = needed[frame, foot] - (arms - thighs)[frame, foot]
        goal += np.einsum("nij,nj->ni", lever, turn[frame])
        # Positive definite: without pivoting the factors stay as sparse as the system.
        factors = splu(
            (legs.T @ legs + own).tocsc(),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
        found = factors.solve(legs.T @ np.einsum("nij,nj->ni", roots, goal).ravel())
        turn = found[:hips].reshape(frames, 6)[:, 3:]
    offsets = np.zeros((frames, 2, 2))
    offsets[frame, foot] = found[hips:].reshape(-1, 2)[touch]
    return found[:hips].reshape(frames, 6)[:, :3], R.from_rotation_vector(turn), offsets


def _sparse(rows: ndarray, columns: ndarray, values: ndarray, width: int) -> sparse.csr_matrix:
    """Return a sparse matrix made of blocks, each with three rows."""
    from scipy import sparse

    rows, columns = np.broadcast_arrays(rows, columns)
    return sparse.csr_matrix(
        (values.ravel(), (rows.ravel(), columns.ravel())), shape=(3 * len(values), width)
    )
