"""Several cameras: calibration, synchronisation and triangulation of one performer.

Cameras         views.py (calibrated cameras), calibration.py (calibration files), image_sizes.py
Without a file  auto.py (`calibrate`): offsets.py (clocks), relative.py (poses of two cameras),
                bundle.py (bundle adjustment), world.py (up and scale)
With a file     checks.py (clocks, order, cameras that moved)
Keypoints       resampling.py (views at common times), triangulate.py, lost.py (views that have
                lost the performer), guesses.py (what only one view sees), virtual.py (the camera
                of the result), take.py (`fuse`, `solve_views`), live.py (`LiveFusion`)

Camera axes in this room are OpenCV's: x right, y down, z ahead.
"""
