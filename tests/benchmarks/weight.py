"""What starting costs: `import numpy`, `import mocap`, `mocap --help`, as ratios in one run.

Each is a process of its own; its processor time counts, from the start of Python to its end, less
that of an empty program. The programs take turns, so that a busy machine disturbs all alike, and
the cheapest of the turns counts.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator

from .table import Table

IMPORT_LIMIT, HELP_LIMIT = 1.6, 2.0
"""The most that `import mocap` and `mocap --help` may take, in units of `import numpy`."""
PROGRAMS = {
    "an empty program": "pass",
    "import numpy": "import numpy",
    "import mocap": "import mocap",
    "mocap --help": (
        "import sys; sys.argv = ['mocap', '--help']\nfrom mocap.cli.main import main\nmain()"
    ),
}


def _children() -> float:
    """Seconds of the processor that ended child processes have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds(turns: int) -> dict[str, float]:
    """The cheapest run of each program, seconds of the processor."""
    cheapest = dict.fromkeys(PROGRAMS, float("inf"))
    for _ in range(turns):
        for name, code in PROGRAMS.items():
            start = _children()
            subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
            cheapest[name] = min(cheapest[name], _children() - start)
    return cheapest


def loaded(code: str, names: tuple[str, ...]) -> str:
    """Which of the named packages a program loads, in words."""
    asked = (
        f"\nfinally:\n import sys; print(*sorted(set({names!r}) & set(sys.modules)), "
        f"file=sys.stderr)"
    )
    body = "\n".join(f" {line}" for line in code.splitlines())
    done = subprocess.run(
        [sys.executable, "-c", f"try:\n{body}{asked}"], capture_output=True, text=True, check=False
    )
    return ", ".join(done.stderr.split()) or "none"


def tables(quick: bool = False) -> Iterator[Table]:
    """One table."""
    cheapest = seconds(2 if quick else 15)
    empty = cheapest.pop("an empty program")
    numpy = cheapest["import numpy"] - empty
    limits = {"import mocap": IMPORT_LIMIT, "mocap --help": HELP_LIMIT}
    heavy = ("cv2", "mediapipe", "websockets", "scipy", "typer", "rich", "jaxtyping")
    rows = tuple(
        (
            name,
            1000.0 * taken,
            (taken - empty) / numpy,
            limits.get(name),
            loaded(PROGRAMS[name], heavy),
        )
        for name, taken in cheapest.items()
    )
    columns = (
        "",
        "processor time of the process, ms",
        "× import numpy",
        "at most",
        "loads, of the heavy ones",
    )
    note = f"Cheapest of the turns; ratios without the {1000.0 * empty:.0f} ms of an empty Python."
    yield Table("What starting costs", columns, rows, "`import numpy`", note)
