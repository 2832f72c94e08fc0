"""TextIndex: how often a term occurs in a text. Standard: "Transformations", TextIndex, PMML 4.4.

The text is normalized by the tables, then searched. ``localTermWeights`` of the frequency f: itself, 1 for any
(binary), log10(1 + f), or (augmentedNormalizedTermFrequency) half of 1 for any plus f over the frequency of the text's
commonest phrase of as many words. ``x-wordRE`` gives the words themselves in place of what separates them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from headrace.formats.pmml.columns import Column, cast
from headrace.formats.pmml.datatypes import DOUBLE, INTEGER
from headrace.formats.pmml.expressions.compiler import compile_expression as compile_any
from headrace.formats.pmml.expressions.compiler import find_expression
from headrace.formats.pmml.expressions.functions.texts import as_texts, combine
from headrace.formats.pmml.expressions.text_normalization import (
    Search,
    compile_normalization,
    read_search,
)
from headrace.formats.pmml.expressions.text_search import Document
from headrace.formats.pmml.scope import Compute, Context, Scope
from headrace.formats.pmml.xml import Element

WEIGHTS = frozenset({"termFrequency", "binary", "logarithmic", "augmentedNormalizedTermFrequency"})
HITS = frozenset({"allHits", "bestHits"})


def compile_expression(element: Element, scope: Scope) -> Compute:
    """Compile a TextIndex."""
    field = scope.field(element.require("textField"), element)
    weights = element.choice("localTermWeights", WEIGHTS, "termFrequency")
    best = element.choice("countHits", HITS, "allHits") == "bestHits"
    search = read_search(element, Search())
    tables = [compile_normalization(child, search) for child in element.find_all("TextIndexNormalization")]
    term = compile_any(find_expression(element), scope)
    type = INTEGER if weights in ("termFrequency", "binary") else DOUBLE

    def read(text: str) -> Document | str | None:
        normalized = _normalize(tables, text)
        if normalized is None or not search.tokenize:
            return normalized
        return Document(search.tokenizer.split(normalized))

    def compute(context: Context) -> Column:
        known = context.memo.setdefault(element, {})  # shared by all applications of a function that holds the element

        def weigh(text: str, wanted: str) -> str | None:
            if text not in known:
                known[text] = read(text)
            return None if known[text] is None else repr(_weigh(known[text], wanted, search, best, weights))

        return cast(combine([as_texts(context.column(field)), as_texts(term(context))], weigh), type)

    return compute


def _normalize(tables: list[Callable[[str], str | None]], text: str) -> str | None:
    found: str | None = text
    for table in tables:
        if found is not None:
            found = table(found)
    return found


def _weigh(document: Document | str, term: str, search: Search, best: bool, weights: str) -> float:
    if isinstance(document, Document):
        words = [word.text for word in search.tokenizer.split(term)]
        hits = document.find(words, search.distance)
        least = min((hit.distance for hit in hits), default=0)
        count = sum(hit.distance == least for hit in hits) if best else len(hits)
        most = document.count_commonest(len(words)) if weights.startswith("augmented") else 1
    else:
        text, term = (document.lower(), term.lower()) if search.folds else (document, term)
        count = most = text.count(term) if term else 0
    if weights == "binary":
        return float(count > 0)
    if weights == "logarithmic":
        return math.log10(1 + count)
    if weights == "augmentedNormalizedTermFrequency":
        return 0.5 * ((count > 0) + count / most) if most else 0.0
    return float(count)
