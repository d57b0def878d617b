"""The face model's seven outputs joined to the two that MediaPipe's FaceLandmarker wants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mocap.detect import _tflite as tflite

# Which of the mesh's points each refined output stands for, in output order, from MediaPipe's
# mediapipe/modules/face_landmark/tensors_to_face_landmarks_with_attention.pbtxt (Apache-2.0). "Left" is its word for the side on
# the picture's left.
_LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409, 78, 95, 88, 178, 87, 14, 317, 402, 318,
    324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415, 76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303,
    304, 408, 62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407,
)  # fmt: skip
_LEFT_EYE = (
    33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173, 130, 25, 110, 24, 23, 22, 26, 112, 243, 247, 30, 29,
    27, 28, 56, 190, 226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189, 35, 124, 46, 53, 52, 65, 143, 111,
    117, 118, 119, 120, 121, 128, 245, 156, 70, 63, 105, 66, 107, 55, 193,
)  # fmt: skip
_RIGHT_EYE = (
    263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398, 359, 255, 339, 254, 253, 252, 256, 341, 463, 467,
    260, 259, 257, 258, 286, 414, 446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413, 265, 353, 276, 283,
    282, 295, 372, 340, 346, 347, 348, 349, 350, 357, 465, 383, 300, 293, 334, 296, 336, 285, 417,
)  # fmt: skip

# Points of the plain face mesh, of an iris, and of the mesh with both irises behind it.
_MESH, _IRIS = 468, 5
_ALL = _MESH + 2 * _IRIS
# An eye's table begins with its contour, whose mean depth is the iris's depth (`assign_average` in MediaPipe's graph).
_CONTOUR = 16


def gathered_face(raw: bytes) -> bytes:
    """The face model with its seven outputs made the two which Tasks wants: 478 x 3 landmarks, and the presence score.

    Of each point, x and y come from the most refined output that has it (lips, eyes and irises have x and y only) and z from the
    mesh; an iris's z is the mean over its eye's contour. This is MediaPipe's tensors_to_face_landmarks_with_attention graph, as
    operators in the model: the refined outputs and both irises' depths are concatenated to the mesh, and one GATHER picks from that.
    """
    schema, _ = tflite.schemas()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(raw))
    graph = model.subgraphs[0]
    mesh, lips, left_eye, right_eye, left_iris, right_iris, presence = (int(i) for i in graph.outputs)
    depths = [_contour_depth(model, mesh, eye[:_CONTOUR]) for eye in (_LEFT_EYE, _RIGHT_EYE)]

    parts = [mesh, lips, left_eye, right_eye, left_iris, right_iris, *depths]
    starts = np.concatenate([[0], np.cumsum([graph.tensors[i].shape[-1] for i in parts])])
    left, right = np.arange(_MESH, _MESH + _IRIS), np.arange(_MESH + _IRIS, _ALL)
    table = np.empty((_ALL, 3), dtype=np.int64)
    table[:_MESH] = np.arange(3 * _MESH).reshape(_MESH, 3)
    refined = [np.array(_LIPS), np.array(_LEFT_EYE), np.array(_RIGHT_EYE), left, right]
    for points, start in zip(refined, starts[1:6], strict=True):
        table[points, :2] = start + np.arange(2 * len(points)).reshape(-1, 2)
    table[left, 2], table[right, 2] = starts[6], starts[7]

    joined = tflite.tensor(model, "joined", (1, 1, 1, int(starts[8])))
    tflite.operator(model, "CONCATENATION", parts, joined, schema.ConcatenationOptionsT(axis=3))
    landmarks = _gather(model, joined, table.ravel(), "face_landmarks")
    graph.outputs = [landmarks, presence]
    return tflite.pack(model, b"TFL3", len(raw))


def _contour_depth(model: Any, mesh: int, contour: Sequence[int]) -> int:
    """The tensor (1, 1, 1, 1) of the mean z of the mesh's points `contour`."""
    schema, _ = tflite.schemas()
    depths = _gather(model, mesh, 3 * np.array(contour) + 2, "contour_depths")
    mean = tflite.tensor(model, "contour_depth", (1, 1, 1, 1))
    tflite.operator(model, "MEAN", [depths, tflite.constant(model, np.array([3]))], mean, schema.ReducerOptionsT(keepDims=True))
    return mean


def _gather(model: Any, source: int, indices: np.ndarray, name: str) -> int:
    """The tensor (1, 1, 1, n) of the source's entries `indices` (n,) along its last axis."""
    schema, _ = tflite.schemas()
    out = tflite.tensor(model, name, (1, 1, 1, len(indices)))
    tflite.operator(model, "GATHER", [source, tflite.constant(model, indices)], out, schema.GatherOptionsT(axis=3))
    return out
