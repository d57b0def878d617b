"""Unit quaternions, order xyzw, as functions on arrays of shape (..., 4).

A quaternion `q_ab` takes vectors from frame b to frame a: `v_a = apply(q_ab, v_b)`, and `q_ac =
multiply(q_ab, q_bc)`. All functions broadcast over leading axes and are tested against
`scipy.spatial.transform.Rotation`. SciPy's class is not used because, on the single pose of a live
frame, its overhead alone exceeds the solver's time budget.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

IDENTITY = np.array([0.0, 0.0, 0.0, 1.0])
IDENTITY.flags.writeable = False

# Squared length below which a vector's direction is only rounding error.
_TINY = 1e-24
# Sine (or angle) below which sin(x)/x is 1 in double precision.
_SMALL = 1e-7


def normalize(v: Float[ndarray, "*batch n"]) -> Float[ndarray, "*batch n"]:
    """Scale vectors or quaternions to unit length; zero stays zero."""
    return v / np.sqrt(np.maximum(np.vecdot(v, v), _TINY))[..., None]


# A live frame has a dozen quaternions, so the cost is the number of array operations, not that of
# multiplications. The bilinear products are therefore an outer product times a constant matrix:
# three operations.
def _hamilton() -> ndarray:
    table = np.zeros((4, 4, 4))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        table[i, j, k], table[j, i, k] = 1.0, -1.0
    for i in range(4):
        table[i, i, 3] = 1.0 if i == 3 else -1.0
        table[i, 3, i] = table[3, i, i] = 1.0
    return table.reshape(16, 4)


_HAMILTON = _hamilton()


def multiply(
    a: Float[ndarray, "*batch 4"], b: Float[ndarray, "*batch2 4"]
) -> Float[ndarray, "*batch3 4"]:
    """Return the Hamilton product a·b: the rotation b, followed by a."""
    if max(a.size, b.size) > 4 * _BLOCK:
        return _multiply_blocks(a, b)
    outer = a[..., :, None] * b[..., None, :]
    return outer.reshape(*outer.shape[:-2], 16) @ _HAMILTON


# Quaternions multiplied at once, so that their outer products (16 numbers each) fit into the
# processor's cache. A long take then needs a sixth of the time, and far less memory.
_BLOCK = 4096


def _multiply_blocks(
    a: Float[ndarray, "*batch 4"], b: Float[ndarray, "*batch2 4"]
) -> Float[ndarray, "*batch3 4"]:
    shape = np.broadcast_shapes(a.shape, b.shape)
    left, right = (np.broadcast_to(q, shape).reshape(-1, 4) for q in (a, b))
    out = np.empty(left.shape, dtype=np.result_type(a, b, _HAMILTON))
    for start in range(0, len(out), _BLOCK):
        part = slice(start, start + _BLOCK)
        outer = left[part, :, None] * right[part, None, :]
        np.matmul(outer.reshape(-1, 16), _HAMILTON, out=out[part])
    return out.reshape(shape)


_CONJUGATE = np.array([-1.0, -1.0, -1.0, 1.0])


def conjugate(q: Float[ndarray, "*batch 4"]) -> Float[ndarray, "*batch 4"]:
    """Return the inverse of a unit quaternion."""
    return q * (_CONJUGATE if q.dtype == np.float64 else _CONJUGATE.astype(q.dtype))


_YZX = np.array([1, 2, 0])
# Number of elements above which operations on whole columns are faster than the fewer operations
# that suit the small arrays of a live frame.
_MANY = 400


def cross(
    a: Float[ndarray, "*batch 3"], b: Float[ndarray, "*batch2 3"]
) -> Float[ndarray, "*batch3 3"]:
    """Return the cross product, as `numpy.cross` at a tenth of its cost on small arrays."""
    if a.size + b.size < _MANY:
        return (a * b.take(_YZX, -1) - a.take(_YZX, -1) * b).take(_YZX, -1)
    out = np.empty(np.broadcast_shapes(a.shape, b.shape))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        np.subtract(a[..., j] * b[..., k], a[..., k] * b[..., j], out=out[..., i])
    return out


def dot(a: Float[ndarray, "*batch n"], b: Float[ndarray, "*batch2 n"]) -> Float[ndarray, "*batch3"]:
    """Return the dot product along the last axis."""
    return np.asarray(np.vecdot(a, b))


def _sandwich() -> ndarray:
    """Return the linear map (16, 9) from q·qᵀ to the rotation matrix, row by row."""
    out = np.zeros((16, 9))
    basis = np.eye(4)
    for i in range(4):
        for j in range(4):
            for k in range(3):
                # eᵢ · eₖ · ēⱼ, of which the vector part is the matrix's column k.
                turned = multiply(multiply(basis[i], basis[k]), basis[j] * _CONJUGATE)
                out[4 * i + j, k::3] = turned[:3]
    return out


_SANDWICH = _sandwich()
_ROWS = tuple(np.ascontiguousarray(_SANDWICH[:, 3 * axis : 3 * axis + 3]) for axis in range(3))


def apply(
    q: Float[ndarray, "*batch 4"], v: Float[ndarray, "*batch2 3"]
) -> Float[ndarray, "*batch3 3"]:
    """Rotate vectors v by q."""
    if q.size + v.size < _MANY:
        outer = q[..., :, None] * q[..., None, :]
        matrix = (outer.reshape(*outer.shape[:-2], 16) @ _SANDWICH).reshape(*outer.shape[:-2], 3, 3)
        return np.vecdot(matrix, v[..., None, :])
    # v + 2w(u × v) + 2u × (u × v), u the vector part
    u = q[..., :3]
    t = 2.0 * cross(u, v)
    return v + q[..., 3:] * t + cross(u, t)


def row(q: Float[ndarray, "*batch 4"], axis: int) -> Float[ndarray, "*batch 3"]:
    """Return a row of rotation matrices: the coordinate of each rotated axis along one axis.

    Args:
        q: Rotations.
        axis: 0, 1 or 2.
    """
    if q.size < _MANY:
        outer = q[..., :, None] * q[..., None, :]
        rows: ndarray = outer.reshape(*outer.shape[:-2], 16) @ _ROWS[axis]
        return rows
    return to_matrix(q)[..., axis, :]


def _quaternion(vector: ndarray, scalar: ndarray | float) -> ndarray:
    out = np.empty((*vector.shape[:-1], 4))
    out[..., :3] = vector
    out[..., 3] = scalar
    return out


def _least_axis(v: ndarray, shape: tuple[int, ...]) -> ndarray:
    """Return the coordinate axis with the smallest component of v; never parallel to v."""
    return np.eye(3)[np.argmin(np.abs(np.broadcast_to(v, shape)), axis=-1)]


def between(
    a: Float[ndarray, "*batch 3"], b: Float[ndarray, "*batch2 3"]
) -> Float[ndarray, "*batch3 4"]:
    """Return the shortest rotation from unit vectors a to unit vectors b.

    If a and b are opposite, the axis is an arbitrary one perpendicular to a. The half-angle form
    (a×h, a·h), with h the half-way vector, is precise up to 1e-12 rad from 180°.
    """
    half = a + b
    squared = dot(half, half)
    opposite = squared < _TINY
    if opposite.any():
        perpendicular = normalize(cross(np.broadcast_to(a, half.shape), _least_axis(a, half.shape)))
        half = np.where(opposite[..., None], perpendicular, half)
    half = normalize(half)
    return _quaternion(cross(a, half), dot(a, half))


def from_rotation_vector(v: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 4"]:
    """Return the quaternion of a rotation vector (axis times angle, radians; exponential map)."""
    angle = np.sqrt(dot(v, v))
    small = angle < _SMALL
    scale = np.where(small, 0.5, np.sin(0.5 * angle) / np.where(small, 1.0, angle))
    return _quaternion(v * scale[..., None], np.cos(0.5 * angle))


def to_rotation_vector(q: Float[ndarray, "*batch 4"]) -> Float[ndarray, "*batch 3"]:
    """Return the rotation vector (axis times angle in [0, π], radians): the logarithm."""
    q = np.where(q[..., 3:] < 0, -q, q)
    sine = np.sqrt(dot(q[..., :3], q[..., :3]))
    small = sine < _SMALL
    scale = np.where(small, 2.0, 2.0 * np.arctan2(sine, q[..., 3]) / np.where(small, 1.0, sine))
    return q[..., :3] * scale[..., None]


def from_axis_angle(
    axis: Float[ndarray, "*batch 3"], angle: Float[ndarray, "*batch2"] | float
) -> Float[ndarray, "*batch3 4"]:
    """Return the right-handed rotation about a unit axis by an angle in radians."""
    half = 0.5 * np.asarray(angle, dtype=float)[..., None]
    return _quaternion(axis * np.sin(half), np.cos(half[..., 0]))


def angle(q: Float[ndarray, "*batch 4"]) -> Float[ndarray, "*batch"]:
    """Return the rotation angle in radians, in [0, π]; precise near both ends."""
    return np.asarray(2.0 * np.arctan2(np.sqrt(dot(q[..., :3], q[..., :3])), np.abs(q[..., 3])))


def distance(
    a: Float[ndarray, "*batch 4"], b: Float[ndarray, "*batch2 4"]
) -> Float[ndarray, "*batch3"]:
    """Return the geodesic distance between two rotations in radians, in [0, π]."""
    return angle(multiply(conjugate(a), b))


def slerp(
    a: Float[ndarray, "*batch 4"],
    b: Float[ndarray, "*batch2 4"],
    t: Float[ndarray, "*batch3"] | float,
) -> Float[ndarray, "*batch4 4"]:
    """Interpolate along the shorter arc at constant speed (spherical linear interpolation).

    Args:
        a: Rotation at t = 0.
        b: Rotation at t = 1.
        t: Parameter, usually in [0, 1].
    """
    difference = to_rotation_vector(multiply(conjugate(a), b))
    return multiply(a, from_rotation_vector(difference * np.asarray(t, dtype=float)[..., None]))


def swing_twist(
    q: Float[ndarray, "*batch 4"], axis: Float[ndarray, "*batch2 3"]
) -> tuple[Float[ndarray, "*batch3 4"], Float[ndarray, "*batch3 4"]]:
    """Split q into swing·twist: the twist about a unit axis, the swing about a perpendicular one.

    If the swing is 180°, the twist is undefined and returned as the identity.

    Returns:
        (swing, twist), unit quaternions.
    """
    along = dot(q[..., :3], axis)
    twist = _quaternion(along[..., None] * axis, q[..., 3])
    undefined = dot(twist, twist) < _TINY
    twist = np.where(undefined[..., None], IDENTITY, normalize(twist))
    return multiply(q, conjugate(twist)), twist


def _shepperd() -> tuple[ndarray, ndarray]:
    """Return the linear map from the nine elements of a matrix, row by row, to 4·q·qᵀ.

    Row i of 4·q·qᵀ is q times four times component i of q.
    """
    linear, constant = np.zeros((9, 4, 4)), np.eye(4)
    for i in range(3):
        for j in range(3):
            # q·qᵀ on the diagonal: 1 ± m₀₀ ± m₁₁ ± m₂₂ with the component's own sign positive; the
            # scalar's are all positive.
            linear[4 * j, i, i] = 1.0 if i == j else -1.0
            if i != j:
                linear[3 * i + j, i, j] = linear[3 * i + j, j, i] = 1.0
        linear[4 * i, 3, 3] = 1.0
        j, k = (i + 1) % 3, (i + 2) % 3
        linear[3 * k + j, i, 3] = linear[3 * k + j, 3, i] = 1.0
        linear[3 * j + k, i, 3] = linear[3 * j + k, 3, i] = -1.0
    return linear.reshape(9, 16), constant.reshape(16)


_FROM_MATRIX, _FROM_IDENTITY = _shepperd()


def from_matrix(m: Float[ndarray, "*batch 3 3"]) -> Float[ndarray, "*batch 4"]:
    """Convert rotation matrices, whose columns are the rotated axes, to quaternions.

    Of four candidates the one of largest norm is used, so that no angle loses precision.

    Source: Shepperd, "Quaternion from rotation matrix", J. Guidance and Control 1(3), 1978.
    """
    candidates = m.reshape(-1, 9) @ _FROM_MATRIX + _FROM_IDENTITY
    largest = candidates[:, ::5].argmax(axis=-1)  # on the diagonal
    rows = candidates.reshape(-1, 4)[4 * np.arange(len(largest)) + largest]
    return normalize(rows).reshape(*m.shape[:-2], 4)


def to_matrix(q: Float[ndarray, "*batch 4"]) -> Float[ndarray, "*batch 3 3"]:
    """Convert quaternions to rotation matrices, whose columns are the rotated axes."""
    x, y, z, w = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    rows = (
        1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
        2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
        2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y),
    )  # fmt: skip
    return np.stack(rows, axis=-1).reshape(*q.shape[:-1], 3, 3)


def from_frame(
    primary: Float[ndarray, "*batch 3"], secondary: Float[ndarray, "*batch2 3"]
) -> Float[ndarray, "*batch3 4"]:
    """Return the rotation whose x axis is `primary` and whose xy half-plane contains `secondary`.

    Both vectors may have any length; the direction of `primary` is kept exactly. If the two are
    parallel, the angle about x is arbitrary, so callers weight the result by the sine between them.
    """
    x = normalize(primary)
    z = cross(x, secondary)
    flat = dot(z, z) < _TINY
    if flat.any():
        z = np.where(
            flat[..., None], cross(np.broadcast_to(x, z.shape), _least_axis(x, z.shape)), z
        )
    m = np.empty((*z.shape, 3))
    z = normalize(z)
    m[..., 0] = x
    m[..., 1] = cross(z, x)
    m[..., 2] = z
    return from_matrix(m)


def unroll(q: Float[ndarray, "frames *joints 4"]) -> Float[ndarray, "frames *joints 4"]:
    """Choose the quaternions' signs so that none flips from one frame to the next.

    Each quaternion has a non-negative dot product with the one before it.
    """
    if len(q) < 2:
        return q.copy()
    flips = np.where(dot(q[1:], q[:-1]) < 0, -1.0, 1.0)
    out = q.copy()
    out[1:] *= np.cumprod(flips, axis=0)[..., None]
    return out
