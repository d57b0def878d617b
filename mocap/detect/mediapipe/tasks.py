"""MediaPipe's Tasks API, imported without Matplotlib.

MediaPipe imports Matplotlib for functions that plot landmarks, which mocap does not call. That
takes half a second of processor time in each process.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


class _Deferred(ModuleType):
    """A stand-in for a module, which is imported when an attribute is used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


def _stand_ins() -> dict[str, ModuleType]:
    """Return stand-ins for Matplotlib, unless the process has imported it already."""
    if "matplotlib" in sys.modules:
        return {}
    package, pyplot = _Deferred("matplotlib"), _Deferred("matplotlib.pyplot")
    package.pyplot = pyplot  # type: ignore[attr-defined]
    return {"matplotlib": package, "matplotlib.pyplot": pyplot}


_added = _stand_ins()
sys.modules.update(_added)
try:
    from mediapipe import Image, ImageFormat
    from mediapipe.tasks.python import BaseOptions
    from mediapipe.tasks.python.vision import (
        FaceLandmarker,
        FaceLandmarkerOptions,
        HandLandmarker,
        HandLandmarkerOptions,
        PoseLandmarker,
        PoseLandmarkerOptions,
        RunningMode,
    )
finally:
    for _name in _added:
        del sys.modules[_name]

__all__ = [
    "BaseOptions",
    "FaceLandmarker",
    "FaceLandmarkerOptions",
    "HandLandmarker",
    "HandLandmarkerOptions",
    "Image",
    "ImageFormat",
    "PoseLandmarker",
    "PoseLandmarkerOptions",
    "RunningMode",
]
