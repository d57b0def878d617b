"""Implausible bone maps are less certain, and the report says why."""

from __future__ import annotations

from dataclasses import replace

from mocap.core.rig import Found
from mocap.rig import doubts, report
from mocap.rig.mapping import map_bones, remarks
from tests.helpers import rig_trees


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
