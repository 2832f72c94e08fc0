"""Trees laid end to end as one forest, at compile time.

Trees fit if the method adds their results up (sums, means, votes), and if every test is of one field. A small forest
keeps its limits as numbers; a large one, or one that asks for sets, gets the layout of ranks (``kernels.forests``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from headrace.formats.pmml.columns import Bools, Floats
from headrace.formats.pmml.combination import MEANS, SUMS, Combination
from headrace.formats.pmml.kernels.forests import END, MISSING, PLAIN_NODE, RANK_NODE, ROOT, SET
from headrace.formats.pmml.trees.forest import Forest, Layout
from headrace.formats.pmml.trees.matrix import Matrix
from headrace.formats.pmml.trees.nodes import Ints
from headrace.formats.pmml.trees.splits import Splits, split_tree
from headrace.formats.pmml.trees.tree import Tree

PLAIN_NODES = 8192
"""Up to so many nodes a forest is quicker without ranks: its trees stay in the cache as they are."""

Shared = tuple[Floats, Ints]
"""Distinct rows, and for each leaf its place among them."""

_ALWAYS = MISSING - 1
_MAX_CUTS = MISSING - 2


def fuse(
    found: Sequence[Tree], combination: Combination, weights: Sequence[float], names: Sequence[str]
) -> Forest | None:
    """Make a forest of trees; None where one of them, or the method, does not fit.

    The matrix's columns have the order of ``names``, as a batch's columns mostly do; others follow.
    """
    if not (combination.votes or combination.method in (*MEANS, *SUMS)):
        return None
    matrix = _order_fields(found, names)
    splits: list[Splits] = []
    for tree in found:
        fields = tree.matrix.fields
        split = split_tree(tree) if fields is not None else None
        if fields is None or split is None:
            return None
        places = np.array([matrix.add_field(field) for field in fields] or [0], dtype=np.int32)
        split.column = places[split.column]
        splits.append(split)
    labels = _collect_labels(found, combination)
    shares = list(weights) if combination.weighted else [1.0] * len(found)
    payloads: list[Shared] = []
    for tree, split, share in zip(found, splits, shares, strict=True):
        payload = _make_payload(tree, split, labels, combination, share)
        if payload is None:
            return None
        payloads.append(_share_rows(payload))
    layout = _lay_out(splits, payloads, max(len(matrix), 1), sum(shares))
    return None if layout is None else Forest(matrix, layout, labels, combination)


def _order_fields(found: Sequence[Tree], names: Sequence[str]) -> Matrix:
    """Open a matrix of all fields that trees test."""
    order = {name: place for place, name in enumerate(names)}
    fields = dict.fromkeys(field for tree in found for field in tree.matrix.fields or ())
    matrix = Matrix()
    for field in sorted(fields, key=lambda field: order.get(field.name, len(order))):
        matrix.add_field(field)
    return matrix


def _collect_labels(found: Sequence[Tree], combination: Combination) -> list[str]:
    if not combination.info.is_classification:
        return []
    labels = dict.fromkeys(combination.info.target_values)
    for tree in found:
        labels.update(dict.fromkeys(tree.scores.labels))
    return list(labels)


def _make_payload(
    tree: Tree, split: Splits, labels: list[str], combination: Combination, share: float
) -> Floats | None:
    """Return what each leaf adds: a number, or one a class, and at the end its share where there is no prediction."""
    scores = tree.scores
    if scores.classifies != bool(labels):
        return None
    if not labels:
        values = scores.numbers.astype(np.float64)[split.score][:, None]
    else:
        places = [labels.index(label) for label in scores.labels]
        spread = np.zeros((len(scores.codes), len(labels)))
        if combination.votes:
            spread[np.arange(len(spread)), np.array([*places, 0])[scores.codes]] = 1.0
            spread[scores.codes < 0] = np.nan
        elif scores.probabilities is None:
            return None
        else:
            spread[:, places] = scores.probabilities
            spread[np.isnan(scores.probabilities).any(axis=1)] = np.nan
        values = spread[split.score]
    absent: Bools = np.asarray(np.isnan(values).any(axis=1))
    added = np.where(absent[:, None], 0.0, values) * share
    if combination.single:
        added = added.astype(np.float32).astype(np.float64)
    return np.column_stack([added, absent * share])


def _lay_out(splits: list[Splits], payloads: list[Shared], width: int, total: float) -> Layout | None:
    """Lay the trees end to end; None where the ranks would not fit."""
    sizes = [len(split.left) for split in splits]
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
    shifts = np.repeat(first, sizes)
    column = np.concatenate([split.column for split in splits])
    limit = np.concatenate([split.limit for split in splits])
    left = np.concatenate([split.left for split in splits]) + shifts
    ends = np.zeros(len(left), END)
    ends["missing"] = np.concatenate([split.missing for split in splits]) + shifts
    payload, ends["leaf"] = _share_all(payloads)
    roots = np.zeros(len(splits), ROOT)
    roots["node"], roots["depth"] = first, [split.depth for split in splits]
    sets, member_set = _collect_sets(splits, column)
    if not sets and len(left) <= PLAIN_NODES:
        nodes = np.zeros(len(left), PLAIN_NODE)
        nodes["limit"], nodes["column"], nodes["left"] = limit, column, left
        return Layout(nodes, ends, roots, payload, total)
    cuts = _find_cuts(column, limit, sets, width)
    if max(len(sets), width, *(len(values) for values in cuts)) > _MAX_CUTS // 2:
        return None
    nodes = np.zeros(len(left), RANK_NODE)
    nodes["left"], nodes["column"] = left, column + SET * (member_set >= 0)
    nodes["limit"] = np.where(member_set >= 0, member_set, _ALWAYS)
    for place, values in enumerate(cuts):
        at = np.flatnonzero((column == place) & (limit < np.inf))
        nodes["limit"][at] = np.searchsorted(values, limit[at])
    nodes["limit"][left == np.arange(len(left))] = MISSING
    starts = np.cumsum([0, *(len(values) for values in cuts)]).astype(np.int32)
    words = _write_sets(sets, cuts)
    return Layout(nodes, ends, roots, payload, total, np.concatenate(cuts), starts, words)


def _share_all(payloads: list[Shared]) -> Shared:
    """Return the distinct rows of all trees; the rows of all leaves are at no time in memory together."""
    payload, places = _share_rows(np.concatenate([rows for rows, _ in payloads]))
    first = np.cumsum([0, *(len(rows) for rows, _ in payloads)])
    return payload, np.concatenate([places[start + own] for start, (_, own) in zip(first, payloads, strict=False)])


def _share_rows(payload: Floats) -> Shared:
    """Return the distinct rows, and the place of each row among them: leaves that add the same share the cache."""
    rows = np.ascontiguousarray(payload + 0.0).view(np.dtype((np.void, payload.shape[1] * 8))).ravel()
    _, kept, places = np.unique(rows, return_index=True, return_inverse=True)
    return np.ascontiguousarray(payload[kept]), places.astype(np.int32)


Set = tuple[int, tuple[float, ...]]
"""A column, and the values of it that belong."""


def _collect_sets(splits: list[Splits], column: Ints) -> tuple[list[Set], Ints]:
    """Return the sets of all trees, each once, and the number of each node's (-1: it asks for none)."""
    numbers: dict[Set, int] = {}
    member_set = np.concatenate([split.member_set for split in splits])
    start = 0
    for split in splits:
        for node in np.flatnonzero(split.member_set >= 0).tolist():
            members = split.sets[split.member_set[node]]
            member_set[start + node] = numbers.setdefault((int(column[start + node]), members), len(numbers))
        start += len(split.member_set)
    return list(numbers), member_set


def _find_cuts(column: Ints, limit: Floats, sets: list[Set], width: int) -> list[Floats]:
    """Return each column's limits in order; a member of a set is cut off from its neighbours on both sides."""
    found = []
    for place in range(width):
        members = np.array([value for owner, values in sets if owner == place for value in set(values)], np.float64)
        limits = limit[(column == place) & (limit < np.inf)]
        found.append(np.unique(np.concatenate([limits, members, np.nextafter(members, -np.inf)])))
    return found


def _write_sets(sets: list[Set], cuts: list[Floats]) -> npt.NDArray[np.uint64]:
    """Write each set as bits by rank; before them the word at which each begins."""
    words: list[npt.NDArray[np.uint64]] = []
    starts = []
    at = len(sets)
    for column, members in sets:
        starts.append(at)
        bits = np.zeros(len(cuts[column]) // 64 * 64 + 64, dtype=np.uint8)
        bits[np.searchsorted(cuts[column], members)] = 1
        words.append(np.packbits(bits, bitorder="little").view(np.uint64))
        at += len(words[-1])
    return np.concatenate([np.array(starts or [0], dtype=np.uint64), *words])
