"""Detection of a video in chunks, by several processes side by side."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mocap.capture.video import IrregularTimesError, Video
from mocap.core.keypoints import Keypoints
from mocap.detect.chunks import Chunk, DetectedChunk, Enough, detect_chunk, join, plan
from mocap.detect.options import DetectOptions
from mocap.detect.take import check_somebody

# Seconds between reports of progress.
_REPORT_EVERY = 0.1

# The number of frames done if the workers are to stop.
_STOP = -1
# In a worker process: the number of frames done by all workers.
_done: Any = None


def detect_video(
    video: Video,
    options: DetectOptions,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Keypoints | None:
    """Detect one person in every frame of a video, in chunks.

    The result does not depend on the number of workers.

    Args:
        video: The video.
        options: What to detect.
        workers: Number of processes; 1 detects in this process.
        progress: Called with the number of frames done.

    Returns:
        Keypoints of all frames; None if the video cannot be cut into several chunks.

    Raises:
        NoPersonError: No frame shows a body or a hand.
    """
    chunks = plan(video.duration, video.file_fps)
    # A person by number is counted where the video begins.
    if len(chunks) < 2 or options.person is not None:
        return None
    done = _Counter(progress)

    def detect(chunk: Chunk, enough: Enough | None = None) -> DetectedChunk | None:
        if enough is None:
            return detect_chunk(video, options, chunk, done.add)
        return detect_chunk(video, options, chunk, enough=enough)

    try:
        if workers > 1:
            found = _in_processes(video, options, chunks, min(workers, len(chunks)), done)
            # What a process that ended has left undone is done here.
            parts = [found[k] if k in found else detect(c) for k, c in enumerate(chunks)]
        else:
            parts = [detect(chunk) for chunk in chunks]
        joined = join(parts, chunks, detect)
    except IrregularTimesError:
        return None
    if joined is None:
        return None
    video.report(joined.check)
    keypoints = joined.keypoints
    if options.source_fps is not None:
        keypoints = replace(keypoints, times=np.arange(len(keypoints)) / options.source_fps)
    check_somebody(keypoints, video.name, video.verdict)
    return keypoints


class _Counter:
    """Counts frames and reports them, not too often."""

    def __init__(self, progress: Callable[[int], None] | None) -> None:
        self.count, self._progress, self._next = 0, progress, 0.0

    def add(self) -> None:
        self.set(self.count + 1)

    def set(self, count: int) -> None:
        self.count = count
        if self._progress is not None and time.monotonic() >= self._next:
            self._next = time.monotonic() + _REPORT_EVERY
            self._progress(count)


def _in_processes(
    video: Video, options: DetectOptions, chunks: list[Chunk], workers: int, done: _Counter
) -> dict[int, DetectedChunk | None]:
    """Return the parts by the numbers of their chunks, but for those lost with a process."""
    # Spawned: MediaPipe's and OpenCV's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    try:
        count = context.Value("l", 0)
        pool = ProcessPoolExecutor(workers, context, _start, (count,))
    except (ImportError, NotImplementedError, OSError):
        return {}  # no semaphores, as in some sandboxes and on phones
    task = (video.path, options)
    with pool:
        with _uninterrupted():
            futures = [pool.submit(_work, *task, chunk) for chunk in chunks]
        waiting: set[Future[DetectedChunk | None]] = set(futures)
        try:
            while waiting:
                finished, waiting = wait(waiting, _REPORT_EVERY, "FIRST_EXCEPTION")
                done.set(count.value)
                for future in finished:
                    if not isinstance(future.exception(), BrokenProcessPool):
                        future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            count.value = _STOP
            raise
    return {k: f.result() for k, f in enumerate(futures) if f.exception() is None}


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back, and from processes that start meanwhile for ever.

    They would print tracebacks; the process that waits for them ends them.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(done: Any) -> None:
    """Set up a worker process: it leaves Ctrl-C to its parent, and ends with it."""
    global _done
    _done = done
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(path: Path, options: DetectOptions, chunk: Chunk) -> DetectedChunk | None:
    """Detect a chunk in a worker process."""
    _count(0)
    return detect_chunk(Video(path, options.source_fps), options, chunk, _count)


def _count(frames: int = 1) -> None:
    """Count frames.

    Raises:
        KeyboardInterrupt: The workers are to stop.
    """
    with _done.get_lock():
        if _done.value == _STOP:
            raise KeyboardInterrupt
        _done.value += frames
