"""Characters: their nodes, which of them are which bones, and the T-pose for retargeting.

mapping.py   which node is which bone, from declarations, names (by_name.py, names.py) and shape
             (shape.py, branches.py, fingers.py; facing.py tells left from right)
stance.py    in which of its poses a rig stands best
rest.py      the T-pose made from that pose; soles.py levels the feet
load.py      a file as a Rig
tree.py      non-recursive walks over a Tree
mapfile.py   bone maps to correct by hand
report.py    the text, and drawing.py the picture, of `mocap rigs inspect`
"""
