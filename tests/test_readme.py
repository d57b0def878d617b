"""The README's commands do what it says, as they stand there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mocap import assets
from tests.test_cli import MOCAP, address, started

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINES = [
    line.split("#")[0].strip().removeprefix(".venv/bin/")
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]
COMMANDS = [line for line in LINES if line.startswith("mocap ")]
TARGETS = [line.split()[1] for line in LINES if line.startswith("make ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the README speaks of: a dance of two seconds, and clips."""
    import cv2

    place = tmp_path_factory.mktemp("readme")
    source = cv2.VideoCapture(str(assets.path("demo/demo.mp4")))
    size = (int(source.get(cv2.CAP_PROP_FRAME_WIDTH)), int(source.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    writer = cv2.VideoWriter(str(place / "dance.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 30, size)
    for _ in range(60):
        writer.write(source.read()[1])
    writer.release()
    for made in ("clips", "baked"):
        (place / made).mkdir()
    for name in ("a", "b"):
        shutil.copy(place / "dance.mp4", place / "clips" / f"{name}.mp4")
    return place


def test_every_line_is_a_command_of_ours_or_of_make() -> None:
    assert set(LINES) == set(COMMANDS) | {f"make {t}" for t in TARGETS}
    assert len(COMMANDS) >= 6


@pytest.mark.parametrize("target", TARGETS)
def test_make_has_the_target(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_files_are_written(folder: Path) -> None:
    """One after another: some read what those before them wrote."""
    for command in (c for c in COMMANDS if not c.startswith("mocap live")):
        words = [w for part in shlex.split(command)[1:] for w in (sorted(map(str, folder.glob(part))) if "*" in part else [part])]
        done = subprocess.run([*MOCAP, *words], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        for name in re.findall(r"-o (\S+)", command):
            for made in [name.replace("{name}", n) for n in ("a", "b")] if "{name}" in name else [name]:
                assert (folder / made).stat().st_size > 1000, command


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("mocap live")])
def test_live_opens_its_page_or_says_that_there_is_no_camera(folder: Path, command: str) -> None:
    with started(*shlex.split(command)[1:], "--no-open", "--port", "0", cwd=folder) as process:
        if "--video" in command:
            assert address(process)
        else:
            _, err = process.communicate(timeout=60) if not Path("/dev/video0").exists() else ("", "camera")
            assert "camera" in err


def test_the_python_lines_run(folder: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=300, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "dance.bvh").exists()


def test_the_picture_and_the_places_it_names_are_there() -> None:
    for place in re.findall(r"\]\(((?!http)[^)#]+)\)", README):
        assert (ROOT / place).exists(), place
