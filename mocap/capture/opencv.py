"""OpenCV with its own and FFmpeg's log lines switched off; import `cv2` from here.

Set OPENCV_LOG_LEVEL or OPENCV_FFMPEG_LOGLEVEL to get the lines back.
"""

from __future__ import annotations

import os

from mocap.core.optional_packages import NATIVE_LIBRARIES
from mocap.errors import ModelError

_QUIET = os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT") == "SILENT"
# FFmpeg's AV_LOG_QUIET; OpenCV reads it when it opens its first video.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
# Media Foundation spends ten seconds and more on hardware transforms when it opens a camera
# (opencv issue 17687).
os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")

try:
    import cv2  # it reads the settings above
except ImportError as error:
    if ".so" not in str(error):
        raise
    raise ModelError(
        f"OpenCV cannot be loaded ({error}). On Debian or Ubuntu, run `{NATIVE_LIBRARIES}`; "
        "elsewhere, install the package with this library."
    ) from None

if _QUIET:  # another module may have imported it first
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

__all__ = ["cv2"]
