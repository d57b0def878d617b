"""Long videos in overlapping chunks, which can be detected side by side and joined.

A tracker's result depends on the frames before. So each chunk but the first starts with a lead of
frames that the chunk before also has: there the tracker settles, the two results are compared, and
they are cross-faded. If they do not agree (a tracker that takes longer to settle, another person,
or a person that only the running tracker still sees), a tracker with a longer lead that begins with
the right person, or else the one of the chunk before, runs on into the chunk until they do.

The chunks depend on the video alone, not on the number of workers: the result is always the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.capture.video import Video
from mocap.capture.video_check import VideoCheck
from mocap.core.keypoints import Keypoints, concatenate
from mocap.detect.options import DetectOptions
from mocap.detect.people import extent, middle
from mocap.detect.performer import PerformerDetector
from mocap.detect.take import TakesDetector

# Frames of a lead. Positions of a tracker that has just started differ from those of a running one
# by 15 to 40 mm at once, by 5 to 12 mm after 7 frames and by 3 to 8 mm from 15 frames on, where
# they stay: MediaPipe's tracking amplifies differences below a pixel.
LEAD = 15
# A longer lead, in leads, is tried where parts do not agree; the whole chunk before costs more.
_LONGER = 4
# The last frames of the lead are cross-faded; the very last are compared.
_FADED, _COMPARED = 8, 3
# Largest mean distance of image points, as part of the person's extent, of the same person.
_SAME = 0.05
# A chunk has at least _SHORTEST frames, and _GROWTH times the square root of the video's: many
# chunks keep many processors busy, few chunks cost little for their leads.
_SHORTEST, _GROWTH = 100, 6.3


# The fields of Keypoints that are cross-faded. Faces' transforms turn by less than a degree there.
_FADED_FIELDS = (
    "positions",
    "image",
    "confidence",
    "hands",
    "hands_image",
    "hands_confidence",
    "face",
    "face_transform",
    "face_blendshapes",
)

Enough = Callable[[Sequence[float], Sequence[Keypoints]], bool]
"""Given the times and keypoints of a chunk's frames so far, whether to end it."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a video: frames with times in [start, stop), and its lead.

    The lead are the frames from `begin` on, and the one before them: no lead is empty, so that a
    hard cut is seen with the first frame after `start`, too.

    Attributes:
        begin, start, stop: As above, seconds.
        near: (x, y) of the person to begin with, pixels; None begins with the most prominent one.
    """

    begin: float
    start: float
    stop: float
    near: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class DetectedChunk:
    """The keypoints of a chunk.

    Attributes:
        keypoints: Keypoints of F frames, the lead first.
        seconds: (F,) times of the frames in the file.
        lead: Number of frames of the lead.
        check: What a check of the frames after the lead found.
    """

    keypoints: Keypoints
    seconds: Float[ndarray, "frames"]
    lead: int
    check: VideoCheck


def plan(duration: float, fps: float) -> list[Chunk]:
    """Return the chunks of a video.

    Args:
        duration: Seconds; 0 if unknown, which gives one chunk.
        fps: Frames per second.

    Returns:
        An even number of chunks of about equal length, or one.
    """
    frames = duration * fps
    count = round(frames / max(_SHORTEST, _GROWTH * math.sqrt(frames))) if frames > 0 else 1
    if count < 2:
        return [Chunk(0.0, 0.0, math.inf)]
    count += count % 2
    starts = [duration * k / count for k in range(count)]
    stops = [*starts[1:], math.inf]
    # Half a frame earlier, so that rounding does not decide about the first frame of the lead; and
    # one frame later, because the picture before it belongs to the lead, too.
    lead = (LEAD - 1.5) / fps
    return [Chunk(max(0.0, a - lead), a, b) for a, b in zip(starts, stops, strict=True)]


def detect_chunk(
    video: Video,
    options: DetectOptions,
    chunk: Chunk,
    report: Callable[[], None] = lambda: None,
    enough: Enough = lambda seconds, frames: False,
) -> DetectedChunk | None:
    """Detect one chunk of a video.

    Args:
        video: The video.
        options: What to detect.
        chunk: The chunk.
        report: Called after each frame.
        enough: Called after each frame with all frames' times and keypoints; True ends the chunk.

    Returns:
        The chunk's keypoints; None if it has no frame.

    Raises:
        IrregularTimesError: The video's times do not increase, so it cannot be cut.
    """
    seconds: list[float] = []
    frames: list[Keypoints] = []
    check = VideoCheck()
    with (
        PerformerDetector(options) as detector,
        closing(video.span(chunk.begin, chunk.stop)) as pictures,
    ):
        takes = TakesDetector(detector)
        if chunk.near is not None:
            detector.begin_near(chunk.near)
        for picture in pictures:
            frames.append(takes.detect(picture.frame.image, picture.frame.time))
            seconds.append(picture.seconds)
            if picture.seconds >= chunk.start:
                check.see(picture, video.file_fps)
            report()
            if enough(seconds, frames):
                break
    if not frames:
        return None
    lead = sum(s < chunk.start for s in seconds)
    keypoints = replace(concatenate(frames), times=np.array(seconds))
    return DetectedChunk(keypoints, np.array(seconds), lead, check)


def join(
    parts: Sequence[DetectedChunk | None],
    chunks: Sequence[Chunk],
    again: Callable[[Chunk, Enough], DetectedChunk | None],
) -> DetectedChunk | None:
    """Join the parts of all chunks of a video.

    Args:
        parts: The part of each chunk.
        chunks: The chunks.
        again: Detects a chunk, as `detect_chunk` with its `enough`.

    Returns:
        Keypoints of all frames; None if there is no frame.
    """
    pieces: list[DetectedChunk] = []
    k = 0
    while k < len(chunks):
        part = parts[k]
        if part is not None and pieces and not _agree(pieces[-1], part):
            part = _joining(pieces[-1], parts, chunks, k, again)
        if part is not None:
            if pieces:
                pieces[-1], part = _faded(pieces[-1], part)
            pieces.append(part)
            while k + 1 < len(chunks) and chunks[k + 1].start <= part.seconds[-1]:
                k += 1
        k += 1
    if not pieces:
        return None
    for before, after in pairwise(pieces):
        after.check.follow(before.check)
    return DetectedChunk(
        concatenate([p.keypoints for p in pieces]),
        np.concatenate([p.seconds for p in pieces]),
        0,
        pieces[-1].check,
    )


def _joining(
    before: DetectedChunk,
    parts: Sequence[DetectedChunk | None],
    chunks: Sequence[Chunk],
    k: int,
    again: Callable[[Chunk, Enough], DetectedChunk | None],
) -> DetectedChunk:
    """Return what follows a piece that does not agree with the next part.

    This is a new run that agrees with the piece in its lead and goes on until it agrees with the
    part, and then the rest of the part.
    """
    chunk = chunks[k]
    longer = chunk.start - _LONGER * (chunk.start - chunk.begin)
    if longer > chunks[k - 1].start:
        run = again(
            Chunk(longer, chunk.start, math.inf, _person_at(before, longer)),
            _RunOn(parts[k:], chunk.start, before).enough,
        )
        if run is not None and _agree(before, run):
            return _completed(run, parts[k])
    # The tracker of the chunk before, from its start, so with the frames that are there already.
    run = again(
        Chunk(chunks[k - 1].begin, chunk.start, math.inf), _RunOn(parts[k:], chunk.start).enough
    )
    assert run is not None
    return _completed(run, parts[k])


@dataclass(frozen=True, eq=False)
class _RunOn:
    """When a run that starts before a part ends.

    Attributes:
        parts: The part, and those after it.
        start: The part's first second after its lead.
        before: What the run has to agree with at that second; None for nothing.
    """

    parts: Sequence[DetectedChunk | None]
    start: float
    before: DetectedChunk | None = None

    def enough(self, seconds: Sequence[float], frames: Sequence[Keypoints]) -> bool:
        """Return whether the run does not agree with what is before, or agrees with what follows.

        It agrees for as many frames as a lead has in the part, or at the end of a later part's
        lead.
        """
        if len(seconds) < 2 or seconds[-1] < self.start:
            return False
        if self.before is not None and seconds[-2] < self.start:
            lead = _run(seconds[:-1], frames[:-1])
            if not _agree(self.before, replace(lead, lead=len(lead.seconds))):
                return True
        run = _run(seconds, frames)
        part, *later = self.parts
        if part is not None:
            met = int(np.searchsorted(part.seconds, seconds[-1], side="right"))
            settled = part.lead + LEAD <= met < len(part.seconds)
            if settled and part.seconds[met - 1] == seconds[-1]:
                return _agree(run, replace(part, lead=met), LEAD)
        for other in later:
            if other is not None and other.lead and other.seconds[other.lead - 1] == seconds[-1]:
                return _agree(run, other)
        return False


def _person_at(piece: DetectedChunk, seconds: float) -> tuple[float, float] | None:
    """Return where a piece has its person at a time, pixels; None if it has no person there."""
    at = min(int(np.searchsorted(piece.seconds, seconds)), len(piece.seconds) - 1)
    x, y = middle(piece.keypoints.image[at])
    return (float(x), float(y)) if np.isfinite(x) else None


def _run(seconds: Sequence[float], frames: Sequence[Keypoints]) -> DetectedChunk:
    """Return the last frames of a run."""
    frames, seconds = frames[-LEAD:], seconds[-LEAD:]
    return DetectedChunk(concatenate(frames), np.array(seconds), 0, VideoCheck())


def _completed(run: DetectedChunk, part: DetectedChunk | None) -> DetectedChunk:
    """Return a run with the rest of the part in whose frames it ended, or the run alone."""
    if part is None or run.seconds[-1] >= part.seconds[-1]:
        return run
    met = int(np.searchsorted(part.seconds, run.seconds[-1], side="right"))
    start, rest = _faded(run, replace(part, lead=met))
    return DetectedChunk(
        concatenate([start.keypoints, rest.keypoints]),
        np.concatenate([start.seconds, rest.seconds]),
        run.lead,
        part.check,
    )


def _slice(part: DetectedChunk, start: int, stop: int | None = None) -> DetectedChunk:
    keypoints = part.keypoints.slice(start, stop)
    return DetectedChunk(keypoints, part.seconds[start:stop], 0, part.check)


def _agree(before: DetectedChunk, part: DetectedChunk, frames: int = _COMPARED) -> bool:
    """Return whether the last frames of a lead show the same person in both, or no person."""
    n = min(part.lead, frames, len(before.seconds))
    if n == 0:
        return True
    ours, theirs = before.keypoints.slice(-n), part.keypoints.slice(part.lead - n, part.lead)
    # Landmarks outside the picture jump from frame to frame, so they count little.
    sure = np.minimum(ours.confidence, theirs.confidence)
    for a, b, weights in zip(ours.image, theirs.image, sure, strict=True):
        seen = np.isfinite(a).all(), np.isfinite(b).all()
        if seen[0] != seen[1]:
            return False
        off = np.linalg.norm(a - b, axis=-1)
        if seen[0] and weights @ off > _SAME * extent(a) * weights.sum():
            return False
    return True


def _faded(before: DetectedChunk, part: DetectedChunk) -> tuple[DetectedChunk, DetectedChunk]:
    """Cross-fade the end of a piece into a part's lead; return both without overlap."""
    n = min(part.lead, _FADED, len(before.seconds))
    rest = _slice(part, part.lead)
    if n == 0:
        return before, rest
    weights = np.arange(1, n + 1) / (n + 1)
    tail, lead = before.keypoints.slice(-n), part.keypoints.slice(part.lead - n, part.lead)
    mixed = {
        name: _mixed(getattr(tail, name), getattr(lead, name), weights)
        for name in _FADED_FIELDS
        if getattr(tail, name) is not None
    }
    head = _slice(before, 0, -n)
    faded = replace(tail, **mixed)  # type: ignore[arg-type]
    keypoints = concatenate([head.keypoints, faded])
    return DetectedChunk(keypoints, before.seconds, 0, before.check), rest


def _mixed(a: ndarray, b: ndarray, weights: ndarray) -> ndarray:
    """Return (1 - w) a + w b; where one is unseen (NaN), the one of the larger weight."""
    w = weights.reshape(-1, *[1] * (a.ndim - 1))
    mixed = (1.0 - w) * a + w * b
    return np.where(np.isfinite(mixed), mixed, np.where(w < 0.5, a, b))
