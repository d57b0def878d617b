"""Bend the spine and swing the clavicles so that the shoulders reach their fitted positions.

The closed form (mocap.solve.body) uses directions only. In a shrug, with a raised arm or a rounded
back, the skeleton's shoulders and arms are therefore centimetres away from the fitted positions.
This stage corrects the rotation from pelvis to chest so that each shoulder is one clavicle length
from the clavicle's root, and then points the clavicles at the shoulders.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.kinematics import fk
from mocap.core.skeleton import Skeleton, humanoid_index

SHOULDER_SIGMA = 0.02
"""Standard deviation of a fitted shoulder relative to the middle of the hips, metres."""
SPINE_SIGMA = np.radians(8.0)
"""Standard deviation of the correction of the chest's rotation, radians."""
CLAVICLE_SIGMA = np.radians(15.0)
"""Standard deviation of a clavicle's swing from the closed form, radians. A clavicle rises by about
30° and moves as far to the front (Ludewig et al., J. Bone Joint Surg. Am. 91, 2009)."""
LARGEST_SWING = np.radians(35.0)
"""Largest swing of a clavicle, radians."""
FADE = 0.25
"""Time in which the correction fades out before shoulders or hips are lost, and in after,
seconds."""
_ROUNDS = 4  # Gauss-Newton steps
_STEP = 1e-4  # step of the numerical derivatives, radians
_SPINE = humanoid_index("spine", "chest", "upperChest")
_CLAVICLES = humanoid_index("leftShoulder", "rightShoulder")
_ARMS = humanoid_index("leftUpperArm", "rightUpperArm")
_LEGS = humanoid_index("leftUpperLeg", "rightUpperLeg")
# Children of chest and clavicles, which keep their world rotations.
_KEPT = humanoid_index("neck", "leftUpperArm", "rightUpperArm")


def reach_shoulders(
    body: Skeleton,
    rotations: Float[ndarray, "frames 55 4"],
    shoulders: Float[ndarray, "frames 2 3"],
    share: Float[ndarray, "frames"],
) -> Float[ndarray, "frames 55 4"]:
    """Rotate spine and clavicles so that the shoulders reach their fitted positions.

    The pelvis and all limbs keep their world rotations. Each frame is a small least-squares problem
    in the chest's rotation. The residuals are the shoulders' distances from the clavicles' roots,
    the clavicles' swings, and the correction itself, each divided by its standard deviation.

    Args:
        body: The performer's skeleton.
        rotations: Local rotations, q_parent_joint.
        shoulders: Left and right shoulder, metres from the middle of the hips, in the world's axes;
            NaN in frames that are not corrected.
        share: Share of the correction that is applied, 0 to 1.

    Returns:
        The local rotations.
    """
    which = np.flatnonzero(np.isfinite(shoulders).all(axis=(1, 2)) & (share > 0.0))
    if not len(which):
        return rotations
    own = rotations[which]
    places, world = fk(body, np.zeros(3), own)
    goals = shoulders[which] + places[:, _LEGS].mean(axis=1, keepdims=True)
    trunk = _Trunk(body, own[:, _SPINE], own[:, _CLAVICLES], world[:, 0], goals)
    bend = np.zeros((len(which), 3))
    for _ in range(_ROUNDS):
        r = trunk.residuals(bend)
        steps = [trunk.residuals(bend + _STEP * axis) - r for axis in np.eye(3)]
        slopes = np.stack(steps, axis=-1) / _STEP  # (F, rows, 3)
        across = np.swapaxes(slopes, 1, 2)
        bend = bend - np.linalg.solve(across @ slopes, across @ r[..., None])[..., 0]
    some = share[which]
    own[:, _SPINE] = trunk.spine(some[:, None] * bend)
    own[:, _CLAVICLES] = trunk.clavicles(bend, some)
    parents = fk(body, np.zeros(3), own)[1][:, body.parents[_KEPT]]
    own[:, _KEPT] = R.multiply(R.conjugate(parents), world[:, _KEPT])
    out = rotations.copy()
    out[which] = own
    return out


def faded(
    times: Float[ndarray, "frames"], seen: Bool[ndarray, "frames"]
) -> Float[ndarray, "frames"]:
    """Return 1 in frames that are seen, fading to 0 within FADE of those that are not.

    Args:
        times: Seconds.
        seen: Which frames are seen.
    """
    lost = times[~seen]
    if not len(lost):
        return np.ones(len(times))
    after = np.clip(np.searchsorted(lost, times), 0, len(lost) - 1)
    before = np.maximum(after - 1, 0)
    away = np.minimum(np.abs(lost[after] - times), np.abs(lost[before] - times))
    return np.asarray(smoothstep(away / FADE))


@dataclass(frozen=True, eq=False, slots=True)
class _Trunk:
    """The trunk from the closed form, and the goals of the shoulders.

    Attributes:
        body: The performer's skeleton.
        closed_spine: (F, 3, 4) local rotations of the spine from the closed form.
        closed_clavicles: (F, 2, 4) local rotations of the clavicles from the closed form.
        pelvis: (F, 4) world rotation of the pelvis.
        goals: (F, 2, 3) goals of the shoulders, metres from the hips' joint.
    """

    body: Skeleton
    closed_spine: ndarray
    closed_clavicles: ndarray
    pelvis: ndarray
    goals: ndarray

    @property
    def lengths(self) -> ndarray:
        """The clavicles' lengths (2,), metres."""
        return np.linalg.norm(self.body.offsets[_ARMS], axis=-1)

    def spine(self, bend: ndarray) -> ndarray:
        """Return local rotations (F, 3, 4) of the spine; its bones share the bend (F, 3)."""
        return R.multiply(self.closed_spine, R.from_rotation_vector(bend / 3.0)[:, None])

    def to_shoulders(self, bend: ndarray) -> ndarray:
        """Return the vectors (F, 2, 3) from the clavicles' roots to the goals, in chest axes."""
        turn, place = self.pelvis, np.zeros((len(bend), 3))
        for local, bone in zip(np.moveaxis(self.spine(bend), 1, 0), _SPINE, strict=True):
            place = place + R.apply(turn, self.body.offsets[bone])
            turn = R.multiply(turn, local)
        ways = R.apply(R.conjugate(turn)[:, None], self.goals - place[:, None])
        return np.asarray(ways - self.body.offsets[_CLAVICLES])

    def usual(self) -> ndarray:
        """Return the directions (F, 2, 3) of the clavicles in the closed form."""
        return R.normalize(R.apply(self.closed_clavicles, self.body.offsets[_ARMS]))

    def residuals(self, bend: ndarray) -> ndarray:
        """Return the residuals (F, 11) of reach, swings and bend, in standard deviations."""
        to = self.to_shoulders(bend)
        reach = (np.linalg.norm(to, axis=-1) - self.lengths) / SHOULDER_SIGMA
        swing = (R.normalize(to) - self.usual()) / CLAVICLE_SIGMA
        return np.concatenate([reach, swing.reshape(len(bend), 6), bend / SPINE_SIGMA], axis=1)

    def clavicles(self, bend: ndarray, share: ndarray) -> ndarray:
        """Return the local rotations (F, 2, 4) of the clavicles, pointed at the shoulders.

        The swing is weighted by the variances of shoulder and clavicle, and by the share (F,).
        """
        usual = self.usual()
        swing = R.to_rotation_vector(R.between(usual, R.normalize(self.to_shoulders(bend))))
        swing /= 1.0 + np.square(SHOULDER_SIGMA / (self.lengths * CLAVICLE_SIGMA))[:, None]
        size = np.linalg.norm(swing, axis=-1, keepdims=True)
        swing *= share[:, None, None] * np.minimum(1.0, LARGEST_SWING / np.maximum(size, 1e-9))
        return R.multiply(R.from_rotation_vector(swing), self.closed_clavicles)
