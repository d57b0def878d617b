"""VMC, received by python-osc and compared in the specification's frame."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_server import BlockingOSCUDPServer
from scipy.spatial.transform import Rotation

from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from mocap.errors import InputError
from mocap.stream import vmc
from tests.helpers.synthetic import random_body


def some_motion(frames: int = 3) -> Motion:
    rng = np.random.default_rng(5)
    rotations = Rotation.random(frames * 55, random_state=7).as_quat().reshape(frames, 55, 4)
    smile = {"happy": np.linspace(0.0, 1.0, frames)}
    return Motion(
        random_body(rng), np.arange(frames) / 30.0, rng.normal(size=(frames, 3)), rotations, smile
    )


def contents(data: bytes) -> list[tuple[str, list]]:
    return [(message.address, list(message.params)) for message in OscBundle(data)]


def test_a_frame_is_one_bundle_in_the_order_of_the_specification() -> None:
    motion = some_motion()
    messages = contents(vmc.bundle(motion, 2))
    assert [a for a, _ in messages] == [
        "/VMC/Ext/OK", "/VMC/Ext/T", "/VMC/Ext/Root/Pos", *["/VMC/Ext/Bone/Pos"] * 55,
        "/VMC/Ext/Blend/Val", "/VMC/Ext/Blend/Apply",
    ]  # fmt: skip
    said = dict(messages)
    assert said["/VMC/Ext/OK"] == [1, 3, 0, 1]
    assert said["/VMC/Ext/T"] == pytest.approx([2 / 30])
    assert said["/VMC/Ext/Blend/Val"] == ["happy", 1.0]
    assert dict(contents(vmc.bundle(motion, seen=False)))["/VMC/Ext/OK"] == [1, 3, 0, 0]


def test_a_left_handed_reader_sees_the_mirrored_world() -> None:
    """A reader with left-handed matrices gets our joint positions with x negated."""
    motion = some_motion()
    bones = {
        values[0]: values[1:]
        for address, values in contents(vmc.bundle(motion, 1))
        if address.endswith("Bone/Pos")
    }
    ours, _ = fk(motion.skeleton, motion.root_positions, motion.rotations)
    world: dict[str, np.ndarray] = {}
    for name, parent in zip(BONES, HUMANOID.parents, strict=True):
        *place, x, y, z, w = bones[vmc.UNITY[name]]
        local = np.eye(4)
        # Unity's quaternions mean the same matrix; only the axes it is read in are left-handed.
        local[:3, :3], local[:3, 3] = Rotation.from_quat([x, y, z, w]).as_matrix(), place
        world[name] = local if parent < 0 else world[BONES[parent]] @ local
    theirs = np.array([world[name][:3, 3] for name in BONES])
    np.testing.assert_allclose(theirs * [-1, 1, 1], ours[1], atol=1e-5)


def test_the_avatars_left_hand_is_at_minus_x_in_unity() -> None:
    rest = Motion(HUMANOID, np.zeros(1), HUMANOID.offsets[:1], HUMANOID.rest_rotations[None])
    bones = {
        values[0]: values[1:]
        for address, values in contents(vmc.bundle(rest))
        if address.endswith("Bone/Pos")
    }
    assert bones["LeftUpperLeg"][0] < -0.05 < 0.05 < bones["RightUpperLeg"][0]


def test_bones_have_unitys_names() -> None:
    assert vmc.UNITY["hips"] == "Hips"
    assert vmc.UNITY["leftThumbMetacarpal"] == "LeftThumbProximal"
    assert vmc.UNITY["rightThumbProximal"] == "RightThumbIntermediate"
    assert vmc.UNITY["rightThumbDistal"] == "RightThumbDistal"
    assert vmc.UNITY["leftIndexProximal"] == "LeftIndexProximal"
    assert len(set(vmc.UNITY.values())) == 55


def test_other_skeletons_are_refused() -> None:
    from mocap.core.skeleton import Skeleton

    one = Skeleton(("Bip01",), np.array([-1]), np.zeros((1, 3)), np.array([[0.0, 0, 0, 1]]))
    with pytest.raises(InputError, match="Bip01"):
        vmc.bundle(Motion(one, np.zeros(1), np.zeros((1, 3)), np.array([[[0.0, 0, 0, 1]]])))


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("192.168.0.7:4000", ("192.168.0.7", 4000)),
        ("studio", ("studio", 39539)),
        (":39540", ("127.0.0.1", 39540)),
        ("[::1]:39540", ("::1", 39540)),
    ],
)
def test_addresses_are_parsed(text: str, means: tuple[str, int]) -> None:
    assert vmc.address(text) == means


@pytest.mark.parametrize("text", ["host:zero", "host:0", "host:99999"])
def test_an_address_with_a_wrong_port_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="from 1 to 65535"):
        vmc.address(text)


def test_an_osc_receiver_hears_it() -> None:
    heard: dict[str, tuple] = {}
    whole = threading.Event()
    dispatcher = Dispatcher()
    dispatcher.map("/VMC/Ext/Bone/Pos", lambda _, name, *values: heard.__setitem__(name, values))
    dispatcher.map("/VMC/Ext/Blend/Apply", lambda *_: whole.set())
    motion = some_motion(1)
    with (
        BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server,
        vmc.Sender("127.0.0.1", server.server_address[1]) as sender,
    ):
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        sender.send(vmc.bundle(motion))
        assert whole.wait(10.0)
        server.shutdown()
        thread.join()
    assert len(heard) == 55
    np.testing.assert_allclose(heard["Hips"][:3], motion.root_positions[0] * [-1, 1, 1], atol=1e-6)


def test_a_missing_receiver_is_harmless() -> None:
    with vmc.Sender("127.0.0.1", 9) as sender:
        for _ in range(5):
            sender.send(vmc.bundle(some_motion(1)))
