"""Types and mathematics that every other room uses; NumPy only.

Types            keypoints.py, motion.py, skeleton.py, camera.py, landmarks.py (landmark sets),
                 rig.py (a character's nodes and bones), naming.py (naming conventions)
Rotations        rotation.py (quaternions), kinematics.py (forward and inverse kinematics)
Signals          filter.py, easing.py (smoothstep), runs.py (runs of equal flags)
Body             angles.py (joint angles), heading.py (path on the floor), surface.py (skin)
Infrastructure   closing.py (context managers), optional_packages.py
"""
