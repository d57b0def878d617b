"""The tree of exceptions in the docstring matches the classes."""

from __future__ import annotations

import inspect
import re

from mocap import errors


def test_the_documented_tree_lists_every_exception_below_its_parent() -> None:
    drawn: dict[str, str | None] = {}
    stack: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"([│├└─ ]*)(\w+Error)\b", line)
        if not found:
            continue
        depth, name = len(found[1]), found[2]
        stack = [(d, n) for d, n in stack if d < depth]
        drawn[name] = stack[-1][1] if stack else None
        stack.append((depth, name))
    classes = {
        n: c
        for n, c in inspect.getmembers(errors, inspect.isclass)
        if c.__module__ == errors.__name__
    }
    assert drawn == {
        n: None if c is errors.MocapError else c.__base__.__name__ for n, c in classes.items()
    }
