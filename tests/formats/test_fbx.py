"""FBX files as characters, motions and clips: in every command, and by four other readers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy import ndarray

from mocap import formats, transfer
from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import BONES, HUMANOID
from mocap.errors import InputError, OutputError
from mocap.formats import bvh, fbx
from mocap.formats.fbx import binary, scene, takes
from mocap.formats.fbx.nodes import Node, Packed
from mocap.retargeting import retarget
from mocap.rig.load import load_rig
from tests import judges
from tests.helpers import fbx_scenes, synthetic
from tests.helpers.places import MANNEQUIN

MILLIMETRE = 1e-3
LIMB_JOINTS = (
    ("UpperArm", "LowerArm"),
    ("LowerArm", "Hand"),
    ("UpperLeg", "LowerLeg"),
    ("LowerLeg", "Foot"),
)


@pytest.fixture(scope="module")
def motion() -> Motion:
    made = synthetic.smooth_motion(np.random.default_rng(3), 1.0, 30.0)
    weights = np.linspace(0.0, 1.0, len(made))
    return replace(made, expressions={"jawOpen": weights, "smile": weights})


class Hero(NamedTuple):
    """An FBX character, a motion on it, and the file with that motion."""

    rig: Rig
    moved: Motion
    written: bytes


@pytest.fixture(scope="module", params=["binary 7.4", "binary 7.7", "ASCII"])
def hero(
    request: pytest.FixtureRequest, motion: Motion, tmp_path_factory: pytest.TempPathFactory
) -> Hero:
    document = fbx_scenes.character(
        np.random.default_rng(6), 7700 if request.param == "binary 7.7" else 7400
    )
    as_text = request.param == "ASCII"
    path = tmp_path_factory.mktemp("hero") / "hero.fbx"
    path.write_bytes(fbx_scenes.ascii_of(document) if as_text else binary.dumps(document))
    rig = load_rig(path)
    moved = retarget(motion, rig)
    return Hero(rig, moved, fbx.animate(moved, rig))


def in_file(motion: Motion, rig: Rig) -> ndarray:
    """Return the joints' positions in the file's world, metres, (F, J, 3)."""
    points = fk(motion.skeleton, motion.root_positions, motion.rotations)[0]
    return R.apply(R.conjugate(rig.turn), points) / rig.unit


def test_a_character_is_recognised_and_is_in_metres(hero: Hero) -> None:
    rig = hero.rig
    assert rig.kind == "fbx"
    assert set(rig.bones) == set(BONES)
    places = rig.skeleton.rest_positions()
    order = [rig.index(bone) for bone in BONES]
    assert np.abs(places[order] - HUMANOID.rest_positions()).max() < 1e-6


def test_one_of_two_characters_can_be_chosen(motion: Motion, tmp_path: Path) -> None:
    path = tmp_path / "two.fbx"
    path.write_bytes(binary.dumps(fbx_scenes.pair(np.random.default_rng(6))))
    assert transfer.character_names(path) == ["Armature", "Other"]
    with pytest.warns(UserWarning, match=r"holds 2 characters \(Armature, Other\)"):
        first = load_rig(path)
    second = load_rig(path, character="Other")
    assert not set(first.skeleton.names) & set(second.skeleton.names)
    assert set(second.bones) == set(BONES)
    written = scene.loads(fbx.animate(retarget(motion, second), second))
    turning = {
        written.names[written.models.index(model)] for model, _ in takes.chosen(written, None).parts
    }
    assert turning <= set(second.skeleton.names)
    with pytest.raises(InputError, match="no character 'Third' in the file; it has Armature, Ot"):
        load_rig(path, character="Third")


def test_motion_on_a_character_agrees_with_ufbx_and_three(
    hero: Hero, node: Path, tmp_path: Path
) -> None:
    path = tmp_path / "hero.fbx"
    path.write_bytes(hero.written)
    times = hero.moved.times
    expected = in_file(hero.moved, hero.rig)
    readers = [judges.ufbx(path, times, "mocap")]
    if hero.written.startswith(binary.MAGIC[:18]):
        # FBXLoader does not read Vector3D properties of ASCII files.
        readers.append(judges.three(node, path, times))
    for names, places in readers:
        order = [names.index(n) for n in hero.rig.skeleton.names]
        assert np.abs(0.01 * places[:, order] - expected).max() < 0.05 * MILLIMETRE


def test_written_takes_are_read_back(hero: Hero) -> None:
    back = fbx.loads_on(replace(hero.rig, source=hero.written))
    assert np.allclose(back.times, hero.moved.times, atol=1e-6)
    expected = in_file(hero.moved, hero.rig)
    assert np.abs(in_file(back, hero.rig) - expected).max() < 0.01 * MILLIMETRE


def values(node: Node) -> object:
    """Return a node in a form that can be compared, packed values as bytes."""
    own = node.values.raw if isinstance(node.values, Packed) else tuple(map(repr, node.values))
    return node.name, own, tuple(values(c) for c in node.children)


def test_everything_else_in_the_fbx_is_kept(hero: Hero) -> None:
    before = scene.loads(hero.rig.source)
    twice = fbx.animate(hero.moved, replace(hero.rig, source=hero.written))
    after = scene.loads(twice)
    assert fbx.animations(twice) == ["mocap", "mocap 2"]
    assert list(before.objects) == list(after.objects)[: len(before.objects)]
    if before.document.text:
        # Deleting the lines that are new gives the old file.
        old, new = (d.splitlines() for d in (before.document.text, twice))
        lines = iter(new)
        assert all(line in lines for line in old)
        return
    assert all(values(node) == values(after.objects[i]) for i, node in before.objects.items())
    for node in before.document.nodes:
        if node.name not in ("Definitions", "Objects", "Connections", "Takes"):
            assert values(node) == values(after.document.node(node.name))
    links = before.document.node("Connections").children
    kept = after.document.node("Connections").children[: len(links)]
    assert [values(c) for c in links] == [values(c) for c in kept]
    assert after.document.footer == before.document.footer


def test_blend_shapes_follow_expressions_of_the_same_name(hero: Hero, motion: Motion) -> None:
    found = scene.loads(hero.written)
    (node,) = (
        i for i, n in found.objects.items()
        if n.name == "AnimationCurveNode" and scene.split_name(n)[0] == "DeformPercent"
    )  # fmt: skip
    (curve,) = found.hanging(node, "AnimationCurve")
    levels = found.objects[curve].array("KeyValueFloat")
    assert levels is not None
    assert np.allclose(levels, 100.0 * motion.expressions["jawOpen"], atol=1e-5)


def test_a_clip_without_a_character_equals_its_bvh(
    motion: Motion, node: Path, tmp_path: Path
) -> None:
    formats.save(tmp_path / "clip.fbx", motion)
    as_bvh = bvh.loads(bvh.dumps(motion))
    expected = fk(as_bvh.skeleton, as_bvh.root_positions, as_bvh.rotations)[0]
    for reader in (
        judges.ufbx(tmp_path / "clip.fbx", motion.times),
        judges.three(node, tmp_path / "clip.fbx", motion.times),
    ):
        names, places = reader
        order = [names.index(n) for n in as_bvh.skeleton.names]
        assert np.abs(0.01 * places[:, order] - expected).max() < 0.1 * MILLIMETRE
    back = formats.load(tmp_path / "clip.fbx")
    assert isinstance(back, Motion)
    assert {"Hips", "LeftUpLeg", "LeftForeArm", "RightHandIndex1"} <= set(back.skeleton.names)


@pytest.mark.parametrize("names", ["vrm", "unreal"])
def test_a_clip_can_use_the_names_of_another_convention(
    motion: Motion, tmp_path: Path, names: str
) -> None:
    formats.save(tmp_path / "clip.fbx", motion, options=formats.ExportOptions(names=names))
    found = transfer.read_motion(tmp_path / "clip.fbx")
    expected = fk(motion.skeleton, motion.root_positions, motion.rotations)[0]
    ours = fk(found.skeleton, found.root_positions, found.rotations)[0]
    limbs = [
        BONES.index(f"{s}{b}") for s in ("left", "right") for b in ("Hand", "Foot", "LowerLeg")
    ]
    assert np.abs(ours[:, limbs] - expected[:, limbs]).max() < MILLIMETRE


def test_a_clip_at_an_unusual_rate_keeps_its_times(motion: Motion, tmp_path: Path) -> None:
    uneven = motion.at(motion.times[:20] + 0.01 * np.sin(np.arange(20)))
    formats.save(tmp_path / "clip.fbx", uneven)
    back = formats.load(tmp_path / "clip.fbx")
    assert isinstance(back, Motion)
    assert len(back) >= len(uneven)
    assert np.allclose(
        np.abs(back.times[:, None] + uneven.times[0] - uneven.times).min(axis=0), 0, atol=1e-6
    )


def test_a_take_is_read_with_its_animated_bone_lengths(motion: Motion, tmp_path: Path) -> None:
    """Translations are animated where the animation was made on another body."""
    data = fbx.dumps(motion)
    document = binary.loads(data)
    longer = []
    for node in document.node("Objects").children:
        if node.name == "Model" and "LeftForeArm" in str(node.values[1]):
            table = node.children[1]
            rows = [
                r._replace(values=(*r.values[:4], *(1.3 * v for v in r.values[4:])))
                if r.values[0] == "Lcl Translation" else r
                for r in table.children
            ]  # fmt: skip
            node = node._replace(children=(node.children[0], table._replace(children=tuple(rows))))
        longer.append(node)
    objects = document.node("Objects")._replace(children=tuple(longer))
    nodes = tuple(objects if n.name == "Objects" else n for n in document.nodes)
    changed = binary.dumps(replace(document, nodes=nodes))
    # The rest is of the longer arm; a curve says the shorter one.
    from mocap.formats.fbx import build

    found = scene.loads(changed)
    arm = found.models[found.names.index("LeftForeArm")]
    layer = next(i for i, n in found.objects.items() if n.name == "AnimationLayer")
    keys = build.ticks_of(motion.times, found.ticks)
    short = 100.0 * HUMANOID.offsets[BONES.index("leftLowerArm")]
    channel = build.Channel(
        arm,
        "Lcl Translation",
        "T",
        {a: np.full(len(keys), v) for a, v in zip("XYZ", short, strict=True)},
    )
    made, links = build.take("x", keys, [channel], build.Identities(found.objects))
    links = [
        n._replace(values=tuple(layer if v == made[1].values[0] else v for v in n.values))
        for n in links[1:]
    ]
    nodes = tuple(
        n._replace(children=(*n.children, *made[2:])) if n.name == "Objects"
        else n._replace(children=(*n.children, *links)) if n.name == "Connections" else n
        for n in nodes
    )  # fmt: skip
    path = tmp_path / "clip.fbx"
    path.write_bytes(binary.dumps(replace(document, nodes=nodes)))
    back = formats.load(path)
    assert isinstance(back, Motion)
    names, places = judges.ufbx(path, back.times)
    ours = fk(back.skeleton, back.root_positions, back.rotations)[0]
    order = [names.index(n) for n in back.skeleton.names]
    assert np.abs(0.01 * places[:, order] - ours).max() < 0.01 * MILLIMETRE


def test_a_z_up_file_is_turned_upright(motion: Motion, tmp_path: Path) -> None:
    document = fbx_scenes.character(np.random.default_rng(1))
    z_up = fbx_scenes.document_of(
        list(document.node("Objects").children),
        list(document.node("Connections").children),
        7400,
        "z",
        100.0,
    )
    path = tmp_path / "side.fbx"
    path.write_bytes(binary.dumps(z_up))
    rig = load_rig(path)
    moved = retarget(motion, rig)
    path.write_bytes(fbx.animate(moved, rig))
    names, places = judges.ufbx(path, moved.times, "mocap")
    order = [names.index(n) for n in moved.skeleton.names]
    found = places[:, order] @ scene.loads(rig.source).to_world.T
    assert np.abs(found - in_file(moved, rig)).max() < MILLIMETRE


def test_a_mirrored_character_has_its_left_where_its_shape_has_it(
    motion: Motion, tmp_path: Path
) -> None:
    """Its feet point ahead, and ufbx finds the written bones where ours are."""
    path = tmp_path / "mirrored.fbx"
    document = fbx_scenes.character(np.random.default_rng(2), scale=(-10.0, 10.0, 10.0))
    path.write_bytes(binary.dumps(document))
    rig = load_rig(path)
    assert all(
        rig.bones[f"{a}{b}"] == f"{c}{b}"
        for a, c in (("left", "right"), ("right", "left"))
        for b in ("UpperArm", "Hand", "UpperLeg", "Toes")
    )
    moved = retarget(motion, rig)
    path.write_bytes(fbx.animate(moved, rig))
    names, places = judges.ufbx(path, moved.times, "mocap")
    order = [names.index(n) for n in moved.skeleton.names]
    assert np.abs(0.01 * places[:, order] - in_file(moved, rig)).max() < MILLIMETRE


def test_limbs_below_unequal_scales_point_as_in_ufbx(motion: Motion, tmp_path: Path) -> None:
    path = tmp_path / "uneven.fbx"
    document = fbx_scenes.character(np.random.default_rng(2), scale=(10.0, 14.0, 11.0))
    path.write_bytes(binary.dumps(document))
    rig = load_rig(path)
    path.write_bytes(fbx.animate(retarget(motion, rig), rig))
    back = fbx.loads_on(load_rig(path))
    names, places = judges.ufbx(path, back.times)
    ours = R.apply(R.conjugate(rig.turn), fk(back.skeleton, back.root_positions, back.rotations)[0])
    for a, b in ((s + a, s + b) for s in ("left", "right") for a, b in LIMB_JOINTS):
        mine = ours[:, rig.index(b)] - ours[:, rig.index(a)]
        theirs = places[:, names.index(b)] - places[:, names.index(a)]
        cosine = R.dot(R.normalize(mine), R.normalize(theirs))
        assert np.degrees(np.arccos(cosine.clip(-1.0, 1.0))).max() < 0.1


def test_commands_accept_fbx_like_other_formats(
    run: Callable[..., tuple[int, str, str]], motion: Motion, tmp_path: Path
) -> None:
    hero = tmp_path / "hero.fbx"
    hero.write_bytes(binary.dumps(fbx_scenes.character(np.random.default_rng(8))))
    formats.save(tmp_path / "walk.bvh", motion)
    status, out, err = run(
        "retarget",
        "walk.bvh",
        "--rig",
        "hero.fbx",
        "-o",
        "moved.fbx",
        "-o",
        "moved.bvh",
        "-o",
        "moved.vrma",
    )
    assert (status, err) == (0, ""), err
    assert "55 of 55 bones mapped" in out
    status, out, err = run(
        "retarget", "moved.fbx", "-o", "clip.fbx", "-o", "clip.bvh", "--names", "vrm"
    )
    assert (status, err) == (0, ""), err
    status, out, err = run("retarget", "clip.fbx", "--rig", str(MANNEQUIN), "-o", "mannequin.vrm")
    assert (status, err) == (0, ""), err
    found = transfer.read_motion(tmp_path / "mannequin.vrm")
    ours, theirs = (fk(m.skeleton, m.root_positions, m.rotations)[0] for m in (found, motion))
    # Planting the feet and two retargetings lie between.
    assert np.median(np.abs(ours - theirs)) < 0.02
    status, out, err = run("rigs", "inspect", "hero.fbx")
    assert (status, err) == (0, "")
    assert "55 of 55 bones" in out
    assert run("rigs", "map", "hero.fbx", "-o", "hero.json")[0] == 0


def test_a_rest_pose_equal_to_the_first_frame_is_detected(motion: Motion, tmp_path: Path) -> None:
    """MotionBuilder saves models resting in the first frame, without a stored pose."""
    document = binary.loads(fbx.dumps(motion))
    found = scene.scene(document)
    objects = []
    for identity, node in found.objects.items():
        if node.name == "Model":
            turned = next(
                n for n in found.above if found.objects[n].name == "AnimationCurveNode"
                and any(k.other == identity and k.into == "Lcl Rotation" for k in found.above[n])
            )  # fmt: skip
            first = [found.properties(turned)[f"d|{axis}"][0] for axis in "XYZ"]
            row = Node("P", ("Lcl Rotation", "Lcl Rotation", "", "A", *first))
            table = node.children[1]
            table = table._replace(children=(*table.children, row))
            node = node._replace(children=(node.children[0], table, *node.children[2:]))
        if node.name != "Pose":
            objects.append(node)
    nodes = tuple(
        n._replace(children=tuple(objects)) if n.name == "Objects" else n for n in document.nodes
    )
    path = tmp_path / "first.fbx"
    path.write_bytes(binary.dumps(replace(document, nodes=nodes)))
    back = transfer.read_motion(path)
    expected, ours = (fk(m.skeleton, m.root_positions, m.rotations)[1] for m in (motion, back))
    limbs = [BONES.index(f"{s}{b}") for s in ("left", "right") for b in ("UpperArm", "LowerLeg")]
    assert np.degrees(R.distance(ours[:, limbs], expected[:, limbs])).max() < 0.5


def test_external_textures_are_copied_along(motion: Motion, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "hero.fbm").mkdir(parents=True)
    there.mkdir()
    (here / "hero.fbm" / "skin.png").write_bytes(b"picture")
    (tmp_path / "secret.png").write_bytes(b"not beside it")
    document = fbx_scenes.character(np.random.default_rng(8))
    extra = [
        Node("Texture", (i, "", ""), (Node("RelativeFilename", (name,)),))
        for i, name in enumerate(
            ("hero.fbm\\skin.png", "..\\secret.png", "C:\\gone.png", "skin.png")
        )
    ]
    nodes = tuple(
        n._replace(children=(*n.children, *extra)) if n.name == "Objects" else n
        for n in document.nodes
    )
    (here / "hero.fbx").write_bytes(binary.dumps(replace(document, nodes=nodes)))
    hero = transfer.load_character(here / "hero.fbx")
    transfer.save(transfer.target(there / "out.fbx", hero), motion.slice(0, 3))
    files = sorted(p.relative_to(tmp_path).as_posix() for p in there.rglob("*.png"))
    assert files == ["there/hero.fbm/skin.png"]


def test_other_formats_cannot_become_an_fbx_character(motion: Motion, tmp_path: Path) -> None:
    hero = transfer.load_character(MANNEQUIN)
    with pytest.raises(OutputError, match=r"a\.fbx.*VRM file"):
        transfer.target(tmp_path / "a.fbx", hero, None)
    with pytest.raises(OutputError, match="BVH file"):
        transfer.target(tmp_path / "a.fbx", replace(hero, rig=replace(hero.rig, kind="bvh")), None)
    own = tmp_path / "hero.fbx"
    own.write_bytes(binary.dumps(fbx_scenes.character(np.random.default_rng(8))))
    with pytest.raises(
        OutputError,
        match="an FBX file, and motion on it goes into files that end in "
        r"\.bvh, \.csv, \.fbx, \.mot, \.trc or \.vrma",
    ):
        transfer.target(tmp_path / "a.glb", transfer.load_character(own), None)


def test_files_that_are_not_fbx_are_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "words.fbx").write_text("no FBX at all")
    with pytest.raises(InputError, match="begins with b'no FBX at al"):
        transfer.load_character(tmp_path / "words.fbx")
    (tmp_path / "empty.fbx").write_bytes(b"")
    with pytest.raises(InputError):
        formats.load(tmp_path / "empty.fbx")
