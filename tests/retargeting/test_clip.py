"""Clips for engines: trimmed, mirrored, turned, looped, with a root, several in one file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mocap import transfer
from mocap.core import rotation as R
from mocap.core.heading import headings
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, mirrored_name
from mocap.errors import InputError, OutputError
from mocap.formats import ExportOptions, bvh
from mocap.formats.fbx import scene as fbx_scene
from mocap.formats.fbx import takes
from mocap.formats.gltf import glb, read
from mocap.retargeting import clip, load_motion, retarget
from mocap.rig.load import load_rig
from tests.helpers import synthetic
from tests.helpers.measures import demo_motion
from tests.helpers.places import MANNEQUIN

UP = np.array([0.0, 1.0, 0.0])


@pytest.fixture(scope="module")
def motion() -> Motion:
    """Return two seconds on a curve, with a heading that follows it."""
    made = synthetic.smooth_motion(np.random.default_rng(7), 2.0, 30.0)
    t = made.times
    rotations = made.rotations.copy()
    rotations[:, 0] = R.from_axis_angle(UP, 0.5 * t)
    path = made.skeleton.offsets[0] * [0.0, 1.0, 0.0] + np.stack(
        [t**2, 0.02 * np.sin(9 * t), 1.5 * t], axis=1
    )
    return replace(made, rotations=rotations, root_positions=path)


def places(motion: Motion) -> np.ndarray:
    return fk(motion.skeleton, motion.root_positions, motion.rotations)[0]


def test_trim_keeps_the_requested_seconds(motion: Motion) -> None:
    cut = clip.trimmed(motion, 0.5, 1.0)
    assert (cut.times[0], cut.times[-1]) == pytest.approx((0.5, 1.0))
    assert len(clip.trimmed(motion, None, 0.5)) == 16
    assert len(clip.trimmed(motion, 0.5, None)) == len(motion) - 15
    with pytest.raises(InputError, match=r"no frame between 9 and 10 s; the motion lasts"):
        clip.trimmed(motion, 9.0, 10.0)


def test_mirror_reflects_the_motion_and_undoes_itself(motion: Motion) -> None:
    once = clip.mirrored(motion)
    order = [BONES.index(mirrored_name(b)) for b in BONES]
    assert np.abs(places(once)[:, order] - places(motion) * [-1, 1, 1]).max() < 1e-9
    assert np.abs(places(clip.mirrored(once)) - places(motion)).max() < 1e-9


@pytest.mark.parametrize("angle", [0.7, -2.0])
def test_turn_and_at_origin_move_the_whole_motion(motion: Motion, angle: float) -> None:
    turned = places(clip.turned(motion, angle))
    assert np.abs(turned - R.apply(R.from_axis_angle(UP, angle), places(motion))).max() < 1e-9
    moved = places(clip.at_origin(motion)) - places(motion)
    assert np.ptp(moved, axis=(0, 1)).max() < 1e-9
    assert clip.at_origin(motion).root_positions[0, [0, 2]] == pytest.approx([0.0, 0.0])
    assert np.abs(moved[..., 1]).max() < 1e-12


def test_a_clip_at_the_origin_begins_there_on_a_character_too(data: Path, tmp_path: Path) -> None:
    """Planted feet move the hips of a character with short legs by some centimetres."""
    knight = transfer.load_character(data / "rigs" / "kaykit_cc0" / "Knight.glb")
    written = tmp_path / "knight.glb"
    begun = clip.at_origin(demo_motion())
    transfer.save(transfer.target(written, knight), begun)
    rig = load_rig(written)
    moved = read.loads_on(rig)
    at = places(moved)[:, rig.index("hips")]
    assert np.abs(at[0, [0, 2]]).max() < 1e-3
    free = retarget(begun, rig)
    assert np.abs(places(free)[0, rig.index("hips"), [0, 2]]).max() > 0.01, "it would not"


def test_a_loop_ends_in_its_first_pose(motion: Motion) -> None:
    looped, seam = clip.looped(motion)
    heading = R.from_axis_angle(UP, headings(looped.rotations[:, 0])[[0, -1]])
    first, last = looped.rotations[[0, -1]]
    first[0], last[0] = (
        R.multiply(R.conjugate(h), q[0]) for h, q in zip(heading, (first, last), strict=True)
    )
    assert np.degrees(R.distance(first, last).max()) < 0.01
    assert looped.root_positions[0, 1] == pytest.approx(looped.root_positions[-1, 1])
    apart = R.distance(motion.rotations[0, 1:], motion.rotations[-1, 1:]).max()
    assert seam.turn == pytest.approx(apart, abs=1e-6)
    middle = len(motion) // 2
    assert np.array_equal(looped.root_positions[:, [0, 2]], motion.root_positions[:, [0, 2]])
    assert np.degrees(R.distance(looped.rotations, motion.rotations)[middle].max()) < 1e-6
    again, closed = clip.looped(looped)
    assert closed.turn < 1e-6
    assert np.abs(again.rotations - looped.rotations).max() < 1e-6


def test_options_are_applied_together(motion: Motion) -> None:
    options = clip.ClipOptions((0.2, 1.2), mirror=True, loop=True, at_origin=True, turn=1.0)
    found, seam = clip.edited(motion, options)
    assert seam is not None
    assert found.duration == pytest.approx(1.0)
    assert np.abs(found.root_positions[0, [0, 2]]).max() < 1e-12
    same, none = clip.edited(motion, clip.ClipOptions())
    assert same is motion
    assert none is None


# --- roots ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("root", ["hips", "ground", "in-place"])
def test_root_options_are_written_to_bvh(motion: Motion, tmp_path: Path, root: str) -> None:
    options = ExportOptions(names="vrm", root=root)  # type: ignore[arg-type]
    transfer.save(transfer.target(tmp_path / "a.bvh", None), motion, options)
    text = (tmp_path / "a.bvh").read_text()
    names = bvh.loads(text).skeleton.names
    assert names[0] == ("root" if root == "ground" else "hips")
    if root == "in-place":
        moved = bvh.loads(text).root_positions
        assert np.ptp(moved[:, [0, 2]], axis=0).max() < 1e-4
        assert np.ptp(moved[:, 1]) == pytest.approx(np.ptp(motion.root_positions[:, 1]), abs=1e-3)
        return
    # All channels by hand: a Motion has no joint that moves away from its parent.
    table = np.array([line.split() for line in text.split("\n")[-len(motion) - 1 : -1]], float)
    hips = table[:, :3]
    if root == "ground":
        assert np.abs(table[:, 1]).max() < 1e-6, "on the floor"
        assert np.abs(table[:, [6, 8]]).max() < 20.0, "the hips stay above it"
        turn = R.from_axis_angle(UP, np.radians(table[:, 5]))
        hips = table[:, :3] + R.apply(turn, table[:, 6:9])
        assert np.ptp(table[:, 5]) > 30.0, "it turns with the body"
    assert np.abs(hips / 100.0 - motion.root_positions).max() < 1e-5


def _rooted_glb(path: Path) -> None:
    """Write the mannequin below a node that stands beside the origin."""
    document, binary = glb.split(MANNEQUIN.read_bytes())
    document |= {"extensions": {}, "extensionsUsed": []}
    top = document["scenes"][0]["nodes"]
    half = {"name": "root", "children": top, "translation": [0.1, 0.0, 0.2]}
    document["nodes"] = [*document["nodes"], half]
    document["scenes"][0]["nodes"] = [len(document["nodes"]) - 1]
    path.write_bytes(glb.join(document, binary))


@pytest.mark.parametrize("suffix", [".glb", ".fbx", ".bvh"])
def test_a_ground_root_does_not_change_the_visible_motion(
    motion: Motion, tmp_path: Path, suffix: str
) -> None:
    hero = tmp_path / f"hero{suffix}"
    if suffix == ".glb":
        _rooted_glb(hero)
    else:  # with a root above the hips, as they are written without a rig
        transfer.save(transfer.target(hero, None), motion.slice(0, 2), ExportOptions(root="ground"))
    character = transfer.load_character(hero)
    found = {}
    for root in ("hips", "ground"):
        options = ExportOptions(root=root, all_keys=True)  # type: ignore[arg-type]
        path = tmp_path / f"{root}{suffix}"
        transfer.save(transfer.target(path, character), motion, options)
        animation = transfer.animations(path)[-1].name if suffix == ".fbx" else None
        found[root] = load_motion(path, None, animation)
    apart = places(found["hips"].at(motion.times)) - places(found["ground"].at(motion.times))
    assert np.abs(apart).max() < 1e-4
    assert _root_travels(tmp_path / f"ground{suffix}")
    assert not _root_travels(tmp_path / f"hips{suffix}")


def _root_travels(path: Path) -> bool:
    """Return whether the joint above the hips moves in a file's last animation."""
    if path.suffix == ".glb":
        document, _ = glb.split(path.read_bytes())
        moving = {
            (document["nodes"][c["target"]["node"]].get("name"), c["target"]["path"])
            for c in document["animations"][-1]["channels"]
        }
        return ("root", "translation") in moving
    if path.suffix == ".bvh":
        text = path.read_text().partition("Frame Time")[2].splitlines()[1:]
        return bool(np.ptp(np.array([line.split()[:3] for line in text], float), axis=0).max() > 1)
    scene = fbx_scene.loads(path.read_bytes())
    take = takes.chosen(scene, takes.names(scene)[-1])
    return (scene.models[scene.names.index("root")], takes.TRANSLATION) in take.parts


def test_an_fbx_with_a_ground_root_shows_the_same_motion(motion: Motion, tmp_path: Path) -> None:
    for root in ("hips", "ground"):
        options = ExportOptions(names="vrm", root=root)  # type: ignore[arg-type]
        transfer.save(transfer.target(tmp_path / f"{root}.fbx", None), motion, options)
    plain, rooted = (load_motion(tmp_path / f"{root}.fbx") for root in ("hips", "ground"))
    assert np.abs(places(plain) - places(rooted)).max() < 1e-4


def test_rigs_without_a_node_for_the_ground_root_are_refused(
    motion: Motion, tmp_path: Path
) -> None:
    options = ExportOptions(root="ground")
    with pytest.raises(OutputError, match="--root ground goes into"):
        transfer.save(transfer.target(tmp_path / "a.vrma", None), motion, options)
    for suffix in (".bvh", ".fbx"):
        hero = tmp_path / f"hero{suffix}"
        transfer.save(transfer.target(hero, None), motion.slice(0, 2))
        character = transfer.load_character(hero)
        with pytest.raises(InputError, match=r"above its hips .* carry the path"):
            transfer.save(transfer.target(tmp_path / f"a{suffix}", character), motion, options)
        assert not (tmp_path / f"a{suffix}").exists()


# --- several clips, lists, presets ---------------------------------------------------------------


def test_several_motions_are_clips_of_one_character(
    run: Callable[..., tuple[int, str, str]], motion: Motion, tmp_path: Path
) -> None:
    for name in ("walk", "run"):
        (tmp_path / f"{name}.bvh").write_text(bvh.dumps(motion))
    status, out, _ = run("retarget", "walk.bvh", "run.bvh", "--rig", MANNEQUIN, "-o", "hero.glb")
    assert status == 0
    assert "2 clips, 120 frames, 3.93 s" in out
    status, out, _ = run("retarget", "hero.glb", "--list")
    assert out.splitlines() == [f"{n}: 1.97 s, 60 frames at 30 fps" for n in ("walk", "run")]
    status, _, err = run("retarget", "hero.glb", "-o", "a.bvh")
    assert status == 0
    assert "has 2 animations (walk, run); the first is taken" in err
    status, out, _ = run("retarget", "walk.bvh", "run.bvh", "-o", "{name}_2.bvh")
    assert (tmp_path / "run_2.bvh").exists()
    status, _, err = run("retarget", "walk.bvh", "run.bvh", "-o", "one.bvh")
    assert (status, "holds one clip" in err) == (2, True)
    status, _, err = run("retarget", "walk.bvh", "-o", "a.bvh", "--trim", "x")
    assert (status, "must be START:END" in err) == (2, True)
    status, out, _ = run(
        "retarget", "walk.bvh", "--trim", ":1", "--loop", "--fps", "24", "--name", "step",
        "--rig", MANNEQUIN, "-o", "step.glb",
    )  # fmt: skip
    assert "Loop: its ends were up to" in out
    assert "25 frames, 1.00 s at 24 fps" in out
    assert glb.split((tmp_path / "step.glb").read_bytes())[0]["animations"][0]["name"] == "step"
