"""A motion written into the character's own glTF document: GLB, VRM 0 and 1, or .gltf.

The binary chunk is kept byte for byte, and the JSON value for value; one animation, one buffer view
and some accessors are added at the end. Only moving nodes with a `matrix` change: glTF can animate
only translation, rotation and scale, so their matrices are written as these three.
"""

from __future__ import annotations

from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.errors import InputError
from mocap.formats.gltf import glb
from mocap.formats.gltf.document import check_whole, loads_document, nodes_of, without_matrices
from mocap.formats.gltf.node_tracks import morph_tracks, node_tracks
from mocap.formats.gltf.tracks import append
from mocap.formats.on_rig import check_skeleton


def dumps(motion: Motion, rig: Rig, name: str = "mocap", all_keys: bool = False) -> bytes:
    """Return the rig's file with the motion added as an animation.

    Args:
        motion: As in `animate`.
        rig: As in `animate`.
        name: As in `animate`.
        all_keys: As in `animate`.
    """
    return animate(motion, rig, name, all_keys)[0]


@glb.damage_named()
def animate(
    motion: Motion,
    rig: Rig,
    name: str = "mocap",
    all_keys: bool = False,
    ground: bool = False,
) -> tuple[bytes, int]:
    """Add a motion to the rig's document as an animation, with times from 0.

    Joints that leave their rest get rotations, and the first joint gets translations too. Meshes
    get morph weights from the motion's expressions. Keys are left out where interpolation between
    the others is within 0.1° (for the path 1 mm).

    Args:
        motion: On the rig's skeleton (`retarget` puts it there).
        rig: A character of a glTF document.
        name: The animation's name; a number is added if another animation has it.
        all_keys: Write a key for every frame.
        ground: The node above the first joint carries path and heading, on the floor.

    Returns:
        The content of the file, and the number of bytes that the reduction of keys saved.

    Raises:
        InputError: The motion is on another skeleton or has no frames, the rig is no glTF, or it
            has no node above its first joint for the ground.
    """
    if rig.kind == "bvh":
        raise InputError(
            f"The rig {rig.name!r} is a BVH file and not a glTF document; write its motion to a "
            ".bvh."
        )
    if len(motion) == 0:
        raise InputError("A motion without frames cannot be written as glTF.")
    check_skeleton(motion, rig)
    document, binary, is_glb = loads_document(rig.source)
    check_whole(document, binary, is_glb)
    nodes = nodes_of(document, rig)
    tracks = node_tracks(motion, rig, document, nodes, all_keys, ground)
    tracks += morph_tracks(motion, document)
    document = without_matrices(document, {t.node for t in tracks if t.path != "weights"})
    document, binary, saved = append(
        document, binary, name, motion.times, tracks, all_keys, chunk=is_glb
    )
    if is_glb:
        return glb.join(document, binary, glb.other_chunks(rig.source)), saved
    return glb.dumps_json(document, indent=2), saved
