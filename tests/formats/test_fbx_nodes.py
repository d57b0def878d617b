"""FBX's node tree: round trips, and damaged files end in a sentence."""

from __future__ import annotations

import contextlib
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.errors import InputError
from mocap.formats import fbx
from mocap.formats.fbx import binary, scene, text
from mocap.formats.fbx.nodes import Node, Packed
from tests.helpers import fbx_scenes

_NAMES = st.text("abcXYZ_0", min_size=1, max_size=12)
_SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-(2**31), 2**31 - 1).map(np.int32),
    st.integers(-(2**15), 2**15 - 1).map(np.int16),
    st.floats(allow_nan=False),
    st.floats(width=32, allow_nan=False).map(np.float32),
    st.text(max_size=20).filter(lambda s: s.isprintable()),
    st.binary(max_size=20),
)
_ARRAYS = st.builds(
    lambda kind, values: np.array(values).astype(kind),
    st.sampled_from(["<f4", "<f8", "<i4", "<i8", "u1"]),
    st.lists(st.integers(0, 255), max_size=60),
)
_VALUES = st.lists(_SCALARS | _ARRAYS, max_size=4).map(tuple)
_TREES = st.recursive(
    st.tuples(_NAMES, _VALUES).map(lambda parts: Node(*parts)),
    lambda below: st.tuples(_NAMES, _VALUES, st.lists(below, max_size=4).map(tuple)).map(
        lambda parts: Node(*parts)
    ),
    max_leaves=20,
)


def same(a: Node, b: Node) -> bool:
    """Return whether two nodes hold the same values, however they are stored."""
    if a.name != b.name or len(a.values) != len(b.values) or len(a.children) != len(b.children):
        return False
    equal = all(np.array_equal(x, y) for x, y in zip(a.values, b.values, strict=True))
    return equal and all(same(x, y) for x, y in zip(a.children, b.children, strict=True))


@settings(max_examples=60, deadline=None)
@given(st.lists(_TREES, max_size=5), st.sampled_from([7100, 7400, 7500, 7700]))
def test_a_binary_file_round_trips(tops: list[Node], version: int) -> None:
    data = binary.dumps(binary.Document(version, tuple(tops)))
    back = binary.loads(data)
    assert back.version == version
    assert all(same(a, b) for a, b in zip(tops, back.nodes, strict=True))
    assert binary.dumps(back) == data


def test_ascii_and_binary_give_the_same_nodes() -> None:
    document = fbx_scenes.document(np.random.default_rng(1), 5, fbx_scenes.Style())
    back = text.loads(fbx_scenes.ascii_of(document))
    one, other = scene.scene(document), scene.scene(back)
    assert one.names == other.names
    for identity, node in one.objects.items():
        for name in ("KeyTime", "KeyValueFloat"):
            ours, theirs = node.array(name), other.objects[identity].array(name)
            assert (ours is None) == (theirs is None)
            if ours is not None and theirs is not None:
                assert np.allclose(ours, theirs, rtol=1e-12, atol=0.0)
        ours_p, theirs_p = one.properties(identity), other.properties(identity)
        assert {k: list(v) for k, v in ours_p.items()} == {k: list(v) for k, v in theirs_p.items()}


def test_ascii_variants_of_other_tools_are_read() -> None:
    source = (
        "; FBX 7.3.0 project file\r\n; ---\r\n\r\nFBXHeaderExtension:  {\r\n\tFBXVersion: "
        "7300\r\n}\r\n"
        'Objects:  {\r\n\tModel: 5, "Model::Hüfte", "LimbNode" {\r\n\t\tVersion: 232\r\n'
        '\t\tProperties70:  {\r\n\t\t\tP: "Lcl Translation", "Lcl Translation", "", '
        '"A+",1,-2.5e-1,3\r\n'
        "\t\t}\r\n\t\tShading: Y\r\n\t\tVertices: *6 {\r\n\t\t\ta: 1,2,3,\r\n4.5,5,6\r\n\t\t} "
        "\r\n\t}\r\n"
        '\tVideo: 6, "Video::a", "Clip" {\r\n\t\tContent: ,\r\n\t"iVBORw0KGgo="\r\n\t}\r\n}\r\n'
    ).encode()
    found = scene.loads(source)
    assert found.names == ("Hüfte",)
    assert found.properties(5)["Lcl Translation"] == (1, -0.25, 3)
    assert found.objects[5].array("Vertices").tolist() == [1, 2, 3, 4.5, 5, 6]  # type: ignore[union-attr]
    content = found.objects[6].child("Content")
    assert content is not None
    assert content.values[0] == "iVBORw0KGgo="


def _made(version: int = 7400) -> bytes:
    return binary.dumps(fbx_scenes.character(np.random.default_rng(2), version))


def _read(data: bytes) -> None:
    """Read a file; any error but an InputError fails the test."""
    with contextlib.suppress(InputError):
        fbx.animations(data)
        fbx.loads_animation(data)


@pytest.mark.parametrize("version", [7400, 7500])
def test_a_file_truncated_anywhere_is_refused(version: int) -> None:
    data = _made(version)
    end = len(data) - 200
    for size in np.linspace(30, end, 60).astype(int):
        with pytest.raises(InputError, match="cut off"):
            scene.loads(data[:size])


def test_a_truncated_ascii_file_is_refused_or_read() -> None:
    data = fbx_scenes.ascii_of(fbx_scenes.character(np.random.default_rng(3)))
    for size in np.linspace(30, len(data) - 300, 25).astype(int):
        with pytest.raises(InputError):
            scene.loads(data[:size])


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("ascii_form", [False, True])
def test_a_damaged_file_ends_in_a_sentence(seed: int, ascii_form: bool) -> None:
    rng = np.random.default_rng(seed)
    document = fbx_scenes.document(np.random.default_rng(4), 3, fbx_scenes.Style())
    data = bytearray(fbx_scenes.ascii_of(document) if ascii_form else binary.dumps(document))
    for at in rng.integers(27, len(data), rng.integers(1, 20)):
        data[at] = rng.integers(256)
    _read(bytes(data))


def _array_node(letter: bytes, length: int, content: bytes, name: str = "KeyTime") -> Node:
    raw = letter + struct.pack("<III", length, 1, len(content)) + content
    return Node(name, Packed(raw, 1))


def test_an_array_with_a_huge_unpacked_size_is_refused() -> None:
    bomb = zlib.compress(bytes(1 << 26), 1)
    node = Node("AnimationCurve", (), (_array_node(b"l", 1 << 25, bomb),))
    with pytest.raises(InputError, match="268435456 bytes"):
        node.array("KeyTime")
    lying = Node("AnimationCurve", (), (_array_node(b"l", 10, bomb),))
    with pytest.raises(InputError, match="cannot be unpacked"):
        lying.array("KeyTime")


def test_endlessly_nested_nodes_are_refused() -> None:
    node = Node("a")
    for _ in range(200):
        node = Node("a", (), (node,))
    with pytest.raises(InputError, match="nested over 64"):
        binary.loads(binary.dumps(binary.Document(7400, (node,))))
    deep = b"FBXHeaderExtension: {\nFBXVersion: 7400\n}\n" + b"a: {\n" * 5000
    with pytest.raises(InputError, match="nest over 64"):
        text.loads(deep)


def test_parent_cycles_are_refused() -> None:
    document = fbx_scenes.document(np.random.default_rng(0), 3, fbx_scenes.Style())
    ids = scene.scene(document).models
    ring = Node(
        "Connections",
        (),
        tuple(Node("C", ("OO", a, b)) for a, b in ((ids[0], ids[1]), (ids[1], ids[0]))),
    )
    nodes = tuple(ring if n.name == "Connections" else n for n in document.nodes)
    with pytest.raises(InputError, match="is its own ancestor"):
        scene.loads(binary.dumps(binary.Document(7400, nodes)))


@pytest.mark.parametrize("version", [6100, 8000])
def test_unsupported_versions_are_named(version: int) -> None:
    with pytest.raises(InputError, match=rf"version {version / 1000:.1f}"):
        binary.loads(binary.dumps(binary.Document(version, ())))


def test_many_small_nodes_take_less_than_a_second_a_megabyte(
    tmp_path: Path,
) -> None:
    """Measured in a process of its own, where shapes are not checked."""
    many = Node("Objects", (), tuple(Node("a", (i,)) for i in range(40_000)))
    path = tmp_path / "many.fbx"
    path.write_bytes(binary.dumps(binary.Document(7400, (many,))))
    code = (
        "import sys, time; from pathlib import Path; from mocap.formats.fbx import scene;"
        "data = Path(sys.argv[1]).read_bytes(); began = time.process_time(); scene.loads(data);"
        "print(time.process_time() - began)"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < path.stat().st_size / 1e6
