"""One of several people: two takes of the demo side by side, each known from a run alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection

from mocap.capture.open import open_source
from mocap.capture.picture import jpeg
from mocap.core.keypoints import Keypoints, concatenate, has_person
from mocap.detect.inputs import read_keypoints
from mocap.detect.mediapipe.pose import PoseDetector
from mocap.detect.options import DetectOptions
from mocap.detect.people import PersonTrack, is_same, mask_others
from mocap.detect.performer import PerformerDetector
from mocap.detect.table import open_detector
from mocap.errors import NoPersonError
from mocap.live.options import LiveOptions, PageOptions, ServerSource
from mocap.live.serve import live
from mocap.stream import protocol
from mocap.stream.server import Server
from tests.helpers.places import DEMO
from tests.helpers.stream_clients import ack, played, viewer

FRAMES = 10


@pytest.fixture(scope="module")
def pair() -> np.ndarray:
    """Return (F, height, 2 · width, 3): a person beside the same one mirrored and later."""
    images = [frame.image for frame in open_source(DEMO)][: 40 + FRAMES]
    return np.array([np.hstack([images[i], images[i + 40][:, ::-1]]) for i in range(FRAMES)])


def seen(images: np.ndarray, person: int | None = None, video: bool = True) -> Keypoints:
    with PoseDetector("lite", video, person) as detector:
        return concatenate([detector.detect(image, i / 30) for i, image in enumerate(images)])


def at(x: float, y: float = 200.0) -> np.ndarray:
    """Return a person 200 pixels tall about a place, (33, 2)."""
    return np.stack(
        [x + np.tile([-10.0, 0.0, 10.0], 11), y + np.linspace(-100.0, 100.0, 33)], axis=1
    )


@pytest.mark.parametrize("video", [True, False])
def test_the_chosen_person_is_detected_as_if_alone(pair: np.ndarray, video: bool) -> None:
    width = pair.shape[2] // 2
    pair = pair[: FRAMES if video else 2]
    expected = []
    for other in (np.s_[:, :, width:], np.s_[:, :, :width]):
        only = pair.copy()
        only[other] = 0
        expected.append(seen(only, video=video))
    for one, another, person in ((*expected, 1), (*expected[::-1], 2)):
        found = seen(pair, person, video)
        assert np.linalg.norm(found.image - one.image, axis=-1).mean() < 3.0, "pixels, of 720"
        # The small model's depth is not steady from picture to picture; but whose body it is shows.
        off, others = (
            np.linalg.norm(found.positions - k.positions, axis=-1).mean() for k in (one, another)
        )
        print(f"person {person}: {off:.3f} m from themselves, {others:.3f} m from the other")
        assert off < 0.2 * others


def test_an_absent_person_gives_empty_frames(pair: np.ndarray) -> None:
    assert not has_person(seen(pair[:2], person=3))


def test_following_the_next_person_takes_effect_at_once(pair: np.ndarray) -> None:
    with PoseDetector("lite") as detector:
        sides = []
        for i, image in enumerate(pair):
            if i in (3, 6):
                detector.next_person()
            found = detector.detect(image, i / 30)
            assert has_person(found)
            sides.append(bool(np.mean(found.image[0, :, 0]) > pair.shape[2] / 2))
    assert sides == [sides[0]] * 3 + [not sides[0]] * 3 + [sides[0]] * 4


def sides_followed(pair: np.ndarray, shown: list[str]) -> str:
    """Who is followed (l, r, or - for no one) where the left, the right or both (b) are shown."""
    half, out = pair.shape[2] // 2, ""
    with PoseDetector("lite") as detector:
        for i, who in enumerate(shown):
            picture = pair[0].copy()
            if who != "b":
                hidden = slice(half, None) if who == "l" else slice(0, half)
                picture[:, hidden] = 255
            found = detector.detect(picture, i / 20)
            x = float(np.mean(found.image[0, :, 0]))
            out += "-" if np.isnan(x) else "l" if x < half else "r"
    return out


def test_a_lost_person_is_looked_for_before_another_is_followed(pair: np.ndarray) -> None:
    known = 14  # frames at 20 a second: more than half a second
    followed = sides_followed(pair, ["l"] * known + ["r"] * 12 + ["b"] * 6)
    assert followed[:known] == "l" * known
    assert set(followed[known : known + 12]) == {"-"}, "not the other one"
    assert followed[-4:] == "llll", "found again"


def test_another_person_is_followed_after_a_second(pair: np.ndarray) -> None:
    followed = sides_followed(pair, ["l"] * 14 + ["r"] * 30)
    assert followed[14:32] == "-" * 18
    assert followed[-6:] == "r" * 6


def test_another_person_is_followed_at_once_after_a_glimpse(pair: np.ndarray) -> None:
    assert sides_followed(pair, ["l"] * 4 + ["r"] * 8)[-4:] == "rrrr"


@pytest.mark.parametrize("side", [0, 1])
def test_a_detector_begins_with_the_person_near_a_point(pair: np.ndarray, side: int) -> None:
    middle_of = (pair.shape[2] * (0.25 + 0.5 * side), pair.shape[1] * 0.5)
    options = DetectOptions(model="lite", hands=False, face=False)
    with PerformerDetector(options) as detector:
        detector.begin_near(middle_of)
        found = [detector.detect(image, i / 30) for i, image in enumerate(pair[:4])]
    assert [np.mean(k.image[0, :, 0]) > pair.shape[2] / 2 for k in found] == [bool(side)] * 4


def test_the_command_line_reports_too_few_people(pair: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "two.jpg").write_bytes(jpeg(pair[0], pair.shape[2]))
    assert has_person(
        read_keypoints(
            tmp_path / "two.jpg", DetectOptions(model="lite", hands=False, face=False, person=2)
        )
    )
    with pytest.raises(NoPersonError, match=r"two\.jpg never shows 3 people"):
        read_keypoints(
            tmp_path / "two.jpg", DetectOptions(model="lite", hands=False, face=False, person=3)
        )


def test_a_viewer_chooses_a_person_live(pair: np.ndarray, tmp_path: Path) -> None:
    """Play the pictures repeatedly; yield the positions of the points sent to the viewers."""
    for i, image in enumerate(pair):
        (tmp_path / f"{i}.jpg").write_bytes(jpeg(image, pair.shape[2]))
    both = open_source(tmp_path, 10.0)

    async def side(connection: ClientConnection, wanted: bool) -> None:
        while True:
            message = await connection.recv()
            if (
                isinstance(message, bytes)
                and protocol.decode_header(message)[0] == protocol.KEYPOINTS
            ):
                points = protocol.decode_seen(message)
                assert isinstance(points, protocol.KeypointsMessage)
                await connection.send(ack(points.stamp.frame))
                if bool(np.nanmean(points.image[:, 0]) > 0.5) == wanted:
                    return

    async def scene() -> None:
        there = asyncio.Event()
        servers: list[Server] = []
        ready = lambda server: (servers.append(server), there.set())  # noqa: E731
        serving = asyncio.create_task(
            live(
                ServerSource("video", lambda: both),
                LiveOptions(detect=DetectOptions(model="lite", hands=False, face=False, person=2)),
                PageOptions(port=0),
                ready=ready,
            )
        )
        await there.wait()
        async with viewer(servers[0].port) as connection:
            for right in (True, False, True):
                await asyncio.wait_for(side(connection, right), 90.0)
                await connection.send(protocol.encode_text(protocol.NextPerson()))
        serving.cancel()
        await asyncio.wait([serving])

    played(scene())


def test_people_are_counted_from_the_left() -> None:
    people = np.array([at(100), at(300), at(500)])
    assert [PersonTrack(n).choose(people, 0.0) for n in (1, 2, 3, 4)] == [0, 1, 2, None]
    assert PersonTrack().choose(people[:0], 0.0) is None


def test_the_search_radius_for_a_lost_person_grows_with_time() -> None:
    track = PersonTrack()
    track.update(at(300), 1.0)
    track.lose()
    assert track.place is None
    assert track.choose(np.array([at(100), at(350)]), 1.1) == 1
    assert track.choose(np.array([at(550)]), 1.1) is None
    assert track.choose(np.array([at(550)]), 2.1) == 0


def test_the_next_person_is_the_one_to_the_right_and_wraps_around() -> None:
    people = np.array([at(100), at(300), at(500)])
    track = PersonTrack()
    for place, expected in ((310, 2), (490, 0), (120, 1)):
        track.update(at(place), 1.0)
        track.switch()
        assert track.choose(people, 1.1) == expected


def test_the_next_person_is_ignored_before_anyone_is_seen() -> None:
    people = np.array([at(100), at(300)])
    track = PersonTrack()
    track.switch()
    assert track.choose(people, 1.0) == 0
    track.update(people[0], 1.0)
    track.lose()
    assert track.choose(people, 1.1) == 0, "nor later"


def test_a_new_take_starts_with_the_chosen_number(pair: np.ndarray) -> None:
    """A clock that is set back begins a new take, in which the person may stand anywhere."""
    with PoseDetector("lite", person=2) as detector:
        assert has_person(detector.detect(pair[0], 100.0))
        found = detector.detect(np.ascontiguousarray(pair[1][:, ::-1]), 0.0)
    assert has_person(found)
    assert np.mean(found.image[0, :, 0]) > pair.shape[2] / 2


def test_a_chosen_person_is_awaited_and_stays_chosen() -> None:
    track = PersonTrack()
    track.update(at(100), 1.0)
    track.switch()
    assert track.choose(np.array([at(110)]), 1.1) is None, "there may be another one in a moment"
    assert track.choose(np.array([at(110), at(400)]), 1.2) == 1
    track.lose()  # the tracker did not see them
    assert track.choose(np.array([at(110), at(400)]), 1.3) == 1
    track.update(at(400), 1.4)
    track.switch()
    assert track.choose(np.array([at(410)]), 1.5) is None
    assert track.choose(np.array([at(410)]), 2.1) == 0, "there is no other person"


def test_other_people_are_masked() -> None:
    image = np.full((400, 600, 3), 9, np.uint8)
    people = np.array([at(100), at(300), at(330)])
    left = mask_others(image, people, 1)[..., 0]
    assert left[101:299, 291:309].all(), "all of the one"
    assert not left[:, :200].any()
    assert not left[:, 400:].any()
    trunk = people[2][[11, 12, 23, 24]]
    assert not left[int(trunk[:, 1].min()) + 1 : int(trunk[:, 1].max()), 321:339].any(), (
        "not the other's trunk"
    )
    assert not is_same(people[0], people[1])


@pytest.mark.parametrize("followed", [True, False])
def test_the_person_nearest_to_the_point_is_followed_at_once(followed: bool) -> None:
    people = np.array([at(100), at(300), at(500)])
    track = PersonTrack(1)
    if followed:
        track.update(at(100), 1.0)
    track.switch((480.0, 190.0))
    assert track.choose(people, 1.1) == 2
    track.update(at(500), 1.1)
    assert track.choose(people, 1.2) == 2, "and stays followed"
    track.switch((0.0, 0.0))
    assert track.choose(people[2:], 1.3) == 0, "the only one there is"


def test_everyone_is_tracked(pair: np.ndarray) -> None:
    options = DetectOptions(model="lite", hands=False, face=False, people=2)
    detector = open_detector(options)
    found = [detector.people(image, n / 30) for n, image in enumerate(pair[:4])]
    detector.close()
    for people in found:
        columns = sorted(float(k.image[0, :, 0].mean()) for k in people)
        assert len(columns) == 2
        assert columns[0] < 0.5 * pair.shape[2] < columns[1]
    tracks = [{float(k.track[0]): k.image[0, 0, 0] > 0.5 * pair.shape[2] for k in p} for p in found]
    assert all(t == tracks[0] for t in tracks), "the left person's track and the right person's"
