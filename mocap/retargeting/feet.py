"""Feet in contact follow the source's feet on a body of other proportions.

When thigh and shank share the leg's length differently, or the hips are wider, the same joint
rotations move a foot along another path: it slides. While a foot touches the ground, its ball
therefore keeps a constant horizontal offset from the source's ball, and its sole keeps the source's
height. The hips move and turn first (hips.py), so that the legs turn as little as possible; then
the legs reach by two-bone inverse kinematics, in their own bending plane; trunk and feet keep their
world rotation. Between contacts the legs move as the source's legs do.

Arms that are too long bend where they would sink; the body rises only for hands and elbows that
rest on the ground in the source too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.kinematics import fk, limb_swings, local_rotations, sole_points
from mocap.core.motion import Motion
from mocap.core.runs import runs
from mocap.core.skeleton import BONES, Skeleton, humanoid_index
from mocap.retargeting.hips import give_way, stiffness
from mocap.retargeting.to_body import leg_length

# The correction fades in before a contact and out after it, seconds.
_BLEND = 0.15
# Legs stretch to at most this share of their length, and approach it slowly: a straight knee pops.
_REACH = 0.9995
# Body parts other than soles that may lie on the ground (palms, elbows, knees, seat, head), and
# their thickness there, as shares of the leg's length.
_RESTS = {"Hand": 0.03, "LowerArm": 0.05, "LowerLeg": 0.06}
_THICK = {side + b: t for b, t in _RESTS.items() for side in ("left", "right")} | {
    "hips": 0.12,
    "head": 0.11,
}
# Hands and elbows below the first height rest on the ground; above the second they do not, and an
# arm that is too long for the body bends instead of lifting it. Shares of the leg's length.
_RESTING = (0.06, 0.18)
_ARMS = [n for n, part in enumerate(_THICK) if part.endswith(("Hand", "LowerArm"))]
_LEGS = [
    tuple(humanoid_index(f"{side}UpperLeg", f"{side}LowerLeg", f"{side}Foot").tolist())
    for side in ("left", "right")
]
_ARM_JOINTS = [
    tuple(humanoid_index(f"{side}UpperArm", f"{side}LowerArm", f"{side}Hand").tolist())
    for side in ("left", "right")
]
_AHEAD = np.array([0.0, 0.0, 1.0])


def stand(source: Motion, moved: Motion, planted: bool = False) -> Motion:
    """Set the height of the hips so that the body stands, kneels, lies or flies as the source does.

    Feet in contact decide the height; without any, the lowest part of the body is as high as the
    source's lowest part. Nothing sinks that did not sink in the source.

    Args:
        source: The motion to follow.
        moved: The same motion on a body of other proportions, scaled to the same leg length.
        planted: `follow_feet` comes next, which bends arms that would sink.

    Returns:
        `moved` with new root heights.
    """
    assert source.contacts is not None
    theirs, ours = (_heights(m) for m in (source, moved))
    lowest = theirs.min(axis=1)
    lift = lowest - ours.min(axis=1)
    touching = source.contacts.reshape(-1, 2, 2).max(axis=2) > 0.5
    felt = np.stack([_felt(source.times, touching[:, foot]) for foot in (0, 1)], axis=1)
    apart = theirs[:, :2] - ours[:, :2] - lift[:, None]
    # The mean over the feet that stand, in proportion to how firmly they stand.
    lift += (felt * apart).sum(axis=1) / (felt.sum(axis=1) + 1.0 - felt.max(axis=1))
    deepest = (ours[:, 2:] + _slack(source, theirs) if planted else ours[:, 2:]).min(axis=1)
    lift += np.maximum(np.minimum(lowest, 0.0) - (deepest + lift), 0.0)
    root = moved.root_positions.copy()
    root[:, 1] += lift
    return Motion(
        moved.skeleton, moved.times, root, moved.rotations, moved.expressions, moved.contacts
    )


def _heights(motion: Motion) -> Float[ndarray, "frames parts"]:
    """Return the lowest heights of the left sole, the right sole and all other touching parts.

    Metres above the ground, the others in the order of `_THICK`.
    """
    body = motion.skeleton
    positions, _ = fk(body, motion.root_positions, motion.rotations)
    others = positions[:, humanoid_index(*_THICK), 1] - leg_length(body) * np.array(
        list(_THICK.values())
    )
    soles = (
        sole_points(body, motion.root_positions, motion.rotations)[..., 1]
        .reshape(-1, 2, 2)
        .min(axis=2)
    )
    return np.concatenate([soles, others], axis=1)


def _slack(source: Motion, heights: Float[ndarray, "frames parts"]) -> Float[ndarray, "frames n"]:
    """Return how deep each part may sink without lifting the body: free arms beside planted feet.

    Args:
        source: The motion to follow.
        heights: Of its soles and parts (`_heights`).

    Returns:
        Metres for each part of `_THICK`: up to a leg's length.
    """
    assert source.contacts is not None
    leg = leg_length(source.skeleton)
    stands = _felt(source.times, np.asarray((source.contacts > 0.5).any(axis=1)))
    free = smoothstep(heights[:, 2:], _RESTING[0] * leg, _RESTING[1] * leg)
    out = np.zeros_like(free)
    out[:, _ARMS] = leg * stands[:, None] * free[:, _ARMS]
    return out


def follow_feet(source: Motion, moved: Motion) -> Motion:
    """Keep feet in contact where the source's are, and no deeper in the ground.

    Args:
        source: The motion to follow.
        moved: The same motion on another body, after `stand`.
    """
    assert source.contacts is not None
    touching = source.contacts.reshape(-1, 2, 2).max(axis=2) > 0.5
    theirs = _balls(source.skeleton, source.root_positions, source.rotations)
    root = moved.root_positions
    balls = _balls(moved.skeleton, root, moved.rotations)
    positions, world = fk(moved.skeleton, root, moved.rotations)
    legs = np.stack([stiffness(*(positions[:, joint] for joint in leg)) for leg in _LEGS], axis=1)
    thighs = positions[:, [leg[0] for leg in _LEGS]] - positions[:, :1]
    shift, turn, offsets = give_way(source.times, theirs - balls, touching, legs, thighs)
    # The pelvis turns alone: legs and trunk keep their directions.
    world[:, 0] = R.multiply(turn, world[:, 0])
    moved = replace(moved, rotations=local_rotations(moved.skeleton, world))
    positions, _ = fk(moved.skeleton, root, moved.rotations)
    balls = _balls(moved.skeleton, root, moved.rotations)
    left = np.where(touching[..., None], theirs - balls - shift[:, None], 0.0)
    left[..., [0, 2]] += offsets
    # Hands, knees and other parts sink no deeper than the source's.
    heights = _heights(source)
    slack = _slack(source, heights)
    deeper = (
        np.minimum(heights.min(axis=1), 0.0)
        - (_heights(moved)[:, 2:] + slack).min(axis=1)
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
        _reach(world, positions, leg, ankles[:, foot], _AHEAD)
    for arm in _ARM_JOINTS:
        floor = np.minimum(heights[:, 2 + list(_THICK).index(BONES[arm[2]])], 0.0)
        hand = positions[:, arm[2]].copy()
        lowest = floor + _RESTS["Hand"] * leg_length(moved.skeleton)
        hand[:, 1] = np.maximum(hand[:, 1], lowest)
        _reach(world, positions, arm, hand, -_AHEAD)
    turned = R.unroll(local_rotations(moved.skeleton, world))
    return Motion(moved.skeleton, moved.times, lowered, turned, moved.expressions, moved.contacts)


def _balls(
    body: Skeleton, root: Float[ndarray, "frames 3"], rotations: Float[ndarray, "frames joints 4"]
) -> Float[ndarray, "frames 2 3"]:
    """Return the horizontal positions (x, z) of the balls of the feet.

    The y of each is the height of its sole's lowest point.
    """
    soles = sole_points(body, root, rotations)
    toes = humanoid_index("leftToes", "rightToes")
    out = fk(body, root, rotations)[0][:, toes]
    out[..., 1] = soles[..., 1].reshape(-1, 2, 2).min(axis=2)
    return out


def _felt(
    times: Float[ndarray, " frames"], touching: Bool[ndarray, " frames"]
) -> Float[ndarray, " frames"]:
    """Return 1 in contacts, falling to 0 at `_BLEND` seconds before and after."""
    at = times[touching]
    if not len(at):
        return np.zeros(len(times))
    after = np.minimum(np.searchsorted(at, times), len(at) - 1)
    return smoothstep(
        1.0
        - np.minimum(np.abs(at[after] - times), np.abs(at[np.maximum(after - 1, 0)] - times))
        / _BLEND
    )


def _faded(
    times: Float[ndarray, " frames"],
    taken: Float[ndarray, "frames n"],
    touching: Bool[ndarray, " frames"],
) -> Float[ndarray, "frames n"]:
    """Return the corrections during contacts, extended beyond their ends and faded out.

    Between close contacts they blend from one to the next.
    """
    touches = runs(touching)
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
        way = smoothstep((times[first:end] - start) / (stop - start))[:, None]
        out[first:end] = (1.0 - way) * before + way * after
    return out * _felt(times, touching)[:, None]


def _drop(
    times: ndarray, positions: ndarray, ankles: ndarray, touching: Bool[ndarray, "frames 2"]
) -> Float[ndarray, " frames"]:
    """Return how far the hips come down so that feet in contact are within reach.

    The movement fades in before a contact and out after it.
    """
    drop = np.zeros(len(positions))
    for foot, (thigh, shank, ankle) in enumerate(_LEGS):
        now = np.linalg.norm(positions[:, ankle] - positions[:, thigh], axis=-1)
        # A leg that is already straighter may stay so.
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
    world: ndarray,
    positions: ndarray,
    limb: tuple[int, ...],
    goal: Float[ndarray, "frames 3"],
    bends: Float[ndarray, "3"],
) -> None:
    """Turn the two bones of a limb in place so that its end reaches its goal.

    A limb whose end is already there stays untouched.

    Args:
        world: World rotations (F, J, 4); the end keeps its own.
        positions: Of the joints (F, J, 3), metres.
        limb: Joints of root, hinge and end.
        goal: Places of the end, metres.
        bends: Where the hinge of a straight limb points to, in the lower bone's frame.
    """
    thigh, shank, ankle = limb
    hip, knee, end = positions[:, thigh], positions[:, shank], positions[:, ankle]
    upper, lower = (float(np.linalg.norm(d[0])) for d in (knee - hip, end - knee))
    most = _REACH * (upper + lower)
    now, wanted = np.linalg.norm(end - hip, axis=-1), np.linalg.norm(goal - hip, axis=-1)
    left = np.maximum(most - now, 1e-6 * most)
    stretched = np.where(wanted > now, now + left * np.tanh((wanted - now) / left), wanted)
    goal = hip + (goal - hip) * (stretched / np.maximum(wanted, 1e-9))[:, None]
    hinge = upper * R.apply(world[:, shank], bends)
    swings = limb_swings(hip, knee, end, goal, hinge, (upper, lower))
    moved = np.linalg.norm(goal - end, axis=-1) > 1e-9
    for joint, swing in zip((thigh, shank), swings, strict=True):
        world[:, joint] = np.where(
            moved[:, None], R.multiply(swing, world[:, joint]), world[:, joint]
        )
