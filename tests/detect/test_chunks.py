"""Videos split into chunks: spans are exact, and the number of workers changes nothing."""

from __future__ import annotations

import itertools
import math
import multiprocessing
from collections.abc import Callable
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocap.capture.open import open_source
from mocap.capture.video import IrregularTimesError, Video
from mocap.capture.video_check import VideoCheck
from mocap.core.keypoints import Keypoints, concatenate
from mocap.detect import chunks
from mocap.detect.chunks import (
    LEAD,
    Chunk,
    DetectedChunk,
    Enough,
    detect_chunk,
    join,
    plan,
)
from mocap.detect.inputs import read_keypoints
from mocap.detect.options import DetectOptions
from mocap.detect.people import empty_frame, middle
from mocap.detect.performer import PerformerDetector
from mocap.detect.take import detect_source
from tests.helpers.places import DEMO
from tests.helpers.videos import uneven_times, write_video

FPS = 30.0


def frame(index: int, x: float) -> Keypoints:
    """Return a person 200 pixels tall at a column of the picture; NaN without a person."""
    found = empty_frame(index / FPS, (640, 480))
    if math.isnan(x):
        return found
    image = np.stack(
        [x + np.tile([-10.0, 0.0, 10.0], 11), 120 + np.linspace(-100.0, 100.0, 33)], axis=1
    )
    return replace(
        found,
        positions=np.full((1, 33, 3), x),
        image=image[None],
        confidence=np.ones((1, 33)),
    )


def part(chunk: Chunk, columns: list[float]) -> DetectedChunk:
    """Return the result of a chunk of a clip with a person in these columns, one for each frame."""
    seconds = np.arange(len(columns)) / FPS
    inside = np.flatnonzero((seconds >= chunk.begin) & (seconds < chunk.stop))
    return DetectedChunk(
        concatenate([frame(int(i), columns[i]) for i in inside]),
        seconds[inside],
        int((seconds[inside] < chunk.start).sum()),
        VideoCheck(),
    )


@given(st.floats(0.0, 7200.0), st.floats(1.0, 240.0))
def test_chunks_cover_a_video_once_with_overlap(duration: float, fps: float) -> None:
    planned = plan(duration, fps)
    assert planned[0].begin == planned[0].start == 0.0
    assert planned[-1].stop == math.inf
    assert len(planned) == 1 or len(planned) % 2 == 0
    for before, after in itertools.pairwise(planned):
        assert before.stop == after.start
        assert after.start - after.begin == pytest.approx((LEAD - 1.5) / fps)
        assert (after.start - before.start) * fps >= 40, "leads are a small part"


def test_short_and_endless_videos_are_one_chunk() -> None:
    assert len(plan(0.0, 30.0)) == 1
    assert len(plan(4.0, 30.0)) == 1
    assert len(plan(8.2, 30.0)) == 2
    assert len(plan(1800.0, 30.0)) >= 16


# --- Seams


CHUNKS = [Chunk(0.0, 0.0, 4.0), Chunk(3.5, 4.0, 8.0), Chunk(7.5, 8.0, math.inf)]
STEADY = [100.0 + 0.1 * i for i in range(360)]


def never(chunk: Chunk, enough: object) -> DetectedChunk:
    raise AssertionError("nothing needs to be detected again")


def test_parts_that_agree_are_joined_without_a_step() -> None:
    # The later parts start 2 pixels off.
    off = [x + 2.0 for x in STEADY]
    parts = [part(CHUNKS[0], STEADY), part(CHUNKS[1], off), part(CHUNKS[2], STEADY)]
    joined = join(parts, CHUNKS, never)
    assert joined is not None
    np.testing.assert_allclose(joined.keypoints.times, np.arange(360) / FPS)
    x = joined.keypoints.image[:, 1, 0]
    assert x[100] == STEADY[100]
    assert x[150] == off[150]
    assert np.abs(np.diff(x)).max() < 0.1 + 2.0 / 8 + 1e-9


class Again:
    """Detects chunks of a clip again: with the columns of the person of whom each chunk knows.

    asked: (chunk, number of detected frames) of each call.
    """

    def __init__(self, columns: Callable[[Chunk], list[float]] = lambda chunk: STEADY) -> None:
        self.columns, self.asked = columns, list[tuple[Chunk, int]]()

    def __call__(self, chunk: Chunk, enough: Enough) -> DetectedChunk:
        whole = part(chunk, self.columns(chunk))
        frames = [whole.keypoints.slice(i, i + 1) for i in range(len(whole.seconds))]
        count = next(
            (
                n
                for n in range(1, len(frames) + 1)
                if enough(whole.seconds[:n].tolist(), frames[:n])
            ),
            len(frames),
        )
        self.asked.append((chunk, count))
        return DetectedChunk(
            concatenate(frames[:count]), whole.seconds[:count], whole.lead, VideoCheck()
        )


OTHER = [400.0] * 360
# A longer lead of the second chunk: four times 0.5 s before it, with the person who is there.
LONGER = Chunk(2.0, 4.0, math.inf, tuple(middle(frame(60, STEADY[60]).image[0]).tolist()))


def test_the_first_part_decides_which_person_is_followed() -> None:
    parts = [part(CHUNKS[0], STEADY), part(CHUNKS[1], OTHER), part(CHUNKS[2], STEADY)]
    again = Again()
    joined = join(parts, CHUNKS, again)
    assert joined is not None
    ((chunk, count),) = again.asked
    assert chunk == LONGER
    assert count == 240 - 60, "to the end of the last chunk's lead"
    np.testing.assert_allclose(joined.keypoints.times, np.arange(360) / FPS)
    np.testing.assert_allclose(joined.keypoints.image[:, 1, 0], STEADY)
    # The same person, but the last part disagrees as well: on to the end.
    parts[2] = part(CHUNKS[2], OTHER)
    joined = join(parts, CHUNKS, again)
    assert joined is not None
    np.testing.assert_allclose(joined.keypoints.image[:, 1, 0], STEADY)


def test_a_tracker_that_settles_late_is_joined_where_it_has_settled() -> None:
    late = [x + (40.0 if i < 150 else 0.0) for i, x in enumerate(STEADY)]
    parts = [part(CHUNKS[0], STEADY), part(CHUNKS[1], late), part(CHUNKS[2], STEADY)]
    again = Again()
    joined = join(parts, CHUNKS, again)
    assert joined is not None
    ((chunk, count),) = again.asked
    assert (chunk.begin, count) == (2.0, 150 + LEAD - 60), "no more than needed"
    np.testing.assert_allclose(joined.keypoints.times, np.arange(360) / FPS)
    np.testing.assert_allclose(joined.keypoints.image[:, 1, 0], STEADY, atol=1e-9)


def test_the_chunk_before_runs_on_where_a_longer_lead_finds_another_person() -> None:
    parts = [part(CHUNKS[0], STEADY), part(CHUNKS[1], OTHER), part(CHUNKS[2], OTHER)]
    again = Again(lambda chunk: OTHER if chunk.begin else STEADY)
    joined = join(parts, CHUNKS, again)
    assert joined is not None
    assert [chunk.begin for chunk, _ in again.asked] == [2.0, 0.0]
    assert again.asked[0][1] == 61, "it ends with the first frame of the chunk"
    np.testing.assert_allclose(joined.keypoints.image[:, 1, 0], STEADY)


def test_unseen_landmarks_need_not_agree() -> None:
    parts = [part(c, STEADY) for c in CHUNKS]
    keypoints = parts[1].keypoints
    image, confidence = keypoints.image.copy(), keypoints.confidence.copy()
    image[:, 20:] += 300.0
    confidence[:, 20:] = 0.0
    unsure = replace(keypoints, image=image, confidence=confidence)
    assert join([parts[0], replace(parts[1], keypoints=unsure), parts[2]], CHUNKS, never)
    # Whether they do count where they are seen:
    sure = replace(parts[1], keypoints=replace(keypoints, image=image))
    again = Again()
    join([parts[0], sure, parts[2]], CHUNKS, again)
    assert len(again.asked) == 1


def test_a_person_seen_only_by_the_running_tracker_is_kept() -> None:
    unseen = [math.nan] * 360
    parts = [part(CHUNKS[0], STEADY), part(CHUNKS[1], unseen), part(CHUNKS[2], unseen)]
    joined = join(parts, CHUNKS, lambda chunk, enough: part(chunk, STEADY))
    assert joined is not None
    np.testing.assert_allclose(joined.keypoints.image[:, 1, 0], STEADY)
    empty = join([part(c, unseen) for c in CHUNKS], CHUNKS, never)
    assert empty is not None
    assert np.isnan(empty.keypoints.image).all()


# --- Spans


@pytest.mark.parametrize(
    ("name", "codec"),
    [("x.mp4", "libx264"), ("x.mov", "mpeg4"), ("x.mkv", "libx264"), ("x.webm", "libvpx-vp9")],
)
def test_a_span_equals_that_part_of_the_whole_video(tmp_path: Path, name: str, codec: str) -> None:
    times = uneven_times(150)
    gap = times[90] / 1000.0
    times[90:] += 3000
    noise = np.random.default_rng(0).integers(0, 255, (150, 64, 96, 3), dtype=np.uint8)
    video = Video(write_video(tmp_path / name, times, codec, images=noise))
    whole = list(video)
    for start, stop in (
        (0.0, 1.0), (2.0, 4.5), (gap + 0.2, math.inf), (gap + 2.9, math.inf),
        (gap + 3.0, gap + 4.0), (9.0, math.inf), (99.0, 100.0),
    ):  # fmt: skip
        expected = [f for f in whole if start <= f.time < stop]
        if expected:  # and the last one before
            expected = [f for f in whole if f.time < start][-1:] + expected
        found = [p.frame for p in video.span(start, stop)]
        assert [f.time for f in found] == [f.time for f in expected]
        assert all(np.array_equal(a.image, b.image) for a, b in zip(found, expected, strict=True))


def test_a_video_with_unordered_times_is_not_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = Video(write_video(tmp_path / "x.mp4", uneven_times(20)))
    image = np.zeros((64, 96, 3), np.uint8)
    stamps = (0.0, 0.1, 0.0, 0.1)
    monkeypatch.setattr(video, "_decoded", lambda start: ((s, image, False) for s in stamps))
    with pytest.raises(IrregularTimesError):
        list(video.span(0.0, math.inf))


# --- Workers


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a part of the demo clip, then, after a hard cut, a part played backwards."""
    frames = [f.image for f in islice(open_source(DEMO), 80)]
    after = [np.ascontiguousarray(0.55 * f[:, ::-1]).astype(np.uint8) for f in frames[:-21:-1]]
    path = tmp_path_factory.mktemp("chunks") / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        for image in [*frames, *after]:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())
    return path


def test_chunked_detection_is_reproducible_and_close_to_one_pass(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = DetectOptions(model="lite", hands=False, face=False)
    monkeypatch.setattr(chunks, "_SHORTEST", 50)  # so that a short clip has two
    assert len(plan(100 / 30, 30.0)) == 2
    counted: list[int] = []
    one = read_keypoints(clip, options, workers=1)
    two = read_keypoints(clip, options, lambda done, total: counted.append(done), workers=2)
    for name in (f.name for f in fields(Keypoints) if f.name != "camera"):
        a, b = getattr(one, name), getattr(two, name)
        assert (a is None) == (b is None)
        assert a is None or a.tobytes() == b.tobytes(), name
    assert counted == sorted(counted)
    assert counted
    with open_source(clip) as source, PerformerDetector(options) as detector:
        whole = detect_source(source, detector)
    assert one.times.tolist() == whole.times.tolist()
    assert np.flatnonzero(one.new_take).tolist() == np.flatnonzero(whole.new_take).tolist() == [80]
    off = np.linalg.norm(one.positions - whole.positions, axis=-1)
    print(f"chunks against one pass: mean {1000 * off.mean():.1f} mm, worst {1000 * off.max():.0f}")
    half = len(off) // 2 - LEAD
    assert off[:half].max() == 0.0, "before the seam nothing differs"
    assert np.linalg.norm(one.image - whole.image, axis=-1).mean() < 2.0, "pixels, of 720"


def test_without_semaphores_this_process_detects_all(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    context = multiprocessing.get_context("spawn")
    monkeypatch.setattr(type(context), "Value", refused)
    monkeypatch.setattr(chunks, "_SHORTEST", 50)
    options = DetectOptions(model="lite", hands=False, face=False)
    assert len(read_keypoints(clip, options, workers=2)) == 100


def test_a_cut_at_the_start_of_a_chunk_whose_lead_is_a_gap_begins_a_take(tmp_path: Path) -> None:
    """The picture before the gap is compared with the first one after it, in any process."""
    images = np.full((44, 64, 96, 3), 40, np.uint8)
    images[40:, :, 48:] = 220
    times = np.arange(44) * 1000.0 / 30.0
    times[40:] += 2000.0
    path = write_video(tmp_path / "x.mp4", times, images=images)
    start = float(times[40]) / 1000.0 - 0.002
    chunk = Chunk(start - 0.45, start, math.inf)
    found = detect_chunk(Video(path), DetectOptions(model="lite", hands=False, face=False), chunk)
    assert found is not None
    assert found.lead == 1
    assert found.seconds[0] == pytest.approx(times[39] / 1000.0, abs=2e-3)
    assert np.flatnonzero(found.keypoints.new_take).tolist() == [1]
