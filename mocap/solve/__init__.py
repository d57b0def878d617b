"""Keypoints to motion: `solve_take` for a whole take (bake), `Performer` frame by frame (live).

Entry points   take.py (bake), performer.py and live.py (live), tuning.py (options), cuts.py (hard
               cuts), assessment.py (what of the result is in doubt), scene.py (several people)
Evidence       evidence.py (trust in landmarks), swaps.py and flips.py (left/right and depth
               errors), depth.py (image points against depth), gravity.py (camera tilt),
               balance.py (centre of mass and support)
Pose           body.py (closed form), trunk.py, shoulders.py, twist.py, hands.py, wrists.py, face/,
               hold.py and groups.py (unseen parts), upper_body.py (a person at a desk)
Body size      measure.py (bone lengths), size.py (stature)
Ground         contacts.py, root.py (path and height), plant.py (feet, bake), lock.py (feet, live),
               reach.py (limbs to their goals, hinges above the ground),
               palms.py (hands on the floor), low.py (the same, live), support.py (what carries
               the body), hanging.py (people who hang by their hands)
Optimiser      refine/ (fits one body to a whole take; bake only)
"""
