"""World transforms of FBX models against SciPy and ufbx: pivots, orders, scale, curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy import ndarray
from scipy.interpolate import BPoly
from scipy.optimize import brentq
from scipy.spatial.transform import Rotation

from mocap.core import rotation as R
from mocap.errors import InputError
from mocap.formats import fbx
from mocap.formats.fbx import binary, build, pose, scene, takes, transform
from mocap.formats.fbx.curves import curve
from mocap.formats.fbx.nodes import Node
from tests import judges
from tests.helpers import fbx_scenes
from tests.helpers.fbx_scenes import Style

_PLAIN = {"pivots": False, "turned": False, "orders": False, "inherit": (1,)}
# Autodesk's six orders, the axis that turns first written first, as SciPy's extrinsic sequences.
_SEQUENCES = ("xyz", "xzy", "yzx", "yxz", "zxy", "zyx")


def places(data: bytes, times: ndarray, take: str) -> tuple[tuple[str, ...], ndarray]:
    """Return the models' names, and their origins (F, N, 3) in the file's axes and unit."""
    found = scene.loads(data)
    chosen = takes.chosen(found, take)
    walked = pose.walk(found, chosen, times, range(len(found.models)))
    origins = [np.broadcast_to(now.origin, (len(times), 3)) for _, _, _, now in walked]
    return found.names, np.stack(origins, axis=1)


@pytest.mark.parametrize(
    "style",
    [
        Style(),
        Style(**_PLAIN),
        Style(axes="left", unit=2.54),
        Style(version=7700),
        Style(uneven=True, pivots=False, inherit=(0,)),
        Style(uneven=True, pivots=False, inherit=(2,)),
        Style(keys="auto"),
        Style(keys="user"),
        Style(keys="clamped"),
        Style(keys="progressive"),
        Style(keys="constant"),
        Style(layers=3),
        Style(layers=2, keys="auto", takes=2),
    ],
    ids=str,
)
@pytest.mark.parametrize("ascii_form", [False, True])
def test_models_are_where_ufbx_has_them(tmp_path: Path, style: Style, ascii_form: bool) -> None:
    document = fbx_scenes.document(np.random.default_rng(7), 5, style)
    data = fbx_scenes.ascii_of(document) if ascii_form else binary.dumps(document)
    path = tmp_path / "scene.fbx"
    path.write_bytes(data)
    times = np.linspace(0.003, 0.997, 9)
    take = f"take {style.takes - 1}"
    names, ours = places(data, times, take)
    theirs_names, theirs = judges.ufbx(path, times, take)
    order = [theirs_names.index(n) for n in names]
    # ufbx keeps tangents as 32-bit numbers.
    tolerance = 1e-9 if style.keys in ("linear", "constant") else 2e-3
    assert np.abs(theirs[:, order] - ours).max() < tolerance


def test_a_local_transform_is_the_product_of_autodesks_matrices() -> None:
    rng = np.random.default_rng(11)

    def moved(v: ndarray) -> ndarray:
        m = np.eye(4)
        m[:3, 3] = v
        return m

    def turned(sequence: str, degrees: ndarray) -> ndarray:
        m = np.eye(4)
        angles = [degrees["xyz".index(a)] for a in sequence]
        m[:3, :3] = Rotation.from_euler(sequence, angles, degrees=True).as_matrix()
        return m

    for _ in range(50):
        order = int(rng.integers(6))
        names = (
            "RotationPivot",
            "RotationOffset",
            "ScalingPivot",
            "ScalingOffset",
            "Lcl Translation",
        )
        p = {name: tuple(rng.normal(0, 5, 3)) for name in names}
        angles = {
            n: tuple(rng.uniform(-180, 180, 3))
            for n in ("PreRotation", "PostRotation", "Lcl Rotation")
        }
        scale = rng.uniform(0.5, 2.0, 3)
        model = transform.local(
            {
                **p,
                **angles,
                "Lcl Scaling": tuple(scale),
                "RotationActive": (1,),
                "RotationOrder": (order,),
            }
        )
        now = transform.placed(
            model,
            transform.WORLD,
            model.translation[None],
            model.turn(model.rotation)[None],
            scale[None],
        )
        rp, roff, sp, soff, t = (moved(np.array(p[name])) for name in names)
        pre, post = (turned("xyz", np.array(angles[n])) for n in ("PreRotation", "PostRotation"))
        r = turned(_SEQUENCES[order], np.array(angles["Lcl Rotation"]))
        expected = (
            t @ roff @ rp @ pre @ r @ np.linalg.inv(post) @ np.linalg.inv(rp)
            @ soff @ sp @ np.diag([*scale, 1.0]) @ np.linalg.inv(sp)
        )  # fmt: skip
        assert np.allclose(now.linear[0], expected[:3, :3], atol=1e-12)
        assert np.allclose(now.origin[0], expected[:3, 3], atol=1e-10)
        # The joint is the point that rotation leaves where it is.
        assert np.allclose(now.joint[0], (t @ roff @ rp)[:3, 3], atol=1e-12)
        back = model.degrees(model.turn(model.rotation)[None])
        assert R.distance(model.turn(back), model.turn(model.rotation)[None]).max() < 1e-7


def test_orientation_and_order_count_only_with_rotation_active() -> None:
    off = transform.local({"PreRotation": (90.0, 0.0, 0.0), "RotationOrder": (4,)})
    assert off.turn(np.zeros(3)).tolist() == [0.0, 0.0, 0.0, 1.0]


def test_weighted_tangents_are_a_bezier_curve_in_time_and_value() -> None:
    rng = np.random.default_rng(5)
    weights = rng.uniform(0.1, 0.9, 2)
    bits = np.round(weights * 9999).astype("<u4")
    data = np.zeros((2, 4), dtype="<f4")
    data[0, :2] = 3.0, -2.0
    data[0, 2] = (bits[:1] | bits[1:] << 16).view("<f4")[0]
    node = Node("AnimationCurve", (), (
        Node("KeyTime", (np.array([0, 2 * fbx_scenes.TICKS]),)),
        Node("KeyValueFloat", (np.array([1.0, 5.0], dtype="<f4"),)),
        Node("KeyAttrFlags", (np.array([0x3000408, 0x3000408], dtype="<i4"),)),
        Node("KeyAttrDataFloat", (data.reshape(-1),)),
        Node("KeyAttrRefCount", (np.ones(2, dtype="<i4"),)),
    ))  # fmt: skip
    found = curve(node, fbx_scenes.TICKS)
    assert found is not None
    a, b = bits / 9999
    along = BPoly([[0.0], [2 * a], [2 - 2 * b], [2.0]], [0.0, 1.0])
    value = BPoly([[1.0], [1.0 + 3.0 * 2 * a], [5.0 + 2.0 * 2 * b], [5.0]], [0.0, 1.0])
    times = np.linspace(0.0, 2.0, 21)
    expected = [value(brentq(lambda u, t=t: along(u) - t, 0.0, 1.0)) for t in times]
    assert np.allclose(found.sampled(times), expected, atol=1e-9)


def test_frames_are_at_the_keys_and_long_gaps_are_filled() -> None:
    found = scene.scene(fbx_scenes.document(np.random.default_rng(1), 1, Style(**_PLAIN)))
    take = takes.chosen(found, None)
    times = takes.frame_times(found, take)
    assert found.fps == 30.0
    keys = np.linspace(0.0, 1.0, 7)
    assert np.all(np.abs(times[:, None] - keys).min(axis=0) < 1e-9)
    assert np.diff(times).max() < 1.0 / 30.0 + 1e-9


def test_takes_are_chosen_by_name_and_unknown_names_are_refused() -> None:
    data = binary.dumps(fbx_scenes.document(np.random.default_rng(1), 2, Style(takes=3)))
    assert fbx.animations(data) == ["take 0", "take 1", "take 2"]
    with pytest.raises(
        InputError, match="no animation 'walk' in the file; it has take 0, take 1, take 2"
    ):
        takes.chosen(scene.loads(data), "walk")


def test_axes_and_units_become_y_up_metres() -> None:
    for name, up in (("y", 1), ("z", 2), ("x", 0), ("left", 1)):
        document = fbx_scenes.document(np.random.default_rng(1), 1, Style(axes=name, unit=2.54))
        to_world = scene.scene(document).to_world
        assert np.allclose(to_world @ np.eye(3)[up], [0.0, 0.0254, 0.0])
        assert np.isclose(np.linalg.det(to_world), (-1.0 if name == "left" else 1.0) * 0.0254**3)


def test_both_time_units_are_read() -> None:
    document = fbx_scenes.document(np.random.default_rng(1), 1, Style(version=7700))
    flags = Node("OtherFlags", (), (Node("TCDefinition", (np.int32(2),)),))
    header = document.nodes[0]._replace(children=(*document.nodes[0].children, flags))
    other = scene.scene(binary.Document(7700, (header, *document.nodes[1:])))
    assert scene.scene(document).ticks == fbx_scenes.TICKS
    assert other.ticks == 141_120_000


def test_new_ids_are_unused() -> None:
    ids = build.Identities([1_000_001, 5, 2**63 - 1])
    assert not {ids.new() for _ in range(5)} & {1_000_001, 5, 2**63 - 1}
