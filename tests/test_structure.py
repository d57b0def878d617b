"""Signatures stay short and prose plain; the lists of exceptions only shrink."""

from __future__ import annotations

import re

import pytest

from tests.benchmarks import structure as tables
from tests.helpers import structure as S
from tests.helpers.places import ROOT, TESTS

# Old words that stay: data of the golden files.
OLD_WORDS = {"tests/data": 2}


TEST_FILES = {str(p.relative_to(ROOT)): p.read_text("utf-8") for p in TESTS.rglob("*.py")}
SOURCES = S.modules(ROOT / "mocap")


def test_functions_take_at_most_seven_parameters():
    """Commands are left out: typer turns their parameters into options."""
    found = {
        f"{module}.{name}"
        for module, source in SOURCES.items()
        if not module.startswith("cli")
        for name in S.long_signatures(source)
    }
    assert found == set(), "use an options dataclass, or split the function"


def test_prose_is_plain():
    counts = tables.by_folder({n: len(S.dialect(t)) for n, t in S.written(ROOT).items()})
    assert {f: n for f, n in counts.items() if n > OLD_WORDS.get(f, 0)} == {}, "write plain English"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("From now on whoever leads goes on.", ["whoever"]),
        ("Nobody is told.", ["Nobody", "is told"]),
        ("The lost are followed no more.", ["are followed no more"]),
        ("The user is shown no more than three lines.", []),
        ("Switch to this source; no-op if it is already active.", []),
    ],
)
def test_old_words_are_found(text, words):
    assert [word for _, word in S.dialect(text)] == words


@pytest.mark.parametrize("name", sorted(TEST_FILES))
def test_tests_import_helpers_and_no_other_tests(name):
    assert S.imported_tests(TEST_FILES[name]) == set(), "move what is shared to tests/helpers"


def test_only_one_file_knows_where_the_repository_lies():
    climbs = re.compile(r"__file__\)[^\n]*\.parent(s\[|\.parent)")
    climbing = {name for name, text in TEST_FILES.items() if climbs.search(text)}
    assert climbing == {"tests/helpers/places.py"}


def test_imports_of_tests_are_found():
    source = (
        "from tests.helpers.places import ROOT\nfrom tests.solve.test_root import walk\n"
        "def f():\n    import tests.browser.conftest\nfrom tests.core import test_motion\n"
        "from .conftest import until\nfrom . import table\n"
    )
    found = {
        "tests.solve.test_root",
        "tests.browser.conftest",
        "tests.core.test_motion",
        "conftest",
    }
    assert S.imported_tests(source) == found


def test_public_functions_are_described():
    """Commands are left out: their docstrings are the help texts, their options have their own."""
    faults = {
        f"{module}.{fault}"
        for module, source in SOURCES.items()
        if not module.startswith("cli")
        for fault in S.docstring_faults(source)
    }
    assert faults == set()


def test_faults_of_docstrings_are_found():
    source = '''"""All this:

And that.
"""
def bare(): ...

class K:
    """A summary that
    is too long.
    """
    def one(self, a, b, c):
        """Short.

        Args:
            a: Of them.
            c: Of them.
        """
        raise InputError("no")

    def _own(self, a, b, c): ...

def named(a):
    """Good.

    Raises:
        InputError: Always.
    """
    raise InputError("no")
'''
    assert S.docstring_faults(source) == [
        "module: the summary is no sentence",
        "bare: no docstring",
        "K: the summary is longer than one line",
        "K.one: Args lacks b",
        "K.one: Raises lacks InputError",
    ]


def test_no_two_classes_share_a_name():
    assert S.repeated_classes(SOURCES) == {}, "name each class after what it holds"


def test_repeated_class_names_are_found():
    sources = {
        "core.a": "class Pose: ...\nclass Motion: ...\n",
        "rig.b": "def f():\n    class Pose: ...\n",
    }
    assert S.repeated_classes(sources) == {"Pose": ["core.a", "rig.b"]}


def test_long_signatures_are_found_at_every_depth():
    source = (
        "def short(a, b, c, d, e, f, g): ...\n"
        "class K:\n"
        "    def __init__(self, a, b, c, d, e, f, g): ...\n"
        "    async def long(self, a, b, c, d, e, f, *, g, h): ...\n"
        "    def outer(self):\n"
        "        def inner(a, b, c, d, e, f, g, h): ...\n"
    )
    assert S.long_signatures(source) == ["K.long", "K.outer.inner"]


def test_long_lines_are_found():
    assert S.long_lines("a " * 50 + "\n" + "b " * 51) == [2]
    assert S.long_lines("a " * 45 + "  # type: ignore[arg-type]\n| " + "cell | " * 20) == []
    assert S.long_lines("https://example.org/" + "a" * 100) == []


def test_rooms_are_counted():
    table = tables.rooms({"core": "", "core.a": "x\n" * 3, "core.b": "x\n" * 5, "errors": "x\n"})
    assert table.rows[0] == ("core", 2, 4.0, 5, 8)
    assert table.rows[-1] == ("all", 3, 3.0, 5, 9)
    assert "errors" in table.note
