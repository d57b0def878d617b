"""glTF 2.0 files: .glb, .gltf, .vrm and .vrma.

glb, embed, meshopt            the container, its accessors, files beside it, compressed buffers
tree, rest_nodes               a file's nodes at rest, as a Tree and as matrices
document                       the JSON document, checked, and its nodes
read, keys                     animations as Motions; their tracks of keys
write, people                  a Motion, or several, into the character's own document
node_tracks, morphs            what nodes and morph targets do in a Motion
tracks, reduce                 tracks as accessors, with fewer keys
vrm, vrma                      any character as a VRM 1.0; VRM animations
"""

from mocap.formats.gltf.document import loads_document, nodes_of
from mocap.formats.gltf.write import animate, dumps

__all__ = ["animate", "dumps", "loads_document", "nodes_of"]
