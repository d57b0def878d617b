"""Bake a video to BVH, on the performer's own skeleton, and to GLB, on the mannequin.

python examples/02_bake.py dance.mp4 dance.bvh dance.glb
"""

import sys

import mocap
from mocap import assets

video, bvh, glb = sys.argv[1:4]
# "full" is faster than "heavy", which `mocap bake` uses.
keypoints = mocap.read_keypoints(video, model="full", hands=True, face=False)
motion = mocap.solve_take(keypoints)
mocap.save(bvh, motion)

mannequin = mocap.load_rig(assets.path("rigs/mannequin.vrm"))
mocap.save(glb, mocap.retarget(motion, mannequin), mannequin)
print(f"{len(motion)} frames: wrote {bvh} and {glb}.")
