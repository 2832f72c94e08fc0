"""Several values in one output: a ranked list, written as one text, ``[a, b]``.

Standard: "Output", rank and isMultiValued, PMML 4.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from headrace.formats.pmml.columns import Codes, Texts, encode_texts


def write_list(values: Iterable[str]) -> str:
    """Write values as one text."""
    return f"[{', '.join(values)}]"


def list_texts(ranked: Codes, names: Sequence[str]) -> Texts:
    """Write each row's names, best first, as one text; codes (rows, ranks), -1 none. No name at all is ``[]``."""
    distinct, inverse = np.unique(ranked, axis=0, return_inverse=True)
    texts = encode_texts(write_list(names[code] for code in row if code >= 0) for row in distinct.tolist())
    return Texts(texts.codes[inverse.reshape(-1)], texts.categories)
