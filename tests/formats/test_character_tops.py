"""Which skins are one character, compared with a search of all paths."""

from __future__ import annotations

import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mocap.formats.character_tops import tops

BODY = 6


def path(above: list[int], node: int) -> list[int]:
    """Return a node and the nodes above it, the root first."""
    found = [node]
    while (node := above[node]) >= 0:
        found.append(node)
    return found[::-1]


def searched(skins: list[set[int]], above: list[int]) -> list[int]:
    """Return the characters' highest nodes by comparing all paths."""
    groups: list[set[int]] = []
    for joints in skins:
        kin = set(joints)
        for joint in joints:
            nodes = path(above, joint)
            kin.update(nodes[next(i for i, n in enumerate(nodes) if n in joints) :])
        joined = [g for g in groups if g & kin]
        groups = [g for g in groups if not g & kin] + [set().union(kin, *joined)]
    groups = [g for g in groups if len(g) >= BODY]
    found = []
    for group in groups:
        others = {n for g in groups if g is not group for joint in g for n in path(above, joint)}
        shared = set.intersection(*(set(path(above, joint)) for joint in group))
        own = [n for n in path(above, min(group)) if n in shared and n not in others]
        found += own[:1]
    return sorted(found)


@st.composite
def forests(draw: st.DrawFn) -> tuple[list[set[int]], list[int]]:
    count = draw(st.integers(1, 40))
    order = draw(st.permutations(range(count)))
    above = [-1] * count
    for place in range(1, count):
        # Mostly chains, so that nodes lie between joints.
        back = draw(st.sampled_from([1, 1, 1, 2, 5, 99]))
        above[order[place]] = order[place - back] if back <= place else -1
    nodes = st.integers(0, count - 1)
    return draw(st.lists(st.sets(nodes, max_size=12), max_size=6)), above


@given(forests())
def test_the_tops_are_those_of_a_search(forest: tuple[list[set[int]], list[int]]) -> None:
    skins, above = forest
    assert tops(skins, np.array(above)) == searched([s for s in skins if s], above)


def test_long_chains_take_linear_time() -> None:
    def spent(count: int) -> float:
        skins = [set(range(count)), {0, count - 1}, {count // 2}]
        above = np.arange(-1, count - 1)
        begun = time.thread_time()
        assert tops(skins, above) == [0]
        return time.thread_time() - begun

    spent(10)
    short, long = (min(spent(count) for _ in range(3)) for count in (2_000, 16_000))
    # Eight times the nodes take about eight times as long; quadratic work would take 64 times.
    assert long < 24 * short
