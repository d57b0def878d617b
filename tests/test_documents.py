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
    """Return the words in backticks on the page."""
    return set(re.findall(r"`([^`\n]+)`", path.read_text("utf-8"))) - {"mocap.v1"}  # the protocol


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_files_named_on_a_page_exist(path: Path) -> None:
    files = {
        name for name in quoted(path) if re.match(r"(mocap|tests|web|rigs|examples|docs)/", name)
    }
    assert files
    for name in files:
        assert list(ROOT.glob(name.rstrip("/"))), name


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_modules_and_functions_named_on_a_page_exist(path: Path) -> None:
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


def test_names_are_in_the_files_that_a_page_gives() -> None:
    text = "\n".join(path.read_text("utf-8") for path in PAGES)
    placed = re.findall(r"`(\w+)`(?: \([^)]*\))?\s+in\s+`([\w/]+\.(?:py|ts))`", text)
    assert len(placed) >= 3
    for name, file in placed:
        assert re.search(rf"\b{name}\b", (ROOT / file).read_text("utf-8")), f"{name} in {file}"


def test_a_frame_has_at_most_six_hand_overs() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    walk = text.split("## Walk 1")[1].split("## Walk 2")[0]
    assert 3 <= len(re.findall(r"^\d\. ", walk, re.MULTILINE)) <= 6


def test_the_listed_rooms_match_the_import_layers() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    table = text.split("## The rooms")[1].split("Around the rooms")[0]
    rooms = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE))))
    ours = {p.stem for p in (ROOT / "mocap").iterdir() if not p.name.startswith(("_", "py."))}
    assert rooms == ours


def test_architecture_is_short_and_its_figures_are_right() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    assert len(text.splitlines()) <= LONGEST_PAGE
    words = {7: "seven"}
    assert words[MOST_PARAMETERS] in text
