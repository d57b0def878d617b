"""Bones by shape: rigs with random names, order and rotation; other creatures are refused."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mocap.core.rig import Tree
from mocap.core.skeleton import REQUIRED
from mocap.errors import InputError
from mocap.formats import read_tree
from mocap.rig.mapping import map_bones
from tests.helpers import cost, rig_trees
from tests.helpers.made_rigs import anonymous
from tests.helpers.places import DATA

TRUTH: dict[str, dict[str, str | list[str]]] = json.loads(
    (DATA / "rig_truth.json").read_text("utf-8")
)


def right(tree: Tree, truth: dict[str, str | list[str]], seed: int) -> tuple[set[str], set[str]]:
    """Return the bones found correctly and those found wrongly, by shape alone."""
    blind, order = anonymous(tree, seed)
    try:
        found = map_bones(blind)
    except InputError:
        return set(), set()
    assert {f.how for f in found.values()} == {"shape"}
    assert all(0.0 < f.sure <= 0.9 for f in found.values())
    nodes = {bone: tree.names[order[f.node]] for bone, f in found.items()}
    good = {
        b
        for b, n in nodes.items()
        if b in truth and n in (truth[b] if isinstance(truth[b], list) else [truth[b]])
    }
    return good, nodes.keys() - good


def test_four_fifths_of_the_available_rigs_are_found_by_shape(data: Path) -> None:
    """Found: all required bones, nine tenths of all, at most one in twenty wrong."""
    rigs, bones, of = [], 0, 0
    for name, truth in TRUTH.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            tree = read_tree(data / name)
        for seed in range(3):
            good, bad = right(tree, truth, seed)
            required = {b for b in REQUIRED if b in truth}
            rigs.append(
                required <= good and len(good) >= 0.9 * len(truth) and len(bad) <= 0.05 * len(truth)
            )
            bones, of = bones + len(good), of + len(truth)
    print(f"\nby shape alone: {sum(rigs)} of {len(rigs)} rigs and seeds, {bones} of {of} bones")
    assert np.mean(rigs) >= 0.8
    assert bones / of >= 0.9


@pytest.mark.parametrize(
    "make", [f for f in rig_trees.ALL if f is not rig_trees.biped], ids=lambda f: f.__name__
)
def test_required_bones_of_known_tools_are_found_by_shape(
    make: Callable[[], tuple[Tree, dict[str, str]]],
) -> None:
    # Biped is left out: its thighs hang from the spine and its clavicles from the neck, which the
    # shape takes for hips and chest.
    tree, truth = make()
    for seed in range(3):
        good, bad = right(tree, dict(truth), seed)
        assert {b for b in REQUIRED if b in truth} <= good
        assert len(bad) <= 0.06 * len(truth)


def test_a_mirrored_body_has_the_same_bones_with_sides_swapped() -> None:
    tree, truth = rig_trees.mixamo()
    blind, _ = anonymous(tree, 5)
    mirrored = Tree(
        blind.kind,
        blind.names,
        blind.nodes,
        blind.parents,
        blind.positions * [-1.0, 1.0, 1.0],
        blind.rotations,
        blind.joints,
        {},
        (),
    )
    a, b = map_bones(blind), map_bones(mirrored)
    for bone in ("LowerArm", "Hand", "Foot", "IndexDistal"):
        assert a["left" + bone].node == b["right" + bone].node
    assert a["head"].node == b["head"].node
    assert len(a) == len(truth)


def test_a_non_humanoid_rig_is_refused_with_the_reason(data: Path) -> None:
    with pytest.raises(InputError, match="single chain without branches"):
        map_bones(read_tree(data / "rigs" / "misc" / "RiggedSimple.glb"))


def nodes(parents: list[int], positions: np.ndarray) -> Tree:
    count = len(parents)
    names = tuple(f"bone_{i}" for i in range(count))
    unturned = np.tile([0.0, 0.0, 0.0, 1.0], (count, 1))
    return Tree(
        "glb",
        names,
        np.arange(count),
        np.array(parents),
        np.asarray(positions, float),
        unturned,
        np.ones(count, dtype=bool),
    )


def dog() -> Tree:
    parents, places = (
        [-1, 0, 1, 2, 3, 4],
        [
            (0, 0.6, -0.5),
            (0, 0.62, -0.2),
            (0, 0.62, 0.1),
            (0, 0.6, 0.4),
            (0, 0.7, 0.5),
            (0, 0.85, 0.65),
        ],
    )
    for x in (0.12, -0.12):
        for top, leg in (
            (3, [(x, 0.58, 0.4), (x, 0.45, 0.35), (x, 0.25, 0.4), (x, 0.03, 0.4)]),
            (0, [(x, 0.55, -0.5), (x, 0.35, -0.45), (x, 0.2, -0.6), (x, 0.03, -0.55)]),
        ):
            parents += [top, *range(len(parents), len(parents) + 3)]
            places += leg  # type: ignore[arg-type]
    return nodes(parents, np.array(places, dtype=float))


def test_a_dog_is_refused_with_the_reason() -> None:
    with pytest.raises(InputError, match="animal on four legs"):
        map_bones(dog())


COUNT = 10_000


@pytest.mark.parametrize(
    "parents",
    [
        [i - 1 for i in range(COUNT)],
        [-1] + [0] * (COUNT - 1),
        [-1] + [0 if i % 5 == 1 else i - 1 for i in range(1, COUNT)],
        [(i - 1) // 2 if i else -1 for i in range(COUNT)],
        [-1] * COUNT,
        [-1, *(0 if i in (1, COUNT // 2) else i - 1 for i in range(1, COUNT))],
    ],
    ids=["chain", "star", "star of chains", "binary tree", "roots only", "two long chains"],
)
def test_ten_thousand_nodes_of_any_shape_are_mapped_in_bounded_time(
    parents: list[int],
) -> None:
    tree = nodes(parents, np.random.default_rng(3).normal(size=(COUNT, 3)))

    def mapped() -> None:
        with contextlib.suppress(InputError):
            map_bones(tree)

    # Two seconds as users have it; here, every function's arrays are checked as well.
    assert cost.seconds(mapped, 4.0) < 4.0


@pytest.mark.parametrize(
    "positions",
    [np.zeros((63, 3)), np.full((63, 3), np.nan), np.full((63, 3), 1e300)],
    ids=["zero", "NaN", "huge"],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_tree_without_positions_is_refused(positions: np.ndarray) -> None:
    with pytest.raises(InputError, match="no humanoid"):
        map_bones(nodes([(i - 1) // 2 if i else -1 for i in range(63)], positions))
