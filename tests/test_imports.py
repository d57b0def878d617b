"""The house's order: imports run downwards through the layers, and `import mocap` stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "mocap"

# From the ground up. A module may import from its own layer and from those below it. A new module is entered here.
LAYERS = (
    {"errors", "rotation", "assets"},
    {"skeleton", "keypoints", "motion", "kinematics", "camera"},
    {"filter", "lift", "solve", "rig", "retarget", "formats"},
    {"picture", "detect", "capture", "metadata", "webcam", "stream"},
    {"incoming", "lead", "browser", "pipeline", "takes", "transfer", "studio", "view", "doctor"},
    {"cli", "cli_lan", "cli_rigs", "console"},
)
LAYER_OF = {name: level for level, names in enumerate(LAYERS) for name in names}

MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py" and "assets" not in p.relative_to(PACKAGE).parts[:-1])


def imported(source: str) -> set[str]:
    """The first names below `mocap` that a module imports, at its top or within its functions; "mocap" for the package itself."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for module in modules:
            first, *rest = module.split(".")
            if first == "mocap":
                names.add(rest[0] if rest else "mocap")
    return names


@pytest.mark.parametrize("module", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_run_downwards(module: Path) -> None:
    own = module.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert own in LAYER_OF, f"{own} stands in no layer yet: enter it in LAYERS"
    for name in imported(module.read_text("utf-8")):
        assert name in LAYER_OF, f"{own} imports mocap.{name}, which is no module in LAYERS"
        levels = LAYER_OF[own], LAYER_OF[name]
        assert levels[1] <= levels[0], f"{own} in layer {levels[0]} imports {name} in layer {levels[1]}, which stands above it"


def test_the_guard_sees_imports_of_every_form() -> None:
    source = (
        "import mocap.cli\nfrom mocap import rotation as R\nfrom mocap.stream.server import S\ndef f():\n    from mocap.detect import x\n"
    )
    assert imported(source) == {"cli", "rotation", "stream", "detect"}
    assert imported("import mocap") == {"mocap"}


def test_import_mocap_stays_light() -> None:
    heavy = {"cv2", "mediapipe", "websockets", "matplotlib", "typer", "cryptography", "segno", "ifaddr"}
    code = f"import sys, mocap; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")
