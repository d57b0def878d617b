"""Any character as a VRM 1.0: bones by name, T-pose at rest, facing forward, rest kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mocap import assets
from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.naming import conventions
from mocap.core.rig import Rig
from mocap.core.skeleton import HUMANOID, REQUIRED
from mocap.errors import InputError
from mocap.formats.bvh import dumps
from mocap.formats.gltf import glb
from mocap.formats.gltf.vrm import as_vrm
from mocap.rig.load import load_rig
from tests.judges import khronos, khronos_all

MIXAMO = {bone: names[0] for bone, names in conventions()["mixamo"].bones.items()}
LIMBS = [
    f"{s}{b}" for s in ("left", "right") for b in ("UpperArm", "LowerArm", "UpperLeg", "LowerLeg")
]
ENDS = {"UpperArm": "LowerArm", "LowerArm": "Hand", "UpperLeg": "LowerLeg", "LowerLeg": "Foot"}


def renamed_mannequin(path: Path, drop: float = 0.0, turn: np.ndarray | None = None) -> Path:
    """Return the mannequin as a plain GLB with Mixamo's names, lowered arms and a turned root."""
    document, binary = glb.split(assets.path("rigs/mannequin.vrm").read_bytes())
    bones = document.pop("extensions")["VRMC_vrm"]["humanoid"]["humanBones"]
    document["extensionsUsed"] = [
        e for e in document.get("extensionsUsed", []) if not e.startswith("VRMC")
    ]
    if not document["extensionsUsed"]:
        del document["extensionsUsed"]
    for bone, entry in bones.items():
        document["nodes"][entry["node"]]["name"] = (
            "mixamorig:" + conventions()["mixamo"].bones[bone][0]
        )
    for side, sign in (("left", -1.0), ("right", 1.0)):
        hanging = R.from_axis_angle(np.array([0.0, 0.0, 1.0]), np.array(sign * np.radians(drop)))
        document["nodes"][bones[f"{side}UpperArm"]["node"]]["rotation"] = hanging.tolist()
    if turn is not None:
        roots = document["scenes"][0]["nodes"]
        document["nodes"].append({"name": "turned", "rotation": turn.tolist(), "children": roots})
        document["scenes"][0]["nodes"] = [len(document["nodes"]) - 1]
    path.write_bytes(glb.join(document, binary))
    return path


def rest_directions(rig: Rig) -> np.ndarray:
    """Return the limbs' directions (8, 3) of the file's rest pose in mocap's world."""
    s = rig.skeleton
    positions, _ = fk(s, s.offsets[0], s.rest_rotations)
    return np.array(
        [
            R.normalize(positions[rig.index(b[: -len(k)] + ENDS[k])] - positions[rig.index(b)])
            for b, k in sided()
        ]
    )


def sided() -> list[tuple[str, str]]:
    return [(b, b.removeprefix("left").removeprefix("right")) for b in LIMBS]


@pytest.mark.parametrize("drop", [0.0, 45.0, 80.0])
@pytest.mark.parametrize("axis", [None, [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
def test_the_vrm_rests_in_t_pose_and_faces_forward(
    tmp_path: Path, drop: float, axis: list[float] | None
) -> None:
    turn = (
        None
        if axis is None
        else R.from_axis_angle(np.array(axis), np.array(np.pi if axis[1] else -0.5 * np.pi))
    )
    rig = load_rig(renamed_mannequin(tmp_path / "hero.glb", drop, turn))
    made = tmp_path / "hero.vrm"
    made.write_bytes(as_vrm(rig))
    again = load_rig(made)
    assert again.kind == "vrm"
    assert set(again.bones) == set(rig.bones)
    assert {f.how for f in again.found.values()} == {"vrm"}
    np.testing.assert_allclose(abs(again.turn), [0, 0, 0, 1], atol=1e-6)
    at = HUMANOID.rest_positions()
    wanted = [
        R.normalize(at[HUMANOID.index(b[: -len(k)] + ENDS[k])] - at[HUMANOID.index(b)])
        for b, k in sided()
    ]
    np.testing.assert_allclose(rest_directions(again), wanted, atol=2e-3)


def test_skins_materials_and_binary_data_are_kept(tmp_path: Path) -> None:
    path = renamed_mannequin(tmp_path / "hero.glb", 45.0)
    before, binary = glb.split(path.read_bytes())
    after, same = glb.split(as_vrm(load_rig(path)))
    assert same == binary
    for key in ("meshes", "materials", "skins", "accessors", "bufferViews", "buffers"):
        assert after[key] == before[key], key


def test_the_validator_accepts_the_vrm(tmp_path: Path, node: Path) -> None:
    hero, made = renamed_mannequin(tmp_path / "hero.glb", 45.0), tmp_path / "hero.vrm"
    made.write_bytes(as_vrm(load_rig(hero)))
    issues = khronos(node, made)["issues"]
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues


def test_a_missing_bone_gets_a_placeholder(tmp_path: Path) -> None:
    handless = {
        b: "mixamorig:" + conventions()["mixamo"].bones[b][0] for b in REQUIRED if "Hand" not in b
    }
    rig = load_rig(renamed_mannequin(tmp_path / "hero.glb"), handless)
    document, _ = glb.split(as_vrm(rig))
    bones = document["extensions"]["VRMC_vrm"]["humanoid"]["humanBones"]
    assert set(REQUIRED) <= set(bones)
    arm = document["nodes"][bones["leftLowerArm"]["node"]]
    assert bones["leftHand"]["node"] in arm["children"]
    # As far beyond the elbow as the elbow is beyond the shoulder.
    place = np.linalg.norm(document["nodes"][bones["leftHand"]["node"]]["translation"])
    np.testing.assert_allclose(
        place, np.linalg.norm(HUMANOID.offsets[HUMANOID.index("leftLowerArm")]), atol=0.02
    )


def test_a_skeleton_without_a_body_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "walk.bvh"
    path.write_text(
        dumps(Motion(HUMANOID, np.zeros(1), HUMANOID.offsets[:1], HUMANOID.rest_rotations[None]))
    )
    with pytest.raises(InputError, match="skeleton without a body"):
        as_vrm(load_rig(path))


def test_every_available_humanoid_rig_becomes_a_vrm(data: Path, tmp_path: Path, node: Path) -> None:
    files = [
        p
        for p in sorted((data / "rigs").rglob("*"))
        if p.suffix in (".glb", ".vrm") and p.name != "RiggedSimple.glb"
    ]
    assert len(files) >= 10
    written = [tmp_path / f"{i}.vrm" for i in range(len(files))]
    for path, made in zip(files, written, strict=True):
        rig = load_rig(path)
        made.write_bytes(as_vrm(rig))
        again = load_rig(made)
        assert set(rig.bones) <= set(again.bones), path.name
    errors = [report["issues"]["numErrors"] for report in khronos_all(node, [*files, *written])]
    for path, before, after in zip(files, errors[: len(files)], errors[len(files) :], strict=True):
        assert after <= before, path.name
