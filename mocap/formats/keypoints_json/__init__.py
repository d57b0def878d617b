"""Keypoints as JSON and JSON Lines.

read, write       the file's text as Keypoints, and back; `read` describes the format
schema, parts     the JSON as typed objects; hands and faces as arrays
axes              axes that point the wrong way, judged from the keypoints
image_layouts     OpenPose, COCO, AlphaPose and MMPose
recording         a take while it is recorded
"""

from mocap.formats.keypoints_json.read import loads
from mocap.formats.keypoints_json.write import dumps, dumps_lines, frame_line, header_line

__all__ = ["dumps", "dumps_lines", "frame_line", "header_line", "loads"]
