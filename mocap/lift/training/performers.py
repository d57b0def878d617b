"""Rendered pairs: many bodies in captured motion before many cameras, detected, with the truth.

    MOCAP_DATA=… python mocap/lift/training/performers.py          writes detector_pairs.npz beside
                                                                   this file (some 40 minutes on one
                                                                   core)

The lifter is trained on these pairs, and the detector's errors are measured from them
(mocap/lift/CARD.md). The mannequin has random proportions, colours and light. It performs pieces of
the training motion of mocap/lift/training/data.py and, kept apart, of the held-out subjects, but
none of the benchmarks' motion. It needs what rigs/page.py needs.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy import ndarray
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[3]))

from mocap.core import rotation as R
from mocap.core.keypoints import Keypoints, concatenate
from mocap.core.skeleton import BONES
from mocap.detect.mediapipe.pose import PoseDetector
from mocap.lift.landmarks import joints_of
from mocap.lift.network import RATE
from mocap.lift.training.data import HELD_OUT, captured, takes, validation_files
from mocap.lift.training.pairs import save
from mocap.lift.training.scenes import FRAMES, Scene, Viewpoint, scene
from mocap.lift.training.stage import Library
from rigs.page import FLAGS, HERE, chromium, decoded, open_page

TRAINING = Path(__file__).parent
PIECES = 200
# One piece in so many is from a held-out subject, and one in so many is also detected by the heavy
# model.
_HELD_OUT_EVERY, _HEAVY_EVERY = 6, 8


def pictures(page: Page, scene: Scene, at_once: int = 15) -> Iterator[ndarray]:
    """Yield RGB images (height, width, 3) of each frame.

    Args:
        page: performers.js.
        scene: The piece.
        at_once: Frames per call.
    """
    page.evaluate(
        "s => window.scene(s)",
        scene.look | {
            "offsets": dict(zip(BONES, scene.body.offsets.tolist(), strict=True)),
            "stretch": scene.stretch,
        } | scene.view.for_page(),
    )  # fmt: skip
    poses = [
        {"root": r.tolist(), "rotations": np.round(q, 5).tolist()}
        for r, q in zip(scene.roots, scene.rotations, strict=True)
    ]
    for start in range(0, len(poses), at_once):
        for url in page.evaluate(
            "([names, poses]) => window.draw(names, poses)",
            [list(BONES), poses[start : start + at_once]],
        ):
            yield decoded(url)


def detected(detector: PoseDetector, images: list[ndarray]) -> Keypoints:
    """Return the detector's keypoints of a piece, from a new tracker."""
    detector.detect(np.zeros_like(images[0]), -1000.0)
    return concatenate([detector.detect(image, n / RATE) for n, image in enumerate(images)])


def pair(
    joints: ndarray, view: Viewpoint, seen: Keypoints, model: str, number: int, held_out: bool
) -> dict[str, ndarray]:
    """Return a piece's arrays for `pairs.save`.

    Args:
        joints: (F, 15, 3) camera axes, metres.
        view: The camera.
        seen: The detector's keypoints.
        model: "full" or "heavy".
        number: The piece's number.
        held_out: Whether its subject is held out of training.
    """
    hips = joints[:, [7, 8]].mean(axis=1)
    confidence = joints_of(seen.confidence[..., None])[..., 0]
    return {
        "true": joints - hips[:, None], "hips": hips, "positions": joints_of(seen.positions),
        "image": joints_of(seen.image), "confidence": confidence,
        "focal": np.array(view.focal, np.float32), "size": np.array(view.size, np.int16),
        "number": np.array(number, np.int16),
        "held_out": np.array(held_out), "heavy": np.array(model == "heavy"),
        "up": R.apply(R.conjugate(view.turn), np.array([0.0, 1.0, 0.0])).astype(np.float32),
    }  # fmt: skip


def make(data: Path, numbers: range, parts: Path) -> None:
    """Render and detect pieces, one file each; existing files are kept.

    Args:
        data: The MOCAP_DATA folder.
        numbers: The pieces' numbers.
        parts: The folder of the files.
    """
    learn = Library.of(captured(data))
    held = [f for f in validation_files(data) if f.name.startswith(HELD_OUT)]
    check = Library.of(list(takes(held)))
    parts.mkdir(parents=True, exist_ok=True)
    with (
        sync_playwright() as playwright,
        PoseDetector("full") as full,
        PoseDetector("heavy") as heavy,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        files = {"studio.js": TRAINING / "studio.js", "rig.glb": HERE / "mannequin.vrm"}
        page = open_page(browser, TRAINING / "performers.js", files)
        for number in numbers:
            if (parts / f"{number:04d}.npz").exists():
                continue
            held_out = number % _HELD_OUT_EVERY == _HELD_OUT_EVERY - 1
            made = scene(np.random.default_rng([7, number]), check if held_out else learn)
            images, rest = list(pictures(page, made)), (number, held_out)
            joints = made.joints()
            pairs = [pair(joints, made.view, detected(full, images), "full", *rest)]
            if number % _HEAVY_EVERY == 0:
                pairs.append(pair(joints, made.view, detected(heavy, images), "heavy", *rest))
            keep(parts / f"{number:04d}.npz", pairs)
            print(f"{number}", end=" ", flush=True)
        browser.close()


def keep(out: Path, pairs: list[dict[str, ndarray]]) -> None:
    """Write the results of one piece; the file is written under a temporary name and renamed."""
    with out.with_suffix(".tmp").open("wb") as file:
        arrays = {k: np.stack([p[k] for p in pairs]) for k in pairs[0]}
        np.savez(file, **arrays)  # type: ignore[arg-type]
    out.with_suffix(".tmp").rename(out)


def gather(parts: Path, out: Path) -> None:
    """Write all pieces into one file: arrays (N, F, …), those of the heavy model last."""
    pieces = [dict(np.load(f)) for f in sorted(parts.glob("*.npz"))]
    joined = {k: np.concatenate([p[k] for p in pieces]) for k in pieces[0]}
    order = np.argsort(joined["heavy"], kind="stable")
    save(out, {k: v[order] for k, v in joined.items()})
    print(f"{len(order)} pieces of {FRAMES} frames, {out.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    """Make the pieces that the command line requests, and gather them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("detector_pairs.npz"))
    parser.add_argument(
        "--parts",
        type=Path,
        default=Path("bench-results") / "performers",
        help="where pieces are kept while it runs",
    )
    parser.add_argument(
        "--pieces", type=int, nargs=2, default=(0, PIECES), help="the first and the last but one"
    )
    parser.add_argument(
        "--no-gather", action="store_true", help="only make pieces: for one of several processes"
    )
    args = parser.parse_args()
    make(Path(os.environ["MOCAP_DATA"]), range(*args.pieces), args.parts)
    if not args.no_gather:
        gather(args.parts, args.out)


if __name__ == "__main__":
    main()
