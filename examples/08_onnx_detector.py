"""Use a body detector with ONNX Runtime: any model that finds COCO's 17 keypoints, as MoveNet does.

python examples/08_onnx_detector.py movenet.onnx dance.mp4 dance.bvh
"""

import sys

import cv2
import numpy as np
import onnxruntime

import mocap
from mocap.core.camera import Camera
from mocap.core.landmarks import COCO
from mocap.detect.table import DETECTORS
from mocap.formats.keypoints_json.image_layouts import flat_positions


class Coco:  # the model takes a picture (1, H, W, 3) and returns 17 rows of y, x (0 to 1), score
    def __init__(self, model):
        self.session = onnxruntime.InferenceSession(model)
        self.input = self.session.get_inputs()[0]

    def people(self, image, time=0.0):
        kind = np.int32 if "int32" in self.input.type else np.float32
        small = cv2.resize(image, self.input.shape[2:0:-1])[None].astype(kind)
        rows = self.session.run(None, {self.input.name: small})[0].reshape(17, 3).astype(float)
        size = image.shape[1::-1]
        pixels = COCO.to_keypoints(rows[None, :, 1::-1] * size)
        sure = np.nan_to_num(COCO.to_keypoints(rows[None, :, 2:])[..., 0])
        flat = flat_positions(pixels)  # the solver finds the depth
        return [mocap.Keypoints(np.array([time]), flat, pixels, sure, Camera.assumed(size))]

    def next_person(self, at=None): ...
    def close(self): ...


DETECTORS["coco"] = lambda options, video: Coco(sys.argv[1])
mocap.save(sys.argv[3], mocap.solve_take(mocap.read_keypoints(sys.argv[2], detector="coco")))
