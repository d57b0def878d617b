"""Compares what two checkouts write: the same ten inputs through the command line of each.

    MOCAP_DATA=... python -m tests.benchmarks.compare OTHER_CHECKOUT [NAME ...]

Prints a line a case: equal to the byte, or how the files differ. Exit status 1 if any differ.
Both checkouts need their `.venv` (`make assets`).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.places import ROOT


@dataclass(frozen=True)
class Case:
    """A command: its arguments, with {data}, {rigs} and {out} filled in, and the file it writes."""

    name: str
    arguments: str
    output: str

    def command(self, checkout: Path, data: Path, out: Path) -> list[str]:
        """Returns the command of a checkout that writes the case's output into `out`."""
        places = {"data": data, "rigs": checkout / "rigs", "out": out}
        return [
            str(checkout / ".venv/bin/mocap"),
            *(part.format(**places) for part in self.arguments.split()),
            "-o",
            str(out / self.output),
        ]


# Later cases may read what earlier ones wrote ({out}).
CASES = (
    Case("video, keypoints", "detect {rigs}/demo.mp4 --model lite", "demo.json"),
    Case("keypoints, BVH", "bake {out}/demo.json", "demo.bvh"),
    Case("keypoints, mannequin", "bake {out}/demo.json --fps 30", "demo.glb"),
    Case("keypoints, VRM animation", "bake {out}/demo.json --no-refine", "demo.vrma"),
    Case("photograph, mannequin", "bake {data}/images/tfjs_pose.jpg", "photograph.glb"),
    Case("take, BVH", "bake {data}/footage/clean_and_jerk.json --height 1.8", "lift.bvh"),
    Case("desk take, VRM", "bake {data}/footage/desk_thumb_up.json", "desk.vrm"),
    Case(
        "BVH onto a VRM",
        "retarget {out}/demo.bvh --rig {data}/rigs/vrm/saturday06_Example.vrm",
        "example.vrm",
    ),
    Case(
        "game character's own animation, BVH",
        "retarget {data}/rigs/kaykit_cc0/Knight.glb --names unity",
        "knight.bvh",
    ),
    Case(
        "keypoints onto a robot",
        "bake {out}/demo.json --rig {data}/rigs/threejs/RobotExpressive.glb",
        "robot.glb",
    ),
    Case("bone map", "rigs map {data}/rigs/misc/CesiumMan.glb", "map.json"),
)


def difference(here: Path, there: Path) -> str:
    """Says how two files differ; empty if they are equal to the byte."""
    if not (here.exists() and there.exists()):
        if not here.exists() and not there.exists():
            return "neither wrote it"
        return f"only {'this' if here.exists() else 'the other'} checkout wrote it"
    a, b = here.read_bytes(), there.read_bytes()
    if a == b:
        return ""
    first = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(b))
    return f"differ from byte {first}: {len(a)} and {len(b)} bytes"


def main() -> None:
    """Runs the cases named, or all of them, in both checkouts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("names", nargs="*", help="cases to run; all by default")
    options = parser.parse_args()
    data = os.environ.get("MOCAP_DATA")
    if not data:
        sys.exit("Set MOCAP_DATA to the folder of recordings.")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        outs = {ROOT: Path(folder) / "this", options.other.resolve(): Path(folder) / "other"}
        for out in outs.values():
            out.mkdir()
        for case in CASES:
            if options.names and case.name not in options.names:
                continue
            for checkout, out in outs.items():
                command = case.command(checkout, Path(data), out)
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    print(f"  {checkout.name}: {done.stderr.strip().splitlines()[-1:]}")
            said = difference(*(out / case.output for out in outs.values()))
            failed |= bool(said)
            print(f"{case.name:40} {said or 'equal'}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
