"""Plant feet in contact, so that they neither slide nor sink.

settle_hips   shift the hips' path so that planted points move least
plant         after that: lay soles flat, raise or lower the hips with them, and move each foot to
              its position during the contact by two-bone inverse kinematics; all fade in and out
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.filter import smooth
from mocap.core.kinematics import fk, local_rotations, sole_points
from mocap.core.motion import Motion
from mocap.core.runs import runs
from mocap.core.skeleton import BONES, Skeleton, humanoid_index
from mocap.core.surface import part_thickness, skin_heights
from mocap.solve.reach import reach

# Standard deviations of the hips' shift, metres, and of its speed, metres per second.
_SHIFT_SIGMA, _SHIFT_SPEED_SIGMA = 0.03, 0.12
STILL, SEEN_STILL = 0.006, 0.15
"""Standard deviations of the speed of standing points after the hips are shifted, metres per
second: for an accurate motion, and for one that a single camera saw. A single camera measures the
body's path better than the extension of a leg towards it, so there the legs are corrected rather
than the hips."""
# The hips are lowered if a leg is too short for its foot's position: time by which the lowering
# starts early, seconds, and cutoff of its smoothing, Hz.
_DOWN, _DOWN_CUTOFF = 0.1, 3.0
# Time in which planting fades in before a contact and out after it, seconds.
_BLEND = 0.12
# Heights of contacts, metres: below the first they are on the floor, above the second on something
# else (a step, a beam).
_STEP = (0.06, 0.12)
SEEN_FAR = 0.1
"""Distance from its contact position at which the correction of a point that a single camera saw is
reduced to a quarter, metres. A point that is farther away is usually not in contact."""
# Largest extension of a leg, as a share of its length: a knee that becomes fully straight snaps.
_REACH = 0.9995

_LEGS = [
    tuple(humanoid_index(f"{side}UpperLeg", f"{side}LowerLeg", f"{side}Foot").tolist())
    for side in ("left", "right")
]
_FORWARD = np.array([0.0, 0.0, 1.0])
_UP = np.array([0.0, 1.0, 0.0])


def settle_hips(
    times: Float[ndarray, "frames"],
    root_positions: Float[ndarray, "frames 3"],
    points: Float[ndarray, "frames 4 3"],
    contacts: Bool[ndarray, "frames 4"],
    still: float = STILL,
) -> Float[ndarray, "frames 3"]:
    """Return the root's path, shifted in x and z so that planted points move least.

    The shift minimises, by least squares, the speeds of planted points (standard deviation
    `still`), its own size (_SHIFT_SIGMA) and its own speed (_SHIFT_SPEED_SIGMA). The points move
    with the root, so the problem is linear, and couples only neighbouring frames: one tridiagonal
    system.

    Args:
        times: Seconds.
        root_positions: World positions of the root, metres.
        points: World positions of heels and toe tips, metres, in the order of motion.CONTACTS.
        contacts: Which of them are in contact.
        still: STILL or SEEN_STILL.

    Returns:
        World positions of the root, metres.
    """
    from scipy.linalg import solveh_banded

    if len(root_positions) < 2:
        return root_positions
    step = np.diff(times)
    both = (contacts[1:] & contacts[:-1]).astype(np.float64)
    stiff = (both.sum(axis=1) / still**2 + 1.0 / _SHIFT_SPEED_SIGMA**2) / step**2
    steps = (both[..., None] * np.diff(points, axis=0)).sum(axis=1)[:, [0, 2]] / (
        still * step[:, None]
    ) ** 2
    banded = np.zeros((2, len(root_positions)))
    banded[1] = 1.0 / _SHIFT_SIGMA**2
    banded[1, :-1] += stiff
    banded[1, 1:] += stiff
    banded[0, 1:] = -stiff
    right = np.zeros((len(root_positions), 2))
    right[:-1] += steps
    right[1:] -= steps
    out = root_positions.copy()
    out[:, [0, 2]] += solveh_banded(banded, right)
    return out


def nearest_contact(times: ndarray, contact: ndarray) -> tuple[ndarray, ndarray]:
    """Return the nearest frame in contact for each frame, and the weight of its correction.

    The weight is 1 in a contact and falls to 0 at _BLEND seconds from it.

    Args:
        times: (F,) seconds.
        contact: (F,) whether the point is in contact.
    """
    touching = np.flatnonzero(contact)
    if not len(touching):
        return np.arange(len(times)), np.zeros(len(times))
    after = np.minimum(np.searchsorted(touching, np.arange(len(times))), len(touching) - 1)
    before = np.maximum(after - 1, 0)
    nearer = np.where(
        np.abs(times[touching[after]] - times) < np.abs(times[touching[before]] - times),
        after,
        before,
    )
    nearest = np.where(contact, np.arange(len(times)), touching[nearer])
    return nearest, smoothstep(np.abs(times[nearest] - times), _BLEND, 0.0)


def mean_over_contact(values: ndarray, contact: ndarray) -> ndarray:
    """Return the values (F, n), averaged over each contact."""
    out = values.copy()
    for first, end in runs(contact):
        out[first:end] = values[first:end].mean(axis=0)
    return out


def _level(times: ndarray, heights: ndarray, skin: ndarray, contacts: ndarray) -> ndarray:
    """Return by how much to raise the hips (F,), metres, so that standing points are on the ground.

    The body stands on the lowest point of its soles. Laying a foot flat changes which point that
    is, and without this correction the legs would have to compensate. A foot is on a step only if
    another part of the body is lower.

    Args:
        times: (F,) seconds.
        heights: (F, 4) heights of heels and toe tips, with standing feet laid flat, metres.
        skin: (F,) height of the lowest skin of the rest of the body, metres.
        contacts: (F, 4) which of them are in contact.
    """
    lowest = np.minimum(heights.min(axis=1), skin)
    standing = np.flatnonzero(contacts.any(axis=1))
    if not len(standing):
        return np.zeros(len(times))
    off = np.stack(
        [
            _on_ground(mean_over_contact(np.stack([h, h - lowest], axis=1), c))[:, 1] - h
            for h, c in zip(heights.T, contacts.T, strict=True)
        ],
        axis=1,
    )
    mean = (contacts * off).sum(axis=1)[standing] / contacts.sum(axis=1)[standing]
    return smooth(times, np.interp(times, times[standing], mean), _DOWN_CUTOFF)


def _on_ground(places: ndarray) -> ndarray:
    """Return contact positions moved to y = 0, except those that are clearly higher (on a step)."""
    out = places.copy()
    out[:, 1] *= smoothstep(places[:, 1], *_STEP)
    return out


def plant(
    motion: Motion,
    contacts: Bool[ndarray, "frames 4"],
    still: float = STILL,
    far: float = np.inf,
) -> Motion:
    """Keep planted points in place on y = 0, and store the contacts in the motion.

    A foot whose heel and toes are both in contact lies flat. The legs move each foot to its contact
    position in their bending plane; if that is out of reach, the hips are lowered.

    Args:
        motion: A motion on a humanoid skeleton that stands on y = 0 in its rest pose.
        contacts: Which points touch the ground, in the order of motion.CONTACTS.
        still: As for `settle_hips`.
        far: Distance from its contact position at which the correction of a point is reduced to a
            quarter, metres (Geman and McClure's weight, robust against false contacts). Infinite if
            contacts are certain.

    Returns:
        The motion with planted feet and its contacts.
    """
    times, body = motion.times, motion.skeleton
    nearest, weights = (
        np.stack(a, axis=1)
        for a in zip(*(nearest_contact(times, c) for c in contacts.T), strict=True)
    )
    points = sole_points(body, motion.root_positions, motion.rotations)
    root = settle_hips(times, motion.root_positions, points, contacts, still)
    _, world = fk(body, root, motion.rotations)
    ankles = np.empty((len(times), 2, 3))
    for foot in (0, 1):
        pair = slice(2 * foot, 2 * foot + 2)
        _lay_flat(times, world, _LEGS[foot][2], _flat(points[:, pair, 1], contacts[:, pair]))
    # The whole foot moves so that its planted points reach their contact positions on average.
    posed = local_rotations(body, world)
    positions, _ = fk(body, root, posed)
    points = sole_points(body, root, posed)
    # The hips are lowered at most until another part of the body lies on the ground.
    skin = root[:, 1] + skin_heights(body, posed).min(axis=1)
    clear = np.maximum(skin, 0.0)
    level = np.maximum(_level(times, points[..., 1], skin, contacts), -clear)[:, None] * _UP
    root, clear = root + level, clear + level[:, 1]
    points = points + level[:, None]
    for foot in (0, 1):
        lowest = points[:, 2 * foot : 2 * foot + 2, 1].min(axis=1)
        ankle = positions[:, _LEGS[foot][2], 1] + level[:, 1]
        _pitch_up(body, world, _LEGS[foot][2], lowest, ankle)
    posed = local_rotations(body, world)
    positions, _ = fk(body, root, posed)
    points = sole_points(body, root, posed)
    for foot in (0, 1):
        pair = slice(2 * foot, 2 * foot + 2)
        places = [
            _on_ground(mean_over_contact(points[:, p], contacts[:, p]))
            for p in range(pair.start, pair.stop)
        ]
        miss = np.take_along_axis(
            np.stack(places, axis=1) - points[:, pair], nearest[:, pair, None], axis=0
        )
        # The correction of a point that is far from its contact position is reduced: it is probably
        # not in contact.
        away = np.linalg.norm(miss[..., [0, 2]], axis=-1, keepdims=True)
        miss = miss / np.square(1.0 + np.square(away / far))
        # Points in contact decide; without one, the points of the last and the next contact.
        felt = np.where(
            contacts[:, pair].any(axis=1, keepdims=True), contacts[:, pair], weights[:, pair]
        )
        share = felt / np.maximum(felt.sum(axis=1, keepdims=True), 1e-9)
        strength = weights[:, pair].max(axis=1)
        ankles[:, foot] = positions[:, _LEGS[foot][2]] + strength[:, None] * (
            share[..., None] * miss
        ).sum(axis=1)
    lowered = _within_reach(times, root, positions, ankles, weights)
    lowered[:, 1] = np.maximum(lowered[:, 1], root[:, 1] - clear)
    # Where the hips are lowered, feet in the air move with them, but not into the ground.
    ankles[..., 1] += np.where(
        contacts.reshape(-1, 2, 2).any(axis=2), 0.0, (lowered - root)[:, 1:2]
    )
    shifts = ankles - positions[:, [leg[2] for leg in _LEGS]]
    lowest = points[..., 1].reshape(-1, 2, 2).min(axis=2) + shifts[..., 1]
    ankles[..., 1] += np.maximum(-lowest, 0.0)
    # The insteps of people who lie face down stay above the ground, too.
    ankles[..., 1] = np.maximum(ankles[..., 1], part_thickness(body, "leftFoot"))
    positions, _ = fk(body, lowered, posed)
    for foot, leg in enumerate(_LEGS):
        reach(times, body, world, positions, leg, ankles[:, foot], _FORWARD)
    return Motion(
        body,
        times,
        lowered,
        local_rotations(body, world),
        motion.expressions,
        contacts.astype(np.float64),
    )


def _flat(heights: ndarray, contacts: ndarray) -> ndarray:
    """Return when a foot lies flat (F,), from heights and contacts (F, 2) of heel and toes.

    Both are in contact, or one is and the other seems to be lower, which the floor does not allow.
    """
    standing = np.where(contacts, heights, -np.inf).max(axis=1)
    return np.asarray(contacts.all(axis=1) | (heights.min(axis=1) < standing))


def _lay_flat(times: ndarray, world: ndarray, foot: int, flat: ndarray) -> None:
    """Lay a foot's sole flat, in `world`, with a constant heading during each contact."""
    heading = mean_over_contact(R.apply(world[:, foot], _FORWARD), flat)
    target = R.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.arctan2(heading[:, 0], heading[:, 2]))
    nearest, weight = nearest_contact(times, flat)
    turn = (
        R.to_rotation_vector(R.multiply(target, R.conjugate(world[:, foot])))[nearest]
        * weight[:, None]
    )
    for joint in (foot, foot + 1):
        world[:, joint] = R.multiply(R.from_rotation_vector(turn), world[:, joint])


def _pitch_up(body: Skeleton, world: ndarray, foot: int, lowest: ndarray, ankle: ndarray) -> None:
    """Rotate a foot that sinks into the ground towards flat, in `world`, as far as necessary.

    The ankle is the most accurate point of a foot, so the sole is corrected and not the leg.

    Args:
        body: The performer's skeleton.
        world: (F, J, 4) world rotations.
        foot: Index of the foot's joint; the toes rotate with it.
        lowest: (F,) heights of the sole's lowest point, metres.
        ankle: (F,) heights of the ankle, metres.
    """
    flat = ankle - float(body.rest_positions()[foot, 1])
    share = np.clip(-lowest / np.maximum(flat - lowest, 1e-6), 0.0, 1.0)
    heading = R.apply(world[:, foot], _FORWARD)
    target = R.from_axis_angle(_UP, np.arctan2(heading[:, 0], heading[:, 2]))
    turn = R.to_rotation_vector(R.multiply(target, R.conjugate(world[:, foot])))
    turn = R.from_rotation_vector(turn * np.where(flat > lowest, share, 0.0)[:, None])
    for joint in (foot, foot + 1):
        world[:, joint] = R.multiply(turn, world[:, joint])


def _within_reach(
    times: ndarray, root: ndarray, positions: ndarray, ankles: ndarray, weights: ndarray
) -> ndarray:
    """Return the root's path, lowered so that each planted foot is within reach of its leg."""
    from scipy.ndimage import maximum_filter1d

    drop = np.zeros(len(root))
    for foot, (thigh, shank, ankle) in enumerate(_LEGS):
        upper = np.linalg.norm(positions[:, shank] - positions[:, thigh], axis=-1)
        lower = np.linalg.norm(positions[:, ankle] - positions[:, shank], axis=-1)
        reach = _REACH * (upper + lower)
        away = ankles[:, foot] - positions[:, thigh]
        across = np.minimum(np.hypot(away[:, 0], away[:, 2]), reach)
        lowest = np.sqrt(np.square(reach) - np.square(across))
        needed = np.maximum(-away[:, 1] - lowest, 0.0)
        drop = np.maximum(drop, needed * weights[:, 2 * foot : 2 * foot + 2].max(axis=1))
    if len(times) < 2 or not drop.any():
        return root - drop[:, None] * [0.0, 1.0, 0.0]
    span = 2 * round(_DOWN / max(float(np.median(np.diff(times))), 1e-3)) + 1
    eased = smooth(times, maximum_filter1d(drop, span), _DOWN_CUTOFF)
    out = root.copy()
    out[:, 1] -= np.maximum(eased, drop)
    return out


assert all(BONES[leg[2] + 1].endswith("Toes") for leg in _LEGS), (
    "toes follow their foot in the bone vocabulary"
)
