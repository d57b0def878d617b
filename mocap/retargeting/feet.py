"""Keep feet in contact in place on a body of other proportions.

If thigh and shank have other proportions than the source's, or the hips are wider, the same joint
rotations move a foot along another path, so that it slides. While a foot touches the ground, its
ball therefore keeps a constant horizontal offset from the source's ball, and its sole keeps the
source's height. First the hips move and rotate (hips.py) so that the legs rotate as little as
possible. Then two-bone inverse kinematics, in each leg's bending plane, moves the ankles; trunk and
feet keep their world rotations. Between contacts the legs keep the source's rotations.

Arms that are too long bend where they would sink into the ground. The body rises only for hands and
elbows that also rest on the ground in the source.
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
from mocap.core.skeleton import BONE_PARENTS, BONES, Skeleton
from mocap.retargeting.hips import displace_hips, stiffness
from mocap.retargeting.to_body import leg_length
from mocap.rig.names import FINGERS

# Bones beyond the wrists do not matter here: everything is computed without them.
_KEPT = [j for j, bone in enumerate(BONES) if not any(finger in bone for finger in FINGERS)]
_NAMES = tuple(BONES[j] for j in _KEPT)
_PARENTS = np.array([_NAMES.index(p) if (p := BONE_PARENTS[b]) else -1 for b in _NAMES])


def _index(*bones: str) -> list[int]:
    return [_NAMES.index(bone) for bone in bones]


# Time in which a correction fades in before a contact and out after it, seconds.
_BLEND = 0.15
# Largest extension of a leg, as a share of its length. It is approached smoothly, because a knee
# that becomes fully straight snaps.
_REACH = 0.9995
# Thickness of body parts other than soles that may touch the ground (palms, elbows, knees, seat,
# head), as shares of the leg's length.
_SIDED_THICKNESS = {"Hand": 0.03, "LowerArm": 0.05, "LowerLeg": 0.06}
_THICKNESS = {side + b: t for b, t in _SIDED_THICKNESS.items() for side in ("left", "right")} | {
    "hips": 0.12,
    "head": 0.11,
}
# Heights of hands and elbows in the source, as shares of the leg's length: below the first they
# rest on the ground; above the second they do not, and an arm that is too long bends instead of
# lifting the body.
_RESTING = (0.06, 0.18)
_ARMS = [n for n, part in enumerate(_THICKNESS) if part.endswith(("Hand", "LowerArm"))]
_LEGS = [
    tuple(_index(f"{side}UpperLeg", f"{side}LowerLeg", f"{side}Foot")) for side in ("left", "right")
]
_ARM_JOINTS = [
    tuple(_index(f"{side}UpperArm", f"{side}LowerArm", f"{side}Hand")) for side in ("left", "right")
]
_AHEAD = np.array([0.0, 0.0, 1.0])


def set_hips_height(source: Motion, moved: Motion, planted: bool = False) -> Motion:
    """Set the height of the hips so that the body touches the ground where the source does.

    Feet in contact decide the height. Without a contact, the lowest part of the body is as high as
    the source's lowest part. No part sinks into the ground deeper than in the source.

    Args:
        source: The original motion.
        moved: The same motion on a body of other proportions, scaled to the same leg length.
        planted: Whether `hold_feet` follows, which bends arms that would sink.

    Returns:
        `moved` with new root heights.
    """
    assert source.contacts is not None
    theirs, ours = (_parts(_without_fingers(m))[2] for m in (source, moved))
    lowest = theirs.min(axis=1)
    lift = lowest - ours.min(axis=1)
    touching = source.contacts.reshape(-1, 2, 2).max(axis=2) > 0.5
    felt = np.stack([_contact_weight(source.times, touching[:, foot]) for foot in (0, 1)], axis=1)
    apart = theirs[:, :2] - ours[:, :2] - lift[:, None]
    # The mean over the feet, weighted by their contacts.
    lift += (felt * apart).sum(axis=1) / (felt.sum(axis=1) + 1.0 - felt.max(axis=1))
    deepest = (ours[:, 2:] + _allowed_depths(source, theirs) if planted else ours[:, 2:]).min(
        axis=1
    )
    lift += np.maximum(np.minimum(lowest, 0.0) - (deepest + lift), 0.0)
    root = moved.root_positions.copy()
    root[:, 1] += lift
    return Motion(
        moved.skeleton, moved.times, root, moved.rotations, moved.expressions, moved.contacts
    )


def _without_fingers(motion: Motion) -> Motion:
    """Return a motion on humanoid bones without the bones of the fingers."""
    body = motion.skeleton
    skeleton = Skeleton(_NAMES, _PARENTS, body.offsets[_KEPT], body.rest_rotations[_KEPT])
    return replace(motion, skeleton=skeleton, rotations=motion.rotations[:, _KEPT])


def _parts(
    motion: Motion,
) -> tuple[
    Float[ndarray, "frames joints 3"],
    Float[ndarray, "frames joints 4"],
    Float[ndarray, "frames parts"],
    Float[ndarray, "frames 2 3"],
]:
    """Return the joints of a body without fingers, and the heights of its parts.

    Returns:
        Positions and world rotations of the joints; the heights of left sole, right sole and the
        parts of `_THICKNESS`; and the positions of the balls of the feet, with the height of the
        lowest sole point. Metres.
    """
    body = motion.skeleton
    positions, world = fk(body, motion.root_positions, motion.rotations)
    thick = leg_length(body) * np.array(list(_THICKNESS.values()))
    points = sole_points(body, motion.root_positions, motion.rotations)[..., 1]
    soles = points.reshape(-1, 2, 2).min(axis=2)
    heights = np.concatenate([soles, positions[:, _index(*_THICKNESS), 1] - thick], axis=1)
    balls = positions[:, _index("leftToes", "rightToes")]
    balls[..., 1] = soles
    return positions, world, heights, balls


def _allowed_depths(
    source: Motion, heights: Float[ndarray, "frames parts"]
) -> Float[ndarray, "frames n"]:
    """Return how deep each part may sink without lifting the body.

    While a foot is in contact, this is a leg's length for arms that do not rest on the ground in
    the source; otherwise 0.

    Args:
        source: The original motion.
        heights: Heights of its soles and parts (`_parts`), metres.

    Returns:
        Metres for each part of `_THICKNESS`.
    """
    assert source.contacts is not None
    leg = leg_length(source.skeleton)
    stands = _contact_weight(source.times, np.asarray((source.contacts > 0.5).any(axis=1)))
    free = smoothstep(heights[:, 2:], _RESTING[0] * leg, _RESTING[1] * leg)
    out = np.zeros_like(free)
    out[:, _ARMS] = leg * stands[:, None] * free[:, _ARMS]
    return out


def hold_feet(source: Motion, moved: Motion) -> Motion:
    """Keep feet in contact at a constant offset from the source's feet, not below its soles.

    Args:
        source: The original motion.
        moved: The same motion on another body, after `set_hips_height`.

    Returns:
        `moved` with new root positions and new rotations of pelvis, legs and arms.
    """
    assert source.contacts is not None
    touching = source.contacts.reshape(-1, 2, 2).max(axis=2) > 0.5
    whole = moved
    moved = _without_fingers(moved)
    heights, theirs = _parts(_without_fingers(source))[2:]
    root = moved.root_positions
    positions, world, _, balls = _parts(moved)
    legs = np.stack([stiffness(*(positions[:, joint] for joint in leg)) for leg in _LEGS], axis=1)
    thighs = positions[:, [leg[0] for leg in _LEGS]] - positions[:, :1]
    shift, turn, offsets = displace_hips(source.times, theirs - balls, touching, legs, thighs)
    # Only the pelvis rotates; legs and trunk keep their world rotations.
    world[:, 0] = R.multiply(turn, world[:, 0])
    moved = replace(moved, rotations=local_rotations(moved.skeleton, world))
    positions, _, ours, balls = _parts(moved)
    left = np.where(touching[..., None], theirs - balls - shift[:, None], 0.0)
    left[..., [0, 2]] += offsets
    # The hips rise if another part would sink deeper than in the source.
    slack = _allowed_depths(source, heights)
    deeper = np.minimum(heights.min(axis=1), 0.0) - (ours[:, 2:] + slack).min(axis=1) - shift[:, 1]
    raised = np.maximum(deeper, 0.0)
    shift[:, 1] += raised
    left[..., 1] -= np.where(touching, raised[:, None], 0.0)
    positions = positions + shift[:, None]
    ankles = positions[:, [leg[2] for leg in _LEGS]]
    for foot in (0, 1):
        back = _extended(source.times, left[:, foot], touching[:, foot])
        sunk = np.minimum(theirs[:, foot, 1], 0.0) - balls[:, foot, 1] - shift[:, 1]
        back[:, 1] = np.maximum(back[:, 1], sunk)
        ankles[:, foot] = ankles[:, foot] + back
    drop = _hips_drop(source.times, positions, ankles, touching)
    lowered = root + shift - drop[:, None] * [0.0, 1.0, 0.0]
    positions = positions - drop[:, None, None] * [0.0, 1.0, 0.0]
    for foot, leg in enumerate(_LEGS):
        _reach(world, positions, leg, ankles[:, foot], _AHEAD)
    for arm in _ARM_JOINTS:
        floor = np.minimum(heights[:, 2 + list(_THICKNESS).index(_NAMES[arm[2]])], 0.0)
        hand = positions[:, arm[2]].copy()
        lowest = floor + _SIDED_THICKNESS["Hand"] * leg_length(moved.skeleton)
        hand[:, 1] = np.maximum(hand[:, 1], lowest)
        _reach(world, positions, arm, hand, -_AHEAD)
    rotations = whole.rotations.copy()
    rotations[:, _KEPT] = R.unroll(local_rotations(moved.skeleton, world))
    return replace(whole, root_positions=lowered, rotations=rotations)


def _contact_weight(
    times: Float[ndarray, " frames"], touching: Bool[ndarray, " frames"]
) -> Float[ndarray, " frames"]:
    """Return 1 in contacts, falling to 0 within `_BLEND` seconds before and after."""
    at = times[touching]
    if not len(at):
        return np.zeros(len(times))
    after = np.minimum(np.searchsorted(at, times), len(at) - 1)
    return smoothstep(
        1.0
        - np.minimum(np.abs(at[after] - times), np.abs(at[np.maximum(after - 1, 0)] - times))
        / _BLEND
    )


def _extended(
    times: Float[ndarray, " frames"],
    taken: Float[ndarray, "frames n"],
    touching: Bool[ndarray, " frames"],
) -> Float[ndarray, "frames n"]:
    """Return corrections that are extended beyond the ends of contacts and fade out there.

    Between two contacts that are close in time, the correction blends from one to the other.

    Args:
        times: Seconds.
        taken: Corrections; only those during contacts are used.
        touching: Whether the foot is in contact.
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
    return out * _contact_weight(times, touching)[:, None]


def _hips_drop(
    times: ndarray, positions: ndarray, ankles: ndarray, touching: Bool[ndarray, "frames 2"]
) -> Float[ndarray, " frames"]:
    """Return how far the hips are lowered, metres, so that feet in contact are within reach.

    The lowering fades in before a contact and out after it.
    """
    drop = np.zeros(len(positions))
    for foot, (thigh, shank, ankle) in enumerate(_LEGS):
        now = np.linalg.norm(positions[:, ankle] - positions[:, thigh], axis=-1)
        # A leg that is already straighter keeps its extension.
        reach = np.maximum(_REACH * _length(positions, thigh, shank, ankle), now)
        away = ankles[:, foot] - positions[:, thigh]
        across = np.minimum(np.hypot(away[:, 0], away[:, 2]), reach)
        needed = np.maximum(-away[:, 1] - np.sqrt(np.square(reach) - np.square(across)), 0.0)
        needed = np.where(touching[:, foot], needed, 0.0)
        drop = np.maximum(drop, _extended(times, needed[:, None], touching[:, foot])[:, 0])
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
    """Rotate the two bones of a limb, in `world`, so that its end reaches its goal.

    A limb whose end is at its goal is not changed.

    Args:
        world: (F, J, 4) world rotations; the end keeps its own.
        positions: (F, J, 3) positions of the joints, metres.
        limb: Indices of the joints at the root, the hinge and the end.
        goal: Goals of the end, metres.
        bends: Direction in which the hinge of a straight limb bends, in the lower bone's frame.
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
