"""Pictures to keypoints.

Detectors    protocol.py (`Detector`), table.py (`DETECTORS`), options.py, mediapipe/ (the only
             room that knows MediaPipe)
Any input    inputs.py (`read_keypoints` of a video, pictures or a keypoints file, of several
             people, of several cameras)
One person   performer.py, people.py (which of several), take.py (a whole source), cuts.py, crops.py
Everyone     everyone.py, identities.py (tracks of a take), following.py (live), sightings.py,
             person.py, nearness.py and outline.py (who hides whom)
Long videos  parallel.py, chunks.py
"""
