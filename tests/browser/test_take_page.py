"""A take on the page in a real browser: trim, compare, film, rename and export it."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page

from mocap import formats
from mocap.core.keypoints import Keypoints
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID
from mocap.detect.inputs import read_keypoints
from mocap.retargeting import load_motion, retarget
from mocap.solve.take import solve_take
from mocap.studio.desk import as_live
from mocap.studio.pictures import read_index
from tests import judges
from tests.helpers.browser import Open, until
from tests.helpers.filmed_take import FPS, SIZE, colour, make_take, read_film, studio_host
from tests.helpers.studio_page import exported, mark, open_take, ready


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
        keypoints = read_keypoints(take)
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
    frame = page.evaluate("window.mocap.frame()")
    for shown, motion in (
        ("window.mocap.bonePositions()", whole),
        ("window.mocap.guests()[1]", as_live(keypoints, lambda done: None)),
    ):
        pose = retarget(motion, HUMANOID)
        there = fk(HUMANOID, pose.root_positions[frame], pose.rotations[frame])[0]
        latest = time.monotonic() + 20.0
        while True:
            found = page.evaluate(shown)
            drawn_there = np.array([found[name] for name in HUMANOID.names])
            off = np.abs((drawn_there - drawn_there[0]) - (there - there[0])).max()
            if off < 2e-3:
                break
            assert time.monotonic() < latest, f"{1000 * off:.0f} mm off"
            page.wait_for_timeout(100)


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
        keypoints = read_keypoints(take)
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
