"""Print Blender's reading of a BVH, FBX or GLB file as JSON.

It prints the positions of bone heads on each frame, and the extent of meshes. Run it by a Python
that has `bpy`; it needs nothing of mocap, because bpy requires an older NumPy.

python blender.py FILE FPS FRAMES
"""

import contextlib
import io
import json
import sys

import bpy

file, fps, count = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
scene.render.fps, scene.render.fps_base = round(fps), 1.0
with contextlib.redirect_stdout(io.StringIO()):
    if file.endswith(".bvh"):
        done = bpy.ops.import_anim.bvh(
            filepath=file, global_scale=0.01, axis_forward="-Z", axis_up="Y"
        )
        first = 1
    elif file.endswith(".fbx"):
        done = bpy.ops.import_scene.fbx(filepath=file)
        first = 1
    else:
        done = bpy.ops.import_scene.gltf(filepath=file)
        first = 0  # the glTF importer lays time 0 on frame 0
assert done == {"FINISHED"}, done
(armature,) = (o for o in scene.objects if o.type == "ARMATURE")
frames = []
# An FBX file sets the scene's frame rate.
rate = scene.render.fps / scene.render.fps_base / fps
for frame in range(count):
    at = first + frame * rate + 1e-9
    scene.frame_set(int(at), subframe=at - int(at))
    frames.append([list(armature.matrix_world @ bone.head) for bone in armature.pose.bones])
corners = [
    list(o.matrix_world @ v.co)
    for o in scene.objects
    if o.type == "MESH" and o.find_armature()
    for v in o.data.vertices
]
print(
    "\n"
    + json.dumps(
        {
            "version": bpy.app.version_string,
            "names": [bone.name for bone in armature.pose.bones],
            "frames": frames,
            "extent": [[min(c), max(c)] for c in zip(*corners, strict=True)],
        }
    )
)
