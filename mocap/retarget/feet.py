"""Feet in contact move across the floor as the performer's do, and not otherwise: what other proportions would make of them is taken back.

Where thigh and shank share the leg differently, or hips are wider, the same turns of the joints take a foot elsewhere, and not always by
the same way: it slides. So while a foot touches the ground, its ball keeps one and the same distance from the performer's, and its sole the
performer's height. First the hips give way (hips.py), so that legs have least to turn; then the legs reach, with the knee where it bent;
feet keep their turn in the world. Between touches legs are as they were performed.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.kinematics import fk, local_rotations, sole_points, two_bone_ik
from mocap.core.motion import Motion
from mocap.core.skeleton import Skeleton, humanoid_index
from mocap.retarget.hips import give_way, stiffness
from mocap.retarget.same import leg_length

# What is taken back fades in before a touch and out after it, seconds.
_BLEND = 0.15
# Legs are stretched no further than this share of their length, and slowly towards it: a straight knee pops.
_REACH = 0.9995
# What of a body may lie on the ground beside its soles, and how thick it is there, as shares of the leg: palms, elbows, knees, seat, head.
_RESTS = {"Hand": 0.03, "LowerArm": 0.05, "LowerLeg": 0.06}
_MIDDLE = {"hips": 0.12, "head": 0.11}
_LEGS = [
    tuple(humanoid_index(f"{side}UpperLeg", f"{side}LowerLeg", f"{side}Foot").tolist())
    for side in ("left", "right")
]
_AHEAD = np.array([0.0, 0.0, 1.0])


def stand(source: Motion, moved: Motion) -> Motion:
    """The motion with its hips at the height at which it stands, kneels, lies or flies as the source does.

    moved: the source's motion on a body of other proportions but of the same legs' length. Feet in touch decide; else the lowest part of
    the body is as high as the source's. Nothing sinks that did not.
    """
    assert source.contacts is not None
    theirs, ours = (_heights(m) for m in (source, moved))
    lowest = theirs.min(axis=1)
    lift = lowest - ours.min(axis=1)
    touching = source.contacts.reshape(-1, 2, 2).max(axis=2) > 0.5
    felt = np.stack([_felt(source.times, touching[:, foot]) for foot in (0, 1)], axis=1)
    apart = theirs[:, :2] - ours[:, :2] - lift[:, None]
    # The mean of feet that stand; the less of it, the less they do.
    lift += (felt * apart).sum(axis=1) / (felt.sum(axis=1) + 1.0 - felt.max(axis=1))
    lift += np.maximum(np.minimum(lowest, 0.0) - (ours[:, 2:].min(axis=1) + lift), 0.0)
    root = moved.root_positions.copy()
    root[:, 1] += lift
    return Motion(
        moved.skeleton, moved.times, root, moved.rotations, moved.expressions, moved.contacts
    )


def _heights(motion: Motion) -> Float[ndarray, "frames parts"]:
    """How high the lowest points are of the left sole, the right, and all other parts that may touch the ground; metres above it."""
    body = motion.skeleton
    positions, _ = fk(body, motion.root_positions, motion.rotations)
    thick = {side + b: t for b, t in _RESTS.items() for side in ("left", "right")} | _MIDDLE
    others = positions[:, humanoid_index(*thick), 1] - leg_length(body) * np.array(
        list(thick.values())
    )
    soles = (
        sole_points(body, motion.root_positions, motion.rotations)[..., 1]
        .reshape(-1, 2, 2)
        .min(axis=2)
    )
    return np.concatenate([soles, others], axis=1)


def follow_feet(source: Motion, moved: Motion) -> Motion:
    """The motion, as `stand` left it, with its feet in contact where the source's are, and no foot deeper in the ground than there."""
    assert source.contacts is not None
    touching = source.contacts.reshape(-1, 2, 2).max(axis=2) > 0.5
    theirs = _balls(source.skeleton, source.root_positions, source.rotations)
    root = moved.root_positions
    balls = _balls(moved.skeleton, root, moved.rotations)
    positions, world = fk(moved.skeleton, root, moved.rotations)
    legs = np.stack([stiffness(*(positions[:, joint] for joint in leg)) for leg in _LEGS], axis=1)
    shift, left = give_way(source.times, theirs - balls, touching, legs)
    # Hands, knees and the rest sink no deeper than the performer's.
    deeper = (
        np.minimum(_heights(source).min(axis=1), 0.0)
        - _heights(moved)[:, 2:].min(axis=1)
        - shift[:, 1]
    )
    raised = np.maximum(deeper, 0.0)
    shift[:, 1] += raised
    left[..., 1] -= np.where(touching, raised[:, None], 0.0)
    positions = positions + shift[:, None]
    ankles = positions[:, [leg[2] for leg in _LEGS]]
    for foot in (0, 1):
        back = _faded(source.times, left[:, foot], touching[:, foot])
        sunk = np.minimum(theirs[:, foot, 1], 0.0) - balls[:, foot, 1] - shift[:, 1]
        back[:, 1] = np.maximum(back[:, 1], sunk)
        ankles[:, foot] = ankles[:, foot] + back
    drop = _drop(source.times, positions, ankles, touching)
    lowered = root + shift - drop[:, None] * [0.0, 1.0, 0.0]
    positions = positions - drop[:, None, None] * [0.0, 1.0, 0.0]
    for foot, leg in enumerate(_LEGS):
        _reach(world, positions, leg, ankles[:, foot])
    turned = R.unroll(local_rotations(moved.skeleton, world))
    return Motion(moved.skeleton, moved.times, lowered, turned, moved.expressions, moved.contacts)


def _balls(
    body: Skeleton, root: Float[ndarray, "frames 3"], rotations: Float[ndarray, "frames joints 4"]
) -> Float[ndarray, "frames 2 3"]:
    """Where the balls of the feet are across the floor, and how high the lowest points of the soles: x and z of one, y of the other."""
    soles = sole_points(body, root, rotations)
    toes = humanoid_index("leftToes", "rightToes")
    out = fk(body, root, rotations)[0][:, toes]
    out[..., 1] = soles[..., 1].reshape(-1, 2, 2).min(axis=2)
    return out


def _felt(
    times: Float[ndarray, " frames"], touching: Bool[ndarray, " frames"]
) -> Float[ndarray, " frames"]:
    """1 in touches, less before and after, 0 from _BLEND seconds on."""
    at = times[touching]
    if not len(at):
        return np.zeros(len(times))
    after = np.minimum(np.searchsorted(at, times), len(at) - 1)
    return _smooth(
        1.0
        - np.minimum(np.abs(at[after] - times), np.abs(at[np.maximum(after - 1, 0)] - times))
        / _BLEND
    )


def _edges(touching: Bool[ndarray, " frames"]) -> list[tuple[int, int]]:
    """(first, end) of each touch."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], touching, [False]]).astype(int)))
    return list(zip(steps[::2].tolist(), steps[1::2].tolist(), strict=True))


def _faded(
    times: Float[ndarray, " frames"],
    taken: Float[ndarray, "frames n"],
    touching: Bool[ndarray, " frames"],
) -> Float[ndarray, "frames n"]:
    """What is taken back in touches, carried on from their ends and fading, over from one to the next where they are close."""
    touches = _edges(touching)
    if not touches:
        return taken
    out = taken.copy()
    for (_, first), (end, _) in zip([(0, 0), *touches], [*touches, (len(times), 0)], strict=True):
        if first >= end:
            continue
        before, after = taken[max(first - 1, 0)], taken[min(end, len(times) - 1)]
        start, stop = times[max(first - 1, 0)], times[min(end, len(times) - 1)]
        if first == 0:
            before, start = after, stop - 1.0
        elif end == len(times):
            after, stop = before, start + 1.0
        way = _smooth((times[first:end] - start) / (stop - start))[:, None]
        out[first:end] = (1.0 - way) * before + way * after
    return out * _felt(times, touching)[:, None]


def _smooth(x: Float[ndarray, " n"]) -> Float[ndarray, " n"]:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def _drop(
    times: ndarray, positions: ndarray, ankles: ndarray, touching: Bool[ndarray, "frames 2"]
) -> Float[ndarray, " frames"]:
    """How far the hips must come down for feet in touch to be within reach; it begins before a touch and fades after it."""
    drop = np.zeros(len(positions))
    for foot, (thigh, shank, ankle) in enumerate(_LEGS):
        now = np.linalg.norm(positions[:, ankle] - positions[:, thigh], axis=-1)
        # A leg that was straight already may stay so.
        reach = np.maximum(_REACH * _length(positions, thigh, shank, ankle), now)
        away = ankles[:, foot] - positions[:, thigh]
        across = np.minimum(np.hypot(away[:, 0], away[:, 2]), reach)
        needed = np.maximum(-away[:, 1] - np.sqrt(np.square(reach) - np.square(across)), 0.0)
        needed = np.where(touching[:, foot], needed, 0.0)
        drop = np.maximum(drop, _faded(times, needed[:, None], touching[:, foot])[:, 0])
    return drop


def _length(positions: ndarray, thigh: int, shank: int, ankle: int) -> float:
    upper, lower = (
        positions[:1, shank] - positions[:1, thigh],
        positions[:1, ankle] - positions[:1, shank],
    )
    return float(np.linalg.norm(upper) + np.linalg.norm(lower))


def _reach(
    world: ndarray, positions: ndarray, leg: tuple[int, ...], goal: Float[ndarray, "frames 3"]
) -> None:
    """Turns thigh and shank so that the ankle comes to its place, in place; a leg that is where it should be stays untouched."""
    thigh, shank, ankle = leg
    hip, knee, end = positions[:, thigh], positions[:, shank], positions[:, ankle]
    upper, lower = (float(np.linalg.norm(d[0])) for d in (knee - hip, end - knee))
    most = _REACH * (upper + lower)
    now, wanted = np.linalg.norm(end - hip, axis=-1), np.linalg.norm(goal - hip, axis=-1)
    left = np.maximum(most - now, 1e-6 * most)
    stretched = np.where(wanted > now, now + left * np.tanh((wanted - now) / left), wanted)
    goal = hip + (goal - hip) * (stretched / np.maximum(wanted, 1e-9))[:, None]
    along = R.normalize(end - hip)
    # A straight leg's knee would bend anywhere: its hinge says where.
    bend = knee - hip + 1e-3 * upper * R.apply(world[:, shank], _AHEAD)
    new_knee, new_end = two_bone_ik(
        hip, goal, bend - R.dot(bend, along)[:, None] * along, upper, lower
    )
    moved = np.linalg.norm(goal - end, axis=-1) > 1e-9
    for joint, before, after in (
        (thigh, knee - hip, new_knee - hip),
        (shank, end - knee, new_end - new_knee),
    ):
        swing = R.between(R.normalize(before), R.normalize(after))
        world[:, joint] = np.where(
            moved[:, None], R.multiply(swing, world[:, joint]), world[:, joint]
        )
