"""A table of measurements: Markdown for the README, JSON for the next comparison."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

Cell = str | float | tuple[float, ...] | None
"""Words, a number, several numbers (mean / worst), or nothing to say."""


@dataclass(frozen=True)
class Table:
    """title: what was measured, on what. columns: their headings, with units. rows: as many cells
    each; the first few are words.

    yardstick: the row or tool of the same run that the last column's ratios are against, if it has
    any. note: what the reader must know.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    yardstick: str
    note: str = ""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"Each row of {self.title!r} must have {len(self.columns)} cells.")

    def markdown(self, before: Table | None = None) -> str:
        """As Markdown; numbers that were measured before stand behind in brackets."""
        old = (
            {_key(row): row for row in before.rows}
            if before is not None and before.columns == self.columns
            else {}
        )
        grid = [self.columns]
        for row in self.rows:
            was = old.get(_key(row), (None,) * len(row))
            grid.append(
                tuple(_shown(cell, earlier) for cell, earlier in zip(row, was, strict=True))
            )
        # As wide as the widest, so that a terminal shows a table too.
        widths = [max(3, *(len(row[i]) for row in grid)) for i in range(len(self.columns))]
        head, *body = (
            _line(tuple(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
            for row in grid
        )
        lines = [
            f"**{self.title}**",
            "",
            head,
            _line(tuple("-" * width for width in widths)),
            *body,
        ]
        ratios = f"Ratios are against {self.yardstick}, in the same run." if self.yardstick else ""
        return "\n".join([*lines, "", " ".join(filter(None, (self.note, ratios)))])

    def json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def from_json(data: dict[str, Any]) -> Table:
    """The table that `Table.json` made."""

    def cell(value: Any) -> Cell:
        return tuple(value) if isinstance(value, list) else value

    rows = tuple(tuple(cell(value) for value in row) for row in data["rows"])
    return Table(data["title"], tuple(data["columns"]), rows, data["yardstick"], data["note"])


def number(value: float) -> str:
    """Three figures, and no more than three decimals; a whole number as it is."""
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        return "–"
    if value == 0.0:
        return "0"
    if abs(value) < 0.0005:
        return "< 0.001"
    decimals = max(0, min(3, 2 - math.floor(math.log10(abs(value)))))
    return f"{value:.{decimals}f}"


def _text(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return cell
    return " / ".join(number(value) for value in cell) if isinstance(cell, tuple) else number(cell)


def _shown(cell: Cell, earlier: Cell) -> str:
    return (
        _text(cell)
        if earlier is None or isinstance(cell, str)
        else f"{_text(cell)} (was {_text(earlier)})"
    )


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def _words(row: tuple[Cell, ...]) -> Iterator[str]:
    return (cell for cell in row if isinstance(cell, str))


def _key(row: tuple[Cell, ...]) -> tuple[str, ...]:
    return tuple(_words(row))
