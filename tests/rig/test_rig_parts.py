"""Parts of a body, several characters in one file, and mirrored characters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mocap import transfer
from mocap.core import rotation as R
from mocap.core.kinematics import fk, global_rotations
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, Skeleton, bone_before, mirrored_name
from mocap.errors import InputError
from mocap.formats import bvh
from mocap.retargeting import load_motion, retarget
from mocap.rig.load import load_rig
from tests.helpers import synthetic

FINGERS = ("Thumb", "Index", "Middle", "Ring", "Little")
HANDS = [b for b in BONES if b.startswith(tuple("left" + x for x in ("Hand", *FINGERS)))]
PARTS = {
    "upper body": [b for b in BONES if not any(x in b for x in ("Leg", "Foot", "Toes"))],
    "no arms": [b for b in BONES if not any(x in b for x in ("Arm", "Hand", "Shoulder"))
                and b not in HANDS and mirrored_name(b) not in HANDS],
    "from the spine": ["spine", "chest", "neck", "head", *(s + b for s in ("left", "right")
                       for b in ("Shoulder", "UpperArm", "LowerArm", "Hand"))],
    "a hand": HANDS,
    "a head": ["neck", "head", "leftEye", "rightEye"],
}  # fmt: skip


def part_of(motion: Motion, bones: list[str]) -> Motion:
    """Return the motion of these bones on a skeleton whose root is the first of them."""
    body = motion.skeleton
    names = [b for b in BONES if b in bones]
    joints = [body.index(b) for b in names]
    positions, world = fk(body, motion.root_positions, motion.rotations)
    rest = body.rest_positions()
    above = [names.index(bone_before(b, names) or b) if i else -1 for i, b in enumerate(names)]
    offsets = np.array([rest[j] - rest[joints[a]] if a >= 0 else rest[j]
                        for j, a in zip(joints, above, strict=True)])  # fmt: skip
    local = world[:, joints].copy()
    for i, a in enumerate(above):
        if a >= 0:
            local[:, i] = R.multiply(R.conjugate(world[:, joints[a]]), world[:, joints[i]])
    identity = np.tile(R.IDENTITY, (len(names), 1))
    skeleton = Skeleton(tuple(names), np.array(above), offsets, identity)
    return Motion(skeleton, motion.times, positions[:, joints[0]], local)


@pytest.fixture(scope="module")
def motion() -> Motion:
    """Return an upright pose: the up axis of a BVH follows from its standing frames."""
    made = synthetic.smooth_motion(np.random.default_rng(5), 1.0, 30.0)
    rotations = made.rotations.copy()
    rotations[:, 0] = R.from_axis_angle(
        np.array([0.0, 1.0, 0.0]), np.linspace(0.3, -0.6, len(made))
    )
    return replace(made, rotations=rotations)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("names", ["mixamo", "vrm"])
def test_a_motion_of_a_body_part_moves_that_part(
    motion: Motion, tmp_path: Path, part: str, names: str
) -> None:
    path = tmp_path / "part.bvh"
    path.write_text(bvh.dumps(part_of(motion, PARTS[part]), names))
    with pytest.warns(UserWarning, match="moves only a part of a body: it has no "):
        found = load_motion(path)
    ours, theirs = (global_rotations(m.skeleton, m.rotations) for m in (found, motion))
    rig = load_rig(path)
    there = [b for b in rig.bones if b != "jaw" and not b.endswith("Eye")]
    assert len(there) >= 0.7 * len([b for b in PARTS[part] if not b.endswith("Eye")])
    trunk = {"spine", "chest", "upperChest", "neck"}  # a trunk of fewer joints is divided again
    fingers = any("Middle" in b for b in there)  # without any, a hand's rest is not known exactly
    bones = [BONES.index(b) for b in there if b not in trunk and (fingers or "Hand" not in b)]
    apart = np.degrees(R.distance(ours[:, bones], theirs[:, bones]))
    assert apart.max() < 1.0, BONES[bones[int(apart.max(axis=0).argmax())]]


@pytest.mark.parametrize("part", PARTS)
def test_a_rig_of_a_body_part_moves_its_bones(motion: Motion, tmp_path: Path, part: str) -> None:
    path = tmp_path / "part.bvh"
    path.write_text(bvh.dumps(part_of(motion, PARTS[part]).slice(0, 1), "vrm"))
    rig = load_rig(path)
    moved = retarget(motion, rig)
    world = global_rotations(moved.skeleton, moved.rotations)
    at_rest = global_rotations(rig.skeleton, rig.t_pose)
    theirs = global_rotations(motion.skeleton, motion.rotations)
    for bone in rig.bones:
        if bone in ("spine", "chest", "upperChest", "neck") or bone.endswith(("Eye", "Foot")):
            continue
        if part == "no arms" and bone.endswith(("Leg", "Toes")):
            continue  # planted feet may turn legs
        j = rig.index(bone)
        turned = R.multiply(world[:, j], R.conjugate(at_rest[j]))
        assert np.degrees(R.distance(turned, theirs[:, BONES.index(bone)]).max()) < 1.0, bone
    places, _ = fk(moved.skeleton, moved.root_positions, moved.rotations)
    assert np.all(np.isfinite(places))


def test_a_bust_stays_in_place(motion: Motion, tmp_path: Path) -> None:
    """Its root moves only by the performer's path."""
    path = tmp_path / "bust.bvh"
    path.write_text(bvh.dumps(part_of(motion, PARTS["upper body"]).slice(0, 1), "vrm"))
    rig = load_rig(path)
    moved = retarget(motion, rig)
    path_of = moved.root_positions - rig.skeleton.offsets[0]
    theirs = motion.root_positions - motion.skeleton.offsets[0]
    assert np.abs(path_of - theirs).max() < 0.15 * np.abs(theirs).max() + 1e-3


def test_an_animals_head_is_not_a_body_part(tmp_path: Path) -> None:
    joints = ["body", "neck", "head", *(f"paw{i}_{j}" for i in range(4) for j in range(4))]
    parents = [-1, 0, 1, *(0 if j == 0 else 3 + 4 * i + j - 1 for i in range(4) for j in range(4))]
    offsets = np.random.default_rng(0).normal(size=(len(joints), 3))
    skeleton = Skeleton(
        tuple(joints), np.array(parents), offsets, np.tile(R.IDENTITY, (len(joints), 1))
    )
    still = Motion(skeleton, np.zeros(1), offsets[:1], skeleton.rest_rotations[None])
    (tmp_path / "dog.bvh").write_text(bvh.dumps(still, None))
    with pytest.raises(InputError, match="This is no humanoid"):
        load_rig(tmp_path / "dog.bvh")


@pytest.mark.parametrize("name", ["b12_upper_body_only.bvh", "g14_no_legs.glb"])
def test_body_parts_of_real_files_are_read_and_written(
    data: Path, motion: Motion, tmp_path: Path, name: str
) -> None:
    path = data / "rig_cases" / name
    with pytest.warns(UserWarning, match="it has no leftUpperLeg"):
        found = load_motion(path)
    assert np.all(np.isfinite(found.root_positions))
    hero = transfer.load_character(path)
    target = transfer.target(tmp_path / f"out{path.suffix}", hero)
    transfer.save(target, motion)
    assert (tmp_path / f"out{path.suffix}").stat().st_size > 1000
    assert "Leg" in transfer.report(hero)[0]


# --- several characters --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "second"),
    [
        ("b05_two_roots.bvh", "B_Hips"),
        ("g11_two_characters.glb", "Second"),
        ("g12_two_scenes_two_characters.glb", "Second"),
    ],
)
def test_one_of_several_characters_can_be_chosen(data: Path, name: str, second: str) -> None:
    path = data / "rig_cases" / name
    with pytest.warns(UserWarning, match=r"holds 2 characters .*Second|B_Hips.*--character NAME"):
        first = load_rig(path)
    chosen = load_rig(path, character=second)
    assert set(first.bones) == set(chosen.bones)
    assert not set(first.bones.values()) & set(chosen.bones.values())
    with pytest.raises(InputError, match=r"'third' in the file; it has .*" + second):
        load_rig(path, character="third")


def test_only_the_chosen_character_moves(data: Path, motion: Motion, tmp_path: Path) -> None:
    path = data / "rig_cases" / "g11_two_characters.glb"
    rig = load_rig(path, character="Second")
    target = transfer.target(tmp_path / "out.glb", transfer.Character(rig, path))
    transfer.save(target, motion)
    again = load_motion(tmp_path / "out.glb", animation="mocap 2", character="Second")
    arms = [BONES.index(s + b) for s in ("left", "right") for b in ("UpperArm", "LowerArm")]
    clip = motion.resample(30.0)
    ours, theirs = (
        global_rotations(m.skeleton, m.at(clip.times[:20]).rotations)[:, arms]
        for m in (again, motion)
    )
    assert np.degrees(R.distance(ours, theirs).max()) < 1.0


# --- mirrored ------------------------------------------------------------------------------------


def test_a_mirrored_character_is_the_mirror_image(data: Path) -> None:
    """Its feet point ahead, and its nodes named left are on its right."""
    plain, other = (
        load_motion(data / "rig_cases" / n)
        for n in ("g03_sparse_rotation_keys.glb", "g06_mirrored_root.glb")
    )
    ours, theirs = (
        (p := fk(m.skeleton, m.root_positions, m.rotations)[0]) - p[:, :1] for m in (other, plain)
    )
    order = [BONES.index(mirrored_name(b)) for b in BONES]
    assert np.abs(ours - theirs[:, order] * [-1.0, 1.0, 1.0]).max() < 1e-6
