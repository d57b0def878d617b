"""BVH against other readers: pybvh, bvhio and three.js."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from mocap.core.motion import Motion
from mocap.formats import bvh
from tests import judges
from tests.helpers import synthetic
from tests.helpers.bvh_motions import TENTH_OF_A_MILLIMETRE, places, worst

CENTI = 0.01
HALF_A_MILLIMETRE = 0.0005


@pytest.fixture(scope="module")
def clip() -> Motion:
    return synthetic.smooth_motion(np.random.default_rng(8), 2.0, 30.0)


def test_pybvh_bvhio_and_three_agree_with_our_reader(
    clip: Motion, tmp_path: Path, node: Path
) -> None:
    path = tmp_path / "clip.bvh"
    path.write_text(bvh.dumps(clip, "vrm"))
    expected = places(clip)
    names, found = judges.pybvh(path)
    assert len(names) == 52
    assert worst(names, CENTI * found, expected) < HALF_A_MILLIMETRE
    names, found = judges.bvhio(path, list(range(0, 60, 6)))
    assert worst(names, CENTI * found, expected, every=6) < HALF_A_MILLIMETRE
    names, found = judges.three(node, path, clip.times)
    assert len(names) == 52
    assert worst(names, CENTI * found, expected) < HALF_A_MILLIMETRE


def wild_files(data: Path) -> list[Path]:
    """Return recordings from many tools; of the 112 of one maker, every fifteenth."""
    return (
        sorted((data / "mocap").glob("bvh_*/*.bvh"))
        + sorted((data / "mocap" / "cmu_training").glob("*.bvh"))[::15]
    )


def loaded(path: Path) -> Motion:
    """Read one of `wild_files`; one file holds a frame more than it declares and warns."""
    if path.name != "assimp_Boxing_Toes.bvh":
        return bvh.loads(path.read_text())
    with pytest.warns(UserWarning, match="line 3199: the text after the 3069 declared frames"):
        return bvh.loads(path.read_text())


def test_real_files_are_read_as_pybvh_and_bvhio_read_them(data: Path, tmp_path: Path) -> None:
    judged = 0
    for path in wild_files(data):
        text = path.read_text()
        motion = loaded(path)
        expected = places(motion)
        assert np.all(np.isfinite(np.stack(list(expected.values()))))
        joints_move = text.count("position") > 3
        if not joints_move:
            short = tmp_path / path.name  # bvhio reads some 500 frames a second
            count = cut(text, short, 40)
            names, found = judges.bvhio(short, list(range(count)))
            assert tuple(names) == motion.skeleton.names
            assert (
                worst(names, CENTI * found, {n: p[:count] for n, p in expected.items()}) < 1e-4
            ), path.name
            judged += 1
        # pybvh refuses position channels below the root, and a frame more than announced.
        if not joints_move and "Boxing" not in path.name:
            names, found = judges.pybvh(path)
            assert worst(names, CENTI * found, expected) < 1e-9, path.name
            judged += 1
    assert judged > 30


def cut(text: str, path: Path, most: int) -> int:
    """Write the file with at most so many frames, and return their number."""
    head, time, rest = re.split(r"(Frame Time.*\n)", text)
    lines = [line for line in rest.splitlines() if line.strip()][:most]
    path.write_text(
        re.sub(r"Frames:\s*\d+", f"Frames: {len(lines)}", head) + time + "\n".join(lines) + "\n"
    )
    return len(lines)


def test_position_channels_on_every_joint_are_read_as_in_three(data: Path, node: Path) -> None:
    """MakeHuman writes them to be added to the OFFSET: as three.js reads them below the root."""
    for name in ("benchmark", "tpose"):
        path = data / "mocap" / "bvh_makehuman_cc0" / f"{name}.bvh"
        motion = bvh.loads(path.read_text(), scale=1.0)
        names, found = judges.three(node, path, motion.times)
        expected = places(motion)
        hips = expected[motion.skeleton.names[0]]
        # three.js takes the dots out of the names, but keeps the order.
        for i, joint in enumerate(motion.skeleton.names):
            assert np.abs((found[:, i] - found[:, 0]) - (expected[joint] - hips)).max() < 1e-4, (
                joint
            )
        assert len(names) == len(motion.skeleton.names)


def test_rewritten_real_files_move_the_same(data: Path) -> None:
    for path in wild_files(data):
        motion = loaded(path)
        back = bvh.loads(bvh.dumps(motion, "vrm"))
        expected = places(motion)
        assert (
            worst(list(back.skeleton.names), np.stack(list(places(back).values()), 1), expected)
            < TENTH_OF_A_MILLIMETRE
        ), path.name
