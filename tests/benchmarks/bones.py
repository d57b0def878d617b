"""Bones found on each rig, against hand-checked truth: by declaration, by name and by shape."""

from __future__ import annotations

import json
import os
import sys
import warnings
from dataclasses import replace
from pathlib import Path

from mocap.core.rig import Tree
from mocap.core.skeleton import REQUIRED
from mocap.errors import InputError
from mocap.formats import read_tree
from mocap.rig.mapping import map_bones
from tests.helpers.made_rigs import anonymous
from tests.helpers.places import DATA

from .table import Table

_TRUTH = DATA / "rig_truth.json"


def tables(quick: bool) -> list[Table]:
    """One table, a row a rig; none without MOCAP_DATA."""
    folder = os.environ.get("MOCAP_DATA")
    if not folder:
        print("bones: needs MOCAP_DATA", file=sys.stderr)
        return []
    rows = []
    totals = [0, 0, 0, 0, 0]
    for name, truth in json.loads(_TRUTH.read_text("utf-8")).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            tree = read_tree(Path(folder) / name)
        blind, order = anonymous(tree, 0)
        named = _right(replace(tree, declared={}), truth, list(range(len(tree.names))), tree)
        shaped = _right(blind, truth, order, tree)
        required = [b for b in REQUIRED if b in truth]
        counts = [
            len(named & truth.keys()),
            len(shaped),
            len(truth),
            sum(b in named for b in required),
            len(required),
        ]
        totals = [a + b for a, b in zip(totals, counts, strict=True)]
        rows.append(_row(Path(name).name, counts))
        if quick and len(rows) == 3:
            break
    rows.append(_row("all", totals))
    title = "Bones found rightly, against hand-checked truth"
    note = (
        "By names: without what a VRM declares. By shape: nodes renamed and reordered at "
        "random, the world turned at random (seed 0)."
    )
    return [
        Table(
            title,
            ("rig", "required, by names", "all, by names", "all, by shape alone"),
            tuple(rows),
            "",
            note,
        )
    ]


def _row(name: str, counts: list[int]) -> tuple[str, str, str, str]:
    named, shaped, of, required, of_required = counts
    return name, f"{required}/{of_required}", f"{named}/{of}", f"{shaped}/{of}"


def _right(
    tree: Tree, truth: dict[str, str | list[str]], order: list[int], original: Tree
) -> set[str]:
    """The bones that are on the truth's nodes; order: each node's index in the original."""
    try:
        found = {b: original.names[order[f.node]] for b, f in map_bones(tree).items()}
    except InputError:
        return set()
    return {
        b
        for b, n in found.items()
        if b in truth and n in (truth[b] if isinstance(truth[b], list) else [truth[b]])
    }
