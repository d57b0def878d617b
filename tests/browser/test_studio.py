"""The studio in a real browser: trim, compare, film and export a take; kill the server."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import imageio_ffmpeg
import numpy as np
import pytest
from playwright.sync_api import Page

from mocap import bake, formats
from mocap.core.keypoints import Keypoints
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID
from mocap.formats.fbx.binary import dumps
from mocap.retargeting import load_motion, retarget
from mocap.rig import mapfile
from mocap.solve.take import solve_take
from mocap.stream import protocol
from mocap.studio.desk import as_live
from mocap.studio.pictures import read_index
from mocap.studio.takes import TakesFolder
from tests import judges
from tests.helpers import fbx_scenes
from tests.helpers.browser import Open, drawn, drop, until
from tests.helpers.filmed_take import FPS, SIZE, colour, make_take, read_film, studio_host
from tests.helpers.places import DEMO, MANNEQUIN
from tests.helpers.stream_clients import played, viewer


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the demo clip at 10 frames a second, which leaves processor time for the page."""
    path = tmp_path_factory.mktemp("film") / "demo.mp4"
    slower = ["-vf", "fps=10,scale=320:-2", "-loglevel", "error"]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(DEMO), *slower, path], check=True)
    return path


@contextmanager
def serving(film: Path, takes: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run `mocap live` with a film and a folder of takes; yield its address and the process."""
    arguments = ["mocap", "live", "--video", str(film), "--no-open", "--port", "0"]
    arguments += ["--model", "lite", "--no-hands", "--no-face", "--takes", str(takes)]
    program = f"import sys; from mocap.cli.main import main; sys.argv = {arguments}; main()"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield next(line.strip() for line in process.stdout if line.startswith("http")), process
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


@dataclass(frozen=True, slots=True)
class Served:
    """A running `mocap live`."""

    url: str
    process: subprocess.Popen[str]
    takes: Path


@pytest.fixture(scope="module")
def served(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that the tests share; the last one ends it."""
    takes = tmp_path_factory.mktemp("takes")
    with serving(film, takes) as (url, process):
        yield Served(url, process, takes)


@pytest.fixture
def url(served: Served) -> str:
    return served.url


def ready(page: Page) -> None:
    until(
        page,
        "document.querySelector('[data-key=r]')?.hidden === false && "
        "window.mocap.stats().state !== 'loading'",
    )


def exported(page: Page, kind: str, folder: Path) -> Path:
    page.select_option("#takes select[aria-label='File format']", kind)
    # A film is drawn frame by frame, twice a second at the least.
    with page.expect_download(timeout=120_000) as download:
        page.keyboard.press("e")
    path = folder / f"exported.{kind}"
    download.value.save_as(path)
    return path


def test_a_take_is_trimmed_compared_filmed_and_exported(
    open_page: Open, tmp_path: Path, node: Path
) -> None:
    take = make_take(tmp_path / "takes")
    with studio_host(take.parent, "rigs/mannequin.vrm") as host:
        page = open_page(host.url, 660, 440)
        ready(page)
        open_take(page, take.stem)
        mark(page, 1 / 3, "i")
        mark(page, 2 / 3, "o")
        keypoints = bake.read_keypoints(take)
        whole = solve_take(keypoints)
        kept = assert_exports_the_part(page, whole, tmp_path, node)
        assert_films_the_take(page, keypoints, whole.duration, tmp_path)
        mark(page, 1 / 3, "i")
        mark(page, 2 / 3, "o")
        assert_compares(page, whole, keypoints, kept, tmp_path)
        assert_renames(page, take)
        page.click("#takes button:has-text('Back to live')")
        until(page, "Object.keys(window.mocap.guests()).length === 0")
        until(page, "document.querySelector('#timeline').hidden")


def open_take(page: Page, name: str) -> None:
    """Open a take and stop it."""
    page.keyboard.press("t")
    until(page, f"document.querySelector('#takes')?.textContent.includes({name!r})")
    page.click(f"#takes button.name:has-text('{name}')")
    until(
        page,
        "document.querySelector('#timeline').hidden === false && "
        "window.mocap.stats().state === 'playing'",
    )
    page.keyboard.press("Space")


def assert_exports_the_part(page: Page, whole: Motion, folder: Path, node: Path) -> int:
    """The files hold the part between the marks; returns its number of frames."""
    files = {kind: exported(page, kind, folder) for kind in ("glb", "bvh", "vrma", "json")}
    read = {kind: formats.load(path) for kind, path in files.items()}
    assert len(read["glb"]) == len(read["vrma"]) == len(read["json"])
    assert (
        abs(np.ptp(read["glb"].times) - whole.duration / 3)
        <= 0.02 * whole.duration + 2.0 * np.diff(whole.times).max()
    )
    # A BVH's frames are evenly spaced, a camera's are not: it ends within a frame of the others.
    assert (
        abs(np.ptp(read["bvh"].times) - np.ptp(read["glb"].times))
        <= np.diff(read["glb"].times).max() + 1e-3
    )
    issues = judges.khronos(node, files["glb"])["issues"]
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]
    part = load_motion(files["glb"])
    assert isinstance(part, Motion)
    # What was written is that part of the take's bake.
    begins = int(np.argmin(np.abs(whole.times - whole.times[0] - whole.duration / 3)))
    names, inside = ("leftUpperArm", "rightLowerArm", "leftUpperLeg", "spine"), len(part) // 2
    now = {name: part.rotations[inside, part.skeleton.index(name)] for name in names}
    then = range(begins + inside - 3, begins + inside + 4)
    off = [
        min(1.0 - abs(np.sum(q * whole.rotations[k, whole.skeleton.index(n)])) for k in then)
        for n, q in now.items()
    ]
    assert max(off) < 1e-3
    return len(read["json"])


def assert_compares(
    page: Page, whole: Motion, keypoints: Keypoints, kept: int, folder: Path
) -> None:
    """The same moments as they were live are shown on an avatar beside; the marks are kept."""
    page.select_option("#takes select[aria-label='Grade']", "both")
    until(page, "Object.keys(window.mocap.guests()).length === 1", 60.0)
    until(page, "document.querySelector('#source').textContent.includes('baked left, live right')")
    until(page, "window.mocap.frame() >= 0")
    # Moment and marks are kept, and it is paused as before.
    assert page.evaluate("window.mocap.stats().state") == "paused"
    assert abs(len(formats.load(exported(page, "json", folder))) - kept) <= 1
    time.sleep(1.0)
    frame, *both = page.evaluate(
        "[window.mocap.frame(), window.mocap.bonePositions(), window.mocap.guests()[1]]"
    )
    for drawn_bones, motion in zip(
        both, (whole, as_live(keypoints, lambda done: None)), strict=True
    ):
        shown = retarget(motion, HUMANOID)
        there = fk(HUMANOID, shown.root_positions[frame], shown.rotations[frame])[0]
        drawn_there = np.array([drawn_bones[name] for name in HUMANOID.names])
        assert np.abs((drawn_there - drawn_there[0]) - (there - there[0])).max() < 2e-3


def assert_renames(page: Page, take: Path) -> None:
    """A name that is refused leaves the take open; one that is taken is its new name."""
    for name, said in ((".hidden", "cannot be called"), ("dance", "")):
        page.click(f"#takes button[aria-label='Rename {take.stem}']")
        page.fill("#takes input[aria-label='New name']", name)
        page.keyboard.press("Enter")
        until(page, f"document.querySelector('#messages').textContent.includes({said!r})")
        assert page.evaluate("document.querySelector('#timeline').hidden") is False
    until(page, "document.querySelector('#takes .opened .name').textContent === 'dance'")
    assert [left.stem for left in take.parent.glob("*.jsonl")] == ["dance"]


def mark(page: Page, share: float, key: str) -> None:
    """Set a mark at a share of the take by a click on the timeline."""
    box = page.locator("#timeline [role=slider]").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + share * box["width"], box["y"] + 20)
    page.keyboard.press(key)


def assert_films_the_take(page: Page, keypoints: Keypoints, duration: float, folder: Path) -> None:
    """A film has the take's rate and pictures, the avatar on the right or over the person."""
    until(page, "!document.querySelector('#picture').hasAttribute('data-empty')")
    first, last = 8, 11
    mark(page, keypoints_time(keypoints, first) / duration, "i")
    mark(page, keypoints_time(keypoints, last) / duration, "o")
    for kind in ("video", "overlay"):
        frames, stamps = read_film(exported(page, kind, folder))
        assert len(frames) == last - first + 1
        np.testing.assert_allclose(stamps, np.arange(len(frames)) / FPS, atol=1.1e-3)
        for number, frame in enumerate(frames, first):
            height, width = frame.shape[:2]
            half = frame[:, : width // 2] if kind == "video" else frame
            # The corners show the picture of this moment.
            assert np.abs(half[:20, :20].mean(axis=(0, 1)) - colour(number)).max() < 16.0
            if kind == "overlay":
                assert width == even(height * SIZE[0] / SIZE[1])
                assert_lies_on(frame, keypoints.image[number], colour(number))
    # The stage is the user's again, with the picture behind as was filmed last.
    assert page.evaluate("document.body.hasAttribute('data-overlay')")
    page.click("#timeline button:has-text('Overlay')")
    assert not page.evaluate("document.body.hasAttribute('data-overlay')")


_PRESS_WHILE_FILMING = """() => {
    window.pressed = 0;
    const controls = document.querySelector("#controls");
    const format = document.querySelector("#takes select[aria-label='File format']");
    new MutationObserver(() => {
        if (!controls.inert) return;
        window.pressed++;
        for (const key of ["g", "m"]) window.dispatchEvent(new KeyboardEvent("keydown", { key }));
        format.value = "video";
        format.dispatchEvent(new Event("change"));
    }).observe(controls, { attributes: true });
}"""


def test_a_film_keeps_its_way_and_goes_on_over_a_damaged_picture(
    open_page: Open, tmp_path: Path
) -> None:
    """Overlay and mirror are pressed while it is written; one of its pictures is damaged."""
    take = make_take(tmp_path / "takes")
    first, damaged, last = 8, 10, 15
    damage_picture(take.with_suffix(".mjpg"), damaged)
    with studio_host(take.parent, "rigs/mannequin.vrm") as host:
        page = open_page(host.url, 660, 440)
        ready(page)
        open_take(page, take.stem)
        keypoints = bake.read_keypoints(take)
        duration = solve_take(keypoints).duration
        mark(page, keypoints_time(keypoints, first) / duration, "i")
        mark(page, keypoints_time(keypoints, last) / duration, "o")
        page.evaluate(_PRESS_WHILE_FILMING)
        frames, _ = read_film(exported(page, "overlay", tmp_path))
        said = "document.querySelector('#messages').textContent"
        until(page, f"{said}.includes('pictures are damaged')")
        assert page.evaluate("window.pressed") > 0
        # What was chosen meanwhile holds from now on.
        assert not page.evaluate("document.body.hasAttribute('data-overlay')")
    assert len(frames) == last - first + 1
    for number, frame in enumerate(frames, first):
        shown = number - 1 if number == damaged else number
        assert frame.shape[1] == even(frame.shape[0] * SIZE[0] / SIZE[1])
        assert np.abs(frame[:20, :20].mean(axis=(0, 1)) - colour(shown)).max() < 16.0
        assert_lies_on(frame, keypoints.image[shown], colour(shown))


def damage_picture(path: Path, number: int) -> None:
    """Overwrite a picture's data, so that no browser decodes it."""
    index, data = read_index(path), bytearray(path.read_bytes())
    start, end = index.offsets[number] + 40, index.offsets[number + 1] - 2
    data[start:end] = bytes(end - start)
    path.write_bytes(data)


def keypoints_time(keypoints: Keypoints, frame: int) -> float:
    return float(keypoints.times[frame] - keypoints.times[0])


def even(width: float) -> int:
    return 2 * round(width / 2)


def assert_lies_on(frame: np.ndarray, image: np.ndarray, background: np.ndarray) -> None:
    """The avatar covers the person's landmarks (pixels of the source), and little besides."""
    scale = frame.shape[0] / SIZE[1]
    avatar = np.abs(frame - background).max(axis=-1) > 40
    points = (image * scale).astype(int)
    wrists_to_ankles = points[[11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]]
    near = cv2.dilate(avatar.astype(np.uint8), np.ones((9, 9), np.uint8))
    assert near[wrists_to_ankles[:, 1], wrists_to_ankles[:, 0]].mean() > 0.9
    rows, columns = np.flatnonzero(avatar.any(axis=1)), np.flatnonzero(avatar.any(axis=0))
    tall = np.ptp(points[:, 1])
    low, high = points.min(axis=0), points.max(axis=0)
    # The top of the head and the fingers reach beyond the landmarks.
    for edge, wanted in ((rows[0], low[1]), (rows[-1], high[1]), (columns[0], low[0])):
        assert abs(edge - wanted) < 0.12 * tall
    assert abs(columns[-1] - high[0]) < 0.12 * tall


def test_a_dropped_character_is_shown_and_a_wrong_file_is_refused(
    open_page: Open, url: str
) -> None:
    page = open_page(url, 700, 480, expect=("more than 4 skinning weights",))
    ready(page)
    drawn(page, 0)
    drop(page, "notes.txt", b"nothing")
    said = "document.querySelector('#messages').textContent"
    until(page, f"{said}.includes('drop a .glb, a .vrm or an .fbx')")
    drop(page, "broken.glb", b"glTF but not whole")
    until(page, "document.querySelector('#messages').textContent.includes('broken.glb')")
    assert page.evaluate("Object.keys(window.mocap.bonePositions()).length") == 55, (
        "the avatar before stays"
    )
    fbx = fbx_scenes.character(np.random.default_rng(1))
    drop(page, "hero.fbx", dumps(fbx))
    until(page, "document.querySelector('#avatar')?.textContent.includes('hero.fbx55 of 55 bones')")
    drop(page, "hero.vrm", (MANNEQUIN).read_bytes())
    until(page, "document.querySelector('#avatar')?.textContent.includes('hero.vrm55 of 55 bones')")
    frame = page.evaluate("window.mocap.frame()")
    drawn(page, frame + 2)
    # A bone taken away by hand is one fewer; its row stays, and marks the bone while it has one.
    avatar = "document.querySelector('#avatar')?.textContent"
    page.click("#avatar summary")
    page.click("#avatar [data-bone=leftToes]")
    until(page, "window.mocap.marked() !== null")
    toes = "window.mocap.bonePositions().leftToes"
    marked = f"Math.hypot(...{toes}.map((x, i) => x - window.mocap.marked()[i]))"
    until(page, f"{marked} < 0.05")
    page.click("#avatar .search button:has-text('No node')")
    until(page, f"{avatar}.includes('54 of 55 bones mapped')")
    until(page, "Object.keys(window.mocap.bonePositions()).length === 54")
    assert page.locator("#avatar .bone").count() == 55
    # Its node is found by words, in full.
    page.fill("#avatar .search input", "toes LEFT")
    found = page.locator("#avatar .search .node:not(.none)")
    assert [name.lower() for name in found.all_inner_texts()] == ["lefttoes"]
    # Left and right are exchanged in one action: the missing node is the other side's now.
    page.click("#avatar button:has-text('Swap left and right')")
    until(page, "window.mocap.bonePositions().leftToes && !window.mocap.bonePositions().rightToes")
    # A film is drawn frame by frame, twice a second at the least.
    with page.expect_download(timeout=120_000) as download:
        page.click("#avatar button:has-text('Save map')")
    assert download.value.suggested_filename == "hero.map.json"
    saved = json.loads(Path(download.value.path()).read_text())
    assert list(saved) == list(HUMANOID.names)
    assert saved["rightToes"] is None
    assert saved["leftToes"] == "rightToes"
    given = mapfile.read(Path(download.value.path()))
    assert given == {bone: node for bone, node in saved.items() if node is not None}
    # A reload keeps the avatar and its map; the same file brings its map along.
    page.reload()
    ready(page)
    until(page, "Object.keys(window.mocap.bonePositions()).length === 54")
    until(page, "!window.mocap.bonePositions().rightToes")
    page.keyboard.press("v")
    page.click('#avatar button:has-text("mocap\'s avatar")')
    until(page, "Object.keys(window.mocap.bonePositions()).length === 55")
    page.click("#avatar li button:has-text('hero.vrm')")
    until(page, "!window.mocap.bonePositions().rightToes")


def test_any_viewer_sets_the_smoothing_and_it_is_remembered(open_page: Open, url: str) -> None:
    page = open_page(url, 640, 480)
    ready(page)
    page.keyboard.press("u")
    lag = "Number.parseInt(document.querySelector('#tune output').textContent)"
    until(page, f"{lag} > 0")
    usual = page.evaluate(lag)
    slider = page.locator("#tune input[type=range]")
    slider.focus()
    slider.press("End")  # the keyboard alone is enough
    until(page, f"{lag} > {2 * usual}")
    page.select_option("#tune select[aria-label='Hips']", "locked")
    # What was on its way is drawn first; from then on they stay.
    hips = "window.mocap.bonePositions().hips"
    until(page, f"Math.hypot({hips}[0], {hips}[2]) < 1e-3")
    for _ in range(3):
        drawn(page, page.evaluate("window.mocap.frame()") + 3)
        assert page.evaluate(f"Math.hypot({hips}[0], {hips}[2])") < 1e-3
    # What this page chose holds again when it comes back, after another viewer's choice too.
    played(asked(url, protocol.Tune(1.0, "auto", "free")))
    until(page, f"{lag} === {usual}")
    page.reload()
    ready(page)
    page.keyboard.press("u")
    until(page, f"{lag} > {2 * usual}")


async def asked(url: str, message: protocol.ClientText) -> None:
    """Send the text as another viewer."""
    port = urlsplit(url).port
    assert port
    async with viewer(port) as connection:
        await connection.recv()
        await connection.send(protocol.encode_text(message))
        await connection.recv()


def test_recordings_are_shared_and_sources_can_be_switched(open_page: Open, url: str) -> None:
    page, other = open_page(url, 700, 480), open_page(url, 320, 240)
    ready(page)
    ready(other)
    drawn(page, 0)
    # What one tab records, the other shows, and may stop.
    recording = "document.querySelector('[data-key=r]').getAttribute('aria-pressed') === '{}'"
    page.keyboard.press("r")
    until(other, recording.format("true"))
    until(other, "/^0:0[1-9]/.test(document.querySelector('[data-key=r] span').textContent)")
    other.keyboard.press("r")
    until(page, recording.format("false"))
    until(other, "document.querySelector('#messages').textContent.includes('frames')")
    other.close()
    pressed = "document.querySelector('#sources [aria-pressed=true]').dataset.source"
    assert page.evaluate(pressed) == "server"
    page.click("#sources [data-source=page]")
    until(page, f"{pressed} === 'page'")
    until(page, "document.querySelector('#messages').textContent.includes('/ingest')")
    until(page, "window.mocap.stats().state === 'waiting'")
    frame = page.evaluate("window.mocap.frame()")
    page.click("#sources [data-source=server]")
    until(page, f"{pressed} === 'server'")
    drawn(page, frame + 3)


def _recorded_seconds(take: Path) -> float:
    """Return the time from the first to the last whole frame of a recording."""
    frames = take.read_bytes().split(b"\n")[1:-1]
    times = [json.loads(line)["timestamp"] for line in frames]
    return times[-1] - times[0] if times else 0.0


def test_a_take_survives_its_server(open_page: Open, served: Served) -> None:
    """Last in this file: it kills the server, as a power cut would."""
    page = open_page(served.url, 400, 300, expect=("Failed to load resource",))
    ready(page)
    drawn(page, 0)
    before = set(served.takes.glob("*.jsonl"))
    page.keyboard.press("t")
    page.check("#takes input[type=checkbox]")
    page.keyboard.press("r")
    until(page, "document.querySelector('[data-key=r]').getAttribute('aria-pressed') === 'true'")
    until(page, "document.querySelector('[data-key=r] span').textContent >= '0:01'")
    [take] = set(served.takes.glob("*.jsonl")) - before
    latest = time.monotonic() + 60.0
    while _recorded_seconds(take) < 0.6:  # on a busy machine the source has few frames a second
        assert time.monotonic() < latest, "hardly anything is recorded"
        page.wait_for_timeout(100)
    served.process.kill()
    served.process.wait()
    # The page does not claim that a server which is gone still records.
    until(page, "document.querySelector('[data-key=r]').getAttribute('aria-pressed') === 'false'")
    keypoints = bake.read_keypoints(take)
    assert keypoints.times[-1] - keypoints.times[0] > 0.5
    index = read_index(take.with_suffix(".mjpg"))
    assert set(np.round(index.times, 3)) >= set(np.round(keypoints.times[:-1], 3))
    assert [listed.problem for listed in TakesFolder(served.takes).takes()] == [None] * (
        len(before) + 1
    )
