"""Fuzzing of every reader and every message: inputs tried, failures, seconds a megabyte.

Each kind of input is fuzzed in a process of its own (tests/helpers/fuzzing). An input passes if it
is read, or refused by a MocapError of one short sentence, within 2 s or 1 s a megabyte. Inputs that
fail are kept in tests/data/damaged/, where the tests read them from then on.

All kinds together take 2 minutes, or FUZZ_MINUTES:

    FUZZ_MINUTES=60 make bench BENCH=fuzz

Coverage guides the inputs where atheris is installed (the extra `fuzz`); inputs that reached new
code, and the sums of all runs, are kept in build/fuzz/.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from tests.helpers.fuzzing.campaign import CORPUS, GUIDED
from tests.helpers.fuzzing.seeds import KINDS
from tests.helpers.places import ROOT

from .table import Table

_SUMS = CORPUS / "sums.json"
_START = 60.0  # seconds that a campaign may take to start and to end


def tables(quick: bool) -> list[Table]:
    """Fuzz each kind, and return the figures."""
    minutes = 0.1 if quick else float(os.environ.get("FUZZ_MINUTES", "2"))
    seconds = 60.0 * minutes / len(KINDS)
    sums: dict[str, dict[str, float]] = {}
    if _SUMS.exists():
        sums = json.loads(_SUMS.read_text())
    rows = []
    for kind in KINDS:
        done = _campaign(kind, seconds)
        sums[kind] = _added(sums.get(kind, {}), done, seconds)
        CORPUS.mkdir(parents=True, exist_ok=True)
        _SUMS.write_text(json.dumps(sums, indent=1))
        rows.append((
            kind, done["inputs"], done["deep"], done["reached"] or None, done["worst"],
            len(done["failures"]), sums[kind]["minutes"], int(sums[kind]["inputs"]),
        ))  # fmt: skip
    in_all = [sum(row[i] for row in rows) for i in (1, 2, 5, 6, 7)]
    rows.append(("all", *in_all[:2], None, max(row[4] for row in rows), *in_all[2:]))
    how = "libFuzzer, guided by coverage (atheris)" if GUIDED else "good inputs with damages"
    return [
        Table(
            f"Fuzzing of every reader and message, {minutes:g} minutes",
            ("kind", "inputs", "of these solved too", "reached new code", "worst (s)", "failures",
             "minutes in all", "inputs in all"),
            tuple(rows),
            "",
            f"Inputs: {how}.",
        )
    ]  # fmt: skip


def _campaign(kind: str, seconds: float) -> dict[str, Any]:
    """Fuzz a kind, and return its figures (campaign.Figures)."""
    command = [sys.executable, "-m", "tests.helpers.fuzzing.campaign", kind, f"{seconds:.1f}"]
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=10 * seconds + _START
    )
    *said, figures = ran.stdout.strip().splitlines() or [""]
    print("\n".join(said), file=sys.stderr, flush=True)
    if ran.returncode != 0:
        raise RuntimeError(f"Fuzzing {kind} ended with {ran.returncode}: {ran.stderr[-2000:]}")
    read: dict[str, Any] = json.loads(figures)
    return read


def _added(before: dict[str, float], done: dict[str, Any], seconds: float) -> dict[str, float]:
    return {
        "minutes": before.get("minutes", 0.0) + seconds / 60.0,
        "inputs": before.get("inputs", 0) + done["inputs"],
    }
