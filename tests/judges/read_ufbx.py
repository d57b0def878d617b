"""Print ufbx's reading of an FBX file: world positions of all nodes at given times, as JSON.

echo '[0, 0.1]' | python read_ufbx.py FILE [TAKE]

It is a separate program, because the binding's objects must not be freed while others of the same
scene are in use, which the binding does not ensure.
"""

import json
import os
import sys

import ufbx  # type: ignore[import-not-found]

times = json.load(sys.stdin)
scene = ufbx.load_file(sys.argv[1])
stacks = list(scene.anim_stacks)
animation = next((s.anim for s in stacks if s.name in sys.argv[2:]), scene.anim)
kept = [scene, stacks, animation]
frames = []
for time in times:
    now = ufbx.evaluate_scene(scene, animation, float(time))
    nodes = list(now.nodes)
    kept += [now, nodes]
    frames.append([list(node.node_to_world.c3) for node in nodes])
names = [node.name for node in scene.nodes]
print(json.dumps({"names": names, "takes": [s.name for s in stacks], "frames": frames}))
sys.stdout.flush()
os._exit(0)
