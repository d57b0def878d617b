"""Keep contacts of the hands with each other and with the body on another body.

A hand near a body part has a position in that part's frame. This position, scaled with the part, is
the goal of the target's hand, weighted by how close the hand is. Two-bone inverse kinematics moves
the arm to the goal in its bending plane; hands keep their world rotation.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.kinematics import fk, limb_swings
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from mocap.retargeting.to_body import leg_length

# Distances of the knuckles from a surface, metres on HUMANOID: below the first, a hand is in
# contact; above the second, it is free.
_NEAR, _FAR = 0.06, 0.18
# Distance between the knuckles of clapped hands, metres.
_CLAPPED = 0.05
# Extension of an arm, as a share of its length, from which full extension is approached smoothly.
_SOFT = 0.94
# Part of the body: (bone of its frame, bone at the end of its axis, radius on HUMANOID in metres).
_PARTS: dict[str, tuple[str, str, float]] = {
    "head": ("head", "head", 0.11),
    "chest": ("upperChest", "neck", 0.13),
    "hips": ("hips", "chest", 0.13),
    **{f"{s}{b}": (f"{s}{b}", f"{s}{e}", r) for s in ("left", "right") for b, e, r in
       (("UpperLeg", "LowerLeg", 0.075), ("LowerLeg", "Foot", 0.055),
        ("UpperArm", "LowerArm", 0.05), ("LowerArm", "Hand", 0.04))},
}  # fmt: skip
_HEAD_CENTRE = np.array([0.0, 0.09, 0.02])
_BACK = np.array([0.0, 0.0, -1.0])


def keep_hand_contacts(
    source: Motion, positions: Float[ndarray, "frames 55 3"], turned: Float[ndarray, "frames 55 4"]
) -> Float[ndarray, "frames 55 4"]:
    """Return world rotations of the bones with which the hands have the source's contacts.

    Args:
        source: The original motion.
        positions: Positions of the target's bones, scaled to the source's leg length, metres.
        turned: World rotations of the target's bones.

    Returns:
        World rotations; only those of the arms are changed.
    """
    if len(turned) == 0:
        return turned
    theirs, their_turns = fk(source.skeleton, source.root_positions, source.rotations)
    measure = leg_length(source.skeleton) / leg_length(HUMANOID)
    out = turned.copy()
    shifts = {}
    # Clasped hands are also close to each other's wrists; then contacts with arms are ignored.
    between = _knuckles(theirs, "left") - _knuckles(theirs, "right")
    clasped = _contact_weight(np.linalg.norm(between, axis=-1) - _CLAPPED * measure, measure)
    for side in ("left", "right"):
        a, b = (_knuckles(p, side) for p in (theirs, positions))
        wanted, strength = np.zeros_like(a), np.zeros(len(a))
        total = np.zeros(len(a))
        for part, (frame, end, radius) in _PARTS.items():
            if part in (f"{side}UpperArm", f"{side}LowerArm"):
                continue
            weight = _contact_weight(
                _distance_to_part(theirs, their_turns, frame, end, measure, a) - radius * measure,
                measure,
            )
            if part.endswith("Arm"):
                weight = weight * (1.0 - clasped)
            place = _map_point(a, theirs, their_turns, positions, turned, frame, end)
            wanted += weight[:, None] * (place - b)
            total += weight
            strength = np.maximum(strength, weight)
        # The weighted mean of the parts' shifts, times the weight of the closest contact.
        shifts[side] = wanted * (strength / np.maximum(total, 1e-9))[:, None]
    _bring_hands_together(theirs, positions, clasped, shifts)
    for side, shift in shifts.items():
        _reach(positions, turned, out, side, shift)
    return out


def _knuckles(positions: ndarray, side: str) -> Float[ndarray, "frames 3"]:
    """Return the position of a hand's middle knuckle."""
    return np.asarray(positions[:, BONES.index(f"{side}MiddleProximal")])


def _contact_weight(
    distance: Float[ndarray, " frames"], measure: float
) -> Float[ndarray, " frames"]:
    return smoothstep(distance, _FAR * measure, _NEAR * measure)


def _axis(
    positions: ndarray, turned: ndarray, frame: str, end: str, measure: float
) -> tuple[ndarray, ndarray]:
    """Return the two ends of a part's axis."""
    start = positions[:, BONES.index(frame)]
    if frame == end:
        centre = start + R.apply(turned[:, BONES.index(frame)], measure * _HEAD_CENTRE)
        return centre, centre
    return start, positions[:, BONES.index(end)]


def _distance_to_part(
    positions: ndarray, turned: ndarray, frame: str, end: str, measure: float, point: ndarray
) -> Float[ndarray, " frames"]:
    """Return the distance of a point from a part's axis."""
    start, stop = _axis(positions, turned, frame, end, measure)
    along = stop - start
    t = np.clip(R.dot(point - start, along) / np.maximum(R.dot(along, along), 1e-12), 0.0, 1.0)
    return np.linalg.norm(point - start - t[:, None] * along, axis=-1)


def _map_point(
    point: ndarray,
    theirs: ndarray,
    their_turns: ndarray,
    positions: ndarray,
    turned: ndarray,
    frame: str,
    end: str,
) -> Float[ndarray, "frames 3"]:
    """Map a point from the source's body part to the target's, scaled with the part."""
    bone = BONES.index(frame)
    long = [_lengths(p, frame, end) for p in (theirs, positions)]
    wide = [_widths(p, frame) for p in (theirs, positions)]
    size = np.array([wide[1] / wide[0], long[1] / long[0], wide[1] / wide[0]])
    if frame.endswith("Arm"):
        size = size[[1, 0, 2]]
    local = R.apply(R.conjugate(their_turns[:, bone]), point - theirs[:, bone])
    return positions[:, bone] + R.apply(turned[:, bone], size * local)


def _lengths(positions: ndarray, frame: str, end: str) -> float:
    a, b = (
        ("neck", "head")
        if frame == "head"
        else ("hips", "neck")
        if frame in ("hips", "upperChest")
        else (frame, end)
    )
    return max(_mean_distance(positions, a, b), 1e-6)


def _widths(positions: ndarray, frame: str) -> float:
    """Return the body measure with which a part's thickness scales."""
    if frame in ("head", "upperChest"):
        return max(_mean_distance(positions, "leftUpperArm", "rightUpperArm"), 1e-6)
    if frame.endswith("Arm"):
        side = frame.removesuffix("UpperArm").removesuffix("LowerArm")
        return max(_mean_distance(positions, f"{side}LowerArm", f"{side}Hand"), 1e-6)
    return max(_mean_distance(positions, "leftUpperLeg", "rightUpperLeg"), 1e-6)


def _mean_distance(positions: ndarray, a: str, b: str) -> float:
    between = positions[:, BONES.index(a)] - positions[:, BONES.index(b)]
    return float(np.linalg.norm(between, axis=-1).mean())


def _bring_hands_together(
    theirs: ndarray,
    positions: ndarray,
    clasped: Float[ndarray, " frames"],
    shifts: dict[str, ndarray],
) -> None:
    """Add, in `shifts`, the movements that bring clasped hands as close together as the source's.

    Each hand moves half the way.
    """
    apart, ours = (_knuckles(p, "left") - _knuckles(p, "right") for p in (theirs, positions))
    sizes = [_mean_distance(p, "leftHand", "leftMiddleProximal") for p in (theirs, positions)]
    left = apart * sizes[1] / max(sizes[0], 1e-6) - (ours + shifts["left"] - shifts["right"])
    for side, half in (("left", 0.5), ("right", -0.5)):
        shifts[side] = shifts[side] + half * clasped[:, None] * left


def _reach(positions: ndarray, turned: ndarray, out: ndarray, side: str, shift: ndarray) -> None:
    """Rotate an arm, in `out`, so that its hand moves by `shift`."""
    arm = [BONES.index(side + b) for b in ("UpperArm", "LowerArm", "Hand")]
    shoulder, elbow, wrist = (positions[:, j] for j in arm)
    upper, lower = (
        float(np.linalg.norm(d, axis=-1).mean()) for d in (elbow - shoulder, wrist - elbow)
    )
    if min(upper, lower) <= 0.0 or not shift.any():
        return
    now = np.linalg.norm(wrist - shoulder, axis=-1) / (upper + lower)
    wanted = wrist + shift - shoulder
    far = np.linalg.norm(wanted, axis=-1) / (upper + lower)
    # An arm that is already straighter keeps its extension.
    soft = np.maximum(_SOFT, np.minimum(now, 1.0 - 1e-6))
    kept = np.where(far > soft, soft + (1.0 - soft) * np.tanh((far - soft) / (1.0 - soft)), far)
    goal = shoulder + wanted * (kept / np.maximum(far, 1e-9))[:, None]
    hinge = upper * R.apply(turned[:, arm[0]], _BACK)
    swings = limb_swings(shoulder, elbow, wrist, goal, hinge, (upper, lower))
    for joint, swing in zip(arm[:2], swings, strict=True):
        out[:, joint] = R.multiply(swing, turned[:, joint])
