"""Imports run down the order of the rooms, without circles, and `import mocap` stays light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.places import ROOT
from tests.helpers.structure import (
    between_files,
    between_rooms,
    circle,
    graph,
    imported,
    modules,
    room_of,
)

PACKAGE = ROOT / "mocap"

# From the ground up. A module imports from its own room and from rooms of lower layers. A new room
# is entered here. `lift.training` is a room of its own that nothing imports at run time.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("assets",),
    ("core",),
    ("capture", "formats", "lift"),
    ("rig", "solve", "detect"),
    ("retargeting", "report", "cameras"),
    ("transfer", "stream", "lift.training"),
    ("bake",),
    ("batch", "live"),
    ("studio",),
    ("cli", "page"),
    ("__main__",),
)
LEVEL_OF = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
MOST_LOOSE_MODULES = 6


SOURCES = modules(PACKAGE)
GRAPH = graph(SOURCES)


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_imports_run_downwards(module: str) -> None:
    own = room_of(module)
    assert own in LEVEL_OF, f"enter the room {own} in LAYERS"
    for target in GRAPH[module]:
        assert target, f"{module} imports the package `mocap` itself; import the module instead"
        room = room_of(target)
        assert room == own or LEVEL_OF[room] < LEVEL_OF[own], f"{module} imports {target}"


def test_no_files_or_folders_import_in_a_circle() -> None:
    assert circle(between_files(GRAPH)) == []
    assert circle(between_rooms(GRAPH)) == []


def test_the_guard_fails_on_a_planted_circle() -> None:
    assert circle({"core.a": {"core.b"}, "core.b": {"core.a"}}) == ["core.a", "core.b", "core.a"]
    planted = {"lift.model": {"solve.root"}, "solve.take": {"lift.model"}, "core.x": set()}
    assert circle(planted) == []
    assert circle(between_rooms(planted)) == ["lift", "solve", "lift"]


def test_few_modules_are_outside_folders() -> None:
    loose = [p.name for p in PACKAGE.glob("*.py")]
    assert len(loose) <= MOST_LOOSE_MODULES, loose


def test_the_guard_sees_imports_of_every_form() -> None:
    source = (
        "import mocap.cli.main\nfrom mocap.core import rotation as R\n"
        "from mocap.stream.server import S\ndef f():\n    from mocap.detect import x\n"
    )
    known = ("cli", "cli.main", "core", "core.rotation", "stream.server", "detect")
    assert imported(source, known) == {"cli.main", "core.rotation", "stream.server", "detect"}
    assert imported("import mocap", known) == set() or imported("import mocap", known) == {""}


def test_import_mocap_stays_light() -> None:
    heavy = {
        "cv2",
        "mediapipe",
        "websockets",
        "matplotlib",
        "typer",
        "cryptography",
        "segno",
        "ifaddr",
    }
    code = f"import sys, mocap; print(*sorted({heavy!r} & set(sys.modules)))"
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_files_are_read_and_written_without_the_heavy_libraries(tmp_path: Path) -> None:
    """Keypoint files, `mocap retarget` and `mocap rigs` need no camera, detector or server."""
    mannequin = PACKAGE.parent / "rigs" / "mannequin.vrm"
    code = f"""
import sys, numpy as np, mocap
from mocap.cli.main import app
from mocap.core.skeleton import HUMANOID
still = mocap.Motion(HUMANOID, np.zeros(1), HUMANOID.offsets[:1], HUMANOID.rest_rotations[None])
mocap.save("still.bvh", still, options=mocap.ExportOptions(names="vrm"))
for line in (
    ["retarget", "still.bvh", "--rig", {str(mannequin)!r}, "-o", "hero.glb"],
    ["rigs", "inspect", "still.bvh"],
    ["rigs", "map", "still.bvh", "-o", "map.json"],
):
    app(line, standalone_mode=False)
try:
    mocap.read_keypoints("empty.json")
except mocap.MocapError:
    pass
print("heavy:", *sorted({{"cv2", "mediapipe", "websockets"}} & set(sys.modules)))
"""
    (tmp_path / "empty.json").write_text(
        '{"width": 4, "height": 3, "frames": [{"timestamp": 0, "poses": []}]}'
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1:] == ["heavy:"], done.stderr
