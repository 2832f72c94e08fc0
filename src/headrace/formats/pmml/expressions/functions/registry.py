"""The table of built-in functions: a family's module has ``FUNCTIONS``, made by ``table``.

Standard: "Built-in Functions", PMML 4.4.
"""

from __future__ import annotations

from headrace.formats.pmml.expressions.functions import arithmetic, dates, distributions, logic, r_statistics, texts
from headrace.formats.pmml.expressions.functions.builtin import Builtin

FUNCTIONS: dict[str, Builtin] = {
    **arithmetic.FUNCTIONS,
    **logic.FUNCTIONS,
    **texts.FUNCTIONS,
    **dates.FUNCTIONS,
    **distributions.FUNCTIONS,
    **r_statistics.FUNCTIONS,
}
