"""Put the motion of any file onto a character.

python examples/03_retarget.py dance.bvh hero.vrm hero_dance.glb
"""

import sys

import mocap

source, character, out = sys.argv[1:4]
motion = mocap.load_motion(source)  # BVH, GLB, VRM or VRMA: any names, rest pose, up axis, unit
rig = mocap.load_rig(character)
on_rig = mocap.retarget(motion, rig)
mocap.save(out, on_rig, rig=rig)
print(f"{len(on_rig)} frames on {len(rig.bones)} bones of {rig.name}: wrote {out}.")
