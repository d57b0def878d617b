"""Motions with misleading rotations or rest poses: the joints' positions decide."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.core.surface import lowest_skin
from mocap.errors import InputError
from mocap.formats.bvh import rig as bvh_rig
from mocap.formats.gltf import glb, vrma
from mocap.retargeting import load_motion, normalized
from mocap.rig.load import make_rig
from mocap.rig.mapping import map_bones
from mocap.rig.reroot import from_hips, rerooted
from tests.helpers import synthetic
from tests.helpers.measures import LIMBS, degrees_between

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=4, deadline=None)
LINES = [*LIMBS, ("rightUpperLeg", "leftUpperLeg")]


def upright(seed: int, frames: int = 20) -> Motion:
    """Return random poses of a standing body that looks in any direction."""
    rng = np.random.default_rng(seed)
    motion = synthetic.random_poses(rng, frames)
    rotations = motion.rotations.copy()
    turns = rng.uniform(-np.pi, np.pi, frames)[:, None]
    rotations[:, 0] = R.from_rotation_vector(turns * [0.0, 1.0, 0.0])
    return replace(motion, rotations=rotations)


def places(motion: Motion) -> dict[str, np.ndarray]:
    at, _ = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    return {name: at[:, j] for j, name in enumerate(motion.skeleton.names)}


def apart(a: Motion, b: Motion) -> float:
    """Return the largest angle between the limbs and the pelvises of two motions, degrees."""
    ours, theirs = places(a), places(b)
    return max(
        float(degrees_between(ours[y] - ours[x], theirs[y] - theirs[x]).max()) for x, y in LINES
    )


def read(motion: Motion) -> Motion:
    """Return the motion as read from a BVH with these joints."""
    tree = from_hips(bvh_rig.tree_of_motion(motion))
    assert tree.motion is not None
    rig = make_rig(tree, map_bones(tree), "made", b"")
    return normalized(bvh_rig.on_rig(tree.motion, rig), rig)


@few
@given(seeds)
def test_hips_that_the_joints_below_undo_are_not_the_pelvis(seed: int) -> None:
    """Extra joints at the hips undo their rotation, which differs in each frame."""
    rng = np.random.default_rng(seed)
    motion = upright(seed)
    body = motion.skeleton
    turns = synthetic.random_rotation(rng, len(motion))
    names, parents, offsets, rotations = [], [], [], []
    place: dict[int, int] = {}
    for j, name in enumerate(body.names):
        above = int(body.parents[j])
        below = place.get(above, -1)
        if above == 0:
            names.append(f"undo{j}")
            parents.append(0)
            offsets.append(np.zeros(3))
            rotations.append(R.conjugate(turns))
            below = len(names) - 1
        place[j] = len(names)
        names.append(name)
        parents.append(below)
        offsets.append(body.offsets[j])
        own = motion.rotations[:, j]
        rotations.append(own if j else R.multiply(own, turns))
    rests = np.tile(R.IDENTITY, (len(names), 1))
    skeleton = Skeleton(tuple(names), np.array(parents), np.array(offsets), rests)
    made = Motion(skeleton, motion.times, motion.root_positions, np.stack(rotations, axis=1))
    assert apart(made, motion) < 1e-4
    assert apart(read(made), motion) < 0.5


@few
@given(seeds)
def test_a_skeleton_may_begin_at_any_joint(seed: int) -> None:
    motion = upright(seed)
    there = rerooted(motion, BONES.index("head"))
    at = places(there)
    assert max(np.abs(at[b] - p).max() for b, p in places(motion).items()) < 1e-9
    assert there.skeleton.names[0] == "head"


@few
@given(seeds)
def test_a_motion_from_the_head_down_is_read(seed: int) -> None:
    motion = upright(seed)
    assert apart(read(rerooted(motion, BONES.index("head"))), motion) < 0.5


def test_nothing_is_written_into_a_skeleton_that_begins_at_the_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "vr.bvh"
    joints = "head neck chest spine hips"
    text = "HIERARCHY\n"
    for depth, name in enumerate(joints.split()):
        text += f"{'JOINT' if depth else 'ROOT'} {name} {{ OFFSET 0 {-20 if depth else 0} 0\n"
        text += f"CHANNELS {3 if depth else 6} "
        text += "" if depth else "Xposition Yposition Zposition "
        text += "Zrotation Xrotation Yrotation\n"
    for side, x in (("left", 10), ("right", -10)):
        for depth, name in enumerate(("UpperLeg", "LowerLeg", "Foot", "Toes")):
            offset = (f"{x} 0 0", "0 -40 1", "0 -40 -1", "0 -8 12")[depth]
            text += f"JOINT {side}{name} {{ OFFSET {offset}\n"
            text += "CHANNELS 3 Zrotation Xrotation Yrotation\n"
        text += "End Site { OFFSET 0 0 5 } } } } }\n"
    text += "}" * 5 + "\nMOTION\nFrames: 2\nFrame Time: 0.1\n" + ("0 " * 42 + "\n") * 2
    path.write_text(text)
    with pytest.warns(UserWarning, match="part of a body"):
        motion = load_motion(path)
    assert motion.duration == pytest.approx(0.1)
    from mocap.formats import save
    from mocap.retargeting import retarget
    from mocap.rig.load import load_rig

    rig = load_rig(path)
    with pytest.raises(InputError, match="begins at 'head'"):
        save(tmp_path / "out.bvh", retarget(motion, rig), rig)


@few
@given(seeds, st.sampled_from([(1, -90), (1, 90), (1, 180), (2, 180)]), st.booleans())
def test_the_rest_of_a_vrma_may_lie_or_face_backwards(
    tmp_path_factory: pytest.TempPathFactory, seed: int, turn: tuple[int, int], lifted: bool
) -> None:
    """The whole file may be in that frame, or the animation may lift the body out of it."""
    motion = upright(seed)
    axis, angle = turn
    q = R.from_axis_angle(np.eye(3)[axis - 1], np.radians(angle))
    _, world = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    world = R.multiply(world if lifted else R.multiply(q, world), R.conjugate(q))
    local = kinematics.local_rotations(motion.skeleton, world)
    root = motion.root_positions if lifted else R.apply(q, motion.root_positions)
    document, binary = glb.split(vrma.dumps(replace(motion, rotations=local, root_positions=root)))
    for node in document["nodes"]:
        if node["name"] in BONES:
            node["translation"] = R.apply(q, np.array(node["translation"])).tolist()
    path = tmp_path_factory.mktemp("vrma") / "made.vrma"
    path.write_bytes(glb.join(json.loads(json.dumps(document)), bytes(binary)))
    found = load_motion(path)
    at, true = places(found), places(motion)
    # A rest that faces backwards may face either way: heading is free.
    ours, theirs = (
        np.concatenate([R.normalize(p[b] - p[a]) for a, b in LINES], axis=0) for p in (at, true)
    )
    spin = R.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.pi)
    assert min(float(degrees_between(ours, t).max()) for t in (theirs, R.apply(spin, theirs))) < 0.5


@pytest.mark.parametrize(("pitch", "legs"), [(90.0, 0.0), (-90.0, 0.0), (-90.0, 80.0), (0.0, 0.0)])
def test_a_body_that_lies_for_the_whole_take_stays_on_the_ground(pitch: float, legs: float) -> None:
    """Prone, supine, supine with raised legs, and standing."""
    frames = 40
    rotations = np.tile(R.IDENTITY, (frames, len(BONES), 1))
    rotations[:, 0] = R.from_rotation_vector(np.radians([pitch, 0.0, 0.0]))
    raised = np.radians(legs) * (0.6 + 0.4 * np.sin(np.linspace(0.0, 6.0, frames)))
    turns = R.from_rotation_vector(-raised[:, None] * [1.0, 0.0, 0.0])
    for side, sign in (("left", -1.0), ("right", 1.0)):
        rotations[:, BONES.index(f"{side}UpperLeg")] = turns
        rotations[:, BONES.index(f"{side}UpperArm")] = R.from_rotation_vector(
            np.array([0.0, 0.0, 1.3 * sign])
        )
    root = -lowest_skin(HUMANOID, rotations)[:, None] * [0.0, 1.0, 0.0]
    found = read(Motion(HUMANOID, np.arange(frames) / 30.0, root, rotations))
    lowest = found.root_positions[:, 1] + lowest_skin(found.skeleton, found.rotations)
    assert np.abs(lowest).max() < 0.02
    up = R.apply(found.rotations[:, 0], np.array([0.0, 1.0, 0.0]))
    assert np.allclose(up[:, 1], np.cos(np.radians(pitch)), atol=0.02)
