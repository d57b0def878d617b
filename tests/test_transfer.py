"""mocap retarget and bake --rig as users run them: motion into the user's own file."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mocap import transfer
from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.skeleton import BONES
from mocap.errors import InputError
from mocap.formats import bvh, gltf, keypoints_json
from mocap.formats.bvh import rig as bvh_rig
from mocap.formats.bvh.rig import on_rig
from mocap.formats.gltf import glb, vrma
from mocap.formats.gltf import read as gltf_read
from mocap.retargeting import normalized
from mocap.rig.load import load_rig
from tests import judges
from tests.helpers import synthetic
from tests.helpers.measures import LIMBS
from tests.helpers.places import MANNEQUIN

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    """Return a second of motion in a BVH, as mocap writes it."""
    path = tmp_path / "walk.bvh"
    made = synthetic.smooth_motion(np.random.default_rng(2), 1.0, 30.0)
    path.write_text(bvh.dumps(made))
    return path


def limb_directions(motion_file: Path, rig_file: Path) -> np.ndarray:
    """Return the world directions (F, 8, 3) of arms and legs in a file's last animation.

    Read by mocap's own reader.
    """
    rig = load_rig(motion_file)
    motion = gltf_read.loads_on(rig, gltf_read.animations(rig.source)[-1])
    return directions(motion, [(rig.index(a), rig.index(b)) for a, b in LIMBS])


def directions(motion, pairs) -> np.ndarray:
    at = fk(motion.skeleton, motion.root_positions, motion.rotations)[0]
    return R.normalize(np.stack([at[:, b] - at[:, a] for a, b in pairs], axis=1))


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip((a * b).sum(axis=-1), -1, 1))).max())


# --- onto a character -----------------------------------------------------------------------------


def test_a_bvh_moves_a_character_with_equal_limb_directions(
    run: Run, walk: Path, tmp_path: Path
) -> None:
    status, out, err = run("retarget", walk, "--rig", MANNEQUIN, "-o", "hero.glb", "--all-keys")
    assert (status, err) == (0, "")
    assert re.search(r"hero\.glb: 30 frames, 0\.97 s", out)
    assert "55 of 55 bones mapped. It rests in T-pose." in out
    source = bvh.loads(walk.read_text())
    mixamo = {
        "UpperArm": "Arm",
        "LowerArm": "ForeArm",
        "Hand": "Hand",
        "UpperLeg": "UpLeg",
        "LowerLeg": "Leg",
        "Foot": "Foot",
    }
    called = {s + b: s.title() + n for s in ("left", "right") for b, n in mixamo.items()}
    expected = directions(
        source,
        [(source.skeleton.index(called[a]), source.skeleton.index(called[b])) for a, b in LIMBS],
    )
    found = limb_directions(tmp_path / "hero.glb", MANNEQUIN)
    # Planted feet may bend the legs; arms are the source's but for what keys leave out.
    arms = [0, 1, 4, 5]
    assert apart(found[:, arms], expected[:, arms]) < 0.5


def test_every_character_moves_with_equal_limb_directions(
    data: Path, tmp_path: Path, node: Path
) -> None:
    """Arm directions in the world, read by three.js, on every rig."""
    motion = transfer.read_motion(data / "mocap" / "bvh_cmu" / "cmu_12_01_walk.bvh").slice(0, 60)
    expected = directions(motion, [(BONES.index(a), BONES.index(b)) for a, b in LIMBS])
    checked = 0
    for path in sorted(p for p in (data / "rigs").rglob("*") if p.suffix in (".glb", ".vrm")):
        try:
            character = transfer.load_character(path)
        except InputError:
            continue
        target = tmp_path / f"moved{path.suffix}"
        transfer.save(transfer.target(target, character), motion)
        nodes = gltf.nodes_of(glb.split(character.rig.source)[0], character.rig)
        found, _ = judges.three_nodes(node, target, motion.times[::10] - motion.times[0])
        for i, (a, b) in enumerate(LIMBS):
            if "Arm" in a and {a, b} <= character.rig.bones.keys():
                bone = found[nodes[character.rig.index(b)]] - found[nodes[character.rig.index(a)]]
                assert (
                    apart(R.normalize(R.apply(character.rig.turn, bone)), expected[::10, i]) < 0.5
                ), (path.name, a)
                checked += 1
    assert checked >= 40


def test_a_map_assigns_the_bones(run: Run, walk: Path, tmp_path: Path) -> None:
    (tmp_path / "map.json").write_text(json.dumps({b: b for b in BONES if "Little" not in b}))
    status, out, _ = run(
        "retarget", walk, "--rig", MANNEQUIN, "--map", "map.json", "-o", "hero.glb"
    )
    assert status == 0
    assert "49 of 55 bones mapped; without 6 finger bones." in out
    document, _ = glb.split((tmp_path / "hero.glb").read_bytes())
    moved = {
        document["nodes"][c["target"]["node"]]["name"]
        for c in document["animations"][0]["channels"]
    }
    assert not any("Little" in name for name in moved)


def test_keys_are_reduced_unless_all_are_requested(run: Run, walk: Path, tmp_path: Path) -> None:
    _, out, _ = run("retarget", walk, "--rig", MANNEQUIN, "-o", "a.glb", "--fps", 120)
    assert re.search(r"a\.glb: .* less by leaving out keys", out)
    _, out, _ = run("retarget", walk, "--rig", MANNEQUIN, "-o", "b.glb", "--fps", 120, "--all-keys")
    assert "less" not in out
    few, all_ = ((tmp_path / n).stat().st_size for n in ("a.glb", "b.glb"))
    assert few < all_ - 10_000
    rig = load_rig(tmp_path / "b.glb")
    assert len(gltf_read.loads_on(rig)) == 117


def gltf_of_several_files(folder: Path) -> Path:
    """Write the mannequin as a .gltf with its buffer beside it, in a folder below."""
    document, binary = glb.split(MANNEQUIN.read_bytes())
    folder.mkdir()
    (folder / "parts").mkdir()
    (folder / "parts" / "body 1.bin").write_bytes(binary)
    document["buffers"][0]["uri"] = "parts/body%201.bin"
    path = folder / "hero.gltf"
    path.write_text(json.dumps(document))
    return path


def test_a_gltf_of_several_files_is_written_with_its_files(
    run: Run, walk: Path, tmp_path: Path, node: Path
) -> None:
    hero = gltf_of_several_files(tmp_path / "hero")
    (tmp_path / "out").mkdir()
    assert (
        run(
            "retarget",
            walk,
            "--rig",
            hero,
            "-o",
            "out/moved.gltf",
            "-o",
            "hero/moved.gltf",
            "-o",
            "out/moved.glb",
        )[0]
        == 0
    )
    body = (tmp_path / "hero" / "parts" / "body 1.bin").read_bytes()
    assert (tmp_path / "out" / "parts" / "body 1.bin").read_bytes() == body
    before, after = (
        json.loads(hero.read_text()),
        json.loads((tmp_path / "out" / "moved.gltf").read_text()),
    )
    assert after["buffers"][0] == before["buffers"][0]
    assert after["buffers"][1]["uri"].startswith("data:")
    assert (
        len(base64.b64decode(after["buffers"][1]["uri"].partition(",")[2]))
        == after["buffers"][1]["byteLength"]
    )
    assert {
        k: v
        for k, v in after.items()
        if k not in ("buffers", "bufferViews", "accessors", "animations")
    } == {
        k: v
        for k, v in before.items()
        if k not in ("buffers", "bufferViews", "accessors", "animations")
    }
    assert (tmp_path / "hero" / "moved.gltf").read_text() == (
        tmp_path / "out" / "moved.gltf"
    ).read_text()
    one, several = (transfer.read_motion(tmp_path / "out" / n) for n in ("moved.glb", "moved.gltf"))
    assert np.abs(one.rotations - several.rotations).max() < 1e-6
    assert judges.khronos(node, tmp_path / "out" / "moved.glb")["issues"]["numErrors"] == 0


def test_a_side_file_of_the_same_name_is_not_overwritten(
    run: Run, walk: Path, tmp_path: Path
) -> None:
    hero = gltf_of_several_files(tmp_path / "hero")
    (tmp_path / "out" / "parts").mkdir(parents=True)
    (tmp_path / "out" / "parts" / "body 1.bin").write_bytes(b"mine")
    status, _, err = run("retarget", walk, "--rig", hero, "-o", "out/moved.gltf")
    assert status == 2
    assert "exists with other content" in err
    assert (tmp_path / "out" / "parts" / "body 1.bin").read_bytes() == b"mine"
    assert not (tmp_path / "out" / "moved.gltf").exists()


# --- BVH and VRMA ---------------------------------------------------------------------------------


def test_a_motion_without_a_rig_becomes_bvh_or_vrma(run: Run, walk: Path, tmp_path: Path) -> None:
    assert run("retarget", walk, "-o", "a.bvh", "--names", "unreal", "-o", "a.vrma")[0] == 0
    names = bvh.loads((tmp_path / "a.bvh").read_text()).skeleton.names
    assert {"pelvis", "upperarm_l", "calf_r"} <= set(names)
    assert load_rig(tmp_path / "a.bvh").bones["leftUpperArm"] == "upperarm_l"
    a, b = (transfer.read_motion(tmp_path / n) for n in ("a.bvh", "a.vrma"))
    pairs = [(BONES.index(x), BONES.index(y)) for x, y in LIMBS]
    assert apart(directions(a, pairs), directions(b.at(a.times), pairs)) < 0.5
    assert vrma.is_vrma((tmp_path / "a.vrma").read_bytes())


@pytest.mark.parametrize(
    "name",
    [
        "bvh_fair/dab.bvh",
        "bvh_makehuman_cc0/walk1.bvh",
        "bvh_fair/jumping_jacks.bvh",
        "bvh_cmu/cmu_12_01_walk.bvh",
    ],
)
def test_a_bvh_rig_keeps_its_hierarchy_frame_and_unit(data: Path, name: str) -> None:
    """Its own motion, put on it and written back, keeps every joint's position in its units."""
    path = data / "mocap" / name
    rig = load_rig(path)
    own = bvh.loads(rig.source.decode(), scale=1.0)
    out = bvh_rig.dumps(on_rig(own, rig), rig)
    end = rig.source.index(b"MOTION")
    assert out[:end] == rig.source[:end]
    back = bvh.loads(out.decode(), scale=1.0)
    found, expected = (fk(m.skeleton, m.root_positions, m.rotations)[0] for m in (back, own))
    assert np.abs(found - expected).max() * rig.unit < 1e-4
    assert back.times == pytest.approx(own.times)


def test_motion_on_a_bvh_rig_round_trips(data: Path, walk: Path, tmp_path: Path) -> None:
    character = transfer.load_character(data / "mocap" / "bvh_fair" / "dab.bvh")
    motion = transfer.read_motion(walk)
    transfer.save(transfer.target(tmp_path / "on.bvh", character), motion)
    rig = load_rig(data / "mocap" / "bvh_fair" / "dab.bvh")
    back = normalized(on_rig(bvh.loads((tmp_path / "on.bvh").read_text(), scale=1.0), rig), rig)
    arms = [(BONES.index(a), BONES.index(b)) for a, b in LIMBS if "Arm" in a]
    assert apart(directions(back, arms), directions(motion, arms)) < 0.5


def test_a_gltf_character_gives_a_bvh_of_its_joints(run: Run, walk: Path, tmp_path: Path) -> None:
    assert run("retarget", walk, "--rig", MANNEQUIN, "-o", "hero.bvh")[0] == 0
    assert set(bvh.loads((tmp_path / "hero.bvh").read_text()).skeleton.names) == set(
        load_rig(MANNEQUIN).skeleton.names
    )


# --- bake -----------------------------------------------------------------------------------------


def test_bake_moves_the_users_character(run: Run, tmp_path: Path) -> None:
    take = tmp_path / "take.json"
    take.write_text(
        keypoints_json.dumps(
            synthetic.keypoints_of(synthetic.smooth_motion(np.random.default_rng(1), 1.0, 30.0))
        )
    )
    hero = gltf_of_several_files(tmp_path / "hero")
    status, out, _ = run(
        "bake",
        take,
        "--no-refine",
        "--rig",
        hero,
        "-o",
        "hero/a.gltf",
        "-o",
        "a.vrma",
        "-o",
        "a.bvh",
    )
    assert status == 0
    assert "bones mapped" in out
    assert gltf_read.animations((tmp_path / "hero" / "a.gltf").read_bytes()) == ["mocap"]
    moved, plain = (transfer.read_motion(tmp_path / n) for n in ("hero/a.gltf", "a.vrma"))
    arms = [(BONES.index(a), BONES.index(b)) for a, b in LIMBS if "Arm" in a]
    assert apart(directions(moved.at(plain.times), arms), directions(plain, arms)) < 0.5
    status, out, _ = run("retarget", take, "-o", "b.bvh")
    assert status == 0, "keypoints are motion, too"


# --- what cannot be done --------------------------------------------------------------------------


def damaged_rig(tmp_path: Path) -> Path:
    path = tmp_path / "half.glb"
    path.write_bytes(MANNEQUIN.read_bytes()[:5000])
    return path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["walk.bvh", "-o", "out.glb"], "needs a rig"),
        (
            ["walk.bvh", "-o", "out.abc"],
            "end in .bvh, .csv, .fbx, .glb, .gltf, .mot, .trc, .vrm or .vrma",
        ),
        (["walk.bvh", "--rig", MANNEQUIN, "-o", "out.gltf"], "the rig mannequin is a VRM file"),
        (
            ["walk.bvh", "--rig", MANNEQUIN, "-o", "out.vrma", "--animation", "x"],
            "one motion, without a name",
        ),
        (["walk.bvh", "--rig", "walk.bvh", "-o", "out.glb"], "the rig walk is a BVH file"),
        (
            ["walk.bvh", "--rig", MANNEQUIN, "-o", "out.bvh", "--names", "vrm"],
            "--names is for a .bvh or .fbx without --rig",
        ),
        (
            ["walk.bvh", "-o", "out.bvh", "--names", "nonsense"],
            "no naming convention 'nonsense'; there are",
        ),
        (["walk.bvh", "--map", "map.json", "-o", "out.bvh"], "give the file with --rig"),
        (["walk.bvh", "--rig", "none.glb", "-o", "out.glb"], "none.glb cannot be read"),
        (["walk.bvh", "--rig", "half.glb", "-o", "out.glb"], "cut off"),
        (["none.bvh", "--rig", MANNEQUIN, "-o", "out.glb"], "none.bvh cannot be read"),
        (["none.vrma", "--rig", MANNEQUIN, "-o", "out.glb"], "none.vrma cannot be read"),
        (
            ["walk.bvh", "--animation", "run", "--rig", MANNEQUIN, "-o", "out.glb"],
            "one motion, without a name",
        ),
        ([MANNEQUIN, "--rig", MANNEQUIN, "-o", "out.glb"], "no animation in the file"),
        (["words.bvh", "--rig", MANNEQUIN, "-o", "out.glb"], "words.bvh"),
        (["empty.bvh", "--loop", "-o", "out.bvh"], "empty.bvh has no frames"),
    ],
)
def test_a_refusal_is_one_sentence_and_keeps_the_old_output(
    run: Run, walk: Path, tmp_path: Path, arguments: list[object], says: str
) -> None:
    damaged_rig(tmp_path)
    (tmp_path / "words.bvh").write_text("no motion at all")
    head = walk.read_text().partition("Frames:")[0]
    (tmp_path / "empty.bvh").write_text(f"{head}Frames: 0\nFrame Time: 0.04\n")
    target = tmp_path / str(arguments[arguments.index("-o") + 1])
    target.write_text("mine")
    status, out, err = run("retarget", *arguments)
    assert status == 2
    assert says in err
    assert err.startswith("mocap: ")
    assert len(err.strip().splitlines()) == 1
    assert not out
    assert target.read_text() == "mine"
    assert not list(tmp_path.glob(".*.tmp"))
