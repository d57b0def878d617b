"""The doctor's findings are true on this machine and name each problem."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import socket
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from mocap import assets
from mocap.capture import webcam
from mocap.cli import doctor_checks as doctor
from mocap.errors import DeviceError


def test_every_check_passes_on_this_machine() -> None:
    findings = doctor.examine()
    assert [f.subject for f in findings] == [
        "libraries",
        "models",
        "detector",
        "codecs",
        "cameras",
        "viewer",
        "port",
        "browser",
    ]
    assert [f.line() for f in findings if f.needed and not f.ok] == []
    for finding in findings:
        assert finding.message.endswith(".")
        assert finding.line().startswith("ok" if finding.ok else "--")
        assert finding.message in finding.line()


@pytest.mark.parametrize(
    ("check", "file"),
    [(doctor.models, "models/pose_detection.tflite"), (doctor.detector, "demo/demo.mp4")],
)
def test_missing_files_are_named(
    check: object, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    finding = check()  # type: ignore[operator]
    assert not finding.ok
    assert finding.needed
    assert file in finding.message
    assert "pip install" in finding.message
    assert finding.line().startswith("NO")


def test_a_viewer_without_its_mannequin_is_incomplete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    assert "viewer/index.html" in doctor.viewer().message
    (tmp_path / "viewer").mkdir()
    (tmp_path / "viewer" / "index.html").touch()
    assert "rigs/mannequin.vrm" in doctor.viewer().message
    (tmp_path / "rigs").mkdir()
    (tmp_path / "rigs" / "mannequin.vrm").touch()
    assert doctor.viewer().ok


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        finding = doctor.port(number)
    assert not finding.ok
    assert not finding.needed
    assert f"Port {number} is taken" in finding.message
    assert doctor.port(number).ok


def test_missing_codecs_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, broken = doctor._CODECS, (".ivf", "AAAA")
    monkeypatch.setattr(doctor, "_CODECS", {"H.264": whole["H.264"], "Sorenson": broken})
    finding = doctor.codecs()
    assert not finding.ok
    assert not finding.needed, "with H.264 there is something to work with"
    assert finding.message.startswith(
        "H.264 videos can be read. Sorenson videos cannot. `ffmpeg -i"
    )
    monkeypatch.setattr(doctor, "_CODECS", {"H.264": broken, "VP9": whole["VP9"]})
    finding = doctor.codecs()
    assert finding.needed
    assert finding.message.startswith("VP9 videos can be read. H.264 videos cannot. Install")
    monkeypatch.setattr(doctor, "_CODECS", {"H.264": whole["H.264"], "VP9": whole["VP9"]})
    assert doctor.codecs().message == "H.264 and VP9 videos can be read."
    assert doctor.codecs().ok


def test_cameras_are_listed_or_the_reason_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webcam, "list_cameras", lambda: [0, 2])
    assert doctor.cameras().message == "Cameras 0 and 2 can be opened: `mocap live --camera 0`."
    monkeypatch.setattr(webcam, "list_cameras", list)

    def refuse(number: int) -> None:
        raise DeviceError(f"There is no camera {number}.")

    monkeypatch.setattr(webcam, "Webcam", refuse)
    finding = doctor.cameras()
    assert (finding.ok, finding.needed, finding.message) == (False, False, "There is no camera 0.")


def test_missing_and_text_browsers_are_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> None:
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", refuse)
    assert "address" in doctor.browser().message
    monkeypatch.setattr(webbrowser, "get", lambda: webbrowser.GenericBrowser("w3m"))
    assert not doctor.browser().ok
    monkeypatch.setattr(webbrowser, "get", lambda: webbrowser.BackgroundBrowser("firefox"))
    assert doctor.browser().message == "The page opens in firefox."


def test_missing_system_libraries_are_named_with_the_packages_that_hold_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Refuse(importlib.abc.MetaPathFinder):
        def find_spec(
            self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
        ) -> importlib.machinery.ModuleSpec | None:
            if name == "cv2":
                raise ImportError(
                    "libGL.so.1: cannot open shared object file: No such file or directory"
                )
            return None

    monkeypatch.delitem(sys.modules, "cv2", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Refuse(), *sys.meta_path])
    finding = doctor.native_libraries()
    assert not finding.ok
    assert "libGL.so.1" in finding.message
    assert "apt-get install libgl1" in finding.message
    assert [f.subject for f in doctor.examine()] == ["libraries", "viewer", "port", "browser"], (
        "the rest can still be asked"
    )
