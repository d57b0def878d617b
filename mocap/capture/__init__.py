"""Frames with timestamps.

Sources   video.py, images.py, webcam.py; open.py chooses by the file; source.py has the types
Videos    video_times.py (times that increase), video_check.py (damage, black or equal pictures)
Files     files.py (checks and errors), metadata.py (field of view from EXIF and QuickTime)
Pictures  picture.py (JPEG previews), opencv.py (import `cv2` from here)
"""
