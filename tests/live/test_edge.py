"""Every value that a page sends is checked on arrival: refused in words, or solved."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocap.core.keypoints import Keypoints
from mocap.errors import MocapError
from mocap.formats import keypoints_json
from mocap.live.ingest import foreign_frame
from mocap.stream import protocol
from mocap.studio import messages as studio
from tests.helpers.solved import SIZE, Solved
from tests.helpers.synthetic import keypoints_of, smooth_motion

T = TypeVar("T")
UNLIMITED = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25
)
hostile = st.sampled_from(
    [0.0, -0.0, 1e-40, 1.0, -1.0, 99.0, 1e3, 1e6, -1e15, 3.4e38, 1e300, np.inf, -np.inf, np.nan]
)


@pytest.fixture(scope="module")
def keypoints() -> Keypoints:
    return keypoints_of(smooth_motion(np.random.default_rng(3), 0.5, 30.0), SIZE)


def points_of(keypoints: Keypoints, i: int) -> protocol.KeypointsMessage:
    stamp = protocol.FrameHeader(i, float(keypoints.times[i]), 0.0)
    hands = 0.1 * np.ones((42, 3))
    return protocol.KeypointsMessage(
        stamp,
        np.vstack([keypoints.image[i] / SIZE, hands[:, :2]]),
        np.vstack([keypoints.positions[i], hands]),
        np.concatenate([keypoints.confidence[i], np.full(42, 0.9)]),
    )


def face_of(i: int) -> protocol.FaceMessage:
    rng = np.random.default_rng(0)
    stamp = protocol.FrameHeader(i, i / 30, 0.0)
    return protocol.FaceMessage(
        stamp, np.eye(4), rng.uniform(0, 1, (478, 3)), rng.uniform(0, 1, 51)
    )


def unchecked(message: protocol.KeypointsMessage | protocol.FaceMessage) -> bytes:
    """Return the bytes of a message with any values, as a hostile client sends it."""
    kind = protocol.KEYPOINTS if isinstance(message, protocol.KeypointsMessage) else protocol.FACE
    stamp = message.stamp
    arrays = (
        (message.image, message.positions, message.confidence)
        if isinstance(message, protocol.KeypointsMessage)
        else (message.transform, message.points, message.blendshapes)
    )
    with np.errstate(over="ignore"):
        data = np.concatenate([a.ravel() for a in arrays]).astype("<f4").tobytes()
    return protocol.HEADER.pack(kind, stamp.subject, stamp.frame, stamp.time, stamp.clock) + data


def refusal(read: Callable[[], T]) -> tuple[T | None, str]:
    """Return the message read (or None) and the sentence of our error (or ""); raise others."""
    try:
        return read(), ""
    except MocapError as error:
        return None, str(error)


def refused_or_solved(solved: Solved, *messages: bytes) -> None:
    before = solved.poses
    _, refused = refusal(lambda: solved.send(*messages))
    if refused:
        assert refused.endswith(".")
        return
    solved.run()
    assert solved.poses == before + 1


@given(
    array=st.sampled_from(["image", "positions", "confidence"]),
    at=st.lists(st.integers(0, 10**6), min_size=1, max_size=4),
    values=st.lists(hostile, min_size=4, max_size=4),
)
@UNLIMITED
def test_random_numbers_in_a_keypoints_message_are_refused_or_solved(
    keypoints, array, at, values
) -> None:
    solved = Solved()
    solved.send(unchecked(points_of(keypoints, 0)))
    solved.run()
    message = points_of(keypoints, 1)
    changed = getattr(message, array).copy()
    for index, value in zip(at, values, strict=False):
        changed.flat[index % changed.size] = value
    refused_or_solved(solved, unchecked(replace(message, **{array: changed})))
    refused_or_solved(solved, unchecked(points_of(keypoints, 2)))


@given(
    array=st.sampled_from(["transform", "points", "blendshapes"]),
    at=st.lists(st.integers(0, 10**6), min_size=1, max_size=4),
    values=st.lists(hostile, min_size=4, max_size=4),
)
@UNLIMITED
def test_random_numbers_in_a_face_message_are_refused_or_solved(
    keypoints, array, at, values
) -> None:
    solved = Solved()
    message = face_of(1)
    changed = getattr(message, array).copy()
    for index, value in zip(at, values, strict=False):
        changed.flat[index % changed.size] = value
    face = unchecked(replace(message, **{array: changed}))
    refused_or_solved(solved, face, unchecked(points_of(keypoints, 1)))


@given(
    frame=st.integers(0, 2**32 - 1),
    subject=st.integers(0, 2**16 - 1),
    time=st.floats(),
    clock=st.floats(),
)
@UNLIMITED
def test_random_headers_are_refused_or_solved(keypoints, frame, subject, time, clock) -> None:
    stamp = protocol.FrameHeader(frame, time, clock, subject)
    refused_or_solved(Solved(), unchecked(replace(points_of(keypoints, 0), stamp=stamp)))


@given(width=st.integers(1, 2**16 - 1), height=st.integers(1, 2**16 - 1))
@UNLIMITED
def test_pictures_of_any_size_are_solved(keypoints, width, height) -> None:
    refused_or_solved(Solved((width, height)), unchecked(points_of(keypoints, 0)))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def changed_somewhere(draw: st.DrawFn, value: Any) -> Any:
    """Return the JSON value with one of its parts replaced by a random value."""
    if draw(st.integers(0, 3)) == 0 or not isinstance(value, dict | list) or not value:
        return draw(anything | hostile)
    if isinstance(value, dict):
        key = draw(st.sampled_from(sorted(value)))
        return {**value, key: draw(changed_somewhere(value[key]))}
    index = draw(st.integers(0, len(value) - 1))
    return [*value[:index], draw(changed_somewhere(value[index])), *value[index + 1 :]]


@given(data=st.data())
@UNLIMITED
def test_random_fields_of_another_pages_frame_are_refused_or_solved(keypoints, data) -> None:
    take = json.loads(keypoints_json.dumps(keypoints.slice(0, 1)))
    sent = {"width": SIZE[0], "height": SIZE[1], "poses": take["frames"][0]["poses"]}
    message = json.dumps(data.draw(changed_somewhere(sent)))
    found, refused = refusal(lambda: foreign_frame(message, 1.0))
    if found is None:
        assert refused.endswith(".")
        return
    points = protocol.KeypointsMessage(
        protocol.FrameHeader(0, 1.0, 0.0),
        found.image[0] / found.camera.size,
        found.positions[0],
        found.confidence[0],
    )
    _, refused = refusal(lambda: protocol.check_seen(points))
    if refused:
        return
    solved = Solved(found.camera.size)
    solved.cameras.seen("page", points)
    solved.run()
    assert solved.poses == 1


@pytest.mark.parametrize(
    "wrong",
    [{"width": 10**30}, {"height": -1}, {"width": 0}, {"width": 1.5}, {"width": "640"}],
)
def test_a_picture_of_an_impossible_size_is_refused(keypoints, wrong) -> None:
    sent = {"width": 640, "height": 480, "poses": []} | wrong
    with pytest.raises(MocapError, match="whole number of pixels"):
        foreign_frame(json.dumps(sent), 1.0)


CLIENT_TEXTS: list[protocol.ClientText] = [
    protocol.Ack(1),
    protocol.Ping(17.5),
    protocol.Calibrate(),
    protocol.NextPerson((0.5, 0.5)),
    protocol.Vmc(protocol.VmcOutput("127.0.0.1:39539", "vrm1")),
    protocol.Tune(1.0, "auto", "free"),
    protocol.Lead("server"),
    protocol.CameraMessage("page", 640, 480),
]
STUDIO_TEXTS: list[studio.Ask] = [
    studio.Record(1, True),
    studio.Takes(1),
    studio.Open(1, "take", "bake"),
    studio.Cancel(1, 2),
    studio.Rename(1, "take", "other"),
    studio.Delete(1, "take"),
    studio.Export(1, "take", "live", "bvh", 0.0, 1.0, "rigs/x.vrm"),
    studio.Upload(1, "hero.vrm", 1000),
    studio.Remap(1, "rigs/x.vrm", {"hips": "Hips"}),
]


def test_every_text_message_has_an_example() -> None:
    assert {type(m) for m in CLIENT_TEXTS} == set(protocol.ClientText.__args__)
    assert {type(m) for m in STUDIO_TEXTS} == set(studio.Ask.__args__)


@given(data=st.data())
@settings(deadline=None, max_examples=200)
def test_random_fields_of_a_text_message_are_refused_or_valid(data) -> None:
    message = data.draw(st.sampled_from([*CLIENT_TEXTS, *STUDIO_TEXTS]))
    sent = json.dumps(data.draw(changed_somewhere(msgspec.to_builtins(message))))
    read = protocol.decode_client_text if message in CLIENT_TEXTS else studio.parse
    found, refused = refusal(lambda: read(sent))
    if found is None:
        assert refused.endswith(".")
        return
    assert read(msgspec.json.encode(found).decode()) == found
    numbers = [v for v in msgspec.to_builtins(found).values() if isinstance(v, float)]
    assert np.isfinite(numbers).all()
