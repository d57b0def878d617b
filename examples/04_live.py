"""Solve a camera or a video live, frame by frame.

python examples/04_live.py [dance.mp4]
"""

import sys

import mocap
from mocap.capture.open import open_source
from mocap.capture.webcam import Webcam
from mocap.detect.options import DetectOptions
from mocap.detect.performer import PerformerDetector

solver = mocap.Solver()
detector = PerformerDetector(DetectOptions(model="lite", hands=False, face=False))
with detector, open_source(sys.argv[1]) if len(sys.argv) > 1 else Webcam() as source:
    for frame in source:
        motion = solver.solve(detector.detect(frame.image, frame.time))
        x, y, z = motion.root_positions[-1]
        print(f"{frame.time:6.2f} s: hips at x {x:+.2f}, y {y:+.2f}, z {z:+.2f} m")
