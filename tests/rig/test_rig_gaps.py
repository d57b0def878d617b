"""T-poses of incomplete and unusual characters: missing bones, nodes between, no length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import rotation as R
from mocap.core.rig import Found, Tree
from mocap.core.skeleton import BONES
from mocap.errors import InputError
from mocap.rig.load import make_rig
from tests.helpers import synthetic
from tests.helpers.posed_trees import Made, Z, relaxed, worst_limb

seeds = st.integers(0, 2**32 - 1)


OPTIONAL = (
    "Shoulder",
    "Toes",
    "ThumbMetacarpal",
    "IndexProximal",
    "LittleProximal",
    "MiddleDistal",
    "RingIntermediate",
    "Eye",
)


@given(
    seeds,
    st.lists(
        st.sampled_from([*OPTIONAL, "spine", "chest", "upperChest", "neck", "jaw", "head"]),
        unique=True,
    ),
)
@settings(max_examples=12, deadline=None)
def test_limbs_point_right_when_optional_bones_are_missing(seed: int, parts: list[str]) -> None:
    rng = np.random.default_rng(seed)
    without = tuple(
        b for b in BONES if b in parts or b.removeprefix("left").removeprefix("right") in parts
    )
    assert worst_limb(Made(rng, relaxed(rng)).rig(without)) < 0.01


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_nodes_between_bones_move_with_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = Made(rng, relaxed(rng))
    at = BONES.index("leftUpperArm"), BONES.index("leftLowerArm")
    parents = np.append(made.tree.parents, at[0])
    parents[at[1]] = 55
    order = [*range(at[1]), 55, *range(at[1], 55)]
    place = np.argsort(order)
    positions = np.append(
        made.tree.positions,
        [made.tree.positions[list(at)].mean(0) + rng.normal(scale=0.1, size=3)],
        axis=0,
    )
    rotations = np.append(made.tree.rotations, synthetic.random_rotation(rng, 1), axis=0)
    names = (*BONES, "twist")
    tree = Tree(
        "glb", tuple(names[i] for i in order), np.arange(56),
        np.where(parents[order] >= 0, place[parents[order]], -1),
        positions[order], rotations[order], np.ones(56, dtype=bool),
    )  # fmt: skip
    rig = make_rig(
        tree, {b: Found(int(place[i]), "map", 1.0) for i, b in enumerate(BONES)}, "made", b""
    )
    assert worst_limb(rig) < 0.01
    assert max(made.off(rig).values()) < 0.01
    twist = rig.skeleton.names.index("twist")
    assert np.allclose(rig.t_pose[twist], rig.skeleton.rest_rotations[twist]) or np.allclose(
        rig.t_pose[twist], -rig.skeleton.rest_rotations[twist]
    )


@given(seeds)
@settings(max_examples=12, deadline=None)
def test_a_foot_parented_elsewhere_is_attached_to_its_leg(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = Made(rng, relaxed(rng))
    parents = made.tree.parents.copy()
    parents[[BONES.index("leftFoot"), BONES.index("rightFoot")]] = 0
    made.tree = replace(made.tree, parents=parents)
    rig = made.rig()
    assert rig.skeleton.parents[rig.index("leftFoot")] == rig.index("leftLowerLeg")
    assert worst_limb(rig, feet=True) < 0.01
    assert max(made.off(rig).values()) < 0.01


def test_corrections_are_reported() -> None:
    rng = np.random.default_rng(5)
    local = np.tile(R.IDENTITY, (55, 1))
    local[BONES.index("leftUpperArm")] = R.from_axis_angle(Z, np.radians(-45))
    rig = Made(rng, local).rig()
    told = {
        bone: np.degrees((a.swing, a.twist)).round(3).tolist() for bone, a in rig.aligned.items()
    }
    assert told["leftUpperArm"] == pytest.approx([45, 0])
    assert told["leftLowerArm"] == pytest.approx([45, 0])
    assert told["rightUpperArm"] == pytest.approx([0, 0])
    assert set(told) == set(BONES)


def test_impossible_bodies_are_refused_with_the_reason() -> None:
    made = Made(np.random.default_rng(0), np.tile(R.IDENTITY, (55, 1)))

    def refused(match: str, tree: Tree = made.tree, **other: Found) -> None:
        with pytest.raises(InputError, match=match):
            make_rig(tree, made.found | other, "made", b"")

    refused("two bones at once", leftHand=made.found["rightHand"])
    refused("hangs below", leftHand=made.found["leftUpperArm"], leftUpperArm=made.found["leftHand"])
    refused("no length|no way|lie", replace(made.tree, positions=np.zeros((55, 3))))
    parents = made.tree.parents.copy()
    parents[BONES.index("leftUpperLeg")] = -1
    without_hips = {b: f for b, f in made.found.items() if b != "hips"}
    with pytest.raises(InputError, match="several trees"):
        make_rig(replace(made.tree, parents=parents), without_hips, "made", b"")
    # A missing thigh is no reason: a part of a body moves what it has.
    partial = made.rig(without=("leftUpperLeg",))
    assert "leftUpperLeg" not in partial.bones
    assert np.all(np.isfinite(partial.t_pose))


@given(seeds, st.lists(st.sampled_from(range(55)), min_size=1, max_size=20))
@settings(max_examples=12, deadline=None)
def test_zero_length_bones_are_harmless(seed: int, flat: list[int]) -> None:
    rng = np.random.default_rng(seed)
    made = Made(rng, relaxed(rng))
    positions = made.tree.positions.copy()
    for joint in sorted(flat):
        positions[joint] = positions[max(made.tree.parents[joint], 0)]
    try:
        rig = make_rig(replace(made.tree, positions=positions), made.found, "made", b"")
    except InputError as error:
        assert "skeleton" in str(error)  # noqa: PT017
    else:
        assert np.all(np.isfinite(rig.t_pose))
        assert np.allclose(np.linalg.norm(rig.t_pose, axis=1), 1.0)
