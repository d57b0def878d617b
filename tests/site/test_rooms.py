"""The page that needs no install runs the project's own rooms on what a browser has."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mocap import read_keypoints
from mocap.core.skeleton import HUMANOID
from mocap.live.incoming import as_keypoints
from mocap.live.performer import LivePerformer
from mocap.page.boot import Page
from mocap.solve.face import EXPRESSIONS
from mocap.stream import protocol
from tests.helpers.places import MANNEQUIN, WEB, script
from tests.helpers.synthetic import keypoints_of, smooth_motion

SIZE = (1280, 720)

HELLO = protocol.encode_text(
    protocol.hello(
        HUMANOID,
        tuple(EXPRESSIONS),
        "rigs/mannequin.vrm",
        protocol.SourceInfo("browser", "Sample motion", 640, 480),
    )
)
MISSING = ("cv2", "mediapipe", "websockets", "rich", "typer", "cryptography", "flatbuffers",
           "pythonosc", "segno", "ifaddr")  # fmt: skip


@pytest.fixture(scope="module")
def build() -> ModuleType:
    """Return web/site/build.py as a module."""
    return script(WEB / "site" / "build.py")


def test_the_archive_starts_without_packages_that_a_browser_lacks(build, tmp_path: Path) -> None:
    with zipfile.ZipFile(BytesIO(build.rooms())) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path)
    assert {"mocap/page/boot.py", "mocap/lift/weights.npz", "mocap/assets/rigs/words.json"} <= {
        *names
    }
    assert not [n for n in names if n.startswith(("mocap/cli/", "mocap/capture/"))]
    code = f"""
import importlib.abc, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {MISSING + ("scipy",)}:
            raise ImportError(name)
sys.meta_path.insert(0, Absent())
import mocap.page.boot
print(mocap.page.boot.__file__)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith(str(tmp_path)), done.stderr[-2000:]


def test_the_packages_are_those_of_pyodides_lock_file(build) -> None:
    locked = build._PYODIDE / "pyodide-lock.json"
    if not locked.exists():
        pytest.skip("node_modules is not installed")
    known = json.loads(locked.read_text())["packages"]
    for name, entry in build.packages().items():
        if "folder" in entry:
            assert known[name]["file_name"] == entry["wheel"]
        else:
            assert len(entry["sha256"]) == 64


def test_a_page_solves_records_and_exports_like_the_server(tmp_path: Path) -> None:
    keypoints = keypoints_of(smooth_motion(np.random.default_rng(3), 0.5, 30.0), SIZE)
    streamed: list[str | bytes] = []
    answers: list[str] = []
    page = Page(HELLO, str(tmp_path), streamed.append, answers.append)
    page.text('{"type":"camera","name":"mine","width":1280,"height":720}')
    page.ask('{"do":"record","id":1,"on":true}')
    assert page.recording()
    performer = LivePerformer(None)
    for i in range(len(keypoints)):
        frame = keypoints.slice(i, i + 1)
        stamp = protocol.FrameHeader(i, float(frame.times[0]), 0.0)
        message = protocol.KeypointsMessage(
            stamp, frame.image[0] / SIZE, frame.positions[0], frame.confidence[0]
        )
        data = protocol.encode(message)
        page.binary(data)
        pose = protocol.decode(
            [m for m in streamed if isinstance(m, bytes)][-1],
            len(HUMANOID.names),
            len(EXPRESSIONS),
        )
        assert isinstance(pose, protocol.PoseMessage)
        seen = protocol.decode_seen(data)
        assert isinstance(seen, protocol.KeypointsMessage)
        wanted = performer.follow(as_keypoints(seen, SIZE))
        np.testing.assert_allclose(pose.rotations, wanted.rotations[0], atol=2e-6)
    page.ask('{"do":"record","id":2,"on":false}')
    take = json.loads(answers[-1])["take"]
    assert len(read_keypoints(tmp_path / f"{take}.jsonl")) == len(keypoints)
    assert page.recording() == ""
    export = {"do": "export", "id": 3, "take": take, "grade": "live", "format": "bvh"}
    page.ask(json.dumps({**export, "start": 0, "end": 100}))
    made = json.loads(answers[-1])
    text = page.file(made["file"])
    assert text is not None
    assert text.startswith(b"HIERARCHY")
    converted = json.loads(page.convert("a.bvh", text, ".vrma", None))
    assert converted["frames"] == made["frames"]
    assert page.file(converted["file"])
    angles = json.loads(page.convert("a.bvh", text, ".csv", None))
    assert page.file(angles["file"])
    assert json.loads(page.onto("hero.vrm", MANNEQUIN.read_bytes()))["said"]
    moved = json.loads(page.convert("a.bvh", text, ".vrm", None))
    assert (page.file(moved["file"]) or b"").startswith(b"glTF")
    assert "error" in json.loads(page.onto("hero.fbx", b"nothing"))
    refused = json.loads(page.convert("a.bvh", b"nothing", ".vrma", None))
    assert "a.bvh" in refused["error"]
