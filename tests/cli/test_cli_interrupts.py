"""Ctrl-C ends a command without a traceback and leaves no files."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mocap.cli import main as cli
from tests.helpers.command import started
from tests.helpers.videos import still_video


def detecting(process: subprocess.Popen[str]) -> None:
    """Wait until the detector runs: its library is loaded, and a second has passed since."""
    maps = Path(f"/proc/{process.pid}/maps")
    start = time.monotonic()
    while time.monotonic() - start < 30.0 and (
        not maps.exists() or "mediapipe" not in maps.read_text()
    ):
        time.sleep(0.1)
    time.sleep(1.0)
    assert process.poll() is None, "the bake is long enough to be interrupted"


def test_ctrl_c_during_a_bake_leaves_no_files(tmp_path: Path) -> None:
    still_video(tmp_path / "long.mp4", 3000)
    with started("bake", "long.mp4", "-o", "x.bvh", cwd=tmp_path) as process:
        detecting(process)
        # A terminal and uvx, which it also interrupts, send the signal both.
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert [p.name for p in tmp_path.iterdir()] == ["long.mp4"]


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
