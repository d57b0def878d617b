"""Each page of the documentation is in the navigation, and its links lead to files."""

from __future__ import annotations

import re

from tests.helpers.places import ROOT

DOCS = ROOT / "docs"
GENERATED = {"reference/cli.md", "reference/names.md", "reference/architecture.md"}
PAGES = {path.relative_to(DOCS).as_posix(): path for path in DOCS.rglob("*.md")}


def test_the_navigation_lists_each_page_once() -> None:
    entries = re.findall(r"- [^:\n]+: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(entries) == sorted({*PAGES, *GENERATED})


def test_links_lead_to_files_and_headings() -> None:
    for name, path in PAGES.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
            if re.match(r"https?:", target):
                continue
            file, _, anchor = target.partition("#")
            found = (path.parent / file).resolve() if file else path
            assert found.exists() or found.relative_to(DOCS).as_posix() in GENERATED, (name, target)
            if anchor:
                text = re.sub(r"[^\w\s-]", "", found.read_text("utf-8").lower())
                assert anchor.replace("-", " ") in text, (name, target)
