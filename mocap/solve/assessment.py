"""How far a solve can be trusted: by frame and bone, and in sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.core.runs import runs
from mocap.core.skeleton import BONES
from mocap.solve.cuts import find_cuts, in_takes
from mocap.solve.evidence import weigh
from mocap.solve.groups import BONE_GROUP, GROUP_NAMES, group_confidence, seen_groups
from mocap.solve.hands import with_arms
from mocap.solve.tuning import SolveOptions
from mocap.solve.upper_body import legs_seen, upper_spans

LIMBS = {"leftArm": "left arm", "rightArm": "right arm", "leftLeg": "left leg",
          "rightLeg": "right leg", "trunk": "trunk"}  # fmt: skip
"""The groups of bones (GROUP_NAMES) about which sentences are said, in words."""
_LOWER = ("leftLeg", "rightLeg", "leftFoot", "rightFoot")
_I = {name: i for i, name in enumerate(LANDMARKS)}
# Shortest total time for which a held limb is mentioned, seconds.
_WORTH_SAYING = 0.5


@dataclass(frozen=True, eq=False, slots=True)
class Assessment:
    """How far the solve of a take can be trusted.

    Attributes:
        times: Seconds.
        person: Whether a person is seen.
        confidence: Confidence of each bone of BONES: the lowest trust in the landmarks at its ends,
            0 to 1.
        held: Whether each group of bones (GROUP_NAMES) is held or at rest because it is not seen.
        upper: Whether the frame is solved as an upper body: legs at rest, hips steady.
        legs: Share of the frames with a person in which a leg is seen.
        cuts: Times at which a new take begins after a hard cut, seconds.
        height: The performer's height as given, metres; None if it is estimated.
    """

    times: Float[ndarray, "frames"]
    person: Bool[ndarray, "frames"]
    confidence: Float[ndarray, "frames 55"]
    held: Bool[ndarray, "frames groups"]
    upper: Bool[ndarray, "frames"]
    legs: float
    cuts: tuple[float, ...]
    height: float | None

    def lines(self) -> list[str]:
        """Return at most three sentences about what cannot be trusted; usually none."""
        said = [self._mode(), self._missing(), self._held()]
        return [line for line in said if line]

    def spans(self, flags: Bool[ndarray, "frames"]) -> list[tuple[float, float]]:
        """Return (first, last) times of runs of true flags, seconds."""
        return [(float(self.times[a]), float(self.times[b - 1])) for a, b in runs(flags)]

    def _mode(self) -> str:
        if not self.upper.any():
            return ""
        share = f"legs are seen in {100.0 * self.legs:.0f} % of the frames"
        if self.upper.all():
            return f"Upper body: {share}, so they rest (--whole-body solves them)."
        spans = ", ".join(f"{a:.1f} to {b:.1f} s" for a, b in self.spans(self.upper)[:3])
        return f"Upper body from {spans}, where no leg is in the picture; whole body elsewhere."

    def _missing(self) -> str:
        said = []
        if len(missing := np.flatnonzero(~self.person)):
            first = self.spans(~self.person)
            where = f"{first[0][0]:.1f} s" if len(first) == 1 else f"{len(first)} places"
            said.append(
                f"{len(missing)} of {len(self.times)} frames show no person "
                f"({'from ' if len(first) == 1 else 'in '}{where})"
            )
        if self.cuts:
            at = ", ".join(f"{t:.2f}" for t in self.cuts[:5]) + (" …" if self.cuts[5:] else "")
            said.append(f"a new take begins after each hard cut, at {at} s")
        return "; ".join(said)[:1].upper() + "; ".join(said)[1:] + "." if said else ""

    def _held(self) -> str:
        step = float(np.median(np.diff(self.times))) if len(self.times) > 1 else 0.0
        found = []
        for name, words in LIMBS.items():
            spans = self.spans(self.held[:, GROUP_NAMES.index(name)])
            seconds = sum(b - a + step for a, b in spans)
            if seconds >= _WORTH_SAYING:
                longest = max(spans, key=lambda span: span[1] - span[0])
                found.append(
                    (seconds, f"{words} {seconds:.1f} s (longest from {longest[0]:.1f} s)")
                )
        if not found:
            return ""
        found.sort(reverse=True)
        return "Held or at rest because hidden: " + ", ".join(text for _, text in found) + "."

    def as_json(self) -> dict[str, Any]:
        """Return the assessment as JSON types, by frame and bone."""
        held = {
            name: [[round(a, 4), round(b, 4)] for a, b in self.spans(flags)]
            for name, flags in zip(GROUP_NAMES, self.held.T, strict=True)
            if flags.any()
        }
        return {
            "summary": self.lines(),
            "times": np.round(self.times, 4).tolist(),
            "person": self.person.tolist(),
            "upper_body": self.upper.tolist(),
            "legs_seen": round(self.legs, 4),
            "cuts": list(self.cuts),
            "scale": "as given" if self.height is not None else "by the keypoints",
            "held": held,
            "confidence": {
                bone: np.round(values, 3).tolist()
                for bone, values in zip(BONES, self.confidence.T, strict=True)
            },
        }


def assess(keypoints: Keypoints, options: SolveOptions, measured: bool = False) -> Assessment:
    """Assess how far a solve of keypoints can be trusted.

    Args:
        keypoints: The keypoints that are given to `solve_take`.
        options: The options of the solve.
        measured: Whether several cameras measured the positions: the confidences are then trusted
            as they are, and there are no cuts.
    """
    keypoints = with_arms(keypoints)
    person = np.isfinite(keypoints.positions).all(axis=-1).any(axis=1)
    trusted = measured or keypoints.camera.source == "triangulated"
    confidence = keypoints.confidence if trusted else weigh(keypoints)[0].confidence
    finite = np.isfinite(keypoints.positions).all(axis=-1)
    trust = np.where(finite, np.nan_to_num(confidence), 0.0)
    legs = float(legs_seen(keypoints)[person].mean()) if person.any() else 0.0
    cuts = find_cuts(keypoints) if options.refine and not measured else []
    upper = _upper(keypoints, cuts, options)
    held = person[:, None] & ~seen_groups(trust)
    lower = [GROUP_NAMES.index(name) for name in _LOWER]
    held[:, lower] &= ~upper[:, None]
    return Assessment(
        keypoints.times,
        person,
        _bones(keypoints, trust),
        held,
        upper,
        legs,
        tuple(float(keypoints.times[n]) for n in cuts),
        options.height,
    )


def _upper(keypoints: Keypoints, cuts: list[int], options: SolveOptions) -> Bool[ndarray, "frames"]:
    if options.upper_body is not None:
        return np.full(len(keypoints), options.upper_body)
    if not options.refine:
        return np.zeros(len(keypoints), dtype=bool)
    takes = [with_arms(take) for take in in_takes(keypoints, cuts)]
    return np.concatenate([upper_spans(take) < 0.5 for take in takes])


def _bones(keypoints: Keypoints, trust: Float[ndarray, "frames 33"]) -> Float[ndarray, "frames 55"]:
    """Return the confidence of each bone.

    Upper arms and thighs have that of their two landmarks, fingers that of the hand, and all other
    bones that of their group.
    """
    fingers = np.zeros((len(trust), 2))
    if keypoints.hands is not None and keypoints.hands_confidence is not None:
        found = np.isfinite(keypoints.hands).all(axis=(2, 3))
        fingers = np.where(found, np.nan_to_num(keypoints.hands_confidence), 0.0)
    out = np.concatenate([group_confidence(trust), fingers], axis=1)[:, BONE_GROUP]
    for side in ("left", "right"):
        for bone, ends in (("UpperArm", ("shoulder", "elbow")), ("UpperLeg", ("hip", "knee"))):
            at = [_I[f"{side}_{end}"] for end in ends]
            out[:, BONES.index(side + bone)] = trust[:, at].min(axis=1)
    return out
