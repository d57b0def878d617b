"""Several cameras: calibration, synchronisation and triangulation of one performer.

Cameras         views.py (calibrated cameras), calibration.py (calibration files), sizes.py
Without a file  auto.py (`calibrate`): offsets.py (clocks), relative.py (poses of two cameras),
                bundle.py (bundle adjustment), world.py (up and scale)
With a file     checks.py (clocks, order, cameras that moved)
Keypoints       clocks.py (views at common times), triangulate.py, take.py (`fuse`, `solve_views`)

Camera axes in this room are OpenCV's: x right, y down, z ahead.
"""
