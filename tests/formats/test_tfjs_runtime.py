"""What pose-detection's own runtime returns in a page, `runtime: "tfjs"`, as mocap reads it.

The golden file holds its results for three pictures of the demo clip, whose motion is known
(`python -m tests.benchmarks.tfjs` makes it; `make bench BENCH=tfjs` compares the library with its
own vectors).
"""

from __future__ import annotations

import json

import numpy as np

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS
from mocap.core.kinematics import fk
from mocap.core.skeleton import HUMANOID
from mocap.formats import keypoints_json as kj
from tests.helpers.measures import LANDMARK_LIMBS
from tests.helpers.places import DATA, DEMO_TRUTH

GOLDEN = DATA / "tfjs_golden.json"


def test_limbs_of_the_tfjs_runtime_lie_as_in_the_true_motion() -> None:
    read = kj.loads(GOLDEN.read_bytes())
    with np.load(DEMO_TRUTH) as truth:
        frames = np.searchsorted(truth["times"], read.times - 1e-6)
        joints, _ = fk(HUMANOID, truth["root_positions"][frames], truth["rotations"][frames])
        ahead = R.normalize(truth["camera_target"] - truth["camera_position"])
        assert read.camera.size == tuple(truth["image_size"])
    right = R.normalize(np.cross(ahead, [0.0, 1.0, 0.0]))
    axes = np.stack([right, np.cross(right, ahead), -ahead])
    seen, true = (
        np.stack([points[:, names.index(limb[b])] - points[:, names.index(limb[a])]
                  for limb in LANDMARK_LIMBS], axis=1)
        for points, names, a, b in (
            (read.positions, LANDMARKS, 0, 1), (joints @ axes.T, HUMANOID.names, 2, 3))
    )  # fmt: skip
    apart = np.degrees(np.arccos(R.dot(R.normalize(seen), R.normalize(true)).clip(-1.0, 1.0)))
    assert apart.mean() < 12.0
    assert apart.max() < 32.0


def test_messages_of_a_page_are_a_document_in_each_form() -> None:
    """A page sends the picture's size with each frame; a list or a file of lines keeps it."""
    frames = json.loads(GOLDEN.read_bytes())
    first = kj.loads(GOLDEN.read_bytes())
    for text in (
        json.dumps({"frames": frames}),
        "\n".join(json.dumps(frame) for frame in frames),
    ):
        read = kj.loads(text.encode())
        assert read.camera.size == first.camera.size == (640, 720)
        assert np.array_equal(read.positions, first.positions)
    assert kj.loads(json.dumps(frames[0]).encode()).camera.size == (640, 720)
