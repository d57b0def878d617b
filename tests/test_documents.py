"""ARCHITECTURE.md and CONTRIBUTING.md name files, modules and names that exist."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from tests.helpers.places import ROOT
from tests.helpers.structure import MOST_PARAMETERS

PAGES = (ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md")
LONGEST_PAGE = 110
ROOMS = {path.stem for path in (ROOT / "mocap").iterdir()}


def quoted(path: Path) -> set[str]:
    """What stands in backticks on the page."""
    return set(re.findall(r"`([^`\n]+)`", path.read_text("utf-8"))) - {"mocap.v1"}  # the protocol


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_files_that_a_page_names_are_there(path: Path) -> None:
    files = {
        name for name in quoted(path) if re.match(r"(mocap|tests|web|rigs|examples|docs)/", name)
    }
    assert files
    for name in files:
        assert list(ROOT.glob(name.rstrip("/"))), name


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_modules_and_functions_that_a_page_names_are_there(path: Path) -> None:
    for name in quoted(path):
        parts = name.removeprefix("mocap.").split(".")
        named = re.fullmatch(r"\w+(\.\w+)+", name) and not name.endswith(".py")
        if not named or (parts[0] not in ROOMS and len(parts) > 1):
            continue
        found: object = importlib.import_module("mocap")
        for n, part in enumerate(parts):
            if not hasattr(found, part):
                importlib.import_module(".".join(["mocap", *parts[: n + 1]]))
            found = getattr(found, part)


def test_names_that_a_page_places_in_a_file_are_in_it() -> None:
    text = "\n".join(path.read_text("utf-8") for path in PAGES)
    placed = re.findall(r"`(\w+)`(?: \([^)]*\))?\s+in\s+`([\w/]+\.(?:py|ts))`", text)
    assert len(placed) >= 3
    for name, file in placed:
        assert re.search(rf"\b{name}\b", (ROOT / file).read_text("utf-8")), f"{name} in {file}"


def test_a_frame_is_handed_over_at_most_six_times() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    walk = text.split("## Walk 1")[1].split("## Walk 2")[0]
    assert 3 <= len(re.findall(r"^\d\. ", walk, re.MULTILINE)) <= 6


def test_the_rooms_are_those_that_the_test_of_imports_knows() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    table = text.split("## The rooms")[1].split("Around the rooms")[0]
    rooms = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE))))
    ours = {p.stem for p in (ROOT / "mocap").iterdir() if not p.name.startswith(("_", "py."))}
    assert rooms == ours


def test_the_page_is_one_page_and_the_figures_are_right() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    assert len(text.splitlines()) <= LONGEST_PAGE
    words = {7: "seven"}
    assert words[MOST_PARAMETERS] in text
