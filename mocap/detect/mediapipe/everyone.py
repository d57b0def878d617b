"""MediaPipe's detector of several people: a tracker for each body, then hands and face on it.

MediaPipe's own search for several poses misses people who are less than a body's height apart: it
takes their overlapping boxes for one. So each person has a landmarker of their own. In each picture
the nearest person is looked for first; those behind are looked for in the picture without the
people who are nearer, whose outlines are filled with the colours around. More people are searched
for, now and then, in what is left of the picture when all that are known are erased.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints
from mocap.detect.crops import matched
from mocap.detect.mediapipe.bundles import pose_bundle
from mocap.detect.mediapipe.face import FaceLandmarks, FaceTracker, find_on_head, no_face
from mocap.detect.mediapipe.hands import HandTracker, find_near_wrist, take_first_notice
from mocap.detect.mediapipe.logs import close_quietly, without_notices
from mocap.detect.mediapipe.pose import ANOTHER_TAKE, MAX_PEOPLE, checked
from mocap.detect.mediapipe.results import keypoints_of
from mocap.detect.mediapipe.tasks import (
    BaseOptions,
    Image,
    ImageFormat,
    PoseLandmarker,
    PoseLandmarkerOptions,
    RunningMode,
)
from mocap.detect.mediapipe.window import PATIENCE, Others, TrackedBody
from mocap.detect.nearness import nearest_first
from mocap.detect.options import DetectOptions
from mocap.detect.outline import Outline, erase_people, part_within
from mocap.detect.people import (
    box_of,
    is_double,
    is_same,
    middle,
    squares_of,
)

# Confidence at which a person is found in what is left of a picture, and found again by a tracker
# that knows where the person was.
_CONFIDENCE, _AGAIN = 0.4, 0.25
# Seconds between searches for more people, and rounds of a search.
_SEARCH_EVERY, _ROUNDS = 0.2, 3
# Part of a find's landmarks within the mask of a known person from which the find is no new person.
_REMNANT = 0.5
# By how much known people's outlines are widened, in parts of their windows.
_WIDER = 0.008
# Rows and columns of a whole picture.
_WHOLE = (slice(None), slice(None))


class EveryoneDetector:
    """Finds the bodies, hands and faces of several people in pictures given one after another.

    Args:
        options: What to detect; `people` is the largest number.
        video: Track from picture to picture.

    Raises:
        InputError: There is no such model.
        ModelError: Weights are missing or MediaPipe refuses them.
    """

    def __init__(self, options: DetectOptions, video: bool = True) -> None:
        self._options, self._video = options, video
        self._most = min(options.people, MAX_PEOPLE)
        self._first: float | None = None
        self._last = -1
        self._searched = -math.inf
        self._bodies: list[TrackedBody] = []
        self._tracks = itertools.count()
        # The hands' and face's trackers of each person, and where the person was last, pixels.
        self._parts: list[_Parts] = []
        self._pool = ThreadPoolExecutor(max_workers=3)
        take_first_notice()
        self._finder = self._landmarker(False, MAX_PEOPLE)

    def _landmarker(self, video: bool, most: int) -> PoseLandmarker:
        options = PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=pose_bundle(self._options.model)),
            running_mode=RunningMode.VIDEO if video else RunningMode.IMAGE,
            num_poses=most,
            min_pose_detection_confidence=_AGAIN if video else _CONFIDENCE,
            output_segmentation_masks=video,
        )
        with without_notices():
            return PoseLandmarker.create_from_options(options)

    def people(
        self, image: UInt8[ndarray, "height width 3"], time: float = 0.0
    ) -> Sequence[Keypoints]:
        """Return the people of one picture; see `detect.protocol.Detector.people`."""
        checked(image, time)
        bodies = self._tracked(image, time) if self._video else []
        if (len(bodies) < self._most and time - self._searched >= _SEARCH_EVERY) or not self._video:
            self._searched = time
            bodies += self._search(image, bodies, time)
        if not (self._options.hands or self._options.face):
            return bodies
        return [
            self._with_parts(image, body, parts)
            for body, parts in zip(bodies, self._owners(bodies), strict=True)
        ]

    def _tracked(self, image: ndarray, time: float) -> list[Keypoints]:
        """Return the people who are tracked; drop those who are lost."""
        milliseconds = self._milliseconds(time)
        for body in self._bodies:
            body.expect(time)
        order = nearest_first([b.nearness for b in self._bodies])
        self._bodies = [self._bodies[k] for k in order]
        # A person is looked for where nearer people are not, so that those are looked at before;
        # one who is lost, where no other is.
        looking: list[tuple[TrackedBody, Future[Keypoints | None]]] = []
        expected = {id(b): b.expected_outline() for b in self._bodies}
        for body in sorted(self._bodies, key=lambda b: b.lost):
            before = [(o, f) for o, f in looking if body.may_meet(o)]
            done = {id(o) for o, _ in looking} | {id(body)}
            after = [b for b in self._bodies if id(b) not in done and body.may_meet(b)]
            farther = [o for b in after if (o := expected[id(b)]) is not None]
            task = self._pool.submit(_look, body, before, farther, image, (milliseconds, time))
            looking.append((body, task))
        seen_by = [(task.result(), body) for body, task in looking]
        found = [
            (seen, body) for seen, body in seen_by
            if seen is not None and not (body.lost and body.looks_other(image, seen))
        ]  # fmt: skip
        # Of two trackers that have come to one person, the one that expects the person there stays.
        found.sort(key=lambda pair: pair[1].surprise(pair[0].image[0]))
        kept = _without_doubles([seen for seen, _ in found])
        owners = {id(body): seen for seen, body in found if any(seen is k for k in kept)}
        for body in self._bodies:
            own = owners.get(id(body))
            if own is not None:
                body.see_look(image, own, [k for k in kept if k is not own], time)
            body.update(own, time)
        self._drop([b for b in self._bodies if time - b.seen > PATIENCE])
        tracks = {id(seen): float(body.track) for seen, body in found}
        return [replace(k, track=np.array([tracks[id(k)]])) for k in kept]

    def _drop(self, bodies: Sequence[TrackedBody]) -> None:
        for body in bodies:
            body.close()
            self._bodies.remove(body)

    def _search(self, image: ndarray, known: Sequence[Keypoints], time: float) -> list[Keypoints]:
        """Return people besides the known ones, and begin to track them."""
        new: list[Keypoints] = []
        outlines = [b.outline for b in self._bodies if b.outline is not None]
        boxed = () if self._video else known
        parts = [_WHOLE] * _ROUNDS + squares_of(image)
        while parts and len(known) + len(new) < self._most:
            part = parts.pop(0)
            rest = image.copy()
            erase_people(rest, outlines, _WIDER)
            for body in (*boxed, *new):
                rest[box_of(body.image[0], image)] = 0
            before = len(new)
            found = [
                k for k in self._find(rest, part, time)
                if not any(_is_remnant(k, o, image) for o in (*boxed, *new))
                and part_within(outlines, k.image[0]) <= _REMNANT
            ]  # fmt: skip
            both = _without_doubles([*known, *new, *found])
            new = [k for k in both if not any(k is o for o in known)][: self._most - len(known)]
            if len(new) == before:  # nor would another look at the whole show more
                parts = [p for p in parts if p is not _WHOLE]
        if self._video:
            for n, person in enumerate(new):
                points, track = person.image[0], next(self._tracks)
                new[n] = replace(person, track=np.array([float(track)]))
                again = [
                    b for b in self._bodies
                    if b.lost and is_same(points, b.place, time - b.seen)
                    and not b.looks_other(image, person)
                ]  # fmt: skip
                self._drop(sorted(again, key=lambda b: b.surprise(points))[:1])
                tracked = TrackedBody(partial(self._landmarker, True, 1), points, time, track)
                # Its tracker begins with this picture.
                others = [b.outline for b in self._bodies if b.outline is not None]
                tracked.detect(image, Others(others), self._last, time)
                tracked.update(person, time)
                self._bodies.append(tracked)
            lost = sorted((b for b in self._bodies if b.lost), key=lambda b: b.seen)
            self._drop(lost[: max(0, len(self._bodies) - self._most)])
        return new

    def _find(self, image: ndarray, part: tuple[slice, slice], time: float) -> list[Keypoints]:
        """Return the people in a part of a picture, rows and columns; the most certain first."""
        shown = np.ascontiguousarray(image[part])
        result: Any = self._finder.detect(Image(ImageFormat.SRGB, shown))
        corner = (part[1].start or 0, part[0].start or 0)
        camera = Camera.assumed((image.shape[1], image.shape[0]))
        size = (shown.shape[1], shown.shape[0])
        found = [keypoints_of(result, k, time, size) for k in range(len(result.pose_landmarks))]
        found.sort(key=lambda k: -float(k.confidence.mean()))
        return [replace(k, image=k.image + corner, camera=camera) for k in found]

    def next_person(self, at: tuple[float, float] | None = None) -> None:
        """Do nothing: all people are followed."""

    def close(self) -> None:
        """Free the models. A second call does nothing."""
        self._pool.shutdown()
        close_quietly(self._finder)
        self._drop(list(self._bodies))
        for parts in self._parts:
            parts.close()

    def _milliseconds(self, time: float) -> int:
        if self._first is not None and (time - self._first) * 1000.0 < self._last - ANOTHER_TAKE:
            self._drop(list(self._bodies))
            self._first, self._searched = None, -math.inf
        if self._first is None:
            self._first, self._last = time, -1
        self._last = max(round((time - self._first) * 1000.0), self._last + 1)
        return self._last

    def _owners(self, bodies: Sequence[Keypoints]) -> list[_Parts]:
        """Return the trackers for each body: those of the nearest body of the frame before."""
        free = list(self._parts)
        owners = []
        for body in bodies:
            points = body.image[0]
            near = [p for p in free if is_same(points, p.place)]
            if near:
                own = min(near, key=lambda p: float(np.linalg.norm(middle(p.place - points))))
            elif len(self._parts) < MAX_PEOPLE:
                own = _Parts(self._options, self._video, points)
                self._parts.append(own)
            else:
                own = free[0]
                own.restart()
            if own in free:
                free.remove(own)
            own.place = points
            owners.append(own)
        return owners

    def _with_parts(self, image: ndarray, body: Keypoints, parts: _Parts) -> Keypoints:
        positions, points = body.positions[0], body.image[0]
        sides = [
            self._pool.submit(find_near_wrist, tracker, side, image, positions, points)
            for side, tracker in enumerate(parts.hands)
        ]
        head = (
            self._pool.submit(find_on_head, parts.face, image, positions, points)
            if parts.face is not None
            else None
        )
        if sides:
            hands = matched((sides[0].result(), sides[1].result()), positions, points)
            body = replace(
                body,
                hands=hands.positions[None],
                hands_image=hands.image[None],
                hands_confidence=hands.confidence[None],
            )
        if head is not None:
            face: FaceLandmarks = head.result() or no_face()
            body = replace(
                body,
                face=face.points[None],
                face_transform=face.transform[None],
                face_blendshapes=face.blendshapes[None],
            )
        return body


class _Parts:
    """The trackers of one person's hands and face, and the person's last landmarks, pixels."""

    def __init__(self, options: DetectOptions, video: bool, place: ndarray) -> None:
        self.place = place
        self.hands = [HandTracker(1, video) for _ in range(2)] if options.hands else []
        self.face = FaceTracker(video, options.face_model) if options.face else None

    def restart(self) -> None:
        """Drop what is tracked."""
        for tracker in self._trackers():
            tracker.restart()

    def close(self) -> None:
        """Free the models."""
        for tracker in self._trackers():
            tracker.close()

    def _trackers(self) -> list[HandTracker | FaceTracker]:
        return [*self.hands, *([] if self.face is None else [self.face])]


def _without_doubles(found: Sequence[Keypoints]) -> list[Keypoints]:
    """Return each person once, as they come first."""
    kept: list[Keypoints] = []
    for body in found:
        sure = float(body.confidence.mean())
        if not any(
            is_double(body.image[0], sure, o.image[0], float(o.confidence.mean())) for o in kept
        ):
            kept.append(body)
    return kept


def _is_remnant(found: Keypoints, known: Keypoints, image: ndarray) -> bool:
    """Return whether a find lies mostly where a known person is masked: arms that stick out."""
    rows, columns = box_of(known.image[0], image)
    x, y = found.image[0].T
    inside = (x >= columns.start) & (x < columns.stop) & (y >= rows.start) & (y < rows.stop)
    return bool(inside.mean() > _REMNANT)


def _look(
    body: TrackedBody,
    before: Sequence[tuple[TrackedBody, Future[Keypoints | None]]],
    farther: Sequence[Outline],
    image: ndarray,
    now: tuple[int, float],
) -> Keypoints | None:
    """Return a person in a picture, as soon as those who are looked at before are found.

    Args:
        body: The person's tracker.
        before: Others who are looked at before, and when they are found.
        farther: Outlines of people who are looked at later.
        image: RGB.
        now: MediaPipe's time, milliseconds, and the picture's, seconds.
    """
    for _, task in before:
        task.result()
    nearer = [o.outline for o, _ in before if o.outline is not None]
    return body.detect(image, Others(nearer, farther), *now)
