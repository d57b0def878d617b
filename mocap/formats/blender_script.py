"""FBX to GLB or GLB to FBX, run inside Blender by fbx.py: its last arguments are the file to read, the file to
write, and the keys a second.

It needs nothing of mocap: Blender's Python asks for an older NumPy than mocap does.
"""

import sys

import bpy  # type: ignore[import-not-found]

source, target, fps = sys.argv[-3:]
bpy.ops.wm.read_factory_settings(use_empty=True)
render = bpy.context.scene.render
render.fps = max(round(float(fps)), 1)
render.fps_base = render.fps / float(fps)
if source.endswith(".fbx"):
    bpy.ops.import_scene.fbx(filepath=source, automatic_bone_orientation=False)
    # All actions become animations; bones are not turned, so that their names and places are the file's.
    bpy.ops.export_scene.gltf(
        filepath=target,
        export_format="GLB",
        export_animation_mode="ACTIONS",
        export_yup=True,
        export_skins=True,
    )
else:
    bpy.ops.import_scene.gltf(filepath=source, bone_heuristic="TEMPERANCE")
    bpy.ops.export_scene.fbx(
        filepath=target,
        add_leaf_bones=False,
        bake_anim=True,
        bake_anim_use_all_actions=True,
        bake_anim_use_nla_strips=False,
        bake_anim_simplify_factor=0.0,
        path_mode="COPY",
        embed_textures=True,
    )
