"""FBX 7.1 to 7.7, binary and ASCII: read as rigs and motions, written as takes.

nodes, binary, text    a file as a tree of named nodes, and back
scene, transform       objects, connections and properties; a model's transform in its parent
curves, takes, pose    animation curves and takes; where the models are, at rest and over time
tree, read             a character as a Tree; takes as Motions
write, new, build      a Motion as one more take of the user's file, or as a file of its own
"""

from mocap.formats.fbx.new import dumps
from mocap.formats.fbx.read import animations, loads_animation, loads_on, pictures
from mocap.formats.fbx.scene import is_fbx
from mocap.formats.fbx.tree import characters, tree_of
from mocap.formats.fbx.write import animate

__all__ = [
    "animate",
    "animations",
    "characters",
    "dumps",
    "is_fbx",
    "loads_animation",
    "loads_on",
    "pictures",
    "tree_of",
]
