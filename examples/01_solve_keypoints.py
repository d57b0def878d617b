"""Solve keypoints to bone rotations, and print where each limb points.

    python examples/01_solve_keypoints.py take.json

The file contains the results of TF.js pose-detection's estimatePoses, frame by frame
(`mocap detect dance.mp4 -o take.json` writes one).
"""

import sys

import numpy as np

import mocap

keypoints = mocap.read_keypoints(sys.argv[1])
motion = mocap.solve_take(keypoints)
print(f"{len(motion)} frames, {motion.duration:.2f} s")

# World positions (F, 55, 3), metres, and world rotations (F, 55, 4), quaternions xyzw.
positions, rotations = mocap.fk(motion.skeleton, motion.root_positions, motion.rotations)
for start, end in (("leftUpperArm", "leftLowerArm"), ("leftUpperLeg", "leftLowerLeg")):
    bone = positions[:, mocap.BONES.index(end)] - positions[:, mocap.BONES.index(start)]
    direction = bone.mean(axis=0) / np.linalg.norm(bone.mean(axis=0))
    print(f"{start:>14}: x {direction[0]:+.2f}  y {direction[1]:+.2f}  z {direction[2]:+.2f}")
