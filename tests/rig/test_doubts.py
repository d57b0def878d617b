"""Implausible bone maps are less certain, and the report says why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mocap.core.rig import Found, Tree
from mocap.formats import bvh
from mocap.retargeting import load_motion
from mocap.rig import doubts, report
from mocap.rig.mapping import map_bones, remarks
from tests.helpers import rig_trees
from tests.helpers.measures import demo_motion


def test_a_plain_character_raises_no_doubts() -> None:
    for make in (rig_trees.mixamo, rig_trees.unreal, rig_trees.rigify, rig_trees.biped):
        tree, _ = make()
        assert remarks(tree, map_bones(tree)) == []


def test_arms_mapped_one_joint_too_high_are_reported() -> None:
    tree, truth = rig_trees.mixamo()
    at = {bone: tree.names.index(name) for bone, name in truth.items()}
    found = {b: Found(n, "names", 0.9) for b, n in at.items() if "Shoulder" not in b}
    for side in ("left", "right"):
        for bone, other in (
            ("UpperArm", "Shoulder"),
            ("LowerArm", "UpperArm"),
            ("Hand", "LowerArm"),
        ):
            found[side + bone] = replace(found[side + bone], node=at[side + other])
    less = doubts.less_sure(tree, found)
    assert {b for b in less if less[b].sure < found[b].sure} == {
        s + b for s in ("left", "right") for b in ("UpperArm", "LowerArm", "Hand")
    }
    text = report.table(tree, less)
    assert "names may be one joint off" in " ".join(text.split())
    assert "By the shape, leftUpperArm is 'mixamorig:LeftArm'" in " ".join(text.split())


def test_swapped_sides_are_reported() -> None:
    tree, truth = rig_trees.mixamo()
    other = {"left": "right", "right": "left"}
    found = {}
    for bone, name in truth.items():
        side = next((s for s in other if bone.startswith(s)), "")
        swapped = other[side] + bone.removeprefix(side) if side else bone
        found[swapped] = Found(tree.names.index(name), "names", 0.9)
    assert any("Left and right are exchanged" in line for line in remarks(tree, found))


def renamed(tree: Tree, called: dict[str, str]) -> Tree:
    return replace(tree, names=tuple(called.get(name, name) for name in tree.names))


def test_vague_names_do_not_shift_a_limb_whose_other_words_are_unknown() -> None:
    """ "Leg" may be the shank or the whole leg; here it is what follows an unknown word."""
    tree, truth = rig_trees.mixamo()
    called = {}
    for side in ("left", "right"):
        for bone, word in (
            ("UpperArm", "qzur"),
            ("Shoulder", "shoulder"),
            ("UpperLeg", "thigh"),
            ("LowerLeg", "qzil"),
            ("Foot", "leg"),
            ("Toes", "toe"),
        ):
            called[truth[side + bone]] = f"{side} {word}"
    tree = renamed(tree, called)
    found = map_bones(tree)
    for bone, name in truth.items():
        if any(part in bone for part in ("Arm", "Leg", "Foot", "Toes", "Shoulder")):
            assert tree.names[found[bone].node] == called.get(name, name)
    assert remarks(tree, found) == []


def test_a_head_that_is_named_as_the_neck_is_reported() -> None:
    tree, truth = rig_trees.mixamo()
    tree = renamed(tree, {truth["head"]: "Neck", truth["neck"]: "Chest"})
    assert any("By the shape, head is 'Neck'" in r for r in remarks(tree, map_bones(tree)))


def test_a_motion_whose_names_contradict_its_shape_is_read_with_a_warning(tmp_path: Path) -> None:
    text = bvh.dumps(demo_motion().slice(0, 3))
    for a, b in (("Left", "?"), ("Right", "Left"), ("?", "Right")):
        text = text.replace(a, b)
    (tmp_path / "swapped.bvh").write_text(text)
    with pytest.warns(UserWarning, match=r"swapped.bvh: Left and right are exchanged"):
        load_motion(tmp_path / "swapped.bvh")
