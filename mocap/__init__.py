"""mocap: from any camera to any rig.

    import mocap

    keypoints = mocap.read_keypoints("dance.mp4")        # or a folder of images, or keypoints.json
    motion = mocap.solve_take(keypoints)                 # bone rotations on the performer's own skeleton
    mocap.save("dance.bvh", motion)

    motion = mocap.load_motion("from_elsewhere.bvh")     # or a GLB or VRM: any names, rest pose, up axis and unit
    on_hero = mocap.retarget(motion, mocap.load_rig("hero.vrm"))

World: right-handed, +Y up, facing +Z, metres, seconds, radians; quaternions xyzw; frames first. `import mocap` is light: OpenCV,
MediaPipe and websockets are loaded by what needs them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mocap.core.camera import Camera
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.core.kinematics import fk
from mocap.core.motion import Motion, concatenate
from mocap.core.rig import Rig
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.errors import DeviceError, InputError, MocapError, ModelError, NoPersonError, OutputError
from mocap.formats import ExportOptions, load, save
from mocap.retarget import load_motion, normalized, retarget
from mocap.rig.load import load_rig
from mocap.solve.measure import measure_body
from mocap.solve.performer import Performer as Solver
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions


def read_keypoints(path: str | Path, **options: Any) -> Keypoints:
    """Read keypoints from a video, an image, a folder of images or a keypoints file.

    Args:
        path: The file or folder.
        **options: Fields of `mocap.detect.options.DetectOptions`.
    """
    from mocap import bake
    from mocap.detect.options import DetectOptions

    return bake.read_keypoints(Path(path), DetectOptions(**options))


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
