"""Plot how far a joint is bent over time, as a PNG.

python examples/07_plot_angle.py dance.bvh leftLowerLeg knee.png
"""

import sys

import cv2
import numpy as np

import mocap
from mocap.core import rotation as R

source, bone, out = sys.argv[1:4]
motion = mocap.load_motion(source)
joint = motion.skeleton.index(bone)
degrees = np.degrees(R.angle(motion.rotations[:, joint]))  # (F,), away from the T-pose

width, height, margin = 800, 300, 30
picture = np.full((height, width, 3), 255, np.uint8)
across = np.linspace(margin, width - margin, len(degrees))
up = height - margin - degrees / max(degrees.max(), 1.0) * (height - 2 * margin)
points = np.stack([across, up], axis=-1).round().astype(np.int32)
cv2.polylines(picture, [points], False, (200, 90, 0), 2, cv2.LINE_AA)
title = f"{bone}: {degrees.min():.0f} to {degrees.max():.0f} degrees in {motion.duration:.1f} s"
cv2.putText(picture, title, (margin, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 40), 1)
cv2.imwrite(out, picture)
print(f"{title}: wrote {out}.")
