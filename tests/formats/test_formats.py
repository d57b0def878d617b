"""Saving and loading by suffix: files are written whole or not at all, errors are sentences."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mocap import formats
from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import HUMANOID
from mocap.errors import InputError, OutputError
from mocap.formats import ExportOptions, bvh
from mocap.rig.load import load_rig
from tests.helpers import synthetic
from tests.helpers.places import MANNEQUIN


@pytest.fixture(scope="module")
def motion() -> Motion:
    made = synthetic.smooth_motion(np.random.default_rng(0), 0.5, 30.0)
    return Motion(HUMANOID, made.times, made.root_positions, made.rotations)


@pytest.fixture(scope="module")
def keypoints() -> Keypoints:
    return synthetic.keypoints_of(synthetic.random_poses(np.random.default_rng(0), 4))


@pytest.fixture(scope="module")
def rig() -> Rig:
    return load_rig(MANNEQUIN)


def on(motion: Motion, rig: Rig) -> Motion:
    """Return the motion on the mannequin's joints, which have another order in its file."""
    order = [HUMANOID.index(n) for n in rig.skeleton.names]
    return Motion(rig.skeleton, motion.times, motion.root_positions, motion.rotations[:, order])


@pytest.mark.parametrize("name", ["a.bvh", "a.glb", "a.vrm", "A.BVH", "a.vrma"])
@pytest.mark.parametrize("all_keys", [True, False])
def test_motions_round_trip_in_every_format(
    motion: Motion, rig: Rig, tmp_path: Path, name: str, all_keys: bool
) -> None:
    character = name.lower().endswith(("glb", "vrm"))
    formats.save(
        tmp_path / name,
        on(motion, rig) if character else motion,
        rig if character else None,
        ExportOptions(all_keys=all_keys),
    )
    back = formats.load(tmp_path / name)
    assert isinstance(back, Motion)
    # The path is kept within a millimetre.
    assert np.abs(back.at(motion.times).root_positions - motion.root_positions).max() < (
        1e-5 if all_keys else 1e-3
    )
    assert [p.name for p in tmp_path.iterdir()] == [name], "nothing else is left"


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_keypoints_round_trip_in_every_format(
    keypoints: Keypoints, tmp_path: Path, name: str
) -> None:
    formats.save(str(tmp_path / name), keypoints)
    back = formats.load(str(tmp_path / name))
    assert isinstance(back, Keypoints)
    assert np.abs(back.times - keypoints.times).max() < 1e-9
    again = formats.load(tmp_path / name, source_fps=60.0)
    assert isinstance(again, Keypoints)
    assert np.allclose(again.times, np.arange(4) / 60)
    assert np.abs(back.positions - keypoints.positions).max() <= 1e-6
    assert (tmp_path / name).read_text().count("\n") == (5 if name == "a.jsonl" else 0)


@pytest.mark.parametrize("suffix", [".csv", ".mot", ".trc"])
def test_angle_and_position_tables_are_written_but_not_read(
    motion: Motion, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    formats.save(path, motion)
    lines = path.read_text().splitlines()
    between = "," if suffix == ".csv" else "\t"
    rows = [line.split(between) for line in lines[-len(motion) :]]
    assert len({len(row) for row in rows}) == 1
    time = 1 if suffix == ".trc" else 0
    assert [float(row[time]) for row in rows] == pytest.approx(list(motion.times), abs=1e-4)
    if suffix == ".trc":
        hips = np.array([row[2:5] for row in rows], dtype=float) / 1000.0
        x, y, z = motion.root_positions.T
        assert np.allclose(hips, np.stack([z, y, -x], axis=1), atol=1e-6)
    with pytest.raises(InputError, match="does not read them"):
        formats.load(path)


@pytest.mark.parametrize("name", ["a.bvh", "a.glb"])
def test_a_given_rate_resamples_the_motion(
    motion: Motion, rig: Rig, tmp_path: Path, name: str
) -> None:
    character = name.endswith("glb")
    formats.save(
        tmp_path / name,
        on(motion, rig) if character else motion,
        rig if character else None,
        ExportOptions(fps=60.0, all_keys=True),
    )
    back = formats.load(tmp_path / name)
    assert len(back) == 29


@pytest.mark.parametrize("name", ["a.abc", "a", "a.json", "a.bvh.gz"])
def test_an_unknown_suffix_error_lists_the_known_ones(
    motion: Motion, tmp_path: Path, name: str
) -> None:
    with pytest.raises(
        OutputError,
        match=r"end in \.bvh, \.csv, \.fbx, \.glb, \.gltf, \.mot, \.trc, \.vrm or \.vrma",
    ):
        formats.save(tmp_path / name, motion)
    assert not list(tmp_path.iterdir())


def test_keypoints_are_refused_as_a_motion(keypoints: Keypoints, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot be written: .* end in \.json or \.jsonl"):
        formats.save(tmp_path / "a.bvh", keypoints)


def test_a_character_file_needs_a_character(motion: Motion, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.glb needs a rig"):
        formats.save(tmp_path / "a.glb", motion)


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("glb", "a.vrm", r"end in \.bvh, \.csv, \.glb, \.mot, \.trc or \.vrma"),
        ("bvh", "a.glb", "is a BVH file"),
    ],
)
def test_the_output_format_must_match_the_rig(
    motion: Motion, rig: Rig, tmp_path: Path, kind: Any, name: str, says: str
) -> None:
    with pytest.raises(OutputError, match=says):
        formats.save(tmp_path / name, on(motion, rig), replace(rig, kind=kind))
    assert not list(tmp_path.iterdir())


def test_paths_that_cannot_be_written_are_named(motion: Motion, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"there is no folder .*nowhere"):
        formats.save(tmp_path / "nowhere" / "a.bvh", motion)
    (tmp_path / "b.bvh").mkdir()
    with pytest.raises(OutputError, match="it is a folder"):
        formats.save(tmp_path / "b.bvh", motion)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="there is no folder"):
        formats.save(tmp_path / "file" / "a.bvh", motion)


@pytest.mark.skipif(os.geteuid() == 0, reason="everything is permitted to root")
def test_a_folder_without_permission_is_named(motion: Motion, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        formats.save(tmp_path / "a.bvh", motion)


@pytest.mark.skipif(
    not Path("/proc/self").is_dir(), reason="needs Linux's /proc, where files cannot be made"
)
def test_a_folder_that_refuses_files_is_named() -> None:
    """The error comes before any work is done."""
    with pytest.raises(OutputError, match=r"/proc/a\.bvh cannot be written: "):
        formats.check_writable("/proc/a.bvh", Motion)


@pytest.mark.parametrize(
    "failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()]
)
def test_a_failed_export_leaves_the_old_file_as_it_was(
    motion: Motion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    path = tmp_path / "a.bvh"
    path.write_text("old")

    def fail(self: Path, target: Path) -> None:
        assert self.parent == path.parent, "a rename across disks would not be whole"
        assert self.stat().st_size > 1000
        raise failure

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError if isinstance(failure, OSError) else KeyboardInterrupt):
        formats.save(path, motion)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bvh"]


def test_new_files_have_the_default_permissions(motion: Motion, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    formats.save(tmp_path / "a.bvh", motion)
    assert (tmp_path / "a.bvh").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.bvh cannot be read: No such file"):
        formats.load(tmp_path / "a.bvh")
    with pytest.raises(
        InputError,
        match=(
            r"does not read 'a\.abc': the suffix must be one of \.bvh, \.fbx, \.glb, \.gltf, "
            r"\.vrm, \.vrma, \.json, \.jsonl"
        ),
    ):
        formats.load(tmp_path / "a.abc")
    (tmp_path / "b.json").mkdir()
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        formats.load(tmp_path / "b.json")
    (tmp_path / "c.bvh").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"c\.bvh: This is not a BVH file"):
        formats.load(tmp_path / "c.bvh")


@pytest.mark.parametrize(
    "suffix", [".bvh", ".fbx", ".glb", ".gltf", ".vrm", ".vrma", ".json", ".jsonl"]
)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 64,
        b"glTF" + b"\xff" * 60,
        b"HIERARCHY\nMOTION\n",
        b"{",
        b"[[1]]",
        b'{"frames": [1]}',
    ],
)
def test_invalid_data_of_every_format_is_refused_with_a_sentence(
    tmp_path: Path, suffix: str, content: bytes
) -> None:
    path = tmp_path / f"rubbish{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match="rubbish"):
        formats.load(path)


def test_files_from_windows_with_other_encodings_are_read(tmp_path: Path) -> None:
    still = Motion(HUMANOID, np.array([0.0]), HUMANOID.offsets[:1], HUMANOID.rest_rotations[None])
    text = bvh.dumps(still, "vrm").replace("ROOT hips", "ROOT Hüfte").replace("\n", "\r\n")
    (tmp_path / "a.bvh").write_bytes(text.encode("latin-1"))
    back: Any = formats.load(tmp_path / "a.bvh")
    assert back.skeleton.names[0].startswith("H")
