"""Skeletons as common tools write them, with the true bones.

Names, hierarchy, twist, IK and end bones follow the published conventions; they test the mapper on
files that it was not made with. Positions are HUMANOID's, in A-pose or T-pose with slightly bent
knees and elbows, in the tool's own frame and unit.
"""

from __future__ import annotations

from collections.abc import Callable

from mocap.core.rig import Tree
from tests.helpers.rig_trees.engines import (
    character1,
    makehuman_game,
    mixamo,
    ready_player_me,
    unity,
    unreal,
    unreal5,
    vroid,
)
from tests.helpers.rig_trees.maker import Maker, Truth
from tests.helpers.rig_trees.programs import (
    biped,
    daz,
    german,
    metarig,
    misspelt,
    mmd,
    rigify,
    smpl,
)

__all__ = [
    "ALL",
    "Maker",
    "Truth",
    "biped",
    "character1",
    "daz",
    "german",
    "makehuman_game",
    "metarig",
    "misspelt",
    "mixamo",
    "mmd",
    "ready_player_me",
    "rigify",
    "smpl",
    "unity",
    "unreal",
    "unreal5",
    "vroid",
]

ALL: tuple[Callable[[], tuple[Tree, Truth]], ...] = (
    mixamo, ready_player_me, unreal, unreal5, rigify, metarig, daz, mmd,
    unity, biped, makehuman_game, vroid, smpl, character1, german, misspelt,
)  # fmt: skip
