"""BVH files.

motion    a Motion as the text of a file, and back
rig       a file as a rig, and a motion written into a copy of the rig's file
text      the text of a file: joints, channels (hierarchy) and numbers (table); words in errors
"""

from mocap.formats.bvh.motion import dumps, loads, uniform

__all__ = ["dumps", "loads", "uniform"]
