"""Motion: an animation clip, the output of every solver and the input of every exporter.

Code that makes a Motion knows no output format; code that exports one knows no camera.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.skeleton import Skeleton, mirrored_name
from mocap.errors import InputError

CONTACTS = ("leftHeel", "leftToes", "rightHeel", "rightToes")
"""The columns of `Motion.contacts`."""
MOST_FRAMES = 1_000_000
"""Frames that are made from few keys, nine hours at 30 a second; more are an error of their times.
"""
# Frames that resampling makes of one frame in motions that have many.
_MOST_OF_ONE = 10


@dataclass(frozen=True, eq=False, slots=True)
class Motion:
    """An animation clip: a skeleton, its root's path and its joints' rotations over time.

    Arrays are copied and set read-only.

    Attributes:
        skeleton: The body, J joints.
        times: (F,) seconds, strictly increasing.
        root_positions: (F, 3) metres, world position of the root joint, ground at y = 0.
        rotations: (F, J, 4) unit quaternions xyzw, q_parent_joint.
        expressions: Name → (F,) weights in [0, 1].
        contacts: (F, 4) in [0, 1], columns as in CONTACTS; zeros if not given.

    Raises:
        InputError: If shapes disagree, times do not increase, or a number is not finite.
    """

    skeleton: Skeleton
    times: Float[ndarray, "frames"]
    root_positions: Float[ndarray, "frames 3"]
    rotations: Float[ndarray, "frames joints 4"]
    expressions: dict[str, Float[ndarray, "frames"]] = field(default_factory=dict)
    contacts: Float[ndarray, "frames 4"] | None = None

    def __post_init__(self) -> None:
        times = np.array(self.times, dtype=np.float64)
        if times.ndim != 1:
            raise InputError(f"A motion's times must have shape (F,), but have {times.shape}.")
        frames, joints = len(times), len(self.skeleton.names)
        contacts = np.zeros((frames, 4)) if self.contacts is None else self.contacts
        wanted = {
            "times": (times, (frames,)),
            "root_positions": (np.array(self.root_positions, dtype=np.float64), (frames, 3)),
            "rotations": (_own(self.rotations), (frames, joints, 4)),
            "contacts": (np.array(contacts, dtype=np.float64), (frames, 4)),
        }
        expressions = {name: np.array(w, dtype=np.float64) for name, w in self.expressions.items()}
        checked = wanted
        weights = list(expressions.values())
        whole = all(w.shape == (frames,) for w in weights) and np.isfinite(weights).all()
        if whole:  # at once: a live frame has fifty of one number each
            for w in weights:
                w.flags.writeable = False
        else:
            named = {f"expressions[{n!r}]": (w, (frames,)) for n, w in expressions.items()}
            checked = wanted | named
        for name, (array, shape) in checked.items():
            if array.shape != shape:
                raise InputError(
                    f"A motion's {name} must have shape {shape}, but has {array.shape}."
                )
            if not np.isfinite(array).all():
                raise InputError(f"A motion's {name} must be finite, but holds NaN or infinity.")
            array.flags.writeable = False
        if (times[1:] <= times[:-1]).any():
            at = int(np.flatnonzero(np.diff(times) <= 0)[0])
            raise InputError(
                f"A motion's times must increase, but frame {at + 1} ({times[at + 1]:.6g} s) "
                f"follows {times[at]:.6g} s."
            )
        for name, (array, _) in wanted.items():
            object.__setattr__(self, name, array)
        object.__setattr__(self, "expressions", expressions)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the last."""
        return float(self.times[-1] - self.times[0]) if len(self.times) else 0.0

    def slice(self, start: int | None, stop: int | None = None) -> Motion:
        """Return the frames from start (inclusive) to stop (exclusive)."""
        return self._frames(builtins.slice(start, stop))

    def _frames(self, which: builtins.slice | ndarray) -> Motion:
        assert self.contacts is not None
        return Motion(
            self.skeleton, self.times[which], self.root_positions[which], self.rotations[which],
            {n: w[which] for n, w in self.expressions.items()}, self.contacts[which],
        )  # fmt: skip

    def resample(self, fps: float) -> Motion:
        """Return the motion at uniform times, 1/fps seconds apart, starting at its first frame.

        Args:
            fps: Frames per second. Values between frames are interpolated as in `at`.

        Raises:
            InputError: If `fps` is not a positive number, or gives too many frames.
        """
        if not (np.isfinite(fps) and fps > 0):
            raise InputError(
                f"A frame rate must be a positive number of frames a second, not {fps}."
            )
        if len(self) == 0:
            return self
        # The tolerance of 0.01 keeps a last frame that rounding moves just off the grid.
        count = np.floor(self.duration * fps + 0.01) + 1.0
        if count > (most := max(MOST_FRAMES, _MOST_OF_ONE * len(self))):
            raise InputError(
                f"The motion spans {self.duration:.6g} s, which are {count:.6g} frames at "
                f"{fps:.6g} a second, but its {len(self)} frames may become at most {most}: its "
                "times or the frame rate are wrong."
            )
        times = self.times[0] + np.arange(int(count)) / fps
        return self.at(times)

    def at(self, times: Float[ndarray, "n"]) -> Motion:
        """Return the motion at other times.

        Rotations are interpolated by slerp, positions and expressions linearly; contacts come from
        the nearest frame. The pose is constant before the first frame and after the last one.

        Args:
            times: Seconds, strictly increasing.
        """
        upper = np.clip(np.searchsorted(self.times, times, side="right"), 1, None)
        upper = np.minimum(upper, len(self) - 1)
        lower = np.maximum(upper - 1, 0)
        span = self.times[upper] - self.times[lower]
        t = np.clip((times - self.times[lower]) / np.where(span > 0, span, 1.0), 0.0, 1.0)
        root = self.root_positions[lower] + t[:, None] * (
            self.root_positions[upper] - self.root_positions[lower]
        )
        rotations = R.slerp(
            self.rotations[lower],
            self.rotations[upper],
            np.broadcast_to(t[:, None], (len(t), self.rotations.shape[1])),
        )
        expressions = {n: w[lower] + t * (w[upper] - w[lower]) for n, w in self.expressions.items()}
        assert self.contacts is not None
        contacts = self.contacts[np.where(t < 0.5, lower, upper)]
        return Motion(self.skeleton, times, root, rotations, expressions, contacts)

    def mirror(self) -> Motion:
        """Return the motion reflected in the plane x = 0, with left and right exchanged.

        The skeleton must be symmetric; all bodies that mocap measures are.
        """
        names = self.skeleton.names
        other = np.array(
            [
                names.index(mirrored_name(n)) if mirrored_name(n) in names else i
                for i, n in enumerate(names)
            ]
        )
        assert self.contacts is not None
        expressions = {mirrored_expression(n): w for n, w in self.expressions.items()}
        return Motion(
            self.skeleton, self.times, self.root_positions * [-1.0, 1.0, 1.0],
            self.rotations[:, other] * [1.0, -1.0, -1.0, 1.0], expressions,
            self.contacts[:, [2, 3, 0, 1]],
        )  # fmt: skip


def _own(rotations: ndarray) -> ndarray:
    """Return a copy of an array; the array itself if it is another motion's, thus read-only."""
    shared = (
        isinstance(rotations, ndarray)
        and rotations.dtype == np.float64
        and rotations.base is None
        and not rotations.flags.writeable
    )
    return rotations if shared else np.array(rotations, dtype=np.float64)


def mirrored_expression(name: str) -> str:
    """Return the name of the same expression on the other side: eyeBlinkLeft → eyeBlinkRight.

    The name of an expression without a side is returned unchanged.
    """
    for a, b in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(a):
            return name[: -len(a)] + b
    return name


def concatenate(motions: Sequence[Motion]) -> Motion:
    """Join motions in time; expressions are kept if every motion has them.

    Raises:
        InputError: If there are no motions, their skeletons differ in their joints, or the times
            do not increase from one motion to the next.
    """
    if not motions:
        raise InputError("There must be at least one motion to concatenate.")
    first = motions[0]
    if any(m.skeleton.names != first.skeleton.names for m in motions):
        raise InputError(
            "Motions can be concatenated only if their skeletons have the same joints."
        )
    shared = set.intersection(*(set(m.expressions) for m in motions))
    return Motion(
        first.skeleton,
        np.concatenate([m.times for m in motions]),
        np.concatenate([m.root_positions for m in motions]),
        np.concatenate([m.rotations for m in motions]),
        {n: np.concatenate([m.expressions[n] for m in motions]) for n in sorted(shared)},
        np.concatenate([m.contacts for m in motions if m.contacts is not None]),
    )
