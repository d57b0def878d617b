"""The folder of takes and the studio behind the page: names, truncated takes, exports."""

from __future__ import annotations

import asyncio
import itertools
import json
import mmap
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from mocap import assets
from mocap.capture.picture import jpeg
from mocap.core.keypoints import Keypoints, concatenate
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID
from mocap.errors import InputError
from mocap.formats import bvh
from mocap.formats.keypoints_json.recording import Recording
from mocap.retargeting import retarget
from mocap.stream.content import Files
from mocap.stream.server import Handlers, Server
from mocap.studio import messages as protocol
from mocap.studio import view
from mocap.studio.pictures import PictureRecording, read_index
from mocap.studio.studio import Studio
from mocap.studio.takes import TakesFolder
from tests.helpers.stream_clients import played
from tests.helpers.stream_host import HELLO
from tests.helpers.synthetic import keypoints_of, smooth_motion

RECORD = {"do": "record", "id": 1, "on": True}
STOP = {"do": "record", "id": 2, "on": False}


@pytest.fixture(scope="module")
def keypoints() -> Keypoints:
    return keypoints_of(smooth_motion(np.random.default_rng(5), 1.0, 30.0), (1280, 720))


def recorded(folder: TakesFolder, keypoints: Keypoints) -> str:
    with Recording(folder.new()) as recording:
        recording.append(keypoints)
    return recording.path.stem


def test_takes_are_listed_with_their_length_even_if_truncated(
    tmp_path: Path, keypoints: Keypoints
) -> None:
    folder = TakesFolder(tmp_path / "takes")
    assert folder.takes() == []
    name = recorded(folder, keypoints)
    [take] = folder.takes()
    assert take.name == name
    assert take.seconds == pytest.approx(keypoints.times[-1] - keypoints.times[0], abs=1e-6)
    path = folder.path(name)
    path.write_bytes(path.read_bytes()[:-500])  # as a power cut leaves it
    assert folder.takes()[0].seconds == pytest.approx(
        keypoints.times[-2] - keypoints.times[0], abs=1e-6
    )
    second = recorded(folder, keypoints)
    assert second != name
    assert set(folder.names()) == {name, second}


def test_a_thumbnail_shows_the_middle_of_the_take(tmp_path: Path, keypoints: Keypoints) -> None:
    folder = TakesFolder(tmp_path)
    recorded(folder, keypoints)
    [take] = folder.takes()
    figure = np.array(take.figure, dtype=float)
    frames = keypoints.image / keypoints.camera.size[0]
    off = np.abs(frames - figure).max(axis=(1, 2))
    assert off.min() < 1e-3
    assert abs(int(off.argmin()) - len(keypoints) // 2) <= 2
    empty = Keypoints(
        keypoints.times,
        keypoints.positions * np.nan,
        keypoints.image * np.nan,
        keypoints.confidence * 0,
        keypoints.camera,
    )
    folder.delete(take.name)
    recorded(folder, empty)
    assert folder.takes()[0].figure == []


@pytest.mark.parametrize(
    "name", ["../secret", "a/b", "..", "", "a\x00b", ".hidden", "x" * 81, "C:\\x"]
)
def test_names_cannot_leave_the_folder(tmp_path: Path, keypoints: Keypoints, name: str) -> None:
    (tmp_path / "secret.jsonl").write_text("{}")
    folder = TakesFolder(tmp_path / "takes")
    take = recorded(folder, keypoints)
    for ask in (
        lambda: folder.path(name),
        lambda: folder.delete(name),
        lambda: folder.rename(take, name),
        lambda: folder.rename(name, "b"),
    ):
        with pytest.raises(InputError):
            ask()
    assert (tmp_path / "secret.jsonl").exists()
    assert folder.names() == [take]


def test_a_take_is_never_renamed_onto_another(tmp_path: Path, keypoints: Keypoints) -> None:
    folder = TakesFolder(tmp_path)
    first, second = recorded(folder, keypoints), recorded(folder, keypoints)
    assert folder.rename(first, " walk 1 ") == "walk 1"
    with pytest.raises(InputError, match="already"):
        folder.rename(second, "walk 1")
    folder.delete("walk 1")
    assert folder.names() == [second]


async def answer(page: ClientConnection) -> dict[str, Any]:
    """Return the next answer, skipping progress messages."""
    while "progress" in (said := json.loads(await asyncio.wait_for(page.recv(), 60))):
        pass
    return dict(said)


def asked(studio: Studio, *asks: dict[str, object] | bytes) -> list[dict[str, object]]:
    """Return the studio's answers over a real socket."""

    async def scene() -> list[dict[str, object]]:
        endpoints = {protocol.STUDIO_PATH: (protocol.SUBPROTOCOL, studio.serve)}
        out = []
        async with (
            Server(HELLO, {}, port=0, handlers=Handlers(endpoints=endpoints)) as server,
            connect(
                f"ws://127.0.0.1:{server.port}/studio", subprotocols=[protocol.SUBPROTOCOL]
            ) as page,
        ):
            for ask in asks:
                await page.send(ask if isinstance(ask, bytes) else json.dumps(ask))
                if isinstance(ask, bytes) or ask["do"] != "upload":
                    out.append(await answer(page))
        return out

    return played(scene())


def test_frames_between_two_presses_are_recorded(tmp_path: Path, keypoints: Keypoints) -> None:
    studio = Studio(tmp_path / "takes", {})
    motion = Motion.__new__(Motion)  # not looked at
    studio.hear(keypoints.slice(0, 1), motion)
    [started] = asked(studio, RECORD)
    assert started["on"]
    for i in range(1, 6):
        studio.hear(keypoints.slice(i, i + 1), motion)
    [listed] = asked(studio, {"do": "takes", "id": 1})
    assert listed["recording"] is not None
    [stopped] = asked(studio, STOP)
    assert stopped["frames"] == 5
    studio.hear(keypoints.slice(6, 7), motion)
    [take] = studio.takes.takes()
    assert take.seconds == pytest.approx(keypoints.times[5] - keypoints.times[1])
    _, empty = asked(studio, RECORD, STOP)
    assert "No frame arrived" in str(empty["error"])


def test_a_take_keeps_its_pictures_if_requested(tmp_path: Path, keypoints: Keypoints) -> None:
    table: Files = {}
    studio = Studio(tmp_path, table)
    motion = Motion.__new__(Motion)  # not looked at
    shown = [jpeg(np.full((48, 64, 3), 8 * i, np.uint8), 64) for i in range(len(keypoints))]
    asked(studio, {**RECORD, "pictures": True})
    for i, picture in enumerate(shown):
        studio.hear(keypoints.slice(i, i + 1), motion)
        studio.see(float(keypoints.times[i]), picture)
    [stopped] = asked(studio, STOP)
    assert stopped["pictures"] == len(shown)
    [take] = studio.takes.takes()
    assert take.pictures
    renamed, opened = asked(
        studio,
        {"do": "rename", "id": 3, "take": take.name, "to": "dance"},
        {"do": "open", "id": 4, "take": "dance", "grade": "live"},
    )
    assert renamed["take"] == "dance"
    assert opened["pictures"] is True
    path, timeline = (table[f"/{opened['clip']}.{kind}"][0] for kind in ("mjpg", "json"))
    assert isinstance(path, Path)
    assert isinstance(timeline, bytes)
    found = json.loads(timeline)["source"]
    data = path.read_bytes()
    assert np.allclose(found["times"], keypoints.times - keypoints.times[0], atol=1e-3)
    for i, (start, end) in enumerate(itertools.pairwise(found["offsets"])):
        picture = cv2.imdecode(np.frombuffer(data[start:end], np.uint8), cv2.IMREAD_GRAYSCALE)
        assert abs(picture.mean() - 8 * i) < 2.0
    # FFmpeg reads it as it lies.
    assert int(cv2.VideoCapture(str(path)).read()[0]) == 1
    # `mocap view` plays them too.
    what = view.opened(tmp_path / "dance.jsonl")
    clip = view.clip_of(what, retarget(what.motion, HUMANOID))
    assert clip["/clip.mjpg"][0] == path
    shown_there = clip["/clip.json"][0]
    assert isinstance(shown_there, bytes)
    assert json.loads(shown_there)["source"]["offsets"] == found["offsets"]
    studio.takes.delete("dance")
    assert list(tmp_path.iterdir()) == []
    # Without the wish, no picture is kept.
    asked(studio, RECORD)
    studio.hear(keypoints.slice(0, 1), motion)
    studio.see(0.0, shown[0])
    [stopped] = asked(studio, STOP)
    assert stopped["pictures"] == 0
    assert [path.suffix for path in tmp_path.iterdir()] == [".jsonl"]


@settings(deadline=None)
@example(cut=1967, times=[0.0, 1.0, 2.0, 3.0])  # within the second picture's first bytes
@given(cut=st.integers(0, 3000), times=st.lists(st.floats(0, 1e5), min_size=1, max_size=4))
def test_truncated_pictures_lose_only_the_last_one(cut: int, times: list[float]) -> None:
    times = sorted({round(time, 6) for time in times})
    picture = jpeg(np.full((8, 8, 3), 90, np.uint8), 8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "take.mjpg"
        with PictureRecording(path) as recording:
            for time in times:
                recording.append(time, picture)
        whole = path.read_bytes()
        length = len(whole) // len(times)
        path.write_bytes(whole[: max(len(whole) - cut, 0)])
        left = max(len(whole) - cut, 0) // length
        index = read_index(path)
        assert np.allclose(index.times, times[:left], atol=1e-6)
        assert index.offsets == [length * i for i in range(left + 1)] * bool(left)


def test_a_trimmed_take_is_exported_and_wrong_marks_are_refused(
    tmp_path: Path, keypoints: Keypoints
) -> None:
    table: Files = {}
    studio = Studio(tmp_path, table)
    take = recorded(studio.takes, keypoints)
    export = {
        "do": "export",
        "take": take,
        "grade": "bake",
        "format": "bvh",
        "start": 0.2,
        "end": 0.6,
    }
    made, nothing, gone, lost = asked(
        studio,
        {**export, "id": 1},
        {**export, "id": 2, "start": 50.0, "end": 60.0},
        {**export, "id": 3, "take": "none"},
        {**export, "id": 4, "rig": "rigs/none.vrm"},
    )
    data = table[f"/{made['file']}"][0]
    assert isinstance(data, bytes)
    assert bvh.loads(data.decode()).duration == pytest.approx(0.4, abs=0.05)
    assert "move the marks" in str(nothing["error"])
    assert "no take called" in str(gone["error"])
    assert "drop its file" in str(lost["error"])


def test_a_bake_reports_progress_and_can_be_cancelled(tmp_path: Path, keypoints: Keypoints) -> None:
    studio = Studio(tmp_path, {})
    long = concatenate([replace(keypoints, times=keypoints.times + 1.1 * i) for i in range(20)])
    take = recorded(studio.takes, long)
    ask = {"do": "open", "take": take, "grade": "bake"}

    async def scene() -> None:
        endpoints = {protocol.STUDIO_PATH: (protocol.SUBPROTOCOL, studio.serve)}
        async with (
            Server(HELLO, {}, port=0, handlers=Handlers(endpoints=endpoints)) as server,
            connect(
                f"ws://127.0.0.1:{server.port}/studio", subprotocols=[protocol.SUBPROTOCOL]
            ) as page,
        ):

            async def heard() -> dict[str, Any]:
                return dict(json.loads(await asyncio.wait_for(page.recv(), 60)))

            await page.send(json.dumps({**ask, "id": 1}))
            assert (await heard()).keys() == {"id", "progress"}
            await page.send(json.dumps({"do": "cancel", "id": 2, "ask": 1}))
            told = [await heard() for _ in range(2)]
            while "error" not in told[-1]:
                told.append(await heard())
            assert {"id": 2} in told
            assert told[-1] == {"id": 1, "error": "The request was cancelled."}
            await page.send(json.dumps({**ask, "id": 3}))
            parts = []
            while "clip" not in (said := await heard()):
                parts.append(said["progress"])
            assert said["frames"] == len(long)
            assert parts == sorted(parts)
            assert len(set(parts)) > 2
            assert 0.0 <= parts[0] < parts[-1] <= 1.0

    played(scene())


def test_a_character_sent_in_chunks_is_recognised_and_exported(
    tmp_path: Path, keypoints: Keypoints
) -> None:
    table: Files = {}
    studio = Studio(tmp_path, table)
    take = recorded(studio.takes, keypoints)
    data = assets.path("rigs/mannequin.vrm").read_bytes()

    async def scene() -> list[dict[str, object]]:
        endpoints = {protocol.STUDIO_PATH: (protocol.SUBPROTOCOL, studio.serve)}
        async with (
            Server(HELLO, {}, port=0, handlers=Handlers(endpoints=endpoints)) as server,
            connect(
                f"ws://127.0.0.1:{server.port}/studio", subprotocols=[protocol.SUBPROTOCOL]
            ) as page,
        ):
            await page.send(
                json.dumps({"do": "upload", "id": 1, "name": "hero.vrm", "size": len(data)})
            )
            for at in range(0, len(data), 48_000):
                await page.send(data[at : at + 48_000])
            taken = await answer(page)
            ask = {
                "do": "export",
                "id": 2,
                "take": take,
                "grade": "live",
                "format": "glb",
                "start": 0.0,
                "end": 0.5,
                "rig": taken["rig"],
            }
            await page.send(json.dumps(ask))
            return [taken, await answer(page)]

    taken, made = played(scene())
    assert len(taken["bones"]) == 55  # type: ignore[arg-type]
    assert made["frames"] == 16
    assert f"/{taken['rig']}" in table


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[]",
        '{"do":"format","id":1}',
        '{"do":"open","id":1,"take":"a","grade":"best"}',
        "é" * 70_000,
    ],
)
def test_invalid_requests_end_the_connection(tmp_path: Path, text: str) -> None:
    studio = Studio(tmp_path, {})

    async def scene() -> None:
        endpoints = {protocol.STUDIO_PATH: (protocol.SUBPROTOCOL, studio.serve)}
        async with (
            Server(HELLO, {}, port=0, handlers=Handlers(endpoints=endpoints)) as server,
            connect(
                f"ws://127.0.0.1:{server.port}/studio", subprotocols=[protocol.SUBPROTOCOL]
            ) as page,
        ):
            await page.send(text)
            with pytest.raises(ConnectionClosedError):
                await asyncio.wait_for(page.recv(), 60)

    played(scene())


def test_a_damaged_take_is_listed_with_its_problem(tmp_path: Path, keypoints: Keypoints) -> None:
    folder = TakesFolder(tmp_path)
    good = recorded(folder, keypoints)
    (tmp_path / "empty.jsonl").write_bytes(b"")
    (tmp_path / "noise.jsonl").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "deep.jsonl").write_bytes(b"[" * 100_000 + b"\n" + b"[" * 100_000)
    whole = (tmp_path / f"{good}.jsonl").read_bytes()
    (tmp_path / "headless.jsonl").write_bytes(whole[40:])
    (answered,) = asked(Studio(tmp_path, {}), {"do": "takes", "id": 1})
    listed = {take["name"]: take["problem"] for take in answered["takes"]}
    assert listed.pop(good) is None
    assert set(listed) == {"empty", "noise", "deep", "headless"}
    assert all(problem and problem.endswith(".") for problem in listed.values())


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ZeroDivisionError("x")])
def test_an_unexpected_failure_is_answered(tmp_path: Path, monkeypatch, error) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(TakesFolder, "takes", fails)
    (answered,) = asked(Studio(tmp_path, {}), {"do": "takes", "id": 3})
    assert answered["id"] == 3
    assert answered["error"].endswith(".")


def test_a_disk_that_does_not_answer_is_named_within_five_seconds(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("mocap.studio.studio._PATIENCE", 0.2)
    ended = threading.Event()
    monkeypatch.setattr(TakesFolder, "takes", lambda self: ended.wait(5) and [])
    (answered,) = asked(Studio(tmp_path, {}), {"do": "takes", "id": 3})
    ended.set()
    assert "disk" in answered["error"]


def test_pictures_are_found_where_files_cannot_be_mapped(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "take.mjpg"
    with PictureRecording(path) as recording:
        for time in (1.0, 2.0):
            recording.append(time, b"\xff\xd8\xff\xd9")
    mapped = read_index(path)

    def refused(*_: object, **__: object) -> None:
        raise OSError("no such device")

    monkeypatch.setattr(mmap, "mmap", refused)
    assert read_index(path) == mapped
    assert mapped.times == [1.0, 2.0]
