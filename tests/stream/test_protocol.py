"""The bytes of mocap.v1: golden files shared with the viewer, round trips, refusals."""

import base64
import contextlib
import dataclasses
import json
import re
import struct

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mocap.core.skeleton import HUMANOID, Skeleton
from mocap.errors import MocapError
from mocap.stream import protocol as P
from tests.helpers.places import DATA, ROOT

GOLDEN = json.loads((DATA / "protocol_golden.json").read_text())
SOURCE = P.SourceInfo("video", "dance.mp4", 1280, 720)
HELLO = P.hello(HUMANOID, ("happy",), "rigs/mannequin.vrm", SOURCE)
STAMP = P.FrameHeader(7, 1.5, 100.25)
JPEG = base64.b64decode(GOLDEN["picture"]["jpeg_base64"])

finite32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
stamps = st.builds(
    P.FrameHeader,
    frame=st.integers(0, 2**32 - 1),
    time=st.floats(allow_nan=False, allow_infinity=False),
    clock=st.floats(allow_nan=False, allow_infinity=False),
    subject=st.integers(0, 2**16 - 1),
)


def array(*shape, elements=finite32):
    return hnp.arrays(np.float32, shape, elements=elements)


def golden(kind: str) -> dict:
    def nan(value):
        return (
            [nan(v) for v in value]
            if isinstance(value, list)
            else np.nan
            if value is None
            else value
        )

    return {key: nan(value) for key, value in GOLDEN[kind].items()}


def stamp_of(message: dict) -> P.FrameHeader:
    return P.FrameHeader(*(message[k] for k in ("frame", "time", "clock", "subject")))


def test_golden_pose_is_read_and_written_to_the_byte():
    data, wanted = (DATA / "mocap_v1_pose.bin").read_bytes(), golden("pose")
    pose = P.decode(data, joints=3, expressions=2)
    assert isinstance(pose, P.PoseMessage)
    assert pose.stamp == stamp_of(wanted)
    for name in ("root", "rotations", "weights"):
        np.testing.assert_array_equal(getattr(pose, name), wanted[name])
    assert (
        P.encode(
            P.PoseMessage(
                stamp_of(wanted), *(np.array(wanted[k]) for k in ("root", "rotations", "weights"))
            )
        )
        == data
    )


def test_golden_keypoints_are_read_and_written_to_the_byte():
    data, wanted = (DATA / "mocap_v1_keypoints.bin").read_bytes(), golden("keypoints")
    points = P.decode(data, joints=3, expressions=2)
    assert isinstance(points, P.KeypointsMessage)
    assert points.stamp == stamp_of(wanted)
    for name in ("image", "positions", "confidence"):
        np.testing.assert_array_equal(getattr(points, name), wanted[name])
    assert (
        P.encode(
            P.KeypointsMessage(
                stamp_of(wanted),
                *(np.array(wanted[k]) for k in ("image", "positions", "confidence")),
            )
        )
        == data
    )


def test_golden_picture_is_read_and_written_to_the_byte():
    data, wanted = (DATA / "mocap_v1_picture.bin").read_bytes(), golden("picture")
    picture = P.decode(data, joints=3, expressions=2)
    assert isinstance(picture, P.PictureMessage)
    assert picture.stamp == stamp_of(wanted)
    assert picture.jpeg == JPEG
    assert P.encode(P.PictureMessage(stamp_of(wanted), JPEG)) == data


def test_golden_face_is_read_and_written_to_the_byte():
    data, wanted = (DATA / "mocap_v1_face.bin").read_bytes(), golden("face")
    face = P.decode_seen(data)
    assert isinstance(face, P.FaceMessage)
    assert face.stamp == stamp_of(wanted)
    for name in ("transform", "points", "blendshapes"):
        np.testing.assert_array_equal(getattr(face, name), wanted[name])
    assert (
        P.encode(
            P.FaceMessage(
                stamp_of(wanted),
                *(np.array(wanted[k]) for k in ("transform", "points", "blendshapes")),
            )
        )
        == data
    )


def test_invalid_faces_are_refused():
    whole = P.decode_seen((DATA / "mocap_v1_face.bin").read_bytes())
    nothing = np.zeros(0)
    P.encode(dataclasses.replace(whole, blendshapes=nothing))
    for wrong in (
        {"transform": np.full((4, 4), np.nan)}, {"blendshapes": np.full(51, 1.5)},
        {"blendshapes": np.zeros(52)},
    ):  # fmt: skip
        with pytest.raises(P.ProtocolError, match=r"face"):
            P.encode(dataclasses.replace(whole, **wrong))
    with pytest.raises(P.ProtocolError, match="face"):
        P.decode_seen((DATA / "mocap_v1_face.bin").read_bytes()[:-8])
    with pytest.raises(P.ProtocolError, match="kind 2"):
        P.decode_seen((DATA / "mocap_v1_pose.bin").read_bytes())


def test_golden_hello_is_read_and_written():
    text = (DATA / "mocap_v1_hello.json").read_text(encoding="utf-8")
    hello = P.decode_server_text(text)
    assert isinstance(hello, P.Hello)
    assert hello.to_skeleton().names == ("hips", "spine", "leftUpperLeg")
    assert json.loads(P.encode_text(hello)) == json.loads(text)


def test_golden_texts_are_accepted_and_refused():
    for message in GOLDEN["server_texts"]:
        assert json.loads(P.encode_text(P.decode_server_text(json.dumps(message)))) == message
    for message in GOLDEN["client_texts"]:
        assert json.loads(P.encode_text(P.decode_client_text(json.dumps(message)))) == message
    for text in GOLDEN["refused_client_texts"]:
        with pytest.raises(P.ProtocolError, match=r"mocap\.v1"):
            P.decode_client_text(text)


def test_hello_carries_the_skeleton():
    skeleton = P.decode_server_text(P.encode_text(HELLO)).to_skeleton()
    assert skeleton.names == HUMANOID.names
    np.testing.assert_array_equal(skeleton.parents, HUMANOID.parents)
    np.testing.assert_array_equal(skeleton.offsets, HUMANOID.offsets)


@given(stamps, st.data(), st.integers(0, 60), st.integers(0, 60))
def test_poses_round_trip(stamp, data, joints, expressions):
    root, rotations, weights = (data.draw(array(*s)) for s in ((3,), (joints, 4), (expressions,)))
    encoded = P.encode(P.PoseMessage(stamp, root, rotations, weights))
    assert len(encoded) == 24 + 4 * (3 + 4 * joints + expressions)
    back = P.decode(encoded, joints, expressions)
    assert back.stamp == stamp
    for sent, received in ((root, back.root), (rotations, back.rotations), (weights, back.weights)):
        np.testing.assert_array_equal(sent, received)
        assert not received.flags.writeable


@given(stamps, st.data(), st.integers(0, 60))
def test_keypoints_round_trip(stamp, data, n):
    seen_or_not = finite32 | st.just(np.nan)
    image, positions = (
        data.draw(array(n, 2, elements=seen_or_not)),
        data.draw(array(n, 3, elements=seen_or_not)),
    )
    confidence = data.draw(array(n, elements=st.floats(0, 1, width=32) | st.just(np.nan)))
    encoded = P.encode(P.KeypointsMessage(stamp, image, positions, confidence))
    assert len(encoded) == 24 * (1 + n)
    back = P.decode(encoded, 55, 0)
    assert back.stamp == stamp
    np.testing.assert_array_equal(back.image, image)
    np.testing.assert_array_equal(back.positions, positions)
    np.testing.assert_array_equal(back.confidence, np.nan_to_num(confidence))


@given(st.binary(max_size=400), st.integers(0, 4), st.integers(0, 4))
@settings(max_examples=300)
def test_random_bytes_give_a_message_or_a_protocol_error(data, joints, expressions):
    try:
        message = P.decode(data, joints, expressions)
    except P.ProtocolError:
        return
    assert P.decode_header(P.encode(message))[1] == message.stamp


@given(st.integers(0, 5), st.binary(max_size=120))
@settings(max_examples=300)
def test_random_data_after_a_valid_header_gives_a_message_or_a_protocol_error(kind, data):
    message = struct.pack("<HHIdd", kind, 0, 1, 0.0, 0.0) + data
    try:
        decoded = P.decode(message, 2, 1)
    except P.ProtocolError:
        return
    assert P.encode(decoded) == message


@given(st.text(max_size=200) | st.binary(max_size=200))
@settings(max_examples=300)
def test_random_text_gives_a_message_or_a_protocol_error(text):
    for decode in (P.decode_client_text, P.decode_server_text):
        with contextlib.suppress(P.ProtocolError):
            decode(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda v: st.lists(v, max_size=4),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("names", "parents", "offsets"), json_values)),
    st.data(),
)
@settings(max_examples=300)
def test_random_hellos_give_a_skeleton_or_a_protocol_error(skeleton, data):
    message = json.loads(P.encode_text(HELLO)) | {"skeleton": skeleton}
    key = data.draw(st.sampled_from(("version", "rig", "expressions", "source", "unknown", "none")))
    if key != "none":
        message[key] = data.draw(json_values)
    with contextlib.suppress(P.ProtocolError):
        P.decode_server_text(json.dumps(message)).to_skeleton()


def test_deep_nesting_is_refused():
    for text in ("[" * 60_000, '{"type":' * 8_000, '{"type":"ack","frame":' + "[" * 60_000):
        with pytest.raises(P.ProtocolError):
            P.decode_client_text(text)


def test_a_client_cannot_send_a_long_text():
    with pytest.raises(P.ProtocolError, match="65536 characters"):
        P.decode_client_text('{"type":"ping","client":' + " " * P.MAX_TEXT + "1}")


@pytest.mark.parametrize(
    "skeleton",
    [
        {"names": ["hips", "hips"], "parents": [-1, 0], "offsets": [[0, 0, 0], [0, 0, 0]]},
        {"names": ["hips", "spine"], "parents": [-1, 1], "offsets": [[0, 0, 0], [0, 0, 0]]},
        {"names": ["hips", "spine"], "parents": [-1, 2**70], "offsets": [[0, 0, 0], [0, 0, 0]]},
        {"names": ["hips", "spine"], "parents": [0, -1], "offsets": [[0, 0, 0], [0, 0, 0]]},
        {"names": ["hips", "spine"], "parents": [-1, 0], "offsets": [[0, 0, 0]]},
        {"names": ["hips"], "parents": [-1], "offsets": [[0, 0]]},
        {"names": [], "parents": [], "offsets": []},
    ],
)
def test_a_hello_without_a_skeleton_is_refused(skeleton):
    message = json.loads(P.encode_text(HELLO)) | {"skeleton": skeleton}
    with pytest.raises(P.ProtocolError):
        P.decode_server_text(json.dumps(message))


def unchecked(kind, *values):
    """Return a message whose shapes the tests' type checker has not checked, as for users."""
    message = object.__new__(kind)
    for field, value in zip(dataclasses.fields(kind), values, strict=True):
        object.__setattr__(message, field.name, value)
    return message


def test_messages_that_would_be_refused_are_not_sent():
    root, rotations, weights = np.zeros(3), np.tile([0.0, 0.0, 0.0, 1.0], (55, 1)), np.zeros(1)
    points = (np.zeros((33, 2)), np.zeros((33, 3)), np.zeros(33))
    spoiled = rotations.copy()
    spoiled[3, 2] = np.nan
    huge = np.full(3, 1e39)  # finite, but not as a 32-bit float
    wrong = [
        P.PoseMessage(STAMP, root, spoiled, weights),
        P.PoseMessage(STAMP, huge, rotations, weights),
        unchecked(P.PoseMessage, STAMP, root, rotations[:, :3], weights),
        unchecked(P.PoseMessage, STAMP, root[:2], rotations, weights),
        unchecked(P.PoseMessage, STAMP, root, rotations, np.zeros((1, 1))),
        P.PoseMessage(STAMP, root, np.zeros((P.MAX_JOINTS + 1, 4)), weights),
        P.PoseMessage(P.FrameHeader(2**32, 0.0, 0.0), root, rotations, weights),
        P.PoseMessage(P.FrameHeader(-1, 0.0, 0.0), root, rotations, weights),
        P.PoseMessage(P.FrameHeader(0, np.nan, 0.0), root, rotations, weights),
        P.PoseMessage(P.FrameHeader(0, 0.0, np.inf), root, rotations, weights),
        P.PoseMessage(P.FrameHeader(0, 0.0, 0.0, 2**16), root, rotations, weights),
        unchecked(P.KeypointsMessage, STAMP, points[0][:32], points[1], points[2]),
        P.KeypointsMessage(STAMP, points[0], points[1] + np.inf, points[2]),
        P.KeypointsMessage(STAMP, points[0], points[1], points[2] + 1.01),
        P.KeypointsMessage(STAMP, points[0], points[1], points[2] - np.inf),
        P.KeypointsMessage(STAMP, np.zeros((5000, 2)), np.zeros((5000, 3)), np.zeros(5000)),
        P.PictureMessage(STAMP, b"\x89PNG"),
        P.PictureMessage(STAMP, JPEG + bytes(P.MAX_PICTURE)),
    ]
    for message in wrong:
        with pytest.raises(P.ProtocolError, match=r"\.$"):
            P.encode(message)
    assert issubclass(P.ProtocolError, MocapError)
    turned = np.tile([0.0, 0.0, 1.0, 0.0], (55, 1))
    with pytest.raises(P.ProtocolError, match="identity rest rotations"):
        P.hello(
            Skeleton(HUMANOID.names, HUMANOID.parents, HUMANOID.offsets, turned),
            (),
            "rigs/a.vrm",
            SOURCE,
        )
    for text in (
        P.Status("warning", "x" * 1001),
        P.Ack(-1),
        msgspec.structs.replace(HELLO, expressions=("a", "a")),
    ):
        with pytest.raises(P.ProtocolError):
            P.encode_text(text)


def test_each_wrong_length_is_refused():
    pose = P.encode(
        P.PoseMessage(STAMP, np.zeros(3), np.tile([0.0, 0.0, 0.0, 1.0], (2, 1)), np.zeros(1))
    )
    points = P.encode(P.KeypointsMessage(STAMP, np.zeros((2, 2)), np.zeros((2, 3)), np.zeros(2)))
    for data in (pose, points):
        for length in range(len(data)):
            if data is points and length in (
                24,
                48,
            ):  # a message of no point, and of one, are messages
                continue
            with pytest.raises(P.ProtocolError):
                P.decode(data[:length], 2, 1)
    with pytest.raises(P.ProtocolError, match="12 floats"):
        P.decode(pose + bytes(4), 2, 1)


def test_messages_have_the_same_names_in_both_languages():
    protocol = ROOT / "web" / "src" / "protocol"
    exported = re.compile(r"^export (?:interface|type) (\w+)", re.MULTILINE)
    typescript = {
        name
        for file in ("text.ts", "binary.ts")
        for name in exported.findall((protocol / file).read_text())
    }
    assert len(typescript) > 15
    # Python has no type for any binary message, and the live settings are solve.tuning's.
    assert typescript - {"BinaryMessage", "Tuning"} <= set(P.__all__)
