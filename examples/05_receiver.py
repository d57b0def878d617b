"""Receive the pose of a running `mocap live` from another program.

    mocap live --video dance.mp4
    python examples/05_receiver.py ws://127.0.0.1:8765/stream

The stream sends the newest frame and keeps at most three unacknowledged ones, so a slow receiver
skips frames instead of falling behind.
"""

import json
import sys

from websockets.sync.client import connect

from mocap.core.skeleton import BONES
from mocap.stream import protocol

with connect(sys.argv[1], subprotocols=["mocap.v1"], compression=None) as stream:
    hello = protocol.decode_server_text(stream.recv())
    names, expressions = hello.skeleton.names, hello.expressions
    for message in stream:
        if isinstance(message, str):
            continue
        kind, stamp = protocol.decode_header(message)
        if kind != protocol.POSE:
            continue
        stream.send(json.dumps({"type": "ack", "frame": stamp.frame}))
        pose = protocol.decode(message, len(names), len(expressions))
        turned = pose.rotations[names.index(BONES[0])]
        print(f"frame {stamp.frame}: root {pose.root.round(2)}, hips {turned.round(2)}", flush=True)
