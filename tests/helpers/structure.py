"""The project's structure as data: rooms, imports, signatures, words of the old dialect, long
lines.

The tests guard it (tests/test_imports.py, tests/test_structure.py); `make bench BENCH=structure`
prints it.
"""

from __future__ import annotations

import ast
import builtins
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

MOST_PARAMETERS = 7
LONGEST_LINE = 100
MOST_UNDESCRIBED = 2
DIALECT = re.compile(
    r"\b(whoever|whomever|(?-i:[Nn]obody)|anew|no matter|one's own|told of|tells? of|turned round"
    r"|all over now|(is|are|was|were) \w+ no more(?! than)|(is|are|was|were|be|been|being|not|as) "
    r"told)\b",
    re.IGNORECASE,
)
"""Words that are not plain English here: say what a thing is or does, subject first."""
_WRITTEN = (".py", ".ts", ".md", ".css", ".html", ".toml", ".mjs", "Makefile")
_OWN = ("tests/helpers/structure.py", "tests/test_structure.py")


def modules(package: Path) -> dict[str, str]:
    """Return each module's source by its dotted name below the package.

    The packages' `__init__` files have the names of their folders; the top one is left out.
    """
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        if parts[0] == "assets" and len(parts) > 1:
            continue
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = path.read_text("utf-8")
    return found


@cache
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes below a node except expressions, which hold neither imports nor functions."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield child
            yield from _statements(child)


def imported(source: str, known: Iterable[str]) -> set[str]:
    """Return the modules of `known` that a source imports, at its top or in its functions."""
    names = set(known)
    found = set()
    for node in _statements(_parsed(source)):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "write imports in full"
            wanted = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for dotted in wanted:
            parts = dotted.split(".")
            if parts[0] != "mocap":
                continue
            below = [".".join(parts[1:n]) for n in range(len(parts), 1, -1)]
            found.add(next((name for name in below if name in names), ""))
    return found


def imported_tests(source: str) -> set[str]:
    """Return the test modules and conftests that a source imports."""
    wanted: list[str] = []
    for node in _statements(_parsed(source)):
        if isinstance(node, ast.Import):
            wanted += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            wanted += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    last = {name: name.split(".")[-1] for name in wanted}
    return {
        name
        for name, end in last.items()
        if end == "conftest"
        or (end.startswith("test_") and (name.startswith("tests.") or "." not in name))
    }


def graph(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Return the modules that each module imports; "" stands for the package itself."""
    return {name: imported(source, sources) - {name} for name, source in sources.items()}


def between_files(imports: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return the graph without re-exports of a package's `__init__`, which are no circles."""
    return {m: {t for t in targets if not m.startswith(f"{t}.")} for m, targets in imports.items()}


def room_of(module: str) -> str:
    """Return the room of a module: its folder, or the module itself if it is in none."""
    return "lift.training" if module.startswith("lift.training") else module.split(".")[0]


def between_rooms(imports: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return the graph between rooms, without a room's imports of itself."""
    out: dict[str, set[str]] = {}
    for module, targets in imports.items():
        own = room_of(module)
        out.setdefault(own, set()).update(room_of(t) for t in targets if t and room_of(t) != own)
    return out


def circle(imports: Mapping[str, set[str]]) -> list[str]:
    """Return one circle of the graph as a path that ends where it begins, or nothing."""
    done: set[str] = set()
    path: list[str] = []

    def visit(node: str) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        path.append(node)
        for following in sorted(imports.get(node, ())):
            if found := visit(following):
                return found
        path.pop()
        done.add(node)
        return []

    return next((found for node in sorted(imports) if (found := visit(node))), [])


def circles(sources: Mapping[str, str]) -> list[list[str]]:
    """Return a circle between files and one between rooms, if there are any."""
    imports = graph(sources)
    return [c for c in map(circle, (between_files(imports), between_rooms(imports))) if c]


def long_signatures(source: str) -> list[str]:
    """Return the functions with more than MOST_PARAMETERS parameters, without self and cls.

    Fields of a dataclass do not count: they are named at each call.
    """
    return [name for name, count in _signatures(_parsed(source), "") if count > MOST_PARAMETERS]


def _signatures(node: ast.AST, within: str) -> Iterator[tuple[str, int]]:
    for child in ast.iter_child_nodes(node):
        name = within
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            name = f"{within}.{child.name}".lstrip(".")
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            given = child.args
            every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
            yield name, len([a for a in every if a.arg not in ("self", "cls")])
        if not isinstance(child, ast.expr):
            yield from _signatures(child, name)


def repeated_classes(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """Return class names that several modules define, with those modules."""
    found: dict[str, list[str]] = {}
    for module, source in sources.items():
        for node in ast.walk(_parsed(source)):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(module)
    return {name: modules for name, modules in found.items() if len(modules) > 1}


def docstring_faults(source: str) -> list[str]:
    """Return the faults of a module's docstrings as "name: fault".

    Each docstring has a summary of one line that is a sentence, then a blank line. Public functions
    and classes have a docstring; public functions of more than MOST_UNDESCRIBED parameters describe
    each one under "Args:", and name each mocap error that they raise themselves.
    """
    module = _parsed(source)
    return [*_summary_faults(module, "module"), *_docstring_faults(module, "", True)]


def _summary_faults(node: ast.AST, name: str) -> list[str]:
    """Return the fault of a docstring's first lines, if any."""
    summary, _, rest = (ast.get_docstring(node) or "").partition("\n")
    if rest and not rest.startswith("\n"):
        return [f"{name}: the summary is longer than one line"]
    return [f"{name}: the summary is no sentence"] if summary.endswith(":") else []


def _docstring_faults(node: ast.AST, within: str, public: bool) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        name = f"{within}{child.name}"
        text = ast.get_docstring(child) or ""
        open_ = public and not child.name.startswith("_")
        if open_ and not text:
            yield f"{name}: no docstring"
        yield from _summary_faults(child, name)
        if isinstance(child, ast.ClassDef):
            yield from _docstring_faults(child, f"{name}.", open_)
        elif open_:
            given = child.args
            every = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
            every = [a for a in every if a not in ("self", "cls")]
            if len(every) > MOST_UNDESCRIBED:
                arguments = text.partition("Args:\n")[2]
                lacking = [a for a in every if not re.search(rf"^ *{a}: ", arguments, re.M)]
                if lacking:
                    yield f"{name}: Args lacks {', '.join(lacking)}"
            for error in sorted(_raised(child)):
                if error not in text:
                    yield f"{name}: Raises lacks {error}"


def _raised(function: ast.AST) -> set[str]:
    """Return the names of the mocap errors that a function raises itself."""
    raised = (n.exc for n in ast.walk(function) if isinstance(n, ast.Raise) and n.exc)
    called = (e.func if isinstance(e, ast.Call) else e for e in raised)
    names = {c.id for c in called if isinstance(c, ast.Name)}
    return {n for n in names if n.endswith("Error") and not hasattr(builtins, n)}


def dialect(text: str) -> list[tuple[int, str]]:
    """Return (line, words) of the old dialect in a text."""
    return [
        (number, found.group())
        for number, line in enumerate(text.splitlines(), 1)
        for found in DIALECT.finditer(line)
    ]


def long_lines(text: str) -> list[int]:
    """Return the numbers of the lines longer than LONGEST_LINE characters.

    Not counted: a pragma at the end, rows of Markdown tables, and what cannot be broken (an
    address, encoded data).
    """
    return [n for n, line in enumerate(text.splitlines(), 1) if _too_long(line)]


def _too_long(line: str) -> bool:
    if len(line) <= LONGEST_LINE:
        return False
    written = re.sub(r"\s+# (type: ignore|noqa).*", "", line)
    whole = max((len(word) for word in written.split()), default=0)
    return len(written) > LONGEST_LINE and whole < 60 and not written.startswith("|")


def written(root: Path) -> dict[str, str]:
    """Return the text of each hand-written file of the repository by its path from the root."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return {
        name: (root / name).read_text("utf-8")
        for name in names
        if name.endswith(_WRITTEN) and name not in _OWN and (root / name).is_file()
    }
