"""Damaged characters' files are refused in one sentence; huge ones have bounded cost."""

from __future__ import annotations

import contextlib
import copy
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocap.core.skeleton import HUMANOID
from mocap.errors import InputError
from mocap.formats import read_tree
from mocap.formats.damage import damage_named
from mocap.formats.gltf import glb
from mocap.rig.load import load_rig
from mocap.rig.mapping import map_bones
from tests.helpers import cost
from tests.helpers.gltf_characters import BONE_MAP, character, written

GOOD, BINARY = character()


def damaged(change: Callable[[glb.Document], Any]) -> bytes:
    document = copy.deepcopy(GOOD)
    change(document)
    return glb.join(document, BINARY)


def _set(at: list[Any], value: Any) -> Callable[[glb.Document], None]:
    def change(document: glb.Document) -> None:
        entry = document
        for key in at[:-1]:
            entry = entry[key]
        entry[at[-1]] = value

    return change


DAMAGE = {
    "a cycle": (_set(["nodes", 30, "children"], [1]), "not trees"),
    "a cycle of its own": (_set(["nodes", 0], {"children": [0]}), "not trees"),
    "two parents": (_set(["nodes", 0, "children"], [1, 2]), "not trees"),
    "a child twice": (_set(["nodes", 0, "children"], [1, 1]), "not trees"),
    "a child that is not there": (_set(["nodes", 9, "children"], [400]), "400|IndexError"),
    "a child before the first": (_set(["nodes", 9, "children"], [-1]), "child -1"),
    "NaN": (
        _set(["nodes", 9, "translation"], [0, math.nan, 0]),
        "translation must be 3 finite numbers",
    ),
    "infinity": (_set(["nodes", 9, "scale"], [math.inf, 1, 1]), "scale must be 3 finite numbers"),
    "numbers that grow": (
        lambda d: [_set(["nodes", n, "scale"], [1e9] * 3)(d) for n in (1, 2, 3)],
        "no valid rest position",
    ),
    "a rotation of three": (_set(["nodes", 9, "rotation"], [0, 0, 1]), "rotation must be 4"),
    "a rotation of nothing": (_set(["nodes", 9, "rotation"], [0, 0, 0, 0]), "rotation must be 4"),
    "a wild number": (_set(["nodes", 9, "rotation"], [1e300, 0, 0, 1]), "rotation must be 4"),
    "words for numbers": (_set(["nodes", 9, "translation"], ["a", "b", "c"]), "damaged"),
    "an integer beyond all floats": (_set(["nodes", 9, "translation"], [10**400, 0, 0]), "damaged"),
    "nodes that are no list": (_set(["nodes"], {"a": 1}), "damaged"),
    "no nodes": (_set(["nodes"], []), "no nodes"),
    "a node that is a word": (_set(["nodes", 3], "hips"), "damaged"),
    "a joint that is not there": (_set(["skins", 0, "joints"], [1, 99]), "node 99"),
    "a joint before the first": (_set(["skins", 0, "joints"], [-1]), "node -1"),
    "more joints than matrices": (_set(["accessors", 0, "count"], 3), "bind matrix"),
    "a huge count": (_set(["accessors", 0, "count"], 10**15), "declares"),
    "a huge count of nothing": (
        lambda d: (
            _set(["accessors", 0, "count"], 10**15)(d),
            _set(["bufferViews", 0, "byteStride"], 0)(d),
        ),
        "declares",
    ),
    "a count below nothing": (_set(["accessors", 0, "count"], -5), "declares"),
    "an accessor beyond its buffer": (
        _set(["bufferViews", 0, "byteOffset"], 10**6),
        "beyond the end",
    ),
    "an accessor before its buffer": (_set(["accessors", 0, "byteOffset"], -64), "declares"),
    "a view that is not there": (_set(["accessors", 0, "bufferView"], 9), "IndexError"),
    "a sparse accessor": (_set(["accessors", 0, "sparse"], {}), "KeyError"),
    "a buffer in another file": (_set(["buffers", 0, "uri"], "other.bin"), "cannot be read"),
}


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_named_in_one_sentence(kind: str, tmp_path: Path) -> None:
    change, said = DAMAGE[kind]
    path = tmp_path / "it.glb"
    path.write_bytes(damaged(change))

    def refused() -> None:
        with pytest.raises(InputError, match=said) as caught:
            read_tree(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)

    assert cost.seconds(refused, 5.0) < 5.0


@pytest.mark.parametrize("keep", [0, 3, 11, 12, 19, 20, 21, 100, -1, -BINARY.__len__() // 2])
def test_a_truncated_file_is_refused(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "it.vrm"
    path.write_bytes(glb.join(GOOD, BINARY)[:keep])
    with pytest.raises(InputError, match=r"cut off|begins with"):
        read_tree(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"{}",
        b"[" * 100_000,
        b'{"asset": 1}',
        b'{"asset": {"version": "1.0"}}',
        b"Kaydara FBX Binary",
        bytes(64),
    ],
)
def test_files_that_are_not_characters_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "it.gltf"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"neither GLB|version|not a binary FBX"):
        read_tree(path)


def test_a_missing_character_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_tree(tmp_path / "none.glb")
    with pytest.raises(InputError, match="directory"):
        read_tree(tmp_path)


@pytest.mark.parametrize("shape", ["chain", "comb", "star"])
def test_ten_thousand_nodes_load_in_seconds(tmp_path: Path, shape: str) -> None:
    """They are below the head, like hair, or all above the hips."""
    document, binary = character()
    first, many = len(document["nodes"]), 10_000
    head = next(n for n in document["nodes"] if n["name"] == "head")
    extra: list[dict[str, Any]] = [
        {"name": f"strand{i}", "translation": [0, 0.01, 0]} for i in range(many)
    ]
    if shape == "star":
        head["children"] += range(first, first + many)
    else:
        head["children"].append(first)
        for i in range(many - 1):
            extra[i]["children"] = [first + i + 1]
    document["nodes"] += extra
    if shape == "comb":  # the same chain, turned over: the hips hang from its end
        head["children"].remove(first)
        document["nodes"][0]["children"] = [first]
        document["nodes"][-1]["children"] = [1]
    document["skins"].append({"joints": list(range(first, first + many))})
    path = written(tmp_path, document, binary)
    assert cost.seconds(lambda: load_rig(path, BONE_MAP), 10.0) < 10.0
    rig = load_rig(path, BONE_MAP)
    assert len(rig.skeleton.names) <= 1000, "what no bone hangs from is left to the document"


def test_a_very_long_name_is_shortened(tmp_path: Path) -> None:
    document, binary = character()
    document["nodes"][0]["name"] = "n" * 2_000_000
    path = written(tmp_path, document, binary)
    assert max(len(name) for name in read_tree(path).names) == 200
    assert cost.seconds(lambda: map_bones(read_tree(path)), 2.0) < 2.0


def test_too_many_nodes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, {"asset": {"version": "2.0"}, "nodes": [{}] * 100_001}, b"")
    with pytest.raises(InputError, match="100,001 nodes; no character has more than 100,000"):
        load_rig(path)


junk = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 60), st.integers(), st.floats(), st.text(max_size=4),
    st.just([]), st.just({}), st.just([[]]), st.just(1e308), st.just(-1e-320), st.just(2**80),
    st.lists(st.integers(0, 57), max_size=4), st.lists(st.floats(), min_size=3, max_size=4),
)  # fmt: skip


@given(st.data())
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.usefixtures("as_installed")
def test_random_values_are_read_or_refused(data: st.DataObject) -> None:
    document = copy.deepcopy(GOOD)
    document["extensions"] = {
        "VRMC_vrm": {
            "humanoid": {"humanBones": {b: {"node": i + 1} for i, b in enumerate(HUMANOID.names)}}
        }
    }
    for _ in range(data.draw(st.integers(1, 3))):
        entry: Any = document
        while True:
            keys = list(entry) if isinstance(entry, dict) else list(range(len(entry)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if isinstance(entry[key], (dict, list)) and entry[key] and data.draw(st.integers(0, 3)):
                entry = entry[key]
                continue
            if data.draw(st.booleans()):
                entry[key] = data.draw(junk)
            elif isinstance(entry, dict):
                del entry[key]
            break
    _load_or_refuse(glb.join(document, BINARY))


@given(st.binary(min_size=1, max_size=8), st.floats(0, 1, exclude_max=True), st.booleans())
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.usefixtures("as_installed")
def test_random_bytes_are_read_or_refused(junk: bytes, where: float, replace: bool) -> None:
    good = glb.join(GOOD, BINARY)
    at = int(where * len(good))
    _load_or_refuse(good[:at] + junk + good[at + (len(junk) if replace else 0) :])


def _load_or_refuse(data: bytes) -> None:
    """Check that load_rig raises an InputError or returns a rig of finite numbers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "it.glb"
        path.write_bytes(data)
        with contextlib.suppress(InputError):
            rig = load_rig(path, BONE_MAP)
            assert np.all(np.isfinite(rig.t_pose))
            assert np.all(np.isfinite(rig.skeleton.offsets))


def test_a_matrix_without_an_inverse_is_named() -> None:
    with (
        pytest.raises(InputError, match=r"GLB file cannot be used: .* scaled to nothing"),
        damage_named("GLB", "document"),
    ):
        np.linalg.inv(np.diag([1.0, 1.0, 0.0]))
