"""The avatar of the page: the mannequin, or the user's character, in one file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mocap import assets
from mocap.core.rig import Rig
from mocap.formats.gltf.embed import embedded
from mocap.formats.gltf.vrm import as_vrm
from mocap.rig.load import load_rig
from mocap.stream.content import Files
from mocap.stream.files import files_for

MANNEQUIN, USERS = "rigs/mannequin.vrm", "rigs/character.vrm"
"""Paths of the page's avatar: the mannequin, or the user's character."""


def load_avatar(path: Path) -> Rig:
    """Read a character for the page; the files that a .gltf refers to are embedded.

    Raises:
        InputError: As `load_rig`.
    """
    rig = load_rig(path)
    if rig.kind in ("bvh", "fbx"):
        return rig
    return replace(rig, source=embedded(rig.source, path.parent))


def files_of(rig: Rig | None) -> tuple[Files, str]:
    """Return the page's files, and the path of the avatar among them.

    Args:
        rig: The avatar, which is converted to a VRM; None for the mannequin.
    """
    files = files_for(assets.path("."))
    if rig is None:
        return files, MANNEQUIN
    return files | {f"/{USERS}": (as_vrm(rig), "model/gltf-binary")}, USERS
