"""Detection of several people in one pass over a source, each with an identity of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mocap.capture.source import Source
from mocap.core.keypoints import Keypoints, concatenate
from mocap.detect.identities import identify
from mocap.detect.options import DetectOptions
from mocap.detect.people import empty_frame
from mocap.detect.performer import complete
from mocap.detect.person import Person
from mocap.detect.protocol import Detector
from mocap.detect.sightings import Sighting, sightings_of
from mocap.detect.take import TakeClock, check_somebody
from mocap.errors import InputError

# A person who is unseen for longer, seconds, is named as absent in the meantime.
_ABSENT = 0.5


def detect_everyone(
    source: Source,
    detector: Detector,
    options: DetectOptions,
    progress: Callable[[int], None] | None = None,
) -> list[Person]:
    """Detect the people of every frame of a source, and find out who is who over the whole take.

    Args:
        source: Frames, as of `capture.open.open_source`.
        detector: Yields the people of a frame.
        options: What to detect; `people` is the largest number.
        progress: Called after each frame with the number of frames done.

    Raises:
        NoPersonError: No frame shows a person.
        InputError: The source has no frame, or its frames differ in size.
    """
    times: list[float] = []
    found: list[Sequence[Keypoints]] = []
    sightings: list[list[Sighting]] = []
    clock, cuts = TakeClock(), list[float]()
    size: tuple[int, int] | None = None
    for frame in source:
        now = (frame.image.shape[1], frame.image.shape[0])
        if size is not None and now != size:
            raise InputError(
                f"All frames of {source.name} must be of one size, but frame {len(times)} is "
                f"{now[0]} × {now[1]} pixels and those before it {size[0]} × {size[1]}."
            )
        size = now
        begins, shifted = clock.see(frame.image, frame.time)
        people = [
            replace(k, times=np.array([frame.time]))
            for k in detector.people(frame.image, shifted)
            if _is_body(k)
        ]
        cuts.append(float(begins))
        times.append(frame.time)
        sightings.append(sightings_of(frame.image, people))
        found.append([replace(k, track=None) for k in people])
        if progress is not None:
            progress(len(times))
    if size is None:
        raise InputError(f"There is no frame in {source.name}.")
    who = identify(times, sightings, options.people)
    if not who:
        check_somebody(empty_frame(0.0, size), source.name, source.verdict)
    takes = [_take(times, found, indices, size, options) for indices in who]
    return [
        Person(n, replace(take, new_take=np.array(cuts)), _spans(times, indices))
        for n, (take, indices) in enumerate(zip(takes, who, strict=True), 1)
    ]


def _is_body(keypoints: Keypoints) -> bool:
    return bool(np.isfinite(keypoints.image).all())


def _take(
    times: Sequence[float],
    found: Sequence[Sequence[Keypoints]],
    indices: dict[int, int],
    size: tuple[int, int],
    options: DetectOptions,
) -> Keypoints:
    """Return the keypoints of one person over all frames."""
    frames = [
        complete(found[f][indices[f]] if f in indices else empty_frame(t, size), options)
        for f, t in enumerate(times)
    ]
    first = found[min(indices)][indices[min(indices)]]
    return replace(concatenate(frames), camera=first.camera)


def _spans(times: Sequence[float], indices: dict[int, int]) -> tuple[tuple[float, float], ...]:
    """Return when a person is seen, without gaps of less than _ABSENT."""
    spans: list[tuple[float, float]] = []
    for frame in sorted(indices):
        time = times[frame]
        if spans and time - spans[-1][1] <= _ABSENT:
            spans[-1] = (spans[-1][0], time)
        else:
            spans.append((time, time))
    return tuple(spans)
