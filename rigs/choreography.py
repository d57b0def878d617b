"""The motion of the demo: a greeting, a side step, a squat, a hop, and turns.

Channels are keyed by hand, interpolated by monotone cubics (no overshoot) and smoothed in time; the
feet follow a plan of planted stretches and steps, and the legs reach them by two-bone inverse
kinematics. The clip is periodic: it loops. Angles of the keys are in degrees.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

from mocap.core import rotation as R
from mocap.core.kinematics import fk, two_bone_ik
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID

FPS = 30
DURATION = 6.4  # seconds
_FINE = 480  # samples a second at which channels are smoothed
_EVENING = 0.045  # seconds, the standard deviation of the smoothing

TAKE_OFF, LANDING = 3.70, 4.06  # the hop: the feet leave and meet the ground, seconds
# durations of the legs' push before it, and of the landing after it, seconds
PUSH, CATCH = 0.40, 0.20
_GRAVITY = 9.81

# channel: (time, value) keys; the last goes over into the first. Positions in metres, angles in
# degrees. An arm's: raise (−90 down, 0 level, 90 up), ahead (0 to the side, 90 to the front), roll
# (about the upper arm; − turns the elbow's crease up), elbow (flexion), palm (the forearm's roll; +
# turns the thumb up and out), nod and tilt of the hand, curl of the fingers.
KEYS: dict[str, list[tuple[float, float]]] = {
    "x": [
        (0.0, 0.0), (0.6, 0.045), (1.5, 0.045), (1.75, -0.05), (2.05, 0.12), (2.35, 0.23),
        (2.65, 0.15), (3.1, 0.15), (4.4, 0.15),
        (5.3, 0.15), (5.55, 0.19), (5.85, 0.05), (6.1, -0.03),
    ],
    # The hips' height over a stance, to which `push` and `hop` are added.
    "y": [
        (0.0, 0.944), (0.6, 0.940), (1.5, 0.940), (1.75, 0.918), (2.05, 0.895), (2.35, 0.912),
        (2.6, 0.915), (3.1, 0.60), (3.3, 0.60),
        (4.26, 0.60), (4.66, 0.905), (5.0, 0.905), (5.5, 0.915), (5.75, 0.898), (6.1, 0.93),
    ],
    "z": [(0.0, 0.0), (2.6, 0.0), (3.1, -0.13), (3.3, -0.13), (3.6, 0.0), (4.1, 0.0), (4.26, -0.05),
          (4.5, 0.0), (6.1, 0.0)],
    "hips_yaw": [
        (0.0, 0.0), (1.6, 0.0), (2.05, 8.0), (2.4, 0.0), (4.35, 0.0), (4.65, 27.0), (4.8, 27.0),
        (5.15, -27.0), (5.3, -27.0), (5.65, 0.0),
        (6.2, 0.0),
    ],
    "hips_pitch": [(0.0, 0.0), (2.6, 0.0), (3.1, 24.0), (3.3, 24.0), (3.6, 0.0), (4.05, 0.0),
                   (4.26, 14.0), (4.5, 2.0), (6.2, 0.0)],
    "hips_roll": [
        (0.0, 0.0), (0.6, 4.0), (1.5, 4.0), (1.75, -3.0), (2.05, 3.0), (2.35, 4.0), (2.65, 0.0),
        (5.4, 0.0), (5.75, -4.0), (6.15, 0.0),
    ],
    "back_yaw": [
        (0.0, 0.0), (0.7, -6.0), (1.5, -6.0), (2.05, 10.0), (2.4, -6.0), (2.7, 0.0), (4.35, 0.0),
        (4.65, 36.0), (4.8, 36.0),
        (5.15, -36.0), (5.3, -36.0), (5.65, 0.0), (6.2, 0.0),
    ],
    "back_pitch": [(0.0, 1.0), (2.6, 2.0), (3.1, 16.0), (3.3, 16.0), (3.6, -4.0), (3.9, -6.0),
                   (4.26, 12.0), (4.5, 2.0), (6.2, 1.0)],
    "back_roll": [
        (0.0, 0.0), (0.6, -7.0), (1.5, -7.0), (1.8, 6.0), (2.05, -8.0), (2.35, -6.0), (2.65, 0.0),
        (5.4, 0.0), (5.75, 8.0), (6.15, 0.0),
    ],
    "head_yaw": [
        (0.0, 0.0), (0.5, -8.0), (1.5, -6.0), (1.8, 18.0), (2.3, 8.0), (2.7, 0.0), (4.3, 0.0),
        (4.65, -14.0), (4.9, 0.0), (5.15, 14.0),
        (5.5, -10.0), (5.9, -6.0), (6.2, 0.0),
    ],
    "head_pitch": [(0.0, 0.0), (2.6, 2.0), (3.1, -26.0), (3.3, -26.0), (3.6, -6.0), (3.85, -12.0),
                   (4.2, -8.0), (4.5, 0.0), (6.2, 0.0)],
    "head_roll": [
        (0.0, 0.0), (0.6, -5.0), (0.85, 6.0), (1.1, -5.0), (1.35, 5.0), (1.7, 0.0), (2.05, 6.0),
        (2.4, -4.0), (2.8, 0.0), (6.2, 0.0),
    ],
    "left_raise": [
        (0.0, -72.0), (1.5, -70.0), (1.8, -35.0), (2.1, -5.0), (2.4, -30.0), (2.65, -60.0),
        (3.1, -6.0), (3.3, -20.0), (3.45, -60.0),
        (3.8, 72.0), (3.98, 66.0), (4.25, -14.0), (4.5, -8.0), (5.3, -8.0), (5.6, -45.0),
        (5.9, -66.0), (6.2, -72.0),
    ],
    "left_ahead": [
        (0.0, 0.0), (1.5, 5.0), (1.8, 20.0), (2.1, 5.0), (2.65, 20.0), (3.1, 80.0), (3.3, 70.0),
        (3.45, 30.0), (3.8, 20.0), (4.25, 30.0),
        (4.5, 5.0), (4.7, -5.0), (5.2, 40.0), (5.6, 20.0), (6.2, 0.0),
    ],
    "left_roll": [
        (0.0, 0.0), (1.5, 0.0), (2.1, -15.0), (2.6, 0.0), (3.1, 0.0), (3.8, 35.0), (3.98, 35.0),
        (4.3, -20.0), (5.3, -20.0), (5.8, 0.0),
        (6.2, 0.0),
    ],
    "left_elbow": [
        (0.0, 14.0), (1.5, 20.0), (1.8, 55.0), (2.1, 25.0), (2.4, 45.0), (2.65, 25.0), (3.1, 12.0),
        (3.45, 30.0), (3.8, 10.0),
        (4.25, 45.0), (4.5, 22.0), (4.7, 12.0), (5.2, 75.0), (5.5, 40.0), (6.2, 14.0),
    ],
    "left_palm": [
        (0.0, 0.0), (1.8, 0.0), (2.1, 50.0), (2.6, 10.0), (3.1, 0.0), (3.8, 20.0), (4.3, 30.0),
        (4.7, 60.0), (5.2, -20.0), (5.7, 0.0),
        (6.2, 0.0),
    ],
    "left_nod": [
        (0.0, 4.0), (1.8, -10.0), (2.1, 20.0), (2.5, 0.0), (3.1, -8.0), (3.8, -20.0), (4.3, 0.0),
        (4.7, -15.0), (5.2, 10.0), (6.2, 4.0),
    ],
    "left_tilt": [(0.0, 0.0), (2.1, 8.0), (2.6, 0.0), (6.2, 0.0)],
    "left_curl": [
        (0.0, 26.0), (1.8, 18.0), (2.1, 6.0), (2.6, 30.0), (3.1, 8.0), (3.45, 60.0), (3.75, 4.0),
        (4.0, 4.0), (4.4, 16.0), (5.3, 14.0),
        (6.2, 26.0),
    ],
    "right_raise": [
        (0.0, -72.0), (0.4, -30.0), (0.7, 6.0), (1.35, 6.0), (1.8, -40.0), (2.1, -25.0),
        (2.4, -35.0), (2.65, -60.0), (3.1, -6.0),
        (3.3, -20.0), (3.45, -60.0), (3.8, 72.0), (3.98, 66.0), (4.25, -14.0), (4.5, -8.0),
        (5.3, -8.0), (5.6, -30.0), (5.9, -62.0),
        (6.2, -72.0),
    ],
    "right_ahead": [
        (0.0, 0.0), (0.4, 28.0), (0.7, 22.0), (1.35, 22.0), (1.8, 15.0), (2.1, 40.0), (2.65, 20.0),
        (3.1, 80.0), (3.3, 70.0),
        (3.45, 30.0), (3.8, 20.0), (4.25, 30.0), (4.5, 25.0), (4.7, 40.0), (5.2, -5.0), (5.6, 20.0),
        (6.2, 0.0),
    ],
    "right_roll": [
        (0.0, 0.0), (0.7, -72.0), (1.35, -72.0), (1.8, -15.0), (2.6, 0.0), (3.1, 0.0), (3.8, 35.0),
        (3.98, 35.0), (4.3, -20.0),
        (5.3, -20.0), (5.8, 0.0), (6.2, 0.0),
    ],
    "right_elbow": [
        (0.0, 14.0), (0.4, 80.0), (0.65, 48.0), (0.86, 118.0), (1.07, 46.0), (1.28, 118.0),
        (1.5, 70.0), (1.8, 40.0), (2.1, 75.0),
        (2.4, 45.0), (2.65, 25.0), (3.1, 12.0), (3.45, 30.0), (3.8, 10.0), (4.25, 45.0),
        (4.5, 40.0), (4.7, 75.0), (5.2, 12.0),
        (5.5, 30.0), (6.2, 14.0),
    ],
    "right_palm": [
        (0.0, 0.0), (0.7, 0.0), (1.4, 0.0), (2.1, -15.0), (2.6, 0.0), (3.1, 0.0), (3.8, 20.0),
        (4.3, 20.0), (4.7, -20.0), (5.2, 60.0),
        (5.7, 0.0), (6.2, 0.0),
    ],
    "right_nod": [
        (0.0, 4.0), (0.7, -6.0), (1.4, -6.0), (2.1, 10.0), (2.6, 0.0), (3.1, -8.0), (3.8, -20.0),
        (4.3, 0.0), (4.7, 10.0), (5.2, -15.0),
        (6.2, 4.0),
    ],
    "right_tilt": [(0.0, 0.0), (0.5, 0.0), (0.7, -14.0), (0.9, 14.0), (1.1, -14.0), (1.3, 14.0),
                   (1.55, 0.0), (6.2, 0.0)],
    "right_curl": [
        (0.0, 26.0), (0.5, 6.0), (1.4, 6.0), (1.9, 22.0), (2.6, 30.0), (3.1, 8.0), (3.45, 60.0),
        (3.75, 4.0), (4.0, 4.0), (4.4, 16.0),
        (5.3, 14.0), (6.2, 26.0),
    ],
}  # fmt: skip

# Where each foot's ball stands (x; z is the rest pose's) and when it steps: (lift, land, x after).
# Feet are turned out a little.
_STANCE = 0.115
STEPS = {
    "left": [(1.78, 2.12, _STANCE + 0.30), (5.98, 6.30, _STANCE)],
    "right": [(2.28, 2.58, -_STANCE + 0.02), (5.52, 5.86, -_STANCE)],
}
TURN_OUT = 9.0
_STEP_HEIGHT = 0.085


def _smooth(t: ndarray) -> ndarray:
    """Return 0 to 1, with zero speed and acceleration at both ends."""
    t = np.clip(t, 0.0, 1.0)
    return t * t * t * (t * (6.0 * t - 15.0) + 10.0)


def channels(times: ndarray) -> dict[str, ndarray]:
    """Return each channel's values at the times (F,)."""
    fine = np.arange(round(DURATION * _FINE)) / _FINE
    out = {}
    for name, keys in KEYS.items():
        at, value = np.array(keys).T
        # Three turns of the loop, of which the middle one is used, make the monotone cubic
        # periodic.
        curve = PchipInterpolator(
            np.concatenate([at - DURATION, at, at + DURATION]), np.tile(value, 3)
        )
        # The hips leave the ground at the speed of the legs' push, and the legs take up the
        # landing's: one smooth path.
        path = curve(fine) + push(fine) + hop(fine) if name == "y" else curve(fine)
        even = gaussian_filter1d(path, _EVENING * _FINE, mode="wrap")
        out[name] = np.interp(times % DURATION, np.append(fine, DURATION), np.append(even, even[0]))
    return out


def hop(times: ndarray) -> ndarray:
    """Return the height of the feet, metres: a free fall between take-off and landing."""
    t = np.clip(times - TAKE_OFF, 0.0, LANDING - TAKE_OFF)
    return 0.5 * _GRAVITY * t * (LANDING - TAKE_OFF - t)


def push(times: ndarray) -> ndarray:
    """Return the height of the hips by the legs' push before take-off and after landing, metres,
    at uniform acceleration.
    """
    speed = 0.5 * _GRAVITY * (LANDING - TAKE_OFF)
    rise, fall = 0.5 * speed * PUSH, 0.5 * speed * CATCH
    up = np.clip((times - TAKE_OFF) / PUSH + 1.0, 0.0, 1.0)
    down = np.clip((times - LANDING) / CATCH, 0.0, 1.0)
    after = _smooth((times - LANDING - CATCH) / 0.4)
    return rise * up * up - fall * (1.0 - (1.0 - down) * (1.0 - down)) - (rise - fall) * after


def feet(side: str, times: ndarray) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    """Return one foot's ball position (F, 3), yaw (F,), pitch (F,) with the heel up, and toe bend
    (F,), metres and radians.
    """
    sign = 1.0 if side == "left" else -1.0
    x = np.full(len(times), sign * _STANCE)
    lift, pitch = np.zeros(len(times)), np.zeros(len(times))
    for start, stop, after in STEPS[side]:
        t = (times - start) / (stop - start)
        x = x + (after - x) * _smooth(t)
        inside = np.clip(t, 0.0, 1.0)
        lift = lift + _STEP_HEIGHT * 16.0 * (inside * (1.0 - inside)) ** 2
        # The heel comes up before the ball leaves, and is level again when the foot lands.
        pitch = pitch + 0.45 * _smooth((times - start + 0.16) / 0.26) * (
            1.0 - _smooth((times - start - 0.10) / (stop - start - 0.10))
        )
    rise = hop(times)
    # Toes leave last and land first: the foot points in flight.
    pitch = pitch + 0.75 * _smooth((times - TAKE_OFF + 0.14) / 0.20) * (
        1.0 - _smooth((times - LANDING + 0.14) / 0.22)
    )
    ball = np.stack(
        [
            x,
            HUMANOID.rest_positions()[BONES.index("leftToes"), 1] + lift + rise,
            np.full(len(times), 0.115),
        ],
        axis=-1,
    )
    flat = np.clip((lift + rise) / 0.2, 0.0, 1.0)
    return (
        ball,
        np.full(len(times), sign * np.radians(TURN_OUT)),
        pitch,
        pitch * (1.0 - _smooth(flat)),
    )


def _about(axis: int, degrees: ndarray) -> ndarray:
    return R.from_axis_angle(np.eye(3)[axis], np.radians(degrees))


def _product(*q: ndarray) -> ndarray:
    out = q[0]
    for following in q[1:]:
        out = R.multiply(out, following)
    return out


def _mirror(q: ndarray) -> ndarray:
    return q * np.array([1.0, -1.0, -1.0, 1.0])


def _arm(c: dict[str, ndarray], side: str) -> dict[str, ndarray]:
    """Return the rotations of one arm's bones, from channels of the left arm."""
    raised, ahead = np.radians(c[f"{side}_raise"]), np.radians(c[f"{side}_ahead"])
    way = np.stack(
        [np.cos(raised) * np.cos(ahead), np.sin(raised), np.cos(raised) * np.sin(ahead)], axis=-1
    )
    # Above the shoulder's height, a third of the raise comes from the collar bone.
    shrug = np.degrees(_smooth((raised + 0.3) / 1.6) * 0.42)
    collar = _about(2, shrug)
    swing = R.between(
        np.broadcast_to([1.0, 0.0, 0.0], way.shape), R.apply(R.conjugate(collar), way)
    )
    curl = c[f"{side}_curl"]
    out = {
        "Shoulder": collar,
        "UpperArm": R.multiply(swing, _about(0, c[f"{side}_roll"])),
        "LowerArm": R.multiply(_about(1, -c[f"{side}_elbow"]), _about(0, -c[f"{side}_palm"])),
        "Hand": R.multiply(_about(2, -c[f"{side}_nod"]), _about(1, c[f"{side}_tilt"])),
        "ThumbMetacarpal": _about(1, 0.15 * curl), "ThumbProximal": _about(1, 0.3 * curl),
        "ThumbDistal": _about(1, 0.5 * curl),
    }  # fmt: skip
    for finger, more in (("Index", 0.8), ("Middle", 0.95), ("Ring", 1.08), ("Little", 1.2)):
        for part, share in (("Proximal", 0.9), ("Intermediate", 1.1), ("Distal", 0.7)):
            out[finger + part] = _about(2, -more * share * curl)
    return out


def _leg(side: str, times: ndarray, hip: ndarray, pelvis: ndarray) -> dict[str, ndarray]:
    """Return the world rotations of one leg's bones, from the hip joint (F, 3), the pelvis' world
    rotation (F, 4) and the foot's plan.
    """
    ball, yaw, pitch, bend = feet(side, times)
    rest = HUMANOID.rest_positions()
    at = {part: rest[BONES.index(side + part)] for part in ("UpperLeg", "LowerLeg", "Foot", "Toes")}
    heading = _about(1, np.degrees(yaw))
    foot = R.multiply(heading, R.from_axis_angle(np.array([1.0, 0.0, 0.0]), pitch))
    ankle = ball + R.apply(foot, at["Foot"] - at["Toes"])
    # The knee points between the foot's and the pelvis' heading.
    ahead = R.apply(heading, np.array([0.0, 0.0, 1.0])) + 0.5 * R.apply(
        pelvis, np.array([0.0, 0.0, 1.0])
    ) * [1.0, 0.0, 1.0]
    upper, lower = (
        float(np.linalg.norm(at[a] - at[b]))
        for a, b in (("UpperLeg", "LowerLeg"), ("LowerLeg", "Foot"))
    )
    knee, end = two_bone_ik(hip, ankle, ahead, upper, lower)
    side_axis = R.normalize(R.cross(ahead, ankle - hip))

    def bone(a: ndarray, b: ndarray) -> ndarray:
        y = R.normalize(a - b)
        return R.from_matrix(np.stack([side_axis, y, R.cross(side_axis, y)], axis=-1))

    toes = R.multiply(foot, R.from_axis_angle(np.array([1.0, 0.0, 0.0]), -bend))
    return {"UpperLeg": bone(hip, knee), "LowerLeg": bone(knee, end), "Foot": foot, "Toes": toes}


def motion() -> Motion:
    """Return the demo's motion at FPS on HUMANOID, with its contacts."""
    times = np.arange(round(DURATION * FPS)) / FPS
    c = channels(times)
    rotations = np.tile(R.IDENTITY, (len(times), len(BONES), 1))

    def put(bone: str, q: ndarray) -> None:
        rotations[:, BONES.index(bone)] = q

    put(
        "hips",
        _product(_about(1, c["hips_yaw"]), _about(0, c["hips_pitch"]), _about(2, c["hips_roll"])),
    )
    for bone, share in (("spine", 0.35), ("chest", 0.35), ("upperChest", 0.3)):
        put(
            bone,
            _product(
                _about(1, share * c["back_yaw"]),
                _about(0, share * c["back_pitch"]),
                _about(2, share * c["back_roll"]),
            ),
        )
    for bone, share in (("neck", 0.4), ("head", 0.6)):
        put(
            bone,
            _product(
                _about(1, share * c["head_yaw"]),
                _about(0, share * c["head_pitch"]),
                _about(2, share * c["head_roll"]),
            ),
        )
    for bone, q in _arm(c, "left").items():
        put("left" + bone, q)
    for bone, q in _arm(c, "right").items():
        put("right" + bone, _mirror(q))
    root = np.stack([c["x"], c["y"], c["z"]], axis=-1)

    positions, world = fk(HUMANOID, root, rotations)
    for side in ("left", "right"):
        leg = _leg(side, times, positions[:, BONES.index(side + "UpperLeg")], world[:, 0])
        parent = world[:, 0]
        for bone, q in leg.items():
            put(side + bone, R.multiply(R.conjugate(parent), q))
            parent = q
    rotations = R.unroll(R.normalize(rotations))
    return Motion(HUMANOID, times, root, rotations, contacts=contacts(times))


def contacts(times: ndarray) -> ndarray:
    """Return contacts (F, 4), columns as mocap.core.motion.CONTACTS: 1 where heel or toes stand
    still on the ground.
    """
    columns = []
    for side in ("left", "right"):
        ball, _, pitch, _ = feet(side, times)
        down = ball[:, 1] < HUMANOID.rest_positions()[BONES.index("leftToes"), 1] + 1e-9
        for start, stop, _after in STEPS[side]:
            down &= (times <= start) | (times >= stop)
        columns += [down & (pitch < 1e-9), down]
    return np.stack(columns, axis=-1).astype(float)
