"""python -m tests.benchmarks [NAME …] [--quick] [--save FILE] [--compare FILE]

Run the named benchmarks, or all, and print their tables as Markdown. --save writes them as JSON
with a description of the machine; --compare shows the figures of an earlier --save beside the new
ones. --quick takes few samples, to check that everything runs.
"""

from __future__ import annotations

import os

# Costs are measured on one thread; NumPy's libraries read this when they are loaded.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import argparse  # noqa: E402
import importlib  # noqa: E402
import json  # noqa: E402
import platform  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from .table import from_json  # noqa: E402

NAMES = (
    "solver", "accuracy", "stages", "angles", "angles_judge", "footage", "floor", "made",
    "lag", "latency", "stream", "detect",
    "bones", "rigs",
    "hands", "face", "page", "site", "soak", "weight", "structure", "cluster", "crossings",
    "cameras", "speed", "fuzz", "kills", "tfjs",
)  # fmt: skip


def machine() -> str:
    """The processor, its number, and the versions that matter, in a line."""
    info = Path("/proc/cpuinfo")
    models = (
        [
            line.split(":")[1].strip()
            for line in info.read_text().splitlines()
            if line.startswith("model name")
        ]
        if info.exists()
        else []
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{models[0] if models else platform.machine()}, {cores} cores, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all if none"
    )
    parser.add_argument("--quick", action="store_true", help="few samples")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the tables as JSON")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="an earlier --save")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(
            f"no benchmark is named {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}"
        )
    before = {}
    if options.compare is not None:
        saved = json.loads(options.compare.read_text())
        before = {table["title"]: from_json(table) for table in saved["tables"]}
        print(f"In brackets: {saved['machine']}.\n")
    print(f"{machine()}.\n", flush=True)
    done = []
    for name in options.names or NAMES:
        print(f"running {name} …", file=sys.stderr, flush=True)
        for table in importlib.import_module(f".{name}", __package__).tables(options.quick):
            print(table.markdown(before.get(table.title)), end="\n\n", flush=True)
            done.append(table.json())
    if options.save is not None:
        options.save.write_text(
            json.dumps({"machine": machine(), "tables": done}, ensure_ascii=False, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
