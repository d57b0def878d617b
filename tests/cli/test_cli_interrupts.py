"""Ctrl-C ends a command without a traceback and leaves no files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mocap.cli import main as cli
from tests.helpers.command import started
from tests.helpers.videos import still_video


def detectors(process: subprocess.Popen[str]) -> list[int]:
    """Wait until the detector runs: its library is loaded, and a second has passed since.

    Returns:
        The processes of the command that have loaded it.
    """
    start, found = time.monotonic(), list[int]()
    while time.monotonic() - start < 60.0 and not found:
        time.sleep(0.1)
        found = [pid for pid in group(process.pid) if loaded(pid, "mediapipe")]
    time.sleep(1.0)
    assert process.poll() is None, "the bake is long enough to be interrupted"
    return found


def group(leader: int) -> list[int]:
    """The running processes of a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # pid (name) state parent group …, proc(5)
            state, _, of = stat.read_text().rpartition(")")[2].split()[:3]
            if int(of) == leader and state != "Z":
                found.append(int(stat.parent.name))
    return found


def loaded(pid: int, library: str) -> bool:
    """Whether a process has loaded a library."""
    try:
        return library in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False


def all_end(leader: int) -> bool:
    """Whether all processes of a process group end within ten seconds."""
    start = time.monotonic()
    while group(leader) and time.monotonic() - start < 10.0:
        time.sleep(0.1)
    return not group(leader)


@pytest.fixture(params=[1, 2], ids=["one process", "two processes"])
def bake(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a long bake, detected by one process or by two others."""
    still_video(tmp_path / "long.mp4", 3000)
    arguments = ("bake", "long.mp4", "-o", "x.bvh", "--workers", request.param)
    with started(*arguments, cwd=tmp_path) as process:
        running = detectors(process)
        assert (process.pid in running) == (request.param == 1)
        yield process


def test_ctrl_c_during_a_bake_leaves_no_files(bake: subprocess.Popen[str], tmp_path: Path) -> None:
    # A terminal sends the signal to all processes of the command; uvx, which it also interrupts,
    # sends it once more.
    os.killpg(bake.pid, signal.SIGINT)
    for _ in range(2):
        time.sleep(0.02)
        bake.send_signal(signal.SIGINT)
    _, err = bake.communicate(timeout=60)
    assert bake.returncode == 130, err
    assert "Traceback" not in err
    assert [p.name for p in tmp_path.iterdir()] == ["long.mp4"]
    assert all_end(bake.pid)


def test_no_process_outlives_a_killed_bake(bake: subprocess.Popen[str]) -> None:
    bake.kill()
    bake.wait()
    assert all_end(bake.pid)


def test_ctrl_c_during_import_prints_no_traceback() -> None:
    interrupted = """
import os, signal, sys
from mocap.__main__ import main
class Interrupts:
    def find_spec(self, name, *rest):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupts())
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", interrupted], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_wrapped_in_a_library_error_still_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise ImportError("initialization failed")  # noqa: B904

    monkeypatch.setattr(cli, "app", interrupted)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 130
