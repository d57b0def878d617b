"""The check of array shapes in tests: of functions that take or return arrays, often enough."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jaxtyping
from jaxtyping import install_import_hook

# A function is checked in its first calls of each test: a loop calls it with the same shapes.
CHECKED_CALLS = 100

_test = 0


def check_shapes() -> None:
    """From here on, check each function of mocap that is imported against its annotations."""
    jaxtyping.jaxtyped = _sampled(jaxtyping.jaxtyped)
    install_import_hook("mocap", "beartype.beartype")


def begin_test() -> None:
    """Count the calls of each function from zero."""
    global _test
    _test += 1


def _sampled(jaxtyped: Callable[..., Any]) -> Callable[..., Any]:
    def decorator(*, typechecker: Callable[..., Any]) -> Callable[..., Any]:
        check = jaxtyped(typechecker=typechecker)
        return lambda target: check(target) if isinstance(target, type) else _first(check, target)

    return decorator


def _first(check: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, checked in the first calls of each test if it has arrays."""
    if not any("[ndarray" in str(hint) for hint in function.__annotations__.values()):
        return function
    checked = check(function)
    test, calls = -1, 0

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        nonlocal test, calls
        if test != _test:
            test, calls = _test, 0
        calls += 1
        return (checked if calls <= CHECKED_CALLS else function)(*arguments, **named)

    return call
