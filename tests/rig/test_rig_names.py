"""Bones by name: tables, words, and the truth of every available rig; map files, reports."""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from mocap.cli import drawing
from mocap.cli.main import app
from mocap.core.rig import Found, Tree
from mocap.core.skeleton import BONES, REQUIRED
from mocap.errors import InputError
from mocap.formats import read_tree
from mocap.rig import mapfile, names, report
from mocap.rig.by_name import by_name
from mocap.rig.mapping import map_bones
from tests.helpers import cost, rig_trees
from tests.helpers.places import DATA, MANNEQUIN

TRUTH: dict[str, dict[str, str | list[str]]] = json.loads(
    (DATA / "rig_truth.json").read_text("utf-8")
)


def accepted(truth: dict[str, str | list[str]], bone: str, node: str | None) -> bool:
    """Return whether the truth has this bone on this node (None: nowhere).

    Some spines can be shared out in more than one way.
    """
    wanted = truth.get(bone)
    return node in (wanted if isinstance(wanted, list) else [wanted])


def wrong(
    tree: Tree, found: dict[str, Found], truth: dict[str, str | list[str]] | dict[str, str]
) -> dict[str, str | None]:
    """Return bone → node where it differs from the truth."""
    named = {bone: tree.names[f.node] for bone, f in found.items()}
    return {
        b: named.get(b)
        for b in truth.keys() | named.keys()
        if not accepted(dict(truth), b, named.get(b))
    }


def undeclared(path: Path) -> Tree:
    """Return a file's tree without the bones that it declares itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # one BVH has a frame too many
        return dataclasses.replace(read_tree(path), declared={})


def renamed(tree: Tree, called: Callable[[int, str], str]) -> Tree:
    return dataclasses.replace(tree, names=tuple(called(i, n) for i, n in enumerate(tree.names)))


@pytest.mark.parametrize("rig", TRUTH)
def test_every_bone_of_every_available_rig_is_found_by_name(data: Path, rig: str) -> None:
    tree = undeclared(data / rig)
    assert wrong(tree, map_bones(tree), TRUTH[rig]) == {}


@pytest.mark.parametrize("rig", [r for r in TRUTH if r.endswith(".vrm")])
def test_bones_declared_by_a_vrm_take_precedence(data: Path, rig: str) -> None:
    tree = read_tree(data / rig)
    found = map_bones(tree)
    assert {f.how for f in found.values()} == {"vrm"}
    assert wrong(tree, found, TRUTH[rig]) == {}


@pytest.mark.parametrize("make", rig_trees.ALL, ids=lambda f: f.__name__)
def test_skeletons_of_known_tools_are_mapped_completely(
    make: Callable[[], tuple[Tree, dict[str, str]]],
) -> None:
    tree, truth = make()
    assert wrong(tree, map_bones(tree), truth) == {}


@pytest.mark.parametrize(
    ("tree", "convention"),
    [
        (rig_trees.mixamo, "mixamo"), (rig_trees.unreal5, "unreal"), (rig_trees.rigify, "rigify"),
        (rig_trees.daz, "daz"), (rig_trees.mmd, "mmd"), (rig_trees.unity, "unity"),
        (rig_trees.biped, "biped"), (rig_trees.vroid, "vroid"),
    ],
    ids=lambda x: getattr(x, "__name__", x),
)  # fmt: skip
def test_the_convention_is_recognised(
    tree: Callable[[], tuple[Tree, dict[str, str]]], convention: str
) -> None:
    assert names.recognise(tree()[0].names)[0] == convention


@pytest.mark.parametrize(
    "called",
    [
        lambda i, n: f"Armature|{n}",
        lambda i, n: f"rig:sub:{n}",
        lambda i, n: f"{n}_Armature",
        lambda i, n: f"char01_{n}",
        lambda i, n: n.upper(),
        lambda i, n: n.replace("Left", "left_").replace("Right", "right_"),
        lambda i, n: n.replace("Left", "左").replace("Right", "右"),
        lambda i, n: (
            n.replace("Left", "").replace("Right", "")
            + ("_L" if "Left" in n else "_R" if "Right" in n else "")
        ),
        lambda i, n: (
            n.replace("Left", "").replace("Right", "")
            + (".l.001" if "Left" in n else ".r.001" if "Right" in n else ".001")
        ),
    ],
)
def test_name_variants_are_mapped_alike(
    called: Callable[[int, str], str],
) -> None:
    tree, truth = rig_trees.unity()
    other = renamed(tree, called)
    index = {name: i for i, name in enumerate(tree.names)}
    found = by_name(other)
    assert {b: f.node for b, f in found.items()} == {b: index[n] for b, n in truth.items()}


# hips, spine, chest, neck, head; collar bone, upper arm, forearm, hand, thigh, shank, foot; how a
# side is named
_LANGUAGES = {
    "German": (
        "Huefte Bauch Brust Nacken Kopf Schluesselbein Oberarm Unterarm Hand Oberschenkel "
        "Schienbein Fuss",
        "{}.L",
        "{}.R",
    ),
    "French": (
        "Bassin Colonne Torse Cou Tete Clavicule Bras AvantBras Main Cuisse Tibia Pied",
        "{}Gauche",
        "{}Droite",
    ),
    "Italian": (
        "Bacino Colonna Torace Collo Testa Clavicola Braccio Avambraccio Mano Coscia Polpaccio "
        "Piede",
        "{}_Sx",
        "{}_Dx",
    ),
    "Portuguese": (
        "Quadril Coluna Peito Pescoço Cabeça Clavicula Braço Antebraço Mão Coxa Canela Pé",
        "{}_Esq",
        "{}_Dir",
    ),
    "Spanish": (
        "Cadera Columna Pecho Cuello Cabeza Clavicula Brazo Antebrazo Mano Muslo Pantorrilla Pie",
        "{}_Izq",
        "{}_Der",
    ),
    "Russian": (
        "Таз Позвоночник Грудь Шея Голова Ключица Плечо Предплечье Кисть Бедро Голень Стопа",
        "{}_Л",
        "{}_П",
    ),
    "Chinese": ("臀部 脊柱 胸部 颈部 头部 锁骨 上臂 前臂 手 大腿 小腿 脚", "左{}", "右{}"),
    "Japanese": ("骨盤 背骨 胸 首 頭 鎖骨 上腕 前腕 手 太腿 脛 足首", "左{}", "右{}"),
    "Korean": ("골반 척추 가슴 목 머리 쇄골 위팔 아래팔 손 허벅지 종아리 발", "왼쪽{}", "오른쪽{}"),
}


def spoken(language: str) -> tuple[Tree, dict[str, str]]:
    """Return a plain skeleton with names in a language."""
    said, left, right = _LANGUAGES[language]
    hips, spine, chest, neck, head, collar, upper, lower, hand, thigh, shank, foot = said.split()
    maker = rig_trees.Maker(("left", "right"))
    maker.one(hips, None, "hips", "hips")
    maker.one(spine, hips, "spine", "spine")
    maker.one(chest, spine, "upperChest", "chest")
    maker.one(neck, chest, "neck", "neck")
    maker.one(head, neck, "head", "head")
    maker.chain(
        chest,
        (f"@{collar}", "Shoulder"),
        (f"@{upper}", "UpperArm"),
        (f"@{lower}", "LowerArm"),
        (f"@{hand}", "Hand"),
    )
    maker.chain(hips, (f"@{thigh}", "UpperLeg"), (f"@{shank}", "LowerLeg"), (f"@{foot}", "Foot"))
    tree, truth = maker.tree()

    def sided(name: str) -> str:
        side, form = ("left", left) if name.startswith("left") else ("right", right)
        return form.format(name.removeprefix(side)) if name.startswith(("left", "right")) else name

    return renamed(tree, lambda _, n: sided(n)), {bone: sided(n) for bone, n in truth.items()}


@pytest.mark.parametrize("language", _LANGUAGES)
def test_bones_are_found_by_words_of_several_languages(language: str) -> None:
    tree, truth = spoken(language)
    assert wrong(tree, by_name(tree), truth) == {}


def hung(tree: Tree, below: str, name: str, steps: list[tuple[float, float, float]]) -> Tree:
    """Return the tree with an additional chain of nodes."""
    count, parent = len(tree.names), tree.names.index(below)
    parents = [parent, *range(count, count + len(steps) - 1)]
    places = tree.positions[parent] + np.cumsum(steps, axis=0)
    return Tree(
        tree.kind, tree.names + tuple(f"{name}{i}" for i in range(len(steps))),
        np.arange(count + len(steps)),
        np.concatenate([tree.parents, parents]), np.concatenate([tree.positions, places]),
        np.tile([0.0, 0.0, 0.0, 1.0], (count + len(steps), 1)),
        np.ones(count + len(steps), dtype=bool),
    )  # fmt: skip


@pytest.mark.parametrize("known", [True, False])
def test_wings_weapons_hair_and_end_nodes_are_not_limbs(known: bool) -> None:
    """Neither names nor shape take them for bones, though they are long and many."""
    tree, truth = spoken("Italian")
    hand, spine = tree.names.index(truth["rightHand"]), truth["spine"]
    assert tree.names[hand] == "Mano_Dx"
    for bone, step in (
        ("head", (0.0, 0.2, 0.0)),
        ("leftHand", (0.1, 0.0, 0.0)),
        ("rightHand", (-0.1, 0.0, 0.0)),
    ):
        tree = hung(tree, truth[bone], f"{truth[bone]}_end", [step])
    tree = hung(tree, "Mano_Dx", "weapon", [(0.0, 0.0, 0.1), (0.0, 0.0, 1.2)])
    for side, out in (("L", 1.0), ("R", -1.0)):
        tree = hung(tree, spine, f"wing_{side}_", [(0.3 * out, 0.2, -0.1)] * 4)
    for lock in range(12):
        tree = hung(
            tree,
            truth["head"],
            f"hair_{lock}_",
            [(0.1 * np.cos(lock), -0.1, 0.1 * np.sin(lock))] * 3,
        )
    if not known:
        # Unknown words: the shape decides.
        told = {name: f"q{chr(97 + i)}x" for i, name in enumerate(truth.values())}
        tree, truth = (
            renamed(tree, lambda _, n: told.get(n, n)),
            {bone: told[n] for bone, n in truth.items()},
        )
    found = map_bones(tree)
    if not known:
        assert {f.how for f in found.values()} == {"shape"}
    assert wrong(tree, found, truth) == {}


def test_a_mirrored_file_is_mapped_by_name_with_less_certainty() -> None:
    tree, truth = rig_trees.unity()
    mirror = dataclasses.replace(tree, positions=tree.positions * [-1.0, 1.0, 1.0])
    found, as_it_was = map_bones(mirror), map_bones(tree)
    assert wrong(mirror, found, truth) == {}
    assert found["leftLowerArm"].sure < 0.75 < as_it_was["leftLowerArm"].sure
    # What the shape alone can tell goes to the side that names give its hand.
    told = {
        n: f"q{i}"
        for i, (b, n) in enumerate(truth.items())
        if any(f in b for f in ("Index", "Middle", "Ring", "Little"))
    }
    unknown = renamed(mirror, lambda _, n: told.get(n, n))
    fingers = {b: told[n] for b, n in truth.items() if n in told}
    assert (
        fingers.items() <= {b: unknown.names[f.node] for b, f in map_bones(unknown).items()}.items()
    )


@pytest.mark.parametrize(
    "name",
    [
        "upperarm_twist_01_l",
        "ik_foot_l",
        "PoleTarget.L",
        "LeftHand_end",
        "L_HandNub",
        "LeftForeArmRoll",
        "eyelid.L",
        "左腕捩",
    ],
)
def test_helper_nodes_are_not_bones(name: str) -> None:
    assert names.read([name])[0].helper


@pytest.mark.parametrize("count", range(1, 8))
def test_spines_of_any_length_are_mapped_from_bottom_to_top(count: int) -> None:
    maker = rig_trees.Maker(("Left", "Right"))
    maker.one("Hips", None, "hips")
    spine = ["Hips"] + [f"Spine{i}" for i in range(count)]
    for i, name in enumerate(spine[1:]):
        maker.one(name, spine[i], ("spine", "upperChest", i / max(count - 1, 1)))
    maker.one("Neck", spine[-1], "neck")
    maker.one("Head", "Neck", "head")
    maker.chain(spine[-1], ("@Arm", "UpperArm"), ("@ForeArm", "LowerArm"), ("@Hand", "Hand"))
    maker.chain("Hips", ("@UpLeg", "UpperLeg"), ("@Leg", "LowerLeg"), ("@Foot", "Foot"))
    tree, _ = maker.tree()
    found = map_bones(tree)
    nodes = [found[b].node for b in ("spine", "chest", "upperChest") if b in found]
    assert len(nodes) == min(count, 3)
    assert nodes == sorted(nodes)
    assert tree.names[nodes[0]] == spine[1]
    assert tree.names[nodes[-1]] == spine[-1]
    assert {"neck", "head"} <= found.keys()


@pytest.mark.usefixtures("as_installed")
def test_ten_thousand_names_are_mapped_in_two_seconds() -> None:
    rng = np.random.default_rng(0)
    tree, truth = rig_trees.mixamo()
    count = 10_000 - len(tree.names)
    head = tree.names.index(truth["head"])
    parents = [head if i % 10 == 0 else len(tree.names) + i - 1 for i in range(count)]
    words = ["".join(rng.choice(list("abcdefghijklmnop"), 12)) for _ in range(count)]
    places = tree.positions[head] + np.cumsum(rng.normal(size=(count, 3)), axis=0)
    big = Tree(
        "glb", tree.names + tuple(f"{w}_{i}" for i, w in enumerate(words)), np.arange(10_000),
        np.concatenate([tree.parents, parents]),
        np.concatenate([tree.positions, places]), np.tile([0.0, 0.0, 0.0, 1.0], (10_000, 1)),
        np.ones(10_000, dtype=bool),
    )  # fmt: skip
    assert cost.seconds(lambda: map_bones(big), 2.0) < 2.0
    assert wrong(big, map_bones(big), truth) == {}


def test_a_map_round_trips() -> None:
    tree, _ = rig_trees.mmd()
    found = map_bones(tree)
    again = mapfile.apply(tree, mapfile.loads(mapfile.dumps(tree, found)))
    assert {b: f.node for b, f in again.items()} == {b: f.node for b, f in found.items()}
    assert {(f.how, f.sure) for f in again.values()} == {("map", 1.0)}
    assert list(json.loads(mapfile.dumps(tree, found))) == list(BONES)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is no JSON"),
        ("[" * 5000 + "]" * 5000, "no JSON|must be one JSON object"),
        ("[]", "is a list"),
        ('{"hip": "Hips"}', "did you mean 'hips'"),
        ('{"hips": 3}', "hips: 3 is neither"),
    ],
)
def test_an_invalid_map_is_refused_in_a_sentence(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        mapfile.loads(text)


@pytest.mark.parametrize(
    ("bone_map", "says"),
    [
        ({"hips": "Hipps"}, "did you mean 'Hips'"),
        ({"hip": "Hips"}, "did you mean 'hips'"),
        ({"hips": "Hips", "spine": "Hips"}, "both hips and spine on 'Hips'"),
    ],
)
def test_a_map_that_does_not_fit_the_file_is_refused_in_a_sentence(
    bone_map: dict[str, str], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        mapfile.apply(rig_trees.unity()[0], bone_map)


@pytest.mark.parametrize("make", rig_trees.ALL, ids=lambda f: f.__name__)
def test_the_report_fits_80_columns_and_the_picture_is_drawn(
    make: Callable[[], tuple[Tree, dict[str, str]]],
) -> None:
    tree, _ = make()
    found = map_bones(tree)
    lines = report.table(tree, found).splitlines()
    assert all(cell_len(line) <= 80 for line in lines)
    assert all(any(line.startswith(bone) for line in lines) for bone in found)
    picture = drawing.draw(tree, found)
    assert drawing.png(picture).startswith(b"\x89PNG")
    assert (picture != 255).any(axis=2).mean() > 0.005


def test_labels_never_overlap() -> None:
    rng = np.random.default_rng(1)
    for count in (1, 2, 20, 30):
        heights = np.sort(drawing._apart(list(rng.uniform(0.0, 600.0, count)), 26.0, 612.0))
        assert heights[0] >= 26.0 - 1e-9
        assert heights[-1] <= 612.0 + 1e-9
        assert count == 1 or np.diff(heights).min() > 16.9


def test_the_commands_rigs_inspect_and_map_work(tmp_path: Path) -> None:
    rig = MANNEQUIN
    run = CliRunner().invoke
    done = run(app, ["rigs", "inspect", str(rig), "--picture", str(tmp_path / "rest.png")])
    assert done.exit_code == 0, done.output
    assert f"{len(REQUIRED)} of the {len(REQUIRED)} that VRM requires" in done.output
    assert (tmp_path / "rest.png").stat().st_size > 10_000
    assert run(app, ["rigs", "map", str(rig), "-o", str(tmp_path / "map.json")]).exit_code == 0
    assert (
        run(app, ["rigs", "inspect", str(rig), "--map", str(tmp_path / "map.json")]).exit_code == 0
    )
    listed = run(app, ["rigs", "list"]).output
    assert all(name in listed for name in names.conventions())


def test_every_naming_table_is_valid() -> None:
    for table in names.conventions().values():
        assert set(table.bones) <= set(BONES), table.name
        first = [spellings[0] for spellings in table.bones.values()]
        assert len(set(first)) == len(first), table.name
        assert {"hips", "leftUpperArm", "rightLowerLeg"} <= table.bones.keys()
