"""Two-bone inverse kinematics of limbs whose knees and elbows stay above the ground."""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.filter import smooth
from mocap.core.kinematics import limb_swings
from mocap.core.runs import runs
from mocap.core.skeleton import BONES, Skeleton
from mocap.core.surface import part_thickness

# Farthest that a limb's end stops from its goal to keep its hinge above the ground, metres, and
# number of halvings of this distance.
_STRETCH, _HALVINGS = 0.04, 6
# Distances of a hinge from the line between its limb's ends, metres, from which turning it aside
# begins to count and fully counts.
_BENT = (0.01, 0.04)
# Time by which turning a hinge aside starts early and ends late, seconds, and cutoff of its
# smoothing, Hz (a Gaussian of standard deviation 0.09 s, so the full turn is there in time).
_TURN, _TURN_CUTOFF = 0.25, 1.5
# Cosines between down and a hinge's direction from that line at which these fades begin to count
# and fully count. A hinge further to the side rises as it turns, so it turns only while it sinks.
_BELOW = (0.7, 0.95)


def reach(
    times: ndarray,
    body: Skeleton,
    world: ndarray,
    positions: ndarray,
    limb: tuple[int, ...],
    goal: ndarray,
    bends: ndarray,
) -> None:
    """Rotate the two bones of a limb, in `world`, so that its end reaches a goal.

    Where the hinge would sink into the ground, the end moves outwards at its height, so that the
    limb bends less: a knee that is bent by 16° is off the line from hip to ankle by 6 cm, and a
    centimetre straightens it. If that does not suffice, the hinge turns aside about that line.

    Args:
        times: (F,) seconds.
        body: The body.
        world: (F, J, 4) world rotations; the end keeps its own.
        positions: (F, J, 3) positions of the joints, metres.
        limb: Indices of the joints at the root, the hinge and the end.
        goal: (F, 3) goals of the end, metres.
        bends: Direction in which the hinge of a straight limb bends, in the lower bone's frame.
    """
    root, hinge, end = (positions[:, joint] for joint in limb)
    lengths = (float(np.linalg.norm(hinge[0] - root[0])), float(np.linalg.norm(end[0] - hinge[0])))
    bent = R.apply(world[:, limb[1]], bends)
    low = part_thickness(body, BONES[limb[1]])
    outwards = R.normalize((goal - root) * [1.0, 0.0, 1.0])

    def moved(stretch: ndarray) -> tuple[tuple[ndarray, ndarray], ndarray]:
        target = goal + stretch[:, None] * outwards
        swings = limb_swings(root, hinge, end, target, bent, lengths)
        return swings, root + R.apply(swings[0], hinge - root)

    near = np.zeros(len(goal))
    swings, raised = moved(near)
    sinks = raised[:, 1] < low
    if sinks.any():
        far = np.where(sinks, _STRETCH, 0.0)
        for _ in range(_HALVINGS):
            stretch = 0.5 * (near + far)
            sinks = moved(stretch)[1][:, 1] < low
            near, far = np.where(sinks, stretch, near), np.where(sinks, far, stretch)
        swings, raised = moved(far)
    aside = _aside(times, root, raised, raised + R.apply(swings[1], end - hinge), low)
    for joint, swing in zip(limb[:2], swings, strict=True):
        world[:, joint] = R.multiply(R.multiply(aside, swing), world[:, joint])


def _aside(times: ndarray, root: ndarray, hinge: ndarray, end: ndarray, low: float) -> ndarray:
    """Return rotations (F, 4) about root to end that raise the hinge to a height.

    A hinge straight below that line can turn to either side, so the side is the same for all
    frames that are near in time. Turns fade in before such a hinge sinks and out after it.
    """
    from scipy.ndimage import maximum_filter1d

    axis = R.normalize(end - root)
    along = R.dot(hinge - root, axis)[:, None]
    off = hinge - root - along * axis
    sideways = R.cross(axis, off)
    # The hinge's height is `centre + high cos(angle - top)`.
    centre = root[:, 1] + along[:, 0] * axis[:, 1]
    high, top = np.hypot(off[:, 1], sideways[:, 1]), np.arctan2(sideways[:, 1], off[:, 1])
    enough = np.arccos(np.clip((low - centre) / np.maximum(high, 1e-9), -1.0, 1.0))
    # A nearly straight limb cannot be raised by turning it.
    counts = smoothstep(np.linalg.norm(off, axis=-1), *_BENT)
    sinks = (np.abs(top) > enough) & (counts > 0.0)
    if not sinks.any():
        return np.tile(R.IDENTITY, (len(times), 1))
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    span = 2 * round(_TURN / max(step, 1e-3)) + 1
    needed = np.zeros(len(times))
    for first, end_ in runs(maximum_filter1d(sinks, span)):
        part = slice(first, end_)
        side = 1.0 if sideways[part, 1][sinks[part]].sum() >= 0.0 else -1.0
        # Beyond the lowest point, the hinge turns to this side too, by more than half a turn.
        turned = np.mod(side * top[part] + 0.5 * np.pi, 2.0 * np.pi) - 0.5 * np.pi
        least = np.sign(turned) * np.maximum(np.abs(turned) - enough[part], 0.0)
        needed[part] = side * counts[part] * sinks[part] * least
    up, down = np.maximum(needed, 0.0), np.maximum(-needed, 0.0)
    wide = maximum_filter1d(up, span) - maximum_filter1d(down, span)
    eased = counts * smooth(times, wide, _TURN_CUTOFF)
    eased *= np.where(eased * top > 0.0, smoothstep(-np.cos(top), *_BELOW), 1.0)
    angle = np.where(needed > 0.0, np.maximum(eased, needed), eased)
    angle = np.where(needed < 0.0, np.minimum(eased, needed), angle)
    return R.from_axis_angle(axis, angle)
