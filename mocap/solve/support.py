"""What carries the body of a take: the floor and its contacts, or something else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS, Keypoints, pair
from mocap.core.runs import runs
from mocap.core.surface import landmark_skin
from mocap.solve.contacts import (
    SOLES,
    SURE,
    distance_from,
    find_body_contacts,
    find_contacts,
    measured_speeds,
    picture_speeds,
)
from mocap.solve.evidence import SEEN
from mocap.solve.gravity import body_axis
from mocap.solve.hanging import HANDS, find_hanging
from mocap.solve.refine import Refined
from mocap.solve.refine.ground import (
    BODY,
    FEET,
    GROUNDED,
    TILT_SIGMA,
    TOUCHING,
    Ground,
    find_ground,
    ground_below,
)
from mocap.solve.tuning import Feet

_UP = np.array([0.0, 1.0, 0.0])
_TRUNK = [LANDMARKS.index(f"{s}_{n}") for n in ("hip", "shoulder") for s in ("left", "right")]
_HEAD = pair("ear")
# Largest height of standing feet above the lowest other part of the body, metres.
_CARRIED = 0.25
# Metres per second squared; the share of the height of a flight of the same time (g t² / 8) from
# which a span without contacts is a flight; and the share of frames upright, or with both hands
# above the head, from which something else than the floor carries the person.
_GRAVITY, _FLIES, _CARRIES = 9.81, 0.4, 0.5
# If a person stands upright for less than this share of a take, the up direction has this standard
# deviation (radians): that of a camera's tilt.
_STOOD, _UNSURE_TILT = 0.05, np.radians(8.0)
# Weight from which a person stands upright in a frame (`body_axis`).
_UPRIGHT = 0.5


@dataclass(frozen=True, eq=False, slots=True)
class Support:
    """What carries the body.

    Attributes:
        ground: The floor and the contacts with it.
        hangs: (F,) whether the hands carry the body (`mocap.solve.hanging`).
    """

    ground: Ground
    hangs: Bool[ndarray, "frames"]


def find_support(
    keypoints: Keypoints, found: Refined, upright: ndarray, feet: Feet, measured: bool
) -> Support | None:
    """Find the floor, the contacts with it, and where the hands carry the body instead.

    The feet of a person who hangs have no contact. If the person hangs all the time, the floor is
    just below the lowest point of the body over the take: the true one is further down, but
    nothing shows how far.

    Args:
        keypoints: The keypoints.
        found: The landmarks of a fit without the floor.
        upright: (4,) rotation from camera axes to the world.
        feet: Which contacts feet have: found ones ("auto"), or all while they are slow ("always").
        measured: Whether several cameras measured the landmarks.

    Returns:
        None if nothing carries the body.
    """
    up, times = R.apply(R.conjugate(upright), _UP), keypoints.times
    places = _grounded(found)
    straight = body_axis(found.positions, keypoints.confidence)[1]
    stood = straight.mean() > _STOOD
    # A foot of low confidence is swinging if the person stands, and hidden behind the other foot if
    # the person lies.
    least = SURE if stood else SEEN
    if measured:
        at = found.positions + found.translation[:, None]
        speeds = measured_speeds(keypoints, at, SOLES, least)
        others = measured_speeds(keypoints, at, BODY, SEEN)
    else:
        speeds = picture_speeds(keypoints, found.translation, SOLES, least)
        others = picture_speeds(keypoints, found.translation, BODY, SEEN)
    # Feet well above another part of the body do not stand (in a handstand, or lying down).
    body = landmark_skin(found.positions, up).min(axis=1)
    soles = found.positions[:, SOLES] @ up
    carried = soles - body[:, None] < _CARRIED
    on_floor = R.apply(upright, places[:, TOUCHING])[..., [0, 2]]
    trunk = found.positions[:, _TRUNK].mean(axis=1) + found.translation
    middle = R.apply(upright, trunk)[:, [0, 2]]
    hangs = np.zeros(len(times), dtype=bool)
    if feet == "auto":
        at = R.apply(upright, found.positions + found.translation[:, None])[..., 1]
        hangs = find_hanging(times, at, others[:, [BODY.index(i) for i in HANDS]])

    def contacts(heights: ndarray) -> ndarray:
        if feet == "always":
            stand = find_contacts(times, np.zeros((len(times), 4)), speeds)
            return np.concatenate([stand, np.zeros((len(times), len(BODY)), dtype=bool)], axis=1)
        stand = find_contacts(times, heights[:, :4], np.where(carried, speeds, np.nan))
        lie = find_body_contacts(
            times,
            heights[:, 4:],
            others,
            lambda parts: distance_from(middle, on_floor, np.concatenate([stand, parts], axis=1)),
        )
        return np.concatenate([stand, lie], axis=1) & ~hangs[:, None]

    tilt = TILT_SIGMA if stood else _UNSURE_TILT
    upright_frames = (straight > _UPRIGHT) & ~hangs & stood
    ground = find_ground(places, up, found.size, contacts, tilt, upright_frames)
    if ground is None and hangs.any():
        ground = ground_below(places, up, found.size)
    return None if ground is None else Support(ground, hangs)


def height_above_floor(keypoints: Keypoints, found: Refined, support: Support) -> ndarray:
    """Return the height of the body's lowest part above the floor (F,), metres.

    It is 0 in frames with a contact, where the feet are not seen, and in spans without a contact
    that rise too little for their time to be a flight, unless something else carries the body.

    Args:
        keypoints: The keypoints.
        found: The landmarks of the fit to `support`.
        support: What carries the body.
    """
    ground, hangs = support.ground, support.hangs
    seen = keypoints.confidence[:, FEET].min(axis=1) > SEEN
    airborne = (seen | hangs) & (ground.contacts.max(axis=1) < 0.5)
    places = found.positions + found.translation[:, None]
    body = landmark_skin(places, ground.up).min(axis=1) - ground.height
    above = np.minimum(ground.above(_grounded(found))[:, : len(FEET)].min(axis=1), body)
    above = np.where(airborne, np.maximum(above, 0.0), 0.0)
    upright = body_axis(found.positions, keypoints.confidence)[1]
    heights = found.positions @ ground.up
    carried = np.maximum(upright, heights[:, HANDS].min(axis=1) > heights[:, _HEAD].max(axis=1))
    for first, end in runs(above > 0.0):
        top = float(above[first:end].max())
        high = first + np.flatnonzero(above[first:end] > 0.5 * top)
        # A body that is thrown up is in the upper half of its flight for 0.71 of the time.
        seconds = float(keypoints.times[high[-1]] - keypoints.times[high[0]]) / np.sqrt(0.5)
        flight = _GRAVITY * seconds**2 / 8.0
        # A person who stands on something else than the floor, or hangs on something, stays there.
        elsewhere = hangs[first:end].any() or carried[first:end].mean() >= _CARRIES
        if top < _FLIES * flight and not elsewhere:
            above[first:end] = 0.0
    return above


def _grounded(found: Refined) -> ndarray:
    """Return the positions (F, 16, 3) of GROUNDED, camera axes, metres."""
    return found.positions[:, GROUNDED] + found.translation[:, None]
