"""A body whose planted feet neither slide nor sink.

settle_hips   the path of the hips on which planted points stand still, near the one that was seen
plant         what is left: soles lie flat, the hips rise or come down with them, legs reach for the
              place where each foot stands (two-bone IK), all blended in and out
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.filter import smooth
from mocap.core.kinematics import fk, limb_swings, local_rotations, sole_points
from mocap.core.motion import Motion
from mocap.core.runs import runs
from mocap.core.skeleton import BONES, Skeleton, humanoid_index
from mocap.core.surface import part_thickness, skin_heights

# How far hips may be moved to keep feet still, metres, and how fast that may change, metres a
# second; as deviations.
_HIPS_GIVE, _CHANGE = 0.03, 0.12
STILL, SEEN_STILL = 0.006, 0.15
"""Metres a second, deviations: how fast feet that stand may still seem to move once the hips have
given way. In motion that is good they do not; one camera tells the body's way better than how far a
leg reaches towards it, so there the legs give way."""
# Where a leg is too short for its foot's place, hips come down beforehand and go up afterwards:
# seconds, and Hz.
_DOWN, _DOWN_CUTOFF = 0.1, 3.0
# Planting fades in before a touch and out after it, seconds.
_BLEND = 0.12
# Touches lower than the first, metres, are on the floor; higher than the second, on something else.
_STEP = (0.06, 0.12)
SEEN_FAR = 0.1
"""Metres from its place at which the correction of a point that one camera takes for standing
counts a quarter: what is that far off mostly does not stand."""
# Legs are never stretched beyond this share of their length: a straight knee pops.
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
    """Return the root's path on which planted points move least in x and z; y stays.

    Least squares in the root's shift: the steps of planted points, to `still`, against the shift's
    size, to _HIPS_GIVE, and its steps, to _CHANGE. The points move with the root, so it is linear,
    and coupled from frame to frame only: one tridiagonal system.

    Args:
        times: Seconds.
        root_positions: Metres.
        points: The soles' points on that path, metres, in the order of motion.CONTACTS.
        contacts: Which of them stand.
        still: STILL or SEEN_STILL.
    """
    from scipy.linalg import solveh_banded

    if len(root_positions) < 2:
        return root_positions
    step = np.diff(times)
    both = (contacts[1:] & contacts[:-1]).astype(np.float64)
    stiff = (both.sum(axis=1) / still**2 + 1.0 / _CHANGE**2) / step**2
    steps = (both[..., None] * np.diff(points, axis=0)).sum(axis=1)[:, [0, 2]] / (
        still * step[:, None]
    ) ** 2
    banded = np.zeros((2, len(root_positions)))
    banded[1] = 1.0 / _HIPS_GIVE**2
    banded[1, :-1] += stiff
    banded[1, 1:] += stiff
    banded[0, 1:] = -stiff
    right = np.zeros((len(root_positions), 2))
    right[:-1] += steps
    right[1:] -= steps
    out = root_positions.copy()
    out[:, [0, 2]] += solveh_banded(banded, right)
    return out


def nearest_touch(times: ndarray, contact: ndarray) -> tuple[ndarray, ndarray]:
    """Return for each frame the nearest one in touch, and how much of its correction is felt.

    All of it in a touch, none from _BLEND seconds away.
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


def mean_of_touch(values: ndarray, contact: ndarray) -> ndarray:
    """Values (F, n) with each touch's mean in place of its own."""
    out = values.copy()
    for first, end in runs(contact):
        out[first:end] = values[first:end].mean(axis=0)
    return out


def _level(times: ndarray, heights: ndarray, contacts: ndarray) -> ndarray:
    """Return how far the hips rise (F,), metres, so that standing points are on the ground.

    A body stands on the lowest point of its soles. Where a foot was seen pitched and is laid flat,
    that point is another one, and without this the legs would have to make up for it.

    Args:
        times: Seconds.
        heights: Of the soles' points with standing feet laid flat (F, 4), metres.
        contacts: Which of them stand.
    """
    standing = np.flatnonzero(contacts.any(axis=1))
    if not len(standing):
        return np.zeros(len(times))
    off = np.stack(
        [
            _on_ground(mean_of_touch(np.stack([h, h], axis=1), c))[:, 1] - h
            for h, c in zip(heights.T, contacts.T, strict=True)
        ],
        axis=1,
    )
    mean = (contacts * off).sum(axis=1)[standing] / contacts.sum(axis=1)[standing]
    return smooth(times, np.interp(times, times[standing], mean), _DOWN_CUTOFF)


def _on_ground(places: ndarray) -> ndarray:
    """Places of touches on y = 0, but for those that are clearly higher: on a step, on a beam."""
    out = places.copy()
    out[:, 1] *= smoothstep(places[:, 1], *_STEP)
    return out


def plant(
    motion: Motion,
    contacts: Bool[ndarray, "frames 4"],
    still: float = STILL,
    far: float = np.inf,
) -> Motion:
    """Hold planted points where they stand on y = 0; the contacts become part of the motion.

    A foot whose heel and toes both stand lies flat. Legs reach for their foot's place with the knee
    where it bent before; where that is too far, the hips come down.

    Args:
        motion: On a humanoid skeleton that stands on y = 0 in its rest pose.
        contacts: Which points touch the ground, in the order of motion.CONTACTS.
        still: As of `settle_hips`.
        far: Metres from its place at which a point's correction counts a quarter, as a robust
            estimate against false touches (Geman and McClure); infinite: contacts are certain.
    """
    times, body = motion.times, motion.skeleton
    nearest, weights = (
        np.stack(a, axis=1)
        for a in zip(*(nearest_touch(times, c) for c in contacts.T), strict=True)
    )
    points = sole_points(body, motion.root_positions, motion.rotations)
    root = settle_hips(times, motion.root_positions, points, contacts, still)
    _, world = fk(body, root, motion.rotations)
    ankles = np.empty((len(times), 2, 3))
    for foot in (0, 1):
        pair = slice(2 * foot, 2 * foot + 2)
        _lay_flat(times, world, _LEGS[foot][2], _flat(points[:, pair, 1], contacts[:, pair]))
    # The whole foot moves so that its planted points are where they stand, on average.
    posed = local_rotations(body, world)
    positions, _ = fk(body, root, posed)
    points = sole_points(body, root, posed)
    # Hips come down no farther than until another part of the body lies on the ground.
    clear = np.maximum(root[:, 1] + skin_heights(body, posed).min(axis=1), 0.0)
    level = np.maximum(_level(times, points[..., 1], contacts), -clear)[:, None] * _UP
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
            _on_ground(mean_of_touch(points[:, p], contacts[:, p]))
            for p in range(pair.start, pair.stop)
        ]
        miss = np.take_along_axis(
            np.stack(places, axis=1) - points[:, pair], nearest[:, pair, None], axis=0
        )
        # A point that seems to be far from where it stands is no touch: its place is not believed.
        away = np.linalg.norm(miss[..., [0, 2]], axis=-1, keepdims=True)
        miss = miss / np.square(1.0 + np.square(away / far))
        # Points that stand decide; where none does, those that stood last or will stand next.
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
    # Where the hips came down, a foot in the air comes down with them, but not into the ground.
    ankles[..., 1] += np.where(
        contacts.reshape(-1, 2, 2).any(axis=2), 0.0, (lowered - root)[:, 1:2]
    )
    shifts = ankles - positions[:, [leg[2] for leg in _LEGS]]
    lowest = points[..., 1].reshape(-1, 2, 2).min(axis=2) + shifts[..., 1]
    ankles[..., 1] += np.maximum(-lowest, 0.0)
    # Insteps of people who lie on their belly stay above the ground, too.
    ankles[..., 1] = np.maximum(ankles[..., 1], part_thickness(body, "leftFoot"))
    _reach(world, fk(body, lowered, posed)[0], ankles)
    return Motion(
        body,
        times,
        lowered,
        local_rotations(body, world),
        motion.expressions,
        contacts.astype(np.float64),
    )


def _flat(heights: ndarray, contacts: ndarray) -> ndarray:
    """Return when a foot lies flat (F,), from its heel's and toes' heights and contacts (F, 2).

    Both stand, or one does and the other seems to be lower, which a floor does not allow.
    """
    standing = np.where(contacts, heights, -np.inf).max(axis=1)
    return np.asarray(contacts.all(axis=1) | (heights.min(axis=1) < standing))


def _lay_flat(times: ndarray, world: ndarray, foot: int, flat: ndarray) -> None:
    """Lay a foot's sole on the ground and keep its heading while it stands flat, in place."""
    heading = mean_of_touch(R.apply(world[:, foot], _FORWARD), flat)
    target = R.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.arctan2(heading[:, 0], heading[:, 2]))
    nearest, weight = nearest_touch(times, flat)
    turn = (
        R.to_rotation_vector(R.multiply(target, R.conjugate(world[:, foot])))[nearest]
        * weight[:, None]
    )
    for joint in (foot, foot + 1):
        world[:, joint] = R.multiply(R.from_rotation_vector(turn), world[:, joint])


def _pitch_up(body: Skeleton, world: ndarray, foot: int, lowest: ndarray, ankle: ndarray) -> None:
    """Turn a foot that sinks into the ground towards flat, as far as it needs, in place.

    Of a foot the ankle is seen best, so the sole gives way and not the leg.

    Args:
        body: The performer.
        world: The world rotations (F, J, 4).
        foot: The foot's joint; the toes follow it.
        lowest: Heights of the sole's lowest point (F,), metres.
        ankle: Heights of the ankle (F,), metres.
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
    """Lower the root as far as the planted leg that is furthest from its foot's place needs."""
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


def _reach(world: ndarray, positions: ndarray, ankles: ndarray) -> None:
    """Turn thighs and shanks so that the ankles reach their places, in place.

    Feet keep their rotation in the world.
    """
    for foot, leg in enumerate(_LEGS):
        reach(world, positions, leg, ankles[:, foot], _FORWARD)


def reach(
    world: ndarray, positions: ndarray, limb: tuple[int, ...], goal: ndarray, bends: ndarray
) -> None:
    """Turn the two bones of a limb so that its end reaches its goal, in place.

    Args:
        world: World rotations (F, J, 4); the end keeps its own.
        positions: Of the joints (F, J, 3), metres.
        limb: Joints of root, hinge and end.
        goal: Places of the end (F, 3), metres.
        bends: Where the hinge of a straight limb points to, in the lower bone's frame.
    """
    root, hinge, end = (positions[:, joint] for joint in limb)
    lengths = (float(np.linalg.norm(hinge[0] - root[0])), float(np.linalg.norm(end[0] - hinge[0])))
    swings = limb_swings(root, hinge, end, goal, R.apply(world[:, limb[1]], bends), lengths)
    for joint, swing in zip(limb[:2], swings, strict=True):
        world[:, joint] = R.multiply(swing, world[:, joint])


assert all(BONES[leg[2] + 1].endswith("Toes") for leg in _LEGS), (
    "toes follow their foot in the bone vocabulary"
)
