"""The project's structure: rooms, circles, long signatures, old words, long lines.

make bench BENCH=structure
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from tests.helpers import structure as S
from tests.helpers.places import ROOT

from .table import Cell, Table


def rooms(sources: dict[str, str]) -> Table:
    """Files and lengths of each room, loose modules, and the totals that must be 0."""
    packages = {name.split(".")[0] for name in sources if "." in name}
    loose = sorted(name for name in sources if name.split(".")[0] not in packages)
    lengths: dict[str, list[int]] = {}
    for name, source in sources.items():
        if lines := len(source.splitlines()):
            room = "loose modules" if name in loose else S.room_of(name)
            lengths.setdefault(room, []).append(lines)
    rows: list[tuple[Cell, ...]] = [
        (room, len(of), float(median(of)), max(of), sum(of)) for room, of in sorted(lengths.items())
    ]
    every = [n for of in lengths.values() for n in of]
    rows.append(("all", len(every), float(median(every)), max(every), sum(every)))
    note = f"Loose modules: {', '.join(loose)}. Empty __init__ files are not counted."
    columns = ("room of mocap/", "files", "median lines", "most lines", "lines")
    return Table("Rooms", columns, tuple(rows), "", note)


def faults(sources: dict[str, str], texts: dict[str, str]) -> Table:
    """What must be 0, by the folder it is in."""
    signatures = {
        f"mocap/{name.replace('.', '/')}": len(S.long_signatures(source))
        for name, source in sources.items()
        if not name.startswith("cli")
    }
    words = {name: len(S.dialect(text)) for name, text in texts.items()}
    lines = {name: len(S.long_lines(text)) for name, text in texts.items()}
    kinds = [by_folder(counts) for counts in (signatures, words, lines)]
    rows: list[tuple[Cell, ...]] = [
        (folder, *(kind.get(folder, 0) for kind in kinds))
        for folder in sorted({f for kind in kinds for f, count in kind.items() if count})
    ]
    rows.append(("all", *(sum(kind.values()) for kind in kinds)))
    circles = S.circles(sources)
    shown = "; ".join(" → ".join(path) for path in circles) or "none"
    columns = (
        "folder",
        f"functions of more than {S.MOST_PARAMETERS} parameters",
        "words of the old dialect",
        f"lines of more than {S.LONGEST_LINE} characters",
    )
    note = f"Circles between files or rooms: {shown}. Commands' own functions are not counted."
    return Table("What must be 0", columns, tuple(rows), "", note)


def by_folder(counts: dict[str, int]) -> dict[str, int]:
    """Counts by file summed by folder, two levels deep; files at the top stand alone."""
    out: dict[str, int] = {}
    for name, count in counts.items():
        folder = "/".join(name.split("/")[:-1][:2]) or name
        out[folder] = out.get(folder, 0) + count
    return out


def tables(quick: bool = False) -> Iterator[Table]:
    """Both tables."""
    sources = S.modules(ROOT / "mocap")
    yield rooms(sources)
    yield faults(sources, S.written(ROOT))
