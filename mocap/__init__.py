"""mocap: from any camera to any rig.

    import mocap

    keypoints = mocap.read_keypoints("dance.mp4")  # or images, or keypoints.json
    motion = mocap.solve_take(keypoints)  # rotations on the performer's own skeleton
    mocap.save("dance.bvh", motion)

    motion = mocap.load_motion("other_tool.bvh")  # or GLB, VRM, VRMA, FBX
    on_hero = mocap.retarget(motion, mocap.load_rig("hero.vrm"))

World: right-handed, +Y up, facing +Z, metres, seconds, radians; quaternions xyzw; frames first.

`import mocap` imports no other module: each name is imported at its first use.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mocap.core.camera import Camera
    from mocap.core.keypoints import LANDMARKS, Keypoints
    from mocap.core.kinematics import fk
    from mocap.core.motion import Motion, concatenate
    from mocap.core.rig import Rig
    from mocap.core.skeleton import BONES, HUMANOID, Skeleton
    from mocap.errors import (
        DeviceError,
        InputError,
        MocapError,
        ModelError,
        NoPersonError,
        OutputError,
    )
    from mocap.formats import ExportOptions, load, save
    from mocap.retargeting import load_motion, normalized, retarget
    from mocap.rig.load import load_rig
    from mocap.solve.measure import measure_body
    from mocap.solve.performer import Performer as Solver
    from mocap.solve.take import solve_take
    from mocap.solve.tuning import SolveOptions

# Public name → (module, name in it).
_EXPORTS = {
    "BONES": ("core.skeleton", "BONES"),
    "HUMANOID": ("core.skeleton", "HUMANOID"),
    "LANDMARKS": ("core.keypoints", "LANDMARKS"),
    "Camera": ("core.camera", "Camera"),
    "DeviceError": ("errors", "DeviceError"),
    "ExportOptions": ("formats", "ExportOptions"),
    "InputError": ("errors", "InputError"),
    "Keypoints": ("core.keypoints", "Keypoints"),
    "MocapError": ("errors", "MocapError"),
    "ModelError": ("errors", "ModelError"),
    "Motion": ("core.motion", "Motion"),
    "NoPersonError": ("errors", "NoPersonError"),
    "OutputError": ("errors", "OutputError"),
    "Rig": ("core.rig", "Rig"),
    "Skeleton": ("core.skeleton", "Skeleton"),
    "SolveOptions": ("solve.tuning", "SolveOptions"),
    "Solver": ("solve.performer", "Performer"),
    "concatenate": ("core.motion", "concatenate"),
    "fk": ("core.kinematics", "fk"),
    "load": ("formats", "load"),
    "load_motion": ("retargeting", "load_motion"),
    "load_rig": ("rig.load", "load_rig"),
    "measure_body": ("solve.measure", "measure_body"),
    "normalized": ("retargeting", "normalized"),
    "retarget": ("retargeting", "retarget"),
    "save": ("formats", "save"),
    "solve_take": ("solve.take", "solve_take"),
}


def __getattr__(name: str) -> Any:
    """Import a public name at its first use (PEP 562)."""
    if name not in _EXPORTS:
        raise AttributeError(f"module 'mocap' has no attribute {name!r}")
    module, own = _EXPORTS[name]
    value = getattr(import_module(f"mocap.{module}"), own)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def read_keypoints(path: str | Path, **options: Any) -> Keypoints:
    """Read keypoints from a video, an image, a folder of images or a keypoints file.

    Args:
        path: The file or folder.
        **options: Fields of `mocap.detect.options.DetectOptions`.

    Returns:
        One person's keypoints.

    Raises:
        InputError: The file cannot be read.
        NoPersonError: No person is seen in it.
    """
    from mocap.detect import inputs
    from mocap.detect.options import DetectOptions

    return inputs.read_keypoints(Path(path), DetectOptions(**options))


__all__ = [
    "BONES",
    "HUMANOID",
    "LANDMARKS",
    "Camera",
    "DeviceError",
    "ExportOptions",
    "InputError",
    "Keypoints",
    "MocapError",
    "ModelError",
    "Motion",
    "NoPersonError",
    "OutputError",
    "Rig",
    "Skeleton",
    "SolveOptions",
    "Solver",
    "concatenate",
    "fk",
    "load",
    "load_motion",
    "load_rig",
    "measure_body",
    "normalized",
    "read_keypoints",
    "retarget",
    "save",
    "solve_take",
]
