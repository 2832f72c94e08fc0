"""What each node of a tree predicts."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.trees.nodes import Ints, NodeTable, read_lexeme
from headrace.formats.pmml.xml import malformed


class Scores:
    """What each node predicts: a number, or a label with probabilities."""

    def __init__(self, nodes: NodeTable, info: ModelInfo, single: bool) -> None:
        self.nodes = nodes
        self.single = single
        self.classifies = info.is_classification
        self.labels: list[str] = []
        self.codes: Ints = np.empty(0, dtype=np.int32)
        self.numbers: npt.NDArray[np.floating] = np.empty(0)
        self.probabilities: Floats | None = None
        self.counts: Floats | None = None
        self.confidences: Floats | None = None
        if self.classifies:
            self._read_classes(info)
        else:
            self._read_numbers()

    def _read_numbers(self) -> None:
        nodes = self.nodes
        bad = np.flatnonzero((nodes.score_code >= 0) & np.isnan(nodes.score))
        if len(bad):
            text = nodes.texts[nodes.score_code[bad[0]]]
            raise malformed(nodes.element, f"the score {text!r} (line {nodes.line[bad[0]]}) is not a number")
        numbers = np.append(nodes.score, np.nan)
        self.numbers = numbers.astype(np.float32) if self.single else numbers

    def _read_classes(self, info: ModelInfo) -> None:
        nodes = self.nodes
        index: dict[str, int] = {}
        for label in [*(info.target_values or ()), *nodes.labels]:
            index.setdefault(label, len(index))
        if len(nodes.dist_label):
            self._read_distributions(index)
        codes = np.full(len(nodes) + 1, -1, dtype=np.int32)
        codes[:-1] = _index_scores(nodes, index)
        self.labels = list(index)
        if self.probabilities is not None:
            missing = (codes < 0) & ~np.isnan(self.probabilities).any(axis=1)
            codes[missing] = self.probabilities[missing].argmax(axis=1)
            self.probabilities = _widen(self.probabilities, len(index))
            self.confidences = None if self.confidences is None else _widen(self.confidences, len(index))
            self.counts = None if self.counts is None else _widen(self.counts, len(index))
        self.codes = codes

    def _read_distributions(self, index: dict[str, int]) -> None:
        """Make the matrices of record counts, probabilities and confidences: a row a node, the last one for none."""
        nodes = self.nodes
        places = np.array([index[label] for label in nodes.labels], dtype=np.intp)[nodes.dist_label]
        owner = np.repeat(np.arange(len(nodes)), np.diff(nodes.dist_start))
        counts = np.zeros((len(nodes) + 1, len(index)))
        counts[owner, places] = np.nan_to_num(nodes.dist_recordCount) if len(nodes.dist_recordCount) else 0.0
        bare = np.append(np.diff(nodes.dist_start) == 0, True)
        with np.errstate(invalid="ignore"):
            probabilities = counts / counts.sum(axis=1, keepdims=True)
        if len(nodes.dist_probability):
            given = ~np.isnan(nodes.dist_probability)
            probabilities[np.unique(owner[given])] = 0.0
            probabilities[owner[given], places[given]] = nodes.dist_probability[given]
        probabilities[bare] = np.nan
        counts[bare] = np.nan
        self.counts, self.probabilities = counts, probabilities
        if len(nodes.dist_confidence):
            confidences = np.where(bare[:, None], np.nan, 0.0) + np.zeros_like(probabilities)
            confidences[owner, places] = np.nan_to_num(nodes.dist_confidence)
            self.confidences = confidences

    @cached_property
    def ids(self) -> list[str]:
        """The nodes' ids; a node without one has its number, counted from 1 in the order of the document."""
        nodes = self.nodes
        numbers = _number_nodes(nodes)
        lexemes = zip(nodes.id.tolist(), nodes.id_code.tolist(), numbers.tolist(), strict=True)
        return [read_lexeme(number, code, nodes.texts) or str(place) for number, code, place in lexemes]


def _index_scores(nodes: NodeTable, index: dict[str, int]) -> list[int]:
    """Return the place of each node's score among the labels (-1: it has none); new labels are added."""
    known: dict[tuple[float, int], int] = {}
    codes = []
    for key in zip(np.nan_to_num(nodes.score).tolist(), nodes.score_code.tolist(), strict=True):
        code = known.get(key)
        if code is None:
            text = read_lexeme(*key, nodes.texts)
            code = known[key] = -1 if text is None else index.setdefault(text, len(index))
        codes.append(code)
    return codes


def _number_nodes(nodes: NodeTable) -> Ints:
    """Return each node's number in the order of the document, from 1."""
    numbers = np.zeros(len(nodes), dtype=np.int32)
    stack, number = [0], 0
    while stack:
        node = stack.pop()
        number += 1
        numbers[node] = number
        first = int(nodes.first[node])
        stack.extend(range(first + int(nodes.count[node]) - 1, first - 1, -1))
    return numbers


def _widen(matrix: Floats, width: int) -> Floats:
    """Append columns for labels that only scores name: no record of a distribution has them."""
    if matrix.shape[1] == width:
        return matrix
    added = np.where(np.isnan(matrix[:, :1]), np.nan, 0.0)
    return np.hstack([matrix, np.repeat(added, width - matrix.shape[1], axis=1)])
