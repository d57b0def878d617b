"""Fuzzes one kind of input for some seconds, in a process of its own.

    python -m tests.helpers.fuzzing.campaign KIND SECONDS

prints each input that fails, keeps it in tests/data/damaged/, and ends with a line of figures as
JSON. Where atheris is installed, libFuzzer chooses inputs that reach new code; otherwise inputs are
good ones with random damages. Inputs that reached new code are kept in build/fuzz/, where the next
run goes on.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import sys
import time
from dataclasses import asdict, dataclass, field

import numpy as np

from tests.helpers.places import ROOT

LARGEST = 2**16
"""Bytes of the largest input that libFuzzer makes; good inputs may be larger."""

GUIDED = importlib.util.find_spec("atheris") is not None
CORPUS = ROOT / "build" / "fuzz"


@dataclass
class Figures:
    """What a campaign did.

    Attributes:
        kind: The kind of input.
        inputs: How many were read.
        deep: How many of them were also solved or retargeted.
        failures: Names of the inputs that failed, one for each place in the code.
        worst: The longest time of one input, seconds.
        reached: Inputs that reached new code, of all campaigns so far; 0 without atheris.
    """

    kind: str
    inputs: int = 0
    deep: int = 0
    failures: list[str] = field(default_factory=list)
    worst: float = 0.0
    reached: int = 0


class Campaign:
    """Tries inputs until its time is over; it solves what it reads half of the time.

    Args:
        kind: The kind of input.
        seconds: How long.
    """

    def __init__(self, kind: str, seconds: float) -> None:
        from tests.helpers.fuzzing.targets import problem

        self.figures = Figures(kind)
        self._problem = problem
        self._end = time.monotonic() + seconds
        self._known: set[str] = set()
        self._spent = [0.0, 0.0]  # seconds of reading and of solving

    @property
    def over(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() > self._end

    def attempt(self, data: bytes) -> None:
        """Read one input, and keep it if it fails."""
        deep = self._spent[1] <= self._spent[0]
        begun = time.process_time()
        found = self._problem(self.figures.kind, data, deep)
        took = time.process_time() - begun
        self._spent[deep] += took
        self.figures.inputs += 1
        self.figures.deep += deep
        self.figures.worst = max(self.figures.worst, took)
        if found is not None:
            self._keep(data, found)

    def _keep(self, data: bytes, found: str) -> None:
        lines = found.strip().splitlines()
        where = "time" if len(lines) == 1 else "".join(lines[-3:])
        if where in self._known:
            return
        from tests.helpers.fuzzing.targets import KEPT

        self._known.add(where)
        KEPT.mkdir(exist_ok=True)
        path = KEPT / f"{hashlib.sha256(data).hexdigest()[:10]}{self.figures.kind}"
        path.write_bytes(data)
        self.figures.failures.append(path.name)
        print(f"\n{path.name}\n{found}", flush=True)


def _random(campaign: Campaign, rng: np.random.Generator) -> None:
    from tests.helpers.fuzzing.damage import damaged

    while not campaign.over:
        campaign.attempt(damaged(rng, campaign.figures.kind))


def _guided(kind: str, seconds: float) -> None:
    """Fuzz with libFuzzer, which does not return."""
    import atheris

    with atheris.instrument_imports(include=["mocap"]):
        campaign = Campaign(kind, seconds)
    from tests.helpers.fuzzing.damage import damaged_once
    from tests.helpers.fuzzing.seeds import seeds

    folder = CORPUS / kind.lstrip(".")
    folder.mkdir(parents=True, exist_ok=True)
    for data in seeds()[kind]:
        if len(data) <= LARGEST:
            (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)

    def attempt(data: bytes) -> None:
        if campaign.over:
            campaign.figures.reached = sum(1 for _ in folder.iterdir())
            _end(campaign)
        campaign.attempt(data)

    def mutate(data: bytes, largest: int, seed: int) -> bytes:
        rng = np.random.default_rng(seed)
        if rng.random() < 0.5:
            return bytes(atheris.Mutate(data, largest))
        return damaged_once(rng, kind, data)[:largest]

    options = [f"-max_len={LARGEST}", "-timeout=600", "-verbosity=0", "-print_final_stats=0"]
    atheris.Setup([sys.argv[0], str(folder), *options], attempt, custom_mutator=mutate)
    atheris.Fuzz()


def _end(campaign: Campaign) -> None:
    print(json.dumps(asdict(campaign.figures)), flush=True)
    os._exit(0)


def main() -> None:
    kind, seconds = sys.argv[1], float(sys.argv[2])
    if GUIDED:
        _guided(kind, seconds)
    campaign = Campaign(kind, seconds)
    _random(campaign, np.random.default_rng(time.time_ns() % 2**32))
    _end(campaign)


if __name__ == "__main__":
    main()
