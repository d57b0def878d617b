"""Faces: expression weights, gaze, and the rotations of head and eyes.

measures.py      lengths in a face, in the head's frame
weights.py       ARKit's weights and the gaze, from measures or from a network's blendshapes
neutral.py       the neutral face, to which weights are relative
solver.py        a whole take (`solve_face`), or frame by frame (`follow_face`)
head.py          rotations of the head and the eyes
expressions.py   VRM 1.0's presets from ARKit's weights
"""

from mocap.solve.face.expressions import EXPRESSIONS, expressions, vrm_expressions
from mocap.solve.face.head import SolvedHead, eye_turns, head_turns, solved_head
from mocap.solve.face.neutral import neutral_face
from mocap.solve.face.solver import BAKE_FACE, FaceState, follow_face, solve_face
from mocap.solve.face.weights import WEIGHTS, SolvedFace

__all__ = [
    "BAKE_FACE",
    "EXPRESSIONS",
    "WEIGHTS",
    "FaceState",
    "SolvedFace",
    "SolvedHead",
    "expressions",
    "eye_turns",
    "follow_face",
    "head_turns",
    "neutral_face",
    "solve_face",
    "solved_head",
    "vrm_expressions",
]
