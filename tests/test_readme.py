"""The commands of README.md and docs/ do what the pages say."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mocap import assets, formats
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID
from mocap.stream import vmc
from tests.helpers.command import address, started
from tests.helpers.places import ROOT
from tests.helpers.videos import begin_of_demo

PAGES_OF_TEXT = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
TEXTS = {path: path.read_text(encoding="utf-8") for path in PAGES_OF_TEXT}
EVERY = "\n".join(TEXTS.values())
LINES = [
    line.split("#")[0].strip().removeprefix(".venv/bin/")
    for block in re.findall(r"```sh\n(.*?)```", EVERY, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]
PYTHON = re.findall(r"```python\n(.*?)```", EVERY, re.DOTALL)
COMMANDS = list(dict.fromkeys(line for line in LINES if line.startswith("mocap ")))
PAGES = ("mocap live", "mocap view")
TARGETS = sorted({line.split()[1] for line in LINES if line.startswith("make ")})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files named on the pages: a short dance, clips, a character."""
    place = tmp_path_factory.mktemp("readme")
    begin_of_demo(place / "dance.mp4", 6)
    for made in ("clips", "baked"):
        (place / made).mkdir()
    for name in ("a", "b"):
        shutil.copy(place / "dance.mp4", place / "clips" / f"{name}.mp4")
    shutil.copy(assets.path("rigs/mannequin.vrm"), place / "hero.vrm")
    return place


def test_every_line_is_a_command_of_mocap_or_make() -> None:
    assert set(LINES) == set(COMMANDS) | {f"make {t}" for t in TARGETS}
    assert len(COMMANDS) >= 6


@pytest.mark.parametrize("target", TARGETS)
def test_make_has_the_target(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_files_are_written(
    folder: Path,
    run: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The commands run in order: some read what earlier ones wrote."""
    monkeypatch.chdir(folder)
    for command in (c for c in COMMANDS if not c.startswith(PAGES)):
        words = [
            w
            for part in shlex.split(command)[1:]
            for w in (sorted(map(str, folder.glob(part))) if "*" in part else [part])
        ]
        status, _, said = run(*words)
        assert status == 0, f"{command}: {said}"
        for name in re.findall(r"(?:-o|--picture) (\S+)", command):
            for made in (
                [name.replace("{name}", n) for n in ("a", "b")] if "{name}" in name else [name]
            ):
                assert (folder / made).stat().st_size > 1000, command


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith(PAGES)])
def test_the_page_opens_or_a_missing_camera_is_reported(folder: Path, command: str) -> None:
    if "dance.bvh" in command and not (folder / "dance.bvh").exists():
        still = Motion(
            HUMANOID,
            np.arange(2.0),
            np.tile(HUMANOID.offsets[0], (2, 1)),
            np.tile(HUMANOID.rest_rotations, (2, 1, 1)),
        )
        formats.save(folder / "dance.bvh", still)
    with started(*shlex.split(command)[1:], "--no-open", "--port", "0", cwd=folder) as process:
        if any(word in command for word in ("--video", "--browser", "--lan", "view")):
            assert address(process)
        else:
            _, err = (
                process.communicate(timeout=60)
                if not Path("/dev/video0").exists()
                else ("", "camera")
            )
            assert "camera" in err


def test_the_python_lines_run(folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PYTHON[0]],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "dance.bvh").exists()


def test_the_receiver_of_vmc_prints_the_hips() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    standing = Motion(
        HUMANOID, np.zeros(1), np.array([[0.25, 1.0, 0.5]]), HUMANOID.rest_rotations[None]
    )
    command = [sys.executable, "-u", "-c", PYTHON[1].replace("39539", str(port))]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        vmc.Sender("127.0.0.1", port) as sender,
    ):
        sending = threading.Event()

        def send() -> None:  # again and again: nothing says when it listens
            while not sending.wait(0.1):
                sender.send(vmc.bundle(standing))

        thread = threading.Thread(target=send)
        thread.start()
        assert process.stdout
        line = process.stdout.readline()
        sending.set()
        thread.join()
        process.kill()
    assert line == "hips at -0.25 1.0 0.5\n"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_linked_pictures_and_files_exist(path: Path) -> None:
    for place in re.findall(r"\]\(((?!http)[^)#]+)\)", TEXTS[path]):
        assert (path.parent / place).exists(), place
