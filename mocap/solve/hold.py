"""Hold parts that are not seen, then relax them; ease parts that return back in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.skeleton import BONES

HOLD = 0.5
"""Time for which a part that is lost keeps its last pose, seconds."""
RELAX = 1.0
"""Time in which it is then eased to the relaxed pose, seconds."""
RETURN = 0.25
"""Time in which a part that is seen again is eased from the shown to the seen pose, seconds."""


def _relaxed() -> ndarray:
    """Return a relaxed pose: arms down and slightly bent, fingers curled; other bones at rest."""
    pose = np.tile(R.IDENTITY, (len(BONES), 1))
    turns = {
        "UpperArm": (0.0, 0.0, -72.0),
        "LowerArm": (0.0, -15.0, 0.0),
        "ThumbMetacarpal": (0.0, 10.0, 0.0),
        "ThumbProximal": (0.0, -10.0, 0.0),
    }
    for finger, curl in (("Index", 16.0), ("Middle", 20.0), ("Ring", 24.0), ("Little", 28.0)):
        turns |= {
            f"{finger}{joint}": (0.0, 0.0, -curl)
            for joint in ("Proximal", "Intermediate", "Distal")
        }
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for bone, degrees in turns.items():
            x, y, z = np.radians(degrees)
            pose[BONES.index(side + bone)] = R.from_rotation_vector(
                np.array([x, sign * y, sign * z])
            )
    return pose


RELAXED = _relaxed()
"""(55, 4) local rotations to which unseen parts are eased; the pose of unseen fingers."""


@dataclass(frozen=True, eq=False, slots=True)
class HoldState:
    """The state for the next frames, of G groups of bones.

    Attributes:
        seen: Whether each group was seen in the last frame.
        last_seen: Time at which it was last seen, seconds.
        returned: Time at which it was last seen again after a loss, seconds.
        base: Local rotations from which easing starts.
        shown: Local rotations of the last frame.
    """

    seen: Bool[ndarray, "groups"]
    last_seen: Float[ndarray, "groups"]
    returned: Float[ndarray, "groups"]
    base: Float[ndarray, "bones 4"]
    shown: Float[ndarray, "bones 4"]


def hold_unseen(
    times: Float[ndarray, "frames"],
    rotations: Float[ndarray, "frames bones 4"],
    seen: Bool[ndarray, "frames groups"],
    group: Int[ndarray, "bones"],
    relaxed: Float[ndarray, "bones 4"],
    state: HoldState | None,
) -> tuple[Float[ndarray, "frames bones 4"], HoldState]:
    """Hold and ease the groups of bones that are not seen.

    A group that has never been seen has the relaxed pose. A group that is seen in the first frame
    is not eased in.

    Args:
        times: Seconds.
        rotations: Local rotations; those of unseen groups are arbitrary but finite.
        seen: Which groups are seen.
        group: Index of each bone's group.
        relaxed: Local rotations to which unseen groups are eased.
        state: The state after the previous frames; None at the start.

    Returns:
        Local rotations, and the state after the last frame.
    """
    if state is None:
        first = seen[0]
        never = np.full(len(first), -np.inf)
        start = np.where(first[group][:, None], rotations[0], relaxed)
        state = HoldState(first, np.where(first, times[0], never), never, start, start)
    settled = seen.all() and state.seen.all() and bool(np.all(times[0] - state.returned >= RETURN))
    if settled:
        last = np.full(len(state.seen), times[-1])
        return rotations, HoldState(state.seen, last, state.returned, state.base, rotations[-1])
    out = np.array(rotations)
    now_seen, last_seen, returned = state.seen.copy(), state.last_seen.copy(), state.returned.copy()
    base, shown = state.base.copy(), state.shown
    for n, t in enumerate(times):
        changed = seen[n] != now_seen
        if changed.any():
            # Easing starts from the shown pose, so a part that is lost while it is being eased in
            # does not jump.
            base = np.where(changed[group][:, None], shown, base)
            returned[changed & seen[n]] = t
            now_seen = seen[n].copy()
        weight = np.where(
            now_seen,
            smoothstep((t - returned) / RETURN),
            smoothstep((t - last_seen - HOLD) / RELAX),
        )[group]
        last_seen[now_seen] = t
        goal = np.where(now_seen[group][:, None], rotations[n], relaxed)
        easing = weight < 1.0
        shown = goal.copy()
        if easing.any():
            shown[easing] = R.slerp(base[easing], goal[easing], weight[easing])
        out[n] = shown
    return out, HoldState(now_seen, last_seen, returned, base, shown)
