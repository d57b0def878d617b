"""Characters: their skeletons, which joints are which bones, and the T-pose that motions are written against.

read.py    a GLB, glTF, VRM or BVH as a Tree of nodes          names.py, shape.py   which node is which bone
rest.py    the pose of a rig that is the T-pose                 types.py             Tree, Found, Rig
"""
