"""Rendered pairs of dressed people: as performers.py, with the 21 characters of Quaternius.

    MOCAP_DATA=… python mocap/lift/training/people.py      writes people_pairs.npz beside this file

Each piece shows another person: one of the characters in other proportions, clothes of other
colours and patterns, other skin and hair, before another background, through another camera,
blurred and compressed as videos are. Every sixth piece is held out, in motion and in character.

The truth is where the joints are in the character's mesh (`_site`): its skeleton's knees lie 3 cm
before the middle of the knee, and its ankles in the heel.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy import ndarray
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[3]))

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.skeleton import BONES, HUMANOID
from mocap.detect.mediapipe.pose import PoseDetector
from mocap.lift.training import poses
from mocap.lift.training.data import HELD_OUT, captured, takes, validation_files
from mocap.lift.training.performers import TRAINING, detected, gather, keep, pair
from mocap.lift.training.scenes import FRAMES, Viewpoint, look_of, performed, piece_of, view_of
from mocap.lift.training.stage import Library
from mocap.rig.load import load_rig
from rigs.page import FLAGS, chromium, decoded, open_page

PIECES = 200
SIZES = ((360, 480), (480, 360), (512, 288))
FIRST = 1000
"""The first number of the pieces; those of performers.py are lower."""

_TURNS_AS = {
    "Hips": "hips", "Abdomen": "spine", "Torso": "chest", "Chest": "upperChest", "Neck": "neck",
    "Head": "head",
} | {
    f"{theirs}.{side[0].upper()}": side + ours
    for side in ("left", "right")
    for theirs, ours in (
        ("Shoulder", "Shoulder"), ("UpperArm", "UpperArm"), ("LowerArm", "LowerArm"),
        ("Hand", "Hand"), ("UpperLeg", "UpperLeg"), ("LowerLeg", "LowerLeg"), ("Foot", "Foot"),
    )
}  # fmt: skip
"""Bone → the bone of HUMANOID whose rotation from the T-pose it copies; both rest in T-pose."""
BONES_OF = tuple(_TURNS_AS)
_PARENT = (-1, 0, 1, 2, 3, 4, 3, 6, 7, 8, 0, 10, 11, 3, 13, 14, 15, 0, 17, 18)
# Half widths of the mesh's knees, and of its ankles and feet, metres at rest.
_KNEE_Z, _ANKLE = 0.058, (0.09, 0.06)
_TOE_Y, _EARS = 0.03, (0.0, 1.665, 0.045)
# The skeleton's shoulders are too low and too wide in the mesh, and its hips too high and too wide:
# the median differences to the detector's landmarks, relative to those of the mannequin.
_SHOULDER_UP, _NARROWER_ABOVE, _HIP_DOWN, _NARROWER = 0.04, 0.9, 0.035, 0.76
_SKINS = ((0.87, 0.66, 0.53), (0.76, 0.53, 0.39), (0.55, 0.36, 0.25), (0.30, 0.19, 0.13))
_HAIRS = (
    (0.05, 0.04, 0.03), (0.25, 0.15, 0.08), (0.55, 0.4, 0.2), (0.5, 0.5, 0.5), (0.4, 0.12, 0.05),
)  # fmt: skip


@dataclass(frozen=True)
class RestingCharacter:
    """A character at rest.

    Attributes:
        places: (20, 3) positions of the bones, in the order of BONES_OF, metres.
        turns: (20, 4) their rotations.
        sites: Positions of the 15 joints, metres.
        carriers: The bones that carry each joint.
    """

    places: ndarray
    turns: ndarray
    sites: ndarray
    carriers: tuple[tuple[int, ...], ...]

    @staticmethod
    def read(path: Path) -> RestingCharacter:
        """Return the character in a GLB file of Quaternius' modular people."""
        skeleton = load_rig(path).skeleton
        every, turned = fk(skeleton, skeleton.offsets[0], skeleton.rest_rotations)
        at = [skeleton.names.index(name) for name in BONES_OF]
        places, turns = every[at], turned[at]
        number = {name: n for n, name in enumerate(BONES_OF)}
        sites = [np.array(_EARS)]
        carriers: list[tuple[int, ...]] = [(number["Head"],)]
        man = path.name.startswith("men")
        for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "toe"):
            for side, sign in (("L", 1.0), ("R", -1.0)):
                place, bones = _site(part, places, number, side, sign, man)
                sites.append(place)
                carriers.append(bones)
        return RestingCharacter(places, turns, np.stack(sites), tuple(carriers))


def _site(
    part: str, places: ndarray, number: dict[str, int], side: str, sign: float, man: bool
) -> tuple[ndarray, tuple[int, ...]]:
    def bone(name: str) -> int:
        return number[f"{name}.{side}"]

    upper, lower = places[bone("UpperArm")], places[bone("LowerArm")]
    knee, foot = places[bone("LowerLeg")], places[bone("Foot")]
    height, depth = _ANKLE
    wide = sign * (0.124 if man else 0.086)
    return {
        "shoulder": (
            upper * [_NARROWER_ABOVE, 1.0, 1.0] + [0.0, _SHOULDER_UP, 0.0],
            (bone("UpperArm"),),
        ),
        "elbow": (lower + [0.0, 0.005, 0.0], (bone("UpperArm"), bone("LowerArm"))),
        "wrist": (places[bone("Hand")], (bone("LowerArm"),)),
        "hip": (
            places[bone("UpperLeg")] * [_NARROWER, 1.0, 1.0] - [0.0, _HIP_DOWN, 0.0],
            (number["Hips"],),
        ),
        "knee": (
            np.array([0.92 * knee[0] if man else knee[0], knee[1], _KNEE_Z]),
            (bone("UpperLeg"), bone("LowerLeg")),
        ),
        "ankle": (np.array([wide, height, depth]), (bone("LowerLeg"),)),
        "toe": (np.array([foot[0], _TOE_Y, 0.265 if man else 0.24]), (bone("Foot"),)),
    }[part]


@dataclass(frozen=True)
class StretchedCharacter:
    """A character of other proportions; `stretch` (20, 3) has factors along the bones' axes."""

    character: RestingCharacter
    stretch: ndarray

    def moves(self, roots: ndarray, rotations: ndarray) -> ndarray:
        """Return the bones' affine maps (F, 20, 3, 4) from rest to the pose.

        Args:
            roots: (F, 3) positions of the hips, metres.
            rotations: (F, 20, 4) world rotations from the T-pose.
        """
        c = self.character
        axes = np.stack([R.apply(c.turns, axis) for axis in np.eye(3)], axis=-1)
        own = axes @ (self.stretch[:, :, None] * np.swapaxes(axes, -1, -2))
        turned = np.stack([R.apply(rotations, axis) for axis in np.eye(3)], axis=-1) @ own
        out = np.empty((len(roots), len(BONES_OF), 3, 4))
        places = np.empty((len(roots), len(BONES_OF), 3))
        for bone, parent in enumerate(_PARENT):
            if parent < 0:
                place = roots
            else:
                offset = c.places[bone] - c.places[parent]
                place = places[:, parent] + turned[:, parent] @ offset
            places[:, bone] = place
            out[:, bone, :, :3] = turned[:, bone]
            out[:, bone, :, 3] = place - turned[:, bone] @ c.places[bone]
        return out

    def joints(self, moves: ndarray) -> ndarray:
        """Return the lifter's 15 joints (F, 15, 3) in the world, metres."""
        out = []
        for place, bones in zip(self.character.sites, self.character.carriers, strict=True):
            carried = moves[:, list(bones)] @ np.append(place, 1.0)
            out.append(carried.mean(axis=1))
        return np.stack(out, axis=1)


def some_person(rng: np.random.Generator, character: RestingCharacter) -> StretchedCharacter:
    """Return the character with other limbs, equal left and right, and another build."""
    stretch = np.ones((len(BONES_OF), 3))
    thick = np.exp(0.1 * np.clip(rng.normal(size=3), -1.8, 2.2))
    for name, mean, spread in (
        # The characters' upper arms are short relative to their forearms.
        ("UpperArm", 1.22, 0.08), ("LowerArm", 1.0, 0.07), ("UpperLeg", 1.0, 0.07),
        ("LowerLeg", 1.0, 0.07), ("Foot", 1.0, 0.05), ("Hand", 1.0, 0.04),
    ):  # fmt: skip
        length = mean * np.exp(spread * np.clip(rng.normal(), -2.0, 2.0))
        wide = thick[1] if "Arm" in name else thick[2] if "Leg" in name else 1.0
        for side in ("L", "R"):
            stretch[BONES_OF.index(f"{name}.{side}")] = [wide, length, wide]
    trunk = np.exp(0.06 * rng.normal())
    for name in ("Hips", "Abdomen", "Torso", "Chest"):
        stretch[BONES_OF.index(name)] = [thick[0], trunk, np.exp(0.1 * rng.normal()) * thick[0]]
    stretch[BONES_OF.index("Head")] = np.exp(0.05 * rng.normal()) * 0.93
    return StretchedCharacter(character, stretch)


@dataclass(frozen=True)
class PersonScene:
    """A piece before it is rendered.

    Attributes:
        moves: (F, 20, 3, 4) the bones' affine maps.
        joints: (F, 15, 3) camera axes, metres.
        view: The camera.
        look: Colours and light, for the page.
        spoilt: Degradation of the pictures: blur (pixels), noise, gain, quality.
    """

    moves: ndarray
    joints: ndarray
    view: Viewpoint
    look: dict[str, Any]
    spoilt: tuple[float, float, float, int]


def scene(
    rng: np.random.Generator, character: RestingCharacter, library: Library, materials: list[str]
) -> PersonScene:
    """Return one piece of a motion, by another person, before a camera anywhere.

    Args:
        rng: Random numbers.
        character: The performer.
        library: The motions.
        materials: Names of the character's materials.
    """
    motion = piece_of(rng, library)
    _, world = fk(HUMANOID, np.zeros((FRAMES, 3)), performed(rng, motion))
    rotations = world[:, [BONES.index(_TURNS_AS[name]) for name in BONES_OF]]
    person = some_person(rng, character)
    size = np.exp(0.05 * rng.normal())
    roots = motion[:, [7, 8]].mean(axis=1)
    moves = person.moves(roots, rotations)
    low = person.joints(moves)[:, 11:, 1].min(axis=1)
    roots = (roots - [0.0, np.percentile(low, 5.0) - 0.02, 0.0]) * size
    moves = person.moves(roots, rotations)
    joints = person.joints(moves)
    target = joints[:, [1, 2, 7, 8]].mean(axis=(0, 1))
    view = view_of(rng, joints, target, SIZES)
    look = look_of(rng, view.position, target)
    look |= {"wall": _patches(rng, 256), "ground": _patches(rng, 128)}
    look |= _clothes(rng, materials)
    rough = rng.uniform() < 0.5
    blur = float(rng.uniform(0.4, 1.3) if rough else 0.0)
    noise = float(rng.uniform(2.0, 9.0) if rng.uniform() < 0.5 else 0.0)
    gain, quality = float(np.exp(0.25 * rng.normal())), int(rng.integers(25, 90))
    return PersonScene(moves, view.to_camera(joints), view, look, (blur, noise, gain, quality))


def _patches(rng: np.random.Generator, size: int) -> dict[str, Any]:
    """Return a wall or a floor: a colour with a few patches of others."""
    base = np.clip(rng.uniform(0.1, 0.9) + 0.1 * rng.normal(size=3), 0.0, 1.0)
    marks = []
    for _ in range(int(rng.integers(0, 30))):
        place, measure = rng.uniform(-0.1, 1.0, 2) * size, rng.uniform(0.03, 0.4, 2) * size
        colour = np.clip(base + 0.2 * rng.normal() + 0.1 * rng.normal(size=3), 0.0, 1.0)
        marks.append([*place, *measure, float(rng.uniform() < 0.2), *colour])
    return {"size": size, "base": base.tolist(), "marks": [[float(v) for v in m] for m in marks]}


def _clothes(rng: np.random.Generator, materials: list[str]) -> dict[str, Any]:
    """Return colours and patterns of a character's materials.

    Skin and hair have the colours of people.
    """
    skin = np.array(_SKINS[int(rng.integers(len(_SKINS)))]) * np.exp(0.1 * rng.normal())
    hair = np.array(_HAIRS[int(rng.integers(len(_HAIRS)))]) * np.exp(0.2 * rng.normal())
    colours: dict[str, ndarray] = {}
    patterns: dict[str, Any] = {}
    for name in materials:
        if name == "Skin":
            colours[name] = skin
        elif name.startswith(("Hair", "Eyebrows")):
            colours[name] = hair
        elif name.startswith("Eye"):
            continue
        elif rng.uniform() < 0.8:
            light = rng.uniform() ** 1.5
            colours[name] = np.clip(light + 0.2 * rng.normal(size=3), 0.01, 1.0)
            if rng.uniform() < 0.25:
                waves = rng.uniform(30.0, 160.0) * (rng.uniform(size=3) < 0.5)
                other = np.clip(colours[name] + 0.4 * rng.normal(size=3), 0.0, 1.0)
                patterns[name] = {"colour": other.tolist(), "waves": waves.tolist()}
    return {
        "colours": {k: np.clip(v, 0.0, 1.0).tolist() for k, v in colours.items()},
        "patterns": patterns,
    }


def pictures(page: Page, made: PersonScene, rng: np.random.Generator) -> list[ndarray]:
    """Return RGB images (height, width, 3) of each frame, degraded as in videos.

    Args:
        page: people.js.
        made: The piece.
        rng: Random numbers.
    """
    page.evaluate("s => window.scene(s)", made.look | made.view.for_page())
    names = [name.replace(".", "") for name in BONES_OF]
    frames = [
        {"middle": m[0, :, 3].tolist(), "moves": np.round(m, 5).reshape(len(m), 12).tolist()}
        for m in made.moves
    ]
    blur, noise, gain, quality = made.spoilt
    out = []
    for start in range(0, len(frames), 15):
        urls = page.evaluate(
            "([names, frames]) => window.draw(names, frames)", [names, frames[start : start + 15]]
        )
        for url in urls:
            image: ndarray = decoded(url).astype(np.float32) * gain
            if blur:
                image = np.asarray(cv2.GaussianBlur(image, (0, 0), blur))
            image = image + noise * rng.standard_normal(image.shape, np.float32)
            small = np.clip(image, 0.0, 255.0).astype(np.uint8)
            _, packed = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
            out.append(np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR)))
    return out


def make(data: Path, numbers: range, parts: Path) -> None:
    """Render and detect pieces, one file each; existing files are kept.

    Args:
        data: The MOCAP_DATA folder.
        numbers: The pieces' numbers.
        parts: The folder of the files.
    """
    standing = poses.takes(11, 60)
    learn = Library.of([*captured(data), *standing])
    held = [f for f in validation_files(data) if f.name.startswith(HELD_OUT)]
    check = Library.of(list(takes(held)))
    files = sorted((data / "bodies" / "quaternius").glob("*.glb"))
    parts.mkdir(parents=True, exist_ok=True)
    with (
        sync_playwright() as playwright,
        PoseDetector("full") as full,
        PoseDetector("heavy") as heavy,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        served = {f.name: f for f in (*files, TRAINING / "studio.js")}
        page = open_page(browser, TRAINING / "people.js", served)
        for number in numbers:
            out = parts / f"{number:04d}.npz"
            if out.exists():
                continue
            rng = np.random.default_rng([11, number])
            held_out = number % 6 == 5
            cast = [f for n, f in enumerate(files) if (n % 7 == 3) == held_out]
            file = cast[number % len(cast)]
            materials = page.evaluate("url => window.load(url)", f"./{file.name}")
            library = check if held_out else learn
            made = scene(rng, RestingCharacter.read(file), library, materials)
            images, rest = pictures(page, made, rng), (number, held_out)
            model, detector = ("heavy", heavy) if number % 3 == 0 else ("full", full)
            keep(out, [pair(made.joints, made.view, detected(detector, images), model, *rest)])
            print(f"{number}", end=" ", flush=True)
        browser.close()


def main() -> None:
    """Make the pieces that the command line requests, and gather them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("people_pairs.npz"))
    parser.add_argument("--parts", type=Path, default=Path("bench-results") / "people")
    parser.add_argument("--pieces", type=int, nargs=2, default=(0, PIECES))
    parser.add_argument("--no-gather", action="store_true", help="only make pieces")
    args = parser.parse_args()
    first, last = args.pieces
    make(Path(os.environ["MOCAP_DATA"]), range(FIRST + first, FIRST + last), args.parts)
    if not args.no_gather:
        gather(args.parts, args.out)


if __name__ == "__main__":
    main()
