"""The bones are VRM 1.0's; HUMANOID stands symmetric on the floor; skeletons are validated."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core.kinematics import sole_heights
from mocap.core.skeleton import BONE_PARENTS, BONES, HUMANOID, TIPS, Skeleton, mirrored_name
from mocap.errors import InputError

_FINGERS = {
    finger: [
        f"{finger}{joint}"
        for joint in (
            ("Metacarpal", "Proximal", "Distal")
            if finger == "Thumb"
            else ("Proximal", "Intermediate", "Distal")
        )
    ]
    for finger in ("Thumb", "Index", "Middle", "Ring", "Little")
}


def vrm_parents() -> dict[str, str | None]:
    """Return the table "Humanoid Bone Parent-Child Relationship" of VRMC_vrm-1.0, humanoid.md.

    Every optional bone is present.
    """
    table: dict[str, str | None] = {
        "hips": None, "spine": "hips", "chest": "spine", "upperChest": "chest",
        "neck": "upperChest", "head": "neck", "jaw": "head",
    }  # fmt: skip
    for side in ("left", "right"):
        chains = [
            ["head", "Eye"],
            ["hips", "UpperLeg", "LowerLeg", "Foot", "Toes"],
            ["upperChest", "Shoulder", "UpperArm", "LowerArm", "Hand"],
            *(["Hand", *joints] for joints in _FINGERS.values()),
        ]
        for start, *rest in chains:
            parent = side + start if start == "Hand" else start
            for bone in rest:
                table[side + bone] = parent
                parent = side + bone
    return table


def test_bones_and_parents_are_the_55_of_vrm() -> None:
    assert len(BONES) == 55
    assert dict(BONE_PARENTS) == vrm_parents()
    assert BONES[0] == "hips"


def test_parents_come_before_their_children_and_children_know_their_parents() -> None:
    assert all(HUMANOID.parents[1:] < np.arange(1, 55))
    for joint in range(55):
        assert all(HUMANOID.parents[child] == joint for child in HUMANOID.children(joint))
    assert sum(len(HUMANOID.children(j)) for j in range(55)) == 54


def test_the_rest_pose_is_1_75_m_tall_and_stands_on_the_floor() -> None:
    rest = HUMANOID.rest_positions()
    assert rest[BONES.index("head"), 1] + TIPS["head"][1] == pytest.approx(1.75)
    assert rest[:, 1].min() > 0.0
    assert np.abs(rest[0, 1] + sole_heights(HUMANOID, HUMANOID.rest_rotations)).max() < 1e-12


def test_the_rest_pose_is_a_t_pose_that_faces_plus_z() -> None:
    rest = dict(zip(BONES, HUMANOID.rest_positions(), strict=True))
    assert (HUMANOID.rest_rotations == [0.0, 0.0, 0.0, 1.0]).all()
    for bone, position in rest.items():
        if bone.startswith("left"):
            assert position[0] > 0.0, bone
    for front, back in (("leftToes", "leftFoot"), ("leftEye", "head"), ("jaw", "neck")):
        assert rest[front][2] > rest[back][2]
    arm = np.array([rest[b] for b in ("leftUpperArm", "leftLowerArm", "leftHand")])
    assert np.abs(arm[:, 1:] - arm[0, 1:]).max() < 1e-12
    leg = np.array([rest[b] for b in ("leftUpperLeg", "leftLowerLeg", "leftFoot")])
    assert np.abs(leg[:, [0, 2]] - leg[0, [0, 2]]).max() < 1e-12


def test_the_right_side_mirrors_the_left() -> None:
    rest = HUMANOID.rest_positions()
    other = [BONES.index(mirrored_name(b)) for b in BONES]
    assert np.abs(rest[other] * [-1.0, 1.0, 1.0] - rest).max() < 1e-12
    assert set(TIPS) == {mirrored_name(b) for b in TIPS}
    for bone, tip in TIPS.items():
        assert np.allclose(TIPS[mirrored_name(bone)] * [-1.0, 1.0, 1.0], tip)


def test_mirroring_a_name_twice_returns_it() -> None:
    assert all(mirrored_name(mirrored_name(b)) == b for b in BONES)
    middle = {b for b in BONES if mirrored_name(b) == b}
    assert middle == {"hips", "spine", "chest", "upperChest", "neck", "head", "jaw"}


def test_only_leaves_and_the_head_have_tips_in_line_with_their_bones() -> None:
    leaves = {b for n, b in enumerate(BONES) if not HUMANOID.children(n)}
    assert set(TIPS) == leaves | {"head"}
    for finger in (
        "leftIndexDistal",
        "leftMiddleDistal",
        "leftRingDistal",
        "leftLittleDistal",
        "leftThumbDistal",
    ):
        bone = HUMANOID.offsets[BONES.index(finger)]
        cosine = bone @ TIPS[finger] / np.linalg.norm(bone) / np.linalg.norm(TIPS[finger])
        assert cosine > 0.95, finger


def parts(**changes: object) -> dict[str, object]:
    identity = np.tile([0.0, 0.0, 0.0, 1.0], (3, 1))
    return {
        "names": ("a", "b", "c"),
        "parents": np.array([-1, 0, 1]),
        "offsets": np.ones((3, 3)),
        "rest_rotations": identity,
    } | changes


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"names": ("a", "b", "a")}, "more than once: a"),
        ({"names": ("a", "b")}, "2 names"),
        ({"parents": np.array([-1, 2, 0])}, "parent stands before it"),
        ({"parents": np.array([-1, 1, 0])}, "parent stands before it"),
        ({"parents": np.array([-1, -1, 0])}, "only root"),
        ({"parents": np.array([0, 0, 1])}, "first joint"),
        ({"offsets": np.full((3, 3), np.nan)}, "finite"),
        ({"rest_rotations": np.full((3, 4), np.inf)}, "finite"),
        (
            {
                "names": (),
                "parents": np.zeros(0, int),
                "offsets": np.zeros((0, 3)),
                "rest_rotations": np.zeros((0, 4)),
            },
            "root",
        ),
    ],
)
def test_invalid_skeletons_are_refused_with_a_sentence(
    changes: dict[str, object], named: str
) -> None:
    with pytest.raises(InputError, match=named) as caught:
        Skeleton(**parts(**changes))  # type: ignore[arg-type]
    assert str(caught.value).endswith(".")


def test_an_unknown_joint_error_lists_the_joints() -> None:
    skeleton = Skeleton(**parts())  # type: ignore[arg-type]
    assert skeleton.index("c") == 2
    with pytest.raises(InputError, match=r"'tail'.* a, b, c"):
        skeleton.index("tail")


def test_a_skeleton_holds_read_only_copies() -> None:
    given = parts()
    skeleton = Skeleton(**given)  # type: ignore[arg-type]
    given["offsets"][1] = 7.0  # type: ignore[index]
    assert (skeleton.offsets == 1.0).all()
    for array in (skeleton.parents, skeleton.offsets, skeleton.rest_rotations):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
