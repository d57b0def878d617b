"""A model's transform in its parent: pivots, offsets, rotation orders, inherited scale.

After the FBX SDK's reference ("Computing transformation matrices"):

    T · Roff · Rp · Rpre · R · Rpost⁻¹ · Rp⁻¹ · Soff · Sp · S · Sp⁻¹

and, for the part that is not translation, by InheritType with G the parent's rotation and Γ its
shear and scale (its linear part is G·Γ):

    0 RrSs    G · R · Γ · S        1 RSrs    G · Γ · R · S        2 Rrs    G · R · Γ · Sparent⁻¹ · S
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.formats import euler
from mocap.formats.fbx.scene import Properties, number, vector

# RotationOrder → the axes from the outermost to the innermost, as in `euler`. FBX's "XYZ" rotates
# about X first, q = z·y·x. 6 is "spheric XYZ".
ORDERS = ("ZYX", "YZX", "XZY", "ZXY", "YXZ", "XYZ", "ZYX")
RRSS, RSRS, RRS = 0, 1, 2


@dataclass(frozen=True, eq=False, slots=True)
class Local:
    """A model's transform at rest, in the parent's frame and the file's unit.

    Attributes:
        order: Axes as in ORDERS.
        before: PreRotation.
        after: The inverse of PostRotation.
        pivot: Roff + Rp; T + pivot is the point about which the model rotates.
        behind: −Rp + Soff + Sp, from that point to the centre of scaling.
        centre: Sp.
        inherit: InheritType.
        translation: T; animation replaces it, and the next two.
        rotation: Degrees about X, Y and Z.
        scaling: S.
    """

    order: str
    before: Float[ndarray, "4"]
    after: Float[ndarray, "4"]
    pivot: Float[ndarray, "3"]
    behind: Float[ndarray, "3"]
    centre: Float[ndarray, "3"]
    inherit: int
    translation: Float[ndarray, "3"]
    rotation: Float[ndarray, "3"]
    scaling: Float[ndarray, "3"]

    def turn(self, degrees: Float[ndarray, "*frames 3"]) -> Float[ndarray, "*frames 4"]:
        """Return the model's rotation in its parent, for the angles of animation."""
        angles = R.multiply(R.multiply(self.before, quaternion(self.order, degrees)), self.after)
        return np.asarray(angles)

    def degrees(self, turn: Float[ndarray, "#frames 4"]) -> Float[ndarray, "#frames 3"]:
        """Return the angles about X, Y and Z for a rotation in the parent, continuous in time."""
        inner = R.multiply(R.multiply(R.conjugate(self.before), turn), R.conjugate(self.after))
        angles = np.degrees(euler.to_axes(self.order, inner[:, None])[:, 0])
        return angles[:, [self.order.index(axis) for axis in "XYZ"]]


def local(properties: Properties) -> Local:
    """Return the transform of a model's properties.

    Without RotationActive, pre-rotation, post-rotation and order are ignored.

    Raises:
        InputError: A number is not finite.
    """
    zero, one = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    order, before, after = ORDERS[0], R.IDENTITY, R.IDENTITY
    if number(properties, "RotationActive", 0.0):
        chosen = int(number(properties, "RotationOrder", 0.0))
        order = ORDERS[chosen if 0 <= chosen < len(ORDERS) else 0]
        before = quaternion(ORDERS[0], vector(properties, "PreRotation", zero))
        after = R.conjugate(quaternion(ORDERS[0], vector(properties, "PostRotation", zero)))
    pivot, centre = (vector(properties, f"{k}Pivot", zero) for k in ("Rotation", "Scaling"))
    behind = -pivot + vector(properties, "ScalingOffset", zero) + centre
    pivot = pivot + vector(properties, "RotationOffset", zero)
    inherit = int(number(properties, "InheritType", 0.0))
    return Local(
        order, before, after, pivot, behind, centre, inherit if inherit in (RSRS, RRS) else RRSS,
        vector(properties, "Lcl Translation", zero), vector(properties, "Lcl Rotation", zero),
        vector(properties, "Lcl Scaling", one),
    )  # fmt: skip


def quaternion(order: str, degrees: Float[ndarray, "*frames 3"]) -> Float[ndarray, "*frames 4"]:
    """Return the rotation by angles about X, Y and Z, degrees, in an order of ORDERS."""
    radians = np.radians(degrees)[..., ["XYZ".index(axis) for axis in order]]
    return euler.from_axes(order, radians)


@dataclass(frozen=True, eq=False, slots=True)
class Placement:
    """A model's placement in the file's world, for F frames, or for one if it is constant.

    Attributes:
        turn: (F, 4) G, the product of the rotations from the root to the model.
        linear: (F, 3, 3) linear part, G·Γ.
        origin: (F, 3) origin of the model's frame.
        joint: (F, 3) the point about which the model rotates.
        scaling: (F, 3) the model's own S.
    """

    turn: Float[ndarray, "#frames 4"]
    linear: Float[ndarray, "#frames 3 3"]
    origin: Float[ndarray, "#frames 3"]
    joint: Float[ndarray, "#frames 3"]
    scaling: Float[ndarray, "#frames 3"]


WORLD = Placement(
    R.IDENTITY[None], np.eye(3)[None], np.zeros((1, 3)), np.zeros((1, 3)), np.ones((1, 3))
)
"""The placement of the parent of roots."""


def around(
    model: Local, above: Placement, scaling: Float[ndarray, "#frames 3"]
) -> tuple[ndarray, ndarray]:
    """Return A and B of the model's linear part in the world, A · R · B.

    R is the model's rotation in its parent.

    Args:
        model: Its transform at rest.
        above: The parent's placement.
        scaling: The model's own scaling.

    Returns:
        A and B, each (F, 3, 3).
    """
    if model.inherit == RSRS:
        return above.linear, _diagonal(scaling)
    outer = R.to_matrix(above.turn)
    inner = np.swapaxes(outer, -1, -2) @ above.linear
    if model.inherit == RRS:
        inner = inner @ _diagonal(1.0 / np.where(above.scaling == 0.0, 1.0, above.scaling))
    return outer, inner @ _diagonal(scaling)


def _diagonal(values: Float[ndarray, "#frames 3"]) -> Float[ndarray, "#frames 3 3"]:
    return np.asarray(values[..., None] * np.eye(3))


def placed(
    model: Local,
    above: Placement,
    translation: Float[ndarray, "#frames 3"],
    turn: Float[ndarray, "#frames 4"],
    scaling: Float[ndarray, "#frames 3"],
) -> Placement:
    """Return a model's placement in the world, for F frames or for one.

    Args:
        model: Its transform at rest.
        above: The parent's placement.
        translation: In the parent, the file's unit.
        turn: Rotation in the parent (`Local.turn`).
        scaling: The model's own scaling.
    """
    outer, inner = around(model, above, scaling)
    linear = outer @ R.to_matrix(turn) @ inner
    at = translation + model.pivot
    moved = at + R.apply(turn, model.behind - scaling * model.centre)
    joint, origin = (
        above.origin + (above.linear @ p[..., None])[..., 0] for p in (at, moved)
    )  # fmt: skip
    return Placement(R.multiply(above.turn, turn), linear, origin, joint, scaling)
