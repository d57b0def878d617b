"""The studio's exports: every format of the page, on every kind of character."""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest

from mocap import formats
from mocap.errors import InputError
from mocap.formats.fbx import binary
from mocap.stream.content import Files
from mocap.studio import messages
from mocap.studio.desk import Desk
from tests.helpers import fbx_scenes
from tests.helpers.places import MANNEQUIN
from tests.helpers.synthetic import keypoints_of, smooth_motion

FORMATS = get_args(get_type_hints(messages.Export)["format"])


def test_each_format_gets_a_character_it_can_hold(tmp_path: Path) -> None:
    files: Files = {}
    desk = Desk(tmp_path, files)
    motion = smooth_motion(np.random.default_rng(2), 0.3, 30.0)
    keypoints = keypoints_of(motion, (640, 480))
    desk.quick(messages.Record(id=1, on=True))
    for i in range(len(keypoints)):
        desk.hear(keypoints.slice(i, i + 1), motion.slice(i, i + 1))
    take = desk.quick(messages.Record(id=2, on=False))["take"]
    body = MANNEQUIN.read_bytes()
    hero = binary.dumps(fbx_scenes.character(np.random.default_rng(1)))

    def uploaded(name: str, data: bytes, shown: bytes = b"") -> dict:
        ask = messages.Upload(id=3, name=name, size=len(data + shown), body=len(shown))
        return desk.work(ask, data + shown, lambda part: None)

    def exported(kind: str, rig: str | None) -> bytes:
        ask = messages.Export(4, take, "live", kind, 0.0, 9.0, rig)  # type: ignore[arg-type]
        made = desk.work(ask, b"", lambda part: None)
        assert made["name"] == f"{take}.{kind}"
        assert made["frames"] == len(keypoints)
        data = files["/" + made["file"]][0]
        assert isinstance(data, bytes)
        return data

    fbx = uploaded("hero.fbx", hero, body)
    assert len(fbx["bones"]) == 55
    vrm = uploaded("hero.vrm", body)
    # The page shows the GLB that came with the FBX, and the FBX itself is what is exported.
    shown = files["/" + fbx["rig"]][0]
    assert isinstance(shown, bytes)
    assert shown.startswith(b"glTF")
    for kind in FORMATS:
        path = tmp_path / f"file.{kind}"
        path.write_bytes(exported(kind, fbx["rig"]))
        if path.suffix in formats.READ_SUFFIXES:
            assert formats.load(path).duration > 0.2
        else:  # the performer's own, whatever character moves
            assert path.read_bytes() == exported(kind, None)
    assert b"SubDeformer" in (tmp_path / "file.fbx").read_bytes()
    assert (tmp_path / "file.glb").stat().st_size > len(body)
    assert b"SubDeformer" not in exported("fbx", vrm["rig"])
    assert b"SubDeformer" not in exported("fbx", None)
    # A bone that is taken away leaves both the FBX and what shows it.
    fewer = desk.work(
        messages.Remap(id=5, rig=fbx["rig"], bones={"leftToes": ""}), b"", lambda part: None
    )
    assert len(fewer["bones"]) == 54
    with pytest.raises(InputError, match=r"hero\.fbx came without the GLB"):
        uploaded("hero.fbx", hero)
    with pytest.raises(InputError, match=r"hero\.fbx"):
        uploaded("hero.fbx", b"nothing", body)
