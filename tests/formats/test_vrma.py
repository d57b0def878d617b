"""VRM animations: written files are judged by three-vrm, files of others read like it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.errors import InputError
from mocap.formats.gltf import glb, vrma
from mocap.formats.gltf import read as gltf_read
from mocap.retargeting import load_motion
from mocap.rig.load import load_rig
from tests import judges
from tests.helpers import synthetic
from tests.helpers.places import MANNEQUIN

HALF_A_MILLIMETRE = 0.0005
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=15, deadline=None)


def clip(seed: int = 3, seconds: float = 2.0) -> Motion:
    """Return a motion of every bone that a VRM animation has; both eyes look together."""
    made = synthetic.smooth_motion(np.random.default_rng(seed), seconds, 30.0)
    rotations = made.rotations.copy()
    gaze = np.stack(
        [0.1 * np.sin(made.times), 0.3 * np.cos(made.times), np.zeros(len(made))], axis=1
    )
    rotations[:, [BONES.index("leftEye"), BONES.index("rightEye")]] = R.from_rotation_vector(gaze)[
        :, None
    ]
    return replace(made, rotations=rotations, root_positions=made.root_positions + [0.0, 1.0, 4.0])


def with_face(motion: Motion) -> Motion:
    wave = 0.5 + 0.5 * np.sin(2 * motion.times)
    return replace(
        motion, expressions={"happy": wave, "blinkLeft": 1 - wave, "jawOpen": 0.5 * wave}
    )


def on_character(motion: Motion, body: Skeleton, ratio: float) -> np.ndarray:
    """Return a character's expected bone positions (F, J, 3).

    World rotations are the motion's; the path scales with the hip height.
    """
    joints = [BONES.index(n) for n in body.names]
    away = kinematics.global_rotations(motion.skeleton, motion.rotations)
    turned = R.multiply(away[:, joints], kinematics.global_rotations(body, body.rest_rotations))
    return kinematics.fk(
        body, ratio * motion.root_positions, kinematics.local_rotations(body, turned)
    )[0]


# --- what is written ------------------------------------------------------------------------------


@few
@given(seeds, st.booleans())
def test_written_files_are_read_back_unchanged(seed: int, all_keys: bool) -> None:
    motion = with_face(clip(seed))
    back = vrma.loads(vrma.dumps(motion, all_keys=all_keys)).at(motion.times)
    assert back.skeleton.names == BONES
    angle, length = (1e-3, 1e-6) if all_keys else (0.1, 1e-3)
    assert np.degrees(R.distance(back.rotations, motion.rotations).max()) <= angle
    assert np.linalg.norm(back.root_positions - motion.root_positions, axis=1).max() <= length
    eyes = [BONES.index("leftEye"), BONES.index("rightEye")]
    body = [j for j in range(55) if j not in eyes]
    assert np.abs(back.skeleton.offsets[body] - motion.skeleton.offsets[body]).max() < 1e-9
    for name, weights in motion.expressions.items():
        assert np.abs(back.expressions[name] - weights).max() < (1e-6 if all_keys else 2e-3)


def test_the_document_has_the_fields_of_the_specification() -> None:
    document, _ = glb.split(vrma.dumps(with_face(clip()), "wave"))
    extension = document["extensions"]["VRMC_vrm_animation"]
    assert document["extensionsUsed"] == ["VRMC_vrm_animation"]
    assert extension["specVersion"] == "1.0"
    assert set(extension["humanoid"]["humanBones"]) == set(BONES) - {"leftEye", "rightEye"}, (
        "eyes are no bones there"
    )
    assert set(extension["expressions"]["preset"]) == {"happy", "blinkLeft"}
    assert set(extension["expressions"]["custom"]) == {"jawOpen"}
    hips = extension["humanoid"]["humanBones"]["hips"]["node"]
    bones = {e["node"] for e in extension["humanoid"]["humanBones"].values()}
    (animation,) = document["animations"]
    assert animation["name"] == "wave"
    for target in (c["target"] for c in animation["channels"]):
        assert (
            target["path"] == "rotation" or target["node"] == hips or target["node"] not in bones
        ), "only the hips move"


def test_the_khronos_validator_finds_no_error_and_no_warning(tmp_path: Path, node: Path) -> None:
    path = tmp_path / "clip.vrma"
    for motion in (clip(), with_face(clip()), with_face(clip()).slice(0, 1)):
        path.write_bytes(vrma.dumps(motion))
        issues = judges.khronos(node, path)["issues"]
        assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


def test_three_vrm_plays_it_alike_on_the_mannequin(tmp_path: Path, node: Path) -> None:
    motion = with_face(clip())
    path = tmp_path / "clip.vrma"
    path.write_bytes(vrma.dumps(motion, all_keys=True))
    frames = judges.three_vrm(node, MANNEQUIN, path, motion.times[::7])
    ratio = HUMANOID.offsets[0, 1] / motion.skeleton.offsets[0, 1]
    expected = on_character(motion, HUMANOID, ratio)[::7]
    for bone in set(BONES) - {"leftEye", "rightEye"}:
        found = np.array([f["places"][bone] for f in frames])
        assert np.abs(found - expected[:, BONES.index(bone)]).max() < HALF_A_MILLIMETRE, bone


def test_three_vrm_plays_it_alike_on_other_characters(
    data: Path, tmp_path: Path, node: Path
) -> None:
    """They have their own bone axes and hip height, and lack some bones."""
    motion = clip()
    path = tmp_path / "clip.vrma"
    path.write_bytes(vrma.dumps(motion, all_keys=True))
    for name in ("saturday06_Example.vrm", "debug_robot.vrm"):
        rig = load_rig(data / "rigs" / "vrm" / name)
        names = [n for n in BONES if n in rig.bones]
        order = [rig.index(n) for n in names]
        at, _ = kinematics.fk(rig.skeleton, rig.skeleton.offsets[0], rig.skeleton.rest_rotations)
        above = [names.index(p) if p else -1 for p in (_above(n, names) for n in names)]
        offsets = [
            at[j] - (at[order[a]] if a >= 0 else 0) for j, a in zip(order, above, strict=True)
        ]
        # The rig as three-vrm sees it: bones from joint to joint, unturned in the pose that the
        # file rests in.
        body = Skeleton(
            tuple(names), np.array(above), np.array(offsets), np.tile(R.IDENTITY, (len(names), 1))
        )
        expected = on_character(
            motion, body, at[rig.index("hips"), 1] / motion.skeleton.offsets[0, 1]
        )[::10]
        frames = judges.three_vrm(node, data / "rigs" / "vrm" / name, path, motion.times[::10])
        for j, bone in enumerate(names):
            found = np.array([f["places"][bone] for f in frames])
            if bone not in ("leftEye", "rightEye"):
                assert np.abs(found - expected[:, j]).max() < HALF_A_MILLIMETRE, (name, bone)


def _above(bone: str, names: list[str]) -> str | None:
    above = BONES[HUMANOID.parents[BONES.index(bone)]] if bone != "hips" else None
    while above is not None and above not in names:
        above = BONES[HUMANOID.parents[BONES.index(above)]]
    return above


def test_three_vrm_shows_the_expressions_and_the_gaze(
    data: Path, tmp_path: Path, node: Path
) -> None:
    motion = with_face(clip())
    path = tmp_path / "clip.vrma"
    path.write_bytes(vrma.dumps(motion, all_keys=True))
    character = data / "rigs" / "vrm" / "Godette_vrm_v4.vrm"
    frames = judges.three_vrm(node, character, path, motion.times[::7])
    shown = {
        name: np.array([f["expressions"][name] for f in frames])
        for name in frames[0]["expressions"]
        if name in motion.expressions
    }
    assert {"happy", "blinkLeft"} <= set(shown)
    for name, weights in shown.items():
        assert np.abs(weights - motion.expressions[name][::7]).max() < 1e-5, name
    yaw = np.degrees(0.3 * np.cos(motion.times[::7]))
    # The gaze is yaw and pitch; turned about both at once, they differ from the rotation vector's
    # parts by a little.
    assert np.abs(np.array([f["gaze"][0] for f in frames]) - yaw).max() < 0.2


def test_a_motion_without_humanoid_bones_is_refused() -> None:
    motion = clip(seconds=0.2)
    with pytest.raises(InputError, match="without frames"):
        vrma.dumps(motion.slice(0, 0))
    names = ("pelvis", *BONES[1:])
    other = Skeleton(names, HUMANOID.parents, HUMANOID.offsets, HUMANOID.rest_rotations)
    with pytest.raises(InputError, match="only humanoid bones, but the motion has pelvis"):
        vrma.dumps(replace(motion, skeleton=other))
    rests = HUMANOID.rest_rotations.copy()
    rests[3] = R.from_axis_angle(np.array([0.0, 0.0, 1.0]), 0.3)
    with pytest.raises(InputError, match="rest in T-pose without rotation"):
        vrma.dumps(
            replace(motion, skeleton=Skeleton(BONES, HUMANOID.parents, HUMANOID.offsets, rests))
        )


# --- what others wrote ----------------------------------------------------------------------------


@few
@given(seeds)
def test_rotated_rest_bones_and_nodes_between_them_are_read(seed: int) -> None:
    """Only the rotation away from rest counts."""
    rng = np.random.default_rng(seed)
    motion = clip(seed, 0.3)
    document, binary = glb.split(vrma.dumps(motion, all_keys=True))
    plain = vrma.loads(glb.join(document, binary))
    twists = synthetic.random_rotation(rng, len(document["nodes"]))
    parents = glb.node_parents(document)
    times, tracks = plain.times, {}
    for target, sampler in (
        (c["target"], document["animations"][0]["samplers"][c["sampler"]])
        for c in document["animations"][0]["channels"]
    ):
        tracks[target["node"], target["path"]] = glb.accessor(document, binary, sampler["output"])
    pieces: list[np.ndarray] = [times.astype("<f4")]
    channels = []
    for node in range(len(BONES) - 2):
        above = R.IDENTITY if parents[node] < 0 else twists[parents[node]]
        turned = R.multiply(R.multiply(R.conjugate(above), tracks[node, "rotation"]), twists[node])
        place = np.array(document["nodes"][node]["translation"])
        document["nodes"][node] |= {
            "translation": R.apply(R.conjugate(above), place).tolist(),
            "rotation": R.multiply(R.conjugate(above), twists[node]).tolist(),
        }
        channels.append({"sampler": len(channels), "target": {"node": node, "path": "rotation"}})
        pieces.append(turned.astype("<f4"))
    data = b"".join(p.tobytes() for p in pieces)
    accessors, offset = [], 0
    for piece in pieces:
        kind = "SCALAR" if piece.ndim == 1 else "VEC4"
        accessors.append(
            {
                "bufferView": 0,
                "byteOffset": offset,
                "componentType": 5126,
                "count": len(piece),
                "type": kind,
            }
        )
        offset += piece.nbytes
    document |= {
        "accessors": accessors, "bufferViews": [{"buffer": 0, "byteLength": len(data)}],
        "buffers": [{"byteLength": len(data)}],
        "animations": [{"channels": channels,
                        "samplers": [{"input": 0, "output": 1 + i} for i in range(len(channels))]}],
    }  # fmt: skip
    back = vrma.loads(glb.join(document, data))
    body = [j for j, n in enumerate(BONES) if not n.endswith("Eye")]
    assert np.degrees(R.distance(back.rotations[:, body], plain.rotations[:, body]).max()) < 0.01
    assert np.abs(back.skeleton.offsets[body] - plain.skeleton.offsets[body]).max() < 1e-6


@pytest.mark.parametrize("name", ["three-vrm_test.vrma", "hips_spine_twisting.vrma"])
def test_animations_of_other_tools_are_read_as_three_vrm_plays_them(
    data: Path, node: Path, name: str
) -> None:
    path = data / "rigs" / "vrma" / name
    motion = vrma.loads(path.read_bytes())
    whole = np.tile(R.IDENTITY, (len(motion), 55, 1))
    for j, bone in enumerate(motion.skeleton.names):
        whole[:, BONES.index(bone)] = motion.rotations[:, j]
    some = slice(None, None, max(1, len(motion) // 20))
    frames = judges.three_vrm(node, MANNEQUIN, path, motion.times[some])
    found = np.array([[f["places"][b] for b in BONES] for f in frames])
    expected = kinematics.fk(HUMANOID, np.zeros(3), whole[some])[0]
    body = [j for j, b in enumerate(BONES) if not b.endswith("Eye")]
    assert np.abs((found - found[:, :1])[:, body] - expected[:, body]).max() < HALF_A_MILLIMETRE
    if "happy" in motion.expressions:
        assert motion.expressions["happy"].max() > 0.5


def test_animations_on_humanoid_bones_fit_any_character(data: Path) -> None:
    for name in ("three-vrm_test.vrma", "hips_spine_twisting.vrma"):
        motion = load_motion(data / "rigs" / "vrma" / name)
        assert motion.skeleton.names == BONES
        assert np.all(np.isfinite(motion.root_positions))


@few
@given(seeds)
def test_a_rest_pose_other_than_the_t_pose_leaves_the_body_straight(
    tmp_path_factory: Any, seed: int
) -> None:
    """The same rotations away from a random bent rest pose."""
    rng = np.random.default_rng(seed)
    motion = clip(seed, 0.3)
    path = tmp_path_factory.mktemp("vrma") / "a.vrma"
    path.write_bytes(vrma.dumps(motion, all_keys=True))
    plain = load_motion(path)
    document, binary = glb.split(path.read_bytes())
    bent = np.tile(R.IDENTITY, (55, 1))
    for bone in ("hips", "spine", "leftUpperArm", "rightUpperArm", "leftLowerArm", "rightLowerLeg"):
        # A trunk that leans by less than 25° may have been modelled so: this one bends by more.
        axis = R.normalize(rng.normal(size=3) * ([1.0, 0.0, 1.0] if bone == "spine" else 1.0))
        bent[BONES.index(bone)] = R.from_axis_angle(axis, np.radians(rng.uniform(40.0, 60.0)))
    posed = kinematics.fk(motion.skeleton, motion.skeleton.offsets[0], bent)[0]
    for node in document["nodes"][1:]:
        # Nodes that rest unturned at the places of the bent pose: what they turn by is what they
        # turned by before.
        if node["name"] in BONES and (above := _above(node["name"], list(BONES))) is not None:
            node["translation"] = (
                posed[BONES.index(node["name"])] - posed[BONES.index(above)]
            ).tolist()
    path.write_bytes(glb.join(document, binary))
    found = load_motion(path)
    straight, places = plain.skeleton.rest_positions(), found.skeleton.rest_positions()
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for a, b, way in (
            ("UpperArm", "LowerArm", [sign, 0, 0]),
            ("LowerArm", "Hand", [sign, 0, 0]),
            ("UpperLeg", "LowerLeg", [0, -1, 0]),
        ):
            v = places[BONES.index(side + b)] - places[BONES.index(side + a)]
            w = straight[BONES.index(side + b)] - straight[BONES.index(side + a)]
            assert R.normalize(v) @ R.normalize(w) > 1 - 1e-6, (side, a)
            assert np.linalg.norm(v) == pytest.approx(np.linalg.norm(w), rel=1e-6)
            assert R.normalize(v) @ np.array(way) > 0.9
    # Hips and spine may bend against each other, and what is left of it by less than 25° passes for
    # modelled.
    assert R.normalize(places[BONES.index("head")] - places[0])[1] > np.cos(np.radians(25.0)), (
        "the trunk stands"
    )
    same = [j for j, b in enumerate(BONES) if not b.endswith(("Eye", "Toes"))]
    assert np.degrees(R.distance(found.rotations[:, same], plain.rotations[:, same]).max()) < 0.05


def test_a_twisted_rest_pose_plays_as_in_three_vrm(data: Path, node: Path) -> None:
    path = data / "rigs" / "vrma" / "hips_spine_twisting.vrma"
    motion = load_motion(path)
    places = motion.skeleton.rest_positions()
    some = slice(None, None, len(motion) // 20)
    moved = kinematics.fk(motion.skeleton, motion.root_positions[some], motion.rotations[some])[0]
    frames = judges.three_vrm(node, MANNEQUIN, path, motion.times[some])
    stand = HUMANOID.rest_positions()
    chains = (
        ("UpperArm", "LowerArm"),
        ("LowerArm", "Hand"),
        ("UpperLeg", "LowerLeg"),
        ("LowerLeg", "Foot"),
    )
    for a, b in ((s + a, s + b) for s in ("left", "right") for a, b in chains):
        i, j = BONES.index(a), BONES.index(b)
        assert R.normalize(places[j] - places[i]) @ R.normalize(stand[j] - stand[i]) > np.cos(
            np.radians(0.5)
        ), a
        played = R.normalize(
            np.array([np.subtract(f["places"][b], f["places"][a]) for f in frames])
        )
        assert (R.normalize(moved[:, j] - moved[:, i]) * played).sum(axis=-1).min() > np.cos(
            np.radians(0.5)
        ), a
    assert R.normalize(places[BONES.index("head")] - places[0])[1] > 0.99


def damaged(change: Any) -> bytes:
    document, binary = glb.split(vrma.dumps(clip(seconds=0.2)))
    change(document)
    return glb.join(document, binary)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (
            lambda: MANNEQUIN.read_bytes(),
            "no VRM animation: the glTF document has no VRMC_vrm_animation",
        ),
        (lambda: b"glTF", "not a GLB"),
        (
            lambda: damaged(
                lambda d: d["extensions"]["VRMC_vrm_animation"]["humanoid"]["humanBones"].pop(
                    "hips"
                )
            ),
            "no hips",
        ),
        (
            lambda: damaged(lambda d: d["extensions"]["VRMC_vrm_animation"].pop("humanoid")),
            "damaged",
        ),
        (lambda: damaged(lambda d: d.pop("animations")), "no animation in the file"),
        (
            lambda: damaged(
                lambda d: d["extensions"]["VRMC_vrm_animation"]["humanoid"]["humanBones"][
                    "head"
                ].update(node=999)
            ),
            "damaged",
        ),
    ],
)
def test_files_that_are_not_vrm_animations_are_refused_with_a_sentence(
    data: Any, says: str
) -> None:
    with pytest.raises(InputError, match=says):
        vrma.loads(data())


def test_an_animation_is_chosen_by_name() -> None:
    document, binary = glb.split(vrma.dumps(clip(seconds=0.2), "first"))
    assert gltf_read.animations(glb.join(document, binary)) == ["first"]
    assert len(vrma.loads(glb.join(document, binary), "first"))
    with pytest.raises(InputError, match="no animation 'second' in the file; it has first"):
        vrma.loads(glb.join(document, binary), "second")
