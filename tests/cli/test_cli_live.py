"""`mocap live` and `mocap demo` as a user runs them."""

from __future__ import annotations

import re
import signal
import socket
import threading
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer

from mocap import assets, formats
from mocap.core.keypoints import Keypoints
from tests.helpers.command import address, started


def test_live_serves_the_page_takes_the_next_port_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with started(
            "live",
            "--video",
            assets.path("demo/demo.mp4"),
            "--no-open",
            "--port",
            port,
            cwd=tmp_path,
        ) as process:
            assert process.stdout
            assert f"Port {port} is taken" in process.stdout.readline()
            url = address(process)
            assert f":{port}/" not in url
            with urllib.request.urlopen(url, timeout=60) as page:
                assert b"<title>" in page.read()
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_demo_prints_the_address_and_what_to_try_next(tmp_path: Path) -> None:
    with started("demo", "--no-open", "--port", 0, cwd=tmp_path) as process:
        assert process.stdout
        first = process.stdout.readline() + process.stdout.readline()
        assert "mocap bake" in first
        assert address(process).startswith("http://127.0.0.1:")


def test_a_live_session_is_recorded_and_sent_by_vmc(tmp_path: Path) -> None:
    heard, dispatcher = threading.Event(), Dispatcher()
    dispatcher.map(
        "/VMC/Ext/Bone/Pos",
        lambda _, bone, *values: heard.set() if bone == "Hips" and values[1] > 0.5 else None,
    )
    with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher) as receiver:
        listening = threading.Thread(target=receiver.serve_forever)
        listening.start()
        clip, port = assets.path("demo/demo.mp4"), receiver.server_address[1]
        wanted = (
            "live",
            "--video",
            clip,
            "--no-open",
            "--port",
            0,
            "--record",
            "take.jsonl",
            "--vmc",
            f"127.0.0.1:{port}",
        )
        with started(*wanted, cwd=tmp_path) as process:
            assert heard.wait(60.0), "no hips at their height came by VMC"
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        receiver.shutdown()
        listening.join()
    assert "Traceback" not in err
    assert re.search(r"take\.jsonl: \d+ frames", out)
    take = formats.load(tmp_path / "take.jsonl")
    assert isinstance(take, Keypoints)
    assert np.isfinite(take.positions).all(axis=(1, 2)).any()


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--record", "x.mp4", "must end in .jsonl"),
        ("--record", "there.jsonl", "exists already"),
        ("--vmc", "host:zero", "from 1 to 65535"),
    ],
)
def test_live_refuses_bad_vmc_addresses_and_record_paths_at_once(
    run, tmp_path: Path, option: str, value: str, says: str
) -> None:
    (tmp_path / "there.jsonl").write_text("mine")
    status, _, err = run(
        "live", "--video", assets.path("demo/demo.mp4"), "--no-open", option, value
    )
    assert status == 2
    assert says in err
    assert (tmp_path / "there.jsonl").read_text() == "mine"
