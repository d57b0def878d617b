"""One Gauss–Newton step over a whole take: all frames' bones and the body's lengths at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.solve.refine.banded import REACH, solve_banded
from mocap.solve.refine.body import FREE, KIND, LENGTHS, NAMES, SOFT, STIFF
from mocap.solve.refine.costs import SOFT_ROWS, Evidence, Limit, costs
from mocap.solve.refine.ground import CAUCHY, STAND_SIGMA, SUMS, Ground, places_of
from mocap.solve.refine.products import products
from mocap.solve.refine.sight import unseen_depth
from mocap.solve.refine.smoothness import Smoothness

LENGTH_SIGMA = 0.08
"""Relative standard deviation of a person's proportions from HUMANOID's."""
STAY_SIGMA = 1.0
"""Standard deviation of a bone from its start in the search, metres; it only matters for bones
without other evidence."""
ROOT_SIGMA = 0.1
"""Standard deviation of the middle of the hips from its fitted translation, metres.

Without it, the distance of the hips would absorb the errors of the limbs' depths."""
# Weight of the prior on proportions, in measurements per UNIT of time, times the noise of the
# evidence relative to its standard deviations. If no camera sees depth from the side, noise makes
# foreshortened limbs too short in all frames, and more frames do not reduce this bias. Evidence
# without noise, or with depth seen from the side, does not need the prior.
_WEIGHT = 3.0
# Factor on third derivatives along an axis that no camera sees from the side, because the noise of
# depths is large and fast.
_CALM = 3.0
_JERK_CAUCHY = 1.0  # scale of Cauchy's loss on third derivatives, standard deviations
_LONGEST_STEP = 0.5  # largest step of a bone, as a share of its length
_DAMPING = 1e-3  # Levenberg-Marquardt damping, relative to the diagonal


@dataclass(frozen=True, eq=False, slots=True)
class Unknowns:
    """The unknowns of the search.

    Attributes:
        v: Bones, metres, camera axes.
        lengths: Lengths, metres, in the order of LENGTHS.
    """

    v: Float[ndarray, "frames 16 3"]
    lengths: Float[ndarray, "lengths"]


_LENGTH_OF = np.array([0, *(LENGTHS.index(n) for n in NAMES[1:])])
_SIZES = np.where(KIND == STIFF, 2, 3)
_ENDS = np.cumsum(_SIZES)
_STARTS = _ENDS - _SIZES
_WIDTH = int(_ENDS[-1])
_SOFT = np.flatnonzero(KIND == SOFT)
_STIFF = np.flatnonzero(KIND == STIFF)


def each_length(lengths: Float[ndarray, "lengths"]) -> Float[ndarray, "16"]:
    """Return the length of each bone, metres; 1 for the root, which has none."""
    out: ndarray = lengths[_LENGTH_OF].copy()
    out[KIND == FREE] = 1.0
    return out


def at_length(
    v: Float[ndarray, "frames 16 3"], lengths: Float[ndarray, "lengths"]
) -> Float[ndarray, "frames 16 3"]:
    """Return the bones with the stiff ones scaled to their lengths, metres."""
    size = np.maximum(np.linalg.norm(v[:, _STIFF], axis=-1), 1e-9)
    out: ndarray = v.copy()
    out[:, _STIFF] *= (each_length(lengths)[_STIFF] / size)[..., None]
    return out


def tangents(v: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3 2"]:
    """Return two unit vectors perpendicular to v and to each other, as columns."""
    axes: ndarray = R.to_matrix(R.from_frame(v, np.broadcast_to([0.0, 1.0, 0.0], v.shape)))
    return axes[..., 1:]


@dataclass(frozen=True, eq=False, slots=True)
class Anchor:
    """The values to which the search stays close.

    Attributes:
        bones: The bones at the start of the search, metres.
        lengths: The expected lengths, metres.
        root_sigma: Standard deviation of the middle of the hips from its start, metres.
    """

    bones: Float[ndarray, "frames 16 3"]
    lengths: Float[ndarray, "lengths"]
    root_sigma: float = ROOT_SIGMA


def step(
    take: Unknowns,
    anchor: Anchor,
    seen: Evidence,
    limits: tuple[Limit, ...],
    smooth: Smoothness,
    held: bool = False,
    ground: Ground | None = None,
) -> Unknowns:
    """Return the unknowns after one Gauss–Newton step.

    Args:
        take: The unknowns before the step.
        anchor: The values to which the search stays close.
        seen: The observations.
        limits: Directions in which bones should not point.
        smooth: The smoothness cost.
        held: Whether the lengths stay constant.
        ground: The floor and the contacts with it; None before it is found.
    """
    v = take.v
    c = costs(v, seen, each_length(take.lengths), limits, ground)
    frames, bones = len(v), len(NAMES)
    unseen = unseen_depth(seen.sights)
    calmed = 1.0 + (_CALM - 1.0) * unseen
    jerk = smooth.jerk(v * calmed)
    jerk_weight = 1.0 / (1.0 + np.square(jerk).sum(axis=2) / _JERK_CAUCHY**2)
    near = np.where(KIND == FREE, anchor.root_sigma, STAY_SIGMA)
    pull = seen.span[:, None] / np.square(near)

    # Derivatives by the logarithms of the lengths: longer stiff bones move their children, and the
    # target of a soft bone changes.
    longer = np.zeros((*c.r.shape, len(LENGTHS)))
    for stiff in _STIFF:
        longer[..., _LENGTH_OF[stiff]] += (c.bones[:, :, stiff] @ v[:, stiff, :, None])[..., 0]
    for row, soft in enumerate(_SOFT, SOFT_ROWS.start):
        longer[:, row, _LENGTH_OF[soft]] -= R.dot(c.bones[:, row, soft], v[:, soft])

    # The directions in which a bone can move: all three, or for a stiff bone the two across it.
    basis = [
        tangents(v[:, b]) if KIND[b] == STIFF else np.broadcast_to(np.eye(3), (frames, 3, 3))
        for b in range(bones)
    ]
    local = [c.bones[:, :, b] @ basis[b] for b in range(bones)]
    slopes = np.concatenate([*local, longer, c.r[..., None]], axis=2).swapaxes(1, 2).copy()
    by_unknowns = products(slopes[:, :_WIDTH] * c.weight[:, None], slopes)
    columns = np.zeros((frames, REACH + 1, _WIDTH, _WIDTH))
    columns[:, 0] = by_unknowns[..., :_WIDTH]
    border = by_unknowns[..., _WIDTH:-1].copy()
    gradient = by_unknowns[..., -1].copy()
    matrix = np.tensordot(longer * c.weight[..., None], longer, axes=((0, 1), (0, 1)))
    right = -np.tensordot(longer, c.r * c.weight, axes=((0, 1), (0, 1)))

    coupling = smooth.couplings(jerk_weight, frames)
    smoothing = smooth.back(jerk * jerk_weight[..., None], frames) * calmed
    staying = pull[..., None] * (v - anchor.bones)
    own = (np.square(jerk) * jerk_weight[..., None]).sum(axis=(0, 2))
    for b, e in enumerate(basis):
        here = slice(_STARTS[b], _ENDS[b])
        calm = e * calmed[:, None]
        for k in range(min(REACH + 1, frames)):
            near = np.swapaxes(calm[k:], 1, 2) @ calm[: frames - k]
            columns[: frames - k, k, here, here] += coupling[k, : frames - k, b, None, None] * near
        columns[:, 0, here, here] += pull[:, b, None, None] * (np.swapaxes(e, 1, 2) @ e)
        gradient[:, here] += np.einsum("fid,fi->fd", e, smoothing[:, b] + staying[:, b])
        if KIND[b] == STIFF:
            # Third differences grow in proportion to the bone's length.
            g = int(_LENGTH_OF[b])
            border[:, here, g] += np.einsum("fid,fi->fd", e, smoothing[:, b])
            matrix[g, g] += own[b]
            right[g] -= own[b]
    if ground is not None and frames > 1:
        block, ahead, slip_g, border_g, matrix_g, right_g = _standing_still(
            v, basis, ground, seen.span, smooth.times
        )
        columns[:, 0] += block
        columns[:-1, 1] += ahead
        gradient += slip_g
        border += border_g
        matrix += matrix_g
        right += right_g
    diagonal = np.arange(_WIDTH)
    columns[:, 0, diagonal, diagonal] *= 1.0 + _DAMPING

    evidence = c.weight[:, c.observed]
    noise = float((evidence * np.square(c.r[:, c.observed])).sum() / max(evidence.sum(), 1e-9))
    trust = max(_WEIGHT * unseen.max() * frames * min(noise, 1.0), 1e-3) / LENGTH_SIGMA**2
    matrix[np.diag_indices(len(LENGTHS))] += trust
    right -= trust * np.log(take.lengths / anchor.lengths)

    x = solve_banded(
        columns.reshape(frames, -1, _WIDTH), np.concatenate([gradient[..., None], border], axis=2)
    )
    change = np.zeros(len(LENGTHS))
    if not held:
        matrix -= np.tensordot(border, x[..., 1:], axes=((0, 1), (0, 1)))
        right += np.tensordot(border, x[..., 0], axes=((0, 1), (0, 1)))
        change = np.clip(np.linalg.solve(matrix, right), -0.1, 0.1)
    return _moved(take, -(x[..., 0] + x[..., 1:] @ change), change, basis)


def standing(
    v: Float[ndarray, "frames 16 3"],
    ground: Ground,
    span: Float[ndarray, "frames"],
    times: Float[ndarray, "frames"],
) -> tuple[Float[ndarray, "steps 16"], Float[ndarray, "steps 16 3"]]:
    """Return the movement of points in contact from frame to frame, with weights.

    Args:
        v: Bones, metres, camera axes.
        ground: The floor and the contacts with it.
        span: Time for which each frame stands, in UNITs.
        times: Seconds.

    Returns:
        The weights (m⁻²), and the movements, metres.
    """
    slip = np.diff(places_of(v), axis=0)
    seconds = np.diff(times)[:, None]
    both = ground.standing[1:] * ground.standing[:-1]
    off = np.square(slip).sum(axis=2) / np.square(STAND_SIGMA * seconds)
    weight = both * (0.5 * (span[1:] + span[:-1]))[:, None] / np.square(STAND_SIGMA * seconds)
    return weight / (1.0 + off / CAUCHY**2), slip


def _standing_still(
    v: ndarray, basis: list[ndarray], ground: Ground, span: ndarray, times: ndarray
) -> tuple[ndarray, ndarray, ndarray, ndarray, ndarray, ndarray]:
    """Return the terms of points in contact in the normal equations.

    The points depend on all bones of their limb, and on the lengths of these.

    Returns:
        The terms of each frame's block, of the block between it and the next frame, of the
        gradient, of the border, of the lengths' matrix and of its right-hand side.
    """
    weight, slip = standing(v, ground, span, times)
    counts = weight.max(axis=0) > 0.0
    counts[0] = True  # avoid empty arrays
    ever = np.flatnonzero(counts)
    sums, weight, slip = SUMS[ever], weight[:, ever], slip[:, ever]
    steps, rows = len(v) - 1, 3 * len(ever)
    w = np.repeat(weight, 3, axis=1)[..., None]
    r = slip.reshape(steps, rows, 1)
    places = np.concatenate(
        [sums[:, b, None, None] * e[:, None] for b, e in enumerate(basis)], axis=3
    )
    lengths = np.zeros((len(v), len(ever), 3, len(LENGTHS)))
    for b in _STIFF:
        lengths[..., _LENGTH_OF[b]] += sums[:, b, None] * v[:, None, b]
    grows = np.diff(lengths, axis=0).reshape(steps, rows, -1)
    before, after = (
        places[at].reshape(steps, rows, -1) for at in (slice(None, -1), slice(1, None))
    )
    block, gradient, border = (
        np.zeros((len(v), _WIDTH, _WIDTH)),
        np.zeros((len(v), _WIDTH)),
        np.zeros((len(v), _WIDTH, len(LENGTHS))),
    )
    for at, sign, end in ((slice(None, -1), -1.0, before), (slice(1, None), 1.0, after)):
        weighted = np.swapaxes(end * w, 1, 2)
        block[at] += weighted @ end
        gradient[at] += sign * (weighted @ r)[..., 0]
        border[at] += sign * (weighted @ grows)
    between = -np.swapaxes(after * w, 1, 2) @ before
    matrix = np.tensordot(grows * w, grows, axes=((0, 1), (0, 1)))
    return (
        block,
        between,
        gradient,
        border,
        matrix,
        -np.tensordot(grows * w, r[..., 0], axes=((0, 1), (0, 1))),
    )


def _moved(take: Unknowns, delta: ndarray, change: ndarray, basis: list[ndarray]) -> Unknowns:
    """Return the unknowns after a change; bones move by at most _LONGEST_STEP of their length."""
    lengths = take.lengths * np.exp(change)
    most = _LONGEST_STEP * each_length(lengths)
    v = np.empty_like(take.v)
    for b, e in enumerate(basis):
        move = (e @ delta[:, _STARTS[b] : _ENDS[b], None])[..., 0]
        size = np.linalg.norm(move, axis=-1, keepdims=True)
        v[:, b] = take.v[:, b] + move * np.minimum(1.0, most[b] / np.maximum(size, 1e-12))
    return Unknowns(at_length(v, lengths), lengths)
