"""Characters: their skeletons, which joints are which bones, and the T-pose that motions are written against.

read.py      a GLB, glTF, VRM or BVH as a Tree of nodes       types.py                  Tree, Found, Rig
mapping.py   which node is which bone, of                     by_name.py, names.py      what nodes are called, and
             what the file declares, and of                   shape.py, branches.py,    how they branch; facing.py,
             these two:                                       fingers.py                left from right
stance.py    how a rig stands, in which pose best             rest.py, soles.py         the T-pose made from it
load.py      a file as a Rig                                  tree.py                   walks on a Tree
mapfile.py   a map to correct by hand                         report.py, drawing.py     what `mocap rigs inspect` shows
"""
