"""The bake solver: a whole take from keypoints to Motion, zero-phase. Its stages in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import fit_translation
from mocap.core.filter import (
    fill_gaps,
    smooth,
)
from mocap.core.keypoints import LANDMARKS, Keypoints, landmarks_of, pair
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.lift.model import lift_with_error
from mocap.solve.body import solve_body
from mocap.solve.cuts import find_cuts, in_takes, join_takes
from mocap.solve.depth import onto_rays, shaped_heels, steady_heels
from mocap.solve.evidence import bend_elbows, weigh
from mocap.solve.flips import unflip
from mocap.solve.gravity import find_gravity
from mocap.solve.hands import with_arms
from mocap.solve.hanging import hold_hands
from mocap.solve.measure import measure_body
from mocap.solve.palms import rest_palms
from mocap.solve.plant import SEEN_FAR, SEEN_STILL, plant
from mocap.solve.pose_take import LONGEST_GAP, bridged_confidence, pose_take
from mocap.solve.refine import Prior, refine_landmarks
from mocap.solve.refine.ground import GROUNDED, TOUCHING
from mocap.solve.refine.sight import Measured, sight_of
from mocap.solve.size import at_height
from mocap.solve.support import find_support, height_above_floor
from mocap.solve.swaps import unswap
from mocap.solve.tuning import SolveOptions
from mocap.solve.upper_body import upper_spans

_USUAL = SolveOptions()

BAKE_CUTOFF = 6.0
"""Cutoff of the smoothing of keypoints without image points, Hz (Winter, Biomechanics and Motor
Control, 4th ed., ch. 3: 6 Hz for gait)."""

_UP = np.array([0.0, 1.0, 0.0])
_HIPS = pair("hip")
_WRISTS = [TOUCHING.index(GROUNDED.index(LANDMARKS.index(f"{s}_wrist"))) for s in ("left", "right")]
# Shares of a bake's time: lifting the depths, and each of the two searches of the optimiser.
_LIFTED, _FITTED = 0.15, 0.4


def solve_take(
    keypoints: Keypoints,
    options: SolveOptions = _USUAL,
    progress: Callable[[float], None] | None = None,
    measured: Measured | None = None,
) -> Motion:
    """Solve a whole take, without delay (bake).

    The stages: correct exchanged limbs, lift the depths, interpolate short gaps, fit one body to
    image points and depths over the whole take, rotate the result upright, pose it in closed form,
    and plant it on the ground.

    Args:
        keypoints: One person's keypoints, with their camera.
        options: How to solve them.
        progress: Called from time to time with the share done, 0 to 1. An exception that it raises
            ends the solve.
        measured: Image points of several cameras, if the positions are triangulated. The positions
            are then in axes with +Y up, and are not lifted, corrected or scaled. None: the
            keypoints' own camera, which may be a virtual one ("triangulated").

    Returns:
        The motion on the performer's own skeleton. After a hard cut a new take begins: nothing is
        smoothed or interpolated across it.
    """
    report = progress or (lambda done: None)
    cuts = find_cuts(keypoints) if options.refine and measured is None else []
    if not cuts:
        return _solve_take(keypoints, options, report, measured)
    motions: list[Motion] = []
    done = 0
    for take in in_takes(keypoints, cuts):
        begun, share = done / len(keypoints), len(take) / len(keypoints)

        def of_all(part: float, begun: float = begun, share: float = share) -> None:
            report(begun + share * part)

        motions.append(_solve_take(take, options, of_all, None))
        done += len(take)
    return join_takes(motions)


def _solve_take(
    keypoints: Keypoints,
    options: SolveOptions,
    report: Callable[[float], None],
    measured: Measured | None,
) -> Motion:
    """Solve keypoints without hard cuts; see `solve_take`."""
    if measured is None and keypoints.camera.source == "triangulated":
        unknown = np.full(keypoints.confidence.shape, np.nan)
        measured = Measured((sight_of(keypoints),), unknown)
    feet, height = options.feet, options.height
    keypoints = with_arms(keypoints)
    if not options.refine:
        motion = pose_take(
            keypoints,
            keypoints.positions,
            None,
            R.IDENTITY,
            whole=np.full(len(keypoints), 0.0 if options.upper_body else 1.0),
        )
        return motion if height is None else at_height(motion, height)
    if options.upper_body is None:
        whole = upper_spans(keypoints)
    else:
        whole = np.full(len(keypoints), 0.0 if options.upper_body else 1.0)
    camera = keypoints.camera
    times = keypoints.times
    prior, error = keypoints.positions, None if measured is None else measured.guessed
    if measured is None:
        keypoints = unswap(keypoints)
        prior = keypoints.positions
        if np.isfinite(keypoints.image).any():
            prior, error = lift_with_error(keypoints, camera)
        keypoints, implied, _ = weigh(keypoints)
    translation = fit_translation(prior, keypoints.image, keypoints.confidence, camera)
    if measured is None:
        prior, translation = onto_rays(prior, keypoints.image, translation, camera)
        prior = shaped_heels(steady_heels(bend_elbows(prior, implied)), translation)
        prior = unflip(times, prior, translation)
    prior = fill_gaps(times, prior, LONGEST_GAP)
    if (
        not np.isfinite(translation).all(axis=1).any()
    ):  # without image points there is nothing to fit to
        positions = smooth(times, prior, BAKE_CUTOFF)
        upright = find_gravity(positions, keypoints.confidence, whole)
        return at_height(
            pose_take(keypoints, positions, None, upright, filtered=True, whole=whole), height
        )

    held = _filled(keypoints, prior)
    known = Prior(prior, held, translation, error, () if measured is None else measured.sights)
    found = refine_landmarks(
        keypoints, known, progress=lambda done: report(_LIFTED + _FITTED * done)
    )
    upright = R.IDENTITY
    if measured is None:
        seen = np.where(np.isfinite(prior), found.positions, np.nan)
        upright = find_gravity(seen, keypoints.confidence, whole)
    support = None
    if feet != "off" and whole.any():
        support = find_support(keypoints, found, upright, feet, measured is not None)
    above = None
    if support is not None:
        ground = support.ground
        begun = _LIFTED + _FITTED
        found = refine_landmarks(
            keypoints, known, found, ground, progress=lambda d: report(begun + _FITTED * d)
        )
        upright = R.between(ground.up, _UP)
        above = (
            height_above_floor(keypoints, found, support)
            if feet == "auto"
            else np.zeros(len(times))
        )
    positions = np.where(np.isfinite(prior), found.positions, np.nan)
    motion = pose_take(
        keypoints,
        R.apply(upright, positions),
        found.translation,
        upright,
        above,
        True,
        whole,
    )
    if measured is None or height is not None:
        motion = at_height(motion, height)
    if support is None:
        return motion
    ground = support.ground
    motion = plant(motion, ground.contacts[:, :4] > 0.5, SEEN_STILL, SEEN_FAR)
    motion = rest_palms(motion, ground.contacts[:, _WRISTS] > 0.5)
    return hold_hands(motion, support.hangs)


def _filled(keypoints: Keypoints, prior: ndarray) -> ndarray:
    """Return the prior with NaN replaced, metres from the middle of the hips.

    Missing parts are held and eased by the closed form.
    """
    if np.isfinite(prior).all():
        return prior
    rotations, _ = solve_body(keypoints.times, prior, bridged_confidence(keypoints, prior))
    body = measure_body(replace(keypoints, positions=prior))
    points = landmarks_of(*fk(body, np.zeros((len(keypoints), 3)), rotations))
    return np.where(
        np.isfinite(prior), prior, points - points[:, _HIPS].mean(axis=1, keepdims=True)
    )
