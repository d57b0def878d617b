"""Closed triangle meshes of implicit shapes, by surface nets (Gibson, 1998), and colour lines.

Each lattice cell that the surface crosses gets one vertex, which is moved onto the surface and then
along it for even spacing. As in shapes.py, only operations that every machine rounds alike are
used.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy import ndarray

from rigs.shapes import Shape, gradient, length, project


def surface(
    shape: Shape, low: Sequence[float], high: Sequence[float], cell: float, symmetric: bool = False
) -> tuple[ndarray, ndarray]:
    """Return vertices (N, 3) and triangles (T, 3), counter-clockwise from outside, of a surface
    within the box from low to high.

    If `symmetric`, the shape is its own mirror image at x = 0: only x ≥ 0 is computed and
    reflected, so that the mesh is symmetric too.
    """
    start = np.array(low, dtype=float)
    if symmetric:
        start[0] = -0.5 * cell  # the first column of cells is centred at x = 0
    counts = [int(np.ceil((high[a] - start[a]) / cell)) + 1 for a in range(3)]
    axes = [start[a] + cell * np.arange(counts[a]) for a in range(3)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    values = shape(grid.reshape(-1, 3)).reshape(counts)
    vertices, quads = _surface_nets(_unambiguous(values, symmetric), start, cell)
    middle = (
        np.abs(vertices[:, 0]) < 0.5 * cell if symmetric else np.zeros(len(vertices), dtype=bool)
    )
    vertices = _even_out(shape, vertices, quads, cell, middle)
    vertices[middle, 0] = 0.0
    a, b, c, d = (vertices[quads[:, i]] for i in range(4))
    first = length(c - a) <= length(d - b) + 1e-9
    split = np.where(first[:, None], quads[:, [0, 1, 2, 0, 2, 3]], quads[:, [0, 1, 3, 1, 2, 3]])
    triangles = split.reshape(-1, 3)
    if symmetric:
        vertices, triangles = mirrored_union(vertices, triangles, middle)
    return vertices, triangles


def mirrored_union(
    vertices: ndarray, triangles: ndarray, middle: ndarray
) -> tuple[ndarray, ndarray]:
    """Return a half mesh with its mirror image at x = 0; both share the vertices of the middle."""
    others = np.flatnonzero(~middle)
    image = np.arange(len(vertices))
    image[others] = len(vertices) + np.arange(len(others))
    reflected = vertices[others] * np.array([-1.0, 1.0, 1.0])
    return np.concatenate([vertices, reflected]), np.concatenate(
        [triangles, image[triangles][:, ::-1]]
    )


def _unambiguous(values: ndarray, symmetric: bool) -> ndarray:
    """Return the lattice without faces whose corners' signs alternate, where two sheets would share
    an edge: the nearer gap is filled.
    """
    values = values.copy()
    for _ in range(8):
        filled = False
        for axis in range(3):
            u, v = (axis + 1) % 3, (axis + 2) % 3
            inside = values < 0
            turned = np.moveaxis(inside, (u, v), (0, 1))
            a, b, c, d = turned[:-1, :-1], turned[1:, :-1], turned[1:, 1:], turned[:-1, 1:]
            for i, j, k in np.argwhere((a == c) & (b == d) & (a != b)).tolist():
                corners = []
                for at in ((i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)):
                    corner = [k, k, k]
                    corner[u], corner[v] = at
                    corners.append(tuple(corner))
                nearest = min((n for n in corners if values[n] >= 0), key=lambda n: values[n])
                values[nearest] = -values[nearest] - 1e-9
                filled = True
            if symmetric:
                values[0] = values[1]
        if not filled:
            break
    return values


def _surface_nets(values: ndarray, start: ndarray, cell: float) -> tuple[ndarray, ndarray]:
    """Return naive surface nets: a vertex for each cell with a change of sign, at the mean of its
    edges' crossings, and a quad for each crossed edge.
    """
    nx, ny, nz = (n - 1 for n in values.shape)
    total, count = np.zeros((nx, ny, nz, 3)), np.zeros((nx, ny, nz))
    index = np.stack(
        np.meshgrid(np.arange(nx), np.arange(ny), np.arange(nz), indexing="ij"), axis=-1
    )
    corner = [
        values[i : nx + i, j : ny + j, k : nz + k] for i in (0, 1) for j in (0, 1) for k in (0, 1)
    ]
    for axis, bit in ((0, 4), (1, 2), (2, 1)):
        for low in (c for c in range(8) if not c & bit):
            a, b = corner[low], corner[low | bit]
            crossed = (a < 0) != (b < 0)
            t = np.where(crossed, a / np.where(crossed, a - b, 1.0), 0.0)
            place = [
                np.full(a.shape, float(low >> 2 & 1)),
                np.full(a.shape, float(low >> 1 & 1)),
                np.full(a.shape, float(low & 1)),
            ]
            place[axis] = t
            total += np.where(crossed[..., None], np.stack(place, axis=-1), 0.0)
            count += crossed
    active = count > 0
    number = np.full(active.shape, -1)
    number[active] = np.arange(int(active.sum()))
    vertices = start + cell * (index[active] + total[active] / count[active][:, None])
    quads = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        inside = values < 0
        lower, upper = (
            np.take(inside, np.arange(values.shape[axis] - 1), axis),
            np.take(inside, np.arange(1, values.shape[axis]), axis),
        )
        at = np.argwhere(lower != upper)
        # Edges on the border of the box lack some of their four cells; on the mirror plane's column
        # they belong to the other half.
        at = at[
            (at[:, u] > 0)
            & (at[:, v] > 0)
            & (at[:, u] < number.shape[u])
            & (at[:, v] < number.shape[v])
        ]
        outward = lower[tuple(at.T)]
        ring = []
        for du, dv in ((-1, -1), (0, -1), (0, 0), (-1, 0)):
            where = at.copy()
            where[:, u] += du
            where[:, v] += dv
            ring.append(number[tuple(where.T)])
        quad = np.stack(ring, axis=-1)
        quads.append(np.where(outward[:, None], quad, quad[:, ::-1]))
    return vertices, np.concatenate(quads)


def _even_out(
    shape: Shape, vertices: ndarray, quads: ndarray, cell: float, middle: ndarray, rounds: int = 6
) -> ndarray:
    """Return the vertices moved along the surface towards the means of their neighbours."""
    edges = np.concatenate([quads[:, [i, (i + 1) % 4]] for i in range(4)])
    edges = np.concatenate([edges, edges[:, ::-1]])
    degree = np.bincount(edges[:, 0], minlength=len(vertices)).astype(float)
    vertices = project(shape, vertices, 0.5 * cell)
    for _ in range(rounds):
        vertices[middle, 0] = 0.0
        mean = (
            np.stack(
                [
                    np.bincount(edges[:, 0], vertices[edges[:, 1], i], len(vertices))
                    for i in range(3)
                ],
                axis=-1,
            )
            / degree[:, None]
        )
        normal = gradient(shape, vertices)
        normal /= np.maximum(length(normal), 1e-9)[:, None]
        step = 0.5 * (mean - vertices)
        along = step[:, 0] * normal[:, 0] + step[:, 1] * normal[:, 1] + step[:, 2] * normal[:, 2]
        vertices = project(shape, vertices + step - along[:, None] * normal, 0.5 * cell, rounds=1)
    return project(shape, vertices, 0.25 * cell)


def cut(
    shape: Shape, vertices: ndarray, triangles: ndarray, lines: Sequence[Shape], cell: float
) -> tuple[ndarray, ndarray, ndarray]:
    """Return the mesh cut along the lines where each function of `lines` is zero, so that colours
    meet in clean lines.

    Returns vertices, triangles, and for each triangle and line whether it lies on the positive side
    (T, L). Vertices near a line are moved onto it along the surface; edges that still cross it are
    split.
    """
    pinned = np.zeros(len(vertices), dtype=bool)
    sides = np.zeros((len(vertices), 0))
    for line in lines:
        value = line(vertices)
        direction = _along_surface(shape, line, vertices)
        squared = length(direction) ** 2
        move = -direction * (value / np.maximum(squared, 1e-9))[:, None]
        # No further than a third of the shortest edge, so that no triangle collapses.
        near = (
            (length(move) < 0.33 * _shortest_edges(vertices, triangles))
            & (squared > 0.04)
            & ~pinned
        )
        vertices = np.where(
            near[:, None],
            project(shape, vertices + np.where(near[:, None], move, 0.0), 0.1 * cell, rounds=1),
            vertices,
        )
        value = np.where(near, 0.0, value)
        pinned |= near
        old = len(vertices)
        vertices, triangles, sides = _split(
            vertices, triangles, np.concatenate([sides, value[:, None]], axis=-1)
        )
        vertices[old:] = project(shape, vertices[old:], 0.1 * cell)
        pinned = np.concatenate([pinned, np.ones(len(vertices) - old, dtype=bool)])
    of_corner = sides[triangles]
    return vertices, triangles, of_corner[:, 0] + of_corner[:, 1] + of_corner[:, 2] > 0


def refine(
    shape: Shape, vertices: ndarray, triangles: ndarray, region: Shape, cell: float
) -> tuple[ndarray, ndarray]:
    """Return the mesh with edges halved if both ends are in the region (negative there), for
    details finer than the cells.
    """
    inside = region(vertices) < 0.0
    edges = _edges(triangles)
    halved = edges[inside[edges[:, 0]] & inside[edges[:, 1]]]
    new = {(a, b): len(vertices) + i for i, (a, b) in enumerate(halved.tolist())}
    middles = project(shape, 0.5 * (vertices[halved[:, 0]] + vertices[halved[:, 1]]), 0.25 * cell)
    out = []
    for a, b, c in triangles.tolist():
        ab, bc, ca = (new.get((min(i, j), max(i, j))) for i, j in ((a, b), (b, c), (c, a)))
        # Both ends of an edge are inside or not, so that one edge or all three are halved, never
        # two.
        if ab is not None and bc is not None and ca is not None:
            out += [[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]
        elif ab is not None:
            out += [[a, ab, c], [ab, b, c]]
        elif bc is not None:
            out += [[b, bc, a], [bc, c, a]]
        elif ca is not None:
            out += [[c, ca, b], [ca, a, b]]
        else:
            out.append([a, b, c])
    return np.concatenate([vertices, middles]), np.array(out)


def _shortest_edges(vertices: ndarray, triangles: ndarray) -> ndarray:
    """Return the length of each vertex' shortest edge (N,)."""
    edges = _edges(triangles)
    lengths = length(vertices[edges[:, 0]] - vertices[edges[:, 1]])
    out = np.full(len(vertices), np.inf)
    np.minimum.at(out, edges[:, 0], lengths)
    np.minimum.at(out, edges[:, 1], lengths)
    return out


def _edges(triangles: ndarray) -> ndarray:
    """Return each edge once, (E, 2), the smaller index first."""
    return np.unique(
        np.sort(
            np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]),
            axis=1,
        ),
        axis=0,
    )


def _along_surface(shape: Shape, line: Shape, vertices: ndarray) -> ndarray:
    direction, normal = gradient(line, vertices), gradient(shape, vertices)
    normal /= np.maximum(length(normal), 1e-9)[:, None]
    along = (
        direction[:, 0] * normal[:, 0]
        + direction[:, 1] * normal[:, 1]
        + direction[:, 2] * normal[:, 2]
    )
    return direction - along[:, None] * normal


def _split(
    vertices: ndarray, triangles: ndarray, sides: ndarray
) -> tuple[ndarray, ndarray, ndarray]:
    """Split triangles where the last column of `sides` changes sign; the other columns are
    interpolated at the new vertices.
    """
    value = sides[:, -1]  # a view: what is set to zero here is so in `sides`
    edges = _edges(triangles)
    # A crossing close to a vertex is moved to it, to avoid slivers.
    for first, second in ((edges[:, 0], edges[:, 1]), (edges[:, 1], edges[:, 0])):
        close = (value[first] * value[second] < 0) & (
            np.abs(value[first]) < 0.05 * np.abs(value[second])
        )
        value[first[close]] = 0.0
    crossed = edges[value[edges[:, 0]] * value[edges[:, 1]] < 0]
    t = value[crossed[:, 0]] / (value[crossed[:, 0]] - value[crossed[:, 1]])
    new = {(int(a), int(b)): len(vertices) + i for i, (a, b) in enumerate(crossed)}
    vertices, sides = (
        np.concatenate(
            [
                array,
                array[crossed[:, 0]] + t[:, None] * (array[crossed[:, 1]] - array[crossed[:, 0]]),
            ]
        )
        for array in (vertices, sides)
    )
    sides[len(value) :, -1] = 0.0
    out = []
    for triangle in triangles.tolist():
        ring: list[int] = []
        for a, b in zip(triangle, triangle[1:] + triangle[:1], strict=True):
            ring.append(a)
            if (middle := new.get((min(a, b), max(a, b)))) is not None:
                ring.append(middle)
        if len(ring) == 5:  # the corner on its own side becomes one triangle, the rest two
            alone = next(
                i for i in range(5) if ring[i - 1] >= len(value) and ring[(i + 1) % 5] >= len(value)
            )
            ring = ring[alone:] + ring[:alone]
            out += [
                [ring[0], ring[1], ring[4]],
                [ring[1], ring[2], ring[3]],
                [ring[1], ring[3], ring[4]],
            ]
        elif len(ring) == 4:  # the line passes one corner
            middle_at = next(i for i in range(4) if ring[i] >= len(value))
            ring = ring[middle_at:] + ring[:middle_at]
            out += [[ring[0], ring[1], ring[2]], [ring[0], ring[2], ring[3]]]
        else:
            out.append(ring)
    return vertices, np.array(out), sides
